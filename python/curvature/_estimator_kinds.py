"""Regressors and classifiers as scikit-learn knows them, with scores that know offsets."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score


class Regressor(RegressorMixin):
    """A regressor whose predictions may have an offset."""

    def score(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:
        """R squared of the predictions; `offset` and `exposure` as at `predict`."""
        predicted = self.predict(X, offset=offset, exposure=exposure)
        return float(r2_score(y, predicted, sample_weight=sample_weight))


class Classifier(ClassifierMixin):
    """A classifier whose predictions may have an offset."""

    def score(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:
        """Share of labels that are predicted right; `offset` and `exposure` as at `predict`."""
        predicted = self.predict(X, offset=offset, exposure=exposure)
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))
