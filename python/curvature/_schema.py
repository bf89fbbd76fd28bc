"""What each feature of a model is: a number, a time, boolean, a category with its levels, or ordered."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._array_columns import matrix_frame, numbers_of
from ._columns import Chunk, Column, Frame, TableColumn, empty_column, place_of
from ._frames import is_frame, read_frame
from ._sparse_tables import sparse_table
from ._tables import is_sparse, read_table

KINDS = ("number", "time", "boolean", "category", "ordered")
UNKNOWN = ("missing", "error", "other")
_SHOWN = 8  # levels in a message


class UnknownLevelWarning(UserWarning):
    """A table has levels that were not in training; the message names the columns and counts the cells.

    Examples
    --------
    >>> import warnings
    >>> import curvature as cv
    >>> est = cv.BoostedTreesRegressor(n_estimators=2, min_child_samples=1)
    >>> est = est.fit({"colour": ["red", "blue", "red"]}, [1.0, 2.0, 1.0])
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     answer = est.predict({"colour": ["green"]})
    >>> issubclass(caught[0].category, cv.UnknownLevelWarning)
    True
    """


@dataclass(frozen=True)
class Feature:
    """A feature of a model.

    Parameters
    ----------
    kind : {"number", "time", "boolean", "category", "ordered"}
        Boolean features are numbers 0 and 1, ordered ones the rank of their level, times seconds since 1970.
    level_kind : {"", "text", "integer", "number", "boolean"}
        What the levels are.
    levels : list
        Of a category those that have a code of their own, 1, 2, …, in sorted order; of an ordered feature all declared
        ones, in their order.
    infrequent : list
        Levels of a category that share the last code, in sorted order.
    """

    kind: str = "number"
    level_kind: str = ""
    levels: list[Any] = field(default_factory=list)
    infrequent: list[Any] = field(default_factory=list)

    @property
    def is_category(self) -> bool:
        """Whether the core splits it as a set of levels."""
        return self.kind == "category"

    @property
    def n_codes(self) -> int:
        """Codes of a category: that of missing, one a level, and that of infrequent levels; 0 of other features."""
        return 1 + len(self.levels) + bool(self.infrequent) if self.is_category else 0

    @cached_property
    def values(self) -> dict[Any, float]:
        """What the core reads for every level: its code, or its rank, or 0 and 1."""
        first = 1 if self.is_category else 0
        values = {level: float(at) for at, level in enumerate(self.levels, first)}
        return values | dict.fromkeys(self.infrequent, float(self.n_codes - 1))

    def __repr__(self) -> str:
        if self.kind not in ("category", "ordered"):
            return self.kind
        more = f", {len(self.infrequent)} infrequent" if self.infrequent else ""
        return f"{self.kind} of {len(self.levels)} levels: {_some(self.levels)}{more}"


NUMBER = Feature()
BOOLEAN = Feature("boolean", "boolean", [False, True])


class Features(Sequence[Feature]):
    """The features in their order; those that are plain numbers take no memory."""

    def __init__(self, n_features: int, others: Mapping[int, Feature]) -> None:
        self._n_features = n_features
        self.others = dict(sorted(others.items()))

    def __len__(self) -> int:
        return self._n_features

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(f"feature {at} of {len(self)}.")
        return self.others.get(int(at) % len(self), NUMBER)

    def __iter__(self) -> Iterator[Feature]:
        return (self.others.get(at, NUMBER) for at in range(len(self)))


class Schema:
    """Names, kinds and levels of a model's features: what a table must be for the model to read it.

    Parameters
    ----------
    n_features : int
        Number of features.
    others : mapping of int to Feature, optional
        The features that are not plain numbers.
    names : ndarray of str of shape (n_features,), optional
        Their names, where the training table had names.

    Examples
    --------
    >>> import curvature as cv
    >>> est = cv.BoostedTreesRegressor(n_estimators=2, min_child_samples=1)
    >>> est = est.fit({"size": [1.0, 2.0, 3.0], "colour": ["red", "blue", "red"]}, [1.0, 2.0, 3.0])
    >>> est.model_.schema
    Schema of 2 features
      size    number
      colour  category of 2 levels: 'blue', 'red'
    """

    def __init__(
        self, n_features: int, others: Mapping[int, Feature] | None = None, names: NDArray[Any] | None = None
    ) -> None:
        self.features = Features(n_features, others or {})
        self.names = names

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.features)

    @property
    def has_levels(self) -> bool:
        """Whether some feature is more than a number."""
        return bool(self.features.others)

    def categories(self) -> list[Any]:
        """Names of the categories, or their indices where there are no names."""
        places = [at for at, feature in self.features.others.items() if feature.is_category]
        return places if self.names is None else [str(self.names[at]) for at in places]

    def __repr__(self) -> str:
        shown = range(min(self.n_features, 100))
        names = [str(at) if self.names is None else str(self.names[at]) for at in shown]
        width = max(map(len, names), default=0)
        rows = [f"  {name:{width}}  {self.features[at]!r}" for at, name in zip(shown, names, strict=True)]
        more = [f"  … and {self.n_features - len(rows)} more"] if self.n_features > len(rows) else []
        return "\n".join([f"Schema of {self.n_features} features", *rows, *more])

    def table(self, X: Any, unknown: str = "missing", absent: str = "zero", *, apart: bool = False) -> _core.Table:
        """The table as the core reads it: levels as the codes that they had in training.

        Parameters
        ----------
        X : frame or array-like of shape (n, n_features)
            In any container; levels are looked up by value.
        unknown : {"missing", "error", "other"}
            What a level counts as that was not in training: a missing value, an error, or one of the infrequent levels
            (missing, where no level was infrequent).
        absent : {"zero", "missing"}
            What an entry is that a sparse matrix does not store.
        apart : bool
            Whether levels that would count as missing have the code behind all others, `Feature.n_codes`, instead.

        Raises
        ------
        ValueError
            Other columns than in training, or a column whose values cannot be what they were in training.

        Warns
        -----
        UnknownLevelWarning
            Cells whose level was not in training.
        """
        if is_sparse(X):
            if self.has_levels:
                raise ValueError("X is a sparse matrix, but the model was trained with columns that are no numbers.")
            return sparse_table(X, absent)
        if not is_frame(X):
            array = read_table(X)
            if not self.has_levels:
                return _core.Table(array)
            self._require_columns(array.shape[1])
            return self._read(matrix_frame(array), unknown, apart)
        frame = read_frame(X)
        self._require_names(frame.names)
        self._require_columns(len(frame.columns))
        return self._read(frame, unknown, apart)

    def _read(self, frame: Frame, unknown: str, apart: bool) -> _core.Table:
        names = frame.names if self.names is None else [str(name) for name in self.names]
        columns, counts = [], {}
        for at, (feature, column) in enumerate(zip(self.features, frame.columns, strict=True)):
            place = place_of(at, names)
            ready, n_unknown = read_column(feature, column, frame.n_rows, unknown, place, apart)
            columns.append(ready)
            if n_unknown:
                counts[place] = n_unknown
        if counts:
            _warn_of_unknown(counts, unknown, apart)
        return _core.Table(frame.n_rows, columns)

    def _require_columns(self, n_columns: int) -> None:
        if n_columns != self.n_features:
            raise ValueError(f"X has {n_columns} features, but the model was trained with {self.n_features}.")

    def _require_names(self, given: list[str] | None) -> None:
        if given is None or self.names is None or given == (expected := self.names.tolist()):
            return
        missing = [name for name in expected if name not in set(given)]
        extra = [name for name in given if name not in set(expected)]
        if not missing and not extra:
            raise ValueError(f"X has its columns in another order than in training; expected {expected}.")
        raise ValueError(f"X has other columns than in training: missing {missing}, not known {extra}.")


def read_column(
    feature: Feature, column: TableColumn, n_rows: int, unknown: str, place: str, apart: bool = False
) -> tuple[Column, int]:
    """A column as the core reads it, and how many of its cells have a level that is not known."""
    if column.kind == "empty":
        return _without_values(feature, n_rows), 0
    if feature.kind == "number":
        if column.kind == "dictionary" and column.level_kind != "text":
            return numbers_of(column).column, 0
        if column.kind in ("number", "boolean"):
            return column.column, 0
    elif feature.kind == "time" or column.kind == feature.kind == "boolean":
        if column.kind == feature.kind:
            return column.column, 0
    elif (dictionary := as_dictionary(feature, column, n_rows, place)) is not None:
        return _look_up(feature, dictionary, n_rows, unknown, place, apart)
    if not column.levels and np.isnan(_core.Table(n_rows, [column.column]).column(0)).all():
        return _without_values(feature, n_rows), 0
    raise ValueError(
        f"X has {described(column)} in {place}, which was {_what(feature)} in training: {_wanted(feature)} allowed."
    )


def as_dictionary(feature: Feature, column: TableColumn, n_rows: int, place: str) -> TableColumn | None:
    """The column as codes with levels, where these can be levels of the feature."""
    if (feature.level_kind == "text") != (column.level_kind == "text"):
        return None
    if column.kind == "dictionary":
        return column
    return integer_dictionary(column, n_rows, place) if column.kind in ("number", "boolean") else None


def integer_dictionary(column: TableColumn, n_rows: int, place: str) -> TableColumn:
    """A column of whole numbers as codes with levels.

    Raises
    ------
    ValueError
        A number is not whole, or beyond 64 bits.
    """
    codes, levels = _core.Table(n_rows, [column.column]).integer_levels(0, place)
    return TableColumn("dictionary", Column([Chunk(codes)]), [[None, *levels.tolist()]], "integer")


def described(column: TableColumn) -> str:
    """What a column holds, in words."""
    if column.kind == "dictionary":
        return f"a dictionary of {column.level_kind} levels" if column.level_kind != "text" else "text"
    return {"number": "numbers", "time": "times", "boolean": "bool", "empty": "no values"}[column.kind]


def _without_values(feature: Feature, n_rows: int) -> Column:
    column = empty_column(n_rows).column
    if not feature.is_category:
        return column
    return Column([Chunk(np.broadcast_to(np.uint8(0), n_rows), lookup=np.array([np.nan]))], n_codes=feature.n_codes)


def _look_up(
    feature: Feature, column: TableColumn, n_rows: int, unknown: str, place: str, apart: bool
) -> tuple[Column, int]:
    values = feature.values
    strange: dict[Any, int] = {}  # levels that are not known, counted from 1
    for own in column.levels or []:
        for level in own:
            if level is not None and level not in values:
                strange.setdefault(level, len(strange) + 1)
    n_unknown = 0
    if strange:
        codes = [np.array([strange.get(level, np.nan) for level in own], dtype=float) for own in column.levels or []]
        counted = Column(_with_lookups(column, codes), n_codes=len(strange) + 1)
        counts = _core.Table(n_rows, [counted]).code_weights(0)[1:]
        n_unknown = int(counts.sum())
        if n_unknown and unknown == "error":
            found = [level for level, count in zip(strange, counts.tolist(), strict=True) if count]
            raise ValueError(
                f"X has levels in {place} that were not in training, {_some(found)}: unknown='error' allows only "
                f"{_some(feature.levels)}."
            )
    other = float(feature.n_codes) if apart and feature.is_category else np.nan
    if unknown == "other" and feature.infrequent:
        other = float(feature.n_codes - 1)
    lookups = [
        np.array([np.nan if level is None else values.get(level, other) for level in own], dtype=float)
        for own in column.levels or []
    ]
    n_codes = feature.n_codes + (apart and feature.is_category)
    return Column(_with_lookups(column, lookups), n_codes=n_codes), n_unknown


def _with_lookups(column: TableColumn, lookups: list[NDArray[np.float64]]) -> list[Chunk]:
    return [chunk._replace(lookup=own) for chunk, own in zip(column.column.chunks, lookups, strict=True)]


def _what(feature: Feature) -> str:
    if feature.kind in ("category", "ordered"):
        kind = "a category" if feature.is_category else "an ordered dictionary"
        return f"{kind} of {feature.level_kind} levels"
    return {"number": "numbers", "time": "times", "boolean": "bool"}[feature.kind]


def _wanted(feature: Feature) -> str:
    if feature.kind in ("number", "time"):
        return {"number": "numbers and bool are", "time": "dates and times are"}[feature.kind]
    return {"text": "text is", "boolean": "bool, 0 and 1 are"}.get(feature.level_kind, "numbers are")


def _some(levels: Sequence[Any]) -> str:
    more = f", … ({len(levels)} in all)" if len(levels) > _SHOWN else ""
    return ", ".join(repr(level) for level in levels[:_SHOWN]) + more


def _warn_of_unknown(counts: dict[str, int], unknown: str, apart: bool) -> None:
    frame, depth = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame, depth = frame.f_back, depth + 1
    listed = ", ".join(f"{count} in {place}" for place, count in counts.items())
    meaning = "0 in the columns of all levels" if apart else "missing"
    if unknown == "other":
        meaning = "infrequent levels, where there are any"
    warnings.warn(
        f"X has cells whose level was not in training ({listed}): they count as {meaning}.",
        UnknownLevelWarning,
        stacklevel=depth,
    )
