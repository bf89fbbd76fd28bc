"""Files of linear models: the same bits by every way, and nothing that is no whole model gets in."""

import json
import pickle
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from test_model_file import changed, copies, crafted, put

import curvature as cv
from curvature import Model, ModelFormatError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
Y = X[:, 0] + RNG.normal(size=80)
NAMES = np.array(["a", "größe", "長さ"], dtype=object)
THREE = np.array(["low", "mid", "höh"])[np.digitize(Y, [-0.5, 0.5])]


def asymmetric(y: Any, f: Any) -> Any:
    return np.where(y > f, 10.0, 1.0) * (y - f) ** 2 / 2


def two(y: Any, f: Any) -> Any:
    return (y[0] - f[0]) ** 2 / 2 + (y[1] - f[1]) ** 2 / 2


MAKE: dict[str, Any] = {
    "regressor": lambda: cv.LinearRegressor().fit(X, Y),
    "several outputs": lambda: cv.LinearRegressor(loss=two).fit(X, np.c_[Y, -Y]),
    "formula": lambda: cv.LinearRegressor(loss=asymmetric, alpha=0.3).fit(X, Y),
    "offset": lambda: cv.LinearRegressor(loss="poisson").fit(X, np.exp(Y), offset=Y),
    "factors": lambda: cv.LinearRegressor(penalty_factors=[0, 1, 2]).fit(X, Y),
    "binary": lambda: cv.LinearClassifier(class_weight={0: 1.0, 1: 2.0}, random_state=7).fit(X, (Y > 0).astype(int)),
    "softmax": lambda: cv.LinearClassifier(class_weight="balanced").fit(X, THREE),
    "one_vs_rest": lambda: cv.LinearClassifier(loss="squared_hinge").fit(X, THREE),
}
makes = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


@cache
def small_file() -> bytes:
    """Text labels, names, penalty factors: every kind of tensor is in it."""
    est = cv.LinearClassifier(multi_class="one_vs_rest", penalty_factors=[1, 2, 0]).fit(X, THREE)
    est.model_.feature_names = NAMES
    return est.model_.to_bytes()


def scores_of(model: Any, table: Any = X) -> np.ndarray:
    return model.decision_function(table, offset=0.25)


@makes
def test_the_same_bits_by_every_way(make: Any, tmp_path: Path) -> None:
    est = make()
    expected = scores_of(est.model_)
    for way, model in copies(est, tmp_path).items():
        assert type(model) is cv.LinearModel
        assert model.to_bytes() == est.model_.to_bytes(), way
        assert_array_equal(scores_of(model), expected, err_msg=way)
        assert_array_equal(scores_of(model, sparse.csr_array(X)), scores_of(est.model_, sparse.csr_array(X)))
        assert repr(model) == repr(est.model_)
        assert model.loss == est.model_.loss


@makes
def test_from_model_is_the_estimator_again(make: Any) -> None:
    """With its parameters and coefficients; of the wrong kind it is refused."""
    est = make()
    again = type(est).from_model(Model.from_bytes(est.model_.to_bytes()))
    assert_array_equal(again.coef_, est.coef_)
    assert_array_equal(again.intercept_, est.intercept_)
    ours, theirs = again.get_params(), est.get_params()
    for name in theirs:
        assert_array_equal(ours[name], theirs[name], err_msg=name) if name != "loss" else None
    if not est.model_.settings["offset"]:
        y = {1: Y, 2: np.c_[Y, -Y]}[est.model_.n_outputs] if est.model_.classes is None else None
        y = (THREE if len(est.classes_) == 3 else (Y > 0).astype(int)) if y is None else y
        assert clone(again).fit(X, y).model_.to_bytes() == est.model_.to_bytes()
    for other in (cv.LinearRegressor, cv.LinearClassifier, cv.BoostedTreesRegressor, cv.BoostedTreesClassifier):
        if other is not type(est):
            with pytest.raises(ValueError, match=f"is not for a {other.__name__}"):
                other.from_model(est.model_)


