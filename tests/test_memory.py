"""What a fit needs besides its input: the codes, what it keeps a row, its histograms, and little else."""

import subprocess
import sys
import textwrap

import pytest

# In a process of its own, since only there the peak of the resident memory is the fit's. It is set back before the fit,
# after one on few rows that imports what is imported late, starts the threads and warms the allocator.
SCRIPT = """
import sys
import numpy as np
import curvature as cv

def memory(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return 1024 * int(line.split()[1])

kind, n_rows, n_columns, max_leaves, dtype = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
rng = np.random.default_rng(0)
X = np.empty((n_rows, n_columns), dtype=np.float32)
for begin in range(0, n_rows, 10_000):
    X[begin : begin + 10_000] = rng.standard_normal((min(10_000, n_rows - begin), n_columns), dtype=np.float32)
y = (X[:, 0] > 0).astype(dtype) if kind == "BoostedTreesClassifier" else X[:, 0].astype(dtype)
estimator = getattr(cv, kind)
estimator(n_estimators=1, n_jobs=2).fit(X[:20_000], y[:20_000])
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
estimator(n_estimators=16, n_jobs=2, max_leaves=max_leaves).fit(X, y)
print(memory("VmHWM") - before)
"""

BYTES_A_CELL, BYTES_A_ROW = 2, 40
SLACK = 4e6  # threads' own histograms, the sample that cuts are made from, trees, what the allocator keeps


def peak(args: list[str], script: str = SCRIPT) -> list[int]:
    """What a script prints: first the bytes by which a fit in a fresh process raises the resident memory at most."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *args], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("kind", "n_rows", "n_columns", "max_leaves", "dtype"),
    [
        ("BoostedTreesRegressor", 1_000_000, 28, 31, "f8"),
        ("BoostedTreesRegressor", 1_000_000, 28, 255, "f8"),
        ("BoostedTreesRegressor", 1_000_000, 9, 31, "f4"),
        ("BoostedTreesClassifier", 2_000_000, 28, 31, "f8"),
        ("BoostedTreesClassifier", 2_000_000, 10, 31, "i8"),
    ],
)
def test_a_fit_stays_within_its_memory(kind: str, n_rows: int, n_columns: int, max_leaves: int, dtype: str) -> None:
    """The peak over the input is at most 2 bytes a cell, 40 bytes a row, a histogram a leaf, and the slack."""
    args = [kind, str(n_rows), str(n_columns), str(max_leaves), dtype]
    histogram = 256 * 8 * ((n_columns + 7) // 8 * 8)  # bins, of 8 bytes, of columns in groups of eight
    allowed = n_rows * (BYTES_A_CELL * n_columns + BYTES_A_ROW) + max_leaves * histogram + SLACK
    growth = peak(args)[0]
    for _ in range(2):  # what else the kernel counts is noise on top: the least of a few looks is the fit's
        growth = growth if growth < allowed else min(growth, peak(args)[0])
    print(f"{' '.join(args)}: {growth / 1e6:.1f} MB of {allowed / 1e6:.1f} MB, {growth / n_rows:.1f} bytes a row")
    assert n_rows * n_columns < growth < allowed  # the codes alone are a byte a cell


# Of frames: numbers, numbers with nulls, few and many levels, text, truth values and dates.
FRAME_SCRIPT = """
import sys
import numpy as np
import curvature as cv

