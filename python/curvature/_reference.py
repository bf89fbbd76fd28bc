"""The core's algorithms in plain Python and NumPy, in float64: oracle of the tests, baseline of the benchmarks."""

import heapq
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
RowFunction: TypeAlias = Callable[[Floats, Floats], Floats]

MISSING, LEAF = 0, -1  # the code of NaN, the feature of a leaf
ROUNDING = 1e-12  # scores closer than this are a tie: sums of the same rows in another order differ by rounding
HESSIAN_UNIT = 2.0**-31  # of the total: a child with less is empty, but for the rounding of a subtraction


def cut_between(a: float, b: float) -> float | None:
    """Finite t with a <= t < b for a < b, their midpoint if there is one; None between -inf and the least double."""
    largest = sys.float_info.max
    middle = 0.0 if math.isinf(a) and math.isinf(b) else a / 2 + b / 2
    cut = min(max(middle, -largest), largest)
    if not a <= cut < b:
        cut = a
    return cut if math.isfinite(cut) else None


def quantile_cuts(values: ArrayLike, weights: ArrayLike | None, max_bins: int) -> Floats:
    """Cuts between bins of about equal weight; one between each two distinct values where they fit `max_bins`.

    A value that weighs a bin or more closes one. The others are joined in order, each bin closing where that comes
    nearest to the weight still to be placed over the bins still free; before a heavy value, where it is half full.
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    used = ~np.isnan(x) & (w > 0)
    distinct, place = np.unique(x[used], return_inverse=True)
    weight = np.bincount(place, weights=w[used]).tolist()
    mean = sum(weight) / max_bins if len(distinct) > max_bins else 0.0  # 0: every value stands alone
    light_weight = sum(own for own in weight if own < mean)
    light_bins = max_bins - sum(own >= mean for own in weight)
    cuts: list[float] = []
    joined = 0.0
    for i in range(len(distinct) - 1):
        if len(cuts) == max_bins - 1:
            break
        if weight[i] < mean:
            joined += weight[i]
            target = light_weight / light_bins if light_bins > 0 else sum(weight)
            full = 2 * joined >= target if weight[i + 1] >= mean else joined + weight[i + 1] / 2 > target
            if light_bins == 0 or not full:
                continue
            light_bins -= 1
        if (cut := cut_between(float(distinct[i]), float(distinct[i + 1]))) is not None:
            cuts.append(cut)
        light_weight -= joined
        joined = 0.0
    return np.array(cuts, dtype=np.float64)


def encode(values: ArrayLike, cuts: ArrayLike) -> NDArray[np.int64]:
    """1 + the number of cuts below each value, compared as float64; 0 for NaN. So x <= cuts[k] is code <= k + 1."""
    x = np.asarray(values).astype(np.float64)
    codes = 1 + np.searchsorted(np.asarray(cuts), x, side="left")
    return np.where(np.isnan(x), MISSING, codes)


def quantize(unit: Array, weights: Floats, step: float, fraction: Floats | None = None) -> NDArray[np.int64]:
    """Whole steps: w round(x / step) to nearest, or floor(w x / step + u) for uniform `fraction` u in [0, 1)."""
    x = unit / step
    steps = np.rint(np.rint(x) * weights) if fraction is None else np.floor(x * weights + fraction)
    return steps.astype(np.int64)


def accumulate(codes: Array, rows: Array, *values: Array, n_codes: int) -> Floats:
    """Sums of each of `values` by feature and code, (values, features, n_codes), over `rows` of `codes`."""
    sums = np.empty((len(values), codes.shape[1], n_codes))
    for j in range(codes.shape[1]):
        own_codes = codes[:, j][rows]
        for k, value in enumerate(values):
            sums[k, j] = np.bincount(own_codes, weights=value[rows], minlength=n_codes)
    return sums


def accumulate_loops(codes: list[list[int]], rows: list[int], *values: list[float], n_codes: int) -> list[Any]:
    """Return the same as `accumulate`, in loops over nested lists."""
    sums = [[[0.0] * n_codes for _ in codes[0]] for _ in values]
    for row in rows:
        for table, value in zip(sums, values, strict=True):
            for j, code in enumerate(codes[row]):
                table[j][code] += value[row]
    return sums


def subtract(larger: Any, smaller: Any) -> Any:
    """The sibling's histogram: the parent's less the other child's, as arrays or as nested lists."""
    if isinstance(larger, list):
        return [subtract(x, y) for x, y in zip(larger, smaller, strict=True)]
    return larger - smaller


