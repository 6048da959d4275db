"""Memory: each figure is what its definition says, and a model that has learned by heart is found out."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import musiclab as ml
from musiclab.metrics.memory import exposure, extract, membership_auc
from musiclab.models import GRU, Model
from musiclab.score import Score
from musiclab.tokenizers import Chorale, ChoraleGrid, Melody


class Parrot(Model):
    """Says one sequence, whatever it is given; its state is the place in it."""

    def __init__(self, ids: list[int], vocab_size: int) -> None:
        super().__init__(vocab_size=vocab_size)
        self.rows = torch.nn.Parameter(torch.nn.functional.one_hot(torch.tensor([*ids[1:], 2]), vocab_size) * 20.0)

    def forward(self, ids, state=None):
        at = 0 if state is None else state
        places = torch.arange(at, at + ids.shape[1]).clamp(max=len(self.rows) - 1)
        return self.rows[places].expand(ids.shape[0], -1, -1), at + ids.shape[1]


def tune(changed_at: int | None = None, pickup: int = 0) -> Score:
    """Seven bars of quarters, one of them changed."""
    pitches = [60 + (5 * i) % 12 + (i == changed_at) for i in range(28)]
    head = [(0, 24, 67)] if pickup else []
    notes = [(pickup + 24 * i, 24, pitch) for i, pitch in enumerate(pitches)]
    return Score([*head, *notes], pickup=pickup)


# --- members --------------------------------------------------------------------------------------------------------


def test_membership_auc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        member, other = rng.normal(0, 1, 30).round(1), rng.normal(0.5, 1, 20).round(1)  # with ties
        truth = roc_auc_score([1] * 30 + [0] * 20, -np.concatenate([member, other]))
        assert membership_auc(member, other) == pytest.approx(truth)


def test_membership_auc_is_a_half_where_nothing_leaks_and_one_where_all_does():
    assert membership_auc([1, 2, 3], [3, 1, 2]) == 0.5
    assert membership_auc([0.1, 0.2], [0.3]) == 1
    with pytest.raises(ValueError, match=r"at least one each, got \[0, 1\]"):
        membership_auc([], [1])


# --- extraction -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tok", [Melody(), Chorale()])
@pytest.mark.parametrize("pickup", [0, 24])
@pytest.mark.parametrize(("changed_at", "steps"), [(8, 0), (11, 12), (23, 60), (24, 64), (None, 64)])
def test_steps_come_back_up_to_the_first_that_differs(tok, pickup, changed_at, steps):
    model = Parrot(tok.sequence(tune(changed_at, pickup)), len(tok.vocab))
    assert extract(model, tok, [tune(pickup=pickup)]).tolist() == [steps]


def test_how_much_is_given_and_asked_for():
    tok = Melody()
    model = Parrot(tok.sequence(tune(changed_at=11)), len(tok.vocab))
    assert extract(model, tok, [tune()], primer_bars=1, bars=1).tolist() == [16]
    assert extract(model, tok, [tune()], primer_bars=1, bars=3).tolist() == [28]
    assert extract(model, tok, [tune()], primer_bars=4, bars=9).tolist() == [3 * 16]  # no more than there is
    for primer_bars, bars in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="primer_bars and bars must be >= 1"):
            extract(model, tok, [tune()], primer_bars, bars)


def test_a_score_too_short_to_be_continued_is_nan_and_an_early_end_gives_nothing_more():
    tok = Melody()
    model = Parrot(tok.sequence(tune().bars(0, 3)), len(tok.vocab))
    assert np.isnan(extract(model, tok, [tune().bars(0, 2)])).tolist() == [True]
    assert extract(model, tok, [tune()]).tolist() == [16]


def test_all_parts_count():
    tok = ChoraleGrid()
    chorale = ml.load_example("bwv248.17")
    said = tok.project(chorale)
    notes = said.notes.copy()
    bass = np.flatnonzero((notes["part"] == 3) & (notes["onset"] >= 96 * 3))[0]
    notes["pitch"][bass] += 1
    model = Parrot(tok.sequence(Score(notes, parts=said.parts)), len(tok.vocab))
    assert extract(model, tok, [chorale]).tolist() == [(notes["onset"][bass] - 96 * 2) / 6]


# --- exposure -------------------------------------------------------------------------------------------------------


def test_exposure_is_what_the_rank_says_in_bits():
    others = np.arange(1, 1024)
    assert exposure(0.5, others) == 10
    assert exposure(511.5, others) == 1
    assert exposure(5000, others) == 0
    assert exposure(1, others) == 9  # one is as likely


def test_exposure_of_dice_is_that_of_chance():
    """Of sequences that are all alike, half have 1 bit or less, and one in 2**k has k bits."""
    nll = np.random.default_rng(0).normal(size=1024)
    found = np.array([exposure(nll[i], np.delete(nll, i)) for i in range(1024)])
    assert [np.mean(found >= bits) for bits in (1, 2, 5)] == [1 / 2, 1 / 4, 1 / 32]


def invented(seed: int) -> Score:
    pitches = np.random.default_rng(seed).choice([60, 62, 64, 65, 67, 69, 71, 72], 16)
    return Score([(12 * i, 12, int(pitch)) for i, pitch in enumerate(pitches)])


@pytest.mark.slow
def test_the_oftener_a_melody_is_planted_the_more_exposed_it_is():
    tok, tunes = Melody(), [score.bars(0, 4) for score in ml.load_folk_tunes().train]
    melodies, found = [invented(seed) for seed in range(1024)], {}
    for times in (0, 1, 4, 16):
        torch.manual_seed(0)
        model = GRU(len(tok.vocab), width=64)
        ids = [tok.sequence(score) for score in (*tunes, *melodies[:1] * times)]
        ml.fit(model, ids, iters=100, lr=0.01, batch_ids=1024, device="cpu")
        canary, *others = ml.nll(model, tok, melodies).nll
        found[times] = exposure(canary, others)
    assert found[0] < found[1] < found[4] <= found[16]
    assert found[16] > 9
