"""`CuPyArray`: an array of CuPy's that speaks NumPy's protocols whole; what it says otherwise is in `wordings`."""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np

from autograd_mini.devices.array import CREATED_LIKE, MIXED, DeviceArray, in_parts, method_name
from autograd_mini.devices.cupy.wordings import FUNCTIONS, REDUCTIONS
from autograd_mini.devices.reading import tells_nan_later
from autograd_mini.primitive import composites, display_name

REFUSED = (
    "{name} was called on an array on the device {device}, for which CuPy has no counterpart{reason}. Compute it on "
    'the host: `t.to_device("cpu")`, or write it in other functions.'
)
UNSUPPORTED = (NotImplementedError, TypeError)


def kind() -> Any:
    """CuPy's own type."""
    return sys.modules["cupy"].ndarray


def adopted(array: Any) -> CuPyArray:
    """A user's array as one that shares its memory."""
    return wrapped(array)


def placed(array: Any) -> CuPyArray:
    """A host array on the device that CuPy works on now."""
    return wrapped(sys.modules["cupy"].asarray(array))


def wrapped(result: Any) -> Any:
    """What CuPy computed, its arrays as ours."""
    if isinstance(result, kind()):
        array = _new(CuPyArray)
        array.array = result
        return array
    return in_parts(wrapped, result)


