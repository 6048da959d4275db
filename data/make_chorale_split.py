"""Make chorale_split.json from a match of the published split with music21's files.

    python data/make_chorale_split.py jsb_music21_split.json

The match (one entry a chorale: ``music21`` file, ``score``, ``matched``) compared the interval sequences of all four
parts; a chorale counts as found from a mean ratio of .75 on. This script keeps its facts and works out which chorales
share a tune.
"""

import json
import sys
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations

import numpy as np

from musiclab.datasets.cache import data_path
from musiclab.datasets.chorales import parse_chorales
from musiclab.score import Score

TWICE = ("train", 224)  # bwv414.mxl is also valid 74, and stays there alone


def intervals(score: Score) -> str:
    """Return the soprano's steps, repeated notes left out, as a string that difflib reads fast."""
    steps = np.diff(score.part(0).notes["pitch"])
    return "".join(chr(200 + step) for step in steps[steps != 0])


def are_twins(a: str, b: str) -> bool:
    """Return whether two tunes are one: a ratio of .8 in either order, or one run over half the shorter tune."""
    short, long = sorted((a, b), key=len)
    run = len(short) // 2 + 1
    if any(short[i : i + run] in long for i in range(len(short) - run + 1)):
        return True
    orders = (SequenceMatcher(None, a, b, autojunk=False), SequenceMatcher(None, b, a, autojunk=False))
    return orders[0].quick_ratio() >= 0.8 and max(matcher.ratio() for matcher in orders) >= 0.8


def twins(tunes: dict[str, str]) -> list[tuple[str, str]]:
    """Return the pairs of names with the same tune."""
    return [(a, b) for a, b in combinations(tunes, 2) if are_twins(tunes[a], tunes[b])]


def families(names: list[str], pairs: list[tuple[str, str]]) -> list[list[str]]:
    """Return the names in groups connected by pairs."""
    group = {name: [name] for name in names}
    for a, b in pairs:
        if group[a] is not group[b]:
            group[a].extend(group[b])
            group.update(dict.fromkeys(group[b], group[a]))
    return list({id(members): members for members in group.values()}.values())


def tune_disjoint(split: dict[str, str], pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the split in which each family goes where most of it was; on a tie to test, then valid."""
    moved: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for family in families(list(split), pairs):
        was = Counter(split[name] for name in family)
        moved[max(("test", "valid", "train"), key=lambda name: was[name])] += family
    return {name: sorted(members) for name, members in moved.items()}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        match = json.load(file)
    canonical, absent = {}, []
    for part in ("train", "valid", "test"):
        entries = match[part]
        found = [entry["matched"] and (part, i) != TWICE for i, entry in enumerate(entries)]
        names = [entry["music21"].removeprefix("bach/") for entry in entries]
        canonical[part] = [name if ok else None for name, ok in zip(names, found, strict=True)]
        absent += [
            {"split": part, "index": i, "closest": name, "ratio": round(entry["score"], 2)}
            for i, (name, entry) in enumerate(zip(names, entries, strict=True))
            if not entry["matched"]
        ]
    split = {name: part for part, names in canonical.items() for name in names if name}
    scores = parse_chorales(split)
    pairs = twins({name: intervals(score) for name, score in zip(split, scores, strict=True)})
    apart = tune_disjoint(split, pairs)
    leaks = {b for pair in pairs for a, b in (pair, pair[::-1]) if (split[a], split[b]) == ("train", "test")}
    n_test, kept = len(apart["test"]), sum(split[name] == "test" for name in apart["test"])
    table = {
        "about": "Which file of music21's folder bach is which chorale of the published split (in its order; null: "
        "absent), and a second split of the same files by tune. Made by make_chorale_split.py.",
        "origin": "split of Boulanger-Lewandowski et al. (2012), as in github.com/czhuang/JSB-Chorales-dataset at "
        "9a7f733, file Jsb16thSeparated.json; matched to the files by computed similarity",
        "music21": match["music21_version"],
        "absent": absent,
        "twice": {"file": "bwv414.mxl", "left_out": list(TWICE), "kept": ["valid", 74]},
        "remarks": {
            "canonical": [
                f"{len(split)} of the 382 chorales of the published split: {len(absent)} match no file, and bwv414, "
                "which matches two, is in valid alone.",
                f"{len(leaks)} of {sum(s == 'test' for s in split.values())} test chorales share their tune with one "
                "in train; split='tune-disjoint' keeps tunes apart.",
                "A figure on these scores is near one on the published arrays (load_jsb), not equal to it.",
            ],
            "tune-disjoint": [
                "Chorales on one tune (soprano intervals alike to a ratio of .8, or in one run over half the shorter "
                "tune, directly or through others) lie where most of them were in the published split, on a tie in "
                f"test, then valid; {kept} of the {n_test} in test were there.",
            ],
        },
        "canonical": canonical,
        "tune-disjoint": apart,
    }
    text = json.dumps(table, indent=1, ensure_ascii=False)
    data_path("chorale_split.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
