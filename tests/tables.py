"""Random tables, parameters, and what the tests of the trees share."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curvature import _core
from curvature._reference import LEAF, LOSSES, Node, Tree, TreeParams, newton_step, node_score

Floats = NDArray[np.float64]

# Everything that could hide a difference is off: no shrinkage, no penalty, no limit, every column.
PLAIN: dict[str, Any] = {
    "n_estimators": 1,
    "learning_rate": 1.0,
    "max_bins": 255,
    "max_leaves": None,
    "max_depth": None,
    "min_child_samples": 1,
    "min_child_weight": 0.0,
    "min_split_gain": 0.0,
    "reg_lambda": 0.0,
    "reg_alpha": 0.0,
    "colsample_bynode": 1.0,
    "grow_policy": "lossguide",
    "seed": 0,
    "n_jobs": 1,
}
CORE_ONLY = {"colsample_bynode", "seed", "n_jobs"}


def fit(X: Any, y: Any, weights: Any = None, loss: str = "squared", **changes: Any) -> tuple[float, Any]:
    """`_core.boost_fit` with a named loss of one output, PLAIN and the given changes."""
    columns = [np.asarray(y, dtype=np.float64)]
    starts, forest = _core.boost_fit(_core.Table(X), columns, weights, _core.named_loss(loss, {}), PLAIN | changes)
    return starts[0], forest


def scores_of(start: float, forest: Any, X: Any, n_trees: int | None = None) -> Floats:
    scores = np.full(len(X), start)
    forest.add_scores(_core.Table(X), 0, forest.n_trees if n_trees is None else n_trees, scores, 1)
    return scores


def trees_of(forest: Any) -> list[Tree]:
    """The core's arrays as the reference's nodes."""
    arrays = forest.arrays()
    trees = []
    for begin, end in pairwise(arrays["tree_begin"].tolist()):
        tree = []
        for i in range(begin, end):
            node = Node(np.empty(0, dtype=np.int64))
            for name in ("value", "feature", "threshold", "gain", "left"):
                setattr(node, name, arrays[name][i].item())
            node.missing_left = bool(arrays["missing_left"][i])
            node.right = node.left + 1
            tree.append(node)
        trees.append(tree)
    return trees


def fill_rows(tree: Tree, X: Floats, weights: Floats | None = None) -> Tree:
    """Send the rows of positive weight down the tree, noting them at every node."""
    tree[0].rows = np.arange(len(X)) if weights is None else np.flatnonzero(weights)
    for node in tree:
        if node.feature == LEAF:
            continue
        x = np.asarray(X[node.rows, node.feature], dtype=np.float64)
        left = np.where(np.isnan(x), node.missing_left, x <= node.threshold)
        tree[node.left].rows, tree[node.right].rows = node.rows[left], node.rows[~left]
    return tree


def assert_same_tree(ours: Tree, theirs: Tree, tolerance: float) -> None:
    """Same rows in the same nodes, same values to `tolerance` (relative), same gains but for float32 gradients.

    Where two features part a node's rows alike, either may have been taken, and the children may have changed sides.
    Everything else must be equal: feature, threshold and the side of missing values.
    """
    pairs = [(0, 0)]
    while pairs:
        a, b = (tree[place] for tree, place in zip((ours, theirs), pairs.pop(), strict=True))
        assert set(a.rows) == set(b.rows)
        assert (a.feature == LEAF) == (b.feature == LEAF)
        np.testing.assert_allclose(a.value, b.value, rtol=tolerance, atol=1e-15)
        if a.feature == LEAF:
            continue
        np.testing.assert_allclose(a.gain, b.gain, rtol=1e-5, atol=1e-6 * theirs[0].gain)
        swapped = set(ours[a.left].rows) != set(theirs[b.left].rows)
        if a.feature == b.feature and not swapped:
            assert (a.threshold, a.missing_left) == (b.threshold, b.missing_left)
        pairs += [(a.left, b.right), (a.right, b.left)] if swapped else [(a.left, b.left), (a.right, b.right)]


def best_gain(X: Floats, rows: NDArray[np.int64], values: tuple[Floats, ...], params: TreeParams) -> float:
    """The most a split of a node gains, trying every value of every column on masks; -inf where none is allowed."""
    gradients, hessians, weights = (value[rows] for value in values)
    best = -np.inf
    for column in X[rows].T:
        missing = np.isnan(column)
        for threshold in np.unique(column[~missing]):
            for side in (False, True):
                left = np.where(missing, side, column <= threshold)
                if left.all() or not left.any():
                    continue
                if min(weights[left].sum(), weights[~left].sum()) < params.min_child_samples:
                    continue
                if min(hessians[left].sum(), hessians[~left].sum()) < params.min_child_weight:
                    continue
                children = sum(node_score(gradients[m].sum(), hessians[m].sum(), params) for m in (left, ~left))
                best = max(best, children - node_score(gradients.sum(), hessians.sum(), params))
    return best / 2 - params.min_split_gain


def audit_tree(tree: Tree, X: Floats, values: tuple[Floats, ...], params: TreeParams, learning_rate: float) -> None:
    """Grow the tree again in its own order: each split is the best of its node, each turn that of the best open leaf.

    `values` are weighted gradients, weighted Hessians and weights. Ties within rounding may go either way.
    """
    fill_rows(tree, X, values[2])
    slack = 1e-6 * max(1e-300, sum(node_score(g, h, params) for g, h in zip(values[0], values[1], strict=True)))
    depth = dict.fromkeys(range(len(tree)), 0)
    gain = {}
    for place, node in enumerate(tree):
        for child in (node.left, node.right) if node.feature != LEAF else ():
            depth[child] = depth[place] + 1
        allowed = params.max_depth is None or depth[place] < params.max_depth
        gain[place] = best_gain(X, node.rows, values, params) if allowed else -np.inf
        if node.feature != LEAF:
            np.testing.assert_allclose(node.gain, gain[place], rtol=1e-5, atol=slack)
        else:
            totals = (float(values[0][node.rows].sum()), float(values[1][node.rows].sum()))
            expected = learning_rate * newton_step(*totals, params)
            np.testing.assert_allclose(node.value, expected, rtol=1e-9, atol=1e-12)
    depthwise = params.grow_policy == "depthwise"
    opened, n_leaves = [0], 1
    while n_leaves < (params.max_leaves or np.inf):
        level = min((depth[i] for i in opened if gain[i] > slack), default=0) if depthwise else None
        rivals = [i for i in opened if level is None or depth[i] == level]
        chosen = [i for i in rivals if tree[i].feature != LEAF]
        if not chosen:
            assert all(gain[i] <= slack for i in opened), "a leaf was left that could have been split"
            return
        best = max(chosen, key=gain.__getitem__)
        assert gain[best] >= max(gain[i] for i in rivals) - slack, "a better leaf was passed over"
        opened.remove(best)
        opened += [tree[best].left, tree[best].right]
        n_leaves += 1
    assert all(tree[i].feature == LEAF for i in opened), "more leaves than max_leaves"


def derivatives(loss: str, y: Floats, scores: Floats, weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """Weighted gradients, weighted Hessians and weights."""
    w = np.ones(len(y)) if weights is None else weights
    return w * LOSSES[loss].gradient(y, scores), w * LOSSES[loss].hessian(y, scores), w


def random_table(rng: np.random.Generator, n_rows: int, n_columns: int, missing: float = 0.1) -> Floats:
    """Columns of many kinds: continuous, skewed, few values, constant; with NaN."""
    kinds = [
        lambda: rng.normal(size=n_rows),
        lambda: np.exp(3 * rng.normal(size=n_rows)),
        lambda: rng.integers(0, 4, size=n_rows).astype(np.float64),
        lambda: rng.integers(-1, 2, size=n_rows) * rng.random(n_rows).round(1),
        lambda: np.full(n_rows, 7.0),
    ]
    X = np.column_stack([kinds[rng.integers(len(kinds))]() for _ in range(n_columns)])
    X[rng.random(X.shape) < missing] = np.nan
    return X


def random_target(rng: np.random.Generator, X: Floats, loss: str, soft: bool = False) -> Floats:
    """Numbers, or for the logistic loss 0 and 1; `soft`: any number in between, which leaves no ties."""
    signal = np.nan_to_num(X, nan=0.5, posinf=1.0, neginf=-1.0).clip(-3, 3) @ rng.normal(size=X.shape[1])
    noisy = signal + rng.normal(size=len(X))
    if loss == "squared":
        return noisy
    return 1 / (1 + np.exp(-noisy)) if soft else (noisy > np.median(noisy)).astype(np.float64)