def test_the_file_is_plain_safetensors() -> None:
    data = small_file()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    settings = json.loads(header.pop("__metadata__")["curvature"])
    assert settings["format"] == 4 and settings["kind"] == "linear"
    assert header["weights"]["shape"] == [3, 3] and header["intercepts"]["shape"] == [3]
    assert not {"n_jobs", "verbose"} & set(settings["settings"]["parameters"])


def test_a_loaded_model_predicts_without_scikit_learn(tmp_path: Path) -> None:
    """Dense and compressed sparse rows, with scikit-learn, SciPy and pandas impossible to import."""
    (tmp_path / "model").write_bytes(small_file())
    model, rows = Model.from_bytes(small_file()), sparse.csr_array(X)
    np.savez(tmp_path / "data", X=X, p=model.predict_proba(X), data=rows.data, indices=rows.indices, indptr=rows.indptr)
    script = """
        import sys
        for name in ("sklearn", "scipy", "pandas", "joblib", "pyarrow"):
            sys.modules[name] = None
        from types import SimpleNamespace
        import numpy as np, curvature as cv
        data, model = np.load(sys.argv[1] + "/data.npz"), cv.load(sys.argv[1] + "/model")
        assert (model.predict_proba(data["X"]) == data["p"]).all()
        rows = {name: data[name] for name in ("data", "indices", "indptr")}
        assert np.allclose(model.predict_proba(SimpleNamespace(**rows, shape=(80, 3))), data["p"], rtol=1e-12)
        model.save(sys.argv[1] + "/again")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again").read_bytes() == small_file()


def use(model: Model) -> None:
    """Everything that a model answers; what comes out must be of the right shape."""
    table = np.zeros((5, model.n_features))
    assert np.isfinite(scores_of(model)).all() or np.abs(model.weights).max() > 1e300
    assert model.predict(table, offset=0).shape == (5,)
    assert np.isfinite(model.predict_proba(table, offset=0)).all()
    assert Model.from_bytes(model.to_bytes()).to_bytes() == model.to_bytes()
    assert cv.LinearClassifier.from_model(model).model_ is model


def test_every_truncation_is_refused() -> None:
    data = small_file()
    for length in range(len(data)):
        with pytest.raises(ModelFormatError):
            Model.from_bytes(data[:length])


def test_every_flipped_bit_gives_a_model_or_an_error() -> None:
    data, accepted = small_file(), 0
    with np.errstate(all="ignore"):
        for at in range(len(data)):
            for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
                damaged = bytearray(data)
                damaged[at] ^= mask
                try:
                    model = Model.from_bytes(bytes(damaged))
                except ModelFormatError:
                    continue
                use(model)
                accepted += 1
    assert accepted > 8 * 64  # a flipped bit in a weight makes another valid model


def accepts(data: bytes) -> bool:
    """Whether it is a model, all of whose answers are then asked for; or else a ModelFormatError."""
    try:
        model = Model.from_bytes(data)
    except ModelFormatError:
        return False
    with np.errstate(all="ignore"):
        use(model)
    return True


def test_random_edits_of_bytes_give_a_model_or_an_error() -> None:
    """Bytes overwritten, left out, put in and moved about, alone and several at a time."""
    data, rng, accepted = small_file(), np.random.default_rng(5), 0
    for _ in range(600):
        damaged = bytearray(data)
        for _ in range(rng.integers(1, 5)):
            at, length = int(rng.integers(len(damaged))), int(rng.integers(1, 9))
            other = int(rng.integers(len(damaged)))
            piece = [rng.bytes(length), b"", bytes(damaged[other : other + length]), b"0", b"9" * length][
                rng.integers(5)
            ]
            damaged[at : at + (length if rng.random() < 0.5 else len(piece))] = piece
        accepted += accepts(bytes(damaged))
    assert 0 < accepted < 300


ODD_VALUES = [None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 1e308, -0.5, "", "x", "logistic", [], [1], {}, {"a": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all parts of a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return [path] + [inner for key, part in parts for inner in places(part, (*path, key))]


def test_every_edit_of_the_json_gives_a_model_or_an_error() -> None:
    """Each part of it becomes each of some odd values, is left out, or gets another name."""
    data, tried, accepted = small_file(), 0, 0
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    text = header["__metadata__"]["curvature"]

    def edited(path: tuple[Any, ...], edit: Any) -> bytes:
        settings = part = json.loads(text)
        for key in path[:-1]:
            part = part[key]
        edit(part, path[-1])
        return crafted(data, header=json.dumps(settings))

    def set_to(value: Any) -> Any:
        return lambda part, key: part.__setitem__(key, value)

    def rename(part: Any, key: Any) -> None:
        part[f"{key}_"] = part.pop(key)

    for path in places(json.loads(text))[1:]:
        edits = [set_to(value) for value in ODD_VALUES] + [lambda part, key: part.pop(key)]
        for edit in edits + ([rename] if isinstance(path[-1], str) else []):
            tried += 1
            accepted += accepts(edited(path, edit))
    assert tried > 500
    assert 0 < accepted < tried / 2


PARAMETERS = ("settings", "parameters")
DAMAGE: dict[str, dict[str, Any]] = {
    **{f"no {name}": {"drop": name} for name in ("weights", "intercepts")},
    "an unknown tensor": {"other": np.zeros(3)},
    "trees": {"start_scores": np.zeros(3)},
    **{f"weight {v}": {"weights": lambda a, v=v: put(0, v)(a.ravel()).reshape(3, 3)} for v in (np.nan, np.inf)},
    **{f"intercept {v}": {"intercepts": put(1, v)} for v in (np.nan, -np.inf)},
    "float32": {"weights": lambda a: a.astype("f4")},
    "a vector": {"weights": lambda a: a.ravel()},
    "two columns": {"weights": lambda a: a[:, :2].copy()},
    "two outputs": {"weights": lambda a: a[:2], "intercepts": lambda a: a[:2]},
    "two intercepts": {"intercepts": lambda a: a[:2]},
    "no output": {"weights": lambda a: a[:0], "intercepts": lambda a: a[:0]},
    "a negative factor": {"constraints__penalty_factors": put(0, -1.0)},
    "two factors": {"constraints__penalty_factors": lambda a: a[:2]},
    "one bound": {"constraints__lower": np.zeros(3)},
    "bounds above 0": {"constraints__lower": np.ones(3), "constraints__upper": np.ones(3)},
    "NaN bounds": {"constraints__lower": np.full(3, np.nan), "constraints__upper": np.ones(3)},
    "another kind": {"header": changed(kind="trees")},
    "a kind that is none": {"header": changed(kind="forest")},
    **{f"offset {v!r}": {"header": changed("settings", offset=v)} for v in (0, "no", None)},
    "not one_vs_rest": {"header": changed("settings", one_vs_rest=False)},
    "a loss of K scores": {"header": changed("settings", loss={"name": "softmax", "parameters": {}, "link": None})},
    "an unknown setting": {"header": changed("settings", other=1)},
    "an unknown parameter": {"header": changed(*PARAMETERS, other=1)},
    **{f"alpha {v!r}": {"header": changed(*PARAMETERS, alpha=v)} for v in (-1.0, "best", None, [], [float("nan")])},
    **{f"solver {v!r}": {"header": changed(*PARAMETERS, solver=v)} for v in ("saga", None, 3)},
    **{f"average {v!r}": {"header": changed(*PARAMETERS, average=v)} for v in (1, None)},
    "n_features": {"header": changed(n_features=4)},
}  # fmt: skip


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_structure_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ModelFormatError) as caught:
        Model.from_bytes(crafted(small_file(), **change))
    assert len(str(caught.value)) > 20


def test_bounds_are_in_the_file() -> None:
    """Bounds come back as arrays; positive=True alone stays a switch."""
    est = cv.LinearRegressor(bounds=(-0.5, [1, 2, np.inf])).fit(X, Y)
    again = cv.LinearRegressor.from_model(Model.from_bytes(est.model_.to_bytes()))
    assert_array_equal(again.bounds[0], np.full(3, -0.5))
    assert_array_equal(again.bounds[1], [1, 2, np.inf])
    positive = cv.LinearRegressor(positive=True).fit(X, Y)
    assert cv.LinearRegressor.from_model(positive.model_).get_params() == positive.get_params()
    assert pickle.loads(pickle.dumps(positive)).get_params() == positive.get_params()
