"""Notation: music21, MusicXML and ABC against music21's own reading, round trips, spelling, engraving."""

import re
import subprocess
import sys
import warnings
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import chord, clef, converter, corpus, harmony, instrument, key, meter, note, stream, tempo

from musiclab.datasets import load_example
from musiclab.notation import (
    MARK,
    engrave,
    from_music21,
    read_abc,
    read_musicxml,
    to_music21,
    write_musicxml,
)
from musiclab.score import Key, Part, Score, Tempo, TimeSignature

# Pickup in 4/4 and in 3/4, none, half a bar of pickup; ties over bar lines; 3/2; changes of metre; bars off the grid
# (48.3, 261); two staves more (41.6); grace notes (299); a file in Humdrum's format.
CHORALES = (
    "bwv66.6", "bwv269", "bwv4.8", "bwv119.9", "bwv371", "bwv123.6", "bwv27.6", "bwv41.6", "bwv48.3",
    "bwv261", "bwv299", "bwv366.krn",
)  # fmt: skip


@cache
def chorale(name):
    parsed = corpus.parse(f"bach/{name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return parsed, from_music21(parsed)


@pytest.mark.parametrize("name", CHORALES)
def test_chorale_has_the_notes_that_music21_has_after_stripping_ties(name):
    parsed, score = chorale(name)
    for i, part in enumerate(parsed.parts):
        theirs = [n for n in part.stripTies().flatten().notes if not n.duration.isGrace]
        ours = score.part(i)
        rows = zip(ours.onset_quarter, ours.duration_quarter, ours.notes["pitch"], strict=True)
        assert sorted(rows) == sorted((float(n.offset), float(n.quarterLength), n.pitch.midi) for n in theirs)
    assert score.length == 24 * parsed.highestTime


@pytest.mark.parametrize("name", CHORALES)
def test_chorale_has_bar_lines_where_they_are_written(name):
    parsed, score = chorale(name)
    written = [24 * bar.offset for bar in parsed.parts[0].getElementsByClass("Measure")]
    assert {onset for onset in score.bar_onsets if onset <= written[-1]} <= set(written)
    full = 24 * parsed.parts[0].recurse().getElementsByClass("TimeSignature")[0].barDuration.quarterLength
    assert score.pickup == (written[1] if written[1] < full else 0)


@pytest.mark.parametrize("name", CHORALES)
def test_chorale_comes_back_from_musicxml(name, tmp_path):
    score = chorale(name)[1]
    write_musicxml(score, tmp_path / "a.musicxml")
    again = read_musicxml(tmp_path / "a.musicxml")
    assert again == score
    assert again.title == score.title


def test_the_chorales_hold_what_they_are_chosen_for():
    scores = {name: chorale(name)[1] for name in CHORALES}
    assert [scores[name].pickup for name in ("bwv66.6", "bwv269", "bwv371", "bwv119.9")] == [24, 24, 0, 48]
    assert scores["bwv269"].time_signatures == (TimeSignature(0, 3, 4),)
    assert [ts[1:] for ts in scores["bwv27.6"].time_signatures] == [(4, 4), (3, 2)]
    assert scores["bwv48.3"].time_signatures == (TimeSignature(0, 4, 4), TimeSignature(18 * 24, 4, 4))
    tied = [n for n in chorale("bwv66.6")[0].recurse().notes if n.tie]
    assert tied and len(scores["bwv66.6"]) < len(chorale("bwv66.6")[0].flatten().notes)
    assert [p.name for p in scores["bwv66.6"].parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert scores["bwv66.6"].keys == (Key(0, 3, "minor"),)


def test_ties_become_one_note_and_repeated_notes_stay_two():
    score = from_music21(converter.parse("tinyNotation: 4/4 c2 d2~ d1~ d4 d4 d2"))
    assert score.notes[["onset", "duration", "pitch"]].tolist() == [
        (0, 48, 60), (48, 168, 62), (216, 24, 62), (240, 48, 62),
    ]  # fmt: skip


def test_a_tie_holds_one_pitch_of_a_chord_and_leads_nowhere_else():
    first, second = chord.Chord(["C4", "E4"]), chord.Chord(["C4", "F4"])
    first.notes[0].tie, second.notes[0].tie = note.tie.Tie("start"), note.tie.Tie("stop")
    lone = note.Note("F4")
    lone.tie = note.tie.Tie("stop")
    score = from_music21(stream.Stream([first, second, note.Rest(), lone]))
    assert score.notes[["onset", "duration", "pitch"]].tolist() == [
        (0, 48, 60),
        (0, 24, 64),
        (24, 24, 65),
        (72, 24, 65),
    ]


def test_triplets_are_exact():
    score = from_music21(converter.parse("tinyNotation: 4/4 trip{c8 d e} trip{f16 g a} b8 c2"))
    assert score.notes["onset"].tolist() == [0, 8, 16, 24, 28, 32, 36, 48]


def test_what_a_score_cannot_hold_is_counted_in_one_warning():
    part = stream.Part([note.Note("C4", quarterLength=1 / 7) for _ in range(7)])
    part.append([note.Note("D4").getGrace(), note.Unpitched(), harmony.ChordSymbol("Am"), note.Note("E4")])
    with pytest.warns(UserWarning) as caught:
        score = from_music21(part)
    assert [str(w.message) for w in caught if w.category is UserWarning] == [
        "notes moved to the nearest tick: 7; grace notes dropped: 1; unpitched notes dropped: 1"
    ]
    assert score.notes["onset"].tolist() == [0, 3, 7, 10, 14, 17, 21, 48]
    assert score.notes["pitch"].tolist() == [60] * 7 + [64]


def test_changes_of_tempo_metre_and_key_are_kept_once():
    part = stream.Part()
    for number, sign in enumerate(
        ([meter.TimeSignature("3/4"), key.Key("e"), tempo.MetronomeMark(number=60, referent="half")],
         [key.Key("e"), meter.TimeSignature("3/4")],
         [meter.TimeSignature("2/4"), key.KeySignature(-2), tempo.MetronomeMark(number=90)])
    ):  # fmt: skip
        part.append(stream.Measure([*sign, note.Note(quarterLength=2 if number == 2 else 3)], number=number + 1))
    score = from_music21(stream.Score([part]))
    assert score.time_signatures == (TimeSignature(0, 3, 4), TimeSignature(144, 2, 4))
    assert score.keys == (Key(0, 1, "minor"), Key(144, -2, "major"))
    assert score.tempos == (Tempo(0, 120.0), Tempo(144, 90.0))


def test_tempo_words_state_no_tempo():
    part = stream.Part([tempo.MetronomeMark("Adagio"), note.Note()])
    assert from_music21(part).tempos == (Tempo(0, 120.0),)
    assert from_music21(part, tempo=80).tempos == (Tempo(0, 80.0),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A minor", (0, "minor")),
        ("D dorian", (0, "major")),
        ("G mixolydian", (0, "major")),
        ("A aeolian", (0, "minor")),
    ],
)
def test_a_church_mode_keeps_its_signature(name, expected):
    assert from_music21(stream.Part([key.Key(*name.split()), note.Note()])).keys == (Key(0, *expected),)


def test_transposing_instruments_are_read_as_they_sound():
    horn = stream.Part([instrument.Horn(), note.Note("C5")])
    horn.atSoundingPitch = False
    assert from_music21(stream.Score([horn])).notes["pitch"].tolist() == [65]


ABC = "X:1\nT:First\nM:3/4\nL:1/4\nK:Dm\nA|d2 ^c|{e}d2:|\n|:f|e2 d|c2|]\n\nX:2\nT:Second\nM:6/8\nL:1/8\nK:G\nGAB c2d|\n"


def test_abc_gives_all_tunes_with_pickup_key_and_bars_written_in_halves():
    with pytest.warns(UserWarning, match="grace notes dropped: 1"):
        first, second = read_abc(ABC)
    assert (first.title, second.title) == ("First", "Second")
    assert first.keys == (Key(0, -1, "minor"),)
    assert first.pickup == 24
    assert first.bar_onsets.tolist() == [0, 24, 96, 168, 240]  # the repeat sign inside the second bar makes no new one
    assert first.time_signatures == (TimeSignature(0, 3, 4),)
    assert second.notes["onset"].tolist() == [0, 12, 24, 36, 60]


@pytest.mark.filterwarnings("ignore:grace")
def test_abc_reads_a_file_as_its_text(tmp_path):
    (tmp_path / "tunes.abc").write_text(ABC)
    assert read_abc(tmp_path / "tunes.abc") == read_abc(ABC)


def test_a_metre_that_music21_puts_into_two_bars_still_holds_from_the_start():
    # music21 repeats the same object after a bar that is too full, and then finds it only there.
    (score,) = read_abc("X:1\nM:3/4\nL:1/8\nK:G\nGA|B4 c2|d6 e|d6|\n")
    assert score.time_signatures[0] == TimeSignature(0, 3, 4)


def test_a_short_last_bar_in_two_pieces_states_no_metre():
    (score,) = read_abc("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|C|D|\n")
    assert score.time_signatures == (TimeSignature(0, 4, 4),)


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.xml: no such file"):
        read_musicxml(tmp_path / "none.xml")
    with pytest.raises(FileNotFoundError, match=r"none\.abc: no such file"):
        read_abc(tmp_path / "none.abc")
    (tmp_path / "bad.xml").write_text("<score")
    with pytest.raises(ValueError, match=r"bad\.xml: not musicxml that music21 can read"):
        read_musicxml(tmp_path / "bad.xml")
    with pytest.raises(ValueError, match="ABC"):
        read_abc("no tune\nat all\n")


# --- writing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fifths", "mode", "pitches", "names"),
    [
        (-4, "minor", (68, 64, 61), ["A-4", "E4", "D-4"]),
        (0, "minor", (68, 63, 70, 61), ["G#4", "D#4", "B-4", "C#4"]),
        (0, "major", (66, 68, 70), ["F#4", "G#4", "B-4"]),
        (-3, "major", (63, 66, 70), ["E-4", "F#4", "B-4"]),
        (7, "major", (60, 71), ["B#3", "B4"]),
        (-7, "major", (59, 64), ["C-4", "F-4"]),
        (2, "major", (1, 127), ["C#-1", "G9"]),
    ],
)
def test_spelling_follows_the_key(fifths, mode, pitches, names):
    score = Score([(24 * i, 24, pitch) for i, pitch in enumerate(pitches)], keys=[(0, fifths, mode)])
    assert [n.pitch.nameWithOctave for n in to_music21(score).recurse().notes] == names


