import numpy as np
import pytest

from musiclab.errors import TokenError
from musiclab.score import Score
from musiclab.tokenizers.chorale import Chorale
from tests.event_checks import first_illegal
from tests.strategies import check_laws


def test_laws():
    check_laws(Chorale(), 200)


@pytest.mark.slow
def test_laws_on_many():
    check_laws(Chorale(), 1000)


def test_words_of_a_step_are_soprano_alto_tenor_bass():
    tok = Chorale()
    score = Score([(0, 12, 72 - 5 * part, 64, part) for part in range(4)])
    words = ["Pitch_72", "Pitch_67", "Pitch_62", "Pitch_57", *["Hold"] * 4]
    assert tok.words(tok.encode(score))[3:] == words


def test_a_later_note_cuts_an_earlier_one_and_the_highest_of_a_chord_stays():
    told = Chorale().project(Score([(0, 48, 60), (0, 24, 64), (12, 12, 62), (0, 24, 90)]))
    assert told.notes[["onset", "duration", "pitch"]].tolist() == [(0, 12, 64), (12, 12, 62)]


@pytest.mark.parametrize(
    "words, position, match",
    [
        (["Hold"], 3, "Hold at position 3: only Rest, Pitch_36..Pitch_81 may come here"),
        (["Rest", "Rest", "Rest"], 6, "the end at position 6: only Rest, Pitch_36"),
        (["Rest", "EOS", "Rest", "Rest"], 4, "EOS at position 4: only Rest, Pitch_36"),
    ],
)
def test_strict_decoding_says_where_and_why(words, position, match):
    tok = Chorale()
    header = ["TimeSignature_4/4", "Pickup_0", "Key_C_major"]
    with pytest.raises(TokenError, match=match) as caught:
        tok.decode([tok.ids_of_words[word] for word in (*header, *words)])
    assert caught.value.position == position


def test_decoding_refuses_where_the_grammar_does():
    tok, rng, refused = Chorale(), np.random.default_rng(0), 0
    whole = tok.encode(Score([(0, 24, 60), (24, 24, 64), (30, 12, 48, 64, 3)], pickup=12))
    for _ in range(400):
        ids = whole[: rng.integers(len(whole)) if rng.random() < 0.3 else None]
        for _ in range(rng.integers(0, 3) if ids else 0):
            ids[rng.integers(len(ids))] = int(rng.integers(3, len(tok.vocab)))
        legal = first_illegal(tok, ids) is None
        assert (tok._decode(np.array(ids, dtype=np.int64)) is not None) == legal, tok.words(ids)
        refused += not legal
    assert 100 < refused < 380


def test_lenient_decoding_drops_a_row_that_is_not_whole():
    tok = Chorale()
    ids = tok.encode(Score([(0, 24, 60)]))
    with pytest.warns(UserWarning, match="Chorale left out 2 of 21 ids"):
        assert tok.decode([*ids, *ids[-2:]], strict=False) == tok.decode(ids)
