"""The two towers: the contract in pyproject.toml is kept, and would notice if it were not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"IPython", "ipywidgets", "matplotlib", "music21", "numpy", "pretty_midi", "sklearn", "symusic", "torch"}
NO_TORCH = "Only the model tower and the bridge import torch BROKEN"


def lint(folder: Path) -> subprocess.CompletedProcess:
    """Check the import contract of the package in a folder, which need not be the one installed."""
    run = "from importlinter.cli import lint_imports_command as main; main()"  # puts the working folder on the path
    command = [sys.executable, "-c", run, "--no-cache", "--no-logo", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_import_contract_is_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("score", "import torch", NO_TORCH),
        ("tokenizers/base", "def f():\n    from torch import nn", NO_TORCH),
        ("models/base", "from musiclab.score import Score", "The model tower never hears of notes BROKEN"),
        ("models/base", "import music21", "Only readers, writers and sound know the music libraries BROKEN"),
        ("pitch", "from musiclab.score import Score", "Imports point one way"),
        ("tokenizers/base", "import miditok", "The library never imports the peers"),
        ("homeless", "import numpy", "must be declared as a layer"),
    ],
)
def test_the_contract_notices(tmp_path: Path, module: str, line: str, broken: str) -> None:
    shutil.copytree(ROOT / "musiclab", tmp_path / "musiclab", ignore=shutil.ignore_patterns("__pycache__"))
    path = (tmp_path / "musiclab" / module).with_suffix(".py")
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + f"\n{line}\n", encoding="utf-8")
    done = lint(tmp_path)
    assert done.returncode != 0
    assert broken in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(("already", "allowed"), [("sys", set()), ("IPython", {"numpy"})])
def test_importing_musiclab_loads_nothing_heavy(already: str, allowed: set[str]) -> None:
    code = f"import sys, {already}; before = set(sys.modules); import musiclab; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "musiclab" in loaded
    assert loaded & HEAVY <= allowed
