"""How sure the coefficients of a linear model are: standard errors, tests, intervals, and the table of `summary()`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core

Floats = NDArray[np.float64]

KINDS = ("model", "HC0", "HC1", "HC2", "HC3")
FEWEST_DIGITS = 1e-9  # the least share of its own that a parameter's information may have without a warning
FARTHEST = 0.1  # standard errors from the optimum without a warning


@dataclass(frozen=True)
class Inference:
    """Estimates with their uncertainty; arrays are in the order (intercept, coefficients), p parameters in all.

    Attributes
    ----------
    names : tuple of str
        "intercept", then the columns.
    coefficients : ndarray of shape (p,)
    covariance : ndarray of shape (p, p)
        See `inference_of` for the formulas.
    hessian : ndarray of shape (p, p)
        Second derivatives of ``sum(w l) + sum(w) penalty`` at the coefficients, in original units.
    n : int
        Rows of weight above 0.
    degrees_of_freedom : float
        p, or ``trace((G + P)^-1 G)`` with G the Hessian of the loss and P that of an L2 penalty.
    dispersion : float
        ``sum(w g^2 / h) / (n - degrees_of_freedom)`` (Pearson; of the squared loss the residual variance) where the
        loss leaves it open, else 1.
    log_likelihood, deviance, aic, bic : float or None
        None where the loss is no likelihood, or its log-likelihood has no closed form (Tweedie).
        ``aic = -2 log_likelihood + 2 degrees_of_freedom``, ``bic`` with log(n) in place of the second 2.
    loss, kind : str
        The loss, and the kind of covariance.
    separated : bool
        Whether columns separate the classes of an unpenalised logistic regression: then no coefficients are the best,
        and these figures mean nothing.
    """

    names: tuple[str, ...]
    coefficients: Floats
    covariance: Floats = field(repr=False)
    hessian: Floats = field(repr=False)
    n: int
    degrees_of_freedom: float
    dispersion: float
    log_likelihood: float | None
    deviance: float | None
    aic: float | None
    bic: float | None
    loss: str
    kind: str
    separated: bool = False

    @property
    def standard_errors(self) -> Floats:
        """Roots of the covariance's diagonal."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def z(self) -> Floats:
        """Coefficients in standard errors."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a perfect fit has standard errors of 0
            return self.coefficients / self.standard_errors

    @property
    def uses_t(self) -> bool:
        """Whether z is held against Student's t (squared loss, "model"), with n - degrees_of_freedom; else normal."""
        return self.loss == "squared" and self.kind == "model"

    @property
    def p_values(self) -> Floats:
        """Two-sided probabilities of a larger size of z where the coefficient is 0."""
        from scipy import special

        size = -np.abs(self.z)
        tail = special.stdtr(self.n - self.degrees_of_freedom, size) if self.uses_t else special.ndtr(size)
        return np.asarray(2 * tail, dtype=np.float64)

    def confidence_interval(self, level: float = 0.95) -> Floats:
        """Lower and upper ends of the intervals that hold a coefficient with probability `level`, shape (p, 2).

        Parameters
        ----------
        level : float in (0, 1)

        Raises
        ------
        ValueError
            Another level.
        """
        if not 0 < level < 1:
            raise ValueError(f"level={level!r} must be above 0 and below 1.")
        from scipy import special

        upper = (1 + level) / 2
        width = special.stdtrit(self.n - self.degrees_of_freedom, upper) if self.uses_t else special.ndtri(upper)
        half = width * self.standard_errors
        return np.column_stack([self.coefficients - half, self.coefficients + half])

    def __str__(self) -> str:
        facts = {
            "rows": f"{self.n}",
            "degrees of freedom": f"{self.degrees_of_freedom:.6g}",
            "dispersion": f"{self.dispersion:.6g}",
            "log-likelihood": _number(self.log_likelihood),
            "deviance": _number(self.deviance),
            "AIC": _number(self.aic),
            "BIC": _number(self.bic),
        }
        head = [f"loss {self.loss}, covariance {self.kind}", "   ".join(f"{k} {v}" for k, v in facts.items() if v)]
        if self.separated:
            head.append(
                "The classes are separated: no coefficients are the best, these depend on where the fit stopped."
            )
        letter = "t" if self.uses_t else "z"
        rows = [["", "coefficient", "std. error", letter, f"P(>|{letter}|)", "95 % from", "to"]]
        columns = [self.coefficients, self.standard_errors, self.z, self.p_values, *self.confidence_interval().T]
        shows = ["{:.6g}", "{:.4g}", "{:.3f}", "{:.3g}", "{:.6g}", "{:.6g}"]
        for name, *numbers in zip(self.names, *columns, strict=True):
            rows.append([name, *(show.format(number) for show, number in zip(shows, numbers, strict=True))])
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        table = [
            "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        return "\n".join([*head, "", table[0], "-" * len(table[0]), *table[1:]])


def inference_of(
    X: Any,
    columns: list[Floats],
    weights: Floats | None,
    loss: _core.Loss,
    params: dict[str, Any],
    coefficients: Floats,
    intercepts: Floats,
    *,
    kind: str,
    penalty_factors: Floats | None = None,
    offsets: Sequence[Floats] = (),
    bounded: bool = False,
    feature_names: Sequence[str] | None = None,
    stacklevel: int = 2,
) -> Inference:
    """Covariance of a fitted linear model of one output, and what follows from it.

    With ``z_i = (1, x_i)``, g and h the derivatives of the loss at the solution, P the diagonal Hessian of
    ``sum(w) penalty``, ``G = sum w h z z'`` and ``B = (G + P)^-1``::

        model  dispersion B G B          HC0  B (sum (w g)^2 z z') B
        HC1    HC0 n / (n - df)          HC2  terms of HC0 over 1 - v, v_i = w_i h_i z_i' B z_i
        HC3    over (1 - v)^2

    "model" takes the expected h where h depends on y (gamma, Tweedie, negative binomial), as software for generalised
    linear models does; the others take h itself. A weight divides the dispersion of its row; it is no count of rows.

    Parameters
    ----------
    X, columns, weights, loss, params, penalty_factors, offsets
        As of ``_core.linear_fit``; of params "alpha", "l1_ratio", "fit_intercept" and "n_jobs" are read.
    coefficients, intercepts : ndarray of shape (p,) or (1, p), and (1,)
        What was fitted.
    kind : {"model", "HC0", "HC1", "HC2", "HC3"}
    bounded : bool
        Whether coefficients had bounds: then nothing is known of their errors.
    feature_names : sequence of str, optional
        Names of the columns; "x0", "x1", … without.
    stacklevel : int
        Whose line a warning names, as of `warnings.warn`: 2 is the caller's.

    Returns
    -------
    Inference

    Warns
    -----
    RuntimeWarning
        Where columns are nearly dependent, or the coefficients are not at the optimum.

    Raises
    ------
    ValueError
        An L1 penalty, bounds, several outputs, no likelihood with "model", no more rows than parameters, dependent
        columns; with "HC2" and "HC3" a row of leverage 1.
    """
    if bounded:
        raise ValueError(f"covariance={kind!r} is not known of coefficients with bounds: take covariance=None.")
    at = np.ascontiguousarray(coefficients, dtype=np.float64).ravel()
    found = _core.linear_inference(
        X, columns, weights, loss, params, at, intercepts, penalty_factors, list(offsets), kind
    )
    first = ["intercept"] if params["fit_intercept"] else []
    features = [f"x{j}" for j in range(len(at))] if feature_names is None else [str(name) for name in feature_names]
    names = (*first, *features)
    distance, share = found.pop("distance"), found.pop("least_share")
    worst = names[found.pop("least_parameter")]
    if share < FEWEST_DIGITS:
        warnings.warn(
            f"{worst!r} nearly follows from the other columns (it has a share of {share:.1g} of its own), so that "
            "standard errors have few digits: drop columns or take a larger alpha.",
            RuntimeWarning,
            stacklevel=stacklevel,
        )
    if not distance < FARTHEST:
        warnings.warn(
            f"the coefficients are {distance:.2g} standard errors from the optimum, where covariance={kind!r} holds: "
            "fit with a smaller tol or a larger max_iter.",
            RuntimeWarning,
            stacklevel=stacklevel,
        )
    return Inference(
        names=names,
        coefficients=np.concatenate([np.ravel(intercepts)[: len(first)], at]),
        loss=loss.name,
        kind=kind,
        **found,
    )


def warn_of_separation(
    X: Any,
    columns: list[Floats],
    weights: Floats | None,
    loss: _core.Loss,
    params: dict[str, Any],
    coefficients: Floats,
    intercepts: Floats,
    *,
    gap: float,
    objective: float,
    offsets: Sequence[Floats] = (),
    feature_names: Sequence[str] | None = None,
    stacklevel: int = 2,
) -> bool:
    """Whether classes are separated: a direction in which the loss of no row rises and that of some falls for ever.

    To be asked after a logistic fit of two classes without a penalty. A row with more loss than the fit may still lose
    cannot be separated, so that only the freedom left by such rows is searched: nothing where no row is predicted
    without doubt. A direction that is found is checked on all rows.

    Parameters
    ----------
    X, columns, weights, loss, params, offsets
        As of ``_core.linear_fit``.
    coefficients, intercepts, gap, objective
        As ``_core.linear_fit`` answers.
    feature_names : sequence of str, optional
    stacklevel : int
        As of `inference_of`.

    Warns
    -----
    ConvergenceWarning
        Where they are, naming rows and columns.

    References
    ----------
    A. Albert and J. A. Anderson, On the existence of maximum likelihood estimates in logistic regression models,
    Biometrika 71 (1984).
    """
    at = np.ascontiguousarray(coefficients, dtype=np.float64).ravel()
    found = _core.linear_separation(X, columns, weights, loss, params, at, intercepts, gap, objective, list(offsets))
    if found is None:
        return False
    from sklearn.exceptions import ConvergenceWarning

    names = [f"x{j}" if feature_names is None else str(feature_names[j]) for j in found["columns"]]
    rows = "all rows" if found["complete"] else f"{len(found['rows'])} rows ({_some(found['rows'])})"
    warnings.warn(
        f"the classes are {'completely' if found['complete'] else 'quasi-completely'} separated: {_some(names)} can "
        f"predict {rows} without doubt, so that the coefficients have no finite optimum: add alpha.",
        ConvergenceWarning,
        stacklevel=stacklevel,
    )
    return True


def _some(items: Any) -> str:
    """The first five, and that there are more."""
    return ", ".join(str(item) for item in items[:5]) + (", …" if len(items) > 5 else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
