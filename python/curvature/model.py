"""A fitted model: predicts, saves and loads; needs NumPy and the core only."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._model_file import pack_model, unpack_model
from ._threads import thread_count

Scores = NDArray[np.float64]


class Model:
    """A sum of trees with its schema; immutable, and safe to use from several threads at once.

    Made by an estimator's ``fit`` (its ``model_``) or by `load`. The raw score of a row is
    ``start_score + sum of its leaf values, tree by tree``; the response is the inverse link of the score.

    Parameters
    ----------
    forest : _core.Forest
        The trees.
    start_score : float
        The raw score before the first tree.
    settings : dict
        The loss, and the parameters that shaped the model (plain JSON values).
    classes : ndarray of shape (2,), optional
        Labels of a classifier, in the order of the columns of `predict_proba`.
    feature_names : ndarray of str of shape (n_features,), optional
        Names of the columns, where the training table had names.

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = cv.BoostedTreesRegressor(n_estimators=10).fit(X, y).model_
    >>> model.predict(X).shape
    (442,)
    """

    def __init__(
        self,
        forest: _core.Forest,
        start_score: float,
        settings: dict[str, Any],
        classes: NDArray[Any] | None = None,
        feature_names: NDArray[Any] | None = None,
    ) -> None:
        self.forest = forest
        self.start_score = start_score
        self.settings = settings
        self.classes = classes
        self.feature_names = feature_names

    @property
    def n_features(self) -> int:
        """Number of columns of the tables that the model takes."""
        return self.forest.n_features

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return self.forest.n_trees

    def __repr__(self) -> str:
        kind = "regression" if self.classes is None else f"classification into {self.classes.tolist()}"
        return f"Model({kind}, loss={self.settings['loss']!r}, {self.n_trees} trees, {self.n_features} features)"

    def decision_function(self, X: ArrayLike, *, n_jobs: int | None = None) -> Scores:
        """Raw scores: the start score and the leaf values, added tree by tree in float64.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            float16/32/64, integers or bool; NaN is missing.
        n_jobs : int or None, default=None
            Threads; None or -1 for all that are available. The result does not depend on it.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        ValueError
            Another number of columns than in training, other names, or a dtype that is not numeric.
        """
        table = self._table(X)
        scores = np.full(table.shape[0], self.start_score)
        self.forest.add_scores(table, 0, self.n_trees, scores, thread_count(n_jobs))
        return scores

    def predict(self, X: ArrayLike, *, n_jobs: int | None = None) -> NDArray[Any]:
        """Predicted values of a regression, or class labels: the second where its probability is above 1/2."""
        return self._answer(self.decision_function(X, n_jobs=n_jobs))

    def predict_proba(self, X: ArrayLike, *, n_jobs: int | None = None) -> Scores:
        """Class probabilities, shape (n, 2), columns in the order of `classes`: 1 - p and p = 1 / (1 + e^-score)."""
        return self._probabilities(self.decision_function(X, n_jobs=n_jobs))

    def apply(self, X: ArrayLike, *, n_jobs: int | None = None) -> NDArray[np.int32]:
        """Leaf of every row in every tree, shape (n, n_trees): the node's index within its tree."""
        return self.forest.apply(self._table(X), thread_count(n_jobs))

    def staged_decision_function(self, X: ArrayLike, *, n_jobs: int | None = None) -> Iterator[Scores]:
        """Raw scores after the first tree, the first two, and so on: n_trees arrays of shape (n,)."""
        table = self._table(X)
        threads = thread_count(n_jobs)
        scores = np.full(table.shape[0], self.start_score)
        for tree in range(self.n_trees):
            self.forest.add_scores(table, tree, tree + 1, scores, threads)
            yield scores.copy()

    def staged_predict(self, X: ArrayLike, *, n_jobs: int | None = None) -> Iterator[NDArray[Any]]:
        """`predict` after the first tree, the first two, and so on."""
        return (self._answer(scores) for scores in self.staged_decision_function(X, n_jobs=n_jobs))

    def staged_predict_proba(self, X: ArrayLike, *, n_jobs: int | None = None) -> Iterator[Scores]:
        """`predict_proba` after the first tree, the first two, and so on."""
        return (self._probabilities(scores) for scores in self.staged_decision_function(X, n_jobs=n_jobs))

    def importances(self, kind: str = "gain") -> Scores:
        """Importance of every feature, shape (n_features,).

        Parameters
        ----------
        kind : {"gain", "split"}, default="gain"
            Total fall of the objective by the feature's splits, or their number.
        """
        if kind not in ("gain", "split"):
            raise ValueError(f"kind={kind!r} must be 'gain' or 'split'.")
        nodes = self.forest.arrays()
        split = nodes["feature"] >= 0
        weights = nodes["gain"][split] if kind == "gain" else None
        return np.bincount(nodes["feature"][split], weights, minlength=self.n_features).astype(np.float64)

    def to_bytes(self) -> bytes:
        """The model as the bytes of a safetensors file: numbers and names, no code."""
        return pack_model(self.forest, self.start_score, self.settings, self.classes, self.feature_names)

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """The model that `to_bytes` wrote.

        Raises
        ------
        ModelFormatError
            The bytes are no whole model. Everything is checked before it is used.
        """
        return cls(*unpack_model(data))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, in full or not at all: a temporary file beside it is renamed at the end."""
        target = os.fspath(path)
        temporary = f"{target}.{uuid.uuid4().hex}.tmp"
        try:
            with open(temporary, "wb") as file:
                file.write(self.to_bytes())
            os.replace(temporary, target)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_bytes, (self.to_bytes(),)

    def _table(self, X: ArrayLike) -> NDArray[Any]:
        names = getattr(X, "columns", None)
        if names is not None and self.feature_names is not None and list(names) != list(self.feature_names):
            raise ValueError(_names_message(list(names), list(self.feature_names)))
        if hasattr(X, "toarray"):
            raise TypeError("X is a sparse matrix; this version takes dense tables only: pass X.toarray().")
        table = np.asarray(X)
        if table.dtype == object:  # a frame with nullable columns, or None among numbers
            as_numpy = getattr(X, "to_numpy", None)
            try:
                table = as_numpy(np.float64, na_value=np.nan) if as_numpy else table.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise ValueError(f"X must hold numbers: {error}") from error
        if table.ndim != 2:
            raise ValueError(f"X must have 2 dimensions (rows, features), got shape {table.shape}.")
        return table

    def _answer(self, scores: Scores) -> NDArray[Any]:
        return scores if self.classes is None else self.classes[(scores > 0).astype(np.intp)]

    def _probabilities(self, scores: Scores) -> Scores:
        if self.classes is None:
            raise ValueError("predict_proba needs a classifier; this model is a regression.")
        e = np.exp(-np.abs(scores))  # never overflows
        p = np.where(scores < 0, e, 1.0) / (1.0 + e)
        return np.column_stack([1.0 - p, p])


def _names_message(given: list[Any], expected: list[Any]) -> str:
    missing = [name for name in expected if name not in given]
    extra = [name for name in given if name not in expected]
    if not missing and not extra:
        return f"X has its columns in another order than in training; expected {expected}."
    return f"X has other columns than in training: missing {missing}, not known {extra}."


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model that `Model.save` or an estimator's ``save`` wrote.

    Raises
    ------
    ModelFormatError
        The file is no whole model.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import curvature as cv, tempfile, os
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> est = cv.BoostedTreesRegressor(n_estimators=5).fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> est.save(path)
    >>> bool((cv.load(path).predict(X) == est.predict(X)).all())
    True
    """
    with open(path, "rb") as file:
        return Model.from_bytes(file.read())
