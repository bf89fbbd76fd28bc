"""The schema as tensors of a model file: kinds and levels of the features that are more than numbers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._model_file import StoredModel, pack_text, require, unpack_text
from ._schema import BOOLEAN, KINDS, Feature, Schema

_LEVEL_KINDS = ("", "text", "integer", "number")
_TENSORS = {
    "features": np.int32,
    "kinds": np.uint8,
    "level_kinds": np.uint8,
    "n_levels": np.int64,
    "n_infrequent": np.int64,
    "integers": np.int64,
    "numbers": np.float64,
    "text": np.uint8,
    "ends": np.int64,
}
MOST_CODES = 2**31 - 1


def pack_schema(schema: Schema) -> dict[str, NDArray[Any]]:
    """Tensors of the features that are not plain numbers; none where all are. Levels stand end to end, by type."""
    if not schema.has_levels:
        return {}
    rows: list[tuple[int, ...]] = []
    levels: dict[str, list[Any]] = {kind: [] for kind in _LEVEL_KINDS}
    for at, feature in schema.features.others.items():
        stored = feature.kind in ("category", "ordered")
        kind = feature.level_kind if stored else ""
        counts = (len(feature.levels), len(feature.infrequent)) if stored else (0, 0)
        rows.append((at, KINDS.index(feature.kind), _LEVEL_KINDS.index(kind), *counts))
        if stored:
            levels[kind] += [*feature.levels, *feature.infrequent]
    columns: list[Any] = list(zip(*rows, strict=True))
    text, ends = pack_text(levels["text"])
    values = [*columns, levels["integer"], levels["number"], text, ends]
    return {
        f"schema.{name}": np.asarray(value, dtype=dtype)
        for (name, dtype), value in zip(_TENSORS.items(), values, strict=True)
    }


def schema_tensors(stored: StoredModel) -> set[str]:
    """Names of the tensors that a file's schema has."""
    return {f"schema.{name}" for name in _TENSORS} if "schema.features" in stored.tensors else set()


def unpack_schema(stored: StoredModel) -> Schema:
    """The schema in a file, checked in one pass."""
    names, n_features = stored.feature_names(), stored.n_features
    if "schema.features" not in stored.tensors:
        return Schema(n_features, None, names)
    own = {name: stored.array(f"schema.{name}", dtype) for name, dtype in _TENSORS.items()}
    places = own["features"].astype(np.int64)
    for name in ("kinds", "level_kinds", "n_levels", "n_infrequent"):
        stored.array(f"schema.{name}", _TENSORS[name], (len(places),))
    require(
        bool(len(places)) and bool((np.diff(places) > 0).all()) and 0 <= places[0] <= places[-1] < n_features,
        f"the model's schema.features must be different columns of {n_features}, in their order.",
    )
    require(
        bool((own["kinds"] >= 1).all() and (own["kinds"] < len(KINDS)).all()), "the model's schema.kinds are not known."
    )
    require(bool((own["level_kinds"] < len(_LEVEL_KINDS)).all()), "the model's schema.level_kinds are not known.")
    require(bool(np.isfinite(own["numbers"]).all()), "the model's schema.numbers must be finite.")
    levels = {
        "text": unpack_text("schema", own["text"].tobytes(), own["ends"]),
        "integer": own["integers"].tolist(),
        "number": own["numbers"].tolist(),
    }
    for name in ("n_levels", "n_infrequent"):
        counts = own[name]
        require(bool(((counts >= 0) & (counts < MOST_CODES)).all()), f"the model's schema.{name} are out of range.")
    pools = {kind: iter(values) for kind, values in levels.items()}
    rows = zip(*(own[name].tolist() for name in list(_TENSORS)[:5]), strict=True)
    others = {at: _feature(KINDS[kind], _LEVEL_KINDS[of], n, rest, pools) for at, kind, of, n, rest in rows}
    require(all(next(pool, None) is None for pool in pools.values()), "the model's schema has levels of no feature.")
    return Schema(n_features, others, names)


def _feature(kind: str, level_kind: str, n_levels: int, n_infrequent: int, pools: dict[str, Iterator[Any]]) -> Feature:
    if kind in ("time", "boolean"):
        require(not level_kind and n_levels == n_infrequent == 0, f"the model's schema has levels of a {kind}.")
        return BOOLEAN if kind == "boolean" else Feature(kind)
    require(
        n_levels + n_infrequent == 0 or level_kind in pools and (kind == "ordered" or level_kind != "number"),
        f"the model's schema has a {kind} of levels of kind {level_kind!r}.",
    )
    require(kind == "category" or n_infrequent == 0, "the model's schema has infrequent levels of an ordered feature.")
    pool = pools.get(level_kind, iter(()))
    levels, infrequent = list(islice(pool, n_levels)), list(islice(pool, n_infrequent))
    require(len(levels) == n_levels and len(infrequent) == n_infrequent, "the model's schema has levels cut off.")
    require(len({*levels, *infrequent}) == n_levels + n_infrequent, "the model's schema has a level twice.")
    if kind == "category":
        in_order = levels == sorted(levels) and infrequent == sorted(infrequent)
        require(in_order, "the model's schema has levels of a category that are not in sorted order.")
    return Feature(kind, level_kind, levels, infrequent)
