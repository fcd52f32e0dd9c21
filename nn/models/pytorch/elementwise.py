"""Operations of ATen that go entry by entry: arithmetic, functions, comparisons, activations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.functions import sigmoid, softplus
from nn.layers.activations import GELU, SELU_ALPHA, SELU_SCALE, elu
from nn.models.pytorch.dtypes import of_real, promoting, real, together
from nn.parameter import Buffer

NO_SCIPY = (
    "nn.from_torch: {name} needs the special functions of SciPy, which is not installed. Write "
    '`pip install "autograd-mini[scipy]"`.'
)


def special(name: str) -> Callable[..., Any]:
    """A function of scipy.special, which is imported when it is called."""

    def function(*args: Any) -> Any:
        try:
            import scipy.special
        except ImportError as error:
            raise ImportError(NO_SCIPY.format(name=name)) from error
        return getattr(scipy.special, name)(*args)

    return function


erf, ndtr = special("erf"), special("ndtr")


def added(sign: int) -> Callable[..., Any]:
    """a + alpha b, or a - alpha b."""

    def add(a: Any, b: Any, alpha: Any = 1) -> Any:
        a, b = together(a, b)
        b = b if alpha == 1 else b * alpha
        return a + b if sign > 0 else a - b

    return add


def divided(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    a, b = together(a, b)
    if rounding_mode == "floor":
        return np.floor_divide(a, b)
    if rounding_mode == "trunc":
        whole = result_is_whole(a, b)
        return np.trunc(a / b).astype(np.int64) if whole else np.trunc(a / b)
    return (real(a) if hasattr(a, "dtype") else a) / (real(b) if hasattr(b, "dtype") else b)


def result_is_whole(*operands: Any) -> bool:
    return all(np.result_type(operand).kind in "biu" for operand in operands)


def power(a: Any, b: Any) -> Any:
    a, b = together(a, b)
    if isinstance(b, float) and b.is_integer():
        b = int(b)
    return np.square(a) if b is not None and not hasattr(b, "dtype") and b == 2 else a**b


def clamped(x: Any, low: Any = None, high: Any = None) -> Any:
    """Within bounds, with the slope of x at them."""
    for bound, beyond in ((low, np.less), (high, np.greater)):
        if bound is not None:
            x, end = together(x, bound)
            x = np.where(beyond(x, end), end, x)
    return x


def chosen(condition: Any, a: Any, b: Any) -> Any:
    a, b = together(a, b)
    return np.where(condition, a, b)


def filled(x: Any, mask: Any, value: Any) -> Any:
    value = value.astype(x.dtype) if hasattr(value, "dtype") else value
    return np.where(mask, x.dtype.type(value) if not hasattr(value, "dtype") else value, x)


def relu(s: Any) -> Any:
    return np.where(s <= 0, 0, s)


def leaky(s: Any, slope: float = 0.01) -> Any:
    return np.where(s > 0, s, slope * s)


def prelu(s: Any, alpha: Any) -> Any:
    if alpha.size > 1:
        alpha = np.reshape(alpha, (-1, *[1] * (s.ndim - 2)))
    elif alpha.ndim:
        alpha = np.reshape(alpha, ())
    return np.where(s > 0, s, alpha * s)


def gelu(s: Any, approximate: str = "none") -> Any:
    return GELU().forward(s) if approximate == "tanh" else s * ndtr(s)


def elu_of(s: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    return elu(s if input_scale == 1 else s * input_scale, alpha, scale)


def softplus_of(s: Any, beta: float = 1, threshold: float = 20) -> Any:
    """Above the threshold PyTorch takes s itself, which is what the formula gives."""
    return softplus(s) if beta == 1 else softplus(s * beta) / beta


def threshold(s: Any, limit: float, value: float) -> Any:
    return np.where(s > limit, s, s.dtype.type(value))


def hard_sigmoid(s: Any) -> Any:
    return np.where(s <= -3, 0, np.where(s >= 3, 1, s / 6 + 0.5))


def hard_swish(s: Any) -> Any:
    return np.where(s <= -3, 0, np.where(s >= 3, s, s * (s / 6 + 0.5)))


def hard_shrink(s: Any, limit: float = 0.5) -> Any:
    return np.where((s >= -limit) & (s <= limit), 0, s)


def soft_shrink(s: Any, limit: float = 0.5) -> Any:
    return np.where(s > limit, s - limit, np.where(s < -limit, s + limit, 0 * s))


def glu(x: Any, dim: int = -1) -> Any:
    a, b = np.split(x, 2, axis=dim)
    return a * sigmoid(b)


def logit(x: Any, eps: float | None = None) -> Any:
    x = x if eps is None else clamped(x, eps, 1 - eps)
    return np.log(x / (1 - x))


def lerp(a: Any, b: Any, weight: Any) -> Any:
    return a + weight * (b - a)


def number_for_nan(x: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    most = np.finfo(x.dtype).max
    for where, value in (
        (np.isnan(x), nan or 0),
        (x == np.inf, most if posinf is None else posinf),
        (x == -np.inf, -most if neginf is None else neginf),
    ):
        x = np.where(where, x.dtype.type(value), x)
    return x


def whole_or_logical(whole: Callable[..., Any], logical: Callable[..., Any]) -> Callable[..., Any]:
    """ATen's bitwise functions take truth values too."""

    def function(*operands: Any) -> Any:
        operands = tuple(together(*operands))
        return (logical if result_is_truth(operands) else whole)(*operands)

    return function


