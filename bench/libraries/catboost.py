"""CatBoost: leaf by leaf as the others, and with the symmetric trees that are its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..settings import Settings, Task
from .base import Library


@dataclass(frozen=True)
class CatBoost(Library):
    grow_policy: str  # "SymmetricTree" is its default

    package: ClassVar[str] = "catboost"

    @property
    def variant(self) -> bool:
        return self.grow_policy != "SymmetricTree"

    def fit(self, X: Any, y: Any, task: Task, settings: Settings | None, threads: int) -> Any:
        import catboost

        model = catboost.CatBoostClassifier if task == "binary" else catboost.CatBoostRegressor
        params: dict[str, Any] = {"thread_count": threads, "allow_writing_files": False, "verbose": False}
        params["grow_policy"] = self.grow_policy
        if settings is not None:
            params |= self.translate(settings)
        return model(**params).fit(catboost.Pool(X, y, thread_count=threads))

    def predict(self, model: Any, X: Any, task: Task, threads: int) -> Any:
        if task == "binary":
            return model.predict_proba(X, thread_count=threads)[:, 1]
        return model.predict(X, thread_count=threads)

    def translate(self, settings: Settings) -> dict[str, Any]:
        """Without its random parts, and one Newton step a leaf. A symmetric tree has the next power of two leaves."""
        params: dict[str, Any] = {
            "iterations": settings.trees,
            "learning_rate": settings.learning_rate,
            "border_count": settings.bins - 1,  # borders, not bins
            "l2_leaf_reg": settings.reg_lambda,
            "boosting_type": "Plain",
            "bootstrap_type": "No",
            "random_strength": 0,
            "leaf_estimation_method": "Newton",
            "leaf_estimation_iterations": 1,
        }
        if self.grow_policy == "SymmetricTree":
            return params | {"depth": settings.depth}
        return params | {"max_leaves": settings.leaves, "depth": 16, "min_data_in_leaf": settings.min_rows}
