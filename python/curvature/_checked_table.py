"""A table and its target as scikit-learn checks them."""

from __future__ import annotations

import re
from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

_AS_IT_LIES: dict[str, Any] = {"dtype": "numeric", "ensure_all_finite": False}
_SPARSE: dict[str, Any] = {"accept_sparse": "csr", "dtype": ("float64", "float32"), "ensure_all_finite": False}


def checked_table(estimator: BaseEstimator, X: ArrayLike, y: Any = "no_validation", **options: Any) -> Any:
    """Shape, dtype and feature names by scikit-learn; values stay as they lie in memory, NaN and infinities allowed."""
    return _checked(_AS_IT_LIES, estimator, X, y, options)


def checked_design(estimator: BaseEstimator, X: Any, y: Any = "no_validation", **options: Any) -> Any:
    """As `checked_table`; sparse matrices come as CSR, and what is neither float32 nor float64 as float64."""
    return _checked(_SPARSE, estimator, X, y, options)


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
