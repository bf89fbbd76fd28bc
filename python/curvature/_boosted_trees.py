"""What the estimators of boosted trees share: checks, the fit through the core, and the fitted model's answers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._checked_table import checked_columns, needs_no_check
from ._dataset import Dataset
from ._model_estimator import ModelEstimator, stored_of_classes
from ._offsets import read_offset
from ._params import core_params, shaping_params
from ._schema import UNKNOWN
from ._schema_training import check_categorical_features, read_training
from ._sparse_tables import check_absent
from ._trees_model import TreesModel
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
        Least total weight (rows, where all weigh 1) of a leaf. Exact, but with `structure_sample`.
    min_child_weight : float, default=1e-3
        Least sum of Hessians in a leaf.
    min_split_gain : float, default=0.0
        Least fall of the objective for a split (gamma).
    reg_lambda, reg_alpha : float, default=3.0 and 0.0
        L2 and L1 penalty on leaf values.
    colsample_bynode : float, default=0.5
        Share of the columns tried at each node, in (0, 1].
    structure_sample : float, default=1.0
        Share of the rows, in (0, 1], on which the splits of a tree are found; each tree draws its own. All rows follow
        them, and leaf values are of all. Limits and penalties are held on the sample in proportion, so a leaf may have
        somewhat less than `min_child_samples` or `min_child_weight` of all rows.
    max_bins : int, default=255
        Bins a column's values are put into, 2 to 65,535; missing values have one more.
    categorical_features : "auto", None, names, indices or mask, default="auto"
        Columns that are categories, split as sets of their levels. "auto": text, dictionaries and bool. A list of
        names, of indices, or a mask names exactly the categories, which may be columns of whole numbers; text is a
        category in any case, and what else is not listed is read as numbers. None: an empty list.
    unknown : {{"missing", "error", "other"}}, default="missing"
        What a level counts as that comes in `predict` and was not in training: a missing value, an error, or one of
        the levels that were too rare in training for a code of their own (missing, where none was).
    absent : {{"zero", "missing"}}, default="zero"
        What an entry is that a sparse X does not store. In dense tables nothing is absent.{extra}
    n_jobs : int or None, default=None
        Threads; None or -1 for all that are available. The model is the same for any number, bit for bit.
    random_state : int, RandomState, Generator or None, default=0
        Draws the columns of `colsample_bynode` and the rows of `structure_sample`, and rounds gradients beyond 65,536
        rows. A fit is reproducible unless None is asked for."""

ABSENT_WEIGHT = 0.5  # of a class without rows, in the start scores

OF_CLASSES = """
    classes : array-like of labels or None, default=None
        All labels that may come, where some may be missing in the rows of a fit (in a fold); `predict_proba` has a
        column for each. Where y has a column a class, what they stand for, in sorted order. None: the labels of y.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with the weights of the rows."""

E = TypeVar("E", bound=type)


def with_parameters(extra: str = "") -> Any:
    """Fill ``{parameters}`` in a class's docstring, so that the parameters are described once."""

    def fill(cls: E) -> E:
        cls.__doc__ = (cls.__doc__ or "").replace("{parameters}", PARAMETERS.format(extra=extra))
        return cls

    return fill


