"""What is no array among the operands of a user's primitive reaches the function and its rule as it was written."""

import copy
import math

import numpy as np
import pytest

from autograd_mini import Tensor, checkpoint, draw, elementwise_grad, grad, jvp, no_grad, primitive, rule, vjp
from autograd_mini.checked import checked
from autograd_mini.signals import signals

F32 = np.float32
OPERANDS = {
    "an integer that float32 rounds": 123456789,
    "an integer that float64 rounds": 2**60 + 1,
    "an integer": 2,
    "a float": 0.1,
    "a complex number": 1j,
    "true": True,
    "none": None,
    "a string": "mean",
    "a tuple": (2, (3, "a")),
    "a list": [1, 2],
    "a dict": {"axis": 0, "parts": [1, 2]},
    "a dict of arrays": {"index": np.arange(3)},
    "a set": {1, 2},
    "a slice": slice(0, 2),
    "an ellipsis": ...,
    "a type": np.float32,
    "a dtype": np.dtype("f4"),
    "a callable": math.sqrt,
    "a NumPy integer": np.int64(2**60 + 1),
    "a NumPy float": np.float16(0.5),
    "a NumPy string": np.str_("mean"),
    "an array of integers": np.array([123456789]),
    "an array of booleans": np.array([True, False]),
    "an array of strings": np.array(["a", "b"]),
    "an array of objects": np.array([None, "b"], object),
    "a seed": np.random.SeedSequence(1),
    "a generator": np.random.default_rng(1),
}


@pytest.fixture(params=OPERANDS, ids=lambda name: name.replace(" ", "-"))
def operand(request):
    return OPERANDS[request.param]


def noting(seen):
    """exp(x) y, as an operation that ignores its last operand, but for noting what it and its rules are given."""

    @primitive
    def noted(x, y, operand):
        seen.append(operand)
        return np.exp(x) * y

    def slope(g, out, x, y, operand):
        seen.append(operand)
        return g * np.exp(x) * y

    rule(noted, slope, lambda g, _out, x, _y, _operand: g * np.exp(x), None)
    return noted


def assert_all_are(seen, operand, least):
    assert len(seen) >= least
    for found in seen:
        assert type(found) is type(operand)
        np.testing.assert_equal(found, operand)


X = np.array([0.5, 1.0], F32)
WAYS = {
    "backward": lambda f: f(Tensor(X, requires_grad=True)).backward(np.ones(2)),
    "grad": lambda f: grad(lambda x: np.sum(f(x)))(X),
    "second derivative": lambda f: elementwise_grad(elementwise_grad(f))(X),
    "vjp": lambda f: vjp(f, X)[1](np.ones(2, F32)),
    "jvp": lambda f: jvp(f, (X,), (X,)),
    "checkpoint": lambda f: grad(lambda x: np.sum(checkpoint(f)(x)))(X),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_reaches_the_rule_as_it_was_written(operand, way):
    seen = []
    noted = noting(seen)
    WAYS[way](lambda x: noted(x, 2, operand))
    assert_all_are(seen, operand, 2)


def test_by_keyword_and_beside_another_tensor(operand):
    seen = []
    noted = noting(seen)
    by_x, by_y = grad(lambda x, y: np.sum(noted(x, operand=operand, y=y)), (0, 1))(X, X)
    np.testing.assert_allclose(by_x, np.exp(X) * X, 1e-6)
    np.testing.assert_allclose(by_y, np.exp(X), 1e-6)
    assert by_x.dtype == by_y.dtype == F32
    assert_all_are(seen, operand, 2)


def test_without_a_graph(operand):
    seen = []
    noted = noting(seen)
    with no_grad():
        noted(Tensor(X, requires_grad=True), 2, operand)
    noted(Tensor(X), 2, operand)
    noted(X, 2, operand)
    assert_all_are(seen, operand, 3)


def test_graphs_with_it_are_drawn_watched_and_copied(operand):
    seen = []
    noted = noting(seen)
    x = Tensor(X, requires_grad=True)
    with checked():
        loss = np.sum(noted(x, 2, operand))
        loss.backward(retain_graph=True)
    draw(loss)
    signals(loss)
    twin = copy.deepcopy(loss)
    before = x.grad.copy()
    loss.backward()
    np.testing.assert_array_equal(x.grad, 2 * before)
    twin.backward()
    if type(operand) not in (np.random.Generator, np.random.SeedSequence):  # the copy has copies, of equal state
        assert_all_are(seen, operand, 4)


def test_a_mask_that_a_seed_draws_is_the_same_in_the_rule():
    @primitive
    def dropped(x, seed):
        return x * mask(seed, np.shape(x))

    def mask(seed, shape):
        return np.random.default_rng(seed).random(shape) < 0.5

    rule(dropped, lambda g, _out, x, seed: g * mask(seed, np.shape(x)), None)
    for seed in (123456789, 2**53 + 1, np.int64(2**53 + 1), (1, 2), [3, 4]):
        x = np.ones(64, F32)
        np.testing.assert_array_equal(grad(lambda x: np.sum(dropped(x, seed)))(x), dropped(x, seed))  # noqa: B023


@pytest.mark.parametrize("change", [lambda o: o["index"].__setitem__(0, 1), lambda o: o["parts"].append(1)])
def test_what_its_owner_changes_later_is_not_seen_by_the_rule(change):
    seen = []
    noted, operand = noting(seen), {"index": np.zeros(2, int), "parts": []}
    x = Tensor(X, requires_grad=True)
    out = noted(x, 1, operand)
    change(operand)
    out.backward(np.ones(2))
    np.testing.assert_equal(seen[-1], {"index": np.zeros(2, int), "parts": []})


@pytest.mark.parametrize("held", [lambda t: [t], lambda t: (t, 1), lambda t: {"t": t}, lambda t: [[t]]])
def test_a_tensor_inside_of_it_is_refused_with_what_to_write(held):
    noted = noting([])
    t = Tensor(X, requires_grad=True)
    with pytest.raises(TypeError, match=r"noted was given a (list|tuple|dict) that holds a tensor that requires grad"):
        noted(t, 1, held(t))


def test_a_constant_tensor_inside_of_it_is_an_array():
    seen = []
    noting(seen)(Tensor(X, requires_grad=True), 1, [Tensor(X), 2])
    assert type(seen[0][0]) is np.ndarray


def test_a_python_number_in_a_rule_of_numpy_does_not_widen_float32():
    for f in (lambda x: np.power(2, x), lambda x: np.logaddexp(2, x), lambda x: np.hypot(2, x)):
        assert grad(lambda x: np.sum(f(x)))(X).dtype == F32  # noqa: B023
