"""One note in five views, moved with the keyboard in a real JupyterLab."""

import re

import pytest

pytestmark = pytest.mark.browser

CELL = """
import json, pathlib
from musiclab.score import Score
from musiclab.widgets.views import NoteViews
tune = Score([(0, 24, 72), (24, 24, 71), (48, 24, 69), (72, 24, 71)], parts=[("Soprano", 0)], title="Tune")
views = NoteViews(tune, note=2)
def save(change):
    pathlib.Path("views.json").write_text(json.dumps([views.note, *views.score.notes[views.note].tolist()]))
views.text.observe(save, "value")
views
"""


def test_a_note_is_moved_by_keyboard_and_heard(page, run_notebook, write_notebook, kernel_state, shots):
    pytest.importorskip("verovio")
    state = kernel_state("views.json")
    assert run_notebook(page, write_notebook("views.ipynb", CELL)) == []
    output = page.locator(".jp-OutputArea-output").first
    player = output.locator(".ml-player")
    page.wait_for_function("document.querySelector('.ml-player').dataset.seconds > 0")

    def press(name, key):
        output.locator(".widget-slider", has_text=name).locator(".noUi-handle").focus()
        page.keyboard.press(key)

    def wait_for(text):
        output.locator("pre", has_text=re.compile(text)).wait_for()

    before = output.locator("svg:has(g.staff)").first.inner_html()
    for text in (r"A#4 = 466\.2 Hz", r"B4 = 493\.9 Hz", r"C5 = 523\.3 Hz"):  # after the first, in another thread
        press("pitch", "ArrowUp")
        wait_for(text)
    assert output.locator("g.note").count() == 4 and output.locator("g.note[fill='#E69F00']").count() == 1
    assert output.locator("svg:has(g.staff)").first.inner_html() != before
    press("onset", "ArrowLeft")
    wait_for(r"2▸ +42 +24 +72 +64")
    press("duration", "ArrowRight")
    wait_for(r"tick 42 +90 48 40 +note on\s+tick 72 +80 48 00")
    wait_for(r"seconds +0\.875 to 1\.500")
    state(lambda found: found == [2, 42, 30, 72, 64, 0])

    player.get_by_role("button", name="Play").click()  # the sound of the moved note is made now
    player.get_by_role("button", name="Pause").wait_for()
    output.screenshot(path=shots / "views.png")
    press("note", "ArrowRight")
    wait_for(r"3▸ +72 +24 +71")
    player.locator(".ml-chip", has_text="note 3").wait_for()
    assert page.errors == [] and page.external == []
