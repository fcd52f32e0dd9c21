"""Updating small parameters as one vector changes no bit of a training, whatever is done to them in between."""

import copy
import pickle

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, devices
from nn.optimizers import joined
from nn.optimizers.rules import Adam, AdamW, RMSprop

RULES = {
    "sgd": (nn.SGD, {"learning_rate": 0.1}),
    "momentum": (nn.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adagrad": (nn.AdaGrad, {}),
    "rmsprop": (RMSprop, {"momentum": 0.5}),
    "adam": (Adam, {"weight_decay": 0.01}),
    "adamw": (AdamW, {}),
    "amsgrad": (Adam, {"amsgrad": True, "maximize": True}),
}
rules = pytest.mark.parametrize(("rule", "options"), RULES.values(), ids=RULES)


def parameters():
    rng = np.random.default_rng(0)
    shapes = [((3, 4), "f4"), ((4,), "f4"), ((), "f4"), ((0, 2), "f4"), ((5,), "f8"), ((2, 2), "f8"), ((3,), "f4")]
    return [nn.Parameter(rng.standard_normal(shape).astype(dtype)) for shape, dtype in shapes]


def alone(rule):
    """The same rule, which does not say that it goes entry by entry."""
    return type(rule.__name__, (rule,), {})


def run(optimizer, change=lambda optimizer: optimizer, steps=6):
    """Steps along random gradients, with a change after the third; what the optimizer and its parameters end with."""
    rng = np.random.default_rng(1)
    for i in range(steps):
        for j, p in enumerate(optimizer.parameters):
            gradient = np.asarray(rng.standard_normal(p.shape), p.dtype)
            if p.requires_grad:
                p.grad = None if i == 4 and j == 1 else gradient
        optimizer.step()
        if i == 2:
            optimizer = change(optimizer)
    return [p.data for p in optimizer.parameters], optimizer.state_dict()


def write_in_place(optimizer):
    optimizer.parameters[0].data[...] *= 2
    return optimizer


def replace(optimizer):
    optimizer.parameters[0].data = np.ones((3, 4), np.float32)
    return optimizer


def freeze(optimizer):
    optimizer.parameters[1].requires_grad = False
    optimizer.parameters[1].grad = None
    return optimizer


def read_the_state(optimizer):
    assert len(optimizer.state) == len(optimizer.parameters)
    return optimizer


def change_the_state(optimizer):
    optimizer.state[0] = None
    return optimizer


def reload(optimizer):
    optimizer.load_state_dict(optimizer.state_dict())
    return optimizer


CHANGES = [write_in_place, replace, freeze, read_the_state, change_the_state, reload, copy.deepcopy]


@rules
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_it_changes_no_bit(rule, options, change):
    values, state = run(rule(parameters(), **options), change)
    expected, expected_state = run(alone(rule)(parameters(), **options), change)
    for value, want in zip(values, expected, strict=True):
        np.testing.assert_array_equal(value, want)
        assert value.dtype == want.dtype
    assert state.keys() == expected_state.keys()
    for key, want in expected_state.items():
        np.testing.assert_array_equal(state[key], want)


def test_a_pickle_goes_on_like_its_original():
    adam = nn.Adam(parameters())
    run(adam, steps=3)
    twin = pickle.loads(pickle.dumps(adam))
    for value, other in zip(run(adam)[0], run(twin)[0], strict=True):
        np.testing.assert_array_equal(value, other)


def test_one_call_updates_all_small_parameters_of_a_dtype(monkeypatch):
    sizes = []
    update = nn.SGD.update

    def counted(self, param, grad, state):
        sizes.append(param.size)
        return update(self, param, grad, state)

    monkeypatch.setattr(nn.SGD, "update", counted)
    run(nn.SGD(parameters(), 0.1), steps=1)
    assert sorted(sizes) == [9, 20]


def test_a_rule_that_looks_at_whole_parameters_sees_them_whole():
    class Normalised(nn.SGD):
        def update(self, param, grad, state):
            return param - self.rate * grad / np.linalg.norm(grad), state

    a, b = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2))
    optimizer = Normalised([a, b], 1.0)
    a.grad, b.grad = np.array([3.0, 4.0]), np.array([30.0, 40.0])
    optimizer.step()
    np.testing.assert_allclose(a.data, b.data)


def test_long_parameters_stay_by_themselves(monkeypatch):
    monkeypatch.setattr(joined, "LONGEST", 10)
    made = [nn.Parameter(np.zeros(size)) for size in (3, 6, 4, 4, 5, 2)]
    assert joined.groups(made, [None] * 6, range(6)) == [[0, 2], [3, 4]]


def test_parameters_of_different_counts_are_not_joined():
    made = [nn.Parameter(np.zeros(2)) for _ in range(4)]
    states = [(np.zeros(2), 1), (np.zeros(2), 2), (np.zeros(2), 1), None]
    assert joined.groups(made, states, range(4)) == [[0, 2]]


@pytest.mark.extra
def test_on_pytorchs_cpu_small_parameters_are_joined_once_their_rule_keeps_something():
    pytest.importorskip("torch")

    def trained(device, rule):
        model = nn.MLP([3, 4, 2], "tanh", rng=0, dtype=float).to_device(device)
        optimizer = rule(model.parameters(), 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            np.sum(model(Tensor(np.ones((5, 3))).to_device(device)) ** 2).backward()
            optimizer.step()
        return [devices.to_host(p) for p in model.parameters()], bool(optimizer._joined)

    for rule, joins in ((nn.SGD, False), (nn.Adam, True)):
        wanted, _ = trained("cpu", rule)
        found, joined_there = trained("torch:cpu", rule)
        assert joined_there == joins
        assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(found, wanted, strict=True))
