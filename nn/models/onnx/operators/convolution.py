"""Convolutions along any number of axes, their adjoints, and windows put back in their places."""

import numpy as np

from autograd_mini import Tensor
from nn.models.onnx.operators.table import along, ints, operator, room, within
from nn.models.windows import convolution, places, transposed


def same(missing, upper):
    """What is missing along an axis, half before and half behind; an odd one behind, if `upper`, else before."""
    half = missing // 2
    return (half, missing - half) if upper else (missing - half, half)


def sides(x, kernel, strides, dilations, pads, auto_pad):
    """The padding before and behind along each axis of images."""
    size, count = x.shape[2:], len(kernel)
    if auto_pad.startswith("SAME"):
        reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
        missing = [max(0, (-(-n // s) - 1) * s + r - n) for n, s, r in zip(size, strides, reach, strict=True)]
        return [same(more, auto_pad == "SAME_UPPER") for more in missing]
    if not pads or auto_pad == "VALID":
        return [(0, 0)] * count
    padding = list(zip(pads[:count], pads[count:], strict=True))
    room((*x.shape[:2], *(n + a + b for n, (a, b) in zip(size, padding, strict=True))), x.dtype, x)
    return padding


def ones(given, count):
    """Strides or dilations, which are 1 where a file says none."""
    return given or [1] * count


@operator
def Conv(x, w, b=None, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, pads=None, strides=None):
    kernel = w.shape[2:]
    strides, dilations = ones(strides, len(kernel)), ones(dilations, len(kernel))
    return convolution(x, w, b, strides, sides(x, kernel, strides, dilations, pads, auto_pad), dilations, group)


@operator
def ConvTranspose(
    x,
    w,
    b=None,
    auto_pad="NOTSET",
    dilations=None,
    group=1,
    kernel_shape=None,
    output_padding=None,
    output_shape=None,
    pads=None,
    strides=None,
):
    kernel, count = w.shape[2:], x.ndim - 2
    strides, dilations, more = ones(strides, count), ones(dilations, count), output_padding or [0] * count
    axes = zip(strides, x.shape[2:], more, dilations, kernel, strict=True)
    full = [s * (n - 1) + e + d * (k - 1) + 1 for s, n, e, d, k in axes]
    if output_shape or auto_pad.startswith("SAME"):
        size = (output_shape or [n * s for n, s in zip(x.shape[2:], strides, strict=True)])[-count:]
        cut = [same(f - n, auto_pad == "SAME_UPPER") for f, n in zip(full, size, strict=True)]
    else:
        cut = sides(x, kernel, strides, dilations, pads, auto_pad)
    there = [(max(0, a), max(0, c)) for a, c in cut]
    size = [f - a - c for f, (a, c) in zip(full, there, strict=True)]
    room((x.shape[0], w.shape[1] * group, *size), x.dtype, x)
    scores = transposed(x, w, strides, there, dilations, group, size)
    if there != cut:  # zeros where the result is larger than what was spread
        scores = np.pad(scores, [(0, 0), (0, 0), *((max(0, -a), max(0, -c)) for a, c in cut)])
    return scores if b is None else scores + along(b, 1, scores.ndim)


@operator
def Col2Im(x, image_shape, block_shape, dilations=None, pads=None, strides=None):
    """Each number added where a window reads."""
    size, block = ints(image_shape), ints(block_shape)
    count = len(block)
    strides, dilations = ones(strides, count), ones(dilations, count)
    pads = pads or [0] * 2 * count
    padded = [n + a + b for n, a, b in zip(size, pads[:count], pads[count:], strict=True)]
    counts = [places(*axis) for axis in zip(padded, block, strides, dilations, strict=True)]
    parts = np.reshape(x, (x.shape[0], -1, *block, *counts))
    total = Tensor(np.zeros(room((*parts.shape[:2], *padded), x.dtype), x.dtype))
    for entry in np.ndindex(*block):
        starts = [i * d for i, d in zip(entry, dilations, strict=True)]
        read = (slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(starts, strides, counts, strict=True))
        total = total.at[(slice(None), slice(None), *read)].add(parts[(slice(None), slice(None), *entry)])
    return within(total, pads[:count], size)
