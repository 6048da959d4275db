"""Each descriptor against the plainest way to count it, and against the library that defines it."""

import numpy as np
import pytest
from hypothesis import given, settings

from musiclab.datasets import load_example
from musiclab.features import harmony, pitches, rhythm, structure
from musiclab.score import Score, TimeSignature
from tests.strategies import scores

CHORALE = load_example("bwv270")


@settings(max_examples=40)
@given(scores())
def test_pitches_at_once_is_the_sum_of_a_piano_roll(score):
    """A roll as fine as the ticks."""
    notes = pitches.pitched_notes(score)
    n, ticks = pitches.pitches_at_once(score)
    roll = np.zeros((128, score.length), dtype=bool)
    for note in notes:
        roll[note["pitch"], note["onset"] : note["onset"] + note["duration"]] = True
    sums = roll.sum(axis=0)
    for least in (1, 2, 3):
        assert ticks[n >= least].sum() == (sums >= least).sum()
    assert (n * ticks).sum() == sums.sum()


def test_a_gap_of_one_tick_is_a_gap_and_notes_that_touch_have_none():
    assert pitches.polyphony_rate(Score([(0, 1, 60), (2, 1, 60), (3, 1, 60)]), least=1) == 0.75


@settings(max_examples=40)
@given(scores())
def test_windows_of_bars_are_cut_bars(score):
    """MusDr's H is the entropy of the notes that begin in a window, whose edges are bar lines."""
    found = []
    for first in range(max(1, score.n_bars - 1)):
        edges = np.append(score.bar_onsets, score.length)
        inside = pitches.pitched_notes(score)
        inside = (
            inside[(inside["onset"] >= edges[first]) & (inside["onset"] < edges[min(first + 2, len(edges) - 1)])]
            if (score.n_bars)
            else inside
        )
        if len(inside):
            found.append(pitches.entropy(np.bincount(inside["pitch"] % 12, minlength=12)))
    expected = np.mean(found) if found else np.nan
    assert rhythm.bar_entropy(score, bars=2) == pytest.approx(expected, nan_ok=True)


def test_groove_similarity_is_the_mean_over_all_pairs():
    patterns = rhythm.onset_patterns(CHORALE)
    pairs = [(a != b).mean() for i, a in enumerate(patterns) for b in patterns[:i]]
    assert rhythm.groove_similarity(CHORALE) == pytest.approx(1 - np.mean(pairs))
    neighbours = [(a != b).mean() for a, b in zip(patterns[1:], patterns[:-1], strict=True)]
    assert rhythm.groove_consistency(CHORALE) == pytest.approx(1 - np.mean(neighbours))


def test_patterns_stand_on_bar_lines():
    """A pickup of a quarter stands at the end of its bar; after a change of metre rows keep the longest width."""
    metres = [TimeSignature(0, 4, 4), TimeSignature(120, 3, 4)]
    score = Score([(0, 24, 60), (24, 96, 62), (120, 6, 64), (126, 66, 65)], pickup=24, time_signatures=metres)
    patterns = rhythm.onset_patterns(score)
    assert patterns.shape == (3, 16)
    assert [row.nonzero()[0].tolist() for row in patterns] == [[12], [0], [0, 1]]