def memory(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return 1024 * int(line.split()[1])

def table(container, n_rows, rng):
    level = rng.integers(0, 300, n_rows, dtype=np.int16)
    names = np.array([f"level {i}" for i in range(300)])
    columns = {f"x{i}": rng.standard_normal(n_rows, dtype=np.float32) for i in range(6)}
    columns |= {"flag": level % 2 == 0, "day": np.datetime64("2020-01-01", "s") + level.astype("m8[D]")}
    if container == "dict":
        return columns | {"few": names[:40][level % 40], "many": names[level]}
    if container == "pandas":
        import pandas as pd
        columns |= {"few": pd.Categorical.from_codes(level % 40, names[:40]), "whole": pd.array(level, dtype="Int32")}
        return pd.DataFrame(columns | {"many": pd.Series(names[level], dtype="str")})
    import pyarrow as pa
    columns = {name: pa.array(values) for name, values in columns.items()}
    columns["whole"] = pa.array(level, mask=level % 7 == 0)
    columns["few"] = pa.DictionaryArray.from_arrays(pa.array((level % 40).astype(np.int8)), pa.array(names[:40]))
    columns["many"] = pa.array(names).take(pa.array(level))
    frame = pa.table(columns)
    if container == "polars":
        import polars as pl
        return pl.from_arrow(frame)
    return pa.concat_tables([frame[: n_rows // 3], frame[n_rows // 3 :]])

container, n_rows = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
few = table(container, 20_000, rng)
cv.BoostedTreesRegressor(n_estimators=1, n_jobs=2).fit(few, rng.normal(size=20_000))
del few
X, y = table(container, n_rows, rng), rng.normal(size=n_rows)
n_columns = len(X) if container == "dict" else X.shape[1]
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
cv.BoostedTreesRegressor(n_estimators=3, n_jobs=2, max_leaves=31).fit(X, y)
print(memory("VmHWM") - before, n_columns)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("container", ["dict", "pandas", "arrow", "polars"])
def test_a_frame_is_not_copied(container: str) -> None:
    """The same bound from every container; a column of 300 levels has codes of two bytes, text is coded once before."""
    n_rows, max_leaves, n_wide, n_text = 1_000_000, 31, 1, 2
    growth, n_columns = peak([container, str(n_rows)], FRAME_SCRIPT)
    histogram = 8 * (256 * 16 + 304 * 8)
    bytes_a_row = BYTES_A_CELL * (n_columns + n_wide) + 2 * n_text + BYTES_A_ROW
    allowed = n_rows * bytes_a_row + max_leaves * histogram + SLACK
    print(f"{container}: {growth / 1e6:.1f} MB of {allowed / 1e6:.1f} MB, {growth / n_rows:.1f} bytes a row")
    assert n_rows * n_columns < growth < allowed


# Of linear models: dense columns, or compressed rows with K entries each.
LINEAR_SCRIPT = """
import sys
import numpy as np
import scipy.sparse as sp
import curvature as cv

def memory(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return 1024 * int(line.split()[1])

kind, solver, layout, loss, dtype = sys.argv[1:]
rng = np.random.default_rng(0)
if layout == "csr":
    n_rows, n_columns, k = 400_000, 2_000, 20
    columns = rng.integers(0, n_columns // k, (n_rows, k), dtype=np.int32)
    columns += np.arange(k, dtype=np.int32) * (n_columns // k)
    values = np.empty(n_rows * k, dtype=dtype)
    values[:] = rng.standard_normal(n_rows * k, dtype=np.float32)
    X = sp.csr_array((values, columns.ravel(), np.arange(0, n_rows * k + 1, k, dtype=np.int32)), (n_rows, n_columns))
    y, numbers = values[::k].astype(float), X.nnz
    few = X[:20_000]
else:
    n_rows, n_columns = 1_000_000, 28
    X = np.empty((n_rows, n_columns), dtype=dtype, order=layout)
    for begin in range(0, n_rows, 10_000):
        X[begin : begin + 10_000] = rng.standard_normal((10_000, n_columns), dtype=np.float32)
    y, numbers = X[:, 0].astype(float), X.size
    few = X[:20_000].copy(order=layout)
y = y if loss == "squared" else (y > 0).astype(float)
params = {"loss": loss, "solver": solver, "max_iter": 4, "tol": 0, "n_jobs": 2}
params |= {"l1_ratio": 1.0, "alpha": 1e-3} if solver == "cd" else {}
estimator = getattr(cv, kind)
estimator(**params).fit(few, y[:20_000])
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
estimator(**params).fit(X, y)
print(memory("VmHWM") - before, n_rows, numbers)
"""

LINEAR_BYTES_A_ROW = 64  # scores, slopes, curvatures, a step's scores, the target, and its check


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("arguments", "bytes_a_number"),
    [
        ("LinearClassifier newton C logistic f4", 0),
        ("LinearRegressor newton F poisson f4", 0),
        ("LinearRegressor lbfgs csr poisson f4", 0),
        ("LinearClassifier lbfgs csr logistic f8", 0),
        ("LinearRegressor sgd C squared f4", 0),
        ("LinearRegressor cd csr squared f4", 8),  # one transposed store: a value and a row
        ("LinearRegressor cd C squared f4", 4),
    ],
)
def test_a_linear_fit_does_not_copy_its_table(arguments: str, bytes_a_number: int) -> None:
    """The peak over the input is at most 64 bytes a row, the slack, and for coordinates one transposed store."""
    growth, n_rows, numbers = peak(arguments.split(), LINEAR_SCRIPT)
    allowed = LINEAR_BYTES_A_ROW * n_rows + bytes_a_number * numbers + SLACK
    for _ in range(2):
        growth = growth if growth < allowed else min(growth, peak(arguments.split(), LINEAR_SCRIPT)[0])
    print(f"{arguments}: {growth / 1e6:.1f} MB of {allowed / 1e6:.1f} MB, {growth / n_rows:.1f} bytes a row")
    assert 8 * n_rows < growth < allowed  # the scores alone are 8 bytes a row