class BoostedTrees(ModelEstimator[TreesModel]):
    """What both estimators share: the fit through the core, and everything that the fitted model answers."""

    _model_kind = TreesModel
    unknown: str

    def _core_params(self) -> dict[str, Any]:
        """The parameters, checked, as the core reads them."""
        values = self.get_params()
        if values["unknown"] not in UNKNOWN:
            raise ValueError(f"unknown={values['unknown']!r} must be 'missing', 'error' or 'other'.")
        check_categorical_features(values["categorical_features"])
        check_absent(values["absent"])
        for name in ("loss", "class_weight", "classes", "categorical_features", "unknown", "absent"):
            values.pop(name, None)
        return core_params(values)

    def _fit_core(
        self,
        params: dict[str, Any],
        X: Any,
        loss: Loss,
        columns: list[NDArray[np.float64]],
        weights: NDArray[np.float64] | None,
        offset: tuple[Any, Any],
        classes: NDArray[Any] | None = None,
    ) -> None:
        n_classes = 0 if classes is None else len(classes)
        offsets = read_offset(*offset, loss.link.name, len(columns[0]), loss.outputs(n_classes))
        given = self.get_params()
        table: _core.Table | _core.BinnedTable
        if isinstance(X, Dataset):
            threads = self._threads()
            schema, table, automatic = X.for_fit(given["max_bins"], given["categorical_features"], threads)
        else:
            schema, table = read_training(X, weights, given["categorical_features"], given["absent"])
            automatic = isinstance(given["categorical_features"], str)
        core_loss = loss.core(columns, n_classes)
        absent_weight = ABSENT_WEIGHT if n_classes else 0.0
        start_scores, forest = _core.boost_fit(table, columns, weights, core_loss, params, offsets, absent_weight)
        parameters = shaping_params(params) | {
            "categorical_features": "auto" if automatic else "listed",
            "unknown": given["unknown"],
            "absent": given["absent"],
        }
        if classes is not None:
            parameters |= stored_of_classes(given, classes)
        settings = {"loss": loss.to_dict(), "offset": bool(offsets), "parameters": parameters}
        self.model_ = TreesModel(forest, start_scores, settings, classes, schema)
        self._warn_if_nothing_could_split(float(table.n_rows if weights is None else weights.sum()))
        level = [offset.mean() for offset in offsets] or 0.0
        warn_if_inexact(loss, columns, start_scores + level)

    def _warn_if_nothing_could_split(self, total_weight: float) -> None:
        least: float = self.get_params()["min_child_samples"]
        if total_weight < 2 * least:
            warnings.warn(
                f"min_child_samples={least!r} makes every split impossible: the rows weigh {total_weight:g} together, "
                "and two leaves need twice as much as one. Lower min_child_samples, or scale the weights.",
                stacklevel=5,
            )

    def predict(self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None) -> NDArray[Any]:
        """Predicted responses, shape (n,) or (n, n_outputs), or class labels, shape (n,).

        `offset` (a number, (n,) or (n, n_outputs)) is added to the raw scores, and the logarithm of `exposure` where
        the link is the log; a model that was fitted with either wants one.
        """
        return self._fitted().predict(self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads())

    def apply(self, X: ArrayLike) -> NDArray[np.int32]:
        """Leaf of every row in every tree: the node's index within its tree.

        Shape (n, n_estimators), or (n, n_estimators, n_outputs) where a round has several trees.
        """
        return self._fitted().apply(self._checked(X), n_jobs=self._threads())

    def staged_predict(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None
    ) -> Iterator[NDArray[Any]]:
        """`predict` after the first round, the first two, and so on."""
        return self._fitted().staged_predict(self._checked(X), offset=offset, exposure=exposure, n_jobs=self._threads())

    @property
    def feature_importances_(self) -> Scores:
        """Share of every feature in the fall of the objective by all splits; sums to 1 (all 0 without a split).

        `model_.importances` has the totals, and the number of splits.
        """
        gains = self._fitted().importances("gain")
        total = gains.sum()
        return gains / total if total > 0 else gains

    def _checked(self, X: ArrayLike) -> Any:
        model = self._fitted()
        if not model.schema.has_levels and needs_no_check(self, X):
            return X
        if isinstance(X, Dataset):
            return checked_columns(self, X, reset=False)
        absent = model.settings["parameters"]["absent"]
        return model.schema.table(checked_columns(self, X, reset=False), self.unknown, absent)

    @classmethod
    def _parameters_of(cls, model: Model) -> dict[str, Any]:
        parameters = super()._parameters_of(model)
        if isinstance(model, TreesModel) and parameters["categorical_features"] == "listed":
            parameters["categorical_features"] = model.schema.categories()
        return parameters

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags
