"""Estimators of linear models: scikit-learn's own checks, any loss, any table, offsets, classes, bad input."""

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

import curvature as cv
from curvature import _core, losses

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = X @ [1.0, -2.0, 0.0, 0.5] + 3.0 + 0.3 * RNG.normal(size=120)
LABELS = (Y > 3).astype(int)
THREE = np.array(["a", "b", "c"])[np.digitize(Y, [2.0, 4.0])]

ESTIMATORS = [cv.LinearRegressor, cv.LinearClassifier]
both = pytest.mark.parametrize("estimator", ESTIMATORS)


def target_of(estimator: type) -> np.ndarray:
    return LABELS if estimator is cv.LinearClassifier else Y


def fitted(estimator: type = cv.LinearRegressor, y: Any = None, table: Any = X, **params: Any) -> Any:
    fit_params = {name: params.pop(name) for name in ("offset", "loss_data", "sample_weight") if name in params}
    return estimator(**params).fit(table, target_of(estimator) if y is None else y, **fit_params)


@parametrize_with_checks([cv.LinearRegressor(), cv.LinearClassifier()])
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@both
def test_defaults_are_those_of_the_core(estimator: type) -> None:
    """Each number of the core's two tables is a parameter with its default."""
    ours = {name: parameter.default for name, parameter in inspect.signature(estimator).parameters.items()}
    table = [*_core.linear_parameter_table(), *_core.sgd_parameter_table()]
    assert len(table) > 10
    assert {row["name"]: row["default"] for row in table}.items() <= ours.items()


@both
@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
def test_the_objective_is_that_of_the_docs(estimator: type, alpha: float) -> None:
    """objective_ is F at the coefficients, and scikit-learn's optimum at the same penalty is no lower."""
    weights = RNG.uniform(0.1, 2.0, len(X))
    est = fitted(estimator, alpha=alpha, sample_weight=weights)

    def objective(b: np.ndarray, intercept: float) -> float:
        f = X @ b + intercept
        cost = (Y - f) ** 2 / 2 if estimator is cv.LinearRegressor else np.logaddexp(0, f) - LABELS * f
        return float(np.average(cost, weights=weights) + alpha * (b @ b) / 2)

    ours = objective(np.ravel(est.coef_), float(np.ravel(est.intercept_)[0]))
    assert_allclose(est.objective_, ours, rtol=1e-12)
    total = weights.sum()
    if estimator is cv.LinearRegressor:
        rival = Ridge(alpha=alpha * total).fit(X, Y, sample_weight=weights)
    else:
        c = np.inf if alpha == 0 else 1 / (alpha * total)
        rival = LogisticRegression(C=c, tol=1e-10, max_iter=10_000).fit(X, LABELS, sample_weight=weights)
    theirs = objective(np.ravel(rival.coef_), float(np.ravel(rival.intercept_)[0]))
    assert ours <= theirs + 1e-8 * abs(theirs)
    assert est.converged_ and est.gap_ <= 1e-8


NUMERIC = ["squared", "absolute", "huber", "quantile", "expectile", "poisson", "gamma", "tweedie", "squared_log"]


