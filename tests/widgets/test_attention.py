"""The attention explorer without a browser: its state, and what it says of the model."""

import base64

import numpy as np
import pytest
import torch

from musiclab.models import GRU, GridTransformer, Transformer
from musiclab.probing import note_steps, trace
from musiclab.score import Score
from musiclab.tokenizers import REMI, Chorale, Melody
from musiclab.tokenizers.base import BOS
from musiclab.tokenizers.chorale import GRID
from musiclab.widgets.attention import AttentionExplorer

TUNE = Score([(0, 12, 60), (12, 12, 62), (24, 24, 64), (72, 24, 60)], title="Tune")
DUET = Score([(0, 12, 67), (12, 12, 69), (24, 24, 71), (0, 24, 48, 64, 1), (24, 24, 43, 64, 1)])


def explorer(tok=None, score=TUNE, **chosen) -> AttentionExplorer:
    tok = tok or Melody()
    torch.manual_seed(0)
    return AttentionExplorer(Transformer(len(tok.vocab), width=16, layers=2, heads=4), tok, score, **chosen)


def test_shows_the_row_with_which_the_model_wrote_the_note():
    box = explorer(layer=1, head=2)
    box.note = 2
    ids = [BOS, *Melody().encode(TUNE)]
    torch.manual_seed(0)
    attention = trace(Transformer(len(Melody().vocab), width=16, layers=2, heads=4), ids).attention
    weights, ticks, at = box.looked_at
    assert ids[8] == Melody().ids_of_words["Pitch_64"]  # BOS, three words of header, four cells, and then the note
    assert np.array_equal(weights, attention[1, 2, 7, :8])  # where the model stood before it wrote that
    assert ticks.tolist() == [-1, -1, -1, -1, 0, 6, 12, 18] and at == 24
    assert [row[:2] for row in sorted(box.arcs["rows"])] == [(0, 6), (6, 12), (12, 18), (18, 24)]
    assert sum(row[2] for row in box.arcs["rows"]) == pytest.approx(weights[4:].sum())


def test_a_change_of_head_changes_the_arcs():
    box, seen = explorer(note=3), []
    box.observe(lambda change: seen.append(change.name), "arcs")
    box.head = 3
    box.layer = 1
    assert seen == ["arcs", "arcs"] and box.arcs["note"] == 3


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [("layer", 2, r"range\(0, 2\)"), ("head", 4, r"range\(0, 4\)"), ("note", 4, r"range\(0, 4\)"), ("note", -1, "")],
)
def test_refuses_what_is_not_there(name, value, allowed):
    box = explorer()
    with pytest.raises(ValueError, match=f"{name} must be in {allowed}.*, got {value}"):
        setattr(box, name, value)
    assert getattr(box, name) == 0


def test_refuses_models_without_attention():
    with pytest.raises(ValueError, match="model must be one with attention, got GRU"):
        AttentionExplorer(GRU(len(Melody().vocab), width=8), Melody(), TUNE)


def test_notes_of_one_row_of_a_grid_share_their_arcs():
    tok = Chorale()
    model = GridTransformer(len(tok.vocab), width=16, layers=1, heads=2, **GRID)
    box = AttentionExplorer(model, tok, DUET)
    found = []
    for note in range(len(box.score)):
        box.note = note
        weights, ticks, at = box.looked_at
        assert weights.sum() == pytest.approx(1, abs=1e-5) and at == box.score.notes["onset"][note]
        assert ticks.tolist() == [-1, *range(0, at, 6)]
        found.append((at, tuple(weights.tolist())))
    assert len(set(found)) == 3  # onsets at 0, 12 and 24
    assert box.arcs["note"] == len(box.score) - 1  # so that the page hears of a note whose arcs are the same


def test_words_of_one_place_count_together():
    tok = REMI(programs=False)
    box = explorer(tok, DUET)
    ids = [BOS, *tok.encode(DUET)]
    model = Transformer(len(tok.vocab), width=8, heads=2)
    ticks, steps = note_steps(model, tok, DUET)
    words = tok.words(ids)
    assert [words[i].partition("_")[0] for i in steps] == ["Pitch"] * len(box.score)
    assert ticks[0] == -1 and ticks[-1] == box.score.notes["onset"][-1] and (np.diff(ticks) >= 0).all()
    box.note = len(box.score) - 1
    places = [row[0] for row in box.arcs["rows"]]
    assert len(places) == len(set(places)) == 3  # the bar and its first notes, the second, and its own place


def test_without_a_kernel_there_is_a_picture():
    data, _ = explorer(note=3)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert "text/html" not in data and data["text/plain"].startswith("AttentionExplorer(")
    assert "application/vnd.jupyter.widget-view+json" in data
