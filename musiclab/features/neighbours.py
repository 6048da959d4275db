"""What lies near what in a space of features: a map in two dimensions, and whether a thing finds its own variant."""

import numpy as np

from musiclab.errors import require


def project_2d(X: np.ndarray) -> np.ndarray:
    """Return a place on a map for each row, shape (items, 2): near each other what has similar features.

    The plane of most variance (PCA), so that distances are a shadow of the true ones. Columns are standardised first; a
    column that says nothing, or is nan somewhere, is left out.

    Parameters
    ----------
    X : ndarray, shape (items, features)

    References
    ----------
    Pearson (1901), On lines and planes of closest fit.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> places = project_2d(np.array([[0.0, 1.0, 5.0], [1.0, 0.0, 5.0], [2.0, 2.0, 5.0]]))
    >>> places.shape, bool(np.allclose(places.mean(axis=0), 0))
    ((3, 2), True)
    """
    from sklearn.decomposition import PCA

    X = np.asarray(X, dtype=float)
    X = X[:, np.isfinite(X).all(axis=0) & (np.ptp(X, axis=0) > 0)]
    return PCA(2).fit_transform((X - X.mean(axis=0)) / X.std(axis=0))


def reciprocal_ranks(queries: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Return 1 / the rank at which each query finds the item of its own row, by cosine, shape (n,): 1 if first.

    Their mean is the mean reciprocal rank. Queries made by transposing or stretching the items say how little a
    feature minds that. Items exactly as near as the right one are ranked before it.

    Parameters
    ----------
    queries, items : ndarray, shape (n, features)

    References
    ----------
    Voorhees (1999), The TREC-8 question answering track report.

    Notes
    -----
    Notebook: 06_features.

    Examples
    --------
    >>> items = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> reciprocal_ranks(np.array([[2.0, 0.0], [1.0, 0.5], [1.0, 1.1]]), items).round(2).tolist()
    [1.0, 0.33, 1.0]
    """
    require(np.shape(queries) == np.shape(items), "queries", f"of shape {np.shape(items)}", np.shape(queries))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (np.asarray(queries), np.asarray(items))]
    alike = unit[0] @ unit[1].T
    return 1 / (alike >= alike.diagonal()[:, None] - 1e-12).sum(axis=1)
