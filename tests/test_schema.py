"""What a model keeps of its table: kinds, levels and names, in the file too, and what comes of other tables."""

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

import curvature as cv
from curvature._frames import read_frame
from curvature._schema import Schema
from curvature._schema_training import category_of, read_training

pd = pytest.importorskip("pandas")

N = 60
RNG = np.random.default_rng(0)
TABLE: dict[str, Any] = {
    "size": RNG.normal(size=N),
    "colour": np.resize(["red", "green", "blue", "red"], N),
    "flag": np.resize([True, False, False], N),
    "when": np.arange(N).astype("M8[D]"),
    "store": np.resize([7, 3, -2, 10**12], N),
    "grade": pd.Categorical(np.resize(["b", "a"], N), ["c", "b", "a"], ordered=True),
    "step": pd.Categorical(np.resize([0.5, 1.5], N), [0.5, 1.5, 2.5], ordered=True),
}
KINDS = ["number", "category", "boolean", "time", "category", "ordered", "ordered"]
Y = TABLE["size"] + (TABLE["colour"] == "red")


def frame() -> Any:
    return pd.DataFrame(TABLE)


def fitted(**params: Any) -> cv.BoostedTreesRegressor:
    given = {"n_estimators": 3, "max_leaves": 4, "categorical_features": ["colour", "store"], **params}
    return cv.BoostedTreesRegressor(**given).fit(frame(), Y)


def changed(**columns: Any) -> Any:
    return frame()[:4].assign(**columns)


def test_kinds_and_levels_can_be_looked_at() -> None:
    schema = fitted().model_.schema
    assert [feature.kind for feature in schema.features] == KINDS
    assert schema.features[1].levels == ["blue", "green", "red"]
    assert schema.features[4].levels == [-2, 3, 7, 10**12]
    assert schema.features[5].levels == ["c", "b", "a"]
    assert [feature.n_codes for feature in schema.features] == [0, 4, 0, 0, 5, 0, 0]
    assert repr(schema).splitlines() == [
        "Schema of 7 features",
        "  size    number",
        "  colour  category of 3 levels: 'blue', 'green', 'red'",
        "  flag    boolean",
        "  when    time",
        "  store   category of 4 levels: -2, 3, 7, 1000000000000",
        "  grade   ordered of 3 levels: 'c', 'b', 'a'",
        "  step    ordered of 3 levels: 0.5, 1.5, 2.5",
    ]


def test_what_auto_and_lists_mean() -> None:
    """ "auto": text, dictionaries and bool. A list: exactly these, and text and bool."""
    X = pd.DataFrame({"text": ["a", "b"], "int": [1, 2], "dict": pd.Categorical([5, 6]), "bool": [True, False]})

    def kinds(given: Any) -> list[str]:
        return [feature.kind for feature in read_training(X, None, given)[0].features]

    assert kinds("auto") == ["category", "number", "category", "boolean"]
    assert kinds(None) == kinds([]) == kinds(()) == ["category", "number", "number", "boolean"]
    listed = ["category", "category", "number", "boolean"]
    assert kinds(["int"]) == kinds([1]) == kinds(np.array([1])) == kinds([False, True, False, False]) == listed
    assert kinds(np.array(["int", "text", "bool"])) == kinds(pd.Index(["int"])) == listed


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=40),
    st.integers(1, 6),
    st.integers(0, 4),
)
def test_the_heaviest_levels_have_codes(rows: list[tuple[int, int]], most: int, least: int) -> None:
    """Levels of rows of weight 0 are not known; the lightest, of equal ones the later, share the last code."""
    words = np.array([f"w{level}" for level, _ in rows])
    weights = np.array([weight for _, weight in rows], dtype=float)
    frame = read_frame({"a": words})
    feature = category_of(frame.columns[0], len(rows), weights, "column 'a'", most, float(least))
    totals = {word: weights[words == word].sum() for word in words}
    present = sorted(word for word, total in totals.items() if total > 0)
    ranked = sorted((word for word in present if totals[word] >= least), key=lambda word: (-totals[word], word))
    assert feature.levels == sorted(ranked[:most])
    assert feature.infrequent == sorted(set(present) - set(feature.levels))
    assert feature.n_codes == 1 + len(feature.levels) + bool(feature.infrequent)
    column = Schema(1, {0: feature}).table({"a": np.array(present or ["x"])}, "missing") if present else None
    if column is not None:
        expected = [
            feature.levels.index(word) + 1 if word in feature.levels else feature.n_codes - 1 for word in present
        ]
        assert_array_equal(column.column(0), expected)


