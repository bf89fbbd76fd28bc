"""What is to be predicted: labels to codes, weights checked, both as float64 for the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

MOST_FACTOR = 1e100  # of a class: products with the rows' weights stay finite


def read_weights(sample_weight: ArrayLike | None, X: Any) -> NDArray[np.float64] | None:
    """Sample weights as float64 of one value a row, or None where all rows weigh 1."""
    if sample_weight is None:
        return None
    try:
        weights: NDArray[np.float64] = _check_sample_weight(sample_weight, X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        if "sample_weight" in str(error):
            raise
        raise type(error)(f"sample_weight: {error}") from error
    if (negative := weights < 0).any():  # the core checks too, but a classifier looks for its classes before
        row = int(negative.argmax())
        raise ValueError(f"sample_weight[{row}]={weights[row]:g} must be at least 0 and finite.")
    return weights


def read_numbers(y: NDArray[Any]) -> NDArray[np.float64]:
    """Targets of a regression as float64."""
    try:
        return np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must hold numbers: {error}") from error


@dataclass(frozen=True)
class ClassTarget:
    """Labels of K classes as 0 to K - 1, and the weights of the rows."""

    classes: NDArray[Any]
    codes: NDArray[np.float64]
    weights: NDArray[np.float64] | None

    @classmethod
    def read(cls, y: NDArray[Any], class_weight: Any, weights: NDArray[np.float64] | None) -> ClassTarget:
        """Encode labels of any dtype that a model file can hold; the classes are the labels in sorted order.

        Labels whose rows all weigh 0 are no classes: such rows do not exist.
        """
        y = _plain(y)
        classes = _distinct(y if weights is None else y[weights > 0])
        many = 20  # classes, from which scikit-learn looks at how many rows there are
        check_classification_targets(y if len(classes) > many else classes)
        if len(classes) < 2:
            named = f"one class only, {classes.tolist()[0]!r}" if len(classes) else "no class"
            raise ValueError(f"y has {named}: a classifier needs two among the rows of weight > 0.")
        return cls._of_classes(classes, y, class_weight, weights)

    @classmethod
    def of_known(
        cls, classes: NDArray[Any], y: NDArray[Any], class_weight: Any, weights: NDArray[np.float64] | None
    ) -> ClassTarget:
        """Encode labels of classes that are known beforehand; not all of them need to occur."""
        y = _plain(y)
        if len(classes) < 2:
            raise ValueError(f"classes={classes.tolist()!r} must be two labels or more.")
        if not (known := np.isin(y, classes)).all():
            row = int((~known).argmax())
            raise ValueError(f"y[{row}]={y[[row]].tolist()[0]!r} is none of the classes {classes.tolist()!r}.")
        if isinstance(class_weight, str):
            raise ValueError(f"class_weight={class_weight!r} needs all rows at once: give partial_fit a dict.")
        return cls._of_classes(classes, y, class_weight, weights)

    @classmethod
    def _of_classes(
        cls, classes: NDArray[Any], y: NDArray[Any], class_weight: Any, weights: NDArray[np.float64] | None
    ) -> ClassTarget:
        codes = _codes(y, classes)
        factors = class_factors(class_weight, classes, codes, weights)
        if factors is not None:
            by_row = factors[codes.astype(np.intp)]
            weights = by_row if weights is None else weights * by_row
        return cls(classes, codes, weights)


def read_classes(classes: ArrayLike) -> NDArray[Any]:
    """Different labels in sorted order."""
    return np.unique(_plain(np.asarray(classes)))


def _distinct(y: NDArray[Any]) -> NDArray[Any]:
    """Labels in sorted order; two numbers are found without sorting all rows."""
    if y.dtype.kind in "biuf" and len(y):
        ends = np.array([y.min(), y.max()], dtype=y.dtype)
        if ((y == ends[0]) | (y == ends[1])).all():
            return np.unique(ends)
    return np.unique(y)


def _codes(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Place of every label among the sorted classes; rows of weight 0 may have a label that is none, and get any."""
    if len(classes) == 2:
        return np.asarray(y == classes[1], dtype=np.float64)
    return np.minimum(np.searchsorted(classes, y), len(classes) - 1).astype(np.float64)


def class_factors(
    class_weight: Any, classes: NDArray[Any], codes: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """What `class_weight` multiplies the weights of each class by, or None.

    "balanced" gives every class the same total, ``total weight / (classes * weight of the class)``: weights count, not
    rows, so that a weight stays a repetition.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        by_class = np.bincount(codes.astype(np.intp), weights, minlength=len(classes))
        return np.asarray(by_class.sum() / (len(classes) * by_class), dtype=np.float64)
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight={class_weight!r} must be a dict of labels and weights, 'balanced' or None.")
    if unknown := [label for label in class_weight if label not in classes]:
        raise ValueError(f"class_weight has labels that y has not: {unknown!r}; y has {classes.tolist()!r}.")
    factors = np.array([class_weight.get(label, 1.0) for label in classes.tolist()])
    if factors.dtype.kind not in "iuf" or not ((factors > 0) & (factors < MOST_FACTOR)).all():
        raise ValueError(
            f"class_weight={class_weight!r} must have weights that are more than 0 and less than {MOST_FACTOR:g}."
        )
    return factors.astype(np.float64)


def _plain(y: NDArray[Any]) -> NDArray[Any]:
    """Labels as a model file holds them: numbers, bool or text; object arrays of one of these become plain arrays."""
    if y.dtype == object:
        kinds = {str if isinstance(label, str) else type(label) for label in y}
        if kinds == {str}:
            return y
        if len(kinds) > 1:
            names = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise ValueError(f"y has labels of several types, {names}: one type is allowed.")
        y = np.array(y.tolist())
    if y.dtype.kind not in "biufU" or y.dtype.itemsize > 8 and y.dtype.kind == "f":
        raise ValueError(
            f"y has labels of dtype {y.dtype}: integers, floats of up to 64 bits, bool and text are allowed."
        )
    return y
