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
        a cluster does the work.
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
    entries = [_read(*entry, cells, seeds) for entry in find_submissions(submissions, key).items()]
    found = _examine_all([plan for _, plan, _ in entries], out.parent / "marks", jobs, limits)
    results = [_result(*entry, cells, found[_digest(entry[1], limits)]) for entry in entries]
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


def _read(student: str, path: Path, key: list[Cell], seeds: bool) -> tuple[str, list[dict], list[str]]:
    """Return the student's name, plan, and remarks; an empty plan where there is no notebook."""
    try:
        _, handed_in = read_notebook(path)
    except (ValueError, OSError) as error:
        return student, [], [str(error)]
    key = [cell._replace(source=seeded(cell.source, student * seeds)) for cell in key]
    return student, make_plan(key, handed_in), remarks(key, handed_in)


def _examine_all(plans: list[list], folder: Path, jobs: int, limits: Limits) -> dict[str, list[Finding]]:
    """Return by its digest what each plan came to: from the folder where it is there, else by examining it."""
    todo = {_digest(plan, limits): plan for plan in plans}
    found = {digest: json.loads(path.read_bytes()) for digest in todo if (path := folder / f"{digest}.json").exists()}
    work = [delayed(_examine)(digest, plan, limits) for digest, plan in todo.items() if digest not in found]
    done = Parallel(jobs, prefer="threads", return_as="generator_unordered")(work)
    for digest, findings in tqdm(done, "marking", len(work), unit="submission"):
        found[digest] = findings
        if not any(role == "broken" for role, *_ in findings):  # then it was not the student's fault, and is done again
            write_whole(folder / f"{digest}.json", json.dumps(findings).encode())
    return found


def _digest(plan: list[dict], limits: Limits) -> str:
    return hashlib.sha256(json.dumps([plan, limits]).encode()).hexdigest()[:16]


def _examine(digest: str, plan: list[dict], limits: Limits) -> tuple[str, list[Finding]]:
    return digest, examine(plan, limits) if plan else []


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
    environment = os.environ | QUIET | {"MUSICLAB_CACHE": cache}
    try:
        done = subprocess.run(
            [sys.executable, *command.split()], input=given, env=environment, capture_output=True,
            timeout=limits.total_s, start_new_session=True,
        )  # fmt: skip
        out, trouble = done.stdout, done.stderr.decode(errors="replace")[-300:] if done.returncode else ""
    except subprocess.TimeoutExpired as late:
        out, trouble = late.stdout or b"", ""
    found = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
    return found + [["broken", "the marking broke off", trouble]] * bool(trouble)


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
