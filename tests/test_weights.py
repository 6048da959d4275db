"""The weights that are shipped: they load at once, are what their cards say, and write music as the card recommends."""

import numpy as np
import pytest

from musiclab.datasets import load_chorales, load_folk_tunes
from musiclab.datasets.cache import data_path
from musiclab.features.keys import find_key
from musiclab.generation import generate
from musiclab.metrics.likelihood import nll
from musiclab.metrics.rules import out_of_range, sounding_pitches, voice_leading
from musiclab.pretrained import load_pretrained, pretrained_names
from musiclab.sampling import Sampler

CHORALES = ("chorale-gru", "chorale-transformer")
FOLK = ("folk-lstm", "tiny")


@pytest.fixture(scope="module")
def hornpipes():
    return load_folk_tunes()


def samples(name: str, n: int) -> list:
    """Return n scores as the model's card recommends to sample it, seeds 0 to n - 1."""
    model, tok = load_pretrained(name, device="cpu")
    return [
        generate(model, tok, sampler=Sampler(**model.card["sampler"], seed=seed), device="cpu") for seed in range(n)
    ]


def in_scale(score) -> float:
    """Return the share of notes in the scale of the key signature."""
    tonic = 7 * score.keys[0].fifths
    return float(np.isin((score.notes["pitch"] - tonic) % 12, (0, 2, 4, 5, 7, 9, 11)).mean())


@pytest.mark.parametrize("name", pretrained_names())
def test_the_same_seed_writes_the_same_legal_music(name):
    model, tok = load_pretrained(name, device="cpu")
    first, again = (generate(model, tok, sampler=Sampler(seed=3), n_bars=2, device="cpu") for _ in range(2))
    assert len(first) > 0 and first == again == tok.project(first)


def test_every_model_that_is_for_writing_music_says_how_to_sample_it():
    said = {name: load_pretrained(name, device="cpu")[0].card.get("sampler") for name in pretrained_names()}
    assert said.pop("jsb-benchmark") is None  # it is for measuring
    assert all(Sampler(**settings) != Sampler() for settings in said.values())


def test_the_weights_together_are_small():
    assert set(pretrained_names()) >= {*CHORALES, *FOLK, "jsb-benchmark"}
    assert sum(data_path("models", name, "model.safetensors").stat().st_size for name in pretrained_names()) <= 20e6
    assert data_path("models", "tiny", "model.safetensors").stat().st_size <= 200e3


@pytest.mark.parametrize("name", FOLK)
def test_surprise_at_the_held_out_hornpipes_is_what_the_card_says(name, hornpipes):
    model, tok = load_pretrained(name, device="cpu")
    measured = nll(model, tok, hornpipes.test, hornpipes.train)
    assert measured.per("ids") == pytest.approx(model.card["nats_per_id_test_hornpipes"], abs=2e-3)
    assert measured.per("ids") < 0.6 * measured.baseline


@pytest.mark.parametrize(("name", "n"), [("folk-lstm", 8), ("tiny", 8)])
def test_tunes_keep_to_key_and_range_and_come_to_an_end(name, n, hornpipes):
    tunes = samples(name, n)
    pitches = np.concatenate([score.notes["pitch"] for score in hornpipes.train])
    assert np.mean([in_scale(score) for score in tunes]) > 0.95 and in_scale(hornpipes.train[0]) > 0.9
    written = np.concatenate([score.notes["pitch"] for score in tunes])
    assert np.mean((written >= pitches.min()) & (written <= pitches.max())) > 0.99
    assert all(8 < len(score) and score.n_bars < 100 for score in tunes)
    assert len({score for score in tunes}) == n


@pytest.mark.slow
@pytest.mark.parametrize("name", ["folk-lstm"])
def test_surprise_at_all_held_out_tunes_is_what_the_card_says(name):
    model, tok = load_pretrained(name, device="cpu")
    tunes = [score for book in ("oneills", "ryan") for score in load_folk_tunes(book).test]
    assert nll(model, tok, tunes).per("ids") == pytest.approx(model.card["nats_per_id"]["test"], abs=2e-3)


def test_surprise_at_the_test_chorales_is_what_the_card_says():
    model, tok = load_pretrained("chorale-gru", device="cpu")
    measured, said = nll(model, tok, load_chorales().test), model.card["nats_per_id"]
    assert measured.per("ids") == pytest.approx(said["test"], abs=2e-3)
    assert measured.per("ids") < said["test, id frequencies alone"] / 3


@pytest.mark.slow
def test_chorales_keep_the_rules_as_far_as_it_was_measured():
    """A weak model breaks them ten times as often: 11.5 parallels a chorale at 0.51 nats."""
    chorales = samples("chorale-gru", 16)
    assert np.mean([voice_leading(score).parallels for score in chorales]) < 2
    assert np.mean([in_found_scale(score) for score in chorales]) > 0.9
    assert np.mean(np.concatenate([out_of_range(sounding_pitches(score)) for score in chorales])) < 0.01


def in_found_scale(score) -> float:
    """Return the share of notes in the major or natural minor scale of the key found."""
    tonic = 7 * find_key(score).fifths
    return float(np.isin((score.notes["pitch"] - tonic) % 12, (0, 2, 4, 5, 7, 9, 11)).mean())


@pytest.mark.parametrize("name", CHORALES)
def test_the_card_says_how_its_chorales_stand_beside_bachs(name):
    """At most one parallel a chorale and a scale consistency of .90, or the card says why not, and what to do."""
    model, tok = load_pretrained(name, device="cpu")
    said = model.card["samples"]
    kept, bach = said["with the rules"], said["Bach, test"]
    assert kept["parallel fifths and octaves a chorale"] == 0 < bach["parallel fifths and octaves a chorale"] < 0.3
    assert min(kept["scale consistency"], said["drawn freely"]["scale consistency"]) > 0.9
    assert said["drawn freely"]["parallel fifths and octaves a chorale"] <= 1 or said["why"]
    drawn = generate(model, tok, sampler=Sampler(**model.card["sampler"]), rules=model.card["rules"], n_bars=8)
    assert voice_leading(drawn).parallels == 0
