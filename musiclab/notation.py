"""Written music: to and from music21, MusicXML and ABC, and engraved staves as SVG.

Notation counts in bars and note values, a score in ticks. Reading merges ties into one note and keeps the bar lines
where they are written; writing cuts notes at bar lines and spells pitches after the key signature.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musiclab.errors import optional, require
from musiclab.files import write_whole
from musiclab.pitch import spell
from musiclab.score import DEFAULT_VELOCITY, Key, Part, Score, TimeSignature

if TYPE_CHECKING:
    import music21

RESOLUTION = 24  # ticks per quarter of every score read here: 64th notes' triplets are exact
MARK = "#D00000"
_DRUM_CHANNEL = 9  # General MIDI, counted from 0


# --- reading --------------------------------------------------------------------------------------------------------


def from_music21(stream: music21.stream.Stream, tempo: float = 120.0) -> Score:
    """Return a music21 stream as a score, 24 ticks per quarter, one part per music21 part.

    Ties become one note; repeated notes stay apart; repeats stay as written, not played out. A first bar that is too
    short becomes the pickup. A bar written in two halves (a repeat sign inside) is one bar; where the written bar lines
    leave the metre's grid, the metre is stated again. A signature without a mode, or with a church mode other than
    aeolian, is kept as the major key of the same signature. Chord symbols, fermatas, dynamics and lyrics are left out.

    Parameters
    ----------
    stream : music21 stream
        A score, a part, or a flat stream of notes.
    tempo : float
        Quarters per minute where the stream states none.

    Warns
    -----
    UserWarning
        Once, with the numbers of grace notes and unpitched notes dropped, and of notes moved to the nearest tick
        (tuplets finer than a 24th of a quarter).

    Raises
    ------
    ValueError
        If a value does not fit a score, such as a signature of more than seven sharps.

    References
    ----------
    Agrees with music21's ``stripTies`` in onsets, pitches and durations.

    Notes
    -----
    Notebook: 01_music_as_numbers.

    Examples
    --------
    >>> from music21 import converter
    >>> from_music21(converter.parse("tinyNotation: 3/4 c4 d8 e f4~ f2 r4"))
    Score(4 notes, 1 part, 2 bars of 3/4, 6 quarters)
    """
    if any(part.atSoundingPitch is False for part in stream.getElementsByClass("Part")):
        stream = stream.toSoundingPitch()  # written for transposing instruments
    sources = list(stream.getElementsByClass("Part")) or [stream]
    flats = [source.flatten() for source in sources]
    dropped: Counter[str] = Counter()
    rows = [row for i, flat in enumerate(flats) for row in _note_rows(flat, i, dropped)]
    if dropped.total():
        warnings.warn("; ".join(f"{what}: {n}" for what, n in dropped.items() if n), stacklevel=2)
    length = max([_tick(stream.highestTime), *(onset + duration for onset, duration, *_ in rows)])
    bars = list(sources[0].getElementsByClass("Measure"))
    pickup, starts = _pickup(bars), {*(_tick(bar.offset) for bar in bars), length}
    metres = [(onset, t.numerator, t.denominator) for onset, t in _placed(sources[0], "TimeSignature")]
    metres = _restated(Score([], time_signatures=metres).time_signatures, starts, pickup)
    tempos = [(0, tempo), *_tempos(stream.flatten()["MetronomeMark"])]
    title = (stream.metadata.title or stream.metadata.movementName or "").strip() if stream.metadata else ""
    parts = [_part(source, flat) for source, flat in zip(sources, flats, strict=True)]
    return Score(rows, parts, length, RESOLUTION, pickup, metres, tempos, _keys(sources[0]), title)


def _tick(quarters: float | Fraction) -> int:
    return int(quarters * RESOLUTION + Fraction(1, 2))


def _note_rows(flat: music21.stream.Stream, part: int, dropped: Counter[str]) -> list[list[int]]:
    """Return rows of one part with ties merged; count in ``dropped`` what a score cannot hold."""
    rows: list[list[int]] = []
    tied: dict[int, list[int]] = {}  # pitch -> row that goes on
    for element in flat.notes:
        if "ChordSymbol" in element.classes:
            continue
        if element.duration.isGrace or not element.pitches:
            dropped["grace notes dropped" if element.duration.isGrace else "unpitched notes dropped"] += 1
            continue
        onset, end = _tick(element.offset), _tick(element.offset + element.quarterLength)
        exact = (element.offset * RESOLUTION, element.quarterLength * RESOLUTION) == (onset, end - onset)
        for note in getattr(element, "notes", [element]):
            pitch, tie = note.pitch.midi, note.tie.type if note.tie else ""
            row = tied.pop(pitch, None)
            if tie in ("stop", "continue") and row and row[0] + row[1] == onset:
                row[1] = end - row[0]
            else:
                dropped["notes moved to the nearest tick"] += not exact
                rows.append(row := [onset, max(1, end - onset), pitch, note.volume.velocity or DEFAULT_VELOCITY, part])
            if tie in ("start", "continue"):
                tied[pitch] = row
    return rows


def _pickup(bars: list) -> int:
    """Return the ticks of a first bar that is shorter than its metre."""
    for first in bars[:1]:
        sounds = first.duration.quarterLength
        if sounds < first.barDuration.quarterLength and (first.number == 0 or len(bars) > 1):
            return _tick(sounds)
    return 0


def _restated(metres: Sequence[TimeSignature], starts: set[int], pickup: int) -> list[TimeSignature]:
    """Return the metres, each stated once, and again where the written bars leave its grid."""
    kept, line, end = [metres[0]], pickup or metres[0].bar(RESOLUTION), max(starts)
    for start in sorted(starts | {metre.onset for metre in metres}):
        change = next((m for m in metres if m.onset == start and m[1:] != kept[-1][1:]), None)
        half = start < line and (line in starts or line > end)  # a bar may be written in two halves
        if 0 < start < end and (change or not half):
            if change or start != line:
                kept.append(change or kept[-1]._replace(onset=start))
            line = start + kept[-1].bar(RESOLUTION)
    return kept


def _placed(source: music21.stream.Stream, kind: str) -> list[tuple[int, music21.base.Music21Object]]:
    """Return (onset, sign) of one kind. Not from the flat stream: music21's ABC puts one object in several bars."""
    sites = [(0, source), *((bar.offset, bar) for bar in source.getElementsByClass("Measure"))]
    signs = ((at, site, sign) for at, site in sites for sign in site.getElementsByClass(kind))
    return [(_tick(at + sign.getOffsetBySite(site)), sign) for at, site, sign in signs]


