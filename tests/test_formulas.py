"""Tracing: what a Python function may do to become a formula, and what each refusal says."""

import json
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from curvature import _core
from curvature._formula import Formula, trace
from curvature._symbols import FormulaError

RNG = np.random.default_rng(5)
Y, F = RNG.uniform(0.1, 2.0, 200), RNG.uniform(0.1, 0.9, 200)


def value(formula: Formula, *columns: Any) -> np.ndarray:
    return formula.graph.evaluate([formula.node], [np.asarray(column, dtype=np.float64) for column in columns])[0]


SAME_AS_NUMPY: dict[str, Callable[[Any, Any], Any]] = {
    "operators": lambda y, f: (y - f) * (2 + f) / (1 + y) - f**2 + 2**f + f**y,
    "reflected": lambda y, f: 3 - f + 3 / f + 3 * f + (3 + f) + 2**f,
    "unary": lambda y, f: -f + abs(y - f) + (+y),
    "in place": lambda y, f: _in_place(y, f),
    "less": lambda y, f: np.where(y < f, f, y * 2),
    "less_equal": lambda y, f: np.where(y <= f, f, y * 2),
    "greater": lambda y, f: np.where(y > f, f, y * 2),
    "greater_equal": lambda y, f: np.where(y >= f, f, y * 2),
    "equal": lambda y, f: np.where(y == 1.0, f, y * f),
    "not_equal": lambda y, f: np.where(y != 1.0, f, y * f),
    "reflected comparison": lambda y, f: np.where(1 > f, f, y) + np.where(np.float64(0.5) <= f, f, y),
    "and or not": lambda y, f: np.where((y > 1) & (f > 0.5) | ~(y < 1.5), f, 2 * f),
    "logical": lambda y, f: np.where(np.logical_or(np.logical_and(y > 1, f > 0.5), np.logical_not(y < 1.5)), f, 2 * f),
    "np comparisons": lambda y, f: np.where(np.greater(y, f), f, y) + np.where(np.less_equal(y, f), 1.0, f),
    "clip": lambda y, f: np.clip(f, 0.3, 0.6) + np.clip(y, None, 1.0) + np.clip(y, 0.5, None),
    "clip of formulas": lambda y, f: np.clip(f, y - 1.0, y),
    "select": lambda y, f: np.select([y < 0.5, y < 1.0], [f, 2 * f], 3 * f),
    "abs": lambda y, f: np.abs(y - f) + np.fabs(f - 0.5) + np.absolute(f),
    "exp": lambda y, f: np.exp(f) + np.exp2(f) + np.expm1(f),
    "log": lambda y, f: np.log(f) + np.log2(f) + np.log10(f) + np.log1p(f),
    "powers": lambda y, f: np.sqrt(f) + np.cbrt(f) + np.square(f) + np.reciprocal(f) + np.power(f, y),
    "float_power": lambda y, f: np.float_power(f, 1.5) + np.hypot(y, f),
    "trigonometric": lambda y, f: np.sin(f) + np.cos(f) + np.tan(f) + np.arctan(f),
    "hyperbolic": lambda y, f: np.sinh(f) + np.cosh(f) + np.tanh(f),
    "sign": lambda y, f: np.sign(y - f) * f + np.positive(f) + np.negative(y),
    "extremes": lambda y, f: np.maximum(y, f) + np.minimum(y, 0.5) + np.logaddexp(y, f),
    "heaviside": lambda y, f: np.heaviside(y - f, 0.5) * f,
    "arithmetic": lambda y, f: np.add(y, f) * np.subtract(y, f) + np.multiply(y, f) + np.divide(y, f),
    "sum of a list": lambda y, f: sum([y, f, 1.0]),
    "logistic": lambda y, f: np.log(1 + np.exp(f)) - y * f,
    "expit": lambda y, f: special.expit(f) + special.log_expit(f) + special.logit(f),
    "gamma": lambda y, f: special.gammaln(f) + special.psi(f) + special.digamma(y),
    "erf": lambda y, f: special.erf(f) + special.erfc(y * f),
    "entropies": lambda y, f: special.xlogy(y, f) + special.xlog1py(y, f) + special.entr(f) + special.rel_entr(y, f),
    "constants": lambda y, f: (y - f) ** 2 * np.float32(0.5) + np.array(2.0) * f + np.int64(3) + True,
    "like": lambda y, f: np.ones_like(f) * f + np.zeros_like(f),
}


