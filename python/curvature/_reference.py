"""The core's algorithms in plain Python and NumPy: the oracle of the tests and the baseline of the benchmarks.

Sums are float64; nothing is quantized, nothing runs in parallel. An *engine* searches and splits a node's rows:
`NumpyEngine` and `PythonEngine` through histograms of codes, `ExactEngine` by a scan of the sorted values.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]

MISSING = 0  # the code of NaN
LEAF = -1
ROUNDING = 1e-12  # scores closer than this are a tie: sums of the same rows in another order differ by rounding
LEAST_UNIT = 2.0**-31  # of the total Hessian: a child with less is empty, or as good as empty


def cut_between(a: float, b: float) -> float | None:
    """Finite t with a <= t < b for a < b, their midpoint if there is one; None between -inf and the least double."""
    largest = float(np.finfo(np.float64).max)
    if math.isinf(a):
        cut = 0.0 if math.isinf(b) else -largest
    elif math.isinf(b):
        cut = largest
    else:
        cut = a / 2 + b / 2
        if not a <= cut < b:
            cut = a
    return cut if a <= cut < b else None


def quantile_cuts(values: ArrayLike, weights: ArrayLike | None, max_bins: int) -> Floats:
    """Cuts between bins of about equal weight; one between each two distinct values where they fit `max_bins`.

    A value that weighs total / max_bins or more stands alone; the others are joined in order, each bin closing where
    that is nearest to the weight still to be placed over the bins still free.
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    used = ~np.isnan(x) & (w > 0)
    distinct, place = np.unique(x[used], return_inverse=True)
    weight = np.bincount(place, weights=w[used], minlength=len(distinct))
    if len(distinct) <= max_bins:
        ends = list(range(len(distinct) - 1))
    else:
        ends = _bin_ends(weight.tolist(), max_bins)
    cuts = [cut_between(float(distinct[i]), float(distinct[i + 1])) for i in ends]
    return np.array([cut for cut in cuts if cut is not None][: max_bins - 1], dtype=np.float64)


def _bin_ends(weight: list[float], max_bins: int) -> list[int]:
    mean = sum(weight) / max_bins
    light_weight = sum(w for w in weight if w < mean)
    light_bins = max_bins - sum(w >= mean for w in weight)
    ends = []
    joined = 0.0
    for i, (own, following) in enumerate(zip(weight, weight[1:], strict=False)):
        joined += own
        target = light_weight / light_bins if light_bins > 0 else sum(weight)
        heavy = own >= mean
        if not heavy and following < mean and joined + following / 2 <= target:
            continue
        ends.append(i)
        if not heavy:
            light_weight -= joined
            light_bins = max(light_bins - 1, 0)
        joined = 0.0
    return ends


def encode(values: ArrayLike, cuts: ArrayLike) -> NDArray[np.int64]:
    """1 + the number of cuts below each value, compared as float64; 0 for NaN. So x <= cuts[k] is code <= k + 1."""
    x = np.asarray(values).astype(np.float64)
    codes = 1 + np.searchsorted(np.asarray(cuts, dtype=np.float64), x, side="left")
    return np.where(np.isnan(x), MISSING, codes)


def quantize(unit: ArrayLike, weights: ArrayLike, step: float, fraction: ArrayLike | None = None) -> NDArray[np.int64]:
    """Whole steps: w round(x / step) to nearest, or floor(w x / step + u) for uniform `fraction` u in [0, 1)."""
    x = np.asarray(unit, dtype=np.float64) / step
    w = np.asarray(weights, dtype=np.float64)
    steps = np.rint(np.rint(x) * w) if fraction is None else np.floor(x * w + np.asarray(fraction))
    return steps.astype(np.int64)


def accumulate(codes: Array, rows: Array, gradients: Array, hessians: Array, n_codes: int) -> tuple[Floats, Floats]:
    """Sums of gradients and of Hessians over `rows`, each of shape (features, n_codes); `codes` is (n, features)."""
    sums = _histogram(codes, rows, [gradients, hessians], n_codes)
    return sums[0], sums[1]


def _histogram(codes: Array, rows: Array, values: Sequence[Array], n_codes: int) -> Floats:
    sums = np.empty((len(values), codes.shape[1], n_codes))
    for j in range(codes.shape[1]):
        own_codes = codes[:, j][rows]
        for k, value in enumerate(values):
            sums[k, j] = np.bincount(own_codes, weights=value[rows], minlength=n_codes)
    return sums


