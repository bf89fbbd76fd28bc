"""Cuts and codes: the core against `_reference`, for every type of input, layout and number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvature import _core, _reference

SEEDS = st.integers(0, 2**32 - 1)
some = settings(deadline=None, max_examples=300)

FLOATS = [np.float16, np.float32, np.float64]
INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
DTYPES = [*FLOATS, *INTEGERS, np.bool_]
LARGEST = np.finfo(np.float64).max

VALUES = {
    "continuous": lambda rng, n: rng.normal(size=n),
    "tails": lambda rng, n: rng.standard_cauchy(size=n) ** 5,
    "few": lambda rng, n: rng.integers(0, 6, size=n).astype(float),
    "skewed": lambda rng, n: np.floor(rng.exponential(size=n) ** 3),
    "spikes": lambda rng, n: np.where(rng.random(n) < 0.6, rng.integers(0, 3, size=n), rng.normal(size=n)),
    "specials": lambda rng, n: rng.choice([-np.inf, -LARGEST, -1, -5e-324, -0.0, 0.0, 5e-324, 1, LARGEST, np.inf], n),
    "neighbours": lambda rng, n: 1.0 + rng.integers(0, 20, size=n) * 2.0**-52,
    "tiny": lambda rng, n: rng.integers(-20, 20, size=n) * 5e-324,
    "constant": lambda rng, n: np.full(n, 3.0),
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "integers": lambda rng, n: rng.integers(0, 4, size=n).astype(float),
    "quarters": lambda rng, n: rng.integers(0, 40, size=n) / 4,
}


def cuts_of(column, weights, max_bins):
    return _core.cuts(_core.Table(column[:, None]), weights, max_bins)[0]


@some
@given(
    SEEDS,
    st.integers(1, 200),
    st.sampled_from([*VALUES]),
    st.sampled_from([*WEIGHTS]),
    st.integers(2, 40),
    st.booleans(),
)
def test_cuts_are_their_twin(seed, n_rows, kind, weighting, max_bins, missing):
    rng = np.random.default_rng(seed)
    column, weights = VALUES[kind](rng, n_rows), WEIGHTS[weighting](rng, n_rows)
    if rng.random() < 0.5:
        column[rng.random(n_rows) < 0.3] = np.nan
    cuts = cuts_of(column, weights, max_bins)
    np.testing.assert_array_equal(cuts, _reference.quantile_cuts(column, weights, max_bins))
    assert len(cuts) < max_bins
    assert np.all(np.isfinite(cuts))
    assert np.all(cuts[1:] > cuts[:-1])


@some
@given(SEEDS, st.integers(1, 3000), st.integers(0, 3), st.integers(2, 300), st.sampled_from(FLOATS))
def test_cuts_of_rounded_values_are_their_twin(seed, n_rows, digits, max_bins, dtype):
    """Ties of all lengths around the length of a bin, infinities and zeros of both signs."""
    rng = np.random.default_rng(seed)
    column = np.round(rng.normal(size=n_rows), digits).astype(dtype)
    special = rng.random(n_rows) < rng.choice([0, 0.01])
    column[special] = rng.choice([np.inf, -np.inf, 0.0, -0.0, np.finfo(dtype).max, np.finfo(dtype).min], special.sum())
    np.testing.assert_array_equal(cuts_of(column, None, max_bins), _reference.quantile_cuts(column, None, max_bins))


@some
@given(SEEDS, st.integers(1, 60), st.sampled_from([*VALUES]))
def test_values_that_fit_are_all_told_apart(seed, n_rows, kind):
    """One cut t with a <= t < b between each two values; no finite double parts -inf and the least of them."""
    column = VALUES[kind](np.random.default_rng(seed), n_rows)
    distinct = np.unique(column)
    cuts = cuts_of(column, None, 100)
    between = [(a, b) for a, b in zip(distinct, distinct[1:], strict=False) if (a, b) != (-np.inf, -LARGEST)]
    assert len(cuts) == len(between)
    assert all(a <= t < b for t, (a, b) in zip(cuts, between, strict=True))


@some
@given(SEEDS, st.integers(1, 120), st.sampled_from([*VALUES]), st.integers(2, 30))
def test_a_weight_is_a_repetition(seed, n_rows, kind, max_bins):
    rng = np.random.default_rng(seed)
    column, weights = VALUES[kind](rng, n_rows), rng.integers(0, 5, size=n_rows)
    repeated = np.repeat(column, weights)
    if len(repeated):
        np.testing.assert_array_equal(
            cuts_of(column, weights.astype(float), max_bins), cuts_of(repeated, None, max_bins)
        )


@pytest.mark.parametrize("n_rows", [1_000, 200_000, 200_001, 300_000, 450_001])
def test_bins_weigh_about_the_same(n_rows):
    """On distinct values, also where only a sample of the rows makes the cuts: no bin has twice its share."""
    column = np.sort(np.random.default_rng(0).normal(size=n_rows))
    cuts = cuts_of(column, None, 50)
    counts = np.diff(np.concatenate([[0], np.searchsorted(column, cuts, side="right"), [n_rows]]))
    assert len(counts) == 50
    assert counts.max() < 2 * n_rows / 50
    assert counts.min() > n_rows / 50 / 2


def test_heavy_values_stand_alone_among_light_ones():
    """200 heavy values with a light one after each: the last third of the rows must not end in one bin."""
    column = np.concatenate([np.repeat(np.arange(200.0), 400), np.arange(200) + 0.5])
    cuts = cuts_of(column, None, 255)
    codes = _core.codes(_core.Table(column[:, None]), [cuts])[0]
    assert len(set(codes[: 200 * 400])) == 200


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_rows", [15, 16, 17, 1023, 1025])
def test_codes_agree_with_comparisons(dtype, n_rows):
    """code(x) <= k + 1 exactly where float64(x) <= cuts[k], and 0 exactly for NaN."""
    rng = np.random.default_rng(n_rows)
    for n_cuts in (0, 1, 2, 3, 7, 100, 254, 255, 1000):
        cuts = cuts_for(rng, dtype, n_cuts)
        column = values_near(rng, dtype, cuts, n_rows)
        codes = _core.codes(_core.Table(column[:, None]), [cuts])[0]
        as_double = column.astype(np.float64)
        expected = np.array([0 if np.isnan(x) else 1 + int(np.sum(cuts < x)) for x in as_double])
        np.testing.assert_array_equal(codes, expected)
        np.testing.assert_array_equal(codes, _reference.encode(column, cuts))
        seen = ~np.isnan(as_double)
        for k in {0, n_cuts // 2, n_cuts - 1} if n_cuts else ():
            np.testing.assert_array_equal(codes[seen] <= k + 1, as_double[seen] <= cuts[k])


def cuts_for(rng, dtype, n_cuts):
    """Increasing finite doubles: special ones, ones of the type, and ones between two of the type."""
    if np.issubdtype(dtype, np.floating):
        info = np.finfo(dtype)
        scale = np.array([float(info.max), 1.0, float(info.tiny), float(info.smallest_subnormal)])
    else:
        scale = np.array([float(np.iinfo(dtype).max) if dtype is not np.bool_ else 1.0, 1.0, 10.0, 0.5])
    with np.errstate(over="ignore", invalid="ignore"):
        pool = rng.normal(size=4 * n_cuts) * rng.choice(scale, size=4 * n_cuts)
        pool[: 2 * n_cuts] = pool[: 2 * n_cuts].astype(dtype).astype(np.float64)
    specials = [0.0, -LARGEST, LARGEST, 5e-324, -5e-324, 1e-50, -1e-50, 0.5]
    pool = np.unique(np.concatenate([pool[np.isfinite(pool)], specials]))
    if n_cuts > len(pool):
        pool = np.unique(np.concatenate([pool, rng.normal(size=2 * n_cuts) * 100]))
    return np.sort(rng.choice(pool, size=n_cuts, replace=False))


def values_near(rng, dtype, cuts, n):
    """Values of the type at the cuts, one step above and below them, special ones, and random ones."""
    if dtype is np.bool_:
        return rng.random(n) < 0.5
    if np.issubdtype(dtype, np.floating):
        with np.errstate(over="ignore", under="ignore"):
            at = cuts.astype(dtype)
            pool = np.concatenate([at, np.nextafter(at, dtype(np.inf)), np.nextafter(at, dtype(-np.inf))])
        info = np.finfo(dtype)
        least = info.smallest_subnormal
        specials = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, least, -least, info.tiny, info.max, info.min]
        pool = np.concatenate([pool, np.array(specials, dtype=dtype), rng.normal(size=20).astype(dtype)])
    else:
        info = np.iinfo(dtype)
        inside = cuts[(cuts > float(info.min)) & (cuts < float(info.max))]
        at = [int(c) + step for c in inside for step in (-1, 0, 1)]
        at = [min(max(value, int(info.min)), int(info.max)) for value in [*at, int(info.min), int(info.max), 0, 1]]
        pool = np.concatenate([np.array(at, dtype=dtype), rng.integers(info.min, info.max, size=20, dtype=dtype)])
    return rng.choice(pool, size=n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_layout_does_not_matter(dtype):
    """C, Fortran, every other row, reversed in both directions, repeated by stride 0, and not aligned."""
    rng = np.random.default_rng(3)
    base = (rng.normal(size=(301, 5)) * 50).astype(np.int8).astype(dtype)
    cuts = _core.cuts(_core.Table(np.ascontiguousarray(base)), None, 20)
    expected = np.stack([_reference.encode(base[:, j], cuts[j]) for j in range(5)])
    buffer = np.zeros(base.nbytes + 1, dtype=np.uint8)
    unaligned = buffer[1:].view(dtype).reshape(base.shape)
    unaligned[:] = base
    padded = np.zeros((602, 10), dtype=dtype)
    padded[::2, 1::2] = base
    layouts = [
        np.ascontiguousarray(base),
        np.asfortranarray(base),
        padded[::2, 1::2],
        np.ascontiguousarray(base[::-1])[::-1],
        np.asfortranarray(base[:, ::-1])[:, ::-1],
        np.ascontiguousarray(base[::-1, ::-1])[::-1, ::-1],
        unaligned,
    ]
    for X in layouts:
        np.testing.assert_array_equal(_core.codes(_core.Table(X), cuts), expected)
        for ours, theirs in zip(_core.cuts(_core.Table(X), None, 20), cuts, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    same_row = np.broadcast_to(base[7], (40, 5))
    np.testing.assert_array_equal(_core.codes(_core.Table(same_row), cuts), np.repeat(expected[:, 7:8], 40, axis=1))


def test_columns_of_more_than_256_codes_stand_beside_narrow_ones():
    """254 cuts take one byte, 255 two; up to 65,535 bins; places of columns do not mix."""
    rng = np.random.default_rng(0)
    n_cuts = [0, 254, 255, 3, 1000, 65534, 10, 256, 254, 1, 7, 400]
    X = rng.random(size=(70_000, len(n_cuts)))
    X[rng.random(X.shape) < 0.01] = np.nan
    X[0] = np.inf  # the highest code of every column occurs
    cuts = [np.sort(rng.choice(2**20, size=n, replace=False) / 2.0**20) for n in n_cuts]
    codes = _core.codes(_core.Table(X), cuts)
    np.testing.assert_array_equal(codes[:, 0], [n + 1 for n in n_cuts])
    for j, own in enumerate(cuts):
        np.testing.assert_array_equal(codes[j], _reference.encode(X[:, j], own))
    for n_jobs in (1, 3):
        np.testing.assert_array_equal(_core.codes(_core.Table(X), cuts, n_jobs, by_rows=True), codes)


def test_as_many_bins_as_allowed():
    column = np.arange(70_000.0)
    cuts = cuts_of(column, None, 65_535)
    np.testing.assert_array_equal(cuts, _reference.quantile_cuts(column, None, 65_535))
    assert len(cuts) == 65_534
    codes = _core.codes(_core.Table(column[:, None]), [cuts])[0]
    np.testing.assert_array_equal(np.unique(codes), np.arange(1, 65_536))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_threads_do_not_show(dtype):
    rng = np.random.default_rng(1)
    X = (rng.normal(size=(30_000, 11)) * 1000).astype(dtype)
    weights = rng.random(30_000)
    results = []
    for n_jobs in (1, 2, 3, 8):
        cuts = _core.cuts(_core.Table(X), weights, 300, n_jobs=n_jobs)
        results.append((cuts, _core.codes(_core.Table(X), cuts, n_jobs=n_jobs)))
    for cuts, codes in results[1:]:
        np.testing.assert_array_equal(codes, results[0][1])
        for ours, theirs in zip(cuts, results[0][0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_other_types_are_refused_by_name():
    for X in (np.zeros((3, 1), dtype=">f8"), np.zeros((3, 1), dtype=complex), np.zeros((3, 1), dtype=object)):
        with pytest.raises(ValueError, match=f"X has dtype {X.dtype}"):
            _core.codes(_core.Table(X), [np.zeros(0)])
    with pytest.raises(ValueError, match="X must have 2 dimensions"):
        _core.codes(_core.Table(np.zeros(3)), [np.zeros(0)])
