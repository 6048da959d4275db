"""MIDILike: notes begin and end by words of their own, as in a MIDI file, and time shifts lie between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from musiclab.tokenizers.base import Grammar, Tokenizer
from musiclab.tokenizers.event_words import DRUMS, START
from musiclab.tokenizers.events import Table, part_order
from musiclab.tokenizers.tsd import ShiftGrammar, Shifts


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
    _FOLLOWERS: ClassVar = {
        START: "Tempo else note TimeShift", "NoteOn": "Velocity", "NoteOff": "note TimeShift",
        "Velocity": "note TimeShift", "TimeShift": "TimeShift Tempo note", "DrumOn": "Velocity",
        "DrumOff": "note TimeShift", "Tempo": "note TimeShift", "Program": "NoteOn NoteOff", "Drums": "DrumOn DrumOff",
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

    def _order(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Return what happens in order: when, and what, counting tempos, then ends, then onsets of notes."""
        rank = np.zeros(DRUMS + 1, dtype=np.int64)
        rank[table.order] = np.arange(len(table.order))
        part = rank[table.program] << 1
        end = table.onset + table.duration
        key = np.concatenate([table.tempo_onset << 9, end << 9 | part, table.onset << 9 | part | 1])
        event = np.argsort(key, kind="stable")
        return key[event] >> 9, event

    def _events(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        onset, event = self._order(table)
        words, n, n_tempos = np.full((len(event), 3), -1, np.int32), len(table.onset), len(table.tempo)
        words[:n_tempos, 0] = self._zero["Tempo"] + table.tempo
        self._put_notes(words[n_tempos : n_tempos + n], table, "NoteOff", "DrumOff")
        self._put_notes(words[n_tempos + n :], table, "NoteOn", "DrumOn")
        words[n_tempos + n :, 2] = self._zero["Velocity"] + table.velocity
        return onset, words.take(event, axis=0)

    def _sounding(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        onset, event = self._order(table._replace(tempo_onset=table.tempo_onset[:0]))
        return onset, np.tile(table.program, 2)[event]

    def _read(self, ids: np.ndarray) -> Table | None:
        at = self._places(ids, "TimeShift", "Tempo", "Velocity", "NoteOff", "DrumOff")
        now = None if at is None else self._read_shifts(ids, at["TimeShift"])
        if now is None:
            return None
        on, off = at["Velocity"] - 1, np.sort(np.concatenate([at["NoteOff"], at["DrumOff"]]))
        where, n = np.concatenate([off, on]), len(off)
        program = self._number[ids[where - 1]] if self.programs else np.zeros_like(where)
        pitch = self._number[ids[where]]
        line = (program << 7 | pitch).astype(np.int16)  # 16 bits are sorted by counting
        off_by_line, on_by_line = np.argsort(line[:n], kind="stable"), np.argsort(line[n:], kind="stable")
        if not np.array_equal(line[:n][off_by_line], line[n:][on_by_line]):
            return None
        duration = np.empty(n, dtype=np.int64)
        duration[on_by_line] = now[off[off_by_line]] - now[on[on_by_line]]
        # At one onset a part's notes end in the order they began, then others begin by pitch.
        rank = np.append(np.empty(n, dtype=np.int64), n + pitch[n:])
        rank[off_by_line] = on_by_line
        event = np.argsort(where, kind="stable")
        order = part_order(now[where[event]], program[event], rank[event])
        if order is None or (duration < 1).any():
            return None
        velocity, tempo = (self._number[ids[at[kind]]] for kind in ("Velocity", "Tempo"))
        return Table(now[on], program[n:], pitch[n:], duration, velocity, now[at["Tempo"]], tempo, ((0, 4, 4),), order)

    def _ticks(self, table: Table) -> np.ndarray:
        return table.duration

    def grammar(self) -> Grammar:
        return _MIDILikeGrammar(self)

    def finish(self, ids: Sequence[int]) -> list[int]:
        """Return ids that the grammar allows up to the last whole event, and what ends the notes that sound on."""
        whole, done, grammar = self._is("TimeShift", "Velocity", *self._LAST), list(ids), self.grammar()
        while done and not whole[done[-1]]:
            done.pop()
        for token_id in done:
            grammar.push(int(token_id))
        if not grammar.sounding:
            return super().finish(ids)
        done += [self._zero["TimeShift"]] * (grammar.kind != "TimeShift")
        rank = grammar.before.sum(axis=0)  # of two parts in order, the later one has more before it
        for _, part, pitch in sorted(grammar.sounding, key=lambda note: (rank[note[1]], note[1], note)):
            off = "DrumOff" if part == DRUMS else "NoteOff"
            done += [self._zero["Program"] + part] * self.programs + [self._zero[off] + pitch]
        return done


class _MIDILikeGrammar(ShiftGrammar):
    """Keeps the notes that sound as (onset, part, pitch), in the order they began; the first to begin ends first."""

    def __init__(self, tok: MIDILike) -> None:
        super().__init__(tok)
        self.sounding: list[tuple[int, int, int]] = []

    def _next_onset(self) -> None:
        super()._next_onset()
        self.last_end = (-1, -1)

    def _stoppable(self) -> list[int]:
        """Return the pitches of this part that may end here: in the order they began, and before others begin."""
        first = {pitch: (began, pitch) for began, part, pitch in reversed(self.sounding) if part == self.program}
        return [pitch for pitch, note in first.items() if self.last_end < note < (self.now,) and self.pitch < 0]

    def _more_notes(self) -> bool:
        return super()._more_notes() or bool(self._stoppable())

    def _restrict(self, mask: np.ndarray) -> None:
        super()._restrict(mask)
        zero, spans = self.tok._zero, self.tok._spans
        ends = [zero["DrumOff" if self.program == DRUMS else "NoteOff"] + pitch for pitch in self._stoppable()]
        legal = mask[ends]
        mask[spans["NoteOff"]] = mask[spans["DrumOff"]] = False
        mask[ends] = legal

    def _push(self, number: int) -> None:
        super()._push(number)
        if self.kind in ("NoteOn", "DrumOn"):
            self.sounding.append((self.now, self.program, number))
        elif self.kind in ("NoteOff", "DrumOff"):
            note = next(note for note in self.sounding if note[1:] == (self.program, number))
            self.sounding.remove(note)
            self.last_end = (note[0], number)

    def _may_end(self) -> bool:
        return super()._may_end() and not self.sounding
