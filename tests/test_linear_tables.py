"""Tables in linear models: categories, missing values and frames give what the same columns made by hand give."""

import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import curvature as cv

COLOURS = np.array(["blue", "green", "red", "white"])
RNG = np.random.default_rng(0)
N = 300
COLOUR = COLOURS[RNG.integers(0, 4, N)]
SHOP = RNG.integers(10, 16, N)
SIZE = RNG.normal(size=N)
Y = SIZE + (COLOUR == "red") - 0.5 * (SHOP == 12) + 0.3 * RNG.normal(size=N)
FRAME = pd.DataFrame({"size": SIZE, "colour": COLOUR, "shop": SHOP})
LISTED = ["colour", "shop"]


def one_hot(values, levels):
    return (np.asarray(values)[:, None] == np.asarray(levels)).astype(float)


def by_hand(frame=FRAME, first=0):
    """The columns of the full coding; with first=1 those of reference coding."""
    shops = one_hot(frame["shop"], np.unique(SHOP)[first:])
    return np.column_stack([frame["size"], one_hot(frame["colour"], COLOURS[first:]), shops])


def fitted(frame=FRAME, **params):
    return cv.LinearRegressor(**{"categorical_features": LISTED, "tol": 1e-14} | params).fit(frame, Y)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "newton"},
        {"solver": "newton_cg"},
        {"solver": "lbfgs"},
        {"solver": "cd", "l1_ratio": 0.5},
        {"solver": "cd", "positive": True},
        {"loss": "huber"},
    ],
    ids=str,
)
def test_weights_are_those_of_a_dense_one_hot_design(params):
    est = fitted(alpha=0.01, **params)
    dense = cv.LinearRegressor(alpha=0.01, tol=1e-14, **params).fit(by_hand(), Y)
    assert_allclose(est.coef_, dense.coef_, atol=2e-6)
    assert_allclose(est.intercept_, dense.intercept_, atol=2e-6)
    assert_allclose(est.predict(FRAME), dense.predict(by_hand()), atol=1e-5)
    assert len(est.feature_names_) == len(est.coef_) == 11
    assert est.feature_names_[:6] == [
        "size",
        "colour[blue]",
        "colour[green]",
        "colour[red]",
        "colour[white]",
        "shop[10]",
    ]


def test_classes_and_steps_of_descent_are_those_of_a_dense_one_hot_design():
    labels = np.digitize(Y, [-0.5, 0.7])
    given = {"categorical_features": LISTED}
    softmax = cv.LinearClassifier(alpha=0.01, tol=1e-13, **given).fit(FRAME, labels)
    dense = cv.LinearClassifier(alpha=0.01, tol=1e-13).fit(by_hand(), labels)
    assert_allclose(softmax.coef_, dense.coef_, atol=1e-5)
    assert_allclose(softmax.predict_proba(FRAME), dense.predict_proba(by_hand()), atol=1e-6)
    sgd = cv.LinearRegressor(solver="sgd", alpha=0.01, **given)
    plain = cv.LinearRegressor(solver="sgd", alpha=0.01)
    for _ in range(3):
        sgd.partial_fit(FRAME, Y)
        plain.partial_fit(by_hand(), Y)
    assert_allclose(sgd.coef_, plain.coef_, atol=1e-10)
    with pytest.warns(cv.UnknownLevelWarning):  # later epochs have the columns of the first
        sgd.partial_fit(FRAME.assign(shop=99), Y)
    assert sgd.coef_.shape == plain.coef_.shape


def containers():
    arrow = pa.table({"size": SIZE, "colour": pa.array(COLOUR).dictionary_encode(), "shop": SHOP})
    return {
        "pandas": FRAME,
        "pandas category": FRAME.astype({"colour": "category", "shop": "category"}),
        "polars": pl.DataFrame({"size": SIZE, "colour": COLOUR, "shop": SHOP}),
        "arrow": arrow,
        "chunks": pa.concat_tables([arrow.slice(0, 7), arrow.slice(7)]),
        "dict": {"size": SIZE, "colour": COLOUR, "shop": SHOP},
    }


