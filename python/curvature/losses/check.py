"""Derivatives of a loss beside central differences, row by row."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from .. import _core
from .columns import Floats

TOLERANCE = 1e-4  # relative, of derivatives to central differences; the differences themselves are good to about 1e-6
STEP = float(np.finfo(np.float64).eps) ** (1 / 3)  # where the errors of rounding and of the step are alike
ROUNDING = 16 * float(np.finfo(np.float64).eps)  # of a difference, relative to the terms
WORTH_A_WARNING = 1e-3  # relative: the same in a check that nobody asked for,
MOST_ROWS = 200  # of so many rows (fewer of several outputs),
MOST_OUTPUTS = 2  # and so many outputs
FINER = 16.0  # a second step, so many times shorter, that tells kinks from curvature

Function = Callable[[list[Floats]], Floats]


@dataclass(frozen=True)
class Difference:
    """A derivative of one row beside its central difference."""

    what: str
    row: int
    output: int
    y: float
    f: float
    exact: float
    numeric: float
    error: float


@dataclass(frozen=True)
class CheckResult:
    """What `check` found.

    Attributes
    ----------
    ok : bool
        Whether no derivative differs from its central difference by more than a relative 1e-4.
    gradient_error, hessian_error : float
        The largest relative errors; the first is NaN where the loss has no values to take differences of.
    n_kinks : int
        Derivatives next to a kink, which were left out.
    worst : list of Difference
        The rows of the largest errors.
    """

    ok: bool
    gradient_error: float
    hessian_error: float
    n_kinks: int
    worst: list[Difference] = field(repr=False)

    def __str__(self) -> str:
        lines = [
            f"{'':9}{'row':>6} {'y':>12} {'f':>12} {'exact':>14} {'by differences':>15} {'relative error':>15}",
            *(
                f"{one.what:9}{one.row:>6} {one.y:>12.6g} {one.f:>12.6g} {one.exact:>14.8g} {one.numeric:>15.8g} "
                f"{one.error:>15.2g}"
                for one in self.worst
            ),
        ]
        if np.isnan(self.gradient_error):
            lines.append("The gradient was not checked: the loss has derivatives only, no values.")
        if self.n_kinks:
            lines.append(f"{self.n_kinks} derivatives next to a kink were left out.")
        lines.append("ok" if self.ok else f"not ok: a relative error above {TOLERANCE:g}")
        return "\n".join(lines)


def compare_with_differences(
    values: Function | None,
    derivatives: Callable[[list[Floats]], tuple[Floats, Floats]],
    y: Floats,
    scores: list[Floats],
    n_worst: int,
    outputs: Sequence[int] | None = None,
) -> CheckResult:
    """Compare gradients with differences of the values, Hessians with differences of the gradients.

    Of all outputs, or of some.

    `values` maps scores (K vectors of n) to n numbers, `derivatives` to gradients and Hessians of shape (K, n).
    """
    gradients, hessians = derivatives(scores)
    found: list[Difference] = []
    errors = {"gradient": np.nan if values is None else 0.0, "Hessian": 0.0}
    n_kinks = 0
    for output in range(len(scores)) if outputs is None else outputs:
        pairs: list[tuple[str, Function, Floats]] = []
        if values is not None:
            pairs.append(("gradient", values, gradients[output]))
        pairs.append(("Hessian", lambda at, k=output: derivatives(at)[0][k], hessians[output]))  # type: ignore[misc]
        for what, function, exact in pairs:
            numeric, error, kinks = _against_differences(function, exact, scores, output)
            n_kinks += int(kinks.sum())
            errors[what] = max(errors[what], float(error.max(initial=0.0)))
            for row in np.argsort(-error, kind="stable")[:n_worst].tolist():
                numbers = (y[row], scores[output][row], exact[row], numeric[row], error[row])
                found.append(Difference(what, row, output, *map(float, numbers)))
    worst = sorted(found, key=lambda one: -one.error)[:n_worst]
    ok = not max(errors["Hessian"], np.nan_to_num(errors["gradient"], posinf=np.inf)) > TOLERANCE
    return CheckResult(ok, errors["gradient"], errors["Hessian"], n_kinks, worst)


def warn_of_lost_digits(core: _core.Loss, columns: list[Floats], start_scores: Floats) -> None:
    """Warn where a formula's derivatives are not those of its values, in rows spread over the data near the start.

    Derivatives are exact as algebra; the floating-point numbers need not be, where large terms cancel.
    """
    n_rows, n_outputs = len(columns[0]), len(start_scores)
    outputs = np.unique(np.linspace(0, n_outputs - 1, MOST_OUTPUTS).astype(int)).tolist()
    n_places = min(n_rows, max(MOST_ROWS // n_outputs, 10))
    places = np.unique(np.linspace(0, n_rows - 1, n_places).astype(np.intp))
    sample = [np.ascontiguousarray(column[places]) for column in columns]
    sides = np.arange(len(places)) % 3 - 1
    scores = [start + 0.1 * max(1.0, abs(start)) * sides for start in start_scores.tolist()]

    def compared(n_worst: int) -> list[Difference]:
        values, derivatives = partial(core.values, sample), partial(core.derivatives, sample)
        worst = compare_with_differences(values, derivatives, sample[0], scores, n_worst, outputs).worst
        return [one for one in worst if one.error > WORTH_A_WARNING]

    if wrong := compared(1) and compared(2 * len(places)):
        worst = wrong[0]
        rows = sorted({int(places[one.row]) for one in wrong})
        shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        warnings.warn(
            f"The formula loses its digits near the start: in {len(rows)} of {len(places)} rows tried ({shown}) its "
            f"derivatives are not those of its values. In row {places[worst.row]}, with y={worst.y:.6g} and "
            f"f={worst.f:.6g}, the {worst.what} is {worst.exact:.6g}, by central differences {worst.numeric:.6g}. "
            "Differences of large terms do this: bring y to a smaller unit, or write the formula without them.",
            stacklevel=5,
        )


def _against_differences(
    function: Function, exact: Floats, scores: list[Floats], output: int
) -> tuple[Floats, Floats, Any]:
    """Central differences, relative errors (0 next to kinks and where nothing is finite), and where the kinks are."""
    with np.errstate(all="ignore"):  # values may overflow; such rows cannot be compared
        middle = function(scores)
        # Terms of the size of y cancel far out (p - y of a logistic loss); at the score 0 they are seen.
        size = np.nan_to_num(np.abs(_shifted(function, scores, output, np.zeros_like(middle))), posinf=0.0)
        numeric, turn, noise = _differences(function, scores, output, middle, size, 1.0)
        finer, finer_turn, finer_noise = _differences(function, scores, output, middle, size, FINER)
        larger = np.maximum(np.abs(exact), np.abs(numeric))
        # One-sided differences approach each other like the step where a function is smooth, and not at a kink; a jump
        # whose middle is the value shows in central differences that grow with finer steps.
        expected = turn / FINER
        kinks = np.abs(finer_turn - expected) > 0.2 * np.abs(expected) + 2 * finer_noise
        grows = np.abs(finer) > 4 * np.abs(numeric) + 2 * finer_noise
        kinks = (kinks | grows) & (_relative(exact, numeric, larger, noise) > TOLERANCE) & ~np.isnan(exact)
        # What a finer step changes is the error of the step; it counts where the derivative itself vanishes.
        noise = noise + np.where(grows, 0.0, 2 * np.abs(finer - numeric))
        error = _relative(exact, numeric, larger, noise)
    error = np.where(np.isnan(exact), np.inf, np.where(np.isfinite(numeric) & ~kinks, error, 0.0))
    return numeric, error, kinks


def _relative(exact: Floats, numeric: Floats, larger: Floats, noise: Floats) -> Floats:
    """The error relative to the derivative, which is at most TOLERANCE where the noise explains it."""
    scale = larger + noise / TOLERANCE
    return np.abs(exact - numeric) / np.where(scale > 0, scale, 1.0)


def _differences(
    function: Function, scores: list[Floats], output: int, middle: Floats, size: Floats, divisor: float
) -> tuple[Floats, Floats, Floats]:
    """The central difference, how far the one-sided ones are apart, and the rounding error of either."""
    f = scores[output]
    above, below = _neighbours(f, divisor)
    right, left = (_shifted(function, scores, output, at) for at in (above, below))
    turn = (right - middle) / (above - f) - (middle - left) / (f - below)
    noise = 2 * ROUNDING * (np.abs(right) + np.abs(left) + size) / (above - below)
    return (right - left) / (above - below), turn, noise


def _neighbours(f: Floats, divisor: float) -> tuple[Floats, Floats]:
    step = STEP * np.maximum(1.0, np.abs(f)) / divisor
    return f + step, f - step


def _shifted(function: Function, scores: list[Floats], output: int, to: Floats) -> Floats:
    """The function where one output has other scores."""
    return function([*scores[:output], to, *scores[output + 1 :]])


def gradient_differences(derivatives: Callable[[list[Floats]], tuple[Floats, Floats]], scores: list[Floats]) -> Floats:
    """Central differences of the gradients, shape (K, n), to be held against the Hessians."""
    slopes = []
    for output, f in enumerate(scores):
        above, below = _neighbours(f, 1.0)
        right, left = (_shifted(lambda at: derivatives(at)[0], scores, output, to)[output] for to in (above, below))
        slopes.append((right - left) / (above - below))
    return np.stack(slopes)
