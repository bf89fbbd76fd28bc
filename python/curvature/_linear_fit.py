"""One objective of a linear model, and its solution by the core."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._linear_columns import LinearColumns
from ._linear_params import LinearParams
from ._tables import Design, read_design
from .losses import Loss

Floats = NDArray[np.float64]
Start = tuple[Floats, Floats]


@dataclass(frozen=True)
class Solution:
    """Where a solver stopped: weights (K, p), intercepts (K,), and how sure it is.

    ``gap`` bounds (F - least F) / |F|, NaN where it is not known; ``advice`` says what to change where it did not
    converge; from ``sgd_state`` another epoch may go on.
    """

    weights: Floats
    intercepts: Floats
    solver: str
    n_iter: int
    gap: float
    objective: float
    converged: bool
    advice: str
    sgd_state: dict[str, Any] | None = None

    @property
    def start(self) -> Start:
        """Where another fit may begin."""
        return self.weights, self.intercepts


@dataclass(frozen=True)
class LinearProblem:
    """``F = sum(w l(y, f)) / sum(w) + alpha sum(factor (l1_ratio |b| + (1 - l1_ratio) b^2 / 2))``, lower <= b <= upper.

    Attributes
    ----------
    table : ndarray or CSR of shape (n, p)
        Rows, finite.
    features : LinearColumns
        What the columns of the table stand for.
    loss, n_classes
        What is minimised, and the classes of its target.
    columns : list of ndarray of shape (n,)
        What the loss reads.
    weights, offsets, penalty_factors, lower, upper
        None (or an empty list) where there are none.
    """

    table: Any
    features: LinearColumns
    loss: Loss
    n_classes: int
    columns: list[Floats]
    weights: Floats | None
    offsets: list[Floats]
    penalty_factors: Floats | None
    lower: Floats | None
    upper: Floats | None

    @cached_property
    def design(self) -> Design:
        """The table as the core reads it."""
        return read_design(self.table)

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return int(self.table.shape[0])

    @property
    def n_features(self) -> int:
        """Columns of the table."""
        return int(self.table.shape[1])

    @property
    def is_straight(self) -> bool:
        """Whether the loss has no curvature but in its kinks."""
        core = self.core_loss()
        return core.leaf_rule in ("quantile", "searched") or core.name in ("hinge", "perceptron")

    def suits_lbfgs(self, values: dict[str, Any]) -> bool:
        """Whether the loss is a formula of straight pieces, at which Newton's method, that goes by h, gets nowhere."""
        exact = self.lower is None and values["alpha"] * values["l1_ratio"] == 0
        return exact and self.core_loss().leaf_rule == "searched"

    def core_loss(self) -> _core.Loss:
        """The loss as the core runs it."""
        return self.loss.core(self.columns, self.n_classes)

    def of_rows(self, rows: NDArray[np.intp]) -> LinearProblem:
        """The same with some of the rows."""
        return replace(
            self,
            table=self.table[rows],
            columns=[column[rows] for column in self.columns],
            weights=None if self.weights is None else self.weights[rows],
            offsets=[offset[rows] for offset in self.offsets],
        )

    def solve(self, params: LinearParams, alpha: float, start: Start | None = None) -> Solution:
        """The least F, from a start if there is one."""
        if params.linear["solver"] == "sgd":
            return self._descend(params, alpha, start)
        found = _core.linear_fit(
            self.design,
            self.columns,
            self.weights,
            self.core_loss(),
            params.with_alpha(alpha),
            penalty_factors=self.penalty_factors,
            lower=self.lower,
            upper=self.upper,
            offsets=self.offsets,
            start=start,
        )
        return Solution(**found)

    def _sgd_start(self, params: LinearParams) -> Start | None:
        """Where descent begins: at 0, or at the best constant for losses with a log link, steep far from it."""
        if self.loss.link.name != "log" or not params.linear["fit_intercept"]:
            return None
        intercepts = self.core_loss().start_scores(self.columns, self.weights, offsets=self.offsets)
        return np.zeros((len(intercepts), self.n_features)), intercepts

    def _descend(self, params: LinearParams, alpha: float, start: Start | None) -> Solution:
        start = start or self._sgd_start(params)
        sgd = _core.SgdFit(params.sgd | params.with_alpha(alpha))
        found = sgd.fit(
            self.design, self.columns, self.weights, self.core_loss(), self.offsets, start, self.penalty_factors
        )
        return self._reached(sgd, params, alpha, found["n_iter"], found["converged"], found["advice"])

    def one_epoch(self, params: LinearParams, state: dict[str, Any] | None, start: Start | None) -> Solution:
        """One epoch of gradient descent, from a state of it or else from a start."""
        values = params.sgd | params.linear
        if state is None:
            n_outputs = self.loss.outputs(self.n_classes)
            weights, intercepts = (
                start or self._sgd_start(params) or (np.zeros((n_outputs, self.n_features)), np.zeros(n_outputs))
            )
            state = _core.SgdFit(values).state() | {
                "n_outputs": n_outputs,
                "n_columns": self.n_features,
                "weights": np.concatenate([weights.ravel(), intercepts]),
            }
        sgd = _core.SgdFit.from_state(values, state)
        sgd.partial_fit(self.design, self.columns, self.weights, self.core_loss(), self.offsets, self.penalty_factors)
        return self._reached(sgd, params, params.linear["alpha"], sgd.state()["epochs"])

    def _reached(
        self,
        sgd: _core.SgdFit,
        params: LinearParams,
        alpha: float,
        n_iter: int,
        converged: bool = True,
        advice: str = "",
    ) -> Solution:
        weights, intercepts = sgd.coefficients()
        objective = self.mean_loss(weights, intercepts, params.n_jobs) + self._penalty(weights, params, alpha)
        return Solution(weights, intercepts, "sgd", n_iter, np.nan, objective, converged, advice, sgd.state())

    def _penalty(self, weights: Floats, params: LinearParams, alpha: float) -> float:
        factors = 1.0 if self.penalty_factors is None else self.penalty_factors
        share = params.linear["l1_ratio"]
        l1, l2 = alpha * share * factors, alpha * (1 - share) * factors
        with np.errstate(over="ignore"):  # a penalty beyond all numbers is infinite
            return float((l1 * np.abs(weights) + l2 / 2 * weights * weights).sum())

    def mean_loss(self, weights: Floats, intercepts: Floats, n_jobs: int) -> float:
        """``sum(w l(y, f)) / sum(w)`` of these coefficients, without the penalty."""
        scores = np.zeros((self.n_rows, len(intercepts)))
        _core.LinearModel.from_arrays(weights, intercepts).add_scores(self.design, scores, n_jobs)
        for output, offset in enumerate(self.offsets):
            scores[:, output] += offset
        losses = self.core_loss().values(self.columns, [np.ascontiguousarray(column) for column in scores.T])
        if self.weights is not None:
            losses[self.weights == 0] = 0.0  # it may be infinite, and does not count
        return float(np.average(losses, weights=self.weights))
