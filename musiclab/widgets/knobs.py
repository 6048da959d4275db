"""The settings of a Sampler as sliders, and buttons in a row."""

from collections.abc import Callable, Mapping

import ipywidgets

from musiclab.sampling import Sampler

_RANGES = {
    "temperature": (0.0, 2.0, 0.05), "top_k": (0, 50, 1), "top_p": (0.05, 1.0, 0.01), "min_p": (0.0, 0.5, 0.01),
    "repetition_penalty": (1.0, 2.0, 0.05), "seed": (0, 999, 1),
}  # fmt: skip
LOOK = dict(style={"description_width": "124px"}, layout={"width": "380px"})  # of every control
ROW = {"flex_flow": "row wrap", "max_width": "960px"}


class Knobs(ipywidgets.Box):
    """A slider for each setting of a Sampler: ``sampler`` is what they say; set it, and they follow.

    Examples
    --------
    >>> knobs = Knobs(Sampler(temperature=0.9, seed=7))
    >>> knobs.sliders["top_p"].value = 0.95
    >>> knobs.sampler
    Sampler(temperature=0.9, top_k=0, top_p=0.95, min_p=0.0, repetition_penalty=1.0, seed=7)
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sliders = {}
        for name, (low, high, step) in _RANGES.items():
            kind = ipywidgets.IntSlider if isinstance(step, int) else ipywidgets.FloatSlider
            self.sliders[name] = kind(low, min=low, max=high, step=step, description=name.replace("_", " "), **LOOK)
        self.sampler = sampler
        super().__init__(list(self.sliders.values()), layout=ROW)

    @property
    def sampler(self) -> Sampler:
        return Sampler(**{name: slider.value for name, slider in self.sliders.items()})

    @sampler.setter
    def sampler(self, sampler: Sampler) -> None:
        for name, slider in self.sliders.items():
            value = getattr(sampler, name)
            slider.min, slider.max = min(slider.min, value), max(slider.max, value)  # or it would be cut
            slider.value = value


def settings(sampler: Sampler) -> str:
    """Return the settings that are not as usual, and the seed, in words.

    Examples
    --------
    >>> settings(Sampler(top_p=0.95, seed=7))
    'top p 0.95, seed 7'
    """
    shown = [name for name, value in vars(sampler).items() if name == "seed" or value != getattr(Sampler, name)]
    return ", ".join(f"{name.replace('_', ' ')} {getattr(sampler, name):g}" for name in shown)


def buttons(acts: Mapping[str, Callable[[], None]]) -> dict[str, ipywidgets.Button]:
    """Return a button for each name, which does what the name stands for."""
    made = {name: ipywidgets.Button(description=name, layout={"width": "100px"}) for name in acts}
    for name, act in acts.items():
        made[name].on_click(lambda _, act=act: act())
    return made
