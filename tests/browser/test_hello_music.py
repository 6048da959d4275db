"""The first notebook in a real JupyterLab: it runs, and the slot machine answers the keyboard."""

import re

import pytest

pytestmark = pytest.mark.browser
BADGE = "colab-badge.svg"


def test_a_newcomers_first_page(page, run_notebook, shots):
    assert run_notebook(page, "00_hello_music.ipynb") == []
    page.wait_for_function("document.querySelectorAll('.ml-player[data-seconds]').length >= 4", timeout=60_000)
    machine = page.locator(".jp-OutputArea-output").filter(has=page.get_by_role("button", name="Again", exact=True))
    caption = machine.locator(".ml-player")
    first = caption.inner_text()
    assert "temperature 2.0" in first  # the cell after it drove the machine from code

    machine.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("m => m.innerText.includes('temperature 1.9')", arg=machine.element_handle())
    machine.get_by_role("button", name="Again", exact=True).click()
    machine.get_by_text("seed 2", exact=True).wait_for()
    assert machine.locator("svg").count() >= 1  # engraved staves

    page.set_viewport_size({"width": 1280, "height": 5200})
    page.screenshot(path=shots / "hello_music.png")
    machine.scroll_into_view_if_needed()
    machine.screenshot(path=shots / "slot_machine.png")
    assert not page.errors
    assert [url for url in page.external if not re.search(BADGE, url)] == []
