"""Pooling of images: `MaxPool2d` and `AvgPool2d`, made of what a window reads at all its places."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import case, primitive, rule
from nn.convolution import Pair, Window, as_padding, as_pair, check_images
from nn.module import Module

HALF = (
    "{name}(kernel={kernel}, padding={padding!r}): the padding is at most half the window, so that each window reads "
    "something of the image."
)


@primitive
def windows(x: Any, window: Window, fill: float) -> Any:
    """What each entry of the window reads at all its places: (entries, images, channels, down, across)."""
    padded = x
    if window.padding != ((0, 0), (0, 0)):
        padded = np.pad(x, ((0, 0), (0, 0), *window.padding), constant_values=fill)
    places = window.places(x.shape[2:])
    return np.stack([padded[:, :, *window.at(i, j, places)] for i, j in np.ndindex(*window.kernel)])


@primitive
def unwindow(g: Any, window: Window, size: Pair) -> Any:
    """The adjoint of `windows`: each number goes back to where it was read, in images of this size."""
    total = np.zeros((*g.shape[1:3], *window.padded(size)), g.dtype)
    places = g.shape[3], g.shape[4]
    for entry, (i, j) in zip(g, np.ndindex(*window.kernel), strict=True):
        down, across = window.at(i, j, places)
        total[:, :, down, across] += entry
    (top, _), (before, _) = window.padding
    return total[:, :, top : top + size[0], before : before + size[1]]


WINDOWS = (
    ((2, 2, 4, 4), Window((2, 2), (2, 2))),
    ((1, 1, 5, 4), Window((3, 2), (1, 2))),
    ((1, 2, 3, 5), Window((3, 2), (2, 2), ((1, 1), (0, 0)))),
)
rule(
    windows,
    lambda g, _out, _x, window, **_fill: unwindow(g, window, _x.shape[2:]),
    cases=[case(x, window=window, fill=0.5) for x, window in WINDOWS],
)
rule(
    unwindow,
    lambda g, _out, _g, window, **_size: windows(g, window, 0.0),
    cases=[
        case((window.kernel[0] * window.kernel[1], *x[:2], *window.places(x[2:])), window=window, size=x[2:])
        for x, window in WINDOWS
    ],
)


class Pool2d(Module):
    """What pooling layers have in common: a window, and one number made of what it reads at each place."""

    fill = 0.0

    def __init__(self, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> None:
        super().__init__()
        name = type(self).__name__
        size = as_pair(kernel, name, "kernel")
        step = size if stride is None else as_pair(stride, name, "stride")
        self.window = Window(size, step, as_padding(padding, name, "a pair of whole numbers"))
        if any(2 * before > length for (before, _), length in zip(self.window.padding, size, strict=True)):
            raise ValueError(HALF.format(name=name, kernel=kernel, padding=padding))

    def forward(self, x: Any) -> Any:
        x = x if hasattr(x, "ndim") else np.asarray(x)
        check_images(self._title(), x, self.window)
        return self.pool(windows(x, window=self.window, fill=self.fill))

    def pool(self, read: Any) -> Any:
        """One number of those along the first axis."""
        raise NotImplementedError

    def describe(self) -> str:
        kernel, stride, padding, _ = self.window
        sides = padding[0][0], padding[1][0]
        told = [str(kernel), *([f"stride={stride}"] if stride != kernel else [])]
        return ", ".join([*told, *([f"padding={sides}"] if any(sides) else [])])


class MaxPool2d(Pool2d):
    r"""The largest number that a window reads, at each place and of each channel.

    k equal largest ones take 1/k of the gradient each, as in `np.max`.

    Parameters
    ----------
    kernel : int or pair of int
        Height and width of the window.
    stride : int or pair of int, optional
        From one place to the next; by default the window's size, so that the windows do not overlap.
    padding : int or pair of int
        How far the window may stand out of the image on each side, at most half its size; nothing is read there.

    Raises
    ------
    ValueError
        If a size is no positive whole number, or the images are smaller than the window.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    fill = -np.inf

    def pool(self, read: Any) -> Any:
        return np.max(read, axis=0)


class AvgPool2d(Pool2d):
    r"""The mean of what a window reads, at each place and of each channel.

    Parameters
    ----------
    kernel : int or pair of int
        Height and width of the window.
    stride : int or pair of int, optional
        From one place to the next; by default the window's size.
    padding : int or pair of int
        Zeros on each side, at most half the window; they count in the mean, as in PyTorch.

    Raises
    ------
    ValueError
        If a size is no positive whole number, or the images are smaller than the window.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """

    def pool(self, read: Any) -> Any:
        return np.mean(read, axis=0)
