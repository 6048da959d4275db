"""The words of REMI, TSD and MIDILike: fields, spelling, ids, and the values that have a word; MidiTok's, id for id."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musiclab.errors import require
from musiclab.tokenizers.base import SPECIAL_WORDS

DRUMS = 128
DRUM_RANGE = (27, 88)
TEMPO_RANGE = (40, 250)
START = "start"


@dataclass(frozen=True, repr=False)
class EventWords:
    """Fields, words and grid of a tokenizer of events; not a scheme by itself."""

    steps_per_beat: tuple[tuple[int, int, int], ...] = ((0, 4, 8), (4, 12, 4))
    pitch_range: tuple[int, int] = (0, 127)
    velocities: int = 32
    tempos: int = 32
    programs: bool = True

    time_signatures = ()

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

    _KINDS = ""  # the kinds of word in order of their ids

    @cached_property
    def _lists(self) -> dict[str, list]:
        """The values of each kind of word."""
        pitches, drums = (range(low, high + 1) for low, high in (self.pitch_range, DRUM_RANGE))
        times = [".".join(map(str, row)) for row in self.durations]
        beats = max((n for n, _ in self.time_signatures), default=4)
        values = {
            "Pitch": pitches, "NoteOn": pitches, "NoteOff": pitches, "PitchDrum": drums, "DrumOn": drums,
            "DrumOff": drums, "Velocity": self.velocity_values, "Duration": times, "TimeShift": times,
            "Tempo": self.tempo_values, "Program": [*range(DRUMS), -1] if self.programs else (), "Bar": [""],
            "Position": range(self._fine * beats), "TimeSignature": [f"{n}/{d}" for n, d in self.time_signatures],
        }  # fmt: skip
        return {kind: list(values[kind]) for kind in self._KINDS.split()}

    def _followers(self) -> dict[str, str]:
        """Return which kinds of word may follow which."""
        raise NotImplementedError

    @property
    def _note_starts(self) -> tuple[str, ...]:
        """The kinds of word that a note may begin with; ``Note`` stands for them among followers."""
        return ("Program", "Drums") if self.programs else ("Pitch",)

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        words = [f"{kind}_{value}" if value != "" else kind for kind, values in self._lists.items() for value in values]
        return (*SPECIAL_WORDS, *words)

    @cached_property
    def _spans(self) -> dict[str, slice]:
        """The ids of each kind of word; the program of drums is a kind of its own."""
        spans, at = {}, len(SPECIAL_WORDS)
        for kind, values in self._lists.items():
            spans[kind] = slice(at, at := at + len(values))
        if self.programs:
            last = spans["Program"].stop - 1
            spans["Program"], spans["Drums"] = slice(last - DRUMS, last), slice(last, last + 1)
        return spans

    @cached_property
    def _kinds(self) -> tuple[str, ...]:
        return (START, *self._spans)

    @cached_property
    def _kind(self) -> np.ndarray:
        """The kind of each id, an index into ``_kinds``; 0 for special words."""
        kind = np.zeros(len(self.vocab), dtype=np.int16)
        for i, span in enumerate(self._spans.values(), start=1):
            kind[span] = i
        return kind

    @cached_property
    def _may_follow(self) -> np.ndarray:
        """Whether one kind of word may follow another, bool of shape (kinds, kinds)."""
        table = np.zeros((len(self._kinds),) * 2, dtype=bool)
        for before, after in self._followers().items():
            kinds = [kind for name in after.split() for kind in (self._note_starts if name == "Note" else (name,))]
            if before in self._kinds:
                table[self._kinds.index(before), [self._kinds.index(k) for k in kinds if k in self._kinds]] = True
        return table

    @cached_property
    def _follow_masks(self) -> dict[str, np.ndarray]:
        return {kind: row[self._kind] for kind, row in zip(self._kinds, self._may_follow, strict=True)}

    def _places(self, ids: np.ndarray, last: tuple[str, ...], kinds: tuple[str, ...]) -> dict[str, np.ndarray] | None:
        """Return where each of some kinds of word stands.

        None if a word may not follow the one before it, or its kind may not be the last.
        """
        kind = self._kind.take(ids)
        pairs = kind[1:] + kind[:-1] * np.int16(len(self._kinds))
        ok = self._kinds[kind[-1]] in last and self._may_follow[0, kind[0]] and self._may_follow.take(pairs).all()
        return {name: (kind == self._kinds.index(name)).nonzero()[0] for name in kinds} if ok else None

    @cached_property
    def _pitch_of_id(self) -> np.ndarray:
        """The pitch that each id begins or ends, 128 where it does neither."""
        pitches = np.full(len(self.vocab), 128)
        for kind in {"Pitch", "NoteOn", "NoteOff", "PitchDrum", "DrumOn", "DrumOff"} & set(self._lists):
            pitches[self._spans[kind]] = self._lists[kind]
        return pitches

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
    def _nearest_duration(self) -> dict[int, np.ndarray]:
        """For each denominator the nearest duration word of so many ticks, the longer of two as near."""
        tables = {}
        for d in {4, *(d for _, d in self.time_signatures)}:
            ticks = self._duration_ticks * 4 // d
            tables[d] = np.searchsorted(ticks[1:] + ticks[:-1], 2 * np.arange(ticks[-1] + 1), "right")
        return tables

    def _nearest(self, duration: np.ndarray, denominator: int) -> np.ndarray:
        """Return the duration words nearest to so many ticks."""
        nearest = self._nearest_duration[denominator]
        return nearest[np.minimum(duration, len(nearest) - 1)]

    @cached_property
    def velocity_values(self) -> np.ndarray:
        """The velocities that have a word."""
        return np.linspace(0, 127, self.velocities + 1, dtype=np.int64)[1:]

    @cached_property
    def _nearest_velocity(self) -> np.ndarray:
        values = self.velocity_values
        return np.searchsorted(values[1:] + values[:-1], 2 * np.arange(128), "right")

    @cached_property
    def tempo_values(self) -> np.ndarray:
        """The tempos that have a word, in quarters per minute."""
        return np.linspace(*TEMPO_RANGE, self.tempos).round(2)

    def _nearest_tempo(self, tempo: np.ndarray) -> np.ndarray:
        """Return the word nearest in microseconds per quarter, the slower of two as near."""
        values, wanted = 6e7 / self.tempo_values, np.rint(6e7 / tempo)
        return np.abs(values - wanted[:, None]).argmin(1)
