"""Functions on blocks against mpmath, NumPy and SciPy: the stated bounds, the edges, one result on all sets."""

import math
import warnings

import numpy as np
import pytest
import scipy.special as sp
from mpmath import mp, mpf

from curvature import _core

ISAS = _core.instruction_sets()
ARITIES = _core.block_functions()
TINY = np.finfo(np.float64).tiny
INF, NAN = np.inf, np.nan
N = 600
RNG = np.random.default_rng(0)


def between(low, high, n=N):
    return RNG.uniform(low, high, n)


def sizes(low, high, n=N):
    """Positive numbers of evenly spread exponents."""
    return np.exp(between(np.log(low), np.log(high), n))


def both(values):
    return np.concatenate([values, -values])


def near(points, n=40):
    """Neighbours of the points, one ULP to one part in a thousand away."""
    points = np.asarray(points, dtype=np.float64)
    steps = both(np.logspace(-16, -3, n)).reshape(-1, 1)
    return np.concatenate(
        [points, np.nextafter(points, INF), np.nextafter(points, -INF), (points * (1 + steps)).ravel()]
    )


def join(*parts):
    return np.concatenate(parts)


LN2 = np.log(2)
QUARTERS = join(np.arange(-400, 401), np.rint(between(-667_000, 667_000, 200))) * (np.pi / 2)
ANGLES = join(between(-10, 10), both(sizes(1e-20, 1e6)), QUARTERS, [2.0**20, -(2.0**20)])
HALVES = LN2 * np.arange(-20, 21) / 2  # where the reduction of exp changes its k

# name: the exact function, samples, the bound in ULP that its header states
UNARY = {
    "exp": (mp.exp, join(between(-708, 709.7, 3 * N), both(sizes(1e-20, 1)), near(HALVES, 10)), 1.0),
    "expm1": (mp.expm1, join(between(-60, 709.7), between(-2, 2, 3 * N), both(sizes(1e-20, 1)), near(HALVES, 10)), 2.0),
    "log": (mp.log, join(sizes(1e-320, 1e308), between(0.5, 2, 2 * N), near([1, 2, 0.5, 2**0.5])), 1.0),
    "log1p": (
        mp.log1p,
        join(sizes(1e-300, 1e308), -sizes(1e-300, 0.99999), between(-1, 3, 2 * N), sizes(1e-15, 1) - 1),
        1.5,
    ),
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), join(between(-708, 708), between(-40, 40, 3 * N)), 2.5),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), join(between(-708, 700), between(-40, 40), between(-2, 2, 2 * N)), 2.0),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), join(between(-700, 708), between(-40, 40, 2 * N)), 2.0),
    "sinh": (mp.sinh, join(between(-710.4, 710.4), between(-4, 4, 2 * N), both(sizes(1e-20, 4))), 3.0),
    "cosh": (mp.cosh, join(between(-710.4, 710.4), between(-4, 4, 2 * N), both(between(708, 710.4))), 3.0),
    "tanh": (mp.tanh, join(between(-25, 25), between(-2, 2, 2 * N), both(sizes(1e-20, 4))), 2.5),
    "log_cosh": (
        lambda x: mp.log(mp.cosh(x)),
        join(between(-50, 50), between(-2, 2, 2 * N), both(sizes(1e-10, 1e4)), near([1.0, -1.0])),
        3.0,
    ),
    "sin": (mp.sin, ANGLES, 1.0),
    "cos": (mp.cos, ANGLES, 1.0),
    "arctan": (mp.atan, join(between(-4, 4, 2 * N), both(sizes(1e-20, 1e20)), near([2**0.5 - 1, 2**0.5 + 1])), 2.0),
    "erf": (mp.erf, join(between(-7, 7), between(-2, 2, 2 * N), both(sizes(1e-20, 4)), near([1.0, 6.0])), 1.5),
    "trigamma": (lambda x: mp.psi(1, x), join(sizes(1e-150, 1e150, 200), between(0, 12), near([8.5], 10)), 4.0),
    "reciprocal": (lambda x: 1 / x, both(sizes(1e-300, 1e300)), 0.5),
    "sqrt": (mp.sqrt, sizes(1e-320, 1e308), 0.5),
}


