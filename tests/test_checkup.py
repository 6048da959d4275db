"""The doctor names what is missing and one command that brings all of it."""

import pytest

from musiclab import checkup


def test_all_well_is_one_screen():
    report = checkup.doctor()
    lines = repr(report).splitlines()
    assert len(lines) <= 24
    assert lines[0].startswith(f"✓ musiclab    {checkup.__version__} on Python 3.")
    assert report.passed or "one command" in lines[-2]


def test_one_command_mends_all(monkeypatch):
    monkeypatch.setattr(checkup, "_packages", lambda: ("packages", "", "pip install 'numpy>=1.26'"))
    monkeypatch.setattr(checkup, "_sound", lambda: ("sound", "", "pip install --no-deps tinysoundfont"))
    monkeypatch.setattr(checkup, "_models", lambda: ("models", "", "make weights"))
    monkeypatch.setattr(checkup, "_corpora", lambda: ("corpora", "", "make weights"))
    monkeypatch.setattr(checkup, "NEEDS", {"nothing": ["numpy"]})
    report = checkup.doctor()
    assert not report.passed
    wanted = "pip install 'numpy>=1.26' && pip install --no-deps tinysoundfont && make weights"
    assert repr(report).splitlines()[-2:] == ["· all of it  one command", f"    {wanted}"]


def test_sines_alone_are_no_sound(monkeypatch):
    monkeypatch.setattr(checkup, "synthesizers", lambda: ["sines"])
    assert checkup._sound() == ("sound", "sines plays", "pip install --no-deps tinysoundfont")


@pytest.mark.parametrize(
    ("installed", "found", "mend"),
    [
        ({"musiclab": "1", "numpy": "1.20"}, "numpy 1.20", "pip install 'numpy>=1.26'"),
        ({"musiclab": "1"}, "no numpy", "pip install 'numpy>=1.26'"),
        ({"musiclab": "1", "numpy": "2.0rc1"}, "numpy 2.0rc1", ""),
        ({}, "musiclab itself is not installed, only found in this folder", "pip install -e ."),
    ],
)
def test_packages_are_held_against_our_own_requirements(monkeypatch, installed, found, mend):
    monkeypatch.setattr(checkup, "requires", lambda _: ["numpy>=1.26", "verovio>=4; extra == 'lab'"])
    monkeypatch.setattr(checkup, "_version", installed.get)
    assert checkup._packages() == ("packages", found, mend)


def test_missing_libraries_are_named(monkeypatch):
    monkeypatch.setattr(checkup, "_version", {"nbval": "1"}.get)
    finding = checkup._installed("marking", ("nbval", "nbformat", "jupyter_client"))
    assert finding == ("marking", "no nbformat, no jupyter_client", "pip install nbformat jupyter_client")


def test_cache_and_models_are_found(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path))
    assert checkup._corpora()[1] == f"no corpus yet; each is read once, when first loaded (in {tmp_path})"
    (tmp_path / "chorales-music21-10.5.1-v1.npz").touch()
    assert checkup._corpora()[1] == f"chorales (in {tmp_path})"
