"""Batching rules of ranges between two values, which differ among the examples; the range is one more axis."""

import numpy as np

from autograd_mini.batching.batch import Batch, aligned, any_batched, rules
from autograd_mini.batching.operands import aligned_wise, inner_axis, ndim
from autograd_mini.rules import ranges


def between(function):
    """A rule for ranges."""

    def rule(level, start, stop, *, axis=0, **options):
        if any_batched(options):
            return NotImplemented
        axes = max(ndim(start), ndim(stop)) + 1
        return Batch(function(*aligned((start, stop), level), axis=inner_axis(axis, axes), **options), level)

    return rule


def like(x):
    """A number of the same dtype."""
    return np.zeros((), x.dtype) if isinstance(x, Batch) else x


rules[ranges.even], rules[ranges.geometric] = between(ranges.even), between(ranges.geometric)
rules[ranges.step] = aligned_wise(ranges.step)
rules[ranges.geometric_dtype] = lambda _level, start, stop, dtype: ranges.geometric_dtype(
    like(start), like(stop), dtype
)
