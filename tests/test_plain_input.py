"""Plain arrays are not checked by scikit-learn: what it would have said and given is what there is."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

import curvature as cv
from curvature._checked_table import checked_columns, checked_table, needs_no_check

OPTIONS: list[dict[str, Any]] = [{}, {"y_numeric": True, "multi_output": False}, {"multi_output": True}]


class Unfitted(BaseEstimator):
    """With the names of another fit."""

    feature_names_in_: Any
    n_features_in_: int

    def __init__(self) -> None:
        self.feature_names_in_ = np.array(["a", "b", "c"], dtype=object)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float32, np.float64])
def test_a_fit_sees_the_same(dtype: type, options: dict[str, Any]) -> None:
    """Rows, target, width and names, in any order of memory, NaN and infinities in the table."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    X[0, :2] = np.nan, np.inf
    y = (4 * rng.random(20)).astype(dtype)
    for table in (X, np.asfortranarray(X), X[::-1], X.astype(np.float32)):
        ours, theirs = Unfitted(), Unfitted()
        found = checked_columns(ours, table, y, **options)
        expected = checked_table(theirs, table, y, reset=True, **options)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        assert vars(ours) == vars(theirs) == {"n_features_in_": 3}
        assert needs_no_check(ours, table) and not needs_no_check(ours, table[:, :2])


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1.0, np.nan, 2.0], "y contains NaN"),
        ([1.0, np.inf, 2.0], "y contains infinity"),
        ([1.0, 2.0], "inconsistent numbers of samples"),
        ([[1.0, 2.0]] * 3, "y has 2 columns"),
    ],
)
def test_what_is_wrong_is_still_said(y: Any, words: str) -> None:
    X = np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match=words):
        cv.BoostedTreesRegressor().fit(X, np.array(y))
