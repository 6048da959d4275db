"""The metric lie detector: choose a forgery, hear it, and see which numbers take it for the real thing."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import traitlets

from musiclab.axes import PALE, PALETTE, new_axes
from musiclab.errors import require
from musiclab.metrics.report import ReportCard, Row
from musiclab.score import Score
from musiclab.widgets.player import Player, page


class LieDetector(Player):
    """Forgeries to hear, and which numbers of a report are fooled by each: they lie in the band of held-out music.

    A dot in the grey band is a number that notices nothing; a dot outside is one that sees that something differs. No
    number sees all. A page without a kernel shows a picture of the forgery chosen.

    Parameters
    ----------
    cards : mapping of str to ReportCard
        The report of each forgery: of ``card = evaluate(...)``, ``card.of(name)``.
    examples : mapping of str to Score
        One of each, to hear.

    Attributes
    ----------
    forgery : str
        The one in sight, one of ``cards``.
    fooled, seeing : list of str
        The numbers that take it for held-out music, and those that do not; what cannot be measured is in neither.

    Raises
    ------
    ValueError
        If cards and examples are not of the same forgeries, or one is chosen that is not there.

    Notes
    -----
    Notebook: 05_how_good_is_a_sequence.

    Examples
    --------
    >>> row = Row("statistics", "pitch range", 31.0, 20.0, 18.0, 22.0, {}, "outside")
    >>> detector = LieDetector({"random": ReportCard((row,), {})}, {"random": Score([(0, 24, 60)])})
    >>> detector.seeing, detector.fooled
    (['pitch range'], [])
    """

    _esm = page("player", "lies")

    forgery = traitlets.Unicode().tag(sync=True)
    tables = traitlets.Dict().tag(sync=True)

    def __init__(self, cards: Mapping[str, ReportCard], examples: Mapping[str, Score]) -> None:
        require(len(cards) > 0 and cards.keys() == examples.keys(), "examples", f"of {list(cards)}", list(examples))
        self.cards, self.examples = cards, examples
        tables = {name: [_told(row) for row in card.rows] for name, card in cards.items()}
        super().__init__(next(iter(examples.values())), tables=tables, forgery=next(iter(cards)))

    @traitlets.validate("forgery")
    def _known(self, proposal) -> str:
        require(proposal.value in self.cards, "forgery", f"one of {list(self.cards)}", repr(proposal.value))
        return proposal.value

    @traitlets.observe("forgery")
    def _hear(self, _change) -> None:
        self.show(self.examples[self.forgery])

    fooled = property(lambda self: [row.name for row in self._rows("inside")])
    seeing = property(lambda self: [row.name for row in self._rows("outside")])

    def _rows(self, *verdicts: str) -> list[Row]:
        return [row for row in self.cards[self.forgery].rows if row.verdict in verdicts]

    def __repr__(self) -> str:
        fooled, seeing = len(self.fooled), len(self.seeing)
        return f"LieDetector({self.forgery!r} fools {fooled} of {fooled + seeing} numbers)"

    def _draw(self, figure) -> None:
        rows = self._rows("inside", "outside")
        middle, half = ([(row.high + sign * row.low) / 2 for row in rows] for sign in (1, -1))
        away = (np.array([row.value for row in rows]) - middle) / np.maximum(half, 1e-9)
        names = [row.name.replace("_", " ") for row in rows]
        figure.set_figheight(0.8 + len(rows) / 5)
        ax = new_axes(figure.subplots())
        ax.axvspan(-1, 1, color=PALE)
        colors = [PALETTE[0] if row.verdict == "inside" else PALETTE[5] for row in rows]
        ax.scatter(np.clip(away, -4, 4), names, c=colors)
        ax.set(xlim=(-4.2, 4.2), xticks=[0], xticklabels=["as held-out music"])
        ax.set_title(f"{self.forgery} fools {len(self.fooled)} of {len(rows)} numbers", loc="left")
        ax.invert_yaxis()


def _told(row: Row) -> list:
    """Return what the page shows of a row, None where a number is not defined."""
    return [row.block, row.name, *(x if math.isfinite(x) else None for x in row[2:6]), row.verdict]
