"""The sampling console without a browser: stages, steps as generating would take them, a choice, the way back."""

import base64

import numpy as np
import pytest
import torch

from musiclab.generation import stream_score
from musiclab.models import GRU
from musiclab.pretrained import load_pretrained
from musiclab.sampling import Sampler, softmax
from musiclab.score import Score
from musiclab.tokenizers import REMI, ABCText, Chorale, Melody
from musiclab.tokenizers.base import EOS
from musiclab.widgets.sampling_console import SamplingConsole, filter_stages, next_place

TOK = Melody()
PRIMER = Score([(0, 24, 60), (24, 24, 62)])


@pytest.fixture
def model() -> GRU:
    torch.manual_seed(0)
    return GRU(len(TOK.vocab), width=8)


def test_the_last_stage_is_what_the_sampler_draws_from():
    rng = np.random.default_rng(0)
    logits, seen = rng.normal(size=40) * 3, [3, 5, 5, 7]
    allowed = rng.random(40) < 0.7
    sampler = Sampler(temperature=0.8, top_k=20, top_p=0.9, min_p=0.02, repetition_penalty=1.3)
    stages = filter_stages(sampler, logits, seen, allowed)
    names = ["model", "grammar", "repetition penalty 1.3", "temperature 0.8", "top k 20", "top p 0.9", "min p 0.02"]
    assert [*stages] == names
    assert np.allclose(stages["model"], softmax(logits))
    assert np.allclose(stages["min p 0.02"], sampler.probabilities(np.where(allowed, logits, -np.inf), seen))
    table = np.array([*stages.values()])
    assert np.allclose(table.sum(axis=1), 1)
    assert (table[1:][table[:-1] == 0] == 0).all()  # what is removed stays so
    assert (np.count_nonzero(table, axis=1)[4:] < np.count_nonzero(table[3])).all()


def test_settings_as_usual_are_no_stages():
    assert [*filter_stages(Sampler(seed=9), np.zeros(3))] == ["model"]
    assert filter_stages(Sampler(temperature=0), np.array([0.0, 2.0]))["temperature 0"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("name", ["tiny", "chorale-transformer"])
def test_steps_are_those_of_generating(name):
    model, tok = load_pretrained(name)
    sampler = Sampler(temperature=1.5, top_p=0.95, repetition_penalty=1.3, seed=7)  # much is open
    console = SamplingConsole(model, tok, sampler=sampler)
    console.step(30)
    assert console.ids == [draw.id for _, draw in zip(range(30), stream_score(model, tok, None, sampler), strict=False)]


def test_a_choice_by_hand_and_the_way_back(model):
    console = SamplingConsole(model, TOK, PRIMER)
    begun, stages = list(console.ids), console.stages
    console.choose("Pitch_72")
    assert console.tok.words(console.ids)[-1] == "Pitch_72" and console.score.notes["pitch"].tolist() == [60, 62, 72]
    console.step()
    console.back()
    console.back()
    console.back()  # a primer stays
    assert console.ids == begun and all(np.allclose(console.stages[k], stages[k]) for k in stages)
    assert console.buttons["Back"].disabled
    with pytest.raises(ValueError, match="the next word must be one that the grammar allows, got 'Key_C_major'"):
        console.choose("Key_C_major")


def test_the_page_is_told(model):
    console = SamplingConsole(model, TOK, PRIMER, sampler=Sampler(top_k=3))
    (_, first), (_, grammar), (name, last) = console.table.stages
    assert len(first) == len(TOK.vocab) == len(console.table.words) and name == "top k 3"
    assert np.count_nonzero(last) == 3 and np.count_nonzero(grammar) > 3
    console._knobs.sliders["top_k"].value = 5
    assert np.count_nonzero(console.table.stages[-1][1]) == 5
    chosen = int(np.argmax(last))
    console.table._handle_custom_msg({"choose": chosen}, [])
    assert console.ids[-1] == chosen and TOK.vocab[chosen] in console.table.said


def test_the_next_words_place_is_told(model):
    tok, score = Chorale(), Score([(0, 24, 60), (24, 24, 62)], pickup=24)
    grammar, places = tok.grammar(), []
    for i in tok.encode(score):
        places.append(next_place(tok, grammar))
        grammar.push(i)
    assert places[:5] == [*["header"] * 3, "Soprano, pickup, step 13 of 16", "Alto, pickup, step 13 of 16"]
    assert places[7] == "Soprano, pickup, step 14 of 16" and places[3 + 16] == "Soprano, bar 1, step 1 of 16"
    console = SamplingConsole(model, TOK, PRIMER)
    assert console.table.place == "Melody, bar 1, step 9 of 16"
    console.choose("Hold")
    assert console.table.place == "Melody, bar 1, step 10 of 16"
    console.choose(EOS)
    assert console.table.place == ""


@pytest.mark.parametrize("tok", [ABCText(), REMI()], ids=lambda tok: tok.name)
def test_elsewhere_the_bar_is_told(tok):
    grammar, places = tok.grammar(), []
    for i in tok.encode(Score([(96 * bar, 96, 60 + bar) for bar in range(3)])):
        places.append(next_place(tok, grammar))
        grammar.push(i)
    assert [*dict.fromkeys(places)] == ["bar 1", "bar 2", "bar 3"]


def test_after_the_end_there_is_nothing_but_the_way_back(model):
    console = SamplingConsole(model, TOK, PRIMER)
    console.choose(EOS)
    assert console.stages == {} and console.table.stages == []
    console.step()
    assert console.ids[-1] == EOS and console.score == TOK.project(PRIMER)
    with pytest.raises(ValueError, match="the next word"):
        console.choose("Rest")
    assert console._repr_mimebundle_()[0]["image/png"]
    console.back()
    assert console.stages


def test_without_a_kernel_there_is_a_picture(model):
    bundle, _ = SamplingConsole(model, TOK, PRIMER)._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"].startswith("SamplingConsole(") and "text/html" not in bundle
