"""What a cell shows: a score as the player, a widget as itself, or as a picture where no kernel runs."""

import base64

from musiclab.axes import picture
from musiclab.errors import require


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
    """A widget of a score that leaves a line of text and a picture where no kernel runs: what ``_draw`` draws."""

    _ipython_display_ = None  # ipywidgets 7 has one, which would leave out the picture

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.score!r})"

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
        png = base64.b64encode(picture(self._draw, (9, 2.6), dpi=80)).decode()
        return {**data, "text/plain": repr(self), "image/png": png}, metadata


def among(proposal, things):
    """Return what a trait is to be, if it, or all that it lists, is among these things."""
    values = proposal.value if isinstance(proposal.value, list) else [proposal.value]
    require(all(value in things for value in values), proposal.trait.name, f"in {things}", repr(proposal.value))
    return proposal.value


def staff_html(score, marked=()) -> str:
    """Return the score engraved, notes marked in the colour of a second part; or the command that makes it so."""
    from musiclab.notation import MARK, engrave
    from musiclab.plots import part_color

    try:
        svg = engrave(score, width=800, marked=marked).replace(MARK, part_color(1))
        return f'<div style="background:white">{svg}</div>'
    except ImportError as missing:
        return f"<p>{missing}</p>"
