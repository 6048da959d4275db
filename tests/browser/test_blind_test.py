"""The blind test in a real JupyterLab: heard and answered by keyboard and mouse, told at the end, ballot downloaded."""

import json

import pytest

pytestmark = pytest.mark.browser

CELL = """
import json, pathlib
import musiclab as ml
bach = ml.load_example("bwv248.17")
excerpts = {"Bach": [bach.bars(0, 2), bach.bars(2, 4)], "two higher": [bach.bars(4, 6).transpose(2)]}
excerpts["top line"] = [bach.part("Soprano").bars(0, 2)]
test = ml.BlindTest(excerpts, human="Bach", catch="top line", listener="THEME", seed=2)
def save(change):
    state = {"choices": [answer.choice for answer in test.answers], "shown": test.title}
    pathlib.Path("blind.part").write_text(json.dumps(state))
    pathlib.Path("blind.part").rename("blind.json")
test.observe(save, ["progress", "title"])
test
"""


@pytest.fixture
def state(kernel_state):
    return kernel_state("blind.json")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_listener_goes_through_it(page, run_notebook, write_notebook, state, shots, theme):
    name = theme[11:].lower()
    assert run_notebook(page, write_notebook(f"blind-{name}.ipynb", CELL.replace("THEME", name)), theme=theme) == []
    test = page.locator(".ml-player")
    page.wait_for_function("document.querySelector('.ml-player').dataset.seconds > 5")
    assert not test.locator(".ml-roll").is_visible() and test.locator(".ml-legend").is_hidden()
    first, second = (test.get_by_role("button", name=f"It is {side}") for side in "AB")
    assert first.is_disabled() and second.is_disabled()  # nothing was heard yet

    test.get_by_role("button", name="Hear A").click()
    page.wait_for_function("document.querySelector('audio').currentTime > 0.3")
    assert first.is_disabled()
    test.screenshot(path=shots / f"blind-{name}.png")
    page.keyboard.press("b")
    page.wait_for_function("!document.querySelector('.ml-pick').disabled")
    assert page.evaluate("document.querySelector('audio').currentTime") > 3
    page.keyboard.press("2")
    state(lambda s: s["choices"] == [1])
    test.get_by_text("2 of 3").wait_for()
    assert first.is_disabled() and page.evaluate("document.querySelector('audio').paused")

    for number, choice in ((2, "1"), (3, "1")):
        test.get_by_text(f"{number} of 3").wait_for()
        page.keyboard.press("a")
        page.wait_for_function("document.querySelector('audio').currentTime > 0.1")
        page.keyboard.press("b")
        page.wait_for_function("!document.querySelector('.ml-pick').disabled")
        page.keyboard.press(choice)
        state(lambda s, number=number: len(s["choices"]) == number)
    test.get_by_text("Bach's was found in").wait_for()
    assert not test.locator(".ml-roll").is_visible()
    with page.expect_download(timeout=30_000) as download:
        test.get_by_role("button", name="Download ballot").click()
    ballot = json.loads(download.value.path().read_bytes())
    assert download.value.suggested_filename == f"ballot-{name}.json" and [row[2] for row in ballot] == [1, 0, 0]

    test.locator(".ml-again").first.click()
    page.wait_for_function("!document.querySelector('audio').paused")
    state(lambda s: "stille" in s["shown"] or "Stall" in s["shown"])
    assert test.locator(".ml-roll").is_visible()
    page.wait_for_timeout(600)
    assert test.locator(".ml-time").inner_text().endswith("0:00 / 0:03")
    test.screenshot(path=shots / f"blind-end-{name}.png")
    assert page.errors == [] and page.external == []
