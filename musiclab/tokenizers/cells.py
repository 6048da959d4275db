"""What the schemes on a grid share: parts in steps, and their words, a header and then a cell a part and step.

A cell says what its part does on that step: begins a pitch, holds on to what it began, or rests. The header tells the
metre, the pickup and the key signature, so that a model knows where the bar lines are and a score can be engraved.
"""

from collections.abc import Sequence
from functools import cached_property
from math import lcm
from typing import ClassVar, NamedTuple

import numpy as np

from musiclab.errors import TokenError
from musiclab.pitch import key_name
from musiclab.score import DEFAULT_VELOCITY, NOTE, Key, Part, Score, Tempo, TimeSignature
from musiclab.tokenizers.base import EOS, SPECIAL_WORDS, Grammar

METRES = ((4, 4), (3, 4), (2, 4), (6, 4), (2, 2), (3, 2), (4, 2), (3, 8), (6, 8), (9, 8), (12, 8))
KEYS = tuple((fifths, mode) for mode in ("major", "minor") for fifths in range(-7, 8))
HOLD, REST, PITCH = 4, 5, 6


class Line(NamedTuple):
    """Parts that sing one note at a time: metre, pickup (steps) and key; for each note, sorted by part and onset, its
    onset and end (steps), pitch and part; steps in all."""

    metre: tuple[int, int]
    pickup: int
    key: tuple[int, str]
    onset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    part: np.ndarray
    steps: int


def steps_in_bar(metre: tuple[int, int], steps_per_quarter: int) -> int:
    """Return the whole steps in a bar."""
    return 4 * steps_per_quarter * metre[0] // metre[1]


def metres_on_grid(steps_per_quarter: int) -> tuple[tuple[int, int], ...]:
    """Return the metres whose bars are whole steps."""
    return tuple((n, d) for n, d in METRES if 4 * steps_per_quarter * n % d == 0)


def read_line(score: Score, steps_per_quarter: int, parts: int = 1, pitches: tuple[int, int] = (0, 127)) -> Line:
    """Return the first parts of a score in steps.

    Of the notes of a part that begin together the highest stays, and a later note cuts an earlier one.
    """

    def step(ticks: np.ndarray | int) -> np.ndarray:
        return (2 * steps_per_quarter * np.asarray(ticks, dtype=np.int64) + score.resolution) // (2 * score.resolution)

    n = score.notes
    n = n[(n["part"] < parts) & (n["pitch"] >= pitches[0]) & (n["pitch"] <= pitches[1])]
    onset, pitch, part = step(n["onset"]), n["pitch"].astype(np.int64), n["part"].astype(np.int64)
    end = np.maximum(step(n["onset"].astype(np.int64) + n["duration"]), onset + 1)
    order = np.lexsort([end, pitch, onset, part])
    same = (part[order][1:] == part[order][:-1]) & (onset[order][1:] == onset[order][:-1])
    order = order[np.append(~same, True)[: len(order)]]
    onset, end, pitch, part = onset[order], end[order], pitch[order], part[order]
    following = np.where(part[1:] == part[:-1], onset[1:], np.iinfo(np.int64).max)
    end[:-1] = np.minimum(end[:-1], following)
    steps = max(1, int(step(score.length)), int(end.max(initial=0)))
    metre = score.time_signatures[0][1:]
    metre = metre if metre in metres_on_grid(steps_per_quarter) else (4, 4)
    pickup = int(step(score.pickup)) % steps_in_bar(metre, steps_per_quarter)
    key = score.keys[0][1:] if score.keys else (0, "major")
    return Line(metre, pickup, key, onset, end, pitch, part, steps)


def write_line(line: Line, steps_per_quarter: int, parts: Sequence[Part], tempo: float) -> Score:
    """Return the score of parts in steps."""
    resolution = lcm(24, steps_per_quarter)
    ticks = resolution // steps_per_quarter
    table = np.zeros(len(line.onset), dtype=NOTE)
    table["onset"], table["duration"] = line.onset * ticks, (line.end - line.onset) * ticks
    table["pitch"], table["part"], table["velocity"] = line.pitch, line.part, DEFAULT_VELOCITY
    return Score(
        table, parts=parts, length=line.steps * ticks, resolution=resolution, pickup=line.pickup * ticks,
        time_signatures=[TimeSignature(0, *line.metre)], tempos=[Tempo(0, tempo)], keys=[Key(0, *line.key)],
    )  # fmt: skip


