"""Every model keeps the contract; what each is for in particular."""

import pytest
import torch

from musiclab.checks import check_model
from musiclab.models import GRU, GridGRU, GridTransformer, Mixture, Transformer, build_model
from musiclab.models.base import Dropout

SMALL = [
    GRU(40, width=24, layers=2),
    Transformer(40, width=24, layers=2, heads=2),
    Transformer(40, width=24, layers=2, heads=2, context=5),
    GridTransformer(40, first=6, count=20, width=24, layers=2, heads=2),
    GridTransformer(40, first=5, count=20, hold=-1, header=1, width=24, layers=1, heads=2, copy=2),
    GridGRU(40, first=6, count=20, width=24, layers=2),
    GridTransformer(40, columns=3, header=3, first=6, count=20, width=24, layers=1, heads=2, context=3),
    GridTransformer(40, first=6, count=20, width=24, layers=1, heads=2, anchors=[(i, i % 12) for i in range(1, 40)]),
    Mixture([GRU(40, width=24), GRU(40, width=16)], weights=[0.75, 0.25]),
]


@pytest.mark.parametrize("model", SMALL, ids=lambda m: f"{type(m).__name__}-{m.config.get('context', '')}")
def test_keeps_the_contract(model):
    check_model(model, length=25)


def test_build_model_says_what_it_knows():
    with pytest.raises(ValueError, match=r"model must be one of \[.*'GRU'.*\], got 'LSTN'"):
        build_model({"model": "LSTN"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GRU(10, width=0), "width must be >= 1, got 0"),
        (lambda: GRU(10, dropout=1.0), r"dropout must be in \[0, 1\), got 1.0"),
        (lambda: Transformer(10, width=20, heads=4), r"width must be a multiple of twice the heads \(8\), got 20"),
        (lambda: Transformer(10, context=0), "context must be >= 1, got 0"),
        (lambda: GridTransformer(20, first=6, count=20), r"first \+ count must be <= 20, got 26"),
    ],
)
def test_refuses_bad_sizes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_context_limits_what_a_transformer_sees():
    torch.manual_seed(0)
    model = Transformer(20, width=16, layers=1, heads=2, context=4).eval()
    ids = torch.randint(0, 20, (1, 12))
    changed = ids.clone()
    changed[0, 7] = (changed[0, 7] + 1) % 20
    gap = (model(ids)[0] - model(changed)[0]).abs().amax(-1)[0]
    assert (gap[7:11] > 0).all()
    assert gap[:7].max() == 0
    assert gap[11] == 0


def test_grid_resolves_holds_and_ages():
    model = GridTransformer(30, columns=2, header=2, first=6, count=10, hold=4, width=8, layers=1, heads=1)
    rows = torch.tensor([[1, 2, 6, 9, 4, 4, 4, 11, 8, 5, 4, 4]])
    _, state = model(rows)
    assert state.value.tolist() == [[3, 0]]  # id 8 is symbol 3; id 5 is no symbol
    assert state.earlier.tolist() == [[1, 6]]
    assert state.age.tolist() == [[1, 1]]


def test_grid_scores_by_interval():
    """Moving every symbol by one moves what the interval scores favour by one."""
    torch.manual_seed(0)
    model = GridTransformer(30, columns=2, header=2, first=6, count=20, width=8, layers=1, heads=1).eval()
    head = model.heads[0]
    with torch.no_grad():
        head.out.weight.zero_()
        head.out.bias[30 + 1 + 12 + 20 + 3] = 5.0  # three symbols up from its own last one
    for symbol in (8, 12):
        logits, _ = model(torch.tensor([[1, 2, symbol, 9]]))
        assert logits[0, -1].argmax() == symbol + 3


def test_grid_counts_classes_from_the_anchor():
    """What is favoured by its class moves with the anchor that the header names."""
    torch.manual_seed(0)
    anchors = [(26, 0), (27, 3)]
    model = GridTransformer(30, 2, 2, first=6, count=20, width=8, layers=1, heads=1, cycle=12, anchors=anchors).eval()
    with torch.no_grad():
        model.heads[0].out.weight.zero_()
        model.heads[0].out.bias[30 + 1 + 4] = 5.0  # the fifth of twelve classes
    for header, symbol in ((26, 4), (27, 7)):
        logits, _ = model(torch.tensor([[1, header, 8, 9]]))
        top = logits[0, -1].topk(2).indices.sort().values
        assert top.tolist() == [6 + symbol, 6 + symbol + 12]
    assert model(torch.tensor([[1, 2, 8, 9]]))[0][0, -1].max() < 5  # no anchor, no class


def test_dropout_keeps_the_mean_and_drops_its_share():
    torch.manual_seed(0)
    x = Dropout(0.25).train()(torch.ones(400, 500))
    assert x.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (x == 0).float().mean() == pytest.approx(0.25, abs=0.005)
    assert x.mean() == pytest.approx(1, abs=0.01)
    assert torch.equal(Dropout(0.25).eval()(x), x)


def test_dropout_is_torchs_in_mean_spread_and_gradient():
    torch.manual_seed(0)
    x = torch.randn(400, 500, requires_grad=True)
    ours, theirs = Dropout(0.25).train()(x), torch.nn.functional.dropout(x, 0.25)
    assert ours.mean().item() == pytest.approx(theirs.mean().item(), abs=0.01)
    assert ours.var().item() == pytest.approx(theirs.var().item(), rel=0.01)
    rows = (ours == 0).float().mean(dim=1)
    assert rows.var().item() == pytest.approx(0.25 * 0.75 / 500, rel=0.3)  # each cell for itself
    ours.sum().backward()
    assert torch.equal(x.grad != 0, ours != 0)  # what was dropped learns nothing
    assert x.grad.unique().tolist() == pytest.approx([0, 4 / 3])
    assert not torch.equal(Dropout(0.25).train()(x), ours)


