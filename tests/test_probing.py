"""A trace is what the model did, head by head; a knock-out silences a head and nothing else, and ends."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from musiclab.models import GRU, LSTM, GridGRU, GridTransformer, RelativeTransformer, Transformer
from musiclab.probing import embed, knock_out, note_steps, patch_effects, trace
from musiclab.score import Score
from musiclab.tokenizers import ChoraleGrid, Melody

IDS = torch.randint(4, 40, (24,), generator=torch.Generator().manual_seed(3)).tolist()
SIZE = dict(width=24, layers=3, heads=2)


def make(kind, **kwargs):
    torch.manual_seed(1)
    model = kind(40, **{**SIZE, **kwargs}).eval()
    for name, weight in model.named_parameters():  # fresh weights look everywhere alike; these do not
        if "qkv" in name or "distance" in name:
            weight.data.normal_(std=0.6)
    return model


WITH_ATTENTION = [
    make(Transformer),
    make(Transformer, context=7),
    make(Transformer, positions="learned"),
    make(RelativeTransformer),
    make(RelativeTransformer, context=7),
    make(GridTransformer, first=6, count=20),
]


@pytest.mark.parametrize("model", WITH_ATTENTION, ids=lambda m: f"{type(m).__name__}-{m.config['context']}")
def test_rows_sum_to_one_and_never_look_ahead(model):
    seen, T = trace(model, IDS), len(IDS) // getattr(model, "columns", 1)
    assert seen.attention.shape == (3, 2, T, T)
    assert seen.hidden.shape == (3, T, 24)
    assert np.abs(seen.attention.sum(-1) - 1).max() < 1e-5
    back = np.arange(T)[:, None] - np.arange(T)
    allowed = (back >= 0) & (back < model.config["context"])
    assert (seen.attention[..., ~allowed] == 0).all()
    assert (seen.attention[..., allowed] > 0).all()
    assert seen.attention.std() > 0.01


@pytest.mark.parametrize("model", WITH_ATTENTION, ids=lambda m: f"{type(m).__name__}-{m.config['context']}")
def test_the_weights_traced_give_the_block_what_it_took(model):
    """Weights @ values, through the block's own layers, is what the block passed on: to 1e-5 of what SDPA did."""
    seen = trace(model, IDS)
    for layer in range(1, 3):
        block, x = model.trunk.blocks[layer], torch.tensor(seen.hidden[layer - 1])
        with torch.no_grad():
            values = block.qkv(block.norm1(x)).chunk(3, dim=-1)[2].unflatten(-1, (2, 12)).transpose(0, 1)  # (H, T, 12)
            mean = torch.tensor(seen.attention[layer]) @ values
            x = x + block.project(mean.transpose(0, 1).flatten(1))
            x = x + block.feed(block.norm2(x))
        assert (x - torch.tensor(seen.hidden[layer])).abs().max() <= 1e-5


def test_the_weights_are_the_textbook_formula():
    model = make(Transformer, positions="learned")  # queries and keys without rotation can be had from outside
    block, seen = model.trunk.blocks[0], trace(model, IDS)
    with torch.no_grad():
        x = block.norm1(model.embed(torch.tensor(IDS)) + model.place[: len(IDS)])
        q, k, _ = block.qkv(x).unflatten(-1, (3, 2, 12)).permute(1, 2, 0, 3)
        scores = q @ k.transpose(1, 2) / math.sqrt(12)
        future = torch.ones_like(scores[0]).triu(1).bool()
        expected = F.softmax(scores.masked_fill(future, -math.inf), dim=-1)
    assert np.abs(seen.attention[0] - expected.numpy()).max() <= 1e-5


def test_hidden_of_a_recurrent_model_is_what_it_passes_on():
    for kind in (GRU, LSTM):
        model = kind(40, width=16, layers=2).eval()
        seen = trace(model, IDS)
        assert seen.attention is None
        assert seen.hidden.shape == (2, len(IDS), 16)
        logits = model(torch.tensor([IDS]))[0][0]
        assert (model.out(torch.tensor(seen.hidden[-1])) - logits).abs().max() < 1e-5


def test_recurrent_rows_have_no_attention():
    model = make(GridGRU, first=6, count=20)
    seen = trace(model, IDS)
    assert seen.attention is None and seen.hidden.shape == (3, 6, 24)
    with pytest.raises(ValueError, match=r"below \(0, 0\) in GridGRU"), knock_out(model, [(0, 0)]):
        pass


def test_steps_of_a_grid_with_a_short_header():
    """BOS alone stands in the first row, whose other cells are missing; notes begin with the second."""
    score = Score([(0, 6, 67), (6, 6, 69), (0, 12, 60, 64, 1)])
    model = make(GridTransformer, header=1, first=5, count=20, copy=0)
    ids = [1, *ChoraleGrid().encode(score)]
    ticks, steps = note_steps(model, ChoraleGrid(), score)
    assert ticks.tolist() == [-1, 0, 6] and steps.tolist() == [1, 1, 2]
    assert trace(model, [i % 40 for i in ids]).attention.shape == (3, 2, 3, 3)