@pytest.mark.parametrize("loss", NUMERIC)
def test_losses_of_numbers(loss: str) -> None:
    """Of each, the mean loss is below that of any model nearby, and predict answers by the link."""
    y = np.exp(Y / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # losses with corners
        est = fitted(y=y, loss=loss, alpha=0, max_iter=300)
    cost = losses.Loss(loss)
    least = cost.value(y, X @ est.coef_ + est.intercept_).mean()
    for _ in range(20):
        b = est.coef_ + 0.1 * RNG.normal(size=4)
        assert least <= cost.value(y, X @ b + est.intercept_ + 0.1 * RNG.normal()).mean() + 1e-5 * abs(least)
    assert_allclose(est.predict(X), cost.link.response(X @ est.coef_ + est.intercept_), rtol=1e-12)


def squares(y: Any, f: Any) -> Any:
    return (y - f) ** 2 / 2


def capped(y: Any, f: Any, cap: Any) -> Any:
    return (y - f * cap) ** 2 / 2


def two_outputs(y: Any, f: Any) -> Any:
    return (y[0] - f[0]) ** 2 / 2 + (y[1] - f[1]) ** 2 / 2


def test_a_formula_is_the_named_loss() -> None:
    assert_allclose(fitted(loss=squares).coef_, fitted().coef_, rtol=1e-6)


def test_a_formula_reads_its_data() -> None:
    cap = RNG.uniform(1, 2, len(X))
    est = fitted(loss=capped, loss_data={"cap": cap}, fit_intercept=False, alpha=0)
    assert_allclose(est.coef_, np.linalg.lstsq(X * cap[:, None], Y, rcond=None)[0], rtol=1e-5)


def test_several_outputs() -> None:
    """A formula of two scores fits two linear models at once."""
    est = fitted(y=np.c_[Y, -2 * Y], loss=two_outputs, alpha=0)
    single = fitted(alpha=0)
    assert est.coef_.shape == (2, 4)
    assert est.predict(X).shape == (120, 2)
    assert_allclose(est.coef_, [single.coef_, -2 * single.coef_], rtol=1e-5, atol=1e-7)
    assert_allclose(est.intercept_, [single.intercept_, -2 * single.intercept_], rtol=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "exponential", "modified_huber"])
def test_losses_of_one_score_go_class_by_class(loss: str) -> None:
    """More than two classes are each told from the rest: each row of coef_ is that of the two-class model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est = fitted(cv.LinearClassifier, THREE, loss=loss, max_iter=200)
        one = fitted(cv.LinearClassifier, THREE == "b", loss=loss, max_iter=200)
    assert_array_equal(est.coef_[1], one.coef_[0])
    assert est.score(X, THREE) > 0.5
    assert est.model_.settings["one_vs_rest"]
    assert_array_equal(est.predict(X), est.classes_[est.decision_function(X).argmax(axis=1)])
    assert hasattr(est, "predict_proba") == (loss in ("exponential", "modified_huber"))
    if hasattr(est, "predict_proba"):
        p = est.predict_proba(X)
        assert (p >= 0).all()
        assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


def test_softmax_and_one_vs_rest() -> None:
    """The logistic loss does both; auto takes softmax, whose probabilities are scikit-learn's."""
    auto = fitted(cv.LinearClassifier, THREE, alpha=0.01)
    softmax = fitted(cv.LinearClassifier, THREE, alpha=0.01, multi_class="softmax")
    apart = fitted(cv.LinearClassifier, THREE, alpha=0.01, multi_class="one_vs_rest")
    rival = LogisticRegression(C=1 / (0.01 * len(X)), tol=1e-10, max_iter=1000).fit(X, THREE)
    assert_array_equal(auto.coef_, softmax.coef_)
    assert_allclose(auto.predict_proba(X), rival.predict_proba(X), atol=1e-4)
    scores = apart.decision_function(X)
    p = 1 / (1 + np.exp(-scores))
    assert_allclose(apart.predict_proba(X), p / p.sum(axis=1, keepdims=True), rtol=1e-12)


