"""What PyTorch's dtypes are in NumPy, and which one PyTorch gives to a result. No operation lives here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

DEFAULT = np.dtype(np.float32)  # of numbers with a point that no array gives a precision to
OF_NUMBERS = {bool: np.dtype(bool), int: np.dtype(np.int64), float: DEFAULT, complex: np.dtype(np.complex64)}
CATEGORIES = "biufc"


def category(dtype: Any) -> int:
    """Truth values, whole numbers, real ones, complex ones."""
    return {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}[dtype.kind]


def result_dtype(*operands: Any) -> Any:
    """PyTorch's: that of the arrays with axes, unless single arrays, or else numbers, are of a higher category."""
    groups: tuple[list[Any], list[Any], list[Any]] = [], [], []
    for operand in operands:
        if not hasattr(operand, "dtype"):
            groups[2].append(OF_NUMBERS[type(operand)])
        else:
            groups[0 if operand.ndim else 1].append(operand.dtype)
    found: Any = None
    for group in groups:
        if group:
            highest = max(map(category, group))
            if found is None or highest > category(found):
                found = np.result_type(*(dtype for dtype in group if category(dtype) == highest))
    return found


def together(*operands: Any) -> Any:
    """The operands so that NumPy finds PyTorch's dtype for what is made of them."""
    first = getattr(operands[0], "dtype", None)
    if all(getattr(operand, "dtype", None) == first for operand in operands):
        return operands
    dtype = result_dtype(*operands)
    return [operand.astype(dtype) if getattr(operand, "dtype", dtype) != dtype else operand for operand in operands]


def promoting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose operands get one dtype first."""

    @functools.wraps(function)
    def promoted(*operands: Any) -> Any:
        return function(*together(*operands))

    return promoted


def real(x: Any) -> Any:
    """Whole numbers and truth values in the default precision."""
    return x.astype(DEFAULT) if x.dtype.kind in "biu" else x


def of_real(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes whole numbers as real ones."""

    @functools.wraps(function)
    def taken(x: Any, *rest: Any, **options: Any) -> Any:
        return function(real(x), *rest, **options)

    return taken


def as_dtype(x: Any, dtype: Any) -> Any:
    """x in a dtype, None for its own."""
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)
