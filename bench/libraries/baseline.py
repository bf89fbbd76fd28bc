"""The same algorithm in NumPy and in plain Python (`curvature._reference`), on one thread: on small cases only."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..settings import Settings, Task
from .base import Library

LOSSES = {"binary": "logistic", "regression": "squared"}


@dataclass(frozen=True)
class Baseline(Library):
    engine: Literal["numpy", "python"]

    package: ClassVar[str] = "curvature"

    @property
    def variant(self) -> bool:
        return True

    @property
    def max_updates(self) -> float:
        return 2e8 if self.engine == "numpy" else 1e7

    def missing(self) -> str | None:
        if importlib.util.find_spec("curvature") and importlib.util.find_spec("curvature._reference"):
            return None
        return "curvature._reference is not installed"

    def load(self) -> None:
        importlib.import_module("curvature._reference")

    def fit(self, X: Any, y: Any, task: Task, settings: Settings | None, threads: int) -> Any:
        from curvature import _reference

        params: dict[str, Any] = {}
        if settings is not None:
            params = {
                "n_estimators": settings.trees,
                "max_leaves": settings.leaves,
                "learning_rate": settings.learning_rate,
                "max_bins": settings.bins,
                "min_child_samples": settings.min_rows,
                "reg_lambda": settings.reg_lambda,
            }
        return _reference.fit_boosted_trees(X, y, loss=LOSSES[task], engine=self.engine, **params)

    def predict(self, model: Any, X: Any, task: Task, threads: int) -> Any:
        """Tree by tree, the rows split at each node; the reference's own loop over rows would take minutes."""
        import numpy as np

        start, trees = model
        scores = np.full(len(X), start)
        for tree in trees:
            open_nodes = [(0, np.arange(len(X)))]
            while open_nodes:
                place, rows = open_nodes.pop()
                node = tree[place]
                if node.feature < 0:
                    scores[rows] += node.value
                    continue
                values = X[rows, node.feature].astype(np.float64)
                goes_left = np.where(np.isnan(values), node.missing_left, values <= node.threshold)
                open_nodes += [(node.left, rows[goes_left]), (node.right, rows[~goes_left])]
        return 1 / (1 + np.exp(-scores)) if task == "binary" else scores
