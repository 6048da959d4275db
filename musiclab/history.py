"""What happened in training: the losses so far, their curves, and where they are going."""

from __future__ import annotations

import io
import math
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from musiclab.axes import INK, PALETTE, new_axes
from musiclab.errors import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POWERS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3)
HALF_LIFE = 6  # judgements after which one counts half: early ones say little of the end
SLACK = 3  # laws whose error is up to so many times that of the best law are taken to be possible
LIVE_SECONDS = 1.0  # a picture costs a tenth of that


def learning_rate_factor(i: int, iters: int) -> float:
    """Return the share of the highest learning rate at iteration i of iters: linear warm-up, then half a cosine.

    Examples
    --------
    >>> [round(learning_rate_factor(i, 1000), 2) for i in (1, 50, 525, 1000)]
    [0.02, 1.0, 0.51, 0.02]
    """
    warm = min(100, max(1, iters // 20))
    if i <= warm:
        return i / warm
    return 0.02 + 0.98 * (1 + math.cos(math.pi * (i - warm) / (iters - warm))) / 2


@dataclass
class History:
    """What happened in training: nats per id, over the training batches and on the validation set.

    Attributes
    ----------
    iters : int
        Iterations planned.
    train, valid : list of (iteration, nats per id)
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
    [1.04, 1.04, 1.07]
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

        Power laws ``a + b * x ** -p`` are fitted to the judgements so far for several p, the later ones counting more.
        x is not the iteration but the learning rate spent until then, which the schedule tells beforehand: a step at
        a tenth of the rate leads a tenth as far. The law that fits best gives the middle; all that fit nearly as well
        span the interval. What was reached stays, so no guess is above the best so far. nan before four judgements.

        Raises
        ------
        ValueError
            If ``iters`` lies in the past or beyond the end of the run.

        Notes
        -----
        After Tissue, Wang and Wang (2024), Scaling law with learning rate annealing. Notebook: your_own_music.
        """
        iters = iters or self.iters
        require(max(1, self.done) <= iters <= self.iters, "iters", f"in {self.done}..{self.iters}", iters)
        if len(self.valid) < 4:
            return math.nan, math.nan, math.nan
        at, loss = np.array(self.valid).T
        spent = np.cumsum([learning_rate_factor(i, self.iters) for i in range(1, self.iters + 1)])
        x = spent[at.astype(int) - 1] / spent[iters - 1]
        weight = 0.5 ** (np.arange(len(x))[::-1] / HALF_LIFE / 2)
        ends, errors = np.array([_fit_law(x, loss, weight, p) for p in POWERS]).T
        error = errors.min() + 1e-3 * loss[-1]  # judgements themselves tremble a little
        near = ends[errors <= SLACK * error]
        guesses = near.min() - error, ends[errors.argmin()], near.max() + error
        return tuple(float(min(guess, self.best_valid)) for guess in guesses)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Return axes with both curves over the iterations, the best judgement marked; before the end, a forecast.

        Examples
        --------
        >>> History(20, train=[(10, 2.0), (20, 1.5)]).plot().get_xlabel()
        'iteration'
        """
        ax = new_axes(ax, (7, 2.8))
        if self.train:
            ax.plot(*zip(*self.train, strict=True), color=PALETTE[6], linewidth=1.2, label="training batches")
        if self.valid:
            ax.plot(*zip(*self.valid, strict=True), color=PALETTE[0], linewidth=2, label="validation")
            best = f"best: {self.best_valid:.3f} at {self.best_iter}"
            ax.plot(self.best_iter, self.best_valid, "o", color=PALETTE[5], label=best)
        if not self.stopped and self.done < self.iters and len(self.valid) >= 4:
            self._plot_forecast(ax)
        ax.set(xlabel="iteration", ylabel="nats per id", xlim=(0, self.iters))
        if ax.lines:
            ax.legend(frameon=False, fontsize=9, labelcolor=INK)
        return ax

    def _plot_forecast(self, ax: Axes) -> None:
        ahead = np.unique(np.linspace(self.done, self.iters, 12).astype(int))
        low, middle, high = np.array([self.forecast(int(i)) for i in ahead]).T
        ends = f"forecast: {low[-1]:.3f} to {high[-1]:.3f}"
        ax.fill_between(ahead, low, high, color=PALETTE[4], alpha=0.35, linewidth=0, label=ends)
        ax.plot(ahead, middle, "--", color=PALETTE[0], linewidth=1.2)


def _fit_law(x: np.ndarray, loss: np.ndarray, weight: np.ndarray, p: float) -> tuple[float, float]:
    """Return what the fitted ``a + b * x ** -p`` says at x = 1, and its error at the points."""
    law = np.stack([np.ones_like(x), x**-p], axis=1)
    ab = np.linalg.lstsq(law * weight[:, None], loss * weight, rcond=None)[0]
    return ab.sum(), np.sqrt(np.average((law @ ab - loss) ** 2, weights=weight**2))


class LivePlot:
    """The curves in a notebook's output, drawn again while training goes on; nothing outside a notebook."""

    def __init__(self) -> None:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        self.on, self.handle, self.drawn = hasattr(shell, "kernel"), None, time.monotonic()

    def show(self, history: History, last: bool = False) -> None:
        """Draw what happened so far, if the last picture is old enough; the last one is drawn if there was one."""
        if not self.on or not (self.handle if last else time.monotonic() - self.drawn > LIVE_SECONDS):
            return
        from IPython.display import Image, display
        from matplotlib.figure import Figure

        figure, png = Figure(figsize=(7, 2.8), layout="constrained", dpi=90), io.BytesIO()
        history.plot(figure.subplots())
        figure.savefig(png)
        picture = Image(png.getvalue(), alt=repr(history))
        if self.handle:
            self.handle.update(picture)
        else:
            self.handle = display(picture, display_id=True)
        self.drawn = time.monotonic()
