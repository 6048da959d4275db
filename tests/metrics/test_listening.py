"""Listening tests: exact figures against SciPy and closed forms, and how often invented classes are misjudged."""

import json

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from musiclab.metrics.listening import (
    Answer,
    answers_needed,
    bradley_terry,
    judge_share,
    merge_ballots,
    order_effect,
    power,
    rank_sources,
    told_apart,
    write_ballot,
)


def invented_class(rng, strengths: dict[str, float], listeners: int, trials: int, first: float = 0.0) -> list[Answer]:
    """Return answers to random pairs; a difference of strengths is the log odds to be chosen, ``first`` of order."""
    answers = []
    for i in range(listeners * trials):
        one, two = rng.permutation([*strengths])[:2].tolist()
        choice = int(rng.random() > expit(strengths[one] - strengths[two] + first))
        answers.append(Answer(f"listener {i % listeners}", (one, two), choice))
    return answers


# --- shares -----------------------------------------------------------------------------------------------------------


def test_interval_and_p_are_exact():
    """Both solve the binomial distribution: each end leaves out 5 %, p is the upper tail at one half."""
    share = judge_share(17, 24)
    assert binom.sf(16, 24, share.low) == pytest.approx(0.05)
    assert binom.cdf(17, 24, share.high) == pytest.approx(0.05)
    assert share.p == pytest.approx(binom.sf(16, 24, 0.5)) and share.p < 0.05 < judge_share(16, 24).p
    assert share.p_near == pytest.approx(binom.cdf(17, 24, 0.6))  # the larger of the two


def test_the_verdict_and_the_interval_agree():
    for n, step in ((10, 1), (24, 1), (100, 2), (400, 5)):
        for count in range(0, n + 1, step):
            share = judge_share(count, n)
            assert ("not chance" in share.verdict) == (share.low > 0.5)
            assert ("within" in share.verdict) == (0.4 < share.low and share.high < 0.6)


def test_no_difference_heard_is_not_called_equal_unless_answers_are_many():
    assert judge_share(12, 24).verdict == "cannot tell"
    assert judge_share(500, 1000).verdict == "cannot tell, within ± 0.1 of chance"
    assert judge_share(540, 1000).verdict == "not chance, within ± 0.1 of chance"  # heard, and too small to matter
    assert judge_share(500, 1000, margin=0.01).verdict == "cannot tell"


def test_two_sided_sees_too_few_as_well():
    assert judge_share(5, 24).verdict == "cannot tell"
    assert judge_share(5, 24, side="two-sided").verdict == "not chance"


@pytest.mark.parametrize("count, n", [(0, 0), (-1, 5), (6, 5)])
def test_a_share_needs_answers(count, n):
    with pytest.raises(ValueError, match=r"count must be of at least one answer, in 0\.\.\d, got"):
        judge_share(count, n)


def test_classes_that_hear_nothing_are_called_different_at_most_as_often_as_said():
    rng = np.random.default_rng(0)
    found = {"told apart": 0, "order": 0}
    for _ in range(1000):
        answers = invented_class(rng, {"Bach": 0.0, "GRU": 0.0}, listeners=6, trials=4)
        found["told apart"] += "not chance" in told_apart(answers, "Bach").verdict
        found["order"] += "not chance" in order_effect(answers).verdict
    assert all(count <= 65 for count in found.values()), found  # 5 %, and two standard errors of 1,000 classes
    assert all(count >= 10 for count in found.values()), found  # a test that never rejects would be no test


def test_classes_that_hear_are_found_as_often_as_power_says():
    rng = np.random.default_rng(1)
    odds = np.log(0.7 / 0.3)
    found = np.mean(
        ["not chance" in told_apart(invented_class(rng, {"Bach": odds, "GRU": 0.0}, 6, 4), "Bach").verdict
         for _ in range(500)]
    )  # fmt: skip
    assert found == pytest.approx(power(24, 0.7), abs=0.05)


def test_a_bias_to_the_first_is_found_and_does_not_pass_for_hearing():
    rng = np.random.default_rng(2)
    answers = invented_class(rng, {"Bach": 0.0, "GRU": 0.0}, listeners=20, trials=20, first=1.5)
    assert order_effect(answers).verdict == "not chance" and order_effect(answers).count > 300
    assert told_apart(answers, "Bach").verdict.startswith("cannot tell")


# --- power ------------------------------------------------------------------------------------------------------------


def test_the_answers_needed_for_a_power_of_80_percent():
    rates = (0.51, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80)
    assert [answers_needed(rate) for rate in rates] == [15486, 620, 158, 69, 37, 23, 18]
    for rate in rates:
        n = answers_needed(rate)
        assert power(n, rate) > 0.8 >= power(n - 1, rate)
    assert answers_needed(1) == 5  # 4 of 4 are right by chance once in 16 times
    with pytest.raises(ValueError, match=r"rate must be in \(0\.5, 1\], got 0\.5"):
        answers_needed(0.5)


def test_power_counts_what_the_test_would_reject():
    rejected = [count for count in range(25) if judge_share(count, 24).p < 0.05]
    assert min(rejected) == 17
    assert power(24, 0.62) == pytest.approx(binom.pmf(rejected, 24, 0.62).sum())


# --- catch trials -----------------------------------------------------------------------------------------------------


