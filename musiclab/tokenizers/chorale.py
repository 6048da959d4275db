"""Four parts on a grid of 16ths: after a header, each step is four words, soprano, alto, tenor, bass.

The grid follows Hadjeres, Pachet & Nielsen, "DeepBach" (2017).
"""

from dataclasses import dataclass
from typing import ClassVar

from musiclab.score import Part
from musiclab.tokenizers.base import Tokenizer
from musiclab.tokenizers.cells import HOLD, KEYS, PITCH, CellWords

PARTS = tuple(Part(name) for name in ("Soprano", "Alto", "Tenor", "Bass"))
TEMPO = 100.0  # no chorale states one in its notation
LOW, HIGH = 36, 81


@dataclass(frozen=True, repr=False)
class Chorale(CellWords, Tokenizer):
    """Tokenizer of four-part chorales on a grid of 16ths.

    Words: ``TimeSignature_4/4``, ``Pickup_4`` (steps) and ``Key_G_minor`` once, then four cells a step, each ``Hold``,
    ``Rest`` or ``Pitch_36`` to ``Pitch_81``. With BOS before them, the header fills one row of four, so every row of
    the grid begins at a multiple of four.

    What it cannot say, and what :meth:`project` puts in its place: times off the grid (moved to the nearest 16th);
    more than four parts, pitches outside 36-81 (left out); several notes at once in one part (the highest of those
    that begin together; a later one cuts an earlier one); velocities (64); changes of metre, key or tempo (the first
    metre, 4/4 if it is not among the words; the first key signature, C major if none; 100 quarters per minute).

    Examples
    --------
    >>> from musiclab.score import Score
    >>> score = Score([(0, 12, 67), (0, 12, 60, 64, 1)])
    >>> tok = Chorale()
    >>> tok.words(tok.encode(score))[:7]
    ['TimeSignature_4/4', 'Pickup_0', 'Key_C_major', 'Pitch_67', 'Pitch_60', 'Rest', 'Rest']
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    parts: ClassVar = PARTS
    pitches: ClassVar = (LOW, HIGH)
    tempo: ClassVar = TEMPO
    steps_per_quarter: ClassVar = 4


# What a model of grids must know of these ids: which are pitches in order, which holds, and for each key which pitch is
# the first degree of the major scale with its signature, and which its tonic.
GRID = {
    "first": PITCH, "count": HIGH - LOW + 1, "hold": HOLD,
    "anchors": [
        (Chorale().header[2] + i, (7 * fifths - LOW) % 12, (7 * fifths + (9 if mode == "minor" else 0) - LOW) % 12)
        for i, (fifths, mode) in enumerate(KEYS)
    ],
}  # fmt: skip
