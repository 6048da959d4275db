"""The co-writer in a real JupyterLab: the first bar sounds before the last is written, and Stop is silence."""

import time

import pytest

pytestmark = pytest.mark.browser

CELL = """
import json, pathlib
import musiclab as ml
model, tok = ml.load_pretrained("chorale-transformer", device="cpu")
rules = [ml.Rule("four beats in C", header=((4, 4), 0, (0, "major"))), "in_key", "parallel_fifths", "cadence"]
writer = ml.CoWriter(model, tok, "C F G C", rules, ml.Sampler(seed=3), n_bars=4)
def save(change):
    state = {"running": writer.draft.running, "sounded": writer.draft.n_sounded, "chords": writer.chords}
    state |= {"seconds": writer.draft.first_second, "draws": len(writer.draft.draws), "wrong": writer.message.value}
    pathlib.Path("writer.json").write_text(json.dumps(state))
writer.draft.observe(save, ["running", "n_sounded", "chunk"])
writer.message.observe(save, "value")
writer
"""


@pytest.fixture
def state(kernel_state):
    return kernel_state("writer.json")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_bars_sound_while_others_are_written(page, run_notebook, write_notebook, state, shots, theme):
    assert run_notebook(page, write_notebook("co-writer.ipynb", CELL), theme=theme) == []
    draft = page.locator("[data-running]")
    draft.wait_for(timeout=60_000)
    page.get_by_role("button", name="Write", exact=True).click()
    page.wait_for_function("document.querySelector('[data-heard]')", timeout=60_000)  # it sounds
    first = state(lambda s: s["sounded"] >= 1)
    assert first["running"] and first["sounded"] < 4  # and is still being written
    page.wait_for_function("Number(document.querySelector('[data-heard]').dataset.heard) > 1")
    done = state(lambda s: not s["running"] and s["sounded"] >= 4)
    page.wait_for_function("document.querySelector('[data-running]').dataset.bars >= 4")
    draft.locator(".ml-bill").get_by_text("parallel fifths").wait_for()
    late = draft.get_attribute("data-late")
    print(f"\n{theme}: first bar after {done['seconds']:.2f} s, the music waited {late} s for the model")
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.wait_for_function("!document.querySelector('[data-heard]')", timeout=60_000)  # it has come to its end
    page.screenshot(path=shots / f"co-writer-{theme[11:].lower()}.png")

    page.get_by_label("chords").fill("C H")
    state(lambda s: "&#x27;H&#x27;" in s["wrong"] and s["chords"] == ["C", "F", "G", "C"])
    page.get_by_label("chords").fill("Am Dm E Am")
    state(lambda s: s["wrong"] == "")
    page.get_by_role("button", name="Write", exact=True).click()
    page.wait_for_function("document.querySelector('[data-heard]')", timeout=60_000)
    page.get_by_role("button", name="Stop", exact=True).click()
    stopped = state(lambda s: not s["running"])
    page.wait_for_function("!document.querySelector('[data-heard]')")  # silence
    time.sleep(0.4)
    assert state(lambda s: True)["draws"] == stopped["draws"]
    draft.get_by_role("button", name="Play").click()  # the whole, by the player's own button
    draft.get_by_role("button", name="Pause").wait_for()
    assert page.errors == [] and page.external == []
