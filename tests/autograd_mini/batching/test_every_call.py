"""Each example call of the registry inside a vmap: it gives what a loop over the examples gives, and seldom is one."""

import warnings

import numpy as np
import pytest

from autograd_mini import loops, vmap
from tests.autograd_mini.batching.ways import EXAMPLES, WAYS, both, looped, nested, of_none
from tests.autograd_mini.rules import test_rules
from tests.autograd_mini.scipy import registered

CALLS = [call for call in test_rules.CALLS if call.function not in registered.NAMES] + registered.CALLS
SHARE = {"cotangents": 0.01, "all operands": 0.02, "last operand": 0.03, "second order": 0.02}
SAMPLE = 10  # of the calls, one in so many is tried where all would take long
# Results whose shape depends on values, which examples that are none do not have.
NO_SHAPE = {"np.polydiv"}

every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(autouse=True)
def _quiet():
    """Warnings are what the functions give outside of a vmap, too."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def calls_of(way, thorough, start=0):
    """The calls that a way is for, or a part of them."""
    calls = [call for call in CALLS if way != "last operand" or len(call.differentiable) > 1]
    return calls if thorough else calls[start::SAMPLE]


def difference(found, wanted, tolerance):
    """What is wrong about the results; None if nothing is."""
    for got, want in zip(found, wanted, strict=True):
        if type(got) is not np.ndarray or (got.shape, got.dtype) != (want.shape, want.dtype):
            return f"{type(got)} {got.shape} {got.dtype} instead of {want.shape} {want.dtype}"
        error = np.max(np.abs(got - want) / np.maximum(1, np.abs(want)), initial=0)
        if not error <= tolerance:
            return f"differs by {error}"
    return None


def faults(calls, results, tolerance):
    """Of each call whose results are wrong: how."""
    found = {}
    for call in calls:
        try:
            fault = difference(*results(call), tolerance)
        except Exception as error:  # noqa: BLE001 (so that the report names all such calls)
            fault = repr(error)
        if fault is not None:
            found[str(call)] = fault
    return found


@every_way
def test_a_vmap_gives_what_a_loop_gives_and_seldom_is_one(way):
    by_loop = {}
    calls = calls_of(way, thorough=True)

    def results(call):
        with loops() as seen:
            pair = both(way, call)
        if seen:
            by_loop[str(call)] = dict(seen)
        return pair

    assert faults(calls, results, 1e-13) == {}
    assert len(by_loop) <= SHARE[way] * len(calls), by_loop


@every_way
def test_a_vmap_inside_of_a_vmap(way, thorough):
    assert faults(calls_of(way, thorough, 1), lambda call: nested(way, call), 1e-13) == {}


@every_way
def test_no_examples(way, thorough):
    calls = [call for call in calls_of(way, thorough, 2) if call.primitive.name not in NO_SHAPE]
    assert faults(calls, lambda call: of_none(way, call), 0) == {}


def test_examples_that_are_numbers():
    """Of SciPy's functions that go entry by entry, and of tuples among their options."""

    def numbers(call):
        one = [np.ravel(operand)[:1] for operand in call.draw()]
        options = {k: np.ravel(v)[0] if getattr(v, "ndim", 0) else v for k, v in call.case.options.items()}
        f = lambda *operands: call.function(*operands, **options)
        return [vmap(f)(*one)], [np.stack([f(*(operand[0] for operand in one))])]

    calls = [call for call in registered.CALLS if call.primitive.broadcasts and all(map(np.prod, call.case.shapes))]
    assert faults(calls, numbers, 1e-13) == {}


@every_way
def test_float32_stays_float32(way, thorough):
    assert faults(calls_of(way, thorough, 3), lambda call: both(way, call, np.float32), 1e-4) == {}


@pytest.mark.parametrize("way", ["cotangents", "all operands", "last operand"])
def test_complex_numbers(way, thorough):
    tried = []

    def results(call):
        try:
            f, batches = WAYS[way](call, EXAMPLES, complex)
            wanted = looped(f, batches)
        except (TypeError, ValueError):  # it is no function of complex numbers
            return (), ()
        tried.append(call)
        return vmap(f)(*batches), wanted

    calls = calls_of(way, thorough, 4)
    assert faults(calls, results, 1e-12) == {}
    assert len(tried) > len(calls) / 2
