"""Likelihood: units divide the same nats, and the baseline and interval are what they claim."""

import numpy as np
import pytest
import torch

from musiclab.metrics.likelihood import Likelihood, nll
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
