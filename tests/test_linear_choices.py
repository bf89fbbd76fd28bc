"""Linear models fitted epoch by epoch, and penalties chosen by cross-validation."""

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

import curvature as cv
from curvature import losses

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 12))
Y = X[:, 0] - 2 * X[:, 1] + RNG.normal(size=150)
LABELS = (Y > 0).astype(int)
THREE = np.digitize(Y, [-1.0, 1.0])

ESTIMATORS = [cv.LinearRegressor, cv.LinearClassifier]
both = pytest.mark.parametrize("estimator", ESTIMATORS)


def target_of(estimator: type) -> np.ndarray:
    return LABELS if estimator is cv.LinearClassifier else Y


def known_classes(estimator: type, y: np.ndarray = LABELS) -> dict[str, Any]:
    return {"classes": np.unique(y)} if estimator is cv.LinearClassifier else {}


@both
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_epochs_in_pieces_are_a_fit(estimator: type, optimizer: str) -> None:
    """Five calls of partial_fit, one of them after a pickle, are a fit of five epochs, bit for bit."""
    params = {"solver": "sgd", "optimizer": optimizer, "max_iter": 5, "tol": 0, "schedule": "inverse"}
    whole = estimator(**params).fit(X, target_of(estimator))
    pieces = estimator(**params)
    for epoch in range(5):
        pieces.partial_fit(X, target_of(estimator), **known_classes(estimator))
        pieces = pickle.loads(pickle.dumps(pieces)) if epoch == 2 else pieces
    assert_array_equal(pieces.coef_, whole.coef_)
    assert_array_equal(pieces.intercept_, whole.intercept_)
    assert whole.n_iter_ == pieces.n_iter_ == 5
    assert whole.solver_ == "sgd"


@both
def test_partial_fit_goes_on_from_any_fit(estimator: type) -> None:
    """After Newton's method an epoch at a tiny rate stays at its weights; fit begins anew."""
    est = estimator(learning_rate=1e-9).fit(X, target_of(estimator))
    before = est.coef_
    est.partial_fit(X, target_of(estimator))
    assert_allclose(est.coef_, before, atol=1e-6)
    assert est.solver_ == "sgd"
    again = estimator.from_model(est.model_).set_params(learning_rate=1e-9)
    again.partial_fit(X, target_of(estimator))
    assert_allclose(again.coef_, before, atol=1e-6)


@pytest.mark.parametrize("loss", ["logistic", "hinge", "perceptron"])
def test_partial_fit_of_several_classes(loss: str) -> None:
    """Batches in which classes are missing; one-vs-rest keeps a state for each class."""
    est = cv.LinearClassifier(loss=loss, learning_rate=0.05)
    order = np.argsort(THREE)
    for _ in range(20):
        for part in np.array_split(np.random.default_rng(1).permutation(order), 6) + [order[:10]]:
            est.partial_fit(X[part], THREE[part], classes=[0, 1, 2])
    assert est.coef_.shape == (3, 12)
    assert est.score(X, THREE) > 0.6


