"""Words under the microscope: which notes a word speaks of, and how pairs of words grow into new ones."""

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import groupby, pairwise

import anywidget
import ipywidgets
import traitlets

from musiclab.errors import require
from musiclab.pitch import pitch_name
from musiclab.plots import bar_numbers
from musiclab.score import Score
from musiclab.tokenizers import BPE, Melody, Tokenizer
from musiclab.tokenizers.explanation import COLORS, explain, kind_of
from musiclab.widgets.display import Pictured, among
from musiclab.widgets.knobs import buttons
from musiclab.widgets.player import page

_SHOWN, _LATEST = 48, 8  # base ids of the first score, and merges, that the merge stepper shows
_COLUMNS, _LEFT = 134, 12  # characters in a line of a picture, and before its first word
_SPAN = """<span style="display:inline-block;margin:2px 4px 2px 0;padding:0 5px;border-radius:4px;white-space:pre;
background:{1}40;border-bottom:2px solid {1};box-shadow:0 0 0 {2}px currentColor">{0}</span>"""
_LINE = """<div style="display:flex;border-top:1px solid #8884;padding:4px 0">
<b style="flex:none;width:90px">{}</b><div>{}</div></div>"""

Chip = tuple[str, str, bool]  # text, colour, whether it stands out


def _chip(word: str, kind: str, marked: bool = False) -> Chip:
    return word.replace("\n", "⏎"), COLORS.get(kind, "#999999"), marked


class _InRows(Pictured):
    """A widget of words in rows, ``_rows``: a name and chips."""

    def _draw(self, figure) -> None:
        ax, line = figure.subplots(), 0
        for name, chips in [(repr(self), []), *self._rows()]:
            column, line = 0, line + 1
            for text, color, marked in [(f"{name:{_LEFT - 2}}", "none", False), *chips]:
                if column + len(text) > _COLUMNS:
                    column, line = _LEFT, line + 1
                box = {"facecolor": color, "alpha": 0.4, "edgecolor": "k" if marked else "none", "pad": 1.5}
                ax.text(column, line, text, family="monospace", size=7, bbox=box)
                column += len(text) + 2
        ax.set(xlim=(0, _COLUMNS), ylim=(line + 0.5, 0.2))
        ax.axis("off")
        figure.set_figheight(0.25 * line + 0.2)


class TokenMicroscope(_InRows, anywidget.AnyWidget):
    """A few bars as words: point at a note and its words light up, point at a word and its notes do.

    Choose the tokenizer above; click to keep a note or a word; or step through notes and words with the arrow keys. The
    notes are those that the words tell, so what a tokenizer loses is missing. A page without a kernel shows a picture.

    Parameters
    ----------
    score : Score
        A few bars.
    toks : sequence of Tokenizer

    Attributes
    ----------
    tok : str
        The tokenizer in sight, one of ``names``.
    note, word : int
        The chosen note or word, counted from 0 in the order of notes and words; -1 for none.
    words : list of str
        The words that light up.
    explanation : Explanation
        The words in sight with their notes.

    Raises
    ------
    ValueError
        If there is no tokenizer, or no such tokenizer, note or word.

    Notes
    -----
    Notebook: 02_tokens.

    Examples
    --------
    >>> scope = TokenMicroscope(Score([(0, 12, 67), (12, 6, 60)]), [Melody()])
    >>> scope.note = 0
    >>> scope.words
    ['Pitch_67', 'Hold']
    """

    _esm = page("dom", "tokens")

    names = traitlets.List().tag(sync=True)
    tok = traitlets.Unicode().tag(sync=True)
    note, word = (traitlets.Int(-1).tag(sync=True) for _ in range(2))
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, score: Score, toks: Sequence[Tokenizer]) -> None:
        require(len(toks) > 0, "toks", "one tokenizer at least", len(toks))
        self._told = {tok.name: explain(tok, score) for tok in toks}
        super().__init__(names=list(self._told), tok=next(iter(self._told)))

    explanation = property(lambda self: self._told[self.tok or self.names[0]])

    @property
    def words(self) -> list[str]:
        links = self.explanation.links
        return [x.word for i, x in enumerate(links) if (i == self.word if self.word >= 0 else self.note in x.notes)]

    @traitlets.validate("tok", "note", "word")
    def _allowed(self, proposal) -> int | str:
        told = self.explanation
        things = {"tok": tuple(self._told), "note": range(-1, len(told.score)), "word": range(-1, len(told.links))}
        return among(proposal, things[proposal.trait.name])

    @traitlets.observe("note", "word")
    def _choose_one(self, change) -> None:
        if change.new >= 0:
            self.set_trait("word" if change.name == "note" else "note", -1)

    @traitlets.observe("tok")
    def _show(self, change) -> None:
        pitches = [self._told[name].score.notes["pitch"].tolist() for name in (change.old or change.new, change.new)]
        self.note = self.note if pitches[0] == pitches[1] else -1  # the same note in other words, if it is there
        told, quarter = self.explanation, self.explanation.score.resolution
        notes = [[on / quarter, long / quarter, p, pitch_name(p)] for on, long, p, *_ in told.score.notes.tolist()]
        links = [[*x[:3], bar] for bar, _, groups in told.rows() for _, some in groups for x in some]
        bars, length = [[on / quarter, number] for on, number in bar_numbers(told.score)], told.score.length / quarter
        self.word, self.view = -1, dict(notes=notes, links=links, bars=bars, length=length, colors=COLORS)

    def __repr__(self) -> str:
        return f"TokenMicroscope({self.tok}, {len(self.explanation.links)} ids, {len(self.explanation.score)} notes)"

    def _rows(self) -> list[tuple[str, list[Chip]]]:
        return [(f"bar {at}", [_chip(*x[:2]) for x in row]) for at, row in groupby(self.view["links"], lambda x: x[3])]


