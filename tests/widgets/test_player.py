"""The player's kernel side: plain state, a picture for pages without a kernel, the display of a score."""

import base64
import builtins
import io
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from IPython.core.formatters import DisplayFormatter

from musiclab.audio import play
from musiclab.score import Score
from musiclab.widgets.display import register_score_display
from musiclab.widgets.player import Player

VIEW = "application/vnd.jupyter.widget-view+json"
SCORE = Score(
    [(0, 24, 67, 64, 0), (24, 48, 72, 80, 0), (24, 96, 48, 64, 1)],
    parts=[("Soprano", 52), ("", 52)],
    pickup=24,
    tempos=[(0, 60)],
    title="Duet",
)


def test_state_says_what_is_seen_and_heard():
    player = Player(SCORE, synthesizer="sines")
    assert player.notes == [[0.0, 1.0, 67, 64, 0], [1.0, 2.0, 72, 80, 0], [1.0, 4.0, 48, 64, 1]]
    assert player.bars == [[1.0, 1]]
    assert player.parts == [["Soprano", "#0072B2"], ["part 2", "#E69F00"]]
    assert (player.duration, player.title, player.caption) == (5.0, "Duet", "sound: sines")
    assert (player.position, player.playing) == (0.0, False)
    assert 10_000 < len(player.audio) < 60_000
    assert repr(player) == f"Player({SCORE!r})"


def test_long_scores_sound_when_the_page_asks():
    player = Player(SCORE.concat(Score([], SCORE.parts, length=24 * 70, tempos=[(0, 60)])), synthesizer="sines")
    assert player.audio == b""
    player._answer(player, {"ask": "something else"}, [])
    assert player.audio == b""
    player._answer(player, {"ask": "sound"}, [])
    assert len(player.audio) > 100_000


def test_a_score_without_notes_has_a_player():
    player = Player(Score([]))
    assert player.notes == [] and player.selection == Score([])


def test_muted_parts_do_not_sound_and_no_sound_is_made_before_its_time():
    def loudness(player):
        wave, _ = soundfile.read(io.BytesIO(player.audio))
        return [np.abs(wave[int(44100 * second) :][:20000]).max() for second in (0.2, 4.0)]

    player = Player(SCORE, synthesizer="sines")
    assert min(loudness(player)) > 0.01
    player.muted = [1]
    assert loudness(player)[0] > 0.1 and loudness(player)[1] < 0.001  # at four seconds the second part is alone
    player.muted = [0, 1]
    assert max(loudness(player)) == 0
    long = Player(SCORE.concat(Score([], SCORE.parts, length=24 * 70, tempos=[(0, 60)])), synthesizer="sines")
    long.muted = [0]
    assert long.audio == b""


def test_a_region_is_in_seconds_and_its_selection_a_score():
    player = Player(SCORE, synthesizer="sines")
    assert player.selection == SCORE
    player.region = [1.0004, 2.9996]  # a page does not point to the tick
    assert player.selection == SCORE.excerpt(24, 72)
    player.region = [4.0, 99.0]
    assert player.selection == SCORE.excerpt(96, SCORE.length)
    for wrong in ([2.0], [3.0, 2.0], [-1.0, 2.0]):
        with pytest.raises(ValueError, match=r"region must be \[\] or \[start, stop\] in seconds"):
            player.region = wrong


def test_bundle_has_view_picture_and_text_but_no_html():
    data, _ = Player(SCORE, synthesizer="sines")._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"].startswith("Player(Score('Duet'")
    assert VIEW in data and "text/html" not in data


def test_wrong_synthesizer_is_refused_at_once():
    with pytest.raises(ValueError, match="synthesizer must be"):
        Player(SCORE, synthesizer="symusic")


def test_a_score_in_a_kernel_shows_the_player(monkeypatch):
    shell = SimpleNamespace(display_formatter=DisplayFormatter(), kernel=object())
    monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    register_score_display()
    data, _ = shell.display_formatter.format(SCORE)
    assert VIEW in data and "image/png" in data
    assert data["text/plain"] == repr(SCORE)
    assert VIEW not in shell.display_formatter.format("another value")[0]


def test_a_score_in_a_terminal_stays_text(monkeypatch):
    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    register_score_display()
    assert shell.display_formatter.format(SCORE)[0] == {"text/plain": repr(SCORE)}


def test_without_ipython_nothing_happens(monkeypatch):
    monkeypatch.delattr(builtins, "get_ipython", raising=False)
    register_score_display()


def test_an_exported_page_has_the_picture_and_the_sound():
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    outputs = [Player(SCORE)._repr_mimebundle_()[0], play(SCORE)._repr_mimebundle_()]
    outputs = [nbformat.v4.new_output("display_data", data) for data in outputs]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("score", outputs=outputs)])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    assert "data:image/png;base64," in page and "data:audio/mpeg;base64," in page
