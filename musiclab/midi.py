"""MIDI files in and out, and the exchange with pretty_midi.

A MIDI file counts time in ticks as a `Score` does, so notes, metres and keys come through exactly. Two things need a
rule. Tempos are stored as whole microseconds per quarter; the reader gives the roundest number of quarters per minute
that is stored so: 600000 reads as 100.0, 487805 as 123.0. A pickup is stored as notation programs do, as a short first
metre of one bar. What such metres cannot say is written as a marker, as is silence after the last note.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import symusic

from musiclab.errors import MidiError, require
from musiclab.files import attempt, in_parallel, write_whole
from musiclab.pitch import shift_key
from musiclab.score import DENOMINATORS, MODES, WIDE_NOTE, Key, Part, Score, Tempo, TimeSignature

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

SUFFIXES = (".mid", ".midi", ".kar")
_PEDAL = 64
_PICKUP, _END = "musiclab pickup", "musiclab end"


class FileStatus(NamedTuple):
    """What became of one file of a folder: its path in there, ``"read"`` or ``"failed"``, and why or what it lost."""

    file: str
    status: str
    reason: str


# --- reading ----------------------------------------------------------------------------------------------------------


def read_midi(path: str | os.PathLike, sustain: bool = False) -> Score:
    """Return the score in a MIDI file, in the file's own ticks per quarter.

    Parts come by (track, channel, program); a part plays drums if it is on channel 10. Equal pitches that overlap in
    one part are paired first in, first out. A first metre that holds for one bar, shorter than the bars after it, is
    read as the pickup of the second. Silence after the last note is kept only in files by `write_midi`.

    Parameters
    ----------
    path : path of a file of type 0 or 1
    sustain : bool
        Lengthen the notes of each part to where its sustain pedal (controller 64, down from 64 on) comes up, or to
        the end of the last note if it never does. Striking the same pitch again ends the earlier note.

    Raises
    ------
    MidiError
        If the file cannot be read; the text names the path and what is wrong.
    FileNotFoundError
        If there is no such file.

    Warns
    -----
    UserWarning
        Once a file, with counts: controllers, pitch bends, notes of no length, and tempos, metres or keys out of range
        were dropped. Texts, system messages, notes that never end and parts without notes are left out silently.

    Notes
    -----
    Parsed by symusic [1]_. Notebook: 01_music_as_numbers.

    References
    ----------
    .. [1] Yikai Liao, Zhongqi Luo: symusic, https://github.com/Yikai-Liao/symusic

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = write_midi(Score([(0, 24, 60), (24, 72, 64)], title="Two notes"), f"{folder}/two.mid")
    ...     read_midi(file)
    Score('Two notes', 2 notes, 1 part, 1 bar of 4/4, 4 quarters)
    """
    path = Path(path)
    data = path.read_bytes()
    try:
        midi, title = _parse(data), _first_name(data)
        of_a_part = title in ("", *(track.name for track in midi.tracks))
        return _score(midi, path.stem if of_a_part else title, path.name, Counter(), sustain)
    except (ValueError, RuntimeError) as error:  # RuntimeError is symusic's
        raise MidiError(f"{path}: {error}") from error


def _parse(data: bytes) -> symusic.Score:
    """Return what symusic reads in the bytes, after a plain word on what it cannot read."""
    if data[:4] != b"MThd":
        raise ValueError("not a MIDI file: it does not begin with MThd")
    if data[8:10] == b"\0\2":
        raise ValueError("a MIDI file of type 2 (independent sequences); only types 0 and 1 can be read")
    if data[12:13] >= b"\x80":
        raise ValueError("its time is in SMPTE frames; only ticks per quarter can be read")
    return symusic.Score.from_midi(data)


def _first_name(data: bytes) -> str:
    """Return the name of the first track, by the standard the title of the file; symusic keeps only names of parts."""
    data, at = data + bytes(4), 22
    while data[at : at + 2] == b"\0\xff" and data[at + 2] != 3:
        at += 4 + data[at + 3]
    found = data[at : at + 3] == b"\0\xff\3" and data[at + 3] < 128
    return data[at + 4 : at + 4 + data[at + 3]].decode(errors="replace").strip() if found else ""


def _score(midi: symusic.Score, title: str, source: str, dropped: Counter, sustain: bool = False) -> Score:
    """Return the parts with notes and what else a score can hold, and warn once of what is dropped."""
    table = _table(midi.tracks, sustain, dropped)
    lasting = table[:, table[1] != 0]
    dropped["notes of no length"] = table.shape[1] - lasting.shape[1]
    sounding, lasting[4] = np.unique(lasting[4], return_inverse=True)
    parts = [Part(t.name, t.program, t.is_drum) for t in midi.tracks]
    metres, tempos, keys = _signs(midi, dropped)
    marks = {m.text: m.time for m in midi.markers}
    length = max(int((lasting[0] + lasting[1]).max(initial=0)), marks.get(_END, 0))
    pickup, metres = _split_pickup(metres, midi.tpq, length, marks)
    if counts := ", ".join(f"{what}: {n}" for what, n in sorted(dropped.items()) if n):
        warnings.warn(f"{source}: dropped {counts}", UserWarning, stacklevel=3)
    notes, parts = lasting.T.copy().view(WIDE_NOTE).ravel(), [parts[i] for i in sounding]
    return Score(notes, parts, length, midi.tpq, pickup, metres, tempos, keys, title, source)


def _table(tracks: Sequence[symusic.Track], sustain: bool, dropped: Counter) -> np.ndarray:
    """Return all notes, shape (5, n): onset, duration, pitch, velocity, part."""
    tables = []
    for part, track in enumerate(tracks):
        notes, controls = track.notes.numpy(), track.controls.numpy()
        columns = [notes[name] for name in ("time", "duration", "pitch", "velocity")]
        tables.append(np.array([*columns, np.full(len(columns[0]), part)], dtype=np.int64))
        n_pedal = int((controls["number"] == _PEDAL).sum())
        dropped["sustain pedal events"] += 0 if sustain else n_pedal
        dropped["other controllers"] += len(controls["number"]) - n_pedal
        dropped["pitch bends"] += len(track.pitch_bends)
    last = max((int((t[0] + t[1]).max(initial=0)) for t in tables), default=0)
    for table, track in zip(tables, tracks if sustain else (), strict=sustain):
        _hold(table, track.controls.numpy(), last)
    return np.hstack([np.zeros((5, 0), dtype=np.int64), *tables])


def _hold(table: np.ndarray, controls: dict[str, np.ndarray], last: int) -> None:
    """Lengthen a part's notes to pedal-up, in place; a pedal event counts before a note that ends on the same tick."""
    is_pedal = controls["number"] == _PEDAL
    ticks, down = controls["time"][is_pedal], np.append(False, controls["value"][is_pedal] >= 64)
    onset, pitch = table[0], table[2]
    end = onset + table[1]
    held = down[np.searchsorted(ticks, end, side="right")]
    ups = ticks[~down[1:]]
    release = np.append(ups, last)[np.searchsorted(ups, end, side="right")]
    struck = pitch * 2**32 + onset
    strikes = np.append(np.unique(struck), 2**62)
    again = strikes[np.searchsorted(strikes, struck, side="right")] - pitch * 2**32
    table[1] = np.where(held, np.maximum(end, np.minimum(release, again)), end) - onset


