import pytest

from musiclab.errors import TokenError
from musiclab.score import Score, TimeSignature
from musiclab.tokenizers.remi import REMI
from tests.event_checks import (
    check_files_against_miditok,
    check_laws,
    check_mutations,
    check_refusals,
    check_scores_against_miditok,
    midi_files,
)

# Files of the benchmark whose ids differ from MidiTok's, and why.
DIFFERENT = {
    "muspy_fur-elise.mid": "a pickup: MidiTok sees a bar of 1/8, here the first bar of 3/8 begins with silence"
}
OPTIONS = [
    {"programs": False},
    {"tempos": 0},
    {"steps_per_beat": ((0, 2, 12), (2, 6, 4)), "velocities": 1, "pitch_range": (40, 80), "tempos": 3},
    {"time_signatures": ((4, 4), (3, 8)), "tempos": 0, "programs": False},
]


def test_laws():
    check_laws(REMI(), 200)


@pytest.mark.slow
def test_laws_on_many():
    check_laws(REMI(), 1000)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_laws_with_options(options):
    check_laws(REMI(**options), 40)


def test_each_law_catches_what_breaks_it(monkeypatch):
    check_mutations(REMI, monkeypatch)


@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=str)
def test_decoding_refuses_where_the_grammar_does(options):
    assert check_refusals(REMI(**options), 100) > 50


@pytest.mark.peer
@pytest.mark.skipif(not midi_files(), reason="MUSICLAB_DATA is not set: no MIDI files to compare on")
def test_ids_are_miditoks_on_files():
    check_files_against_miditok(REMI(), DIFFERENT)


@pytest.mark.peer
def test_ids_are_miditoks_on_random_scores(tmp_path):
    check_scores_against_miditok(REMI(), 100, tmp_path)


def words(*args, **kwargs) -> list[str]:
    tok = REMI(tempos=0, programs=False)
    return tok.words(tok.encode(Score(*args, **kwargs)))


def test_a_pickup_is_a_bar_that_begins_with_silence():
    tok = REMI()
    told = tok.project(Score([(0, 24, 67), (24, 72, 60)], pickup=24, time_signatures=[(0, 3, 4)]))
    assert told.pickup == 0
    assert (told.onset_quarter.tolist(), told.bar_onsets.tolist()) == ([2.0, 3.0], [0, 96])


def test_a_change_of_metre_within_a_bar_waits_for_the_next():
    told = REMI().project(Score([(0, 480, 60)], time_signatures=[(0, 4, 4), (100, 3, 4)]))
    assert told.time_signatures == (TimeSignature(0, 4, 4), TimeSignature(256, 3, 4))


def test_a_metre_without_a_word_is_left_out():
    told = REMI().project(Score([(0, 480, 60)], time_signatures=[(0, 7, 32), (96, 13, 16), (192, 5, 8)]))
    assert told.time_signatures == (TimeSignature(0, 4, 4), TimeSignature(256, 5, 8))


def test_steps_follow_the_denominator_of_the_metre():
    told = words([(0, 3, 60), (96, 3, 62)], time_signatures=[(0, 4, 4), (96, 6, 8)])
    assert told == [
        *("Bar", "TimeSignature_4/4", "Position_0", "Pitch_60", "Velocity_63", "Duration_0.1.8"),
        *("Bar", "TimeSignature_6/8", "Position_0", "Pitch_62", "Velocity_63", "Duration_0.2.8"),
    ]


def test_of_notes_on_one_pitch_that_begin_together_the_shortest_stays():
    told = REMI().project(Score([(0, 48, 60), (0, 24, 60), (0, 24, 62)]))
    assert told.notes[["pitch", "duration"]].tolist() == [(60, 32), (62, 32)]


def test_parts_of_one_program_become_one_and_unused_ones_are_lost():
    parts = [("Violin I", 40), ("Violin II", 40), ("Viola", 41), ("Kit", 0, True)]
    told = REMI().project(Score([(0, 24, 72, 64, 0), (0, 24, 67, 64, 1), (0, 24, 36, 64, 3)], parts=parts))
    assert [tuple(p) for p in told.parts] == [("", 40, False), ("", 0, True)]
    assert told.notes[["pitch", "part"]].tolist() == [(67, 0), (72, 0), (36, 1)]


def test_parts_keep_the_order_that_onsets_show():
    parts = [("", 70), ("", 10), ("", 40)]
    told = REMI().project(Score([(0, 24, 60, 64, 0), (0, 24, 60, 64, 1), (24, 24, 60, 64, 2)], parts=parts))
    assert [p.program for p in told.parts] == [40, 70, 10]


def test_a_score_without_notes_keeps_its_metre_and_tempo():
    tok = REMI()
    assert tok.words(tok.encode(Score([]))) == ["Bar", "TimeSignature_4/4", "Position_0", "Tempo_121.29"]
    assert words([]) == ["Bar", "TimeSignature_4/4"]


def test_strict_decoding_says_what_may_come():
    tok = REMI(tempos=0, programs=False)
    ids = tok.encode(Score([(0, 24, 60), (0, 24, 64)]))
    ids[6], ids[3] = ids[3], ids[6]
    with pytest.raises(
        TokenError, match=r"^Pitch_60 at position 6: only Bar, Pitch_65..Pitch_127, .*Position_1.*the end"
    ):
        tok.decode(ids)


def test_lenient_decoding_stops_at_the_last_whole_note():
    tok = REMI()
    ids = tok.encode(Score([(0, 24, 60), (24, 24, 64)]))
    with pytest.warns(UserWarning, match="REMI left out 4 of 12 ids"):
        told = tok.decode(ids[:-1], strict=False)
    assert told.notes["pitch"].tolist() == [60]


def test_a_score_too_long_for_ticks_is_refused():
    with pytest.raises(ValueError, match=r"length must be at most \d+ quarters up to the last event, got 2e\+09"):
        REMI().encode(Score([(0, 2 * 10**9, 60)], resolution=1))


@pytest.mark.parametrize(
    "options, match",
    [
        ({"steps_per_beat": ((0, 4, 8), (5, 12, 4))}, "steps_per_beat must be rows"),
        ({"steps_per_beat": ((0, 4, 8), (4, 12, 3))}, "steps_per_beat must be rows"),
        ({"steps_per_beat": ((0, 200, 8),)}, "steps_per_beat must be at most 1024 durations, got 1600"),
        ({"pitch_range": (60, 60)}, "pitch_range must be"),
        ({"velocities": 0}, "velocities must be in 1..127, got 0"),
        ({"tempos": -1}, "tempos must be in 0..1000, got -1"),
        ({"time_signatures": ()}, "time_signatures must be different pairs"),
        ({"time_signatures": ((3, 4),)}, "time_signatures must be different pairs"),
        ({"time_signatures": ((4, 4), (6, 8), (3, 4))}, "one denominator after the other"),
        ({"time_signatures": ((4, 4), (1, 3))}, "time signature must be"),
    ],
)
def test_fields_are_checked(options, match):
    with pytest.raises(ValueError, match=match):
        REMI(**options)
