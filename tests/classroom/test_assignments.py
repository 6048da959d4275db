"""The assignments themselves: released as they stand, sound for students and for marking."""

import json
import re
from pathlib import Path

import pytest

from musiclab.classroom.grading import examine
from musiclab.classroom.notebooks import make_plan, read_notebook, release
from tests.notebooks.test_notebooks import LOCAL_PATH

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "assignments"
SOURCES = sorted((FOLDER / "source").glob("*/*.ipynb"))
each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem[:2])


def released(source: Path) -> Path:
    return FOLDER / "release" / source.parent.name / source.name


def test_there_are_four() -> None:
    assert [source.stem[:2] for source in SOURCES] == ["a1", "a2", "a3", "a4"]


@each
def test_the_release_is_that_of_the_source(source: Path, tmp_path: Path) -> None:
    assert release(source, tmp_path / "new.ipynb").read_bytes() == released(source).read_bytes()


@each
def test_points_are_20_by_checks_and_5_by_reading(source: Path) -> None:
    _, cells = read_notebook(source)
    assert sum(cell.points for cell in cells if cell.role == "check") == 20
    assert sum(cell.points for cell in cells if cell.role == "read") == 5


@each
def test_every_check_has_a_hidden_part_or_an_easy_one_and_says_what_is_missing(source: Path) -> None:
    _, cells = read_notebook(source)
    checks = [cell.source for cell in cells if cell.role == "check"]
    assert sum("### BEGIN HIDDEN TESTS" in check for check in checks) >= len(checks) - 1
    assert all(re.search(r"type\(.*\) is", check) for check in checks[:1]), "the first check tests types"
    visible = [check.split("### BEGIN HIDDEN")[0] for check in checks]
    assert all('"' in check for check in visible), "a visible check says in words what it expects"


@each
def test_notebooks_open_anywhere(source: Path) -> None:
    for path in (source, released(source)):
        text = path.read_text(encoding="utf-8")
        notebook = json.loads(text)
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
        assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
        assert not any(cell.get("outputs") for cell in notebook["cells"])
        assert not LOCAL_PATH.search(text)
        assert "musiclab @ git+https://github.com/" in text, "make publish cannot write a fork's address"
        assert f"/blob/main/notebooks/assignments/release/{source.stem}/{source.stem}.ipynb" in text


@each
def test_the_question_that_a_person_reads_stays_in_the_release(source: Path) -> None:
    text = released(source).read_text(encoding="utf-8")
    assert "About 150 words" in text and "*Your answer here.*" in text
    assert "For the teacher" not in text


@pytest.mark.slow
@each
def test_the_solution_has_all_points_and_the_release_none(source: Path) -> None:
    _, key = read_notebook(source)
    for path, right in ((source, True), (released(source), False)):
        found = examine(make_plan(key, read_notebook(path)[1]))
        checks = [why for role, _, why in found if role == "check"]
        assert len(checks) == sum(cell.role == "check" for cell in key)
        assert {why == "" for why in checks} == {right}, found
