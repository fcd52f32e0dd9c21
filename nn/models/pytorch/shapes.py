"""Operations of ATen that move entries, pick some of them, or put arrays together and apart."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import devices, stop_gradient
from nn.models.pytorch.dtypes import as_dtype, together
from nn.noise import values

END = 2**62  # what ATen writes for the end of an axis is larger


def reshaped(x: Any, shape: Sequence[int]) -> Any:
    return np.reshape(x, tuple(shape))


def flattened(x: Any, start: int = 0, end: int = -1) -> Any:
    if not x.ndim:
        return np.reshape(x, (1,))
    start, end = start % x.ndim, end % x.ndim
    size = 1
    for length in x.shape[start : end + 1]:
        size *= length
    return np.reshape(x, (*x.shape[:start], size, *x.shape[end + 1 :]))


def unflattened(x: Any, axis: int, sizes: Sequence[int]) -> Any:
    axis %= x.ndim
    return np.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def squeezed(x: Any, axes: int | Sequence[int] | None = None) -> Any:
    """Only axes of length 1 go."""
    if axes is None:
        axes = range(x.ndim)
    gone = tuple(axis % x.ndim for axis in ([axes] if isinstance(axes, int) else axes) if x.shape[axis] == 1)
    return np.squeeze(x, gone) if gone else x


def expanded(x: Any, shape: Sequence[int], implicit: bool = False) -> Any:
    """-1 stands for the length that there is."""
    ahead = len(shape) - x.ndim
    whole = tuple(x.shape[i - ahead] if size == -1 else size for i, size in enumerate(shape))
    return x if whole == x.shape else np.broadcast_to(x, whole)


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """An index along one axis counted from the front, all of the others."""
    return (*[slice(None)] * axis, index)


def sliced(x: Any, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    if not start and (end is None or end > END) and step == 1:
        return x
    return x[along(axis % x.ndim, slice(start, None if end is None or end > END else end, step))]


def select(x: Any, axis: int, index: int) -> Any:
    return x[along(axis % x.ndim, index)]


def put(x: Any, index: Any, value: Any) -> Any:
    """x with other values there."""
    where = np.zeros(x.shape, bool)
    where[index] = True
    places = np.zeros(x.shape, np.int64)
    places[index] = np.arange(places[index].size).reshape(places[index].shape)
    value = np.reshape(np.broadcast_to(value, places[index].shape), -1)
    return np.where(where, as_dtype(np.take(value, places), x.dtype), x) if value.size else x


def slice_scatter(x: Any, value: Any, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    if not start and (end is None or end > END) and step == 1:
        return as_dtype(np.broadcast_to(value, x.shape), x.dtype)
    end = None if end is None or end > END else end
    return put(x, along(axis % x.ndim, slice(start, end, step)), value)


def select_scatter(x: Any, value: Any, axis: int, index: int) -> Any:
    return put(x, along(axis % x.ndim, index), value)


def copied(x: Any, value: Any, non_blocking: bool = False) -> Any:
    """`value` in the shape and the dtype of x."""
    value = as_dtype(value, x.dtype) if hasattr(value, "dtype") else np.full_like(x, value)
    return value if value.shape == x.shape else np.broadcast_to(value, x.shape)


def indexed(x: Any, indices: Sequence[Any]) -> Any:
    return x[tuple(slice(None) if index is None else values(index) for index in indices)]


def index_put(x: Any, indices: Sequence[Any], value: Any, accumulate: bool = False) -> Any:
    if accumulate:
        raise NotImplementedError("index_put with accumulate=True has no counterpart here")
    return put(x, tuple(slice(None) if index is None else values(index) for index in indices), value)


def gathered(x: Any, axis: int, index: Any, sparse_grad: bool = False) -> Any:
    """Entries along an axis at places of their own; where the index is shorter along others, of a part."""
    index, axis = values(index), axis % x.ndim
    part = tuple(slice(None) if i == axis else slice(size) for i, size in enumerate(index.shape))
    inner = x if all(i == axis or n == x.shape[i] for i, n in enumerate(index.shape)) else x[part]
    return np.take_along_axis(inner, index, axis)


def parts(x: Any, size: int | Sequence[int], axis: int = 0) -> Any:
    """Parts of a size, or of sizes, along an axis."""
    length = x.shape[axis]
    ends = list(range(size, length, size)) if isinstance(size, int) else np.cumsum(size)[:-1].tolist()
    return np.split(x, ends, axis=axis)


def chunks(x: Any, count: int, axis: int = 0) -> Any:
    return parts(x, max(1, -(-x.shape[axis] // count)), axis)


def unbound(x: Any, axis: int = 0) -> Any:
    return [select(x, axis, i) for i in range(x.shape[axis])]


def joined(function: Callable[..., Any]) -> Callable[..., Any]:
    def join(arrays: Sequence[Any], axis: int = 0) -> Any:
        arrays = [array for array in arrays if array.shape != (0,)]  # PyTorch leaves these out
        return function(together(*arrays), axis=axis)

    return join


def padded(x: Any, widths: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Widths come in pairs, that of the last axis first; negative ones cut."""
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2)
    pairs += [(widths[i], widths[i + 1]) for i in range(len(widths) - 2, -1, -2)]
    if any(width < 0 for pair in pairs for width in pair):
        ends = zip(pairs, x.shape, strict=True)
        x = x[tuple(slice(max(0, -before), size - max(0, -after)) for (before, after), size in ends)]
        pairs = [(max(0, before), max(0, after)) for before, after in pairs]
    if mode == "constant":
        return np.pad(x, pairs, constant_values=value or 0)
    return np.pad(x, pairs, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])  # type: ignore[call-overload]


