"""What every adapter offers."""

from __future__ import annotations

import importlib
import importlib.util
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ..settings import Settings, Task

if TYPE_CHECKING:  # NumPy's import belongs to the first library that needs it
    import numpy as np
    from numpy.typing import NDArray


class Library(ABC):
    """Fits and predicts on arrays in memory; what `fit` does counts as ingest and fit together."""

    package: ClassVar[str]

    @property
    def variant(self) -> bool:
        """Not what a user of the library gets by default: no part of the cases with defaults."""
        return False

    @property
    def max_updates(self) -> float:
        """Rows × columns × trees × depth beyond which the library is left out of a case."""
        return math.inf

    def missing(self) -> str | None:
        """Why the library cannot run here; None where it can."""
        return None if importlib.util.find_spec(self.package) else f"{self.package} is not installed"

    def load(self) -> None:
        """Import the library."""
        importlib.import_module(self.package)

    @abstractmethod
    def fit(self, X: NDArray[np.float32], y: NDArray[Any], task: Task, settings: Settings | None, threads: int) -> Any:
        """A fitted model; without `settings` by the library's defaults."""

    @abstractmethod
    def predict(self, model: Any, X: NDArray[np.float32], task: Task, threads: int) -> NDArray[Any]:
        """The probability of class 1, or the predicted value, of every row: shape (n,)."""
