"""Maps keep what is near near, and features that should not mind a change do not."""

from dataclasses import replace

import numpy as np
import pytest

from musiclab.datasets import load_chorales
from musiclab.features.neighbours import project_2d, reciprocal_ranks
from musiclab.features.pitches import interval_histogram, pitch_counts
from musiclab.features.rhythm import duration_histogram


def test_intervals_find_a_transposed_or_stretched_piece_and_pitches_do_not():
    scores = load_chorales().test[:40]
    moved = [score.transpose(2) for score in scores]
    slow = [replace(score, resolution=score.resolution // 2) for score in scores]
    intervals = np.stack([interval_histogram(score) for score in scores])
    for changed in (moved, slow):
        ranks = reciprocal_ranks(np.stack([interval_histogram(score) for score in changed]), intervals)
        assert ranks.mean() == 1
    pitched = reciprocal_ranks(*(np.stack([pitch_counts(score) for score in some]) for some in (moved, scores)))
    assert pitched.mean() < 0.6
    timed = reciprocal_ranks(*(np.stack([duration_histogram(score) for score in some]) for some in (slow, scores)))
    assert timed.mean() < 0.6


def test_a_query_never_gains_from_ties():
    same = np.ones((4, 3))
    assert reciprocal_ranks(same, same).tolist() == [0.25] * 4
    with pytest.raises(ValueError, match=r"queries must be of shape \(4, 3\), got \(4, 2\)"):
        reciprocal_ranks(np.ones((4, 2)), same)


def test_a_map_is_the_plane_of_most_variance():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(50, 2))
    X = np.column_stack([plane @ rng.normal(size=(2, 6)), np.full(50, 7.0), np.full(50, np.nan)])
    places = project_2d(X)
    scaled = X[:, :6] / X[:, :6].std(axis=0)
    true = np.linalg.norm(scaled[:, None] - scaled, axis=-1)  # in the plane no distance is lost
    assert np.linalg.norm(places[:, None] - places, axis=-1) == pytest.approx(true, abs=1e-9)
