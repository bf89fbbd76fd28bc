"""Sums of trees: threads do not show, prediction is a walk, a weight is a repetition, the training loss never rises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import (
    CORE_ONLY,
    PLAIN,
    assert_same_tree,
    fill_rows,
    fit,
    random_table,
    random_target,
    scores_of,
    trees_of,
)

from curvature import _core, _reference
from curvature._reference import LEAF

SEEDS = st.integers(0, 2**32 - 1)
THREADS = (1, 2, 3, 8)
SEVERAL = {"n_estimators": 4, "learning_rate": 0.3, "reg_lambda": 1.0}

# Tables large enough for each way of sharing out the work: rows in blocks, a node by a team, nodes ahead of their turn,
# many words of a histogram, two-byte codes, and a second search where children weigh too little.
LARGE = {
    "rows": (60_000, 6, {}),
    "team": (150_000, 10, {"max_leaves": 8, "n_estimators": 2}),
    "columns": (5_000, 300, {"max_leaves": 12, "colsample_bynode": 0.5}),
    "wide": (20_000, 20, {"max_bins": 3_000, "max_leaves": 30}),
    "heavy": (40_000, 5, {"min_child_samples": 900.0, "max_leaves": None}),
    "levels": (40_000, 5, {"grow_policy": "depthwise", "max_leaves": 50}),
}


@pytest.mark.parametrize("case", LARGE)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_threads_do_not_show(case, loss):
    """Every array of the forest is the same, bit for bit."""
    n_rows, n_columns, changes = LARGE[case]
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n_rows, n_columns))
    X[rng.random(X.shape) < 0.05] = np.nan
    y = random_target(rng, X, loss)
    weights = rng.random(n_rows) * 3 if loss == "logistic" else None
    changes = SEVERAL | {"n_estimators": 3, "max_leaves": 40, "min_child_samples": 20.0, "loss": loss} | changes
    fits = [fit(X, y, weights, **changes, n_jobs=n_jobs) for n_jobs in THREADS]
    first = fits[0][1].arrays()
    assert (first["feature"] != LEAF).sum() > 10
    for start, forest in fits[1:]:
        assert start == fits[0][0]
        for name, array in forest.arrays().items():
            np.testing.assert_array_equal(array, first[name], err_msg=name)
    scores = [np.zeros(n_rows) for _ in THREADS]
    for own, n_jobs in zip(scores, THREADS, strict=True):
        fits[0][1].add_scores(_core.Table(X), 0, fits[0][1].n_trees, own, n_jobs)
        np.testing.assert_array_equal(own, scores[0])
        part = _core.Table(X[:9_000])
        np.testing.assert_array_equal(fits[0][1].apply(part, n_jobs), fits[0][1].apply(part, 1))


def test_open_leaves_beyond_the_memory_for_histograms_change_nothing():
    """More leaves than fit in 512 MB of histograms: those put aside are summed again from their rows.

    One column of 40,000 codes makes the histograms long. It tells nothing of y and is never split, so the tree is that
    of the other columns alone, whose histograms are short.
    """
    rng = np.random.default_rng(0)
    X = rng.integers(0, 4, size=(40_000, 8)).astype(float)
    X[:, 7] = rng.permutation(40_000)
    y = rng.normal(size=(7, 4))[np.arange(7), X[:, :7].astype(int)].sum(axis=1)
    changes = {"max_bins": 40_000, "max_leaves": 300, "n_estimators": 1}
    alone = fit(X[:, :7], y, **changes)[1].arrays()
    assert (alone["feature"] != LEAF).sum() == 299
    for n_jobs in (1, 2):
        for name, array in fit(X, y, **changes, n_jobs=n_jobs)[1].arrays().items():
            np.testing.assert_array_equal(array, alone[name], err_msg=name)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_above_65536_rows_the_tree_is_still_the_reference_s(loss):
    """Rounding is stochastic there: splits that stand out stay, leaf values come from unrounded gradients."""
    rng = np.random.default_rng(1)
    X = (rng.integers(0, 12, size=(100_000, 3)) / 8).astype(np.float32)
    y = random_target(rng, X.astype(float), loss, soft=True)
    changes = {"loss": loss, "n_estimators": 2, "learning_rate": 0.5, "max_leaves": 8, "reg_lambda": 1.0}
    same = {k: v for k, v in (PLAIN | changes).items() if k not in CORE_ONLY}
    _, expected = _reference.fit_boosted_trees(X, y, **same)
    for ours, theirs in zip(trees_of(fit(X, y, **changes)[1]), expected, strict=True):
        assert_same_tree(fill_rows(ours, X), theirs, tolerance=1e-8)


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.integers(1, 300), st.sampled_from([np.float64, np.float32, np.float16]))
def test_prediction_is_a_walk_down_each_tree(seed, n_rows, dtype):
    """Bit for bit, the sum in the order of the trees; NaN and infinities included; also on any stretch of trees."""
    rng = np.random.default_rng(seed)
    X = random_table(rng, n_rows, 4).clip(-1e4, 1e4).astype(dtype)
    y = random_target(rng, X.astype(float), "squared")
    start, forest = fit(X, y, **(SEVERAL | {"max_bins": int(rng.integers(2, 40)), "max_leaves": 9}))
    trees = trees_of(forest)
    unseen = rng.permutation(np.concatenate([X.ravel(), np.array([np.nan, np.inf, -np.inf, 0, -0.0] * 8, dtype=dtype)]))
    for table in (X, unseen[: len(unseen) // 4 * 4].reshape(-1, 4)):
        rows = table.astype(np.float64).tolist()
        leaves = [[_reference.leaf_of(tree, row) for tree in trees] for row in rows]
        np.testing.assert_array_equal(forest.apply(_core.Table(table)), leaves)
        np.testing.assert_array_equal(scores_of(start, forest, table), _reference.predict_scores(start, trees, table))
        part = np.zeros(len(table))
        forest.add_scores(_core.Table(table), 1, 3, part)
        np.testing.assert_array_equal(part, [0.0 + trees[1][own[1]].value + trees[2][own[2]].value for own in leaves])


def test_training_rows_get_the_value_of_their_leaf():
    """Codes in training and thresholds in prediction agree for every row: covers and applied leaves tell the same."""
    for dtype in (np.float16, np.float32, np.float64, np.int64, np.uint8):
        rng = np.random.default_rng(0)
        X = (rng.standard_cauchy(size=(3_000, 3)) * 30).clip(0, 255).astype(dtype)
        y = random_target(rng, X.astype(float), "squared")
        _, forest = fit(X, y, max_bins=30)
        counts = np.bincount(forest.apply(_core.Table(X))[:, 0], minlength=len(forest.arrays()["feature"]))
        leaves = forest.arrays()["feature"] == LEAF
        np.testing.assert_array_equal(counts[leaves], forest.arrays()["cover"][leaves])


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("policy", ["lossguide", "depthwise"])
def test_a_weight_is_a_repetition(loss, policy):
    """Integer weights against repeated rows: same structure, values to 1e-12, on 100 small tables; trees do split."""
    n_splits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        n_rows = int(rng.integers(5, 60))
        X = random_table(rng, n_rows, 3)
        y = random_target(rng, X, loss)
        weights = rng.integers(0, 5, size=n_rows)
        weights[:2] = 1
        changes = SEVERAL | {"loss": loss, "grow_policy": policy, "max_bins": int(rng.integers(2, 50))}
        start, forest = fit(X, y, weights.astype(float), **changes)
        start_repeated, repeated = fit(np.repeat(X, weights, axis=0), np.repeat(y, weights), **changes)
        assert start == pytest.approx(start_repeated, rel=1e-14, abs=1e-14)
        for (name, ours), theirs in zip(forest.arrays().items(), repeated.arrays().values(), strict=True):
            if name == "value":
                np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
            elif name == "gain":
                np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
            else:
                np.testing.assert_array_equal(ours, theirs, err_msg=f"{name}, table {seed}")
        n_splits += (forest.arrays()["feature"] != LEAF).sum()
    assert n_splits > 100 * 4 * 2


@pytest.mark.parametrize("colsample", [1.0, 0.5])
def test_rows_of_weight_zero_do_not_exist(colsample):
    """Whatever their features hold: NaN in columns that have none, infinities, values that would make a cut."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(80, 5))
        X[:, 4] = 1.0
        y = random_target(rng, X, "squared")
        weights = rng.integers(0, 3, size=80).astype(float)
        alive = weights > 0
        X[~alive] = rng.choice([np.nan, np.inf, -np.inf, 1e300, 0.123], size=X[~alive].shape)
        y[~alive] = 1e6
        changes = SEVERAL | {"colsample_bynode": colsample, "max_leaves": 10}
        ours = fit(X, y, weights, **changes)[1].arrays()
        theirs = fit(X[alive], y[alive], weights[alive], **changes)[1].arrays()
        for name, array in ours.items():
            np.testing.assert_allclose(array, theirs[name], rtol=1e-12, atol=1e-14, err_msg=f"{name}, table {seed}")


