"""Four parts on a grid of 16ths: after a header, each step is four words, soprano, alto, tenor, bass.

A cell says what its part does on that step: begins a pitch, holds on to what it began, or rests. The grid follows
Hadjeres, Pachet & Nielsen, "DeepBach" (2017); the header tells the metre, the pickup and the key signature, so that a
model knows where the bar lines are and a score can be engraved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musiclab.errors import TokenError
from musiclab.pitch import key_name
from musiclab.score import DEFAULT_VELOCITY, NOTE, Key, Part, Score, Tempo, TimeSignature
from musiclab.tokenizers.base import EOS, SPECIAL_WORDS, Grammar, Tokenizer

PARTS = tuple(Part(name) for name in ("Soprano", "Alto", "Tenor", "Bass"))
TEMPO = 100.0  # no chorale states one in its notation
STEPS_PER_QUARTER, TICKS_PER_STEP = 4, 6
LOW, HIGH = 36, 81
METRES = ((4, 4), (3, 4), (2, 4), (6, 4), (2, 2), (3, 2), (4, 2), (3, 8), (6, 8), (9, 8), (12, 8))
BAR_STEPS = np.array([16 * n // d for n, d in METRES])
KEYS = tuple((fifths, mode) for mode in ("major", "minor") for fifths in range(-7, 8))
HOLD, REST, PITCH = 4, 5, 6
METRE = PITCH + HIGH - LOW + 1
PICKUP = METRE + len(METRES)
KEY = PICKUP + int(BAR_STEPS.max())
_SIZE = KEY + len(KEYS)
# What a model of grids must know of these ids: which are pitches in order, which holds, and which pitch is the first
# degree of the major scale that a key signature stands for.
GRID = {
    "first": PITCH, "count": HIGH - LOW + 1, "hold": HOLD,
    "anchors": [(KEY + i, (7 * fifths - LOW) % 12) for i, (fifths, _) in enumerate(KEYS)],
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Chorale(Tokenizer):
    """Tokenizer of four-part chorales on a grid of 16ths.

    Words: ``TimeSignature_4/4``, ``Pickup_4`` (steps) and ``Key_G_minor`` once, then four cells a step, each ``Hold``,
    ``Rest`` or ``Pitch_36`` to ``Pitch_81``. With BOS before them, the header fills one row of four, so every row of
    the grid begins at a multiple of four.

    What it cannot say, and what :meth:`project` puts in its place: times off the grid (moved to the nearest 16th);
    more than four parts, pitches outside 36-81 (left out); several notes at once in one part (the highest of those
    that begin together; a later one cuts an earlier one); velocities (64); changes of metre, key or tempo (the first
    metre, 4/4 if it is not among the words; the first key signature, C major if none; 100 quarters per minute).

    Examples
    --------
    >>> score = Score([(0, 12, 67), (0, 12, 60, 64, 1)])
    >>> tok = Chorale()
    >>> tok.words(tok.encode(score))[:7]
    ['TimeSignature_4/4', 'Pickup_0', 'Key_C_major', 'Pitch_67', 'Pitch_60', 'Rest', 'Rest']
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        return (
            *SPECIAL_WORDS, "Hold", "Rest",
            *(f"Pitch_{p}" for p in range(LOW, HIGH + 1)),
            *(f"TimeSignature_{n}/{d}" for n, d in METRES),
            *(f"Pickup_{s}" for s in range(BAR_STEPS.max())),
            *(f"Key_{key_name(*k).replace(' ', '_')}" for k in KEYS),
        )  # fmt: skip

    def encode(self, score: Score) -> list[int]:
        header, (onset, end, pitch, part), steps = read_parts(score)
        cells = np.full((4, steps), REST)
        length = end - onset
        first = part * steps + onset
        flat = np.repeat(first + length - np.cumsum(length), length) + np.arange(length.sum())
        cells.ravel()[flat] = HOLD
        cells.ravel()[first] = PITCH + pitch - LOW
        return [*header, *cells.T.ravel().tolist()]

    def project(self, score: Score) -> Score:
        header, notes, steps = read_parts(score)
        return _write(header, notes, steps)

    def _decode(self, ids: np.ndarray) -> Score:
        _check(ids, self.vocab)
        cells = ids[3:].reshape(-1, 4).T
        part, onset = np.nonzero(cells >= PITCH)
        boundary = np.pad(cells != HOLD, ((0, 0), (0, 1)), constant_values=True)
        edges = np.flatnonzero(boundary.ravel())
        steps = cells.shape[1]
        end = edges[np.searchsorted(edges, part * (steps + 1) + onset, "right")] - part * (steps + 1)
        return _write(ids[:3], (onset, end, cells[part, onset] - PITCH + LOW, part), steps)

    def grammar(self) -> Grammar:
        return _ChoraleGrammar()


def _to_step(ticks: np.ndarray | int, resolution: int) -> np.ndarray:
    """Return the nearest step, half a step moving later."""
    return (2 * STEPS_PER_QUARTER * np.asarray(ticks, dtype=np.int64) + resolution) // (2 * resolution)


