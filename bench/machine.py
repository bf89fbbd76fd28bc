"""Where and with what a run took place."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import curvature

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where the name of the package is another


def available_cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory and load; what curvature was built with and the instruction set that it uses."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None
    return {
        "cpu": _cpu_model(),
        "architecture": platform.machine(),
        "cores": available_cores(),
        "memory": memory,
        "system": f"{platform.system()} {platform.release()}",
        "load": list(os.getloadavg()),
        "build": curvature.build_info(),
    }


def describe_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python, NumPy and those of the packages that are installed."""
    found = {package: _version(package) for package in sorted({"numpy", *packages})}
    return {"python": platform.python_version(), **{name: version for name, version in found.items() if version}}


def describe_commit() -> dict[str, Any]:
    """The commit of the source tree, and whether it had changes on top; None outside of a git checkout."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(changes) if commit else None}


def _version(package: str) -> str | None:
    if package == "curvature":
        return curvature.__version__  # it may be imported from its source tree
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(package, package))
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
