"""Parameters of linear models: checks, the core's two dictionaries of them, and the plain values of a model file."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._linear_columns import check_rules
from ._model_file import check_seed, require
from ._params import seed_of
from ._threads import thread_count

SWITCHES = ("fit_intercept", "positive", "warm_start", "average", "shuffle", "early_stopping")
MULTI_CLASS = ("auto", "softmax", "one_vs_rest")
# What does not shape a model, is stored apart from the parameters, or is no plain value.
NOT_STORED = ("class_weight", "covariance", "bounds", "loss", "n_jobs", "penalty_factors", "verbose")
COVARIANCES = (None, "model", "HC0", "HC1", "HC2", "HC3")
MOST_FOLDS = 1000

Folds = int | list[tuple[NDArray[Any], NDArray[Any]]]

# What users of other libraries type, and what it is called here.
RIVAL_NAMES = {
    "C": "alpha",
    "Cs": "alpha",
    "P1": "penalty_factors",
    "alpha_": "alpha",
    "alphas": "alpha",
    "batch": "batch_size",
    "beta_1": "momentum",
    "beta_2": "second_momentum",
    "clipnorm": "clip_norm",
    "clipvalue": "clip_value",
    "epochs": "max_iter",
    "eta": "learning_rate",
    "eta0": "learning_rate",
    "family": "loss",
    "gradient_tol": "tol",
    "gtol": "tol",
    "intercept": "fit_intercept",
    "iterations": "max_iter",
    "l1_ratios": "l1_ratio",
    "l1_reg": "alpha",
    "l2_reg": "alpha",
    "l2_regularization": "alpha",
    "lambda_": "alpha",
    "learning_rate_init": "learning_rate",
    "loss_function": "loss",
    "lower_bounds": "bounds",
    "lr": "learning_rate",
    "max_epochs": "max_iter",
    "n_epochs": "max_iter",
    "n_folds": "cv",
    "n_iter": "max_iter",
    "nesterovs_momentum": "optimizer",
    "nthread": "n_jobs",
    "num_iterations": "max_iter",
    "num_threads": "n_jobs",
    "objective": "loss",
    "penalty": "l1_ratio",
    "power_t": "power",
    "random_seed": "random_state",
    "reg_alpha": "alpha",
    "reg_lambda": "alpha",
    "seed": "random_state",
    "upper_bounds": "bounds",
    "warmup_steps": "warm_up",
}
RIVAL_NOTES = {
    "C": "alpha = 1 / (n C), with n the total weight of the rows",
    "Cs": "alpha = 1 / (n C) for each C, or alpha='cv'",
    "l1_reg": "alpha, with l1_ratio=1",
    "l2_reg": "alpha, with l1_ratio=0",
    "nesterovs_momentum": "optimizer='nag'",
    "penalty": "0 is l2, 1 is l1, between them elasticnet; alpha=0 is none",
    "reg_alpha": "alpha, with l1_ratio=1",
    "reg_lambda": "alpha, with l1_ratio=0",
}


def number_rows() -> list[dict[str, Any]]:
    """Rows of the core's tables: the parameters that are numbers."""
    return [*_core.linear_parameter_table(), *_core.sgd_parameter_table()]