def test_who_misses_a_catch_trial_does_not_count():
    right, missed = Answer("Ada", ("Bach", "GRU"), 0), Answer("Ben", ("Bach", "GRU"), 1)
    catch = [Answer("Ada", ("noise", "Bach"), 1, is_catch=True), Answer("Ben", ("noise", "Bach"), 0, is_catch=True)]
    share = told_apart([right, *catch, missed, missed], "Bach")
    assert (share.count, share.n) == (1, 1)
    assert order_effect([right, *catch, missed]).n == 4  # order shows in all


def test_the_same_excerpt_twice_has_no_right_answer():
    twice = Answer("Ada", ("Bach", "Bach"), 1, is_catch=True)
    assert twice.is_right("Bach") is None and Answer("Ada", ("GRU", "VAE"), 1).is_right("Bach") is None
    share = told_apart([twice, Answer("Ada", ("GRU", "VAE"), 1), Answer("Ada", ("GRU", "Bach"), 1)], "Bach")
    assert (share.count, share.n) == (1, 1)


# --- Bradley–Terry ----------------------------------------------------------------------------------------------------


def test_two_sources_have_a_closed_form():
    for a, b in [(3, 1), (10, 10), (1, 99)]:
        np.testing.assert_allclose(bradley_terry([[0, a], [b, 0]]), [np.log(a / b) / 2, np.log(b / a) / 2], atol=1e-8)


def test_strengths_make_the_wins_as_likely_as_can_be():
    """At the maximum, each has won as often as its strength foretells."""
    wins = np.random.default_rng(3).integers(1, 30, size=(4, 6, 6)) * (1 - np.eye(6))
    strength = bradley_terry(wins)
    met = wins + wins.swapaxes(1, 2)
    foretold = (met * expit(strength[:, :, None] - strength[:, None, :])).sum(axis=2)
    np.testing.assert_allclose(foretold, wins.sum(axis=2), rtol=1e-6)
    np.testing.assert_allclose(strength.sum(axis=1), 0, atol=1e-9)


def test_true_strengths_are_found():
    true = np.array([1.0, 0.6, 0.3, 0.0, -0.5])
    true -= true.mean()
    np.testing.assert_allclose(bradley_terry(1000 * expit(true[:, None] - true) * (1 - np.eye(5))), true, atol=1e-6)


@pytest.mark.parametrize("wins", [[[0, 5], [0, 0]], [[0, 1, 0], [1, 0, 0], [0, 0, 0]]])
def test_strengths_that_are_not_defined_are_refused(wins):
    with pytest.raises(ValueError, match="wins must be such that a chain of wins leads from each to each other"):
        bradley_terry(wins)


def test_the_planted_winner_is_found_and_intervals_hold_the_truth():
    rng = np.random.default_rng(4)
    planted = {"Bach": 1.0, "a": 0.0, "b": 0.0, "c": -1.0}
    held = []
    for _ in range(40):
        ranks = rank_sources(invented_class(rng, planted, listeners=20, trials=24), "Bach")
        first, second, *_ = ranks.values()
        assert next(iter(ranks)) == "Bach" and list(ranks)[-1] == "c" and first[1] > second[2]
        held += [low <= planted[source] <= high for source, (_, low, high) in ranks.items()]
    assert np.mean(held) == pytest.approx(0.95, abs=0.04)


def test_no_winner_is_seen_where_all_are_alike():
    rng = np.random.default_rng(5)
    seen = 0
    for _ in range(100):
        ranks = [*rank_sources(invented_class(rng, dict.fromkeys("abcde", 0.0), 12, 10), "a").values()]
        seen += ranks[0][1] > ranks[1][2]
    assert seen <= 5


def test_one_that_never_lost_has_a_strength():
    answers = [Answer(name, ("Bach", "GRU"), 0) for name in ("Ada", "Ben") for _ in range(5)]
    strength, low, high = rank_sources(answers, "Bach")["Bach"]
    assert strength == pytest.approx(np.log(10.5 / 0.5) / 2) and low == high == pytest.approx(strength)


def test_a_ranking_needs_listeners_who_attend():
    catch = Answer("Ben", ("Bach", "noise"), 1, is_catch=True)
    answers = [Answer("Ada", ("Bach", "GRU"), 0), Answer("Ben", ("Bach", "GRU"), 0), catch]
    with pytest.raises(ValueError, match=r"listeners must be two or more who missed no catch trial, got \['Ada'\]"):
        rank_sources(answers, "Bach")


# --- files ------------------------------------------------------------------------------------------------------------


def test_ballots_come_back_from_their_files(tmp_path):
    ada = [Answer("Ada", ("GRU", "Bach"), 1, 4.25), Answer("Ada", ("Bach", "Bach"), 0, 2.0, is_catch=True)]
    ben = [Answer("Ben", ("Bach", "GRU"), 0, 1.5)]
    paths = [write_ballot(ada, tmp_path / "a.json"), write_ballot(ben, tmp_path / "b.json")]
    assert merge_ballots(paths) == ada + ben
    assert json.loads(paths[1].read_text()) == [["Ben", ["Bach", "GRU"], 0, 1.5, False]]


def test_a_listener_counts_once(tmp_path):
    paths = [write_ballot([Answer("Ada", ("GRU", "Bach"), 1)], tmp_path / name) for name in ("a.json", "copy.json")]
    with pytest.raises(ValueError, match=r"listeners must be of one ballot each, got \['Ada', 'Ada'\]"):
        merge_ballots(paths)
