"""Columns of pandas frames through the arrays behind them; pandas is never imported here."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ._array_columns import ALLOWED, array_column, dictionary_column, typed_levels
from ._arrow_columns import arrow_column
from ._columns import Chunk, Frame, TableColumn, place_of


def is_pandas_frame(X: Any) -> bool:
    """Whether X is a DataFrame of pandas, which must have been imported then."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(X, getattr(pandas, "DataFrame", ()))


def is_pandas(X: Any) -> bool:
    """Whether X is of a class of pandas."""
    return type(X).__module__.partition(".")[0] == "pandas"


def pandas_frame(X: Any) -> Frame:
    """Read the columns of a DataFrame.

    Raises
    ------
    ValueError
        A column of a type that is not allowed.
    TypeError
        Names of which some are text and some are not.
    """
    names = _names(X.columns)
    columns = [pandas_column(X.iloc[:, at], place_of(at, names)) for at in range(X.shape[1])]
    return Frame(len(X), names, columns)


def _names(labels: Any) -> list[str] | None:
    names = list(labels)
    as_text = [isinstance(name, str) for name in names]
    if all(as_text):
        return names
    if any(as_text):
        kinds = sorted({type(name).__qualname__ for name in names})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your input has "
            f"{kinds} as feature name / column name types. If you want feature names to be stored and validated, you "
            "must convert them all to strings, by using X.columns = X.columns.astype(str) for example. Otherwise you "
            "can remove feature / column names from your input data, or convert them all to a non-string data type."
        )
    return None


def pandas_column(series: Any, place: str) -> TableColumn:
    """Read a Series, an Index, or an array of pandas' own."""
    dtype, array = series.dtype, getattr(series, "array", series)
    if isinstance(dtype, np.dtype):
        return array_column(series.to_numpy(), place)
    kind = type(dtype).__name__
    if kind == "CategoricalDtype":
        levels, level_kind = typed_levels(dtype.categories.tolist(), place)
        return dictionary_column(
            [Chunk(np.asarray(array.codes))], [levels], level_kind, bool(dtype.ordered), len(series)
        )
    if kind == "DatetimeTZDtype":
        counts = np.asarray(array.view("i8"))
        return array_column(counts.view(f"M8[{dtype.unit}]"), place)
    if hasattr(array, "_mask") and hasattr(array, "_data"):  # Int8 to UInt64, Float32, Float64, boolean
        missing = np.asarray(array._mask)
        present = np.packbits(~missing, bitorder="little") if missing.any() else None
        return array_column(np.asarray(array._data), place, present)
    if kind == "ArrowDtype" or (kind == "StringDtype" and dtype.storage.startswith("pyarrow")):
        return arrow_column(array.__arrow_array__(), place)
    if kind in ("StringDtype", "SparseDtype"):
        return array_column(np.asarray(array), place)
    raise ValueError(f"X has dtype {dtype} in {place}: {ALLOWED}.")
