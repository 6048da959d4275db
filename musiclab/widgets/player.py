"""The player: a score as a piano roll that sounds."""

from dataclasses import replace
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from musiclab.audio import audio_bytes, choose_synthesizer
from musiclab.errors import require
from musiclab.plots import bar_numbers, part_color, part_name
from musiclab.score import Score
from musiclab.widgets.display import Pictured

_STATIC = Path(__file__).parent / "static"
_AT_ONCE_SECOND = 60  # sound of longer scores is made when play is pressed first


def page(*names: str) -> str:
    """Return scripts as one module: each knows the names of those before it, and the last one's export counts."""
    *before, last = ((_STATIC / f"{name}.js").read_text(encoding="utf-8") for name in names)
    return "".join(script.rsplit("export default", 1)[0] for script in before) + last


class Player(Pictured, anywidget.AnyWidget):
    """A score as a piano roll that plays: click to seek; space plays, arrows seek, Home goes to the start.

    Drag over the roll, or press shift and arrows, to choose a region, which then plays alone; Escape lets it go. A
    part's button mutes it, with shift all the others.

    Everything it shows and does is plain state, so it can be driven without a browser. Its sound is not saved in the
    notebook; a page without a kernel shows a picture of the roll instead.

    Parameters
    ----------
    score : Score
        What to show and play.
    synthesizer : str
        As in ``musiclab.render``; the caption names the one that sounds.

    Attributes
    ----------
    notes : list of [onset, duration, pitch, velocity, part]
        Onset and duration in seconds; may grow while the player is shown.
    bars : list of [onset, number]
        Bar lines, onset in seconds.
    parts : list of [name, color]
        The legend.
    muted : list of int
        The parts that do not sound.
    region : [start, stop] or []
        What is chosen, in seconds; ``selection`` is the score of it.
    duration, position : float
        Length of the score and place of the playhead, in seconds; set ``position`` to seek. The page reports it when
        it seeks or pauses.
    playing : bool
        Set it to play or pause.
    audio : bytes
        The sound as mp3.
    title, caption : str
        What stands above the roll.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> player = Player(Score([(0, 24, 60), (24, 24, 64)]), synthesizer="sines")
    >>> player.notes, player.duration
    ([[0.0, 0.5, 60, 64, 0], [0.5, 0.5, 64, 64, 0]], 1.0)
    >>> player.region = [0.5, 1.0]
    >>> player.selection.notes["pitch"].tolist()
    [64]
    """

    _esm = _STATIC / "player.js"
    _css = _STATIC / "player.css"

    notes, bars, parts, muted, region = (traitlets.List().tag(sync=True) for _ in range(5))
    duration, position = (traitlets.Float(0.0).tag(sync=True) for _ in range(2))
    title, caption = (traitlets.Unicode("").tag(sync=True) for _ in range(2))
    audio = traitlets.Bytes(b"").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, score: Score, synthesizer: str = "auto", **kwargs) -> None:
        self.synthesizer = choose_synthesizer(synthesizer)
        super().__init__(caption=f"sound: {self.synthesizer}", **kwargs)
        self.on_msg(self._answer)
        self.show(score)
        if score.length_second <= _AT_ONCE_SECOND:
            self.make_sound()

    def show(self, score: Score, audio: bytes = b"") -> None:
        """Show another score; if its sound is not given, it is made when play is pressed."""
        seconds = np.stack([score.onset_second, score.duration_second], axis=1).round(4).tolist()
        with self.hold_sync():
            self.score, self.audio = score, audio
            self.notes = [[*at, *rest] for at, (_, _, *rest) in zip(seconds, score.notes.tolist(), strict=True)]
            self.bars = [[float(score.seconds(onset)), number] for onset, number in bar_numbers(score)]
            self.parts = [[part_name(score, i), part_color(i)] for i in range(len(score.parts))]
            self.duration, self.title = score.length_second, score.title or score.source or "Score"

    def make_sound(self) -> None:
        """Fill ``audio`` with the sound of the parts that are not muted, unless it is there."""
        self.audio = self.audio or self._mp3()

    def _mp3(self) -> bytes:
        notes = self.score.notes
        heard = replace(self.score, notes=notes[~np.isin(notes["part"], self.muted)])
        return audio_bytes(heard, "mp3", synthesizer=self.synthesizer)

    @property
    def selection(self) -> Score:
        ticks = np.arange(self.score.length + 1)
        start, stop = np.interp(self.region or [0, np.inf], self.score.seconds(ticks), ticks).round().astype(int)
        return self.score.excerpt(int(start), int(stop))

    @traitlets.validate("region")
    def _in_order(self, proposal) -> list[float]:
        ok = not proposal.value or (len(proposal.value) == 2 and 0 <= proposal.value[0] < proposal.value[1])
        require(ok, "region", "[] or [start, stop] in seconds", proposal.value)
        return proposal.value

    @traitlets.observe("muted")
    def _mute(self, _change) -> None:
        if self.audio:
            self.audio = self._mp3()

    def _answer(self, _widget, content: dict, _buffers) -> None:
        if content.get("ask") == "sound":
            self.make_sound()
