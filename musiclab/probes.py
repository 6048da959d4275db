"""How much can be read off from features, always beside what needs no such features.

A figure alone says little: a network that was never trained gives features too, labels can be uneven, and a simple
count may do as well. So a table of a probe has a row for each of these, and says which were left out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from musiclab.errors import require
from musiclab.models import NGram
from musiclab.training import token_nll

DRAWS = 1000
ORDER = 4  # of the n-grams


class Reading(NamedTuple):
    """How well labels were read: the macro-F1, its 95 % interval over pieces and the draws it is from; the share read
    right, the mean of that per class, and with two classes the average precision of the second (else nan)."""

    macro_f1: float
    interval: tuple[float, float]
    draws: np.ndarray
    accuracy: float
    balanced: float
    average_precision: float


@dataclass(frozen=True, repr=False)
class ProbeTable:
    """What :func:`probe` found; its repr is a table.

    Attributes
    ----------
    title : str
    rows : mapping of str to Reading or None
        None for what was not given to compare with.
    """

    title: str
    rows: Mapping[str, Reading | None]

    def margin(self, other: str, over: str = "features") -> tuple[float, float, float]:
        """Return by how much one row's macro-F1 exceeds another's, and the 95 % interval of that over pieces."""
        one, two = self.rows[over], self.rows[other]
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
    folds: int = 5, seed: int = 0,
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
        Words, numbers or the like, of which a 4-gram is counted per class.
    folds : int
    seed : int

    Raises
    ------
    ValueError
        If lengths differ, or there are fewer pieces than folds or a single class.

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
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    classes, y = np.unique(np.asarray(y), return_inverse=True)
    pieces, groups = np.unique(np.asarray(groups), return_inverse=True)
    for given in (X, groups, descriptors, random_network, sequences):
        items = len(y) if given is None else len(given)
        require(items == len(y), "items", f"{len(y)}, one a label", items)
    require(len(classes) > 1, "y", "of two classes or more", len(classes))
    require(len(pieces) >= folds, "groups", f"at least {folds} pieces", len(pieces))
    splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(y, y, groups))
    readers = {
        "features": _linear(X),
        "descriptors": _linear(descriptors),
        "n-gram": _ngram(sequences),
        "random network": _linear(random_network),
        "shuffled labels": _linear(X),
        "majority": _fitted(DummyClassifier, X),
    }
    rows = {}
    for name, read in readers.items():
        labels = np.random.default_rng(seed).permutation(y) if name == "shuffled labels" else y
        rows[name] = read and _judge(labels, _read_out(read, labels, splits), groups)
    return ProbeTable(f"Probe: {len(y)} items of {len(pieces)} pieces kept apart, {len(classes)} classes", rows)


Reader = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # train, test, labels of train -> chances


def _read_out(read: Reader, labels: np.ndarray, splits: list) -> np.ndarray:
    """Return the chance of each label for each item, read when its piece was left out, shape (items, classes)."""
    chances = np.zeros((len(labels), labels.max() + 1))
    for train, test in splits:
        chances[np.ix_(test, np.unique(labels[train]))] = read(train, test, labels[train])
    return chances


def _fitted(kind: Callable, X: np.ndarray) -> Reader:
    rows = np.asarray(X)
    return lambda train, test, labels: kind().fit(rows[train], labels).predict_proba(rows[test])


def _linear(X: np.ndarray | None) -> Reader | None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def regression() -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=800, class_weight="balanced"))

    return None if X is None else _fitted(regression, X)


def _ngram(sequences: Sequence[Sequence] | None) -> Reader | None:
    """Return a reader that counts n-grams of each class, and asks under which a sequence is likeliest."""
    if sequences is None:
        return None
    words = {word: i for i, word in enumerate(sorted({word for sequence in sequences for word in sequence}), start=1)}
    ids = [[0, *(words[word] for word in sequence)] for sequence in sequences]

    def read(train: np.ndarray, test: np.ndarray, labels: np.ndarray) -> np.ndarray:
        nats = []
        for label in np.unique(labels):
            model = NGram(len(words) + 1, ORDER)
            model.count([ids[i] for i in train[labels == label]])
            nats.append([n.sum() for n in token_nll(model, [ids[i] for i in test])])
        likelihood = np.exp(np.min(nats, axis=0) - nats).T
        return likelihood / likelihood.sum(axis=1, keepdims=True)

    return read


def _judge(y: np.ndarray, chances: np.ndarray, groups: np.ndarray) -> Reading:
    """Return how well the likeliest labels fit, pieces drawn again for the interval."""
    from sklearn.metrics import average_precision_score

    n, k = groups.max() + 1, chances.shape[1]
    tables = np.bincount((groups * k + y) * k + chances.argmax(axis=1), minlength=n * k * k).reshape(n, k, k)
    table = tables.sum(axis=0)  # (true class, class said)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    draws = _macro_f1(np.tensordot(drawn, tables, 1))
    return Reading(
        float(_macro_f1(table)), tuple(np.quantile(draws, [0.025, 0.975]).tolist()), draws,
        float(table.trace() / len(y)), float((table.diagonal() / table.sum(axis=1)).mean()),
        float(average_precision_score(y, chances[:, 1])) if k == 2 else math.nan,
    )  # fmt: skip


def _macro_f1(tables: np.ndarray) -> np.ndarray:
    """Return the mean F1 of the classes that occur, of tables of true class by class said, shape (..., k, k)."""
    right, both = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(axis=-1) + tables.sum(axis=-2)
    return (2 * right / np.maximum(both, 1)).sum(axis=-1) / (both > 0).sum(axis=-1)
