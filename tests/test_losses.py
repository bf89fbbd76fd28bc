"""Built-in losses: values, derivatives and curvatures against 420-digit arithmetic, on every instruction set."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_formulas import FORMULAS

from curvature import _core
from curvature._reference import LOSSES

ISAS = _core.instruction_sets()
EPS = np.finfo(np.float64).eps
TINY = np.finfo(np.float64).tiny  # below, results may be 0
CASES = [(name, p) for name, formula in FORMULAS.items() for p in formula.parameters]
TABLE = {row["name"]: row for row in _core.loss_table()}

# Exact in binary, so that y - f is exact beside small y.
STEPS = [2.0**-30, 2.0**-10, 0.3125, 0.4375, 0.5625, 1.75, 12.5, 40.25, 300.0, 700.0]
OFFSETS = np.array([0.0, *STEPS, *np.negative(STEPS)])
ULPS = 12


def points(name):
    """Targets and scores, the scores around 0 or, for functions of the residual, around y."""
    formula = FORMULAS[name]
    y = np.repeat(formula.targets, len(OFFSETS))
    return y, np.tile(OFFSETS, len(formula.targets)) + (y if formula.of_residual else 0)


def at(loss, y, f):
    """Value, gradient and Hessian of each row."""
    (gradients,), (hessians,) = loss.derivatives([y], [f])
    return loss.values([y], [f]), gradients, hessians


def targets_for(name, rng, n):
    """Random targets in the domain of a loss."""
    domain = TABLE[name]["domain"]
    if domain["two_labels"]:
        return rng.choice([domain["low"], domain["high"]], n)
    if domain["whole"]:
        return rng.integers(0, int(domain["high"]) + 1, n).astype(float)
    if domain["high"] == 1:
        return rng.random(n)
    return rng.normal(size=n) * 3 if domain["low"] < -1 else rng.gamma(2.0, size=n)


@pytest.fixture(scope="module")
def truth():
    """Value, gradient and Hessian of every case, as doubles."""
    found = {}
    for name, p in CASES:
        y, f = points(name)
        rows = [FORMULAS[name].derivatives(*row, p) for row in zip(y, f, strict=True)]
        found[name, *p.values()] = np.array([[float(x) for x in row] for row in rows]).T
    return found


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("name", "p"), CASES, ids=str)
def test_value_gradient_and_hessian_have_all_their_digits(truth, name, p, isa):
    """To a few roundings of the result, or of the terms it is the difference of."""
    y, f = points(name)
    ours = at(_core.named_loss(name, p, isa=isa), y, f)
    expected = truth[name, *p.values()]
    formula = FORMULAS[name]
    sizes = np.abs(expected)
    if formula.sizes:
        sizes = np.maximum(sizes, np.array([formula.sizes(*row, p) for row in zip(y, f, strict=True)]).T)
    kinks = np.array(
        [min([abs(x - k) for k in formula.kinks(t, p)], default=1) == 0 for t, x in zip(y, f, strict=True)]
    )
    for what, result, value, size in zip(("value", "gradient", "hessian"), ours, expected, sizes, strict=True):
        rows = ~kinks if what != "value" else slice(None)
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.abs(result - value) / (ULPS * EPS * size + TINY)
        error[result == value] = 0
        worst = np.argmax(error[rows])
        assert error[rows][worst] <= 1, f"{what} at y={y[rows][worst]}, f={f[rows][worst]}"


@pytest.mark.parametrize(("name", "p"), CASES, ids=str)
def test_derivatives_match_central_differences(name, p):
    """(l(f + d) - l(f - d)) / 2d is the gradient, and the gradient's difference the Hessian."""
    loss, d = _core.named_loss(name, p), 1e-5
    y, f = (np.ravel(grid) for grid in np.meshgrid(FORMULAS[name].targets, np.linspace(-5.03, 5.04, 48)))
    keep = [all(abs(x - kink) > 2 * d for kink in FORMULAS[name].kinks(t, p)) for t, x in zip(y, f, strict=True)]
    y, f = y[keep], f[keep]
    values, gradients, hessians = at(loss, y, f)
    above, below = at(loss, y, f + d), at(loss, y, f - d)
    size = 1 + np.abs(values) + np.abs(gradients) + np.abs(hessians)
    np.testing.assert_array_less(np.abs((above[0] - below[0]) / (2 * d) - gradients) / size, 1e-8)
    np.testing.assert_array_less(np.abs((above[1] - below[1]) / (2 * d) - hessians) / size, 1e-8)