def test_spelling_is_that_of_the_encoding_for_nearly_all_notes_of_the_chorales():
    same = total = 0
    for name in CHORALES:
        parsed, score = chorale(name)
        for theirs, ours in zip(parsed.parts, to_music21(score).parts, strict=True):
            names = {(n.offset, n.pitch.midi): n.pitch.name for n in theirs.flatten().notes if not n.duration.isGrace}
            spelled = [names[n.offset, n.pitch.midi] == n.pitch.name for n in ours.stripTies().flatten().notes]
            same, total = same + sum(spelled), total + len(spelled)
    assert same / total > 0.99


def test_chorale_has_the_clefs_of_a_choir():
    clefs = [part.recurse().getElementsByClass("Clef").first() for part in to_music21(load_example()).parts]
    assert [type(c) for c in clefs] == [clef.TrebleClef, clef.TrebleClef, clef.Treble8vbClef, clef.BassClef]


def test_pickup_is_bar_nought_and_notes_are_cut_at_bar_lines():
    score = Score([(0, 24, 60), (24, 192, 62)], pickup=24)
    bars = to_music21(score).parts[0].getElementsByClass("Measure")
    assert [(bar.number, bar.offset, bar.duration.quarterLength) for bar in bars] == [(0, 0, 1), (1, 1, 4), (2, 5, 4)]
    assert [n.tie.type for n in to_music21(score).recurse().notes if n.tie] == ["start", "stop"]


