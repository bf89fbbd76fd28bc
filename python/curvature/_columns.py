"""Columns of a table as the core reads them: runs of rows in the arrays that hold them, nothing copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Chunk(NamedTuple):
    """A run of rows.

    `values` is an array of one dimension, of any stride: numbers, or, where there is a `lookup`, codes. A code stands
    for the number at its place of `lookup` (NaN: missing); one that has no place there is missing. `present` has a bit
    a row, least bit first, 0 where the value is missing, whatever stands there. Where `n_bits` is given, `values` has a
    bit a row itself (uint8), for so many rows. `first_bit` is the place of the first row in `present` and such values.
    """

    values: NDArray[Any]
    present: NDArray[np.uint8] | None = None
    first_bit: int = 0
    lookup: NDArray[np.float64] | None = None
    n_bits: int | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the run."""
        return len(self.values) if self.n_bits is None else self.n_bits


class Column(NamedTuple):
    """A feature's rows, run after run, all of one dtype.

    `unit` (multiplier, divisor) makes whole numbers times: value * multiplier / divisor in seconds since 1970, the
    least int64 being missing. `n_codes` > 0 makes the column a category, whose lookups hold codes in [1, n_codes).
    """

    chunks: list[Chunk]
    unit: tuple[int, int] = (0, 1)
    n_codes: int = 0


class TableColumn(NamedTuple):
    """A column as a container holds it, before a schema says what it means.

    `kind` is "number", "time", "boolean", "dictionary" or "empty" (every value missing). Of a dictionary, values are
    codes, and `levels` has, for every chunk, what its codes stand for (None: missing), all of `level_kind` "text",
    "integer" or "number".
    """

    kind: str
    column: Column
    levels: list[list[Any]] | None = None
    level_kind: str = ""
    ordered: bool = False


class Frame(NamedTuple):
    """A table of one container: rows, names (none: None) and columns; of an array, the array too."""

    n_rows: int
    names: list[str] | None
    columns: list[TableColumn]


def empty_column(n_rows: int) -> TableColumn:
    """A column without a value."""
    return TableColumn("empty", Column([Chunk(np.broadcast_to(np.float64(np.nan), n_rows))]))


def place_of(at: int, names: Sequence[str] | None) -> str:
    """What messages call a column."""
    return f"column {at}" if names is None else f"column {str(names[at])!r}"
