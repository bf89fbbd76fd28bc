"""The table of a set: ``python -m bench.frames.report FILE.json`` prints those of a document once more."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from ..report import header, header_lines, line, seconds

REFERENCE = "curvature"
NEAR = 0.005  # how far above the best loss counts as being with the best


def table(case: dict[str, Any]) -> str:
    """Libraries by mean held-out loss, each above the lowest by so much, and the median seconds of a fit."""
    results = case["results"]
    if not results:
        return f"### {case['name']}\n{_left_out(case)}"
    metrics = list(next(iter(results.values()))["metrics"])
    means = {
        name: [statistics.fmean(lists["metrics"][metric]) for metric in metrics] for name, lists in results.items()
    }
    best = min(values[0] for values in means.values())
    shape = f"{case['rows']:,} × {case['columns']}, {case['categories']} categories; {case['test_rows']:,} held out"
    parameters = case.get("parameters", "defaults")
    lines = [
        f"### {case['name']}: {shape}; {parameters}",
        "",
        *header_lines(["library", *metrics, "above best", "fit", "predict"]),
    ]
    for name in sorted(means, key=lambda name: means[name][0]):
        figures = [f"{value:.5g}" for value in means[name]]
        times = [seconds(statistics.median(results[name][key])) for key in ("fit_seconds", "predict_seconds")]
        lines.append(line([name, *figures, f"{means[name][0] / best - 1:.2%}", *times]))
    return "\n".join(lines) + _verdict(means, best) + _left_out(case)


def _verdict(means: dict[str, list[float]], best: float) -> str:
    """Where curvature stands."""
    if REFERENCE not in means:
        return ""
    above = means[REFERENCE][0] / best - 1
    words = (
        "the best" if above == 0 else f"{above:.2%} above the best, {'within' if above <= NEAR else 'not within'} 0.5 %"
    )
    return f"\n\n{REFERENCE}: {words}."


def _left_out(case: dict[str, Any]) -> str:
    return "".join(f"\n\nLeft out, {name}: {why}" for name, why in case["left_out"].items())


def main() -> None:
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(header(document))
    for case in document["cases"]:
        print(f"\n{table(case)}")


if __name__ == "__main__":
    main()
