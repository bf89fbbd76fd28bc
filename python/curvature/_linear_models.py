"""What the estimators of linear models share: checks, the fit through the core, and the fitted model's answers."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from . import _core
from ._checked_table import checked_design
from ._inference import Inference
from ._linear_columns import LinearColumns
from ._linear_features import read_columns
from ._linear_fit import LinearProblem, Solution, Start
from ._linear_inference import check_inference, find_separation, infer
from ._linear_model import LinearModel
from ._linear_params import RIVAL_NAMES, RIVAL_NOTES, LinearParams, read_bounds, read_factors
from ._model_estimator import ModelEstimator, stored_of_classes
from ._offsets import read_offset
from ._regularisation_path import choose_alpha
from .losses.loss import Loss
from .model import Scores

PARAMETERS = """alpha : float, sequence of float or "cv", default=1e-4
        Weight of the penalty, at least 0. Of several, that of the least cross-validated loss is taken; "cv" tries 50,
        evenly spaced on a log scale, from the least that makes all weights 0 (for an l1_ratio below 1e-3: as if it were
        1e-3) down to 1e-3 of that of the lasso, or 1e-2 where n <= p. scikit-learn's C is ``alpha = 1 / (n C)``.
    l1_ratio : float, default=0.0
        Share of the L1 penalty: 0 is ridge, 1 the lasso.
    solver : {{"auto", "newton", "newton_cg", "lbfgs", "cd", "sgd"}}, default="auto"
        Newton's method with a Cholesky factor, or by conjugate gradients; L-BFGS with a preconditioner; coordinate
        descent, for L1 and bounds; stochastic gradient descent and its kin. "auto" chooses by rows, columns, penalty
        and loss: see `solver_`.
    optimizer : str, default="sgd"
        For solver="sgd": "sgd", "momentum", "nag", "adagrad", "adadelta", "rmsprop", "adam", "nadam" or "adamw".
    learning_rate : float, default=0.01
        Rate of the first step (this and all up to `n_iter_no_change`: solver="sgd").
    schedule : str, default="constant"
        "constant", "inverse" rate / (1 + decay t), "inverse_scaling" rate / t^power, "exponential" rate e^(-decay t),
        "cosine" (to 0 at the last step) or "plateau" (lowered where epochs bring no progress).
    decay, power : float, default=1e-4 and 0.5
        Of the schedules.
    warm_up : int, default=0
        Steps over which the rate grows from 0.
    batch_size : int or None, default=32
        Rows a batch; None: all rows.
    accumulate : int, default=1
        Batches whose gradients make one step.
    momentum : float, default=0.9
        Share of the last move that goes on (momentum, nag); decay of the mean gradient (adam, nadam, adamw).
    second_momentum : float, default=0.999
        Decay of the mean squared gradient (adam, nadam, adamw).
    rho : float, default=0.9
        Decay of the mean squares (adadelta, rmsprop).
    epsilon : float, default=1e-8
        Keeps the divisors of the adaptive optimizers from 0.
    weight_decay : float, default=0.0
        Times the weights, added to the gradient (adamw: taken off beside the step).
    clip_norm, clip_value : float or None, default=None
        The most that the norm of the gradient, or each part of it, may be.
    average : bool, default=False
        Answer with the mean of the iterates.
    shuffle : bool, default=True
        Visit the rows in another order each epoch.
    early_stopping : bool, default=False
        Hold out rows, and stop where their loss no longer falls.
    validation_fraction : float, default=0.1
        Share of the rows held out.
    n_iter_no_change : int, default=5
        Epochs without progress before the fit stops.
    max_iter : int, default=1000
        Iterations; epochs of solver="sgd".
    tol : float, default=1e-8
        Stop where the objective is within this share of the least; 0: run max_iter.
    fit_intercept : bool, default=True
        Whether scores have an intercept, which bears no penalty.
    penalty_factors : array-like of shape (n_features,) or None, default=None
        What multiplies alpha for each column, of a category for all its levels; 0: no penalty.
    positive : bool, default=False
        No negative weights.
    bounds : pair of numbers or arrays of shape (n_features,), or None, default=None
        Least and greatest weight of each column, of a category of all its levels; 0 lies between them.
    categorical_features : "auto", None, names, indices or mask, default="auto"
        Columns that are categories, with a weight for each level. "auto": text and dictionaries. A list of names, of
        indices, or a mask names exactly the categories, which may be columns of whole numbers; text is a category in
        any case, and what else is not listed is read as numbers. None: an empty list.
    coding : {{"auto", "full", "reference"}}, default="auto"
        Whether each level of a category has a weight, or all but the first in sorted order, from which the others
        differ by their weights (without an intercept, the first category keeps all levels). "auto": "full" beside a
        penalty, else "reference".
    missing : {{"error", "indicator", "mean"}}, default="error"
        What is done with missing values, of frames and dense arrays: refuse them; take 0 and a weight of their own, for
        columns in which training had some; or take the weighted mean of training, of a category no level at all.
    unknown : {{"missing", "error", "other"}}, default="missing"
        What a level counts as that comes in `predict` and was not in training: no level at all, its columns being 0; an
        error; or one of the levels that shared a column (no level, where none did).
    cv : int or list of (rows, rows), default=5
        Parts of the rows, each held out in turn, where alpha is to be chosen; or the rows to fit and to hold out.
    covariance : {{None, "model", "HC0", "HC1", "HC2", "HC3"}}, default=None
        What standard errors are to be computed after the fit.
    warm_start : bool, default=False
        Start from the weights of the last fit, where they have the right shape.{extra}
    n_jobs : int or None, default=None
        Threads; None or -1 for all that are available. The model is the same for any number, bit for bit.
    random_state : int, RandomState, Generator or None, default=0
        Orders the rows for solver="sgd" and draws the parts of cross-validation.
    verbose : int, default=0
        1: print a line a fit."""

ATTRIBUTES = """model_ : LinearModel
        The fitted coefficients; predicts on its own, without scikit-learn.
    n_iter_, converged_, gap_, objective_, solver_
        Iterations, whether the tolerance was reached, the bound on (F - least F) / |F| that was reached, F, and the
        solver that ran. Of classes against the rest: the most iterations, all, the widest gap, the sum.
    alpha_, alphas_, cv_losses_
        Where alpha was chosen: the choice, the candidates from the greatest down, and the mean held-out loss of each
        candidate and fold, shape (n_alphas, cv); `cv_mean_losses_` is their mean over the folds by weight.
    covariance_, hessian_ : ndarray
        With `covariance`: of intercept and coefficients, their covariance and the second derivatives of sum(w) F.
    feature_names_ : list of str
        What each coefficient belongs to: the name of a column ("x0", "x1", … where there are no names),
        ``name[level]`` of a category, ``name[(missing)]``.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are text."""

E = TypeVar("E", bound=type)


def with_parameters(extra: str = "") -> Any:
    """Fill ``{parameters}`` and ``{attributes}`` in a class's docstring, so that they are described once."""

    def fill(cls: E) -> E:
        text = (cls.__doc__ or "").replace("{parameters}", PARAMETERS.format(extra=extra))
        cls.__doc__ = text.replace("{attributes}", ATTRIBUTES)
        return cls

    return fill


