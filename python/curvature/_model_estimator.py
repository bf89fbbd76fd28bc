"""What all estimators share: a fit in full or not at all, and the model that answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, Self, TypeVar

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ._params import KnownParameters
from ._threads import thread_count
from .losses.loss import read_loss
from .model import Model

M = TypeVar("M", bound=Model)

_names_of: dict[Any, list[str]] = {}  # parameters, by the constructor


class ModelEstimator(KnownParameters, BaseEstimator, Generic[M]):
    """An estimator whose fit makes a `Model`."""

    _model_kind: type[M]
    model_: M
    n_features_in_: int
    n_jobs: Any

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """As scikit-learn has it, which reads the constructor's signature at every call."""
        if cls.__init__ not in _names_of:
            _names_of[cls.__init__] = super()._get_param_names()
        return list(_names_of[cls.__init__])

    @contextmanager
    def _whole_or_nothing(self) -> Iterator[None]:
        """Where a fit fails, leave the estimator as it was."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The fitted estimator of a model, with the parameters that shaped it.

        Raises
        ------
        ValueError
            The model is of another kind (trees, linear; regression, classification).
        """
        of_classes = model.classes is not None
        if not isinstance(model, cls._model_kind) or of_classes != issubclass(cls, ClassifierMixin):
            raise ValueError(f"{model!r} is not for a {cls.__name__}.")
        estimator = cls(loss=model.loss.as_parameter(), **cls._parameters_of(model))
        estimator.model_ = model
        estimator.n_features_in_ = model.n_features
        if of_classes:
            estimator.classes_ = model.classes
        if model.feature_names is not None:
            estimator.feature_names_in_ = model.feature_names.astype(object)
        return estimator

    @classmethod
    def _parameters_of(cls, model: Model) -> dict[str, Any]:
        parameters = dict(model.settings["parameters"])
        if isinstance(by_class := parameters.get("class_weight"), list) and model.classes is not None:
            parameters["class_weight"] = dict(zip(model.classes.tolist(), by_class, strict=True))
        if parameters.get("classes"):
            parameters["classes"] = model.classes
        return parameters

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a safetensors file; `curvature.load` reads it. See `Model.save`."""
        self._fitted().save(path)

    def _fitted(self) -> M:
        if "model_" not in self.__dict__:
            check_is_fitted(self)  # takes as long as many rows; here for its error
        return self.model_

    def _threads(self) -> int:
        return thread_count(self.n_jobs)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")


def has_probabilities(estimator: Any) -> bool:
    """Whether a classifier's scores are linked to probabilities; a bad loss is left for `fit` to name."""
    if estimator.__sklearn_is_fitted__():
        return bool(estimator.model_.has_probabilities)
    try:
        return read_loss(estimator.loss).of_classes(2).link.gives_probabilities
    except ValueError:
        return True


def stored_of_classes(parameters: dict[str, Any], classes: Any) -> dict[str, Any]:
    """What a model's settings hold of `class_weight` and `classes`: labels are tensors of the model file, not JSON."""
    class_weight, stored = parameters["class_weight"], {}
    if isinstance(class_weight, dict):
        stored["class_weight"] = [float(class_weight.get(label, 1.0)) for label in classes.tolist()]
    elif class_weight is not None:
        stored["class_weight"] = class_weight
    return stored if parameters["classes"] is None else stored | {"classes": True}
