"""The estimators of boosted trees: parameters, fit and predict in scikit-learn's manners."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _core
from ._params import KnownParameters, core_params, shaping_params, thread_count
from ._target import BinaryTarget, read_weights
from .model import Model, Scores

_PARAMETERS = """n_estimators : int, default=300
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

_CLASS_WEIGHT = """
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with the weights of the rows."""

E = TypeVar("E", bound=type)


def _with_parameters(extra: str = "") -> Any:
    """Fill ``{parameters}`` in a class's docstring, so that the parameters are described once."""

    def fill(cls: E) -> E:
        cls.__doc__ = (cls.__doc__ or "").replace("{parameters}", _PARAMETERS.format(extra=extra))
        return cls

    return fill


class _BoostedTrees(KnownParameters, BaseEstimator):
    """What both estimators share: the fit through the core, and everything that the fitted model answers."""

    _losses: tuple[str, ...]
    model_: Model
    n_features_in_: int

    def _fit_core(
        self,
        X: NDArray[Any],
        y: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        classes: NDArray[Any] | None = None,
    ) -> Self:
        values = self.get_params()
        class_weight = values.pop("class_weight", None)
        if values["loss"] not in self._losses:
            raise ValueError(f"loss={values['loss']!r} must be {' or '.join(map(repr, self._losses))} in this version.")
        params = core_params(values)
        start_score, forest = _core.boost_fit(X, y, weights, params)
        parameters = shaping_params(params)
        if isinstance(class_weight, dict) and classes is not None:  # labels are tensors of the model file, not JSON
            parameters["class_weight"] = [float(class_weight.get(label, 1.0)) for label in classes.tolist()]
        elif class_weight is not None:
            parameters["class_weight"] = class_weight
        settings = {"loss": params["loss"], "parameters": parameters}
        self.model_ = Model(forest, start_score, settings, classes, getattr(self, "feature_names_in_", None))
        self._warn_if_nothing_could_split(len(y) if weights is None else float(weights.sum()))
        return self

    def _warn_if_nothing_could_split(self, total_weight: float) -> None:
        least: float = self.get_params()["min_child_samples"]
        if total_weight < 2 * least:
            warnings.warn(
                f"min_child_samples={least!r} makes every split impossible: the rows weigh {total_weight:g} together, "
                "and two leaves need twice as much as one. Lower min_child_samples, or scale the weights.",
                stacklevel=4,
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
        estimator = cls(loss=model.settings["loss"], **parameters)
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
        """Predicted values, or class labels, shape (n,)."""
        return self._fitted().predict(self._checked(X), n_jobs=self._threads())

    def apply(self, X: ArrayLike) -> NDArray[np.int32]:
        """Leaf of every row in every tree, shape (n, n_estimators): the node's index within its tree."""
        return self._fitted().apply(self._checked(X), n_jobs=self._threads())

    def staged_predict(self, X: ArrayLike) -> Iterator[NDArray[Any]]:
        """`predict` after the first tree, the first two, and so on."""
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
        table: NDArray[Any] = _checked_table(self, X, reset=False)
        return table

    def _threads(self) -> int:
        return thread_count(self.get_params()["n_jobs"])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _checked_table(estimator: BaseEstimator, X: ArrayLike, y: Any = "no_validation", **options: Any) -> Any:
    """Shape, dtype and feature names by scikit-learn; values stay as they lie in memory, NaN and infinities allowed."""
    return validate_data(estimator, X, y, dtype="numeric", ensure_all_finite=False, **options)


@_with_parameters()
class BoostedTreesRegressor(RegressorMixin, _BoostedTrees):
    """Boosted regression trees.

    Each round adds the tree that minimises the second-order expansion of the loss at the current scores (Newton
    boosting), ``sum(g f + h f^2 / 2) + reg_lambda sum(w^2) / 2 + reg_alpha sum(|w|)``, with leaf values
    ``w = -T(G) / (H + reg_lambda)`` (T the soft threshold of reg_alpha) times `learning_rate`.

    Parameters
    ----------
    loss : {"squared"}, default="squared"
        ``(y - f)^2 / 2``.
    {parameters}

    Attributes
    ----------
    model_ : Model
        The fitted trees; predicts on its own, without scikit-learn.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are text.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Share of every feature in the fall of the objective.

    References
    ----------
    T. Chen and C. Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016, equations 3 to 7.

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> est = cv.BoostedTreesRegressor(n_estimators=50).fit(X, y)
    >>> est.predict(X[:2]).shape
    (2,)
    """

    _losses = ("squared",)

    def __init__(
        self,
        *,
        loss: str = "squared",
        n_estimators: int = 300,
        learning_rate: float = 0.08,
        max_leaves: int | None = 16,
        max_depth: int | None = None,
        grow_policy: str = "lossguide",
        min_child_samples: float = 20.0,
        min_child_weight: float = 1e-3,
        min_split_gain: float = 0.0,
        reg_lambda: float = 3.0,
        reg_alpha: float = 0.0,
        colsample_bynode: float = 0.5,
        max_bins: int = 255,
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.loss = loss
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_leaves = max_leaves
        self.max_depth = max_depth
        self.grow_policy = grow_policy
        self.min_child_samples = min_child_samples
        self.min_child_weight = min_child_weight
        self.min_split_gain = min_split_gain
        self.reg_lambda = reg_lambda
        self.reg_alpha = reg_alpha
        self.colsample_bynode = colsample_bynode
        self.max_bins = max_bins
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the trees.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            float16/32/64, integers or bool, in any memory order; read where it lies. NaN is missing; infinities are
            values like others.
        y : array-like of shape (n,)
            Finite numbers.
        sample_weight : array-like of shape (n,), optional
            Weights, at least 0. An integer weight counts as that many rows; rows of weight 0 do not exist.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Bad shapes, values or parameters; the message names the argument, the value and what is allowed.
        """
        table, numbers = _checked_table(self, X, y, y_numeric=True)
        return self._fit_core(table, np.asarray(numbers, dtype=np.float64), read_weights(sample_weight, table))


@_with_parameters(_CLASS_WEIGHT)
class BoostedTreesClassifier(ClassifierMixin, _BoostedTrees):
    """Boosted classification trees, for two classes.

    The raw score f is the log-odds of the second class, ``p = 1 / (1 + e^-f)``; see `BoostedTreesRegressor` for the
    objective of each round.

    Parameters
    ----------
    loss : {"logistic"}, default="logistic"
        ``log(1 + e^f) - y f``.
    {parameters}

    Attributes
    ----------
    model_ : Model
        The fitted trees; predicts on its own, without scikit-learn.
    classes_ : ndarray of shape (2,)
        Labels in sorted order.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are text.
    feature_importances_ : ndarray of shape (n_features_in_,)
        Share of every feature in the fall of the objective.

    References
    ----------
    T. Chen and C. Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016, equations 3 to 7.

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> est = cv.BoostedTreesClassifier(n_estimators=50).fit(X, y)
    >>> est.predict_proba(X[:2]).shape
    (2, 2)
    """

    _losses = ("logistic",)

    def __init__(
        self,
        *,
        loss: str = "logistic",
        n_estimators: int = 300,
        learning_rate: float = 0.08,
        max_leaves: int | None = 16,
        max_depth: int | None = None,
        grow_policy: str = "lossguide",
        min_child_samples: float = 20.0,
        min_child_weight: float = 1e-3,
        min_split_gain: float = 0.0,
        reg_lambda: float = 3.0,
        reg_alpha: float = 0.0,
        colsample_bynode: float = 0.5,
        max_bins: int = 255,
        class_weight: Any = None,
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.loss = loss
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_leaves = max_leaves
        self.max_depth = max_depth
        self.grow_policy = grow_policy
        self.min_child_samples = min_child_samples
        self.min_child_weight = min_child_weight
        self.min_split_gain = min_split_gain
        self.reg_lambda = reg_lambda
        self.reg_alpha = reg_alpha
        self.colsample_bynode = colsample_bynode
        self.max_bins = max_bins
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the trees to labels of two classes, of any dtype; otherwise as `BoostedTreesRegressor.fit`."""
        table, labels = _checked_table(self, X, y)
        target = BinaryTarget.read(labels, self.class_weight, read_weights(sample_weight, table))
        self._fit_core(table, target.codes, target.weights, target.classes)
        self.classes_ = target.classes
        return self

    def predict_proba(self, X: ArrayLike) -> Scores:
        """Class probabilities, shape (n, 2), columns in the order of `classes_`."""
        return self._fitted().predict_proba(self._checked(X), n_jobs=self._threads())

    def decision_function(self, X: ArrayLike) -> Scores:
        """Raw scores, the log-odds of the second class, shape (n,)."""
        return self._fitted().decision_function(self._checked(X), n_jobs=self._threads())

    def staged_decision_function(self, X: ArrayLike) -> Iterator[Scores]:
        """`decision_function` after the first tree, the first two, and so on."""
        return self._fitted().staged_decision_function(self._checked(X), n_jobs=self._threads())

    def staged_predict_proba(self, X: ArrayLike) -> Iterator[Scores]:
        """`predict_proba` after the first tree, the first two, and so on."""
        return self._fitted().staged_predict_proba(self._checked(X), n_jobs=self._threads())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
