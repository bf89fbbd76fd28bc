"""The bytes of a model file: a safetensors container with tensors and one metadata key of canonical JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core

FORMAT_VERSION = 4
MOST_FEATURES = 2**26

# What each kind of labels is stored as: a tensor of numbers, or UTF-8 text end to end with the end of each label.
_LABELS = {"none": (), "numbers": ("",), "text": (".text", ".ends"), "object": (".text", ".ends")}


def pack_model(
    kind: str,
    n_features: int,
    body: dict[str, NDArray[Any]],
    settings: dict[str, Any],
    classes: NDArray[Any] | None,
    feature_names: NDArray[Any] | None,
) -> bytes:
    """Tensors for what grows with data, JSON for the rest; the same model gives the same bytes."""
    from safetensors.numpy import save

    text, tensors = model_header(kind, n_features, body, settings, classes, feature_names)
    return save(tensors, metadata={"curvature": text})


def model_header(
    kind: str,
    n_features: int,
    body: dict[str, NDArray[Any]],
    settings: dict[str, Any],
    classes: NDArray[Any] | None,
    feature_names: NDArray[Any] | None,
) -> tuple[str, dict[str, NDArray[Any]]]:
    """The metadata and the tensors of a file."""
    tensors = dict(body)
    label_kinds = {}
    for name, labels in (("classes", classes), ("feature_names", feature_names)):
        label_kinds[name], own = _pack_labels(name, labels)
        tensors |= own
    header = {
        "format": FORMAT_VERSION,
        "kind": kind,
        "labels": label_kinds,
        "n_features": n_features,
        "settings": settings,
    }
    return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False), tensors


@dataclass(frozen=True)
class StoredModel:
    """What a file holds, its header checked; the kind of model reads its tensors and settings, and checks them."""

    kind: str
    n_features: int
    settings: dict[str, Any]
    tensors: dict[str, NDArray[Any]]
    label_kinds: dict[str, str]

    def require_tensors(self, body: set[str]) -> None:
        """No tensor but those of the body and the labels, and all of them."""
        labels = {name + suffix for name in ("classes", "feature_names") for suffix in _LABELS[self.label_kinds[name]]}
        expected = body | labels
        require(
            expected == set(self.tensors), f"the model's tensors are {sorted(self.tensors)}, not {sorted(expected)}."
        )

    def array(self, name: str, dtype: type, shape: tuple[int | None, ...] = (None,)) -> NDArray[Any]:
        """A tensor of this type and shape; None stands for any length."""
        array = self.tensors[name]
        fits = len(shape) == array.ndim and all(w in (None, n) for w, n in zip(shape, array.shape, strict=True))
        require(
            array.dtype == dtype and fits,
            f"the model's {name} must be {np.dtype(dtype)} of shape {_shape_text(shape)}, not {array.dtype} of shape "
            f"{array.shape}.",
        )
        return array

    def finite(self, name: str, shape: tuple[int | None, ...] = (None,)) -> NDArray[np.float64]:
        """A tensor of finite float64."""
        array = self.array(name, np.float64, shape)
        require(bool(np.isfinite(array).all()), f"the model's {name} must be finite numbers.")
        return array

    def classes(self, n_outputs: int) -> NDArray[Any] | None:
        """Labels of a classifier of so many raw scores."""
        classes = _unpack_labels("classes", self, max(n_outputs, 2))
        if classes is not None:
            require(bool((classes == classes).all()), "the model's classes must not be NaN.")
            require(len(np.unique(classes)) == len(classes), "the model's classes must be different labels.")
        return classes

    def feature_names(self) -> NDArray[Any] | None:
        """Names of the columns, where there are any."""
        return _unpack_labels("feature_names", self, self.n_features)


def unpack_model(data: bytes) -> StoredModel:
    """What the bytes hold; to be called, and used, within `damage_is_a_format_error`."""
    from safetensors.numpy import load

    tensors = load(data)
    length = int.from_bytes(data[:8], "little")
    return stored_model(json.loads(data[8 : 8 + length])["__metadata__"]["curvature"], tensors)


def stored_model(text: str, tensors: dict[str, NDArray[Any]]) -> StoredModel:
    """Metadata and tensors of a file, the metadata checked."""
    header = json.loads(text)
    version, kind, n_features, settings, label_kinds = (
        header[key] for key in ("format", "kind", "n_features", "settings", "labels")
    )
    require(
        version is not True and version == FORMAT_VERSION, f"the model has format {version!r}, not {FORMAT_VERSION}."
    )
    require(
        type(n_features) is int and 1 <= n_features <= MOST_FEATURES,
        f"the model's n_features={n_features!r} must be in [1, {MOST_FEATURES}].",
    )
    return StoredModel(kind, n_features, settings, tensors, label_kinds)


@contextmanager
def damage_is_a_format_error(what: str = "model") -> Iterator[None]:
    """Whatever fails while foreign bytes are read is a ModelFormatError."""
    from safetensors import SafetensorError

    try:
        yield
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
        raise _core.ModelFormatError(f"not a whole Curvature {what}: {type(error).__name__}: {error}") from error


def require(condition: bool, sentence: str) -> None:
    """ModelFormatError with this sentence unless the condition holds."""
    if not condition:
        raise _core.ModelFormatError(sentence)


def check_of_classes(parameters: dict[str, Any], n_classes: int | None) -> None:
    """Take out `class_weight`, a number a class, "balanced" or nothing; and `classes`, whether they were named."""
    class_weight, named = parameters.pop("class_weight", None), parameters.pop("classes", None)
    require(
        named is None or (named is True and n_classes is not None),
        f"the model's classes={named!r} must be true or null.",
    )
    weighed = class_weight in (None, "balanced") or (
        isinstance(class_weight, list) and [type(weight) for weight in class_weight] == [float] * (n_classes or 0)
    )
    require(weighed, f"the model's class_weight={class_weight!r} must be a number a class, 'balanced' or null.")


def check_seed(seed: Any) -> None:
    """A whole number of 64 bits."""
    require(type(seed) is int and 0 <= seed < 2**64, f"the model's random_state={seed!r} must be in [0, 2^64).")


def pack_text(words: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Text end to end as UTF-8, and the end of each."""
    encoded = [word.encode(errors="surrogatepass") for word in words]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), ends


