"""`DaskArray`: a Dask array that computes when it is told to, and else says what to write."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable
from typing import Any

import dask.array
import numpy as np

from autograd_mini.devices.dask.functions import FUNCTIONS, METHODS, dasks, in_one_task, is_array, parts_of, read, write
from autograd_mini.primitive import composites, display_name

REFUSED = (
    "{name} was called on a Dask array{reason}. Dask has no such function, and to do it on this machine would compute "
    "the array without being asked for. Write it in other functions, as `t.data.map_blocks(...)` in a primitive of "
    'your own, or compute the array first: `t.to_device("cpu")`, `t.data.compute()`.'
)
FAILED = (
    "{name} was called on a Dask array, and Dask says: {reason} Chunk the array in another way, "
    '`t.data.rechunk(...)`, write it in other functions, or compute it first: `t.to_device("cpu")`.'
)
IMPLICIT = (
    "A Dask array was to become {what}, which would compute it here without being asked for. Write `.compute()` or "
    '`.to_device("cpu")` first; for one number, `.item()`.'
)
WRITTEN = (
    "A value was to be written into what is a view in NumPy's memory, {array}. A Dask array has no memory that two "
    "arrays could share, so the other one would not change. Write into a copy: `x = x.copy()` first."
)
TRUTH = "the answer of an `if` or of a check of values"
ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul")
ARITHMETIC += ("and", "or", "xor", "lshift", "rshift")
OPERATORS = {f"__{side}{name}__" for name in ARITHMETIC for side in ("", "r")}
OPERATORS |= {f"__{name}__" for name in ("abs", "neg", "pos", "invert", "eq", "ne", "lt", "le", "gt", "ge")}
ATTRIBUTES = {"T", "real", "imag", "A"}
# What shares memory with its operand where there is memory.
VIEWING_METHODS = {"reshape", "ravel", "transpose", "swapaxes", "squeeze", "view", *ATTRIBUTES}
VIEWING = {"reshape", "ravel", "transpose", "moveaxis", "rollaxis", "swapaxes", "squeeze", "expand_dims", "atleast_1d"}
VIEWING |= {"atleast_2d", "atleast_3d", "broadcast_to", "broadcast_arrays", "diagonal", "diag", "real", "imag", "flip"}
VIEWING |= {"fliplr", "flipud", "rot90", "split", "array_split", "hsplit", "vsplit", "dsplit", "unstack"}
VIEWING |= {"sliding_window_view", "matrix_transpose", "permute_dims", "asarray", "asanyarray"}
FAILURES = NotImplementedError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError
ARRAYS = dask.array.Array, np.ndarray, np.generic


class NotComputedError(TypeError):
    """What would compute a Dask array was not asked to."""


class _Composing(threading.local):
    """The functions that are being computed of others, in this thread."""

    def __init__(self) -> None:
        self.functions: list[Any] = []


composing = _Composing()


def adopted(array: Any) -> Any:
    """A Dask array, or a tuple or list of them, as arrays of this kind with the same tasks; all else as it is."""
    if isinstance(array, DaskArray):
        return array
    if isinstance(array, dask.array.Array):
        twin = copy.copy(array)
        twin.__class__ = DaskArray
        return twin
    if isinstance(array, tuple | list):
        parts = map(adopted, array)
        return type(array)(*parts) if hasattr(array, "_fields") else type(array)(parts)
    return array


def placed(array: Any) -> DaskArray:
    """An array in the host's memory as one of Dask's, in chunks of the size that Dask finds right."""
    return adopted(dask.array.from_array(np.array(array)))


def closed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method or an operator of Dask's, whose results are arrays of this kind."""
    views = getattr(function, "__name__", "") in VIEWING_METHODS

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            found = adopted(function(*args, **options))
        except (NotImplementedError, ValueError, ZeroDivisionError) as error:
            if type(error) is ValueError and "chunks" not in str(error):
                raise  # shapes do not fit, as of NumPy's arrays
            raise NotComputedError(FAILED.format(name=function.__name__, reason=str(error).strip())) from error
        return as_view(found, args) if views else found

    return call


def as_view(result: Any, operands: Any) -> Any:
    """A result, or several, into which nobody may write, for in NumPy's memory that would change an operand too."""
    if isinstance(result, tuple | list):
        return type(result)(as_view(part, operands) for part in result)
    if isinstance(result, DaskArray):
        if any(result is operand for operand in operands):
            result = copy.copy(result)
        result.is_view = True
    return result


def in_place(operator: Callable[..., Any]) -> Callable[..., Any]:
    """`a += b`, also seen by the other names of the array, and by the one that it is a part of."""

    def operate(self: DaskArray, other: Any) -> Any:
        found = operator(self, other)
        if found is NotImplemented:
            return found
        if self.part_of is None:
            self[...] = found
            return self
        whole, index = found.part_of = self.part_of
        whole[index] = found
        found.is_view = found.is_written = True
        return found

    return operate


def refusal(what: str) -> Callable[..., Any]:
    """A method that Python or NumPy calls unseen, and that would compute."""

    def refuse(_array: Any, *_args: Any, **_options: Any) -> Any:
        raise NotComputedError(IMPLICIT.format(what=what))

    return refuse


