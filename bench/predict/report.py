"""Tables and a picture of a document: ``python -m bench.predict.report FILE.json [PICTURE]``."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from ..report import header, header_lines, line, tell

REFERENCE = "curvature, estimator"
PANELS = {"batch_nanoseconds": "a batch, ns a row", "row_microseconds": "one row, µs a call"}
COLOURS = ("C3", "#e8a09a", "C0", "#7fb2d9", "C1", "C2")


def medians(case: dict[str, Any], key: str) -> dict[str, float]:
    """Median of each way that has the figure."""
    return {way: statistics.median(lists[key]) for way, lists in case["results"].items() if lists.get(key)}


def table(case: dict[str, Any]) -> str:
    """A model's ways, each beside the estimator of curvature; × is the multiple of its median."""
    heading = ["way", *(name for title in PANELS.values() for name in (title, "×"))]
    lines = [f"### {case['name']}: {case['rows']:,} rows a batch", "", *header_lines(heading)]
    found = {key: medians(case, key) for key in PANELS}
    for way in case["results"]:
        cells = [way]
        for key in PANELS:
            own, ours = found[key].get(way), found[key].get(REFERENCE)
            cells += [f"{own:.3g}" if own else "–", f"{own / ours:.2f}" if own and ours else "–"]
        lines.append(line(cells))
    left_out = [f"\nLeft out, {way}: {why}" for way, why in case["left_out"].items()]
    return "\n".join(lines + left_out)


def draw(document: dict[str, Any], path: Path) -> None:
    """Bars a model and way, on logarithmic axes."""
    from matplotlib.figure import Figure

    cases = document["cases"]
    figure = Figure(figsize=(12, 1.2 + 1.4 * len(cases)), layout="constrained")
    axes = figure.subplots(len(cases), len(PANELS), squeeze=False, sharex="col")
    for case, pair in zip(cases, axes, strict=True):
        for axis, (key, title) in zip(pair, PANELS.items(), strict=True):
            found = dict(reversed(medians(case, key).items()))
            colours = dict(zip(document["ways"], COLOURS, strict=False))
            axis.barh(list(found), list(found.values()), color=[colours.get(way, "C7") for way in found])
            for place, value in enumerate(found.values()):
                axis.text(value, place, f" {value:.3g}", va="center", fontsize=7)
            axis.set_xscale("log")
            axis.margins(x=0.15)
            axis.tick_params(labelsize=7)
            axis.set_title(f"{case['name']}: {title}", loc="left", fontsize=8)
            axis.spines[["top", "right"]].set_visible(False)
    figure.text(0.005, -0.01, header(document), fontsize=6, va="top", wrap=True)
    figure.savefig(path, bbox_inches="tight", dpi=150)


def main(arguments: list[str] | None = None) -> None:
    tell("bench.predict.report", "cases", table, draw, arguments)


if __name__ == "__main__":
    main()
