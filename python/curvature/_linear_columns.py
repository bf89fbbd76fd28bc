"""The columns of a linear model: what the features of a table become, by rules that training chose."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._columns import place_of
from ._frames import is_frame
from ._model_file import StoredModel, require
from ._schema import UNKNOWN, Schema
from ._schema_file import pack_schema, schema_tensors, unpack_schema
from ._tables import Design, is_sparse, read_design

CODINGS = ("auto", "full", "reference")
MISSING = ("error", "indicator", "mean")
_TENSORS = ("columns.fills", "columns.first_codes", "columns.marks_missing")

Floats = NDArray[np.float64]


def check_rules(coding: Any, missing: Any, unknown: Any) -> None:
    """Refuse what the parameters `coding`, `missing` and `unknown` cannot be."""
    given = {"coding": (coding, CODINGS), "missing": (missing, MISSING), "unknown": (unknown, UNKNOWN)}
    for name, (value, allowed) in given.items():
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{name}={value!r} must be {', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}.")


class LinearColumns:
    """What each feature becomes: a column of numbers, or one a level of a category, and one for missing values.

    Parameters
    ----------
    schema : Schema
        The features.
    first_codes : ndarray of int32 of shape (n_features,), optional
        Of a category, the first code with a column: 1, or 2 where the first level is the reference.
    marks_missing : ndarray of bool of shape (n_features,), optional
        Whether the last column of the feature is 1 where the value is missing.
    fills : ndarray of shape (n_features,), optional
        What stands in for a missing number; a missing category is 0 in the columns of all levels. NaN: none may be
        missing. Without the three, no feature has a reference or missing values.
    """

    def __init__(
        self,
        schema: Schema,
        first_codes: NDArray[np.int32] | None = None,
        marks_missing: NDArray[np.bool_] | None = None,
        fills: Floats | None = None,
    ) -> None:
        n = schema.n_features
        self.schema = schema
        self.first_codes = np.ones(n, np.int32) if first_codes is None else first_codes
        self.marks_missing = np.zeros(n, np.bool_) if marks_missing is None else marks_missing
        self.fills = np.full(n, np.nan) if fills is None else fills

    @classmethod
    def learn(
        cls,
        schema: Schema,
        table: _core.Table,
        weights: Floats | None,
        *,
        missing: str,
        reference: bool,
        fit_intercept: bool,
        n_jobs: int,
    ) -> LinearColumns:
        """The rules by a training table.

        With reference coding the first level of each category has no column. Without an intercept the first category
        keeps all: the model can reach the same scores as with one.

        Raises
        ------
        ValueError
            A number of which no mean is known, with ``missing="mean"``.
        """
        columns = cls(schema)
        categories = [at for at, feature in schema.features.others.items() if feature.is_category]
        if reference:
            columns.first_codes[categories if fit_intercept else categories[1:]] = 2
        if missing == "error":
            return columns
        has_missing, means = _core.feature_summaries(table, weights, n_jobs)
        if missing == "indicator":
            columns.marks_missing = has_missing
            columns.fills[has_missing] = 0.0
            return columns
        means[categories] = 0.0
        if np.isnan(means).any():
            names = None if schema.names is None else schema.names.tolist()
            place = place_of(int(np.isnan(means).argmax()), names)
            raise ValueError(f"missing='mean' needs a number in every column; {place} has none: leave it out.")
        columns.fills = np.where(np.isfinite(means), means, 0.0)  # infinities are refused when the table is read
        return columns

    @cached_property
    def _expansion(self) -> _core.Expansion:
        n_codes = np.zeros(self.schema.n_features, np.int32)
        for at, feature in self.schema.features.others.items():
            n_codes[at] = feature.n_codes
        rules = (n_codes, self.first_codes, self.marks_missing, self.fills)
        return _core.Expansion(*(rule.tolist() for rule in rules))

    @property
    def n_columns(self) -> int:
        """Columns of all features."""
        return self._expansion.n_columns

    @cached_property
    def is_plain(self) -> bool:
        """Whether every feature is a column of plain numbers, of which none may be missing."""
        return not self.schema.has_levels and bool(np.isnan(self.fills).all())

    @cached_property
    def names(self) -> list[str]:
        """What each column is called: the feature's name, ``name[level]``, or ``name[(missing)]``."""
        names = []
        for at, feature in enumerate(self.schema.features):
            name = f"x{at}" if self.schema.names is None else str(self.schema.names[at])
            if feature.is_category:
                levels = [*feature.levels, *(["(infrequent)"] if feature.infrequent else [])]
                names += [f"{name}[{level}]" for level in levels[self.first_codes[at] - 1 :]]
            else:
                names.append(name)
            if self.marks_missing[at]:
                names.append(f"{name}[(missing)]")
        return names

    def spread(self, by_feature: Floats | None) -> Floats | None:
        """A number a column, from one a feature."""
        return None if by_feature is None else np.repeat(by_feature, self._counts())

    def _counts(self) -> NDArray[np.intp]:
        counts = np.ones(self.schema.n_features, np.intp)
        for at, feature in self.schema.features.others.items():
            if feature.is_category:
                counts[at] = max(0, feature.n_codes - self.first_codes[at])
        return counts + self.marks_missing

    def design(self, X: Any, unknown: str, n_jobs: int) -> Design:
        """Rows as the model multiplies them; of arrays and sparse matrices that need no rule, where they lie.

        Raises
        ------
        ValueError
            Other columns than in training, or values for which there is no rule; of arrays and sparse matrices that
            are read where they lie, NaN and infinities are for the caller to find.
        """
        if self.is_plain and not is_frame(X):
            return read_design(X)
        if is_sparse(X):
            raise ValueError(
                "X is a sparse matrix, but the model was trained on a table with categories or missing values: pass "
                "a frame or a dense array."
            )
        return self.of_table(self.schema.table(X, unknown, apart=True), None, n_jobs)

    def of_table(self, table: _core.Table, weights: Floats | None, n_jobs: int) -> Design:
        """The same of a table that has been read; rows of weight 0 are 0 in all columns."""
        design, refused = self._expansion.design(table, weights, n_jobs)
        if refused is not None:
            raise ValueError(self._refusal(*refused))
        rows: Design = design
        return rows

    def _refusal(self, row: int, feature: int, is_infinite: bool) -> str:
        is_category = self.schema.features[feature].is_category
        what = "infinity" if is_infinite else "a missing value" if is_category else "NaN"
        name = "" if self.schema.names is None else f" ({str(self.schema.names[feature])!r})"
        start = f"X has {what} in column {feature}{name}, first in row {row}: "
        if is_infinite:
            return f"{start}linear models take finite numbers only; leave out these rows or columns."
        if np.isnan(self.fills).all():
            return (
                f"{start}linear models take finite numbers only; fill such values (missing='mean' or "
                "missing='indicator'), or leave out these rows or columns."
            )
        return f"{start}there was none in training, so that the model has no column for it; fill such values."

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What a model file holds."""
        schema = pack_schema(self.schema)
        if self.is_plain:
            return schema
        rules = (self.fills, self.first_codes, self.marks_missing.astype(np.uint8))
        return schema | dict(zip(_TENSORS, rules, strict=True))


def column_tensors(stored: StoredModel) -> set[str]:
    """Names of the tensors that `LinearColumns.tensors` wrote."""
    return schema_tensors(stored) | (set(_TENSORS) if _TENSORS[0] in stored.tensors else set())


def unpack_columns(stored: StoredModel) -> LinearColumns:
    """The columns in a file, checked."""
    schema, shape = unpack_schema(stored), (stored.n_features,)
    if _TENSORS[0] not in stored.tensors:
        require(not schema.has_levels, "the model has features that are no numbers, but no columns for them.")
        return LinearColumns(schema)
    is_category = np.zeros(stored.n_features, np.bool_)
    for at, feature in schema.features.others.items():
        is_category[at] = feature.is_category
    fills = stored.array(_TENSORS[0], np.float64, shape)
    first_codes = stored.array(_TENSORS[1], np.int32, shape)
    marks = stored.array(_TENSORS[2], np.uint8, shape)
    require(not np.isinf(fills).any(), "the model's columns.fills must be numbers, or NaN.")
    require(
        bool(((first_codes == 1) | (is_category & (first_codes == 2))).all()),
        "the model's columns.first_codes must be 1, or 2 of a category.",
    )
    require(bool((marks <= 1).all()), "the model's columns.marks_missing must be 0 or 1.")
    filled_by_0 = (marks == 1) | is_category
    require(
        bool((~filled_by_0 | (fills == 0) | ((marks == 0) & np.isnan(fills))).all()),
        "the model's columns.fills must be 0 where missing values have a column, and of categories.",
    )
    columns = LinearColumns(schema, first_codes, marks.astype(np.bool_), fills)
    require(not columns.is_plain, "the model has rules for columns that need none.")
    return columns
