"""Exact first and second derivatives of a Python function, traced once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._formula import graph_text, trace_variables

Floats = NDArray[np.float64]

MOST_PRINTED = 4  # variables up to which second derivatives are printed


class Derivatives:
    """A function with its exact derivatives; made by `derivatives`.

    The variables are given as the function takes them: an argument each, or one vector whose first axis goes through
    them. Numbers and arrays are broadcast with each other; ``...`` below is their common shape.
    """

    def __init__(self, function: Callable[..., Any], n_variables: int | None) -> None:
        self._graph, self._nodes, self._names, self._several = trace_variables(function, n_variables)
        self._is_vector = n_variables is not None or self._names[0].endswith("]")
        self._function_name = getattr(function, "__name__", "f")
        self._gradients: dict[int, list[int]] = {}
        self._hessian: list[int] | None = None
        self._product: int | None = None

    @property
    def n_variables(self) -> int:
        """Variables that the function is differentiated in."""
        return len(self._names)

    def value(self, *x: ArrayLike) -> Floats:
        """The function: shape (...), or (..., m) where it returns m components."""
        values = self._evaluate(self._nodes, self._read(x))
        return values if self._several else values[..., 0]

    def gradient(self, *x: ArrayLike) -> Floats:
        """The first derivatives, shape (..., n_variables).

        Raises
        ------
        ValueError
            The function has several components, which have a `jacobian`.
        """
        self._require_one("gradient")
        return self._evaluate(self._gradient_of(0), self._read(x))

    def hessian(self, *x: ArrayLike) -> Floats:
        """The second derivatives, shape (..., n_variables, n_variables), symmetric."""
        self._require_one("hessian")
        n = self.n_variables
        if self._hessian is None:
            gradient = self._gradient_of(0)
            self._hessian = [self._graph.derivative(gradient[i], j) for i in range(n) for j in range(i + 1)]
        lower = self._evaluate(self._hessian, self._read(x))
        rows, columns = np.tril_indices(n)
        matrix = np.empty((*lower.shape[:-1], n, n))
        matrix[..., rows, columns] = lower
        matrix[..., columns, rows] = lower
        return matrix

    def jacobian(self, *x: ArrayLike) -> Floats:
        """The first derivatives of the m components, shape (..., m, n_variables)."""
        n_components = len(self._nodes)
        nodes = [node for component in range(n_components) for node in self._gradient_of(component)]
        flat = self._evaluate(nodes, self._read(x))
        return flat.reshape(*flat.shape[:-1], n_components, self.n_variables)

    def hessian_vector_product(self, x: Any, v: ArrayLike) -> Floats:
        """The Hessian times a vector, without the Hessian.

        Parameters
        ----------
        x : sequence of the n_variables numbers or arrays
        v : array-like of shape (n_variables,) or (..., n_variables)

        Returns
        -------
        ndarray of shape (..., n_variables)
        """
        self._require_one("hessian_vector_product")
        n = self.n_variables
        variables = self._read((x,) if self._is_vector else tuple(x))
        direction = np.asarray(v, dtype=np.float64)
        if direction.ndim == 0 or direction.shape[-1] != n:
            raise ValueError(f"v has shape {direction.shape}: (..., {n}) is wanted, a number a variable.")
        graph = self._graph
        if self._product is None:  # the slope of the gradient along v, with v as further variables
            terms = [graph.apply("multiply", g, graph.variable(n + i)) for i, g in enumerate(self._gradient_of(0))]
            slope = terms[0]
            for term in terms[1:]:
                slope = graph.apply("add", slope, term)
            self._product = slope
        nodes = [graph.derivative(self._product, i) for i in range(n)]
        return self._evaluate(nodes, [*variables, *np.moveaxis(direction, -1, 0)])

    def __str__(self) -> str:
        graph, names, called = self._graph, self._names, self._function_name
        called = called if called.isidentifier() else "f"
        of = f"{called}({', '.join(names)})"
        labels = [f"{of}[{place}]" for place in range(len(self._nodes))] if self._several else [of]
        nodes = list(self._nodes)
        for component, label in enumerate(list(labels)):
            short = label.replace(of, called)
            for i, gradient in enumerate(self._gradient_of(component)):
                labels.append(f"d {short} / d {names[i]}")
                nodes.append(gradient)
        if not self._several and self.n_variables <= MOST_PRINTED:
            for i, gradient in enumerate(self._gradient_of(0)):
                for j in range(i + 1):
                    below = f"d {names[i]}^2" if i == j else f"d {names[j]} d {names[i]}"
                    labels.append(f"d^2 {called} / {below}")
                    nodes.append(graph.derivative(gradient, j))
        return graph_text(graph, nodes, labels, names)

    def __repr__(self) -> str:
        return f"derivatives of {self._function_name}({', '.join(self._names)})"

    def _gradient_of(self, component: int) -> list[int]:
        if component not in self._gradients:
            node = self._nodes[component]
            self._gradients[component] = [self._graph.derivative(node, i) for i in range(self.n_variables)]
        return self._gradients[component]

    def _require_one(self, what: str) -> None:
        if self._several:
            raise ValueError(f"{what} is of a function of one component; this one has {len(self._nodes)}: jacobian.")

    def _read(self, x: tuple[Any, ...]) -> list[Floats]:
        """The variables, an array each."""
        if self._is_vector:
            if len(x) != 1 or np.ndim(x[0]) == 0 or len(x[0]) != self.n_variables:
                given = f"{len(x)} arguments" if len(x) != 1 else f"shape {np.shape(x[0])}"
                raise ValueError(
                    f"{given} given: one vector of {self.n_variables} variables is wanted, ({self._called()})."
                )
            x = tuple(x[0])
        elif len(x) != self.n_variables:
            raise ValueError(f"{len(x)} variables given: {self.n_variables} are wanted, ({self._called()}).")
        try:
            return [np.asarray(one, dtype=np.float64) for one in x]
        except (TypeError, ValueError) as error:
            raise ValueError(f"The variables ({self._called()}) must be numbers: {error}") from error

    def _called(self) -> str:
        return ", ".join(self._names)

    def _evaluate(self, nodes: list[int], variables: list[Floats]) -> Floats:
        """Values of nodes, shape (..., number of nodes)."""
        try:
            together = np.broadcast_arrays(*variables)
        except ValueError as error:
            shapes = ", ".join(str(one.shape) for one in variables)
            raise ValueError(f"The variables have shapes {shapes}, which do not broadcast.") from error
        shape = together[0].shape
        columns = [np.ascontiguousarray(one.ravel()) for one in together]
        results = self._graph.evaluate(nodes, columns)
        return np.stack([result.reshape(shape) for result in results], axis=-1)


def derivatives(function: Callable[..., Any], n_variables: int | None = None) -> Derivatives:
    """Exact first and second derivatives of a function written with operators and NumPy's functions.

    The function is called once with symbols; the core derives, simplifies and evaluates in float64.

    Parameters
    ----------
    function : callable
        Of one variable an argument (parameters with a default are constants), or of one vector ``x[0], x[1], ...``.
        It returns a formula, or a tuple or list of formulas.
    n_variables : int, optional
        The size of the vector, for functions that ask for its ``len`` or go through it.

    Returns
    -------
    Derivatives
        With ``value``, ``gradient``, ``hessian``, ``jacobian``, ``hessian_vector_product``; its text is the algebra.

    Raises
    ------
    FormulaError
        The function does what a formula cannot; the sentence says what to write instead.

    Examples
    --------
    >>> d = derivatives(lambda a, b: (1 - a) ** 2 + 100 * (b - a**2) ** 2)
    >>> d.gradient(0.0, 1.0)
    array([ -2., 200.])
    >>> d.hessian(1.0, 1.0)
    array([[ 802., -400.],
           [-400.,  200.]])
    >>> d.gradient(np.zeros(3), [0.0, 0.5, 1.0]).shape
    (3, 2)

    A vector of variables, as optimizers want it, and several components:

    >>> polar = derivatives(lambda x: (x[0] * np.cos(x[1]), x[0] * np.sin(x[1])))
    >>> polar.jacobian([2.0, 0.0]).shape
    (2, 2)
    """
    if n_variables is not None and (type(n_variables) is not int or n_variables < 1):
        raise ValueError(f"n_variables={n_variables!r} must be a whole number of at least 1, or None.")
    return Derivatives(function, n_variables)
