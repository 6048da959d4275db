"""Time shifts, which TSD and MIDILike share: gaps to words and back, and the grammar of a gap."""

from functools import cached_property

import numpy as np

from musiclab.tokenizers.event_grammar import EventGrammar
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
