"""Shapes, joins and splits in PyTorch's words, and arrays of one value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from autograd_mini.devices.pytorch.dtypes import cast, kind_of, promoted, tensors, to_torch
from autograd_mini.devices.pytorch.tables import axes_of, axis_of, says

WHOLE = {int}

says(np.shape)(lambda a: tuple(a.shape))
says(np.ndim)(lambda a: a.ndim)
says(np.iscomplexobj)(lambda x: x.dtype.is_complex)
says(np.isrealobj)(lambda x: not x.dtype.is_complex)
says(np.result_type)(lambda *given: np.result_type(*map(kind_of, given)))
says(np.can_cast)(lambda from_, to, casting="safe": np.can_cast(kind_of(from_), to, casting))
says(np.common_type)(lambda *arrays: np.common_type(*(np.zeros(0, kind_of(a)) for a in arrays)))
says(np.min_scalar_type)(kind_of)
says(np.copy)(lambda a, order="K", subok=False: a.clone())
says(np.swapaxes)(lambda a, axis1, axis2: torch.swapaxes(a, axis1, axis2))
says(np.moveaxis)(lambda a, source, destination: torch.movedim(a, as_ints(source), as_ints(destination)))
says(np.matrix_transpose, np.linalg.matrix_transpose)(lambda x, /: torch.swapaxes(x, -1, -2))
says(np.flip)(lambda m, axis=None: torch.flip(m, axes_of(axis, m.ndim)))
says(np.fliplr)(lambda m: torch.flip(m, (1,)))
says(np.flipud)(lambda m: torch.flip(m, (0,)))
says(np.rot90)(lambda m, k=1, axes=(0, 1): torch.rot90(m, k, axes))
says(np.broadcast_to)(lambda array, shape, subok=False: array.expand(as_shape(shape)))
says(np.broadcast_arrays)(lambda *args, subok=False: tuple(torch.broadcast_tensors(*args)))
says(np.expand_dims)(lambda a, axis: expanded(a, axis))
says(np.squeeze)(lambda a, axis=None: squeezed(a, axis))
says(np.real_if_close)(lambda a, tol=100: real_if_close(a, tol))
says(np.real)(lambda val: torch.real(val) if val.dtype.is_complex else val)
says(np.imag)(lambda val: torch.imag(val) if val.dtype.is_complex else torch.zeros_like(val))


says(np.linspace)(lambda *args, **options: spaced(*args, **options))


def spaced(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    """`np.linspace`: the ends exactly, as NumPy has them."""
    wanted = np.result_type(kind_of(start), kind_of(stop), 1.0) if dtype is None else np.dtype(dtype)
    start, stop = tensors(start, stop)
    start, stop = (cast(end, np.result_type(kind_of(end), 1.0)) for end in (start, stop))
    start, stop = torch.broadcast_tensors(start, stop)
    parts = num - 1 if endpoint else num
    step = (stop - start) / parts if parts > 0 else torch.full_like(start, math.nan)
    places = torch.arange(num, dtype=start.dtype, device=start.device).reshape((-1,) + (1,) * start.ndim)
    values = start + places * (step if parts > 0 else stop - start)
    if endpoint and num > 1:
        values = torch.cat([values[:-1], stop.unsqueeze(0)])
    values = cast(torch.movedim(values, 0, axis), wanted)
    return (values, step) if retstep else values


@says(np.geomspace)
def geometric(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    wanted = np.result_type(kind_of(start), kind_of(stop), 1.0) if dtype is None else np.dtype(dtype)
    start, stop = torch.broadcast_tensors(*tensors(start, stop))
    start, stop = (cast(end, np.result_type(kind_of(end), 1.0)) for end in (start, stop))
    if start.dtype.is_complex:
        raise NotImplementedError("np.geomspace of complex numbers")
    sign = torch.sign(start)
    powers = spaced(torch.log10(sign * start), torch.log10(sign * stop), num, endpoint)
    values = sign * torch.pow(10.0, powers)
    if num > 0:
        values[0] = start
        if endpoint and num > 1:
            values[-1] = stop
    return cast(torch.movedim(values, 0, axis), wanted)


@says(np.gradient)
def gradient(f, *spacing, axis=None, edge_order=1):
    if spacing or not isinstance(axis, int):
        raise NotImplementedError("np.gradient along several axes, or with distances")
    return torch.gradient(f, dim=axis, edge_order=edge_order)[0]


def square(m: torch.Tensor) -> torch.Tensor:
    """A matrix; a vector as the row of all rows."""
    return m.expand(m.shape[0], m.shape[0]) if m.ndim == 1 else m


def as_ints(given: Any) -> Any:
    return tuple(map(int, given)) if isinstance(given, tuple | list) else int(given)


def as_shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is tuple and WHOLE.issuperset(map(type, shape)):
        return shape
    return tuple(map(int, shape)) if isinstance(shape, tuple | list | np.ndarray | torch.Size) else (int(shape),)


def real_if_close(a, tol):
    if not a.dtype.is_complex:
        return a
    bound = torch.finfo(a.dtype).eps * tol if tol > 1 else tol
    return a.real if bool(torch.all(torch.abs(a.imag) < bound)) else a


@says(np.size)
def size(a, axis=None):
    return a.numel() if axis is None else math.prod(a.shape[i] for i in axes_of(axis, a.ndim))


@says(np.reshape)
def reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    shape = as_shape(shape if newshape is None else newshape)
    if order == "C" and (-1 not in shape or a.numel()):
        return a.reshape(shape)
    if order == "F":
        shape = tuple(a.numel() // max(1, -math.prod(shape)) if n == -1 else n for n in shape)
        return a.permute(*range(a.ndim - 1, -1, -1)).reshape(shape[::-1]).permute(*range(len(shape) - 1, -1, -1))
    if order not in {"C", "A", "K"}:
        raise ValueError(f"order must be 'C', 'F' or 'A', not {order!r}")
    if -1 in shape and not a.numel():
        shape = np.empty(a.shape, bool).reshape(shape).shape
    return a.reshape(shape)


@says(np.ravel)
def ravel(a, order="C"):
    return reshape(a, (-1,), order) if order == "F" else a.reshape(-1)


@says(np.transpose, np.permute_dims)
def transpose(a, axes=None):
    if axes is None and a.ndim == 2:
        return a.t()
    return a.permute(tuple(range(a.ndim - 1, -1, -1)) if axes is None else axes_of(axes, a.ndim))


def expanded(a, axis):
    given = axis if isinstance(axis, tuple | list) else (axis,)
    ndim = a.ndim + len(given)
    for place in sorted(axes_of(tuple(given), ndim)):
        a = a.unsqueeze(place)
    return a


def squeezed(a, axis):
    if axis is None:
        return a.squeeze()
    axes = axes_of(axis, a.ndim)
    if any(a.shape[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return a.squeeze(axes)


@says(np.rollaxis)
def rollaxis(a, axis, start=0):
    axis = axis_of(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    start -= axis < start
    return torch.movedim(a, axis, start)


@says(np.roll)
def roll(a, shift, axis=None):
    if axis is None:
        return torch.roll(a, int(shift))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    shifts = shift if isinstance(shift, tuple | list) else (shift,)
    pairs = np.broadcast(shifts, axes)
    for by, along in pairs:
        a = torch.roll(a, int(by), axis_of(along, a.ndim))
    return a


@says(np.concatenate, np.concat)
def concatenate(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = promoted(*arrays) if dtype is None else [cast(a, np.dtype(dtype)) for a in arrays]
    if axis is None:
        axis, arrays = 0, [a if a.ndim == 1 else a.reshape(-1) for a in arrays]
    return torch.cat(arrays, axis)


@says(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = tensors(*arrays) if dtype is None else [cast(a, np.dtype(dtype)) for a in arrays]
    return torch.stack(arrays, axis)


@says(np.split)
def split(ary, indices_or_sections, axis=0):
    if isinstance(indices_or_sections, int) and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return parted(ary, indices_or_sections, axis)


@says(np.array_split)
def parted(ary, indices_or_sections, axis=0):
    given = indices_or_sections
    return torch.tensor_split(ary, given if isinstance(given, int) else list(map(int, given)), axis)


@says(np.tile)
def tile(A, reps):
    return torch.tile(A, as_shape(reps))


@says(np.repeat)
def repeat(a, repeats, axis=None):
    repeats = torch.as_tensor(repeats, device=a.device)
    if axis is None:
        a, axis = a.reshape(-1), 0
    return torch.repeat_interleave(a, repeats if repeats.numel() > 1 else repeats.expand(a.shape[axis]), axis)


@says(np.pad)
def pad(array, pad_width, mode="constant", **options):
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    if mode != "constant":
        raise NotImplementedError(f"np.pad(mode={mode!r})")
    values = np.broadcast_to(np.asarray(options.get("constant_values", 0)), (array.ndim, 2)).tolist()
    for axis, (counts, fillers) in enumerate(zip(widths, values, strict=True)):
        shape = list(array.shape)
        ends = [
            torch.full([*shape[:axis], n, *shape[axis + 1 :]], v, dtype=array.dtype, device=array.device)
            for n, v in zip(counts, fillers, strict=True)
        ]
        array = torch.cat([ends[0], array, ends[1]], axis) if any(counts) else array
    return array


@says(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    return torch.diagonal(a, offset, axis1, axis2)


says(np.diag)(lambda v, k=0: torch.diag(v, k))
says(np.diagflat)(lambda v, k=0: torch.diagflat(v, k))
says(np.tril)(lambda m, k=0: torch.tril(square(m), k))
says(np.triu)(lambda m, k=0: torch.triu(square(m), k))


@says(np.lib.stride_tricks.sliding_window_view)
def windows(x, window_shape, axis=None, *, subok=False, writeable=False):
    sizes = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    given = axis if isinstance(axis, tuple | list) else range(x.ndim) if axis is None else (axis,)
    axes = [axis_of(one, x.ndim) for one in given]  # of which one may be named several times
    for length, along in zip(sizes, axes, strict=True):
        x = x.unfold(along, length, 1)
    return x


def like(make: Any):
    """`np.zeros_like` and its kind."""

    def compute(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
        wanted = a.dtype if dtype is None else to_torch(dtype, a.device)
        return make(a.shape if shape is None else as_shape(shape), dtype=wanted, device=a.device)

    return compute


says(np.zeros_like)(like(torch.zeros))
says(np.ones_like)(like(torch.ones))
says(np.empty_like)(like(torch.zeros))


@says(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    wanted = a.dtype if dtype is None else to_torch(dtype, a.device)
    shape = a.shape if shape is None else as_shape(shape)
    if isinstance(fill_value, torch.Tensor):
        return fill_value.to(wanted).expand(shape).clone()
    return torch.full(shape, fill_value, dtype=wanted, device=a.device)


@says(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    return tuple(torch.meshgrid(*xi, indexing=indexing))
