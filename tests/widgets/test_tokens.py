"""The token microscope and the merge stepper, driven without a browser."""

import base64
import json
import struct
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings

from musiclab.score import Score
from musiclab.tokenizers import BPE, REMI, ABCText, Chorale, Melody, MIDILike
from musiclab.widgets.tokens import MergeStepper, TokenMicroscope
from tests.strategies import scores

TUNE = Score([(0, 12, 72), (12, 12, 71), (24, 48, 72)], parts=[("Soprano", 0)], pickup=24, title="Tune")
KEYS, BARS = MIDILike(tempos=0, programs=False), REMI(tempos=0, programs=False)
CHORALE = Score([(0, 24, 72, 64, 0), (0, 24, 60, 64, 1)], parts=[("S", 0), ("B", 0)])


def picture_size(bundle: dict) -> tuple[int, int]:
    data = base64.b64decode(bundle["image/png"])
    assert data.startswith(b"\x89PNG")
    return struct.unpack(">II", data[16:24])


# --- the microscope --------------------------------------------------------------------------------------------------


def test_a_note_lights_its_words_in_every_tokenizer():
    scope = TokenMicroscope(TUNE, [Melody(), ABCText(), KEYS, BARS])
    scope.note = 2
    found = {}
    for name in scope.names:
        scope.tok = name
        assert scope.note == 2  # the same note in other words
        found[name.split("(")[0]] = scope.words
    assert found == {
        "Melody": ["Pitch_72", *["Hold"] * 7],
        "ABCText": ["c", "4"],
        "MIDILike": ["NoteOn_72", "Velocity_63", "NoteOff_72"],
        "REMI": ["Pitch_72", "Velocity_63", "Duration_2.0.8"],
    }


def test_what_the_page_draws_is_plain_and_complete():
    scope = TokenMicroscope(TUNE, [Melody()])
    view = json.loads(json.dumps(scope.view))
    assert view["notes"] == [[0, 0.5, 72, "C5"], [0.5, 0.5, 71, "B4"], [1, 2, 72, "C5"]]
    assert [link[0] for link in view["links"]] == Melody().words(Melody().encode(TUNE))
    assert view["links"][3] == ["Pitch_72", "pitch", [0], "0"] and view["links"][-1] == ["Hold", "length", [2], "1"]
    assert view["bars"] == [[1, 1]] and view["length"] == 3


def test_a_word_and_a_note_are_not_chosen_at_once():
    scope = TokenMicroscope(TUNE, [BARS])
    scope.note = 1
    scope.word = 0
    assert (scope.note, scope.words) == (-1, ["Bar"])
    scope.note = 0
    assert (scope.word, scope.words[0]) == (-1, "Pitch_72")
    scope.note = -1
    assert scope.words == []


def test_another_tokenizer_forgets_the_word_and_a_note_that_it_does_not_tell():
    scope = TokenMicroscope(CHORALE, [Chorale(), Melody()])
    scope.note = 1
    scope.tok = "Melody"  # tells the first part only
    assert scope.note == -1 and len(scope.view["notes"]) == 1
    scope.word = 3
    scope.tok = "Chorale"
    assert scope.word == -1 and len(scope.view["notes"]) == 2


def test_a_merged_word_lights_all_its_notes():
    tok = BPE.train(Melody(), [Score([(6 * i, 6, 60 + i % 2) for i in range(20)])], len(Melody().vocab) + 1)
    scope = TokenMicroscope(Score([(0, 6, 60), (6, 6, 61)]), [tok])
    scope.word = 3
    assert scope.words == ["Pitch_60 Pitch_61"] and scope.view["links"][3][1:3] == ["merged", (0, 1)]


@pytest.mark.parametrize(("trait", "value"), [("tok", "Melodie"), ("note", 3), ("word", 15), ("note", -2)])
def test_what_is_not_there_is_refused(trait, value):
    scope = TokenMicroscope(TUNE, [Melody()])
    with pytest.raises(ValueError, match=f"{trait} must be in .*got {value!r}"):
        setattr(scope, trait, value)


def test_no_tokenizer_and_no_score_are_refused():
    with pytest.raises(ValueError, match="toks must be one tokenizer at least, got 0"):
        TokenMicroscope(TUNE, [])
    with pytest.raises(ValueError, match="scores must be one at least, got 0"):
        MergeStepper([])


