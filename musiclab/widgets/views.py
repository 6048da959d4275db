"""One note in five views: move it, and the roll, the staff, the note table, the MIDI bytes and the clock follow."""

from dataclasses import replace

import ipywidgets
import numpy as np

from musiclab.errors import require
from musiclab.pitch import pitch_name
from musiclab.plots import plot_roll
from musiclab.score import NOTE, Score
from musiclab.widgets.display import Pictured, staff_html
from musiclab.widgets.knobs import LOOK, ROW
from musiclab.widgets.player import Player

_UNITS = (("note", "row"), ("pitch", "MIDI"), ("onset", "ticks"), ("duration", "ticks"))
_CARDS = "display:flex;flex-wrap:wrap;gap:10px"
_CARD = '<div style="border:1px solid #8884;border-radius:10px;padding:8px 14px"><b>{}</b><pre>{}</pre></div>'


def move_note(
    score: Score, index: int, pitch: int | None = None, onset: int | None = None, duration: int | None = None
) -> Score:
    """Return the score with one note changed; what is left out stays, and the score grows if the note ends later.

    Parameters
    ----------
    index : int
        Row of the note in ``score.notes``. The notes of the result are sorted again, so the row may be another.
    pitch : int, optional
        MIDI number.
    onset, duration : int, optional
        Ticks.

    Raises
    ------
    ValueError
        If there is no such note, or a value is out of its range.

    Notes
    -----
    Notebook: 01_music_as_numbers.

    Examples
    --------
    >>> tune = Score([(0, 24, 60), (24, 24, 62)])
    >>> move_note(tune, 0, pitch=67, onset=48).notes[["onset", "duration", "pitch"]].tolist()
    [(24, 24, 62), (48, 24, 67)]
    """
    row = _moved_row(score, index, pitch=pitch, onset=onset, duration=duration)
    notes = [*np.delete(score.notes, index).tolist(), row]
    return replace(score, notes=notes, length=max(score.length, row[0] + row[1]))


def _moved_row(score: Score, index: int, **changes: int | None) -> tuple[int, ...]:
    require(0 <= index < len(score), "note", f"a row in 0..{len(score) - 1}", index)
    row = dict(zip(NOTE.names, score.notes[index].tolist(), strict=True))
    return tuple({**row, **{name: value for name, value in changes.items() if value is not None}}.values())


