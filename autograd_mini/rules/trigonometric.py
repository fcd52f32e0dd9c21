"""Derivatives of trigonometric and hyperbolic functions and their inverses, and of angles, sinc and Bessel's i0."""

import functools
import math

import numpy as np

from autograd_mini.domains import UNARY, UNIT, Interval, case
from autograd_mini.primitive import primitive, rule
from autograd_mini.rules.complex import COMPLEX

DEGREE = math.pi / 180


# Inverses: no digits are lost near the ends of the domain, and squares that overflow do no harm.
@primitive
def one_minus_square(a):
    """1 - a^2. An operation of its own, so that slopes at the ends are infinite and not inf - inf."""
    return (1 - a) * (1 + a)


rule(one_minus_square, lambda g, _out, a: g * (-2 * a), cases=UNARY, pole=False)


def cosine_of_arcsin(a):
    return np.sqrt(1 - a) * np.sqrt(1 + a) if a.dtype in COMPLEX else np.sqrt(one_minus_square(a))


def arctan(g, _out, a):
    if a.dtype in COMPLEX:
        return g / (1 - 1j * a) / (1 + 1j * a)
    return g * arctan_slope(a)


@primitive
def arctan_slope(a):
    """1 / (1 + a^2), for real numbers, where the square overflows too."""
    with np.errstate(over="ignore", under="ignore"):
        slope = 1 / (1 + a * a)
        if isinstance(slope, np.ndarray | np.generic) and np.all(slope):
            return slope
        far = np.where(slope == 0, a, 1)
        return np.where(slope == 0, 1 / far / far, slope)


rule(arctan_slope, lambda g, out, a: g * (-2 * out * over_squares(a, np.ones_like(a))), cases=UNARY)


def arctanh(g, _out, a):
    return g / (1 - a) / (1 + a) if a.dtype in COMPLEX else g / one_minus_square(a)


# Trigonometric functions and their inverses
rule(np.sin, lambda g, _out, a: g * np.cos(a))
rule(np.cos, lambda g, _out, a: -g * np.sin(a))
rule(np.tan, lambda g, out, _a: g * (1 + out * out), domain=Interval(-1.5, 1.5))
rule(np.arcsin, lambda g, _out, a: g / cosine_of_arcsin(a), domain=UNIT)
rule(np.arccos, lambda g, _out, a: -g / cosine_of_arcsin(a), domain=UNIT)
rule(np.arctan, arctan)

# Hyperbolic functions and their inverses
rule(np.sinh, lambda g, _out, a: g * np.cosh(a), pole=True)
rule(np.cosh, lambda g, _out, a: g * np.sinh(a), pole=True)
rule(np.tanh, lambda g, out, _a: g * (1 - out * out))
rule(np.arcsinh, lambda g, out, _a: g / np.cosh(out))  # no square, which would overflow
rule(np.arccosh, lambda g, out, _a: g / np.sinh(out), domain=Interval(1.0))
rule(np.arctanh, arctanh, domain=UNIT)

# Units
rule(np.deg2rad, lambda g, _out, _a: g * DEGREE)
rule(np.radians, lambda g, _out, _a: g * DEGREE)
rule(np.rad2deg, lambda g, _out, _a: g / DEGREE)
rule(np.degrees, lambda g, _out, _a: g / DEGREE)


# Right triangles: the slopes at the origin are 0, and squares that overflow do no harm.
@primitive
def over_squares(a, b):
    """a / (a^2 + b^2), and 0 at the origin."""
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        squares = a * a + b * b
        low, high = np.finfo(squares.dtype).tiny / np.finfo(squares.dtype).eps, np.finfo(squares.dtype).max
        if isinstance(squares, np.ndarray) and np.all((squares > low) & (squares < high)):
            return a / squares
        scale = np.maximum(np.abs(a), np.abs(b))
        scale = np.where(scale == 0, np.inf, scale)
        x, y = a / scale, b / scale
        return np.where(np.isinf(scale), 0, x / (x * x + y * y) / scale)


def over_squares_left(g, out, a, b):
    other = over_squares(b, a)
    return g * ((other - out) * (other + out))


def over_squares_right(g, out, a, b):
    return g * (-2 * out * over_squares(b, a))


def away_from_origin(a, b):
    """Small near the origin, where differences are coarse."""
    return (np.abs(a) + np.abs(b)) / 100


rule(over_squares, over_squares_left, over_squares_right, broadcasts=True, kinks=away_from_origin)
rule(
    np.arctan2,
    lambda g, _out, a, b: g * over_squares(b, a),
    lambda g, _out, a, b: -g * over_squares(a, b),
    kinks=lambda a, b: np.where(b < 0, a, 1) * away_from_origin(a, b),
    pole=True,
)


