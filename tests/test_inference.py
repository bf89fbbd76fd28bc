"""Standard errors and what follows from them: beside statsmodels, beside the formulas, and in repeated samples."""

import json
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_diabetes

from curvature import _core
from curvature._inference import KINDS, Inference, inference_of

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CURVATURE_DATA", ROOT.parent / "shared" / "data"))
PARAMS: dict[str, Any] = {
    "alpha": 0.0, "l1_ratio": 0.0, "fit_intercept": True, "tol": 0.0, "max_iter": 100, "solver": "newton", "seed": 0,
    "n_jobs": 2,
}  # fmt: skip


@dataclass
class Problem:
    """A design and a target, with what belongs to them."""

    X: np.ndarray
    y: np.ndarray
    loss: str = "squared"
    loss_parameters: dict[str, float] = field(default_factory=dict)
    weights: np.ndarray | None = None
    offset: np.ndarray | None = None
    factors: np.ndarray | None = None

    def inference(self, kind: str = "model", *, at: tuple[Any, Any] | None = None, **params: Any) -> Inference:
        """Fitted as far as it goes, unless coefficients are given."""
        core = _core.named_loss(self.loss, self.loss_parameters)
        params = {**PARAMS, **params}
        offsets = [] if self.offset is None else [self.offset]
        given = (np.ascontiguousarray(self.X), [self.y], self.weights, core, params)
        if at is None:
            fit = _core.linear_fit(*given, penalty_factors=self.factors, offsets=offsets)
            at = fit["weights"], fit["intercepts"]
        return inference_of(*given, *at, kind=kind, penalty_factors=self.factors, offsets=offsets)