class NoteViews(Pictured, ipywidgets.VBox):
    """One note of a score in five views that follow when it is moved: by the sliders, or by ``set``.

    The views are the roll, which plays, the engraved staff, the rows of the note table, the MIDI events, and the clock
    (quarters, seconds, hertz). A page without a kernel shows a picture. After a move, the sound is made when
    play is pressed.

    Parameters
    ----------
    score : Score
        A short tune, best of one part.
    note : int
        Row of the note in ``score.notes``.

    Attributes
    ----------
    score : Score
        The tune as it is now.
    note : int
        The note's row now: the table stays sorted, so a note that passes another changes places with it.
    player : Player
        The roll; the note has a colour of its own.
    staff, text : ipywidgets.HTML
        The other views.

    Raises
    ------
    ValueError
        If there is no such note.

    Notes
    -----
    Notebook: 01_music_as_numbers.

    Examples
    --------
    >>> views = NoteViews(Score([(0, 24, 60), (24, 24, 62)]), note=0)
    >>> views.set(pitch=67, onset=48)
    >>> views.note, views.score.notes["pitch"].tolist()
    (1, [62, 67])
    """

    def __init__(self, score: Score, note: int = 0) -> None:
        _moved_row(score, note)  # refuses a note that is not there
        self.score, self.player = score, Player(_marked(score, note))
        self.staff, self.text = ipywidgets.HTML(), ipywidgets.HTML()
        self.sliders = {name: ipywidgets.IntSlider(description=f"{name} ({unit})", **LOOK) for name, unit in _UNITS}
        self._show(score, note)
        for name, slider in self.sliders.items():
            slider.observe(lambda change, name=name: self._showing or self.set(**{name: change["new"]}), "value")
        super().__init__([ipywidgets.Box([*self.sliders.values()], layout=ROW), self.player, self.staff, self.text])

    def set(self, note: int | None = None, **move: int) -> None:
        """Choose another note, or move the note as ``move_note`` does (pitch, onset, duration); every view follows."""
        note = self.note if note is None else note
        moved = move_note(self.score, note, **move)
        self._show(moved, moved.notes.tolist().index(_moved_row(self.score, note, **move)))

    def _show(self, score: Score, note: int) -> None:
        sound = self.player.audio if score == self.score else b""  # if it moved, it is made when play is pressed
        self.score, self.note, self._showing = score, note, True  # the sliders' own news are not moves
        onset, duration, pitch, *_ = score.notes[note].tolist()
        step, pitches = max(1, score.resolution // 4), score.notes["pitch"].tolist()
        limits = (
            (0, len(score) - 1, note, 1),
            (min(48, *pitches), max(84, *pitches), pitch, 1),
            (0, score.length - duration, onset, step),
            (min(step, duration), score.length - onset, duration, step),
        )
        for slider, (low, high, value, by) in zip(self.sliders.values(), limits, strict=True):
            with slider.hold_trait_notifications():
                slider.min, slider.max, slider.value, slider.step = low, high, value, by
        self.player.show(_marked(score, note), sound)
        cards = "".join(_CARD.format(heading, text) for heading, text in _words(score, note).items())
        self.staff.value, self.text.value = staff_html(score, [note]), f'<div style="{_CARDS}">{cards}</div>'
        self._showing = False

    def _draw(self, figure) -> None:
        """Put the roll on a figure, and the texts below."""
        figure.set_figheight(4.2)
        roll, *cards = figure.subplot_mosaic([[0, 0, 0], [1, 2, 3]], width_ratios=(8, 5, 4)).values()
        plot_roll(self.player.score, roll)
        for ax, (heading, text) in zip(cards, _words(self.score, self.note).items(), strict=True):
            ax.axis("off")
            ax.text(0, 1, f"{heading}\n{text}", family="monospace", size=7.5, va="top", linespacing=1.4)


def _marked(score: Score, note: int) -> Score:
    """Return the score with the note as a part of its own, which gives it a colour."""
    notes = score.notes.copy()
    mark = score.parts[notes["part"][note]]._replace(name=f"note {note}")
    notes["part"][note] = len(score.parts)
    return replace(score, notes=notes, parts=(*score.parts, mark))


def _words(score: Score, note: int) -> dict[str, str]:
    """Return the views that are text, by heading."""
    onset, duration, pitch, velocity, part = score.notes[note].tolist()
    channel = 9 if score.parts[part].is_drum else part % 9  # MIDI's channel 9 is the drums'
    table = "row  onset duration pitch velocity part"
    for i in range(len(score))[max(0, note - 2) : note + 3]:
        table += "\n{:3}{} {:5} {:8} {:5} {:8} {:4}".format(i, " ▸"[i == note], *score.notes[i].tolist())
    ticks = np.array([onset, onset + duration])
    on = f"tick {ticks[0]:<5} {0x90 + channel:02x} {pitch:02x} {velocity:02x}  note on\n"
    off = f"tick {ticks[1]:<5} {0x80 + channel:02x} {pitch:02x} 00  note off"
    clock = f"{pitch_name(pitch)} = {440 * 2 ** ((pitch - 69) / 12):.1f} Hz\n"
    times = (*ticks / score.resolution, *score.seconds(ticks))
    clock += "quarters {:g} to {:g}\nseconds  {:.3f} to {:.3f}".format(*times)
    return {"Note table": table, "MIDI events": on + off, "Clock": clock}
