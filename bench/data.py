"""Where rows come from: a generator, sets shipped with scikit-learn, and a folder of Parquet files.

Every source has `draw(repeat)`: other training rows for each repeat, the same ones for every library.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .settings import Task

FOLDER_VARIABLE = "CURVATURE_DATA"
CHUNK = 100_000  # rows generated at once
QUICK_ROWS = 400


@dataclass(frozen=True)
class Draw:
    """Training and held-out rows: X float32 of shape (n, columns); y int64 in {0, 1}, or float64."""

    X: NDArray[np.float32]
    y: NDArray[Any]
    X_test: NDArray[np.float32]
    y_test: NDArray[Any]


class Source(Protocol):
    @property
    def task(self) -> Task: ...
    def draw(self, repeat: int) -> Draw: ...
    def quick(self) -> Source: ...


@dataclass(frozen=True)
class Synthetic:
    """Normal columns; labels drawn from one truth of slopes, waves, products and corners of pairs of columns.

    The truth and the held-out rows stay the same, every repeat draws other training rows. The best reachable AUC is
    about 0.87 with 28 columns. Columns beyond the 28th are noise.
    """

    rows: int
    columns: int
    test_rows: int = 200_000
    task: Task = "binary"

    def draw(self, repeat: int) -> Draw:
        X, y = self._sample(self.rows, seed=[1, repeat])
        return Draw(X, y, *self._sample(self.test_rows, seed=[2]))

    def quick(self) -> Synthetic:
        return replace(self, rows=min(self.rows, QUICK_ROWS), test_rows=QUICK_ROWS)

    def _sample(self, n: int, seed: list[int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rng = np.random.default_rng(seed)
        X = np.empty((n, self.columns), dtype=np.float32)
        y = np.empty(n, dtype=np.int64)
        for start in range(0, n, CHUNK):
            block = X[start : start + CHUNK]
            rng.standard_normal(out=block, dtype=np.float32)
            odds = np.exp(-self._truth(block))
            y[start : start + CHUNK] = rng.random(len(block)) < 1 / (1 + odds)
        return X, y

    def _truth(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """The log-odds of some rows, of standard deviation about 2."""
        rng = np.random.default_rng(28)
        informative = min(self.columns, 28)
        score: NDArray[np.float64] = np.zeros(len(X))
        terms: list[Callable[[Any, Any], Any]] = [
            lambda a, b: a,
            lambda a, b: np.sin(2 * a),
            lambda a, b: a * b,
            lambda a, b: 2.0 * ((a > 0.3) & (b < 0.2)),
        ]
        n_terms = 24
        for k in range(n_terms):
            first, second = rng.choice(informative, size=2, replace=False)
            score += rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * terms[k % len(terms)](X[:, first], X[:, second])
        score *= 2.2 / np.sqrt(n_terms)
        return score


@dataclass(frozen=True)
class Shipped:
    """A set that scikit-learn ships; every repeat holds out another 30 % of the rows."""

    name: Literal["breast_cancer", "diabetes", "digits_parity"]
    rows: int | None = None

    @property
    def task(self) -> Task:
        return "regression" if self.name == "diabetes" else "binary"

    def draw(self, repeat: int) -> Draw:
        from sklearn import datasets

        load = getattr(datasets, f"load_{self.name.removesuffix('_parity')}")
        X, y = load(return_X_y=True)
        if self.name == "digits_parity":
            y = y % 2
        y = y.astype(np.float64 if self.task == "regression" else np.int64)
        order = np.random.default_rng([3, repeat]).permutation(len(y))[: self.rows]
        return _split(X.astype(np.float32), y, order, n_train=round(0.7 * len(order)))

    def quick(self) -> Shipped:
        return replace(self, rows=QUICK_ROWS)


@dataclass(frozen=True)
class Stored:
    """The numeric columns of a Parquet file; repeat 0 has the stored split, others permute the rows."""

    path: Path
    record: dict[str, Any]  # its entry in index.json
    rows: int | None = None

    @property
    def task(self) -> Task:
        return "binary" if self.record["task"] == "binary" else "regression"  # counts: by squared loss, for now

    def draw(self, repeat: int) -> Draw:
        import pyarrow.compute as pc
        from pyarrow import parquet

        table = parquet.read_table(self.path)
        X = np.column_stack([_float32(table[name]) for name in self._columns(table.schema)])
        y = table[self.record["target"]].to_numpy()
        y = y.astype(np.float64 if self.task == "regression" else np.int64)
        held_out = pc.equal(table[self.record["split_column"]].cast("string"), "test").to_numpy()
        order = np.argsort(held_out, kind="stable")
        if repeat > 0 or self.rows is not None:
            order = np.random.default_rng([4, repeat]).permutation(len(y))[: self.rows]
        return _split(X, y, order, n_train=round(len(order) * float(np.mean(~held_out))))

    def quick(self) -> Stored:
        return replace(self, rows=QUICK_ROWS)

    def usable(self) -> bool:
        """Dense, of a task that all libraries know, and with two numeric columns or more."""
        from pyarrow import parquet

        known = self.record["task"] in ("binary", "regression", "poisson") and self.record.get("format") == "dense"
        return known and not self.record.get("exposure") and len(self._columns(parquet.read_schema(self.path))) >= 2

    def _columns(self, schema: Any) -> list[str]:
        import pyarrow.types as pt

        record = self.record
        skipped = {record["target"], record["split_column"], *record.get("categorical", [])}
        skipped |= {record.get(role) for role in ("exposure", "weight", "group")}
        skipped |= {*record.get("exclude", []), *record.get("alt_targets", [])}
        numeric = [f.name for f in schema if pt.is_integer(f.type) or pt.is_floating(f.type) or pt.is_boolean(f.type)]
        return [name for name in numeric if name not in skipped]


def stored_sets() -> Iterator[tuple[str, Stored]]:
    """The usable sets of the folder that the environment variable CURVATURE_DATA names; none where it is not set."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return
    for record in json.loads((Path(folder) / "index.json").read_text(encoding="utf-8"))["sets"]:
        source = Stored(Path(folder) / record["file"], record)
        if source.usable():
            yield record["name"], source


def _float32(column: Any) -> NDArray[np.float32]:
    """A numeric Arrow column; null is NaN."""
    import pyarrow as pa

    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return values.astype(np.float32)


def _split(X: NDArray[np.float32], y: NDArray[Any], order: NDArray[np.intp], n_train: int) -> Draw:
    train, test = order[:n_train], order[n_train:]
    return Draw(np.ascontiguousarray(X[train]), y[train], np.ascontiguousarray(X[test]), y[test])
