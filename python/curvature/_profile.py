"""Where the time of a fit or a prediction goes, phase by phase."""

from __future__ import annotations

import time
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from . import _core


class profile:  # noqa: N801 - used as a function: with profile() as p
    """Record what the core does between ``with`` and its end, in every thread of the process.

    A phase's seconds are those of all threads together, without the phases inside it: two threads busy for a second
    are two seconds. Off, the record costs one load a phase; on, two looks at the clock. Profiles may be nested, and
    several may run at once: each sees everything in its time.

    Phases of trees: ``ingest`` (values read), ``cuts`` (quantiles of a column), ``bin`` (values to codes),
    ``gradient``, ``quantize``, ``accumulate`` (rows into histograms, and the sibling's by subtraction), ``scan`` (best
    cuts), ``partition`` (rows of a node to its children), ``update`` (leaf sums and scores), ``predict``.

    Attributes
    ----------
    seconds : float
        Wall-clock time between the start and the end.

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> with cv.profile() as p:
    ...     est = cv.BoostedTreesRegressor(n_estimators=5).fit(X, y)
    >>> p.to_dict()["phases"]["gradient"]["work"]
    2210
    """

    seconds: float = 0.0

    def __enter__(self) -> Self:
        self._before = _core.profile_totals()
        self._by_thread: NDArray[np.int64] = np.zeros_like(self._before)  # nothing to tell before the end
        self._began = time.perf_counter()
        _core.profile_start()
        return self

    def __exit__(self, *_: object) -> None:
        _core.profile_stop()
        self.seconds = time.perf_counter() - self._began
        after = _core.profile_totals()
        after[: len(self._before)] -= self._before
        self._by_thread = after

    def to_dict(self) -> dict[str, Any]:
        """Wall-clock seconds, and for every phase that ran its seconds, share, calls, work, unit and threads.

        Shares are of the seconds of all phases together.
        """
        totals = self._by_thread.sum(axis=0)
        busy = max(int(totals[:, 0].sum()), 1)
        phases = {}
        for index, (name, unit) in enumerate(_core.profile_phases()):
            nanoseconds, calls, work = totals[index].tolist()
            if calls == 0:
                continue
            phases[name] = {
                "seconds": nanoseconds * 1e-9,
                "share": nanoseconds / busy,
                "calls": calls,
                "work": work,
                "unit": unit,
                "work_per_second": work / (nanoseconds * 1e-9) if nanoseconds else 0.0,
                "threads": int((self._by_thread[:, index, 1] > 0).sum()),
            }
        return {"seconds": self.seconds, "phases": phases}

    def __str__(self) -> str:
        summary = self.to_dict()
        lines = [f"{'phase':<11}{'seconds':>9}{'share':>7}{'calls':>9}  {'work a second':<24}threads"]
        for name, row in summary["phases"].items():
            rate = f"{row['work_per_second'] / 1e6:,.1f} million {row['unit']}" if row["work"] else ""
            lines.append(
                f"{name:<11}{row['seconds']:>9.3f}{row['share']:>7.1%}{row['calls']:>9,}  {rate:<24}{row['threads']}"
            )
        lines.append(f"{'wall clock':<11}{summary['seconds']:>9.3f}")
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Draw the phases as bars, seconds of all threads; needs matplotlib. Returns the axes."""
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots(figsize=(7, 3.5), layout="constrained")[1]
        phases = self.to_dict()["phases"]
        names = list(phases)[::-1]
        bars = ax.barh(names, [phases[name]["seconds"] for name in names], color="#4472a8")
        ax.bar_label(bars, [f"{phases[name]['share']:.1%}" for name in names], padding=3)
        ax.set_xlabel(f"seconds of all threads together (wall clock {self.seconds:.2f} s)")
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.12)
        return ax
