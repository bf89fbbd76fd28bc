"""``python -m bench.linear.tables``: frames with categories, beside glum and a pipeline of scikit-learn.

All minimise the same objective, mean loss and ridge, with a weight for each level; numbers are scaled beforehand. Shown
are the seconds from the frame to the fitted model, and the mean loss on the training and the held-out rows.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..machine import ROOT
from ..run import rotated

DATA = Path(os.environ.get("CURVATURE_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class Case:
    """A stored set: what is predicted, from all columns but those left out."""

    name: str
    loss: str
    target: Callable[[pd.DataFrame], Any]
    leave_out: tuple[str, ...]
    weight: str | None = None
    alpha: float = 1e-4


CASES = [
    Case("adult", "logistic", lambda frame: frame["income_gt_50k"].to_numpy(), ("income_gt_50k",)),
    Case(
        "be_mtpl97",
        "poisson",
        lambda frame: (frame["nclaims"] / frame["expo"]).to_numpy(),
        ("nclaims", "expo", "amount"),
        weight="expo",
        alpha=1e-3,
    ),
    Case("ames", "squared", lambda frame: np.log(frame["Sale_Price"].to_numpy(float)), ("Sale_Price",), alpha=1e-3),
]


def scaled(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numbers of mean 0 and spread 1, so that one penalty suits all and rivals converge."""
    numbers = train.select_dtypes("number").columns
    mean, spread = train[numbers].astype(float).mean(), train[numbers].astype(float).std().replace(0, 1)
    return tuple(each.assign(**((each[numbers].astype(float) - mean) / spread)) for each in (train, test))


def fit_curvature(case: Case, X: pd.DataFrame, y: Any, weight: Any, threads: int) -> Any:
    import curvature as cv

    kind = cv.LinearClassifier if case.loss == "logistic" else cv.LinearRegressor
    est = kind(loss=case.loss, alpha=case.alpha, missing="mean", n_jobs=threads).fit(X, y, weight)
    return lambda frame: est.predict_proba(frame)[:, 1] if case.loss == "logistic" else est.predict(frame)


def fit_glum(case: Case, X: pd.DataFrame, y: Any, weight: Any, threads: int) -> Any:
    from glum import GeneralizedLinearRegressor

    family = {"logistic": "binomial", "poisson": "poisson", "squared": "normal"}[case.loss]
    est = GeneralizedLinearRegressor(family=family, alpha=case.alpha, l1_ratio=0, cat_missing_method="zero")
    est.fit(X, y, sample_weight=weight)
    return est.predict


def fit_sklearn(case: Case, X: pd.DataFrame, y: Any, weight: Any, threads: int) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    total = len(y) if weight is None else weight.sum()
    last = {
        "logistic": lambda: LogisticRegression(C=1 / (total * case.alpha), max_iter=1000),
        "poisson": lambda: PoissonRegressor(alpha=case.alpha, max_iter=1000),
        "squared": lambda: Ridge(alpha=case.alpha * total),
    }[case.loss]()
    one_hot = OneHotEncoder(handle_unknown="ignore", dtype=np.float64)
    columns = make_column_transformer(
        (one_hot, make_column_selector(dtype_exclude="number")), remainder="passthrough", sparse_threshold=1.0
    )
    name = type(last).__name__.lower()
    est = make_pipeline(columns, last).fit(X, y, **({} if weight is None else {f"{name}__sample_weight": weight}))
    return lambda frame: est.predict_proba(frame)[:, 1] if case.loss == "logistic" else est.predict(frame)


FITS: dict[str, Any] = {"curvature": fit_curvature, "glum": fit_glum, "scikit-learn": fit_sklearn}


def loss_of(case: Case, y: Any, predicted: Any, weight: Any) -> float:
    """Mean loss on the response scale."""
    if case.loss == "logistic":
        p = np.clip(predicted, 1e-15, 1 - 1e-15)
        losses = -np.where(y > 0, np.log(p), np.log1p(-p))
    elif case.loss == "poisson":
        losses = predicted - y * np.log(np.maximum(predicted, 1e-300))
    else:
        losses = (y - predicted) ** 2 / 2
    return float(np.average(losses, weights=weight))


def race(case: Case, repeats: int, threads: int) -> None:
    frame = pd.read_parquet(DATA / f"{case.name}.parquet")
    is_train = (frame["_split"] == "train").to_numpy()
    y = case.target(frame)
    weight = None if case.weight is None else frame[case.weight].to_numpy()
    X = frame.drop(columns=["_split", *case.leave_out])
    train, test = scaled(X[is_train], X[~is_train])
    own, other = (None, None) if weight is None else (weight[is_train], weight[~is_train])
    seconds: dict[str, list[float]] = {name: [] for name in FITS}
    found: dict[str, Any] = {}
    for repeat in range(repeats):
        for name in rotated(list(FITS), repeat):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                began = time.perf_counter()
                found[name] = FITS[name](case, train, y[is_train], own, threads)
                seconds[name].append(time.perf_counter() - began)
    n_levels = sum(len(set(X[name].dropna())) for name in X.select_dtypes(exclude="number"))
    size = f"{len(train)} rows, {X.shape[1]} columns, {n_levels} levels"
    print(f"\n{case.name}: {size}, loss {case.loss}, alpha {case.alpha}")
    print(f"{'':14}{'seconds':>9}{'train':>11}{'held out':>11}")
    for name, predict in found.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            losses = [
                loss_of(case, y[rows], np.asarray(predict(part)), of_rows)
                for rows, part, of_rows in ((is_train, train, own), (~is_train, test, other))
            ]
        print(f"{name:14}{statistics.median(seconds[name]):9.3f}{losses[0]:11.6f}{losses[1]:11.6f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.linear.tables", description=__doc__)
    parser.add_argument("--case", nargs="+", default=[case.name for case in CASES], metavar="NAME")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for case in CASES:
        if case.name in options.case:
            race(case, options.repeats, options.threads)


if __name__ == "__main__":
    main()
