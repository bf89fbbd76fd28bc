"""Products with designs, Gram matrices and Cholesky factors against NumPy, on every instruction set."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from curvature import _core

pytestmark = pytest.mark.parametrize("isa", _core.instruction_sets())

shapes = st.tuples(st.integers(0, 40), st.integers(1, 60))


def _numbers(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=40, deadline=None)
@given(shape=shapes, seed=st.integers(0, 2**32))
def test_products_of_lines(isa, dtype, shape, seed):
    lines, long, short = _numbers(seed, shape, shape[1], shape[0])
    lines = np.ascontiguousarray(lines, dtype)
    wide = lines.astype(np.float64)
    kernels = _core.linear_kernels(isa)
    near = {"rtol": 1e-13, "atol": 1e-13}
    np.testing.assert_allclose(kernels.dots(lines, long), wide @ long, **near)
    np.testing.assert_allclose(kernels.combine(lines, short), wide.T @ short, **near)
    by_line, by_place = (wide - short[:, None]) ** 2, (wide - long) ** 2
    np.testing.assert_allclose(kernels.dot_squares(lines, np.abs(long), short), by_line @ np.abs(long), **near)
    np.testing.assert_allclose(kernels.combine_squares(lines, np.abs(short), long), np.abs(short) @ by_place, **near)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (128, 12), (100, 13), (33, 50), (128, 101)])
def test_gram_of_a_panel(isa, dtype, order, shape):
    X, d, center = _numbers(shape[0], shape, shape[0], shape[1])
    X = np.asarray(X, dtype, order=order)
    d = np.abs(d)
    apart = X.astype(np.float64) - center
    expected = apart.T @ (d[:, None] * apart)
    lower = np.tril_indices(shape[1])
    found = _core.linear_kernels(isa).gram(X, d, center)
    np.testing.assert_allclose(found[lower], expected[lower], rtol=1e-12, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (300, 5), (2500, 129), (700, 300)])
@pytest.mark.parametrize("kind", ["C", "F", "sparse"])
def test_gram_of_a_design_is_the_same_for_any_threads(isa, kind, shape):
    if isa != _core.instruction_sets()[-1]:
        pytest.skip("the design takes the set of the process")
    X, d, center = _numbers(1, shape, shape[0], shape[1])
    d = np.abs(d)
    if kind == "sparse":
        matrix = sp.random(*shape, 0.2, "csr", random_state=0, dtype=np.float64)
        X, center = matrix.toarray(), np.zeros(shape[1])
        given_as = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int64), shape)
    else:
        given_as = np.asarray(X, order=kind)
    apart = X - center
    expected = apart.T @ (d[:, None] * apart)
    lower = np.tril_indices(shape[1])
    found = [_core.weighted_gram(given_as, d, center, threads)[lower] for threads in (1, 2, 3, 8)]
    np.testing.assert_allclose(found[0], expected[lower], rtol=1e-11, atol=1e-11 * np.abs(expected).max())
    for other in found[1:]:
        assert other.tobytes() == found[0].tobytes()


@pytest.mark.parametrize("n", [1, 2, 17, 128, 129, 300])
def test_factors_solve_whatever_the_scale(isa, n):
    root, b = _numbers(n, (n + 5, n), n)
    scale = np.logspace(-6, 6, n)
    A = (root * scale).T @ (root * scale)
    truth = np.linalg.solve(root.T @ root, b / scale) / scale
    solutions = [_core.cholesky_solve(A, b, threads) for threads in (1, 2, 8)]
    x, dropped = solutions[0]
    assert len(dropped) == 0
    np.testing.assert_allclose(x * scale, truth * scale, rtol=1e-6)
    assert all(other.tobytes() == x.tobytes() for other, _ in solutions[1:])


def test_dependent_columns_are_dropped(isa):
    X, y = _numbers(3, (200, 150), 200)
    X[:, 140] = X[:, 3] - 2 * X[:, 5]
    X[:, 7] = 0
    x, dropped = _core.cholesky_solve(X.T @ X, X.T @ y, 2)
    assert dropped.tolist() == [7, 140]
    assert x[7] == x[140] == 0
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    np.testing.assert_allclose(X @ x, X @ best, atol=1e-9)
