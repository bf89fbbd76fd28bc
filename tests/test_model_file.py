"""A model file: the same bits back, the same bytes for the same model, and nothing that is no whole model gets in."""

import copy
import io
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

import curvature as cv
from curvature import Model, ModelFormatError, _schema

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
X[RNG.random(X.shape) < 0.1] = np.nan
Y = np.nan_to_num(X[:, 0]) + RNG.normal(size=80)
NAMES = np.array(["a", "größe", "長さ"], dtype=object)


def regressor(**params: Any) -> cv.BoostedTreesRegressor:
    return cv.BoostedTreesRegressor(**{"n_estimators": 3, "max_leaves": 4, **params}).fit(X, Y)


def classifier(classes: Any = (0, 1), **params: Any) -> cv.BoostedTreesClassifier:
    labels = np.asarray(classes)[(Y > 0).astype(int)]
    return cv.BoostedTreesClassifier(**{"n_estimators": 3, "max_leaves": 4, **params}).fit(X, labels)


def named() -> cv.BoostedTreesClassifier:
    """A classifier of text labels with named columns: every kind of tensor is in its file."""
    est = classifier(["no", "yes"])
    est.model_.schema, est.model_.feature_names = _schema.Schema(len(NAMES), None, NAMES), NAMES
    return est


@cache
def small_file() -> bytes:
    return named().model_.to_bytes()


def copies(est: Any, folder: Path) -> dict[str, Model]:
    """The model by every way in and out."""
    est.save(folder / "model.safetensors")
    stream = io.BytesIO()
    joblib.dump(est, stream)
    stream.seek(0)
    return {
        "file": cv.load(folder / "model.safetensors"),
        "bytes": Model.from_bytes(est.model_.to_bytes()),
        "pickle": pickle.loads(pickle.dumps(est)).model_,
        "pickled model": pickle.loads(pickle.dumps(est.model_, protocol=2)),
        "joblib": joblib.load(stream).model_,
        "deepcopy": copy.deepcopy(est).model_,
        "from_model": type(est).from_model(est.model_).model_,
    }


@pytest.mark.parametrize("make", [regressor, classifier, named])
def test_the_same_bits_by_every_way(make: Callable[[], Any], tmp_path: Path) -> None:
    """Predictions, leaves, importances, labels and names come back unchanged, and the bytes do."""
    est = make()
    for way, model in copies(est, tmp_path).items():
        assert model.to_bytes() == est.model_.to_bytes(), way
        assert_array_equal(model.decision_function(X), est.model_.decision_function(X), err_msg=way)
        assert_array_equal(model.predict(X), est.predict(X), err_msg=way)
        assert_array_equal(model.apply(X), est.apply(X), err_msg=way)
        for kind in ("gain", "split"):
            assert_array_equal(model.importances(kind), est.model_.importances(kind), err_msg=way)
        if est.model_.feature_names is not None:
            assert list(model.feature_names) == list(NAMES)
        assert repr(model) == repr(est.model_)


@pytest.mark.parametrize("make", [regressor, classifier])
def test_a_pickled_estimator_is_whole(make: Callable[..., Any]) -> None:
    """Parameters and fitted attributes survive; an estimator before its fit, too."""
    est = make(n_jobs=2, random_state=5)
    again = pickle.loads(pickle.dumps(est))
    assert again.get_params() == est.get_params()
    assert_array_equal(again.predict(X), est.predict(X))
    assert pickle.loads(pickle.dumps(type(est)(max_leaves=5))).max_leaves == 5


def test_the_same_model_gives_the_same_bytes() -> None:
    """Fitted twice, saved twice, or by another number of threads: one file."""
    files = {regressor(n_jobs=n_jobs).model_.to_bytes() for n_jobs in (None, 1, 2, 3) for _ in range(3)}
    assert len(files) == 1
    assert b"n_jobs" not in files.pop()
    assert regressor(learning_rate=0.5).model_.to_bytes() != regressor().model_.to_bytes()


def test_the_file_is_plain_safetensors() -> None:
    """One metadata key of sorted compact JSON, and little-endian vectors that any reader of the format knows."""
    data = small_file()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata = header.pop("__metadata__")
    assert list(metadata) == ["curvature"]
    text = metadata["curvature"]
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert {name for name in header if not name.startswith("trees.")} == {
        "classes.ends", "classes.text", "feature_names.ends", "feature_names.text", "start_scores"
    }  # fmt: skip
    assert all(len(tensor["shape"]) == 1 for tensor in header.values())


