"""The public loss objects: named, formulas and arrays; what they answer, refuse, print and store."""

import copy
import dataclasses
import doctest
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from curvature import _core, _formula, _links, _symbols, losses
from curvature.losses import Huber, Logistic, Loss, Quantile, Softmax, Tweedie, arrays, labels, numeric
from curvature.losses import loss as loss_module
from curvature.losses.arrays import FromArrays
from curvature.losses.loss import read_loss, warn_if_inexact
from curvature.losses.names import NAMED, OF_LABELS, RIVAL_LOSSES

RNG = np.random.default_rng(11)


def test_parameters_are_those_of_the_core() -> None:
    table = {row["name"]: row for row in _core.loss_table()}
    assert set(NAMED) == set(table)
    for name, loss in NAMED.items():
        assert dataclasses.asdict(loss()) == {row["name"]: row["default"] for row in table[name]["parameters"]}  # type: ignore[call-overload]
        assert getattr(losses, loss.__name__) is loss
        assert loss().link.name == table[name]["link"]


@pytest.mark.parametrize("module", [loss_module, numeric, labels, arrays, _links, _formula, _symbols])
def test_examples_of_docstrings(module: Any) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize("name", NAMED)
def test_named_losses_agree_with_differences_and_print_their_formula(name: str) -> None:
    loss = NAMED[name]()
    y, f = RNG.uniform(0.1, 0.9, 60), RNG.normal(size=60) * 2
    domain = next(row for row in _core.loss_table() if row["name"] == name)["domain"]
    if name == "softmax":
        y, f = RNG.integers(0, 3, 60).astype(float), RNG.normal(size=(60, 3))
    elif domain["two_labels"]:
        y = np.where(y > 0.5, domain["high"], domain["low"])
    result = loss.check(y, f, verbose=False)
    assert result.ok, str(result)
    printed = str(loss).splitlines()
    assert printed[0] == repr(loss)
    assert [line.split()[0] for line in printed[1:4]] == ["l(y,", "gradient", "Hessian"]


def test_check_shows_the_worst_rows(capsys: pytest.CaptureFixture[str]) -> None:
    result = Logistic().check([0.0, 1.0], [0.5, -2.0], n_worst=3)
    printed = capsys.readouterr().out
    assert printed.strip() == str(result).strip()
    assert printed.splitlines()[-1] == "ok"
    assert len(result.worst) == 3
    assert 0 <= result.gradient_error < 1e-6
    assert 0 <= result.hessian_error < 1e-6


def test_check_knows_rounding_from_error() -> None:
    """Far out, differences of p - y are nothing but rounding; degenerate minima have no scale of their own."""
    logistic = Loss(lambda y, f: np.log(1 + np.exp(f)) - y * f)
    assert logistic.check([0.0, 1.0, 0.0, 1.0], [-700.0, 700.0, 700.0, -700.0], verbose=False).ok
    assert Loss(lambda y, f: np.log(np.cosh(y - f))).check([1e6, -1e6], [0.0, 1.0], verbose=False).ok
    quartic = Loss(lambda y, f: (y - f) ** 4).check(np.zeros(9), np.linspace(-2, 2, 9), verbose=False)
    assert (quartic.ok, quartic.n_kinks) == (True, 0)


def test_check_recognises_kinks() -> None:
    """A row on a kink, one beside it, one far from it."""
    result = Loss(lambda y, f: abs(y - f)).check([0.0, 0.0, 0.0], [0.0, 1e-7, 1.0], verbose=False)
    assert result.ok
    assert result.n_kinks == 3  # the Hessian on the kink, both derivatives beside it
    assert "next to a kink were left out" in str(result)


def test_check_finds_a_wrong_hessian() -> None:
    wrong = FromArrays(lambda y, f: (np.tanh(f - y), 1 + 0 * f))
    result = wrong.check(np.zeros(50), np.linspace(-2, 2, 50), verbose=False)
    assert not result.ok
    assert result.hessian_error > 0.5
    assert np.isnan(result.gradient_error)
    assert "The gradient was not checked" in str(result)
    assert abs(result.worst[0].f) == 2.0
    right = FromArrays(lambda y, f: (np.tanh(f - y), 1 / np.cosh(f - y) ** 2))
    assert right.check(np.zeros(50), np.linspace(-2, 2, 50), verbose=False).ok


