"""Which container a table is in, and its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._array_columns import sequence_column, structured_frame
from ._arrow_columns import arrow_column, arrow_frame, is_arrow
from ._columns import Frame, TableColumn, place_of
from ._pandas_columns import is_pandas, is_pandas_frame, pandas_column, pandas_frame


def is_frame(X: Any) -> bool:
    """Whether X is a table whose columns are read one by one; not an array or lists of two dimensions."""
    if isinstance(X, np.ndarray):
        return X.dtype.names is not None
    return isinstance(X, (Frame, Mapping)) or is_pandas_frame(X) or (is_arrow(X) and not is_pandas(X))


def read_frame(X: Any) -> Frame:
    """Read the columns of a frame: pandas, Arrow's interface, dictionary of arrays, structured array.

    Raises
    ------
    ValueError
        No rows, no columns, two columns of one name, or a column that is neither numbers, bool, text, times nor a
        dictionary of them.
    """
    if isinstance(X, Frame):
        return X
    if is_pandas_frame(X):
        frame = pandas_frame(X)
    elif isinstance(X, np.ndarray):
        frame = structured_frame(X)
    elif isinstance(X, Mapping):
        frame = _mapping_frame(X)
    else:
        frame = arrow_frame(X)
    if not frame.columns:
        raise ValueError(f"X has 0 feature(s) and {frame.n_rows} rows: a column or more is needed.")
    if not frame.n_rows:
        raise ValueError(f"X has 0 sample(s) in {len(frame.columns)} columns: a row or more is needed.")
    if frame.names is not None and len(set(frame.names)) < len(frame.names):
        name, count = Counter(frame.names).most_common(1)[0]
        raise ValueError(f"X has {count} columns of the name {name!r}: names must differ.")
    return frame


def _mapping_frame(X: Mapping[Any, Any]) -> Frame:
    names = list(X)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"X is a dictionary with the name {wrong[0]!r}: names of columns must be text.")
    columns = [_column(values, place_of(at, names)) for at, values in enumerate(X.values())]
    counts = [sum(chunk.n_rows for chunk in column.column.chunks) for column in columns]
    for at, count in enumerate(counts):
        if count != counts[0]:
            raise ValueError(
                f"X has {count} rows in {place_of(at, names)} and {counts[0]} in {place_of(0, names)}: columns must be "
                "of one length."
            )
    return Frame(counts[0] if counts else 0, names, columns)


def _column(values: Any, place: str) -> TableColumn:
    if is_pandas(values) and hasattr(values, "dtype"):
        return pandas_column(values, place)
    return arrow_column(values, place) if is_arrow(values) else sequence_column(values, place)