def ulps(got, exact, size=None):
    """|got - exact| in units of the last place of `size`, or of the exact value."""
    return np.array(
        [
            float(abs(mpf(float(g)) - e)) / math.ulp(float(e if size is None else size[i]))
            for i, (g, e) in enumerate(zip(got, exact, strict=True))
        ]
    )


def bits(values):
    """The bits of the numbers, any NaN being one of them."""
    return np.where(np.isnan(values), NAN, values).view(np.int64)


def on_all_sets(name, *arrays):
    """The values, checked to be the same bits on every instruction set."""
    first = _core.block_function(name, *arrays, isa=ISAS[0])
    for isa in ISAS[1:]:
        np.testing.assert_array_equal(bits(_core.block_function(name, *arrays, isa=isa)), bits(first), err_msg=isa)
    return first


@pytest.fixture(autouse=True, scope="module")
def many_digits():
    with mp.workprec(220):
        yield


def exact_values(function, *arrays):
    return [function(*map(mpf, point)) for point in zip(*(a.tolist() for a in arrays), strict=True)]


@pytest.mark.parametrize("name", UNARY)
def test_error_is_within_the_bound(name):
    function, x, bound = UNARY[name]
    errors = ulps(on_all_sets(name, x), exact_values(function, x))
    assert errors.max() < bound + (bound == 0.5) * 1e-9, (errors.max(), x[errors.argmax()])


@pytest.mark.parametrize(
    ("name", "exact", "absolute"), [("gammaln", mp.loggamma, 2e-16), ("digamma", mp.digamma, 4e-16)]
)
def test_gamma_functions_of_positive_numbers(name, exact, absolute):
    """4 ULP, or an absolute bound around the zeros."""
    x = join(sizes(1e-300, 1e300), between(0, 12, 2 * N), between(0.9, 2.1), near([1, 2, 8.5, 1.4616321449683622]))
    values = exact_values(exact, x)
    got = on_all_sets(name, x)
    errors = np.array([float(abs(mpf(float(g)) - v)) for g, v in zip(got, values, strict=True)])
    allowed = np.array([max(4 * math.ulp(float(v)), absolute) for v in values])
    assert np.all(errors < allowed), x[(errors / allowed).argmax()]


def reflected_gammaln(z):
    right, sine = mp.loggamma(z), mp.log(mp.pi / (z * abs(mp.sin(mp.pi * z))))
    return sine - right, abs(sine) + abs(right)


def reflected_digamma(z):
    right, cotangent = mp.digamma(z), mp.pi * mp.cot(mp.pi * z)
    return right + 1 / z + cotangent, abs(right) + 1 / z + abs(cotangent)


def reflected_trigamma(z):
    sine = (mp.pi / mp.sin(mp.pi * z)) ** 2
    return sine - mp.psi(1, 1 + z), sine


@pytest.mark.parametrize(
    ("name", "reflected", "bound"),
    [("gammaln", reflected_gammaln, 4), ("digamma", reflected_digamma, 6), ("trigamma", reflected_trigamma, 6)],
)
def test_gamma_functions_of_negative_numbers(name, reflected, bound):
    """In ULP of the terms that reflection adds up."""
    z = join(between(0, 6), sizes(1, 1e6, 200), np.arange(1, 40) + 1e-9, sizes(1e-18, 0.5, 100), [2.4570247382208006])
    pairs = exact_values(reflected, z)
    errors = ulps(on_all_sets(name, -z), [value for value, _ in pairs], [float(size) for _, size in pairs])
    assert errors.max() < bound, (errors.max(), z[errors.argmax()])


def test_power_error():
    base = join(sizes(1e-300, 1e300, 2 * N), between(0.5, 2, 2 * N), near(np.ones(10)), sizes(1e-320, 1e-308))
    exponent = between(-707, 707, base.size) / np.abs(np.log(np.where(base == 1, 2, base)))
    exponent = np.where(np.arange(base.size) % 4 == 0, np.clip(np.rint(exponent), -1e15, 1e15), exponent)
    normal = np.abs(exponent * np.log(base)) < 708
    base, exponent = base[normal], exponent[normal]
    errors = ulps(on_all_sets("power", base, exponent), exact_values(lambda a, b: a**b, base, exponent))
    assert errors.max() < 1.5, (errors.max(), base[errors.argmax()], exponent[errors.argmax()])


