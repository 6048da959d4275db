import os

import pytest

import musiclab as ml
from musiclab.classroom.validation import validate
from musiclab.feedback import Feedback
from musiclab.widgets.validate import Validate
from tests.classroom.conftest import code, handed_in, write


@pytest.fixture(scope="module")
def checked(tmp_path_factory) -> dict[str, str]:
    """What validate says, by the name of the check or cell, of a notebook where much is wrong."""
    submission = handed_in(twice="def twice(x):\n    return x", half="def half(x):\n    raise NotImplementedError")
    skipped = code("# NBVAL_SKIP\nassert True", "skipped", "check", 1)
    submission["cells"] += [
        code("1 / 0"),
        skipped,
        code("assert half", "bare", "check", 1),
        code("assert 0", "zero", "check"),
    ]
    rows = validate(write(tmp_path_factory.mktemp("v") / "a.ipynb", submission), timeout=30).rows
    return {name: f"{sign} {reason}" for sign, name, reason in rows}


def test_each_check_says_what_is_missing(checked) -> None:
    assert checked == {
        "doubles": "· 3 should become 6, yours gives 3",
        "halves": "· not written yet",
        "code cell 6": "! your code stops: ZeroDivisionError: division by zero",
        "skipped": "· it was not run here; the marking runs it",
        "bare": "✓ ",
        "zero": "· a condition does not hold",
    }


def test_a_right_notebook_passes_and_leaves_nothing(tmp_path) -> None:
    path = write(tmp_path / "a.ipynb", handed_in())
    before = path.read_bytes()
    feedback = ml.validate(path)
    assert feedback.passed and [row[0] for row in feedback.rows] == ["✓", "✓"]
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.ipynb"]


def test_the_button_shows_the_list(monkeypatch) -> None:
    asked = []
    said = Feedback((("✓", "halves", ""), ("·", "doubles", "3 became <b>")))
    monkeypatch.setattr("musiclab.widgets.validate.validate", lambda *given: asked.append(given) or said)
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/a.ipynb")
    button = Validate(timeout=7)
    button.children[0].click()
    assert asked == [("/somewhere/a.ipynb", 7)] and button.feedback is said
    assert "doubles" in button.children[1].value and "&lt;b&gt;" in button.children[1].value
    assert not button.children[0].disabled


def test_the_button_says_why_it_cannot(tmp_path) -> None:
    button = Validate(str(tmp_path / "broken.ipynb"))
    (tmp_path / "broken.ipynb").write_text("{")
    button.run()
    assert "is not a notebook" in button.children[1].value
