"""The token microscope and the merge stepper in a real JupyterLab, with the pointer and with the keyboard."""

import pytest

pytestmark = pytest.mark.browser

SCOPE = """
import json, pathlib
from musiclab.score import Score
from musiclab.tokenizers import REMI, ABCText, Melody, MIDILike
from musiclab.widgets.tokens import MergeStepper, TokenMicroscope
tune = Score([(0, 24, 72), (24, 24, 71), (48, 24, 69), (72, 24, 71)], parts=[("Soprano", 0)], title="Tune")
scope = TokenMicroscope(tune, [Melody(), MIDILike(tempos=0, programs=False), REMI(tempos=0, programs=False)])
def save(change):
    pathlib.Path("scope.json").write_text(json.dumps([scope.tok, scope.note, scope.word, scope.words]))
scope.observe(save, ["note", "word", "tok"])
scope
"""
STEPPER = "stepper = MergeStepper([tune])\nstepper"


def test_notes_and_words_light_each_other(page, run_notebook, write_notebook, kernel_state, shots):
    state = kernel_state("scope.json")
    assert run_notebook(page, write_notebook("tokens.ipynb", SCOPE, STEPPER)) == []
    scope = page.locator(".ml-tokens")
    notes, chips, said = scope.locator("rect"), scope.locator(".ml-bars .ml-chip-w"), scope.locator(".ml-said")
    notes.nth(3).wait_for()

    def lit():
        return scope.locator(".ml-bars .lit").all_inner_texts(), scope.locator("rect.lit").count()

    def wait_for_state(*wanted):
        state(lambda found: found == list(wanted))

    notes.nth(1).hover()
    assert lit() == (["Pitch_71", "Hold", "Hold", "Hold"], 1) and said.inner_text().startswith("B4")
    chips.nth(12).hover()  # a Hold of the third note
    assert lit() == (["Hold"], 1) and said.inner_text() == "Hold → A4"
    page.mouse.move(5, 5)
    assert lit() == ([], 0)

    notes.nth(1).click()
    wait_for_state("Melody", 1, -1, ["Pitch_71", "Hold", "Hold", "Hold"])
    scope.locator("select").select_option("MIDILike(tempos=0, programs=False)")
    words = ["NoteOn_71", "Velocity_63", "NoteOff_71"]
    scope.locator(".ml-bars .lit", has_text="NoteOff_71").wait_for()  # the same note in other words
    assert lit() == (words, 1)
    wait_for_state("MIDILike(tempos=0, programs=False)", 1, -1, words)
    scope.screenshot(path=shots / "tokens.png")

    scope.locator("svg").focus()
    for _ in range(5):  # the last note is the last
        page.keyboard.press("ArrowRight")
    wait_for_state("MIDILike(tempos=0, programs=False)", 3, -1, words)
    scope.locator(".ml-bars").focus()
    page.keyboard.press("ArrowLeft")  # from the end
    wait_for_state("MIDILike(tempos=0, programs=False)", -1, 15, ["NoteOff_71"])
    assert lit() == (["NoteOff_71"], 1)
    page.keyboard.press("Escape")
    wait_for_state("MIDILike(tempos=0, programs=False)", -1, -1, [])
    assert lit() == ([], 0)

    stepper = page.locator(".jp-OutputArea-output", has=page.get_by_role("button", name="10 steps"))
    stepper.get_by_role("button", name="Step", exact=True).press("Enter")
    stepper.get_by_text("MergeStepper(Melody, 1 merges, 208 words").wait_for()
    stepper.get_by_role("button", name="Back").press("Enter")
    stepper.get_by_text("MergeStepper(Melody, 0 merges, 207 words").wait_for()
    stepper.screenshot(path=shots / "stepper.png")
    assert page.errors == [] and page.external == []


def test_the_dark_theme_reads(page, run_notebook, write_notebook, shots):
    name = write_notebook("tokens_dark.ipynb", SCOPE, STEPPER)
    assert run_notebook(page, name, theme="JupyterLab Dark") == []
    scope = page.locator(".ml-tokens")
    scope.locator("rect").nth(2).click()
    light = "e => getComputedStyle(e).color.match(/[\\d.]+/g).slice(0, 3).every(v => v > 150)"
    assert scope.locator(".ml-bars .ml-chip-w:not(.lit)").first.evaluate(light)
    page.locator(".jp-Notebook").screenshot(path=shots / "tokens_dark.png")
    assert page.errors == []
