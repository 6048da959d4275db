"""Form: what comes again is found in every key, and shuffled bars move each number."""

import json

import numpy as np
import pytest

from musiclab.datasets import load_chorales
from musiclab.datasets.cache import data_path
from musiclab.features.structure import structure_indicator
from musiclab.metrics.structure import phrase_ends, repeated_coverage, repetition_rate
from musiclab.score import Score


def melody(pitches):
    return Score([(24 * i, 24, pitch) for i, pitch in enumerate(pitches)])


def covered_by_force(pitches, least):
    steps = np.diff(pitches).tolist()
    n, covered = len(steps), set()
    for i in range(n):
        for length in range(least, n - i + 1):
            if any(steps[j : j + length] == steps[i : i + length] for j in range(i - length + 1)):
                covered |= set(range(i, i + length))
    return len(covered) / n


def test_coverage_is_what_brute_force_finds():
    rng = np.random.default_rng(0)
    for least in (2, 3, 5):
        for _ in range(40):
            pitches = (60 + rng.integers(0, 3, 40)).tolist()
            assert repeated_coverage(melody(pitches), least) == pytest.approx(covered_by_force(pitches, least))


def test_a_repetition_counts_in_another_key_and_a_single_tone_does_not():
    tune = [60, 64, 62, 67, 65, 69, 60, 72, 71, 59]
    assert repeated_coverage(melody(tune + [p + 3 for p in tune])) == pytest.approx(9 / 19)
    assert repetition_rate(melody(tune)) == 0 < repetition_rate(melody(tune * 2))
    assert np.isnan(repeated_coverage(Score([]))) and len(phrase_ends(Score([]))) == 0


def test_shuffled_bars_have_less_form(jsb):
    for measure in (repeated_coverage, repetition_rate, structure_indicator):
        bach, mixed = (np.nanmean([measure(score) for score in jsb[name]]) for name in ("test", "barshuffle"))
        assert mixed < 0.6 * bach, measure.__name__


def test_phrases_end_where_fermatas_stand():
    """82 % of the fermatas are found, and 82 % of what is found is one."""
    known = json.loads(data_path("fermatas.json").read_text(encoding="utf-8"))
    corpus, hits, found, there = load_chorales(), 0, 0, 0
    for score in (*corpus.train, *corpus.valid, *corpus.test):
        fermatas = next((set(ticks) for name, ticks in known.items() if name in score.source), None)
        if fermatas:
            ends = set(phrase_ends(score).tolist())
            hits, found, there = hits + len(ends & fermatas), found + len(ends), there + len(fermatas)
    assert [hits / there, hits / found] == pytest.approx([0.82, 0.82], abs=0.01)
