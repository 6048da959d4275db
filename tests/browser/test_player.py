"""The player in a real JupyterLab: it draws, sounds, seeks and follows, in both themes, asking nobody else."""

import time

import pytest

pytestmark = pytest.mark.browser

SCORE = """
import json, pathlib
from musiclab.score import Score
from musiclab.widgets.display import register_score_display
from musiclab.widgets.player import Player
register_score_display()
chords = [(67, 62, 59, 43), (69, 62, 57, 42), (71, 62, 55, 43), (72, 64, 55, 48), (71, 62, 55, 50), (69, 60, 54, 50)]
chords = [*chords, (67, 62, 59, 43), (69, 60, 57, 45), (71, 59, 56, 40), (72, 60, 57, 45), (71, 62, 55, 43)] * 2
chords = [*chords, (69, 62, 54, 50), (67, 62, 59, 43)]
notes = [(24 * i, 24, p, 64, part) for i, chord in enumerate(chords) for part, p in enumerate(chord)]
parts = [(name, 52) for name in ("Soprano", "Alto", "Tenor", "Bass")]
score = Score(notes, parts=parts, pickup=24, tempos=[(0, 80)], title="Chorale in G")
"""
WATCH = """
player = Player(score)
def save(change):
    names = ("position", "playing", "muted", "region")
    pathlib.Path("player.json").write_text(json.dumps({name: getattr(player, name) for name in names}))
player.observe(save, ["position", "playing", "muted", "region"])
player
"""
LONG = """
long = score
for _ in range(3):
    long = long.concat(long)
Player(long)
"""
INK = """canvas => { const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const colors = new Set(); for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) colors.add(
    [d[i], d[i + 1], d[i + 2]].map(v => v >> 4).join()); return colors.size; }"""
PLAYERS = ".ml-player"


def until(read, wanted, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if wanted(value := read()):
            return value
        time.sleep(0.05)
    raise AssertionError(f"never came about, last {value}")


@pytest.fixture
def state(kernel_state):
    return kernel_state("player.json")


def test_a_score_shows_a_player_that_plays(page, run_notebook, write_notebook, lab_folder, state, shots):
    assert run_notebook(page, write_notebook("player.ipynb", SCORE + "score", WATCH)) == []
    assert page.locator(PLAYERS).count() == 2  # the score's own display, and the player built by hand
    player = page.locator(PLAYERS).nth(1)
    canvas, audio = player.locator("canvas"), player.locator("audio")
    player.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('.ml-player')].every(p => p.dataset.seconds > 18)")
    assert canvas.evaluate(INK) > 8  # four parts, keys, grid
    assert player.locator(".ml-chip").all_inner_texts() == ["Soprano", "Alto", "Tenor", "Bass"]
    assert "sound:" in player.locator(".ml-caption").inner_text()

    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 44 + (box["width"] - 44) / 2, box["y"] + 100)  # the middle of the roll
    middle = state(lambda s: abs(s["position"] - 9) < 0.3)["position"]
    assert audio.evaluate("a => a.currentTime") == pytest.approx(middle, abs=0.05)

    canvas.focus()
    page.keyboard.press("ArrowRight")
    state(lambda s: s["position"] == pytest.approx(middle + 1, abs=0.05))
    page.keyboard.press("Home")
    state(lambda s: s["position"] == 0)
    assert canvas.get_attribute("aria-valuetext").endswith("0:00 / 0:18")

    page.keyboard.press(" ")
    state(lambda s: s["playing"] is True)
    until(lambda: float(canvas.get_attribute("aria-valuenow")), lambda t: t > 1)
    player.screenshot(path=shots / "player-playing.png")
    assert player.get_by_role("button", name="Pause").is_visible()

    page.locator(PLAYERS).nth(0).get_by_role("button", name="Play", exact=True).click()  # one player at a time
    state(lambda s: s["playing"] is False)
    page.locator(PLAYERS).nth(0).get_by_role("button", name="Pause").click()
    state(lambda s: s["position"] > 1)
    page.screenshot(path=shots / "player-light.png")
    assert page.errors == [] and page.external == []


