"""Curvature, through its estimators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..settings import Settings, Task
from .base import Library


def log_loss(y: Any, f: Any) -> Any:
    """The loss of two classes, as a user would write it."""
    import numpy as np

    return np.log(1 + np.exp(f)) - y * f


@dataclass(frozen=True)
class Curvature(Library):
    formula: bool = False  # the loss of two classes written in NumPy, in place of the built-in one
    structure_sample: float = 1.0

    package: ClassVar[str] = "curvature"

    @property
    def variant(self) -> bool:
        return self.formula or self.structure_sample < 1

    def fit(self, X: Any, y: Any, task: Task, settings: Settings | None, threads: int) -> Any:
        import curvature as cv

        estimator = cv.BoostedTreesClassifier if task == "binary" else cv.BoostedTreesRegressor
        params = {} if settings is None else translate(settings)
        if self.formula and task == "binary":
            params["loss"] = log_loss
        return estimator(**params, structure_sample=self.structure_sample, n_jobs=threads).fit(X, y)

    def predict(self, model: Any, X: Any, task: Task, threads: int) -> Any:
        return model.predict_proba(X)[:, 1] if task == "binary" else model.predict(X)


def translate(settings: Settings) -> dict[str, Any]:
    """Common parameters in the library's words."""
    return {
        "n_estimators": settings.trees,
        "max_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "max_bins": settings.bins,
        "min_child_samples": settings.min_rows,
        "reg_lambda": settings.reg_lambda,
        "colsample_bynode": 1.0,
    }
