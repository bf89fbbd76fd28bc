"""A picture of a document of results: ``python -m bench.plot FILE.json [PICTURE]``; .svg, .png or .pdf."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .libraries import LIBRARIES
from .report import REFERENCE, Row, header, summarise, title

PANELS = {"fit_seconds": "fit", "predict_seconds": "predict", "fit_memory": "memory of the fit"}
# Variants are paler.
PALETTE = "C3 #e8a09a #f3cdc9 C0 #7fb2d9 #b5d3ea #ffbf80 #ffd9b3 C1 #95cf95 C2 C4 C7 #b0b0b0".split()
COLOURS = dict(zip(LIBRARIES, PALETTE, strict=True))


def draw(document: dict[str, Any], path: Path) -> None:
    """Bars a case and library: multiples of curvature's median, on a logarithmic axis; held-out accuracy beside."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    cases = [case for case in document["cases"] if REFERENCE in case["results"]]
    if not cases:
        raise SystemExit(f"no case has results of {REFERENCE}: there is nothing to compare with.")
    heights = [len(case["results"]) for case in cases]
    figure = Figure(figsize=(13, 1.3 + 0.22 * sum(heights) + 0.6 * len(cases)), layout="constrained")
    axes = figure.subplots(len(cases), len(PANELS), squeeze=False, height_ratios=heights, sharex="col")
    for case, line in zip(cases, axes, strict=True):
        rows = summarise(case)[::-1]
        for axis, key in zip(line, PANELS, strict=True):
            _bars(axis, rows, key)
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.tick_params(labelsize=8)
        line[0].set_yticks(range(len(rows)), [_label(row) for row in rows], fontsize=8)
        line[0].set_title(title(case), loc="left", fontsize=9, fontweight="bold")
    for axis, name in zip(axes[-1], PANELS.values(), strict=True):
        axis.set_xlabel(f"{name}: multiples of {REFERENCE}'s", fontsize=8)
    figure.text(0.005, -0.01, header(document), fontsize=6, va="top", wrap=True)
    figure.savefig(path, bbox_inches="tight", dpi=150)


def _bars(axis: Any, rows: list[Row], key: str) -> None:
    for place, row in enumerate(rows):
        if key in row.ratios:
            axis.barh(place, row.ratios[key] - 1, left=1, color=COLOURS.get(row.library, "C7"), height=0.8)
            axis.text(max(row.ratios[key], 1), place, f" {row.ratios[key]:.2f}", va="center", fontsize=7)
    axis.axvline(1, color=COLOURS[REFERENCE], linewidth=1)
    axis.set_yticks([])
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.margins(x=0.15)
    axis.spines[["top", "right"]].set_visible(False)


def _label(row: Row) -> str:
    metric, value = next(iter(row.metrics.items()))
    return f"{row.library}  ({metric} {value:.4g})"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plot", description="Draw a document of results.")
    parser.add_argument("results", type=Path, metavar="FILE.json")
    parser.add_argument("picture", type=Path, nargs="?", metavar="PICTURE", help="default: FILE.svg")
    parsed = parser.parse_args(arguments)
    path = parsed.picture or parsed.results.with_suffix(".svg")
    draw(json.loads(parsed.results.read_text(encoding="utf-8")), path)
    print(path)


if __name__ == "__main__":
    main()
