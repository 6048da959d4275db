"""Two sets of scores: do they come from one source?

Each score is a row of descriptors. A distance between two sets means nothing alone: two halves of one set are some way
apart too, and the further the fewer scores there are. So each distance has its noise floor beside it, and below 20
scores there is none. Start with :func:`two_sample_test`: its number has a meaning, and it tells what gives a set away.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.features.pitches import interval_histogram
from musiclab.features.rhythm import duration_histogram
from musiclab.features.table import COMPARED, DESCRIPTORS
from musiclab.score import Score

LEAST = 20  # scores in a set below which no distance is given
COLUMNS = (*COMPARED, *(f"duration of {n}/16" for n in range(1, 17)), *(f"interval {n:+d}" for n in range(-12, 13)))
EDGE, POINTS, TINY = 0.5, 4000, 1e-12


def feature_rows(scores: Sequence[Score]) -> np.ndarray:
    """Return a row of 55 numbers a score: the 14 compared descriptors, shares of durations and of melodic intervals.

    ``COLUMNS`` names them. A descriptor that does not exist for a score is nan.

    Examples
    --------
    >>> feature_rows([Score([(0, 24, 60), (24, 24, 62)])]).shape
    (1, 55)
    """
    described = [np.array([DESCRIPTORS[name](score) for score in scores], dtype=float) for name in COMPARED]
    shares = [
        np.array([h / max(1, h.sum()) for h in map(histogram, scores)])
        for histogram in (duration_histogram, interval_histogram)
    ]
    return np.column_stack([*described, *shares])


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two tables of numbers, large and wide enough to compare."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    require(
        a.ndim == b.ndim == 2 and a.shape[1] == b.shape[1], "sets", "tables with the same columns", (a.shape, b.shape)
    )
    n = min(len(a), len(b))
    require(n >= LEAST, "set", f"at least {LEAST} scores: a distance between fewer is mostly chance", n)
    return a, b


# --- one feature: how much two densities share ------------------------------------------------------------------------


def pair_distances(a: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    """Return the Euclidean distances between all rows of ``a`` and ``b``, or between all pairs within ``a``.

    A one-dimensional array is a column. Within and between, they are what Yang and Lerch (2020) compare.

    Examples
    --------
    >>> pair_distances(np.array([0.0, 3.0, 4.0])).tolist()
    [3.0, 4.0, 1.0]
    """
    a = np.asarray(a, dtype=float).reshape(len(a), -1)
    other = a if b is None else np.asarray(b, dtype=float).reshape(len(b), -1)
    distances = np.sqrt(((a[:, None] - other[None]) ** 2).sum(axis=-1))
    return distances[np.triu_indices(len(a), 1)] if b is None else distances.ravel()


def _densities(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a grid wider than both samples by half their range at each side, and both kernel densities on it."""
    from scipy.stats import gaussian_kde

    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    require(np.ptp(a) > 0 and np.ptp(b) > 0, "sample", "more than one value", "all alike")
    grid = np.linspace(low - EDGE * (high - low), high + EDGE * (high - low), POINTS)
    return grid, gaussian_kde(a)(grid), gaussian_kde(b)(grid)


def overlap_area(a: np.ndarray, b: np.ndarray) -> float:
    """Return the area under both densities of two samples: 0 if they are apart, 1 if alike. No share of likeness.

    References
    ----------
    Yang and Lerch (2020), On the evaluation of generative models in music. Their program integrates within the data
    only, so that a set has less than 1 with itself; this one integrates over a grid wider than both.

    Examples
    --------
    >>> sample = np.random.default_rng(0).normal(size=200)
    >>> round(overlap_area(sample, sample), 3), round(overlap_area(sample, sample + 20), 3)
    (1.0, 0.0)
    """
    grid, p, q = _densities(np.asarray(a, float), np.asarray(b, float))
    return float(np.trapezoid(np.minimum(p, q), grid))


def kld(a: np.ndarray, b: np.ndarray, legacy: bool = False) -> float:
    """Return the Kullback-Leibler divergence of the densities of two samples in nats: 0 if they are alike.

    Parameters
    ----------
    a, b : ndarray, shape (n,) and (m,)
    legacy : bool
        Do as mgeval, the published program of Yang and Lerch (2020), which evaluates either density on a grid of its
        own, so that the two are never compared at one place: only to set a figure beside one from a paper.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(0, 1, 400), rng.normal(6, 1, 400)
    >>> kld(a, b) > 5 * kld(a, b, legacy=True)
    True
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if legacy:
        from scipy.stats import entropy, gaussian_kde

        return float(entropy(*(gaussian_kde(x)(np.linspace(x.min(), x.max(), 1000)) for x in (a, b))))
    grid, p, q = _densities(a, b)
    return float(np.trapezoid(p * np.log((p + TINY) / (q + TINY)), grid))


# --- whole sets: one number -------------------------------------------------------------------------------------------


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Fréchet distance of two tables, each taken as a normal distribution, in squared units of the columns.

    Give z-scores (all sets by the mean and deviation of one), or the largest unit decides. It grows as sets get
    smaller: read it beside :func:`half_split_floor` for the same number of scores.

    Raises
    ------
    ValueError
        If a set has fewer than 20 rows, or the columns differ.

    References
    ----------
    Dowson and Landau (1982). On descriptors, not on an embedding, so it is not the "FMD" of other papers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=(50, 3))
    >>> round(frechet(a, a), 9), round(frechet(a, a + 2), 9)
    (0.0, 12.0)
    """
    a, b = _checked(a, b)
    first, second = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    values, vectors = np.linalg.eigh(first)
    half = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(half @ second @ half), 0, None)).sum()
    apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(apart + np.trace(first) + np.trace(second) - 2 * shared)


