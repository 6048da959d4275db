"""What REMI, TSD and MIDILike share: the grid that a score is moved to, and the way back.

A score is first moved to a :class:`Table`, which holds all that the words can say and nothing else; words are written
from it and read back into it, so what a tokenizer loses is decided in one place. Grid and rounding are MidiTok's
(Fradet et al. 2021), derived again for whole arrays.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.score import NOTE, Part, Score, Tempo, TimeSignature
from musiclab.tokenizers.base import EOS
from musiclab.tokenizers.event_words import DRUM_RANGE, DRUMS, EventWords

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


class Events(EventWords):
    """A tokenizer that writes a table of notes and tempos as words; not a scheme by itself."""

    _LAST = ("Duration", "Tempo")  # the kinds of word that a sequence may end with

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
        onset, duration, pitch, velocity, part = (score.notes[name].astype(np.int64) for name in NOTE.names)
        of_part = [DRUMS if p.is_drum else p.program for p in score.parts]
        ranges = {DRUMS: DRUM_RANGE if self.programs else (128, 128)}
        low, high = (bound[part] for bound in np.array([ranges.get(p, self.pitch_range) for p in of_part]).T)
        programs = list(dict.fromkeys(of_part)) if self.programs else [0]
        part = np.array([programs.index(p) if self.programs else 0 for p in of_part])[part]
        keep = (pitch >= low) & (pitch <= high)
        columns = (onset, duration, pitch, velocity, part)
        return (*(columns if keep.all() else (c[keep] for c in columns)), programs)

    def _on_steps(self, ticks: np.ndarray, metres: tuple, up: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ticks moved to the nearest step of the metre they are in, and the denominators there."""
        start, _, denominator = np.array(metres).T
        step = self._resolution * 4 // (denominator * self._fine)
        if (step == up).all():
            return ticks, denominator[0]
        i = np.searchsorted(start, ticks, "right") - 1
        ticks = start[i] + np.rint((ticks - start[i]) / step[i]).astype(np.int64) * step[i]
        return ticks, denominator[np.searchsorted(start, ticks, "right") - 1]

    def _sorted_notes(self, onset, duration, pitch, velocity, part, denominator) -> tuple[np.ndarray, ...]:
        """Return the first five columns of a table, but parts for programs.

        Of notes that begin together on one pitch the shortest, then the softest, stays.
        """
        word = self._nearest_duration[np.minimum(duration * denominator, len(self._nearest_duration) - 1)]
        # One integer a note, 31 + 8 + 7 + 10 + 7 bits: sorting plain integers is several times faster than lexsort.
        key = (((onset << 8 | part) << 7 | pitch) << 10 | word) << 7 | self._nearest_velocity[velocity]
        key.sort()
        key = key[np.append(True, key[1:] >> 17 != key[:-1] >> 17)[: len(key)]]
        return key >> 32, key >> 24 & 255, key >> 17 & 127, key >> 7 & 1023, key & 127

    def _ids(self, table: Table) -> np.ndarray:
        """Return the words of a table: those of each tempo and note, and before them those that tell the time."""
        onset, words = self._events(table)
        at, time = self._time_words(table, onset)
        own = words[there := words >= 0]
        begin = np.append(0, np.cumsum(sum(there.T)))
        # What np.insert(own, begin[at], time) does, in a fifth of its time.
        order = np.argsort(at, kind="stable")
        place = begin[at[order]] + np.arange(len(at))
        ids, free = np.empty(len(own) + len(at), np.int32), np.ones(len(own) + len(at), bool)
        ids[place], free[place] = time[order], False
        ids[free] = own
        return ids

    def _events(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Return when tempos and notes come, in order, and their words, shape (n, 4), -1 where they have fewer."""
        onset = np.concatenate([table.tempo_onset, table.onset])
        words, n = np.full((len(onset), 4), -1, np.int32), len(table.tempo)
        words[:n, 0] = self._zero["Tempo"] + table.tempo
        self._put_notes(words[n:], table, "Pitch", "PitchDrum")
        words[n:, 2] = self._zero["Velocity"] + table.velocity
        words[n:, 3] = self._zero["Duration"] + table.duration
        order = np.argsort(onset, kind="stable")
        return onset.take(order), words.take(order, axis=0)

    def _put_notes(self, words: np.ndarray, table: Table, pitched: str, drum: str) -> None:
        """Write programs and pitches into the first two columns."""
        if self.programs:
            words[:, 0] = self._zero["Program"] + table.program
        words[:, 1] = np.where(table.program == DRUMS, self._zero[drum], self._zero[pitched]) + table.pitch

    def _time_words(self, table: Table, onset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the words that tell the time of events, and before which event each stands."""

    def _read(self, ids: np.ndarray) -> Table | None:
        """Return the table that ids spell, at least one, or None if ``encode`` would not write them so."""

    def _with_notes(self, ids, at, onset, tempo_onset, metres=((0, 4, 4),)) -> Table | None:
        """Return the table of notes and tempos at these onsets, or None if they are not in order."""
        v = at["Velocity"]
        pitch, velocity, duration, tempo = (self._number.take(ids.take(i)) for i in (v - 1, v, v + 1, at["Tempo"]))
        program = self._number.take(ids.take(v - 2)) if self.programs else np.zeros_like(v)
        order = part_order(onset, program, pitch)
        if order is None:
            return None
        return Table(onset, program, pitch, duration, velocity, tempo_onset, tempo, metres, order)

    def encode(self, score: Score) -> list[int]:
        return self._ints.take(self._ids(self._table(score))).tolist()

    @cached_property
    def _ints(self) -> np.ndarray:
        """One object for each id: a list of these is made in half the time of a list of new integers."""
        return np.array(range(len(self.vocab)), dtype=object)

    def project(self, score: Score) -> Score:
        table = self._table(score)
        return self._score(table._replace(order=part_order(*self._sounding(table))))

    def _decode(self, ids: np.ndarray) -> Score | None:
        if not len(ids):
            return self.project(Score([])) if self.grammar().mask()[EOS] else None
        table = self._read(ids)
        return None if table is None else self._score(table)

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
        start, _, denominator = np.array(table.metres).T
        at = 0 if len(start) == 1 else np.searchsorted(start, table.onset, "right") - 1
        ticks = self._duration_ticks * 4 // denominator[:, None]  # (metres, durations)
        return ticks.ravel().take(at * ticks.shape[1] + table.duration)


def part_order(onset: np.ndarray, program: np.ndarray, rank: np.ndarray | None = None) -> list[int] | None:
    """Return programs in the order they follow one another in at any one onset, the lowest first where that is open.

    None if no order agrees with all onsets, or if ranks do not rise within a program at one onset.
    """
    together, other = onset[1:] == onset[:-1], program[1:] != program[:-1]
    if rank is not None and (together & ~other & (rank[1:] <= rank[:-1])).any():
        return None
    earlier: dict[int, set[int]] = {p: set() for p in np.bincount(program).nonzero()[0].tolist()}
    together &= other
    for pair in np.unique(program[:-1][together] << 8 | program[1:][together]).tolist():
        earlier[pair & 255].add(pair >> 8)
    order: list[int] = []
    while len(order) < len(earlier):
        free = (p for p, before in earlier.items() if p not in order and before <= {*order})
        if (first := next(free, None)) is None:
            return None
        order.append(first)
    return order
