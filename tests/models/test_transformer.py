"""Positions: rotary and learned ones, and the distances of the Music Transformer."""

import math

import pytest
import torch

from musiclab.checks import check_model
from musiclab.models import RelativeTransformer, Transformer
from musiclab.models.transformer import RelativeAttend, rotate, skew


@pytest.mark.parametrize(
    "model",
    [
        Transformer(40, width=24, layers=2, heads=2, positions="learned"),
        Transformer(40, width=24, layers=2, heads=2, positions="learned", context=5),
        RelativeTransformer(40, width=24, layers=2, heads=2),
        RelativeTransformer(40, width=24, layers=2, heads=2, context=5, positions="learned"),
    ],
    ids=["learned", "learned-5", "relative", "both-5"],
)
def test_keeps_the_contract(model):
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "distance" in name or "place" in name:
            weight.data.normal_()  # as after training: a wrong distance must show
    check_model(model, length=25)


@pytest.mark.parametrize(("T", "S"), [(1, 1), (6, 6), (1, 6), (3, 7)])
def test_skewing_is_the_double_loop(T, S):
    scores = torch.randn(2, 3, T, S)
    moved = skew(scores)
    assert moved.shape == scores.shape
    for i in range(T):
        for s in range(S - T + i + 1):
            distance = S - T + i - s
            assert torch.equal(moved[..., i, s], scores[..., i, S - 1 - distance])


@pytest.mark.parametrize(("T", "S", "context"), [(9, 9, 16), (9, 9, 4), (1, 6, 8), (3, 8, 5)])
def test_relative_attention_is_the_double_loop(T, S, context):
    torch.manual_seed(0)
    attend = RelativeAttend(heads=2, size=4, context=context)
    attend.distance.data.normal_()
    q, k, v = torch.randn(1, 2, T, 4), torch.randn(1, 2, S, 4), torch.randn(1, 2, S, 4)
    with torch.no_grad():
        got = attend(q, k, v, context)
        for h in range(2):
            for i in range(T):
                at = S - T + i
                seen = range(max(0, at - context + 1), at + 1)
                scores = [q[0, h, i] @ (k[0, h, s] + attend.distance[h, at - s]) / math.sqrt(4) for s in seen]
                weights = torch.stack(scores).softmax(0)
                expected = sum(w * v[0, h, s] for w, s in zip(weights, seen, strict=True))
                assert (got[0, h, i] - expected).abs().max() <= 1e-5


def test_relative_attention_sees_a_repetition_as_one():
    """A phrase moved later in time, with the same before it in reach, is read alike; a learned position tells them."""
    torch.manual_seed(0)
    phrase = torch.randint(1, 20, (1, 8))
    twice = torch.cat([phrase, phrase, phrase], dim=1)
    gaps = {}
    for name, model in {
        "relative": RelativeTransformer(20, width=16, layers=1, heads=2, context=8),
        "rotary": Transformer(20, width=16, layers=1, heads=2, context=8),
        "learned": Transformer(20, width=16, layers=1, heads=2, context=24, positions="learned"),
    }.items():
        for weight in [w for n, w in model.named_parameters() if "distance" in n or n == "place"]:
            weight.data.normal_()
        logits = model.eval()(twice)[0]
        gaps[name] = float((logits[:, 8:16] - logits[:, 16:]).abs().max())
    assert gaps["relative"] <= 1e-5
    assert gaps["rotary"] <= 1e-5
    assert gaps["learned"] > 0.01


def test_relative_attention_tells_distances_apart():
    model = RelativeTransformer(20, width=16, layers=1, heads=2, context=8).eval()
    model.trunk.blocks[0].attend.distance.data.normal_()
    one, other = model(torch.tensor([[3, 5, 7]]))[0], model(torch.tensor([[5, 3, 7]]))[0]
    assert (one[:, 2] - other[:, 2]).abs().max() > 1e-3  # a set of keys would not know which came first


def test_rotation_turns_by_position_only():
    """Turned by p and p + d, two vectors compare as when turned by 0 and d."""
    x, y = torch.randn(2, 1, 1, 1, 8)

    def dot(p: int, q: int) -> torch.Tensor:
        angle = torch.tensor([1.0, 0.3, 0.1, 0.01])
        one = torch.ones(4)
        return (rotate(x, torch.polar(one, p * angle)) * rotate(y, torch.polar(one, q * angle))).sum()

    assert dot(5, 9) == pytest.approx(float(dot(105, 109)), abs=1e-4)
    assert abs(float(dot(5, 9) - dot(5, 10))) > 1e-3


def test_rotation_is_the_formula_written_out():
    x, angle = torch.randn(2, 5, 3, 8), torch.rand(5, 1, 4)
    a, b = x[..., ::2], x[..., 1::2]
    expected = [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()]
    turned = rotate(x, torch.polar(torch.ones_like(angle), angle))
    assert torch.allclose(turned, torch.stack(expected, dim=-1).flatten(-2), atol=1e-6)


def test_without_positions_the_past_is_a_set():
    torch.manual_seed(0)
    ids, mixed = torch.tensor([[3, 5, 8, 7]]), torch.tensor([[8, 3, 5, 7]])
    gaps = {}
    for positions in ("none", "rotary", "learned"):
        model = Transformer(20, width=16, layers=1, heads=2, positions=positions).eval()
        gaps[positions] = float((model(ids)[0] - model(mixed)[0])[:, 3].detach().abs().max())
    assert gaps["none"] <= 1e-5
    assert min(gaps["rotary"], gaps["learned"]) > 1e-4


def test_refuses_unknown_positions():
    with pytest.raises(ValueError, match=r"positions must be one of \('rotary', 'learned', 'none'\), got 'sinus'"):
        Transformer(20, positions="sinus")


def test_rotary_weights_keep_their_names():
    assert {name.split(".")[0] for name in Transformer(20, width=16, heads=2).state_dict()} == {"embed", "trunk", "out"}
