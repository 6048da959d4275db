"""Maps keep what is near near, and features that should not mind a change do not."""

import sys
from dataclasses import replace
from types import SimpleNamespace

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


def test_umap_is_asked_where_it_is_installed_and_named_where_it_is_not(monkeypatch):
    X = np.random.default_rng(0).normal(size=(30, 4)) * [1, 5, 9, 1]
    seen = []
    stand_in = SimpleNamespace(fit_transform=lambda X: seen.append(X) or X[:, :2])
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=lambda random_state: stand_in))
    assert project_2d(X, "umap").shape == (30, 2)
    assert seen[0].std(axis=0) == pytest.approx([1, 1, 1, 1])
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        project_2d(X, "umap")
    with pytest.raises(ValueError, match="method must be 'pca' or 'umap', got 'tsne'"):
        project_2d(X, "tsne")


def test_umap_keeps_islands_apart():
    pytest.importorskip("umap", reason="umap-learn is not installed: pip install umap-learn")
    rng = np.random.default_rng(0)
    places = project_2d(np.concatenate([rng.normal(size=(40, 5)), rng.normal(size=(40, 5)) + 9]), "umap")
    assert np.linalg.norm(places[:40].mean(axis=0) - places[40:].mean(axis=0)) > 3 * places[:40].std()
