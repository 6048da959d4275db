"""Folk tunes: what is read, what is left out, and the split by title."""

import re

import pytest

from musiclab.datasets import folk
from musiclab.datasets.folk import load_folk_tunes

TUNE = "X:{}\nT:{}\nM:4/4\nL:1/4\nK:G\n{}|\n"
TEXTS = [TUNE.format(i, f"Tune {i}", "GABc") for i in range(40)]


@pytest.fixture
def two_files(tmp_path, monkeypatch):
    """A small collection, read without other processes."""
    folder = tmp_path / "corpus" / "airs"
    folder.mkdir(parents=True)
    (folder / "a.abc").write_text("% a book\n" + "\n".join(TEXTS[:20]))
    (folder / "b.abc").write_text(
        "\n".join(
            [
                *TEXTS[20:],
                TUNE.format(98, "Chords", "[GB]A"),
                TUNE.format(99, "Bad", "!"),
                TUNE.format(97, "Old", "+GB+A"),
            ]
        )
    )
    (folder / "c.abc").write_text(TUNE.format(1, "Not asked for", "G"))
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(folk, "_corpus_folder", lambda: tmp_path / "corpus")
    monkeypatch.setattr(folk, "in_parallel", lambda function, items, label: list(map(function, items)))
    monkeypatch.setitem(folk.SETS, "airs", {"title": "Airs", "folder": "airs", "files": "[ab]"})


def test_tunes_are_lines_and_what_is_not_one_is_counted(two_files):
    corpus = load_folk_tunes("airs")
    scores = [*corpus.train, *corpus.valid, *corpus.test]
    assert len(scores) == 40
    assert "3 of 43 tunes left out" in repr(corpus)
    assert all(len(score.parts) == 1 and len(score) == 4 for score in scores)
    assert {s.source for s in scores if s.title == "Tune 21"} == {"music21 corpus, airs/b.abc X:21"}
    assert repr(load_folk_tunes("airs")) == repr(corpus)


def test_split_goes_by_title_and_never_moves():
    titles = [f"Tune {i}" for i in range(1000)]
    splits = [folk._split(title) for title in titles]
    assert 750 < splits.count("train") < 850 and 60 < splits.count("valid") < 140
    assert folk._split("The Banks, of Clyde ") == folk._split("the banks of clyde")
    assert [folk._split(t) for t in ("Tune 0", "Tune 1", "Tune 2", "Tune 3")] == splits[:4]


def test_sets_name_files_that_music21_installs():
    counts = {name: len(list(folk._tunes(chosen))) for name, chosen in folk.SETS.items() if name != "essen"}
    assert counts == {"hornpipes": 124, "oneills": 491, "oneills-complete": 2009, "ryan": 1059}
    numbers = {int(re.search(r"X:(\d+)", where)[1]) for where, _ in folk._tunes(folk.SETS["oneills"])}
    assert min(numbers - {0}) == 811 and max(numbers) == 1700


def test_one_real_file_is_read():
    tunes = [tune for tune in folk._tunes(folk.SETS["oneills"]) if "0951-0981" in tune[0]][:5]
    scores = [folk._read_tune(tune) for tune in tunes]
    assert [score.time_signatures[0][1:] for score in scores] == [(6, 8)] * 5
    assert all(score.keys and len(score) > 60 for score in scores)


@pytest.mark.slow
def test_oneills_dances_are_read():
    corpus = load_folk_tunes("oneills")
    assert sum(corpus.card.sizes.values()) == 485
    titles = [{score.title.casefold() for score in split} for split in (corpus.train, corpus.valid, corpus.test)]
    assert not (titles[0] & titles[1] or titles[0] & titles[2] or titles[1] & titles[2])


def test_unknown_collection_is_refused():
    with pytest.raises(ValueError, match=r"name must be one of .*'ryan', 'essen'.*, got 'x'"):
        load_folk_tunes("x")
