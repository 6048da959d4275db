"""MIDILike: notes begin and end by words of their own, as in a MIDI file, and time shifts lie between."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclab.tokenizers.base import EOS, Grammar, Tokenizer
from musiclab.tokenizers.event_words import DRUMS
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

    _KINDS = "NoteOn NoteOff Velocity TimeShift DrumOn DrumOff Tempo Program"
    _LAST = ("NoteOff", "DrumOff", "Tempo")

    @property
    def _note_starts(self) -> tuple[str, ...]:
        return ("Program", "Drums") if self.programs else ("NoteOn", "NoteOff")

    def _followers(self) -> dict[str, str]:
        return super()._followers() | {
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
        words[:n_tempos, 0] = self._spans["Tempo"].start + table.tempo
        self._put_notes(words[n_tempos : n_tempos + n], table, "NoteOff", "DrumOff")
        self._put_notes(words[n_tempos + n :], table, "NoteOn", "DrumOn")
        words[n_tempos + n :, 2] = self._spans["Velocity"].start + table.velocity
        return onset, words.take(event, axis=0)

    def _sounding(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        onset, event = self._order(table._replace(tempo_onset=table.tempo_onset[:0]))
        return onset, np.tile(table.program, 2)[event]

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
    """Keeps when the notes that sound on each pitch, counted from the lowest, began; the first to begin ends first."""

    def __init__(self, tok: MIDILike) -> None:
        super().__init__(tok)
        self.sounding: dict[tuple[int | None, int], deque[int]] = {}

    def _next_onset(self) -> None:
        super()._next_onset()
        self.last_end = (-1, -1)

    def _stoppable(self, program: int | None) -> list[int]:
        """Return the pitches of a part that may end here: not after one of its onsets, and in the order they began."""
        here = program == self.program
        last = self.last_end if here else (-1, -1)
        return [
            pitch
            for (of, pitch), began in self.sounding.items()
            if of == program and last < (began[0], pitch) and began[0] < self.now and not (here and self.pitch >= 0)
        ]

    def _more_notes(self) -> bool:
        return super()._more_notes() or bool(self._stoppable(self.program))

    def _restrict(self, mask: np.ndarray) -> None:
        super()._restrict(mask)
        ends = [i for i in self._ends(self.program) if mask[i]]
        self._forbid(mask, "NoteOff")
        self._forbid(mask, "DrumOff")
        mask[ends] = True

    def _ends(self, program: int | None) -> list[int]:
        """Return the ids that end a note of this part here."""
        first = self.tok._spans["DrumOff" if program == DRUMS else "NoteOff"].start
        return [first + pitch for pitch in self._stoppable(program)]

    def closing(self) -> np.ndarray:
        """Return which of the legal ids lead to the end the shortest way: what sounds is ended, nothing begun."""
        mask, spans = self.mask(), self.tok._spans
        parts = {part for part, _ in self.sounding if self.tok.programs and self._stoppable(part)}
        to_parts = [spans["Program"].start + part for part in parts]
        for way in ([EOS], self._ends(self.program), to_parts, [spans["TimeShift"].start] * bool(self.sounding)):
            if legal := [i for i in way if mask[i]]:
                return np.isin(np.arange(len(mask)), legal)
        return mask

    def _push(self, kind: str, value: int) -> None:
        super()._push(kind, value)
        line = (self.program, value)
        if kind in ("NoteOn", "DrumOn"):
            self.sounding.setdefault(line, deque()).append(self.now)
        elif kind in ("NoteOff", "DrumOff"):
            self.last_end = (self.sounding[line].popleft(), value)
            if not self.sounding[line]:
                del self.sounding[line]

    def _may_end(self) -> bool:
        return super()._may_end() and not self.sounding