def test_check_finds_a_wrong_gradient_of_a_loss_with_values() -> None:
    class Reversed(losses.Squared):
        def _derivatives(self, core: Any, columns: Any, scores: Any) -> Any:
            gradients, hessians = super()._derivatives(core, columns, scores)
            return -gradients, hessians

    result = Reversed().check([0.0, 0.0], [1.0, -2.0], verbose=False)
    assert not result.ok
    assert result.gradient_error == pytest.approx(2.0, rel=1e-4)
    assert result.n_kinks == 0


def test_further_data_by_name() -> None:
    loss = Loss(lambda y, f, cap, low: np.minimum((y - f) ** 2, cap) + low)
    y, f = np.zeros(4), np.arange(4.0)
    expected = [1.0, 2.0, 5.0, 6.0]
    data = {"cap": [3.0, 3.0, 4.0, 5.0], "low": [1, 1, 1, 1]}
    records = np.array(list(zip(*data.values(), strict=True)), dtype=[("cap", "f8"), ("low", "i4")])
    for table in (data, records, data | {"low": 1.0, "more": "text"}):
        np.testing.assert_array_equal(loss.value(y, f, table), expected)
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(loss.value(y, f, pandas.DataFrame(data)), expected)
    assert [column.tolist() for column in loss.columns(y, data)][1:] == [data["cap"], [1.0] * 4]


def test_several_columns_of_y() -> None:
    loss = Loss(lambda y, f: (y[0] - f) ** 2 + y[1] * f)
    y = np.array([[1.0, 0.0], [2.0, 3.0]])
    np.testing.assert_array_equal(loss.gradient(y, [0.0, 0.0]), [-2.0, -1.0])
    assert loss.n_targets == 2
    assert [column.flags.c_contiguous for column in loss.columns(y)] == [True, True]
    with pytest.raises(ValueError, match=r"y has shape \(2,\): \(n, 2\) is what the loss reads"):
        loss.value([1.0, 2.0], [0.0, 0.0])


def test_numbers_are_broadcast() -> None:
    np.testing.assert_array_equal(Huber().value(0.0, [1.0, 3.0]), [0.5, 2.5])
    np.testing.assert_array_equal(Huber().value([0.0, 1.0], 1.0), [0.5, 0.0])
    np.testing.assert_array_equal(Huber().value(0.0, 1.0), [0.5])
    np.testing.assert_array_equal(Huber().hessian(np.zeros(2, dtype=np.float32), [[0.0], [9.0]]), [1.0, 0.0])
    assert Softmax().gradient([0.0, 2.0], np.zeros((2, 3))).shape == (2, 3)


