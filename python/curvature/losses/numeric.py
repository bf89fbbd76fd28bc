"""The named losses of numbers and counts."""

from __future__ import annotations

from dataclasses import dataclass

from .named import NamedLoss


@dataclass(frozen=True)
class Squared(NamedLoss):
    """Half the squared error; its minimiser is the mean.

    ::

        l(y, f)  = (y - f)^2 / 2
        gradient = f - y
        Hessian  = 1

    Any y; link identity.

    Examples
    --------
    >>> Squared().gradient([1.0, 2.0], [0.0, 5.0])
    array([-1.,  3.])
    """

    name = "squared"


@dataclass(frozen=True)
class Absolute(NamedLoss):
    """The absolute error; its minimiser is the median.

    ::

        l(y, f)  = |y - f|
        gradient = sign(f - y), 0 where f = y
        Hessian  = 0

    Any y; link identity. Trees take the curvature 1 to find splits and the weighted median as the value of a leaf.

    Examples
    --------
    >>> Absolute().value([1.0, 2.0], [0.0, 5.0])
    array([1., 3.])
    """

    name = "absolute"


@dataclass(frozen=True)
class Huber(NamedLoss):
    """Squared near the target, absolute beyond delta.

    ::

        l(y, f)  = r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = y - f
        gradient = -r where |r| <= delta, else -delta sign(r)
        Hessian  = 1 where |r| <= delta, else 0

    Any y; link identity. Steps take the curvature min(1, delta / |r|), of a parabola above the loss.

    Parameters
    ----------
    delta : float, above 0
        The residual where the parabola passes into straight lines.

    References
    ----------
    P. J. Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 35 (1964).

    Examples
    --------
    >>> Huber(delta=2.0).value([0.0, 0.0], [1.0, 5.0])
    array([0.5, 8. ])
    """

    delta: float = 1.0
    name = "huber"


@dataclass(frozen=True)
class PseudoHuber(NamedLoss):
    """A smooth Huber loss.

    ::

        l(y, f)  = delta^2 (sqrt(1 + (r / delta)^2) - 1), with r = y - f
        gradient = -r / sqrt(1 + (r / delta)^2)
        Hessian  = (1 + (r / delta)^2)^(-3/2)

    Any y; link identity. Steps take the curvature 1 / sqrt(1 + (r / delta)^2), of a parabola above the loss.

    Parameters
    ----------
    delta : float, above 0
        The residual around which the parabola passes into straight lines.

    References
    ----------
    P. Charbonnier et al., Deterministic edge-preserving regularization in computed imaging, IEEE Transactions on Image
    Processing 6 (1997).

    Examples
    --------
    >>> PseudoHuber(delta=1.0).hessian([0.0], [0.0])
    array([1.])
    """

    delta: float = 1.0
    name = "pseudo_huber"


@dataclass(frozen=True)
class LogCosh(NamedLoss):
    """Squared near the target, absolute far from it, and smooth.

    ::

        l(y, f)  = log cosh(y - f)
        gradient = tanh(f - y)
        Hessian  = 1 / cosh(y - f)^2

    Any y; link identity. Steps take the curvature tanh(r) / r, of a parabola above the loss.

    Examples
    --------
    >>> LogCosh().gradient([0.0, 1e6], [0.0, 0.0])
    array([ 0., -1.])
    """

    name = "log_cosh"


@dataclass(frozen=True)
class Quantile(NamedLoss):
    """The pinball loss; its minimiser is the quantile of the given level.

    ::

        l(y, f)  = level r where r >= 0, else (level - 1) r, with r = y - f
        gradient = -level where r > 0, 1 - level where r < 0, 0 where r = 0
        Hessian  = 0

    Any y; link identity. Trees take the curvature 1 to find splits and the weighted quantile as the value of a leaf.

    Parameters
    ----------
    level : float in (0, 1)
        The share of targets below the prediction.

    References
    ----------
    R. Koenker, G. Bassett, Regression quantiles, Econometrica 46 (1978).

    Examples
    --------
    >>> Quantile(level=0.75).value([4.0, 0.0], [0.0, 4.0])
    array([3., 1.])
    """

    level: float = 0.5
    name = "quantile"


@dataclass(frozen=True)
class Expectile(NamedLoss):
    """Squared error with other weights above and below; its minimiser is the expectile of the given level.

    ::

        l(y, f)  = |level - [r < 0]| r^2, with r = y - f
        gradient = -2 |level - [r < 0]| r
        Hessian  = 2 |level - [r < 0]|

    Any y; link identity.

    Parameters
    ----------
    level : float in (0, 1)
        1/2 is the squared loss.

    References
    ----------
    W. K. Newey, J. L. Powell, Asymmetric least squares estimation and testing, Econometrica 55 (1987).

    Examples
    --------
    >>> Expectile(level=0.75).value([2.0, 0.0], [0.0, 2.0])
    array([3., 1.])
    """

    level: float = 0.5
    name = "expectile"


