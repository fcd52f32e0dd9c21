"""Operators that arrange what is there, and those that make arrays of a shape."""

import math

import numpy as np

from nn.models.onnx.operators.table import OPERATORS, as_dtype, ints, number, operator, room

OPERATORS.update(
    Concat=lambda *xs, axis: np.concatenate(xs, axis),
    Shape=lambda x, start=0, end=None: np.array(x.shape[start:end], np.int64),
    Size=lambda x: np.array(math.prod(x.shape), np.int64),
    Squeeze=lambda x, axes=None: np.squeeze(x, None if axes is None else ints(axes)),
    Transpose=lambda x, perm=None: np.transpose(x, perm),
    Unsqueeze=lambda x, axes: np.expand_dims(x, ints(axes)),
)


@operator
def Reshape(x, shape, allowzero=0):
    shape = ints(shape)
    return np.reshape(x, shape if allowzero else tuple(n or x.shape[i] for i, n in enumerate(shape)))


@operator
def Flatten(x, axis=1):
    axis = axis % x.ndim if axis < 0 else axis
    return np.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@operator
def Expand(x, shape):
    return np.broadcast_to(x, room(np.broadcast_shapes(x.shape, ints(shape)), x.dtype, x))


@operator
def Tile(x, repeats):
    repeats = ints(repeats)
    room(tuple(n * r for n, r in zip(x.shape, repeats, strict=True)), x.dtype, x)
    return np.tile(x, repeats)


@operator
def Pad(x, pads, constant_value=None, axes=None, mode="constant", value=0.0):
    pads = ints(pads)
    axes = range(x.ndim) if axes is None else [axis % x.ndim for axis in ints(axes)]
    sides = [(0, 0)] * x.ndim
    for axis, before, behind in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        sides[axis] = before, behind
    x = x[tuple(slice(max(0, -a), n - max(0, -b)) for (a, b), n in zip(sides, x.shape, strict=True))]
    sides = [(max(0, a), max(0, b)) for a, b in sides]
    room(tuple(n + a + b for (a, b), n in zip(sides, x.shape, strict=True)), x.dtype, x)
    if mode != "constant":
        return np.pad(x, sides, mode=mode)
    return np.pad(x, sides, constant_values=value if constant_value is None else number(constant_value))


@operator
def DepthToSpace(x, blocksize, mode="DCR"):
    n, c, h, w = x.shape
    b, depth = blocksize, c // blocksize**2
    if mode == "DCR":
        parts = np.transpose(np.reshape(x, (n, b, b, depth, h, w)), (0, 3, 4, 1, 5, 2))
    else:
        parts = np.transpose(np.reshape(x, (n, depth, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return np.reshape(parts, (n, depth, h * b, w * b))


@operator
def SpaceToDepth(x, blocksize, mode="DCR"):
    n, c, h, w = x.shape
    b = blocksize
    parts = np.reshape(x, (n, c, h // b, b, w // b, b))
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    return np.reshape(np.transpose(parts, order), (n, c * b * b, h // b, w // b))


# New arrays

KINDS = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}


@operator
def Constant(value=None, sparse_value=None, **values):
    if value is not None or sparse_value is not None:
        return sparse_value if value is None else value
    ((kind, given),) = values.items()
    return np.array(given, KINDS.get(kind, object))


@operator
def ConstantOfShape(shape, value=None):
    value = np.zeros(1, np.float32) if value is None else value
    return np.full(room(ints(shape), value.dtype), value.item(), value.dtype)


@operator
def EyeLike(x, dtype=None, k=0):
    return np.eye(*x.shape, k=k, dtype=x.dtype if dtype is None else as_dtype(dtype))


@operator
def Range(start, limit, delta):
    first, end, step = number(start), number(limit), number(delta)
    room((max(0, math.ceil((end - first) / step)),), start.dtype)
    return np.arange(first, end, step).astype(start.dtype)


@operator
def Trilu(x, k=None, upper=1):
    return (np.triu if upper else np.tril)(x, 0 if k is None else number(k))
