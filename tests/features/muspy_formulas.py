"""MusPy's metrics to the last digit, quirks included, to compare with figures in the literature.

Seven of the eleven are our own descriptors. MusPy 0.5 counts the other four otherwise:

- a note that ends on a beat also fills the beat that begins there, and so with bars;
- there is always one beat, or bar, more than fit into the music: an empty one if the last note ends before it;
- that bar is also compared in ``groove_consistency``, and all ticks are, not 16ths;
- ``polyphony_rate`` counts more than ``threshold`` pitches, where its text says "at least".

Its 24 scales are 12: the natural minor scale has the notes of its relative major.
"""

import numpy as np

from musiclab.features import pitches
from musiclab.score import Score


def muspy_metrics(score: Score, bar: int | None = None) -> dict[str, float]:
    """Return the 11 metrics of ``muspy.metrics`` that do not ask for a key or drums, by MusPy's names.

    Parameters
    ----------
    score : Score
        At least one note that is no drum.
    bar : int, optional
        Ticks in a bar, MusPy's ``measure_resolution``: four quarters if left out. MusPy knows no metres or pickups.

    References
    ----------
    Dong, Chen, McAuley and Berg-Kirkpatrick (2020), MusPy; version 0.5.0.

    Examples
    --------
    >>> score = Score([(0, 24, 60), (72, 24, 64)])
    >>> round(muspy_metrics(score)["empty_beat_rate"], 3)  # 1 of 5 beats: the second is filled, and there is a fifth
    0.2
    """
    bar = bar or 4 * score.resolution
    return {
        "n_pitches_used": pitches.n_pitches(score), "n_pitch_classes_used": pitches.n_pitch_classes(score),
        "pitch_range": pitches.pitch_range(score), "empty_beat_rate": _empty_rate(score, score.resolution),
        "empty_measure_rate": _empty_rate(score, bar), "polyphony": pitches.polyphony(score),
        "polyphony_rate": pitches.polyphony_rate(score, least=3),
        "scale_consistency": pitches.scale_consistency(score), "pitch_entropy": pitches.pitch_entropy(score),
        "pitch_class_entropy": pitches.pitch_class_entropy(score),
        "groove_consistency": _groove_consistency(score, bar),
    }  # fmt: skip


def _empty_rate(score: Score, ticks: int) -> float:
    cells = int(score.end.max()) // ticks + 1
    change = np.bincount(score.notes["onset"] // ticks, minlength=cells + 1)
    change -= np.bincount(score.end // ticks + 1, minlength=cells + 1)
    return 1 - int(np.count_nonzero(np.cumsum(change)[:cells])) / cells


def _groove_consistency(score: Score, bar: int) -> float:
    bars = int(score.end.max()) // bar + 1
    patterns = np.zeros((bars, bar), dtype=bool)
    patterns.ravel()[score.notes["onset"]] = True
    differ = np.count_nonzero(patterns[1:] != patterns[:-1])
    return 1 - differ / (bar * (bars - 1)) if bars > 1 else np.nan
