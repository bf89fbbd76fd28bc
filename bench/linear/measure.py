"""One fit in a process of its own: ``python -m bench.linear.measure FOLDER``, started by `bench.linear.race`."""

from __future__ import annotations

import json
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

from .race import load
from .solvers import SOLVERS

WARM_UP_ROWS = 200


def measure(folder: Path) -> None:
    """Warm up on a few rows, so that lazy imports do not count; fit; write seconds and objective."""
    job = json.loads((folder / "job.json").read_text())
    solver = SOLVERS[job["solver"]]
    problem = load(folder)
    warnings.simplefilter("ignore")  # a tolerance that is too loose or too tight is the race's to judge
    few = replace(problem, X=problem.X[:WARM_UP_ROWS, :20], y=problem.y[:WARM_UP_ROWS])
    solver.fit(few, 0.1, job["threads"])
    start = time.perf_counter()
    coefficients, intercept = solver.fit(problem, job["tolerance"], job["threads"])
    seconds = time.perf_counter() - start
    result = {"seconds": seconds, "objective": problem.objective(coefficients, intercept)}
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