def test_partial_fit_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="classes is missing: the first partial_fit needs all labels"):
        cv.LinearClassifier().partial_fit(X, LABELS)
    with pytest.raises(ValueError, match=r"y\[\d+\]=2 is none of the classes \[0, 1\]"):
        cv.LinearClassifier().partial_fit(X, THREE, classes=[0, 1])
    with pytest.raises(ValueError, match=r"classes=\[0, 1, 2\] are not those of before, \[0, 1\]"):
        cv.LinearClassifier().partial_fit(X, LABELS, classes=[0, 1]).partial_fit(X, THREE, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows at once"):
        cv.LinearClassifier(class_weight="balanced").partial_fit(X, LABELS, classes=[0, 1])
    with pytest.raises(ValueError, match="partial_fit is of solver='sgd' only, not of solver='newton'"):
        cv.LinearRegressor(solver="newton").partial_fit(X, Y)
    with pytest.raises(ValueError, match="partial_fit takes one alpha"):
        cv.LinearRegressor(alpha="cv").partial_fit(X, Y)


@both
def test_descent_comes_near_the_optimum(estimator: type) -> None:
    """SGD's objective_ is F, and not far above the least."""
    target = target_of(estimator)
    least = estimator(alpha=0.01).fit(X, target).objective_
    est = estimator(
        alpha=0.01, solver="sgd", optimizer="adam", learning_rate=0.05, schedule="cosine", max_iter=200, tol=0
    )
    assert least <= est.fit(X, target).objective_ <= least * 1.01


@both
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_the_choice_is_the_best_of_the_folds(estimator: type, l1_ratio: float) -> None:
    """cv_losses_ are the held-out losses of fits at each alpha; the model is the fit at the best."""
    target, alphas = target_of(estimator), [1e-3, 1.0, 0.1]
    splits = list(KFold(4, shuffle=True, random_state=1).split(X))
    est = estimator(alpha=alphas, l1_ratio=l1_ratio, cv=splits).fit(X, target)
    assert_array_equal(est.alphas_, [1.0, 0.1, 1e-3])
    loss = losses.Loss("squared" if estimator is cv.LinearRegressor else "logistic")
    expected = np.zeros((3, 4))
    for row, alpha in enumerate(est.alphas_):
        for fold, (kept, held) in enumerate(splits):
            model = estimator(alpha=alpha, l1_ratio=l1_ratio).fit(X[kept], target[kept]).model_
            expected[row, fold] = loss.value(target[held], model.decision_function(X[held])).mean()
    assert_allclose(est.cv_losses_, expected, rtol=1e-4)
    sizes = [len(held) for _, held in splits]
    assert_allclose(est.cv_mean_losses_, np.average(expected, weights=sizes, axis=1), rtol=1e-4)
    assert est.alpha_ == est.alphas_[est.cv_mean_losses_.argmin()]
    assert_array_equal(est.coef_, estimator(alpha=est.alpha_, l1_ratio=l1_ratio).fit(X, target).coef_)


@both
def test_the_grid_begins_where_all_weights_are_0(estimator: type) -> None:
    """Of 50 on a log scale the greatest gives 0, a little less does not; ridge begins as l1_ratio=1e-3 would."""
    target, weights = target_of(estimator), RNG.uniform(0.5, 2, len(X))
    est = estimator(alpha="cv", l1_ratio=1.0).fit(X, target, sample_weight=weights)
    assert len(est.alphas_) == 50
    assert_allclose(np.diff(np.log(est.alphas_)), np.log(1e-3) / 49)
    largest = est.alphas_[0]
    for alpha, n_used in ((largest * 1.0001, 0), (largest * 0.99, 1)):
        sparse_fit = estimator(alpha=alpha, l1_ratio=1.0, tol=1e-10).fit(X, target, sample_weight=weights)
        assert np.count_nonzero(sparse_fit.coef_) == n_used
    ridge = estimator(alpha="cv").fit(X, target, sample_weight=weights)
    assert_allclose(ridge.alphas_[[0, -1]], [1000 * est.alphas_[0], est.alphas_[-1]], rtol=1e-5)
    assert largest > est.alpha_ > est.alphas_[-1]
    wide = estimator(alpha="cv", l1_ratio=0.5, cv=2).fit(X[:10], target[:10])
    assert_allclose(wide.alphas_[-1], 1e-2 * wide.alphas_[0] / 2)


def test_a_choice_is_reproducible_and_stored() -> None:
    """Seeds draw the folds; sparse is dense; the file keeps what was asked for, and a plain fit forgets the choice."""
    est = cv.LinearClassifier(alpha="cv", multi_class="one_vs_rest", random_state=3).fit(X, THREE)
    assert est.cv_losses_.shape == (50, 5)
    other = cv.LinearClassifier(alpha="cv", multi_class="one_vs_rest", random_state=3).fit(sparse.csr_array(X), THREE)
    assert_allclose(other.cv_losses_, est.cv_losses_, rtol=1e-4)
    moved = cv.LinearClassifier(alpha="cv", multi_class="one_vs_rest", random_state=4).fit(X, THREE)
    assert (moved.cv_losses_ != est.cv_losses_).any()
    assert cv.LinearClassifier.from_model(cv.Model.from_bytes(est.model_.to_bytes())).get_params() == est.get_params()
    est.set_params(alpha=0.1).fit(X, THREE)
    assert not hasattr(est, "alpha_") and not hasattr(est, "cv_losses_")


def test_a_path_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="cv=5 must be at most the number of rows"):
        cv.LinearRegressor(alpha="cv").fit(X[:3], Y[:3])
    arrays = losses.FromArrays(lambda y, f: (f - y, np.ones_like(f)))
    with pytest.raises(ValueError, match="loss='from_arrays' has no values to compare by"):
        cv.LinearRegressor(alpha="cv", loss=arrays).fit(X, Y)


