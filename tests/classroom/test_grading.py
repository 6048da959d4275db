"""The laws of marking: what was earned, no more and no less, whatever became of the cells that are not one's own."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import psutil
import pytest

from musiclab.classroom.grading import examine, grade
from musiclab.classroom.notebooks import release
from musiclab.classroom.sandbox import Limits, sandboxed
from tests.classroom.conftest import HALF, TWICE, code, handed_in, write

WRONG = {"twice": "def twice(x):\n    return x"}
QUICK = Limits(cell_s=5, total_s=60)


def points(table: Path) -> dict[str, list[float]]:
    """Return each student's points for the checks."""
    with table.open(newline="") as lines:
        return {row["student"]: [float(row["doubles"]), float(row["halves"])] for row in csv.DictReader(lines)}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tampered() -> dict[str, dict]:
    """Return submissions whose first answer is wrong and second right, by what was done to their checks."""
    ways = {
        "deleted": lambda cells: cells.pop(2),
        "edited": lambda cells: cells[2].update(source="assert True"),
        "emptied": lambda cells: cells[2].update(source=""),
        "duplicated": lambda cells: cells.insert(2, code("assert True", "doubles", "check", 2)),
        "reordered": lambda cells: cells.reverse(),
        "skipped by a comment": lambda cells: cells[2].update(source="# NBVAL_SKIP\n" + cells[2]["source"]),
        "skipped by a tag": lambda cells: cells[2]["metadata"].update(tags=["nbval-skip", "raises-exception"]),
        "made a text": lambda cells: cells[2].update(cell_type="markdown"),
        "turned into an answer": lambda cells: cells[2]["metadata"]["nbgrader"].update(grade=False, solution=True),
        "worth more": lambda cells: cells[4]["metadata"]["nbgrader"].update(points=100),
        "run by another shell": lambda cells: cells[2].update(source="%%script true\n" + cells[2]["source"]),
        "given cell changed": lambda cells: cells[0].update(source="math = None"),
    }
    made = {}
    for name, tamper in ways.items():
        made[name] = handed_in(**WRONG)
        tamper(made[name]["cells"])
    return made


@pytest.fixture(scope="module")
def marked(tmp_path_factory) -> tuple[Path, dict[str, list[float]], dict[Path, bytes]]:
    """A class marked by two at a time: the folder, each student's points, and what was handed in."""
    folder = tmp_path_factory.mktemp("class")
    key = write(folder / "source.ipynb", handed_in())
    write(folder / "in" / "teacher.ipynb", handed_in())
    release(key, folder / "in" / "untouched.ipynb")
    for name, submission in tampered().items():
        write(folder / "in" / name / "a1" / "source.ipynb", submission)
    helped = handed_in(twice="def twice(x):\n    return helper(x)")
    helped["cells"].insert(1, code("def helper(x):\n    return x + x"))
    write(folder / "in" / "helped by a cell of one's own.ipynb", helped)
    before = contents(folder / "in")
    return folder, points(grade(folder / "in", key, folder / "out" / "grades.csv", jobs=2, limits=QUICK)), before


def test_an_untouched_release_scores_nothing_and_the_teacher_everything(marked) -> None:
    assert marked[1]["untouched"] == [0, 0]
    assert marked[1]["teacher"] == [2, 1]


@pytest.mark.parametrize("way", tampered())
def test_what_is_done_to_a_check_changes_nothing(marked, way) -> None:
    assert marked[1][way] == [0, 1]


def test_a_cell_of_ones_own_helps(marked) -> None:
    assert marked[1]["helped by a cell of one's own"] == [2, 1]


def test_marks_are_the_same_again_and_one_at_a_time(marked) -> None:
    folder, first, _ = marked
    again = points(grade(folder / "in", folder / "source.ipynb", folder / "again" / "grades.csv", limits=QUICK))
    assert again == first


def test_submissions_are_not_touched_and_nothing_is_left_over(marked) -> None:
    folder, _, before = marked
    assert contents(folder / "in") == before
    assert {path.name for path in folder.iterdir()} <= {"in", "out", "again", "source.ipynb"}
    assert not list((folder / "out").rglob("*.part"))
    ours = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]  # a browser's, too
    assert not [line for line in ours if "classroom" in line or "bwrap" in line]


def test_the_student_reads_what_is_missing_and_what_was_noticed(marked) -> None:
    folder, *_ = marked
    pages = {page.name.rpartition("-")[0]: page.read_text() for page in (folder / "out" / "feedback").iterdir()}
    assert "3 should become 6, yours gives 3" in pages["edited"]
    assert "doubles: the check is edited" in pages["edited"]
    assert "doubles: the check is missing" in pages["deleted"]
    assert "doubles: the check is there 2 times" in pages["duplicated"]
    assert "not written yet" in pages["untouched"]
    assert "Noticed besides" not in pages["teacher"]


