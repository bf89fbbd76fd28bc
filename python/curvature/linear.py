"""The estimators of linear models: parameters, fit and predict in scikit-learn's manners."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from ._checked_table import checked_design
from ._estimator_kinds import Classifier, Regressor
from ._linear_columns import LinearColumns
from ._linear_models import LinearEstimator, with_parameters
from ._model_estimator import has_probabilities
from ._target import (
    ONE_NUMBER,
    ClassTarget,
    has_shares,
    read_classes,
    read_numbers,
    read_weights,
    require_one_column,
)
from .losses.labels import Logistic
from .losses.loss import Loss, read_loss
from .model import Scores

_CLASSIFIER = """
    multi_class : {"auto", "softmax", "one_vs_rest"}, default="auto"
        Of more than two classes, all at once, or each against the rest. "auto": softmax for the logistic loss and for
        losses of a score a class, one_vs_rest for losses of one score.
    classes : array-like of labels or None, default=None
        All labels that may come, where some may be missing in the rows of a fit (in a fold); `predict_proba` has a
        column for each. Where y has a column a class, what they stand for, in sorted order. None: the labels of y.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with the weights of the rows."""


@with_parameters()
class LinearRegressor(Regressor, LinearEstimator):
    """Linear regression, for any loss.

    Minimises ``F = sum(w l(y, f)) / sum(w) + alpha (l1_ratio |b|_1 + (1 - l1_ratio) |b|^2 / 2)`` with scores
    ``f = X b + intercept + offset``, in the units of X as given; the intercept bears no penalty.

    Parameters
    ----------
    loss : str, object of `curvature.losses`, `curvature.Loss` or function of (y, f), default="squared"
        What is minimised: a name ("squared", "huber", "quantile", "poisson", …), a named loss with its parameters
        (``losses.Huber(delta=2.0)``), or a formula, of one score or several. `predict` answers on the response scale:
        the inverse link of the score.
    {parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (n_columns,), or (n_outputs, n_columns)
        Weights of the columns that `feature_names_` names: one a feature, of a category one a level.
    intercept_ : float, or ndarray of shape (n_outputs,)
        Score where all columns are 0.
    {attributes}

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> est = cv.LinearRegressor(alpha=0).fit(X, y)
    >>> round(est.score(X, y), 4)
    0.5177
    """

    def __init__(
        self,
        *,
        loss: Any = "squared",
        alpha: Any = 1e-4,
        l1_ratio: float = 0.0,
        solver: str = "auto",
        optimizer: str = "sgd",
        learning_rate: float = 0.01,
        schedule: str = "constant",
        decay: float = 1e-4,
        power: float = 0.5,
        warm_up: int = 0,
        batch_size: int | None = 32,
        accumulate: int = 1,
        momentum: float = 0.9,
        second_momentum: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        average: bool = False,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        max_iter: int = 1000,
        tol: float = 1e-8,
        fit_intercept: bool = True,
        penalty_factors: Any = None,
        positive: bool = False,
        bounds: Any = None,
        categorical_features: Any = "auto",
        coding: str = "auto",
        missing: str = "error",
        unknown: str = "missing",
        cv: Any = 5,
        covariance: str | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._set_all(locals())

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> Self:
        """Fit the weights.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n, n_features)
            Arrays of float32 and float64 are read where they lie, in C or Fortran order or as CSR; other numbers become
            float64. pandas, polars, pyarrow and whatever else has the Arrow PyCapsule interface, a dictionary of arrays
            or a structured array become such an array, or, with categories, compressed sparse rows.
        y : array-like of shape (n,), or (n, m) for a formula that reads ``y[0]`` to ``y[m - 1]``
            Finite numbers, in the domain of the loss.
        sample_weight : array-like of shape (n,), optional
            Weights, at least 0. An integer weight counts as that many rows (but for solver="sgd", which visits rows one
            by one, and for the parts of cross-validation).
        offset : number or array-like of shape (n,) or (n, n_outputs), optional
            Added to the raw scores, at the fit and, where one was given there, at every prediction.
        exposure : number or array-like of shape (n,) or (n, n_outputs), optional
            An offset as its exponential, for losses with a log link: more than 0.
        loss_data : frame, structured array or dict of columns, optional
            A number a row for every further argument of a formula: ``def loss(y, f, cap)`` reads ``loss_data["cap"]``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Bad shapes, values or parameters; the message names the argument, the value and what is allowed.
        """
        with self._whole_or_nothing():
            loss = read_loss(self.loss)
            params = self._linear_params(loss)
            table, columns = self._read(loss, X, y, loss_data, first=True)
            weights = read_weights(sample_weight, columns[0])
            self._fit_problems(params, self._problems(params, table, loss, [columns], weights, (offset, exposure)))
        return self

    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> Self:
        """One epoch of solver="sgd", going on with the optimizer where the last one left it; otherwise as `fit`."""
        with self._whole_or_nothing():
            loss = read_loss(self.loss)
            params = self._linear_params(loss).for_sgd()
            table, columns = self._read(loss, X, y, loss_data, first=not self.__sklearn_is_fitted__())
            weights = read_weights(sample_weight, columns[0])
            offsets, known = (offset, exposure), self._known_columns()
            self._one_epoch(params, self._problems(params, table, loss, [columns], weights, offsets, known=known))
        return self

    def _read(self, loss: Loss, X: Any, y: Any, loss_data: Any, first: bool) -> tuple[Any, list[NDArray[np.float64]]]:
        if loss.n_targets == 1:
            require_one_column(y, ONE_NUMBER)
        options = {"y_numeric": True, "multi_output": loss.n_targets > 1, "reset": first}
        table, numbers = checked_design(self, X, y, **options)
        return table, loss.columns(read_numbers(numbers), loss_data)


@with_parameters(_CLASSIFIER)
class LinearClassifier(Classifier, LinearEstimator):
    """Linear classification, for any number of classes and any loss.

    Of two classes, the raw score f is the log-odds of the second, ``p = 1 / (1 + e^-f)``. Of K > 2 classes, a row has K
    scores and ``p_k = e^f_k / sum(e^f_j)``, or K models tell each class from the rest. See `LinearRegressor` for F.

    Parameters
    ----------
    loss : str, object of `curvature.losses`, `curvature.Loss` or function of (y, f), default="logistic"
        "logistic", ``log(1 + e^f) - y f`` for two classes and the softmax cross-entropy for more; another loss of
        labels ("hinge", "squared_hinge", "perceptron", "exponential", …); or a formula, in which y is 0 or 1 (with K
        scores ``f[0]`` to ``f[K - 1]``, 0 to K - 1).
    {parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_columns), or (n_classes, n_columns)
        Weights of the columns that `feature_names_` names: one a feature, of a category one a level.
    intercept_ : ndarray of shape (1,), or (n_classes,)
        Scores where all columns are 0.
    classes_ : ndarray of shape (n_classes,)
        Labels in sorted order.
    {attributes}

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> est = cv.LinearClassifier(alpha=1e-3).fit(X, y)
    >>> est.coef_.shape, est.predict_proba(X[:2]).shape
    ((3, 4), (2, 3))
    """

    def __init__(
        self,
        *,
        loss: Any = "logistic",
        alpha: Any = 1e-4,
        l1_ratio: float = 0.0,
        solver: str = "auto",
        optimizer: str = "sgd",
        learning_rate: float = 0.01,
        schedule: str = "constant",
        decay: float = 1e-4,
        power: float = 0.5,
        warm_up: int = 0,
        batch_size: int | None = 32,
        accumulate: int = 1,
        momentum: float = 0.9,
        second_momentum: float = 0.999,
        rho: float = 0.9,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        average: bool = False,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        max_iter: int = 1000,
        tol: float = 1e-8,
        fit_intercept: bool = True,
        penalty_factors: Any = None,
        positive: bool = False,
        bounds: Any = None,
        categorical_features: Any = "auto",
        coding: str = "auto",
        missing: str = "error",
        unknown: str = "missing",
        cv: Any = 5,
        covariance: str | None = None,
        warm_start: bool = False,
        multi_class: str = "auto",
        classes: Any = None,
        class_weight: Any = None,
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self._set_all(locals())

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> Self:
        """Fit the weights to labels of any dtype; otherwise as `LinearRegressor.fit`.

        Where `classes` are named, y may also have a column a class, the share of each: rows sum to 1.
        """
        with self._whole_or_nothing():
            given = read_loss(self.loss)
            params = self._linear_params(given)
            table, labels = checked_design(self, X, y, multi_output=has_shares(y, self.classes))
            target = ClassTarget.read(labels, self.class_weight, read_weights(sample_weight, labels), self.classes)
            problems = self._class_problems(params, given, table, target, (offset, exposure), loss_data)
            self._fit_problems(params, problems, target.classes, target.codes)
            self.classes_ = target.classes
        return self

    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        loss_data: Any = None,
    ) -> Self:
        """One epoch of solver="sgd" over these rows, with the optimizer where the last one left it.

        The first call needs `classes`, all labels that will ever come; otherwise as `fit`.
        """
        with self._whole_or_nothing():
            given = read_loss(self.loss)
            params = self._linear_params(given).for_sgd()
            first = not self.__sklearn_is_fitted__()
            named = self.classes if classes is None else classes
            if first and named is None:
                raise ValueError("classes is missing: the first partial_fit needs all labels that will ever come.")
            if isinstance(self.class_weight, str):
                raise ValueError(f"class_weight={self.class_weight!r} needs all rows at once: give partial_fit a dict.")
            known = self.classes_ if named is None else read_classes(named)
            if not first and not np.array_equal(known, self.classes_):
                raise ValueError(f"classes={known.tolist()!r} are not those of before, {self.classes_.tolist()!r}.")
            of_shares = has_shares(y, known if named is None else named)
            table, labels = checked_design(self, X, y, reset=first, multi_output=of_shares)
            target = ClassTarget.of_known(known, labels, self.class_weight, read_weights(sample_weight, labels))
            columns = self._known_columns()
            problems = self._class_problems(params, given, table, target, (offset, exposure), loss_data, columns)
            self._one_epoch(params, problems, known)
            self.classes_ = known
        return self

    def _class_problems(
        self,
        params: Any,
        given: Loss,
        table: Any,
        target: ClassTarget,
        offset: tuple[Any, Any],
        loss_data: Any,
        known: LinearColumns | None = None,
    ) -> list[Any]:
        n_classes = len(target.classes)
        if _against_the_rest(given, self.multi_class, n_classes):
            loss = given.of_classes(2)
            targets = [loss.class_columns(target.against_the_rest(k), loss_data) for k in range(n_classes)]
            n_classes = 2
        else:
            loss = given.of_classes(n_classes)
            targets = [loss.class_columns(target.columns, loss_data)]
        return self._problems(params, table, loss, targets, target.weights, offset, n_classes, known)

    @available_if(has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None) -> Scores:
        """Class probabilities, shape (n, n_classes), columns in the order of `classes_`; `offset` as at `predict`."""
        return self._fitted().predict_proba(self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads())

    def decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None
    ) -> Scores:
        """Raw scores: of two classes that of the second (log-odds), shape (n,); of more, shape (n, n_classes)."""
        return self._fitted().decision_function(
            self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads()
        )


def _against_the_rest(loss: Loss, multi_class: str, n_classes: int) -> bool:
    """Whether K models are to tell each class from the rest."""
    if n_classes == 2:
        return False
    has_softmax = isinstance(loss.definition, Logistic) or loss.outputs(n_classes) > 1
    if multi_class == "softmax" and not has_softmax:
        raise ValueError(
            f"multi_class='softmax' takes loss='logistic' and losses of a score a class; loss={loss.name!r} has one "
            "score: multi_class='one_vs_rest' takes it."
        )
    if multi_class == "one_vs_rest" and loss.outputs(2) > 1:
        raise ValueError(
            f"multi_class='one_vs_rest' takes losses of one score; loss={loss.name!r} has one a class: "
            "multi_class='softmax' takes it."
        )
    return multi_class == "one_vs_rest" or (multi_class == "auto" and not has_softmax)
