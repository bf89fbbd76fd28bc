"""The schema of a training table: which columns are categories, and which levels have a code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._array_columns import matrix_frame
from ._columns import Column, TableColumn, place_of
from ._frames import is_frame, read_frame
from ._schema import BOOLEAN, NUMBER, Feature, Schema, described, integer_dictionary, read_column
from ._sparse_tables import sparse_table
from ._tables import is_sparse, read_table

MOST_LEVELS = 65_534  # with a code of their own: with those of missing and infrequent levels, codes fit two bytes
LEAST_WEIGHT = 0.0  # of a level that has a code of its own

Weights = NDArray[np.float64] | None


def read_training(
    X: Any,
    weights: Weights = None,
    categorical_features: Any = "auto",
    absent: str = "zero",
    most_levels: int = MOST_LEVELS,
) -> tuple[Schema, _core.Table]:
    """The schema of a training table, and the table as the core reads it.

    Parameters
    ----------
    X : frame or array-like of shape (n, n_features)
        In any container.
    weights : ndarray of shape (n,), optional
        Rows of weight 0 do not exist: levels that only they have are not known.
    categorical_features : "auto", None, names, indices or mask
        "auto": dictionaries, text and bool. Otherwise exactly those listed, and text.
    absent : {"zero", "missing"}
        What an entry is that a sparse matrix does not store.
    most_levels : int
        Of a category, that have a code of their own.

    Raises
    ------
    ValueError
        A column or `categorical_features` that is not allowed; the message names the column.
    """
    if is_sparse(X):
        if listed_features(categorical_features, None, X.shape[-1]):
            raise ValueError(f"categorical_features={categorical_features!r}: columns of a sparse X are numbers.")
        return Schema(X.shape[-1]), sparse_table(X, absent)
    if not is_frame(X):
        array = read_table(X)
        listed = listed_features(categorical_features, None, array.shape[1])
        if not listed:
            return Schema(array.shape[1]), _core.Table(array)
        frame = matrix_frame(array)
    else:
        frame = read_frame(X)
        listed = listed_features(categorical_features, frame.names, len(frame.columns))
    others, columns = {}, []
    for at, given in enumerate(frame.columns):
        place = place_of(at, frame.names)
        feature, column = _feature(
            given, None if listed is None else at in listed, frame.n_rows, weights, place, most_levels
        )
        if feature is not NUMBER:
            others[at] = feature
        columns.append(read_column(feature, column, frame.n_rows, "missing", place)[0])
    names = None if frame.names is None else np.array(frame.names, dtype=object)
    return Schema(len(columns), others, names), _core.Table(frame.n_rows, columns)


def listed_features(given: Any, names: list[str] | None, n_features: int) -> set[int] | None:
    """Indices of the columns that are categories, or None where their types decide ("auto").

    Raises
    ------
    ValueError
        Names or indices of columns that X has not, a mask of another length, or something else.
    """
    items = check_categorical_features(given)
    if items is None:
        return None
    if items and isinstance(items[0], str):
        return _named(items, names)
    if items and isinstance(items[0], (bool, np.bool_)):
        if len(items) != n_features:
            raise ValueError(
                f"categorical_features={given!r} is a mask of {len(items)} values: X has {n_features} columns."
            )
        return {at for at, item in enumerate(items) if item}
    for item in items:
        if not 0 <= item < n_features:
            raise ValueError(f"categorical_features has {item}: X has columns 0 to {n_features - 1}.")
    return {int(item) for item in items}


def check_categorical_features(given: Any) -> list[Any] | None:
    """The list that is given, all of one type, or None where it is "auto".

    Raises
    ------
    ValueError
        Neither "auto", None, names, indices nor a mask.
    """
    if given is None:
        return []
    if isinstance(given, str) and given == "auto":
        return None
    items = [] if isinstance(given, str) or not hasattr(given, "__iter__") else list(given)
    types = {_type_of(item) for item in items}
    if isinstance(given, str) or not hasattr(given, "__iter__") or len(types) > 1 or "" in types:
        raise ValueError(
            f"categorical_features={given!r} must be 'auto', None, names of columns, their indices, or a mask of bool."
        )
    return items


def _type_of(item: Any) -> str:
    if isinstance(item, (bool, np.bool_)):
        return "mask"
    if isinstance(item, (int, np.integer)):
        return "index"
    return "name" if isinstance(item, str) else ""


def _named(items: Iterable[str], names: list[str] | None) -> set[int]:
    places = {name: at for at, name in enumerate(names or [])}
    for item in items:
        if names is None:
            raise ValueError(f"categorical_features has {item!r}: X has no names of columns; give indices or a mask.")
        if item not in places:
            raise ValueError(f"categorical_features has {item!r}, which is no column of X: it has {names}.")
    return {places[item] for item in items}


def _feature(
    column: TableColumn, listed: bool | None, n_rows: int, weights: Weights, place: str, most_levels: int
) -> tuple[Feature, TableColumn]:
    """What the column is, and the column, as a dictionary where it is a category."""
    if column.kind == "boolean":
        return BOOLEAN, column
    if column.kind == "time":
        if listed:
            raise ValueError(
                f"categorical_features has {place}, which holds times: text, bool, whole numbers and dictionaries of "
                "them can be categories."
            )
        return Feature("time"), column
    if column.kind == "dictionary":
        if column.ordered and not listed:
            return _ordered(column, place), column
        if listed is False and column.level_kind != "text":
            return NUMBER, column
    elif listed:
        column = integer_dictionary(column, n_rows, place)
    else:
        return NUMBER, column
    return category_of(column, n_rows, weights, place, most_levels), column


def category_of(
    column: TableColumn,
    n_rows: int,
    weights: Weights,
    place: str,
    most_levels: int = MOST_LEVELS,
    least_weight: float = LEAST_WEIGHT,
) -> Feature:
    """The category of a dictionary column: its levels among rows of positive weight.

    The heaviest `most_levels` of those that weigh at least `least_weight` together have a code of their own (ties: the
    earlier in sorted order); the others share one.
    """
    places: dict[Any, int] = {}
    lookups = []
    for own in column.levels or []:
        own = _whole(own, place) if column.level_kind == "number" else own
        lookups.append(
            np.array(
                [np.nan if level is None else places.setdefault(level, len(places) + 1) for level in own], dtype=float
            )
        )
    chunks = [chunk._replace(lookup=own) for chunk, own in zip(column.column.chunks, lookups, strict=True)]
    totals = _core.Table(n_rows, [Column(chunks, n_codes=len(places) + 1)]).code_weights(0, weights)
    level_kind = "integer" if column.level_kind == "number" else column.level_kind
    present = sorted(level for level, at in places.items() if totals[at] > 0)
    heavy = [level for level in present if totals[places[level]] >= least_weight]
    if len(heavy) > most_levels:
        heavy = sorted(heavy, key=lambda level: -totals[places[level]])[:most_levels]  # sorted() keeps ties in order
    if len(heavy) == len(present):
        return Feature("category", level_kind, present)
    own_code = set(heavy)
    infrequent = [level for level in present if level not in own_code]
    return Feature("category", level_kind, sorted(heavy), infrequent)


def _whole(levels: list[Any], place: str) -> list[Any]:
    for level in levels:
        if level is not None and not float(level).is_integer():
            raise ValueError(
                f"X has the level {level!r} in {place}, a category: text, whole numbers and bool are allowed; to read "
                "it as numbers, leave it out of categorical_features and list the others."
            )
    return [None if level is None else int(level) for level in levels]


def _ordered(column: TableColumn, place: str) -> Feature:
    declared = max(column.levels or [[]], key=len)
    levels = [level for level in declared if level is not None]
    ranks = {level: rank for rank, level in enumerate(levels)}
    for own in column.levels or []:
        found = [ranks.get(level, -1) for level in own if level is not None]
        if found != sorted(set(found)) or -1 in found:
            raise ValueError(
                f"X has {described(column)} in {place} that is ordered, with chunks in which levels differ or stand in "
                "another order: one order is allowed."
            )
    return Feature("ordered", column.level_kind, levels)