def test_the_class_page_counts_the_checks(marked) -> None:
    folder, made, _ = marked
    page = (folder / "out" / "summary.html").read_text()
    assert f"{sum(p[0] == 2 for p in made.values())} of {len(made)}" in page
    assert f"{sum(p[1] == 1 for p in made.values())} of {len(made)}" in page


# --- one plan at a time ----------------------------------------------------------------------------------------------


def plan(*cells: tuple[str, str]) -> list[dict]:
    """Return a plan whose answers are handed in as written: (role, source), checks named c1, c2, ..."""
    steps = []
    for role, source in cells:
        name = f"c{1 + sum(step['role'] == 'check' for step in steps)}" if role == "check" else ""
        steps.append({"role": role, "name": name, "source": source, "texts": [] if role == "check" else [source]})
    return steps


def passed(found: list[dict]) -> list[bool]:
    return [why == "" for role, _, why in found if role == "check"]


def test_later_checks_count_after_a_death() -> None:
    found = examine(
        plan(
            ("answer", "a = 1"), ("check", "assert a == 1"), ("answer", "import os\nb = 2\nos._exit(3)"),
            ("check", "assert b == 2"), ("answer", "c = a + 2"), ("check", "assert c == 3 and a == 1"),
        ), QUICK,
    )  # fmt: skip
    assert passed(found) == [True, False, True]
    assert any("its process ended" in why for role, _, why in found if role == "answer")


def test_a_death_inside_a_check_costs_that_check_only() -> None:
    die = "import os\ndef f(x):\n    return x if x < 5 else os._exit(1)"
    found = examine(plan(("answer", die), ("check", "assert f(9) == 9"), ("check", "assert f(1) == 1")), QUICK)
    assert passed(found) == [False, True]


def test_the_time_of_a_cell_is_bounded() -> None:
    limits = Limits(cell_s=1, total_s=60)
    found = examine(plan(("answer", "f = lambda: [0 for _ in iter(int, 1)]"), ("check", "f()"), ("check", "1")), limits)
    assert passed(found) == [False, True] and "more than 1 s" in found[0][2]


def test_a_marking_that_broke_off_is_told_and_done_again(tmp_path) -> None:
    cells = [
        code("import os\nos.kill(os.getpid(), 9)"),
        code("a = 1", "a", "answer"),
        code("assert a", "c", "check", 1),
    ]
    key = write(tmp_path / "key.ipynb", {"cells": cells})
    write(tmp_path / "in" / "a.ipynb", {"cells": cells[1:]})
    grade(tmp_path / "in", key, tmp_path / "out" / "grades.csv", limits=QUICK)
    assert "the marking broke off" in next((tmp_path / "out" / "feedback").iterdir()).read_text()
    assert not list((tmp_path / "out" / "marks").iterdir())


@pytest.mark.slow
def test_the_time_of_all_is_bounded_and_what_came_before_counts() -> None:
    steps = plan(("given", "import time"), ("check", "1"), ("check", "time.sleep(300)"), ("check", "1"))
    assert passed(examine(steps, Limits(cell_s=290, total_s=30))) == [True]


def test_answers_travel_as_plain_data() -> None:
    answer = """
import numpy as np
class Odd(int):
    __eq__ = __ne__ = __lt__ = __gt__ = lambda *_: True
    __hash__ = int.__hash__
class Worse:
    def __reduce__(self): return (print, ("acts on the other side",))
array, scalar, odd, worse, ok = np.arange(3.0), np.int64(7), Odd(3), Worse(), {"a": [1, (2.5, None)]}
def give(what): return {"odd": Odd(3), "worse": Worse(), "function": print, "list": [Odd(1)]}[what]
def fail(): raise UnicodeDecodeError("utf-8", b"x", 0, 1, "no")
"""
    checks = [
        "import numpy as np",
        "assert type(array) is np.ndarray and array.tolist() == [0, 1, 2] and array.dtype == float",
        "assert scalar == 7 and ok == {'a': [1, (2.5, None)]}",
        "assert odd == 4",
        "assert worse == 4",
        *(f"give({what!r})" for what in ("odd", "worse", "function", "list")),
        "try:\n    fail()\nexcept RuntimeError as error:\n    assert 'UnicodeDecodeError' in str(error)",
        "try:\n    give('missing')\nexcept KeyError:\n    pass",
    ]
    found = examine(plan(("answer", answer), *(("check", check) for check in checks)), QUICK)
    assert passed(found) == [True, True, True, *[False] * 6, True, True], found


def test_a_score_travels() -> None:
    answer = "import musiclab as ml\ndef up(score):\n    return score.transpose(2)"
    check = "import musiclab as ml\nassert up(ml.Score([(0, 24, 60)])) == ml.Score([(0, 24, 62)])"
    assert passed(examine(plan(("answer", answer), ("check", check)), QUICK)) == [True]


