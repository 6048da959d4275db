"""Rules as masks: what a rule costs in nats a bar, how often it would be broken without it, and whether it ever is.

``python tests/benchmarks/bench_rules.py [--n 500] [--bars 4]`` prints the table, a line a rule; so does ``make bench``,
with ``MUSICLAB_BENCH_N`` samples (40). Breaches are looked for in the score that is decoded, not where masks are made.
"""

import argparse
import os

import torch

import musiclab as ml
from musiclab.generation import Writing, write_batch
from musiclab.metrics.rules import as_rule, find_broken
from musiclab.sampling import Sampler
from musiclab.tokenizers.base import EOS

BATCH = 50
VOICES = ["parallel_fifths", "parallel_octaves", "crossing", "spacing", "overlap", "out_of_range"]
METRE, PLAN = "no_syncopation", ["C", "Am", "F", "G"]


def rule_sets(tune: ml.Score) -> dict[str, list]:
    """Return each rule alone, and sets that pull in different directions, the first rule having precedence."""
    single = [*VOICES, "in_key", METRE, ml.max_leap(7), "cadence", ml.chord_plan(PLAN), ml.given_notes(tune)]
    c_major, leap = ml.in_key("C major"), ml.max_leap(9)
    return {as_rule(rule).name: [rule] for rule in single} | {
        "a plan under all": ["out_of_range", ml.chord_plan(PLAN), c_major, *VOICES[:4], leap, METRE, "cadence"],
        "a tune under all": [ml.given_notes(tune), "out_of_range", *VOICES[:4], "in_key", leap, "cadence"],
    }  # fmt: skip


def breaches(writing: Writing, rules: list, backed_off: set) -> tuple[int, int]:
    """Return how many breaches the written score has, and how many of them no draw of the step reported."""
    score, found, silent = writing.score(), 0, 0
    for rule in map(as_rule, rules):
        steps = find_broken(score, rule)[:, 0].tolist()
        found += len(steps)
        silent += sum((step, rule.name) not in backed_off for step in steps)
    return found, silent


def back_offs(writing: Writing) -> list[tuple[int, str]]:
    """Return the step and rule of each back-off; an ending is of the step before it."""
    return [
        ((i - 3 - (draw.id == EOS)) // 4, name) for i, draw in enumerate(writing.draws) for name in draw.backed_off
    ]  # fmt: skip


def written(model, tok, rules: list, n: int, n_bars: int):
    """Yield n writings, seeds 0 to n - 1."""
    for seed in range(0, n, BATCH):
        size, sampler = min(BATCH, n - seed), Sampler(seed=seed)
        yield from write_batch(model, tok, size, sampler, "cpu", n_bars=n_bars, rules=rules)


def soprano(n_bars: int) -> ml.Score:
    """Return the beginning of the tune Vom Himmel hoch."""
    tune = ml.load_example("bwv248.17").part("Soprano")
    return tune.bars(0, n_bars + (tune.pickup > 0))


def main(n: int = 500, n_bars: int = 4) -> dict[str, tuple]:
    """Print the table and return its rows."""
    torch.set_num_threads(1)
    model, tok = ml.load_pretrained("chorale-transformer", device="cpu")
    free, rows = list(written(model, tok, [], n, n_bars)), {}
    print(
        f"chorale-transformer, {n} samples of at most {n_bars} bars, temperature 1, seeds from 0; precedence as listed"
    )
    print(f"{'rules':<18}{'broken without':>15}{'with':>6}{'silently':>10}{'back-offs':>11}{'nats a bar':>12}")
    for name, rules in rule_sets(soprano(n_bars)).items():
        without = sum(breaches(writing, rules, set())[0] for writing in free)
        found = silent = back = bars = 0
        paid = dict.fromkeys([as_rule(rule).name for rule in rules], 0.0)
        for writing in written(model, tok, rules, n, n_bars):
            reported = back_offs(writing)
            here = breaches(writing, rules, set(reported))
            found, silent, back = found + here[0], silent + here[1], back + len(reported)
            bars += writing.score().n_bars
            for draw in writing.draws:
                paid = {rule: nats + draw.paid[rule] for rule, nats in paid.items()}
        rows[name] = (without, found, silent, back, sum(paid.values()) / bars)
        print(f"{name:<18}{without:15,}{found:6,}{silent:10,}{back:11,}{rows[name][-1]:12.3f}", flush=True)
        if len(rules) > 1:
            print("  " + ", ".join(f"{rule} {nats / bars:.3f}" for rule, nats in paid.items()), flush=True)
    return rows


def test_what_rules_cost() -> None:
    rows = main(n=int(os.environ.get("MUSICLAB_BENCH_N", "40")), n_bars=2)
    for name, (_, found, silent, back, _) in rows.items():
        assert silent == 0, name
        assert found == back == 0 or "under all" in name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--bars", type=int, default=4)
    given = parser.parse_args()
    main(given.n, given.bars)
