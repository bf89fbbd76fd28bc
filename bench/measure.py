"""One measurement in a process of its own: ``python -m bench.measure FOLDER``, started by `bench.run`.

FOLDER holds ``job.json`` and the arrays of a draw; ``result.json`` and ``predictions.npy`` are written beside them.
"""

from __future__ import annotations

import contextlib
import gc
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .libraries import LIBRARIES, Library
from .settings import Settings, Task

REPEAT_SECONDS = 0.5  # short calls are repeated for as long, and their median is taken
REPEAT_CALLS = 20
WARM_UP = Settings(trees=2, leaves=4)


def median_seconds(call: Callable[[], Any], repeat: bool) -> tuple[float, Any]:
    """Median time of a call and its last answer; the answers before are freed outside of the timing."""
    times: list[float] = []
    answer = None
    while not times or (repeat and sum(times) < REPEAT_SECONDS and len(times) < REPEAT_CALLS):
        answer = None
        start = time.perf_counter()
        answer = call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), answer


def memory_now() -> int:
    """Resident bytes; the peak counts from here on where the system allows it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS") or _peak_of_process()


def memory_peak() -> int:
    """Most resident bytes so far. Not `ru_maxrss` on Linux: that starts with the size of the parent."""
    return _status("VmHWM") or _peak_of_process()


def _status(field: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(field)), None)


def _peak_of_process() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def measure(folder: Path) -> None:
    """Import, warm up on a few rows, fit, predict; write what was measured."""
    job = json.loads((folder / "job.json").read_text())
    bound = Bound(LIBRARIES[job["library"]], job["task"], job["threads"], job["repeat_short_calls"])
    settings = job["settings"] and Settings(**job["settings"])

    import_seconds, _ = median_seconds(bound.library.load, repeat=False)
    import numpy as np

    bound.warm_up()
    fit_seconds, fit_memory, model = bound.fit(folder, settings)
    predict_seconds, predictions = bound.predict(folder, model)
    np.save(folder / "predictions.npy", np.asarray(predictions, dtype=np.float64))
    result = {
        "import_seconds": import_seconds,
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        "fit_memory": fit_memory,
    }
    (folder / "result.json").write_text(json.dumps(result))


@dataclass(frozen=True)
class Bound:
    """A library with what stays the same for all its calls."""

    library: Library
    task: Task
    threads: int
    repeat: bool

    def warm_up(self) -> None:
        """Fit and predict a few rows, so that lazy imports and the start of threads are not counted."""
        import numpy as np

        X = np.random.default_rng(0).standard_normal((200, 4), dtype=np.float32)
        y = (X[:, 0] > 0).astype(np.int64 if self.task == "binary" else np.float64)
        model = self.library.fit(X, y, self.task, WARM_UP, self.threads)
        self.library.predict(model, X, self.task, self.threads)

    def fit(self, folder: Path, settings: Settings | None) -> tuple[float, int, Any]:
        """Seconds, bytes at the peak over a process that has only loaded the rows, and the model."""
        import numpy as np

        X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
        gc.collect()
        before = memory_now()
        call = partial(self.library.fit, X, y, self.task, settings, self.threads)
        seconds, model = median_seconds(call, self.repeat)
        return seconds, max(memory_peak() - before, 0), model

    def predict(self, folder: Path, model: Any) -> tuple[float, Any]:
        """Seconds and predictions for the held-out rows."""
        import numpy as np

        X = np.load(folder / "X_test.npy")
        return median_seconds(partial(self.library.predict, model, X, self.task, self.threads), self.repeat)


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
