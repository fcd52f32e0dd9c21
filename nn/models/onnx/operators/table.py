"""The table of ONNX's operators, and how the functions in it read what they are given.

A function is written with NumPy's functions, which the engine differentiates. Inputs come by place, attributes by name,
and both are called as ONNX calls them: so one function serves the versions in which a thing was an attribute and those
in which it is an input. What stands behind a `*` is not in the file: `outputs` is how many results are read, `opset`
the version, `model` the model, whose `training` and `rng` count, and `rounds` counts those of loops.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import helper

OPERATORS: dict[str, Callable[..., Any]] = {}
LARGEST = 2**30  # bytes of an array whose shape a file says
MANY_TIMES = 64  # as large as what it is made of, a larger one may be
SMALL = 2**27  # entries that take less in any dtype

# Which inputs of an operator are read as numbers, such as scales, where there are floating-point ones among them
STEERING = {
    name: range(1, 16)
    for name in ("Clip", "Dropout", "Pad", "QuantizeLinear", "DequantizeLinear", "Resize", "Upsample")
}
STEERING |= {name: range(16) for name in ("ConstantOfShape", "OneHot", "QLinearConv", "QLinearMatMul", "Range")}
STEERING |= {"NonMaxSuppression": range(2, 5), "RoiAlign": range(1, 3)}

TOO_LARGE = (
    "An array of shape {shape} would take {size:,} bytes, and {largest:,} is what a file may ask for. If it is meant, "
    "write `nn.models.onnx.operators.table.LARGEST = {size}` before."
)


def operator(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function under its name."""
    OPERATORS[function.__name__] = function
    return function


def ints(values: Any) -> tuple[int, ...]:
    """Whole numbers that steer, such as a shape; they are never read off a tensor that requires grad."""
    return tuple(int(i) for i in np.asarray(values).ravel())


def number(value: Any) -> Any:
    """One number that steers."""
    return np.asarray(value).item()


def floats(values: Any) -> tuple[float, ...]:
    """Numbers that steer, such as scales."""
    return tuple(float(i) for i in np.asarray(values).ravel())


def is_float(x: Any) -> bool:
    """Whether an array holds floating-point numbers, those of 16 and 8 bits that NumPy lacks included."""
    return x.dtype.kind == "f" or "float" in x.dtype.name


def like(x: Any, y: Any) -> Any:
    """x in the dtype of y: ONNX never promotes."""
    return x if x.dtype == y.dtype else x.astype(y.dtype)


def as_dtype(code: int) -> np.dtype[Any]:
    """The dtype that a number of ONNX stands for."""
    return helper.tensor_dtype_to_np_dtype(code)


def room(shape: Sequence[int], dtype: Any, of: Any = None) -> tuple[int, ...]:
    """The shape, if an array of it is no larger than a file may ask for, or not much larger than what it is made of."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    largest = LARGEST if of is None else max(LARGEST, MANY_TIMES * of.size * of.dtype.itemsize)
    if size > largest:
        raise ValueError(TOO_LARGE.format(shape=tuple(shape), size=size, largest=largest))
    return tuple(shape)


def check_room_of_all(arrays: Sequence[Any]) -> None:
    """Refuse arrays that together would become one that is much larger than all of them."""
    most = math.prod(x.size for x in arrays)
    if most > SMALL and len({x.shape for x in arrays}) > 1:
        largest = max(arrays, key=lambda x: x.size)
        room(np.broadcast_shapes(*(x.shape for x in arrays)), largest.dtype, largest)


def within(x: Any, starts: Sequence[int], lengths: Sequence[int]) -> Any:
    """The part of images that begins somewhere along each of the last axes, and is so long."""
    return x[(..., *(slice(start, start + n) for start, n in zip(starts, lengths, strict=True)))]


def spatial(x: Any) -> tuple[int, ...]:
    """The axes behind those of the examples and the channels."""
    return tuple(range(2, x.ndim))


def along(vector: Any, axis: int, ndim: int) -> Any:
    """A vector in a shape that broadcasts along one axis."""
    return np.reshape(vector, [-1 if i == axis % ndim else 1 for i in range(ndim)])
