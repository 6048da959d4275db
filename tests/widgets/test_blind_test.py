"""The blind test without a browser: fair orders, equal loudness, nothing told too early, a ballot at the end."""

import io
from collections import Counter

import numpy as np
import pytest
import soundfile

from musiclab.audio import SAMPLE_RATE
from musiclab.metrics.listening import judge_share, merge_ballots
from musiclab.score import Score
from musiclab.widgets.blind_test import LOUDNESS, BlindTest, draw_questions


def tunes(n: int, pitch: int, velocity: int = 64) -> list[Score]:
    return [
        Score([(0, 24, pitch + i, velocity), (24, 24, pitch + 2, velocity)], title=f"{pitch} {i}") for i in range(n)
    ]


SCORES = {"Bach": tunes(3, 60), "GRU": tunes(3, 65, 20), "noise": tunes(1, 90, 127)}


def blind_test(tmp_path, **options) -> BlindTest:
    return BlindTest(SCORES, human="Bach", catch="noise", folder=tmp_path, **options)


def answer_all(blind: BlindTest, wanted: str) -> None:
    """Choose this source wherever it is to be had, else the first."""
    for question in blind.questions:
        blind.answer(question.shown.index(wanted) if wanted in question.shown else 0)


def heard(blind: BlindTest) -> list[np.ndarray]:
    """Return the two excerpts that the page would play."""
    wave, rate = soundfile.read(io.BytesIO(blind.audio))
    assert rate == SAMPLE_RATE
    return [wave[round(start * rate) : round(stop * rate)] for start, stop in blind.marks]


def test_each_score_is_asked_once_beside_the_humans_of_its_number():
    questions = draw_questions(SCORES, "Bach", "noise")
    pairs = sorted(tuple(score.title for _, score in sorted(zip(q.shown, q.scores, strict=True))) for q in questions)
    assert pairs == [("60 0", "60 0"), ("60 0", "65 0"), ("60 0", "90 0"), ("60 1", "65 1"), ("60 2", "65 2")]
    kinds = Counter((*sorted(question.shown), question.is_catch) for question in questions)
    assert kinds == {("Bach", "GRU", False): 3, ("Bach", "noise", True): 1, ("Bach", "Bach", True): 1}


def test_the_humans_begin_again_when_used_up():
    questions = draw_questions({"Bach": tunes(2, 60), "GRU": tunes(5, 70)}, "Bach")
    assert Counter(q.scores[q.shown.index("Bach")].title for q in questions if "GRU" in q.shown) == {
        "60 0": 3,
        "60 1": 2,
    }


def test_order_is_fair_and_the_seed_decides_it():
    first = [
        q.shown[0] == "Bach"
        for seed in range(200)
        for q in draw_questions(SCORES, "Bach", seed=seed)
        if "GRU" in q.shown
    ]
    assert "within" in judge_share(sum(first), len(first), margin=0.1, side="two-sided").verdict
    places = [
        [q.shown for q in draw_questions(SCORES, "Bach", seed=seed)].index(("Bach", "Bach")) for seed in range(100)
    ]
    assert set(places) == {0, 1, 2, 3, 4}
    assert draw_questions(SCORES, "Bach", seed=3) == draw_questions(SCORES, "Bach", seed=3)
    assert draw_questions(SCORES, "Bach", seed=3) != draw_questions(SCORES, "Bach", seed=4)


def test_both_sound_equally_loud_however_loud_they_were_written(tmp_path):
    for blind in (blind_test(tmp_path, seed=seed) for seed in range(4)):
        for wave in heard(blind):
            assert np.sqrt(np.mean(wave**2)) == pytest.approx(LOUDNESS, rel=0.02)
            assert np.abs(wave).max() < 1
        assert blind.marks[1][1] == blind.duration and blind.marks[1][0] - blind.marks[0][1] == pytest.approx(0.5)


