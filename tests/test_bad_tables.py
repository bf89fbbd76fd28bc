"""Tables that cannot be read: one sentence with the column, what it holds, and what is allowed; nothing half-built."""

import decimal
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

import curvature as cv
from curvature import _core
from curvature._schema_training import read_training

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

GOOD = np.array([1.0, 2.0, 3.0])
ALLOWED = "numbers, bool, text, dates, times and dictionaries of them are allowed"


def objects(*values: Any) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def not_utf8(text: bytes, view: bool = False) -> Any:
    """An Arrow column whose row 2 is these bytes."""
    return pa.array([b"a", b"b", text]).view(pa.string()).cast(pa.string_view() if view else pa.string())


# A column of three rows in a container, and the sentence about it.
COLUMNS: dict[str, tuple[Callable[[], Any], str]] = {
    "text and numbers": (
        lambda: objects("a", 1, "b"),
        "1 of type int in row 1 of column 'bad', whose values above are text",
    ),
    "numbers and text": (
        lambda: objects(1, 2.5, "b"),
        "'b' of type str in row 2 of column 'bad', whose values above are numbers",
    ),
    "bool and numbers": (
        lambda: objects(True, 1, 0),
        "1 of type int in row 1 .*; a column takes text, or numbers, or bool",
    ),
    "lists": (
        lambda: objects("a", [1], "b"),
        r"\[1\] of type list in row 1 of column 'bad'; a column of objects takes text",
    ),
    "dictionaries": (lambda: objects({}, "b", None), r"\{\} of type dict in row 0 of column 'bad'"),
    "decimals": (lambda: objects(decimal.Decimal("1.5"), 1, 2), r"Decimal\('1.5'\) of type decimal.Decimal in row 0"),
    "dates among objects": (lambda: objects(None, date(2020, 1, 1), None), "datetime.date.* in row 1 of column 'bad'"),
    "bytes among objects": (lambda: objects(b"a", b"b", b"c"), "b'a' of type bytes in row 0 of column 'bad'"),
    "complex among objects": (lambda: objects(1j, 1, 2), "1j of type complex in row 0"),
    "a long value": (lambda: objects("a", tuple(range(99)), "b"), "a value of type tuple in row 1"),
    "bytes": (lambda: np.array([b"a", b"b", b"c"]), r"dtype \|S1 in column 'bad': " + ALLOWED),
    "complex": (lambda: GOOD + 1j, "dtype complex128 in column 'bad': " + ALLOWED),
    "long double": (lambda: GOOD.astype(np.longdouble), "dtype (float128|longdouble) in column 'bad'"),
    "records": (lambda: np.zeros(3, dtype=[("x", "f8")]), r"dtype \[\('x', '<f8'\)\] in column 'bad'"),
    "two dimensions": (lambda: np.zeros((3, 2)), r"an array of shape \(3, 2\) in column 'bad'"),
    "a word": (lambda: "abc", r"an array of shape \(\) in column 'bad'"),
    "beyond float64": (lambda: objects(10**400, 1, 2), "a whole number in column 'bad' that is beyond float64"),
    "a type of polars' own": (
        lambda: pl.DataFrame({"bad": pl.Series([1, 2, 3], dtype=pl.Int128)}),
        "Arrow's type '_pli128' in column 'bad'",
    ),
    "no dimension": (lambda: 3.0, r"an array of shape \(\) in column 'bad'"),
    "ragged lists": (lambda: [[1], [1, 2], [3]], r"(list in row 0 of column 'bad'|in column 'bad' what is no column)"),
    "months as a span": (
        lambda: np.array([1, 2, 3], "m8[M]"),
        r"dtype timedelta64\[M\] in column 'bad': units of a fixed",
    ),
    "a category of dates": (
        lambda: pd.DataFrame({"bad": pd.Categorical([date(2020, 1, 1)] * 3)}),
        "row 0 of the levels of column 'bad'",
    ),
    "intervals": (lambda: pd.DataFrame({"bad": pd.cut(GOOD, 2)}), "Interval.* in row 0 of the levels of column 'bad'"),
    "mixed levels": (
        lambda: pd.DataFrame({"bad": pd.Categorical(objects("a", 1, "a"))}),
        "of the levels of column 'bad'.* not a mixture",
    ),
    "periods": (
        lambda: pd.DataFrame({"bad": pd.period_range("2020", periods=3, freq="M")}),
        r"dtype period\[M\] in column 'bad'",
    ),
    "lists in Arrow": (lambda: pa.table({"bad": [[1], [2], [3]]}), "Arrow's type list in column 'bad': " + ALLOWED),
    "structs in Arrow": (lambda: pa.table({"bad": [{"x": 1}] * 3}), "Arrow's type struct in column 'bad'"),
    "lists in polars": (lambda: pl.DataFrame({"bad": [[1], [2], [3]]}), "Arrow's type large_list in column 'bad'"),
    "lists in pandas": (
        lambda: pd.DataFrame({"bad": pd.Series([[1], [2], [3]], dtype=pd.ArrowDtype(pa.list_(pa.int8())))}),
        "Arrow's type list in column 'bad'",
    ),
    "decimals in Arrow": (
        lambda: pa.table({"bad": [decimal.Decimal("1.5")] * 3}),
        "Arrow's type decimal128 in column 'bad'",
    ),
    "binary in Arrow": (lambda: pa.table({"bad": [b"a"] * 3}), "Arrow's type binary in column 'bad'"),
    "binary views": (
        lambda: pa.table({"bad": pa.array([b"a"] * 3, pa.binary_view())}),
        "Arrow's type binary_view in column 'bad'",
    ),
    "run ends": (
        lambda: pa.table({"bad": pa.RunEndEncodedArray.from_arrays([3], [1])}),
        "Arrow's type run_end_encoded in column 'bad'",
    ),
    "levels of lists": (
        lambda: pa.table({"bad": pa.DictionaryArray.from_arrays([0, 0, 0], pa.array([[1]]))}),
        "Arrow's type list in the levels of column 'bad'",
    ),
    "no UTF-8": (
        lambda: pa.table({"bad": not_utf8(b"\xff")}),
        "text that is no UTF-8 in row 2 of column 'bad'; text must be",
    ),
    "half a character": (
        lambda: pa.table({"bad": not_utf8(b"x\xc3", True)}),
        "text that is no UTF-8 in row 2 of column 'bad'",
    ),
    "a lone surrogate": (lambda: pa.table({"bad": not_utf8(b"\xed\xa0\x80")}), "text that is no UTF-8 in row 2"),
    "orders that differ": (
        lambda: pa.table(
            {
                "bad": pa.chunked_array(
                    [
                        pa.DictionaryArray.from_arrays([0, 1], ["a", "b"], ordered=True),
                        pa.DictionaryArray.from_arrays([0], ["b", "a"], ordered=True),
                    ]
                )
            }
        ),
        "text in column 'bad' that is ordered, with chunks in which levels differ or stand in another order",
    ),
}


