"""Sparse matrices as the core reads them: compressed rows where they lie; recognised without importing scipy."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _core

ABSENT = ("zero", "missing")


def check_absent(absent: Any) -> None:
    """Refuse what `absent` cannot be."""
    if not isinstance(absent, str) or absent not in ABSENT:
        raise ValueError(f"absent={absent!r} must be 'zero' or 'missing'.")


def sparse_table(X: Any, absent: str) -> _core.Table:
    """Compressed sparse rows with what an entry that is not stored is.

    Parameters
    ----------
    X : sparse matrix or array of scipy, of shape (n, n_features)
        CSR is read where it lies; other formats are converted. A column named twice in a row counts as the sum, made on
        a copy. A zero that is stored is 0, a NaN that is stored is missing.
    absent : {"zero", "missing"}
        What is not stored.

    Raises
    ------
    ValueError
        Not two dimensions, not numbers, or an entry outside the matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from curvature._sparse_tables import sparse_table
    >>> table = sparse_table(csr_array(np.eye(3)), "zero")
    >>> table.n_rows, table.n_columns
    (3, 3)
    """
    if len(X.shape) != 2:
        raise ValueError(f"X must have 2 dimensions (rows, features), got shape {X.shape}.")
    rows = X if getattr(X, "format", "csr") == "csr" and hasattr(X, "indptr") else X.tocsr()
    shape = (int(rows.shape[0]), int(rows.shape[1]))
    columns, begin = np.ascontiguousarray(rows.indices), np.ascontiguousarray(rows.indptr)
    if _core.repeats_columns(columns, begin, shape):
        rows = rows.copy()
        rows.sum_duplicates()
        columns, begin = rows.indices, rows.indptr
    return _core.Table.of_sparse(np.asarray(rows.data), columns, begin, shape, absent == "missing")
