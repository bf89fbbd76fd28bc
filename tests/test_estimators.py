"""The estimators keep scikit-learn's manners: its own checks, weights, labels, threads, seeds, tables of any layout."""

import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

import curvature as cv

ESTIMATORS = [cv.BoostedTreesRegressor, cv.BoostedTreesClassifier]
SMALL_LEAVES = {"min_child_samples": 1, "min_child_weight": 0}
STRUCTURE = ["tree_begin", "feature", "threshold", "set", "set_words", "left", "missing_left"]

both = pytest.mark.parametrize("estimator", ESTIMATORS)


def make_data(n: int = 300, p: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A table with missing values, a number and a label of 0 or 1 a row."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = X[:, 0] * X[:, 1 % p] + np.sin(2 * X[:, 2 % p]) + 0.3 * rng.normal(size=n)
    X[rng.random((n, p)) < 0.05] = np.nan
    return X, y, (y > 0).astype(int)


def target_of(estimator: type, y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return labels if estimator is cv.BoostedTreesClassifier else y


def fitted(estimator: type, n: int = 300, **params: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    X, y, labels = make_data(n)
    target = target_of(estimator, y, labels)
    return estimator(**{"n_estimators": 10, **params}).fit(X, target), X, target


def sigmoid(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-scores))


@pytest.mark.filterwarnings(
    "ignore:min_child_samples=20.0 makes every split impossible"
)  # the checks' tables are small
@parametrize_with_checks([e(**params) for e in ESTIMATORS for params in ({}, SMALL_LEAVES)])
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    """Every check of scikit-learn passes, with the defaults and where even a table of a few rows splits."""
    check(estimator)


@both
@pytest.mark.parametrize("seed", range(200))
def test_a_weight_is_a_repetition(estimator: type, seed: int) -> None:
    """Integer weights and repeated rows in any order give the same trees, and leaf values to 1e-12."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(12, 200)), int(rng.integers(1, 5))
    X = rng.normal(size=(n, p)) if seed % 2 else rng.integers(0, 8, (n, p)).astype(float)
    X[rng.random((n, p)) < 0.1 * (seed % 3)] = np.nan
    y = np.nan_to_num(X[:, 0]) + rng.normal(size=n)
    labels = (y > np.median(y)).astype(int)
    weights = rng.integers(0, 5, n)
    repeated = rng.permutation(np.repeat(np.arange(n), weights))
    params = {"n_estimators": 4, **SMALL_LEAVES, "reg_lambda": float(seed % 4)}
    target = target_of(estimator, y, labels)
    by_weight = estimator(**params).fit(X, target, sample_weight=weights).model_
    by_rows = estimator(**params).fit(X[repeated], target[repeated]).model_
    a, b = by_weight.forest.arrays(), by_rows.forest.arrays()
    assert len(a["feature"]) > by_weight.n_trees, "no tree split"
    for name in [*STRUCTURE, "cover"]:
        assert_array_equal(a[name], b[name], err_msg=name)
    assert_allclose(a["value"], b["value"], rtol=1e-12, atol=1e-13)
    assert_allclose(by_weight.start_scores, by_rows.start_scores, rtol=1e-12, atol=1e-13)


def test_a_weight_is_a_repetition_for_balanced_classes() -> None:
    """class_weight='balanced' counts a row as often as it weighs."""
    X, _, labels = make_data(200)  # fewer values than bins: sums of fractions make no cuts
    weights = np.random.default_rng(0).integers(0, 4, len(X)) + 2 * labels
    repeated = np.repeat(np.arange(len(X)), weights)
    est = cv.BoostedTreesClassifier(n_estimators=10, class_weight="balanced")
    by_weight = clone(est).fit(X, labels, sample_weight=weights)
    by_rows = clone(est).fit(X[repeated], labels[repeated])
    assert_allclose(by_weight.predict_proba(X), by_rows.predict_proba(X), rtol=1e-9)


@both
def test_the_last_stage_is_the_prediction(estimator: type) -> None:
    """There is a stage a tree, the last has the bits of predict, and the stages differ."""
    est, X, _ = fitted(estimator)
    names = ["predict", "predict_proba"] if estimator is cv.BoostedTreesClassifier else ["predict"]
    for name in names:
        stages = list(getattr(est, f"staged_{name}")(X))
        assert len(stages) == 10
        assert_array_equal(stages[-1], getattr(est, name)(X))
    assert all((a != b).any() for a, b in pairwise(est.model_.staged_decision_function(X)))


@both
def test_leaves_add_up_to_the_score(estimator: type) -> None:
    """The values of the leaves that apply names, added tree by tree, are the raw score, bit for bit."""
    est, X, _ = fitted(estimator)
    nodes = est.model_.forest.arrays()
    leaves = est.apply(X)
    assert leaves.shape == (len(X), 10)
    scores = np.full(len(X), est.model_.start_scores[0])
    for tree, begin in enumerate(nodes["tree_begin"][:-1]):
        at = begin + leaves[:, tree]
        assert (nodes["feature"][at] == -1).all()
        assert len(np.unique(at)) > 1
        scores += nodes["value"][at]
    assert_array_equal(scores, est.model_.decision_function(X))


def test_probabilities_scores_and_labels_agree() -> None:
    """predict_proba is the sigmoid of decision_function, and predict its larger column."""
    est, X, labels = fitted(cv.BoostedTreesClassifier)
    p = est.predict_proba(X)
    assert_allclose(p[:, 1], sigmoid(est.decision_function(X)), rtol=1e-14)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-15)
    assert_array_equal(est.predict(X), est.classes_[p.argmax(axis=1)])
    assert est.score(X, labels) > 0.8


def test_scores_of_any_size_give_probabilities() -> None:
    """Raw scores of hundreds give probabilities in [0, 1], without overflow."""
    X = np.repeat([[0.0], [1.0]], 30, axis=0)
    est = cv.BoostedTreesClassifier(n_estimators=60, learning_rate=30.0, reg_lambda=1e-3, min_child_weight=0)
    p = est.fit(X, X[:, 0].astype(int)).predict_proba(X)
    assert np.abs(est.decision_function(X)).max() > 30
    assert ((p >= 0) & (p <= 1)).all()
    assert_array_equal(est.predict(X), X[:, 0])


LABELS = {
    "text": np.array(["no", "yes"]),
    "object": np.array(["no", "yes"], dtype=object),
    "bool": np.array([False, True]),
    "negative": np.array([-3, -1]),
    "signs": np.array([-1, 1]),
    "float": np.array([-2.0, 5.0]),
    "float16": np.array([1, 2], dtype=np.float16),
    "int8": np.array([-128, 127], dtype=np.int8),
    "uint64": np.array([1, 2**63], dtype=np.uint64),
    "unicode": np.array(["ä", "日本"]),
}


@pytest.mark.parametrize("classes", LABELS.values(), ids=LABELS)
def test_labels_of_any_dtype(classes: np.ndarray) -> None:
    """Labels keep their dtype, and the model is the one of labels 0 and 1; saved and loaded too."""
    X, _, codes = make_data()
    plain = cv.BoostedTreesClassifier(n_estimators=5).fit(X, codes)
    est = cv.BoostedTreesClassifier(n_estimators=5).fit(X, classes[codes])
    loaded = cv.Model.from_bytes(est.model_.to_bytes())
    for labels in (est.classes_, est.predict(X), loaded.classes, loaded.predict(X)):
        assert labels.dtype == classes.dtype
    assert_array_equal(est.classes_, classes)
    assert_array_equal(loaded.classes, classes)
    assert_array_equal(est.predict_proba(X), plain.predict_proba(X))
    assert_array_equal(est.predict(X), classes[plain.predict(X)])
    assert_array_equal(loaded.predict(X), est.predict(X))


@pytest.mark.parametrize("dtype", ["str", "category", "bool", "Int64", "float"])
def test_labels_of_a_series(dtype: str) -> None:
    """A pandas Series of labels does as an array does."""
    pd = pytest.importorskip("pandas")
    X, _, codes = make_data()
    plain = cv.BoostedTreesClassifier(n_estimators=5).fit(X, codes)
    est = cv.BoostedTreesClassifier(n_estimators=5).fit(X, pd.Series(codes).astype(dtype))
    assert_array_equal(est.predict_proba(X), plain.predict_proba(X))
    assert_array_equal(est.predict(X).astype("float").astype(int), plain.predict(X))


def test_class_weight_multiplies_the_weights() -> None:
    """A dictionary and 'balanced' are sample weights by class, times those given."""
    X, _, labels = make_data()
    labels[:100] = 0
    given = np.random.default_rng(1).uniform(0.5, 2, len(X))
    plain = cv.BoostedTreesClassifier(n_estimators=5)
    weighted = clone(plain).fit(X, labels, sample_weight=np.where(labels == 1, 3.0, 0.5) * given)
    by_class = clone(plain).set_params(class_weight={0: 0.5, 1: 3.0}).fit(X, labels, sample_weight=given)
    assert_array_equal(by_class.predict_proba(X), weighted.predict_proba(X))
    share = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    assert share[1] > 1.1 * share[0]
    balanced = clone(plain).set_params(class_weight="balanced").fit(X, labels)
    assert_array_equal(
        balanced.predict_proba(X), clone(plain).fit(X, labels, sample_weight=share[labels]).predict_proba(X)
    )


@both
def test_importances_are_sums_over_the_splits(estimator: type) -> None:
    """Gain and split count add up node by node; a constant column has none."""
    X, y, labels = make_data()
    X[:, 3] = 7.0
    est = estimator(n_estimators=10).fit(X, target_of(estimator, y, labels))
    nodes = est.model_.forest.arrays()
    gain, splits = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for feature, value in zip(nodes["feature"], nodes["gain"], strict=True):
        if feature >= 0:
            gain[feature] += value
            splits[feature] += 1
    assert_allclose(est.model_.importances("gain"), gain, rtol=1e-12)
    assert_array_equal(est.model_.importances("split"), splits)
    assert_allclose(est.feature_importances_, gain / gain.sum(), rtol=1e-12)
    assert est.feature_importances_[3] == 0
    assert (np.delete(est.feature_importances_, 3) > 0).all()
    assert (nodes["gain"][nodes["feature"] >= 0] > 0).all()


def test_importances_without_a_split_or_a_fit() -> None:
    """A constant target gives zeros, not NaN; before fit there is no such attribute."""
    X, _, _ = make_data()
    assert_array_equal(cv.BoostedTreesRegressor(n_estimators=3).fit(X, np.ones(len(X))).feature_importances_, 0)
    assert not hasattr(cv.BoostedTreesRegressor(), "feature_importances_")
    with pytest.raises(NotFittedError):
        _ = cv.BoostedTreesRegressor().feature_importances_


@both
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_columns(estimator: type, library: str) -> None:
    """A frame's column names are kept, and held against those given later; the numbers are those of the array."""
    frames = pytest.importorskip(library)
    X, y, labels = make_data()
    names = ["a", "b b", "ç", "d", "e"]
    frame = frames.DataFrame(dict(zip(names, X.T, strict=True)))
    target = target_of(estimator, y, labels)
    est = estimator(n_estimators=5).fit(frame, target)
    assert_array_equal(est.feature_names_in_, np.array(names, dtype=object))
    assert list(est.model_.feature_names) == names
    assert_array_equal(est.predict(frame), estimator(n_estimators=5).fit(X, target).predict(X))
    assert_array_equal(est.model_.predict(frame), est.predict(frame))
    for predict in (est.predict, est.model_.predict):
        with pytest.raises(ValueError, match="order"):
            predict(frame[names[::-1]])
    with pytest.raises(ValueError, match="(?s)unseen at fit time.*other"):
        est.predict(frame.rename({"a": "other"}, **({"axis": 1} if library == "pandas" else {})))


@both
@pytest.mark.parametrize("n", [300, 100_000])
def test_threads_do_not_shape_the_model(estimator: type, n: int) -> None:
    """The bytes of the model and the bits of its predictions are the same for 1, 2, 3 and 8 threads."""
    X, y, labels = make_data(n, 8)
    weights = np.random.default_rng(1).integers(0, 3, n) * 0.7
    target = target_of(estimator, y, labels)
    params = {"n_estimators": 5, "max_leaves": 40, "min_child_samples": 3}
    fits = [estimator(**params, n_jobs=k).fit(X, target, sample_weight=weights) for k in (1, 2, 3, 8)]
    assert len({est.model_.to_bytes() for est in fits}) == 1
    assert len({est.model_.decision_function(X, n_jobs=est.n_jobs).tobytes() for est in fits}) == 1
    assert len({est.apply(X).tobytes() for est in fits}) == 1
    assert fits[0].model_.importances("split").sum() > 5 * 10


@both
def test_a_seed_makes_a_fit_reproducible(estimator: type) -> None:
    """Equal seeds give equal bytes, other seeds and None other columns; without a draw a seed changes no tree."""

    def trees(**params: Any) -> list[bytes]:
        nodes = fitted(estimator, **params)[0].model_.forest.arrays()
        return [array.tobytes() for array in nodes.values()]

    assert trees() == trees(random_state=0) == trees(random_state=np.int64(0))
    assert trees(random_state=1) != trees(random_state=2)
    assert trees(random_state=None) != trees(random_state=None)
    assert trees(random_state=np.random.RandomState(3)) == trees(random_state=np.random.RandomState(3))
    source = np.random.RandomState(3)
    assert trees(random_state=source) != trees(random_state=source)
    assert trees(random_state=1, colsample_bynode=1.0) == trees(random_state=2, colsample_bynode=1.0)


@both
@pytest.mark.parametrize("random_state", [4, None])
def test_from_model_is_the_estimator_again(estimator: type, random_state: int | None) -> None:
    """The estimator made from a model predicts its bits, has its parameters, and fits it anew."""
    params = {"max_leaves": None, "max_depth": 3, "grow_policy": "depthwise", "learning_rate": 0.3}
    est, X, target = fitted(estimator, random_state=random_state, **params)
    again = estimator.from_model(cv.Model.from_bytes(est.model_.to_bytes()))
    assert_array_equal(again.predict(X), est.predict(X))
    assert again.n_features_in_ == est.n_features_in_
    if random_state is not None:
        assert again.get_params() == est.get_params()
    assert clone(again).fit(X, target).model_.to_bytes() == est.model_.to_bytes()


@both
def test_clone_and_parameters(estimator: type) -> None:
    """Parameters come back as given, survive a clone, and act when set after construction."""
    est, X, target = fitted(estimator, max_leaves=4, random_state=None)
    assert clone(est).get_params() == est.get_params()
    assert est.get_params()["max_leaves"] == 4
    assert not hasattr(clone(est), "model_")
    changed = clone(est).set_params(n_estimators=3, learning_rate=0.5).fit(X, target)
    assert changed.model_.n_trees == 3
    assert changed.model_.settings["parameters"]["learning_rate"] == 0.5
    assert repr(estimator(max_leaves=4)) == f"{estimator.__name__}(max_leaves=4)"


@both
def test_tools_of_scikit_learn(estimator: type) -> None:
    """Grid search, pipelines and cross-validation take the estimators, and they learn."""
    X, y, labels = make_data()
    target = target_of(estimator, y, labels)
    grid = GridSearchCV(estimator(n_estimators=30), {"max_leaves": [2, 8], "min_child_samples": [10, 140]}, cv=3)
    with pytest.warns(UserWarning, match="min_child_samples=140 makes every split impossible"):
        grid.fit(X, target)
    assert grid.best_params_["min_child_samples"] == 10
    pipe = make_pipeline(StandardScaler(), estimator(n_estimators=30))
    scores = cross_val_score(pipe, X, target, cv=3)
    assert (scores > (0.6 if estimator is cv.BoostedTreesClassifier else 0.2)).all()


def layouts(X: np.ndarray) -> dict[str, np.ndarray]:
    """The same table in every order and distance of its cells."""
    n, p = X.shape
    spaced = np.zeros((2 * n, 3 * p), dtype=X.dtype)
    spaced[::2, ::3] = X
    unaligned = np.zeros(X.nbytes + 1, dtype=np.uint8)[1:].view(X.dtype).reshape(n, p)
    unaligned[:] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    return {
        "C": np.ascontiguousarray(X),
        "Fortran": np.asfortranarray(X),
        "strided": spaced[::2, ::3],
        "strided Fortran": np.asfortranarray(spaced)[::2, ::3],
        "reversed": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
        "unaligned": unaligned,
        "read-only": read_only,
    }


DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


@both
@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
def test_every_layout_and_dtype_gives_the_same_model(estimator: type, dtype: str) -> None:
    """What the cells are and where they lie does not matter, only their values do."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2 if dtype == "bool" else 100, (200, 6)).astype(float)
    y = X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=200)
    target = target_of(estimator, y, (y > np.median(y)).astype(int))
    expected = estimator(n_estimators=5).fit(X, target)
    assert expected.model_.importances("split").sum() > 5
    for name, table in layouts(X.astype(dtype)).items():
        est = estimator(n_estimators=5).fit(table, target)
        assert est.model_.to_bytes() == expected.model_.to_bytes(), name
        assert_array_equal(est.predict(table), expected.predict(X), err_msg=name)


@both
@pytest.mark.parametrize("layout", ["C", "Fortran", "strided", "reversed", "frame"])
def test_fit_and_predict_copy_no_table(estimator: type, layout: str) -> None:
    """Python and NumPy allocate less than half of the table while it is fitted and predicted."""
    X = np.random.default_rng(0).normal(size=(20_000, 60)).astype(np.float32)
    target = (X[:, 0] > 0).astype(float)
    if layout == "frame":
        table = pytest.importorskip("pandas").DataFrame(X, columns=[f"x{i}" for i in range(60)])
    else:
        table = layouts(X)[layout]
    est = estimator(n_estimators=2)
    estimator(n_estimators=1).fit(table[:100], target[:100]).predict(table[:100])  # imports what is imported late
    tracemalloc.start()
    try:
        est.fit(table, target)
        list(est.staged_predict(table))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0 < peak < X.nbytes / 2
