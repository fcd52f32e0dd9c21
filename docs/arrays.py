"""Write the table of docs/arrays.md, `python -m docs.arrays`: which rules are right on which arrays.

Every example call of every rule of NumPy's functions and of `nn` is computed on the arrays of each library, with its
first and second derivatives, and compared with NumPy's. PyTorch must be installed; CuPy is the tests' stand-in,
which takes the arguments that CuPy's functions take and no others.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_mini import Tensor, devices, vjp
from tests.autograd_mini.devices import stand_in, test_rules_on_dask
from tests.autograd_mini.rules.test_rules import CALLS

FILE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- rules -->", "<!-- end -->"
LIBRARIES = {"PyTorch": "torch:cpu", "CuPy": "cupy:0", "Dask": "dask"}
EITHER_SIGN = {"singular"}  # singular vectors, which have no sign of their own


class Outcome(NamedTuple):
    """What became of a call: right, or refused, and with which words."""

    call: Any
    refusal: str


def computed(call: Any, operands: list[Any], cotangent: Any, device: str) -> list[Any]:
    """The result, its derivatives, and those of the sum of these, where they are."""

    def on(array: Any) -> Tensor:
        return Tensor(devices.to_device(array, device), requires_grad=array.dtype.kind in "fc")

    tensors, seed = [on(operand) for operand in operands], on(cotangent)
    wanted = call.differentiable
    out = call(*tensors)
    parts = vjp(call.by(wanted, tensors), *(tensors[i] for i in wanted))[1](seed)
    total: Any = sum((np.sum(np.real(part)) for part in parts), start=0.0)
    if getattr(total, "requires_grad", False):
        total.backward()
    return [out.data, *(part.data for part in parts), *(tensor.grad for tensor in (*tensors, seed))]


def difference(call: Any, device: str) -> str:
    """Nothing, if a call is right on a device; the error, if it is refused.

    Raises
    ------
    AssertionError
        If it gives other numbers than on the host, or numbers elsewhere.
    """
    operands = call.draw()
    cotangent = call.cotangent(operands)
    wanted = computed(call, operands, cotangent, "cpu")
    try:
        found = computed(call, operands, cotangent, device)
    except TypeError as error:
        if device in str(error):
            return str(error)
        raise
    assert [part is None for part in found] == [part is None for part in wanted], call
    for ours, numpys in zip(found, wanted, strict=True):
        if numpys is not None:
            assert devices.device_of(ours) == device, call
            assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype), call
            if call.primitive.name not in EITHER_SIGN:
                np.testing.assert_allclose(devices.to_host(ours), numpys, rtol=1e-9, atol=1e-10, err_msg=str(call))
    return ""


def calls() -> list[Any]:
    """The example calls, but for those that bring an array to a device."""
    return [call for call in CALLS if "device" not in call.case.options]


def topic(call: Any) -> str:
    """The module that a rule is written in."""
    primitive = call.primitive
    rule: Any = next((rule for rule in primitive.vjps if rule is not None), primitive.function)
    home = rule.__module__
    return home.removeprefix("autograd_mini.rules.") if home.startswith("autograd_mini") else "nn"


def lazy_difference(call: Any) -> str:
    """The same for Dask, where nothing may be computed before it is asked for."""
    fault = test_rules_on_dask.fault(call, float) or ""
    assert fault in {"", "refused"}, f"{call}: {fault}"
    return fault


def outcomes(device: str) -> list[Outcome]:
    """Those of all calls."""
    return [Outcome(call, lazy_difference(call) if device == "dask" else difference(call, device)) for call in calls()]


def table(found: dict[str, list[Outcome]]) -> Iterator[str]:
    """The lines of the table: topics with how many calls are right, and what is refused."""
    topics = sorted({topic(call) for call in calls()})
    yield "| rules of | calls | " + " | ".join(found) + " |"
    yield "| --- | ---: |" + " ---: |" * len(found)
    for name in topics:
        counts = [[not o.refusal for o in results if topic(o.call) == name] for results in found.values()]
        yield f"| {name} | {len(counts[0])} | " + " | ".join(str(sum(right)) for right in counts) + " |"
    sums = [sum(not o.refusal for o in results) for results in found.values()]
    total = len(calls())
    yield f"| **all** | {total} | " + " | ".join(f"{right} ({100 * right / total:.0f} %)" for right in sums) + " |"
    yield ""
    for library, results in found.items():
        names = sorted({o.call.primitive.name for o in results if o.refusal})
        yield f"Refused on {library}'s arrays, in some calls or all: " + ", ".join(f"`{n}`" for n in names) + "."
        yield ""


def measured() -> dict[str, list[Outcome]]:
    """The outcomes of all libraries."""
    with pytest.MonkeyPatch.context() as patch:
        stand_in.install(patch)
        return {library: outcomes(device) for library, device in LIBRARIES.items()}


def written(lines: Callable[[], Iterator[str]]) -> str:
    """The page with the table in its place."""
    before, _, rest = FILE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{chr(10).join(lines()).rstrip()}\n{END}{after}"


if __name__ == "__main__":
    found = measured()
    FILE.write_text(written(lambda: table(found)), encoding="utf-8")
