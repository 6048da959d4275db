"""A folder of files as ids on disk: written by many processes, read through memory maps without loading it."""

import io
import json
import os
from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from musiclab.errors import require
from musiclab.files import attempt, in_parallel, write_whole
from musiclab.midi import SUFFIXES, FileStatus, read_midi
from musiclab.tokenizers.base import Tokenizer

INDEX = "index.json"
LEAST_FILES, MOST_SHARDS = 16, 512  # small shards to go on from; few enough to keep all mapped


class EncodedCorpus(Sequence):
    """The id arrays of a corpus on disk, in the order of its files; its repr says what could not be read.

    Item ``i`` is a read-only array of shape (n,) that lies on disk until it is used: BOS, the words of one score, EOS.
    The class with a folder that :func:`encode_corpus` has filled opens it again, without reading the ids.

    Attributes
    ----------
    folder : Path
    config : dict
        Of the tokenizer, for ``load_tokenizer``.
    table : list of FileStatus
        ``(file, status, reason)`` of each file; status is ``"read"``, with what was dropped, or ``"failed"``.

    Raises
    ------
    FileNotFoundError
        If there is no such corpus, or only a part of it: ``encode_corpus`` called again goes on from there.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        index, rows = json.loads((self.folder / INDEX).read_bytes()), []
        for shard in range(len(index["shards"])):
            rows += [(shard, *row) for row in json.loads(_part(self.folder, shard, "json").read_bytes())]
        self.config = index["tokenizer"]
        self.table = [FileStatus(*row) for _, _, _, *row in rows]
        self.places = [row[:3] for row in rows if row[4] == "read"]  # shard, start, stop
        self._shard = cache(lambda shard: np.load(_part(self.folder, shard, "npy"), mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, i: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        shard, start, stop = self.places[i]
        return self._shard(shard)[start:stop]

    def __reduce__(self) -> tuple:
        return EncodedCorpus, (self.folder,)  # to another process goes the place, not the ids

    @property
    def n_ids(self) -> int:
        """Ids in all."""
        return sum(stop - start for _, start, stop in self.places)

    @property
    def failed(self) -> list[FileStatus]:
        """The rows of the table of files that could not be read."""
        return [row for row in self.table if row.status == "failed"]

    def __repr__(self) -> str:
        head = f"{len(self):,} of {len(self.table):,} files, {self.n_ids:,} ids of {self.config['tokenizer']}"
        return "\n".join([head, *(f"  failed: {row.file}: {row.reason}" for row in self.failed[:10])])


def encode_corpus(
    paths: Iterable[str | os.PathLike], tok: Tokenizer, folder: str | os.PathLike, jobs: int = -1
) -> EncodedCorpus:
    """Return the ids of many files, written to a folder as they are read, so that no corpus is too large.

    MIDI and MusicXML files are read and encoded by ``jobs`` processes. A file that cannot be read or encoded is a row
    of the table, never an error. Broken off, the same call goes on where it was: files are taken to be unchanged, and
    every shard is either whole or not there.

    On several machines the same call runs under another backend of joblib, for which the files and the folder must
    have the same paths everywhere::

        client = dask.distributed.Client("scheduler:8786")
        with joblib.parallel_config("dask"):
            encode_corpus(paths, tok, folder)

    ``ray.util.joblib.register_ray()`` and ``parallel_config("ray")`` do the same on a Ray cluster.

    Parameters
    ----------
    paths : paths of files
        Suffixes .mid, .midi, .kar; .xml, .musicxml, .mxl.
    tok : Tokenizer
    folder : path
        New, or one that the same call began.
    jobs : int
        Processes; -1 for one a core.

    Returns
    -------
    EncodedCorpus
        ``EncodedCorpus(folder)`` gives it again.

    Raises
    ------
    ValueError
        If there are no paths, or the folder holds another corpus.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.midi import write_midi
    >>> from musiclab.score import Score
    >>> from musiclab.tokenizers import Chorale
    >>> with TemporaryDirectory() as folder:
    ...     file = write_midi(Score([(0, 24, 60)]), f"{folder}/one.mid")
    ...     corpus = encode_corpus([file], Chorale(), f"{folder}/ids", jobs=1)
    ...     corpus[0].dtype, len(corpus[0]), EncodedCorpus(f"{folder}/ids").n_ids
    (dtype('uint16'), 21, 21)
    """
    given = f"a list of files, such as Path({str(paths)!r}).rglob('*.mid')"
    require(not isinstance(paths, str | os.PathLike), "paths", given, repr(paths))
    files, folder = [os.fspath(path) for path in paths], Path(folder)
    require(len(files) > 0, "paths", "one file at least", "none")
    n = max(LEAST_FILES, -(-len(files) // MOST_SHARDS))
    shards = [files[first : first + n] for first in range(0, len(files), n)]
    _begin(folder, json.dumps({"tokenizer": tok.config, "shards": shards}).encode())
    todo = [(i, shard) for i, shard in enumerate(shards) if not _part(folder, i, "json").exists()]
    in_parallel(partial(_write_shard, tok, folder), todo, folder.name, jobs)
    return EncodedCorpus(folder)


def _begin(folder: Path, index: bytes) -> None:
    """Write the index, or check that the one there says the same."""
    for unfinished in folder.glob("*.part"):  # of a run that was killed
        unfinished.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / INDEX
    if not path.exists():
        write_whole(path, index)
    require(path.read_bytes() == index, "folder", "new, or begun with the same paths and tokenizer", folder)


def _write_shard(tok: Tokenizer, folder: Path, shard: tuple[int, Sequence[str]]) -> None:
    """Write the ids of some files, then where those of each lie and what became of it."""
    number, files = shard
    outcomes = [attempt(_ids, tok, file) for file in files]
    dtype = np.uint16 if len(tok.vocab) <= 2**16 else np.uint32
    arrays = [np.array(ids or [], dtype=dtype) for ids, *_ in outcomes]
    ends = np.cumsum([0, *map(len, arrays)]).tolist()
    rows = [(*place, file, *told) for place, file, (_, *told) in zip(pairwise(ends), files, outcomes, strict=True)]
    buffer = io.BytesIO()
    np.save(buffer, np.concatenate(arrays))
    write_whole(_part(folder, number, "npy"), buffer.getvalue())
    write_whole(_part(folder, number, "json"), json.dumps(rows).encode())


def _ids(tok: Tokenizer, file: str) -> list[int]:
    from musiclab.notation import read_musicxml

    read = read_midi if Path(file).suffix.lower() in SUFFIXES else read_musicxml
    return tok.sequence(read(file))


def _part(folder: Path, shard: int, suffix: str) -> Path:
    return folder / f"{shard:05d}.{suffix}"
