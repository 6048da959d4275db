"""The doctor names what is missing and one command that brings all of it."""

import pytest

from musiclab import audio, checkup
from musiclab.checkup import Finding, Report


def test_all_well():
    report = Report((Finding("sound", "tinysoundfont plays"),))
    assert report.ok and report.command == ""
    assert repr(report).splitlines()[-1] == "Everything works."


def test_one_command_mends_all():
    report = Report(
        (
            Finding("packages", "", "pip install 'numpy>=1.26'"),
            Finding("sound", "", "pip install --no-deps tinysoundfont"),
            Finding("notation", "", "pip install verovio"),
            Finding("models", "", "make weights"),
            Finding("marking", "", "pip install verovio"),
        )
    )
    wanted = "pip install 'numpy>=1.26' verovio && pip install --no-deps tinysoundfont && make weights"
    assert not report.ok and report.command == wanted
    assert repr(report).splitlines()[-1] == f"To mend it: {wanted}"


def test_report_fits_a_screen():
    lines = repr(checkup.doctor()).splitlines()
    assert len(lines) <= 24
    assert lines[1].startswith("  ok       Python")


def test_sines_alone_are_no_sound(monkeypatch):
    monkeypatch.setattr(audio, "_works", lambda name: False)
    finding = checkup._sound()
    assert finding == Finding("sound", "sines plays", "pip install --no-deps tinysoundfont")


@pytest.mark.parametrize(
    ("installed", "found", "mend"),
    [
        ({"numpy": "1.20"}, "numpy 1.20", "pip install 'numpy>=1.26'"),
        ({"numpy": None}, "numpy not installed", "pip install 'numpy>=1.26'"),
    ],
)
def test_packages_are_held_against_our_own_requirements(monkeypatch, installed, found, mend):
    monkeypatch.setattr(checkup, "requires", lambda _: ["numpy>=1.26", "verovio>=4; extra == 'lab'"])
    monkeypatch.setattr(checkup, "_version", installed.get)
    assert checkup._packages() == Finding("packages", found, mend)


def test_missing_libraries_are_named(monkeypatch):
    monkeypatch.setattr(checkup, "_version", {"nbval": "1"}.get)
    finding = checkup._installed("marking", ("nbval", "nbformat", "jupyter_client"))
    assert finding == Finding("marking", "no nbformat, no jupyter_client", "pip install nbformat jupyter_client")


def test_cache_and_models_are_found(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICLAB_CACHE", str(tmp_path))
    assert checkup._corpora().found == f"no corpus yet; each is read once, when first loaded (in {tmp_path})"
    (tmp_path / "chorales-music21-10.5.1-v1.npz").touch()
    assert checkup._corpora().found == f"chorales (in {tmp_path})"
