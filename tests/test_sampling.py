"""Sampling: filters do what they say, draws follow the distribution, and the noise is frozen."""

from itertools import islice

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from musiclab.models import GRU, Model
from musiclab.sampling import FILTERS, Continuation, Sampler, repetition_penalty, softmax, stream

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


SETTINGS = [
    {"temperature": 0.6}, {"temperature": 1.7}, {"top_k": 3}, {"top_p": 0.7}, {"min_p": 0.2},
    {"repetition_penalty": 1.8}, {"temperature": 0.8, "top_k": 4, "top_p": 0.9, "min_p": 0.05},
]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_draws_follow_the_target_under_every_setting(settings):
    sampler = Sampler(seed=1, **settings)
    # Id 0 begins the sequence and the others are drawn at once, so the penalty is the same for all draws but the first.
    target = sampler.probabilities(np.where([1, 1, 0, 1, 1], LOGITS, -np.inf), [0, 1, 3, 4])
    ids, grammar = [0, 1, 3, 4], Only([0, 1, 3, 4])
    rows = [Continuation(ids, Sampler(seed=seed, **settings), grammar).take(LOGITS) for seed in range(3000)]
    counts, keep = np.bincount([draw.id for draw in rows], minlength=5), target > 0
    assert counts[~keep].sum() == 0
    assert chisquare(counts[keep], 3000 * target[keep]).pvalue > 0.001


def test_cooling_moves_draws_only_to_likelier_ids():
    """With one seed: the noise is the same, so a lower temperature can only raise the likelihood of each draw."""
    hot, warm, cold = (drawn(Sampler(temperature=t, seed=2), 400, Only([0, 1, 3, 4])) for t in (2.0, 1.0, 0.4))
    assert all(LOGITS[a] <= LOGITS[b] <= LOGITS[c] for a, b, c in zip(hot, warm, cold, strict=True))
    assert len({tuple(hot), tuple(warm), tuple(cold)}) == 3


@pytest.mark.parametrize("name", ["top_k", "top_p", "min_p"])
def test_a_filter_moves_only_draws_that_it_removes(name):
    value = {"top_k": 2, "top_p": 0.65, "min_p": 0.3}[name]
    free, narrow = (
        drawn(sampler, 300, Only([0, 1, 3, 4])) for sampler in (Sampler(seed=3), Sampler(seed=3, **{name: value}))
    )
    kept = Sampler(**{name: value}).probabilities(np.where([1, 1, 0, 1, 1], LOGITS, -np.inf)) > 0
    moved = [(a, b) for a, b in zip(free, narrow, strict=True) if a != b]
    assert moved and not any(kept[a] for a, _ in moved) and all(kept[b] for _, b in moved)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_torch_rows_give_torch_rows(settings, dtype):
    row, sampler = torch.tensor(LOGITS, dtype=dtype), Sampler(**settings)
    before = row.clone()
    for method in (sampler.filtered, sampler.probabilities):
        ours = method(row, [0, 3])
        assert (ours.dtype, ours.shape) == (dtype, row.shape)
        expected = method(row.double().numpy(), [0, 3])
        assert np.allclose(ours.double().numpy(), expected, rtol=1e-2 if dtype == torch.bfloat16 else 1e-6)
    for name, keep in FILTERS.items():
        value = 2 if name == "top_k" else 0.5
        assert np.array_equal(keep(row, value).double().numpy(), keep(row.double().numpy(), value))
    assert torch.equal(row, before)


@pytest.mark.peer
def test_filters_are_those_of_transformers():
    from transformers.generation import logits_process as peer

    rng = np.random.default_rng(0)
    for _ in range(200):
        logits, seen = rng.normal(0, rng.choice([0.5, 2, 8]), size=60), rng.integers(60, size=9)
        row, ids = torch.from_numpy(logits)[None], torch.from_numpy(seen)[None]
        t, k, p, m, r = (
            rng.uniform(0.3, 2),
            int(rng.integers(1, 60)),
            rng.uniform(0.05, 0.99),
            rng.uniform(0.01, 0.5),
            1.3,
        )
        settings = {"temperature": t, "top_k": k, "top_p": p, "min_p": m, "repetition_penalty": r}
        processors = {
            "temperature": peer.TemperatureLogitsWarper(t), "top_k": peer.TopKLogitsWarper(k),
            "top_p": peer.TopPLogitsWarper(p), "min_p": peer.MinPLogitsWarper(m),
            "repetition_penalty": peer.RepetitionPenaltyLogitsProcessor(r),
        }  # fmt: skip
        for name, process in processors.items():
            theirs = process(ids, row.clone())[0].numpy()
            assert np.allclose(Sampler(**{name: settings[name]}).filtered(logits, seen), theirs), name
        theirs = row.clone()
        for name in ("repetition_penalty", "temperature", "top_k", "top_p", "min_p"):
            theirs = processors[name](ids, theirs)
        assert np.allclose(Sampler(**settings).filtered(logits, seen), theirs[0].numpy())


class Steps:
    """Rules that leave, one after another, fewer ids; the last would leave none."""

    def __init__(self):
        self.pushed = []

    def narrow(self, allowed):
        for name, ids in (("first", [0, 1, 3]), ("never", []), ("second", [1, 3])):
            yield name, allowed & np.isin(np.arange(5), ids)

    def push(self, token_id):
        self.pushed.append(token_id)


def test_each_rule_pays_for_what_it_removes_of_what_was_left():
    rules = Steps()
    draw = next(stream(Fixed(), [0], Sampler(temperature=0), Only([0, 1, 3, 4]), rules))
    assert (draw.id, rules.pushed, draw.backed_off) == (1, [1], ("never",))
    left = [1, 0.85, 0.8, 0.8, 0.4]
    paid = dict(zip(("grammar", "first", "never", "second"), -np.log(np.divide(left[1:], left[:-1])), strict=True))
    assert draw.paid == pytest.approx(paid)
    assert [i for i, _ in draw.top] == [0, 1, 2, 3, 4]
    assert [p for _, p in draw.top] == pytest.approx([0.4, 0.3, 0.15, 0.1, 0.05])


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
