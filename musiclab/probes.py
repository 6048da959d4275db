"""How much can be read off from features, always beside what needs no such features.

A figure alone says little: a network that was never trained gives features too, labels can be uneven, and a simple
count may do as well. So a table of a probe has a row for each of these, and says which were left out.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from sklearn import dummy, linear_model, metrics, model_selection, pipeline, preprocessing
from sklearn.feature_extraction.text import TfidfVectorizer

from musiclab.errors import require

FOLDS, DRAWS = 5, 1000


class Reading(NamedTuple):
    """How well labels were read: the macro-F1, its 95 % interval over pieces and the draws it is from; the share read
    right, the mean of that per class, and with two classes the average precision of the second (else nan)."""

    macro_f1: float
    interval: tuple[float, float]
    draws: np.ndarray
    accuracy: float
    balanced: float
    average_precision: float


class ProbeTable(NamedTuple):
    """What :func:`probe` found; its repr is a table.

    Attributes
    ----------
    title : str
    rows : mapping of str to Reading or None
        None for what was not given to compare with.
    """

    title: str
    rows: Mapping[str, Reading | None]

    def margin(self, other: str) -> tuple[float, float, float]:
        """Return by how much the macro-F1 of the features exceeds another row's, and the 95 % interval over pieces."""
        one, two = self.rows["features"], self.rows[other]
        return one.macro_f1 - two.macro_f1, *np.quantile(one.draws - two.draws, [0.025, 0.975]).tolist()

    def __repr__(self) -> str:
        lines = [self.title, f"  {'':16}macro-F1 (95 %)           right  per class  av. precision"]
        for name, r in self.rows.items():
            numbers = r and "{:.3f} ({:.3f} to {:.3f})  {:7.3f}  {:7.3f}  {:9.3f}".format(r[0], *r[1], *r[3:])
            lines.append(f"  {name:16}{(numbers or 'not given').replace('nan', '')}".rstrip())
        return "\n".join(lines)


def probe(
    X: np.ndarray, y: Sequence, groups: Sequence, *, descriptors: np.ndarray | None = None,
    random_network: np.ndarray | None = None, sequences: Sequence[Sequence] | None = None,
) -> ProbeTable:  # fmt: skip
    """Return how well a linear probe reads labels off features, beside what else could read them.

    A logistic regression (standardised, classes weighed alike) is fitted on four fifths of the pieces and read on the
    rest, five times. Two rows are always there: the most frequent label, and the same probe on shuffled labels, which
    shows how much it can learn by heart. The others need what is to be compared:

    Parameters
    ----------
    X : ndarray, shape (items, features)
        Such as hidden states of a trained model.
    y : sequence, shape (items,)
        A label for each item.
    groups : sequence, shape (items,)
        The piece each item is from; no piece is in training and test at once.
    descriptors, random_network : ndarray, shape (items, any)
        What is counted by hand; and the same features of the same model with fresh weights.
    sequences : sequence of sequences, shape (items,)
        Words, numbers or the like: how often each comes, and each pair in a row, weighed by how rare it is (tf-idf).

    Raises
    ------
    ValueError
        If lengths differ, or there are fewer than five pieces or a single class.

    References
    ----------
    Alain and Bengio (2016), Understanding intermediate layers using linear classifier probes. Hewitt and Liang (2019),
    Designing and interpreting probes with control tasks.

    Notes
    -----
    Notebook: 07_probing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, pieces = np.arange(60) % 2, np.arange(60) // 2
    >>> table = probe(y[:, None] + 0.1 * rng.normal(size=(60, 3)), y, pieces)
    >>> table.rows["features"].accuracy, table.rows["majority"].accuracy, table.rows["descriptors"]
    (1.0, 0.5, None)
    """
    (classes, y), (pieces, groups) = (np.unique(labels, return_inverse=True) for labels in (y, groups))
    for given in (X, groups, descriptors, random_network, sequences):
        items = len(y) if given is None else len(given)
        require(items == len(y), "items", f"{len(y)}, one a label", items)
    require(len(classes) > 1, "y", "of two classes or more", len(classes))
    require(len(pieces) >= FOLDS, "groups", f"at least {FOLDS} pieces", len(pieces))
    how = {"max_iter": 800, "class_weight": "balanced"}
    linear = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(**how))
    counts = TfidfVectorizer(analyzer=lambda words: [*zip(words), *pairwise(words)], sublinear_tf=True)
    ngrams = pipeline.make_pipeline(counts, linear_model.LogisticRegression(C=30, **how))
    readers = {
        "features": (linear, X, y),
        "descriptors": (linear, descriptors, y),
        "n-gram": (ngrams, sequences, y),
        "random network": (linear, random_network, y),
        "shuffled labels": (linear, X, np.random.default_rng(0).permutation(y)),
        "majority": (dummy.DummyClassifier(), X, y),
    }
    folds = [*model_selection.StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(y, y, groups)]
    rows = {name: None if how[1] is None else _reading(*how, groups, folds) for name, how in readers.items()}
    return ProbeTable(f"Probe: {len(y)} items of {len(pieces)} pieces kept apart, {len(classes)} classes", rows)


def _reading(reader: Any, X: Sequence, y: np.ndarray, groups: np.ndarray, folds: list) -> Reading:
    """Return how well labels are read off items whose piece was left out; pieces are drawn again for the interval."""
    chances = np.zeros((len(y), y.max() + 1))
    for train, test in folds:
        reader.fit([X[i] for i in train], y[train])
        chances[np.ix_(test, reader.classes_)] = reader.predict_proba([X[i] for i in test])
    n, k = groups.max() + 1, chances.shape[1]
    tables = np.bincount((groups * k + y) * k + chances.argmax(axis=1), minlength=n * k * k).reshape(n, k, k)
    table = tables.sum(axis=0)  # (true class, class said)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    draws = _macro_f1(np.tensordot(drawn, tables, 1))
    return Reading(
        float(_macro_f1(table)), tuple(np.quantile(draws, [0.025, 0.975]).tolist()), draws,
        float(table.trace() / len(y)), float((table.diagonal() / table.sum(axis=1)).mean()),
        float(metrics.average_precision_score(y, chances[:, 1])) if k == 2 else np.nan,
    )  # fmt: skip


def _macro_f1(tables: np.ndarray) -> np.ndarray:
    """Return the mean F1 of the classes that occur, of tables of true class by class said, shape (..., k, k)."""
    right, both = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(axis=-1) + tables.sum(axis=-2)
    return (2 * right / np.maximum(both, 1)).sum(axis=-1) / (both > 0).sum(axis=-1)
