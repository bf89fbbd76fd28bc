"""The same table in any container gives the same numbers, codes, model and file."""

import gc
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import curvature as cv
from curvature import _core
from curvature._schema_file import pack_schema
from curvature._schema_training import read_training

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

from containers import containers  # noqa: E402

VALUES = {
    "count": (pa.int64(), st.integers(-5, 5)),
    "small": (pa.int8(), st.integers(-128, 127)),
    "size": (pa.float64(), st.floats(allow_nan=False)),
    "yes": (pa.bool_(), st.booleans()),
    "größe": (pa.string(), st.text(max_size=14).filter(lambda text: "\0" not in text)),
    "when": (pa.timestamp("us"), st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))),
}


@st.composite
def tables(draw: Any, least: int = 1, most: int = 30) -> Any:
    n = draw(st.integers(least, most))
    columns = {
        name: pa.array(draw(st.lists(st.one_of(st.none(), values), min_size=n, max_size=n)), kind)
        for name, (kind, values) in VALUES.items()
    }
    return pa.table(columns)


def read(X: Any, **options: Any) -> tuple[Any, list[np.ndarray]]:
    schema, table = read_training(X, **options)
    return schema, [table.column(at) for at in range(table.n_columns)]


def seconds(moment: datetime | None) -> float:
    since = None if moment is None else moment - datetime(1970, 1, 1)
    return np.nan if since is None else since.days * 86400.0 + since.seconds + since.microseconds / 1e6


@settings(max_examples=30, deadline=None)
@given(tables())
def test_every_container_gives_the_same_columns_and_schema(table: Any) -> None:
    """And what the values say: numbers as they are, times in seconds, levels by their place in sorted order."""
    rows = {name: table[name].to_pylist() for name in table.column_names}
    expected = {
        name: [np.nan if value is None else float(value) for value in rows[name]] for name in ("small", "size", "yes")
    }
    expected["when"] = [seconds(value) for value in rows["when"]]
    for name in ("count", "größe"):
        levels = sorted({value for value in rows[name] if value is not None})
        expected[name] = [np.nan if value is None else 1.0 + levels.index(value) for value in rows[name]]
    first = None
    for container, X in containers(table).items():
        schema, columns = read(X, categorical_features=["count", "größe"])
        for name, column in zip(table.column_names, columns, strict=True):
            assert_array_equal(column, expected[name], err_msg=f"{container}: {name}")
        again = schema.table(X)
        assert_array_equal([again.column(at) for at in range(6)], columns, err_msg=container)
        if len(table) == table["yes"].null_count or len(table) == table["größe"].null_count:
            continue  # without a value, some containers cannot say what it would have been
        packed = {name: tensor.tobytes() for name, tensor in pack_schema(schema).items()}
        first = first or packed
        assert packed == first, container


def adults(n: int = 400) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(0)
    hidden = {name: rng.random(n) < 0.1 for name in VALUES}
    columns = {
        "count": (pa.int64(), rng.integers(-3, 4, n)),
        "small": (pa.int8(), rng.integers(-100, 100, n)),
        "size": (pa.float64(), rng.normal(size=n)),
        "yes": (pa.bool_(), rng.random(n) < 0.5),
        "größe": (pa.string(), rng.choice(["klein", "groß", "außerordentlich groß", ""], n)),
        "when": (pa.timestamp("us"), rng.integers(0, 10**15, n).astype("M8[us]")),
    }
    table = {name: pa.array(values, kind, mask=hidden[name]) for name, (kind, values) in columns.items()}
    y = columns["size"][1] + (columns["count"][1] % 3 == 0) + 2 * (columns["größe"][1] == "klein")
    return pa.table(table), y


def test_every_container_gives_the_same_model_file() -> None:
    """Fitted from any and asked through any, without a warning and without scikit-learn's help."""
    table, y = adults()
    every = containers(table)
    fits = {name: cv.BoostedTreesRegressor(n_estimators=5, max_leaves=6).fit(X, y) for name, X in every.items()}
    expected = fits["arrow"].model_.to_bytes()
    answers = fits["arrow"].predict(table)
    model = cv.Model.from_bytes(expected)
    assert np.std(answers) > 0.1 and list(model.feature_names) == list(VALUES)
    for name, est in fits.items():
        assert est.model_.to_bytes() == expected, name
        assert list(est.feature_names_in_) == list(VALUES)
        assert_array_equal(fits["arrow"].predict(every[name]), answers, err_msg=name)
        assert_array_equal(model.predict(every[name]), answers, err_msg=name)
        assert_array_equal(model.predict(containers(table[7:9])[name]), answers[7:9], err_msg=name)


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?", ">i4", ">f8"])
def test_numbers_of_every_width(kind: str) -> None:
    """From arrays, strided ones, frames and Arrow: the same float64."""
    values = np.array([0, 1, 100, 7, 3, 0, 1, 0, 1], dtype=kind)
    native = values.astype(values.dtype.newbyteorder("="))
    frames: list[Any] = [
        {"a": values}, {"a": np.repeat(values, 3)[::3]}, {"a": values[::-1].copy()[::-1]}, pd.DataFrame({"a": native}),
        pl.DataFrame({"a": native}), pa.table({"a": native}), pa.table({"a": np.append(native, native)})[len(native) :],
    ]  # fmt: skip
    for X in frames:
        assert_array_equal(read(X)[1][0], values.astype(np.float64))
    if values.dtype.kind in "iu":
        large = np.array([np.iinfo(native.dtype).min, np.iinfo(native.dtype).max], dtype=native.dtype)
        for X in ({"a": large}, pl.DataFrame({"a": large}), pd.DataFrame({"a": pd.array(large)})):
            assert_array_equal(read(X)[1][0], large.astype(np.float64))


