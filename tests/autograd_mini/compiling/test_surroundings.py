"""What a step reads besides arguments and owners: a program is never stale, whatever becomes of it between calls."""

import warnings

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, compile, grad
from tests.autograd_mini.compiling.same import difference

X = np.arange(3.0) + 1
RATE = 2.0
TABLE = np.ones(3)
OPTIONS = {"rate": 2.0, "more": [1, 2]}


def scaled(x):
    return x * RATE


def check(f, changes, x=X):
    """Call a compiled step until its program runs, and again after each change; the values are always eager's."""
    step = compile(f)
    for change in (lambda: None, *changes):
        change()
        for _ in range(5):
            assert not difference(step(x), f(x))
        assert step.last is not None
        assert step.last.ready
    return step


def put(name, value):
    return lambda: globals().__setitem__(name, value)


@pytest.fixture(autouse=True)
def _as_before():
    before = {name: globals()[name] for name in ("RATE", "TABLE", "OPTIONS")}
    TABLE[:] = 1
    OPTIONS["rate"] = 2.0
    yield
    globals().update(before)


@pytest.mark.parametrize("value", [3.0, -0.0, np.float32(2.5), True, 7, np.ones(3), 2j])
def test_a_global_that_is_rebound(value):
    check(lambda x: x * RATE, [put("RATE", value), put("RATE", 2.0)])


def test_a_global_that_a_function_of_the_same_file_reads():
    check(lambda x: np.tanh(scaled(x)), [put("RATE", 5.0)])
    check(grad(lambda x: np.sum(np.tanh(scaled(x)))), [put("RATE", 6.0)])


def test_a_variable_of_a_closure():
    rate, function = 2.0, np.tanh

    def f(x):
        return function(x) * rate

    step = compile(f)
    for _ in range(5):
        step(X)
    rate = 3.0
    assert not difference(step(X), np.tanh(X) * 3.0)
    function = np.sin
    for _ in range(5):
        assert not difference(step(X), np.sin(X) * 3.0)


def test_an_array_that_is_rebound_or_written_into():
    def write():
        TABLE[1] = 7.0

    check(lambda x: x * TABLE, [write, put("TABLE", np.zeros(3))])
    globals()["TABLE"] = np.ones(3)
    check(grad(lambda x: np.sum(np.tanh(x * TABLE) * TABLE)), [write])
    check(lambda x: x * (TABLE * 2), [lambda: TABLE.__setitem__(0, 9.0)])


def test_an_array_that_the_code_does_not_name():
    class Holder:
        array = np.ones(3)

    holder = [Holder.array]

    def write():
        holder[0][:] = 5.0

    check(grad(lambda x: np.sum(np.tanh(x * holder[0]) ** 2)), [write])
    check(grad(lambda x: np.sum(np.tanh(x * Tensor(holder[0])) ** 2)), [])


def test_a_container_of_numbers():
    check(lambda x: x * OPTIONS["rate"] + OPTIONS["more"][0], [lambda: OPTIONS.__setitem__("rate", 4.0)])


def test_a_tensor_whose_values_are_replaced():
    named = Tensor(np.ones(3), name="named")
    hidden = {"t": Tensor(np.ones(3), name="hidden")}

    def replace():
        named.data = np.full(3, 2.0)

    def replace_hidden():
        hidden["t"].data = np.full(3, 2.0)

    check(lambda x: (named * x).data, [replace])
    check(lambda x: (hidden["t"] * x).data, [replace_hidden])


def test_a_model_that_is_only_read_and_is_trained_elsewhere():
    teacher = nn.Linear(3, 2, rng=0)

    def train():
        teacher.weights.data = teacher.weights.data * 2

    check(lambda x: teacher(x[None]).detach(), [train])


def test_another_model_under_the_same_name():
    model = nn.Linear(3, 2, rng=0)
    step = compile(lambda x: model(x[None]).detach())
    for _ in range(5):
        step(X)
    model = nn.Linear(3, 2, rng=1)
    assert not difference(step(X), model(X[None]).detach())


def test_a_number_that_is_another_in_each_call_is_never_stale():
    count = 0

    def f(x):
        return x * 2 if count < 12 else x * 3

    step = compile(f)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(20):
            assert not difference(step(X), f(X))
            count += 1
    assert len(said) == 1
    assert "`count`" in str(said[0].message)