UNKNOWN = {
    "colour": ["red", "pink", "pink", None],
    "store": [3, 4, 5, 6],
    "grade": ["a", "d", "b", "c"],
    "flag": [0, 1, 2, 1],
}
LISTED = "2 in column 'colour', 1 in column 'flag', 3 in column 'store', 1 in column 'grade'"


def test_levels_that_are_not_known() -> None:
    """They count as missing, with one warning that counts cells by column, or are an error that names them."""
    est = fitted()
    known = changed(
        colour=["red", None, None, None], store=[3, None, None, None], grade=["a", None, "b", "c"], flag=[0, 1, None, 1]
    )
    for predict in (est.predict, est.model_.predict, cv.Model.from_bytes(est.model_.to_bytes()).predict):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answers = predict(changed(**UNKNOWN))
        (warning,) = caught
        assert warning.category is cv.UnknownLevelWarning and issubclass(warning.category, UserWarning)
        assert f"({LISTED}): they count as missing" in str(warning.message)
        assert warning.filename == __file__
        assert_array_equal(answers, predict(known))
    strict = fitted(unknown="error")
    message = "column 'colour' that were not in training, 'pink': unknown='error' allows only 'blue', 'green', 'red'"
    for model in (strict, strict.model_, est.set_params(unknown="error")):
        with pytest.raises(ValueError, match=message):
            model.predict(changed(**UNKNOWN))
    unused = pd.Categorical(["red"] * 4, ["pink", "red"])
    assert np.isfinite(strict.predict(changed(colour=unused))).all()  # a level without a row is no cell


def test_other_is_the_infrequent_code() -> None:
    """Where some level was infrequent; as missing, where none was."""
    words = np.array(["a", "b", "c", "c", "d"])
    column = read_frame({"a": words}).columns[0]
    for most, expected in ((2, 3.0), (9, np.nan)):
        schema = Schema(1, {0: category_of(column, 5, None, "column 0", most)})
        with pytest.warns(cv.UnknownLevelWarning, match="1 in column 'a'"):
            table = schema.table({"a": ["zzz", "c", "d", None]}, "other")
        assert table.column(0)[0] == expected or np.isnan([table.column(0)[0], expected]).all()
        with pytest.warns(cv.UnknownLevelWarning):
            assert np.isnan(schema.table({"a": ["zzz"]}, "missing").column(0)).all()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            schema.table({"a": ["d", "a"]}, "error")  # infrequent levels are known


MISMATCHES: dict[str, tuple[str, Any, str]] = {
    "text for numbers": ("size", ["1"] * 4, "has text in column 'size', which was numbers in training: numbers and"),
    "times for numbers": ("size", np.arange(4).astype("M8[s]"), "has times in column 'size', which was numbers"),
    "numbers for text": ("colour", [1, 2, 3, 4], "has numbers in column 'colour', which was a category of text levels"),
    "bool for text": ("colour", [True] * 4, "has bool in column 'colour'.*text is allowed"),
    "text for integers": ("store", ["7"] * 4, "has text in column 'store', which was a category of integer levels"),
    "no whole numbers": ("store", [7.5, 3, 3, 3], "has 7.5 in row 0 of column 'store'; a category takes whole numbers"),
    "infinity": ("store", [3, 3, np.inf, 3], "has inf in row 2 of column 'store'"),
    "text for bool": ("flag", ["yes"] * 4, "has text in column 'flag', which was bool in training: bool, 0 and 1"),
    "numbers for times": ("when", [1.0] * 4, "has numbers in column 'when', which was times in training: dates and"),
    "numbers for ranks": ("grade", [1, 2, 3, 1], "has numbers in column 'grade', which was an ordered dictionary"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "values", "message"), MISMATCHES.values(), ids=MISMATCHES)
