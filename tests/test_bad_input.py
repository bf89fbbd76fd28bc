"""Bad input gets one clear error, before any work."""

import inspect
import re
import time
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.exceptions import NotFittedError

import curvature as cv
from curvature._params import RIVAL_NAMES

ESTIMATORS = [cv.BoostedTreesRegressor, cv.BoostedTreesClassifier]
both = pytest.mark.parametrize("estimator", ESTIMATORS)

N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3))
LABELS = (X[:, 0] > 0).astype(int)
Y = X[:, 0] + 0.1 * RNG.normal(size=N)


def target_of(estimator: type) -> np.ndarray:
    return LABELS if estimator is cv.BoostedTreesClassifier else Y


def fitted(estimator: type, **params: Any) -> Any:
    return estimator(**{"n_estimators": 3, **params}).fit(X, target_of(estimator))


def at_3(array: np.ndarray, value: Any) -> np.ndarray:
    """A copy, as float, with one bad value."""
    out = array.astype(type(value))
    out[3] = value
    return out


TREES = "an integer in [1, 16777216]"
LEAVES = "an integer in [2, 1048576], or None"
DEPTH = "an integer in [1, 1048576], or None"
BINS = "an integer in [2, 65535]"
THREADS = "an integer in [1, 1024], or -1 or None"
POSITIVE = "a number more than 0"
AT_LEAST_0 = "a number at least 0"
POLICIES = "'lossguide' or 'depthwise'"
BAD_PARAMETERS: list[tuple[str, Any, str]] = [
    *[("n_estimators", value, TREES) for value in (0, -1, 2.5, True, "5", None, 2**24 + 1, 2**70, np.nan)],
    *[("learning_rate", value, POSITIVE) for value in (0, -0.1, np.nan, np.inf, "0.1", None, 1j, True)],
    *[("max_leaves", value, LEAVES) for value in (1, 0, -1, 16.0, "16", 2**20 + 1)],
    *[("max_depth", value, DEPTH) for value in (0, -1, 3.0, 2**20 + 1)],
    *[("min_child_samples", value, AT_LEAST_0) for value in (-1, np.nan, np.inf, None)],
    *[("min_child_weight", value, AT_LEAST_0) for value in (-1e-3, np.nan, None)],
    *[("min_split_gain", value, AT_LEAST_0) for value in (-1, np.nan, None)],
    *[("reg_lambda", value, AT_LEAST_0) for value in (-1, np.inf, "3", None)],
    *[("reg_alpha", value, AT_LEAST_0) for value in (-0.1, np.nan)],
    *[("colsample_bynode", value, "a number in (0, 1]") for value in (0, 1.01, -0.5, np.nan, None)],
    *[("structure_sample", value, "a number in (0, 1]") for value in (0, 1.01, -0.5, np.nan, None, 1000)],
    *[("max_bins", value, BINS) for value in (1, 0, 65536, 255.0, None)],
    *[("absent", value, "'zero' or 'missing'") for value in ("nan", "", None, 0)],
    *[("grow_policy", value, POLICIES) for value in ("best", "", None, 3)],
    *[("n_jobs", value, THREADS) for value in (0, -2, 1.5, "2", 2**40)],
    *[("random_state", value, "") for value in (-1, 2**64, 1.5, "a")],
]
# What a loss that is none is answered with, beside its value.
BAD_LOSSES = {
    "hubber": "is not known: did you mean 'huber'?",
    "mse": "is called 'squared' here",
    "": "is not known; the names are 'squared', ",
    None: "must be a name, an object of curvature.losses, a function of (y, f), or a Loss",
}


@both
@pytest.mark.parametrize(("name", "value", "allowed"), BAD_PARAMETERS)
def test_a_bad_parameter_is_named(estimator: type, name: str, value: Any, allowed: str) -> None:
    """The error names the parameter and the value, and says what is allowed."""
    with pytest.raises(ValueError) as caught:
        fitted(estimator, **{name: value})
    message = str(caught.value)
    assert message.startswith(f"{name}={value!r} must be ")
    assert allowed in message


@both
@pytest.mark.parametrize("loss", BAD_LOSSES)
def test_a_bad_loss_is_named(estimator: type, loss: Any) -> None:
    """With the nearest name, or what is allowed."""
    with pytest.raises(ValueError, match=f"^loss={loss!r} {re.escape(BAD_LOSSES[loss])}"):
        fitted(estimator, loss=loss)


