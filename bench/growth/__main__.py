"""``python -m bench.growth``: see README.md of bench."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..document import begin, place, write
from ..libraries import LIBRARIES
from ..machine import ROOT, available_cores
from ..report import header
from ..run import Options, run_case
from .axes import AXES, MOST_ROWS, QUICK, Point
from .report import table

RIVALS = ("curvature", "lightgbm", "lightgbm-quantized")
TREES = 20


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description="How the time of a fit grows.")
    parser.add_argument("--axis", nargs="+", choices=AXES, metavar="NAME", help=f"default: {', '.join(AXES)}")
    parser.add_argument("--library", nargs="+", default=[*RIVALS], choices=LIBRARIES, metavar="NAME")
    parser.add_argument("--most-rows", type=int, default=MOST_ROWS, metavar="N", help="10000000 for one point more")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="processes a point (default: 3)")
    parser.add_argument("--threads", type=int, default=available_cores(), metavar="N", help="default: all cores")
    parser.add_argument("--quick", action="store_true", help="tiny fits, two axes: only checks that all works")
    parser.add_argument("--output", type=Path, metavar="DIR", default=ROOT / "bench" / "results", help="for the JSON")
    options = parser.parse_args(arguments)
    if min(options.repeats, options.threads, options.most_rows) < 1:
        parser.error("--most-rows, --repeats and --threads must be at least 1")
    if options.quick:
        options.repeats = 1
    return options


def main(arguments: list[str] | None = None) -> None:
    parsed = parse(arguments)
    axes = QUICK if parsed.quick else AXES
    options = Options(tuple(dict.fromkeys(parsed.library)), parsed.repeats, parsed.threads, parsed.quick, forced=True)
    document = begin((LIBRARIES[name].package for name in options.libraries), options, axes=[])
    path = place(document, parsed.output, "growth")
    print(header(document))
    for name in parsed.axis or axes:
        points = [point for point in axes.get(name, ()) if point.rows <= parsed.most_rows]
        document["axes"].append({"name": name, "points": [measure(name, point, options) for point in points]})
        print(f"\n{table(document['axes'][-1])}", flush=True)
        write(document, path)
    print(f"\nWritten to {path}; python -m bench.growth.report draws it.")


def measure(axis: str, point: Point, options: Options) -> dict[str, Any]:
    """The point's numbers, and every library's seconds and held-out metrics there."""
    threads = point.threads or options.threads
    numbers = asdict(point) | {"threads": threads}
    case = point.case(f"{axis} {numbers[axis]:,}", TREES)
    measured = run_case(case, replace(options, threads=threads))
    return numbers | {key: measured[key] for key in ("settings", "results", "left_out")}


if __name__ == "__main__":
    main()
