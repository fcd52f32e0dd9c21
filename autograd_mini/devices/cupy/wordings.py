"""What CuPy says otherwise than NumPy, or not at all, in the words that it knows; arrays here are CuPy's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
REDUCTIONS: dict[Any, Callable[..., Any]] = {}  # of universal functions
NONE = object()


def says(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how functions of NumPy's are said."""

    def register(wording: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, wording))
        return wording

    return register


# Shapes


@says(np.reshape)
def reshaped(a: Any, shape: Any, order: str = "C", copy: Any = None) -> Any:
    return a.reshape(shape, order=order)


@says(np.concatenate)
def concatenated(arrays: Any, axis: Any = 0, **options: Any) -> Any:
    return np.concatenate([*arrays], axis, **options)


# Order


@says(np.sort)
def in_order(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return np.sort(a, axis)  # always stable


@says(np.argsort)
def places_in_order(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return np.argsort(a, axis)


# Reductions


def with_start(reduce: Callable[..., Any], combine: Any, empty: Any) -> Callable[..., Any]:
    """A reduction that takes `where` and `initial`; `empty` is what entries count as that are left out."""

    def reduced(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NONE,
        where: Any = True,
    ) -> Any:  # fmt: skip
        if where is not True:
            a = np.where(where, a, initial if empty is None else empty)
        if a.size == 0 and empty is None and initial is not NONE:
            a = joined_with(a, initial, axis)
        found = reduce(a, axis, dtype, bool(keepdims))
        return found if initial is NONE else combine(found, initial)

    return reduced


def joined_with(a: Any, value: Any, axis: Any) -> Any:
    """An empty array with one entry more along the axes that are reduced, so that there is a largest."""
    axes = range(a.ndim) if axis is None else [i % a.ndim for i in (axis if isinstance(axis, tuple) else (axis,))]
    shape = tuple(max(1, length) if i in axes else length for i, length in enumerate(a.shape))
    return np.full_like(a, value, shape=shape)


total = with_start(lambda a, axis, dtype, keepdims: np.sum(a, axis, dtype, None, keepdims), np.add, 0)
product = with_start(lambda a, axis, dtype, keepdims: np.prod(a, axis, dtype, None, keepdims), np.multiply, 1)
largest = with_start(lambda a, axis, dtype, keepdims: np.max(a, axis, None, keepdims), np.maximum, None)
smallest = with_start(lambda a, axis, dtype, keepdims: np.min(a, axis, None, keepdims), np.minimum, None)
largest_number = with_start(lambda a, axis, dtype, keepdims: np.nanmax(a, axis, None, keepdims), np.fmax, None)
smallest_number = with_start(lambda a, axis, dtype, keepdims: np.nanmin(a, axis, None, keepdims), np.fmin, None)
FUNCTIONS |= {np.sum: total, np.prod: product}
REDUCTIONS |= {np.add: total, np.multiply: product, np.maximum: largest, np.minimum: smallest}


def without_dtype(reduced: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction whose arguments have no dtype among them."""
    return lambda a, axis=None, out=None, keepdims=False, initial=NONE, where=True: reduced(
        a, axis, None, out, keepdims, initial, where
    )


for _function, _reduced in (
    (np.max, largest), (np.min, smallest), (np.nanmax, largest_number), (np.nanmin, smallest_number)
):  # fmt: skip
    FUNCTIONS[_function] = without_dtype(_reduced)
    REDUCTIONS[{np.max: np.maximum, np.min: np.minimum, np.nanmax: np.fmax, np.nanmin: np.fmin}[_function]] = _reduced


def of_truth(function: Any, empty: bool) -> Callable[..., Any]:
    """`all` or `any`, with `where`."""
    return lambda a, axis=None, out=None, keepdims=False, where=True: function(
        a if where is True else np.where(where, a, empty), axis, None, bool(keepdims)
    )


FUNCTIONS |= {np.all: of_truth(np.all, True), np.any: of_truth(np.any, False)}
REDUCTIONS |= {np.logical_and: FUNCTIONS[np.all], np.logical_or: FUNCTIONS[np.any]}


def counted(a: Any, axis: Any, where: Any, keepdims: Any) -> Any:
    """How many entries there are that count."""
    return np.sum(np.broadcast_to(where, a.shape), axis, None, None, bool(keepdims))


@says(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    if where is True:
        return np.mean(a, axis, dtype, None, bool(keepdims))
    return np.divide(total(a, axis, dtype, None, keepdims, where=where), counted(a, axis, where, keepdims))


@says(np.var)
def variance(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    ddof = ddof if correction is None else correction
    if where is True and mean is None:
        return np.var(a, axis, dtype, None, ddof, bool(keepdims))
    middle = FUNCTIONS[np.mean](a, axis, dtype, None, True, where=where) if mean is None else mean
    squares = np.square(np.absolute(np.subtract(a, middle)))
    count = counted(a, axis, np.ones_like(a, bool) if where is True else where, keepdims)
    return np.divide(total(squares, axis, dtype, None, keepdims, where=where), np.subtract(count, ddof))


@says(np.std)
def deviation(*args: Any, **options: Any) -> Any:
    return np.sqrt(variance(*args, **options))


def log_sum_exp(a: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False, **_: Any) -> Any:
    highest = np.max(a, axis, None, True)
    shift = np.where(np.isfinite(highest), highest, 0)
    found = np.add(np.log(np.sum(np.exp(np.subtract(a, shift)), axis, None, None, True)), shift)
    return found if keepdims else np.squeeze(found, axis=tuple(range(a.ndim)) if axis is None else axis)


REDUCTIONS[np.logaddexp] = log_sum_exp


# Entries


@says(np.take)
def taken(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    length = a.size if axis is None or not a.shape else a.shape[axis]
    if mode == "clip":
        indices = np.clip(indices, 0, length - 1)
    elif mode == "wrap":
        indices = np.remainder(indices, length)
    return np.take(a, indices, axis)


@says(np.quantile)
def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, **options: Any) -> Any:
    return np.quantile(a, q, axis, **options)


@says(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, **options: Any) -> Any:
    return np.percentile(a, q, axis, **options)


# Linear algebra


@says(np.linalg.svdvals)
def singular_values(x: Any, /) -> Any:
    return np.linalg.svd(x, compute_uv=False)


@says(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    sizes = np.absolute(x)
    if ord == math.inf:
        return FUNCTIONS[np.max](sizes, axis, None, keepdims, 0)
    if ord == -math.inf:
        return FUNCTIONS[np.min](sizes, axis, None, keepdims)
    if ord == 0:
        return total((sizes != 0).astype(sizes.dtype), axis, None, None, keepdims)
    if ord == 1:
        return total(sizes, axis, None, None, keepdims)
    if ord == 2:
        return np.sqrt(total(np.square(sizes), axis, None, None, keepdims))
    return np.power(total(np.power(sizes, ord), axis, None, None, keepdims), 1 / ord)


@says(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    if ord in ("nuc", 2, -2):
        values = np.linalg.svd(x, compute_uv=False)
        combine: Any = {"nuc": np.sum, 2: np.max, -2: np.min}[ord]
        found = combine(values, -1)
        return found[..., None, None] if keepdims else found
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


@says(np.linalg.multi_dot)
def chain(arrays: Any, *, out: Any = None) -> Any:
    first, *rest = arrays
    for other in rest:
        first = np.dot(first, other)
    return first
