"""Hostile tables for linear models: each gives a model that says how good it is, or a sentence, never a silent NaN."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import curvature as cv

RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=(N, 3))
Y = X[:, 0] - X[:, 1] + 0.3 * RNG.normal(size=N)
LABELS = (Y > 0).astype(int)
ROWS = sparse.csr_array(np.where(RNG.random(X.shape) < 0.5, X, 0.0))

SOLVERS = ["newton", "newton_cg", "lbfgs", "cd", "sgd"]
solvers = pytest.mark.parametrize("solver", SOLVERS)
both = pytest.mark.parametrize("estimator", [cv.LinearRegressor, cv.LinearClassifier])


def target_of(estimator: type) -> np.ndarray:
    return LABELS if estimator is cv.LinearClassifier else Y


def fit_or_refuse(est: Any, table: Any, y: Any, **given: Any) -> Any:
    """The fitted estimator, or None where it was refused; what it claims is held to what it is."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            est.fit(table, y, **given)
        except ValueError as error:
            assert len(str(error)) > 20 and str(error).strip().endswith((".", "y"))
            return None
        answer = est.predict_proba if hasattr(est, "predict_proba") else est.predict
        answers = answer(table, offset=given.get("offset"))
    assert np.isfinite(est.coef_).all() and np.isfinite(est.intercept_).all()
    assert est.converged_ or warned
    if est.converged_:
        assert np.isfinite(est.objective_) and np.isfinite(answers).all()
    return est


def weights(even: float, odd: float) -> np.ndarray:
    return np.where(np.arange(N) % 2, odd, even)


# A table, and what else differs from (X, Y, LABELS).
HOSTILE: dict[str, tuple[Any, dict[str, Any]]] = {
    "one row": (X[:1], {"y": Y[:1], "labels": LABELS[:1]}),
    "a row a class": (X[:2], {"y": Y[:2], "labels": np.array([0, 1])}),
    "one column": (X[:, :1], {}),
    "constant columns": (np.ones((N, 3)), {}),
    "all zero": (np.zeros((N, 3)), {}),
    "no sparse entry": (sparse.csr_array((N, 3)), {}),
    "the same columns twice": (np.c_[X, X], {}),
    "more columns than rows": (RNG.normal(size=(5, 40)), {"y": Y[:5], "labels": np.array([0, 1, 0, 1, 1])}),
    "a column of 1e300": (np.c_[X, np.full(N, 1e300)], {}),
    "a column of 1e6": (np.c_[X, np.full(N, 1e6)], {}),
    "float32 of 1e38": ((X * 1e38).astype(np.float32), {}),
    "float32 of 1e-40": ((X * 1e-40).astype(np.float32), {}),
    "integers of 2^62": (np.full((N, 3), 2**62), {}),
    "a row of 1e100": (np.r_[X, np.full((1, 3), 1e100)], {"y": np.r_[Y, 1], "labels": np.r_[LABELS, 0]}),
    "a row of 1e20": (np.r_[X, np.full((1, 3), 1e20)], {"y": np.r_[Y, 1], "labels": np.r_[LABELS, 0]}),
    "y constant": (X, {"y": np.full(N, 3.0)}),
    "y zero": (X, {"y": np.zeros(N)}),
    "y of 1e-200": (X, {"y": Y * 1e-200}),
    "y of 1e150": (X, {"y": Y * 1e150}),
    "y of 1e200": (X, {"y": Y * 1e200}),
    "y of 1e308": (X, {"y": np.full(N, 1e308)}),
    "weights 1 and 1e-300": (X, {"sample_weight": weights(1, 1e-300)}),
    "weights 1 and 1e300": (X, {"sample_weight": weights(1, 1e300)}),
    "weights 0 and 1": (X, {"sample_weight": weights(0, 1)}),
    "weights of 1e300": (X, {"sample_weight": weights(1e300, 1e300)}),
    "weights of 1e-300": (X, {"sample_weight": weights(1e-300, 1e-300)}),
    "a weight in one row": (X, {"sample_weight": np.eye(N)[3]}),
    "offsets of 1e5": (X, {"offset": np.full(N, 1e5)}),
    "offsets of 1e300": (X, {"offset": np.full(N, 1e300)}),
    "offsets for the wrong side": (X, {"offset": np.where(LABELS, -1e3, 1e3)}),
    "no penalty, the same columns twice": (np.c_[X, X], {"alpha": 0.0}),
    "no penalty, constant columns": (np.ones((N, 3)), {"alpha": 0.0}),
    "no penalty, more columns than rows": (RNG.normal(size=(5, 40)), {"alpha": 0.0, "y": Y[:5],
                                                                      "labels": np.array([0, 1, 0, 1, 1])}),
    "no penalty, separable": (X, {"alpha": 0.0, "labels": (X[:, 0] > 0).astype(int)}),
    "penalty of 1e300": (X, {"alpha": 1e300}),
    "penalty of 1e-300": (X, {"alpha": 1e-300}),
}  # fmt: skip


