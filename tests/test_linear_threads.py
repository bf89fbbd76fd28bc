"""Linear fits and threads: the same bits for any number, Ctrl-C, forks, and several fits at once."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import curvature as cv

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: signals, forks")

PARAMS: dict[str, dict[str, Any]] = {
    "newton": {"alpha": 1e-3},
    "newton_cg": {"alpha": 1e-3},
    "lbfgs": {"alpha": 1e-3},
    "cd": {"alpha": 1e-3, "l1_ratio": 0.5, "tol": 1e-3},
    "sgd": {"alpha": 1e-3, "batch_size": 4096, "max_iter": 5, "tol": 0},
}
solvers = pytest.mark.parametrize("solver", PARAMS)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20_000, 12)) * 10.0 ** np.arange(-3, 3).repeat(2)
Y = X[:, 5] + np.tanh(X[:, 6]) + RNG.normal(size=len(X))
THREE = np.digitize(Y, [-1.0, 1.0])
TABLES = {"dense": X, "Fortran": np.asfortranarray(X), "float32": X.astype(np.float32),
          "sparse": sparse.csr_array(np.where(RNG.random(X.shape) < 0.5, X, 0))}  # fmt: skip


def fit(solver: str, table: str, target: str, n_jobs: int) -> bytes:
    """The bytes of a model file."""
    params = PARAMS[solver] | {"solver": solver, "n_jobs": n_jobs, "learning_rate": 1e-7}
    if target == "numbers":
        return cv.LinearRegressor(**params).fit(TABLES[table], Y, sample_weight=np.abs(X[:, 0])).model_.to_bytes()
    multi_class = "one_vs_rest" if solver == "newton" else "softmax"
    return cv.LinearClassifier(**params, multi_class=multi_class).fit(TABLES[table], THREE).model_.to_bytes()


@solvers
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("target", ["numbers", "classes"])
def test_the_same_bits_for_any_number_of_threads(solver: str, table: str, target: str) -> None:
    assert len({fit(solver, table, target, n_jobs) for n_jobs in (1, 2, 3, 8)}) == 1


def test_several_threads_fit_at_once() -> None:
    """Eight Python threads, each by its solver and on one to three threads of the core: the bits of quiet fits."""
    calls = [(solver, table, "numbers", 1 + i % 3) for i, solver in enumerate(PARAMS) for table in ("dense", "sparse")]
    expected = [fit(*call) for call in calls]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda i: fit(*calls[i % 10]), range(30))) == expected * 3


def run(script: str) -> str:
    """What a script of its own prints, with a table, a fit of PARAMS and a time at hand."""
    head = f"""
        import os, signal, sys, threading, time, warnings
        import numpy as np, scipy.sparse as sp, curvature as cv
        warnings.simplefilter("ignore")
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60_000, 40))
        y = (X[:, 0] + X[:, 1] * X[:, 2] > rng.normal(size=len(X))).astype(float)
        PARAMS = {PARAMS!r}
        def make(solver, **params):
            return cv.LinearClassifier(solver=solver, **PARAMS[solver] | params)
    """
    script = textwrap.dedent(head) + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


LONG = {  # fits of more than a second
    "newton": "X = rng.normal(size=(40_000, 500)).astype(np.float32)",
    "newton_cg": "X, params = text, {'alpha': 1e-9}",
    "lbfgs": "X, params = text, {'alpha': 1e-9}",
    "cd": "X, params = text, {'alpha': 1e-7}",
    "sgd": "params = {'batch_size': 32}",
}


@linux
@solvers
def test_an_interrupt_stops_within_a_second(solver: str) -> None:
    """Ctrl-C in the midst of a fit raises KeyboardInterrupt; the estimator is as before, and fits again."""
    printed = run(f"""
        n, p, k = 20_000, 20_000, 50
        columns = (p * rng.random(n * k) ** 3).astype(np.int32)
        text = sp.csr_array((rng.random(n * k) + 0.5, columns, np.arange(0, n * k + 1, k)), (n, p))
        params = {{}}
        {LONG[solver]}
        score = np.asarray(X[:, :5].sum(axis=1)).ravel()
        y = (score > score.mean() + score.std() * rng.normal(size=len(score))).astype(int)
        few, labels = X[:500, :4], y[:500]
        est = make({solver!r}, n_jobs=2).fit(few, labels)
        before = est.model_.to_bytes()
        est.set_params(max_iter=1 << 29, tol=0, **params)
        def interrupt():
            global sent
            sent = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)
        threading.Timer(0.5, interrupt).start()
        try:
            est.fit(X, y)
        except KeyboardInterrupt:
            late = time.perf_counter() - sent
        assert late < 1, late
        assert est.model_.to_bytes() == before
        assert make({solver!r}, n_jobs=2).fit(few, labels).model_.to_bytes() == before
        print("interrupted")
    """)
    assert printed == "interrupted\n"


@linux
def test_a_forked_child_fits_by_every_solver() -> None:
    """After fits on several threads a forked child, which has but one, does not hang, and gives the same bits."""
    printed = run("""
        def fits():
            return [make(solver, n_jobs=3).fit(X, y).model_.to_bytes() for solver in PARAMS]
        expected = fits()
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # a child that hangs is killed
            os._exit(0 if fits() == expected else 1)
        print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), fits() == expected)
    """)
    assert printed == "child 0 True\n"