@primitive
def over_hypot(a, b):
    """a / hypot(a, b), and 0 at the origin; a quarter of both does not overflow."""
    *_, dtype = np.hypot.resolve_dtypes((a.dtype, b.dtype, None))
    a, b = np.divide(a, 4, dtype=dtype), np.divide(b, 4, dtype=dtype)
    out = np.hypot(a, b)
    return a / np.where(out == 0, np.inf, out)


def inverse(out):
    """1 / out, and 0 at the origin."""
    return 1 / np.where(out == 0, np.inf, out)


rule(
    over_hypot,
    lambda g, _out, a, b: g * (np.square(over_hypot(b, a)) * inverse(np.hypot(a, b))),
    lambda g, out, a, b: g * (-out * over_hypot(b, a) * inverse(np.hypot(a, b))),
    broadcasts=True,
    kinks=away_from_origin,
)
rule(
    np.hypot,
    lambda g, _out, a, b: g * over_hypot(a, b),
    lambda g, _out, a, b: g * over_hypot(b, a),
    kinks=away_from_origin,
    pole=True,
)
rule(
    np.unwrap,
    lambda g, _out, _p, discont=None, axis=-1, period=2 * math.pi: g,
    kinks=lambda p, discont=None, axis=-1, period=2 * math.pi: np.cos(np.diff(p, axis=axis) * np.pi / period),
    cases=(case((5,)), case((3, 4)), case((3, 4), axis=0), case((5,), period=3.0), case((0,))),
)


# sinc(x) = s(pi x) with s(y) = sin(y) / y
@functools.cache
def sinc_coefficients(order):
    """Those of y^(2k - order) in the derivative of s of the given order, enough for |y| <= (order + 1) / 2."""
    first = (order + 1) // 2
    return [
        math.pi**order * (-1) ** k / ((2 * k + 1) * math.factorial(2 * k - order))
        for k in range(first, first + 8 + 2 * order)
    ]


def sinc_series(a, order):
    """`sinc_derivative` by its power series."""
    y = np.pi * a
    square, coefficients = y * y, sinc_coefficients(order)[::-1]
    total = coefficients[0] * square
    for coefficient in coefficients[1:-1]:
        total += coefficient
        total *= square
    total += coefficients[-1]
    return total * y if order % 2 else total


def sinc_recursion(a, order):
    """`sinc_derivative` by y s_n + n s_(n-1) = sin_n(y), each index a derivative, which loses digits near 0."""
    y = np.pi * a
    sine, cosine = np.sin(y), np.cos(y)
    s = sine / y
    for n in range(1, order + 1):
        s *= -n
        s += (sine, cosine, -sine, -cosine)[n % 4]
        s /= y
    s *= np.pi**order
    return s


@primitive
def sinc_derivative(a, order):
    """The derivative of `np.sinc` of the given order, with no digits lost near 0."""
    near = np.abs(a) < (order + 1) / (2 * np.pi)
    if near.all():
        return sinc_series(a, order)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        slope = sinc_recursion(a, order)
    if near.any():
        slope[near] = sinc_series(a[near], order)
    return slope


rule(np.sinc, lambda g, _out, a: g * sinc_derivative(a, 1), cases=(case(()), case((2, 3)), case((0, 3))))
rule(
    sinc_derivative,
    lambda g, _out, a, order: g * sinc_derivative(a, order + 1),
    cases=(case((), order=1), case((2, 3), order=1), case((4,), order=2), case((4,), order=3), case((0, 3), order=1)),
)


# Modified Bessel functions of the first kind, of integer order
def bessel_fraction(a, order):
    """I_n / I_0 by the continued fraction I_n / I_(n-1) = a / (2n + a I_(n+1) / I_n), for |a| <= 30."""
    ratio, product = 0.0 * a, 1.0
    for n in reversed(range(1, 40 + order)):
        ratio = a / (2 * n + a * ratio)
        product = product * ratio if n <= order else product
    return product


def bessel_asymptotics(a, order):
    """I_n / I_0 by Hankel's expansions for large |a|."""
    sums = []
    for n in (order, 0):
        term = total = np.ones_like(a)
        for k in range(1, 21):
            term = term * ((2 * k - 1) ** 2 - 4 * n * n) / (8 * k * np.abs(a))
            total = total + term
        sums.append(total)
    return np.sign(a) ** order * sums[0] / sums[1]


@primitive
def bessel_i(a, order):
    """I_n(a), from NumPy's I_0."""
    if order == 0:
        return np.i0(a)
    pieces = [functools.partial(piece, order=order) for piece in (bessel_fraction, bessel_asymptotics)]
    return np.i0(a) * np.piecewise(a, [np.abs(a) <= 30], pieces)


rule(np.i0, lambda g, _out, a: g * bessel_i(a, 1), cases=(case(()), case((2, 3)), case((0, 3))))
rule(
    bessel_i,
    lambda g, _out, a, order: g * ((bessel_i(a, order + 1) + bessel_i(a, order - 1 if order else 1)) / 2),
    cases=(case((), order=1), case((2, 3), order=0), case((2, 3), order=2), case((0, 3), order=1)),
)
