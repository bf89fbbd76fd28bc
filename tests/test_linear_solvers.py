"""Newton's method, L-BFGS and smoothing: minima, certificates, and what must not change them."""

import numpy as np
import pytest
import scipy.sparse as sp
from linear_problems import core_fit, objective
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, PoissonRegressor, QuantileRegressor, Ridge

from curvature import _core
from curvature.losses import Loss

SMOOTH = {
    "squared": "numbers",
    "huber": "numbers",
    "pseudo_huber": "numbers",
    "log_cosh": "numbers",
    "expectile": "numbers",
    "poisson": "counts",
    "gamma": "positive",
    "tweedie": "counts",
    "negative_binomial": "counts",
    "squared_log": "counts",
    "asymmetric": "numbers",
    "logistic": "labels",
    "exponential": "signs",
    "squared_hinge": "signs",
    "modified_huber": "signs",
}
KINKED = {
    "absolute": "numbers",
    "quantile": "numbers",
    "epsilon_insensitive": "numbers",
    "hinge": "signs",
}


def _problem(kind, n=400, p=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    f = X @ rng.standard_normal(p) * 0.5 + 0.3
    y = {
        "numbers": lambda: f + rng.standard_t(2, n),
        "counts": lambda: rng.poisson(np.exp(f)).astype(float),
        "positive": lambda: rng.gamma(2, np.exp(f)) + 1e-3,
        "labels": lambda: (rng.random(n) < 1 / (1 + np.exp(-f))).astype(float),
        "signs": lambda: 2.0 * (rng.random(n) < 1 / (1 + np.exp(-f))) - 1,
    }[kind]()
    return X, y


def _as_vector(fit):
    return np.append(fit["weights"].ravel(), fit["intercepts"])


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
@pytest.mark.parametrize("loss", SMOOTH)
def test_no_slope_is_left_at_the_minimum(loss, solver):
    X, y = _problem(SMOOTH[loss])
    weights = np.random.default_rng(1).integers(0, 4, len(y)).astype(float)
    offset = np.linspace(-0.5, 0.5, len(y))
    fit = core_fit(X, y, loss, weights, [offset], alpha=0.01, solver=solver, tol=1e-14)
    f = X @ fit["weights"][0] + fit["intercepts"][0] + offset
    g = weights * Loss(loss).gradient(y, f) / weights.sum()
    assert fit["converged"] and fit["solver"] == solver
    np.testing.assert_allclose(X.T @ g + 0.01 * fit["weights"][0], 0, atol=1e-6)
    assert abs(g.sum()) < 1e-6
    arguments = (X, y, loss, fit["weights"], fit["intercepts"], 0.01, 0.0, weights, offset)
    assert fit["objective"] == pytest.approx(objective(*arguments), rel=1e-12)


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
@pytest.mark.parametrize("loss", KINKED)
def test_the_gap_of_losses_with_kinks_is_a_bound(loss, solver):
    X, y = _problem(KINKED[loss])
    exact = core_fit(X, y, loss, alpha=1e-3, solver="newton", tol=1e-12, max_iter=5000)
    least = exact["objective"] * (1 - max(0.0, exact["gap"]))
    for tol in (1e-2, 1e-4, 1e-6):
        fit = core_fit(X, y, loss, alpha=1e-3, solver=solver, tol=tol)
        assert fit["converged"] and fit["gap"] <= tol
        assert fit["objective"] - least <= fit["gap"] * fit["objective"] * (1 + 1e-9)
    value = objective(X, y, loss, exact["weights"], exact["intercepts"], 1e-3)
    assert exact["objective"] == pytest.approx(value, rel=1e-12)
    assert exact["gap"] <= 1e-8


def test_quantiles_as_by_linear_programming():
    X, y = _problem("numbers", n=150)
    for level in (0.1, 0.5, 0.8):
        ours = core_fit(X, y, Loss("quantile") if level == 0.5 else _quantile(level), alpha=0, tol=1e-10, max_iter=5000)
        theirs = QuantileRegressor(quantile=level, alpha=0).fit(X, y)
        np.testing.assert_allclose(ours["weights"][0], theirs.coef_, atol=1e-4)
        assert ours["intercepts"][0] == pytest.approx(theirs.intercept_, abs=1e-4)


def _quantile(level):
    from curvature import losses

    return losses.Quantile(level)


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
def test_same_minimum_as_scikit_learn(solver):
    X, y = _problem("labels")
    n, alpha = len(y), 0.02
    pairs = [
        ("logistic", y, LogisticRegression(C=1 / (alpha * n), tol=1e-12, solver="newton-cholesky")),
        ("squared", X[:, 0] + y, Ridge(alpha=alpha * n)),
        ("poisson", y + 1, PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=1000)),
    ]
    for loss, target, theirs in pairs:
        ours = core_fit(X, target, loss, alpha=alpha, solver=solver, tol=1e-15)
        theirs.fit(X, target)
        np.testing.assert_allclose(ours["weights"].ravel(), theirs.coef_.ravel(), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(ours["intercepts"], theirs.intercept_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
def test_softmax_as_by_scikit_learn(solver):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 4)) * [1, 10, 0.01, 3] + [0, 100, 5, 0]
    f = (X - X.mean(0)) / X.std(0) @ rng.standard_normal((4, 5))
    y = (f + rng.gumbel(size=f.shape)).argmax(1)
    ours = core_fit(X, y, "softmax", n_classes=5, alpha=1e-3, tol=1e-14, solver=solver)
    theirs = LogisticRegression(C=1 / (1e-3 * len(y)), tol=1e-10, solver="newton-cholesky", max_iter=1000).fit(X, y)
    assert ours["solver"] == solver and ours["converged"]
    least = objective(X, y, "softmax", theirs.coef_, theirs.intercept_, 1e-3)
    assert ours["objective"] == pytest.approx(least, rel=1e-9)
    np.testing.assert_allclose(ours["weights"], theirs.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours["weights"].sum(0), 0, atol=1e-9)


