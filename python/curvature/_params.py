"""Parameters of the estimators: what the core declares, what rivals call it, and one dictionary to hand over."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from . import _core
from ._threads import thread_count

# What users of other libraries type, and what it is called here.
RIVAL_NAMES = {
    "C": "reg_lambda",
    "cat_features": "categorical_features",
    "categorical_feature": "categorical_features",
    "colsample_bylevel": "colsample_bynode",
    "depth": "max_depth",
    "eta": "learning_rate",
    "feature_fraction": "colsample_bynode",
    "feature_fraction_bynode": "colsample_bynode",
    "gamma": "min_split_gain",
    "iterations": "n_estimators",
    "l2_leaf_reg": "reg_lambda",
    "l2_regularization": "reg_lambda",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "loss_function": "loss",
    "max_bin": "max_bins",
    "max_features": "colsample_bynode",
    "max_iter": "n_estimators",
    "max_leaf_nodes": "max_leaves",
    "min_child_hessian": "min_child_weight",
    "min_data_in_leaf": "min_child_samples",
    "min_gain_to_split": "min_split_gain",
    "min_hessian_to_split": "min_child_weight",
    "min_samples_leaf": "min_child_samples",
    "min_split_loss": "min_split_gain",
    "min_sum_hessian_in_leaf": "min_child_weight",
    "n_iter": "n_estimators",
    "nthread": "n_jobs",
    "num_boost_round": "n_estimators",
    "num_iterations": "n_estimators",
    "num_leaves": "max_leaves",
    "num_threads": "n_jobs",
    "objective": "loss",
    "penalty": "reg_lambda",
    "random_seed": "random_state",
    "seed": "random_state",
    "shrinkage": "learning_rate",
    "thread_count": "n_jobs",
}

# What rivals offer and this version does not.
NOT_YET = {
    "bagging_fraction",
    "callbacks",
    "colsample_bytree",
    "early_stopping",
    "early_stopping_rounds",
    "interaction_constraints",
    "monotone_constraints",
    "monotonic_cst",
    "n_iter_no_change",
    "scale_pos_weight",
    "subsample",
    "tol",
    "validation_fraction",
    "verbose",
    "warm_start",
}


class KnownParameters:
    """Refuses unknown constructor arguments with a TypeError that names the parameter that was meant."""

    _rival_names: Mapping[str, str] = RIVAL_NAMES
    _rival_notes: Mapping[str, str] = {}
    _not_yet: frozenset[str] = frozenset(NOT_YET)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Look at the names only; `__init__` takes the values."""
        known = _arguments(cls.__init__)
        for name in kwargs:
            if name not in known:
                raise TypeError(f"{cls.__name__} has no parameter {name!r}{cls._suggestion(name, list(known))}")
        return super().__new__(cls)

    @classmethod
    def _suggestion(cls, name: str, known: list[str]) -> str:
        if (ours := cls._rival_names.get(name)) in known:
            note = f" ({cls._rival_notes[name]})" if name in cls._rival_notes else ""
            return f": it is called {ours!r} here{note}."
        if name in cls._not_yet:
            return "; this version does not offer it yet."
        if nearest := difflib.get_close_matches(name, known, n=1):
            return f": did you mean {nearest[0]!r}?"
        return f"; it has {', '.join(known)}."


@cache
def _arguments(init: Callable[..., None]) -> tuple[str, ...]:
    """Names of a constructor's arguments; its signature takes long to read."""
    return tuple(name for name in inspect.signature(init).parameters if name != "self")


def core_params(values: dict[str, Any]) -> dict[str, Any]:
    """An estimator's parameters as the core reads them, each checked against its bounds."""
    params = dict(values)
    params["seed"] = seed_of(params.pop("random_state"))
    params["n_jobs"] = thread_count(params["n_jobs"])
    _core.check_params(params)
    return params


def shaping_params(params: dict[str, Any]) -> dict[str, Any]:
    """The part of `core_params` that shapes the model, as plain JSON values; for the model file."""
    numbers = {row["name"]: int if row["integer"] else float for row in _core.parameter_table()}
    shaping: dict[str, Any] = {
        name: None if params[name] is None else number(params[name]) for name, number in numbers.items()
    }
    return shaping | {"grow_policy": params["grow_policy"], "random_state": params["seed"]}


def seed_of(random_state: Any) -> int:
    """A number for the core's counters: the integer itself, or one drawn from a generator or from the system."""
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if 0 <= random_state < 2**64:
            return int(random_state)
    elif random_state is None or isinstance(random_state, np.random.Generator):
        return int(np.random.default_rng(random_state).integers(2**63))
    elif isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    raise ValueError(
        f"random_state={random_state!r} must be an integer in [0, 2^64), a RandomState, a Generator or None."
    )
