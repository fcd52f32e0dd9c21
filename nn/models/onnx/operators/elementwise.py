"""Operators that work entry by entry."""

import functools

import numpy as np

from nn.functions import sigmoid, softplus
from nn.layers.activations import elu, gelu
from nn.models.onnx.operators.table import OPERATORS, as_dtype, check_room_of_all, is_float, like, number, operator

OPERATORS.update(
    Abs=np.abs,
    Acos=np.arccos,
    Acosh=np.arccosh,
    Asin=np.arcsin,
    Asinh=np.arcsinh,
    Atan=np.arctan,
    Atanh=np.arctanh,
    Ceil=np.ceil,
    Cos=np.cos,
    Cosh=np.cosh,
    Exp=np.exp,
    Floor=np.floor,
    Identity=lambda x: x,
    IsNaN=np.isnan,
    Log=np.log,
    Neg=np.negative,
    Reciprocal=lambda x: 1 / x,
    Round=np.round,
    Sign=np.sign,
    Sin=np.sin,
    Sinh=np.sinh,
    Sqrt=np.sqrt,
    Tan=np.tan,
    Tanh=np.tanh,
    # activations
    Celu=lambda x, alpha=1.0: alpha * elu(x / alpha, 1.0),
    Elu=lambda x, alpha=1.0: elu(x, alpha),
    Gelu=lambda x, approximate="none": gelu(x, exact=approximate == "none"),
    HardSigmoid=lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0, 1),
    HardSwish=lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    LeakyRelu=lambda x, alpha=0.01: np.where(x < 0, alpha * x, x),
    Mish=lambda x: x * np.tanh(softplus(x)),
    PRelu=lambda x, slope: np.where(x < 0, slope * x, x),
    Relu=lambda x: np.where(x <= 0, 0, x),
    Selu=lambda x, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875: elu(x, alpha, gamma),
    Shrink=lambda x, bias=0.0, lambd=0.5: np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0)),
    Sigmoid=sigmoid,
    Softplus=softplus,
    Softsign=lambda x: x / (1 + np.abs(x)),
    Swish=lambda x, alpha=1.0: x * sigmoid(alpha * x),
    ThresholdedRelu=lambda x, alpha=1.0: np.where(x > alpha, x, 0),
    # of several arrays
    Add=np.add,
    Max=lambda *xs: functools.reduce(np.maximum, xs),
    Mean=lambda *xs: functools.reduce(np.add, xs) / len(xs),
    Min=lambda *xs: functools.reduce(np.minimum, xs),
    Mod=lambda a, b, fmod=0: np.fmod(a, b) if fmod else np.mod(a, b),
    Mul=np.multiply,
    Pow=lambda x, y: like(np.power(x, like(y, x) if is_float(x) else y), x),
    Sub=np.subtract,
    Sum=lambda *xs: functools.reduce(np.add, xs),
    Where=np.where,
    # truth and bits
    And=np.logical_and,
    BitwiseAnd=np.bitwise_and,
    BitwiseNot=np.bitwise_not,
    BitwiseOr=np.bitwise_or,
    BitwiseXor=np.bitwise_xor,
    Equal=np.equal,
    Greater=np.greater,
    GreaterOrEqual=np.greater_equal,
    Less=np.less,
    LessOrEqual=np.less_equal,
    Not=np.logical_not,
    Or=np.logical_or,
    Xor=np.logical_xor,
)


def with_room(function):
    """An operation of several arrays, which broadcast; two short ones must not become one that fills the memory."""

    def checked(*arrays, **attributes):
        check_room_of_all(arrays)
        return function(*arrays, **attributes)

    return checked


OF_SEVERAL = "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor"


@operator
def BitShift(x, y, direction):
    return np.left_shift(x, y) if direction == "LEFT" else np.right_shift(x, y)


@operator
def Clip(x, min=None, max=None):
    low, high = (number(each) if isinstance(each, np.ndarray) else each for each in (min, max))
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


@operator
def Div(a, b):
    """Whole numbers are cut towards zero."""
    return a / b if is_float(a) else (a - np.fmod(a, b)) // b


@operator
def Erf(x):
    from scipy.special import erf

    return erf(x)


@operator
def IsInf(x, detect_negative=1, detect_positive=1):
    return (np.isposinf(x) & bool(detect_positive)) | (np.isneginf(x) & bool(detect_negative))


@operator
def BitCast(x, to):
    return np.asarray(x).view(as_dtype(to))


OPERATORS.update({name: with_room(OPERATORS[name]) for name in OF_SEVERAL.split()})
