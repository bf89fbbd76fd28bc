"""Classification into K classes: one tree a class and round."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import curvature as cv
from curvature._reference import TreeParams, _Grower, encode, quantile_cuts

IRIS = load_iris(return_X_y=True)
LABELS = {
    "numbers": np.array([10, -3, 7]),
    "floats": np.array([4.0, 25.0, 1.0]),
    "text": np.array(["setosa", "ärger", "Z"]),
    "objects": np.array(["setosa", "ärger", "Z"], dtype=object),
}
SMALL = {"n_estimators": 20, "max_leaves": 6, "min_child_samples": 5.0}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind(kind, tmp_path):
    X, codes = IRIS
    y = LABELS[kind][codes]
    est = cv.BoostedTreesClassifier(**SMALL).fit(X, y)
    assert_array_equal(est.classes_, np.unique(y))
    p = est.predict_proba(X)
    assert p.shape == (150, 3)
    assert_allclose(p.sum(axis=1), 1.0, rtol=1e-14)
    assert_array_equal(est.predict(X), est.classes_[p.argmax(axis=1)])
    assert est.score(X, y) > 0.97
    assert est.decision_function(X).shape == (150, 3)
    assert est.apply(X).shape == (150, 20, 3)
    est.save(tmp_path / "model.safetensors")
    model = cv.load(tmp_path / "model.safetensors")
    assert_array_equal(model.predict_proba(X), p)
    assert_array_equal(cv.BoostedTreesClassifier.from_model(model).predict(X), est.predict(X))
    assert model.to_bytes() == est.model_.to_bytes()


def test_every_tree_is_grown_from_the_gradients_at_the_start_of_its_round():
    """The whole algorithm once more in NumPy: softmax, one tree a class, all columns."""
    X, y = IRIS
    params = TreeParams(max_leaves=4, min_child_samples=5.0, reg_lambda=1.0)
    est = cv.BoostedTreesClassifier(
        n_estimators=6, learning_rate=0.3, max_leaves=4, min_child_samples=5.0, reg_lambda=1.0, colsample_bynode=1.0
    ).fit(X, y)
    cuts = [quantile_cuts(x, None, 255) for x in X.T]
    codes = np.stack([encode(x, c) for x, c in zip(X.T, cuts, strict=True)]).T
    scores = np.log(np.full((150, 3), 1 / 3))
    for _ in range(6):
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        for k in range(3):
            values = [p[:, k] - (y == k), p[:, k] * (1 - p[:, k]), np.ones(150)]
            tree = _Grower(codes, cuts, values, params, loops=False).grow(np.arange(150))
            for node in tree:
                if node.feature < 0:
                    scores[node.rows, k] += 0.3 * node.value
    assert_allclose(est.decision_function(X), scores, rtol=1e-6, atol=1e-6)


def softmax(y, f):
    chosen = np.where(y == 0, f[0], np.where(y == 1, f[1], f[2]))
    return np.log(np.exp(f[0]) + np.exp(f[1]) + np.exp(f[2])) - chosen


def test_a_formula_gives_the_same_model():
    X, y = IRIS
    ours = cv.BoostedTreesClassifier(**SMALL).fit(X, y)
    theirs = cv.BoostedTreesClassifier(loss=softmax, **SMALL).fit(X, y)
    assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="3 outputs"):
        cv.BoostedTreesClassifier(loss=softmax).fit(X, y % 2)


def test_threads_do_not_show_and_weights_repeat():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30_000, 4))
    y = (X[:, 0] + 0.5 * rng.normal(size=len(X)) > 0).astype(int) + (X[:, 1] > 0.5)
    fits = [cv.BoostedTreesClassifier(n_estimators=3, n_jobs=jobs).fit(X, y).model_.to_bytes() for jobs in (1, 2, 3)]
    assert fits[0] == fits[1] == fits[2]
    X, y = IRIS
    w = rng.integers(0, 4, 150)
    by_weight = cv.BoostedTreesClassifier(**SMALL).fit(X, y, w).predict_proba(X)
    by_rows = cv.BoostedTreesClassifier(**SMALL).fit(np.repeat(X, w, axis=0), np.repeat(y, w)).predict_proba(X)
    assert_allclose(by_weight, by_rows, rtol=1e-9)


def test_class_weights():
    X, y = IRIS
    by_dict = cv.BoostedTreesClassifier(class_weight={0: 1.0, 1: 2.0, 2: 3.0}, **SMALL).fit(X, y)
    by_row = cv.BoostedTreesClassifier(**SMALL).fit(X, y, np.array([1.0, 2.0, 3.0])[y])
    assert_allclose(by_dict.predict_proba(X), by_row.predict_proba(X), rtol=1e-12)
    again = cv.BoostedTreesClassifier.from_model(cv.Model.from_bytes(by_dict.model_.to_bytes()))
    assert again.class_weight == {0: 1.0, 1: 2.0, 2: 3.0}
    few = np.concatenate([np.arange(50), np.arange(50, 60), np.arange(100, 120)])
    balanced = cv.BoostedTreesClassifier(class_weight="balanced", **SMALL).fit(X[few], y[few])
    factors = 80 / (3 * np.array([50, 10, 20]))
    weighed = cv.BoostedTreesClassifier(**SMALL).fit(X[few], y[few], factors[y[few]])
    assert_allclose(balanced.predict_proba(X), weighed.predict_proba(X), rtol=1e-12)


def test_a_class_of_weight_0_is_no_class():
    X, y = IRIS
    est = cv.BoostedTreesClassifier(**SMALL).fit(X, y, (y != 1).astype(float))
    assert_array_equal(est.classes_, [0, 2])
    alone = cv.BoostedTreesClassifier(**SMALL).fit(X[y != 1], y[y != 1])
    assert_allclose(est.predict_proba(X), alone.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("load", [load_wine, load_digits])
def test_held_out_log_loss_is_that_of_scikit_learn(load):
    X, y = load(return_X_y=True)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    ours = cross_val_predict(cv.BoostedTreesClassifier(n_estimators=60), X, y, cv=folds, method="predict_proba")
    peer = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.08,
        max_leaf_nodes=16,
        l2_regularization=3.0,
        max_features=0.5,
        early_stopping=False,
        random_state=0,
    )
    theirs = cross_val_predict(peer, X, y, cv=folds, method="predict_proba")
    assert log_loss(y, ours) <= 1.1 * log_loss(y, theirs)


def test_staged_predictions_go_round_by_round():
    X, y = IRIS
    est = cv.BoostedTreesClassifier(**SMALL).fit(X, y)
    stages = list(est.staged_predict_proba(X))
    assert len(stages) == 20
    assert_array_equal(stages[-1], est.predict_proba(X))
    shorter = cv.BoostedTreesClassifier(**SMALL | {"n_estimators": 7}).fit(X, y)
    assert_array_equal(stages[6], shorter.predict_proba(X))


def test_more_classes_than_rows_of_a_leaf_and_a_rare_class():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 3))
    y = rng.integers(0, 30, 400)
    y[0] = 99
    est = cv.BoostedTreesClassifier(n_estimators=4).fit(X, y)
    p = est.predict_proba(X)
    assert p.shape == (400, len(np.unique(y)))
    assert np.all(np.isfinite(p))
    assert_allclose(p.sum(axis=1), 1.0, rtol=1e-13)
