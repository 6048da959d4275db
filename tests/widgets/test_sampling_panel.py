"""The sampling panel without a browser: whatever a click does is a method."""

import base64

import pytest
import torch

from musiclab.datasets import load_example
from musiclab.generation import generate
from musiclab.midi import write_midi
from musiclab.models import GRU
from musiclab.pretrained import load_pretrained
from musiclab.sampling import Sampler
from musiclab.score import Score
from musiclab.tokenizers import Chorale, Melody
from musiclab.widgets.knobs import Knobs
from musiclab.widgets.sampling_panel import SamplingPanel, _last_file

TOK = Chorale()
PRIMER = Score([(0, 96, 72 - 5 * part, 64, part) for part in range(4)], parts=TOK.parts)


@pytest.fixture
def model() -> GRU:
    torch.manual_seed(0)
    return GRU(len(TOK.vocab), width=8)


def test_it_makes_what_generate_makes(model):
    sampler = Sampler(temperature=0.8, top_k=20, seed=5)
    panel = SamplingPanel(model, TOK, PRIMER, sampler, n_bars=3)
    assert panel.finish() == generate(model, TOK, PRIMER, sampler, 3)
    assert panel.history == [(sampler, panel.score)]
    assert panel.score.title == "temperature 0.8, top k 20, seed 5" and panel.draft.notes


def test_a_turn_of_a_knob_and_again(model, short_chunks):
    panel = SamplingPanel(model, TOK, n_bars=1, sampler=Sampler(seed=5))
    first = panel.finish()
    panel._knobs.sliders["temperature"].value = 0.5
    assert panel.sampler == Sampler(temperature=0.5, seed=5)
    panel.finish()
    panel.sampler = Sampler(seed=5)
    assert panel.finish() == first  # the luck of a seed is the same
    panel.buttons["Again"].click()
    assert panel.sampler.seed == 6
    panel.finish()
    assert [sampler.seed for sampler, _ in panel.history] == [5, 5, 5, 6] and panel.score != first


def test_knobs_take_any_sampler():
    sampler = Sampler(temperature=3.0, top_k=200, top_p=0.01, min_p=0.7, repetition_penalty=5.0, seed=123_456)
    knobs = Knobs(sampler)
    assert knobs.sampler == sampler
    knobs.sampler = Sampler()
    assert knobs.sampler == Sampler()


def test_stop_and_keep(model, short_chunks):
    panel = SamplingPanel(model, TOK, n_bars=32)
    assert panel.buttons["Stop"].disabled and panel.buttons["Keep"].disabled
    panel.buttons["Generate"].click()
    assert panel.draft.running and not panel.buttons["Stop"].disabled
    while not len(panel.score):
        assert panel.draft.pull()
    panel.buttons["Stop"].click()
    assert not panel.draft.running and panel.buttons["Stop"].disabled and len(panel.history) == 1
    panel.buttons["Keep"].click()
    panel.write()
    panel.draft.stop()
    assert panel.kept == [panel.history[0][1]]


def test_those_kept_are_compared_in_one_roll(model, short_chunks):
    panel = SamplingPanel(model, TOK, n_bars=2, sampler=Sampler(seed=5), rules=["in_key"])
    first = panel.finish()
    look = {name: getattr(panel.draft, name) for name in ("notes", "entropy", "bill", "duration", "said")}
    assert panel.shown.layout.display == "none"  # there is nothing to compare
    panel.buttons["Keep"].click()
    assert panel.shown.options == ("latest", "A") and panel.shown.value == "latest" and not panel.shown.layout.display
    panel._model.value = "tiny"
    panel.again()
    latest = panel.draft.finish()
    panel.draft.position, panel.draft.playing = 1.5, True
    panel.shown.value = "A"
    assert panel.score == first and panel.draft.title == "A: seed 5"
    assert {name: getattr(panel.draft, name) for name in look} == look
    assert panel.draft.audio and (panel.draft.position, panel.draft.playing) == (1.5, True)  # it plays on
    assert panel.draft.prices()["in_key"].sum() > 0
    panel.shown.value = "latest"
    assert panel.score == latest and panel.draft.title == "seed 6" and panel.draft.audio
    panel.buttons["Keep"].click()
    panel.shown.value = "A"
    panel.again()  # what is new is in sight
    while not len(panel.score):
        assert panel.draft.pull()
    assert panel.shown.value == "latest"
    panel.shown.value = "B"  # and is left as it is, to look at another
    assert not panel.draft.running and panel.kept == [first, latest] and panel.score == latest
    assert [sampler.seed for sampler, _ in panel.history] == [5, 6, 7]


