"""Batching rules of products: where one factor is the same for all examples, all of them make one matrix product."""

import itertools
import math
from typing import Any

import numpy as np

from autograd_mini.arrays import as_operand
from autograd_mini.batching.batch import Batch, any_batched, batching_rule, is_batched, padded, spread
from autograd_mini.batching.operands import inner_axis, ndim, one_or_all, rows_of
from autograd_mini.rules import products

sliding = np.lib.stride_tricks.sliding_window_view

MANY = 2**16  # products from which on it pays to look for a good order of them


@batching_rule(np.matmul)
def matmul(level, a, b):
    a, b = (x if type(x) in (Batch, np.ndarray) else as_operand(x) for x in (a, b))
    m, n = ndim(a), ndim(b)
    if m == n == 1 and is_batched(a, level) and is_batched(b, level):
        return Batch(np.einsum("ni,ni->n", a.values, b.values), level)
    shared = with_shared_factor(level, a, b, m, n)
    if shared is not None:
        return Batch(shared, level)
    left, right = padded(a, m, level), padded(b, n, level)
    left = left[..., None, :] if m == 1 else left
    right = right[..., None] if n == 1 else right
    axes = max(m, n, 2)
    left = spread(left, axes) if is_batched(a, level) else left
    right = spread(right, axes) if is_batched(b, level) else right
    outer = left.shape[-1] == 1 and isinstance(left, np.ndarray) and isinstance(right, np.ndarray)
    out = left * right if outer else np.matmul(left, right)  # BLAS is slow at outer products
    out = out[..., 0] if n == 1 else out
    return Batch(out if m > 1 else out[..., 0, :] if n > 1 else out[..., 0], level)


def with_shared_factor(level, a, b, m, n):
    """The product where one factor is the same for all examples and they can be the rows of one matrix; else None."""
    if not is_batched(b, level):
        if n <= 2 and (m == 1 or n == 1):
            return np.matmul(a.values, b)
        if n == 2 and m:
            return np.reshape(np.matmul(rows_of(a.values), b), (*a.values.shape[:-1], b.shape[-1]))
    elif not is_batched(a, level):
        if n == 1 and m in (1, 2):
            return np.matmul(b.values, a if m == 1 else a.T)
        if n == 2 and m == 1:
            return np.matmul(a, b.values)
        if n == 2 and m == 2 and b.shape[1] == 1:
            return np.matmul(b.values[..., 0], a.T)[..., None]
    return None


@batching_rule(products.einsum)
def einsum(level, arrays, terms=None, optimize=False):
    if terms is None:
        arrays, terms = products.parse(arrays)
    new = 1 + max(itertools.chain.from_iterable(terms), default=-1)
    pairs = list(zip(arrays, terms[:-1], strict=True))
    inputs = [(new, *term) if is_batched(a, level) else tuple(term) for a, term in pairs]
    given = [a.values if is_batched(a, level) else a for a in arrays]
    lengths = {label: n for a, term in zip(given, inputs, strict=True) for label, n in zip(term, a.shape, strict=True)}
    plan = len(given) > 1 and bool(optimize or math.prod(lengths.values()) > MANY)
    return Batch(products.einsum(tuple(given), (*inputs, (new, *terms[-1])), plan), level)


@batching_rule(np.einsum)
def np_einsum(level, *operands, optimize=False, **options):
    if options:
        return NotImplemented
    arrays, terms = products.parse(operands)
    return einsum(level, arrays, terms, optimize)


@batching_rule(np.tensordot)
def tensordot(level, a, b, axes=2):
    left, right = products.summed_axes(a, b, axes)
    if not is_batched(b, level):
        return Batch(np.tensordot(a.values, b, ([i + 1 for i in left], right)), level)
    if not is_batched(a, level):
        out = np.tensordot(a, b.values, (left, [i + 1 for i in right]))
        return Batch(np.moveaxis(out, ndim(a) - len(left), 0), level)
    first = tuple(range(a.ndim))
    second = tuple(left[right.index(i)] if i in right else a.ndim + i for i in range(b.ndim))
    result = [i for i in first if i not in left] + [a.ndim + i for i in range(b.ndim) if i not in right]
    return einsum(level, (a, b), (first, second, tuple(result)), True)


@batching_rule(products.convolution)
def convolution(level, a, v):
    if not (a.ndim == v.ndim == 1 and a.size and v.size):
        return NotImplemented
    short, long = (v, a) if v.shape[0] <= a.shape[0] else (a, v)
    ends = short.shape[0] - 1
    windows = sliding(np.pad(long, (ends, ends)), short.shape[0])
    return np.einsum("ij,j->i", windows, np.flip(short))


@batching_rule(np.outer)
def outer(level, a, b):
    left, right = one_or_all(a, level), one_or_all(b, level)
    m, n = (math.prod(x.shape[1:]) for x in (left, right))
    return Batch(
        np.reshape(left, (left.shape[0], m, 1)) * np.reshape(right, (right.shape[0], 1, n)),
        level,
    )


@batching_rule(np.cross)
def cross(level, a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    first, second = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    axes = max(ndim(first), ndim(second))
    out: Any = Batch(np.cross(padded(first, axes, level), padded(second, axes, level)), level)
    return np.moveaxis(out, -1, axisc)


@batching_rule(np.linalg.multi_dot)
def multi_dot(_level, arrays):
    product = arrays[0]
    for array in arrays[1:]:
        product = np.dot(product, array)
    return product


@batching_rule(sliding)
def sliding_window_view(level, x, window_shape, axis=None, **options):
    if any_batched(window_shape) or options:
        return NotImplemented
    window, axes = products.window(axis, window_shape, x.ndim)
    return Batch(sliding(x.values, window, tuple(inner_axis(i, x.ndim) for i in axes)), level)


@batching_rule(products.add_windows)
def add_windows(level, g, window_shape, axis, shape):
    axes = tuple(inner_axis(i, len(shape)) for i in axis)
    return Batch(products.add_windows(g.values, window_shape, axes, (level.size, *shape)), level)