def repeated(x: Any, counts: Sequence[int]) -> Any:
    return np.tile(x, tuple(counts))


def cast_like(x: Any, other: Any) -> Any:
    return as_dtype(x, other.dtype)


def size_of(x: Any, axis: int) -> int:
    return int(x.shape[axis])


def same_mask(x: Any) -> Any:
    return stop_gradient(x)


def new(fill: Any) -> Callable[..., Any]:
    """An array of a shape, with one number in it, beside the model's parameters."""

    def make(shape: Sequence[int], dtype: Any = None, *, beside: Any = None) -> Any:
        array = np.full(tuple(shape), fill, np.float32 if dtype is None else dtype)
        return devices.beside(array, beside)

    return make


def full(shape: Sequence[int], value: Any, dtype: Any = None, *, beside: Any = None) -> Any:
    default = {bool: bool, int: np.int64}.get(type(value), np.float32)
    array = np.full(tuple(shape), value, default if dtype is None else dtype)
    return devices.beside(array, beside)


def new_like(fill: Any) -> Callable[..., Any]:
    return lambda x, dtype=None: np.full_like(values(x), fill, dtype=dtype)


def new_of(fill: Any) -> Callable[..., Any]:
    return lambda x, shape, dtype=None: np.full_like(values(x), fill, dtype=dtype, shape=tuple(shape))


def steps(*bounds: Any, dtype: Any = None, beside: Any = None) -> Any:
    whole = all(isinstance(bound, int) for bound in bounds)
    array = np.arange(*bounds, dtype=(np.int64 if whole else np.float32) if dtype is None else dtype)
    return devices.beside(array, beside)


def evenly(start: Any, end: Any, count: int, dtype: Any = None, *, beside: Any = None) -> Any:
    array = np.linspace(start, end, count, dtype=np.float32 if dtype is None else dtype)
    return devices.beside(array, beside)


