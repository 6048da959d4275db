"""The canonical JSB Chorales: the file that published figures are measured on, as arrays on a grid of 16ths."""

import json
import os
from hashlib import sha256
from pathlib import Path

import numpy as np

from musiclab.datasets.cache import cache_folder, data_path
from musiclab.datasets.card import Corpus
from musiclab.errors import MissingData, require

_NAME = "Jsb16thSeparated.json"


def load_jsb(path: str | os.PathLike | None = None) -> Corpus:
    """Return the canonical JSB Chorales as int arrays of shape (T, 4): a MIDI pitch per 16th and part, -1 for a rest.

    Parts run soprano, alto, tenor, bass. Held and repeated notes look the same; there are no bar lines. The unit of
    figures on this set is nats per (frame, voice): one frame is a row, one voice a column.

    Parameters
    ----------
    path : path, optional
        The file ``Jsb16thSeparated.json``. Left out, it is looked for in ``$MUSICLAB_DATA/jsb`` and in the user's
        cache, and downloaded there (1.7 MB) if it is in neither.

    Raises
    ------
    MissingData
        If it is nowhere and cannot be downloaded; the text is the command that fetches it.
    ValueError
        If the file is not the published one, byte for byte.

    References
    ----------
    Boulanger-Lewandowski, Bengio and Vincent (2012); Huang et al. (2017), Counterpoint by convolution, for the format.
    """
    entry = _entry()
    data = (Path(path) if path else _find(entry)).read_bytes()
    found = sha256(data).hexdigest()
    require(found == entry["sha256"], f"sha256 of {path or _NAME}", entry["sha256"], found)
    splits = json.loads(data)
    return Corpus(
        {name: [np.array(rows, dtype=np.int64) for rows in splits[name]] for name in ("train", "valid", "test")},
        name="JSB Chorales, canonical split, grid of 16ths",
        origin=entry["url"],
        licence=entry["licence"],
        remarks=(
            "Bars, keys and metres: the file has none, nor onsets; a row is a 16th, -1 a rest.",
            "42 of 77 test chorales share their tune with one in train; report both halves.",
        ),
    )


def melody_twins() -> frozenset[int]:
    """Return the test pieces whose tune is also in train: difflib finds four fifths of the soprano's intervals alike.

    Examples
    --------
    >>> len(melody_twins())
    42
    """
    return frozenset(_entry()["melody_twins"])


def _entry() -> dict:
    """Return what the registry knows of the file."""
    return json.loads(data_path("registry.json").read_text(encoding="utf-8"))[_NAME]


def _find(entry: dict) -> Path:
    """Return where the file lies, downloaded first if need be."""
    target = cache_folder() / "jsb"
    for folder in (Path(os.environ.get("MUSICLAB_DATA", target.parent)) / "jsb", target):
        if (folder / _NAME).is_file():
            return folder / _NAME
    import pooch

    try:
        return Path(pooch.retrieve(entry["url"], f"sha256:{entry['sha256']}", fname=_NAME, path=target))
    except OSError as error:  # requests' errors are OSErrors too
        command = f'curl -fL --create-dirs -o "{target / _NAME}" {entry["url"]}'
        raise MissingData(command) from error
