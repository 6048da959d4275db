"""ABC notation, one id a character, as folk-rnn reads it (Sturm, Santos, Ben-Tal & Korshunova 2016).

The ids of a tune, joined, are a text that any ABC program reads. One tune has exactly one text here: an accidental is
written only where the key signature, or one written earlier in the bar, makes it needed; bar lines stand where the
metre puts them, and a note over a bar line is tied; lengths are fractions in lowest terms. The grammar admits no other
text, and reading is done by the grammar itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from musiclab.errors import TokenError, require
from musiclab.pitch import key_name, spell
from musiclab.score import Score
from musiclab.tokenizers.base import SPECIAL_WORDS, Grammar, Tokenizer
from musiclab.tokenizers.cells import KEYS, Line, metres_on_grid, read_line, steps_in_bar, write_line
from musiclab.tokenizers.melody import PARTS, TEMPO

LETTERS, ACCIDENTALS = "FCGDAEB", {-1: "_", 0: "=", 1: "^"}  # letters in fifths
CHARACTERS = "\nABCDEFGKLMXabcdefgmz0123456789/:#|-_=^,'"


@dataclass(frozen=True, repr=False)
class ABCText(Tokenizer):
    """Tokenizer of tunes as ABC text; its words are characters.

    The text begins with ``X:1``, ``M:``, ``L:1/8`` and ``K:``, each on a line; then come notes (``^F,3/2``), rests
    (``z2``), ties and bar lines. Accidentals are spelled out after one in the same bar, whatever the octave.

    What it cannot say, and what :meth:`project` puts in its place: all that :class:`~musiclab.tokenizers.Melody`
    cannot say, treated alike.

    Parameters
    ----------
    steps_per_quarter : int
        Finest note, in parts of a quarter; 12 has 16ths and triplets.

    Raises
    ------
    ValueError
        If ``steps_per_quarter`` is not in 1..96.

    References
    ----------
    Sturm, Santos, Ben-Tal and Korshunova (2016), Music transcription modelling and composition using deep learning.

    Notes
    -----
    Notebook: 02_tokens.

    Examples
    --------
    >>> score = Score([(0, 24, 62), (24, 48, 65), (72, 8, 66), (80, 40, 79)], keys=[(0, 2)])
    >>> tok = ABCText()
    >>> print("".join(tok.words(tok.encode(score))))
    X:1
    M:4/4
    L:1/8
    K:D
    D2=F4^F2/3g4/3-|g2
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    steps_per_quarter: int = 12

    def __post_init__(self) -> None:
        require(1 <= self.steps_per_quarter <= 96, "steps_per_quarter", "in 1..96", self.steps_per_quarter)

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        return (*SPECIAL_WORDS, *CHARACTERS)

    @cached_property
    def headers(self) -> dict[str, tuple[tuple[int, int], tuple[int, str]]]:
        """The metre and key that each header text says."""
        metres = metres_on_grid(self.steps_per_quarter)
        names = {k: key_name(*k).replace(" major", "").replace(" minor", "m") for k in KEYS}
        return {f"X:1\nM:{m[0]}/{m[1]}\nL:1/8\nK:{name}\n": (m, k) for m in metres for k, name in names.items()}

    @cached_property
    def lengths(self) -> list[str]:
        """The text of each length in steps, from 0 to the longest bar's."""
        longest = max(self.steps(metre) for metre, _ in self.headers.values())
        return [_length(Fraction(2 * n, self.steps_per_quarter)) for n in range(longest + 1)]

    def steps(self, metre: tuple[int, int]) -> int:
        """Return the steps in a bar."""
        return steps_in_bar(metre, self.steps_per_quarter)

    def encode(self, score: Score) -> list[int]:
        line = read_line(score, self.steps_per_quarter)
        header = next(text for text, said in self.headers.items() if said == (line.metre, line.key))
        return [self.ids_of_words[char] for char in header + "".join(self._body(line))]

    def _body(self, line: Line) -> Iterator[str]:
        """Yield the text of notes, rests, ties and bar lines."""
        bar, marked = self.steps(line.metre), ""
        bar_line = line.pickup or bar
        for onset, end, pitch in _with_rests(line):
            while onset < end:
                stop = min(end, bar_line)
                name = "z" if pitch is None else _name(pitch, line.key[0], marked)
                yield name + self.lengths[stop - onset]
                marked = _mark(marked, name)
                if stop == bar_line:
                    yield "|" if pitch is None or stop == end else "-|"
                    bar_line, marked = bar_line + bar, ""
                onset = stop

    def project(self, score: Score) -> Score:
        return write_line(read_line(score, self.steps_per_quarter), self.steps_per_quarter, PARTS, TEMPO)

    def _decode(self, ids: np.ndarray) -> Score:
        grammar = _ABCGrammar(self)
        for at, token_id in enumerate(ids.tolist()):
            if self.vocab[token_id] not in grammar.legal():
                self._refuse(repr(self.vocab[token_id]), at, grammar)
            grammar.push(token_id)
        if "EOS" not in grammar.legal():
            self._refuse("the end", len(ids), grammar)
        return write_line(grammar.line(), self.steps_per_quarter, PARTS, TEMPO)

    def _refuse(self, what: str, at: int, grammar: _ABCGrammar) -> None:
        legal = " ".join(word.replace("\n", "a new line") for word in sorted(grammar.legal()))
        raise TokenError(at, what, f"expected one of {legal}")

    def grammar(self) -> Grammar:
        return _ABCGrammar(self)


