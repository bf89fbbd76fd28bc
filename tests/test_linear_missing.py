"""Missing values in linear models: indicators and means are those made by hand, and stay what training made them."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_linear_tables import COLOUR, COLOURS, FRAME, RNG, SHOP, SIZE, N, Y, by_hand, fitted, one_hot
from test_model_file import crafted, put

import curvature as cv


def with_holes(seed=1):
    rng = np.random.default_rng(seed)
    frame = FRAME.copy()
    frame.loc[rng.random(N) < 0.3, "size"] = np.nan
    frame.loc[rng.random(N) < 0.3, "colour"] = None
    frame["late"] = np.where(np.arange(N) > N // 2, np.nan, 1.0 + SIZE)
    return frame


def test_indicators_are_columns_of_their_own():
    frame, weights = with_holes(), RNG.integers(1, 4, N)
    est = cv.LinearRegressor(alpha=0.01, missing="indicator", tol=1e-14).fit(frame, Y, weights)
    missing = frame.isna().to_numpy(float)
    assert est.feature_names_ == [
        *["size", "size[(missing)]", *(f"colour[{colour}]" for colour in COLOURS), "colour[(missing)]"],
        *["shop", "late", "late[(missing)]"],
    ]
    filled = frame.fillna({"size": 0, "late": 0})
    columns = [filled["size"], missing[:, 0], one_hot(frame["colour"], COLOURS), missing[:, 1], SHOP]
    dense = np.column_stack([*columns, filled["late"], missing[:, 3]])
    other = cv.LinearRegressor(alpha=0.01, tol=1e-14).fit(dense, Y, weights)
    assert_allclose(est.coef_, other.coef_, atol=1e-6)
    assert_allclose(est.predict(frame), other.predict(dense), atol=1e-6)
    with pytest.raises(ValueError, match=r"NaN in column 2 \('shop'\), first in row 3: there was none in training"):
        est.predict(frame.assign(shop=np.where(np.arange(N) == 3, np.nan, SHOP)))


def test_means_are_those_of_training_by_weight():
    frame, weights = with_holes(), RNG.integers(0, 4, N)
    est = cv.LinearRegressor(alpha=0.01, missing="mean", tol=1e-14).fit(frame, Y, weights)
    there = frame["size"].notna()
    means = {
        name: np.average(frame[name][frame[name].notna()], weights=weights[frame[name].notna()])
        for name in ("size", "late")
    }
    assert_allclose(est.model_.columns.fills[0], means["size"], rtol=1e-14)
    filled = frame.fillna(means)
    dense = np.column_stack([filled["size"], one_hot(frame["colour"], COLOURS), SHOP, filled["late"]])
    other = cv.LinearRegressor(alpha=0.01, tol=1e-14).fit(dense, Y, weights)
    assert_allclose(est.coef_, other.coef_, atol=1e-6)
    assert_allclose(est.predict(frame), other.predict(dense), atol=1e-6)
    assert there.sum() < N
    later = frame.assign(shop=np.where(np.arange(N) == 3, np.nan, SHOP))  # complete in training
    assert_allclose(est.predict(later)[3], est.predict(frame.assign(shop=np.average(SHOP, weights=weights)))[3])


def test_dense_arrays_have_the_same_rules_as_frames():
    X = np.column_stack([SIZE, SHOP])
    X[RNG.random(N) < 0.2, 0] = np.nan
    for missing in ("indicator", "mean"):
        est = cv.LinearRegressor(missing=missing, categorical_features=[1]).fit(X, Y)
        frame = cv.LinearRegressor(missing=missing, categorical_features=[1]).fit({"x0": X[:, 0], "x1": X[:, 1]}, Y)
        assert_array_equal(est.coef_, frame.coef_)
        assert est.feature_names_ == frame.feature_names_
        assert_array_equal(est.predict(X), frame.predict({"x0": X[:, 0], "x1": X[:, 1]}))


def test_rows_of_weight_0_do_not_exist():
    weights = np.ones(N)
    weights[:20] = 0
    strange = with_holes()
    strange.loc[:19, ["size", "late"]] = np.inf
    strange.loc[:19, "colour"] = "mauve"
    for missing in ("indicator", "mean"):
        est = cv.LinearRegressor(missing=missing).fit(strange, Y, weights)
        less = cv.LinearRegressor(missing=missing).fit(strange[20:], Y[20:])
        assert est.feature_names_ == less.feature_names_
        assert_allclose(est.coef_, less.coef_, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    missing=st.sampled_from(["indicator", "mean"]),
    coding=st.sampled_from(["full", "reference"]),
)
def test_threads_and_files_do_not_change_a_bit(seed, missing, coding):
    rng = np.random.default_rng(seed)
    frame = with_holes(seed)[rng.random(N) < 0.8]
    y = Y[frame.index]
    params = {"missing": missing, "coding": coding, "alpha": 0.1, "tol": 1e-6}
    one = cv.LinearRegressor(n_jobs=1, **params).fit(frame, y)
    three = cv.LinearRegressor(n_jobs=3, **params).fit(frame, y)
    assert_array_equal(one.coef_, three.coef_)
    again = cv.Model.from_bytes(one.model_.to_bytes())
    assert again.to_bytes() == one.model_.to_bytes()
    assert again.column_names == one.feature_names_
    assert_array_equal(again.predict(frame), one.predict(frame))
    scores = again.decision_function(frame.to_dict("list"))  # as the weights and their names say
    design = np.column_stack([_named_column(frame, name, one) for name in one.feature_names_])
    assert_allclose(scores, design @ one.coef_ + one.intercept_, atol=1e-9)
    estimator = cv.LinearRegressor.from_model(again)
    assert estimator.get_params()["coding"] == coding
    assert_array_equal(estimator.coef_, one.coef_)


def _named_column(frame, name, est):
    feature, _, level = name.rstrip("]").partition("[")
    if level == "(missing)":
        return frame[feature].isna()
    if level:
        return frame[feature] == level
    return frame[feature].fillna(est.model_.columns.fills[list(frame).index(feature)])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"columns__fills": put(0, np.inf)}, "columns.fills must be numbers"),
        ({"columns__fills": put(0, 1.0)}, "columns.fills must be 0 where"),
        ({"columns__fills": put(1, 1.0), "columns__marks_missing": put(1, 0)}, "columns.fills must be 0 where"),
        ({"columns__first_codes": put(1, 3)}, "first_codes must be 1, or 2"),
        ({"columns__first_codes": put(0, 2)}, "first_codes must be 1, or 2"),
        ({"columns__marks_missing": put(0, 2)}, "marks_missing must be 0 or 1"),
        ({"columns__marks_missing": put(0, 0)}, "weights must be float64 of shape"),
        ({"columns__fills": lambda fills: fills[:3]}, "columns.fills must be float64 of shape"),
        ({"drop": "columns.first_codes"}, "tensors are"),
    ],
)
def test_damaged_columns_of_a_file_are_refused(damage, words):
    whole = cv.LinearRegressor(missing="indicator", alpha=0).fit(with_holes(), Y).model_.to_bytes()
    with pytest.raises(cv.ModelFormatError, match=words):
        cv.Model.from_bytes(crafted(whole, **damage))


def test_bad_tables_are_named():
    with pytest.raises(ValueError, match=r"NaN in column 0 \('size'\), first in row \d+: linear models take finite"):
        fitted(with_holes().assign(colour=COLOUR))
    with pytest.raises(ValueError, match=r"a missing value in column 1 \('colour'\)"):
        fitted(with_holes().assign(size=0.0))
    with pytest.raises(ValueError, match=r"infinity in column 0 \('size'\), first in row 299"):
        fitted(FRAME.assign(size=np.where(np.arange(N) == 299, np.inf, 1.0)), missing="mean")
    with pytest.raises(ValueError, match="missing='mean' needs a number in every column; column 'size' has none"):
        fitted(FRAME.assign(size=np.nan), missing="mean")
    est = fitted()
    with pytest.raises(ValueError, match="unseen at fit time"):
        est.predict(FRAME.rename(columns={"size": "length"}))
    with pytest.raises(ValueError, match="missing \\['size'\\]"):
        est.model_.predict(FRAME[["colour", "shop"]])
    with pytest.raises(ValueError, match="numbers in column 'colour', which was a category of text"):
        est.predict(FRAME.assign(colour=1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # X has no names
        with pytest.raises(ValueError, match="sparse matrix, but the model was trained on a table with categories"):
            est.predict(sp.csr_matrix(np.ones((2, 3))))
    with pytest.raises(ValueError, match="columns of a sparse X are numbers"):
        cv.LinearRegressor(categorical_features=[0]).fit(sp.csr_matrix(by_hand()), Y)
    with pytest.raises(ValueError, match="NaN in column 0"):
        cv.LinearRegressor(missing="mean").fit(sp.csr_matrix([[np.nan], [1.0]]), [0.0, 1.0])
