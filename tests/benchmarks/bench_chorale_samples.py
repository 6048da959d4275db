"""How well a chorale model samples: rules, keys, ranges and endings, each beside Bach's own.

``python tests/benchmarks/bench_chorale_samples.py [--models NAME ...] [--n 200] [--sweep 40]`` prints the tables; so
does ``make bench``, with ``MUSICLAB_BENCH_N`` samples (200). A model is sampled at the setting on its card, without the
rules that the card recommends and with them.
The chorales are read from music21's corpus; no other data.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

import musiclab as ml
from musiclab.features.keys import find_key
from musiclab.generation import write_batch
from musiclab.metrics.rules import RANGES, out_of_range, sounding_pitches, voice_leading
from musiclab.sampling import Sampler
from musiclab.tokenizers.base import EOS

MODELS = ("chorale-gru", "chorale-transformer")
SWEEP = [Sampler(temperature=t, min_p=p) for t in (0.8, 0.9, 1.0) for p in (0.0, 0.05, 0.1, 0.15)]
BATCH, MAX_IDS = 50, 4096
SCALES = np.array([[(pitch - tonic) % 12 in (0, 2, 4, 5, 7, 9, 11) for pitch in range(12)] for tonic in range(12)])
CAPTION = """\
Mean over scores and 90 % interval over scores (1,000 bootstrap draws). Bach: load_chorales(), canonical split.
  parallels       fifths and octaves between any two parts that move in one direction, on a grid of 16ths
  scale           share of notes in the best of the 24 major and natural minor scales
  tonic ending    at the last step that sounds, the bass has the tonic of the key found (Aarden-Essen, whole score), and
                  the other parts only its triad; in minor a major third counts too
  repeated        steps in stretches of 16 or more that all parts sang before, notes struck again or not
  out of range    {ranges}
  ends by itself  before {max_ids} ids"""


def sample(model, tok, sampler: Sampler, n: int, rules: Sequence[str] = ()) -> list[tuple[ml.Score, bool]]:
    """Return n scores of one setting, seeds 0 to n - 1, and whether the model ended each."""
    pairs = []
    for seed in range(0, n, BATCH):
        first = replace(sampler, seed=seed)
        written = write_batch(model, tok, min(BATCH, n - seed), first, "cpu", rules=rules, max_ids=MAX_IDS)
        pairs += [(writing.score(), writing.ids[-1] == EOS) for writing in written]
    return pairs


def measure(score: ml.Score, ended: bool = True) -> dict[str, tuple[float, float]]:
    """Return (numerator, denominator) of each figure; a set's figure is the sum of one over that of the other."""
    grid, found = sounding_pitches(score), voice_leading(score)
    count = {name: len(rows) for name, rows in found.places.items()}
    histogram = np.bincount(score.notes["pitch"] % 12, minlength=12)
    outside = out_of_range(grid).any(axis=0)
    return {
        "parallels a chorale": (found.parallels, 1),
        "  chorales without, %": (100 * (found.parallels == 0), 1),
        "  fifths, of 100 moving pairs": (100 * count["parallel_fifths"], found.chances["parallel_fifths"]),
        "  octaves, of 100 moving pairs": (100 * count["parallel_octaves"], found.chances["parallel_octaves"]),
        "hidden, outer parts, a chorale": (count["hidden_fifths"] + count["hidden_octaves"], 1),
        **{f"{name}, %": (100 * count[name], found.chances[name]) for name in ("crossing", "spacing", "overlap")},
        "scale consistency": (float((SCALES @ histogram).max() / histogram.sum()), 1),
        "out of range, % of steps": (100 * count["out_of_range"], found.chances["out_of_range"]),
        "  chorales with any, %": (100 * outside.any(), 1),
        "tonic ending, %": (100 * ends_on_tonic(score, grid), 1),
        "found key is the signature's, %": (100 * (find_key(score)[1:] == score.keys[0][1:]), 1),
        "bars": (score.n_bars, 1),
        "repeated, % of steps": (100 * repeated(grid).sum(), len(grid)),
        "ends by itself, %": (100 * ended, 1),
    }