def test_copying_points_to_what_followed_the_same_rows():
    """After eight rows that came before, the row that followed them is what a copy predicts; two rows are chance."""
    torch.manual_seed(0)
    model = GridTransformer(60, first=5, count=50, hold=-1, header=1, width=8, layers=1, heads=1, copy=4).eval()
    piece = torch.randint(5, 55, (16, 4))
    for repeated, expected in ((8, True), (2, False)):
        ids = torch.cat([torch.tensor([1]), torch.cat([piece, piece[:repeated]]).flatten()])[None]
        p = model(ids)[0][0, -1].exp()
        assert (p[piece[repeated, 0]] > 0.3) == expected
        ids = torch.cat([ids, torch.tensor([[55]])], dim=1)  # a soprano that disagrees: nothing to copy
        assert model(ids)[0][0, -1].exp()[piece[repeated, 1]] < 0.3


def test_copying_in_steps_equals_one_pass_and_sums_to_one():
    torch.manual_seed(0)
    piece = torch.randint(6, 26, (12, 4))
    grid = torch.cat([piece, piece, piece[4:]]).flatten()[None]
    for hold, header in ((4, 4), (-1, 1)):
        model = GridTransformer(
            40, first=6, count=20, hold=hold, header=header, width=8, layers=1, heads=1, copy=2
        ).eval()
        ids = torch.cat([torch.ones(1, header, dtype=torch.long), grid], dim=1)
        full = model(ids)[0]
        assert torch.allclose(full.exp().sum(dim=-1), torch.ones(1), atol=1e-5)
        state, parts = None, []
        for t in range(0, ids.shape[1], 3):
            logits, state = model(ids[:, t : t + 3], state)
            parts.append(logits)
        assert torch.allclose(torch.cat(parts, dim=1), full, atol=1e-4)


def test_an_inferred_anchor_moves_with_the_music():
    """Without an anchor in the header, the same rows some symbols higher are heard from an anchor as much higher."""
    torch.manual_seed(0)
    model = GridTransformer(60, first=5, count=50, hold=-1, header=1, width=8, layers=1, heads=1).eval()
    with torch.no_grad():
        model.anchor.profile.copy_(torch.randn(12))
    rows = torch.randint(10, 40, (1, 40))
    one = torch.ones(1, 1, dtype=torch.long)
    low, high = (model(torch.cat([one, rows + move], dim=1))[1].anchor for move in (0, 3))
    assert low.max() > 0.2
    assert torch.allclose(low.roll(3, dims=-1), high, atol=1e-5)


def test_going_along_is_scored_where_it_leads():
    """The soprano rises by two; what favours going along with it favours the alto's own last symbol and two more."""
    torch.manual_seed(0)
    model = GridTransformer(40, columns=2, header=2, first=6, count=30, width=8, layers=1, heads=1).eval()
    with torch.no_grad():
        model.heads[1].out.weight.zero_()
        model.heads[1].out.bias[40 + 1 + 12] = 5.0
    along = model(torch.tensor([[1, 2, 20, 11, 22]]))[0][0, -1]
    assert along.argmax() == 13
    still = model(torch.tensor([[1, 2, 20, 11, 20]]))[0][0, -1]
    assert still.max() < 1


def test_going_along_has_its_price_by_how_far_apart_the_two_are():
    """Fifths that go along are forbidden, thirds are not; no dropout blurs it."""
    torch.manual_seed(0)
    model = GridTransformer(40, columns=2, header=2, first=6, count=30, width=8, layers=1, heads=1, dropout=0.9).train()
    with torch.no_grad():
        model.heads[1].along[0, 30 + 7] = -30.0
    for soprano, forbidden in ((20, True), (17, False)):
        logits = model(torch.tensor([[1, 2, soprano, 13, soprano + 2]]))[0][0, -1]
        assert (logits[15] < -20) == forbidden
        assert model(torch.tensor([[1, 2, soprano, 13, soprano]]))[0][0, -1, 15] > -20  # nothing moved


def test_what_came_twice_is_not_copied_a_third_time():
    torch.manual_seed(0)
    model = GridTransformer(60, first=5, count=50, hold=-1, header=1, width=8, layers=1, heads=1, copy=4).eval()
    piece = torch.randint(5, 55, (16, 4))
    for repeated, expected in ((12, True), (16, False)):
        ids = torch.cat([torch.tensor([1]), torch.cat([piece, piece[:repeated]]).flatten()])[None]
        assert (model(ids)[0][0, -1].exp()[piece[repeated % 16, 0]] > 0.3) == expected


def test_classes_are_counted_from_each_anchor_the_header_names():
    torch.manual_seed(0)
    model = GridTransformer(30, 2, 2, first=6, count=20, width=8, layers=1, heads=1, anchors=[(26, 0, 9)]).eval()
    with torch.no_grad():
        model.heads[0].out.weight.zero_()
        model.heads[0].out.bias[30 + 1 + 12 + 4] = 5.0  # the fifth class from the second anchor
    top = model(torch.tensor([[1, 26, 8, 9]]))[0][0, -1].topk(2).indices.sort().values
    assert top.tolist() == [6 + 1, 6 + 13]  # 9 + 4 = 13, which is class 1
