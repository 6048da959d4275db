"""The hidden-state film: a tune plays, and below it one sees what a network holds in mind."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import traitlets

from musiclab.axes import PALETTE, new_axes
from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.plots import plot_roll
from musiclab.probing import note_steps, trace
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, Tokenizer
from musiclab.tokenizers.explanation import explain
from musiclab.training import token_nll
from musiclab.widgets.display import among
from musiclab.widgets.player import Player, page


def hidden_states(model: Model, tok: Tokenizer, score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Return the ticks at which what the last layer holds changes, shape (T,), and what it holds from there on, (T, D).

    The words before the music are read but left out; of several words at one place the last one counts.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    score : Score
        Ticks are those of ``tok.project(score)``.

    Notes
    -----
    Notebook: 04_recurrent_composer.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> ticks, hidden = hidden_states(GRU(vocab_size=207, width=8), Melody(), Score([(0, 12, 60), (12, 6, 62)]))
    >>> ticks.tolist(), hidden.shape
    ([0, 6, 12], (3, 8))
    """
    hidden, (ticks, _) = trace(model, [BOS, *tok.encode(score)]).hidden, note_steps(model, tok, score)
    last = np.append(ticks[1:] != ticks[:-1], True) & (ticks >= 0)
    return ticks[last], hidden[-1][last]


def note_nll(model: Model, tok: Tokenizer, score: Score) -> np.ndarray:
    """Return how much each note surprises a model, in nats, shape (notes,): over all words that speak of it.

    A word of several notes is shared among them; words of no note, such as rests and bar lines, are left out. Notes
    are counted in ``tok.project(score)``.

    Notes
    -----
    Notebook: 04_recurrent_composer.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> note_nll(GRU(vocab_size=207, width=8), Melody(), Score([(0, 12, 60), (12, 6, 62)])).shape
    (2,)
    """
    told, nats = explain(tok, score), token_nll(model, [tok.sequence(score)])[0]
    surprise = np.zeros(len(told.score))
    for link, nll in zip(told.links, nats[: len(told.links)], strict=True):  # the last one is EOS
        surprise[list(link.notes)] += nll / max(1, len(link.notes))
    return surprise


class HiddenStateFilm(Player):
    """A score that plays, and below it the liveliest units of the last layer: blue below zero, orange above.

    The slowest to change stand on top. Choose a unit from the list, or click its row, to see its curve; a click seeks
    too. The notes are those that the tokenizer can tell. A page without a kernel shows a picture.

    Parameters
    ----------
    model : Model
        One that reads a word, or a row of a grid, at a time.
    tok : Tokenizer
    score : Score
    units : sequence of int, optional
        Which units to show; the 20 liveliest if none are given.

    Attributes
    ----------
    units : list of int
        The units in sight, from the slowest to the fastest.
    unit : int
        The unit whose curve is shown, one of ``units``.
    ticks, hidden : ndarray, shapes (T,) and (T, D)
        What all units of that layer hold, as :func:`hidden_states` returns it.

    Raises
    ------
    ValueError
        If there is no such unit, or the unit chosen is not in sight.

    Notes
    -----
    After Karpathy, Johnson and Fei-Fei (2015), Visualizing and understanding recurrent networks.
    Notebook: 04_recurrent_composer.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> film = HiddenStateFilm(GRU(vocab_size=207, width=8), Melody(), Score([(0, 12, 60), (12, 6, 62)]), units=[1, 5])
    >>> film.unit = 5
    >>> film.hidden[:, film.unit].shape
    (3,)
    """

    _esm = page("player", "film")

    unit = traitlets.Int().tag(sync=True)
    units, rows, edges = (traitlets.List().tag(sync=True) for _ in range(3))

    def __init__(self, model: Model, tok: Tokenizer, score: Score, units: Sequence[int] | None = None) -> None:
        self.ticks, self.hidden = hidden_states(model, tok, score)
        spread, steps = self.hidden.std(axis=0), np.abs(np.diff(self.hidden, axis=0)).sum(axis=0)
        units = np.argsort(-spread, kind="stable")[:20] if units is None else np.asarray(units, dtype=int)
        require(len(units) and {*units} <= {*range(len(spread))}, "units", f"some of 0..{len(spread) - 1}", units)
        units = units[np.argsort(steps[units] / np.maximum(spread[units], 1e-9), kind="stable")].tolist()
        said = replace(tok.project(score), title=score.title, source=score.source)
        rows = self.hidden[:, units].T / max(1, np.abs(self.hidden[:, units]).max())  # tanh keeps to -1..1; others not
        edges = said.seconds([*self.ticks, said.length]).round(4).tolist()
        super().__init__(said, units=units, unit=units[0], rows=rows.astype(float).round(2).tolist(), edges=edges)

    @traitlets.validate("unit")
    def _in_sight(self, proposal) -> int:
        return among(proposal, self.units)

    def _draw(self, figure) -> None:
        """Put the roll and the film on a figure."""
        from matplotlib.colors import LinearSegmentedColormap

        figure.set_figheight(5)
        roll, heat = figure.subplots(2, sharex=True)
        plot_roll(self.score, roll).set_xlabel("")
        colors = LinearSegmentedColormap.from_list("film", [PALETTE[0], "white", PALETTE[1]])
        edges, n = np.append(self.ticks, self.score.length) / self.score.resolution, len(self.units)
        new_axes(heat).pcolormesh(edges, np.arange(n + 1), self.rows, cmap=colors, vmin=-1, vmax=1)
        heat.set_yticks(np.arange(n) + 0.5, self.units, fontsize=min(9, 120 / n))
        heat.set(ylim=(n, 0), xlabel="bar", ylabel="unit")
