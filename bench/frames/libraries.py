"""The libraries as their users call them on a frame, by their defaults; what a frame needs first is timed too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .sets import Rows, Task

Fit = Callable[[Rows, Task, int], Any]


@dataclass(frozen=True)
class FrameLibrary:
    """`fit(rows, task, threads)` gives a model, `predict(model, X, task)` probabilities (n,), (n, classes) or means."""

    package: str
    fit: Fit
    predict: Callable[[Any, Any, Task], Any]


def _probabilities_or_means(model: Any, X: Any, task: Task) -> Any:
    if task in ("binary", "multiclass"):
        probabilities = model.predict_proba(X)
        return probabilities[:, 1] if task == "binary" else probabilities
    return model.predict(X)


def _curvature(rows: Rows, task: Task, threads: int) -> Any:
    import curvature as cv

    if task in ("binary", "multiclass"):
        return cv.BoostedTreesClassifier(n_jobs=threads).fit(rows.X, rows.y, sample_weight=rows.weight)
    loss = "poisson" if task == "poisson" else "squared"
    return cv.BoostedTreesRegressor(loss=loss, n_jobs=threads).fit(rows.X, rows.y, sample_weight=rows.weight)


def _lightgbm(rows: Rows, task: Task, threads: int) -> Any:
    import lightgbm as lgb

    if task in ("binary", "multiclass"):
        model = lgb.LGBMClassifier(n_jobs=threads, verbosity=-1)
    else:
        model = lgb.LGBMRegressor(objective=task, n_jobs=threads, verbosity=-1)
    return model.fit(rows.X, rows.y, sample_weight=rows.weight)


def _xgboost(rows: Rows, task: Task, threads: int) -> Any:
    import xgboost as xgb

    common = {"enable_categorical": True, "n_jobs": threads}
    if task in ("binary", "multiclass"):
        model = xgb.XGBClassifier(**common)
    else:
        model = xgb.XGBRegressor(objective="count:poisson" if task == "poisson" else "reg:squarederror", **common)
    return model.fit(rows.X, rows.y, sample_weight=rows.weight)


def _catboost(rows: Rows, task: Task, threads: int) -> Any:
    import catboost

    loss = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE", "poisson": "Poisson"}[task]
    model = catboost.CatBoostClassifier if task in ("binary", "multiclass") else catboost.CatBoostRegressor
    X = _text_for_catboost(rows.X)
    categories = [name for name in X if rows.X[name].dtype == "category"]
    common = {"thread_count": threads, "allow_writing_files": False, "verbose": False}
    return model(loss_function=loss, **common).fit(X, rows.y, sample_weight=rows.weight, cat_features=categories)


def _text_for_catboost(X: Any) -> Any:
    """It refuses missing values in categories: they become a level."""
    changed = {}
    for name in X:
        if X[name].dtype == "category" and X[name].isna().any():
            changed[name] = X[name].cat.add_categories("missing").fillna("missing")
    return X.assign(**changed)


def _catboost_predict(model: Any, X: Any, task: Task) -> Any:
    return _probabilities_or_means(model, _text_for_catboost(X), task)


def _hist_gradient_boosting(rows: Rows, task: Task, threads: int) -> Any:
    """Its threads are those of OpenMP, set in the environment. Categories are read from the dtypes by default."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if task in ("binary", "multiclass"):
        return HistGradientBoostingClassifier().fit(rows.X, rows.y, sample_weight=rows.weight)
    loss = "poisson" if task == "poisson" else "squared_error"
    return HistGradientBoostingRegressor(loss=loss).fit(rows.X, rows.y, sample_weight=rows.weight)


LIBRARIES = {
    "curvature": FrameLibrary("curvature", _curvature, _probabilities_or_means),
    "lightgbm": FrameLibrary("lightgbm", _lightgbm, _probabilities_or_means),
    "xgboost": FrameLibrary("xgboost", _xgboost, _probabilities_or_means),
    "catboost": FrameLibrary("catboost", _catboost, _catboost_predict),
    "sklearn-hgb": FrameLibrary("sklearn", _hist_gradient_boosting, _probabilities_or_means),
}
