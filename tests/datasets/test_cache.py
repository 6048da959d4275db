"""The project's data folder and the user's cache."""

import warnings

import pytest

from musiclab.datasets import cache
from musiclab.datasets.cache import cached_scores, data_path
from musiclab.files import in_parallel
from musiclab.score import Key, Part, Score, Tempo, TimeSignature

SCORES = [
    Score([(0, 24, 60), (24, 12, 64, 100, 1)], parts=[("A", 3), ("B", 0, True)], length=96, pickup=24, title="Tür",
          time_signatures=[(0, 3, 4), (24, 2, 4)], tempos=[(0, 90.5)], keys=[(0, -3, "minor")], source="here"),
    Score([]),
    Score([(5, 7, 60)], resolution=480),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def refuse():
    raise AssertionError("built although it is in the cache")


def test_scores_come_back_whole_and_are_built_once(folder):
    assert cached_scores("set", lambda: SCORES) == SCORES
    again = cached_scores("set", refuse)
    assert again == SCORES
    assert [(s.title, s.source) for s in again] == [(s.title, s.source) for s in SCORES]
    assert again[0].parts == (Part("A", 3), Part("B", 0, True))
    assert again[0].time_signatures == (TimeSignature(0, 3, 4), TimeSignature(24, 2, 4))
    assert (again[0].tempos, again[0].keys) == ((Tempo(0, 90.5),), (Key(0, -3, "minor"),))
    assert not any(s.notes.flags.writeable for s in again)
    assert len(list(folder.iterdir())) == 1


def test_a_new_music21_or_format_builds_anew(folder, monkeypatch):
    cached_scores("set", lambda: SCORES)
    monkeypatch.setattr(cache, "version", lambda name: "99.0")
    assert cached_scores("set", lambda: SCORES[:1]) == SCORES[:1]
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    assert cached_scores("set", lambda: SCORES[1:]) == SCORES[1:]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"no archive",
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + bytes(40) + data[240:],
    ],
)
def test_a_damaged_file_is_built_anew(folder, spoil):
    cached_scores("set", lambda: SCORES)
    (file,) = folder.iterdir()
    file.write_bytes(spoil(file.read_bytes()))
    built = []
    assert cached_scores("set", lambda: built.append(1) or SCORES) == SCORES
    assert built
    assert cached_scores("set", refuse) == SCORES


def test_a_file_of_another_kind_is_built_anew(folder):
    import numpy as np

    cached_scores("set", lambda: SCORES)
    (file,) = folder.iterdir()
    np.savez(file, notes=np.zeros(3), counts=[3])
    assert cached_scores("set", lambda: SCORES) == SCORES


def test_a_cache_that_cannot_be_written_is_said_and_does_not_stop(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"set-music21.*not kept for the next time .*MUSICLAB_CACHE"):
        assert cached_scores("set", lambda: SCORES) == SCORES


def test_cache_is_the_platforms_unless_named(monkeypatch):
    import pooch

    monkeypatch.delenv("MUSICLAB_CACHE", raising=False)
    assert cache.cache_folder() == cache.Path(pooch.os_cache("musiclab"))


def test_data_folder_of_a_wheel_comes_first(tmp_path, monkeypatch):
    assert data_path("registry.json").is_file()
    package = tmp_path / "musiclab"
    monkeypatch.setattr(cache, "__file__", str(package / "datasets" / "cache.py"))
    assert data_path("a", "b") == tmp_path / "data" / "a" / "b"
    (package / "data").mkdir(parents=True)
    assert data_path("a", "b") == package / "data" / "a" / "b"


def test_work_in_parallel_keeps_its_order():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert in_parallel(abs, [-3, 1, -2], "numbers") == [3, 1, 2]
