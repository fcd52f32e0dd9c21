"""Batching rules of sorting and of reading along an axis in the order of other entries."""

import numpy as np

from autograd_mini.batching.batch import Batch, batching, rules
from autograd_mini.batching.operands import along_axis, full, inner_axis, ndim, one_or_all
from autograd_mini.rules import order

for function in (np.sort, np.argsort):
    rules[function] = along_axis(function)
for function in (np.partition, np.argpartition):
    rules[function] = along_axis(function, position=2)


@batching(np.take_along_axis)
def take_along_axis(level, arr, indices, axis=-1):
    if axis is None:
        arr, axis = np.reshape(arr, (-1,)), 0
    place = inner_axis(axis, ndim(arr))
    return Batch(np.take_along_axis(full(arr, level), one_or_all(indices, level), place), level)


@batching(order.add_along)
def add_along(level, values, indices, axis, length):
    places = full(indices, level)
    return Batch(order.add_along(full(values, level), places, inner_axis(axis, ndim(values)), length), level)


def permuting(function):
    """A rule for functions that move the entries along an axis; the permutations of all examples are stacked."""

    def rule(level, a, order, axis):
        return Batch(function(full(a, level), full(order, level), inner_axis(axis, ndim(a))), level)

    return rule


for function in (order.permute, order.unpermute):
    rules[function] = permuting(function)
