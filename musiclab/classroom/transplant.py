"""The student's answers in the teacher's notebook: what to run, where, and in which order."""

import os
from collections import defaultdict
from pathlib import Path

from musiclab.classroom.notebooks import Cell, released_text

OWN = Cell("additional", "", 0.0, "")


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
    place, texts = "", defaultdict(list)
    for cell in handed_in:
        if cell.name in names:
            place = cell.name
            texts["in", place] += [cell.source] * cell.code
        elif cell.code and cell.id not in ids and cell.source not in sources:
            texts["after", place].append(cell.source)
    plan = [(OWN, texts["after", ""])]
    for cell in key:
        plan.append((cell, {"given": [cell.source], "check": []}.get(cell.role, texts["in", cell.name])))
        plan.append((OWN, texts["after", cell.name] if cell.name else []))
    kept = [(cell, run) for cell, run in plan if cell.code and (run or cell.role == "check")]
    return [{"role": c.role, "name": c.name, "source": c.source, "texts": run} for c, run in kept]


def remarks(key: list[Cell], handed_in: list[Cell]) -> list[str]:
    """Return what was done to named cells that ought not to be; it changes nothing in the marks.

    Examples
    --------
    >>> remarks([Cell("check", "sums", 1, "assert f == 1")], [])
    ['sums: the check is missing']
    """
    texts, found = defaultdict(list), []
    for cell in handed_in:
        texts[cell.name].append(cell.source.split())
    for cell in key:
        here = texts[cell.name]
        edited = cell.role == "check" and not any(text.split() in here for text in (released_text(cell), cell.source))
        wrong = "missing" if not here else f"there {len(here)} times" if len(here) > 1 else "edited" if edited else ""
        found += [f"{cell.name}: the {cell.role} is {wrong}"] if wrong and cell.name and cell.role != "given" else []
    return found


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