def test_a_column_of_another_type_is_refused(name: str, values: Any, message: str) -> None:
    """One sentence: the column, what it holds, what it was, what is allowed."""
    with pytest.raises(ValueError, match=f"^X {message}"):
        fitted().predict(changed(**{name: values}))


def test_the_same_values_of_another_type_are_read() -> None:
    """Levels by value: 3.0 is 3, 1 is True; numbers are numbers of any width; a column without a value is missing."""
    est = fitted()
    expected = est.predict(frame()[:4])
    same = {
        "size": [pd.array(TABLE["size"][:4], "Float64")],
        "store": [TABLE["store"][:4].astype(float), pd.Categorical(TABLE["store"][:4])],
        "flag": [np.array([1, 0, 0, 1]), [1.0, 0.0, 0.0, 1.0], pd.Categorical([True, False, False, True])],
        "grade": [["b", "a", "b", "a"]],
        "step": [pd.Categorical([0.5, 1.5, 0.5, 1.5])],
    }
    for name, columns in same.items():
        for values in columns:
            assert_array_equal(est.predict(changed(**{name: values})), expected, err_msg=name)
    for name in TABLE:
        nothing = est.predict(changed(**{name: [None] * 4}))
        assert_array_equal(est.predict(changed(**{name: [np.nan] * 4})), nothing, err_msg=name)


def test_names_are_held_against_those_of_training() -> None:
    """Missing, unknown and re-ordered columns are named, by the estimator in scikit-learn's words."""
    est = fitted()
    X = frame()
    renamed, reordered = X.rename(columns={"size": "größe"}), X[X.columns[::-1]]
    for table in (renamed, {name: X[name].to_numpy() for name in renamed.columns if name in X} | {"größe": Y}):
        with pytest.raises(ValueError, match=r"(?s)unseen at fit time:\n- größe\n.*now missing:\n- size\n"):
            est.predict(table)
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        est.predict(reordered)
    with pytest.raises(ValueError, match="another order than in training; expected \\['size', 'colour'"):
        est.model_.predict(reordered)
    with pytest.raises(ValueError, match=r"missing \['size'\], not known \['größe'\]"):
        est.model_.predict(renamed)
    with pytest.raises(ValueError, match=r"missing \['size'\], not known \[\]"):
        est.model_.predict(X.drop(columns="size"))
    with pytest.warns(UserWarning, match="has feature names, but BoostedTreesRegressor was fitted without"):
        cv.BoostedTreesRegressor(n_estimators=1).fit(X[["size"]].to_numpy(), Y).predict(X[["size"]])
    with pytest.warns(UserWarning, match="not have valid feature names, but BoostedTreesRegressor was fitted with"):
        cv.BoostedTreesRegressor(n_estimators=1).fit(X[["size"]], Y).predict(X[["size"]].to_numpy())
    unnamed = X.set_axis(range(7), axis=1)
    other = cv.BoostedTreesRegressor(n_estimators=1, categorical_features=[4]).fit(unnamed, Y)
    assert not hasattr(other, "feature_names_in_") and other.n_features_in_ == 7 and est.n_features_in_ == 7
    with pytest.raises(ValueError, match="X has 6 features, but BoostedTreesRegressor is expecting 7 features"):
        other.predict(unnamed[list(range(6))])
    with pytest.raises(ValueError, match="X has 6 features, but the model was trained with 7"):
        other.model_.predict(unnamed[list(range(6))])
    with pytest.raises(TypeError, match="Feature names are only supported if all input features have string names"):
        est.fit(X.rename(columns={"size": 1}), Y)


def test_the_schema_is_in_the_file() -> None:
    """Every kind, level and name comes back, with what makes the estimator again; names by index are the same model."""
    est = fitted(unknown="other")
    data = est.model_.to_bytes()
    model = cv.Model.from_bytes(data)
    assert repr(model.schema) == repr(est.model_.schema) and model.to_bytes() == data
    assert_array_equal(model.predict(frame()), est.predict(frame()))
    again = cv.BoostedTreesRegressor.from_model(model)
    assert again.categorical_features == ["colour", "store"] and again.unknown == "other"
    assert again.fit(frame(), Y).model_.to_bytes() == data
    for same in ([1, 4], ["store"], [False, True, False, False, True, False, False]):
        assert fitted(unknown="other", categorical_features=same).model_.to_bytes() == data
    plain = cv.BoostedTreesRegressor.from_model(cv.BoostedTreesRegressor(n_estimators=1).fit(frame(), Y).model_)
    assert plain.categorical_features == "auto"


