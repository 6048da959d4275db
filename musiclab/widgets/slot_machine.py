"""The slot machine: four new bars at the press of a button, and one knob."""

from dataclasses import replace

import ipywidgets as widgets

from musiclab.generation import generate
from musiclab.models.base import Model
from musiclab.sampling import Sampler
from musiclab.tokenizers.base import Tokenizer
from musiclab.widgets.display import Pictured, staff_html
from musiclab.widgets.knobs import LOOK
from musiclab.widgets.player import Player


class SlotMachine(Pictured, widgets.VBox):
    """A few new bars by a model: move the temperature and hear the same luck play differently; *Again* is new luck.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    n_bars : int
    sampler : Sampler
        Where it begins.

    Attributes
    ----------
    sampler : Sampler
        What made the bars in sight.
    score : Score
        The bars in sight.
    history : list of (Sampler, Score)
        All bars so far.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Chorale
    >>> machine = SlotMachine(GRU(len(Chorale().vocab), width=8), Chorale(), n_bars=1)
    >>> machine.set(temperature=0.5)
    >>> machine.again()
    >>> [(sampler.temperature, sampler.seed) for sampler, _ in machine.history]
    [(1.0, 1), (0.5, 1), (0.5, 2)]
    """

    def __init__(self, model: Model, tok: Tokenizer, n_bars: int = 4, sampler: Sampler | None = None) -> None:
        self.model, self.tok, self.n_bars = model, tok, n_bars
        self.history, self.sampler = [], sampler or Sampler(seed=1)
        look = dict(step=0.1, readout_format=".1f", continuous_update=False, **LOOK)
        self._slider = widgets.FloatSlider(self.sampler.temperature, min=0, max=2, description="temperature", **look)
        self._button = widgets.Button(description="Again", icon="random", button_style="primary")
        self._slider.observe(lambda change: self.set(temperature=change["new"]), "value")
        self._button.on_click(lambda _: self.again())
        super().__init__()
        self._make()

    score = property(lambda self: self.history[-1][1])

    def set(self, temperature: float) -> None:
        """Make the bars of the same seed at another temperature."""
        if temperature != self.sampler.temperature:
            self._make(temperature=temperature)
            self._slider.value = temperature

    def again(self) -> None:
        """Make the bars of the next seed."""
        self._make(seed=self.sampler.seed + 1)

    def _make(self, **change: float) -> None:
        self.sampler = replace(self.sampler, **change)
        score = generate(self.model, self.tok, sampler=self.sampler, n_bars=self.n_bars)
        title = f"{self.n_bars} bars at temperature {self.sampler.temperature:.1f}, seed {self.sampler.seed}"
        self.history.append((self.sampler, replace(score, title=title)))
        controls = widgets.HBox([self._slider, self._button])
        self.children = [controls, Player(self.score), widgets.HTML(staff_html(self.score))]
