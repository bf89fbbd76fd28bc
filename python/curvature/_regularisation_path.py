"""The penalty by cross-validation: a path from the greatest down, each fit starting where the last one ended."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from . import _core
from ._linear_fit import LinearProblem
from ._linear_params import LinearParams

N_ALPHAS = 50
STILL_FALLS = 1e-4  # the share of the held-out loss by which the last candidate is better than the one before
LEAST_L1_RATIO = 1e-3  # ridge has no penalty that makes all weights 0: the grid is that of this l1_ratio


@dataclass(frozen=True)
class Choice:
    """Candidates from the greatest down, the held-out loss of each in each fold, its mean, and the best candidate."""

    alphas: NDArray[np.float64]
    losses: NDArray[np.float64]
    mean_losses: NDArray[np.float64]
    best: float


def choose_alpha(problems: list[LinearProblem], params: LinearParams, strata: Any = None) -> Choice:
    """The alpha of the least mean held-out loss; of equals the greatest.

    Parameters
    ----------
    problems : list of LinearProblem
        One, or one a class against the rest; their held-out losses add up.
    params : LinearParams
        Its `alphas` are the candidates; where there are none, a grid is laid.
    strata : ndarray of shape (n,), optional
        Codes of classes, of which every fold gets its share.
    """
    first = problems[0]
    if not first.core_loss().has_values:
        raise ValueError(f"alpha={params.alphas or 'cv'!r}: loss={first.loss.name!r} has no values to compare by.")
    folds = _folds(params, first.n_rows, strata)
    alphas = np.array(sorted(params.alphas or _grid(problems, params), reverse=True))
    losses = np.zeros((len(alphas), len(folds)))
    shares = np.zeros(len(folds))
    for fold, (kept, held) in enumerate(folds):
        shares[fold] = len(held) if first.weights is None else first.weights[held].sum()
        for problem in problems:
            losses[:, fold] += _losses_along(problem.of_rows(kept), problem.of_rows(held), params, alphas)
    mean_losses = losses @ (shares / shares.sum())
    if not params.alphas and mean_losses[-2] - mean_losses[-1] > STILL_FALLS * abs(mean_losses[-1]):
        warnings.warn(
            f"alpha='cv' came to its least candidate, {alphas[-1]:.3g}, while the held-out loss still fell: scale the "
            "columns of X, so that one penalty suits all of them, or pass smaller ones, alpha=[...].",
            UserWarning,
            stacklevel=4,
        )
    return Choice(alphas, losses, mean_losses, float(alphas[np.argmin(mean_losses)]))


def _folds(params: LinearParams, n_rows: int, strata: Any) -> list[Any]:
    """Rows to fit and rows to hold out."""
    if not isinstance(params.folds, int):
        return params.folds
    if n_rows < params.folds:
        raise ValueError(f"cv={params.folds} must be at most the number of rows, n_samples = {n_rows}.")
    split = KFold if strata is None else StratifiedKFold
    parts = split(params.folds, shuffle=True, random_state=params.seed % 2**32)
    return list(parts.split(np.zeros(n_rows), strata))


def _losses_along(
    kept: LinearProblem, held: LinearProblem, params: LinearParams, alphas: NDArray[np.float64]
) -> list[float]:
    losses, start = [], None
    for alpha in alphas.tolist():
        solution = kept.solve(params, alpha, start)
        start = solution.start
        losses.append(held.mean_loss(*start, params.n_jobs))
    return losses


def _grid(problems: list[LinearProblem], params: LinearParams) -> NDArray[np.float64]:
    largest = max(largest_alpha(problem, params) for problem in problems)
    of_lasso = largest * max(params.linear["l1_ratio"], LEAST_L1_RATIO)
    least = of_lasso * (1e-3 if problems[0].n_rows > problems[0].n_features else 1e-2)
    return np.geomspace(largest, least, N_ALPHAS)


def largest_alpha(problem: LinearProblem, params: LinearParams) -> float:
    """The least alpha at which all weights that bear a penalty are 0: ``max |g_j| / (l1_ratio factor_j)``.

    g is the gradient of the mean loss where nothing but the intercept, and columns without a penalty, is fitted.
    """
    share = max(params.linear["l1_ratio"], LEAST_L1_RATIO)
    given = problem.design, problem.columns, problem.weights, problem.core_loss(), params.linear | {"l1_ratio": share}
    return _core.largest_alpha(*given, problem.penalty_factors, problem.offsets) or 1.0
