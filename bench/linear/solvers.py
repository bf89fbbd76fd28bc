"""The solvers that are raced: each takes a tolerance of its own kind and answers coefficients and intercept.

Their objectives are the same function: scikit-learn's C is 1 / (n alpha), and half a mean deviance is the mean loss up
to terms in y.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from .problems import Floats, Problem

MANY = 100_000  # iterations: tolerances alone stop a solver


class Solver(ABC):
    """A way to minimise the objective of a problem."""

    package: ClassVar[str]

    def missing(self) -> str | None:
        """Why it cannot run here."""
        return None if importlib.util.find_spec(self.package) else f"{self.package} is not installed"

    @abstractmethod
    def solves(self, problem: Problem) -> bool:
        """Whether the objective is one of its own."""

    @abstractmethod
    def fit(self, problem: Problem, tol: float, threads: int) -> tuple[Floats, float]:
        """Coefficients and intercept."""


@dataclass(frozen=True)
class Curvature(Solver):
    solver: str = "auto"
    package: ClassVar[str] = "curvature"

    def solves(self, problem: Problem) -> bool:
        return True

    def fit(self, problem: Problem, tol: float, threads: int) -> tuple[Floats, float]:
        import curvature as cv

        of = cv.LinearClassifier if problem.loss == "logistic" else cv.LinearRegressor
        params = {"loss": problem.loss, "alpha": problem.alpha, "l1_ratio": problem.l1_ratio, "solver": self.solver}
        return _found(of(**params, tol=tol, n_jobs=threads).fit(problem.X, problem.y))


@dataclass(frozen=True)
class SklearnLogistic(Solver):
    solver: str
    package: ClassVar[str] = "sklearn"

    def solves(self, problem: Problem) -> bool:
        return problem.loss == "logistic" and problem.l1_ratio == 0

    def fit(self, problem: Problem, tol: float, threads: int) -> tuple[Floats, float]:
        from sklearn.linear_model import LogisticRegression

        C = 1 / (len(problem.y) * problem.alpha)
        return _found(LogisticRegression(C=C, solver=self.solver, tol=tol, max_iter=MANY).fit(problem.X, problem.y))


@dataclass(frozen=True)
class SklearnPoisson(Solver):
    solver: str
    package: ClassVar[str] = "sklearn"

    def solves(self, problem: Problem) -> bool:
        return problem.loss == "poisson" and problem.l1_ratio == 0

    def fit(self, problem: Problem, tol: float, threads: int) -> tuple[Floats, float]:
        from sklearn.linear_model import PoissonRegressor

        model = PoissonRegressor(alpha=problem.alpha, solver=self.solver, tol=tol, max_iter=MANY)
        return _found(model.fit(problem.X, problem.y))


class SklearnLasso(Solver):
    package = "sklearn"

    def solves(self, problem: Problem) -> bool:
        return problem.loss == "squared" and problem.l1_ratio == 1

    def fit(self, problem: Problem, tol: float, threads: int) -> tuple[Floats, float]:
        from sklearn.linear_model import Lasso

        return _found(Lasso(alpha=problem.alpha, tol=tol, max_iter=MANY).fit(problem.X, problem.y))


class SkglmLasso(SklearnLasso):
    package = "skglm"

    def fit(self, problem: Problem, tol: float, threads: int) -> tuple[Floats, float]:
        import skglm

        return _found(skglm.Lasso(alpha=problem.alpha, tol=tol, max_iter=MANY).fit(problem.X, problem.y))


@dataclass(frozen=True)
class Glum(Solver):
    solver: str = "auto"
    package: ClassVar[str] = "glum"

    def solves(self, problem: Problem) -> bool:
        return True

    def fit(self, problem: Problem, tol: float, threads: int) -> tuple[Floats, float]:
        import glum

        family = {"logistic": "binomial", "poisson": "poisson", "squared": "normal"}[problem.loss]
        model = glum.GeneralizedLinearRegressor(
            family=family,
            alpha=problem.alpha,
            l1_ratio=problem.l1_ratio,
            solver=self.solver,
            gradient_tol=tol,
            max_iter=MANY,
        )
        return _found(model.fit(problem.X, problem.y))


def _found(model: Any) -> tuple[Floats, float]:
    import numpy as np

    return np.ravel(model.coef_).astype(np.float64), float(np.ravel(model.intercept_)[0])


SOLVERS: dict[str, Solver] = {
    "curvature": Curvature(),
    "sklearn-newton-cholesky": SklearnLogistic("newton-cholesky"),
    "sklearn-newton-cg": SklearnLogistic("newton-cg"),
    "sklearn-lbfgs": SklearnLogistic("lbfgs"),
    "sklearn-saga": SklearnLogistic("saga"),
    "sklearn-poisson-newton-cholesky": SklearnPoisson("newton-cholesky"),
    "sklearn-poisson-lbfgs": SklearnPoisson("lbfgs"),
    "sklearn-lasso": SklearnLasso(),
    "skglm-lasso": SkglmLasso(),
    "glum": Glum(),
}
