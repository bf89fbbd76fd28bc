"""Real tables: held-out scores beside LightGBM's at the same settings.

The data's folder is named by CURVATURE_DATA, or is `shared/data` beside the clone; without it the tests are skipped.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import log_loss, mean_poisson_deviance, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

import curvature as cv

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CURVATURE_DATA", ROOT.parent / "shared" / "data"))
TOLERANCE = 0.01

pytestmark = pytest.mark.skipif(not (DATA / "index.json").exists(), reason=f"no data in {DATA}")

SETTINGS = {
    "n_estimators": 100, "max_leaves": 31, "learning_rate": 0.1, "min_child_samples": 20, "min_child_weight": 1e-3,
    "reg_lambda": 0.0, "colsample_bynode": 1.0, "max_bins": 255, "n_jobs": 1,
}  # fmt: skip
LIGHTGBM_SETTINGS = {
    "n_estimators": 100, "num_leaves": 31, "learning_rate": 0.1, "min_child_samples": 20, "min_child_weight": 1e-3,
    "reg_lambda": 0.0, "colsample_bytree": 1.0, "max_bin": 255, "n_jobs": 1, "verbosity": -1,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A set, what is done to its target before it is learned, and how many splits it takes to tell 1 %."""

    name: str
    transform: Callable[[Any], Any] = np.asarray
    n_splits: int = 10


# Ten splits of the small sets are noise: 260 positive rows give a paired standard error of 2.4 % of the logloss.
CASES = [
    Case("adult"),
    Case("higgs_small", n_splits=40),
    Case("diamonds", np.log),
    Case("mammography", n_splits=100),
    Case("bike_sharing"),
]


def load(name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """The numeric columns of a set, its target, and its task; the rows of its own split together."""
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("pandas")
    sets = json.loads((DATA / "index.json").read_text(encoding="utf-8"))["sets"]
    record = next(record for record in sets if record["name"] == name)
    frame = parquet.read_table(DATA / record["file"]).to_pandas()
    side = {record["target"], record["split_column"], record["exposure"], record["weight"], record["group"]}
    side |= {*record["alt_targets"], *record["exclude"], *record["categorical"]}
    numeric = frame.drop(columns=[column for column in frame.columns if column in side])
    assert len(frame) == record["n_rows"]
    assert numeric.shape[1] == record["n_features"] - record["n_categorical"]
    return numeric.to_numpy(dtype=np.float64), frame[record["target"]].to_numpy(dtype=np.float64), record["task"]


def losses(est: Any, X: np.ndarray, y: np.ndarray, binary: bool) -> list[float]:
    """What is held against the other's, the smaller the better."""
    if not binary:
        return [root_mean_squared_error(y, est.predict(X))]
    p = est.predict_proba(X)[:, 1]
    return [log_loss(y, p), 1 - roc_auc_score(y, p)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_held_out_scores_are_no_worse_than_lightgbm_s(case: Case) -> None:
    """Mean over paired 80/20 splits: logloss and 1 - AUC, or RMSE, are at most 1 % above LightGBM's."""
    lightgbm = pytest.importorskip("lightgbm")
    X, y, task = load(case.name)
    y = case.transform(y)
    binary = task == "binary"
    pairs: list[list[list[float]]] = []
    for seed in range(case.n_splits):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.2, random_state=seed, stratify=y if binary else None
        )
        ours = (cv.BoostedTreesClassifier if binary else cv.BoostedTreesRegressor)(**SETTINGS)
        theirs = (lightgbm.LGBMClassifier if binary else lightgbm.LGBMRegressor)(**LIGHTGBM_SETTINGS)
        pairs.append([losses(est.fit(X_train, y_train), X_test, y_test, binary) for est in (ours, theirs)])
    ours_mean, theirs_mean = np.mean(pairs, axis=0)
    for name, a, b in zip(["logloss", "1 - AUC"] if binary else ["RMSE"], ours_mean, theirs_mean, strict=True):
        print(f"{case.name:13s} {X.shape!s:12s} {name:8s} ours {a:.5f}  LightGBM {b:.5f}  {a / b - 1:+.2%}")
    assert (ours_mean <= (1 + TOLERANCE) * theirs_mean).all()


def test_claims_with_an_exposure_beat_scikit_learn_s_rates() -> None:
    """Poisson deviance of held-out claims, beside rates weighted by the exposure in scikit-learn's trees."""
    parquet = pytest.importorskip("pyarrow.parquet")
    frame = parquet.read_table(DATA / "be_mtpl97.parquet").to_pandas()
    X = frame[["ageph", "bm", "power", "agec", "fleet", "long", "lat"]].to_numpy(dtype=np.float64)
    claims, years = frame["nclaims"].to_numpy(dtype=np.float64), frame["expo"].to_numpy()
    test = (frame["_split"] == "test").to_numpy()
    est = cv.BoostedTreesRegressor(loss="poisson", n_estimators=100, max_leaves=8)
    est.fit(X[~test], claims[~test], exposure=years[~test])
    peer = HistGradientBoostingRegressor(
        loss="poisson", max_iter=100, learning_rate=0.08, max_leaf_nodes=8, early_stopping=False
    )
    peer.fit(X[~test], claims[~test] / years[~test], sample_weight=years[~test])
    constant = years[test] * claims[~test].sum() / years[~test].sum()
    ours, theirs, none = (
        mean_poisson_deviance(claims[test], expected)
        for expected in (est.predict(X[test], exposure=years[test]), years[test] * peer.predict(X[test]), constant)
    )
    print(f"be_mtpl97 Poisson deviance: ours {ours:.5f}  scikit-learn {theirs:.5f}  constant {none:.5f}")
    assert ours <= theirs * 1.002 and ours < none * 0.99
    in_sum = est.predict(X[~test], exposure=years[~test]).sum()
    assert in_sum == pytest.approx(claims[~test].sum(), rel=0.01)
