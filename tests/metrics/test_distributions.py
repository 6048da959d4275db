"""Distances between sets: closed forms, the published program's fault, and figures on the chorale benchmark."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from musiclab.metrics.distributions import (
    COLUMNS,
    feature_rows,
    frechet,
    half_split_floor,
    kld,
    mmd_test,
    overlap_area,
    pair_distances,
    two_sample_test,
)
from musiclab.score import Score

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def rows(jsb):
    return {name: feature_rows(scores) for name, scores in jsb.items()}


@pytest.fixture(scope="module")
def scaled(rows):
    mean, unit = rows["train"][:, :14].mean(axis=0), rows["train"][:, :14].std(axis=0)
    return {name: (found[:, :14] - mean) / unit for name, found in rows.items()}


def normal(mean, deviation):
    """Quantiles of a normal distribution, so that nothing is left to chance."""
    from scipy.stats import norm

    return norm(mean, deviation).ppf((np.arange(2000) + 0.5) / 2000)


def test_overlap_and_divergence_of_two_normals():
    """Two normals a deviation apart share erfc(1 / (2 sqrt 2)) = .6171 and diverge by 1/2; to 2 %."""
    a, b = normal(0, 1), normal(1, 1)
    assert overlap_area(a, b) == pytest.approx(0.6171, rel=0.02)
    wide = 1 + (2000 ** (-1 / 5)) ** 2  # a kernel density is as much wider than the sample
    assert kld(a, b) == pytest.approx(0.5 / wide, rel=0.02)


def test_the_published_divergence_compares_nothing():
    a, b = normal(0, 1), normal(30, 1)
    assert kld(a, b) > 5 > 2 > kld(a, b, legacy=True)


def test_frechet_is_its_closed_form_and_scipys():
    a, b = rng.normal(size=(300, 4)), rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4)) + 1
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    shared = np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet(a, b) == pytest.approx(((a.mean(0) - b.mean(0)) ** 2).sum() + shared)
    assert abs(frechet(a, a)) < 1e-8
    assert frechet(a, 3 * a) == pytest.approx(((2 * a.mean(0)) ** 2).sum() + 4 * np.trace(first))


@pytest.mark.parametrize("measure", [frechet, two_sample_test, mmd_test])
def test_too_few_are_refused(measure):
    with pytest.raises(ValueError, match="at least 20 scores"):
        measure(rng.normal(size=(19, 2)), rng.normal(size=(50, 2)))
    with pytest.raises(ValueError, match="the same columns"):
        measure(rng.normal(size=(30, 2)), rng.normal(size=(30, 3)))


def test_one_set_is_told_from_itself_as_often_as_chance_would():
    """Of 40 pairs out of one source, mmd calls about one in ten different at p < .1; an AUC lies about .5."""
    pairs = [(rng.normal(size=(25, 3)), rng.normal(size=(25, 3))) for _ in range(40)]
    assert 0 <= sum(mmd_test(a, b, draws=200) < 0.1 for a, b in pairs) <= 10
    assert np.mean([two_sample_test(a, b).auc for a, b in pairs[:15]]) == pytest.approx(0.5, abs=0.08)


def test_a_column_that_does_not_exist_is_left_out():
    a, b = rng.normal(size=(30, 3)), rng.normal((0, 0, 4), size=(30, 3))
    a[3, 0] = np.nan
    found = two_sample_test(a, b)
    assert found.auc > 0.95 and found.weights[0] == 0 and found.telltales("xyz", 1)[0][0] == "z"
    assert mmd_test(a, b) < 0.01


def test_a_row_has_a_name_for_each_number():
    row = feature_rows([Score([(0, 24, 60), (24, 24, 64), (48, 96, 57)])])[0]
    named = dict(zip(COLUMNS, row, strict=True))
    assert named["duration of 4/16"] == pytest.approx(2 / 3) and named["interval +4"] == named["interval -7"] == 0.5
    assert named["n_pitches"] == 3


# --- figures on the chorale benchmark ---------------------------------------------------------------------------------


def test_frechet_on_the_benchmark(scaled):
    distance = {name: frechet(scaled["train"], rows) for name, rows in scaled.items()}
    assert distance["test"] == pytest.approx(0.93, abs=0.02)
    assert distance["valid"] == pytest.approx(1.34, abs=0.02)
    assert distance["test"] < distance["corrupt5"] < distance["markov2"] < distance["corrupt20"] < distance["random"]
    floor = half_split_floor(scaled["train"], 77)
    assert 0.8 < floor.min() and floor.max() < 2.5 and 1 < floor.mean() < 2.3


def test_a_classifier_on_the_benchmark(rows):
    """Measured beforehand: test .56, markov2 .73, corrupt5 .88, barshuffle .96, corrupt20 1.00."""
    auc = {name: two_sample_test(rows["train"], found).auc for name, found in rows.items() if name != "train"}
    assert 0.45 < auc["test"] < 0.65
    assert auc["markov2"] == pytest.approx(0.73, abs=0.06)
    assert auc["corrupt5"] == pytest.approx(0.88, abs=0.05)
    assert auc["barshuffle"] == pytest.approx(0.96, abs=0.04) and auc["barshuffle"] >= 0.9
    assert auc["corrupt20"] >= 0.98 and auc["random"] >= 0.98


def test_mmd_on_the_benchmark(rows):
    assert mmd_test(rows["train"], rows["test"]) > 0.05 < mmd_test(rows["train"], rows["valid"])
    for name in ("corrupt5", "corrupt20", "barshuffle", "markov2", "random"):
        assert mmd_test(rows["train"], rows[name], draws=100) < 0.02


def test_divergence_on_the_benchmark(rows):
    """Pitch-class entropy, within train against between: test .98/.00, random notes .07/17.6 where the published
    program says less than 2."""
    within = pair_distances(rows["train"][:, 3])
    between = {name: pair_distances(rows[name][:, 3], rows["train"][:, 3]) for name in ("test", "random")}
    drawn = {name: np.random.default_rng(0).choice(x, 3000) for name, x in {"train": within, **between}.items()}
    assert overlap_area(drawn["train"], drawn["test"]) == pytest.approx(0.98, abs=0.02)
    assert kld(drawn["train"], drawn["test"]) < 0.02
    assert kld(drawn["train"], drawn["random"]) > 5 > 2 > kld(drawn["train"], drawn["random"], legacy=True)
