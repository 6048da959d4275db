"""A score as a cell's last line shows the player."""

from __future__ import annotations


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
