"""An epoch of gradient descent: nanoseconds a row, and on dense rows the bandwidth beside that of NumPy's sum.

One thread. Beside curvature stand scikit-learn's SGDClassifier (batches of 1), the epoch in plain Python, and the twin
of the core in NumPy. The last two run on few rows. A fit of one epoch also checks its input and computes the objective,
so fits of one and of six epochs are timed: a fifth of the difference is a further epoch.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..report import header_lines, line
from .problems import Floats, sparse_logistic

ROWS, COLUMNS, FEW_ROWS = 500_000, 50, 2000
RATE = 0.01
BATCHES = (1, 64, 1024)
FURTHER_EPOCHS = 5
SPARSE_ALPHA = 1e-5
Call: TypeAlias = Callable[[Any, Floats], Any]


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


def in_curvature(epochs: int, alpha: float = 0.0, **params: Any) -> Call:
    import curvature as cv

    params |= {"solver": "sgd", "max_iter": epochs, "tol": 0.0, "learning_rate": RATE, "n_jobs": 1}
    return lambda X, y: cv.LinearClassifier(alpha=alpha, **params).fit(X, y)


def in_sklearn(epochs: int, alpha: float = 0.0) -> Call:
    from sklearn.linear_model import SGDClassifier

    params = {"loss": "log_loss", "alpha": alpha, "learning_rate": "constant", "eta0": RATE}
    params |= {"penalty": "l2" if alpha > 0 else None, "max_iter": epochs, "tol": None, "random_state": 0}
    return lambda X, y: SGDClassifier(**params).fit(X, y)


def reading(X: Floats, y: Floats) -> None:
    X.sum()


def copying() -> Call:
    room: dict[tuple[int, ...], Floats] = {}

    def copy(X: Floats, y: Floats) -> None:
        if X.shape not in room:
            room[X.shape] = np.ones(X.shape)  # pages that are there already
        np.copyto(room[X.shape], X)

    return copy


def dense_calls() -> dict[str, Call]:
    calls: dict[str, Call] = {
        "NumPy reads (sum)": reading,
        "NumPy copies": copying(),
        "NumPy, batches of 1": in_numpy(1),
        "NumPy, batches of 64": in_numpy(64),
        "plain Python": in_plain_python,
    }
    for epochs in (1, 1 + FURTHER_EPOCHS):
        for batch in BATCHES:
            calls[_named(f"curvature, batches of {batch}", epochs)] = in_curvature(epochs, batch_size=batch)
        calls[_named("curvature, adam, batches of 1", epochs)] = in_curvature(epochs, batch_size=1, optimizer="adam")
        calls[_named("scikit-learn SGDClassifier", epochs)] = in_sklearn(epochs)
    return calls


def sparse_calls() -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for epochs in (1, 1 + FURTHER_EPOCHS):
        calls[_named("curvature, batches of 1", epochs)] = in_curvature(epochs, SPARSE_ALPHA, batch_size=1)
        calls[_named("scikit-learn SGDClassifier", epochs)] = in_sklearn(epochs, SPARSE_ALPHA)
    return calls


def _named(name: str, epochs: int) -> str:
    return f"{name}: fit of {epochs}"


def measure(quick: bool, repeats: int) -> list[dict[str, Any]]:
    """Seconds of each on dense and sparse rows, in turn, one after another a repeat; the first call does not count."""
    rng = np.random.default_rng(16)
    X = rng.standard_normal((FEW_ROWS if quick else ROWS, COLUMNS))
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-X[:, 0]))).astype(np.float64)
    problem = sparse_logistic(0.02 if quick else 1.0)
    return _timed("dense", X, y, dense_calls(), repeats) + _timed(
        "sparse, l2", problem.X, problem.y, sparse_calls(), repeats
    )


def _timed(kind: str, X: Any, y: Floats, calls: dict[str, Call], repeats: int) -> list[dict[str, Any]]:
    n_rows = {name: FEW_ROWS if name.startswith(("NumPy, ", "plain")) else X.shape[0] for name in calls}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call(X[: n_rows[name]], y[: n_rows[name]])
            if repeat > 0:
                times[name].append(time.perf_counter() - start)
    bytes_a_row = 8 * X.shape[1] if kind == "dense" else 12 * X.nnz / X.shape[0]
    rows = [
        {"rows_are": kind, "name": name, "rows": n_rows[name], "bytes_a_row": bytes_a_row, "seconds": times[name]}
        for name in calls
    ]
    return rows + _further_epochs(rows)


def _further_epochs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each that was timed with one and with more epochs."""
    timed = {row["name"]: row for row in rows}
    found = []
    for name in [name.removesuffix(_named("", 1)) for name in timed if name.endswith(_named("", 1))]:
        pairs = zip(timed[_named(name, 1)]["seconds"], timed[_named(name, 1 + FURTHER_EPOCHS)]["seconds"], strict=True)
        seconds = [(many - one) / FURTHER_EPOCHS for one, many in pairs]
        found.append({**timed[_named(name, 1)], "name": f"{name}: a further epoch", "seconds": seconds})
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Nanoseconds a row, and bytes of X a second."""
    lines = [f"### gradient descent: dense float64, {COLUMNS} columns, and sparse rows; one thread", ""]
    lines += header_lines(["rows are", "timed", "rows", "ns a row", "GB/s"])
    for row in rows:
        each = statistics.median(row["seconds"]) / row["rows"]
        cells = [row["rows_are"], row["name"], f"{row['rows']:,}", f"{1e9 * each:,.1f}"]
        lines.append(line([*cells, f"{1e-9 * row['bytes_a_row'] / each:.2f}"]))
    return "\n".join(lines)
