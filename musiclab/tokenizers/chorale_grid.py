"""The grid of the chorale benchmark: each step is four words, the pitches that sound in soprano, alto, tenor and bass.

There are no onsets: a note that is held and one that is struck again look the same. That is how the benchmark of
Boulanger-Lewandowski, Bengio & Vincent (2012) is counted, and what ``Chorale`` adds to it can be heard by comparing.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from musiclab.errors import require
from musiclab.score import Score
from musiclab.tokenizers.base import EOS, SPECIAL_WORDS, Grammar, Tokenizer
from musiclab.tokenizers.cells import HOLD
from musiclab.tokenizers.chorale import HIGH, LOW, Chorale

REST, PITCH = 4, 5
STEPS_PER_BAR = 16
# How much higher these words' ids are in the scheme with onsets, and its header for 4/4, no pickup and no key.
CHORALE, SHIFT = Chorale(), 1
PLAIN = CHORALE.encode(Score([]))[:3]
# What a model of grids must know of these ids: BOS alone goes before the first row, and a pitch written again is held.
GRID = {"header": 1, "first": PITCH, "count": HIGH - LOW + 1, "hold": -1, "period": STEPS_PER_BAR}


@dataclass(frozen=True, repr=False)
class ChoraleGrid(Tokenizer):
    """Tokenizer of four-part chorales on a grid of 16ths without onsets.

    Words: four cells a step, each ``Rest`` or ``Pitch_36`` to ``Pitch_81``; no header.

    What it cannot say, and what :meth:`project` puts in its place: all that :class:`~musiclab.tokenizers.Chorale`
    cannot say, treated alike, and notes struck again (joined to the one before), metre (4/4), pickup (none) and key
    (none).

    Examples
    --------
    >>> score = Score([(0, 6, 67), (6, 6, 67), (0, 12, 60, 64, 1)])
    >>> tok = ChoraleGrid()
    >>> tok.words(tok.encode(score))
    ['Pitch_67', 'Pitch_60', 'Rest', 'Rest', 'Pitch_67', 'Pitch_60', 'Rest', 'Rest']
    >>> len(tok.project(score))
    2
    >>> tok.from_grid([[67, 60, -1, -1], [67, 60, -1, -1]]) == tok.encode(score)
    True
    """

    vocab: ClassVar = (*SPECIAL_WORDS, "Rest", *(f"Pitch_{p}" for p in range(LOW, HIGH + 1)))

    def encode(self, score: Score) -> list[int]:
        cells = np.array(CHORALE.encode(score)[3:]).reshape(-1, 4)
        begun = np.maximum.accumulate(np.where(cells == HOLD, 0, np.arange(len(cells))[:, None]))
        return (np.take_along_axis(cells, begun, axis=0) - SHIFT).ravel().tolist()

    def project(self, score: Score) -> Score:
        return self.decode(self.encode(score))

    def _decode(self, ids: np.ndarray) -> Score | None:
        if not len(ids) or len(ids) % 4 or ids.min() < REST:
            return None
        cells = ids.reshape(-1, 4) + SHIFT
        cells[1:][(cells[1:] == cells[:-1]) & (cells[1:] != REST + SHIFT)] = HOLD
        return replace(CHORALE.decode([*PLAIN, *cells.ravel().tolist()]), keys=())

    def from_grid(self, grid: np.ndarray) -> list[int]:
        """Return the ids of an array of pitches as the benchmark keeps them.

        Parameters
        ----------
        grid : array of int, shape (steps, 4)
            Pitches 36-81 of soprano, alto, tenor and bass, -1 where a part rests.

        Raises
        ------
        ValueError
            If the shape or a value is not as said.
        """
        grid = np.asarray(grid, dtype=np.int64)
        require(grid.ndim == 2 and grid.shape[1] == 4 and len(grid) > 0, "grid", "of shape (steps, 4)", grid.shape)
        wrong = grid[(grid != -1) & ((grid < LOW) | (grid > HIGH))]
        require(not len(wrong), "grid", f"-1 or a pitch in {LOW}..{HIGH}", wrong[:1])
        return np.where(grid == -1, REST, PITCH + grid - LOW).ravel().tolist()

    def grammar(self) -> Grammar:
        return _GridGrammar()


class _GridGrammar(Grammar):
    """Rows of four cells; EOS between rows."""

    def __init__(self) -> None:
        self.pushed = 0

    def mask(self) -> np.ndarray:
        ids = np.arange(len(ChoraleGrid.vocab))
        return (ids >= REST) | (ids == EOS) & (self.pushed > 0 and self.pushed % 4 == 0)

    def push(self, token_id: int) -> None:
        self.pushed += 1

    @property
    def n_bars(self) -> int:
        return self.pushed // (4 * STEPS_PER_BAR)
