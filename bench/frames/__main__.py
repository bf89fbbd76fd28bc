"""``python -m bench.frames``: see README.md of bench."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..document import begin, place, write
from ..machine import ROOT, available_cores
from ..report import header
from ..run import rotated
from ..settings import Settings
from .libraries import LIBRARIES
from .report import table
from .sets import QUICK_ROWS, SETS, SPARSE_SETS, folder

# With the usual L2 penalty: without one, Newton steps on rare classes have no bound.
PARAMETERS = {"defaults": None, "100x31": Settings(trees=100, leaves=31, reg_lambda=1.0)}
SHAPE = ("task", "rows", "columns", "categories", "test_rows")
FIGURES = ("fit_seconds", "predict_seconds")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.frames", description="Frames with categories beside rivals.")
    sets = f"default: {', '.join(SETS)}; on request: {', '.join(SPARSE_SETS)}"
    parser.add_argument("--set", nargs="+", default=[*SETS], choices=SETS + SPARSE_SETS, metavar="NAME", help=sets)
    parser.add_argument("--library", nargs="+", choices=LIBRARIES, metavar="NAME")
    parser.add_argument("--parameters", choices=PARAMETERS, default="defaults", help="each library's, or common ones")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="splits (default: 3)")
    parser.add_argument("--rows", type=int, metavar="N", help="most training rows (default: all)")
    parser.add_argument("--threads", type=int, default=available_cores(), metavar="N", help="default: all cores")
    parser.add_argument("--limit", type=float, default=3600, metavar="S", help="seconds a process may take")
    parser.add_argument("--quick", action="store_true", help="few rows, one split: only checks that all works")
    parser.add_argument("--output", type=Path, metavar="DIR", default=ROOT / "bench" / "results", help="for the JSON")
    options = parser.parse_args(arguments)
    if min(options.repeats, options.threads, options.rows or 1) < 1:
        parser.error("--repeats, --rows and --threads must be at least 1")
    options.settings = PARAMETERS[options.parameters]
    usual = [name for name, library in LIBRARIES.items() if options.settings or not library.variant]
    options.library = options.library or usual
    if options.quick:
        options.repeats, options.rows = 1, QUICK_ROWS
        options.settings = options.settings and replace(options.settings, trees=3)
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    folder()  # says so now where there is none
    packages = {LIBRARIES[name].package for name in options.library}
    document = begin(packages, options, settings=options.settings and asdict(options.settings), cases=[])
    path = place(document, options.output, "frames")
    print(header(document))
    for name in options.set:
        document["cases"].append(run_set(name, options))
        print(f"\n{table(document['cases'][-1])}", flush=True)
        write(document, path)
    print(f"\nWritten to {path}.")


def run_set(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Every library on the same splits, in rotated order; each list of figures has one a repeat."""
    case: dict[str, Any] = {"name": name, "parameters": options.parameters, "results": {}, "left_out": {}}
    names = list(dict.fromkeys(options.library))
    for repeat in range(options.repeats):
        for library in rotated(names, repeat):
            print(f"{name} {repeat + 1}/{options.repeats} {library}", file=sys.stderr, flush=True)
            figures = measure({"set": name, "library": library, "repeat": repeat}, options)
            if "error" in figures:
                case["left_out"][library] = figures["error"]
                case["results"].pop(library, None)  # means over other splits would not compare
                names.remove(library)
                continue
            case |= {key: figures[key] for key in SHAPE}
            lists = case["results"].setdefault(library, {"metrics": {}})
            for key in FIGURES:
                lists.setdefault(key, []).append(figures[key])
            for key, value in figures["metrics"].items():
                lists["metrics"].setdefault(key, []).append(value)
    return case


def measure(job: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one fresh process; under "error" its last words where it failed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        path = Path(place) / "job.json"
        job |= {"threads": options.threads, "most_rows": options.rows}
        job["settings"] = options.settings and asdict(options.settings)
        path.write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-m", "bench.frames.measure", str(path)]
        environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=options.limit, check=False
            )
        except subprocess.TimeoutExpired:
            return {"error": f"took more than {options.limit:g} s"}
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or ["no message"]
            return {
                "error": next(
                    (line for line in reversed(words) if re.match(r"[\w.]+(Error|Exit|Exception): ", line)), words[-1]
                )
            }
        figures: dict[str, Any] = json.loads(path.with_name("result.json").read_text(encoding="utf-8"))
        return figures


if __name__ == "__main__":
    main()
