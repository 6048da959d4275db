"""Key finding: which of the 24 keys uses the pitch classes as this score does.

Each key has a profile, how much of a piece in that key each pitch class takes; the key found is the one whose profile
correlates best with the score's own histogram. Profiles come from listeners (Krumhansl and Kessler asked how well a
tone fits) or from counting (Aarden counted folk songs from Essen); which is best depends on the music.
"""

from __future__ import annotations

import numpy as np

from musiclab.errors import require
from musiclab.pitch import shift_key
from musiclab.score import Key, Score

MODES = ("major", "minor")
# Weight of each pitch class counted from the tonic, major and minor, as in music21 (Aarden's to five digits).
PROFILES = {
    "krumhansl-schmuckler": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "aarden-essen": (
        (17.766, 0.1456, 14.927, 0.1602, 19.805, 11.359, 0.2912, 22.062, 0.1456, 8.1549, 0.2330, 4.9512),
        (18.265, 0.7376, 14.050, 16.860, 0.7025, 14.436, 0.7025, 18.616, 4.5662, 1.9319, 7.3762, 1.7562),
    ),
}  # fmt: skip


def pitch_class_histogram(score: Score) -> np.ndarray:
    """Return how long each pitch class sounds in all, in ticks, C first, shape (12,); drums left out.

    Examples
    --------
    >>> pitch_class_histogram(Score([(0, 24, 60), (24, 48, 76)])).tolist()
    [24.0, 0.0, 0.0, 0.0, 48.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    pitched = ~np.array([part.is_drum for part in score.parts])[score.notes["part"]]
    notes = score.notes[pitched]
    return np.bincount(notes["pitch"] % 12, weights=notes["duration"], minlength=12)


def key_correlations(score: Score, profile: str = "aarden-essen") -> np.ndarray:
    """Return how well the score fits each key, -1 to 1: row 0 major and row 1 minor, a column per tonic from C up.

    Parameters
    ----------
    score : Score
    profile : str
        ``"aarden-essen"`` or ``"krumhansl-schmuckler"``.

    Returns
    -------
    ndarray, shape (2, 12)
        Pearson correlations; nan for a score without notes or with all pitch classes alike.

    Raises
    ------
    ValueError
        If there is no such profile.

    Examples
    --------
    >>> scale = Score([(24 * i, 24, pitch) for i, pitch in enumerate([60, 62, 64, 65, 67, 69, 71, 72])])
    >>> key_correlations(scale)[0].round(2).tolist()
    [0.82, -0.59, 0.13, -0.16, -0.24, 0.71, -0.8, 0.64, -0.22, 0.0, 0.3, -0.59]
    """
    require(profile in PROFILES, "profile", f"one of {sorted(PROFILES)}", repr(profile))
    weights = np.array(PROFILES[profile])
    turned = np.stack([np.roll(weights, tonic, axis=1) for tonic in range(12)], axis=1)  # (2, 12, 12)
    histogram = pitch_class_histogram(score)
    turned, histogram = turned - turned.mean(axis=2, keepdims=True), histogram - histogram.mean()
    with np.errstate(invalid="ignore"):
        return turned @ histogram / np.sqrt((turned**2).sum(axis=2) * (histogram**2).sum())


def find_key(score: Score, profile: str = "aarden-essen") -> Key:
    """Return the key that fits a whole score best, spelled with the fewest accidentals.

    In 302 of 371 chorales by Bach the last bass note is the tonic of the key signature, in major or minor. Of these
    keys ``"aarden-essen"`` finds 92 % and ``"krumhansl-schmuckler"`` 79 %; the others are modal or end elsewhere.

    Parameters
    ----------
    score : Score
    profile : str
        ``"aarden-essen"`` or ``"krumhansl-schmuckler"``.

    Raises
    ------
    ValueError
        If there is no such profile, or the score has no notes or uses all pitch classes alike.

    References
    ----------
    Krumhansl (1990), Cognitive foundations of musical pitch, with the profiles of Krumhansl and Kessler (1982). Aarden
    (2003), Dynamic melodic expectancy, counted on the Essen folk songs. The answers are those of music21's
    ``analyze("key.krumhansl")`` and ``analyze("key.aarden")``.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> find_key(Score([(24 * i, 24, pitch) for i, pitch in enumerate([57, 59, 60, 62, 64, 65, 68, 69])]))
    Key(onset=0, fifths=0, mode='minor')
    """
    correlations = key_correlations(score, profile)
    require(np.isfinite(correlations).all(), "score", "one that uses some pitch classes more than others", score)
    mode, tonic = divmod(int(correlations.argmax()), 12)
    return Key(0, shift_key(0, tonic + 3 * mode), MODES[mode])
