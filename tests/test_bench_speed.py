"""The benchmarks of prediction and of growth: their short forms run, their figures are what they say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="the source distribution has no bench/")


@pytest.fixture(autouse=True)
def import_from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bench` is no installed package: it runs from the root of the source tree."""
    monkeypatch.syspath_prepend(ROOT)


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, "-m", name, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def draw(module: str, path: Path) -> None:
    """The tables once more, and the picture."""
    pytest.importorskip("matplotlib")
    run(module, str(path), str(path.with_suffix(".svg")))
    assert path.with_suffix(".svg").stat().st_size > 0


@pytest.mark.parametrize("rival", ["LightGBM, booster", "LightGBM, estimator", "XGBoost depth-wise, booster", None])
def test_the_quick_form_of_prediction(rival: str | None, tmp_path: Path) -> None:
    """Each way has its figures, of a batch where batches are asked that way."""
    from bench.predict.ways import WAYS, missing

    if rival is not None and (why := missing(WAYS[rival].library)):
        pytest.skip(why)
    ways = ["curvature, model", "curvature, estimator", *([rival] if rival else [])]
    printed = run("bench.predict", "--quick", "--way", *ways, "--output", str(tmp_path))
    (path,) = tmp_path.glob("quick-predict-*.json")
    (case,) = json.loads(path.read_text(encoding="utf-8"))["cases"]
    assert (case["name"], case["left_out"], list(case["results"])) == ("100x31", {}, ways)
    for way, figures in case["results"].items():
        assert f"| {way} |" in printed
        assert figures["row_microseconds"][0] > 0
        assert ("batch_nanoseconds" in figures) == WAYS[way].of_many
    draw("bench.predict.report", path)


def test_the_quick_form_of_growth(tmp_path: Path) -> None:
    """Points along two axes, each with its numbers."""
    printed = run("bench.growth", "--quick", "--library", "curvature", "--output", str(tmp_path))
    (path,) = tmp_path.glob("quick-growth-*.json")
    rows, threads = json.loads(path.read_text(encoding="utf-8"))["axes"]
    assert [point["rows"] for point in rows["points"]] == [200, 400]
    assert [point["threads"] for point in threads["points"]] == [1, 2]
    for point in rows["points"] + threads["points"]:
        assert point["results"]["curvature"]["fit_seconds"][0] > 0
    assert printed.count("| curvature |") == 2
    draw("bench.growth.report", path)


def test_exponents_are_slopes_of_logarithms() -> None:
    """Seconds that are n to the power of 1.5 have that exponent; a rival's of 1 is below it by more than the margin."""
    from bench.growth.report import curve, exponent, table

    def point(n: int) -> dict[str, Any]:
        results = {"curvature": {"fit_seconds": [2 * n**1.5, 0.0, 9e9]}, "lightgbm": {"fit_seconds": [3.0 * n]}}
        return {"rows": n, "results": results}

    axis = {"name": "rows", "points": [point(n) for n in (10, 100, 1000)]}
    assert exponent(*curve(axis, "curvature")) == pytest.approx(1.5)
    assert exponent([10], [1.0]) is None
    assert "curvature's exponent of 1.50 is more than 0.05 above lightgbm." in table(axis)


def test_ratios_are_those_of_medians() -> None:
    """Each way beside curvature's estimator; a way without batches has none."""
    from bench.predict.report import table

    def figures(batch: list[float], row: list[float]) -> dict[str, list[float]]:
        return {"batch_nanoseconds": batch, "row_microseconds": row}

    results = {"curvature, estimator": figures([90.0, 100.0, 110.0], [3.0]), "other": figures([], [6.0])}
    text = table({"name": "made-up", "rows": 10, "results": results, "left_out": {"third": "no"}})
    assert "| curvature, estimator | 100 | 1.00 | 3 | 1.00 |" in text
    assert "| other | – | – | 6 | 2.00 |" in text
    assert "Left out, third: no" in text
