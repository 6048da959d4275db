"""Attention over the roll: choose a note, and arcs lead to what a head looked at when the model wrote it."""

from dataclasses import replace

import anywidget
import traitlets

from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.plots import bar_numbers, part_color, part_name, plot_attention, strongest
from musiclab.probing import note_steps, trace
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, Tokenizer
from musiclab.widgets.display import Pictured, among
from musiclab.widgets.player import page


class AttentionExplorer(Pictured, anywidget.AnyWidget):
    """A score as a roll: choose a note, and arcs lead to what one head of attention looked at to write it.

    Click a note, or step through the notes of a part with left and right and to other parts with up and down; choose
    layer and head above. Notes of one step of a grid share their arcs. The notes are those that the tokenizer can
    tell. A page without a kernel shows a picture.

    Parameters
    ----------
    model : Model
        One with attention.
    tok : Tokenizer
    score : Score
        Some bars: the memory needed grows with the square of their number.
    layer, head, note : int, optional
        What to show first.

    Attributes
    ----------
    layer, head, note : int
        What is shown; each counted from 0.
    looked_at : tuple of weights, ticks and tick
        How much went to which place, and from where: what ``plot_attention`` draws.

    Raises
    ------
    ValueError
        If the model has no attention, or there is no such layer, head or note.

    Notes
    -----
    Notebook: 08_attention_from_scratch.

    Examples
    --------
    >>> from musiclab.models import Transformer
    >>> from musiclab.tokenizers import Melody
    >>> tune = Score([(0, 6, 60), (6, 6, 62)])
    >>> explorer = AttentionExplorer(Transformer(207, width=8, heads=2), Melody(), tune, head=1)
    >>> explorer.note = 1
    >>> weights, ticks, at = explorer.looked_at
    >>> ticks.tolist(), at, round(float(weights.sum()), 3)
    ([-1, -1, -1, -1, 0], 6, 1.0)
    """

    _esm = page("dom", "attention")

    layer, head, note = (traitlets.Int(0).tag(sync=True) for _ in range(3))
    view, arcs = (traitlets.Dict().tag(sync=True) for _ in range(2))

    def __init__(self, model: Model, tok: Tokenizer, score: Score, **chosen: int) -> None:
        self.score, self._attention = tok.project(score), trace(model, [BOS, *tok.encode(score)]).attention
        require(self._attention is not None, "model", "one with attention", type(model).__name__)
        self._ticks, self._steps = note_steps(model, tok, score)
        score, view = self.score, {"bars": bar_numbers(self.score), "sizes": self._attention.shape[:2]}
        view |= {"notes": score.notes.tolist(), "length": score.length, "resolution": score.resolution}
        view["parts"] = [[part_name(score, i), part_color(i)] for i in range(len(score.parts))]
        super().__init__(view=view, **chosen)
        self._look()

    @property
    def looked_at(self) -> tuple:
        step = self._steps[self.note]
        weights = self._attention[self.layer, self.head, step - 1, :step]
        return weights, self._ticks[:step], int(self.score.notes["onset"][self.note])

    @traitlets.validate("layer", "head", "note")
    def _allowed(self, proposal) -> int:
        layers, heads, *_ = self._attention.shape
        return among(proposal, range({"layer": layers, "head": heads, "note": len(self._steps)}[proposal.trait.name]))

    @traitlets.observe("layer", "head", "note")
    def _look(self, _change=None) -> None:
        self.arcs = {"note": self.note, "rows": strongest(*self.looked_at)}

    def _draw(self, figure) -> None:
        figure.set_figheight(4)
        (weights, ticks, at), title = self.looked_at, f"What head {self.head} of layer {self.layer} looked at"
        plot_attention(weights, ticks, replace(self.score, title=title), at, figure.subplots())
