"""Memory: what a model betrays of the scores it was trained on.

Three questions, the harder the later. Are training scores less of a surprise to it than others? Does it continue their
beginnings as they go on? And of many melodies that nobody wrote, does it know the one that was planted in training?
"""

from collections.abc import Sequence

import numpy as np

from musiclab.errors import require
from musiclab.generation import generate
from musiclab.models.base import Model
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers.base import Tokenizer


def membership_auc(member_nll: Sequence[float], other_nll: Sequence[float]) -> float:
    """Return how often a training score surprises a model less than another one does, 0 to 1; 0.5 is no leak.

    The area under the curve of a guess by threshold: of all pairs the share in which the member's nll is the lower one,
    ties counting half. Give nats per note or per quarter, or length is what tells them apart.

    Raises
    ------
    ValueError
        If either is empty.

    References
    ----------
    Yeom et al. (2018), Privacy risk in machine learning: analyzing the connection to overfitting.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    Examples
    --------
    >>> membership_auc([1.0, 2.0], [2.0, 3.0])
    0.875
    """
    both = np.asarray(member_nll, dtype=float), np.asarray(other_nll, dtype=float)
    require(min(map(len, both)) > 0, "member_nll and other_nll", "at least one each", [len(nll) for nll in both])
    lead = np.subtract.outer(both[1], both[0])
    return float(np.mean((lead > 0) + (lead == 0) / 2))


def extract(model: Model, tok: Tokenizer, scores: Sequence[Score], primer_bars: int = 2, bars: int = 4) -> np.ndarray:
    """Return how many 16ths of each score come back before the first one that differs, shape (scores,).

    The model is given the first bars (and a pickup), and continues with what is likeliest each time. A 16th comes back
    if it sounds the same pitches; nan where a score has no more bars than it is begun with.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
        The one the model was trained with.
    scores : sequence of Score
        From training; and held out, for comparison, since some continuations anyone would guess.
    primer_bars, bars : int
        Bars that are given, and bars that are asked for.

    Raises
    ------
    ValueError
        If ``primer_bars`` or ``bars`` is less than 1.

    References
    ----------
    Carlini et al. (2021), Extracting training data from large language models.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tok, tune = Melody(), Score([(24 * i, 24, 60 + i) for i in range(12)])
    >>> extract(GRU(len(tok.vocab), width=8), tok, [tune, tune.bars(0, 2)], bars=1).shape
    (2,)
    """
    require(primer_bars >= 1 and bars >= 1, "primer_bars and bars", ">= 1", f"{primer_bars} and {bars}")
    return np.array([_leading_steps(model, tok, tok.project(score), primer_bars, bars) for score in scores])


def _leading_steps(model: Model, tok: Tokenizer, score: Score, primer_bars: int, bars: int) -> float:
    begun = primer_bars + (score.pickup > 0)
    if score.n_bars <= begun:
        return np.nan
    primer, wanted = score.bars(0, begun), score.bars(begun, begun + bars).roll() > 0
    written = generate(model, tok, primer, Sampler(temperature=0), primer_bars + bars)
    found = written.excerpt(min(primer.length, written.length), written.length).roll() > 0
    steps = min(wanted.shape[1], found.shape[1])
    same = (wanted[:, :steps] == found[:, :steps]).all(axis=0)
    return float(np.append(same, False).argmin())


def exposure(canary_nll: float, other_nll: Sequence[float]) -> float:
    """Return how much better a model knows a planted sequence than others made the same way, in bits.

    The exposure is log2 of their number, the canary's included, less log2 of its rank by nll: 0 if it is the least
    likely of all, 1 if half are likelier, and log2 of the number, the most that can be measured, if it comes first.
    One exactly as likely comes before it.

    Parameters
    ----------
    canary_nll : float
        Nats of the sequence that was planted in training.
    other_nll : sequence of float
        Nats of sequences from the same dice that were not: a thousand measure up to 10 bits.

    References
    ----------
    Carlini et al. (2019), The secret sharer: evaluating and testing unintended memorization in neural networks.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    Examples
    --------
    >>> exposure(3.0, [5.0, 4.0, 3.5]), exposure(3.0, [1.0, 4.0, 5.0])
    (2.0, 1.0)
    """
    rank = 1 + np.count_nonzero(np.asarray(other_nll) <= canary_nll)
    return float(np.log2(len(other_nll) + 1) - np.log2(rank))