def subtract(larger: Array, smaller: Array) -> Array:
    """The sibling's histogram: the parent's less the other child's."""
    return np.asarray(larger - smaller)


def partition(rows: Array, codes: Array, bin: int, missing_left: bool) -> tuple[Array, Array]:
    """Rows with 1 <= code <= `bin` (and code 0 where `missing_left`), and the others, both in their old order."""
    own = codes[rows]
    left = np.where(own == MISSING, missing_left, own <= bin)
    return rows[left], rows[~left]


def shrink(gradient: float, alpha: float) -> float:
    """T(G) = sign(G) max(|G| - alpha, 0), the soft threshold of the L1 penalty."""
    return math.copysign(max(abs(gradient) - alpha, 0.0), gradient)


def node_score(gradient: float, hessian: float, lambda_: float, alpha: float) -> float:
    """T(G)^2 / (H + lambda): twice what the best leaf value takes off the objective."""
    denominator = hessian + lambda_
    return shrink(gradient, alpha) ** 2 / denominator if denominator > 0 else 0.0


def newton_step(gradient: float, hessian: float, lambda_: float, alpha: float) -> float:
    """-T(G) / (H + lambda): minimises G w + H w^2 / 2 + lambda w^2 / 2 + alpha |w|."""
    denominator = hessian + lambda_
    return -shrink(gradient, alpha) / denominator if denominator > 0 else 0.0


class Cut(NamedTuple):
    """A cut of one feature: its score (-1 where none is allowed), the last bin of the left child, missing's side."""

    score: float = -1.0
    bin: int = 0
    missing_left: bool = False


def best_cut(
    gradients: Sequence[float],
    hessians: Sequence[float],
    lambda_: float,
    alpha: float,
    min_hessian: float,
    weights: Sequence[float] | None = None,
    min_weight: float = 0.0,
) -> Cut:
    """Most T(G_L)^2 / (H_L + lambda) + T(G_R)^2 / (H_R + lambda) over bins, with missing on the right and on the left.

    The arguments hold sums by code. Both children need `min_hessian` and `min_weight`. Ties go to the lowest bin, then
    to missing on the right.
    """
    g, h = sum(gradients), sum(hessians)
    extra = hessians if weights is None else weights
    w = sum(extra)
    best = Cut()
    g_values = h_values = w_values = 0.0
    for bin in range(1, len(gradients)):
        g_values += gradients[bin]
        h_values += hessians[bin]
        w_values += extra[bin]
        for missing_left in (False, True):
            g_left = g_values + (gradients[MISSING] if missing_left else 0.0)
            h_left = h_values + (hessians[MISSING] if missing_left else 0.0)
            w_left = w_values + (extra[MISSING] if missing_left else 0.0)
            if min(h_left, h - h_left) < min_hessian or min(w_left, w - w_left) < min_weight:
                continue
            score = node_score(g_left, h_left, lambda_, alpha) + node_score(g - g_left, h - h_left, lambda_, alpha)
            if score > best.score * (1 + ROUNDING):
                best = Cut(score, bin, missing_left)
    return best


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


@dataclass(frozen=True)
class Split:
    """What a node may do: rows with x <= threshold (code <= bin) go left, NaN where `missing_left`."""

    gain: float
    feature: int
    threshold: float
    missing_left: bool
    bin: int = 0


@dataclass
class Node:
    """A split, or a leaf where `feature` is LEAF; children are places in the tree's list."""

    value: float
    rows: Any = field(repr=False, compare=False)  # the training rows that reached it
    feature: int = LEAF
    threshold: float = 0.0
    left: int = 0
    right: int = 0
    missing_left: bool = False
    gain: float = 0.0


Tree: TypeAlias = list[Node]


