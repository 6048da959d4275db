"""A score in the making, whose page asks for the next notes and shows them as they are drawn; and a desk around it."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from threading import RLock
from time import perf_counter

import ipywidgets
import numpy as np
import traitlets

from musiclab.audio import write_audio
from musiclab.errors import require
from musiclab.generation import paid_per_bar
from musiclab.metrics.rules import Rule, as_rule
from musiclab.midi import write_midi
from musiclab.notation import write_musicxml
from musiclab.sampling import Draw
from musiclab.score import Score
from musiclab.tokenizers.base import EOS, Tokenizer
from musiclab.tokenizers.explanation import link_words
from musiclab.widgets.display import Pictured
from musiclab.widgets.knobs import ROW, buttons
from musiclab.widgets.player import Player, page

FILES = {".mid": write_midi, ".musicxml": write_musicxml, ".mp3": write_audio}
_CHUNK_SECOND = 0.04  # the kernel draws for so long, and is free again
_TAKE = (
    "score", "draws", "_tok", "_primer",
    "notes", "bars", "parts", "muted", "duration", "title", "caption", "audio", "entropy", "bill", "said",
)  # fmt: skip


class Draft(Player):
    """A player of a score that is still being written, and below its roll how open each moment was.

    The page asks for a chunk, draws what comes and asks again, so that nothing waits long for the kernel, not even a
    press of Stop; without a page, call ``pull`` until it returns False, or ``finish``. Under the roll stands the
    entropy in nats, of all words of a moment together, under the model as it is, and what the rules have cost in each
    bar: the nats of probability that they took away.

    Attributes
    ----------
    score : Score
        What is written so far.
    draws : list of Draw
        How it was drawn.
    running : bool
        Whether more is to come.
    entropy : list of [second, nats]
        What the strip shows.
    bill : dict of str to [times, [nats, ...]]
        How often each rule was passed over, and what it has paid in each bar; None where it was off.
    said : str
        How much there is and how fast it came.

    Notes
    -----
    Notebook: 10_control_and_streaming.

    Examples
    --------
    >>> from musiclab.generation import stream_score
    >>> from musiclab.models import GRU
    >>> from musiclab.tokenizers import Melody
    >>> tok, draft = Melody(), Draft()
    >>> draft.start(tok, stream_score(GRU(len(tok.vocab), width=8), tok, n_bars=1), n_bars=1)
    >>> score = draft.finish()
    >>> len(draft.draws) > 4, draft.file(".mid")[:4]
    (True, b'MThd')
    """

    _esm = page("player", "draft")

    running = traitlets.Bool(False).tag(sync=True)
    entropy = traitlets.List().tag(sync=True)
    bill = traitlets.Dict().tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    chunk = traitlets.Int(0).tag(sync=True)  # a page that asks names the last one it saw, so two pages do not ask twice

    def __init__(self) -> None:
        self._turn = RLock()  # a kernel may hear the page in one thread and run cells in another
        self._tok, self._primer, self.draws = None, None, []
        super().__init__(Score([], title="Nothing yet"))

    def start(
        self, tok: Tokenizer, draws: Iterator[Draw], primer: Score | None = None, n_bars: int = 1, **about: str
    ) -> None:
        """Begin with a primer and go on with the draws; it is to be ``n_bars`` long.

        ``about`` gives the score its title and source.
        """
        with self._turn, self.hold_sync():
            self._tok, self._source, self._primer, self._n_bars, self._about = tok, draws, primer, n_bars, about
            self._begun = [] if primer is None else tok.encode(primer)
            self.draws, self.score, self._began, self.running = [], Score([], **about), perf_counter(), True
            self.position, self.playing, self.region = 0.0, False, []
            self.pull()

    def pull(self) -> bool:
        """Draw for some 40 ms and show what there is now; return whether more is to come."""
        with self._turn, self.hold_sync():
            end, more = perf_counter() + _CHUNK_SECOND, self.running
            while more and perf_counter() < end:
                draw = next(self._source, None)
                more = draw is not None and self.running
                self.draws += [draw] if more else []
            if self.running:
                self._show(more)
                self.chunk += 1
            return self.running

    def stop(self) -> None:
        """Leave it as it is; a chunk that is being drawn is the last."""
        with self._turn:
            if self.running:
                self._show(more=False)

    def finish(self) -> Score:
        """Draw until it is complete, and return it."""
        while self.pull():
            pass
        return self.score

    def take(self) -> dict:
        """Return all that is in sight, as it is left, with its sound, for ``show_take``."""
        self.stop()
        self.make_sound()
        return {name: getattr(self, name) for name in _TAKE}

    def show_take(self, take: dict) -> None:
        """Put back what was in sight then; what plays goes on from the same place."""
        self.stop()
        with self._turn, self.hold_sync():
            for name, value in take.items():
                setattr(self, name, value)

    def prices(self) -> dict[str, np.ndarray]:
        """Return the nats of probability that each rule has removed, (bars,); nan where it was off."""
        paid = paid_per_bar(self.draws, self._tok, self._primer) if self.draws else {}
        return {name: nats for name, nats in paid.items() if name != "grammar"}

    def file(self, suffix: str) -> bytes:
        """Return the score as a file with this suffix: .mid, .musicxml or .mp3."""
        require(suffix in FILES, "suffix", f"one of {tuple(FILES)}", repr(suffix))
        with tempfile.TemporaryDirectory() as folder:
            return FILES[suffix](self.score, Path(folder, f"score{suffix}")).read_bytes()

    def _show(self, more: bool) -> None:
        ids = self._tok.finish([*self._begun, *(draw.id for draw in self.draws if draw.id != EOS)])
        score = replace(self._tok.decode(ids) if ids else Score([]), **self._about)
        _, beats, unit = score.time_signatures[0]
        length = max(score.length, score.pickup + self._n_bars * score.resolution * 4 * beats // unit)
        self.show(replace(score, length=length) if more else score)  # it keeps its scale while more is to come
        self.score, self.entropy = score, self._moments(ids)
        over = Counter(name for draw in self.draws for name in draw.backed_off)
        self.bill = {name: [over[name], [None if n != n else n for n in nats]] for name, nats in self.prices().items()}
        self.said = f"{len(self.draws)} words, {len(self.draws) / (perf_counter() - self._began):.0f} a second"
        self.running = more and self.running

    def _moments(self, ids: Sequence[int]) -> list[list[float]]:
        links, nats = link_words(self._tok, ids, self.score) if ids else [], Counter()
        for link, draw in zip(links[len(self._begun) :], self.draws, strict=False):
            nats[link.tick] += draw.entropy if link.kind != "header" else 0.0
        return [[round(float(self.score.seconds(tick)), 4), round(value, 3)] for tick, value in nats.items()]

    def _answer(self, widget, content: dict, buffers) -> None:
        super()._answer(widget, content, buffers)
        if content.get("ask") == "chunk" and content["chunk"] == self.chunk:
            self.pull()
        elif content.get("ask") == "file":
            self.send({"file": f"musiclab{content['suffix']}"}, [self.file(content["suffix"])])


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

    def tell(self, act: Callable, *given) -> None:
        """Do it, or say on the page what is wrong: nobody would see the error of a click."""
        self.message.value = ""
        try:
            act(*given)
        except (ValueError, OSError) as wrong:
            self.message.value = f'<b role="alert">{escape(str(wrong))}</b>'

    def _rules_on(self) -> list[Rule]:
        return [rule for rule in self.rules if self.boxes[rule.name].value]