@settings(deadline=None, max_examples=100)
@given(SEEDS, st.floats(1e-3, 1.0), st.integers(5, 80), st.sampled_from([0.0, 1.0, 30.0]), st.sampled_from([0.0, 2.0]))
def test_training_loss_never_rises(seed, learning_rate, n_rows, reg_lambda, reg_alpha):
    """Squared loss, any rate in (0, 1]: a shrunk Newton step of each leaf lies between 0 and its minimum."""
    rng = np.random.default_rng(seed)
    X = random_table(rng, n_rows, 3)
    y = rng.standard_cauchy(size=n_rows) * 10.0 ** rng.integers(-6, 7)
    weights = rng.random(n_rows) + 0.01
    changes = {"n_estimators": 8, "reg_lambda": reg_lambda, "reg_alpha": reg_alpha, "max_bins": 10}
    start, forest = fit(X, y, weights, learning_rate=learning_rate, **changes)
    losses = [weights @ (y - scores_of(start, forest, X, t)) ** 2 for t in range(9)]
    scale = 1e-13 * (weights @ (y - start) ** 2 + np.square(1e-3 * y).max())
    assert all(after <= before + scale for before, after in zip(losses, losses[1:], strict=False))


@settings(deadline=None, max_examples=50)
@given(SEEDS, st.sampled_from(["squared", "logistic"]))
def test_a_seed_gives_a_model_and_column_samples_need_one(seed, loss):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 6))
    y = random_target(rng, X, loss)
    changes = SEVERAL | {"loss": loss, "colsample_bynode": 0.34, "max_leaves": 8}
    same = [fit(X, y, **changes, seed=seed)[1].arrays() for _ in range(2)]
    for name, array in same[0].items():
        np.testing.assert_array_equal(array, same[1][name])
    others = [fit(X, y, **changes, seed=seed + k)[1].arrays()["feature"].tolist() for k in range(1, 5)]
    assert any(features != same[0]["feature"].tolist() for features in others)


@pytest.mark.parametrize("exponent", [-400, -160, -100, 100, 120, 130, 480])
def test_the_unit_of_the_target_does_not_matter(exponent):
    """y times a power of two gives the same splits, and values times it, over most of the range of a double."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    y = random_target(rng, X, "squared")
    scale = 2.0**exponent
    ours, theirs = (fit(X, target, **SEVERAL)[1].arrays() for target in (y * scale, y))
    np.testing.assert_array_equal(ours["feature"], theirs["feature"])
    np.testing.assert_array_equal(ours["threshold"], theirs["threshold"])
    np.testing.assert_allclose(ours["value"] / scale, theirs["value"], rtol=1e-12)
