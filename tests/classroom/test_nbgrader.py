"""The same source and submissions through nbgrader itself: the same marks where nobody tampers and nothing warns.

nbgrader wants an environment of its own (``pip install nbgrader``); the variable NBGRADER names its command.
"""

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from musiclab.classroom.grading import grade
from tests.classroom.conftest import handed_in, name_of, write

NBGRADER = os.environ.get("NBGRADER") or shutil.which("nbgrader")
ANSWERS = {
    "right": {"twice": "def twice(x):\n    return x + x", "half": "def half(x):\n    return 0.5 * x"},
    "first wrong": {"twice": "def twice(x):\n    return x", "half": "def half(x):\n    return x / 2"},
    "second wrong": {"twice": "def twice(x):\n    return 2 * x", "half": "def half(x):\n    return x // 2"},
    "visible right hidden wrong": {"twice": "def twice(x):\n    return abs(2 * x)", "half": "half = lambda x: x / 2"},
    "an error": {"twice": "def twice(x):\n    return y", "half": "def half(x):\n    return x / 2"},
    "untouched": {},
    "floats": {"twice": "def twice(x):\n    return 2.0 * x", "half": "def half(x):\n    return x / 2"},
}


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.skipif(not NBGRADER, reason="needs nbgrader, in an environment of its own: set NBGRADER to its command")
def test_marks_are_nbgraders(tmp_path: Path) -> None:
    course = tmp_path / "course"
    key = write(course / "source" / "a" / "a.ipynb", handed_in())

    def run(*words: str) -> None:
        path = f"{Path(NBGRADER).parent}:{os.environ['PATH']}"  # where its own tools are
        command = [NBGRADER, *words, "--course", str(course)]
        done = subprocess.run(command, cwd=course, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]

    run("generate_assignment", "a", "--create")
    released = json.loads((course / "release" / "a" / "a.ipynb").read_text())
    for student, answers in ANSWERS.items():
        submission = json.loads(json.dumps(released))
        for cell in submission["cells"]:
            cell["source"] = answers.get(name_of(cell), cell["source"])
        write(course / "submitted" / student / "a" / "a.ipynb", submission)
    run("autograde", "a", "--create")
    run("export", f"--to={tmp_path / 'theirs.csv'}")
    ours = marks(grade(course / "submitted", key, tmp_path / "out" / "grades.csv", jobs=2), "student", "points")
    assert marks(tmp_path / "theirs.csv", "student_id", "score") == ours
    assert len(set(ours.values())) > 2


def marks(table: Path, student: str, points: str) -> dict[str, float]:
    with table.open(newline="") as lines:
        return {row[student]: float(row[points]) for row in csv.DictReader(lines)}