def crafted(**tensors: Any) -> bytes:
    """The file with some tensors of the schema changed, or left out where None."""
    data = fitted().model_.to_bytes()
    found = {name: array.copy() for name, array in load_tensors(data).items()}
    for name, change in tensors.items():
        found[f"schema.{name}"] = None if change is None else change(found[f"schema.{name}"])
    text = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return save_tensors({name: array for name, array in found.items() if array is not None}, metadata=text)


def put(at: int, value: Any) -> Any:
    def change(array: np.ndarray) -> np.ndarray:
        array[at] = value
        return array

    return change


FIELDS = ["features", "kinds", "level_kinds", "n_levels", "n_infrequent", "integers", "numbers", "text", "ends"]
DAMAGE: dict[str, dict[str, Any]] = {
    **{f"{name} missing": {name: None} for name in FIELDS},
    **{f"{name} of another type": {name: lambda a: a.astype("f4")} for name in FIELDS},
    **{f"{name} short": {name: lambda a: a[:-1]} for name in FIELDS},
    **{f"{name} long": {name: lambda a: np.append(a, a[-1:])} for name in FIELDS},
    **{f"{name} 2-D": {name: lambda a: a[:, None]} for name in FIELDS},
    **{f"features {value}": {"features": put(-1, value)} for value in (-1, 0, 1, 7, 2**31 - 1)},
    "features out of order": {"features": lambda a: a[::-1].copy()},
    **{f"kind {value}": {"kinds": put(0, value)} for value in (0, 1, 2, 5, 255)},
    **{f"level kind {value}": {"level_kinds": put(0, value)} for value in (0, 2, 3, 4, 255)},
    "levels of a time": {"n_levels": put(2, 1)},
    **{f"{value} levels": {"n_levels": put(0, value)} for value in (-1, 0, 2, 4, 2**31, 2**62)},
    **{f"{value} infrequent": {"n_infrequent": put(0, value)} for value in (-1, 1, 2**40)},
    "infrequent ranks": {"n_infrequent": lambda a: put(4, 1)(a), "n_levels": put(4, 2)},
    "a level twice": {"integers": put(1, -2)},
    "levels out of order": {"integers": put(0, 4)},
    "a rank twice": {"numbers": put(0, 1.5)},
    "NaN": {"numbers": put(0, np.nan)},
    "no UTF-8": {"text": put(0, 255)},
    "text out of order": {"text": put(0, ord("s"))},
    "ends out of order": {"ends": lambda a: a[::-1].copy()},
    "ends too far": {"ends": put(-1, 1000)},
}  # fmt: skip


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_schema_is_refused(change: dict[str, Any]) -> None:
    """A ModelFormatError, whatever is wrong."""
    with pytest.raises(cv.ModelFormatError) as caught:
        cv.Model.from_bytes(crafted(**change))
    assert len(str(caught.value)) > 20


def test_a_file_that_is_cut_off_or_changed() -> None:
    """Truncated anywhere, no model; with any byte changed, a model that reads the table, or an error of its format."""
    data = fitted(n_estimators=1).model_.to_bytes()
    assert cv.Model.from_bytes(crafted()).to_bytes() == fitted().model_.to_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(cv.ModelFormatError):
            cv.Model.from_bytes(data[:length])
    accepted = 0
    for at in range(0, len(data), 2):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        try:
            model = cv.Model.from_bytes(bytes(damaged))
        except cv.ModelFormatError:
            continue
        assert repr(model.schema) and cv.Model.from_bytes(model.to_bytes()).to_bytes() == model.to_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert len(model.predict(frame().to_dict("list"))) == N
            except ValueError as error:
                assert str(error).startswith("X has")
        accepted += 1
    assert accepted > 100
