"""What lies near what in a space of features: a map in two dimensions, and whether a thing finds its own variant."""

import numpy as np

from musiclab.errors import optional, require


def project_2d(X: np.ndarray, method: str = "pca") -> np.ndarray:
    """Return a place on a map for each row, shape (items, 2): near each other what has similar features.

    Columns are standardised first; a column that says nothing, or is nan somewhere, is left out.

    Parameters
    ----------
    X : ndarray, shape (items, features)
    method : str
        ``"pca"``, the plane of most variance: distances are a shadow of the true ones. ``"umap"``: neighbours stay
        neighbours, and distances between islands mean nothing; needs umap-learn.

    Raises
    ------
    ValueError
        If there is no such method.
    ImportError
        If umap-learn is not installed; the text is the command that installs it.

    References
    ----------
    Pearson (1901), On lines and planes of closest fit; McInnes, Healy and Melville (2018), UMAP.

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

    require(method in ("pca", "umap"), "method", "'pca' or 'umap'", repr(method))
    X = np.asarray(X, dtype=float)
    X = X[:, np.isfinite(X).all(axis=0) & (np.ptp(X, axis=0) > 0)]
    umap = optional("umap", "this map", "pip install umap-learn").UMAP if method == "umap" else None
    found = umap(random_state=0) if umap else PCA(2)
    return found.fit_transform((X - X.mean(axis=0)) / X.std(axis=0))


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
