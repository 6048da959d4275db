import pytest

from musiclab.errors import TokenError
from musiclab.score import Score
from musiclab.tokenizers.midilike import MIDILike
from tests.event_checks import (
    check_files_against_miditok,
    check_laws,
    check_mutations,
    check_refusals,
    check_scores_against_miditok,
    midi_files,
)

# Files of the benchmark whose ids differ from MidiTok's, and why.
DIFFERENT = dict.fromkeys(
    [
        "game_ItIs.mid",
        "pop909_001.mid",
        "pop909_121.mid",
        "pop909_241.mid",
        "pop909_301.mid",
        "pop909_541.mid",
        "pop909_781.mid",
    ],
    "notes within others of their pitch: ends are ordered by the onsets that decoding pairs them with",
)
OPTIONS = [
    {"programs": False},
    {"tempos": 0},
    {"steps_per_beat": ((0, 2, 12), (2, 6, 4)), "velocities": 1, "pitch_range": (40, 80), "tempos": 3},
]


def test_laws():
    check_laws(MIDILike(), 200)


@pytest.mark.slow
def test_laws_on_many():
    check_laws(MIDILike(), 1000)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_laws_with_options(options):
    check_laws(MIDILike(**options), 40)


def test_each_law_catches_what_breaks_it(monkeypatch):
    check_mutations(MIDILike, monkeypatch)


@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=str)
def test_decoding_refuses_where_the_grammar_does(options):
    assert check_refusals(MIDILike(**options), 100) > 50


@pytest.mark.peer
@pytest.mark.skipif(not midi_files(), reason="MUSICLAB_DATA is not set: no MIDI files to compare on")
def test_ids_are_miditoks_on_files():
    check_files_against_miditok(MIDILike(), DIFFERENT)


@pytest.mark.peer
def test_ids_are_miditoks_on_random_scores(tmp_path):
    check_scores_against_miditok(MIDILike(), 100, tmp_path)


def told(*rows) -> list[tuple]:
    return MIDILike().project(Score(rows)).notes[["onset", "duration", "pitch"]].tolist()


def test_of_notes_that_overlap_on_one_pitch_the_first_to_begin_is_the_first_to_end():
    assert told((0, 96, 60), (24, 24, 60)) == [(0, 16, 60), (8, 24, 60)]


def test_a_note_may_last_longer_than_the_longest_shift():
    assert told((0, 24 * 1000, 60)) == [(0, 8000, 60)]


def test_notes_that_end_come_before_notes_that_begin():
    tok = MIDILike(tempos=0, programs=False)
    words = tok.words(tok.encode(Score([(0, 24, 60), (24, 24, 60), (24, 24, 48)])))
    assert words == [
        *("NoteOn_60", "Velocity_63", "TimeShift_1.0.8", "NoteOff_60", "NoteOn_48", "Velocity_63", "NoteOn_60"),
        *("Velocity_63", "TimeShift_1.0.8", "NoteOff_48", "NoteOff_60"),
    ]


def test_a_note_that_never_ends_is_refused_or_ended():
    tok = MIDILike()
    ids = tok.encode(Score([(0, 24, 60), (24, 24, 64)]))
    with pytest.raises(TokenError, match=r"^the end at position 10: only .*TimeShift"):
        tok.decode(ids[:-3])
    with pytest.warns(UserWarning, match="left out 0 of 10 ids .* and added 3 to come to an end"):
        score = tok.decode(ids[:-3], strict=False)
    assert score.notes["duration"].tolist() == [8, 1]