@pytest.mark.parametrize(("make", "message"), COLUMNS.values(), ids=COLUMNS)
def test_a_bad_column_is_named(make: Callable[[], Any], message: str) -> None:
    """By fit, which leaves the estimator as it was, and by predict."""
    given = make()
    X = given if hasattr(given, "columns") else {"bad": given, "good": GOOD}
    est = cv.BoostedTreesRegressor(n_estimators=1, min_child_samples=1)
    with pytest.raises(ValueError, match=f"X has .*{message}") as caught:
        est.fit(X, GOOD)
    assert "\n" not in str(caught.value) and not hasattr(est, "model_") and not hasattr(est, "n_features_in_")
    with pytest.raises(ValueError, match="X has "):
        fitted = est.fit({"bad": GOOD, "good": GOOD} if isinstance(X, dict) else {"bad": GOOD}, GOOD)
        fitted.model_.predict(X)


TABLES: dict[str, tuple[Any, str]] = {
    "no rows, pandas": (pd.DataFrame({"a": []}), r"X has 0 sample\(s\) in 1 columns"),
    "no rows, polars": (pl.DataFrame({"a": []}), r"X has 0 sample\(s\) in 1 columns"),
    "no rows, Arrow": (pa.table({"a": pa.array([], pa.int8())}), r"X has 0 sample\(s\) in 1 columns"),
    "no rows, dict": ({"a": []}, r"X has 0 sample\(s\)"),
    "no rows, structured": (np.zeros(0, dtype=[("a", "f8")]), r"X has 0 sample\(s\)"),
    "no columns, pandas": (pd.DataFrame(index=range(3)), r"X has 0 feature\(s\) and 3 rows"),
    "no columns, polars": (pl.DataFrame(), r"X has 0 feature\(s\)"),
    "no columns, dict": ({}, r"X has 0 feature\(s\)"),
    "names twice, pandas": (
        pd.DataFrame(np.eye(3), columns=["a", "b", "a"]),
        "X has 2 columns of the name 'a': names must",
    ),
    "names twice, Arrow": (pa.table([GOOD, GOOD], ["a", "a"]), "X has 2 columns of the name 'a'"),
    "columns of other lengths": ({"a": GOOD, "b": [1, 2]}, "X has 2 rows in column 'b' and 3 in column 'a'"),
    "names that are no text": (
        {"a": GOOD, 3: GOOD},
        "X is a dictionary with the name 3: names of columns must be text",
    ),
    "an Arrow column": (pa.array([1, 2, 3]), "X must have 2 dimensions .* got an Arrow array of type int64"),
    "a polars column": (pl.Series([1, 2, 3]), "X must have 2 dimensions .* got an Arrow array of type int64"),
    "null rows": (pa.array([{"a": 1}, None, {"a": 2}]), "X has a null for the whole row 1"),
    "a structured matrix": (np.zeros((3, 2), dtype=[("a", "f8")]), r"X is a structured array of shape \(3, 2\)"),
}


