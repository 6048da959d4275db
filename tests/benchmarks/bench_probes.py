"""What a trained chorale model holds, beside descriptors, counts and the same network untrained.

``python tests/benchmarks/bench_probes.py`` prints the tables; so does ``make bench``. Some minutes.
"""

import sys

from musiclab.probes import probe
from tests.probing_tasks import ask_of_keys, ask_of_lines, ask_of_quarters

MODEL = "jsb-benchmark"  # told no key, no bar line and no onset


def tables(asked, labels):
    """Print a table for each layer of the model."""
    others = {name: asked.get(name) for name in ("descriptors", "sequences")}
    for layer, (trained, untrained) in enumerate(zip(asked["trained"], asked["untrained"], strict=True), start=1):
        table = probe(trained, asked[labels], asked["pieces"], random_network=untrained, **others)
        print(f"\n{labels}, layer {layer} of {MODEL}\n{table}")
        for other in ("descriptors", "random network"):
            print("  more than {}: {:+.3f} ({:+.3f} to {:+.3f})".format(other, *table.margin(other)))
        sys.stdout.flush()


def main(every: int = 2) -> None:
    """Print all tables, of each ``every``-th chorale."""
    quarters = ask_of_quarters(MODEL, every)
    tables(quarters, "beat")
    tables(quarters, "fermata")
    tables(ask_of_lines(MODEL, every), "part")
    tables(ask_of_keys(MODEL, every), "key")


def test_tables() -> None:
    main()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
