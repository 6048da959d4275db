import pytest

from musiclab.score import Score, TimeSignature
from musiclab.tokenizers.tsd import TSD
from tests.event_checks import (
    check_files_against_miditok,
    check_laws,
    check_mutations,
    check_refusals,
    check_scores_against_miditok,
    midi_files,
)

# Files of the benchmark whose ids differ from MidiTok's, and why.
DIFFERENT: dict[str, str] = {}
OPTIONS = [
    {"programs": False},
    {"tempos": 0},
    {"steps_per_beat": ((0, 2, 12), (2, 6, 4)), "velocities": 1, "pitch_range": (40, 80), "tempos": 3},
]


def test_laws():
    check_laws(TSD(), 200)


@pytest.mark.slow
def test_laws_on_many():
    check_laws(TSD(), 1000)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_laws_with_options(options):
    check_laws(TSD(**options), 40)


def test_each_law_catches_what_breaks_it(monkeypatch):
    check_mutations(TSD, monkeypatch)


@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=str)
def test_decoding_refuses_where_the_grammar_does(options):
    assert check_refusals(TSD(**options), 100) > 50


@pytest.mark.peer
@pytest.mark.skipif(not midi_files(), reason="MUSICLAB_DATA is not set: no MIDI files to compare on")
def test_ids_are_miditoks_on_files():
    check_files_against_miditok(TSD(), DIFFERENT)


@pytest.mark.peer
def test_ids_are_miditoks_on_random_scores(tmp_path):
    check_scores_against_miditok(TSD(), 100, tmp_path)


def test_a_long_gap_is_the_longest_shift_and_the_rest():
    tok = TSD(tempos=0)
    shifts = tok.words(tok.encode(Score([(24 * 29 + 3, 24, 60)])))[:-4]
    assert shifts == ["TimeShift_12.0.4", "TimeShift_12.0.4", "TimeShift_5.0.4", "TimeShift_0.1.8"]


def test_metre_and_pickup_are_lost():
    told = TSD().project(Score([(0, 24, 60)], pickup=12, time_signatures=[(0, 3, 4)]))
    assert (told.pickup, told.time_signatures) == (0, (TimeSignature(0, 4, 4),))


def test_an_empty_score_without_tempo_has_no_words():
    assert TSD(tempos=0).encode(Score([])) == []
    assert TSD(tempos=0).decode([]) == TSD(tempos=0).project(Score([]))