KINKS = {
    "absolute": [({}, 0.0, 0.0, 0.0)],
    "quantile": [({"level": 0.25}, 0.0, 0.0, 0.0)],
    "epsilon_insensitive": [({"epsilon": 0.5}, 0.0, 0.5, 0.0), ({"epsilon": 0.5}, 0.0, -0.5, 0.0)],
    "hinge": [({}, 1.0, 1.0, 0.0), ({}, -1.0, -1.0, 0.0)],
    "perceptron": [({}, 1.0, 0.0, -1.0), ({}, -1.0, 0.0, 1.0)],
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("name", "kinks"), KINKS.items(), ids=str)
def test_gradient_at_a_kink(name, kinks, isa):
    for p, y, f, gradient in kinks:
        assert at(_core.named_loss(name, p, isa=isa), np.array([y]), np.array([f]))[1] == gradient


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("name", "p"), CASES, ids=str)
def test_curvatures_are_not_negative_and_gradients_are_those_of_derivatives(name, p, isa):
    loss = _core.named_loss(name, p, isa=isa)
    y, f = points(name)
    (gradients,), (curvatures,) = loss.steps([y], [f])
    _, exact, hessians = at(loss, y, f)
    np.testing.assert_array_equal(gradients, exact)
    assert np.all(curvatures >= 0) and np.all(np.isfinite(curvatures))
    if loss.unit_curvature:
        np.testing.assert_array_equal(curvatures, 1)
    elif name == "focal":
        np.testing.assert_array_equal(curvatures, np.abs(hessians))
    elif name in ("hinge", "squared_hinge", "modified_huber", "perceptron"):
        active = y * f <= 0 if name == "perceptron" else y * f < 1
        np.testing.assert_array_equal(curvatures, active * (2.0 if name.startswith(("squared", "mod")) else 1.0))
    elif name in ("huber", "pseudo_huber", "log_cosh"):
        apart = f != y
        np.testing.assert_allclose(curvatures[apart], (gradients / np.where(apart, f - y, 1))[apart], rtol=ULPS * EPS)
        np.testing.assert_array_equal(curvatures[~apart], 1)
    else:
        np.testing.assert_array_equal(curvatures, hessians)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([case for case in CASES if case[0] in ("huber", "pseudo_huber", "log_cosh")]), st.integers(0, 99)
)
def test_robust_curvature_bounds_the_loss(case, seed):
    """l(f + v) <= l(f) + g v + c v^2 / 2 for every v."""
    rng = np.random.default_rng(seed)
    loss, n = _core.named_loss(*case), 500
    y, f, v = (rng.normal(size=n) * 10.0 ** rng.uniform(-4, 4, n) for _ in range(3))
    (gradients,), (curvatures,) = loss.steps([y], [f])
    bound = loss.values([y], [f]) + gradients * v + curvatures * v * v / 2
    rounding = 1e-13 * (np.abs(gradients * v) + curvatures * v * v + loss.values([y], [f]) + np.abs(v * EPS * f))
    assert np.all(loss.values([y], [f + v]) <= bound + rounding)


@pytest.mark.parametrize("isa", ISAS)
def test_losses_that_are_each_other(isa):
    rng = np.random.default_rng(0)
    y, f = rng.normal(size=999) * 9, rng.normal(size=999) * 9
    pairs = [("expectile", {"level": 0.5}, "squared", {}, 1.0), ("quantile", {"level": 0.5}, "absolute", {}, 0.5)]
    pairs += [("epsilon_insensitive", {"epsilon": 0.0}, "absolute", {}, 1.0)]
    pairs += [("asymmetric", {"over": 1.0, "under": 1.0}, "squared", {}, 1.0)]
    for name, p, other, q, factor in pairs:
        ours, theirs = (at(_core.named_loss(n, r, isa=isa), y, f) for n, r in ((name, p), (other, q)))
        for one, two in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, factor * two)
    labels = (y > 0).astype(float)
    faded = at(_core.named_loss("focal", {"gamma": 0.0}, isa=isa), labels, f)
    for one, two in zip(faded, at(_core.named_loss("logistic", isa=isa), labels, f), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-13)


@pytest.mark.parametrize("isa", ISAS)
def test_logistic_is_the_same_with_labels_exchanged(isa):
    """l(1 - y, -f) = l(y, f), with all digits where the score agrees with the label: |gradient| = e / (1 + e)."""
    f = np.concatenate([OFFSETS, np.linspace(-50, 50, 4001)])
    e, loss = np.exp(-np.abs(f)), _core.named_loss("logistic", isa=isa)
    y = np.where(f < 0, 0.0, 1.0)
    _, gradients, hessians = at(loss, y, f)
    _, mirrored, hessians_mirrored = at(loss, 1 - y, -f)
    np.testing.assert_allclose(gradients, -mirrored, rtol=8 * EPS, atol=TINY)
    np.testing.assert_allclose(hessians, hessians_mirrored, rtol=8 * EPS, atol=TINY)
    np.testing.assert_allclose(np.abs(gradients), e / (1 + e), rtol=8 * EPS, atol=TINY)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("name", "p"), CASES, ids=str)
