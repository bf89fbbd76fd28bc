"""Separation in logistic regression: beside a linear program, on cases with a known answer, and as a warning."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning

from curvature import _core
from curvature._inference import inference_of, warn_of_separation

PARAMS: dict[str, Any] = {
    "alpha": 0.0, "l1_ratio": 0.0, "fit_intercept": True, "tol": 1e-8, "max_iter": 100, "solver": "newton", "seed": 0,
    "n_jobs": 1,
}  # fmt: skip


def fitted(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, **params: Any
) -> tuple[Any, dict[str, Any]]:
    """The arguments of a fit, and its answer."""
    X, y = np.ascontiguousarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    given = (X, [y], weights, _core.named_loss("logistic", {}), {**PARAMS, **params})
    return given, _core.linear_fit(*given)


def separation(X: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, **params: Any) -> dict[str, Any] | None:
    given, fit = fitted(X, y, weights, **params)
    return _core.linear_separation(*given, fit["weights"].ravel(), fit["intercepts"], fit["gap"], fit["objective"])


def separable_rows(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rows that some direction moves to their side while it moves none to the other, by a linear program."""
    Z = np.where(y == 1, 1.0, -1.0)[:, None] * np.column_stack([np.ones(len(y)), X])
    n, p = Z.shape  # most sum of u with 0 <= u <= 1 and u <= Z r, whose rows are the separable ones
    found = linprog(
        np.r_[np.zeros(p), -np.ones(n)],
        np.block([[-Z, np.eye(n)]]),
        np.zeros(n),
        bounds=[(None, None)] * p + [(0, 1)] * n,
    )
    assert found.status == 0
    return np.flatnonzero(found.x[p:] > 0.5)


tables = st.integers(1, 4).flatmap(
    lambda p: st.lists(
        st.tuples(st.lists(st.integers(-2, 2), min_size=p, max_size=p), st.booleans()), min_size=4, max_size=25
    )
)


@settings(max_examples=300, deadline=None)
@given(tables)
def test_agrees_with_a_linear_program(table: list[tuple[list[int], bool]]) -> None:
    """Small whole numbers: none, quasi-complete and complete separation all occur, dependent columns too."""
    X = np.array([row for row, _ in table], dtype=np.float64)
    y = np.array([label for _, label in table], dtype=np.float64)
    expected = separable_rows(X, y)
    found = separation(X, y)
    assert (found is not None) == (len(expected) > 0)
    if found is not None:
        assert set(found["rows"]) <= set(expected)
        assert found["complete"] == (len(found["rows"]) == len(y))
        gains = np.where(y == 1, 1.0, -1.0) * (X @ found["direction"] + found["intercept"])
        assert gains.min() >= -1e-7 * gains.max()
        assert (gains[found["rows"]] > 0).all()


def overlapping(n: int, p: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(np.float64)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_level_with_one_class_only(scale: float, solver: str) -> None:
    """A rare indicator whose rows are all of class 1: its column and its rows are found, whatever its unit."""
    X, y = overlapping(2000, 5, seed=0)
    rare = np.zeros(2000)
    rare[[5, 70, 800]] = scale
    y[[5, 70, 800]] = 1
    found = separation(np.column_stack([X, rare]), y, solver=solver)
    assert found is not None
    assert not found["complete"]
    assert found["rows"].tolist() == [5, 70, 800]
    assert found["columns"].tolist() == [5]
    y[70] = 0
    assert separation(np.column_stack([X, rare]), y, solver=solver) is None


def test_two_levels_and_a_combination_of_columns() -> None:
    """The directions of several columns at once, one of them a difference of columns that overlap on their own."""
    X, y = overlapping(3000, 4, seed=1)
    difference = np.zeros(3000)
    difference[:40] = np.where(y[:40] == 1, 1.0, -1.0) * np.random.default_rng(2).uniform(1, 2, 40)
    level = np.zeros(3000)
    level[-30:] = 1
    y[-30:] = 0
    found = separation(np.column_stack([X, X[:, 0] + difference, level]), y)
    assert found is not None
    assert set(found["rows"]) == {*range(40), *range(2970, 3000)}
    assert found["columns"].tolist() == [0, 4, 5]


def test_rows_predicted_with_confidence_are_no_separation() -> None:
    """Probabilities of 1 - 1e-13 in a fit that has its optimum; penalised fits always have one."""
    X, y = load_breast_cancer(return_X_y=True)
    given, fit = fitted(X[:, :5], y)
    f = X[:, :5] @ fit["weights"][0] + fit["intercepts"][0]
    assert np.abs(f).max() > 30
    assert separation(X[:, :5], y) is None
    assert separable_rows((X[:, :5] - X[:, :5].mean(axis=0)) / X[:, :5].std(axis=0), y).size == 0


def test_complete_separation_of_many_columns() -> None:
    """More columns than rows; rows of weight 0 do not exist."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(40, 60)), (rng.random(40) < 0.5).astype(np.float64)
    found = separation(X, y, solver="lbfgs")
    assert found is not None
    assert found["complete"]
    x = np.arange(20.0)[:, None]
    y = (x[:, 0] > 9).astype(np.float64)
    y[3] = 1
    assert separation(x, y) is None
    weights = np.ones(20)
    weights[3] = 0
    found = separation(x, y, weights)
    assert found is not None
    assert 3 not in found["rows"]
    assert len(found["rows"]) == 19


def test_the_warning_says_rows_and_columns() -> None:
    """And what to do; nothing is said where there is an optimum. Inference notes it too."""
    X, y = overlapping(500, 2, seed=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not told(X, y)
    X[:, 1] = 0
    X[[3, 9], 1] = 1
    y[[3, 9]] = 1
    with pytest.warns(
        ConvergenceWarning, match=r"quasi-completely separated: b can predict 2 rows \(3, 9\).*add alpha"
    ):
        assert told(X, y)
    given, fit = fitted(X, y)
    found = inference_of(*given, fit["weights"], fit["intercepts"], kind="model")
    assert found.separated
    assert "classes are separated" in str(found)
    y = (X[:, 0] > 0).astype(np.float64)
    with pytest.warns(ConvergenceWarning, match="completely separated: a, b can predict all rows|completely .*: a can"):
        assert told(X, y)


def told(X: np.ndarray, y: np.ndarray) -> bool:
    given, fit = fitted(X, y)
    told = {"gap": fit["gap"], "objective": fit["objective"], "feature_names": ["a", "b"]}
    return warn_of_separation(*given, fit["weights"], fit["intercepts"], **told)