def _tempo(microseconds: int) -> float:
    """Return the roundest number of quarters per minute that is stored as so many microseconds per quarter."""
    exact = 6e7 / microseconds
    rounded = (round(exact, digits) for digits in range(9))
    return next((tempo for tempo in rounded if round(6e7 / tempo) == microseconds), exact)


def _microseconds(tempo: float) -> int:
    require(3.57627 <= tempo <= 6e7, "tempo", "in 3.57627..6e7 quarters per minute in MIDI", tempo)
    return min(round(6e7 / tempo), 2**24 - 1)


def _signs(midi: symusic.Score, dropped: Counter) -> tuple[list[TimeSignature], list[Tempo], list[Key]]:
    """Return the metres, tempos and keys that a score can hold, and count the others."""
    metres = [TimeSignature(m.time, m.numerator, m.denominator) for m in midi.time_signatures]
    metres = [m for m in metres if m.onset >= 0 and m.numerator >= 1 and m.denominator in DENOMINATORS]
    tempos = [Tempo(t.time, _tempo(t.mspq)) for t in midi.tempos if t.time >= 0 and t.mspq > 0]
    keys = [Key(k.time, k.key, MODES[k.tonality]) for k in midi.key_signatures if k.tonality in (0, 1)]
    keys = [k for k in keys if k.onset >= 0 and -7 <= k.fifths <= 7]
    dropped["metres out of range"] = len(midi.time_signatures) - len(metres)
    dropped["tempos out of range"] = len(midi.tempos) - len(tempos)
    dropped["keys out of range"] = len(midi.key_signatures) - len(keys)
    return metres, tempos, keys


