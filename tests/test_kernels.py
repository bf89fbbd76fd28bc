"""Every kernel of the core against its twin in `_reference`, on every instruction set."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvature import _core, _reference
from curvature._reference import TreeParams

KERNELS = {isa: _core.kernels(isa) for isa in _core.instruction_sets()}
SEEDS = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=60)
some = settings(deadline=None, max_examples=300)


def pack(gradients, hessians):
    """Cells: the gradient in the high half, the Hessian in the low half."""
    return (np.asarray(gradients, dtype=np.int64) << 32).view(np.uint64) + np.asarray(hessians).astype(np.uint64)


def unpack(cells):
    cells = np.asarray(cells, dtype=np.uint64)
    return cells.view(np.int64) >> 32, (cells & np.uint64(0xFFFFFFFF)).astype(np.int64)


def random_codes(rng, n_rows, n_codes, wide):
    codes = np.stack([rng.integers(0, n, size=n_rows) for n in n_codes], axis=1)
    return codes.astype(np.uint16 if wide else np.uint8)


@st.composite
def histograms(draw):
    """Codes, some rows in any order, pairs of integers, and the codes a slot may have."""
    rng = np.random.default_rng(draw(SEEDS))
    wide = draw(st.booleans())
    n_rows = draw(st.integers(0, 300) | st.just(1500))
    n_codes = draw(st.lists(st.integers(2, 700 if wide else 256), min_size=1, max_size=20))
    most = 2**31 // max(n_rows, 1) - 1
    gradients = rng.integers(-most, most, size=n_rows, endpoint=True)
    hessians = rng.integers(0, most, size=n_rows, endpoint=True)
    rows = rng.permutation(n_rows)[: draw(st.integers(0, n_rows))].astype(np.uint32)
    return random_codes(rng, n_rows, n_codes, wide), rows, gradients, hessians, n_codes


@few
@given(histograms())
def test_accumulate_is_its_twin(case):
    codes, rows, gradients, hessians, n_codes = case
    expected = _reference.accumulate(codes, rows, gradients, hessians, n_codes=max(n_codes))
    for kernels in KERNELS.values():
        cells = kernels.accumulate(codes, rows, pack(gradients, hessians), n_codes)
        np.testing.assert_array_equal(unpack(cells), expected)


def test_accumulate_in_loops_is_its_numpy_twin():
    rng = np.random.default_rng(0)
    codes, rows = random_codes(rng, 200, [5, 9], wide=False), rng.permutation(200)[:150]
    values = rng.integers(-9, 9, size=(2, 200))
    in_loops = _reference.accumulate_loops(codes.tolist(), rows.tolist(), *values.tolist(), n_codes=9)
    np.testing.assert_array_equal(in_loops, _reference.accumulate(codes, rows, *values, n_codes=9))


@few
@given(histograms(), st.integers(1, 255), st.booleans())
def test_children_add_up_to_their_parent(case, cut, missing_left):
    codes, rows, gradients, hessians, n_codes = case
    pairs = pack(gradients, hessians)
    column = np.ascontiguousarray(codes[:, 0])
    for kernels in KERNELS.values():
        left, right = kernels.partition(column, rows, cut, missing_left)
        parent, first, second = (kernels.accumulate(codes, own, pairs, n_codes) for own in (rows, left, right))
        np.testing.assert_array_equal(parent, first + second)
        np.testing.assert_array_equal(kernels.subtract(parent.ravel(), first.ravel()), second.ravel())
        np.testing.assert_array_equal(kernels.subtract(parent.ravel(), second.ravel()), first.ravel())


@pytest.mark.parametrize("isa", KERNELS)
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("n_rows", [1, 3, 1000])
def test_packed_sums_hold_their_extremes(isa, sign, n_rows):
    """The largest totals that fit, |G| = 2^31 - 1 and H = 2^32 - 1: one half never spills into the other."""
    gradients = np.full(n_rows, sign * (2**31 // n_rows - 1))
    gradients[0] += sign * (2**31 - 1) - gradients.sum()
    hessians = np.full(n_rows, 2**32 // n_rows - 1)
    hessians[0] += 2**32 - 1 - hessians.sum()
    codes = np.zeros((n_rows, 3), dtype=np.uint8)
    codes[:, 1] = 255
    codes[0, 2] = 1
    cells = KERNELS[isa].accumulate(codes, np.arange(n_rows), pack(gradients, hessians), [1, 256, 2])
    total = (sign * (2**31 - 1), 2**32 - 1)
    assert unpack(cells[0, 0]) == total
    assert unpack(cells[1, 255]) == total
    assert unpack(cells[2, :1] + cells[2, 1:2]) == total
    np.testing.assert_array_equal(KERNELS[isa].subtract(cells[0, :1], cells[2, 1:2]), cells[2, :1])


@some
@given(
    SEEDS,
    st.integers(2, 30) | st.integers(31, 256),
    st.integers(0, 60),
    st.sampled_from([3, 1000, 2**31]),
    st.sampled_from([0.0, 0.125, 3.0, 1e6, 2.0**39]),
    st.sampled_from([0.0, 0.25, 2.0, 300.0]),
    st.integers(1, 8),
)
def test_scan_finds_the_best_cut(seed, n_codes, n_rows, size, reg_lambda, reg_alpha, min_hessian):
    """Against all cuts in rational numbers: allowed, best to 1e-12, and the first of those with the same sums."""
    rng = np.random.default_rng(seed)
    most = max(1, size // max(n_rows, 1) - 1)
    gradients, hessians = rng.integers(-most, most, size=n_rows), rng.integers(0, most, size=n_rows, endpoint=True)
    codes = random_codes(rng, n_rows, rng.integers(1, n_codes, size=8, endpoint=True), wide=False)
    sums = _reference.accumulate(codes, np.arange(n_rows), gradients, hessians, n_codes=n_codes)
    lines = pack(*sums.astype(np.int64)).T.copy()
    total = pack([gradients.sum()], [hessians.sum()])[0]
    results = [kernels.scan(lines, total, reg_lambda, reg_alpha, min_hessian) for kernels in KERNELS.values()]
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    for kernels in KERNELS.values():
        whole = [
            kernels.scan_lane(lines, total, reg_lambda, reg_alpha, min_hessian, lane, 1, n_codes) for lane in range(8)
        ]
        assert whole == list(zip(*(answer.tolist() for answer in results[0]), strict=True))

    params = TreeParams(reg_lambda=reg_lambda, reg_alpha=reg_alpha, min_child_samples=0)
    for lane, (score, bin, missing_left) in enumerate(zip(*results[0], strict=True)):
        exact = exact_cuts(*sums[:, lane].astype(np.int64).tolist(), reg_lambda, reg_alpha, min_hessian)
        one_lane = sums[:, lane : lane + 1]
        twins = [_reference.best_cut(one_lane, params, min_hessian)]
        twins.append(_reference.best_cut_loops(one_lane.tolist(), params, min_hessian))
        if not exact:
            assert score == -1
            assert [twin.score for twin in twins] == [-1, -1]
            continue
        best = max(score for score, _ in exact.values())
        found, left = exact[bin, missing_left]
        assert abs(score - float(found)) <= 1e-12 * float(found)
        assert found >= best * (1 - Fraction(1, 10**12))
        assert (bin, missing_left) == next(cut for cut, (_, sums_left) in exact.items() if sums_left == left)
        for twin in twins:
            assert exact[twin.bin, twin.missing_left][0] >= best * (1 - Fraction(1, 10**11))
        rivals = [score for score, sums_left in exact.values() if sums_left != left]
        if best > 0 and all(rival < best * (1 - Fraction(1, 10**9)) for rival in rivals):
            assert {(twin.bin, twin.missing_left) for twin in twins} == {(bin, missing_left)}


@few
@given(SEEDS, st.integers(1, 20), st.integers(1, 20))
def test_scan_of_a_lane_is_held_to_its_range(seed, first, last):
    rng = np.random.default_rng(seed)
    codes = random_codes(rng, 60, [20] * 8, wide=False)
    gradients, hessians = rng.integers(-99, 99, size=60), rng.integers(1, 99, size=60)
    sums = _reference.accumulate(codes, np.arange(60), gradients, hessians, n_codes=20).astype(np.int64)
    lines, total = pack(*sums).T.copy(), pack([gradients.sum()], [hessians.sum()])[0]
    for kernels in KERNELS.values():
        for lane in range(8):
            exact = exact_cuts(*sums[:, lane].tolist(), 1.0, 0.0, 5)
            held = {cut: score for cut, (score, _) in exact.items() if first <= cut[0] <= last}
            score, bin, missing_left = kernels.scan_lane(lines, total, 1.0, 0.0, 5, lane, first, last)
            if not held:
                assert score == -1
                continue
            best = max(held.values())
            assert abs(held[bin, missing_left] - best) <= 1e-12 * best
            assert abs(score - float(best)) <= 1e-12 * float(best)


@some
@given(SEEDS, st.integers(2, 30) | st.integers(31, 256), st.integers(0, 200), st.sampled_from([0.0, 2.0]))
def test_scan_holds_each_lane_to_its_range(seed, n_codes, n_rows, reg_alpha):
    rng = np.random.default_rng(seed)
    codes = random_codes(rng, n_rows, [n_codes] * 8, wide=False)
    codes[:, :4] = np.maximum(codes[:, :4], rng.integers(0, 2))  # words with and without missing values
    gradients, hessians = rng.integers(-99, 99, size=n_rows), rng.integers(0, 99, size=n_rows)
    sums = _reference.accumulate(codes, np.arange(n_rows), gradients, hessians, n_codes=n_codes).astype(np.int64)
    lines, total = pack(*sums).T.copy(), pack([gradients.sum()], [hessians.sum()])[0]
    first = np.repeat(rng.integers(1, n_codes + 1, size=(1, 8)), 2, axis=0)
    last = np.repeat(rng.integers(0, n_codes, size=(1, 8)), 2, axis=0)
    for kernels in KERNELS.values():
        answer = kernels.scan_ranges(lines, total, 1.0, reg_alpha, 5, first, last)
        lanes = [
            kernels.scan_lane(lines, total, 1.0, reg_alpha, 5, lane, first[0, lane], last[0, lane]) for lane in range(8)
        ]
        assert lanes == list(zip(*(values.tolist() for values in answer), strict=True))


@few
@given(SEEDS, st.integers(2, 256), st.integers(2, 300), st.integers(1, 30), st.booleans(), st.booleans())
def test_ranges_leave_enough_rows_on_both_sides(seed, n_codes, n_rows, least, no_missing, nothing):
    """Against counts of each cut's rows; missing values that sum to nothing leave their slot free."""
    rng = np.random.default_rng(seed)
    codes = random_codes(rng, n_rows, [n_codes] * 8, wide=False)
    codes = np.maximum(codes, no_missing).astype(np.uint8)
    rows = rng.permutation(n_rows)
    kept = np.sort(rows[: n_rows // 2 + 1])
    least = min(least, len(kept) // 2)
    lines = np.full((n_codes, 8), 7, dtype=np.uint64)
    lines[0, ::2] = 0 if nothing else 7
    for kernels in KERNELS.values():
        first, last = kernels.ranges(codes, rows, rows[n_rows // 2 + 1 :], lines, least)
        for lane in range(8):
            own = codes[kept, lane]
            free = lines[0, lane] == 0 and np.any(own == 0)
            for side in range(2):
                left = np.array([np.sum((own >= (1 - side)) & (own <= bin)) for bin in range(1, n_codes)])
                fits = np.ones(n_codes - 1, bool) if free else (left >= least) & (len(own) - left >= least)
                inside = (np.arange(1, n_codes) >= first[side, lane]) & (np.arange(1, n_codes) <= last[side, lane])
                np.testing.assert_array_equal(inside, fits)


def exact_cuts(gradients, hessians, reg_lambda, reg_alpha, min_hessian):
    """(bin, missing_left): (score, sums of the left child) of every allowed cut, in the order of preference."""
    lambda_, alpha = Fraction(reg_lambda), Fraction(reg_alpha)

    def score(g, h):
        return max(abs(g) - alpha, 0) ** 2 / (h + lambda_)

    cuts = {}
    for bin in range(1, len(gradients)):
        for missing_left in (False, True):
            codes = [*range(1, bin + 1), *([0] if missing_left else [])]
            g, h = sum(gradients[c] for c in codes), sum(hessians[c] for c in codes)
            g_right, h_right = sum(gradients) - g, sum(hessians) - h
            values_on_the_left = sum(hessians[1 : bin + 1]) > 0
            if min(h, h_right) >= min_hessian and (values_on_the_left or not missing_left):
                cuts[bin, missing_left] = (score(g, h) + score(g_right, h_right), (g, h))
    return cuts


@some
@given(SEEDS, st.booleans(), st.integers(0, 400) | st.just(2500), st.integers(2, 65536), st.data())
def test_partition_is_its_twin(seed, wide, n_rows, n_codes, data):
    rng = np.random.default_rng(seed)
    n_codes = n_codes if wide else min(n_codes, 256)
    codes = random_codes(rng, n_rows, [n_codes], wide)[:, 0].copy()
    codes[rng.random(n_rows) < 0.2] = 0
    codes[rng.random(n_rows) < 0.2] = n_codes - 1
    n_chosen = data.draw(st.integers(0, n_rows))
    rows = rng.permutation(n_rows)[:n_chosen].astype(np.uint32)
    if data.draw(st.booleans()):
        rows = np.arange(n_rows - n_chosen, n_rows, dtype=np.uint32)
        if data.draw(st.booleans()):  # not a stretch, though its ends look like one
            rng.shuffle(rows[1:-1])
    bin = data.draw(st.sampled_from([1, n_codes - 1]) | st.integers(1, n_codes - 1))
    missing_left = data.draw(st.booleans())
    by_rows = np.zeros((n_rows, 5), dtype=codes.dtype)
    by_rows[:, 2] = codes
    expected = _reference.partition(rows, codes, bin, missing_left)
    for kernels in KERNELS.values():
        for column in (codes, by_rows[:, 2]):
            for ours, theirs in zip(kernels.partition(column, rows, bin, missing_left), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@some
@given(
    SEEDS,
    st.integers(0, 300),
    st.integers(-40, 20),
    st.integers(-40, 20),
    st.sampled_from(["ones", "integers", "fractions"]),
)
def test_quantize_to_nearest_is_its_twin(seed, n_rows, gradient_exponent, hessian_exponent, kind):
    """Exactly, halves included; and an integer weight is so many rows."""
    rng = np.random.default_rng(seed)
    steps = 2.0**gradient_exponent, 2.0**hessian_exponent
    halves = rng.integers(-(2**12), 2**12, size=(n_rows, 2)) / 2 + rng.choice([0, 0, 0.3], size=(n_rows, 2))
    unit = (np.abs(halves, out=halves, where=[False, True]) * steps).astype(np.float32)
    weights = {"ones": np.ones(n_rows), "integers": rng.integers(0, 99, size=n_rows), "fractions": rng.random(n_rows)}
    w = weights[kind].astype(np.float64)
    expected = [_reference.quantize(unit[:, k], w, steps[k]) for k in (0, 1)]
    for kernels in KERNELS.values():
        np.testing.assert_array_equal(unpack(kernels.quantize(unit, w, *steps, False, 1)), expected)
        np.testing.assert_array_equal(unpack(kernels.quantize(unit, w, *steps, False, 1, totals=True)), expected)
        if kind == "integers":
            repeated = kernels.quantize(unit, np.ones(n_rows), *steps, False, 1) * w.astype(np.uint64)
            np.testing.assert_array_equal(kernels.quantize(unit, w, *steps, False, 1), repeated)


@few
@given(SEEDS, st.integers(0, 300))
def test_totals_are_added_in_eight_stripes(seed, n_rows):
    """Each eighth row by itself, then neighbours of neighbours: the same bits for registers of any width."""
    rng = np.random.default_rng(seed)
    unit, w = rng.normal(size=(n_rows, 2)), rng.random(n_rows)
    expected = []
    for products in (w * abs(unit[:, 0]), w * unit[:, 1]):
        sums = [0.0] * 8
        for row, product in enumerate(products):
            sums[row % 8] += product
        fours = [sums[k] + sums[k + 4] for k in range(4)]
        expected.append((fours[0] + fours[1]) + (fours[2] + fours[3]))
    for kernels in KERNELS.values():
        assert list(kernels.derivative_totals(unit, w)) == expected


@few
@given(SEEDS, st.integers(0, 300), st.integers(0, 2**64 - 1))
def test_quantize_stochastically_rounds_up_or_down(seed, n_rows, key):
    rng = np.random.default_rng(seed)
    unit = rng.normal(size=(n_rows, 2)).astype(np.float32)
    unit[:, 1] = np.abs(unit[:, 1])
    w, steps = rng.random(n_rows) * 100, (2.0**-10, 2.0**-9)
    results = [
        kernels.quantize(unit, w, *steps, True, key, totals) for kernels in KERNELS.values() for totals in (False, True)
    ]
    for quantized in results:
        np.testing.assert_array_equal(quantized, results[0])
        for k, whole in enumerate(unpack(quantized)):
            exact = unit[:, k].astype(np.float64) * w / steps[k]
            assert np.all(np.abs(whole - exact) < 1)
    whole_weights, whole_units = np.floor(w), np.rint(unit * 64) / 64
    exact_cells = KERNELS["baseline"].quantize(whole_units, whole_weights, 1 / 64, 1 / 64, True, key)
    for k, whole in enumerate(unpack(exact_cells)):
        np.testing.assert_array_equal(whole, whole_units[:, k] * 64 * whole_weights)


@pytest.mark.parametrize("isa", KERNELS)
@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.5, 0.9])
def test_stochastic_rounding_has_no_bias(isa, fraction):
    """The mean of n roundings of x lies within five standard errors of x, for gradients and Hessians, independently."""
    n = 400_000
    unit = np.full((n, 2), fraction, dtype=np.float32)
    x = float(np.float32(fraction))
    g, h = unpack(KERNELS[isa].quantize(unit, np.ones(n), 1.0, 1.0, True, 12345))
    deviation = np.sqrt(x * (1 - x) / n)
    assert abs(g.mean() - x) < 5 * deviation
    assert abs(h.mean() - x) < 5 * deviation
    assert abs(np.mean((g - x) * (h - x))) < 5 * x * (1 - x) / np.sqrt(n)
    assert abs(np.mean((g[1:] - x) * (g[:-1] - x))) < 5 * x * (1 - x) / np.sqrt(n)
    again, _ = unpack(KERNELS[isa].quantize(unit, np.ones(n), 1.0, 1.0, True, 54321))
    assert abs(np.mean((g - x) * (again - x))) < 5 * x * (1 - x) / np.sqrt(n)


@few
@given(SEEDS, st.integers(1, 400), st.floats(0.1, 1e6))
def test_quantized_sums_are_near_the_real_ones(seed, n_rows, spread):
    """The oracle of sums in double precision: half a step a row to nearest, a step a row stochastically."""
    rng = np.random.default_rng(seed)
    unit = (rng.standard_cauchy(size=(n_rows, 2)) * spread).astype(np.float32)
    unit[:, 1] = np.abs(unit[:, 1])
    step = 2.0 ** np.ceil(np.log2(np.abs(unit).astype(np.float64).sum(axis=0) / (2**31 - 1 - n_rows)))
    real = unit.astype(np.float64).sum(axis=0)
    for stochastic, most in ((False, 0.5), (True, 1.0)):
        cells = KERNELS["baseline"].quantize(unit, np.ones(n_rows), *step, stochastic, seed)
        for k, total in enumerate(unpack(np.array([cells.sum()]))):
            assert abs(total[0] * step[k] - real[k]) <= most * n_rows * step[k] + 1e-12 * np.abs(unit[:, k]).sum()


@st.composite
def values_and_cuts(draw):
    """Cuts, near one another or far apart, and values around, between and on them."""
    rng = np.random.default_rng(draw(SEEDS))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    centre, spread = draw(st.sampled_from([0.0, 1.0, -3e5, 1.7e9])), 10.0 ** draw(st.integers(-9, 9))
    kind = draw(st.sampled_from(["normal", "tails", "neighbours", "subnormal", "huge"]))
    draws = {
        "normal": lambda n: rng.normal(centre, spread, size=n),
        "tails": lambda n: centre + rng.standard_cauchy(size=n) ** 5,
        "neighbours": lambda n: (centre + 1) * (1 + rng.integers(0, 2000, size=n) * 2.0**-52),
        "subnormal": lambda n: rng.integers(-500, 500, size=n) * 5e-324,
        "huge": lambda n: rng.normal(0, 1e300, size=n),
    }[kind]
    cuts = np.unique(draws(draw(st.integers(0, 254))))
    n = draw(st.integers(0, 300))
    with np.errstate(over="ignore"):
        values = draws(n).astype(dtype)
        near = rng.random(n) < 0.4
        if len(cuts):
            values[near] = rng.choice(cuts, size=near.sum()).astype(dtype)
        for side in (-np.inf, np.inf):
            beside = rng.random(n) < 0.1
            values[beside] = np.nextafter(values[beside], dtype(side))
    special = rng.random(n) < 0.1
    values[special] = rng.choice([np.nan, -np.inf, np.inf, 0.0, -0.0], size=special.sum())
    return values, cuts


@some
@given(values_and_cuts())
def test_encode_is_its_twin(case):
    values, cuts = case
    for kernels in KERNELS.values():
        np.testing.assert_array_equal(kernels.encode(values, cuts), _reference.encode(values, cuts))