REFUSED = [
    (cv.LinearClassifier, {"loss": "hinge", "multi_class": "softmax"}, "multi_class='one_vs_rest' takes it"),
    (cv.LinearClassifier, {"loss": "softmax", "multi_class": "one_vs_rest"}, "multi_class='softmax' takes it"),
    (cv.LinearClassifier, {"multi_class": "ovr"}, "multi_class='ovr' must be 'auto', 'softmax' or 'one_vs_rest'"),
    (cv.LinearClassifier, {"loss": "squared"}, "loss='squared' is not for a classifier"),
    (cv.LinearRegressor, {"alpha": -1}, "alpha=-1 must be a number at least 0"),
    (cv.LinearRegressor, {"alpha": "best"}, "alpha='best' must be a number at least 0, a sequence of such, or 'cv'"),
    (cv.LinearRegressor, {"alpha": [0.1, np.nan]}, "alpha=.* must be a number at least 0, a sequence"),
    (cv.LinearRegressor, {"l1_ratio": 1.5}, r"l1_ratio=1.5 must be a number in \[0, 1\]"),
    (cv.LinearRegressor, {"solver": "saga"}, "solver='saga' must be 'auto', 'newton'"),
    (cv.LinearRegressor, {"optimizer": "lion"}, "optimizer='lion' must be"),
    (cv.LinearRegressor, {"learning_rate": "optimal"}, "learning_rate='optimal' must be a number more than 0"),
    (cv.LinearRegressor, {"fit_intercept": 1}, "fit_intercept=1 must be True or False"),
    (cv.LinearRegressor, {"cv": 1}, r"cv=1 must be an integer in \[2, 1000\]"),
    (cv.LinearRegressor, {"covariance": "HC9"}, "covariance='HC9' must be one of None, 'model', 'HC0'"),
    (cv.LinearRegressor, {"penalty_factors": [1, 2]}, r"penalty_factors has shape \(2,\): .*\(4,\), is wanted"),
    (cv.LinearRegressor, {"penalty_factors": [1, 1, -1, 1]}, r"penalty_factors\[2\]=-1 must be finite and at least 0"),
    (cv.LinearRegressor, {"bounds": (1, 2)}, r"bounds of column 0 are \[1, 2\]: 0 must lie between them"),
    (cv.LinearRegressor, {"bounds": 3}, r"bounds=3 must be a pair \(lower, upper\)"),
    (cv.LinearRegressor, {"positive": True, "solver": "sgd"}, "solver='cd' keeps them"),
    (cv.LinearRegressor, {"random_state": -1}, "random_state=-1 must be"),
    (cv.LinearRegressor, {"n_jobs": 0}, "n_jobs=0 must be"),
]  # fmt: skip


@pytest.mark.parametrize(("estimator", "params", "message"), REFUSED)
def test_bad_parameters_are_named(estimator: type, params: dict[str, Any], message: str) -> None:
    y = THREE if estimator is cv.LinearClassifier else Y
    with pytest.raises(ValueError, match=message):
        estimator(**params).fit(X, y)


@pytest.mark.parametrize("rival", ["C", "penalty", "eta0", "power_t", "l2_reg", "reg_lambda", "max_epochs", "n_epochs"])
def test_a_rival_s_name_tells_ours(rival: str) -> None:
    with pytest.raises(TypeError, match=f"has no parameter '{rival}': it is called '\\w+' here"):
        cv.LinearClassifier(**{rival: 1})
    with pytest.raises(TypeError, match=r"'alpha' here \(alpha = 1 / \(n C\)"):
        cv.LinearClassifier(C=1)
    with pytest.raises(TypeError, match="'C': it is called 'reg_lambda' here"):
        cv.BoostedTreesRegressor(C=1)


def test_numbers_that_are_not_finite_are_refused_by_their_column() -> None:
    """By fit and predict, of dense and sparse tables, with the column's name where it has one."""
    pd = pytest.importorskip("pandas")
    est, bad = fitted(), X.copy()
    bad[7, 2] = np.nan
    infinite = X.astype(np.float32)
    infinite[9, 3] = -np.inf
    for table, message in ((bad, r"X has NaN in column 2, first in row 7: .*SimpleImputer"),
                           (np.asfortranarray(infinite), "X has infinity in column 3, first in row 9"),
                           (sparse.csr_array(bad), "X has NaN in column 2, first in row 7")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            cv.LinearRegressor().fit(table, Y)
        with pytest.raises(ValueError, match=message):
            est.predict(table)
    with pytest.raises(ValueError, match=r"column 2 \('c'\)"):
        cv.LinearRegressor().fit(pd.DataFrame(bad, columns=list("abcd")), Y)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["C", "F", "rows", "columns", "reversed", "int", "f4", "f2", ">f8"]))
