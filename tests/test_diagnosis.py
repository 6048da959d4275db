"""Diagnosis: a model broken on purpose is found out, and a sound one is not."""

import numpy as np
import pytest
import torch

from musiclab.datasets import load_example
from musiclab.diagnosis import CURES, diagnose
from musiclab.models import GRU, Model
from musiclab.pretrained import load_pretrained
from musiclab.score import Score
from musiclab.tokenizers import Melody
from musiclab.training import History, fit

TOK = Melody()
SIZE = len(TOK.vocab)


def tune(seed, n=40):
    """A tune that goes up and down a scale at random."""
    rng = np.random.default_rng(seed)
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    steps = np.abs(np.cumsum(rng.choice([-1, 1], n))) % 8
    durations = rng.choice([12, 24], n)
    onsets = np.cumsum(durations) - durations
    return Score([(int(o), int(d), scale[s]) for o, d, s in zip(onsets, durations, steps, strict=True)])


TUNES = [tune(seed) for seed in range(40)]
HELD_OUT = [tune(seed) for seed in range(100, 106)]


def ill(report):
    return [text.split()[0] for sign, text, _ in report.rows if sign != "✓"]


def looked_at(report):
    return [text.split()[0] for _, text, _ in report.rows]


class ScoresOfATable(Model):
    """Says the same whatever it reads: the scores of a table, chosen by how many ids came before."""

    def __init__(self, vocab_size, table=()):
        super().__init__(vocab_size=vocab_size)
        self.table = torch.tensor(table) if len(table) else torch.zeros(1, vocab_size)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, ids, state=0):
        at = (torch.arange(ids.shape[1]) + (state or 0)) % len(self.table)
        return self.table[at].expand(len(ids), -1, -1), (state or 0) + ids.shape[1]


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = GRU(SIZE, width=64)
    history = fit(model, [TOK.sequence(t) for t in TUNES], [TOK.sequence(t) for t in HELD_OUT], iters=70, lr=1e-2,
                  batch_ids=1024, device="cpu")  # fmt: skip
    return model, history


def test_a_sound_model_needs_no_cure(trained):
    model, history = trained
    report = diagnose(model, TOK, HELD_OUT, history)
    assert ill(report) == [], report
    assert looked_at(report) == list(CURES)
    assert report.passed and repr(report).count("\n") == 7


def test_an_untrained_model_knows_nothing():
    report = diagnose(GRU(SIZE, width=16), TOK, HELD_OUT)
    assert {"knowledge", "copying"} <= set(ill(report))
    assert "start" not in ill(report)
    assert "Train longer, or with another learning rate" in repr(report)


def test_loud_first_weights_are_found():
    class Loud(GRU):
        def __init__(self, **config):
            super().__init__(**config)
            torch.nn.init.normal_(self.out.weight, std=5)

    assert "start" in ill(diagnose(Loud(vocab_size=SIZE, width=64), TOK, HELD_OUT))
    Model.kinds.pop("Loud")


def test_a_model_that_fell_on_one_note_is_found():
    table = np.zeros((1, SIZE), dtype=np.float32)
    table[0, TOK.vocab.index("Pitch_60")] = 12
    report = diagnose(ScoresOfATable(SIZE, table), TOK, HELD_OUT)
    assert {"collapse", "monotony", "loops", "knowledge"} <= set(ill(report))
    assert "Pitch_60 is 9" in repr(report)


def test_going_in_circles_is_found_where_no_single_word_is_to_blame():
    table = np.zeros((10, SIZE), dtype=np.float32)
    for at in range(10):
        table[at, TOK.vocab.index(f"Pitch_{60 + at}")] = 12
    report = diagnose(ScoresOfATable(SIZE, table), TOK, HELD_OUT)
    assert "loops" in ill(report) and "monotony" not in ill(report)


def test_losing_its_way_in_its_own_music_is_found(trained):
    class Lost(GRU):
        """Knows real tunes as well as its parent, but its own music, read id by id, confuses it."""

        def forward(self, ids, state=None):
            logits, state = super().forward(ids, state)
            return (logits if ids.shape[1] > 1 else logits * 0), state

    model = Lost(**{k: v for k, v in trained[0].config.items() if k != "model"})
    model.load_state_dict(trained[0].state_dict())
    assert ill(diagnose(model, TOK, HELD_OUT)) == ["drift"]
    Model.kinds.pop("Lost")


def test_learning_by_heart_is_found():
    torch.manual_seed(0)
    model = GRU(SIZE, width=64)
    few, held = [TOK.sequence(t) for t in TUNES[:2]], [TOK.sequence(t) for t in HELD_OUT]
    history = fit(model, few, held, iters=250, lr=2e-2, device="cpu", patience=100)
    report = diagnose(model, TOK, HELD_OUT, history)
    assert "overfitting" in ill(report), report
    assert "overfitting" not in looked_at(diagnose(model, TOK, HELD_OUT))
    assert "overfitting" not in looked_at(diagnose(model, TOK, HELD_OUT, History(10)))


@pytest.mark.slow
def test_the_shipped_chorale_model_is_sound():
    assert ill(diagnose(*load_pretrained("chorale-transformer"), [load_example()])) == []


def test_needs_scores():
    with pytest.raises(ValueError, match="data must be at least one score, got 0"):
        diagnose(GRU(SIZE, width=8), TOK, [])
