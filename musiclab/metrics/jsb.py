"""The likelihood that published figures on the JSB Chorales are given in: nats per (frame, voice).

-log p of every cell of every whole piece, given the cells before it and the piece's length, nothing else; each cell
counts the same. One frame is a 16th, one voice a column; a cell is a rest or one of the 46 pitches 36-81.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
import torch

from musiclab.datasets.jsb import load_jsb, melody_twins
from musiclab.errors import require
from musiclab.metrics.likelihood import Likelihood
from musiclab.models.base import Model
from musiclab.tokenizers.base import BOS
from musiclab.tokenizers.chorale_grid import REST, ChoraleGrid
from musiclab.training import token_nll

VOICES = ("soprano", "alto", "tenor", "bass")


@dataclass(frozen=True, repr=False)
class JsbLikelihood:
    """Nats of every cell of one split of the canonical JSB Chorales.

    Attributes
    ----------
    nll : tuple of ndarray, shape (T, 4)
        Per piece; soprano, alto, tenor, bass.
    held : tuple of ndarray of bool, shape (T, 4)
        Where a cell equals the one before it.
    twins : set of int
        Pieces whose tune is also in train, set to other harmony; empty for other splits than test.
    """

    nll: tuple[np.ndarray, ...]
    held: tuple[np.ndarray, ...]
    twins: frozenset[int] = frozenset()

    @property
    def likelihood(self) -> Likelihood:
        """The sums over each piece, for :func:`~musiclab.paired_bootstrap`; an id is a cell, and notes are unknown."""
        cells = np.array([piece.size for piece in self.nll])
        return Likelihood(np.array([piece.sum() for piece in self.nll]), cells, cells * math.nan, cells / 16)

    @property
    def micro(self) -> float:
        """Nats per (frame, voice), each cell weighing the same: the figure to compare."""
        return self.likelihood.per("ids")

    @property
    def macro(self) -> float:
        """The same, each piece weighing the same."""
        return float(np.mean([piece.mean() for piece in self.nll]))

    @property
    def per_voice(self) -> dict[str, float]:
        """Nats per frame of each voice, given those before it in the frame."""
        return dict(zip(VOICES, np.concatenate(self.nll).mean(axis=0).tolist(), strict=True))

    @property
    def parts(self) -> dict[str, float]:
        """Nats per (frame, voice) of held and of changed cells, and of pieces with and without a twin in train."""
        nll, held = np.concatenate(self.nll), np.concatenate(self.held)
        found = {"held cells": float(nll[held].mean()), "changed cells": float(nll[~held].mean())}
        for name, inside in (("with", True), ("without", False)) if self.twins else ():
            half = [piece for i, piece in enumerate(self.nll) if (i in self.twins) == inside]
            found[f"{len(half)} pieces {name} a twin in train"] = float(np.concatenate(half).mean())
        return found

    def __repr__(self) -> str:
        rows = {"macro (mean over pieces)": self.macro, **self.per_voice, **self.parts}
        low, high = self.likelihood.interval("ids")
        head = f"{self.micro:.4f} nats per (frame, voice), 95 % {low:.3f} to {high:.3f}"
        head += f", {self.likelihood.ids.sum():,} cells; {4 * self.micro / math.log(2):.2f} bits per frame"
        return "\n".join([head, *(f"  {name:33} {value:.4f}" for name, value in rows.items())])


def evaluate_jsb(model: Model, path: str | PathLike | None = None, split: str = "test") -> JsbLikelihood:
    """Return a model's likelihood on the canonical JSB Chorales, in nats per (frame, voice).

    Parameters
    ----------
    model : Model
        Of :class:`~musiclab.tokenizers.ChoraleGrid` ids.
    path : path, optional
        ``Jsb16thSeparated.json``, see :func:`~musiclab.datasets.load_jsb`.
    split : str
        ``"test"`` or ``"valid"``.

    Raises
    ------
    MissingData
        If the file is nowhere.
    ValueError
        If the model's vocabulary is another one.

    References
    ----------
    Boulanger-Lewandowski et al. (2012) for the split; the unit is that of raster scans over soprano, alto, tenor and
    bass. Figures given the true chord of each frame, as TonicNet's, are another quantity.
    """
    size = len(ChoraleGrid().vocab)
    require(model.vocab_size == size, "the model's vocabulary", f"ChoraleGrid's ({size} words)", model.vocab_size)
    pieces = getattr(load_jsb(path), split)
    held = tuple(np.diff(piece, axis=0, prepend=-2) == 0 for piece in pieces)
    return JsbLikelihood(tuple(cell_nll(model, pieces)), held, melody_twins() if split == "test" else frozenset())


def cell_nll(model: Model, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return -log p of each cell in nats, one array (T, 4) a piece; p sums to 1 over a rest and the 46 pitches."""
    tok = ChoraleGrid()
    sequences = [[BOS, *tok.from_grid(piece)] for piece in pieces]
    return [nll.reshape(-1, 4) for nll in token_nll(_CellsOnly(model), sequences)]


class _CellsOnly(Model):
    """A model that knows that a cell comes next: it spends nothing on ends or other words."""

    def __init__(self, model: Model) -> None:
        super().__init__(vocab_size=model.vocab_size)
        self.model = model

    def forward(self, ids: torch.Tensor, state=None):
        logits, state = self.model(ids, state)
        return torch.cat([torch.full_like(logits[..., :REST], -torch.inf), logits[..., REST:]], dim=-1), state
