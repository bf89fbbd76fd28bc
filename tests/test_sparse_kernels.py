"""The kernels of sparse nodes against counts, sums and scores of the same rows, on every instruction set."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import KERNELS, pack, unpack

from curvature import _core, _reference

SEEDS = st.integers(0, 2**32 - 1)
some = settings(deadline=None, max_examples=300)
DEAD, NONE = -2.0, -1.0


def share_of(codes, rows, gradients, hessians, n_codes):
    """Cells and counts of a node, a line a code, and its totals."""
    sums = _reference.accumulate(codes, rows, gradients, hessians, n_codes=n_codes)
    counts = _reference.accumulate(codes, rows, np.ones(len(codes)), np.ones(len(codes)), n_codes=n_codes)[0]
    total = pack([gradients[rows].sum()], [hessians[rows].sum()])[0]
    return pack(*sums.astype(np.int64)).T.copy(), counts.astype(np.uint16).T.copy(), total, len(rows)


def best_score(kernels, share, least, reg_lambda, reg_alpha, min_hessian):
    """The best score of cuts that leave both sides enough rows; None where rows alone rule out all."""
    cells, counts, total, n_rows = share
    first, last = np.ones((2, 8), int), np.zeros((2, 8), int)
    for side in range(2):
        left = np.cumsum(counts[1:].astype(int), axis=0) + side * counts[0].astype(int)
        for lane in range(8):
            fit = 1 + np.flatnonzero((left[:, lane] >= least) & (n_rows - left[:, lane] >= least))
            if len(fit):
                first[side, lane], last[side, lane] = fit[0], fit[-1]
    if (first > last).all():
        return None
    return max(kernels.scan_ranges(cells, total, reg_lambda, reg_alpha, min_hessian, first, last)[0])


@some
@given(
    SEEDS,
    st.integers(2, 40),
    st.integers(4, 400),
    st.integers(1, 30),
    st.sampled_from([3, 1000, 2**31]),
    st.sampled_from([0.0, 0.125, 1e6, 2.0**45]),
    st.sampled_from([0.0, 0.0, 2.0]),
    st.sampled_from([0.0, 0.0, 0.3, 1.0]),
)
def test_no_split_is_above_its_bound(seed, n_codes, n_rows, least, size, reg_lambda, reg_alpha, missing):
    rng = np.random.default_rng(seed)
    most = max(1, size // n_rows - 1)
    gradients, hessians = rng.integers(-most, most, size=n_rows), rng.integers(0, most, size=n_rows, endpoint=True)
    default_codes = rng.integers(0, n_codes, size=8)
    codes = np.where(rng.random((n_rows, 8)) < 0.6, default_codes, rng.integers(1, n_codes, size=(n_rows, 8)))
    codes[rng.random((n_rows, 8)) < missing * rng.random()] = 0
    rows = rng.permutation(n_rows)
    n_node = int(rng.integers(1, n_rows // 2, endpoint=True))
    shares = [share_of(codes, own, gradients, hessians, n_codes) for own in (rows, rows[:n_node], rows[n_node:])]
    parent, node, sister = shares
    least = min(least, n_node // 2 + 1)
    kept = (node[0].copy(), node[1].copy(), *node[2:])
    for values in kept[:2]:
        values[default_codes, np.arange(8)] = 0
    for isa, kernels in KERNELS.items():
        told = _core.sparse_bounds(isa, kept, parent, default_codes.tolist(), least, reg_lambda, reg_alpha, 2.0)
        best = [best_score(kernels, share, least, reg_lambda, reg_alpha, 2.0) for share in (node, sister)]
        for (cells, counts, bound), share, score in zip(told, (node, sister), best, strict=True):
            np.testing.assert_array_equal(counts, share[1])
            assert (bound == DEAD) == (score is None)
            if score is None:
                continue
            np.testing.assert_array_equal(cells, share[0])
            assert bound >= score
            if codes.min() > 0 and np.isfinite(bound) and score > 0:  # missing values are bounded loosely
                gradient, hessian = (float(total) for total in unpack(share[2]))
                gain = score - gradient**2 / (hessian + 2 * reg_lambda)
                assert bound <= score + 0.01 * gain + 1e-5 * score + 1e-20


def test_a_bound_is_none_where_hessians_allow_no_cut():
    codes = np.tile(np.arange(40) % 2 + 1, (8, 1)).T
    share = share_of(codes, np.arange(40), np.arange(40) - 20, np.full(40, 3), 3)
    part = share_of(codes, np.arange(20), np.arange(40) - 20, np.full(40, 3), 3)
    for isa in KERNELS:
        node, sister = _core.sparse_bounds(isa, part, share, [1] * 8, 10, 0.0, 0.0, 31.0)
        assert (node[2], sister[2]) == (NONE, NONE)


@some
@given(SEEDS, st.integers(1, 300) | st.just(200_000), st.integers(2, 9), st.booleans(), st.data())
def test_partition_by_a_sparse_column_is_its_twin(seed, n_rows, n_codes, missing_left, data):
    rng = np.random.default_rng(seed)
    default_code = int(rng.integers(n_codes))
    shares = rng.choice([0.0, 0.001, 0.1, 1.0], size=2)
    codes = np.where(rng.random(n_rows) < shares[0], rng.integers(0, n_codes, size=n_rows), default_code)
    rows = np.flatnonzero(rng.random(n_rows) < shares[1])
    if rng.random() < 0.3:
        rows = rows[rows > n_rows // 3]
    bin = data.draw(st.integers(1, n_codes - 1))
    kept = np.flatnonzero(codes != default_code)
    expected = _reference.partition(rows, codes, bin, missing_left)
    for isa in KERNELS:
        sides = _core.partition_sparse(isa, kept, codes[kept], default_code, rows, bin, missing_left)
        for ours, theirs in zip(sides, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
