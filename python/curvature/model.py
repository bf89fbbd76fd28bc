"""A fitted model: predicts, saves and loads; needs NumPy and the core only."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._links import Link
from ._model_file import pack_model, unpack_model
from ._threads import thread_count
from .losses import Loss

Scores = NDArray[np.float64]


class Model:
    """A sum of trees with its schema; immutable, and safe to use from several threads at once.

    Made by an estimator's ``fit`` (its ``model_``) or by `load`. A row has K raw scores, one an output of the loss:
    ``start_scores[k]`` and the leaf values of the trees ``k, k + K, k + 2K, …``, added in that order. The response is
    the inverse link of the scores.

    Parameters
    ----------
    forest : _core.Forest
        The trees.
    start_scores : ndarray of shape (K,)
        The raw scores before the first tree.
    settings : dict
        The loss, and the parameters that shaped the model (plain JSON values).
    classes : ndarray, optional
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
        start_scores: Scores,
        settings: dict[str, Any],
        classes: NDArray[Any] | None = None,
        feature_names: NDArray[Any] | None = None,
    ) -> None:
        self.forest = forest
        self.start_scores = start_scores
        self.settings = settings
        self.classes = classes
        self.feature_names = feature_names
        self._link: Link = self.loss.link

    @property
    def loss(self) -> Loss:
        """The loss that the model was fitted by; one that was a formula is a formula still."""
        return Loss.from_dict(self.settings["loss"])

    @property
    def has_probabilities(self) -> bool:
        """Whether `predict_proba` answers: a classifier whose scores are linked to probabilities."""
        return self.classes is not None and self._link.gives_probabilities

    @property
    def n_features(self) -> int:
        """Number of columns of the tables that the model takes."""
        return self.forest.n_features

    @property
    def n_outputs(self) -> int:
        """Raw scores a row has."""
        return self.forest.n_outputs

    @property
    def n_trees(self) -> int:
        """Number of trees: one a round and output."""
        return self.forest.n_trees

    @property
    def n_rounds(self) -> int:
        """Number of rounds."""
        return self.forest.n_trees // self.n_outputs

    def __repr__(self) -> str:
        kind = "regression" if self.classes is None else f"classification into {self.classes.tolist()}"
        return f"Model({kind}, loss={self.loss.name!r}, {self.n_trees} trees, {self.n_features} features)"

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
        ndarray of shape (n,), or (n, n_outputs) where there are several, float64

        Raises
        ------
        ValueError
            Another number of columns than in training, other names, or a dtype that is not numeric.
        """
        table = self._table(X)
        scores = np.tile(self.start_scores, (table.shape[0], 1))
        self.forest.add_scores(table, 0, self.n_trees, scores, thread_count(n_jobs))
        return self._flat(scores)

    def predict(self, X: ArrayLike, *, n_jobs: int | None = None) -> NDArray[Any]:
        """Responses of a regression (the inverse link of the scores), or class labels.

        The label is that of the greatest score; of two classes with one score, the second where it is positive.
        """
        return self._answer(self.decision_function(X, n_jobs=n_jobs))

    def predict_proba(self, X: ArrayLike, *, n_jobs: int | None = None) -> Scores:
        """Class probabilities, shape (n, n_classes), columns in the order of `classes`: the inverse link of the scores.

        Raises
        ------
        ValueError
            The model is of a regression, or its loss has no link to probabilities (hinge losses).
        """
        return self._probabilities(self.decision_function(X, n_jobs=n_jobs))

    def apply(self, X: ArrayLike, *, n_jobs: int | None = None) -> NDArray[np.int32]:
        """Leaf of every row in every tree: the node's index within its tree.

        Shape (n, n_rounds), or (n, n_rounds, n_outputs) where there are several outputs.
        """
        leaves = self.forest.apply(self._table(X), thread_count(n_jobs))
        return leaves if self.n_outputs == 1 else leaves.reshape(len(leaves), -1, self.n_outputs)

    def staged_decision_function(self, X: ArrayLike, *, n_jobs: int | None = None) -> Iterator[Scores]:
        """Raw scores after the first round, the first two, and so on: `n_rounds` arrays as of `decision_function`."""
        table = self._table(X)
        threads = thread_count(n_jobs)
        scores = np.tile(self.start_scores, (table.shape[0], 1))
        for tree in range(0, self.n_trees, self.n_outputs):
            self.forest.add_scores(table, tree, tree + self.n_outputs, scores, threads)
            yield self._flat(scores.copy())

    def staged_predict(self, X: ArrayLike, *, n_jobs: int | None = None) -> Iterator[NDArray[Any]]:
        """`predict` after the first round, the first two, and so on."""
        return (self._answer(scores) for scores in self.staged_decision_function(X, n_jobs=n_jobs))

    def staged_predict_proba(self, X: ArrayLike, *, n_jobs: int | None = None) -> Iterator[Scores]:
        """`predict_proba` after the first round, the first two, and so on."""
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
        return pack_model(self.forest, self.start_scores, self.settings, self.classes, self.feature_names)

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
        if self.classes is None:
            return self._link.response(scores)
        chosen = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        labels: NDArray[Any] = self.classes[chosen]
        return labels

    def _probabilities(self, scores: Scores) -> Scores:
        if self.classes is None:
            raise ValueError("predict_proba needs a classifier; this model is a regression.")
        if not self._link.gives_probabilities:
            raise ValueError(
                f"predict_proba needs a loss whose scores are linked to probabilities; loss={self.loss.name!r} has "
                f"link={self._link.name!r}."
            )
        p = self._link.response(scores)
        return p if p.ndim == 2 else np.column_stack([1.0 - p, p])

    def _flat(self, scores: Scores) -> Scores:
        return scores[:, 0] if self.n_outputs == 1 else scores


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
