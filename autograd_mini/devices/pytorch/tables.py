"""The table of NumPy's functions in PyTorch's words; the files beside this one fill it, each with one topic."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}  # of tensors, called as NumPy's function is


def says(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`@says(np.sum)` above how PyTorch computes it."""

    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, compute))
        return compute

    return register


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that are meant, counted from 0; all of them for None."""
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, tuple | list) else (axis,)
    places = tuple(axis_of(one, ndim) for one in given)
    if len(set(places)) < len(places):
        raise ValueError("duplicate value in 'axis'")
    return places if ndim else ()


def axis_of(axis: Any, ndim: int) -> int:
    """An axis counted from 0."""
    place = operator.index(axis)
    if not ndim and place in {0, -1}:  # as NumPy lets numbers be reduced
        return 0
    if not -ndim <= place < ndim:
        raise ValueError(f"axis {place} is out of bounds for array of dimension {ndim}")
    return place % ndim
