"""In and out of a vmap, on the graph too: an array whose axis counts the examples as a batch, and back.

The adjoint of entering is leaving; of a value that is the same for all examples, the sum over them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.batching.batch import Batch, Level, is_batched, rules
from autograd_mini.batching.operands import values_of
from autograd_mini.levels import recording, without
from autograd_mini.primitive import own_functions, primitive, primitives, rule
from autograd_mini.tensor import Tensor, apply


class Vmap(Level):
    """One call of `vmap`."""

    __slots__ = ()

    def summed(self, part: Any) -> Any:
        """The sum of a cotangent over the examples."""
        return apply(SUMMED, part, level=self) if isinstance(part, Tensor) else sum_over_vmap(part, self)


def is_younger(x: Any, level: Level) -> bool:
    """Whether a value is a batch of a vmap that began later, which has to stay around the other."""
    return type(x) is Batch and x.level.index > level.index


def behind(axis: int) -> int:
    """The same axis behind one for the examples of another vmap."""
    return axis if axis < 0 else axis + 1


@primitive
def into_vmap(a: Any, level: Level, axis: int) -> Any:
    """An array of which `axis` counts the examples, as a batch."""
    if is_younger(a, level):  # seeds of a batched backward that comes to a vmap which has ended
        return Batch(into_vmap(a.values, level, behind(axis)), a.level)
    return Batch(np.moveaxis(a, axis, 0) if axis else a, level)


@primitive
def out_of_vmap(a: Any, level: Level, axis: int) -> Any:
    """A batch as an array with an axis for the examples; what is the same for all of them is repeated."""
    if is_younger(a, level):
        return Batch(out_of_vmap(a.values, level, behind(axis)), a.level)
    out = values_of(a, level)
    return out if axis in (0, -out.ndim) else np.moveaxis(out, 0, axis)


@primitive
def sum_over_vmap(a: Any, level: Level) -> Any:
    """The sum over the examples; of what is the same for all of them, their number times it."""
    if is_younger(a, level):
        return Batch(sum_over_vmap(a.values, level), a.level)
    return np.sum(a.values, 0) if is_batched(a, level) else a * level.size


def as_it_is(function: Any) -> Any:
    """A batching rule for a function that knows batches itself."""
    compute = own_functions[function]
    return lambda _level, *args, **options: compute(*args, **options)


for function in (into_vmap, out_of_vmap, sum_over_vmap):
    rules[function] = as_it_is(function)


def back_into_vmap(g: Any, _out: Any, _a: Any, level: Level, axis: int) -> Any:
    """The adjoint of `out_of_vmap`: entering, or a sum, for a value that was made outside and returned from inside."""
    return enter(g, level, axis) if level in _a.levels else np.sum(g, axis)


rule(into_vmap, lambda g, _out, _a, level, axis: leave(g, level, axis), pole=False)
rule(out_of_vmap, back_into_vmap, pole=False)
rule(sum_over_vmap, lambda g, _out, _a, level: g, pole=False)  # noqa: ARG005
ENTERED, LEFT, SUMMED = (primitives.pop(own) for own in (into_vmap, out_of_vmap, sum_over_vmap))  # no user calls them


def enter(x: Any, level: Level, axis: int) -> Any:
    """An array as a batch, or a tensor as a tensor of one."""
    if not isinstance(x, Tensor):
        return into_vmap(x if hasattr(x, "ndim") else np.asarray(x), level, axis)
    with recording((*without(level), level)):
        return apply(ENTERED, x, level=level, axis=axis)


def leave(x: Any, level: Level, axis: int) -> Any:
    """The other way."""
    if not isinstance(x, Tensor):
        return out_of_vmap(x, level, axis)
    with recording(without(level)):
        return apply(LEFT, x, level=level, axis=axis)
