"""The feature explorer in a real JupyterLab: brush, click, keyboard, and the map that changes."""

import pytest

pytestmark = pytest.mark.browser

EXPLORER = """
import json, pathlib
import numpy as np
import musiclab as ml
chorale = ml.load_example("bwv248.17")
bars = [chorale.bars(i, j) for i in range(chorale.n_bars - 1) for j in (i + 1, i + 2)]
table = np.stack([*ml.describe(bars).values()], axis=1)
labels = ["first half" if i < len(bars) / 2 else "second half" for i in range(len(bars))]
explorer = ml.FeatureExplorer(bars, {"by hand": table, "two of them": table[:, [0, 13]]}, labels)
def save(change=None):
    state = explorer.space, list(explorer.chosen), explorer.title
    pathlib.Path("explorer.json").write_text(json.dumps(state))
explorer.observe(save, ["space", "chosen", "title"])
save()
explorer
"""
CENTRES = """face => [...face.querySelectorAll('.dot')].map(dot => {
    const [x, y] = dot.style.transform.match(/-?[\\d.]+/g).map(Number); return [x, y, dot.matches('.chosen')]; })"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_brushed_points_are_heard(page, run_notebook, write_notebook, kernel_state, shots, theme):
    kernel = kernel_state("explorer.json")
    assert run_notebook(page, write_notebook("features.ipynb", EXPLORER), theme=theme) == []
    face = page.locator(".ml-explorer")
    svg, title = face.locator(".ml-map"), page.locator(".ml-player .ml-title")
    face.locator(".dot").first.wait_for()
    svg.scroll_into_view_if_needed()

    def state(condition):
        return kernel(lambda found: condition(*found))

    n = len(face.evaluate(CENTRES))
    assert state(lambda space, chosen, _: space == "by hand" and chosen == [0]) and n >= 10
    box = svg.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 2)  # a brush over the right half
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    right = sum(x >= 450 for x, _, _ in face.evaluate(CENTRES))
    *_, heard = state(lambda _, chosen, title: len(chosen) == right and title.endswith(f"{right} chosen"))
    assert 1 < right < n and sum(on for *_, on in face.evaluate(CENTRES)) == right
    page.wait_for_function("t => document.querySelector('.ml-player .ml-title').textContent === t", arg=heard)
    assert title.inner_text() == heard and f"{right} chosen" in face.locator("p").inner_text()
    before = sorted(face.evaluate(CENTRES))
    face.get_by_role("button", name="two of them").click()
    state(lambda space, *_: space == "two of them")
    assert sorted(face.evaluate(CENTRES)) != before
    assert sum(on for *_, on in face.evaluate(CENTRES)) == right  # the same ones, elsewhere
    page.wait_for_timeout(900)  # they glide
    face.screenshot(path=shots / f"explorer_{theme.split()[-1].lower()}.png")

    x, y, _ = max(face.evaluate(CENTRES))
    page.mouse.click(box["x"] + x * box["width"] / 900, box["y"] + y * box["height"] / 400)
    _, (one,), _ = state(lambda _, chosen, __: len(chosen) == 1)
    page.keyboard.press("ArrowLeft")
    state(lambda _, chosen, __: len(chosen) == 1 and chosen != [one])
    page.keyboard.press("Escape")
    state(lambda _, chosen, __: chosen == [])
    assert "Drag a box" in face.locator("p").inner_text()
    assert page.errors == [] and page.external == []
    if theme.endswith("Dark"):
        light = "e => getComputedStyle(e).color.match(/[\\d.]+/g).slice(0, 3).every(v => v > 150)"
        assert face.locator("p").evaluate(light)
