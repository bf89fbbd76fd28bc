"""Seconds until F is within 1e-6 of its least value: each fit in a process of its own, solvers in turn.

A solver's tolerance is tightened tenfold until it gets there; the loosest one that does is what is timed. The least
value is the lowest that any run has seen, one of curvature with its tightest tolerance among them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..machine import ROOT
from ..report import header_lines, line, seconds
from ..run import rotated
from .problems import PROBLEMS, QUICK_SHARE, Problem
from .solvers import SOLVERS

TARGET = 1e-6
TOLERANCES = [10.0**-power for power in range(1, 13)]
QUICK_TOLERANCES = [1e-6, 1e-10]
TIGHTEST = 1e-13  # of curvature's reference run


@dataclass(frozen=True)
class Options:
    solvers: Sequence[str]
    repeats: int
    threads: int
    limit: float  # seconds that the search for a solver's tolerance may take
    quick: bool = False


@dataclass
class Lane:
    """One solver on one problem."""

    tolerance: float | None = None
    objectives: dict[float, float] = field(default_factory=dict)  # by tolerance
    seconds: list[float] = field(default_factory=list)
    left_out: str | None = None


def race(name: str, options: Options) -> dict[str, Any]:
    """The results of one problem: per solver its tolerance, the suboptimality reached, and a time a repeat."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        problem = PROBLEMS[name](QUICK_SHARE if options.quick else 1.0)
        store(problem, folder)
        lanes = {solver: Lane(left_out=SOLVERS[solver].missing()) for solver in options.solvers}
        lanes = {solver: lane for solver, lane in lanes.items() if SOLVERS[solver].solves(problem)}
        least = run("curvature", TIGHTEST, options, folder).get("objective", float("inf"))
        for solver, lane in lanes.items():
            until = time.monotonic() + options.limit
            for tolerance in QUICK_TOLERANCES if options.quick else TOLERANCES:
                if lane.left_out or lane.tolerance is not None:
                    break
                figures = run(solver, tolerance, options, folder, until - time.monotonic())
                if "error" in figures:
                    lane.left_out = figures["error"]
                    break
                lane.objectives[tolerance] = figures["objective"]
                least = min(least, figures["objective"])
                if gap(figures["objective"], least) <= TARGET:
                    lane.tolerance = tolerance
            if lane.tolerance is None and not lane.left_out:
                lane.left_out = "does not get there at any tolerance"
        runners = [solver for solver, lane in lanes.items() if not lane.left_out]
        for repeat in range(options.repeats):
            for solver in rotated(runners, repeat):
                print(f"{name} {repeat + 1}/{options.repeats} {solver}", file=sys.stderr, flush=True)
                tolerance = lanes[solver].tolerance
                assert tolerance is not None
                lanes[solver].seconds.append(run(solver, tolerance, options, folder)["seconds"])
    shape = problem.X.shape
    return {
        "name": name,
        "rows": shape[0],
        "columns": shape[1],
        "loss": problem.loss,
        "alpha": problem.alpha,
        "l1_ratio": problem.l1_ratio,
        "least": least,
        "results": {
            solver: {
                "tolerance": lane.tolerance,
                "suboptimality": gap(lane.objectives[lane.tolerance], least),
                "seconds": lane.seconds,
            }
            for solver, lane in lanes.items()
            if lane.tolerance is not None and lane.seconds
        },
        "left_out": {solver: lane.left_out for solver, lane in lanes.items() if lane.left_out},
    }


def gap(objective: float, least: float) -> float:
    """Relative suboptimality."""
    return (objective - least) / abs(least)


def store(problem: Problem, folder: Path) -> None:
    """The problem as files, which each process reads before its clock starts."""
    import numpy as np

    if isinstance(problem.X, np.ndarray):
        np.save(folder / "X.npy", problem.X)
    else:
        from scipy import sparse

        sparse.save_npz(folder / "X.npz", problem.X, compressed=False)
    np.save(folder / "y.npy", problem.y)
    record = {"loss": problem.loss, "alpha": problem.alpha, "l1_ratio": problem.l1_ratio}
    (folder / "problem.json").write_text(json.dumps(record))


def load(folder: Path) -> Problem:
    """What `store` wrote."""
    import numpy as np

    if (folder / "X.npy").exists():
        X: Any = np.load(folder / "X.npy")
    else:
        from scipy import sparse

        X = sparse.load_npz(folder / "X.npz")
    return Problem(X, np.load(folder / "y.npy"), **json.loads((folder / "problem.json").read_text()))


def run(solver: str, tolerance: float, options: Options, folder: Path, limit: float | None = None) -> dict[str, Any]:
    """Seconds and objective of a fresh process; under "error" its last words, or that its time was up."""
    job = {"solver": solver, "tolerance": tolerance, "threads": options.threads}
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable, "-m", "bench.linear.measure", str(folder)]
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(options.threads))
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", timeout=limit
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not there within {options.limit:g} s (tolerance {tolerance:.0e} by then)"}
    if done.returncode != 0:
        return {"error": f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"}
    figures: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return figures


def table(result: dict[str, Any]) -> str:
    """A problem as a Markdown table; × is the multiple of curvature's median."""
    medians = {solver: statistics.median(row["seconds"]) for solver, row in result["results"].items()}
    ours = medians.get("curvature")
    penalty = f"alpha {result['alpha']:.3g}" + (", L1" if result["l1_ratio"] == 1 else "")
    lines = [f"### {result['name']}: {result['rows']:,} × {result['columns']:,}, {result['loss']}, {penalty}", ""]
    lines += header_lines(["solver", "median", "×", "tolerance", "suboptimality"])
    for solver, median in sorted(medians.items(), key=lambda item: item[1]):
        row = result["results"][solver]
        ratio = f"{median / ours:.2f}" if ours else "–"
        lines.append(line([solver, seconds(median), ratio, f"{row['tolerance']:.0e}", f"{row['suboptimality']:.1e}"]))
    lines += [f"\nLeft out, {why}: {solver}." for solver, why in result["left_out"].items()]
    return "\n".join(lines)
