"""Kernels beside a measured limit, on one thread and every instruction set: ``python -m bench.kernels``.

The only place, with the baselines, that reaches below the public API. Kernels that stream are held against NumPy's
copy of as many bytes in L2; the histogram, which is bound by read-modify-writes, against its own rate where every
column has four codes in turn, so that all cells stay in L1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from curvature import _core

from .report import header_lines, line

BLOCK = 1 << 13  # rows or cells of the kernels that stream: everything stays in L2, no call asks for new pages
CODES = 1 << 16  # rows of codes: 2 MB with 32 columns
PASSES = 32  # over the codes in one call, so that what the binding copies does not count
COLUMNS = 32
CODE_COUNT = 256
SECONDS = 0.4  # a measurement


class Row(NamedTuple):
    """Best time of a kernel and of its limit for the same work, both in ns per item."""

    kernel: str
    isa: str
    item: str
    nanoseconds: float
    limit: float


def best_seconds(call: Callable[[], Any]) -> float:
    """Least time of a call: what is slower than the best is the machine's noise."""
    call()
    best, until = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return float(best)


@cache
def copy_nanoseconds() -> float:
    """Time to move a byte, read or written, by a copy within L2; where the blocks lie matters, so the best of four."""
    size = 1 << 17
    memory = np.ones(2 * size + 4096, dtype=np.uint8)
    targets = [memory[size + offset :][:size] for offset in (64, 1024, 2048, 3072)]
    return min(1e9 * best_seconds(partial(np.copyto, target, memory[:size])) / (2 * size) for target in targets)


def accumulate_nanoseconds(kernels: Any, codes: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> float:
    """Time of one update: one row, one column."""
    pairs = np.ones(len(codes), dtype=np.uint64)
    call = lambda: kernels.accumulate(codes, rows, pairs, [CODE_COUNT] * COLUMNS)  # noqa: E731
    return 1e9 * best_seconds(call) / (len(rows) * COLUMNS)


def measure(isa: str) -> Iterator[Row]:
    kernels = _core.kernels(isa)
    rng = np.random.default_rng(0)

    codes = rng.integers(0, CODE_COUNT, (CODES, COLUMNS), dtype=np.uint8)
    few = np.repeat(np.arange(CODES, dtype=np.uint8) % 4, COLUMNS).reshape(codes.shape)  # neighbours differ
    in_order = np.tile(np.arange(CODES, dtype=np.uint32), PASSES)
    limit = accumulate_nanoseconds(kernels, few, in_order)
    for name, rows in (("in order", in_order), ("scattered", rng.permutation(in_order))):
        yield Row(f"accumulate, rows {name}", isa, "update", accumulate_nanoseconds(kernels, codes, rows), limit)

    cells = rng.integers(0, 1 << 30, BLOCK, dtype=np.uint64)
    # 16 bytes are moved by the binding's copy of the larger, 24 by the kernel.
    yield streaming("subtract", isa, "cell", 40, lambda: kernels.subtract(cells, cells))

    lines = np.repeat(rng.integers(1, 1 << 20, (BLOCK // 8, 1), dtype=np.uint64), 8, axis=1)
    total = int(lines[:, 0].sum())
    yield streaming("scan", isa, "cell", 8, lambda: kernels.scan(lines, total, 1.0, 0.0, 1e-3))

    unit, weights = rng.random((BLOCK, 2), dtype=np.float32), np.ones(BLOCK)
    yield streaming(
        "quantize, to nearest", isa, "row", 24, lambda: kernels.quantize(unit, weights, 1e-4, 1e-4, False, 1)
    )
    yield streaming(
        "quantize, stochastic", isa, "row", 24, lambda: kernels.quantize(unit, weights, 1e-4, 1e-4, True, 1)
    )


def streaming(kernel: str, isa: str, item: str, n_bytes: int, call: Callable[[], Any]) -> Row:
    """A kernel that moves `n_bytes` for each of BLOCK items, beside the copy."""
    return Row(kernel, isa, item, 1e9 * best_seconds(call) / BLOCK, n_bytes * copy_nanoseconds())


def main() -> None:
    print("\n".join(header_lines(["kernel", "instruction set", "ns", "limit, ns", "kernel / limit"], left=2)))
    for isa in _core.instruction_sets():
        for row in measure(isa):
            per = f"/{row.item}"
            figures = [f"{row.nanoseconds:.3f}{per}", f"{row.limit:.3f}{per}", f"{row.nanoseconds / row.limit:.1f}"]
            print(line([row.kernel, row.isa, *figures]), flush=True)


if __name__ == "__main__":
    main()
