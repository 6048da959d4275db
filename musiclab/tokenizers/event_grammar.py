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
        self.tok, self.kind = tok, START
        self.before = np.zeros((DRUMS + 1, DRUMS + 1), dtype=bool)
        self._next_onset()

    def _next_onset(self) -> None:
        self.program = None if self.tok.programs else 0
        self.pitch = -1

    def mask(self) -> np.ndarray:
        tok = self.tok
        mask = tok._may_follow[tok._kinds.index(self.kind)].take(tok._kind)
        if tok.programs and self.program is not None:
            allowed = ~self.before[:, self.program]
            allowed[self.program] = self._more_notes()
            mask[tok._spans["Program"].start : tok._spans["Drums"].stop] &= allowed
        self._forbid_pitches(mask)
        self._restrict(mask)
        mask[EOS] = self._may_end()
        return mask

    def push(self, token_id: int) -> None:
        tok = self.tok
        self.kind, number = tok._kinds[tok._kind[token_id]], int(tok._number[token_id])
        if self.kind in ("Program", "Drums"):
            self._begin_part(number)
        elif tok._begins[token_id]:
            self.pitch = number
        self._push(number)

    def _begin_part(self, program: int) -> None:
        if program == self.program:
            return
        if self.program is not None:
            earlier, later = self.before[:, self.program].copy(), self.before[program].copy()
            earlier[self.program] = later[program] = True
            self.before |= np.outer(earlier, later)
        self._next_onset()
        self.program = program

    def _forbid_pitches(self, mask: np.ndarray) -> None:
        """Forbid what is not above the last pitch of this part at this onset."""
        mask[self.tok._begins & (self.tok._number <= self.pitch)] = False

    def _more_notes(self) -> bool:
        """Whether the last part has a pitch above its last at this onset."""
        return self.pitch < (DRUM_RANGE if self.program == DRUMS else self.tok.pitch_range)[1]

    def _restrict(self, mask: np.ndarray) -> None:
        """Forbid what the scheme's own words do not allow."""

    def _push(self, number: int) -> None:
        """Take a word of the kind ``self.kind``, and its number."""

    def _may_end(self) -> bool:
        return self.kind in self.tok._LAST or (self.kind == START and not self.tok.tempos)
