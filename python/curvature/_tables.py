"""Tables of rows as the core reads them; needs NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core

# A dense array in C or Fortran order, or compressed sparse rows: (values, columns, begin, shape).
Design = NDArray[Any] | tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int64], tuple[int, int]]

MOST_COLUMNS = 2**31 - 1


def read_table(X: ArrayLike) -> NDArray[Any]:
    """A dense table as an array of two dimensions, as it lies in memory; objects become float64."""
    table = np.asarray(X)
    if table.dtype == object:  # a frame with nullable columns, or None among numbers
        as_numpy = getattr(X, "to_numpy", None)
        try:
            table = as_numpy(np.float64, na_value=np.nan) if as_numpy else table.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"X must hold numbers: {error}") from error
    if table.ndim != 2:
        raise ValueError(f"X must have 2 dimensions (rows, features), got shape {table.shape}.")
    return table


def is_sparse(X: Any) -> bool:
    """Whether X is a sparse matrix: it has compressed rows, or can make them."""
    return hasattr(X, "tocsr") or all(hasattr(X, name) for name in ("indptr", "indices", "data"))


def read_design(X: Any) -> Design:
    """Rows as linear models multiply them: float32 and float64 where they lie, other numbers as float64.

    Sparse matrices of any format are read as compressed rows; a column named twice counts as the sum.

    Raises
    ------
    ValueError
        Not two dimensions, or not numbers.
    """
    if is_sparse(X):
        return _sparse_rows(X)
    table = _floats(read_table(X))
    return table if _is_whole(table) else np.require(table, requirements=["C", "ALIGNED"])


def n_rows_of(design: Design) -> int:
    """Rows of a design."""
    return design[3][0] if isinstance(design, tuple) else len(design)


def require_finite(design: Design, names: NDArray[Any] | None = None, threads: int = -1) -> None:
    """Refuse NaN and infinities, naming the first row and its column."""
    place = _core.first_not_finite(design, threads)
    if place is None:
        return
    row, column = place
    name = "" if names is None else f" ({str(names[column])!r})"
    what = "infinity" if np.isinf(_number_at(design, row, column)) else "NaN"
    raise ValueError(
        f"X has {what} in column {column}{name}, first in row {row}: linear models take finite numbers only; fill "
        "such values (sklearn.impute.SimpleImputer), or leave out these rows or columns."
    )


def _floats(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise ValueError(f"X has dtype {array.dtype}; float16/32/64, integers and bool are allowed.")
    kept = array.dtype in (np.float32, np.float64) and array.dtype.isnative
    return array if kept else array.astype(np.float64)


def _is_whole(table: NDArray[Any]) -> bool:
    """Whether rows, or columns, are runs of neighbours, one behind the other; gaps between them do not matter."""
    size, (n, p), (down, along) = table.itemsize, table.shape, table.strides
    rows = (along == size or p == 1) and (down >= p * size or n == 1)
    columns = (down == size or n == 1) and (along >= n * size or p == 1)
    return table.flags.aligned and down % size == 0 and along % size == 0 and (rows or columns)


def _sparse_rows(X: Any) -> Design:
    rows = X if getattr(X, "format", "csr") == "csr" and hasattr(X, "indptr") else X.tocsr()
    begin = np.ascontiguousarray(rows.indptr, dtype=np.int64)
    n_stored = int(begin[-1]) if begin.size else 0
    values = np.ascontiguousarray(_floats(np.asarray(rows.data))[:n_stored])
    columns = np.asarray(rows.indices)[:n_stored]
    if columns.dtype != np.int32 and columns.size and not 0 <= columns.min() <= columns.max() <= MOST_COLUMNS:
        raise ValueError(f"X has sparse entries in columns {columns.min()} to {columns.max()}; it has {rows.shape[1]}.")
    n_rows, n_columns = rows.shape
    return values, np.ascontiguousarray(columns, dtype=np.int32), begin, (int(n_rows), int(n_columns))


def _number_at(design: Design, row: int, column: int) -> float:
    if not isinstance(design, tuple):
        return float(design[row, column])
    values, columns, begin, _ = design
    own = slice(begin[row], begin[row + 1])
    found = values[own][columns[own] == column]
    return float(found[~np.isfinite(found)][0])
