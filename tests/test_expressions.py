"""The formula engine: simplification, both derivatives, evaluation in blocks, and what it refuses to read."""

import math

import mpmath
import numpy as np
import pytest
import sympy
from expressions import NUMPY, POINTS, TREES, Formula, Symbol, X, as_formula, as_numpy, as_sympy, true_value, wobble
from hypothesis import assume, given, settings
from scipy import special

from curvature import _core

SETS = _core.instruction_sets()
some = settings(deadline=None, max_examples=60)


def two_symbols():
    graph = _core.Graph()
    return graph, Symbol(graph, graph.variable(0)), Symbol(graph, graph.variable(1))


@some
@given(TREES, POINTS)
def test_values_are_numpys(tree, point):
    formula = as_formula(tree)
    with np.errstate(all="ignore"):
        expected = as_numpy(tree, point)
    assume(np.isfinite(expected))
    function = sympy.lambdify(X, as_sympy(tree), "mpmath")
    slack = 50 * wobble(function, point)
    np.testing.assert_allclose(formula(*point)[0], expected, rtol=1e-12, atol=slack + 1e-300)


@some
@given(TREES, POINTS)
def test_derivatives_are_sympys(tree, point):
    got = as_formula(tree)(*[[x] for x in point])
    for order in (1, 2):
        function = sympy.lambdify(X, sympy.diff(as_sympy(tree), X[1], order), "mpmath")
        expected = true_value(function, point)
        assume(mpmath.isfinite(expected) and abs(expected) < 1e100)
        assert abs(got[order][0] - expected) <= 1e-12 * abs(expected) + 50 * wobble(function, point) + 1e-300


@some
@given(TREES, POINTS)
def test_derivatives_are_central_differences(tree, point):
    """What each derivative says about the one before it, sympy apart."""
    formula, step = as_formula(tree), 1e-5
    value, gradient, hessian = formula(*[[x] for x in point])
    y, f = point
    v, g, _ = formula(y, np.array([f - step, f + step]))
    larger = np.max(np.abs(np.concatenate([v, g, value, gradient, hessian])))
    assume(np.isfinite(larger) and larger < 1e3)
    third = np.abs(np.diff(formula(y, np.array([f - 2 * step, f + 2 * step]))[2]))[0] + 1
    for below, at in ((v, gradient), (g, hessian)):
        assert abs((below[1] - below[0]) / (2 * step) - at[0]) <= 1e-5 * larger + 10 * step * third


SCORES = np.array([-700.0, -300, -40, -5, -1, -1e-3, -1e-9, 0, 1e-9, 1e-3, 1, 5, 40, 300, 700])


def sigmoid(f):
    return 1 / (1 + (-f).exp())


def cross_entropy(y, p):
    return -(y * p.log() + (1 - y) * (1 - p).log())


LOGISTIC = {
    "log1p": lambda y, f: f.exp().log1p() - y * f,
    "log of 1 + e^f": lambda y, f: (1 + f.exp()).log() - y * f,
    "e^-f": lambda y, f: (1 + (-f).exp()).log() + (1 - y) * f,
    "cross entropy": lambda y, f: cross_entropy(y, sigmoid(f)),
    "e^f / (1 + e^f)": lambda y, f: cross_entropy(y, f.exp() / (1 + f.exp())),
    "expit": lambda y, f: cross_entropy(y, f.expit()),
    "log_expit": lambda y, f: -(y * f.log_expit() + (1 - y) * (-f).log_expit()),
    "two classes": lambda y, f: ((0.5 * f).exp() + (-0.5 * f).exp()).log() - (y - 0.5) * f,
    "logaddexp": lambda y, f: f.logaddexp(0.0) - y * f,
    "e^-f / (1 + e^-f)": lambda y, f: cross_entropy(y, 1 - (-f).exp() / (1 + (-f).exp())),
    "softplus": lambda y, f: f.softplus() - y * f,
    "tanh": lambda y, f: cross_entropy(y, 0.5 * (1 + (0.5 * f).tanh())),
}


