"""Losses whose derivatives a Python function gives as arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._formula import name_of
from .._links import link_for
from .._symbols import MOST_ELEMENTS
from .check import gradient_differences
from .columns import Floats
from .methods import LossMethods


@dataclass(frozen=True)
class FromArrays(LossMethods):
    """A loss by a Python function that gives gradient and Hessian as arrays; the function runs once a round.

    A formula (`Loss`) is faster, exact and stored with the model: take this only where no formula can be written.

    Parameters
    ----------
    function : callable
        ``function(y, f) -> (gradient, hessian)``, with y of shape (n,), f and both results of shape (n,), or (n, K).
        A fit wants finite numbers and a Hessian of at least 0.
    n_outputs : int, default=1
        K, the raw scores a row.
    link : str or pair of functions, optional
        As of `Loss`; by default responses are the scores, or for a classifier the probabilities of the logit (softmax).

    Examples
    --------
    >>> import numpy as np
    >>> squared = FromArrays(lambda y, f: (f - y, np.ones_like(f)))
    >>> squared.gradient([1.0, 2.0], [0.0, 5.0])
    array([-1.,  3.])
    """

    function: Callable[[Floats, Floats], Any]
    n_outputs: int = 1
    link: Any = None
    name = "from_arrays"

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ValueError(f"function={self.function!r} must be a function (y, f) -> (gradient, hessian).")
        if type(self.n_outputs) is not int or not 1 <= self.n_outputs <= MOST_ELEMENTS:
            raise ValueError(f"n_outputs={self.n_outputs!r} must be a whole number in [1, {MOST_ELEMENTS}].")
        object.__setattr__(self, "link", None if self.link is None else link_for(self.link, self.n_outputs))

    def core(self, columns: list[Floats] | None = None, n_classes: int = 0) -> _core.Loss:
        """The loss as the core runs it, on the targets of `columns`."""
        if columns is None:
            raise ValueError("columns is missing: a loss of FromArrays reads the targets when it is made.")
        return _core.array_loss(lambda scores: self.arrays(columns[0], scores), self.n_outputs)

    def outputs(self, n_classes: int = 0) -> int:
        """Raw scores a row has."""
        return self.n_outputs

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the function itself is not stored."""
        return {
            "name": self.name,
            "n_outputs": self.n_outputs,
            "link": None if self.link is None else self.link.stored(),
        }

    def _derivatives(self, core: _core.Loss, columns: list[Floats], scores: list[Floats]) -> tuple[Floats, Floats]:
        return self.arrays(columns[0], np.stack(scores))

    def arrays(self, y: Floats, scores: NDArray[np.float64]) -> tuple[Floats, Floats]:
        """Gradients and Hessians of shape (K, n) from scores of that shape."""
        f = scores[0] if self.n_outputs == 1 else np.ascontiguousarray(scores.T)
        result = self.function(y, f)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise ValueError(
                f"{name_of(self.function)} must return (gradient, hessian), not {type(result).__name__}; "
                "a function that returns the loss itself is a formula: pass it without FromArrays."
            )
        arrays = []
        for what, given in zip(("gradient", "Hessian"), result, strict=True):
            array = _real_numbers(given, f"the {what} that {name_of(self.function)} returns")
            if array.shape != f.shape:
                raise ValueError(
                    f"the {what} that {name_of(self.function)} returns has shape {array.shape}, not {f.shape}."
                )
            arrays.append(array[None] if self.n_outputs == 1 else np.ascontiguousarray(array.T))
        return arrays[0], arrays[1]


def _real_numbers(given: Any, label: str) -> Floats:
    if np.iscomplexobj(given):
        raise ValueError(f"{label} must hold real numbers, not complex ones.")
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{label} must hold numbers: {error}") from error


def warn_of_contradictions(loss: FromArrays, columns: list[Floats], start_scores: Floats) -> None:
    """Warn where the Hessian contradicts the slope of the gradient, at one score for all rows.

    A Hessian above the slope bounds the loss and is let pass; one below it takes steps that are too long.
    """
    scores = [np.full(len(columns[0]), score) for score in start_scores]
    hessians = loss.arrays(columns[0], np.stack(scores))[1]
    with np.errstate(all="ignore"):
        slopes = gradient_differences(lambda at: loss.arrays(columns[0], np.stack(at)), scores)
        rising = np.abs(slopes) > 1e-3 * np.abs(hessians)
    against = rising & (slopes < 0) & (hessians > 0)
    below = rising & (slopes > 0) & (hessians < 0.99 * slopes)
    for wrong, advice in ((against, "is the sign of the gradient right?"), (below, "steps will be too long.")):
        if wrong.mean() > 0.5:
            output, row = (int(index) for index in np.argwhere(wrong)[0])
            warnings.warn(
                f"{name_of(loss.function)}: at the start, the Hessian of row {row} is {hessians[output, row]:.4g}, "
                f"but the gradient changes by {slopes[output, row]:.4g} a unit of f, and so in most rows: {advice}",
                stacklevel=2,
            )
            return
