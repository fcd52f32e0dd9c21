"""Convolutions: three operations that are each other's derivatives, and the layers made of them, which are `Conv2d`,
`Conv1d` and their adjoints `ConvTranspose2d` and `ConvTranspose1d`.

Images are logically (images, channels, height, width); sequences, (examples, channels, length), are images of height 1.
In memory, results have their channels last, which makes the parts of an image that a window reads long runs; whatever
works entry by entry keeps that layout.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from autograd_mini import Batch, Tensor, batching_rule, case, is_batched, primitive, rule, values_of
from autograd_mini import numpy as np
from nn.checks import as_input, is_foreign
from nn.docstrings import described_by
from nn.layers.init import Initialiser, as_initialiser
from nn.module import Module
from nn.parameter import Parameter

BLOCK = 2**17  # numbers that are unrolled at a time: what the second-level cache holds
BESIDE = 16  # examples with weights of their own that lie side by side at a time
SHALLOW = 4  # channels below which a window's entries of one row are a shorter run than a row of results

SIZES = "{name}({what}={got!r}): write a positive whole number{pair}."
PADDING = "{name}({what}={got!r}): write a whole number from 0 on{pair}{words}."
PAIRS = {1: "", 2: ", a pair of them (height, width)"}
SAME = (
    "{name}(padding='same', stride={stride}): an image keeps its size only with a stride of 1. Write the padding as "
    "numbers, such as {kernel[1]} // 2."
)
LEFT_OVER = (
    "{name}(output_padding={got}, stride={stride}): a window that moves by the stride leaves over less than that at "
    "the end. Write a smaller number, or a larger stride."
)
CHANNELS = "{name}({in_channels}, {out_channels}): the numbers of channels must be positive whole numbers."
GROUPS = (
    "{name}({in_channels}, {out_channels}, groups={groups}): both numbers of channels must be multiples of the number "
    "of groups, because each group reads its own inputs and makes its own outputs."
)
RANK = "{name} was given an input of shape {got}. It reads {kind}: write {hint}."
WRONG_CHANNELS = (
    "{name}, whose weights have shape {weights}, was given an input of shape {got}: {channels} channels (axis 1) where "
    "it reads {wanted}. It reads {kind}; `np.moveaxis(x, -1, 1)` turns channels-last ones."
)
TOO_SMALL = (
    "{name} was given an input of shape {got}, which padded is {padded}: smaller than its window, which reaches over "
    "{reach}. Pad more, or pool and stride less in the layers before."
)
NOTHING_LEFT = (
    "{name} was given an input of shape {got}, of which the padding leaves nothing: the result is {size}. Pad less."
)

KINDS = {
    1: "sequences of shape (examples, channels, length)",
    2: "images of shape (images, channels, height, width)",
}
HINTS = {
    1: {
        0: "a batch of sequences, also if it is only one: `x[None]`",
        2: "`x[:, None]` for sequences of one channel, `x[None]` for one sequence",
    },
    2: {
        0: "a batch of images, also if it is only one: `x[None]`",
        2: "`x.reshape(-1, 1, height, width)`",
        3: "`x[:, None]` for images of one channel, `x[None]` for one image",
    },
}

Pair = tuple[int, int]


class Window(NamedTuple):
    """A window that moves over an image; everything as (height, width)."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)

    @property
    def reach(self) -> Pair:
        """From the first to the last row and column that it reads."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))  # type: ignore[return-value]

    def padded(self, size: Pair) -> Pair:
        """The height and width of an image with its padding."""
        return size[0] + sum(self.padding[0]), size[1] + sum(self.padding[1])

    def places(self, size: Pair) -> Pair:
        """At how many places it stands in an image, down and across; what is left over at the end is not read."""
        ends = zip(self.padded(size), self.reach, self.stride, strict=True)
        return tuple((n - reach) // step + 1 for n, reach, step in ends)  # type: ignore[return-value]

    def back(self) -> Window:
        """The window that goes from the scores to the images, if the stride is 1: padded by what is missing."""
        (top, bottom), (left, right) = self.padding
        height, width = (reach - 1 for reach in self.reach)
        return self._replace(padding=((height - top, height - bottom), (width - left, width - right)))

    def origin(self, places: Pair, left_over: Pair) -> Pair:
        """The size of an image in which it stands at so many places, with what is left over behind the last."""
        ends = zip(places, self.reach, self.stride, self.padding, left_over, strict=True)
        return tuple((n - 1) * step + reach - sum(sides) + more for n, reach, step, sides, more in ends)  # type: ignore[return-value]

    def met(self) -> Iterator[tuple[Any, Any]]:
        """The rows and columns of those of its entries that meet at one place of an image, for each kind of place."""
        starts = [np.arange(k) * d % step for k, d, step in zip(self.kernel, self.dilation, self.stride, strict=True)]
        down, across = ([np.flatnonzero(start == at) for at in np.unique(start)] for start in starts)
        return itertools.product(down, across)

    def at(self, i: int, j: int, places: Pair) -> tuple[slice, slice]:
        """The rows and columns that its entry (i, j) reads, over all places."""
        starts = (self.dilation[0] * i, self.dilation[1] * j)
        down, across = (
            slice(start, start + step * (count - 1) + 1, step)
            for start, step, count in zip(starts, self.stride, places, strict=True)
        )
        return down, across


# Arrays


def with_border(x: Any, window: Window, dtype: Any, planes: bool) -> Any:
    """The images with zeros around them, in one piece of memory: channel by channel, or channels last."""
    (top, bottom), (left, right) = window.padding
    n, c, h, w = x.shape
    if not planes:
        x = x.transpose(0, 2, 3, 1)
    if not (top or bottom or left or right):
        return np.ascontiguousarray(x, dtype)
    inside = slice(top, top + h), slice(left, left + w)
    height, width = window.padded((h, w))
    padded = np.zeros((n, c, height, width) if planes else (n, height, width, c), dtype)
    padded[(..., *inside) if planes else (slice(None), *inside)] = x
    return padded


def unrolled(x: Any, window: Window, groups: int, dtype: Any) -> Iterator[tuple[slice, Any]]:
    """What the window reads, some images at a time: which rows, and for each group of channels a matrix.

    A row is a place of the window in an image; a column is an entry of the window: row, column, channel. The whole
    would be many times larger than the images, and slower to make than a part that stays in the cache.
    """
    n, c, h, w = x.shape
    kernel, (down, across), _, dilation = window
    places = window.places((h, w))
    depth = c // groups
    planes = depth < SHALLOW
    padded = with_border(x, window, dtype, planes)
    if planes:
        of_image, of_channel, of_row, of_column = padded.strides
    else:
        of_image, of_row, of_column, of_channel = padded.strides
    read = np.ndarray(
        (groups, n, *places, *kernel, depth),
        dtype,
        padded,
        strides=(
            *(depth * of_channel, of_image, down * of_row, across * of_column),
            *(dilation[0] * of_row, dilation[1] * of_column, of_channel),
        ),
    )
    columns, count = math.prod(kernel) * depth, math.prod(places)
    step = max(1, BLOCK // max(1, columns * groups * count))
    block = read[:, :0]
    for start in range(0, n, step):
        part = read[:, start : start + step]
        images = part.shape[1]
        if block.shape != part.shape and planes:
            memory = np.empty((groups, *kernel, depth, images, *places), dtype)
            block = memory.transpose(0, 4, 5, 6, 1, 2, 3)
            matrix = memory.reshape(groups, columns, images * count).swapaxes(1, 2)
        elif block.shape != part.shape:
            block = np.empty(part.shape, dtype)
            matrix = block.reshape(groups, images * count, columns)
        np.copyto(block, part)
        yield slice(start * count, (start + images) * count), matrix


def rows(images: Any, groups: int) -> Any:
    """Images as one matrix for each group: a row for each place, a column for each channel."""
    n, c, h, w = images.shape
    return images.transpose(0, 2, 3, 1).reshape(n * h * w, groups, c // groups).transpose(1, 0, 2)


def empty_images(shape: tuple[int, ...], dtype: Any) -> Any:
    """Room for images with channels last in memory."""
    n, c, h, w = shape
    return np.empty((n, h, w, c), dtype).transpose(0, 3, 1, 2)


def product(x: Any, weights: Any, bias: Any, window: Window, groups: int) -> Any:
    """The matrix product of what the window reads with the weights."""
    dtype = np.result_type(x, weights) if bias is None else np.result_type(x, weights, bias)
    channels, depth, *kernel = weights.shape
    matrices = weights.reshape(groups, channels // groups, depth, *kernel).transpose(0, 3, 4, 2, 1)
    matrices = matrices.reshape(groups, -1, channels // groups).astype(dtype, copy=False)
    shift = None if bias is None else bias.reshape(groups, 1, channels // groups)
    out = empty_images((len(x), channels, *window.places(x.shape[2:])), dtype)
    results = rows(out, groups)
    for these, matrix in unrolled(x, window, groups, dtype):
        part = np.matmul(matrix, matrices, out=results[:, these])
        if shift is not None:
            part += shift
    return out


# The same for arrays of other libraries, whose memory is not NumPy's to lay out


def windows_of(x: Any, window: Window, groups: int) -> Any:
    """What the window reads: (images, groups, channels of a group, down, across, row, column)."""
    n, c = x.shape[:2]
    padded = np.pad(x, ((0, 0), (0, 0), *window.padding))
    read = np.lib.stride_tricks.sliding_window_view(padded, window.reach, (2, 3))
    read = read[:, :, :: window.stride[0], :: window.stride[1], :: window.dilation[0], :: window.dilation[1]]
    return np.reshape(read, (n, groups, c // groups, *read.shape[2:]))


def in_groups(array: Any, groups: int, axis: int) -> Any:
    """Channels along an axis as groups of them."""
    shape = array.shape
    return np.reshape(array, (*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :]))


def product_of_windows(x: Any, weights: Any, bias: Any, window: Window, groups: int) -> Any:
    """`product`."""
    out = np.einsum("ngdhwij,godij->ngohw", windows_of(x, window, groups), in_groups(weights, groups, 0))
    out = np.reshape(out, (out.shape[0], weights.shape[0], *out.shape[3:]))
    return out if bias is None else out + np.reshape(bias, (-1, 1, 1))


def spread_by_entry(g: Any, weights: Any, window: Window, groups: int, size: Pair) -> Any:
    """`spread`: the scores that each entry of the window has taken part in, one entry after the other."""
    n, depth, places = len(g), weights.shape[1], g.shape[2:]
    given, split = in_groups(g, groups, 1), in_groups(weights, groups, 0)
    total = np.zeros_like(g, shape=(n, groups, depth, *window.padded(size)), dtype=np.result_type(g, weights))
    for i, j in np.ndindex(*window.kernel):
        total[(..., *window.at(i, j, places))] += np.einsum("ngohw,god->ngdhw", given, split[..., i, j])
    (top, _), (before, _) = window.padding
    inside = total[..., top : top + size[0], before : before + size[1]]
    return np.reshape(inside, (n, groups * depth, *size))


def correlate_windows(g: Any, x: Any, window: Window, groups: int) -> Any:
    """`correlate`."""
    total = np.einsum("ngohw,ngdhwij->godij", in_groups(g, groups, 1), windows_of(x, window, groups))
    return np.reshape(total, (g.shape[1], *total.shape[2:]))


# Operations, each linear in both operands


def of_sequences_too(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation of images, weights and perhaps a bias, also for sequences, as images of height 1."""

    @functools.wraps(operation)
    def either(*arrays: Any, **options: Any) -> Any:
        if arrays[0].ndim == 4:
            return operation(*arrays, **options)
        images = (np.expand_dims(array, 2) if getattr(array, "ndim", 0) == 3 else array for array in arrays)
        return operation(*images, **options)[:, :, 0]

    return either