@pytest.mark.parametrize("way", LOGISTIC)
def test_the_logistic_loss_is_stable_however_it_is_written(way):
    formula = Formula(LOGISTIC[way])
    p, q = special.expit(SCORES), special.expit(-SCORES)
    for y in (0.0, 1.0, 0.25):
        value, gradient, hessian = formula(y, SCORES)
        # Relative to the terms that the value is a sum of; what is left of them may be smaller.
        terms = np.logaddexp(0, SCORES) + np.abs(SCORES)
        assert np.all(np.abs(value - (1 - y) * np.logaddexp(0, SCORES) - y * np.logaddexp(0, -SCORES)) <= 1e-15 * terms)
        np.testing.assert_allclose(gradient, p * (1 - y) - q * y, rtol=1e-13, atol=2e-16)
        np.testing.assert_allclose(hessian, p * q, rtol=1e-13)


RESIDUALS = np.array([0.0, 1e-9, 1e-3, 0.5, 1, 30, 700, 1e4, 1e6])


@pytest.mark.parametrize("residual", np.concatenate([-RESIDUALS[1:], RESIDUALS]))
def test_robust_losses_keep_their_accuracy_in_the_tails(residual):
    scale = 3.0
    losses = {
        "log_cosh": (lambda y, f: (y - f).cosh().log(), lambda r: mpmath.log(mpmath.cosh(r))),
        "pseudo_huber": (
            lambda y, f: scale**2 * ((1 + ((y - f) / scale) ** 2).sqrt() - 1),
            lambda r: scale**2 * (mpmath.sqrt(1 + (r / scale) ** 2) - 1),
        ),
        "cauchy": (lambda y, f: (1 + (y - f) ** 2).log(), lambda r: mpmath.log1p(r**2)),
    }
    with mpmath.workdps(700):
        for name, (formula, true) in losses.items():
            value, gradient, hessian = (float(v[0]) for v in Formula(formula)([0.0], [residual]))
            r = mpmath.mpf(residual)
            if name == "log_cosh":
                slope, curvature = mpmath.tanh(r), mpmath.sech(r) ** 2
            elif name == "pseudo_huber":
                root = mpmath.sqrt(1 + (r / scale) ** 2)
                slope, curvature = r / root, root**-3
            else:
                slope, curvature = 2 * r / (1 + r**2), 2 * (1 - r**2) / (1 + r**2) ** 2
            assert abs(value - true(r)) <= 1e-15 * (abs(true(r)) + (scale**2 if name == "pseudo_huber" else 0)), name
            assert abs(gradient - slope) <= 1e-14 * abs(slope), name
            assert abs(hessian - curvature) <= 1e-13 * abs(curvature) + 1e-300, name


def test_a_softmax_never_overflows():
    def loss(a, b, c, f):
        return (a.exp() + b.exp() + c.exp() + f.exp()).log() - f

    def share(a, b, c, f):
        return f.exp() / (a.exp() + b.exp() + c.exp() + f.exp())

    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4, 200)) * rng.choice([1, 30, 700], size=200)
    p = special.softmax(scores, axis=0)[3]
    rest = np.exp(special.logsumexp(scores[:3], axis=0) - special.logsumexp(scores, axis=0))
    _, gradient, hessian = Formula(loss, 4)(*scores)
    np.testing.assert_allclose(gradient, -rest, rtol=1e-12)
    np.testing.assert_allclose(hessian, p * rest, rtol=1e-12)
    value, gradient, _ = Formula(share, 4)(*scores)
    np.testing.assert_allclose(value, p, rtol=1e-12)
    np.testing.assert_allclose(gradient, p * rest, rtol=1e-9, atol=1e-16)


