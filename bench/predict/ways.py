"""How each library is asked for predictions; models are of one number, so that no link is part of what is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..libraries import LIBRARIES
from ..settings import Settings

Ask = Callable[[Any], Any]


@dataclass(frozen=True)
class Way:
    """`ask(model, threads)` is a function of rows."""

    library: str
    ask: Callable[[Any, int], Ask]
    of_many: bool  # whether batches are timed this way, too


def fit(library: str, X: Any, y: Any, settings: Settings, threads: int) -> Any:
    if library == "lightgbm-sklearn":
        import lightgbm as lgb

        names = {"num_leaves": settings.leaves, "n_estimators": settings.trees, "max_bin": settings.bins}
        names |= {"min_child_samples": settings.min_rows, "learning_rate": settings.learning_rate}
        return lgb.LGBMRegressor(**names, n_jobs=threads, verbosity=-1).fit(X, y)
    return LIBRARIES[library].fit(X, y, "regression", settings, threads)


def missing(library: str) -> str | None:
    """Why a library cannot run here; None where it can."""
    return LIBRARIES[library.removesuffix("-sklearn")].missing()


def _xgboost(model: Any, threads: int) -> Ask:
    model.set_param({"nthread": threads})
    return model.inplace_predict


WAYS = {
    "curvature, model": Way("curvature", lambda model, _: model.model_.predict, False),
    "curvature, estimator": Way("curvature", lambda model, _: model.predict, True),
    "LightGBM, booster": Way("lightgbm", lambda model, threads: partial(model.predict, num_threads=threads), True),
    "LightGBM, estimator": Way("lightgbm-sklearn", lambda model, _: model.predict, False),
    "XGBoost depth-wise, booster": Way("xgboost-depthwise", _xgboost, True),
    "CatBoost, estimator": Way(
        "catboost-symmetric", lambda model, threads: partial(model.predict, thread_count=threads), True
    ),
}