def test_every_container_gives_the_same_file_and_answers():
    expected = fitted()
    for name, table in containers().items():
        est = fitted(table)
        assert est.model_.to_bytes() == expected.model_.to_bytes(), name
        assert_array_equal(expected.predict(table), expected.predict(FRAME), err_msg=name)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_reference_coding_is_the_same_model_without_a_penalty(fit_intercept):
    est = fitted(alpha=0, fit_intercept=fit_intercept)  # coding="auto"
    assert "shop[10]" not in est.feature_names_
    assert ("colour[blue]" in est.feature_names_) == (not fit_intercept)
    best = cv.LinearRegressor(alpha=0, tol=1e-14).fit(by_hand(first=1), Y)
    assert_allclose(est.predict(FRAME), best.predict(by_hand(first=1)), atol=1e-8)
    if fit_intercept:
        assert_allclose(est.coef_, best.coef_, atol=1e-8)
    again = fitted(alpha=0, fit_intercept=fit_intercept, coding="reference")
    assert_array_equal(again.coef_, est.coef_)
    full = fitted(alpha=0, coding="full", solver="lbfgs", tol=1e-10, fit_intercept=fit_intercept)
    assert_allclose(full.predict(FRAME), est.predict(FRAME), atol=1e-3)


def test_auto_coding_is_full_where_there_is_a_penalty():
    for params in ({"alpha": 1e-3}, {"alpha": [0.0, 1.0]}, {"alpha": 0, "coding": "full", "solver": "lbfgs"}):
        assert "shop[10]" in fitted(tol=1e-6, **params).feature_names_


