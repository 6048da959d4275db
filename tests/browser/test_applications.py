"""The three small applications of notebook 10 in a real JupyterLab, with the notebook's own cells."""

import re

import pytest

pytestmark = pytest.mark.browser

QUICK = "import os\nos.environ['MUSICLAB_QUICK'] = '1'"
CELLS = (
    "import os", "model, tok", "IN_C", "N, BARS", "ode", "tunes", "class Face", "class Accompanist", "ENDINGS",
    "class Quiz", "Quiz(ENDINGS", "Quiz(INTERVALS", "def restless", "class GameLoop",
)  # fmt: skip


@pytest.fixture
def applications(lab_folder, write_notebook):
    nbformat = pytest.importorskip("nbformat")
    cells = nbformat.read(lab_folder / "10_control_and_streaming.ipynb", 4).cells
    used = [cell.source for cell in cells if cell.cell_type == "code" and cell.source.startswith(CELLS)]
    assert len(used) == len(CELLS)
    return write_notebook("applications.ipynb", QUICK, *used)


def output_with(page, button):
    """Return the output that has this button, and the button."""
    button = page.get_by_role("button", name=button, exact=True)
    return page.locator(".jp-OutputArea-output").filter(has=button), button


def test_a_tune_is_accompanied_endings_are_guessed_and_a_game_is_followed(page, run_notebook, applications, shots):
    assert run_notebook(page, applications, seconds=300) == []
    accompanist, button = output_with(page, "Accompany")
    assert accompanist.locator(".ml-chip").count() == 1  # the tune alone
    button.click()
    accompanist.get_by_text(re.compile(r"^\d+ nats$")).wait_for()
    accompanist.locator(".ml-chip", has_text="Bass").wait_for()
    accompanist.screenshot(path=shots / "accompanist.png")

    for kind, others in (("half close", "full close"), ("tritone", "fourth")):
        quiz, button = output_with(page, kind)
        assert quiz.locator("audio").count() == 1 and quiz.locator(".ml-player").count() == 0
        button.click()
        quiz.get_by_text(re.compile(r"(Right|No)\. [01] of 1\. Next one:")).wait_for()
        right = quiz.get_by_text("Right. 1 of 1").count() == 1
        assert quiz.locator(".ml-title").inner_text().startswith("That was:")
        assert quiz.get_by_text(f"That was: {kind}").count() == right
        output_with(page, others)[1].click()
        quiz.get_by_text(re.compile("of 2. Next one:")).wait_for()
        quiz.screenshot(path=shots / f"quiz-{kind.split()[0]}.png")

    game, button = output_with(page, "Play on")
    button.click()
    page.wait_for_function("document.querySelector('[data-heard]')")
    game.locator(".noUi-handle").focus()
    page.keyboard.press("End")
    game.get_by_text("1.00", exact=True).wait_for()
    page.wait_for_function("Number(document.querySelector('[data-bars]').dataset.bars) >= 3")
    game.locator(".ml-bill").get_by_text("walking bass").wait_for()  # what the last slide brought about
    game.screenshot(path=shots / "game.png")
    output_with(page, "Stop")[1].click()
    page.wait_for_function("!document.querySelector('[data-heard]')")  # silence
    assert page.errors == [] and page.external == []
