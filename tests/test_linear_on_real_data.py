"""Linear models on real tables: objective and held-out loss are no worse than scikit-learn's and glum's.

At the same penalty: scikit-learn's C is 1 / (n alpha). The times of all stand beside (`pytest -rP`). The data's folder
is named by CURVATURE_DATA, or is `shared/data` beside the clone; without it the tests are skipped.
"""

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import logsumexp, xlogy
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge
from test_real_data import DATA

import curvature as cv

pytestmark = pytest.mark.skipif(not (DATA / "index.json").exists(), reason=f"no data in {DATA}")


@dataclass(frozen=True)
class Rows:
    """Numeric columns, or counts of words, and what belongs to them; `offset` is the logarithm of an exposure, or 0."""

    X: Any
    y: np.ndarray
    offset: np.ndarray

    def part(self, where: np.ndarray) -> "Rows":
        return Rows(self.X[where], self.y[where], self.offset[where])


@cache
def load(name: str) -> tuple[Rows, Rows]:
    """The training and the held-out rows of a set, by its own split."""
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("pandas")
    sets = json.loads((DATA / "index.json").read_text(encoding="utf-8"))["sets"]
    record = next(record for record in sets if record["name"] == name)
    table = parquet.read_table(DATA / record["file"])
    side = {record["target"], record["split_column"], record["exposure"], *record["alt_targets"], *record["exclude"]}
    if record["format"] == "sparse_list":
        indices, values = (table.column(column).combine_chunks() for column in ("indices", "values"))
        numbers = (values.flatten().to_numpy(), indices.flatten().to_numpy(), indices.offsets.to_numpy())
        X = sp.csr_array(numbers, shape=(len(table), record["n_columns_sparse"]), dtype=np.float64)
    else:
        numeric = [column for column in table.column_names if column not in side | {*record["categorical"]}]
        X = np.ascontiguousarray(table.select(numeric).to_pandas().to_numpy(dtype=np.float64))
    y = table.column(record["target"]).to_pandas().to_numpy()
    y = np.searchsorted(record["classes"], y) if record["task"] == "multiclass" else y.astype(np.float64)
    exposure = table.column(record["exposure"]).to_numpy() if record["exposure"] else np.ones(len(y))
    rows = Rows(X, y, np.log(exposure))
    train = table.column(record["split_column"]).to_pandas().to_numpy() == "train"
    assert (train.sum(), len(y)) == (record["n_train"], record["n_rows"])
    return rows.part(np.flatnonzero(train)), rows.part(np.flatnonzero(~train))


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "logistic": lambda y, f: np.logaddexp(0, f) - y * f,
    "softmax": lambda y, f: logsumexp(f, axis=1) - f[np.arange(len(y)), y],
    "poisson": lambda y, f: np.exp(f) - y * f,
    "squared": lambda y, f: (y - f) ** 2 / 2,
}


def mean_loss(loss: str, rows: Rows, model: Any) -> float:
    weights, intercepts = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    scores = rows.X @ weights.T + intercepts + rows.offset[:, None]
    return float(LOSSES[loss](rows.y, scores if loss == "softmax" else scores[:, 0]).mean())


def held_out_loss(loss: str, rows: Rows, model: Any) -> float:
    """The mean loss; of Poisson half the mean deviance, which does not shrink beside a constant."""
    least = (rows.y - xlogy(rows.y, rows.y)).mean() if loss == "poisson" else 0.0
    return mean_loss(loss, rows, model) - least


def objective(loss: str, rows: Rows, model: Any, alpha: float, l1_ratio: float) -> float:
    weights = np.asarray(model.coef_)
    penalty = l1_ratio * np.abs(weights).sum() + (1 - l1_ratio) / 2 * (weights**2).sum()
    return mean_loss(loss, rows, model) + alpha * float(penalty)


def poisson_of_sklearn(rows: Rows, alpha: float) -> Any:
    """Rates weighted by exposure: the same objective, divided by the mean exposure."""
    exposure = np.exp(rows.offset)
    params = {"alpha": alpha / exposure.mean(), "solver": "newton-cholesky", "tol": 1e-9, "max_iter": 1000}
    return PoissonRegressor(**params).fit(rows.X, rows.y / exposure, sample_weight=exposure)