class CuPyArray(DeviceArray):
    """An array of CuPy's, on a GPU, that NumPy's functions compute with.

    `Tensor(cupy_array)` makes one, and `t.data` gives it.

    Attributes
    ----------
    array : cupy.ndarray
        The memory itself.
    device : str
        "cupy:0" and so on.
    """

    __slots__ = ("__weakref__", "array")
    __array_priority__ = 100
    array: Any

    def __init__(self, array: Any) -> None:
        self.array = array

    dtype, shape, ndim, size, nbytes, itemsize, strides, base = (
        property(operator.attrgetter(f"array.{name}"))
        for name in ("dtype", "shape", "ndim", "size", "nbytes", "itemsize", "strides", "base")
    )

    # Where it is

    @property
    def device(self) -> str:
        return f"cupy:{self.array.device.id}"

    def host(self) -> np.ndarray[Any, Any]:
        """A copy as NumPy's array, which waits for the device."""
        copy: np.ndarray[Any, Any] = self.array.get()
        return copy

    has_values = waits = True

    may_hold_nan = property(tells_nan_later)

    def everywhere(self) -> bool:
        """Whether a condition holds for all entries."""
        return bool(self.array.all())

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if not all(map(is_ours, inputs)):
            return NotImplemented
        name = method_name(ufunc, method)
        out = options.pop("out", None)
        given = self.raw(name, inputs)
        options = {key: self.raw_option(name, value) for key, value in options.items()}
        where = options.pop("where", True) if method == "__call__" else True
        compute = getattr(ufunc, method)
        if method == "reduce" and ufunc in REDUCTIONS:
            options.setdefault("axis", 0)
            compute = REDUCTIONS[ufunc]
        try:
            found = wrapped(compute(*given, **options))
        except UNSUPPORTED as error:
            raise self.refused(name, error) from error
        if out is None:
            return found
        (target,) = out
        return target.taking(found if where is True else wrapped(np.where(where, found.array, target.array)))

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if any(not issubclass(each, CuPyArray | np.ndarray | kind()) for each in types):
            return NotImplemented
        name = display_name(function)
        if function in CREATED_LIKE:
            return created_like(self, function, args, options)
        out = options.pop("out", None) if "out" in options else None
        given = self.raw(name, args)
        named = {key: self.raw_option(name, value) for key, value in options.items()}
        try:
            found = wrapped(FUNCTIONS.get(function, function)(*given, **named))
        except UNSUPPORTED as error:
            if function in composites and "no implementation found" in str(error):
                return composites[function](*args, **options)
            raise self.refused(name, error) from error
        return found if out is None else out.taking(found)

    def refused(self, name: str, error: Exception) -> TypeError:
        """The error for what CuPy cannot do."""
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = "" if "no implementation found" in reason or "returned NotImplemented" in reason else f" ({reason})"
        return TypeError(REFUSED.format(name=name, device=self.device, reason=reason))

    def raw(self, name: str, values: Any) -> list[Any]:
        """Arguments as CuPy takes them."""
        return [self.raw_operand(name, value) for value in values]

    def raw_operand(self, name: str, value: Any) -> Any:
        """One argument: arrays as CuPy's, and host arrays that say where, as indices and masks do, brought along."""
        if type(value) is CuPyArray:
            return value.array
        if type(value) in (tuple, list):
            return type(value)(self.raw(name, value))
        if isinstance(value, np.ndarray):
            if not value.ndim:
                return value[()]
            if value.dtype.kind not in "iub":
                got = f"shape {value.shape} {value.dtype}"
                raise TypeError(MIXED.format(name=name, got=got, device=self.device))
            return self.brought(value)
        return value

    def raw_option(self, name: str, value: Any) -> Any:
        """A keyword argument, which may be a host array of any kind."""
        return self.brought(value) if isinstance(value, np.ndarray) and value.ndim else self.raw_operand(name, value)

    def brought(self, array: Any) -> Any:
        """A host array as CuPy's."""
        return np.asarray(array, like=self.array)

    # Entries

    def __getitem__(self, index: Any) -> CuPyArray:
        return wrapped(self.array[self.raw_index(index)])

    def __setitem__(self, index: Any, values: Any) -> None:
        self.array[self.raw_index(index)] = self.raw_option("a[index] = values", values)

    def raw_index(self, index: Any) -> Any:
        """An index; lists are arrays of numbers."""
        parts = index if isinstance(index, tuple) else (index,)
        found = tuple(np.asarray(part) if isinstance(part, list) else part for part in parts)
        raw = tuple(self.raw_option("a[index]", part) for part in found)
        return raw if isinstance(index, tuple) else raw[0]

    def overwrite(self, values: Any) -> None:
        self.array[...] = values.array

    def __len__(self) -> int:
        return len(self.array)

    def item(self) -> Any:
        """The one entry as a Python number, for which Python waits."""
        return self.array.item()

    def tolist(self) -> Any:
        return self.array.tolist()

    def __float__(self) -> float:
        return float(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __complex__(self) -> complex:
        return complex(self.array)

    def __bool__(self) -> bool:
        return bool(self.array)

    def __index__(self) -> int:
        return self.array.__index__()

    def __str__(self) -> str:
        return np.array2string(self.host(), separator=", ")

    # Copies

    def copy(self, order: str = "C") -> CuPyArray:
        return wrapped(self.array.copy())

    def __reduce__(self) -> Any:
        return wrapped, (self.array,)

    def astype(self, dtype: Any, copy: bool = True, **options: Any) -> CuPyArray:
        return wrapped(self.array.astype(dtype, copy=copy))

    def fill(self, value: Any) -> None:
        self.array.fill(value)


_new = CuPyArray.__new__


def is_ours(value: Any) -> bool:
    """Whether it is one of the arrays and numbers that are computed with here."""
    return isinstance(value, CuPyArray | np.ndarray | np.generic) or not hasattr(type(value), "__array_ufunc__")


def created_like(place: CuPyArray, function: Any, args: Any, options: Any) -> CuPyArray:
    """`np.asarray(x, like=y)` and its kind: NumPy's result on the device of y."""
    (first, *rest), options = args, {name: value for name, value in options.items() if name != "like"}
    if isinstance(first, CuPyArray):
        dtype = options.get("dtype", rest[0] if rest else None)
        copy = function is np.array and options.get("copy", True) is True
        return first.astype(first.dtype if dtype is None else dtype, copy=copy)
    return wrapped(np.asarray(function(first, *rest, **options), like=place.array))
