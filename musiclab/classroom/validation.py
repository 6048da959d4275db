"""A student's own look before handing in: nbval runs the notebook, and its report becomes a list in plain words."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from musiclab.classroom.notebooks import read_notebook
from musiclab.errors import require
from musiclab.feedback import Feedback, in_words


def validate(path: str | Path, timeout: int = 60) -> Feedback:
    """Run a notebook with nbval in this environment and return which checks pass and what the others miss.

    Parameters
    ----------
    path : path
        The notebook as it was last saved.
    timeout : int
        Seconds for a cell.

    References
    ----------
    nbval, as ``pytest --nbval-lax --nbval-current-env`` runs it. It believes the notebook; the marking does not.

    Notes
    -----
    Notebook: assignments.
    """
    path = Path(path).resolve()
    cells = [cell for cell in read_notebook(path)[1] if cell.code]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = f"-m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout={timeout} -q -p no:cacheprovider"
        options = [f"--junitxml={report}", f"--rootdir={folder}", "-c", os.devnull, str(path)]
        done = subprocess.run([sys.executable, *command.split(), *options], capture_output=True, text=True)
        require(report.exists(), path.name, "a notebook that nbval can run", done.stderr[-300:] or done.stdout[-300:])
        cases = list(ElementTree.parse(report).iter("testcase"))
    rows = []
    for number, (cell, case) in enumerate(zip(cells, cases, strict=True), 1):
        failed, name = case.find("failure"), cell.name or f"code cell {number}"
        if cell.role == "check" and case.find("skipped") is not None:
            rows.append(("·", name, "it was not run here; the marking runs it"))
        elif cell.role == "check":
            rows.append(("✓", name, "") if failed is None else ("·", name, _reason(failed.text)))
        elif failed is not None:
            rows.append(("!", name, _reason(failed.text)))
    return Feedback(tuple(rows))


def _reason(report: str) -> str:
    """Return in words what a report of nbval ends with."""
    plain = re.sub(r"(\x1b|#x1B)\[[\d;]*m", "", report).strip()
    if "Timeout of" in plain or "KeyboardInterrupt" in plain:
        return "it did not end in time, or it ended the kernel"
    kind, text = (re.findall(r"^(\w+): ?(.*(?:\n(?!\w+:).*)*)", plain, re.MULTILINE) or [("it stops", plain)])[-1]
    return in_words(kind, text.strip())
