"""More data from the same: every score again at each pitch level that its parts can sing."""

from collections.abc import Sequence

import numpy as np

from musiclab.score import Score


def part_ranges(scores: Sequence[Score]) -> np.ndarray:
    """Return the lowest and highest pitch of each part over all scores, drums left out, shape (parts, 2)."""
    n_parts = max(len(score.parts) for score in scores)
    notes = np.concatenate([score.notes[~_drums(score)] for score in scores])
    pitches = [notes["pitch"][notes["part"] == part] for part in range(n_parts)]
    return np.array([(p.min(initial=127), p.max(initial=0)) for p in pitches])


def transpositions(score: Score, ranges: np.ndarray) -> list[Score]:
    """Return the score at every pitch level at which its parts stay within the ranges, the score itself first.

    Parameters
    ----------
    score : Score
    ranges : ndarray, shape (parts, 2)
        From :func:`part_ranges`.

    Examples
    --------
    >>> low, high = Score([(0, 24, 60)]), Score([(0, 24, 64)])
    >>> [s.notes["pitch"][0].item() for s in transpositions(low, part_ranges([low, high]))]
    [60, 61, 62, 63, 64]
    """
    notes = score.notes[~_drums(score)]
    low, high = ranges[notes["part"]].T
    down = int((low - notes["pitch"]).max(initial=-127)) if len(notes) else 0
    up = int((high - notes["pitch"]).min(initial=127)) if len(notes) else 0
    return [score, *(score.transpose(k) for k in range(min(down, 0), max(up, 0) + 1) if k)]


def _drums(score: Score) -> np.ndarray:
    """Return which notes are played by drums, shape (n,)."""
    return np.array([part.is_drum for part in score.parts])[score.notes["part"]]
