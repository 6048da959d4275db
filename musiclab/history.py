"""What happened in training: the losses so far, their curves, and where they are going."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from musiclab.axes import INK, PALETTE, new_axes, picture
from musiclab.errors import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What forecasts are made of; chosen on seven runs of this library, tried on others (tests/test_history.py).
POWERS = (-0.5, 0.01, 0.5, 1, 2)  # from "it goes on as now" to "that was nearly all"; 0.01 is a logarithm
SIZE = (7, 2.8)  # inches
HALF_LIFE = 2  # judgements after which one counts half
TREMOR = 0.002  # of a loss: what the next judgement may differ by chance
LEAST_SECONDS = 1.0  # of training, before a picture is worth its time


def learning_rate_factor(i: int, iters: int) -> float:
    """Return the share of the highest learning rate at iteration i of iters: linear warm-up, then half a cosine.

    Examples
    --------
    >>> [round(learning_rate_factor(i, 1000), 2) for i in (1, 50, 525, 1000)]
    [0.02, 1.0, 0.51, 0.02]
    """
    warm = min(100, max(1, iters // 20))
    return min(i / warm, 0.02 + 0.98 * (1 + math.cos(math.pi * (i - warm) / max(1, iters - warm))) / 2)


@dataclass
class History:
    """What happened in training: nats per id, over the training batches and on the validation set.

    Attributes
    ----------
    iters : int
        Iterations planned; under a budget, as many as fit into it at the speed so far.
    train, valid : list of (iteration, nats per id)
        On the batches since the judgement before, and at the judgement.
    best_iter, best_valid
        The iteration whose weights were kept, and its validation loss.
    seconds : float
        Time spent in training, validation included.
    stopped : bool
        Whether it ended early, because validation did not get better any more.

    Examples
    --------
    >>> loss = [(i, 1 + 40 / (i + 20)) for i in range(50, 501, 50)]
    >>> history = History(1000, train=loss, valid=loss, best_iter=500, best_valid=loss[-1][1])
    >>> [round(x, 2) for x in history.forecast()]
    [0.96, 1.04, 1.08]
    """

    iters: int
    train: list[tuple[int, float]] = field(default_factory=list)
    valid: list[tuple[int, float]] = field(default_factory=list)
    best_iter: int = 0
    best_valid: float = math.inf
    seconds: float = 0.0
    stopped: bool = False

    @property
    def done(self) -> int:
        """Iterations done."""
        return self.train[-1][0] if self.train else 0

    def __repr__(self) -> str:
        valid = f", best valid {self.best_valid:.3f} at {self.best_iter}" if self.valid else ""
        last = f", train {self.train[-1][1]:.3f} nats per id" if self.train else ""
        return f"History({self.done} of {self.iters} iterations in {self.seconds:.0f} s{last}{valid})"

    def forecast(self, iters: int | None = None) -> tuple[float, float, float]:
        """Return low, middle and high guess of the best validation loss after so many iterations (default: all).

        Power laws ``a + b * x ** -p`` are fitted for several p, the last judgements counting most. x is not the
        iteration but the way gone: steps weigh by the square root of their learning rate, which the schedule tells
        beforehand. The laws span the interval; weighed by how well they fit, they give the middle. What was reached
        stays, so no guess is above the best so far. nan before four judgements.

        Raises
        ------
        ValueError
            If ``iters`` lies in the past or beyond the end of the run.

        Notes
        -----
        That a loss follows the learning rate spent is found in Tissue, Wang and Wang (2024), Scaling law with learning
        rate annealing. Notebook: your_own_music.
        """
        iters = iters or self.iters
        require(max(1, self.done) <= iters <= self.iters, "iters", f"in {self.done}..{self.iters}", iters)
        if len(self.valid) < 4:
            return math.nan, math.nan, math.nan
        at, loss = np.array(self.valid).T
        way = np.cumsum([learning_rate_factor(i, self.iters) ** 0.5 for i in range(1, iters + 1)])
        x = way[at.astype(int) - 1] / way[-1]
        weight = 0.5 ** (np.arange(len(x))[::-1] / HALF_LIFE)
        ends, errors = np.zeros((2, len(POWERS)))
        for k, p in enumerate(POWERS):
            b, a = np.polyfit(x**-p, loss, 1, w=weight**0.5)
            ends[k], errors[k] = a + b, np.average((a + b * x**-p - loss) ** 2, weights=weight) ** 0.5
        tremor = TREMOR * loss[-1]
        ends = np.clip(ends, tremor, self.best_valid)  # less than nothing cannot surprise
        middle = np.average(ends, weights=(errors + tremor) ** -2)
        guesses = ends.min() - tremor, middle, ends.max() + tremor
        return tuple(float(min(guess, self.best_valid)) for guess in guesses)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Return axes with both curves over the iterations, the best judgement marked; before the end, a forecast.

        Examples
        --------
        >>> History(20, train=[(10, 2.0), (20, 1.5)]).plot().get_xlabel()
        'iteration'
        """
        ax = new_axes(ax, SIZE)
        if self.train:
            ax.plot(*zip(*self.train, strict=True), color=PALETTE[6], linewidth=1.2, label="training batches")
        if self.valid:
            ax.plot(*zip(*self.valid, strict=True), color=PALETTE[0], linewidth=2, label="validation")
            best = f"best: {self.best_valid:.3f} at {self.best_iter}"
            ax.plot(self.best_iter, self.best_valid, "o", color=PALETTE[5], label=best, clip_on=False)
        if not self.stopped and self.done < self.iters and len(self.valid) >= 4:
            ahead = np.unique(np.linspace(self.done, self.iters, 12).astype(int))
            low, middle, high = np.array([self.forecast(int(i)) for i in ahead]).T
            label = f"forecast: {low[-1]:.3f} to {high[-1]:.3f}"
            ax.fill_between(ahead, low, high, color=PALETTE[4], alpha=0.35, linewidth=0, label=label)
            ax.plot(ahead, middle, "--", color=PALETTE[0], linewidth=1.2)
        ax.set(xlabel="iteration", ylabel="nats per id", xlim=(0, self.iters))
        if ax.lines:
            ax.legend(frameon=False, fontsize=9, labelcolor=INK)
        return ax


def show_live(history: History, again: bool) -> bool:
    """Show the curves in a notebook, again where they were shown before; return whether they have been shown."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if not hasattr(shell, "kernel") or history.seconds < LEAST_SECONDS:
        return again
    from IPython.display import Image, display

    image = Image(picture(lambda figure: history.plot(figure.subplots()), SIZE), alt=repr(history))
    display(image, display_id=f"history-{id(history)}", update=again)
    return True
