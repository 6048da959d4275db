"""Descriptors of pitch: which pitches, how many at once, and how the parts move from one to the next.

Each is one small function from a score to a number, or to a histogram. Drums are left out, and a number that does not
exist, such as the range of silence, is nan.
"""

import numpy as np

from musiclab.score import Score

MAJOR_SCALES = np.array([np.roll([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], tonic) for tonic in range(12)])
OCTAVE = 12  # the widest interval that a histogram tells apart


def pitched_notes(score: Score) -> np.ndarray:
    """Return the notes of a score that are not drums, as in ``score.notes``."""
    drum = np.array([part.is_drum for part in score.parts])
    return score.notes[~drum[score.notes["part"]]] if drum.any() else score.notes


def mean(values: np.ndarray) -> float:
    """Return the mean, nan if there is nothing to take it of.

    Examples
    --------
    >>> mean([1, 2]), mean([])
    (1.5, nan)
    """
    return float(np.mean(values)) if len(values) else np.nan


def pitch_counts(score: Score) -> np.ndarray:
    """Return how many notes each pitch has, shape (128,).

    Examples
    --------
    >>> pitch_counts(Score([(0, 24, 60), (24, 48, 76), (72, 24, 60)]))[[60, 76]].tolist()
    [2, 1]
    """
    return np.bincount(pitched_notes(score)["pitch"], minlength=128)


def pitch_class_counts(score: Score) -> np.ndarray:
    """Return how many notes each pitch class has, C first, shape (12,).

    Examples
    --------
    >>> pitch_class_counts(Score([(0, 24, 60), (24, 48, 76), (72, 24, 72)])).tolist()
    [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    """
    return np.bincount(pitched_notes(score)["pitch"] % 12, minlength=12)


def entropy(counts: np.ndarray) -> float:
    """Return the entropy of a histogram in bits: 0 if all is in one bin, log2(n) if n bins are alike, nan if empty.

    Examples
    --------
    >>> entropy([3, 3, 0]), entropy([5, 0, 0])
    (1.0, 0.0)
    """
    share = np.divide(counts, max(1, np.sum(counts)))
    share = share[share > 0]
    return abs(float(share @ np.log2(share))) if len(share) else np.nan  # abs, or nothing to choose would be -0


def pitch_class_entropy(score: Score) -> float:
    """Return how evenly the notes use the 12 pitch classes, in bits: 0 to 3.58. As in MusPy.

    Examples
    --------
    >>> pitch_class_entropy(Score([(0, 24, 60), (24, 24, 72), (48, 24, 67), (72, 24, 67)]))
    1.0
    """
    return entropy(pitch_class_counts(score))


def pitch_entropy(score: Score) -> float:
    """Return how evenly the notes use the pitches, in bits: 0 to 7. As in MusPy.

    Examples
    --------
    >>> pitch_entropy(Score([(0, 24, 60), (24, 24, 72), (48, 24, 67), (72, 24, 67)]))
    1.5
    """
    return entropy(pitch_counts(score))


def n_pitches(score: Score) -> int:
    """Return how many different pitches occur, 0 to 128. MusPy's ``n_pitches_used``, jSymbolic's "pitch variety".

    Examples
    --------
    >>> n_pitches(Score([(0, 24, 60), (24, 24, 72), (48, 24, 60)]))
    2
    """
    return int(np.count_nonzero(pitch_counts(score)))


def n_pitch_classes(score: Score) -> int:
    """Return how many different pitch classes occur, 0 to 12. MusPy's ``n_pitch_classes_used``.

    Examples
    --------
    >>> n_pitch_classes(Score([(0, 24, 60), (24, 24, 72), (48, 24, 60)]))
    1
    """
    return int(np.count_nonzero(pitch_class_counts(score)))


def pitch_range(score: Score) -> float:
    """Return the semitones from the lowest to the highest pitch, 0 to 127. As in MusPy; nan, not 0, without notes.

    Examples
    --------
    >>> pitch_range(Score([(0, 24, 60), (24, 24, 72), (48, 24, 67)]))
    12.0
    """
    used = np.flatnonzero(pitch_counts(score))
    return float(np.ptp(used)) if len(used) else np.nan