def run(script: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *args], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_light() -> None:
    """Importing the package imports none of scikit-learn, SciPy, pandas; naming an estimator does."""
    out = run("""
        import sys
        import curvature
        print(sorted({"sklearn", "scipy", "pandas", "joblib", "pyarrow"} & set(sys.modules)))
        curvature.BoostedTreesRegressor
        print("sklearn" in sys.modules)
    """)
    assert out == "[]\nTrue\n"


def test_a_loaded_model_predicts_without_scikit_learn(tmp_path: Path) -> None:
    """With scikit-learn, SciPy and pandas impossible to import, a file is read, predicts the same, and is written."""
    est = classifier(["no", "yes"])
    est.save(tmp_path / "model")
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "proba.npy", est.predict_proba(X))
    run(
        """
        import sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {"sklearn", "scipy", "pandas", "joblib", "pyarrow"}:
                    raise ImportError(f"{name} is blocked")

        sys.meta_path.insert(0, Blocker())
        import pickle
        import numpy as np
        import curvature as cv
        folder = sys.argv[1]
        X = np.load(folder + "/X.npy")
        model = cv.load(folder + "/model")
        assert (model.predict_proba(X) == np.load(folder + "/proba.npy")).all()
        assert set(model.predict(X)) == {"no", "yes"} and model.apply(X).shape == (80, 3)
        assert model.importances().sum() > 0 and len(list(model.staged_predict(X))) == 3
        model.save(folder + "/again")
        assert pickle.loads(pickle.dumps(model)).to_bytes() == open(folder + "/model", "rb").read()
        assert open(folder + "/again", "rb").read() == open(folder + "/model", "rb").read()
        try:
            cv.BoostedTreesRegressor
        except ImportError as error:
            assert "blocked" in str(error)
        else:
            raise SystemExit("the blocker does not block")
        """,
        str(tmp_path),
    )


def use(model: Model) -> None:
    """Everything that a model answers; what comes out must be of the right shape and finite."""
    table = np.vstack([np.zeros((9, model.n_features)), np.full((9, model.n_features), np.nan)])
    assert np.isfinite(model.decision_function(table)).all()
    assert len(model.predict(table)) == 18
    assert model.apply(table).shape == (18, model.n_trees)
    assert model.importances().shape == (model.n_features,)
    if model.classes is not None:
        assert np.isfinite(model.predict_proba(table)).all()
    assert repr(model)
    assert Model.from_bytes(model.to_bytes()).to_bytes() == model.to_bytes()


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    """Cut anywhere, or with anything behind it, a file is no whole model."""
    data = small_file()
    for length in range(len(data)):
        with pytest.raises(ModelFormatError):
            Model.from_bytes(data[:length])
    for tail in (b"\0", b" ", data):
        with pytest.raises(ModelFormatError):
            Model.from_bytes(data + tail)
    with pytest.raises(FileNotFoundError):
        cv.load(tmp_path / "none")


def test_foreign_bytes_are_refused() -> None:
    """Other files, empty ones and other safetensors are no models."""
    for data in (b"", b"\0" * 100, b"\xff" * 100, b"{}", b"PK\x03\x04" + bytes(50), pickle.dumps(3)):
        with pytest.raises(ModelFormatError):
            Model.from_bytes(data)
    for metadata in (None, {}, {"other": "1"}, {"curvature": ""}, {"curvature": "null"}, {"curvature": "{}"}):
        with pytest.raises(ModelFormatError):
            Model.from_bytes(save_tensors({"start_scores": np.zeros(1)}, metadata=metadata))


def test_every_flipped_bit_gives_a_model_or_an_error() -> None:
    """Each bit of a small file flipped, and each byte set: a model that predicts and saves, or a ModelFormatError."""
    data = small_file()
    classes, names, accepted = named().model_.classes.dtype.kind, len(NAMES), 0
    for at in range(len(data)):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            damaged = bytearray(data)
            damaged[at] ^= mask
            try:
                model = Model.from_bytes(bytes(damaged))
            except ModelFormatError:
                continue
            use(model)
            assert model.classes is not None and model.classes.dtype.kind == classes, (at, mask)
            assert model.feature_names is not None and len(model.feature_names) == names, (at, mask)
            accepted += 1
    assert accepted > 8 * 64  # a flipped bit in a leaf's value or a threshold makes another valid model


