"""The benchmark of frames: splits are whole and reproducible, losses are what they say, its short form runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CURVATURE_DATA", ROOT.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="the source distribution has no bench/"),
    pytest.mark.skipif(not DATA.exists(), reason=f"no data in {DATA}"),
]


@pytest.fixture(autouse=True)
def import_from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bench` is no installed package: it runs from the root of the source tree."""
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv("CURVATURE_DATA", str(DATA))


def test_the_quick_form(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.frames", "--quick", "--library", "curvature", "--set", "be_mtpl97"]
    done = subprocess.run([*command, "--output", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("quick-frames-*.json")
    (case,) = json.loads(path.read_text(encoding="utf-8"))["cases"]
    assert (case["task"], case["rows"], case["categories"], case["left_out"]) == ("poisson", 1000, 5, {})
    assert f"| curvature | {case['results']['curvature']['metrics']['deviance'][0]:.5g} | 0.00% |" in done.stdout


def test_common_parameters_on_sparse_rows(tmp_path: Path) -> None:
    """Words of many columns as compressed rows; every class is in the warm-up."""
    pytest.importorskip("scipy")
    command = [sys.executable, "-m", "bench.frames", "--quick", "--library", "curvature", "--set", "reuters_r8"]
    command += ["--parameters", "100x31", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("quick-frames-*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["settings"]["leaves"] == 31
    (case,) = document["cases"]
    assert (case["parameters"], case["rows"], case["columns"]) == ("100x31", 1000, 10684)
    assert case["results"]["curvature"]["metrics"]["accuracy"][0] > 0.7


def test_splits_are_disjoint_and_the_same_for_every_library() -> None:
    """The stored split first, then permutations of all rows; a frame of text keeps its categories and its gaps."""
    from bench.frames.sets import draw

    stored, again, other = draw("loans", 0, None), draw("loans", 0, None), draw("loans", 1, None)
    assert len(stored.train.y) == len(other.train.y) == 8000
    assert len(stored.test.y) == len(other.test.y) == 2000
    assert stored.train.X.equals(again.train.X)
    assert not np.array_equal(stored.test.y, other.test.y)
    for drawn in (stored, other):
        np.testing.assert_allclose(drawn.train.y.sum() + drawn.test.y.sum(), stored.train.y.sum() + stored.test.y.sum())
    assert stored.train.X["emp_title"].dtype == "category"
    assert stored.train.X["emp_title"].isna().any()
    assert not {"interest_rate", "_split"} & set(stored.train.X)


def test_few_rows_hold_out_only_classes_that_are_trained_on() -> None:
    from bench.frames.sets import draw

    drawn = draw("kdd99", 0, 300)
    assert set(drawn.test.y) <= set(drawn.train.y) == set(range(len(set(drawn.train.y))))


def test_the_warm_up_has_every_class() -> None:
    from bench.frames.measure import warm_up_rows

    y = np.zeros(1000, dtype=int)
    y[[300, 900, 950]] = [2, 1, 1]
    np.testing.assert_array_equal(warm_up_rows(y, "multiclass"), [*range(200), 300, 900])
    np.testing.assert_array_equal(warm_up_rows(y[:50], "poisson"), range(50))


def test_the_deviance_is_of_counts_not_of_rates() -> None:
    """Twice the log-likelihood that is lost, a row; exposure multiplies rate and prediction."""
    from bench.frames.sets import METRICS, Rows

    counts, exposure = np.array([0.0, 3.0]), np.array([0.5, 2.0])
    rows = Rows(None, counts / exposure, exposure)
    expected = (2 * 0.5 * 0.4 + 2 * (3 * np.log(3 / 0.8) - 3 + 0.8)) / 2
    assert METRICS["poisson"]["deviance"](rows, np.array([0.4, 0.4])) == pytest.approx(expected)


def test_the_table_ranks_by_loss_and_says_who_is_missing() -> None:
    from bench.frames.report import table

    lists = {"fit_seconds": [1.0], "predict_seconds": [0.1]}
    case = {"name": "made-up", "rows": 10, "columns": 2, "categories": 1, "test_rows": 5, "left_out": {"other": "no"}}
    case["results"] = {
        "curvature": {**lists, "metrics": {"RMSE": [1.004]}},
        "rival": {**lists, "metrics": {"RMSE": [1.0]}},
    }
    text = table(case)
    assert text.index("| rival |") < text.index("| curvature |")
    assert "curvature: 0.40% above the best, within 0.5 %." in text
    assert "Left out, other: no" in text