@pytest.mark.parametrize(
    "written, simple",
    [
        (lambda y, f: 2 * (3 * f), lambda y, f: 6 * f),
        (lambda y, f: f + 0 * y - 0, lambda y, f: f),
        (lambda y, f: 0 - (-f) * 1 / 1, lambda y, f: f),
        (lambda y, f: (f - f) + y, lambda y, f: y),
        (lambda y, f: f**0.5, lambda y, f: f.sqrt()),
        (lambda y, f: f**-1, lambda y, f: 1 / f),
        (lambda y, f: y * f, lambda y, f: f * y),
        (lambda y, f: f.square().abs() + f.abs().square(), lambda y, f: 2 * f * f),
        (lambda y, f: f.sign() * f.abs(), lambda y, f: f),
        (lambda y, f: (f**2).sqrt(), lambda y, f: f.abs()),
        (lambda y, f: f.exp().log() + (1 - f.expit()), lambda y, f: f + (-f).expit()),
        (lambda y, f: f.sinh() / f.cosh(), lambda y, f: f.tanh()),
        (lambda y, f: (f.exp() - (-f).exp()) / (f.exp() + (-f).exp()), lambda y, f: f.tanh()),
        (lambda y, f: ((2 * f).exp() - 1) / ((2 * f).exp() + 1), lambda y, f: f.tanh()),
        (lambda y, f: f.softplus() - f, lambda y, f: (-f).softplus()),
        (lambda y, f: f.exp() / (1 + f.exp()) ** 2, lambda y, f: f.expit() * (-f).expit()),
        (lambda y, f: y.exp() / (y.exp() + f.exp()), lambda y, f: (y - f).expit()),
        (lambda y, f: (-f.expit()).log1p(), lambda y, f: -f.softplus()),
        (lambda y, f: f.where(y, y) + f - y, lambda y, f: f),
        (lambda y, f: f.where(y - f, f) + f.where(f - y, -f), lambda y, f: 0 * f),
        (lambda y, f: (f + 1) - f + y, lambda y, f: y + 1),
    ],
)
def test_what_is_equal_becomes_one_node(written, simple):
    graph, y, f = two_symbols()
    assert graph.text([written(y, f).node], ["y", "f"]) == graph.text([simple(y, f).node], ["y", "f"])
    assert written(y, f).node == simple(y, f).node


def test_numbers_that_overflow_are_not_folded():
    graph = _core.Graph()
    huge = graph.apply("multiply", graph.constant(1e200), graph.constant(1e200))
    assert graph.is_constant(huge) is None
    assert graph.evaluate([huge], [])[0] == [math.inf]
    f = graph.variable(0)
    tiny = graph.apply("multiply", graph.constant(1e-200), graph.apply("multiply", graph.constant(1e-200), f))
    np.testing.assert_allclose(graph.evaluate([tiny], [[1e300]])[0], 1e-100)


def test_kinks_follow_the_documented_rule():
    at_zero = [[0.0], [0.0]]
    slopes = {
        "abs": (lambda y, f: f.abs(), 0.0),
        "maximum": (lambda y, f: f.maximum(0.0), 0.5),
        "minimum": (lambda y, f: (3 * f).minimum(f), 2.0),
        "where": (lambda y, f: f.less(0.0).where(-f, 5 * f), 5.0),
        "sign": (lambda y, f: f.sign() + f.less_equal(y), 0.0),
    }
    for name, (function, slope) in slopes.items():
        formula = Formula(function)
        assert formula(*at_zero)[1] == [slope], name
        assert formula(*at_zero)[2] == [0.0], name


def test_a_branch_not_taken_does_not_leak():
    with_log = Formula(lambda y, f: f.less_equal(0.0).where(f * f, f.log() + f.sqrt()))
    at = [[4, math.log(4) + 2], [-4, 0.5], [2, -1 / 16 - 1 / 32]]
    np.testing.assert_allclose(with_log([0, 0], [-2.0, 4.0]), at, rtol=1e-15)
    power = Formula(lambda y, f: y**f)  # 0^f is 0, and so are its derivatives
    np.testing.assert_array_equal(power([0.0], [2.0]), [[0.0]] * 3)


def test_third_derivatives_of_gammaln_are_refused():
    formula = Formula(lambda y, f: f.gammaln())
    with pytest.raises(ValueError, match="third derivatives of gammaln"):
        formula.graph.derivative(formula.hessian, 1)


