import pickle
import signal
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from musiclab.datasets.encode import EncodedCorpus, encode_corpus
from musiclab.midi import read_midi, write_midi
from musiclab.notation import write_musicxml
from musiclab.score import Score
from musiclab.tokenizers.base import BOS, EOS, load_tokenizer
from musiclab.tokenizers.melody import Melody

# Runs in a process of its own, which kills itself when it is about to give a file its name for the n-th time.
KILLED = """
import os, signal, sys
from musiclab.datasets import encode
from musiclab.tokenizers.melody import Melody
replace, count = os.replace, 0
def rename(old, new):
    global count
    count += 1
    if count == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(old, new)
os.replace = rename
encode.encode_corpus(sys.argv[3:], Melody(), sys.argv[2], jobs=1)
"""


@pytest.fixture
def files(tmp_path):
    """Forty files, the thirtieth of them broken: three shards."""
    rng = np.random.default_rng(3)
    paths = []
    for i in range(40):
        score = Score([(24 * j, 24, int(p)) for j, p in enumerate(rng.integers(40, 90, 1 + i % 7))])
        paths.append(write_midi(score, tmp_path / f"{i:02d}.mid"))
    paths[29].write_bytes(b"no music")
    return [str(path) for path in paths]


def test_ids_are_those_of_each_score(files, tmp_path):
    corpus = encode_corpus(files, Melody(), tmp_path / "ids", jobs=2)
    assert len(corpus) == 39
    expected = [Melody().sequence(read_midi(file)) for i, file in enumerate(files) if i != 29]
    assert [ids.tolist() for ids in corpus] == expected
    assert [ids.tolist() for ids in corpus[:3]] == expected[:3] and corpus[-1].tolist() == expected[-1]
    assert corpus[0].dtype == np.uint16 and corpus[0][0] == BOS and corpus[0][-1] == EOS
    assert corpus.n_ids == sum(map(len, expected))
    assert load_tokenizer(corpus.config) == Melody()


def test_arrays_stay_on_disk(files, tmp_path):
    corpus = encode_corpus(files, Melody(), tmp_path / "ids", jobs=1)
    assert isinstance(corpus[0], np.memmap) and not corpus[0].flags.writeable
    assert len(pickle.dumps(corpus)) < 500
    assert pickle.loads(pickle.dumps(corpus))[38].tolist() == corpus[38].tolist()


def test_a_bad_file_is_a_row_of_the_table(files, tmp_path):
    missing = [*files, str(tmp_path / "missing.mid"), __file__]
    corpus = encode_corpus(missing, Melody(), tmp_path / "ids", jobs=1)
    assert [Path(row.file).name for row in corpus.failed] == ["29.mid", "missing.mid", Path(__file__).name]
    assert corpus.failed[0].reason.startswith("MidiError") and corpus.failed[1].reason.startswith("FileNotFoundError")
    assert [row.status for row in corpus.table].count("read") == 39
    assert "39 of 42 files" in repr(corpus) and "failed: " in repr(corpus)


def test_what_a_reader_drops_is_in_the_table(tmp_path):
    from pretty_midi import Instrument, Note, PitchBend, PrettyMIDI

    midi, part = PrettyMIDI(), Instrument(0)
    part.notes.append(Note(64, 60, 0.0, 1.0))
    part.pitch_bends.append(PitchBend(100, 0.5))
    midi.instruments.append(part)
    midi.write(str(tmp_path / "bend.mid"))
    corpus = encode_corpus([tmp_path / "bend.mid"], Melody(), tmp_path / "ids", jobs=1)
    assert corpus.table[0].status == "read" and "pitch bend" in corpus.table[0].reason


def test_musicxml_is_read(tmp_path):
    write_musicxml(Score([(0, 96, 60)]), tmp_path / "one.musicxml")
    corpus = encode_corpus([tmp_path / "one.musicxml"], Melody(), tmp_path / "ids", jobs=1)
    assert Melody().decode(corpus[0]).notes["pitch"].tolist() == [60]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_killed_run_goes_on_where_it_was(files, tmp_path, n):
    folder = tmp_path / "ids"
    run = subprocess.run([sys.executable, "-c", KILLED, str(n), str(folder), *files], capture_output=True)
    assert run.returncode == -signal.SIGKILL
    with pytest.raises(FileNotFoundError, match=r"\.json"):
        EncodedCorpus(folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert len(before) == n // 2
    corpus = encode_corpus(files, Melody(), folder, jobs=1)
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}.items() >= before.items()
    whole = encode_corpus(files, Melody(), tmp_path / "whole", jobs=1)
    assert [ids.tolist() for ids in corpus] == [ids.tolist() for ids in whole]
    assert not list(folder.glob("*.part"))


def test_another_corpus_is_refused(files, tmp_path):
    encode_corpus(files[:2], Melody(), tmp_path / "ids", jobs=1)
    for paths, tok in ((files[:3], Melody()), (files[:2], Melody(12))):
        with pytest.raises(ValueError, match="folder must be new, or begun with the same paths and tokenizer"):
            encode_corpus(paths, tok, tmp_path / "ids", jobs=1)
    with pytest.raises(ValueError, match="paths must be one file at least, got none"):
        encode_corpus([], Melody(), tmp_path / "none")


@pytest.mark.slow
def test_a_dask_cluster_runs_the_same_call(files, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs dask: pip install 'dask[distributed]'")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config("dask"),
        distributed.get_task_stream(client) as tasks,
    ):
        corpus = encode_corpus(files, Melody(), tmp_path / "ids")
    assert len(tasks.data) >= 1 and all(task["status"] == "OK" for task in tasks.data)
    alone = encode_corpus(files, Melody(), tmp_path / "alone", jobs=1)
    assert [ids.tolist() for ids in corpus] == [ids.tolist() for ids in alone]
    assert corpus.failed == alone.failed
