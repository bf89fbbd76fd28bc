"""``python -m curvature``: a first run. Fits, scores, saves and reloads models of data that scikit-learn ships."""

from __future__ import annotations

import argparse
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
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn requires it

from ._core import build_info
from ._reference import fit_boosted_trees, predict_scores
from .boosting import BoostedTreesClassifier, BoostedTreesRegressor
from .losses import Loss
from .model import load

TREES = 100
FOLDS = 5
BASELINE_TREES = 5  # plain Python takes seconds for these
THREADS = (1, 2, 3)

# Our defaults in the words of scikit-learn's HistGradientBoosting.
PEER_SETTINGS = {
    "max_iter": TREES,
    "learning_rate": 0.08,
    "max_leaf_nodes": 16,
    "min_samples_leaf": 20,
    "l2_regularization": 3.0,
    "max_features": 0.5,
    "max_bins": 255,
    "early_stopping": False,
    "random_state": 0,
}


@dataclass(frozen=True)
class Task:
    """A table, our estimator and scikit-learn's, and what to compare them by."""

    name: str
    load: Callable[..., Any]
    estimator: type[Any]
    peer: type[Any]
    folds: Any
    method: str
    scores: dict[str, Callable[[Any, Any], float]]

    def table(self) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """X and y."""
        X, y = self.load(return_X_y=True)
        return X, y

    def held_out(self, estimator: Any) -> NDArray[np.float64]:
        """Predictions for every row by a model fitted without its fold; of a classifier, those of class 1."""
        predicted = cross_val_predict(estimator, *self.table(), cv=self.folds, method=self.method)
        return np.asarray(predicted[:, 1] if predicted.ndim == 2 else predicted)


def _tasks() -> list[Task]:
    return [
        Task(
            name="breast cancer",
            load=load_breast_cancer,
            estimator=BoostedTreesClassifier,
            peer=HistGradientBoostingClassifier,
            folds=StratifiedKFold(FOLDS, shuffle=True, random_state=0),
            method="predict_proba",
            scores={"log loss (lower is better)": log_loss, "AUC (higher is better)": roc_auc_score},
        ),
        Task(
            name="diabetes",
            load=load_diabetes,
            estimator=BoostedTreesRegressor,
            peer=HistGradientBoostingRegressor,
            folds=KFold(FOLDS, shuffle=True, random_state=0),
            method="predict",
            scores={"RMSE (lower is better)": root_mean_squared_error, "R2 (higher is better)": r2_score},
        ),
    ]


def _score_rows(task: Task) -> list[list[str]]:
    ours = task.held_out(task.estimator(n_estimators=TREES, n_jobs=1))
    with threadpool_limits(1):  # on tables this small more threads only wait for each other
        peers = task.held_out(task.peer(**PEER_SETTINGS))
    _, y = task.table()
    return [[task.name, name, f"{score(y, ours):.4f}", f"{score(y, peers):.4f}"] for name, score in task.scores.items()]


def _timing_row(task: Task) -> list[str]:
    """Times of fits with all columns at every node, as the baseline has it, and how far their scores are apart."""
    X, y = task.table()
    estimator = task.estimator(n_estimators=BASELINE_TREES, colsample_bynode=1.0, n_jobs=1)
    core = min(_timed(lambda: estimator.fit(X, y))[0] for _ in range(5))
    params = {"loss": estimator.loss, "n_estimators": BASELINE_TREES}
    plain, (start, trees) = _timed(lambda: fit_boosted_trees(X, y, engine="python", **params))
    apart = np.abs(estimator.model_.decision_function(X) - predict_scores(start, trees, X)).max()
    size = "{} x {}".format(*X.shape)
    return [task.name, size, f"{1e3 * core:.1f} ms", f"{1e3 * plain:.0f} ms", f"{plain / core:.0f}", f"{apart:.0e}"]


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()  # what other programs take of the processor does not count
    result = call()
    return time.process_time() - start, result