def test_xlogy_error():
    x, y = both(sizes(1e-100, 1e100)), join(sizes(1e-320, 1e308), between(0.5, 2))
    errors = ulps(on_all_sets("xlogy", x, y), exact_values(lambda a, b: a * mp.log(b), x, y))
    assert errors.max() < 2.5


def test_logaddexp_error():
    """3 ULP of the larger of |max| and the result, which cancel near the result 0."""
    a = join(between(-750, 750), between(-3, 3))
    b = np.where(RNG.random(a.size) < 0.7, a + between(-40, 40, a.size), between(-750, 750, a.size))
    exact = exact_values(lambda p, q: max(p, q) + mp.log1p(mp.exp(-abs(p - q))), a, b)
    size = [max(abs(float(value)), abs(max(p, q))) for value, p, q in zip(exact, a, b, strict=True)]
    assert ulps(on_all_sets("logaddexp", a, b), exact, size).max() < 3


@pytest.mark.parametrize("isa", ISAS)
def test_sigmoid_pair(isa):
    """The first is expit, bit for bit; the second has an error below 3 ULP and its edges."""
    x = join(between(-708, 708), between(-40, 40), [INF, -INF, NAN, 0.0, -0.0, 800.0, -800.0])
    value, mirrored = _core.sigmoid_pair(x, isa)
    np.testing.assert_array_equal(bits(value), bits(_core.block_function("expit", x, isa=isa)))
    finite = np.abs(x) <= 708
    assert ulps(mirrored[finite], exact_values(lambda v: 1 / (1 + mp.exp(v)), x[finite])).max() < 3
    np.testing.assert_array_equal(mirrored[-7:], [0, 1, NAN, 0.5, 0.5, 0, 1])


def trigamma(x):
    """SciPy's polygamma, which may not end for large negative numbers: those by reflection."""
    far = x < -1e3
    right = sp.polygamma(1, np.where(far, 1 - x, x))
    to_whole = np.where(np.isfinite(x), x - np.rint(x), 0.0)
    return np.where(far, (np.pi / np.sin(np.pi * to_whole)) ** 2 - right, right)


def gammaln(x):
    """SciPy's, but -log |x| for subnormal numbers, where it overflows, and inf at -inf, as C's lgamma has it."""
    usual = sp.gammaln(np.where(np.isinf(x), INF, x))
    return np.where((x != 0) & (np.abs(x) < TINY), -np.log(np.abs(x)), usual)


PEERS = {
    **{name: getattr(np, name) for name in ("negative", "abs", "sign", "square", "reciprocal", "exp", "expm1", "log")},
    **{name: getattr(np, name) for name in ("log1p", "sqrt", "sin", "cos", "arctan", "sinh", "cosh", "tanh", "add")},
    **{name: getattr(np, name) for name in ("subtract", "multiply", "divide", "power", "minimum", "maximum", "less")},
    **{name: getattr(np, name) for name in ("logaddexp", "less_equal", "equal", "not_equal")},
    **{name: getattr(sp, name) for name in ("expit", "log_expit", "erf", "digamma", "xlogy")},
    "softplus": lambda x: np.logaddexp(0, x),
    "log_cosh": lambda x: np.logaddexp(x, -x) - LN2,
    "trigamma": trigamma,
    "gammaln": gammaln,
    "not": np.logical_not,
    "and": np.logical_and,
    "or": np.logical_or,
    "where": lambda a, b, c: np.where(a != 0, b, c),
}
EXACT = {"negative", "abs", "sign", "square", "reciprocal", "sqrt", "add", "subtract", "multiply", "divide"} | {
    *("minimum", "maximum", "less", "less_equal", "equal", "not_equal", "and", "or", "not", "where")
}
SPECIAL = both(
    np.array(
        [0.0, INF, NAN, 5e-324, 1e-310, TINY, 1e-300, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 36.0, 709.7, 709.79, 710.4, 710.5]
        + [
            745.1,
            745.2,
            2.0**20 + 1,
            2.0**31,
            2.0**51 + 0.5,
            2.0**52 + 1,
            2.0**53,
            1e22,
            1e300,
            np.finfo(np.float64).max,
        ]
    )
)


