"""Draws the pictures of the user guide: ``python docs/pictures/make.py [NAME ...]``. Needs matplotlib.

A function a picture; its name is the file's. Data are those that scikit-learn ships, so nothing is downloaded.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from formulas import formulas
from linear import linear
from matplotlib.axes import Axes
from optimizers import optimizers
from phases import phases
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

import curvature as cv
from curvature import _core

FOLDER = Path(__file__).parent
BLUE, ORANGE, GREEN, GREY = "#2b6cb0", "#c05621", "#2f855a", "#a0aec0"


def staged_loss(axes: Axes) -> None:
    """Held-out error after every tree, for three learning rates: how many trees are enough."""
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    for rate, colour in ((0.3, ORANGE), (0.08, BLUE), (0.03, GREEN)):
        est = cv.BoostedTreesRegressor(learning_rate=rate).fit(X_train, y_train)
        errors = [root_mean_squared_error(y_test, f) for f in est.staged_predict(X_test)]
        best = int(np.argmin(errors))
        axes.plot(np.arange(1, len(errors) + 1), errors, color=colour, label=f"learning_rate={rate}")
        axes.plot(best + 1, errors[best], "o", color=colour)
    axes.set(xlabel="trees", ylabel="held-out RMSE")
    axes.set_title("diabetes, one split; dots: the least error", fontsize=10)
    axes.legend(frameon=False)


def cuts(axes: Axes) -> None:
    """Cuts of a skewed column into 8 bins: close together where the rows are."""
    bunch = load_breast_cancer()
    column = list(bunch.feature_names).index("worst area")
    x = bunch.data[:, column]
    axes.hist(x, bins=80, color=GREY)
    for cut in _core.cuts(bunch.data, None, max_bins=8)[column]:
        axes.axvline(cut, color=BLUE, linewidth=1)
    axes.set(xlabel="worst area", ylabel="rows")
    axes.set_title("7 cuts make 8 bins of about equal weight (max_bins=8)", fontsize=10)


def importances(axes: Axes) -> None:
    """The ten columns whose splits lower the objective most."""
    bunch = load_breast_cancer()
    est = cv.BoostedTreesClassifier().fit(bunch.data, bunch.target)
    order = np.argsort(est.feature_importances_)[-10:]
    axes.barh([bunch.feature_names[i] for i in order], est.feature_importances_[order], color=BLUE)
    axes.set(xlabel="share of the fall of the objective")
    axes.set_title("breast cancer: feature_importances_, the first ten", fontsize=10)


PICTURES: tuple[Callable[[Axes], None], ...] = (staged_loss, cuts, importances, phases, formulas, linear, optimizers)


def main(names: list[str]) -> None:
    """Draw the pictures of these names, or all."""
    for draw in PICTURES:
        if names and draw.__name__ not in names:
            continue
        figure, axes = plt.subplots(figsize=(6, 3.4), dpi=100, layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        path = FOLDER / f"{draw.__name__}.png"
        figure.savefig(path, metadata={"Software": None})  # the same bytes from the same version of matplotlib
        plt.close(figure)
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