def test_no_written_value_is_a_tuplet_but_the_triplet():
    score = Score([(sum(range(1, n)), n, 60) for n in range(1, 97)])
    written = list(to_music21(score).recurse().notesAndRests)
    assert {t.numberNotesActual for n in written for t in n.duration.tuplets} == {3}
    assert all(len(n.duration.components) == 1 for n in written)
    assert from_music21(to_music21(score)) == score


def test_each_note_of_a_chord_keeps_its_velocity():
    score = Score([(0, 24, 60, 30), (0, 24, 64, 90), (24, 24, 62, 50)])
    assert from_music21(to_music21(score)) == score


def test_finer_resolution_is_written_to_the_nearest_tick():
    score = Score([(0, 480, 60), (490, 470, 62)], resolution=480)
    assert from_music21(to_music21(score)) == score.resample(24)


@st.composite
def written_scores(draw):
    """Scores as a notation program would have them: in bars, on 32nds or triplets, no part against itself in unison."""
    ts = draw(st.sampled_from(((4, 4), (3, 4), (6, 8), (2, 2), (5, 8))))
    bar = 96 * ts[0] // ts[1]
    pickup = draw(st.sampled_from((0, 0, 12, 24)))
    length = pickup + bar * draw(st.integers(1, 4)) - draw(st.sampled_from((0, 0, 12)))
    part = st.builds(Part, st.sampled_from(("", "Flute")), st.integers(0, 127), st.booleans())
    parts = draw(st.lists(part, min_size=1, max_size=3))
    notes = []
    for part in range(len(parts)):
        for low in draw(st.sampled_from(((60,), (48, 72)))):  # one line, or two that overlap
            now = 0
            while now < length:
                value = min(draw(st.sampled_from((3, 6, 8, 12, 16, 18, 24, 36, 48, 60, 96))), length - now)
                if draw(st.integers(0, 4)):
                    notes.append((now, value, low + draw(st.integers(0, 12)), 64, part))
                now += value
    at_bar = st.integers(0, 3).map(lambda i: pickup + i * bar if i else 0).filter(lambda tick: tick < length)
    keys = draw(st.dictionaries(at_bar, st.tuples(st.integers(-7, 7), st.sampled_from(("major", "minor"))), max_size=2))
    changes = sorted((onset, *value) for onset, value in keys.items())
    changes = [k for i, k in enumerate(changes) if i == 0 or k[1:] != changes[i - 1][1:]]
    tempos = draw(st.dictionaries(at_bar, st.sampled_from((60.0, 96.0, 123.4)), max_size=2))
    return Score(notes, parts=parts, length=length, pickup=pickup, time_signatures=[(0, *ts)], keys=changes,
                 tempos=sorted(tempos.items()))  # fmt: skip