@pytest.mark.parametrize(
    ("onsets", "metre", "levels"),
    [
        ([0, 24, 48, 72], (4, 4), 0),  # on every beat
        ([0, 24, 72], (4, 4), 1),  # beat 2 held over beat 3
        ([0, 36, 72], (4, 4), 2),  # the eighth after 2 is held over 3: eighth, beat, half bar
        (
            [0, 84, 108],
            (4, 4),
            5,
        ),  # the eighth after 4 over the bar line: 3; that after 1 to the end, over half a bar: 2
        ([0, 48, 96], (3, 4), 1),  # beat 3 held over a bar line in 3/4
    ],
)
def test_syncopation_counts_levels(onsets, metre, levels):
    bar = 96 * metre[0] // metre[1]
    notes = [(onset, 6, 60) for onset in onsets]
    score = Score(notes, length=-(-(onsets[-1] + 6) // bar) * bar, time_signatures=[TimeSignature(0, *metre)])
    assert rhythm.syncopation(score) * score.n_bars == levels


@pytest.mark.peer
def test_centroids_are_librosas():
    import librosa

    sounding = harmony.sounding_classes(CHORALE)
    theirs = librosa.feature.tonnetz(chroma=sounding.T.astype(float), sr=22050)
    assert np.abs(harmony.tonal_centroids(CHORALE) - theirs.T).max() < 1e-6


def test_chords_are_music21s():
    from music21 import chord

    names = dict(
        major="isMajorTriad", minor="isMinorTriad", diminished="isDiminishedTriad", augmented="isAugmentedTriad"
    )
    names |= {"dominant seventh": "isDominantSeventh", "diminished seventh": "isDiminishedSeventh"}
    names |= {"half-diminished seventh": "isHalfDiminishedSeventh"}
    spelled = {4: "E", 7: "G", 3: "E-", 6: "G-", 8: "G#", 10: "B-", 9: "B--", 0: "C"}
    for name, asks in names.items():
        assert getattr(chord.Chord([spelled[step] for step in harmony.CHORDS[name]]), asks)(), name
    sounding = harmony.sounding_classes(CHORALE)
    for quarter, index in enumerate(harmony.chords(CHORALE)):
        theirs = chord.Chord(sounding[quarter].nonzero()[0].tolist()).quality  # of three notes or more, by thirds
        if harmony.CHORD_NAMES[index] in ("major", "minor"):
            assert theirs == harmony.CHORD_NAMES[index]


def test_chords_do_not_mind_root_or_inversion():
    for root in range(12):
        for name, semitones in harmony.CHORDS.items():
            notes = [(0, 24, 48 + (root + step) % 12 + 12 * (i % 2)) for i, step in enumerate(semitones)]
            assert harmony.CHORD_NAMES[harmony.chords(Score(notes))[0]] == name
    assert harmony.chords(Score([(24, 24, 60)])).tolist() == [-1, len(harmony.CHORDS)]


def test_self_similarity_finds_a_transposed_bar_and_ignores_octaves():
    bar = [(0, 24, 60), (24, 24, 64), (48, 48, 67)]
    score = Score([*bar, *[(o + 96, d, p + 17) for o, d, p in bar], *[(o + 192, d, 60) for o, d, _ in bar]])
    alike = structure.self_similarity(score)
    assert alike == pytest.approx(alike.T)
    assert alike[0] == pytest.approx([1, 1, 1 / 3])


def test_shuffled_bars_lose_structure():
    """The control of any measure of structure: what bars hold stays, and where they come again is gone."""
    rng = np.random.default_rng(0)
    phrase = [rng.integers(60, 72, size=4) for _ in range(4)]
    order = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]
    tune = in_order(phrase, order)
    shuffled = [structure.structure_indicator(in_order(phrase, rng.permutation(order))) for _ in range(10)]
    assert structure.structure_indicator(tune) > max(shuffled) + 0.1
    assert structure.repeated_bar_rate(tune) == 12 / 15


def in_order(bars, order):
    return Score([(96 * i + 24 * k, 24, int(p)) for i, bar in enumerate(order) for k, p in enumerate(bars[bar])])


def test_lines_take_the_highest_of_each_part():
    score = Score([(0, 24, 60), (0, 24, 64), (24, 24, 62), (0, 48, 40, 64, 1)])
    assert pitches.melodic_intervals(score).tolist() == [-2]
    assert pitches.contour(score) == "*D"
    assert pitches.contour(Score([])) == ""
    assert pitches.pitch_class_transitions(score).sum() == 1
    assert pitches.interval_histogram(score)[10] == 1