def partition(rows: Array, codes: Array, bin: int, missing_left: bool) -> tuple[Array, Array]:
    """Rows with 1 <= code <= `bin` (and code 0 where `missing_left`), and the others, both in their old order."""
    own = codes[rows]
    left = np.where(own == MISSING, missing_left, own <= bin)
    return rows[left], rows[~left]


class Cut(NamedTuple):
    """The best cut found: its score (-1: none is allowed), feature, last bin of the left child, and side of missing."""

    score: float = -1.0
    feature: int = 0
    bin: int = 0
    missing_left: bool = False


@dataclass(frozen=True)
class TreeParams:
    """What shapes a tree; None is no limit."""

    max_leaves: int | None = 16
    max_depth: int | None = None
    min_child_samples: float = 20.0
    min_child_weight: float = 1e-3
    min_split_gain: float = 0.0
    reg_lambda: float = 3.0
    reg_alpha: float = 0.0
    grow_policy: Literal["lossguide", "depthwise"] = "lossguide"


def shrink(gradient: float, alpha: float) -> float:
    """T(G) = sign(G) max(|G| - alpha, 0), the soft threshold of the L1 penalty."""
    return math.copysign(max(abs(gradient) - alpha, 0.0), gradient)


def node_score(gradient: float, hessian: float, params: TreeParams) -> float:
    """T(G)^2 / (H + lambda): twice what the best leaf value takes off the objective."""
    return -shrink(gradient, params.reg_alpha) * newton_step(gradient, hessian, params)


def newton_step(gradient: float, hessian: float, params: TreeParams) -> float:
    """-T(G) / (H + lambda): minimises G w + H w^2 / 2 + lambda w^2 / 2 + alpha |w|."""
    curvature = hessian + params.reg_lambda
    return -shrink(gradient, params.reg_alpha) / curvature if curvature > 0 else 0.0


def best_cut(sums: Any, params: TreeParams, min_hessian: float) -> Cut:
    """Most T(G_L)^2 / (H_L + lambda) + T(G_R)^2 / (H_R + lambda), missing tried on the right and on the left.

    `sums` are of gradients first, of Hessians next, of weights last. Both children need `min_hessian` and
    weights of min_child_samples; missing alone is never the left one. Ties: lowest feature, bin, missing on the right.
    """
    running = np.cumsum(sums[:, :, 1:], axis=2)
    left = np.stack([running, running + sums[:, :, :1]], axis=3)  # (values, features, bins, side of missing)
    right = sums.sum(axis=2)[:, :, None, None] - left
    allowed = np.minimum(left[1], right[1]) >= min_hessian
    allowed &= np.minimum(left[-1], right[-1]) >= params.min_child_samples
    allowed[:, :, 1] &= running[1] >= HESSIAN_UNIT * sums[1].sum(axis=1)[:, None]  # some value on the left
    score = np.zeros(allowed.shape)
    for side in (left, right):
        denominator = np.where(allowed, side[1] + params.reg_lambda, 1.0)
        score += np.maximum(np.abs(side[0]) - params.reg_alpha, 0.0) ** 2 / denominator
    score[~allowed] = -1.0
    if score.max(initial=-1.0) < 0:
        return Cut()
    first = int(np.argmax(score >= (1 - ROUNDING) * score.max()))
    feature, bin, side_of_missing = np.unravel_index(first, score.shape)
    return Cut(float(score.flat[first]), int(feature), int(bin) + 1, bool(side_of_missing))


def best_cut_loops(sums: Any, params: TreeParams, min_hessian: float) -> Cut:
    """Return the same as `best_cut`, cut by cut."""
    best = Cut()
    for feature, (gradients, hessians, weights) in enumerate(zip(sums[0], sums[1], sums[-1], strict=True)):
        g, h, w = sum(gradients), sum(hessians), sum(weights)
        g_values = h_values = w_values = 0.0
        for bin in range(1, len(gradients)):
            g_values += gradients[bin]
            h_values += hessians[bin]
            w_values += weights[bin]
            for missing_left in (False, True):
                g_left = g_values + (gradients[MISSING] if missing_left else 0.0)
                h_left = h_values + (hessians[MISSING] if missing_left else 0.0)
                w_left = w_values + (weights[MISSING] if missing_left else 0.0)
                if (missing_left and h_values < HESSIAN_UNIT * h) or min(h_left, h - h_left) < min_hessian:
                    continue
                if min(w_left, w - w_left) < params.min_child_samples:
                    continue
                score = node_score(g_left, h_left, params) + node_score(g - g_left, h - h_left, params)
                if score > best.score * (1 + ROUNDING):
                    best = Cut(score, feature, bin, missing_left)
    return best


