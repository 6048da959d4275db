"""The unit of the headline figure: what it counts, what it is given, and that the shipped model has its figure."""

import difflib
import math
import os

import numpy as np
import pytest
import torch

import musiclab as ml
from musiclab.datasets.jsb import melody_twins
from musiclab.metrics.jsb import JsbLikelihood, cell_nll, evaluate_jsb
from musiclab.models import GRU, GridTransformer, Model, build_model
from musiclab.tokenizers.chorale_grid import GRID, ChoraleGrid
from tests.benchmarks.jsb_baselines import hold_or_unigram

SIZE = len(ChoraleGrid().vocab)
needs_data = pytest.mark.skipif("MUSICLAB_DATA" not in os.environ, reason="MUSICLAB_DATA names no benchmark data")


class Uniform(Model):
    """Every id is as likely as any other, the words that are no cells included."""

    def __init__(self) -> None:
        super().__init__(vocab_size=SIZE)
        self.logits = torch.nn.Parameter(torch.zeros(SIZE))

    def forward(self, ids, state=None):
        return self.logits.expand(*ids.shape, -1), None


def small_model() -> Model:
    torch.manual_seed(0)
    return GridTransformer(SIZE, width=16, layers=1, heads=2, copy=4, **GRID).eval()


def small_piece(steps: int = 24) -> np.ndarray:
    return np.random.default_rng(0).integers(48, 60, (steps, 4))


def test_nothing_is_spent_on_words_that_are_no_cells():
    assert np.concatenate(cell_nll(Uniform(), [small_piece()])) == pytest.approx(math.log(47), abs=1e-6)


def test_every_conditional_sums_to_one():
    """The probabilities of all 47 outcomes of one cell, each measured as this unit measures it."""
    piece, model = small_piece(), small_model()
    piece[12:] = piece[:12]  # so that there is something to copy
    for step, voice in ((0, 0), (13, 2), (20, 3)):
        others = [piece.copy() for _ in range(47)]
        for pitch, other in zip([-1, *range(36, 82)], others, strict=True):
            other[step, voice] = pitch
        nll = [found[step, voice] for found in cell_nll(model, others)]
        assert np.exp(-np.array(nll)).sum() == pytest.approx(1, abs=1e-4)


def test_a_changed_cell_changes_no_earlier_one():
    piece, model = small_piece(), small_model()
    changed = piece.copy()
    changed[15, 2] += 1
    before, after = (found.ravel() for found in cell_nll(model, [piece, changed]))
    at = 15 * 4 + 2
    assert before[:at] == pytest.approx(after[:at], abs=1e-5)
    assert np.abs(before[at:] - after[at:]).max() > 1e-3


def test_figures_by_hand():
    nll = (np.full((2, 4), 1.0), np.array([[2.0, 2, 2, 6]]))
    held = (np.array([[False] * 4, [True] * 4]), np.zeros((1, 4), dtype=bool))
    found = JsbLikelihood(nll, held, frozenset({1}))
    assert found.micro == pytest.approx(20 / 12)
    assert found.macro == pytest.approx((1 + 3) / 2)
    assert found.per_voice["bass"] == pytest.approx(8 / 3)
    assert found.parts["held cells"] == 1
    assert found.parts["changed cells"] == pytest.approx(16 / 8)
    assert found.parts["1 pieces with a twin in train"] == 3
    assert repr(found).startswith("1.6667 nats per (frame, voice), 95 % ")
    assert found.likelihood.bits_per_quarter == pytest.approx(4 * 4 * 20 / 12 / math.log(2))


def test_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match=rf"vocabulary must be ChoraleGrid's \({SIZE} words\), got 9"):
        evaluate_jsb(GRU(9, width=4))


@needs_data
def test_the_shipped_model_has_the_figure_on_its_card():
    model, tok = ml.load_pretrained("jsb-benchmark", device="cpu")
    found = evaluate_jsb(model)
    assert tok == ChoraleGrid()
    assert sum(piece.size for piece in found.nll) == 75_600
    assert found.micro == pytest.approx(model.card["nats_per_frame_voice"]["test"], abs=1e-3)
    assert found.micro < 0.375
    shown = {f"test, {name}": value for name, value in (found.per_voice | found.parts).items()}
    assert len(shown) == 8
    assert shown == pytest.approx({name: model.card["nats_per_frame_voice"][name] for name in shown}, abs=1e-3)
    assert model.n_parameters <= 3_000_000
    assert build_model(model.config).n_parameters == model.n_parameters


@needs_data
def test_hold_or_unigram_is_the_published_reference():
    """The 1.153 of the field's reference tables, to the fourth figure."""
    corpus = ml.load_jsb()
    assert hold_or_unigram(corpus.train, corpus.test) == pytest.approx(1.1529, abs=5e-4)


@needs_data
@pytest.mark.slow
def test_the_registry_knows_the_twins():
    """Four fifths of the intervals of both sopranos alike; piece 7, just above that, is not in the published halves."""
    corpus = ml.load_jsb()

    def intervals(piece: np.ndarray) -> list[int]:
        soprano = piece[piece[:, 0] >= 0, 0]
        return np.diff(soprano[np.diff(soprano, prepend=-1) != 0]).tolist()

    train, found = [intervals(piece) for piece in corpus.train], set()
    for i, piece in enumerate(corpus.test):
        matcher = difflib.SequenceMatcher(None, autojunk=False)
        matcher.set_seq2(intervals(piece))
        for other in train:
            matcher.set_seq1(other)
            if matcher.quick_ratio() >= 0.8 and matcher.ratio() >= 0.8:
                found.add(i)
                break
    assert found == melody_twins() | {7}
