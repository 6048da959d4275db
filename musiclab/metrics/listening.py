"""Listening tests: what a class heard, and how sure one can be of it.

Two excerpts are heard, and one of them is taken for the human's. Not to hear a difference is no proof that there is
none, so two tests are made: are the answers better than chance, and are they so near chance that a difference would
not matter? Where neither can say, one cannot tell; ``power`` says beforehand how many answers it takes.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import binom, binomtest

from musiclab.errors import require
from musiclab.files import write_whole

ALPHA = 0.05  # how often chance is taken for more


class Answer(NamedTuple):
    """What one listener took for the human's.

    Attributes
    ----------
    listener : str
        A made-up name will do.
    shown : (str, str)
        The two sources in the order in which they were heard.
    choice : int
        0 or 1, which of them was chosen.
    seconds : float
        How long it took.
    is_catch : bool
        Whether it only shows if the listener attends: no evidence about the sources.

    Examples
    --------
    >>> Answer("Ada", ("GRU", "Bach"), 1).is_right("Bach")
    True
    """

    listener: str
    shown: tuple[str, str]
    choice: int
    seconds: float = 0.0
    is_catch: bool = False

    def is_right(self, human: str) -> bool | None:
        """Return whether the human's was chosen, None where both are the human's, or neither is."""
        return self.shown[self.choice] == human if self.shown.count(human) == 1 else None


def write_ballot(answers: Sequence[Answer], path: str | Path) -> Path:
    """Write the answers of one listener as JSON and return the path: a row holds the fields of an :class:`Answer`."""
    return write_whole(path, json.dumps(answers, indent=1).encode())


def merge_ballots(paths: Iterable[str | Path]) -> list[Answer]:
    """Return the answers of a class, read from its ballots.

    Raises
    ------
    ValueError
        If a listener has two ballots.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    Examples
    --------
    >>> import tempfile
    >>> answer = Answer("Ada", ("GRU", "Bach"), 1, 7.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     merge_ballots([write_ballot([answer], Path(folder) / "ada.json")]) == [answer]
    True
    """
    ballots = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    names = sorted(name for ballot in ballots for name in {row[0] for row in ballot})
    require(len({*names}) == len(names), "listeners", "of one ballot each", names)
    return [Answer(name, tuple(shown), *rest) for ballot in ballots for name, shown, *rest in ballot]


class Share(NamedTuple):
    """How many of n answers were of one kind, and what that says where chance is one half.

    Attributes
    ----------
    count, n : int
    low, high : float
        Clopper–Pearson interval of the share, 90 %: each end leaves out 5 %.
    p : float
        Exact binomial test: how often chance alone gives as many.
    p_near : float
        Two one-sided tests (TOST), the larger p: how often a share that is the margin away from one half looks as near.
    verdict : str
        ``"not chance"`` or ``"cannot tell"``; and of either, whether it is within the margin of chance.
    """

    count: int
    n: int
    low: float
    high: float
    p: float
    p_near: float
    verdict: str

    def __repr__(self) -> str:
        return "{} of {}, 90 % interval {:.2f} to {:.2f}, p = {:.3f}, p near chance = {:.3f}: {}".format(*self)


def judge_share(count: int, n: int, margin: float = 0.1, side: str = "greater") -> Share:
    """Return whether so many of n answers are more than chance, or so near chance that it does not matter.

    Parameters
    ----------
    count, n : int
        Of n answers, each right by chance in half of the cases.
    margin : float
        What does not matter; to be chosen before listening.
    side : str
        ``"greater"``, or ``"two-sided"`` where fewer than half would matter too.

    Raises
    ------
    ValueError
        If there are no answers.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    References
    ----------
    Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the binomial.
    Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach.

    Examples
    --------
    >>> judge_share(14, 24)
    14 of 24, 90 % interval 0.40 to 0.75, p = 0.271, p near chance = 0.511: cannot tell
    >>> judge_share(17, 24).verdict, judge_share(300, 600).verdict
    ('not chance', 'cannot tell, within ± 0.1 of chance')
    """
    require(0 <= count <= n and n > 0, "count", f"of at least one answer, in 0..{n}", count)
    p = binomtest(count, n, 0.5, side).pvalue
    p_near = max(binomtest(count, n, 0.5 + margin, "less").pvalue, binomtest(count, n, 0.5 - margin, "greater").pvalue)
    verdict = "not chance" if p < ALPHA else "cannot tell"
    verdict += f", within ± {margin:g} of chance" if p_near < ALPHA else ""
    return Share(count, n, *binomtest(count, n).proportion_ci(1 - 2 * ALPHA), p, p_near, verdict)


def told_apart(answers: Sequence[Answer], human: str, margin: float = 0.1) -> Share:
    """Return how often the human's was found by listeners who missed no catch trial; these do not count.

    Notes
    -----
    Since orders are drawn at random, the test is exact for listeners of any kind who hear no difference.

    Examples
    --------
    >>> told_apart([Answer("Ada", ("GRU", "Bach"), 1)] * 9 + [Answer("Ada", ("GRU", "Bach"), 0)], "Bach").verdict
    'not chance'
    """
    heard = [right for answer in _evidence(answers, human) if (right := answer.is_right(human)) is not None]
    return judge_share(sum(heard), len(heard), margin)


def _evidence(answers: Sequence[Answer], human: str) -> list[Answer]:
    careless = {answer.listener for answer in answers if answer.is_catch and answer.is_right(human) is False}
    return [answer for answer in answers if not answer.is_catch and answer.listener not in careless]


def order_effect(answers: Sequence[Answer]) -> Share:
    """Return how often the first was chosen: half of the time, whichever is better, where order does not matter.

    Examples
    --------
    >>> order_effect([Answer("Ada", ("GRU", "Bach"), 0), Answer("Ada", ("Bach", "GRU"), 0)] * 10).verdict
    'not chance'
    """
    return judge_share(sum(answer.choice == 0 for answer in answers), len(answers), side="two-sided")


def power(n: int | np.ndarray, rate: float) -> float | np.ndarray:
    """Return the probability that n answers, each right with probability ``rate``, are found to be more than chance.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    Examples
    --------
    >>> print(f"{power(24, 0.7):.2f}")  # a class that does hear something is sent home without a result
    0.56
    """
    return binom.sf(binom.ppf(1 - ALPHA, n, 0.5), n, rate)


def answers_needed(rate: float) -> int:
    """Return the smallest number of answers of which the power is above 80 % where this rate is true.

    Raises
    ------
    ValueError
        If the rate is not above one half.

    Examples
    --------
    >>> [answers_needed(rate) for rate in (0.55, 0.6, 0.7, 0.8)]
    [620, 158, 37, 18]
    """
    require(0.5 < rate <= 1, "rate", "in (0.5, 1]", rate)
    return int(np.argmax(power(np.arange(3 / (rate - 0.5) ** 2), rate) > 0.8))


def bradley_terry(wins: np.ndarray) -> np.ndarray:
    """Return strengths, shape (..., k), the differences of which are the log odds to win; their mean is 0.

    Parameters
    ----------
    wins : ndarray, shape (..., k, k)
        How often the one of the row won against the one of the column.

    Raises
    ------
    ValueError
        If strengths are not defined: some never lost against all others, or never met them.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    References
    ----------
    Hunter (2004), MM algorithms for generalized Bradley–Terry models.

    Examples
    --------
    >>> bradley_terry([[0, 30], [10, 0]]).round(3).tolist(), (np.log(30 / 10) / 2).round(3).item()
    ([0.549, -0.549], 0.549)
    """
    wins = np.asarray(wins, dtype=float)
    chains = np.linalg.matrix_power((wins > 0) + np.eye(wins.shape[-1]), wins.shape[-1])
    require(chains.all(), "wins", "such that a chain of wins leads from each to each other", wins.tolist())
    met, strength, before = wins + wins.swapaxes(-1, -2), np.zeros(wins.shape[:-1]), np.inf
    while np.abs(strength - before).max() > 1e-9:
        odds, before = np.exp(strength), strength
        strength = np.log(wins.sum(axis=-1) / (met / (odds[..., None] + odds[..., None, :])).sum(axis=-1))
    return strength - strength.mean(axis=-1, keepdims=True)


def rank_sources(answers: Sequence[Answer], human: str) -> dict[str, tuple[float, float, float]]:
    """Return each source's strength and its 95 % interval when listeners are drawn again, the strongest first.

    Strengths are those of :func:`bradley_terry`, half a win added on either side where two have met, so that one that
    never lost has a strength. Where intervals overlap, one cannot tell which is the stronger. Catch trials, and
    listeners who missed one, do not count.

    Raises
    ------
    ValueError
        If fewer than two listeners are left, or some sources never met, not even by way of others.

    Notes
    -----
    Notebook: 11_how_good_is_the_model.

    Examples
    --------
    >>> one, two = [Answer("Ada", ("Bach", "GRU"), 0)] * 9, [Answer("Ben", ("Bach", "GRU"), 0)] * 9
    >>> list(rank_sources(one + two, "Bach"))
    ['Bach', 'GRU']
    """
    kept = _evidence(answers, human)
    names, sources = sorted({a.listener for a in kept}), sorted({source for a in kept for source in a.shown})
    require(len(names) > 1, "listeners", "two or more who missed no catch trial", names)
    each = np.zeros((len(names), len(sources), len(sources)))
    for a in kept:
        each[names.index(a.listener), sources.index(a.shown[a.choice]), sources.index(a.shown[1 - a.choice])] += 1
    drawn = np.random.default_rng(0).multinomial(len(names), [1 / len(names)] * len(names), size=1000)
    wins = np.tensordot([[1] * len(names), *drawn], each, 1)  # of all listeners, then of those drawn again
    strength, *again = bradley_terry(wins + (wins[0] + wins[0].T > 0) / 2)
    rows = np.transpose([strength, *np.quantile(again, (0.025, 0.975), axis=0)]).tolist()
    return {sources[i]: tuple(rows[i]) for i in np.argsort(-strength)}
