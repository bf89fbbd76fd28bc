"""Trees of sparse tables are those of the same dense tables, bit for bit, and nothing is made dense."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from tables import PLAIN, Floats
from test_memory import SLACK, peak

import curvature as cv
from curvature import _core

ARRAYS = ("tree_begin", "feature", "threshold", "left", "missing_left", "value", "gain", "cover")


@dataclass(frozen=True)
class Case:
    """A sparse table, the same as a dense one, a target, and weights or none."""

    rows: sp.csr_array
    dense: Floats
    y: Floats
    weights: Floats | None
    absent: str

    def table(self) -> Any:
        rows = self.rows
        return _core.Table.of_sparse(rows.data, rows.indices, rows.indptr, rows.shape, self.absent == "missing")


def values_of(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    """Stored values of a dtype, zeros among them, and NaN where there is one."""
    if kind in ("f4", "f8"):
        pool = [rng.normal(size=n), rng.integers(-2, 4, size=n).astype(float), np.exp(3 * rng.normal(size=n))]
        values = pool[rng.integers(len(pool))].astype(kind)
        values[rng.random(n) < 0.1] = np.nan
        values[rng.random(n) < 0.1] = rng.choice([0.0, -0.0])
        return values
    return rng.integers(0, 2, size=n).astype(kind) if kind in ("?", "u1") else rng.integers(-3, 4, size=n).astype(kind)


def random_case(seed: int, kind: str = "f8", most_rows: int = 500) -> Case:
    """Rows and columns without entries, columns that are constant, entries out of order; weights with zeros."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(1, most_rows)), int(rng.integers(1, 40))
    density = rng.choice([0.0, 0.02, 0.1, 0.5, 1.0], size=p, p=[0.1, 0.3, 0.3, 0.2, 0.1])
    stored = rng.random((n, p)) < density
    stored[rng.random(n) < 0.1] = False
    begin = np.concatenate([[0], stored.sum(axis=1).cumsum()])
    columns = np.concatenate([np.empty(0, dtype=int), *(rng.permutation(np.flatnonzero(row)) for row in stored)])
    values = values_of(rng, kind, len(columns))
    if rng.random() < 0.3:
        values[columns == 0] = 1
    wide = rng.choice([np.int32, np.int64])
    rows = sp.csr_array((values, columns.astype(wide), begin.astype(wide)), shape=(n, p))
    absent = str(rng.choice(["zero", "missing"]))
    dense = np.full((n, p), np.nan if absent == "missing" else 0.0)
    dense[np.repeat(np.arange(n), np.diff(begin)), columns] = values
    y = np.nan_to_num(dense, nan=-1.0).clip(-9, 9) @ rng.normal(size=p) + rng.normal(size=n)
    weights = rng.choice([0.0, 1.0, 0.3, 2.7], size=n) if rng.random() < 0.5 else None
    if weights is not None:
        weights[rng.integers(n)] = 1.0
    return Case(rows, dense, y, weights, absent)


def trees_of(table: Any, case: Case, loss: str = "squared", **changes: Any) -> Any:
    y = case.y if loss == "squared" else (case.y > np.median(case.y)).astype(float)
    return _core.boost_fit(table, [y], case.weights, _core.named_loss(loss, {}), PLAIN | changes)[1]


def assert_same_trees(a: Any, b: Any) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(a.arrays()[name], b.arrays()[name], err_msg=name)


@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["f8", "f4", "i8", "i4", "i2", "u1", "?"]),
    loss=st.sampled_from(["squared", "logistic"]),
    min_child_samples=st.sampled_from([0.0, 1.0, 2.5, 20.0]),
    max_bins=st.sampled_from([2, 5, 255, 1000]),
    colsample_bynode=st.sampled_from([0.5, 1.0]),
    max_leaves=st.integers(2, 30),
    reg_alpha=st.sampled_from([0.0, 0.1]),
)
@settings(max_examples=150, deadline=None)
def test_trees_are_those_of_the_dense_table(seed: int, kind: str, loss: str, **params: Any) -> None:
    """Bit for bit, with one thread and with three, and so are scores and leaves."""
    case = random_case(seed, kind)
    expected = trees_of(_core.Table(case.dense), case, loss, n_estimators=3, **params)
    for n_jobs in (1, 3):
        assert_same_trees(trees_of(case.table(), case, loss, n_estimators=3, n_jobs=n_jobs, **params), expected)
    scores = [np.zeros((len(case.y), 1)) for _ in range(2)]
    expected.add_scores(case.table(), 0, 3, scores[0], 2)
    expected.add_scores(_core.Table(case.dense), 0, 3, scores[1], 1)
    np.testing.assert_array_equal(*scores)
    np.testing.assert_array_equal(expected.apply(case.table(), 2), expected.apply(_core.Table(case.dense), 1))


