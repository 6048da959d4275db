"""Sampling: filters do what they say, draws follow the distribution, and the noise is frozen."""

from itertools import islice

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from musiclab.models import GRU, Model
from musiclab.sampling import FILTERS, Sampler, repetition_penalty, softmax, stream

LOGITS = np.log([0.4, 0.3, 0.15, 0.1, 0.05])


class Fixed(Model):
    """Always the same scores, whatever was read."""

    def __init__(self, vocab_size=5):
        super().__init__(vocab_size=vocab_size)
        self.scores = torch.nn.Parameter(torch.tensor(LOGITS))

    def forward(self, ids, state=None):
        return self.scores.expand(*ids.shape, -1), state


class Only:
    """A grammar that allows some ids, and remembers what it was told."""

    def __init__(self, allowed):
        self.allowed, self.pushed = np.isin(np.arange(5), allowed), []

    def mask(self):
        return self.allowed

    def push(self, token_id):
        self.pushed.append(token_id)


def drawn(sampler, n, grammar=None):
    return [d.id for d in islice(stream(Fixed(), [0], sampler, grammar), n)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.4, 0.3, 0.15, 0.1, 0.05]),
        ({"temperature": 0}, [1, 0, 0, 0, 0]),
        ({"temperature": 0.5}, np.square([0.4, 0.3, 0.15, 0.1, 0.05])),
        ({"top_k": 2}, [4, 3, 0, 0, 0]),
        ({"top_k": 9}, [0.4, 0.3, 0.15, 0.1, 0.05]),
        ({"top_p": 0.6}, [4, 3, 0, 0, 0]),
        ({"top_p": 0.4}, [1, 0, 0, 0, 0]),
        ({"min_p": 0.3}, [0.4, 0.3, 0.15, 0, 0]),
    ],
)
def test_probabilities(settings, expected):
    expected = np.array(expected) / np.sum(expected)
    assert np.allclose(Sampler(**settings).probabilities(LOGITS), expected)


def test_filters_change_nothing_in_place():
    before = LOGITS.copy()
    for name, keep in FILTERS.items():
        keep(LOGITS, 2 if name == "top_k" else 0.5)
    repetition_penalty(LOGITS, 2.0, [0, 1])
    assert np.array_equal(before, LOGITS)


def test_repetition_penalty_lowers_what_was_seen():
    penalised = repetition_penalty(np.array([1.0, -1.0, 2.0]), 2.0, [0, 1, 1])
    assert penalised.tolist() == [0.5, -2.0, 2.0]


def test_draws_follow_the_distribution():
    # Id 2 would end the stream, so the grammar leaves it out.
    sampler = Sampler(temperature=1.3, min_p=0.05, seed=4)
    counts = np.bincount(drawn(sampler, 4000, Only([0, 1, 3, 4])), minlength=5)
    expected = sampler.probabilities(np.where([1, 1, 0, 1, 1], LOGITS, -np.inf))
    assert counts[2] == 0
    keep = expected > 0
    assert chisquare(counts[keep], 4000 * expected[keep]).pvalue > 0.001


def test_frozen_noise():
    """With one seed, a draw changes only where the setting removed what would have been drawn."""
    grammar = [0, 1, 3, 4]
    free = drawn(Sampler(seed=9), 300, Only(grammar))
    narrow = drawn(Sampler(seed=9, top_k=3), 300, Only(grammar))
    kept = Sampler(top_k=3).probabilities(np.where([1, 1, 0, 1, 1], LOGITS, -np.inf)) > 0
    assert all(a == b for a, b in zip(free, narrow, strict=True) if kept[a])
    assert free != narrow
    assert free == drawn(Sampler(seed=9), 300, Only(grammar))
    assert free != drawn(Sampler(seed=10), 300, Only(grammar))


def test_what_a_draw_tells():
    grammar = Only([0, 1])
    draw = next(stream(Fixed(), [0], Sampler(temperature=0), grammar))
    assert draw.id == 0
    assert draw.nll == pytest.approx(-np.log(0.4))
    assert draw.entropy == pytest.approx(-(softmax(LOGITS) * LOGITS).sum())
    assert draw.paid == {"grammar": pytest.approx(-np.log(0.7))}
    assert grammar.pushed == [0]


def test_ends_with_eos():
    assert drawn(Sampler(), 10, Only([2])) == [2]


def test_state_is_carried():
    model = GRU(8, width=12)
    greedy = [d.id for d in islice(stream(model, [1, 3], Sampler(temperature=0)), 6)]
    ids = [1, 3]
    for expected in greedy:
        assert int(model(torch.tensor([ids]))[0][0, -1].argmax()) == expected
        ids.append(expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "temperature must be a finite number >= 0, got -1"),
        ({"temperature": "hot"}, "temperature must be a number, got 'hot'"),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
        ({"top_k": -1}, "top_k must be a whole number >= 0"),
        ({"top_p": 1.5}, r"top_p must be in \(0, 1\], got 1.5"),
        ({"top_p": 0}, r"top_p must be in \(0, 1\]"),
        ({"min_p": 1}, r"min_p must be in \[0, 1\)"),
        ({"repetition_penalty": 0.5}, "repetition_penalty must be >= 1"),
    ],
)
def test_refuses_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Sampler(**settings)


def test_refuses_no_start_and_dead_ends():
    with pytest.raises(ValueError, match="ids must be at least one id"):
        next(stream(Fixed(), []))
    with pytest.raises(ValueError, match="the grammar must be one that allows some id"):
        next(stream(Fixed(), [0], grammar=Only([])))