def test_formulas_may_be_deep():
    graph, y, f = two_symbols()
    chain = y
    for i in range(20_000):
        chain = chain + f if i % 2 else chain * 0.999 + y
    outputs = [chain.node, graph.derivative(chain.node, 1)]
    value, slope = 1.0, 0.0
    for i in range(20_000):
        value, slope = (value + 2, slope + 1) if i % 2 else (value * 0.999 + 1, slope * 0.999)
    np.testing.assert_allclose(graph.evaluate(outputs, [[1.0], [2.0]]), [[value], [slope]], rtol=1e-10)
    assert len(graph.text(outputs, ["y", "f"])[0]) < 100  # it is linear
    graph = _core.Graph()
    waves = f = Symbol(graph, graph.variable(1))
    for _ in range(5_000):
        waves = waves.sin() + f
    outputs = [waves.node, graph.derivative(waves.node, 1)]
    value, slope = 2.0, 1.0
    for _ in range(5_000):
        value, slope = math.sin(value) + 2, math.cos(value) * slope + 1
    np.testing.assert_allclose(graph.evaluate(outputs, [[1.0], [2.0]]), [[value], [slope]], rtol=1e-10)
    assert len(graph.text([waves.node], ["y", "f"])[0]) > 40_000
    again = _core.Graph.from_nodes(graph.nodes(outputs))
    assert again.text(graph.positions(outputs), ["y", "f"]) == graph.text(outputs, ["y", "f"])
    with pytest.raises(ValueError, match="more than 100000 operations"):
        for i in range(200_000):
            waves = (waves + i).sin()


def test_sub_expressions_are_shared():
    squared = Formula(lambda y, f: 0.5 * (y - f) ** 2)
    assert squared.text() == ["0.5 * (y - f)^2", "f - y", "1"]
    logistic = Formula(LOGISTIC["log of 1 + e^f"])
    assert logistic.text() == ["softplus(f) - y * f", "expit(f) - y", "expit(f) * expit(-f)"]
    # softplus, y f, their difference, both sigmoids at once, p - y, p q
    assert logistic.graph.instructions(logistic.outputs) == 6
    assert logistic.graph.instructions([logistic.value, logistic.value]) == 3


def test_texts_share_the_names_of_their_parts():
    graph, y, f = two_symbols()
    part = (-((y - f) ** 2) / 3).exp() * (y + f).sin()
    texts = graph.text([(part + 1).node, (part * part).node, (y.less(f).where(10.0, 1.0) * y).node], ["y", "a"])
    assert texts == ["b + 1", "b^2", "y * where(y < a, 10, 1)", "b = exp(-(y - a)^2 / 3) * sin(y + a)"]
    assert graph.text([(y - (f - 2 * y) / (f / y)).node], ["y"]) == ["y - y * (x[1] - 2 * y) / x[1]"]


