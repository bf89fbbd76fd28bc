"""Draws the way down: the objective after every epoch, by optimizer."""

import numpy as np
from matplotlib.axes import Axes
from sklearn.datasets import load_digits

import curvature as cv

KINDS = {"sgd": 0.1, "momentum": 0.1, "adagrad": 0.1, "rmsprop": 0.003, "adam": 0.003}
EPOCHS = 50


def optimizers(axes: Axes) -> None:
    """How far above the least the objective is after every epoch."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    least = cv.LinearClassifier(alpha=1e-3).fit(X, y).objective_
    for optimizer, rate in KINDS.items():
        est = cv.LinearClassifier(alpha=1e-3, solver="sgd", optimizer=optimizer, learning_rate=rate)
        above = [est.partial_fit(X, y, classes=range(10)).objective_ / least - 1 for _ in range(EPOCHS)]
        axes.semilogy(np.arange(1, EPOCHS + 1), above, label=f"{optimizer}, rate {rate}")
    axes.set(xlabel="epoch", ylabel="F above the least, relative")
    axes.set_title("digits, ten classes, batches of 32 rows", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
