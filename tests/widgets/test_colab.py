"""Google Colab's older ipywidgets: every widget's kernel side works with the versions that it pins."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import ipywidgets
import pytest

import musiclab

PINS = "ipywidgets==7.7.1 ipython==7.34.0 traitlets==5.7.1 ipykernel==6.17.1 anywidget==0.9.21"  # of 19 August 2026
THEIRS = "ipython_genutils backcall pickleshare"  # what these need and newer ones do not
REPOSITORY = Path(__file__).parents[2]


def with_a_picture() -> list[type]:
    """Return the widgets that have a picture of their own."""
    kinds = [getattr(musiclab, name) for name in musiclab.__all__]
    kinds = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, ipywidgets.DOMWidget)]
    ours = [getattr(kind, "_repr_mimebundle_", None) for kind in kinds]  # version 7 has none of its own
    return [kind for kind, its in zip(kinds, ours, strict=True) if its and its.__module__.startswith("musiclab.")]


@pytest.mark.parametrize("kind", with_a_picture(), ids=lambda kind: kind.__name__)
def test_the_picture_for_pages_without_kernel_is_asked_for(kind):
    assert kind._ipython_display_ is None  # ipywidgets 7 has one, and then nobody asks for the picture


@pytest.mark.slow
def test_the_widgets_tests_pass_with_colabs_versions(tmp_path):
    """Run tests/widgets in an environment that has Colab's versions before ours."""
    venv.create(tmp_path, with_pip=True)
    python = tmp_path / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [python, "-m", "pip", "install", "-q", "--no-deps", *PINS.split(), *THEIRS.split()]
    installed = subprocess.run(install, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"the pinned versions could not be installed: {installed.stderr[-300:]}")
    site = next(tmp_path.glob("[Ll]ib*/**/site-packages"))
    (site / "rest.pth").write_text(str(Path(pytest.__file__).parents[1]))
    told = "import ipywidgets, IPython, traitlets, anywidget; print(ipywidgets.__version__, IPython.__version__)"
    versions = subprocess.run([python, "-c", told], capture_output=True, text=True, check=True).stdout
    assert versions.split() == ["7.7.1", "7.34.0"]
    env = {**os.environ, "JUPYTER_PATH": str(Path(sys.prefix, "share", "jupyter"))}
    tests = [python, "-m", "pytest", "tests/widgets", "-q", "-m", "not slow and not peer", "-p", "no:cacheprovider"]
    ran = subprocess.run(tests, capture_output=True, text=True, cwd=REPOSITORY, env=env)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
