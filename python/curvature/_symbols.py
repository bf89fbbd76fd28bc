"""Symbols that stand for the numbers of a row while a Python function is traced into an expression."""

from __future__ import annotations

import math
import numbers
import reprlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from . import _core

MOST_ELEMENTS = 4096  # of y, of f or of a vector of variables


class FormulaError(ValueError):
    """A Python function cannot be read as a formula; the message says what to write instead.

    Examples
    --------
    >>> from curvature.losses import Loss
    >>> Loss(lambda y, f: (y - f) ** 2 if y > f else 0.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    curvature._symbols.FormulaError: A formula has no single truth value, ... write np.where(condition, a, b) for ...
    """


def as_symbol(value: Any) -> Symbol:
    """A symbol as it is, a number as a constant."""
    if isinstance(value, Symbol):
        return value
    if np.ndim(value) > 0:
        raise FormulaError(
            f"An array of shape {np.shape(value)} stands in the formula, which is of one row: "
            "pass per-row numbers by loss_data, as a further argument of the function."
        )
    if isinstance(value, (numbers.Real, np.generic, np.ndarray)) and np.asarray(value).dtype.kind in "biufO":
        try:
            return Symbol("constant", float(value))
        except (OverflowError, TypeError):
            pass  # a whole number beyond 64-bit floats, or an object of no use
    raise FormulaError(
        f"{reprlib.repr(value)} stands in the formula: real numbers and the function's arguments are allowed."
    )


def apply(operation: str, *operands: Any) -> Symbol:
    """An operation of the core on symbols and numbers."""
    return Symbol(operation, *map(as_symbol, operands))


def _operator(operation: str) -> Callable[[Any, Any], Symbol]:
    return lambda self, other: apply(operation, self, other)


def _reflected(operation: str) -> Callable[[Any, Any], Symbol]:
    return lambda self, other: apply(operation, other, self)


def _refused(what: str, advice: str) -> Any:
    """A method that raises; typed as anything, for arguments override some."""

    def refuse(self: Symbol, *_: Any, **__: Any) -> NoReturn:
        raise FormulaError(f"{what}: {advice}.")

    return refuse


