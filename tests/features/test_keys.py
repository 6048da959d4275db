"""Key finding: equal to music21's, moved with the music, and as right on Bach as it says."""

import warnings

import numpy as np
import pytest

from musiclab.datasets import load_chorales
from musiclab.features.keys import (
    PROFILES,
    find_key,
    fit_profile,
    key_correlations,
    local_keys,
    pitch_class_histogram,
)
from musiclab.pitch import shift_key
from musiclab.score import Key, Score

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


@pytest.fixture(scope="module")
def known(chorales):
    """The chorales whose last bass note is the tonic that the key signature has in major or in minor, and that key."""
    found = []
    for score in chorales:
        fifths, last = score.keys[0].fifths, int(score.notes["pitch"][score.notes["part"] == 3][-1])
        modes = [mode for mode, key in (("major", 7 * fifths), ("minor", 7 * fifths + 9)) if (last - key) % 12 == 0]
        found += [(score, Key(0, fifths, mode)) for mode in modes]
    return found


def right(known, profile) -> float:
    """Return the share of keys found."""
    found = [find_key(score, profile) for score, _ in known]
    return float(np.mean([(tonic(f), f.mode) == (tonic(k), k.mode) for f, (_, k) in zip(found, known, strict=True)]))


@pytest.mark.parametrize(("profile", "share"), [("krumhansl-schmuckler", 0.795), ("aarden-essen", 0.921)])
def test_right_on_bach_as_often_as_it_says(known, profile, share):
    assert len(known) == 302
    assert right(known, profile) == pytest.approx(share, abs=0.001)


def test_learned_on_the_training_split(known):
    unseen = {score.title for score in (*load_chorales().valid, *load_chorales().test)}
    profile = fit_profile(*zip(*[pair for pair in known if pair[0].title not in unseen], strict=True))
    assert right([pair for pair in known if pair[0].title in unseen], profile) >= 0.93


def test_learned_with_whole_tunes_left_out(known):
    """Five folds; chorales that share half of the runs of eight intervals in the soprano stay together."""
    groups, shares = np.array(tune_groups([score for score, _ in known])), []
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    for fold in range(5):
        held = np.isin(groups, order[fold::5])
        profile = fit_profile(*zip(*[pair for pair, out in zip(known, held, strict=True) if not out], strict=True))
        shares.append((right([pair for pair, out in zip(known, held, strict=True) if out], profile), held.sum()))
    assert len(set(groups)) < 280  # some tunes do come again
    assert sum(share * n for share, n in shares) / len(known) >= 0.93


def tune_groups(scores) -> list[int]:
    """Return a number for each score, the same for those whose sopranos share half of their runs of eight intervals."""
    runs = []
    for score in scores:
        steps = np.diff(score.notes["pitch"][score.notes["part"] == 0].astype(int)).tolist()
        runs.append({tuple(steps[i : i + 8]) for i in range(len(steps) - 7)})
    group = list(range(len(scores)))
    for i, mine in enumerate(runs):
        for j in range(i):
            if len(mine & runs[j]) >= 0.5 * min(len(mine), len(runs[j])):
                group = [group[j] if g == group[i] else g for g in group]
    return np.unique(group, return_inverse=True)[1].tolist()


def test_a_tune_that_modulates():
    bar = Score([(12 * i, 12, pitch) for i, pitch in enumerate([57, 60, 64, 69, 62, 64, 68, 69])])
    tune = bar.concat(bar).concat(bar).concat(bar)
    keys = local_keys(tune.concat(tune.transpose(7)), bars=2)
    assert [key[1:] for key in keys] == [(0, "minor"), (1, "minor")]
    assert keys[0].onset == 0 and keys[1].onset in (4 * 96, 5 * 96)
    assert local_keys(Score([], length=960)) == []


@pytest.mark.parametrize(("keys", "said"), [([Key(0, 0)], r"of both modes, got \['major'\]"), ([], "of both modes")])
def test_a_profile_needs_both_modes(keys, said):
    with pytest.raises(ValueError, match=said):
        fit_profile([TUNE] * len(keys), keys)


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
