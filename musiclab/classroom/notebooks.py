"""An assignment's notebook: what each cell is for, and the students' copy of it.

The metadata are nbgrader's (schema 3), so that a source notebook serves both.
"""

import hashlib
import json
import re
import stat
from collections import Counter
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from musiclab.errors import require
from musiclab.files import write_whole

MOST_BYTES = 20_000_000
STUB = {True: "# YOUR CODE HERE\nraise NotImplementedError()", False: "*Your answer here.*"}
ROLES = {(True, False): "check", (False, True): "answer", (True, True): "read"}  # by nbgrader's `grade`, `solution`
REGIONS = {"answer": "SOLUTION", "read": "SOLUTION", "check": "HIDDEN TESTS"}
MARK = re.compile(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")
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


def read_notebook(path: str | PathLike) -> tuple[dict, list[Cell]]:
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
    points = float(marked.get("points") or 0) if role in ("check", "read") else 0.0
    code = cell["cell_type"] == "code"
    return Cell(role, str(marked.get("grade_id", "")), points, cell["source"], code, str(cell.get("id", "")))


def release(source: str | PathLike, target: str | PathLike, student: str = "") -> Path:
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
    own, stub, kept, opened = REGIONS.get(cell.role), STUB[cell.code].splitlines(), [], 0
    lines = cell.source.splitlines()
    for number, line in enumerate(lines, 1):
        if mark := MARK.search(line):
            require(
                mark[2] == own, f"{where}, line {number}", f"without {mark[2]} in a cell of this kind", line.strip()
            )
            due = f"### END {own} for line {opened}" if opened else f"### BEGIN {own} before its end"
            require((mark[1] == "END") == bool(opened), f"{where}, line {number}", due, line.strip())
            opened = 0 if opened else number
            if opened and own == "SOLUTION":
                kept += [line[: len(line) - len(line.lstrip())] + text for text in stub]
        elif not opened:
            kept.append(line)
    require(not opened, f"{where}, line {opened}", f"closed by ### END {own}", "a region without an end")
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
