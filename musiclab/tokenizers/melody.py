"""One part on a grid: after a header, each step is one word, a pitch that begins, a hold, or a rest.

The simplest scheme there is, and what a first recurrent network can learn. The header is that of ``Chorale``: metre,
pickup and key signature, so that a model knows where the bar lines are and a score can be engraved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import NamedTuple

import numpy as np

from musiclab.errors import TokenError, require
from musiclab.pitch import key_name
from musiclab.score import DEFAULT_VELOCITY, NOTE, Key, Part, Score, TimeSignature
from musiclab.tokenizers.base import EOS, SPECIAL_WORDS, Grammar, Tokenizer
from musiclab.tokenizers.chorale import KEYS, METRES

PART = Part("Melody")
HOLD, REST, PITCH = 4, 5, 6
METRE = PITCH + 128


@dataclass(frozen=True, repr=False)
class Melody(Tokenizer):
    """Tokenizer of one part on a grid.

    Words: ``TimeSignature_4/4``, ``Pickup_4`` (steps) and ``Key_G_minor`` once, then one cell a step: ``Hold``,
    ``Rest`` or ``Pitch_0`` to ``Pitch_127``.

    What it cannot say, and what :meth:`project` puts in its place: times off the grid (moved to the nearest step, half
    a step later); parts after the first (left out); several notes at once (the highest of those that begin together; a
    later one cuts an earlier one); velocities (64); changes of metre, key or tempo (the first metre, 4/4 if it is not
    among the words; the first key signature, C major if none; 120 quarters per minute).

    Parameters
    ----------
    steps_per_quarter : int
        4 for 16ths, 12 for 16ths and triplets, 24 for their halves.

    Raises
    ------
    ValueError
        If ``steps_per_quarter`` is not in 1..96.

    Notes
    -----
    After Waite, "Generating long-term structure in songs and stories" (2016), whose note-off event is ``Rest`` here.
    Notebook: 02_tokens.

    Examples
    --------
    >>> score = Score([(0, 12, 67), (18, 6, 60)])
    >>> tok = Melody()
    >>> tok.words(tok.encode(score))[3:]
    ['Pitch_67', 'Hold', 'Rest', 'Pitch_60']
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    steps_per_quarter: int = 4

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

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        return (
            *SPECIAL_WORDS, "Hold", "Rest",
            *(f"Pitch_{p}" for p in range(128)),
            *(f"TimeSignature_{n}/{d}" for n, d in self.metres),
            *(f"Pickup_{s}" for s in range(max(self.bar_steps))),
            *(f"Key_{key_name(*k).replace(' ', '_')}" for k in KEYS),
        )  # fmt: skip

    @cached_property
    def header(self) -> tuple[int, int, int, int]:
        """Where the header's words begin: metres, pickups, keys, and the end."""
        pickup = METRE + len(self.metres)
        return METRE, pickup, pickup + max(self.bar_steps), len(self.vocab)

    def encode(self, score: Score) -> list[int]:
        line = read_line(score, self.steps_per_quarter)
        cells = np.full(line.steps, REST)
        length = line.end - line.onset
        cells[np.repeat(line.end - np.cumsum(length), length) + np.arange(length.sum())] = HOLD
        cells[line.onset] = PITCH + line.pitch
        metre, pickup, key, _ = self.header
        header = [metre + self.metres.index(line.metre), pickup + line.pickup, key + KEYS.index(line.key)]
        return [*header, *cells.tolist()]

    def project(self, score: Score) -> Score:
        return write_line(read_line(score, self.steps_per_quarter), self.steps_per_quarter)

    def _decode(self, ids: np.ndarray) -> Score:
        self._check(ids)
        metre, pickup, key = (ids[:3] - self.header[:3]).tolist()
        cells = ids[3:]
        onset = np.flatnonzero(cells >= PITCH)
        edges = np.append(np.flatnonzero(cells != HOLD), len(cells))
        end = edges[np.searchsorted(edges, onset, "right")]
        line = Line(self.metres[metre], pickup, KEYS[key], onset, end, cells[onset] - PITCH, len(cells))
        return write_line(line, self.steps_per_quarter)

    def _check(self, ids: np.ndarray) -> None:
        """Raise TokenError at the first id that the grammar does not allow."""

        def refuse(at: int, reason: str) -> None:
            word = self.vocab[ids[at]] if at < len(ids) else "the end"
            raise TokenError(f"{word} at position {at}: {reason}", at)

        for at, what in enumerate(("TimeSignature", "Pickup", "Key")):
            if at >= len(ids) or not self.header[at] <= ids[at] < self.header[at + 1]:
                refuse(at, f"the header needs a {what} word here")
        pickup = int(ids[1]) - self.header[1]
        if pickup >= self.bar_steps[ids[0] - METRE]:
            refuse(1, f"a pickup must be shorter than a bar of {self.vocab[ids[0]]}")
        cells = ids[3:]
        wrong = np.flatnonzero((cells < HOLD) | (cells >= METRE))
        if len(wrong):
            refuse(3 + int(wrong[0]), "a cell must be Hold, Rest or a pitch")
        wrong = np.flatnonzero((cells == HOLD) & (np.append(REST, cells)[:-1] == REST))
        if len(wrong):
            refuse(3 + int(wrong[0]), "there is nothing to hold")
        if len(cells) < max(1, pickup):
            refuse(len(ids), f"there must be at least {max(1, pickup)} steps")

    def grammar(self) -> Grammar:
        return _MelodyGrammar(self)


