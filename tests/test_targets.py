"""Targets: named classes, shares of classes, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

import curvature as cv
from curvature import _core

X, CODES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
SMALL = {"n_estimators": 10, "max_leaves": 4, "min_child_samples": 5.0, "colsample_bynode": 1.0}
TREES = (cv.BoostedTreesClassifier, SMALL)
LINEAR = (cv.LinearClassifier, {"alpha": 1e-2})
KINDS = [TREES, LINEAR]


def kind_name(kind):
    return kind[0].__name__


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_a_class_that_is_missing_has_a_column(kind, tmp_path):
    make, params = kind
    present = CODES != 1
    est = make(classes=NAMES[[2, 0, 1]], **params).fit(X[present], NAMES[CODES[present]])
    assert_array_equal(est.classes_, NAMES)
    p = est.predict_proba(X)
    assert p.shape == (150, 3) and np.isfinite(p).all() and (p > 0).all()
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert p[:, 1].max() < 0.02
    assert set(est.predict(X)) == {"setosa", "virginica"}
    est.save(tmp_path / "model.safetensors")
    again = make.from_model(cv.load(tmp_path / "model.safetensors"))
    assert_array_equal(again.classes, NAMES)
    assert_array_equal(again.predict_proba(X), p)


def test_a_missing_class_starts_as_half_a_row():
    """Also where weights are tiny: never more than half of the rarest class that is there."""
    present = CODES != 1
    est = cv.BoostedTreesClassifier(classes=[0, 1, 2], **SMALL).fit(X[present], CODES[present])
    shares = np.exp(est.model_.start_scores)
    assert_allclose(shares, [0.5, 0.005, 0.5], rtol=1e-12)
    light = cv.BoostedTreesClassifier(classes=[0, 1, 2], **SMALL | {"min_child_samples": 0.0})
    light.fit(X[present], CODES[present], np.full(100, 1e-6))
    assert_allclose(np.exp(light.model_.start_scores), [0.5, 0.25, 0.5], rtol=1e-9)
    repeated = cv.BoostedTreesClassifier(classes=[0, 1, 2], **SMALL).fit(
        np.repeat(X[present], 3, axis=0), np.repeat(CODES[present], 3)
    )
    weighted = cv.BoostedTreesClassifier(classes=[0, 1, 2], **SMALL).fit(X[present], CODES[present], np.full(100, 3.0))
    assert_allclose(repeated.predict_proba(X), weighted.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_one_class_alone_is_enough_where_both_are_named(kind):
    make, params = kind
    for label in (0, 1):
        est = make(classes=[0, 1], **params).fit(X, np.full(150, label))
        p = est.predict_proba(X)
        assert p.shape == (150, 2) and np.isfinite(p).all() and (p[:, label] > 0.99).all()
    with pytest.raises(ValueError, match="one class only, 1"):
        make(**params).fit(X, np.ones(150, dtype=int))


def test_balanced_weights_pass_over_missing_classes():
    present = CODES != 1
    named = cv.BoostedTreesClassifier(classes=[0, 1, 2], class_weight="balanced", **SMALL).fit(X[:120], CODES[:120])
    plain = cv.BoostedTreesClassifier(class_weight="balanced", **SMALL).fit(X[:120], CODES[:120])
    assert_array_equal(named.predict_proba(X), plain.predict_proba(X))
    est = cv.BoostedTreesClassifier(classes=[0, 1, 2], class_weight="balanced", **SMALL)
    assert np.isfinite(est.fit(X[present], CODES[present]).predict_proba(X)).all()


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
@pytest.mark.parametrize(
    "classes, y, message",
    [
        ([0, 1], CODES, r"y\[100\]=2 is none of the classes \[0, 1\]"),
        ([0], CODES, "must be two labels or more, each once"),
        ([0, 1, 1, 2], CODES, "must be two labels or more, each once"),
        (["a", "b", "c"], CODES, r"y\[0\]=0 is none of the classes"),
    ],
)
def test_labels_that_were_not_named_are_refused(kind, classes, y, message):
    with pytest.raises(ValueError, match=message):
        kind[0](classes=classes).fit(X, y)


def shares_of(n_classes, seed=0):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(n_classes), len(X))
    shares[rng.random(shares.shape) < 0.3] = 0
    shares[:, 0] += shares.sum(axis=1) == 0
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_shares_are_rows_repeated_by_weight(kind, n_classes, class_weight):
    """The sums of the fits are the same but for rounding, which must not meet a limit that leaves reach exactly."""
    make, params = kind
    params = params | ({"min_child_samples": 4.9} if make is cv.BoostedTreesClassifier else {})
    labels = list(range(n_classes))
    weights = np.random.default_rng(1).integers(0, 4, 150).astype(float)
    shares = shares_of(n_classes)
    row, label = np.nonzero(shares)
    est = make(classes=labels, class_weight=class_weight, **params)
    soft = est.fit(X, shares, sample_weight=weights).predict_proba(X)
    repeated = est.fit(X[row], label, sample_weight=weights[row] * shares[row, label]).predict_proba(X)
    assert_allclose(soft, repeated, rtol=1e-5, atol=1e-7)
    assert np.ptp(soft[:, 0]) > 0.01


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
def test_shares_of_0_and_1_are_labels(kind):
    make, params = kind
    hard = make(**params).fit(X, NAMES[CODES])
    soft = make(classes=NAMES, **params).fit(X, np.eye(3, dtype=int)[CODES])
    assert_allclose(soft.predict_proba(X), hard.predict_proba(X), rtol=1e-9)
    assert_array_equal(soft.predict(X), hard.predict(X))
    two = make(classes=[False, True], **params).fit(X, np.column_stack([CODES > 0, CODES == 0]).astype(np.float32))
    assert_allclose(two.predict_proba(X), make(**params).fit(X, CODES == 0).predict_proba(X), rtol=1e-9)


def test_softmax_of_shares_is_linear_in_them():
    rng = np.random.default_rng(0)
    for n_classes, n, isa in [(2, 1, ""), (3, 700, "baseline"), (7, 33, "")]:
        shares = rng.dirichlet(np.ones(n_classes), n)
        scores = [30 * rng.normal(size=n) for _ in range(n_classes)]
        soft = _core.named_loss("softmax", {}, n_classes, isa, of_shares=True)
        hard = _core.named_loss("softmax", {}, n_classes, isa)
        columns = [np.ascontiguousarray(column) for column in shares.T]
        assert soft.n_columns == n_classes
        by_class = [np.full(n, float(k)) for k in range(n_classes)]
        value = sum(s * hard.values([k], scores) for s, k in zip(columns, by_class, strict=True))
        gradient = sum(s * hard.derivatives([k], scores)[0] for s, k in zip(columns, by_class, strict=True))
        assert_allclose(soft.values(columns, scores), value, rtol=1e-12)
        assert_allclose(soft.derivatives(columns, scores)[0], gradient, rtol=1e-12, atol=1e-14)
        assert_array_equal(soft.derivatives(columns, scores)[1], hard.derivatives(by_class[:1], scores)[1])
        assert_allclose(
            soft.mixed_derivatives(columns, scores), hard.mixed_derivatives(by_class[:1], scores), atol=1e-14
        )
        assert_allclose(np.exp(soft.start_scores(columns)), shares.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=kind_name)
@pytest.mark.parametrize(
    "classes, y, message",
    [
        (None, np.eye(3)[CODES], "y has 3 columns, and one is read: a label a row. Shares .* where classes= names"),
        ([0, 1], np.eye(3)[CODES], r"y has 3 columns, but classes=\[0, 1\] names 2"),
        ([2, 0, 1], np.eye(3)[CODES], r"classes=\[2, 0, 1\] must be in sorted order where y has a column a class"),
        ([0, 1, 2], 0.9 * np.eye(3)[CODES], r"y\[0\] has shares of the classes that sum to 0.9: 1 is wanted"),
        ([0, 1, 2], np.eye(3)[CODES] * 2 - 1 / 3, r"y\[0, 1\]=-0.333333 must be a share of a class, at least 0"),
    ],
)
def test_shares_that_are_none_are_refused(kind, classes, y, message):
    with pytest.raises(ValueError, match=message):
        kind[0](classes=classes).fit(X, y)


def test_a_loss_of_labels_takes_no_shares():
    shares = shares_of(2)
    for make in (cv.BoostedTreesClassifier, cv.LinearClassifier):
        with pytest.raises(ValueError, match="loss='hinge' takes one label a row; shares of the classes are for"):
            make(loss="hinge", classes=[0, 1]).fit(X, shares)


@pytest.mark.parametrize("make", [cv.BoostedTreesRegressor, cv.LinearRegressor])
def test_several_targets_are_sent_to_who_takes_them(make):
    two = np.column_stack([X[:, 0], X[:, 1]])
    for y in (two, two.tolist()):
        with pytest.raises(ValueError, match=r"y has 2 columns, and one is read.*MultiOutputRegressor.*y\[0\], y\[1\]"):
            make().fit(X[:, 2:], y)
    assert MultiOutputRegressor(make()).fit(X[:, 2:], two).predict(X[:, 2:]).shape == (150, 2)
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        cv.BoostedTreesClassifier().fit(X, np.column_stack([CODES, CODES]))
    both = MultiOutputClassifier(cv.LinearClassifier()).fit(X, np.column_stack([CODES, CODES > 0]))
    assert both.predict(X).shape == (150, 2)