@settings(max_examples=40)
@given(score=written_scores())
def test_scores_come_back_from_music21_and_musicxml(score, tmp_path_factory):
    path = tmp_path_factory.mktemp("xml") / "score.musicxml"
    assert from_music21(to_music21(score)) == score
    write_musicxml(score, path)
    assert read_musicxml(path) == score


def test_writing_leaves_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "a.musicxml"
    path.write_text("old")

    def full(self, data):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        write_musicxml(load_example(), path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.musicxml", "old")]


def test_writing_wants_a_name_that_says_musicxml(tmp_path):
    with pytest.raises(ValueError, match=r"path must be a name ending in .musicxml or .xml, got a.mid"):
        write_musicxml(load_example(), tmp_path / "a.mid")


# --- engraving ------------------------------------------------------------------------------------------------------


def test_engraving_is_the_same_text_in_every_process():
    pytest.importorskip("verovio")
    svg = engrave(load_example())
    code = "from musiclab.notation import engrave; from musiclab.datasets import load_example; "
    code += "import sys; sys.stdout.buffer.write(engrave(load_example()).encode())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.decode()
    assert svg == engrave(load_example()) == other
    assert "xlink:href" not in svg


def test_engraving_sets_a_chorale_on_two_staves_and_a_tune_on_one():
    pytest.importorskip("verovio")
    svg = engrave(load_example().bars(0, 3))
    assert (svg.count('class="measure"'), svg.count('class="staff"'), svg.count('class="layer"')) == (3, 6, 12)
    assert svg.count('class="note"') == len(load_example().bars(0, 3))
    tune = engrave(load_example().part("Soprano").bars(0, 3), width=500)
    assert tune.count('class="staff"') == 3
    assert 'width="500px"' in tune


def test_marked_notes_are_red_and_no_others():
    pytest.importorskip("verovio")
    score = Score([(0, 24, 60), (0, 24, 64), (24, 24, 62), (48, 48, 65)], length=96)
    assert MARK not in engrave(score)
    heads = re.findall(r'<g id="\w+" class="note" color="(#\w+)"', engrave(score, marked=[1, 3]))
    assert heads == [MARK, MARK]


def test_engraving_says_how_to_install_verovio(monkeypatch):
    monkeypatch.setitem(sys.modules, "verovio", None)
    with pytest.raises(ImportError, match="engraved notation needs verovio: pip install"):
        engrave(load_example())


def test_engraving_wants_a_page_wide_enough():
    pytest.importorskip("verovio")
    with pytest.raises(ValueError, match="width must be >= 200 pixels, got 10"):
        engrave(load_example(), width=10)