def test_parts_are_muted_and_a_region_plays_alone(page, run_notebook, write_notebook, state, shots):
    assert run_notebook(page, write_notebook("parts.ipynb", SCORE, WATCH)) == []
    player = page.locator(PLAYERS)
    canvas, audio, chips = player.locator("canvas"), player.locator("audio"), player.locator(".ml-chip")
    page.wait_for_function("document.querySelector('.ml-player').dataset.seconds > 18")
    sound = audio.get_attribute("src")
    chips.nth(1).focus()
    page.keyboard.press("Enter")
    state(lambda s: s["muted"] == [1])
    assert chips.nth(1).get_attribute("aria-pressed") == "false"
    until(lambda: audio.get_attribute("src"), lambda src: src != sound)  # made anew
    assert chips.nth(1).evaluate("chip => chip === document.activeElement")
    chips.nth(3).click(modifiers=["Shift"])
    state(lambda s: s["muted"] == [0, 1, 2])
    chips.nth(3).click(modifiers=["Shift"])
    state(lambda s: s["muted"] == [])

    box = canvas.bounding_box()
    second = (box["width"] - 44) / 18
    page.mouse.move(box["x"] + 44 + 6 * second, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 44 + 3 * second, box["y"] + 90, steps=4)
    page.mouse.up()
    start, stop = state(lambda s: s["region"])["region"]
    assert (start, stop) == (pytest.approx(3, abs=0.05), pytest.approx(6, abs=0.05))
    state(lambda s: s["position"] == pytest.approx(start, abs=0.01))
    player.screenshot(path=shots / "player-region.png")
    page.keyboard.press("Escape")
    state(lambda s: s["region"] == [])
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    start, stop = state(lambda s: s["region"] and s["region"][1] - s["region"][0] > 1.5)["region"]
    assert (start, stop) == (pytest.approx(3, abs=0.05), pytest.approx(5, abs=0.05))
    page.keyboard.press(" ")
    state(lambda s: s["playing"])
    ended = state(lambda s: not s["playing"])  # by itself, and ready to play again
    assert state(lambda s: s["position"] == pytest.approx(start, abs=0.01)) and ended["region"] == [start, stop]
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 44 + 9 * second, box["y"] + 100)
    state(lambda s: s["region"] == [] and abs(s["position"] - 9) < 0.1)
    assert page.errors == [] and page.external == []


def test_the_kernel_drives_the_page(page, run_notebook, write_notebook):
    cells = (
        SCORE,
        "player = Player(score); player",
        "player.position = 6.0\nplayer.muted = [0]\nplayer.playing = True",
    )
    assert run_notebook(page, write_notebook("driven.ipynb", *cells)) == []
    canvas = page.locator(f"{PLAYERS} canvas")
    until(lambda: float(canvas.get_attribute("aria-valuenow")), lambda t: t > 6.5)
    assert page.errors == []


def test_long_scores_come_page_by_page_and_sound_when_asked(page, run_notebook, write_notebook, shots):
    name = write_notebook("long.ipynb", SCORE, LONG, "Player(Score([]))\n", "Player(score.part(0).bars(0, 3))")
    assert run_notebook(page, name, theme="JupyterLab Dark") == []
    player = page.locator(PLAYERS).first
    assert player.get_attribute("data-seconds") is None
    player.get_by_role("button", name="Play").click()
    canvas = player.locator("canvas")
    until(lambda: float(canvas.get_attribute("aria-valuenow")), lambda t: t > 0.3, seconds=40)
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 44 + (box["width"] - 44) * 0.75, box["y"] + box["height"] - 8)  # the miniature
    now = float(canvas.get_attribute("aria-valuenow"))
    assert now == pytest.approx(0.75 * 144, abs=3)
    player.locator(".ml-chip").nth(1).click()
    assert player.locator(".ml-chip").nth(1).get_attribute("aria-pressed") == "false"
    page.screenshot(path=shots / "player-dark.png")
    assert page.errors == [] and page.external == []


def test_a_page_without_kernel_shows_a_picture(run_notebook, page, write_notebook, lab_folder):
    nbformat = pytest.importorskip("nbformat")
    run_notebook(page, write_notebook("saved.ipynb", SCORE + "score"))
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = lab_folder / "saved.ipynb"
    until(lambda: saved.read_text(), lambda text: "image/png" in text)
    notebook = nbformat.read(saved, as_version=4)
    data = notebook.cells[0].outputs[0].data
    assert data["text/plain"] == "Score('Chorale in G', 96 notes, 4 parts, 7 bars of 4/4, 24 quarters)"
    assert "text/html" not in data and "widgets" not in notebook.metadata
    assert saved.stat().st_size < 60_000  # nothing audio-sized