def result_is_truth(operands: Any) -> bool:
    return all(np.result_type(getattr(operand, "dtype", operand)).kind == "b" for operand in operands)


def same(x: Any, *_: Any, **__: Any) -> Any:
    """What only concerns memory, devices or the recording of gradients elsewhere."""
    return x


OF_ONE = {
    **{
        name: of_real(getattr(np, name))
        for name in ["exp", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh"]
    },
    **{
        name: of_real(getattr(np, name))
        for name in ["tanh", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "exp2"]
    },
    **{
        f"a{name[3:]}": of_real(getattr(np, name))
        for name in ["arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"]
    },
    **{
        name: getattr(np, name)
        for name in ["floor", "ceil", "trunc", "sign", "isnan", "isinf", "isfinite", "square", "logical_not"]
    },
    "abs": np.absolute,
    "neg": np.negative,
    "negative": np.negative,
    "positive": np.positive,
    "sgn": np.sign,
    "round": lambda x, decimals=0: np.round(x, decimals),
    "frac": lambda x: x - np.trunc(x),
    "rsqrt": of_real(lambda x: 1 / np.sqrt(x)),
    "reciprocal": of_real(lambda x: 1 / x),
    "erf": of_real(erf),
    "erfc": of_real(lambda x: 1 - erf(x)),
    "erfinv": of_real(special("erfinv")),
    "lgamma": of_real(special("gammaln")),
    "digamma": of_real(special("digamma")),
    "special_ndtr": of_real(ndtr),
    "bitwise_not": whole_or_logical(np.bitwise_not, np.logical_not),
    "logit": of_real(logit),
    "nan_to_num": number_for_nan,
}
OF_TWO = {
    "add": added(1),
    "sub": added(-1),
    "subtract": added(-1),
    "rsub": lambda a, b, alpha=1: added(-1)(b, a, alpha),
    "mul": promoting(lambda a, b: a * b),
    "multiply": promoting(lambda a, b: a * b),
    "div": divided,
    "divide": divided,
    "true_divide": divided,
    "floor_divide": functools.partial(divided, rounding_mode="floor"),
    "remainder": promoting(np.remainder),
    "fmod": promoting(np.fmod),
    "pow": power,
    "atan2": promoting(np.arctan2),
    "hypot": promoting(np.hypot),
    "maximum": promoting(np.maximum),
    "minimum": promoting(np.minimum),
    "fmax": promoting(np.fmax),
    "fmin": promoting(np.fmin),
    "logaddexp": promoting(np.logaddexp),
    "eq": promoting(np.equal),
    "ne": promoting(np.not_equal),
    "lt": promoting(np.less),
    "le": promoting(np.less_equal),
    "gt": promoting(np.greater),
    "ge": promoting(np.greater_equal),
    **{name: getattr(np, name) for name in ("logical_and", "logical_or", "logical_xor")},
    "bitwise_and": whole_or_logical(np.bitwise_and, np.logical_and),
    "bitwise_or": whole_or_logical(np.bitwise_or, np.logical_or),
    "bitwise_xor": whole_or_logical(np.bitwise_xor, np.logical_xor),
    "__and__": whole_or_logical(np.bitwise_and, np.logical_and),
    "__or__": whole_or_logical(np.bitwise_or, np.logical_or),
}
OF_SEVERAL = {
    "where": chosen,
    "masked_fill": filled,
    "clamp": clamped,
    "clip": clamped,
    "clamp_min": clamped,
    "clamp_max": lambda x, high: clamped(x, None, high),
    "lerp": lerp,
    "addcmul": lambda x, a, b, value=1: x + (a * b if value == 1 else value * a * b),
    "addcdiv": lambda x, a, b, value=1: x + (a / b if value == 1 else value * (a / b)),
}
ACTIVATIONS = {
    "relu": relu,
    "relu6": lambda s: np.where(s <= 0, 0, np.where(s >= 6, 6, s)),
    "leaky_relu": leaky,
    "prelu": prelu,
    "elu": elu_of,
    "celu": lambda s, alpha=1.0: elu(s / alpha, 1.0) * alpha,
    "selu": lambda s: elu(s, SELU_ALPHA, SELU_SCALE),
    "gelu": gelu,
    "silu": lambda s: s * sigmoid(s),
    "mish": lambda s: s * np.tanh(softplus(s)),
    "sigmoid": of_real(sigmoid),
    "log_sigmoid": lambda s: -softplus(-s),
    "softplus": softplus_of,
    "hardtanh": lambda s, low=-1.0, high=1.0: np.where(s <= low, low, np.where(s >= high, high, s)),
    "hardsigmoid": hard_sigmoid,
    "hardswish": hard_swish,
    "hardshrink": hard_shrink,
    "softshrink": soft_shrink,
    "softsign": lambda s: s / (1 + np.abs(s)),
    "tanhshrink": lambda s: s - np.tanh(s),
    "threshold": threshold,
    "glu": glu,
}


def cloned(x: Any) -> Any:
    """What a buffer holds now, also when it is written into later; other values are never written into."""
    return Tensor(x.data) if isinstance(x, Buffer) else x


def detached(x: Any) -> Any:
    """The values alone: no gradient goes back through it."""
    return x.detach() if isinstance(x, Tensor) else x


SAME = dict.fromkeys(("alias", "clone", "contiguous", "lift_fresh_copy", "lift_fresh", "to.device", "_conj"), same)
TABLE: dict[str, Any] = {**OF_ONE, **OF_TWO, **OF_SEVERAL, **ACTIVATIONS, **SAME, "clone": cloned, "detach": detached}
