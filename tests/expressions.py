"""Formulas for the tests: symbols with Python's operators, and random expressions with NumPy and SymPy beside them."""

import math

import mpmath
import numpy as np
import sympy
from hypothesis import strategies as st
from scipy import special

from curvature import _core

NUMPY = {
    **{name: getattr(np, name) for name in "negative abs sign square reciprocal exp expm1 log log1p sqrt".split()},
    **{name: getattr(np, name) for name in "sin cos arctan sinh cosh tanh add subtract multiply divide".split()},
    **{name: getattr(np, name) for name in "power minimum maximum logaddexp less less_equal equal not_equal".split()},
    **{name: getattr(special, name) for name in "expit log_expit erf gammaln digamma xlogy".split()},
    "trigamma": lambda x: special.polygamma(1, x),
    "softplus": lambda x: np.logaddexp(0, x),
    "log_cosh": lambda x: np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - math.log(2),
    "not": np.logical_not,
    "and": np.logical_and,
    "or": np.logical_or,
    "where": lambda c, a, b: np.where(c != 0, a, b),
}


class Symbol:
    """A node with Python's operators; a method is an operation: x.exp()."""

    def __init__(self, graph, node):
        self.graph, self.node = graph, node

    def _operation(self, name, *arguments):
        nodes = [a.node if isinstance(a, Symbol) else self.graph.constant(a) for a in arguments]
        return Symbol(self.graph, self.graph.apply(name, *nodes))

    def __getattr__(self, name):
        return lambda *others: self._operation(name, self, *others)

    def __add__(self, other):
        return self._operation("add", self, other)

    def __radd__(self, other):
        return self._operation("add", other, self)

    def __sub__(self, other):
        return self._operation("subtract", self, other)

    def __rsub__(self, other):
        return self._operation("subtract", other, self)

    def __mul__(self, other):
        return self._operation("multiply", self, other)

    def __rmul__(self, other):
        return self._operation("multiply", other, self)

    def __truediv__(self, other):
        return self._operation("divide", self, other)

    def __rtruediv__(self, other):
        return self._operation("divide", other, self)

    def __pow__(self, other):
        return self._operation("power", self, other)

    def __neg__(self):
        return self._operation("negative", self)


class Formula:
    """A function of symbols and its derivatives by its last variable."""

    def __init__(self, function, n_variables=2):
        self.graph = _core.Graph()
        symbols = [Symbol(self.graph, self.graph.variable(i)) for i in range(n_variables)]
        self.value = function(*symbols).node
        self.gradient = self.graph.derivative(self.value, n_variables - 1)
        self.hessian = self.graph.derivative(self.gradient, n_variables - 1)
        self.outputs = [self.value, self.gradient, self.hessian]

    def __call__(self, *columns, isa=""):
        columns = np.broadcast_arrays(*[np.asarray(c, dtype=float) for c in columns])
        return self.graph.evaluate(self.outputs, [np.ascontiguousarray(c) for c in columns], isa)

    def text(self, names=("y", "f")):
        return self.graph.text(self.outputs, list(names))


# Random smooth expressions as nested tuples, kept inside the domains; sympy differentiates the very same tree.

POSITIVE = {"exp", "softplus", "square", "cosh", "expit"}
UNARY = "negative square exp expm1 sin cos arctan sinh cosh tanh expit log_expit softplus log_cosh erf".split()
NUMBERS = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.3, 0.5, 1.0, 2.0, 3.0])
LEAVES = st.one_of(st.sampled_from([("x", 0), ("x", 1)]), NUMBERS.map(lambda c: ("c", c)))


def grow(inner):
    positive = st.builds(lambda a: ("add", ("c", 1.0), ("square", a)), inner)
    return st.one_of(
        st.builds(lambda op, a: (op, a), st.sampled_from(UNARY), inner),
        st.builds(lambda op, a: (op, a), st.sampled_from(["log", "log1p", "sqrt", "reciprocal", "gammaln"]), positive),
        st.builds(lambda op, a, b: (op, a, b), st.sampled_from(["add", "subtract", "multiply"]), inner, inner),
        st.builds(lambda a, b: ("divide", a, b), inner, positive),
        st.builds(lambda a, c: ("power", a, c), positive, st.one_of(NUMBERS.map(lambda c: ("c", c)), inner)),
        st.builds(lambda a, b: ("logaddexp", a, b), inner, inner),
        st.builds(lambda a, b: ("xlogy", a, b), inner, positive),
    )


TREES = st.recursive(LEAVES, grow, max_leaves=5)
POINTS = st.tuples(*[st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3)] * 2)

SYMPY = {
    "negative": lambda a: -a,
    "square": lambda a: a**2,
    "reciprocal": lambda a: 1 / a,
    "expm1": lambda a: sympy.exp(a) - 1,
    "log1p": lambda a: sympy.log(1 + a),
    "arctan": sympy.atan,
    "expit": lambda a: 1 / (1 + sympy.exp(-a)),
    "log_expit": lambda a: -sympy.log(1 + sympy.exp(-a)),
    "softplus": lambda a: sympy.log(1 + sympy.exp(a)),
    "log_cosh": lambda a: sympy.log(sympy.cosh(a)),
    "gammaln": sympy.loggamma,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "logaddexp": lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)),
    "xlogy": lambda a, b: a * sympy.log(b),
}
X = sympy.symbols("x0 x1", real=True)


def build(tree, variable, constant, operation):
    """Fold a tree with the three given functions."""
    head, *rest = tree
    if head == "x":
        return variable(rest[0])
    if head == "c":
        return constant(rest[0])
    return operation(head, *[build(one, variable, constant, operation) for one in rest])


def as_formula(tree):
    def of(*symbols):
        graph = symbols[0].graph
        return build(
            tree,
            lambda i: symbols[i],
            lambda c: Symbol(graph, graph.constant(c)),
            lambda name, *a: Symbol(graph, graph.apply(name, *[x.node for x in a])),
        )

    return Formula(of)


def as_sympy(tree):
    def operation(name, *a):
        return SYMPY[name](*a) if name in SYMPY else getattr(sympy, name)(*a)

    return build(tree, lambda i: X[i], lambda c: sympy.Rational(c), operation)


def as_numpy(tree, x):
    return build(tree, lambda i: x[i], lambda c: c, lambda name, *a: NUMPY[name](*a))


def true_value(function, point, digits=60):
    with mpmath.workdps(digits):
        return function(*[mpmath.mpf(x) for x in point])


def wobble(function, point):
    """What rounding alone does to the function there: the same tree in 53 bits, and at neighbouring points."""
    true = true_value(function, point)
    with mpmath.workprec(53):
        rounded = abs(function(*[mpmath.mpf(x) for x in point]) - true)
    moved = max(abs(true_value(function, [x * (1 + s * 1e-15) for x in point]) - true) for s in (-1, 1))
    return float(rounded + moved)
