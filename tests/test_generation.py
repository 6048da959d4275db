"""Generation: whatever a model prefers, what comes back is a score that the tokenizer can say."""

import numpy as np
import pytest
import torch

from musiclab import generation
from musiclab.generation import generate, generate_batch, paid_per_bar, stream_score
from musiclab.models import GRU, GridTransformer
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers import REMI, TSD, ABCText, Chorale, Melody, MIDILike

TOK = Chorale()


def untrained(seed):
    torch.manual_seed(seed)
    return GRU(len(TOK.vocab), width=8)


@pytest.mark.parametrize("seed", range(6))
def test_an_untrained_model_writes_valid_scores(seed):
    score = generate(untrained(seed), TOK, sampler=Sampler(temperature=1.5, seed=seed), n_bars=3)
    assert TOK.project(score) == score
    assert score.n_bars <= 3 + (score.pickup > 0)


def test_the_primer_stays():
    primer = TOK.project(Score([(0, 24, 67), (24, 48, 69), (0, 72, 48, 64, 3)], pickup=24, keys=[(0, 1, "major")]))
    song = generate(untrained(0), TOK, primer=primer, n_bars=4)
    assert song.excerpt(0, primer.length) == primer.excerpt(0, primer.length)
    assert (song.pickup, song.keys) == (24, primer.keys)
    assert song.n_bars <= 5


def test_the_same_seed_gives_the_same_score_and_its_source_says_so():
    one, two = (generate(untrained(0), TOK, sampler=Sampler(seed=3, top_k=9), n_bars=2) for _ in range(2))
    assert one == two
    assert "seed 3" in one.source and "top_k 9" in one.source and "GRU" in one.source


def test_max_ids_cuts_at_the_last_complete_step():
    score = generate(untrained(0), TOK, max_ids=50)
    assert len(TOK.sequence(score)) <= 51
    with pytest.raises(ValueError, match="max_ids must be enough for a complete score, got 3"):
        generate(untrained(0), TOK, max_ids=3)


def test_there_must_be_room_after_the_primer():
    primer = Score([(0, 192, 60)])
    with pytest.raises(ValueError, match="n_bars must be more than the primer's 2, got 2"):
        generate(untrained(0), TOK, primer=primer, n_bars=2)
    with pytest.raises(ValueError, match="max_ids must be more than the primer's 132, got 100"):
        generate(untrained(0), TOK, primer=primer, max_ids=100)
    with pytest.raises(ValueError, match="n_bars must be more than the primer's 0, got 0"):
        generate(untrained(0), TOK, n_bars=0)


def test_model_and_tokenizer_must_fit():
    with pytest.raises(ValueError, match=r"the model's vocabulary must be the tokenizer's \(125 words\), got 9"):
        generate(GRU(9), TOK)


@pytest.mark.slow
def test_the_grid_model_learns_a_piece_by_heart_and_plays_it():
    from musiclab.tokenizers.chorale import GRID
    from musiclab.training import fit

    piece = TOK.project(
        Score([(24 * i, 24, 60 + 2 * (i % 4) + 12 * (p == 0), 64, p) for i in range(8) for p in (0, 3)])
    )
    torch.manual_seed(0)
    model = GridTransformer(len(TOK.vocab), width=32, **GRID, layers=1, heads=2)
    fit(model, [TOK.sequence(piece)], iters=150, lr=1e-2, device="cpu")
    assert generate(model, TOK, sampler=Sampler(temperature=0)) == piece


@pytest.mark.parametrize("tok", [REMI(), TSD(), MIDILike(), Melody(), ABCText()], ids=lambda tok: type(tok).__name__)
def test_every_scheme_can_be_generated(tok):
    torch.manual_seed(1)
    score = generate(GRU(len(tok.vocab), width=8), tok, max_ids=150, sampler=Sampler(seed=2))
    assert tok.project(score) == score


def test_a_stream_is_what_generate_drains():
    primer = TOK.project(Score([(0, 24, 67), (0, 24, 48, 64, 3)], keys=[(0, 1, "major")]))
    settings = {"primer": primer, "n_bars": 2, "sampler": Sampler(1.2, seed=4), "rules": ["in_key"]}
    ids = [draw.id for draw in stream_score(untrained(0), TOK, **settings)]
    assert TOK.decode(TOK.finish([*TOK.encode(primer), *ids])) == generate(untrained(0), TOK, **settings)
    with pytest.raises(ValueError, match="n_bars must be more than"):  # at once, before anything is drawn
        stream_score(untrained(0), TOK, n_bars=0)


def grid_model():
    from musiclab.tokenizers.chorale import GRID

    torch.manual_seed(2)
    return GridTransformer(len(TOK.vocab), width=16, **GRID, layers=1, heads=2, copy=4)


@pytest.mark.parametrize("model", [untrained(1), grid_model()], ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("rules", [(), ("in_key", "parallel_fifths", "cadence")], ids=len)
def test_a_batch_is_what_generate_returns_seed_by_seed(model, rules):
    primer = TOK.project(Score([(0, 24, 67), (0, 24, 48, 64, 3)]))
    settings = {"primer": primer, "rules": rules, "max_ids": 130}
    batch = generate_batch(model, TOK, n=5, sampler=Sampler(seed=3, top_p=0.99), **settings)
    singly = [generate(model, TOK, sampler=Sampler(seed=seed, top_p=0.99), **settings) for seed in range(3, 8)]
    assert batch == singly
    assert len({score.length for score in batch}) > 1 or rules, "all ended together, so none left the batch early"
    assert "seed 7" in batch[4].source
    with pytest.raises(ValueError, match="n must be >= 1, got 0"):
        generate_batch(model, TOK, n=0)


def test_the_bill_names_each_rule_bar_by_bar():
    tok = Melody()
    primer = tok.project(Score([(0, 96, 60)]))
    model = GRU(len(tok.vocab), width=8)
    drawn = list(stream_score(model, tok, primer=primer, n_bars=4, rules=["in_key", "no_syncopation"], max_ids=999))
    bill = paid_per_bar(drawn, tok, primer)
    assert list(bill) == ["grammar", "in_key", "no_syncopation"]
    bars = (np.arange(len(drawn)) + 16) // 16
    for name, nats in bill.items():
        paid = np.array([draw.paid[name] for draw in drawn])
        assert nats == pytest.approx([paid[bars == bar].sum() for bar in range(bars.max() + 1)])
    assert bill["in_key"][0] == 0 < bill["in_key"][1]
    assert paid_per_bar([], tok) == {}


def test_one_score_by_a_small_model_is_written_on_the_cpu(monkeypatch):
    """A GPU that is there is asked for only where there are several scores, or many weights."""
    asked = []
    monkeypatch.setattr(generation, "pick_device", lambda device: asked.append(device) or "cpu")
    tok = Melody()
    model = GRU(len(tok.vocab), width=8)
    generate(model, tok, n_bars=1)
    assert asked == []
    generate(model, tok, n_bars=1, device="cuda")
    generate_batch(model, tok, 2, n_bars=1)
    monkeypatch.setattr(generation, "SMALL", 10)
    generate(model, tok, n_bars=1)
    assert asked == ["cuda", "auto", "auto"]