def test_nothing_is_nan_far_out(name, p, isa):
    """Scores up to 1e300; gradients and curvatures finite up to 700, which no link needs more of."""
    far = np.array([700.0, 708.0, 709.0, 745.0, 800.0, 1e6, 1e150, 1e160, 1e300])
    scores = np.concatenate([far, -far])
    for target in FORMULAS[name].targets:
        y, loss = np.full(scores.shape, target), _core.named_loss(name, p, isa=isa)
        values, gradients, hessians = at(loss, y, scores)
        curvatures = loss.steps([y], [scores])[1][0]
        for found in (values, gradients, hessians, curvatures):
            assert not np.isnan(found).any()
        near = np.abs(scores) <= 700
        assert np.all(np.isfinite([gradients[near], hessians[near], curvatures[near]]))


@pytest.mark.parametrize("isa", ISAS)
def test_robust_losses_at_huge_residuals(isa):
    r = np.array([1e6, 1e100, 1e200, 1e300])
    zero = np.zeros(r.shape)
    for name, p, value in [
        ("log_cosh", {}, r - math.log(2)),
        ("pseudo_huber", {"delta": 1.0}, r / (1 + 1 / r)),
        ("pseudo_huber", {"delta": 1e-9}, 1e-9 * r),
        ("huber", {"delta": 1.0}, r - 0.5),
    ]:
        for sign in (-1.0, 1.0):
            loss = _core.named_loss(name, p, isa=isa)
            values, gradients, hessians = at(loss, zero, sign * r)
            np.testing.assert_allclose(values, value, rtol=1e-12)
            np.testing.assert_allclose(gradients, sign * p.get("delta", 1.0), rtol=1e-11)
            assert np.all(hessians < 1e-17)
            np.testing.assert_allclose(
                loss.steps([zero], [sign * r])[1][0], p.get("delta", 1.0) / r, rtol=1e-11, atol=TINY
            )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_softmax_is_its_formula(n_classes, isa):
    rng = np.random.default_rng(n_classes)
    n = 40
    f = rng.normal(size=(n_classes, n)) * rng.choice([0.1, 3, 50, 700], n)
    f[:, :4] = f[0, :4]  # all classes alike
    y = rng.integers(0, n_classes, n).astype(float)
    loss = _core.named_loss("softmax", {}, n_classes, isa)
    values, (gradients, hessians) = loss.values([y], [*f]), loss.derivatives([y], [*f])
    with mpmath.workdps(700):
        for row in range(n):
            terms = [mpmath.exp(mpmath.mpf(x)) for x in f[:, row]]
            total, own = mpmath.fsum(terms), terms[int(y[row])]
            p = [term / total for term in terms]
            slopes = [float(share - (k == y[row])) for k, share in enumerate(p)]
            size = abs(f[:, row].max() - f[int(y[row]), row])
            spread = np.ptp(f[:, row])  # of exponents, whose rounding counts
            assert (
                abs(values[row] - float(mpmath.log(total / own)))
                <= ULPS * EPS * size + (ULPS + spread) * EPS * values[row] + TINY
            )
            np.testing.assert_allclose(gradients[:, row], slopes, rtol=(ULPS + spread) * EPS, atol=TINY)
            bends = [float(share * (1 - share)) for share in p]
            np.testing.assert_allclose(hessians[:, row], bends, rtol=(ULPS + spread) * EPS, atol=TINY)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("of_shares", [False, True])
def test_softmax_packs_its_steps_without_loss(of_shares, isa):
    rng = np.random.default_rng(3)
    n_classes, n = 3, 1501
    f = rng.normal(size=(n_classes, n)) * rng.choice([0.1, 3, 50, 700, 2000], n)
    f[:, :4] = f[0, :4]
    f[1, 4], f[2, 5] = np.nan, np.inf
    y = [*rng.dirichlet([0.3] * n_classes, n).T] if of_shares else [rng.integers(0, n_classes, n).astype(float)]
    loss = _core.named_loss("softmax", {}, n_classes, isa, of_shares)
    for there, back in zip(loss.steps(y, [*f]), loss.unpacked_steps(y, [*f]), strict=True):
        assert np.isnan(there[0, 4:6]).all()
        assert there.tobytes() == back.tobytes()
    with pytest.raises(ValueError, match="loss 'logistic' does not pack its steps"):
        _core.named_loss("logistic").unpacked_steps([np.zeros(1)], [np.zeros(1)])