@dataclass
class Node:
    """A split, or a leaf where `feature` is LEAF. Rows go left where x <= threshold, and NaN where `missing_left`."""

    rows: Array = field(repr=False)  # the training rows that reached it
    value: float = 0.0
    feature: int = LEAF
    threshold: float = 0.0
    missing_left: bool = False
    gain: float = 0.0
    left: int = 0  # places of the children in the tree's list
    right: int = 0
    cut: Cut = Cut()


Tree: TypeAlias = list[Node]


class _Grower:
    """Grows one tree on codes. `values`: weighted gradients and Hessians; weights, where these are not the Hessians."""

    def __init__(self, codes: Array, cuts: list[Floats], values: list[Floats], params: TreeParams, loops: bool) -> None:
        self.codes, self.cuts, self.values, self.params = codes, cuts, values, params
        self.lists = (codes.tolist(), [value.tolist() for value in values]) if loops else None
        self.n_codes = max(map(len, cuts), default=0) + 2
        self.min_hessian = max(params.min_child_weight, HESSIAN_UNIT * float(values[1].sum()))

    def grow(self, rows: Array) -> Tree:
        """Split the open leaf of most gain (depthwise: of least depth, then of most gain) until none can be split."""
        params, depthwise = self.params, self.params.grow_policy == "depthwise"
        tree: Tree = []
        waiting: list[tuple[int, float, int, int, Any]] = []  # least first; ties: the leaf opened first

        def open_leaf(own: Array, depth: int, sums: Any) -> int:
            node = Node(own, newton_step(*self.totals(own), params))
            tree.append(node)
            if (params.max_depth is None or depth < params.max_depth) and self.find_split(node, sums):
                heapq.heappush(waiting, (depth if depthwise else 0, -node.gain, len(tree) - 1, depth, sums))
            return len(tree) - 1

        open_leaf(rows, 0, self.histogram(rows))
        while waiting and (params.max_leaves is None or len(tree) < 2 * params.max_leaves - 1):
            _, _, place, depth, sums = heapq.heappop(waiting)
            node = tree[place]
            left, right = self.partition(node)
            smaller = self.histogram(min(left, right, key=len))
            larger = subtract(sums, smaller)
            own = (smaller, larger) if len(left) <= len(right) else (larger, smaller)
            node.value, node.feature = 0.0, node.cut.feature
            node.left, node.right = open_leaf(left, depth + 1, own[0]), open_leaf(right, depth + 1, own[1])
        return tree

    def totals(self, rows: Array) -> tuple[float, float]:
        return float(self.values[0][rows].sum()), float(self.values[1][rows].sum())

    def histogram(self, rows: Array) -> Any:
        if self.lists is None:
            return accumulate(self.codes, rows, *self.values, n_codes=self.n_codes)
        return accumulate_loops(self.lists[0], rows.tolist(), *self.lists[1], n_codes=self.n_codes)

    def find_split(self, node: Node, sums: Any) -> bool:
        search = best_cut if self.lists is None else best_cut_loops
        node.cut = search(sums, self.params, self.min_hessian)
        gradient, hessian = self.totals(node.rows)
        rise = node.cut.score - node_score(gradient, hessian, self.params)
        if rise <= ROUNDING * node.cut.score or 0.5 * rise <= self.params.min_split_gain:
            return False
        node.gain = 0.5 * rise - self.params.min_split_gain
        cuts = self.cuts[node.cut.feature]
        node.threshold = float(cuts[node.cut.bin - 1]) if node.cut.bin <= len(cuts) else math.inf
        node.missing_left = node.cut.missing_left
        if not (self.codes[node.rows, node.cut.feature] == MISSING).any():  # those yet to come follow the heavier child
            node.missing_left = 2 * self.totals(self.partition(node)[0])[1] >= hessian
        return True

    def partition(self, node: Node) -> tuple[Array, Array]:
        return partition(node.rows, self.codes[:, node.cut.feature], node.cut.bin, node.cut.missing_left)


class _ExactGrower(_Grower):
    """No common bins: every node's own sorted distinct values are its candidates. `codes` are the raw values."""

    def histogram(self, rows: Array) -> Any:
        return 0

    def find_split(self, node: Node, sums: Any) -> bool:
        columns = self.codes[node.rows].T
        cuts = [quantile_cuts(x, None, len(node.rows)) for x in columns]
        codes = np.stack([encode(x, c) for x, c in zip(columns, cuts, strict=True)]).T
        alone = _Grower(codes, cuts, [value[node.rows] for value in self.values], self.params, loops=True)
        alone.min_hessian = self.min_hessian
        rows, node.rows = node.rows, np.arange(len(node.rows))
        found = alone.find_split(node, alone.histogram(node.rows))
        node.rows = rows
        return found

    def partition(self, node: Node) -> tuple[Array, Array]:
        x = self.codes[node.rows, node.cut.feature]
        left = np.where(np.isnan(x), node.missing_left, x <= node.threshold)
        return node.rows[left], node.rows[~left]


