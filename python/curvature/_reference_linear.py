"""Gradient descent and its kin for linear models in plain Python and NumPy: oracle of the tests, baseline of speed."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Slope: TypeAlias = Callable[[Floats, Floats], Floats]  # dl/df from y and scores f

BITS = 2**64 - 1
CACHE_NUMBERS, GROUP_NUMBERS, GROUPS_AT_ONCE = 1 << 21, 1 << 12, 8


def linear_unit(X: Floats, y: Floats, rate: float, epochs: int) -> tuple[Floats, float]:
    """W += rate (y - f) x, b += rate (y - f) with f = w x + b, row after row from 0."""
    w, b = np.zeros(X.shape[1]), 0.0
    for x, target in [*zip(X, y, strict=True)] * epochs:
        error = target - (x @ w + b)
        w, b = w + rate * error * x, b + rate * error
    return w, float(b)


def perceptron(X: Floats, y: Floats, rate: float, epochs: int) -> tuple[Floats, float]:
    """W += rate y x where y (w x + b) <= 0, for y of -1 and 1, row after row from 0."""
    w, b = np.zeros(X.shape[1]), 0.0
    for x, label in [*zip(X, y, strict=True)] * epochs:
        if label * (x @ w + b) <= 0:
            w, b = w + rate * label * x, b + rate * label
    return w, float(b)


@dataclass
class Descent:
    """What shapes the descent, named as in the core; None is no limit."""

    optimizer: str = "sgd"
    schedule: str = "constant"
    learning_rate: float = 0.01
    momentum: float = 0.9
    second_momentum: float = 0.999
    rho: float = 0.9
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    batch_size: int | None = 32
    accumulate: int = 1
    clip_value: float | None = None
    clip_norm: float | None = None
    decay: float = 1e-4
    power: float = 0.5
    warm_up: int = 0
    average: bool = False
    shuffle: bool = True
    alpha: float = 0.0
    l1_ratio: float = 0.0
    max_iter: int = 1
    fit_intercept: bool = True
    seed: int = 0


def rate_at(p: Descent, t: int, done: float) -> float:
    """The rate of a step, t of them having been made, with `done` of all epochs over."""
    factors: dict[str, float] = {
        "constant": 1.0,
        "inverse": 1 / (1 + p.decay * t),
        "inverse_scaling": float((t + 1) ** -p.power),
        "exponential": math.exp(-p.decay * t),
        "cosine": (1 + math.cos(math.pi * done)) / 2,
    }
    return p.learning_rate * factors[p.schedule] * min(1.0, (t + 1) / max(p.warm_up, 1))


# Each takes slopes g at rate eta and step t = 1, 2, …; changes its memory s; and returns the move and the rate by which
# each weight moves along a steady slope.
Move: TypeAlias = tuple[Floats, Any]


def sgd(p: Descent, s: list[Floats], g: Floats, eta: float, t: int) -> Move:
    """-eta g."""
    return -eta * g, eta


def momentum(p: Descent, s: list[Floats], g: Floats, eta: float, t: int) -> Move:
    """V <- mu v - eta g; the caller keeps the move as v."""
    return p.momentum * s[0] - eta * g, eta


def adagrad(p: Descent, s: list[Floats], g: Floats, eta: float, t: int) -> Move:
    """-eta g / (sqrt(sum of g^2) + eps)."""
    s[0] += g**2
    own = eta / (np.sqrt(s[0]) + p.epsilon)
    return -own * g, own


def adadelta(p: Descent, s: list[Floats], g: Floats, eta: float, t: int) -> Move:
    """-eta g times the ratio of the root mean squares of past moves and slopes."""
    s[0][:] = p.rho * s[0] + (1 - p.rho) * g**2
    own = np.sqrt(s[1] + p.epsilon) / np.sqrt(s[0] + p.epsilon)
    s[1][:] = p.rho * s[1] + (1 - p.rho) * (own * g) ** 2
    return -eta * own * g, eta * own


def rmsprop(p: Descent, s: list[Floats], g: Floats, eta: float, t: int) -> Move:
    """-eta g / (root of the running mean of g^2 + eps)."""
    s[0][:] = p.rho * s[0] + (1 - p.rho) * g**2
    own = eta / (np.sqrt(s[0]) + p.epsilon)
    return -own * g, own


def adam(p: Descent, s: list[Floats], g: Floats, eta: float, t: int) -> Move:
    """-eta times the running mean of g over the root of that of g^2, both corrected for their start at 0."""
    b1, b2 = p.momentum, p.second_momentum
    s[0][:] = b1 * s[0] + (1 - b1) * g
    s[1][:] = b2 * s[1] + (1 - b2) * g**2
    mean = s[0] / (1 - b1**t)
    if p.optimizer == "nadam":
        mean = b1 * s[0] / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
    own = eta / (np.sqrt(s[1] / (1 - b2**t)) + p.epsilon)
    return -own * mean, own


OPTIMIZERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nag": momentum,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "adam": adam,
    "nadam": adam,
    "adamw": adam,
}


def mix(x: int) -> int:
    """64 bits mixed as in the core."""
    x = (x + 0x9E3779B97F4A7C15) & BITS
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & BITS
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & BITS
    return x ^ (x >> 31)


def child_key(key: int, counter: int) -> int:
    """The key of a place in a stream of keys."""
    return mix(key ^ mix(counter))


def bounded(bits: int, bound: int) -> int:
    """An integer in [0, bound) from the upper half of 64 bits."""
    return (bits >> 32) * bound >> 32


def shuffled(items: list[int], key: int) -> list[int]:
    """Fisher and Yates's shuffle with one key a place."""
    items = list(items)
    for left in range(len(items), 1, -1):
        other = bounded(child_key(key, left), left)
        items[left - 1], items[other] = items[other], items[left - 1]
    return items


