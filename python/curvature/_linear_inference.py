"""From the solution of a linear model to its standard errors, and to a word on separated classes."""

from __future__ import annotations

from typing import Any

from ._inference import Inference, inference_of, warn_of_separation
from ._linear_fit import LinearProblem, Solution
from ._linear_params import LinearParams

CALLER = 5  # whose line warnings name: that of fit, three calls above
TOLERANCE = 1e-12  # of a fit whose standard errors are wanted: 1e-8 may be a tenth of one


def check_inference(kind: str, params: LinearParams, problems: list[LinearProblem]) -> None:
    """Refuse what has no standard errors before any work, and have the fit end closer to its minimum."""
    first = problems[0]
    if len(problems) > 1 or first.loss.outputs(first.n_classes) > 1:
        raise ValueError(f"covariance={kind!r} is of models of one score (two classes); take covariance=None.")
    if params.linear["solver"] == "sgd":
        raise ValueError(f"covariance={kind!r} needs the exact minimum: take solver='newton' or 'lbfgs', not 'sgd'.")
    if params.linear["l1_ratio"] > 0 and params.linear["alpha"] > 0:
        raise ValueError(f"covariance={kind!r} is not known beside an L1 penalty: take l1_ratio=0, or covariance=None.")
    if first.lower is not None:
        raise ValueError(f"covariance={kind!r} is not known of coefficients with bounds: take covariance=None.")
    if first.is_straight:
        raise ValueError(
            f"covariance={kind!r} needs a loss with curvature, and loss={first.loss.name!r} is straight but for kinks: "
            "take covariance=None."
        )
    params.linear["tol"] = min(params.linear["tol"], TOLERANCE)


def infer(
    kind: str, problem: LinearProblem, solution: Solution, params: LinearParams, alpha: float, names: Any
) -> Inference:
    """The standard errors of a solution; see `inference_of`."""
    return inference_of(
        *_given(problem, solution, params, alpha),
        kind=kind,
        penalty_factors=problem.penalty_factors,
        offsets=problem.offsets,
        feature_names=names,
        stacklevel=CALLER,
    )


def find_separation(problem: LinearProblem, solution: Solution, params: LinearParams, alpha: float, names: Any) -> bool:
    """Whether an unpenalised logistic regression has no finite optimum, which a warning then says."""
    if problem.loss.name != "logistic" or alpha > 0 or solution.solver == "sgd" or problem.lower is not None:
        return False
    return warn_of_separation(
        *_given(problem, solution, params, alpha),
        gap=solution.gap,
        objective=solution.objective,
        offsets=problem.offsets,
        feature_names=names,
        stacklevel=CALLER,
    )


def _given(problem: LinearProblem, solution: Solution, params: LinearParams, alpha: float) -> tuple[Any, ...]:
    columns, weights, loss = problem.columns, problem.weights, problem.core_loss()
    return problem.design, columns, weights, loss, params.with_alpha(alpha), solution.weights, solution.intercepts
