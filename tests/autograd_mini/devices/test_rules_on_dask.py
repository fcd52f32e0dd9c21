"""Every rule on Dask's arrays, on every example call, to second order: lazily right, or refused by name; nothing is
computed before it is asked for."""

import warnings

import dask
import dask.array
import numpy as np
import pytest

from autograd_mini import grad, vjp
from autograd_mini.devices.dask import DaskArray, NotComputedError
from tests.autograd_mini.rules.test_rules import CALLS

SAMPLE = 24  # of the calls, one in so many is tried where all would take long
REFUSED = 0.2  # the share of the calls that may be


def refuse(*_args, **_options):
    raise AssertionError("computed without being asked for")


def lazy(array):
    """An array in chunks along each axis."""
    return dask.array.from_array(array, chunks=tuple(max(1, (n + 1) // 2) for n in array.shape))


def derivatives(call, convert, dtype):
    """The result, its derivatives, and the gradient of the squares of these."""
    operands = [np.asarray(x, dtype) if x.dtype == float else x for x in call.draw()]
    seed, wanted = convert(call.cotangent(operands)), call.differentiable
    operands = list(map(convert, operands))
    given = [operands[i] for i in wanted]
    out, pull = vjp(call.by(wanted, operands), *given)

    def squares(*values):
        _, pull = vjp(call.by(wanted, operands), *values)
        return sum((np.sum(np.square(part)) for part in pull(seed)), 0.0)

    return [out, *pull(seed), *grad(squares, argnums=tuple(range(len(wanted))))(*given)]


def fault(call, dtype):
    """What is wrong about a call; None if nothing is, "refused" if it is refused."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = derivatives(call, np.asarray, dtype)
        with dask.config.set(scheduler=refuse):
            warnings.simplefilter("error", FutureWarning)  # Dask's, when it computes what it has no function for
            try:
                parts = derivatives(call, lazy, dtype)
            except NotComputedError as error:
                return "refused" if "`" in str(error) else str(error)  # with what to write
        for part, want in zip(parts, wanted, strict=True):
            if not isinstance(part, DaskArray):
                return f"a {type(part).__name__}"
            found, tolerance = part.compute(scheduler="sync"), 1e-9 if dtype is float else 2e-3
            if (part.shape, part.dtype, found.shape, found.dtype) != (want.shape, want.dtype) * 2:
                return f"{part} that is {found.shape} {found.dtype} instead of {want.shape} {want.dtype}"
            if not np.allclose(found, want, rtol=tolerance, atol=tolerance, equal_nan=True):
                return f"differs by {np.max(np.abs(found - want))}"
    return None


@pytest.mark.parametrize("dtype", [float, pytest.param(np.float32, marks=pytest.mark.heavy)])
def test_a_call_is_lazily_right_or_refused_by_name(dtype, thorough):
    calls = [call for call in CALLS if "device" not in call.case.options]
    calls = calls if thorough else calls[dtype is float :: SAMPLE]
    faults = {}
    for call in calls:
        try:
            found = fault(call, dtype)
        except Exception as error:  # noqa: BLE001 (so that the report names all such calls)
            found = repr(error)
        if found is not None:
            faults[str(call)] = found
    refused = [name for name, found in faults.items() if found == "refused"]
    assert {name: found for name, found in faults.items() if name not in refused} == {}
    assert len(refused) <= REFUSED * len(calls), refused
