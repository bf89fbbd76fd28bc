"""Stochastic gradient descent: what holds whatever the optimizer, on dense and sparse rows, in one call or in many."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from curvature import _core
from curvature._reference_linear import OPTIMIZERS, Descent, child_key, descend, shuffled

PARAMS: dict[str, Any] = {
    "optimizer": "sgd",
    "schedule": "constant",
    "average": False,
    "shuffle": True,
    "early_stopping": False,
    "solver": "sgd",
    "fit_intercept": True,
    "seed": 0,
    "n_jobs": 1,
}
SQUARED = _core.named_loss("squared", {})
LOGISTIC = _core.named_loss("logistic", {})


def rows_of(X):
    """CSR as the core takes it."""
    X = X.tocsr()
    return X.data, X.indices.astype(np.int32), X.indptr.astype(np.int64), X.shape


def sparse_table(seed, n=60, p=200, density=0.02):
    rng = np.random.default_rng(seed)
    X = sparse.random(n, p, density=density, format="csr", random_state=rng)
    X = sparse.csr_array(X) if X.nnz else sparse.csr_array(np.eye(n, p))
    return X, (rng.random(n) < 0.5).astype(float)


def dense_table(seed, n=200, p=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, (X @ rng.normal(size=p) + rng.normal(size=n) > 0).astype(float)


def fit(X, y, loss=LOGISTIC, weights=None, offsets=(), start=None, penalty_factors=None, **params):
    """Coefficients as one vector, and what the fit tells."""
    core = _core.SgdFit(PARAMS | {"alpha": 0.0, "n_jobs": 1, "tol": 0.0, "max_iter": 3} | params)
    told = core.fit(X, [y], weights, loss, list(offsets), start, penalty_factors)
    return np.concatenate([part.ravel() for part in core.coefficients()]), told


def objective(X, y, w, alpha=0.0, l1_ratio=0.0):
    f = X @ w[:-1] + w[-1]
    penalty = alpha * (l1_ratio * np.abs(w[:-1]).sum() + (1 - l1_ratio) / 2 * w[:-1] @ w[:-1])
    return LOGISTIC.values([y], [f]).mean() + penalty


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    batch_size=st.sampled_from([1, 3, 10]),
    alpha=st.sampled_from([0.0, 0.01, 0.5]),
    l1_ratio=st.sampled_from([0.0, 0.3, 1.0]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    schedule=st.sampled_from(["constant", "inverse", "cosine"]),
    factored=st.booleans(),
    fit_intercept=st.booleans(),
)
def test_lazy_steps_on_sparse_rows_are_the_eager_ones(seed, factored, **params):
    """A dense array takes every step in full; sparse rows touch their own weights only."""
    X, y = sparse_table(seed)
    factors = np.random.default_rng(seed).choice([0.0, 1.0, 3.0], size=X.shape[1]) if factored else None
    shaping = params | {"learning_rate": 0.3, "max_iter": 5, "penalty_factors": factors, "seed": seed}
    lazy, _ = fit(rows_of(X), y, **shaping)
    eager, _ = fit(X.toarray(), y, **shaping)
    np.testing.assert_allclose(lazy, eager, rtol=1e-12, atol=1e-14)
    assert ((lazy == 0) == (eager == 0)).all()


def test_lazy_steps_survive_a_scale_that_goes_to_0():
    """(1 - rate l2)^steps passes below every double; the clocks start anew in time."""
    X, y = sparse_table(1, n=500)
    shaping = {"alpha": 0.9, "l1_ratio": 0.1, "learning_rate": 0.5, "max_iter": 8, "batch_size": 1}
    np.testing.assert_allclose(fit(rows_of(X), y, **shaping)[0], fit(X.toarray(), y, **shaping)[0], rtol=1e-12, atol=0)


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adagrad"])
def test_other_optimizers_take_sparse_rows_as_dense_ones(optimizer):
    X, y = sparse_table(2)
    shaping = {"optimizer": optimizer, "alpha": 0.01, "l1_ratio": 0.5, "batch_size": 4}
    np.testing.assert_allclose(fit(rows_of(X), y, **shaping)[0], fit(X.toarray(), y, **shaping)[0], rtol=1e-10)


def test_several_outputs_are_the_twin():
    """Softmax with weights; the norm that is clipped is that of all outputs and intercepts."""
    rng = np.random.default_rng(0)
    X, y, weights = rng.normal(size=(50, 3)), rng.integers(0, 4, size=50).astype(float), rng.uniform(0.1, 3, size=50)

    def slope(y, f):
        p = np.exp(f - f.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True) - np.eye(4)[y.astype(int)]

    shaping = {"optimizer": "momentum", "batch_size": 8, "clip_norm": 0.3, "alpha": 0.02, "l1_ratio": 0.4}
    *_, (w, b) = descend(X, y, slope, Descent(**shaping, max_iter=6), weights, n_outputs=4)
    loss = _core.named_loss("softmax", {}, 4)
    for table in (X, np.asfortranarray(X), rows_of(sparse.csr_array(X))):
        got, _ = fit(table, y, loss, weights, max_iter=6, **shaping)
        np.testing.assert_allclose(got, np.append(w.ravel(), b), rtol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 8, None])
def test_k_batches_a_step_are_one_batch_of_k_times_the_rows(batch_size):
    X, y = dense_table(1)
    once, _ = fit(X, y, batch_size=24 * batch_size if batch_size else None, optimizer="adam")
    accumulated, _ = fit(X, y, batch_size=batch_size, accumulate=24, optimizer="adam")
    np.testing.assert_array_equal(once, accumulated)


def test_weights_scale_out_and_repeat():
    """All rows in a batch: a weight is a repetition, and only ratios of weights count."""
    X, y = dense_table(2, 60)
    weights = np.random.default_rng(3).integers(1, 4, size=60).astype(float)
    repeated = np.repeat(np.arange(60), weights.astype(int))
    by_weight, _ = fit(X, y, weights=weights, batch_size=None, max_iter=30, learning_rate=0.5)
    by_rows, _ = fit(X[repeated], y[repeated], batch_size=None, max_iter=30, learning_rate=0.5)
    np.testing.assert_allclose(by_weight, by_rows, rtol=1e-12)
    scaled, _ = fit(X, y, weights=7 * weights, batch_size=5)
    np.testing.assert_allclose(scaled, fit(X, y, weights=weights, batch_size=5)[0], rtol=1e-12)


def test_an_offset_is_a_column_of_weight_1():
    X, y = dense_table(4, 80)
    offset = np.linspace(-1, 1, 80)
    w, b = np.zeros(4), 0.0
    for _ in range(10):
        r = X @ w + b + offset - y
        w, b = w - 0.1 * X.T @ r / 80, b - 0.1 * r.mean()
    got, _ = fit(X, y, SQUARED, offsets=[offset], batch_size=None, learning_rate=0.1, max_iter=10)
    np.testing.assert_allclose(got, np.append(w, b), rtol=1e-12)


def test_float32_is_float64_of_the_same_values():
    X, y = dense_table(5)
    narrow = X.astype(np.float32)
    np.testing.assert_allclose(fit(narrow, y)[0], fit(narrow.astype(np.float64), y)[0], rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_threads_do_not_matter(optimizer):
    """Batches large enough to be shared, dense and sparse."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30_000, 20))
    y = (X[:, 0] > 0).astype(float)
    for table in (X, rows_of(sparse.csr_array(X))):
        first, *others = (
            fit(table, y, optimizer=optimizer, batch_size=20_000, n_jobs=jobs, max_iter=2)[0] for jobs in (1, 2, 3, 8)
        )
        for other in others:
            np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_pieces_of_a_fit_are_the_fit_and_a_pickle_goes_on(optimizer, early_stopping):
    """Moments, schedule, order of rows, average and memory of the hold-out are all in the state."""
    X, y = dense_table(7, 50)
    params = {"optimizer": optimizer, "early_stopping": early_stopping, "n_iter_no_change": 2, "average": True}
    params |= {"schedule": "cosine", "batch_size": 4, "max_iter": 9, "alpha": 0.01, "l1_ratio": 0.5, "tol": 0.0}
    whole = _core.SgdFit(PARAMS | params)
    told = whole.fit(X, [y], None, LOGISTIC)
    piecewise = _core.SgdFit(PARAMS | params)
    for _ in range(9):
        piecewise.partial_fit(X, [y], None, LOGISTIC)
        piecewise = _core.SgdFit.from_state(PARAMS | params, pickle.loads(pickle.dumps(piecewise.state())))
    assert piecewise.state()["epochs"] == told["n_iter"]
    for a, b in zip(whole.coefficients(), piecewise.coefficients(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("sparse_rows", [False, True])
def test_a_rate_that_is_too_high_is_halved(sparse_rows):
    """Scores overflow at the given rate; the fit comes out where a good rate leads."""
    X, y = dense_table(8, 300, 30)
    target = X[:, 0] - X[:, 1]
    table = rows_of(sparse.csr_array(X)) if sparse_rows else X
    core = _core.SgdFit(PARAMS | {"learning_rate": 50.0, "batch_size": 1, "alpha": 0.0, "max_iter": 60, "tol": 0.0})
    core.fit(table, [target], None, SQUARED)
    w, b = core.coefficients()
    assert core.state()["rate_factor"] < 0.01
    assert core.state()["epochs"] == 60
    np.testing.assert_allclose(np.append(w, b), np.append([1, -1], np.zeros(29)), atol=1e-6)


def test_data_that_no_rate_serves_are_refused():
    X, y = dense_table(9, 20)
    with pytest.raises(ValueError, match="learning_rate=0.01 is too high"):
        fit(np.full_like(X, 1e200), y, SQUARED)


def test_the_hold_out_stops_and_keeps_its_best():
    """Noise alone: the hold-out's loss soon stops falling, and the coefficients are those of its least value."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 40)), (rng.random(60) < 0.5).astype(float)
    params = {"early_stopping": True, "learning_rate": 0.5, "n_iter_no_change": 3, "validation_fraction": 0.3}
    core = _core.SgdFit(PARAMS | params | {"max_iter": 500, "alpha": 0.0, "tol": 0.0, "batch_size": 4})
    told = core.fit(X, [y], None, LOGISTIC)
    state = core.state()
    assert told["converged"] and told["n_iter"] < 100 and state["stopped"]
    np.testing.assert_array_equal(np.append(*[part.ravel() for part in core.coefficients()]), state["best"])
    held_out = sorted(shuffled(list(range(60)), child_key(0, 0))[:18])
    learned = np.setdiff1d(np.arange(60), held_out)
    losses = LOGISTIC.values([y], [X @ state["best"][:-1] + state["best"][-1]])
    np.testing.assert_allclose(losses[held_out].mean(), state["best_value"], rtol=1e-12)
    assert losses[learned].mean() < losses[held_out].mean()
    core.partial_fit(X, [y], None, LOGISTIC)
    assert core.state()["epochs"] == told["n_iter"]


def test_without_a_hold_out_no_more_progress_stops():
    X, y = dense_table(10, 300)
    w, told = fit(X, y, tol=1e-6, max_iter=5000, learning_rate=0.5, schedule="inverse", decay=0.01, alpha=0.01)
    assert told["converged"] and told["n_iter"] < 5000
    np.testing.assert_allclose(told["objective"], objective(X, y, w, 0.01), rtol=1e-12)
    w_all, told_all = fit(X, y, max_iter=7, tol=0.0, alpha=0.01)
    assert not told_all["converged"] and told_all["n_iter"] == 7
    assert objective(X, y, w, 0.01) < objective(X, y, w_all, 0.01)


def test_a_plateau_lowers_the_rate_until_the_fit_is_at_rest():
    X, y = dense_table(11, 300)
    params = {"alpha": 0.05, "learning_rate": 0.5, "batch_size": 8, "max_iter": 3000, "n_iter_no_change": 2}
    best, _ = fit(X, y, alpha=0.05, batch_size=None, learning_rate=1.0, max_iter=3000)
    w, told = fit(X, y, schedule="plateau", **params)
    constant, _ = fit(X, y, **(params | {"max_iter": told["n_iter"]}))
    least = objective(X, y, best, 0.05)
    assert told["converged"] and told["n_iter"] < 3000
    assert objective(X, y, w, 0.05) - least < 0.1 * (objective(X, y, constant, 0.05) - least)


def test_a_plateau_lowers_a_rate_that_was_halved_often():
    """How often a rate was halved because it was too high does not count as plateaus."""
    X, y = dense_table(11, 300)
    target = X[:, 0] + y
    params = {"schedule": "plateau", "learning_rate": 2.0**27, "batch_size": None, "n_iter_no_change": 2000}
    core = _core.SgdFit(PARAMS | params | {"alpha": 0.0, "max_iter": 50_000, "tol": 1e-9})
    told = core.fit(X, [target], None, SQUARED)
    state = core.state()
    assert told["converged"] and state["rate_factor"] < 1e-6
    assert 1e-6 <= state["plateau_factor"] < 5e-6
    wide = np.column_stack([X, np.ones(len(X))])
    least = ((wide @ np.linalg.lstsq(wide, target)[0] - target) ** 2).mean() / 2
    assert told["objective"] < 1.0001 * least


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_comes_to_rest_at_the_minimum(optimizer):
    """With an L1 penalty as well: the shrinking of each optimizer leaves the minimum of F where it is."""
    X, y = dense_table(12, 100)
    X = X * [1.0, 0.1, 3.0, 1.0]
    shaping = {"alpha": 0.05, "l1_ratio": 0.7, "batch_size": None}
    best, _ = fit(X, y, learning_rate=0.3, max_iter=30_000, **shaping)
    cosine = {"learning_rate": 0.3, "schedule": "cosine", "max_iter": 5000}
    cosine |= {"learning_rate": 20.0, "epsilon": 1e-6} if optimizer == "adadelta" else {}
    w, _ = fit(X, y, optimizer=optimizer, **(shaping | cosine))
    assert objective(X, y, w, 0.05, 0.7) - objective(X, y, best, 0.05, 0.7) < 1e-6
    assert (np.abs(best) < 1e-12).any()


def test_the_average_is_the_mean_of_the_iterates_from_the_second_epoch_on():
    X, y = dense_table(13, 30)
    core = _core.SgdFit(
        PARAMS | {"batch_size": None, "alpha": 0.0, "max_iter": 6, "average": True, "learning_rate": 0.5}
    )
    iterates = []
    for _ in range(6):
        core.partial_fit(X, [y], None, LOGISTIC)
        iterates.append(core.state()["weights"])
    np.testing.assert_allclose(np.append(*[c.ravel() for c in core.coefficients()]), np.mean(iterates[1:], axis=0))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learning_rate": 0}, "learning_rate=0 must be a number more than 0"),
        ({"optimizer": "Adam"}, "optimizer='Adam' must be 'sgd', 'momentum'"),
        ({"schedule": "step"}, "schedule='step' must be 'constant'"),
        ({"batch_size": 0}, "batch_size=0 must be an integer"),
        ({"momentum": 1.0}, "momentum=1.0 must be a number"),
        ({"clip_norm": 0.0}, "clip_norm=0.0 must be"),
        ({"average": 1}, "average=1 must be True or False"),
        ({"validation_fraction": 1.0}, "validation_fraction=1.0 must be"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        _core.SgdFit(PARAMS | params)


def test_bad_calls_leave_the_state_as_it_was():
    X, y = dense_table(14, 10)
    core = _core.SgdFit(PARAMS)
    core.partial_fit(X, [y], None, LOGISTIC)
    before = core.coefficients()
    with pytest.raises(ValueError, match="X has 3 columns, but the fit goes on from 4"):
        core.partial_fit(X[:, :3].copy(), [y], None, LOGISTIC)
    with pytest.raises(ValueError, match="has 3 outputs, but the fit goes on from 1"):
        core.partial_fit(X, [y], None, _core.named_loss("softmax", {}, 3))
    with pytest.raises(ValueError, match="knows all rows at once only"):
        core.fit(X, [y], None, _core.array_loss(lambda f: (f, f), 1))
    held_out = shuffled(list(range(10)), child_key(0, 0))[0]
    with pytest.raises(ValueError, match="sample_weight is 0 in all rows to learn from"):
        stopping = _core.SgdFit(PARAMS | {"early_stopping": True})
        stopping.fit(X, [y], np.arange(10) == held_out, LOGISTIC)
    with pytest.raises(ValueError, match="at least 2 rows"):
        _core.SgdFit(PARAMS | {"early_stopping": True}).fit(X[:1], [y[:1]], None, LOGISTIC)
    with pytest.raises(ValueError, match="state has an array of 3 numbers where 5 are allowed"):
        _core.SgdFit.from_state(PARAMS, core.state() | {"first": np.zeros(3)})
    np.testing.assert_array_equal(core.coefficients()[0], before[0])
