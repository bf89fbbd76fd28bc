"""Splits of categories: sets of codes that no other set beats, exact limits, unseen codes, threads, files."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import PLAIN

from curvature import _core
from curvature._columns import Chunk, Column

SEEDS = st.integers(0, 2**32 - 1)


def category(codes, n_codes):
    """A column of codes, 0 for missing."""
    lookup = np.arange(n_codes, dtype=float)
    lookup[0] = np.nan
    return Column([Chunk(np.asarray(codes, dtype=np.int32), lookup=lookup)], n_codes=n_codes)


def table(*columns):
    return _core.Table(columns[0].chunks[0].n_rows, list(columns))


def numbers(values):
    return Column([Chunk(np.asarray(values, dtype=np.float64))])


def fit(X, y, weights=None, **changes):
    loss = _core.named_loss("squared", {})
    starts, forest = _core.boost_fit(X, [np.asarray(y, dtype=float)], weights, loss, PLAIN | changes)
    return starts[0], forest


def scores(start, forest, X):
    out = np.full(X.n_rows, start)
    forest.add_scores(X, 0, forest.n_trees, out, 1)
    return out


def left_codes(forest, n_codes, node=0):
    """Whether each code goes left at a split of a category."""
    arrays = forest.arrays()
    index = arrays["set"][node]
    words = arrays["set_words"][arrays["set_begin"][index] : arrays["set_begin"][index + 1]]
    listed = np.zeros(n_codes, dtype=bool)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")[:n_codes].astype(bool)
    listed[: len(bits)] = bits
    return listed ^ bool(arrays["missing_left"][node])


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, n_levels=st.integers(2, 4), missing=st.booleans())
def test_no_set_of_few_levels_beats_the_split(seed, n_levels, missing):
    rng = np.random.default_rng(seed)
    first = 0 if missing else 1
    codes = np.repeat(np.arange(first, n_levels + first), 12)
    y = rng.integers(-50, 50, len(codes)).astype(float)
    n_codes = n_levels + first
    _, forest = fit(table(category(codes, n_codes)), y, max_leaves=2)

    def error(left):
        return sum(((y[side] - y[side].mean()) ** 2).sum() for side in (left, ~left) if side.any())

    sets = [s for size in range(1, n_levels) for s in combinations(range(first, n_codes), size)]
    best = min(error(np.isin(codes, s)) for s in sets)
    found = left_codes(forest, n_codes)[codes]
    assert error(found) == pytest.approx(best, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, n_levels=st.integers(1, 400), weighted=st.booleans(), mixed=st.booleans())
def test_rows_reach_the_leaves_that_they_were_grown_in(seed, n_levels, weighted, mixed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(30, 600))
    codes = rng.integers(0, n_levels + 1, n) * (rng.random(n) < 0.9)
    columns = [category(codes, n_levels + 1)] + [numbers(rng.normal(size=n)), category(codes % 3, 3)] * mixed
    y = rng.normal(size=n_levels + 1)[codes] + 0.3 * rng.normal(size=n)
    weights = rng.integers(0, 3, n) + np.eye(1, n)[0] if weighted else None
    X = table(*columns)
    limits = {"n_estimators": 3, "max_leaves": 8, "min_child_samples": int(rng.integers(1, 20)), "reg_lambda": 1.0}
    start, forest = fit(X, y, weights, **limits)
    arrays = forest.arrays()
    leaves = forest.apply(X)
    for tree in range(forest.n_trees):
        begin, end = arrays["tree_begin"][tree : tree + 2]
        weight = np.bincount(leaves[:, tree], weights, minlength=end - begin)
        is_leaf = arrays["feature"][begin:end] < 0
        np.testing.assert_array_equal(weight[is_leaf], arrays["cover"][begin:end][is_leaf])
        if is_leaf.size > 1:
            assert weight[is_leaf].min() >= limits["min_child_samples"]
    if weighted:  # a weight is a repetition
        rows = np.repeat(np.arange(n), weights.astype(int))
        again = [Column([c.chunks[0]._replace(values=c.chunks[0].values[rows])], n_codes=c.n_codes) for c in columns]
        twin = fit(table(*again), y[rows], **limits)[1].arrays()
        for name in ("feature", "threshold", "set_words", "left", "missing_left", "cover"):
            np.testing.assert_array_equal(twin[name], arrays[name])
    for n_jobs in (2, 3, 8):
        threaded = fit(X, y, weights, **limits, n_jobs=n_jobs)
        np.testing.assert_array_equal(scores(*threaded, X), scores(start, forest, X))


def test_names_of_codes_do_not_matter():
    rng = np.random.default_rng(3)
    codes = rng.integers(1, 40, 4000)
    y = rng.normal(size=40)[codes] + rng.normal(size=4000)
    start, forest = fit(table(category(codes, 40)), y, max_leaves=6)
    renamed = np.concatenate([[0], 1 + rng.permutation(39)])
    X = table(category(renamed[codes], 40))
    np.testing.assert_array_equal(
        scores(*fit(X, y, max_leaves=6), X), scores(start, forest, table(category(codes, 40)))
    )


def test_codes_that_a_node_has_not_seen_follow_the_heavier_child():
    codes = np.repeat([1, 2], [60, 40])
    y = np.where(codes == 1, 0.0, 1.0)
    for swapped in (False, True):
        start, forest = fit(table(category(3 - codes if swapped else codes, 9)), y, max_leaves=2)
        unseen = scores(start, forest, table(category([0, 3, 8], 9)))
        np.testing.assert_array_equal(unseen, scores(start, forest, table(category([2 if swapped else 1] * 3, 9))))


def test_light_levels_move_together():
    """Levels of fewer rows than it takes to judge one cannot be told apart."""
    rng = np.random.default_rng(0)
    codes = np.concatenate([np.repeat([1, 2, 3], 200), np.arange(4, 104).repeat(2)])
    y = np.where(codes < 4, codes, 10 * rng.normal(size=len(codes)))
    _, forest = fit(table(category(codes, 104)), y, max_leaves=2)
    assert len(set(left_codes(forest, 104)[4:])) == 1


@pytest.mark.parametrize("n_codes", [255, 256, 257, 65_536])
def test_as_many_codes_as_two_bytes_hold(n_codes):
    rng = np.random.default_rng(n_codes)
    n_heavy = min(n_codes - 1, 300)
    codes = np.concatenate([np.arange(n_codes), np.repeat(np.arange(n_codes - n_heavy, n_codes), 30)])
    y = np.where(codes % 2 == 0, 1.0, -1.0) + 0.1 * rng.normal(size=len(codes))
    start, forest = fit(table(category(codes, n_codes)), y, max_leaves=2)
    heavy = np.arange(n_codes - n_heavy, n_codes)
    predicted = scores(start, forest, table(category(heavy, n_codes)))
    assert len(set(predicted[heavy % 2 == 0])) == 1 and len(set(predicted[heavy % 2 == 1])) == 1
    assert predicted[heavy % 2 == 0][0] > predicted[heavy % 2 == 1][0]


def test_a_column_is_a_category_in_both_tables_or_in_none():
    codes = np.repeat([1, 2], 50)
    X, Z = table(category(codes, 3)), table(numbers(codes))
    of_sets, of_numbers = fit(X, codes, max_leaves=2), fit(Z, codes, max_leaves=2)
    with pytest.raises(ValueError, match="X has numbers in column 0, but the model was trained with a category"):
        scores(*of_sets, Z)
    with pytest.raises(ValueError, match="X has a category in column 0, but the model was trained with numbers"):
        scores(*of_numbers, X)


DAMAGE = {
    "set": lambda a: a.__setitem__(0, 1),
    "set_begin": lambda a: a.__setitem__(-1, 2),
    "set_words": lambda a: a.resize(3, refcheck=False),
    "feature": lambda a: a.__setitem__(0, -1),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_sets_are_refused(name):
    codes = np.repeat([1, 2], 50)
    forest = fit(table(category(codes, 3)), codes, max_leaves=2)[1]
    arrays = {key: array.copy() for key, array in forest.arrays().items()}
    _core.Forest.from_arrays(1, 1, arrays)
    DAMAGE[name](arrays[name])
    with pytest.raises(_core.ModelFormatError, match="damaged"):
        _core.Forest.from_arrays(1, 1, arrays)


def test_codes_out_of_range_are_refused_before_any_work():
    for lookup, message in (([np.nan, 3.0], "the code 3"), ([0.0, 1.0], "the code 0"), ([1.5], "the code 1.5")):
        column = Column([Chunk(np.zeros(4, dtype=np.uint8), lookup=np.array(lookup))], n_codes=3)
        with pytest.raises(ValueError, match=message):
            _core.Table(4, [column])
    with pytest.raises(ValueError, match="without a lookup"):
        _core.Table(4, [Column([Chunk(np.zeros(4, dtype=np.uint8))], n_codes=3)])
