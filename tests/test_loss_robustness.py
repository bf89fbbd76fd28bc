"""Losses under hostile formulas, units, scores and functions: a model or one sentence, never a silent constant."""

import time
import warnings

import numpy as np
import pytest

import curvature as cv
from curvature import _core
from curvature.losses import FromArrays, Loss
from curvature.losses.loss import warn_if_inexact

N = 800


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    return X, X[:, 0] + 0.5 * rng.normal(size=N)


def fitted(loss, X, y, **params):
    return cv.BoostedTreesRegressor(loss=loss, **({"n_estimators": 30, "n_jobs": 1} | params)).fit(X, y)


def gaussian(y, f):
    return 0.5 * np.exp(-2 * f[1]) * (y - f[0]) ** 2 + f[1]


def laplace(y, f):
    return np.abs(y - f[0]) * np.exp(-f[1]) + f[1]


def softmax_of(n_classes):
    def loss(y, f):
        total = own = f[0]
        for k in range(1, n_classes):
            total = np.logaddexp(total, f[k])
            own = np.where(y == k, f[k], own)
        return total - own

    return loss


@pytest.mark.parametrize("name", [row["name"] for row in _core.loss_table()])
def test_a_score_that_is_no_number_gives_none(name):
    n_outputs = 3 if name == "softmax" else 1
    wrong = np.arange(9) % 4 == 0
    for isa in _core.instruction_sets():
        loss = _core.named_loss(name, {}, n_outputs, isa)
        scores = [np.where(wrong, np.nan, np.linspace(0.1, 2.0, 9)), np.zeros(9), np.zeros(9)][:n_outputs]
        gradients, hessians = loss.derivatives([np.ones(9)], scores)
        for found in [loss.values([np.ones(9)], scores), *gradients, *hessians]:
            assert np.isnan(found[wrong]).all() and np.isfinite(found[~wrong]).all()


@pytest.mark.parametrize(
    "formula",
    [
        lambda y, f: -f,
        lambda y, f: y * f,
        lambda y, f: -((y - f) ** 2),
        lambda y, f: (f - y) ** 3,
        lambda y, f: -np.exp(f),
        lambda y, f: -np.log1p((y - f) ** 2),
    ],
)
def test_a_loss_without_end_is_named(formula):
    X, y = data()
    with pytest.raises(ValueError, match="falls without end"):
        fitted(formula, X, y)


@pytest.mark.parametrize(
    ("formula", "y"),
    [
        (lambda y, f: np.logaddexp(0, f) - y * f, np.ones(N)),  # least at infinity
        (lambda y, f: np.logaddexp(0, f) - y * f, np.zeros(N)),
        (lambda y, f: 1 / (1 + np.exp(f - y)), np.zeros(N)),
        (gaussian, np.full(N, 3.7)),
        (lambda y, f: -(f**2), np.ones(N)),  # flat where it starts
        (lambda y, f: np.sin(f - y), np.linspace(0, 1, N)),
    ],
)
def test_a_loss_with_an_end_is_not(formula, y):
    model = fitted(formula, data()[0], y, n_estimators=5)
    assert np.isfinite(model.model_.start_scores).all()
    assert np.isfinite(model.predict(data()[0])).all()


def test_the_start_goes_on_where_a_step_overflows():
    """e^-f overflows at the longest steps; the least loss lies between them and the guess."""
    loss = Loss(lambda y, f: np.exp(f - 600.0) - f * np.exp(y - 600.0))
    (start,) = loss.core().start_scores([np.full(50, 640.0)], None, 1)
    assert start == pytest.approx(640.0, abs=1e-6)


def test_the_start_of_many_outputs_is_found_together():
    rng = np.random.default_rng(1)
    y = rng.choice(30, size=2000, p=np.arange(1, 31) / 465).astype(float)
    loss = Loss(softmax_of(30))
    begun = time.perf_counter()
    start = np.array(loss.core().start_scores([y], None, 1))
    assert time.perf_counter() - begun < 2  # 4 ms a pass; one output after the other took a thousand passes
    shares = np.exp(start - start.max())
    np.testing.assert_allclose(shares / shares.sum(), np.bincount(y.astype(int)) / len(y), rtol=1e-5)


@pytest.mark.parametrize("formula", [lambda y, f: 1e20 * (np.sqrt(1 + ((y - f) / 1e10) ** 2) - 1)])
def test_lost_digits_are_warned_of(formula):
    X, y = data()
    with pytest.warns(UserWarning, match=r"loses its digits .* in \d+ of 200 rows .* row \d+, with y=.* and f="):
        fitted(formula, X, y, n_estimators=2)