def crafted(data: bytes, header: Any = None, drop: str = "", **tensors: Any) -> bytes:
    """A file with some tensors replaced (``__`` for a dot), one dropped, and the header changed by a function."""
    all_tensors = {name: array.copy() for name, array in load_tensors(data).items()}
    all_tensors.pop(drop, None)
    for name, value in tensors.items():
        name = name.replace("__", ".")
        all_tensors[name] = value(all_tensors[name]) if callable(value) else value
    text = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["curvature"]
    text = header if isinstance(header, str) else json.dumps((header or (lambda h: h))(json.loads(text)))
    return save_tensors(all_tensors, metadata={"curvature": text})


def put(at: int, value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[at] = value
        return array

    return change


def changed(*path: str, **values: Any) -> Callable[[Any], Any]:
    """Change the header's dictionary, or the one at the end of a path in it."""
    return lambda h: h | ({path[0]: changed(*path[1:], **values)(h[path[0]])} if path else values)


FIELDS = ["tree_begin", "feature", "threshold", "set", "left", "missing_left", "value", "gain", "cover"]
RESHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "short": lambda a: a[:-1], "long": lambda a: np.append(a, a[-1:]), "empty": lambda a: a[:0],
    "2-D": lambda a: a[:, None], "float32": lambda a: a.astype("f4"), "int16": lambda a: a.astype("i2"),
}  # fmt: skip
DAMAGE: dict[str, dict[str, Any]] = {
    **{f"{field} missing": {"drop": f"trees.{field}"} for field in FIELDS},
    **{f"{field} {what}": {f"trees__{field}": change} for field in FIELDS for what, change in RESHAPES.items()},
    **{f"child {v}": {"trees__left": put(0, v)} for v in (-(2**31), -1, 0, 2, 3, 6, 7, 2**31 - 1)},
    "a cycle": {"trees__left": lambda a: put(np.flatnonzero(a > 0)[-1], 0)(a)},
    "two parents": {"trees__left": lambda a: np.where(a > 0, 1, 0).astype(np.int32)},
    **{f"feature {v}": {"trees__feature": put(0, v)} for v in (-(2**31), -2, -1, 3, 2**31 - 1)},
    "a leaf that splits": {"trees__feature": put(-1, 0)},
    "threshold nan": {"trees__threshold": put(0, np.nan)},
    **{f"{k} {v}": {f"trees__{k}": put(0, v)} for k in ("value", "gain", "cover") for v in (np.nan, np.inf, -np.inf)},
    "a side of missing": {"trees__missing_left": put(0, 2)},
    **{f"tree begins at {v}": {"trees__tree_begin": put(0, v)} for v in (-1, 1, 2**62)},
    **{f"tree ends at {v}": {"trees__tree_begin": put(-1, v)} for v in (0, -1, 2**62, -(2**63))},
    "trees out of order": {"trees__tree_begin": lambda a: a[[0, 2, 1, 3]]},
    "an empty tree": {"trees__tree_begin": lambda a: np.insert(a, 1, 0)},
    **{f"start {v}": {"start_scores": np.array(v)} for v in ([np.nan], [np.inf], [0.0, 0.0], [], [[0.0]], [0], 0.0)},
    "no start": {"drop": "start_scores"},
    "an unknown tensor": {"other": np.zeros(3)},
    "an unknown tensor of the trees": {"trees__other": np.zeros(3)},
    **{f"no {k}": {"drop": k} for k in ("classes.text", "classes.ends", "feature_names.text", "feature_names.ends")},
    "text that is no UTF-8": {"classes__text": put(0, 255)},
    "ends out of order": {"classes__ends": lambda a: a[::-1].copy()},
    "ends beyond the text": {"classes__ends": put(-1, 100)},
    "ends before the text's end": {"classes__ends": lambda a: a - 1},
    "negative ends": {"classes__ends": put(0, -1)},
    "ends of float": {"classes__ends": lambda a: a.astype(float)},
    "three classes": {"classes__ends": np.array([1, 2, 5])},
    "one class": {"classes__ends": np.array([5])},
    "two names": {"feature_names__ends": lambda a: a[1:]},
    **{f"n_features {v!r}": {"header": changed(n_features=v)} for v in (0, -1, 2, 4, 3.0, "3", 2**31, None)},
    **{f"format {v!r}": {"header": changed(format=v)} for v in (0, 3, 5, "4", True, None)},
    **{f"kind {v!r}": {"header": changed(kind=v)} for v in ("linear", "", None, [])},
    **{f"header {text[:8]}": {"header": text} for text in ("", "[]", "null", '{"format":1', "[" * 100_000)},
    **{f"settings {v!r}": {"header": changed(settings=v)} for v in ({}, [], None, {"loss": "logistic"})},
    **{f"loss {v!r}": {"header": changed("settings", loss=v)} for v in (None, 3, "logistic", {})},
    "an unknown parameter": {"header": changed("settings", "parameters", other=1)},
    "a NaN parameter": {"header": changed("settings", "parameters", reg_lambda=float("nan"))},
}


