"""What is to be predicted: labels to codes, weights checked, both as float64 for the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight


def read_weights(sample_weight: ArrayLike | None, X: NDArray[Any]) -> NDArray[np.float64] | None:
    """Sample weights as float64 of one value a row, or None where all rows weigh 1."""
    if sample_weight is None:
        return None
    weights: NDArray[np.float64] = _check_sample_weight(sample_weight, X, dtype=np.float64)
    return weights


@dataclass(frozen=True)
class BinaryTarget:
    """Labels of two classes as 0 and 1, and the weights of the rows."""

    classes: NDArray[Any]
    codes: NDArray[np.float64]
    weights: NDArray[np.float64] | None

    @classmethod
    def read(cls, y: NDArray[Any], class_weight: Any, weights: NDArray[np.float64] | None) -> BinaryTarget:
        """Encode labels of any dtype that a model file can hold; the classes are the labels in sorted order.

        Labels whose rows all weigh 0 are no classes: such rows do not exist.
        """
        check_classification_targets(y)
        exists = np.ones(len(y), dtype=bool) if weights is None else weights > 0
        classes, codes = np.unique(y[exists], return_inverse=True)
        if len(classes) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {type_of_target(y)}: "
                f"y has {len(classes)} classes."
            )
        all_codes = np.zeros(len(y))
        all_codes[exists] = codes
        factors = class_factors(class_weight, classes, codes, None if weights is None else weights[exists])
        left = classes if factors is None else classes[factors > 0]
        if len(left) < 2:
            named = f"one class only, {left.tolist()[0]!r}" if len(left) else "no class"
            raise ValueError(f"y has {named}: a classifier needs two among the rows of weight > 0.")
        if factors is not None:
            by_row = factors[all_codes.astype(np.intp)]
            weights = by_row if weights is None else weights * by_row
        return cls(_storable(classes), all_codes, weights)


def class_factors(
    class_weight: Any, classes: NDArray[Any], codes: NDArray[np.intp], weights: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """What `class_weight` multiplies the weights of each class by, or None.

    "balanced" gives every class the same total, ``total weight / (classes * weight of the class)``: weights count, not
    rows, so that a weight stays a repetition.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        by_class = np.bincount(codes, weights, minlength=len(classes))
        return np.asarray(by_class.sum() / (len(classes) * by_class), dtype=np.float64)
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight={class_weight!r} must be a dict of labels and weights, 'balanced' or None.")
    if unknown := [label for label in class_weight if label not in classes]:
        raise ValueError(f"class_weight has labels that y has not: {unknown!r}; y has {classes.tolist()!r}.")
    factors = np.array([float(class_weight.get(label, 1.0)) for label in classes.tolist()])
    if not (np.isfinite(factors).all() and (factors >= 0).all()):
        raise ValueError(f"class_weight={class_weight!r} must have weights that are at least 0 and finite.")
    return factors


def _storable(classes: NDArray[Any]) -> NDArray[Any]:
    """Labels as a model file holds them: numbers, bool or text; object arrays of one of these become plain arrays."""
    if classes.dtype == object and not all(isinstance(label, str) for label in classes):
        classes = np.array(classes.tolist())
    if classes.dtype.kind not in "biufUO":
        raise ValueError(f"y has labels of dtype {classes.dtype}: numbers, bool and text are allowed.")
    return classes
