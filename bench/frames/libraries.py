"""The libraries as their users call them on a frame; what a frame needs first is timed too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..libraries import catboost, curvature, lightgbm, sklearn, xgboost
from ..settings import Settings
from .sets import Rows, Task

Fit = Callable[[Rows, Task, int, Settings | None], Any]


@dataclass(frozen=True)
class FrameLibrary:
    """`fit(rows, task, threads, settings)` gives a model, `predict(model, X, task)` probabilities or means."""

    package: str
    fit: Fit
    predict: Callable[[Any, Any, Task], Any]
    variant: bool = False  # not what users get by default: takes part only with common parameters


def _probabilities_or_means(model: Any, X: Any, task: Task) -> Any:
    if task in ("binary", "multiclass"):
        probabilities = model.predict_proba(X)
        return probabilities[:, 1] if task == "binary" else probabilities
    return model.predict(X)


def _curvature(rows: Rows, task: Task, threads: int, settings: Settings | None) -> Any:
    import curvature as cv

    params = curvature.translate(settings) if settings else {}
    if task in ("binary", "multiclass"):
        model = cv.BoostedTreesClassifier(**params, n_jobs=threads)
    else:
        model = cv.BoostedTreesRegressor(**params, loss="poisson" if task == "poisson" else "squared", n_jobs=threads)
    return model.fit(rows.X, rows.y, sample_weight=rows.weight)


def _lightgbm(rows: Rows, task: Task, threads: int, settings: Settings | None, **more: Any) -> Any:
    import lightgbm as lgb

    params: dict[str, Any] = {"n_jobs": threads, "verbosity": -1} | more
    if settings:
        params |= lightgbm.translate(settings) | {"n_estimators": settings.trees}
    if task in ("binary", "multiclass"):
        model = lgb.LGBMClassifier(**params)
    else:
        model = lgb.LGBMRegressor(objective=task, **params)
    return model.fit(rows.X, rows.y, sample_weight=rows.weight)


_lightgbm_quantized = partial(_lightgbm, use_quantized_grad=True, quant_train_renew_leaf=True)


def _xgboost(rows: Rows, task: Task, threads: int, settings: Settings | None, grow_policy: str = "depthwise") -> Any:
    import xgboost as xgb

    params: dict[str, Any] = {"enable_categorical": True, "n_jobs": threads, "grow_policy": grow_policy}
    if settings:
        known: Any = "binary" if task in ("binary", "multiclass") else "regression"
        params |= xgboost.XGBoost(grow_policy).translate(settings, known) | {"n_estimators": settings.trees}
    if task in ("binary", "multiclass"):
        model = xgb.XGBClassifier(**params)
    else:
        model = xgb.XGBRegressor(objective="count:poisson" if task == "poisson" else "reg:squarederror", **params)
    return model.fit(rows.X, rows.y, sample_weight=rows.weight)


def _catboost(rows: Rows, task: Task, threads: int, settings: Settings | None) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    loss = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE", "poisson": "Poisson"}[task]
    model = CatBoostClassifier if task in ("binary", "multiclass") else CatBoostRegressor
    X = _text_for_catboost(rows.X)
    categories = [name for name in X if rows.X[name].dtype == "category"] if hasattr(X, "dtypes") else None
    params: dict[str, Any] = {"thread_count": threads, "allow_writing_files": False, "verbose": False}
    if settings:
        params |= catboost.CatBoost("SymmetricTree").translate(settings)
    return model(loss_function=loss, **params).fit(X, rows.y, sample_weight=rows.weight, cat_features=categories)


def _text_for_catboost(X: Any) -> Any:
    """It refuses missing values in categories: they become a level."""
    if not hasattr(X, "dtypes"):  # sparse rows
        return X
    changed = {}
    for name in X:
        if X[name].dtype == "category" and X[name].isna().any():
            changed[name] = X[name].cat.add_categories("missing").fillna("missing")
    return X.assign(**changed)


def _catboost_predict(model: Any, X: Any, task: Task) -> Any:
    return _probabilities_or_means(model, _text_for_catboost(X), task)


def _hist_gradient_boosting(rows: Rows, task: Task, threads: int, settings: Settings | None) -> Any:
    """Its threads are those of OpenMP, set in the environment. Categories are read from the dtypes by default."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    params = sklearn.translate(settings) if settings else {}
    if task in ("binary", "multiclass"):
        return HistGradientBoostingClassifier(**params).fit(rows.X, rows.y, sample_weight=rows.weight)
    loss = "poisson" if task == "poisson" else "squared_error"
    return HistGradientBoostingRegressor(**params, loss=loss).fit(rows.X, rows.y, sample_weight=rows.weight)


_lossguide = partial(_xgboost, grow_policy="lossguide")

LIBRARIES = {
    "curvature": FrameLibrary("curvature", _curvature, _probabilities_or_means),
    "lightgbm": FrameLibrary("lightgbm", _lightgbm, _probabilities_or_means),
    "lightgbm-quantized": FrameLibrary("lightgbm", _lightgbm_quantized, _probabilities_or_means, variant=True),
    "xgboost": FrameLibrary("xgboost", _xgboost, _probabilities_or_means),
    "xgboost-lossguide": FrameLibrary("xgboost", _lossguide, _probabilities_or_means, variant=True),
    "catboost": FrameLibrary("catboost", _catboost, _catboost_predict),
    "sklearn-hgb": FrameLibrary("sklearn", _hist_gradient_boosting, _probabilities_or_means),
}
