"""Medians and ratios of a document of results; as Markdown tables: ``python -m bench.report FILE.json``."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFERENCE = "curvature"
FIGURES = ("fit_seconds", "predict_seconds", "fit_memory")
LEAST_MEMORY = 1e6  # bytes; below it pages of the allocator decide, and a ratio says nothing


@dataclass(frozen=True)
class Row:
    """One library on one case: medians, ratios to the reference's medians, mean held-out metrics."""

    library: str
    medians: dict[str, float]
    ratios: dict[str, float]  # only of what the reference has, and enough of it
    metrics: dict[str, float]
    differences: dict[str, tuple[float, float | None]]  # from the reference: mean and standard error over repeats


def summarise(case: dict[str, Any]) -> list[Row]:
    """All libraries of a case, the fastest fit first."""
    results = case["results"]
    reference = results.get(REFERENCE)
    rows = []
    for library, lists in results.items():
        medians = {key: statistics.median(lists[key]) for key in FIGURES}
        ratios = {}
        differences = {}
        if reference is not None:
            ratios = _ratios(medians, {key: statistics.median(reference[key]) for key in FIGURES})
            differences = {key: _paired(lists["metrics"][key], reference["metrics"][key]) for key in lists["metrics"]}
        metrics = {key: statistics.fmean(values) for key, values in lists["metrics"].items()}
        rows.append(Row(library, medians, ratios, metrics, differences))
    return sorted(rows, key=lambda row: row.medians["fit_seconds"])


def _ratios(medians: dict[str, float], reference: dict[str, float]) -> dict[str, float]:
    least = {"fit_memory": LEAST_MEMORY}
    return {key: medians[key] / reference[key] for key in FIGURES if reference[key] > least.get(key, 0.0)}


def _paired(values: list[float], reference: list[float]) -> tuple[float, float | None]:
    """Mean difference on the same rows and its standard error; with one repeat there is none."""
    differences = [a - b for a, b in zip(values, reference, strict=False)]
    n = len(differences)
    return statistics.fmean(differences), statistics.stdev(differences) / math.sqrt(n) if n > 1 else None


def table(case: dict[str, Any]) -> str:
    """A case as a Markdown table; × is the multiple of curvature's median, more than 1 is slower or larger."""
    rows = summarise(case)
    metrics = list(rows[0].metrics) if rows else []
    heading = ["library", "fit", "×", "predict", "×", "memory", "×", "import"]
    heading += [f"{m} (difference)" for m in metrics]
    lines = [f"### {title(case)}", "", *header_lines(heading)]
    for row in rows:
        cells = [row.library]
        for key, show in (("fit_seconds", seconds), ("predict_seconds", _a_row(case)), ("fit_memory", _megabytes)):
            cells += [show(row.medians[key]), f"{row.ratios[key]:.2f}" if key in row.ratios else "–"]
        cells.append(seconds(statistics.median(case["results"][row.library]["import_seconds"])))
        cells += [_metric(row, metric) for metric in metrics]
        lines.append(line(cells))
    for why in dict.fromkeys(case["left_out"].values()):
        names = [name for name, reason in case["left_out"].items() if reason == why]
        lines.append(f"\nLeft out, {why}: {', '.join(names)}.")
    return "\n".join(lines)


def title(case: dict[str, Any]) -> str:
    """Name, size and parameters of a case."""
    settings = case["settings"]
    shape = f"{case['rows']:,} × {case['columns']}"
    trees = f"{settings['trees']} trees × {settings['leaves']} leaves" if settings else "each library's defaults"
    return f"{case['name']}: {shape}, {trees}"


def header(document: dict[str, Any]) -> str:
    """One paragraph on the machine and the run."""
    machine, options = document["machine"], document["options"]
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    commit = (document["commit"] or "unknown")[:10] + (" with changes" if document["changed"] else "")
    counts = ", ".join(f"{n} {name.removesuffix('s' * (n == 1))}" for name, n in options.items() if name != "quick")
    return (
        f"{machine['cpu']}, {machine['cores']} cores, instruction set {machine['build']['instruction_set']}; "
        f"{counts}; commit {commit}, {document['date']}. {versions}."
    )


def header_lines(cells: list[str], left: int = 1) -> list[str]:
    """The head of a Markdown table: the first `left` columns to the left, the others to the right."""
    return [line(cells), line(["---"] * left + ["--:"] * (len(cells) - left))]


def line(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def tell(
    prog: str,
    part: str,
    table_of: Callable[[dict[str, Any]], str],
    draw: Callable[[dict[str, Any], Path], None],
    arguments: list[str] | None = None,
) -> None:
    """A command that prints a table of each thing in a document's `part`, and draws them all."""
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description="Tables and a picture.")
    parser.add_argument("results", type=Path, metavar="FILE.json")
    parser.add_argument("picture", type=Path, nargs="?", metavar="PICTURE", help="default: FILE.svg")
    parsed = parser.parse_args(arguments)
    document = json.loads(parsed.results.read_text(encoding="utf-8"))
    print(header(document))
    for one in document[part]:
        print(f"\n{table_of(one)}")
    draw(document, parsed.picture or parsed.results.with_suffix(".svg"))


def _metric(row: Row, metric: str) -> str:
    text = f"{row.metrics[metric]:.5g}"
    if row.library == REFERENCE or metric not in row.differences:
        return text
    mean, error = row.differences[metric]
    return f"{text} ({mean:+.2g}{f' ± {error:.1g}' if error is not None else ''})"


def seconds(value: float) -> str:
    """A time in three digits with its unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1 or unit == "µs":
            break
    return f"{value * factor:.3g} {unit}"


def _a_row(case: dict[str, Any]) -> Any:
    return lambda value: f"{1e9 * value / case['test_rows']:,.0f} ns/row"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


def main() -> None:
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(header(document))
    for case in document["cases"]:
        print(f"\n{table(case)}")


if __name__ == "__main__":
    main()
