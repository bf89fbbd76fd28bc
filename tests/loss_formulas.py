"""The built-in losses once more: values only, in as many digits as it takes; derivatives follow numerically."""

from collections.abc import Callable
from dataclasses import dataclass, field

import mpmath
from mpmath import mpf

DIGITS = 420  # e^-700 beside 1, and its differences, with digits to spare


@dataclass
class Formula:
    """A loss, targets to try, and the parameters to try it with.

    `sizes`: what rounding errors of value, gradient and Hessian are relative to, where that is not the result itself.
    """

    value: Callable
    targets: tuple[float, ...]
    parameters: tuple[dict[str, float], ...] = ({},)
    kinks: Callable = field(default=lambda y, p: ())  # scores where a derivative jumps
    of_residual: bool = False
    sizes: Callable | None = None

    def derivatives(self, y: float, f: float, p: dict[str, float]) -> tuple[mpf, mpf, mpf]:
        """Value, gradient and Hessian by differences of 420 digits."""
        with mpmath.workdps(DIGITS):
            step = mpf(10) ** (-DIGITS // 8)
            below, here, above = (self.value(mpf(y), mpf(f) + k * step, p) for k in (-1, 0, 1))
            return here, (above - below) / (2 * step), (above - 2 * here + below) / step**2


def softplus(f):
    return mpmath.log1p(mpmath.exp(f))


def xlogy(x):
    return x * mpmath.log(x) if x else mpf(0)


def sigmoid(f):
    return 1 / (1 + mpmath.exp(-f))


def huber(y, f, p):
    r, delta = abs(y - f), mpf(p["delta"])
    return r**2 / 2 if r <= delta else delta * (r - delta / 2)


def tweedie(y, f, p):
    power = mpf(p["power"])
    return -y * mpmath.exp((1 - power) * f) / (1 - power) + mpmath.exp((2 - power) * f) / (2 - power)


def negative_binomial(y, f, p):
    a = mpf(p["dispersion"])
    return (y + 1 / a) * mpmath.log(1 + a * mpmath.exp(f)) - y * f


def focal(y, f, p):
    z = f if y == 1 else -f
    return -(sigmoid(-z) ** mpf(p["gamma"])) * mpmath.log(sigmoid(z))


def modified_huber(y, f, p):
    z = y * f
    return max(1 - z, 0) ** 2 if z >= -1 else -4 * z


def logistic_sizes(y, f, p):
    return 0.0, float(sigmoid(f)) + y, 0.0


def kullback_leibler_sizes(y, f, p):
    value = float(softplus(f)) + abs(y * f) + 1 if 0 < y < 1 else 0.0
    return value, float(sigmoid(f)) + y, 0.0


def poisson_sizes(y, f, p):
    mean = float(mpmath.exp(f))
    return mean + abs(y * f), mean + y, mean


def gamma_sizes(y, f, p):
    ratio = y * float(mpmath.exp(-f))
    return ratio + abs(f), ratio + 1, ratio


def tweedie_sizes(y, f, p):
    """A rounding of (1 - power) f or (2 - power) f is one of the result times |f|."""
    up, down = 2 - p["power"], p["power"] - 1
    a, b = y * float(mpmath.exp(-down * f)), float(mpmath.exp(up * f))
    return tuple((1 + abs(f)) * size for size in (a / down + b / up, a + b, down * a + up * b))


def negative_binomial_sizes(y, f, p):
    """Likewise of f + log a."""
    a = p["dispersion"]
    s = f + float(mpmath.log(a))
    total, mean, rest = float(softplus(s)), float(sigmoid(s)), float(sigmoid(-s))
    grown = 1 + abs(f) + abs(s)
    return (y + 1 / a) * total * grown + abs(y * f), (mean / a + y * rest) * grown, (y + 1 / a) * mean * rest * grown


def focal_sizes(y, f, p):
    """Likewise of gamma log q; its Hessian is a difference."""
    g, z = p["gamma"], f if y == 1 else -f
    prob, rest = sigmoid(z), sigmoid(-z)
    fade, log_p = rest**g, -softplus(-z)
    sizes = (
        -fade * log_p,
        fade * (rest - g * prob * log_p),
        prob * fade * (g * (rest + g * prob) * -log_p + (2 * g + 1) * rest),
    )
    return tuple(float((1 + g * abs(f)) * size) for size in sizes)


ANY = (-3.0, 0.0, 0.5, 1024.0)
COUNTS = (0.0, 0.5, 3.0, 1024.0)
SHARES = (0.0, 0.25, 0.5, 1.0)
SIGNS = (-1.0, 1.0)
LEVELS = ({"level": 0.5}, {"level": 0.25}, {"level": 0.875})


def at_y(y, p):
    return (y,)


FORMULAS = {
    "squared": Formula(lambda y, f, p: (y - f) ** 2 / 2, ANY, of_residual=True),
    "absolute": Formula(lambda y, f, p: abs(y - f), ANY, kinks=at_y, of_residual=True),
    "huber": Formula(
        huber,
        ANY,
        ({"delta": 1.0}, {"delta": 0.25}, {"delta": 64.0}),
        lambda y, p: (y - p["delta"], y + p["delta"]),
        of_residual=True,
    ),
    "pseudo_huber": Formula(
        lambda y, f, p: mpf(p["delta"]) ** 2 * (mpmath.sqrt(1 + ((y - f) / mpf(p["delta"])) ** 2) - 1),
        ANY,
        ({"delta": 1.0}, {"delta": 0.25}, {"delta": 64.0}),
        of_residual=True,
    ),
    "log_cosh": Formula(lambda y, f, p: mpmath.log(mpmath.cosh(y - f)), ANY, of_residual=True),
    "quantile": Formula(
        lambda y, f, p: max(mpf(p["level"]) * (y - f), (mpf(p["level"]) - 1) * (y - f)),
        ANY,
        LEVELS,
        kinks=at_y,
        of_residual=True,
    ),
    "expectile": Formula(
        lambda y, f, p: abs(mpf(p["level"]) - (y < f)) * (y - f) ** 2, ANY, LEVELS, at_y, of_residual=True
    ),
    "epsilon_insensitive": Formula(
        lambda y, f, p: max(abs(y - f) - mpf(p["epsilon"]), mpf(0)),
        ANY,
        ({"epsilon": 0.125}, {"epsilon": 0.0}, {"epsilon": 4.0}),
        lambda y, p: (y - p["epsilon"], y + p["epsilon"]),
        of_residual=True,
    ),
    "squared_log": Formula(
        lambda y, f, p: (mpmath.log(1 + y) - f) ** 2 / 2,
        (-0.5, 0.0, 2.0**-40, 3.0, 1e6),
        sizes=lambda y, f, p: ((1 + abs(f) + float(mpmath.log(1 + y)) ** 2) ** 2, 15 + abs(f), 1),
    ),
    "asymmetric": Formula(
        lambda y, f, p: mpf(p["under"] if y > f else p["over"]) * (y - f) ** 2 / 2,
        ANY,
        ({"over": 1.0, "under": 10.0}, {"over": 3.0, "under": 0.5}),
        at_y,
        of_residual=True,
    ),
    "poisson": Formula(lambda y, f, p: mpmath.exp(f) - y * f, COUNTS, sizes=poisson_sizes),
    "gamma": Formula(lambda y, f, p: y * mpmath.exp(-f) + f, (2.0**-20, 0.5, 1024.0), sizes=gamma_sizes),
    "tweedie": Formula(tweedie, COUNTS, ({"power": 1.5}, {"power": 1.125}), sizes=tweedie_sizes),
    "negative_binomial": Formula(
        negative_binomial,
        COUNTS,
        ({"dispersion": 1.0}, {"dispersion": 0.01}, {"dispersion": 30.0}),
        sizes=negative_binomial_sizes,
    ),
    "logistic": Formula(lambda y, f, p: softplus(f) - y * f, SHARES, sizes=logistic_sizes),
    "kullback_leibler": Formula(
        lambda y, f, p: xlogy(y) + xlogy(1 - y) + softplus(f) - y * f,
        SHARES,
        sizes=kullback_leibler_sizes,
    ),
    "focal": Formula(focal, (0.0, 1.0), ({"gamma": 2.0}, {"gamma": 0.0}, {"gamma": 0.5}), sizes=focal_sizes),
    "exponential": Formula(lambda y, f, p: mpmath.exp(-y * f), SIGNS),
    "hinge": Formula(lambda y, f, p: max(1 - y * f, mpf(0)), SIGNS, kinks=at_y),
    "squared_hinge": Formula(lambda y, f, p: max(1 - y * f, mpf(0)) ** 2, SIGNS, kinks=at_y),
    "modified_huber": Formula(modified_huber, SIGNS, kinks=lambda y, p: (-1.0, 1.0)),
    "perceptron": Formula(lambda y, f, p: max(-y * f, mpf(0)), SIGNS, kinks=lambda y, p: (0.0,)),
    "zero_one": Formula(lambda y, f, p: mpf((f > 0) != y), (0.0, 1.0), kinks=lambda y, p: (0.0,)),
}
