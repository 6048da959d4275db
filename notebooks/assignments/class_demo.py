"""A class of thirty in a few minutes: release assignment A2, hand in invented answers, mark them, open the summary.

Some answers are right, some partly, some not written, and some try to get their marks in other ways.
"""

import argparse
import json
import os
import re
import shutil
import webbrowser
from pathlib import Path

from musiclab.classroom.grading import grade
from musiclab.classroom.notebooks import release
from musiclab.classroom.sandbox import Limits

SOURCE = Path(__file__).parent / "source" / "a2-metric-duel" / "a2-metric-duel.ipynb"

SHUFFLE = """\
def forge(score, seed):
    rng = np.random.default_rng(seed)
    notes = score.notes.copy()
    for part in range({parts}):
        mine = notes["part"] == part
        notes["pitch"][mine] = rng.permutation(notes["pitch"][mine])
    return replace(score, notes=notes)
"""
FORGERS = {
    "each part": SHUFFLE.format(parts=4),
    "soprano only": SHUFFLE.format(parts=1),
    "the copy": "def forge(score, seed):\n    return score\n",
    "by chance": (
        "def forge(score, seed):\n    notes = score.notes.copy()\n"
        "    notes['pitch'] = np.random.default_rng(seed).integers(48, 80, len(notes))\n"
        "    return replace(score, notes=notes)\n"
    ),
    "turned round": (
        "def forge(score, seed):\n    notes = score.notes.copy()\n    for part in range(4):\n"
        "        mine = np.flatnonzero(notes['part'] == part)\n"
        "        notes['pitch'][mine] = np.roll(notes['pitch'][mine[::-1]], seed)\n"
        "    return replace(score, notes=notes)\n"
    ),
    "unwritten": "def forge(score, seed):\n    raise NotImplementedError()\n",
    "a loop": "def forge(score, seed):\n    while True:\n        pass\n",
    "an exit": "import os\n\n\ndef forge(score, seed):\n    os._exit(0)\n",
}
SMOOTH = """\
def judge(score):
    leaps = []
    for part in range(4):
        line = score.notes["pitch"][score.notes["part"] == part].astype(int)
        leaps.extend(abs(b - a) for a, b in zip(line, line[1:]))
    steps = sum(leap <= 2 for leap in leaps) / max(1, len(leaps))
    {more}
"""
CONSONANT = """\
    grid = grid_of(score)
    good = total = 0
    for row in grid:
        for pitch in row[:3]:
            if pitch >= 0 and row[3] >= 0:
                total += 1
                good += (pitch - row[3]) % 12 in (0, 3, 4, 7, 8, 9)
    return float(steps + good / max(1, total))"""
