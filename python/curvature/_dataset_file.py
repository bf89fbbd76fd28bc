"""A `Dataset` in a safetensors file, written without a copy and mapped into memory when it is read."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._model_file import damage_is_a_format_error, model_header, require, stored_model
from ._schema import Schema
from ._schema_file import pack_schema, schema_tensors, unpack_schema

KIND = "dataset"
_CODES = {
    "cuts": np.float64,
    "cut_ends": np.int64,
    "category_codes": np.int32,
    "narrow_rows": np.uint8,
    "narrow_columns": np.uint8,
    "wide_rows": np.uint16,
    "wide_columns": np.uint16,
}
_TYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
    "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in _TYPES.items()}
_BEGIN = 64  # of the tensors: a multiple of this, so that they lie as the kernels like them
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class StoredDataset:
    """What a file holds."""

    n_rows: int
    arrays: dict[str, NDArray[Any]]
    schema: Schema
    max_bins: int
    automatic: bool


def write_dataset(dataset: StoredDataset, path: str | os.PathLike[str]) -> None:
    """Write the file in full or not at all; arrays go from where they lie to the file."""
    schema = dataset.schema
    body = {f"dataset.{name}": np.ascontiguousarray(array) for name, array in dataset.arrays.items()}
    settings = {"automatic": dataset.automatic, "max_bins": dataset.max_bins, "n_rows": dataset.n_rows}
    text, tensors = model_header(KIND, schema.n_features, body | pack_schema(schema), settings, None, schema.names)
    order = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": {"curvature": text}}
    end = 0
    for name in order:
        begin, end = end, end + tensors[name].nbytes
        shape = list(tensors[name].shape)
        header[name] = {"dtype": _NAMES[tensors[name].dtype], "shape": shape, "data_offsets": [begin, end]}
    encoded = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    encoded += b" " * (-(8 + len(encoded)) % _BEGIN)
    target = os.fspath(path)
    temporary = f"{target}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(len(encoded).to_bytes(8, "little") + encoded)
            for name in order:
                file.write(tensors[name].data)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def read_dataset(path: str | os.PathLike[str], threads: int) -> tuple[StoredDataset, _core.BinnedTable]:
    """What `write_dataset` wrote, its arrays mapped; everything is checked before it is used."""
    with open(path, "rb") as file, damage_is_a_format_error("dataset"):
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        require(8 < size and length <= min(size - 8, _LONGEST_HEADER), "the file is no whole safetensors file.")
        header = json.loads(file.read(length))
        mapped = np.memmap(file, dtype=np.uint8, mode="r")
        text = header.pop("__metadata__")["curvature"]
        tensors = _mapped_tensors(header, mapped[8 + length :])
        stored = stored_model(text, tensors)
        require(stored.kind == KIND, f"the file holds a model of kind {stored.kind!r}, not a dataset.")
        stored.require_tensors({f"dataset.{name}" for name in _CODES} | schema_tensors(stored))
        settings = stored.settings
        require(
            set(settings) == {"automatic", "max_bins", "n_rows"} and type(settings["automatic"]) is bool,
            f"the dataset's settings are {settings!r}.",
        )
        for name, most in (("max_bins", 65_535), ("n_rows", 2**30)):
            right = type(settings[name]) is int and 1 <= settings[name] <= most
            require(right, f"the dataset's {name}={settings[name]!r} must be in [1, {most}].")
        schema = unpack_schema(stored)
        arrays = {name: stored.array(f"dataset.{name}", dtype) for name, dtype in _CODES.items()}
        _check_schema(schema, arrays)
        binned = _core.BinnedTable.from_arrays(settings["n_rows"], arrays, threads)
    found = StoredDataset(settings["n_rows"], arrays, schema, settings["max_bins"], settings["automatic"])
    return found, binned


def _mapped_tensors(header: dict[str, Any], data: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Views of the tensors, which follow each other from the first byte to the last."""
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape = np.dtype(_TYPES[entry["dtype"]]), entry["shape"]
        require(all(type(n) is int and n >= 0 for n in shape), f"the dataset's {name} has the shape {shape!r}.")
        begin, size = end, dtype.itemsize * int(np.prod(shape, dtype=object))
        end = begin + size
        require(
            entry["data_offsets"] == [begin, end] and end <= len(data), f"the dataset's {name} is not in its place."
        )
        tensors[name] = data[begin:end].view(dtype).reshape(shape)
    require(end == len(data), f"the dataset has {len(data) - end} bytes of no tensor.")
    return tensors


def _check_schema(schema: Schema, arrays: dict[str, NDArray[Any]]) -> None:
    """Codes and levels of every category agree."""
    codes = np.zeros(schema.n_features, dtype=np.int32)
    for at, feature in schema.features.others.items():
        codes[at] = feature.n_codes
    require(
        np.array_equal(codes, arrays["category_codes"]), "the dataset's categories have other codes than their levels."
    )