class NumpyEngine:
    """Histograms by `np.bincount`; all cuts of all features scored in a few array expressions."""

    def __init__(self, codes: Array, cuts: Sequence[Floats], values: Sequence[Floats], params: TreeParams) -> None:
        self.codes = np.asfortranarray(codes)
        self.cuts = cuts
        self.values = values  # w g, w h, and w: sums of the last are what min_child_samples bounds
        self.params = params
        self.n_codes = max((len(c) for c in cuts), default=0) + 2
        self.min_hessian = max(params.min_child_weight, LEAST_UNIT * float(values[1].sum()))

    def totals(self, rows: Array) -> tuple[float, float]:
        """G and H of some rows."""
        return float(self.values[0][rows].sum()), float(self.values[1][rows].sum())

    def histogram(self, rows: Array) -> Any:
        """Sums of every value, by feature and code."""
        return _histogram(self.codes, rows, self.values, self.n_codes)

    def subtract(self, larger: Any, smaller: Any) -> Any:
        """See the function of this name."""
        return subtract(larger, smaller)

    def partition(self, rows: Array, split: Split) -> tuple[Array, Array]:
        """See the function of this name."""
        return partition(rows, self.codes[:, split.feature], split.bin, split.missing_left)

    def best_cut(self, histogram: Any) -> tuple[int, Cut]:
        """The best feature and its best cut; ties go to the lowest feature, then as in `best_cut`."""
        params = self.params
        running = np.cumsum(histogram[:, :, 1:], axis=2)
        left = np.stack([running, running + histogram[:, :, :1]], axis=3)  # (values, features, bins, side of missing)
        right = histogram.sum(axis=2)[:, :, None, None] - left
        allowed = np.minimum(left[1], right[1]) >= self.min_hessian
        allowed &= np.minimum(left[-1], right[-1]) >= params.min_child_samples
        score = np.zeros(allowed.shape)
        for side in (left, right):
            denominator = np.where(allowed, side[1] + params.reg_lambda, 1.0)
            score += np.maximum(np.abs(side[0]) - params.reg_alpha, 0.0) ** 2 / denominator
        score[~allowed] = -1.0
        if score.max(initial=-1.0) < 0:
            return 0, Cut()
        first = int(np.argmax(score >= (1 - ROUNDING) * score.max()))
        feature, bin, missing_left = np.unravel_index(first, score.shape)
        return int(feature), Cut(float(score.flat[first]), int(bin) + 1, bool(missing_left))

    def find_split(self, rows: Array, histogram: Any) -> Split | None:
        """The best split of a node; None where none is allowed or none gains."""
        feature, cut = self.best_cut(histogram)
        gradient, hessian = self.totals(rows)
        gain = net_gain(cut.score, gradient, hessian, self.params)
        if not gain > 0:
            return None
        cuts = self.cuts[feature]
        threshold = float(cuts[cut.bin - 1]) if cut.bin <= len(cuts) else math.inf
        split = Split(gain, feature, threshold, cut.missing_left, cut.bin)
        if not (self.codes[rows, feature] == MISSING).any():  # missing values yet to come follow the heavier child
            heavier_left = 2 * self.totals(self.partition(rows, split)[0])[1] >= hessian
            split = replace(split, missing_left=heavier_left)
        return split


class PythonEngine(NumpyEngine):
    """The same in loops over Python's own lists and numbers."""

    def __init__(self, codes: Array, cuts: Sequence[Floats], values: Sequence[Floats], params: TreeParams) -> None:
        super().__init__(codes, cuts, values, params)
        self.code_rows: list[list[int]] = codes.tolist()
        self.value_rows = list(zip(*(value.tolist() for value in values), strict=True))

    def histogram(self, rows: Array) -> Any:
        """Sums of every value, by feature and code."""
        features = range(len(self.cuts))
        sums = [[[0.0] * self.n_codes for _ in features] for _ in self.values]
        for row in rows.tolist():
            code_row = self.code_rows[row]
            for table, value in zip(sums, self.value_rows[row], strict=True):
                for j in features:
                    table[j][code_row[j]] += value
        return sums

    def subtract(self, larger: Any, smaller: Any) -> Any:
        """The sibling's histogram, cell by cell."""
        if isinstance(larger, float):
            return larger - smaller
        return [self.subtract(x, y) for x, y in zip(larger, smaller, strict=True)]

    def partition(self, rows: Array, split: Split) -> tuple[Array, Array]:
        """The rows of the left and of the right child, in their old order."""
        children: tuple[list[int], list[int]] = ([], [])
        for row in rows.tolist():
            code = self.code_rows[row][split.feature]
            goes_left = split.missing_left if code == MISSING else code <= split.bin
            children[0 if goes_left else 1].append(row)
        return np.array(children[0], dtype=np.int64), np.array(children[1], dtype=np.int64)

    def best_cut(self, histogram: Any) -> tuple[int, Cut]:
        """The best feature and its best cut; ties go to the lowest feature."""
        params = self.params
        best = 0, Cut()
        for j in range(len(self.cuts)):
            sums = (table[j] for table in (histogram[0], histogram[1], histogram[-1]))
            cut = best_cut(*sums, params.reg_lambda, params.reg_alpha, self.min_hessian, params.min_child_samples)
            if cut.score > best[1].score * (1 + ROUNDING):
                best = j, cut
        return best
