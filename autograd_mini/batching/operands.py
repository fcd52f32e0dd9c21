"""What batching rules ask of their operands: the values of all examples, and where an example's axes are in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.batching.batch import Batch, Level, aligned, any_batched, batched, is_batched, padded

SEVERAL = (tuple, list, range)
Axes = Any  # a number, a tuple of them, or None


def ndim(x: Any) -> int:
    """How many axes one example of `x` has."""
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


def values_of(x: Any, level: Level) -> Any:
    """For writers of batching rules: the values of all examples.

    What is the same for all of them is repeated, which takes no memory.

    Parameters
    ----------
    x : Batch, array or number
        An argument of the rule.
    level : Level
        The vmap, the rule's first argument.

    Returns
    -------
    array
        With an axis for the examples in front of the axes of one.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Batch, batching_rule, primitive, values_of, vmap
    >>> @primitive
    ... def distance(a, b):
    ...     return abs(a - b).max()
    >>> @batching_rule(distance)
    ... def _(level, a, b):
    ...     return Batch(np.max(np.abs(values_of(a, level) - values_of(b, level)), axis=1), level)
    >>> vmap(lambda a: distance(a, np.array([1.0, 1.0])))(np.arange(6.0).reshape(3, 2))
    array([1., 2., 4.])
    """
    if is_batched(x, level):
        return x.values
    x = x if hasattr(x, "ndim") else np.asarray(x)
    return np.broadcast_to(x, (level.size, *x.shape))


def one_or_all(x: Any, level: Level) -> Any:
    """The values of all examples; of what is the same for all of them, one, along an axis of length 1."""
    if is_batched(x, level):
        return x.values
    return (x if hasattr(x, "ndim") else np.asarray(x))[None]


def inner_axis(axis: Axes, axes: int) -> Axes:
    """The place in the values of an example's axis, or of several; None means all of the `axes` that it has."""
    if axis is None:
        return 1 if axes == 1 else tuple(range(1, axes + 1))
    if isinstance(axis, SEVERAL):
        return tuple(inner_axis(i, axes) for i in axis) if axes else ()
    axis = int(axis)
    if not axes and axis in (0, -1):
        return ()
    if not -axes <= axis < axes:
        raise np.exceptions.AxisError(axis, axes)
    return axis + 1 if axis >= 0 else axis + axes + 1


def lengths(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple."""
    return tuple(map(int, shape)) if isinstance(shape, tuple) or np.ndim(shape) else (int(shape),)


def flattened(x: Any, level: Level) -> Any:
    """The values with each example as one line."""
    return np.reshape(x.values, (level.size, x.size))


def stack_wise(function: Any) -> Callable[..., Any]:
    """A rule for functions of one operand that go through stacks: of matrices, or entry by entry."""

    def rule(level: Level, a: Any, *args: Any, **options: Any) -> Any:
        if any_batched(args, options):
            return NotImplemented
        return batched(function(a.values, *args, **options), level)

    return rule


def aligned_wise(function: Any) -> Callable[..., Any]:
    """A rule for functions of operands, and of options that are arrays, that broadcast with each other."""

    def rule(level: Level, *operands: Any, **options: Any) -> Any:
        if not options:
            return batched(function(*aligned(operands, level)), level)
        arrays = {name: option for name, option in options.items() if hasattr(option, "dtype")}
        given, count = aligned((*operands, *arrays.values()), level), len(operands)
        options.update(zip(arrays, given[count:], strict=True))
        return batched(function(*given[:count], **options), level)

    return rule


def along_axes(function: Any) -> Callable[..., Any]:
    """A rule for functions that reduce along axes."""

    def rule(level: Level, a: Any, axis: Axes = None, *args: Any, **options: Any) -> Any:
        where = options.pop("where", None)
        if not is_batched(a, level) or any_batched(args, options, axis):
            return NotImplemented
        if where is not None and where is not True:
            options["where"] = padded(where, a.ndim, level)
        return Batch(function(a.values, inner_axis(axis, a.ndim), *args, **options), level)

    return rule


def along_axis(function: Any, position: int = 1, default: Axes = -1) -> Callable[..., Any]:
    """A rule for functions along one axis, the argument at `position`; along None they read one line."""

    def rule(level: Level, a: Any, *args: Any, **options: Any) -> Any:
        if not is_batched(a, level) or any_batched(args, options):
            return NotImplemented
        rest = list(args)
        by_position = len(rest) >= position
        axis = rest[position - 1] if by_position else options.get("axis", default)
        line = axis is None or not a.ndim
        place = 1 if line else inner_axis(axis, a.ndim)
        if by_position:
            rest[position - 1] = place
        else:
            options["axis"] = place
        return batched(function(flattened(a, level) if line else a.values, *rest, **options), level)

    return rule


def of_some(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule of a function that knows no empty stacks: without examples, the loop finds the shape of its result."""
    return lambda level, *args, **options: rule(level, *args, **options) if level.size else NotImplemented


def rows_of(values: Any) -> Any:
    """All but the last axis as one."""
    return np.reshape(values, (math.prod(values.shape[:-1]), values.shape[-1]))