def triangle(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, diagonal=0: function(x, diagonal)


def scalar(value: Any, dtype: Any = None, *, beside: Any = None) -> Any:
    return full((), value, dtype, beside=beside)


def meshed(arrays: Sequence[Any], indexing: str = "ij") -> Any:
    return np.meshgrid(*arrays, indexing=indexing)  # type: ignore[call-overload]


def identity(n: int, m: Any = None, dtype: Any = None, *, beside: Any = None) -> Any:
    array = np.eye(n, m, dtype=np.float32 if dtype is None else dtype)
    return devices.beside(array, beside)


def shuffled(x: Any, r: int) -> Any:
    """Channels as pixels between pixels."""
    *ahead, c, h, w = x.shape
    n = len(ahead)
    x = np.reshape(x, (*ahead, c // r**2, r, r, h, w))
    x = np.transpose(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return np.reshape(x, (*ahead, c // r**2, h * r, w * r))


MOVED = {
    "view": reshaped,
    "reshape": reshaped,
    "_unsafe_view": reshaped,
    "_reshape_alias": lambda x, shape, _strides: reshaped(x, shape),
    "view_as": lambda x, other: reshaped(x, other.shape),
    "flatten": flattened,
    "unflatten": unflattened,
    "transpose": np.swapaxes,
    "swapaxes": np.swapaxes,
    "t": lambda x: x.T,
    "numpy_T": lambda x: x.T,
    "mT": lambda x: np.swapaxes(x, -1, -2),
    "permute": lambda x, axes: np.transpose(x, tuple(axes)),
    "movedim": np.moveaxis,
    "unsqueeze": np.expand_dims,
    "squeeze": squeezed,
    "expand": expanded,
    "expand_as": lambda x, other: expanded(x, other.shape),
    "broadcast_to": expanded,
    "broadcast_tensors": lambda arrays: [
        np.broadcast_to(x, np.broadcast_shapes(*(y.shape for y in arrays))) for x in arrays
    ],
    "flip": lambda x, axes: np.flip(x, tuple(axes)),
    "roll": lambda x, shifts, axes=(): np.roll(x, tuple(shifts), tuple(axes) or None),
    "repeat": repeated,
    "tile": repeated,
    "repeat_interleave": lambda x, count, axis=None: np.repeat(x, count, axis),
    "pixel_shuffle": shuffled,
}
PICKED = {
    "slice": sliced,
    "select": select,
    "narrow": lambda x, axis, start, length: sliced(x, axis, start, start + length),
    "index": indexed,
    "index_select": lambda x, axis, index: np.take(x, values(index), axis),
    "index_put": index_put,
    "gather": gathered,
    "take_along_dim": lambda x, index, axis: np.take_along_axis(x, values(index), axis),
    "diagonal": lambda x, offset=0, a=0, b=1: np.diagonal(x, offset, a, b),
    "tril": triangle(np.tril),
    "triu": triangle(np.triu),
    "split": parts,
    "split_with_sizes": parts,
    "chunk": chunks,
    "unbind": unbound,
    "cat": joined(np.concatenate),
    "concat": joined(np.concatenate),
    "stack": joined(np.stack),
    "pad": padded,
    "constant_pad_nd": lambda x, widths, value=0: padded(x, widths, "constant", value),
    "slice_scatter": slice_scatter,
    "select_scatter": select_scatter,
    "copy": copied,
    "fill": copied,
    "zero": np.zeros_like,
    "meshgrid": meshed,
    "sym_size": size_of,
    "sym_numel": lambda x: x.size,
}
MADE: dict[str, Any] = {  # these are told where the parameters are
    "zeros": new(0),
    "ones": new(1),
    "empty": new(0),
    "full": full,
    "arange": steps,
    "linspace": evenly,
    "scalar_tensor": scalar,
    "eye": identity,
}
LIKE = {
    "zeros_like": new_like(0),
    "ones_like": new_like(1),
    "empty_like": new_like(0),
    "full_like": lambda x, value, dtype=None: np.full_like(values(x), value, dtype=dtype),
    "new_zeros": new_of(0),
    "new_ones": new_of(1),
    "new_empty": new_of(0),
    "new_full": lambda x, shape, value, dtype=None: np.full_like(values(x), value, dtype=dtype, shape=tuple(shape)),
}
CAST = {
    "to.dtype": lambda x, dtype, *_: as_dtype(x, dtype),
    "to.dtype_layout": lambda x, *_, dtype=None: as_dtype(x, dtype),
    "to.device": lambda x, _device, dtype=None, *_: as_dtype(x, dtype),
    "to.other": lambda x, other, *_: as_dtype(x, other.dtype),
    "_to_copy": lambda x, dtype=None, non_blocking=False: as_dtype(x, dtype),
    "type_as": cast_like,
}
PYTHON = {operator.getitem: operator.getitem}


TABLE: dict[str, Any] = {**MOVED, **PICKED, **LIKE, **CAST}
