"""A linear model: its coefficients and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._linear_columns import LinearColumns, column_tensors, unpack_columns
from ._linear_params import check_stored_params
from ._model_file import StoredModel, check_of_classes, require
from ._schema import Schema
from ._tables import n_rows_of, require_finite
from ._threads import thread_count
from .losses import Loss
from .model import Model, Scores

CONSTRAINTS = ("lower", "penalty_factors", "upper")


class LinearModel(Model):
    """Weights of K outputs over p columns, ``f_k = x . weights[k] + intercepts[k] + offset_k``, with their schema.

    A feature of numbers is a column; a category has one for each level, 1 in the rows that have it.

    Parameters
    ----------
    coefficients : _core.LinearModel
        Weights and intercepts.
    settings : dict
        As of `Model`; also whether an offset was given at the fit, and whether each class was fitted against the rest.
    classes
        As of `Model`.
    columns : LinearColumns, optional
        What the features of a table become; without, each is a column of numbers.
    constraints : dict of ndarray of shape (n_features,), optional
        Bounds ("lower", "upper") and "penalty_factors" of the fit, where there were any.

    Examples
    --------
    >>> import curvature as cv
    >>> model = cv.LinearRegressor(alpha=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).model_
    >>> model.weights.round(6), model.intercepts.round(6)
    (array([[2.]]), array([1.]))
    >>> model.predict([[10.0]]).round(6)
    array([21.])
    """

    kind = "linear"

    def __init__(
        self,
        coefficients: _core.LinearModel,
        settings: dict[str, Any],
        classes: NDArray[Any] | None = None,
        columns: LinearColumns | None = None,
        constraints: dict[str, NDArray[np.float64]] | None = None,
    ) -> None:
        self.columns = LinearColumns(Schema(coefficients.n_features)) if columns is None else columns
        super().__init__(settings, classes, self.columns.schema.names)
        self.coefficients = coefficients
        self.constraints = constraints or {}

    @property
    def weights(self) -> NDArray[np.float64]:
        """A weight an output and column, shape (n_outputs, n_columns)."""
        return self.coefficients.arrays()["weights"]

    @property
    def intercepts(self) -> NDArray[np.float64]:
        """An intercept an output."""
        return self.coefficients.arrays()["intercepts"]

    @property
    def n_features(self) -> int:
        """Number of columns of the tables that the model takes."""
        return self.columns.schema.n_features

    @property
    def schema(self) -> Schema:
        """Names, kinds and levels of the features."""
        return self.columns.schema

    @property
    def column_names(self) -> list[str]:
        """What each weight belongs to: a feature, ``feature[level]`` of a category, or ``feature[(missing)]``."""
        return self.columns.names

    @property
    def n_outputs(self) -> int:
        """Raw scores a row has."""
        return self.coefficients.n_outputs

    def decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> Scores:
        """Raw scores, ``f_k = x . weights[k] + intercepts[k] + offset_k``.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n, n_features)
            In any container. Missing values are refused where the model has no rule for them, infinities always.
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
            Another number of columns than in training, other names, numbers that are not finite, or no offset.
        """
        threads = thread_count(n_jobs)
        design = self.columns.design(X, self.settings["parameters"]["unknown"], threads)
        n_rows = n_rows_of(design)
        offsets = self._offsets(offset, exposure, n_rows)
        scores = np.zeros((n_rows, self.n_outputs))
        self.coefficients.add_scores(design, scores, threads)
        if not np.isfinite(scores.sum()):  # a number that is not finite shows in the scores: even times 0 it is NaN
            require_finite(design, self.feature_names, threads)
        for output, column in enumerate(offsets):
            scores[:, output] += column
        return self._flat(scores)

    def _probabilities(self, scores: Scores) -> Scores:
        p = super()._probabilities(scores)
        if not self.settings["one_vs_rest"]:
            return p
        total = p.sum(axis=1, keepdims=True)
        even = np.full_like(p, 1.0 / p.shape[1])  # where no class has any probability
        shares: Scores = np.divide(p, total, out=even, where=total > 0)
        return shares

    def _size(self) -> str:
        columns = self.coefficients.n_features
        more = "" if columns == self.n_features else f" in {columns} columns"
        return f"linear, {self.n_features} features{more}"

    def _tensors(self) -> dict[str, NDArray[Any]]:
        constraints = {f"constraints.{name}": own for name, own in self.constraints.items()}
        return self.coefficients.arrays() | self.columns.tensors() | constraints

    @classmethod
    def _of_stored(cls, stored: StoredModel) -> LinearModel:
        settings, p = stored.settings, stored.n_features
        held = [name for name in CONSTRAINTS if f"constraints.{name}" in stored.tensors]
        constrained = {f"constraints.{name}" for name in held}
        stored.require_tensors({"weights", "intercepts"} | constrained | column_tensors(stored))
        columns, intercepts = unpack_columns(stored), stored.finite("intercepts")
        weights = stored.finite("weights", (len(intercepts), columns.n_columns))
        constraints = {name: stored.array(f"constraints.{name}", np.float64, (p,)) for name in held}
        _check_constraints(constraints)
        classes = stored.classes(len(intercepts))
        _check_settings(settings, None if classes is None else len(classes), len(intercepts))
        coefficients = _core.LinearModel.from_arrays(weights, intercepts)
        return cls(coefficients, settings, classes, columns, constraints)


def _check_constraints(constraints: dict[str, NDArray[np.float64]]) -> None:
    require(("lower" in constraints) == ("upper" in constraints), "the model has one of two bounds only.")
    if "lower" in constraints:
        lower, upper = constraints["lower"], constraints["upper"]
        require(bool(((lower <= 0) & (upper >= 0)).all()), "the model's bounds must have 0 between them.")
    if "penalty_factors" in constraints:
        factors = constraints["penalty_factors"]
        require(
            bool((np.isfinite(factors) & (factors >= 0)).all()),
            "the model's penalty_factors must be finite and at least 0.",
        )


def _check_settings(settings: dict[str, Any], n_classes: int | None, n_outputs: int) -> None:
    require(
        set(settings) == {"loss", "offset", "one_vs_rest", "parameters"},
        f"the model's settings are {sorted(settings)}.",
    )
    for name in ("offset", "one_vs_rest"):
        require(type(settings[name]) is bool, f"the model's {name}={settings[name]!r} must be true or false.")
    loss, apart = Loss.from_dict(settings["loss"]), settings["one_vs_rest"]
    expected = (n_classes or 0) if apart else loss.outputs(n_classes or 0)
    require(
        expected == n_outputs and not (apart and (expected < 3 or loss.outputs(2) != 1)),
        f"the model's loss={loss.name!r} has not one output for each of {n_outputs} intercepts.",
    )
    parameters = dict(settings["parameters"])
    check_of_classes(parameters, n_classes)
    check_stored_params(parameters, n_classes is not None)