def test_tracing_leaves_the_model_as_it_was():
    model = make(Transformer, dropout=0.5).train()
    first, second = trace(model, IDS), trace(model, IDS)
    assert model.training
    assert np.array_equal(first.hidden, second.hidden)
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(IndexError):
        trace(model, [1, 99])
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_a_trace_needs_a_whole_step():
    with pytest.raises(ValueError, match="ids must be a whole step, got 3"):
        trace(make(GridTransformer, first=6, count=20), IDS[:3])


@pytest.mark.parametrize("model", WITH_ATTENTION, ids=lambda m: f"{type(m).__name__}-{m.config['context']}")
def test_knocking_out_a_head_is_cutting_its_columns_of_the_projection(model):
    ids = torch.tensor([IDS])
    before = model(ids)[0]
    with knock_out(model, [(1, 0)]):
        silenced = model(ids)[0]
    weight = model.trunk.blocks[1].project.weight
    kept = weight.data.clone()
    weight.data[:, :12] = 0
    cut = model(ids)[0]
    weight.data.copy_(kept)
    assert (silenced - cut).abs().max() < 1e-6
    assert (silenced - before).abs().max() > 1e-3
    assert torch.equal(model(ids)[0], before)


def test_a_knock_out_ends_with_an_error_and_holds_step_by_step():
    model, ids = make(Transformer), torch.tensor([IDS])
    before = model(ids)[0]
    with pytest.raises(RuntimeError), knock_out(model, [(0, 0), (2, 1)]):
        raise RuntimeError
    assert torch.equal(model(ids)[0], before)
    with knock_out(model, [(0, 0), (0, 1), (2, 1)]) as same:
        assert same is model
        whole, state, steps = model(ids)[0], None, []
        for t in range(len(IDS)):
            logits, state = model(ids[:, t : t + 1], state)
            steps.append(logits)
    assert (torch.cat(steps, dim=1) - whole).abs().max() < 1e-4


@pytest.mark.parametrize("head", [(3, 0), (0, 2), (-1, 0)])
def test_refuses_heads_that_are_not_there(head):
    model = make(Transformer)
    with (
        pytest.raises(ValueError, match=r"\(layer, head\) must be below \(3, 2\) in Transformer"),
        knock_out(model, [(0, 0), head]),
    ):
        pass
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(ValueError, match=r"below \(0, 0\) in GRU"), knock_out(GRU(40, width=8), [(0, 0)]):
        pass


# --- embeddings and patches -----------------------------------------------------------------------------------------


def test_embeddings_are_what_the_trace_holds():
    tune = Score([(0, 24, 60), (24, 72, 62), (96, 192, 64)])
    model = GRU(vocab_size=207, width=8, layers=2).eval()
    hidden = trace(model, [1, *Melody().encode(tune)]).hidden
    ticks, steps = note_steps(model, Melody(), tune)
    assert np.array_equal(embed(model, Melody(), tune, "note"), hidden[-1][steps])
    assert embed(model, Melody(), tune, layer=0) == pytest.approx(hidden[0][ticks >= 0].mean(axis=0))
    bars = embed(model, Melody(), tune, "bar")
    assert bars[2] == pytest.approx(hidden[-1][ticks >= 192].mean(axis=0))
    assert len(bars) == 3
    with pytest.raises(ValueError, match="of must be 'piece', 'bar' or 'note', got 'beat'"):
        embed(model, Melody(), tune, "beat")


@pytest.mark.parametrize("model", [make(Transformer), make(RelativeTransformer)], ids=["absolute", "relative"])
def test_patching_what_differs_restores_what_follows(model):
    altered = [*IDS[:10], (IDS[10] + 3) % 36 + 4, *IDS[11:]]
    effects = patch_effects(model, IDS, altered)
    assert effects.shape == (3, len(IDS) - 1)
    assert np.abs(effects[:, :10]).max() < 1e-3  # nothing differs before the change
    assert effects[-1, -1] == pytest.approx(1, abs=1e-3)  # the last layer's last step is all the answer is made of
    assert np.abs(effects[-1, :-1]).max() < 1e-3
    assert np.abs(effects[0, 10:]).max() > 0.05
    assert not any(module._forward_hooks for module in model.modules())


def test_a_patch_compares_like_with_like():
    with pytest.raises(ValueError, match=f"altered must be 24 ids that end in {IDS[-1]}"):
        patch_effects(make(Transformer), IDS, IDS[:-1])
    with pytest.raises(ValueError, match="model must be one with a trunk, got GRU"):
        patch_effects(GRU(40, width=8), IDS, IDS)
