"""The chorale benchmark as scores, and its forgeries, for tests that compare with figures measured on it."""

import pytest

from musiclab.datasets.jsb import load_jsb
from musiclab.errors import MissingData
from musiclab.metrics.fakes import make_fakes
from musiclab.tokenizers import ChoraleGrid


@pytest.fixture(scope="session")
def jsb():
    """Train, valid and test as lists of scores, and six forgeries of test, as the benchmark's grid would say them."""
    tok = ChoraleGrid()
    try:
        corpus = load_jsb()
    except MissingData as error:
        pytest.skip(f"needs the chorale benchmark: {error}")
    splits = {
        name: [tok.decode(tok.from_grid(g)) for g in getattr(corpus, name)] for name in ("train", "valid", "test")
    }
    fakes = make_fakes(splits["test"], splits["train"])
    return splits | {name: [tok.project(score) for score in scores] for name, scores in fakes.items()}