def test_crafting_without_damage_gives_the_model() -> None:
    """The battery below starts from a file that loads."""
    assert Model.from_bytes(crafted(small_file())).to_bytes() == small_file()


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_structure_is_refused(change: dict[str, Any]) -> None:
    """Changed through the format itself, so that only the check of the content can see it."""
    with pytest.raises(ModelFormatError) as caught:
        Model.from_bytes(crafted(small_file(), **change))
    assert len(str(caught.value)) > 20


def test_a_huge_number_of_features_costs_no_memory() -> None:
    """A file that claims the most columns is read, and refuses a table of three, without memory for each of them."""
    data = crafted(regressor().model_.to_bytes(), header=changed(n_features=2**26))
    run(
        """
        import resource, sys
        import numpy as np, curvature as cv
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        model = cv.Model.from_bytes(bytes.fromhex(sys.argv[1]))
        try:
            model.predict(np.zeros((5, 3)))
        except ValueError as error:
            assert "X has 3 features, but the model was trained with 67108864" in str(error)
        """,
        data.hex(),
    )


def test_save_is_in_full_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails while saving, the old file stays, and nothing is left beside it."""
    path = tmp_path / "model"
    regressor().save(path)
    before = path.read_bytes()
    est = regressor(n_estimators=5)

    def fail(*_: Any) -> Any:
        raise OSError("no space left")

    for target, name in ((os, "replace"), (Model, "to_bytes")):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, fail)
            with pytest.raises(OSError, match="no space left"):
                est.save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["model"]
    est.save(path)
    assert path.read_bytes() == est.model_.to_bytes() != before


def test_saves_at_once_leave_one_of_the_models(tmp_path: Path) -> None:
    """Threads that save to one path do not disturb one another, nor a reader."""
    path, models = tmp_path / "model", [regressor(n_estimators=n).model_ for n in (2, 60)]
    allowed = {model.to_bytes() for model in models}
    models[0].save(path)
    failures: list[BaseException] = []

    def work(model: Model) -> None:
        try:
            for _ in range(50):
                model.save(path)
                assert path.read_bytes() in allowed
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(model,)) for model in models * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert os.listdir(tmp_path) == ["model"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=3, max_size=3, unique=True))
def test_names_of_all_kinds_come_back(names: list[str]) -> None:
    """Any text is a column's name: empty, with NUL, combining, beyond the basic plane."""
    pd = pytest.importorskip("pandas")
    est = cv.BoostedTreesRegressor(n_estimators=1).fit(pd.DataFrame(X, columns=np.array(names, dtype=object)), Y)
    model = Model.from_bytes(est.model_.to_bytes())
    assert list(model.feature_names) == list(cv.BoostedTreesRegressor.from_model(model).feature_names_in_) == names
    assert model.to_bytes() == est.model_.to_bytes()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=2, unique=True))
def test_labels_of_all_kinds_come_back(labels: list[str]) -> None:
    """Any two texts are labels, as objects in full, and they keep their dtype."""
    model = classifier(np.array(sorted(labels), dtype=object), n_estimators=1).model_
    again = Model.from_bytes(model.to_bytes())
    assert list(again.classes) == sorted(labels)
    assert again.classes.dtype == object
