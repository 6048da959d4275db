"""Key finding: equal to music21's, moved with the music, and as right on Bach as it says."""

import warnings

import numpy as np
import pytest

from musiclab.datasets import load_chorales
from musiclab.features.keys import PROFILES, find_key, key_correlations, pitch_class_histogram
from musiclab.pitch import shift_key
from musiclab.score import Score

MINOR = [57, 59, 60, 62, 64, 65, 68, 69, 64, 57]
TUNE = Score([(24 * i, 24, pitch) for i, pitch in enumerate(MINOR)])


@pytest.fixture(scope="module")
def chorales():
    corpus = load_chorales()
    return [*corpus.train, *corpus.valid, *corpus.test]


def tonic(key) -> int:
    return (7 * key.fifths + (9 if key.mode == "minor" else 0)) % 12


@pytest.mark.parametrize("profile", PROFILES)
def test_the_key_moves_with_the_music(profile):
    assert find_key(TUNE, profile)[1:] == (0, "minor")
    for semitones in range(1, 12):
        assert find_key(TUNE.transpose(semitones), profile)[1:] == (shift_key(0, semitones), "minor")


@pytest.mark.parametrize(("profile", "share"), [("krumhansl-schmuckler", 0.795), ("aarden-essen", 0.921)])
def test_right_on_bach_as_often_as_it_says(chorales, profile, share):
    """The truth is where the last bass note is the tonic that the key signature has in major or in minor."""
    right = []
    for score in chorales:
        major = 7 * score.keys[0].fifths % 12
        truth = {major: (major, "major"), (major + 9) % 12: ((major + 9) % 12, "minor")}
        bass = score.notes["pitch"][score.notes["part"] == 3]
        found = find_key(score, profile)
        if bass[-1] % 12 in truth:
            right.append((tonic(found), found.mode) == truth[bass[-1] % 12])
    assert len(right) == 302
    assert np.mean(right) == pytest.approx(share, abs=0.001)


@pytest.mark.slow
def test_music21_says_the_same(chorales):
    from music21 import note, stream

    for score in chorales[::12]:
        flat = stream.Stream()
        for row in score.notes:
            flat.insert(0, note.Note(int(row["pitch"]), quarterLength=row["duration"] / score.resolution))
        for profile, name in (("krumhansl-schmuckler", "krumhansl"), ("aarden-essen", "aarden")):
            theirs, ours = flat.analyze(f"key.{name}"), find_key(score, profile)
            assert (tonic(ours), ours.mode) == (theirs.tonic.pitchClass, theirs.mode), score.title
            best = key_correlations(score, profile).max()
            assert best == pytest.approx(theirs.correlationCoefficient, abs=1e-4)


def test_durations_weigh_and_drums_do_not():
    score = Score([(0, 24, 60), (24, 72, 67), (0, 96, 61, 64, 1)], parts=[("Flute",), ("Drums", 0, True)])
    assert pitch_class_histogram(score).tolist() == [24, 0, 0, 0, 0, 0, 0, 72, 0, 0, 0, 0]


@pytest.mark.parametrize("score", [Score([]), Score([(0, 24, pitch) for pitch in range(60, 72)])])
def test_without_a_preference_there_is_no_key(score):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(key_correlations(score)).all()
    with pytest.raises(ValueError, match="score must be one that uses some pitch classes more than others"):
        find_key(score)


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match=r"profile must be one of .*'aarden-essen'.*, got 'temperley'"):
        find_key(TUNE, "temperley")
