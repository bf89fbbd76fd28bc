"""A fitted model: predicts, saves and loads; needs NumPy and the core only."""

from __future__ import annotations

import os
import uuid
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._links import Link
from ._model_file import StoredModel, damage_is_a_format_error, pack_model, require, unpack_model
from ._offsets import Floats, read_offset
from .losses import Loss

Scores = NDArray[np.float64]


class Model:
    """What every fitted model answers; immutable, and safe to use from several threads at once.

    Made by an estimator's ``fit`` (its ``model_``) or by `load`: a `TreesModel` or a `LinearModel`, each with answers
    of its own beside these. A row has K raw scores, one an output of the loss; the response is the inverse link of the
    scores.

    Parameters
    ----------
    settings : dict
        The loss, and the parameters that shaped the model (plain JSON values).
    classes : ndarray, optional
        Labels of a classifier, in the order of the columns of `predict_proba`.
    feature_names : ndarray of str of shape (n_features,), optional
        Names of the columns, where the training table had names.

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = cv.BoostedTreesRegressor(n_estimators=10).fit(X, y).model_
    >>> model.predict(X).shape
    (442,)
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[Model]]] = {}

    def __init_subclass__(cls) -> None:
        Model.kinds[cls.kind] = cls

    def __init__(
        self,
        settings: dict[str, Any],
        classes: NDArray[Any] | None = None,
        feature_names: NDArray[Any] | None = None,
    ) -> None:
        self.settings = settings
        self.classes = classes
        self.feature_names = feature_names
        self._link: Link = self.loss.link

    @property
    def loss(self) -> Loss:
        """The loss that the model was fitted by; one that was a formula is a formula still."""
        return Loss.from_dict(self.settings["loss"])

    @property
    def has_probabilities(self) -> bool:
        """Whether `predict_proba` answers: a classifier whose scores are linked to probabilities."""
        return self.classes is not None and self._link.gives_probabilities

    @property
    def n_features(self) -> int:
        """Number of columns of the tables that the model takes."""
        raise NotImplementedError

    @property
    def n_outputs(self) -> int:
        """Raw scores a row has."""
        raise NotImplementedError

    def __repr__(self) -> str:
        kind = "regression" if self.classes is None else f"classification into {self.classes.tolist()}"
        return f"Model({kind}, loss={self.loss.name!r}, {self._size()})"

    def decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> Scores:
        """Raw scores, shape (n,), or (n, n_outputs) where there are several."""
        raise NotImplementedError

    def predict(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> NDArray[Any]:
        """Responses of a regression (the inverse link of the scores), or class labels; arguments as of the scores.

        The label is that of the greatest score; of two classes with one score, the second where it is positive.
        """
        return self._answer(self.decision_function(X, offset=offset, exposure=exposure, n_jobs=n_jobs))

    def predict_proba(
        self, X: Any, *, offset: ArrayLike | None = None, exposure: ArrayLike | None = None, n_jobs: int | None = None
    ) -> Scores:
        """Class probabilities, shape (n, n_classes), columns in the order of `classes`: the inverse link of the scores.

        Of classes that were fitted against the rest one by one, these are divided by their sum.

        Raises
        ------
        ValueError
            The model is of a regression, or its loss has no link to probabilities (hinge losses).
        """
        return self._probabilities(self.decision_function(X, offset=offset, exposure=exposure, n_jobs=n_jobs))

    def to_bytes(self) -> bytes:
        """The model as the bytes of a safetensors file: numbers and names, no code."""
        return pack_model(self.kind, self.n_features, self._tensors(), self.settings, self.classes, self.feature_names)

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """The model that `to_bytes` wrote, of the kind that it was.

        Raises
        ------
        ModelFormatError
            The bytes are no whole model. Everything is checked before it is used.
        """
        with damage_is_a_format_error():
            stored = unpack_model(data)
            require(stored.kind in Model.kinds, f"the model's kind={stored.kind!r} is not known.")
            return Model.kinds[stored.kind]._of_stored(stored)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, in full or not at all: a temporary file beside it is renamed at the end."""
        target = os.fspath(path)
        temporary = f"{target}.{uuid.uuid4().hex}.tmp"
        try:
            with open(temporary, "wb") as file:
                file.write(self.to_bytes())
            os.replace(temporary, target)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_bytes, (self.to_bytes(),)

    def _size(self) -> str:
        raise NotImplementedError

    def _tensors(self) -> dict[str, NDArray[Any]]:
        raise NotImplementedError

    @classmethod
    def _of_stored(cls, stored: StoredModel) -> Model:
        raise NotImplementedError

    def _offsets(self, offset: Any, exposure: Any, n_rows: int) -> list[Floats]:
        """What is added to the raw scores; a model that was fitted with an offset wants one."""
        if offset is None and exposure is None and self.settings["offset"]:
            raise ValueError("the model was fitted with an offset: pass offset=... or offset=0.")
        return read_offset(offset, exposure, self._link.name, n_rows, self.n_outputs)

    def _check_names(self, X: ArrayLike) -> None:
        names = getattr(X, "columns", None)
        if names is not None and self.feature_names is not None and list(names) != list(self.feature_names):
            raise ValueError(_names_message(list(names), list(self.feature_names)))

    def _answer(self, scores: Scores) -> NDArray[Any]:
        if self.classes is None:
            return scores if self._link.name == "identity" else self._link.response(scores)
        labels: NDArray[Any] = self.classes.take(scores > 0 if scores.ndim == 1 else scores.argmax(axis=1))
        return labels

    def _probabilities(self, scores: Scores) -> Scores:
        if self.classes is None:
            raise ValueError("predict_proba needs a classifier; this model is a regression.")
        if not self._link.gives_probabilities:
            raise ValueError(
                f"predict_proba needs a loss whose scores are linked to probabilities; loss={self.loss.name!r} has "
                f"link={self._link.name!r}."
            )
        p = self._link.response(scores)
        if p.ndim == 2:
            return p
        both = np.empty((len(p), 2))
        both[:, 0] = 1.0 - p
        both[:, 1] = p
        return both

    def _flat(self, scores: Scores) -> Scores:
        return scores[:, 0] if self.n_outputs == 1 else scores


def _names_message(given: list[Any], expected: list[Any]) -> str:
    missing = [name for name in expected if name not in given]
    extra = [name for name in given if name not in expected]
    if not missing and not extra:
        return f"X has its columns in another order than in training; expected {expected}."
    return f"X has other columns than in training: missing {missing}, not known {extra}."


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model that `Model.save` or an estimator's ``save`` wrote.

    Raises
    ------
    ModelFormatError
        The file is no whole model.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import curvature as cv, tempfile, os
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> est = cv.BoostedTreesRegressor(n_estimators=5).fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> est.save(path)
    >>> bool((cv.load(path).predict(X) == est.predict(X)).all())
    True
    """
    with open(path, "rb") as file:
        return Model.from_bytes(file.read())