def grow_exact_tree(X: Array, gradients: Floats, hessians: Floats, weights: Floats, params: TreeParams) -> Tree:
    """Grow a tree on raw values, every gap in a node a candidate. The derivatives come multiplied by the weights."""
    values = [gradients, hessians, weights]
    return _ExactGrower(X.astype(np.float64), [], values, params, loops=False).grow(np.flatnonzero(weights))


class Loss(NamedTuple):
    """l(y, f), its derivatives in the raw score f, and the link whose inverse turns f into the mean of y."""

    value: RowFunction
    gradient: RowFunction
    hessian: RowFunction
    link: Callable[[float], float]


def sigmoid(f: Floats) -> Floats:
    """1 / (1 + e^-f), without overflow and without loss at either end."""
    e = np.exp(-np.abs(f))
    return np.where(f < 0, e, 1.0) / (1.0 + e)


LOSSES = {
    "squared": Loss(lambda y, f: 0.5 * (f - y) ** 2, lambda y, f: f - y, lambda y, f: np.ones_like(f), float),
    "logistic": Loss(
        lambda y, f: np.maximum(f, 0.0) + np.log1p(np.exp(-np.abs(f))) - y * f,
        lambda y, f: (1.0 - y) * sigmoid(f) - y * sigmoid(-f),
        lambda y, f: sigmoid(f) * sigmoid(-f),
        lambda mean: math.log((p := min(max(mean, 1e-10), 1 - 1e-10)) / (1 - p)),
    ),
}


def start_score(loss: str, y: Floats, weights: Floats) -> float:
    """The raw score of the weighted mean of y, which minimises the loss of one number for all rows."""
    return LOSSES[loss].link(float(weights @ y / weights.sum()))


def fit_boosted_trees(
    X: ArrayLike,
    y: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    loss: str = "squared",
    n_estimators: int = 300,
    learning_rate: float = 0.08,
    max_bins: int = 255,
    engine: Literal["numpy", "python"] = "numpy",
    max_leaves: int | None = 16,
    max_depth: int | None = None,
    min_child_samples: float = 20.0,
    min_child_weight: float = 1e-3,
    min_split_gain: float = 0.0,
    reg_lambda: float = 3.0,
    reg_alpha: float = 0.0,
    grow_policy: Literal["lossguide", "depthwise"] = "lossguide",
) -> tuple[float, list[Tree]]:
    """Fit trees one after another to the gradients and Hessians at the scores so far: f += learning_rate * tree(x).

    Parameters are the core's; every column is tried at every node. `engine`: histograms and searches by NumPy, or in
    plain Python loops. Returns the start score and the trees, whose leaf values include the learning rate.
    """
    table, target = np.asarray(X).astype(np.float64), np.asarray(y, dtype=np.float64)
    w = np.ones(len(target)) if weights is None else np.asarray(weights, dtype=np.float64)
    params = TreeParams(
        max_leaves, max_depth, min_child_samples, min_child_weight, min_split_gain, reg_lambda, reg_alpha, grow_policy
    )
    cuts = [quantile_cuts(x, w, max_bins) for x in table.T]
    codes = np.stack([encode(x, c) for x, c in zip(table.T, cuts, strict=True)]).T
    start = start_score(loss, target, w)
    scores = np.full(len(target), start)
    trees = []
    for _ in range(n_estimators):
        values = [w * LOSSES[loss].gradient(target, scores), w * LOSSES[loss].hessian(target, scores)]
        values += [] if loss == "squared" else [w]
        trees.append(_Grower(codes, cuts, values, params, loops=engine == "python").grow(np.flatnonzero(w)))
        for node in trees[-1]:
            node.value *= learning_rate
            if node.feature == LEAF:
                scores[node.rows] += node.value
    return start, trees


def leaf_of(tree: Tree, x: Sequence[float]) -> int:
    """The place of the leaf that a row falls into."""
    place = 0
    while (node := tree[place]).feature != LEAF:
        value = x[node.feature]
        goes_left = node.missing_left if math.isnan(value) else value <= node.threshold
        place = node.left if goes_left else node.right
    return place


def predict_scores(start: float, trees: Sequence[Tree], X: ArrayLike) -> Floats:
    """Return start + the leaf values of each row, tree by tree."""
    rows = np.asarray(X).astype(np.float64).tolist()
    scores = np.full(len(rows), start)
    for tree in trees:
        scores += [tree[leaf_of(tree, x)].value for x in rows]
    return scores