def test_the_page_is_told_no_source_and_no_note_before_the_end(tmp_path):
    blind = blind_test(tmp_path)
    for _ in blind.questions[:-1]:
        blind.answer(0)
        state = blind.get_state()
        shown = {name: value for name, value in state.items() if not name.startswith("_") and name != "audio"}
        assert "GRU" not in str(shown) and "noise" not in str(shown) and "60 0" not in str(shown)
        assert shown["notes"] == shown["told"] == [] and not list(tmp_path.iterdir())
    blind.answer(0)
    assert [row[1] for row in blind.told] == [question.shown for question in blind.questions]
    assert blind.progress == [5, 5]


def test_who_finds_the_human_each_time_has_it_in_the_ballot(tmp_path):
    blind = blind_test(tmp_path, listener="Ada")
    answer_all(blind, "Bach")
    assert (blind.result.count, blind.result.n) == (3, 3)  # catch trials are no evidence
    assert blind.said == f"Bach's was found in {judge_share(3, 3)}."
    assert blind.path == tmp_path / "ballot-Ada.json"
    assert merge_ballots([blind.path]) == blind.answers
    assert {answer.listener for answer in blind.answers} == {"Ada"} and blind.answers[0].seconds >= 0
    assert [row[-1] for row in blind.told].count(True) == 4  # with the noise


def test_a_class_of_listeners_without_names_can_be_merged(tmp_path):
    for wanted in ("Bach", "GRU"):
        answer_all(blind_test(tmp_path), wanted)
    assert len({answer.listener for answer in merge_ballots(tmp_path.glob("ballot-*.json"))}) == 2


def test_the_page_answers_once_for_each_question(tmp_path):
    blind = blind_test(tmp_path)
    sent = []
    blind.send = lambda content, buffers=None: sent.append((content, buffers))
    for _ in range(2):  # two pages press at the same time
        blind._answer(blind, {"number": 0, "choice": 1}, [])
    assert [answer.choice for answer in blind.answers] == [1]
    for number in range(1, 5):
        blind._answer(blind, {"number": number, "choice": 0}, [])
    blind._answer(blind, {"ask": "ballot"}, [])
    assert sent == [({"file": blind.path.name}, [blind.path.read_bytes()])]
    blind._answer(blind, {"ask": "excerpt", "i": 2, "j": 1}, [])
    assert blind.score == blind.questions[2].scores[1] and len(blind.notes) == 2 and blind.title == blind.score.title


def test_no_third_choice_and_no_answer_after_the_end(tmp_path):
    blind = blind_test(tmp_path)
    with pytest.raises(ValueError, match="choice must be 0 or 1, until the test is over, got 2"):
        blind.answer(2)
    answer_all(blind, "Bach")
    with pytest.raises(ValueError, match="choice must be 0 or 1, until the test is over, got 0"):
        blind.answer(0)


@pytest.mark.parametrize(
    "scores, options, text",
    [
        ({"Bach": tunes(1, 60)}, {}, r"scores must be of 'Bach' and of others, got \['Bach'\]"),
        ({"GRU": tunes(1, 60), "VAE": tunes(1, 60)}, {}, r"scores must be of 'Bach' and of others"),
        ({"Bach": tunes(1, 60), "GRU": [Score([], length=24)]}, {}, "scores must be of notes, got an empty one"),
        (SCORES, {"catch": "dice"}, r"catch must be one of \['Bach', 'GRU', 'noise'\], got 'dice'"),
    ],
)
def test_what_cannot_be_compared_is_refused(scores, options, text):
    with pytest.raises(ValueError, match=text):
        draw_questions(scores, "Bach", **options)


def test_without_a_kernel_there_is_a_picture(tmp_path):
    bundle = blind_test(tmp_path)._repr_mimebundle_()[0]
    assert bundle["image/png"].startswith("iVBOR") and bundle["text/plain"] == "BlindTest(0 of 5 answered)"
