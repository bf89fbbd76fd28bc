"""Links, and losses that are stored, pickled and copied."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from curvature import _core
from curvature._links import Link, read_link, stored_link
from curvature.losses import Huber, Loss, Quantile
from curvature.losses.arrays import FromArrays

RNG = np.random.default_rng(11)


def test_links_lead_to_responses() -> None:
    f = np.array([-800.0, -1.0, 0.0, 0.3, 800.0])
    expected = {
        "identity": f,
        "log": np.concatenate([np.exp(f[:-1]), [np.inf]]),
        "log1p": np.concatenate([np.expm1(f[:-1]), [np.inf]]),
        "logit": special.expit(f),
        "half_logit": special.expit(2 * f),
        "clipped": [0.0, 0.0, 0.5, 0.65, 1.0],
    }
    for name, response in expected.items():
        np.testing.assert_allclose(Link(name).response(f), response, rtol=1e-15)
    many = Link("softmax").response([[800.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(many, [[1.0, 0.0], [0.5, 0.5]])
    with pytest.raises(ValueError, match=r"link='softmax' is of scores of shape \(n, K\)"):
        Link("softmax").response(f)
    assert Link("logit").gives_probabilities
    assert not Link("log").gives_probabilities


def test_a_link_can_be_a_formula() -> None:
    probit_like = (lambda m: np.log(-np.log1p(-m)), lambda f: -np.expm1(-np.exp(f)))  # complementary log-log
    loss = Loss(lambda y, f: (y - f) ** 2, link=probit_like)
    f = np.linspace(-3, 1, 9)
    np.testing.assert_allclose(loss.link.response(f.reshape(3, 3)), -np.expm1(-np.exp(f)).reshape(3, 3), rtol=1e-14)
    assert loss.link.gives_probabilities
    again = stored_link(json.loads(json.dumps(loss.link.stored())))
    assert again == loss.link
    assert hash(again) == hash(loss.link)
    np.testing.assert_array_equal(again.response(f), loss.link.response(f))
    assert not read_link((lambda m: m / 2, lambda f: 2 * f)).gives_probabilities
    for damaged in ("cloglog", 3, {"inverse": []}, {"inverse": [["constant", 1.0]]}, {"code": []}, {}):
        with pytest.raises(_core.ModelFormatError):
            stored_link(damaged)


LOSSES: dict[str, Callable[[], Loss]] = {
    "named": lambda: Loss("huber"),
    "with parameters": lambda: Loss(Quantile(level=0.9)),
    "with link": lambda: Loss("squared", link="log"),
    "formula": lambda: Loss(lambda y, f, cap: np.minimum(np.log(1 + np.exp(f)) - y * f, cap)),
    "formula and link": lambda: Loss(lambda y, f: (y - f) ** 2, link=(lambda m: m / 2, lambda f: 2 * f)),
    "outputs": lambda: Loss(lambda y, f: (y - f[0]) ** 2 + f[1] ** 2),
}


@pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
def test_a_stored_loss_is_the_same(make: Callable[[], Loss]) -> None:
    loss = make()
    copies = [
        Loss.from_dict(json.loads(json.dumps(loss.to_dict()))),
        pickle.loads(pickle.dumps(loss)),
        copy.deepcopy(loss),
        Loss(loss),
        make(),
    ]
    y, data = RNG.uniform(0, 1, 30), {"cap": np.full(30, 0.7)} if loss.data_names else None
    f = RNG.normal(size=30 if loss.outputs() == 1 else (30, 2))
    for again in copies:
        assert again == loss
        assert hash(again) == hash(loss)
        assert (again.link, again.name, again.data_names) == (loss.link, loss.name, loss.data_names)
        for of in ("value", "gradient", "hessian"):
            np.testing.assert_array_equal(getattr(again, of)(y, f, data), getattr(loss, of)(y, f, data))
    assert loss != Loss("absolute")
    assert loss != "huber"


def test_what_is_stored() -> None:
    assert Loss(Huber(delta=2)).to_dict() == {"name": "huber", "parameters": {"delta": 2.0}, "link": None}
    assert Loss("squared", link="log").to_dict()["link"] == "log"
    arrays = Loss(FromArrays(lambda y, f: (f - y, 1 + 0 * f), link="logit"))
    assert arrays.to_dict() == {"name": "from_arrays", "n_outputs": 1, "link": "logit"}
    again = Loss.from_dict(arrays.to_dict())
    assert again.link.name == "logit"
    with pytest.raises(ValueError, match="is not stored in a model file"):
        again.gradient([1.0], [1.0])


@pytest.mark.parametrize(
    "stored",
    [
        "huber",
        {},
        {"name": "huber"},
        {"name": "hubber", "parameters": {}},
        {"name": "huber", "parameters": {}},
        {"name": "huber", "parameters": {"delta": -1.0}},
        {"name": "huber", "parameters": {"delta": "1"}},
        {"name": "huber", "parameters": {"gamma": 1.0}},
        {"name": "huber", "parameters": [1.0]},
        {"name": "huber", "parameters": {"delta": 1.0}, "code": ""},
        {"name": "huber", "parameters": {"delta": 1.0}, "link": "nonsense"},
        {"name": ["huber"], "parameters": {}},
        {"name": "from_arrays", "n_outputs": 0, "link": None},
        {"formula": {}, "link": None},
        {"formula": None},
        {"name": "squared", "parameters": {}, "link": "softmax"},
    ],
)
def test_damaged_losses_are_refused(stored: Any) -> None:
    with pytest.raises(_core.ModelFormatError):
        Loss.from_dict(stored)
