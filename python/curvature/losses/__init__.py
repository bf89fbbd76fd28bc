"""Losses: the named ones as small objects with their parameters, formulas written in NumPy, and arrays from Python.

Every loss here, and `Loss` made of a function, has ``value``, ``gradient``, ``hessian``, ``check`` and ``plot``.

Examples
--------
>>> from curvature import losses
>>> losses.Huber(delta=2.0).gradient([0.0, 0.0], [1.0, 5.0])
array([1., 2.])
"""

from .._symbols import FormulaError
from .arrays import FromArrays
from .check import CheckResult
from .labels import (
    Exponential,
    Focal,
    Hinge,
    KullbackLeibler,
    Logistic,
    ModifiedHuber,
    Perceptron,
    Softmax,
    SquaredHinge,
    ZeroOne,
)
from .loss import Loss
from .numeric import (
    Absolute,
    Asymmetric,
    EpsilonInsensitive,
    Expectile,
    Gamma,
    Huber,
    LogCosh,
    NegativeBinomial,
    Poisson,
    PseudoHuber,
    Quantile,
    Squared,
    SquaredLog,
    Tweedie,
)

__all__ = [
    "Absolute",
    "Asymmetric",
    "CheckResult",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "Focal",
    "FormulaError",
    "FromArrays",
    "Gamma",
    "Hinge",
    "Huber",
    "KullbackLeibler",
    "LogCosh",
    "Logistic",
    "Loss",
    "ModifiedHuber",
    "NegativeBinomial",
    "Perceptron",
    "Poisson",
    "PseudoHuber",
    "Quantile",
    "Softmax",
    "Squared",
    "SquaredHinge",
    "SquaredLog",
    "Tweedie",
    "ZeroOne",
]
