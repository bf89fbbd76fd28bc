"""The base of the named losses: parameters as fields, the mathematics in the core."""

from __future__ import annotations

import dataclasses
import inspect
import numbers
from functools import cache
from typing import Any

from .. import _core
from .._links import Link
from .columns import Floats
from .methods import LossMethods


class NamedLoss(LossMethods):
    """A loss of the core by its name; its dataclass fields are the parameters, checked by the core."""

    def __post_init__(self) -> None:
        for name, value in self.parameters().items():
            if not isinstance(value, numbers.Real) or isinstance(value, bool):
                raise ValueError(f"{name}={value!r} must be a number.")
            object.__setattr__(self, name, float(value))
        if self.parameters():
            self.core()

    def parameters(self) -> dict[str, float]:
        """The parameters by their names."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def core(self, columns: list[Floats] | None = None, n_classes: int = 0) -> _core.Loss:
        """The loss as the core runs it."""
        return _core.named_loss(self.name, self.parameters(), n_classes)

    @property
    def link(self) -> Link:  # type: ignore[override]
        """How responses follow from raw scores."""
        return Link(described(self.name)["link"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `Loss.from_dict` reads them."""
        return {"name": self.name, "parameters": self.parameters()}

    def __str__(self) -> str:
        formula = _indented(inspect.getdoc(type(self)) or "")
        return "\n".join([repr(self), *formula])


@cache
def described(name: str) -> dict[str, Any]:
    """The row of a loss in the core's table."""
    return {row["name"]: row for row in _core.loss_table()}[name]


def _indented(text: str) -> list[str]:
    """The literal block of a docstring: the formulas."""
    lines = text.partition("::\n")[2].strip("\n").split("\n")
    end = next((place for place, line in enumerate(lines) if line and not line.startswith("    ")), len(lines))
    return "\n".join(lines[:end]).rstrip().split("\n") if end else []