@pytest.mark.parametrize(("X", "message"), TABLES.values(), ids=TABLES)
def test_a_bad_table_is_refused(X: Any, message: str) -> None:
    for read in (lambda: cv.BoostedTreesRegressor(n_estimators=1).fit(X, GOOD), lambda: read_training(X)):
        with pytest.raises(ValueError, match=f"^{message}"):
            read()


LISTS: dict[str, tuple[Any, str]] = {
    "a word": ("all", "categorical_features='all' must be 'auto', None, names of columns, their indices, or a mask"),
    "a number": (3, "categorical_features=3 must be"),
    "names and indices": (["a", 1], r"categorical_features=\['a', 1\] must be"),
    "bool and indices": ([True, 1], r"categorical_features=\[True, 1\] must be"),
    "floats": ([1.0], r"categorical_features=\[1.0\] must be"),
    "an unknown name": (["z"], "categorical_features has 'z', which is no column of X: it has \\['a', 'b', 't'\\]"),
    "a large index": ([3], "categorical_features has 3: X has columns 0 to 2"),
    "a negative index": ([-1], "categorical_features has -1: X has columns 0 to 2"),
    "a short mask": ([True, False], r"categorical_features=\[True, False\] is a mask of 2 values: X has 3 columns"),
    "halves": (["a"], "X has 1.5 in row 1 of column 'a'; a category takes whole numbers of at most 64 bits only"),
    "huge numbers": (["b"], "X has 1e\\+30 in row 2 of column 'b'; a category takes whole numbers"),
    "times": (["t"], "categorical_features has column 't', which holds times: text, bool, whole numbers"),
}


@pytest.mark.parametrize(("given", "message"), LISTS.values(), ids=LISTS)
def test_a_bad_list_of_categories_is_refused(given: Any, message: str) -> None:
    X = pd.DataFrame({"a": [1, 1.5, 2], "b": [1, 2, 1e30], "t": pd.date_range("2020", periods=3)})
    with pytest.raises(ValueError, match=f"^{message}"):
        cv.BoostedTreesRegressor(n_estimators=1, categorical_features=given).fit(X, GOOD)