class _MelodyGrammar(Grammar):
    """Header, then cells; Hold only where something sounds; EOS after the pickup."""

    def __init__(self, tok: Melody) -> None:
        self.tok, self.pushed, self.sounding = tok, 0, False
        self.bar = self.pickup = 0

    def mask(self) -> np.ndarray:
        mask = np.zeros(len(self.tok.vocab), dtype=bool)
        if self.pushed < 3:
            stop = self.tok.header[1] + self.bar if self.pushed == 1 else self.tok.header[self.pushed + 1]
            mask[self.tok.header[self.pushed] : stop] = True
        else:
            mask[REST:METRE] = True
            mask[HOLD], mask[EOS] = self.sounding, self.pushed - 3 >= max(1, self.pickup)
        return mask

    def push(self, token_id: int) -> None:
        if self.pushed == 0:
            self.bar = self.tok.bar_steps[token_id - METRE]
        elif self.pushed == 1:
            self.pickup = token_id - self.tok.header[1]
        elif self.pushed >= 3:
            self.sounding = token_id != REST
        self.pushed += 1

    @property
    def n_bars(self) -> int:
        return max(0, self.pushed - 3 - self.pickup) // self.bar if self.pushed > 3 else 0


# --- one part in steps, which ABCText writes too ----------------------------------------------------------------------


class Line(NamedTuple):
    """One part, one note at a time: metre, pickup (steps), key, onsets, ends (steps) and pitches, steps in all."""

    metre: tuple[int, int]
    pickup: int
    key: tuple[int, str]
    onset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    steps: int


def steps_in_bar(metre: tuple[int, int], steps_per_quarter: int) -> int:
    """Return the whole steps in a bar."""
    return 4 * steps_per_quarter * metre[0] // metre[1]


def metres_on_grid(steps_per_quarter: int) -> tuple[tuple[int, int], ...]:
    """Return the metres whose bars are whole steps."""
    return tuple((n, d) for n, d in METRES if 4 * steps_per_quarter * n % d == 0)


def read_line(score: Score, steps_per_quarter: int) -> Line:
    """Return the first part of a score as a line: the highest of the notes that begin together, cut by later ones."""

    def step(ticks: np.ndarray | int) -> np.ndarray:
        return (2 * steps_per_quarter * np.asarray(ticks, dtype=np.int64) + score.resolution) // (2 * score.resolution)

    notes = score.notes[score.notes["part"] == 0]
    onset = step(notes["onset"])
    end = np.maximum(step(notes["onset"].astype(np.int64) + notes["duration"]), onset + 1)
    order = np.lexsort([end, notes["pitch"], onset])
    order = order[np.append(onset[order][1:] != onset[order][:-1], True)[: len(order)]]
    onset, end, pitch = onset[order], end[order], notes["pitch"][order].astype(np.int64)
    end[:-1] = np.minimum(end[:-1], onset[1:])
    steps = max(1, int(step(score.length)), int(end.max(initial=0)))
    metre = score.time_signatures[0][1:]
    metre = metre if metre in metres_on_grid(steps_per_quarter) else (4, 4)
    pickup = int(step(score.pickup)) % steps_in_bar(metre, steps_per_quarter)
    return Line(metre, pickup, score.keys[0][1:] if score.keys else (0, "major"), onset, end, pitch, steps)


def write_line(line: Line, steps_per_quarter: int) -> Score:
    """Return the score of a line."""
    resolution = lcm(24, steps_per_quarter)
    ticks = resolution // steps_per_quarter
    table = np.zeros(len(line.onset), dtype=NOTE)
    table["onset"], table["duration"] = line.onset * ticks, (line.end - line.onset) * ticks
    table["pitch"], table["velocity"] = line.pitch, DEFAULT_VELOCITY
    return Score(
        table, parts=[PART], length=line.steps * ticks, resolution=resolution, pickup=line.pickup * ticks,
        time_signatures=[TimeSignature(0, *line.metre)], keys=[Key(0, *line.key)],
    )  # fmt: skip
