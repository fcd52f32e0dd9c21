"""What the engine takes for an array: conversion and checks of values from outside, and the questions it asks."""

from __future__ import annotations

import importlib
import math
import sys
from typing import Any

import numpy as np

from autograd_mini import errors

NO_NUMBERS = "OSUVMm"  # dtype kinds
BOOLEAN, SPARSE = np.dtype(bool), "autograd_mini.scipy.sparse"  # loaded with the first sparse matrix
GUESTS = {  # by the package that makes them: their type, and where they are adopted; loaded with the first of them
    "torch": ("Tensor", "autograd_mini.devices.pytorch"),
    "cupy": ("ndarray", "autograd_mini.devices.cupy"),
    "dask.array": ("Array", "autograd_mini.devices.dask"),
}
NUMBERS, NUMPYS, SEQUENCES = (np.generic, float, int, complex), (np.ndarray, np.generic), (list, tuple)


def as_array(values: Any) -> Any:
    """A copy of `values` as an array of numbers; arrays of other libraries (PyTorch, CuPy, Dask) stay where they are.

    What would lose a mask or a history raises, and so does what is no number.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(errors.BAD_DTYPE.format(what="a masked array, whose mask would be lost"))
    values = adopted(values)
    if getattr(values, "requires_grad", False):
        raise TypeError(errors.TENSOR_OF_TENSOR)
    if is_foreign(values):
        array = snapshot(values)
    else:
        try:
            array = np.array(values)
        except ValueError as error:
            raise ValueError(errors.BAD_DTYPE.format(what=f"values that form no array ({error})")) from None
    if array.dtype.kind not in "fcbiu":
        raise TypeError(errors.BAD_DTYPE.format(what=f"values of dtype {array.dtype}"))
    return array


def adopted(value: Any) -> Any:
    """For writers of layers: PyTorch's and CuPy's arrays as ones that obey NumPy's protocols; all else as it is.

    Parameters
    ----------
    value : array
        PyTorch's and CuPy's are adopted; NumPy's and Dask's obey them already.

    Examples
    --------
    >>> from autograd_mini import devices
    >>> devices.adopted([1.0, 2.0])  # as it is; of torch.ones(2), np.exp(devices.adopted(...)) is computed by PyTorch
    [1.0, 2.0]
    """
    if type(value) is np.ndarray or hasattr(type(value), "host"):  # as those that were adopted have
        return value
    for package, (name, home) in GUESTS.items():
        kind = getattr(sys.modules.get(package), name, None)
        if kind is not None and isinstance(value, kind):
            return importlib.import_module(home).adopted(value)
    return value


def is_foreign(value: Any) -> bool:
    """Whether it is an array of another library, to which NumPy's functions hand over."""
    kind = type(value)
    foreign = hasattr(kind, "__array_function__") and not hasattr(kind, "__array_interface__")
    return foreign and not hasattr(kind, "requires_grad")


def is_numpys(array: Any) -> bool:
    """Whether an array is NumPy's own, or records what is done to one."""
    return type(array) is np.ndarray or hasattr(type(array), "recorder")


def as_values(result: Any) -> Any:
    """The result of a computation as an array; NumPy returns scalars where an array has no axes."""
    if type(result) is np.ndarray or hasattr(type(result), "host"):
        return result
    if isinstance(result, np.generic):
        return np.asarray(result)
    answer = getattr(type(result), "as_values", None)
    return adopted(result) if answer is None else answer(result)


def as_result(result: Any, name: str) -> Any:
    """The same of what a primitive returned, which may be Python's own number."""
    if hasattr(type(result), "host"):
        return result
    if isinstance(result, NUMBERS):
        return np.asarray(result)
    if not is_array(result):
        raise TypeError(errors.NO_RESULT.format(name=name, kind=type(result).__name__))
    return as_values(result)


