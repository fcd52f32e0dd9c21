"""Pooling of images: `MaxPool2d` and `AvgPool2d`, each an operation over what a window reads at all its places."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable
from typing import Any

from autograd_mini import Tensor, batching_rule, case, primitive, rule
from autograd_mini import numpy as np
from nn.checks import as_input
from nn.docstrings import described_by
from nn.layers.convolution import Pair, Window, as_padding, as_pair, by_example, check_input, check_room, joined
from nn.module import Module

HALF = (
    "{name}(kernel={kernel}, padding={padding!r}): the padding is at most half the window, so that each window reads "
    "something of the image."
)


def read(x: Any, window: Window, fill: Any = 0) -> list[Any]:
    """What each entry of the window reads at all its places, as views of the images with a border."""
    places = window.places(x.shape[2:])
    if window.padding != ((0, 0), (0, 0)):
        x = np.pad(x, ((0, 0), (0, 0), *window.padding), constant_values=fill)
    return [x[:, :, *window.at(i, j, places)] for i, j in np.ndindex(*window.kernel)]


def put(parts: Iterable[Any], like: Any, window: Window, size: Pair) -> Any:
    """The adjoint of `read`: each number added where it was read, in images of this size, laid out as `like`."""
    n, c, *places = like.shape
    total = np.zeros_like(like, shape=(n, c, *window.padded(size)))
    apart = all(step >= length for step, length in zip(window.stride, window.kernel, strict=True))
    for part, (i, j) in zip(parts, np.ndindex(*window.kernel), strict=True):
        down, across = window.at(i, j, (places[0], places[1]))
        if apart:  # nothing is there yet
            total[:, :, down, across] = part
        else:
            total[:, :, down, across] += part
    (top, _), (before, _) = window.padding
    return total[:, :, top : top + size[0], before : before + size[1]]


# The largest number: linear in g are the two that give and take shares, the adjoints of each other


@primitive
def largest(x: Any, window: Window) -> Any:
    """The largest number at each place."""
    return functools.reduce(np.maximum, read(x, window, -np.inf)).astype(x.dtype, copy=window.kernel == (1, 1))


def shares(x: Any, out: Any, window: Window) -> tuple[list[Any], Any]:
    """Which entries are a place's largest, and how many are, in few bits: a division by int32 would be in float64."""
    ties = [np.equal(part, out) for part in read(x, window, -np.inf)]
    few = np.min_scalar_type(math.prod(window.kernel))
    return ties, functools.reduce(np.add, ties, np.zeros_like(out, dtype=few))


@primitive
def give(g: Any, x: Any, out: Any, window: Window) -> Any:
    """Each place's number divided among the k entries that are its largest."""
    ties, count = shares(x, out, window)
    part = np.divide(g, count, out=np.empty_like(out, dtype=g.dtype))  # laid out as the images are
    return put((tie * part for tie in ties), part, window, x.shape[2:])


@primitive
def take(g: Any, x: Any, out: Any, window: Window) -> Any:
    """At each place the mean over the k entries that are its largest."""
    ties, count = shares(x, out, window)
    total = functools.reduce(np.add, (tie * part for tie, part in zip(ties, read(g, window), strict=True)))
    return (total / count).astype(g.dtype, copy=False)


# The mean


@primitive
def mean(x: Any, window: Window) -> Any:
    """The mean at each place."""
    return functools.reduce(np.add, read(x, window)) * np.asarray(1 / math.prod(window.kernel), x.dtype)


@primitive
def unmean(g: Any, window: Window, size: Pair) -> Any:
    """The adjoint of `mean`: an equal part of each place's number to each entry."""
    part = g * np.asarray(1 / math.prod(window.kernel), g.dtype)
    return put(itertools.repeat(part, math.prod(window.kernel)), part, window, size)


def each_image(operation: Any, count: int) -> None:
    """Say that an operation of `count` arrays of images goes image by image, for all examples of a vmap at once."""

    @batching_rule(operation)
    def _(level: Any, *arguments: Any, **options: Any) -> Any:
        if not level.size:
            return NotImplemented
        images = [joined(x, level) for x in arguments[:count]]
        return by_example(operation(*images, *arguments[count:], **options), level)


