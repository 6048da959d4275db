"""Two chorales that come with the project, so that there is music before any corpus is read."""

import json

from musiclab.datasets.cache import data_path
from musiclab.errors import require
from musiclab.score import Score

EXAMPLES = ("bwv270", "bwv248.17")


def load_example(name: str = "bwv270") -> Score:
    """Return one of the chorales that come with the project, both from the canonical test split.

    Parameters
    ----------
    name : "bwv270" or "bwv248.17"
        Befiehl du deine Wege, on the tune of the Passion chorale (B minor), or Schaut hin, dort liegt im finstern
        Stall, on that of Vom Himmel hoch (C major).

    Raises
    ------
    ValueError
        If there is no such example.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> load_example()
    Score('Befiehl du deine Wege, BWV 270', 206 notes, 4 parts, 13 bars of 4/4, 48 quarters)
    """
    require(name in EXAMPLES, "name", f"one of {EXAMPLES}", repr(name))
    return Score(**json.loads(data_path("examples", f"{name}.json").read_text(encoding="utf-8")))
