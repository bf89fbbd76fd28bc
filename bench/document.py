"""What a benchmark writes down: when, where, of what and how it was taken; the figures follow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from .machine import describe_commit, describe_machine, describe_versions

FORMAT = 1


class HowOften(Protocol):
    """The options that every benchmark has."""

    @property
    def repeats(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def quick(self) -> bool: ...


def begin(packages: Iterable[str], options: HowOften, **parts: Any) -> dict[str, Any]:
    """A document with `parts` still to be filled."""
    return {
        "format": FORMAT,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **describe_commit(),
        "machine": describe_machine(),
        "versions": describe_versions(packages),
        "options": {"repeats": options.repeats, "threads": options.threads, "quick": options.quick},
        **parts,
    }


def place(document: dict[str, Any], folder: Path, kind: str = "") -> Path:
    """Its file in `folder`, which is made: named by kind, time and commit."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = document["date"][:19].replace("-", "").replace(":", "")
    commit = (document["commit"] or "unknown")[:10]
    return folder / f"{'quick-' * document['options']['quick']}{kind}{'-' * bool(kind)}{stamp}-{commit}.json"


def write(document: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
