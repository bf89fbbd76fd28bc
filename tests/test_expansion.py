"""Tables as designs in the core: every cell where plain Python puts it, whatever holds it and however many threads."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from curvature import _core
from curvature._columns import Chunk, Column

NAN = float("nan")


def chunks_of(codes, rng, lookup, n_rows):
    """The codes (-1: missing) in runs, missing by a code past the lookup or by a bit, on top of any code."""
    ends = [*sorted(rng.integers(0, n_rows + 1, rng.integers(0, 3))), n_rows]
    chunks = []
    for begin, end in zip([0, *ends], ends, strict=False):
        own = codes[begin:end].copy()
        present = None
        if rng.random() < 0.5:
            present = np.packbits(own >= 0, bitorder="little")
            own[own < 0] = rng.integers(0, len(lookup))
        chunks.append(Chunk(own.astype(np.int16), present, lookup=lookup))
    return chunks


def random_column(rng, n_rows):
    """A column, its plan (n_codes, first_code, marks_missing, fill), and rows of what is to come out of it."""
    marks, fill = ((False, NAN), (True, 0.0), (False, 0.0))[rng.integers(3)]
    refuses = fill != fill
    if rng.random() < 0.5:
        n_levels, first = int(rng.integers(1, 5)), int(rng.integers(1, 3))
        shuffled = rng.permutation(np.arange(1.0, n_levels + 2))  # n_levels + 1: of levels that are not known
        codes = rng.integers(0 if refuses else -1, len(shuffled), n_rows)
        rows = np.zeros((n_rows, n_levels + 1))
        rows[codes >= 0, (shuffled[codes[codes >= 0]] - 1).astype(int)] = 1
        rows[:, -1] = (codes < 0) & marks
        kept = [*range(first - 1, n_levels), *([n_levels] if marks else [])]
        column = Column(chunks_of(codes, rng, shuffled, n_rows), n_codes=n_levels + 2)
        return column, (n_levels + 1, first, marks, fill), rows[:, kept]
    fill = fill if refuses or marks else 1.5
    numbers = rng.integers(-1, 2, n_rows) * rng.random(n_rows)
    missing = (rng.random(n_rows) < 0.3) & (not refuses)
    given = np.where(missing, NAN, numbers).astype(rng.choice([np.float32, np.float64]))
    rows = np.column_stack([np.where(missing, fill, given), missing])
    return Column([Chunk(given)]), (0, 1, marks, fill), rows if marks else rows[:, :1]


def expanded(columns, plans, n_rows, weights=None, n_jobs=1):
    table = _core.Table(n_rows, list(columns))
    expansion = _core.Expansion(*(list(each) for each in zip(*plans, strict=True)))
    design, refused = expansion.design(table, weights, n_jobs)
    if design is None:
        return None, refused
    assert isinstance(design, tuple) == expansion.is_sparse
    return design, None


def dense(design):
    if not isinstance(design, tuple):
        return design
    values, columns, begin, shape = design
    assert np.all(values != 0)
    matrix = sp.csr_matrix((values, columns, begin), shape)
    assert matrix.has_canonical_format
    return matrix.toarray()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_rows=st.integers(1, 1200), n=st.integers(1, 6), weighted=st.booleans())
def test_every_cell_comes_to_its_place(seed, n_rows, n, weighted):
    rng = np.random.default_rng(seed)
    columns, plans, rows = zip(*(random_column(rng, n_rows) for _ in range(n)), strict=True)
    weights = rng.integers(0, 3, n_rows).astype(float) if weighted else None
    design, refused = expanded(columns, plans, n_rows, weights)
    assert refused is None
    expected = np.column_stack(rows) * (1.0 if weights is None else (weights > 0)[:, None])
    found = dense(design)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected.astype(found.dtype))
    doubles = [
        plan[0] == 0 and column.chunks[0].values.dtype == np.float64
        for column, plan in zip(columns, plans, strict=True)
    ]
    assert found.dtype == (np.float64 if any(doubles) else np.float32)


def test_threads_do_not_change_a_bit():
    rng = np.random.default_rng(0)
    n_rows = 50_000
    columns, plans, _ = zip(*(random_column(rng, n_rows) for _ in range(12)), strict=True)
    one, _ = expanded(columns, plans, n_rows)
    three, _ = expanded(columns, plans, n_rows, n_jobs=3)
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("sparse", [False, True])
def test_the_first_cell_without_a_place_is_named(sparse):
    x, z = np.ones(30_000), np.ones(30_000)
    codes = np.zeros(30_000, np.int8)
    wide = Column([Chunk(codes, lookup=np.array([1.0]))], n_codes=9 if sparse else 2)
    plans = [(0, 1, False, NAN), (0, 1, False, 0.0), (9 if sparse else 2, 1, False, NAN)]

    def refused(n_jobs=3, weights=None):
        return expanded([Column([Chunk(x)]), Column([Chunk(z)]), wide], plans, len(x), weights, n_jobs)[1]

    assert refused() is None
    z[2] = NAN  # has a fill
    assert refused() is None
    codes[29_000] = -1
    assert refused() == (29_000, 2, False)
    x[29_000] = np.inf
    assert refused() == (29_000, 0, True)
    x[20_000] = NAN
    assert refused() == (20_000, 0, False)
    z[19_999] = -np.inf
    assert refused() == (19_999, 1, True)
    weights = np.ones(30_000)
    weights[[19_999, 20_000, 29_000]] = 0
    assert refused(weights=weights) is None


def test_sparse_is_what_takes_less_memory():
    def is_sparse(*n_codes):
        n = len(n_codes)
        return _core.Expansion(list(n_codes), [1] * n, [False] * n, [NAN] * n).is_sparse

    assert not is_sparse(0, 0, 0, 3)
    assert not is_sparse(0, 0, 3, 3)
    assert is_sparse(0, 0, 3, 4)


def test_summaries_are_those_of_rows_with_weight():
    x = np.array([1.0, NAN, 4.0, 100.0, NAN])
    y = np.array([NAN, 2.0, 3.0, NAN, NAN], np.float32)
    codes = Chunk(np.array([0, 1, 0, -1, 0], np.int8), lookup=np.array([1.0, 2.0]))
    table = _core.Table(5, [Column([Chunk(x)]), Column([Chunk(y)]), Column([codes], n_codes=3)])
    has_missing, means = _core.feature_summaries(table, np.array([1.0, 2.0, 3.0, 0.0, 0.0]))
    np.testing.assert_array_equal(has_missing, [True, True, False])
    np.testing.assert_array_equal(means, [13 / 4, 13 / 5, NAN])
    np.testing.assert_array_equal(_core.feature_summaries(table)[0], [True, True, True])


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (([3], [3], [False], [0.0]), "3 codes"),
        (([0], [1], [False], [np.inf]), "inf"),
        (([0], [1], [], [0.0]), "length"),
    ],
)
def test_plans_that_make_no_sense_are_refused(plan, words):
    with pytest.raises(ValueError, match=words):
        _core.Expansion(*plan)


def test_tables_of_other_features_are_refused():
    expansion = _core.Expansion([0, 0], [1, 1], [False, False], [NAN, NAN])
    with pytest.raises(ValueError, match="X has 3 features, but the model was trained with 2"):
        expansion.design(_core.Table(np.ones((4, 3))))
    category = Column([Chunk(np.zeros(4, np.int8), lookup=np.array([1.0]))], n_codes=2)
    with pytest.raises(ValueError, match="2 codes in feature 1"):
        expansion.design(_core.Table(4, [Column([Chunk(np.ones(4))]), category]))
    with pytest.raises(ValueError, match="sample_weight"):
        expansion.design(_core.Table(np.ones((4, 2))), np.ones(3))
