"""The co-writer: chords and rules by a person, notes by a model, and the first bar sounds while the next is made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice, pairwise
from time import perf_counter

import ipywidgets
import numpy as np
import traitlets

from musiclab.audio import audio_bytes
from musiclab.generation import stream_score
from musiclab.metrics.rules import Rule, chord_plan
from musiclab.models.base import Model
from musiclab.sampling import Draw, Sampler
from musiclab.score import Score
from musiclab.tokenizers.base import EOS, Tokenizer
from musiclab.widgets.draft import Desk, Draft
from musiclab.widgets.player import page


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

    n_sounded, first_second = traitlets.Int(0), float("nan")

    def pull(self) -> bool:
        """Draw for some 40 ms, and let every bar sound that has become complete; return whether more is to come."""
        with self._turn, self.hold_sync():  # the page has the last bar before it hears that it was the last
            if not self.running:
                return False
            if not self.draws:
                self.n_sounded, self.first_second = 0, float("nan")
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
        wave = audio_bytes(heard, "wav", 22_050, self.synthesizer)  # half the samples: it must be quick
        self.send({"bar": bar, "second": second, "length": stop - second}, [wave])
        if bar == 0:
            self.first_second = perf_counter() - self._began
            self.caption = f"sound: {self.synthesizer}; the first bar after {self.first_second:.2f} s"
        self.n_sounded = bar + 1


class CoWriter(Desk):
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
    >>> {name: nats.shape for name, nats in writer.draft.prices().items()}
    {'chord_plan': (2,), 'in_key': (2,)}
    """

    def __init__(
        self, model: Model, tok: Tokenizer, chords: str = "C Am F G", rules: Sequence[str | Rule] = (),
        sampler: Sampler | None = None, n_bars: int = 8,
    ) -> None:  # fmt: skip
        self.model, self.tok, self.n_bars, self.sampler, self.chords = model, tok, n_bars, sampler or Sampler(), []
        self.text, draft = ipywidgets.Text(description="chords", layout={"width": "420px"}), LiveDraft()
        super().__init__(draft, rules, {"Write": self.write, "Stop": draft.stop}, above=[self.text])
        self.text.observe(lambda _: self.tell(self._read), "value")
        self.text.value = chords

    def write(self) -> None:
        """Begin anew, with the next luck; the page asks for more, or ``finish`` does."""
        draws = stream_bars(self.model, self.tok, self.n_bars, self._choose)
        title, source = " ".join(self.chords), f"with {self.sampler}"
        self.draft.start(self.tok, draws, n_bars=self.n_bars, title=title, source=source)

    def _read(self) -> None:
        """Take the chords as they are typed; while they make no sense, those before stay."""
        chord_plan(chords := self.text.value.split())
        self.chords = chords

    def _choose(self, bar: int) -> tuple[Sampler, list[Rule]]:
        """Return the luck of a bar and the rules that are on as it begins."""
        sampler, self.sampler = self.sampler, replace(self.sampler, seed=self.sampler.seed + 1)
        plan = [chord_plan([*islice(cycle(self.chords), self.n_bars)])] if self.chords else []
        return sampler, plan + [rule for rule in self._rules_on() if rule.name != "cadence" or bar == self.n_bars - 1]
