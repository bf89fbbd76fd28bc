"""What is to be predicted: labels to codes, weights checked, both as float64 for the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

SUM_TOLERANCE = 1e-5  # of shares in float32
ONE_NUMBER = (
    "a number a row. Several targets are taken by sklearn.multioutput.MultiOutputRegressor, one model a column, and "
    "by a formula of y[0], y[1], one model of all."
)
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
    """Labels of K classes as 0 to K - 1, or shares (n, K) of the classes, and the weights of the rows."""

    classes: NDArray[Any]
    codes: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    shares: NDArray[np.float64] | None = None

    @classmethod
    def read(
        cls, y: NDArray[Any], class_weight: Any, weights: NDArray[np.float64] | None, classes: Any = None
    ) -> ClassTarget:
        """Encode labels of any dtype that a model file can hold; the classes are the labels in sorted order.

        Labels whose rows all weigh 0 are no classes, unless `classes` names them: such rows do not exist.
        """
        if classes is not None:
            return cls.of_known(read_classes(classes), y, class_weight, weights)
        y = _plain(y)
        classes = _distinct(y if weights is None else y[weights > 0])
        many = 20  # classes, from which scikit-learn looks at how many rows there are
        if len(classes) > many or y.dtype.kind not in "biuU":  # few whole numbers or texts are classes
            check_classification_targets(y if len(classes) > many else classes)
        if len(classes) < 2:
            named = f"one class only, {classes.tolist()[0]!r}" if len(classes) else "no class"
            raise ValueError(f"y has {named}: a classifier needs two among the rows of weight > 0.")
        return cls._of_classes(classes, y, class_weight, weights)

    @classmethod
    def of_known(
        cls, classes: NDArray[Any], y: NDArray[Any], class_weight: Any, weights: NDArray[np.float64] | None
    ) -> ClassTarget:
        """Encode labels, or shares, of classes that are known beforehand; not all of them need to occur."""
        if y.ndim == 2:
            return cls._of_shares(classes, read_shares(y), class_weight, weights)
        y = _plain(y)
        if not (known := np.isin(y, classes) | (False if weights is None else weights == 0)).all():
            row = int((~known).argmax())
            raise ValueError(f"y[{row}]={y[[row]].tolist()[0]!r} is none of the classes {classes.tolist()!r}.")
        return cls._of_classes(classes, y, class_weight, weights)

    def against_the_rest(self, k: int) -> NDArray[np.float64]:
        """A class as the second of two, the rest as the first: codes, or shares where y has them."""
        if self.shares is None:
            return np.asarray(self.codes == k, dtype=np.float64)
        return np.column_stack([1.0 - self.shares[:, k], self.shares[:, k]])

    @property
    def columns(self) -> NDArray[np.float64]:
        """Shares (n, K) where y has them, else codes (n,)."""
        return self.codes if self.shares is None else self.shares

    @classmethod
    def _of_shares(
        cls,
        classes: NDArray[Any],
        shares: NDArray[np.float64],
        class_weight: Any,
        weights: NDArray[np.float64] | None,
    ) -> ClassTarget:
        """A row of shares s is K rows of these weights, one a class; classes are weighed so, too."""
        codes = shares.argmax(axis=1).astype(np.float64)
        by_class = shares.sum(axis=0) if weights is None else weights @ shares
        if class_weight is not None:
            shares = shares * class_factors(class_weight, classes, by_class)
            totals = shares.sum(axis=1)
            shares /= totals[:, None]
            weights = totals if weights is None else weights * totals
        return cls(classes, codes, weights, shares)

    @classmethod
    def _of_classes(
        cls, classes: NDArray[Any], y: NDArray[Any], class_weight: Any, weights: NDArray[np.float64] | None
    ) -> ClassTarget:
        codes = _codes(y, classes)
        if class_weight is None:
            return cls(classes, codes, weights)
        places = codes.astype(np.intp)
        by_row = class_factors(class_weight, classes, np.bincount(places, weights, minlength=len(classes)))[places]
        return cls(classes, codes, by_row if weights is None else weights * by_row)


def read_classes(classes: ArrayLike) -> NDArray[Any]:
    """Labels of `classes`, two or more, each once, in sorted order."""
    given = _plain(np.asarray(classes))
    labels = np.unique(given)
    if given.ndim != 1 or len(labels) < 2 or len(labels) < len(given):
        raise ValueError(f"classes={given.tolist()!r} must be two labels or more, each once.")
    return labels


def require_one_column(y: Any, takers: str) -> None:
    """Refuse targets of several columns, saying what takes them."""
    if (n_columns := _n_columns(y)) > 1:
        raise ValueError(f"y has {n_columns} columns, and one is read: {takers}")


def _n_columns(y: Any) -> int:
    """Columns of what is given as y; 1 of all that is no table, which is for other checks to look at."""
    shape = getattr(y, "shape", None)
    if shape is None:
        try:
            shape = np.asarray(y).shape
        except ValueError:  # rows of different lengths
            return 1
    return int(shape[1]) if len(shape) == 2 and shape[1] > 0 else 1


def has_shares(y: Any, classes: Any) -> bool:
    """Whether y has a column for each of the classes that were named.

    Raises
    ------
    ValueError
        Another number of columns, no names, or names in an order that is not that of `predict_proba`.
    """
    n_columns = _n_columns(y)
    if n_columns == 1:
        return False
    if classes is None:
        require_one_column(
            y,
            "a label a row. Shares of the classes are taken where classes= names the columns; several targets by "
            "sklearn.multioutput.MultiOutputClassifier, one model a column.",
        )
    labels, given = read_classes(classes), np.asarray(classes).tolist()
    if labels.tolist() != given:
        raise ValueError(
            f"classes={given!r} must be in sorted order where y has a column a class: {labels.tolist()!r}."
        )
    if n_columns != len(labels):
        raise ValueError(f"y has {n_columns} columns, but classes={given!r} names {len(labels)}.")
    return True


def read_shares(y: NDArray[Any]) -> NDArray[np.float64]:
    """Shares of the classes (n, K), rows that sum to 1."""
    shares = read_numbers(y)
    right = np.isfinite(shares) & (shares >= 0)
    if not right.all():
        row, column = (int(index) for index in np.argwhere(~right)[0])
        raise ValueError(f"y[{row}, {column}]={shares[row, column]:g} must be a share of a class, at least 0.")
    totals = shares.sum(axis=1)
    if (wrong := np.abs(totals - 1) > SUM_TOLERANCE).any():
        row = int(wrong.argmax())
        raise ValueError(f"y[{row}] has shares of the classes that sum to {totals[row]:g}: 1 is wanted.")
    return np.asarray(shares / totals[:, None])


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


def class_factors(class_weight: Any, classes: NDArray[Any], by_class: NDArray[Any]) -> NDArray[np.float64]:
    """What `class_weight` multiplies the weights of each class by.

    "balanced" gives every class that occurs the same total, ``total weight / (classes * weight of the class)``: weights
    count, not rows, so that a weight stays a repetition.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        occurring = by_class > 0
        even = by_class.sum() / max(occurring.sum(), 1)
        return np.asarray(np.divide(even, by_class, out=np.ones(len(classes)), where=occurring))
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
