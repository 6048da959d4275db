"""The score: what it accepts, what it keeps, and what its views and changes give back."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musiclab.score import Key, Part, Score, Tempo, TimeSignature
from tests.strategies import scores

BAD = {
    "pitch must be in 0..127, got 128": {"notes": [(0, 1, 128)]},
    "duration must be in 1..": {"notes": [(0, 0, 60)]},
    "onset must be in 0..": {"notes": [(-1, 1, 60)]},
    "velocity must be in 1..127, got 0": {"notes": [(0, 1, 60, 0)]},
    "part must be an index into 1 parts, got 1": {"notes": [(0, 1, 60, 64, 1)], "parts": [Part()]},
    "part must be in 0..32767, got 40000 at note 0": {"notes": [(0, 1, 60, 64, 40000)]},
    "part must be in 0..32767, got -1": {"notes": [(0, 1, 60, 64, -1)]},
    "length must be in 24": {"notes": [(0, 24, 60)], "length": 23},
    "pickup must be in 0..24": {"notes": [(0, 24, 60)], "pickup": 25},
    "resolution must be >= 1": {"notes": [], "resolution": 0},
    "tempo must be > 0": {"notes": [], "tempos": [(0, 0)]},
    "time signature must be": {"notes": [], "time_signatures": [(0, 4, 3)]},
    "key must be -7..7 fifths": {"notes": [], "keys": [(0, 8)]},
    "onset must be in 0..2": {"notes": [], "keys": [(-1, 0)]},
    "program must be in 0..127": {"notes": [], "parts": [Part("", 128)]},
    "note must be whole numbers \\(onset": {"notes": [(0, 24)]},
    "note must be whole numbers": {"notes": [(0.5, 24, 60)]},
    "length must be a whole number, got 30.9": {"notes": [], "length": 30.9},
    "TimeSignature must be \\(onset, numerator, denominator\\), got '3/4'": {"notes": [], "time_signatures": ["3/4"]},
    "Part must be rows": {"notes": [], "parts": ["Soprano"]},
    "fields of the notes must be \\('onset": {"notes": np.zeros(1, dtype=[("onset", "i4")])},
}


@pytest.mark.parametrize("message", BAD)
def test_refuses_what_is_out_of_range(message):
    with pytest.raises(ValueError, match=message):
        Score(**BAD[message])


def test_notes_are_sorted_and_read_only():
    score = Score([(24, 1, 60), (0, 2, 64), (0, 1, 64), (0, 1, 60, 64, 1)])
    assert score.notes[["onset", "part", "pitch", "duration"]].tolist() == [
        (0, 0, 64, 1), (0, 0, 64, 2), (0, 1, 60, 1), (24, 0, 60, 1),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        score.notes["pitch"][0] = 1


def test_equality_ignores_title_and_source_and_nothing_else():
    score = Score([(0, 24, 60)], length=96, title="a", source="b")
    assert score == Score([(0, 24, 60)], length=96)
    assert hash(score) == hash(Score([(0, 24, 60)], length=96))
    others = [
        {"length": 97}, {"resolution": 12}, {"pickup": 1}, {"parts": [("x",)]}, {"time_signatures": [(0, 3, 4)]},
        {"tempos": [(0, 90)]}, {"keys": [(0, 1)]},
    ]  # fmt: skip
    for change in others:
        assert score != Score(**{"notes": [(0, 24, 60)], "length": 96, **change}), change


@given(scores())
def test_survives_pickling_and_its_own_constructor(score):
    again = pickle.loads(pickle.dumps(score))
    assert again == score and not again.notes.flags.writeable
    fields = {name: getattr(score, name) for name in score.__dataclass_fields__}
    assert Score(**fields) == score
    assert "\n" not in repr(score)


def test_seconds_follow_the_tempos():
    score = Score([(0, 24, 60), (36, 24, 62)], tempos=[Tempo(0, 60), Tempo(24, 120)])
    assert score.onset_second.tolist() == [0.0, 1.25]
    assert score.duration_second.tolist() == [1.0, 0.5]
    assert score.length_second == 1.75


@pytest.mark.parametrize(
    ("pickup", "metres", "length", "expected"),
    [
        (0, [(0, 4, 4)], 192, [0, 96]),
        (0, [(0, 4, 4)], 193, [0, 96, 192]),
        (24, [(0, 4, 4)], 216, [0, 24, 120]),
        (0, [(0, 4, 4), (96, 3, 4)], 240, [0, 96, 168]),
        (24, [(0, 3, 4), (96, 2, 2)], 192, [0, 24, 96]),
        (0, [(0, 4, 4)], 0, []),
    ],
)
def test_bar_onsets(pickup, metres, length, expected):
    score = Score([], length=length, pickup=pickup, time_signatures=metres)
    assert score.bar_onsets.tolist() == expected
    assert score.n_bars == len(expected)


def test_bars_cuts_notes_and_shifts_what_holds():
    score = Score(
        [(0, 24, 60), (24, 192, 62)], pickup=24, time_signatures=[(0, 4, 4), (120, 3, 4)], tempos=[(0, 90)],
        keys=[(0, -2)],
    )  # fmt: skip
    second = score.bars(2, 3)
    assert second.notes.tolist() == [(0, 72, 62, 64, 0)]
    assert second.time_signatures == (TimeSignature(0, 3, 4),)
    assert (second.pickup, second.tempos, second.keys) == (0, (Tempo(0, 90),), (Key(0, -2),))
    assert score.bars(0, 1).pickup == 24
    assert score.bars(1).length == score.length - 24
    with pytest.raises(ValueError, match=r"start must be a bar in 0..\d, got 9"):
        score.bars(9)
    with pytest.raises(ValueError, match="stop must be >= start"):
        score.bars(1, 0)


@given(scores(), st.data())
def test_an_excerpt_sounds_as_the_whole_did(score, data):
    start = data.draw(st.integers(0, score.length))
    stop = data.draw(st.integers(start, score.length))
    part = score.excerpt(start, stop)
    assert part.length == stop - start
    for tick in {start, (start + stop) // 2, max(start, stop - 1)} - {stop}:
        assert _sounding(part, tick - start) == _sounding(score, tick)
    inside = score.bar_onsets[(score.bar_onsets > start) & (score.bar_onsets < stop)]
    assert set(inside - start) <= set(part.bar_onsets)


def _sounding(score, tick):
    on = (score.notes["onset"] <= tick) & (score.end > tick)
    return sorted(score.notes[on][["pitch", "part", "velocity"]].tolist())


@given(scores())
def test_concat_of_bars_keeps_sound_and_bar_lines(score):
    if score.n_bars < 2:
        return
    cut = score.n_bars // 2
    joined = score.bars(0, cut).concat(score.bars(cut))
    assert joined.length == score.length
    assert joined.bar_onsets.tolist() == score.bar_onsets.tolist()
    for tick in {0, score.length // 2, max(0, score.length - 1)}:
        assert _sounding(joined, tick) == _sounding(score, tick)


def test_concat_refuses_other_parts_or_resolution():
    score = Score([(0, 24, 60)])
    with pytest.raises(ValueError, match="resolution must be the same"):
        score.concat(score.resample(48))
    with pytest.raises(ValueError, match="parts must be the same"):
        score.concat(Score([(0, 24, 60, 64, 1)]))


def test_transpose_moves_keys_and_leaves_drums():
    score = Score([(0, 1, 60), (0, 1, 36, 64, 1)], parts=[Part("a"), Part("b", 0, True)], keys=[(0, 0)])
    up = score.transpose(1)
    assert up.notes["pitch"].tolist() == [61, 36]
    assert up.keys == (Key(0, -5),)
    with pytest.raises(ValueError, match="pitch must be in"):
        score.transpose(70)
    with pytest.raises(ValueError, match="semitones must be"):
        score.transpose(1000)


@given(scores())
def test_quantize_and_resample_are_stable(score):
    for steps in (1, 4):
        if score.resolution % steps == 0:
            once = score.quantize(steps)
            assert once.quantize(steps) == once
            assert not (once.notes["onset"] % (score.resolution // steps)).any()
    finer = score.resample(score.resolution * 5)
    assert finer.resample(score.resolution) == score


def test_quantize_needs_a_divisor():
    with pytest.raises(ValueError, match="steps_per_quarter must be a divisor of the resolution 24, got 5"):
        Score([]).quantize(5)


def test_roll_keeps_the_loudest_and_its_steps():
    roll = Score([(0, 24, 60, 30), (12, 24, 60, 90)], length=48).roll(2)
    assert roll.shape == (128, 4)
    assert roll[60].tolist() == [30, 90, 90, 0]
    assert roll.sum() == 210


def test_part_by_name_or_index():
    score = Score([(0, 24, 72, 64, 0), (0, 24, 48, 64, 1)], parts=[("Soprano",), ("Bass",)])
    assert score.part("Bass") == score.part(1)
    with pytest.raises(ValueError, match=r"part must be one of \['Soprano', 'Bass'\] or an index below 2, got 'Alto'"):
        score.part("Alto")
