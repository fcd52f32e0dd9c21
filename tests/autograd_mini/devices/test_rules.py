"""Every rule on the arrays of other libraries, on every example call, to second order: right, or refused by name."""

import re

import numpy as np
import pytest

from autograd_mini import Tensor, devices
from docs import arrays
from tests.autograd_mini.devices.stand_in import asarray, package, waits  # noqa: F401 (a fixture of every test here)

DEVICES = [pytest.param("PyTorch", marks=pytest.mark.extra), "CuPy"]
LEAST = {"PyTorch": 0.90, "CuPy": 0.85, "Dask": 0.85}  # of all calls, that are right


def told(library):
    """The names of what is refused, as docs/arrays.md tells them, and the share of the calls that are right."""
    text = arrays.FILE.read_text(encoding="utf-8")
    names = re.search(rf"Refused on {library}'s arrays, in some calls or all: (.*)\.", text)[1]
    counts = re.search(r"\| \*\*all\*\* \| (\d+) \|(.*)\|", text)
    right = [int(part.split()[0]) for part in counts[2].split("|")]
    return set(re.findall(r"`(.*?)`", names)), right[list(arrays.LIBRARIES).index(library)] / int(counts[1])


@pytest.mark.parametrize("call", arrays.calls()[::2], ids=str)  # all of them below
def test_a_rule_gives_what_it_gives_on_numpy_or_is_refused_by_name(call):
    refusal = arrays.difference(call, arrays.LIBRARIES["CuPy"])
    if refusal:
        assert call.primitive.name in told("CuPy")[0]
        assert "to_device" in refusal


@pytest.mark.parametrize("library", arrays.LIBRARIES)
def test_most_calls_are_right(library):
    assert told(library)[1] >= LEAST[library]


@pytest.mark.heavy
@pytest.mark.parametrize("library", [*DEVICES, "Dask"])
def test_the_page_tells_what_is_measured(library, thorough):
    if library == "Dask" and not thorough:
        pytest.skip("takes minutes: all calls are computed lazily")
    found = arrays.outcomes(arrays.LIBRARIES[library])
    refused = {outcome.call.primitive.name for outcome in found if outcome.refusal}
    share = sum(not outcome.refusal for outcome in found) / len(found)
    assert told(library) == (refused, share), "stale: run `python -m docs.arrays`"


def test_a_users_array_stays_where_it_is():
    given = asarray([1.0, 2.0])
    tensor = Tensor(given, requires_grad=True)
    loss = np.sum(np.tanh(tensor) * 2)
    loss.backward()
    assert tensor.device == loss.device == devices.device_of(tensor.grad) == "cupy:0"
    assert not waits
    given.fill(0)
    assert tensor.to_device("cpu").data.tolist() == [1.0, 2.0]
    assert dict(waits) == {"get": 1}


def test_what_would_wait_in_secret_is_refused_and_what_is_asked_for_is_counted():
    tensor = Tensor(asarray([1.0, 2.0]))
    with pytest.raises(TypeError, match="without being asked for"):
        np.asarray(tensor.data)
    with pytest.raises(TypeError, match=r"x\.to_device"):
        tensor + np.ones(2)
    assert not waits
    assert float(np.sum(tensor)) == 3.0
    assert sum(waits.values()) == 1
