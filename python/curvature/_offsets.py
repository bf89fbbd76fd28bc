"""What is added to raw scores beside the model: an offset on the link scale, or an exposure as its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def read_offset(offset: Any, exposure: Any, link: str, n_rows: int, n_outputs: int) -> list[Floats]:
    """What is added to the raw scores, ``offset + log(exposure)``, a contiguous column an output; none without either.

    Parameters
    ----------
    offset, exposure : number, array-like of shape (n,) or (n, n_outputs), or None
        Finite; an exposure is more than 0 besides.
    link : str
        Of the loss; an exposure wants "log".
    n_rows, n_outputs : int
        What they are for.

    Raises
    ------
    ValueError
        Other shapes or numbers, or an exposure beside another link.
    """
    shape = (n_rows, n_outputs)
    total: Floats | None = None if offset is None else _numbers("offset", offset, shape, -np.inf)
    if exposure is not None:
        if link != "log":
            raise ValueError(f"exposure is for losses with a log link, not link={link!r}: give an offset on its scale.")
        log = np.log(_numbers("exposure", exposure, shape, 0.0))
        total = log if total is None else total + log
    return [] if total is None else [np.ascontiguousarray(column) for column in total.T]


def _numbers(name: str, values: Any, shape: tuple[int, int], above: float) -> Floats:
    """A finite number a row and output, above a limit."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers: {error}") from error
    if numbers.shape not in ((), shape[:1], shape):
        raise ValueError(f"{name} has shape {numbers.shape}: a number, ({shape[0]},) or {shape} is wanted.")
    if not (right := np.isfinite(numbers) & (numbers > above)).all():
        place = tuple(int(index) for index in np.argwhere(~right)[0])
        allowed = "finite" if above < 0 else "more than 0 and finite"
        raise ValueError(f"{name}{list(place) if place else ''}={numbers[place]:g} must be {allowed}.")
    return np.broadcast_to(numbers[:, None] if numbers.ndim == 1 else numbers, shape)
