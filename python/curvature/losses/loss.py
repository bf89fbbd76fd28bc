"""`Loss`: any loss with its link, and what estimators ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import _core
from .._formula import Formula, require, trace
from .._links import Link, link_for, stored_link
from .arrays import FromArrays, warn_of_contradictions
from .check import warn_of_lost_digits
from .columns import Floats
from .labels import KullbackLeibler, Logistic, Softmax
from .methods import LossMethods
from .named import NamedLoss, described
from .names import NAMED, OF_LABELS, meant_by


@dataclass(frozen=True, eq=False)
class _FormulaLoss(LossMethods):
    """A loss by its expression."""

    formula: Formula
    name = "formula"
    link = None  # type: ignore[assignment]

    @property
    def n_targets(self) -> int:  # type: ignore[override]
        return self.formula.n_y

    @property
    def data_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.formula.data_names

    def core(self, columns: list[Floats] | None = None, n_classes: int = 0) -> _core.Loss:
        return self._core

    @cached_property  # a formula's loss has no state, so that fits and threads may share it
    def _core(self) -> _core.Loss:
        of = self.formula
        return _core.formula_loss(of.graph, of.node, of.n_columns, of.n_outputs, self.name)

    def outputs(self, n_classes: int = 0) -> int:
        return self.formula.n_outputs

    def __repr__(self) -> str:
        return f"formula of ({', '.join(self.formula.names)})"

    def __str__(self) -> str:
        return self.formula.text()


class Loss(LossMethods):
    """A loss, named or written as a formula, and its link.

    A function of (y, f) is called once with symbols; the core derives both derivatives, simplifies them and evaluates
    them without Python. ``y[0], y[1]`` are columns of y, ``f[0], f[1]`` outputs, and further arguments without a
    default are columns of loss_data.

    Parameters
    ----------
    loss : str, object of this module or function of (y, f)
        What is minimised.
    link : str or pair of functions, optional
        "identity", "log", "logit", "softmax", …, or (link, inverse), each a formula of one variable: predictions are
        inverse(score). By default that of the named loss, and of formulas "identity" (a classifier: "logit",
        "softmax").

    Raises
    ------
    FormulaError
        The function does what a formula cannot; the sentence says what to write instead.
    ValueError
        An unknown name, or a link and an inverse that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> def asymmetric(y, f):
    ...     return np.where(y > f, 10.0, 1.0) * (y - f) ** 2 / 2
    >>> loss = Loss(asymmetric)
    >>> loss.gradient([1.0, 1.0], [0.0, 2.0])
    array([-10.,   1.])
    >>> loss.hessian([1.0, 1.0], [0.0, 2.0])
    array([10.,  1.])
    """

    def __init__(self, loss: Any, link: Any = None) -> None:
        given = None
        if isinstance(loss, Loss):
            self.definition: LossMethods = loss.definition
            given = loss._given
        else:
            self.definition = _definition(loss)
        self._given: Link | None = given if link is None else link_for(link, self.definition.outputs(2))

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of a named loss, "formula" or "from_arrays"."""
        return self.definition.name

    @property
    def link(self) -> Link:  # type: ignore[override]
        """How responses follow from raw scores."""
        return self._given or self.definition.link or Link("identity")

    @property
    def n_targets(self) -> int:  # type: ignore[override]
        """Columns of y that the loss reads."""
        return self.definition.n_targets

    @property
    def data_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of loss_data that the loss reads."""
        return self.definition.data_names

    def core(self, columns: list[Floats] | None = None, n_classes: int = 0) -> _core.Loss:
        """The loss as the core runs it, made anew each time; `columns` are read by losses of `FromArrays` only."""
        return self.definition.core(columns, n_classes)

    def outputs(self, n_classes: int = 0) -> int:
        """Raw scores a row has, for a target of so many classes."""
        return self.definition.outputs(n_classes)

    def of_classes(self, n_classes: int) -> Loss:
        """The loss as a classifier of so many classes minimises it.

        Raises
        ------
        ValueError
            A loss of numbers, or one with another number of outputs.
        """
        if isinstance(self.definition, Logistic) and n_classes > 2:
            return Loss("softmax")
        if isinstance(self.definition, NamedLoss) and not isinstance(self.definition, OF_LABELS):
            names = ", ".join(repr(loss.name) for loss in OF_LABELS)
            raise ValueError(f"loss={self.name!r} is not for a classifier, which takes {names} or a formula.")
        n_outputs = self.outputs(n_classes)
        if n_outputs != n_classes and (n_outputs, n_classes) != (1, 2):
            raise ValueError(
                f"loss={self.name!r} has {n_outputs} outputs, but y has {n_classes} classes: as many are wanted, "
                "or one for two classes."
            )
        if isinstance(self.definition, NamedLoss) or self._given or self.definition.link:
            return self
        return Loss(self, link="logit" if n_outputs == 1 else "softmax")

    def labels(self, codes: Floats) -> Floats:
        """Codes of classes, 0 to K - 1, as the loss wants them: -1 and 1 for a loss of the margin y f."""
        if isinstance(self.definition, NamedLoss):
            domain = described(self.name)["domain"]
            if domain["two_labels"] and domain["low"] == -1:
                return 2.0 * codes - 1.0
        return codes

    def class_columns(self, target: Floats, loss_data: Any) -> list[Floats]:
        """What the loss reads of codes of classes (n,), 0 to K - 1, or of shares of the classes (n, K).

        Raises
        ------
        ValueError
            Shares, and a loss that is not linear in them.
        """
        if target.ndim == 1:
            return self.columns(self.labels(target), loss_data)
        if isinstance(self.definition, Softmax):
            self.columns(target[:, 0], loss_data)  # refuses loss_data
            return [np.ascontiguousarray(column) for column in target.T]
        if isinstance(self.definition, (Logistic, KullbackLeibler)):
            return self.columns(np.ascontiguousarray(target[:, 1]), loss_data)
        raise ValueError(
            f"loss={self.name!r} takes one label a row; shares of the classes are for 'logistic', 'softmax' and "
            "'kullback_leibler'."
        )

    def as_parameter(self) -> Any:
        """What to give an estimator to get this loss: the name where that says all."""
        if self._given is not None or isinstance(self.definition, _FormulaLoss):
            return self
        plain = isinstance(self.definition, NamedLoss) and self.definition == type(self.definition)()
        return self.name if plain else self.definition

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: a name with its parameters, or the formula as a list of its operations."""
        if isinstance(self.definition, _FormulaLoss):
            return {"formula": self.definition.formula.to_dict(), "link": _stored(self._given)}
        if isinstance(self.definition, FromArrays):
            return self.definition.to_dict() | {"link": _stored(self._given or self.definition.link)}
        assert isinstance(self.definition, NamedLoss)
        return self.definition.to_dict() | {"link": _stored(self._given)}

    @classmethod
    def from_dict(cls, stored: Any) -> Loss:
        """The loss of `to_dict`; that of a `FromArrays` without its function.

        Raises
        ------
        ModelFormatError
            Anything else than what `to_dict` gives.
        """
        require(isinstance(stored, dict), "a stored loss must be a dict.")
        link = None if stored.get("link") is None else stored_link(stored["link"])
        try:
            return cls(_stored_definition(stored, {*stored} - {"link"}), link)
        except _core.ModelFormatError:
            raise
        except (TypeError, ValueError) as error:
            raise _core.ModelFormatError(f"a stored loss is not valid: {error}") from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Loss) or self.to_dict() != other.to_dict():
            return False
        return not isinstance(self.definition, FromArrays) or self.definition == other.definition

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict(), sort_keys=True))

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self.definition, _FormulaLoss):
            return Loss.from_dict, (self.to_dict(),)
        return Loss, (self.definition, self._given)

    def __repr__(self) -> str:
        link = "" if self._given is None else f", link={self._given!r}"
        return f"Loss({self.definition!r}{link})"

    def __str__(self) -> str:
        return str(self.definition)

    def _derivatives(self, core: _core.Loss, columns: list[Floats], scores: list[Floats]) -> tuple[Floats, Floats]:
        return self.definition._derivatives(core, columns, scores)


