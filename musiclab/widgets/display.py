"""What a cell shows: a score as the player, a box of widgets as itself or as a picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable


def register_score_display() -> None:
    """Make the running notebook kernel show a score as a ``Player``; elsewhere nothing changes.

    In a terminal a score stays one line of text. Neither the score nor the widgets are imported until one is shown.
    """
    try:
        shell = get_ipython()
    except NameError:
        return
    if hasattr(shell, "kernel"):
        shell.display_formatter.mimebundle_formatter.for_type_by_name("musiclab.score", "Score", _show)


def _show(score) -> tuple[dict, dict]:
    from musiclab.widgets.player import Player

    data, metadata = Player(score)._repr_mimebundle_()
    return {**data, "text/plain": repr(score)}, metadata


def box_bundle(box, picture: str) -> dict:
    """Return a box of widgets as its live view, a line of text, and a picture (base64 PNG) where no kernel runs."""
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    return {"application/vnd.jupyter.widget-view+json": view, "text/plain": repr(box), "image/png": picture}


def png(draw: Callable, height: float, **options) -> str:
    """Return what ``draw`` puts on a figure, 9 inches wide, as base64 PNG; without pyplot, which would show it too."""
    from matplotlib.figure import Figure

    figure, buffer = Figure(figsize=(9, height), dpi=80, **options), io.BytesIO()
    draw(figure)
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def staff_html(score) -> str:
    """Return the score engraved, as SVG, or the command that would make it so."""
    from musiclab.plots import plot_staff

    try:
        return plot_staff(score).svg
    except ImportError as missing:
        return f"<p>{missing}</p>"
