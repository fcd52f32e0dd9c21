"""Each example call of the registry under a vmap in four ways, and the same by a loop over the examples.

A way makes of a call a function of one example, and the arguments of many.
"""

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


def cast(operands, dtype):
    """The operands with their numbers in a dtype; complex ones get imaginary parts."""

    def one(x):
        if x.dtype != float:
            return x
        turn = 0.3j * np.cos(np.arange(x.size)).reshape(x.shape) if np.dtype(dtype).kind == "c" else 0
        return (x + turn).astype(dtype)

    return [one(np.asarray(x)) for x in operands]


def at(call, positions, operands, values):
    """The operands with others at some positions."""
    operands = list(operands)
    for position, value in zip(positions, values, strict=True):
        operands[position] = value
    return operands


def stacked(columns):
    return [np.stack(column) for column in zip(*columns, strict=True)]


def cotangents(call, count, dtype):
    """Many cotangents of one result."""
    operands = cast(call.draw(), dtype)
    wanted = call.differentiable
    out, pull = vjp(call.by(wanted, operands), *(operands[i] for i in wanted))
    seeds = np.random.default_rng(1).uniform(0.5, 1.5, (count, *out.shape)).astype(out.dtype)
    return pull, [seeds]


def operands_of(call, moved, count, dtype):
    """A value and its cotangents, with the operands at `moved` other ones in each example."""
    fixed, wanted = cast(call.draw(), dtype), call.differentiable
    seed = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(call(*fixed)))

    def one(*values):
        operands = at(call, moved, fixed, values)
        out, pull = vjp(call.by(wanted, operands), *(operands[i] for i in wanted))
        return [out, *pull(seed.astype(out.dtype))]

    many = [cast(other_operands(call, number), dtype) for number in range(count)]
    return one, [np.stack([operands[i] for operands in many]) for i in moved]


def all_operands(call, count, dtype):
    return operands_of(call, call.differentiable, count, dtype)


def last_operand(call, count, dtype):
    return operands_of(call, call.differentiable[-1:], count, dtype)


def second_order(call, count, dtype):
    """The gradient of the squares of the cotangents."""
    fixed, wanted = cast(call.draw(), dtype), call.differentiable
    seed = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(call(*fixed)))

    def squares(*values):
        out, pull = vjp(call.by(wanted, at(call, wanted, fixed, values)), *values)
        return sum((np.sum(np.square(part)) for part in pull(seed.astype(out.dtype))), 0.0)

    def one(*values):
        return list(grad(squares, argnums=tuple(range(len(values))))(*values))

    many = [cast(other_operands(call, number), dtype) for number in range(count)]
    return one, [np.stack([operands[i] for operands in many]) for i in wanted]


WAYS = {
    "cotangents": cotangents,
    "all operands": all_operands,
    "last operand": last_operand,
    "second order": second_order,
}


def looped(f, batches):
    """The results of a loop over the examples."""
    return stacked([f(*(batch[i] for batch in batches)) for i in range(len(batches[0]))])


def both(way, call, dtype=float):
    """What the vmap gives, and what the loop gives."""
    f, batches = WAYS[way](call, EXAMPLES, dtype)
    return vmap(f)(*batches), looped(f, batches)


def nested(way, call):
    """The same of two rows of the examples, the other way round in the second, by a vmap inside of another."""
    f, batches = WAYS[way](call, EXAMPLES, float)
    rows = [np.stack([batch, batch[::-1]]) for batch in batches]
    return vmap(vmap(f))(*rows), [np.stack([part, part[::-1]]) for part in looped(f, batches)]


def of_none(way, call):
    """The same of no examples, for which a loop has nothing to look at: the shapes and dtypes are those of one."""
    f, batches = WAYS[way](call, 1, float)
    return vmap(f)(*(batch[:0] for batch in batches)), [part[:0] for part in looped(f, batches)]
