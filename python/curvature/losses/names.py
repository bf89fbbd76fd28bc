"""The names of the losses, here and in other libraries."""

from __future__ import annotations

import difflib

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
from .named import NamedLoss
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

OF_LABELS = (
    Logistic,
    Softmax,
    KullbackLeibler,
    Focal,
    Exponential,
    Hinge,
    SquaredHinge,
    ModifiedHuber,
    Perceptron,
)
OF_NUMBERS = (
    Squared,
    Absolute,
    Huber,
    PseudoHuber,
    LogCosh,
    Quantile,
    Expectile,
    EpsilonInsensitive,
    SquaredLog,
    Asymmetric,
    Poisson,
    Gamma,
    Tweedie,
    NegativeBinomial,
)
NAMED: dict[str, type[NamedLoss]] = {loss.name: loss for loss in (*OF_NUMBERS, *OF_LABELS, ZeroOne)}

_TWO_OR_MORE = "'logistic' (two classes) or 'softmax' (more)"
# What users of other libraries type, and what it is called here.
RIVAL_LOSSES = {
    **dict.fromkeys(
        "squared_error mse l2 regression regression_l2 mean_squared_error rmse ls squarederror reg:squarederror "
        "gaussian".split(),
        "'squared'",
    ),
    **dict.fromkeys(
        "mae l1 absolute_error regression_l1 mean_absolute_error lad reg:absoluteerror laplace".split(), "'absolute'"
    ),
    **dict.fromkeys("pinball quantile_loss reg:quantileerror".split(), "'quantile'"),
    **dict.fromkeys("reg:pseudohubererror pseudohuber".split(), "'pseudo_huber'"),
    **dict.fromkeys("logcosh log-cosh".split(), "'log_cosh'"),
    **dict.fromkeys("msle reg:squaredlogerror mean_squared_log_error".split(), "'squared_log'"),
    **dict.fromkeys("count:poisson poisson_loss".split(), "'poisson'"),
    "reg:gamma": "'gamma'",
    "reg:tweedie": "'tweedie'",
    **dict.fromkeys("epsilon-insensitive svr".split(), "'epsilon_insensitive'"),
    **dict.fromkeys(
        "binary binary:logistic reg:logistic binary_crossentropy bernoulli logloss binomial_deviance binomial".split(),
        "'logistic'",
    ),
    **dict.fromkeys("log_loss cross_entropy deviance crossentropy xentropy".split(), _TWO_OR_MORE),
    **dict.fromkeys(
        "multi:softprob multi:softmax multiclass multinomial multinomial_deviance categorical_crossentropy".split(),
        "'softmax'",
    ),
    **dict.fromkeys("adaboost exponential_loss".split(), "'exponential'"),
    "binary:hinge": "'hinge'",
    **dict.fromkeys("kldiv kullback-leibler cross_entropy_lambda".split(), "'kullback_leibler'"),
    **dict.fromkeys("zero-one 0-1 accuracy".split(), "'zero_one'"),
}


def meant_by(name: str) -> str:
    """The end of a sentence on a name that is not known."""
    if meant := RIVAL_LOSSES.get(name.lower()):
        return f"is called {meant} here."
    plain = name.lower().replace("-", "_").replace(" ", "_")
    if nearest := difflib.get_close_matches(plain, NAMED, n=1):
        return f"is not known: did you mean {nearest[0]!r}?"
    return f"is not known; the names are {', '.join(map(repr, NAMED))}."
