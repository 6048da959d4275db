"""The sampling panel in a real JupyterLab and in Voilà: knobs by keyboard, notes that appear, Stop, sound, files.

``pytest tests/browser/test_sampling.py -s`` says how long the page waited.
"""

import json
import statistics
import time

import pytest

pytestmark = pytest.mark.browser

PANEL = """
import json, pathlib
import musiclab as ml
from musiclab.widgets.sampling_panel import SamplingPanel
model, tok = ml.load_pretrained("chorale-transformer")
panel = SamplingPanel(model, tok, sampler=ml.Sampler(seed=3), n_bars=4, rules=["crossing", "parallel_fifths"])
def save(change):
    state = {"running": panel.draft.running, "position": panel.draft.position, "playing": panel.draft.playing}
    state |= {"made": len(panel.history), "notes": len(panel.score), "temperature": panel.sampler.temperature}
    state |= {"seed": panel.sampler.seed, "bars": panel.score.n_bars, "kept": len(panel.kept)}
    state |= {"draws": len(panel.draft.draws), "chunks": panel.draft.chunk, "shown": panel.shown.value}
    pathlib.Path("panel.json").write_text(json.dumps(state))
panel.draft.observe(save, ["running", "position", "playing", "chunk"])
panel.shown.observe(save, ["options", "value"])
panel
"""
DRAFT = "document.querySelector('[data-running]')"
WATCH = f"""() => {{ window.seen = [];                        // how many notes there were, each time that changed
    new MutationObserver(() => window.seen.push(Number({DRAFT}.dataset.notes))).observe({DRAFT}, {{
        attributes: true, attributeFilter: ['data-notes'] }}); }}"""
WAIT = """([button, wanted]) => new Promise(resolve => {   // milliseconds from a click to what it brings about
    const page = document.querySelector('[data-running]'), began = performance.now();
    const look = () => (wanted === 'stopped' ? page.dataset.running === 'false'
        : page.dataset.running === 'true' && Number(page.dataset.notes) > 0)
        ? resolve(performance.now() - began) : setTimeout(look, 1);
    [...document.querySelectorAll('button')].find(b => b.textContent.trim() === button).click();
    setTimeout(look, 1); })"""


@pytest.fixture
def state(kernel_state):
    return kernel_state("panel.json")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def slide(page, name, *keys):
    page.locator(".widget-slider", has_text=name).first.locator(".noUi-handle").focus()
    for key in keys:
        page.keyboard.press(key)


def compare(page, state, draft):
    """Play A and change to B: the same roll shows it, and the playing goes on where it was."""
    audio = draft.locator("audio")
    press(page, "A")
    state(lambda s: s["shown"] == "A")
    draft.get_by_text("A: temperature 0.8, seed 4").wait_for()
    bill = draft.locator(".ml-bill").inner_text()
    draft.get_by_role("button", name="Play", exact=True).click()
    state(lambda s: s["playing"])
    page.wait_for_function(f"{DRAFT}.querySelector('audio').currentTime > 0.5")
    press(page, "B")
    draft.get_by_text("B: temperature 0.8, seed 5").wait_for()
    assert draft.locator(".ml-bill").inner_text() != bill and "crossing" in bill
    page.wait_for_function(f"{DRAFT}.querySelector('audio').currentTime > 1")
    assert audio.evaluate("a => !a.paused") and page.locator(".ml-player").count() == 1
    draft.get_by_role("button", name="Pause", exact=True).click()
    state(lambda s: not s["playing"])


