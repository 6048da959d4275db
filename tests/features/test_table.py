"""The table of descriptors: figures on the chorale benchmark, values of MusPy and music21, and what none may do."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from musiclab.datasets import load_example
from musiclab.datasets.jsb import load_jsb
from musiclab.errors import MissingData
from musiclab.features.rhythm import bar_entropy
from musiclab.features.table import COMPARED, DESCRIPTORS, describe
from musiclab.score import Score
from musiclab.tokenizers import ChoraleGrid
from tests.features.muspy_formulas import muspy_metrics
from tests.strategies import scores

# Means over the 77 test chorales of the benchmark, measured by code of its own.
ON_JSB = dict(
    pitch_class_entropy=3.0259, scale_consistency=0.9297, groove_similarity=0.8169, groove_consistency=0.8034,
    polyphony=3.9231, note_density=3.7126, n_pitches=26.8182, n_pitch_classes=10.5455, pitch_range=34.3506,
    bar_entropy=2.6274, mean_interval=2.5487, leap_rate=0.1580, mean_inter_onset=0.6646, duration_entropy=1.9586,
    polyphony_rate=0.9966, pitch_entropy=4.3563,
)  # fmt: skip


@pytest.fixture(scope="module")
def jsb():
    tok = ChoraleGrid()
    try:
        return [tok.decode(tok.from_grid(grid)) for grid in load_jsb().test]
    except MissingData as error:
        pytest.skip(f"needs the chorale benchmark: {error}")


def test_means_on_the_benchmark(jsb):
    table = describe(jsb)
    assert {name: float(table[name].mean()) for name in ON_JSB} == pytest.approx(ON_JSB, abs=5e-4)
    assert np.mean([bar_entropy(score, bars=4) for score in jsb]) == pytest.approx(2.950, abs=5e-4)
    assert np.mean([muspy_metrics(score.resample(4))["groove_consistency"] for score in jsb]) == pytest.approx(
        0.8023, abs=5e-4
    )


def test_the_compared_come_first():
    assert COMPARED == (
        "n_pitches", "n_pitch_classes", "pitch_range", "pitch_class_entropy", "scale_consistency",
        "groove_consistency", "bar_entropy", "polyphony", "mean_interval", "leap_rate", "note_density",
        "mean_inter_onset", "duration_entropy", "mean_pitch",
    )  # fmt: skip


@pytest.mark.peer
def test_muspy_says_the_same(jsb):
    for score in (*jsb, load_example("bwv270"), TRIO):
        theirs, ours = muspy_says(score), muspy_metrics(score)
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            assert ours[name] == pytest.approx(value, abs=1e-12), name


@pytest.mark.peer
@settings(max_examples=40)
@given(scores())
def test_muspy_says_the_same_of_anything(score):
    if len(score) and not any(part.is_drum for part in score.parts):
        ours = muspy_metrics(score)
        for name, value in muspy_says(score).items():
            assert ours[name] == pytest.approx(value, abs=1e-12, nan_ok=True), name


def muspy_says(score):
    import muspy

    tracks = [muspy.Track(is_drum=part.is_drum) for part in score.parts]
    for onset, duration, pitch, velocity, part in score.notes.tolist():
        tracks[part].notes.append(muspy.Note(onset, pitch, duration, velocity))
    music, bar = muspy.Music(resolution=score.resolution, tracks=tracks), 4 * score.resolution
    with_bar = {name: getattr(muspy, name)(music, bar) for name in ("empty_measure_rate", "groove_consistency")}
    return with_bar | {name: getattr(muspy, name)(music) for name in muspy_metrics(TRIO) if name not in with_bar}


TRIO = Score(
    [(0, 24, 60, 64, 0), (0, 36, 60, 64, 1), (12, 24, 60, 64, 1), (96, 96, 67, 64, 0), (48, 24, 35, 64, 2)],
    parts=[("Flute",), ("Piano",), ("Drums", 0, True)],
)


def test_music21_says_the_same(jsb):
    """Extractors of jSymbolic as music21 has them; two scores without rests, as music21 counts intervals over rests."""
    from music21.features import jSymbolic

    from musiclab.notation import to_music21

    pairs = dict(
        PitchVarietyFeature="n_pitches", PitchClassVarietyFeature="n_pitch_classes", RangeFeature="pitch_range",
        PrimaryRegisterFeature="mean_pitch", AverageMelodicIntervalFeature="mean_interval",
        StepwiseMotionFeature="stepwise_rate", RepeatedNotesFeature="repetition_rate",
        DirectionOfMotionFeature="rising_rate",
    )  # fmt: skip
    for score in (load_example("bwv270"), load_example("bwv248.17")):
        stream, table = to_music21(score), describe(score)
        for name, ours in pairs.items():
            theirs = getattr(jSymbolic, name)(stream).extract().vector[0]
            assert table[ours][0] == pytest.approx(theirs, abs=1e-9), name


@settings(max_examples=40)
@given(scores())
def test_every_descriptor_takes_every_score(score):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = describe([score])
    assert all(column.shape == (1,) and column.dtype == float for column in table.values())
    for name in ("scale_consistency", "polyphony_rate", "leap_rate", "rising_rate", "empty_quarter_rate", "triad_rate",
                 "groove_consistency", "groove_similarity", "empty_bar_rate", "repeated_bar_rate"):  # fmt: skip
        assert np.isnan(table[name][0]) or 0 <= table[name][0] <= 1 + 1e-12, name


MOVES_WITH_PITCH = {"mean_pitch"}


def test_moved_up_only_the_mean_pitch_changes():
    score = load_example("bwv270")
    here, there = describe(score), describe(score.transpose(3))
    for name in DESCRIPTORS.keys() - MOVES_WITH_PITCH:
        assert there[name] == pytest.approx(here[name], abs=1e-9), name
    assert there["mean_pitch"] == pytest.approx(here["mean_pitch"] + 3)


def test_finer_ticks_change_nothing():
    score = load_example("bwv270")
    here, there = describe(score), describe(score.resample(480))
    for name in DESCRIPTORS:
        assert there[name] == pytest.approx(here[name], abs=1e-9), name


def test_silence_has_no_descriptors():
    table = describe([Score([], length=96), Score([])])
    counts = {"n_pitches", "n_pitch_classes"}
    assert all((table[name] == 0).all() for name in counts)
    for name in DESCRIPTORS.keys() - counts - {"groove_consistency", "groove_similarity", "repeated_bar_rate"}:
        assert np.isnan(table[name]).all(), name


def test_drums_have_no_pitch():
    notes = [(0, 24, 60, 64, 0), (24, 24, 64, 64, 0), (0, 24, 35, 64, 1), (12, 24, 80, 64, 1)]
    both = Score(notes, parts=[("Flute",), ("Drums", 0, True)])
    alone = both.part("Flute")
    for name in ("n_pitches", "pitch_range", "polyphony", "mean_interval", "duration_entropy", "note_density"):
        assert describe(both)[name] == describe(alone)[name], name
    assert describe(replace(both, parts=[("Flute",), ("Piano",)]))["n_pitches"] == 4
