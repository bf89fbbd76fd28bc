"""The cases: data × parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from .data import Shipped, Source, Synthetic, stored_sets
from .settings import Settings


@dataclass(frozen=True)
class Case:
    """One source of rows and one set of parameters; without `settings` each library runs with its own defaults."""

    name: str
    source: Source
    settings: Settings | None
    on_request: bool = False  # runs only where it is named

    def quick(self) -> Case:
        """The same on a few rows with small trees: checks that everything works, measures nothing."""
        settings = self.settings and replace(self.settings, trees=min(self.settings.trees, 5), leaves=7)
        return replace(self, source=self.source.quick(), settings=settings)

    def __str__(self) -> str:
        return f"{self.name}: {self.settings or 'each library with its defaults'}"


SPEED = [
    Case("500x10", Synthetic(500, 10), Settings(trees=100, leaves=31)),
    Case("10k", Synthetic(10_000, 28), Settings(trees=100, leaves=31)),
    Case("100k", Synthetic(100_000, 28), Settings(trees=100, leaves=63)),
    Case("1M", Synthetic(1_000_000, 28), Settings(trees=100, leaves=255)),
    Case("500k-narrow", Synthetic(500_000, 8), Settings(trees=100, leaves=63)),
    Case("200k-wide", Synthetic(200_000, 400), Settings(trees=50, leaves=63)),
    Case("10M", Synthetic(10_000_000, 28), Settings(trees=20, leaves=255), on_request=True),
]

# What `--quick` runs where no case is named: both tasks, with common parameters and with defaults.
QUICK = ("500x10", "diabetes-defaults")


def all_cases() -> list[Case]:
    """Speed cases first; then every real set, with each library's defaults and with common parameters."""
    real: list[tuple[str, Source]] = [
        ("breast_cancer", Shipped("breast_cancer")),
        ("diabetes", Shipped("diabetes")),
        ("digits_parity", Shipped("digits_parity")),
        *stored_sets(),
    ]
    common = Settings(trees=100, leaves=31)
    accuracy = [Case(f"{name}-defaults", source, None) for name, source in real]
    accuracy += [Case(f"{name}-100x31", source, common, on_request=True) for name, source in real]
    return SPEED + accuracy


def select(patterns: Sequence[str], quick: bool) -> list[Case]:
    """The cases whose name fits one of the patterns (as of file names), or the usual ones where there is none."""
    cases = all_cases()
    for pattern in patterns:
        if not any(fnmatchcase(case.name, pattern) for case in cases):
            raise ValueError(f"no case is called {pattern!r}; there are {', '.join(case.name for case in cases)}.")
    if not patterns and quick:
        patterns = QUICK
    chosen = [
        case
        for case in cases
        if (any(fnmatchcase(case.name, pattern) for pattern in patterns) if patterns else not case.on_request)
    ]
    return [case.quick() for case in chosen] if quick else chosen
