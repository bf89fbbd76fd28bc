"""Draws the lasso's path: weights along alpha, and the held-out loss that chooses among them."""

import numpy as np
from matplotlib.axes import Axes
from sklearn.datasets import load_diabetes

import curvature as cv


def linear(axes: Axes) -> None:
    """Weights of the lasso on diabetes, columns of one scale, along alpha; on the right the cross-validated loss."""
    bunch = load_diabetes()
    X = bunch.data / bunch.data.std(axis=0)
    est = cv.LinearRegressor(alpha="cv", l1_ratio=1.0).fit(X, bunch.target)
    alphas = est.alphas_[:40]  # below, nothing changes any more
    weights = [cv.LinearRegressor(alpha=alpha, l1_ratio=1.0).fit(X, bunch.target).coef_ for alpha in alphas]
    for column, along in zip(bunch.feature_names, np.transpose(weights), strict=True):
        axes.plot(alphas, along, linewidth=1.2)
        axes.annotate(column, (alphas[-1], along[-1]), textcoords="offset points", xytext=(3, -3), fontsize=7)
    axes.axvline(est.alpha_, color="#a0aec0", linewidth=1)
    axes.text(est.alpha_ * 0.93, -14.5, f"alpha_ = {est.alpha_:.2f}", fontsize=9)
    axes.set(xscale="log", xlabel="alpha, falling", ylabel="weights")
    axes.margins(x=0.08)  # room for the names
    axes.invert_xaxis()
    axes.set_title("diabetes: weights of the lasso; dashed: held-out loss (right)", fontsize=10)

    loss = axes.twinx()
    loss.spines["top"].set_visible(False)
    loss.plot(alphas, est.cv_mean_losses_[: len(alphas)], color="black", linestyle="--")
    loss.set(ylabel="held-out loss")