def stored(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The numeric columns of a set, its target, and its exposure."""
    if not (DATA / "index.json").exists():
        pytest.skip(f"no data in {DATA}")
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("pandas")
    sets = json.loads((DATA / "index.json").read_text(encoding="utf-8"))["sets"]
    record = next(record for record in sets if record["name"] == name)
    frame = parquet.read_table(DATA / record["file"]).to_pandas()
    side = {record["target"], record["split_column"], record["exposure"], record["weight"], record["group"]}
    side |= {*record["alt_targets"], *record["exclude"], *record["categorical"]}
    numeric = frame.drop(columns=[column for column in frame.columns if column in side]).to_numpy(dtype=np.float64)
    exposure = frame[record["exposure"]].to_numpy(dtype=np.float64) if record["exposure"] else None
    return numeric, frame[record["target"]].to_numpy(dtype=np.float64), exposure


def diabetes(weighted: bool = False) -> Problem:
    X, y = load_diabetes(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0.2, 3.0, len(y)) if weighted else None
    return Problem(X, y, weights=weights)


def breast_cancer() -> Problem:
    X, y = load_breast_cancer(return_X_y=True)
    return Problem(X[:, :5], y.astype(np.float64), "logistic")


def adult() -> Problem:
    X, y, _ = stored("adult")
    return Problem(X, y, "logistic")


def bike_sharing(loss: str, **parameters: float) -> Problem:
    X, y, _ = (part if part is None else part[::3] for part in stored("bike_sharing"))
    return Problem(X, y, loss, parameters, weights=np.random.default_rng(1).uniform(0.5, 2.0, len(y)))


def claims() -> Problem:
    X, y, exposure = stored("be_mtpl97")
    assert exposure is not None
    return Problem(X, y, "poisson", offset=np.log(exposure))


CASES: dict[str, Callable[[], Problem]] = {
    "least squares": diabetes,
    "weighted least squares": lambda: diabetes(weighted=True),
    "logistic": breast_cancer,
    "adult, logistic": adult,
    "claims, Poisson with offset": claims,
    "bicycles, weighted Poisson": lambda: bike_sharing("poisson"),
    "bicycles, weighted gamma": lambda: bike_sharing("gamma"),
    "bicycles, weighted negative binomial": lambda: bike_sharing("negative_binomial", dispersion=0.5),
    "bicycles, weighted Tweedie": lambda: bike_sharing("tweedie", power=1.5),
}


def oracle(problem: Problem) -> tuple[Any, Any]:
    """statsmodels' model and unscaled design."""
    sm = pytest.importorskip("statsmodels.api")
    Z = sm.add_constant(problem.X, has_constant="add")
    weights = problem.weights
    if problem.loss == "squared":
        return (sm.OLS(problem.y, Z) if weights is None else sm.WLS(problem.y, Z, weights=weights)), Z
    log = sm.families.links.Log()
    family = {
        "logistic": sm.families.Binomial(),
        "poisson": sm.families.Poisson(),
        "gamma": sm.families.Gamma(log),
        "negative_binomial": sm.families.NegativeBinomial(log, alpha=problem.loss_parameters.get("dispersion", 1.0)),
        "tweedie": sm.families.Tweedie(log, var_power=problem.loss_parameters.get("power", 1.5)),
    }[problem.loss]
    return sm.GLM(problem.y, Z, family=family, offset=problem.offset, var_weights=weights), Z


def same_covariance(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-6) -> None:
    """Every entry, in standard errors."""
    errors = np.sqrt(np.diag(theirs))
    assert_allclose(ours / np.outer(errors, errors), theirs / np.outer(errors, errors), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_statsmodels(name: str) -> None:
    """Coefficients, standard errors, tests, intervals, likelihood and criteria to 1e-6; model-based and HC0."""
    problem = CASES[name]()
    model, Z = oracle(problem)
    control = {} if problem.loss == "squared" else {"tol": 1e-13, "maxiter": 200}
    theirs = model.fit(**control)
    ours = problem.inference()
    assert_allclose(ours.coefficients, theirs.params, rtol=1e-6, atol=1e-6 * theirs.bse.min())
    assert_allclose(ours.standard_errors, theirs.bse, rtol=1e-6)
    same_covariance(ours.covariance, theirs.cov_params())
    assert_allclose(ours.z, theirs.tvalues, rtol=1e-6, atol=1e-6)
    assert_allclose(ours.p_values, theirs.pvalues, rtol=1e-5, atol=1e-6)
    assert_allclose(ours.confidence_interval(0.9), theirs.conf_int(0.1), rtol=1e-6, atol=1e-6 * theirs.bse.min())
    assert_allclose(ours.dispersion, theirs.scale, rtol=1e-6)
    if problem.loss == "tweedie":
        assert ours.log_likelihood is ours.aic is ours.bic is None
    else:
        bic = theirs.bic if problem.loss == "squared" else theirs.bic_llf
        assert_allclose([ours.log_likelihood, ours.aic, ours.bic], [theirs.llf, theirs.aic, bic], rtol=1e-6)
    assert_allclose(ours.deviance, theirs.ssr if problem.loss == "squared" else theirs.deviance, rtol=1e-6)

    if problem.loss == "logistic":  # GLM's observed Hessian has seven digits where probabilities are near 0 or 1
        sm = pytest.importorskip("statsmodels.api")
        robust = sm.Logit(problem.y, Z).fit(cov_type="HC0", disp=0, tol=1e-9, start_params=theirs.params)
    else:
        robust = model.fit(cov_type="HC0", **control)
    ours = problem.inference("HC0")
    assert_allclose(ours.standard_errors, robust.bse, rtol=1e-6)
    assert_allclose(ours.p_values, robust.pvalues, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["HC1", "HC2", "HC3"])
def test_corrected_sandwiches_of_least_squares_agree_with_statsmodels(kind: str, weighted: bool) -> None:
    problem = diabetes(weighted)
    same_covariance(problem.inference(kind).covariance, oracle(problem)[0].fit(cov_type=kind).cov_params(), 1e-9)


@pytest.mark.parametrize("name", ["logistic", "bicycles, weighted gamma"])
def test_corrected_sandwiches_follow_their_formulas(name: str) -> None:
    """Beside least squares, statsmodels takes HC0 for all four."""
    problem = CASES[name]()
    Z = np.column_stack([np.ones(len(problem.y)), problem.X])
    f = Z @ problem.inference().coefficients
    if problem.loss == "logistic":
        g, h = np.where(problem.y == 1, -expit(-f), expit(f)), expit(f) * expit(-f)
    else:
        ratio = problem.y * np.exp(-f)
        g, h = problem.weights * (1 - ratio), problem.weights * ratio
    scale = np.sqrt((Z**2).mean(axis=0))  # so that NumPy's inverse has all its digits
    B = np.linalg.inv((Z / scale).T * h @ (Z / scale))
    leverage = h * np.einsum("ij,jk,ik->i", Z / scale, B, Z / scale)
    assert_allclose(leverage.sum(), Z.shape[1])
    n, m = Z.shape
    for kind, d in {"HC1": g**2 * n / (n - m), "HC2": g**2 / (1 - leverage), "HC3": g**2 / (1 - leverage) ** 2}.items():
        expected = B @ ((Z / scale).T * d @ (Z / scale)) @ B / np.outer(scale, scale)
        same_covariance(problem.inference(kind).covariance, expected)


def test_the_hessian_is_that_of_the_total_objective() -> None:
    """Second differences of sum(w l) + sum(w) penalty, for a loss whose Hessian depends on y."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 2))
    problem = Problem(X, rng.gamma(2.0, np.exp(X[:, 0])), "gamma", weights=rng.uniform(0.5, 2, 60))
    found = problem.inference(alpha=0.1)
    b = found.coefficients

    def total(at: np.ndarray) -> float:
        f = at[0] + X @ at[1:]
        return problem.weights @ (problem.y * np.exp(-f) + f) + problem.weights.sum() * 0.05 * at[1:] @ at[1:]

    step = 1e-4 * np.eye(3)
    differences = [
        [(total(b + s + t) - total(b + s - t) - total(b - s + t) + total(b - s - t)) / (4 * 1e-8) for t in step]
        for s in step
    ]
    assert_allclose(found.hessian, differences, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_ridge_follows_the_formulas(kind: str) -> None:
    """B G B and the sandwiches with B = (G + P)^-1; degrees of freedom trace(B G); penalty factors count."""
    problem = breast_cancer()
    problem.X = (problem.X - problem.X.mean(axis=0)) / problem.X.std(axis=0)
    problem.factors = np.array([1.0, 0.0, 2.0, 1.0, 0.5])
    alpha = 0.02
    found = problem.inference(kind, alpha=alpha)
    n = len(problem.y)
    Z = np.column_stack([np.ones(n), problem.X])
    p = expit(Z @ found.coefficients)
    g, h = p - problem.y, p * (1 - p)
    G = Z.T * h @ Z
    B = np.linalg.inv(G + n * alpha * np.diag([0, *problem.factors]))
    v = h * np.einsum("ij,jk,ik->i", Z, B, Z)
    freedom = np.trace(B @ G)
    assert 1 < freedom < 6
    assert_allclose(found.degrees_of_freedom, freedom, rtol=1e-9)
    d = {
        "model": h, "HC0": g**2, "HC1": g**2 * n / (n - freedom), "HC2": g**2 / (1 - v), "HC3": g**2 / (1 - v) ** 2
    }[kind]  # fmt: skip
    same_covariance(found.covariance, B @ (Z.T * d @ Z) @ B, 1e-9)
    assert_allclose(found.aic, 2 * freedom - 2 * found.log_likelihood)
    assert_allclose(found.bic, np.log(n) * freedom - 2 * found.log_likelihood)


def test_without_an_intercept() -> None:
    sm = pytest.importorskip("statsmodels.api")
    X, y = load_diabetes(return_X_y=True)
    found = Problem(X, y).inference("HC2", fit_intercept=False)
    same_covariance(found.covariance, sm.OLS(y, X).fit(cov_type="HC2").cov_params(), 1e-9)
    assert found.names == tuple(f"x{j}" for j in range(10))


@pytest.mark.parametrize("kind", ["model", "HC3"])
def test_units_and_origins_of_columns_cost_no_digits(kind: str) -> None:
    """Columns in units of 1e-6 to 1e6, and far from 0, have the same z and the same p."""
    problem = breast_cancer()
    plain = problem.inference(kind)
    problem.X = problem.X * 10.0 ** np.array([-6, -3, 0, 3, 6])
    assert_allclose(problem.inference(kind).z, plain.z, rtol=1e-7)
    problem.X = problem.X + 1000 * problem.X.std(axis=0)
    assert_allclose(problem.inference(kind).z[1:], plain.z[1:], rtol=1e-7)


@pytest.mark.parametrize("kind", ["model", "HC3"])
def test_containers_and_threads_do_not_matter(kind: str) -> None:
    """The same bits for 1 to 3 threads; the same numbers for Fortran order, float32 and sparse rows."""
    rng = np.random.default_rng(3)
    X = np.where(rng.random((5000, 6)) < 0.3, rng.integers(-4, 5, (5000, 6)), 0).astype(np.float64)
    y = (rng.random(5000) < 1 / (1 + np.exp(-X[:, 0]))).astype(np.float64)
    problem = Problem(X, y, "logistic")
    one = problem.inference(kind, n_jobs=1)
    for threads in (2, 3):
        assert_array_equal(problem.inference(kind, n_jobs=threads).covariance, one.covariance)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    parts = (sparse.data, sparse.indices.astype(np.int32), sparse.indptr.astype(np.int64), X.shape)
    at = one.coefficients[1:], one.coefficients[:1]
    core = _core.named_loss("logistic", {})
    for form in (np.asfortranarray(X), X.astype(np.float32), parts):
        found = inference_of(form, [y], None, core, PARAMS, *at, kind=kind)
        same_covariance(found.covariance, one.covariance, 1e-12)


def test_rows_of_weight_0_do_not_exist() -> None:
    problem = diabetes(weighted=True)
    problem.weights[::3] = 0
    kept = problem.weights > 0
    rest = Problem(problem.X[kept], problem.y[kept], weights=problem.weights[kept])
    for kind in KINDS:
        a, b = problem.inference(kind), rest.inference(kind)
        assert a.n == b.n == kept.sum()
        same_covariance(a.covariance, b.covariance, 1e-10)
        assert_allclose([a.log_likelihood, a.bic], [b.log_likelihood, b.bic])


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """400 samples of a logistic regression: 95 % within 4 standard errors of a share."""
    rng = np.random.default_rng(4)
    truth, held = np.array([0.3, 1.0, -0.5]), 0.0
    for _ in range(400):
        X = rng.normal(size=(300, 2))
        y = (rng.random(300) < 1 / (1 + np.exp(-truth[0] - X @ truth[1:]))).astype(np.float64)
        low, high = Problem(X, y, "logistic").inference(n_jobs=1).confidence_interval().T
        held += ((low <= truth) & (truth <= high)).mean() / 400
    assert abs(held - 0.95) < 4 * np.sqrt(0.05 * 0.95 / (3 * 400))


def test_sandwiches_hold_where_the_variance_is_wrong() -> None:
    """Errors that grow with the size of x: HC3 still covers, the model's errors are far too small."""
    rng = np.random.default_rng(5)
    held = dict.fromkeys(("model", "HC3"), 0.0)
    for _ in range(400):
        x = rng.normal(size=(100, 1))
        y = x[:, 0] + x[:, 0] ** 2 * rng.normal(size=100)
        for kind in held:
            low, high = Problem(x, y).inference(kind, n_jobs=1).confidence_interval()[1]
            held[kind] += (low <= 1 <= high) / 400
    assert held["HC3"] > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 400)
    assert held["model"] < 0.8


def test_dependent_columns_are_named() -> None:
    """A column that follows from others is an error, one that nearly does a warning; a penalty helps."""
    problem = diabetes()
    problem.X = np.column_stack([problem.X, problem.X[:, 1] - 2 * problem.X[:, 3] + 7])
    with pytest.raises(ValueError, match=r"linearly independent, and column 10 follows from the others: drop it"):
        problem.inference()
    assert np.isfinite(problem.inference(alpha=1e-4).standard_errors).all()
    problem.X[:, 10] += 1e-6 * np.random.default_rng(0).normal(size=len(problem.y))
    with pytest.warns(RuntimeWarning, match=r"'x\d+' nearly follows from the other columns"):
        problem.inference()
    problem.X[:, 10] = 3.0
    with pytest.raises(ValueError, match="column 10 follows from the others"):
        problem.inference()


def test_coefficients_off_the_optimum_are_said() -> None:
    """The distance is that of a Newton step; a perfect fit is at its optimum."""
    problem = diabetes()
    found = problem.inference()
    moved = found.coefficients.copy()
    moved[3] += 0.5 * found.standard_errors[3]
    with pytest.warns(RuntimeWarning, match="standard errors from the optimum"):
        problem.inference(at=(moved[1:], moved[:1]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Problem(problem.X, 3 + problem.X @ np.arange(10.0)).inference()


def refused() -> Iterator[tuple[Problem, str, dict[str, Any], str]]:
    """What cannot be done, and the words for it."""
    X, y = load_diabetes(return_X_y=True)
    few = Problem(X[:11], y[:11])
    alone = Problem(np.column_stack([X, np.arange(len(y)) == 7]), y)
    yield Problem(X, y), "HC4", {}, "covariance='HC4' must be 'model', 'HC0', 'HC1', 'HC2' or 'HC3'"
    yield Problem(X, y), "HC0", {"alpha": 0.1, "l1_ratio": 0.5}, "is not known under an L1 penalty"
    yield Problem(X, y, "huber"), "model", {}, "needs a loss that is a likelihood of known scale, not loss='huber'"
    yield few, "model", {}, "needs more rows than parameters, got 11 rows of weight > 0 and 11 parameters"
    yield alone, "HC3", {}, "row 7 does"


@pytest.mark.parametrize("problem, kind, params, words", list(refused()))
def test_what_is_refused(problem: Problem, kind: str, params: dict[str, Any], words: str) -> None:
    at = np.zeros(problem.X.shape[1]), np.zeros(1)
    with pytest.raises(ValueError, match=words):
        problem.inference(kind, at=at, **params)


def test_bounds_and_several_outputs_are_refused() -> None:
    X, y = load_diabetes(return_X_y=True)
    given = (X, [y], None, _core.named_loss("squared", {}), PARAMS, np.zeros(10), np.zeros(1))
    with pytest.raises(ValueError, match="coefficients with bounds"):
        inference_of(*given, kind="model", bounded=True)
    classes = (X, [np.arange(442.0) % 3], None, _core.named_loss("softmax", {}, 3), PARAMS, np.zeros(30), np.zeros(3))
    with pytest.raises(ValueError, match="losses of one output, and loss='softmax' has 3"):
        inference_of(*classes, kind="model")


def test_other_losses_have_sandwiches() -> None:
    """A Huber fit with few residuals beyond delta has the errors of least squares; nothing is said of likelihoods."""
    X, y = load_diabetes(return_X_y=True)
    huber = Problem(X, y, "huber", {"delta": 1e4}).inference("HC1")
    same_covariance(huber.covariance, Problem(X, y).inference("HC1").covariance, 1e-9)
    assert huber.log_likelihood is huber.deviance is huber.aic is None
    assert "likelihood" not in str(huber)


def test_the_table_has_a_row_a_parameter() -> None:
    """Names, letters of the test, and the figures themselves."""
    X, y = load_diabetes(return_X_y=True)
    names = load_diabetes().feature_names
    core = _core.named_loss("squared", {})
    fit = _core.linear_fit(X, [y], None, core, PARAMS)
    found = inference_of(
        X, [y], None, core, PARAMS, fit["weights"], fit["intercepts"], kind="model", feature_names=names
    )
    lines = str(found).splitlines()
    assert lines[0] == "loss squared, covariance model"
    assert "rows 442" in lines[1]
    assert "P(>|t|)" in lines[3]
    assert [line.split()[0] for line in lines[5:]] == ["intercept", *names]
    bmi = lines[5 + 1 + names.index("bmi")].split()
    assert float(bmi[1]) == pytest.approx(519.846, abs=1e-3)
    assert float(bmi[2]) == pytest.approx(66.53, abs=1e-2)
    with pytest.raises(ValueError, match=r"level=1 must be above 0 and below 1"):
        found.confidence_interval(1)
