"""TSD: time shifts between onsets, and notes of four words with their duration; no bars. MIDILike has its shifts."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from musiclab.tokenizers.base import Grammar, Tokenizer
from musiclab.tokenizers.event_grammar import EventGrammar
from musiclab.tokenizers.event_words import START
from musiclab.tokenizers.events import LAST_TICK, Events, Table


class Shifts(Events):
    """A tokenizer whose time moves on by shifts; a gap is the longest shift as often as it fits, then the next."""

    @cached_property
    def _splits(self) -> tuple[np.ndarray, np.ndarray]:
        """The shifts that fill each gap below the longest, longest first: how many, and which, shape (gap, most)."""
        ticks = self._duration_ticks
        rows: list[list[int]] = [[]]
        for gap in range(1, ticks[-1]):
            longest = int(np.searchsorted(ticks, gap, "right")) - 1
            rows.append([longest, *rows[gap - ticks[longest]]])
        count = np.array([len(row) for row in rows])
        return count, np.array([row + [0] * (count.max() - len(row)) for row in rows])

    def _time_words(self, table: Table | None, onset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count, split = self._splits
        gap = np.diff(onset, prepend=0)
        moving = np.flatnonzero(gap)
        longest, rest = np.divmod(gap[moving], len(count))
        shifts = longest + count[rest]
        nth = np.arange(shifts.sum()) - np.repeat(np.cumsum(shifts) - count[rest], shifts)
        shift = np.where(nth < 0, len(self.durations) - 1, split[np.repeat(rest, shifts), np.maximum(nth, 0)])
        return np.repeat(moving, shifts), self._zero["TimeShift"] + shift

    def _read_shifts(self, ids: np.ndarray, at: np.ndarray) -> np.ndarray | None:
        """Return the tick at each id, or None if a gap is not split as ``encode`` splits it."""
        now = np.zeros(len(ids), dtype=np.int64)
        now[at] = self._duration_ticks[self._number[ids[at]]]
        np.cumsum(now, out=now)
        ends_row = np.append(np.diff(at) > 1, True)[: len(at)]  # the next shift does not follow at once
        _, shifts = self._time_words(None, now[at[ends_row]])
        return now if np.array_equal(shifts, ids[at]) else None


@dataclass(frozen=True, repr=False)
class TSD(Shifts, Tokenizer):
    """Tokenizer of several parts by time shift and duration.

    ``TimeShift_1.4.8`` moves on by a beat and four eighths of a beat, a beat being a quarter; a longer gap is the
    longest shift as often as it fits, then the longest that fits the rest. At an onset come ``Tempo_121.29``, then
    notes of four words: ``Program_0``, ``Pitch_60`` (``PitchDrum_36`` for drums), ``Velocity_63``, ``Duration_1.0.8``,
    by part, then pitch.

    Parameters
    ----------
    steps_per_beat : rows (from beat, to beat, steps)
        Durations and shifts that have a word; the most steps are the grid.
    pitch_range : (lowest, highest)
        Of pitched parts. Drums have the words 27-88.
    velocities, tempos : int
        How many words; tempos lie between 40 and 250 quarters per minute, and 0 writes none.
    programs : bool
        Write the program before each note. Otherwise all pitched parts are one, and drums are left out.

    Notes
    -----
    What it cannot say, and what :meth:`project` puts in its place: metres and the pickup (4/4 from the start), keys
    (none); the rest as :class:`~musiclab.tokenizers.REMI` does.

    ``TSD()`` writes MidiTok's ids [2]_ for ``TokenizerConfig(pitch_range=(0, 127), use_programs=True,
    use_tempos=True, use_time_signatures=False, remove_duplicated_notes=True)``, with words spelled the same but for
    the special ones (``PAD`` for ``PAD_None``). ``decode`` refuses what ``encode`` never writes, such as notes out of
    order, which MidiTok reads.

    Notebook: 02_tokens.

    References
    ----------
    .. [1] Fradet et al., "Byte Pair Encoding for Symbolic Music", EMNLP 2023.
    .. [2] Fradet et al., "MidiTok", ISMIR late-breaking demo 2021; version 3.1.

    Examples
    --------
    >>> from musiclab.score import Score
    >>> tok = TSD()
    >>> score = Score([(0, 24, 60), (48, 24, 67)])
    >>> tok.words(tok.encode(score))[:6]
    ['Tempo_121.29', 'Program_0', 'Pitch_60', 'Velocity_63', 'Duration_1.0.8', 'TimeShift_2.0.8']
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    _FOLLOWERS: ClassVar = {
        START: "Tempo else note TimeShift", "Pitch": "Velocity", "Velocity": "Duration", "Duration": "note TimeShift",
        "TimeShift": "TimeShift Tempo note", "PitchDrum": "Velocity", "Tempo": "note TimeShift", "Program": "Pitch",
        "Drums": "PitchDrum",
    }  # fmt: skip

    def _read(self, ids: np.ndarray) -> Table | None:
        at = self._places(ids, "TimeShift", "Tempo", "Velocity")
        now = None if at is None else self._read_shifts(ids, at["TimeShift"])
        return None if now is None else self._with_notes(ids, at, now[at["Velocity"]], now[at["Tempo"]])

    def grammar(self) -> Grammar:
        return ShiftGrammar(self)


class ShiftGrammar(EventGrammar):
    """Time shifts fill a gap as ``encode`` does: the longest that fits, then what is left."""

    def __init__(self, tok: Shifts) -> None:
        super().__init__(tok)
        self.now, self.room = 0, LAST_TICK

    @property
    def n_bars(self) -> int:
        return self.now // (4 * self.tok._resolution)

    def _restrict(self, mask: np.ndarray) -> None:
        mask[self.tok._spans["TimeShift"]][np.searchsorted(self.tok._duration_ticks, self.room) :] = False

    def _push(self, number: int) -> None:
        if self.kind != "TimeShift":
            self.room = LAST_TICK
            return
        ticks = np.append(self.tok._duration_ticks, LAST_TICK)
        self.now += int(ticks[number])
        # What is left must be shorter than it takes to have a longer shift in place of this one.
        self.room = min(self.room - int(ticks[number]), int(ticks[number + 1] - ticks[number]))
        self._next_onset()
