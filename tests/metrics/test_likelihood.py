"""Likelihood: units divide the same nats, and the baseline and interval are what they claim."""

import numpy as np
import pytest
import torch

from musiclab.metrics.likelihood import Likelihood, nll, paired_bootstrap
from musiclab.models import Model
from musiclab.score import Score
from musiclab.tokenizers import Chorale

TOK = Chorale()
SCORES = [Score([(24 * i, 24, 60 + i) for i in range(n)]) for n in (2, 5, 9)]


class Even(Model):
    """Every id is as likely as any other."""

    def __init__(self, vocab_size):
        super().__init__(vocab_size=vocab_size)
        self.zero = torch.nn.Parameter(torch.zeros(()))

    def forward(self, ids, state=None):
        return self.zero.expand(*ids.shape, self.vocab_size), state


def test_an_even_model_costs_the_logarithm_of_the_vocabulary():
    result = nll(Even(len(TOK.vocab)), TOK, SCORES)
    assert result.per("ids") == pytest.approx(np.log(len(TOK.vocab)))
    assert result.nll.sum() == pytest.approx(result.per("notes") * 16)
    assert result.bits_per_quarter == pytest.approx(result.nll.sum() / 16 / np.log(2))
    assert np.isnan(result.baseline)


def test_the_baseline_is_the_closed_form():
    result = nll(Even(len(TOK.vocab)), TOK, SCORES[:1], training=SCORES)
    counts = np.ones(len(TOK.vocab))
    for score in SCORES:
        for i in TOK.sequence(score)[1:]:
            counts[i] += 1
    expected = np.mean([-np.log(counts[i] / counts.sum()) for i in TOK.sequence(SCORES[0])[1:]])
    assert result.baseline == pytest.approx(expected)
    assert "id frequencies alone" in repr(result)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        values = rng.normal(2, 0.5, size=40)
        ones = np.ones(40)
        low, high = Likelihood(values, ones, ones, ones).interval("ids", seed=seed)
        hits += low <= 2 <= high
    assert 180 <= hits <= 199


def test_needs_scores():
    with pytest.raises(ValueError, match="scores must be at least one, got 0"):
        nll(Even(len(TOK.vocab)), TOK, [])


def on_hard_and_easy_scores(n=77, seed=0, **extra):
    """Nats of scores of many lengths, some far harder than others; ``extra`` more nats per id, its mean and spread."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(500, 1500, n)
    nats = ids * (rng.normal(0.5, 0.1, n) + (rng.normal(extra["mean"], extra["spread"], n) if extra else 0))
    return Likelihood(nats, ids, ids, ids / 16)


def test_a_model_cannot_be_told_from_itself():
    a = on_hard_and_easy_scores()
    found = paired_bootstrap(a, a)
    assert found[:3] == (0, 0, 0)
    assert found.verdict == "cannot tell"


def test_a_difference_far_inside_both_intervals_is_found_in_pairs():
    a, b = on_hard_and_easy_scores(), on_hard_and_easy_scores(mean=0.01, spread=0.02)
    (low, high), (b_low, b_high) = a.interval("ids"), b.interval("ids")
    assert low < b_low < high < b_high  # the two intervals tell nothing
    found = paired_bootstrap(a, b)
    assert found.verdict == "the first is better"
    assert found.low < found.nats == a.per("ids") - b.per("ids") < found.high < 0
    other = paired_bootstrap(b, a, unit="quarters")
    assert other.verdict == "the second is better"
    assert other.low == pytest.approx(-16 * found.high)
    assert repr(other).startswith(f"{16 * -found.nats:+.4f} nats per quarter, 95 % ")


def test_models_closer_than_noise_are_told_apart_about_as_seldom_as_it_says():
    a, told = on_hard_and_easy_scores(), 0
    for seed in range(1, 201):
        noise = np.random.default_rng(seed).normal(0, 0.05, len(a.ids)) * a.ids
        b = Likelihood(a.nll + noise, a.ids, a.notes, a.quarters)
        told += paired_bootstrap(a, b, seed=seed).verdict != "cannot tell"
    assert 2 <= told <= 24  # one in twenty, and what a bootstrap of 77 adds


def test_one_score_tells_nothing():
    one = Likelihood(*np.ones((4, 1)))
    assert paired_bootstrap(one, Likelihood(2 * one.nll, *np.ones((3, 1)))).verdict == "cannot tell"


def test_only_the_same_scores_are_compared():
    a, fewer = on_hard_and_easy_scores(), on_hard_and_easy_scores(n=76)
    with pytest.raises(ValueError, match="b must be of the same 77 scores as a, got 76 scores"):
        paired_bootstrap(a, fewer)
    b = Likelihood(a.nll, a.ids + 1, a.notes, a.quarters)
    with pytest.raises(ValueError, match=r"unit must be 'notes' or 'quarters' where two tokenizers .* got 'ids'"):
        paired_bootstrap(a, b)
    assert paired_bootstrap(a, b, unit="notes").nats == 0
