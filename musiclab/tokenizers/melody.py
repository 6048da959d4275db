"""One part on a grid: after a header, each step is one word, a pitch that begins, a hold, or a rest.

The simplest scheme there is, and what a first recurrent network can learn.
"""

from dataclasses import dataclass

from musiclab.tokenizers.base import Tokenizer
from musiclab.tokenizers.cells import CellWords


@dataclass(frozen=True, repr=False)
class Melody(CellWords, Tokenizer):
    """Tokenizer of one part on a grid.

    Words: ``TimeSignature_4/4``, ``Pickup_4`` (steps) and ``Key_G_minor`` once, then one cell a step: ``Hold``,
    ``Rest`` or ``Pitch_0`` to ``Pitch_127``.

    What it cannot say, and what :meth:`project` puts in its place: times off the grid (moved to the nearest step, half
    a step later); parts after the first (left out); several notes at once (the highest of those that begin together; a
    later one cuts an earlier one); velocities (64); changes of metre, key or tempo (the first metre, 4/4 if it is not
    among the words; the first key signature, C major if none; 120 quarters per minute).

    Parameters
    ----------
    steps_per_quarter : int
        4 for 16ths, 12 for 16ths and triplets, 24 for their halves.

    Raises
    ------
    ValueError
        If ``steps_per_quarter`` is not in 1..96.

    Notes
    -----
    After Waite, "Generating long-term structure in songs and stories" (2016), whose note-off event is ``Rest`` here.
    Notebook: 02_tokens.

    Examples
    --------
    >>> from musiclab.score import Score
    >>> score = Score([(0, 12, 67), (18, 6, 60)])
    >>> tok = Melody()
    >>> tok.words(tok.encode(score))[3:]
    ['Pitch_67', 'Hold', 'Rest', 'Pitch_60']
    >>> tok.decode(tok.encode(score)) == tok.project(score)
    True
    """

    steps_per_quarter: int = 4
