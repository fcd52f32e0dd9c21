"""Indices in NumPy's sense for PyTorch tensors, which know no negative steps and take a number beside arrays apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

NO_INDEX = "only integers, slices, `...`, None and arrays of integers or of truth values are valid indices"
INDICES = {torch.bool, torch.int64}
TOO_MANY = "too many indices for array: array is {ndim}-dimensional, but {count} were indexed"


def read(tensor: torch.Tensor, index: Any, raw: Callable[[Any], Any]) -> torch.Tensor:
    """`tensor[index]`; `raw` makes tensors of arrays in the index."""
    parts, flipped = translated(tensor, index, raw)
    return (tensor.flip(flipped) if flipped else tensor)[parts]


SCATTER: dict[Any, str] = {
    np.add: "sum",
    np.subtract: "sum",
    np.multiply: "prod",
    np.maximum: "amax",
    np.minimum: "amin",
}


def known(ufunc: np.ufunc) -> np.ufunc:
    """The function, if PyTorch can add up by it; else KeyError."""
    if ufunc not in SCATTER:
        raise KeyError(ufunc)
    return ufunc


def write(
    tensor: torch.Tensor, index: Any, values: Any, raw: Callable[[Any], Any], ufunc: np.ufunc | None = None
) -> None:
    """`tensor[index] = values`, or `ufunc.at(tensor, index, values)`, where an entry may be named several times."""
    parts, flipped = translated(tensor, index, raw)
    if not flipped and ufunc is None:
        tensor[parts] = values.to(tensor.dtype) if isinstance(values, torch.Tensor) else values
        return
    *before, last = parts or (None,)
    if (
        ufunc is np.add
        and not flipped
        and isinstance(last, torch.Tensor)
        and last.ndim
        and all(p == slice(None) for p in before)
    ):
        axis, values = len(before), torch.as_tensor(values, dtype=tensor.dtype, device=tensor.device)
        shape = tensor.shape[:axis] + last.shape + tensor.shape[axis + 1 :]
        flat = values.expand(shape).reshape(*tensor.shape[:axis], -1, *tensor.shape[axis + 1 :])
        if last.dtype is not torch.bool:
            tensor.index_add_(axis, torch.remainder(last.reshape(-1), tensor.shape[axis]), flat)
            return
    places = torch.arange(tensor.numel(), device=tensor.device).reshape(tensor.shape)
    places = (places.flip(flipped) if flipped else places)[parts]
    values = torch.as_tensor(values, dtype=tensor.dtype, device=tensor.device).expand(places.shape).reshape(-1)
    flat, places = tensor.reshape(-1), places.reshape(-1)  # a copy, if the memory is in another order
    if ufunc is None:
        flat.index_put_((places,), values)
    elif ufunc in {np.add, np.subtract}:
        flat.index_put_((places,), values if ufunc is np.add else -values, accumulate=True)
    else:
        flat.scatter_reduce_(0, places, values, SCATTER[ufunc], include_self=True)
    if flat.data_ptr() != tensor.data_ptr():
        tensor.copy_(flat.reshape(tensor.shape))


def translated(tensor: torch.Tensor, index: Any, raw: Callable[[Any], Any]) -> tuple[tuple[Any, ...], list[int]]:
    """The index for PyTorch, and the axes to turn around first."""
    parts: list[Any] = []
    arrays = numbers = turned = False
    for given in index if isinstance(index, tuple) else (index,):
        part = given
        if type(part) is slice:
            turned = turned or (part.step is not None and part.step < 0)
        elif part is not None and part is not Ellipsis:
            part = given if type(given) is int else plain(given, raw)
            if isinstance(part, torch.Tensor):
                arrays = arrays or part.ndim > 0
            else:
                numbers = True
        parts.append(part)
    if not turned and not (arrays and numbers):  # PyTorch takes a number beside arrays apart
        return tuple(parts), []
    used = [axes_read(part) for part in parts]
    count = sum(used)
    if count > tensor.ndim:
        raise IndexError(TOO_MANY.format(ndim=tensor.ndim, count=count))
    axis, flipped = 0, []
    for i, part in enumerate(parts):
        if type(part) is slice and part.step is not None and part.step < 0:
            length = tensor.shape[axis]
            start, stop, step = part.indices(length)
            parts[i] = slice(length - 1 - start, max(length - 1 - stop, 0), -step)
            flipped.append(axis)
        elif arrays and type(part) in {int, bool}:
            if type(part) is int and not -tensor.shape[axis] <= part < tensor.shape[axis]:
                raise IndexError(f"index {part} is out of bounds for axis {axis} with size {tensor.shape[axis]}")
            parts[i] = torch.full((1,), part, device=tensor.device)
        axis += tensor.ndim - count if part is Ellipsis else used[i]
    return tuple(parts), flipped


def plain(part: Any, raw: Callable[[Any], Any]) -> Any:
    """One part of an index: a number, a slice of numbers, a mask, or whole numbers as PyTorch wants them."""
    if isinstance(part, slice):
        return part
    if isinstance(part, bool | np.bool):
        return bool(part)
    if isinstance(part, int | np.integer):
        return int(part)
    if isinstance(part, list | tuple | np.ndarray):
        part = np.asarray(part)
        if not part.ndim:
            return part.item()
        part = part if part.size else part.astype(int)
    part = raw(part)
    if isinstance(part, torch.Tensor):
        if part.dtype in INDICES:
            return part
        if not (part.is_floating_point() or part.is_complex()):
            return part.to(torch.int64)
    raise IndexError(NO_INDEX)


def axes_read(part: Any) -> int:
    """How many axes of the array one part of the index is about."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if isinstance(part, torch.Tensor) and part.dtype is torch.bool else 1