class LinearParams:
    """An estimator's parameters, checked, as the core reads them.

    Attributes
    ----------
    linear, sgd : dict
        What `_core.linear_fit` and `_core.SgdFit` take. "alpha" of `linear` is the greatest where there are several.
    alphas : list of float or None
        The penalties to choose from; empty where the core is to lay a grid. None where one is given.
    seed, n_jobs : int
        As the core reads them.
    folds : int or list of (rows, rows)
        Parts of the rows, each held out in turn to choose among penalties; or the rows to fit and to hold out.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.seed = seed_of(values["random_state"])
        for name in SWITCHES:
            if not isinstance(values[name], (bool, np.bool_)):
                raise ValueError(f"{name}={values[name]!r} must be True or False.")
        if values.get("multi_class", "auto") not in MULTI_CLASS:
            raise ValueError(f"multi_class={values['multi_class']!r} must be {_either(MULTI_CLASS)}.")
        if values.get("covariance") not in COVARIANCES:
            raise ValueError(f"covariance={values['covariance']!r} must be one of {', '.join(map(repr, COVARIANCES))}.")
        check_rules(values["coding"], values["missing"], values["unknown"])
        self.folds: Folds = _folds(values["cv"])
        self.alphas = _alphas(values["alpha"])
        self.n_jobs = thread_count(values["n_jobs"])
        common: dict[str, Any] = {"seed": self.seed, "n_jobs": self.n_jobs}
        alpha = values["alpha"] if self.alphas is None else max(self.alphas, default=1.0)
        self.linear = common | {"alpha": alpha}
        for name in ("l1_ratio", "solver", "max_iter", "tol", "fit_intercept"):
            self.linear[name] = values[name]
        _core.check_linear_params(self.linear)
        self.sgd = common | {name: values[name] for name in sgd_names()}
        _core.check_sgd_params(self.sgd)
        self._values = values

    @property
    def rules(self) -> dict[str, Any]:
        """What tables become: `categorical_features`, `coding`, `missing` and `unknown` as given."""
        return {name: self._values[name] for name in ("categorical_features", "coding", "missing", "unknown")}

    @property
    def has_penalty(self) -> bool:
        """Whether weights bear a penalty, that of one alpha among several included."""
        return self.alphas is not None or self.linear["alpha"] > 0

    def with_alpha(self, alpha: float) -> dict[str, Any]:
        """`linear` with another penalty."""
        return self.linear | {"alpha": alpha}

    def for_sgd(self) -> LinearParams:
        """The same for `partial_fit`, which only solver="sgd" has."""
        if self.linear["solver"] not in ("auto", "sgd"):
            raise ValueError(f"partial_fit is of solver='sgd' only, not of solver={self.linear['solver']!r}.")
        if self.alphas is not None:
            raise ValueError("partial_fit takes one alpha; to choose among several, all rows are needed at once.")
        self.linear["solver"] = "sgd"
        return self

    def stored(self) -> dict[str, Any]:
        """The part that shapes the model, as plain JSON values; for the model file."""
        numbers = {row["name"]: int if row["integer"] else float for row in number_rows()}
        stored: dict[str, Any] = {}
        for name, value in self._values.items():
            if name in NOT_STORED:
                continue
            if name in SWITCHES:
                stored[name] = bool(value)
            elif value is None or isinstance(value, str) or name not in numbers:
                stored[name] = value
            elif name != "alpha" or self.alphas is None:
                stored[name] = numbers[name](value)
        if self.alphas:
            stored["alpha"] = self.alphas
        automatic = isinstance(self._values["categorical_features"], str)
        return stored | {
            "categorical_features": "auto" if automatic else "listed",
            "cv": self.folds if isinstance(self.folds, int) else None,
            "random_state": self.seed,
        }


def sgd_names() -> list[str]:
    """Parameters that only solver='sgd' reads."""
    return [row["name"] for row in _core.sgd_parameter_table()] + [
        "optimizer",
        "schedule",
        "average",
        "shuffle",
        "early_stopping",
    ]


def check_stored_params(parameters: dict[str, Any], of_classes: bool) -> None:
    """Refuse stored parameters that are not those of `LinearParams.stored`."""
    known = {row["name"] for row in number_rows()} | {*SWITCHES, "solver", "optimizer", "schedule", "cv"}
    known |= {"categorical_features", "coding", "missing", "random_state", "unknown"}
    known |= {"multi_class"} if of_classes else set()
    require(known == set(parameters), f"the model's parameters are {sorted(parameters)}, not {sorted(known)}.")
    check_seed(parameters["random_state"])
    categories = parameters["categorical_features"]
    require(categories in ("auto", "listed"), f"the model's categorical_features={categories!r} is not known.")
    own_splits = parameters["cv"] is None  # arrays of rows, which are not stored
    LinearParams(parameters | {"n_jobs": 1} | ({"cv": 2} if own_splits else {}))


def read_factors(penalty_factors: Any, n_features: int) -> NDArray[np.float64] | None:
    """What multiplies the penalty of each column."""
    if penalty_factors is None:
        return None
    factors = _numbers("penalty_factors", penalty_factors)
    if factors.shape != (n_features,):
        raise ValueError(f"penalty_factors has shape {factors.shape}: a number a column, ({n_features},), is wanted.")
    if (wrong := ~(np.isfinite(factors) & (factors >= 0))).any():
        column = int(wrong.argmax())
        raise ValueError(f"penalty_factors[{column}]={factors[column]:g} must be finite and at least 0.")
    return factors


def read_bounds(
    bounds: Any, positive: bool, n_features: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[None, None]:
    """Least and greatest weight of each column; `positive` is a lower bound of 0."""
    if bounds is None and not positive:
        return None, None
    if bounds is None:
        bounds = (0.0, np.inf)
    elif not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ValueError(f"bounds={bounds!r} must be a pair (lower, upper), each a number or a number a column.")
    sides = []
    for name, side in zip(("lower", "upper"), bounds, strict=True):
        numbers = _numbers(f"bounds: {name}", side)
        if numbers.shape not in ((), (n_features,)):
            raise ValueError(f"bounds: {name} has shape {numbers.shape}: a number or ({n_features},) is wanted.")
        sides.append(np.array(np.broadcast_to(numbers, (n_features,))))
    lower, upper = sides
    if positive:
        lower = np.maximum(lower, 0.0)
    if (wrong := ~((lower <= 0) & (upper >= 0))).any():
        column = int(wrong.argmax())
        raise ValueError(
            f"bounds of column {column} are [{lower[column]:g}, {upper[column]:g}]: 0 must lie between them."
        )
    return lower, upper


def _numbers(name: str, given: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers: {error}") from error


def _alphas(alpha: Any) -> list[float] | None:
    if isinstance(alpha, str):
        if alpha == "cv":
            return []
    elif not isinstance(alpha, (Sequence, np.ndarray)) or np.ndim(alpha) == 0:
        return None
    else:
        try:
            alphas = [float(each) for each in alpha]
        except (TypeError, ValueError):
            alphas = []
        if alphas and all(0 <= each < math.inf for each in alphas):
            return alphas
    raise ValueError(f"alpha={alpha!r} must be a number at least 0, a sequence of such, or 'cv'.")


def _folds(cv: Any) -> Folds:
    try:
        folds = operator.index(cv)
    except TypeError:
        folds = 0
        if isinstance(cv, (list, tuple)) and cv and all(len(pair) == 2 for pair in cv):
            return [(np.asarray(kept), np.asarray(held)) for kept, held in cv]
    if isinstance(cv, bool) or not 2 <= folds <= MOST_FOLDS:
        raise ValueError(f"cv={cv!r} must be an integer in [2, {MOST_FOLDS}], or a list of pairs of arrays of rows.")
    return folds


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"