def drive(page, state, shots, name):
    """Do what a reader does with the panel; the same in JupyterLab and in Voilà."""
    draft = page.locator("[data-running]")
    draft.wait_for(timeout=60_000)
    slide(page, "temperature", *["ArrowLeft"] * 4)
    page.evaluate(WATCH)
    press(page, "Generate")
    done = state(lambda s: not s["running"] and s["made"] == 1)
    assert done["bars"] in (4, 5) and done["temperature"] == pytest.approx(0.8) and done["seed"] == 3
    page.wait_for_function(f"Number({DRAFT}.dataset.notes) == {done['notes']}")
    seen = [n for n in page.evaluate("window.seen") if n]
    assert len(set(seen)) > 3 and seen == sorted(seen)  # they came one after another
    page.wait_for_function(f"{DRAFT}.dataset.seconds > 6")  # its sound has come
    draft.screenshot(path=shots / f"draft-{name}.png")

    slide(page, "bars in all", "End")
    press(page, "Again")
    state(lambda s: s["running"] and s["bars"] >= 3)
    press(page, "Stop")
    stopped = state(lambda s: not s["running"] and s["made"] == 2)
    assert stopped["seed"] == 4 and 3 <= stopped["bars"] < 32
    time.sleep(0.4)
    assert state(lambda s: True)["draws"] == stopped["draws"]  # nothing comes after Stop

    press(page, "Keep")
    state(lambda s: s["kept"] == 1)
    slide(page, "bars in all", "Home", *["ArrowRight"] * 3)
    press(page, "Again")
    state(lambda s: not s["running"] and s["made"] == 3)
    press(page, "Keep")
    state(lambda s: s["kept"] == 2)
    compare(page, state, draft)

    canvas = draft.locator(".ml-roll")
    canvas.focus()
    page.keyboard.press("Home")
    state(lambda s: s["position"] == 0)
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 44 + (box["width"] - 44) / 2, box["y"] + 60)
    middle = state(lambda s: s["position"] > 0)["position"]
    assert draft.locator("audio").evaluate("a => a.currentTime") == pytest.approx(middle, abs=0.05)
    canvas.focus()
    page.keyboard.press(" ")
    state(lambda s: s["playing"])
    page.keyboard.press(" ")
    state(lambda s: not s["playing"])

    for label, begin in (("MIDI", b"MThd"), ("MusicXML", b"<?xml"), ("mp3", None)):
        with page.expect_download(timeout=90_000) as download:
            draft.get_by_role("button", name=label, exact=True).click()
        data = download.value.path().read_bytes()
        assert data.startswith(begin) if begin else len(data) > 5_000
        assert download.value.suggested_filename == {"MIDI": "musiclab.mid", "mp3": "musiclab.mp3"}.get(
            label, "musiclab.musicxml"
        )
    assert page.errors == [] and page.external == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_panel_in_jupyterlab(page, run_notebook, write_notebook, state, shots, theme):
    name = f"panel-{theme[11:].lower()}"
    assert run_notebook(page, write_notebook(f"{name}.ipynb", PANEL), theme=theme) == []
    drive(page, state, shots, name)
    page.set_viewport_size({"width": 1280, "height": 1700})
    page.screenshot(path=shots / f"{name}.png")


def test_the_panel_in_voila(page, voila, write_notebook, state, shots):
    page.goto(voila(write_notebook("panel-voila.ipynb", PANEL)), timeout=120_000)
    drive(page, state, shots, "voila")


def test_how_long_the_page_waits(page, run_notebook, write_notebook, state, shots):
    assert run_notebook(page, write_notebook("waits.ipynb", PANEL.replace("n_bars=4", "n_bars=16"))) == []
    page.locator("[data-running]").wait_for()
    first, stop = [], []
    for _ in range(10):
        first.append(page.evaluate(WAIT, ["Again", "notes"]))
        page.wait_for_timeout(150)
        stop.append(page.evaluate(WAIT, ["Stop", "stopped"]))
        page.wait_for_timeout(400)  # the sound is made
    began = time.monotonic()
    press(page, "Again")
    done = state(lambda s: s["made"] == 11 and not s["running"])
    seconds = time.monotonic() - began
    report = {
        "click to first note, ms": sorted(round(ms) for ms in first),
        "median": round(statistics.median(first)),
        "click to stop, ms": sorted(round(ms) for ms in stop),
        "notes a second while streaming": round(done["notes"] / seconds),
        "words a second": round(done["draws"] / seconds),
        "chunks": done["chunks"],
    }
    (shots / "waits.json").write_text(json.dumps(report, indent=1))
    print("\n", json.dumps(report, indent=1))
    assert page.errors == [] and page.external == []