def test_tables_of_any_layout(seed: int, layout: str) -> None:
    """Model and predictions of a table are those of its C-ordered float64 copy."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(8, 40)), int(rng.integers(1, 5))
    big = np.round(4 * rng.normal(size=(2 * n, 2 * p)))
    table = {
        "C": big[:n, :p].copy(), "F": np.asfortranarray(big[:n, :p]), "rows": big[::2, :p], "columns": big[:n, ::2],
        "reversed": big[n - 1 :: -1, :p], "int": big[:n, :p].astype(int), "f4": big[:n, :p].astype(np.float32),
        "f2": big[:n, :p].astype(np.float16), ">f8": big[:n, :p].astype(">f8"),
    }[layout]  # fmt: skip
    plain = np.ascontiguousarray(table, dtype=np.float64)
    y = rng.normal(size=len(plain))
    est = fitted(y=y, table=table, alpha=0.1)
    expected = fitted(y=y, table=plain, alpha=0.1)
    assert_allclose(est.coef_, expected.coef_, rtol=1e-6, atol=1e-7)
    for predict in (expected.predict, expected.model_.predict):
        assert_allclose(predict(table), plain @ expected.coef_ + expected.intercept_, rtol=1e-9, atol=1e-12)


@both
@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "unsorted", "int64 columns", "float32"])
def test_sparse_is_dense(estimator: type, kind: str) -> None:
    """A sparse table gives the dense one's model; duplicates count as their sum, in any order."""
    dense = np.where(RNG.random(X.shape) < 0.5, np.round(X, 2), 0.0)
    table: Any = sparse.csr_array(dense)
    if kind in ("csc", "coo"):
        table = table.asformat(kind)
    elif kind == "unsorted":  # each entry halved, and named twice
        rows = zip(table.indptr, table.indptr[1:], strict=False)
        order = np.concatenate([np.tile(np.arange(a, b)[::-1], 2) for a, b in rows])
        table = sparse.csr_array((table.data[order] / 2, table.indices[order], 2 * table.indptr), shape=X.shape)
    elif kind == "int64 columns":
        table.indices, table.indptr = table.indices.astype(np.int64), table.indptr.astype(np.int64)
    elif kind == "float32":
        table = table.astype(np.float32)
    est = fitted(estimator, table=table)
    expected = fitted(estimator, table=dense)
    assert_allclose(est.coef_, expected.coef_, rtol=1e-4, atol=1e-5)
    scores = expected.model_.decision_function(dense)
    assert_allclose(expected.model_.decision_function(table), scores, rtol=1e-6, atol=1e-6)


def test_sparse_columns_out_of_range_are_refused() -> None:
    table = sparse.csr_array(X)
    est = fitted()
    for column in (4, -1):
        table.indices[5] = column
        with pytest.raises(ValueError, match=f"column {column}"):
            est.model_.predict(table)


@both
def test_offsets(estimator: type) -> None:
    """A fit with an offset predicts with one only; an offset moves the scores, not the weights."""
    target, offset = target_of(estimator), RNG.normal(size=len(X))
    est = fitted(estimator, offset=offset, alpha=0.01)
    shifted = np.c_[X, offset]
    scores = est.model_.decision_function(X, offset=offset)
    assert_allclose(scores, est.model_.decision_function(X, offset=0) + offset, rtol=1e-12, atol=1e-12)
    for predict in (est.predict, est.model_.predict):
        with pytest.raises(ValueError, match=r"pass offset=... or offset=0"):
            predict(X)
    if estimator is cv.LinearRegressor:
        plain = fitted(y=target - offset, alpha=0.01)
        assert_allclose(est.coef_, plain.coef_, rtol=1e-6)
        assert_allclose(est.predict(X, offset=offset[:, None]), plain.predict(X) + offset, rtol=1e-6)
    for bad, message in ((shifted, "offset has shape"), (np.full(len(X), np.nan), r"offset\[0\]=nan must be finite")):
        with pytest.raises(ValueError, match=message):
            est.predict(X, offset=bad)
        with pytest.raises(ValueError, match=message):
            fitted(estimator, offset=bad)


