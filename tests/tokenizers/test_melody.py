import numpy as np
import pytest

from musiclab.errors import TokenError
from musiclab.score import Score
from musiclab.tokenizers.melody import Melody
from tests.strategies import check_laws

HEADER = ["TimeSignature_4/4", "Pickup_0", "Key_C_major"]


def spell(tok, *words):
    return [tok.ids_of_words[word] for word in (*HEADER, *words)]


@pytest.mark.parametrize("tok", [Melody(), Melody(12), Melody(7)], ids=repr)
def test_laws(tok):
    check_laws(tok, 200)


@pytest.mark.slow
@pytest.mark.parametrize("tok", [Melody(), Melody(12), Melody(24), Melody(1), Melody(7)], ids=repr)
def test_laws_on_many(tok):
    check_laws(tok, 1000)


def test_triplets_come_through_on_a_grid_of_twelve():
    triplet = Score([(0, 8, 60), (8, 8, 62), (16, 8, 64)])
    assert np.array_equal(Melody(12).project(triplet).notes, triplet.notes)
    assert not np.array_equal(Melody(4).project(triplet).notes, triplet.notes)


def test_projection_says_what_is_lost():
    score = Score(
        [(0, 24, 60), (0, 24, 64), (12, 24, 62, 100), (0, 24, 72, 64, 1), (49, 9, 65)],
        time_signatures=[(0, 5, 8), (48, 3, 4)], keys=[(0, -2, "minor"), (24, 1)], tempos=[(0, 99)],
    )  # fmt: skip
    told = Melody().project(score)
    assert told.notes.tolist() == [(0, 12, 64, 64, 0), (12, 24, 62, 64, 0), (48, 12, 65, 64, 0)]
    assert told.time_signatures == ((0, 4, 4),) and told.keys == ((0, -2, "minor"),) and told.tempos == ((0, 120.0),)
    assert told.length == 60 and told.parts == (("Melody", 0, False),)


def test_pickup_longer_than_a_bar_is_counted_from_its_last_bar_line():
    assert Melody().project(Score([(0, 240, 60)], pickup=120)).pickup == 24


def test_metres_that_the_grid_cannot_hold_are_not_words():
    assert "TimeSignature_3/8" in Melody(4).vocab
    assert "TimeSignature_3/8" not in Melody(1).vocab


def test_half_a_step_moves_later():
    assert Melody().project(Score([(3, 24, 60)])).notes["onset"].tolist() == [6]


@pytest.mark.parametrize(
    "words, position, match",
    [
        ([], 3, "the end at position 3: only Rest, Pitch_0..Pitch_127 may come here"),
        (["Hold"], 3, "Hold at position 3: only Rest, Pitch_0..Pitch_127 may"),
        (["Pitch_60", "Rest", "Hold"], 5, "Hold at position 5: only Rest, Pitch_0..Pitch_127, the end may"),
        (["Pitch_60", "Key_C_major"], 4, "Key_C_major at position 4: only Hold, Rest, Pitch_0..Pitch_127, the end may"),
        (["Pitch_60", "MASK"], 4, "MASK at position 4: only"),
    ],
)
def test_strict_decoding_says_where_and_why(words, position, match):
    tok = Melody()
    with pytest.raises(TokenError, match=match) as caught:
        tok.decode(spell(tok, *words))
    assert caught.value.position == position


def test_header_is_checked():
    tok = Melody()
    ids = spell(tok, "Rest", "Rest")
    with pytest.raises(TokenError, match=r"position 0: only TimeSignature_4/4..TimeSignature_12/8 may"):
        tok.decode(ids[1:])
    three_four, pickup = tok.ids_of_words["TimeSignature_3/4"], tok.ids_of_words["Pickup_12"]
    with pytest.raises(TokenError, match=r"Pickup_12 at position 1: only Pickup_0..Pickup_11 may"):
        tok.decode([three_four, pickup, *ids[2:]])


def test_lenient_decoding_repairs_and_says_how_much():
    tok = Melody()
    broken = spell(tok, "Hold", "Pitch_60", "TimeSignature_4/4", "Hold")
    with pytest.warns(UserWarning, match="Melody left out 2 of 7 ids"):
        assert len(tok.decode(broken, strict=False)) == 1


def test_grammar_counts_bars_without_the_pickup():
    tok = Melody()
    grammar = tok.grammar()
    for token_id in tok.encode(Score([(0, 24 + 96 + 48, 60)], pickup=24)):
        grammar.push(token_id)
    assert grammar.n_bars == 1


def test_steps_per_quarter_is_checked():
    with pytest.raises(ValueError, match=r"steps_per_quarter must be in 1..96, got 0"):
        Melody(0)
