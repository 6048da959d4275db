"""The sampling console: how each setting changes what may come next, one id at a time, and a choice by hand."""

from collections.abc import Sequence
from dataclasses import replace

import anywidget
import ipywidgets
import numpy as np
import traitlets

from musiclab.axes import INK, PALETTE, new_axes
from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.sampling import Sampler, next_logits, softmax
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, EOS, Grammar, Tokenizer
from musiclab.tokenizers.cells import CellWords
from musiclab.widgets.display import Pictured
from musiclab.widgets.knobs import Knobs, buttons
from musiclab.widgets.player import Player, page

_SHOWN, _HEADER = 12, 3  # words in sight; words before the first row of a grid
_ORDER = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p")


def filter_stages(
    sampler: Sampler, logits: np.ndarray, seen: Sequence[int] = (), allowed: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the probabilities of the next id, (vocab,), by the model and after each step that changes them, in order.

    Parameters
    ----------
    sampler : Sampler
        Settings that are as usual are left out.
    logits : ndarray, shape (vocab,)
    seen : sequence of int
        The ids so far, for the repetition penalty.
    allowed : ndarray of bool, shape (vocab,), optional
        What a grammar allows.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> stages = filter_stages(Sampler(temperature=0.5, top_k=1), np.log([0.6, 0.3, 0.1]))
    >>> {name: p.round(2).tolist() for name, p in stages.items()}
    {'model': [0.6, 0.3, 0.1], 'temperature 0.5': [0.78, 0.2, 0.02], 'top k 1': [1.0, 0.0, 0.0]}
    """
    stages = {"model": softmax(logits)}
    if allowed is not None:
        logits = np.where(allowed, logits, -np.inf)
        stages["grammar"] = softmax(logits)
    partial = Sampler()
    for name in _ORDER:
        value = getattr(sampler, name)
        if value != getattr(partial, name):
            partial = replace(partial, **{name: value})
            stages[f"{name.replace('_', ' ')} {value:g}"] = partial.probabilities(logits, seen)
    return stages


def next_place(tok: Tokenizer, grammar: Grammar) -> str:
    """Return where the word belongs that a grammar waits for: the bar, and on a grid of parts also part and step."""
    if not isinstance(tok, CellWords):
        return f"bar {grammar.n_bars + 1}"
    row, part = divmod(grammar.pushed - _HEADER, len(tok.parts))
    if row < 0:
        return "header"
    bar, step = divmod(row - grammar.pickup, grammar.bar)
    return f"{tok.parts[part].name}, {f'bar {bar + 1}' if bar >= 0 else 'pickup'}, step {step + 1} of {grammar.bar}"


class StageTable(anywidget.AnyWidget):
    """The likeliest words with their probability after each stage, and their notes on a keyboard; click to choose."""

    _esm = page("dom", "console")

    words, stages = (traitlets.List().tag(sync=True) for _ in range(2))
    said, place = (traitlets.Unicode("").tag(sync=True) for _ in range(2))


class SamplingConsole(Pictured, ipywidgets.VBox):
    """What may come next, word by word: as the model has it, and after each setting; what a stage removes is grey.

    *Step* draws, as generating with this seed would; click a word to choose it yourself; *Back* takes the last one
    back. A page without a kernel shows a picture.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    primer : Score, optional
        What to continue.
    sampler : Sampler, optional
        Where the knobs begin.

    Attributes
    ----------
    sampler : Sampler
        What the knobs say; set it, and they follow.
    ids : list of int
        All so far, those of the primer included.
    score : Score
        What they say, as far as they are whole.
    stages : dict of str to ndarray, shape (vocab,)
        What may come next, as :func:`filter_stages` has it; empty after the end.

    Raises
    ------
    ValueError
        If an id is chosen that the grammar does not allow.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> console = SamplingConsole(GRU(len(Melody().vocab), width=8), Melody(), primer=Score([(0, 24, 60)]))
    >>> console.choose("Pitch_67")
    >>> console.step()
    >>> console.back()
    >>> console.tok.words(console.ids)[-1], [*console.stages]
    ('Pitch_67', ['model', 'grammar'])
    """

    def __init__(
        self, model: Model, tok: Tokenizer, primer: Score | None = None, sampler: Sampler | None = None
    ) -> None:
        self.model, self.tok = model, tok
        begun = [] if primer is None else tok.encode(primer)
        self._primed, self._knobs, self.table = len(begun), Knobs(sampler or Sampler()), StageTable(words=tok.vocab)
        self.player = Player(Score([]))
        self.table.on_msg(lambda _, content, __: self.choose(content["choose"]))
        self.buttons = buttons({"Back": self.back, "Step": self.step, "16 steps": lambda: self.step(16)})
        for slider in self._knobs.sliders.values():
            slider.observe(lambda _: self._weigh(), "value")
        super().__init__([self._knobs, ipywidgets.HBox([*self.buttons.values()]), self.table, self.player])
        self._read(begun)

    sampler = property(lambda self: self._knobs.sampler, lambda self, sampler: setattr(self._knobs, "sampler", sampler))

    def step(self, steps: int = 1) -> None:
        """Draw the next id, or so many, until the end."""
        while steps > 0 and self.stages:
            shape = len(self.ids) - self._primed + 1, len(self._logits)
            luck = np.random.default_rng(self.sampler.seed).gumbel(size=shape)[-1]  # as generating draws it
            allowed = np.where(self._allowed, self._logits, -np.inf)
            drawn = int((self.sampler.filtered(allowed, [BOS, *self.ids]) + luck).argmax())
            self._read([*self.ids, drawn])
            steps -= 1

    def choose(self, word: str | int) -> None:
        """Take this word, or id, next."""
        chosen = self.tok.ids_of_words.get(word, word)
        ok = self.stages and chosen in np.flatnonzero(self._allowed)
        require(ok, "the next word", "one that the grammar allows", repr(word))
        self._read([*self.ids, int(chosen)])

    def back(self) -> None:
        """Take the last id back; those of the primer stay."""
        self._read(self.ids[: max(self._primed, len(self.ids) - 1)])

    def _read(self, ids: list[int]) -> None:
        """Have grammar and model read all ids anew: there is a way back, which their states have not."""
        self.ids, self._grammar, body = ids, self.tok.grammar(), [i for i in ids if i != EOS]
        for i in body:
            self._grammar.push(i)
        self._logits, self._allowed = next_logits(self.model, [BOS, *body]), self._grammar.mask()
        self._weigh()
        whole, title = self.tok.finish(body), f"{len(ids) - self._primed} more words"
        self.score = replace(self.tok.decode(whole), title=title) if whole else Score([], title=title)
        self.player.show(self.score)

    def _weigh(self) -> None:
        ended = self.ids[-1:] == [EOS]
        self.stages = {} if ended else filter_stages(self.sampler, self._logits, [BOS, *self.ids], self._allowed)
        with self.table.hold_sync():
            self.table.said = " ".join(self.tok.words(self.ids[-8:]))
            self.table.place = "" if ended else next_place(self.tok, self._grammar)
            self.table.stages = [[name, p.tolist()] for name, p in self.stages.items()]
        for button, off in zip(self.buttons.values(), (len(self.ids) == self._primed, ended, ended), strict=True):
            button.disabled = off

    def _draw(self, figure) -> None:
        """Draw the words' probabilities, first and last: what was removed is grey."""
        figure.set_figheight(3.2)
        ax, p = new_axes(figure.subplots()), np.array([*self.stages.values()] or [[0.0] * len(self.tok.vocab)])
        best = np.argsort(p.max(axis=0), kind="stable")[-_SHOWN:]
        words = self.tok.words(best)
        ax.barh(words, p[0, best], color=PALETTE[6], height=0.8, label="the model's probability")
        ax.barh(words, p[-1, best], color=PALETTE[0], height=0.45, label="after all settings")
        ax.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
