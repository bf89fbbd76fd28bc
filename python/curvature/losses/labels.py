"""The named losses of labels and probabilities."""

from __future__ import annotations

from dataclasses import dataclass

from .. import _core
from .columns import Floats
from .named import NamedLoss


@dataclass(frozen=True)
class Logistic(NamedLoss):
    """The Bernoulli log-likelihood on the log-odds scale; y may be a probability.

    ::

        l(y, f)  = log(1 + e^f) - y f
        gradient = p - y, with p = 1 / (1 + e^-f)
        Hessian  = p (1 - p)

    y in [0, 1]; link logit: the response is p.

    Examples
    --------
    >>> Logistic().gradient([0.0, 1.0, 0.25], [0.0, 0.0, 0.0])
    array([ 0.5 , -0.5 ,  0.25])
    """

    name = "logistic"


@dataclass(frozen=True)
class KullbackLeibler(NamedLoss):
    """The relative entropy of a probability y to the predicted one: the logistic loss less its least value.

    ::

        l(y, f)  = y log y + (1 - y) log(1 - y) + log(1 + e^f) - y f
        gradient = p - y, with p = 1 / (1 + e^-f)
        Hessian  = p (1 - p)

    y in [0, 1]; link logit: the response is p.

    References
    ----------
    S. Kullback, R. A. Leibler, On information and sufficiency, Annals of Mathematical Statistics 22 (1951).

    Examples
    --------
    >>> KullbackLeibler().value([0.5], [0.0])
    array([0.])
    """

    name = "kullback_leibler"


@dataclass(frozen=True)
class Focal(NamedLoss):
    """The logistic loss with less weight on rows that are predicted well.

    ::

        l(y, f)  = -q^gamma log p, with p = 1 / (1 + e^-s f), q = 1 - p, s = 1 where y = 1, else -1
        gradient = s (gamma p q^gamma log p - q^(gamma + 1))
        Hessian  = p q^gamma (gamma (q - gamma p) log p + (2 gamma + 1) q)

    y 0 or 1; link logit. The Hessian may be negative; steps take its absolute value.

    Parameters
    ----------
    gamma : float, at least 0
        0 is the logistic loss.

    References
    ----------
    T.-Y. Lin et al., Focal loss for dense object detection, ICCV (2017).

    Examples
    --------
    >>> Focal(gamma=0.0).hessian([1.0], [0.0])
    array([0.25])
    """

    gamma: float = 2.0
    name = "focal"


@dataclass(frozen=True)
class Exponential(NamedLoss):
    """The loss of AdaBoost.

    ::

        l(y, f)  = e^(-y f)
        gradient = -y e^(-y f)
        Hessian  = e^(-y f)

    y -1 or 1; link half_logit: the response is 1 / (1 + e^-2f).

    References
    ----------
    J. Friedman, T. Hastie, R. Tibshirani, Additive logistic regression, Annals of Statistics 28 (2000).

    Examples
    --------
    >>> Exponential().gradient([-1.0, 1.0], [0.0, 0.0])
    array([ 1., -1.])
    """

    name = "exponential"


@dataclass(frozen=True)
class Hinge(NamedLoss):
    """The loss of support vector machines.

    ::

        l(y, f)  = max(0, 1 - y f)
        gradient = -y where y f < 1, else 0
        Hessian  = 0

    y -1 or 1; link identity. Steps take the curvature 1 where y f < 1.

    References
    ----------
    C. Cortes, V. Vapnik, Support-vector networks, Machine Learning 20 (1995).

    Examples
    --------
    >>> Hinge().value([1.0, 1.0], [0.0, 2.0])
    array([1., 0.])
    """

    name = "hinge"


@dataclass(frozen=True)
class SquaredHinge(NamedLoss):
    """The square of the hinge loss.

    ::

        l(y, f)  = max(0, 1 - y f)^2
        gradient = -2 y (1 - y f) where y f < 1, else 0
        Hessian  = 2 where y f < 1, else 0

    y -1 or 1; link identity.

    Examples
    --------
    >>> SquaredHinge().value([1.0, 1.0], [-1.0, 2.0])
    array([4., 0.])
    """

    name = "squared_hinge"


@dataclass(frozen=True)
class ModifiedHuber(NamedLoss):
    """The squared hinge loss with a straight line for rows that are far on the wrong side.

    ::

        l(y, f)  = max(0, 1 - z)^2 where z >= -1, else -4 z, with z = y f
        gradient = -2 y max(0, 1 - z) where z >= -1, else -4 y
        Hessian  = 2 where -1 <= z < 1, else 0

    y -1 or 1; link clipped: the response is (min(max(f, -1), 1) + 1) / 2. Steps take the curvature 2 where z < 1.

    References
    ----------
    T. Zhang, Solving large scale linear prediction problems using stochastic gradient descent algorithms, ICML (2004).

    Examples
    --------
    >>> ModifiedHuber().value([1.0, 1.0], [0.0, -3.0])
    array([ 1., 12.])
    """

    name = "modified_huber"


@dataclass(frozen=True)
class Perceptron(NamedLoss):
    """The loss of the perceptron: the distance on the wrong side.

    ::

        l(y, f)  = max(0, -y f)
        gradient = -y where y f <= 0, else 0
        Hessian  = 0

    y -1 or 1; link identity. Steps take the curvature 1 where y f <= 0.

    References
    ----------
    F. Rosenblatt, The perceptron, Psychological Review 65 (1958).

    Examples
    --------
    >>> Perceptron().value([1.0, 1.0], [-2.0, 2.0])
    array([2., 0.])
    """

    name = "perceptron"


@dataclass(frozen=True)
class Softmax(NamedLoss):
    """The multinomial log-likelihood: a score for each of K classes.

    ::

        l(y, f)  = log(sum of e^f_k) - f_y
        gradient = p_k - [y = k], with p_k = e^f_k / sum of e^f_j
        Hessian  = p_k (1 - p_k), the diagonal

    y the number of a class, 0 to K - 1; link softmax: the responses are p. K is found by the fit, or from the columns
    of f.

    Examples
    --------
    >>> Softmax().gradient([1.0], [[0.0, 0.0]])
    array([[ 0.5, -0.5]])
    """

    name = "softmax"

    def core(self, columns: list[Floats] | None = None, n_classes: int = 0) -> _core.Loss:
        """The loss as the core runs it, of at least two classes; several columns are shares of the classes."""
        of_shares = columns is not None and len(columns) > 1
        return _core.named_loss(self.name, {}, self.outputs(n_classes), of_shares=of_shares)

    def outputs(self, n_classes: int = 0) -> int:
        """A raw score a class."""
        return max(n_classes, 2)


@dataclass(frozen=True)
class ZeroOne(NamedLoss):
    """Whether the label is wrong: a metric, which no fit can follow.

    ::

        l(y, f)  = 1 where (f > 0) differs from y, else 0
        gradient = 0
        Hessian  = 0

    y 0 or 1; link identity.

    Examples
    --------
    >>> ZeroOne().value([1.0, 1.0], [-0.5, 0.5])
    array([1., 0.])
    """

    name = "zero_one"
