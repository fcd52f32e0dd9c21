"""Images of another size, and images read at places between their pixels."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nn.models.onnx.operators.table import OPERATORS, along, floats, ints, is_float, like, operator, room
from nn.models.windows import cubic, resized

# Where the places of the new image are in the old one: i counts the m new ones, of which `scale` fall on one of the n
PLACES: dict[str, Callable[..., Any]] = {
    "align_corners": lambda i, n, m, scale, roi: i * (n - 1) / (scale * n - 1) if m > 1 else i * 0.0,
    "asymmetric": lambda i, n, m, scale, roi: i / scale,
    "half_pixel": lambda i, n, m, scale, roi: (i + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda i, n, m, scale, roi: n / 2 * (1 - m / (scale * n)) + (i + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda i, n, m, scale, roi: (i + 0.5) / scale - 0.5 if m > 1 else i * 0.0,
    "tf_crop_and_resize": lambda i, n, m, scale, roi: (
        (n - 1) * (roi[0] + i * (roi[1] - roi[0]) / (m - 1) if m > 1 else (roi[0] + roi[1]) / 2 + i * 0.0)
    ),
}
NEAREST: dict[str, Callable[..., Any]] = {
    "ceil": np.ceil,
    "floor": np.floor,
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
}


def linear(t):
    """The weight of a pixel at distance t."""
    return np.maximum(0, 1 - t)


def weights_of(x, n, kernel, reach, squeeze, exclude_outside):
    """A matrix with a row for each place x: what it reads of each of n pixels."""
    span = math.ceil(reach / squeeze)
    pixels = np.floor(x)[:, None] + np.arange(1 - span, span + 1)
    weights = kernel(np.abs(pixels - x[:, None]) * squeeze)
    if exclude_outside:
        weights = weights * ((pixels >= 0) & (pixels < n))
    if exclude_outside or squeeze < 1:
        weights = weights / weights.sum(1, keepdims=True)
    matrix = np.zeros(room((len(x), n), np.float64))
    np.add.at(matrix, (np.arange(len(x))[:, None], np.clip(pixels, 0, n - 1).astype(int)), weights)
    return matrix


def lengths_and_scales(lengths, scales, sizes, policy):
    """What an image's axes become, and how many times as long that is."""
    if sizes is None or not ints(sizes):
        scales = floats(scales)
        return [int(s * n) for s, n in zip(scales, lengths, strict=True)], scales
    sizes = ints(sizes)
    scales = [size / n for size, n in zip(sizes, lengths, strict=True)]
    if policy == "stretch":
        return sizes, scales
    one = (min if policy == "not_larger" else max)(scales)
    return [int(one * n + 0.5) for n in lengths], [one] * len(lengths)


@operator
def Resize(
    x,
    roi=None,
    scales=None,
    sizes=None,
    antialias=0,
    axes=None,
    coordinate_transformation_mode="half_pixel",
    cubic_coeff_a=-0.75,
    exclude_outside=0,
    extrapolation_value=0.0,
    keep_aspect_ratio_policy="stretch",
    mode="nearest",
    nearest_mode="round_prefer_floor",
    *,
    opset,
):
    """Along each axis a product with a matrix, because resizing is linear."""
    if opset < 11:
        return Upsample(x, roi, mode=mode)
    axes = range(x.ndim) if axes is None else [axis % x.ndim for axis in axes]
    old = [x.shape[axis] for axis in axes]
    new, scales = lengths_and_scales(old, scales, sizes, keep_aspect_ratio_policy)
    crops = coordinate_transformation_mode == "tf_crop_and_resize"
    roi = np.reshape(floats(roi), (2, -1)).T if crops else [None] * len(axes)
    kernel, reach = (linear, 1) if mode == "linear" else (functools.partial(cubic, a=cubic_coeff_a), 2)
    out = x if is_float(x) else x.astype(np.float64)
    room([*(n for i, n in enumerate(x.shape) if i not in axes), *new], out.dtype, x)
    for axis, n, m, scale, part in zip(axes, old, new, scales, roi, strict=True):
        if n == m and scale == 1 and not crops:
            continue
        places = PLACES[coordinate_transformation_mode](np.arange(m), n, m, scale, part)
        if mode == "nearest":
            out = np.take(out, np.clip(NEAREST[nearest_mode](places), 0, n - 1).astype(int), axis)
        else:
            matrix = weights_of(places, n, kernel, reach, min(scale, 1.0) if antialias else 1.0, exclude_outside)
            out = np.moveaxis(resized(np.moveaxis(out, axis, -1), [matrix]), -1, axis)
        if crops:
            out = np.where(along((places < 0) | (places > n - 1), axis, x.ndim), extrapolation_value, out)
    return like(out if is_float(x) else np.round(out), x)


@operator
def Upsample(x, scales=None, mode="nearest"):
    mode = {"bilinear": "linear"}.get(mode, mode)
    options = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "mode": mode}
    return Resize(x, None, scales, opset=11, **options)


def reflected(x, low, high):
    """Places outside, mirrored at both ends until they are inside."""
    span = high - low
    if not span:
        return x * 0
    there = np.mod(x - low, 2 * span)
    return np.where(there > span, 2 * span - there, there) + low


CORNERS = {"nearest": (0,), "linear": (0, 1), "cubic": (-1, 0, 1, 2)}
SHARES: dict[str, Callable[..., Any]] = {
    "nearest": lambda t, corner: np.ones_like(t),
    "linear": lambda t, corner: t if corner else 1 - t,
    "cubic": lambda t, corner: cubic(np.abs(t - corner), -0.75),
}


def neighbours(place, length, mode, padding_mode, align_corners):
    """The pixels beside places along one axis, which are from -1 to 1: for each its index and its share."""
    x = (place + 1) / 2 * (length - 1) if align_corners else ((place + 1) * length - 1) / 2
    low, high = (0, length - 1) if align_corners else (-0.5, length - 0.5)
    if padding_mode == "border" and mode != "cubic":
        x = np.clip(x, 0, length - 1)
    elif padding_mode == "reflection" and mode != "cubic":
        x = reflected(x, low, high)
    first = np.round(x) if mode == "nearest" else np.floor(x)
    for corner in CORNERS[mode]:
        pixel, share = first + corner, SHARES[mode](x - first, corner)
        if padding_mode == "zeros":
            share = share * ((pixel >= 0) & (pixel < length)).astype(share.dtype)
        elif padding_mode == "reflection":
            pixel = np.round(reflected(pixel, low, high))
        yield np.clip(pixel, 0, length - 1).astype(int), share


@operator
def GridSample(x, grid, align_corners=0, mode="linear", padding_mode="zeros"):
    """A mean of the pixels beside each place, whose shares are products over the axes."""
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    count = x.ndim - 2
    along_axes = [
        list(neighbours(grid[..., count - 1 - k], length, mode, padding_mode, align_corners))
        for k, length in enumerate(x.shape[2:])
    ]
    examples, channels_last, parts = along(np.arange(x.shape[0]), 0, count + 1), np.moveaxis(x, 1, -1), []
    for corner in itertools.product(*along_axes):
        share = functools.reduce(np.multiply, (share for _, share in corner))
        parts.append(channels_last[(examples, *(pixel for pixel, _ in corner))] * np.expand_dims(share, -1))
    return like(np.moveaxis(functools.reduce(np.add, parts), -1, 1), x)


OPERATORS["Upsample"] = Upsample
