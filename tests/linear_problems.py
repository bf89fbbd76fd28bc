"""Fits of linear models through the core, and their objective in NumPy."""

import numpy as np
import scipy.sparse as sp

from curvature import _core
from curvature.losses import Loss


def core_design(X):
    """A table as the core takes it."""
    if sp.issparse(X):
        return X.data, X.indices.astype(np.int32), X.indptr.astype(np.int64), X.shape
    return X


def core_fit(X, y, loss="squared", sample_weight=None, offsets=(), n_classes=0, start=None, extras=None, **params):
    """`_core.linear_fit` with defaults; `extras` are penalty_factors, lower and upper."""
    values = {
        "alpha": 1e-3,
        "l1_ratio": 0.0,
        "solver": "auto",
        "max_iter": 1000,
        "tol": 1e-10,
        "fit_intercept": True,
        "seed": 0,
        "n_jobs": 2,
    } | params
    columns = [np.asarray(column, np.float64) for column in (y if isinstance(y, list) else [y])]
    core_loss = Loss(loss).core(columns, n_classes)
    weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
    design = core_design(X)
    extras = extras or {}
    return _core.linear_fit(design, columns, weights, core_loss, values, offsets=list(offsets), start=start, **extras)


def objective(X, y, loss, weights, intercepts, alpha, l1_ratio=0.0, sample_weight=None, offset=0.0, n_classes=0):
    """F, as the docs state it."""
    f = X @ weights.T + intercepts + np.asarray(offset).reshape(-1, 1)
    scores = f if f.shape[1] > 1 else f[:, 0]
    values = Loss(loss).value(np.asarray(y, np.float64), scores)
    penalty = alpha * (l1_ratio * np.abs(weights).sum() + (1 - l1_ratio) / 2 * (weights**2).sum())
    return np.average(values, weights=sample_weight) + penalty
