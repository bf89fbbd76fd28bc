"""The sets: pandas frames as they come from Parquet, dictionary columns as categories, missing values as such."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data import FOLDER_VARIABLE

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["binary", "multiclass", "regression", "poisson"]
SETS = ("adult", "hflights", "loans", "ames", "insteval", "kdd99", "be_mtpl97")
SPARSE_SETS = ("reuters_r8",)  # compressed sparse rows; run where they are named
LOG_TARGETS = ("ames",)  # prices: their logarithm is predicted
QUICK_ROWS = 1000


@dataclass(frozen=True)
class Rows:
    """Training or held-out rows; `y` is a code from 0 for classes, a rate per exposure (the weight) for counts."""

    X: Any  # a pandas frame, or compressed sparse rows of SciPy
    y: NDArray[Any]
    weight: NDArray[np.float64] | None

    def part(self, rows: NDArray[np.intp]) -> Rows:
        """Some of the rows."""
        X = self.X.iloc[rows].reset_index(drop=True) if hasattr(self.X, "iloc") else self.X[rows]
        return Rows(X, self.y[rows], None if self.weight is None else self.weight[rows])

    @property
    def n_categories(self) -> int:
        """Columns that are categories."""
        return sum(dtype == "category" for dtype in self.X.dtypes) if hasattr(self.X, "dtypes") else 0


@dataclass(frozen=True)
class Draw:
    task: Task
    train: Rows
    test: Rows


def folder() -> Path:
    """The folder of sets that CURVATURE_DATA names."""
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        raise SystemExit(f"{FOLDER_VARIABLE} must name a folder with an index.json and Parquet files.")
    return Path(named)


def draw(name: str, repeat: int, most_rows: int | None) -> Draw:
    """Repeat 0 is the split that the set came with, others permute all rows; at most so many rows are trained on."""
    import pandas as pd

    records = json.loads((folder() / "index.json").read_text(encoding="utf-8"))["sets"]
    record = next(record for record in records if record["name"] == name)
    frame = pd.read_parquet(folder() / record["file"])
    held_out = (frame[record["split_column"]] == "test").to_numpy()
    random = np.random.default_rng([5, repeat])
    train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    if repeat > 0:
        train, test = np.split(random.permutation(len(frame)), [len(train)])
    if most_rows is not None:
        train, test = (np.sort(random.permutation(rows)[:most_rows]) for rows in (train, test))
    y = frame[record["target"]].to_numpy()
    if record["task"] == "multiclass":  # of a class that was not drawn for training no library knows
        labels = np.unique(y[train].astype(str))
        test = test[np.isin(y[test].astype(str), labels)]
        y = np.searchsorted(labels, y.astype(str))
    elif record["task"] == "binary":
        y = y.astype(np.int64)
    else:
        y = np.log(y) if name in LOG_TARGETS else y.astype(np.float64)
    weight = None
    if record["exposure"]:
        weight = frame[record["exposure"]].to_numpy(np.float64)
        y = y / weight
    X = _sparse(frame, record["n_columns_sparse"]) if name in SPARSE_SETS else _features(frame, record)

    rows = Rows(X, y, weight)
    return Draw(record["task"], rows.part(train), rows.part(test))


def _features(frame: pd.DataFrame, record: dict[str, Any]) -> pd.DataFrame:
    roles = {record["target"], record["split_column"], *(record[role] for role in ("exposure", "weight", "group"))}
    return frame.drop(columns=[c for c in frame if c in roles | {*record["exclude"], *record["alt_targets"]}])


def _sparse(frame: pd.DataFrame, n_columns: int) -> Any:
    """Lists of places and counts as compressed rows of float32, which all libraries take."""
    import scipy.sparse as sp

    begin = np.concatenate([[0], np.cumsum(frame["indices"].map(len))])
    values = np.concatenate(frame["values"].to_numpy()).astype(np.float32)
    return sp.csr_matrix((values, np.concatenate(frame["indices"].to_numpy()), begin), (len(frame), n_columns))


def _log_loss(rows: Rows, predicted: NDArray[np.float64]) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(rows.y, predicted, labels=None if predicted.ndim == 1 else np.arange(predicted.shape[1])))


def _auc(rows: Rows, predicted: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(rows.y, predicted))


def _accuracy(rows: Rows, predicted: NDArray[np.float64]) -> float:
    return float(np.mean(predicted.argmax(axis=1) == rows.y))


def _rmse(rows: Rows, predicted: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.average((rows.y - predicted) ** 2, weights=rows.weight)))


def _poisson_deviance(rows: Rows, predicted: NDArray[np.float64]) -> float:
    """A row, of counts: twice the fall of the log-likelihood from the best."""
    exposure = np.ones(len(rows.y)) if rows.weight is None else rows.weight
    counts, means = rows.y * exposure, predicted * exposure
    logs = np.log(np.where(counts > 0, counts, means) / means)
    return float(2 * np.mean(counts * logs - counts + means))


# The first metric of a task, a loss, is what libraries are ranked by.
METRICS: dict[Task, dict[str, Callable[[Rows, NDArray[np.float64]], float]]] = {
    "binary": {"log loss": _log_loss, "AUC": _auc},
    "multiclass": {"log loss": _log_loss, "accuracy": _accuracy},
    "regression": {"RMSE": _rmse},
    "poisson": {"deviance": _poisson_deviance},
}
