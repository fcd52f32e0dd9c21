"""Reading by index, choosing by condition, and orders, in PyTorch's words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from autograd_mini.devices.pytorch.dtypes import cast, inexact, kind_of, promoted, tensors, to_torch
from autograd_mini.devices.pytorch.tables import axes_of, axis_of, says

MODES = "np.{name}(mode={mode!r})"


@says(np.where)
def where(condition, x=None, y=None, /):
    condition = (
        condition if not isinstance(condition, torch.Tensor) or condition.dtype is torch.bool else condition != 0
    )
    if x is None:
        return torch.where(condition)
    if not isinstance(condition, torch.Tensor):
        device = (x if isinstance(x, torch.Tensor) else y).device
        condition = torch.full((), bool(condition), device=device)
    if not isinstance(x, torch.Tensor) and not isinstance(y, torch.Tensor):
        dtype = to_torch(np.result_type(x, y), condition.device)  # PyTorch would take float32
        x = torch.full((), x, dtype=dtype, device=condition.device)
    elif not alike(x, y):
        x, y = promoted(x, y)
    if type(y) is int and y == 0:
        return kept(x, condition)
    if type(x) is int and x == 0:
        return kept(y, ~condition)
    return torch.where(condition, x, y)


BITS = {torch.float32: torch.int32, torch.float64: torch.int64, torch.float16: torch.int16}
FEW = 1000  # entries


def kept(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The values where the mask holds, else 0.

    On the CPU `torch.where` branches at each entry, which costs five times more; the bits of the values, read as whole
    numbers, are multiplied by 0 or 1 instead.
    """
    bits = BITS.get(values.dtype) if values.device.type == "cpu" and mask.numel() > FEW else None
    if bits is None:
        return torch.where(mask, values, 0)
    return torch.mul(values.resolve_neg().view(bits), mask).view(values.dtype)


def alike(x: Any, y: Any) -> bool:
    """Whether tensors have one dtype, or a number stands beside a tensor of floating-point ones."""
    if type(x) is int:
        x, y = y, x
    if type(y) is int and isinstance(x, torch.Tensor):
        return x.is_floating_point()
    first, second = getattr(x, "dtype", type(x)), getattr(y, "dtype", type(y))
    if isinstance(first, torch.dtype) and isinstance(second, torch.dtype):
        return first is second
    kinds = {first, second} - {float, int}
    return len(kinds) == 1 and getattr(kinds.pop(), "is_floating_point", False)


