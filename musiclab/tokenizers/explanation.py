"""What each word of an encoded score says, and of which notes: a table to read in a notebook."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from itertools import count, groupby, islice, pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from musiclab.pitch import pitch_name
from musiclab.score import Score
from musiclab.tokenizers.abc_text import ABCText
from musiclab.tokenizers.base import Tokenizer
from musiclab.tokenizers.bpe import BPE
from musiclab.tokenizers.cells import CellWords
from musiclab.tokenizers.chorale_grid import ChoraleGrid

# Okabe and Ito's colours, one a kind of word; what is not named is grey.
COLORS = {
    "pitch": "#0072B2", "length": "#E69F00", "place": "#009E73", "velocity": "#D55E00", "header": "#CC79A7",
    "part": "#56B4E9", "rest": "#999999", "merged": "#F0E442",
}  # fmt: skip
KINDS = {
    "Pitch PitchDrum NoteOn DrumOn": "pitch", "Hold Duration TimeShift NoteOff DrumOff": "length",
    "Bar Position": "place", "TimeSignature Pickup Key Tempo": "header", "Program": "part",
}  # fmt: skip
STARTS, STOPS = ("Pitch", "PitchDrum", "NoteOn", "DrumOn"), ("NoteOff", "DrumOff")


class Link(NamedTuple):
    """One id: its word, the kind of word, the notes it speaks of (indices into the decoded score), and from when."""

    word: str
    kind: str
    notes: tuple[int, ...]
    tick: int


@dataclass(frozen=True, repr=False)
class Explanation:
    """The words of a score beside its notes; a table in a notebook, lines of text elsewhere.

    Attributes
    ----------
    name : str
        The tokenizer.
    score : Score
        What the words say.
    links : tuple of Link
        One for each id.
    """

    name: str
    score: Score
    links: tuple[Link, ...]

    def rows(self) -> Iterator[tuple[str, str, list[tuple[str, list[Link]]]]]:
        """Yield bar, beat and the words there, grouped by the notes they speak of, named."""
        names = [pitch_name(pitch) for pitch in self.score.notes["pitch"].tolist()]
        for tick, row in groupby(self.links, key=attrgetter("tick")):
            groups = groupby(row, key=attrgetter("notes"))
            yield *_place(self.score, tick), [(" ".join(names[i] for i in notes), [*group]) for notes, group in groups]

    def __repr__(self) -> str:
        lines = [f"{self.name}: {len(self.links)} ids, {len(self.score)} notes", " bar  beat  words"]
        for bar, beat, groups in self.rows():
            texts = ((" ".join(_shown(link.word) for link in group), name) for name, group in groups)
            named = [f"[{text} = {name}]" if name else text for text, name in texts]
            lines.append(f"{bar:>4}  {beat:>4}  {' '.join(named)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        legend = " ".join(_chip(kind, kind) for kind in dict.fromkeys(link.kind for link in self.links))
        rows = ((bar, beat, "".join(_group(*group) for group in groups)) for bar, beat, groups in self.rows())
        body = "".join(f"<tr><td>{bar}</td><td>{beat}</td><td>{chips}</td></tr>" for bar, beat, chips in rows)
        head = f"<b>{escape(self.name)}</b> &middot; {len(self.links)} ids, {len(self.score)} notes"
        return (
            f"<div class='ml-explain'><style>{STYLE}</style><p>{head} &emsp; {legend}</p><div><table>"
            f"<thead><tr><th>Bar</th><th>Beat</th><th>Words and their notes</th></tr></thead><tbody>{body}</tbody>"
            "</table></div></div>"
        )


def explain(tok: Tokenizer, score: Score) -> Explanation:
    """Return the words that a tokenizer writes for a score, each beside the notes it speaks of.

    A row is a place in the score as the words tell it; words of one note stand together, its name under them. For a
    tokenizer of your own that does not write a note as ``Pitch_60`` or ``NoteOn_60`` and what follows it, register a
    function with ``link_words``.

    Parameters
    ----------
    tok : Tokenizer
    score : Score
        A few bars read best: ``score.bars(0, 2)``.

    Notes
    -----
    Notebook: 02_tokens.

    Examples
    --------
    >>> from musiclab.tokenizers import Melody
    >>> explain(Melody(), Score([(0, 12, 67), (24, 6, 60)]))
    Melody: 8 ids, 2 notes
     bar  beat  words
       1     1  TimeSignature_4/4 Pickup_0 Key_C_major [Pitch_67 = G4]
       1  1.25  [Hold = G4]
       1   1.5  Rest
       1  1.75  Rest
       1     2  [Pitch_60 = C4]
    """
    ids = tok.encode(score)
    told = tok.decode(ids)
    return Explanation(tok.name, told, tuple(link_words(tok, ids, told)))


# --- which word speaks of which notes: one function a way of writing --------------------------------------------------


@singledispatch
def link_words(tok: Tokenizer, ids: Sequence[int], score: Score) -> list[Link]:
    """Return a link for each id; here for words that name a pitch, others of the same note after or before them.

    The n-th word that begins a pitch is its n-th note, the n-th that ends it the n-th to end.
    """
    groups: list[list[str]] = []
    for before, word in pairwise(["", *tok.words(ids)]):
        if before.startswith("Program") or word.startswith(("Velocity", "Duration")):
            groups[-1].append(word)
        else:
            groups.append([word])
    onsets, ends = (_by_pitch(score, ticks) for ticks in (score.notes["onset"], score.end))
    links, tick = [], score.length
    for group in reversed(groups):  # a word of no note leads to the next one
        notes = ()
        for name, _, value in (word.partition("_") for word in group):
            if name in STARTS + STOPS:
                tick, *notes = (onsets if name in STARTS else ends)[int(value)].pop()
        links += [Link(word, kind_of(word), tuple(notes), tick) for word in reversed(group)]
    return links[::-1]


def _by_pitch(score: Score, ticks: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """Return tick and index of the notes of each pitch, in order."""
    order = defaultdict(list)
    for tick, i in sorted(zip(ticks.tolist(), count())):
        order[int(score.notes["pitch"][i])].append((tick, i))
    return order


@link_words.register(CellWords)
@link_words.register(ChoraleGrid)
def _link_cells(tok: Tokenizer, ids: Sequence[int], score: Score) -> list[Link]:
    """A cell speaks of the note that sounds in its part on its step."""
    header, parts = 3 if isinstance(tok, CellWords) else 0, len(score.parts)
    steps = (len(ids) - header) // parts
    step = score.length // steps
    notes = np.full((steps, parts), -1)
    for i, (onset, duration, _, _, part) in enumerate(score.notes.tolist()):
        notes[onset // step : (onset + duration) // step, part] = i
    cells = [((i,) if i >= 0 else (), at // parts * step) for at, i in enumerate(notes.ravel().tolist())]
    places = [((), 0)] * header + cells
    return [Link(word, kind_of(word), *place) for word, place in zip(tok.words(ids), places, strict=True)]


@link_words.register
def _link_characters(tok: ABCText, ids: Sequence[int], score: Score) -> list[Link]:
    """The characters of a name, a length and a tie speak of one note; a note over a bar line has two names."""
    ticks = score.resolution // tok.steps_per_quarter
    pieces = tok.pieces(tok._line(score))
    return [Link(char, kind, notes, step * ticks) for text, kind, notes, step in pieces for char in text]


@link_words.register
def _link_merged(tok: BPE, ids: Sequence[int], score: Score) -> list[Link]:
    """A merged word speaks of all the notes that its words speak of."""
    base, links = iter(link_words(tok.base, tok.expand(ids), score)), []
    for word, token_id in zip(tok.words(ids), ids, strict=True):
        parts = list(islice(base, len(tok.pieces[token_id])))
        notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
        links.append(Link(word, parts[0].kind if len(parts) == 1 else "merged", notes, parts[0].tick))
    return links


def kind_of(word: str) -> str:
    """Return the kind of a word: what its name, before the value, is about."""
    name = word.partition("_")[0]
    return next((kind for names, kind in KINDS.items() if name in names.split()), name.lower())


# --- how it looks -----------------------------------------------------------------------------------------------------

# Translucent colours and the page's own ink, so that the table reads on light and dark alike.
STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def _chip(text: str, kind: str) -> str:
    color = COLORS.get(kind, "#999999")
    return f"<span class='w' style='background:{color}40;border-bottom:2px solid {color}'>{escape(text)}</span>"


def _group(name: str, links: list[Link]) -> str:
    chips = "".join(_chip(_shown(link.word), link.kind) for link in links)
    return f"<span class='n'>{chips}<b>{escape(name)}</b></span>" if name else chips


def _shown(word: str) -> str:
    return word.replace("\n", "⏎")


def _place(score: Score, tick: int) -> tuple[str, str]:
    """Return bar and beat as printed: both from 1, the metre's denominator one beat; a pickup ends its bar, 0."""
    onsets = score.bar_onsets
    bar = max(int(np.searchsorted(onsets, tick, "right")) - 1, 0)
    begin = int(onsets[bar]) if len(onsets) else 0
    metre = [ts for ts in score.time_signatures if ts.onset <= tick][-1]
    beat = score.resolution * 4 / metre.denominator
    if score.pickup and bar == 0:
        begin = score.pickup - round(beat * metre.numerator)
    return str(bar + (not score.pickup)), f"{1 + (tick - begin) / beat:.4g}"
