"""Convolutions along any number of axes, their adjoints, and windows put back in their places."""

import functools

import numpy as np

from autograd_mini import Tensor
from nn.layers.convolution import Window, convolve, convolve_affine, spread
from nn.models.onnx.operators.table import along, ints, operator, room, within


def same(missing, upper):
    """What is missing along an axis, half before and half behind; an odd one behind, if `upper`, else before."""
    half = missing // 2
    return (half, missing - half) if upper else (missing - half, half)


def sides(size, kernel, strides, dilations, pads, auto_pad):
    """The padding before and behind along each axis."""
    count = len(kernel)
    if auto_pad.startswith("SAME"):
        reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
        missing = [max(0, (-(-n // s) - 1) * s + r - n) for n, s, r in zip(size, strides, reach, strict=True)]
        return [same(more, auto_pad == "SAME_UPPER") for more in missing]
    if not pads or auto_pad == "VALID":
        return [(0, 0)] * count
    return list(zip(pads[:count], pads[count:], strict=True))


def flat(x):
    """The places along the first spatial axis as more examples."""
    moved = np.moveaxis(x, 2, 1)
    return np.reshape(moved, (-1, *moved.shape[2:]))


def unflat(x, examples):
    """The other way."""
    return np.moveaxis(np.reshape(x, (examples, -1, *x.shape[1:])), 1, 2)


@operator
def Conv(x, w, b=None, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, pads=None, strides=None):
    kernel = w.shape[2:]
    strides, dilations = strides or [1] * len(kernel), dilations or [1] * len(kernel)
    padding = sides(x.shape[2:], kernel, strides, dilations, pads, auto_pad)
    return convolution(x, w, b, Window(tuple(kernel), tuple(strides), tuple(padding), tuple(dilations)), group)


def convolution(x, w, b, window, groups):
    """With more than two spatial axes it is a sum over the entries of the window along the first."""
    if len(window.kernel) == 1:
        window = Window((1, *window.kernel), (1, *window.stride), ((0, 0), *window.padding), (1, *window.dilation))
    if len(window.kernel) == 2:
        if b is None:
            return convolve(x, w, window=window, groups=groups)
        return convolve_affine(x, w, b, window=window, groups=groups)
    (kernel, *_), (step, *_), (before_behind, *_), (gap, *_) = window
    inner = Window(*(part[1:] for part in window))
    x = np.pad(x, [(0, 0), (0, 0), before_behind, *[(0, 0)] * (x.ndim - 3)])
    last = ((x.shape[2] - gap * (kernel - 1) - 1) // step) * step + 1
    parts = [
        convolution(flat(x[:, :, i * gap : i * gap + last : step]), w[:, :, i], None if i else b, inner, groups)
        for i in range(kernel)
    ]
    return unflat(functools.reduce(np.add, parts), x.shape[0])


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
    strides, dilations, more = strides or [1] * count, dilations or [1] * count, output_padding or [0] * count
    axes = zip(strides, x.shape[2:], more, dilations, kernel, strict=True)
    full = [s * (n - 1) + e + d * (k - 1) + 1 for s, n, e, d, k in axes]
    room((*x.shape[:2], *full), x.dtype)
    if output_shape or auto_pad.startswith("SAME"):
        wanted = (output_shape or [n * s for n, s in zip(x.shape[2:], strides, strict=True)])[-count:]
        cut = [same(f - n, auto_pad == "SAME_UPPER") for f, n in zip(full, wanted, strict=True)]
    else:
        cut = sides(x.shape[2:], kernel, strides, dilations, pads, auto_pad)
    whole = spread_to(x, w, Window(tuple(kernel), tuple(strides), ((0, 0),) * count, tuple(dilations)), group, full)
    whole = np.pad(whole, [(0, 0), (0, 0), *((max(0, -a), max(0, -c)) for a, c in cut)])
    out = within(whole, [max(0, a) for a, _ in cut], [n - a - c for n, (a, c) in zip(full, cut, strict=True)])
    return out if b is None else out + along(b, 1, out.ndim)


def spread_to(x, w, window, groups, size):
    """The adjoint of `convolution`, in images of this size."""
    if len(size) == 1:
        window = Window((1, *window.kernel), (1, *window.stride), dilation=(1, *window.dilation))
    if len(size) <= 2:
        return spread(x, w, window=window._replace(padding=((0, 0), (0, 0))), groups=groups, size=tuple(size))
    (kernel, *_), (step, *_), _, (gap, *_) = window
    inner, rest = Window(*(part[1:] for part in window)), [(0, 0)] * (len(size) - 1)
    total = 0
    for i in range(kernel):
        part = unflat(spread_to(flat(x), w[:, :, i], inner, groups, size[1:]), x.shape[0])
        apart = np.pad(np.expand_dims(part, 3), [(0, 0), (0, 0), (0, 0), (0, step - 1), *rest])  # zeros between
        apart = np.reshape(apart, (*part.shape[:2], -1, *part.shape[3:]))[:, :, : (part.shape[2] - 1) * step + 1]
        total = total + np.pad(apart, [(0, 0), (0, 0), (i * gap, size[0] - i * gap - apart.shape[2]), *rest])
    return total


@operator
def Col2Im(x, image_shape, block_shape, dilations=None, pads=None, strides=None):
    """Each number added where a window reads."""
    size, block = ints(image_shape), ints(block_shape)
    count = len(block)
    dilations, strides = dilations or [1] * count, strides or [1] * count
    padding = sides(size, block, strides, dilations, pads, "NOTSET")
    padded = [n + a + b for n, (a, b) in zip(size, padding, strict=True)]
    axes = list(zip(padded, dilations, block, strides, strict=True))
    places = [(n - d * (k - 1) - 1) // s + 1 for n, d, k, s in axes]
    parts = np.reshape(x, (x.shape[0], -1, *block, *places))
    total = Tensor(np.zeros(room((*parts.shape[:2], *padded), x.dtype), x.dtype))
    for entry in np.ndindex(*block):
        starts = [i * d for i, d in zip(entry, dilations, strict=True)]
        read = (slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(starts, strides, places, strict=True))
        total = total.at[(slice(None), slice(None), *read)].add(parts[(slice(None), slice(None), *entry)])
    return within(total, [before for before, _ in padding], size)