def mean_pitch(score: Score) -> float:
    """Return the mean MIDI number of the notes. jSymbolic's "primary register".

    Examples
    --------
    >>> mean_pitch(Score([(0, 24, 60), (24, 96, 64)]))
    62.0
    """
    return mean(pitched_notes(score)["pitch"])


def scale_consistency(score: Score) -> float:
    """Return the share of notes in the major scale that holds most of them: 7/12 if all pitch classes are alike, to 1.

    As in MusPy, which tries the natural minor scales too: these hold the same notes.

    Examples
    --------
    >>> scale_consistency(Score([(0, 24, 60), (24, 24, 62), (48, 24, 64), (72, 24, 66)]))  # C D E F#: D or G major
    1.0
    >>> scale_consistency(Score([(0, 24, 60), (24, 24, 61), (48, 24, 62), (72, 24, 63)]))  # C C# D Eb
    0.75
    """
    counts = pitch_class_counts(score)
    return float((MAJOR_SCALES @ counts).max() / counts.sum()) if counts.any() else np.nan


# --- how many at once -----------------------------------------------------------------------------------------------


def sounding_at(pitch: np.ndarray, onset: np.ndarray, end: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return which pitches sound at each of some moments in order, bool of shape (128, moments).

    A note sounds from its onset until before its end; ticks or seconds, as long as all are the same.

    Examples
    --------
    >>> sounding_at([60, 64], [0, 12], [24, 36], [0, 12, 24, 36])[[60, 64]].astype(int).tolist()
    [[1, 1, 0, 0], [0, 1, 1, 0]]
    """
    change = np.zeros((128, len(moments) + 1), dtype=np.int32)
    np.add.at(change, (pitch, np.searchsorted(moments, onset)), 1)
    np.add.at(change, (pitch, np.searchsorted(moments, end)), -1)
    return np.cumsum(change, axis=1)[:, :-1] > 0


def pitches_at_once(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Return for each stretch of time how many pitches sound in it, and its ticks; a unison is one pitch.

    The stretches lie between onsets and ends, some of no length, from the first onset to the last end.

    Examples
    --------
    >>> n, ticks = pitches_at_once(Score([(0, 24, 60), (0, 48, 64), (12, 24, 60)]))
    >>> n.tolist(), ticks.tolist()
    ([1, 2, 1], [0, 36, 12])
    """
    notes, far = pitched_notes(score), score.length + 1
    begin = notes["pitch"].astype(np.int64) * far + notes["onset"]  # each pitch has a stretch of the line to itself
    events = np.sort(2 * np.append(begin, begin + notes["duration"]) + np.repeat([0, 1], len(notes)))  # odd: an end
    change = 1 - 2 * (events % 2)
    edge = np.cumsum(change) == (change > 0)  # the first of a pitch that begins, the last that ends
    times, change = (events // 2 % far)[edge], change[edge]
    order = np.argsort(times)
    return np.cumsum(change[order])[:-1], np.diff(times[order])


def polyphony(score: Score) -> float:
    """Return how many pitches sound at once on average, over the time in which any does: 1 or more. As in MusPy.

    Examples
    --------
    >>> polyphony(Score([(0, 24, 60), (0, 24, 64), (24, 24, 67)]))
    1.5
    """
    n, ticks = pitches_at_once(score)
    return float((n * ticks).sum() / ticks[n > 0].sum()) if len(n) else np.nan


def polyphony_rate(score: Score, least: int = 2) -> float:
    """Return the share of the time until the last note ends in which at least so many pitches sound, 0 to 1.

    MusPy's ``polyphony_rate(threshold=2)`` counts more than 2: here ``least=3``.

    Examples
    --------
    >>> polyphony_rate(Score([(0, 24, 60), (0, 24, 64), (24, 72, 67)]))
    0.25
    """
    n, ticks = pitches_at_once(score)
    return float(ticks[n >= least].sum() / score.end.max()) if len(score) else np.nan


# --- how the parts move ---------------------------------------------------------------------------------------------


def lines(score: Score) -> np.ndarray:
    """Return the notes sorted by part and onset, of those of a part that begin together the highest."""
    notes = pitched_notes(score)
    notes = notes[np.lexsort([notes["pitch"], notes["onset"], notes["part"]])]
    same = (notes["part"][1:] == notes["part"][:-1]) & (notes["onset"][1:] == notes["onset"][:-1])
    return notes[np.append(~same, True)[: len(notes)]]


def melodic_intervals(score: Score) -> np.ndarray:
    """Return the semitones from each note of a part to the one that follows without a rest, negative for down.

    Examples
    --------
    >>> melodic_intervals(Score([(0, 24, 60), (24, 24, 64), (48, 24, 62), (96, 24, 70)])).tolist()
    [4, -2]
    """
    notes = lines(score)
    at_once = notes["onset"][1:] == notes["onset"][:-1] + notes["duration"][:-1]
    return np.diff(notes["pitch"].astype(int))[at_once & (np.diff(notes["part"]) == 0)]


def interval_histogram(score: Score) -> np.ndarray:
    """Return how many melodic intervals are -12, -11 ... 12 semitones, shape (25,); wider ones count as an octave.

    Examples
    --------
    >>> interval_histogram(Score([(0, 24, 60), (24, 24, 64), (48, 24, 62), (72, 24, 90)]))[[10, 16, 24]].tolist()
    [1, 1, 1]
    """
    return np.bincount(np.clip(melodic_intervals(score), -OCTAVE, OCTAVE) + OCTAVE, minlength=2 * OCTAVE + 1)


def pitch_class_transitions(score: Score) -> np.ndarray:
    """Return how often each pitch class (row) is followed by each (column) in a part, rests or not, shape (12, 12).

    Examples
    --------
    >>> table = pitch_class_transitions(Score([(0, 24, 60), (24, 24, 67), (48, 24, 60), (72, 24, 67)]))
    >>> int(table[0, 7]), int(table[7, 0]), int(table.sum())
    (2, 1, 3)
    """
    notes = lines(score)
    step = (notes["pitch"] % 12).astype(int)
    pairs = (12 * step[:-1] + step[1:])[np.diff(notes["part"]) == 0]
    return np.bincount(pairs, minlength=144).reshape(12, 12)


def mean_interval(score: Score) -> float:
    """Return the mean size of the melodic intervals in semitones. jSymbolic's "average melodic interval".

    Examples
    --------
    >>> mean_interval(Score([(0, 24, 60), (24, 24, 64), (48, 24, 62)]))
    3.0
    """
    return mean(np.abs(melodic_intervals(score)))


def leap_rate(score: Score) -> float:
    """Return the share of melodic intervals wider than a major third (4 semitones), 0 to 1.

    Examples
    --------
    >>> leap_rate(Score([(0, 24, 60), (24, 24, 64), (48, 24, 69)]))
    0.5
    """
    return mean(np.abs(melodic_intervals(score)) > 4)


def stepwise_rate(score: Score) -> float:
    """Return the share of melodic intervals of one or two semitones, 0 to 1. jSymbolic's "stepwise motion".

    Examples
    --------
    >>> stepwise_rate(Score([(0, 24, 60), (24, 24, 62), (48, 24, 69)]))
    0.5
    """
    return mean(np.isin(np.abs(melodic_intervals(score)), (1, 2)))


def repetition_rate(score: Score) -> float:
    """Return the share of melodic intervals that repeat the pitch, 0 to 1. jSymbolic's "repeated notes".

    Examples
    --------
    >>> repetition_rate(Score([(0, 24, 60), (24, 24, 60), (48, 24, 69)]))
    0.5
    """
    return mean(melodic_intervals(score) == 0)


def rising_rate(score: Score) -> float:
    """Return the share of melodic intervals that rise, of those that move, 0 to 1. jSymbolic's "direction of motion".

    Examples
    --------
    >>> rising_rate(Score([(0, 24, 60), (24, 24, 62), (48, 24, 62), (72, 24, 65), (96, 24, 60)])).__round__(3)
    0.667
    """
    moves = melodic_intervals(score)
    return mean(moves[moves != 0] > 0)


def contour(score: Score) -> str:
    """Return the shape of the first part as Parsons's code: U up, D down, R repeated, after a star for the first note.

    References
    ----------
    Parsons (1975), The Directory of Tunes and Musical Themes.

    Examples
    --------
    >>> contour(Score([(0, 24, 60), (24, 24, 60), (48, 24, 67), (72, 24, 65)]))
    '*RUD'
    """
    tune = lines(score)
    tune = tune["pitch"][tune["part"] == tune["part"].min(initial=0)].astype(int)
    return "*"[: len(tune)] + "".join("RUD"[move] for move in np.sign(np.diff(tune)))
