import numpy as np
import pytest

from musiclab.errors import TokenError
from musiclab.notation import read_abc
from musiclab.pitch import key_name
from musiclab.score import Score
from musiclab.tokenizers.abc_text import ABCText
from tests.strategies import check_laws

HEADER = "X:1\nM:4/4\nL:1/8\nK:C\n"


def text(tok, score):
    return "".join(tok.words(tok.encode(score)))


def ids_of(tok, abc):
    return [tok.ids_of_words[char] for char in abc]


@pytest.mark.parametrize("tok", [ABCText(), ABCText(4)], ids=repr)
def test_laws(tok):
    check_laws(tok, 200)


@pytest.mark.slow
@pytest.mark.parametrize("tok", [ABCText(), ABCText(4), ABCText(1)], ids=repr)
def test_laws_on_many(tok):
    check_laws(tok, 1000)


def test_body_of_a_tune():
    score = Score([(0, 12, 62), (12, 60, 66), (96, 16, 60), (112, 8, 72)], pickup=12, length=156)
    assert text(ABCText(), score) == HEADER + "D|^F5z2C-|C/3c2/3z3"


def test_a_pickup_is_a_first_bar_line_that_comes_early():
    tok = ABCText()
    assert tok.decode(ids_of(tok, HEADER + "C2|")).pickup == 24
    assert tok.decode(ids_of(tok, HEADER + "C2")).pickup == 0
    assert tok.decode(ids_of(tok, HEADER + "C8|")).pickup == 0


@pytest.mark.parametrize("fifths", range(-7, 8))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_music21_reads_the_same_notes(fifths, mode):
    pitches = np.random.default_rng(fifths + 7).integers(40, 90, 48).tolist()
    notes = [(12 * i, 12 if i % 3 else 8, pitch) for i, pitch in enumerate(pitches)]
    score = Score(notes, keys=[(0, fifths, mode)], time_signatures=[(0, 3, 4)], pickup=24)
    tok = ABCText()
    (read,) = read_abc(text(tok, score))
    read = read.resample(24)
    assert np.array_equal(read.notes[["onset", "duration", "pitch"]], score.notes[["onset", "duration", "pitch"]])
    assert read.pickup == 24 and key_name(*read.keys[0][1:]) == key_name(fifths, mode)


@pytest.mark.parametrize(
    "body, position, match",
    [
        ("zz", 21, "^z at position 21: only"),  # two rests say what one says
        ("C95", 22, "^5 at position 22"),  # longer than the bar
        ("C8", 22, "the end at position 22: only /, [|], - may come here$"),
        ("^E", 21, "^E at position 21"),  # F in another name
        ("=C", 20, "^= at position 20"),  # no accidental is needed
        ("^FF", 22, "^F at position 22"),  # one is, after another in the bar
        ("C2/2", 23, "^2 at position 23"),  # not in lowest terms
        ("C8-|D", 24, "^D at position 24: only C may come here$"),
        ("", 20, "the end at position 20"),
    ],
)
def test_only_the_canonical_text_is_read(body, position, match):
    tok = ABCText()
    with pytest.raises(TokenError, match=match) as caught:
        tok.decode(ids_of(tok, HEADER + body))
    assert caught.value.position == position


def test_lenient_decoding_repairs():
    tok = ABCText()
    with pytest.warns(UserWarning, match="ABCText left out 2 of 24 ids"):
        repaired = tok.decode(ids_of(tok, HEADER + "Czz^"), strict=False)
    assert repaired == tok.decode(ids_of(tok, HEADER + "Cz"))


def test_extremes_of_range_are_spelled():
    tok = ABCText()
    for fifths in (-7, 0, 7):
        score = Score([(0, 12, 0), (12, 12, 127)], keys=[(0, fifths)])
        assert tok.decode(tok.encode(score)).notes["pitch"].tolist() == [0, 127]


def test_grammar_counts_bars_without_the_pickup():
    tok = ABCText()
    grammar = tok.grammar()
    for token_id in ids_of(tok, HEADER + "C2|C8|C8|C2"):
        grammar.push(token_id)
    assert grammar.n_bars == 2
