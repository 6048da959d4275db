"""The hidden-state film in a real JupyterLab: it moves with the sound, a unit is chosen by click and by keyboard."""

import pytest

pytestmark = pytest.mark.browser

CELL = """
import json, pathlib
import torch
from musiclab.datasets import load_example
from musiclab.models import GRU
from musiclab.tokenizers import Melody
from musiclab.widgets.film import HiddenStateFilm
torch.manual_seed(0)
tok = Melody()
tune = load_example("bwv248.17").part("Soprano").bars(0, 9)
film = HiddenStateFilm(GRU(len(tok.vocab), width=32), tok, tune)
def save(change):
    pathlib.Path("film.json").write_text(json.dumps([film.units.index(film.unit), round(film.position, 2)]))
film.observe(save, ["unit", "position"])
film
"""
INK = """canvas => { const g = canvas.getContext('2d'), p = g.getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0; for (let i = 3; i < p.length; i += 4) n += p[i] > 40; return n / (p.length / 4); }"""
PLAYHEAD = """canvas => { const g = canvas.getContext('2d'), y = canvas.height - 2;   // below the curve: bar lines only
    const p = g.getImageData(0, y, canvas.width, 1).data;
    for (let x = 0; x < canvas.width; x++) if (p[4 * x] > 200 && p[4 * x + 1] < 120 && p[4 * x + 2] < 60) return x; }"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_film_moves_and_answers(page, run_notebook, write_notebook, kernel_state, shots, theme):
    state = kernel_state("film.json")
    assert run_notebook(page, write_notebook("film.ipynb", CELL), theme=theme) == []
    player = page.locator(".ml-player").first
    canvas, roll = player.locator(".ml-film"), player.locator(".ml-roll")
    page.wait_for_function("document.querySelector('.ml-player').dataset.seconds > 0")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box["width"] == pytest.approx(roll.bounding_box()["width"], abs=1)
    assert canvas.evaluate(INK) > 0.15  # a film, not an empty box

    page.mouse.click(box["x"] + 44 + (box["width"] - 44) / 2, box["y"] + 7.5 * 11)
    state(lambda found: found == [7, 8.0])  # the eighth row, half of 16 seconds
    assert player.locator(".ml-time").inner_text().endswith("0:08 / 0:16")
    x = canvas.evaluate(PLAYHEAD)
    assert x == pytest.approx((44 + (box["width"] - 44) / 2) * canvas.evaluate("c => c.width") / box["width"], abs=3)
    assert "is at" in canvas.get_attribute("aria-label")

    player.locator("select").focus()
    page.keyboard.press("ArrowDown")
    state(lambda found: found[0] == 8)
    player.get_by_role("button", name="Play").click()
    player.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("document.querySelector('.ml-player audio').currentTime > 9")
    assert canvas.evaluate(PLAYHEAD) > x + 20
    player.screenshot(path=shots / f"film-{theme[11:].lower()}.png")
    player.get_by_role("button", name="Pause").click()
    assert page.errors == [] and page.external == []
