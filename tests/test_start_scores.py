"""Start scores are minima of the weighted loss; weighted quantiles; losses that a Python function computes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvature import _core

TABLE = {row["name"]: row for row in _core.loss_table()}
STARTS_AT_0 = ("perceptron", "zero_one")
NAMES = [name for name in TABLE if name not in STARTS_AT_0]


def targets_for(name, rng, n):
    """Random targets in the domain of a loss, of a location and scale that are far from 0 and 1 where they may be."""
    domain = TABLE[name]["domain"]
    if domain["two_labels"]:
        return np.where(rng.random(n) < rng.random(), domain["low"], domain["high"])
    if domain["whole"]:
        return rng.integers(0, int(domain["high"]) + 1, n).astype(float)
    if domain["high"] == 1:
        return rng.random(n)
    scale = 10.0 ** rng.uniform(-3, 4)
    if domain["low"] >= -1:
        return rng.gamma(0.5, size=n) * scale + 1e-6
    return (rng.normal(size=n) + 3 * rng.normal()) * scale


def total(loss, y, weights, scores):
    """The weighted loss, without rounding in the sum."""
    values = loss.values([y], [np.full(y.shape, score) for score in scores])
    return math.fsum(weights[weights > 0] * values[weights > 0])


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(NAMES), st.integers(1, 60), st.booleans(), st.integers(0, 2**32 - 1))
def test_no_other_score_is_better(name, n, weighted, seed):
    rng = np.random.default_rng(seed)
    y = targets_for(name, rng, n)
    weights = rng.integers(0, 3, size=n) + np.eye(1, n)[0] if weighted else np.ones(n)
    loss = _core.named_loss(name, {}, 2)
    scores = loss.start_scores([y], weights if weighted else None)
    assert scores.shape == (loss.n_outputs,) and np.all(np.isfinite(scores))
    best = total(loss, y, weights, scores)
    rounding = 1e-14 * total(loss, y, weights, scores * 0)
    # Where all labels agree the minimum is at infinity: losses stop on the way, where little is left to gain.
    counted = y[weights > 0]
    rest = (2e-5 if name == "exponential" else 3e-10) * weights.sum() if np.all(counted == counted[0]) else 0
    for k in range(loss.n_outputs):
        for step in (1e-6, 1e-4, 0.01, 0.3, 2.0):
            for sign in (-1, 1):
                other = scores.copy()
                other[k] += sign * step * max(1.0, abs(scores[k]))
                assert best <= total(loss, y, weights, other) + 1e-14 * abs(best) + rounding + rest


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([n for n in NAMES if n not in ("hinge", "softmax")]), st.integers(2, 60), st.integers(0, 2**32 - 1)
)
def test_the_slope_changes_sign_at_the_start(name, n, seed):
    """The total gradient is 0 there to rounding, or jumps over 0: more than values, which are flat there, can tell."""
    rng = np.random.default_rng(seed)
    y = targets_for(name, rng, n)
    if np.all(y == y[0]):
        return
    loss = _core.named_loss(name)
    (start,) = loss.start_scores([y])
    d = 1e-9 * abs(start) + 1e-12
    below, above = (math.fsum(loss.derivatives([y], [np.full(n, start + step)])[0][0]) for step in (-d, d))
    rounding = 1e-14 * np.abs(loss.derivatives([y], [np.full(n, start)])[0][0]).sum()
    assert below <= rounding and above >= -rounding


MEANS = {
    "squared": np.asarray,
    "logistic": lambda mean: np.log(mean / (1 - mean)),
    "kullback_leibler": lambda mean: np.log(mean / (1 - mean)),
    "poisson": np.log,
    "gamma": np.log,
    "tweedie": np.log,
    "negative_binomial": np.log,
    "exponential": lambda mean: np.arctanh(mean),
}


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([*MEANS]), st.integers(1, 9000), st.booleans(), st.integers(0, 2**32 - 1))
def test_start_score_is_the_link_of_the_mean(name, n, weighted, seed):
    rng = np.random.default_rng(seed)
    y = targets_for(name, rng, n)
    weights = rng.integers(0, 3, size=n) + np.eye(1, n)[0] if weighted else np.ones(n)
    (start,) = _core.named_loss(name).start_scores([y], weights if weighted else None)
    mean = math.fsum(weights * y) / math.fsum(weights)
    if TABLE[name]["domain"]["high"] == 1 and np.all(y[weights > 0] == y[weights > 0][0]):
        return  # the mean's score is infinite: see the next test
    size = math.fsum(weights * np.abs(y)) / math.fsum(weights)
    assert math.isclose(start, MEANS[name](mean), rel_tol=1e-12, abs_tol=1e-12 * max(1, size))


@pytest.mark.parametrize(("name", "start"), [("logistic", math.log(1e10 - 1)), ("exponential", math.log(1e10 - 1) / 2)])
def test_start_score_is_finite_where_all_labels_agree(name, start):
    for label in (TABLE[name]["domain"]["low"], TABLE[name]["domain"]["high"]):
        (found,) = _core.named_loss(name).start_scores([np.full(9, label)])
        assert math.isclose(found, start if label > 0 else -start, rel_tol=1e-6)
    assert _core.named_loss("poisson").start_scores([np.zeros(3)]) == math.log(1e-10)
    (sure,) = _core.named_loss("focal").start_scores([np.ones(9)])
    assert 5 < sure < 30


def test_losses_without_a_search_start_at_0():
    for name in STARTS_AT_0:
        assert _core.named_loss(name).start_scores([np.ones(5)]) == 0


def test_softmax_starts_from_shares():
    y, weights = np.array([0.0, 2, 2, 2, 0, 1]), np.array([1.0, 1, 2, 3, 1, 0])
    found = _core.named_loss("softmax", {}, 4).start_scores([y], weights)
    np.testing.assert_allclose(np.exp(found), [0.25, 1e-10, 0.75, 1e-10], rtol=1e-14)
    for wrong in (-1.0, 4.0, 0.5, 1e300, math.nan):
        with pytest.raises(ValueError, match=r"y\[1\]=.* must be a class from 0 to 3"):
            _core.named_loss("softmax", {}, 4).start_scores([np.array([0.0, wrong])])


@pytest.mark.parametrize("name", NAMES)
def test_start_scores_have_the_same_bits_for_any_number_of_threads(name):
    rng = np.random.default_rng(1)
    y, weights = targets_for(name, rng, 30_000), rng.random(30_000)
    loss = _core.named_loss(name, {}, 2)
    first, *others = (loss.start_scores([y], weights, n_jobs) for n_jobs in (1, 2, 3))
    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_is_a_repetition(name):
    rng = np.random.default_rng(2)
    y, weights = targets_for(name, rng, 500), rng.integers(0, 4, 500)
    loss = _core.named_loss(name, {}, 2)
    weighted, repeated = loss.start_scores([y], weights.astype(float)), loss.start_scores([np.repeat(y, weights)])
    rounding = 1e-12 if TABLE[name]["leaf_rule"] != "quantile" else 0
    np.testing.assert_allclose(weighted, repeated, rtol=rounding, atol=rounding)


def test_rows_of_weight_0_do_not_count():
    """Not even where the loss is infinite at the start."""
    y = np.array([1e300, 1.0, 2.0])
    (start,) = _core.named_loss("huber").start_scores([y], np.array([0.0, 1, 1]))
    assert math.isclose(start, 1.5)


def test_a_loss_that_is_infinite_at_the_start_is_refused():
    y = np.array([1.0, 2.0, 2.0, 1e308, -1e308])
    with pytest.raises(ValueError, match="not finite at the start value 2 in row 3, where y=1e.308"):
        _core.named_loss("expectile").start_scores([y])


@st.composite
def samples(draw):
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.integers(-5, 5, n).astype(float) if draw(st.booleans()) else rng.normal(size=n) * 10
    weights = rng.integers(0, 4, n) if draw(st.booleans()) else np.ones(n, dtype=int)
    return values, weights + (np.arange(n) == 0)


def minimiser(values, weights, level):
    """The middle of the interval on which the weighted check function is least, in integers where it matters."""
    order = np.argsort(values, kind="stable")
    values, weights = values[order][weights[order] > 0], weights[order][weights[order] > 0]
    reached, target = np.cumsum(weights), level * weights.sum()
    place = np.flatnonzero(reached >= target)[0]
    if reached[place] != target or place + 1 == len(values):
        return values[place]
    return (values[place] + values[place + 1]) / 2


@settings(deadline=None, max_examples=200)
@given(samples(), st.sampled_from([0.5, 0.25, 0.1, 0.9, 0.999, 0.001]))
def test_weighted_quantile_minimises_the_check_function(sample, level):
    values, weights = sample
    found = _core.weighted_quantile(values, weights.astype(float), level)
    assert found == _core.weighted_quantile(np.repeat(values, weights), None, level)
    assert math.isclose(found, minimiser(values, weights, level), rel_tol=1e-15, abs_tol=1e-15)

    def loss(v):
        return math.fsum(weights * np.maximum(level * (values - v), (level - 1) * (values - v)))

    assert all(loss(found) <= loss(v) * (1 + 1e-14) + 1e-13 for v in values)


@settings(deadline=None, max_examples=100)
@given(samples(), st.sampled_from([0.5, 1.0, 3.25]))
def test_quantile_with_a_width_minimises_what_lies_beyond_it(sample, width):
    values, weights = sample
    found = _core.weighted_quantile(values, weights.astype(float), 0.5, width)
    assert found == _core.weighted_quantile(np.repeat(values, weights), None, 0.5, width)

    def loss(v):
        return math.fsum(weights * np.maximum(np.abs(values - v) - width, 0))

    ends = [*(values - width), *(values + width)]
    assert all(loss(found) <= loss(v) * (1 + 1e-14) + 1e-13 for v in ends)


def test_weighted_quantile_of_many():
    """Large enough for every branch of the selection, with ties and weights that are no whole numbers."""
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=20_001), rng.integers(0, 9, 20_001).astype(float), np.arange(20_001.0), np.ones(9)):
        for level in (0.01, 0.5, 0.95):
            weights = rng.random(len(values))
            plain, weighted = (_core.weighted_quantile(values, w, level) for w in (None, weights))
            assert plain == minimiser(values, np.ones(len(values)), level)
            assert math.isclose(weighted, minimiser(values, weights, level), rel_tol=1e-12)


def test_quantiles_of_nothing_are_0():
    assert _core.weighted_quantile(np.empty(0), None, 0.5) == 0
    assert _core.weighted_quantile(np.ones(3), np.zeros(3), 0.5) == 0


def test_array_loss_serves_what_the_function_returned():
    rng = np.random.default_rng(0)
    y, scores = rng.normal(size=3000), rng.normal(size=(2, 3000))
    seen = []

    def squared(given):
        seen.append(given)
        return given - y, np.ones(given.shape)

    loss = _core.array_loss(squared, 2)
    gradients, hessians = loss.derivatives([y], [*scores])
    np.testing.assert_array_equal(gradients, scores - y)
    np.testing.assert_array_equal(hessians, np.ones(scores.shape))
    np.testing.assert_array_equal(loss.steps([y], [*scores])[0], scores - y)
    np.testing.assert_array_equal(seen[0], scores)
    assert len(seen) == 2 and seen[0].dtype == np.float64
    assert (loss.has_values, loss.leaf_rule, loss.fits) == (False, "newton", True)
    np.testing.assert_array_equal(loss.start_scores([y]), [0, 0])
    with pytest.raises(ValueError, match="has derivatives only"):
        loss.values([y], [*scores])


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.zeros((2, 5)), r"gradients of shape \(1, 5\), got shape \(5,\)"),
        ((np.zeros((1, 5)), np.zeros((5, 1))), r"hessians of shape \(1, 5\), got shape \(5, 1\)"),
        ((np.array([[0, 1, np.nan, 0, 0]]), np.zeros((1, 5))), "gradients with nan in row 2 of output 0"),
        (
            (np.zeros((1, 5)), -np.eye(1, 5, 3)),
            "hessians with -1 in row 3 of output 0; they must be finite and at least 0",
        ),
        ((np.zeros((1, 5)), "abc"), "hessians as an array of numbers"),
        (3.0, "must return two arrays"),
    ],
    ids=str,
)
def test_array_loss_refuses_what_is_wrong(returned, message):
    with pytest.raises(ValueError, match=message):
        _core.array_loss(lambda scores: returned).derivatives([np.zeros(5)], [np.zeros(5)])


def test_array_loss_carries_the_functions_own_error():
    def fail(scores):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        _core.array_loss(fail).derivatives([np.zeros(5)], [np.zeros(5)])
    with pytest.raises(ValueError, match="must be callable"):
        _core.array_loss(3)
