"""LightGBM through its own training API, which checks less than its scikit-learn wrapper and so is faster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..settings import Settings, Task
from .base import Library
from .callback import log_loss_derivatives, sigmoid


@dataclass(frozen=True)
class LightGBM(Library):
    quantized: bool = False  # gradients in 4 levels, leaf values renewed from the exact ones
    callback: bool = False  # the loss of two classes as a NumPy function that returns both derivatives

    package: ClassVar[str] = "lightgbm"

    @property
    def variant(self) -> bool:
        return self.quantized or self.callback

    def fit(self, X: Any, y: Any, task: Task, settings: Settings | None, threads: int) -> Any:
        import lightgbm as lgb

        params: dict[str, Any] = {"objective": task, "num_threads": threads, "verbosity": -1}
        if self.quantized:
            params |= {"use_quantized_grad": True, "quant_train_renew_leaf": True}
        if self.callback and task == "binary":
            params["objective"] = lambda f, rows: log_loss_derivatives(rows.get_label(), f)
        if settings is None:
            return lgb.train(params, lgb.Dataset(X, y, params=params))
        params |= translate(settings)
        return lgb.train(params, lgb.Dataset(X, y, params=params), num_boost_round=settings.trees)

    def predict(self, model: Any, X: Any, task: Task, threads: int) -> Any:
        predicted = model.predict(X, num_threads=threads)
        return sigmoid(predicted) if self.callback and task == "binary" else predicted


def translate(settings: Settings) -> dict[str, Any]:
    """Common parameters in the library's words."""
    return {
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "max_bin": settings.bins,
        "min_data_in_leaf": settings.min_rows,
        "lambda_l2": settings.reg_lambda,
    }
