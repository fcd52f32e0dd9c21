"""`record`: what a call computed, line by line, for who writes it in another language."""

import numpy as np
import pytest

import nn
from autograd_mini import CompileError, Tensor, devices, everywhere, primitive, record


def names(recording):
    return [line.function.__name__ for line in recording.lines]


def test_lines_read_inputs_other_lines_and_constants():
    table = np.arange(3.0)
    recording = record(lambda x: np.exp(x + table) * 2, np.ones(3))
    add, exp, multiply = recording.lines
    assert add.args[0] is recording.inputs[0]
    np.testing.assert_array_equal(add.args[1].value, table)
    assert exp.args == add.results
    assert multiply.args == (*exp.results, 2)
    assert recording.returned == list(multiply.results)
    assert (multiply.result.shape, multiply.result.dtype) == ((3,), np.float64)


def test_what_an_owner_holds_is_named_and_stays_as_it_was():
    model = nn.MLP([2, 3, 1], rng=0)
    before = model.state_dict()
    recording = record(model, np.ones((4, 2), np.float32), owner=model)
    assert [path for path, _ in recording.held] == [path for path, _ in model.named_parameters()]
    assert recording.lines[0].args[1] is recording.held[0][1]
    assert {line.scope for line in recording.lines} == {"MLP.0", "MLP.1", "MLP.2"}
    for path, parameter in model.named_parameters():
        np.testing.assert_array_equal(parameter.data, before[path])
    assert type(model[0].weights.data) is np.ndarray


def test_primitives_can_stay_whole():
    @primitive
    def twice(x):
        return x + x

    assert names(record(twice, np.ones(2))) == ["add"]
    recording = record(twice, np.ones(2), whole={twice})
    assert [line.function for line in recording.lines] == [twice]


def test_an_error_leaves_the_owner_as_it_was():
    model = nn.Linear(2, 1, rng=0)

    def fails(x):
        model(x)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        record(fails, np.ones((3, 2), np.float32), owner=model)
    assert type(model.weights.data) is np.ndarray


def test_checks_that_only_raise_are_left_out_and_decisions_refused():
    def checks(x):
        return devices.checked(x, x >= 0, "negative") * 2

    assert "multiply" in names(record(checks, np.ones(2)))
    with pytest.raises(CompileError, match=r"what decides computes depends on the values of its arguments"):
        record(decides, np.ones(2))
    with pytest.raises(CompileError, match="needs to know the values"):
        record(lambda x: x if x[0] > 0 else -x, np.ones(2))


def decides(x):
    return x if everywhere(x > 0) else -x


def test_nothing_is_recorded_for_a_backward():
    w = Tensor([1.0, 2.0], requires_grad=True)
    recording = record(lambda x: x * w, np.ones(2))
    assert names(recording) == ["multiply"]
    assert w.grad is None
