"""Operators that take entries by their places, put entries in places, and find places."""

import numpy as np

from autograd_mini import Tensor
from nn.models.onnx.operators.table import OPERATORS, along, ints, number, operator, room
from nn.noise import values

OPERATORS.update(
    Compress=lambda x, condition, axis=None: np.compress(np.asarray(condition), x, axis),
    Gather=lambda x, indices, axis=0: np.take(x, indices, axis),
    NonZero=lambda x: np.array([np.asarray(places) for places in np.nonzero(x)], np.int64),
)


@operator
def Slice(x, starts, ends, axes=None, steps=None):
    starts, ends = ints(starts), ints(ends)
    axes = range(len(starts)) if axes is None else ints(axes)
    steps = [1] * len(starts) if steps is None else ints(steps)
    index = [slice(None)] * x.ndim
    for axis, first, behind, step in zip(axes, starts, ends, steps, strict=True):
        length = x.shape[axis]
        start, end = (max(place + length, -1) if place < 0 else place for place in (first, behind))
        if step > 0:
            index[axis] = slice(max(start, 0), max(end, 0), step)
        else:  # -1 is before the first, which Python writes as None
            index[axis] = slice(start, None if end < 0 else end, step) if start >= 0 else slice(0, 0)
    return x[tuple(index)]


@operator
def Split(x, split=None, axis=0, num_outputs=None, *, outputs):
    if split is None:
        size = -(-x.shape[axis] // outputs)
        places = range(size, size * outputs, size)
    else:
        places = np.cumsum(ints(split))[:-1]
    return tuple(np.split(x, places, axis))


def from_start(indices, length):
    """Indices that do not count from the end."""
    return np.where(indices < 0, indices + length, indices)


@operator
def GatherElements(x, indices, axis=0):
    return np.take_along_axis(x, from_start(indices, x.shape[axis]), axis)


@operator
def GatherND(x, indices, batch_dims=0):
    indices = np.asarray(indices)
    behind = indices.ndim - 1 - batch_dims
    batch = [np.reshape(i, (*i.shape, *[1] * behind)) for i in np.indices(indices.shape[:batch_dims], sparse=True)]
    return x[(*batch, *np.moveaxis(indices, -1, 0))]


UPDATES = {"none": "set", "add": "add", "mul": "multiply", "max": "max", "min": "min"}


def scattered(x, index, updates, reduction):
    return getattr(Tensor(x).at[index] if isinstance(x, np.ndarray) else x.at[index], UPDATES[reduction])(updates)


@operator
def ScatterND(x, indices, updates, reduction="none"):
    return scattered(x, tuple(np.moveaxis(np.asarray(indices), -1, 0)), updates, reduction)


@operator
def ScatterElements(x, indices, updates, axis=0, reduction="none"):
    index = list(np.indices(indices.shape, sparse=True))
    index[axis] = from_start(np.asarray(indices), x.shape[axis])
    return scattered(x, tuple(index), updates, reduction)


OPERATORS["Scatter"] = ScatterElements


@operator
def TensorScatter(past, update, write_indices=None, axis=-2, mode="linear"):
    starts = np.zeros(past.shape[0], int) if write_indices is None else np.asarray(write_indices)
    axis = axis % past.ndim
    places = starts[:, None] + np.arange(update.shape[axis])
    index = list(np.indices(update.shape, sparse=True))
    places = np.reshape(places, [n if i in {0, axis} else 1 for i, n in enumerate(update.shape)])
    index[axis] = places % past.shape[axis] if mode == "circular" else places
    return scattered(past, tuple(index), update, "none")


@operator
def OneHot(indices, depth, off_on, axis=-1):
    depth, indices = number(depth), np.asarray(indices)
    axis = axis % (indices.ndim + 1)
    room((*indices.shape, int(depth)), off_on.dtype)
    hot = np.expand_dims(from_start(indices, depth), axis) == along(np.arange(depth), axis, indices.ndim + 1)
    return np.where(hot, off_on[1], off_on[0])


@operator
def TopK(x, k, axis=-1, largest=1, sorted=1):
    axis, known = axis % x.ndim, values(x)
    if largest:  # of equal ones the first comes first
        order = np.flip(x.shape[axis] - 1 - np.argsort(np.flip(known, axis), axis, kind="stable"), axis)
    else:
        order = np.argsort(known, axis, kind="stable")
    order = np.take(order, range(number(k)), axis)
    return np.take_along_axis(x, order, axis), order.astype(np.int64)


@operator
def ReverseSequence(x, sequence_lens, batch_axis=1, time_axis=0):
    x = np.moveaxis(x, (time_axis, batch_axis), (0, 1))
    times, lengths = np.arange(x.shape[0])[:, None], np.asarray(sequence_lens)
    x = x[np.where(times < lengths, lengths - 1 - times, times), np.arange(x.shape[1])]
    return np.moveaxis(x, (0, 1), (time_axis, batch_axis))


@operator
def Unique(x, axis=None, sorted=1):
    _, first, inverse, counts = np.unique(values(x), True, True, True, axis)
    order = np.arange(len(first)) if sorted else np.argsort(first)
    return np.take(x, first[order], axis), first[order], np.argsort(order)[inverse.ravel()], counts[order]
