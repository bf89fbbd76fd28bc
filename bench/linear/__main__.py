"""``python -m bench.linear``: see README.md of bench."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..document import begin, place, write
from ..machine import ROOT, available_cores
from ..report import header
from . import epoch
from .problems import PROBLEMS
from .race import Options, race, table
from .solvers import SOLVERS


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.linear", description="Linear models beside rivals.")
    parser.add_argument("--case", nargs="+", default=[*PROBLEMS], choices=[*PROBLEMS, "epoch"], metavar="NAME")
    parser.add_argument("--solver", nargs="+", default=["curvature"], choices=[*SOLVERS, "all"], metavar="NAME")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="times a solver is timed (default: 3)")
    parser.add_argument("--threads", type=int, default=available_cores(), metavar="N", help="default: all cores")
    parser.add_argument("--limit", type=float, default=120, metavar="S", help="seconds to find a tolerance")
    parser.add_argument("--quick", action="store_true", help="few rows: only checks that all works")
    parser.add_argument("--list", action="store_true", help="name the cases and solvers, and stop")
    parser.add_argument("--output", type=Path, metavar="DIR", default=ROOT / "bench" / "results", help="for the JSON")
    options = parser.parse_args(arguments)
    if min(options.repeats, options.threads) < 1:
        parser.error("--repeats and --threads must be at least 1")
    return options


def main(arguments: list[str] | None = None) -> None:
    parsed = parse(arguments)
    if parsed.list:
        print("Cases:", *(f"  {name}" for name in [*PROBLEMS, "epoch"]), sep="\n")
        print("Solvers:", *(f"  {name}" for name in SOLVERS), sep="\n")
        return
    solvers = list(SOLVERS) if "all" in parsed.solver else list(dict.fromkeys(parsed.solver))
    options = Options(solvers, parsed.repeats, parsed.threads, parsed.limit, parsed.quick)
    document = begin({SOLVERS[name].package for name in solvers}, parsed, cases=[])
    path = place(document, parsed.output, "linear")
    print(header(document))
    for name in parsed.case:
        if name == "epoch":
            result = {"name": name, "epochs": epoch.measure(parsed.quick, parsed.repeats)}
            print(f"\n{epoch.table(result['epochs'])}", flush=True)
        else:
            result = race(name, options)
            print(f"\n{table(result)}", flush=True)
        document["cases"].append(result)
        write(document, path)
    print(f"\nWritten to {path}.")


if __name__ == "__main__":
    main()
