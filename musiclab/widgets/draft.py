"""A score in the making: its page asks for the next notes, and shows them as they are drawn."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import traitlets

from musiclab.audio import write_audio
from musiclab.errors import require
from musiclab.midi import write_midi
from musiclab.notation import write_musicxml
from musiclab.sampling import Draw
from musiclab.score import Score
from musiclab.tokenizers.base import EOS, Tokenizer
from musiclab.tokenizers.explanation import link_words
from musiclab.widgets.player import Player, drawn, page

FILES = {".mid": write_midi, ".musicxml": write_musicxml, ".mp3": write_audio}
_CHUNK_SECOND = 0.04  # the kernel draws for so long, and is free again


class Draft(Player):
    """A player of a score that is still being written, and below its roll how open each moment was.

    The page asks for a chunk, draws what comes and asks again, so that nothing waits long for the kernel, not even a
    press of Stop; without a page, call ``pull`` until it returns False. Under the roll stands the entropy in nats, of
    all words of a moment together, under the model as it is.

    Attributes
    ----------
    score : Score
        What is written so far.
    draws : list of Draw
        How it was drawn.
    paid : dict of str to float
        Nats of probability that the grammar, and each rule, removed in all.
    running : bool
        Whether more is to come.
    entropy : list of [second, nats]
        What the strip shows.
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
    >>> while draft.pull():
    ...     pass
    >>> len(draft.draws) > 4, draft.file(".mid")[:4]
    (True, b'MThd')
    """

    _esm = page("player", "draft")

    running = traitlets.Bool(False).tag(sync=True)
    entropy = traitlets.List().tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    progress = traitlets.Float(0.0).tag(sync=True)
    chunk = traitlets.Int(0).tag(sync=True)  # a page that asks names the last one it saw, so two pages do not ask twice

    def __init__(self) -> None:
        super().__init__(Score([], title="Nothing yet"))
        self.draws: list[Draw] = []

    def start(
        self, tok: Tokenizer, draws: Iterator[Draw], primer: Sequence[int] = (), n_bars: int = 1, **about: str
    ) -> None:
        """Begin with the ids of a primer and go on with the draws; it is to be ``n_bars`` long.

        ``about`` gives the score its title and source.
        """
        self._tok, self._source, self._primer, self._n_bars, self._about = tok, draws, list(primer), n_bars, about
        self.draws, self.score, self._began = [], Score([], **about), perf_counter()
        with self.hold_sync():
            self.audio, self.position, self.playing, self.region, self.entropy = b"", 0.0, False, [], []
            self.running = True
            self.pull()

    def pull(self) -> bool:
        """Draw for some 40 ms and show what there is now; return whether more is to come."""
        end = perf_counter() + _CHUNK_SECOND
        with self.hold_sync():
            more = self.running
            while more and perf_counter() < end:
                draw = next(self._source, None)
                more = draw is not None
                self.draws += [draw] if more else []
            self._show(more)
            self.chunk += 1
        return more

    def stop(self) -> None:
        """Leave it as it is."""
        if self.running:
            self._show(more=False)

    @property
    def paid(self) -> dict[str, float]:
        return {
            name: sum(draw.paid[name] for draw in self.draws) for name in (self.draws[0].paid if self.draws else ())
        }

    def file(self, suffix: str) -> bytes:
        """Return the score as a file with this suffix: .mid, .musicxml or .mp3."""
        require(suffix in FILES, "suffix", f"one of {tuple(FILES)}", repr(suffix))
        with tempfile.TemporaryDirectory() as folder:
            return FILES[suffix](self.score, Path(folder, f"score{suffix}")).read_bytes()

    def _show(self, more: bool) -> None:
        ids = self._tok.finish([*self._primer, *(draw.id for draw in self.draws if draw.id != EOS)])
        if ids:
            self.score, self.entropy = replace(self._tok.decode(ids), **self._about), self._moments(ids)
        for name, value in drawn(self._whole() if more else self.score).items():
            setattr(self, name, value)
        self.progress = min(1.0, self.score.n_bars / self._n_bars)
        self.said = f"{len(self.draws)} words, {len(self.draws) / (perf_counter() - self._began):.0f} a second"
        self.running = more

    def _whole(self) -> Score:
        """Return the score as long as it is to be, so that the roll keeps its scale while more is to come."""
        score, (_, beats, unit) = self.score, self.score.time_signatures[0]
        length = score.pickup + self._n_bars * score.resolution * 4 * beats // unit
        return replace(score, length=max(score.length, length))

    def _moments(self, ids: Sequence[int]) -> list[list[float]]:
        score, nats = self._tok.decode(ids), Counter()
        for link, draw in zip(link_words(self._tok, ids, score)[len(self._primer) :], self.draws, strict=False):
            nats[link.tick] += draw.entropy if link.kind != "header" else 0.0
        return [[round(float(score.seconds(tick)), 4), round(value, 3)] for tick, value in nats.items()]

    def _answer(self, widget, content: dict, buffers) -> None:
        super()._answer(widget, content, buffers)
        if content.get("ask") == "chunk" and content["chunk"] == self.chunk:
            self.pull()
        elif content.get("ask") == "file":
            self.send({"file": f"musiclab{content['suffix']}"}, [self.file(content["suffix"])])

    def __repr__(self) -> str:
        return f"Draft({self.score!r}, {self.said})"
