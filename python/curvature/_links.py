"""Links between raw scores and responses (means, probabilities): by name, or as a formula."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._formula import name_of, read_nodes, require, trace_variables
from ._symbols import FormulaError

Floats = NDArray[np.float64]

NEAR = 1e-6  # relative: as close as inverse(link(m)) comes to m


def _expit(f: Floats) -> Floats:
    small = np.exp(-np.abs(f))
    return np.where(f >= 0, 1.0, small) / (1.0 + small)


def _softmax(f: Floats) -> Floats:
    # Column by column: along short rows NumPy takes several times as long for the same numbers.
    powers = np.exp(f - reduce(np.maximum, f.T)[:, None])
    few = f.shape[1] < 8  # from there on it adds in another order
    total = reduce(np.add, powers.T)[:, None] if few else powers.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(powers, total, out=powers)
    return shares


_RESPONSES: dict[str, Callable[[Floats], Floats]] = {
    "identity": lambda f: f,
    "log": np.exp,
    "log1p": np.expm1,
    "logit": _expit,
    "half_logit": lambda f: _expit(2.0 * f),
    "clipped": lambda f: (np.clip(f, -1.0, 1.0) + 1.0) / 2.0,
    "softmax": _softmax,
}
_NEVER_OVERFLOW = ("identity", "logit", "clipped")
PROBABILITIES = ("logit", "half_logit", "clipped", "softmax")


class Link:
    """A link by its name; its inverse leads from raw scores to responses.

    ``identity: m = f``, ``log: m = e^f``, ``log1p: m = e^f - 1``, ``logit: m = 1 / (1 + e^-f)``,
    ``half_logit: m = 1 / (1 + e^-2f)``, ``clipped: m = (min(max(f, -1), 1) + 1) / 2``,
    ``softmax: m_k = e^f_k / sum of e^f_j``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def gives_probabilities(self) -> bool:
        """Whether the responses are probabilities of classes."""
        return self.name in PROBABILITIES

    def response(self, scores: ArrayLike) -> Floats:
        """Responses of raw scores of shape (n,) or (n, K), in the same shape."""
        f = np.asarray(scores, dtype=np.float64)
        if self.name == "softmax" and f.ndim < 2:
            raise ValueError(f"link='softmax' is of scores of shape (n, K), not {f.shape}.")
        if self.name in _NEVER_OVERFLOW:
            return _RESPONSES[self.name](f)
        with np.errstate(over="ignore"):  # to infinity, which is the answer
            return _RESPONSES[self.name](f)

    def stored(self) -> Any:
        """A plain value for JSON; `stored_link` reads it."""
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Link) and self.stored() == other.stored()

    def __hash__(self) -> int:
        return hash(repr(self.stored()))

    def __repr__(self) -> str:
        return f"Link({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return stored_link, (self.stored(),)


class FormulaLink(Link):
    """A link written as two functions of one variable; the inverse is kept, as an expression.

    Its responses are probabilities where those of a wide range of scores lie in [0, 1].
    """

    def __init__(self, graph: _core.Graph, node: int) -> None:
        super().__init__("formula")
        self._graph, self._node = graph, node
        probes = self.response(_PROBES)
        self._in_unit = bool(((probes >= 0) & (probes <= 1)).all())

    @property
    def gives_probabilities(self) -> bool:
        """Whether the responses are probabilities of classes."""
        return self._in_unit

    def response(self, scores: ArrayLike) -> Floats:
        """Responses of raw scores of any shape, in the same shape."""
        f = np.asarray(scores, dtype=np.float64)
        return self._graph.evaluate([self._node], [np.ascontiguousarray(f.ravel())])[0].reshape(f.shape)

    def stored(self) -> Any:
        """A plain value for JSON; `stored_link` reads it."""
        return {"inverse": self._graph.nodes([self._node])}


def read_link(link: Any) -> Link:
    """A link by its name, or by the two functions (link, inverse), traced and compared with each other.

    Examples
    --------
    >>> import numpy as np
    >>> square_root = read_link((lambda m: np.sqrt(m), lambda f: f * f))
    >>> square_root.response([2.0, 3.0])
    array([4., 9.])
    """
    if isinstance(link, Link):
        return link
    if isinstance(link, str) and link in _RESPONSES:
        return Link(link)
    if isinstance(link, (tuple, list)) and len(link) == 2 and all(map(callable, link)):
        return _formula_link(*link)
    raise ValueError(
        f"link={link!r} must be one of {', '.join(map(repr, _RESPONSES))}, or a pair of functions (link, inverse)."
    )


def link_for(link: Any, n_outputs: int) -> Link:
    """`read_link` for a loss of so many outputs."""
    found = read_link(link)
    if found.name == "softmax" and n_outputs == 1:
        raise ValueError("link='softmax' is for a loss of several outputs; this one has a single score a row.")
    return found


def stored_link(stored: Any) -> Link:
    """The link of `Link.stored`; anything else is a ModelFormatError."""
    if isinstance(stored, dict):
        require(set(stored) == {"inverse"}, "a stored link must have the nodes of its inverse.")
        graph, node = read_nodes(stored["inverse"])
        require(graph.variables(node) == [0], "the inverse of a stored link must be of one variable.")
        return FormulaLink(graph, node)
    require(isinstance(stored, str) and stored in _RESPONSES, f"link={stored!r} is not known.")
    return Link(stored)


def _formula_link(link: Callable[[Any], Any], inverse: Callable[[Any], Any]) -> FormulaLink:
    there = _of_one_variable(link, "link")
    back = _of_one_variable(inverse, "inverse of the link")
    # Probes in scores, so that the responses lie in the inverse's range, whatever that is. Scores where the inverse is
    # flat (a probability of 1) have no finite score again and are left out.
    with np.errstate(all="ignore"):
        responses = back.response(_PROBES)
        again = back.response(there.response(responses))
        apart = np.abs(again - responses)
    known = np.isfinite(responses) & np.isfinite(again)
    if known.sum() < 3:
        raise ValueError("link: inverse(link(m)) is finite for fewer than 3 of the responses tried; is it an inverse?")
    wrong = known & (apart > NEAR * np.maximum(np.abs(responses), 1e-3))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"link: inverse(link(m)) must be m, but inverse(link({responses[row]:.6g})) is {again[row]:.6g}."
        )
    return back


def _of_one_variable(function: Callable[[Any], Any], what: str) -> FormulaLink:
    graph, nodes, names, several = trace_variables(function)
    if several or len(names) != 1 or not graph.variables(nodes[0]):
        raise FormulaError(f"The {what}, {name_of(function)}, must be a formula of one variable.")
    return FormulaLink(*read_nodes(graph.nodes(nodes)))


_PROBES = np.concatenate([-np.geomspace(1e-3, 1e3, 25)[::-1], [0.0], np.geomspace(1e-3, 1e3, 25)])
