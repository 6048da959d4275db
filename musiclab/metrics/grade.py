"""A grade for chorales: nine distances to what the training chorales do, and their sum.

After the idea of Fang et al. (2020), Bach or Mock?, whose grade is a sum of such distances too; derived anew, so its
figures are not theirs. A grade is not quality: it cannot see copying, and hardly sees one wrong note in twenty.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.features.keys import key_correlations, pitch_class_histogram
from musiclab.features.pitches import interval_histogram
from musiclab.features.rhythm import duration_histogram
from musiclab.metrics.rules import parallel_fifths, parallel_octaves, read_passage
from musiclab.metrics.structure import repetition_rate
from musiclab.score import Score

INTERVALS = ("soprano intervals", "alto intervals", "tenor intervals", "bass intervals")
TERMS = ("degrees", "durations", "chords", *INTERVALS, "parallels", "repetition")
EIGHTH = 2  # steps from one chord to the next


class _Habits(NamedTuple):
    """What a score does: the mode it is in, shares (arrays of numbers in order, or of named things), and rates."""

    mode: int  # 0 major, 1 minor
    degrees: np.ndarray
    durations: np.ndarray
    chords: Mapping[int, float]
    intervals: list[np.ndarray]
    parallels: float
    repetition: float


class Grader:
    """What chorales of a training set do on average, to grade others by.

    Terms are, each divided by its median over the training chorales: half the sum of differences (total variation)
    between the shares of scale degrees by length, and of chords on every eighth, within major or minor; the
    earth mover's distance between note lengths in 16ths, and between melodic intervals of each part in semitones;
    parallel fifths and octaves a note, as a multiple of the training mean; and how far the rate of repeated runs of
    notes is from the training mean.

    Parameters
    ----------
    training : sequence of Score
        In four parts; a mode in which there are none is judged by all.

    Raises
    ------
    ValueError
        If there are no scores, or one has fewer than four parts.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.
    """

    def __init__(self, training: Sequence[Score]) -> None:
        known = [_habits(score) for score in training]
        require(len(known) > 0, "training", "at least one chorale", 0)
        modes = [[h for h in known if h.mode == mode] for mode in (0, 1)]
        self.means = [_mean(habits or known, known) for habits in modes]
        found = np.array([self._distances(habits) for habits in known])
        self.units = np.median(found, axis=0)
        self.units[TERMS.index("parallels")] = found[:, TERMS.index("parallels")].mean()
        self.units[self.units == 0] = 1

    def grade(self, score: Score) -> dict[str, float]:
        """Return the nine terms, 1 being usual; their sum is the grade, and lower is more like the training set."""
        return dict(zip(TERMS, (self._distances(_habits(score)) / self.units).tolist(), strict=True))

    def _distances(self, own: _Habits) -> np.ndarray:
        mean = self.means[own.mode]
        return np.array([
            np.abs(own.degrees - mean.degrees).sum() / 2,
            earth_movers(own.durations, mean.durations),
            sum(abs(own.chords.get(c, 0) - mean.chords.get(c, 0)) for c in own.chords.keys() | mean.chords.keys()) / 2,
            *map(earth_movers, own.intervals, mean.intervals),
            own.parallels,
            abs(own.repetition - mean.repetition),
        ])  # fmt: skip


def earth_movers(a: np.ndarray, b: np.ndarray) -> float:
    """Return how far shares must be moved, in bins, to make one histogram of another: scipy's ``wasserstein_distance``.

    Examples
    --------
    >>> earth_movers(np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.5]))
    1.5
    """
    return float(np.abs(np.cumsum(a - b)).sum())


def _habits(score: Score) -> _Habits:
    passage = read_passage(score)
    require(passage.pitch.shape[1] == 4, "score", "one of at least 4 parts", len(score.parts))
    mode, tonic = divmod(int(key_correlations(score).argmax()), 12)
    heard = [row[row >= 0] for row in passage.pitch[::EIGHTH]]
    chords = Counter(int((1 << np.unique((row - row.min()) % 12)).sum()) for row in heard if len(row))
    parallel = parallel_fifths(passage.pitch).sum() + parallel_octaves(passage.pitch).sum()
    return _Habits(
        mode,
        _share(np.roll(pitch_class_histogram(score), -tonic)),
        _share(duration_histogram(score)),
        {chord: n / chords.total() for chord, n in chords.items()},
        [_share(interval_histogram(score.part(part))) for part in range(4)],
        float(parallel / max(1, len(score))),
        repetition_rate(score),
    )


def _share(counts: np.ndarray) -> np.ndarray:
    return counts / max(1, counts.sum())


def _mean(habits: list[_Habits], both: list[_Habits]) -> _Habits:
    """Return the mean of chorales in one mode; what has nothing to do with the mode is the mean of all."""
    chords: Counter[int] = Counter()
    for h in habits:
        chords.update(h.chords)
    return _Habits(
        habits[0].mode,
        np.mean([h.degrees for h in habits], axis=0),
        np.mean([h.durations for h in both], axis=0),
        {chord: share / len(habits) for chord, share in chords.items()},
        list(np.mean([h.intervals for h in habits], axis=0)),
        0.0,
        float(np.mean([h.repetition for h in both])),
    )
