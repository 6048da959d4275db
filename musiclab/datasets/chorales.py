"""Bach's chorales from the corpus that music21 installs, split as published or by tune; two come with the project."""

import json
import warnings
from collections.abc import Iterable
from dataclasses import replace

from musiclab.datasets.cache import cached_scores, data_path
from musiclab.datasets.card import MUSIC21_FOLDER, MUSIC21_NOTE, Corpus
from musiclab.errors import require
from musiclab.files import in_parallel
from musiclab.score import Score, Tempo
from musiclab.tokenizers.chorale import PARTS, TEMPO

EXAMPLES = ("bwv270", "bwv248.17")
LICENCE = f"none of its own. {MUSIC21_NOTE}. The music is in the public domain."


def load_chorales(split: str = "canonical") -> Corpus:
    """Return Bach's chorales as four-part scores in a train, valid and test split.

    They are read from the corpus inside the music21 package, with no network: once with all cores, from the user's
    cache afterwards. Each is as notated (repeats not played out), at 24 ticks per quarter, with the parts Soprano,
    Alto, Tenor and Bass (instruments and a second soprano left out) and 100 quarters per minute.

    Parameters
    ----------
    split : "canonical" or "tune-disjoint"
        ``"canonical"``: the published split, 371 of its 382 chorales; ``data/chorale_split.json`` names the ten that
        no file matches, and bwv414, which matches two, stays in valid alone. Half of its test chorales share their
        tune with one in train. ``"tune-disjoint"``: the same chorales, with all those on one tune in one split.

    Raises
    ------
    ValueError
        If there is no such split.

    References
    ----------
    Boulanger-Lewandowski, Bengio and Vincent (2012), Modeling temporal dependencies in high-dimensional sequences.

    Notes
    -----
    Notebook: 00_hello_music.
    """
    require(split in ("canonical", "tune-disjoint"), "split", "'canonical' or 'tune-disjoint'", repr(split))
    table = split_table()
    names = sorted(name for files in table["canonical"].values() for name in files if name)
    scores = dict(zip(names, cached_scores("chorales", lambda: parse_chorales(names)), strict=True))
    return Corpus(
        {name: [scores[file] for file in files if file] for name, files in table[split].items()},
        name=f"Chorales by J. S. Bach, {split} split",
        origin=f"{MUSIC21_FOLDER}bach; {table['origin']}",
        licence=LICENCE,
        remarks=tuple(table["remarks"][split]),
    )


def split_table() -> dict:
    """Return the committed table of which corpus file is which chorale of the published split."""
    return json.loads(data_path("chorale_split.json").read_text(encoding="utf-8"))


def parse_chorales(names: Iterable[str]) -> list[Score]:
    """Return the chorales in these files of music21's folder bach."""
    return in_parallel(_parse, list(names), "reading chorales")


def _parse(name: str) -> Score:
    from music21 import corpus

    from musiclab.notation import from_music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # three grace notes in all
        score = from_music21(corpus.parse(f"bach/{name}", forceSource=True))
    title = "BWV " + name.removeprefix("bwv").rpartition(".")[0]
    return replace(_four_parts(score), tempos=[Tempo(0, TEMPO)], title=title, source=f"music21 corpus, bach/{name}")


def _four_parts(score: Score) -> Score:
    """Return the four sung parts: the first named for each, or the only four there are."""
    names = [part.name for part in score.parts]
    first = [next((i for i, name in enumerate(names) if name.startswith(part.name)), None) for part in PARTS]
    chosen = range(4) if None in first else first
    rows = score.notes.tolist()
    notes = [(*row, new) for new, old in enumerate(chosen) for *row, part in rows if part == old]
    return replace(score, notes=notes, parts=PARTS)


def load_example(name: str = "bwv270") -> Score:
    """Return one of the chorales that come with the project, both from the canonical test split.

    Parameters
    ----------
    name : "bwv270" or "bwv248.17"
        Befiehl du deine Wege, on the tune of the Passion chorale (B minor), or Schaut hin, dort liegt im finstern
        Stall, on that of Vom Himmel hoch (C major).

    Raises
    ------
    ValueError
        If there is no such example.

    Notes
    -----
    Notebook: 00_hello_music.

    Examples
    --------
    >>> load_example()
    Score('Befiehl du deine Wege, BWV 270', 206 notes, 4 parts, 13 bars of 4/4, 48 quarters)
    """
    require(name in EXAMPLES, "name", f"one of {EXAMPLES}", repr(name))
    return Score(**json.loads(data_path("examples", f"{name}.json").read_text(encoding="utf-8")))
