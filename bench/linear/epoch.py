"""One epoch of gradient descent on dense rows: rows a second, and the bandwidth beside that of NumPy.

One thread. Beside curvature stand scikit-learn's SGDClassifier (batches of 1), the epoch in plain Python, and the twin
of the core in NumPy. The last two run on few rows.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..report import header_lines, line
from .problems import Floats

ROWS, COLUMNS, FEW_ROWS = 500_000, 50, 2000
RATE = 0.01
BATCHES = (1, 64, 1024)


def in_plain_python(X: Floats, y: Floats) -> None:
    """Logistic regression, row by row."""
    rows, labels = X.tolist(), y.tolist()
    w, b = [0.0] * len(rows[0]), 0.0
    for x, target in zip(rows, labels, strict=True):
        f = b
        for weight, value in zip(w, x, strict=True):
            f += weight * value
        step = RATE * (target - 1 / (1 + math.exp(-f)))
        for j, value in enumerate(x):
            w[j] += step * value
        b += step


def in_numpy(batch: int) -> Callable[[Floats, Floats], None]:
    from curvature._reference_linear import Descent, descend

    def slope(y: Floats, f: Floats) -> Floats:
        return 1 / (1 + np.exp(-f)) - y[:, None]

    params = Descent(batch_size=batch, learning_rate=RATE)
    return lambda X, y: [*descend(X, y, slope, params)] and None


def in_curvature(batch: int) -> Callable[[Floats, Floats], Any]:
    import curvature as cv

    params = {"solver": "sgd", "alpha": 0.0, "max_iter": 1, "tol": 0.0, "learning_rate": RATE, "n_jobs": 1}
    return lambda X, y: cv.LinearClassifier(**params, batch_size=batch).fit(X, y)


def in_sklearn(X: Floats, y: Floats) -> None:
    from sklearn.linear_model import SGDClassifier

    params = {"loss": "log_loss", "alpha": 0.0, "penalty": None, "learning_rate": "constant", "eta0": RATE}
    SGDClassifier(**params, max_iter=1, tol=None, random_state=0).fit(X, y)


def reading(X: Floats, y: Floats) -> None:
    X.sum()


def copying(X: Floats, y: Floats) -> None:
    np.copyto(_room(X.shape), X)


def _room(shape: tuple[int, ...], kept: dict[tuple[int, ...], Floats] = {}) -> Floats:  # noqa: B006
    return kept.setdefault(shape, np.ones(shape))  # pages that are there already


def measure(quick: bool, repeats: int) -> list[dict[str, Any]]:
    """Medians of the seconds of each, in turn, one after another a repeat; the first call does not count."""
    rng = np.random.default_rng(16)
    X = rng.standard_normal((FEW_ROWS if quick else ROWS, COLUMNS))
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-X[:, 0]))).astype(np.float64)
    calls: dict[str, tuple[Callable[[Floats, Floats], Any], int]] = {
        "NumPy reads (sum)": (reading, len(X)),
        "NumPy copies": (copying, len(X)),
        **{f"curvature, batches of {batch}": (in_curvature(batch), len(X)) for batch in BATCHES},
        "scikit-learn SGDClassifier": (in_sklearn, len(X)),
        "NumPy, batches of 1": (in_numpy(1), FEW_ROWS),
        "NumPy, batches of 64": (in_numpy(64), FEW_ROWS),
        "plain Python": (in_plain_python, FEW_ROWS),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, (call, n) in calls.items():
            start = time.perf_counter()
            call(X[:n], y[:n])
            if repeat > 0:
                times[name].append(time.perf_counter() - start)
    return [{"name": name, "rows": n, "columns": COLUMNS, "seconds": times[name]} for name, (_, n) in calls.items()]


def table(rows: list[dict[str, Any]]) -> str:
    """Nanoseconds a row, and bytes of X a second."""
    lines = [f"### one epoch: dense float64, {COLUMNS} columns, one thread", ""]
    lines += header_lines(["epoch", "rows", "ns a row", "GB/s"])
    for row in rows:
        each = statistics.median(row["seconds"]) / row["rows"]
        cells = [row["name"], f"{row['rows']:,}", f"{1e9 * each:,.1f}", f"{8e-9 * row['columns'] / each:.2f}"]
        lines.append(line(cells))
    return "\n".join(lines)
