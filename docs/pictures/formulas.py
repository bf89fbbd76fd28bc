"""The picture of two losses written as formulas, for docs/formulas.md; `make.py` draws it with the others."""

import numpy as np
from matplotlib.axes import Axes
from scipy.special import log_expit

import curvature as cv


def asymmetric(y, f):  # noqa: ANN001, ANN201 - as in the guide
    """Too little costs ten times as much as too much."""
    r = y - f
    return np.where(r > 0, 10.0, 1.0) * r**2


def focal(y, f, gamma=2.0):  # noqa: ANN001, ANN201
    """Look away from what is already certain."""
    margin = np.where(y == 1, f, -f)
    return -((1 - np.exp(log_expit(margin))) ** gamma) * log_expit(margin)


def formulas(axes: Axes) -> None:
    """Value, gradient and Hessian of the asymmetric loss and of the focal loss, over the score."""
    figure = axes.figure
    axes.remove()
    left, right = figure.subplots(1, 2)
    cv.Loss(asymmetric).plot(y=0.0, f=np.linspace(-1.5, 1.5, 301), ax=left)
    cv.Loss(focal).plot(y=1.0, f=np.linspace(-5, 5, 401), ax=right)
    left.set_title("asymmetric, y = 0", fontsize=10)
    right.set_title("focal, y = 1", fontsize=10)
    for own in (left, right):
        own.spines[["top", "right"]].set_visible(False)
