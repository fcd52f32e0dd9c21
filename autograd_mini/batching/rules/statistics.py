"""Batching rules of what statistics are made of."""

import numpy as np

from autograd_mini.batching.batch import Batch, any_batched, batching_rule
from autograd_mini.batching.operands import stack_wise
from autograd_mini.rules import statistics

batching_rule(statistics.clipped)(stack_wise(statistics.clipped))


@batching_rule(statistics.binned)
def binned(level, weights, x, minlength=0, dtype=None):
    if any_batched(x, minlength):  # the examples may have different numbers of bins
        return NotImplemented
    count = max(minlength, np.max(x, initial=-1) + 1)
    places = np.ravel(x + count * np.arange(level.size)[:, None])  # the bins of all examples behind each other
    total = statistics.binned(np.reshape(weights.values, (-1,)), places, level.size * count, dtype)
    return Batch(np.reshape(total, (level.size, count)), level)
