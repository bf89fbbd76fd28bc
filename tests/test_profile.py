"""`curvature.profile()`: its counts are exact, nest and add up over threads; off, nothing is counted."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curvature as cv
from curvature import _core

FIT = ("ingest", "cuts", "bin", "gradient", "quantize", "accumulate", "scan", "partition", "update")
UNITS = {name: unit for name, unit in _core.profile_phases()}
PASS = 8192  # rows a task of a pass over rows
BLOCK = 256  # rows a task of binning


def table(n_rows: int, n_columns: int = 6) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(n_rows, n_columns))
    return X, X[:, 0] * X[:, -1]


def phases(profile: cv.profile) -> dict[str, dict[str, Any]]:
    return profile.to_dict()["phases"]


def counts(profile: cv.profile) -> dict[str, tuple[int, int]]:
    """Calls and work of every phase: what does not depend on the clock."""
    return {name: (row["calls"], row["work"]) for name, row in phases(profile).items()}


def profiled(action: Any) -> cv.profile:
    with cv.profile() as p:
        action()
    return p


@settings(deadline=None, max_examples=25)
@given(
    n_rows=st.integers(50, 20_000), n_columns=st.integers(1, 20), n_trees=st.integers(1, 5), n_jobs=st.integers(1, 3)
)
def test_a_fit_of_stumps_is_counted_exactly(n_rows: int, n_columns: int, n_trees: int, n_jobs: int) -> None:
    """Where every tree is one split, the work of every phase is known, and so are the calls of passes over rows."""
    X, y = table(n_rows, n_columns)
    est = cv.BoostedTreesRegressor(n_estimators=n_trees, max_leaves=2, min_child_samples=1, n_jobs=n_jobs)
    found = counts(profiled(lambda: est.fit(X, y)))
    assert tuple(found) == FIT
    cells, passes = n_rows * n_columns, -(-n_rows // PASS)
    assert {name: work for name, (_, work) in found.items() if name not in ("scan", "quantize")} == {
        "ingest": 2 * cells,  # once for the cuts (all rows, up to 200,000), once for the codes
        "cuts": cells,
        "bin": cells,
        "gradient": n_rows * n_trees,
        "accumulate": cells * n_trees,  # the root's histogram; the last split's children need none
        "partition": n_rows * n_trees,
        "update": n_rows * n_trees,
    }
    assert found["cuts"][0] == n_columns
    assert found["bin"][0] == -(-n_rows // BLOCK)
    assert found["gradient"][0] == passes * n_trees
    # Once more in the first round, and in those that need other units.
    again = found["quantize"][1] // n_rows
    assert 1 <= again <= n_trees
    assert found["quantize"] == (passes * again, n_rows * again)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_growing_trees_stays_within_what_it_needs(n_jobs: int) -> None:
    """Each level of a tree parts each row at most once and reads each cell at most once, on any number of threads."""
    n_rows, n_columns, n_trees, depth = 20_000, 6, 4, 5
    X, y = table(n_rows, n_columns)
    est = cv.BoostedTreesRegressor(n_estimators=n_trees, max_leaves=None, max_depth=depth, n_jobs=n_jobs)
    work = {name: row["work"] for name, row in phases(profiled(lambda: est.fit(X, y))).items()}
    n_splits = int((est.model_.forest.arrays()["feature"] >= 0).sum())
    assert n_rows * n_trees < work["partition"] <= n_rows * n_trees * depth
    # The smaller child is read, the larger is the parent's histogram less the smaller's.
    assert n_rows * n_columns * n_trees < work["accumulate"] <= n_rows * n_columns * n_trees * (1 + (depth - 1) / 2)
    assert work["scan"] >= n_splits * n_columns  # a bin of every column at least
    assert work["gradient"] == work["update"] == n_rows * n_trees


def test_predictions_are_counted_exactly() -> None:
    """A prediction is one phase, rows times trees, whichever method asks; staged ones are counted tree by tree."""
    X, y = table(3_000)
    est = cv.BoostedTreesClassifier(n_estimators=7).fit(X, y > 0)
    for method in (est.predict, est.predict_proba, est.apply, est.model_.decision_function):
        found = counts(profiled(lambda method=method: method(X)))
        assert list(found) == ["predict"]
        assert found["predict"][1] == 3_000 * 7


def test_seconds_and_shares_add_up() -> None:
    """Shares sum to 1; on one thread the phases take no longer than the wall clock, in which most of the time is."""
    X, y = table(50_000)
    est = cv.BoostedTreesRegressor(n_estimators=10, n_jobs=1)
    p = profiled(lambda: est.fit(X, y).predict(X))
    rows = phases(p)
    assert tuple(rows) == (*FIT, "predict")
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1)
    total = sum(row["seconds"] for row in rows.values())
    assert 0.3 * p.seconds < total <= p.seconds
    for name, row in rows.items():
        assert row["unit"] == UNITS[name]
        assert row["share"] == pytest.approx(row["seconds"] / total)
        assert row["work_per_second"] == pytest.approx(row["work"] / row["seconds"])
        assert row["threads"] == 1
        assert row["calls"] > 0


def test_threads_are_those_that_ran() -> None:
    """The column of threads never has more than n_jobs, and together they are busy no longer than all could be."""
    X, y = table(50_000)
    for n_jobs in (1, 2, 3):
        p = profiled(lambda n_jobs=n_jobs: cv.BoostedTreesRegressor(n_estimators=5, n_jobs=n_jobs).fit(X, y))
        rows = phases(p).values()
        assert 1 <= max(row["threads"] for row in rows) <= n_jobs
        assert sum(row["seconds"] for row in rows) <= n_jobs * p.seconds


def test_counts_do_not_depend_on_threads() -> None:
    """Work, unlike time, is the same on one thread and on three, where no node is split ahead of its turn."""
    X, y = table(20_000)
    shares = []
    for n_jobs in (1, 3):
        est = cv.BoostedTreesRegressor(n_estimators=3, max_leaves=None, max_depth=4, grow_policy="depthwise")
        p = profiled(lambda est=est, n_jobs=n_jobs: est.set_params(n_jobs=n_jobs).fit(X, y))
        shares.append({name: row["work"] for name, row in phases(p).items()})
    assert shares[0] == shares[1]


def test_off_nothing_is_counted() -> None:
    """Without a profile no counter moves: neither before the first one nor after the last."""
    X, y = table(2_000)
    before = _core.profile_totals()
    cv.BoostedTreesRegressor(n_estimators=3, n_jobs=2).fit(X, y).predict(X)
    np.testing.assert_array_equal(_core.profile_totals(), before)
    profiled(lambda: cv.BoostedTreesRegressor(n_estimators=3, n_jobs=2).fit(X, y))
    between = _core.profile_totals()
    assert between[:, :, 1].sum() > before[:, :, 1].sum()
    cv.BoostedTreesRegressor(n_estimators=3, n_jobs=2).fit(X, y).predict(X)
    np.testing.assert_array_equal(_core.profile_totals(), between)


def test_an_exception_ends_the_profile() -> None:
    """An exception passes through; what ran before it is in the record, what runs after it is not."""
    X, y = table(2_000)
    est = cv.BoostedTreesRegressor(n_estimators=3)
    with pytest.raises(ZeroDivisionError), cv.profile() as p:
        est.fit(X, y)
        1 / 0  # noqa: B018
    recorded, totals = counts(p), _core.profile_totals()
    assert recorded["gradient"] == (3, 6_000)
    est.fit(X, y)
    np.testing.assert_array_equal(_core.profile_totals(), totals)
    assert counts(p) == recorded


def test_a_refused_fit_is_an_empty_profile() -> None:
    """A fit that is refused before any work leaves no phase, and the table is its head and the wall clock."""
    X, y = table(100)
    with cv.profile() as p, pytest.raises(ValueError, match="max_bins"):
        cv.BoostedTreesRegressor(max_bins=1).fit(X, y)
    assert phases(p) == {}
    assert [line.split()[0] for line in str(p).splitlines()] == ["phase", "wall"]


def test_profiles_nest() -> None:
    """The outer profile has the inner ones and what ran around them; the inner ones have their own only."""
    X, y = table(2_000)
    est = cv.BoostedTreesRegressor(n_estimators=3)
    with cv.profile() as outer:
        est.fit(X, y)
        with cv.profile() as first:
            est.fit(X, y)
            with cv.profile() as innermost:
                est.predict(X)
        with cv.profile() as second:
            est.fit(X, y)
            est.fit(X, y)
    fit, two_fits = counts(profiled(lambda: est.fit(X, y))), counts(second)
    assert list(counts(innermost)) == ["predict"]
    assert counts(first) == fit | counts(innermost)
    assert {name: (2 * calls, 2 * work) for name, (calls, work) in fit.items()} == two_fits
    assert {name: row[1] for name, row in counts(outer).items()} == {
        name: 4 * work for name, (_, work) in fit.items()
    } | {"predict": 6_000}
    assert outer.seconds > first.seconds + second.seconds


def test_a_profile_can_be_used_again() -> None:
    """Each use of the same object is a record of its own."""
    X, y = table(1_000)
    est = cv.BoostedTreesRegressor(n_estimators=2)
    p = cv.profile()
    for n_trees in (2, 5):
        with p:
            est.set_params(n_estimators=n_trees).fit(X, y)
        assert counts(p)["gradient"] == (n_trees, n_trees * 1_000)


def test_profiles_of_several_threads_see_everything() -> None:
    """Work of other threads is counted exactly, by a profile around them and by their own ones at once."""
    X, y = table(20_000)
    workers, fits = 4, 3
    ready = threading.Barrier(workers)

    def work(seed: int) -> int:
        est = cv.BoostedTreesRegressor(n_estimators=4, n_jobs=1 + seed % 3, random_state=seed)
        with cv.profile() as own:
            ready.wait(timeout=60)
            for _ in range(fits):
                est.fit(X, y)
        return phases(own)["gradient"]["work"]

    with cv.profile() as around, ThreadPoolExecutor(workers) as pool:
        seen = list(pool.map(work, range(workers)))
    total = 20_000 * 4 * workers * fits
    assert phases(around)["gradient"]["work"] == total
    assert all(total / workers <= gradient <= total for gradient in seen)
    assert workers <= phases(around)["gradient"]["threads"] <= sum(1 + seed % 3 for seed in range(workers))


def test_many_threads_that_come_and_go() -> None:
    """Records of threads that have ended are kept: fits of a hundred short-lived threads are all there."""
    X, y = table(200)
    est = [cv.BoostedTreesRegressor(n_estimators=2) for _ in range(100)]
    with cv.profile() as p:
        for one in est:
            thread = threading.Thread(target=one.fit, args=(X, y))
            thread.start()
            thread.join()
    assert counts(p)["gradient"] == (200, 40_000)


def test_the_table_is_what_the_dictionary_says() -> None:
    """A line a phase, in the order of a fit, with its seconds, share, calls, rate and threads; columns in line."""
    X, y = table(30_000)
    p = profiled(lambda: cv.BoostedTreesRegressor(n_estimators=5).fit(X, y).predict(X))
    head, *lines, last = str(p).splitlines()
    assert head.split() == ["phase", "seconds", "share", "calls", "work", "a", "second", "threads"]
    assert [line.split()[0] for line in lines] == list(phases(p))
    for line, (name, row) in zip(lines, phases(p).items(), strict=True):
        cells = line.split()
        assert float(cells[1]) == pytest.approx(row["seconds"], abs=6e-4)
        assert cells[2] == f"{row['share']:.1%}"
        assert int(cells[3].replace(",", "")) == row["calls"]
        assert float(cells[4].replace(",", "")) == pytest.approx(row["work_per_second"] / 1e6, abs=0.06)
        assert cells[5:-1] == ["million", UNITS[name]]
        assert int(cells[-1]) == row["threads"]
        assert line.index(cells[-1], len(line) - len(cells[-1])) == head.index("threads")
    assert last.split()[:2] == ["wall", "clock"]
    assert float(last.split()[2]) == pytest.approx(p.seconds, abs=6e-4)


def test_the_plot_has_a_bar_a_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars are as long as the phases' seconds, on given axes or on new ones, the first phase on top."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    X, y = table(3_000)
    p = profiled(lambda: cv.BoostedTreesRegressor(n_estimators=3).fit(X, y))
    figure, given = pyplot.subplots()
    assert p.plot(given) is given
    made = p.plot()
    for axes in (given, made):
        axes.figure.canvas.draw()
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == list(phases(p))[::-1]
        assert [bar.get_width() for bar in axes.patches] == [phases(p)[name]["seconds"] for name in names]
        assert [text.get_text() for text in axes.texts] == [f"{phases(p)[name]['share']:.1%}" for name in names]
    pyplot.close("all")


def test_start_and_stop_are_balanced() -> None:
    """Profiling goes on while any profile is open, in whatever order they end."""
    X, y = table(500)
    numbers = count()
    open_profiles = [cv.profile().__enter__() for _ in range(3)]
    for p in (open_profiles[1], open_profiles[0], open_profiles[2]):
        cv.BoostedTreesRegressor(n_estimators=1).fit(X, y)
        p.__exit__(None, None, None)
        assert phases(p)["gradient"]["work"] == 500 * (next(numbers) + 1)
    before = _core.profile_totals()
    cv.BoostedTreesRegressor(n_estimators=1).fit(X, y)
    np.testing.assert_array_equal(_core.profile_totals(), before)