def test_a_list_of_names_needs_names() -> None:
    with pytest.raises(ValueError, match="categorical_features has 'a': X has no names of columns; give indices"):
        cv.BoostedTreesRegressor(categorical_features=["a"]).fit(np.eye(3), GOOD)
    for value in ("fail", None, 3):
        with pytest.raises(ValueError, match=f"^unknown={value!r} must be 'missing', 'error' or 'other'"):
            cv.BoostedTreesRegressor(unknown=value).fit(np.eye(3), GOOD)


def test_unsigned_integers_beyond_63_bits_are_no_levels() -> None:
    with pytest.raises(ValueError, match="X has 18446744073709551615 in row 1 of column 'a'"):
        read_training({"a": np.array([1, 2**64 - 1], dtype=np.uint64)}, None, ["a"])


def test_rows_of_the_target_are_counted() -> None:
    """In scikit-learn's words, frames as arrays."""
    frame = pd.DataFrame({"a": GOOD})
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[3, 2\]"):
        cv.BoostedTreesRegressor().fit(frame, GOOD[:2])
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(2,\), expected \(3,\)"):
        cv.BoostedTreesRegressor().fit(frame, GOOD, sample_weight=GOOD[:2])
    with pytest.raises(ValueError, match="the target y is None"):
        cv.BoostedTreesRegressor().fit(frame, None)
    with pytest.raises(ValueError, match="y contains NaN"):
        cv.BoostedTreesClassifier().fit(frame, [1.0, np.nan, 0.0])


def test_levels_that_are_not_whole_are_numbers_or_refused() -> None:
    X = pd.DataFrame({"a": pd.Categorical([1.5, 2.0, 1.5])})
    with pytest.raises(
        ValueError, match="^X has the level 1.5 in column 'a', a category: text, whole numbers and bool"
    ):
        read_training(X)
    assert read_training(X, None, None)[1].column(0).tolist() == [1.5, 2.0, 1.5]


OFFSETS = np.array([0, 1, 3], dtype=np.int32)
VIEW = np.array([13, 0, 0, 0], dtype=np.int32)  # 13 bytes from the start of run 0


def two_views(*change: int) -> np.ndarray:
    return np.append(VIEW, VIEW + np.array(change, dtype=np.int32))


@pytest.mark.parametrize(
    ("layout", "index", "runs"),
    [
        ("offsets32", OFFSETS, [b"ab"]),
        ("offsets32", -OFFSETS, [b"abc"]),
        ("offsets32", OFFSETS[::-1], [b"abc"]),
        ("offsets32", OFFSETS[:2], [b"abc"]),
        ("offsets32", OFFSETS, []),
        ("offsets64", OFFSETS.astype(np.int64) * 2**61, [b"abc"]),
        ("views", two_views(0, 0, 0, 0), [b"abc"]),
        ("views", two_views(0, 0, 0, 0), []),
        ("views", two_views(0, 0, -1, 0), [b"a" * 13]),
        ("views", two_views(0, 0, 0, -1), [b"a" * 13]),
        ("views", two_views(-20, 0, 0, 0), [b"a" * 13]),
        ("views", VIEW, [b"a" * 13]),
    ],
)
def test_text_outside_its_memory_is_refused(layout: str, index: np.ndarray, runs: list[bytes]) -> None:
    """Offsets and views are held against the memory that came with them."""
    buffers = [np.frombuffer(run, np.uint8) for run in runs]
    with pytest.raises(ValueError, match="X has text .*memory .* column 'a'"):
        _core.encode_text([(layout, np.ascontiguousarray(index).view(np.uint8), buffers, 2, None, 0)], "column 'a'")
    good = (VIEW.view(np.uint8), [np.frombuffer(b"a" * 13, np.uint8)], 1, None, 0)
    assert _core.encode_text([("views", *good)], "column 'a'")[1] == ["a" * 13]
