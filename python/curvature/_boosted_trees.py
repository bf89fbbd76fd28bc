"""What the estimators of boosted trees share: checks, the fit through the core, and the fitted model's answers."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from . import _core
from ._params import KnownParameters, core_params, shaping_params
from ._threads import thread_count
from .losses.loss import Loss, warn_if_inexact
from .model import Model, Scores

PARAMETERS = """n_estimators : int, default=300
        Trees, one a round.
    learning_rate : float, default=0.08
        Factor on every leaf value; more than 0.
    max_leaves : int or None, default=16
        Leaves a tree may have, at least 2. None: no limit.
    max_depth : int or None, default=None
        Splits on the way from the root to a leaf. None: no limit.
    grow_policy : {{"lossguide", "depthwise"}}, default="lossguide"
        Split the leaf of most gain first, or level by level.
    min_child_samples : float, default=20.0
        Least total weight (rows, where all weigh 1) of a leaf. Exact.
    min_child_weight : float, default=1e-3
        Least sum of Hessians in a leaf.
    min_split_gain : float, default=0.0
        Least fall of the objective for a split (gamma).
    reg_lambda, reg_alpha : float, default=3.0 and 0.0
        L2 and L1 penalty on leaf values.
    colsample_bynode : float, default=0.5
        Share of the columns tried at each node, in (0, 1].
    max_bins : int, default=255
        Bins a column's values are put into, 2 to 65,535; missing values have one more.{extra}
    n_jobs : int or None, default=None
        Threads; None or -1 for all that are available. The model is the same for any number, bit for bit.
    random_state : int, RandomState, Generator or None, default=0
        Draws the columns of `colsample_bynode`, and rounds gradients beyond 65,536 rows. A fit is reproducible unless
        None is asked for."""

CLASS_WEIGHT = """
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with the weights of the rows."""

E = TypeVar("E", bound=type)


def with_parameters(extra: str = "") -> Any:
    """Fill ``{parameters}`` in a class's docstring, so that the parameters are described once."""

    def fill(cls: E) -> E:
        cls.__doc__ = (cls.__doc__ or "").replace("{parameters}", PARAMETERS.format(extra=extra))
        return cls

    return fill


class BoostedTrees(KnownParameters, BaseEstimator):
    """What both estimators share: the fit through the core, and everything that the fitted model answers."""

    model_: Model
    n_features_in_: int

    @contextmanager
    def _whole_or_nothing(self) -> Iterator[dict[str, Any]]:
        """Check the parameters and hand them over; where the fit then fails, leave the estimator as it was."""
        before = dict(self.__dict__)
        try:
            values = self.get_params()
            for name in ("loss", "class_weight"):
                values.pop(name, None)
            yield core_params(values)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _fit_core(
        self,
        params: dict[str, Any],
        X: NDArray[Any],
        loss: Loss,
        columns: list[NDArray[np.float64]],
        weights: NDArray[np.float64] | None,
        classes: NDArray[Any] | None = None,
    ) -> None:
        core_loss = loss.core(columns, 0 if classes is None else len(classes))
        start_scores, forest = _core.boost_fit(X, columns, weights, core_loss, params)
        parameters = shaping_params(params)
        class_weight = self.get_params().get("class_weight")
        if isinstance(class_weight, dict) and classes is not None:  # labels are tensors of the model file, not JSON
            parameters["class_weight"] = [float(class_weight.get(label, 1.0)) for label in classes.tolist()]
        elif class_weight is not None:
            parameters["class_weight"] = class_weight
        settings = {"loss": loss.to_dict(), "parameters": parameters}
        self.model_ = Model(forest, start_scores, settings, classes, getattr(self, "feature_names_in_", None))
        self._warn_if_nothing_could_split(len(X) if weights is None else float(weights.sum()))
        warn_if_inexact(loss, columns, start_scores)

    def _warn_if_nothing_could_split(self, total_weight: float) -> None:
        least: float = self.get_params()["min_child_samples"]
        if total_weight < 2 * least:
            warnings.warn(
                f"min_child_samples={least!r} makes every split impossible: the rows weigh {total_weight:g} together, "
                "and two leaves need twice as much as one. Lower min_child_samples, or scale the weights.",
                stacklevel=5,
            )

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The fitted estimator of a model, with the parameters that shaped it.

        Raises
        ------
        ValueError
            The model is of the other kind (regression, classification).
        """
        parameters = dict(model.settings["parameters"])
        if isinstance(by_class := parameters.get("class_weight"), list) and model.classes is not None:
            parameters["class_weight"] = dict(zip(model.classes.tolist(), by_class, strict=True))
        estimator = cls(loss=model.loss.as_parameter(), **parameters)
        if estimator.__sklearn_tags__().estimator_type != ("regressor" if model.classes is None else "classifier"):
            raise ValueError(f"{model!r} is not for a {cls.__name__}.")
        estimator.model_ = model
        estimator.n_features_in_ = model.n_features
        if model.classes is not None:
            estimator.classes_ = model.classes
        if model.feature_names is not None:
            estimator.feature_names_in_ = model.feature_names.astype(object)
        return estimator

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a safetensors file; `curvature.load` reads it. See `Model.save`."""
        self._fitted().save(path)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predicted responses, shape (n,) or (n, n_outputs), or class labels, shape (n,)."""
        return self._fitted().predict(self._checked(X), n_jobs=self._threads())

    def apply(self, X: ArrayLike) -> NDArray[np.int32]:
        """Leaf of every row in every tree: the node's index within its tree.

        Shape (n, n_estimators), or (n, n_estimators, n_outputs) where a round has several trees.
        """
        return self._fitted().apply(self._checked(X), n_jobs=self._threads())

    def staged_predict(self, X: ArrayLike) -> Iterator[NDArray[Any]]:
        """`predict` after the first round, the first two, and so on."""
        return self._fitted().staged_predict(self._checked(X), n_jobs=self._threads())

    @property
    def feature_importances_(self) -> Scores:
        """Share of every feature in the fall of the objective by all splits; sums to 1 (all 0 without a split).

        `model_.importances` has the totals, and the number of splits.
        """
        gains = self._fitted().importances("gain")
        total = gains.sum()
        return gains / total if total > 0 else gains

    def _fitted(self) -> Model:
        check_is_fitted(self)
        return self.model_

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        table: NDArray[Any] = checked_table(self, X, reset=False)
        return table

    def _threads(self) -> int:
        return thread_count(self.get_params()["n_jobs"])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def checked_table(estimator: BaseEstimator, X: ArrayLike, y: Any = "no_validation", **options: Any) -> Any:
    """Shape, dtype and feature names by scikit-learn; values stay as they lie in memory, NaN and infinities allowed."""
    rules: dict[str, Any] = {"dtype": "numeric", "ensure_all_finite": False}
    try:
        return validate_data(estimator, X, y, **rules, **options)
    except (TypeError, ValueError) as error:
        if re.search(r"\b[Xy]\b|feature|sample|requires", str(error)):
            raise
        # A conversion failed in NumPy, which does not know what it was given.
        raise type(error)(f"{_culprit(X, rules)}: {error}") from error


def _culprit(X: ArrayLike, rules: dict[str, Any]) -> str:
    try:
        check_array(X, **rules)
    except (TypeError, ValueError):
        return "X"
    return "y"
