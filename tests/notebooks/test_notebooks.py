"""What every notebook keeps to, so that it opens anywhere, diffs well and runs on Colab. nbval runs the cells."""

import json
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_LINES = 25
MOST_BYTES, MOST_OUTPUT_BYTES = 300_000, 200_000
BADGE = re.compile(
    r"\[!\[Open in Colab\]\(https://colab\.research\.google\.com/assets/colab-badge\.svg\)\]"
    r"\(https://colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/blob/main/notebooks/(\w+)\.ipynb\)"
)
SETUP = """\
import sys

if "google.colab" in sys.modules:
    %pip install -q "musiclab @ git+https://github.com/{repo}"
    %pip install -q --no-deps tinysoundfont verovio"""
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)")  # to a file beside the notebook
LOCAL_PATH = re.compile(r"(?<![\w./])/(?:home|Users|root|tmp|work|mnt|private|var)/\w|\b[A-Z]:\\\\+\w")


def faults(text: str, name: str) -> list[str]:
    """Return what is wrong with a notebook, given as the text of its file, in words."""
    notebook = json.loads(text)
    cells = notebook["cells"]
    found = [f"{len(text.encode())} bytes"] if len(text.encode()) > MOST_BYTES else []
    repeated = [i for i, count in Counter(cell.get("id") for cell in cells).items() if count > 1]
    if repeated:
        return [*found, f"cell ids missing or repeated: {repeated}"]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        found.append(f"not valid: {error.message}")
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        found.append("kernelspec is not python3")
    if "widgets" in notebook["metadata"]:
        found.append("widget state is saved")
    if LOCAL_PATH.search(text):
        found.append(f"names a folder of this machine: {LOCAL_PATH.search(text)[0]}")
    found += first_cells(cells, name)
    for number, cell in enumerate(cells):
        found += [f"cell {number}: {fault}" for fault in cell_faults(cell)]
    return found


def first_cells(cells: list[dict], name: str) -> list[str]:
    """Return what is wrong with the title, the badge and the set-up cell."""
    first = source(cells[0]) if cells else ""
    badge = BADGE.search(first)
    found = [] if first.startswith("# ") else ["the first cell does not begin with a title"]
    if not badge or badge[2] != name:
        return [*found, "the first cell has no Colab badge for this notebook"]
    code = [source(cell) for cell in cells if cell["cell_type"] == "code"]
    if not code or without_blanks(code[0]) != without_blanks(SETUP.format(repo=badge[1])):
        found.append("the first code cell is not the set-up cell for the badge's repository")
    return found


def cell_faults(cell: dict) -> list[str]:
    """Return what is wrong with one cell."""
    if cell["cell_type"] != "code":
        return [f"a link leads nowhere: {link}" for link in LINK.findall(source(cell)) if not (FOLDER / link).exists()]
    found = ["execution times are saved"] if "execution" in cell["metadata"] else []
    if len(source(cell).splitlines()) > MOST_LINES:
        found.append(f"more than {MOST_LINES} lines")
    if len(json.dumps(cell["outputs"])) > MOST_OUTPUT_BYTES:
        found.append(f"outputs of more than {MOST_OUTPUT_BYTES} bytes")
    expected = "raises-exception" in cell["metadata"].get("tags", [])
    if not expected and any(output["output_type"] == "error" for output in cell["outputs"]):
        found.append("an error is saved")
    return found


def source(cell: dict) -> str:
    return "".join(cell["source"])


def without_blanks(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_clean(path: Path) -> None:
    assert not faults(path.read_text(encoding="utf-8"), path.stem)


# --- the checks themselves -------------------------------------------------------------------------------------------


def clean() -> dict:
    """Return a notebook with nothing wrong."""
    badge = (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        "(https://colab.research.google.com/github/OWNER/musiclab/blob/main/notebooks/00_x.ipynb)"
    )
    cells = [
        nbformat.v4.new_markdown_cell(f"# Title\n\n{badge}"),
        nbformat.v4.new_code_cell(SETUP.format(repo="OWNER/musiclab")),
        nbformat.v4.new_code_cell("1 + 1"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def test_a_clean_notebook_has_no_faults() -> None:
    assert faults(json.dumps(clean()), "00_x") == []


BROKEN = {
    "not valid": lambda nb: nb["cells"][2].update(outputs=[{"output_type": "nonsense"}]),
    "kernelspec": lambda nb: nb["metadata"].pop("kernelspec"),
    "widget state": lambda nb: nb["metadata"].update(widgets={}),
    "ids missing or repeated": lambda nb: nb["cells"][2].update(id=nb["cells"][1]["id"]),
    "folder of this machine": lambda nb: nb["cells"][2].update(source="open('/home/jane/x.mid')"),
    "begin with a title": lambda nb: nb["cells"][0].update(source=nb["cells"][0]["source"][2:]),
    "no Colab badge": lambda nb: nb["cells"][0].update(source="# Title"),
    "not the set-up cell": lambda nb: nb["cells"].pop(1),
    "execution times": lambda nb: nb["cells"][2]["metadata"].update(execution={"iopub.execute_input": "now"}),
    "more than 25 lines": lambda nb: nb["cells"][2].update(source="x = 1\n" * 26),
    r"^\d+ bytes": lambda nb: nb["cells"][2].update(source="x" * MOST_BYTES),
    "outputs of more": lambda nb: nb["cells"][2].update(
        outputs=[nbformat.v4.new_output("stream", name="stdout", text="x" * (MOST_OUTPUT_BYTES + 1))]
    ),
    "link leads nowhere": lambda nb: nb["cells"][0].update(source=nb["cells"][0]["source"] + "\n[next](01_y.ipynb)"),
    "an error is saved": lambda nb: nb["cells"][2].update(
        outputs=[nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])]
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_is_found(fault: str) -> None:
    notebook = clean()
    BROKEN[fault](notebook)
    assert any(re.search(fault, found) for found in faults(json.dumps(notebook), "00_x"))


def test_a_badge_of_another_notebook_is_found() -> None:
    assert faults(json.dumps(clean()), "01_y") == ["the first cell has no Colab badge for this notebook"]
