"""A model of trees: its scores, leaves, stages and importances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._dataset import Dataset
from ._model_file import StoredModel, check_of_classes, check_seed, require
from ._schema import UNKNOWN, Schema
from ._schema_file import pack_schema, schema_tensors, unpack_schema
from ._sparse_tables import check_absent
from ._threads import thread_count
from .losses import Loss
from .model import Model, Scores

_TREES = {
    "tree_begin": np.int64,
    "feature": np.int32,
    "threshold": np.float64,
    "set": np.int32,
    "set_begin": np.int64,
    "set_words": np.uint32,
    "left": np.int32,
    "missing_left": np.uint8,
    "value": np.float64,
    "gain": np.float64,
    "cover": np.float64,
}
# Parameters that the core does not know.
_OF_PYTHON = {"absent", "categorical_features", "grow_policy", "random_state", "unknown"}


class TreesModel(Model):
    """A sum of trees with its schema.

    The raw scores of a row are ``start_scores[k]`` and the leaf values of the trees ``k, k + K, k + 2K, …``, added in
    that order.

    Parameters
    ----------
    forest : _core.Forest
        The trees.
    start_scores : ndarray of shape (K,)
        The raw scores before the first tree.
    settings, classes
        As of `Model`; the settings tell also whether an offset was given at the fit.
    schema : Schema
        Names, kinds and levels of the features.

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = cv.BoostedTreesRegressor(n_estimators=10).fit(X, y).model_
    >>> model.n_trees, model.apply(X).shape
    (10, (442, 10))
    """

    kind = "trees"

    def __init__(
        self,
        forest: _core.Forest,
        start_scores: Scores,
        settings: dict[str, Any],
        classes: NDArray[Any] | None = None,
        schema: Schema | None = None,
    ) -> None:
        self.schema = Schema(forest.n_features) if schema is None else schema
        super().__init__(settings, classes, self.schema.names)
        self.forest = forest
        self.start_scores = start_scores
        plain = not self.schema.has_levels and not settings["offset"]
        # Raw scores of a few rows of plain numbers without a table; None of all else.
        self._few_rows = _core.row_scorer(forest, start_scores) if plain else _nothing

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

    def decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> Scores:
        """Raw scores: the start score, the offset and the leaf values, added tree by tree in float64.

        Parameters
        ----------
        X : frame or array-like of shape (n, n_features)
            In any container, not only that of the training table: pandas, polars, pyarrow and whatever else has the
            Arrow PyCapsule interface, a dictionary of arrays, a structured array, an array of numbers, a sparse matrix.
            NaN is missing.
        offset : number or array-like of shape (n,) or (n, n_outputs), optional
            Added to the raw scores. A model that was fitted with an offset wants one.
        exposure : number or array-like of shape (n,) or (n, n_outputs), optional
            An offset as its exponential, where the link is the log; with an offset, both count.
        n_jobs : int or None, default=None
            Threads; None or -1 for all that are available. The result does not depend on it.

        Returns
        -------
        ndarray of shape (n,), or (n, n_outputs) where there are several, float64

        Raises
        ------
        ValueError
            Other columns than in training, a column that cannot be what it was in training, or no offset.

        Warns
        -----
        UnknownLevelWarning
            Cells whose level was not in training; with ``unknown="error"`` a ValueError.
        """
        if offset is None and exposure is None and (few := self._few_rows(X)) is not None:
            if n_jobs is not None:
                thread_count(n_jobs)  # for its errors
            return few
        table = self._table(X)
        scores = self._first_scores(table, offset, exposure)
        self.forest.add_scores(table, 0, self.n_trees, scores, thread_count(n_jobs))
        return self._flat(scores)

    def apply(self, X: ArrayLike, *, n_jobs: int | None = None) -> NDArray[np.int32]:
        """Leaf of every row in every tree: the node's index within its tree.

        Shape (n, n_rounds), or (n, n_rounds, n_outputs) where there are several outputs.
        """
        leaves = self.forest.apply(self._table(X), thread_count(n_jobs))
        return leaves if self.n_outputs == 1 else leaves.reshape(len(leaves), -1, self.n_outputs)

    def staged_decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> Iterator[Scores]:
        """Raw scores after the first round, the first two, and so on: `n_rounds` arrays as of `decision_function`."""
        table = self._table(X)
        return self._stages(table, self._first_scores(table, offset, exposure), thread_count(n_jobs))

    def staged_predict(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> Iterator[NDArray[Any]]:
        """`predict` after the first round, the first two, and so on."""
        return map(self._answer, self.staged_decision_function(X, offset=offset, exposure=exposure, n_jobs=n_jobs))

    def staged_predict_proba(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> Iterator[Scores]:
        """`predict_proba` after the first round, the first two, and so on."""
        stages = self.staged_decision_function(X, offset=offset, exposure=exposure, n_jobs=n_jobs)
        return map(self._probabilities, stages)

    def _first_scores(self, table: _core.Table, offset: Any, exposure: Any) -> Scores:
        """Scores before the first tree: as at the fit, the offset comes first."""
        scores = np.empty((table.n_rows, self.n_outputs))
        scores[:] = self.start_scores
        for output, column in enumerate(self._offsets(offset, exposure, table.n_rows)):
            scores[:, output] += column
        return scores

    def _stages(self, table: _core.Table, scores: Scores, threads: int) -> Iterator[Scores]:
        for tree in range(0, self.n_trees, self.n_outputs):
            self.forest.add_scores(table, tree, tree + self.n_outputs, scores, threads)
            yield self._flat(scores.copy())

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

    def _size(self) -> str:
        return f"{self.n_trees} trees, {self.n_features} features"

    def _table(self, X: Any) -> _core.Table:
        if isinstance(X, _core.Table):  # an estimator has read it
            return X
        if isinstance(X, Dataset):
            return X.table(self.schema, self.forest)
        parameters = self.settings["parameters"]
        return self.schema.table(X, parameters["unknown"], parameters["absent"])

    def _tensors(self) -> dict[str, NDArray[Any]]:
        tensors = {f"trees.{name}": array for name, array in self.forest.arrays().items()}
        return tensors | pack_schema(self.schema) | {"start_scores": np.ascontiguousarray(self.start_scores)}

    @classmethod
    def _of_stored(cls, stored: StoredModel) -> TreesModel:
        stored.require_tensors({f"trees.{name}" for name in _TREES} | {"start_scores"} | schema_tensors(stored))
        trees = {name: stored.array(f"trees.{name}", dtype) for name, dtype in _TREES.items()}
        start_scores = stored.finite("start_scores")
        n_outputs = len(start_scores)
        require(n_outputs >= 1, "the model's start_scores must be one number or more.")
        classes, schema = stored.classes(n_outputs), unpack_schema(stored)
        _check_settings(stored.settings, None if classes is None else len(classes), n_outputs)
        forest = _core.Forest.from_arrays(stored.n_features, n_outputs, trees)
        _check_splits(trees["feature"], trees["set"] >= 0, schema)
        return cls(forest, start_scores, stored.settings, classes, schema)


def _nothing(X: Any) -> None:
    """What answers for `_core.row_scorer` where there are levels or offsets."""


def _check_splits(features: NDArray[np.int32], by_set: NDArray[np.bool_], schema: Schema) -> None:
    for feature in np.unique(features[by_set]).tolist():
        require(schema.features[feature].is_category, f"the model splits column {feature} by levels: it has none.")
    for feature in np.unique(features[(features >= 0) & ~by_set]).tolist():
        require(not schema.features[feature].is_category, f"the model splits the category {feature} as numbers.")


def _check_settings(settings: dict[str, Any], n_classes: int | None, n_outputs: int) -> None:
    require(type(settings["offset"]) is bool, f"the model's offset={settings['offset']!r} must be true or false.")
    parameters = dict(settings["parameters"])
    loss = Loss.from_dict(settings["loss"])
    require(
        loss.outputs(n_classes or 0) == n_outputs,
        f"the model's loss={loss.name!r} has not one output for each of {n_outputs} start scores.",
    )
    check_of_classes(parameters, n_classes)
    known = {row["name"] for row in _core.parameter_table()} | _OF_PYTHON
    require(known == set(parameters), f"the model's parameters are {sorted(parameters)}, not {sorted(known)}.")
    unknown, categories = parameters.pop("unknown"), parameters.pop("categorical_features")
    check_absent(parameters.pop("absent"))
    require(unknown in UNKNOWN, f"the model's unknown={unknown!r} must be one of {UNKNOWN}.")
    require(categories in ("auto", "listed"), f"the model's categorical_features={categories!r} is not known.")
    seed = parameters.pop("random_state")
    check_seed(seed)
    _core.check_params(parameters | {"seed": seed, "n_jobs": 1})