@both
def test_a_rival_s_name_tells_ours(estimator: type) -> None:
    """Every name in the table leads to a parameter that exists."""
    known = inspect.signature(estimator).parameters
    for theirs, ours in RIVAL_NAMES.items():
        assert ours in known and theirs not in known
        with pytest.raises(TypeError, match=f"has no parameter '{theirs}': it is called '{ours}' here"):
            estimator(**{theirs: 1})


@both
@pytest.mark.parametrize(("wrong", "right"), [("lerning_rate", "learning_rate"), ("max_leafs", "max_leaves")])
def test_a_misspelt_parameter_tells_the_nearest(estimator: type, wrong: str, right: str) -> None:
    """A TypeError with the spelling that was meant; a name like no other gets the whole list."""
    with pytest.raises(TypeError, match=f"{estimator.__name__} has no parameter '{wrong}': did you mean '{right}'"):
        estimator(**{wrong: 1})
    with pytest.raises(TypeError, match="has no parameter 'zzz'; it has loss, n_estimators, .*random_state"):
        estimator(zzz=1)
    with pytest.raises(ValueError, match=f"Invalid parameter '{wrong}'.*{right}"):
        estimator().set_params(**{wrong: 1})


# Where scikit-learn's own checks fix the text of an error, it is that text.
BAD_TABLES: dict[str, tuple[Any, type[Exception], str]] = {
    "one dimension": (X[:, 0], ValueError, "Expected 2D array, got 1D array"),
    "three dimensions": (X[None], ValueError, "Found array with dim 3"),
    "a number": (3.0, ValueError, "Expected 2D array, got scalar"),
    "no rows": (X[:0], ValueError, r"0 sample\(s\)"),
    "no columns": (X[:, :0], ValueError, r"0 feature\(s\)"),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "objects": (np.full((N, 3), "blue", dtype=object), ValueError, r"(?s)\bX\b.*blue|blue.*\bX\b"),
    "text": (X.astype(str), ValueError, r"\bX\b"),
    "sparse, of numbers it has not": (csr_matrix(X) * 1j, ValueError, "Complex data not supported"),
    "other endian": (X.astype(X.dtype.newbyteorder()), ValueError, "X has dtype >f8; native float16/32/64"),
    "dates": (X.astype("M8[s]"), ValueError, r"X has dtype datetime64\[s\]; native float16/32/64"),
}


