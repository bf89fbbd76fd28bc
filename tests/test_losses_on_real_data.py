"""Losses on real targets, in dollars: the training loss never rises, and held-out scores are those of LightGBM.

The data's folder is named by CURVATURE_DATA, or is `shared/data` beside the clone; without it the tests are skipped.
"""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_gamma_deviance, mean_pinball_loss, mean_poisson_deviance
from sklearn.model_selection import KFold
from test_real_data import DATA, load

import curvature as cv
from curvature import losses

pytestmark = pytest.mark.skipif(not (DATA / "index.json").exists(), reason=f"no data in {DATA}")


def asymmetric(y: Any, f: Any) -> Any:
    return np.where(y > f, 10.0, 1.0) * (y - f) ** 2


def log_cosh(y: Any, f: Any) -> Any:
    return np.log(np.cosh((y - f) / 500))


def cauchy(y: Any, f: Any) -> Any:
    """Not convex: rows far away hardly count."""
    return np.log1p(((y - f) / 1000) ** 2)


def linex(y: Any, f: Any) -> Any:
    """Exponential on one side, linear on the other."""
    r = (y - f) / 20_000
    return np.exp(np.minimum(r, 30)) - r - 1


def gaussian(y: Any, f: Any) -> Any:
    return f[1] + 0.5 * ((y - f[0]) * np.exp(-f[1])) ** 2


LOSSES = ["huber", losses.PseudoHuber(1000.0), "log_cosh", "absolute", losses.Quantile(0.9), "gamma"]
FORMULAS = [asymmetric, log_cosh, cauchy, linex, gaussian]


@pytest.mark.parametrize("name", ["diamonds", "ames"])
@pytest.mark.parametrize("loss", LOSSES + FORMULAS, ids=lambda loss: getattr(loss, "__name__", repr(loss)))
def test_the_training_loss_never_rises(name: str, loss: Any) -> None:
    """Round by round, at a rate of 0.3; and it falls."""
    X, y, _ = load(name)
    est = cv.BoostedTreesRegressor(loss=loss, n_estimators=40, learning_rate=0.3).fit(X, y)
    value = cv.Loss(loss).value
    start = np.tile(est.model_.start_scores, (len(y), 1))
    stages = [start if start.shape[1] > 1 else start[:, 0], *est.model_.staged_decision_function(X)]
    totals = np.array([value(y, f).sum() for f in stages])
    assert np.all(np.isfinite(totals))
    assert np.all(np.diff(totals) <= 1e-12 * np.abs(totals).max())
    assert totals[-1] < totals[0] - 0.005 * abs(totals[0])  # terms without f are part of the totals


SCORES = {
    "absolute": ("l1", mean_absolute_error),
    "poisson": ("poisson", mean_poisson_deviance),
    "gamma": ("gamma", mean_gamma_deviance),
    "quantile": ("quantile", lambda y, p: mean_pinball_loss(y, p, alpha=0.9)),
}


@pytest.mark.parametrize("loss", SCORES)
@pytest.mark.parametrize("name", ["diamonds", "ames", "bike_sharing"])
def test_held_out_scores_are_those_of_lightgbm(name: str, loss: str) -> None:
    """Mean over five folds, same parameters: all columns: at most 5 % above (the sets are small)."""
    lightgbm = pytest.importorskip("lightgbm")
    X, y, _ = load(name)
    objective, score = SCORES[loss]
    ours = cv.BoostedTreesRegressor(
        loss=losses.Quantile(0.9) if loss == "quantile" else loss, n_estimators=200, colsample_bynode=1.0
    )
    theirs = lightgbm.LGBMRegressor(
        objective=objective, alpha=0.9, n_estimators=200, learning_rate=0.08, num_leaves=16, reg_lambda=3.0,
        n_jobs=1, verbosity=-1,
    )  # fmt: skip
    found = []
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        found.append([score(y[test], est.fit(X[train], y[train]).predict(X[test])) for est in (ours, theirs)])
    ours_mean, theirs_mean = np.mean(found, axis=0)
    print(f"{name:13s} {loss:9s} ours {ours_mean:.6g}  LightGBM {theirs_mean:.6g}  {ours_mean / theirs_mean - 1:+.2%}")
    assert ours_mean <= 1.05 * theirs_mean
