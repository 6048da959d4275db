"""One note in five views, driven without a browser."""

import base64
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from musiclab.score import Score
from musiclab.widgets.views import NoteViews, move_note
from tests.strategies import scores

TUNE = Score(
    [(0, 24, 72), (24, 24, 71), (48, 48, 69), (96, 24, 71)],
    parts=[("Soprano", 52)],
    pickup=24,
    tempos=[(0, 60)],
    title="Tune",
)


# --- the plain function ----------------------------------------------------------------------------------------------


def test_a_note_moves_and_the_table_is_sorted_again():
    moved = move_note(TUNE, 0, pitch=60, onset=50, duration=6)
    rows = [(24, 24, 71), (48, 48, 69), (50, 6, 60), (96, 24, 71)]
    assert moved.notes[["onset", "duration", "pitch"]].tolist() == rows
    assert (moved.pickup, moved.tempos, moved.length) == (24, TUNE.tempos, TUNE.length)


def test_the_score_grows_with_its_last_note_and_does_not_shrink():
    assert move_note(TUNE, 3, duration=100).length == 196
    assert move_note(TUNE, 3, duration=1).length == 120


@given(scores(), st.data())
def test_moving_there_and_back_changes_nothing(score, data):
    assume(len(score))
    index = data.draw(st.integers(0, len(score) - 1))
    old = score.notes[index].tolist()
    assert move_note(score, index) == score
    moved = move_note(score, index, pitch=127 - old[2])
    there = moved.notes.tolist().index((*old[:2], 127 - old[2], *old[3:]))
    assert move_note(moved, there, pitch=old[2]) == score


@pytest.mark.parametrize(
    ("index", "move", "text"),
    [
        (4, {}, r"note must be a row in 0\.\.3, got 4"),
        (-1, {}, r"note must be a row in 0\.\.3, got -1"),
        (0, {"pitch": 128}, r"pitch must be in 0\.\.127, got 128"),
        (0, {"onset": -1}, "onset must be in .*, got -1"),
        (0, {"duration": 0}, "duration must be in .*, got 0"),
    ],
)
def test_wrong_moves_are_refused(index, move, text):
    with pytest.raises(ValueError, match=text):
        move_note(TUNE, index, **move)


# --- the widget ------------------------------------------------------------------------------------------------------


def test_every_view_follows_the_note():
    views = NoteViews(TUNE, note=2)
    views.set(pitch=69 + 12, onset=60, duration=36)
    assert views.score == move_note(TUNE, 2, pitch=81, onset=60, duration=36)
    assert [2.5, 1.5, 81, 64, 1] in views.player.notes  # the note is a part of its own
    assert [name for name, _ in views.player.parts] == ["Soprano", "note 2"]
    text = views.text.value
    assert re.search(r"2▸ +60 +36 +81 +64 +0\n", text)
    assert "tick 60    90 51 40  note on\ntick 96    80 51 00  note off" in text
    assert "A5 = 880.0 Hz" in text and "quarters 2.5 to 4" in text and "seconds  2.500 to 4.000" in text


def test_sound_is_made_anew_when_asked():
    views = NoteViews(TUNE)
    before = views.player.audio
    views.set(note=2)
    assert len(before) > 10_000 and views.player.audio == before  # nothing moved
    views.set(pitch=60)
    assert views.player.audio == b""
    views.player.make_sound()
    assert len(views.player.audio) > 10_000 and views.player.audio != before


def test_a_note_that_passes_another_is_still_the_note():
    views = NoteViews(TUNE, note=0)
    views.set(onset=96)
    assert views.note == 3 and views.score.notes["pitch"][3] == 72
    views.set(onset=0)
    assert views.note == 0 and views.score == TUNE


def test_sliders_and_state_follow_each_other():
    views = NoteViews(TUNE, note=1)
    views.sliders["pitch"].value = 74
    views.sliders["onset"].value = 30
    assert views.score == move_note(TUNE, 1, pitch=74, onset=30)
    views.set(note=2)
    assert [slider.value for slider in views.sliders.values()] == [2, 69, 48, 48]
    views.sliders["note"].value = 3
    assert views.note == 3 and views.sliders["pitch"].value == 71


def test_no_way_of_turning_the_sliders_breaks():
    views, rng = NoteViews(TUNE), np.random.default_rng(0)
    for _ in range(25):
        slider = list(views.sliders.values())[rng.integers(4)]
        slider.value = int(rng.integers(slider.min, slider.max, endpoint=True))
        values = [slider.value for slider in views.sliders.values()]
        assert values == [views.note, *(views.score.notes[views.note][n] for n in ("pitch", "onset", "duration"))]
    assert views.score.length == TUNE.length  # the sliders end where the score does


def test_the_note_has_its_colour_on_the_staff_with_all_tied_heads():
    pytest.importorskip("verovio")
    tied = move_note(TUNE, 3, duration=48)  # over the bar line at 120: two heads
    overlapping = move_note(TUNE, 0, duration=30)
    shown = [NoteViews(TUNE, 0), NoteViews(tied, 3), NoteViews(overlapping, 0)]
    head = r'<g [^>]*class="note"[^>]*fill="#E69F00"'
    assert [len(re.findall(head, views.staff.value)) for views in shown] == [1, 2, 2]


def test_without_verovio_the_command_stands_where_the_staff_would(monkeypatch):
    monkeypatch.setitem(sys.modules, "verovio", None)
    assert "pip install" in NoteViews(TUNE).staff.value


def test_drums_are_on_midi_channel_9():
    drums = replace(TUNE, parts=[("Kit", 0, True)])
    assert "99 48 40  note on" in NoteViews(drums).text.value


def test_bundle_has_view_picture_and_text_but_no_html():
    bundle, _ = NoteViews(TUNE, 1)._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"] == f"NoteViews({TUNE!r})" and "text/html" not in bundle
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]


@pytest.mark.parametrize(("score", "note"), [(TUNE, 4), (Score([]), 0)])
def test_a_note_that_is_not_there_is_refused(score, note):
    with pytest.raises(ValueError, match="note must be a row"):
        NoteViews(score, note)
