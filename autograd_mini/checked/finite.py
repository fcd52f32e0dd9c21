"""What is finite in an array, and an array's entries in words; nothing here knows of operations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_mini.arrays import of_all
from autograd_mini.tensor import Tensor


def all_finite(values: Any) -> bool:
    """Whether no entry is NaN or infinite: the sum of squares says so at once, but where it overflows itself."""
    if type(values) is not np.ndarray:
        return True  # arrays of other libraries, perhaps not computed yet
    kind = values.dtype.kind
    if kind != "f":
        return kind != "c" or bool(np.isfinite(values).all())
    flat = values.ravel("K")
    return math.isfinite(flat.dot(flat)) or bool(np.isfinite(values).all())


def plain(value: Any) -> Any:
    """The array of a tensor, of all examples if it is inside of a vmap; an array as it is."""
    return of_all(value._values if isinstance(value, Tensor) else value)


def numbers(value: Any) -> Any:
    """The array of floating-point numbers in an operand, None if it holds none."""
    array = plain(value)
    array = array if hasattr(array, "dtype") else np.asarray(array)
    return array if isinstance(array, np.ndarray) and array.dtype.kind in "fc" else None


def not_finite(array: Any) -> bool:
    """Whether an operand's numbers hold a NaN or an infinity; None holds none."""
    return array is not None and not np.isfinite(array).all()


def infinite(option: Any) -> bool:
    """Whether an option is, or holds, an infinity."""
    array = np.asarray(option) if isinstance(option, float | complex | np.ndarray | np.generic) else np.zeros(0)
    return array.dtype.kind in "fc" and bool(np.isinf(array).any())


def count(values: Any, bad: Any = None) -> str:
    """How many entries are not finite, and the first of them."""
    bad = ~np.isfinite(values) if bad is None else bad
    index = tuple(map(int, np.argwhere(bad)[0]))
    where = f", the first at index {index}" if index else ""
    return f"{np.count_nonzero(bad)} of {values.size} entries{where}, {values[index]}"


def extent(values: Any) -> str:
    """The range of the finite entries, and how many others there are."""
    finite = values[np.isfinite(values)]
    if finite.dtype.kind == "c":
        finite = np.abs(finite)
    text = f"values from {finite.min()} to {finite.max()}" if finite.size else "no finite value"
    others = {"NaN": int(np.isnan(values).sum()), "infinite": int(np.isinf(values).sum())}
    return text + "".join(f", {number} {kind}" for kind, number in others.items() if number)


def value_text(values: Any, index: tuple[Any, ...] | None, shape: tuple[int, ...]) -> str:
    """The range of an array, and its value at an index into `shape`; "" for what holds no numbers."""
    values = numbers(values) if isinstance(values, Tensor | np.ndarray | np.generic) else None
    if values is None or not values.size:
        return ""
    if not values.ndim:
        return f", value {values}"
    text = f", {extent(values)}"
    if index is None:
        return text
    return f"{text}; {np.broadcast_to(values, shape)[index]} at that entry"
