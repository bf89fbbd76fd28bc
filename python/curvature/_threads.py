"""The argument `n_jobs`."""

from __future__ import annotations

import operator
from typing import Any

MOST_THREADS = 1024


def thread_count(n_jobs: Any) -> int:
    """`n_jobs` as the core takes it: a positive number of threads, or -1 for all that are available."""
    if n_jobs is None:
        return -1
    try:
        count = operator.index(n_jobs)
    except TypeError:
        count = 0
    if isinstance(n_jobs, bool) or not (count == -1 or 1 <= count <= MOST_THREADS):
        raise ValueError(
            f"n_jobs={n_jobs!r} must be an integer in [1, {MOST_THREADS}], or -1 or None for all available threads."
        )
    return count