class LinearEstimator(ModelEstimator[LinearModel]):
    """What both estimators share: the fit through the core, and everything that the fitted model answers."""

    _rival_names = RIVAL_NAMES
    _rival_notes = RIVAL_NOTES
    _not_yet = frozenset({"dual", "groups", "monotone_constraints", "scale_predictors"})
    _model_kind = LinearModel
    loss: Any
    multi_class: str
    class_weight: Any
    covariance: str | None
    covariance_: NDArray[np.float64]
    hessian_: NDArray[np.float64]
    _inference: Inference

    def _set_all(self, given: dict[str, Any]) -> None:
        """Set the arguments of `__init__` as they are."""
        self.__dict__.update({name: value for name, value in given.items() if name != "self"})

    def _linear_params(self, loss: Loss) -> LinearParams:
        values = self.get_params()
        params = LinearParams({name: value for name, value in values.items() if name != "loss"})
        bounded = values["positive"] or values["bounds"] is not None  # which only the exact minimum keeps
        if loss.name == "perceptron" and params.linear["solver"] == "auto" and not bounded:
            params.linear["solver"] = "sgd"  # of the exact minimum all weights are 0
        return params

    def _problems(
        self,
        params: LinearParams,
        table: Any,
        loss: Loss,
        targets: list[list[NDArray[np.float64]]],
        weights: NDArray[np.float64] | None,
        offset: tuple[Any, Any],
        n_classes: int = 0,
        known: LinearColumns | None = None,
    ) -> list[LinearProblem]:
        """The objective, or one for each class against the rest; everything is checked here.

        `known` are the columns of the model of which this is another epoch.
        """
        features, table = read_columns(table, weights, params, known)
        given = self._constraints(features.schema.n_features)
        factors, lower, upper = (features.spread(given.get(name)) for name in ("penalty_factors", "lower", "upper"))
        if lower is not None and params.linear["solver"] == "sgd":
            raise ValueError("bounds and positive=True are not for solver='sgd': solver='cd' keeps them.")
        n_outputs = loss.outputs(n_classes)
        offsets = read_offset(*offset, loss.link.name, table.shape[0], len(targets) * n_outputs)
        own = [offsets[k * n_outputs : (k + 1) * n_outputs] for k in range(len(targets))]
        problems = [
            LinearProblem(table, features, loss, n_classes, columns, weights, own[k], factors, lower, upper)
            for k, columns in enumerate(targets)
        ]
        if params.linear["solver"] == "auto" and problems[0].suits_lbfgs(params.linear):
            params.linear["solver"] = "lbfgs"
        return problems

    def _constraints(self, n_features: int) -> dict[str, NDArray[np.float64]]:
        """Bounds and factors by feature, as far as there are any."""
        values = self.get_params()
        lower, upper = read_bounds(values["bounds"], values["positive"], n_features)
        factors = read_factors(values["penalty_factors"], n_features)
        given = {"penalty_factors": factors, "lower": lower, "upper": upper}
        return {name: array for name, array in given.items() if array is not None}

    def _known_columns(self) -> LinearColumns | None:
        return self.model_.columns if self.__sklearn_is_fitted__() else None

    def _fit_problems(
        self,
        params: LinearParams,
        problems: list[LinearProblem],
        classes: NDArray[Any] | None = None,
        strata: NDArray[np.float64] | None = None,
    ) -> None:
        if self.covariance is not None:
            check_inference(self.covariance, params, problems)
        starts = self._starts(problems) if self.get_params()["warm_start"] else [None] * len(problems)
        alpha = params.linear["alpha"]
        self._forget()
        if params.alphas is not None:
            choice = choose_alpha(problems, params, strata)
            self.alphas_, self.cv_losses_ = choice.alphas, choice.losses
            self.cv_mean_losses_, self.alpha_ = choice.mean_losses, choice.best
            alpha = choice.best
        pairs = zip(problems, starts, strict=True)
        solutions = [problem.solve(params, alpha, start) for problem, start in pairs]
        self._keep(params, problems, solutions, classes)
        names = self.model_.column_names
        if self.covariance is not None:
            self._inference = infer(self.covariance, problems[0], solutions[0], params, alpha, names)
            self.covariance_, self.hessian_ = self._inference.covariance, self._inference.hessian
        of_labels = classes is not None and len(problems) == 1
        if not (of_labels and find_separation(problems[0], solutions[0], params, alpha, names)):
            self._warn_unless_converged(solutions)

    def _one_epoch(
        self, params: LinearParams, problems: list[LinearProblem], classes: NDArray[Any] | None = None
    ) -> None:
        """One epoch from where the last one, or a fit by any solver, ended."""
        states: list[Any] = getattr(self, "_sgd_states", [])
        if self.covariance is not None:
            check_inference(self.covariance, params, problems)
        self._forget()
        steps = zip(problems, states or [None] * len(problems), self._starts(problems), strict=True)
        solutions = [problem.one_epoch(params, state, start) for problem, state, start in steps]
        self._keep(params, problems, solutions, classes)

    def _forget(self) -> None:
        """Drop what not every fit finds."""
        for name in ("alpha_", "alphas_", "cv_losses_", "cv_mean_losses_", "covariance_", "hessian_", "_inference"):
            self.__dict__.pop(name, None)

    def _starts(self, problems: list[LinearProblem]) -> list[Start | None]:
        """The weights of the last fit, for each problem its own, where they have the right shape."""
        n_outputs = problems[0].loss.outputs(problems[0].n_classes)
        if not self.__sklearn_is_fitted__():
            return [None] * len(problems)
        weights, intercepts = self.model_.weights, self.model_.intercepts
        if weights.shape != (len(problems) * n_outputs, problems[0].n_features):
            return [None] * len(problems)
        own = [slice(k * n_outputs, (k + 1) * n_outputs) for k in range(len(problems))]
        return [(weights[rows], intercepts[rows]) for rows in own]

    def _keep(
        self,
        params: LinearParams,
        problems: list[LinearProblem],
        solutions: list[Solution],
        classes: NDArray[Any] | None,
    ) -> None:
        weights = np.concatenate([solution.weights for solution in solutions])
        intercepts = np.concatenate([solution.intercepts for solution in solutions])
        first = problems[0]
        parameters = params.stored()
        if classes is not None:
            parameters |= stored_of_classes(self.get_params(), classes)
        settings = {
            "loss": first.loss.to_dict(),
            "offset": bool(first.offsets),
            "one_vs_rest": len(problems) > 1,
            "parameters": parameters,
        }
        constraints = self._constraints(first.features.schema.n_features)
        coefficients = _core.LinearModel.from_arrays(weights, intercepts)
        self.model_ = LinearModel(coefficients, settings, classes, first.features, constraints)
        states = [solution.sgd_state for solution in solutions]
        self._sgd_states = states if all(states) else []
        self.solver_ = solutions[0].solver
        self.n_iter_ = max(solution.n_iter for solution in solutions)
        self.converged_ = all(solution.converged for solution in solutions)
        self.gap_ = float(np.max([solution.gap for solution in solutions]))
        self.objective_ = sum(solution.objective for solution in solutions)
        if self.get_params()["verbose"]:
            print(f"{self.solver_}: {self.n_iter_} iterations, objective {self.objective_:.9g}, gap {self.gap_:.2g}")

    def summary(self) -> Inference:
        """Standard errors, tests and intervals of a fit with `covariance`; printed, a table.

        Raises
        ------
        ValueError
            The fit was without.
        """
        self._fitted()
        if not hasattr(self, "_inference"):
            raise ValueError("summary() needs a fit with covariance='model' (or 'HC0' to 'HC3').")
        return self._inference

    def _warn_unless_converged(self, solutions: list[Solution]) -> None:
        tol, max_iter = self.get_params()["tol"], self.get_params()["max_iter"]
        short = next((solution for solution in solutions if not solution.converged), None)
        if short is None or tol == 0:  # with tol=0, to run max_iter is what was asked for
            return
        reached = "" if np.isnan(short.gap) else f" with a gap of {short.gap:.2g}, more than tol={tol!r}"
        warnings.warn(
            f"solver={short.solver!r} stopped after {short.n_iter} iterations{reached}: "
            f"{short.advice or f'raise max_iter={max_iter}, or accept a larger tol'}.",
            ConvergenceWarning,
            stacklevel=4,
        )

    @classmethod
    def _parameters_of(cls, model: Any) -> dict[str, Any]:
        parameters = super()._parameters_of(model)
        if parameters["cv"] is None:
            del parameters["cv"]
        held = model.constraints
        if "penalty_factors" in held:
            parameters["penalty_factors"] = held["penalty_factors"]
        if "lower" in held and not (
            parameters["positive"] and not held["lower"].any() and np.isinf(held["upper"]).all()
        ):
            parameters["bounds"] = (held["lower"], held["upper"])
        if parameters["categorical_features"] == "listed":
            parameters["categorical_features"] = model.schema.categories()
        return parameters

    def predict(self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None) -> NDArray[Any]:
        """Predicted responses, shape (n,) or (n, n_outputs), or class labels, shape (n,).

        `offset` (a number, (n,) or (n, n_outputs)) is added to the raw scores, and the logarithm of `exposure` where
        the link is the log; a model that was fitted with either wants one.
        """
        return self._fitted().predict(self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads())

    @property
    def _flat(self) -> bool:
        """Whether coefficients are those of the only output of a regression."""
        return self.model_.classes is None and self.model_.n_outputs == 1

    @property
    def coef_(self) -> Scores:
        """Weights in the order of `feature_names_`: shape (n_columns,), or (n_outputs, n_columns)."""
        weights = self._fitted().weights
        return weights[0] if self._flat else weights

    @property
    def feature_names_(self) -> list[str]:
        """What each coefficient belongs to."""
        return self._fitted().column_names

    @property
    def intercept_(self) -> Any:
        """Intercepts: a number of a regression with one output, else of shape (n_outputs,)."""
        intercepts = self._fitted().intercepts
        return float(intercepts[0]) if self._flat else intercepts

    def _checked(self, X: Any) -> Any:
        self._fitted()
        return checked_design(self, X, reset=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