@pytest.mark.parametrize("isa", SETS)
def test_a_row_has_the_same_bits_wherever_it_stands(isa):
    rng = np.random.default_rng(1)
    columns = [rng.normal(size=5000) * 3, rng.normal(size=5000) * 3]
    formula = Formula(lambda y, f: cross_entropy(y.expit(), sigmoid(f)) + (y - f).cosh().log() * (y * f).sin() + 2 * y)
    outputs = [*formula.outputs, formula.graph.variable(0), formula.graph.constant(2.5), formula.value]
    whole = formula.graph.evaluate(outputs, columns, SETS[0])
    for n in [*range(1, 41), 511, 512, 513, 5000]:
        for begin in {0, 1, 7, n // 2}:
            parts = formula.graph.evaluate(outputs, [c[:n] for c in columns], isa, min(begin, n))
            for part, all_rows in zip(parts, whole, strict=True):
                np.testing.assert_array_equal(part, all_rows[min(begin, n) : n])
    alone = formula.graph.evaluate([formula.hessian], columns, isa)[0]
    np.testing.assert_array_equal(alone, whole[2])


@some
@given(TREES, POINTS)
def test_a_formula_read_back_gives_the_same_bits(tree, point):
    formula = as_formula(tree)
    nodes = formula.graph.nodes(formula.outputs)
    again = _core.Graph.from_nodes(nodes)
    assert again.size == len(nodes)
    at = formula.graph.positions(formula.outputs)
    assert again.nodes(at) == nodes
    columns = [[x] for x in point]
    np.testing.assert_array_equal(again.evaluate(at, columns), formula(*columns))
    assert again.text(at, ["y", "f"]) == formula.text()
    assert again.variables(at[0]) == formula.graph.variables(formula.value)


Y, F = ["variable", 0], ["variable", 1]


@pytest.mark.parametrize(
    "nodes, message",
    [
        ("add", "not a list"),
        ({"nodes": []}, "not a list"),
        ([Y, "add"], "node 1 is not a list"),
        ([["constant"]], "node 0 is not a list"),
        ([[0, 0]], "does not begin with a name"),
        ([Y, ["plus", 0, 0]], "'plus', which is no operation"),
        ([Y, ["add", 0]], "gives 'add' 1 arguments; it takes 2"),
        ([Y, ["exp", 0, 0]], "gives 'exp' 2 arguments; it takes 1"),
        ([Y, ["exp", 1]], "not one of the 1 nodes before it"),
        ([Y, ["exp", -1]], "not one of the 1 nodes before it"),
        ([Y, ["exp", 2**70]], "not one of the 1 nodes before it"),
        ([Y, ["exp", 0.0]], "not one of the 1 nodes before it"),
        ([Y, ["exp", False]], "not one of the 1 nodes before it"),
        ([["exp", 0]], "not one of the 0 nodes before it"),
        ([["variable", -1]], "not one of the 100000 variables"),
        ([["variable", 10**9]], "not one of the 100000 variables"),
        ([["constant", "one"]], "not a finite number"),
        ([["constant", None]], "not a finite number"),
        ([["constant", True]], "not a finite number"),
        ([["constant", math.nan]], "not a finite number"),
        ([["constant", 10**400]], "not a finite number"),
        ([Y] * 100_001, "100001 nodes; 100000 are allowed"),
    ],
)
def test_damaged_formulas_are_refused(nodes, message):
    with pytest.raises(_core.ModelFormatError, match=message):
        _core.Graph.from_nodes(nodes)


def test_what_is_read_is_kept_as_it_is():
    nodes = [Y, ["constant", "-inf"], ["constant", "nan"], ["constant", 0.0], ["add", 0, 3], ["add", 0, 3], ["exp", 1]]
    graph = _core.Graph.from_nodes(nodes)
    assert graph.size == 7
    assert graph.nodes(list(range(7))) == nodes
    results = [column[0] for column in graph.evaluate([1, 2, 5, 6], [[4.0]])]
    np.testing.assert_array_equal(results, [-math.inf, math.nan, 4.0, 0.0])


def test_wrong_calls_are_refused():
    graph = _core.Graph()
    y = graph.variable(1)
    for name, nodes, message in [
        ("plus", [y, y], "'plus' is not known"),
        ("add", [y], "takes 2 nodes, got 1"),
        ("exp", [y, y], "takes 1 nodes, got 2"),
        ("where", [y] * 4, "does not take 4 nodes"),
        ("exp", [99], "node 99 does not exist"),
    ]:
        with pytest.raises(ValueError, match=message):
            graph.apply(name, *nodes)
    for call in (graph.derivative, lambda node, _: graph.is_constant(node), lambda node, _: graph.nodes([node])):
        with pytest.raises(ValueError, match="does not exist"):
            call(99, 0)
    with pytest.raises(ValueError, match="uses variable 1"):
        graph.evaluate([y], [[1.0]])
    with pytest.raises(ValueError, match="one-dimensional with 2 elements"):
        graph.evaluate([y], [[1.0, 2.0], [1.0]])


def test_every_operation_evaluates():
    rng = np.random.default_rng(2)
    columns = [np.abs(rng.normal(size=50)) + 0.1 for _ in range(3)]
    assert sorted(_core.operations()) == sorted(NUMPY)
    for name, arity in _core.operations().items():
        graph = _core.Graph()
        node = graph.apply(name, *[graph.variable(i) for i in range(arity)])
        expected = NUMPY[name](*columns[:arity])
        np.testing.assert_allclose(graph.evaluate([node], columns)[0], expected, rtol=1e-12, atol=1e-15, err_msg=name)
