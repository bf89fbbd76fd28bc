"""The benchmarks of linear models: one objective for all solvers, tolerances found, a whole document."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="the source distribution has no bench/")


@pytest.fixture(autouse=True)
def import_from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bench` is no installed package: it runs from the root of the source tree."""
    monkeypatch.syspath_prepend(ROOT)


@pytest.mark.parametrize("name", ["scaled-logistic", "sparse-logistic", "lasso", "poisson"])
def test_all_solvers_minimise_one_objective(name: str) -> None:
    """Run tightly, scikit-learn and curvature end at the same F, and no nearby point is lower."""
    from bench.linear.problems import PROBLEMS, QUICK_SHARE
    from bench.linear.solvers import SOLVERS

    problem = PROBLEMS[name](QUICK_SHARE)
    rivals = ["sklearn-newton-cg", "sklearn-poisson-newton-cholesky", "sklearn-lasso"]
    (rival,) = (rival for rival in rivals if SOLVERS[rival].solves(problem))
    reached = [SOLVERS[solver].fit(problem, 1e-10, 1) for solver in ("curvature", rival)]
    ours, theirs = (problem.objective(*found) for found in reached)
    assert ours == pytest.approx(theirs, rel=1e-7)
    rng = np.random.default_rng(0)
    (coefficients, intercept), _ = reached
    for _ in range(20):
        nearby = coefficients * (1 + 1e-2 * rng.normal(size=len(coefficients)))
        assert problem.objective(nearby, intercept) > ours


def test_the_quick_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A problem and the epoch: tables on the screen, a document with a tolerance and a figure a repeat."""
    from bench.linear.__main__ import main

    names = ["curvature", "sklearn-newton-cholesky"]
    case = ["correlated-logistic", "epoch"]
    main(["--quick", "--case", *case, "--solver", *names, "--repeats", "1", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    (path,) = tmp_path.glob("quick-linear-*.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert {"date", "commit", "changed", "machine", "versions", "options", "cases"} <= set(document)
    solved, epoch = document["cases"]
    assert list(solved["results"]) == names
    for name, row in solved["results"].items():
        assert f"| {name} |" in printed
        assert 0 <= row["suboptimality"] <= 1e-6
        assert len(row["seconds"]) == 1
        assert min(row["seconds"]) > 0
    sklearn = "scikit-learn SGDClassifier"
    assert {"plain Python", f"{sklearn}: fit of 1", f"{sklearn}: fit of 6"} < {row["name"] for row in epoch["epochs"]}
    timed = {(row["rows_are"], row["name"]): row["seconds"][0] for row in epoch["epochs"]}
    for (kind, name), seconds in timed.items():
        if not name.endswith(further := ": a further epoch"):
            assert seconds > 0
            continue
        one, six = (timed[kind, name.replace(further, f": fit of {n}")] for n in (1, 6))
        assert seconds == pytest.approx((six - one) / 5)


def test_a_solver_that_does_not_get_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tolerances are tightened tenfold up to the first that suffices; without one there is no time."""
    from bench.linear import race as module

    problem = module.PROBLEMS["correlated-logistic"](0.004)

    def made_up(solver: str, tolerance: float, *rest: object) -> dict[str, float]:
        better = {"curvature": tolerance / 10, "sklearn-lbfgs": 1e-3}[solver]
        return {"seconds": 1.0, "objective": 1 + better}

    monkeypatch.setattr(module, "run", made_up)
    options = module.Options(["curvature", "sklearn-lbfgs"], repeats=3, threads=1, limit=10.0)
    monkeypatch.setitem(module.PROBLEMS, "correlated-logistic", lambda share: problem)
    result = module.race("correlated-logistic", options)
    assert result["results"]["curvature"]["tolerance"] == pytest.approx(1e-5)
    assert result["results"]["curvature"]["seconds"] == [1.0, 1.0, 1.0]
    assert result["left_out"] == {"sklearn-lbfgs": "does not get there at any tolerance"}
    assert "| curvature | 1 s | 1.00 | 1e-05 |" in module.table(result)
