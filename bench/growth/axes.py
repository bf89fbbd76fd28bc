"""What grows: along each axis one number changes, and the rest stays as at the start."""

from __future__ import annotations

from dataclasses import dataclass

from ..cases import Case
from ..data import Synthetic
from ..settings import Settings

TEST_ROWS = 10_000


@dataclass(frozen=True)
class Point:
    """A fit: so many rows × columns, so many leaves a tree, on so many threads."""

    rows: int = 100_000
    columns: int = 28
    leaves: int = 63
    threads: int | None = None  # those of the run

    def case(self, name: str, trees: int) -> Case:
        return Case(name, Synthetic(self.rows, self.columns, TEST_ROWS), Settings(trees, self.leaves))


AXES: dict[str, tuple[Point, ...]] = {
    "rows": tuple(Point(rows=n) for n in (10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000)),
    "columns": tuple(Point(columns=n) for n in (8, 32, 128, 512, 2000)),
    "leaves": tuple(Point(leaves=n) for n in (15, 63, 255, 1023)),
    "threads": (Point(threads=1), Point(threads=2)),
}
QUICK = {
    "rows": (Point(rows=200, leaves=7), Point(rows=400, leaves=7)),
    "threads": (Point(rows=400, leaves=7, threads=1), Point(rows=400, leaves=7, threads=2)),
}
MOST_ROWS = 1_000_000  # more where --most-rows asks for them