@settings(deadline=None, max_examples=80)
@given(st.sampled_from([*TABLE]), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_instruction_sets_and_lengths_give_the_same_bits(name, n, seed):
    """Whole vectors, their rest, and rows one by one."""
    rng = np.random.default_rng(seed)
    n_outputs = 2 if name == "softmax" else 1
    y, f = targets_for(name, rng, n), [*(rng.normal(size=(n_outputs, n)) * rng.choice([1, 30, 800], size=n))]
    one = _core.named_loss(name, {}, 2, "baseline")
    for isa in ISAS:
        loss = _core.named_loss(name, {}, 2, isa)
        results = [loss.values([y], f), *loss.derivatives([y], f), *loss.steps([y], f)]
        for i in range(n):
            own_y, own_f = [y[[i]]], [score[[i]] for score in f]
            alone = [one.values(own_y, own_f), *one.derivatives(own_y, own_f), *one.steps(own_y, own_f)]
            for result, single in zip(results, alone, strict=True):
                np.testing.assert_array_equal(result[..., [i]], single)


@pytest.mark.parametrize("name", LOSSES)
def test_reference_formulas_match_central_differences(name):
    """Those of the plain Python reference: (l(f + d) - l(f - d)) / 2d is the gradient, its difference the Hessian."""
    f, d = np.linspace(-12, 12, 97), 1e-5
    for y in (0.0, 0.3, 0.5, 1.0):
        loss, target = LOSSES[name], np.full(f.shape, y)
        slope = (loss.value(target, f + d) - loss.value(target, f - d)) / (2 * d)
        np.testing.assert_allclose(slope, loss.gradient(target, f), rtol=1e-8, atol=1e-9)
        bend = (loss.gradient(target, f + d) - loss.gradient(target, f - d)) / (2 * d)
        np.testing.assert_allclose(bend, loss.hessian(target, f), rtol=1e-8, atol=1e-9)


def test_every_loss_is_listed_and_described():
    assert list(TABLE) == [*FORMULAS, "softmax"]
    for name, formula in FORMULAS.items():
        assert [row["name"] for row in TABLE[name]["parameters"]] == list(formula.parameters[0])
        loss = _core.named_loss(name)
        assert (loss.name, loss.n_columns, loss.n_outputs, loss.has_values) == (name, 1, 1, True)
        assert loss.fits == (name != "zero_one")
        assert loss.of_residual == formula.of_residual
        assert (loss.link, loss.leaf_rule) == (TABLE[name]["link"], TABLE[name]["leaf_rule"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "loss='nonsense' must be one of 'squared', 'absolute', .*, 'softmax'."),
        (("huber", {"epsilon": 1.0}), "loss='huber' has no parameter 'epsilon'; allowed are: delta."),
        (("squared", {"delta": 1.0}), "loss='squared' has no parameter 'delta'; it has none."),
        (("huber", {"delta": 0.0}), "delta=0 of loss='huber' must be more than 0 and finite."),
        (("huber", {"delta": math.nan}), "delta=nan of loss='huber' must be more than 0 and finite."),
        (("tweedie", {"power": 2.0}), r"power=2 of loss='tweedie' must be in \(1, 2\)."),
        (("quantile", {"level": 1.0}), r"level=1 of loss='quantile' must be in \(0, 1\)."),
        (("huber", {"delta": "wide"}), "delta='wide' must be a number."),
        (("softmax", {}, 1), "n_classes=1 must be at least 2 for loss='softmax'."),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        _core.named_loss(*arguments)


def test_derivatives_go_into_an_array_that_is_there():
    y, f = [np.array([0.0, 1.0, 1.0])], [np.array([0.3, -2.0, 5.0])]
    loss = _core.named_loss("logistic", {})
    out = np.full((2, 1, 3), np.nan)
    gradients, hessians = loss.derivatives(y, f, out=out)
    np.testing.assert_array_equal(np.stack(loss.derivatives(y, f)), out)
    assert np.shares_memory(gradients, out) and np.shares_memory(hessians, out)
    for wrong in (np.empty((2, 3)), np.empty((2, 1, 4)), np.empty((2, 1, 3), np.float32), np.empty((3, 1, 2)).T):
        with pytest.raises(ValueError, match="out must be a writeable C-contiguous float64 array of shape"):
            loss.derivatives(y, f, out=wrong)
