"""What may come next in REMI, TSD and MIDILike: only what ``encode`` could have written."""

import numpy as np

from musiclab.tokenizers.base import EOS, Grammar
from musiclab.tokenizers.event_words import DRUM_RANGE, DRUMS, START, EventWords


class EventGrammar(Grammar):
    """What may follow, given the kind of the last word and, at one onset, the order of parts and pitches.

    Parts may follow one another in any way that some order of all parts agrees with: ``before[p, q]`` tells that p must
    come before q, because it did at some onset, be it by way of others.
    """

    def __init__(self, tok: EventWords) -> None:
        self.tok = tok
        self.kind = START
        self.has_tempo = not tok.tempos
        self.before = np.zeros((DRUMS + 1, DRUMS + 1), dtype=bool)
        self._next_onset()

    def _next_onset(self) -> None:
        self.program: int | None = None
        self.pitch = -1

    def mask(self) -> np.ndarray:
        mask = self.tok._follow_masks[self.kind].copy()
        if not self.has_tempo:
            for kind in (*self.tok._note_starts, "TimeShift"):
                self._forbid(mask, kind)
        elif self.tok.programs and self.program is not None:
            allowed = ~self.before[:, self.program]
            allowed[self.program] = self._more_notes()
            spans = self.tok._spans
            mask[spans["Program"].start : spans["Drums"].stop] &= allowed
        self._forbid_pitches(mask)
        self._restrict(mask)
        mask[EOS] = self._may_end()
        return mask

    def push(self, token_id: int) -> None:
        if token_id == EOS:
            return
        kind = self.tok._kinds[self.tok._kind[token_id]]
        value = token_id - self.tok._spans[kind].start
        if kind in ("Program", "Drums"):
            self._begin_program(DRUMS if kind == "Drums" else value)
        elif kind == "Tempo":
            self.has_tempo = True
        elif kind in ("Pitch", "NoteOn", "PitchDrum", "DrumOn"):
            self.pitch = int(self.tok._pitch_of_id[token_id])
        self._push(kind, value)
        self.kind = kind

    def _begin_program(self, program: int) -> None:
        if program == self.program:
            return
        if self.program is not None:
            earlier, later = self.before[:, self.program].copy(), self.before[program].copy()
            earlier[self.program] = later[program] = True
            self.before |= np.outer(earlier, later)
        self._next_onset()
        self.program = program

    def _forbid(self, mask: np.ndarray, kind: str, first: int = 0, stop: int | None = None) -> None:
        """Forbid the words of a kind, counted from ``first`` up to ``stop``."""
        span = self.tok._spans.get(kind, slice(0, 0))
        mask[span][first:stop] = False

    def _forbid_pitches(self, mask: np.ndarray) -> None:
        """Forbid what is not above the last pitch of this part at this onset."""
        mask &= self.tok._pitch_of_id > self.pitch

    def _more_notes(self) -> bool:
        """Whether the last part has a pitch above its last at this onset."""
        return self.pitch < (DRUM_RANGE if self.program == DRUMS else self.tok.pitch_range)[1]

    def _restrict(self, mask: np.ndarray) -> None:
        """Forbid what the scheme's own words do not allow."""
        raise NotImplementedError

    def _push(self, kind: str, value: int) -> None:
        """Take a word of the scheme's own, the value counted within its kind."""
        raise NotImplementedError

    def _may_end(self) -> bool:
        return self.kind in self.tok._LAST or (self.kind == START and self.has_tempo)
