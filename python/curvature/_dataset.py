"""`Dataset`: a table binned once, and reused over many fits of trees."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._columns import Chunk, Column
from ._dataset_file import StoredDataset, read_dataset, write_dataset
from ._schema import Schema
from ._schema_training import check_categorical_features, read_training
from ._tables import is_sparse
from ._threads import thread_count

Floats = NDArray[np.float64]


class Dataset:
    """A table as codes: binned once, for any number of fits and predictions of trees.

    It stands where X stands, in `fit` and `predict` of the estimators of boosted trees, in their models, and in
    scikit-learn's searches and cross-validation; a part of its rows is a view. The values themselves are not kept.

    Parameters
    ----------
    X : frame or array-like of shape (n, n_features)
        As of the estimators, in any container; not sparse.
    categorical_features : "auto", None, names, indices or mask, default="auto"
        As of the estimators.
    max_bins : int, default=255
        As of the estimators, which must name the same.
    sample_weight : array-like of shape (n,), optional
        Weights that shape the bins and levels, as those of a fit do. They are not kept: give them to `fit` too.
    n_jobs : int or None, default=None
        Threads; None or -1 for all that are available. The result does not depend on it.

    Raises
    ------
    ValueError
        A table or a parameter that is not allowed.

    Examples
    --------
    >>> import curvature as cv
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import cross_val_score
    >>> X, y = load_diabetes(return_X_y=True)
    >>> dataset = cv.Dataset(X)
    >>> dataset
    Dataset of 442 rows and 10 features, max_bins=255
    >>> est = cv.BoostedTreesRegressor(n_estimators=20).fit(dataset, y)
    >>> bool((est.predict(dataset) == est.predict(X)).all())
    True
    >>> dataset[100:].shape, len(cross_val_score(est, dataset, y))
    ((342, 10), 5)
    """

    def __init__(
        self,
        X: Any,
        *,
        categorical_features: Any = "auto",
        max_bins: int = 255,
        sample_weight: ArrayLike | None = None,
        n_jobs: int | None = None,
    ) -> None:
        if is_sparse(X):
            raise ValueError("X is a sparse matrix: a Dataset holds dense tables only; fit on the matrix itself.")
        if isinstance(max_bins, bool) or not isinstance(max_bins, (int, np.integer)):
            raise ValueError(f"max_bins={max_bins!r} must be an integer in [2, 65535].")
        check_categorical_features(categorical_features)
        weights = None if sample_weight is None else _weights(sample_weight)
        schema, table = read_training(X, weights, categorical_features)
        if weights is not None and len(weights) != table.n_rows:
            raise ValueError(f"sample_weight has {len(weights)} values: X has {table.n_rows} rows.")
        binned = _core.BinnedTable(table, weights, int(max_bins), thread_count(n_jobs))
        self._set(binned, schema, int(max_bins), isinstance(categorical_features, str), None)

    def _set(
        self,
        binned: _core.BinnedTable,
        schema: Schema,
        max_bins: int,
        automatic: bool,
        rows: NDArray[np.intp] | None,
    ) -> None:
        self._binned = binned
        self.schema = schema
        self.max_bins = max_bins
        self._automatic = automatic
        self._rows = rows

    @classmethod
    def _of(cls, *parts: Any) -> Dataset:
        dataset = cls.__new__(cls)
        dataset._set(*parts)
        return dataset

    def __len__(self) -> int:
        return self._binned.n_rows if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and features."""
        return len(self), self._binned.n_features

    @property
    def names(self) -> list[str] | None:
        """Names of the features, where the table had names."""
        return None if self.schema.names is None else [str(name) for name in self.schema.names]

    def __repr__(self) -> str:
        return f"Dataset of {self.shape[0]} rows and {self.shape[1]} features, max_bins={self.max_bins}"

    def __getitem__(self, rows: Any) -> Dataset:
        """Some rows, by an array of integers, a mask or a slice: a view whose codes a fit copies while it lasts."""
        if isinstance(rows, tuple) and len(rows) == 2 and rows[1] is Ellipsis:  # as scikit-learn indexes arrays
            rows = rows[0]
        if isinstance(rows, tuple) or np.ndim(rows) != (0 if isinstance(rows, slice) else 1):
            raise IndexError(f"a Dataset takes an array of rows, a mask or a slice, not {rows!r}.")
        if not isinstance(rows, slice) and len(rows) == 0:
            rows = np.zeros(0, dtype=np.intp)
        own = np.arange(len(self), dtype=np.intp) if self._rows is None else self._rows
        return Dataset._of(self._binned, self.schema, self.max_bins, self._automatic, own[rows])

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a Dataset holds codes of bins, not values: it is for estimators of boosted trees.")

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self._binned.n_rows, self._binned.arrays())
        return _restored, (*parts, self.schema, self.max_bins, self._automatic, self._rows)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all rows to a safetensors file, in full or not at all; of a view, those of the whole Dataset.

        2 bytes a cell, and some more.
        """
        if self._rows is not None:
            raise ValueError("a view of a Dataset cannot be saved: save the Dataset, and index it again when loaded.")
        stored = StoredDataset(self._binned.n_rows, self._binned.arrays(), self.schema, self.max_bins, self._automatic)
        write_dataset(stored, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, n_jobs: int | None = None) -> Dataset:
        """The Dataset in a file, mapped into memory: pages are read as they are needed, and shared by processes.

        Every code is looked at once. The file must stay as it is while the Dataset is used.

        Raises
        ------
        ModelFormatError
            The file is no whole Dataset.
        OSError
            The file cannot be read.
        """
        found, binned = read_dataset(path, thread_count(n_jobs))
        return cls._of(binned, found.schema, found.max_bins, found.automatic, None)

    def for_fit(self, max_bins: int, categorical_features: Any, threads: int) -> tuple[Schema, _core.BinnedTable, bool]:
        """Schema and codes (of a view, its codes copied), and whether the categories were found by their types.

        Raises
        ------
        ValueError
            An estimator that wants other bins or other categories.
        """
        if max_bins != self.max_bins:
            raise ValueError(
                f"max_bins={max_bins} is not that of the Dataset, {self.max_bins}: give both the same, or fit on X."
            )
        listed = self.schema.categories()
        same = isinstance(categorical_features, str) or (
            not self._automatic and _listed(categorical_features, self.shape[1]) == listed
        )
        if not same:
            raise ValueError(
                f"categorical_features={categorical_features!r} is not what the Dataset was made with: leave it out "
                "here, and give it to the Dataset."
            )
        binned = self._binned if self._rows is None else self._binned.rows(self._rows, threads)
        return self.schema, binned, self._automatic

    def table(self, schema: Schema, forest: _core.Forest) -> _core.Table:
        """The rows as trees of this Dataset compare them: a code stands for the cut above it, so x <= cut is exact.

        Raises
        ------
        ValueError
            Trees with other features, levels or cuts.
        """
        own = self.schema
        if own is not schema:
            if own.n_features != schema.n_features or own.features.others != schema.features.others:
                raise ValueError("the Dataset has other features or levels than the model was trained with.")
            if self.names is not None and schema.names is not None and self.names != schema.names.tolist():
                raise ValueError(f"the Dataset has the features {self.names}, not those of training: {schema.names}.")
        self._require_cuts(forest)
        n_codes = [feature.n_codes for feature in own.features]
        columns = [self._column(at, codes, n_codes[at]) for at, codes in enumerate(self._binned.columns())]
        return _core.Table(len(self), columns)

    def _column(self, at: int, codes: NDArray[Any], n_codes: int) -> Column:
        if n_codes:
            lookup = np.arange(n_codes, dtype=np.float64)
            lookup[0] = np.nan
        else:
            lookup = np.concatenate([[np.nan], self._binned.cuts(at), [np.inf]])
        chosen = codes if self._rows is None else codes[self._rows]
        return Column([Chunk(chosen, lookup=lookup)], n_codes=n_codes)

    def _require_cuts(self, forest: _core.Forest) -> None:
        """Every threshold is a cut of this Dataset: otherwise codes cannot tell on which side of it a value is."""
        nodes = forest.arrays()
        features, sets = nodes["feature"], nodes["set"]
        of_numbers = (features >= 0) & (sets < 0)
        features, thresholds = features[of_numbers], nodes["threshold"][of_numbers]
        order = np.argsort(features, kind="stable")
        used, first = np.unique(features[order], return_index=True)
        ends = [*first[1:].tolist(), len(order)]
        for feature, begin, end in zip(used.tolist(), first.tolist(), ends, strict=False):
            own = thresholds[order[begin:end]]
            known = np.isin(own, self._binned.cuts(feature)) | (own == np.inf)  # infinity: all but missing values
            if not known.all():
                raise ValueError(
                    f"the model splits feature {feature} at {own[~known][0]:g}, which is no cut of this Dataset: only "
                    "models that were fitted on it (or with its very bins) predict from its codes; predict from X."
                )


def _restored(n_rows: int, arrays: dict[str, NDArray[Any]], *parts: Any) -> Dataset:
    return Dataset._of(_core.BinnedTable.from_arrays(n_rows, arrays), *parts)


def _listed(given: Any, n_features: int) -> list[Any]:
    """Names or indices as a schema lists its categories: in the order of the features where they are indices."""
    items = check_categorical_features(given) or []
    if items and isinstance(items[0], (bool, np.bool_)):
        return [at for at, chosen in enumerate(items) if chosen]
    return sorted(int(item) % n_features for item in items) if items and not isinstance(items[0], str) else list(items)


def _weights(sample_weight: ArrayLike) -> Floats:
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight must hold numbers: {error}") from error
    if weights.ndim != 1:
        raise ValueError(f"sample_weight has shape {weights.shape}: a number a row is wanted.")
    if (wrong := ~(np.isfinite(weights) & (weights >= 0))).any():
        row = int(wrong.argmax())
        raise ValueError(f"sample_weight[{row}]={weights[row]:g} must be at least 0 and finite.")
    if not weights.any():
        raise ValueError("sample_weight must not be 0 for every row.")
    return weights