def half_split_floor(
    rows: np.ndarray, n: int, draws: int = 20, seed: int = 0, distance: Callable[..., float] = frechet
) -> np.ndarray:
    """Return the distances between random halves of one set, ``n`` rows each, shape (draws,).

    No generator can be asked to come closer than this.

    Raises
    ------
    ValueError
        If the set has no two halves of ``n`` rows, or ``n`` is below 20.
    """
    require(2 * n <= len(rows), "n", f"at most half of {len(rows)} rows", n)
    rng = np.random.default_rng(seed)
    halves = (rng.permutation(rows)[: 2 * n] for _ in range(draws))
    return np.array([distance(half[:n], half[n:]) for half in halves])


class TwoSample(NamedTuple):
    """Whether a classifier tells two sets apart.

    ``auc`` is how often it thinks a score of the second set more like the second set than one of the first: 0.5 where
    it cannot tell. ``deviation`` is that of five folds, and ``weights`` what it looks at, per deviation of a column:
    positive where the second set has more.
    """

    auc: float
    deviation: float
    weights: np.ndarray

    def telltales(self, names: Sequence[str], most: int = 5) -> list[tuple[str, float]]:
        """Return the columns that give the second set away, the strongest first, with their weights."""
        order = np.argsort(-np.abs(self.weights))[:most]
        return [(names[i], float(self.weights[i])) for i in order]


def two_sample_test(a: np.ndarray, b: np.ndarray, seed: int = 0) -> TwoSample:
    """Return how well a logistic regression tells two sets apart that it has not seen: 0.5 is chance, 1 always.

    Of the larger set as many rows are drawn as the smaller has; five folds. Columns with a nan are left out.

    Raises
    ------
    ValueError
        If a set has fewer than 20 rows, or the columns differ.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + [0, 3]
    >>> found = two_sample_test(a, b)
    >>> round(found.auc, 1), found.telltales(["pitch", "length"], 1)[0][0]
    (1.0, 'length')
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    a, b = _checked(a, b)
    n, rng = min(len(a), len(b)), np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(a)[:n], rng.permutation(b)[:n]])
    known = np.isfinite(rows).all(axis=0)
    which, judge = np.repeat([0, 1], n), make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    found = cross_val_score(judge, rows[:, known], which, cv=5, scoring="roc_auc")
    weights = np.zeros(rows.shape[1])
    weights[known] = judge.fit(rows[:, known], which)[-1].coef_[0]
    return TwoSample(float(found.mean()), float(found.std()), weights)


def mmd_test(a: np.ndarray, b: np.ndarray, draws: int = 500, seed: int = 0) -> float:
    """Return the p-value of two sets being one: how often random halves of both together are further apart.

    The distance is the maximum mean discrepancy, of columns scaled to one deviation, with a Gaussian kernel as wide as
    the median distance.

    Raises
    ------
    ValueError
        If a set has fewer than 20 rows, or the columns differ.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=(30, 2))
    >>> mmd_test(a, rng.normal(size=(30, 2))) > 0.05, mmd_test(a, a + 2) < 0.01
    (True, True)
    """
    a, b = _checked(a, b)
    rows, rng = np.concatenate([a, b]), np.random.default_rng(seed)
    rows = rows[:, np.isfinite(rows).all(axis=0) & (np.ptp(rows, axis=0) > 0)]
    rows = rows / rows.std(axis=0)
    squares = ((rows[:, None] - rows[None]) ** 2).sum(axis=-1)
    kernel = np.exp(-squares / np.median(squares[np.triu_indices(len(rows), 1)]))
    sign = np.where(np.arange(len(rows)) < len(a), 1 / len(a), -1 / len(b))
    signs = np.array([sign, *(rng.permutation(sign) for _ in range(draws))])
    found = ((signs @ kernel) * signs).sum(axis=1)  # (draws + 1,)
    return float((found >= found[0] - TINY).mean())
