"""Exponents, tables and a picture of a document: ``python -m bench.growth.report FILE.json [PICTURE]``."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np

from ..plot import COLOURS
from ..report import REFERENCE, header, header_lines, line, seconds, tell

MARGIN = 0.05  # by which an exponent may be above a rival's


def curve(axis: dict[str, Any], library: str) -> tuple[list[int], list[float]]:
    """Where the library was measured along the axis, and its median seconds there."""
    points = [point for point in axis["points"] if library in point["results"]]
    times = [statistics.median(point["results"][library]["fit_seconds"]) for point in points]
    return [point[axis["name"]] for point in points], times


def exponent(places: list[int], times: list[float]) -> float | None:
    """Slope of the straight line through the logarithms; None of fewer than two points."""
    if len(places) < 2:
        return None
    return float(np.polyfit(np.log(places), np.log(times), 1)[0])


def libraries_of(axis: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for point in axis["points"] for name in point["results"]))


def table(axis: dict[str, Any]) -> str:
    """A row a library: seconds at each point, and the exponent."""
    places = [point[axis["name"]] for point in axis["points"]]
    lines = [f"### {axis['name']}", "", *header_lines(["library", *(f"{place:,}" for place in places), "exponent"])]
    found = {}
    for library in libraries_of(axis):
        known = dict(zip(*curve(axis, library), strict=True))
        found[library] = exponent(list(known), list(known.values()))
        cells = [seconds(known[place]) if place in known else "–" for place in places]
        shown = "–" if found[library] is None else f"{found[library]:.2f}"
        lines.append(line([library, *cells, shown]))
    return "\n".join([*lines, *_verdict(found)])


def _verdict(found: dict[str, float | None]) -> list[str]:
    ours = found.get(REFERENCE)
    rivals = {name: value for name, value in found.items() if name != REFERENCE and value is not None}
    if ours is None or not rivals:
        return []
    steeper = [name for name, value in rivals.items() if ours > value + MARGIN]
    words = f"more than {MARGIN} above {', '.join(steeper)}" if steeper else f"nowhere {MARGIN} above a rival's"
    return ["", f"{REFERENCE}'s exponent of {ours:.2f} is {words}."]


def draw(document: dict[str, Any], path: Path) -> None:
    """Seconds along each axis on logarithmic scales; exponents in the legends."""
    from matplotlib.figure import Figure

    axes = document["axes"]
    figure = Figure(figsize=(3.2 * len(axes), 3.4), layout="constrained")
    for panel, axis in zip(figure.subplots(1, len(axes), squeeze=False)[0], axes, strict=True):
        for library in libraries_of(axis):
            places, times = curve(axis, library)
            slope = exponent(places, times)
            label = library if slope is None else f"{library} ({slope:.2f})"
            panel.loglog(places, times, marker="o", markersize=3, color=COLOURS.get(library), label=label)
        panel.set_xlabel(axis["name"], fontsize=8)
        panel.tick_params(labelsize=7)
        panel.legend(fontsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    figure.supylabel("seconds of a fit", fontsize=8)
    figure.text(0.005, -0.01, header(document), fontsize=6, va="top", wrap=True)
    figure.savefig(path, bbox_inches="tight", dpi=150)


def main(arguments: list[str] | None = None) -> None:
    tell("bench.growth.report", "axes", table, draw, arguments)


if __name__ == "__main__":
    main()
