"""The slot machine without a browser: one knob, one button, and what it remembers."""

import torch

from musiclab.models import GRU
from musiclab.sampling import Sampler
from musiclab.tokenizers import Chorale
from musiclab.widgets.slot_machine import SlotMachine

TOK = Chorale()


def machine() -> SlotMachine:
    torch.manual_seed(0)
    return SlotMachine(GRU(len(TOK.vocab), width=8), TOK, n_bars=1, sampler=Sampler(seed=4))


def test_the_slider_keeps_the_seed_and_the_button_changes_it():
    box = machine()
    first = box.score
    box._slider.value = 0.5
    box._button.click()
    box.set(temperature=1.0)
    assert [(s.temperature, s.seed) for s, _ in box.history] == [(1.0, 4), (0.5, 4), (0.5, 5), (1.0, 5)]
    assert box._slider.value == 1.0 and box.score.title == "1 bars at temperature 1.0, seed 5"
    assert machine().score == first
    assert box.children[1].score is box.score


def test_setting_what_is_set_makes_nothing_new():
    box = machine()
    box.set(temperature=1.0)
    assert len(box.history) == 1


def test_without_a_kernel_there_is_a_picture():
    bundle, _ = machine()._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR") and "SlotMachine" in bundle["text/plain"]
    assert "text/html" not in bundle
