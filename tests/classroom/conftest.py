"""A small assignment of three points, and ways to hand it in."""

import copy
import json
from pathlib import Path

import nbformat
import pytest

GIVEN = "import math"
TWICE = "def twice(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
DOUBLES = """\
assert twice(3) == 6, f"3 should become 6, yours gives {twice(3)}"
### BEGIN HIDDEN TESTS
assert type(twice(5)) is int, f"twice an int is an int, yours is {type(twice(5)).__name__}"
assert twice(-4) == -8, "below zero"
### END HIDDEN TESTS"""
HALF = "def half(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION"
HALVES = "assert math.isclose(half(3), 1.5), f'half of 3 is 1.5, yours is {half(3)}'"


def code(source: str, name: str = "", role: str = "", points: float | None = None) -> dict:
    """Return a code cell with nbgrader's metadata for its role."""
    marked = {"schema_version": 3, "task": False, "grade_id": name, "locked": role not in ("answer", "read")}
    marked |= {"grade": role in ("check", "read"), "solution": role in ("answer", "read")}
    marked |= {} if points is None else {"points": points}
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": marked} if name else {})


def notebook(*cells: dict) -> dict:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": kernel})


def source_notebook() -> dict:
    """Return the teacher's notebook: two answers, two checks, two points and one."""
    return notebook(
        code(GIVEN),
        code(TWICE, "twice", "answer"),
        code(DOUBLES, "doubles", "check", 2),
        code(HALF, "half", "answer"),
        code(HALVES, "halves", "check", 1),
    )


def name_of(cell: dict) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def handed_in(**answers: str) -> dict:
    """Return a submission: the teacher's notebook with these answers in place of the teacher's."""
    submission = copy.deepcopy(source_notebook())
    for cell in submission["cells"]:
        cell["source"] = answers.get(name_of(cell), cell["source"])
    return submission


def write(path: Path, submission: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(submission), encoding="utf-8")
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write(tmp_path / "source.ipynb", source_notebook())
