"""The steps without a framework say what the models say, and stand back where they could not."""

import copy
from itertools import islice

import numpy as np
import pytest
import torch

from musiclab import sampling
from musiclab.datasets import load_folk_tunes
from musiclab.models import GRU, LSTM, GridGRU, GridTransformer, Mixture, NGram, RelativeTransformer, Transformer, fast
from musiclab.models.fast import GridStep, SequenceStep, fast_step
from musiclab.pretrained import load_pretrained, pretrained_names
from musiclab.probing import knock_out
from musiclab.sampling import Continuation, Sampler, stream, write
from musiclab.tokenizers import Melody
from musiclab.training import fit

GRID = {"first": 6, "count": 20, "width": 24, "heads": 2}
MODELS = {
    "gru": lambda: GRU(40, width=24, layers=2),
    "lstm": lambda: LSTM(40, width=24, layers=2),
    **{
        f"transformer-{positions}-{context}": lambda positions=positions, context=context: Transformer(
            40, width=24, layers=2, heads=2, context=context, positions=positions
        )
        for positions in ("rotary", "learned", "none")
        for context in (7, 64)
    },
    "grid": lambda: GridTransformer(40, layers=2, **GRID),
    "grid-copies": lambda: GridTransformer(40, hold=-1, header=1, layers=1, copy=2, **GRID),
    "grid-slides": lambda: GridTransformer(40, columns=3, header=3, layers=1, context=3, **GRID),
    "grid-anchors": lambda: GridTransformer(40, layers=1, anchors=[(i, i % 12, i % 7) for i in range(40)], **GRID),
    "grid-gru": lambda: GridGRU(40, layers=2, copy=1, **GRID),
}

TRANSFORMERS = [name for name in MODELS if name.startswith("transformer")]


def made(name):
    """Return a model whose every weight matters, as after training."""
    torch.manual_seed(1)
    model = MODELS[name]().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3)
    return model


