"""REMI: bars, positions in the bar, and notes of four words; the metre is in the words, so bar lines are exact."""

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

import numpy as np

from musiclab.errors import require
from musiclab.score import Score, TimeSignature
from musiclab.tokenizers.base import Grammar, Tokenizer
from musiclab.tokenizers.event_grammar import EventGrammar
from musiclab.tokenizers.event_words import START
from musiclab.tokenizers.events import Events, Table

METRES = tuple((n, d) for d, most in ((2, 4), (4, 12), (8, 12), (16, 12)) for n in range(1, most + 1))


@dataclass(frozen=True, repr=False)
class REMI(Events, Tokenizer):
    """Tokenizer of several parts by bar and position.

    Each bar is ``Bar`` and ``TimeSignature_4/4``; where something begins, ``Position_12`` (steps from the bar line)
    comes first, then ``Tempo_121.29`` and notes of four words: ``Program_0``, ``Pitch_60`` (``PitchDrum_36`` for
    drums), ``Velocity_63``, ``Duration_1.4.8``: a beat and four eighths of a beat, a beat being the metre's
    denominator. Notes at one position come by part, then pitch.

    Parameters
    ----------
    steps_per_beat : rows (from beat, to beat, steps)
        Durations that have a word; the most steps are also the positions in a beat.
    pitch_range : (lowest, highest)
        Of pitched parts. Drums have the words 27-88.
    velocities, tempos : int
        How many words; tempos lie between 40 and 250 quarters per minute, and 0 writes none.
    programs : bool
        Write the program before each note. Otherwise all pitched parts are one, and drums are left out.
    time_signatures : pairs (numerator, denominator)
        Metres that have a word, those of one denominator together, 4/4 among them.

    Notes
    -----
    What it cannot say, and what :meth:`project` puts in its place:

    - onsets off the steps of a beat, durations, velocities and tempos without a word: the nearest; onsets and durations
      are rounded apart, so ends may move further;
    - several notes of one part that begin together on one pitch: the shortest stays;
    - parts of one program: one part, in the place of the first. Names, and the order of parts where no onset shows it:
      the lowest program first, drums last;
    - pitches out of range: left out. Silence at the end: the score ends with its last note;
    - metres without a word: the one before holds on (4/4 at the start). A change within a bar waits for the next bar
      line. Keys: none;
    - the pickup: a whole bar that begins with silence, so bar lines stay where they are.

    ``REMI()`` writes MidiTok's ids [2]_ for ``TokenizerConfig(pitch_range=(0, 127), use_programs=True,
    use_tempos=True, use_time_signatures=True, remove_duplicated_notes=True, time_signature_range={2: [1, ..., 4],
    4: [1, ..., 12], 8: [1, ..., 12], 16: [1, ..., 12]})``. Words are spelled the same but for ``Bar`` (``Bar_None``,
    and so the special words) and ``TimeSignature`` (``TimeSig``). It differs in three things: the pickup, which MidiTok
    does not know; a metre that would begin a fraction of a tick early by MidiTok's floating-point arithmetic; onsets
    where the metre with the smallest beat is skipped (here the nearest step, there the step before). ``decode``
    refuses what ``encode`` never writes, such as notes out of order, which MidiTok reads.

    Notebook: 02_tokens.

    References
    ----------
    .. [1] Huang & Yang, "Pop Music Transformer", ACM Multimedia 2020.
    .. [2] Fradet et al., "MidiTok", ISMIR late-breaking demo 2021; version 3.1.

    Examples
    --------
    >>> tok = REMI()
    >>> score = Score([(0, 24, 60), (48, 24, 67)])
    >>> tok.words(tok.encode(score))[:8]
    ['Bar', 'TimeSignature_4/4', 'Position_0', 'Tempo_121.29', 'Program_0', 'Pitch_60', 'Velocity_63', 'Duration_1.0.8']
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    time_signatures: tuple[tuple[int, int], ...] = METRES

    _LAST = ("Duration", "Tempo", "TimeSignature")
    _FOLLOWERS: ClassVar = {
        START: "Bar", "Bar": "TimeSignature", "Pitch": "Velocity", "Velocity": "Duration",
        "Duration": "note Position Bar", "Position": "Tempo note", "PitchDrum": "Velocity",
        "Tempo": "note Position Bar", "Program": "Pitch", "Drums": "PitchDrum", "TimeSignature": "Bar Position",
    }  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        metres = self.time_signatures
        grouped = sorted(metres, key=lambda m: [d for _, d in metres].index(m[1]))
        ok = (4, 4) in metres and len(set(metres)) == len(metres) and list(metres) == grouped
        text = "different pairs (numerator, denominator), one denominator after the other, (4, 4) among them"
        require(ok, "time_signatures", text, metres)
        Score([], time_signatures=[(i, *metre) for i, metre in enumerate(metres)])

    def _bar_and_step(self, n: np.ndarray | int, d: np.ndarray | int) -> tuple:
        """Return ticks in a bar of a metre, and in a step."""
        beat = self._resolution * 4 // d
        return beat * n, beat // self._fine

    def _metres(self, score: Score) -> tuple[tuple[tuple[int, int, int], ...], int, int]:
        known = [ts for ts in score.time_signatures if ts[1:] in self.time_signatures]
        if not known or known[0].onset > 0:
            known.insert(0, TimeSignature(0, 4, 4))
        old, coarse = score.resolution, self._fine * max(ts.denominator for ts in known) // 4
        up = self._resolution // coarse
        pickup = (2 * coarse * score.pickup + old) // (2 * old) * up
        pad = -pickup % self._bar_and_step(*known[0][1:])[0]
        metres = {0: known[0][1:]}
        for ts in known[1:]:
            begin, metre = [*metres.items()][-1]
            bar, _ = self._bar_and_step(*metre)
            onset = ts.onset * coarse // old * up + pad
            metres[max(begin, begin - (begin - onset) // bar * bar)] = ts[1:]  # from the next bar line on
        starts = (next(same) for _, same in groupby(metres.items(), key=itemgetter(1)))
        return tuple((onset, *metre) for onset, metre in starts), coarse, pad

    def _time_words(self, table: Table, onset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start, *metres = np.array(table.metres).T
        bar_ticks, step = self._bar_and_step(*metres)
        first_bar = np.append(0, np.cumsum(np.diff(start) // bar_ticks[:-1]))
        i = 0 if len(start) == 1 else np.searchsorted(start, onset, "right") - 1
        bar, ticks = np.divmod(onset - start[i], bar_ticks[i])
        bar, position = bar + first_bar[i], self._zero["Position"] + ticks // step[i]
        new = np.flatnonzero(np.diff(onset, prepend=-1))
        bars = int(max([*bar[-1:], first_bar[-1]])) + 1  # the last is that of the last event or change of metre
        words = np.full((bars, 2), self._zero["Bar"])
        ids = [self._zero["TimeSignature"] + self.time_signatures.index((n, d)) for _, n, d in table.metres]
        words[:, 1] = np.repeat(ids, np.diff(first_bar, append=bars))
        at = np.repeat(np.searchsorted(bar, np.arange(bars)), 2)
        return np.concatenate([at, new]), np.concatenate([words.ravel(), position[new]])

    def _read(self, ids: np.ndarray) -> Table | None:
        at = self._places(ids, "Bar", "Position", "Tempo", "Velocity")
        if at is None:
            return None
        metre, places = ids[at["Bar"] + 1] - self._zero["TimeSignature"], at["Position"]
        changed = np.append(True, metre[1:] != metre[:-1])
        changes = changed.nonzero()[0]
        found = [self.time_signatures[i] for i in metre[changes]]
        bar_ticks, step = (ticks[changed.cumsum() - 1] for ticks in self._bar_and_step(*np.array(found).T))
        begin = np.append(0, np.cumsum(bar_ticks))
        metres = tuple((onset, *metre) for onset, metre in zip(begin[changes].tolist(), found, strict=True))
        bar = at["Bar"].searchsorted(places) - 1
        onset = begin[bar] + self._number[ids[places]] * step[bar]
        tempo_onset = onset[places.searchsorted(at["Tempo"]) - 1]
        empty_end = ids[-1] >= self._spans["TimeSignature"].start and changes[-1] < len(metre) - 1
        ok = (onset[1:] > onset[:-1]).all() and (onset < begin[bar + 1]).all() and not empty_end
        if not ok or (self.tempos and tempo_onset[:1].tolist() != [0]):
            return None
        onset = onset[places.searchsorted(at["Velocity"]) - 1]
        return self._with_notes(ids, at, onset, tempo_onset, metres)

    def grammar(self) -> Grammar:
        return _REMIGrammar(self)


class _REMIGrammar(EventGrammar):
    """Positions rise within a bar; the first holds the tempo; the last bar holds something, or changes the metre."""

    def __init__(self, tok: REMI) -> None:
        super().__init__(tok)
        self.bars, self.position, self.has_tempo = 0, -1, not tok.tempos
        self.metre, self.changed = -1, False

    @property
    def n_bars(self) -> int:
        return max(0, self.bars - 1)

    def _restrict(self, mask: np.ndarray) -> None:
        positions = mask[self.tok._spans["Position"]]
        beats, _ = self.tok.time_signatures[self.metre]
        positions[: self.position + 1] = positions[self.tok._fine * beats :] = False
        if self.bars and not self.has_tempo:
            positions[1:] = False
            mask &= self.tok._is("TimeSignature", "Position", "Tempo")

    def _push(self, number: int) -> None:
        if self.kind == "Bar":
            self.bars, self.position = self.bars + 1, -1
        elif self.kind == "TimeSignature":
            self.changed, self.metre = number != self.metre, number
        elif self.kind == "Position":
            self.position = number
            self._next_onset()
        elif self.kind == "Tempo":
            self.has_tempo = True

    def _may_end(self) -> bool:
        return self.kind in self.tok._LAST and self.has_tempo and (self.kind != "TimeSignature" or self.changed)
