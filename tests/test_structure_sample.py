"""Trees whose splits are found on a sample of the rows: all rows follow them, and leaf values are of all."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import curvature as cv

SEEDS = st.integers(0, 2**32 - 1)
KEYS = ["feature", "threshold", "left", "missing_left", "value", "gain", "cover"]


def problem(seed, n_rows, n_columns=6):
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(n_rows, n_columns)), 1)
    y = X[:, 0] + X[:, 1] * X[:, -1] + rng.normal(size=n_rows)
    X[rng.random(X.shape) < 0.1] = np.nan
    return rng, X, y


@pytest.mark.filterwarnings("ignore:min_child_samples.* makes every split impossible")
@settings(deadline=None, max_examples=100)
@given(SEEDS, st.integers(10, 900), st.sampled_from([2, 4, 8]), st.sampled_from(["numbers", "classes", "sparse"]))
def test_one_of_every_repeated_row_is_as_good_as_all(seed, n_rows, times, kind):
    """The sample has a row of each stretch: where every row stands there `times` times, it is the table without the
    repetitions, and the tree that of all rows, bit for bit, as sums and limits are `times` as much (a power of 2).

    Gains within rounding of none are left out, where a matrix of few rows may take another cut (test_small_matrices).
    """
    rng, X, y = problem(seed, n_rows)
    X, y = np.repeat(X, times, axis=0), np.repeat(y, times)
    parameters = {
        "n_estimators": 5,
        "max_leaves": int(rng.choice([2, 7, 31])),
        "min_child_samples": float(rng.choice([0, 8, 40])),
        "min_child_weight": float(rng.choice([0, 1])),
        "reg_lambda": float(rng.choice([0, 1, 64])),
        "reg_alpha": float(rng.choice([0, 2])),
        "colsample_bynode": float(rng.choice([1, 0.4])),
        "grow_policy": str(rng.choice(["lossguide", "depthwise"])),
        "min_split_gain": 1e-6,
        "random_state": seed,
    }
    weights = None
    estimator = cv.BoostedTreesRegressor
    if kind == "numbers" and rng.random() < 0.5:
        weights = np.repeat(rng.integers(1, 4, size=n_rows), times)
    elif kind == "sparse":
        X = scipy.sparse.csr_matrix(np.where(rng.random(X.shape[1]) < 0.8, np.nan_to_num(X), 0))
    elif kind == "classes":
        estimator = cv.BoostedTreesClassifier
        y = np.digitize(y, [-1, 1])
        y[: 3 * times] = np.repeat([0, 1, 2], times)
    of_all, of_sample = (
        estimator(**parameters, structure_sample=share).fit(X, y, sample_weight=weights).model_.forest.arrays()
        for share in (1.0, 1 / times)
    )
    for key in KEYS:
        np.testing.assert_array_equal(of_sample[key], of_all[key], err_msg=key)


@pytest.mark.parametrize("weighted", [False, True])
def test_all_rows_count_in_covers_and_leaf_values(weighted):
    rng, X, y = problem(1, 3000)
    weights = rng.integers(0, 4, size=len(y)).astype(float) if weighted else np.ones(len(y))
    estimator = cv.BoostedTreesRegressor(n_estimators=1, learning_rate=0.5, reg_lambda=2.0, structure_sample=0.2)
    model = estimator.fit(X, y, sample_weight=weights if weighted else None).model_
    leaves = model.apply(X)[:, 0]
    nodes = model.forest.arrays()
    own = np.unique(leaves)
    assert len(own) > 5
    residual = y - np.average(y, weights=weights)
    for leaf in own:
        rows = leaves == leaf
        step = 0.5 * np.sum(weights[rows] * residual[rows]) / (np.sum(weights[rows]) + 2.0)
        assert nodes["cover"][leaf] == np.sum(weights[rows])
        assert nodes["value"][leaf] == pytest.approx(step, rel=1e-9)
    split = np.flatnonzero(nodes["feature"] >= 0)
    children = nodes["left"][split]
    np.testing.assert_array_equal(nodes["cover"][split], nodes["cover"][children] + nodes["cover"][children + 1])
    assert nodes["cover"][0] == np.sum(weights)


def test_every_tree_draws_its_own_rows_by_the_seed():
    _, X, y = problem(2, 2000)
    y = np.sign(y) * y**2

    def trees(seed, **other):
        estimator = cv.BoostedTreesRegressor(n_estimators=2, learning_rate=1e-12, colsample_bynode=1.0, **other)
        forest = estimator.set_params(structure_sample=0.3, random_state=seed).fit(X, y).model_.forest
        begin = forest.arrays()["tree_begin"]
        thresholds = forest.arrays()["threshold"]
        return [thresholds[begin[tree] : begin[tree + 1]].tolist() for tree in range(2)]

    first, second = trees(0)
    assert first != second  # the gradients are the same
    assert trees(0) == [first, second] != trees(1)


@pytest.mark.parametrize("share", [0.5, 0.013, 1e-9])
def test_models_do_not_depend_on_threads_or_datasets(share):
    rng, X, y = problem(3, 20_000, 12)
    X[:, 3] = rng.integers(0, 30, size=len(X))
    y = np.digitize(y + np.cos(X[:, 3]), [-1, 0.5])
    estimator = cv.BoostedTreesClassifier(n_estimators=5, structure_sample=share, categorical_features=[3])
    models = [estimator.set_params(n_jobs=n_jobs).fit(X, y).model_.to_bytes() for n_jobs in (1, 2, 3)]
    dataset = cv.Dataset(X, categorical_features=[3])
    assert models[0] == models[1] == models[2] == estimator.fit(dataset, y).model_.to_bytes()
    n_nodes = len(estimator.model_.forest.arrays()["feature"])
    assert (n_nodes == 15) == (share == 1e-9)  # a sample of one row: 3 x 5 leaves


def test_a_sample_learns_what_all_rows_tell():
    rng, X, y = problem(4, 40_000)
    kept = rng.random(len(y)) < 0.5
    losses = {}
    for share in (1.0, 0.1):
        estimator = cv.BoostedTreesRegressor(n_estimators=100, structure_sample=share).fit(X[kept], y[kept])
        losses[share] = np.mean((estimator.predict(X[~kept]) - y[~kept]) ** 2)
    assert losses[0.1] < 1.02 * losses[1.0] < 0.7 * np.var(y[~kept])


def test_codes_of_two_bytes_and_depthwise_growth():
    _, X, y = problem(5, 6000)
    X[:, 0] = np.arange(len(X))
    estimator = cv.BoostedTreesRegressor(n_estimators=3, max_bins=4000, grow_policy="depthwise", max_depth=5)
    model = estimator.set_params(structure_sample=0.25).fit(X, y).model_
    nodes = model.forest.arrays()
    for tree, begin in enumerate(nodes["tree_begin"][:-1]):
        leaves, counts = np.unique(model.apply(X)[:, tree], return_counts=True)
        np.testing.assert_array_equal(nodes["cover"][begin + leaves], counts)
