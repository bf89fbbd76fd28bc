"""The bytes of a model file: a safetensors container with tensors and one metadata key of canonical JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .losses import Loss

FORMAT_VERSION = 2
MOST_FEATURES = 2**26

# Everything `Model` is made of, in the order of its parameters.
Parts = tuple[_core.Forest, NDArray[np.float64], dict[str, Any], NDArray[Any] | None, NDArray[Any] | None]

_TREES = {
    "tree_begin": np.int64,
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "missing_left": np.uint8,
    "value": np.float64,
    "gain": np.float64,
    "cover": np.float64,
}
# What each kind of labels is stored as: a tensor of numbers, or UTF-8 text end to end with the end of each label.
_LABELS = {"none": (), "numbers": ("",), "text": (".text", ".ends"), "object": (".text", ".ends")}


def pack_model(
    forest: _core.Forest,
    start_scores: NDArray[np.float64],
    settings: dict[str, Any],
    classes: NDArray[Any] | None,
    feature_names: NDArray[Any] | None,
) -> bytes:
    """Tensors for what grows with data, JSON for the rest; the same model gives the same bytes."""
    from safetensors.numpy import save

    tensors = {f"trees.{name}": array for name, array in forest.arrays().items()}
    tensors["start_scores"] = np.ascontiguousarray(start_scores)
    kinds = {}
    for name, labels in (("classes", classes), ("feature_names", feature_names)):
        kinds[name], own = _pack_labels(name, labels)
        tensors |= own
    header = {"format": FORMAT_VERSION, "labels": kinds, "n_features": forest.n_features, "settings": settings}
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
        return _parts(header, tensors)
    except _core.ModelFormatError:
        raise
    except (
        SafetensorError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise _core.ModelFormatError(f"not a whole Curvature model: {type(error).__name__}: {error}") from error


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise _core.ModelFormatError(sentence)


def _parts(header: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> Parts:
    version, n_features, settings, kinds = (header[key] for key in ("format", "n_features", "settings", "labels"))
    _require(
        version is not True and version == FORMAT_VERSION, f"the model has format {version!r}, not {FORMAT_VERSION}."
    )
    _require(
        type(n_features) is int and 1 <= n_features <= MOST_FEATURES,
        f"the model's n_features={n_features!r} must be in [1, {MOST_FEATURES}].",
    )
    expected = {f"trees.{name}" for name in _TREES} | {"start_scores"}
    for name in ("classes", "feature_names"):
        expected |= {name + suffix for suffix in _LABELS[kinds[name]]}
    _require(expected == set(tensors), f"the model's tensors are {sorted(tensors)}, not {sorted(expected)}.")
    for name, dtype in _TREES.items():
        _require_vector(f"trees.{name}", tensors, dtype)
    _require_vector("start_scores", tensors, np.float64)
    start_scores = tensors["start_scores"]
    n_outputs = len(start_scores)
    _require(
        n_outputs >= 1 and bool(np.isfinite(start_scores).all()), "the model's start_scores must be finite numbers."
    )
    classes = _unpack_labels("classes", kinds["classes"], tensors, max(n_outputs, 2))
    if classes is not None:
        _require(bool((classes == classes).all()), "the model's classes must not be NaN.")
        _require(len(np.unique(classes)) == len(classes), "the model's classes must be different labels.")
    feature_names = _unpack_labels("feature_names", kinds["feature_names"], tensors, n_features)
    _check_settings(settings, None if classes is None else len(classes), n_outputs)
    forest = _core.Forest.from_arrays(n_features, n_outputs, {name: tensors[f"trees.{name}"] for name in _TREES})
    return forest, start_scores, settings, classes, feature_names


def _check_settings(settings: dict[str, Any], n_classes: int | None, n_outputs: int) -> None:
    parameters = dict(settings["parameters"])
    loss = Loss.from_dict(settings["loss"])
    _require(
        loss.outputs(n_classes or 0) == n_outputs,
        f"the model's loss={loss.name!r} has not one output for each of {n_outputs} start scores.",
    )
    class_weight = parameters.pop("class_weight", None)
    weighed = class_weight in (None, "balanced") or (
        isinstance(class_weight, list) and [type(weight) for weight in class_weight] == [float] * (n_classes or 0)
    )
    _require(weighed, f"the model's class_weight={class_weight!r} must be a number a class, 'balanced' or null.")
    known = {row["name"] for row in _core.parameter_table()} | {"grow_policy", "random_state"}
    _require(known == set(parameters), f"the model's parameters are {sorted(parameters)}, not {sorted(known)}.")
    seed = parameters.pop("random_state")
    _require(type(seed) is int and 0 <= seed < 2**64, f"the model's random_state={seed!r} must be in [0, 2^64).")
    _core.check_params(parameters | {"seed": seed, "n_jobs": 1})


def _require_vector(name: str, tensors: dict[str, NDArray[Any]], dtype: type, size: int | None = None) -> None:
    array = tensors[name]
    _require(
        array.dtype == dtype and array.ndim == 1 and size in (None, array.size),
        f"the model's {name} must be a vector of {np.dtype(dtype)}, not {array.dtype} of shape {array.shape}.",
    )


def _pack_labels(name: str, labels: NDArray[Any] | None) -> tuple[str, dict[str, NDArray[Any]]]:
    if labels is None:
        return "none", {}
    if labels.dtype.kind in "biuf":
        return "numbers", {name: np.ascontiguousarray(labels)}
    encoded = [label.encode(errors="surrogatepass") for label in labels]
    return "object" if labels.dtype == object else "text", {
        f"{name}.text": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}.ends": np.cumsum([len(text) for text in encoded], dtype=np.int64),
    }


def _unpack_labels(name: str, kind: str, tensors: dict[str, NDArray[Any]], count: int) -> NDArray[Any] | None:
    if kind == "none":
        return None
    if kind == "numbers":
        labels = tensors[name]
        _require(labels.dtype.kind in "biuf", f"the model's {name} must be numbers, not {labels.dtype}.")
    else:
        _require_vector(f"{name}.text", tensors, np.uint8)
        _require_vector(f"{name}.ends", tensors, np.int64)
        text, ends = tensors[f"{name}.text"].tobytes(), tensors[f"{name}.ends"].tolist()
        begins = [0, *ends[:-1]]
        _require(
            all(a <= b for a, b in zip(begins, ends, strict=True)) and (ends or [0])[-1] == len(text),
            f"the model's {name} have ends that do not follow each other up to the end of the text.",
        )
        words = [text[a:b].decode(errors="surrogatepass") for a, b in zip(begins, ends, strict=True)]
        labels = np.array(words, dtype=object if kind == "object" else str)
    _require(labels.shape == (count,), f"the model's {name} must be {count} labels, not {labels.shape}.")
    return labels
