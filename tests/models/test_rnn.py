"""Recurrent networks: the contract, a state that carries on, cells written by hand, and shipped shapes."""

import pytest
import torch

from musiclab.checks import check_model
from musiclab.models import GRU, LSTM, build_model


def gru_cell(x, h, cells, layer=0):
    """One step of Cho's unit as PyTorch writes it: gates r, z, and a candidate n."""
    wx, wh, bx, bh = (getattr(cells, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    xr, xz, xn = (x @ wx.T + bx).chunk(3, dim=-1)
    hr, hz, hn = (h @ wh.T + bh).chunk(3, dim=-1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h


def lstm_cell(x, state, cells, layer=0):
    """One step with input, forget and output gates."""
    h, c = state
    wx, wh, bx, bh = (getattr(cells, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    i, f, g, o = (x @ wx.T + bx + h @ wh.T + bh).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_keeps_the_contract(kind, layers):
    check_model(kind(40, width=24, layers=layers), length=25)


@torch.no_grad()
def test_lstm_is_the_textbook_s_cell():
    torch.manual_seed(0)
    model = LSTM(12, width=8).eval()
    ids = torch.randint(12, (3, 7))
    state = torch.zeros(3, 8), torch.zeros(3, 8)
    for t in range(7):
        state = lstm_cell(model.embed(ids[:, t]), state, model.cells)
    logits, (hidden, cell) = model(ids)
    assert torch.allclose(model.out(state[0]), logits[:, -1], atol=1e-6)
    assert torch.allclose(state[0], hidden[0], atol=1e-6) and torch.allclose(state[1], cell[0], atol=1e-6)


@torch.no_grad()
def test_gru_is_the_textbook_s_cell():
    torch.manual_seed(0)
    model = GRU(12, width=8).eval()
    ids, h = torch.randint(12, (3, 7)), torch.zeros(3, 8)
    for t in range(7):
        h = gru_cell(model.embed(ids[:, t]), h, model.cells)
    assert torch.allclose(model.out(h), model(ids)[0][:, -1], atol=1e-6)


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_config_builds_the_same_class(kind):
    twin = build_model(kind(10, width=8, layers=2, dropout=0.25).config)
    assert type(twin) is kind
    assert twin.config == {
        "model": kind.__name__, "vocab_size": 10, "width": 8, "layers": 2, "dropout": 0.25
    }  # fmt: skip


def test_what_they_share_is_no_model():
    with pytest.raises(ValueError, match="model must be one of"):
        build_model({"model": "Recurrent", "vocab_size": 10})


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_dropout_is_off_when_not_training(kind):
    torch.manual_seed(0)
    model, ids = kind(10, width=16, layers=2, dropout=0.5), torch.randint(10, (1, 5))
    assert not torch.equal(model.train()(ids)[0], model(ids)[0])
    assert torch.equal(model.eval()(ids)[0], model(ids)[0])
