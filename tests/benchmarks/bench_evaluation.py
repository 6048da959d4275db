"""Evaluation: how long originality takes beside a suffix automaton, what it says of Bach and of copies, and what the
shipped model of the JSB Chorales betrays of its training set.

``MUSICLAB_DATA=folder python tests/benchmarks/bench_evaluation.py`` prints the tables; so does ``make bench``.
"""

import os
import statistics
import time

import numpy as np
import pytest
import torch

import musiclab as ml
from musiclab.metrics.fakes import make_fakes
from musiclab.metrics.originality import OriginalityIndex, read_words
from tests.metrics.test_originality import LINES, VOICES, SuffixAutomaton, jsb, words_of

ROUNDS, EXTRACTED = 3, 20


def cpu(job) -> float:
    """Return the CPU time of a job in seconds, the median of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        job()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def times(train: list, test: list) -> str:
    """Return what building and asking cost, for the index and for a suffix automaton on the same words."""
    index, keys = OriginalityIndex(train), [*range(4), "harmony"]
    streams = [[word for i, score in enumerate(train) for word in (i, *words_of(score, key))] for key in keys]
    automata = [SuffixAutomaton(stream) for stream in streams]
    queries = [(automata[i], words_of(score, key)) for i, key in enumerate(keys) for score in test]
    build = cpu(lambda: OriginalityIndex(train)), cpu(lambda: [*map(SuffixAutomaton, streams)])
    read, match = cpu(lambda: [*map(read_words, test)]), cpu(lambda: [*map(index.match, test)])
    ask = cpu(lambda: [list(automaton.longest(words)) for automaton, words in queries])
    ms = 1e3 / len(test)
    return (
        f"{len(train)} chorales, {sum(map(len, streams)):,} words: index built in {build[0]:.2f} s; a match takes "
        f"{ms * match:.2f} ms (mean of {len(test)}), of which {ms * read:.2f} ms to read the words.\n"
        f"A suffix automaton in Python, the words already read: built in {build[1]:.2f} s, {ms * ask:.2f} ms a match."
    )


def longest_matches(sets: dict[str, list], index: OriginalityIndex) -> str:
    """Return median / 95 % / maximum of the longest runs, and mean coverage."""
    rows = [f"{'longest run':<12}" + "".join(f"{line:>22}" for line in LINES)]
    for name, scores in sets.items():
        found, cells = [index.match(score) for score in scores], []
        for line in LINES:
            middle, high, most = np.percentile([match.longest[line] for match in found], (50, 95, 100))
            share = np.mean([match.coverage(line) for match in found])
            cells.append(f"{middle:.0f} / {high:.0f} / {most:.0f}, {share:.3f}")
        rows.append(f"{name:<12}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(rows)


def memory(train: list, test: list) -> str:
    """Return what the shipped model betrays."""
    model, tok = ml.load_pretrained("jsb-benchmark", device="cpu")
    member, other = (ml.nll(model, tok, scores) for scores in (train, test))
    auc = ml.membership_auc(member.nll / member.quarters, other.nll / other.quarters)
    steps = [ml.extract(model, tok, scores[:EXTRACTED]) for scores in (train, test)]
    told = [f"median {np.nanmedian(s):.0f}, most {np.nanmax(s):.0f}" for s in steps]
    return (
        f"jsb-benchmark: {member.per('quarters'):.3f} nats per quarter on train, {other.per('quarters'):.3f} on test, "
        f"membership AUC {auc:.3f}; of 64 16ths after two bars come back: train {told[0]}; test {told[1]}"
    )


def report(sets: dict[str, list]) -> str:
    """Return what the report card says of held-out Bach, and how long it takes."""
    begin = time.process_time()
    card = ml.evaluate(sets["test"], sets["valid"], sets["train"])
    return f"report card of {len(sets['test'])} chorales in {time.process_time() - begin:.1f} s\n{card}"


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    train, valid, test = (jsb()[name] for name in ("train", "valid", "test"))
    print(f"\nCPU time of one thread, median of {ROUNDS} rounds; {', '.join(VOICES)} and harmony.")
    print(times(train, test))
    sets = {"test": test, "valid": valid, **make_fakes(test, train), "train": train}
    print(longest_matches(sets, OriginalityIndex(train)))
    print(memory(train, test))
    print(report(sets))


def test_tables() -> None:
    if "MUSICLAB_DATA" not in os.environ:
        pytest.skip("MUSICLAB_DATA is not set: no chorales to compare")
    main()


if __name__ == "__main__":
    main()
