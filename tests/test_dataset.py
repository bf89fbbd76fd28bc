"""`Dataset`: the same models as from the table itself, views, files, and what is refused."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score

import curvature as cv

RNG = np.random.default_rng(0)
N = 900
COLOURS = np.array(["red", "blue", "grün", "black"])
NUMBERS = RNG.normal(size=(N, 3))
NUMBERS[RNG.random(NUMBERS.shape) < 0.1] = np.nan
CODES = RNG.integers(0, 4, N)
FRAME = {"a": NUMBERS[:, 0], "b": NUMBERS[:, 1].astype(np.float32), "c": NUMBERS[:, 2], "colour": COLOURS[CODES]}
FRAME |= {"wide": np.arange(N) % 700, "when": np.arange(N).astype("datetime64[h]"), "yes": RNG.random(N) < 0.3}
Y = np.nan_to_num(NUMBERS[:, 0]) + (CODES == 2) + 0.1 * RNG.normal(size=N)
LABELS = np.where(Y > 0.8, "high", np.where(Y > 0, "mid", "low"))
SMALL = {"n_estimators": 12, "max_leaves": 6, "min_child_samples": 5.0}


def file_bytes(est):
    return est.model_.to_bytes()


@pytest.mark.parametrize("max_bins", [2, 16, 255, 600])
@pytest.mark.parametrize("table", [NUMBERS, NUMBERS.astype(np.float32), np.asfortranarray(NUMBERS), FRAME])
def test_a_fit_on_a_dataset_is_that_on_the_table(table, max_bins):
    dataset = cv.Dataset(table, max_bins=max_bins)
    for make, y in ((cv.BoostedTreesRegressor, Y), (cv.BoostedTreesClassifier, LABELS)):
        ours = make(max_bins=max_bins, **SMALL).fit(dataset, y)
        theirs = make(max_bins=max_bins, **SMALL).fit(table, y)
        assert file_bytes(ours) == file_bytes(theirs)
        assert ours.n_features_in_ == theirs.n_features_in_
        assert_array_equal(ours.predict(dataset), theirs.predict(table))
        assert_array_equal(ours.apply(dataset), theirs.apply(table))
        assert_array_equal(ours.model_.predict(dataset), theirs.predict(table))
        assert_array_equal(list(ours.staged_predict(dataset))[3], list(theirs.staged_predict(table))[3])
    assert hasattr(ours, "feature_names_in_") == isinstance(table, dict)


def test_a_table_too_large_for_two_orders_of_its_codes():
    """Past 2^27 cells a fit keeps its codes row by row alone; a Dataset keeps both."""
    rng = np.random.default_rng(0)
    table = rng.integers(0, 200, size=(1_500_000, 90), dtype=np.uint8)
    y = table[:, 0] + np.float32(2) * table[:, 1] + (table[:, 89] > 150) * 90
    est = cv.BoostedTreesRegressor(n_estimators=16, max_leaves=5, n_jobs=2)
    assert table.size > 2**27
    assert file_bytes(est.fit(table, y)) == file_bytes(est.fit(cv.Dataset(table, max_bins=est.max_bins), y))


@pytest.mark.parametrize("n_columns", [3, 6])
def test_rows_that_lie_together_by_leaves(n_columns):
    """From 2^19 rows and 16 trees on, a fit reorders its codes after the first tree; those of a Dataset stay."""
    rng = np.random.default_rng(0)
    table = rng.integers(0, 9, size=(2**19, n_columns)).astype(np.float32)
    table[:, 1] = rng.normal(size=len(table))  # codes of two bytes
    table[rng.random(len(table)) < 0.1, 2] = np.nan
    y = (table[:, 0] > 3) * table[:, 1] + np.isnan(table[:, 2]) + rng.normal(size=len(table))
    dataset = cv.Dataset(table, max_bins=400)
    for est in (cv.BoostedTreesRegressor, cv.BoostedTreesClassifier):
        labels = y if est is cv.BoostedTreesRegressor else y > 0.5
        fits = [est(n_estimators=16, max_leaves=12, max_bins=400, n_jobs=jobs).fit(table, labels) for jobs in (1, 2, 3)]
        assert len({file_bytes(fit) for fit in (*fits, est(**fits[0].get_params()).fit(dataset, labels))}) == 1


def test_weights_offsets_and_threads():
    weights, offset = RNG.integers(0, 3, N).astype(float), RNG.normal(size=N)
    dataset = cv.Dataset(FRAME, sample_weight=weights)
    for jobs in (1, 3):
        est = cv.BoostedTreesRegressor(n_jobs=jobs, **SMALL)
        theirs = file_bytes(est.fit(FRAME, Y, weights, offset=offset))
        assert file_bytes(est.fit(dataset, Y, weights, offset=offset)) == theirs


def test_listed_categories():
    table = np.column_stack([NUMBERS, CODES])
    dataset = cv.Dataset(table, categorical_features=[3])
    theirs = cv.BoostedTreesRegressor(categorical_features=[3], **SMALL).fit(table, Y)
    for listed in ([3], [-1], [False, False, False, True], "auto"):
        ours = cv.BoostedTreesRegressor(categorical_features=listed, **SMALL).fit(dataset, Y)
        assert file_bytes(ours) == file_bytes(theirs)
    with pytest.raises(ValueError, match=r"categorical_features=\[2\] is not what the Dataset was made with"):
        cv.BoostedTreesRegressor(categorical_features=[2]).fit(dataset, Y)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_a_view_is_the_rows_that_weigh_something(seed):
    """Whatever their order; the rest weighs 0."""
    rng = np.random.default_rng(seed)
    dataset = cv.Dataset(FRAME)
    rows = rng.permutation(N)[: rng.integers(100, N)]
    view, weights = dataset[rows], rng.integers(1, 4, len(rows)).astype(float)
    offset = rng.normal(size=len(rows))
    whole = np.zeros(N)
    whole[rows] = weights
    y, whole_offset = np.full(N, Y[rows[0]]), np.full(N, offset[0])
    y[rows], whole_offset[rows] = Y[rows], offset
    est = cv.BoostedTreesRegressor(**SMALL)
    est.fit(view, Y[rows], weights, offset=offset)
    assert_array_equal(est.predict(view, offset=offset), est.predict(dataset, offset=whole_offset)[rows])
    alone = est.predict(dataset, offset=whole_offset)
    est.fit(dataset, y, whole, offset=whole_offset)
    assert_allclose(est.predict(dataset, offset=whole_offset), alone, rtol=1e-9, atol=1e-9)


def test_views_of_views():
    dataset = cv.Dataset(FRAME)
    est = cv.BoostedTreesRegressor(**SMALL).fit(dataset, Y)
    expected = est.predict(FRAME)
    mask = RNG.random(N) < 0.5
    assert dataset[mask].shape == (mask.sum(), 7) and len(dataset[::2]) == N // 2
    assert_array_equal(est.predict(dataset[mask][3:50:2]), expected[mask][3:50:2])
    assert_array_equal(est.predict(dataset[[5, 5, -1]]), expected[[5, 5, -1]])
    for wrong in (5, (1, 2), np.zeros((2, 2), dtype=int)):
        with pytest.raises(IndexError, match="an array of rows, a mask or a slice"):
            dataset[wrong]
    with pytest.raises(IndexError):
        dataset[[N]]
    rows = RNG.integers(0, N, N)  # some twice: as often as they are named
    weighted = est.fit(dataset, Y, np.bincount(rows, minlength=N).astype(float)).predict(FRAME)
    assert_allclose(est.fit(dataset[rows], Y[rows]).predict(FRAME), weighted, rtol=1e-9, atol=1e-9)


def test_a_model_without_a_split_predicts():
    est = cv.BoostedTreesRegressor(n_estimators=2).fit(dataset := cv.Dataset(np.ones((50, 2))), Y[:50])
    assert_array_equal(est.predict(dataset[:3]), est.predict(np.ones((3, 2))))


def test_searches_bin_nothing():
    dataset = cv.Dataset(FRAME)
    folds = KFold(3, shuffle=True, random_state=0)
    grid = {"max_leaves": [3, 6], "learning_rate": [0.1, 0.3]}
    est = cv.BoostedTreesRegressor(**SMALL)
    with cv.profile() as profile:
        search = GridSearchCV(est, grid, cv=folds, error_score="raise").fit(dataset, Y)
        scores = cross_val_score(est, dataset, Y, cv=folds, error_score="raise")
        cross_val_predict(est, dataset, Y, cv=folds)
    phases = profile.to_dict()["phases"]
    assert phases["accumulate"]["calls"] > 0 and not {"bin", "cuts"} & set(phases)
    assert search.best_score_ >= scores.mean() > 0.6
    table = np.column_stack([NUMBERS, CODES])
    by_codes, by_values = (GridSearchCV(est, grid, cv=folds).fit(X, Y).best_score_ for X in (cv.Dataset(table), table))
    assert abs(by_codes - by_values) < 0.01  # bins of all rows, bins of those of a fold
    labels = cross_val_score(cv.BoostedTreesClassifier(**SMALL), dataset, LABELS, cv=3, error_score="raise")
    assert labels.mean() > 0.6


@pytest.mark.parametrize("table", [NUMBERS, FRAME], ids=["numbers", "frame"])
def test_a_file_holds_all(table, tmp_path):
    path = tmp_path / "dataset.safetensors"
    dataset = cv.Dataset(table, max_bins=600)
    dataset.save(path)
    loaded = cv.Dataset.load(path)
    assert repr(loaded) == repr(dataset)
    est = cv.BoostedTreesRegressor(max_bins=600, **SMALL)
    assert file_bytes(est.fit(loaded, Y)) == file_bytes(est.fit(table, Y))
    assert_array_equal(est.predict(loaded[::3]), est.predict(table)[::3])
    again = tmp_path / "again.safetensors"
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()
    cells = dataset.shape[0] * dataset.shape[1]
    assert os.path.getsize(path) < 3.5 * cells + 50_000
    from safetensors.numpy import load_file

    assert set(load_file(path)) >= {"dataset.narrow_rows", "dataset.cuts"}  # which checks the container once more
    with pytest.raises(ValueError, match="a view of a Dataset cannot be saved"):
        dataset[:5].save(path)
    copied = pickle.loads(pickle.dumps(dataset[10:500]))
    assert_array_equal(est.predict(copied), est.predict(table)[10:500])


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "dataset.safetensors"
    cv.Dataset(FRAME, max_bins=300).save(path)
    return path.read_bytes()


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_whole(data, stored, tmp_path_factory):
    """Any byte but those of levels and cuts: otherwise codes would index what is not there."""
    path = tmp_path_factory.mktemp("damaged") / "dataset.safetensors"
    cut_off = data.draw(st.booleans())
    place = data.draw(st.integers(0, len(stored) - 1))
    if cut_off:
        damaged = stored[:place]
    else:
        damaged = bytearray(stored)
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    try:
        dataset = cv.Dataset.load(path)
    except cv.ModelFormatError:
        return
    assert not cut_off
    est = cv.BoostedTreesRegressor(max_bins=dataset.max_bins, n_estimators=1)
    est.fit(dataset, np.zeros(len(dataset)))


@pytest.mark.parametrize("n_rows", [1, 15, 16, 17, 255, 257, 600])
def test_both_orders_of_codes_are_the_same(n_rows, tmp_path):
    """What is loaded is held to it, for any number of narrow and wide columns, and the places that no column takes."""
    rng = np.random.default_rng(n_rows)
    for n_features in [*range(1, 18), 28, 33]:
        for dtype, order in ((np.float32, "C"), (np.float64, "C"), (np.float32, "F")):
            table = np.asarray(rng.normal(size=(n_rows, n_features)), dtype=dtype, order=order)
            table[rng.random(table.shape) < 0.05] = np.nan
            path = tmp_path / "dataset.safetensors"
            cv.Dataset(table, max_bins=int(rng.choice([255, 400]))).save(path)
            assert cv.Dataset.load(path).shape == table.shape


def test_every_flipped_code_is_found(stored, tmp_path):
    length = int.from_bytes(stored[:8], "little")
    header = json.loads(stored[8 : 8 + length])
    for name in ("narrow_rows", "narrow_columns", "wide_rows", "wide_columns"):
        begin, end = header[f"dataset.{name}"]["data_offsets"]
        for place in np.linspace(begin, end - 1, 25).astype(int):
            damaged = bytearray(stored)
            damaged[8 + length + place] ^= 64
            (tmp_path / "damaged").write_bytes(damaged)
            with pytest.raises(cv.ModelFormatError, match="codes"):
                cv.Dataset.load(tmp_path / "damaged")


def test_files_of_another_kind(tmp_path):
    est = cv.BoostedTreesRegressor(n_estimators=1).fit(NUMBERS, Y)
    est.save(tmp_path / "model")
    cv.Dataset(NUMBERS).save(tmp_path / "dataset")
    with pytest.raises(cv.ModelFormatError, match="kind 'trees', not a dataset"):
        cv.Dataset.load(tmp_path / "model")
    with pytest.raises(cv.ModelFormatError, match="kind='dataset' is not known"):
        cv.load(tmp_path / "dataset")


def test_what_does_not_fit_is_named():
    dataset = cv.Dataset(NUMBERS, max_bins=64)
    est = cv.BoostedTreesRegressor(**SMALL)
    with pytest.raises(ValueError, match="max_bins=255 is not that of the Dataset, 64"):
        est.fit(dataset, Y)
    est.fit(NUMBERS, Y)
    with pytest.raises(ValueError, match="is no cut of this Dataset.*predict from X"):
        est.predict(dataset)
    with pytest.raises(ValueError, match="4 features|expecting 3"):
        est.predict(cv.Dataset(np.column_stack([NUMBERS, CODES])))
    other = dict(FRAME, colour=np.where(CODES == 1, "new", FRAME["colour"]))
    with pytest.raises(ValueError, match="other features or levels than the model"):
        cv.BoostedTreesRegressor(**SMALL).fit(FRAME, Y).predict(cv.Dataset(other))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        est.set_params(max_bins=64).fit(dataset, Y[:-1])
    with pytest.raises(TypeError, match="a Dataset holds codes of bins, not values"):
        cv.LinearRegressor().fit(dataset, Y)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"max_bins": 1}, r"max_bins=1 must be in \[2, 65535\]"),
        ({"max_bins": 2.5}, r"max_bins=2.5 must be an integer"),
        ({"sample_weight": np.ones(3)}, "sample_weight has 3 values: X has 900 rows"),
        ({"sample_weight": -np.ones(N)}, r"sample_weight\[0\]=-1 must be at least 0"),
        ({"sample_weight": np.zeros(N)}, "must not be 0 for every row"),
        ({"categorical_features": ["nothing"]}, "categorical_features"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cv.Dataset(NUMBERS, **arguments)


def test_tables_that_are_none():
    scipy = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match="a Dataset holds dense tables only"):
        cv.Dataset(scipy.csr_array(np.eye(5)))
    with pytest.raises(ValueError, match="0 rows"):
        cv.Dataset(np.empty((0, 3)))
    with pytest.raises(ValueError, match="2 dimensions"):
        cv.Dataset(np.ones(3))


def test_it_needs_no_scikit_learn(tmp_path):
    cv.Dataset(NUMBERS).save(tmp_path / "dataset")
    code = (
        "import sys, curvature as cv; cv.Dataset.load(sys.argv[1]);"
        "assert not {'sklearn', 'scipy', 'pandas', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "dataset")], check=True)
