"""The driver: draws the rows, starts one process a measurement with the libraries in rotated order, collects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

from .cases import Case
from .data import Draw
from .document import begin
from .libraries import LIBRARIES
from .machine import ROOT
from .settings import Task

METRICS: dict[Task, dict[str, Callable[[Any, Any], float]]] = {
    "binary": {"auc": roc_auc_score, "logloss": log_loss},
    "regression": {"rmse": root_mean_squared_error},
}


@dataclass(frozen=True)
class Options:
    """How to run the cases."""

    libraries: tuple[str, ...]
    repeats: int
    threads: int
    quick: bool = False
    forced: bool = False  # cases and libraries were both named: nothing is left out for its size


def run(cases: Sequence[Case], options: Options) -> Iterator[dict[str, Any]]:
    """The growing document of results, after each case; the last one is whole."""
    document = begin((LIBRARIES[name].package for name in options.libraries), options, cases=[])
    for case in cases:
        document["cases"].append(run_case(case, options))
        yield document


def run_case(case: Case, options: Options) -> dict[str, Any]:
    """Every library on the same rows, `repeats` times; each list of figures has one a repeat."""
    results: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    shape: tuple[int, ...] = ()
    names = list(options.libraries)
    for repeat in range(options.repeats):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            shape, n_test, y_test = _store(case.source.draw(repeat), Path(folder))
            if repeat == 0:
                left_out = {name: why for name in names if (why := _why_left_out(name, case, shape, options))}
                names = [name for name in names if name not in left_out]
            for name in rotated(names, repeat):
                print(f"{case.name} {repeat + 1}/{options.repeats} {name}", file=sys.stderr, flush=True)
                figures = measure(name, case, options, Path(folder))
                if "error" in figures:
                    left_out[name] = figures["error"]
                    names.remove(name)  # it will not do better next time
                    continue
                scores = _scores(case.source.task, y_test, np.load(Path(folder) / "predictions.npy"))
                _append(results.setdefault(name, {"metrics": {}}), figures, scores)
    return {
        "name": case.name,
        "task": case.source.task,
        "rows": shape[0],
        "columns": shape[1],
        "test_rows": n_test,
        "settings": case.settings and asdict(case.settings),
        "results": {name: results[name] for name in options.libraries if name in results},
        "left_out": left_out,
    }


def rotated(names: Sequence[str], repeat: int) -> list[str]:
    """Another library begins in each repeat, so that none always runs on a machine just warmed or just slowed."""
    start = repeat % len(names) if names else 0
    return [*names[start:], *names[:start]]


def measure(name: str, case: Case, options: Options, folder: Path) -> dict[str, Any]:
    """The figures of one fresh process; under "error" its last words where it failed."""
    job = {
        "library": name,
        "task": case.source.task,
        "settings": case.settings and asdict(case.settings),
        "threads": options.threads,
        "repeat_short_calls": not options.quick,
    }
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable, "-m", "bench.measure", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a source tree is imported from compiled files, as rivals are
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or ["no message"]
        return {"error": f"failed ({done.returncode}): {words[-1]}"}
    figures: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return figures


def _store(draw: Draw, folder: Path) -> tuple[tuple[int, ...], int, NDArray[Any]]:
    np.save(folder / "X.npy", draw.X)
    np.save(folder / "y.npy", draw.y)
    np.save(folder / "X_test.npy", draw.X_test)
    return draw.X.shape, len(draw.y_test), draw.y_test


def _why_left_out(name: str, case: Case, shape: tuple[int, ...], options: Options) -> str | None:
    library = LIBRARIES[name]
    if missing := library.missing():
        return missing
    if options.forced:
        return None
    if case.settings is None:
        return "not the library's default" if library.variant else None
    updates = shape[0] * shape[1] * case.settings.trees * case.settings.depth
    return f"too slow for {updates:.0e} updates" if updates > library.max_updates else None


def _scores(task: Task, y: NDArray[Any], predictions: NDArray[np.float64]) -> dict[str, float]:
    return {metric: float(score(y, predictions)) for metric, score in METRICS[task].items()}


def _append(lists: dict[str, Any], figures: dict[str, float], scores: dict[str, float]) -> None:
    for key, value in figures.items():
        lists.setdefault(key, []).append(value)
    for key, value in scores.items():
        lists["metrics"].setdefault(key, []).append(value)
