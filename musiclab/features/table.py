"""All descriptors of many scores in one table."""

from collections.abc import Iterable

import numpy as np

from musiclab.features import harmony, pitches, rhythm, structure
from musiclab.score import Score

# Each is a function from a score to a number; the first 14 are those by which sets of scores are compared.
DESCRIPTORS = {one.__name__: one for one in (
    pitches.n_pitches, pitches.n_pitch_classes, pitches.pitch_range, pitches.pitch_class_entropy,
    pitches.scale_consistency, rhythm.groove_consistency, rhythm.bar_entropy, pitches.polyphony,
    pitches.mean_interval, pitches.leap_rate, rhythm.note_density, rhythm.mean_inter_onset,
    rhythm.duration_entropy, pitches.mean_pitch,
    pitches.pitch_entropy, pitches.polyphony_rate, pitches.stepwise_rate, pitches.repetition_rate,
    pitches.rising_rate, rhythm.groove_similarity, rhythm.empty_quarter_rate, rhythm.empty_bar_rate,
    rhythm.syncopation, harmony.triad_rate, harmony.harmonic_change, structure.repeated_bar_rate,
    structure.structure_indicator,
)}  # fmt: skip
COMPARED = tuple(DESCRIPTORS)[:14]


def describe(scores: Iterable[Score] | Score) -> dict[str, np.ndarray]:
    """Return every descriptor of every score: a column for each, float of shape (scores,), nan where it does not exist.

    ``pandas.DataFrame(describe(scores))`` makes a table of it. The first 14 columns, ``COMPARED``, are those by which
    sets of scores are compared.

    Parameters
    ----------
    scores : scores, or one score

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> table = describe([Score([(0, 24, 60), (24, 24, 64)]), Score([(0, 48, 67)])])
    >>> table["n_pitches"].tolist(), table["mean_interval"].tolist()
    ([2.0, 1.0], [4.0, nan])
    """
    scores = [scores] if isinstance(scores, Score) else list(scores)
    return {name: np.array([one(score) for score in scores], dtype=float) for name, one in DESCRIPTORS.items()}
