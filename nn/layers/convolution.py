"""Convolutions of images: three operations that are each other's derivatives, and the layer `Conv2d` made of them.

Images are logically (images, channels, height, width). In memory, results have their channels last, which makes the
parts of an image that a window reads long runs; whatever works entry by entry keeps that layout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import case, primitive, rule
from nn.checks import as_input
from nn.layers.init import Initialiser, as_initialiser
from nn.module import Module
from nn.parameter import Parameter

BLOCK = 2**17  # numbers that are unrolled at a time: what the second-level cache holds
SHALLOW = 4  # channels below which a window's entries of one row are a shorter run than a row of results

SIZES = "{name}({what}={got!r}): write a positive whole number, or a pair of them, (height, width)."
PADDING = "{name}(padding={got!r}): write a whole number from 0 on, a pair of them (height, width), {words}."
SAME = (
    "{name}(padding='same', stride={stride}): an image keeps its size only with a stride of 1. Write the padding as "
    "numbers, such as {kernel[0]} // 2."
)
CHANNELS = "{name}({in_channels}, {out_channels}): the numbers of channels must be positive whole numbers."
GROUPS = (
    "{name}({in_channels}, {out_channels}, groups={groups}): both numbers of channels must be multiples of the number "
    "of groups, because each group reads its own inputs and makes its own outputs."
)
RANK = (
    "{name} was given an input of shape {got}. It reads images of shape (images, channels, height, width): write "
    "{hint}."
)
WRONG_CHANNELS = (
    "{name}, whose weights have shape {weights}, was given an input of shape {got}: {channels} channels (axis 1) where "
    "it reads {wanted}. Images are (images, channels, height, width); `np.moveaxis(x, -1, 1)` turns channels-last ones."
)
TOO_SMALL = (
    "{name} was given an input of shape {got}, which padded is {height} x {width}: smaller than its window, which "
    "reaches over {reach[0]} x {reach[1]}. Pad more, or pool and stride less in the layers before."
)

HINTS = {
    0: "a batch of images, also if it is only one: `x[None]`",
    2: "`x.reshape(-1, 1, height, width)`",
    3: "`x[:, None]` for images of one channel, `x[None]` for one image",
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


# Operations, each linear in both operands


@primitive
def convolve(x: Any, weights: Any, window: Window, groups: int) -> Any:
    """The scores of a convolution, sum over a window of x w, as (images, channels, height, width)."""
    return product(x, weights, None, window, groups)


@primitive
def convolve_affine(x: Any, weights: Any, bias: Any, window: Window, groups: int) -> Any:
    """The same with a number for each channel added while the result is in the cache."""
    return product(x, weights, bias, window, groups)


@primitive
def spread(g: Any, weights: Any, window: Window, groups: int, size: Pair) -> Any:
    """The adjoint of `convolve` by its images, which have this size: each score goes back to what was read for it."""
    n, channels, *places = g.shape
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
def correlate(g: Any, x: Any, window: Window, groups: int) -> Any:
    """The adjoint of `convolve` by its weights: how much each entry of the window has read for each channel of g."""
    dtype = np.result_type(g, x)
    channels, depth = g.shape[1], x.shape[1] // groups
    given = rows(g, groups)
    total = np.zeros((groups, math.prod(window.kernel) * depth, channels // groups), dtype)
    for these, matrix in unrolled(x, window, groups, dtype):
        total += np.matmul(matrix.swapaxes(1, 2), given[:, these])
    total = total.reshape(groups, *window.kernel, depth, channels // groups)
    return total.transpose(0, 4, 3, 1, 2).reshape(channels, depth, *window.kernel)


GEOMETRIES = (
    ((2, 2, 4, 4), (3, 2, 3, 3), Window((3, 3)), 1),
    ((1, 4, 3, 3), (2, 4, 3, 2), Window((3, 2), padding=((1, 1), (0, 1))), 1),
    ((2, 1, 5, 4), (2, 1, 2, 2), Window((2, 2), (2, 3), ((1, 0), (0, 2))), 1),
    ((1, 2, 5, 5), (4, 1, 2, 2), Window((2, 2), (1, 1), ((2, 1), (0, 0)), (2, 3)), 2),
    ((0, 2, 3, 3), (2, 2, 2, 2), Window((2, 2)), 1),
)


def of(window: Window, x: tuple[int, ...], weights: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a convolution's result."""
    return (x[0], weights[0], *window.places((x[2], x[3])))


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
    lambda g, _out, _x, _weights, _bias, window, groups: np.sum(g, (0, 2, 3)),  # noqa: ARG005
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


# The layer