JUDGES = {
    "two ears": SMOOTH.format(more=CONSONANT.strip()),
    "one ear": SMOOTH.format(more="return float(steps)"),
    "by height": "def judge(score):\n    return -float(abs(score.notes['pitch'].mean() - 62))\n",
    "always the same": "def judge(score):\n    return 1.0\n",
    "whole numbers": SMOOTH.format(more="return round(100 * steps)"),
    "by memory": (
        "KNOWN = {score.notes.tobytes() for score in chorales.valid}\n\n\n"
        "def judge(score):\n    return float(score.notes.tobytes() in KNOWN) + len(score) * 1e-6\n"
    ),
    "unwritten": "def judge(score):\n    raise NotImplementedError()\n",
    "equal to everything": (
        "class Equal(float):\n    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = lambda *_: True\n"
        "    __hash__ = float.__hash__\n\n\ndef judge(score):\n    return Equal()\n"
    ),
    "memory": "def judge(score):\n    return float(len(bytearray(10**11)))\n",
    "patched": (
        "import builtins\n\nnp.mean = lambda *_, **__: 1.0\nnp.isfinite = builtins.all = lambda *_: True\n\n\n"
        "def judge(score):\n    return float(score.length)\n"
    ),
}
CLASS = {
    "Ada": ("each part", "two ears"),
    "Béla": ("each part", "two ears"),
    "Clara": ("turned round", "two ears"),
    "Dmitri": ("each part", "one ear"),
    "Ella": ("turned round", "one ear"),
    "Fanny": ("soprano only", "two ears"),
    "Georg": ("the copy", "one ear"),
    "Hildegard": ("by chance", "two ears"),
    "Igor": ("by chance", "one ear"),
    "Johanna": ("each part", "by height"),
    "Kaija": ("each part", "always the same"),
    "Lili": ("unwritten", "two ears"),
    "Miles": ("each part", "unwritten"),
    "Nadia": ("soprano only", "by height"),
    "Olivier": ("each part", "whole numbers"),
    "Pauline": ("the copy", "whole numbers"),
    "Quincy": ("unwritten", "unwritten"),
    "Ravi": ("turned round", "by memory"),
    "Sofia": ("by chance", "by memory"),
    "Unsuk": ("soprano only", "one ear"),
    "Vicente": ("a loop", "two ears"),
    "Wolfgang": ("an exit", "two ears"),
    "Xenia": ("the copy", "equal to everything"),
    "Yoko": ("a loop", "memory"),
    "Zoltán": ("an exit", "patched"),
}
OWN_WAY = """\
def judge(score):
    grid = grid_of(score)
    known = grid >= 0
    jump = np.abs(np.diff(grid, axis=0))[known[1:] & known[:-1]]
    moved = jump[jump > 0]
    near = np.count_nonzero(moved < 3) / max(1, len(moved))
    apart = (grid[:, 0] - grid[:, 3])[known[:, 0] & known[:, 3]]
    sweet = np.isin(apart % 12, [0, 3, 4, 7, 8, 9]).mean()
    inner = (grid[:, 1] - grid[:, 3])[known[:, 1] & known[:, 3]]
    return float(near + sweet + np.isin(inner % 12, [0, 3, 4, 7, 8, 9]).mean())
"""
RENAMED = {"grid": "table", "known": "sung", "jump": "leap", "near": "close", "apart": "gap", "sweet": "good"}


def hand_in(folder: Path, released: dict, student: str, forge: str, judge: str) -> dict:
    """Write a submission and return it."""
    notebook = json.loads(json.dumps(released))
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = {"forge": forge, "judge": judge}.get(name, cell["source"])
    (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return notebook


def hand_in_all(folder: Path, released: dict) -> None:
    """Write thirty submissions: a class, one who copies and renames, and three who tamper with more than answers."""
    for student, (forger, judge) in CLASS.items():
        notebook = hand_in(folder, released, student, FORGERS[forger], f"# {student}\n{JUDGES[judge]}")
    copied = OWN_WAY
    for old, new in RENAMED.items():
        copied = re.sub(rf"\b{old}\b", new, copied)
    hand_in(folder, released, "Toru", FORGERS["each part"], OWN_WAY)
    hand_in(folder, released, "Toru's neighbour", FORGERS["each part"], copied)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "assert True"
    (folder / "the one who edits checks.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (folder / "the one whose file broke.ipynb").write_text(json.dumps(notebook)[:5000], encoding="utf-8")
    (folder / "the one who links.ipynb").symlink_to(SOURCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/class"))
    parser.add_argument("-j", "--jobs", type=int, default=-1)
    parser.add_argument("--no-browser", action="store_true")
    args = parser.parse_args()
    for made_before in ("handed_in", "marks"):
        shutil.rmtree(args.out / made_before, ignore_errors=True)
    (args.out / "handed_in").mkdir(parents=True)
    released = json.loads(release(SOURCE, args.out / "a2-metric-duel.ipynb").read_text(encoding="utf-8"))
    hand_in_all(args.out / "handed_in", released)
    print(len(os.listdir(args.out / "handed_in")), "submissions in", args.out / "handed_in")
    table = grade(args.out / "handed_in", SOURCE, args.out / "marks" / "grades.csv", args.jobs, Limits(cell_s=15))
    summary = table.with_name("summary.html")
    print(table, summary, sep="\n")
    if not args.no_browser:
        webbrowser.open(summary.resolve().as_uri())


if __name__ == "__main__":
    main()
