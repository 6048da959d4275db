"""Where data lies: the project's own folder, the user's cache, and scores kept there as one ``.npz`` a corpus."""

import io
import json
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import numpy as np

from musiclab.files import attempt, write_whole
from musiclab.score import Score

FORMAT = 2  # raise it when the same source would give other scores


def data_path(*names: str) -> Path:
    """Return the path of a file in the project's data folder, in a checkout or in an installed wheel.

    Examples
    --------
    >>> data_path("registry.json").is_file()
    True
    """
    package = Path(__file__).parents[1]
    inside = package / "data"
    return (inside if inside.is_dir() else package.parent / "data").joinpath(*names)


def cache_folder() -> Path:
    """Return the user's cache folder: ``$MUSICLAB_CACHE``, or the platform's place for caches."""
    import pooch

    return Path(os.environ.get("MUSICLAB_CACHE") or pooch.os_cache("musiclab"))


def cached_scores(name: str, build: Callable[[], Iterable[Score]]) -> list[Score]:
    """Return the scores in the cache under this name, built and written first where they are missing or damaged.

    The file's name carries music21's version and the format's, so a new one of either builds anew.
    """
    path = cache_folder() / f"{name}-music21-{version('music21')}-v{FORMAT}.npz"
    scores, *_ = attempt(_read, path)
    if scores is None:
        scores = list(build())
        _, status, reason = attempt(_write, path, scores)
        if status == "failed":
            text = f"{path}: not kept for the next time ({reason}); MUSICLAB_CACHE names another folder"
            warnings.warn(text, stacklevel=3)
    return scores


def _read(path: Path) -> list[Score]:
    with np.load(path) as file:
        tables = np.split(file["notes"], np.cumsum(file["counts"])[:-1])
        metas = json.loads(file["meta"].tobytes())
    return [Score(table, **meta) for table, meta in zip(tables, metas, strict=True)]


def _write(path: Path, scores: Sequence[Score]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    notes, counts = np.concatenate([score.notes for score in scores]), [len(score) for score in scores]
    meta = json.dumps([describe(score) for score in scores]).encode()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, notes=notes, counts=counts, meta=np.frombuffer(meta, dtype=np.uint8))
    write_whole(path, buffer.getvalue())


def describe(score: Score) -> dict:
    """Return all of a score but its notes, in types that JSON knows."""
    return {field.name: getattr(score, field.name) for field in fields(score)[1:]}