class DaskArray(dask.array.Array):  # type: ignore[misc]
    """A Dask array as a tensor holds it: it is one, and all of Dask's functions and methods take it.

    Where Dask itself would compute on this machine because somebody looked (`float(x)`, `if x:`, `np.asarray(x)`, a
    function of NumPy's that Dask lacks), it raises and says what to write. `compute()`, `item()` and `to_device("cpu")`
    compute.
    """

    __slots__ = ()  # an array of Dask's becomes one as it is

    device = "dask"
    is_view = is_written = False
    part_of: Any = None  # the array that it was read from, and the index, if a write would reach it
    mixes = True  # host arrays compute with it as they are

    # What computes because it is asked to

    def host(self) -> np.ndarray[Any, Any]:
        """The values as NumPy's array."""
        return np.array(self.compute())

    def item(self) -> Any:
        """The one entry as a Python number."""
        return self.host().item()

    def to_device(self, device: Any) -> Any:
        """The array on another device; itself if it is there."""
        from autograd_mini.devices import to_device

        return to_device(self, device)

    # What would compute without being asked to

    __array__ = refusal("NumPy's array")
    __bool__ = __nonzero__ = refusal(TRUTH)
    __float__, __int__, __complex__ = map(refusal, ("a float", "an int", "a complex number"))
    __index__, tolist = refusal("an index, or a count"), refusal("a list")

    # Entries

    def __getitem__(self, index: Any) -> Any:
        found = answer("a[index]", read, (self, index), {})
        if not any(map(is_array, parts_of(index))):
            found = as_view(found, (self,))
            found.part_of = self, index
        return found

    def __setitem__(self, index: Any, values: Any) -> None:
        if self.is_view:
            raise NotComputedError(WRITTEN.format(array=repr(self)))
        whole, place = getattr(values, "part_of", None) or (None, None)
        if not (whole is self and place is index and values.is_written):  # `a[index] += b` comes here, already done
            answer("a[index] = values", write, (self, index, values), {})

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(hasattr(type(x), "__array_ufunc__") and not isinstance(x, ARRAYS) for x in inputs):
            return NotImplemented
        if method == "__call__":
            compute = FUNCTIONS.get(ufunc) or functools.partial(super().__array_ufunc__, ufunc, method)
        else:
            compute = functools.partial(METHODS[method], ufunc) if method in METHODS else None
        name = display_name(ufunc) + (f".{method}" if method != "__call__" else "")
        written = options.get("out", ()) if method != "at" else inputs[:1]
        if any(getattr(array, "is_view", False) for array in written):
            raise NotComputedError(WRITTEN.format(array=repr(self)))
        if method != "__call__":
            refuse_out(name, options)
        return answer(name, compute, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if any(not issubclass(kind, ARRAYS) for kind in types):
            return NotImplemented
        compute = FUNCTIONS.get(function) or dasks(function)
        if compute is None and function in composites and function not in composing.functions:
            composing.functions.append(function)
            try:
                return composites[function](*args, **options)
            finally:
                composing.functions.pop()
        refuse_out(display_name(function), options)
        found = answer(display_name(function), compute, args, options)
        return as_view(found, args) if function.__name__ in VIEWING else found

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    # Checks

    def checking(self, error: type[Exception], message: str, facts: dict[str, Any], dtype: Any) -> DaskArray:
        """A zero, whose computation raises unless this array is true everywhere."""
        return adopted(in_one_task(zero_if, (), dtype, self, error, message, facts, np.dtype(dtype)))

    def __reduce__(self) -> Any:
        return rebuilt, super().__reduce__()


def rebuilt(kind: Any, parts: Any) -> DaskArray:
    """What `__reduce__` took apart."""
    return adopted(kind(*parts))


for _name in (*vars(dask.array.Array), "persist"):
    _found = getattr(dask.array.Array, _name)
    if _name not in vars(DaskArray) and (_name in OPERATORS or (callable(_found) and not _name.startswith("_"))):
        setattr(DaskArray, _name, closed(_found))
    if _name.startswith("__") and f"__r{_name[2:]}" in OPERATORS:
        setattr(DaskArray, f"__i{_name[2:]}", in_place(getattr(DaskArray, _name)))
for _name in ATTRIBUTES:
    setattr(DaskArray, _name, property(closed(vars(dask.array.Array)[_name].fget)))


def zero_if(condition: Any, error: type[Exception], message: str, facts: dict[str, Any], dtype: Any) -> Any:
    """In a task: zero, or an error."""
    if not np.all(condition):
        raise error(message.format(**facts))
    return np.zeros((), dtype)


def refuse_out(name: str, options: dict[str, Any]) -> None:
    """Refuse to write a result into another array, which no function here does."""
    if options.pop("out", None) is not None:
        raise NotComputedError(FAILED.format(name=name, reason="out= is not supported."))


def answer(name: str, compute: Any, args: Any, options: dict[str, Any]) -> Any:
    """What Dask makes of a call; an error by name where it has no such function, or not with these arguments."""
    if compute is None:
        raise NotComputedError(REFUSED.format(name=name, reason=""))
    try:
        found = compute(*args, **options)
    except NotComputedError as error:
        raise NotComputedError(REFUSED.format(name=name, reason="")) from error
    except FAILURES as error:
        raise NotComputedError(FAILED.format(name=name, reason=str(error).strip())) from error
    if found is NotImplemented:
        raise NotComputedError(REFUSED.format(name=name, reason=""))
    return adopted(found)
