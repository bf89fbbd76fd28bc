"""The bytes of a model file: a safetensors container with tensors and one metadata key of canonical JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core

FORMAT_VERSION = 1

# Everything `Model` is made of, in the order of its parameters.
Parts = tuple[_core.Forest, float, dict[str, Any], NDArray[Any] | None, NDArray[Any] | None]


def pack_model(
    forest: _core.Forest,
    start_score: float,
    settings: dict[str, Any],
    classes: NDArray[Any] | None,
    feature_names: NDArray[Any] | None,
) -> bytes:
    """Tensors for what grows with data, JSON for the rest; the same model gives the same bytes."""
    from safetensors.numpy import save

    tensors = {f"trees.{name}": array for name, array in forest.arrays().items()}
    tensors["start_score"] = np.array([start_score])
    for name, labels in (("classes", classes), ("feature_names", feature_names)):
        if labels is not None:
            tensors |= _pack_labels(name, labels)
    header = {"format": FORMAT_VERSION, "n_features": forest.n_features, "settings": settings}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return save(tensors, metadata={"curvature": text})


def unpack_model(data: bytes) -> Parts:
    """Parts of a model, each checked; anything that does not hold together is a ModelFormatError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["curvature"])
        if header["format"] != FORMAT_VERSION:
            raise _core.ModelFormatError(
                f"the model has format {header['format']!r}; this version reads {FORMAT_VERSION}."
            )
        n_features = header["n_features"]
        if type(n_features) is not int or not 1 <= n_features < 2**31:
            raise _core.ModelFormatError(f"the model's n_features={n_features!r} must be in [1, 2^31).")
        trees = {name.removeprefix("trees."): array for name, array in tensors.items() if name.startswith("trees.")}
        _require_vectors(trees)
        forest = _core.Forest.from_arrays(n_features, trees)
        start_score = float(tensors["start_score"][0])
        if not math.isfinite(start_score):
            raise _core.ModelFormatError(f"the model's start_score={start_score} must be finite.")
        settings = header["settings"]
        if not isinstance(settings, dict) or not isinstance(settings.get("loss"), str):
            raise _core.ModelFormatError("the model's settings must name its loss.")
        classes = _unpack_labels("classes", tensors, 2)
        feature_names = _unpack_labels("feature_names", tensors, n_features)
    except _core.ModelFormatError:
        raise
    except (SafetensorError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise _core.ModelFormatError(f"not a whole Curvature model: {type(error).__name__}: {error}") from error
    return forest, start_score, settings, classes, feature_names


_TREE_TYPES = {
    "tree_begin": np.int64,
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "missing_left": np.uint8,
    "value": np.float64,
    "gain": np.float64,
    "cover": np.float64,
}


def _require_vectors(trees: dict[str, NDArray[Any]]) -> None:
    for name, dtype in _TREE_TYPES.items():
        array = trees[name]
        if array.dtype != dtype or array.ndim != 1:
            raise _core.ModelFormatError(
                f"the model's trees.{name} must be a vector of {np.dtype(dtype)}, not {array.dtype} {array.shape}."
            )


def _pack_labels(name: str, labels: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """One tensor of numbers, or UTF-8 text end to end with the end of each label (`.object` marks object arrays)."""
    if labels.dtype.kind in "biuf":
        return {name: np.ascontiguousarray(labels)}
    if not all(isinstance(label, str) for label in labels):
        raise TypeError(f"{name}={labels.tolist()!r} cannot be saved: only numbers, bool and text can.")
    encoded = [label.encode() for label in labels]
    kind = "object" if labels.dtype == object else "text"
    return {
        f"{name}.{kind}": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}.ends": np.cumsum([len(text) for text in encoded], dtype=np.int64),
    }


def _unpack_labels(name: str, tensors: dict[str, NDArray[Any]], count: int) -> NDArray[Any] | None:
    if name in tensors:
        labels = tensors[name]
    elif f"{name}.ends" in tensors:
        kind = "object" if f"{name}.object" in tensors else "text"
        text = tensors[f"{name}.{kind}"].tobytes()
        ends = tensors[f"{name}.ends"].tolist()
        if not all(a <= b for a, b in zip([0, *ends], [*ends, len(text)], strict=True)):
            raise _core.ModelFormatError(f"the model's {name} have ends out of order.")
        words = [text[a:b].decode() for a, b in zip([0, *ends[:-1]], ends, strict=True)]
        labels = np.array(words, dtype=object if kind == "object" else str)
    else:
        return None
    if labels.shape != (count,):
        raise _core.ModelFormatError(f"the model's {name} must be {count} labels, not {labels.shape}.")
    return labels
