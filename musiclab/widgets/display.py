"""What a cell shows: a score as the player, a widget as itself, or as a picture where no kernel runs."""

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


class Pictured:
    """A widget that leaves a line of text and a picture where no kernel runs: what ``_draw`` puts on a figure."""

    _ipython_display_ = None  # ipywidgets 7 has one, which would leave out the picture

    def _draw(self, figure) -> None:
        """Put the roll of the score on a figure, 9 by 2.6 inches unless another height is set."""
        from musiclab.plots import plot_roll

        plot_roll(self.score, figure.subplots())

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        """Return the live view, and a picture and a line of text where there is none.

        No text/html: GitHub would choose it before the picture, and show nothing.
        """
        from anywidget import AnyWidget

        data, metadata = AnyWidget._repr_mimebundle_(self)  # it knows what Colab needs, for boxes of widgets as well
        return {**data, "text/plain": repr(self), "image/png": png(self._draw)}, metadata


def png(draw: Callable) -> str:
    """Return what ``draw`` puts on a figure, 9 inches wide, as base64 PNG; without pyplot, which would show it too."""
    from matplotlib.figure import Figure

    figure, buffer = Figure(figsize=(9, 2.6), dpi=80, layout="constrained"), io.BytesIO()
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