BAD_ROWS: dict[str, tuple[Callable[[], Any], str]] = {
    "lengths": (lambda: Huber().value([1.0, 2.0], [1.0, 2.0, 3.0]), "y has 2 rows, not 3"),
    "shape of f": (lambda: Huber().value([1.0], np.ones((1, 2))), r"f has shape \(1, 2\): \(n,\) is what loss='huber'"),
    "cube": (lambda: Huber().value([1.0], np.ones((1, 1, 1))), "f has shape"),
    "shape of y": (lambda: Huber().value(np.ones((2, 2)), [1.0]), r"y has shape \(2, 2\): \(n,\)"),
    "text": (lambda: Huber().value(["a"], [1.0]), "y must hold numbers"),
    "text in f": (lambda: Huber().value([1.0], ["a"]), "f must hold numbers"),
    "complex": (lambda: Huber().value([1j], [1.0]), "y must hold real numbers"),
    "nan": (lambda: Huber().value([1.0, np.nan], [1.0, 2.0]), r"y\[1\]=nan must be finite"),
    "domain": (lambda: Logistic().value([0.5, 1.5], [0.0, 0.0]), r"y\[1\]=1.5 must be in \[0, 1\] for loss='logistic'"),
    "open domain": (lambda: losses.Gamma().value([0.0], [0.0]), r"y\[0\]=0 must be above 0 for loss='gamma'"),
    "low": (lambda: losses.Poisson().value([-1.0], [0.0]), "must be at least 0 for loss='poisson'"),
    "labels": (lambda: losses.Hinge().value([0.0], [0.0]), "must be -1 or 1 for loss='hinge'"),
    "codes": (lambda: Softmax().value([0.5], np.zeros((1, 3))), "must be a whole number"),
    "no data": (lambda: Loss(lambda y, f, cap: cap * f).value([1.0], [1.0]), r"loss_data is missing: .*\['cap'\]"),
    "no column": (
        lambda: Loss(lambda y, f, cap: cap * f).value([1.0], [1.0], {"cat": [1.0]}),
        r"loss_data\['cap'\] is missing",
    ),
    "data too long": (
        lambda: Loss(lambda y, f, cap: cap * f).columns([1.0, 2.0], {"cap": [1.0, 2.0, 3.0]}),
        r"loss_data\['cap'\] has 3 rows, not 2",
    ),
    "data as text": (
        lambda: Loss(lambda y, f, cap: cap * f).columns([1.0], {"cap": ["x"]}),
        r"loss_data\['cap'\] must hold numbers",
    ),
    "data not finite": (
        lambda: Loss(lambda y, f, cap: cap * f).columns([1.0, 1.0], {"cap": [1.0, np.inf]}),
        r"loss_data\['cap'\]\[1\]=inf must be finite",
    ),
    "data of two columns": (
        lambda: Loss(lambda y, f, cap: cap * f).columns([1.0], {"cap": np.ones((1, 2))}),
        r"loss_data\['cap'\] has shape \(1, 2\)",
    ),
    "data not read": (lambda: Huber().value([1.0], [1.0], {"cap": [1.0]}), "the loss takes \\(y, f\\) only"),
    "no values": (lambda: FromArrays(lambda y, f: (f, f)).value([1.0], [1.0]), "has derivatives only, no values"),
}


