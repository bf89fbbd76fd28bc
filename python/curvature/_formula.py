"""Traces a Python function into an expression of the core: a loss of (y, f), or any function of several variables."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import _core
from ._symbols import MOST_ELEMENTS, Argument, FormulaError, Symbol, build


def parameters_of(function: Callable[..., Any], wanted: str) -> list[inspect.Parameter]:
    """The parameters without a default that a traced function has; those with one are constants."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise FormulaError(
            f"{name_of(function)} has no signature to read: write a Python function {wanted}."
        ) from error
    ignored = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one for one in parameters if one.kind not in ignored and one.default is inspect.Parameter.empty]


def name_of(function: Any) -> str:
    """What to call a function in a sentence."""
    return str(getattr(function, "__name__", type(function).__name__))


@dataclass(frozen=True, eq=False)
class Formula:
    """A loss as an expression: its variables are the columns of y, then those of loss_data, then the scores.

    Attributes
    ----------
    graph, node
        The expression and the node of the loss in it.
    n_y
        Columns of y.
    data_names
        Names of the columns of loss_data, in the order of their variables.
    n_outputs
        Scores a row.
    """

    graph: _core.Graph
    node: int
    n_y: int
    data_names: tuple[str, ...]
    n_outputs: int

    @property
    def n_columns(self) -> int:
        """Columns of y and of loss_data together."""
        return self.n_y + len(self.data_names)

    @property
    def names(self) -> list[str]:
        """The variables' names for printing."""
        return [*_elements("y", self.n_y), *self.data_names, *_elements("f", self.n_outputs)]

    def text(self) -> str:
        """The loss and its derivatives in readable algebra."""
        graph = _core.Graph.from_nodes(self.graph.nodes([self.node]))
        value = len(self.graph.nodes([self.node])) - 1
        labels, nodes = [f"l({', '.join(self.names)})"], [value]
        for output, name in enumerate(_elements("f", self.n_outputs)):
            of = "" if self.n_outputs == 1 else f" of {name}"
            gradient = graph.derivative(value, self.n_columns + output)
            labels += [f"gradient{of}", f"Hessian{of}"]
            nodes += [gradient, graph.derivative(gradient, self.n_columns + output)]
        return graph_text(graph, nodes, labels, self.names)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them."""
        return {
            "nodes": self.graph.nodes([self.node]),
            "n_y": self.n_y,
            "data_names": list(self.data_names),
            "n_outputs": self.n_outputs,
        }

    @classmethod
    def from_dict(cls, stored: Any) -> Formula:
        """The formula of `to_dict`.

        Raises
        ------
        ModelFormatError
            Anything else than what `to_dict` gives.
        """
        require(
            isinstance(stored, dict) and set(stored) == {"nodes", "n_y", "data_names", "n_outputs"},
            "a stored formula must have nodes, n_y, data_names and n_outputs.",
        )
        n_y, names, n_outputs = stored["n_y"], stored["data_names"], stored["n_outputs"]
        for label, count in {"n_y": n_y, "n_outputs": n_outputs}.items():
            allowed = type(count) is int and 1 <= count <= MOST_ELEMENTS
            require(allowed, f"a stored formula has {label}={count!r}: 1 to {MOST_ELEMENTS} is allowed.")
        require(
            isinstance(names, list) and all(isinstance(name, str) for name in names) and len({*names}) == len(names),
            f"a stored formula has data_names={names!r}: distinct names are allowed.",
        )
        graph, node = read_nodes(stored["nodes"])
        scores = [one - n_y - len(names) for one in graph.variables(node) if one >= n_y + len(names)]
        require(scores == list(range(n_outputs)), f"a stored formula must depend on its {n_outputs} scores, no others.")
        return cls(graph, node, n_y, tuple(names), n_outputs)


def trace(function: Callable[..., Any]) -> Formula:
    """Call a loss once with symbols and keep the formula.

    Parameters
    ----------
    function
        Of y, the raw score f and, by their names, columns of loss_data. ``y[0], y[1]`` are columns of y and
        ``f[0], f[1]`` outputs. Parameters with a default are constants.

    Raises
    ------
    FormulaError
        The function does what a formula cannot.

    Examples
    --------
    >>> import numpy as np
    >>> formula = trace(lambda y, f, cap: np.minimum((y - f) ** 2, cap))
    >>> formula.n_y, formula.data_names, formula.n_outputs
    (1, ('cap',), 1)
    """
    called = name_of(function)
    parameters = _loss_parameters(function)
    y, f = (Argument(one.name) for one in parameters[:2])
    data = [Argument(one.name, has_elements=False) for one in parameters[2:]]
    result = _call(function, parameters, [y, f, *data])
    if isinstance(result, (tuple, list)):
        raise FormulaError(
            f"{called} returns {len(result)} values: a loss is one formula, whose derivatives are found; "
            "a function that gives its own gradient and Hessian is wrapped in FromArrays."
        )
    if not isinstance(result, Symbol):
        raise FormulaError(f"{called} returns {result!r}: a formula of {y.name} and {f.name} is wanted.")
    first = {id(y): 0} | {id(one): y.n_elements + place for place, one in enumerate(data)}
    n_columns = y.n_elements + len(data)
    graph = _core.Graph()
    (node,) = build([result], graph, first | {id(f): n_columns})
    graph, node = read_nodes(graph.nodes([node]))  # as a stored formula is read: the same bits before and after
    used = graph.variables(node)
    for output, name in enumerate(_elements(f.name, f.n_elements)):
        if n_columns + output not in used:
            raise FormulaError(f"{called} does not depend on {name}: no score could be found from it.")
    return Formula(graph, node, y.n_elements, tuple(one.name for one in data), f.n_elements)


def trace_variables(
    function: Callable[..., Any], n_variables: int | None = None
) -> tuple[_core.Graph, list[int], list[str], bool]:
    """Call a function of any variables once with symbols.

    Returns
    -------
    graph, nodes, names, several
        The expression, its nodes (one a component), the names of the variables, and whether the function returns
        several components.
    """
    called = name_of(function)
    parameters = [one for one in parameters_of(function, "of its variables") if one.kind is not one.KEYWORD_ONLY]
    if not parameters:
        raise FormulaError(f"{called} has no argument without a default: no variable to differentiate in.")
    if n_variables is not None and len(parameters) > 1:
        raise FormulaError(
            f"n_variables={n_variables} is for a function of one vector: {called} has {len(parameters)}."
        )
    vector = len(parameters) == 1
    arguments = [Argument(one.name, has_elements=vector, size=n_variables) for one in parameters]
    result = _call(function, parameters, arguments)
    several = isinstance(result, (tuple, list))
    results = list(result) if several else [result]
    if not results or not all(isinstance(one, Symbol) for one in results):
        raise FormulaError(f"{called} returns {result!r}: a formula, or a tuple of formulas, is wanted.")
    graph = _core.Graph()
    nodes = build(results, graph, {id(one): place for place, one in enumerate(arguments)})
    if vector and (arguments[0].indices or n_variables is not None):
        names = [f"{parameters[0].name}[{index}]" for index in range(arguments[0].n_elements)]
    else:
        names = [one.name for one in parameters]
    return graph, nodes, names, several


def graph_text(graph: _core.Graph, nodes: list[int], labels: list[str], names: list[str]) -> str:
    """Nodes in readable algebra, ``label = ...`` a line, shared parts below."""
    texts = graph.text(nodes, names)
    lines = [f"{label} = {text}" for label, text in zip(labels, texts, strict=False)]
    return "\n".join([*lines, *(f"  {definition}" for definition in texts[len(nodes) :])])


def read_nodes(nodes: Any) -> tuple[_core.Graph, int]:
    """A graph of stored nodes and its output, the last of them."""
    require(isinstance(nodes, list) and len(nodes) > 0, "a stored formula must have a list of nodes.")
    return _core.Graph.from_nodes(nodes), len(nodes) - 1


def require(holds: bool, message: str) -> None:
    """Refuse what was read from a file."""
    if not holds:
        raise _core.ModelFormatError(message)


def _loss_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = parameters_of(function, "of (y, f)")
    names = [one.name for one in parameters]
    given = f"{name_of(function)} takes ({', '.join(names)})"
    if len(names) < 2 or any(one.kind is one.KEYWORD_ONLY for one in parameters[:2]):
        raise FormulaError(f"{given}: a loss takes (y, f), then names of columns of loss_data.")
    if names[:2] == ["f", "y"]:
        raise FormulaError(f"{given}: a loss takes (y, f), in this order.")
    return parameters


def _call(function: Callable[..., Any], parameters: list[inspect.Parameter], arguments: list[Argument]) -> Any:
    pairs = list(zip(parameters, arguments, strict=True))
    positional = [argument for one, argument in pairs if one.kind is not one.KEYWORD_ONLY]
    return function(*positional, **{one.name: argument for one, argument in pairs if one.kind is one.KEYWORD_ONLY})


def _elements(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}[{index}]" for index in range(count)]