# --- writing ----------------------------------------------------------------------------------------------------------


def _with_rests(line: Line) -> Iterator[tuple[int, int, int | None]]:
    """Yield (onset, end, pitch) of notes and, with pitch None, of the rests between and after them."""
    now = 0
    for onset, end, pitch in zip(line.onset.tolist(), line.end.tolist(), line.pitch.tolist(), strict=True):
        yield now, onset, None
        yield onset, end, pitch
        now = end
    yield now, line.steps, None


def _length(units: Fraction) -> str:
    """Return a length in eighths: nothing for 1, ``3``, ``/2``, ``3/2``."""
    top = "" if units.numerator == 1 else str(units.numerator)
    return top if units.denominator == 1 else f"{top}/{units.denominator}"


@lru_cache(maxsize=8192)
def _name(pitch: int, fifths: int, marked: str) -> str:
    """Return the ABC name of a pitch in a key, with an accidental if its letter has another one or is marked.

    The twelve names follow one another on the line of fifths, placed around the key so that none has two accidentals.
    """
    letter, sharps, octave = spell(pitch, lowest=min(max(fifths - 3, -8), 1))
    sharps_in_key = (fifths - LETTERS.index(letter) + 6) // 7
    accidental = ACCIDENTALS[sharps] if sharps != sharps_in_key or letter in marked else ""
    return accidental + (letter.lower() if octave > 4 else letter) + "'" * (octave - 5) + "," * (4 - octave)


@lru_cache(maxsize=1024)
def _names(fifths: int, marked: str) -> dict[str, int]:
    """Return the pitch of each name that may stand here."""
    return {_name(pitch, fifths, marked): pitch for pitch in range(128)}


def _mark(marked: str, name: str) -> str:
    """Return the letters that have had an accidental in this bar, in order, after one more note."""
    return "".join(sorted({*marked, name[1].upper()})) if name[0] in "_=^" else marked


# --- reading ----------------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where a tune has come to, between notes."""

    now: int = 0  # steps from the start
    room: int = 0  # steps to the bar line
    marked: str = ""
    rest: bool = False  # a rest ends here, in this bar
    pitch: int | None = None  # the note that ends here
    tie: str = ""  # "-" before the bar line, "|" after it


