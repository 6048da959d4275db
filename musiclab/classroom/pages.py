"""What teacher and students read: a page for each student, and one for the class."""

import hashlib
import keyword
import re
from collections import Counter
from itertools import combinations
from math import nan
from pathlib import Path

import numpy as np

from musiclab.files import write_whole

RUN, LEAST_RUNS, ALIKE = 5, 20, 0.8


def write_pages(results: list[dict], title: str, folder: Path) -> None:
    """Write ``summary.html``, and ``feedback/`` with a page for each student."""
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("musiclab.classroom")
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)

    def write(path: str, template: str, **shown: object) -> None:
        text = pages.get_template(template).render(title=title, **shown)
        write_whole(folder / path, text.encode("utf-8", "replace"))

    for result in results:
        digest = hashlib.sha256(result["student"].encode()).hexdigest()[:8]
        result["page"] = f"feedback/{re.sub(r'[^0-9A-Za-z.-]+', '_', result['student'])[:40]}-{digest}.html"
        write(result["page"], "feedback.html", result=result)
    write("summary.html", "summary.html", results=results, items=items(results), alike=similar_answers(results))


def items(results: list[dict]) -> list[dict]:
    """Return for each check how many passed, what is most often missing, and how it goes with the other marks.

    ``fit`` is the correlation between passing the check and all other points, nan where either is the same for
    everyone: a check that the best fail as often as the rest asks for something else, or is wrong.

    References
    ----------
    The corrected item-total correlation of classical test theory.
    """
    rows = []
    for marks in zip(*(result["marks"] for result in results), strict=True):
        points = np.array([mark["points"] for mark in marks])
        rest = np.array([result["points"] for result in results]) - points
        fit = float(np.corrcoef(points, rest)[0, 1]) if points.std() and rest.std() else nan
        why, times = (Counter(mark["why"] for mark in marks if mark["why"]).most_common(1) or [("", 0)])[0]
        passed = sum(mark["points"] == mark["of"] for mark in marks)
        rows.append({"name": marks[0]["name"], "passed": passed, "fit": fit, "why": why, "times": times})
    return rows


def similar_answers(results: list[dict]) -> list[tuple[float, str, str, str]]:
    """Return pairs of students whose answers share much: share, answer, and both. A place to look, never proof.

    Names, comments and layout count for nothing: compared are runs of ``RUN`` words of Python, without those that more
    than a fifth of the class has. What is shared is given as a share of the shorter answer's runs.
    """
    found = []
    for name in {name for result in results for name in result["answers"]}:
        runs = {result["student"]: answer_runs(result["answers"].get(name, "")) for result in results}
        count = Counter(run for own in runs.values() for run in own)
        common = {run for run, n in count.items() if n > max(2, len(results) / 5)}
        own = {student: mine - common for student, mine in runs.items() if len(mine - common) >= LEAST_RUNS}
        for a, b in combinations(own, 2):
            share = len(own[a] & own[b]) / min(len(own[a]), len(own[b]))
            found += [(share, name, a, b)] * (share >= ALIKE)
    return sorted(found, reverse=True)


def answer_runs(source: str) -> set[tuple[str, ...]]:
    """Return the runs of ``RUN`` words in a piece of Python, each name written as ``x``.

    Examples
    --------
    >>> answer_runs("total = left + right  # a sum") == answer_runs("s=a+b")
    True
    """
    words = re.findall(r"\w+|[^\w\s]", re.sub("#.*", "", source))
    words = ["x" if word.isidentifier() and not keyword.iskeyword(word) else word for word in words]
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}
