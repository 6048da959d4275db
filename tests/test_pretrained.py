"""Folders of models: they load as they were saved, refuse what they do not know, and the shipped ones are what their
cards say."""

import json

import pytest
import torch

from musiclab.datasets import data_path, load_chorales
from musiclab.errors import MissingData
from musiclab.metrics.likelihood import nll
from musiclab.models import Transformer
from musiclab.pretrained import load_pretrained, pretrained_names, save
from musiclab.tokenizers import Chorale


def small():
    torch.manual_seed(0)
    return Transformer(len(Chorale().vocab), width=16, layers=1, heads=2)


@pytest.mark.parametrize(("half", "tolerance"), [(False, 0), (True, 1e-3)])
def test_round_trip(tmp_path, half, tolerance):
    model = small()
    save(model, Chorale(), tmp_path / "m", {"data": "none"}, half=half)
    again, tok = load_pretrained(tmp_path / "m", device="cpu")
    assert (again.config, tok, again.card) == (model.config, Chorale(), {"data": "none"})
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.allclose(a, b, atol=tolerance)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["config.json", "model.safetensors"]


def test_refuses_a_newer_format(tmp_path):
    save(small(), Chorale(), tmp_path)
    facts = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(facts | {"format": 99, "musiclab": "9.0"}))
    with pytest.raises(ValueError, match=r"checkpoint format must be at most 1, got 99, by musiclab 9.0 \(this is"):
        load_pretrained(tmp_path)


def test_names_what_there_is():
    with pytest.raises(MissingData, match=r"one of .*chorale-transformer.*, got 'bach-gpt'"):
        load_pretrained("bach-gpt")


@pytest.mark.parametrize("name", pretrained_names())
def test_shipped_models_are_small_and_complete(name):
    size = data_path("models", name, "model.safetensors").stat().st_size
    assert size <= 6e6
    card = load_pretrained(name, device="cpu")[0].card
    for fact in ("data", "licence", "for", "not for", "seed", "command", "minutes"):
        assert card[fact] not in (None, "")
    assert card.get("nats_per_id") or card["nats_per_frame_voice"]


def test_the_chorale_model_is_as_good_as_its_card_says():
    model, tok = load_pretrained("chorale-transformer", device="cpu")
    corpus = load_chorales()
    measured = nll(model, tok, corpus.test, corpus.train)
    said = model.card["nats_per_id"]
    assert measured.per("ids") == pytest.approx(said["test"], abs=2e-3)
    assert measured.baseline == pytest.approx(said["test, id frequencies alone"], abs=2e-3)
    assert measured.per("ids") < measured.baseline / 3