def _softmax_of_three(y, f):
    return np.log(np.exp(f[0]) + np.exp(f[1]) + np.exp(f[2])) - np.where(y == 0, f[0], np.where(y == 1, f[1], f[2]))


def _normal(y, f):
    return f[1] + (y - f[0]) ** 2 * np.exp(-2 * f[1]) / 2


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
@pytest.mark.parametrize("formula", [_softmax_of_three, _normal])
def test_formulas_of_several_scores(formula, solver):
    X, y = _problem("numbers", p=3)
    if formula is _softmax_of_three:
        y = np.digitize(y, [-1, 1]).astype(float)
    else:
        y = X[:, 0] + np.exp(0.5 * X[:, 1]) * np.random.default_rng(1).standard_normal(len(y))
    fit = core_fit(X, y, formula, alpha=0.01, tol=1e-13, solver=solver)
    n_outputs = fit["weights"].shape[0]

    def value(v):
        rows = v.reshape(n_outputs, -1)
        return objective(X, y, formula, rows[:, :-1], rows[:, -1], 0.01)

    start = np.column_stack([fit["weights"], fit["intercepts"]]).ravel()
    assert value(start) == pytest.approx(fit["objective"], rel=1e-12)
    better = minimize(value, start, method="BFGS", options={"gtol": 1e-9})
    assert better.fun >= fit["objective"] * (1 - 1e-9)
    if formula is _softmax_of_three:
        named = core_fit(X, y, "softmax", n_classes=3, alpha=0.01, tol=1e-13)
        np.testing.assert_allclose(fit["weights"], named["weights"], atol=1e-6)


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
def test_scale_and_place_of_columns_cost_no_iterations(solver):
    X, y = _problem("labels", n=600)
    plain = core_fit(X, y, "logistic", alpha=0, solver=solver)
    scale, place = np.logspace(-6, 6, 6), np.array([1e6, -1e6, 0, 0, 1e3, -1e4]) * np.logspace(-6, 6, 6)
    bad = core_fit(X * scale + place, y, "logistic", alpha=0, solver=solver)
    assert bad["converged"] and bad["n_iter"] <= plain["n_iter"] + 2
    assert bad["objective"] == pytest.approx(plain["objective"], rel=1e-8)
    np.testing.assert_allclose(bad["weights"] * scale, plain["weights"], rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_a_weight_is_a_repetition(loss, solver):
    X, y = _problem(SMOOTH[loss])
    weights = np.random.default_rng(2).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), weights)
    options = {"solver": solver, "tol": 1e-15}
    weighted = core_fit(X, y, loss, weights, **options)
    repeated = core_fit(X[rows], y[rows], loss, **options)
    np.testing.assert_allclose(_as_vector(weighted), _as_vector(repeated), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", ["C", "F", "float32", "sparse", "sparse32"])
@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs"])
def test_every_storage_and_number_of_threads_gives_the_same(solver, kind):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30_000, 7)).astype(np.float32)
    X[rng.random(X.shape) < 0.5] = 0
    y = (X.sum(1) + rng.logistic(size=len(X)) > 0).astype(float)
    stored = {
        "C": lambda: X.astype(np.float64),
        "F": lambda: np.asfortranarray(X, np.float64),
        "float32": lambda: X,
        "sparse": lambda: sp.csr_matrix(X.astype(np.float64)),
        "sparse32": lambda: sp.csr_matrix(X),
    }[kind]()
    fits = [core_fit(stored, y, "logistic", solver=solver, n_jobs=threads) for threads in (1, 2, 3, 8)]
    for fit in fits[1:]:
        assert fit["weights"].tobytes() == fits[0]["weights"].tobytes()
        assert fit["intercepts"].tobytes() == fits[0]["intercepts"].tobytes()
    plain = core_fit(X.astype(np.float64), y, "logistic", solver="newton")
    np.testing.assert_allclose(_as_vector(fits[0]), _as_vector(plain), rtol=1e-3, atol=1e-4)
    assert fits[0]["objective"] == pytest.approx(plain["objective"], rel=1e-8)