def places(first: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return first, first + 1, ... of each run, ``length`` of them, one run after another.

    Examples
    --------
    >>> places(np.array([0, 10]), np.array([2, 3])).tolist()
    [0, 1, 10, 11, 12]
    """
    return np.repeat(first + length - np.cumsum(length), length) + np.arange(length.sum())


class CellWords:
    """A tokenizer that writes a header and then rows of cells, one a part; not a scheme by itself."""

    parts: ClassVar[tuple[Part, ...]]
    pitches: ClassVar[tuple[int, int]]
    tempo: ClassVar[float]
    steps_per_quarter: int

    @cached_property
    def metres(self) -> tuple[tuple[int, int], ...]:
        """The metres whose bars are whole steps."""
        return metres_on_grid(self.steps_per_quarter)

    @cached_property
    def bar_steps(self) -> list[int]:
        """Steps in a bar of each metre."""
        return [steps_in_bar(metre, self.steps_per_quarter) for metre in self.metres]

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        low, high = self.pitches
        return (
            *SPECIAL_WORDS, "Hold", "Rest",
            *(f"Pitch_{p}" for p in range(low, high + 1)),
            *(f"TimeSignature_{n}/{d}" for n, d in self.metres),
            *(f"Pickup_{s}" for s in range(max(self.bar_steps))),
            *(f"Key_{key_name(*k).replace(' ', '_')}" for k in KEYS),
        )  # fmt: skip

    @cached_property
    def header(self) -> tuple[int, int, int, int]:
        """Where the header's words begin: metres, pickups, keys, and the end."""
        metre = PITCH + self.pitches[1] - self.pitches[0] + 1
        pickup = metre + len(self.metres)
        return metre, pickup, pickup + max(self.bar_steps), len(self.vocab)

    def _line(self, score: Score) -> Line:
        return read_line(score, self.steps_per_quarter, len(self.parts), self.pitches)

    def _score(self, line: Line) -> Score:
        return write_line(line, self.steps_per_quarter, self.parts, self.tempo)

    def encode(self, score: Score) -> list[int]:
        line = self._line(score)
        cells = np.full((len(self.parts), line.steps), REST)
        first, length = line.part * line.steps + line.onset, line.end - line.onset
        cells.ravel()[places(first, length)] = HOLD
        cells.ravel()[first] = PITCH + line.pitch - self.pitches[0]
        metre, pickup, key, _ = self.header
        header = [metre + self.metres.index(line.metre), pickup + line.pickup, key + KEYS.index(line.key)]
        return [*header, *cells.T.ravel().tolist()]

    def project(self, score: Score) -> Score:
        return self._score(self._line(score))

    def _decode(self, ids: np.ndarray) -> Score:
        self._check(ids)
        metre, pickup, key = (ids[:3] - self.header[:3]).tolist()
        cells = ids[3:].reshape(-1, len(self.parts)).T
        steps = cells.shape[1]
        part, onset = np.nonzero(cells >= PITCH)
        edges = np.flatnonzero(np.pad(cells != HOLD, ((0, 0), (0, 1)), constant_values=True))
        end = edges[np.searchsorted(edges, part * (steps + 1) + onset, "right")] - part * (steps + 1)
        pitch = cells[part, onset] - PITCH + self.pitches[0]
        return self._score(Line(self.metres[metre], pickup, KEYS[key], onset, end, pitch, part, steps))

    def _check(self, ids: np.ndarray) -> None:
        """Raise TokenError at the first id that the grammar does not allow."""

        def refuse(at: int, reason: str) -> None:
            word = self.vocab[ids[at]] if at < len(ids) else "the end"
            raise TokenError(at, word, reason)

        for at, what in enumerate(("TimeSignature", "Pickup", "Key")):
            if at >= len(ids) or not self.header[at] <= ids[at] < self.header[at + 1]:
                refuse(at, f"the header needs a {what} word here")
        pickup = int(ids[1]) - self.header[1]
        if pickup >= self.bar_steps[ids[0] - self.header[0]]:
            refuse(1, f"a pickup must be shorter than a bar of {self.vocab[ids[0]]}")
        cells, n = ids[3:], len(self.parts)
        wrong = np.flatnonzero((cells < HOLD) | (cells >= self.header[0]))
        if len(wrong):
            refuse(3 + int(wrong[0]), "a cell must be Hold, Rest or a pitch")
        before = np.concatenate([np.full(n, REST), cells])[: len(cells)]
        wrong = np.flatnonzero((cells == HOLD) & (before == REST))
        if len(wrong):
            refuse(3 + int(wrong[0]), "there is nothing to hold")
        if len(cells) % n or len(cells) < n * max(1, pickup):
            refuse(len(ids), f"steps must be whole and at least {max(1, pickup)}")

    def grammar(self) -> Grammar:
        return _CellGrammar(self)


class _CellGrammar(Grammar):
    """Header, then rows of cells; Hold only where something sounds; EOS between rows, after the pickup."""

    def __init__(self, tok: CellWords) -> None:
        self.tok, self.pushed, self.sounding = tok, 0, [False] * len(tok.parts)
        self.bar = self.pickup = 0

    def mask(self) -> np.ndarray:
        mask, header = np.zeros(len(self.tok.vocab), dtype=bool), self.tok.header
        if self.pushed < 3:
            stop = header[1] + self.bar if self.pushed == 1 else header[self.pushed + 1]
            mask[header[self.pushed] : stop] = True
        else:
            step, part = divmod(self.pushed - 3, len(self.sounding))
            mask[REST : header[0]] = True
            mask[HOLD], mask[EOS] = self.sounding[part], part == 0 and step >= max(1, self.pickup)
        return mask

    def push(self, token_id: int) -> None:
        if self.pushed == 0:
            self.bar = self.tok.bar_steps[token_id - self.tok.header[0]]
        elif self.pushed == 1:
            self.pickup = token_id - self.tok.header[1]
        elif self.pushed >= 3:
            self.sounding[(self.pushed - 3) % len(self.sounding)] = token_id != REST
        self.pushed += 1

    @property
    def n_bars(self) -> int:
        return max(0, (self.pushed - 3) // len(self.sounding) - self.pickup) // self.bar if self.pushed > 3 else 0
