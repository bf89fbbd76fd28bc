"""The libraries that are measured, by name. Naming one imports nothing: that is part of what is measured."""

from .base import Library
from .baseline import Baseline
from .catboost import CatBoost
from .curvature import Curvature
from .lightgbm import LightGBM
from .sklearn import HistGradientBoosting
from .xgboost import XGBoost

LIBRARIES: dict[str, Library] = {
    "curvature": Curvature(),
    "curvature-formula": Curvature(formula=True),
    "curvature-sampled": Curvature(structure_sample=0.1),
    "lightgbm": LightGBM(),
    "lightgbm-quantized": LightGBM(quantized=True),
    "lightgbm-callback": LightGBM(callback=True),
    "xgboost-lossguide": XGBoost(grow_policy="lossguide"),
    "xgboost-lossguide-callback": XGBoost(grow_policy="lossguide", callback=True),
    "xgboost-depthwise": XGBoost(grow_policy="depthwise"),
    "catboost-lossguide": CatBoost(grow_policy="Lossguide"),
    "catboost-symmetric": CatBoost(grow_policy="SymmetricTree"),
    "sklearn-hgb": HistGradientBoosting(),
    "baseline-numpy": Baseline(engine="numpy"),
    "baseline-python": Baseline(engine="python"),
}

__all__ = ["LIBRARIES", "Library"]