def read_parts(score: Score) -> tuple[list[int], tuple[np.ndarray, ...], int]:
    """Return what the words can say: header ids, notes as (onset, end, pitch, part) in steps, number of steps."""
    n = score.notes[(score.notes["part"] < 4) & (score.notes["pitch"] >= LOW) & (score.notes["pitch"] <= HIGH)]
    onset = _to_step(n["onset"], score.resolution)
    end = np.maximum(_to_step(n["onset"].astype(np.int64) + n["duration"], score.resolution), onset + 1)
    part, pitch = n["part"].astype(np.int64), n["pitch"].astype(np.int64)
    order = np.lexsort([pitch, onset, part])
    onset, end, pitch, part = onset[order], end[order], pitch[order], part[order]
    same = (part[1:] == part[:-1]) & (onset[1:] == onset[:-1])
    top = np.append(~same, True)[: len(onset)]
    onset, end, pitch, part = onset[top], end[top], pitch[top], part[top]
    if len(onset):
        following = np.where(part[1:] == part[:-1], onset[1:], np.iinfo(np.int64).max)
        end[:-1] = np.minimum(end[:-1], following)
    steps = max(1, int(_to_step(score.length, score.resolution)), int(end.max(initial=0)))
    return _header(score), (onset, end, pitch, part), steps


def _header(score: Score) -> list[int]:
    metre = score.time_signatures[0][1:]
    m = METRES.index(metre) if metre in METRES else 0
    pickup = int(_to_step(score.pickup, score.resolution)) % int(BAR_STEPS[m])
    key = score.keys[0][1:] if score.keys else (0, "major")
    return [METRE + m, PICKUP + pickup, KEY + KEYS.index(key)]


def _write(header: list[int] | np.ndarray, notes: tuple[np.ndarray, ...], steps: int) -> Score:
    onset, end, pitch, part = notes
    table = np.zeros(len(onset), dtype=NOTE)
    table["onset"], table["duration"] = onset * TICKS_PER_STEP, (end - onset) * TICKS_PER_STEP
    table["pitch"], table["part"], table["velocity"] = pitch, part, DEFAULT_VELOCITY
    metre, pickup, key = (int(i) for i in header)
    return Score(
        table, parts=PARTS, length=steps * TICKS_PER_STEP, resolution=STEPS_PER_QUARTER * TICKS_PER_STEP,
        pickup=(pickup - PICKUP) * TICKS_PER_STEP, time_signatures=[TimeSignature(0, *METRES[metre - METRE])],
        tempos=[Tempo(0, TEMPO)], keys=[Key(0, *KEYS[key - KEY])],
    )  # fmt: skip


def _check(ids: np.ndarray, vocab: tuple[str, ...]) -> None:
    """Raise TokenError at the first id that the grammar does not allow."""

    def refuse(at: int, reason: str) -> None:
        word = vocab[ids[at]] if at < len(ids) else "the end"
        raise TokenError(f"{word} at position {at}: {reason}", at)

    for at, (low, high, what) in enumerate(
        ((METRE, PICKUP, "TimeSignature"), (PICKUP, KEY, "Pickup"), (KEY, _SIZE, "Key"))
    ):
        if at >= len(ids) or not low <= ids[at] < high:
            refuse(at, f"the header needs a {what} word here")
    pickup = int(ids[1]) - PICKUP
    if pickup >= BAR_STEPS[ids[0] - METRE]:
        refuse(1, f"a pickup must be shorter than a bar of {vocab[ids[0]]}")
    cells = ids[3:]
    wrong = np.flatnonzero((cells < HOLD) | (cells >= METRE))
    if len(wrong):
        refuse(3 + int(wrong[0]), "a cell must be Hold, Rest or a pitch")
    before = np.concatenate([np.full(4, REST), cells[:-4]])[: len(cells)]
    wrong = np.flatnonzero((cells == HOLD) & (before == REST))
    if len(wrong):
        refuse(3 + int(wrong[0]), "there is nothing to hold")
    if len(cells) % 4 or len(cells) < 4 * max(1, pickup):
        refuse(len(ids), f"steps must be whole and at least {max(1, pickup)}")


class _ChoraleGrammar(Grammar):
    """Header, then rows of four cells; Hold only where something sounds; EOS only between rows."""

    def __init__(self) -> None:
        self.pushed = 0
        self.sounding = [False] * 4
        self.bar = self.pickup = 0

    def mask(self) -> np.ndarray:
        if self.pushed == 0:
            return _allow(METRE, PICKUP)
        if self.pushed == 1:
            return _allow(PICKUP, PICKUP + self.bar)
        if self.pushed == 2:
            return _allow(KEY, _SIZE)
        step, part = divmod(self.pushed - 3, 4)
        may_end = part == 0 and step >= max(1, self.pickup)
        return _CELLS[self.sounding[part], may_end]

    def push(self, token_id: int) -> None:
        if self.pushed == 0:
            self.bar = int(BAR_STEPS[token_id - METRE])
        elif self.pushed == 1:
            self.pickup = token_id - PICKUP
        elif self.pushed >= 3:
            self.sounding[(self.pushed - 3) % 4] = token_id != REST
        self.pushed += 1

    @property
    def n_bars(self) -> int:
        return max(0, (self.pushed - 3) // 4 - self.pickup) // self.bar if self.pushed > 3 else 0


def _allow(start: int, stop: int) -> np.ndarray:
    mask = np.zeros(_SIZE, dtype=bool)
    mask[start:stop] = True
    return mask


def _cell_mask(sounding: bool, may_end: bool) -> np.ndarray:
    mask = _allow(REST, METRE)
    mask[HOLD], mask[EOS] = sounding, may_end
    return mask


_CELLS = {(sounding, may_end): _cell_mask(sounding, may_end) for sounding in (False, True) for may_end in (False, True)}