MOMENT = datetime(2024, 2, 29, 12, 30, 15)
TIMES: dict[str, tuple[Any, float]] = {
    **{f"NumPy {u}": ({"t": np.array([MOMENT, None], f"M8[{u}]")}, 1709209815.0) for u in ("s", "ms", "ns")},
    "minutes": ({"t": np.array([MOMENT, None], dtype="M8[m]")}, 1709209800.0),
    "days": ({"t": np.array([MOMENT, None], dtype="M8[D]")}, 1709164800.0),
    "months": ({"t": np.array([MOMENT, None], dtype="M8[M]")}, 1706745600.0),
    "25 hours": ({"t": np.array([5, "NaT"], dtype="m8[25h]")}, 450_000.0),
    **{
        f"Arrow {kind}": (pa.table({"t": pa.array([value, None], kind)}), expected)
        for kind, value, expected in [
            *[(pa.timestamp(unit), MOMENT, 1709209815.0) for unit in ("s", "ms", "us", "ns")],
            (pa.timestamp("ms", "Asia/Tokyo"), MOMENT.replace(tzinfo=UTC), 1709209815.0),
            (pa.date32(), date(1969, 12, 31), -86400.0),
            (pa.date64(), date(2024, 2, 29), 1709164800.0),
            *[(pa.duration(unit), timedelta(seconds=-3), -3.0) for unit in ("s", "ms", "us", "ns")],
            (pa.time32("ms"), time(1, 0, 0, 500_000), 3600.5),
            (pa.time64("ns"), time(0, 0, 1), 1.0),
        ]
    },
    "pandas": (pd.DataFrame({"t": pd.Series([MOMENT, None], dtype="M8[ns]")}), 1709209815.0),
    "pandas with a zone": (
        pd.DataFrame({"t": pd.Series([MOMENT, None]).dt.tz_localize("Europe/Berlin")}), 1709209815.0 - 3600,
    ),
    "pandas timedelta": (pd.DataFrame({"t": pd.Series([timedelta(days=2), None])}), 172800.0),
    "polars": (pl.DataFrame({"t": [MOMENT, None]}), 1709209815.0),
    "polars date": (pl.DataFrame({"t": [date(1970, 1, 2), None]}), 86400.0),
}  # fmt: skip


@pytest.mark.parametrize(("X", "expected"), TIMES.values(), ids=TIMES)
def test_times_are_seconds_since_1970(X: Any, expected: float) -> None:
    """In universal time, whatever the unit."""
    schema, (column,) = read(X)
    assert_array_equal(column, [expected, np.nan])
    assert schema.features[0].kind == "time"


def dictionary(codes: list[Any], levels: list[Any], ordered: bool) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(levels), ordered=ordered)


def test_ordered_dictionaries_are_ranks() -> None:
    """Of all declared levels, in the declared order, those without a row too; read back by value."""
    levels = ["low", "mid", "high"]
    frames = {
        "pandas": pd.DataFrame({"a": pd.Categorical(["high", None, "low"], levels, ordered=True)}),
        "arrow": pa.table({"a": dictionary([2, None, 0], levels, True)}),
        "polars": pl.DataFrame({"a": pl.Series(["high", None, "low"], dtype=pl.Enum(levels))}),
    }
    for X in frames.values():
        schema, (column,) = read(X)
        assert_array_equal(column, [2.0, np.nan, 0.0])
        assert schema.features[0].kind == "ordered" and schema.features[0].levels == levels
        for other in [*frames.values(), {"a": ["high", None, "low"]}]:
            assert_array_equal(schema.table(other).column(0), column)
        assert read(X, categorical_features=["a"])[0].features[0].levels == ["high", "low"]
    chunks = pa.chunked_array([dictionary([1, 0], levels, True), dictionary([1, None], levels[1:], True)])
    assert_array_equal(read(pa.table({"a": chunks}))[1][0], [1.0, 0.0, 2.0, np.nan])


