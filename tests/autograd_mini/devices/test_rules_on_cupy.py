"""Every rule on arrays that are as strict as CuPy's, on every example call, to second order."""

import numpy as np
import pytest

from autograd_mini import Tensor, devices
from tests.autograd_mini.devices.stand_in import StandIn, asarray, waits
from tests.autograd_mini.devices.test_rules_on_torch import computed
from tests.autograd_mini.rules.test_rules import CALLS

DEVICE = "cupy:0"
# Polynomials of unknown degree, running extremes, spaces between numbers, geometric sequences, quantiles with weights.
REFUSED = {"np.polydiv", "quotient", "running_maximum", "running_minimum", "np.spacing", "geometric"}
REFUSED |= {"np.nanquantile", "np.nanpercentile"}


def is_refused(call):
    return call.primitive.name in REFUSED or call.case.options.get("weights") is not None


@pytest.mark.parametrize("call", [call for call in CALLS if "device" not in call.case.options], ids=str)
def test_a_rule_gives_what_it_gives_on_numpy_or_is_refused_by_name(call, cupy):
    operands = call.draw()
    cotangent = call.cotangent(operands)
    if is_refused(call):
        with pytest.raises(TypeError, match=f"the device {DEVICE}"):
            computed(call, operands, cotangent, DEVICE)
        return
    wanted = computed(call, operands, cotangent, "cpu")
    found = computed(call, operands, cotangent, DEVICE)
    assert [part is None for part in found] == [part is None for part in wanted]
    for ours, numpys in zip(found, wanted, strict=True):
        if numpys is not None:
            assert type(ours.array) is StandIn
            assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)
            np.testing.assert_allclose(ours.array.memory, numpys, rtol=1e-9, atol=1e-10)


def test_more_than_85_calls_of_100_are_right():
    assert sum(map(is_refused, CALLS)) < 0.15 * len(CALLS)


def test_a_users_array_stays_where_it_is(cupy):
    given = asarray([1.0, 2.0])
    tensor = Tensor(given, requires_grad=True)
    loss = np.sum(np.tanh(tensor) * 2)
    loss.backward()
    assert tensor.device == loss.device == devices.device_of(tensor.grad) == DEVICE
    assert not waits
    given.fill(0)
    assert tensor.to_device("cpu").data.tolist() == [1.0, 2.0]
    assert dict(waits) == {"get": 1}


def test_what_would_wait_in_secret_is_refused_and_what_is_asked_for_is_counted(cupy):
    tensor = Tensor(asarray([1.0, 2.0]))
    with pytest.raises(TypeError, match="without being asked for"):
        np.asarray(tensor.data)
    with pytest.raises(TypeError, match=r"x\.to_device"):
        tensor + np.ones(2)
    assert not waits
    assert float(np.sum(tensor)) == 3.0
    assert sum(waits.values()) == 1
