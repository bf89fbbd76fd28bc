"""A table and its target as scikit-learn checks them."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from ._columns import Frame
from ._dataset import Dataset
from ._frames import is_frame, read_frame

_AS_IT_LIES: dict[str, Any] = {"accept_sparse": "csr", "dtype": "numeric", "ensure_all_finite": False}
_SPARSE: dict[str, Any] = {"accept_sparse": "csr", "dtype": ("float64", "float32"), "ensure_all_finite": False}


def needs_no_check(estimator: Any, X: Any) -> bool:
    """Whether a fitted estimator's `checked_table` would say nothing and give X as it is."""
    return (
        _is_plain(X)
        and X.shape[1] == estimator.n_features_in_
        and getattr(estimator, "feature_names_in_", None) is None
    )


def _is_plain(X: Any) -> bool:
    """Whether X is a matrix of float32 or float64, and no more."""
    return type(X) is np.ndarray and X.ndim == 2 and X.dtype.char in "fd" and X.size > 0


def _is_plain_target(y: Any, n_rows: int) -> bool:
    """Whether y has a whole or finite number a row, and no more."""
    if type(y) is not np.ndarray or y.shape != (n_rows,):
        return False
    return y.dtype.kind in "biu" or (y.dtype.char in "fd" and bool(np.isfinite(y).all()))


def checked_table(estimator: BaseEstimator, X: ArrayLike, y: Any = "no_validation", **options: Any) -> Any:
    """Shape, dtype and feature names by scikit-learn; values stay as they lie in memory, NaN and infinities allowed.

    Sparse matrices come as CSR.
    """
    return _checked(_AS_IT_LIES, estimator, X, y, options)


def checked_columns(estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool = True, **options: Any) -> Any:
    """As `checked_table`; of frames the columns, each as it lies in memory."""
    if reset and _is_plain(X) and _is_plain_target(y, len(X)):  # scikit-learn would say nothing, and take long
        _check_names(estimator, None, reset)
        estimator.n_features_in_ = X.shape[1]
        return X, y
    if not is_frame(X) and not isinstance(X, Dataset):
        return checked_table(estimator, X, y, reset=reset, **options)
    return _checked_frame(estimator, X, y, reset, options)


def checked_design(estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool = True, **options: Any) -> Any:
    """As `checked_columns`; what is neither float32 nor float64 in arrays and sparse matrices comes as float64."""
    if not is_frame(X):
        return _checked(_SPARSE, estimator, X, y, {"reset": reset} | options)
    return _checked_frame(estimator, X, y, reset, options)


def _checked_frame(estimator: Any, X: Any, y: Any, reset: bool, options: dict[str, Any]) -> Any:
    frame = X if isinstance(X, Dataset) else read_frame(X)
    target: Any = None
    if with_target := not isinstance(y, str):
        names = getattr(estimator, "feature_names_in_", None)
        # Of y alone, which has no names.
        target = _checked({}, estimator, "no_validation", y, {"reset": True} | options)
        if names is not None:
            estimator.feature_names_in_ = names
        check_consistent_length(np.broadcast_to(np.int8(0), _shape(frame)[0]), target)
    _check_names(estimator, frame.names, reset)
    _check_number(estimator, frame, reset)
    return (frame, target) if with_target else frame


def _checked(rules: dict[str, Any], estimator: BaseEstimator, X: Any, y: Any, options: dict[str, Any]) -> Any:
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


def _shape(table: Frame | Dataset) -> tuple[int, int]:
    return table.shape if isinstance(table, Dataset) else (table.n_rows, len(table.columns))


def _check_number(estimator: Any, table: Frame | Dataset, reset: bool) -> None:
    n_features = _shape(table)[1]
    if reset:
        estimator.n_features_in_ = n_features
    elif n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} "
            "features as input."
        )


def _check_names(estimator: Any, names: list[str] | None, reset: bool) -> None:
    """Keep the names, or hold them against those of `fit`, in scikit-learn's words."""
    fitted = getattr(estimator, "feature_names_in_", None)
    if reset:
        if names is not None:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        elif fitted is not None:
            del estimator.feature_names_in_
        return
    kind = type(estimator).__name__
    if names is None and fitted is not None:
        warnings.warn(f"X does not have valid feature names, but {kind} was fitted with feature names", stacklevel=5)
    if names is not None and fitted is None:
        warnings.warn(f"X has feature names, but {kind} was fitted without feature names", stacklevel=5)
    if names is None or fitted is None or names == (expected := fitted.tolist()):
        return
    unseen, missing = sorted(set(names) - set(expected)), sorted(set(expected) - set(names))
    parts = ["The feature names should match those that were passed during fit.\n"]
    parts += _listed("Feature names unseen at fit time:\n", unseen)
    parts += _listed("Feature names seen at fit time, yet now missing:\n", missing)
    if not unseen and not missing:
        parts.append("Feature names must be in the same order as they were in fit.\n")
    raise ValueError("".join(parts))


def _listed(title: str, names: list[str]) -> list[str]:
    most = 5
    shown = [f"- {name}\n" for name in names[:most]]
    return [title, *shown, *(["- ...\n"] if len(names) > most else [])] if names else []
