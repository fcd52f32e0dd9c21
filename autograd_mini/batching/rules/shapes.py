"""Batching rules of functions that move entries about: shapes, axes, joining, splitting, padding."""

import numpy as np

from autograd_mini.batching.batch import Batch, any_batched, batched, batching_rule, is_batched, padded, rules
from autograd_mini.batching.operands import flattened, inner_axis, lengths, ndim, values_of
from autograd_mini.rules import shapes


def reversed_axes(values):
    """The axes of each example in the reverse order."""
    return np.transpose(values, (0, *range(values.ndim - 1, 0, -1)))


@batching_rule(np.reshape)
def reshape(level, a, /, shape=None, order="C", *, newshape=None, copy=None):
    shape = lengths(shape if newshape is None else newshape)
    if order not in ("C", "F"):
        return NotImplemented
    if -1 in shape and (order == "F" or not level.size or not a.size):
        shape = np.empty(a.shape, bool).reshape(shape).shape
    if order == "F":
        return Batch(reversed_axes(np.reshape(reversed_axes(a.values), (level.size, *shape[::-1]))), level)
    return Batch(np.reshape(a.values, (level.size, *shape)), level)


@batching_rule(np.ravel)
def ravel(level, a, order="C"):
    return NotImplemented if order == "K" else reshape(level, a, (a.size,), "C" if order == "A" else order)


@batching_rule(np.expand_dims)
def expand_dims(level, a, axis):
    axes = lengths(axis)
    return Batch(np.expand_dims(a.values, inner_axis(axes, a.ndim + len(axes))), level)


@batching_rule(np.squeeze)
def squeeze(level, a, axis=None):
    axes = tuple(i for i, n in enumerate(a.shape) if n == 1) if axis is None else axis
    return Batch(np.squeeze(a.values, inner_axis(axes, a.ndim)), level)


@batching_rule(np.broadcast_to)
def broadcast_to(level, array, shape, subok=False):
    shape = lengths(shape)
    return Batch(np.broadcast_to(padded(array, len(shape), level), (level.size, *shape)), level)


@batching_rule(np.transpose)
def transpose(level, a, axes=None):
    places = range(a.ndim, 0, -1) if axes is None else inner_axis(lengths(axes), a.ndim)
    return Batch(np.transpose(a.values, (0, *places)), level)


@batching_rule(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(level, a, /):
    return Batch(np.swapaxes(a.values, -1, -2), level) if a.ndim > 1 else NotImplemented


@batching_rule(np.swapaxes)
def swapaxes(level, a, axis1, axis2):
    return Batch(np.swapaxes(a.values, inner_axis(axis1, a.ndim), inner_axis(axis2, a.ndim)), level)


@batching_rule(np.moveaxis)
def moveaxis(level, a, source, destination):
    return Batch(np.moveaxis(a.values, inner_axis(source, a.ndim), inner_axis(destination, a.ndim)), level)


@batching_rule(np.rollaxis)
def rollaxis(level, a, axis, start=0):
    start = start + a.ndim if start < 0 else start
    return Batch(np.rollaxis(a.values, inner_axis(axis, a.ndim), start + 1), level)


rules[np.flip] = lambda level, m, axis=None: Batch(np.flip(m.values, inner_axis(axis, m.ndim)), level)
rules[np.fliplr] = lambda level, m: Batch(np.flip(m.values, inner_axis(1, m.ndim)), level)
rules[np.flipud] = lambda level, m: Batch(np.flip(m.values, inner_axis(0, m.ndim)), level)


@batching_rule(np.rot90)
def rot90(level, m, k=1, axes=(0, 1)):
    return Batch(np.rot90(m.values, k, inner_axis(axes, m.ndim)), level)


@batching_rule(np.roll)
def roll(level, a, shift, axis=None):
    if any_batched(shift):
        return NotImplemented
    if axis is None:
        total = sum(shift) if isinstance(shift, tuple | list) else shift
        return Batch(np.reshape(np.roll(flattened(a, level), total, 1), a.values.shape), level)
    return Batch(np.roll(a.values, shift, inner_axis(axis, a.ndim)), level)


def triangle(function):
    """The upper or the lower triangle; of a vector, of the matrix whose rows it is."""

    def rule(level, m, k=0):
        if any_batched(k):
            return NotImplemented
        rows = (level.size, *m.shape * 2)
        return Batch(function(m.values if m.ndim > 1 else np.broadcast_to(m.values[:, None], rows), k), level)

    return rule


rules[np.tril], rules[np.triu] = triangle(np.tril), triangle(np.triu)


@batching_rule(np.concatenate)
def concatenate(level, arrays, axis=0, **options):
    arrays = list(arrays)
    if axis is None:
        arrays = [np.reshape(a, (-1,)) for a in arrays]
        axis = 0
    values = [values_of(a, level) for a in arrays]
    return Batch(np.concatenate(values, inner_axis(axis, ndim(arrays[0])), **options), level)


@batching_rule(np.stack)
def stack(level, arrays, axis=0, **options):
    arrays = list(arrays)
    values = [values_of(a, level) for a in arrays]
    return Batch(np.stack(values, inner_axis(axis, ndim(arrays[0]) + 1), **options), level)


@batching_rule(shapes.pieces)
def pieces(level, a, bounds, axis):
    return batched(shapes.pieces(a.values, bounds, axis + 1), level)


@batching_rule(shapes.unstacked)
def unstacked(level, a, axis):
    return batched(shapes.unstacked(a.values, inner_axis(axis, a.ndim)), level)


@batching_rule(np.tile)
def tile(level, A, reps):  # noqa: N803
    if any_batched(reps):
        return NotImplemented
    reps = lengths(reps)
    values = padded(A, len(reps), level)
    return Batch(np.tile(values, (1,) * (values.ndim - len(reps)) + reps), level)


@batching_rule(shapes.pad_constant)
def pad_constant(level, a, widths, constant_values):
    if not is_batched(a, level) or any_batched(constant_values):
        return NotImplemented
    constants = np.broadcast_to(constant_values, (a.ndim, 2)).tolist()
    return Batch(np.pad(a.values, ((0, 0), *widths), constant_values=((0, 0), *map(tuple, constants))), level)