for operation, count in ((largest, 1), (give, 3), (take, 3), (mean, 1), (unmean, 1)):
    each_image(operation, count)

WINDOWS = (
    ((2, 2, 4, 4), Window((2, 2), (2, 2))),
    ((1, 1, 5, 4), Window((3, 2), (1, 2))),
    ((1, 2, 3, 5), Window((3, 2), (2, 2), ((1, 1), (0, 0)))),
    ((1, 1, 2, 3), Window((1, 1))),
)


def of(x: tuple[int, ...], window: Window) -> tuple[int, ...]:
    """The shape of what a pooling returns."""
    return (*x[:2], *window.places((x[2], x[3])))


def all_equal(g: Any, x: Any, out: Any) -> tuple[Any, Any, Any]:
    """Operands of which all entries are largest ones."""
    return g, np.ones_like(x), np.ones_like(out)


def gaps(x: Any, **_: Any) -> Any:
    """Zero where two entries are equal."""
    return np.diff(np.sort(x, axis=None))


rule(
    largest,
    lambda g, out, x, window: give(g, x, out, window),
    kinks=gaps,
    cases=[case(x, window=window) for x, window in WINDOWS],
    chooses=True,
)
rule(
    give,
    lambda g, _out, _g, x, out, window: take(g, x, out, window),
    None,
    None,
    prepare=all_equal,
    cases=[case(of(x, window), x, of(x, window), window=window) for x, window in WINDOWS[:2]],
    chooses=True,
)
rule(
    take,
    lambda g, _out, _g, x, out, window: give(g, x, out, window),
    None,
    None,
    prepare=all_equal,
    cases=[case(x, x, of(x, window), window=window) for x, window in WINDOWS[:2]],
    chooses=True,
)
rule(
    mean,
    lambda g, _out, _x, window: unmean(g, window, _x.shape[2:]),
    cases=[case(x, window=window) for x, window in WINDOWS],
    pole=False,
)
rule(
    unmean,
    lambda g, _out, _g, window, size: mean(g, window),  # noqa: ARG005
    cases=[case(of(x, window), window=window, size=x[2:]) for x, window in WINDOWS],
)


class Pool2d(Module):
    """What pooling layers have in common: a window, and one number made of what it reads at each place.

    Parameters
    ----------
    kernel : int or pair of int
        Height and width of the window.
    stride : int or pair of int, optional
        From one place to the next; by default the window's size, so that the windows do not overlap.
    padding : int or pair of int
        How far the window may stand out of the image on each side, at most half its size.

    Raises
    ------
    ValueError
        If a size is no positive whole number, or the images are smaller than the window.
    """

    def __init__(self, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> None:
        super().__init__()
        name = type(self).__name__
        size = as_pair(kernel, name, "kernel")
        step = size if stride is None else as_pair(stride, name, "stride")
        self.window = Window(size, step, as_padding(padding, name))
        if any(2 * before > length for (before, _), length in zip(self.window.padding, size, strict=True)):
            raise ValueError(HALF.format(name=name, kernel=kernel, padding=padding))

    def forward(self, x: Any) -> Tensor:
        x = as_input(x)
        check_input(self._title(), x, axes=2)
        check_room(self._title(), x, self.window)
        if x.dtype.kind in "biu":
            x = x.astype(np.result_type(x.dtype, np.float32))
        return self.pool(x)

    def pool(self, x: Any) -> Any:
        """One number for each place of the window."""
        raise NotImplementedError

    def describe(self) -> str:
        kernel, stride, padding, _ = self.window
        sides = padding[0][0], padding[1][0]
        told = [str(kernel), *([f"stride={stride}"] if stride != kernel else [])]
        return ", ".join([*told, *([f"padding={sides}"] if any(sides) else [])])


@described_by(Pool2d)
class MaxPool2d(Pool2d):
    r"""The largest number that a window reads, at each place and of each channel.

    Nothing is read in the padding. k equal largest ones take 1/k of the gradient each, as in `np.max`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    def pool(self, x: Any) -> Any:
        return largest(x, window=self.window)


@described_by(Pool2d)
class AvgPool2d(Pool2d):
    r"""The mean of what a window reads, at each place and of each channel.

    In the padding it reads zeros; they count in the mean, as in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """

    def pool(self, x: Any) -> Any:
        return mean(x, window=self.window)
