"""Built-in losses: values and derivatives against their formulas, on every instruction set."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import fit

from curvature import _core
from curvature._reference import LOSSES, start_score

ISAS = _core.instruction_sets()
EPS = np.finfo(np.float64).eps
TINY = np.finfo(np.float64).tiny  # below, results may be 0

EDGES = [0.0, 5e-324, 1e-300, 1e-20, 1e-9, 0.5, 1.0, 36.7, 37.5, 40.0, 700.0, 708.0, 708.5, 709.0, 745.0, 800.0, 1e6]
SCORES = np.concatenate([EDGES, np.negative(EDGES), [1e300, -1e300], np.linspace(-50, 50, 4001)])
LABELS = [0.0, 0.3, 0.5, 1.0]


def derivatives(name, y, f, isa):
    return _core.loss_derivatives(name, np.broadcast_to(np.float64(y), f.shape), f, isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("y", [-3.5, 0.0, 1e5])
def test_squared_is_its_formula(isa, y):
    f = np.random.default_rng(0).normal(size=1001) * 100
    np.testing.assert_array_equal(_core.loss_values("squared", np.full(f.shape, y), f, isa), 0.5 * (f - y) * (f - y))
    gradients, hessians = derivatives("squared", y, f, isa)
    np.testing.assert_array_equal(gradients, f - y)
    np.testing.assert_array_equal(hessians, np.ones(f.shape))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("y", LABELS)
def test_logistic_value(isa, y):
    """log(1 + e^f) - y f, to a few roundings of the larger term."""
    values = _core.loss_values("logistic", np.full(SCORES.shape, y), SCORES, isa)
    softplus = np.maximum(SCORES, 0) + np.log1p(np.exp(-np.abs(SCORES)))
    np.testing.assert_array_less(
        np.abs(values - (softplus - y * SCORES)), 4 * EPS * (softplus + np.abs(y * SCORES)) + TINY
    )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("y", LABELS)
def test_logistic_gradient(isa, y):
    """p - y, to a few roundings of the larger term."""
    gradients, _ = derivatives("logistic", y, SCORES, isa)
    p = np.where(SCORES < 0, np.exp(-np.abs(SCORES)), 1) / (1 + np.exp(-np.abs(SCORES)))
    np.testing.assert_array_less(np.abs(gradients - (p - y)), 4 * EPS * (p + y) + TINY)
    assert np.all(np.abs(gradients) <= 1)


@pytest.mark.parametrize("isa", ISAS)
def test_logistic_hessian(isa):
    """e / (1 + e)^2 with e = e^-|f|, to a few roundings, at both ends: the curvature of f is that of -f."""
    e = np.exp(-np.abs(SCORES))
    for y in LABELS:
        _, hessians = derivatives("logistic", y, SCORES, isa)
        np.testing.assert_array_less(np.abs(hessians - e / (1 + e) ** 2), 8 * EPS * e / (1 + e) ** 2 + TINY)


@pytest.mark.parametrize("isa", ISAS)
def test_logistic_is_the_same_with_labels_exchanged(isa):
    """l(1 - y, -f) = l(y, f): gradients change sign, Hessians do not change, to a few roundings at both ends."""
    e = np.exp(-np.abs(SCORES))
    confident = np.where(SCORES < 0, 0.0, 1.0)  # the label that the score agrees with: |gradient| = e / (1 + e)
    gradients, hessians = _core.loss_derivatives("logistic", confident, SCORES, isa)
    mirrored, hessians_mirrored = _core.loss_derivatives("logistic", 1 - confident, -SCORES, isa)
    np.testing.assert_allclose(gradients, -mirrored, rtol=8 * EPS, atol=TINY)
    np.testing.assert_allclose(hessians, hessians_mirrored, rtol=8 * EPS, atol=TINY)
    np.testing.assert_allclose(np.abs(gradients), e / (1 + e), rtol=8 * EPS, atol=TINY)


@pytest.mark.parametrize("name", LOSSES)
def test_reference_formulas_match_central_differences(name):
    """The oracle itself: (l(f + d) - l(f - d)) / 2d is its gradient, and the gradient's difference its Hessian."""
    f, d = np.linspace(-12, 12, 97), 1e-5
    for y in LABELS:
        loss, target = LOSSES[name], np.full(f.shape, y)
        slope = (loss.value(target, f + d) - loss.value(target, f - d)) / (2 * d)
        np.testing.assert_allclose(slope, loss.gradient(target, f), rtol=1e-8, atol=1e-9)
        bend = (loss.gradient(target, f + d) - loss.gradient(target, f - d)) / (2 * d)
        np.testing.assert_allclose(bend, loss.hessian(target, f), rtol=1e-8, atol=1e-9)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([*LOSSES]), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_instruction_sets_and_lengths_give_the_same_bits(name, n, seed):
    """Whole vectors, their rest, and rows one by one."""
    rng = np.random.default_rng(seed)
    f, y = rng.normal(size=n) * rng.choice([1, 30, 800], size=n), rng.integers(0, 2, size=n).astype(float)
    expected = [
        (
            _core.loss_values(name, y[[i]], f[[i]], "baseline")[0],
            *np.ravel(_core.loss_derivatives(name, y[[i]], f[[i]])),
        )
        for i in range(n)
    ]
    for isa in ISAS:
        ours = np.stack([_core.loss_values(name, y, f, isa), *_core.loss_derivatives(name, y, f, isa)], axis=1)
        np.testing.assert_array_equal(ours, np.reshape(expected, (n, 3)))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([*LOSSES]), st.integers(1, 9000), st.booleans(), st.integers(0, 2**32 - 1))
def test_start_score_is_the_link_of_the_mean(name, n, weighted, seed):
    rng = np.random.default_rng(seed)
    y = rng.random(n) if name == "logistic" else rng.normal(size=n)
    weights = rng.integers(0, 3, size=n) + np.eye(1, n)[0] if weighted else None
    start, _ = fit(np.zeros((n, 1)), y, weights, loss=name)
    expected = start_score(name, y, np.ones(n) if weights is None else weights)
    assert math.isclose(start, expected, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_start_score_is_finite_where_all_labels_agree(label):
    start, forest = fit(np.zeros((9, 1)), np.full(9, label), loss="logistic")
    assert math.isclose(start, (2 * label - 1) * math.log(1e10 - 1), rel_tol=1e-6)
    assert np.all(np.isfinite(forest.arrays()["value"]))


def test_unknown_loss_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="loss='nonsense' must be one of 'squared', 'logistic'"):
        _core.loss_values("nonsense", np.zeros(1), np.zeros(1))