@both
@pytest.mark.parametrize(("table", "error", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table_is_refused(estimator: type, table: Any, error: type[Exception], message: str) -> None:
    """By fit as by predict."""
    with pytest.raises(error, match=message):
        estimator(n_estimators=3).fit(table, target_of(estimator))
    with pytest.raises(error, match=message):
        fitted(estimator).predict(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (X[:, 0], r"X must have 2 dimensions \(rows, features\), got shape \(60,\)"),
        (X[:, :2], "X has 2 features, but the model was trained with 3"),
        (X + 1j, "X has dtype complex128; native float16/32/64"),
        (X.astype(str), "X has dtype <U32; native float16/32/64"),
        (np.full((N, 3), "blue", dtype=object), r"(?s)\bX\b.*blue|blue.*\bX\b"),
    ],
)
def test_a_model_refuses_a_bad_table(table: Any, message: str) -> None:
    """A Model checks as much without scikit-learn."""
    model = fitted(cv.BoostedTreesRegressor).model_
    for method in (model.predict, model.apply, lambda table: list(model.staged_predict(table))):
        with pytest.raises(ValueError, match=message):
            method(table)


@pytest.mark.parametrize("n_jobs", [0, -2, 1.5, None, 2**40])
def test_a_model_takes_the_threads_of_an_estimator(n_jobs: Any) -> None:
    """What n_jobs may be does not depend on whom it is told."""
    est = fitted(cv.BoostedTreesRegressor).set_params(n_jobs=n_jobs)
    try:
        expected = est.predict(X)
    except ValueError as error:
        with pytest.raises(ValueError, match=f"^n_jobs={n_jobs} "):
            est.model_.predict(X, n_jobs=n_jobs)
        assert str(error).startswith(f"n_jobs={n_jobs} ")
    else:
        assert_array_equal(est.model_.predict(X, n_jobs=n_jobs), expected)


BAD_TARGETS: dict[str, tuple[Any, str]] = {
    "none": (None, "the target y is None"),
    "short": (Y[:-1], r"inconsistent numbers of samples: \[60, 59\]"),
    "two columns": (np.c_[Y, Y], "y has 2 columns, and one is read"),
    "NaN": (at_3(Y, np.nan), "Input y contains NaN"),
    "infinity": (at_3(Y, -np.inf), "Input y contains infinity"),
    "complex": (Y + 1j, "Complex data not supported"),
    "text": (np.full(N, "blue"), r"(?s)\by\b.*blue|blue.*\by\b"),
    "objects": (np.full(N, "blue", dtype=object), r"(?s)\by\b.*blue|blue.*\by\b"),
}


@pytest.mark.parametrize(("y", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_a_bad_target_is_refused(y: Any, message: str) -> None:
    """Numbers, finite, one a row."""
    with pytest.raises(ValueError, match=message):
        cv.BoostedTreesRegressor(n_estimators=3).fit(X, y)


BAD_LABELS: dict[str, tuple[Any, str]] = {
    "one class": (np.zeros(N, dtype=int), "y has one class only, 0: "),
    "one class of text": (np.full(N, "a"), "y has one class only, 'a': "),
    "numbers": (Y, "Unknown label type: continuous"),
    "NaN": (np.where(LABELS, 1.0, np.nan), "Input y contains NaN"),
    "none among text": (np.where(LABELS, "a", None), r"\by\b"),
    "text and numbers": (np.array([1, "a"], dtype=object)[LABELS], r"\by\b"),
}


@pytest.mark.parametrize(("y", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_bad_labels_are_refused(y: Any, message: str) -> None:
    """Two classes or more, of one kind."""
    with pytest.raises((ValueError, TypeError), match=message):
        cv.BoostedTreesClassifier(n_estimators=3).fit(X, y)


def test_the_one_class_left_by_the_weights_is_named() -> None:
    """Rows of weight 0 do not exist: the error names the class that does."""
    with pytest.raises(ValueError, match="y has one class only, 1: .*weight > 0"):
        cv.BoostedTreesClassifier(n_estimators=3).fit(X, LABELS, sample_weight=LABELS)
    with pytest.raises(ValueError, match="class_weight.*more than 0"):
        cv.BoostedTreesClassifier(n_estimators=3, class_weight={0: 0, 1: 1}).fit(X, LABELS)


@pytest.mark.parametrize("value", [{0: -1, 1: 1}, {0: np.nan, 1: 1}, {0: 0, 1: 0}, {7: 1}, "even", 3])
def test_a_bad_class_weight_is_named(value: Any) -> None:
    """Not sample_weight, which was never given."""
    with pytest.raises(ValueError, match="class_weight"):
        fitted(cv.BoostedTreesClassifier, class_weight=value)


ONES = np.ones(N)
BAD_WEIGHTS: dict[str, tuple[Any, str]] = {
    "short": (ONES[:-1], r"sample_weight.shape == \(59,\), expected \(60,\)"),
    "two columns": (np.c_[ONES, ONES], "Sample weights must be 1D array or scalar, got 2D array"),
    "NaN": (at_3(ONES, np.nan), "Input sample_weight contains NaN"),
    "infinity": (at_3(ONES, np.inf), "Input sample_weight contains infinity"),
    "negative": (at_3(ONES, -1.0), r"sample_weight\[3\]=-1 must be at least 0"),
    "all negative": (-ONES, r"sample_weight\[0\]=-1 must be at least 0"),
    "all zero": (0 * ONES, "Sample weights must contain at least one non-zero number"),
    "complex": (ONES + 1j, "Complex data not supported"),
    "text": (np.full(N, "blue"), r"(?s)sample_weight.*blue|blue.*sample_weight"),
}


@both
@pytest.mark.parametrize(("weights", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_bad_weights_are_refused(estimator: type, weights: Any, message: str) -> None:
    """Finite numbers of at least 0, one a row, not all 0."""
    with pytest.raises(ValueError, match=message):
        estimator(n_estimators=3).fit(X, target_of(estimator), sample_weight=weights)


@pytest.mark.parametrize("power", [-1060, -1000, -500, -200, -100, 100, 200, 500, 1000, 1015])
def test_numbers_of_any_size_fit_or_are_refused(power: int) -> None:
    """A target or weights times a power of two give the predictions that follow, or an error that names them."""
    scale = 2.0**power
    est = cv.BoostedTreesRegressor(n_estimators=3, min_child_samples=0, min_child_weight=0, reg_lambda=0)
    expected = est.fit(X, Y).predict(X)
    for name, y, weights, unit in (("y", Y * scale, None, scale), ("sample_weight", Y, ONES * scale, 1.0)):
        try:
            scores = est.fit(X, y, sample_weight=weights).predict(X)
        except ValueError as error:
            assert not isinstance(error, cv.ModelFormatError) and name in str(error)
        else:
            assert_allclose(scores / unit, expected, rtol=1e-9, err_msg=name)


def test_a_learning_rate_that_overflows_is_refused_by_name() -> None:
    """Leaf values beyond float64 are the learning rate's fault, not that of a damaged model."""
    with pytest.raises(ValueError, match="learning_rate") as caught:
        fitted(cv.BoostedTreesRegressor, learning_rate=1e308)
    assert not isinstance(caught.value, cv.ModelFormatError)


def test_too_little_weight_to_split_is_a_warning() -> None:
    """Where min_child_samples makes every split impossible, a warning names it and the weight there is."""
    with pytest.warns(UserWarning, match=r"min_child_samples=20.0 makes every split impossible.*weigh 1 together"):
        cv.BoostedTreesRegressor(n_estimators=3).fit(X, Y, sample_weight=ONES / N)


ANSWERS = ["predict", "apply", "staged_predict", "predict_proba", "decision_function", "staged_predict_proba"]


@both
def test_before_fit_nothing_is_predicted(estimator: type) -> None:
    """NotFittedError from everything that needs a model, also after a fit that was refused."""
    refused = estimator()
    with pytest.raises(ValueError):
        refused.fit(X, target_of(estimator), sample_weight=-ONES)
    for est in (estimator(), refused):
        for name in filter(partial(hasattr, estimator), ANSWERS):
            with pytest.raises(NotFittedError, match=f"This {estimator.__name__} instance is not fitted yet"):
                getattr(est, name)(X)
        with pytest.raises(NotFittedError):
            est.save("never")


@both
def test_a_refused_fit_leaves_the_estimator_as_it_was(estimator: type) -> None:
    """A fitted estimator still answers with its model after a fit with bad arguments."""
    est = fitted(estimator)
    expected = est.predict(X)
    for bad in ({"sample_weight": -ONES}, {"sample_weight": ONES[:-1]}):
        with pytest.raises(ValueError):
            est.fit(X[:, :2], target_of(estimator), **bad)
        assert_array_equal(est.predict(X), expected)


@both
def test_a_bad_parameter_costs_no_work(estimator: type) -> None:
    """It is refused in a thirtieth of the processor time that one tree takes."""
    big = np.random.default_rng(0).normal(size=(200_000, 10))
    target = (big[:, 0] > 0).astype(int)
    start = time.process_time()
    estimator(n_estimators=1, n_jobs=1).fit(big, target)
    whole = time.process_time() - start
    start = time.process_time()
    with pytest.raises(ValueError, match="reg_lambda=-1"):
        estimator(n_estimators=1, n_jobs=1, reg_lambda=-1).fit(big, target)
    assert time.process_time() - start < whole / 30


@both
def test_other_columns_are_refused(estimator: type) -> None:
    """Another number, or other names, of columns than in training."""
    pd = pytest.importorskip("pandas")
    est = fitted(estimator)
    with pytest.raises(ValueError, match="X has 2 features, but .* is expecting 3 features"):
        est.predict(X[:, :2])
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    est.fit(frame, target_of(estimator))
    with pytest.raises(ValueError, match=r"(?s)feature names.*unseen.*- z"):
        est.predict(frame.set_axis(["a", "b", "z"], axis=1))
    with pytest.raises(ValueError, match=r"missing \['c'\], not known \['z'\]"):
        est.model_.predict(frame.set_axis(["a", "b", "z"], axis=1))
