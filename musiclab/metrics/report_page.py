"""How a report card looks: a table in a notebook, and one page that needs nothing else."""

import base64
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from musiclab.axes import PALETTE, new_axes
from musiclab.feature_plots import plot_descriptors
from musiclab.metrics.rules import find_broken, read_passage
from musiclab.notation import engrave
from musiclab.plots import plot_roll
from musiclab.score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from musiclab.metrics.report import ReportCard, Row

PAIR, WHOLE = 560, 1150  # pixels
HALF, BAND = 90, 28  # pixels from the middle to the edge of a row's picture, and to that of its band


def card_html(card: "ReportCard") -> str:
    """Return the table of a card, each row with a picture in which all bands stand below each other."""
    blocks = dict.fromkeys(row.block for row in card.rows)
    shown = [(block, [_shown(row) for row in card.rows if row.block == block]) for block in blocks]
    return _template("card.html", card=card, fakes=list(card.rows[0].fakes), blocks=shown)


def _shown(row: "Row") -> dict:
    """Return what the template shows of a row."""
    measured = row.verdict in ("inside", "outside")
    fakes = {name: _place(row, value) for name, value in row.fakes.items() if np.isfinite(_place(row, value))}
    cells = [(_number(value), abs(_place(row, value)) > BAND) for value in row.fakes.values()]
    return {
        "name": re.sub("^n_", "number of ", row.name).replace("_", " "),
        "at": round(_place(row, row.value), 1) if measured else None,
        "outside": row.verdict == "outside",
        "verdict": row.verdict,
        "value": _number(row.value),
        "reference": _number(row.reference),
        "band": f"{_number(row.low)} to {_number(row.high)}" if measured else "",
        "fakes": [(name, round(x, 1)) for name, x in fakes.items()],
        "cells": cells,
    }


def _place(row: "Row", value: float) -> float:
    """Return where a value is drawn: to scale inside the band, ever closer to the edge outside."""
    middle, half = (row.low + row.high) / 2, (row.high - row.low) / 2 or 1e-9
    away = (value - middle) / half
    return float(BAND * away if abs(away) <= 1 else np.sign(away) * (HALF - (HALF - BAND) / abs(away)))


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) and abs(value) < 1000 else f"{value:.0f}" if np.isfinite(value) else "–"


def page_html(card: "ReportCard") -> str:
    """Return a whole page: the table, plots, what is copied beside its source, and the worst sample, marked in red."""
    pairs = [
        q._asdict()
        | {"excerpt": _picture(q.excerpt, PAIR, _between(q.excerpt, q.run.start, q.run.stop))}
        | {"original": _picture(q.original, PAIR, _between(q.original, q.run.source_start, q.run.source_stop))}
        | {"title": q.original.title or q.original.source, "unit": "quarters" if len(q.excerpt.parts) > 1 else "notes"}
        for q in card.quotations
    ]
    worst = _picture(card.worst, WHOLE, _parallel_notes(card.worst)) if card.worst else None
    title, plots = card.about["samples"].split(":")[0], _embedded(plot_card(card))
    return _template(
        "report.html", card=card, title=title, table=card_html(card), plots=plots, pairs=pairs, worst=worst
    )


def plot_card(card: "ReportCard") -> "Figure":
    """Return a figure: descriptors of the samples and of held-out scores as violins, and how long the longest runs
    out of the training set are, as the share of scores that have none longer."""
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 5.5), width_ratios=(3, 2), layout="constrained")
    names = {"reference": "held out", "samples": "samples", "markov2": "markov2"}
    columns = {shown: card.columns[which] for which, shown in names.items()}
    tables = {
        shown: {name: column for (block, name), column in columns[shown].items() if block == "statistics"}
        for shown in ("held out", "samples")
    }
    plot_descriptors(tables, list(tables["samples"]), ax=left)
    right = new_axes(right)
    for color, (shown, measured) in zip(PALETTE, columns.items(), strict=False):
        name, runs = next((name, column) for (_, name), column in measured.items() if name.startswith("longest run"))
        right.ecdf(runs, color=color, label=shown)
        right.set(xlabel=name, ylabel="share of scores")
    right.legend(frameon=False, loc="lower right")
    pyplot.close(figure)
    return figure


def _between(score: Score, start: int, stop: int) -> np.ndarray:
    """Return the notes that begin between two ticks, as indices."""
    return np.flatnonzero((score.notes["onset"] >= start) & (score.notes["onset"] < stop))


def _parallel_notes(score: Score) -> np.ndarray:
    """Return the notes that arrive in parallel fifths or octaves, as indices."""
    broken = np.concatenate([find_broken(score, rule) for rule in ("parallel_fifths", "parallel_octaves")])
    began, step = read_passage(score).began, score.resolution // 4
    places = {(int(began[at, part]) * step, part) for at, *parts in broken.tolist() for part in parts}
    notes = zip(score.notes["onset"].tolist(), score.notes["part"].tolist(), strict=True)
    return np.flatnonzero([place in places for place in notes])


def _picture(score: Score, width: int, marked: Sequence[int] = ()) -> str:
    """Return engraved staves, or a piano roll where they cannot be engraved, as the address of an image."""
    try:
        svg = engrave(score, width, marked)
    except ImportError:
        return _embedded(plot_roll(score).figure)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _embedded(figure: "Figure") -> str:
    out = io.BytesIO()
    figure.savefig(out, format="svg")
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode()


def _template(name: str, **shown: object) -> str:
    from jinja2 import ChoiceLoader, Environment, PackageLoader
    from markupsafe import Markup

    loader = ChoiceLoader([PackageLoader("musiclab.metrics"), PackageLoader("musiclab.classroom")])
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return Markup(pages.get_template(name).render(**shown))
