"""What every loss answers: value, gradient and Hessian of rows, a check of its derivatives, and a plot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from .._links import Link
from .check import CheckResult, compare_with_differences
from .columns import Floats, read_data, read_targets, require_domain, same_length


class LossMethods:
    """A loss l(y, f) of a target and a raw score, per row.

    Attributes
    ----------
    name : str
        What the loss is called in sentences and files.
    link : Link
        How responses follow from raw scores.
    n_targets : int
        Columns of y that the loss reads.
    data_names : tuple of str
        Columns of loss_data that it reads.
    """

    name: str
    link: Link
    n_targets: int = 1
    data_names: tuple[str, ...] = ()

    def core(self, columns: list[Floats] | None = None, n_classes: int = 0) -> _core.Loss:
        """The loss as the core runs it, made anew each time.

        Parameters
        ----------
        columns
            Those of `columns`; only a loss of `FromArrays` reads them.
        n_classes
            Classes of the target; only the softmax loss reads it.
        """
        raise NotImplementedError

    def outputs(self, n_classes: int = 0) -> int:
        """Raw scores a row has, for a target of so many classes."""
        return 1

    def columns(self, y: ArrayLike, loss_data: Any = None) -> list[Floats]:
        """What the loss reads of n rows, as float64 vectors: the columns of y, then those of loss_data.

        Parameters
        ----------
        y : array-like of shape (n,), or (n, m) where the loss reads ``y[0]`` to ``y[m - 1]``
        loss_data : frame, structured array or dict of columns, optional
            A number a row, or one for all, for each further argument of a formula.

        Raises
        ------
        ValueError
            Other shapes, columns that are missing, of another length, not numbers or not finite.
        """
        targets = read_targets(y, self.n_targets)
        data = read_data(loss_data, self.data_names)
        return same_length(self._labels(), [*targets, *data], len(targets[0]))

    def value(self, y: ArrayLike, f: ArrayLike, loss_data: Any = None) -> Floats:
        """l(y, f) of every row.

        Parameters
        ----------
        y : array-like of shape (n,) or (n, m), or a number
        f : array-like of shape (n,), or (n, K) for a loss of K outputs, or a number
            Raw scores.
        loss_data : frame, structured array or dict of columns, optional

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        ValueError
            Shapes that do not fit, or targets outside the loss's domain.
        """
        core, columns, scores = self._rows(y, f, loss_data)
        if not core.has_values:
            raise ValueError(f"loss={self.name!r} has derivatives only, no values.")
        return core.values(columns, scores)

    def gradient(self, y: ArrayLike, f: ArrayLike, loss_data: Any = None) -> Floats:
        """dl/df of every row, shape (n,) or (n, K); otherwise as `value`."""
        return _flat(self._derivatives(*self._rows(y, f, loss_data))[0])

    def hessian(self, y: ArrayLike, f: ArrayLike, loss_data: Any = None, full: bool = False) -> Floats:
        """The exact d2l/df2 of every row; otherwise as `value`.

        Parameters
        ----------
        y, f, loss_data
            As of `value`.
        full : bool
            Whether the derivatives by two outputs each are wanted, too: of softmax, and formulas of up to 8 outputs.

        Returns
        -------
        ndarray of shape (n,), or (n, K), the diagonal, or (n, K, K) where `full`
        """
        core, columns, scores = self._rows(y, f, loss_data)
        diagonal = self._derivatives(core, columns, scores)[1]
        if not full:
            return _flat(diagonal)
        mixed = core.mixed_derivatives(columns, scores)
        blocks = np.zeros((len(columns[0]), len(diagonal), len(diagonal)))
        k, j = np.diag_indices(len(diagonal))
        blocks[:, k, j] = np.transpose(diagonal)
        k, j = np.tril_indices(len(diagonal), -1)
        blocks[:, k, j] = blocks[:, j, k] = mixed.T
        return blocks

    def check(
        self, y: ArrayLike, f: ArrayLike, loss_data: Any = None, n_worst: int = 5, verbose: bool = True
    ) -> CheckResult:
        """Compare the gradient with central differences of the value, the Hessian with those of the gradient.

        Rows next to a kink, where no derivative exists, are counted apart and are not wrong.

        Parameters
        ----------
        y, f, loss_data
            As of `value`.
        n_worst : int
            Rows to show.
        verbose : bool
            Whether to print them.

        Returns
        -------
        CheckResult
            ``ok``, the largest relative errors, and the worst rows.
        """
        core, columns, scores = self._rows(y, f, loss_data)
        result = compare_with_differences(
            (lambda at: core.values(columns, at)) if core.has_values else None,
            lambda at: self._derivatives(core, columns, at),
            columns[0],
            scores,
            n_worst,
        )
        if verbose:
            print(result)
        return result

    def plot(self, y: float | None = None, f: ArrayLike | None = None, loss_data: Any = None, ax: Any = None) -> Any:
        """Draw value, gradient and Hessian over the raw score; needs matplotlib.

        Parameters
        ----------
        y : float, optional
            The target; 1 where the loss takes it.
        f : array-like of shape (m,), optional
            Raw scores; of several outputs, those of the last, the others being 0. From y - 4 to y + 4.
        loss_data : dict of numbers, optional
        ax : matplotlib axes, optional

        Returns
        -------
        The axes.
        """
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError('Loss.plot needs matplotlib: python -m pip install "curvature[plot]".') from error
        target = 1.0 if y is None else float(y)
        over = np.linspace(target - 4, target + 4, 801) if f is None else np.asarray(f, dtype=np.float64)
        n_outputs = self.outputs(2)
        scores = over if n_outputs == 1 else np.column_stack([np.zeros((len(over), n_outputs - 1)), over])
        targets = np.full(len(over) if self.n_targets == 1 else (len(over), self.n_targets), target)
        axes = pyplot.subplots()[1] if ax is None else ax
        core, columns, at = self._rows(targets, scores, loss_data)
        gradient, hessian = self._derivatives(core, columns, at)
        if core.has_values:
            axes.plot(over, core.values(columns, at), label="value")
        axes.plot(over, gradient[-1], label="gradient")
        axes.plot(over, hessian[-1], label="Hessian")
        axes.set(xlabel="f" if n_outputs == 1 else f"f[{n_outputs - 1}]", title=f"{self.name}, y = {target:g}")
        axes.legend()
        return axes

    def _labels(self) -> list[str]:
        y = ["y"] if self.n_targets == 1 else [f"y[{index}]" for index in range(self.n_targets)]
        return [*y, *(f"loss_data[{name!r}]" for name in self.data_names)]

    def _rows(self, y: ArrayLike, f: ArrayLike, loss_data: Any) -> tuple[_core.Loss, list[Floats], list[Floats]]:
        """The core's loss and the columns and scores of rows, all of one length."""
        try:
            given = np.asarray(f, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"f must hold numbers: {error}") from error
        n_given = given.shape[1] if given.ndim == 2 else 1
        n_outputs = self.outputs(n_given)
        if n_given != n_outputs or given.ndim > 2:
            wanted = "(n,)" if n_outputs == 1 else f"(n, {n_outputs})"
            raise ValueError(f"f has shape {given.shape}: {wanted} is what loss={self.name!r} has.")
        scores = list(given.T) if given.ndim == 2 else [np.atleast_1d(given)]
        columns = [*read_targets(y, self.n_targets), *read_data(loss_data, self.data_names)]
        labels = [*self._labels(), *["f"] * n_outputs]
        columns = same_length(labels, [*columns, *scores])
        columns, scores = columns[:-n_outputs], columns[-n_outputs:]
        core = self.core(columns, n_outputs)
        require_domain(columns[0], core.domain, self.name)
        return core, columns, scores

    def _derivatives(self, core: _core.Loss, columns: list[Floats], scores: list[Floats]) -> tuple[Floats, Floats]:
        """Gradients and Hessians, shape (K, n)."""
        return core.derivatives(columns, scores)


def _flat(derivatives: Floats) -> Floats:
    return derivatives[0] if len(derivatives) == 1 else np.ascontiguousarray(derivatives.T)
