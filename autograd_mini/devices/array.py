"""What arrays on devices have in common: operators and methods, each one of NumPy's functions, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini.primitive import display_name

MIXED = (
    "{name} was given an array in the host's memory, {got}, together with one on the device {device}. Bring one to the "
    'other: `x.to_device("{device}")` for a tensor, `np.asarray(x, like=y)` for an array, y being on the device.'
)
IMPLICIT = (
    "An array on the device {device} was to become NumPy's without being asked for, which would wait for the device "
    'and copy. Write `.to_device("cpu")` first.'
)
CREATED_LIKE = {np.asarray, np.array, np.asanyarray, np.ascontiguousarray, np.zeros, np.ones, np.empty, np.full}
CREATED_LIKE |= {np.arange, np.eye, np.identity}


def method_name(ufunc: np.ufunc, method: str) -> str:
    """What a user has written."""
    return display_name(ufunc) if method == "__call__" else f"{display_name(ufunc)}.{method}"


def forward(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """`a + b`; another kind of array is asked first what it means with this one."""

    def operator(self: Any, other: Any) -> Any:
        return NotImplemented if goes_first(other) else ufunc(self, other)

    return operator


def backward(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """`b + a`."""

    def operator(self: Any, other: Any) -> Any:
        return ufunc(other, self)

    return operator


def unary(ufunc: np.ufunc) -> Callable[[Any], Any]:
    """`-a`."""

    def operator(self: Any) -> Any:
        return ufunc(self)

    return operator


def goes_first(other: Any) -> bool:
    """Whether it computes with arrays of this kind in its own way, as tensors and batches do."""
    return hasattr(other, "requires_grad") or hasattr(type(other), "level")


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function as a method."""

    def call(self: Any, *args: Any, **options: Any) -> Any:
        return function(self, *args, **options)

    call.__name__ = function.__name__
    return call


def in_parts(wrap: Callable[[Any], Any], result: Any) -> Any:
    """What a library returned beside a single array: the parts of tuples and lists wrapped, all else as it is."""
    if isinstance(result, tuple | list):
        parts = [wrap(part) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return result


class ArrayMethods:
    """The operators and methods of arrays, for a class that speaks NumPy's protocols."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    __add__, __radd__ = forward(np.add), backward(np.add)
    __sub__, __rsub__ = forward(np.subtract), backward(np.subtract)
    __mul__, __rmul__ = forward(np.multiply), backward(np.multiply)
    __truediv__, __rtruediv__ = forward(np.divide), backward(np.divide)
    __floordiv__, __rfloordiv__ = forward(np.floor_divide), backward(np.floor_divide)
    __mod__, __rmod__ = forward(np.remainder), backward(np.remainder)
    __pow__, __rpow__ = forward(np.power), backward(np.power)
    __matmul__, __rmatmul__ = forward(np.matmul), backward(np.matmul)
    __and__, __rand__ = forward(np.bitwise_and), backward(np.bitwise_and)
    __or__, __ror__ = forward(np.bitwise_or), backward(np.bitwise_or)
    __xor__, __rxor__ = forward(np.bitwise_xor), backward(np.bitwise_xor)
    __lshift__, __rlshift__ = forward(np.left_shift), backward(np.left_shift)
    __rshift__, __rrshift__ = forward(np.right_shift), backward(np.right_shift)
    __lt__, __le__, __gt__, __ge__ = map(forward, (np.less, np.less_equal, np.greater, np.greater_equal))
    __eq__, __ne__ = map(forward, (np.equal, np.not_equal))
    __neg__, __pos__, __abs__, __invert__ = map(unary, (np.negative, np.positive, np.absolute, np.invert))

    T = property(lambda self: np.transpose(self))
    real, imag = property(lambda self: np.real(self)), property(lambda self: np.imag(self))

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)  # type: ignore[call-overload]

    def transpose(self, *axes: Any) -> Any:
        axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return np.transpose(self, axes or None)  # type: ignore[call-overload]

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        return np.compress(condition, self, axis, out)  # type: ignore[call-overload]

    def flatten(self, order: str = "C") -> Any:
        return np.ravel(self, order=order).copy()  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))  # type: ignore[arg-type, index]


class DeviceArray(ArrayMethods):
    """An array that is on a device; a class for each library says how it is read, copied and overwritten."""

    __slots__ = ()

    def to_device(self, device: Any) -> Any:
        """The array on another device; itself if it is there."""
        from autograd_mini.devices import to_device

        return to_device(self, device)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(IMPLICIT.format(device=self.device))  # type: ignore[attr-defined]

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    def taking(self: Any, values: Any) -> Any:
        """This array, with other values written into it."""
        if values.shape != self.shape:
            raise ValueError(f"non-broadcastable output operand with shape {self.shape} for {values.shape}")
        if not np.can_cast(values.dtype, self.dtype, "same_kind"):
            raise TypeError(f"Cannot cast output from {values.dtype} to {self.dtype} with casting rule 'same_kind'")
        self.overwrite(values)
        return self

    def __repr__(self: Any) -> str:
        return f"{type(self).__name__}({self}, dtype={self.dtype}, device={self.device!r})"

    def __format__(self: Any, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __copy__(self: Any) -> Any:
        return self.copy()

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        twin = memo[id(self)] = self.copy()
        return twin


NAMES: tuple[Any, ...] = (
    *(np.sum, np.mean, np.max, np.min, np.prod, np.std, np.var, np.all, np.any, np.argmax, np.argmin),
    *(np.squeeze, np.ravel, np.swapaxes, np.clip, np.cumsum, np.cumprod, np.diagonal, np.dot, np.trace),
    *(np.take, np.repeat, np.choose, np.round, np.argsort, np.argpartition, np.searchsorted, np.nonzero, np.conjugate),
)
for _function in NAMES:
    setattr(ArrayMethods, _function.__name__, method(_function))
ArrayMethods.conj = ArrayMethods.conjugate  # type: ignore[attr-defined]
