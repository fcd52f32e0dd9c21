"""What a tensor is to Python and NumPy beside arithmetic: numbers, text, copies, NumPy's methods by its functions.

No operation is recorded here; `Tensor` does that.
"""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini import elsewhere, errors, showing
from autograd_mini.arrays import may_hold_nan
from autograd_mini.graph import Leaf, Node, copy_graph
from autograd_mini.primitive import display_name

if TYPE_CHECKING:
    from autograd_mini.tensor import Tensor
    from autograd_mini.typed import Methods
else:
    Methods = object

numpy: Any = np  # NumPy's type stubs do not say that its functions return tensors for tensors
Method = Callable[..., Any]
SCIPY_CALLS = "autograd_mini.scipy.callers"  # what a function of SciPy is told that asks for the array


def method(function: Method) -> Method:
    """A NumPy function as a method: `t.max(axis=0)` is `np.max(t, axis=0)`."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(self, *args, **kwargs)
        except TypeError as error:
            elsewhere.explain_options(error, function, kwargs)
            raise

    call.__name__ = function.__name__
    call.__doc__ = f"`{display_name(function)}` of this tensor."
    return call


def operators(function: Method) -> tuple[Method, Method]:
    """`t // u` and `u // t`, by `np.floor_divide`."""
    return method(function), lambda self, other: function(other, self)


def number(kind: Callable[[Any], Any]) -> Method:
    """A tensor of one entry as a Python number, which has no history."""

    def convert(self: Any) -> Any:
        if not elsewhere.is_text(sys._getframe(1)):  # '%.3f' % t, which reads as f"{t:.3f}" does
            self._refuse("number")
        return kind(self.item())

    return convert


class Surface(Methods):
    """The methods that are the same for all that has `_values`, an array, and `_record`, its history."""

    __slots__ = ()

    _values: Any
    _record: Any

    # NumPy's methods

    if not TYPE_CHECKING:  # `typed` tells checkers what they are
        all, any, max, min, clip = method(np.all), method(np.any), method(np.max), method(np.min), method(np.clip)
        prod, std, var, trace = method(np.prod), method(np.std), method(np.var), method(np.trace)
        squeeze, ravel, flatten, swapaxes = method(np.squeeze), method(np.ravel), method(np.ravel), method(np.swapaxes)
        cumsum, cumprod, diagonal, dot = method(np.cumsum), method(np.cumprod), method(np.diagonal), method(np.dot)
        take, repeat, choose, compress = method(np.take), method(np.repeat), method(np.choose), method(np.compress)
        round = method(np.round)
        argmax, argmin, argsort, nonzero = method(np.argmax), method(np.argmin), method(np.argsort), method(np.nonzero)
        argpartition, searchsorted = method(np.argpartition), method(np.searchsorted)
        real, imag = property(method(np.real)), property(method(np.imag))

        __floordiv__, __rfloordiv__ = operators(np.floor_divide)
        __mod__, __rmod__ = operators(np.remainder)
        __divmod__, __rdivmod__ = operators(np.divmod)
        __lshift__, __rlshift__ = operators(np.left_shift)
        __rshift__, __rrshift__ = operators(np.right_shift)

        may_hold_nan = property(lambda self: may_hold_nan(self._values), doc="Whether an entry is, or may be, NaN.")

    def conj(self) -> Tensor:
        """The complex conjugate; a tensor of other numbers is its own."""
        own: Any = self
        return numpy.conjugate(self) if self._values.dtype.kind == "c" else own

    conjugate = conj

    def __round__(self, digits: int = 0) -> Tensor:
        return numpy.round(self, digits)

    # Python's numbers and containers

    if not TYPE_CHECKING:
        __float__, __int__, __complex__ = number(float), number(int), number(complex)

    def __index__(self) -> int:
        self._refuse("number")
        return self._values.__index__()

    def __bool__(self) -> bool:
        if self._values.size != 1:
            raise ValueError(errors.TRUTH.format(shape=self._values.shape, size=self._values.size))
        return bool(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def item(self) -> Any:
        """The one entry as a Python number, without history."""
        if self._values.size != 1:
            raise ValueError(errors.ITEM.format(shape=self._values.shape))
        return self._values.item()

    def tolist(self) -> Any:
        """The entries as nested lists of Python numbers."""
        self._refuse("list")
        return self._values.tolist()

    # To checkers an object, so that for them no tensor is an array: `array @ tensor` is a tensor's `__rmatmul__` then.
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> object:
        answer = self._refuse("array")
        return np.array(self._values, dtype, copy=copy) if answer is None else answer

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(errors.ASSIGNMENT)

    def _refuse(self, kind: str) -> Any:
        frame: Any = sys._getframe(2)
        taker = frame
        while frame.f_globals.get("__name__", "").startswith("numpy."):
            taker, frame = frame, frame.f_back
        if frame.f_globals.get("__name__", "").startswith("scipy."):
            return importlib.import_module(SCIPY_CALLS).answer(frame, self)
        if self._record is not None and self._record.requires_grad:
            item = ", or `t.item()` for a Python number" if self._values.size == 1 else ""
            raise TypeError(errors.TO_ARRAY.format(kind=kind, item=item, instead=elsewhere.instead(taker)))
        return None

    def __format__(self, spec: str) -> str:
        return format(self._values.item(), spec) if spec and self._values.size == 1 else format(repr(self), spec)

    def __repr__(self) -> str:
        data = self._values
        own = isinstance(data, np.ndarray)  # a batch stands for many arrays, and what is on a device says what it shows
        values = (
            np.array2string(data, separator=", ", prefix="Tensor(") if own else str(data).replace("\n", "\n       ")
        )
        dtype = [f"dtype={data.dtype}"] if data.dtype != np.float64 or not data.size else []
        return f"Tensor({', '.join([values, *dtype, *self._notes()])})"

    def _repr_html_(self) -> str | None:
        data = self._values
        said = [f"{type(self).__name__} {data.shape}", str(data.dtype), *self._notes()]
        return showing.array_table(data, said) if isinstance(data, np.ndarray) else None

    def _notes(self) -> list[str]:
        """What a tensor is beside its numbers: its name, and where it comes from."""
        record = self._record
        notes = [f"name={record.name!r}"] if record is not None and record.name is not None else []
        if type(record) is Node:
            return [*notes, f"from={record.primitive.name}"]
        return [*notes, "requires_grad=True"] if record is not None and record.requires_grad else notes

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = memo[id(self)] = type(self).__new__(type(self))
        twin._values = copy.deepcopy(self._values, memo)
        twin._record = copy_graph(self._record, memo) if self._record is not None else None
        return twin

    def __reduce__(self) -> Any:
        record = self._record
        if type(record) is Node:
            raise TypeError(errors.PICKLE.format(name=record.primitive.name))
        state: Any = (False,) if record is None else (record.requires_grad, record.name, record.grad, record.hooks)
        return unpickle, (type(self), self._values, *state)


def unpickle(  # noqa: PLR0917
    kind: type[Surface], data: Any, requires_grad: bool, name: str | None = None, grad: Any = None, hooks: Any = None
) -> Surface:
    """Make the tensor that `__reduce__` describes."""
    tensor = kind.__new__(kind)
    tensor._values, tensor._record = data, Leaf(data, requires_grad, name)
    tensor._record.grad, tensor._record.hooks = grad, hooks
    return tensor