def peer(name, *arrays):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(PEERS[name](*arrays), dtype=np.float64)


def test_all_functions_have_a_peer():
    assert set(PEERS) == set(ARITIES)
    assert {name: arity for name, arity in ARITIES.items() if arity == 3} == {"where": 3}
    assert set(UNARY) < set(ARITIES)


@pytest.mark.parametrize("name", ARITIES)
def test_special_values_are_those_of_numpy_and_scipy(name):
    """NaN, infinities, zeros, subnormals, both ends of overflow; every pair of them for functions of two."""
    grid = np.meshgrid(*[SPECIAL] * ARITIES[name])
    arrays = [axis.ravel().copy() for axis in grid]
    got, expected = on_all_sets(name, *arrays), peer(name, *arrays)
    if name in EXACT:
        np.testing.assert_array_equal(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=1e-14, atol=2 * TINY)


@pytest.mark.parametrize("name", ["exp", "sinh", "cosh", "expm1", "power"])
def test_subnormal_and_last_finite_results(name):
    """exp(x) passes through the subnormals and overflows at the same double as NumPy's."""
    ends = join(np.linspace(-745.2, -708.3, 200), np.linspace(709.7, 709.79, 200), near([709.782712893384], 20))
    if name == "power":
        arrays = (np.full(ends.size, 2.0), join(np.arange(-1080.0, -1020.0), between(1000, 1030, ends.size - 60)))
    else:
        arrays = (ends,)
    got, expected = on_all_sets(name, *arrays), peer(name, *arrays)
    np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))
    np.testing.assert_allclose(got, expected, rtol=1e-15, atol=1e-323)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_large_angles(name):
    """Beyond 2^20 the reduction is exact."""
    x = both(sizes(2**20, 1e308, 300))
    errors = ulps(on_all_sets(name, x), exact_values_of_large(getattr(mp, name), x))
    assert errors.max() < 1


def exact_values_of_large(function, x):
    with mp.workprec(1200):
        return [function(mpf(v)) for v in x.tolist()]


@pytest.mark.parametrize("name", [name for name, arity in ARITIES.items() if arity == 2])
def test_a_constant_counts_as_a_block_of_it(name):
    block = join(SPECIAL, between(-5, 5, 61))
    for constant in join(SPECIAL, [0.3, -2.7]):
        full = np.full(block.size, constant)
        number = np.array(constant)
        np.testing.assert_array_equal(
            bits(on_all_sets(name, number, block)), bits(_core.block_function(name, full, block))
        )
        np.testing.assert_array_equal(
            bits(on_all_sets(name, block, number)), bits(_core.block_function(name, block, full))
        )


@pytest.mark.parametrize("name", ARITIES)
def test_a_lane_does_not_depend_on_its_neighbours(name):
    """Ranges that need more care are computed another way, a vector at a time: common lanes keep their bits."""
    arrays = [between(-0.4, 5, 64) for _ in range(ARITIES[name])]
    alone = _core.block_function(name, *arrays)
    for special in (0.0, -5.5, 800.0, -800.0, 1e-310, 1e300, INF, NAN):
        mixed = [np.where(np.arange(64) % 2 == 0, values, special) for values in arrays]
        for isa in ISAS:
            np.testing.assert_array_equal(bits(_core.block_function(name, *mixed, isa=isa))[::2], bits(alone)[::2])


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 513])
def test_any_length(n):
    x = np.linspace(-3, 3, n)
    np.testing.assert_array_equal(_core.block_function("square", x), x * x)


def test_what_is_refused():
    x = np.ones(3)
    with pytest.raises(ValueError, match="name='cbrt'"):
        _core.block_function("cbrt", x)
    with pytest.raises(ValueError, match="arrays must be 2 for 'add', got 1"):
        _core.block_function("add", x)
    with pytest.raises(ValueError, match="3 elements, got 2"):
        _core.block_function("add", np.ones(2), x)
    with pytest.raises(ValueError, match="must be one-dimensional"):
        _core.block_function("add", 1.0, 2.0)
    with pytest.raises(ValueError, match="instruction set 'v9'"):
        _core.block_function("exp", x, isa="v9")
