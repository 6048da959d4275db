"""Whole jobs, and the commands that call them."""

import numpy as np
import pytest

from musiclab.cli import main
from musiclab.midi import read_midi, write_midi
from musiclab.recipes import export, train_model
from musiclab.score import Score


@pytest.fixture
def folder_of_midi(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(6):
        notes = [(24 * i, 24, int(rng.integers(60, 72)), 64, 0) for i in range(16)]
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
        code = main(["train", "--data", str(folder_of_midi), "--model", "gru", "--iters", "20", "--out", str(out)])
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
    assert "chorale-transformer" in said and "seed 3" in said
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".mid", ".mp3", ".musicxml", ".png"]
    score = read_midi(tmp_path / "chorale-3.mid")
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
    with pytest.raises(ValueError, match="data must be 'chorales', 'folk' or a folder"):
        (tmp_path / "empty").mkdir()
        train_model(tmp_path / "out", data=str(tmp_path / "empty"))


@pytest.mark.parametrize("command", ["demo", "train", "sample", "evaluate", "doctor", "datasets"])
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"example: musiclab {command}" in capsys.readouterr().out
