"""A training table as the rows of a linear problem, and what its features become."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ._frames import is_frame
from ._linear_columns import LinearColumns
from ._linear_params import LinearParams
from ._schema import Schema
from ._schema_training import listed_features, read_training
from ._tables import Design, is_sparse, read_design, require_finite

MOST_LEVELS = 2**31 - 3  # codes fit 32 bits


def read_columns(
    X: Any, weights: NDArray[np.float64] | None, params: LinearParams, known: LinearColumns | None = None
) -> tuple[LinearColumns, Any]:
    """What the features of X become, and its rows: an array, or CSR.

    Parameters
    ----------
    X : frame, array or CSR of shape (n, n_features)
        As scikit-learn has checked it.
    weights : ndarray of shape (n,), optional
        Rows of weight 0 do not exist: they choose no rule, and of frames are 0 in all columns.
    params : LinearParams
        Its rules.
    known : LinearColumns, optional
        What the features became in an earlier epoch.

    Raises
    ------
    ValueError
        Values that are not finite, or for which there is no rule.
    """
    rules, n_jobs = params.rules, params.n_jobs
    if known is not None:
        design = known.design(X, rules["unknown"], n_jobs)
        if known.is_plain:
            require_finite(design, known.schema.names, n_jobs)
        return known, _rows(design)
    if is_sparse(X):
        if listed_features(rules["categorical_features"], None, X.shape[1]):
            raise ValueError(
                f"categorical_features={rules['categorical_features']!r}: columns of a sparse X are numbers."
            )
        columns = LinearColumns(Schema(X.shape[1]))
    else:
        schema, table = read_training(X, weights, rules["categorical_features"], most_levels=MOST_LEVELS)
        columns = LinearColumns.learn(
            schema,
            table,
            weights,
            missing=rules["missing"],
            reference=rules["coding"] == "reference" or (rules["coding"] == "auto" and not params.has_penalty),
            fit_intercept=params.linear["fit_intercept"],
            n_jobs=n_jobs,
        )
        if is_frame(X) or not columns.is_plain:
            return columns, _rows(columns.of_table(table, weights, n_jobs))
    design = read_design(X)
    require_finite(design, columns.schema.names, n_jobs)
    return columns, _rows(design)


def _rows(design: Design) -> Any:
    """Rows that can be taken apart by number."""
    return csr_matrix(design[:3], design[3]) if isinstance(design, tuple) else design
