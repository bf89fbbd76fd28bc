"""Bags of words: sparse fits are dense fits, and held-out scores stand beside LightGBM's at the same settings."""

import json
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import accuracy_score, log_loss
from test_real_data import DATA

import curvature as cv

pytestmark = pytest.mark.skipif(not (DATA / "index.json").exists(), reason=f"no data in {DATA}")

# Share of the held-out rows: 2,189 and 400 of them; the standard error of a difference is about half of it.
SLACK = {"reuters_r8": 0.01, "movie_reviews": 0.03}


def load(name: str) -> tuple[Any, np.ndarray, Any, np.ndarray]:
    """Rows as CSR, labels as codes; the split of the set."""
    parquet = pytest.importorskip("pyarrow.parquet")
    sets = json.loads((DATA / "index.json").read_text(encoding="utf-8"))["sets"]
    record = next(record for record in sets if record["name"] == name)
    table = parquet.read_table(DATA / record["file"])
    indices, values = (table.column(column).combine_chunks() for column in ("indices", "values"))
    X = sp.csr_matrix(  # which LightGBM takes, and arrays it does not
        (values.flatten().to_numpy(), indices.flatten().to_numpy(), indices.offsets.to_numpy()),
        shape=(len(table), record["n_columns_sparse"]),
    )
    y = np.unique(table.column(record["target"]).to_numpy(), return_inverse=True)[1]
    train = table.column(record["split_column"]).to_numpy() == "train"
    return X[train], y[train], X[~train], y[~train]


@pytest.mark.parametrize("name", SLACK)
def test_a_sparse_fit_is_the_dense_fit(name: str) -> None:
    """The same file, from CSR and from the table as an array of bytes."""
    X, y, _, _ = load(name)
    X, y = X[:: len(y) // 800], y[:: len(y) // 800]
    params = {"n_estimators": 2, "max_leaves": 31, "colsample_bynode": 1.0, "min_child_samples": 5}
    dense = X.toarray().clip(0, 255).astype(np.uint8)
    models = [cv.BoostedTreesClassifier(**params).fit(table, y).model_ for table in (X, dense)]
    assert models[0].to_bytes() == models[1].to_bytes()


@pytest.mark.parametrize("name", SLACK)
def test_held_out_scores_are_no_worse_than_lightgbm_s(name: str) -> None:
    """Accuracy and logloss on the set's own split."""
    lightgbm = pytest.importorskip("lightgbm")
    X, y, X_test, y_test = load(name)
    shared = {"n_estimators": 30, "learning_rate": 0.1, "min_child_samples": 20, "reg_lambda": 0.0, "n_jobs": 1}
    ours = cv.BoostedTreesClassifier(**shared, max_leaves=31, colsample_bynode=1.0)
    theirs = lightgbm.LGBMClassifier(**shared, num_leaves=31, verbosity=-1)
    accuracy, loss = [], []
    for est in (ours, theirs):
        p = est.fit(X, y).predict_proba(X_test)
        accuracy.append(accuracy_score(y_test, p.argmax(axis=1)))
        loss.append(log_loss(y_test, p))
    print(f"{name}: accuracy {accuracy[0]:.4f} beside {accuracy[1]:.4f}, logloss {loss[0]:.4f} beside {loss[1]:.4f}")
    assert accuracy[0] > accuracy[1] - SLACK[name]
    assert loss[0] < 1.05 * loss[1]
