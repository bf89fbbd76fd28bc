"""Boosted trees by any loss: built in or a formula, the same model; leaves by the loss; a loss that never rises."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, xlogy

import curvature as cv
from curvature import _core, losses

RNG = np.random.default_rng(7)
N = 1500
X = RNG.normal(size=(N, 5))
SIGNAL = X[:, 0] + np.abs(X[:, 1]) * X[:, 2] + 0.3 * RNG.normal(size=N)
TARGETS = {
    "number": SIGNAL + (RNG.random(N) < 0.05) * RNG.normal(size=N) * 50,
    "dollars": 1e5 * np.exp(0.5 * SIGNAL),
    "count": RNG.poisson(np.exp(0.5 * SIGNAL)).astype(float),
    "positive": np.exp(SIGNAL) * RNG.gamma(2.0, size=N),
    "label": (SIGNAL > 0.2).astype(float),
    "sign": np.where(SIGNAL > 0.2, 1.0, -1.0),
}
SMALL = {"n_estimators": 15, "max_leaves": 8, "colsample_bynode": 1.0}

# A built-in loss, a target for it, and the same written in NumPy.
RESTATED = {
    "squared": ("number", lambda y, f: 0.5 * (y - f) ** 2),
    "pseudo_huber": ("number", lambda y, f: np.sqrt(1 + (y - f) ** 2) - 1),
    "log_cosh": ("number", lambda y, f: np.log(np.cosh(y - f))),
    "huber": ("number", lambda y, f: np.where(np.abs(y - f) <= 1, 0.5 * (y - f) ** 2, np.abs(y - f) - 0.5)),
    "expectile": ("number", lambda y, f: np.where(y >= f, 0.5, 0.5) * (y - f) ** 2),
    "asymmetric": ("number", lambda y, f: 0.5 * np.where(y > f, 10.0, 1.0) * (y - f) ** 2),
    "poisson": ("count", lambda y, f: np.exp(f) - y * f),
    "gamma": ("positive", lambda y, f: y * np.exp(-f) + f),
    "tweedie": ("positive", lambda y, f: y * np.exp(-0.5 * f) / 0.5 + np.exp(0.5 * f) / 0.5),
    "negative_binomial": ("count", lambda y, f: (y + 1) * np.log1p(np.exp(f)) - y * f),
    "logistic": ("label", lambda y, f: np.log(1 + np.exp(f)) - y * f),
    "kullback_leibler": ("label", lambda y, f: xlogy(y, y / expit(f)) + xlogy(1 - y, (1 - y) / (1 - expit(f)))),
    "exponential": ("sign", lambda y, f: np.exp(-y * f)),
    "squared_log": ("positive", lambda y, f: 0.5 * (np.log1p(y) - f) ** 2),
}


def scores(loss, y, **changes):
    return cv.BoostedTreesRegressor(loss=loss, **SMALL | changes).fit(X, y).model_.decision_function(X)


def staged_losses(loss, est, table, y, loss_data=None):
    values = [loss.value(y, f, loss_data).sum() for f in est.model_.staged_decision_function(table)]
    start = np.broadcast_to(est.model_.start_scores, (len(y), est.model_.n_outputs))
    return np.array([loss.value(y, start if est.model_.n_outputs > 1 else start[:, 0], loss_data).sum(), *values])


@pytest.mark.parametrize("name", RESTATED)
def test_a_formula_gives_the_model_of_the_built_in_loss(name):
    kind, formula = RESTATED[name]
    y = TARGETS[kind]
    ours = scores(name, y)
    assert ours.std() > 0.01
    assert_allclose(scores(formula, y), ours, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 1.0])
@pytest.mark.parametrize(
    "name", sorted({row["name"] for row in _core.loss_table()} - {"perceptron", "softmax", "zero_one"})
)
def test_training_loss_never_rises(name, rate):
    """At any rate in (0, 1]; the logistic losses, whose steps are not held, up to 0.1 here."""
    domain = cv.Loss(name).core().domain
    kind = "number"
    if domain["two_labels"]:
        kind = "sign" if domain["low"] < 0 else "label"
    elif domain["high"] == 1:
        kind = "label"
        rate = min(rate, 0.1)
    elif domain["low"] > -2:
        kind = "count" if domain["low"] == 0 and not domain["low_open"] else "positive"
    for y in (TARGETS[kind], TARGETS["dollars"]) if kind == "number" else (TARGETS[kind],):
        est = cv.BoostedTreesRegressor(loss=name, learning_rate=rate, **SMALL).fit(X, y)
        totals = staged_losses(cv.Loss(name), est, X, y)
        assert np.all(np.diff(totals) <= 1e-12 * np.abs(totals[:-1]).max())
        assert totals[-1] < totals[0] - 1e-3 * abs(totals[0])


@pytest.mark.parametrize("name", ["huber", "pseudo_huber", "log_cosh", "absolute", "quantile", "asymmetric"])
def test_a_loss_of_the_residual_knows_no_unit(name):
    """With y in another unit, and the parameters that are in its unit too, the model is the same in that unit."""
    factor = 1024.0
    base = getattr(losses, {"huber": "Huber", "pseudo_huber": "PseudoHuber"}.get(name, "Absolute"))
    y = TARGETS["number"]
    if name in ("huber", "pseudo_huber"):
        small, large = base(delta=0.5), base(delta=0.5 * factor)
    elif name == "log_cosh":  # its own unit is 1: only far from it both ends are straight
        small, large = losses.Absolute(), losses.Absolute()
    else:
        small = large = name
    assert_allclose(scores(large, y * factor), scores(small, y) * factor, rtol=1e-9)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.83])
@pytest.mark.parametrize("weighted", [False, True])
def test_leaves_are_quantiles(level, weighted):
    y = TARGETS["number"]
    w = RNG.integers(0, 4, N).astype(float) if weighted else np.ones(N)
    est = cv.BoostedTreesRegressor(
        loss=losses.Quantile(level), n_estimators=1, learning_rate=1.0, reg_lambda=0.0, max_leaves=6
    ).fit(X, y, w)
    predicted, leaves = est.predict(X), est.apply(X)[:, 0]
    assert len(np.unique(leaves)) == 6
    for leaf in np.unique(leaves):
        own = (leaves == leaf) & (w > 0)
        grid = np.quantile(np.repeat(y[own], w[own].astype(int)), [level], method="averaged_inverted_cdf")
        assert_allclose(predicted[own], grid[0], rtol=1e-12)


def test_reg_lambda_counts_rows_in_leaves_by_quantile():
    y = TARGETS["number"]
    settings = {"loss": "absolute", "n_estimators": 1, "learning_rate": 1.0, "max_leaves": 2, "max_depth": 1}
    free = cv.BoostedTreesRegressor(reg_lambda=0.0, **settings).fit(X, y)
    held = cv.BoostedTreesRegressor(reg_lambda=100.0, **settings).fit(X, y)
    same = held.model_.forest.arrays()["threshold"][0] == free.model_.forest.arrays()["threshold"][0]
    assert same
    start = free.model_.start_scores[0]
    counts = np.bincount(free.apply(X)[:, 0])[free.apply(X)[:, 0]]
    assert_allclose(held.predict(X) - start, (free.predict(X) - start) * counts / (counts + 100.0), rtol=1e-12)


def pinball(y, f):
    return np.maximum(0.7 * (y - f), -0.3 * (y - f))


def hinge(y, f):
    return np.maximum(0, 1 - y * f)


@pytest.mark.parametrize(
    ("formula", "built_in", "kind"),
    [
        (pinball, losses.Quantile(0.7), "number"),
        (lambda y, f: np.abs(y - f), losses.Absolute(), "dollars"),
        (hinge, losses.Hinge(), "sign"),
    ],
    ids=["pinball", "absolute", "hinge"],
)
def test_formulas_of_straight_pieces_learn(formula, built_in, kind):
    """Their curvature is 0: leaves are searched for the least loss, so they fall at least nearly as far."""
    y = TARGETS[kind]
    loss = cv.Loss(formula)
    ours = cv.BoostedTreesRegressor(loss=formula, **SMALL).fit(X, y)
    theirs = cv.BoostedTreesRegressor(loss=built_in, **SMALL).fit(X, y)
    totals, others = staged_losses(loss, ours, X, y), staged_losses(loss, theirs, X, y)
    assert np.all(np.diff(totals) <= 1e-12 * totals[0])
    assert totals[-1] <= others[-1] * 1.05


def capped(y, f, cap):
    """Censored at cap: what lies above it is only known to."""
    return np.where(y < cap, (y - f) ** 2, np.maximum(cap - f, 0) ** 2)


def test_further_columns_come_by_loss_data_and_cross_validation_slices_them():
    import pandas as pd
    from sklearn.model_selection import cross_validate

    y = TARGETS["number"]
    frame = pd.DataFrame({"cap": np.where(np.arange(N) % 2, 1.0, 2.0), "other": "text"})
    array = np.zeros(N, dtype=[("cap", float), ("x", int)])
    array["cap"] = frame["cap"]
    fits = [cv.BoostedTreesRegressor(loss=capped, **SMALL).fit(X, y, loss_data=data) for data in (frame, array)]
    assert_array_equal(fits[0].predict(X), fits[1].predict(X))
    loss = cv.Loss(capped)
    assert np.all(np.diff(staged_losses(loss, fits[0], X, y, frame)) <= 0)
    found = cross_validate(cv.BoostedTreesRegressor(loss=capped, **SMALL), X, y, params={"loss_data": frame}, cv=3)
    assert np.all(np.isfinite(found["test_score"]))
    with pytest.raises(ValueError, match=r"loss_data.*cap"):
        fits[0].fit(X, y)
    with pytest.raises(ValueError, match="loss_data"):
        fits[0].fit(X, y, loss_data=frame[:-1])


def test_several_columns_of_y():
    """An interval [low, high] each row: outside it the distance is squared."""

    def interval(y, f):
        return np.maximum(y[0] - f, 0) ** 2 + np.maximum(f - y[1], 0) ** 2

    y = np.column_stack([TARGETS["number"] - 1, TARGETS["number"] + 1])
    est = cv.BoostedTreesRegressor(loss=interval, **SMALL).fit(X, y)
    totals = staged_losses(cv.Loss(interval), est, X, y)
    assert np.all(np.diff(totals) <= 0)
    assert totals[-1] < 0.9 * totals[0]
    with pytest.raises(ValueError, match="y"):
        est.fit(X, y[:, 0])


def gaussian(y, f):
    """Negative log-likelihood of a normal: f[0] is the mean, f[1] the logarithm of the deviation."""
    return f[1] + 0.5 * ((y - f[0]) * np.exp(-f[1])) ** 2


def test_several_outputs():
    noise = np.where(X[:, 3] > 0, 0.2, 1.0)
    y = X[:, 0] + noise * RNG.normal(size=N)
    est = cv.BoostedTreesRegressor(loss=gaussian, n_estimators=60, max_leaves=8).fit(X, y)
    totals = staged_losses(cv.Loss(gaussian), est, X, y)
    assert np.all(np.diff(totals) <= 1e-9 * np.abs(totals[0]))
    predicted = est.predict(X)
    assert predicted.shape == (N, 2)
    assert est.apply(X).shape == (N, 60, 2)
    wide, narrow = np.exp(predicted[X[:, 3] < -0.2, 1]).mean(), np.exp(predicted[X[:, 3] > 0.2, 1]).mean()
    assert wide > 2 * narrow
    assert_array_equal(cv.Model.from_bytes(est.model_.to_bytes()).predict(X), predicted)


def test_arrays_of_a_plain_function_give_the_model_of_the_loss():
    def derivatives(y, f):
        p = 1 / (1 + np.exp(-f))
        return p - y, p * (1 - p)

    y = TARGETS["label"]
    est = cv.BoostedTreesRegressor(loss=losses.FromArrays(derivatives), **SMALL).fit(X, y)
    assert est.model_.start_scores[0] == 0
    formula = cv.Loss(lambda y, f: np.log1p(np.exp(f)) - y * f)
    totals = staged_losses(formula, est, X, y)
    assert totals[-1] < 0.5 * totals[0]
    classifier = cv.BoostedTreesClassifier(loss=losses.FromArrays(derivatives, link="logit"), **SMALL).fit(X, y)
    assert_array_equal(classifier.decision_function(X), est.model_.decision_function(X))
    assert_allclose(classifier.predict_proba(X)[:, 1], expit(classifier.decision_function(X)), rtol=1e-12)
    with pytest.raises(ValueError, match="hessian"):
        broken = losses.FromArrays(lambda y, f: (f - y, -np.ones_like(f)))
        cv.BoostedTreesRegressor(loss=broken).fit(X, y)
    with pytest.raises(ZeroDivisionError):
        cv.BoostedTreesRegressor(loss=losses.FromArrays(lambda y, f: 1 / 0)).fit(X, y)


def test_predict_answers_on_the_response_scale():
    y = TARGETS["count"]
    est = cv.BoostedTreesRegressor(loss="poisson", **SMALL).fit(X, y)
    assert_allclose(est.predict(X), np.exp(est.model_.decision_function(X)), rtol=1e-14)
    formula = cv.Loss(lambda y, f: np.exp(f) - y * f, link="log")
    assert_allclose(cv.BoostedTreesRegressor(loss=formula, **SMALL).fit(X, y).predict(X), est.predict(X), rtol=1e-6)
    cubic = cv.Loss(lambda y, f: (np.cbrt(y) - f) ** 2, link=(lambda m: m ** (1 / 3), lambda f: f**3))
    fitted = cv.BoostedTreesRegressor(loss=cubic, **SMALL).fit(X, TARGETS["positive"])
    assert_allclose(fitted.predict(X), fitted.model_.decision_function(X) ** 3, rtol=1e-13)
    assert_array_equal(cv.Model.from_bytes(fitted.model_.to_bytes()).predict(X), fitted.predict(X))


@pytest.mark.parametrize("name", ["focal", "exponential", "hinge", "squared_hinge", "modified_huber", "perceptron"])
def test_losses_of_labels_classify(name):
    y = np.where(TARGETS["label"] > 0, "yes", "no")
    est = cv.BoostedTreesClassifier(loss=name, n_estimators=40, max_leaves=8).fit(X, y)
    assert est.score(X, y) > 0.9
    assert hasattr(est, "predict_proba") == (name in ("focal", "exponential", "modified_huber"))
    if hasattr(est, "predict_proba"):
        p = est.predict_proba(X)
        assert_allclose(p.sum(axis=1), 1.0, rtol=1e-14)
        assert np.all((p >= 0) & (p <= 1))
        assert np.array_equal(p[:, 1] > 0.5, est.predict(X) == "yes")


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", "number", r"y\[\d+\]=-.* must be at least 0 and finite for loss='poisson'"),
        ("gamma", "count", r"y\[\d+\]=0 must be more than 0"),
        ("logistic", "count", r"y\[\d+\]=\d+ must be in \[0, 1\]"),
        ("hinge", "label", r"y\[\d+\]=0 must be -1 or 1"),
        ("hubber", "number", r"loss='hubber'.*'huber'"),
        ("zero_one", "label", r"loss='zero_one' is a measure only"),
        (lambda y, f: np.log(f) * y, "number", r"not finite|no finite"),
        (lambda y, f: np.sqrt(y - f), "number", r"not finite|no finite"),
    ],
    ids=["negative counts", "zero", "counts", "labels", "unknown", "metric", "NaN", "NaN at some rows"],
)
def test_bad_input_is_named(loss, y, message):
    with pytest.raises(ValueError, match=message):
        cv.BoostedTreesRegressor(loss=loss).fit(X, TARGETS[y])


def test_a_classifier_refuses_losses_that_are_not_of_labels():
    for loss in ("squared", "poisson", "absolute"):
        with pytest.raises(ValueError, match=f"loss='{loss}'"):
            cv.BoostedTreesClassifier(loss=loss).fit(X, TARGETS["label"])
    with pytest.raises(ValueError, match="two classes"):
        cv.BoostedTreesClassifier(loss="focal").fit(X, np.arange(N) % 3)


def test_the_formula_is_kept_in_the_file_and_by_the_estimator_of_the_model():
    loss = cv.Loss(RESTATED["asymmetric"][1])
    est = cv.BoostedTreesRegressor(loss=loss, **SMALL).fit(X, TARGETS["number"])
    model = cv.Model.from_bytes(est.model_.to_bytes())
    assert str(model.loss) == str(loss)
    assert model.to_bytes() == est.model_.to_bytes()
    again = cv.BoostedTreesRegressor.from_model(model)
    assert_array_equal(again.fit(X, TARGETS["number"]).predict(X), est.predict(X))


@pytest.mark.parametrize("loss", ["huber", "quantile", "poisson", gaussian, pinball], ids=str)
def test_threads_do_not_show(loss):
    rng = np.random.default_rng(3)
    table = rng.normal(size=(40_000, 6)).astype(np.float32)
    y = np.abs(table[:, 0] + rng.normal(size=len(table)))
    fits = [
        cv.BoostedTreesRegressor(loss=loss, n_estimators=3, n_jobs=jobs).fit(table, y).model_.to_bytes()
        for jobs in (1, 2, 3)
    ]
    assert fits[0] == fits[1] == fits[2]


@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile", "poisson", "epsilon_insensitive", pinball], ids=str)
def test_a_weight_is_a_repetition(loss):
    y = TARGETS["count"]
    w = RNG.integers(0, 4, N)
    weighted = cv.BoostedTreesRegressor(loss=loss, **SMALL).fit(X, y, w)
    repeated = cv.BoostedTreesRegressor(loss=loss, **SMALL).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9, atol=1e-12)


def test_scikit_learn_searches_over_losses():
    """Names, objects, formulas and `Loss` are parameters like others: cloned, searched over, set in a pipeline."""
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    candidates = ["squared", losses.Huber(delta=0.5), RESTATED["asymmetric"][1], cv.Loss(RESTATED["log_cosh"][1])]
    pipeline = make_pipeline(cv.BoostedTreesRegressor(**SMALL))
    name = "boostedtreesregressor__loss"
    search = GridSearchCV(pipeline, {name: candidates}, scoring="neg_median_absolute_error", cv=3)
    search.fit(X, TARGETS["number"])
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.best_params_[name] is not candidates[2]  # a tenfold cost of too little is far from the median
    for loss in candidates:
        est = clone(cv.BoostedTreesRegressor(loss=loss, **SMALL))
        direct = cv.BoostedTreesRegressor(**SMALL).set_params(loss=loss)
        assert_array_equal(est.fit(X, SIGNAL).predict(X), direct.fit(X, SIGNAL).predict(X))