def test_dictionaries_of_numbers_and_bool() -> None:
    """Integers are levels, or their numbers where they are not listed; bool is bool."""
    frames = [
        pd.DataFrame({"a": pd.Categorical([30, None, 10, 30])}),
        pa.table({"a": dictionary([1, None, 0, 1], [10, 30], False)}),
    ]
    for X in frames:
        assert_array_equal(read(X)[1][0], [2.0, np.nan, 1.0, 2.0])
        assert_array_equal(read(X, categorical_features=None)[1][0], [30.0, np.nan, 10.0, 30.0])
        assert read(X)[0].features[0].levels == [10, 30]
    for X in (
        pd.DataFrame({"a": pd.Categorical([True, None, False])}),
        pa.table({"a": dictionary([1, None, 0], [False, True], False)}),
    ):
        schema, (column,) = read(X)
        assert_array_equal(column, [1.0, np.nan, 0.0])
        assert schema.features[0].kind == "boolean"


@pytest.mark.parametrize("n_levels", [255, 256, 65_535, 65_536])
def test_codes_grow_as_levels_appear(n_levels: int) -> None:
    """From one byte to two to four, with every row right."""
    values = np.concatenate([np.arange(n_levels), np.arange(n_levels)[::-1]])
    words = [f"w{value:06}" for value in values]
    for X, found in (
        ({"a": np.array(words)}, words),
        (pa.table({"a": words}), words),
        ({"a": values}, values.tolist()),
    ):
        schema, (column,) = read(X, categorical_features=["a"])
        levels = schema.features[0].levels
        known = {level: float(code) for code, level in enumerate(levels, 1)}
        infrequent = [word for word in found if word not in known]
        assert len(infrequent) == 2 * max(n_levels - 65_534, 0)
        assert_array_equal(column, [known.get(word, 65_535.0) for word in found])


def test_integers_beyond_2_to_53_are_levels_of_their_own() -> None:
    """Ids of 64 bits are not rounded."""
    ids = np.array([2**62, 2**62 + 1, 2**62, -(2**63)], dtype=np.int64)
    for X in ({"a": ids}, pl.DataFrame({"a": ids}), pd.DataFrame({"a": pd.array(ids, "Int64")})):
        schema, (column,) = read(X, categorical_features=["a"])
        assert schema.features[0].levels == [-(2**63), 2**62, 2**62 + 1]
        assert_array_equal(column, [2, 3, 2, 1])


def test_dictionaries_of_series_and_masked_arrays() -> None:
    """Values of any library, each through its own arrays."""
    columns = {
        "series": pd.Series([1, None, 3], dtype="Int64"),
        "array": pd.array([True, None, False]),
        "categorical": pd.Categorical(["u", None, "t"]),
        "polars": pl.Series(["x", None, "y"]),
        "arrow": pa.array([1.5, None, 2.5]),
        "masked": np.ma.array([7, 8, 9], mask=[0, 1, 0]),
        "masked text": np.ma.array(["x", "y", "z"], mask=[0, 1, 0]),
        "tuple": (1, np.nan, 3),
    }
    nan = np.nan
    expected = [
        [1, nan, 3],
        [1, nan, 0],
        [2, nan, 1],
        [1, nan, 2],
        [1.5, nan, 2.5],
        [7, nan, 9],
        [1, nan, 2],
        [1, nan, 3],
    ]
    assert_array_equal(read(columns)[1], expected)


def test_what_is_read_is_kept_alive() -> None:
    """A table outlives the frame that it was read from."""
    n = 50_000
    values = np.arange(n) % 97
    made = [
        pl.DataFrame({"a": values, "b": [f"{v}" for v in values]}),
        pa.table({"a": values, "b": [f"{v}" for v in values]}),
    ]
    read_tables = [read_training(X)[1] for X in made]
    del made
    gc.collect()
    [np.full(n, -1.0) for _ in range(20)]
    for table in read_tables:
        assert_array_equal(table.column(0), values)


def test_columns_of_plain_numbers_are_not_copied() -> None:
    """Reading a gigabyte of columns of numbers takes no memory and no time."""
    values = np.zeros(10_000_000)
    table = read_training({f"c{at}": values for at in range(50)})[1]
    values[-1] = 3.0
    assert table.n_columns == 50 and table.column(49)[-1] == 3.0


def test_one_row_of_a_frame(recwarn: pytest.WarningsRecorder) -> None:
    """Of every kind, with and without a value."""
    table, y = adults()
    est = cv.BoostedTreesRegressor(n_estimators=5).fit(table, y)
    for name, X in containers(table[:1]).items():
        assert_array_equal(est.predict(X), est.predict(table)[:1], err_msg=name)
    nothing = {name: [None] for name in VALUES}
    for X in (nothing, pd.DataFrame(nothing), pl.DataFrame(nothing), pd.DataFrame({name: [np.nan] for name in VALUES})):
        assert np.isfinite(est.predict(X)).all()
    assert not recwarn.list