def test_numeric_frames_are_the_matrix_of_their_columns():
    columns = {"a": SIZE, "b": SHOP, "c": SIZE > 0, "d": SHOP.astype(np.uint8)}
    matrix = np.column_stack(list(columns.values())).astype(float)
    expected = cv.LinearRegressor().fit(matrix, Y)
    for table in (columns, pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
        est = cv.LinearRegressor().fit(table, Y)
        assert_array_equal(est.coef_, expected.coef_)
        assert_array_equal(est.predict(table), expected.predict(matrix))
    floats = pd.DataFrame(RNG.normal(size=(N, 3)).astype(np.float32))
    rows = np.ascontiguousarray(floats.to_numpy())
    assert_array_equal(cv.LinearRegressor().fit(floats, Y).coef_, cv.LinearRegressor().fit(rows, Y).coef_)


def test_times_and_ordered_levels_are_numbers():
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta(SHOP, "D")
    grade = pd.Categorical(np.where(SIZE > 0, "much", "little"), ["little", "much"], ordered=True)
    est = cv.LinearRegressor(alpha=0).fit(pd.DataFrame({"day": days, "grade": grade}), Y)
    seconds = days.as_unit("s").astype(np.int64).to_numpy().astype(float)
    dense = cv.LinearRegressor(alpha=0).fit(np.column_stack([seconds, SIZE > 0]), Y)
    assert_array_equal(est.coef_, dense.coef_)
    assert est.feature_names_ == ["day", "grade"]


def test_unknown_levels_have_no_column():
    est = fitted(missing="indicator", unknown="missing", alpha=0.01)
    strange = FRAME.assign(colour="mauve")
    with pytest.warns(cv.UnknownLevelWarning, match=r"300 in column 'colour'.*0 in the columns of all levels"):
        scores = est.predict(strange)
    dense = by_hand()
    dense[:, 1:5] = 0
    assert_allclose(scores, dense @ est.coef_ + est.intercept_, atol=1e-12)
    with pytest.raises(ValueError, match="'colour'.*missing value|missing value in column 1"):
        est.predict(FRAME.assign(colour=None))
    with pytest.raises(ValueError, match="'mauve'"):
        fitted(unknown="error").predict(strange)
    other = fitted(unknown="other", alpha=0.01)
    with pytest.warns(cv.UnknownLevelWarning):
        assert_allclose(other.predict(strange), scores, atol=1e-12)


def test_constraints_are_given_by_feature():
    factors = [1.0, 0.0, 3.0]
    est = fitted(alpha=0.1, penalty_factors=factors, bounds=([-1, -2, 0], 0.4))
    wide = np.repeat(factors, [1, 4, 6])
    lower = np.repeat([-1, -2, 0], [1, 4, 6])
    dense = cv.LinearRegressor(alpha=0.1, penalty_factors=wide, bounds=(lower, 0.4), tol=1e-14).fit(by_hand(), Y)
    assert_allclose(est.predict(FRAME), dense.predict(by_hand()), atol=1e-5)
    again = cv.LinearRegressor.from_model(cv.Model.from_bytes(est.model_.to_bytes()))
    assert_array_equal(again.penalty_factors, factors)
    assert again.categorical_features == LISTED
    with pytest.raises(ValueError, match="penalty_factors has shape"):
        fitted(penalty_factors=wide)


def test_standard_errors_are_those_of_statsmodels():
    smf = pytest.importorskip("statsmodels.formula.api")
    for kind, name in (("model", "nonrobust"), ("HC1", "HC1")):
        est = fitted(alpha=0, covariance=kind)
        theirs = smf.ols("y ~ size + C(colour) + C(shop)", FRAME.assign(y=Y)).fit(cov_type=name)
        levels = [*(f"C(colour)[T.{colour}]" for colour in COLOURS[1:]), *(f"C(shop)[T.{s}]" for s in range(11, 16))]
        order = ["Intercept", "size", *levels]
        found = est.summary()
        assert_allclose(found.coefficients, theirs.params[order], rtol=1e-7)
        assert_allclose(found.standard_errors, theirs.bse[order], rtol=1e-6)
        assert found.names[:4] == ("intercept", "size", "colour[green]", "colour[red]")
    assert "colour[red]" in str(found)


def test_alpha_by_cross_validation_is_that_of_a_dense_one_hot_design():
    params = {"alpha": [1.0, 0.1, 0.01], "cv": 3, "tol": 1e-12}
    est = fitted(**params)
    dense = cv.LinearRegressor(**params).fit(by_hand(), Y)
    assert_allclose(est.cv_losses_, dense.cv_losses_, rtol=1e-5)


def test_a_level_apart_separates_classes_by_its_name():
    labels = np.where(COLOUR == "red", 1, RNG.integers(0, 2, N))
    with pytest.warns(match=r"separated: colour\[red\]"):
        cv.LinearClassifier(alpha=0).fit(FRAME[["size", "colour"]], labels)


SCRIPT = """
import sys
import numpy as np
import curvature as cv

def memory(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return 1024 * int(line.split()[1])

n, p = 400_000, 100_000
rng = np.random.default_rng(0)
level, x = rng.integers(0, p, n), rng.normal(size=n)
y = x + (level % 7 == 0) + 0.1 * rng.normal(size=n)
est = cv.LinearRegressor(categorical_features=["level"], alpha=1e-7, n_jobs=2)
est.fit({"x": x[:9999], "level": level[:9999]}, y[:9999])
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
est.fit({"x": x, "level": level}, y)
print(memory("VmHWM") - before, len(est.coef_), round(1000 * est.score({"x": x, "level": level}, y)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_many_levels_fit_in_little_memory():
    """Dense, the design would have 320 GB."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    peak, n_columns, r2 = map(int, done.stdout.split())
    assert 90_000 < n_columns < 100_002
    assert r2 > 970
    assert peak < 200e6


def test_a_loaded_model_imports_none_of_the_frames(tmp_path):
    fitted(missing="mean").save(tmp_path / "model")
    script = f"""
        import sys
        import curvature as cv
        model = cv.load({str(tmp_path / "model")!r})
        model.predict({{"size": [1.0], "colour": ["red"], "shop": [12]}})
        print(*[name for name in ("pandas", "scipy", "sklearn", "pyarrow", "polars") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"coding": "dummy"}, "coding='dummy' must be 'auto', 'full' or 'reference'"),
        ({"missing": True}, "missing=True must be 'error', 'indicator' or 'mean'"),
        ({"unknown": "ignore"}, "unknown='ignore' must be"),
        ({"categorical_features": ["color"]}, "'color', which is no column of X"),
        ({"categorical_features": 1}, "categorical_features=1 must be"),
    ],
)
def test_bad_parameters_are_named(params, words):
    with pytest.raises(ValueError, match=words):
        fitted(**params)