def repeated(grid: np.ndarray, shortest: int = 16) -> np.ndarray:
    """Return which steps lie in a stretch, ``shortest`` or longer, that sounded whole beats earlier, (steps,)."""
    found = np.zeros(len(grid), dtype=bool)
    for lag in range(shortest, len(grid), 4):
        same = np.concatenate([[False], (grid[lag:] == grid[:-lag]).all(axis=1), [False]])
        first, stop = np.flatnonzero(np.diff(same.astype(int)) > 0), np.flatnonzero(np.diff(same.astype(int)) < 0)
        for i, j in zip(first, stop, strict=True):
            found[lag + i : lag + j] |= j - i >= shortest
    return found


def ends_on_tonic(score: ml.Score, grid: np.ndarray) -> bool:
    """Return whether the last sonority is the tonic triad of the key found, its root in the bass."""
    key = find_key(score)
    tonic = (7 * key.fifths + (9 if key.mode == "minor" else 0)) % 12
    last = grid[np.flatnonzero((grid >= 0).any(axis=1))[-1]]
    triad = {0, 7, 4} if key.mode == "major" else {0, 7, 3, 4}
    return bool(
        last[3] >= 0 and last[3] % 12 == tonic and {(p - tonic) % 12 for p in last[last >= 0].tolist()} <= triad
    )


def summary(figures: list[dict]) -> dict[str, tuple[float, float, float]]:
    """Return each figure over a set, with the ends of its 90 % interval."""
    draws = np.random.default_rng(0).integers(len(figures), size=(1000, len(figures)))
    table = {}
    for name in figures[0]:
        top, bottom = np.array([row[name] for row in figures], dtype=float).T
        low, high = np.quantile(top[draws].sum(axis=1) / bottom[draws].sum(axis=1), [0.05, 0.95])
        table[name] = (top.sum() / bottom.sum(), low, high)
    return table


def main(names: Sequence[str] = MODELS, n: int = 200, n_sweep: int = 40) -> dict:
    """Print the tables and return the columns of the first."""
    torch.set_num_threads(1)
    models = {name: ml.load_pretrained(name, device="cpu") for name in names}
    chorales = ml.load_chorales()
    columns = {
        f"{name}{', rules' if rules else ''}": [
            measure(*pair) for pair in sample(*both, recommended(both[0]), n, rules)
        ]
        for name, both in models.items()
        for rules in ((), both[0].card["rules"])
    }
    for name in ("valid", "test", "train"):
        tok = models[names[0]][1]
        columns[f"Bach, {name}"] = [measure(tok.project(score)) for score in getattr(chorales, name)]
    tables = {name: summary(figures) for name, figures in columns.items()}
    ranges = ", ".join(f"{part} {low}-{high}" for part, (low, high) in zip("SATB", RANGES, strict=True))
    print("\n" + CAPTION.format(ranges=ranges, max_ids=MAX_IDS))
    for name, (model, _) in models.items():
        print(f"{name}, {n} samples: {recommended(model)}; rules: {', '.join(model.card['rules'])}")
    _print_table(tables)
    for name, both in models.items() if n_sweep else ():
        print(f"\n{name}, {n_sweep} samples a setting")
        swept = {f"T {s.temperature} m {s.min_p}": sample(*both, s, n_sweep) for s in SWEEP}
        _print_table({key: summary([measure(*pair) for pair in pairs]) for key, pairs in swept.items()}, wide=False)
    return tables


def recommended(model) -> Sampler:
    """Return the setting that the model's card recommends."""
    return Sampler(**model.card["sampler"])


def _print_table(tables: dict, wide: bool = True) -> None:
    if wide:
        print(f"{'':32}" + "".join(f"{name:>28}" for name in tables))
        for row in next(iter(tables.values())):
            cells = [f"{'{:.3f} ({:.3f}-{:.3f})'.format(*table[row]):>28}" for table in tables.values()]
            print(f"{row:32}" + "".join(cells))
        return
    print(f"{'':32}" + "".join(f"{name:>13}" for name in tables))
    for row in next(iter(tables.values())):
        print(f"{row:32}" + "".join(f"{table[row][0]:13.3f}" for table in tables.values()))


def test_samples_beside_bach() -> None:
    n = int(os.environ.get("MUSICLAB_BENCH_N", "200"))
    main(n=n, n_sweep=min(40, n))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--sweep", type=int, default=40, help="samples a setting; 0 for none")
    given = parser.parse_args()
    main(given.models, given.n, given.sweep)