@primitive
@of_sequences_too
def convolve(x: Any, weights: Any, window: Window, groups: int) -> Any:
    """The scores of a convolution, sum over a window of x w, as (images, channels, height, width)."""
    if is_foreign(x):
        return product_of_windows(x, weights, None, window, groups)
    return product(x, weights, None, window, groups)


@primitive
@of_sequences_too
def convolve_affine(x: Any, weights: Any, bias: Any, window: Window, groups: int) -> Any:
    """The same with a number for each channel added while the result is in the cache."""
    if is_foreign(x):
        return product_of_windows(x, weights, bias, window, groups)
    return product(x, weights, bias, window, groups)


@primitive
@of_sequences_too
def spread(g: Any, weights: Any, window: Window, groups: int, size: tuple[int, ...]) -> Any:
    """The adjoint of `convolve` by its images, which have this size: each score goes back to what was read for it."""
    n, channels, *places = g.shape
    size = (size[0] if len(size) == 2 else 1, size[-1])
    if is_foreign(g):
        return spread_by_entry(g, weights, window, groups, size)
    depth = weights.shape[1]
    split = weights.reshape(groups, channels // groups, depth, *window.kernel)
    back, planes = window.back(), depth < SHALLOW
    if window.stride == (1, 1) and not planes and min(map(min, back.padding)) >= 0:
        flipped = split[..., ::-1, ::-1].swapaxes(1, 2).reshape(groups * depth, channels // groups, *window.kernel)
        return product(g, flipped, None, back, groups)
    dtype = np.result_type(g, weights)
    matrices = split.transpose(0, 1, 3, 4, 2).reshape(groups, channels // groups, -1).astype(dtype, copy=False)
    height, width = window.padded(size)
    if planes:
        total = np.zeros((groups, depth, n, height, width), dtype).transpose(2, 3, 4, 0, 1)
    else:
        total = np.zeros((n, height, width, groups, depth), dtype)
    given, count = rows(g, groups), math.prod(places)
    step = max(1, BLOCK // max(1, count * depth * groups * math.prod(window.kernel)))
    for start in range(0, n, step):
        images = total[start : start + step]
        these = given[:, start * count : (start + step) * count]
        if planes:
            parts = np.matmul(matrices.swapaxes(1, 2), these.swapaxes(1, 2))
            parts = parts.reshape(groups, *window.kernel, depth, len(images), *places).transpose(4, 5, 6, 1, 2, 0, 3)
        else:
            parts = np.matmul(these, matrices).reshape(groups, len(images), *places, *window.kernel, depth)
            parts = parts.transpose(1, 2, 3, 4, 5, 0, 6)
        for i, j in np.ndindex(*window.kernel):
            images[:, *window.at(i, j, (places[0], places[1]))] += parts[:, :, :, i, j]
    (top, _), (before, _) = window.padding
    inside = total[:, top : top + size[0], before : before + size[1]]
    return inside.reshape(n, *size, groups * depth).transpose(0, 3, 1, 2)


@primitive
@of_sequences_too
def correlate(g: Any, x: Any, window: Window, groups: int) -> Any:
    """The adjoint of `convolve` by its weights: how much each entry of the window has read for each channel of g."""
    if is_foreign(g):
        return correlate_windows(g, x, window, groups)
    dtype = np.result_type(g, x)
    channels, depth = g.shape[1], x.shape[1] // groups
    given = rows(g, groups)
    total = np.zeros((groups, math.prod(window.kernel) * depth, channels // groups), dtype)
    for these, matrix in unrolled(x, window, groups, dtype):
        total += np.matmul(matrix.swapaxes(1, 2), given[:, these])
    total = total.reshape(groups, *window.kernel, depth, channels // groups)
    return total.transpose(0, 4, 3, 1, 2).reshape(channels, depth, *window.kernel)


# All examples of a vmap at once: as more images where they share the weights, else some of them as groups of channels


def joined(x: Any, level: Any) -> Any:
    """The images of all examples as images."""
    return flat(values_of(x, level))


def by_example(images: Any, level: Any) -> Any:
    """The other way."""
    return Batch(np.reshape(images, (level.size, images.shape[0] // level.size, *images.shape[1:])), level)


def flat(values: Any) -> Any:
    """The first two axes as one."""
    return np.reshape(values, (values.shape[0] * values.shape[1], *values.shape[2:]))


def as_channels(values: Any) -> Any:
    """The channels of some examples as channels of the same images."""
    n, images, channels, *size = values.shape
    return np.reshape(np.moveaxis(values, 0, 1), (images, n * channels, *size))


def from_channels(images: Any, n: int) -> Any:
    """The other way."""
    return np.moveaxis(np.reshape(images, (images.shape[0], n, images.shape[1] // n, *images.shape[2:])), 1, 0)


def some_at_a_time(operation: Callable[..., Any], level: Any, *operands: Any) -> Any:
    """An operation of the values of some examples, done to all: unrolled at once, they would fill the memory."""
    values = [values_of(x, level) for x in operands]
    parts = [operation(*(x[i : i + BESIDE] for x in values)) for i in range(0, level.size, BESIDE)]
    return Batch(parts[0] if len(parts) == 1 else np.concatenate(parts), level)


def with_weights(level: Any, x: Any, weights: Any, groups: int, compute: Callable[..., Any]) -> Any:
    """`compute(images, weights, groups)` of all examples."""
    if not level.size:
        return NotImplemented
    if not is_batched(weights, level):
        return by_example(compute(joined(x, level), weights, groups), level)

    def of_some(x: Any, weights: Any) -> Any:
        n = x.shape[0]
        return from_channels(compute(as_channels(x), flat(weights), groups * n), n)

    return some_at_a_time(of_some, level, x, weights)


@batching_rule(convolve)
def _(level: Any, x: Any, weights: Any, window: Window, groups: int) -> Any:
    if level.size and groups == 1 and not is_batched(x, level):  # the same images, and many filters
        return Batch(from_channels(convolve(x, joined(weights, level), window, 1), level.size), level)
    return with_weights(level, x, weights, groups, lambda x, weights, groups: convolve(x, weights, window, groups))


@batching_rule(spread)
def _(level: Any, g: Any, weights: Any, window: Window, groups: int, size: tuple[int, ...]) -> Any:  # noqa: PLR0917
    return with_weights(level, g, weights, groups, lambda g, weights, groups: spread(g, weights, window, groups, size))


@batching_rule(convolve_affine)
def _(level: Any, x: Any, weights: Any, bias: Any, window: Window, groups: int) -> Any:  # noqa: PLR0917
    if is_batched(weights, level) or is_batched(bias, level) or not level.size:
        return convolve(x, weights, window, groups) + np.expand_dims(bias, tuple(range(1, x.ndim - 1)))
    return by_example(convolve_affine(joined(x, level), weights, bias, window, groups), level)


@batching_rule(correlate)
def _(level: Any, g: Any, x: Any, window: Window, groups: int) -> Any:
    if not level.size:
        return NotImplemented
    if groups == 1 and not is_batched(x, level):
        return by_example(correlate(as_channels(values_of(g, level)), x, window, 1), level)

    def of_some(g: Any, x: Any) -> Any:
        n = g.shape[0]
        weights = correlate(as_channels(g), as_channels(x), window, groups * n)
        return np.reshape(weights, (n, weights.shape[0] // n, *weights.shape[1:]))

    return some_at_a_time(of_some, level, g, x)


GEOMETRIES = (
    ((2, 2, 4, 4), (3, 2, 3, 3), Window((3, 3)), 1),
    ((1, 4, 3, 3), (2, 4, 3, 2), Window((3, 2), padding=((1, 1), (0, 1))), 1),
    ((2, 1, 5, 4), (2, 1, 2, 2), Window((2, 2), (2, 3), ((1, 0), (0, 2))), 1),
    ((1, 2, 5, 5), (4, 1, 2, 2), Window((2, 2), (1, 1), ((2, 1), (0, 0)), (2, 3)), 2),
    ((0, 2, 3, 3), (2, 2, 2, 2), Window((2, 2)), 1),
    ((2, 2, 5), (2, 1, 2), Window((1, 2), (1, 2), ((0, 0), (1, 0))), 2),
)


def of(window: Window, x: tuple[int, ...], weights: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a convolution's result."""
    places = window.places((x[2] if len(x) == 4 else 1, x[-1]))
    return (x[0], weights[0], *places[4 - len(x) :])


def of_bias(g: Any) -> Any:
    """The cotangent of a number that is added to each channel."""
    return np.sum(g, tuple(axis for axis in range(g.ndim) if axis != 1))


rule(
    convolve,
    lambda g, _out, _x, weights, window, groups: spread(g, weights, window, groups, _x.shape[2:]),
    lambda g, _out, x, _weights, window, groups: correlate(g, x, window, groups),
    cases=[case(x, w, window=window, groups=groups) for x, w, window, groups in GEOMETRIES],
    linear=True,
)
rule(
    convolve_affine,
    lambda g, _out, _x, weights, _bias, window, groups: spread(g, weights, window, groups, _x.shape[2:]),
    lambda g, _out, x, _weights, _bias, window, groups: correlate(g, x, window, groups),
    lambda g, _out, _x, _weights, _bias, window, groups: of_bias(g),  # noqa: ARG005
    cases=[case(x, w, w[:1], window=window, groups=groups) for x, w, window, groups in GEOMETRIES],
    linear=True,
)
rule(
    spread,
    lambda g, _out, _given, weights, window, groups, size: convolve(g, weights, window, groups),  # noqa: ARG005
    lambda g, _out, given, _weights, window, groups, size: correlate(given, g, window, groups),  # noqa: ARG005
    cases=[case(of(window, x, w), w, window=window, groups=groups, size=x[2:]) for x, w, window, groups in GEOMETRIES],
    linear=True,
)
rule(
    correlate,
    lambda g, _out, _given, x, window, groups: convolve(x, g, window, groups),
    lambda g, _out, given, _x, window, groups: spread(given, g, window, groups, _x.shape[2:]),
    cases=[case(of(window, x, w), x, window=window, groups=groups) for x, w, window, groups in GEOMETRIES],
    linear=True,
)


# The layers


def as_pair(value: Any, name: str, what: str, axes: int = 2) -> Pair:
    """A positive whole number as a pair, or a pair of them; along a sequence, as the width of an image."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    if len(pair) != axes or not all(isinstance(n, int | np.integer) and n > 0 for n in pair):
        raise ValueError(SIZES.format(name=name, what=what, got=value, pair=PAIRS[axes]))
    return int(pair[0]) if axes == 2 else 1, int(pair[-1])


def as_sides(value: Any, name: str, what: str, words: str = "", axes: int = 2) -> Pair:
    """The same for whole numbers that may be 0, as the height of a sequence is."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    if len(pair) != axes or not all(isinstance(n, int | np.integer) and n >= 0 for n in pair):
        raise ValueError(PADDING.format(name=name, what=what, got=value, pair=PAIRS[axes], words=words))
    return int(pair[0]) if axes == 2 else 0, int(pair[-1])


def as_padding(value: Any, name: str, words: str = "", axes: int = 2) -> tuple[Pair, Pair]:
    """A padding as what is before and after, down and across."""
    down, across = as_sides(value, name, "padding", words, axes)
    return (down, down), (across, across)


def check_input(name: str, x: Any, axes: int, channels: int = 0, weights: Any = None) -> None:
    """Refuse what is no batch of images or sequences, or of other channels than the weights want."""
    if x.ndim != axes + 2:
        hint = HINTS[axes].get(x.ndim, HINTS[axes][0])
        raise ValueError(RANK.format(name=name, got=x.shape, kind=KINDS[axes], hint=hint))
    if channels not in {0, x.shape[1]}:
        found = {"got": x.shape, "channels": x.shape[1], "wanted": channels, "kind": KINDS[axes]}
        raise ValueError(WRONG_CHANNELS.format(name=name, weights=weights, **found))


def check_room(name: str, x: Any, window: Window) -> None:
    """Refuse what is smaller than the window."""
    axes = x.ndim - 2
    padded = window.padded((x.shape[2] if axes == 2 else 1, x.shape[-1]))
    if any(size < reach for size, reach in zip(padded, window.reach, strict=True)):
        sizes = (" x ".join(map(str, pair[-axes:])) for pair in (padded, window.reach))
        raise ValueError(TOO_SMALL.format(name=name, got=x.shape, padded=next(sizes), reach=next(sizes)))


class Convolution(Module):
    """What convolutions have in common.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input, and of the scores.
    kernel : int or pair of int
        Height and width of the window.
    stride : int or pair of int
        How far it moves from one place to the next.
    dilation : int or pair of int
        From one entry of the window to the next.
    groups : int
        The channels are divided into so many groups, each of which reads its own; `in_channels` makes a depthwise
        convolution.
    bias : bool
        Whether there is one; it starts at 0.
    rng : int or numpy.random.Generator, optional
        Where the weights come from.
    dtype : dtype
        Of the parameters. The result has this dtype or the input's, whichever is wider; of whole numbers this.
    """

    axes = 2  # of what the window moves over
    window: Window
    groups: int
    weights: Parameter
    bias: Parameter | None

    def _build(  # noqa: PLR0917
        self, in_channels: int, out_channels: int, kernel: Any, stride: Any, dilation: Any, groups: int
    ) -> Window:
        """The window without padding, if all of these can be."""
        name = type(self).__name__
        if not all(isinstance(n, int | np.integer) and n > 0 for n in (in_channels, out_channels)):
            raise ValueError(CHANNELS.format(name=name, in_channels=in_channels, out_channels=out_channels))
        if not isinstance(groups, int) or groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                GROUPS.format(name=name, in_channels=in_channels, out_channels=out_channels, groups=groups)
            )
        self.groups = groups
        return Window(
            as_pair(kernel, name, "kernel", self.axes),
            as_pair(stride, name, "stride", self.axes),
            dilation=as_pair(dilation, name, "dilation", self.axes),
        )

    def _start(self, weights: Any, channels: int, bias: bool, dtype: Any) -> None:
        """The parameters, from weights for images and the number of channels of the scores."""
        kernel = self.window.kernel[-self.axes :]
        self.weights = Parameter(weights.reshape(*weights.shape[:2], *kernel).astype(dtype))
        self.bias = Parameter(np.zeros(channels, dtype)) if bias else None

    def describe(self) -> str:
        """The window, where it is not the plain one."""
        plain = Window(self.window.kernel)
        told = [
            f"{name}={value if self.axes == 2 else value[1]}"
            for name, value, usual in zip(Window._fields, self.window, plain, strict=True)
            if value != usual
        ]
        return ", ".join(told + ([f"groups={self.groups}"] if self.groups > 1 else []))


@described_by(Convolution)
class Conv2d(Convolution):
    r"""Scores of a window that moves over images, with the same weights at each place.

    .. math:: s_{n o y x} = b_o + \sum_{c, i, j} w_{o c i j}\, z_{n,\,c,\,a y + d i,\,a x + d j}

    with the stride a, the dilation d, and z the images with `padding` zeros around them. (The window is not flipped:
    what mathematics calls a cross-correlation, and every library of networks a convolution.)

    Parameters
    ----------
    padding : int, pair of int, "valid" or "same"
        Zeros around the image: so many on each side; none; or as many as keep the size, if the stride is 1 (of an odd
        number the larger half is below and to the right, as in PyTorch).
    init : str or initialiser
        Of the weights of a group as the matrix (in_channels / groups * height * width, out_channels / groups) of the
        matrix product.

    Attributes
    ----------
    weights : Parameter
        Shape (out_channels, in_channels / groups, height, width), PyTorch's `weight`.
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        If a size is no positive whole number, a number of channels no multiple of the groups; on images of another
        rank or number of channels, or smaller than the window.

    Notes
    -----
    What the windows read is unrolled into the rows of a matrix, a few images at a time, so that it stays in the cache;
    one matrix product with the weights makes the scores, and each gradient is one such product too. Kept for the
    backward are the input and nothing else.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> layer = nn.Conv2d(1, 16, kernel=3, padding="same", rng=0)
    >>> layer(np.ones((64, 1, 28, 28), np.float32)).shape
    (64, 16, 28, 28)
    """

    output_axis = 0  # of the weights: where `WeightNorm` and `nn.init.layer_sequential` find the units

    def __init__(  # noqa: PLR0917
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair | str = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        init: str | Initialiser = "he",
        bias: bool = True,
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        window, name = self._build(in_channels, out_channels, kernel, stride, dilation, groups), type(self).__name__
        if padding == "same":
            if window.stride != (1, 1):
                raise ValueError(SAME.format(name=name, stride=stride, kernel=window.kernel))
            down, across = ((reach // 2 - (reach % 2 == 0), reach // 2) for reach in window.reach)
            sides = (down, across)
        else:
            sides = as_padding(0 if padding == "valid" else padding, name, ", 'valid' or 'same'", self.axes)
        self.window = window._replace(padding=sides)
        rng = np.random.default_rng(rng)
        depth, outputs = in_channels // groups, out_channels // groups
        matrices = [as_initialiser(init)((depth * math.prod(window.kernel), outputs), rng) for _ in range(groups)]
        weights = np.concatenate(matrices, axis=1).T.reshape(out_channels, depth, *window.kernel)
        self._start(weights, out_channels, bias, dtype)

    def forward(self, x: Any) -> Tensor:
        x = as_input(x, self.weights)
        check_input(self._title(), x, self.axes, self.weights.shape[1] * self.groups, self.weights.shape)
        check_room(self._title(), x, self.window)
        if self.bias is None:
            return convolve(x, self.weights, window=self.window, groups=self.groups)
        return convolve_affine(x, self.weights, self.bias, window=self.window, groups=self.groups)


@described_by(Conv2d)
class Conv1d(Conv2d):
    r"""Scores of a window that moves along sequences: `Conv2d` with one axis, for what lies in time.

    .. math:: s_{n o t} = b_o + \sum_{c, i} w_{o c i}\, z_{n,\,c,\,a t + d i}

    with the stride a, the dilation d, and z the sequences with `padding` zeros around them.

    Parameters
    ----------
    kernel, stride, dilation : int
        The length of the window; how far it moves from one place to the next; from one entry of it to the next.
    padding : int, "valid" or "same"
        Zeros around the sequence: so many at each end; none; or as many as keep the length, if the stride is 1.
    init : str or initialiser
        Of the weights of a group as the matrix (in_channels / groups * kernel, out_channels / groups).

    Attributes
    ----------
    weights : Parameter
        Shape (out_channels, in_channels / groups, kernel), PyTorch's `weight`.
    bias : Parameter or None
        Shape (out_channels,).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> layer = nn.Conv1d(3, 8, kernel=5, stride=2, padding=2, rng=0)
    >>> layer(np.ones((4, 3, 20), np.float32)).shape  # (examples, channels, length)
    (4, 8, 10)
    """

    axes = 1


@described_by(Convolution)
class ConvTranspose2d(Convolution):
    r"""The adjoint of `Conv2d`: each entry of an image puts the window, times itself, where that would have read.

    .. math:: s_{n,\,o,\,a y + d i - p,\,a x + d j - p} \mathrel{+}= w_{c o i j}\, z_{n c y x}, \qquad
        s_{n o} \mathrel{+}= b_o

    with the stride a, the dilation d and the padding p. With a stride it makes images larger, of H rows
    :math:`(H - 1) a - 2 p + d (k - 1) + 1 + r`, where k is the kernel's height and r is `output_padding` (Dumoulin &
    Visin 2016, *A guide to convolution arithmetic for deep learning*).

    Parameters
    ----------
    padding : int or pair of int
        How much is cut off on each side: what a convolution of the same padding would read as zeros.
    output_padding : int or pair of int
        Rows and columns more, below and to the right: of those sizes that a convolution with this stride brings to the
        same one, which is meant. It is less than the stride.
    init : str or initialiser
        Of the weights that one score is made with, as the matrix (entries of a group that it reads, out_channels /
        groups): with a stride, different places read different entries of the window.

    Attributes
    ----------
    weights : Parameter
        Shape (in_channels, out_channels / groups, height, width), PyTorch's `weight`.
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        If a size is no positive whole number, a number of channels no multiple of the groups; on images of another
        rank or number of channels, or of which the padding leaves nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> layer = nn.ConvTranspose2d(16, 8, kernel=2, stride=2, rng=0)
    >>> layer(np.ones((4, 16, 7, 7), np.float32)).shape
    (4, 8, 14, 14)
    """

    output_axis = 1  # of the weights, within a group

    def __init__(  # noqa: PLR0917
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        output_padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        init: str | Initialiser = "he",
        bias: bool = True,
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        window, name = self._build(in_channels, out_channels, kernel, stride, dilation, groups), type(self).__name__
        self.window = window._replace(padding=as_padding(padding, name, axes=self.axes))
        self.more = as_sides(output_padding, name, "output_padding", axes=self.axes)
        if any(more >= step for more, step in zip(self.more, window.stride, strict=True)):
            raise ValueError(LEFT_OVER.format(name=name, got=output_padding, stride=stride))
        rng, initialise = np.random.default_rng(rng), as_initialiser(init)
        inputs, outputs = in_channels // groups, out_channels // groups
        entries = np.zeros((groups, inputs, *window.kernel, outputs))
        for group in entries:
            for down, across in window.met():
                part = group[:, down][:, :, across]
                group[:, down[:, None], across] = initialise((part.size // outputs, outputs), rng).reshape(part.shape)
        weights = np.moveaxis(entries, -1, 2).reshape(in_channels, outputs, *window.kernel)
        self._start(weights, out_channels, bias, dtype)

    def forward(self, x: Any) -> Tensor:
        x = as_input(x, self.weights)
        check_input(self._title(), x, self.axes, self.weights.shape[0], self.weights.shape)
        size = self.window.origin((x.shape[2] if self.axes == 2 else 1, x.shape[-1]), self.more)[-self.axes :]
        if min(size) < 1:
            shown = " x ".join(map(str, size))
            raise ValueError(NOTHING_LEFT.format(name=self._title(), got=x.shape, size=shown))
        scores = spread(x, self.weights, window=self.window, groups=self.groups, size=size)
        return scores if self.bias is None else scores + np.reshape(self.bias, (-1, *[1] * self.axes))

    def describe(self) -> str:
        told = f"output_padding={self.more if self.axes == 2 else self.more[1]}" if any(self.more) else ""
        return ", ".join(filter(None, (super().describe(), told)))


@described_by(ConvTranspose2d)
class ConvTranspose1d(ConvTranspose2d):
    r"""The adjoint of `Conv1d`: each entry of a sequence puts the window, times itself, where that would have read.

    .. math:: s_{n,\,o,\,a t + d i - p} \mathrel{+}= w_{c o i}\, z_{n c t}, \qquad s_{n o} \mathrel{+}= b_o

    with the stride a, the dilation d and the padding p. With a stride it makes sequences longer, of T steps
    :math:`(T - 1) a - 2 p + d (k - 1) + 1 + r`, where k is the kernel's length and r is `output_padding`.

    Parameters
    ----------
    kernel, stride, dilation : int
        The length of the window; how far apart two entries put it; from one entry of it to the next.
    padding : int
        How much is cut off at each end.
    output_padding : int
        Entries more at the end, less than the stride.

    Attributes
    ----------
    weights : Parameter
        Shape (in_channels, out_channels / groups, kernel), PyTorch's `weight`.
    bias : Parameter or None
        Shape (out_channels,).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> layer = nn.ConvTranspose1d(8, 3, kernel=4, stride=2, padding=1, rng=0)
    >>> layer(np.ones((4, 8, 10), np.float32)).shape
    (4, 3, 20)
    """

    axes = 1
