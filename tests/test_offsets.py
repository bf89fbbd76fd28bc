"""Offsets and exposures: what is added to raw scores beside the model, at the fit and at predictions."""

import math

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import curvature as cv
from curvature import _core

SMALL = {"n_estimators": 12, "max_leaves": 5, "min_child_samples": 1e-6, "colsample_bynode": 1.0, "max_bins": 500}
RNG = np.random.default_rng(0)
X = RNG.integers(0, 30, (400, 4)).astype(float)
RATE = np.exp(0.05 * X[:, 0] - 0.02 * X[:, 1] - 1)
EXPOSURE = RNG.uniform(0.1, 2.0, len(X))
COUNTS = RNG.poisson(RATE * EXPOSURE).astype(float)
LABELS = (X[:, 0] + 5 * RNG.normal(size=len(X)) > 15).astype(int)
THREE = np.digitize(X[:, 0] + 5 * RNG.normal(size=len(X)), [10, 20])


def poisson(**params):
    return cv.BoostedTreesRegressor(loss="poisson", **SMALL | params)


def test_an_exposure_is_a_rate_weighted_by_it():
    """e e^f - y is e (e^f - y / e): the same gradients, Hessians and start; sums differ by rounding only."""
    with_exposure = poisson().fit(X, COUNTS, exposure=EXPOSURE)
    of_rates = poisson().fit(X, COUNTS / EXPOSURE, sample_weight=EXPOSURE)
    assert_allclose(with_exposure.predict(X, exposure=1.0), of_rates.predict(X), rtol=1e-6)
    assert_allclose(with_exposure.model_.start_scores, [np.log(COUNTS.sum() / EXPOSURE.sum())], rtol=1e-12)


def test_an_exposure_is_the_offset_of_its_logarithm_and_adds_to_one():
    by_exposure = poisson().fit(X, COUNTS, exposure=EXPOSURE)
    by_offset = poisson().fit(X, COUNTS, offset=np.log(EXPOSURE))
    both = poisson().fit(X, COUNTS, offset=np.log(EXPOSURE / 4), exposure=4)
    assert by_exposure.model_.to_bytes() == by_offset.model_.to_bytes()
    assert_allclose(both.predict(X, offset=0), by_offset.predict(X, offset=0), rtol=1e-9)
    for est in (by_exposure, cv.LinearRegressor(loss="poisson").fit(X, COUNTS, exposure=EXPOSURE)):
        p = est.predict(X, exposure=EXPOSURE)
        assert_array_equal(p, est.predict(X, offset=np.log(EXPOSURE)))
        assert_allclose(p, EXPOSURE * est.predict(X, offset=0), rtol=1e-12)
        assert_allclose(est.predict(X, offset=1, exposure=2), 2 * math.e * est.predict(X, offset=0), rtol=1e-12)


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber", "poisson", "gamma", "tweedie"])
def test_a_constant_offset_moves_the_start_only(loss):
    y = COUNTS + 1.0
    plain = cv.BoostedTreesRegressor(loss=loss, **SMALL).fit(X, y)
    moved = cv.BoostedTreesRegressor(loss=loss, **SMALL).fit(X, y, offset=3.0)
    assert_allclose(moved.model_.start_scores, plain.model_.start_scores - 3, rtol=1e-9, atol=1e-9)
    assert_allclose(moved.predict(X, offset=3.0), plain.predict(X), rtol=1e-6)
    assert_array_equal(moved.apply(X), plain.apply(X))


@pytest.mark.parametrize("y, n_outputs", [(LABELS, 1), (THREE, 3)])
def test_classes_have_offsets_too(y, n_outputs):
    est = cv.BoostedTreesClassifier(**SMALL)
    plain, moved = est.fit(X, y).predict_proba(X), est.fit(X, y, offset=1.5).predict_proba(X, offset=1.5)
    assert_allclose(moved, plain, rtol=1e-6, atol=1e-9)
    by_class = np.array([1.0, -2.0, 0.5])[:n_outputs] * np.ones((len(X), 1))
    est.fit(X, y, offset=by_class)
    assert_allclose(est.predict_proba(X, offset=by_class), plain, rtol=1e-6, atol=1e-8)
    scores = est.decision_function(X, offset=by_class) - by_class[:, 0 if n_outputs == 1 else slice(None)]
    assert_allclose(scores, est.decision_function(X, offset=0), atol=1e-12)


