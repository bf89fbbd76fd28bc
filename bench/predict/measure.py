"""One process: ``python -m bench.predict.measure FOLDER`` fits a model, or times one; started by `bench.predict`."""

from __future__ import annotations

import json
import pickle
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..measure import median_seconds
from ..settings import Settings
from .ways import WAYS, fit

ONE_ROW_CALLS = 2000  # of other rows in turn
ONE_ROW_ROUNDS = 5
WARM_UP_ROWS = 200


def fit_model(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    model = fit(job["library"], X, y, Settings(**job["settings"]), job["threads"])
    (folder / f"{job['library']}.pickle").write_bytes(pickle.dumps(model))
    return {}


def time_model(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Nanoseconds a row of one batch, and microseconds of a call with one row."""
    way = WAYS[job["way"]]
    ask = way.ask(pickle.loads((folder / f"{way.library}.pickle").read_bytes()), job["threads"])
    X = np.load(folder / "X_test.npy")
    figures = {"row_microseconds": 1e6 * one_row_seconds(ask, X, job["quick"])}
    if way.of_many:
        ask(X[:WARM_UP_ROWS])
        seconds, answer = median_seconds(lambda: ask(X), repeat=not job["quick"])
        assert np.asarray(answer).shape == (len(X),)
        figures["batch_nanoseconds"] = 1e9 * seconds / len(X)
    return figures


def one_row_seconds(ask: Any, X: Any, quick: bool) -> float:
    rows = [X[i : i + 1] for i in range(min(len(X), 20 if quick else ONE_ROW_CALLS))]
    means = []
    for _ in range(1 if quick else ONE_ROW_ROUNDS):
        start = time.perf_counter()
        for row in rows:
            ask(row)
        means.append((time.perf_counter() - start) / len(rows))
    return statistics.median(means)


def main() -> None:
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    figures = fit_model(job, folder) if "library" in job else time_model(job, folder)
    (folder / "result.json").write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
