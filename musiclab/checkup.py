"""What works on this machine, on one screen, and the one command that mends the rest."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from musiclab import __version__
from musiclab.audio import synthesizers

_BY_NEED = {  # libraries that one can do without, by what they are for
    "notebooks": ("jupyterlab",),
    "notation": ("verovio",),
    "listening": ("librosa", "mir_eval"),
    "fast paths": ("numba",),
    "marking": ("nbval", "jinja2", "psutil"),
}
_INSTALL = "pip install "
_SOUND = "pip install --no-deps tinysoundfont"


@dataclass(frozen=True)
class Finding:
    """One line of a report: what was looked at, what was found, and what mends it (nothing where all is well)."""

    name: str
    found: str
    mend: str = ""


@dataclass(frozen=True, repr=False)
class Report:
    """What ``doctor`` found; its text fits one screen.

    Examples
    --------
    >>> Report((Finding("sound", "tinysoundfont"), Finding("notation", "no verovio", "pip install verovio")))
    musiclab ...
      ok       sound     tinysoundfont
      missing  notation  no verovio
    To mend it: pip install verovio
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is missing."""
        return not any(finding.mend for finding in self.findings)

    @property
    def command(self) -> str:
        """The one command that brings what is missing; packages of several findings are installed together."""
        mends = dict.fromkeys(finding.mend for finding in self.findings if finding.mend)
        packages = [mend.removeprefix(_INSTALL) for mend in mends if mend.startswith(_INSTALL) and mend != _SOUND]
        others = [mend for mend in mends if not mend.startswith(_INSTALL) or mend == _SOUND]
        return " && ".join([_INSTALL + " ".join(packages)] * bool(packages) + others)

    def __repr__(self) -> str:
        width = max((len(finding.name) for finding in self.findings), default=0)
        lines = [f"  {'missing' if f.mend else 'ok':7}  {f.name:{width}}  {f.found}" for f in self.findings]
        end = "Everything works." if self.ok else f"To mend it: {self.command}"
        return "\n".join([f"musiclab {__version__}", *lines, end])


def doctor() -> Report:
    """Return a report of what works here: packages, device, sound, notation, data; its text says how to mend the rest.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> [finding.name for finding in doctor().findings][:4]
    ['Python', 'packages', 'torch', 'sound']
    """
    colab = "google.colab" in sys.modules  # has notebooks of its own
    optional = [_installed(*need) for need in _BY_NEED.items() if not (colab and need[0] == "notebooks")]
    return Report((_python(), _packages(), _torch(), _sound(), *optional, _corpora(), _models()))


def _python() -> Finding:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("Python", f"{platform.python_version()} on {machine}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _packages() -> Finding:
    """Compare what musiclab's own metadata asks for with what is installed."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in requires("musiclab") if "extra ==" not in line]
    except PackageNotFoundError:
        return Finding("packages", "musiclab itself is not installed, only found in this folder", "pip install -e .")
    bad = [r for r in wanted if not (v := _version(r.name)) or not r.specifier.contains(v, prereleases=True)]
    if bad:
        found = ", ".join(f"{r.name} {_version(r.name) or 'not installed'}" for r in bad)
        return Finding("packages", found, "pip install " + " ".join(f"'{r.name}{r.specifier}'" for r in bad))
    shown = ("numpy", "music21", "symusic", "matplotlib", "ipywidgets", "anywidget")
    named = ", ".join(f"{name} {_version(name)}" for name in shown)
    return Finding("packages", f"all {len(wanted)}: {named}, ...")


def _torch() -> Finding:
    try:
        import torch

        from musiclab.training import pick_device
    except (ImportError, OSError) as error:
        return Finding("torch", f"does not start: {error}", "pip install torch")
    device = pick_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    return Finding("torch", f"{torch.__version__}, models run on {device.type} ({name})")


def _sound() -> Finding:
    first, *others = synthesizers()
    found = f"{first} plays" + (f"; also here: {', '.join(others)}" if others else "")
    return Finding("sound", found, _SOUND if first == "sines" else "")


def _installed(need: str, names: tuple[str, ...]) -> Finding:
    missing = [name for name in names if _version(name) is None]
    if missing:
        return Finding(need, f"no {', no '.join(missing)}", "pip install " + " ".join(missing))
    return Finding(need, ", ".join(f"{name} {_version(name)}" for name in names))


def _corpora() -> Finding:
    from musiclab.datasets.cache import cache_folder

    folder = str(cache_folder())
    cached = sorted({path.stem.split("-music21-")[0] for path in Path(folder).glob("*.npz")})
    held = ", ".join(cached) if cached else "no corpus yet; each is read once, when first loaded"
    return Finding("corpora", f"{held} (in {folder.replace(str(Path.home()), '~', 1)})")


def _models() -> Finding:
    from musiclab.datasets.cache import data_path

    folder = data_path("models")
    names = ", ".join(sorted(path.parent.name for path in folder.glob("*/config.json")))
    return Finding("models", names or f"none in {folder}", "" if names else "make weights")
