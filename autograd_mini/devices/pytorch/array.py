"""`TorchArray`: a PyTorch tensor that speaks NumPy's protocols; how PyTorch says each function is in the tables."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograd_mini.devices.array import CREATED_LIKE, MIXED, DeviceArray, in_parts, method_name
from autograd_mini.devices.pytorch import algebra, choosing, places, reductions, shapes  # noqa: F401 (fill the table)
from autograd_mini.devices.pytorch.dtypes import TO_NUMPY, to_numpy, to_torch
from autograd_mini.devices.pytorch.tables import FUNCTIONS
from autograd_mini.devices.pytorch.universal import (
    METHODS,
    UFUNCS,
    computed,
    in_bounds,
    quickly,
    quickly_in_place,
    quickly_of_one,
)
from autograd_mini.devices.reading import tells_nan_later
from autograd_mini.primitive import composites, display_name

HISTORY = (
    "A PyTorch tensor that requires grad was given. Its history is PyTorch's, and would end here in silence. Write "
    "`t.detach()` for its values."
)
LAYOUT = "A PyTorch tensor of layout {layout} was given. Write `t.to_dense()`."
REFUSED = (
    "{name} was called on an array on the device {device}, for which PyTorch has no counterpart{reason}. Compute it on "
    'the host: `t.to_device("cpu")`, or write it in other functions.'
)
NO_VALUES = "A number was to be read on the device {device}, which holds shapes and dtypes and no values."
OTHER_METHODS = "`{name}.{method}`"

NUMBERS = {float, int, complex, bool}
PLAIN = {*NUMBERS, str, slice, type(None), type(np._NoValue)}
WAITING = {"cuda", "mps", "xpu"}  # kinds of devices that compute while Python goes on
Tensor: Any = torch.Tensor
numpy: Any = np  # whose type stubs do not know that its functions return arrays of other libraries for such


def adopted(tensor: Any) -> TorchArray:
    """A user's tensor as an array that shares its memory.

    Raises
    ------
    TypeError
        If it requires grad, is sparse, or has a dtype that NumPy lacks.
    """
    if tensor.requires_grad:
        raise TypeError(HISTORY)
    if tensor.layout is not torch.strided:
        raise TypeError(LAYOUT.format(layout=tensor.layout))
    to_numpy(tensor.dtype)
    return wrapped(tensor.detach() if type(tensor) is Tensor else tensor.detach().as_subclass(Tensor))


def wrapped(result: Any) -> Any:
    """What PyTorch computed, tensors as arrays."""
    if type(result) is Tensor:
        array = _new(TorchArray)
        array.tensor = result
        return array
    return in_parts(wrapped, result)


def name_of(device: torch.device) -> str:
    """The device as it is written: "cuda:0", "meta"; "torch:cpu", for "cpu" alone is NumPy's."""
    return "torch:cpu" if device.type == "cpu" else str(device)


def refused(name: str, device: torch.device, reason: Any = "") -> TypeError:
    """The error for what PyTorch cannot do."""
    return TypeError(REFUSED.format(name=name, device=name_of(device), reason=f" ({reason})" if reason else ""))


class _Composing(threading.local):
    """The functions that are being computed of others, in this thread."""

    def __init__(self) -> None:
        self.functions: list[Any] = []


composing = _Composing()


class Translation:
    """From arrays to tensors, for one call."""

    __slots__ = ("device", "function")

    def __init__(self, function: Any, device: torch.device) -> None:
        self.function, self.device = function, device  # or the name of one

    @property
    def name(self) -> str:
        return self.function if isinstance(self.function, str) else display_name(self.function)

    def operand(self, value: Any) -> Any:
        """One argument: arrays as tensors, and host arrays that say where, as indices and masks do, brought along."""
        kind = type(value)
        if kind is TorchArray:
            return value.tensor
        if kind in PLAIN:
            return value
        if kind is tuple or kind is list:
            return kind(map(self.operand, value))
        if isinstance(value, np.ndarray):
            if not value.ndim:
                return value[()]
            if value.dtype.kind not in "iub":
                got = f"shape {value.shape} {value.dtype}"
                raise TypeError(MIXED.format(name=self.name, got=got, device=name_of(self.device)))
            return self.brought(value)
        return adopted(value).tensor if isinstance(value, Tensor) else value

    def options(self, values: dict[str, Any]) -> dict[str, Any]:
        """The keyword arguments."""
        return {name: self.option(value) for name, value in values.items()}

    def option(self, value: Any) -> Any:
        """A keyword argument, which may be a host array of any kind."""
        if isinstance(value, np.ndarray) and value.ndim:
            return self.brought(value)
        return self.operand(value)

    def brought(self, array: np.ndarray[Any, Any]) -> Any:
        if not array.flags.carray:  # PyTorch shares no memory that is read-only, or runs backwards
            array = np.array(array, order="C")
        if array.dtype == np.int64 and self.device.type == "cpu":
            return torch.from_numpy(array)  # an index, as most are
        return torch.as_tensor(array, dtype=to_torch(array.dtype, self.device)).to(self.device)


