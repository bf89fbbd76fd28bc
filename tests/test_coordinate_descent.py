"""Coordinate descent: optimality, agreement with other solvers, its certificate, and what must not matter."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from linear_problems import core_design, core_fit
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, PoissonRegressor

from curvature import _core

SOLVED = 1e-10


def fit(X, y, loss="squared", alpha=0.1, l1_ratio=1.0, weights=None, n_classes=0, **options):
    extras = {name: options.pop(name) for name in ("penalty_factors", "lower", "upper") if name in options}
    options = {"tol": SOLVED, "max_iter": 500, "solver": "cd", "n_jobs": 1} | options
    return core_fit(X, y, loss, weights, n_classes=n_classes, extras=extras, alpha=alpha, l1_ratio=l1_ratio, **options)


def largest_alpha(X, y, loss="squared", weights=None, fit_intercept=True, penalty_factors=None):
    params = {"alpha": 1.0, "l1_ratio": 1.0, "solver": "cd", "max_iter": 1, "tol": 0.0, "seed": 0, "n_jobs": 1}
    params["fit_intercept"] = fit_intercept
    core_loss = _core.named_loss(loss, {})
    return _core.largest_alpha(core_design(X), [np.asarray(y, float)], weights, core_loss, params, penalty_factors)


def targets(loss, score, rng):
    if loss == "logistic":
        return (score + rng.logistic(size=score.size) > 0).astype(float)
    if loss == "poisson":
        return rng.poisson(np.exp(np.clip(score, -3, 3))).astype(float)
    return score + rng.normal(size=score.size)


def slopes(X, y, found, loss, weights=None, offset=None, n_classes=0):
    """Gradient of the mean loss by weights and intercepts, in double from X as it is."""
    w = np.ones(len(y)) if weights is None else weights
    f = np.asarray(X @ found["weights"].T + found["intercepts"], dtype=float)
    if offset is not None:
        f = f + offset[:, None]
    made = _core.named_loss(loss, {}, n_classes)
    g, _ = made.derivatives([np.ascontiguousarray(y, float)], [np.ascontiguousarray(c) for c in f.T])
    g = g * (w / w.sum())
    return np.asarray(X.T @ g.T, dtype=float).T, g.sum(axis=1)


def violations(b, slope, l1, l2, lower, upper):
    """Distance of 0 from the slopes of the penalised objective, the bounds taken into account."""
    up = -(slope + l2 * b + np.where(b >= 0, l1, -l1))
    down = slope + l2 * b + np.where(b > 0, l1, -l1)
    return np.maximum(0, np.maximum(np.where(b < upper, up, 0), np.where(b > lower, down, 0)))


def reference(X, y, alpha, l1_ratio, passes=2000):
    """Cyclic coordinate descent for the elastic net in plain Python."""
    n, p = X.shape
    b, residual = np.zeros(p), y - y.mean()
    Z = X - X.mean(axis=0)
    l1, l2, squares = alpha * l1_ratio, alpha * (1 - l1_ratio), (Z**2).sum(axis=0) / n
    for _ in range(passes):
        for j in range(p):
            pull = Z[:, j] @ residual / n + squares[j] * b[j]
            new = np.sign(pull) * max(abs(pull) - l1, 0) / (squares[j] + l2)
            residual -= (new - b[j]) * Z[:, j]
            b[j] = new
    return b, y.mean() - X.mean(axis=0) @ b


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(5, 120),
    p=st.integers(1, 160),
    loss=st.sampled_from(["squared", "logistic", "poisson", "huber"]),
    kind=st.sampled_from(["rows", "columns", "float32", "sparse"]),
    l1_ratio=st.sampled_from([1.0, 0.7, 0.2]),
    depth=st.sampled_from([0.5, 0.1, 0.02]),
    weighted=st.booleans(),
    bounded=st.booleans(),
    fit_intercept=st.booleans(),
)
@example(
    seed=0, n=5, p=17, loss="poisson", kind="rows", l1_ratio=1.0, depth=0.02,
    weighted=True, bounded=True, fit_intercept=False,
)  # F falls from above 0 to below: it limits no sum of l1 |b|  # fmt: skip
def test_the_solution_is_optimal(seed, n, p, loss, kind, l1_ratio, depth, weighted, bounded, fit_intercept):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < 0.7)
    y = targets(loss, X[:, : min(p, 4)].sum(axis=1), rng)
    X = {
        "rows": X,
        "columns": np.asfortranarray(X),
        "float32": X.astype(np.float32),
        "sparse": sp.csr_matrix(X),
    }[kind]
    weights = rng.integers(0, 4, n) + np.eye(1, n)[0] if weighted else None
    offset = 0.3 * rng.normal(size=n)
    factors = rng.choice([0.5, 1.0, 2.0], p)
    lower, upper = np.full(p, -np.inf), np.full(p, np.inf)
    if bounded:
        lower, upper = rng.choice([-np.inf, -0.1, 0.0], p), rng.choice([np.inf, 0.1, 0.0], p)
    alpha = depth * max(1e-3, largest_alpha(X, y, loss, weights=weights))
    options = {"lower": lower, "upper": upper} if bounded else {}
    found = fit(X, y, loss, alpha, l1_ratio, weights, fit_intercept=fit_intercept, offsets=[offset],
                penalty_factors=factors, tol=1e-13, **options)  # fmt: skip
    assert found["converged"], found
    exact = sp.csr_matrix(X, dtype=float) if sp.issparse(X) else X.astype(float)
    slope, level = slopes(exact, y, found, loss, weights, offset)
    b = found["weights"]
    assert np.all((b >= lower) & (b <= upper))
    wrong = violations(b, slope, alpha * l1_ratio * factors, alpha * (1 - l1_ratio) * factors, lower, upper)
    size = max(1.0, abs(found["objective"]))
    assert wrong.max() <= 1e-4 * alpha + 1e-6 * size
    if fit_intercept:
        assert abs(level[0]) <= 1e-4 * size
    else:
        assert found["intercepts"][0] == 0


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("shape", [(80, 20), (40, 150)])
def test_the_elastic_net_is_that_of_plain_python_and_of_scikit_learn(l1_ratio, shape):
    rng = np.random.default_rng(1)
    X = rng.normal(size=shape) + 2
    y = X[:, :5] @ np.arange(1.0, 6.0) + rng.normal(size=len(X))
    found = fit(X, y, alpha=0.3, l1_ratio=l1_ratio, tol=1e-14)
    b, intercept = reference(X, y, 0.3, l1_ratio)
    np.testing.assert_allclose(found["weights"][0], b, atol=1e-6)
    np.testing.assert_allclose(found["intercepts"][0], intercept, atol=1e-5)
    if l1_ratio > 0:
        model = (Lasso(0.3) if l1_ratio == 1 else ElasticNet(0.3, l1_ratio=l1_ratio)).set_params(
            tol=1e-12, max_iter=10**6
        )
        np.testing.assert_allclose(found["weights"][0], model.fit(X, y).coef_, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_l1_classification_is_that_of_scikit_learn(n_classes):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(150, 12))
    y = np.argmax(X[:, :n_classes] + rng.gumbel(size=(150, n_classes)), axis=1)
    options = {"loss": "softmax", "n_classes": 3} if n_classes == 3 else {"loss": "logistic"}
    found = fit(X, y, alpha=0.02, **options)
    model = LogisticRegression(C=1 / (150 * 0.02), l1_ratio=1, solver="saga", tol=1e-10, max_iter=10**5).fit(X, y)
    assert found["converged"]
    np.testing.assert_allclose(found["weights"], model.coef_, atol=1e-5)
    assert np.count_nonzero(found["weights"]) < found["weights"].size


def test_poisson_ridge_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 6))
    y = rng.poisson(np.exp(0.5 * X[:, 0] - 0.3 * X[:, 1] + 1)).astype(float)
    found = fit(X, y, "poisson", alpha=0.1, l1_ratio=0.0)
    model = PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(found["weights"][0], model.coef_, atol=1e-5)


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_the_gap_bounds_what_is_left_to_gain(loss, l1_ratio):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 300)) + rng.normal(size=(60, 1))
    y = targets(loss, 2 * X[:, :4].sum(axis=1), rng)
    alpha = 0.05 * largest_alpha(X, y, loss)
    best = fit(X, y, loss, alpha, l1_ratio, tol=1e-12)["objective"]
    left = []
    for steps in range(1, 9):
        found = fit(X, y, loss, alpha, l1_ratio, tol=0, max_iter=steps)
        left.append((found["objective"] - best) / found["objective"])
        assert left[-1] <= found["gap"] + 1e-12
        assert found["n_iter"] <= steps
    assert left[0] > 1e-4, "the first steps must leave something to bound"


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
@pytest.mark.parametrize("sparse", [False, True])
def test_threads_do_not_change_a_bit(loss, sparse):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(700, 900)) * (rng.random((700, 900)) < 0.2)
    score = X[:, :30] @ rng.normal(size=30)
    y = np.digitize(score, [-1, 1]) if loss == "softmax" else targets(loss, score, rng)
    X = sp.csr_matrix(X) if sparse else X
    n_classes = 3 if loss == "softmax" else 0
    one, *others = (
        fit(X, y, loss, 0.004, n_classes=n_classes, tol=1e-5, max_iter=8, n_jobs=threads) for threads in (1, 2, 3)
    )
    assert np.count_nonzero(one["weights"]) > 50
    for other in others:
        assert np.array_equal(one["weights"], other["weights"])
        assert np.array_equal(one["intercepts"], other["intercepts"])
        assert one["gap"] == other["gap"]


@pytest.mark.parametrize("loss", ["squared", "poisson"])
def test_a_weight_is_a_repetition(loss):
    rng = np.random.default_rng(6)
    X = rng.normal(size=(60, 30))
    y = targets(loss, X[:, 0], rng)
    times = rng.integers(0, 4, 60)
    weighted = fit(X, y, loss, 0.05, 0.9, times.astype(float), tol=0)
    repeated = fit(np.repeat(X, times, axis=0), np.repeat(y, times), loss, 0.05, 0.9, tol=0)
    np.testing.assert_allclose(weighted["weights"], repeated["weights"], atol=1e-9)
    np.testing.assert_allclose(weighted["intercepts"], repeated["intercepts"], atol=1e-9)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_scales_and_means_of_columns_do_not_matter(loss):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(300, 200))
    y = targets(loss, X[:, :5].sum(axis=1), rng)
    scales = 10.0 ** rng.uniform(-6, 6, 200)
    plain = fit(X, y, loss, 0.02, tol=1e-8)
    scaled = fit(X * scales, y, loss, 0.02, penalty_factors=scales, tol=1e-8)
    moved = fit(X + 1e6, y, loss, 0.02, tol=1e-8)
    np.testing.assert_allclose(scaled["weights"] * scales, plain["weights"], atol=1e-6)
    np.testing.assert_allclose(moved["weights"], plain["weights"], atol=1e-6)
    for other in (scaled, moved):
        assert other["converged"]
        assert other["n_iter"] <= plain["n_iter"] + 3


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("sparse", [False, True])
def test_above_the_largest_alpha_all_weights_are_zero(loss, sparse):
    rng = np.random.default_rng(8)
    X = rng.normal(size=(50, 80)) * (rng.random((50, 80)) < 0.5)
    y = targets(loss, X[:, 0], rng)
    X = sp.csr_matrix(X) if sparse else X
    factors = rng.choice([0.0, 1.0, 3.0], 80, p=[0.05, 0.5, 0.45])
    alpha = largest_alpha(X, y, loss, penalty_factors=factors)
    above = fit(X, y, loss, alpha * (1 + 1e-6), penalty_factors=factors)
    below = fit(X, y, loss, alpha * (1 - 1e-3), penalty_factors=factors)
    assert np.all(above["weights"][0, factors > 0] == 0)
    assert np.count_nonzero(below["weights"][0, factors > 0]) >= 1
    assert np.all(above["weights"][0, factors == 0] != 0)


@pytest.mark.parametrize("sparse", [False, True])
def test_constant_duplicate_and_empty_columns_do_no_harm(sparse):
    rng = np.random.default_rng(9)
    good = rng.normal(size=(40, 3))
    X = np.column_stack([good, np.full(40, 0.1), good[:, 0], np.zeros(40)])
    y = good.sum(axis=1) + 0.1 * rng.normal(size=40)
    found = fit(sp.csr_matrix(X) if sparse else X, y, alpha=0.05)
    b = found["weights"][0]
    alone = fit(good, y, alpha=0.05)
    assert found["converged"]
    assert b[3] == 0
    assert b[5] == 0
    np.testing.assert_allclose([b[0] + b[4], b[1], b[2]], alone["weights"][0], atol=1e-6)
    np.testing.assert_allclose(found["objective"], alone["objective"], rtol=1e-9)


@pytest.mark.parametrize("isa", _core.instruction_sets())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 70])
def test_kernels_of_a_column_are_those_of_numpy(isa, dtype, n):
    rng = np.random.default_rng(n)
    x, h, u = rng.normal(size=n).astype(dtype), rng.random(n), rng.normal(size=n)
    z = x.astype(float) - 0.3
    assert _core.column_dot(isa, x, u) == pytest.approx(x.astype(float) @ u, abs=1e-13)
    assert _core.column_moments(isa, x, 0.3, h) == pytest.approx((h @ z, h @ z**2), abs=1e-13)
    np.testing.assert_allclose(_core.column_added(isa, 0.7, x, 0.3, h, u), u + 0.7 * h * z, atol=1e-15)
    np.testing.assert_allclose(_core.scaled_added(isa, 0.7, h, u), u + 0.7 * h, atol=1e-15)


def test_a_warm_start_takes_fewer_steps():
    rng = np.random.default_rng(10)
    X = rng.normal(size=(200, 1000))
    y = X[:, :20].sum(axis=1) + rng.normal(size=200)
    first = fit(X, y, alpha=0.1)
    again = fit(X, y, alpha=0.1, start=(first["weights"], first["intercepts"]))
    cold = fit(X, y, alpha=0.095)
    near = fit(X, y, alpha=0.095, start=(first["weights"], first["intercepts"]))
    assert again["n_iter"] == 0
    assert near["n_iter"] < cold["n_iter"]
