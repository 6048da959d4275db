"""Installing, in every way we promise: pins, conda, make, a fork's address, a wheel in an empty environment."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"pytorch": "torch"}


def by_name(*requirements: str) -> dict[str, str]:
    """Return the version range of each requirement; the last one given for a name holds."""
    parsed = [Requirement(text) for text in requirements]
    return {canonicalize_name(r.name): str(r.specifier) for r in parsed}


# --- requirements ----------------------------------------------------------------------------------------------------


def test_every_requirement_is_pinned_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", pin) for pin in pins)
    versions = dict(pin.split("==") for pin in pins)
    assert list(versions) == sorted(versions)
    for text in [*PROJECT["dependencies"], *(text for texts in EXTRAS.values() for text in texts)]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), text


def test_core_leaves_torch_numpy_and_ipywidgets_of_colab_in_place() -> None:
    core = {name: Requirement(f"{name}{spec}").specifier for name, spec in by_name(*PROJECT["dependencies"]).items()}
    for name, there in {"torch": "2.11.0", "numpy": "2.1.3", "ipywidgets": "7.7.1", "music21": "9.9.2"}.items():
        assert core[name].contains(there), name
    newer = {extra for extra, texts in EXTRAS.items() if "ipywidgets" in by_name(*texts)}
    assert newer == {"lab"}


def test_conda_installs_what_pip_would() -> None:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    found = by_name(*[entry for entry in listed if isinstance(entry, str)], *pip)
    python = Requirement(f"python{found.pop('python')}").specifier
    assert found.pop("pip") == ""
    assert python.contains("3.11") and not python.contains("3.10")
    found = {CONDA_NAMES.get(name, name): spec for name, spec in found.items()}
    assert found == by_name(*PROJECT["dependencies"], *EXTRAS["lab"])


# --- make ------------------------------------------------------------------------------------------------------------

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    # Under `make test` this is a make inside a make, which must not hear what the outer one was told.
    env = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS")
    }
    return subprocess.run(["make", "-C", str(folder), *arguments], env=env, capture_output=True, text=True)


@needs_make
def test_make_help_names_the_commands() -> None:
    lines = make(ROOT, "--no-print-directory").stdout.splitlines()
    assert all(re.fullmatch(r"  make [a-z-]+ +\S.*", line) for line in lines)
    commands = {line.split()[1] for line in lines}
    assert {"help", "lab", "demo", "test", "test-all", "bench", "weights", "publish", "loc", "clean"} <= commands


@needs_make
def test_make_refuses_an_old_python(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    done = make(tmp_path, "demo", f"PYTHON={old}")
    assert done.returncode != 0
    assert f"musiclab needs Python 3.11 or newer; {old} is not." in done.stderr
    assert not (tmp_path / ".venv").exists()


# --- small tools -----------------------------------------------------------------------------------------------------

COLAB = "https://colab.research.google.com"
BADGE = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{{}}/blob/main/notebooks/00_x.ipynb)"
SETUP = '%pip install -q \\"musiclab @ git+https://github.com/{}\\"'
KEPT = "see https://github.com/someone/else and https://github.com/OWNER/musiclab/issues"


def publish(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / ".ci" / "publish.py"), *arguments, "--root", str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


def test_publish_stamps_badges_and_set_up_cells_again_and_again(tmp_path: Path) -> None:
    pages = [tmp_path / "README.md", tmp_path / "notebooks" / "00_x.ipynb"]
    pages[1].parent.mkdir()
    text = f"{BADGE}\n{SETUP}\n{KEPT}\n"
    for page in pages:
        page.write_text(text.replace("{}", "OWNER/musiclab"), encoding="utf-8")
    for repo in ("jane/musiclab", "jane/musiclab", "a.b-c/my_class.2026", "OWNER/musiclab"):
        done = publish(tmp_path, repo)
        assert done.returncode == 0, done.stderr
        assert [page.read_text(encoding="utf-8") for page in pages] == [text.replace("{}", repo)] * 2
    assert "0 files now point to" in publish(tmp_path, "OWNER/musiclab").stdout
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["00_x.ipynb", "README.md"]


@pytest.mark.parametrize("wrong", [[], ["musiclab"], ["https://github.com/jane/musiclab"], ["jane/music lab"]])
def test_publish_refuses_what_is_no_repository(tmp_path: Path, wrong: list[str]) -> None:
    done = publish(tmp_path, *wrong)
    assert done.returncode == 2
    assert "must be owner/name, got" in done.stderr


def test_loc_counts_code_only() -> None:
    spec = importlib.util.spec_from_file_location("loc", ROOT / ".ci" / "loc.py")
    loc = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loc)
    source = '"""Module."""\n\n# a comment\nx = (\n    1,  # one\n\n    2,\n)\n'
    source += 'def f():\n    """Two\n\n    lines."""\n    return """a\nb"""\n'
    assert loc.code_lines(source) == len(["x = (", "1,", "2,", ")", "def f():", 'return """a', 'b"""'])


# --- a wheel ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and the source archive without the network; return the folder that holds both."""
    pytest.importorskip("hatchling", reason="the test extra is not installed: make test")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_wheel_holds_the_package_and_its_data_only(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    code = {
        str(p.relative_to(ROOT))
        for p in (ROOT / "musiclab").rglob("*")
        if p.is_file() and p.parent.name != "__pycache__"
    }
    data = {f"musiclab/{p.relative_to(ROOT)}" for p in (ROOT / "data").rglob("*") if p.is_file() and p.suffix != ".py"}
    assert {name for name in names if ".dist-info/" not in name} == code | data
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_source_archive_builds_the_same(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = archive.getnames()
    inside = {name.partition("/")[2] for name in names}
    assert {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "Makefile",
        "musiclab/score.py",
        "tests/test_packaging.py",
    } <= inside
    assert not [name for name in inside if name.startswith((".venv", "out/", ".git/")) or "__pycache__" in name]


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment that sees this one's third-party packages; return its commands."""
    env = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    wheel = str(next(built.glob("*.whl")))
    pip = [sys.executable, "-m", "pip", "--python", str(env / "bin" / "python")]
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", wheel], check=True)
    # A path file inside the lent packages, such as an editable musiclab's, is not read.
    lent = next((env / "lib").glob("python3.*/site-packages")) / "lent.pth"
    lent.write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return env / "bin"


def outside(folder: Path, *command: str | Path) -> str:
    """Run a command far from the source tree, as a user without files of their own; return what it prints."""
    env = {**os.environ, "HOME": str(folder), "PYTHONPATH": "", "MUSICLAB_CACHE": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_finds_its_own_data(installed: Path, tmp_path: Path) -> None:
    printed = outside(
        tmp_path,
        installed / "python",
        "-c",
        "import musiclab; print(musiclab.__file__); print(musiclab.load_example())",
    )
    where, score = printed.splitlines()
    assert Path(where).is_relative_to(installed.parent)
    assert "BWV 270" in score


def test_the_wheel_runs_the_demo(installed: Path, tmp_path: Path) -> None:
    printed = outside(tmp_path, installed / "musiclab", "demo")
    assert "seed" in printed
    assert {path.suffix for path in (tmp_path / "out").iterdir()} >= {".mid", ".musicxml", ".mp3", ".png"}
