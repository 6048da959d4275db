"""TSD: time shifts between onsets, and notes of four words with their duration; no bars."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from musiclab.tokenizers.base import Grammar, Tokenizer
from musiclab.tokenizers.event_words import START
from musiclab.tokenizers.events import Table
from musiclab.tokenizers.shifts import ShiftGrammar, Shifts


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
