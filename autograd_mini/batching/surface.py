"""What a batch looks like: the operators and methods of an array, written as NumPy's functions, and what it refuses.

How these functions are computed for all examples at once is not said here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini.rules import indexing
from autograd_mini.rules.updates import At

SCIPY_CALLS = "autograd_mini.scipy.callers"  # loaded where a sparse matrix is multiplied with a batch

numpy: Any = np  # whose functions return batches for batches
operations: Any = indexing  # the tables of rules carry no types

ONE_VALUE = (
    "{what} was asked of values that differ among the {size} examples of a vmap, of shape {shape} each: there is no "
    "one {kind} for all of them. {hint}"
)
CONDITION = "Write `np.where(condition, a, b)` instead of `if`, `while`, `and` and `or`."
KEEP = "Compute with `np.*` functions instead, and look at numbers after the vmap."
ARRAY = "Write `np.stack([a, b])` for `np.array([a, b])`, and `Tensor(table)[i]` to read an array at such an index."
WRITING = "Write `Tensor(a).at[index].set(values)`, or `np.where(mask, values, a)`, which make a new array."
INDEX = (
    "An array is read at indices that differ among examples by `Tensor(array)[i]` or `np.take(Tensor(array), i, 0)`."
)


class Unbatchable(TypeError):  # noqa: N818 (it says what the value is)
    """What a batch refuses, because it would take one value for all examples."""


def refusal(what: str, kind: str, hint: str) -> Callable[..., Any]:
    """A method that raises."""

    def method(self: Any, *_args: Any, **_kwargs: Any) -> Any:
        raise Unbatchable(ONE_VALUE.format(what=what, kind=kind, hint=hint, size=self.level.size, shape=self.shape))

    return method


def binary(function: Any) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """`a + b` and `b + a`; a tensor's own operators come first."""

    def forward(self: Any, other: Any) -> Any:
        return NotImplemented if hasattr(other, "requires_grad") else function(self, other)

    def swapped(self: Any, other: Any) -> Any:
        return NotImplemented if hasattr(other, "requires_grad") else function(other, self)

    return forward, swapped


def unary(function: Any) -> Callable[[Any], Any]:
    """`-a`."""
    return lambda self: function(self)  # noqa: PLW0108 (NumPy's functions are no methods)


def method(function: Any) -> Callable[..., Any]:
    """`a.sum(axis=0)`."""
    return lambda self, *args, **options: function(self, *args, **options)  # noqa: PLW0108


def one_or_several(numbers: tuple[Any, ...]) -> Any:
    """The arguments of `a.reshape(2, 3)` or `a.reshape((2, 3))`."""
    return numbers[0] if len(numbers) == 1 else numbers


class Surface:
    """The operators and methods of an array, by NumPy's functions of it."""

    __slots__ = ()

    values: Any
    level: Any
    shape: tuple[int, ...]
    ndim: int
    size: int

    base = None  # NumPy's word for the owner of a view's memory
    T = property(unary(numpy.transpose))
    mT = property(lambda self: numpy.swapaxes(self, -1, -2))  # noqa: N815
    real, imag = property(unary(numpy.real)), property(unary(numpy.imag))
    at = property(At)
    flat = property(refusal("A flat iterator", "array", KEEP))

    __add__, __radd__ = binary(np.add)
    __sub__, __rsub__ = binary(np.subtract)
    __mul__, __rmul__ = binary(np.multiply)
    __truediv__, __rtruediv__ = binary(np.divide)
    __floordiv__, __rfloordiv__ = binary(np.floor_divide)
    __mod__, __rmod__ = binary(np.remainder)
    __matmul__, __rmatmul__ = binary(np.matmul)
    _power, __rpow__ = binary(np.power)
    __and__, __rand__ = binary(np.bitwise_and)
    __or__, __ror__ = binary(np.bitwise_or)
    __xor__, __rxor__ = binary(np.bitwise_xor)
    __lshift__, __rlshift__ = binary(np.left_shift)
    __rshift__, __rrshift__ = binary(np.right_shift)
    __lt__, __gt__ = binary(np.less)[0], binary(np.greater)[0]
    __le__, __ge__ = binary(np.less_equal)[0], binary(np.greater_equal)[0]
    __eq__, __ne__ = binary(np.equal)[0], binary(np.not_equal)[0]
    __hash__ = object.__hash__
    __neg__, __pos__, __abs__, __invert__ = map(unary, (np.negative, np.positive, np.absolute, np.invert))

    def __pow__(self, other: Any) -> Any:
        return np.square(self) if type(other) in (int, float) and other == 2 else self._power(other)

    __bool__ = refusal("A condition", "answer", CONDITION)
    __float__ = __int__ = __complex__ = item = refusal("A number", "number", KEEP)
    __index__ = refusal("An index", "index", INDEX)
    as_array = refusal("A plain array", "array", ARRAY)
    tolist = tobytes = view = refusal("A plain array", "array", KEEP)
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ifloordiv__ = __imod__ = refusal("Writing", "place", WRITING)
    __ipow__ = __imatmul__ = __iand__ = __ior__ = __ixor__ = __setitem__ = refusal("Writing", "place", WRITING)
    fill = put = sort = partition = itemset = resize = refusal("Writing", "place", WRITING)

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        frame = sys._getframe(1)
        if frame.f_globals.get("__name__", "").startswith("scipy.sparse."):
            product = importlib.import_module(SCIPY_CALLS).deferred(frame, self)
            if product is not None:
                return product
        return self.as_array()

    def __getitem__(self, index: Any) -> Any:
        return operations.getitem(self, index)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return map(self.__getitem__, range(len(self)))

    def __format__(self, spec: str) -> str:
        if spec:
            self.__float__()
        return repr(self)

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        return numpy.reshape(self, one_or_several(shape), order=order)

    def transpose(self, *axes: Any) -> Any:
        return numpy.transpose(self, one_or_several(axes) if axes else None)

    sum, mean, prod, max, min = map(method, (np.sum, np.mean, np.prod, np.max, np.min))
    std, var, any, all, clip = map(method, (np.std, np.var, np.any, np.all, np.clip))
    ravel, flatten, squeeze, swapaxes = map(method, (np.ravel, np.ravel, np.squeeze, np.swapaxes))
    cumsum, cumprod, argmax, argmin = map(method, (np.cumsum, np.cumprod, np.argmax, np.argmin))
    argsort, take, repeat, conj = map(method, (np.argsort, np.take, np.repeat, np.conjugate))
    trace, diagonal, dot, round, conjugate = map(method, (np.trace, np.diagonal, np.dot, np.round, np.conjugate))
    nonzero, searchsorted, argpartition, choose = map(method, (np.nonzero, np.searchsorted, np.argpartition, np.choose))

    def compress(self, condition: Any, axis: Any = None) -> Any:
        return numpy.compress(condition, self, axis)
