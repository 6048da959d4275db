"""The hidden-state film without a browser: the numbers are the network's, and each note has its share of surprise."""

import shutil
import subprocess

import numpy as np
import pytest
import torch
from traitlets import TraitError

from musiclab.models import GRU, LSTM, Transformer
from musiclab.score import Score
from musiclab.tokenizers import BPE, ABCText, Chorale, Melody
from musiclab.training import token_nll
from musiclab.widgets.film import HiddenStateFilm, hidden_states, note_nll

TUNE = Score([(0, 12, 60), (12, 6, 62), (24, 24, 64)], title="Three notes", tempos=[(0, 60)])
TOK = Melody()


def gru(width: int = 8, tok=TOK, **sizes) -> GRU:
    torch.manual_seed(0)
    return GRU(len(tok.vocab), width=width, **sizes)


@torch.no_grad()
def test_states_are_what_the_last_layer_holds_after_each_word():
    model = gru(layers=2)
    ticks, hidden = hidden_states(model, TOK, TUNE)
    assert ticks.tolist() == [0, 6, 12, 18, 24, 30, 36, 42]
    _, state = model(torch.tensor([[1, *TOK.encode(TUNE)[: 3 + 5]]]))  # header, five cells
    np.testing.assert_allclose(hidden[4], state[-1, 0], atol=1e-6)


@torch.no_grad()
def test_of_several_words_at_one_place_the_last_counts():
    tok = ABCText()
    model = LSTM(len(tok.vocab), width=8)
    ticks, hidden = hidden_states(model, tok, TUNE)
    assert "".join(tok.words(tok.encode(TUNE))).endswith("\nCD/2z/2E2")
    assert ticks.tolist() == [0, 12, 18, 24]
    _, (state, _) = model(torch.tensor([[1, *tok.encode(TUNE)]]))
    np.testing.assert_allclose(hidden[-1], state[-1, 0], atol=1e-6)
    _, (state, _) = model(torch.tensor([[1, *tok.encode(TUNE)[:-5]]]))  # without z/2E2, so D/2 is complete
    np.testing.assert_allclose(hidden[1], state[-1, 0], atol=1e-6)


def test_every_nat_of_a_note_is_counted_once():
    model = gru()
    nats = token_nll(model, [TOK.sequence(TUNE)])[0]
    cells = nats[3:-1]  # after BOS a header of three, EOS last
    np.testing.assert_allclose(note_nll(model, TOK, TUNE), [cells[:2].sum(), cells[2], cells[4:].sum()])


def test_a_word_of_two_notes_is_shared():
    scale = Score([(6 * i, 6, 60 + i % 2) for i in range(8)])
    tok = BPE.train(TOK, [scale], vocab_size=len(TOK.vocab) + 1)
    nats = note_nll(gru(tok=tok), tok, scale)
    assert nats[0] == pytest.approx(nats[1])
    assert nats.sum() == pytest.approx(token_nll(gru(tok=tok), [tok.sequence(scale)])[0][3:-1].sum())


def test_rows_go_from_slow_to_fast_and_are_true_to_the_network():
    film = HiddenStateFilm(gru(32), TOK, TUNE)
    shown = film.hidden[:, film.units]
    np.testing.assert_allclose(np.array(film.rows).T, shown, atol=0.005)
    speed = np.abs(np.diff(shown, axis=0)).sum(0) / shown.std(0)
    assert (np.diff(speed) >= 0).all() and len(set(film.units)) == 20
    assert shown.std(0).min() >= np.delete(film.hidden, film.units, axis=1).std(0).max()
    assert film.edges == pytest.approx(np.arange(9) / 8)  # seconds: Melody says 120 quarters per minute
    assert film.duration == 1


def test_units_out_of_sight_are_refused():
    film = HiddenStateFilm(gru(), TOK, TUNE, units=[7, 2, 4])
    assert sorted(film.units) == [2, 4, 7]
    with pytest.raises((ValueError, TraitError), match=r"unit must be in \[.*\], got 3"):
        film.unit = 3
    for units in ([], [8], [0, -1]):
        with pytest.raises(ValueError, match=r"units must be some of 0\.\.7, got"):
            HiddenStateFilm(gru(), TOK, TUNE, units=units)


def test_values_beyond_one_are_scaled():
    model = Transformer(len(TOK.vocab), width=16, layers=1, heads=2)
    model.embed.weight.data *= 20
    film = HiddenStateFilm(model, TOK, TUNE)
    assert np.abs(film.rows).max() == 1 and np.abs(film.hidden).max() > 1


def test_a_single_step_and_four_parts_have_a_film():
    assert len(HiddenStateFilm(gru(), TOK, Score([(0, 6, 60)])).rows[0]) == 1
    parts = Score([(0, 24, 72 - 7 * part, 64, part) for part in range(4)])
    film = HiddenStateFilm(gru(tok=Chorale()), Chorale(), parts)
    assert film.ticks.tolist() == [0, 6, 12, 18]


def test_without_a_kernel_there_is_a_picture():
    film = HiddenStateFilm(gru(), TOK, TUNE)
    bundle, _ = film._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR") and "text/html" not in bundle
    assert repr(film) == bundle["text/plain"] == f"HiddenStateFilm({film.score!r})"
    assert film.title == "Three notes"


def test_the_page_is_one_module(tmp_path):
    """The player's page and the film's share a module: one export, and no name twice."""
    script = HiddenStateFilm._esm
    script = getattr(script, "read_text", lambda: str(script))()
    assert script.count("export default") == 1 and "export default { render: renderFilm }" in script
    if node := shutil.which("node"):
        (tmp_path / "film.mjs").write_text(script)
        subprocess.run([node, "--check", tmp_path / "film.mjs"], check=True)
