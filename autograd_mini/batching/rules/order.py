"""Batching rules of sorting and of reading along an axis in the order of other entries."""

import numpy as np

from autograd_mini.batching.batch import Batch, any_batched, batched, batching_rule, is_batched, padded, rules
from autograd_mini.batching.operands import along_axes, along_axis, inner_axis, ndim, of_some, one_or_all, values_of
from autograd_mini.rules import order

SKIPPING = np.nanquantile, np.nanpercentile

for function in (np.sort, np.argsort):
    rules[function] = along_axis(function)
for function in (np.partition, np.argpartition):
    rules[function] = along_axis(function, position=2)


@batching_rule(np.take_along_axis)
def take_along_axis(level, arr, indices, axis=-1):
    if axis is None:
        arr, axis = np.reshape(arr, (-1,)), 0
    place = inner_axis(axis, ndim(arr))
    return Batch(np.take_along_axis(values_of(arr, level), one_or_all(indices, level), place), level)


@batching_rule(order.add_along)
def add_along(level, values, indices, axis, length):
    places = values_of(indices, level)
    return Batch(order.add_along(values_of(values, level), places, inner_axis(axis, ndim(values)), length), level)


def permuting(function):
    """A rule for functions that move the entries along an axis; the permutations of all examples are stacked."""

    def rule(level, a, order, axis):
        return Batch(function(values_of(a, level), values_of(order, level), inner_axis(axis, ndim(a))), level)

    return rule


def quantile(function):
    """A rule for quantiles, whose axis comes first in the result."""

    def rule(level, a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, weights=None):
        if not is_batched(a, level) or any_batched(q, weights) or out is not None:
            return NotImplemented
        if weights is not None and function in SKIPPING:  # NumPy knows them there for one line alone
            return NotImplemented
        options = {"method": method, "keepdims": keepdims} | ({} if weights is None else {"weights": weights})
        several = np.ndim(q) > 1
        found = function(a.values, np.ravel(q) if several else q, axis=inner_axis(axis, a.ndim), **options)
        found = np.moveaxis(found, 0, 1) if np.ndim(q) else found
        shape = (level.size, *np.shape(q), *found.shape[2:])
        return Batch(np.reshape(found, shape) if several else found, level)

    return rule


for function in (np.quantile, np.percentile, *SKIPPING):
    rules[function] = of_some(quantile(function))
for function in (np.median, np.nanmedian):
    rules[function] = of_some(along_axes(function))


@batching_rule(order.ranks)
def ranks(level, count, axes, *options):
    if any_batched(options):
        return NotImplemented
    return batched(order.ranks(count.values, axes + 1, *options), level)


def through_ranks(function):
    """A rule for what brings cotangents to the entries at some ranks, and back."""

    def rule(level, given, a, near, lower, upper, part, known):
        arrays = [values_of(x, level) for x in (given, a, near)]
        places = [padded(x, ndim(a), level) for x in (lower, upper, part)]
        return Batch(function(*arrays, *places, padded(known, ndim(a) - 1, level)), level)

    return rule


for function in (order.to_entries, order.from_entries):
    rules[function] = through_ranks(function)
for function in (order.permute, order.unpermute):
    rules[function] = permuting(function)
