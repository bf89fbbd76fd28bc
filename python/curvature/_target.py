"""What is to be predicted: labels to codes, weights checked, both as float64 for the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.class_weight import compute_sample_weight
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
        """Encode labels of any dtype; the classes are the labels in sorted order."""
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {type_of_target(y)}: "
                f"y has {len(classes)} classes."
            )
        present = classes if weights is None else np.unique(codes[weights > 0])
        if len(present) < 2:
            raise ValueError(f"y has one class only, {classes[0]!r}: a classifier needs two among rows of weight > 0.")
        if class_weight is not None:
            by_class = compute_sample_weight(class_weight, y)
            weights = by_class if weights is None else weights * by_class
        return cls(classes, codes.astype(np.float64), weights)