@dataclass(frozen=True)
class EpsilonInsensitive(NamedLoss):
    """The absolute error beyond epsilon, nothing within: the loss of support vector regression.

    ::

        l(y, f)  = max(|y - f| - epsilon, 0)
        gradient = sign(f - y) where |y - f| > epsilon, else 0
        Hessian  = 0

    Any y; link identity. Trees take the curvature 1 to find splits and the exact minimiser as the value of a leaf.

    Parameters
    ----------
    epsilon : float, at least 0
        Half the width of what costs nothing.

    References
    ----------
    V. Vapnik, The Nature of Statistical Learning Theory (1995).

    Examples
    --------
    >>> EpsilonInsensitive(epsilon=1.0).value([0.0, 0.0], [0.5, 3.0])
    array([0., 2.])
    """

    epsilon: float = 0.1
    name = "epsilon_insensitive"


@dataclass(frozen=True)
class SquaredLog(NamedLoss):
    """Half the squared error of log(1 + y).

    ::

        l(y, f)  = (log(1 + y) - f)^2 / 2
        gradient = f - log(1 + y)
        Hessian  = 1

    y above -1; link log1p: the response is e^f - 1.

    Examples
    --------
    >>> SquaredLog().value([0.0], [2.0])
    array([2.])
    """

    name = "squared_log"


@dataclass(frozen=True)
class Asymmetric(NamedLoss):
    """Squared error where predictions above and below the target cost differently.

    ::

        l(y, f)  = c (y - f)^2 / 2, with c = under where y > f, over elsewhere
        gradient = c (f - y)
        Hessian  = c

    Any y; link identity.

    Parameters
    ----------
    over, under : float, above 0
        The cost of a prediction above the target, and of one below.

    Examples
    --------
    >>> Asymmetric(over=1.0, under=10.0).value([1.0, 1.0], [0.0, 2.0])
    array([5. , 0.5])
    """

    over: float = 1.0
    under: float = 10.0
    name = "asymmetric"


@dataclass(frozen=True)
class Poisson(NamedLoss):
    """Half the Poisson deviance on the log scale, up to a constant of y: for counts and rates.

    ::

        l(y, f)  = e^f - y f
        gradient = e^f - y
        Hessian  = e^f

    y at least 0; link log: the response is e^f.

    Examples
    --------
    >>> Poisson().gradient([0.0, 3.0], [0.0, 0.0])
    array([ 1., -2.])
    """

    name = "poisson"


@dataclass(frozen=True)
class Gamma(NamedLoss):
    """Half the gamma deviance on the log scale, up to a constant of y: for positive amounts.

    ::

        l(y, f)  = y e^-f + f
        gradient = 1 - y e^-f
        Hessian  = y e^-f

    y above 0; link log: the response is e^f.

    Examples
    --------
    >>> Gamma().gradient([1.0, 3.0], [0.0, 0.0])
    array([ 0., -2.])
    """

    name = "gamma"


@dataclass(frozen=True)
class Tweedie(NamedLoss):
    """Half the Tweedie deviance on the log scale, up to a constant of y: for amounts that are often 0.

    ::

        l(y, f)  = e^((2 - p) f) / (2 - p) - y e^((1 - p) f) / (1 - p), with p = power
        gradient = e^((2 - p) f) - y e^((1 - p) f)
        Hessian  = (2 - p) e^((2 - p) f) - (1 - p) y e^((1 - p) f)

    y at least 0; link log: the response is e^f.

    Parameters
    ----------
    power : float in (1, 2)
        The variance grows like the mean to this power; near 1 Poisson, near 2 gamma.

    References
    ----------
    B. Jorgensen, The Theory of Dispersion Models (1997).

    Examples
    --------
    >>> Tweedie(power=1.5).gradient([0.0, 3.0], [0.0, 0.0])
    array([ 1., -2.])
    """

    power: float = 1.5
    name = "tweedie"


@dataclass(frozen=True)
class NegativeBinomial(NamedLoss):
    """The negative binomial log-likelihood, up to a constant of y: for counts that vary more than Poisson's.

    ::

        l(y, f)  = (y + 1/a) log(1 + a e^f) - y f, with a = dispersion
        gradient = (e^f - y) / (1 + a e^f)
        Hessian  = e^f (1 + a y) / (1 + a e^f)^2

    y at least 0; link log: the response is e^f, the variance m + a m^2.

    Parameters
    ----------
    dispersion : float, above 0
        Near 0 the loss is Poisson's.

    References
    ----------
    J. M. Hilbe, Negative Binomial Regression (2011).

    Examples
    --------
    >>> NegativeBinomial(dispersion=1.0).gradient([0.0, 3.0], [0.0, 0.0])
    array([ 0.5, -1. ])
    """

    dispersion: float = 1.0
    name = "negative_binomial"
