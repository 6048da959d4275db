"""ABC notation, one id a character, as folk-rnn reads it (Sturm, Santos, Ben-Tal & Korshunova 2016).

The ids of a tune, joined, are a text that any ABC program reads. One tune has exactly one text here: an accidental is
written only where the key signature, or one written earlier in the bar, makes it needed; bar lines stand where the
metre puts them, and a note over a bar line is tied; lengths are fractions in lowest terms. The grammar admits no other
text, and reading is done by the grammar itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import ClassVar, NamedTuple

import numpy as np

from musiclab.pitch import key_name, spell
from musiclab.score import Score
from musiclab.tokenizers.base import SPECIAL_WORDS, Grammar, Tokenizer
from musiclab.tokenizers.cells import KEYS, Line, OnGrid, steps_in_bar

REST = -1
LETTERS, ACCIDENTALS = "FCGDAEB", {-1: "_", 0: "=", 1: "^"}  # letters in fifths
CHARACTERS = "\nABCDEFGKLMXabcdefgmz0123456789/:#|-_=^,'"


@dataclass(frozen=True, repr=False)
class ABCText(OnGrid, Tokenizer):
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
    vocab: ClassVar = (*SPECIAL_WORDS, *CHARACTERS)

    @cached_property
    def headers(self) -> dict[str, tuple[tuple[int, int], tuple[int, str]]]:
        """The metre and key that each header text says."""
        names = {key: key_name(*key).replace(" major", "").replace(" minor", "m") for key in KEYS}
        return {f"X:1\nM:{m[0]}/{m[1]}\nL:1/8\nK:{names[k]}\n": (m, k) for m in self.metres for k in KEYS}

    @cached_property
    def lengths(self) -> list[str]:
        """The text of each length in steps, from 0 to the longest bar's: nothing for an eighth, ``3``, ``/2``."""
        eighths = (Fraction(2 * n, self.steps_per_quarter) for n in range(max(self.bar_steps) + 1))
        return [re.sub(r"^1(?!\d)", "", str(n)) for n in eighths]

    def encode(self, score: Score) -> list[int]:
        return [self.ids_of_words[char] for text, *_ in self.pieces(self._line(score)) for char in text]

    def pieces(self, line: Line) -> Iterator[tuple[str, str, tuple[int, ...], int]]:
        """Yield the text bit by bit, each with its kind, the note that it speaks of, and its step."""
        yield next(text for text, said in self.headers.items() if said == (line.metre, line.key)), "header", (), 0
        bar, marked = steps_in_bar(line.metre, self.steps_per_quarter), ""
        bar_line, onsets, ends = line.pickup or bar, line.onset.tolist(), line.end.tolist()
        notes = zip(onsets, ends, line.pitch.tolist(), ((i,) for i in range(len(ends))), strict=True)
        rests = ((onset, end, None, ()) for onset, end in zip([0, *ends], [*onsets, line.steps], strict=True))
        for onset, end, pitch, note in sorted([*notes, *rests], key=lambda row: row[:2]):
            while onset < end:
                stop = min(end, bar_line)
                name = _name(pitch, line.key[0], marked) if note else "z"
                yield name, "pitch" if note else "rest", note, onset
                yield self.lengths[stop - onset] + "-" * (bool(note) and stop < end), "length", note, onset
                marked = _mark(marked, name)
                if stop == bar_line:
                    yield "|", "place", (), stop
                    bar_line, marked = bar_line + bar, ""
                onset = stop

    def _decode(self, ids: np.ndarray) -> Score | None:
        grammar = _ABCGrammar(self)
        for token_id in ids.tolist():
            if self.vocab[token_id] not in grammar.legal():
                return None
            grammar.push(token_id)
        return self._score(grammar.line()) if "EOS" in grammar.legal() else None

    def grammar(self) -> Grammar:
        return _ABCGrammar(self)


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


class _Place(NamedTuple):
    """Where a tune has come to, between notes, rests and bar lines."""

    now: int = 0  # steps from the start
    room: int = 0  # steps to the bar line
    marked: str = ""
    last: int | None = None  # the pitch that ends here, or REST; None after a bar line, but for a tie
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
        legal = self.legal()
        return np.array([word in legal for word in self.tok.vocab])

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

    def _names(self, place: _Place) -> dict[str, int]:
        """Return the names that a note may have here, and the rest's."""
        names = _names(self.key[0], place.marked)
        if place.tie:
            return {name: pitch for name, pitch in names.items() if pitch == place.last}
        return names if place.last == REST else {**names, "z": REST}

    def _starts(self, place: _Place) -> set[str]:
        """Return what may begin where a note or a bar line has ended."""
        if place.tie == "-":
            return {"|"}
        bar_line = {"|"} if place.last in (None, REST) else {"|", "-"}
        if not place.room:
            return bar_line
        end = {"EOS"} if self.bars else {"EOS", *bar_line}  # the first bar line may come early: a pickup
        return _next(self._names(place), "") | (end if place.now and not place.tie else set())

    def _closed(self) -> _Place:
        """Return where the tune is after the note or rest being written."""
        steps, last = self.tok.lengths.index(self.length, 1), self._names(self.place)[self.name]
        now, room, marked, *_ = self.place
        return _Place(now + steps, room - steps, _mark(marked, self.name), last)

    def _close(self) -> None:
        """Keep the note being written, if any."""
        if not self.name:
            return
        before, self.place = self.place, self._closed()
        if self.place.last != REST:
            earlier, onset = (self.notes[:-1], self.notes[-1][0]) if before.tie else (self.notes, before.now)
            self.notes = (*earlier, (onset, self.place.now, self.place.last))
        self.name = self.length = ""

    def push(self, token_id: int) -> None:
        char = self.tok.vocab[token_id]
        if self.metre is None:
            self.head += char
            if self.head in self.tok.headers:
                self.metre, self.key = self.tok.headers[self.head]
                self.bar = steps_in_bar(self.metre, self.tok.steps_per_quarter)
                self.place = _Place(room=self.bar)
        elif self.name and char in "0123456789/":
            self.length += char
        elif self.name and char in _next(self._names(self.place), self.name):
            self.name += char
        else:
            self._close()
            now, room, _, last, tie = self.place
            if char == "|":
                self.pickup = now if room and not self.bars else self.pickup
                self.bars += 1
                self.place = _Place(now, self.bar, "", last if tie else None, tie and "|")
            elif char == "-":
                self.place = self.place._replace(tie="-")
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
