"""``python -m bench``: see README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from .cases import all_cases, select
from .document import place, write
from .libraries import LIBRARIES
from .machine import ROOT, available_cores
from .report import header, table
from .run import Options, run


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Time, memory and accuracy beside rivals.")
    parser.add_argument("--case", nargs="+", default=[], metavar="NAME", help="cases; * and ? stand for any letters")
    parser.add_argument("--library", nargs="+", default=[], metavar="NAME", choices=LIBRARIES, help="libraries")
    parser.add_argument("--repeats", type=int, metavar="N", help="processes a case and library (default: 5)")
    parser.add_argument("--threads", type=int, metavar="N", help="default: all cores; 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="tiny forms of the cases: only checks that all works")
    parser.add_argument("--list", action="store_true", help="name the cases and libraries, and stop")
    parser.add_argument("--output", type=Path, metavar="DIR", default=ROOT / "bench" / "results", help="for the JSON")
    options = parser.parse_args(arguments)
    for name in ("repeats", "threads"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return options


def main(arguments: list[str] | None = None) -> None:
    parsed = parse(arguments)
    if parsed.list:
        print("Cases:", *(f"  {case}{'  (on request)' * case.on_request}" for case in all_cases()), sep="\n")
        print("Libraries:", *(f"  {name}" for name in LIBRARIES), sep="\n")
        return
    try:
        cases = select(parsed.case, parsed.quick)
    except ValueError as error:
        raise SystemExit(f"python -m bench: {error}") from None
    options = Options(
        libraries=tuple(dict.fromkeys(parsed.library)) or tuple(LIBRARIES),
        repeats=parsed.repeats or (1 if parsed.quick else 5),
        threads=parsed.threads or (1 if parsed.quick else available_cores()),
        quick=parsed.quick,
        forced=bool(parsed.case and parsed.library),
    )
    path = None
    for document in run(cases, options):
        if path is None:
            print(header(document))
            path = place(document, parsed.output)
        print(f"\n{table(document['cases'][-1])}", flush=True)
        write(document, path)
    print(f"\nWritten to {path}; python -m bench.plot draws it.")


if __name__ == "__main__":
    main()
