"""What a loss reads of each row: columns of y, columns of further data by their names, and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def read_targets(y: ArrayLike, n_targets: int) -> list[Floats]:
    """The columns of y, shape (n,) or (n, m), as float64; a single number is one row."""
    values = np.atleast_1d(read_numbers("y", y))
    n_given = 1 if values.ndim == 1 else values.shape[1] if values.ndim == 2 else 0
    if n_given != n_targets:
        wanted = "(n,)" if n_targets == 1 else f"(n, {n_targets})"
        raise ValueError(f"y has shape {values.shape}: {wanted} is what the loss reads.")
    return [values] if values.ndim == 1 else list(values.T)


def read_data(loss_data: Any, names: Sequence[str]) -> list[Floats]:
    """Columns of loss_data by their names, as float64; a single number stands for every row."""
    if loss_data is None:
        if names:
            raise ValueError(f"loss_data is missing: the loss reads loss_data[{names[0]!r}].")
        return []
    if not names:
        raise ValueError("loss_data is given, but the loss takes (y, f) only: name the columns as further arguments.")
    return [np.atleast_1d(_data_column(loss_data, name)) for name in names]


def read_numbers(label: str, values: Any) -> Floats:
    """Finite numbers as float64."""
    if np.iscomplexobj(values):
        raise ValueError(f"{label} must hold real numbers, not complex ones.")
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{label} must hold numbers: {error}") from error
    if not np.isfinite(numbers).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(numbers))[0])
        shown = f"[{', '.join(map(str, place))}]" if place else ""
        raise ValueError(f"{label}{shown}={numbers[place]:g} must be finite.")
    return numbers


def same_length(labels: Sequence[str], columns: Sequence[Floats], n_rows: int | None = None) -> list[Floats]:
    """Columns of one length, contiguous; those of one row are repeated."""
    n_rows = max(map(len, columns)) if n_rows is None else n_rows
    for label, column in zip(labels, columns, strict=True):
        if len(column) not in (1, n_rows):
            raise ValueError(f"{label} has {len(column)} rows, not {n_rows}.")
    return [np.ascontiguousarray(np.broadcast_to(column, n_rows)) for column in columns]


def require_domain(y: Floats, domain: dict[str, Any], loss: str) -> None:
    """Refuse targets that a loss has no value for, naming the first."""
    low, high = domain["low"], domain["high"]
    inside = (y > low if domain["low_open"] else y >= low) & (y <= high)
    if domain["two_labels"]:
        inside &= (y == low) | (y == high)
    elif domain["whole"]:
        inside &= y == np.floor(y)
    if not inside.all():
        row = int((~inside).argmax())
        raise ValueError(f"y[{row}]={y[row]:g} must be {_allowed(domain)} for loss={loss!r}.")


def _allowed(domain: dict[str, Any]) -> str:
    low, high = domain["low"], domain["high"]
    if domain["two_labels"]:
        return f"{low:g} or {high:g}"
    kind = "a whole number " if domain["whole"] else ""
    if high > 1e300:
        return f"{kind}{'above' if domain['low_open'] else 'at least'} {low:g}"
    return f"{kind}in {'(' if domain['low_open'] else '['}{low:g}, {high:g}]"


def _data_column(loss_data: Any, name: str) -> Floats:
    try:
        column = loss_data[name]
    except Exception as error:  # frames have each their own
        raise ValueError(f"loss_data[{name!r}] is missing: {type(loss_data).__name__} has no such column.") from error
    numbers = read_numbers(f"loss_data[{name!r}]", column)
    if numbers.ndim > 1:
        raise ValueError(f"loss_data[{name!r}] has shape {numbers.shape}: a number a row, (n,), is wanted.")
    return numbers
