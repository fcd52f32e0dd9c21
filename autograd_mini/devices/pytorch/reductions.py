"""Sums, means, extremes and running totals in PyTorch's words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from autograd_mini.devices.pytorch.dtypes import cast, inexact, kind_of, to_torch
from autograd_mini.devices.pytorch.tables import axes_of, axis_of, says

NO_IDENTITY = "zero-size array to reduction operation np.{name} which has no identity"
NOT_GIVEN = np._NoValue
QUICK = {torch.float32, torch.float64}
SAME = {*QUICK, torch.int64}  # in which sums are as their terms are


def lengths(a: torch.Tensor, axes: tuple[int, ...]) -> int:
    return math.prod(a.shape[axis] for axis in axes)


def kept(a: torch.Tensor, out: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """A result with its reduced axes, of length 1."""
    return out.reshape([1 if i in axes else n for i, n in enumerate(a.shape)])


def is_kept(keepdims: Any) -> bool:
    return keepdims is not NOT_GIVEN and bool(keepdims)


def is_given(option: Any) -> bool:
    return option is not NOT_GIVEN and option is not None


def masked(a: torch.Tensor, where: Any, filler: Any) -> torch.Tensor:
    return a if where is True or where is NOT_GIVEN else torch.where(where, a, filler)


def total_dtype(a: torch.Tensor, dtype: Any) -> torch.dtype:
    """In which NumPy adds: whole numbers and truth values in its widest."""
    return to_torch(np.add.reduce(np.zeros(0, kind_of(a)), dtype=dtype).dtype, a.device)


def signed(dtype: torch.dtype | None) -> torch.dtype | None:
    """The dtype to add up in: PyTorch does so in no uint64, and the bits of int64 are the same."""
    return torch.int64 if dtype is torch.uint64 else dtype


@says(np.sum)
def total(a, axis=None, dtype=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
    axes, wanted = axes_of(axis, a.ndim), None
    if dtype is None and where is True and initial is NOT_GIVEN and axes and a.dtype in QUICK:
        return torch.sum(a, axes, is_kept(keepdims))
    if dtype is not None or not (a.dtype.is_floating_point or a.dtype.is_complex):
        wanted = total_dtype(a, dtype)
    a = masked(a, where, 0)
    if axes:
        found = torch.sum(a, dim=axes, keepdim=is_kept(keepdims), dtype=signed(wanted)).to(wanted or a.dtype)
    else:
        found = a.clone() if wanted is None else a.to(wanted)
    return found + initial if is_given(initial) else found


@says(np.prod)
def product(a, axis=None, dtype=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
    axes, wanted = axes_of(axis, a.ndim), total_dtype(a, dtype)
    found = masked(a, where, 1).to(signed(wanted))
    for one in sorted(axes, reverse=True):
        found = torch.prod(found, dim=one, dtype=signed(wanted))
    found = found.to(wanted)
    found = kept(a, found, axes) if is_kept(keepdims) else found
    return found * initial if is_given(initial) else found


@says(np.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    result = kind_of(inexact(a)) if dtype is None else np.dtype(dtype)
    wide = np.dtype(np.float32) if result == np.float16 else result  # as NumPy adds these
    axes = axes_of(axis, a.ndim)
    count = (
        lengths(a, axes)
        if where is True or where is NOT_GIVEN
        else total(where.expand(a.shape), axis, keepdims=keepdims)
    )
    return cast(total(cast(a, wide), axis, keepdims=keepdims, where=where) / count, result)


@says(np.var)
def variance(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=NOT_GIVEN, correction=NOT_GIVEN
):
    ddof = correction if is_given(correction) else ddof
    a = cast(inexact(a) if dtype is None else a, np.dtype(dtype) if dtype is not None else kind_of(inexact(a)))
    axes = axes_of(axis, a.ndim)
    whole = where is True or where is NOT_GIVEN
    count = lengths(a, axes) if whole else total(where.expand(a.shape), axis, keepdims=True)
    middle = mean if is_given(mean) else total(a, axis, keepdims=True, where=where) / count
    away = a - middle
    squares = (away * away.conj()).real if a.dtype.is_complex else away * away
    divisor = max(count - ddof, 0) if whole else (count - ddof).clamp(min=0)
    found = total(squares, axis, keepdims=True, where=where) / divisor
    return found if is_kept(keepdims) else found.squeeze(axes)


@says(np.std)
def deviation(a, *args, **options):
    return torch.sqrt(variance(a, *args, **options))


def extreme(name: str, worst: float, operation: Any):
    reduce = getattr(torch, name)

    def compute(a, axis=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
        axes, keep = axes_of(axis, a.ndim), is_kept(keepdims)
        if where is True and initial is NOT_GIVEN and axes and a.numel():
            return reduce(a, axes, keep)
        if where is not True and where is not NOT_GIVEN:
            filler = initial if is_given(initial) else edge(a.dtype, worst)
            a = torch.where(where, a, torch.full((), filler, dtype=a.dtype, device=a.device))
        if not lengths(a, axes):
            shape = [1 if i in axes else n for i, n in enumerate(a.shape) if keep or i not in axes]
            if not is_given(initial) and 0 not in shape:
                raise ValueError(NO_IDENTITY.format(name=name[1:]))
            return torch.full(shape, initial if is_given(initial) else 0, dtype=a.dtype, device=a.device)
        found = reduce(a, dim=axes, keepdim=keep) if axes else a.clone()
        return operation(found, torch.full_like(found, initial)) if is_given(initial) else found

    return compute


def edge(dtype: torch.dtype, worst: float) -> Any:
    """The number that no other loses to."""
    if dtype.is_floating_point:
        return worst
    if dtype is torch.bool:
        return worst > 0
    info = torch.iinfo(dtype)
    return info.max if worst > 0 else info.min


largest = says(np.max, np.amax)(extreme("amax", -math.inf, torch.maximum))
smallest = says(np.min, np.amin)(extreme("amin", math.inf, torch.minimum))


def without_nan(reduce: Any, filler: float):
    def compute(a, axis=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
        gaps = torch.isnan(a)
        found = reduce(torch.where(gaps, filler, a), axis, None, keepdims, initial, where)
        return torch.where(every(gaps, axis, None, keepdims), math.nan, found)

    return compute


says(np.nanmax)(without_nan(largest, -math.inf))
says(np.nanmin)(without_nan(smallest, math.inf))


@says(np.all)
def every(a, axis=None, out=None, keepdims=False, *, where=True):
    a = masked(a if a.dtype is torch.bool else a != 0, where, True)
    axes = axes_of(axis, a.ndim)
    return torch.all(a, dim=axes, keepdim=is_kept(keepdims)) if axes else a.clone()


@says(np.any)
def some(a, axis=None, out=None, keepdims=False, *, where=True):
    a = masked(a if a.dtype is torch.bool else a != 0, where, False)
    axes = axes_of(axis, a.ndim)
    return torch.any(a, dim=axes, keepdim=is_kept(keepdims)) if axes else a.clone()


@says(np.count_nonzero)
def count_nonzero(a, axis=None, *, keepdims=False):
    return total(a != 0, axis, keepdims=keepdims)


def running(name: str):
    scan = getattr(torch, name)

    def compute(a, axis=None, dtype=None, out=None):
        if not a.ndim:
            a, axis = a.reshape(1), 0
        return (
            scan(a.reshape(-1), 0, dtype=total_dtype(a, dtype))
            if axis is None
            else scan(a, axis_of(axis, a.ndim), dtype=total_dtype(a, dtype))
        )

    return compute


running_total, running_product = says(np.cumsum)(running("cumsum")), says(np.cumprod)(running("cumprod"))


@says(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return total(torch.diagonal(a, offset, axis1, axis2), -1, dtype)


@says(np.diff)
def differences(a, n=1, axis=-1, prepend=NOT_GIVEN, append=NOT_GIVEN):
    edges = [torch.as_tensor(e, dtype=a.dtype, device=a.device) if is_given(e) else None for e in (prepend, append)]
    shape = [1 if i == axis_of(axis, a.ndim) else m for i, m in enumerate(a.shape)]
    edges = [e.expand(shape) if e is not None and not e.ndim else e for e in edges]
    return torch.diff(a, n, axis, *edges) if n else a.clone()


def first(name: str):
    def compute(a, axis=None, out=None, *, keepdims=False):
        found = getattr(torch, name)(a.to(torch.uint8) if a.dtype is torch.bool else a, dim=axis)
        if not is_kept(keepdims):
            return found
        return found.reshape((1,) * a.ndim) if axis is None else found.unsqueeze(axis)

    return compute


largest_place, smallest_place = says(np.argmax)(first("argmax")), says(np.argmin)(first("argmin"))


@says(np.nanargmax)
def largest_place_of_numbers(a, axis=None, out=None, *, keepdims=False):
    return largest_place(torch.where(torch.isnan(a), -math.inf, a), axis, keepdims=keepdims)


@says(np.nanargmin)
def smallest_place_of_numbers(a, axis=None, out=None, *, keepdims=False):
    return smallest_place(torch.where(torch.isnan(a), math.inf, a), axis, keepdims=keepdims)


REDUCE = {
    np.add: total,
    np.multiply: product,
    np.maximum: largest,
    np.minimum: smallest,
    np.logical_and: every,
    np.logical_or: some,
}
ACCUMULATE = {
    np.add: running_total,
    np.multiply: running_product,
    np.maximum: lambda a, axis, dtype: torch.cummax(a, axis).values,
    np.minimum: lambda a, axis, dtype: torch.cummin(a, axis).values,
    np.logaddexp: lambda a, axis, dtype: torch.logcumsumexp(inexact(a), axis),
}


def log_total(a, axis=0, dtype=None, keepdims=False, initial=NOT_GIVEN, where=True):
    a = masked(inexact(a), where, -math.inf)
    axes = axes_of(axis, a.ndim)
    found = torch.logsumexp(a, axes, keepdim=bool(keepdims)) if axes else a.clone()
    return torch.logaddexp(found, torch.full_like(found, initial)) if is_given(initial) else found


def of_runs(ufunc, a, starts, axis=0, dtype=None, out=None):
    """`np.add.reduceat` of runs one after the other; KeyError for what PyTorch has none of."""
    if ufunc is not np.add or dtype is not None:
        raise KeyError(ufunc)
    starts = starts if isinstance(starts, torch.Tensor) else torch.as_tensor(starts, device=a.device)
    axis, shape = axis_of(axis, a.ndim), list(a.shape)
    run = torch.zeros(shape[axis], dtype=torch.int64, device=a.device)
    run[starts] = 1
    shape[axis] = len(starts)
    return torch.zeros(shape, dtype=a.dtype, device=a.device).index_add_(axis, torch.cumsum(run, 0) - 1, a)


def reduced(ufunc, a, axis=0, dtype=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
    """`ufunc.reduce(...)`; KeyError if PyTorch has none."""
    if where is True and initial is NOT_GIVEN and dtype is None and ufunc in REDUCE:
        return REDUCE[ufunc](a, axis, keepdims=keepdims)
    options: dict[str, Any] = {"keepdims": keepdims, "where": where}
    if ufunc in {np.logical_and, np.logical_or}:
        return REDUCE[ufunc](a, axis, **options)
    if ufunc in {np.add, np.multiply}:
        return REDUCE[ufunc](a, axis, dtype, initial=initial, **options)
    if ufunc is np.logaddexp:
        return log_total(a, axis, initial=initial, **options)
    found = REDUCE[ufunc](a, axis, initial=initial, **options)
    return found if dtype is None else cast(found, np.dtype(dtype))


IN_ONE = {np.add: torch.sum, np.maximum: torch.amax, np.minimum: torch.amin}
REFUSING = RuntimeError, IndexError, TypeError


def quickly(ufunc, a, axis=0, keepdims=False, **rest):
    """What needs no thought: `ufunc.reduce` along given axes, or all, in the dtype of the tensor. None for all else."""
    reduce = None if rest or a.dtype not in SAME else IN_ONE.get(ufunc)
    if reduce is None or not a.ndim or (type(axis) is tuple and not axis):
        return None
    try:
        return reduce(a, () if axis is None else axis, bool(keepdims))
    except REFUSING:  # which is told in NumPy's words where there is more to think of
        return None


def accumulated(ufunc, a, axis=0, dtype=None, out=None):
    """`ufunc.accumulate(...)`; KeyError if PyTorch has none."""
    return ACCUMULATE[ufunc](a, axis, dtype)
