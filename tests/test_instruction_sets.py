"""Instruction sets: each that the machine has can be forced, another is refused, and all give the same models."""

import json
import os
import platform
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from curvature import _core, build_info

ROOT = Path(__file__).resolve().parents[1]
ALL = ("baseline", "v3", "v4")
AVAILABLE = _core.instruction_sets()
FORCED = os.environ.get("CURVATURE_ISA")


def run(script: str, isa: str | None) -> subprocess.CompletedProcess[str]:
    """Run a script with CURVATURE_ISA set to `isa`, or not set."""
    environment = {name: value for name, value in os.environ.items() if name != "CURVATURE_ISA"}
    if isa is not None:
        environment["CURVATURE_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, env=environment
    )


SAY = "import curvature; print(curvature.build_info()['instruction_set'])"


def test_the_sets_are_listed_from_the_plainest() -> None:
    """Baseline runs anywhere; build_info and the core name the same sets, in order, and the one in use."""
    assert AVAILABLE == [isa for isa in ALL if isa in AVAILABLE]
    assert AVAILABLE[0] == "baseline"
    assert build_info()["instruction_sets"] == AVAILABLE
    assert build_info()["instruction_set"] == (FORCED or AVAILABLE[-1])


@pytest.mark.skipif(
    not Path("/proc/cpuinfo").exists() or platform.machine() not in {"x86_64", "AMD64"}, reason="needs Linux on x86-64"
)
def test_the_sets_are_those_of_the_processor() -> None:
    """What the system says of the processor decides: v3 needs AVX2, FMA and BMI2; v4 AVX-512 F, BW, CD, DQ and VL."""
    found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    flags = set(found[1].split())
    v3 = {"avx2", "fma", "bmi1", "bmi2"}
    v4 = v3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
    assert AVAILABLE == ["baseline"] + ["v3"] * (v3 <= flags) + ["v4"] * (v4 <= flags)


@pytest.mark.parametrize("isa", AVAILABLE)
def test_each_available_set_can_be_forced(isa: str) -> None:
    """CURVATURE_ISA chooses the set, and build_info tells."""
    done = run(SAY, isa)
    assert (done.returncode, done.stdout.strip()) == (0, isa), done.stderr


@pytest.mark.parametrize("isa", [None, ""])
def test_without_a_choice_the_best_runs(isa: str | None) -> None:
    """Where the variable is not set, or empty, the best set of the processor runs."""
    assert run(SAY, isa).stdout.strip() == AVAILABLE[-1]


@pytest.mark.parametrize("isa", ["avx2", "V3", " v3", *(isa for isa in ALL if isa not in AVAILABLE)])
def test_another_set_is_refused_at_import(isa: str) -> None:
    """A name that is unknown, or a set that the processor lacks, is an ImportError with all that one needs to know."""
    done = run(SAY, isa)
    assert done.returncode != 0
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: ")
    for part in (f"'{isa}'", "CURVATURE_ISA", *(f"'{available}'" for available in AVAILABLE)):
        assert part in message


FITS = """
    import hashlib, json
    import numpy as np
    import curvature as cv

    rng = np.random.default_rng(0)
    found = {}
    for n_rows in (300, 3_000, 80_000):  # above 65,536 gradients are rounded at random
        X = rng.normal(size=(n_rows, 11)).astype(np.float32)
        X[:, 1] = np.round(X[:, 1])
        X[rng.random(X.shape) < 0.1] = np.nan
        X[rng.random(X.shape) < 0.01] = np.inf
        finite = np.nan_to_num(X.astype(float), posinf=3.0)
        y = finite[:, 0] * finite[:, 1] + np.sin(3 * finite[:, 2]) + rng.normal(size=n_rows)
        for weights in (None, rng.random(n_rows), rng.integers(0, 3, size=n_rows)):
            for max_bins in (255, 2_000):
                options = dict(n_estimators=12, max_bins=max_bins, reg_alpha=0.1, n_jobs=2)
                trees = cv.BoostedTreesRegressor(**options).fit(X, y, weights)
                classes = cv.BoostedTreesClassifier(**options).fit(X, 5 * y > 1, weights)
                key = f"{n_rows} rows, {max_bins} bins, {'no' if weights is None else weights.dtype} weights"
                for est in (trees, classes):
                    digest = hashlib.sha256(est.model_.to_bytes() + est.predict(X).tobytes())
                    found[f"{key}, {est.loss}"] = digest.hexdigest()
                    assert est.model_.forest.n_trees == 12 and est.feature_importances_.sum() > 0.99
    print(json.dumps(found))
"""


@pytest.mark.skipif(len(AVAILABLE) < 2, reason="one instruction set")
def test_models_have_the_same_bytes_under_every_set() -> None:
    """Model files and predictions of 36 fits are the same, bit for bit, under every set that the machine has.

    This is more than the documentation promises: kernels work on integers or element by element, and fuse a
    multiplication with an addition only where the source says so.
    """
    models: dict[str, Any] = {}
    for isa in AVAILABLE:
        done = run(FITS, isa)
        assert done.returncode == 0, done.stderr
        models[isa] = json.loads(done.stdout)
        assert len(models[isa]) == len(set(models[isa].values())) == 36  # no two of the fits are alike
    for isa in AVAILABLE[1:]:
        assert models[isa] == models["baseline"]


def test_the_build_keeps_to_the_targets() -> None:
    """No flag that ties the build to its own processor, loosens arithmetic, or lets the compiler fuse operations."""
    files = [ROOT / "CMakeLists.txt", ROOT / "CMakePresets.json", ROOT / "pyproject.toml"]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    code = re.sub(r"#.*", "", text)
    for flag in ("-march=native", "-mtune=native", "-mcpu=native", "fast-math", "-Ofast", "-funsafe", "-flto"):
        assert flag not in code
    assert "-ffp-contract=off" in code
    targets = re.findall(r"add_instruction_set\((\w+)(?: -march=([\w-]+))?", code)
    assert targets == [("baseline", ""), ("v3", "x86-64-v3"), ("v4", "x86-64-v4")]
    assert len(re.findall(r"-march=", code)) == 3  # v3, v4, and the question whether the compiler knows them