def unpack_text(name: str, text: bytes, ends: NDArray[np.int64]) -> list[str]:
    """What `pack_text` packed."""
    stops = ends.tolist()
    begins = [0, *stops[:-1]] if stops else []
    require(
        all(a <= b for a, b in zip(begins, stops, strict=True)) and (stops or [0])[-1] == len(text),
        f"the model's {name} have ends that do not follow each other up to the end of the text.",
    )
    return [text[a:b].decode(errors="surrogatepass") for a, b in zip(begins, stops, strict=True)]


def _shape_text(shape: tuple[int | None, ...]) -> str:
    lengths = ["n" if length is None else str(length) for length in shape]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def _pack_labels(name: str, labels: NDArray[Any] | None) -> tuple[str, dict[str, NDArray[Any]]]:
    if labels is None:
        return "none", {}
    if labels.dtype.kind in "biuf":
        return "numbers", {name: np.ascontiguousarray(labels)}
    text, ends = pack_text(labels)
    return "object" if labels.dtype == object else "text", {f"{name}.text": text, f"{name}.ends": ends}


def _unpack_labels(name: str, stored: StoredModel, count: int) -> NDArray[Any] | None:
    kind = stored.label_kinds[name]
    if kind == "none":
        return None
    if kind == "numbers":
        labels = stored.tensors[name]
        require(labels.dtype.kind in "biuf", f"the model's {name} must be numbers, not {labels.dtype}.")
    else:
        text = stored.array(f"{name}.text", np.uint8).tobytes()
        words = unpack_text(name, text, stored.array(f"{name}.ends", np.int64))
        labels = np.array(words, dtype=object if kind == "object" else str)
    require(labels.shape == (count,), f"the model's {name} must be {count} labels, not {labels.shape}.")
    return labels