def asymmetric(y: Any, f: Any) -> Any:
    """Too little costs ten times as much as too much."""
    return np.where(y > f, 10.0, 1.0) * (y - f) ** 2


def _formula_rows(task: Task) -> list[list[str]]:
    """Held-out costs by a formula, of models fitted by the squared error and by that formula."""
    cost, (_, y) = Loss(asymmetric), task.table()
    rows = []
    for name, loss in (("squared error", "squared"), ("the formula", cost)):
        predicted = task.held_out(task.estimator(loss=loss, n_estimators=TREES, n_jobs=1))
        rows.append([task.name, name, f"{cost.value(y, predicted).mean():,.0f}", f"{np.mean(predicted < y):.0%}"])
    return rows


def _save(task: Task, folder: Path) -> tuple[Path, bool, bool]:
    """Save a model and reload it.

    Returns
    -------
    path : Path
        The file.
    same_bits : bool
        Whether all predictions of the reloaded model have the bits of the fitted one's.
    same_bytes : bool
        Whether other numbers of threads give the same file.
    """
    X, y = task.table()
    fitted = task.estimator(n_estimators=TREES).fit(X, y)
    path = folder / f"{task.name.replace(' ', '_')}.safetensors"
    fitted.save(path)
    reloaded = load(path)
    before, after = (getattr(each, task.method)(X) for each in (fitted, reloaded))
    refits = (task.estimator(n_estimators=TREES, n_jobs=n).fit(X, y) for n in THREADS)
    same_bytes = all(refit.model_.to_bytes() == path.read_bytes() for refit in refits)
    return path, before.dtype == after.dtype and before.tobytes() == after.tobytes(), same_bytes


def _print_table(rows: list[list[str]]) -> None:
    """Columns as wide as their widest cell: the first two to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        print("  " + "  ".join(left + right))


def main(arguments: list[str] | None = None) -> int:
    """Run all of it; 0 where every comparison of bits holds, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m curvature",
        description="Fits, scores, saves and reloads models of data that scikit-learn ships.",
    )
    parser.add_argument("--output", metavar="DIR", type=Path, help="folder for the model files (default: a new one)")
    folder: Path | None = parser.parse_args(arguments).output
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="curvature-"))
    folder.mkdir(parents=True, exist_ok=True)
    info, tasks = build_info(), _tasks()
    print(f"Curvature: boosted trees on up to {info['threads']} threads, instruction set {info['instruction_set']}")

    print(f"\nHeld-out scores: {TREES} trees, {FOLDS}-fold cross-validation, same folds and settings for both")
    rows = [["data", "score", "curvature", "HistGradientBoosting"]]
    _print_table(rows + [row for task in tasks for row in _score_rows(task)])

    print(f"\nProcessor time to fit {BASELINE_TREES} trees, beside the same algorithm in plain Python, one thread each")
    rows = [["data", "size", "curvature", "plain Python", "ratio", "scores differ by"]]
    _print_table(rows + [_timing_row(task) for task in tasks])

    print("\nA loss as a formula, derived by the core: held-out cost of models fitted by the squared error and by it")
    print("  " + str(Loss(asymmetric)).replace("\n", "\n  "))
    rows = [["data", "fitted by", "cost (lower is better)", "predicted too little"]]
    _print_table(rows + [row for task in tasks if task.method == "predict" for row in _formula_rows(task)])

    saved = [_save(task, folder.resolve()) for task in tasks]
    same_bits, same_bytes = all(bits for _, bits, _ in saved), all(same for _, _, same in saved)
    print("\nModels saved, reloaded, and fitted again")
    print(f"  predictions after reloading, the same bits: {'yes' if same_bits else 'NO'}")
    print(f"  files from {', '.join(map(str, THREADS))} threads, the same bytes: {'yes' if same_bytes else 'NO'}")
    print("\nFiles written")
    for path, _, _ in saved:
        print(f"  {path}")
    return 0 if same_bits and same_bytes else 1


if __name__ == "__main__":
    sys.exit(main())
