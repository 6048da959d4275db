"""Bach's chorales: the published split, the split by tune, and what each score holds."""

import importlib.util
import json
import subprocess
import sys
from difflib import SequenceMatcher
from itertools import pairwise, product

import numpy as np
import pytest

from musiclab.datasets import load_chorales, load_example, load_jsb
from musiclab.datasets.cache import data_path
from musiclab.datasets.chorales import EXAMPLES, PARTS, split_table


@pytest.fixture(scope="module")
def chorales():
    return load_chorales()


@pytest.fixture(scope="module")
def by_tune():
    return load_chorales("tune-disjoint")


def test_canonical_split_has_its_sizes_and_every_file_once(chorales):
    assert chorales.card.sizes == {"train": 220, "valid": 75, "test": 76}
    assert [len(chorales.train), len(chorales.valid), len(chorales.test)] == [220, 75, 76]
    titles = [score.title for split in (chorales.train, chorales.valid, chorales.test) for score in split]
    assert len(set(titles)) == 371
    assert "BWV 414" in {score.title for score in chorales.valid}


def test_table_names_the_absent_and_keeps_the_published_order(chorales):
    table = split_table()
    places = {"train": 229, "valid": 76, "test": 77}
    assert {name: len(files) for name, files in table["canonical"].items()} == places
    absent = {(entry["split"], entry["index"]) for entry in table["absent"]}
    empty = {(name, i) for name, files in table["canonical"].items() for i, file in enumerate(files) if not file}
    assert len(absent) == 10
    assert empty == absent | {("train", 224)}
    assert chorales.test[0].title == "BWV 172.6"


def test_every_chorale_has_four_parts_a_key_and_a_metre(chorales):
    for score in (*chorales.train, *chorales.valid, *chorales.test):
        assert score.parts == PARTS
        assert set(score.notes["part"]) == {0, 1, 2, 3}
        assert score.keys
        assert score.resolution == 24
        assert score.tempos == ((0, 100.0),)
        low_to_high = [np.median(score.part(i).notes["pitch"]) for i in (3, 2, 1, 0)]
        assert low_to_high == sorted(low_to_high)
        for i in range(4):
            part = score.part(i)
            assert (part.end[:-1] <= part.notes["onset"][1:]).all(), "one note at a time"


def test_card_says_where_from_and_on_what_terms(chorales):
    text = " ".join(repr(chorales).split())
    for words in ("music21", "Boulanger-Lewandowski", "with the permission of the encoders", "10 match no file", "4/4"):
        assert words in text
    assert sum(chorales.card.keys.values()) == sum(chorales.card.metres.values()) == 371


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be 'canonical' or 'tune-disjoint', got 'random'"):
        load_chorales("random")


def test_split_by_tune_holds_the_same_chorales(chorales, by_tune):
    def titles(corpus):
        return sorted(score.title for split in (corpus.train, corpus.valid, corpus.test) for score in split)

    assert titles(by_tune) == titles(chorales)
    assert min(by_tune.card.sizes.values()) > 50


def test_no_tune_is_in_two_splits_of_the_split_by_tune(chorales, by_tune):
    path = data_path("make_chorale_split.py")
    if not path.is_file():
        pytest.skip("the script that makes the split is in the checkout only")
    spec = importlib.util.spec_from_file_location("make_chorale_split", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    splits = [[script.intervals(score) for score in s] for s in (by_tune.train, by_tune.valid, by_tune.test)]
    crossing = [pair for a, b in ((0, 1), (0, 2), (1, 2)) for pair in product(splits[a], splits[b])]
    assert not [pair for pair in crossing if script.are_twins(*pair)]
    # The same measure does find the tunes that the published split has on both sides.
    train, test = ([script.intervals(score) for score in s] for s in (chorales.train, chorales.test))
    leaks = sum(any(script.are_twins(tune, other) for other in train) for tune in test)
    assert f"{leaks} of 76 test chorales share their tune" in repr(chorales)


def test_second_call_parses_nothing(chorales):
    code = "import sys; from musiclab.datasets import load_chorales; load_chorales(); "
    code += "print([name for name in ('music21', 'torch', 'joblib') if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_scores_are_those_of_the_published_arrays(chorales, monkeypatch):
    import os

    if not os.environ.get("MUSICLAB_DATA"):
        pytest.skip("MUSICLAB_DATA is not set")
    published = load_jsb()
    for name in ("valid", "test"):
        files = split_table()["canonical"][name]
        arrays = [a for a, file in zip(getattr(published, name), files, strict=True) if file]
        ratios = []
        for array, score in zip(arrays, getattr(chorales, name), strict=True):
            soprano = [int(pitch) for pitch in array[:, 0] if pitch >= 0]
            theirs = [b - a for a, b in pairwise(soprano) if a != b]
            ours = [int(step) for step in np.diff(score.part(0).notes["pitch"]) if step]
            ratios.append(SequenceMatcher(None, theirs, ours, autojunk=False).find_longest_match().size / len(ours))
        assert min(ratios) > 0.25
        assert np.median(ratios) > 0.95


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_the_corpus_chorale(name, chorales):
    example = load_example(name)
    assert example in chorales.test
    assert example.title.endswith(name.replace("bwv", "BWV "))
    assert json.loads(data_path("examples", f"{name}.json").read_text())["source"].startswith("J. S. Bach")


def test_unknown_example_is_refused():
    with pytest.raises(ValueError, match=r"name must be one of \('bwv270', 'bwv248.17'\), got 'x'"):
        load_example("x")