@says(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    if axis is None or not a.ndim:
        a, axis = a.reshape(-1), 0
    axis = axis_of(axis, a.ndim)
    places = whole_indices(indices, a.device)
    if mode == "wrap":
        places = torch.remainder(places, a.shape[axis])
    elif mode == "clip":
        places = places.clamp(0, a.shape[axis] - 1)
    return a[(slice(None),) * axis + (places,)] if places.ndim else a.select(axis, int(places))


def whole_indices(indices: Any, device: torch.device) -> torch.Tensor:
    places = indices if isinstance(indices, torch.Tensor) else torch.as_tensor(np.asarray(indices), device=device)
    return places.to(torch.int64)


def counted(places: torch.Tensor, length: int) -> torch.Tensor:
    """Places counted from 0, of such as count from the end."""
    return torch.where(places < 0, places + length, places)


@says(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    places = counted(whole_indices(indices, arr.device), arr.shape[axis])
    return torch.take_along_dim(arr, places, axis_of(axis, arr.ndim))


@says(np.put_along_axis)
def put_along_axis(arr, indices, values, axis=-1):
    axis = axis_of(axis, arr.ndim)
    places = counted(whole_indices(indices, arr.device), arr.shape[axis])
    shape = [places.shape[i] if i == axis else n for i, n in enumerate(arr.shape)]
    values = (
        cast(values, kind_of(arr))
        if isinstance(values, torch.Tensor)
        else torch.as_tensor(values, dtype=arr.dtype, device=arr.device)
    )
    arr.scatter_(axis, places.expand(shape), values.expand(shape))


@says(np.choose)
def choose(a, choices, out=None, mode="raise"):
    choices = torch.stack(list(torch.broadcast_tensors(*tensors(*choices))))
    a = a if isinstance(a, torch.Tensor) else torch.as_tensor(np.asarray(a), device=choices.device)
    places, choices = torch.broadcast_tensors(a.to(torch.int64), choices)
    return torch.gather(choices, 0, places[:1])[0]


@says(np.clip)
def clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None, **options):
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    for bound, limit in ((low, torch.maximum), (high, torch.minimum)):
        if bound is not None:
            a = limit(*tensors(a, bound))
    return a.clone() if low is None and high is None else a


@says(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    if x.dtype.is_complex:
        parts = (torch.nan_to_num(part, nan, posinf, neginf) for part in (x.real, x.imag))
        return torch.complex(*parts)
    return torch.nan_to_num(x, nan, posinf, neginf)


@says(np.round, np.around)
def rounded(a, decimals=0, out=None):
    if a.dtype.is_complex:
        return torch.complex(rounded(a.real, decimals), rounded(a.imag, decimals))
    if not a.dtype.is_floating_point:
        return a.clone()
    scale = 10.0**decimals
    return torch.round(a * scale) / scale if decimals else torch.round(a)


@says(np.isneginf)
def isneginf(x, out=None):
    return torch.isneginf(x)


@says(np.isposinf)
def isposinf(x, out=None):
    return torch.isposinf(x)


@says(np.isclose)
def isclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    return torch.isclose(*tensors(a, b), rtol=rtol, atol=atol, equal_nan=equal_nan)


@says(np.allclose)
def allclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    return bool(torch.all(isclose(a, b, rtol, atol, equal_nan)))


@says(np.array_equal)
def array_equal(a1, a2, equal_nan=False):
    a1, a2 = tensors(a1, a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    return bool(torch.all(same | (torch.isnan(a1) & torch.isnan(a2)) if equal_nan else same))


@says(np.isin)
def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None):
    return torch.isin(*tensors(element, test_elements), invert=invert)


says(np.iscomplex)(lambda x: torch.imag(x) != 0 if x.dtype.is_complex else torch.zeros_like(x, dtype=torch.bool))
says(np.isreal)(lambda x: torch.imag(x) == 0 if x.dtype.is_complex else torch.ones_like(x, dtype=torch.bool))
says(np.nonzero)(lambda a: torch.nonzero(a, as_tuple=True))
says(np.argwhere)(torch.nonzero)
says(np.flatnonzero)(lambda a: torch.nonzero(a.reshape(-1)).reshape(-1))


@says(np.angle)
def angle(z, deg=False):
    found = torch.angle(inexact(z))
    return torch.rad2deg(found) if deg else found


# Orders


@says(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    return torch.sort(a.reshape(-1) if axis is None else a, dim=0 if axis is None else axis, stable=True).values


@says(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    return torch.argsort(a.reshape(-1) if axis is None else a, dim=0 if axis is None else axis, stable=True)


says(np.argpartition)(lambda a, kth, axis=-1, kind="introselect", order=None: argsort(a, axis))
says(np.partition)(lambda a, kth, axis=-1, kind="introselect", order=None: sort(a, axis))


@says(np.searchsorted)
def searchsorted(a, v, side="left", sorter=None):
    a, v = tensors(a, v)
    return torch.searchsorted(a if sorter is None else a[sorter], v, right=side == "right")


@says(np.digitize)
def digitize(x, bins, right=False):
    x, bins = tensors(x, torch.as_tensor(bins, device=x.device) if not isinstance(bins, torch.Tensor) else bins)
    return torch.bucketize(x, bins, right=not right)


@says(np.unique)
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True
):
    if return_index or axis is not None:
        raise NotImplementedError("np.unique with `return_index` or `axis`")
    return torch.unique(ar, sorted=True, return_inverse=return_inverse, return_counts=return_counts)


@says(np.lexsort)
def lexsort(keys, axis=-1):
    keys = list(keys)
    order = torch.argsort(keys[0], dim=axis, stable=True)
    for key in keys[1:]:
        order = torch.take_along_dim(
            order, torch.argsort(torch.take_along_dim(key, order, axis), dim=axis, stable=True), axis
        )
    return order


@says(np.compress)
def compress(condition, a, axis=None, out=None):
    if axis is None:
        a, axis = a.reshape(-1), 0
    places = torch.nonzero(condition).reshape(-1)
    return torch.index_select(a, axis, places)


# Quantiles, along the last axis of rows in which the axes to be reduced are one

CONTINUOUS = {
    "linear": (1.0, 1.0),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
OF_RANK = {"lower": torch.floor, "higher": torch.ceil, "nearest": torch.round}


def rows(a: torch.Tensor, axis: Any, keepdims: bool) -> tuple[torch.Tensor, tuple[int, ...]]:
    """The entries to choose from along the last axis, and the shape of the result."""
    reduced = axes_of(axis, a.ndim)
    rest = [i for i in range(a.ndim) if i not in reduced]
    shape = tuple(1 if i in reduced else n for i, n in enumerate(a.shape) if keepdims or i not in reduced)
    count = math.prod(a.shape[i] for i in reduced)
    return a.permute((*rest, *reduced)).reshape(*(a.shape[i] for i in rest), count), shape


def quantiles(a: Any, q: Any, axis: Any, method: str, keepdims: bool, skips: bool) -> torch.Tensor:
    """The quantiles q of the rows; with `skips`, of their numbers that are not NaN."""
    a = inexact(a)
    lines, shape = rows(a, axis, keepdims)
    q = inexact(torch.as_tensor(q, dtype=None if hasattr(q, "dtype") else a.dtype, device=a.device))
    ordered, gaps = torch.sort(lines, dim=-1).values, torch.isnan(lines)
    count = (lines.shape[-1] - torch.sum(gaps, -1)).to(q.dtype) if skips else lines.shape[-1]
    found = []
    for share in q.reshape(-1):
        rank = (count - 1) * share
        if method in CONTINUOUS:
            alpha, beta = CONTINUOUS[method]
            rank = rank if method == "linear" else count * share + (alpha + share * (1 - alpha - beta)) - 1
        elif method == "midpoint":
            rank = (torch.floor(rank) + torch.ceil(rank)) / 2
        elif method in OF_RANK:
            rank = OF_RANK[method](rank)
        else:
            raise NotImplementedError(f"method={method!r}")
        rank = torch.as_tensor(rank, dtype=a.dtype, device=a.device).expand(lines.shape[:-1])
        last = torch.as_tensor(count - 1, dtype=a.dtype, device=a.device)
        rank = torch.minimum(rank.clamp(min=0), last.clamp(min=0))
        below = torch.floor(rank)
        part = rank - below
        low = at(ordered, below)
        high = at(ordered, torch.minimum(below + 1, last.clamp(min=0)))
        middle = low + (high - low) * part
        middle = torch.where(part >= 0.5, high - (high - low) * (1 - part), middle)
        lost = gaps.all(-1) if skips else gaps.any(-1)
        found.append(torch.where(lost, math.nan, torch.where(part == 0, low, middle)))
    return torch.stack(found).reshape(q.shape + shape) if found else a.new_zeros(q.shape + shape)


def at(lines: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """One entry of each line."""
    return torch.gather(lines, -1, ranks.to(torch.int64).unsqueeze(-1)).squeeze(-1)


def of_quantiles(name: str, skips: bool, unit: float):
    def compute(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, **options):
        if options.get("weights") is not None:
            raise NotImplementedError(f"{name} with weights")
        if unit != 1:
            # NumPy divides in the precision of q where it skips NaN, else in that of a
            dtype = q.dtype if skips and isinstance(q, torch.Tensor) else inexact(a).dtype
            q = torch.as_tensor(q, dtype=dtype, device=a.device) / unit
        return quantiles(a, q, axis, method, bool(keepdims is True), skips)

    return compute


says(np.quantile)(of_quantiles("np.quantile", False, 1))
says(np.percentile)(of_quantiles("np.percentile", False, 100))
says(np.nanquantile)(of_quantiles("np.nanquantile", True, 1))
says(np.nanpercentile)(of_quantiles("np.nanpercentile", True, 100))


@says(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return quantiles(a, 0.5, axis, "linear", bool(keepdims is True), False)


@says(np.nanmedian)
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return quantiles(a, 0.5, axis, "linear", bool(keepdims is True), True)
