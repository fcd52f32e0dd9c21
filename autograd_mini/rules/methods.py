"""What the methods of universal functions (`np.add.reduce`, `np.multiply.outer`, ...) mean in functions with rules."""

import functools
import itertools

import numpy as np

from autograd_mini.rules.indexing import add_at, getitem
from autograd_mini.rules.reductions import log_sum_exp, running_maximum, running_minimum

GIVEN = {"dtype": None, "initial": np._NoValue, "where": True}  # what need not be passed on


def along(function):
    """`ufunc.reduce` or `accumulate` by a function whose axis has another default."""

    def call(array, axis=0, **options):
        return function(array, axis=axis, **options)

    return call


def without_defaults(function):
    """`function`, with the options that say nothing left out."""

    def call(*inputs, **options):
        return function(*inputs, **{k: v for k, v in options.items() if k not in GIVEN or v is not GIVEN[k]})

    return call


def parts(array, axis):
    """The slices at each place along an axis."""
    return [array[(*[slice(None)] * (axis % array.ndim), i)] for i in range(array.shape[axis])]


def fold(ufunc, array, axis=0, keepdims=False, initial=None):
    """`ufunc.reduce` of any function of two arguments, along one axis from left to right."""
    if array.ndim == 1 and axis is None:
        axis = 0
    total = functools.reduce(ufunc, parts(array, axis) if initial is None else [initial, *parts(array, axis)])
    return np.expand_dims(total, axis) if keepdims else total


def running_fold(ufunc, array, axis=0):
    """`ufunc.accumulate` of any function of two arguments."""
    return np.stack(list(itertools.accumulate(parts(array, axis), ufunc)), axis=axis)


def segments(indices, length):
    """For `reduceat`: the entries of each segment, as a slice."""
    starts = np.ravel(indices).tolist()
    if any(not 0 <= start < length for start in starts):
        raise IndexError(f"reduceat got an index outside of 0 ... {length - 1}")
    return [slice(i, max(j, i + 1)) for i, j in zip(starts, [*starts[1:], length], strict=True)]


def folds_at(ufunc, array, indices, axis=0):
    """`ufunc.reduceat` of any function of two arguments."""
    before = [slice(None)] * (axis % array.ndim)
    pieces = [array[(*before, segment)] for segment in segments(indices, array.shape[axis])]
    return np.stack([method(ufunc, "reduce")(piece, axis=axis) for piece in pieces], axis=axis)


def sums_at(array, indices, axis=0):
    """`np.add.reduceat`: read the entries of all segments, then add up those of each."""
    before = (slice(None),) * (axis % array.ndim)
    runs = [np.arange(array.shape[axis])[segment] for segment in segments(indices, array.shape[axis])]
    numbers = np.repeat(np.arange(len(runs)), [run.size for run in runs])
    shape = tuple(len(runs) if i == len(before) else n for i, n in enumerate(array.shape))
    return add_at(getitem(array, index=(*before, np.concatenate(runs))), index=(*before, numbers), shape=shape)


def outer(ufunc, a, b, **options):
    """`ufunc.outer`: every pair of entries."""
    return ufunc(np.reshape(a, (*np.shape(a), *[1] * np.ndim(b))), b, **options)


methods = {
    (np.add, "reduce"): along(np.sum),
    (np.multiply, "reduce"): along(np.prod),
    (np.maximum, "reduce"): along(np.max),
    (np.minimum, "reduce"): along(np.min),
    (np.logaddexp, "reduce"): along(log_sum_exp),
    (np.add, "accumulate"): along(np.cumsum),
    (np.multiply, "accumulate"): along(np.cumprod),
    (np.maximum, "accumulate"): along(running_maximum),
    (np.minimum, "accumulate"): along(running_minimum),
    (np.add, "reduceat"): sums_at,
}
GENERIC = {"reduce": fold, "accumulate": running_fold, "reduceat": folds_at, "outer": outer}


def method(ufunc, name):
    """What computes `ufunc.name(...)` of tensors, or None where there is no such thing."""
    if (ufunc, name) in methods:
        return without_defaults(methods[ufunc, name])
    if name not in GENERIC or ufunc.nin != 2 or ufunc.signature is not None or (name != "outer" and ufunc.nout > 1):
        return None
    return without_defaults(functools.partial(GENERIC[name], ufunc))
