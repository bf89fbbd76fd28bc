"""``python -m curvature``: a first run. Fits, scores, saves and reloads models of data that scikit-learn ships."""

from __future__ import annotations

import argparse
import inspect
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

from . import _reference
from ._core import build_info
from .boosting import BoostedTreesClassifier, BoostedTreesRegressor
from .model import load

N_TREES = 100
N_FOLDS = 5
BASELINE_TREES = 5  # plain Python needs seconds for these
THREADS = (1, 2, 3)


@dataclass(frozen=True)
class Task:
    """A table, an estimator and its peer at the same settings, and the scores to compare them by."""

    name: str
    X: NDArray[np.float64]
    y: NDArray[Any]
    estimator: Any
    peer: Any
    folds: Any
    method: str
    scores: dict[str, Callable[[Any, Any], float]]

    def held_out(self, estimator: Any) -> NDArray[np.float64]:
        """Predictions for every row by a model fitted without its fold; of a classifier, those of class 1."""
        predicted = cross_val_predict(estimator, self.X, self.y, cv=self.folds, method=self.method)
        return np.asarray(predicted[:, 1] if predicted.ndim == 2 else predicted)


def _tasks() -> list[Task]:
    X, y = load_breast_cancer(return_X_y=True)
    peer = _peer_settings(BoostedTreesClassifier(n_estimators=N_TREES))
    cancer = Task(
        name="breast cancer",
        X=X,
        y=y,
        estimator=BoostedTreesClassifier(n_estimators=N_TREES),
        peer=HistGradientBoostingClassifier(**peer),
        folds=StratifiedKFold(N_FOLDS, shuffle=True, random_state=0),
        method="predict_proba",
        scores={"log loss (lower is better)": log_loss, "AUC (higher is better)": roc_auc_score},
    )
    X, y = load_diabetes(return_X_y=True)
    diabetes = Task(
        name="diabetes",
        X=X,
        y=y,
        estimator=BoostedTreesRegressor(n_estimators=N_TREES),
        peer=HistGradientBoostingRegressor(**peer),
        folds=KFold(N_FOLDS, shuffle=True, random_state=0),
        method="predict",
        scores={"RMSE (lower is better)": root_mean_squared_error, "R2 (higher is better)": r2_score},
    )
    return [cancer, diabetes]


def _peer_settings(estimator: BoostedTreesClassifier) -> dict[str, Any]:
    """Ours in the words of scikit-learn's HistGradientBoosting."""
    return {
        "max_iter": estimator.n_estimators,
        "learning_rate": estimator.learning_rate,
        "max_leaf_nodes": estimator.max_leaves,
        "min_samples_leaf": estimator.min_child_samples,
        "l2_regularization": estimator.reg_lambda,
        "max_features": estimator.colsample_bynode,
        "max_bins": estimator.max_bins,
        "early_stopping": False,
        "random_state": 0,
    }


def _print_table(rows: list[list[str]]) -> None:
    """Columns padded to their widest cell: the first two to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:<{w}}" if i < 2 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        print("  " + "  ".join(cells).rstrip())


def _print_scores(tasks: list[Task]) -> None:
    print(f"Held-out scores ({N_FOLDS}-fold cross-validation, both on the same folds with the same settings):")
    rows = [["data", "score", "curvature", "HistGradientBoosting"]]
    for task in tasks:
        ours, peer = task.held_out(task.estimator), task.held_out(task.peer)
        for name, score in task.scores.items():
            rows.append([task.name, name, f"{score(task.y, ours):.4f}", f"{score(task.y, peer):.4f}"])
    _print_table(rows)


def _best_time(fit: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        fit()
        times.append(time.perf_counter() - start)
    return min(times)


def _print_times(tasks: list[Task]) -> None:
    print(f"\nTime to fit {BASELINE_TREES} trees beside the same algorithm in plain Python, same parameters:")
    rows = [["data", "rows x columns", "curvature", "plain Python", "ratio"]]
    for task in tasks:
        estimator = type(task.estimator)(n_estimators=BASELINE_TREES)
        known = inspect.signature(_reference.fit_boosted_trees).parameters
        params = {name: value for name, value in estimator.get_params().items() if name in known}
        ours = _best_time(lambda e=estimator, t=task: e.fit(t.X, t.y), 5)  # type: ignore[misc]
        plain = _best_time(
            lambda p=params, t=task: _reference.fit_boosted_trees(t.X, t.y, engine="python", **p),  # type: ignore[misc]
            1,
        )
        shape = "{:,} x {}".format(*task.X.shape)
        rows.append([task.name, shape, f"{1e3 * ours:.1f} ms", f"{1e3 * plain:,.0f} ms", f"{plain / ours:,.0f}"])
    _print_table(rows)


def _save_and_compare(tasks: list[Task], folder: Path) -> bool:
    """Save each model, reload it, and compare bits: of its predictions, and of its file for other numbers of threads."""
    same_predictions, same_files, paths = True, True, []
    for task in tasks:
        fitted = task.estimator.fit(task.X, task.y)
        path = folder / f"{task.name.replace(' ', '_')}.safetensors"
        fitted.save(path)
        reloaded = load(path)
        for method in {task.method, "predict"}:
            ours, theirs = getattr(fitted, method)(task.X), getattr(reloaded, method)(task.X)
            same_predictions &= ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()
        for n_jobs in THREADS:
            other = type(task.estimator)(n_estimators=N_TREES, n_jobs=n_jobs).fit(task.X, task.y)
            same_files &= other.model_.to_bytes() == path.read_bytes()
        paths.append(path)
    print("\nSaved and reloaded: are the predictions the same bits?")
    print(f"  the same bits: {_yes(same_predictions)}")
    print(f"Fitted again with {', '.join(map(str, THREADS[:-1]))} and {THREADS[-1]} threads: are the files the same bytes?")
    print(f"  the same bytes: {_yes(same_files)}")
    print("\nFiles written:")
    for path in paths:
        print(f"  {path}  ({path.stat().st_size:,} bytes)")
    return same_predictions and same_files


def _yes(condition: bool) -> str:
    return "yes" if condition else "NO"


def main(arguments: list[str] | None = None) -> int:
    """Run the tour; 0 where all comparisons of bits hold, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m curvature", description=(__doc__ or "").split(": ", 1)[-1])
    parser.add_argument("--output", metavar="DIR", type=Path, help="where to write the models (default: a new folder)")
    options = parser.parse_args(arguments)
    folder: Path = options.output or Path(tempfile.mkdtemp(prefix="curvature-"))
    folder.mkdir(parents=True, exist_ok=True)

    info = build_info()
    print(f"Curvature: boosted trees, {info['threads']} threads, instruction set {info['instruction_set']}\n")
    tasks = _tasks()
    _print_scores(tasks)
    _print_times(tasks)
    return 0 if _save_and_compare(tasks, folder.resolve()) else 1


if __name__ == "__main__":
    sys.exit(main())