def _split_pickup(metres: list, resolution: int, length: int, marks: dict) -> tuple[int, list[TimeSignature]]:
    """Return the pickup, and the metres without the short first one that stood for it."""
    metres = sorted({m.onset: m for m in metres}.values())
    if _PICKUP in marks:
        return min(max(marks[_PICKUP], 0), length), metres
    match metres:
        case [(0, n, d), (pickup, next_n, next_d), *later] if pickup * d == 4 * resolution * n:  # it holds for one bar
            if n * next_d < next_n * d and pickup <= length:
                return pickup, [TimeSignature(0, next_n, next_d), *later]
    return 0, metres


# --- writing ----------------------------------------------------------------------------------------------------------


def write_midi(score: Score, path: str | os.PathLike) -> Path:
    """Return the path of the MIDI file (type 1) just written, whole or not at all.

    `read_midi` gives an equal score back, but for what MIDI cannot say: where equal pitches of one part overlap, the
    first to begin is the first to end; parts without notes are lost; tempos are whole microseconds per quarter; one key
    holds at a time. The first track holds title, metres, tempos and keys; each part has a track of its own, drums on
    channel 10, and as far as there are enough a channel.

    Raises
    ------
    ValueError
        If the resolution is above 32767, a tempo below 3.57627 quarters per minute, or it is 2**28 ticks long.
    FileNotFoundError
        If the folder does not exist.

    Notes
    -----
    Notebook: 01_music_as_numbers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> score = Score([(0, 24, 67), (24, 96, 72)], pickup=24, keys=[(0, -3, "minor")])
    >>> with TemporaryDirectory() as folder:
    ...     read_midi(write_midi(score, f"{folder}/tune.mid")) == score
    True
    """
    changes = (*score.time_signatures, *score.tempos, *score.keys)
    last = max(score.length, *(change.onset for change in changes))
    require(score.resolution < 2**15, "resolution", "at most 32767 ticks per quarter in a MIDI file", score.resolution)
    require(last < 2**28, "length", "below 2**28 ticks in a MIDI file", last)
    metres, marks = _metres_and_marks(score)
    midi = symusic.Score(score.resolution)
    midi.time_signatures.extend([symusic.TimeSignature(*m) for m in metres])
    midi.tempos.extend([symusic.Tempo(t.onset, mspq=_microseconds(t.quarters_per_minute)) for t in score.tempos])
    midi.key_signatures.extend([symusic.KeySignature(k.onset, k.fifths, MODES.index(k.mode)) for k in score.keys])
    midi.markers.extend([symusic.TextMeta(tick, text) for text, tick in marks.items()])
    midi.tracks.append(symusic.Track(score.title))  # the name of the first track is the title of the file
    for i, part in enumerate(score.parts):
        track = symusic.Track(*part)
        track.notes.extend([symusic.Note(*row[:4]) for row in score.notes[score.notes["part"] == i].tolist()])
        midi.tracks.append(track)
    return write_whole(path, midi.dumps_midi())