def as_seed(seed: Any, result: Any, call: str) -> Any:
    """`seed` as a cotangent of `result`: its shape exactly, its dtype if that holds the numbers."""
    seed = getattr(seed, "data", seed) if hasattr(seed, "requires_grad") else seed
    array = as_operand(seed if hasattr(seed, "dtype") else np.asarray(seed))
    if array.shape != result.shape:
        raise ValueError(errors.SEED_SHAPE.format(call=call, got=array.shape, want=result.shape))
    if array.dtype == result.dtype:
        return array
    if not np.can_cast(array.dtype, result.dtype, "same_kind"):
        raise TypeError(errors.SEED_TYPE.format(call=call, got=array.dtype, want=result.dtype))
    return array.astype(result.dtype)


def as_operand(value: Any) -> Any:
    """What an operation computes with: plain arrays, without what subclasses (`np.matrix`) mean by operators.

    Masked arrays raise, and so do values that are not numbers: no gradient would flow through them.
    """
    if isinstance(value, SEQUENCES) or (isinstance(value, np.ndarray) and type(value) is not np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(errors.BAD_OPERAND.format(what="a masked array, whose mask would be lost"))
        value = np.asarray(value)
    if "scipy.sparse" in sys.modules and sys.modules["scipy.sparse"].issparse(value):
        return importlib.import_module(SPARSE).Sparse(value)
    value = adopted(value)
    if getattr(value, "dtype", BOOLEAN).kind in NO_NUMBERS:
        raise TypeError(errors.BAD_OPERAND.format(what=f"values of dtype {value.dtype}"))
    return value


def may_change(array: Any) -> bool:
    """Whether somebody can still write into an array; those of other libraries can be, unless they say otherwise."""
    if not isinstance(array, np.ndarray):
        return getattr(array, "may_change", is_foreign(array))
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return True
        array = array.base
    return array is not None and not isinstance(array, bytes)


def read_only(array: Any) -> Any:
    """An array through which its memory, which others may read too, cannot be written; of anything else, itself."""
    if isinstance(array, np.ndarray):
        array = array.view()
        array.flags.writeable = False
    return array


def may_hold_nan(array: Any) -> bool:
    """Whether an entry is NaN: no other number makes a sum of squares NaN. Of what is not computed yet, perhaps."""
    if type(array) is np.ndarray and array.dtype.kind == "f":
        flat = array if array.ndim == 1 else array.ravel("K")
        return math.isnan(flat.dot(flat))
    if isinstance(array, NUMPYS):
        return bool(np.isnan(array).any())
    return getattr(array, "may_hold_nan", True)


def everywhere(condition: Any) -> bool:
    """Whether a condition holds for all entries, and inside a vmap for all examples: what a check of values may ask.

    Parameters
    ----------
    condition : array, Tensor or bool
        What is asked.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import everywhere, vmap
    >>> def root(x):
    ...     if not everywhere(x >= 0):
    ...         raise ValueError("a root of a negative number")
    ...     return np.sqrt(x)
    >>> vmap(root)(np.array([1.0, 4.0]))
    array([1., 2.])
    """
    if type(condition) is np.bool:
        return bool(condition)
    condition = of_all(condition.data if hasattr(condition, "requires_grad") else adopted(condition))
    answer = getattr(type(condition), "everywhere", None)
    return bool(np.all(condition)) if answer is None else bool(answer(condition))


def of_all(array: Any) -> Any:
    """The array of all examples of a batch, which are counted by its first axis; another array as it is."""
    while hasattr(type(array), "level"):
        array = array.values
    return array


def sum_to(cotangent: Any, shape: tuple[int, ...]) -> Any:
    """The adjoint of broadcasting `shape`: sum over the axes along which it was repeated."""
    extra = cotangent.ndim - len(shape)
    if extra < 0:
        return cotangent
    axes = tuple(range(extra))
    if 1 in shape:
        axes += tuple(i for i, length in enumerate(shape, extra) if length == 1 and cotangent.shape[i] != 1)
    total = cotangent.sum(axis=axes)
    return total if total.shape == shape else total.reshape(shape)


def is_array(value: Any) -> bool:
    """Whether a value is an array of any kind, or a scalar of NumPy's."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and not isinstance(value, type)


def snapshot(value: Any) -> Any:
    """A value that stays as it is: arrays into which somebody can write are copied, in tuples, lists and dicts too."""
    if type(value) is dict:
        return {key: snapshot(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(snapshot, value))
    return value.copy() if may_change(value) else value
