"""Folk tunes from the corpus that music21 installs: one line each, all tunes of one title in the same split."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from musiclab.datasets.cache import cached_scores, data_path
from musiclab.datasets.card import MUSIC21_FOLDER, MUSIC21_NOTE, Corpus
from musiclab.errors import require
from musiclab.files import attempt, in_parallel
from musiclab.score import Score

# +CEG+, a chord in ABC 1.6, which music21 would read as notes one after the other.
_OLD_CHORD = re.compile(r"(?m)^(?![A-Za-z]:).*\+[^+\n]*[A-Ga-g][^+\n]*\+")
# By name: title, folder in music21's corpus, a pattern of file names and, where the source states one, the licence.
SETS: dict[str, dict[str, str]] = json.loads(data_path("folk_tunes.json").read_text(encoding="utf-8"))
LICENCE = f"none stated in the files. {MUSIC21_NOTE}"


def load_folk_tunes(name: str = "hornpipes") -> Corpus:
    """Return folk tunes, each a score of one part, in a train, valid and test split of 80, 10 and 10 %.

    They are read from the corpus inside the music21 package, with no network: once with all cores (seconds for the
    default set, minutes for the others), from the user's cache afterwards. Repeats are not played out, grace notes
    left out. A tune's title decides its split, so settings of one tune stay together.

    Parameters
    ----------
    name : "hornpipes", "oneills", "oneills-complete", "ryan" or "essen"
        Which collection: the hornpipes of O'Neill's Music of Ireland; its jigs, reels and hornpipes; all of it; Ryan's
        Mammoth Collection; the Essen Folksong Collection.

    Raises
    ------
    ValueError
        If there is no such collection.
    """
    require(name in SETS, "name", f"one of {list(SETS)}", repr(name))
    chosen = SETS[name]
    tunes = list(_tunes(chosen))
    scores = cached_scores(name, lambda: filter(None, in_parallel(_read_tune, tunes, f"reading {name}")))
    return Corpus(
        {split: [s for s in scores if _split(s.title) == split] for split in ("train", "valid", "test")},
        name=chosen["title"],
        origin=MUSIC21_FOLDER + chosen["folder"],
        licence=chosen.get("licence", LICENCE),
        remarks=(f"{len(tunes) - len(scores)} of {len(tunes)} tunes left out: several notes at once, or unreadable.",),
    )


def _tunes(chosen: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (where from, ABC text) of each tune."""
    for path in sorted((_corpus_folder() / chosen["folder"]).glob("*.abc")):
        if re.match(chosen["files"], path.name):
            for text in re.split(r"(?m)^(?=X:)", path.read_text(encoding="utf-8", errors="replace"))[1:]:
                yield f"music21 corpus, {chosen['folder']}/{path.name} X:{text[2:].split(maxsplit=1)[0]}", text


def _corpus_folder() -> Path:
    return Path(find_spec("music21").origin).parent / "corpus"


def _read_tune(tune: tuple[str, str]) -> Score | None:
    """Return the tune, or None where it is not one line of notes."""
    from musiclab.notation import read_abc

    source, text = tune
    tunes, *_ = attempt(read_abc, text)
    score = tunes[0] if tunes and len(tunes) == 1 and not _OLD_CHORD.search(text) else Score([])
    one_line = len(score.parts) == 1 and (score.end[:-1] <= score.notes["onset"][1:]).all()
    return replace(score, source=source) if len(score) and one_line else None


def _split(title: str) -> str:
    """Return the split of a title, drawn from its words so that it never changes when tunes are added."""
    words = re.sub(r"\W+", " ", title.casefold()).strip()
    draw = int(sha256(f"musiclab {words}".encode()).hexdigest(), 16) % 10
    return {0: "valid", 1: "test"}.get(draw, "train")
