"""Derivatives of arithmetic, powers, exponentials and logarithms; the engine sums over broadcast axes."""

import math

import numpy as np

from autograd_mini.arrays import is_numpys
from autograd_mini.domains import POSITIVE, REAL, UNARY, Interval, case
from autograd_mini.primitive import composite, primitive, rule

LN2, LN10 = math.log(2), math.log(10)
ONE = np.int8(1)  # from which no dtype is widened, not even that of booleans
DOUBLE = np.float64(1)  # times this, a number has at least double precision

# Arithmetic
rule(np.positive, lambda g, _out, _a: g)
rule(np.negative, lambda g, _out, _a: -g)
rule(np.add, lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: g)
rule(np.subtract, lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: -g)
rule(np.multiply, lambda g, _out, _a, b: g * b, lambda g, _out, a, _b: g * a, linear=True)
rule(
    np.divide,
    lambda g, _out, _a, b: g / b,
    lambda g, out, _a, b: -g * out / b,
    domain=(REAL, POSITIVE),
)
rule(np.reciprocal, lambda g, out, _a: -g * out * out, domain=POSITIVE)


# Powers, with their limits: x**0 has slope 0 at x = 0, and 0**y has slope 0 for y > 0.
@primitive
def one_where(mask, a):
    """`np.where(mask, 1, a)`, and `a` itself where the mask holds nowhere, as is most often the case."""
    if is_numpys(a) and a.shape == mask.shape and not mask.any():
        return a
    return np.where(mask, 1, a)


rule(one_where, None, lambda g, _out, mask, _a: np.where(mask, 0, g), broadcasts=True, chooses=True)


def power_left(g, _out, a, b):
    return g * b * one_where((a == 0) & (b == 0), a) ** (b - ONE)


def power_right(g, out, a, b):
    positive = one_where((a == 0) & (b > 0), a)
    return g * out * np.log(positive if a.dtype == out.dtype else cast(positive, out.dtype))  # (-1)**1j has a logarithm


rule(np.power, power_left, power_right, domain=(POSITIVE, REAL), pole=True)
rule(np.square, lambda g, _out, a: g * (2 * a))
rule(np.sqrt, lambda g, out, _a: g / (2 * out), domain=POSITIVE)
rule(np.cbrt, lambda g, out, _a: g / (3 * out * out), domain=POSITIVE)


@composite(np.float_power)
def _float_power(x1, x2):
    return np.power(np.multiply(x1, DOUBLE), x2)


# Exponentials
rule(np.exp, lambda g, out, _a: g * out, pole=True)
rule(np.exp2, lambda g, out, _a: g * (out * LN2), pole=True)
rule(np.expm1, lambda g, _out, a: g * np.exp(a), pole=True)  # out + 1 has no digits left where it is small

# Logarithms
rule(np.log, lambda g, _out, a: g / a, domain=POSITIVE)
rule(np.log2, lambda g, _out, a: g / (a * LN2), domain=POSITIVE)
rule(np.log10, lambda g, _out, a: g / (a * LN10), domain=POSITIVE)
rule(np.log1p, lambda g, _out, a: g / (1 + a), domain=Interval(-1.0))


@primitive
def exp_share(a, b):
    """The share of e^a in e^a + e^b; a half for equal arguments, infinite ones too.

    What overflows here is a share too small for the dtype, and equal infinities have no difference.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(a == b, 0.5, 1 / (1 + np.exp(b - a)))


rule(
    exp_share,
    lambda g, out, a, b: g * (out * exp_share(b, a)),
    lambda g, out, a, b: -g * (out * exp_share(b, a)),
    broadcasts=True,
    pole=False,
)


def natural(g, a):
    """The exponent of e in a power of 2, in the dtype of `g`."""
    return np.multiply(a, LN2, dtype=g.dtype)


rule(np.logaddexp, lambda g, _out, a, b: g * exp_share(a, b), lambda g, _out, a, b: g * exp_share(b, a))
rule(
    np.logaddexp2,
    lambda g, _out, a, b: g * exp_share(natural(g, a), natural(g, b)),
    lambda g, _out, a, b: g * exp_share(natural(g, b), natural(g, a)),
)


# The parts of a floating-point number
rule(np.frexp, lambda g, out, _a: np.ldexp(g[0], -out[1]), cases=UNARY)


# A Python number as exponent has become one of the result's dtype, so that it is cast back.
rule(np.ldexp, lambda g, _out, _a, b: np.ldexp(g, cast(b, "int32")), None)
rule(np.nextafter, lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: np.zeros_like(g), chooses=True)
rule(
    np.spacing,
    lambda g, _out, _a: np.zeros_like(g),
    domain=POSITIVE,
    kinks=lambda a: np.sin(np.pi * np.log2(a)),
    chooses=True,
)


# Dtypes
@primitive
def cast(a, dtype):
    """`a.astype(dtype)`; the engine brings the cotangent back to the dtype of `a`."""
    return a.astype(dtype)


@composite(np.full_like)
def _full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None):  # noqa: PLR0917 (as NumPy has it)
    ones = np.ones_like(a, shape=shape)
    filled = np.broadcast_to(fill_value, ones.shape)
    return cast(filled, a.dtype if dtype is None else dtype)


rule(cast, lambda g, _out, _a, dtype: g, cases=(case((2, 3), dtype="float32"),), pole=False)
