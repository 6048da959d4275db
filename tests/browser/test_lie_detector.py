"""The lie detector in a real JupyterLab: a forgery is chosen, the dots move and another score plays."""

import pytest

pytestmark = pytest.mark.browser

CELL = """
import json, pathlib
import musiclab as ml
from musiclab.metrics.fakes import make_fakes
chorales = ml.load_chorales()
fakes = make_fakes(chorales.test[:20], chorales.train[:40])
card = ml.evaluate(chorales.valid[:20], chorales.test[:20], chorales.train[:40])
examples = {name: some[2].bars(0, 4) for name, some in fakes.items()}
detector = ml.LieDetector({name: card.of(name) for name in fakes}, examples)
def save(change):
    state = {"forgery": detector.forgery, "fooled": len(detector.fooled), "seeing": detector.seeing}
    pathlib.Path("lies.part").write_text(json.dumps(state))
    pathlib.Path("lies.part").rename("lies.json")
detector.observe(save, ["forgery"])
detector
"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_forgery_is_chosen(page, run_notebook, write_notebook, kernel_state, shots, theme):
    state, name = kernel_state("lies.json"), theme[11:].lower()
    assert run_notebook(page, write_notebook(f"lies-{name}.ipynb", CELL), theme=theme) == []
    face = page.locator(".ml-lies")
    face.get_by_text("corrupt5 fools").wait_for()
    page.set_viewport_size({"width": 1280, "height": 1500})
    dots = "[...document.querySelectorAll('.ml-strip-row g')].map(g => g.style.transform).join()"
    before = page.evaluate(dots)
    face.get_by_role("button", name="barshuffle").focus()
    page.keyboard.press("Enter")
    told = state(lambda s: s["forgery"] == "barshuffle")
    face.get_by_text(f"barshuffle fools {told['fooled']} of").wait_for()
    assert page.evaluate(dots) != before
    assert face.get_by_text("sees it", exact=True).count() == len(told["seeing"]) > 0
    page.wait_for_function("document.querySelector('.ml-player .ml-title').textContent.length > 3")
    face.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('audio').currentTime > 0.5")
    face.screenshot(path=shots / f"lies-{name}.png")
    assert page.errors == [] and page.external == []
