"""Pooling along any number of axes, and back."""

import functools
import math
from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.models.onnx.operators.convolution import ones, sides
from nn.models.onnx.operators.table import OPERATORS, ints, is_float, like, operator, room, spatial
from nn.models.windows import filled_up, pooled_largest, pooled_mean
from nn.noise import values


def window(x, kernel, strides=None, dilations=None, pads=None, auto_pad="NOTSET", ceil_mode=0):
    """Kernel, strides, padding and dilations; and the padding with what is read behind if places are rounded up."""
    strides, dilations = ones(strides, len(kernel)), ones(dilations, len(kernel))
    padding = sides(x, kernel, strides, dilations, pads, auto_pad)
    whole = filled_up(x, kernel, strides, padding, dilations) if ceil_mode else padding
    return kernel, strides, padding, dilations, whole


@operator
def MaxPool(x, kernel_shape, storage_order=0, *, outputs, **how):
    kernel, strides, _, dilations, whole = window(x, kernel_shape, **how)
    wide = x if is_float(x) else x.astype(np.float64)  # for -inf in the padding
    out = like(pooled_largest(wide, kernel, strides, whole, dilations), x)
    return out if outputs == 1 else (out, places_of_largest(wide, kernel, strides, whole, dilations, storage_order))


def places_of_largest(x, kernel, strides, padding, dilations, column_major):
    """Where the first of the largest numbers is, counted through the whole input."""
    numbers = np.reshape(np.arange(math.prod(x.shape)), x.shape)
    if column_major:
        numbers = np.reshape(np.arange(math.prod(x.shape)), (*x.shape[:2], *x.shape[:1:-1]))
        numbers = np.transpose(numbers, (0, 1, *range(x.ndim - 1, 1, -1)))
    border = [(0, 0), (0, 0), *padding]
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    steps: Any = (..., *(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilations))

    def windows(array):
        read = np.lib.stride_tricks.sliding_window_view(array, reach, spatial(x))[steps]
        return np.reshape(read, (*read.shape[: x.ndim], -1))

    best = np.argmax(windows(np.pad(values(x), border, constant_values=-np.inf)), -1, keepdims=True)
    return np.take_along_axis(windows(np.pad(numbers, border)), best, -1)[..., 0]


@operator
def AveragePool(x, kernel_shape, count_include_pad=0, **how):
    """Behind the padding nothing counts, whether the padding does or not."""
    kernel, strides, padding, dilations, whole = window(x, kernel_shape, **how)
    if whole == padding or not count_include_pad:
        return pooled_mean(x, kernel, strides, whole, bool(count_include_pad), dilations)
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    behind = [(0, b - a) for (_, a), (_, b) in zip(padding, whole, strict=True)]
    return pooled_mean(x, kernel, strides, behind, False, dilations)


@operator
def LpPool(x, kernel_shape, p=2, **how):
    kernel, strides, _, dilations, whole = window(x, kernel_shape, **how)
    total = pooled_mean(np.abs(x) ** p, kernel, strides, whole, True, dilations) * math.prod(kernel)
    return total ** (1 / p)


def over_all(function, x, **options):
    return function(x, axis=spatial(x), keepdims=True, **options)


OPERATORS.update(
    GlobalAveragePool=functools.partial(over_all, np.mean),
    GlobalLpPool=lambda x, p=2: over_all(np.sum, np.abs(x) ** p) ** (1 / p),
    GlobalMaxPool=functools.partial(over_all, np.max),
)


@operator
def MaxUnpool(x, places, output_shape=None, kernel_shape=(), pads=None, strides=None):
    """Each number where it was the largest, in zeros."""
    count = len(kernel_shape)
    strides, pads = ones(strides, count), pads or [0] * 2 * count
    cut = [a + b for a, b in zip(pads[:count], pads[count:], strict=True)]
    axes = zip(x.shape[2:], strides, kernel_shape, cut, strict=True)
    counted = (*x.shape[:2], *((n - 1) * s + k - c for n, s, k, c in axes))  # in which the places are counted
    shape = counted if output_shape is None else ints(output_shape)
    at = np.unravel_index(np.ravel(places), counted)
    return Tensor(np.zeros(room(shape, x.dtype), x.dtype)).at[at].set(np.ravel(x))
