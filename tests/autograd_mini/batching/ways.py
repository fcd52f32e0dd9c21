"""Each example call of the registry under a vmap in four ways, and the same by a loop over the examples."""

import zlib

import numpy as np

from autograd_mini import grad, vjp, vmap
from autograd_mini.testing import check_derivatives  # noqa: F401 (registers what has rules of its own)
from tests.autograd_mini.rules import test_rules

EXAMPLES = 3


def other_operands(call, number):
    """Valid operands of a call, other ones for each number."""

    class Seeds:
        crc32 = staticmethod(lambda text: zlib.crc32(text) + number)

    before, test_rules.zlib = test_rules.zlib, Seeds
    try:
        return call.draw()
    finally:
        test_rules.zlib = before


def at(call, positions, operands, values):
    """The operands with others at some positions."""
    operands = list(operands)
    for position, value in zip(positions, values, strict=True):
        operands[position] = value
    return operands


def stacked(columns):
    return [np.stack(column) for column in zip(*columns, strict=True)]


def cotangents(call):
    """Many cotangents of one result."""
    operands = call.draw()
    wanted = call.differentiable
    out, pull = vjp(call.by(wanted, operands), *(operands[i] for i in wanted))
    seeds = np.random.default_rng(1).uniform(0.5, 1.5, (EXAMPLES, *out.shape)).astype(out.dtype)
    return pull, [seeds]


def operands_of(call, moved):
    """A value and its cotangents, with the operands at `moved` other ones in each example."""
    fixed, wanted = call.draw(), call.differentiable
    seed = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(call(*fixed)))

    def one(*values):
        operands = at(call, moved, fixed, values)
        out, pull = vjp(call.by(wanted, operands), *(operands[i] for i in wanted))
        return [out, *pull(seed.astype(out.dtype))]

    many = [other_operands(call, number) for number in range(EXAMPLES)]
    return one, [np.stack([operands[i] for operands in many]) for i in moved]


def all_operands(call):
    return operands_of(call, call.differentiable)


def last_operand(call):
    return operands_of(call, call.differentiable[-1:])


def second_order(call):
    """The gradient of the squares of the cotangents."""
    fixed, wanted = call.draw(), call.differentiable
    seed = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(call(*fixed)))

    def squares(*values):
        out, pull = vjp(call.by(wanted, at(call, wanted, fixed, values)), *values)
        return sum((np.sum(np.square(part)) for part in pull(seed.astype(out.dtype))), 0.0)

    def one(*values):
        return list(grad(squares, argnums=tuple(range(len(values))))(*values))

    many = [other_operands(call, number) for number in range(EXAMPLES)]
    return one, [np.stack([operands[i] for operands in many]) for i in wanted]


WAYS = {
    "cotangents": cotangents,
    "all operands": all_operands,
    "last operand": last_operand,
    "second order": second_order,
}


def both(way, call):
    """What the vmap gives, and what the loop gives."""
    f, batches = WAYS[way](call)
    want = stacked([f(*(batch[i] for batch in batches)) for i in range(EXAMPLES)])
    return vmap(f)(*batches), want
