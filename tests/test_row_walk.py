"""A few rows without a table: the bits of the table's way, the same errors, only where nothing else is meant."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tables import trees_of

import curvature as cv
from curvature import _core, _reference
from curvature._reference import LEAF

SEEDS = st.integers(0, 2**32 - 1)
FEW = 63  # rows
STRANGE = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308]


def random_forest(
    rng: np.random.Generator, n_features: int, n_outputs: int, n_trees: int, thresholds: NDArray[Any]
) -> Any:
    """Trees of 1 to 20 leaves with the given thresholds, missing values to either side."""
    fields: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "missing_left", "value")}
    tree_begin = [0]
    for _ in range(n_trees):
        n_splits = int(rng.integers(0, 20))
        is_split = np.zeros(2 * n_splits + 1, dtype=bool)
        known, left = 1, 0  # nodes so far; every split adds two
        for node in range(len(is_split)):
            if left < n_splits and (rng.random() < 0.6 or node == known - 1):
                is_split[node], known, left = True, known + 2, left + 1
        children = np.cumsum(is_split) * 2 - 1
        fields["feature"].append(np.where(is_split, rng.integers(0, n_features, len(is_split)), LEAF))
        fields["threshold"].append(np.where(is_split, rng.choice(thresholds, len(is_split)), 0.0))
        fields["left"].append(np.where(is_split, children, 0))
        fields["missing_left"].append(rng.integers(0, 2, len(is_split)))
        fields["value"].append(np.where(is_split, 0.0, rng.normal(size=len(is_split))))
        tree_begin.append(tree_begin[-1] + len(is_split))
    n = tree_begin[-1]
    arrays: dict[str, Any] = {name: np.concatenate(parts) for name, parts in fields.items()}
    arrays |= {"set": np.full(n, -1), "set_begin": np.zeros(1), "set_words": np.zeros(0), "gain": np.zeros(n)}
    arrays |= {"cover": np.zeros(n), "tree_begin": np.array(tree_begin)}
    return _core.Forest.from_arrays(n_features, n_outputs, arrays)


def scores_by_table(forest: Any, start_scores: NDArray[np.float64], X: NDArray[Any]) -> NDArray[np.float64]:
    scores = np.tile(start_scores, (len(X), 1))
    forest.add_scores(_core.Table(X), 0, forest.n_trees, scores, 1)
    return scores[:, 0] if forest.n_outputs == 1 else scores


def same_bits(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


@settings(deadline=None, max_examples=80)
@given(SEEDS, st.sampled_from([np.float32, np.float64]), st.integers(1, 3), st.integers(1, 90), st.integers(1, FEW))
def test_the_bits_of_the_table(seed, dtype, n_outputs, n_rounds, n_rows):
    """NaN, infinities, both zeros, numbers on thresholds and beside them, of either width; trees of one leaf."""
    rng = np.random.default_rng(seed)
    n_features = int(rng.integers(1, 9))
    usual = np.concatenate([rng.normal(size=8), rng.normal(size=8).astype(np.float32), [0.0, -0.0, np.inf, -np.inf]])
    forest = random_forest(rng, n_features, n_outputs, n_outputs * n_rounds, usual)
    on = usual.astype(dtype)
    beside = [on, np.nextafter(on, dtype(9)), np.nextafter(on, dtype(-9))]
    with np.errstate(over="ignore"):
        values = np.concatenate([*beside, np.array(STRANGE).astype(dtype)])
    X = rng.choice(values, size=(n_rows, n_features))
    start = rng.normal(size=n_outputs)
    scores = _core.row_scorer(forest, start)(X)
    assert same_bits(scores, scores_by_table(forest, start, X))
    if n_outputs == 1:
        np.testing.assert_array_equal(scores, _reference.predict_scores(start[0], trees_of(forest), X))


def test_more_columns_than_the_stack_has_room_for():
    """Keys of up to 256 columns lie on the stack; more are allocated."""
    rng = np.random.default_rng(0)
    forest = random_forest(rng, 3_000, 1, 500, rng.normal(size=50))
    X = rng.normal(size=(5, 3_000))
    X[rng.random(X.shape) < 0.2] = np.nan
    assert len(np.unique(forest.arrays()["feature"])) > 1_000
    assert same_bits(_core.row_scorer(forest, np.ones(1))(X), scores_by_table(forest, np.ones(1), X))


def test_splits_that_16_bits_cannot_count_are_left_to_the_table():
    """A tree of more nodes than that; all else is taken."""
    n = 2**15  # splits in a chain: each has a leaf at its left
    place = np.arange(2 * n + 1)
    is_split = (place % 2 == 0) & (place < 2 * n)
    arrays = {name: np.zeros(2 * n + 1) for name in ("threshold", "missing_left", "gain", "cover")}
    arrays |= {"feature": np.where(is_split, 0, LEAF), "left": np.where(is_split, place + 1, 0), "value": place * 1.0}
    arrays |= {"set": np.full(2 * n + 1, -1), "set_begin": np.zeros(1), "set_words": np.zeros(0)}
    large = _core.Forest.from_arrays(1, 1, arrays | {"tree_begin": np.array([0, 2 * n + 1])})
    assert _core.row_scorer(large, np.zeros(1))(np.ones((1, 1))) is None


@pytest.fixture(scope="module")
def data() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6))
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, np.nan_to_num(X[:, 0] * X[:, 1]) + rng.normal(size=400)


def test_only_rows_as_they_lie_are_taken(data):
    """All else goes the validated way: None says so."""
    X, y = data
    model = cv.BoostedTreesRegressor(n_estimators=3).fit(X, y).model_
    score = _core.row_scorer(model.forest, model.start_scores)
    few = X[:5]
    bytes_apart = np.zeros(few.nbytes + 1, dtype=np.uint8)[1:].view(np.float64).reshape(few.shape)
    others = [
        few.tolist(),
        few[0],
        few[:0],
        few[:, :5],
        few[None],
        X[: FEW + 1],
        np.asfortranarray(few),
        few[::2],
        few.astype(np.float16),
        few.astype(np.longdouble),
        few.astype(">f8"),
        np.nan_to_num(few).astype(np.int64),
        few.astype(object),
        few.view(np.ma.MaskedArray),
        few.view(np.matrix),
        bytes_apart,
        None,
    ]
    assert [score(other) for other in others] == [None] * len(others)
    for taken in (few, few.astype(np.float32), X[:FEW], few[:1]):
        assert same_bits(score(taken), scores_by_table(model.forest, model.start_scores, taken))


@pytest.mark.parametrize("loss", ["squared", "poisson", "logistic", "softmax", "hinge"])
def test_models_and_estimators_answer_as_from_a_list(data, loss):
    """A list goes the validated way."""
    X, y = data
    if loss in ("squared", "poisson"):
        est: Any = cv.BoostedTreesRegressor(loss=loss, n_estimators=30).fit(X, np.abs(y))
    else:
        labels = np.array(["no", "yes", "perhaps"])[(y > 0).astype(int) + (loss == "softmax") * (y > 1)]
        est = cv.BoostedTreesClassifier(loss="hinge" if loss == "hinge" else "logistic", n_estimators=30).fit(X, labels)
    methods = ["predict"] if loss in ("squared", "poisson") else ["predict", "decision_function"]
    methods += ["predict_proba"] * (loss in ("logistic", "softmax"))
    for rows in (X[:1], X[:7], X[:1].astype(np.float32), X[:200], np.asfortranarray(X[:7])):
        for method in methods:
            expected = getattr(est.model_, method)(rows.tolist())
            for answer in (getattr(est.model_, method), getattr(est, method)):
                np.testing.assert_array_equal(answer(rows), expected)
        np.testing.assert_array_equal(est.apply(rows), est.model_.apply(rows.tolist()))
    assert [part.tolist() for part in est.staged_predict(X[:1])][-1] == est.predict(X[:1]).tolist()


def test_the_same_errors_and_warnings(data):
    """A short way is one only where nothing is wrong."""
    X, y = data
    est = cv.BoostedTreesRegressor(n_estimators=3).fit(X, y)
    with pytest.raises(ValueError, match=r"X has 5 features, but BoostedTreesRegressor is expecting 6"):
        est.predict(X[:1, :5])
    with pytest.raises(ValueError, match=r"X has 5 features, but the model was trained with 6"):
        est.model_.predict(np.ascontiguousarray(X[:1, :5]))
    with pytest.raises(ValueError, match="0 sample"):
        est.predict(X[:0])
    with pytest.raises(ValueError, match="n_jobs=0 must be"):
        est.model_.predict(X[:1], n_jobs=0)
    with pytest.raises(ValueError, match="n_jobs='many' must be"):
        est.set_params(n_jobs="many").predict(X[:1])
    with pytest.raises(ValueError, match="exposure is for losses with a log link"):
        est.model_.predict(X[:1], exposure=1.0)
    with pytest.raises(Exception, match="not fitted yet"):
        cv.BoostedTreesRegressor().predict(X[:1])

    pd = pytest.importorskip("pandas")
    named = cv.BoostedTreesRegressor(n_estimators=3).fit(pd.DataFrame(X, columns=list("abcdef")), y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        named.predict(X[:1])
    np.testing.assert_array_equal(named.model_.predict(X[:1]), named.model_.predict(X[:1].tolist()))


def test_offsets_and_levels_go_the_table_s_way(data):
    """A model that was fitted with an offset asks for one; levels are looked up."""
    X, y = data
    shifted = cv.BoostedTreesRegressor(n_estimators=3).fit(X, y, offset=y / 2).model_
    with pytest.raises(ValueError, match="fitted with an offset"):
        shifted.predict(X[:1])
    np.testing.assert_array_equal(shifted.predict(X[:1], offset=1.0), shifted.predict(X[:1].tolist(), offset=1.0))
    plain = cv.BoostedTreesRegressor(n_estimators=3).fit(X, y).model_
    np.testing.assert_allclose(plain.predict(X[:1], offset=2.0), plain.predict(X[:1]) + 2.0, rtol=1e-12)

    codes = np.column_stack([np.arange(400) % 5, np.nan_to_num(X[:, 0])])
    levels = cv.BoostedTreesRegressor(n_estimators=20, categorical_features=[0]).fit(codes, codes[:, 0] * 3 % 4)
    np.testing.assert_array_equal(levels.predict(codes[:5]), levels.predict(codes)[:5])
    with pytest.warns(cv.UnknownLevelWarning):
        levels.predict(np.array([[77.0, 0.0]]))


def test_threads_may_ask_at_once(data):
    """Of a model that has just been loaded: the plan is made once, and every answer is right."""
    X, y = data
    est = cv.BoostedTreesRegressor(n_estimators=200).fit(X, y)
    expected = est.model_.predict(X.tolist())
    for _ in range(5):
        model = cv.Model.from_bytes(est.model_.to_bytes())
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda row: model.predict(X[row : row + 1 + row % 60]), range(300)))  # noqa: B023
        for row, answer in enumerate(answers):
            np.testing.assert_array_equal(answer, expected[row : row + 1 + row % 60])
