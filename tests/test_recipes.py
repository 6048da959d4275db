"""Whole jobs, and the commands that call them."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from musiclab.cli import main
from musiclab.datasets.augment import part_ranges, transpositions
from musiclab.midi import read_midi, write_midi
from musiclab.recipes import _near, export, read_data, train_model
from musiclab.sampling import Sampler
from musiclab.score import Score


@pytest.fixture
def folder_of_midi(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(6):
        notes = [(24 * i, 24, int(rng.integers(60, 72)), 64, 0) for i in range(24)]
        write_midi(Score(notes), tmp_path / f"{k}.mid")
    (tmp_path / "broken.mid").write_bytes(b"MThd nonsense")
    return tmp_path


def test_export_writes_every_kind(tmp_path):
    score = Score([(0, 24, 60), (24, 24, 64)], title="two notes")
    paths = export(score, tmp_path / "new" / "name")
    assert [p.name for p in paths] == ["name.mid", "name.musicxml", "name.mp3", "name.png"]
    assert read_midi(paths[0]).notes["pitch"].tolist() == [60, 64]
    heads = [path.read_bytes()[:4] for path in paths]
    assert heads[0] == b"MThd" and heads[1] == b"<?xm" and heads[3] == b"\x89PNG"
    with pytest.raises(ValueError, match=r"suffix must be one of .*got '\.gif'"):
        export(score, tmp_path / "name", [".gif"])


def test_train_then_sample_then_evaluate_on_a_folder(folder_of_midi, tmp_path, capsys):
    out = tmp_path / "model"
    with pytest.warns(UserWarning, match="broken"):
        code = main(["train", "--data", str(folder_of_midi), "--iters", "3", "--out", str(out)])
    assert code == 0
    assert f"musiclab sample --model {out}" in capsys.readouterr().out
    assert main(["sample", "--model", str(out), "--n", "2", "--bars", "2", "--out", str(tmp_path / "new")]) == 0
    assert len(read_midi(tmp_path / "new" / "model-0.mid").parts) >= 0
    assert capsys.readouterr().out.count(".mid") == 2
    with pytest.warns(UserWarning, match="broken"):
        assert main(["evaluate", str(out), "--data", str(folder_of_midi)]) == 0
    assert "id frequencies alone" in capsys.readouterr().out


def test_demo_writes_a_chorale_and_says_how(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path), "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("by chorale-transformer, Sampler(temperature=0.9,") and "seed=3" in said
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".mid", ".mp3", ".musicxml", ".png"]
    score = read_midi(tmp_path / "chorale-transformer-3.mid")
    assert len(score) > 50


def test_datasets_lists_every_loader(capsys):
    assert main(["datasets"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("load_chorales()", "load_folk_tunes", "essen", "load_jsb()", "load_folder"))


def test_errors_are_one_line(capsys):
    assert main(["sample", "--model", "nowhere"]) == 1
    assert capsys.readouterr().err.startswith("musiclab sample: model must be a folder with config.json or one of")


def test_refuses_what_does_not_fit(tmp_path):
    with pytest.raises(ValueError, match="model must be one of"):
        train_model(tmp_path, model="lstn")
    with pytest.raises(ValueError, match="tokenizer must be Chorale, which writes a grid, got REMI"):
        train_model(tmp_path, tokenizer="REMI", model="grid")
    with pytest.raises(ValueError, match=r"tokenizer must be one of .*with BPE.train\), got bpe"):
        train_model(tmp_path, tokenizer="BPE")


def test_too_little_music_is_one_clear_error(tmp_path, capsys):
    (tmp_path / "few").mkdir()
    for name in ("a", "b"):
        write_midi(Score([(0, 24, 60), (24, 24, 62)]), tmp_path / "few" / f"{name}.mid")
    assert main(["train", "--data", str(tmp_path / "few"), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "data must be 'chorales', 'folk', or MIDI files with 100 notes, got 4 notes in the 2 files" in said
    assert main(["train", "--data", str(tmp_path / "nowhere")]) == 1
    assert "nowhere is not a folder" in capsys.readouterr().err


def test_bad_files_are_counted_in_one_warning(folder_of_midi):
    (folder_of_midi / "worse.mid").write_bytes(b"")
    with pytest.warns(UserWarning) as caught:
        training, valid, test = read_data(str(folder_of_midi))
    assert [str(w.message)[:36] for w in caught] == ["2 of 8 files were not read; the firs"]
    assert (len(training), len(valid), valid) == (5, 1, test)


def test_one_file_is_split_by_bars(tmp_path):
    notes = [(24 * i, 24, 60 + i % 12) for i in range(160)]
    whole = read_midi(write_midi(Score(notes), tmp_path / "one.mid"))
    training, valid, _ = read_data(str(tmp_path / "one.mid"))
    assert (training, valid) == ([whole.bars(0, 36)], [whole.bars(36)])
    history = train_model(tmp_path / "out", str(tmp_path / "one.mid"), "melody", "gru", iters=3)
    assert history.valid


def test_at_most_twelve_pitch_levels():
    low, high = Score([(0, 24, 30)]), Score([(0, 24, 100)])
    levels = transpositions(low, _near(low, part_ranges([low, high])))
    assert sorted(s.notes["pitch"][0] for s in levels) == [30, 31, 32, 33, 34, 35, 36]
    duet = Score([(0, 24, 60, 64, 0), (0, 24, 70, 64, 1)])
    assert len(transpositions(low, _near(low, part_ranges([duet, low])))) == 7
    middle = Score([(0, 24, 60), (0, 24, 70)])
    assert len(transpositions(middle, _near(middle, part_ranges([low, middle, high])))) == 12


def test_of_several_processes_the_first_alone_writes_and_speaks(folder_of_midi, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["train", "--data", str(folder_of_midi), "--iters", "1", "--out", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out == ""
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    "command",
    ["demo", "train", "sample", "evaluate", "doctor", "datasets", "class release", "class validate", "class grade"],
)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    assert f"example: musiclab {command}" in capsys.readouterr().out


def musiclab(command):
    return main(command.split())


def test_options_say_their_defaults_and_are_of_their_kind(monkeypatch, capsys):
    given = []
    monkeypatch.setattr("musiclab.sample_model", lambda *args: given.append(args) or ["a.mid"], raising=False)
    assert musiclab("sample --n 3 --bars 8 --formats .mid .png --top-p .5 --seed 4 -o here") == 0
    assert given == [("out/model", "here", 3, 8, Sampler(1.0, top_p=0.5, seed=4), [".mid", ".png"])]
    assert capsys.readouterr().out == "a.mid\n"
    monkeypatch.setattr("musiclab.grade", lambda *args: given.append(args) or Path("grades.csv"), raising=False)
    assert musiclab("class grade in --key k.ipynb -j 2 --seeds --limits 1 2 3 4") == 0
    assert given[1] == ("in", "k.ipynb", "grades/grades.csv", 2, (1, 2, 3, 4), True)
    with pytest.raises(SystemExit):
        main(["sample", "--help"])
    said = capsys.readouterr().out
    assert "how many (default: 1)" in said and "(default: None)" not in said and "(default: .mid)" in said
    for bad in ("class grade in", "sample --n many", "class grade in --key k --limits 1 2", "dance"):
        with pytest.raises(SystemExit):
            musiclab(bad)


@pytest.mark.parametrize(
    ("options", "model", "path"), [("--jsb", "jsb-benchmark", None), ("tiny --jsb x", "tiny", "x")]
)
def test_the_benchmark_is_given_model_and_file(monkeypatch, capsys, options, model, path):
    monkeypatch.setattr("musiclab.load_pretrained", lambda name: (name, None), raising=False)
    monkeypatch.setattr("musiclab.evaluate_jsb", lambda *given: given, raising=False)
    assert musiclab(f"evaluate {options}") == 0
    assert capsys.readouterr().out.splitlines() == [f"{s}: {(model, path, s)}" for s in ("valid", "test")]