def _keys(source: music21.stream.Stream) -> list[Key]:
    """Return the key signatures, each stated once; one with a mode wins over one without at the same place."""
    signs = sorted(_placed(source, "KeySignature"), key=lambda sign: (sign[0], hasattr(sign[1], "mode")))
    modes = {"minor": "minor", "aeolian": "minor"}
    keys = {onset: Key(onset, key.sharps, modes.get(getattr(key, "mode", ""), "major")) for onset, key in signs}
    return [next(same) for _, same in groupby(keys.values(), key=lambda key: key[1:])]


def _tempos(marks: Iterable[music21.tempo.MetronomeMark]) -> list[tuple[int, float]]:
    """Return the tempos stated in numbers; words such as Adagio state none."""
    stated = [mark for mark in marks if not mark.numberImplicit and mark.getQuarterBPM()]
    return [(_tick(mark.offset), mark.getQuarterBPM()) for mark in stated]


def _part(source: music21.stream.Stream, flat: music21.stream.Stream) -> Part:
    player = next(iter(flat["Instrument"]), None)
    name = getattr(source, "partName", None) or getattr(player, "partName", None) or ""
    is_drum = bool(flat["PercussionClef"]) or getattr(player, "midiChannel", None) == _DRUM_CHANNEL
    return Part(name.strip(), getattr(player, "midiProgram", None) or 0, is_drum)


def read_musicxml(path: str | os.PathLike) -> Score:
    """Return the score in a MusicXML file (.musicxml, .xml or .mxl), read as :func:`from_music21` does.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not MusicXML; the text begins with its path.
    """
    return from_music21(_parse(path, "musicxml"))


