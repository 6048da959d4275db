"""A desk to write at: a draft, and rules that can be switched off."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape

import ipywidgets
import numpy as np

from musiclab.metrics.rules import Rule, as_rule
from musiclab.score import Score
from musiclab.widgets.display import Pictured
from musiclab.widgets.draft import Draft
from musiclab.widgets.knobs import ROW, buttons


class Desk(Pictured, ipywidgets.VBox):
    """A draft below its controls; what is wrong is said between them.

    ``SamplingPanel`` and ``CoWriter`` are desks, each with a ``write`` of its own. The first button is the main one.
    """

    def __init__(
        self, draft: Draft, rules: Sequence[str | Rule], acts: Mapping[str, Callable[[], None]],
        above: Sequence[ipywidgets.Widget], beside: Sequence[ipywidgets.Widget] = (),
    ) -> None:  # fmt: skip
        self.draft, self.rules, self.message = draft, [as_rule(rule) for rule in rules], ipywidgets.HTML()
        self.buttons = buttons({name: partial(self.tell, act) for name, act in acts.items()})
        next(iter(self.buttons.values())).button_style = "primary"
        look = {"indent": False, "layout": {"width": "160px"}}
        names = [rule.name for rule in self.rules]
        self.boxes = {name: ipywidgets.Checkbox(True, description=name.replace("_", " "), **look) for name in names}
        rows = [self.boxes.values(), [*self.buttons.values(), *beside]]
        super().__init__([*above, *(ipywidgets.Box([*row], layout=ROW) for row in rows if row), self.message, draft])

    score = property(lambda self: self.draft.score)

    def finish(self) -> Score:
        """Return the score when it is complete; begin one if none is in the making."""
        if not self.draft.running:
            self.write()
        return self.draft.finish()

    def prices(self) -> dict[str, np.ndarray]:
        """Return the nats that each rule has paid, bar by bar; nan where it was off."""
        return self.draft.prices()

    def tell(self, act: Callable, *given) -> None:
        """Do it, or say on the page what is wrong: nobody would see the error of a click."""
        self.message.value = ""
        try:
            act(*given)
        except (ValueError, OSError) as wrong:
            self.message.value = f'<b role="alert">{escape(str(wrong))}</b>'

    def _rules_on(self) -> list[Rule]:
        return [rule for rule in self.rules if self.boxes[rule.name].value]
