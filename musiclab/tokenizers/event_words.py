"""The words of REMI, TSD and MIDILike: fields, spelling, ids, and the values that have a word; MidiTok's, id for id."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import ClassVar

import numpy as np

from musiclab.errors import require
from musiclab.tokenizers.base import SPECIAL_WORDS

DRUMS = 128  # their program here; its word is Program_-1
DRUM_RANGE = (27, 88)
TEMPO_RANGE = (40, 250)
START = ""  # the kind of the special words, after which a sequence begins


@dataclass(frozen=True, repr=False)
class EventWords:
    """Fields, words and grid of a tokenizer of events; not a scheme by itself."""

    steps_per_beat: tuple[tuple[int, int, int], ...] = ((0, 4, 8), (4, 12, 4))
    pitch_range: tuple[int, int] = (0, 127)
    velocities: int = 32
    tempos: int = 32
    programs: bool = True

    time_signatures = ()
    # The kinds of word in order of their ids, START first, and which kinds may follow each; what stands after "else"
    # where no tempo is written; "note": the kinds that a note may begin with.
    _FOLLOWERS: ClassVar[dict[str, str]]

    def __post_init__(self) -> None:
        for name in ("steps_per_beat", "time_signatures"):
            object.__setattr__(self, name, tuple(tuple(int(i) for i in row) for row in getattr(self, name)))
        object.__setattr__(self, "pitch_range", tuple(self.pitch_range))
        rows = self.steps_per_beat
        edges = [start for start, _, _ in rows[1:]] == [stop for _, stop, _ in rows[:-1]]
        ok = edges and rows[0][0] == 0 and all(a < b and s >= 1 and self._fine % s == 0 for a, b, s in rows)
        text = "rows (from beat, to beat, steps) that follow on one another from 0, all steps divisors of the most"
        smallest = min([4, *(d for _, d in self.time_signatures)])
        require(ok and self._fine * smallest % 4 == 0, "steps_per_beat", f"{text}, whole steps a quarter", rows)
        require(len(self.durations) <= 1024, "steps_per_beat", "at most 1024 durations", len(self.durations))
        low, high = self.pitch_range
        require(0 <= low < high <= 127, "pitch_range", "(lowest, highest) within 0..127", self.pitch_range)
        require(1 <= self.velocities <= 127, "velocities", "in 1..127", self.velocities)
        require(0 <= self.tempos <= 1000, "tempos", "in 0..1000", self.tempos)

    # --- words ------------------------------------------------------------------------------------------------------

    @cached_property
    def _values(self) -> dict[str, list]:
        """The values that have a word, of each kind of word in order of ids."""
        pitches, drums = (range(low, high + 1) for low, high in (self.pitch_range, DRUM_RANGE))
        times = [".".join(map(str, row)) for row in self.durations]
        beats = max((n for n, _ in self.time_signatures), default=4)
        values = {
            "Pitch": pitches, "NoteOn": pitches, "NoteOff": pitches, "PitchDrum": drums, "DrumOn": drums,
            "DrumOff": drums, "Velocity": self.velocity_values, "Duration": times, "TimeShift": times,
            "Tempo": self.tempo_values, "Program": range(DRUMS * self.programs), "Drums": [-1] * self.programs,
            "Bar": [""], "Position": range(self._fine * beats), START: SPECIAL_WORDS,
            "TimeSignature": [f"{n}/{d}" for n, d in self.time_signatures],
        }  # fmt: skip
        return {kind: list(values[kind]) for kind in self._FOLLOWERS}

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        words = (f"{kind}_{value}".strip("_") for kind, values in self._values.items() for value in values)
        return tuple(word.replace("Drums", "Program") for word in words)

    @cached_property
    def _spans(self) -> dict[str, slice]:
        """The ids of each kind of word."""
        edges = accumulate(map(len, self._values.values()), initial=0)
        return {kind: slice(*span) for kind, span in zip(self._values, pairwise(edges), strict=True)}

    @cached_property
    def _zero(self) -> dict[str, int]:
        """For each kind the id of its number 0: pitches and programs are numbers, all else is counted from 0."""
        first = {"Drums": DRUMS} | dict.fromkeys(("PitchDrum", "DrumOn", "DrumOff"), DRUM_RANGE[0])
        first |= dict.fromkeys(("Pitch", "NoteOn", "NoteOff"), self.pitch_range[0])
        return {kind: span.start - first.get(kind, 0) for kind, span in self._spans.items()}

    @cached_property
    def _kinds(self) -> tuple[str, ...]:
        return tuple(self._FOLLOWERS)

    @cached_property
    def _kind(self) -> np.ndarray:
        """The kind of each id, an index into ``_kinds``."""
        counts = [len(values) for values in self._values.values()]
        return np.repeat(np.arange(len(counts), dtype=np.int16), counts)

    @cached_property
    def _number(self) -> np.ndarray:
        """The number of each id within its kind."""
        return np.arange(len(self.vocab)) - np.array([*self._zero.values()])[self._kind]

    def _is(self, *kinds: str) -> np.ndarray:
        """Return which ids are of some kinds."""
        return np.isin(self._kind, [i for i, kind in enumerate(self._kinds) if kind in kinds])

    @cached_property
    def _begins(self) -> np.ndarray:
        """Which ids begin a note."""
        return self._is("Pitch", "NoteOn", "PitchDrum", "DrumOn")

    @cached_property
    def _may_follow(self) -> np.ndarray:
        """Whether one kind of word may follow another, bool of shape (kinds, kinds)."""
        table = np.zeros((len(self._kinds),) * 2, dtype=bool)
        note = "Program Drums" if self.programs else self._FOLLOWERS["Program"]
        for i, after in enumerate(self._FOLLOWERS.values()):
            first, _, second = after.replace("note", note).partition(" else ")
            kinds = second if second and not self.tempos else first
            table[i, [self._kinds.index(kind) for kind in kinds.split()]] = True
        return table

    def _places(self, ids: np.ndarray, *kinds: str) -> dict[str, np.ndarray] | None:
        """Return where words of some kinds stand, or None if one may not follow the one before it or be the last."""
        kind = self._kind.take(ids)
        pairs = kind[1:] + kind[:-1] * np.int16(len(self._kinds))
        ok = self._kinds[kind[-1]] in self._LAST and self._may_follow[0, kind[0]]
        ok = ok and self._may_follow.take(pairs).all()
        return {name: (kind == self._kinds.index(name)).nonzero()[0] for name in kinds} if ok else None

    # --- values -----------------------------------------------------------------------------------------------------

    @cached_property
    def _fine(self) -> int:
        return max(steps for _, _, steps in self.steps_per_beat)

    @cached_property
    def _resolution(self) -> int:
        """Ticks per quarter of the grid: the finest step of the smallest beat is one tick."""
        return self._fine * max([4, *(d for _, d in self.time_signatures)]) // 4

    @cached_property
    def durations(self) -> tuple[tuple[int, int, int], ...]:
        """The durations that have a word, as (beats, steps, steps per beat)."""
        rows = [(b, s, n) for start, stop, n in self.steps_per_beat for b in range(start, stop) for s in range(n)]
        _, stop, n = self.steps_per_beat[-1]
        return (*rows[1:], (stop, 0, n))

    @cached_property
    def _duration_ticks(self) -> np.ndarray:
        """Ticks of each duration where a beat is a quarter."""
        return np.array([(beats * n + s) * self._resolution // n for beats, s, n in self.durations])

    @cached_property
    def velocity_values(self) -> np.ndarray:
        """The velocities that have a word."""
        return np.linspace(0, 127, self.velocities + 1, dtype=np.int64)[1:]

    @cached_property
    def tempo_values(self) -> np.ndarray:
        """The tempos that have a word, in quarters per minute."""
        return np.linspace(*TEMPO_RANGE, self.tempos).round(2)

    @cached_property
    def _nearest_duration(self) -> np.ndarray:
        """The duration word nearest to so many ticks times the denominator, the longer of two as near."""
        ticks = 4 * self._duration_ticks
        return np.searchsorted(ticks[1:] + ticks[:-1], 2 * np.arange(ticks[-1] + 1), "right")

    @cached_property
    def _nearest_velocity(self) -> np.ndarray:
        values = self.velocity_values
        return np.searchsorted(values[1:] + values[:-1], 2 * np.arange(128), "right")

    def _nearest_tempo(self, tempo: np.ndarray) -> np.ndarray:
        """Return the word nearest in microseconds per quarter, the slower of two as near."""
        values, wanted = 6e7 / self.tempo_values, np.rint(6e7 / tempo)
        return np.abs(values - wanted[:, None]).argmin(1)
