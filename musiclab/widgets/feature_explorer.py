"""The feature explorer: pieces on a map, near each other where their features are alike; brush some, and hear them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import traitlets

from musiclab.axes import INK, PALETTE
from musiclab.errors import require
from musiclab.feature_plots import plot_embedding
from musiclab.features.neighbours import project_2d
from musiclab.score import Score
from musiclab.widgets.display import among
from musiclab.widgets.player import Player, page

HEARD = 8  # of many that are chosen, so many are played, one after another


class FeatureExplorer(Player):
    """Scores as points on a map per set of features: brush or click some to hear them, and change the map.

    Drag a box over points, or click one; with shift, more are added. With the keyboard, arrows go to the next
    point in their direction, and Escape lets all go. When the map changes, the points glide to their new places: what
    was one cluster by hand may be none for a network. A page without a kernel shows a picture of the maps.

    Parameters
    ----------
    scores : sequence of Score
        Short ones, of the same parts and resolution, so that they can be played one after another.
    features : mapping of str to ndarray, shape (scores, any)
        A name for each map, and what :func:`~musiclab.project_2d` is to make it of.
    labels : sequence, shape (scores,), optional
        Of at most eight kinds, for colours and marks; they do not move the points.

    Attributes
    ----------
    space : str
        The map in sight, one of ``features``.
    chosen : list of int
        Rows of ``scores``; the first eight are in ``score`` and are heard.

    Raises
    ------
    ValueError
        If a table has not a row for each score, the scores cannot be joined, there are more than eight kinds of
        labels, or something is chosen that is not there.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> scores = [Score([(0, 24, pitch), (24, 24, pitch + 7)], title=f"from {pitch}") for pitch in (60, 62, 70)]
    >>> table = np.array([[60.0, 1.0], [62.0, 0.0], [70.0, 5.0]])
    >>> explorer = FeatureExplorer(scores, {"by hand": table, "turned": -table}, labels=["low", "low", "high"])
    >>> explorer.space, explorer.chosen = "turned", [1, 2]
    >>> explorer.score.title, explorer.score.notes["pitch"].tolist()
    ('2 chosen', [62, 69, 70, 77])
    """

    _esm = page("player", "explorer")

    maps, names, kinds, kind_of, chosen = (traitlets.List().tag(sync=True) for _ in range(5))
    space = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, scores: Sequence[Score], features: Mapping[str, np.ndarray], labels: Sequence | None = None
    ) -> None:
        self.scores, self.labels = list(scores), np.asarray(["score"] * len(scores) if labels is None else labels)
        n, alike = len(self.scores), {(score.resolution, score.parts) for score in scores}
        for name, table in {**features, "labels": self.labels}.items():
            require(len(table) == n, name, f"{n} rows, one a score", len(table))
        require(len(alike) == 1, "scores", "one or more of the same parts and resolution", f"{len(alike)} kinds")
        kinds, kind_of = np.unique(self.labels, return_inverse=True)
        require(len(kinds) <= len(PALETTE), "labels", f"at most {len(PALETTE)} kinds", len(kinds))
        self._places = {name: project_2d(table) for name, table in features.items()}
        super().__init__(
            self.scores[0], names=[score.title or score.source for score in self.scores], kind_of=kind_of.tolist(),
            maps=[[name, places.round(6).tolist()] for name, places in self._places.items()],
            kinds=[[str(kind), color] for kind, color in zip(kinds, PALETTE, strict=False)],
            space=next(iter(features)), chosen=[0],
        )  # fmt: skip

    @traitlets.validate("space", "chosen")
    def _known(self, proposal) -> str | list[int]:
        return among(proposal, [*self._places] if proposal.trait.name == "space" else range(len(self.scores)))

    @traitlets.observe("chosen")
    def _hear(self, _change) -> None:
        some = [self.scores[i] for i in self.chosen[:HEARD]]
        if some:
            first = f"the first {HEARD} of " if len(self.chosen) > HEARD else ""
            title = f"{first}{len(self.chosen)} chosen" if len(some) > 1 else some[0].title
            self.show(replace(reduce(Score.concat, some), title=title))

    def _draw(self, figure) -> None:
        """Put all maps side by side on a figure, what is chosen ringed."""
        figure.set_figheight(3.6)
        axes = np.ravel(figure.subplots(1, len(self._places)))
        for ax, (name, places) in zip(axes, self._places.items(), strict=True):
            plot_embedding(places, self.labels, ax).set_title(name, color=INK, fontsize=10)
            ax.scatter(*places[self.chosen].T, s=60, facecolors="none", edgecolors=INK, linewidths=1.2)
        for ax in axes[:-1]:
            ax.get_legend().remove()
