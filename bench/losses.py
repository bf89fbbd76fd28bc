"""Gradient and Hessian of losses, built in and as formulas, beside a measured limit: ``python -m bench.losses``.

One thread. Rows in L2 show what the arithmetic takes, and the call, some 2 µs for 8192 rows; ten million rows are held
against NumPy streaming the same bytes (two arrays read, two written). The same derivatives in plain NumPy stand beside
them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import curvature as cv
from curvature import _core

from .report import header_lines, line

IN_L2 = 1 << 13  # rows: 256 KiB of y, f, gradient and Hessian
STREAMED = 10_000_000
SECONDS = 0.4  # a measurement

Floats = NDArray[np.float64]


def sigmoid(f: Floats) -> Floats:
    return 1 / (1 + np.exp(-f))


def logistic_in_numpy(y: Floats, f: Floats) -> tuple[Floats, Floats]:
    p = sigmoid(f)
    return p - y, p * (1 - p)


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
    Loss("logistic", lambda y, f: np.log(1 + np.exp(f)) - y * f, logistic_in_numpy),
    Loss("log_cosh", lambda y, f: np.log(np.cosh(y - f)), log_cosh_in_numpy),
    Loss("poisson", lambda y, f: np.exp(f) - y * f, poisson_in_numpy),
]


FORMS = ("built in", "formula", "NumPy")
PLACES = {"in_l2": "in L2", "streamed": "of 10M rows"}


class Row(NamedTuple):
    """Nanoseconds a row, in L2 and streamed."""

    loss: str
    form: str
    in_l2: float
    streamed: float


def best_seconds(call: Callable[[], Any], seconds: float = SECONDS) -> float:
    """Least time of a call: what is slower than the best is the machine's noise."""
    call()
    best, until = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return float(best)


def rows(n: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    return (rng.random(n) < 0.5).astype(np.float64), rng.standard_normal(n)


def streaming_seconds(y: Floats, f: Floats) -> float:
    """Two arrays read and two written, by NumPy."""
    gradients, hessians = np.empty_like(y), np.empty_like(y)

    def stream() -> None:
        np.copyto(gradients, y)
        np.copyto(hessians, f)

    return best_seconds(stream, 3 * SECONDS)  # all else is held against it


def measure() -> Iterator[Row]:
    small, large = rows(IN_L2), rows(STREAMED)
    limits = [1e9 * streaming_seconds(*data) / len(data[0]) for data in (small, large)]
    yield Row("any", "copy of the same bytes by NumPy", *limits)
    for loss in LOSSES:
        calls = (_into_arrays(cv.Loss(loss.name)), _into_arrays(cv.Loss(loss.formula)), loss.in_numpy)
        for form, call in zip(FORMS, calls, strict=True):
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


def side_by_side(measured: list[Row]) -> Iterator[str]:
    """The three forms of each loss, and how many times the built-in's time the other two take."""
    yield from header_lines(["loss, ns a row", *FORMS, "formula, ×", "NumPy, ×"])
    for place in ("in_l2", "streamed"):
        for loss in LOSSES:
            found = {row.form: float(getattr(row, place)) for row in measured if row.loss == loss.name}
            times = [found[form] for form in FORMS]
            cells = [f"{value:.2f}" for value in (*times, times[1] / times[0], times[2] / times[0])]
            yield line([f"{loss.name} {PLACES[place]}", *cells])


def main() -> None:
    print(f"instruction set {_core.build_info()['instruction_set']}, one thread, best of {SECONDS} s\n")
    print("\n".join(header_lines(["loss", "form", "in L2, ns a row", "10M rows, ns a row", "× streaming"], left=2)))
    measured: list[Row] = []
    for row in measure():
        measured.append(row)
        figures = [f"{row.in_l2:.2f}", f"{row.streamed:.2f}", f"{row.streamed / measured[0].streamed:.2f}"]
        print(line([row.loss, row.form, *figures]), flush=True)
    print("\n" + "\n".join(side_by_side(measured)))


if __name__ == "__main__":
    main()
