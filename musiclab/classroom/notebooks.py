"""An assignment's notebook: what each cell is for, the students' copy of it, and their answers in the teacher's.

The metadata are nbgrader's (schema 3), so that a source notebook serves both.
"""

import hashlib
import json
import re
import stat
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from musiclab.errors import require
from musiclab.files import write_whole

MOST_BYTES = 20_000_000
STUB = {True: "# YOUR CODE HERE\nraise NotImplementedError()", False: "*Your answer here.*"}
ROLES = {(True, False): "check", (False, True): "answer", (True, True): "read"}  # by nbgrader's `grade`, `solution`
REGIONS = {"answer": "SOLUTION", "read": "SOLUTION", "check": "HIDDEN TESTS"}
MARK = re.compile(r"### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)")
SEED = re.compile(r"\d+(?=\s*### STUDENT SEED)")


class Cell(NamedTuple):
    """A cell of an assignment.

    Attributes
    ----------
    role : str
        ``"given"``, ``"answer"``, ``"check"``, or ``"read"`` for an answer that a person reads and marks.
    name : str
        nbgrader's ``grade_id``; empty where there is none.
    points : float
    source : str
    code : bool
        Whether it runs; otherwise it is text.
    id : str
        The notebook's own id of the cell.
    """

    role: str
    name: str
    points: float
    source: str
    code: bool = True
    id: str = ""