def _parse(source: str | os.PathLike, form: str) -> music21.stream.Stream:
    from music21 import converter

    is_text = form == "abc" and isinstance(source, str) and "\n" in source
    if not is_text and not Path(source).is_file():
        raise FileNotFoundError(f"{source}: no such file")
    try:
        return converter.parse(source, format=form, forceSource=True)  # else music21 keeps a pickle of its own
    except Exception as error:  # music21 lets through whatever its parsers stumble over
        raise ValueError(f"{'the text' if is_text else source}: not {form} that music21 can read ({error})") from error


def read_abc(source: str | os.PathLike) -> list[Score]:
    """Return the tunes of an ABC file, or of a text in ABC notation, read as :func:`from_music21` does.

    Parameters
    ----------
    source : path or str
        A string with a line break is taken for the notation itself.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If there is no tune that music21 can read.

    References
    ----------
    The ABC standard 2.1, abcnotation.com/wiki/abc:standard:v2.1, as far as music21 reads it.

    Examples
    --------
    >>> read_abc("X:1\\nT:Scale\\nM:4/4\\nL:1/4\\nK:G\\nD|G A B c|d4|\\n")
    [Score('Scale', 6 notes, 1 part, 3 bars of 4/4, 9 quarters)]
    """
    parsed = _parse(source, "abc")
    scores = [from_music21(tune) for tune in getattr(parsed, "scores", [parsed])]
    require(any(map(len, scores)), "ABC", "at least one tune with notes", "none")
    return scores


# --- writing --------------------------------------------------------------------------------------------------------


def to_music21(score: Score) -> music21.stream.Score:
    """Return the score as a music21 score with bars, ties, clefs, key signatures and tempos.

    Pitches are spelled after the key signature in force (C major where there is none), clefs chosen by how low
    a part goes. Onsets and ends move to the nearest 24th of a quarter if the resolution is finer.

    Examples
    --------
    >>> score = Score([(0, 24, 68), (24, 96, 72)], pickup=24, keys=[(0, -4, "minor")])
    >>> [str(note.pitch) for note in to_music21(score).flatten().notes]
    ['A-4', 'C5']
    """
    return _notated(score, [[i] for i in range(len(score.parts))])


def _notated(score: Score, staves: list[list[int]]) -> music21.stream.Score:
    """Return the score with one staff for each list of parts."""
    from music21 import layout, metadata, stream

    score = score.resample(RESOLUTION)
    written = stream.Score()
    written.metadata = metadata.Metadata(movementName=score.title or " ")  # else "Music21 Fragment"
    for number, parts in enumerate(staves):
        written.insert(0, _staff(score, parts, number))
    if len(staves) > 1:
        written.insert(0, layout.StaffGroup(list(written.parts), symbol="bracket", barTogether=True))
    return written


def _staff(score: Score, parts: list[int], number: int) -> music21.stream.Part:
    from music21 import stream

    player = _player(score.parts[parts[0]], number)
    staff = stream.Part([player])
    staff.partName = player.partName if len(parts) == 1 else ""
    signs = [(0, _clef(score, parts)), *_signs(score, with_tempo=number == 0)]
    lines = [(line, i == 0) for part in parts for i, line in enumerate(_lines(score, part))]
    edges = pairwise([*score.bar_onsets.tolist(), score.length])
    for count, (start, stop) in enumerate(edges, 0 if score.pickup else 1):
        bar = stream.Measure(number=count)
        for onset, sign in signs:
            if start <= onset < stop:
                bar.insert(_quarters(onset - start), sign)
        whole = [metre.bar(RESOLUTION) for metre in score.time_signatures if metre.onset <= start][-1]
        missing = _quarters(max(0, whole - (stop - start)))  # else music21 fills the bar with rests
        bar.paddingLeft, bar.paddingRight = (0, missing) if count else (missing, 0)
        inside_bar = [([n for n in line if n[0] < stop and n[1] > start], always) for line, always in lines]
        _insert(bar, [list(_elements(score, notes, start, stop)) for notes, always in inside_bar if notes or always])
        bar.rightBarline = "final" if stop == score.length else None
        staff.insert(_quarters(start), bar)
    return staff


