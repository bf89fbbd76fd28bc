"""The picture of a profile, for docs/profiling.md; `make.py` draws it with the others."""

import numpy as np
from matplotlib.axes import Axes

import curvature as cv

COLUMNS, TREES = 28, 50


def phases(axes: Axes, n_rows: int = 1_000_000) -> None:
    """Draw where the time of a fit and a prediction goes, phase by phase."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, COLUMNS), dtype=np.float32)
    y = X[:, 0] * X[:, 1] + rng.standard_normal(n_rows) > 0
    est = cv.BoostedTreesClassifier(n_estimators=TREES)
    est.fit(X[:10_000], y[:10_000])  # threads are there, and memory is warm
    with cv.profile() as p:
        est.fit(X, y)
        est.predict(X)
    p.plot(axes)
    threads = max(phase["threads"] for phase in p.to_dict()["phases"].values())
    axes.set_title(f"{n_rows:,} rows, {COLUMNS} columns, {TREES} trees, {threads} threads", fontsize=10)