def test_wrong_derivatives_are_warned_of():
    class Wrong:
        def values(self, columns, scores):
            return (scores[0] - columns[0]) ** 2

        def derivatives(self, columns, scores):
            return (scores[0] - columns[0])[None], np.ones((1, len(scores[0])))

    y = data()[1]
    with pytest.warns(UserWarning, match="the gradient is"):
        cv.losses.check.warn_of_lost_digits(Wrong(), [y], np.zeros(1))


@pytest.mark.parametrize(
    "formula",
    [
        gaussian,
        laplace,
        softmax_of(3),
        lambda y, f: np.abs(y - f),
        lambda y, f: np.minimum((y - f) ** 2, 4.0),
        lambda y, f: np.where(np.abs(y - f) < 1, 0.5 * (y - f) ** 2, np.abs(y - f) - 0.5),
        lambda y, f: np.log(np.cosh(y - f)),
        lambda y, f: np.exp(f) - y * f,
    ],
)
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e5])
def test_sound_formulas_raise_no_alarm(formula, unit):
    loss = Loss(formula)
    if unit != 1.0 and loss.outputs() == 3:
        unit = 1.0
    columns = [data()[1] * (unit if formula.__name__ == "<lambda>" else 1.0)]
    start = np.full(loss.outputs(), np.median(columns[0]) if loss.outputs() == 1 and unit < 10 else 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_inexact(loss, columns, start)


def test_sizes_of_the_core_are_bounded():
    graph = _core.Graph()
    node = graph.apply("square", graph.apply("subtract", graph.variable(0), graph.variable(1)))
    for columns, outputs in ((2**40, 1), (1, 2**31)):
        with pytest.raises(ValueError, match="must be"):
            _core.formula_loss(graph, node, columns, outputs)


def test_what_functions_of_arrays_return_is_named():
    X, y = data()
    for returned, sentence in ((1j, "real numbers, not complex"), ("a", "must hold numbers")):
        with pytest.raises(ValueError, match=f"the gradient that <lambda> returns {sentence}|{sentence}"):
            fitted(FromArrays(lambda y, f, r=returned: (np.full(len(f), r), np.ones(len(f)))), X, y)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        (lambda y, f: ((y - f) ** 2).mean(), "adds up the rows"),
        (lambda y, f: (y > f).astype(float) * f, "counts as 1 and 0"),
        (lambda y, f: f * 10**400, "real numbers"),
    ],
)
def test_methods_of_arrays_are_answered(formula, sentence):
    with pytest.raises(ValueError) as caught:
        Loss(formula)
    assert sentence in str(caught.value) and len(str(caught.value)) < 250


@pytest.mark.parametrize("level", [7.0, -0.5, np.nan])
def test_levels_beyond_the_ends_are_refused(level):
    with pytest.raises(ValueError, match="level=.* must be in"):
        _core.weighted_quantile(np.arange(4.0), None, level)


@pytest.mark.parametrize("loss", [gaussian, laplace])
def test_a_location_among_several_outputs_knows_no_unit(loss):
    """y in dollars: Hessians of 1e-10 would lie below every penalty and threshold."""
    X, y = data()
    plain = fitted(loss, X, y).predict(X)[:, 0]
    scaled = fitted(loss, X, 2.0**20 * y).predict(X)[:, 0] / 2.0**20
    of_plain, of_scaled = np.abs(plain - y).mean(), np.abs(scaled - y).mean()
    assert of_plain < 0.6 * np.abs(y - np.median(y)).mean()
    assert abs(of_scaled - of_plain) < 0.02 * of_plain


def test_a_relative_error_knows_no_unit():
    X, y = data()
    y = np.exp(y / 2)
    plain, scaled = (fitted(lambda y, f: ((y - f) / y) ** 2, X, c * y).predict(X) for c in (1.0, 2.0**20))
    np.testing.assert_allclose(scaled / 2.0**20, plain, rtol=1e-6)
    assert np.std(plain) > 0.2 * np.std(y)


@pytest.mark.parametrize("unit", [1e-200, 1e-100, 1e-9, 1e9, 1e100, 1e150])
def test_straight_pieces_are_searched_in_any_unit(unit):
    X, y = data()
    predicted = fitted(lambda y, f: np.abs(y - f), X, unit * y).predict(X) / unit
    assert np.abs(predicted - y).mean() < 0.7 * np.abs(np.median(y) - y).mean()