BLOCKED = """
    import sys
    blocked = set(sys.argv[1].split())

    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in blocked:
                raise ImportError(f"{name} is blocked")

    sys.meta_path.insert(0, Blocker())
"""


def run(script: str, *args: str) -> str:
    code = textwrap.dedent(BLOCKED) + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pandas_without_pyarrow() -> None:
    """Text, categories, nullable columns and times of pandas, where pyarrow cannot be imported."""
    out = run(
        """
        import numpy as np, pandas as pd, curvature as cv
        frame = pd.DataFrame({
            "text": ["a", "b", None] * 20, "cat": pd.Categorical(["x", "y", "x"] * 20),
            "int": pd.array([1, None, 3] * 20, "Int64"), "bool": pd.array([True, None, False] * 20, "boolean"),
            "when": pd.date_range("2020-01-01", periods=60, tz="UTC"),
            "object": np.array(["p", None, "q"] * 20, object),
        })
        est = cv.BoostedTreesRegressor(n_estimators=2).fit(frame, np.arange(60.0))
        table = est.model_.schema.table(frame[:3])
        print([table.column(at).tolist() for at in (0, 1, 2, 3, 5)], [str(d) for d in frame.dtypes[:1]])
        assert "pyarrow" not in sys.modules
        """,
        "pyarrow polars",
    )
    assert out.startswith("[[1.0, 2.0, nan], [1.0, 2.0, 1.0], [1.0, nan, 3.0], [1.0, nan, 0.0], [1.0, nan, 2.0]]")


def test_a_loaded_model_imports_no_frame_library(tmp_path: Any) -> None:
    """It predicts from arrays and from Arrow with pandas, pyarrow, polars and scikit-learn out of reach."""
    table, y = adults()
    est = cv.BoostedTreesRegressor(n_estimators=5).fit(table, y)
    est.save(tmp_path / "model")
    np.save(tmp_path / "answers.npy", est.predict(table))
    np.save(tmp_path / "X.npy", containers(table)["structured"], allow_pickle=True)
    run(
        """
        import numpy as np, curvature as cv
        model = cv.load(sys.argv[2] + "/model")
        X, answers = np.load(sys.argv[2] + "/X.npy", allow_pickle=True), np.load(sys.argv[2] + "/answers.npy")
        assert (model.predict(X) == answers).all()
        assert (model.predict({name: X[name] for name in X.dtype.names}) == answers).all()
        """,
        "pandas pyarrow polars sklearn scipy",
        str(tmp_path),
    )


def test_an_import_of_the_package_imports_no_nanoarrow() -> None:
    """It is loaded with the first Arrow table."""
    out = run(
        "import curvature, numpy; print([name for name in sys.modules if 'arrow' in name or 'pandas' in name])", ""
    )
    assert out.strip() in ("[]", "['curvature._arrow_columns', 'curvature._pandas_columns']")


def test_a_stream_is_read_once() -> None:
    """A reader of batches, which gives its rows only once, can be fitted."""
    table, y = adults()
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=50))
    est = cv.BoostedTreesRegressor(n_estimators=3).fit(reader, y)
    assert est.model_.to_bytes() == cv.BoostedTreesRegressor(n_estimators=3).fit(table, y).model_.to_bytes()


def test_a_batch_that_is_a_slice() -> None:
    """The offset of a struct array counts for its children."""
    rows = pa.array([{"a": at, "b": f"t{at % 3}"} for at in range(20)])
    for X in (rows[5:12], pa.RecordBatch.from_struct_array(rows)[5:12]):
        schema, (a, b) = read(X)
        assert_array_equal(a, np.arange(5, 12))
        assert_array_equal(b, np.arange(5, 12) % 3 + 1)


def test_arrays_are_read_as_ever() -> None:
    """An array of numbers has no schema; `categorical_features` makes categories of whole numbers."""
    X = np.random.default_rng(0).integers(0, 4, (60, 3)).astype(float)
    schema, columns = read(X)
    assert not schema.has_levels and pack_schema(schema) == {}
    assert_array_equal(columns, X.T)
    for listed in ([1], [False, True, False], np.array([1]), np.array([False, True, False])):
        schema, columns = read(X, categorical_features=listed)
        assert [feature.kind for feature in schema.features] == ["number", "category", "number"]
        assert_array_equal(columns[1], X[:, 1] + 1)
    assert isinstance(schema.table(X), _core.Table)
    assert_array_equal(schema.table(X.astype(np.int8)).column(1), X[:, 1] + 1)
