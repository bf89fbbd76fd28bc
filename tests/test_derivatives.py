"""Exact derivatives of any traced function, beside hand-derived and symbolic ones."""

import doctest
from typing import Any

import numpy as np
import pytest
import sympy

from curvature import _derivatives
from curvature._derivatives import derivatives
from curvature._symbols import FormulaError

RNG = np.random.default_rng(3)


def rosenbrock(a: Any, b: Any) -> Any:
    return (1 - a) ** 2 + 100 * (b - a**2) ** 2


def chained_rosenbrock(x: Any) -> Any:
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def test_rosenbrock_by_hand() -> None:
    d = derivatives(rosenbrock)
    a, b = RNG.normal(size=(2, 50))
    np.testing.assert_allclose(d.value(a, b), rosenbrock(a, b), rtol=1e-14)
    by_hand = np.stack([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)], axis=-1)
    np.testing.assert_allclose(d.gradient(a, b), by_hand, rtol=1e-12, atol=1e-12)
    hessian = d.hessian(a, b)
    assert hessian.shape == (50, 2, 2)
    np.testing.assert_allclose(hessian[:, 0, 0], 2 - 400 * b + 1200 * a**2, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(hessian[:, 0, 1], -400 * a, rtol=1e-13)
    np.testing.assert_array_equal(hessian[:, 1, 0], hessian[:, 0, 1])
    np.testing.assert_array_equal(hessian[:, 1, 1], 200.0)


def test_rosenbrock_of_a_vector_by_sympy() -> None:
    n = 5
    d = derivatives(chained_rosenbrock, n_variables=n)
    symbols = list(sympy.symbols(f"x:{n}"))
    formula = chained_rosenbrock(symbols)
    gradient = [sympy.diff(formula, one) for one in symbols]
    hessian = sympy.hessian(formula, symbols)
    x = RNG.normal(size=n)
    at = dict(zip(symbols, map(sympy.Float, x.tolist()), strict=True))
    np.testing.assert_allclose(d.value(x), float(formula.subs(at)), rtol=1e-13)
    np.testing.assert_allclose(d.gradient(x), [float(one.subs(at)) for one in gradient], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(d.hessian(x), np.array(hessian.subs(at), dtype=float), rtol=1e-11, atol=1e-11)


def test_newton_finds_the_minimum() -> None:
    d = derivatives(lambda x: rosenbrock(x[0], x[1]))
    x = np.array([-1.2, 1.0])
    for _ in range(10):
        x = x - np.linalg.solve(d.hessian(x), d.gradient(x))
    np.testing.assert_allclose(x, [1.0, 1.0], rtol=1e-12)


def test_shapes() -> None:
    d = derivatives(rosenbrock)
    assert d.n_variables == 2
    assert d.value(1.0, 2.0).shape == ()
    assert d.gradient(1.0, 2.0).shape == (2,)
    assert d.hessian(1.0, 2.0).shape == (2, 2)
    grid = d.gradient(np.zeros((4, 1)), np.ones(3))
    assert grid.shape == (4, 3, 2)
    assert d.hessian(np.zeros((4, 1)), np.ones(3)).shape == (4, 3, 2, 2)
    vector = derivatives(lambda x: rosenbrock(x[0], x[1]))
    assert vector.value(np.zeros((2, 7))).shape == (7,)
    np.testing.assert_array_equal(vector.gradient(np.zeros((2, 7))), d.gradient(np.zeros(7), np.zeros(7)))


def test_a_plain_function_of_one_variable() -> None:
    d = derivatives(lambda x: np.log(np.cosh(x)))
    x = np.array([-700.0, -1.0, 0.0, 0.5, 700.0])
    np.testing.assert_allclose(d.gradient(x)[:, 0], np.tanh(x), rtol=1e-14)
    np.testing.assert_allclose(d.hessian(x)[1:4, 0, 0], 1 / np.cosh(x[1:4]) ** 2, rtol=1e-14)


def test_jacobian_of_several_components() -> None:
    d = derivatives(lambda r, t: (r * np.cos(t), r * np.sin(t), 0 * r + 3 * t))
    r, t = RNG.uniform(0.5, 2.0, (2, 20))
    assert d.value(r, t).shape == (20, 3)
    jacobian = d.jacobian(r, t)
    expected = np.stack(
        [
            np.stack([np.cos(t), -r * np.sin(t)], -1),
            np.stack([np.sin(t), r * np.cos(t)], -1),
            np.broadcast_to([0.0, 3.0], (20, 2)),
        ],
        -2,
    )
    np.testing.assert_allclose(jacobian, expected, rtol=1e-14, atol=1e-15)
    assert derivatives(rosenbrock).jacobian(r, t).shape == (20, 1, 2)


def test_hessian_vector_product() -> None:
    d = derivatives(chained_rosenbrock, n_variables=6)
    x, v = RNG.normal(size=(2, 6))
    np.testing.assert_allclose(d.hessian_vector_product(x, v), d.hessian(x) @ v, rtol=1e-11, atol=1e-11)
    two = derivatives(rosenbrock)
    a, b = RNG.normal(size=(2, 30))
    directions = RNG.normal(size=(30, 2))
    expected = np.einsum("nij,nj->ni", two.hessian(a, b), directions)
    np.testing.assert_allclose(two.hessian_vector_product((a, b), directions), expected, rtol=1e-10, atol=1e-10)


def test_defaults_are_constants() -> None:
    d = derivatives(lambda x, scale=3.0: scale * x**2)
    np.testing.assert_array_equal(d.gradient(2.0), [12.0])


def test_a_vector_can_be_gone_through() -> None:
    d = derivatives(lambda x: sum(one**2 for one in x) + x[-1], n_variables=4)
    np.testing.assert_array_equal(d.gradient(np.ones(4)), [2.0, 2.0, 2.0, 3.0])


def test_text_is_algebra() -> None:
    text = str(derivatives(rosenbrock))
    lines = text.splitlines()
    assert lines[0].startswith("rosenbrock(a, b) = ")
    assert any(line.startswith("d rosenbrock / d a = ") for line in lines)
    assert any(line.startswith("d^2 rosenbrock / d b^2 = 200") for line in lines)
    assert str(derivatives(lambda x: (x[0], 2 * x[1]))).splitlines()[1].startswith("f(x[0], x[1])[1] = ")
    assert repr(derivatives(rosenbrock)) == "derivatives of rosenbrock(a, b)"


def test_errors_name_what_is_wanted() -> None:
    d = derivatives(rosenbrock)
    several = derivatives(lambda x: (x[0], x[1]))
    with pytest.raises(ValueError, match=r"1 variables given: 2 are wanted, \(a, b\)"):
        d.value(1.0)
    with pytest.raises(ValueError, match="do not broadcast"):
        d.value(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="must be numbers"):
        d.value("a", 1.0)
    with pytest.raises(ValueError, match="gradient is of a function of one component"):
        several.gradient([1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape \(3,\) given: one vector of 2 variables is wanted"):
        several.value(np.ones(3))
    with pytest.raises(ValueError, match="2 arguments given"):
        several.value(1.0, 2.0)
    with pytest.raises(ValueError, match=r"v has shape \(3,\)"):
        d.hessian_vector_product((1.0, 2.0), np.ones(3))
    with pytest.raises(ValueError, match="n_variables=0 must be a whole number"):
        derivatives(chained_rosenbrock, n_variables=0)
    with pytest.raises(FormulaError, match=r"len\(x\) cannot be traced"):
        derivatives(chained_rosenbrock)
    with pytest.raises(FormulaError, match="n_variables=2 is for a function of one vector"):
        derivatives(rosenbrock, n_variables=2)
    with pytest.raises(FormulaError, match="no variable to differentiate in"):
        derivatives(lambda: 1.0)
    with pytest.raises(FormulaError, match="a formula, or a tuple of formulas, is wanted"):
        derivatives(lambda x: (x, 1.0))
    with pytest.raises(FormulaError, match="x is used plain and as"):
        derivatives(lambda x: x[0] + x)
    with pytest.raises(FormulaError, match="write np.where"):
        derivatives(lambda x: x if x > 0 else -x)


def test_examples_of_docstrings() -> None:
    failed, attempted = doctest.testmod(_derivatives)
    assert attempted > 0
    assert failed == 0