def read_loss(loss: Any) -> Loss:
    """An estimator's parameter `loss` as a `Loss`.

    Raises
    ------
    ValueError
        Anything that is no loss; the sentence says what was meant.

    Examples
    --------
    >>> read_loss("huber")
    Loss(Huber(delta=1.0))
    """
    return loss if isinstance(loss, Loss) else Loss(loss)


def warn_if_inexact(loss: Loss, columns: list[Floats], start_scores: Floats) -> None:
    """Warn where the derivatives of a fit cannot be trusted at the start scores and near them.

    Of a `FromArrays`: a Hessian that contradicts the gradient. Of a formula: digits that are lost. Named losses are
    exact.
    """
    if isinstance(loss.definition, FromArrays):
        warn_of_contradictions(loss.definition, columns, start_scores)
    elif isinstance(loss.definition, _FormulaLoss):
        warn_of_lost_digits(loss.core(), columns, start_scores)


def _definition(loss: Any) -> LossMethods:
    if isinstance(loss, str):
        if loss in NAMED:
            return NAMED[loss]()
        raise ValueError(f"loss={loss!r} {meant_by(loss)}")
    if isinstance(loss, type) and issubclass(loss, LossMethods):
        raise ValueError(f"loss={loss.__name__} is a class: write {loss.__name__}(), with its parameters.")
    if isinstance(loss, LossMethods):
        return loss
    if callable(loss):
        defined = _FormulaLoss(trace(loss))
        defined.core()  # what cannot be differentiated is said now
        return defined
    raise ValueError(
        f"loss={loss!r} must be a name, an object of curvature.losses, a function of (y, f), or a Loss; "
        f"the names are {', '.join(map(repr, NAMED))}."
    )


def _stored(link: Link | None) -> Any:
    return None if link is None else link.stored()


def _stored_definition(stored: dict[str, Any], keys: set[str]) -> LossMethods:
    if keys == {"formula"}:
        defined = _FormulaLoss(Formula.from_dict(stored["formula"]))
        defined.core()
        return defined
    if keys == {"name", "n_outputs"} and stored["name"] == FromArrays.name:
        return FromArrays(_not_stored, stored["n_outputs"])
    require(keys == {"name", "parameters"}, f"a stored loss has {sorted(stored)}: a name and parameters, or a formula.")
    name, parameters = stored["name"], stored["parameters"]
    require(isinstance(name, str) and name in NAMED, f"loss={name!r} is not known.")
    require(isinstance(parameters, dict), f"loss={name!r} has parameters={parameters!r}: a dict is wanted.")
    loss = NAMED[name](**parameters)
    require(loss.parameters().keys() == parameters.keys(), f"loss={name!r} has parameters {sorted(parameters)}.")
    return loss


def _not_stored(y: Floats, f: Floats) -> Any:
    raise ValueError("the Python function of FromArrays is not stored in a model file: give the loss again to fit.")
