"""Convolutions, pooling and resizing of images with any number of axes, made of nn's for two. No model is read here.

A window's settings come as sequences with an entry for each axis of the images, paddings as pairs (before, after).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import devices
from nn.layers.convolution import Window, convolve, convolve_affine, spread
from nn.layers.pooling import largest
from nn.layers.pooling import mean as mean_of
from nn.noise import values

Sizes = Sequence[int]
Sides = Sequence[tuple[int, int]]

LARGE = 256  # entries of a window of which the work of two small ones is less


def window_of(kernel: Sizes, stride: Sizes, padding: Sides, dilation: Sizes) -> Window:
    """The window over the last two axes; over the one that there is, of images of height 1."""
    ahead = 2 - len(kernel[-2:])
    one, none = (1,) * ahead, ((0, 0),) * ahead
    settings: Any = (
        *((*one, *(int(n) for n in sizes[-2:])) for sizes in (kernel, stride)),
        (*none, *((int(a), int(b)) for a, b in padding[-2:])),
        (*one, *(int(n) for n in dilation[-2:])),
    )
    return Window(*settings)


def convolution(
    x: Any, weights: Any, bias: Any, stride: Sizes, padding: Sides, dilation: Sizes, groups: int = 1
) -> Any:
    """The scores of a window that moves over x, shape (examples, channels, ...)."""
    axes = x.ndim - 2
    if axes > 2:
        scores = deep_convolution(x, weights, stride, padding, dilation, groups)
        return scores if bias is None else scores + np.reshape(bias, (-1, *[1] * axes))
    window = window_of(weights.shape[2:], stride, padding, dilation)
    if bias is None:
        return convolve(x, weights, window=window, groups=groups)
    return convolve_affine(x, weights, bias, window=window, groups=groups)


def deep_convolution(x: Any, weights: Any, stride: Sizes, padding: Sides, dilation: Sizes, groups: int) -> Any:
    """The sum over the entries of the window along the first axis, each a convolution over the others."""
    x = np.pad(x, ((0, 0), (0, 0), padding[0], *[(0, 0)] * (x.ndim - 3)))
    count = places(x.shape[2], weights.shape[2], stride[0], dilation[0])
    total: Any = None
    for i in range(weights.shape[2]):
        read = x[:, :, i * dilation[0] : i * dilation[0] + (count - 1) * stride[0] + 1 : stride[0]]
        part = each_slice(convolution, read, weights[:, :, i], None, stride[1:], padding[1:], dilation[1:], groups)
        total = part if total is None else total + part
    return total


def each_slice(function: Callable[..., Any], x: Any, *settings: Any) -> Any:
    """A function of images with one axis less, of all slices along the third axis."""
    n, c, depth, *size = x.shape
    images = np.reshape(np.swapaxes(x, 1, 2), (n * depth, c, *size))
    out = function(images, *settings)
    return np.swapaxes(np.reshape(out, (n, depth, *out.shape[1:])), 1, 2)


def places(size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """At how many places a window stands along an axis that has its padding."""
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def transposed_convolution(
    x: Any, weights: Any, bias: Any, stride: Sizes, padding: Sides, dilation: Sizes, groups: int, more: Sizes
) -> Any:
    """The adjoint of a convolution by its images; `more` is what is left over behind the last place."""
    size = tuple(
        (n - 1) * step + d * (k - 1) + 1 - before - after + extra
        for n, step, d, k, (before, after), extra in zip(
            x.shape[2:], stride, dilation, weights.shape[2:], padding, more, strict=True
        )
    )
    scores = transposed(x, weights, stride, padding, dilation, groups, size)
    return scores if bias is None else scores + np.reshape(bias, (-1, *[1] * len(size)))


def transposed(x: Any, weights: Any, stride: Sizes, padding: Sides, dilation: Sizes, groups: int, size: Sizes) -> Any:
    """The same for the size of the images that it makes."""
    if len(size) < 3:
        window = window_of(weights.shape[2:], stride, padding, dilation)
        return spread(x, weights, window=window, groups=groups, size=tuple(size))
    (before, _), step = padding[0], stride[0]
    total: Any = None
    for i in range(weights.shape[2]):
        part = each_slice(transposed, x, weights[:, :, i], stride[1:], padding[1:], dilation[1:], groups, size[1:])
        part = apart(part, step, i * dilation[0] - before, size[0])
        total = part if total is None else total + part
    return total


def apart(x: Any, step: int, start: int, size: int) -> Any:
    """Slices along the third axis that far apart, the first at `start`, in a depth of `size`; others are zeros."""
    kept = [(i, start + i * step) for i in range(x.shape[2]) if 0 <= start + i * step < size]
    if not kept:
        return np.zeros_like(x, shape=(*x.shape[:2], size, *x.shape[3:]))
    source = np.zeros(size, np.int64)
    there = np.zeros(size, bool)
    for i, at in kept:
        source[at], there[at] = i, True
    return np.where(np.expand_dims(there, tuple(range(1, x.ndim - 2))), np.take(x, source, axis=2), 0)


def images_of(x: Any) -> Any:
    """Sequences as images of height 1."""
    return np.expand_dims(x, 2) if x.ndim == 3 else x


def pooled(operation: Callable[..., Any], x: Any, kernel: Sizes, stride: Sizes, padding: Sides, dilation: Sizes) -> Any:
    """One number of what a window reads at each place; of more than two axes, or many entries, axis after axis."""
    if x.ndim > 4 or (x.ndim == 4 and math.prod(kernel) > LARGE):
        x = each_slice(functools.partial(pooled, operation), x, kernel[1:], stride[1:], padding[1:], dilation[1:])
        return first_axis(operation, x, window_of(kernel[:1], stride[:1], padding[:1], dilation[:1]))
    out = operation(images_of(x), window=window_of(kernel, stride, padding, dilation))
    return out[:, :, 0] if x.ndim == 3 else out


def pooled_largest(x: Any, kernel: Sizes, stride: Sizes, padding: Sides, dilation: Sizes) -> Any:
    """The largest number that a window reads."""
    return pooled(largest, x, kernel, stride, padding, dilation)


def pooled_mean(
    x: Any, kernel: Sizes, stride: Sizes, padding: Sides, count_padding: bool = True, dilation: Sizes | None = None
) -> Any:
    """The mean of what a window reads, with the zeros of the padding or without."""
    dilation = dilation or (1,) * len(kernel)
    out = pooled(mean_of, x, kernel, stride, padding, dilation)
    if count_padding or not any(itertools.chain(*padding)):
        return out
    for axis, (length, step, sides, gap) in enumerate(zip(kernel, stride, padding, dilation, strict=True)):
        real = np.pad(np.ones(x.shape[2 + axis]), sides)
        read = np.arange(out.shape[2 + axis])[:, None] * step + np.arange(length) * gap
        share = np.mean(real[read], axis=1).astype(x.dtype)  # of the window that was not padding
        out = out / np.reshape(share, (-1, *[1] * (out.ndim - 3 - axis)))
    return out


def first_axis(operation: Callable[..., Any], x: Any, window: Window) -> Any:
    """A pooling along the third axis of x, the others as one."""
    n, c, depth, *size = x.shape
    flat = np.swapaxes(np.reshape(x, (n, c, depth, math.prod(size))), 2, 3)
    out = np.swapaxes(operation(flat, window=window), 2, 3)
    return np.reshape(out, (n, c, out.shape[2], *size))


def filled_up(x: Any, kernel: Sizes, stride: Sizes, padding: Sides, dilation: Sizes) -> list[tuple[int, int]]:
    """The padding with what is missing behind, so that a last window which starts inside has a place: ceil mode."""
    sides = []
    for size, k, step, (before, after), d in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True):
        reach = d * (k - 1) + 1
        count = -(-(size + before + after - reach) // step) + 1
        count -= (count - 1) * step >= size + before
        sides.append((before, max(after, (count - 1) * step + reach - size - before)))
    return sides


def adaptive(reduce: Callable[..., Any], x: Any, size: Sequence[int | None]) -> Any:
    """A reduction of so many parts of each axis, as equal as can be; None leaves an axis as it is."""
    for axis, count in enumerate(size, x.ndim - len(size)):
        length = x.shape[axis]
        if count is None or count == length:
            continue
        if length % count == 0:
            x = reduce(np.reshape(x, (*x.shape[:axis], count, length // count, *x.shape[axis + 1 :])), axis + 1)
            continue
        bounds = [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
        part = [(slice(None),) * axis + (slice(*bound),) for bound in bounds]
        x = np.stack([reduce(x[where], axis) for where in part], axis=axis)
    return x


def resized(x: Any, matrices: Sequence[Any]) -> Any:
    """Each of the last axes times a matrix of shape (new length, length); None leaves one as it is."""
    for axis, matrix in enumerate(matrices, x.ndim - len(matrices)):
        if matrix is not None:
            moved = np.matmul(np.moveaxis(x, axis, -1), devices.beside(np.asarray(matrix.T, x.dtype), values(x)))
            x = np.moveaxis(moved, -1, axis)
    return x


def nearest(x: Any, places: Sequence[Any]) -> Any:
    """Entries of each of the last axes at places of it."""
    for axis, index in enumerate(places, x.ndim - len(places)):
        x = np.take(x, index, axis)
    return x


def linear_weights(length: int, at: Any) -> Any:
    """A matrix that reads between the entries of an axis, at places that may lie behind its ends."""
    at = np.clip(at, 0, length - 1)
    low = np.minimum(np.floor(at).astype(np.int64), length - 1)
    high, share = np.minimum(low + 1, length - 1), at - low
    matrix = np.zeros((len(at), length))
    rows = np.arange(len(at))
    np.add.at(matrix, (rows, low), 1 - share)
    np.add.at(matrix, (rows, high), share)
    return matrix


def cubic_weights(length: int, at: Any, a: float = -0.75) -> Any:
    """The same with cubic polynomials through four entries; the ends are repeated."""
    low = np.floor(at).astype(np.int64)
    matrix, rows = np.zeros((len(at), length)), np.arange(len(at))
    for offset in range(-1, 3):
        np.add.at(matrix, (rows, np.clip(low + offset, 0, length - 1)), cubic(np.abs(at - (low + offset)), a))
    return matrix


def cubic(distance: Any, a: float) -> Any:
    """The weight of an entry at a distance."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))
