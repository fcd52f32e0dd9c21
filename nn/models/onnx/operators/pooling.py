"""Pooling along any number of axes: a largest number or a mean is taken along some of them, then along the others."""

import functools
import math
from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.layers.convolution import Window
from nn.layers.pooling import largest, mean
from nn.models.onnx.operators.convolution import flat, sides, unflat
from nn.models.onnx.operators.table import OPERATORS, ints, is_float, like, operator, room, spatial
from nn.noise import values


def geometry(x, kernel, strides=None, dilations=None, pads=None, auto_pad="NOTSET", ceil_mode=0):
    """The window, and how far beyond the padding it reads along each axis if places are rounded up."""
    strides, dilations = strides or [1] * len(kernel), dilations or [1] * len(kernel)
    padding = sides(x.shape[2:], kernel, strides, dilations, pads, auto_pad)
    beyond = [0] * len(kernel)
    for i, (before, behind) in enumerate(padding if ceil_mode else ()):
        reach = dilations[i] * (kernel[i] - 1) + 1
        rest = (x.shape[2 + i] + before + behind - reach) % strides[i]
        if rest:
            more = strides[i] - rest
            begins = x.shape[2 + i] + before + behind + more - reach
            beyond[i] = more if begins < x.shape[2 + i] + before else 0  # none begins in the padding
    return Window(tuple(kernel), tuple(strides), tuple(padding), tuple(dilations)), beyond


def wider(window, beyond):
    """The window with more padding behind."""
    return window._replace(padding=tuple((a, b + n) for (a, b), n in zip(window.padding, beyond, strict=True)))


def pooled(function, x, window):
    """A pooling of images along all axes."""
    if len(window.kernel) == 1:
        window = Window((1, *window.kernel), (1, *window.stride), ((0, 0), *window.padding), (1, *window.dilation))
        return pooled(function, np.expand_dims(x, 2), window)[:, :, 0]
    if len(window.kernel) == 2:
        return function(x, window=window)
    first, inner = (Window(*(part[cut] for part in window)) for cut in (slice(1), slice(1, None)))
    x = unflat(pooled(function, flat(x), inner), x.shape[0])
    lines = np.moveaxis(np.reshape(x, (*x.shape[:3], -1)), 2, 3)
    lines = np.reshape(lines, (x.shape[0], -1, x.shape[2]))
    out = np.reshape(pooled(function, lines, first), (*x.shape[:2], *x.shape[3:], -1))
    return np.moveaxis(out, -1, 2)


@operator
def MaxPool(x, kernel_shape, storage_order=0, *, outputs, **how):
    window = wider(*geometry(x, kernel_shape, **how))
    wide = x if is_float(x) else x.astype(np.float64)  # for -inf in the padding
    out = like(pooled(largest, wide, window), x)
    return out if outputs == 1 else (out, places_of_largest(wide, window, storage_order))


def places_of_largest(x, window, column_major):
    """Where the first of the largest numbers is, counted through the whole input."""
    numbers = np.reshape(np.arange(math.prod(x.shape)), x.shape)
    if column_major:
        numbers = np.reshape(np.arange(math.prod(x.shape)), (*x.shape[:2], *x.shape[:1:-1]))
        numbers = np.transpose(numbers, (0, 1, *range(x.ndim - 1, 1, -1)))
    border = [(0, 0), (0, 0), *window.padding]
    steps: Any = (..., *(slice(None, None, s) for s in window.stride), *(slice(None, None, d) for d in window.dilation))

    def windows(array):
        read = np.lib.stride_tricks.sliding_window_view(array, window.reach, spatial(x))[steps]
        return np.reshape(read, (*read.shape[: x.ndim], -1))

    best = np.argmax(windows(np.pad(values(x), border, constant_values=-np.inf)), -1, keepdims=True)
    return np.take_along_axis(windows(np.pad(numbers, border)), best, -1)[..., 0]


def means(x, kernel_shape, count_include_pad, how):
    """The mean of what a window reads, zeros in the padding, and the share of it that counts."""
    window, beyond = geometry(x, kernel_shape, **how)
    whole, ones = wider(window, beyond), np.ones((1, 1, *x.shape[2:]), x.dtype)
    if not count_include_pad:
        return pooled(mean, x, whole), pooled(mean, ones, whole)
    ones = np.pad(ones, [(0, 0), (0, 0), *window.padding], constant_values=1)
    return pooled(mean, x, whole), pooled(mean, ones, whole._replace(padding=tuple((0, n) for n in beyond)))


@operator
def AveragePool(x, kernel_shape, count_include_pad=0, **how):
    total, share = means(x, kernel_shape, count_include_pad, how)
    return total if np.all(share == 1) else total / share


@operator
def LpPool(x, kernel_shape, p=2, **how):
    total, _ = means(np.abs(x) ** p, kernel_shape, 1, how)
    return (total * math.prod(kernel_shape)) ** (1 / p)


def whole(function, x, **options):
    return function(x, axis=spatial(x), keepdims=True, **options)


OPERATORS.update(
    GlobalAveragePool=functools.partial(whole, np.mean),
    GlobalMaxPool=functools.partial(whole, np.max),
    GlobalLpPool=lambda x, p=2: whole(np.sum, np.abs(x) ** p) ** (1 / p),
)


@operator
def MaxUnpool(x, places, output_shape=None, kernel_shape=(), pads=None, strides=None):
    """Each number where it was the largest, in zeros."""
    strides, pads = strides or [1] * len(kernel_shape), pads or [0] * 2 * len(kernel_shape)
    cut = [a + b for a, b in zip(pads, pads[len(kernel_shape) :], strict=False)]
    axes = zip(x.shape[2:], strides, kernel_shape, cut, strict=True)
    counted = (*x.shape[:2], *((n - 1) * s + k - c for n, s, k, c in axes))  # in which the places are counted
    shape = counted if output_shape is None else ints(output_shape)
    at = np.unravel_index(np.ravel(places), counted)
    return Tensor(np.zeros(room(shape, x.dtype), x.dtype)).at[at].set(np.ravel(x))
