"""The attention explorer in a real JupyterLab, with the pointer and with the keyboard."""

import pytest

pytestmark = pytest.mark.browser

EXPLORER = """
import json, pathlib
import musiclab as ml
model, tok = ml.load_pretrained("chorale-transformer")
score = ml.load_example("bwv248.17").bars(0, 5)
explorer = ml.AttentionExplorer(model, tok, score)
def save(change=None):
    state = explorer.layer, explorer.head, explorer.note, len(explorer.arcs['rows'])
    pathlib.Path("attention.json").write_text(json.dumps(state))
explorer.observe(save, "arcs")
save()
explorer
"""


def test_arcs_follow_note_layer_and_head(page, run_notebook, write_notebook, kernel_state, shots):
    state = kernel_state("attention.json")
    assert run_notebook(page, write_notebook("attention.ipynb", EXPLORER)) == []
    face = page.locator(".ml-attention")
    notes, arcs, said = face.locator(".note"), face.locator(".arc"), face.locator("p")
    notes.nth(3).wait_for()

    def wait_for_state(*wanted):
        """Wait until the kernel shows this layer, head and note, and the page as many arcs as the kernel has."""
        state(lambda found: found[:3] == list(wanted) and arcs.count() == found[3])

    wait_for_state(0, 0, 0)
    face.locator("svg").focus()
    for _ in range(40):  # to the last note of the soprano
        page.keyboard.press("ArrowRight")
    last = int(page.evaluate("() => [...document.querySelectorAll('.note')].findIndex(e => e.matches('.chosen'))"))
    wait_for_state(0, 0, last)
    assert last >= 60 and arcs.count() >= 1
    page.keyboard.press("ArrowLeft")
    face.locator(".chosen").wait_for()
    page.keyboard.press("ArrowDown")
    below = int(page.evaluate("() => [...document.querySelectorAll('.note')].findIndex(e => e.matches('.chosen'))"))
    wait_for_state(0, 0, below)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")  # a key of the notebook's, not ours
    notes.nth(30).click()
    wait_for_state(0, 0, 30)
    before = said.inner_text()
    face.locator("select").nth(1).focus()
    page.keyboard.press("ArrowDown")
    wait_for_state(0, 1, 30)
    face.locator("select").nth(0).select_option("2")
    wait_for_state(2, 1, 30)
    assert said.inner_text() != before and "% at" in said.inner_text()
    assert face.locator(".chosen").count() == 1
    face.screenshot(path=shots / "attention.png")
    assert page.errors == [] and page.external == []


def test_the_dark_theme_reads(page, run_notebook, write_notebook, shots):
    name = write_notebook("attention_dark.ipynb", EXPLORER)
    assert run_notebook(page, name, theme="JupyterLab Dark") == []
    face = page.locator(".ml-attention")
    face.locator(".note").nth(60).click()
    face.locator(".arc").first.wait_for()
    light = "e => getComputedStyle(e).stroke.match(/[\\d.]+/g).slice(0, 3).every(v => v > 150)"
    assert face.locator(".arc").first.evaluate(light)
    face.screenshot(path=shots / "attention_dark.png")
    assert page.errors == []
