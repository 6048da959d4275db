"""Forgeries: each has the fault that its name says, and no other."""

import numpy as np
import pytest
from hypothesis import assume, given, settings

from musiclab.datasets import load_example
from musiclab.metrics.fakes import corrupt, make_fakes, shuffle_bars
from musiclab.metrics.rules import read_passage, voice_leading
from musiclab.score import Score
from tests.strategies import scores

BACH = [load_example("bwv270")]


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_set_is_as_large_and_the_same_seed_forges_the_same():
    fakes = make_fakes(BACH * 3, BACH, seed=1)
    assert [len(found) for found in fakes.values()] == [3] * 6
    assert fakes == make_fakes(BACH * 3, BACH, seed=1) != make_fakes(BACH * 3, BACH, seed=2)


def test_corrupt_moves_about_the_share_asked_for_and_nothing_else():
    score = Score([(i * 6, 6, 60) for i in range(5000)])
    moved = corrupt(score, 0.2, rng())
    away = moved.notes["pitch"].astype(int) - 60
    assert (away != 0).mean() == pytest.approx(0.2, abs=0.02)
    assert set(away.tolist()) == {-2, -1, 0, 1, 2}
    assert (moved.notes["onset"] == score.notes["onset"]).all()


@settings(max_examples=50)
@given(scores())
def test_shuffled_bars_are_the_same_bars(score):
    assume(score.n_bars and len(score.time_signatures) == 1)
    mixed = shuffle_bars(score, rng())
    bars = [[one.bars(i, i + 1).notes.tolist() for i in range(one.n_bars)] for one in (score, mixed)]
    assert mixed.length == score.length
    assert sorted(bars[0]) == sorted(bars[1])


def test_a_pickup_and_the_end_stay_where_they_are():
    score = Score([(0, 24, 50)] + [(24 + 96 * i, 96, 60 + i) for i in range(6)] + [(600, 24, 90)], pickup=24)
    mixed = shuffle_bars(score, rng(1))
    assert mixed.notes["pitch"][[0, -1]].tolist() == [50, 90]
    assert mixed.notes["pitch"].tolist() != score.notes["pitch"].tolist()


def test_stitched_music_is_all_copied():
    quarters = {read_passage(BACH[0]).pitch[i : i + 4].tobytes() for i in range(0, 4 * 60, 4)}
    found = read_passage(make_fakes(BACH, BACH)["markov2"][0]).pitch
    whole = [found[i : i + 4].tobytes() for i in range(0, len(found) - 3, 4)]
    assert np.mean([quarter in quarters for quarter in whole]) > 0.9


def test_stitched_music_begins_as_a_training_score_does():
    openings = {read_passage(score).pitch[:8].tobytes() for score in BACH}
    found = make_fakes(BACH, BACH, seed=1)["markov2"]
    assert all(read_passage(score).pitch[:8].tobytes() in openings for score in found)


def test_only_scores_of_as_many_parts_can_be_stitched():
    with pytest.raises(ValueError, match="training must be a score of 1 parts"):
        make_fakes([Score([(0, 24, 60)])], BACH)


def test_rates_of_parallels_on_the_benchmark(jsb):
    """Bach .27 a chorale and 82 % without; shuffled bars 2.91, random notes 2.66."""
    parallels = {name: np.array([voice_leading(s).parallels for s in found]) for name, found in jsb.items()}
    assert parallels["test"].mean() == pytest.approx(0.27, abs=0.005)
    assert (parallels["test"] == 0).mean() == pytest.approx(0.82, abs=0.01)
    assert parallels["barshuffle"].mean() == pytest.approx(2.9, abs=0.6)
    assert parallels["random"].mean() >= 2
    assert parallels["markov2"].mean() < 0.6
