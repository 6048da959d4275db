"""Likelihood: how little a model is surprised by music it has not seen.

Nats per id compare models with the same tokenizer only. Nats per quarter and bits per quarter compare any two, since
the same music has the same number of quarters however it is written.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.models.base import Model
from musiclab.score import Score
from musiclab.tokenizers.base import Tokenizer
from musiclab.training import token_nll


@dataclass(frozen=True, repr=False)
class Likelihood:
    """Surprise over a set of scores, in nats, each score weighing by its length.

    Attributes
    ----------
    nll : ndarray, shape (scores,)
        Nats of each whole score, its ending included.
    ids, notes, quarters : ndarray, shape (scores,)
        What they are divided by.
    baseline : float
        Nats per id of the id frequencies alone, nan if they were not given.
    """

    nll: np.ndarray
    ids: np.ndarray
    notes: np.ndarray
    quarters: np.ndarray
    baseline: float = math.nan

    def per(self, unit: str) -> float:
        """Return nats per ``"ids"``, ``"notes"`` or ``"quarters"``."""
        total = getattr(self, unit).sum()
        return float(self.nll.sum() / total) if total else math.nan

    @property
    def bits_per_quarter(self) -> float:
        """Bits per quarter note, which may be compared across tokenizers."""
        return self.per("quarters") / math.log(2)

    def interval(self, unit: str, seed: int = 0) -> tuple[float, float]:
        """Return the 95 % interval of :meth:`per` when scores are drawn again at random (1,000 bootstrap draws); nan
        for a single score."""
        return _middle(self.drawn_again(unit, 1000, seed))

    def drawn_again(self, unit: str, draws: int, seed: int) -> np.ndarray:
        """Return :meth:`per` of as many scores drawn with replacement, ``draws`` times; nan for a single score."""
        n = len(self.nll)
        if n < 2 or math.isnan(self.per(unit)):
            return np.full(draws, math.nan)
        drawn = np.random.default_rng(seed).integers(n, size=(draws, n))
        return self.nll[drawn].sum(axis=1) / getattr(self, unit)[drawn].sum(axis=1)

    def __repr__(self) -> str:
        rows = [f"Likelihood of {len(self.nll)} scores, nats (95 % interval over scores)"]
        for unit in ("ids", "notes", "quarters"):
            low, high = self.interval(unit)
            rows.append(f"  per {unit[:-1]:8} {self.per(unit):7.3f}  ({low:.3f} to {high:.3f})")
        rows[1] += "" if math.isnan(self.baseline) else f"  id frequencies alone: {self.baseline:.3f}"
        return "\n".join([*rows, f"  {self.bits_per_quarter:.3f} bits per quarter"])


def nll(model: Model, tok: Tokenizer, scores: Sequence[Score], training: Sequence[Score] = ()) -> Likelihood:
    """Return how surprised a model is by scores, in nats; lower is better.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
        The one the model was trained with.
    scores : sequence of Score
        Held out from training.
    training : sequence of Score
        What the id frequencies of the baseline are counted on.

    Raises
    ------
    ValueError
        If there are no scores.

    Notes
    -----
    Notebook: 05_how_good_is_a_sequence.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Chorale
    >>> tok = Chorale()
    >>> nll(GRU(len(tok.vocab), width=8), tok, [Score([(0, 24, 60)])]).ids.tolist()
    [20]
    """
    require(len(scores) > 0, "scores", "at least one", 0)
    sequences = [tok.sequence(score) for score in scores]
    surprise = token_nll(model, sequences)
    said = [tok.project(score) for score in scores]
    return Likelihood(
        nll=np.array([n.sum() for n in surprise]),
        ids=np.array([len(n) for n in surprise]),
        notes=np.array([len(s) for s in said]),
        quarters=np.array([s.length / s.resolution for s in said]),
        baseline=_frequency_nll(tok, sequences, training) if len(training) else math.nan,
    )


class Difference(NamedTuple):
    """How much more one model was surprised than another by the same scores, in nats, with its 95 % interval.

    Attributes
    ----------
    nats, low, high : float
        Per unit; below 0 where the first model is the better one.
    unit : str
        ``"ids"``, ``"notes"`` or ``"quarters"``.
    """

    nats: float
    low: float
    high: float
    unit: str

    @property
    def verdict(self) -> str:
        """Which model is better, or ``"cannot tell"`` where the interval holds 0."""
        return "the first is better" if self.high < 0 else "the second is better" if self.low > 0 else "cannot tell"

    def __repr__(self) -> str:
        size = f"{self.nats:+.4f} nats per {self.unit[:-1]}, 95 % {self.low:+.4f} to {self.high:+.4f}"
        return f"{size}: {self.verdict}"


def paired_bootstrap(a: Likelihood, b: Likelihood, unit: str = "ids", draws: int = 1000, seed: int = 0) -> Difference:
    """Return the difference of two models on the same scores, a - b, and whether it is more than chance.

    Scores are drawn again in pairs: what makes a score hard for both models cancels, so that far smaller differences
    can be told than by comparing the two intervals.

    Parameters
    ----------
    a, b : Likelihood
        Of the same scores in the same order.
    unit : str
        ``"ids"`` for models with one tokenizer, ``"notes"`` or ``"quarters"`` for any.
    draws : int
    seed : int

    Raises
    ------
    ValueError
        If the scores cannot be the same ones: there are more of one, or they have other numbers of ids.

    References
    ----------
    Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 16; Koehn (2004), Statistical significance
    tests for machine translation evaluation, for the pairs.

    Notes
    -----
    Notebook: 05_how_good_is_a_sequence.

    Examples
    --------
    >>> ids = np.array([40, 60, 50])
    >>> a, b = (Likelihood(nats, ids, ids, ids / 8) for nats in (np.array([30, 50, 41]), np.array([32, 55, 43])))
    >>> paired_bootstrap(a, b)
    -0.0600 nats per id, 95 % -0.0833 to -0.0400: the first is better
    >>> paired_bootstrap(a, a).verdict
    'cannot tell'
    """
    require(len(a.nll) == len(b.nll), "b", f"of the same {len(a.nll)} scores as a", f"{len(b.nll)} scores")
    same = unit != "ids" or np.array_equal(a.ids, b.ids)
    require(same, "unit", "'notes' or 'quarters' where two tokenizers wrote the scores", repr(unit))
    apart = a.drawn_again(unit, draws, seed) - b.drawn_again(unit, draws, seed)
    return Difference(a.per(unit) - b.per(unit), *_middle(apart), unit)


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the middle 95 % of the values."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _frequency_nll(tok: Tokenizer, sequences: list[list[int]], training: Sequence[Score]) -> float:
    """Return nats per id under the frequencies of ids in training, each counted once more than seen."""
    counts = np.ones(len(tok.vocab))
    for score in training:
        counts += np.bincount(tok.sequence(score)[1:], minlength=len(counts))
    ids = np.concatenate([s[1:] for s in sequences])
    return float(-np.log(counts / counts.sum())[ids].mean())
