"""Models that count: the textbook's probabilities, which always sum to 1, and grids at any height."""

import os
from collections import defaultdict

import numpy as np
import pytest
import torch

from musiclab.checks import check_model
from musiclab.metrics.jsb import evaluate_jsb
from musiclab.models import NGram, RelativeNGram, build_model
from musiclab.pretrained import load_pretrained, save
from musiclab.tokenizers import Melody
from musiclab.tokenizers.chorale_grid import GRID, ChoraleGrid
from musiclab.training import fit, token_nll

GRIDS = [{"header": 1}, {"header": 4, "hold": 4}, {"columns": 3, "header": 2, "period": 2}]


def runs(n: int = 30, vocab_size: int = 12, length: int = 25, seed: int = 0) -> list[list[int]]:
    """Return sequences in which ids tend to follow their neighbours, so that contexts come back."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(-1, 3, size=(n, length))
    return [[1, *(2 + np.cumsum(row) % (vocab_size - 2)).tolist()] for row in steps]


def counted() -> list:
    """Return one model of each kind that has counted runs."""
    models = [NGram(12, order=n) for n in (1, 2, 5)]
    models += [RelativeNGram(12, first=5, count=7, **grid) for grid in GRIDS]
    for model in models:
        model.count(runs())
    return models


def textbook(train: list[list[int]], sequence: list[int], order: int, discount: float, vocab_size: int) -> list[float]:
    """Return the probability of each id but the first by interpolated Kneser-Ney, with dictionaries, one by one."""
    follow: list[dict] = [defaultdict(lambda: defaultdict(int)) for _ in range(order)]
    for ids in train:
        padded = ["start"] * (order - 1) + ids
        for i in range(order, len(padded)):
            follow[order - 1][tuple(padded[i - order + 1 : i])][padded[i]] += 1
    for k in reversed(range(order - 1)):
        for context, outcomes in follow[k + 1].items():
            for x in outcomes:
                follow[k][context[1:]][x] += 1

    def p(context: tuple, x: int) -> float:
        shorter = p(context[1:], x) if context else 1 / vocab_size
        counts = follow[len(context)].get(context)
        if counts is None:
            return shorter
        kept = max(counts.get(x, 0) - discount, 0)
        return (kept + discount * len(counts) * shorter) / sum(counts.values())

    padded = ["start"] * (order - 1) + sequence
    return [p(tuple(padded[i - order + 1 : i]), padded[i]) for i in range(order, len(padded))]


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_equals_the_textbook(order: int) -> None:
    train, held_out = runs(), runs(4, seed=1)
    model = NGram(12, order, discount=0.6)
    model.count(train)
    for ids, nll in zip(held_out, token_nll(model, held_out), strict=True):
        assert nll == pytest.approx(-np.log(textbook(train, ids, order, 0.6, 12)), abs=1e-6)


@pytest.mark.parametrize("model", counted(), ids=repr)
def test_is_a_distribution_whatever_was_read(model) -> None:
    ids = torch.randint(0, 12, (3, 40), generator=torch.Generator().manual_seed(2))  # mostly never met
    logits, _ = model(torch.cat([ids, torch.tensor([runs()[0], runs()[1], runs()[2]])], dim=1))
    assert torch.isfinite(logits).all()
    assert torch.allclose(logits.exp().sum(-1), torch.ones(()), atol=1e-5)


def test_never_rules_an_id_out() -> None:
    model = NGram(4, order=9, discount=1e-9)  # a ninth power of it is too small for a float
    model.count([[1] + [3] * 40])
    assert torch.isfinite(model(torch.tensor([[1] + [3] * 40]))[0]).all()


@pytest.mark.parametrize("model", counted(), ids=repr)
def test_is_uniform_before_it_has_counted(model) -> None:
    fresh = build_model(model.config)
    assert torch.allclose(fresh(torch.tensor([[1, 6, 7]]))[0], torch.tensor(-np.log(12.0)).float())


@pytest.mark.parametrize("model", [
    NGram(40, order=2),
    NGram(40, order=4),
    *(RelativeNGram(40, first=6, count=20, **grid) for grid in GRIDS),
], ids=lambda m: f"{type(m).__name__}-{m.columns if hasattr(m, 'columns') else m.config['order']}")  # fmt: skip
def test_keeps_the_contract(model) -> None:
    model.count(torch.randint(1, 40, (50, 30), generator=torch.Generator().manual_seed(0)).tolist())
    check_model(model, length=25)


@pytest.mark.parametrize("model", counted(), ids=repr)
def test_comes_back_from_a_file(model, tmp_path) -> None:
    twin, _ = load_pretrained(save(model, Melody(), tmp_path), device="cpu")
    ids = torch.tensor(runs(3, seed=5))
    assert torch.equal(twin(ids)[0], model(ids)[0])


def test_counts_anew_and_once() -> None:
    model, other = NGram(12, order=3), NGram(12, order=3)
    model.count(runs(seed=3))
    model.count(runs())
    other.count(runs())
    ids = torch.tensor(runs(2, seed=4))
    assert torch.equal(model(ids)[0], other(ids)[0])
    with pytest.raises(ValueError, match=r"model must be one that learns step by step, got one for model\.count"):
        fit(other, runs(), iters=1, device="cpu")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: NGram(10, order=0), "order must be >= 1, got 0"),
        (lambda: NGram(10, discount=1), r"discount must be in \(0, 1\), got 1"),
        (lambda: NGram(10).count([[1, 10]]), r"ids must be below 10, got \[1, 10\]"),
        (lambda: NGram(10).count([[1, -1]]), r"ids must be below 10, got \[1, -1\]"),
        (lambda: NGram(10).count([]), "sequences must be at least one of two ids, got none"),
        (lambda: RelativeNGram(20, first=6, count=20), r"first \+ count must be <= 20, got 26"),
    ],
)
def test_refuses_in_words(act, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_knows_at_every_height_what_it_counted_at_one(grid: dict) -> None:
    columns, header = grid.get("columns", 4), grid["header"]
    rows = 40 + np.cumsum(np.random.default_rng(0).integers(-2, 3, size=(30, columns)), axis=0)
    model = RelativeNGram(90, first=6, count=80, **grid)
    ids = torch.tensor([[1] * header + (rows + k).ravel().tolist() for k in (0, 5)])
    model.count([ids[0].tolist()])
    low, high = model(ids)[0].softmax(-1)[:, header + columns :, 6:]
    assert torch.allclose(low[:, 20:60], high[:, 25:65], atol=1e-6)
    assert low.amax(-1).mean() > 0.5


def test_a_hold_says_the_same_as_a_symbol_written_again() -> None:
    pitches = np.array([[10, 9, 8], [10, 9, 8], [11, 9, 7], [11, 8, 7], [11, 8, 7]])
    held = np.where(np.diff(pitches, axis=0, prepend=0) == 0, 4, pitches)
    written = RelativeNGram(20, first=6, count=10, columns=3, header=3)
    holding = RelativeNGram(20, first=6, count=10, columns=3, header=3, hold=4)
    seen, said = (
        model.look(torch.tensor([[1, 2, 3, *rows.ravel().tolist()]]), None)[0]
        for model, rows in ((written, pitches), (holding, held))
    )
    assert torch.equal(seen[:, 3:], said[:, 3:])


@pytest.mark.slow
@pytest.mark.skipif("MUSICLAB_DATA" not in os.environ, reason="MUSICLAB_DATA names no folder with the JSB Chorales")
def test_the_figure_on_the_canonical_chorales() -> None:
    from musiclab.datasets.jsb import load_jsb

    tok = ChoraleGrid()
    model = RelativeNGram(len(tok.vocab), **{**GRID, "period": 4})
    model.count([[1, *tok.from_grid(piece), 2] for piece in load_jsb().train])
    assert evaluate_jsb(model, split="valid").micro == pytest.approx(0.4806, abs=5e-4)
    assert evaluate_jsb(model).micro == pytest.approx(0.4798, abs=5e-4)
