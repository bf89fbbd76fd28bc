"""One tree: its formulas on numbers worked out by hand, its structure against oracles, its limits, missing values."""

import numpy as np
import pytest
from tables import (
    CORE_ONLY,
    PLAIN,
    assert_same_tree,
    audit_tree,
    derivatives,
    fill_rows,
    fit,
    random_table,
    random_target,
    scores_of,
    trees_of,
)

from curvature import _reference
from curvature._reference import LEAF, TreeParams

NOT_OF_A_TREE = {"n_estimators", "learning_rate", "max_bins", "loss", *CORE_ONLY}


def tree_params(changes):
    return TreeParams(**{k: v for k, v in (PLAIN | changes).items() if k not in NOT_OF_A_TREE})


# x = 1 … 6 and y as below: mean 3.5, so g = 3.5 - y = 2.5, 2.5, 2.5, -1.5, -1.5, -4.5 and h = 1.
SIX_X = np.arange(1.0, 7.0)[:, None]
SIX_Y = np.array([1.0, 1.0, 1.0, 5.0, 5.0, 8.0])


@pytest.mark.parametrize(
    ("penalty", "gain", "leaf"),
    [
        # G_L = 7.5 = -G_R, H_L = H_R = 3, G = 0:  1/2 [56.25/3 + 56.25/3 - 0] = 18.75, w = -7.5/3
        ({}, 18.75, 2.5),
        # lambda = 1:  1/2 [56.25/4 + 56.25/4] = 14.0625, w = -7.5/4
        ({"reg_lambda": 1.0}, 14.0625, 1.875),
        # gamma = 2 as well
        ({"reg_lambda": 1.0, "min_split_gain": 2.0}, 12.0625, 1.875),
        # alpha = 1.5: T(7.5) = 6:  1/2 [36/4 + 36/4] - 2 = 7, w = -6/4
        ({"reg_lambda": 1.0, "min_split_gain": 2.0, "reg_alpha": 1.5}, 7.0, 1.5),
    ],
)
def test_gain_and_leaves_by_hand(penalty, gain, leaf):
    start, forest = fit(SIX_X, SIX_Y, max_leaves=2, **penalty)
    tree = forest.arrays()
    assert start == 3.5
    assert tree["feature"].tolist() == [0, LEAF, LEAF]
    assert tree["threshold"][0] == 3.5
    assert tree["gain"].tolist() == pytest.approx([gain, 0, 0], rel=1e-12)
    assert tree["value"].tolist() == pytest.approx([0, -leaf, leaf], rel=1e-12)
    assert tree["cover"].tolist() == [6, 3, 3]


def test_the_gain_is_the_fall_of_the_objective_by_hand():
    """obj = sum [g f + h f^2 / 2] + gamma T + lambda sum w^2 / 2 + alpha sum |w| with the numbers of the row above.

    Two leaves of w = -1.5 and 1.5: the first sum is 7.5 (-1.5) + 3 (2.25) / 2 and the like for the other, together
    -22.5 + 6.75 = -15.75; then 2 gamma = 4, lambda 4.5 / 2 = 2.25, alpha 3 = 4.5; in all -5. The root alone: gamma = 2.
    """
    _, forest = fit(SIX_X, SIX_Y, max_leaves=2, reg_lambda=1.0, min_split_gain=2.0, reg_alpha=1.5)
    tree = forest.arrays()
    gradients, w = 3.5 - SIX_Y, tree["value"][1:]
    f = np.repeat(w, 3)
    objective = np.sum(gradients * f + f**2 / 2) + 2.0 * len(w) + np.sum(w**2) / 2 + 1.5 * np.sum(np.abs(w))
    assert objective == pytest.approx(-5.0)
    assert tree["gain"][0] == pytest.approx(2.0 - objective)


def test_two_more_levels_by_hand():
    """The right child, G = -7.5 and H = 3, splits at 5.5: 1/2 [9/2 + 20.25/1 - 56.25/3] = 3; the left has no gain."""
    start, forest = fit(SIX_X, SIX_Y)
    tree = forest.arrays()
    assert tree["feature"].tolist() == [0, LEAF, 0, LEAF, LEAF]
    assert tree["threshold"].tolist() == [3.5, 0, 5.5, 0, 0]
    assert tree["left"].tolist() == [1, 0, 3, 0, 0]
    assert tree["gain"].tolist() == pytest.approx([18.75, 0, 3, 0, 0])
    np.testing.assert_allclose(scores_of(start, forest, SIX_X), SIX_Y, rtol=1e-12)


