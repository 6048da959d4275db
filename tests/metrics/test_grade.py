"""The grade: its terms are scipy's distances, and forgeries stand where they were measured."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from musiclab.datasets import load_example
from musiclab.metrics.grade import TERMS, Grader, earth_movers
from musiclab.score import Score


def test_earth_movers_is_scipys():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(9))
        assert earth_movers(a, b) == pytest.approx(wasserstein_distance(range(9), range(9), a, b))


def test_a_grade_does_not_hear_the_key():
    bach = load_example("bwv270")
    grader = Grader([bach, bach.transpose(1)])
    assert grader.grade(bach.transpose(-2)) == pytest.approx(grader.grade(bach), abs=1e-6)


def test_terms_are_named_and_move_alone():
    bach = load_example("bwv270")
    grader = Grader([bach, bach.excerpt(0, bach.length // 2)])
    longer = Score(
        np.array([(2 * o, 2 * d, p, v, i) for o, d, p, v, i in bach.notes.tolist()]), parts=bach.parts
    )  # twice as slow
    before, after = grader.grade(bach), grader.grade(longer)
    assert tuple(before) == TERMS
    changed = {term for term in TERMS if after[term] != pytest.approx(before[term], abs=1e-6)}
    assert "durations" in changed and not {"degrees", "soprano intervals", "parallels"} & changed


def test_silence_has_a_grade():
    grader = Grader([load_example("bwv270")] * 2)
    silent = Score([], parts=load_example("bwv270").parts, length=96)
    assert all(np.isfinite(value) for value in grader.grade(silent).values())


def test_grades_on_the_benchmark(jsb):
    """Medians measured beforehand: test 8.47, train 8.54, valid 8.68, corrupt20 12.4, barshuffle 18.4, random 61.7."""
    grader = Grader(jsb["train"])
    grades = {name: np.array([sum(grader.grade(s).values()) for s in scores]) for name, scores in jsb.items()}
    median = {name: float(np.median(found)) for name, found in grades.items()}
    assert [median[name] for name in ("test", "train", "valid")] == pytest.approx([8.47, 8.54, 8.68], abs=0.05)
    assert median["corrupt20"] == pytest.approx(12.4, abs=1.5)
    assert median["barshuffle"] == pytest.approx(18.4, abs=1.5)
    assert median["random"] == pytest.approx(61.7, abs=5)
    better = {name: np.mean(grades["test"][:, None] < found) for name, found in grades.items()}
    assert better["corrupt5"] < 0.62 and better["markov2"] < 0.65, "the grade should miss these two"
    assert better["barshuffle"] > 0.85
