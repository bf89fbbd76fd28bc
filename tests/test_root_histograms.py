"""Histograms of all rows for several trees at once are those of each tree's rows, whatever the table."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import KERNELS, pack

import curvature as cv
from curvature import _core

SEEDS = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=60)


def random_pairs(rng, shape):
    return pack(rng.integers(-(2**12), 2**12, size=shape), rng.integers(0, 2**12, size=shape))


@few
@given(SEEDS, st.sampled_from([4, 8]), st.integers(1, 3000), st.integers(1, 40))
def test_add_runs_is_a_plain_sum(seed, n_trees, n_rows, n_cells):
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng, (n_rows, n_trees))
    runs = [(int(cell), int(rng.integers(0, 50))) for cell in rng.permutation(n_cells)[: n_cells // 2 + 1]]
    rows = rng.integers(0, n_rows, size=sum(size for _, size in runs))
    expected = np.zeros((n_cells, n_trees), dtype=np.uint64)
    np.add.at(expected, np.repeat([cell for cell, _ in runs], [size for _, size in runs]), pairs[rows])
    for kernels in KERNELS.values():
        cells, totals = kernels.add_runs(runs, rows.tolist(), pairs, n_cells)
        np.testing.assert_array_equal(cells, expected)
        np.testing.assert_array_equal(totals, pairs.sum(axis=0))


def random_table(rng, n_rows, n_columns, kind):
    """Columns of few and of many values, some almost always the same, some constant, some missing."""
    X = rng.normal(size=(n_rows, n_columns)).astype(np.float32)
    for column in X.T:
        if rng.random() < 0.5:
            column[:] = np.round(column)
        column[rng.random(n_rows) < rng.choice([0.0, 0.9, 1.0], p=[0.6, 0.3, 0.1])] = 0
        column[rng.random(n_rows) < rng.choice([0.0, 0.2])] = np.nan
    if kind == "wide":
        X[:, 0] = rng.permutation(n_rows)
    cuts = [np.unique(column[~np.isnan(column)])[:-1] for column in X.T]
    most = 600 if kind == "wide" else 200
    return X, [(c if len(c) <= most else c[:: len(c) // most + 1]).astype(float).tolist() for c in cuts]


def encode(column, cuts):
    """0 where it is missing, then 1 and as many as there are cuts below."""
    codes = np.where(np.isnan(column), 0, 1 + np.searchsorted(cuts, column))
    return codes.astype(int)


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.integers(1, 8), st.sampled_from([1, 7, 500, 4096, 9000]), st.sampled_from(["dense", "wide", "sparse"]))
def test_the_histograms_of_the_roots_are_those_of_all_rows(seed, n_trees, n_rows, kind):
    rng = np.random.default_rng(seed)
    X, cuts = random_table(rng, n_rows, int(rng.integers(1, 20)), kind)
    weights = rng.choice([0.0, 1.0, 2.0], size=n_rows)
    weights[0] = 1.0
    pairs = random_pairs(rng, (n_trees, n_rows)) * weights.astype(np.uint64)
    table = _core.Table(X)
    if kind == "sparse":
        rows = sp.csr_array(X)
        table = _core.Table.of_sparse(rows.data, rows.indices, rows.indptr, rows.shape, False)
    cells, sums, kept = _core.root_histograms(table, cuts, weights, pairs, n_parts=int(rng.integers(1, 4)))
    if cells is None:
        assert all(len(c) == 0 for c in cuts)
        return
    np.testing.assert_array_equal(sums, pairs.sum(axis=1))
    for feature, column in enumerate(X.T):
        codes = encode(column, cuts[feature])
        expected = np.zeros((n_trees, cells.shape[2]), dtype=np.uint64)
        np.add.at(expected.T, codes, pairs.T)
        if kind == "sparse":
            if kept[feature] == 0:  # no slot, or none that counts
                continue
            assert kept[feature] == weights[codes != encode(np.zeros(1), cuts[feature])].sum()
        np.testing.assert_array_equal(cells[:, feature], expected)


def test_rows_of_no_weight_lead_to_the_same_trees():
    """They make the rows enough for the roots of a round to be built together, in one, two or three parts."""
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(20_000, 6)), 1)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, :5]) + rng.normal(size=(20_000, 5))).argmax(axis=1)
    weights = (np.arange(len(y)) < 400).astype(float)
    params = {"n_estimators": 5, "max_leaves": 8}
    alone = cv.BoostedTreesClassifier(**params, n_jobs=1).fit(X[:400], y[:400])
    for n_jobs in (1, 2, 3):
        among_others = cv.BoostedTreesClassifier(**params, n_jobs=n_jobs).fit(X, y, sample_weight=weights)
        np.testing.assert_array_equal(among_others.predict_proba(X), alone.predict_proba(X))
