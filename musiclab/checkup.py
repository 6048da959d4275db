"""What works on this machine, on one screen, and the one command that mends the rest."""

import contextlib
import os
import platform
import shlex
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from musiclab import __version__
from musiclab.audio import synthesizers
from musiclab.datasets.cache import cache_folder, data_path
from musiclab.feedback import Feedback

NEEDS = {  # libraries that one can do without, by what they are for
    "notebooks": ["jupyterlab"],
    "notation": ["verovio"],
    "listening": ["librosa", "mir_eval"],
    "fast paths": ["numba"],
    "marking": ["nbval", "jinja2", "psutil"],
}
MOST_SHOWN = 6
Finding = tuple[str, str, str]


def doctor() -> Feedback:
    """Return what works here: packages, device, sound, notation, data; its text ends with what mends the rest.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> [text.split()[0] for _, text, _ in doctor().rows][:4]
    ['musiclab', 'packages', 'torch', 'sound']
    """
    colab = "google.colab" in sys.modules  # has notebooks of its own
    optional = [_installed(need, names) for need, names in NEEDS.items() if not (colab and need == "notebooks")]
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    musiclab = "musiclab", f"{__version__} on {machine}", ""
    findings = [musiclab, _packages(), _torch(), _sound(), *optional, _corpora(), _models()]
    mends = dict.fromkeys(mend for *_, mend in findings if mend)
    whole = [("all of it", "one command", " && ".join(mends))] if len(mends) > 1 else []
    return Feedback.of(findings + whole)


def _version(package: str) -> str | None:
    with contextlib.suppress(PackageNotFoundError):
        return version(package)


def _packages() -> Finding:
    """Compare what musiclab's own metadata asks for with what is installed."""
    if not _version("musiclab"):
        return "packages", "musiclab itself is not installed, only found in this folder", "pip install -e ."
    return _installed("packages", (line for line in requires("musiclab") if "extra ==" not in line))


def _installed(need: str, lines: Iterable[str]) -> Finding:
    """Return which packages are here, or which of them are missing or too old."""
    from packaging.requirements import Requirement

    here = {requirement: _version(requirement.name) for requirement in map(Requirement, lines)}
    bad = [r for r, found in here.items() if not (found and r.specifier.contains(found, prereleases=True))]
    if bad:
        found = ", ".join(f"{r.name} {here[r]}" if here[r] else f"no {r.name}" for r in bad)
        return need, found, "pip install " + " ".join(shlex.quote(str(r)) for r in bad)
    shown = ", ".join([f"{r.name} {found}" for r, found in here.items()][:MOST_SHOWN])
    return need, shown + f" and {len(here) - MOST_SHOWN} more" * (len(here) > MOST_SHOWN), ""


def _torch() -> Finding:
    try:
        import torch

        from musiclab.training import pick_device
    except (ImportError, OSError) as error:
        return "torch", f"does not start: {error}", "pip install torch"
    device = pick_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    return "torch", f"{torch.__version__}, models run on {device.type} ({name})", ""


def _sound() -> Finding:
    first, *others = synthesizers()
    found = f"{first} plays" + f"; also here: {', '.join(others)}" * bool(others)
    return "sound", found, "pip install --no-deps tinysoundfont" if first == "sines" else ""


def _corpora() -> Finding:
    folder = cache_folder()
    cached = sorted({path.stem.split("-music21-")[0] for path in folder.glob("*.npz")})
    held = ", ".join(cached) if cached else "no corpus yet; each is read once, when first loaded"
    return "corpora", f"{held} (in {str(folder).replace(str(Path.home()), '~', 1)})", ""


def _models() -> Finding:
    names = ", ".join(sorted(path.parent.name for path in data_path("models").glob("*/config.json")))
    return "models", names or f"none in {data_path('models')}", "" if names else "make weights"
