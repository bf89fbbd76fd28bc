"""One fit in a process of its own: ``python -m bench.frames.measure FOLDER``, started by `bench.frames`."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measure import WARM_UP
from ..settings import Settings
from .libraries import LIBRARIES
from .sets import METRICS, Task, draw

WARM_UP_ROWS = 200


def warm_up_rows(y: NDArray[Any], task: Task) -> NDArray[np.intp]:
    """The first rows, and the first of every class."""
    first = np.arange(min(WARM_UP_ROWS, len(y)))
    return np.union1d(first, np.unique(y, return_index=True)[1]) if task in ("binary", "multiclass") else first


def measure(path: Path) -> None:
    """Warm up on a few rows, so that lazy imports do not count; fit; predict; write seconds and held-out metrics."""
    job = json.loads(path.read_text(encoding="utf-8"))
    library = LIBRARIES[job["library"]]
    settings = job["settings"] and Settings(**job["settings"])
    drawn = draw(job["set"], job["repeat"], job["most_rows"])
    warnings.simplefilter("ignore")
    few = drawn.train.part(warm_up_rows(drawn.train.y, drawn.task))
    known = "regression" if drawn.task == "poisson" else drawn.task
    library.predict(library.fit(few, known, job["threads"], settings and WARM_UP), few.X, known)
    start = time.perf_counter()
    model = library.fit(drawn.train, drawn.task, job["threads"], settings)
    fitted = time.perf_counter()
    predicted = np.asarray(library.predict(model, drawn.test.X, drawn.task), dtype=np.float64)
    end = time.perf_counter()
    result = {
        "task": drawn.task,
        "rows": len(drawn.train.y),
        "columns": drawn.train.X.shape[1],
        "categories": drawn.train.n_categories,
        "test_rows": len(drawn.test.y),
        "fit_seconds": fitted - start,
        "predict_seconds": end - fitted,
        "metrics": {name: metric(drawn.test, predicted) for name, metric in METRICS[drawn.task].items()},
    }
    path.with_name("result.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