def test_the_grid_begins_where_weights_without_penalty_are_fitted() -> None:
    """The greatest alpha leaves only the column without a penalty; a little less brings in another."""
    factors, weights = np.r_[1.0, 0.0, 2.0, np.ones(9) / 2], RNG.uniform(0.5, 2, len(X))
    est = cv.LinearRegressor(alpha="cv", l1_ratio=1.0, penalty_factors=factors, loss="poisson", tol=1e-12)
    counts, offset = np.round(np.exp(Y / 3)), RNG.normal(size=len(X)) / 4
    largest = est.fit(X, counts, weights, offset=offset).alphas_[0]
    for alpha, n_used in ((largest * 1.0001, 1), (largest * 0.99, 2)):
        est.set_params(alpha=alpha).fit(X, counts, weights, offset=offset)
        assert np.count_nonzero(est.coef_) == n_used


def above(y: Any, f: Any) -> Any:
    return np.maximum(y - f, 2 * (f - y))


@pytest.mark.parametrize(
    ("estimator", "params", "solver"),
    [
        (cv.LinearClassifier, {"loss": "perceptron"}, "sgd"),
        (cv.LinearClassifier, {"loss": "perceptron", "positive": True}, "cd"),
        (cv.LinearClassifier, {"loss": "hinge"}, "newton"),
        (cv.LinearRegressor, {"loss": above}, "lbfgs"),
        (cv.LinearRegressor, {"loss": above, "l1_ratio": 0.5}, "cd"),
        (cv.LinearRegressor, {"l1_ratio": 0.5}, "cd"),
    ],
)
def test_auto_says_what_it_took(estimator: type, params: dict[str, Any], solver: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est = estimator(**params).fit(X, target_of(estimator))
    assert est.solver_ == solver
    assert est.get_params()["solver"] == "auto"


def test_a_perceptron_learns() -> None:
    """Its least loss is that of weights of 0; what is wanted is the line that it ends at."""
    assert cv.LinearClassifier(loss="perceptron", max_iter=100, tol=0).fit(X, LABELS).score(X, LABELS) > 0.85


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_descent_of_a_log_link_begins_at_the_best_constant(loss: str) -> None:
    """However far it is from 1: an epoch at a rate of nothing predicts the mean of y, and beside an offset the constant
    at which the loss has no slope.
    """
    y, offset = 1e6 * np.exp(Y / 4), 3 + RNG.normal(size=len(X))
    tiny: dict[str, Any] = {"loss": loss, "solver": "sgd", "learning_rate": 1e-30, "max_iter": 1, "tol": 0}
    est = cv.LinearRegressor(**tiny).fit(X, y)
    assert_allclose(est.predict(X), y.mean(), rtol=1e-9)
    first = cv.LinearRegressor(**tiny).partial_fit(X, y, offset=offset)
    slopes = cv.Loss(loss).gradient(y, np.log(first.predict(X, offset=offset)))
    assert abs(slopes.sum()) <= 1e-9 * abs(slopes).sum()
    assert cv.LinearRegressor(fit_intercept=False, **tiny).fit(X, y).intercept_ == 0
    assert_allclose(cv.LinearRegressor(**tiny | {"loss": "squared"}).fit(X, y).intercept_, 0, atol=1e-20)


def test_descent_goes_on_from_a_warm_start() -> None:
    est = cv.LinearRegressor(loss="poisson", warm_start=True).fit(X, np.exp(Y / 4))
    before = est.intercept_
    est.set_params(solver="sgd", learning_rate=1e-30, max_iter=1, tol=0).fit(X, 9 * np.exp(Y / 4))
    assert_allclose(est.intercept_, before)


def test_a_ridge_by_cross_validation_is_about_as_good_as_any() -> None:
    """The grid of n > p goes down to where the penalty hardly shows."""
    table, y = load_wine(return_X_y=True)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    est = cv.LinearClassifier(alpha="cv").fit(table, y)
    fixed = [cv.LinearClassifier(alpha=[alpha]).fit(table, y).cv_mean_losses_[0] for alpha in np.logspace(-6, 1, 15)]
    assert est.cv_mean_losses_.min() <= min(fixed) + 1e-3


def test_a_grid_that_ends_too_early_is_said() -> None:
    """Of columns in units far apart, one penalty suits some only; a grid of the user's own is his."""
    units = np.ones(12)
    units[1] = 300.0
    with pytest.warns(UserWarning, match="came to its least candidate, .*scale the columns of X"):
        est = cv.LinearRegressor(alpha="cv", l1_ratio=1.0).fit(X * units, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cv.LinearRegressor(alpha="cv", l1_ratio=1.0).fit(X, Y)
        cv.LinearRegressor(alpha=est.alphas_, l1_ratio=1.0).fit(X * units, Y)