def as_pair(value: Any, name: str, what: str) -> Pair:
    """A positive whole number as a pair, or a pair of them."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(isinstance(n, int | np.integer) and n > 0 for n in pair):
        raise ValueError(SIZES.format(name=name, what=what, got=value))
    return int(pair[0]), int(pair[1])


def as_padding(value: Any, name: str, words: str) -> tuple[Pair, Pair]:
    """A whole number or a pair of them as what is before and after, down and across."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(isinstance(n, int | np.integer) and n >= 0 for n in pair):
        raise ValueError(PADDING.format(name=name, got=value, words=words))
    return (int(pair[0]), int(pair[0])), (int(pair[1]), int(pair[1]))


def check_images(name: str, x: Any, window: Window, channels: int = 0, weights: Any = None) -> None:
    """Refuse what is no batch of images, of other channels than the weights want, or smaller than the window."""
    if x.ndim != 4:
        raise ValueError(RANK.format(name=name, got=x.shape, hint=HINTS.get(x.ndim, HINTS[0])))
    if channels not in {0, x.shape[1]}:
        raise ValueError(
            WRONG_CHANNELS.format(name=name, weights=weights, got=x.shape, channels=x.shape[1], wanted=channels)
        )
    height, width = window.padded(x.shape[2:])
    if height < window.reach[0] or width < window.reach[1]:
        raise ValueError(TOO_SMALL.format(name=name, got=x.shape, height=height, width=width, reach=window.reach))


class Conv2d(Module):
    r"""Scores of a window that moves over images, with the same weights at each place.

    .. math:: s_{n o y x} = b_o + \sum_{c, i, j} w_{o c i j}\, z_{n,\,c,\,y \cdot stride + i \cdot dilation,\,
        x \cdot stride + j \cdot dilation}

    with z the images with `padding` zeros around them. (The window is not flipped: what mathematics calls a
    cross-correlation, and every library of networks a convolution.)

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the images, and of the scores.
    kernel : int or pair of int
        Height and width of the window.
    stride : int or pair of int
        How far it moves from one place to the next.
    padding : int, pair of int, "valid" or "same"
        Zeros around the image: so many on each side; none; or as many as keep the size, if the stride is 1 (of an odd
        number the larger half is below and to the right, as in PyTorch).
    dilation : int or pair of int
        From one entry that the window reads to the next.
    groups : int
        The channels are divided into so many groups, each of which reads its own; `in_channels` makes a depthwise
        convolution.
    init : str or initialiser
        Of the weights of a group as the matrix (in_channels / groups * height * width, out_channels / groups) of the
        matrix product.
    bias : bool
        Whether there is one; it starts at 0.
    rng : int or numpy.random.Generator, optional
        Where the weights come from.
    dtype : dtype
        Of the parameters.

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
        if not all(isinstance(n, int | np.integer) and n > 0 for n in (in_channels, out_channels)):
            raise ValueError(CHANNELS.format(name="Conv2d", in_channels=in_channels, out_channels=out_channels))
        if not isinstance(groups, int) or groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                GROUPS.format(name="Conv2d", in_channels=in_channels, out_channels=out_channels, groups=groups)
            )
        window = Window(
            as_pair(kernel, "Conv2d", "kernel"),
            as_pair(stride, "Conv2d", "stride"),
            dilation=as_pair(dilation, "Conv2d", "dilation"),
        )
        if padding == "same":
            if window.stride != (1, 1):
                raise ValueError(SAME.format(name="Conv2d", stride=stride, kernel=window.kernel))
            down, across = ((reach // 2 - (reach % 2 == 0), reach // 2) for reach in window.reach)
            sides = (down, across)
        else:
            sides = as_padding(0 if padding == "valid" else padding, "Conv2d", "'valid' or 'same'")
        self.window = window._replace(padding=sides)
        self.groups = groups
        rng = np.random.default_rng(rng)
        depth, outputs = in_channels // groups, out_channels // groups
        matrices = [as_initialiser(init)((depth * math.prod(window.kernel), outputs), rng) for _ in range(groups)]
        weights = np.concatenate(matrices, axis=1).T.reshape(out_channels, depth, *window.kernel)
        self.weights = Parameter(weights.astype(dtype))
        self.bias = Parameter(np.zeros(out_channels, dtype)) if bias else None

    def forward(self, x: Any) -> Any:
        x = as_input(x, self.weights)
        check_images(self._title(), x, self.window, self.weights.shape[1] * self.groups, self.weights.shape)
        if self.bias is None:
            return convolve(x, self.weights, window=self.window, groups=self.groups)
        return convolve_affine(x, self.weights, self.bias, window=self.window, groups=self.groups)

    def describe(self) -> str:
        """The window, where it is not the plain one."""
        plain = Window(self.window.kernel)
        told = [
            f"{name}={value}"
            for name, value, usual in zip(Window._fields, self.window, plain, strict=True)
            if value != usual
        ]
        return ", ".join(told + ([f"groups={self.groups}"] if self.groups > 1 else []))