def some_ids(model, n=100, seed=0):
    """Return ids in which symbols are held and a passage comes back, so that a grid's copy head has work."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(model.vocab_size, size=n)
    hold = getattr(model, "hold", -1)
    ids[16:] = np.where(rng.random(n - 16) < 0.5, hold if hold >= 0 else 9, ids[16:])
    ids[56:] = ids[8 : max(8, n - 48)]
    return torch.tensor(ids)[None]


@torch.no_grad()
def in_steps(model, ids, primer, step=None):
    """Return the logits of a pass over the primer, then of one id at a time: by the fast step, if there is one."""
    logits, state = model(ids[:, :primer])
    rows = [logits]
    if step:
        step.start(state)
    for t in range(primer, ids.shape[1]):
        if step:
            rows.append(torch.from_numpy(step(int(ids[0, t])).copy())[None, None])
        else:
            logits, state = model(ids[:, t : t + 1], state)
            rows.append(logits)
    return torch.cat(rows, dim=1)


def fast_ones(model, ids, primer):
    """Return the same of the fast step that a model has."""
    return in_steps(model, ids, primer, fast_step(model))


@pytest.mark.parametrize("primer", [1, 4, 6, 50])
@pytest.mark.parametrize("name", MODELS)
def test_logits_are_the_models(name, primer):
    model = made(name)
    ids = some_ids(model)
    with torch.no_grad():
        whole, _ = model(ids)
    assert (fast_ones(model, ids, primer) - whole).abs().max() <= 1e-4


def test_nothing_is_less_likely_in_steps_than_in_one_pass_even_where_nothing_can_be_copied_yet():
    model = made("grid-copies")
    for head in model.heads:
        head.out.bias.data[5] = -80  # an id that is no symbol
    ids = some_ids(model, 24)
    with torch.no_grad():
        whole, _ = model(ids)
    assert whole[0, :, 5].numpy() == pytest.approx(np.log(1e-9))
    for steps in (in_steps, fast_ones):
        assert (steps(model, ids, 1) - whole).abs().max() <= 1e-4


@pytest.mark.parametrize("name", ["lstm", "transformer-rotary-7", "grid-copies", "grid-gru"])
def test_it_begins_anew_with_another_state(name):
    model = made(name)
    ids, step = some_ids(model, 40), fast_step(model)
    first = in_steps(model, ids, 9, step)
    in_steps(model, some_ids(model, 30, seed=1), 4, step)
    assert torch.equal(in_steps(model, ids, 9, step), first)


def test_a_batch_is_left_to_the_model(monkeypatch):
    model, used = made("transformer-rotary-64"), []
    model.out.bias.data[2] = -99  # no end
    alone = [[d.id for d in islice(stream(model, [1], Sampler(seed=seed)), 15)] for seed in (0, 1)]
    monkeypatch.setattr(SequenceStep, "__call__", _counted(SequenceStep.__call__, used))
    both = [Continuation([1], Sampler(seed=seed)) for seed in (0, 1)]
    list(islice(write(model, both), 30))
    assert [one.ids[1:] for one in both] == alone
    assert not used


@pytest.mark.parametrize("name", MODELS)
def test_stream_draws_the_same_ids(name, monkeypatch):
    model = made(name)
    used = []
    for kind in (SequenceStep, GridStep):
        monkeypatch.setattr(kind, "__call__", _counted(kind.__call__, used))

    def drawn(seed):
        return [(d.id, round(d.nll, 3)) for d in islice(stream(model, [1, 5, 6], Sampler(top_p=0.95, seed=seed)), 40)]

    quick = [drawn(seed) for seed in range(2)]
    assert len(used) == sum(map(len, quick)) - len(quick)  # the first is drawn after one pass over the beginning
    monkeypatch.setattr(sampling, "fast_step", lambda model: None)
    assert quick == [drawn(seed) for seed in range(2)]


def _counted(function, calls):
    def count(*args):
        calls.append(1)
        return function(*args)

    return count


@pytest.mark.parametrize("name", pretrained_names())
def test_shipped_models_are_fast_and_say_the_same(name, monkeypatch):
    model, tok = load_pretrained(name, device="cpu")
    monkeypatch.setattr(fast, "_kernels", lambda model: None)  # in 32 bits
    ids = torch.tensor([[1, *next(islice(_walks(tok, model), 1))]])
    assert torch.allclose(fast_ones(model, ids, 2), in_steps(model, ids, 2), rtol=1e-5, atol=1e-5)


def _walks(tok, model):
    """Yield ids that a model draws under its grammar."""
    while True:
        yield [draw.id for draw in islice(stream(model, [1], Sampler(seed=3), tok.grammar()), 150)]


def test_what_is_trained_on_is_read_anew():
    model, ids = made("transformer-rotary-64"), some_ids(made("transformer-rotary-64"), 20)
    before = fast_ones(model, ids, 3)
    fit(model, [ids[0].tolist()], iters=3, device="cpu")
    model.eval()
    after = fast_ones(model, ids, 3)
    assert (after - before).abs().max() > 1e-3
    assert (after - in_steps(model, ids, 3)).abs().max() <= 1e-4
    model.out.weight.data.zero_()  # which no version counter sees
    assert (fast_ones(model, ids, 3) - in_steps(model, ids, 3)).abs().max() <= 1e-4


def test_it_stands_back_for_hooks():
    model = made("transformer-rotary-64")
    ids = [d.id for d in islice(stream(model, [1], Sampler(temperature=0)), 30)]
    with knock_out(model, [(0, 0), (0, 1), (1, 0), (1, 1)]):
        assert fast_step(model) is None
        assert [d.id for d in islice(stream(model, [1], Sampler(temperature=0)), 30)] != ids
    assert fast_step(model) is not None
    seen = []
    hook = model.trunk.blocks[1].feed[1].register_forward_pre_hook(lambda *_: seen.append(1))
    assert fast_step(model) is None
    list(islice(stream(model, [1], Sampler()), 5))
    assert len(seen) == 5
    hook.remove()
    hook = model.register_forward_hook(lambda *_: None)
    assert fast_step(model) is None
    hook.remove()
    assert fast_step(model) is not None


def test_it_stands_back_for_what_it_does_not_know():
    class Louder(Transformer):
        def forward(self, ids, state=None):
            logits, state = super().forward(ids, state)
            return 2 * logits, state

    class Quiet(torch.nn.Module):
        def forward(self, q, k, v, window):
            return 0 * q

    small = {"width": 16, "layers": 1, "heads": 2}
    changed = Transformer(40, **small)
    changed.trunk.blocks[0].attend = Quiet()
    patched = GRU(40, width=16)
    patched.cells.forward = lambda *given: (torch.zeros(1, 1, 16), given[1])
    gru = GRU(40, width=16)
    for model in (
        Louder(40, **small), changed, patched, RelativeTransformer(40, **small), Transformer(40, **small).double(),
        NGram(40), Mixture([gru, gru], [0.5, 0.5]),
    ):  # fmt: skip
        assert fast_step(model.eval()) is None, type(model)
    assert fast_step(Transformer(40, **small).train()) is None
    assert fast_step(copy.deepcopy(gru).eval()) is not None


@pytest.fixture
def packed(monkeypatch):
    """Let small models have weights of 8 bits."""
    pytest.importorskip("numba")
    monkeypatch.setattr(fast, "LARGE", 0)


def test_numba_is_asked_only_for_large_models_and_not_missed(packed, monkeypatch):
    model = made("transformer-rotary-64")
    ids = some_ids(model, 30)
    expected = in_steps(model, ids, 3)
    assert 1e-4 < (fast_ones(model, ids, 3) - expected).abs().max()  # rounded
    monkeypatch.setattr(fast, "LARGE", model.n_parameters + 1)
    assert (fast_ones(model, ids, 3) - expected).abs().max() <= 1e-4
    monkeypatch.setattr(fast, "LARGE", model.n_parameters)
    for error in (ImportError, RuntimeError):  # not there; no place to keep what it compiles
        monkeypatch.setattr(fast, "import_module", lambda name, error=error: _fail(error))
        assert (fast_ones(model, ids, 3) - expected).abs().max() <= 1e-4


def _fail(error):
    raise error


@pytest.mark.parametrize(("name", "tolerance"), [("gru", 1e-4), ("lstm", 1e-4), *((n, 0.1) for n in TRANSFORMERS)])
def test_8_bits_are_all_that_differs(packed, name, tolerance):
    """Weights that 8 bits can hold give the same logits, but for keys and values, which are rounded too."""
    model = made(name)
    with torch.no_grad():
        for part, weight in model.named_parameters():
            if "norm" in part and part.endswith("weight"):
                weight.fill_(0.5)  # so that what is rounded is half of the matrix as it is
            elif weight.dim() == 2 and "embed" not in part and part != "place":
                weight.copy_(torch.randint(-127, 128, weight.shape) / 400)
                weight[:, 0] = 127 / 400
    ids = some_ids(model)
    expected = in_steps(model, ids, 4)
    assert expected.std() > 0.3
    assert (fast_ones(model, ids, 4) - expected).abs().max() <= tolerance


def shift(model, pieces):
    """Return by how much the fast step changes the mean nll of pieces, in nats per id."""
    means = []
    for steps in (in_steps, fast_ones):
        nll = []
        for piece in pieces:
            ids = torch.tensor([[1, *piece]])
            nll.append(-steps(model, ids[:, :-1], 1).log_softmax(dim=-1)[0].gather(-1, ids[0, 1:, None]))
        means.append(float(torch.cat(nll).mean()))
    return abs(means[1] - means[0])


@pytest.mark.parametrize("name", ["tiny", pytest.param("folk-lstm", marks=pytest.mark.slow)])
def test_8_bits_shift_the_nll_of_recurrent_models_little(packed, name):
    model, tok = load_pretrained(name, device="cpu")
    pieces = [tok.encode(score) for score in load_folk_tunes().test[:4]]
    assert 0 < shift(model, pieces) <= 0.005


@pytest.mark.slow
def test_8_bits_shift_the_nll_of_a_transformer_little(packed):
    """One that has learned folk tunes as well as it can in half a minute, on tunes held out."""
    torch.manual_seed(0)
    tok, tunes = Melody(), load_folk_tunes()
    model = Transformer(len(tok.vocab), width=64, layers=3, heads=4, context=128)
    fit(model, [tok.encode(tune) for tune in tunes.train[:300]], iters=200, lr=3e-3, device="cpu")
    pieces = [tok.encode(tune) for tune in tunes.test[:4]]
    assert 0 < shift(model.eval(), pieces) <= 0.005
