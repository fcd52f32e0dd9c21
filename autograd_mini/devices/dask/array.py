"""`DaskArray`: a Dask array that computes when it is told to, and else says what to write."""

from __future__ import annotations

import copy
import functools
import math
import threading
from collections.abc import Callable
from typing import Any

import dask.array
import numpy as np
from dask import delayed

from autograd_mini.devices.dask.functions import FUNCTIONS, METHODS, dasks
from autograd_mini.primitive import composites, display_name

REFUSED = (
    "{name} was called on a Dask array{reason}. Dask has no such function, and to do it on this machine would compute "
    "the array without being asked for. Write it in other functions, as `t.data.map_blocks(...)` in a primitive of "
    "your own, or compute the array first: `t.to_device(\"cpu\")`, `t.data.compute()`."
)
FAILED = (
    "{name} was called on a Dask array, and Dask says: {reason} Chunk the array in another way, "
    "`t.data.rechunk(...)`, write it in other functions, or compute it first: `t.to_device(\"cpu\")`."
)
IMPLICIT = (
    "A Dask array was to become {what}, which would compute it here without being asked for. Write `.compute()` or "
    '`.to_device("cpu")` first; for one number, `.item()`.'
)
TRUTH = "the answer of an `if` or of a check of values"
OPERATORS = "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift".split()
OPERATORS = {f"__{side}{name}__" for name in OPERATORS for side in ("", "r")}
OPERATORS |= {f"__{name}__" for name in ("abs", "neg", "pos", "invert", "eq", "ne", "lt", "le", "gt", "ge", "getitem")}
ATTRIBUTES = {"T", "real", "imag", "A"}
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

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        return adopted(function(*args, **options))

    return call


def refusal(what: str) -> Callable[..., Any]:
    """A method that Python or NumPy calls unseen, and that would compute."""

    def refuse(_array: Any, *_args: Any, **_options: Any) -> Any:
        raise NotComputedError(IMPLICIT.format(what=what))

    return refuse


class DaskArray(dask.array.Array):  # type: ignore[misc]
    """A Dask array as a tensor holds it: it is one, and all of Dask's functions and methods take it.

    Where Dask itself would compute on this machine because somebody looked (`float(x)`, `if x:`, `np.asarray(x)`, a
    function of NumPy's that Dask lacks), it raises and says what to write. `compute()`, `item()`, `tolist()` and
    `to_device("cpu")` compute.
    """

    __slots__ = ()
    device = "dask"

    # What computes because it is asked to

    def host(self) -> np.ndarray[Any, Any]:
        """The values as NumPy's array."""
        return np.array(self.compute())

    def item(self) -> Any:
        """The one entry as a Python number."""
        return self.host().item()

    def tolist(self) -> Any:
        """The entries as nested lists of Python numbers."""
        return self.host().tolist()

    def to_device(self, device: Any) -> Any:
        """The array on another device; itself if it is there."""
        from autograd_mini.devices import to_device

        return to_device(self, device)

    # What would compute without being asked to

    __array__ = refusal("NumPy's array")
    __bool__ = __nonzero__ = refusal(TRUTH)
    __float__, __int__, __complex__ = map(refusal, ("a float", "an int", "a complex number"))
    __index__ = refusal("an index, or a count")

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(hasattr(type(x), "__array_ufunc__") and not isinstance(x, ARRAYS) for x in inputs):
            return NotImplemented
        if method == "__call__":
            compute = FUNCTIONS.get(ufunc) or functools.partial(super().__array_ufunc__, ufunc, method)
        else:
            compute = functools.partial(METHODS[method], ufunc) if method in METHODS else None
        name = display_name(ufunc) + (f".{method}" if method != "__call__" else "")
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
        return answer(display_name(function), compute, args, options)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    # Checks

    def checked(self, condition: Any, refuse: Callable[..., Any], facts: dict[str, Any]) -> DaskArray:
        """This array, which raises when it is computed and a condition does not hold."""
        flag = delayed(held)(condition, refuse, facts)
        return adopted(self.map_blocks(passed, flag, dtype=self.dtype, meta=self._meta))

    def __reduce__(self) -> Any:
        plain = copy.copy(self)
        plain.__class__ = dask.array.Array
        return adopted, (plain,)


for _name in (*vars(dask.array.Array), "persist"):
    _found = getattr(dask.array.Array, _name)
    if _name not in vars(DaskArray) and (_name in OPERATORS or (callable(_found) and not _name.startswith("_"))):
        setattr(DaskArray, _name, closed(_found))
for _name in ATTRIBUTES:
    setattr(DaskArray, _name, property(closed(vars(dask.array.Array)[_name].fget)))


def held(condition: Any, refuse: Callable[..., Any], facts: dict[str, Any]) -> bool:
    """In a task: raises if a condition does not hold everywhere."""
    if not np.all(condition):
        raise refuse(**facts)
    return True


def passed(block: Any, _flag: bool) -> Any:
    """In a task: the block, after the check."""
    return block


def answer(name: str, compute: Any, args: Any, options: dict[str, Any]) -> Any:
    """What Dask makes of a call; an error by name where it has no such function, or not with these arguments."""
    if compute is None:
        raise NotComputedError(REFUSED.format(name=name, reason=""))
    try:
        found = compute(*args, **options)
    except NotComputedError as error:
        raise NotComputedError(REFUSED.format(name=name, reason="")) from error
    except (NotImplementedError, TypeError, ValueError, IndexError) as error:
        raise NotComputedError(FAILED.format(name=name, reason=str(error).strip())) from error
    if found is NotImplemented:
        raise NotComputedError(REFUSED.format(name=name, reason=""))
    return adopted(found)
