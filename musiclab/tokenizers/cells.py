"""What the schemes on a grid share: parts in steps, and their words, a header and then a cell a part and step.

A cell says what its part does on that step: begins a pitch, holds on to what it began, or rests. The header tells the
metre, the pickup and the key signature, so that a model knows where the bar lines are and a score can be engraved.
"""

from functools import cached_property
from math import lcm
from typing import ClassVar, NamedTuple

import numpy as np

from musiclab.errors import require
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
    onset, duration, pitch, _, part = (n[name].astype(np.int64) for name in NOTE.names)
    onset, end = step(onset), np.maximum(step(onset + duration), step(onset) + 1)
    steps = max(1, int(step(score.length)), int(end.max(initial=0)))
    order = np.lexsort([end, pitch, onset, part])
    last = (np.diff(part[order], append=-1) != 0) | (np.diff(onset[order], append=-1) != 0)
    onset, end, pitch, part = (column[order[last]] for column in (onset, end, pitch, part))
    end[:-1] = np.where(part[1:] == part[:-1], np.minimum(end[:-1], onset[1:]), end[:-1])
    metre = score.time_signatures[0][1:]
    metre = metre if metre in metres_on_grid(steps_per_quarter) else (4, 4)
    pickup = int(step(score.pickup)) % steps_in_bar(metre, steps_per_quarter)
    key = score.keys[0][1:] if score.keys else (0, "major")
    return Line(metre, pickup, key, onset, end, pitch, part, steps)


def places(first: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return first, first + 1, ... of each run, ``length`` of them, one run after another.

    Examples
    --------
    >>> places(np.array([0, 10]), np.array([2, 3])).tolist()
    [0, 1, 10, 11, 12]
    """
    return np.repeat(first + length - np.cumsum(length), length) + np.arange(length.sum())


class OnGrid:
    """A tokenizer of parts in steps; not a scheme by itself."""

    parts: ClassVar[tuple[Part, ...]] = (Part("Melody"),)
    pitches: ClassVar[tuple[int, int]] = (0, 127)
    tempo: ClassVar[float] = 120.0
    steps_per_quarter: int

    def __post_init__(self) -> None:
        require(1 <= self.steps_per_quarter <= 96, "steps_per_quarter", "in 1..96", self.steps_per_quarter)

    @cached_property
    def metres(self) -> tuple[tuple[int, int], ...]:
        """The metres whose bars are whole steps."""
        return metres_on_grid(self.steps_per_quarter)

    @cached_property
    def bar_steps(self) -> list[int]:
        """Steps in a bar of each metre."""
        return [steps_in_bar(metre, self.steps_per_quarter) for metre in self.metres]

    def _line(self, score: Score) -> Line:
        return read_line(score, self.steps_per_quarter, len(self.parts), self.pitches)

    def _score(self, line: Line) -> Score:
        resolution = lcm(24, self.steps_per_quarter)
        ticks = resolution // self.steps_per_quarter
        table = np.zeros(len(line.onset), dtype=NOTE)
        table["onset"], table["duration"] = line.onset * ticks, (line.end - line.onset) * ticks
        table["pitch"], table["part"], table["velocity"] = line.pitch, line.part, DEFAULT_VELOCITY
        return Score(
            table, parts=self.parts, length=line.steps * ticks, resolution=resolution, pickup=line.pickup * ticks,
            time_signatures=[TimeSignature(0, *line.metre)], tempos=[Tempo(0, self.tempo)], keys=[Key(0, *line.key)],
        )  # fmt: skip

    def project(self, score: Score) -> Score:
        return self._score(self._line(score))


class CellWords(OnGrid):
    """A tokenizer that writes a header and then rows of cells, one a part; not a scheme by itself."""

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

    def encode(self, score: Score) -> list[int]:
        return self._ids(self._line(score))

    def _ids(self, line: Line) -> list[int]:
        cells = np.full((len(self.parts), line.steps), REST)
        first, length = line.part * line.steps + line.onset, line.end - line.onset
        cells.ravel()[places(first, length)] = HOLD
        cells.ravel()[first] = PITCH + line.pitch - self.pitches[0]
        header = self.metres.index(line.metre), line.pickup, KEYS.index(line.key)
        return [*np.add(header, self.header[:3]).tolist(), *cells.T.ravel().tolist()]

    def _decode(self, ids: np.ndarray) -> Score | None:
        n, header = len(self.parts), np.array(self.header)
        if len(ids) < 3 + n or (len(ids) - 3) % n:
            return None
        metre, pickup, key = (ids[:3].clip(header[:3], header[1:] - 1) - header[:3]).tolist()
        cells = ids[3:].clip(HOLD, header[0] - 1).reshape(-1, n).T
        steps = cells.shape[1]
        part, onset = np.nonzero(cells >= PITCH)
        edges = np.flatnonzero(np.pad(cells != HOLD, ((0, 0), (0, 1)), constant_values=True))
        end = edges[np.searchsorted(edges, part * (steps + 1) + onset, "right")] - part * (steps + 1)
        pitch = cells[part, onset] - PITCH + self.pitches[0]
        line = Line(self.metres[metre], pickup % self.bar_steps[metre], KEYS[key], onset, end, pitch, part, steps)
        # What encode would not write is not allowed.
        return self._score(line) if steps >= pickup and self._ids(line) == ids.tolist() else None

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