def row_order(n_rows: int, n_columns: int, key: int) -> list[int]:
    """All rows shuffled; of a large table groups of rows, of which a few take turns, a row at a time."""
    rows = list(range(n_rows))
    size = int(max(GROUP_NUMBERS / n_columns, 1))
    if n_rows * n_columns <= CACHE_NUMBERS or size == 1:
        return shuffled(rows, key)
    groups = [rows[begin : begin + size] for begin in range(0, n_rows, size)]
    starts = [bounded(child_key(child_key(key, 0), k), len(group)) for k, group in enumerate(groups)]
    turned = [group[start:] + group[:start] for group, start in zip(groups, starts, strict=True)]
    mixed = [turned[k] for k in shuffled(list(range(len(groups))), key)]
    windows = [mixed[first : first + GROUPS_AT_ONCE] for first in range(0, len(mixed), GROUPS_AT_ONCE)]
    turns = [turn for window in windows for turn in zip_longest(*window)]
    return [row for turn in turns for row in turn if row is not None]


def descend(
    X: Floats, y: Floats, slope: Slope, params: Descent, weights: Floats | None = None, n_outputs: int = 1
) -> Iterator[tuple[Floats, Floats]]:
    """Yield coefficients (outputs, columns) and intercepts (outputs,) after each epoch.

    Of a batch, the slope is the sum of w_i dl_i over its full size and the mean weight. `slope` returns (n, outputs)
    from y (n,) and scores (n, outputs).
    """
    p, (n, n_columns) = params, X.shape
    weight = np.ones(n) if weights is None else weights
    size = min(n, (p.batch_size or n) * p.accumulate)
    wide = np.column_stack([X, np.full(n, float(p.fit_intercept))])
    at = np.zeros((n_outputs, n_columns + 1))
    penalised = np.append(np.ones(n_columns), 0.0)
    l1 = p.alpha * p.l1_ratio * penalised
    decay = p.weight_decay * penalised
    l2 = p.alpha * (1 - p.l1_ratio) * penalised + (0 if p.optimizer == "adamw" else decay)
    memory = [np.zeros_like(at), np.zeros_like(at)]
    average, averaged, t = np.zeros_like(at), 0, 0
    for epoch in range(p.max_iter):
        keyed = p.shuffle and size < n
        order = row_order(n, n_columns, child_key(child_key(p.seed, 1), epoch)) if keyed else list(range(n))
        for begin in range(0, n, size):
            rows = order[begin : begin + size]
            eta = rate_at(p, t, (epoch + begin / n) / p.max_iter)
            t += 1
            point = at + p.momentum * memory[0] if p.optimizer == "nag" else at
            g = (weight[rows, None] * slope(y[rows], wide[rows] @ point.T)).T @ wide[rows] / (size * weight.mean())
            if p.clip_value is not None:
                g = np.clip(g, -p.clip_value, p.clip_value)
            if p.clip_norm is not None:
                g = g * min(1.0, p.clip_norm / max(float(np.linalg.norm(g)), 1e-300))
            move, own = OPTIMIZERS[p.optimizer](p, memory, g + l2 * point, eta, t)
            moved = (at - eta * decay * at if p.optimizer == "adamw" else at) + move
            moved = np.sign(moved) * np.maximum(np.abs(moved) - own * l1, 0)
            if p.optimizer in ("momentum", "nag"):
                memory[0] = moved - at
            at = moved
            if p.average and epoch > 0:
                averaged += 1
                average += (at - average) / averaged
        now = average if averaged else at
        yield now[:, :-1].copy(), now[:, -1].copy()
