"""Each example call of the registry, compiled: values, gradients and second derivatives have the bits of eager code."""

import warnings

import numpy as np
import pytest

from autograd_mini import grad, value_and_grad, vjp
from tests.autograd_mini.batching.test_every_call import CALLS
from tests.autograd_mini.batching.ways import EXAMPLES, cast, other_operands
from tests.autograd_mini.compiling.same import fault

COUNT = 5  # of the calls: two are recorded, one is a rehearsal
# Of LAPACK, the bits of whose results depend on where its operands lie in memory.
MEMORY = {("second order", complex, "second_cofactors-(1, 3, 3)-(1, 3, 3)")}


def total(x):
    return np.sum(np.real(x) - 2 * np.imag(x)) if np.iscomplexobj(x) else np.sum(x)


def values(f, _count, _seed):
    return f


def gradients(f, count, _seed):
    return value_and_grad(lambda *args: total(f(*args)), argnums=tuple(range(count)))


def second_order(f, count, seed):
    """The gradient of the squares of the cotangents."""

    def squares(*args):
        out, pull = vjp(f, *args)
        return sum((total(np.square(part)) for part in pull(seed.astype(out.dtype))), 0.0)

    return grad(squares, argnums=tuple(range(count)))


WAYS = {"values": values, "gradients": gradients, "second order": second_order}


def faults(way, calls, dtype=float):
    """Of each call that is not eager's to the bit, or has no program: how; and how many calls were tried."""
    found, tried = {}, 0
    for call in calls:
        fixed, wanted = [np.asarray(a) for a in cast(call.draw(), dtype)], call.differentiable
        many = [[np.asarray(a) for a in cast(other_operands(call, k), dtype)] for k in range(EXAMPLES)]
        if (way, dtype, str(call)) in MEMORY:
            continue
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                seed = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(call(*fixed)))
                f = WAYS[way](call.by(wanted, fixed), len(wanted), seed)
                f(*(fixed[i] for i in wanted))
            except (TypeError, ValueError):  # it is no function of such numbers
                continue
        tried += 1
        given = [[many[k % EXAMPLES][i] for i in wanted] for k in range(COUNT)]
        try:
            wrong = fault(f, given)
        except Exception as error:  # noqa: BLE001 (so that the report names all such calls)
            wrong = "" if fails(f, given) else repr(error)
        if wrong:
            found[str(call)] = wrong
    return found, tried


def fails(f, calls):
    """Whether eager code fails, too."""
    try:
        for args in calls:
            f(*args)
    except (TypeError, ValueError):
        return True
    return False


@pytest.mark.parametrize(("way", "step"), [("values", 1), ("gradients", 2), ("second order", 8)])
def test_calls_have_the_bits_of_eager_code_and_a_program(way, step):
    found, tried = faults(way, CALLS[::step])
    assert found == {}
    assert tried > len(CALLS) / step * 0.99


@pytest.mark.heavy
@pytest.mark.parametrize("way", ["gradients", "second order"])
def test_all_calls_have_the_bits_of_eager_code_and_a_program(way):
    assert faults(way, CALLS)[0] == {}


@pytest.mark.heavy
@pytest.mark.parametrize("dtype", [np.float32, np.float16, complex])
@pytest.mark.parametrize("way", WAYS)
def test_other_precisions_and_complex_numbers(way, dtype):
    found, tried = faults(way, CALLS[1::2], dtype)
    assert {name: wrong for name, wrong in found.items() if not wrong.startswith("no program ran")} == {}
    assert len(found) <= 3  # those that meet NaN go other ways
    assert tried > len(CALLS[1::2]) * 0.7
