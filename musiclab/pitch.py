"""Pitch names, pitch classes and key signatures.

Pitches are MIDI numbers (60 = C4, middle C). Keys are counted in fifths along the circle of fifths
(0 = no accidentals, 2 = two sharps, -3 = three flats), as MIDI and MusicXML store them.
"""

from __future__ import annotations

import re

from musiclab.errors import require

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_FIFTHS_UP = ("F", "C", "G", "D", "A", "E", "B")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(r"([A-Ga-g])(#{0,2}|b{0,2})(-?\d+)")


def pitch_name(pitch: int, flats: bool = False) -> str:
    """Return the name of a MIDI pitch with its octave, C4 being middle C.

    Parameters
    ----------
    pitch : int in [0, 127]
        MIDI number.
    flats : bool
        Name black keys as flats.

    Raises
    ------
    ValueError
        If ``pitch`` is not a MIDI number.

    Examples
    --------
    >>> pitch_name(60), pitch_name(66), pitch_name(66, flats=True)
    ('C4', 'F#4', 'Gb4')
    """
    require(0 <= pitch <= 127, "pitch", "in 0..127", pitch)
    return f"{(FLAT_NAMES if flats else SHARP_NAMES)[pitch % 12]}{pitch // 12 - 1}"


def parse_pitch(name: str) -> int:
    """Return the MIDI number of a pitch name such as ``"F#4"`` or ``"Bb3"``.

    Raises
    ------
    ValueError
        If the name is not letter, accidentals, octave, or lies outside MIDI's range.

    Examples
    --------
    >>> parse_pitch("C4"), parse_pitch("Bb3"), parse_pitch("B#3")
    (60, 58, 60)
    """
    match = _NAME.fullmatch(name.strip())
    require(match is not None, "pitch name", "like C4, F#4 or Bb3", repr(name))
    letter, accidentals, octave = match.groups()
    shift = accidentals.count("#") - accidentals.count("b")
    pitch = _STEPS[letter.upper()] + shift + 12 * (int(octave) + 1)
    require(0 <= pitch <= 127, "pitch name", "between C-1 and G9", repr(name))
    return pitch


def spell(pitch: int, lowest: int) -> tuple[str, int, int]:
    """Return letter, sharps (flats below 0) and octave of a MIDI pitch, by the twelve names from ``lowest`` on.

    Names follow one another in fifths; C is 0, F -1, F# 6, Bb -2.

    Examples
    --------
    >>> spell(61, lowest=-5), spell(61, lowest=0), spell(60, lowest=6)
    (('D', -1, 4), ('C', 1, 4), ('B', 1, 3))
    """
    place = (7 * pitch - lowest) % 12 + lowest
    sharps, letter = divmod(place + 1, 7)
    return _FIFTHS_UP[letter], sharps, (pitch - sharps) // 12 - 1


def key_name(fifths: int, mode: str = "major") -> str:
    """Return the name of a key signature: fifths along the circle of fifths, and mode.

    Raises
    ------
    ValueError
        If ``fifths`` is not in -7..7 or ``mode`` is neither ``"major"`` nor ``"minor"``.

    Examples
    --------
    >>> key_name(0), key_name(0, "minor"), key_name(-3), key_name(6)
    ('C major', 'A minor', 'Eb major', 'F# major')
    """
    require(-7 <= fifths <= 7, "fifths", "in -7..7", fifths)
    require(mode in ("major", "minor"), "mode", "'major' or 'minor'", repr(mode))
    sharps, letter = divmod(fifths + 1 + 3 * (mode == "minor"), 7)
    return f"{_FIFTHS_UP[letter]}{'#' * sharps}{'b' * -sharps} {mode}"


def shift_key(fifths: int, semitones: int) -> int:
    """Return the key signature after a transposition, spelled with the fewest accidentals.

    Examples
    --------
    >>> shift_key(0, 2), shift_key(0, 1), shift_key(-1, -3), shift_key(4, 12)
    (2, -5, 2, 4)
    """
    return fifths if semitones % 12 == 0 else (fifths + 7 * semitones + 5) % 12 - 5
