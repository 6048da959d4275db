"""Key finding: which of the 24 keys uses the pitch classes as this score does.

Each key has a profile, how much of a piece in that key each pitch class takes; the key found is the one whose profile
correlates best with the score's own histogram. Profiles come from listeners (Krumhansl and Kessler asked how well a
tone fits), from counting (Aarden counted folk songs from Essen), or are learned: :func:`fit_profile`. Which is best
depends on the music.
"""

from collections.abc import Sequence

import numpy as np

from musiclab.errors import require
from musiclab.features.pitches import pitched_notes
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
    notes = pitched_notes(score)
    return np.bincount(notes["pitch"] % 12, weights=notes["duration"], minlength=12)


def key_correlations(score: Score, profile: str | np.ndarray = "aarden-essen") -> np.ndarray:
    """Return how well the score fits each key, -1 to 1: row 0 major and row 1 minor, a column per tonic from C up.

    Parameters
    ----------
    score : Score
    profile : str or ndarray of shape (2, 12)
        ``"aarden-essen"``, ``"krumhansl-schmuckler"``, or one of your own, major and minor: :func:`fit_profile`.

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
    if isinstance(profile, str):
        require(profile in PROFILES, "profile", f"one of {sorted(PROFILES)}", repr(profile))
        profile = PROFILES[profile]
    turned = np.stack([np.roll(profile, tonic, axis=1) for tonic in range(12)], axis=1)  # (2, 12, 12)
    return _centred(turned) @ _centred(pitch_class_histogram(score))


def _centred(weights: np.ndarray) -> np.ndarray:
    """Return weights without their mean and at length 1, so that products are correlations; nan if all are alike."""
    weights = weights - weights.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return weights / np.linalg.norm(weights, axis=-1, keepdims=True)


def find_key(score: Score, profile: str | np.ndarray = "aarden-essen") -> Key:
    """Return the key that fits a whole score best, spelled with the fewest accidentals.

    In 302 of 371 chorales by Bach the last bass note is the tonic of the key signature, in major or minor. Of these
    keys ``"aarden-essen"`` finds 92 %, ``"krumhansl-schmuckler"`` 79 %, and profiles learned from chorales on other
    tunes 94 %; the remaining chorales are modal or end elsewhere.

    Parameters
    ----------
    score : Score
    profile : str or ndarray of shape (2, 12)
        As :func:`key_correlations` takes it.

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
    return _key(correlations, onset=0)


def _key(correlations: np.ndarray, onset: int) -> Key:
    mode, tonic = divmod(int(correlations.argmax()), 12)
    return Key(onset, shift_key(0, tonic + 3 * mode), MODES[mode])


def local_keys(score: Score, bars: int = 4, profile: str | np.ndarray = "aarden-essen") -> list[Key]:
    """Return the keys that a score passes through, each with the tick at which it begins.

    The key of a bar is that of a window of ``bars`` bars around it; a bar without a key has the one before.

    Parameters
    ----------
    score : Score
    bars : int
        Fewer follow the music closer and err more often.
    profile : str or ndarray of shape (2, 12)
        As :func:`key_correlations` takes it.

    Notes
    -----
    ``dataclasses.replace(score, keys=local_keys(score))`` has them engraved. Notebook: 06_features.

    Examples
    --------
    >>> bar = Score([(12 * i, 12, pitch) for i, pitch in enumerate([60, 64, 67, 72, 65, 67, 71, 72])])
    >>> local_keys(bar.concat(bar).concat(bar.transpose(2)).concat(bar.transpose(2)), bars=1)
    [Key(onset=0, fifths=0, mode='major'), Key(onset=192, fifths=2, mode='major')]
    """
    require(bars >= 1, "bars", ">= 1", bars)
    keys: list[Key] = []
    for bar, onset in enumerate(score.bar_onsets.tolist()):
        first = max(0, bar - bars // 2)
        fits = key_correlations(score.bars(first, first + bars), profile)
        if np.isfinite(fits).all() and (not keys or _key(fits, 0)[1:] != keys[-1][1:]):
            keys.append(_key(fits, onset))
    return keys


def fit_profile(scores: Sequence[Score], keys: Sequence[Key]) -> np.ndarray:
    """Return the profiles, major and minor, learned from scores whose keys are known: shape (2, 12).

    A regression is asked of each score and each of 12 tonics: is it this, in major, in minor, or not at all? It sees
    the score from the tonic only, so what it learns of one key it knows of all.

    Raises
    ------
    ValueError
        If the scores are not of both modes.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> c, a = ([60, 62, 64, 65, 67, 60, 71, 72], [57, 59, 60, 62, 64, 65, 68, 69])
    >>> scores = [Score([(24 * i, 24, pitch) for i, pitch in enumerate(scale)]) for scale in (c, a)]
    >>> learned = fit_profile(scores, [Key(0, 0), Key(0, 0, "minor")])
    >>> find_key(scores[0].transpose(2), learned)
    Key(onset=0, fifths=2, mode='major')
    """
    from sklearn.linear_model import LogisticRegression

    modes = [MODES.index(key.mode) for key in keys]
    require(set(modes) == {0, 1}, "keys", "of both modes", sorted({key.mode for key in keys}))
    tonics = [(7 * key.fifths + 9 * mode) % 12 for key, mode in zip(keys, modes, strict=True)]
    histograms = _centred(np.stack([pitch_class_histogram(score) for score in scores]))
    seen = np.stack([np.roll(histograms, -tonic, axis=1) for tonic in range(12)], axis=1)  # (scores, 12, 12)
    answers = np.where(np.arange(12) == np.array(tonics)[:, None], np.array(modes)[:, None] + 1, 0)
    weights = LogisticRegression(max_iter=500).fit(seen.reshape(-1, 12), answers.ravel()).coef_
    return weights[1:] - weights[0]
