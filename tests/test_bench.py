"""The benchmark suite: the short form runs, its JSON is whole, and medians and ratios are what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="the source distribution has no bench/")


@pytest.fixture(autouse=True)
def import_from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bench` is no installed package: it runs from the root of the source tree."""
    monkeypatch.syspath_prepend(ROOT)


def run_bench(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "CURVATURE_DATA"}
    command = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("rival", [None, "lightgbm", "xgboost-lossguide", "catboost-symmetric", "sklearn-hgb"])
def test_the_quick_form(rival: str | None, tmp_path: Path) -> None:
    """One case with curvature and a rival: a table on the screen, a document with a figure a repeat."""
    from bench.libraries import LIBRARIES

    if rival is not None and (why := LIBRARIES[rival].missing()):
        pytest.skip(why)
    names = ["curvature", *([rival] if rival else [])]
    case = "500x10" if rival else "diabetes-100x31"
    n = 1 if rival else 2
    printed = run_bench("--quick", "--case", case, "--library", *names, "--repeats", str(n), "--output", str(tmp_path))

    (path,) = tmp_path.glob("quick-*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["format"] == 1
    assert {"date", "commit", "changed", "machine", "versions", "options", "cases"} <= set(document)
    assert document["machine"]["cores"] >= 1
    assert document["machine"]["build"]["instruction_set"] in {"baseline", "v3", "v4"}
    assert {"python", "numpy", "curvature"} <= set(document["versions"])
    (result,) = document["cases"]
    assert result["name"] == case
    assert result["left_out"] == {}
    assert list(result["results"]) == names
    for name in names:
        assert f"| {name} |" in printed
        figures = result["results"][name]
        for key in ("fit_seconds", "predict_seconds", "import_seconds"):
            assert len(figures[key]) == n
            assert min(figures[key]) > 0
        assert len(figures["fit_memory"]) == n
        assert set(figures["metrics"]) == ({"auc", "logloss"} if rival else {"rmse"})
        assert np.isfinite(list(figures["metrics"].values())).all()


def test_the_picture(tmp_path: Path) -> None:
    """A document of results becomes a picture."""
    pytest.importorskip("matplotlib")
    from bench.plot import draw

    machine = {"cpu": "some", "cores": 1, "build": {"instruction_set": "v3"}}
    options = {"repeats": 2, "threads": 1, "quick": False}
    rest = {"versions": {}, "commit": None, "changed": None, "date": "2000-01-01"}
    draw({"machine": machine, "options": options, "cases": [results()], **rest}, tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").stat().st_size > 0


def test_medians_ratios_and_paired_differences() -> None:
    """× is the ratio of medians; a metric's difference is taken repeat by repeat."""
    from bench.report import summarise, table

    fast, ours = summarise(results())
    assert (fast.library, ours.library) == ("lightgbm", "curvature")
    assert fast.medians["fit_seconds"] == 1.5
    assert fast.ratios == {"fit_seconds": 0.5, "predict_seconds": 2.0}  # too little memory for a ratio
    mean, error = fast.differences["auc"]
    assert mean == pytest.approx(0.02)
    assert error == pytest.approx(0.01)
    assert "| lightgbm | 1.5 s | 0.50 |" in table(results())
    assert "| 600 ms |" in table(results())


def test_every_library_begins_once() -> None:
    """The order is rotated from repeat to repeat."""
    from bench.run import rotated

    orders = [rotated(["a", "b", "c"], repeat) for repeat in range(4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]
    assert rotated([], 1) == []


def test_synthetic_rows_have_one_truth() -> None:
    """Repeats draw other training rows and the same held-out rows, each reproducibly."""
    from bench.data import Synthetic

    source = Synthetic(rows=300, columns=10, test_rows=200)
    first, again, other = source.draw(0), source.draw(0), source.draw(1)
    assert first.X.dtype == np.float32
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    np.testing.assert_array_equal(first.y_test, other.y_test)
    assert not np.array_equal(first.X, other.X)
    assert 0.2 < first.y.mean() < 0.8


def test_an_unknown_case_is_refused() -> None:
    """The message names what there is."""
    from bench.cases import select

    with pytest.raises(ValueError, match=r"no case is called 'nothing'.*100k"):
        select(["nothing"], quick=False)


def results() -> dict[str, Any]:
    """Two repeats of two libraries."""

    def figures(fit: list[float], predict: list[float], auc: list[float]) -> dict[str, Any]:
        rest = {"fit_memory": [10, 10], "import_seconds": [0.5, 0.7], "metrics": {"auc": auc}}
        return {"fit_seconds": fit, "predict_seconds": predict, **rest}

    return {
        "name": "made-up",
        "task": "binary",
        "rows": 10,
        "columns": 2,
        "test_rows": 5,
        "settings": None,
        "left_out": {},
        "results": {
            "curvature": figures([2, 4], [1, 1], [0.80, 0.70]),
            "lightgbm": figures([1, 2], [2, 2], [0.83, 0.71]),
        },
    }