@settings(max_examples=30)
@given(scores())
def test_any_score_can_be_looked_at(score):
    scope = TokenMicroscope(score, [Melody(), ABCText(), KEYS, REMI(), Chorale()])
    for name in scope.names:
        scope.tok = name
        assert len(scope.view["links"]) == len(scope.explanation.links)
        for note in range(len(scope.view["notes"])):
            scope.note = note
            assert scope.words


# --- the stepper -----------------------------------------------------------------------------------------------------

REPEATING = Score([(i * 24, 24 if i % 3 else 12, 60 + i % 3) for i in range(12)])


def test_a_step_merges_the_most_frequent_pair():
    stepper = MergeStepper([REPEATING])
    pairs = Counter(pairwise(stepper.sequences[0]))
    assert stepper.count == max(pairs.values()) == pairs[stepper.pair]
    before, pair, n = stepper.sequences[0], stepper.pair, len(stepper.tok.vocab)
    stepper.step()
    assert stepper.merges == (pair,) and len(stepper.tok.vocab) == n + 1
    assert stepper.tok.expand(stepper.sequences[0]).tolist() == before
    assert stepper.ids_per_bar == pytest.approx(len(stepper.sequences[0]) / 3)


@pytest.mark.parametrize("base", [Melody(), KEYS, BARS, Chorale()], ids=lambda tok: type(tok).__name__)
def test_steps_by_hand_learn_what_training_learns(base):
    stepper = MergeStepper([REPEATING, TUNE], base)
    stepper.step(12)
    trained = BPE.train(base, [REPEATING, TUNE], len(stepper.tok.vocab))
    assert 0 < len(stepper.merges) and stepper.tok == trained
    assert stepper.sequences == [trained.encode(REPEATING), trained.encode(TUNE)]


def test_back_undoes_a_step_and_stops_at_the_start():
    stepper = MergeStepper([REPEATING])
    start = stepper.page.value
    stepper.step(3)
    three = stepper.sequences
    stepper.step()
    stepper.back()
    assert stepper.sequences == three
    for _ in range(5):
        stepper.back()
    assert stepper.merges == () and stepper.page.value == start


def test_it_stops_where_no_pair_occurs_twice():
    stepper = MergeStepper([TUNE])
    stepper.step(1000)
    assert stepper.pair is None and "no pair occurs twice" in stepper.page.value
    assert [button.disabled for button in stepper.buttons.values()] == [False, True, True]
    merges = stepper.merges
    stepper.step()
    assert stepper.merges == merges


def test_the_buttons_do_what_the_methods_do():
    stepper = MergeStepper([REPEATING.transpose(k) for k in range(5)])
    back, one, ten = stepper.buttons.values()
    assert back.disabled
    for button, expected in ((one, 1), (ten, 11), (back, 10)):
        button.click()
        assert len(stepper.merges) == expected and f"{expected} merges" in stepper.page.value
    assert not back.disabled


def test_the_page_marks_the_pair_now_and_the_word_after():
    stepper = MergeStepper([REPEATING])
    rows = dict(stepper._rows())
    told, now, after = rows["next"][0][0], rows["now"], rows["after"]
    assert told == f"Hold  +  Hold: together {stepper.count} times"
    assert {text for text, _, marked in now if marked} == {"Hold"}
    assert {text for text, _, marked in after if marked} == {"Hold×2"}
    assert len(after) < len(now)


def test_an_empty_score_has_no_pair():
    stepper = MergeStepper([Score([])])
    stepper.step()
    assert stepper.merges == ()


# --- where there is no kernel ----------------------------------------------------------------------------------------


def test_bundles_have_view_picture_and_text_but_no_html():
    scope, stepper = TokenMicroscope(TUNE, [BARS]), MergeStepper([REPEATING])
    for widget in (scope, stepper):
        bundle, _ = widget._repr_mimebundle_()
        assert picture_size(bundle)[0] == 720 and "text/html" not in bundle
        assert bundle["text/plain"] == repr(widget)
        assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert repr(scope) == "TokenMicroscope(REMI(tempos=0, programs=False), 16 ids, 3 notes)"
    assert repr(stepper).startswith("MergeStepper(Melody, 0 merges, 207 words, ")