class _ABCGrammar(Grammar):
    """The one text of each tune, character by character; keeps the notes it has read."""

    def __init__(self, tok: ABCText) -> None:
        self.tok, self.place = tok, _Place()
        self.head = self.name = self.length = ""  # of the header and of the note or rest being written
        self.metre = self.key = self.pickup = None
        self.bars = 0
        self.notes: tuple[tuple[int, int, int], ...] = ()  # onset, end, pitch; a tuple, so that copies cost nothing

    def mask(self) -> np.ndarray:
        mask = np.zeros(len(self.tok.vocab), dtype=bool)
        mask[[self.tok.ids_of_words[word] for word in self.legal()]] = True
        return mask

    def legal(self) -> set[str]:
        """Return the words that may come next."""
        if self.metre is None:
            return _next(self.tok.headers, self.head)
        if not self.name:
            return self._starts(self.place)
        names, lengths = self._names(self.place), self.tok.lengths[1 : self.place.room + 1]
        legal = set() if self.length else _next(names, self.name)
        if self.name in names:
            legal |= _next(lengths, self.length)
            if self.length in lengths:
                legal |= self._starts(self._closed())
        return legal

    def _names(self, place: _Place) -> dict[str, int | None]:
        """Return the names that a note may have here, and the rest's."""
        names = _names(self.key[0], place.marked)
        if place.tie:
            return {name: pitch for name, pitch in names.items() if pitch == place.pitch}
        return names if place.rest else {**names, "z": None}

    def _starts(self, place: _Place) -> set[str]:
        """Return what may begin where a note or a bar line has ended."""
        if place.tie == "-":
            return {"|"}
        bar_line = {"|"} if place.pitch is None else {"|", "-"}
        if not place.room:
            return bar_line
        starts = _next(self._names(place), "")
        if place.now and not place.tie:
            starts |= {"EOS"} if self.bars else {"EOS"} | bar_line  # the first bar line may come early: a pickup
        return starts

    def _closed(self) -> _Place:
        """Return where the tune is after the note or rest being written."""
        steps, pitch = self.tok.lengths.index(self.length, 1), self._names(self.place)[self.name]
        marked = _mark(self.place.marked, self.name)
        return _Place(self.place.now + steps, self.place.room - steps, marked, pitch is None, pitch)

    def _close(self) -> None:
        """Keep the note being written, if any."""
        if not self.name:
            return
        before, self.place = self.place, self._closed()
        if self.place.pitch is not None:
            earlier, onset = (self.notes[:-1], self.notes[-1][0]) if before.tie else (self.notes, before.now)
            self.notes = (*earlier, (onset, self.place.now, self.place.pitch))
        self.name = self.length = ""

    def push(self, token_id: int) -> None:
        char = self.tok.vocab[token_id]
        if self.metre is None:
            self.head += char
            if self.head in self.tok.headers:
                self.metre, self.key = self.tok.headers[self.head]
                self.place = _Place(room=self.tok.steps(self.metre))
        elif self.name and char in "0123456789/":
            self.length += char
        elif self.name and char in _next(self._names(self.place), self.name):
            self.name += char
        else:
            self._close()
            self._begin(char)

    def _begin(self, char: str) -> None:
        place = self.place
        if char == "-":
            self.place = place._replace(tie="-")
        elif char == "|":
            if not self.bars and place.room:
                self.pickup = place.now
            self.bars += 1
            tied = {"pitch": place.pitch, "tie": "|"} if place.tie else {}
            self.place = _Place(place.now, self.tok.steps(self.metre), **tied)
        else:
            self.name = char

    @property
    def n_bars(self) -> int:
        return self.bars - (self.pickup is not None)

    def line(self) -> Line:
        """Return what has been read, which must be complete."""
        self._close()
        onset, end, pitch = np.array(self.notes, dtype=np.int64).reshape(-1, 3).T
        return Line(self.metre, self.pickup or 0, self.key, onset, end, pitch, np.zeros_like(onset), self.place.now)


def _next(texts: Iterable[str], start: str) -> set[str]:
    """Return the characters that lead from ``start`` on to one of the texts."""
    n = len(start)
    return {text[n] for text in texts if len(text) > n and text.startswith(start)}
