"""What REMI, TSD and MIDILike share: the grid that a score is moved to, its words, and the way back.

The grid, the words and their ids are MidiTok's (Fradet et al. 2021), derived again for whole arrays. A score is first
moved to a :class:`Table`, which holds all that the words can say and nothing else; words are written from it and read
back into it, so what a tokenizer loses is decided in one place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from musiclab.errors import TokenError, require
from musiclab.score import NOTE, Part, Score, Tempo, TimeSignature
from musiclab.tokenizers.base import EOS, SPECIAL_WORDS

DRUMS = 128
DRUM_RANGE = (27, 88)
TEMPO_RANGE = (40, 250)
START = "start"
LAST_TICK = 2**31 - 1


class Table(NamedTuple):
    """What the words can say of a score, in ticks of the tokenizer's own resolution.

    Notes are sorted by onset, part and pitch, at most one for each of these. ``program`` is 128 for drums; ``velocity``
    and ``tempo`` count words, and so does ``duration`` where a scheme has words for it (else it is in ticks). ``order``
    holds the programs in an order they may follow one another at one onset.
    """

    onset: np.ndarray
    program: np.ndarray
    pitch: np.ndarray
    duration: np.ndarray
    velocity: np.ndarray
    tempo_onset: np.ndarray
    tempo: np.ndarray
    metres: tuple[tuple[int, int, int], ...]
    order: list[int]


@dataclass(frozen=True)
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

    def _blocks(self) -> dict[str, Iterable]:
        """Return the values of each kind of word, in order of their ids."""
        raise NotImplementedError

    def _note_blocks(self, *kinds: str) -> dict[str, Iterable]:
        """Return those of the blocks that several schemes have."""
        pitches, drums = (range(low, high + 1) for low, high in (self.pitch_range, DRUM_RANGE))
        times = [".".join(map(str, row)) for row in self.durations]
        values = {
            "Pitch": pitches, "NoteOn": pitches, "NoteOff": pitches, "PitchDrum": drums, "DrumOn": drums,
            "DrumOff": drums, "Velocity": self.velocity_values, "Duration": times, "TimeShift": times,
            "Tempo": self.tempo_values, "Program": [*range(DRUMS), -1] if self.programs else (),
        }  # fmt: skip
        return {kind: values[kind] for kind in kinds}

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
    def _lists(self) -> dict[str, list]:
        return {kind: list(values) for kind, values in self._blocks().items()}

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

    # --- from a score and back --------------------------------------------------------------------------------------

    def _table(self, score: Score) -> Table:
        """Return what the words can say of a score."""
        old, new = score.resolution, self._resolution
        last = max(score.length, score.tempos[-1].onset, score.time_signatures[-1].onset)
        allowed = f"at most {LAST_TICK // 2 // new} quarters up to the last event"
        require(last * new // old <= LAST_TICK // 2, "length", allowed, f"{last / old:g}")
        metres, coarse, pad = self._metres(score)
        up = new // coarse

        def moved(ticks: np.ndarray) -> np.ndarray:
            return (2 * coarse * ticks + old) // (2 * old) * up

        onset, duration, *others, programs = self._columns(score)
        onset, denominator = self._on_steps(moved(onset) + pad, metres, up)
        onset, part, *others = self._sorted_notes(onset, np.maximum(moved(duration), up), *others, denominator)
        tempo_onset, tempo = np.zeros((2, 0), dtype=np.int64)
        if self.tempos:
            at, value = np.array(score.tempos).T
            tempo_onset, _ = self._on_steps(np.where(at > 0, moved(at.astype(np.int64)) + pad, 0), metres, up)
            final = np.append(tempo_onset[1:] != tempo_onset[:-1], True)
            tempo_onset, tempo = tempo_onset[final], self._nearest_tempo(value[final])
        return Table(onset, np.array(programs)[part], *others, tempo_onset, tempo, metres, programs)

    def _metres(self, score: Score) -> tuple[tuple[tuple[int, int, int], ...], int, int]:
        """Return the metres, the ticks per quarter that onsets are rounded to, and ticks of silence to put first."""
        return ((0, 4, 4),), self._resolution, 0

    def _columns(self, score: Score) -> tuple[np.ndarray, ...]:
        """Return onset, duration, pitch, velocity and part of the notes that have words, and the programs of the parts.

        Parts of one program become one, in the place of the first.
        """
        notes = score.notes
        names = ("onset", "duration", "pitch", "velocity")
        onset, duration, pitch, velocity = (notes[name].astype(np.int64) for name in names)
        of_part = [DRUMS if p.is_drum else p.program for p in score.parts]
        programs = list(dict.fromkeys(of_part))
        part = np.array([programs.index(p) for p in of_part])[notes["part"]]
        drums = part == (programs.index(DRUMS) if DRUMS in programs else -1)
        low, high = (np.where(drums, d, p) for d, p in zip(DRUM_RANGE, self.pitch_range, strict=True))
        keep = (pitch >= low) & (pitch <= high)
        if not self.programs:
            keep &= ~drums
            part, programs = np.zeros_like(part), [0]
        columns = (onset, duration, pitch, velocity, part)
        return (*(columns if keep.all() else (c[keep] for c in columns)), programs)

    def _on_steps(self, ticks: np.ndarray, metres: tuple, up: int) -> tuple[np.ndarray, np.ndarray | int]:
        """Return ticks moved to the nearest step of the metre they are in, and the denominators there."""
        start, _, denominator = np.array(metres).T
        step = self._resolution * 4 // (denominator * self._fine)
        if (step == up).all():
            return ticks, int(denominator[0])
        i = np.searchsorted(start, ticks, "right") - 1
        ticks = start[i] + np.rint((ticks - start[i]) / step[i]).astype(np.int64) * step[i]
        return ticks, denominator[np.searchsorted(start, ticks, "right") - 1]

    def _sorted_notes(self, onset, duration, pitch, velocity, part, denominator) -> tuple[np.ndarray, ...]:
        """Return the first five columns of a table, but parts for programs.

        Of notes that begin together on one pitch the shortest, then the softest, stays.
        """
        if isinstance(denominator, int):
            word = self._nearest(duration, denominator)
        else:
            word = np.empty_like(duration)
            for d in np.unique(denominator).tolist():
                word[denominator == d] = self._nearest(duration[denominator == d], d)
        # One integer a note, 31 + 8 + 7 + 10 + 7 bits: sorting plain integers is several times faster than lexsort.
        key = (((onset << 8 | part) << 7 | pitch) << 10 | word) << 7 | self._nearest_velocity[velocity]
        key.sort()
        if len(key):
            key = key[np.append(True, key[1:] >> 17 != key[:-1] >> 17)]
        return key >> 32, key >> 24 & 255, key >> 17 & 127, key >> 7 & 1023, key & 127

    def _merged(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Return when events happen, in order, and which they are, counting tempos, then notes."""
        onset = np.concatenate([table.tempo_onset, table.onset])
        if len(table.tempo) < 2:
            return onset, np.arange(len(onset))
        order = np.argsort(onset, kind="stable")
        return onset[order], order

    def _own_words(self, table: Table) -> np.ndarray:
        """Return how many words tempos and notes have, time not counted."""
        return np.repeat([1, 3 + self.programs], [len(table.tempo), len(table.onset)])

    def _put(self, out: np.ndarray, table: Table, order: np.ndarray, begin: np.ndarray) -> None:
        """Write the words of tempos and notes into ``out``, where each event begins."""
        at = np.empty_like(begin)
        at[order] = begin
        n_tempos, spans = len(table.tempo), self._spans
        out[at[:n_tempos]] = spans["Tempo"].start + table.tempo
        at = at[n_tempos:]
        if self.programs:
            out[at] = spans["Program"].start + table.program
            at += 1
        out[at] = self._pitch_ids(table, "Pitch", "PitchDrum")
        out[at + 1] = spans["Velocity"].start + table.velocity
        out[at + 2] = spans["Duration"].start + table.duration

    def _pitch_ids(self, table: Table, pitched: str, drum: str) -> np.ndarray:
        first = np.full(DRUMS + 1, self._spans[pitched].start - self.pitch_range[0])
        first[DRUMS] = self._spans[drum].start - DRUM_RANGE[0]
        return first[table.program] + table.pitch

    def _read_notes(self, ids: np.ndarray, at: np.ndarray, onset: np.ndarray) -> tuple[np.ndarray, ...] | None:
        """Return the first five columns of a table from notes with a velocity at ``at``, or None if not in order."""
        program = ids[at - 2] - self._spans["Program"].start if self.programs else np.zeros_like(at)
        pitch = self._pitch_of_id[ids[at - 1]]
        same = (onset[1:] == onset[:-1]) & (program[1:] == program[:-1])
        if (same & (pitch[1:] <= pitch[:-1])).any():
            return None
        duration, velocity = ids[at + 1] - self._spans["Duration"].start, ids[at] - self._spans["Velocity"].start
        return onset, program, pitch, duration, velocity

    @cached_property
    def _pitch_of_id(self) -> np.ndarray:
        pitches = np.zeros(len(self.vocab), dtype=np.int64)
        for kind in {"Pitch", "NoteOn", "NoteOff", "PitchDrum", "DrumOn", "DrumOff"} & set(self._lists):
            pitches[self._spans[kind]] = self._lists[kind]
        return pitches

    def _read(self, ids: np.ndarray) -> Table | None:
        """Return the table that ids spell, at least one, or None if ``encode`` would not write them so."""
        raise NotImplementedError

    def _nearest(self, duration: np.ndarray, denominator: int) -> np.ndarray:
        nearest = self._nearest_duration[denominator]
        return nearest[np.minimum(duration, len(nearest) - 1)]

    def encode(self, score: Score) -> list[int]:
        return self._ids(self._table(score)).tolist()

    def _ids(self, table: Table) -> np.ndarray:
        """Return the words of a table."""
        raise NotImplementedError

    def project(self, score: Score) -> Score:
        table = self._table(score)
        return self._score(table._replace(order=part_order(*self._sounding(table))))

    def _decode(self, ids: np.ndarray) -> Score:
        if not len(ids) and self.grammar().mask()[EOS]:
            return self.project(Score([]))
        table = self._read(ids) if len(ids) else None
        if table is None:
            raise self._refusal(ids)
        return self._score(table)

    def _sounding(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Return onsets and programs of the words that name one, as they follow one another."""
        return table.onset, table.program

    def _score(self, table: Table) -> Score:
        notes = np.zeros(len(table.onset), dtype=NOTE)
        rank = np.zeros(DRUMS + 1, dtype=np.int16)
        rank[table.order] = np.arange(len(table.order))
        notes["onset"], notes["pitch"], notes["part"] = table.onset, table.pitch, rank[table.program]
        notes["duration"], notes["velocity"] = self._ticks(table), self.velocity_values[table.velocity]
        tempos = zip(table.tempo_onset.tolist(), self.tempo_values[table.tempo].tolist(), strict=True)
        return Score(
            notes, parts=[Part("", p % DRUMS, p == DRUMS) for p in table.order], resolution=self._resolution,
            time_signatures=[TimeSignature(*m) for m in table.metres], tempos=[Tempo(*t) for t in tempos],
        )  # fmt: skip

    def _ticks(self, table: Table) -> np.ndarray:
        """Return durations in ticks."""
        ticks = self._duration_ticks[table.duration]
        start, _, denominator = np.array(table.metres).T
        if (denominator == 4).all():
            return ticks
        return ticks * 4 // denominator[np.searchsorted(start, table.onset, "right") - 1]

    def _refusal(self, ids: np.ndarray) -> TokenError:
        """Return the error that names the first id that the grammar does not allow."""
        grammar = self.grammar()
        for at, token_id in enumerate(ids.tolist()):
            if not grammar.mask()[token_id]:
                return self._not_allowed(self.vocab[token_id], at, grammar.mask())
            grammar.push(token_id)
        return self._not_allowed("the end", len(ids), grammar.mask())

    def _not_allowed(self, word: str, at: int, mask: np.ndarray) -> TokenError:
        legal = [[self.vocab[i] for i in np.flatnonzero(mask[span]) + span.start] for span in self._spans.values()]
        shown = [f"{words[0]}..{words[-1]}" if len(words) > 1 else words[0] for words in legal if words]
        allowed = ", ".join(shown + (["the end"] if mask[EOS] else []))
        return TokenError(f"{word} at position {at}: only {allowed} may come here", at)


def part_order(onset: np.ndarray, program: np.ndarray) -> list[int] | None:
    """Return programs in the order they follow one another in at any one onset, the lowest first where that is open.

    None if no order agrees with all onsets.
    """
    present = np.bincount(program).nonzero()[0].tolist()
    if len(present) < 2:
        return present
    first = np.zeros((DRUMS + 1, DRUMS + 1), dtype=bool)
    linked = (onset[1:] == onset[:-1]) & (program[1:] != program[:-1])
    first[program[:-1][linked], program[1:][linked]] = True
    before = first[np.ix_(present, present)].T.tolist()
    order: list[int] = []
    waiting = list(range(len(present)))
    while waiting:
        free = next((i for i in waiting if not any(before[i][j] for j in waiting)), None)
        if free is None:
            return None
        order.append(present[free])
        waiting.remove(free)
    return order
