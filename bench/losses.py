"""Gradient and Hessian of losses, built in and as formulas, beside a measured limit: ``python -m bench.losses``.

One thread. Rows in L2 show what the arithmetic takes, and the call, some 2 µs for 8192 rows; ten million rows are held
against NumPy streaming the same bytes (two arrays read, two written). The same derivatives in plain NumPy stand beside
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import curvature as cv
from curvature import _core

from .kernels import SECONDS, best_seconds
from .libraries.callback import log_loss_derivatives
from .report import header_lines, line

IN_L2 = 1 << 13  # rows: 256 KiB of y, f, gradient and Hessian
STREAMED = 10_000_000

Floats = NDArray[np.float64]


def log_cosh_in_numpy(y: Floats, f: Floats) -> tuple[Floats, Floats]:
    t = np.tanh(f - y)
    return t, 1 - t * t


def poisson_in_numpy(y: Floats, f: Floats) -> tuple[Floats, Floats]:
    mean = np.exp(f)
    return mean - y, mean


class Loss(NamedTuple):
    """One loss in three forms."""

    name: str
    formula: Callable[[Any, Any], Any]
    in_numpy: Callable[[Floats, Floats], tuple[Floats, Floats]]


LOSSES = [
    Loss("logistic", lambda y, f: np.log(1 + np.exp(f)) - y * f, log_loss_derivatives),
    Loss("log_cosh", lambda y, f: np.log(np.cosh(y - f)), log_cosh_in_numpy),
    Loss("poisson", lambda y, f: np.exp(f) - y * f, poisson_in_numpy),
]


class Row(NamedTuple):
    """Nanoseconds a row, in L2 and streamed."""

    loss: str
    form: str
    in_l2: float
    streamed: float


def rows(n: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    return (rng.random(n) < 0.5).astype(np.float64), rng.standard_normal(n)


def streaming_seconds(y: Floats, f: Floats) -> float:
    """Two arrays read and two written, by NumPy."""
    gradients, hessians = np.empty_like(y), np.empty_like(y)

    def stream() -> None:
        np.copyto(gradients, y)
        np.copyto(hessians, f)

    return min(best_seconds(stream) for _ in range(3))  # all else is held against it


def measure() -> Iterator[Row]:
    small, large = rows(IN_L2), rows(STREAMED)
    limits = [1e9 * streaming_seconds(*data) / len(data[0]) for data in (small, large)]
    yield Row("any", "copy of the same bytes by NumPy", *limits)
    for loss in LOSSES:
        forms = {
            "built in": _into_arrays(cv.Loss(loss.name)),
            "formula": _into_arrays(cv.Loss(loss.formula)),
            "NumPy": loss.in_numpy,
        }
        for form, call in forms.items():
            figures = [1e9 * best_seconds(lambda: call(*data)) / len(data[0]) for data in (small, large)]  # noqa: B023
            yield Row(loss.name, form, *figures)


def _into_arrays(loss: cv.Loss) -> Callable[[Floats, Floats], Any]:
    """The core's loop into arrays that are there already: no call asks for new pages."""
    core = loss.core()
    outputs: dict[int, Floats] = {}

    def call(y: Floats, f: Floats) -> Any:
        if len(y) not in outputs:
            outputs.clear()
            outputs[len(y)] = np.empty((2, 1, len(y)))
        return core.derivatives([y], [f], out=outputs[len(y)])

    return call


def main() -> None:
    print(f"instruction set {_core.build_info()['instruction_set']}, one thread, best of {SECONDS} s\n")
    print("\n".join(header_lines(["loss", "form", "in L2, ns a row", "10M rows, ns a row", "× streaming"], left=2)))
    limit = None  # the first row
    for row in measure():
        limit = row.streamed if limit is None else limit
        figures = [f"{row.in_l2:.2f}", f"{row.streamed:.2f}", f"{row.streamed / limit:.2f}"]
        print(line([row.loss, row.form, *figures]), flush=True)


if __name__ == "__main__":
    main()
