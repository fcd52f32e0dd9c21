"""Operations of ATen that make few numbers of many: sums, means, norms, largest ones; and those along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nn.functions import log_softmax, softmax
from nn.models.pytorch.dtypes import as_dtype, real
from nn.noise import values

Axes = int | Sequence[int] | None


def axes_of(axis: Axes) -> int | tuple[int, ...] | None:
    """An empty list of axes stands for all."""
    return axis if axis is None or isinstance(axis, int) else (tuple(axis) or None)


def reduced(function: Callable[..., Any], whole: bool = False) -> Callable[..., Any]:
    """A reduction over axes; `whole` where PyTorch adds up whole numbers in int64."""

    def reduce(x: Any, axis: Axes = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
        x = as_dtype(x, np.dtype(np.int64) if dtype is None and whole and x.dtype.kind in "biu" else dtype)
        return function(x, axis=axes_of(axis), keepdims=keepdim)

    return reduce


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """The variance or what is made of it; ATen says `unbiased`, or by how much the count is lessened."""

    def reduce(x: Any, *args: Any, correction: Any = None, keepdim: bool = False) -> Any:
        axis, lessened = None, 1
        for arg in args:
            if isinstance(arg, bool):
                lessened = int(arg)
            else:
                axis = axes_of(arg)
        return function(x, axis=axis, ddof=lessened if correction is None else correction, keepdims=keepdim)

    return reduce


def unbiased_dim(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x: Any, axis: Axes, unbiased: bool = True, keepdim: bool = False) -> Any:
        return function(x, axis=axes_of(axis), ddof=int(unbiased), keepdims=keepdim)

    return reduce


def extreme(function: Callable[..., Any], place: Callable[..., Any], fold: Callable[..., Any]) -> Callable[..., Any]:
    """max and min: of all, of two arrays, or along an axis with the places, that is of the first of equal ones."""

    def reduce(x: Any, axis: Any = None, keepdim: bool = False) -> Any:
        if axis is None:
            return function(x)
        if not isinstance(axis, int):
            return fold(x, axis)
        places = np.expand_dims(place(values(x), axis=axis), axis)
        found = np.take_along_axis(x, places, axis)
        return (found, places) if keepdim else (np.squeeze(found, axis), np.squeeze(places, axis))

    return reduce


def placed(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x: Any, axis: int | None = None, keepdim: bool = False) -> Any:
        return function(values(x), axis=axis, keepdims=keepdim)

    return reduce


def norm(x: Any, p: Any = 2, axis: Axes = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The p-norm over axes of any number."""
    x, axis, p = as_dtype(x, dtype), axes_of(axis), 2 if p is None else p
    if p == 2:
        return np.linalg.norm(x, axis=axis, keepdims=keepdim) if isinstance(axis, int) else root(x, axis, keepdim)
    sizes = np.abs(x)
    if p in (np.inf, -np.inf):
        return (np.max if p > 0 else np.min)(sizes, axis=axis, keepdims=keepdim)
    return np.sum(sizes**p, axis=axis, keepdims=keepdim) ** (1 / p)


def root(x: Any, axis: Any, keepdim: bool) -> Any:
    """The 2-norm over several axes, as that of a vector, which has a slope at 0."""
    axis = tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in axis)
    others = tuple(i for i in range(x.ndim) if i not in axis)
    moved = np.transpose(x, (*others, *axis))
    rows = np.reshape(moved, (*moved.shape[: len(others)], -1))
    found = np.linalg.norm(rows, axis=-1)
    return np.expand_dims(found, axis) if keepdim else found


def ordered(x: Any, axis: int = -1, descending: bool = False) -> Any:
    places = order(x, axis, descending)
    return np.take_along_axis(x, places, axis), places


def order(x: Any, axis: int = -1, descending: bool = False) -> Any:
    """Equal ones stay in their order in both directions."""
    x = values(x)
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    turned = np.flip(x, axis)
    return x.shape[axis] - 1 - np.flip(np.argsort(turned, axis=axis, kind="stable"), axis)


def topk(x: Any, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    places = np.take(order(x, axis, largest), np.arange(k), axis)
    return np.take_along_axis(x, places, axis), places


def logsumexp(x: Any, axis: Axes, keepdim: bool = False) -> Any:
    axis = axes_of(axis)
    top = np.max(values(x), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdim else np.squeeze(found, axis)


def shares(function: Callable[..., Any]) -> Callable[..., Any]:
    def of(x: Any, axis: int, dtype: Any = None) -> Any:
        return function(real(as_dtype(x, dtype if isinstance(dtype, np.dtype) else None)), axis=axis)

    return of


def cumulated(function: Callable[..., Any]) -> Callable[..., Any]:
    def along(x: Any, axis: int, *, dtype: Any = None) -> Any:
        return function(
            as_dtype(x, np.dtype(np.int64) if dtype is None and x.dtype.kind in "biu" else dtype), axis=axis
        )

    return along


TABLE: dict[str, Any] = {
    "sum": reduced(np.sum, whole=True),
    "mean": reduced(np.mean),
    "prod": reduced(np.prod, whole=True),
    "amax": reduced(np.max),
    "amin": reduced(np.min),
    "all": reduced(np.all),
    "any": reduced(np.any),
    "var": spread(np.var),
    "std": spread(np.std),
    "var.dim": unbiased_dim(np.var),
    "std.dim": unbiased_dim(np.std),
    "max": extreme(np.max, np.argmax, np.maximum),
    "min": extreme(np.min, np.argmin, np.minimum),
    "argmax": placed(np.argmax),
    "argmin": placed(np.argmin),
    "norm": norm,
    "linalg_vector_norm": norm,
    "sort": ordered,
    "argsort": order,
    "topk": topk,
    "logsumexp": logsumexp,
    "softmax": shares(softmax),
    "_softmax": shares(softmax),
    "log_softmax": shares(log_softmax),
    "_log_softmax": shares(log_softmax),
    "cumsum": cumulated(np.cumsum),
    "cumprod": cumulated(np.cumprod),
}