def test_a_value_is_the_one_of_its_place() -> None:
    steps = plan(("answer", "n = 1"), ("check", "assert n == 1"), ("answer", "n = n + 1"), ("check", "assert n == 2"))
    assert passed(examine(steps, QUICK)) == [True, True]


def test_a_key_without_checks_and_results_among_submissions_are_refused(key, tmp_path) -> None:
    write(tmp_path / "in" / "a.ipynb", handed_in())
    with pytest.raises(ValueError, match="out must be outside"):
        grade(tmp_path / "in", key, tmp_path / "in" / "out" / "grades.csv")
    bare = write(tmp_path / "bare.ipynb", {"cells": []})
    with pytest.raises(ValueError, match="must be a source notebook with checks, got none"):
        grade(tmp_path / "in", bare, tmp_path / "out" / "grades.csv")


def test_the_seed_in_marking_is_the_students_own(tmp_path) -> None:
    cells = [
        code("SEED = 0  ### STUDENT SEED"),
        code("a = 1", "a", "answer"),
        code("assert a == SEED", "c", "check", 1),
    ]
    key = write(tmp_path / "key.ipynb", {"cells": cells})
    for student in ("Ann", "Bo"):
        release(key, tmp_path / "released.ipynb", student)
        submission = json.loads((tmp_path / "released.ipynb").read_text())
        seed = int("".join(submission["cells"][0]["source"]).split()[2])
        submission["cells"][1]["source"] = f"a = {seed}"
        write(tmp_path / "in" / f"{student}.ipynb", submission)
        write(tmp_path / "in" / f"copied from {student}.ipynb", submission)
    table = grade(tmp_path / "in", key, tmp_path / "out" / "grades.csv", limits=QUICK, seeds=True).read_text()
    assert [line.split(",")[1] for line in table.splitlines()[1:]] == ["1", "1", "0", "0"]


# --- a whole class ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_class_of_300_goes_on_after_being_killed(tmp_path) -> None:
    key = write(tmp_path / "source.ipynb", handed_in())
    expected = {}
    for n in range(300):
        right = [n % 2 == 0, n % 3 == 0]
        twice = TWICE if right[0] else "def twice(x): return x"
        half = HALF if right[1] else "def half(x): return x"
        write(tmp_path / "in" / f"s{n:03}.ipynb", handed_in(twice=f"{twice}\n# {n}", half=half))
        expected[f"s{n:03}"] = [2.0 * right[0], 1.0 * right[1]]
    command = [sys.executable, "-m", "musiclab", "class", "grade", str(tmp_path / "in"), "--key", str(key), "-j", "2"]
    command += ["-o", str(tmp_path / "out" / "grades.csv")]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    marks = tmp_path / "out" / "marks"
    while not marks.exists() or len(list(marks.iterdir())) < 20:
        assert first.poll() is None
        time.sleep(0.2)
    family = psutil.Process(first.pid).children(recursive=True)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert family and not psutil.wait_procs(family, timeout=10)[1], "a process survives the one that was killed"
    done = {path: path.stat().st_mtime_ns for path in marks.glob("*.json")}
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    print(f"{(time.perf_counter() - start) / (300 - len(done)):.2f} s for a submission")
    assert points(tmp_path / "out" / "grades.csv") == expected
    assert all(path.stat().st_mtime_ns == when for path, when in done.items()), "what was done is not done again"
    assert len(list((tmp_path / "out" / "feedback").iterdir())) == 300


@pytest.mark.peer
def test_a_cluster_gives_the_same_marks(tmp_path) -> None:
    distributed = pytest.importorskip("dask.distributed", reason="needs dask[distributed]: pip install musiclab[bench]")
    key = write(tmp_path / "source.ipynb", handed_in())
    write(tmp_path / "in" / "right.ipynb", handed_in())
    write(tmp_path / "in" / "wrong.ipynb", handed_in(**WRONG))
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        table = grade(tmp_path / "in", key, tmp_path / "out" / "grades.csv", jobs=2, limits=QUICK)
    assert points(table) == {"right": [2, 1], "wrong": [0, 1]}


def test_without_a_sandbox_marking_says_so_and_goes_on(tmp_path, monkeypatch) -> None:
    key = write(tmp_path / "source.ipynb", handed_in())
    write(tmp_path / "in" / "right.ipynb", handed_in())
    write(tmp_path / "in" / "dies.ipynb", handed_in(twice="import os; os._exit(1)"))
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no bwrap
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    sandboxed.cache_clear()
    try:
        with pytest.warns(UserWarning, match="no sandbox here .*bwrap.*can use the network and read your files"):
            table = grade(tmp_path / "in", key, tmp_path / "out" / "grades.csv", jobs=2, limits=QUICK)
    finally:
        sandboxed.cache_clear()
    assert points(table) == {"dies": [0, 1], "right": [2, 1]}
    assert not list(tmp_path.glob("musiclab-*"))