@pytest.mark.parametrize(("call", "sentence"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows_are_named(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


BAD_LOSSES: dict[str, tuple[Callable[[], Any], str]] = {
    "misspelt": (lambda: read_loss("hubber"), "loss='hubber' is not known: did you mean 'huber'"),
    "spelt otherwise": (lambda: read_loss("Pseudo-Huber"), "did you mean 'pseudo_huber'"),
    "unknown": (lambda: read_loss("qqq"), "the names are 'squared', 'absolute'"),
    "class": (lambda: read_loss(Huber), r"loss=Huber is a class: write Huber\(\)"),
    "number": (lambda: read_loss(3), "loss=3 must be a name"),
    "none": (lambda: read_loss(None), "loss=None must be a name"),
    "arity": (lambda: read_loss(lambda f: f), r"<lambda> takes \(f\): a loss takes \(y, f\)"),
    "third derivative": (lambda: Loss(lambda y, f: special.psi(special.psi(f))), "trigamma cannot be differentiated"),
    "bound": (lambda: Huber(delta=0.0), "delta"),
    "open bound": (lambda: Quantile(level=1.0), "level"),
    "kind": (lambda: Huber(delta="1"), "delta='1' must be a number"),  # type: ignore[arg-type]
    "bool": (lambda: Huber(delta=True), "delta=True must be a number"),
    "nan": (lambda: Tweedie(power=float("nan")), "power"),
    "link": (lambda: Loss("huber", link="logg"), "link='logg' must be one of 'identity', 'log'"),
    "link pair": (lambda: Loss("huber", link=(np.exp, 3)), "or a pair of functions"),
    "softmax of one": (lambda: Loss(lambda y, f: f * y, link="softmax"), "for a loss of several outputs"),
    "not inverse": (
        lambda: Loss("huber", link=(lambda m: np.log(m), lambda f: np.exp(2 * f))),
        r"inverse\(link\(m\)\) must be m",
    ),
    "link of two": (lambda: Loss("huber", link=(lambda m, k: m + k, lambda f: f)), "must be a formula of one variable"),
    "not callable": (lambda: FromArrays(3), "function=3 must be a function"),  # type: ignore[arg-type]
    "outputs": (lambda: FromArrays(lambda y, f: (f, f), n_outputs=0), "n_outputs=0 must be a whole number"),
    "one array": (lambda: FromArrays(lambda y, f: f).gradient([1.0], [1.0]), r"must return \(gradient, hessian\)"),
    "array shape": (
        lambda: FromArrays(lambda y, f: (f, np.ones(3))).gradient([1.0, 2.0], [1.0, 2.0]),
        r"the Hessian that <lambda> returns has shape \(3,\), not \(2,\)",
    ),
    "no targets": (lambda: FromArrays(lambda y, f: (f, f)).core(), "columns is missing"),
    "numbers for classes": (lambda: Loss("poisson").of_classes(2), "'poisson' is not for a classifier"),
    "metric for classes": (lambda: Loss("zero_one").of_classes(2), "'zero_one' is not for a classifier"),
    "three classes": (lambda: Loss("hinge").of_classes(3), "has 1 outputs, but y has 3 classes"),
}


@pytest.mark.parametrize(("call", "sentence"), BAD_LOSSES.values(), ids=BAD_LOSSES)
def test_what_is_no_loss_is_named(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


def test_names_of_rivals_are_answered_by_ours() -> None:
    assert not set(RIVAL_LOSSES) & set(NAMED)
    for rival, ours in RIVAL_LOSSES.items():
        assert {name for name in NAMED if f"'{name}'" in ours}
        with pytest.raises(ValueError, match=f"loss='{rival}' is called '"):
            read_loss(rival)
    with pytest.raises(ValueError, match=r"loss='mse' is called 'squared' here\."):
        read_loss("mse")


def test_for_a_classifier() -> None:
    assert Loss("logistic").of_classes(2).name == "logistic"
    assert Loss("logistic").of_classes(3).name == "softmax"
    assert Loss("softmax").of_classes(2).outputs(2) == 2
    formula = Loss(lambda y, f: np.log(1 + np.exp(f)) - y * f)
    assert formula.link.name == "identity"
    assert formula.of_classes(2).link.name == "logit"
    assert copy.deepcopy(formula).of_classes(2).link.name == "logit"
    assert Loss(formula, link="clipped").of_classes(2).link.name == "clipped"
    several = Loss(lambda y, f: np.log(np.exp(f[0]) + np.exp(f[1]) + np.exp(f[2])) - y * f[0])
    assert several.of_classes(3).link.name == "softmax"
    assert Loss(FromArrays(lambda y, f: (f, f))).of_classes(2).link.name == "logit"
    codes = np.array([0.0, 1.0, 1.0])
    assert Loss("hinge").labels(codes).tolist() == [-1.0, 1.0, 1.0]
    for loss in ("logistic", formula):
        assert read_loss(loss).labels(codes).tolist() == [0.0, 1.0, 1.0]
    for label_loss in OF_LABELS:
        assert Loss(label_loss()).of_classes(2).outputs(2) in (1, 2)


def test_as_parameter_is_the_shortest_that_says_all() -> None:
    assert read_loss("huber").as_parameter() == "huber"
    assert read_loss(Huber(delta=2.0)).as_parameter() == Huber(delta=2.0)
    linked = Loss("squared", link="log")
    assert linked.as_parameter() is linked


def test_arrays_are_asked_for_by_the_core() -> None:
    seen: list[Any] = []

    def function(y: np.ndarray, f: np.ndarray) -> Any:
        seen.append((y.shape, f.shape))
        return f - y[:, None], np.ones_like(f)

    loss = Loss(FromArrays(function, n_outputs=2))
    columns = loss.columns([1.0, 2.0, 3.0])
    core = loss.core(columns)
    assert (core.n_outputs, core.has_values) == (2, False)
    gradients, hessians = core.derivatives(columns, [np.ones(3), np.zeros(3)])
    np.testing.assert_array_equal(gradients, [[0.0, -1.0, -2.0], [-1.0, -2.0, -3.0]])
    np.testing.assert_array_equal(hessians, np.ones((2, 3)))
    np.testing.assert_array_equal(loss.gradient([1.0, 2.0, 3.0], np.zeros((3, 2)))[:, 0], [-1.0, -2.0, -3.0])
    assert seen == [((3,), (3, 2))] * 2


def test_contradictions_of_arrays_are_warned_of() -> None:
    columns, start = [RNG.normal(size=50)], np.zeros(1)
    with pytest.warns(UserWarning, match="is the sign of the gradient right"):
        warn_if_inexact(Loss(FromArrays(lambda y, f: (y - f, 1 + 0 * f))), columns, start)
    with pytest.warns(UserWarning, match="steps will be too long"):
        warn_if_inexact(Loss(FromArrays(lambda y, f: (4 * (f - y), 1 + 0 * f))), columns, start)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_inexact(Loss(FromArrays(lambda y, f: (f - y, 1 + 0 * f))), columns, start)
        warn_if_inexact(Loss(FromArrays(lambda y, f: (np.sign(f - y), 1 + 0 * f))), columns, start)
        warn_if_inexact(Loss("squared"), columns, start)


def test_printing() -> None:
    assert repr(Huber(delta=2.0)) == "Huber(delta=2.0)"
    assert repr(Loss("huber")) == "Loss(Huber(delta=1.0))"
    assert repr(Loss("squared", link="log")) == "Loss(Squared(), link=Link('log'))"
    formula = Loss(lambda y, f, cap: np.minimum((y - f) ** 2, cap))
    assert repr(formula) == "Loss(formula of (y, cap, f))"
    assert str(formula).splitlines()[0].startswith("l(y, cap, f) = ")
    assert "delta" in str(Loss("huber"))


def test_plot() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = Huber().plot()
    assert [line.get_label() for line in axes.get_lines()] == ["value", "gradient", "Hessian"]
    np.testing.assert_allclose(axes.get_lines()[1].get_ydata(), np.clip(np.linspace(-4, 4, 801), -1, 1), atol=1e-12)
    assert Softmax().plot(y=1.0, f=np.linspace(-1, 1, 5), ax=axes) is axes
    assert len(Loss(FromArrays(lambda y, f: (f, f))).plot(ax=None).get_lines()) == 2
    matplotlib.pyplot.close("all")


def test_the_import_is_light() -> None:
    """Losses need neither scikit-learn nor SciPy nor pandas nor matplotlib."""
    script = (
        "import sys; from curvature import losses; "
        "print([m for m in ('sklearn', 'scipy', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def _coupled(y, f):
    return np.exp(f[0] * f[1]) + (y - f[2] * f[0]) ** 2 + np.logaddexp(f[1], f[2])


@pytest.mark.parametrize("loss", ["softmax", _coupled])
def test_full_hessians_are_differences_of_gradients(loss: Any) -> None:
    rng = np.random.default_rng(0)
    f = rng.standard_normal((20, 3))
    y = rng.integers(0, 3, 20).astype(float)
    of = Loss(loss)
    full = of.hessian(y, f, full=True)
    step = 1e-6
    for k in range(3):
        move = np.zeros(3)
        move[k] = step
        differences = (of.gradient(y, f + move) - of.gradient(y, f - move)) / (2 * step)
        np.testing.assert_allclose(full[:, k], differences, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(full, full.transpose(0, 2, 1))
    np.testing.assert_array_equal(full[:, range(3), range(3)], of.hessian(y, f))
    with pytest.raises(ValueError, match="has no mixed derivatives"):
        Loss(lambda y, f: sum(f[k] ** 2 for k in range(9)) + y).hessian([1.0], np.zeros((1, 9)), full=True)
