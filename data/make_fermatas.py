"""Writes data/fermatas.json: where the soprano of each chorale has a fermata, in ticks, 24 to a quarter."""

import json
import warnings

from musiclab.datasets.cache import data_path
from musiclab.datasets.chorales import split_table
from musiclab.files import in_parallel, write_whole


def fermatas(name):
    """Return the ticks of the notes under a fermata in the first part of a file in music21's folder bach."""
    from music21 import corpus

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = corpus.parse(f"bach/{name}", forceSource=True).parts
    first = next((part for part in parts if (part.partName or "").startswith("Soprano")), parts[0])
    held = [n for n in first.flatten().notes if any("Fermata" in mark.classes for mark in n.expressions)]
    return sorted({round(24 * float(n.offset)) for n in held})


if __name__ == "__main__":
    names = sorted(name for files in split_table()["canonical"].values() for name in files if name)
    ticks = dict(zip(names, in_parallel(fermatas, names, "reading fermatas"), strict=True))
    rows = [f"  {json.dumps(name)}: {json.dumps(found)}" for name, found in ticks.items()]
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    print(write_whole(data_path("fermatas.json"), text.encode()))
