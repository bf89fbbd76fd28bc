"""One fit in a process of its own: ``python -m bench.frames.measure FOLDER``, started by `bench.frames`."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from .libraries import LIBRARIES
from .sets import METRICS, draw

WARM_UP_ROWS = 200


def measure(path: Path) -> None:
    """Warm up on a few rows, so that lazy imports do not count; fit; predict; write seconds and held-out metrics."""
    job = json.loads(path.read_text(encoding="utf-8"))
    library = LIBRARIES[job["library"]]
    drawn = draw(job["set"], job["repeat"], job["most_rows"])
    warnings.simplefilter("ignore")
    few = drawn.train.head(WARM_UP_ROWS)
    known = "regression" if drawn.task == "poisson" else drawn.task
    if known == "regression" or len(np.unique(few.y)) == len(np.unique(drawn.train.y)):
        library.predict(library.fit(few, known, job["threads"]), few.X, known)
    start = time.perf_counter()
    model = library.fit(drawn.train, drawn.task, job["threads"])
    fitted = time.perf_counter()
    predicted = np.asarray(library.predict(model, drawn.test.X, drawn.task), dtype=np.float64)
    end = time.perf_counter()
    result = {
        "task": drawn.task,
        "rows": len(drawn.train.y),
        "columns": drawn.train.X.shape[1],
        "categories": int(sum(dtype == "category" for dtype in drawn.train.X.dtypes)),
        "test_rows": len(drawn.test.y),
        "fit_seconds": fitted - start,
        "predict_seconds": end - fitted,
        "metrics": {name: metric(drawn.test, predicted) for name, metric in METRICS[drawn.task].items()},
    }
    path.with_name("result.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
