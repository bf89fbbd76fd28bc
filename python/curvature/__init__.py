"""Boosted trees and linear models from the gradient and the Hessian of any loss.

The estimators follow scikit-learn's conventions; the work is done by a C++ core. Importing the package, and predicting
with a loaded `Model`, import neither scikit-learn nor SciPy nor pandas: the estimators are imported when first named.
"""

from typing import TYPE_CHECKING, Any

from . import _openmp as _openmp  # isort: split  # before the core is loaded
from . import losses
from ._core import ModelFormatError, build_info
from ._dataset import Dataset
from ._derivatives import derivatives
from ._linear_model import LinearModel
from ._profile import profile
from ._schema import UnknownLevelWarning
from ._trees_model import TreesModel
from .losses import Loss
from .model import Model, load

if TYPE_CHECKING:
    from .boosting import BoostedTreesClassifier, BoostedTreesRegressor
    from .linear import LinearClassifier, LinearRegressor

__version__ = "0.1.0"

__all__ = [
    "BoostedTreesClassifier",
    "BoostedTreesRegressor",
    "Dataset",
    "LinearClassifier",
    "LinearModel",
    "LinearRegressor",
    "Loss",
    "Model",
    "ModelFormatError",
    "TreesModel",
    "UnknownLevelWarning",
    "build_info",
    "derivatives",
    "load",
    "losses",
    "profile",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import boosting, linear

        return getattr(linear if name.startswith("Linear") else boosting, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
