"""Files: written whole or not at all, and many read one by one, as far as they can be."""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def write_whole(path: str | os.PathLike, data: bytes) -> Path:
    """Write a file under a temporary name, rename it when it is whole, and return its path.

    Raises
    ------
    FileNotFoundError
        If its folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/a.txt", b"all of it").read_bytes()
    b'all of it'
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def attempt(read: Callable[..., Any], *given: Any) -> tuple[Any, str, str]:
    """Return what a reader returns, ``"read"`` and its warnings, or None, ``"failed"`` and its error: it never raises.

    Examples
    --------
    >>> attempt(int, "7"), attempt(int, "seven")
    ((7, 'read', ''), (None, 'failed', "ValueError: invalid literal for int() with base 10: 'seven'"))
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return read(*given), "read", "; ".join(str(w.message) for w in caught)
        except Exception as error:  # whatever is wrong with one file of a million, the others go on
            return None, "failed", f"{type(error).__name__}: {error}"


def in_parallel(function: Callable, items: Sequence, label: str, jobs: int = -1) -> list:
    """Return the function's results in order, from ``jobs`` processes (-1: one a core) under a progress bar."""
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    results = Parallel(n_jobs=jobs, return_as="generator")(delayed(function)(item) for item in items)
    return list(tqdm(results, total=len(items), desc=label, leave=False))