def of_glum(family: str) -> Callable[[Rows, float], Any]:
    def fit(rows: Rows, alpha: float) -> Any:
        glum = pytest.importorskip("glum")
        params = {"family": family, "alpha": alpha, "l1_ratio": 0, "gradient_tol": 1e-10, "max_iter": 1000}
        X = sp.csc_array(rows.X) if sp.issparse(rows.X) else rows.X
        return glum.GeneralizedLinearRegressor(**params).fit(X, rows.y, offset=rows.offset)

    return fit


def logistic_of_sklearn(solver: str) -> Callable[[Rows, float], Any]:
    def fit(rows: Rows, alpha: float) -> Any:
        params = {"C": 1 / (len(rows.y) * alpha), "solver": solver, "tol": 1e-8, "max_iter": 1000}
        return LogisticRegression(**params).fit(rows.X, rows.y)

    return fit


def ridge_of_sklearn(rows: Rows, alpha: float) -> Any:
    return Ridge(alpha=alpha * len(rows.y), solver="cholesky").fit(rows.X, rows.y)


def lasso_of_sklearn(rows: Rows, alpha: float) -> Any:
    X = sp.csc_array(rows.X) if sp.issparse(rows.X) else np.asfortranarray(rows.X)
    return Lasso(alpha=alpha, tol=1e-6, max_iter=100_000).fit(X, rows.y)


@dataclass(frozen=True)
class Case:
    name: str
    loss: str
    alpha: float
    rivals: dict[str, Callable[[Rows, float], Any]]
    l1_ratio: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}-{self.loss}-{self.l1_ratio:g}"


NEWTON_CG = {"newton-cg": logistic_of_sklearn("newton-cg")}
CASES = [
    Case("reuters_r8", "softmax", 1e-3, NEWTON_CG),
    Case("movie_reviews", "logistic", 1e-2, NEWTON_CG),
    Case("movie_reviews", "squared", 1e-2, {"Lasso": lasso_of_sklearn}, l1_ratio=1.0),
    Case("adult", "logistic", 1e-4, {"newton-cholesky": logistic_of_sklearn("newton-cholesky"),
                                     "glum": of_glum("binomial")}),
    Case("be_mtpl97", "poisson", 1e-4, {"newton-cholesky": poisson_of_sklearn, "glum": of_glum("poisson")}),
    Case("bike_sharing", "poisson", 1e-3, {"newton-cholesky": poisson_of_sklearn, "glum": of_glum("poisson")}),
    Case("bike_sharing", "squared", 1e-3, {"Ridge": ridge_of_sklearn, "glum": of_glum("normal")}),
    Case("bike_sharing", "squared", 1e-1, {"Lasso": lasso_of_sklearn}, l1_ratio=1.0),
]  # fmt: skip


def ours(case: Case, rows: Rows) -> Any:
    labels = case.loss in ("logistic", "softmax")
    loss = "logistic" if case.loss == "softmax" else case.loss
    params = {"loss": loss, "alpha": case.alpha, "l1_ratio": case.l1_ratio}
    est = (cv.LinearClassifier if labels else cv.LinearRegressor)(**params, tol=1e-9)
    return est.fit(rows.X, rows.y, offset=rows.offset if rows.offset.any() else None)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_worse_than_others_at_the_same_penalty(case: Case) -> None:
    """It converges; F is at most theirs (1e-9 of it), the held-out loss at most 1e-4 above."""
    train, test = load(case.name)
    begin = time.perf_counter()
    est = ours(case, train)  # a ConvergenceWarning is an error here
    seconds = time.perf_counter() - begin
    best = objective(case.loss, train, est, case.alpha, case.l1_ratio)
    held_out = held_out_loss(case.loss, test, est)
    assert est.converged_
    assert est.objective_ == pytest.approx(best, rel=1e-10)
    print(f"{case.name} {train.X.shape} {case.loss}: {est.solver_} {seconds:.2f} s, F {best:.9g}, gap {est.gap_:.1g}")
    print(f"  held-out {held_out:.6g}")
    for name, fit in case.rivals.items():
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            other = fit(train, case.alpha)
        seconds = time.perf_counter() - begin
        theirs = objective(case.loss, train, other, case.alpha, case.l1_ratio)
        loss = held_out_loss(case.loss, test, other)
        print(f"  {name} {seconds:.2f} s, F {theirs / best - 1:+.1e}, held-out {loss:.6g} ({loss / held_out - 1:+.1e})")
        assert best <= theirs + 1e-9 * abs(theirs)
        assert held_out <= loss + 1e-4 * abs(loss)
