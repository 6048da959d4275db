"""The co-writer: chords and rules by a person, notes by a model, and the first bar sounds while the next is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice, pairwise
from time import perf_counter

import ipywidgets
import numpy as np
import traitlets

from musiclab.audio import audio_bytes
from musiclab.generation import paid_per_bar, stream_score
from musiclab.metrics.rules import Rule, as_rule, chord_plan
from musiclab.models.base import Model
from musiclab.sampling import Draw, Sampler
from musiclab.score import Score
from musiclab.tokenizers.base import EOS, Tokenizer
from musiclab.widgets.display import box_bundle
from musiclab.widgets.draft import Draft
from musiclab.widgets.knobs import ROW
from musiclab.widgets.player import page, roll_png

_RATE, _NARROW = 22_050, {"width": "140px"}


def stream_bars(
    model: Model, tok: Tokenizer, n_bars: int, choose: Callable[[int], tuple[Sampler, Sequence[str | Rule]]],
    primer: Score | None = None,
) -> Iterator[Draw]:  # fmt: skip
    """Yield the draws of a score bar after bar; before each, ``choose(bar)`` says its sampler and rules, from bar 0.

    The arguments are those of ``stream_score``. To a rule each bar is the last one.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tok = Melody()
    >>> calm = [Sampler(temperature=0.5), Sampler(temperature=1.5)]
    >>> draws = list(stream_bars(GRU(len(tok.vocab), width=8), tok, 2, lambda bar: (calm[bar], ["in_key"])))
    >>> draws[-1].paid.keys()
    dict_keys(['grammar', 'in_key'])
    """
    ids = [] if primer is None else tok.encode(primer)
    first = 0 if primer is None else primer.n_bars - (primer.pickup > 0)
    for bar in range(first, n_bars):
        sampler, rules = choose(bar)
        for draw in stream_score(model, tok, primer, sampler, bar + 1, rules):
            yield draw
            ids.append(draw.id)
        if ids[-1] == EOS:
            return
        primer = tok.decode(tok.finish(ids))


class LiveDraft(Draft):
    """A draft that sounds while it is written: each bar as soon as it stands, on the page's clock.

    Of a note that is held over a bar line no more is heard than was written by then; the play button knows it all.

    Attributes
    ----------
    n_sounded : int
        How many bars were sent to the page.
    first_second : float
        Seconds from the start of writing until the sound of the first bar was sent; nan before.

    Notes
    -----
    Notebook: 10_control_and_streaming.
    """

    _esm = page("player", "draft", "live")

    n_sounded = traitlets.Int(0)

    def start(self, *args, **about) -> None:
        """Begin as a ``Draft`` does."""
        self.n_sounded, self.first_second = 0, float("nan")
        super().start(*args, **about)

    def pull(self) -> bool:
        """Draw for some 40 ms, and let every bar sound that has become complete; return whether more is to come."""
        with self.hold_sync():  # the page has the last bar before it hears that it was the last
            more, score = super().pull(), self.score
            ends = [*score.bar_onsets.tolist(), *([] if more else [score.length])] if len(score) else []
            for bar, (onset, end) in [*enumerate(pairwise(ends))][self.n_sounded :]:
                self._sound(bar, onset, end)
        return more

    def stop(self) -> None:
        """Leave it as it is, and be silent."""
        super().stop()
        self.send({"hush": True})

    def _sound(self, bar: int, onset: int, end: int) -> None:
        notes = self.score.notes[(self.score.notes["onset"] >= onset) & (self.score.notes["onset"] < end)]
        notes["onset"] -= onset
        length = int((notes["onset"] + notes["duration"]).max(initial=end - onset))
        heard = replace(self.score, notes=notes, length=length, pickup=0)
        second, stop = self.score.seconds(np.array([onset, end])).tolist()
        wave = audio_bytes(heard, "wav", _RATE, self.synthesizer)
        self.send({"bar": bar, "second": second, "length": stop - second}, [wave])
        if bar == 0:
            self.first_second = perf_counter() - self._began
            self.caption = f"sound: {self.synthesizer}; the first bar after {self.first_second:.2f} s"
        self.n_sounded = bar + 1


class CoWriter(ipywidgets.VBox):
    """Write with a model: type chords, switch rules, and hear the first bar while the second is made.

    What is changed while it plays holds from the next bar that is made. Below stands what each rule has paid in each
    bar: the nats of probability that it took away. A page without a kernel shows a picture.

    Parameters
    ----------
    model : Model
    tok : Tokenizer
    chords : str
        Chords, as ``chord_plan`` reads them, one a bar; they begin anew when all were used. Empty for none.
    rules : sequence of str or Rule
        As in ``stream_score``, after the chords. A cadence is kept in the last bar only.
    sampler : Sampler, optional
        Its seed is that of the first bar; each bar takes the next, and so does each time it is written.
    n_bars : int

    Attributes
    ----------
    draft : LiveDraft
        The roll, its sound, and the draws.
    score : Score
        What is in sight.
    chords : list of str
        The plan.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> writer = CoWriter(GRU(len(Melody().vocab), width=8), Melody(), "C G", ["in_key"], n_bars=2)
    >>> score = writer.finish()
    >>> {name: nats.shape for name, nats in writer.prices().items()}
    {'chord_plan': (2,), 'in_key': (2,)}
    """

    _ipython_display_ = None  # ipywidgets 7 has one, which would leave out the picture

    def __init__(
        self, model: Model, tok: Tokenizer, chords: str = "C Am F G", rules: Sequence[str | Rule] = (),
        sampler: Sampler | None = None, n_bars: int = 8,
    ) -> None:  # fmt: skip
        self.model, self.tok, self.n_bars, self.sampler = model, tok, n_bars, sampler or Sampler()
        self.rules, self.chords, self.draft = [as_rule(rule) for rule in rules], [], LiveDraft()
        self.text = ipywidgets.Text(description="chords", layout={"width": "420px"})
        self.boxes = {
            rule.name: ipywidgets.Checkbox(True, description=rule.name.replace("_", " "), indent=False, layout=_NARROW)
            for rule in self.rules
        }
        self.buttons = {name: ipywidgets.Button(description=name, layout=_NARROW) for name in ("Write", "Stop")}
        self.buttons["Write"].on_click(lambda _: self.write())
        self.buttons["Stop"].on_click(lambda _: self.draft.stop())
        self._wrong, self._table = ipywidgets.Label(), ipywidgets.HTML()
        rows = [
            ipywidgets.Box([*row], layout=ROW) for row in ([self.text, *self.buttons.values()], self.boxes.values())
        ]
        super().__init__([*rows, self._wrong, self.draft, self._table])
        self.text.observe(lambda _: self._read(), "value")
        self.draft.observe(lambda _: self._show_prices(), ["n_sounded", "running"])
        self.text.value = chords

    score = property(lambda self: self.draft.score)

    def write(self) -> None:
        """Begin anew, with the next luck; the page asks for more, or ``draft.pull`` does."""
        off = dict.fromkeys(["chord_plan", *self.boxes], np.nan)
        draws = stream_bars(self.model, self.tok, self.n_bars, self._choose)
        told = (draw._replace(paid={**off, **draw.paid}) for draw in draws)
        self.draft.start(self.tok, told, n_bars=self.n_bars, title=" ".join(self.chords), source=f"with {self.sampler}")

    def finish(self) -> Score:
        """Return the score when it is complete; begin one if none is in the making."""
        if not self.draft.running:
            self.write()
        while self.draft.pull():
            pass
        return self.score

    def prices(self) -> dict[str, np.ndarray]:
        """Return the nats that each rule has paid, bar by bar; nan where it was off."""
        paid = paid_per_bar(self.draft.draws, self.tok)
        return {name: nats for name, nats in paid.items() if name != "grammar" and not np.isnan(nats).all()}

    def _read(self) -> None:
        """Take the chords as they are typed; while they make no sense, those before stay."""
        try:
            chord_plan(chords := self.text.value.split())
            self.chords, self._wrong.value = chords, ""
        except ValueError as wrong:
            self._wrong.value = str(wrong)

    def _choose(self, bar: int) -> tuple[Sampler, list[Rule]]:
        """Return the luck of a bar and the rules that are on as it begins."""
        sampler, self.sampler = self.sampler, replace(self.sampler, seed=self.sampler.seed + 1)
        plan = [chord_plan([*islice(cycle(self.chords), self.n_bars)])] if self.chords else []
        on = [rule for rule in self.rules if self.boxes[rule.name].value]
        return sampler, plan + [rule for rule in on if rule.name != "cadence" or bar == self.n_bars - 1]

    def _show_prices(self) -> None:
        over = Counter(name for draw in self.draft.draws for name in draw.backed_off)
        rows = [
            f"<tr><th>{name.replace('_', ' ')}</th>{''.join(map(_cell, nats))}"
            f"<td>{f'passed over {over[name]} ×' if over[name] else ''}</td></tr>"
            for name, nats in self.prices().items()
        ]
        title = "<caption>Nats paid for each rule, bar by bar</caption>" if rows else ""
        self._table.value = f"<table>{title}{''.join(rows)}</table>"

    def __repr__(self) -> str:
        return f"CoWriter({' '.join(self.chords) or 'no chords'}, {self.score!r})"

    def _repr_mimebundle_(self, **kwargs) -> dict:
        return box_bundle(self, roll_png(self.score))


def _cell(nats: float) -> str:
    shade = f"background:rgba(213,94,0,{min(nats / 12, 0.6):.2f})" if nats > 0 else ""
    return f'<td style="padding:2px 8px;text-align:right;{shade}">{"–" if np.isnan(nats) else f"{nats:.1f}"}</td>'
