"""Descriptors of harmony, from what sounds at each quarter: which chords, and how far one lies from the next.

No key is needed: a chord is known by its pitch classes alone, whichever of them is the root or the bass.
"""

import numpy as np

from musiclab.features.pitches import mean, pitched_notes, sounding_at
from musiclab.score import Score

# Semitones above the root.
CHORDS = {
    "major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6), "augmented": (0, 4, 8),
    "dominant seventh": (0, 4, 7, 10), "minor seventh": (0, 3, 7, 10), "major seventh": (0, 4, 7, 11),
    "half-diminished seventh": (0, 3, 6, 10), "diminished seventh": (0, 3, 6, 9),
}  # fmt: skip
CHORD_NAMES = (*CHORDS, "other")
TRIADS = 4  # the first so many are triads
_ANGLES = np.arange(12) * np.pi * np.array([[7 / 6], [3 / 2], [2 / 3]])  # circles of fifths, minor and major thirds
_TONNETZ = np.array([[1], [1], [1], [1], [0.5], [0.5]]) * np.stack([np.sin(_ANGLES), np.cos(_ANGLES)], 1).reshape(6, 12)


_QUALITY = np.full(1 << 12, len(CHORDS))  # of each set of pitch classes, as bits
for _place, _semitones in enumerate(CHORDS.values()):
    _QUALITY[(1 << np.add.outer(range(12), _semitones) % 12).sum(axis=1)] = _place  # on all 12 roots


def sounding_classes(score: Score) -> np.ndarray:
    """Return which pitch classes sound at the beginning of each quarter, bool of shape (quarters, 12).

    Examples
    --------
    >>> sounding_classes(Score([(0, 48, 60), (24, 24, 67)])).nonzero()[1].tolist()
    [0, 0, 7]
    """
    notes, quarters = pitched_notes(score), np.arange(0, score.length, score.resolution)
    sounding = sounding_at(notes["pitch"], notes["onset"], notes["onset"] + notes["duration"], quarters)
    return np.stack([sounding[step::12].any(axis=0) for step in range(12)], axis=1)


def chords(score: Score) -> np.ndarray:
    """Return the chord at the beginning of each quarter as a place in :data:`CHORD_NAMES`, -1 for silence.

    Names as in music21's ``Chord`` (``isMajorTriad`` and so on), which also asks how the notes are spelled.

    Examples
    --------
    >>> triads = Score([(0, 24, p) for p in (48, 64, 67)] + [(24, 24, p) for p in (57, 60, 64)] + [(48, 24, 60)])
    >>> [CHORD_NAMES[i] for i in chords(triads)]
    ['major', 'minor', 'other']
    """
    bits = sounding_classes(score) @ (1 << np.arange(12))
    return np.where(bits == 0, -1, _QUALITY[bits])


def triad_rate(score: Score) -> float:
    """Return the share of quarters that begin with a triad (major, minor, diminished or augmented), 0 to 1.

    Examples
    --------
    >>> triad_rate(Score([(0, 24, 48), (0, 24, 64), (0, 24, 67), (24, 24, 60)]))
    0.5
    """
    found = chords(score)
    return mean(found[found >= 0] < TRIADS)


def tonal_centroids(score: Score) -> np.ndarray:
    """Return where each quarter's harmony lies on the circles of fifths, minor and major thirds, shape (quarters, 6).

    Pairs of sine and cosine; chords that share notes lie near each other. Silence is nan.

    References
    ----------
    Harte, Sandler and Gasser (2006), Detecting harmonic change in musical audio; ``librosa.feature.tonnetz``.

    Examples
    --------
    >>> tonal_centroids(Score([(0, 24, 60)])).round(2).tolist()[0]
    [0.0, 1.0, 0.0, 1.0, 0.0, 0.5]
    """
    sounding = sounding_classes(score).astype(float)
    with np.errstate(invalid="ignore"):
        return (sounding / sounding.sum(axis=1, keepdims=True)) @ _TONNETZ.T


def harmonic_change(score: Score) -> float:
    """Return the mean distance of the tonal centroids of neighbouring quarters, 0 to 3: how far the harmony moves.

    References
    ----------
    Harte, Sandler and Gasser (2006), Detecting harmonic change in musical audio.

    Examples
    --------
    >>> still, far = (Score([(0, 24, 60), (24, 24, pitch)]) for pitch in (72, 66))
    >>> harmonic_change(still), round(harmonic_change(far), 2)
    (0.0, 2.83)
    """
    moved = np.linalg.norm(np.diff(tonal_centroids(score), axis=0), axis=1)
    return mean(moved[np.isfinite(moved)])
