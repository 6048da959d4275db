"""One style for all plots, in colours (by Okabe and Ito) that all eyes can tell apart; and what a cell shows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442")
INK, PALE = "#3b4252", "#d8dee9"
SIZE = (9, 3)  # inches: the width of a notebook


def new_axes(ax: Axes | None = None, size: tuple[float, float] = SIZE) -> Axes:
    """Return ``ax``, or the axes of a new figure of ``size`` inches, in the style of all our plots.

    The figure's face is opaque, so that it reads on a dark page too.
    """
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    ax.figure.set_facecolor("white")
    ax.set_facecolor("white")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(PALE)
    ax.tick_params(colors=INK, labelsize=9, length=0)
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    ax.set_axisbelow(True)
    return ax


def picture(draw: Callable[[Figure], object], size: tuple[float, float] = SIZE, dpi: int = 90) -> bytes:
    """Return what ``draw`` puts on a figure as PNG; without pyplot, which would show it too."""
    from matplotlib.figure import Figure

    figure, buffer = Figure(figsize=size, layout="constrained"), io.BytesIO()
    draw(figure)
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


@dataclass(frozen=True, repr=False)
class Shown:
    """What a notebook shows as ``data`` of a MIME type, and everything else as a line of text.

    Examples
    --------
    >>> Shown("Staff(1 note)", "image/svg+xml", "<svg/>")
    Staff(1 note)
    """

    text: str
    mime: str
    data: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_asked) -> dict[str, str]:
        return {"text/plain": self.text, self.mime: self.data}
