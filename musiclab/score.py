"""The value that everything else reads and writes: a score is one table of notes.

Time is counted in integer ticks, ``resolution`` ticks to a quarter note, so equality is exact and a round trip can be
checked with ``==``. Views for people carry their unit in the name: ``onset_quarter``, ``onset_second``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.pitch import shift_key

NOTE = np.dtype([("onset", "i4"), ("duration", "i4"), ("pitch", "i2"), ("velocity", "i2"), ("part", "i2")])
DEFAULT_VELOCITY = 64
WIDE_NOTE = np.dtype([(name, "i8") for name in NOTE.names])  # to count in, before the limits are checked
_LOW, _HIGH = np.array([(0, 1, 0, 1, 0), (2**31 - 1, 2**31 - 1, 127, 127, 2**15 - 1)])  # of NOTE's fields
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)
MODES = ("major", "minor")


class Part(NamedTuple):
    """One line or instrument: a name, a General MIDI program (0-127), and whether it is a drum kit.

    Examples
    --------
    >>> Part("Flute", 73)
    Part(name='Flute', program=73, is_drum=False)
    """

    name: str = ""
    program: int = 0
    is_drum: bool = False


class TimeSignature(NamedTuple):
    """A metre from ``onset`` (ticks) on; a new bar begins there.

    Examples
    --------
    >>> TimeSignature(0, 3, 4), TimeSignature(0, 6, 8).bar(resolution=24)
    (TimeSignature(onset=0, numerator=3, denominator=4), 72)
    """

    onset: int = 0
    numerator: int = 4
    denominator: int = 4

    def bar(self, resolution: int) -> int:
        """Return the ticks of a whole bar."""
        return max(1, resolution * 4 * self.numerator // self.denominator)


class Tempo(NamedTuple):
    """Quarters per minute from ``onset`` (ticks) on.

    Examples
    --------
    >>> Tempo(0, 90)
    Tempo(onset=0, quarters_per_minute=90)
    """

    onset: int = 0
    quarters_per_minute: float = 120.0


class Key(NamedTuple):
    """A key signature from ``onset`` (ticks) on, in fifths (-7 to 7), ``"major"`` or ``"minor"``.

    Examples
    --------
    >>> Key(0, -3, "minor")
    Key(onset=0, fifths=-3, mode='minor')
    """

    onset: int = 0
    fifths: int = 0
    mode: str = "major"


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """Music as a read-only table of notes, and what the notes are counted in.

    Parameters
    ----------
    notes : structured array or iterable of rows
        Rows are ``(onset, duration, pitch[, velocity[, part]])``: onset and duration in ticks, pitch a MIDI number,
        velocity 1-127 (64 if left out), part an index into ``parts`` (0 if left out). Kept sorted by onset, part,
        pitch, duration.
    length : int, optional
        Ticks to the end of the score, at least the end of the last note (the default).
    resolution : int
        Ticks per quarter note.
    pickup : int
        Ticks of an incomplete first bar, 0 if the score begins on a bar line.
    parts, time_signatures, tempos, keys : sequences
        Parts default to one per index used; a metre of 4/4 and a tempo of 120 quarters per minute hold from tick 0
        unless given.
    title, source : str
        For people; not part of ``==``.

    Raises
    ------
    ValueError
        If any value is out of its range; the text names the value, what it got and what is allowed.

    Notes
    -----
    Notebook: 01_music_as_numbers.

    Examples
    --------
    >>> score = Score([(0, 24, 60), (24, 24, 64), (48, 48, 67)])
    >>> score
    Score(3 notes, 1 part, 1 bar of 4/4, 4 quarters)
    >>> score.notes["pitch"]
    array([60, 64, 67], dtype=int16)
    >>> score.onset_quarter
    array([0., 1., 2.])
    >>> score.transpose(2) == score
    False
    """

    notes: np.ndarray
    parts: Sequence[Part] = ()
    length: int | None = None
    resolution: int = 24
    pickup: int = 0
    time_signatures: Sequence[TimeSignature] = ()
    tempos: Sequence[Tempo] = ()
    keys: Sequence[Key] = ()
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        notes = _note_array(self.notes)
        n_parts = int(notes["part"].max(initial=0)) + 1
        last_end = int((notes["onset"].astype(np.int64) + notes["duration"]).max(initial=0))
        values = dict(
            notes=notes,
            parts=tuple(map(_part, self.parts)) or (Part(),) * n_parts,
            length=last_end if self.length is None else _whole("length", self.length),
            resolution=_whole("resolution", self.resolution),
            pickup=_whole("pickup", self.pickup),
            time_signatures=_by_onset(TimeSignature, (TimeSignature(), *self.time_signatures)),
            tempos=_by_onset(Tempo, (Tempo(), *self.tempos)),
            keys=_by_onset(Key, self.keys),
        )
        for name, value in values.items():
            object.__setattr__(self, name, value)
        require(n_parts <= len(self.parts), "part", f"an index into {len(self.parts)} parts", n_parts - 1)
        require(self.resolution >= 1, "resolution", ">= 1 tick per quarter", self.resolution)
        require(last_end <= self.length < 2**31, "length", f"in {last_end}..2**31-1 ticks", self.length)
        require(0 <= self.pickup <= self.length, "pickup", f"in 0..{self.length} ticks", self.pickup)

    # --- identity ---------------------------------------------------------------------------------------------------

    def _identity(self) -> tuple:
        _, *rest, _title, _source = self._fields()
        return (self.notes.tobytes(), *rest)

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, Score) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity())

    def _fields(self) -> tuple:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def __reduce__(self) -> tuple:
        return Score, self._fields()  # or notes come back writable

    def __len__(self) -> int:
        return len(self.notes)

    def __repr__(self) -> str:
        title = f"{self.title!r}, " if self.title else ""
        counts = {"note": len(self), "part": len(self.parts), "bar": self.n_bars}
        counted = ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counts.items())
        metre = "{}/{}".format(*self.time_signatures[0][1:])
        return f"Score({title}{counted} of {metre}, {self.length / self.resolution:g} quarters)"

    # --- views ------------------------------------------------------------------------------------------------------

    @property
    def end(self) -> np.ndarray:
        """Ticks at which each note ends, shape (n,)."""
        return self.notes["onset"] + self.notes["duration"]

    @property
    def onset_quarter(self) -> np.ndarray:
        """Onsets in quarter notes from the start of the score, shape (n,)."""
        return self.notes["onset"] / self.resolution

    @property
    def duration_quarter(self) -> np.ndarray:
        """Durations in quarter notes, shape (n,)."""
        return self.notes["duration"] / self.resolution

    @property
    def onset_second(self) -> np.ndarray:
        """Onsets in seconds, following the tempos, shape (n,)."""
        return self.seconds(self.notes["onset"])

    @property
    def duration_second(self) -> np.ndarray:
        """Durations in seconds, following the tempos, shape (n,)."""
        return self.seconds(self.end) - self.onset_second

    @property
    def length_second(self) -> float:
        """Length of the score in seconds."""
        return float(self.seconds(self.length))

    def seconds(self, ticks: np.ndarray | int) -> np.ndarray:
        """Return when the given ticks sound, in seconds from the start, following the tempos.

        Examples
        --------
        >>> score = Score([(0, 48, 60)], tempos=[(0, 60), (24, 120)])
        >>> score.seconds([0, 24, 48]).tolist()
        [0.0, 1.0, 1.5]
        """
        ticks = np.asarray(ticks, dtype=np.float64)
        change = np.array([t.onset for t in self.tempos], dtype=np.float64)
        per_tick = 60.0 / (self.resolution * np.array([t.quarters_per_minute for t in self.tempos]))
        at_change = np.concatenate([[0.0], np.cumsum(np.diff(change) * per_tick[:-1])])
        i = np.searchsorted(change, ticks, side="right") - 1
        return at_change[i] + (ticks - change[i]) * per_tick[i]

    @cached_property
    def bar_onsets(self) -> np.ndarray:
        """Ticks at which the bars begin, shape (n_bars,); a pickup is bar 0."""
        changes = [ts.onset for ts in self.time_signatures[1:]]
        spans = zip([self.pickup, *changes], [*changes, self.length], self.time_signatures, strict=True)
        grids = [np.arange(start, min(stop, self.length), ts.bar(self.resolution)) for start, stop, ts in spans]
        return np.unique(np.concatenate([np.zeros(int(self.pickup > 0), dtype=np.int64), *grids]))

    @property
    def n_bars(self) -> int:
        """Number of bars, counting a pickup and an incomplete last bar."""
        return len(self.bar_onsets)

    def roll(self, steps_per_quarter: int = 4) -> np.ndarray:
        """Return the piano roll: the loudest velocity sounding in each cell, 0 for silence.

        A note fills every step it touches, so the roll cannot tell two short notes from one long one.

        Parameters
        ----------
        steps_per_quarter : int
            Columns per quarter note.

        Returns
        -------
        ndarray of uint8, shape (128, steps)

        Examples
        --------
        >>> roll = Score([(0, 24, 60), (24, 12, 64)]).roll(steps_per_quarter=2)
        >>> roll.shape, roll[60].tolist(), roll[64].tolist()
        ((128, 3), [64, 64, 0], [0, 0, 64])
        """
        require(steps_per_quarter >= 1, "steps_per_quarter", ">= 1", steps_per_quarter)
        step = self.resolution / steps_per_quarter
        roll = np.zeros((128, int(np.ceil(self.length / step))), dtype=np.uint8)
        first, last = (self.notes["onset"] / step).astype(int), np.ceil(self.end / step).astype(int)
        cells = np.stack([self.notes["pitch"], first, last, self.notes["velocity"]], axis=1)
        for pitch, i, j, velocity in cells.tolist():
            roll[pitch, i:j] = np.maximum(roll[pitch, i:j], velocity)
        return roll

    # --- changes: each returns a new score --------------------------------------------------------------------------

    def part(self, which: int | str) -> Score:
        """Return the score with one part only, chosen by index or name; the length stays.

        Raises
        ------
        ValueError
            If there is no such part.

        Examples
        --------
        >>> duet = Score([(0, 24, 72, 64, 0), (0, 24, 48, 64, 1)], parts=[("Soprano",), ("Bass",)])
        >>> duet.part("Bass").notes["pitch"].tolist(), duet.part(0).notes["pitch"].tolist()
        ([48], [72])
        """
        names = [p.name for p in self.parts]
        index = names.index(which) if which in names else which
        allowed = f"one of {names} or an index below {len(names)}"
        require(isinstance(index, (int, np.integer)) and 0 <= index < len(names), "part", allowed, repr(which))
        notes = self.notes[self.notes["part"] == index]
        notes["part"] = 0
        return replace(self, notes=notes, parts=(self.parts[index],))

    def bars(self, start: int, stop: int | None = None) -> Score:
        """Return bars ``start`` up to, not including, ``stop`` (to the end if left out); bar 0 is the pickup if any.

        Notes that reach over the edges are cut there.

        Raises
        ------
        ValueError
            If ``start`` is not a bar of this score, or ``stop`` comes before it.

        Examples
        --------
        >>> score = Score([(0, 24, 60), (24, 96, 62), (120, 96, 64)], pickup=24)
        >>> score.bars(1, 2)
        Score(1 note, 1 part, 1 bar of 4/4, 4 quarters)
        """
        n = self.n_bars
        stop = n if stop is None else min(stop, n)
        require(0 <= start < max(n, 1), "start", f"a bar in 0..{max(n - 1, 0)}", start)
        require(start <= stop, "stop", f">= start ({start})", stop)
        edges = [*self.bar_onsets.tolist(), self.length]
        return self.excerpt(edges[start], edges[stop])

    def excerpt(self, start: int, stop: int) -> Score:
        """Return what sounds from tick ``start`` up to tick ``stop``; notes that reach over the edges are cut there.

        Raises
        ------
        ValueError
            If not ``0 <= start <= stop``.
        """
        stop = min(stop, self.length)
        require(0 <= start <= stop, "start", f"in 0..{stop}", start)
        onset, end = np.maximum(self.notes["onset"], start), np.minimum(self.end, stop)
        sounds = onset < end
        notes = self.notes[sounds]
        notes["onset"], notes["duration"] = (onset - start)[sounds], (end - onset)[sounds]
        lines = np.append(self.pickup, self.bar_onsets)
        first_line = int(lines[lines >= max(start, self.pickup)].min(initial=stop))
        changes = self._changes(lambda tick: max(0, tick - start))  # of all that came before, the last one holds
        changes = {name: [c for c in moved if c.onset < max(1, stop - start)] for name, moved in changes.items()}
        return replace(self, notes=notes, length=stop - start, pickup=first_line - start, **changes)

    def _changes(self, move: Callable[[int], int]) -> dict[str, list]:
        """Return the metres, tempos and keys, by the names of their fields, at the ticks that ``move`` gives."""
        fields = {name: getattr(self, name) for name in ("time_signatures", "tempos", "keys")}
        return {name: [c._replace(onset=move(c.onset)) for c in changes] for name, changes in fields.items()}

    def transpose(self, semitones: int) -> Score:
        """Return the score moved by semitones, key signatures included; drum parts stay.

        Raises
        ------
        ValueError
            If a note would leave MIDI's range 0-127.

        Examples
        --------
        >>> Score([(0, 24, 60)], keys=[(0, 0)]).transpose(-3).keys
        (Key(onset=0, fifths=3, mode='major'),)
        """
        require(-127 <= semitones <= 127, "semitones", "in -127..127", semitones)
        notes = self.notes.copy()
        drum = np.array([p.is_drum for p in self.parts])
        notes["pitch"] += np.where(drum[notes["part"]], 0, semitones).astype(np.int16)
        keys = tuple(k._replace(fifths=shift_key(k.fifths, semitones)) for k in self.keys)
        return replace(self, notes=notes, keys=keys)

    def quantize(self, steps_per_quarter: int) -> Score:
        """Return the score with onsets and ends moved to the nearest step (half a step moves later).

        A note keeps at least one step. Resolution stays.

        Raises
        ------
        ValueError
            If ``steps_per_quarter`` does not divide the resolution.

        Examples
        --------
        >>> Score([(1, 22, 60), (25, 3, 62)]).quantize(4).notes[["onset", "duration"]].tolist()
        [(0, 24), (24, 6)]
        """
        ok = steps_per_quarter >= 1 and self.resolution % steps_per_quarter == 0
        require(ok, "steps_per_quarter", f"a divisor of the resolution {self.resolution}", steps_per_quarter)
        step = self.resolution // steps_per_quarter
        return self._retimed(lambda ticks: (2 * ticks + step) // (2 * step) * step, shortest=step)

    def resample(self, resolution: int) -> Score:
        """Return the score with another number of ticks per quarter; onsets and ends move to the nearest tick.

        Examples
        --------
        >>> Score([(0, 24, 60)]).resample(480).notes["duration"].tolist()
        [480]
        """
        require(resolution >= 1, "resolution", ">= 1 tick per quarter", resolution)
        old = self.resolution
        moved = self._retimed(lambda ticks: (2 * ticks * resolution + old) // (2 * old), shortest=1)
        return replace(moved, resolution=resolution)

    def _retimed(self, move: Callable, shortest: int) -> Score:
        """Return the score with every tick passed through ``move``; a note lasts at least ``shortest``."""
        notes = self.notes.astype(WIDE_NOTE)
        onset = move(notes["onset"])
        end = np.maximum(move(self.end.astype(np.int64)), onset + shortest)
        notes["onset"], notes["duration"] = onset, end - onset
        length = max(move(self.length), int(end.max(initial=0)))
        return replace(self, notes=notes, length=length, pickup=min(move(self.pickup), length), **self._changes(move))

    def concat(self, other: Score) -> Score:
        """Return this score followed at once by another; the other's pickup is played after this score's end.

        Raises
        ------
        ValueError
            If the resolutions or the parts differ.

        Examples
        --------
        >>> bar = Score([(0, 96, 60)])
        >>> bar.concat(bar.transpose(2)).notes["onset"].tolist()
        [0, 96]
        """
        require(other.resolution == self.resolution, "resolution", f"the same ({self.resolution})", other.resolution)
        require(other.parts == self.parts, "parts", f"the same ({self.parts})", other.parts)
        notes = other.notes.copy()
        notes["onset"] += self.length
        changes = other._changes(lambda tick: tick + self.length)
        metres, last = changes["time_signatures"], self.time_signatures[-1]
        metres[0] = metres[0]._replace(onset=self.length + other.pickup)
        on_bar_line = (metres[0].onset - (last.onset or self.pickup)) % last.bar(self.resolution) == 0
        for name, later in changes.items():
            before = getattr(self, name)
            holds_already = [c[1:] for c in before[-1:]] == [c[1:] for c in later[:1]]
            skip = holds_already and (on_bar_line or later is not metres)
            changes[name] = [*before, *later[skip:]]
        return replace(self, notes=np.concatenate([self.notes, notes]), length=self.length + other.length, **changes)


def _note_array(notes: np.ndarray | Iterable[Sequence[int]]) -> np.ndarray:
    """Return the notes as a checked, sorted, read-only array of dtype NOTE."""
    if not (isinstance(notes, np.ndarray) and notes.dtype.names):
        notes = np.array([_row(note) for note in notes], dtype=WIDE_NOTE)
    require(notes.dtype.names == NOTE.names, "fields of the notes", NOTE.names, notes.dtype.names)
    for name in NOTE.names:
        require(notes.dtype[name].kind in "iu", name, "whole numbers", notes.dtype[name])
    table = np.array([notes[name] for name in NOTE.names], dtype=np.int64)  # (5, n)
    for field in np.flatnonzero((table.min(axis=1, initial=1) < _LOW) | (table.max(axis=1, initial=0) > _HIGH)):
        low, high = _LOW[field], _HIGH[field]
        at = np.flatnonzero((table[field] < low) | (table[field] > high))[0]
        require(False, NOTE.names[field], f"in {low}..{high}", f"{table[field, at]} at note {at}")
    onset, duration, pitch, velocity, part = table
    key = (onset << 16 | part) << 7 | pitch  # one integer a note: most tables come sorted, and then nothing moves
    if not (key[1:] > key[:-1]).all():
        order = np.argsort(key, kind="stable")
        if (key[order[1:]] == key[order[:-1]]).any():
            order = np.lexsort([velocity, duration, key])
        table = table.take(order, axis=1)
    sorted_notes = np.empty(len(key), dtype=NOTE)
    for name, column in zip(NOTE.names, table, strict=True):
        sorted_notes[name] = column
    sorted_notes.setflags(write=False)
    return sorted_notes


def _row(note: Sequence[int]) -> tuple:
    whole = 3 <= len(note) <= 5 and all(isinstance(value, (int, np.integer)) for value in note)
    require(whole, "note", "whole numbers (onset, duration, pitch[, velocity[, part]])", note)
    return (*note, *(DEFAULT_VELOCITY, 0)[len(note) - 3 :])


def _whole(name: str, value: object) -> int:
    require(isinstance(value, (int, np.integer)), name, "a whole number", repr(value))
    return int(value)


def _part(row: Sequence) -> Part:
    require(isinstance(row, tuple | list) and len(row) <= 3, "Part", "rows (name, program, is_drum)", repr(row))
    part = Part(*row)
    require(0 <= part.program <= 127, "program", "in 0..127", part.program)
    return part


_HOLDS = {  # from an onset on: its name, what it may be, and the test of that
    TimeSignature: ("time signature", "1..255 over 1, 2, 4 .. 64", lambda n, d: 1 <= n <= 255 and d in DENOMINATORS),
    Tempo: ("tempo", "> 0 quarters per minute", lambda tempo: 0 < tempo < np.inf),
    Key: ("key", "-7..7 fifths, 'major' or 'minor'", lambda fifths, mode: -7 <= fifths <= 7 and mode in MODES),
}


def _by_onset(kind: type, changes: Sequence[tuple]) -> tuple:
    """Return the changes, checked and sorted, the last of several at one onset kept."""
    name, allowed, test = _HOLDS[kind]
    by_onset = {}
    for row in changes:
        whole = isinstance(row, tuple | list) and 2 + (kind is TimeSignature) <= len(row) <= len(kind._fields)
        require(whole, kind.__name__, f"({', '.join(kind._fields)})", repr(row))
        change = kind(*row)
        require(0 <= _whole("onset", change.onset) < 2**31, "onset", "in 0..2**31-1 ticks", change.onset)
        require(test(*change[1:]), name, allowed, change[1:])
        by_onset[change.onset] = change
    return tuple(by_onset[onset] for onset in sorted(by_onset))
