"""MIDILike: notes begin and end by words of their own, as in a MIDI file, and time shifts lie between."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.tokenizers.base import EOS, Grammar, Tokenizer
from musiclab.tokenizers.event_words import DRUM_RANGE, DRUMS, START
from musiclab.tokenizers.events import Table, part_order
from musiclab.tokenizers.shifts import ShiftGrammar, Shifts


@dataclass(frozen=True, repr=False)
class MIDILike(Shifts, Tokenizer):
    """Tokenizer of several parts by note-on, note-off and time shift.

    ``TimeShift_1.4.8`` moves on by a beat and four eighths of a beat, a beat being a quarter; a longer gap is the
    longest shift as often as it fits, then the longest that fits the rest. At one onset come ``Tempo_121.29``, then by
    part the notes that end (``Program_0``, ``NoteOff_60``), the earliest begun first, then those that begin
    (``Program_0``, ``NoteOn_60``, ``Velocity_63``) by pitch. Drums have ``DrumOn_36`` and ``DrumOff_36``.

    Parameters
    ----------
    steps_per_beat : rows (from beat, to beat, steps)
        Shifts that have a word; the most steps are the grid.
    pitch_range : (lowest, highest)
        Of pitched parts. Drums have the words 27-88.
    velocities, tempos : int
        How many words; tempos lie between 40 and 250 quarters per minute, and 0 writes none.
    programs : bool
        Write the program before each note. Otherwise all pitched parts are one, and drums are left out.

    Notes
    -----
    What it cannot say, and what :meth:`project` puts in its place: metres and the pickup (4/4 from the start), keys
    (none); which of two notes that overlap on one pitch of one part ends first (the first to begin); durations are
    moved to the grid, however long they are; the rest as :class:`~musiclab.tokenizers.REMI` does.

    ``MIDILike()`` writes MidiTok's ids [2]_ for ``TokenizerConfig(pitch_range=(0, 127), use_programs=True,
    use_tempos=True, use_time_signatures=False, remove_duplicated_notes=True)``, with words spelled the same but for
    the special ones (``PAD`` for ``PAD_None``). It differs where a note lies within another of the same pitch and part:
    notes that end together are ordered by the onsets that decoding finds, not by those before encoding, so that
    encoding again changes nothing. ``decode`` refuses what ``encode`` never writes, such as notes without an end,
    which MidiTok drops.

    Notebook: 02_tokens.

    References
    ----------
    .. [1] Oore et al., "This time with feeling", Neural Computing and Applications 2018.
    .. [2] Fradet et al., "MidiTok", ISMIR late-breaking demo 2021; version 3.1.

    Examples
    --------
    >>> from musiclab.score import Score
    >>> tok = MIDILike()
    >>> score = Score([(0, 24, 60)])
    >>> tok.words(tok.encode(score))
    ['Tempo_121.29', 'Program_0', 'NoteOn_60', 'Velocity_63', 'TimeShift_1.0.8', 'Program_0', 'NoteOff_60']
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    _LAST = ("NoteOff", "DrumOff", "Tempo")

    @property
    def _note_starts(self) -> tuple[str, ...]:
        return ("Program", "Drums") if self.programs else ("NoteOn", "NoteOff")

    def _blocks(self) -> dict[str, Iterable]:
        kinds = ("NoteOn", "NoteOff", "Velocity", "TimeShift", "DrumOn", "DrumOff", "Tempo", "Program")
        return self._note_blocks(*kinds)

    def _followers(self) -> dict[str, str]:
        return {
            START: "Tempo Note TimeShift", "TimeShift": "TimeShift Tempo Note", "Tempo": "Note TimeShift",
            "Program": "NoteOn NoteOff", "Drums": "DrumOn DrumOff", "NoteOn": "Velocity", "DrumOn": "Velocity",
            "Velocity": "Note TimeShift", "NoteOff": "Note TimeShift", "DrumOff": "Note TimeShift",
        }  # fmt: skip

    def _sorted_notes(self, onset, duration, pitch, velocity, part, denominator) -> tuple[np.ndarray, ...]:
        """Return the first five columns of a table, but parts for programs; ends go to onsets first in, first out."""
        velocity = self._nearest_velocity[velocity]
        key = (onset << 8 | part) << 7 | pitch
        order = np.argsort(key, kind="stable")
        if (key[order[1:]] == key[order[:-1]]).any():
            order = np.lexsort([velocity, duration, key])
            order = order[np.append(True, key[order[1:]] != key[order[:-1]])]
        onset, duration, pitch, velocity, part = (c[order] for c in (onset, duration, pitch, velocity, part))
        line = part << 7 | pitch
        by_line = np.argsort(line.astype(np.int16), kind="stable")
        end = (line << 32 | onset + duration)[by_line]
        end.sort()
        duration[by_line] = (end & 0xFFFFFFFF) - onset[by_line]
        return onset, part, pitch, duration, velocity

    def _events(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Return what happens in order: when, and what, counting tempos, then ends, then onsets of notes."""
        rank = np.zeros(DRUMS + 1, dtype=np.int64)
        rank[table.order] = np.arange(len(table.order))
        part = rank[table.program] << 1
        end = table.onset + table.duration
        key = np.concatenate([table.tempo_onset << 9, end << 9 | part, table.onset << 9 | part | 1])
        event = np.argsort(key, kind="stable")
        return key[event] >> 9, event

    def _sounding(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        onset, event = self._events(table._replace(tempo_onset=table.tempo_onset[:0]))
        return onset, np.tile(table.program, 2)[event]

    def _ids(self, table: Table) -> np.ndarray:
        spans, n_tempos, n = self._spans, len(table.tempo), len(table.onset)
        onset, event = self._events(table)
        own = np.repeat([1, 1 + self.programs, 2 + self.programs], [n_tempos, n, n])
        out, begin = self._with_shifts(onset, own[event])
        at = np.empty_like(begin)
        at[event] = begin
        off, on = at[n_tempos : n_tempos + n], at[n_tempos + n :]
        out[at[:n_tempos]] = spans["Tempo"].start + table.tempo
        if self.programs:
            out[off] = out[on] = spans["Program"].start + table.program
            off, on = off + 1, on + 1
        out[off] = self._pitch_ids(table, "NoteOff", "DrumOff")
        out[on] = self._pitch_ids(table, "NoteOn", "DrumOn")
        out[on + 1] = spans["Velocity"].start + table.velocity
        return out

    def _read(self, ids: np.ndarray) -> Table | None:
        at = self._places(ids, self._LAST, (*self._LAST, "TimeShift", "Velocity"))
        now = None if at is None else self._read_shifts(ids, at["TimeShift"])
        if now is None or (self.tempos and at["Tempo"][:1].tolist() != [0]):
            return None
        on, off = at["Velocity"] - 1, at["NoteOff"]
        if len(at["DrumOff"]):
            off = np.sort(np.concatenate([off, at["DrumOff"]]))
        where = np.concatenate([off, on])
        program = ids[where - 1] - self._spans["Program"].start if self.programs else np.zeros_like(where)
        pitch, n = self._pitch_of_id[ids[where]], len(off)
        line = (program << 7 | pitch).astype(np.int16)  # 16 bits are sorted by counting
        off_by_line, on_by_line = np.argsort(line[:n], kind="stable"), np.argsort(line[n:], kind="stable")
        if not np.array_equal(line[:n][off_by_line], line[n:][on_by_line]):
            return None
        duration = np.empty(n, dtype=np.int64)
        duration[on_by_line] = now[off[off_by_line]] - now[on[on_by_line]]
        # At one onset a part's notes end in the order they began, then others begin by pitch.
        place = np.concatenate([np.empty(n, dtype=np.int64), n + pitch[n:]])
        place[off_by_line] = on_by_line
        event = np.argsort(where, kind="stable")
        onset, part, place = now[where[event]], program[event], place[event]
        same = (onset[1:] == onset[:-1]) & (part[1:] == part[:-1])
        order = part_order(onset, part)
        if order is None or (duration < 1).any() or (same & (place[1:] <= place[:-1])).any():
            return None
        velocity, tempo = (ids[at[kind]] - self._spans[kind].start for kind in ("Velocity", "Tempo"))
        return Table(now[on], program[n:], pitch[n:], duration, velocity, now[at["Tempo"]], tempo, ((0, 4, 4),), order)

    def _ticks(self, table: Table) -> np.ndarray:
        return table.duration

    def grammar(self) -> Grammar:
        return _MIDILikeGrammar(self)

    def finish(self, ids: Sequence[int]) -> list[int]:
        """Return ids that the grammar allows, and what ends the notes that would sound on."""
        grammar, done = self.grammar(), list(ids)
        for token_id in ids:
            grammar.push(int(token_id))
        while not (mask := grammar.closing())[EOS]:
            done.append(int(mask.argmax()))
            grammar.push(done[-1])
        return done


class _MIDILikeGrammar(ShiftGrammar):
    """Keeps when the notes that sound on each pitch began; the first to begin is the first to end."""

    def __init__(self, tok: MIDILike) -> None:
        super().__init__(tok)
        self.sounding: dict[tuple[int | None, int], deque[int]] = {}

    def _next_onset(self) -> None:
        super()._next_onset()
        self.last_end = (-1, -1)

    def _stoppable(self, program: int | None) -> list[int]:
        """Return the pitches of a part that may end here: not after one of its onsets, and in the order they began."""
        last = self.last_end
        if program != self.program:
            last = (-1, -1)
        elif self.pitch >= 0:
            return []
        return [
            pitch
            for (of, pitch), began in self.sounding.items()
            if of == program and last < (began[0], pitch) and began[0] < self.now
        ]

    def _more_notes(self) -> bool:
        return super()._more_notes() or bool(self._stoppable(self.program))

    def _restrict(self, mask: np.ndarray) -> None:
        super()._restrict(mask)
        ends = self._ends(self.program) & mask
        self._forbid(mask, "NoteOff")
        self._forbid(mask, "DrumOff")
        mask |= ends

    def _ends(self, program: int | None) -> np.ndarray:
        """Return the ids that end a note of this part here."""
        mask = np.zeros(len(self.tok.vocab), dtype=bool)
        kind, (low, _) = ("DrumOff", DRUM_RANGE) if program == DRUMS else ("NoteOff", self.tok.pitch_range)
        mask[[self.tok._spans[kind].start + pitch - low for pitch in self._stoppable(program)]] = True
        return mask

    def closing(self) -> np.ndarray:
        """Return which of the legal ids lead to the end the shortest way: what sounds is ended, nothing begun."""
        mask, spans = self.mask(), self.tok._spans
        ways = [mask & (np.arange(len(mask)) == EOS), mask & self._ends(self.program)]
        if self.tok.programs:
            stops = np.zeros_like(mask)
            stops[[spans["Program"].start + p for p in {p for p, _ in self.sounding} if self._stoppable(p)]] = True
            ways.append(mask & stops)
        shifts = np.zeros_like(mask)
        shifts[spans["TimeShift"].start] = self.sounding != {}
        return next((way for way in [*ways, mask & shifts] if way.any()), mask)

    def _push(self, kind: str, value: int) -> None:
        super()._push(kind, value)
        low = (DRUM_RANGE if kind.startswith("Drum") else self.tok.pitch_range)[0]
        line = (self.program, value + low)
        if kind in ("NoteOn", "DrumOn"):
            self.sounding.setdefault(line, deque()).append(self.now)
        elif kind in ("NoteOff", "DrumOff"):
            began = self.sounding[line].popleft()
            self.last_end = (began, value + low)
            if not self.sounding[line]:
                del self.sounding[line]

    def _may_end(self) -> bool:
        return super()._may_end() and not self.sounding
