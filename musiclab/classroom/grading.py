"""Marks for a class: each submission's answers in the teacher's notebook, examined side by side."""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from joblib import Parallel, delayed
from pooch import os_cache
from tqdm.auto import tqdm

from musiclab.classroom.notebooks import Cell, make_plan, read_notebook, remarks, seeded
from musiclab.classroom.pages import write_pages
from musiclab.classroom.sandbox import Limits, sandboxed
from musiclab.errors import require
from musiclab.files import write_whole

QUIET = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "MUSICLAB_QUICK": "1"}
DEFAULT = Limits()
Finding = list[str]  # role, name, and why it is not right; empty where a check is passed


def grade(
    submissions: str | Path, key: str | Path, out: str | Path, jobs: int = 1, limits: Limits = DEFAULT,
    seeds: bool = False,
) -> Path:  # fmt: skip
    """Mark a folder of submissions and return the path of the table of marks.

    Beside the table are ``summary.html``, ``feedback/`` with a page for each student, and ``marks/``: from these an
    interrupted run goes on, and a second one does again only what has changed. Submissions are only read.

    Parameters
    ----------
    submissions : path
        A notebook or a folder for each student.
    key : path
        The teacher's source notebook.
    out : path
        The CSV file; its folder is made.
    jobs : int
        How many at a time, as joblib counts: -1 is one for each core. Under ``joblib.parallel_config(backend="dask")``
        a cluster that sees these folders does the work.
    limits : Limits
    seeds : bool
        Whether each student had a release of their own, by name.

    Raises
    ------
    ValueError
        If the key is not a notebook or has no checks, or the results would lie among the submissions.

    References
    ----------
    nbgrader's ``autograde``, whose marks these are where nothing was tampered with and nothing warns.

    Notes
    -----
    Notebook: assignments.
    """
    submissions, key, out = Path(submissions), Path(key), Path(out).resolve()
    require(submissions.resolve() not in out.parents, "out", "outside the folder of submissions", out)
    _, cells = read_notebook(key)
    require(any(cell.role == "check" for cell in cells), key.name, "a source notebook with checks", "none")
    for folder in ("feedback", "marks"):
        (out.parent / folder).mkdir(parents=True, exist_ok=True)
    sandboxed()  # where there is no sandbox, this says so
    found = find_submissions(submissions, key)
    work = [delayed(_mark)(*entry, cells, limits, out.parent / "marks", seeds) for entry in found.items()]
    done = Parallel(jobs, prefer="threads", return_as="generator")(work)
    results = list(tqdm(done, "marking", len(work), unit="submission"))
    write_pages(results, key.stem, out.parent)
    return write_whole(out, _table(results).encode())


def find_submissions(folder: Path, key: Path) -> dict[str, Path]:
    """Return each student's notebook, or the file that is none, by the name of the file or folder in ``folder``.

    A student's folder may be as deep as nbgrader's; of several notebooks in it, the one named like the key counts.
    """
    found: dict[str, Path] = {}
    for entry in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        inside = [] if entry.is_symlink() else sorted(entry.rglob("[!.]*.ipynb"))
        inside.sort(key=lambda path: (".ipynb_checkpoints" in path.parts, path.name != key.name))
        student = os.fsencode(entry.stem if entry.suffix == ".ipynb" else entry.name).decode("utf-8", "replace")
        while student in found:  # a file and a folder of one name: both count
            student += "'"
        found[student] = (inside or [entry])[0]
    return found


def _mark(student: str, path: Path, key: list[Cell], limits: Limits, marks: Path, seeds: bool) -> dict:
    """Return what a submission comes to, from the folder of marks if it is there already."""
    plan, notes = [], []
    try:
        _, handed_in = read_notebook(path)
        key = [cell._replace(source=seeded(cell.source, student * seeds)) for cell in key]
        plan, notes = make_plan(key, handed_in), remarks(key, handed_in)
    except (ValueError, OSError) as error:
        notes = [str(error)]
    digest = hashlib.sha256(json.dumps([student, plan, limits]).encode()).hexdigest()
    kept = marks / f"{digest[:16]}.json"
    found = json.loads(kept.read_bytes()) if kept.exists() else examine(plan, limits) if plan else []
    broken = any(role == "broken" for role, *_ in found)  # not the student's fault, so it is done again
    if not (broken or kept.exists()):
        write_whole(kept, json.dumps(found).encode())
    return _result(student, plan, notes, key, found)


def examine(plan: list[dict], limits: Limits = DEFAULT) -> list[Finding]:
    """Run a plan in a process of its own and return what was found, as far as it came in time.

    Examples
    --------
    >>> answer = {"role": "answer", "name": "f", "source": "def f(x): ...", "texts": ["def f(x): return 2 * x"]}
    >>> check = {"role": "check", "name": "doubles", "source": "assert f(3) == 6", "texts": []}
    >>> examine([answer, check])
    [['check', 'doubles', '']]
    """
    cache = os.environ.get("MUSICLAB_CACHE") or str(os_cache("musiclab"))  # corpora, read already
    command, given = "-m musiclab.classroom.examination", json.dumps({"plan": plan, "limits": limits}).encode()
    options = {"env": os.environ | QUIET | {"MUSICLAB_CACHE": cache}, "capture_output": True, "start_new_session": True}
    try:
        done = subprocess.run([sys.executable, *command.split()], input=given, timeout=limits.total_s, **options)
        out, trouble = done.stdout, [done.stderr.decode(errors="replace")[-300:]] * bool(done.returncode)
    except subprocess.TimeoutExpired as late:
        out, trouble = late.stdout or b"", []
    found = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
    return found + [["broken", "the marking broke off", text] for text in trouble]


def _result(student: str, plan: list[dict], notes: list[str], key: list[Cell], found: list[Finding]) -> dict:
    """Return what a submission came to, as the pages and the table show it."""
    whys = {name: why for role, name, why in found if role == "check"}
    late = "not reached in time" if plan else "there is nothing to run"
    checks = [(cell, whys.get(cell.name, late)) for cell in key if cell.role == "check"]
    marks = [{"name": c.name, "points": c.points * (not why), "of": c.points, "why": why} for c, why in checks]
    troubles = [f"{name}: {why}" for role, name, why in found if role != "check"]
    return {
        "student": student, "marks": marks, "remarks": [*notes, *dict.fromkeys(troubles)],
        "points": sum(mark["points"] for mark in marks), "of": sum(mark["of"] for mark in marks),
        "to_read": {cell.name: cell.points for cell in key if cell.role == "read"},
        "answers": {step["name"]: "\n".join(step["texts"]) for step in plan if step["role"] in ("answer", "read")},
    }  # fmt: skip


def _table(results: list[dict]) -> str:
    table = csv.writer(out := io.StringIO())
    names = [mark["name"] for mark in results[0]["marks"]] if results else []
    table.writerow(["student", "points", "of", *names, "remarks"])
    for result in results:
        student = "'" * (result["student"][0] in "=+-@") + result["student"]  # a spreadsheet runs no formula
        points = [f"{mark['points']:g}" for mark in [result, *result["marks"]]]
        table.writerow([student, points[0], f"{result['of']:g}", *points[1:], len(result["remarks"])])
    return out.getvalue()
