"""Every rule on PyTorch's tensors, on every example call, to second order: as on NumPy's arrays, or refused by name."""

import numpy as np
import pytest

from autograd_mini import Tensor, devices, vjp
from tests.autograd_mini.rules.test_rules import CALLS

DEVICE = "torch:cpu"
# PyTorch has no counterpart: polynomials of unknown degree, quantiles that jump from entry to entry or are weighted.
REFUSED = {"np.polydiv", "quotient", "np.roots", "characteristic"}
JUMPS = {"inverted_cdf", "averaged_inverted_cdf", "closest_observation"}
# A matrix has singular vectors of either sign, and PyTorch may choose the other one.
EITHER_SIGN = {"singular"}


@pytest.fixture(autouse=True)
def torch():
    return pytest.importorskip("torch")


def is_refused(call):
    options = call.case.options
    return call.primitive.name in REFUSED or options.get("method") in JUMPS or options.get("weights") is not None


def on(device, array):
    return Tensor(devices.to_device(array, device), requires_grad=array.dtype.kind in "fc")


def computed(call, operands, cotangent, device):
    """The result, its derivatives, and those of the sum of these, all that is there."""
    tensors, seed = [on(device, operand) for operand in operands], on(device, cotangent)
    wanted = call.differentiable
    out = call(*tensors)
    parts = vjp(call.by(wanted, tensors), *(tensors[i] for i in wanted))[1](seed)
    total = sum((np.sum(np.real(part)) for part in parts), start=0.0)
    if getattr(total, "requires_grad", False):
        total.backward()
    return [out.data, *(part.data for part in parts), *(tensor.grad for tensor in (*tensors, seed))]


@pytest.mark.extra
@pytest.mark.parametrize("call", [call for call in CALLS if "device" not in call.case.options], ids=str)
def test_a_rule_gives_what_it_gives_on_numpy_or_is_refused_by_name(call):
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
        if numpys is None:
            continue
        assert devices.device_of(ours) == DEVICE
        assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)
        if call.primitive.name not in EITHER_SIGN:
            np.testing.assert_allclose(devices.to_host(ours), numpys, rtol=1e-9, atol=1e-10)


@pytest.mark.extra
def test_at_least_nine_calls_of_ten_are_right():
    assert sum(map(is_refused, CALLS)) <= 0.1 * len(CALLS)
