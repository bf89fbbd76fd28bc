"""Signals, forks and more threads than there can be are survived."""

import subprocess
import sys
import textwrap


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of its own with a large table at hand."""
    head = """
        import os, signal, sys, threading, time
        import numpy as np, curvature as cv
        X = np.random.default_rng(0).normal(size=(100_000, 10))
        y = X[:, 0] * X[:, 1]
    """
    script = textwrap.dedent(head) + textwrap.dedent(script)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)


def test_an_interrupt_stops_within_a_tree() -> None:
    """Ctrl-C during a fit raises KeyboardInterrupt before many more trees are grown, and the process works on."""
    done = run("""
        est = cv.BoostedTreesRegressor(n_estimators=20, max_leaves=63, n_jobs=2)
        start = time.perf_counter()
        est.fit(X, y)
        whole = time.perf_counter() - start
        def interrupt():
            global sent
            sent = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)
        endless = cv.BoostedTreesRegressor(n_estimators=10_000_000, max_leaves=63, n_jobs=2)
        threading.Timer(0.5, interrupt).start()
        try:
            endless.fit(X, y)
        except KeyboardInterrupt:
            late = time.perf_counter() - sent
        assert late < whole, (late, whole)
        assert not hasattr(endless, "model_")
        assert (cv.BoostedTreesRegressor.from_model(est.model_).fit(X, y).predict(X) == est.predict(X)).all()
        print("interrupted")
    """)
    assert done.stdout == "interrupted\n", done.stderr


def test_a_forked_child_fits_and_predicts() -> None:
    """After a fit on several threads a forked child, which has but one, does not hang, and gives the same bits."""
    done = run("""
        fit = lambda: cv.BoostedTreesRegressor(n_estimators=3, n_jobs=3).fit(X, y)
        est = fit()
        expected = est.predict(X)
        child = os.fork()
        if child == 0:
            same = (est.predict(X) == expected).all() and fit().model_.to_bytes() == est.model_.to_bytes()
            os._exit(0 if same else 1)
        print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), (fit().predict(X) == expected).all())
    """)
    assert done.stdout == "child 0 True\n", done.stderr


def test_more_threads_than_there_can_be_do_not_crash() -> None:
    """An n_jobs beyond what the system gives is refused or cut down; the process lives on."""
    done = run("""
        try:
            cv.BoostedTreesRegressor(n_estimators=1, n_jobs=100_000).fit(X, y)
        except ValueError as error:
            assert "n_jobs=100000" in str(error)
        print("alive")
    """)
    assert done.stdout == "alive\n", (done.returncode, done.stderr)


def test_a_signal_handler_may_fit_and_predict() -> None:
    """A handler that runs between two trees fits on fewer threads than the fit it interrupts; both models are right."""
    done = run("""
        fit = lambda n_trees, n_jobs: cv.BoostedTreesRegressor(n_estimators=n_trees, n_jobs=n_jobs).fit(X, y)
        inner, outer, found = fit(2, 2).model_.to_bytes(), fit(60, 8).model_.to_bytes(), []
        def handler(*_):
            found.append(fit(2, 2).model_.to_bytes() == inner)
            signal.setitimer(signal.ITIMER_REAL, 0.02)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        again = fit(60, 8).model_.to_bytes()
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        print(all(found), len(found) > 0, again == outer)
    """)
    assert done.stdout == "True True True\n", done.stderr