class Symbol:
    """One number a row: an operation of the core on operands, or a constant. Immutable.

    Operators, NumPy's functions and those of scipy.special make new symbols of it.
    """

    __slots__ = ("operands", "operation")

    def __init__(self, operation: str, *operands: Any) -> None:
        self.operation = operation
        self.operands = operands

    __add__, __radd__ = _operator("add"), _reflected("add")
    __sub__, __rsub__ = _operator("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _operator("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _operator("divide"), _reflected("divide")
    __pow__, __rpow__ = _operator("power"), _reflected("power")
    __and__, __rand__ = _operator("and"), _reflected("and")
    __or__, __ror__ = _operator("or"), _reflected("or")
    __lt__, __le__ = _operator("less"), _operator("less_equal")
    __gt__, __ge__ = _reflected("less"), _reflected("less_equal")
    __eq__ = _operator("equal")  # type: ignore[assignment]
    __ne__ = _operator("not_equal")  # type: ignore[assignment]

    def __neg__(self) -> Symbol:
        return apply("negative", self)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return apply("abs", self)

    def __invert__(self) -> Symbol:
        return apply("not", self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Symbol:
        name = ufunc.__name__
        if method != "__call__":
            raise FormulaError(f"{name}.{method} cannot be traced: write the operation out, sum([...]) for a sum.")
        if keywords:
            raise FormulaError(f"{name} with {', '.join(keywords)}= cannot be traced: leave the keyword out.")
        if name not in UFUNCS:
            raise FormulaError(f"{name} cannot be traced: {_REPLACEMENTS.get(name, 'traced are ' + _known())}.")
        return UFUNCS[name](*inputs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        name = function.__name__
        if function in FUNCTIONS:
            return FUNCTIONS[function](*arguments, **keywords)
        if name in _REDUCTIONS:
            raise FormulaError(_no_reduction(f"np.{name}"))
        raise FormulaError(f"np.{name} cannot be traced: traced are {_known()}.")

    __array__ = _refused(
        "NumPy asks for an array where a formula stands",
        "write sum([...]) in place of np.sum([...]), np.logaddexp in place of logsumexp, operators in place of arrays",
    )
    __bool__ = _refused(
        "A formula has no single truth value, which `if`, `and`, `or`, `not`, min(), max() and 0 < f < 1 ask for",
        "write np.where(condition, a, b) for `if`, & | ~ for `and or not`, np.minimum, np.maximum, (0 < f) & (f < 1)",
    )
    __float__ = _refused(
        "float() and the functions of math ask for one number where a formula stands",
        "write np.exp in place of math.exp, and likewise for the others",
    )
    __int__ = __index__ = __complex__ = _refused(
        "int() asks for one number where a formula stands", "a formula keeps floating-point numbers"
    )
    __round__ = __floor__ = __ceil__ = __trunc__ = _refused(
        "Rounding cannot be traced", "its derivative is 0 or not defined; leave it out"
    )
    __len__ = _refused("len() cannot be traced", "a formula is of one row")
    __iter__ = _refused("Going through the elements of a formula cannot be traced", "write y[0], y[1], f[0], f[1]")
    __contains__ = _refused("`in` cannot be traced", "write (y == 1) | (y == 2)")
    __getitem__ = _refused(
        "An index on a formula cannot be traced", "only the arguments themselves have elements, f[0]"
    )
    __setitem__ = _refused("Writing to an element cannot be traced", "write np.where(condition, a, b)")
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = _refused(
        "// and % cannot be traced", "write / for a quotient"
    )
    __xor__ = __rxor__ = _refused("^ cannot be traced", "write ** for a power")
    __matmul__ = __rmatmul__ = _refused("@ cannot be traced", "write f[0] * a + f[1] * b")
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _refused("<< and >> cannot be traced", "write * and /")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # protocols ask for these to learn that there are none
            raise AttributeError(name)
        if name in _OF_ARRAYS:  # which pandas asks for too where a column of it meets a formula
            raise FormulaError(f".{name} cannot be traced: a formula is one number a row; pass others by loss_data.")
        if name in _REDUCTIONS:
            raise FormulaError(_no_reduction(f".{name}"))
        if name == "astype":
            raise FormulaError(".astype cannot be traced: leave it out, for y > f counts as 1 and 0 as it is.")
        raise FormulaError(
            f".{name} cannot be traced: write operators and functions, np.{name}(...) where NumPy has it."
        )


class Argument(Symbol):
    """An argument of the traced function: used plain, or by its elements.

    With `size`, the number of elements is known beforehand, so that `len` and a loop over them work.
    """

    __slots__ = ("has_elements", "indices", "name", "size")

    def __init__(self, name: str, has_elements: bool = True, size: int | None = None) -> None:
        super().__init__("argument", self, None)
        self.name = name
        self.has_elements = has_elements
        self.size = size
        self.indices: set[int] = set()

    def __getitem__(self, index: Any) -> Symbol:
        name = self.name
        if not self.has_elements:
            raise FormulaError(f"{name}[{index!r}] cannot be traced: {name} is one number a row.")
        most = MOST_ELEMENTS if self.size is None else self.size
        if not isinstance(index, (int, np.integer)) or isinstance(index, bool) or not -most <= index < most:
            raise FormulaError(f"{name}[{_shown(index)}] cannot be traced: write {name}[0] to {name}[{most - 1}].")
        if index < 0 and self.size is None:
            raise FormulaError(f"{name}[{index}] cannot be traced: write {name}[0], {name}[1] from the front.")
        position = int(index) % most
        self.indices.add(position)
        return Symbol("argument", self, position)

    def __len__(self) -> int:
        if self.size is None:
            raise FormulaError(f"len({self.name}) cannot be traced: write the number, {self.name}[0], {self.name}[1].")
        return self.size

    def __iter__(self) -> Iterator[Symbol]:
        if self.size is None:
            raise FormulaError(f"Going through {self.name} cannot be traced: write {self.name}[0], {self.name}[1].")
        return (self[index] for index in range(self.size))

    @property
    def n_elements(self) -> int:
        """Elements that the function took, counted from 0 to the highest; 1 where it took none."""
        return self.size if self.size is not None else max(self.indices, default=0) + 1


def _shown(index: Any) -> str:
    if isinstance(index, tuple):
        return ", ".join(map(_shown, index))
    if isinstance(index, slice):
        return ":".join("" if part is None else str(part) for part in (index.start, index.stop))
    return "..." if isinstance(index, Symbol) else repr(index)


def build(outputs: Sequence[Symbol], graph: _core.Graph, first_variable: dict[int, int]) -> list[int]:
    """Nodes of a graph for symbols; `first_variable` gives the first variable of each argument, by its id.

    Without recursion: a chain of many thousand operations is a formula too.
    """
    nodes: dict[int, int] = {}
    waiting = list(outputs)
    while waiting:
        symbol = waiting[-1]
        if id(symbol) in nodes:
            waiting.pop()
        elif symbol.operation == "constant":
            nodes[id(symbol)] = graph.constant(symbol.operands[0])
        elif symbol.operation == "argument":
            argument, index = symbol.operands
            nodes[id(symbol)] = graph.variable(_variable(argument, index, first_variable))
        elif missing := [operand for operand in symbol.operands if id(operand) not in nodes]:
            waiting.extend(missing)
        else:
            nodes[id(symbol)] = graph.apply(symbol.operation, *(nodes[id(operand)] for operand in symbol.operands))
    return [nodes[id(symbol)] for symbol in outputs]


def _variable(argument: Argument, index: int | None, first_variable: dict[int, int]) -> int:
    if id(argument) not in first_variable:
        raise FormulaError(f"{argument.name} belongs to another formula: use the function's own arguments.")
    if index is None and argument.indices:
        name = argument.name
        raise FormulaError(
            f"{name} is used plain and as {name}[{min(argument.indices)}]: write {name}[0] for the first."
        )
    return first_variable[id(argument)] + (index or 0)


def _where(condition: Any, *branches: Any) -> Symbol:
    if len(branches) != 2:
        raise FormulaError("np.where(condition) cannot be traced: write np.where(condition, a, b).")
    return apply("where", condition, *branches)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, **ends: Any) -> Symbol:
    low, high = ends.pop("min", a_min), ends.pop("max", a_max)
    if ends:
        raise FormulaError(f"np.clip with {', '.join(ends)}= cannot be traced: leave the keyword out.")
    raised = a if low is None else apply("maximum", a, low)
    return as_symbol(raised) if high is None else apply("minimum", raised, high)


def _select(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Symbol:
    if len(conditions) != len(choices):
        raise FormulaError(
            f"np.select has {len(conditions)} conditions and {len(choices)} choices: as many are wanted."
        )
    result = as_symbol(default)
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = apply("where", condition, choice, result)
    return result


def _of(operation: str) -> Callable[..., Symbol]:
    return lambda *operands: apply(operation, *operands)


# NumPy's and SciPy's functions that are one operation of the core, by the name of the ufunc.
_SAME = (
    "add subtract multiply divide power minimum maximum logaddexp less less_equal equal not_equal xlogy sign square "
    "reciprocal negative exp expm1 log log1p sqrt sin cos arctan sinh cosh tanh expit log_expit softplus erf gammaln"
).split()
_RENAMED = {
    "absolute": "abs",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "fabs": "abs",
    "float_power": "power",
    "invert": "not",
    "logical_and": "and",
    "logical_not": "not",
    "logical_or": "or",
    "psi": "digamma",
}
UFUNCS: dict[str, Callable[..., Symbol]] = {
    **{name: _of(name) for name in _SAME},
    **{name: _of(operation) for name, operation in _RENAMED.items()},
    "cbrt": lambda x: apply("sign", x) * apply("abs", x) ** (1 / 3),
    "entr": lambda x: -apply("xlogy", x, x),
    "erfc": lambda x: 1 - apply("erf", x),
    "exp2": lambda x: apply("power", 2, x),
    "greater": lambda a, b: apply("less", b, a),
    "greater_equal": lambda a, b: apply("less_equal", b, a),
    "heaviside": lambda x, at_zero: apply("where", apply("equal", x, 0), at_zero, apply("less", 0, x)),
    "hypot": lambda a, b: apply("sqrt", apply("square", a) + apply("square", b)),
    "log10": lambda x: apply("log", x) / math.log(10),
    "log2": lambda x: apply("log", x) / math.log(2),
    "logit": lambda x: apply("log", x) - apply("log1p", -x),
    "positive": as_symbol,
    "rel_entr": lambda a, b: apply("xlogy", a, apply("divide", a, b)),
    "tan": lambda x: apply("sin", x) / apply("cos", x),
    "xlog1py": lambda a, b: apply("xlogy", a, apply("add", 1, b)),
}
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.select: _select,
    np.zeros_like: lambda a: 0.0,
    np.ones_like: lambda a: 1.0,
}
_OF_ARRAYS = {"dtype", "index", "ndim", "shape", "size", "values"}
_REDUCTIONS = {"sum", "mean", "average", "prod", "std", "var", "median", "max", "amax", "min", "amin", "cumsum", "dot"}
_REPLACEMENTS = {
    "fmax": "write np.maximum",
    "fmin": "write np.minimum",
    "floor_divide": "write / for a quotient",
    "remainder": "write / for a quotient",
    "logical_xor": "write a != b",
    "bitwise_xor": "write ** for a power, a != b for truth values",
}


def _no_reduction(what: str) -> str:
    return (
        f"{what} cannot be traced: a formula is of one row, and the fit adds up the rows; "
        "write sum([...]) for the sum of several terms, np.minimum or np.maximum of two."
    )


def _known() -> str:
    return ", ".join(sorted({"where", "clip", "select", *UFUNCS}))