def fit_hostile(name: str, loss: str, solver: str, l1_ratio: float = 0.0) -> Any:
    table, others = HOSTILE[name]
    given = {key: others[key] for key in ("sample_weight", "offset") if key in others}
    estimator = cv.LinearClassifier if loss == "logistic" else cv.LinearRegressor
    y = others.get("labels", LABELS) if loss == "logistic" else others.get("y", Y)
    params = {"alpha": others.get("alpha", 1e-4), "l1_ratio": l1_ratio, "solver": solver, "loss": loss}
    est = estimator(**params, max_iter=50 if solver == "sgd" else 500)
    return fit_or_refuse(est, table, np.abs(y) if loss == "poisson" else y, **given)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables_give_a_model_or_a_sentence(name: str) -> None:
    """By every solver, for three losses, with and without L1."""
    for loss in ("squared", "poisson", "logistic"):
        for solver in SOLVERS:
            fit_hostile(name, loss, solver)
        for solver in ("cd", "sgd"):
            fit_hostile(name, loss, solver, l1_ratio=0.5)


@pytest.mark.parametrize("name", HOSTILE)
def test_solvers_that_say_they_converged_agree(name: str) -> None:
    for loss in ("squared", "poisson", "logistic"):
        fits = [fit_hostile(name, loss, solver) for solver in ("newton", "newton_cg", "lbfgs", "cd")]
        reached = [est.objective_ for est in fits if est is not None and est.converged_]
        assert_allclose(reached, reached[:1] * len(reached), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs", "cd"])
@pytest.mark.parametrize("loss", ["squared", "poisson", "gamma"])
@pytest.mark.parametrize("value", [1e5, 1e20, 1e100])
def test_a_row_of_weight_0_does_not_exist(solver: str, loss: str, value: float) -> None:
    """However far away it lies. (Descent visits it all the same.)"""
    y = np.exp(Y)
    est, expected = (cv.LinearRegressor(loss=loss, solver=solver, alpha=1e-2, tol=1e-10) for _ in range(2))
    expected.fit(X, y)
    est.fit(np.r_[np.full((1, 3), value), X], np.r_[1.0, y], sample_weight=np.r_[0.0, np.ones(N)])
    assert_allclose(est.objective_, expected.objective_, rtol=1e-8)
    assert_allclose(est.coef_, expected.coef_, rtol=1e-3, atol=1e-5)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["squared", "absolute", "huber", "poisson", "logistic", "hinge", "three classes"]),
    st.sampled_from(["auto", *SOLVERS]),
    st.booleans(),
)
def test_tables_of_any_scale(seed: int, loss: str, solver: str, is_sparse: bool) -> None:
    """Columns of scales from 1e-150 to 1e150, constant and repeated ones, of few rows."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(1, 20)), int(rng.integers(1, 6))
    table = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-150, 151, size=p)
    table[:, rng.random(p) < 0.2] = table[0, 0]
    table[:, rng.random(p) < 0.2] = 0.0
    y = rng.integers(0, 3 if loss == "three classes" else 2, size=n)
    of_labels = loss in ("logistic", "hinge", "three classes")
    estimator = cv.LinearClassifier if of_labels else cv.LinearRegressor
    alpha = float(rng.choice([0.0, 1e-4, 10.0]))
    est = estimator(loss="logistic" if loss == "three classes" else loss, solver=solver, alpha=alpha, max_iter=50)
    fit_or_refuse(est, sparse.csr_array(table) if is_sparse else table, y, sample_weight=rng.integers(0, 3, size=n))


def misaligned(table: np.ndarray) -> np.ndarray:
    return np.frombuffer(b"x" + table.tobytes(), dtype=np.uint8)[1:].view(table.dtype).reshape(table.shape)


def read_only(table: Any) -> Any:
    table = table.copy()
    for array in (table.data, table.indices, table.indptr) if sparse.issparse(table) else (table,):
        array.flags.writeable = False
    return table


LAYOUTS: dict[str, Callable[[], Any]] = {
    "negative strides": lambda: X[::-1, ::-1][::-1, ::-1],
    "every second number": lambda: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "misaligned": lambda: misaligned(X),
    "misaligned float32": lambda: misaligned(X.astype(np.float32)),
    "read-only": lambda: read_only(X),
    "read-only, sparse": lambda: read_only(ROWS),
    "a row for all": lambda: np.broadcast_to(X[0], X.shape),
    "bool": lambda: X > 0,
    "uint8": lambda: (10 * np.abs(X)).astype(np.uint8),
    "float16": lambda: X.astype(np.float16),
    "object": lambda: X.astype(object),
    "bool, sparse": lambda: sparse.csr_array(ROWS > 0),
    "int, sparse": lambda: sparse.csr_array((10 * ROWS).astype(np.int16)),
    "int64 indices": lambda: sparse.csr_array(
        (ROWS.data, ROWS.indices.astype(np.int64), ROWS.indptr.astype(np.int64)), shape=X.shape
    ),
    "empty rows": lambda: sparse.csr_array(ROWS.multiply((np.arange(N) % 2)[:, None])),
}


@both
@solvers
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_is_its_plain_copy(estimator: type, solver: str, layout: str) -> None:
    """Read-only targets and weights, too."""
    table, y = LAYOUTS[layout](), read_only(target_of(estimator))
    plain = table.toarray() if sparse.issparse(table) else np.array(table)
    dtype = np.float32 if plain.dtype == np.float32 else np.float64
    plain = sparse.csr_array(plain.astype(dtype)) if sparse.issparse(table) else np.ascontiguousarray(plain, dtype)
    est, expected = (estimator(solver=solver, alpha=0.1, max_iter=20, tol=1e-6) for _ in range(2))
    given = {"sample_weight": read_only(np.ones(N))}
    assert fit_or_refuse(est, table, y, **given) is not None
    assert fit_or_refuse(expected, plain, y, **given) is not None
    assert_array_equal(est.coef_, expected.coef_)
    assert_array_equal(est.predict(table), est.predict(plain))


def damaged(array: str, at: int, value: Any) -> sparse.csr_array:
    table = ROWS.copy()
    getattr(table, array)[at] = value
    return table


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no rows": (lambda: X[:0], r"0 sample\(s\).*minimum of 1"),
    "no columns": (lambda: X[:, :0], r"0 feature\(s\).*minimum of 1"),
    "a vector": (lambda: X[:, 0], "Expected 2D array, got 1D"),
    "three dimensions": (lambda: X[:, :, None], "X: Found array with dim 3"),
    "complex numbers": (lambda: X.astype(complex), "Complex data not supported"),
    "words": (lambda: np.full(X.shape, "word"), "X: could not convert string to float: .*'word'"),
    "NaN": (lambda: np.where(np.arange(3) == 1, np.nan, X), "X has NaN in column 1, first in row 0"),
    "NaN, sparse": (lambda: damaged("data", 0, np.nan), "X has NaN in column"),
    "infinity, sparse": (lambda: damaged("data", -1, -np.inf), "X has infinity in column"),
    "a column beyond the last": (lambda: damaged("indices", 3, 99), "sparse entry in column 99; it has 3 columns"),
    "a column before the first": (lambda: damaged("indices", 3, -2), "sparse entry in column -2; it has 3 columns"),
    "rows that go back": (lambda: damaged("indptr", 5, 0), "sparse rows that do not follow each other"),
    "rows beyond the end": (lambda: damaged("indptr", 7, 9999), "sparse rows that do not follow each other"),
    "a last row beyond the end": (lambda: damaged("indptr", -1, 9999), "sparse rows that do not follow each other"),
    "a first row before all": (lambda: damaged("indptr", 0, -5), "sparse rows that do not follow each other"),
}


@both
@solvers
@pytest.mark.parametrize("name", REFUSED)
def test_bad_tables_are_refused_in_a_sentence(estimator: type, solver: str, name: str) -> None:
    """By fit; and by a fitted model, where the table is no worse than of too few rows."""
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        estimator(solver=solver).fit(make(), target_of(estimator)[: len(X[:0]) if name == "no rows" else N])
    est = estimator(max_iter=5).fit(ROWS, target_of(estimator))
    with pytest.raises(ValueError, match=message):
        est.predict(make())


@both
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sample_weight": np.ones(3)}, r"sample_weight.shape == \(3,\), expected \(60,\)"),
        ({"sample_weight": -np.ones(N)}, r"sample_weight\[0\]=-1 must be at least 0 and finite"),
        ({"sample_weight": np.full(N, np.nan)}, "sample_weight contains NaN"),
        ({"sample_weight": np.full(N, np.inf)}, "sample_weight contains infinity"),
        ({"sample_weight": np.zeros(N)}, "at least one non-zero number"),
        ({"sample_weight": np.full(N, 1e307)}, "sample_weight has a sum of inf; it must be in"),
        ({"offset": np.inf}, "offset=inf must be finite"),
        ({"offset": "a"}, "offset must hold numbers"),
        ({"offset": np.ones(3)}, "offset has shape"),
        ({"y": np.full(N, np.nan)}, "Input y contains NaN"),
        ({"y": np.full(N, np.inf)}, "Input y contains infinity"),
        ({"y": np.ones(N - 1)}, r"inconsistent numbers of samples: \[60, 59\]"),
        ({"y": np.ones((N, 2))}, "y has 2 columns, and one is read"),
    ],
)
def test_bad_targets_weights_and_offsets_are_named(estimator: type, given: dict[str, Any], message: str) -> None:
    y = given.get("y", target_of(estimator))
    with pytest.raises(ValueError, match=message):
        estimator().fit(X, y, **{name: value for name, value in given.items() if name != "y"})