def _insert(bar: music21.stream.Measure, lines: list[list[tuple[int, music21.note.GeneralNote]]]) -> None:
    """Put the lines into the bar: one as it is, several as voices with stems up and down by turns."""
    from music21 import stream

    for number, elements in enumerate(lines):
        where = stream.Voice(id=str(number + 1)) if len(lines) > 1 else bar
        for ticks, element in elements:
            where.insert(_quarters(ticks), element)
            if where is not bar and not element.isRest:
                element.stemDirection = ("up", "down")[number % 2]
        if where is not bar:
            bar.insert(0, where)


def _quarters(ticks: int) -> Fraction:
    return Fraction(ticks, RESOLUTION)


def _player(part: Part, number: int) -> music21.instrument.Instrument:
    from music21 import instrument

    player = instrument.Instrument(" ")  # reading, music21 trusts a name more than the program
    player.partName, player.midiProgram = part.name or " ", part.program
    player.midiChannel = _DRUM_CHANNEL if part.is_drum else (*range(9), *range(10, 16))[number % 15]
    player.partId = player.instrumentId = f"P{number + 1}"  # else drawn at random
    return player


def _signs(score: Score, with_tempo: bool) -> list[tuple[int, music21.base.Music21Object]]:
    from music21 import key, meter, tempo

    signs = [(ts.onset, meter.TimeSignature(f"{ts.numerator}/{ts.denominator}")) for ts in score.time_signatures]
    signs += [(k.onset, key.KeySignature(k.fifths).asKey(k.mode)) for k in score.keys]
    tempos = score.tempos if with_tempo else ()
    return signs + [(t.onset, tempo.MetronomeMark(number=t.quarters_per_minute)) for t in tempos]


def _clef(score: Score, parts: list[int]) -> music21.clef.Clef:
    """Return the clef for how low the music goes: treble, bass, or for one part between them (a tenor) treble 8vb.

    Of the chorales' parts, 98 in 100 get the clef of their voice.
    """
    from music21 import clef

    pitches = score.notes["pitch"][np.isin(score.notes["part"], parts)]
    low = np.quantile(pitches, 0.25) if len(pitches) else 60
    if score.parts[parts[0]].is_drum:
        return clef.PercussionClef()
    tenor = clef.Treble8vbClef if low >= 53 and len(parts) == 1 else clef.BassClef
    return clef.TrebleClef() if low >= 60 else tenor()


def _lines(score: Score, part: int) -> list[list[tuple[int, int, list[tuple[int, int]]]]]:
    """Return a part as lines of (onset, end, chord), at least one; a chord is a list of (pitch, velocity)."""
    chords: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for onset, duration, pitch, velocity, _ in score.notes[score.notes["part"] == part].tolist():
        chords.setdefault((onset, onset + duration), []).append((pitch, velocity))
    lines: list[list] = [[]]
    for (onset, end), chord in sorted(chords.items(), key=lambda item: (item[0][0], -item[1][-1][0])):
        line = next((line for line in lines if not line or line[-1][1] <= onset), None)
        if line is None:
            lines.append(line := [])
        line.append((onset, end, chord))
    return lines


def _elements(score: Score, notes: list, start: int, stop: int) -> Iterator[tuple[int, music21.note.GeneralNote]]:
    """Yield (ticks into the bar, note, chord or rest) for a line in a bar, tied where it lasts longer."""
    from music21 import chord, note, tie

    now = start
    for onset, end, members in [*notes, (stop, stop, [])]:
        for at, ticks in _values(now, max(now, onset), start):
            yield at - start, note.Rest(quarterLength=_quarters(ticks))
        now = min(end, stop)
        for at, ticks in _values(max(start, onset), now, start):
            fifths = next((key.fifths for key in reversed(score.keys) if key.onset <= at), 0)
            tones = [_tone(pitch, velocity, fifths) for pitch, velocity in members]
            new = chord.Chord(tones) if tones[1:] else tones[0]
            new.quarterLength, new.volume.velocity = _quarters(ticks), max(velocity for _, velocity in members)
            if ticks < end - onset:
                new.tie = tie.Tie("start" if at == onset else "stop" if at + ticks == end else "continue")
            yield at - start, new


