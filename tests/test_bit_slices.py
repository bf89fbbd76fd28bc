"""Batches of rows go through the bit-sliced engine: the scores of walking down every tree, bit for bit."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from curvature import _core
from curvature._columns import Chunk, Column

SEEDS = st.integers(0, 2**32 - 1)
N_LEVELS = 90
LEAF = -1


def random_tree(rng, n_leaves, n_features, grid, category):
    """The nodes of a tree whose open leaves are split at random; the column `category` by sets of levels."""
    feature, sets = [LEAF], {}
    open_leaves = [0]
    children = {}
    for _ in range(n_leaves - 1):
        children[open_leaves.pop(rng.integers(len(open_leaves)))] = (len(feature), len(feature) + 1)
        open_leaves += [len(feature), len(feature) + 1]
        feature += [LEAF, LEAF]
    # Children are numbered in the order of their parents.
    order, queue = {}, [0]
    for at, node in enumerate(queue):
        order[node] = at
        queue += children.get(node, ())
    n = len(queue)
    tree = {"feature": np.full(n, LEAF, dtype=np.int32), "left": np.zeros(n, dtype=np.int32)}
    tree |= {"threshold": np.zeros(n), "missing_left": rng.integers(0, 2, n).astype(np.uint8)}
    for node, (first, _) in children.items():
        at = order[node]
        tree["feature"][at] = rng.integers(n_features)
        tree["left"][at] = order[first]
        if tree["feature"][at] == category:
            sets[at] = rng.integers(0, 2**32, rng.integers(0, N_LEVELS // 32 + 2), dtype=np.uint32)
        else:
            tree["threshold"][at] = rng.choice(grid)
    tree["value"] = np.where(tree["feature"] == LEAF, rng.normal(size=n) * 10.0 ** rng.integers(-8, 8), 0.0)
    return tree, sets


def random_forest(rng, leaves, n_features, grid, category=None, n_outputs=1):
    """A forest of trees with so many leaves each."""
    trees = [random_tree(rng, n, n_features, grid, category) for n in leaves]
    arrays = {name: np.concatenate([tree[name] for tree, _ in trees]) for name in trees[0][0]}
    n = len(arrays["feature"])
    begin = np.cumsum([0, *(len(tree["feature"]) for tree, _ in trees)])
    sets = [(begin[t] + at, own) for t, (_, of_tree) in enumerate(trees) for at, own in sorted(of_tree.items())]
    arrays |= {"tree_begin": begin, "gain": np.zeros(n), "cover": np.ones(n), "set": np.full(n, -1, dtype=np.int32)}
    arrays["set"][[at for at, _ in sets]] = np.arange(len(sets))
    arrays["set_begin"] = np.cumsum([0, *(len(own) for _, own in sets)])
    arrays["set_words"] = np.concatenate([np.empty(0, dtype=np.uint32), *(own for _, own in sets)])
    return _core.Forest.from_arrays(n_features, n_outputs, arrays)


def walked(forest, table, start):
    """Scores by the leaves that each row falls into, tree by tree."""
    arrays, scores, leaves = forest.arrays(), start.copy(), forest.apply(table, 1)
    for t in range(forest.n_trees):
        scores[:, t % forest.n_outputs] += arrays["value"][arrays["tree_begin"][t] + leaves[:, t]]
    return scores


def assert_as_walked(forest, table, rng, sliced=True):
    start = rng.normal(size=(table.n_rows, forest.n_outputs))
    expected = walked(forest, table, start)
    for n_jobs in (1, 3):
        for _ in range(3):  # the engine is made when enough rows have come
            scores = start.copy()
            forest.add_scores(table, 0, forest.n_trees, scores, n_jobs)
            np.testing.assert_array_equal(scores.view(np.uint64), expected.view(np.uint64))
    assert forest.is_sliced == sliced


def awkward_values(rng, shape, grid):
    """Thresholds, their neighbours, zeros of both signs, infinities and missing values."""
    near = rng.choice(grid, shape)
    return np.where(
        rng.random(shape) < 0.6,
        np.nextafter(near, rng.choice([-np.inf, 0.0, np.inf], shape) + near),
        rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 5e-324, 1.0], shape),
    )


@settings(max_examples=60)
@given(
    seed=SEEDS,
    n_rows=st.sampled_from([400, 512, 513, 600, 777, 1500]),
    n_outputs=st.sampled_from([1, 1, 3]),
    leaves=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    n_cuts=st.sampled_from([1, 7, 40, 254]),
    dtype=st.sampled_from([np.float64, np.float32, np.float16, np.int8]),
)
def test_any_forest_on_any_numbers(seed, n_rows, n_outputs, leaves, n_cuts, dtype):
    """Values on and beside thresholds, missing on either side, trees of one leaf and of many."""
    rng = np.random.default_rng(seed)
    grid = np.concatenate([rng.normal(size=n_cuts) * 10.0 ** rng.integers(-3, 4), [np.inf, -0.0]])
    forest = random_forest(rng, leaves * n_outputs, 4, grid, n_outputs=n_outputs)
    with np.errstate(invalid="ignore", over="ignore"):
        X = awkward_values(rng, (n_rows, 4), grid).astype(dtype)
    assert_as_walked(forest, _core.Table(X), rng)


@pytest.mark.parametrize("leaves", [[257], [255, 256, 300, 1], [1000, 31], [2000], [5000, 3]])
def test_trees_of_many_leaves(leaves):
    """Leaf numbers of two bytes; beyond 4,096 leaves trees are walked."""
    rng = np.random.default_rng(len(leaves))
    grid = rng.normal(size=200)
    forest = random_forest(rng, leaves, 6, grid)
    assert_as_walked(forest, _core.Table(rng.normal(size=(20_000, 6))), rng, sliced=max(leaves) <= 4_096)


@pytest.mark.parametrize("n_missing", [0, 1, 3])
def test_missing_values_in_some_tiles_only(n_missing):
    """A tile without missing values has lines of its own; one missing value of any column is enough for the others."""
    rng = np.random.default_rng(n_missing)
    grid = rng.normal(size=30)
    forest = random_forest(rng, [31] * 20, 5, grid)
    X = rng.choice(grid, (2_000, 5))
    X[rng.choice(2_000, n_missing, replace=False), rng.integers(0, 5, n_missing)] = np.nan
    assert_as_walked(forest, _core.Table(X), rng)
    assert_as_walked(forest, _core.Table(X[:900].astype(np.float32)), rng)


def test_more_lines_than_two_bytes_count():
    """Some 400 columns of 250 thresholds."""
    rng = np.random.default_rng(6)
    forest = random_forest(rng, [2_000] * 55, 420, rng.normal(size=250))
    assert len(np.unique(_thresholds(forest), axis=0)) > 2**16
    X = rng.normal(size=(6_000, 420))
    X[4_000:][rng.random((2_000, 420)) < 0.01] = np.nan
    assert_as_walked(forest, _core.Table(X), rng)


def test_columns_of_several_kinds():
    """Floats in rows, doubles, columns on their own, and some that no split uses."""
    rng = np.random.default_rng(7)
    grid = rng.normal(size=40)
    rows, doubles = rng.choice(grid, (1_000, 40)).astype(np.float32), rng.choice(grid, (1_000, 5))
    columns = [*rows.T, *doubles.T, *np.asfortranarray(rows[:, :4]).T, *rows[:, 3:9].T]
    forest = random_forest(rng, [12] * 6, len(columns), grid)
    assert len(np.unique(_thresholds(forest)[:, 0])) < len(columns)
    assert_as_walked(forest, _core.Table(1_000, [Column([Chunk(column)]) for column in columns]), rng)


def _thresholds(forest):
    """Feature and threshold of every split."""
    arrays = forest.arrays()
    splits = arrays["feature"] != LEAF
    return np.column_stack([arrays["feature"][splits], arrays["threshold"][splits]])


@settings(max_examples=20)
@given(seed=SEEDS, leaves=st.lists(st.integers(1, 60), min_size=1, max_size=12), n_levels=st.integers(1, N_LEVELS))
def test_sets_of_levels(seed, leaves, n_levels):
    """Levels on either side, past the end of a set, and missing."""
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=10)
    forest = random_forest(rng, leaves, 3, grid, category=1)
    columns = [rng.normal(size=2_000), rng.integers(0, n_levels + 1, 2_000), rng.choice(grid, 2_000)]
    assert_as_walked(forest, category_table(columns, n_levels + 1), rng)


def category_table(columns, n_codes):
    """A table whose second column is a category of so many codes, 0 for missing."""
    lookup = np.array([np.nan, *range(1, n_codes)])
    chunks = [Chunk(columns[0]), Chunk(columns[1], lookup=lookup), Chunk(columns[2])]
    own = [Column([chunk], n_codes=n_codes if i == 1 else 0) for i, chunk in enumerate(chunks)]
    return _core.Table(len(columns[0]), own)


@settings(max_examples=20)
@given(seed=SEEDS, absent_is_missing=st.booleans())
def test_sparse_rows(seed, absent_is_missing):
    """What is not stored counts as 0, or as missing."""
    rng = np.random.default_rng(seed)
    forest = random_forest(rng, [20] * 5, 30, np.array([-1.0, 0.0, 0.5, 1.0, 2.0]))
    X = scipy.sparse.random(
        900, 30, 0.1, format="csr", random_state=rng, data_rvs=lambda n: rng.integers(-2, 4, n) / 2.0
    )
    table = _core.Table.of_sparse(X.data, X.indices, X.indptr, X.shape, absent_is_missing)
    assert_as_walked(forest, table, rng)


def test_more_thresholds_than_a_byte_counts_are_walked():
    """A column with 300 thresholds, or one that a byte cannot bound, has no code; the scores are right all the same."""
    rng = np.random.default_rng(3)
    for grid in (rng.normal(size=5_000), np.array([-np.inf, 0.0])):
        forest = random_forest(rng, [200] * 4, 2, grid)
        assert_as_walked(forest, _core.Table(rng.normal(size=(5_000, 2))), rng, sliced=False)


def test_few_rows_are_walked():
    """The engine is made when the rows that have come are worth it, and single rows do not count."""
    rng = np.random.default_rng(4)
    forest = random_forest(rng, [31] * 4, 2, rng.normal(size=50))
    row, batch = _core.Table(rng.normal(size=(1, 2))), _core.Table(rng.normal(size=(100, 2)))
    for _ in range(1_000):
        forest.add_scores(row, 0, 4, np.zeros(1), 1)
    assert not forest.is_sliced
    for _ in range(4):
        forest.add_scores(batch, 0, 4, np.zeros(100), 1)
    assert not forest.is_sliced
    forest.add_scores(batch, 0, 4, np.zeros(100), 1)
    assert forest.is_sliced


@pytest.mark.parametrize("isa", _core.instruction_sets())
def test_every_instruction_set(isa):
    """The sets differ in the rows of a tile, not in a bit of the scores."""
    script = """
        import numpy as np
        from test_bit_slices import assert_as_walked, awkward_values, category_table, random_forest
        from curvature import _core
        rng = np.random.default_rng(5)
        grid = rng.normal(size=60)
        for leaves in ([31] * 40, [3, 70, 255, 1], [300, 700]):
            for n_outputs in (1, 2):
                forest = random_forest(rng, leaves * n_outputs, 5, grid, n_outputs=n_outputs)
                for dtype in (np.float32, np.float64):
                    assert_as_walked(forest, _core.Table(awkward_values(rng, (3000, 5), grid).astype(dtype)), rng)
        forest = random_forest(rng, [31] * 10, 3, grid, category=1)
        columns = [rng.normal(size=3000), rng.integers(0, 80, 3000), rng.choice(grid, 3000)]
        assert_as_walked(forest, category_table(columns, 80), rng)
        print(_core.build_info()["instruction_set"])
    """
    environment = os.environ | {"CURVATURE_ISA": isa}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parent,
        env=environment,
    )
    assert (done.returncode, done.stdout.strip()) == (0, isa), done.stderr