def _in_place(y: Any, f: Any) -> Any:
    total = y - f
    total = total * 1.0
    total += f
    total *= 2
    total -= 1
    total /= 3
    return total * f


@pytest.mark.parametrize("function", SAME_AS_NUMPY.values(), ids=SAME_AS_NUMPY)
def test_a_formula_gives_what_numpy_gives(function: Callable[[Any, Any], Any]) -> None:
    """The same function, once traced and once called with arrays."""
    np.testing.assert_allclose(value(trace(function), Y, F), function(Y, F), rtol=1e-13, atol=1e-14)


def test_clip_with_keywords() -> None:
    formula = trace(lambda y, f: np.clip(f, min=0.3) + np.clip(y, max=1.0))
    np.testing.assert_array_equal(value(formula, Y, F), np.maximum(F, 0.3) + np.minimum(Y, 1.0))


def test_constant_conditions_and_steps() -> None:
    np.testing.assert_array_equal(value(trace(lambda y, f: np.where(True, f, y)), Y, F), F)
    equal = value(trace(lambda y, f: f + np.heaviside(y, 0.25)), [0.0, 1.0, -1.0], [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(equal, [0.25, 1.0, 0.0])


def test_inputs_are_read_from_the_signature() -> None:
    def loss(y: Any, f: Any, cap: Any, *rest: Any, delta: float = 2.0, low: Any, **more: Any) -> Any:
        return np.minimum(delta * (y - f) ** 2, cap) + low * f

    formula = trace(loss)
    assert (formula.n_y, formula.data_names, formula.n_outputs) == (1, ("cap", "low"), 1)
    assert formula.names == ["y", "cap", "low", "f"]
    got = value(formula, [1.0, 1.0], [5.0, 1.0], [0.0, 1.0], [3.0, 3.0])
    np.testing.assert_array_equal(got, [5.0, 4.0])


def test_defaults_closures_and_partials_are_constants() -> None:
    scale = np.float64(3.0)

    def loss(y: Any, f: Any, delta: float = 2.0) -> Any:
        return scale * delta * (y - f) ** 2

    assert trace(loss).data_names == ()
    np.testing.assert_array_equal(value(trace(loss), [1.0], [0.0]), [6.0])
    np.testing.assert_array_equal(value(trace(partial(loss, delta=10.0)), [1.0], [0.0]), [30.0])


def test_a_callable_object_is_a_function() -> None:
    class Scaled:
        def __call__(self, y: Any, f: Any) -> Any:
            return 4 * (y - f) ** 2

    np.testing.assert_array_equal(value(trace(Scaled()), [1.0], [0.0]), [4.0])


def test_several_columns_and_outputs() -> None:
    formula = trace(lambda y, f: np.log(sum(np.exp(f[k]) for k in range(3))) - y[1] * f[2] + y[0])
    assert (formula.n_y, formula.n_outputs) == (2, 3)
    assert formula.names == ["y[0]", "y[1]", "f[0]", "f[1]", "f[2]"]
    columns = RNG.normal(size=(5, 50))
    expected = special.logsumexp(columns[2:], axis=0) - columns[1] * columns[4] + columns[0]
    np.testing.assert_allclose(value(formula, *columns), expected, rtol=1e-13)


def test_one_element_is_the_plain_argument() -> None:
    formula = trace(lambda y, f: (y[0] - f[0]) ** 2)
    assert (formula.n_y, formula.n_outputs, formula.names) == (1, 1, ["y", "f"])


def test_a_long_chain_is_no_deep_recursion() -> None:
    def loss(y: Any, f: Any) -> Any:
        total = f
        for step in range(5000):
            total = np.sin(total) + step * y
        return total

    formula = trace(loss)
    expected = F[:1]
    for step in range(5000):
        expected = np.sin(expected) + step * Y[:1]
    np.testing.assert_allclose(value(formula, Y[:1], F[:1]), expected, rtol=1e-9)


def _branches(y: Any, f: Any) -> Any:
    if y > f:
        return y - f
    return f - y


def _writes(y: Any, f: Any) -> Any:
    f[0] = 1.0
    return f


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "if": (_branches, "write np.where(condition, a, b)"),
    "and": (lambda y, f: (y > 0) and f, "& | ~ for `and or not`"),
    "chained": (lambda y, f: np.where(0 < f < 1, y, f), "(0 < f) & (f < 1)"),
    "max": (lambda y, f: max(y, f), "np.maximum"),
    "math.exp": (lambda y, f: math.exp(f), "write np.exp in place of math.exp"),
    "float": (lambda y, f: float(f), "float()"),
    "int": (lambda y, f: int(f), "int()"),
    "round": (lambda y, f: round(f), "Rounding cannot be traced"),
    "math.floor": (lambda y, f: math.floor(f), "Rounding cannot be traced"),
    "np.floor": (lambda y, f: np.floor(f), "floor cannot be traced"),
    "len": (lambda y, f: len(f) * f, "len(f) cannot be traced"),
    "loop": (lambda y, f: sum(one for one in f), "write f[0], f[1]"),
    "unpacking": (lambda y, f: [part for part in y - f][0], "write y[0], y[1]"),
    "in": (lambda y, f: f * (1 in (y - f)), "write (y == 1) | (y == 2)"),
    "index of a formula": (lambda y, f: (y - f)[0], "only the arguments themselves have elements"),
    "slice": (lambda y, f: f[1:] - y, "f[1:] cannot be traced"),
    "column": (lambda y, f: f[:, 0] - y, "f[:, 0] cannot be traced: write f[0]"),
    "mask": (lambda y, f: f[f > 0] - y, "f[...] cannot be traced"),
    "negative index": (lambda y, f: f[-1] - y, "from the front"),
    "huge index": (lambda y, f: f[10**6] - y, "write f[0] to f[4095]"),
    "assignment": (_writes, "Writing to an element cannot be traced"),
    "floor division": (lambda y, f: f // 2, "// and % cannot be traced"),
    "remainder": (lambda y, f: f % 2, "// and % cannot be traced"),
    "xor": (lambda y, f: f ^ 2, "write ** for a power"),
    "matrix product": (lambda y, f: f @ y, "@ cannot be traced"),
    "shift": (lambda y, f: f << 1, "<< and >> cannot be traced"),
    "method": (lambda y, f: (y - f).mean(), ".mean cannot be traced"),
    "attribute": (lambda y, f: f.shape[0] * y, ".shape cannot be traced"),
    "np.sum": (lambda y, f: np.sum((y - f) ** 2), "np.sum cannot be traced: a formula is of one row"),
    "np.mean": (lambda y, f: np.mean(y - f), "the fit adds up the rows"),
    "np.sum of a list": (lambda y, f: np.sum([y, f]), "write sum([...]) in place of np.sum([...])"),
    "logsumexp": (lambda y, f: special.logsumexp([f[0], f[1]]), "np.logaddexp in place of logsumexp"),
    "np.asarray": (lambda y, f: np.asarray(f) - y, "NumPy asks for an array"),
    "reduce": (lambda y, f: np.add.reduce(f), "add.reduce cannot be traced"),
    "out": (lambda y, f: np.add(f, y, out=np.empty(3)), "add with out= cannot be traced"),
    "unknown ufunc": (lambda y, f: special.ndtri(f), "ndtri cannot be traced: traced are"),
    "unknown function": (lambda y, f: np.sinc(f), "np.sinc cannot be traced: traced are"),
    "fmax": (lambda y, f: np.fmax(f, y), "write np.maximum"),
    "np.where of one": (lambda y, f: np.where(f), "write np.where(condition, a, b)"),
    "array": (lambda y, f: f * np.ones(5) - y, "of shape (5,) stands in the formula"),
    "array first": (lambda y, f: np.ones(5) * f - y, "pass per-row numbers by loss_data"),
    "list": (lambda y, f: f * [1.0, 2.0], "pass per-row numbers by loss_data"),
    "series": (lambda y, f: f * pd.Series([1.0, 2.0]), "of shape (2,) stands in the formula"),
    "series first": (lambda y, f: pd.Series([1.0, 2.0]) * f - y, "by loss_data"),
    "index by name": (lambda y, f: y["a"] - f, "y['a'] cannot be traced"),
    "text": (lambda y, f: f * "2", "'2' stands in the formula"),
    "none": (lambda y, f: f + None, "None stands in the formula"),
    "complex": (lambda y, f: f * 1j, "1j stands in the formula"),
    "too large": (lambda y, f: f * 10**400, "real numbers"),
    "data element": (lambda y, f, cap: f * cap[0], "cap is one number a row"),
    "plain and indexed": (lambda y, f: f[0] + f - y, "f is used plain and as f[0]"),
    "y plain and indexed": (lambda y, f: y[1] + f - y, "y is used plain and as y[1]"),
    "no f": (lambda y, f: y**2, "does not depend on f"),
    "f cancels": (lambda y, f: y + f - f, "does not depend on f"),
    "a gap": (lambda y, f: f[0] + f[2] - y, "does not depend on f[1]"),
    "constant": (lambda y, f: 1.0, "returns 1.0: a formula of y and f is wanted"),
    "nothing": (lambda y, f: None, "returns None"),
    "derivatives": (lambda y, f: (f - y, 1.0), "is wrapped in FromArrays"),
    "no arguments": (lambda: 0.0, "takes (): a loss takes (y, f)"),
    "one argument": (lambda f: f, "takes (f): a loss takes (y, f)"),
    "other order": (lambda f, y: f - y, "in this order"),
    "builtin": (np.where, "where"),
}


@pytest.mark.parametrize(("function", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_traced_is_named(function: Callable[..., Any], sentence: str) -> None:
    with pytest.raises(FormulaError) as caught:
        trace(function)
    assert sentence in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_symbols_do_not_leave_their_formula() -> None:
    kept = []
    trace(lambda y, f: kept.append(f) or f - y)
    with pytest.raises(FormulaError, match="f belongs to another formula"):
        trace(lambda y, f: f - kept[0])


def test_own_errors_of_a_function_pass() -> None:
    def loss(y: Any, f: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trace(loss)


def test_fractions_are_numbers_and_decimals_are_not() -> None:
    np.testing.assert_array_equal(value(trace(lambda y, f: f * Fraction(1, 4)), Y, F), F / 4)
    with pytest.raises(FormulaError, match="Decimal"):
        trace(lambda y, f: f * Decimal("0.5"))


def test_a_stored_formula_is_the_same() -> None:
    formula = trace(lambda y, f, cap: np.minimum(np.log(1 + np.exp(f)) - y * f, cap))
    stored = json.loads(json.dumps(formula.to_dict()))
    again = Formula.from_dict(stored)
    assert again.to_dict() == formula.to_dict()
    assert (again.n_y, again.data_names, again.n_outputs) == (1, ("cap",), 1)
    columns = [Y, np.full(200, 0.7), F]
    np.testing.assert_array_equal(value(again, *columns), value(formula, *columns))


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no dict": lambda stored: [stored],
    "missing": lambda stored: {key: stored[key] for key in stored if key != "n_y"},
    "more": lambda stored: stored | {"code": "import os"},
    "no columns": lambda stored: stored | {"n_y": 0},
    "too many outputs": lambda stored: stored | {"n_outputs": 10**12},
    "a column as bool": lambda stored: stored | {"n_y": True},
    "outputs as text": lambda stored: stored | {"n_outputs": "1"},
    "more outputs": lambda stored: stored | {"n_outputs": 2},
    "fewer columns": lambda stored: stored | {"data_names": []},
    "more columns": lambda stored: stored | {"n_y": 2},
    "names": lambda stored: stored | {"data_names": [3]},
    "twice a name": lambda stored: stored | {"data_names": ["cap", "cap"]},
    "no nodes": lambda stored: stored | {"nodes": []},
    "nodes as text": lambda stored: stored | {"nodes": "add"},
    "unknown operation": lambda stored: stored | {"nodes": [["variable", 0], ["system", 0]]},
    "forward": lambda stored: stored | {"nodes": [["add", 0, 1], ["variable", 0]]},
    "no score": lambda stored: stored | {"nodes": [["variable", 0]]},
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_formula_is_refused(damage: Callable[[dict[str, Any]], Any]) -> None:
    stored = trace(lambda y, f, cap: np.minimum((y - f) ** 2, cap)).to_dict()
    Formula.from_dict(stored)
    with pytest.raises(_core.ModelFormatError):
        Formula.from_dict(damage(stored))


def test_text_is_algebra() -> None:
    lines = trace(lambda y, f: 0.5 * (y - f) ** 2).text().splitlines()
    assert lines[0].startswith("l(y, f) = 0.5 * ")
    assert any(line.startswith("gradient = ") for line in lines)
    assert any(line.startswith("Hessian = 1") for line in lines)
