"""Derivatives of functions that act on each element; the engine sums over broadcast axes."""

import numpy as np

from autograd_mini.domains import POSITIVE, REAL, case
from autograd_mini.primitive import composite, primitive, rule

# Arithmetic
rule(np.positive, lambda g, _out, _a: g)
rule(np.negative, lambda g, _out, _a: -g)
rule(np.add, lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: g)
rule(np.subtract, lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: -g)
rule(np.multiply, lambda g, _out, _a, b: g * b, lambda g, _out, a, _b: g * a)
rule(
    np.divide,
    lambda g, _out, _a, b: g / b,
    lambda g, out, _a, b: -g * out / b,
    domain=(REAL, POSITIVE),
)

# Powers, with their limits: x**0 has slope 0 at x = 0, and 0**y has slope 0 for y > 0.
rule(
    np.power,
    lambda g, _out, a, b: g * b * np.where((a == 0) & (b == 0), 1, a) ** (b - 1),
    lambda g, out, a, b: g * out * np.log(np.where((a == 0) & (b > 0), 1, a)),
    domain=(POSITIVE, REAL),
)
rule(np.square, lambda g, _out, a: g * (2 * a))
rule(np.sqrt, lambda g, out, _a: g / (2 * out), domain=POSITIVE)

# Exponentials and hyperbolic functions
rule(np.exp, lambda g, out, _a: g * out)
rule(np.log, lambda g, _out, a: g / a, domain=POSITIVE)
rule(np.tanh, lambda g, out, _a: g * (1 - out * out))

# Kinks: equal arguments share the slope, |x| and sign have slope 0 at 0.
rule(np.sign, lambda g, _out, _a: np.zeros_like(g), kinks=lambda a: a)
rule(np.absolute, lambda g, _out, a: g * np.sign(a), kinks=lambda a: a)
rule(
    np.maximum,
    lambda g, _out, a, b: np.where(a == b, g / 2, np.where(a > b, g, 0)),
    lambda g, _out, a, b: np.where(a == b, g / 2, np.where(b > a, g, 0)),
    kinks=lambda a, b: a - b,
)
rule(
    np.minimum,
    lambda g, _out, a, b: np.where(a == b, g / 2, np.where(a < b, g, 0)),
    lambda g, _out, a, b: np.where(a == b, g / 2, np.where(b < a, g, 0)),
    kinks=lambda a, b: a - b,
)
rule(
    np.where,
    None,
    lambda g, _out, condition, _a, _b: np.where(condition, g, 0),
    lambda g, _out, condition, _a, _b: np.where(condition, 0, g),
    broadcasts=True,
    kinks=lambda condition, a, b: condition,
)


@composite(np.clip)
def _clip(a, a_min=None, a_max=None, *, min=None, max=None):
    low = a_min if min is None else min
    high = a_max if max is None else max
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


@primitive
def cast(a, dtype):
    """`a.astype(dtype)`; the engine brings the cotangent back to the dtype of `a`."""
    return a.astype(dtype)


@composite(np.full_like)
def _full_like(a, fill_value, dtype=None):
    return cast(np.ones_like(a) * fill_value, a.dtype if dtype is None else dtype)


rule(cast, lambda g, _out, _a, dtype: g, cases=(case((2, 3), dtype="float32"),))