def raw(values: Any, function: Any, device: torch.device) -> list[Any]:
    """The arguments of a call, arrays as tensors."""
    found = []
    for value in values:
        kind = type(value)
        if kind is TorchArray:
            found.append(value.tensor)
        elif kind is list and ONLY_ARRAYS.issuperset(map(type, value)):
            found.append([part.tensor for part in value])
        else:
            found.append(value if kind in PLAIN else Translation(function, device).operand(value))
    return found


def device_among(values: Any) -> torch.device | None:
    """Where the first array is, in nested tuples and lists."""
    for value in values:
        if type(value) is TorchArray:
            return value.tensor.device
        if isinstance(value, tuple | list):
            found = device_among(value)
            if found is not None:
                return found
    return None


def direct(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    """A universal function of two arrays, or of one and a Python number."""
    found = quickly(ufunc, a.tensor if type(a) is TorchArray else a, b.tensor if type(b) is TorchArray else b)
    if found is None:
        return universal(ufunc, (a, b))
    array = _new(TorchArray)
    array.tensor = found
    return array


def of_one(ufunc: np.ufunc, a: TorchArray) -> Any:
    """A universal function of one array."""
    found = quickly_of_one(ufunc, a.tensor)
    if found is None:
        return universal(ufunc, (a,))
    array = _new(TorchArray)
    array.tensor = found
    return array


def universal(ufunc: np.ufunc, inputs: tuple[Any, ...], dtype: Any = None) -> Any:
    """A universal function of arrays and numbers."""
    kinds: list[Any] = []
    values: list[Any] = []
    device = None
    for given in inputs:
        kind, value = type(given), given
        if kind is TorchArray:
            value = given.tensor
            kinds.append(value.dtype)
            device = device or value.device
        elif kind in NUMBERS:
            kinds.append(kind)
        elif isinstance(given, np.generic | np.ndarray) and not given.ndim:
            kinds.append(given.dtype)
            value = given.item()
        elif isinstance(given, Tensor):
            value = adopted(given).tensor
            kinds.append(value.dtype)
        else:
            got = f"shape {given.shape} {given.dtype}" if isinstance(given, np.ndarray) else repr(given)
            device = device or device_among(inputs)
            raise TypeError(MIXED.format(name=display_name(ufunc), got=got, device=name_of(device)))
        values.append(value)
    try:
        if int in kinds:
            kinds, values = in_bounds(ufunc, kinds, values)
        return wrapped(computed(ufunc, kinds, values, device, dtype))
    except KeyError:
        if ufunc in UFUNCS:
            raise
        raise refused(display_name(ufunc), device) from None
    except (NotImplementedError, RuntimeError) as error:
        raise explained(error, display_name(ufunc), device) from error


def in_itself(ufunc: np.ufunc, target: Any, *others: Any) -> bool:
    """Whether a function of an array was written into it at once."""
    return quickly_in_place(ufunc, target.tensor, *(x.tensor if type(x) is TorchArray else x for x in others))


def explained(error: Exception, name: str, device: torch.device) -> Exception:
    """What NumPy would raise: PyTorch's own classes are fewer."""
    text = str(error).splitlines()[0]
    if isinstance(error, torch.OutOfMemoryError):
        return error
    if isinstance(error, NotImplementedError) or "not implemented for" in text or "support" in text:
        return refused(name, device, text)
    if isinstance(error, torch.linalg.LinAlgError):
        return np.linalg.LinAlgError(text)
    return ValueError(text)


def binary(ufunc: np.ufunc) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """`a + b`, `b + a` and `a += b`."""

    def forward(self: TorchArray, other: Any) -> Any:
        if type(other) in DIRECT:
            return direct(ufunc, self, other)
        return ufunc(self, other) if speaks(other) else NotImplemented

    def backward(self: TorchArray, other: Any) -> Any:
        if type(other) in DIRECT:
            return direct(ufunc, other, self)
        return ufunc(other, self) if speaks(other) else NotImplemented

    def in_place(self: TorchArray, other: Any) -> Any:
        if quickly_in_place(ufunc, self.tensor, other.tensor if type(other) is TorchArray else other):
            return self
        return self.taking(forward(self, other))

    return forward, backward, in_place


def comparison(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    return binary(ufunc)[0]


def speaks(other: Any) -> bool:
    """Whether NumPy can be asked to find who computes with it."""
    return hasattr(other, "__array_ufunc__") or isinstance(other, Tensor)


class TorchArray(DeviceArray):
    """A PyTorch tensor, wherever it is, as an array that NumPy's functions compute with.

    `Tensor(torch_tensor)` makes one, and `t.data` gives it. PyTorch's own functions take it too, and give tensors.

    Attributes
    ----------
    tensor : torch.Tensor
        The memory itself.
    device : str
        "torch:cpu", "cuda:0", "mps", "meta".
    """

    __slots__ = ("__weakref__", "tensor")
    __array_priority__ = 100
    tensor: Any

    def __init__(self, tensor: Any) -> None:
        self.tensor = adopted(tensor).tensor

    dtype = property(lambda self: TO_NUMPY[self.tensor.dtype])
    shape = property(lambda self: tuple(self.tensor.shape))
    ndim = property(lambda self: self.tensor.ndim)
    size = property(lambda self: self.tensor.numel())
    nbytes = property(lambda self: self.tensor.nbytes)
    itemsize = property(lambda self: self.tensor.element_size())
    strides = property(lambda self: tuple(n * self.itemsize for n in self.tensor.stride()))
    device = property(lambda self: name_of(self.tensor.device))
    base = property(lambda self: self.tensor._base)  # what it is a view of
    T = property(lambda self: wrapped(shapes.transpose(self.tensor)))
    mT = property(lambda self: wrapped(self.tensor.mT))  # noqa: N815
    flat = property(lambda self: np.ravel(self))

    # Where it is

    def host(self) -> np.ndarray[Any, Any]:
        """A copy as NumPy's array, which waits for the device."""
        if self.tensor.device.type == "meta":
            raise TypeError(NO_VALUES.format(device="meta"))
        tensor = self.tensor.resolve_conj().resolve_neg()
        return np.array(tensor.cpu().numpy())

    @property
    def has_values(self) -> bool:
        """Whether there are numbers: on "meta" there are none."""
        return self.tensor.device.type != "meta"

    @property
    def waits(self) -> bool:
        """Whether reading a number waits for the device."""
        return self.tensor.device.type in WAITING

    @property
    def may_hold_nan(self) -> bool:
        """Whether an entry is NaN: none of an array without values; that of one that waits is told later."""
        tensor = self.tensor
        if tensor.device.type != "cpu":
            return tells_nan_later(self) if self.waits else False
        if not tensor.is_floating_point():
            if not tensor.is_complex():
                return False
            tensor = torch.view_as_real(tensor.resolve_conj())
        return math.isnan(torch.linalg.vector_norm(tensor).item())  # no other number makes a sum of squares NaN

    def everywhere(self) -> bool:
        """Whether a condition holds for all entries; on a device without values it is not asked."""
        return bool(torch.all(self.tensor)) if self.has_values else True

    def __dlpack__(self, **options: Any) -> Any:
        return self.tensor.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.tensor.__dlpack_device__()

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = Translation(getattr(function, "__name__", "a function"), torch.device("cpu")).operand
        return function(*map(given, args), **{name: given(value) for name, value in (kwargs or {}).items()})

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options:
            if len(inputs) == 1:
                return of_one(ufunc, self)
            if len(inputs) == 2 and type(inputs[0]) in DIRECT and type(inputs[1]) in DIRECT:
                return direct(ufunc, *inputs)
        elif method == "reduce" and inputs[0] is self:
            found = reductions.quickly(ufunc, self.tensor, **options)
            if found is not None:
                return wrapped(found)
        if any(hasattr(type(x), "__array_ufunc__") and not is_ours(x) for x in inputs):
            return NotImplemented
        if method == "__call__" and not options:
            return universal(ufunc, inputs)
        device, out = self.tensor.device, options.pop("out", None)
        if not options and out and out[0] is inputs[0] and method == "__call__" and in_itself(ufunc, *inputs):
            return out[0]
        translation = Translation(ufunc, device)
        try:
            if method == "at":
                target, index, values = inputs
                values = translation.option(values)
                places.write(target.tensor, index, values, translation.option, places.known(ufunc))
                return None
            options = translation.options(options)
            if method == "__call__":
                found = self.with_options(ufunc, inputs, out, **options)
            else:
                found = wrapped(METHODS[method](ufunc, *raw(inputs, ufunc, device), **options))
        except KeyError:
            raise refused(method_name(ufunc, method), device) from None
        except (NotImplementedError, RuntimeError) as error:
            raise explained(error, method_name(ufunc, method), device) from error
        return found if out is None else out[0].taking(found)

    @staticmethod
    def with_options(ufunc: np.ufunc, inputs: Any, out: Any, where: Any = True, dtype: Any = None, **rest: Any) -> Any:
        """A universal function with a mask, outside of which `out` stays what it is, or in another dtype."""
        if rest.keys() - {"casting"}:
            raise KeyError(ufunc)
        found = universal(ufunc, inputs, dtype)
        return found if where is True or out is None else wrapped(torch.where(where, found.tensor, out[0].tensor))

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        for kind in types:
            if kind is not TorchArray and not issubclass(kind, np.ndarray | Tensor):
                return NotImplemented
        compute, device = FUNCTIONS.get(function), self.tensor.device
        if compute is None:
            return of_others(function, device, args, options)
        out = options.pop("out", None) if options else None
        if options and not PLAIN.issuperset(map(type, options.values())):
            options = Translation(function, device).options(options)
        try:
            found = wrapped(compute(*raw(args, function, device), **options))
        except (NotImplementedError, RuntimeError) as error:
            raise explained(error, display_name(function), device) from error
        return found if out is None else out.taking(found)

    # Entries

    def __getitem__(self, index: Any) -> TorchArray:
        try:
            return wrapped(places.read(self.tensor, index, Translation("a[index]", self.tensor.device).option))
        except (NotImplementedError, RuntimeError) as error:
            raise explained(error, "a[index]", self.tensor.device) from error

    def __setitem__(self, index: Any, values: Any) -> None:
        translation = Translation("a[index] = values", self.tensor.device)
        places.write(self.tensor, index, translation.option(values), translation.option)

    def overwrite(self, values: Any) -> None:
        try:
            self.tensor.copy_(values.tensor)
        except RuntimeError as error:  # entries that share one place, as those that were broadcast
            raise ValueError(str(error)) from error

    def __len__(self) -> int:
        return len(self.tensor)

    def item(self) -> Any:
        """The one entry as a Python number, for which Python waits."""
        if not self.has_values:
            raise TypeError(NO_VALUES.format(device=self.device))
        return self.tensor.item()

    def tolist(self) -> Any:
        return self.host().tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __index__(self) -> int:
        if self.tensor.dtype.is_floating_point or self.tensor.dtype.is_complex:
            raise TypeError("only integer arrays can be converted to an index")
        return int(self.item())

    def __str__(self) -> str:
        if not self.has_values:
            return f"<no values, shape {self.shape}>"
        return np.array2string(self.host(), separator=", ")

    # Copies

    def copy(self, order: str = "C") -> TorchArray:
        return wrapped(self.tensor.clone())

    def __reduce__(self) -> Any:
        return wrapped, (self.tensor.cpu() if self.has_values else self.tensor,)

    def astype(self, dtype: Any, copy: bool = True, **options: Any) -> TorchArray:
        return wrapped(self.tensor.to(to_torch(dtype, self.tensor.device), copy=copy))

    def ravel(self, order: str = "C") -> TorchArray:
        return wrapped(shapes.ravel(self.tensor, order))

    def reshape(self, *shape: Any, order: str = "C") -> TorchArray:
        try:
            return wrapped(shapes.reshape(self.tensor, shape[0] if len(shape) == 1 else shape, order))
        except RuntimeError as error:
            raise explained(error, "np.reshape", self.tensor.device) from error

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> TorchArray:
        found = reductions.quickly(np.add, self.tensor, axis, keepdims) if dtype is None else None
        return wrapped(reductions.total(self.tensor, axis, dtype, None, keepdims) if found is None else found)

    def fill(self, value: Any) -> None:
        self[...] = value

    # Operators

    __add__, __radd__, __iadd__ = binary(np.add)
    __sub__, __rsub__, __isub__ = binary(np.subtract)
    __mul__, __rmul__, __imul__ = binary(np.multiply)
    __truediv__, __rtruediv__, __itruediv__ = binary(np.divide)
    __floordiv__, __rfloordiv__, __ifloordiv__ = binary(np.floor_divide)
    __mod__, __rmod__, __imod__ = binary(np.remainder)
    __pow__, __rpow__, __ipow__ = binary(np.power)
    __matmul__, __rmatmul__, __imatmul__ = binary(np.matmul)
    __divmod__, __rdivmod__, _ = binary(np.divmod)
    __and__, __rand__, __iand__ = binary(np.bitwise_and)
    __or__, __ror__, __ior__ = binary(np.bitwise_or)
    __xor__, __rxor__, __ixor__ = binary(np.bitwise_xor)
    __lshift__, __rlshift__, __ilshift__ = binary(np.left_shift)
    __rshift__, __rrshift__, __irshift__ = binary(np.right_shift)
    __lt__, __le__, __gt__, __ge__ = map(comparison, (np.less, np.less_equal, np.greater, np.greater_equal))
    __eq__, __ne__ = map(comparison, (np.equal, np.not_equal))
    __hash__ = None

    def __neg__(self) -> TorchArray:
        return of_one(np.negative, self)

    def __pos__(self) -> TorchArray:
        return of_one(np.positive, self)

    def __abs__(self) -> TorchArray:
        return of_one(np.absolute, self)

    def __invert__(self) -> TorchArray:
        return of_one(np.invert, self)


_new = TorchArray.__new__
ONLY_ARRAYS = {TorchArray}
DIRECT = {TorchArray, float, int, complex, bool, np.float32, np.float64}
MADE = {np.zeros: torch.zeros, np.ones: torch.ones, np.empty: torch.empty}


def is_ours(value: Any) -> bool:
    """Whether it is one of the arrays that are computed with here."""
    return isinstance(value, TorchArray | np.ndarray | np.generic)


def of_others(function: Any, device: torch.device, args: Any, options: Any) -> Any:
    """A function that is not in the table: it makes arrays, or is composed of functions that are."""
    if function in CREATED_LIKE:
        return created_like(function, device, args, options)
    if function not in composites or function in composing.functions:
        raise refused(display_name(function), device)
    composing.functions.append(function)
    try:
        return composites[function](*args, **options)
    finally:
        composing.functions.pop()


def created_like(function: Any, device: torch.device, args: Any, options: Any) -> TorchArray:
    """`np.asarray(x, like=y)` and its kind: NumPy's result on the device of y."""
    (first, *rest), options = args, {name: value for name, value in options.items() if name != "like"}
    if function in MADE:
        shape, dtype = shapes.as_shape(first), options.get("dtype", rest[0] if rest else None)
        wanted = to_torch(np.float64 if dtype is None else dtype, device)
        return wrapped(MADE[function](shape, dtype=wanted, device=device))
    if isinstance(first, TorchArray):
        dtype = options.get("dtype", rest[0] if rest else None)
        wanted = first.tensor.dtype if dtype is None else to_torch(dtype, device)
        return wrapped(first.tensor.to(device, wanted, copy=function is np.array and options.get("copy", True) is True))
    return placed(function(first, *rest, **options), device)


def moved(array: TorchArray, device: torch.device) -> TorchArray:
    """An array on another device of PyTorch's."""
    tensor = array.tensor
    if tensor.device.type == "meta" and device.type != "meta":
        raise TypeError(NO_VALUES.format(device="meta"))
    return wrapped(tensor.to(device, to_torch(array.dtype, device)))


def placed(array: Any, device: torch.device) -> TorchArray:
    """A host array on a device: a copy, whose memory is nobody else's."""
    tensor = torch.from_numpy(np.array(array, order="C")) if np.dtype(array.dtype).isnative else torch.as_tensor(array)
    wanted = to_torch(array.dtype, device)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return wrapped(tensor.to(device, wanted, non_blocking=device.type == "cuda"))
