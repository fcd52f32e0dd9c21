"""Batching rules of functions that reduce or accumulate along axes: each axis is one further in the values."""

import functools

import numpy as np

from autograd_mini.batching.batch import Batch, any_batched, batching_rule, is_batched, rules, spread
from autograd_mini.batching.operands import along_axes, along_axis, flattened, inner_axis, ndim, values_of
from autograd_mini.rules import linalg, reductions

REDUCTIONS = np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.any, np.all, np.std, np.var, np.ptp
REDUCTIONS += np.count_nonzero, np.nanmax, np.nanmin, np.nansum, np.nanprod, np.nanmean
for function in REDUCTIONS:
    rules[function] = along_axes(function)


def by_reduce(ufunc):
    """`ufunc.reduce`, by default along the first axis."""

    def rule(level, a, axis=0, *args, **options):
        if ufunc is np.logaddexp and not isinstance(axis, int):
            return NotImplemented
        return along_axes(ufunc.reduce)(level, a, axis, *args, **options)

    return rule


def by_accumulate(ufunc):
    """`ufunc.accumulate`, by default along the first axis."""

    def rule(level, a, axis=0, *args, **options):
        if not a.ndim or axis is None:
            return NotImplemented
        return along_axis(ufunc.accumulate, default=0)(level, a, axis, *args, **options)

    return rule


for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or, np.logaddexp):
    rules[ufunc, "reduce"] = by_reduce(ufunc)
for ufunc in (np.add, np.multiply, np.maximum, np.minimum):
    rules[ufunc, "accumulate"] = by_accumulate(ufunc)

for function in (np.cumsum, np.cumprod, np.argmax, np.argmin, np.nancumsum, np.nancumprod):
    rules[function] = along_axis(function, default=None)
for function in (reductions.running_maximum, reductions.running_minimum):
    rules[function] = along_axis(function, default=0)
for function in (reductions.undiff, reductions.slopes):
    rules[function] = along_axis(function)
rules[np.unwrap] = along_axis(np.unwrap, position=2)


def of_moments(function):
    """The variance and the deviation, of which what is None was not given."""

    def rule(level, a, **options):
        return along_axes(function)(level, a, **{key: value for key, value in options.items() if value is not None})

    return rule


rules[reductions.variance], rules[reductions.deviation] = of_moments(np.var), of_moments(np.std)


@batching_rule(reductions.log_sum_exp)
def log_sum_exp(level, a, axis=0, keepdims=False):
    return Batch(reductions.log_sum_exp(a.values, axis=inner_axis(axis, a.ndim), keepdims=keepdims), level)


@batching_rule(np.linalg.vector_norm)
def vector_norm(level, x, /, *, axis=None, keepdims=False, ord=2):
    if any_batched(ord):
        return NotImplemented
    if not x.ndim:
        return Batch(np.linalg.vector_norm(x.values[:, None], axis=1, ord=ord), level)
    norm = np.linalg.vector_norm(x.values, axis=inner_axis(axis, x.ndim), keepdims=keepdims, ord=ord)
    return Batch(norm, level)


@batching_rule(linalg.over_norm)
def over_norm(level, y, x, axis, order, size=None):
    if any_batched(order):
        return NotImplemented
    axes = ndim(x)
    y, x = (spread(values_of(part, level), axes) for part in (y, x))
    size = None if size is None else spread(values_of(size, level), axes)
    return Batch(linalg.over_norm(y, x, inner_axis(axis, axes), order, size), level)


rules[linalg.length] = lambda level, x: Batch(np.linalg.vector_norm(flattened(x, level), axis=1), level)
rules[reductions.later] = lambda level, a: Batch(reductions.later(a.values), level) if a.ndim else NotImplemented


@batching_rule(reductions.others)
def others(level, a, weight, total=None):
    total = None if total is None else values_of(total, level)
    return Batch(reductions.others(values_of(a, level), values_of(weight, level), total), level)


@batching_rule(np.diff)
def diff(level, a, n=1, axis=-1, **ends):
    if ends or not is_batched(a, level):
        return NotImplemented
    return Batch(np.diff(a.values, n, inner_axis(axis, a.ndim)), level)


@batching_rule(np.trace)
def trace(level, a, offset=0, axis1=0, axis2=1, dtype=None):
    axes = inner_axis(axis1, a.ndim), inner_axis(axis2, a.ndim)
    return Batch(np.trace(a.values, offset, *axes, dtype), level)


@batching_rule(reductions.on_diagonal)
def on_diagonal(level, g, shape, offset, axis1, axis2):
    axes = inner_axis(axis1, len(shape)), inner_axis(axis2, len(shape))
    return Batch(reductions.on_diagonal(g.values, (level.size, *shape), offset, *axes), level)


def with_flat_line(function, level, a, axis):
    """Functions of one line, which NumPy reads where no axis is given."""
    values, axis = (flattened(a, level), 1) if axis is None or not a.ndim else (a.values, inner_axis(axis, a.ndim))
    return Batch(function(values, axis=axis), level)


for function in (np.nanargmax, np.nanargmin):
    rules[function] = functools.partial(
        lambda f, level, a, axis=None, **options: NotImplemented if options else with_flat_line(f, level, a, axis),
        function,
    )
