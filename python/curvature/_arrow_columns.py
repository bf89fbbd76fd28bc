"""Columns of whatever speaks the Arrow PyCapsule interface (polars, pyarrow, duckdb, …), through nanoarrow."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._array_columns import ALLOWED, dictionary_column
from ._columns import Chunk, Column, Frame, TableColumn, empty_column, place_of

# By Arrow's name of a type: NumPy's type of its values.
_NUMBERS = {
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "half_float": np.float16,
    "float": np.float32,
    "double": np.float64,
}
_TIMES = {"date32", "date64", "timestamp", "duration", "time32", "time64"}
_DIVISORS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_LAYOUTS = {"string": "offsets32", "large_string": "offsets64", "string_view": "views"}


class _Piece:
    """A run of rows of an array, from row `first` on; `begin` counts from the start of its buffers."""

    def __init__(self, array: Any, first: int, n_rows: int) -> None:
        self.array = array
        self.begin: int = array.offset + first
        self.n_rows = n_rows

    @cached_property
    def view(self) -> Any:
        return self.array.view()

    def present(self) -> NDArray[np.uint8] | None:
        bits = _bytes(self.view.buffer(0))
        return bits if self.view.null_count != 0 and len(bits) else None


def is_arrow(X: Any) -> bool:
    """Whether X gives its columns through the Arrow PyCapsule interface."""
    return hasattr(X, "__arrow_c_stream__") or hasattr(X, "__arrow_c_array__")


def arrow_frame(X: Any) -> Frame:
    """Read a table, a record batch, or a stream of them.

    Raises
    ------
    ValueError
        X is no table, has null rows, or a column of a type that is not allowed.
    """
    schema, arrays = _read(X)
    if _type_of(schema).type != "struct":
        raise ValueError(
            f"X must have 2 dimensions (rows, features), got an Arrow array of type {_type_of(schema).type}."
        )
    children = list(schema.children)
    names = [child.name or "" for child in children]
    for array in arrays:
        _require_no_null_row(array)
    n_rows = sum(array.length for array in arrays)
    columns = [
        _column(
            child, [_Piece(each.child(at), each.offset, each.length) for each in arrays], place_of(at, names), n_rows
        )
        for at, child in enumerate(children)
    ]
    return Frame(n_rows, names, columns)


def arrow_column(X: Any, place: str) -> TableColumn:
    """Read an array, or a stream of them, as one column."""
    schema, arrays = _read(X)
    pieces = [_Piece(array, 0, array.length) for array in arrays]
    return _column(schema, pieces, place, sum(piece.n_rows for piece in pieces))


def _read(X: Any) -> tuple[Any, list[Any]]:
    import nanoarrow

    if hasattr(X, "__arrow_c_stream__"):
        with nanoarrow.c_array_stream(X) as stream:
            return stream.get_schema(), [array for array in stream if array.length]
    array = nanoarrow.c_array(X)
    return array.schema, [array]


def _type_of(schema: Any) -> Any:
    from nanoarrow.c_schema import c_schema_view

    return c_schema_view(schema)


def _require_no_null_row(array: Any) -> None:
    piece = _Piece(array, 0, array.length)
    bits = piece.present() if array.null_count else None
    if bits is None:
        return
    rows = np.unpackbits(bits, bitorder="little")[piece.begin : piece.begin + piece.n_rows]
    if not rows.all():
        raise ValueError(f"X has a null for the whole row {int(rows.argmin())}: nulls are allowed in columns only.")


def _column(schema: Any, pieces: list[_Piece], place: str, n_rows: int) -> TableColumn:
    try:
        described = _type_of(schema)
    except RuntimeError as error:  # a type that nanoarrow does not know
        raise ValueError(f"X has Arrow's type {schema.format!r} in {place}: {ALLOWED}.") from error
    kind = described.type
    if kind == "dictionary":
        return _dictionary(schema, described, pieces, place, n_rows)
    if kind == "na":
        return empty_column(n_rows)
    if kind in _LAYOUTS:
        codes, levels = _text(kind, pieces, place)
        return dictionary_column([Chunk(codes)], [[None, *levels]], "text" if levels else "empty", False, n_rows)
    chunks = _chunks(described, pieces, place)
    if kind in _TIMES:
        return TableColumn("time", Column(chunks, _unit(described)))
    return TableColumn("boolean" if kind == "bool" else "number", Column(chunks))


def _chunks(described: Any, pieces: list[_Piece], place: str) -> list[Chunk]:
    storage = described.storage_type
    if storage == "bool":
        return [
            Chunk(_bytes(piece.view.buffer(1)), piece.present(), piece.begin, n_bits=piece.n_rows) for piece in pieces
        ]
    if storage not in _NUMBERS or described.type not in (_TIMES | _NUMBERS.keys()):
        raise ValueError(f"X has Arrow's type {described.type} in {place}: {ALLOWED}.")
    dtype = np.dtype(_NUMBERS[storage])
    return [
        Chunk(_bytes(piece.view.buffer(1)).view(dtype)[piece.begin : piece.begin + piece.n_rows], piece.present(),
              piece.begin)
        for piece in pieces
    ] or [Chunk(np.empty(0, dtype))]  # fmt: skip


def _unit(described: Any) -> tuple[int, int]:
    if described.type == "date32":
        return 86_400, 1
    return 1, 10**3 if described.type == "date64" else _DIVISORS[str(described.time_unit)]


def _text(kind: str, pieces: list[_Piece], place: str) -> tuple[NDArray[Any], list[str]]:
    size = {"offsets32": 4, "offsets64": 8, "views": 16}[_LAYOUTS[kind]]
    given = []
    for piece in pieces:
        buffers = [_bytes(piece.view.buffer(at)) for at in range(1, piece.view.n_buffers)]
        runs = buffers[1:-1] if _LAYOUTS[kind] == "views" else buffers[1:]  # the last of a view's are lengths
        index = buffers[0][size * piece.begin :]
        given.append((_LAYOUTS[kind], index, runs, piece.n_rows, piece.present(), piece.begin))
    return _core.encode_text(given, place)


def _dictionary(schema: Any, described: Any, pieces: list[_Piece], place: str, n_rows: int) -> TableColumn:
    values = [_levels(schema.dictionary, piece.array.dictionary, place) for piece in pieces]
    kinds = {kind for _, kind in values} - {"empty"}
    chunks = [
        Chunk(_bytes(piece.view.buffer(1)).view(_NUMBERS[described.storage_type])[piece.begin : piece.begin
              + piece.n_rows], piece.present(), piece.begin)
        for piece in pieces
    ]  # fmt: skip
    kind = kinds.pop() if kinds else "empty"
    return dictionary_column(chunks, [levels for levels, _ in values], kind, described.dictionary_ordered, n_rows)


def _levels(schema: Any, array: Any, place: str) -> tuple[list[Any], str]:
    """What the codes of one dictionary stand for, and the kind of these levels."""
    described = _type_of(schema)
    piece = _Piece(array, 0, array.length)
    where = f"the levels of {place}"
    if described.type in _LAYOUTS:
        codes, distinct = _text(described.type, [piece], where)
        known = [None, *distinct]
        return [known[code] for code in codes.tolist()], "text" if distinct else "empty"
    if described.type == "na":
        return [None] * array.length, "empty"
    if described.type in _TIMES or described.type == "dictionary":
        raise ValueError(
            f"X has levels of Arrow's type {described.type} in {place}: text, numbers and bool are allowed."
        )
    chunk = _chunks(described, [piece], where)[0]
    if chunk.n_bits is not None:
        first = chunk.first_bit
        values = np.unpackbits(chunk.values, bitorder="little")[first : first + chunk.n_bits].astype(bool)
        kind = "boolean"
    else:
        values = chunk.values
        kind = "integer" if values.dtype.kind in "iu" else "number"
    levels: list[Any] = values.tolist()
    if chunk.present is not None:
        there = np.unpackbits(chunk.present, bitorder="little")[piece.begin : piece.begin + piece.n_rows].tolist()
        levels = [level if known else None for level, known in zip(levels, there, strict=True)]
    return [None if level != level else level for level in levels], kind


def _bytes(buffer: Any) -> NDArray[np.uint8]:
    """A buffer's memory, which the array keeps alive."""
    return np.frombuffer(buffer, dtype=np.uint8) if buffer.size_bytes else np.empty(0, dtype=np.uint8)
