"""Descriptors of form: which bars of a score come again, and how far away."""

import numpy as np

from musiclab.features.pitches import mean, pitched_notes
from musiclab.features.rhythm import LONGEST, STEPS_PER_QUARTER
from musiclab.score import Score

ALIKE = 0.9  # from here on a bar is called the same


def self_similarity(score: Score) -> np.ndarray:
    """Return how alike any two bars are, shape (bars, bars): 1 for the same onsets and pitch classes, also transposed.

    A bar is a table of 16ths and pitch classes with the number of notes that begin there; bars are compared by the
    cosine of their tables, in the transposition in which they are most alike. A bar without onsets is like none.

    References
    ----------
    Foote (1999), Visualizing music and audio using self-similarity; Müller and Clausen (2007) for the transposition.

    Examples
    --------
    >>> self_similarity(Score([(0, 96, 60), (96, 96, 62), (192, 24, 60), (216, 72, 61)])).round(2).tolist()
    [[1.0, 1.0, 0.71], [1.0, 1.0, 0.71], [0.71, 0.71, 1.0]]
    """
    notes, n = pitched_notes(score), score.n_bars
    bar = np.searchsorted(score.bar_onsets, notes["onset"], "right") - 1
    at = (notes["onset"] - score.bar_onsets[bar]) * STEPS_PER_QUARTER // score.resolution
    width = int(at.max(initial=LONGEST - 1)) + 1
    cell = (bar * width + at) * 12 + notes["pitch"] % 12
    tables = np.bincount(cell, minlength=n * width * 12).reshape(n, width, 12).astype(float)
    tables /= np.maximum(1, np.sqrt((tables**2).sum(axis=(1, 2), keepdims=True)))
    turned = [np.tensordot(tables, np.roll(tables, k, axis=2), ((1, 2), (1, 2))) for k in range(12)]
    return np.max(turned, axis=0)


def repeated_bar_rate(score: Score) -> float:
    """Return the share of bars, from the second on, that are like an earlier one (a similarity of 0.9 or more), 0 to 1.

    Examples
    --------
    >>> repeated_bar_rate(Score([(0, 96, 60), (96, 96, 62), (192, 24, 60), (216, 72, 61)]))
    0.5
    """
    earlier = np.tril(self_similarity(score), -1)[1:]
    return mean(earlier.max(axis=1, initial=0) >= ALIKE)


def structure_indicator(score: Score) -> float:
    """Return how much more alike bars are at their best distance than at any: near 0 where nothing comes again.

    The best distance is the one of 2 to 16 bars at which the mean similarity is highest, of those
    that at least half of the bars have. MusDr's indicator SI asks the same of recordings, by another measure.

    References
    ----------
    Wu and Yang (2020), The Jazz Transformer on the front line, for the question.

    Examples
    --------
    >>> phrase = [(0, 96, 60), (96, 24, 62), (120, 72, 69), (192, 12, 64), (204, 84, 65)]
    >>> twice = Score(phrase + [(onset + 288, duration, pitch) for onset, duration, pitch in phrase])
    >>> structure_indicator(twice) > 0.2
    True
    """
    alike = self_similarity(score)
    n = len(alike)
    at = [alike.diagonal(lag).mean() for lag in range(2, min(16, n // 2) + 1)]
    return float(max(at) - alike[np.triu_indices(n, 1)].mean()) if at else np.nan