def test_squared_loss_with_an_offset_fits_what_is_left():
    """y - (f + o) is (y - o) - f: the same model bytes but for the note that there was an offset."""
    offset = np.round(8 * RNG.normal(size=len(X))) / 8
    est = cv.BoostedTreesRegressor(**SMALL).fit(X, COUNTS, offset=offset)
    rest = cv.BoostedTreesRegressor(**SMALL).fit(X, COUNTS - offset)
    assert_allclose(est.predict(X, offset=offset), rest.predict(X) + offset, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", [poisson, lambda: cv.LinearRegressor(loss="poisson")])
def test_a_model_with_an_offset_asks_for_one(make, tmp_path):
    est = make().fit(X, COUNTS, exposure=EXPOSURE)
    est.save(tmp_path / "model.safetensors")
    model = cv.load(tmp_path / "model.safetensors")
    for answer in (est.predict, model.predict, model.decision_function):
        with pytest.raises(ValueError, match=r"fitted with an offset: pass offset=\.\.\. or offset=0"):
            answer(X)
        answer(X, exposure=1)
    assert_array_equal(model.predict(X, exposure=EXPOSURE), est.predict(X, exposure=EXPOSURE))
    if isinstance(model, cv.TreesModel):
        with pytest.raises(ValueError, match="fitted with an offset"):
            est.staged_predict(X)  # at once, not at the first stage
        stages = list(est.staged_predict(X, exposure=EXPOSURE))
        assert_array_equal(stages[-1], est.predict(X, exposure=EXPOSURE))
        shorter = poisson(n_estimators=3).fit(X, COUNTS, exposure=EXPOSURE)
        assert_array_equal(stages[2], shorter.predict(X, exposure=EXPOSURE))
    assert make().fit(X, COUNTS).predict(X, offset=0.5).shape == (400,)  # without one, one may be given


@pytest.mark.parametrize(
    "given, message",
    [
        ({"exposure": 0}, r"exposure=0 must be more than 0 and finite"),
        ({"exposure": [1.0] * 399 + [-2.0]}, r"exposure\[399\]=-2 must be more than 0"),
        ({"exposure": np.full(400, np.inf)}, r"exposure\[0\]=inf must be more than 0 and finite"),
        ({"offset": [np.nan] * 400}, r"offset\[0\]=nan must be finite"),
        ({"offset": np.ones(3)}, r"offset has shape \(3,\): a number, \(400,\) or \(400, 1\)"),
        ({"exposure": np.ones((400, 2))}, r"exposure has shape \(400, 2\)"),
        ({"exposure": "much"}, "exposure must hold numbers"),
    ],
)
@pytest.mark.parametrize("kind", [cv.BoostedTreesRegressor, cv.LinearRegressor])
def test_bad_offsets_are_named(kind, given, message):
    est = kind(loss="poisson")
    with pytest.raises(ValueError, match=message):
        est.fit(X, COUNTS, **given)
    assert not hasattr(est, "model_")
    est.fit(X, COUNTS)
    with pytest.raises(ValueError, match=message):
        est.predict(X, **given)


@pytest.mark.parametrize(
    "est, y",
    [
        (cv.BoostedTreesRegressor(n_estimators=2), COUNTS),
        (cv.LinearRegressor(), COUNTS),
        (cv.BoostedTreesClassifier(n_estimators=2), LABELS),
        (cv.LinearClassifier(), LABELS),
    ],
)
def test_an_exposure_wants_a_log_link(est, y):
    with pytest.raises(ValueError, match=r"exposure is for losses with a log link, not link='(identity|logit)'"):
        est.fit(X, y, exposure=EXPOSURE)
    with pytest.raises(ValueError, match="log link"):
        est.fit(X, y).predict(X, exposure=EXPOSURE)


NAMES = [
    row["name"] for row in _core.loss_table() if row["fits"] and row["name"] not in ("perceptron", "hinge", "softmax")
]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(NAMES), st.integers(2, 60), st.booleans(), st.integers(0, 2**32 - 1))
def test_the_start_is_the_best_constant_beside_the_offset(name, n, weighted, seed):
    """The total slope is 0 there, or jumps over it."""
    rng = np.random.default_rng(seed)
    loss = _core.named_loss(name)
    domain = loss.domain
    if domain["high"] == 1:
        y = np.where(rng.random(n) < 0.5, domain["low"], domain["high"])
        y[:2] = domain["low"], domain["high"]
    else:
        y = rng.gamma(0.7, size=n) + 0.1
    offset = rng.normal(size=n)
    w = rng.integers(0, 3, n) + np.isin(np.arange(n), [0, 1]) if weighted else np.ones(n)
    (start,) = loss.start_scores([y], w if weighted else None, offsets=[offset])
    assert math.isfinite(start)

    def slope(score):
        return math.fsum(w * loss.derivatives([y], [score + offset])[0][0])

    size = math.fsum(np.abs(w * loss.derivatives([y], [start + offset])[0][0]))
    d = 1e-7 * max(1.0, abs(start))
    assert slope(start - d) <= 1e-9 * size and slope(start + d) >= -1e-9 * size


