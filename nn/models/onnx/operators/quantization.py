"""Conversions: casts, and numbers of few bits that stand for others by a scale."""

import numpy as np

from nn.models.onnx.operators.convolution import Conv
from nn.models.onnx.operators.table import along, as_dtype, is_float, operator
from nn.noise import values


def limits(dtype):
    """The smallest and largest number of a dtype, those that NumPy lacks included."""
    if dtype.kind in "iu":
        found = np.iinfo(dtype)
    else:
        import ml_dtypes  # comes with onnx

        found = (ml_dtypes.iinfo if "int" in dtype.name else ml_dtypes.finfo)(dtype)
    return float(found.min), float(found.max)


def cast(x, dtype, saturate):
    """Between whole numbers nothing changes, so what becomes one has no derivative."""
    if "int" in dtype.name:
        return values(x).astype(dtype)
    if saturate and is_float(x) and "float8" in dtype.name:
        x = np.asarray(x).astype(np.float32)
        x = np.where(np.isnan(x), x, np.clip(x, *limits(dtype)))
    return x.astype(dtype)


@operator
def Cast(x, to, saturate=1, round_mode="up"):
    return cast(x, as_dtype(to), saturate)


@operator
def CastLike(x, target, saturate=1, round_mode="up"):
    return cast(x, target.dtype, saturate)


def spread_over(numbers, x, axis, block_size):
    """Scales or zero points in a shape that broadcasts: one for all, for each entry of an axis, or for each block."""
    if numbers.size == 1 and numbers.ndim < 2:
        return np.reshape(numbers, ())
    if block_size:
        return np.take(np.repeat(numbers, block_size, axis), range(x.shape[axis]), axis)
    return along(numbers, axis, x.ndim)


@operator
def DequantizeLinear(x, scale, zero=None, axis=1, block_size=0, output_dtype=0):
    steps = spread_over(scale, x, axis, block_size)
    x = np.asarray(x).astype(np.float32)
    if zero is not None:
        x = x - spread_over(zero, x, axis, block_size).astype(np.float32)
    return (x * steps.astype(np.float32)).astype(as_dtype(output_dtype) if output_dtype else scale.dtype)


@operator
def QuantizeLinear(x, scale, zero=None, axis=1, block_size=0, output_dtype=0, saturate=1, precision=0):
    dtype = zero.dtype if zero is not None else as_dtype(output_dtype) if output_dtype else np.dtype(np.uint8)
    counts = x.astype(np.float32) / spread_over(scale, x, axis, block_size).astype(np.float32)
    counts = np.round(counts) if "int" in dtype.name else counts
    if zero is not None:
        counts = counts + spread_over(zero, x, axis, block_size).astype(np.float32)
    return cast(np.clip(counts, *limits(dtype)), dtype, saturate)


# Products of whole numbers that stand for others


def centred(x, zero, axis):
    """Whole numbers less their zero point, so wide that sums of products fit."""
    x = np.asarray(x).astype(np.int32)
    return x if zero is None else x - spread_over(np.asarray(zero).astype(np.int32), x, axis, 0)


@operator
def MatMulInteger(a, b, a_zero_point=None, b_zero_point=None):
    return centred(a, a_zero_point, -2) @ centred(b, b_zero_point, -1)


@operator
def ConvInteger(x, w, x_zero_point=None, w_zero_point=None, **how):
    x, w = centred(x, x_zero_point, 1), centred(w, w_zero_point, 0)
    return np.round(Conv(x.astype(np.float64), w.astype(np.float64), **how)).astype(np.int32)


@operator
def QLinearMatMul(a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero):
    product = DequantizeLinear(a, a_scale, a_zero, axis=-2) @ DequantizeLinear(b, b_scale, b_zero, axis=-1)
    return QuantizeLinear(product, y_scale, y_zero, axis=-2)


@operator
def QLinearConv(x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, b=None, **how):
    scores = Conv(DequantizeLinear(x, x_scale, x_zero), DequantizeLinear(w, w_scale, w_zero, axis=0), **how)
    if b is not None:
        scores = scores + along(b * (x_scale * w_scale), 1, scores.ndim)
    return QuantizeLinear(scores, y_scale, y_zero)