def _metres_and_marks(score: Score) -> tuple[list[TimeSignature], dict[str, int]]:
    """Return the metres to write, a short first one standing for the pickup, and markers for what these cannot say."""
    pickup, metres = score.pickup, list(score.time_signatures)
    marks = {_END: score.length} if score.length > score.end.max(initial=0) else {}
    candidates = [metres]
    for d in (d for d in DENOMINATORS if d >= metres[0].denominator):
        short = TimeSignature(0, min(255, pickup * d // (4 * score.resolution)), d)
        candidates.append([short, metres[0]._replace(onset=pickup), *metres[1:]])
    for candidate in candidates:
        if _split_pickup(candidate, score.resolution, score.length, {}) == (pickup, metres):
            return candidate, marks
    return metres, {**marks, _PICKUP: pickup}


# --- pretty_midi ------------------------------------------------------------------------------------------------------


def from_pretty_midi(pm: PrettyMIDI) -> Score:
    """Return the score in a ``PrettyMIDI`` object, seconds moved to the nearest tick of its own tick map.

    Controllers, pitch bends and notes of no length are dropped and counted in one ``UserWarning``; the pickup is read
    as in `read_midi`. A key has the spelling with the fewest accidentals, since pretty_midi keeps only its tonic.

    Raises
    ------
    ValueError, TypeError
        If a value is out of a `Score`'s range.

    Examples
    --------
    >>> import pretty_midi
    >>> pm = pretty_midi.PrettyMIDI(resolution=24)
    >>> pm.instruments.append(pretty_midi.Instrument(0, name="Flute"))
    >>> pm.instruments[0].notes.append(pretty_midi.Note(80, 60, start=0.5, end=1.0))
    >>> from_pretty_midi(pm).notes.tolist()
    [(24, 24, 60, 80, 0)]
    """
    dropped = Counter(controllers=sum(len(i.control_changes) for i in pm.instruments))
    dropped["pitch bends"] = sum(len(i.pitch_bends) for i in pm.instruments)
    midi, tick = symusic.Score(pm.resolution), pm.time_to_tick
    for i in pm.instruments:
        track = symusic.Track(i.name, i.program, i.is_drum)
        rows = [(tick(n.start), tick(n.end), n.pitch, n.velocity) for n in i.notes]
        track.notes.extend([symusic.Note(start, end - start, *rest) for start, end, *rest in rows])
        midi.tracks.append(track)
    metres = [(tick(t.time), t.numerator, t.denominator) for t in pm.time_signature_changes]
    midi.time_signatures.extend([symusic.TimeSignature(*metre) for metre in metres])
    tempos = zip(*pm.get_tempo_changes(), strict=True)
    midi.tempos.extend([symusic.Tempo(tick(second), mspq=_microseconds(float(tempo))) for second, tempo in tempos])
    keys = [(tick(k.time), *divmod(k.key_number, 12)) for k in pm.key_signature_changes]  # 12 more in minor
    keys = [(onset, shift_key(0, tonic + 3 * minor), minor) for onset, minor, tonic in keys]
    midi.key_signatures.extend([symusic.KeySignature(*key) for key in keys])
    midi.markers.extend([symusic.TextMeta(tick(text.time), text.text) for text in pm.text_events])
    return _score(midi, "", "PrettyMIDI object", dropped)


def to_pretty_midi(score: Score) -> PrettyMIDI:
    """Return the score as a ``PrettyMIDI`` object, times in seconds, with its tempos and resolution as tick map.

    Raises
    ------
    ValueError
        If the score is longer than the 10 million ticks that pretty_midi allows.

    Examples
    --------
    >>> score = Score([(0, 24, 60)], tempos=[(0, 60)])
    >>> pm = to_pretty_midi(score)
    >>> float(pm.get_end_time()), from_pretty_midi(pm) == score
    (1.0, True)
    """
    import pretty_midi

    last = max(score.length, score.tempos[-1].onset)
    require(last < 10**7, "length", "below 10000000 ticks for pretty_midi", last)
    pm = pretty_midi.PrettyMIDI(resolution=score.resolution)
    # pretty_midi has no public way to set tempo changes; note_seq sets its tick map in the same two lines.
    pm._tick_scales = [(t.onset, 60.0 / (t.quarters_per_minute * score.resolution)) for t in score.tempos]
    pm._update_tick_to_time(score.length)

    second = score.seconds
    metres, marks = _metres_and_marks(score)
    pm.time_signature_changes = [pretty_midi.TimeSignature(m[1], m[2], second(m.onset)) for m in metres]
    numbers = [(7 * k.fifths - 3) % 12 + 12 if k.mode == "minor" else 7 * k.fifths % 12 for k in score.keys]
    pm.key_signature_changes = [*map(pretty_midi.KeySignature, numbers, second([k.onset for k in score.keys]))]
    pm.text_events = [pretty_midi.Text(text, second(tick)) for text, tick in marks.items()]
    pm.instruments = [pretty_midi.Instrument(p.program, p.is_drum, p.name) for p in score.parts]
    times = second([score.notes["onset"], score.end]).T.tolist()
    for (_, _, pitch, velocity, part), (start, end) in zip(score.notes.tolist(), times, strict=True):
        pm.instruments[part].notes.append(pretty_midi.Note(velocity, pitch, start, end))
    return pm


# --- folders ----------------------------------------------------------------------------------------------------------


def load_folder(path: str | os.PathLike, sustain: bool = False) -> tuple[list[Score], list[FileStatus]]:
    """Return the scores of all MIDI files in a folder and below, by name, and a table of what became of each file.

    A file that cannot be read is a row of the table, never an error. Rows are ``(file, status, reason)``; the scores
    are those of the rows ``"read"``, whose reason says what was dropped.

    Parameters
    ----------
    path : path of a folder
    sustain : bool
        As in `read_midi`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = write_midi(Score([(0, 24, 60)]), f"{folder}/good.mid")
    ...     n = Path(folder, "bad.mid").write_bytes(b"no music")
    ...     scores, table = load_folder(folder)
    >>> len(scores), [row.status for row in table]
    (1, ['failed', 'read'])
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    read = in_parallel(partial(attempt, partial(read_midi, sustain=sustain)), files, folder.name, jobs=1)
    names = [file.relative_to(folder).as_posix() for file in files]
    table = [FileStatus(name, *told) for name, (_, *told) in zip(names, read, strict=True)]
    return [score for score, *_ in read if score is not None], table