def test_no_intercept_and_given_starts():
    X, y = _problem("numbers")
    fit = core_fit(X, y, "squared", alpha=0, fit_intercept=False)
    np.testing.assert_allclose(fit["weights"][0], np.linalg.lstsq(X, y, rcond=None)[0], rtol=1e-8)
    assert fit["intercepts"][0] == 0
    again = core_fit(X, y, "huber", start=(fit["weights"], fit["intercepts"]), alpha=0, tol=1e-12)
    once_more = core_fit(X, y, "huber", start=(again["weights"], again["intercepts"]), alpha=0, tol=1e-12)
    assert once_more["n_iter"] == 1


def test_dependent_and_constant_columns():
    X, y = _problem("labels")
    wide = np.column_stack([X, X[:, 0] + X[:, 1], np.full(len(y), 3.0), np.zeros(len(y))])
    for solver in ("newton", "newton_cg", "lbfgs"):
        fit = core_fit(wide, y, "logistic", alpha=0, solver=solver, tol=1e-12)
        plain = core_fit(X, y, "logistic", alpha=0, solver=solver, tol=1e-12)
        assert fit["converged"]
        assert fit["objective"] == pytest.approx(plain["objective"], rel=1e-9)


def test_more_columns_than_rows():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 300)), rng.standard_normal(40)
    for solver in ("newton", "newton_cg", "lbfgs"):
        fit = core_fit(X, y, "squared", alpha=0.1, solver=solver, tol=1e-13)
        theirs = Ridge(alpha=0.1 * len(y), solver="svd").fit(X, y)
        np.testing.assert_allclose(fit["weights"][0], theirs.coef_, rtol=1e-4, atol=1e-6)


def test_separated_classes_end_with_a_large_finite_model():
    X = np.arange(20.0)[:, None]
    y = (X[:, 0] > 9).astype(float)
    fit = core_fit(X, y, "logistic", alpha=0, max_iter=60)
    assert np.isfinite(_as_vector(fit)).all()
    assert fit["objective"] < 1e-6


def test_losses_without_values():
    from curvature import losses

    X, y = _problem("labels")
    by_hand = losses.FromArrays(lambda y, f: (1 / (1 + np.exp(-f)) - y, 1 / (2 + np.exp(f) + np.exp(-f))))
    for solver in ("newton", "newton_cg", "lbfgs"):
        fit = core_fit(X, y, by_hand, solver=solver, tol=1e-12)
        named = core_fit(X, y, "logistic", solver=solver, tol=1e-12)
        np.testing.assert_allclose(_as_vector(fit), _as_vector(named), rtol=1e-5, atol=1e-6)


def test_choice_of_the_solver():
    X, y = _problem("labels", n=50)
    assert core_fit(X, y, "logistic")["solver"] == "newton"
    assert core_fit(X, y, "softmax", n_classes=2)["solver"] == "newton"
    assert core_fit(X, y, _ten_scores)["solver"] == "lbfgs"
    wide = sp.random(300, 5000, 0.01, "csr", random_state=0)
    assert core_fit(wide, (np.arange(300) % 2).astype(float), "logistic", tol=1e-4)["solver"] == "newton_cg"


def _ten_scores(y, f):
    return sum((y - k * f[k]) ** 2 for k in range(1, 10)) + f[0] ** 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"solver": "newton", "l1_ratio": 0.5}, "solver='newton' can do no L1 penalty: use solver='cd'."),
        ({"solver": "lbfgs", "extras": {"lower": [0.0] * 6}}, "solver='lbfgs' can do no bounds: use solver='cd'."),
        ({"solver": "newton", "loss": _ten_scores}, "of 10 scores has not: use solver='lbfgs'."),
        ({"solver": "newton", "X": sp.csr_matrix((50, 30_000))}, "more than 20000: use solver='newton_cg'."),
        ({"solver": "magic"}, "solver='magic' must be 'auto', 'newton', 'newton_cg', 'lbfgs', 'cd' or 'sgd'."),
        ({"alpha": -1.0}, "alpha=-1.0 must be a number at least 0"),
        ({"extras": {"penalty_factors": [1.0, 2.0]}}, "penalty_factors has 2 values; one for each of 6 columns"),
        ({"extras": {"penalty_factors": [1.0, -2.0, 1, 1, 1, 1]}}, r"penalty_factors\[1\]=-2 must be at least 0"),
        ({"extras": {"lower": [1.0] * 6}}, "bounds have the lower bound 1 for column 0; it must be at most 0."),
        ({"loss": "zero_one"}, "is a measure only"),
        ({"offsets": [np.zeros(3)]}, "offset must be one-dimensional with 50 elements"),
    ],
)
def test_bad_input_is_named(given, sentence):
    X, y = _problem("labels", n=50)
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        core_fit(**({"X": X, "y": y, "loss": "logistic"} | given))


def test_every_loss_is_tried():
    fitting = {row["name"] for row in _core.loss_table() if row["fits"]}
    assert fitting - SMOOTH.keys() - KINKED.keys() <= {"softmax", "focal", "kullback_leibler", "perceptron"}
