"""What is solved: generated rows, a loss and a penalty; and the objective that all solvers are held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LossName = Literal["logistic", "poisson", "squared"]


@dataclass(frozen=True)
class Problem:
    """``F(b, c) = mean l(y, X b + c) + alpha (l1_ratio |b|_1 + (1 - l1_ratio) / 2 |b|^2)``."""

    X: Any  # float64, dense in C order or CSR
    y: Floats
    loss: LossName
    alpha: float
    l1_ratio: float = 0.0

    def objective(self, coefficients: Floats, intercept: float) -> float:
        f = self.X @ coefficients + intercept
        if self.loss == "logistic":
            losses = np.logaddexp(0, f) - self.y * f
        elif self.loss == "poisson":
            losses = np.exp(f) - self.y * f
        else:
            losses = (self.y - f) ** 2 / 2
        size = self.l1_ratio * np.abs(coefficients).sum() + (1 - self.l1_ratio) / 2 * (coefficients**2).sum()
        return float(losses.mean() + self.alpha * size)


def _labels(rng: np.random.Generator, f: Floats) -> Floats:
    return (rng.random(len(f)) < 1 / (1 + np.exp(-f))).astype(np.float64)


def scaled_logistic(share: float) -> Problem:
    """500,000 × 50, columns in units of 1e-3 to 1e3 and away from 0."""
    rng = np.random.default_rng(11)
    n, p = int(500_000 * share), 50
    X = rng.standard_normal((n, p))
    y = _labels(rng, X @ rng.normal(scale=0.3, size=p) - 0.5)
    X += rng.normal(size=p)
    X *= 10.0 ** rng.uniform(-3, 3, p)
    return Problem(X, y, "logistic", 1 / n)


def correlated_logistic(share: float) -> Problem:
    """20,000 × 1000 with 30 factors behind the columns."""
    rng = np.random.default_rng(12)
    n, p = int(20_000 * share), int(1000 * max(share, 0.05))
    X = rng.standard_normal((n, 30)) @ rng.standard_normal((30, p)) / 5 + rng.standard_normal((n, p))
    y = _labels(rng, X @ rng.normal(scale=1 / np.sqrt(p), size=p))
    return Problem(X, y, "logistic", 1 / n)


def sparse_logistic(share: float) -> Problem:
    """CSR 100,000 × 50,000 with 50 entries a row; the popularity of columns falls as 1 / rank (Zipf)."""
    from scipy import sparse

    rng = np.random.default_rng(13)
    n, p, entries = int(100_000 * share), int(50_000 * share), 50
    popularity = np.cumsum(1 / np.arange(1, p + 1))
    columns = np.searchsorted(popularity / popularity[-1], rng.random((n, entries))).astype(np.int32)
    values = rng.exponential(size=n * entries)
    begin = np.arange(0, n * entries + 1, entries, dtype=np.int32)
    X = sparse.csr_matrix((values, columns.ravel(), begin), shape=(n, p))
    X.sum_duplicates()
    y = _labels(rng, X @ rng.normal(scale=0.5, size=p) * 0.5)
    return Problem(X, y, "logistic", 1e-5)


def lasso(share: float) -> Problem:
    """2000 × 10,000, 100 columns with weight, at a twentieth of the penalty that empties the model."""
    rng = np.random.default_rng(14)
    n, p = int(2000 * max(share, 0.05)), int(10_000 * max(share, 0.02))
    X = rng.standard_normal((n, p))
    b = np.zeros(p)
    b[rng.choice(p, min(100, p), replace=False)] = rng.normal(size=min(100, p))
    y = X @ b + rng.standard_normal(n)
    return Problem(X, y, "squared", float(np.abs(X.T @ (y - y.mean())).max() / n / 20), l1_ratio=1.0)


def poisson(share: float) -> Problem:
    """500,000 × 50, counts with mean about 0.5."""
    rng = np.random.default_rng(15)
    n, p = int(500_000 * share), 50
    X = rng.standard_normal((n, p))
    y = rng.poisson(np.exp(np.clip(X @ rng.normal(scale=0.08, size=p) - 0.7, None, 4))).astype(np.float64)
    return Problem(X, y, "poisson", 1e-4)


PROBLEMS: dict[str, Callable[[float], Problem]] = {
    "scaled-logistic": scaled_logistic,
    "correlated-logistic": correlated_logistic,
    "sparse-logistic": sparse_logistic,
    "lasso": lasso,
    "poisson": poisson,
}
QUICK_SHARE = 0.004
