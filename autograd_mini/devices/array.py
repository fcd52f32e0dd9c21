"""What an array has beside NumPy's two protocols: operators and methods, each of which is one of NumPy's functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


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

    def compress(self, condition: Any, axis: Any = None) -> Any:
        return np.compress(condition, self, axis)  # type: ignore[call-overload]

    def flatten(self, order: str = "C") -> Any:
        return np.ravel(self, order=order).copy()  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))  # type: ignore[arg-type, index]


NAMES: tuple[Any, ...] = (
    *(np.sum, np.mean, np.max, np.min, np.prod, np.std, np.var, np.all, np.any, np.argmax, np.argmin),
    *(np.squeeze, np.ravel, np.swapaxes, np.clip, np.cumsum, np.cumprod, np.diagonal, np.dot, np.trace),
    *(np.take, np.repeat, np.choose, np.round, np.argsort, np.argpartition, np.searchsorted, np.nonzero, np.conjugate),
)
for _function in NAMES:
    setattr(ArrayMethods, _function.__name__, method(_function))
ArrayMethods.conj = ArrayMethods.conjugate  # type: ignore[attr-defined]
