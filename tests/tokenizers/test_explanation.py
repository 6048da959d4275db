import numpy as np
import pytest

from musiclab.score import Score
from musiclab.tokenizers.abc_text import ABCText
from musiclab.tokenizers.bpe import BPE
from musiclab.tokenizers.chorale import Chorale
from musiclab.tokenizers.chorale_grid import ChoraleGrid
from musiclab.tokenizers.compare import bigram_bits, compare_tokenizers, onset_errors
from musiclab.tokenizers.explanation import explain, link_words
from musiclab.tokenizers.melody import Melody
from musiclab.tokenizers.midilike import MIDILike
from musiclab.tokenizers.remi import REMI
from musiclab.tokenizers.tsd import TSD

DUET = Score([(0, 24, 60), (12, 24, 64, 64, 1), (48, 96, 62), (96, 24, 64, 64, 1)], pickup=24)
PITCH_WORDS = ("Pitch", "NoteOn", "PitchDrum", "DrumOn")
TOKS = [Melody(), ABCText(), Chorale(), ChoraleGrid(), REMI(), TSD(), MIDILike(), BPE(Melody(), [(66, 4), (4, 4)])]


@pytest.mark.parametrize("tok", TOKS, ids=lambda tok: tok.name)
def test_each_word_has_a_link_and_each_note_a_word(tok):
    ids = tok.encode(DUET)
    told = tok.decode(ids)
    links = link_words(tok, ids, told)
    assert [link.word for link in links] == tok.words(ids)
    assert {note for link in links for note in link.notes} == set(range(len(told)))
    ticks = [link.tick for link in links]
    assert ticks == sorted(ticks) and 0 <= ticks[0] and ticks[-1] <= told.length


@pytest.mark.parametrize("tok", [Chorale(), REMI(), TSD(), MIDILike()], ids=lambda tok: tok.name)
def test_words_that_name_a_pitch_speak_of_a_note_of_it(tok):
    rng = np.random.default_rng(1)
    score = Score([(int(6 * o), 6, int(p), 64, i % 2) for i, (o, p) in enumerate(rng.integers(40, 60, (60, 2)))])
    told = tok.project(score)
    for link in link_words(tok, tok.encode(score), told):
        name, _, value = link.word.partition("_")
        if name in PITCH_WORDS:
            (note,) = link.notes
            assert told.notes["pitch"][note] == int(value) and told.notes["onset"][note] == link.tick


def test_words_after_a_pitch_and_the_program_before_it_belong_to_its_note():
    tok = REMI()
    links = link_words(tok, tok.encode(DUET), tok.project(DUET))
    at = next(i for i, link in enumerate(links) if link.kind == "pitch")
    assert [link.kind for link in links[at - 1 : at + 3]] == ["part", "pitch", "velocity", "length"]
    assert len({link.notes for link in links[at - 1 : at + 3]}) == 1


def test_note_off_speaks_of_the_note_that_it_ends():
    score = Score([(0, 24, 60), (24, 24, 60), (12, 24, 64)])
    tok = MIDILike()
    told = tok.project(score)
    offs = [link for link in link_words(tok, tok.encode(score), told) if link.word.startswith("NoteOff")]
    assert [link.tick for link in offs] == [int(told.end[link.notes[0]]) for link in offs]


def test_a_note_over_a_bar_line_is_one_note_in_abc():
    score = Score([(72, 48, 66)], length=120)
    tok = ABCText()
    links = link_words(tok, tok.encode(score), tok.project(score))
    assert "".join(link.word for link in links if link.notes == (0,)) == "^F2-^F2"
    assert [link.tick for link in links if link.word == "|"] == [96]


def test_text_and_table_show_bar_beat_word_and_note():
    shown = explain(Chorale(), DUET)
    text = repr(shown).splitlines()
    assert text[0] == "Chorale: 99 ids, 4 notes"
    assert text[2] == "   0     4  TimeSignature_4/4 Pickup_4 Key_C_major [Pitch_60 = C4] Rest Rest Rest"
    html = shown._repr_html_()
    assert "<td>0</td><td>4</td>" in html and ">Pitch_60</span>" in html and "<b>C4</b>" in html
    assert "#0072B2" in html and "<script" not in html


def test_words_are_escaped():
    assert "⏎" in explain(ABCText(), DUET)._repr_html_()
    assert "\n⏎" not in repr(explain(ABCText(), DUET))


def test_a_tokenizer_of_ones_own_can_say_what_its_words_speak_of():
    class Odd(Melody):
        pass

    link_words.register(Odd)(lambda tok, ids, score: [])
    assert explain(Odd(), DUET).links == ()


def test_comparison_finds_what_is_lost():
    scores = [DUET.transpose(i) for i in range(4)]
    rows = compare_tokenizers(scores, [Melody(), Chorale()]).rows
    assert rows[0]["notes_dropped_percent"] == 50.0 and rows[1]["notes_dropped_percent"] == 0.0
    assert rows[1]["vocab_size"] == len(Chorale().vocab) and rows[1]["onset_error_ms"] == 0.0
    per_bar = sum(len(Chorale().sequence(score)) for score in scores) / sum(score.n_bars for score in scores)
    assert rows[1]["ids_per_bar"] == per_bar


def test_onset_error_is_in_the_seconds_of_the_score():
    score = Score([(2, 24, 60), (26, 24, 62), (50, 24, 60)], tempos=[(0, 60)])
    errors, dropped = onset_errors(score, Melody().project(score))
    assert np.allclose(errors, 2 / 24) and dropped == 0
    assert onset_errors(score, Score([(0, 1, 60)], resolution=1))[1] == 2


def test_a_pickup_told_as_a_bar_that_begins_with_silence_is_no_error():
    errors, dropped = onset_errors(DUET, REMI().project(DUET))
    assert np.all(errors == 0) and dropped == 0


def test_bigram_bits_are_those_of_a_proper_distribution():
    train = [[1, 5, 6, 5, 6, 7, 2], [1, 5, 5, 2]]
    for before in (1, 5, 7, 4):
        total = sum(2.0 ** -bigram_bits(train, [[before, after]], 8) for after in range(8))
        assert total == pytest.approx(1)
    assert bigram_bits(train, [[5, 6]], 8) < bigram_bits(train, [[5, 4]], 8)


def test_comparison_is_a_table():
    table = compare_tokenizers([DUET, DUET], [Melody(12), BPE(Chorale(), [(5, 5)])])
    assert "Melody(steps_per_quarter=12)" in repr(table) and "BPE(Chorale(), 1 merges)" in repr(table)
    assert "<th>bits per quarter</th>" in table._repr_html_()
    with pytest.raises(ValueError, match="scores must be two at least, got 1"):
        compare_tokenizers([DUET], [Melody()])