def test_an_offset_of_each_class() -> None:
    """Softmax and one-vs-rest take a column a class."""
    offset = RNG.normal(size=(len(X), 3))
    for multi_class in ("softmax", "one_vs_rest"):
        est = fitted(cv.LinearClassifier, THREE, offset=offset, multi_class=multi_class, alpha=0.01)
        assert_allclose(
            est.decision_function(X, offset=offset), X @ est.coef_.T + est.intercept_ + offset, rtol=1e-9, atol=1e-9
        )


def test_constraints_hold() -> None:
    """positive, bounds and penalty factors: a free column keeps its weight, a dear one loses it."""
    assert (fitted(positive=True).coef_ >= 0).all()
    est = fitted(bounds=(-1.5, [0.4, 1, 1, 1]))
    assert est.coef_[0] == 0.4 and est.coef_[1] == -1.5
    est = fitted(penalty_factors=[0, 0, 0, 1e9], alpha=1.0)
    rest = fitted(table=X[:, :3], alpha=0.0)
    assert_allclose(est.coef_, [*rest.coef_, 0.0], atol=1e-6)


def test_class_weight_is_a_weight_by_class() -> None:
    by_class = fitted(cv.LinearClassifier, class_weight={0: 1.0, 1: 3.0})
    by_row = fitted(cv.LinearClassifier, sample_weight=np.where(LABELS, 3.0, 1.0))
    assert_allclose(by_class.coef_, by_row.coef_, rtol=1e-9)


@both
def test_threads_do_not_shape_the_model(estimator: type) -> None:
    big = np.random.default_rng(1).normal(size=(20_000, 6))
    y = big[:, 0] + big[:, 1] ** 2
    target = (y > 1).astype(int) if estimator is cv.LinearClassifier else y
    for params in ({}, {"l1_ratio": 0.5, "alpha": 0.01}, {"solver": "sgd", "max_iter": 3, "tol": 0}):
        assert len({fitted(estimator, target, big, n_jobs=k, **params).model_.to_bytes() for k in (1, 2, 3)}) == 1


@both
def test_warm_start_starts_where_the_last_fit_ended(estimator: type) -> None:
    """A second fit needs no more than a step; without warm_start it starts anew."""
    loss = "log_cosh" if estimator is cv.LinearRegressor else "logistic"
    est = fitted(estimator, warm_start=True, loss=loss, solver="lbfgs", tol=1e-10)
    first, coefficients = est.n_iter_, est.coef_
    assert first > 2
    est.fit(X, target_of(estimator))
    assert est.n_iter_ <= 2 < first
    assert_allclose(est.coef_, coefficients, rtol=1e-4)
    assert est.set_params(warm_start=False).fit(X, target_of(estimator)).n_iter_ == first
    est.set_params(warm_start=True).fit(X[:, :2], target_of(estimator))
    assert np.ravel(est.coef_).shape == (2,)


def test_not_converging_is_a_warning_with_advice() -> None:
    with pytest.warns(ConvergenceWarning, match=r"solver='lbfgs' stopped after 1 iterations.*tol=1e-08: .{10}"):
        est = fitted(cv.LinearClassifier, solver="lbfgs", max_iter=1, alpha=1e-6)
    assert not est.converged_ and est.gap_ > 1e-8


@both
def test_a_refused_fit_leaves_the_estimator_as_it_was(estimator: type) -> None:
    est = fitted(estimator)
    before = est.predict(X)
    for bad in ({"sample_weight": -np.ones(len(X))}, {"offset": np.inf}):
        with pytest.raises(ValueError):
            est.fit(X[:, :2], target_of(estimator), **bad)
        assert_array_equal(est.predict(X), before)
    for attribute in ("coef_", "intercept_"):
        with pytest.raises(NotFittedError):
            getattr(clone(est), attribute)