def test_softmax_starts_at_the_best_constants_beside_offsets():
    rng = np.random.default_rng(1)
    for n_classes in (3, 5):
        y = rng.integers(0, n_classes, 200).astype(float)
        offsets = [rng.normal(size=200) for _ in range(n_classes)]
        loss = _core.named_loss("softmax", {}, n_classes)
        start = loss.start_scores([y], None, offsets=offsets)
        gradients = loss.derivatives([y], [s + o for s, o in zip(start, offsets, strict=True)])[0]
        assert_allclose(gradients.sum(axis=1), 0, atol=1e-6)


def test_offsets_give_the_same_bytes_for_any_number_of_threads():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(40_000, 3))
    offset = rng.normal(size=len(wide))
    y = rng.poisson(np.exp(wide[:, 0] + offset)).astype(float)
    fits = [poisson(n_estimators=3, n_jobs=jobs).fit(wide, y, offset=offset) for jobs in (1, 2, 3)]
    assert len({fit.model_.to_bytes() for fit in fits}) == 1


def capped(y, f, cap):
    return (np.minimum(y, cap) - f) ** 2 / 2


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("make", [poisson, lambda: cv.LinearRegressor(loss="poisson")], ids=["trees", "linear"])
def test_metadata_is_routed(routing, make):
    """Through cross_validate and a pipeline, to fit, predict and score."""
    params = {"exposure": EXPOSURE, "sample_weight": EXPOSURE, "offset": np.linspace(0, 1, 400)}
    here, rest = slice(0, 100), slice(100, 400)  # the first of four parts
    at = {name: params[name][here] for name in ("exposure", "offset")}
    weights = params["sample_weight"][here]
    alone = make().fit(X[rest], COUNTS[rest], **{name: value[rest] for name, value in params.items()})
    expected = alone.score(X[here], COUNTS[here], weights, **at)
    est = make().set_fit_request(exposure=True, sample_weight=True, offset=True)
    est.set_score_request(exposure=True, offset=True, sample_weight=True)
    est.set_predict_request(exposure=True, offset=True)
    for routed in (est, make_pipeline(FunctionTransformer(), est)):
        scores = cross_validate(routed, X, COUNTS, params=params, cv=4)["test_score"]
        assert scores[0] == expected
        routed.fit(X[rest], COUNTS[rest], **{name: value[rest] for name, value in params.items()})
        assert_array_equal(routed.predict(X[here], **at), alone.predict(X[here], **at))


def test_loss_data_is_routed(routing):
    est = cv.BoostedTreesRegressor(loss=capped, **SMALL).set_fit_request(loss_data=True)
    caps = np.array(COUNTS, dtype=[("cap", float)])
    assert np.isfinite(cross_validate(est, X, COUNTS, params={"loss_data": caps}, cv=3)["test_score"]).all()
