"""The canonical JSB Chorales as arrays."""

import json
import os
import shlex
from hashlib import sha256

import numpy as np
import pytest

from musiclab.datasets import jsb, load_jsb
from musiclab.datasets.cache import data_path
from musiclab.errors import MissingData

needs_data = pytest.mark.skipif(not os.environ.get("MUSICLAB_DATA"), reason="MUSICLAB_DATA is not set")
SMALL = {"train": [[[60, 57, 53, -1]] * 4], "valid": [], "test": [[[60, 57, 53, 41]]]}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A registry whose file is a small one, an empty cache and no network."""
    data = json.dumps(SMALL).encode()
    entry = {"url": "https://example.org/a b.json", "sha256": sha256(data).hexdigest(), "licence": "none stated"}
    (tmp_path / "registry.json").write_text(json.dumps({"Jsb16thSeparated.json": entry}))
    monkeypatch.setattr(jsb, "data_path", tmp_path.joinpath)
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MUSICLAB_DATA", raising=False)
    return data


@needs_data
def test_published_file_has_its_sizes():
    corpus = load_jsb()
    assert corpus.card.sizes == {"train": 229, "valid": 76, "test": 77}
    assert sum(len(a) for a in corpus.test) == 18_900
    arrays = [*corpus.train, *corpus.valid, *corpus.test]
    assert all(a.dtype == np.int64 and a.ndim == 2 and a.shape[1] == 4 for a in arrays)
    assert min(a.min() for a in arrays) == -1
    assert max(a.max() for a in arrays) == 81
    assert "none stated upstream" in repr(corpus)


@needs_data
def test_registry_describes_the_published_file():
    entry = json.loads(data_path("registry.json").read_text())["Jsb16thSeparated.json"]
    with open(os.path.join(os.environ["MUSICLAB_DATA"], "jsb", "Jsb16thSeparated.json"), "rb") as file:
        data = file.read()
    assert (entry["bytes"], entry["sha256"]) == (len(data), sha256(data).hexdigest())


def test_reads_a_path_the_data_folder_and_the_cache(small, tmp_path, monkeypatch):
    (tmp_path / "mine.json").write_bytes(small)
    assert load_jsb(tmp_path / "mine.json").test[0].tolist() == [[60, 57, 53, 41]]
    for folder, variable in ((tmp_path / "data", "MUSICLAB_DATA"), (tmp_path / "cache2", "MUSICLAB_CACHE")):
        (folder / "jsb").mkdir(parents=True)
        (folder / "jsb" / "Jsb16thSeparated.json").write_bytes(small)
        monkeypatch.setenv(variable, str(folder))
        assert load_jsb().train[0].shape == (4, 4)
        monkeypatch.delenv(variable)


def test_a_changed_file_is_refused(small, tmp_path):
    (tmp_path / "mine.json").write_bytes(small + b" ")
    with pytest.raises(ValueError, match=r"sha256 of .*mine\.json must be [0-9a-f]{64}, got [0-9a-f]{64}"):
        load_jsb(tmp_path / "mine.json")


def test_without_a_network_the_error_is_the_command(small, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr("pooch.retrieve", refuse)
    with pytest.raises(MissingData) as caught:
        load_jsb()
    words = shlex.split(str(caught.value))
    assert words[0] == "curl"
    target = words[words.index("-o") + 1]
    assert target == str(tmp_path / "cache" / "jsb" / "Jsb16thSeparated.json")
    os.makedirs(os.path.dirname(target))
    with open(target, "wb") as file:
        file.write(small)
    assert len(load_jsb().train) == 1, "what the command fetches is found"


def test_download_is_asked_for_by_name_and_hash(small, tmp_path, monkeypatch):
    asked = {}

    def retrieve(url, known_hash, fname, path):
        asked.update(url=url, known_hash=known_hash)
        path.mkdir(parents=True)
        (path / fname).write_bytes(small)
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert len(load_jsb().test) == 1
    assert asked == {"url": "https://example.org/a b.json", "known_hash": f"sha256:{sha256(small).hexdigest()}"}
