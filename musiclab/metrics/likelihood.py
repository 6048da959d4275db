"""Likelihood: how little a model is surprised by music it has not seen.

Nats per id compare models with the same tokenizer only. Nats per quarter and bits per quarter compare any two, since
the same music has the same number of quarters however it is written.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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

    def interval(self, unit: str, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
        """Return the interval of :meth:`per` when scores are drawn again at random (1,000 bootstrap draws); nan for
        a single score."""
        if len(self.nll) < 2 or math.isnan(self.per(unit)):
            return math.nan, math.nan
        rng = np.random.default_rng(seed)
        draws = rng.integers(len(self.nll), size=(1000, len(self.nll)))
        values = self.nll[draws].sum(axis=1) / getattr(self, unit)[draws].sum(axis=1)
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

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


def _frequency_nll(tok: Tokenizer, sequences: list[list[int]], training: Sequence[Score]) -> float:
    """Return nats per id under the frequencies of ids in training, each counted once more than seen."""
    counts = np.ones(len(tok.vocab))
    for score in training:
        counts += np.bincount(tok.sequence(score)[1:], minlength=len(counts))
    ids = np.concatenate([s[1:] for s in sequences])
    return float(-np.log(counts / counts.sum())[ids].mean())
