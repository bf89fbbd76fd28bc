"""Standard errors, separation and solvers as the estimators of linear models offer them."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

import curvature as cv


def _labels(n=400):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 3))
    return X, (X[:, 0] + rng.logistic(size=n) > 0).astype(int)


def test_summary_of_a_fit():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    est = cv.LinearRegressor(alpha=0, covariance="model").fit(X, y)
    found = est.summary()
    assert found.names == ("intercept", *X.columns)
    np.testing.assert_allclose(found.coefficients, [est.intercept_, *est.coef_])
    np.testing.assert_array_equal(est.covariance_, found.covariance)
    ones = np.column_stack([np.ones(len(y)), X])
    residuals = y - est.predict(X)
    expected = np.linalg.inv(ones.T @ ones) * (residuals @ residuals) / (len(y) - 11)
    errors = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        est.covariance_ / np.outer(errors, errors), expected / np.outer(errors, errors), atol=1e-9
    )
    np.testing.assert_allclose(est.hessian_, ones.T @ ones, rtol=1e-8, atol=1e-8)
    assert "intercept" in str(found) and "bmi" in str(found)
    again = pickle.loads(pickle.dumps(est))
    assert str(again.summary()) == str(found)


def test_summary_needs_a_fit_that_asked_for_it():
    X, y = _labels()
    est = cv.LinearClassifier(alpha=0, covariance="HC3").fit(X, y)
    est.summary()
    est.set_params(covariance=None).fit(X, y)
    with pytest.raises(ValueError, match="needs a fit with covariance='model'"):
        est.summary()
    assert not hasattr(est, "covariance_")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"solver": "sgd"}, "not 'sgd'"),
        ({"alpha": 0.1, "l1_ratio": 0.5}, "not known beside an L1 penalty"),
        ({"positive": True}, "not known of coefficients with bounds"),
        ({"covariance": "HC9"}, "covariance='HC9' must be one of"),
    ],
)
def test_what_has_no_standard_errors_is_refused(given, sentence):
    X, y = _labels()
    with pytest.raises(ValueError, match=sentence):
        cv.LinearClassifier(**({"alpha": 0, "covariance": "model"} | given)).fit(X, y)


def test_several_scores_have_no_standard_errors_yet():
    X, y = _labels()
    with pytest.raises(ValueError, match="is of models of one score"):
        cv.LinearClassifier(covariance="model").fit(X, y + (X[:, 1] > 0))


def test_separated_classes_are_named():
    X, y = _labels()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cv.LinearClassifier(alpha=0).fit(X, y)
        cv.LinearClassifier(alpha=1e-3).fit(X, X[:, 2] > 0)
    with pytest.warns(ConvergenceWarning, match=r"completely separated: .*x2 .*add alpha") as seen:
        cv.LinearClassifier(alpha=0).fit(X, X[:, 2] > 0)
    assert len(seen) == 1


def test_perceptrons_learn_by_descent():
    X, y = _labels()
    est = cv.LinearClassifier(loss="perceptron", max_iter=20).fit(X, y)
    assert est.solver_ == "sgd"
    assert est.score(X, y) > 0.6


def test_a_rate_that_leads_uphill_is_said():
    X, y = _labels()
    with pytest.warns(ConvergenceWarning, match="lies above that of the start: lower learning_rate"):
        cv.LinearRegressor(solver="sgd", learning_rate=0.9, batch_size=1, n_iter_no_change=1).fit(5 * X, y)


def test_descent_on_counts_begins_at_their_mean():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 2))
    y = rng.poisson(np.exp(5 + 0.3 * X[:, 0]))
    options = {"loss": "poisson", "solver": "sgd", "learning_rate": 1e-4, "batch_size": 10, "max_iter": 50}
    est = cv.LinearRegressor(**options).fit(X, y)
    exact = cv.LinearRegressor(loss="poisson").fit(X, y)
    np.testing.assert_allclose(est.coef_, exact.coef_, atol=0.02)


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs", "cd"])
@pytest.mark.parametrize("kind", ["model", "HC3"])
def test_standard_errors_do_not_depend_on_the_solver(solver, kind):
    """A rough tol is no reason for rough errors: the fit goes on to where they have six digits."""
    X, y = _labels()
    rough = cv.LinearClassifier(alpha=0.01, solver=solver, covariance=kind, tol=1e-2).fit(X, y)
    exact = cv.LinearClassifier(alpha=0.01, solver="newton", covariance=kind, tol=1e-15).fit(X, y)
    assert rough.converged_
    np.testing.assert_allclose(rough.covariance_, exact.covariance_, rtol=1e-6, atol=1e-9)


def test_weights_and_offsets_of_a_summary_are_those_of_the_fit():
    X, _ = _labels()
    rng = np.random.default_rng(1)
    counts, weights = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float), rng.integers(0, 3, len(X)).astype(float)
    est, kept = cv.LinearRegressor(loss="poisson", alpha=0, covariance="HC0"), weights > 0
    found = est.fit(X, counts, sample_weight=weights).summary()
    without = est.fit(X[kept], counts[kept], sample_weight=weights[kept]).summary()
    np.testing.assert_allclose(found.covariance, without.covariance, rtol=1e-6)
    moved = est.fit(X, counts, sample_weight=weights, offset=2.0).summary()
    np.testing.assert_allclose(moved.coefficients, found.coefficients - [2, 0, 0, 0], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(moved.covariance, found.covariance, rtol=1e-6)


@pytest.mark.parametrize("loss", ["absolute", "quantile", "epsilon_insensitive", lambda y, f: abs(y - f)])
def test_losses_without_curvature_have_no_standard_errors(loss):
    X, y = _labels()
    with pytest.raises(ValueError, match="covariance='HC0' needs a loss with curvature"):
        cv.LinearRegressor(loss=loss, covariance="HC0").fit(X, y)


def test_an_epoch_of_descent_forgets_the_standard_errors_of_a_fit():
    """Its weights are others; with `covariance` it is refused, and leaves the fit."""
    X, y = _labels()
    est = cv.LinearClassifier(alpha=0, covariance="model").fit(X, y)
    with pytest.raises(ValueError, match="covariance='model' needs the exact minimum"):
        est.partial_fit(X, y)
    assert est.solver_ == "newton" and est.summary().kind == "model"
    est.set_params(covariance=None).partial_fit(X, y)
    assert not hasattr(est, "covariance_")
    with pytest.raises(ValueError, match="needs a fit with covariance"):
        est.summary()


@pytest.mark.parametrize("solver", ["newton", "newton_cg", "lbfgs", "cd", "sgd"])
def test_stopping_early_says_what_to_change(solver):
    X, y = _labels()
    with pytest.warns(ConvergenceWarning, match=f"solver='{solver}' stopped after 1 .*raise max_iter") as seen:
        cv.LinearRegressor(loss="poisson", solver=solver, max_iter=1, learning_rate=1e-3).fit(X, y)
    assert len(seen) == 1


def _warnings_of(est, X, y):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        est.fit(X, y)
    return seen


def test_warnings_name_the_line_that_fitted():
    X, y = _labels()
    twins = np.c_[X, X[:, 0] + 1e-6 * X[:, 1] ** 2]
    (separated,) = _warnings_of(cv.LinearClassifier(alpha=0), X, X[:, 2] > 0)
    (short,) = _warnings_of(cv.LinearRegressor(loss="poisson", max_iter=1), X, y)
    (dependent,) = _warnings_of(cv.LinearRegressor(alpha=0, covariance="model"), twins, y)
    assert "nearly follows" in str(dependent.message)
    assert {warning.filename for warning in (separated, short, dependent)} == {__file__}
