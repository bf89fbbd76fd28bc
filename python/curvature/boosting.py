"""The estimators of boosted trees: parameters, fit and predict in scikit-learn's manners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.utils.metaestimators import available_if

from ._boosted_trees import OF_CLASSES, BoostedTrees, with_parameters
from ._checked_table import checked_columns
from ._estimator_kinds import Classifier, Regressor
from ._model_estimator import has_probabilities
from ._target import ONE_NUMBER, ClassTarget, has_shares, read_numbers, read_weights, require_one_column
from .losses.loss import read_loss
from .model import Scores


@with_parameters()
class BoostedTreesRegressor(Regressor, BoostedTrees):
    """Boosted regression trees, for any loss.

    Each round adds the tree that minimises the second-order expansion of the loss at the current scores (Newton
    boosting), ``sum(g f + h f^2 / 2) + reg_lambda sum(w^2) / 2 + reg_alpha sum(|w|)``, with leaf values
    ``w = -T(G) / (H + reg_lambda)`` (T the soft threshold of reg_alpha) times `learning_rate`.

    Parameters
    ----------
    loss : str, object of `curvature.losses`, `curvature.Loss` or function of (y, f), default="squared"
        What is minimised: a name ("squared", "huber", "poisson", …), a named loss with its parameters
        (``losses.Huber(delta=2.0)``), or a formula written in NumPy, whose derivatives are derived and run in the core.
        `predict` answers on the response scale: the inverse link of the score.
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

    def __init__(
        self,
        *,
        loss: Any = "squared",
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
        structure_sample: float = 1.0,
        max_bins: int = 255,
        categorical_features: Any = "auto",
        unknown: str = "missing",
        absent: str = "zero",
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
        self.structure_sample = structure_sample
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.unknown = unknown
        self.absent = absent
        self.n_jobs = n_jobs
        self.random_state = random_state

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
        """Fit the trees.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n, n_features)
            pandas, polars, pyarrow and whatever else has the Arrow PyCapsule interface, a dictionary of arrays, a
            structured array, or an array of float16/32/64, integers or bool in any memory order; read where it lies,
            column by column. NaN and nulls are missing; infinities are values like others. Sparse matrices of scipy
            are read as CSR, without making them dense.
        y : array-like of shape (n,), or (n, m) for a formula that reads ``y[0]`` to ``y[m - 1]``
            Finite numbers, in the domain of the loss.
        sample_weight : array-like of shape (n,), optional
            Weights, at least 0. An integer weight counts as that many rows; rows of weight 0 do not exist.
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
            params = self._core_params()
            loss = read_loss(self.loss)
            if loss.n_targets == 1:
                require_one_column(y, ONE_NUMBER)
            table, numbers = checked_columns(self, X, y, y_numeric=True, multi_output=loss.n_targets > 1)
            columns = loss.columns(read_numbers(numbers), loss_data)
            self._fit_core(params, table, loss, columns, read_weights(sample_weight, numbers), (offset, exposure))
        return self


@with_parameters(OF_CLASSES)
class BoostedTreesClassifier(Classifier, BoostedTrees):
    """Boosted classification trees, for any number of classes and any loss.

    Of two classes, the raw score f is the log-odds of the second, ``p = 1 / (1 + e^-f)``. Of K > 2 classes, a row has K
    scores, each round grows K trees, and ``p_k = e^f_k / sum(e^f_j)``. See `BoostedTreesRegressor` for the objective of
    each tree.

    Parameters
    ----------
    loss : str, object of `curvature.losses`, `curvature.Loss` or function of (y, f), default="logistic"
        "logistic", ``log(1 + e^f) - y f`` for two classes and the softmax cross-entropy for more; another loss of
        labels ("focal", "exponential", "hinge", …); or a formula, in which y is 0 or 1 (with K classes 0 to K - 1, and
        the scores are ``f[0]`` to ``f[K - 1]``). A formula's score is linked to a probability by the logit (softmax),
        unless ``Loss(formula, link=…)`` says otherwise.
    {parameters}

    Attributes
    ----------
    model_ : Model
        The fitted trees; predicts on its own, without scikit-learn.
    classes_ : ndarray of shape (n_classes,)
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

    def __init__(
        self,
        *,
        loss: Any = "logistic",
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
        structure_sample: float = 1.0,
        max_bins: int = 255,
        categorical_features: Any = "auto",
        unknown: str = "missing",
        absent: str = "zero",
        classes: Any = None,
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
        self.structure_sample = structure_sample
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.unknown = unknown
        self.absent = absent
        self.classes = classes
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

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
        """Fit the trees to labels of any dtype; otherwise as `BoostedTreesRegressor.fit`.

        Where `classes` are named, y may also have a column a class, the share of each: rows sum to 1.
        """
        with self._whole_or_nothing():
            params = self._core_params()
            given = read_loss(self.loss)
            table, labels = checked_columns(self, X, y, multi_output=has_shares(y, self.classes))
            target = ClassTarget.read(labels, self.class_weight, read_weights(sample_weight, labels), self.classes)
            loss = given.of_classes(len(target.classes))
            columns = loss.class_columns(target.columns, loss_data)
            self._fit_core(params, table, loss, columns, target.weights, (offset, exposure), target.classes)
            self.classes_ = target.classes
        return self

    @available_if(has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None) -> Scores:
        """Class probabilities, shape (n, n_classes), columns in the order of `classes_`."""
        return self._fitted().predict_proba(self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads())

    def decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None
    ) -> Scores:
        """Raw scores: of two classes that of the second (log-odds), shape (n,); of more, shape (n, n_classes)."""
        return self._fitted().decision_function(
            self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads()
        )

    def staged_decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None
    ) -> Iterator[Scores]:
        """`decision_function` after the first round, the first two, and so on."""
        return self._fitted().staged_decision_function(
            self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads()
        )

    @available_if(has_probabilities)  # type: ignore[untyped-decorator]
    def staged_predict_proba(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None
    ) -> Iterator[Scores]:
        """`predict_proba` after the first round, the first two, and so on."""
        return self._fitted().staged_predict_proba(
            self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads()
        )