def read_notebook(path: str | Path) -> tuple[dict, list[Cell]]:
    """Return a notebook as its JSON says it, each source as one text, and its cells.

    Raises
    ------
    ValueError
        If it is a link, no plain file, larger than ``MOST_BYTES`` or not a notebook.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.ipynb")
    ...     _ = path.write_text('{"cells": [{"cell_type": "code", "source": ["1 +", " 1"]}]}')
    ...     read_notebook(path)[1]
    [Cell(role='given', name='', points=0.0, source='1 + 1', code=True, id='')]
    """
    name, seen = Path(path).name, Path(path).lstat()
    require(stat.S_ISREG(seen.st_mode), name, "a plain file", "a link, a folder or a device")
    require(seen.st_size <= MOST_BYTES, name, f"at most {MOST_BYTES:,} bytes", f"{seen.st_size:,}")
    try:
        notebook = json.loads(Path(path).read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        return notebook, [_cell(cell) for cell in notebook["cells"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name} is not a notebook: {type(error).__name__}: {error}"[:300]) from None


def _cell(cell: dict) -> Cell:
    marked = cell.get("metadata", {}).get("nbgrader", {})
    role = ROLES.get((bool(marked.get("grade")), bool(marked.get("solution"))), "given")
    name, points = str(marked.get("grade_id", "")), float(marked.get("points") or 0)
    return Cell(role, name, points, cell["source"], cell["cell_type"] == "code", str(cell.get("id", "")))


def release(source: str | Path, target: str | Path, student: str = "") -> Path:
    """Write the students' copy of an assignment's source notebook and return its path.

    Solution regions become stubs, hidden tests and outputs go, checks and what is given are locked.

    Parameters
    ----------
    source, target : path
    student : str
        If named, the number before ``### STUDENT SEED`` becomes this student's own, the same as in marking.

    Raises
    ------
    ValueError
        If a region is nested, not closed or stands where it may not, or two cells have one ``grade_id``; the text
        names cell and line.

    References
    ----------
    nbgrader's ``generate_assignment``, whose metadata and regions these are.

    Notes
    -----
    Notebook: assignments.
    """
    notebook, cells = read_notebook(source)
    names = Counter(cell.name for cell in cells if cell.name)
    require(not names or max(names.values()) == 1, "grade_id", "of one cell only", f"{names.most_common(1)} times")
    for number, (raw, cell) in enumerate(zip(notebook["cells"], cells, strict=True)):
        text = released_text(cell, f"cell {number} ({cell.name or cell.role})")
        raw["source"] = seeded(text, student).splitlines(keepends=True)
        raw["metadata"] |= {"deletable": False} if cell.name else {}
        raw["metadata"] |= {"editable": False} if cell.name and cell.role in ("check", "given") else {}
        raw |= {"outputs": [], "execution_count": None} if cell.code else {}
    return write_whole(target, (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode())


def released_text(cell: Cell, where: str = "the cell") -> str:
    """Return what students see of a cell: each region of a solution as a stub, no hidden tests.

    Examples
    --------
    >>> source = "def f(x):\\n    ### BEGIN SOLUTION\\n    return x\\n    ### END SOLUTION"
    >>> print(released_text(Cell("answer", "f", 0, source)))
    def f(x):
        # YOUR CODE HERE
        raise NotImplementedError()
    """
    own, stub, kept, opened = REGIONS.get(cell.role), STUB[cell.code].splitlines(), [], False
    lines = cell.source.splitlines()
    for number, line in enumerate(lines, 1):
        if mark := MARK.search(line):
            due = f"### {'END' if opened else 'BEGIN'} {own}"
            require(mark[0] == due, f"{where}, line {number}", due if own else "without a region", line.strip())
            opened = not opened
            if opened and own == "SOLUTION":
                kept += [line[: mark.start()] + text for text in stub]
        elif not opened:
            kept.append(line)
    require(not opened, f"{where}, line {len(lines)}", f"followed by ### END {own}", "the end of the cell")
    return "\n".join(stub if own == "SOLUTION" and kept == lines else kept).rstrip()  # no region: all is the solution


def seeded(source: str, student: str) -> str:
    """Return a source with the number before ``### STUDENT SEED`` made of the student's name, if there is one.

    Examples
    --------
    >>> seeded("SEED = 0  ### STUDENT SEED", "Jane")
    'SEED = 24018  ### STUDENT SEED'
    """
    number = int(hashlib.sha256(student.encode("utf-8", "replace")).hexdigest(), 16) % 100_000
    return SEED.sub(str(number), source) if student else source


def make_plan(key: list[Cell], handed_in: list[Cell]) -> list[dict]:
    """Return the teacher's code cells in order, each with the texts that the student's process is to run for it.

    An answer is found by its ``grade_id``, wherever it stands. Cells that the student added run too, after the named
    cell that they followed, in the student's process only. Checks, and whatever else was given, are the teacher's.

    Examples
    --------
    >>> key = [Cell("answer", "f", 0, "f = 1"), Cell("check", "c", 1, "assert f == 1")]
    >>> [(step["role"], step["texts"]) for step in make_plan(key, [Cell("answer", "f", 0, "f = 2")])]
    [('answer', ['f = 2']), ('check', [])]
    """
    names, ids, sources = ({getattr(cell, field) for cell in key} - {""} for field in ("name", "id", "source"))
    place, answers, added = "", defaultdict(list), defaultdict(list)
    for cell in handed_in:
        if cell.name in names:
            place = cell.name
            answers[place] += [cell.source] * cell.code
        elif cell.code and cell.id not in ids and cell.source not in sources:
            added[place].append(cell.source)
    plan = [{"role": "additional", "name": "", "source": "", "texts": added[""]}]
    for cell in key:
        texts = {"given": [cell.source], "check": []}.get(cell.role, answers[cell.name])
        plan += [{"role": cell.role, "name": cell.name, "source": cell.source, "texts": texts}] * cell.code
        plan += [plan[0] | {"texts": added[cell.name]}] * bool(cell.name)
    return [step for step in plan if step["texts"] or step["role"] == "check"]


def remarks(key: list[Cell], handed_in: list[Cell]) -> list[str]:
    """Return what was done to named cells that ought not to be; it changes nothing in the marks.

    Examples
    --------
    >>> remarks([Cell("check", "sums", 1, "assert f == 1")], [])
    ['sums: the check is missing']
    """
    here, found = defaultdict(list), []
    for cell in handed_in:
        here[cell.name].append(cell.source.split())
    for cell in (cell for cell in key if cell.name and cell.role != "given"):
        texts, allowed = here[cell.name], (released_text(cell).split(), cell.source.split())
        edited = cell.role == "check" and not any(text in texts for text in allowed)
        wrong = "missing" if not texts else f"there {len(texts)} times" if len(texts) > 1 else "edited" * edited
        found += [f"{cell.name}: the {cell.role} is {wrong}"] * bool(wrong)
    return found
