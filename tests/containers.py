"""One table in every container that is read."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.string(): pd.StringDtype("python"),
}


def containers(table: pa.Table) -> dict[str, Any]:
    """The same rows in all of them; `table` has columns of numbers, bool, text and timestamps, with nulls."""
    frame = table.to_pandas()
    nullable = table.to_pandas(types_mapper=NULLABLE.get)
    text = [name for name, kind in zip(table.column_names, table.schema.types, strict=True) if kind == pa.string()]
    polars = pl.from_arrow(table)
    assert isinstance(polars, pl.DataFrame)
    return {
        "arrow": table,
        "record batch": table.combine_chunks().to_batches()[0],
        "chunks": pa.Table.from_batches(table.to_batches(max_chunksize=7)),
        "slices": sliced(table),
        "dirty nulls": pa.table([dirty(column.combine_chunks()) for column in table.columns], table.column_names),
        "dictionaries of chunks": with_text(
            pa.Table.from_batches(table.to_batches(max_chunksize=5)),
            lambda column: pa.chunked_array([chunk.dictionary_encode() for chunk in column.chunks]),
        ),
        "large text": with_text(table, lambda column: column.cast(pa.large_string())),
        "views of text": with_text(sliced(table), lambda column: column.cast(pa.string_view())),
        "polars": polars,
        "polars slice": pl.concat([polars[:1], polars], rechunk=False)[1:],
        "polars categorical": polars.with_columns(pl.col(text).cast(pl.Categorical)),
        "pandas": frame,
        "pandas slice": pd.concat([frame[:1], frame[::-1]]).iloc[:0:-1],
        "pandas objects": frame.astype(dict.fromkeys(text, object)),
        "pandas categorical": frame.astype(dict.fromkeys(text, "category")),
        "pandas nullable": nullable,
        "pandas arrow": table.to_pandas(types_mapper=pd.ArrowDtype),
        "dict": {name: frame[name].to_numpy() for name in frame},
        "structured": structured(frame),
    }


def sliced(table: pa.Table) -> pa.Table:
    """The table as a part of one that is longer at both ends, at no multiple of eight rows."""
    before = min(3, len(table))
    return pa.concat_tables([table[:3], table, table[:5]]).combine_chunks()[before : before + len(table)]


def with_text(table: pa.Table, change: Any) -> pa.Table:
    for at, column in enumerate(table.columns):
        if column.type == pa.string():
            table = table.set_column(at, table.column_names[at], change(column))
    return table


def dirty(array: pa.Array) -> pa.Array:
    """The array with other values under its nulls."""
    if array.null_count in (0, len(array)) or array.offset:
        return array
    full = pc.fill_null(array, array.drop_null()[0]) if array.type != pa.string() else pc.fill_null(array, "zzz")
    present = pa.array(array.is_valid().to_pylist()).buffers()[1]
    return pa.Array.from_buffers(array.type, len(array), [present, *full.buffers()[1:]])


def structured(frame: pd.DataFrame) -> np.ndarray:
    columns = [frame[name].to_numpy() for name in frame]
    out = np.empty(len(frame), dtype=[(name, column.dtype) for name, column in zip(frame, columns, strict=True)])
    for name, column in zip(frame, columns, strict=True):
        out[name] = column
    return out
