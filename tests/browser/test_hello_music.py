"""The first notebook in a real JupyterLab: it runs, and the slot machine answers the keyboard."""

import pytest

pytestmark = pytest.mark.browser
TOP = "document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0"


def test_a_newcomers_first_page(page, run_notebook, shots):
    assert run_notebook(page, "00_hello_music.ipynb") == []
    again = page.locator("button.widget-button", has_text="Again")  # its icon is part of its name
    machine = page.locator(".jp-OutputArea-output").filter(has=again)
    machine.get_by_text("4 bars at temperature 1.0").wait_for()

    machine.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    machine.get_by_text("4 bars at temperature 1.1").wait_for()
    again.click()
    machine.get_by_text("temperature 1.1, seed 2").wait_for()
    machine.locator(".ml-player[data-seconds] canvas").wait_for()
    assert machine.locator(".widget-html-content svg").first.bounding_box()["height"] > 80  # engraved in a callback
    machine.screenshot(path=shots / "slot_machine.png")

    page.set_viewport_size({"width": 1280, "height": 5600})
    page.evaluate(TOP)
    page.screenshot(path=shots / "hello_music.png")
    assert not page.errors
    assert [url for url in page.external if "colab-badge.svg" not in url] == []
