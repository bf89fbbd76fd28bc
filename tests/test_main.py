"""The first run, ``python -m curvature``."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import curvature as cv
from curvature import __main__ as first_run


def test_the_first_run(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "curvature", "--output", str(folder)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert "after reloading, the same bits: yes" in run.stdout
    assert "the same bytes: yes" in run.stdout

    scores = re.findall(r"^ +(?:breast cancer|diabetes) +(.+?) \(.*?\) +([\d.]+) +([\d.]+)$", run.stdout, re.MULTILINE)
    assert [name for name, _, _ in scores] == ["log loss", "AUC", "RMSE", "R2"]
    for name, ours, peers in scores:
        assert float(ours) == pytest.approx(float(peers), rel=0.1), name

    times = re.findall(r"([\d.]+) ms +([\d.]+) ms +(\d+) +(\S+)$", run.stdout, re.MULTILINE)
    assert len(times) == 2
    for core, plain, _, apart in times:
        assert float(core) < float(plain)
        assert float(apart) < 1e-6  # the baseline gives the same model

    costs = re.findall(r"^ +diabetes +(?:squared error|the formula) +([\d,]+) +(\d+)%$", run.stdout, re.MULTILINE)
    (squared, squared_share), (formula, formula_share) = [(float(a.replace(",", "")), int(b)) for a, b in costs]
    assert formula < 0.8 * squared  # what the formula asks for is what its model is better at
    assert formula_share < squared_share

    written = sorted(folder.iterdir())
    assert [path.name for path in written] == ["breast_cancer.safetensors", "diabetes.safetensors"]
    for path in written:
        assert str(path) in run.stdout
        assert cv.load(path).n_trees == first_run.TREES


def test_other_bits_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison is a real one: a model that differs in the last bit is noticed."""
    for name in ("_score_rows", "_timing_row"):
        monkeypatch.setattr(first_run, name, lambda task: [])
    monkeypatch.setattr(first_run, "_print_table", lambda rows: None)

    def load_another(path: Path) -> cv.Model:
        model = cv.load(path)
        return type(model)(model.forest, np.nextafter(model.start_scores, 1e9), model.settings, model.classes)

    monkeypatch.setattr(first_run, "load", load_another)
    assert first_run.main(["--output", str(tmp_path)]) == 1
    assert "the same bits: NO" in capsys.readouterr().out
