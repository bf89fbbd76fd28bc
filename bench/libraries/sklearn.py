"""scikit-learn's histogram gradient boosting; its threads are those of OpenMP, set in the environment."""

from __future__ import annotations

from typing import Any

from ..settings import Settings, Task
from .base import Library


class HistGradientBoosting(Library):
    package = "sklearn"

    def fit(self, X: Any, y: Any, task: Task, settings: Settings | None, threads: int) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        model = HistGradientBoostingClassifier if task == "binary" else HistGradientBoostingRegressor
        params = {} if settings is None else translate(settings)
        return model(**params, random_state=0).fit(X, y)

    def predict(self, model: Any, X: Any, task: Task, threads: int) -> Any:
        return model.predict_proba(X)[:, 1] if task == "binary" else model.predict(X)


def translate(settings: Settings) -> dict[str, Any]:
    """Common parameters in the library's words."""
    return {
        "max_iter": settings.trees,
        "max_leaf_nodes": settings.leaves,
        "learning_rate": settings.learning_rate,
        "max_bins": settings.bins,
        "min_samples_leaf": settings.min_rows,
        "l2_regularization": settings.reg_lambda,
        "early_stopping": False,
    }
