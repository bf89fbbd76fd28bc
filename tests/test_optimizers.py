"""The core's optimizers, schedules, clipping and penalties against their plain twins, step by step."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvature import _core
from curvature._reference_linear import OPTIMIZERS, Descent, descend, linear_unit, perceptron, row_order

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
SCHEDULES = ["constant", "inverse", "inverse_scaling", "exponential", "cosine"]
SLOPES = {
    "squared": lambda y, f: f - y[:, None],
    "logistic": lambda y, f: 1 / (1 + np.exp(-f)) - y[:, None],
}


def core_epochs(X, y, loss, epochs, weights=None, **params):
    """The core's coefficients after each epoch."""
    fit = _core.SgdFit(PARAMS | {"max_iter": epochs, "alpha": 0.0, "n_jobs": 1} | params)
    for _ in range(epochs):
        fit.partial_fit(X, [y], weights, loss)
        yield fit.coefficients()


def table(seed, n=40, p=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, (rng.random(n) < 0.5).astype(float), rng.uniform(0.5, 2, size=n)


def assert_same_path(X, y, weights, loss, epochs, **params):
    twin = descend(X, y, SLOPES[loss], Descent(**({"max_iter": epochs} | params)), weights)
    core = core_epochs(X, y, _core.named_loss(loss, {}), epochs, weights, **params)
    for (expected, expected_b), (got, got_b) in zip(twin, core, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(got_b, expected_b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 7, None])
def test_each_step_is_that_of_the_textbook(optimizer, batch_size):
    """All rows in a batch: one step an epoch, so each step is compared; smaller batches in shuffled order."""
    X, y, weights = table(1)
    for loss in SLOPES:
        assert_same_path(X, y, weights, loss, 8, optimizer=optimizer, batch_size=batch_size, learning_rate=0.05)


@settings(deadline=None, max_examples=60)
@given(
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    schedule=st.sampled_from(SCHEDULES),
    batch_size=st.sampled_from([1, 3, 16, None]),
    accumulate=st.integers(1, 3),
    warm_up=st.sampled_from([0, 5]),
    decay=st.sampled_from([0.0, 0.1]),
    clip_value=st.sampled_from([None, 0.1]),
    clip_norm=st.sampled_from([None, 0.2]),
    weight_decay=st.sampled_from([0.0, 0.3]),
    alpha=st.sampled_from([0.0, 0.2]),
    l1_ratio=st.sampled_from([0.0, 0.5, 1.0]),
    average=st.booleans(),
    shuffle=st.booleans(),
    fit_intercept=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
)
def test_everything_that_shapes_a_step_is_its_twin(seed, **params):
    X, y, weights = table(seed % 100)
    assert_same_path(X, y, weights, "squared", 4, seed=seed, learning_rate=0.03, **params)


def test_the_order_of_the_rows_of_a_large_table_is_its_twin():
    """Beyond 2^21 numbers: groups of rows, then the rows of a window; and every row comes once."""
    n, p = 70_000, 31
    order = row_order(n, p, 5)
    assert sorted(order) == list(range(n))
    X, y, _ = table(3, n, p)
    assert_same_path(X, y, None, "squared", 2, batch_size=1000, learning_rate=0.2)


def test_years_and_salaries():
    """The mission's linear unit: ten epochs at rate 0.01, row after row from 0."""
    years = np.array([[5.0], [3.0], [8.0], [1.4], [10.1]])
    salaries = np.array([5500.0, 2300.0, 7600.0, 1800.0, 11400.0])
    w, b = linear_unit(years, salaries, 0.01, 10)
    *_, (got, got_b) = core_epochs(
        years, salaries, _core.named_loss("squared", {}), 10, batch_size=1, shuffle=False, learning_rate=0.01
    )
    np.testing.assert_allclose([got[0, 0], got_b[0]], [w[0], b], rtol=1e-14)
    assert abs(got[0, 0] * 5 + got_b[0] - 5500) < 500


def test_the_perceptron_is_its_rule():
    X, y, _ = table(4, 60, 2)
    labels = np.where(X @ [1.0, -2.0] + 0.3 * (y - 0.5) > 0, 1.0, -1.0)
    w, b = perceptron(X, labels, 0.1, 5)
    *_, (got, got_b) = core_epochs(
        X, labels, _core.named_loss("perceptron", {}), 5, batch_size=1, shuffle=False, learning_rate=0.1
    )
    np.testing.assert_allclose(np.append(got[0], got_b), np.append(w, b), rtol=1e-12)


def test_ascent_of_the_log_likelihood_is_descent_on_the_loss():
    X, y, _ = table(6)
    w, b = np.zeros(3), 0.0
    for _ in range(20):
        residual = y - 1 / (1 + np.exp(-(X @ w + b)))  # the slope of the log-likelihood by the score
        w, b = w + 0.3 * X.T @ residual / len(y), b + 0.3 * residual.mean()
    *_, (got, got_b) = core_epochs(X, y, _core.named_loss("logistic", {}), 20, batch_size=None, learning_rate=0.3)
    np.testing.assert_allclose(np.append(got[0], got_b), np.append(w, b), rtol=1e-12)