class MergeStepper(_InRows, ipywidgets.VBox):
    """Byte-pair encoding by hand: each step makes the pair of words that most often stand together one word.

    Of pairs as frequent, the first in the order of ids is taken, as ``BPE.train`` does. A page without a kernel shows a
    picture.

    Parameters
    ----------
    scores : sequence of Score
        Where pairs are counted. The first bars of the first are shown.
    base : Tokenizer, optional
        Whose words are merged; ``Melody()`` if none is given.

    Attributes
    ----------
    merges : tuple of pairs of ids
        The merges so far.
    tok : BPE
        The tokenizer with these merges.
    sequences : list of list of int
        The ids of the scores.
    pair, count : pair of ids or None, int
        The pair to be merged next, None if no pair occurs twice, and how often it occurs.
    ids_per_bar : float

    Raises
    ------
    ValueError
        If there is no score.

    Notes
    -----
    Notebook: 02_tokens.

    Examples
    --------
    >>> stepper = MergeStepper([Score([(0, 24, 60), (24, 24, 60)])])
    >>> stepper.tok.words(stepper.pair), stepper.count
    (['Hold', 'Hold'], 4)
    >>> stepper.step()
    >>> len(stepper.sequences[0]), len(stepper.merges)
    (9, 1)
    """

    def __init__(self, scores: Sequence[Score], base: Tokenizer | None = None) -> None:
        require(len(scores) > 0, "scores", "one at least", len(scores))
        self._n_bars, base = max(1, sum(score.n_bars for score in scores)), base or Melody()
        self._ids = [base.encode(score) for score in scores]
        self.buttons = buttons({"Back": self.back, "Step": self.step, "10 steps": lambda: self.step(10)})
        self.page = ipywidgets.HTML()
        super().__init__([ipywidgets.HBox([*self.buttons.values()]), self.page])
        self._set(BPE(base))

    ids_per_bar = property(lambda self: sum(map(len, self.sequences)) / self._n_bars)

    def step(self, steps: int = 1) -> None:
        """Merge the most frequent pair, so many times or until no pair occurs twice."""
        for _ in range(steps if self.pair else 0):
            self._set(self._next)

    def back(self) -> None:
        """Take the last merge back."""
        self._set(BPE(self.tok.base, self.merges[:-1]))

    def _set(self, tok: BPE) -> None:
        self.tok, self.merges, self.sequences = tok, tok.merges, [tok.merge(ids) for ids in self._ids]
        pairs = Counter(pair for ids in self.sequences for pair in pairwise(ids))
        pair, self.count = min(pairs.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
        self.pair = pair if self.count > 1 else None
        self._next = BPE(tok.base, (*tok.merges, self.pair)) if self.pair else tok
        for button, ready in zip(self.buttons.values(), (self.merges, self.pair, self.pair), strict=True):
            button.disabled = not ready
        lines = [
            _LINE.format(name, "".join(_SPAN.format(escape(text), color, 2 * mark) for text, color, mark in chips))
            for name, chips in self._rows()
        ]
        self.page.value = f'<div style="max-width:960px;line-height:1.45"><b>{self!r}</b>{"".join(lines)}</div>'

    def _rows(self) -> list[tuple[str, list[Chip]]]:
        """Return the beginning of the first sequence now and after the next merge, and the latest words."""
        tok, new, pair, first = self.tok, self._next, self.pair or (), self._ids[0][:_SHOWN]
        ids, made = tok.merge(first), sum((tok.pieces[i] for i in pair), ())
        there = {at + j for at, two in enumerate(pairwise(ids)) if two == pair for j in (0, 1)}
        text = "  +  ".join(_short(tok, i)[0] for i in pair) + f": together {self.count} times"
        latest = range(len(tok.base.vocab), len(tok.vocab))[-_LATEST:]
        return [
            ("next", [_chip(text if pair else "no pair occurs twice", "merged")]),
            ("now", [_short(tok, i, at in there) for at, i in enumerate(ids)]),
            ("after", [_short(new, i, new.pieces[i] == made) for i in new.merge(first)]),
            ("new words", [_short(tok, i) for i in latest]),
        ]

    def __repr__(self) -> str:
        sizes = f"{len(self.tok.vocab)} words, {self.ids_per_bar:.1f} ids per bar"
        return f"MergeStepper({self.tok.base.name}, {len(self.merges)} merges, {sizes})"


def _short(tok: BPE, i: int, marked: bool = False) -> Chip:
    """Return the word of an id; in a merged one, runs of a word are counted, as in "Pitch_60 Hold×3"."""
    runs = [(word, len(list(run))) for word, run in groupby(tok.base.words(tok.pieces[i]))]
    text = " ".join(word + (f"×{n}" if n > 1 else "") for word, n in runs)
    return _chip(text, kind_of(text) if len(tok.pieces[i]) == 1 else "merged", marked)
