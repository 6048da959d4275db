"""Descriptors of time: when notes begin, how long they last, and how one bar resembles the next.

Bars are those of the score, a pickup and an incomplete last bar included; what is counted on a grid is counted in
16ths, to the nearest.
"""

import numpy as np

from musiclab.features.pitches import entropy, mean, pitched_notes
from musiclab.score import Score

STEPS_PER_QUARTER = 4
LONGEST = 16  # steps that a histogram of durations tells apart: up to a whole note


def onset_patterns(score: Score) -> np.ndarray:
    """Return on which of its 16ths each bar has an onset, drums included: bool, shape (bars, 16ths of the longest bar).

    A pickup stands at the end of its row, where it would stand in a whole bar.

    Examples
    --------
    >>> onset_patterns(Score([(0, 24, 60), (24, 6, 62), (30, 90, 64)], pickup=24)).nonzero()[1].tolist()
    [12, 0, 1]
    """
    bars = np.round(score.bar_onsets * (STEPS_PER_QUARTER / score.resolution)).astype(int)
    onset = score.notes["onset"].astype(np.int64)
    step = (2 * STEPS_PER_QUARTER * onset + score.resolution) // (2 * score.resolution)  # half a step counts as later
    lengths = [4 * STEPS_PER_QUARTER * n // d for _, n, d in score.time_signatures]
    bar = np.searchsorted(bars, step, "right") - 1
    if score.pickup:
        bars[0] -= max(0, lengths[0] - STEPS_PER_QUARTER * score.pickup // score.resolution)
    at = step - bars[bar]
    patterns = np.zeros((len(bars), max(*lengths, 1, int(at.max(initial=0)) + 1)), dtype=bool)
    patterns[bar, at] = True
    return patterns


def groove_consistency(score: Score) -> float:
    """Return how alike neighbouring bars are in where notes begin, 0 to 1: 1 minus the share of 16ths that differ.

    MusPy counts on the ticks of the file, on which almost all places are empty in both bars, and adds a bar at the end.

    References
    ----------
    Wu and Yang (2020), The Jazz Transformer on the front line.

    Examples
    --------
    >>> groove_consistency(Score([(0, 24, 60), (96, 24, 60), (120, 24, 60)]))  # one 16th of 16 differs
    0.9375
    """
    patterns = onset_patterns(score)
    return 1 - float((patterns[1:] != patterns[:-1]).mean()) if len(patterns) > 1 else np.nan


def groove_similarity(score: Score) -> float:
    """Return how alike any two bars are in where notes begin, 0 to 1: MusDr's GS, over all pairs and not a sample.

    References
    ----------
    Wu and Yang (2020), The Jazz Transformer on the front line.

    Examples
    --------
    >>> groove_similarity(Score([(0, 24, 60), (96, 24, 60), (192, 24, 60), (216, 24, 60)])).__round__(4)
    0.9583
    """
    patterns = onset_patterns(score)
    n, have = len(patterns), patterns.sum(axis=0)  # so many bars have an onset there: in so many pairs only one has
    return 1 - float((have * (n - have)).mean() / (n * (n - 1) / 2)) if n > 1 else np.nan


def bar_entropy(score: Score, bars: int = 1) -> float:
    """Return the mean entropy of the pitch classes that begin within ``bars`` bars in a row, in bits: MusDr's H1, H4.

    A score of fewer bars is one window; windows without notes are left out.

    References
    ----------
    Wu and Yang (2020), The Jazz Transformer on the front line.

    Examples
    --------
    >>> bar_entropy(Score([(0, 24, 60), (24, 24, 62), (96, 24, 60)]))  # 1 bit, then none
    0.5
    """
    notes, n = pitched_notes(score), max(score.n_bars, 1)
    bar = np.searchsorted(score.bar_onsets, notes["onset"], "right") - 1
    counts = np.bincount(12 * bar + notes["pitch"] % 12, minlength=12 * n).reshape(n, 12)
    windows = np.lib.stride_tricks.sliding_window_view(counts, min(bars, n), axis=0).sum(axis=-1)
    return mean([entropy(window) for window in windows if window.any()])


def mean_inter_onset(score: Score) -> float:
    """Return the mean time from one onset to the next in quarters, notes that begin together counted once.

    Examples
    --------
    >>> mean_inter_onset(Score([(0, 24, 60), (0, 24, 64), (24, 24, 62), (72, 24, 62)]))
    1.5
    """
    return mean(np.diff(np.unique(pitched_notes(score)["onset"]))) / score.resolution


def duration_histogram(score: Score) -> np.ndarray:
    """Return how many notes last 1, 2 ... 16 sixteenths, to the nearest, shape (16,); longer ones count in the last.

    Examples
    --------
    >>> duration_histogram(Score([(0, 24, 60), (24, 24, 64), (48, 200, 62)]))[[3, 15]].tolist()
    [2, 1]
    """
    sixteenths = np.round(pitched_notes(score)["duration"] * (STEPS_PER_QUARTER / score.resolution)).astype(int)
    return np.bincount(np.clip(sixteenths, 1, LONGEST) - 1, minlength=LONGEST)


def duration_entropy(score: Score) -> float:
    """Return how evenly the notes use durations, in bits: 0 to 4, of :func:`duration_histogram`.

    Examples
    --------
    >>> duration_entropy(Score([(0, 24, 60), (24, 12, 64), (36, 12, 64), (48, 24, 64)]))
    1.0
    """
    return entropy(duration_histogram(score))


def note_density(score: Score) -> float:
    """Return the notes per quarter of all parts together, over the time until the last note ends.

    Examples
    --------
    >>> note_density(Score([(0, 24, 60), (0, 48, 64), (24, 24, 62)]))
    1.5
    """
    notes = pitched_notes(score)
    return float(len(notes) / (notes["onset"] + notes["duration"]).max() * score.resolution) if len(notes) else np.nan


def empty_quarter_rate(score: Score) -> float:
    """Return the share of quarters, until the last note ends, in which nothing sounds: 0 to 1.

    MusPy's ``empty_beat_rate``, but a note that ends on a beat does not fill it, and no beat is added at the end.

    Examples
    --------
    >>> empty_quarter_rate(Score([(0, 24, 60), (72, 24, 64)]))
    0.5
    """
    return _empty_rate(score, np.arange(0, score.end.max(initial=0), score.resolution))


def empty_bar_rate(score: Score) -> float:
    """Return the share of bars in which nothing sounds: 0 to 1.

    MusPy's ``empty_measure_rate``, but a note that ends on a bar line does not fill the next bar, and no bar is added.

    Examples
    --------
    >>> empty_bar_rate(Score([(0, 96, 60), (192, 24, 64)])).__round__(3)
    0.333
    """
    return _empty_rate(score, score.bar_onsets)


def _empty_rate(score: Score, cells: np.ndarray) -> float:
    """Return the share of the stretches that begin at these ticks in which nothing sounds."""
    begun = np.searchsorted(score.notes["onset"], np.append(cells[1:], score.length))
    over = np.searchsorted(np.sort(score.end), cells, "right")
    return mean(begun == over) if len(score) else np.nan


def syncopation(score: Score) -> float:
    """Return how far onsets lie from the stronger beats they sound across, in metrical levels per bar: 0 and more.

    A note that begins on a weaker place than one it is held (or silent) over counts the levels between them. Levels:
    bar, half bar where the beats are even in number, beat, and halves of it down to a 16th of the first metre.

    References
    ----------
    Longuet-Higgins and Lee (1984), The rhythmic interpretation of monophonic music; parts are heard as one rhythm.

    Examples
    --------
    >>> syncopation(Score([(0, 24, 60), (24, 48, 62), (72, 24, 64)]))  # beat 2 is held over beat 3: one level
    1.0
    >>> syncopation(Score([(0, 24, 60), (24, 24, 62), (48, 48, 64)]))
    0.0
    """
    _, n, d = score.time_signatures[0]
    bar, beat = 4 * score.resolution * n // d, 4 * score.resolution // d
    halves = [beat >> k for k in range(1, 5) if STEPS_PER_QUARTER * (beat >> k) >= score.resolution]
    levels = np.unique([bar, *[bar // 2] * (n % 2 == 0), beat, *halves, 1])[::-1, None]  # (levels, 1)
    onset = np.unique(score.notes["onset"]) - score.pickup
    following = np.append(onset[1:], score.length - score.pickup)
    crossed = (onset // levels + 1) * levels < following  # (levels, onsets)
    crossed[-1] = True
    strength = np.maximum((onset % levels == 0).argmax(0) - crossed.argmax(0), 0)
    return float(strength.sum() / score.n_bars) if len(onset) else np.nan
