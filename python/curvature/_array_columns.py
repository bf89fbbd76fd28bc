"""Columns of NumPy: arrays of one dimension, fields of structured arrays, columns of arrays of two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._columns import Chunk, Column, Frame, TableColumn, empty_column, place_of

ALLOWED = "numbers, bool, text, dates, times and dictionaries of them are allowed"

# Units of NumPy's times in seconds: (multiplier, divisor).
_SECONDS = {
    "W": (604_800, 1),
    "D": (86_400, 1),
    "h": (3_600, 1),
    "m": (60, 1),
    "s": (1, 1),
    "ms": (1, 10**3),
    "us": (1, 10**6),
    "ns": (1, 10**9),
    "ps": (1, 10**12),
    "fs": (1, 10**15),
    "as": (1, 10**18),
}
_BLOCK = 65_536  # rows that become objects at a time


def array_column(values: NDArray[Any], place: str, present: NDArray[np.uint8] | None = None) -> TableColumn:
    """Read an array of one dimension; `present` has a bit a row, 0 where the value is missing.

    Raises
    ------
    ValueError
        Values that are neither numbers, bool, text nor times.
    """
    if values.ndim != 1:
        raise ValueError(f"X has an array of shape {values.shape} in {place}: a column has one dimension.")
    kind = values.dtype.kind
    if kind in "Mm":
        whole, unit = _counts(values, place)
        return TableColumn("time", Column([Chunk(whole, present)], unit))
    if kind in "OUT":
        return _object_column(values, place)
    if kind not in "biuf" or values.dtype.itemsize > 8:
        raise ValueError(f"X has dtype {values.dtype} in {place}: {ALLOWED}.")
    native = values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    return TableColumn("boolean" if kind == "b" else "number", Column([Chunk(native, present)]))


def sequence_column(values: Any, place: str) -> TableColumn:
    """Read an array, a masked array, or a list."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"X has in {place} what is no column: {error}; {ALLOWED}.") from error
    if (
        array.dtype.kind == "U" and array.ndim == 1 and not isinstance(values, np.ndarray)
    ):  # of [1, "a"] NumPy makes text
        array = np.fromiter(values, dtype=object, count=len(values))
    present = None
    if isinstance(values, np.ma.MaskedArray) and (mask := np.ma.getmaskarray(values)).any():
        if array.dtype.kind in "OUT":
            array = array.astype(object)
            array[mask] = None
        else:
            present = np.packbits(~mask, bitorder="little")
    return array_column(array, place, present)


def typed_levels(levels: Sequence[Any], place: str) -> tuple[list[Any], str]:
    """Levels of a dictionary as plain Python, None where missing, and their kind.

    Raises
    ------
    ValueError
        Levels of several types, or of one that is not allowed.
    """
    objects = np.fromiter(levels, dtype=object, count=len(levels))
    codes, distinct, kind = _core.encode_objects([objects], len(levels), f"the levels of {place}")
    known = [None, *distinct]
    return [known[code] for code in codes.tolist()], kind


def dictionary_column(
    chunks: list[Chunk], levels: list[list[Any]], kind: str, ordered: bool, n_rows: int
) -> TableColumn:
    """Codes with levels of one kind; those of bool are bool."""
    if kind == "empty":
        return empty_column(n_rows)
    if kind == "boolean":
        looked_up = [
            chunk._replace(lookup=np.array([np.nan if level is None else float(level) for level in own]))
            for chunk, own in zip(chunks, levels, strict=True)
        ]
        return TableColumn("boolean", Column(looked_up))
    return TableColumn("dictionary", Column(chunks), levels, kind, ordered)


def numbers_of(column: TableColumn) -> TableColumn:
    """The column of a dictionary of numbers as its numbers."""
    levels = column.levels or []
    chunks = [
        chunk._replace(lookup=np.array([np.nan if level is None else float(level) for level in own]))
        for chunk, own in zip(column.column.chunks, levels, strict=True)
    ]
    return TableColumn("number", Column(chunks))


def structured_frame(X: NDArray[Any]) -> Frame:
    """Read the fields of a structured array of one dimension."""
    names = list(X.dtype.names or ())
    if X.ndim != 1:
        raise ValueError(f"X is a structured array of shape {X.shape}: one dimension is allowed.")
    return Frame(len(X), names, [array_column(X[name], place_of(at, names)) for at, name in enumerate(names)])


def matrix_frame(X: NDArray[Any]) -> Frame:
    """Read the columns of an array of two dimensions, where they lie."""
    return Frame(len(X), None, [array_column(X[:, at], place_of(at, None)) for at in range(X.shape[1])])


def _counts(values: NDArray[Any], place: str) -> tuple[NDArray[Any], tuple[int, int]]:
    unit, step = np.datetime_data(values.dtype)
    if unit in ("Y", "M") and values.dtype.kind == "M":  # of no fixed length
        values, unit, step = values.astype("M8[D]"), "D", 1
    if unit not in _SECONDS:
        raise ValueError(
            f"X has dtype {values.dtype} in {place}: units of a fixed length, weeks to 1e-18 s, are allowed."
        )
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    multiplier, divisor = _SECONDS[unit]
    return values.view(np.int64), (multiplier * step, divisor)


def _object_column(values: NDArray[Any], place: str) -> TableColumn:
    codes, levels, kind = _core.encode_objects(_object_blocks(values), len(values), place)
    column = dictionary_column([Chunk(codes)], [[None, *levels]], kind, False, len(values))
    if kind not in ("integer", "number"):
        return column
    try:
        return numbers_of(column)
    except OverflowError:
        raise ValueError(f"X has a whole number in {place} that is beyond float64: smaller ones are allowed.") from None


def _object_blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    if values.dtype.kind == "O":
        yield values
    else:
        for begin in range(0, len(values), _BLOCK):
            yield values[begin : begin + _BLOCK].astype(object)