def test_some_of_the_random_trees_split() -> None:
    """So that the test above compares something: many nodes, on many columns, of both kinds of absence."""
    cases = [random_case(seed) for seed in range(40)]
    features = [trees_of(case.table(), case, max_leaves=8).arrays()["feature"] for case in cases]
    for absent in ("zero", "missing"):
        own = [found for found, case in zip(features, cases, strict=True) if case.absent == absent]
        assert np.mean([len(found) > 9 for found in own]) > 0.5
        assert np.mean([len(set(found)) > 3 for found in own]) > 0.4


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("absent", ["zero", "missing"])
def test_large_tables_have_the_dense_cuts(absent: str, weighted: bool) -> None:
    """Beyond 200,000 rows cuts come from a sample, the same one; a team shares the work."""
    rng = np.random.default_rng(3)
    n, p = 230_000, 6
    rows = sp.random_array((n, p), density=0.2, format="csr", rng=rng)
    dense = np.full((n, p), np.nan if absent == "missing" else 0.0)
    dense[rows.nonzero()] = rows.data
    y = np.nan_to_num(dense) @ rng.normal(size=p) + rng.normal(size=n)
    case = Case(rows, dense, y, rng.choice([0.0, 0.1, 1.3], size=n) if weighted else None, absent)
    for ours, theirs in zip(
        _core.cuts(case.table(), case.weights, 50, 2), _core.cuts(_core.Table(dense), case.weights, 50, 2), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    params = {"n_estimators": 2, "max_leaves": 20, "min_child_samples": 20, "max_bins": 50}
    expected = trees_of(_core.Table(dense), case, **params)
    assert len(expected.arrays()["feature"]) == 2 * 39
    for n_jobs in (1, 2):
        assert_same_trees(trees_of(case.table(), case, n_jobs=n_jobs, **params), expected)


@pytest.mark.filterwarnings("ignore:min_child_samples")  # the smallest tables cannot be split
@given(seed=st.integers(0, 2**32), estimator=st.sampled_from([cv.BoostedTreesRegressor, cv.BoostedTreesClassifier]))
@settings(max_examples=25, deadline=None)
def test_estimators_write_the_same_file(seed: int, estimator: type) -> None:
    """CSR, CSC, COO, LIL, matrices and arrays: the bytes of the dense fit; sparse and dense predictions are equal."""
    case = random_case(seed, most_rows=120)
    y = case.y if estimator is cv.BoostedTreesRegressor else np.digitize(case.y, np.quantile(case.y, [0.3, 0.6]))
    if len(np.unique(y if case.weights is None else y[case.weights > 0])) < 2:
        return
    params = {"n_estimators": 3, "min_child_samples": 2, "absent": case.absent}
    expected = estimator(**params).fit(case.dense, y, case.weights)
    coo = case.rows.tocoo()
    for X in (case.rows, case.rows.tocsc(), coo, sp.csr_matrix(case.rows), sp.csc_matrix(case.rows), coo.tolil()):
        if case.absent == "missing" and X.format == "lil":
            continue  # does not keep stored zeros
        est = estimator(**params).fit(X, y, case.weights)
        assert est.model_.to_bytes() == expected.model_.to_bytes()
    np.testing.assert_array_equal(est.predict(case.rows), est.predict(case.dense))
    loaded = type(est.model_).from_bytes(est.model_.to_bytes())
    np.testing.assert_array_equal(loaded.decision_function(case.rows.tocsc()), loaded.decision_function(case.dense))
    np.testing.assert_array_equal(
        estimator.from_model(loaded).apply(case.rows), expected.apply(case.dense), err_msg="absent is in the file"
    )


def test_entries_stored_twice_are_added_up_on_a_copy() -> None:
    """Unsorted ones too, and the user's arrays stay as they were."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, 6, size=(2, 400))
    at[0] += 6 * rng.integers(0, 10, size=400)
    begin = np.bincount(at[0] + 1, minlength=61).cumsum()
    order = np.argsort(at[0], kind="stable")
    X = sp.csr_array((rng.normal(size=400), at[1][order], begin), shape=(60, 6))
    before = [array.copy() for array in (X.data, X.indices, X.indptr)]
    dense = X.toarray()
    y = dense @ rng.normal(size=6)
    params = {"n_estimators": 5, "min_child_samples": 3}
    ours, theirs = (cv.BoostedTreesRegressor(**params).fit(table, y) for table in (X, dense))
    assert ours.model_.to_bytes() == theirs.model_.to_bytes()
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(dense))
    for array, old in zip((X.data, X.indices, X.indptr), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_what_is_absent_is_a_part_of_the_model() -> None:
    """A column that is stored or not: with absent="missing" there is nothing between a stored 0 and a stored 1."""
    stored = np.arange(300) % 3
    X = sp.csr_array((np.where(stored == 1, 0.0, 1.0)[stored > 0], (np.flatnonzero(stored), np.zeros(200, dtype=int))))
    y = stored.astype(float)
    missing, zero = (
        cv.BoostedTreesRegressor(n_estimators=200, learning_rate=0.3, absent=absent).fit(X, y)
        for absent in ("missing", "zero")
    )
    np.testing.assert_allclose(missing.predict(X[:3]), [0, 1, 2], atol=0.01)
    np.testing.assert_allclose(zero.predict(X[:3]), [0.5, 0.5, 2], atol=0.01)
    np.testing.assert_allclose(missing.model_.predict([[np.nan], [0.0], [1.0]]), [0, 1, 2], atol=0.01)
    assert cv.BoostedTreesRegressor.from_model(missing.model_).absent == "missing"


BEGIN, COLUMNS = [0, 2, 3], [0, 2, 1]
BAD_ROWS = {
    "a column too far": ([0, 3, 1], BEGIN, "entry in column 3 of row 0; it has 3 columns"),
    "a negative column": ([0, 2, -1], BEGIN, "entry in column -1 of row 1"),
    "rows that go back": (COLUMNS, [0, 4, 3], "row 1 begins at entry 4"),
    "rows in disorder": (COLUMNS, [0, -1, 3], "row 1 begins at entry -1"),
    "rows past the end": (COLUMNS, [0, 2, 4], "row 2 begins at entry 4"),
    "a row too many": (COLUMNS, [0, 2, 3, 3], "4 beginnings of sparse rows; 2 rows need one more"),
    "a late start": (COLUMNS, [1, 2, 3], "row 0 begins at entry 1"),
}


@pytest.mark.parametrize("wide", [np.int32, np.int64])
@pytest.mark.parametrize(("columns", "begin", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_rows_outside_the_table_are_refused(columns: list[int], begin: list[int], message: str, wide: type) -> None:
    """Before anything is read: in the core, and by the estimators through a matrix that scipy did not check."""
    arrays = np.ones(3), np.array(columns, dtype=wide), np.array(begin, dtype=wide)
    with pytest.raises(ValueError, match=message):
        _core.Table.of_sparse(*arrays, (2, 3))
    with pytest.raises(ValueError, match=message):
        _core.repeats_columns(*arrays[1:], (2, 3))
    X = sp.csr_array((2, 3))
    X.data, X.indices, X.indptr = arrays
    model = cv.BoostedTreesRegressor(n_estimators=1).fit(np.eye(50, 3), np.arange(50.0)).model_
    with pytest.raises(ValueError, match=message):
        model.predict(X)


def test_what_sparse_tables_cannot_hold_is_refused() -> None:
    """Repeated columns in the core, other dtypes, other numbers of columns, one dimension."""
    columns, begin = np.array([1, 1]), np.array([0, 2])
    with pytest.raises(ValueError, match="a column that a sparse row names twice"):
        _core.Table.of_sparse(np.ones(2), columns, begin, (1, 3))
    with pytest.raises(ValueError, match="sparse columns of dtype uint32; int32 and int64"):
        _core.Table.of_sparse(np.ones(2), columns.astype(np.uint32), begin, (1, 3))
    model = cv.BoostedTreesRegressor(n_estimators=1).fit(np.eye(50, 3), np.arange(50.0)).model_
    with pytest.raises(ValueError, match="X has 4 features, but the model was trained with 3"):
        model.predict(sp.csr_array((2, 4)))
    with pytest.raises(ValueError, match="X has dtype complex128"):
        model.predict(sp.csr_array((2, 3), dtype=complex))
    with pytest.raises(ValueError, match="2 dimensions"):
        model.predict(sp.coo_array([1.0, 0.0, 2.0]))
    with pytest.raises(NotFittedError):
        cv.BoostedTreesRegressor().predict(sp.csr_array((2, 3)))


# As in test_memory: a fit on few rows before, then the peak of the resident memory during one on all.
SCRIPT = """
import numpy as np
import scipy.sparse as sp
import curvature as cv

def memory(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return 1024 * int(line.split()[1])

n_rows, n_columns, k = 20_000, 100_000, 20
rng = np.random.default_rng(0)
columns = (n_columns * rng.random((n_rows, k)) ** 4).astype(np.int64)  # few columns are frequent, most are rare
X = sp.csr_array((np.ones(n_rows * k), columns.ravel(), np.arange(0, n_rows * k + 1, k)), shape=(n_rows, n_columns))
X.sum_duplicates()
y = np.asarray(X[:, [0]].todense()).ravel() + rng.normal(size=n_rows)
cv.BoostedTreesRegressor(n_estimators=1, n_jobs=2).fit(X[:2000], y[:2000])
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
est = cv.BoostedTreesRegressor(n_estimators=5, n_jobs=2, colsample_bynode=1.0).fit(X, y)
est.predict(X)
print(memory("VmHWM") - before, X.nnz, (est.model_.forest.arrays()["feature"] >= 0).sum())
"""


def test_nothing_is_made_dense() -> None:
    """20,000 x 100,000 with 20 entries a row: 2 GB as bytes; a fit takes what its entries, rows and columns take."""
    growth, n_stored, n_splits = peak([], SCRIPT)
    allowed = 26 * n_stored + 40 * 20_000 + 150 * 100_000 + SLACK  # 10 bytes an entry stay, 16 while cuts are made
    print(f"{growth / 1e6:.1f} MB of {allowed / 1e6:.1f} MB")
    assert n_splits == 5 * 15
    assert 10 * n_stored < growth < allowed