def _values(onset: int, end: int, bar: int) -> Iterable[tuple[int, int]]:
    """Return (onset, ticks) of the note values, tied together, that last from onset to end.

    Plain and dotted values, and a triplet where the time asks for one; music21 alone would write quintuplets.
    """
    left = end - onset
    triplet = [next(t for t in (16, 8, 4, 2, 1) if t <= left and (left - t) % 3 == 0)] if left % 3 else []
    left, pieces = left - sum(triplet), []
    for value in (192, 144, 96, 72, 48, 36, 24, 18, 12, 9, 6, 3):
        pieces += [value] * (left // value)
        left %= value
    # a triplet comes first only where one is under way
    pieces = pieces + triplet if (onset - bar) % 3 == 0 else triplet + pieces
    return zip(accumulate(pieces, initial=onset), pieces, strict=False)


def _tone(pitch: int, velocity: int, fifths: int) -> music21.note.Note:
    """Return the note spelled from the twelve names around the key on the line of fifths.

    The scale of C major lies at -1 (F) to 5 (B); the window adds B- below and F# to D# above. Of the windows, this one
    spells the most notes of the chorales as their encodings do: 99.97 % in major, 99.6 % in minor.
    """
    from music21 import note

    letter, sharps, octave = spell(pitch, lowest=fifths - 2)
    tone = note.Note(letter + ("#" * sharps or "-" * -sharps), octave=octave)
    tone.volume.velocity = velocity
    return tone


def write_musicxml(score: Score, path: str | os.PathLike) -> Path:
    """Write the score as a MusicXML file and return its path; what is there stays whole until the new file is.

    Reading it again gives an equal score, but for velocities (64) and for a resolution other than 24.

    Raises
    ------
    ValueError
        If the name does not end in .musicxml or .xml.
    """
    path = Path(path)
    require(path.suffix in (".musicxml", ".xml"), "path", "a name ending in .musicxml or .xml", path.name)
    return write_whole(path, _musicxml(to_music21(score)))


def _musicxml(stream: music21.stream.Score) -> bytes:
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    return GeneralObjectExporter(stream).parse()


def engrave(score: Score, width: int = 900, marked: Sequence[int] = ()) -> str:
    """Return the score as engraved staves, one SVG text; the same score gives the same text.

    Four parts in which nothing overlaps are set on two staves, as in a hymn book; other scores on one staff a part.

    Parameters
    ----------
    width : int
        Width of the page in pixels; the height follows the music.
    marked : sequence of int
        Notes that are drawn in red, as indices into ``score.notes``.

    Raises
    ------
    ImportError
        If verovio is not installed; the text is the command that installs it.

    Notes
    -----
    Notebook: 00_hello_music.
    """
    verovio = optional("verovio", "engraved notation", 'pip install "musiclab[lab]"')
    require(width >= 200, "width", ">= 200 pixels", width)
    lines = [len(_lines(score, part)) for part in range(len(score.parts))]
    staves = [[0, 1], [2, 3]] if lines == [1, 1, 1, 1] else [[i] for i in range(len(lines))]
    verovio.enableLog(verovio.LOG_OFF)
    # the default counts for one thread only, and JupyterLab runs a widget's callbacks in another
    verovio.setDefaultResourcePath(str(Path(verovio.__file__).with_name("data")))
    toolkit = verovio.toolkit()
    toolkit.setOptions(_PAGE | {"pageWidth": width * 100 // _PAGE["scale"]})
    notes = score.notes.copy()
    notes["velocity"] = 1 + np.isin(np.arange(len(notes)), marked)  # what is not seen carries the mark
    stream = _notated(replace(score, notes=notes), staves)
    for tone in (tone for element in stream.recurse().notes for tone in getattr(element, "notes", [element])):
        tone.style.color = MARK if tone.volume.velocity > 1 else None
    toolkit.loadData(_musicxml(stream).decode())
    return toolkit.renderToSVG(1)


_PAGE = {
    "scale": 40, "adjustPageHeight": True, "pageHeight": 60000, "pageMarginLeft": 20, "pageMarginRight": 20,
    "pageMarginTop": 20, "pageMarginBottom": 20, "breaks": "auto", "header": "none", "footer": "none",
    "defaultTopMargin": 1.0, "xmlIdSeed": 1, "svgFormatRaw": True, "svgRemoveXlink": True,
}  # fmt: skip
