"""The playground as an app, as `make app` shows it: no code, no other host, and it plays."""

import pytest

pytestmark = pytest.mark.browser
NOTES = "document.querySelector('[data-running]').dataset"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_playground_is_an_app(page, voila, shots, theme):
    page.goto(f"{voila('playground.ipynb')}?theme={theme}", timeout=180_000)
    panel, console = page.locator("[data-running]"), page.locator(".ml-console")
    panel.wait_for(timeout=120_000)
    console.wait_for(timeout=60_000)
    page.wait_for_function(f"Number({NOTES}.notes) > 40")  # there is music before anything is pressed
    assert page.locator("pre", has_text="load_pretrained").count() == 0  # no code
    title = panel.locator(".ml-title").inner_text()
    page.locator(".widget-slider", has_text="bars in all").locator(".noUi-handle").focus()
    page.keyboard.press("End")  # so that there is time to stop it
    page.get_by_role("button", name="Again", exact=True).click()
    page.wait_for_function(f"{NOTES}.running == 'true' && Number({NOTES}.notes) > 0", timeout=60_000)
    assert panel.locator(".ml-title").inner_text() != title
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function(f"{NOTES}.running == 'false'", timeout=60_000)

    said, word = console.locator("p").inner_text(), console.locator("button:enabled").first
    chosen = word.inner_text().split()[0]
    word.click()
    page.wait_for_function("said => document.querySelector('.ml-console p').textContent != said", arg=said)
    assert console.locator("p").inner_text().endswith(chosen)
    page.get_by_role("button", name="16 steps", exact=True).click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ml-title')].some(t => /17 more words/.test(t.textContent))"
    )
    page.get_by_role("button", name="Back", exact=True).click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ml-title')].some(t => /16 more words/.test(t.textContent))"
    )
    page.set_viewport_size({"width": 1280, "height": 2300})
    page.wait_for_timeout(500)
    page.screenshot(path=shots / f"playground-{theme}.png", full_page=True)
    assert page.errors == [] and page.external == []
