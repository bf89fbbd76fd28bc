"""Which container a table is in, and its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._array_columns import mapping_frame, structured_frame
from ._arrow_columns import arrow_frame, is_arrow
from ._columns import Frame
from ._pandas_columns import is_pandas, is_pandas_frame, pandas_frame


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
        frame = mapping_frame(X)
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
