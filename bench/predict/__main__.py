"""``python -m bench.predict``: see README.md of bench."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Synthetic
from ..document import begin, place, write
from ..libraries import LIBRARIES
from ..machine import ROOT
from ..report import header
from ..run import rotated
from ..settings import Settings
from .report import table
from .ways import WAYS, missing

TRAINING_ROWS = 200_000
COLUMNS = 28
MODELS = {  # and the rows of a batch
    "100x31": (Settings(trees=100, leaves=31), 1_000_000),
    "1000x31": (Settings(trees=1000, leaves=31), 200_000),
    "100x255": (Settings(trees=100, leaves=255), 200_000),
    "1000x255": (Settings(trees=1000, leaves=255), 200_000),
}
QUICK_ROWS = 500


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.predict", description="Prediction beside rivals.")
    parser.add_argument("--model", nargs="+", choices=MODELS, metavar="NAME", help="default: all; --quick: the first")
    parser.add_argument("--way", nargs="+", default=[*WAYS], choices=WAYS, metavar="NAME")
    parser.add_argument("--rows", type=int, metavar="N", help="rows of a batch (default: 1M, or 200k of large models)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="processes a model and way (default: 5)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--quick", action="store_true", help="tiny models and batches: only checks that all works")
    parser.add_argument("--output", type=Path, metavar="DIR", default=ROOT / "bench" / "results", help="for the JSON")
    options = parser.parse_args(arguments)
    if min(options.repeats, options.threads, options.rows or 1) < 1:
        parser.error("--rows, --repeats and --threads must be at least 1")
    options.model = options.model or [*MODELS][: 1 if options.quick else None]
    if options.quick:
        options.repeats, options.rows = 1, QUICK_ROWS
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    packages = {LIBRARIES[WAYS[way].library.removesuffix("-sklearn")].package for way in options.way}
    document = begin(packages, options, ways=list(dict.fromkeys(options.way)), cases=[])
    path = place(document, options.output, "predict")
    print(header(document))
    for name in dict.fromkeys(options.model):
        document["cases"].append(run_model(name, document["ways"], options))
        print(f"\n{table(document['cases'][-1])}", flush=True)
        write(document, path)
    print(f"\nWritten to {path}; python -m bench.predict.report draws it.")


def run_model(name: str, ways: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Every library fits once; then the ways are timed in rotated order, each list of figures has one a repeat."""
    settings, rows = MODELS[name]
    rows = options.rows or rows
    source = Synthetic(TRAINING_ROWS, COLUMNS, test_rows=rows)
    if options.quick:
        source, settings = replace(source, rows=QUICK_ROWS), replace(settings, trees=3, leaves=7)
    case: dict[str, Any] = {"name": name, "rows": rows, "settings": asdict(settings), "results": {}, "left_out": {}}
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        drawn = source.draw(0)
        np.save(folder / "X.npy", drawn.X)
        np.save(folder / "y.npy", drawn.y.astype(np.float64))
        np.save(folder / "X_test.npy", drawn.X_test)
        fits: dict[str, str | None] = {}  # why a library has no model
        for library in dict.fromkeys(WAYS[way].library for way in ways):
            print(f"{name} fit {library}", file=sys.stderr, flush=True)
            job = {"library": library, "settings": asdict(settings), "threads": options.threads}
            fits[library] = missing(library) or start(job, folder, options).get("error")
        case["left_out"] = {way: why for way in ways if (why := fits[WAYS[way].library])}
        left = [way for way in ways if way not in case["left_out"]]
        for repeat in range(options.repeats):
            for way in rotated(left, repeat):
                print(f"{name} {repeat + 1}/{options.repeats} {way}", file=sys.stderr, flush=True)
                job = {"way": way, "threads": options.threads, "quick": options.quick}
                figures = start(job, folder, options)
                if "error" in figures:
                    raise SystemExit(f"{way}: {figures['error']}")
                for key, value in figures.items():
                    case["results"].setdefault(way, {}).setdefault(key, []).append(value)
    case["results"] = {way: case["results"][way] for way in left}
    return case


def start(job: dict[str, Any], folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one fresh process; under "error" its last words where it failed."""
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    command = [sys.executable, "-m", "bench.predict.measure", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    figures: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return figures


if __name__ == "__main__":
    main()
