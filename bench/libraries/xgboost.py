"""XGBoost's histogram method through its own training API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..settings import Settings, Task
from .base import Library
from .callback import log_loss_derivatives, sigmoid

DEFAULT_ROUNDS = 100  # of its estimators; `xgboost.train` alone stops after 10
OBJECTIVES = {"binary": "binary:logistic", "regression": "reg:squarederror"}


@dataclass(frozen=True)
class XGBoost(Library):
    grow_policy: str  # "depthwise" is its default
    callback: bool = False  # the loss of two classes as a NumPy function that returns both derivatives

    package: ClassVar[str] = "xgboost"

    @property
    def variant(self) -> bool:
        return self.grow_policy != "depthwise" or self.callback

    def fit(self, X: Any, y: Any, task: Task, settings: Settings | None, threads: int) -> Any:
        import xgboost as xgb

        params: dict[str, Any] = {"objective": OBJECTIVES[task], "nthread": threads, "tree_method": "hist"}
        params["grow_policy"] = self.grow_policy
        if settings is None:
            return xgb.train(params, xgb.QuantileDMatrix(X, y, nthread=threads), DEFAULT_ROUNDS)
        params |= self.translate(settings, task)
        rows = xgb.QuantileDMatrix(X, y, max_bin=settings.bins, nthread=threads)
        if self.callback and task == "binary":
            objective = lambda f, labels: log_loss_derivatives(labels.get_label(), f)  # noqa: E731
            del params["objective"]  # it would read the start as a probability
            return xgb.train(params | {"base_score": 0.0}, rows, settings.trees, obj=objective)
        return xgb.train(params, rows, settings.trees)

    def predict(self, model: Any, X: Any, task: Task, threads: int) -> Any:
        predicted = model.inplace_predict(X)  # with the threads of the fit
        return sigmoid(predicted) if self.callback and task == "binary" else predicted

    def translate(self, settings: Settings, task: Task) -> dict[str, Any]:
        """It knows no least number of rows in a leaf, only of their Hessians: at most 1/4 a row for two classes."""
        hessian_a_row = 0.25 if task == "binary" else 1.0
        return {
            "max_leaves": settings.leaves,
            "max_depth": settings.depth if self.grow_policy == "depthwise" else 0,
            "learning_rate": settings.learning_rate,
            "max_bin": settings.bins,
            "min_child_weight": settings.min_rows * hessian_a_row,
            "reg_lambda": settings.reg_lambda,
        }
