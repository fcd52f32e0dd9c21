"""What the engine takes for an array: conversion and checks of values that come from outside."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import errors


def as_array(values: Any) -> Any:
    """A copy of `values` as an array of numbers; arrays of other libraries (Dask, CuPy) as they are.

    Raises
    ------
    TypeError
        For masked arrays, tensors with history, and values that are not numbers.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(errors.BAD_DTYPE.format(what="a masked array, whose mask would be lost"))
    if getattr(values, "requires_grad", False):
        raise TypeError(errors.TENSOR_OF_TENSOR)
    foreign = hasattr(type(values), "__array_function__") and not hasattr(type(values), "__array_interface__")
    if foreign and not hasattr(values, "requires_grad"):
        array = values
    else:
        try:
            array = np.array(values)
        except ValueError as error:
            raise ValueError(errors.BAD_DTYPE.format(what=f"values that form no array ({error})")) from None
    if array.dtype.kind not in "fcbiu":
        raise TypeError(errors.BAD_DTYPE.format(what=f"values of dtype {array.dtype}"))
    return array


def as_values(result: Any) -> Any:
    """The result of a computation as an array; NumPy returns scalars where an array has no axes."""
    return np.asarray(result) if isinstance(result, np.generic) else result


def as_seed(seed: Any, result: Any, call: str) -> Any:
    """`seed` as a cotangent of `result`: its shape exactly, its dtype if that holds the numbers."""
    seed = getattr(seed, "data", seed) if hasattr(seed, "requires_grad") else seed
    array = seed if hasattr(seed, "dtype") else np.asarray(seed)
    if array.shape != result.shape:
        raise ValueError(errors.SEED_SHAPE.format(call=call, got=array.shape, want=result.shape))
    if array.dtype == result.dtype:
        return array
    if not np.can_cast(array.dtype, result.dtype, "same_kind"):
        raise TypeError(errors.SEED_TYPE.format(call=call, got=array.dtype, want=result.dtype))
    return array.astype(result.dtype)


def plain_index(index: Any) -> Any:
    """An index with its lists and tensors turned into arrays."""
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    if isinstance(index, list):
        array = np.array(index)
        return array.astype(int) if array.size == 0 else array
    if isinstance(index, np.ndarray) or hasattr(index, "requires_grad"):
        return np.array(index)  # a copy: the rule reads the index later
    return index