def test_logistic_leaves_by_hand():
    """y = 0 0 0 1: p = 1/4, start log(1/3); G = 1/4 a zero, -3/4 a one; H = 3/16 a row; so w = -4/3 and 4."""
    start, forest = fit(np.array([[1.0], [2.0], [3.0], [4.0]]), [0, 0, 0, 1], loss="logistic")
    tree = forest.arrays()
    assert start == pytest.approx(np.log(1 / 3))
    assert tree["value"].tolist() == pytest.approx([0, -4 / 3, 4], rel=1e-12)
    # 1/2 [(3/4)^2 / (9/16) + (3/4)^2 / (3/16) - 0] = 1/2 [1 + 3]
    assert tree["gain"][0] == pytest.approx(2.0, rel=1e-6)


LIMITS = [
    {},
    {"max_leaves": 5},
    {"max_leaves": 7, "grow_policy": "depthwise"},
    {"max_depth": 3},
    {"max_depth": 2, "grow_policy": "depthwise"},
    {"min_child_samples": 4},
    {"min_child_samples": 7.5, "reg_lambda": 2.0},
    {"min_child_weight": 1.1, "reg_lambda": 0.5},
    {"min_split_gain": 0.8},
    {"reg_alpha": 1.3, "reg_lambda": 1.0},
    {"max_leaves": 6, "min_child_samples": 3.25, "reg_alpha": 0.4, "reg_lambda": 0.1, "min_split_gain": 0.05},
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_split_is_the_best_by_brute_force(limits, loss, weighted):
    """Small tables of all kinds, every threshold a bin: no split of a node gains more, no open leaf either."""
    n_splits = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n_rows = int(rng.integers(12, 40))
        X = random_table(rng, n_rows, 3)
        y = random_target(rng, X, loss)
        weights = rng.integers(0, 9, size=n_rows) / 4 + np.eye(1, n_rows)[0] if weighted else None
        start, forest = fit(X, y, weights, loss=loss, learning_rate=0.3, **limits)
        values = derivatives(loss, y, np.full(n_rows, start), weights)
        (tree,) = trees_of(forest)
        audit_tree(tree, X, values, tree_params(limits), 0.3)
        n_splits += sum(node.feature != LEAF for node in tree)
    assert n_splits >= 12


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("engine", ["numpy", "python"])
def test_trees_are_those_of_the_reference(limits, loss, engine):
    """Same cuts, rows, gains and leaf values for five trees in a row, on tables with few and with many bins."""
    for seed in range(4):
        rng = np.random.default_rng(100 + seed)
        n_rows, max_bins = int(rng.integers(50, 200)), int(rng.choice([6, 20, 255]))
        X = random_table(rng, n_rows, 4)
        y = random_target(rng, X, loss, soft=True)
        weights = rng.integers(0, 9, size=n_rows) / 4 if seed % 2 else None
        changes = {
            "loss": loss,
            "n_estimators": 5,
            "learning_rate": 0.4,
            "max_bins": max_bins,
            "max_leaves": 20,
        } | limits
        start, forest = fit(X, y, weights, **changes)
        same = {k: v for k, v in (PLAIN | changes).items() if k not in CORE_ONLY}
        expected_start, expected = _reference.fit_boosted_trees(X, y, weights, engine=engine, **same)
        assert start == pytest.approx(expected_start, rel=1e-12)
        for ours, theirs in zip(trees_of(forest), expected, strict=True):
            assert_same_tree(fill_rows(ours, X, weights), theirs, tolerance=1e-8)


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_with_a_bin_a_value_the_tree_is_the_exact_one(limits, loss):
    """Growth on sorted raw values, without bins, parts the training rows alike."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(90, 3))
        X[rng.random(X.shape) < 0.15] = np.nan
        y = random_target(rng, X, loss, soft=True)
        weights = rng.integers(1, 9, size=90) / 4
        start, forest = fit(X, y, weights, loss=loss, **limits)
        values = derivatives(loss, y, np.full(90, start), weights)
        exact = _reference.grow_exact_tree(X, *values, tree_params(limits))
        (ours,) = trees_of(forest)
        leaves = [{tuple(n.rows) for n in tree if n.feature == LEAF} for tree in (fill_rows(ours, X), exact)]
        assert leaves[0] == leaves[1]
        gains = [sorted(n.gain for n in tree if n.feature != LEAF) for tree in (ours, exact)]
        np.testing.assert_allclose(gains[0], gains[1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("policy", ["lossguide", "depthwise"])
def test_limits_are_reached_and_kept(policy):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = random_target(rng, X, "squared")
    for max_leaves in (2, 3, 10, 100):
        (tree,) = trees_of(fit(X, y, max_leaves=max_leaves, grow_policy=policy)[1])
        assert sum(node.feature == LEAF for node in tree) == max_leaves
    (full,) = trees_of(fit(X, y, grow_policy=policy)[1])
    assert sum(node.feature == LEAF for node in full) == 400
    for max_depth in (1, 2, 5):
        (tree,) = trees_of(fit(X, y, max_depth=max_depth, grow_policy=policy)[1])
        depth = [0] * len(tree)
        for place, node in enumerate(tree):
            if node.feature != LEAF:
                depth[node.left] = depth[node.right] = depth[place] + 1
        assert max(depth) == max_depth


def test_depthwise_finishes_a_level_before_the_next():
    """Steps of 100, then 30, then 20 on the right, and of 0.01 on the left: best-first leaves the left side alone."""
    x = np.arange(64.0)
    y = np.select([x < 16, x < 32, x < 48, x < 56], [0.01, 0, 100, 120], 140)
    chain, level = (
        fit(x[:, None], y, max_leaves=4, grow_policy=policy)[1].arrays()["threshold"].tolist()
        for policy in ("lossguide", "depthwise")
    )
    assert chain == [31.5, 0, 47.5, 0, 55.5, 0, 0]
    assert level == [31.5, 15.5, 47.5, 0, 0, 0, 0]


@pytest.mark.parametrize("least", [1, 2.5, 10, 40])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_min_child_samples_counts_weights_exactly(least, loss):
    """Children of just the limit occur, lighter ones do not; the brute-force search above finds none passed over."""
    lightest = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(150, 2))
        y = random_target(rng, X, loss)
        weights = rng.choice([0.25, 0.5, 1.0, 2.5], size=150)
        _, forest = fit(X, y, weights, loss=loss, min_child_samples=least)
        (tree,) = trees_of(forest)
        covers = [weights[node.rows].sum() for node in fill_rows(tree, X)]
        np.testing.assert_array_equal(forest.arrays()["cover"], covers)
        lightest.append(min(covers))
    assert min(lightest) == least


def test_min_child_weight_and_min_split_gain_are_kept():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(500, 3))
    y = random_target(rng, X, "logistic")
    start, forest = fit(X, y, loss="logistic", min_child_weight=5.0)
    hessians = derivatives("logistic", y, np.full(500, start))[1]
    (tree,) = trees_of(forest)
    sums = [hessians[node.rows].sum() for node in fill_rows(tree, X) if node.feature == LEAF]
    assert 5.0 * (1 - 1e-6) <= min(sums) < 5.5
    (free,) = trees_of(fit(X, y)[1])
    for limit in (0.05, 0.1, 1.0):
        reached, gains = [0], []
        while reached:
            node = free[reached.pop()]
            if node.gain > limit:
                gains.append(node.gain - limit)
                reached += [node.left, node.right]
        dear = fit(X, y, min_split_gain=limit)[1].arrays()["gain"]
        np.testing.assert_allclose(np.sort(dear[dear > 0]), np.sort(gains), rtol=1e-5, atol=1e-7)
    assert fit(X, y, min_split_gain=1e9)[1].arrays()["feature"].tolist() == [LEAF]


def test_alpha_silences_weak_leaves():
    """|G| <= alpha gives the value 0; above, the value shrinks by alpha / (H + lambda)."""
    for alpha, leaf in ((0.0, 2.5), (3.0, 1.5), (7.4, 0.1 / 3)):
        values = fit(SIX_X, SIX_Y, max_leaves=2, reg_alpha=alpha)[1].arrays()["value"]
        assert values.tolist() == pytest.approx([0, -leaf, leaf], rel=1e-9)
    assert fit(SIX_X, SIX_Y, reg_alpha=7.6)[1].arrays()["feature"].tolist() == [LEAF]


@pytest.mark.parametrize("high_is_left", [False, True])
@pytest.mark.parametrize("missing_is_high", [False, True])
def test_the_side_of_missing_values_is_learned(high_is_left, missing_is_high):
    x = np.array([1.0, 2, 3, 4, np.nan, np.nan])
    y = np.array([5.0, 5, 1, 1, 0, 0]) if high_is_left else np.array([1.0, 1, 5, 5, 0, 0])
    y[4:] = 5.0 if missing_is_high else 1.0
    start, forest = fit(x[:, None], y, max_leaves=2)
    tree = forest.arrays()
    assert tree["threshold"][0] == 2.5
    assert tree["missing_left"][0] == (high_is_left == missing_is_high)
    np.testing.assert_allclose(scores_of(start, forest, x[:, None]), y, rtol=1e-12)


def test_missing_values_alone_can_be_split_off():
    """From a column of one value, and from one where they matter more than any number: numbers seen stay together."""
    x = np.array([3.0, 3.0, np.nan, np.nan])[:, None]
    start, forest = fit(x, [0, 0, 1, 1])
    assert forest.arrays()["feature"].tolist() == [0, LEAF, LEAF]
    np.testing.assert_allclose(scores_of(start, forest, np.array([[3.0], [-np.inf], [np.inf], [np.nan]])), [0, 0, 0, 1])
    x = np.array([1.0, 2, 3, 4, np.nan, np.nan])[:, None]
    start, forest = fit(x, [0, 0.1, 0, 0.1, 9, 9], max_leaves=2)
    np.testing.assert_allclose(scores_of(start, forest, x), [0.05, 0.05, 0.05, 0.05, 9, 9], rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "left_is_heavier"), [([1, 1, 1, 1], True), ([1, 1, 1, 2], False), ([2, 1, 1, 1], True)]
)
def test_missing_values_never_seen_follow_the_heavier_child(weights, left_is_heavier):
    """By the sum of Hessians, here of weights; a tie goes left. Also where another node did see some."""
    x, y = np.array([1.0, 2, 3, 4])[:, None], [0, 0, 1, 1]
    tree = fit(x, y, np.array(weights, dtype=float), max_leaves=2)[1].arrays()
    assert tree["missing_left"][0] == left_is_heavier
    # A first split by column 0 sends all missing values of column 1 to the right; the left child never saw one.
    X = np.array([[0.0, 1], [0, 2], [0, 3], [0, 4], [1, np.nan], [1, np.nan], [1, np.nan], [1, np.nan]])
    both = np.array([*weights, 1, 1, 1, 1], dtype=float)
    _, forest = fit(X, [0, 0, 1, 1, 90, 90, 90, 90], both)
    left = trees_of(forest)[0][1]
    assert (left.feature, left.threshold, left.missing_left) == (1, 2.5, left_is_heavier)


def test_the_heavier_child_is_heavier_in_curvature():
    """Confident rows count little: the side differs from that of more rows somewhere, and is never another."""
    n_different = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(120, 3))
        y = random_target(rng, X, "logistic")
        start, forest = fit(X, y, loss="logistic", n_estimators=4, max_leaves=8)
        for t, tree in enumerate(trees_of(forest)):
            hessians = derivatives("logistic", y, scores_of(start, forest, X, t))[1]
            for node in fill_rows(tree, X):
                if node.feature != LEAF:
                    left = tree[node.left].rows
                    assert node.missing_left == (2 * hessians[left].sum() >= hessians[node.rows].sum() * (1 - 1e-9))
                    n_different += node.missing_left != (2 * len(left) >= len(node.rows))
    assert n_different > 0


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1)])
def test_a_tie_between_columns_goes_to_the_first(signs):
    """Two columns that part the rows alike, straight or mirrored: the lowest feature is split."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=41), rng.normal(size=41)
        X = np.stack([signs[0] * x, signs[1] * x], axis=1)
        features = fit(X, y, max_leaves=6)[1].arrays()["feature"]
        assert set(features.tolist()) == {0, LEAF}
