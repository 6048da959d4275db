"""The reference point under every model of the canonical JSB Chorales: hold, or draw a pitch."""

import numpy as np

from musiclab.tokenizers.chorale import HIGH, LOW

SYMBOLS = HIGH - LOW + 2  # a rest and the 46 pitches


def hold_or_unigram(train: list[np.ndarray], pieces: list[np.ndarray]) -> float:
    """Return nats per (frame, voice) when each cell is held with one probability, else drawn from a histogram.

    One probability for all voices: the share of train's cells that equal the one before them. One histogram per voice:
    the cells of train that do not, each symbol once more than seen. First frames are neither counted nor scored. It is
    a bound, not the tightest: the histogram may also draw the symbol that was held.
    """
    held, counts = [], np.ones((4, SYMBOLS))
    for same, cells in map(_frames, train):
        held.append(same)
        np.add.at(counts, (np.nonzero(~same)[1], cells[~same]), 1)
    hold, p = np.concatenate(held).mean(), counts / counts.sum(axis=1, keepdims=True)
    nats = [-np.log(np.where(same, hold, (1 - hold) * p[np.arange(4), cells])) for same, cells in map(_frames, pieces)]
    return float(np.concatenate(nats).mean())


def _frames(piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of every frame but the first which cells equal those before, and all cells, 0 for a rest: (T - 1, 4)."""
    cells = np.where(piece < 0, 0, piece - LOW + 1)
    return cells[1:] == cells[:-1], cells[1:]
