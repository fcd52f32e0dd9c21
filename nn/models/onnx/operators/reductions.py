"""Operators that make one number of many: sums, extremes and their places, and sums on the way."""

import functools

import numpy as np

from nn.models.onnx.operators.table import OPERATORS, ints, like, number


def reduction(function):
    """An operator of axes that are an attribute or an input; none stand for all of them, or for nothing to do."""

    def reduced(data, axes=None, keepdims=1, noop_with_empty_axes=0):
        axes = () if axes is None else ints(axes)
        if not axes and not noop_with_empty_axes:
            axes = None
        return like(function(data, axis=axes, keepdims=bool(keepdims)), data)

    return reduced


def log_sum_exp(x, axis, keepdims):
    """Shifted by the largest, so that no exponential overflows; the shift cancels, and so do its derivatives."""
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


def extreme(function, lowest):
    """The largest or smallest, which of nothing is the worst number that the dtype has."""

    def found(x, **options):
        if x.size:
            return function(x, **options)
        if x.dtype.kind == "f":
            worst = -np.inf if lowest else np.inf
        elif x.dtype.kind == "b":
            worst = not lowest
        else:
            worst = np.iinfo(x.dtype).min if lowest else np.iinfo(x.dtype).max
        return function(x, initial=worst, **options)

    return found


OPERATORS.update(
    ReduceL1=reduction(lambda x, **options: np.sum(np.abs(x), **options)),
    ReduceL2=reduction(lambda x, **options: np.sqrt(np.sum(np.square(x), **options))),
    ReduceLogSum=reduction(lambda x, **options: np.log(np.sum(x, **options))),
    ReduceLogSumExp=reduction(log_sum_exp),
    ReduceMax=reduction(extreme(np.max, lowest=True)),
    ReduceMean=reduction(np.mean),
    ReduceMin=reduction(extreme(np.min, lowest=False)),
    ReduceProd=reduction(np.prod),
    ReduceSum=reduction(np.sum),
    ReduceSumSquare=reduction(lambda x, **options: np.sum(np.square(x), **options)),
)


def place(function, data, axis=0, keepdims=1, select_last_index=0):
    if select_last_index:
        found = data.shape[axis] - 1 - function(np.flip(data, axis), axis=axis)
    else:
        found = function(data, axis=axis)
    return (np.expand_dims(found, axis) if keepdims else found).astype(np.int64)


def cumulated(function, first, x, axis, exclusive=0, reverse=0):
    axis = number(axis) % x.ndim
    x = np.flip(x, axis) if reverse else x
    if exclusive:  # each without itself: all moved on by one
        start = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), first, x.dtype)
        x = np.concatenate([start, x[(*[slice(None)] * axis, slice(-1))]], axis)
    total = like(function(x, axis=axis), x)
    return np.flip(total, axis) if reverse else total


OPERATORS.update(
    ArgMax=functools.partial(place, np.argmax),
    ArgMin=functools.partial(place, np.argmin),
    CumProd=functools.partial(cumulated, np.cumprod, 1),
    CumSum=functools.partial(cumulated, np.cumsum, 0),
)