def test_the_name_of_a_pretrained_model_is_shown(model):
    tiny = SamplingPanel(*load_pretrained("tiny"), n_bars=1)
    assert tiny._model.value == "tiny" and tiny._model.options.count("tiny") == 1
    assert SamplingPanel(model, TOK)._model.value == "GRU"


def test_rules_are_priced_bar_by_bar_and_can_be_switched_off(model):
    panel = SamplingPanel(model, TOK, n_bars=2, rules=["crossing", "in_key"])
    panel.boxes["in_key"].value = False
    panel.finish()
    (name, nats), *others = panel.draft.prices().items()
    assert name == "crossing" and len(nats) == panel.score.n_bars - (panel.score.pickup > 0) and not others
    assert panel.draft.bill == {"crossing": [0, nats.tolist()]}


def test_the_pickers(model):
    panel = SamplingPanel(model, TOK, PRIMER, n_bars=2)
    assert panel._primer.options == ("the primer given", "no primer", "bwv270", "bwv248.17")
    assert panel.primer == PRIMER
    panel._primer.value, panel._primer_bars.value = "bwv270", 3
    assert panel.primer == load_example("bwv270").bars(0, 3)
    panel._primer.value = "no primer"
    panel._model.value = "tiny"
    assert panel.primer is None and panel.finish() == generate(*load_pretrained("tiny"), n_bars=2, sampler=Sampler())
    assert panel.draft.caption == "2 bars by tiny"


def test_a_file_of_ones_own_is_a_primer(model, tmp_path):
    data = write_midi(PRIMER, tmp_path / "mine.mid").read_bytes()
    seven = {"old.mid": {"content": b"", "metadata": {}}, "mine.mid": {"content": data, "metadata": {}}}
    eight = ({"name": "mine.mid", "content": memoryview(data), "type": "audio/midi"},)
    for value in (seven, eight):
        assert _last_file(value) == ("mine.mid", data)
    panel = SamplingPanel(model, TOK, n_bars=2)
    panel.read_primer("mine.mid", data)
    assert panel._primer.value == "mine.mid" and panel.primer == PRIMER
    assert panel.finish().bars(0, 1).notes.tolist() == TOK.project(PRIMER).notes.tolist()
    panel.tell(panel.read_primer, "page.mid", b"<html>")
    assert "primer.mid" in panel.message.value and panel._primer.value == "mine.mid"


def test_what_is_wrong_is_said_on_the_page_and_raised_in_code(model):
    panel = SamplingPanel(model, TOK, load_example("bwv270"), n_bars=1)
    panel._primer_bars.value = 4
    panel.buttons["Generate"].click()
    assert "n_bars must be more than the primer&#x27;s 3, got 1" in panel.message.value
    with pytest.raises(ValueError, match="n_bars must be more than the primer's 3"):
        panel.write()
    panel._bars.value = 5
    panel.buttons["Generate"].click()
    assert panel.message.value == ""
    with pytest.raises(ValueError, match="vocabulary"):
        SamplingPanel(model, Melody()).write()


def test_without_a_kernel_there_is_a_picture(model):
    panel = SamplingPanel(model, TOK, n_bars=1)
    panel.finish()
    bundle, _ = panel._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"] == f"SamplingPanel({panel.score!r})" and "text/html" not in bundle
