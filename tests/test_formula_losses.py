"""Named losses restated as formulas: the formula engine and the hand-written C++ check each other."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from curvature import losses
from curvature.losses import Huber, Logistic, Loss, Softmax, Tweedie

RNG = np.random.default_rng(11)


def signed(y: Any) -> Any:
    return 2 * y - 1


# Smooth named losses restated in NumPy, and the targets and scores where their derivatives are held together.
SCORES = np.concatenate([[-700.0, 700.0, 0.0], RNG.uniform(-30, 30, 300), RNG.normal(size=300)])
RESIDUALS = np.concatenate([[-1e6, 1e6, 0.0, 1e-9], RNG.uniform(-1e3, 1e3, 300), RNG.normal(size=300)])
COUNTS = np.floor(RNG.uniform(0, 20, len(SCORES)))
SHARES = RNG.uniform(0, 1, len(SCORES))
FLAGS = (SHARES > 0.5).astype(float)
MODERATE = np.clip(SCORES, -300, 300)

Pair = tuple[Any, Callable[[Any, Any], Any], np.ndarray, np.ndarray]
RESTATED: dict[str, Pair] = {
    "squared": (losses.Squared(), lambda y, f: (y - f) ** 2 / 2, 0 * RESIDUALS, RESIDUALS),
    "pseudo_huber": (
        losses.PseudoHuber(2.0),
        lambda y, f: 4.0 * (np.sqrt(1 + ((y - f) / 2.0) ** 2) - 1),
        0 * RESIDUALS,
        RESIDUALS,
    ),
    "log_cosh": (losses.LogCosh(), lambda y, f: np.log(np.cosh(y - f)), 0 * RESIDUALS, RESIDUALS),
    "huber": (
        Huber(1.5),
        lambda y, f: np.where(abs(y - f) <= 1.5, (y - f) ** 2 / 2, 1.5 * (abs(y - f) - 0.75)),
        0 * RESIDUALS,
        RESIDUALS,
    ),
    "expectile": (
        losses.Expectile(0.8),
        lambda y, f: np.where(y < f, 1 - 0.8, 0.8) * (y - f) ** 2,
        0 * RESIDUALS,
        RESIDUALS,
    ),
    "asymmetric": (
        losses.Asymmetric(1.0, 10.0),
        lambda y, f: np.where(y > f, 10.0, 1.0) * (y - f) ** 2 / 2,
        0 * RESIDUALS,
        RESIDUALS,
    ),
    "squared_log": (losses.SquaredLog(), lambda y, f: (np.log1p(y) - f) ** 2 / 2, COUNTS, SCORES),
    "poisson": (losses.Poisson(), lambda y, f: np.exp(f) - y * f, COUNTS, SCORES),
    "gamma": (losses.Gamma(), lambda y, f: y * np.exp(-f) + f, COUNTS + 0.5, SCORES),
    "tweedie": (
        Tweedie(1.3),
        lambda y, f: -y * np.exp((1 - 1.3) * f) / (1 - 1.3) + np.exp((2 - 1.3) * f) / (2 - 1.3),
        COUNTS,
        SCORES,
    ),
    "negative_binomial": (
        losses.NegativeBinomial(1.0),
        lambda y, f: (y + 1) * np.log(1 + np.exp(f)) - y * f,
        COUNTS,
        SCORES,
    ),
    "logistic": (Logistic(), lambda y, f: np.log(1 + np.exp(f)) - y * f, SHARES, SCORES),
    "kullback_leibler": (
        losses.KullbackLeibler(),
        lambda y, f: special.xlogy(y, y) + special.xlogy(1 - y, 1 - y) + np.log(1 + np.exp(f)) - y * f,
        SHARES,
        SCORES,
    ),
    "focal": (
        losses.Focal(2.0),
        lambda y, f: -((1 - special.expit((2 * y - 1) * f)) ** 2) * np.log(special.expit((2 * y - 1) * f)),
        FLAGS,
        MODERATE,
    ),
    "exponential": (losses.Exponential(), lambda y, f: np.exp(-y * f), signed(FLAGS), SCORES),
    "squared_hinge": (losses.SquaredHinge(), lambda y, f: np.maximum(0, 1 - y * f) ** 2, signed(FLAGS), SCORES),
}


@pytest.mark.parametrize(("named", "function", "y", "f"), RESTATED.values(), ids=RESTATED)
def test_a_formula_has_the_derivatives_of_the_named_loss(
    named: Any, function: Callable[[Any, Any], Any], y: np.ndarray, f: np.ndarray
) -> None:
    """Formula engine and hand-written C++ check each other, far out in the tails too."""
    formula = Loss(function)
    size = 1.0 if y is SHARES or y is FLAGS else np.maximum(1.0, np.abs(y))  # of the terms that p - y cancels
    for of in ("gradient", "hessian"):
        exact, derived = getattr(named, of)(y, f), getattr(formula, of)(y, f)
        assert np.isfinite(derived).all()
        np.testing.assert_allclose(derived, exact, rtol=1e-12, atol=1e-15 * np.max(size))


def test_softmax_as_a_formula() -> None:
    f = RNG.normal(size=(100, 3)) * 20
    f[0] = [700.0, -700.0, 0.0]
    y = RNG.integers(0, 3, 100).astype(float)

    def loss(y: Any, f: Any) -> Any:
        own = np.where(y == 0, f[0], np.where(y == 1, f[1], f[2]))
        return np.log(np.exp(f[0]) + np.exp(f[1]) + np.exp(f[2])) - own

    formula, named = Loss(loss, link="softmax"), Softmax()
    assert formula.outputs() == 3
    np.testing.assert_allclose(formula.value(y, f), named.value(y, f), rtol=1e-12, atol=1e-16 * np.abs(f).max())
    for of in ("gradient", "hessian"):
        np.testing.assert_allclose(getattr(formula, of)(y, f), getattr(named, of)(y, f), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(formula.link.response(f), special.softmax(f, axis=1), rtol=1e-12)
