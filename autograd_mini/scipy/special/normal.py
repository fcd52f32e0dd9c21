"""Derivatives of the error function's family: the normal distribution, Dawson's, Faddeeva's and Voigt's functions."""

import math

import numpy as np
from scipy import special

from autograd_mini.batching import batching_rule
from autograd_mini.batching.operands import aligned_wise
from autograd_mini.domains import POSITIVE, UNARY, UNIT, Interval, case
from autograd_mini.primitive import primitive, rule
from autograd_mini.scipy.special.operations import as_precise, operations, precisely

ROOT_PI, ROOT_2, ROOT_2_PI = math.sqrt(math.pi), math.sqrt(2), math.sqrt(2 * math.pi)
FAR = 40.0  # |z|^2 from which these terms of the asymptotic series in 1 / z^2 are exact
TERMS = 34


@primitive
def mills(x):
    """The normal density divided by its distribution function, which decays for large x and grows as -x."""
    return 2 / ROOT_2_PI / special.erfcx(x * (-1 / ROOT_2))


def mills_slope(out, a):
    """-out (a + out), whose two terms cancel for large negative a: they are the slope of erfcx there."""
    z = np.where(a > 0, 0, a) * (-1 / ROOT_2)
    left = out / ROOT_2 * erfcx_derivative(z, n=1) / special.erfcx(z)
    return np.where(a > 0, -out * (np.where(a > 0, a, 0) + out), left)


# Derivatives of any order, from a series of powers of 1 / z far out, where the terms of their recurrence cancel


def derivative_of_powers(z, n, sign=1):
    """The n-th derivative of 1/z + sign/(2 z^3) + 3/(4 z^5) + ..., an asymptotic series."""
    total, term = 0, 1 / z
    for k in range(TERMS):
        total = total + term * ((-1) ** n * special.poch(2 * k + 1, n))
        term = term * (sign * (2 * k + 1) / 2) / z / z
    return total / z**n


def recurrence(first, second, z, n, sign=1):
    """The n-th derivative of a solution of f'' + sign (2 z f' + 2 f) = 0."""
    for k in range(n):
        first, second = second, -sign * (2 * z * second + 2 * (k + 1) * first)
    return first


def far_out(z):
    """Where e^(-z^2) counts for nothing beside 1 / z."""
    return np.square(np.real(z)) - np.square(np.imag(z)) > FAR


@precisely
def dawson(z, n):
    """The n-th derivative of `scipy.special.dawsn`."""
    far = far_out(z)
    near, z = np.where(far, 1, z), np.where(far, z, 10)
    value = special.dawsn(near)
    return np.where(far, derivative_of_powers(z, n) / 2, recurrence(value, 1 - 2 * near * value, near, n))


def faddeeva_derivative(z, n):
    """The n-th derivative of `scipy.special.wofz`, of complex z."""
    far = (np.abs(z) ** 2 > FAR) & ((np.imag(z) >= 0) | far_out(z))
    near, z = np.where(far, 1, z), np.where(far, z, 10)
    value = special.wofz(near)
    close = recurrence(value, -2 * near * value + 2j / ROOT_PI, near, n)
    on_line = np.where(far_out(z) & (np.abs(np.real(z) * np.imag(z)) < 1), z, 100)
    on_line = np.exp(-on_line * on_line)
    on_line = recurrence(on_line, -2 * z * on_line, z, n)  # the normal curve, which is all of the real part there
    return np.where(far, derivative_of_powers(z, n) * (1j / ROOT_PI) + on_line, close)


@precisely
def faddeeva(z, n):
    """The n-th derivative of `scipy.special.wofz`."""
    return faddeeva_derivative(z + 0j, n)


@precisely
def erfcx_derivative(x, n):
    """The n-th derivative of `scipy.special.erfcx`, which is Faddeeva's function along the imaginary axis."""
    if np.iscomplexobj(x):
        return 1j**n * faddeeva_derivative(1j * x, n)
    far = (x > 0) & (x * x > FAR)
    near, x = np.where(far, 1, x), np.where(far, x, 10)
    value = special.erfcx(near)
    close = recurrence(value, 2 * near * value - 2 / ROOT_PI, near, n, -1)
    return np.where(far, derivative_of_powers(x, n, -1) / ROOT_PI, close)


@primitive
def voigt(x, sigma, gamma, n, k):
    """The derivative of `scipy.special.voigt_profile`, n - k times by x and k times by gamma, from that of wofz."""
    places = (np.asarray(a, float) for a in (x, sigma, gamma))
    x_, s, g_ = np.broadcast_arrays(*places)
    if n == 0:
        return as_precise(special.voigt_profile(x_, s, g_), x, sigma, gamma)
    w = faddeeva_derivative((x_ + 1j * g_) / (s * ROOT_2), n)
    return as_precise(np.real(1j**k * w) / (s * ROOT_2_PI) / (s * ROOT_2) ** n, x, sigma, gamma)


batching_rule(voigt)(aligned_wise(voigt))
rule(special.erf, lambda g, _out, a: g * (2 / ROOT_PI * np.exp(-a * a)))
rule(special.erfc, lambda g, _out, a: g * (-2 / ROOT_PI * np.exp(-a * a)))
rule(special.erfcx, lambda g, _out, a: g * erfcx_derivative(a, n=1))
rule(
    erfcx_derivative,
    lambda g, _out, x, n: g * erfcx_derivative(x, n=n + 1),
    broadcasts=True,
    cases=(case((3,), n=1),),
)
rule(special.erfi, lambda g, _out, a: g * (2 / ROOT_PI * np.exp(a * a)))
rule(special.dawsn, lambda g, _out, a: g * dawson(a, n=1))
rule(dawson, lambda g, _out, z, n: g * dawson(z, n=n + 1), broadcasts=True, cases=(case((3,), n=1),))
wofz = operations(special.wofz, "z")
rule(wofz, lambda g, _out, z: g * faddeeva(z, n=1), broadcasts=True, cases=(case((3,)),))
rule(faddeeva, lambda g, _out, z, n: g * faddeeva(z, n=n + 1), broadcasts=True, cases=(case((3,), n=1),))
rule(special.erfinv, lambda g, out, _a: g * (ROOT_PI / 2 * np.exp(out * out)), domain=UNIT)
rule(special.erfcinv, lambda g, out, _a: g * (-ROOT_PI / 2 * np.exp(out * out)), domain=Interval(0, 2))
rule(special.ndtr, lambda g, _out, a: g * (1 / ROOT_2_PI * np.exp(-0.5 * a * a)))
rule(special.log_ndtr, lambda g, _out, a: g * mills(a))
rule(mills, lambda g, out, a: g * mills_slope(out, a), cases=UNARY)
rule(special.ndtri, lambda g, out, _a: g * (ROOT_2_PI * np.exp(0.5 * out * out)), domain=Interval(0, 1))
rule(special.ndtri_exp, lambda g, out, _a: g / mills(out), domain=Interval(high=0.0), cases=(case((3,)),))
rule(
    special.owens_t,
    lambda g, _out, a, b: g * (-0.5 / ROOT_2_PI * np.exp(-0.5 * a * a) * special.erf(a * b / ROOT_2)),
    lambda g, _out, a, b: g * (0.5 / np.pi * np.exp(-0.5 * a * a * (1 + b * b)) / (1 + b * b)),
    cases=(case((2, 1), (3,)),),
)

# By sigma the profile, the density of a sum, obeys the equation of heat: its slope is sigma times the curvature.
PROFILES = (case((3,), (2, 1), ()),)
rule(
    special.voigt_profile,
    lambda g, _out, a, b, c: g * voigt(a, b, c, n=1, k=0),
    lambda g, _out, a, b, c: g * (b * voigt(a, b, c, n=2, k=0)),
    lambda g, _out, a, b, c: g * voigt(a, b, c, n=1, k=1),
    domain=(Interval(), POSITIVE, POSITIVE),
    cases=PROFILES,
)
rule(
    voigt,
    lambda g, _out, x, sigma, gamma, n, k: g * voigt(x, sigma, gamma, n=n + 1, k=k),
    lambda g, _out, x, sigma, gamma, n, k: g * (sigma * voigt(x, sigma, gamma, n=n + 2, k=k)),
    lambda g, _out, x, sigma, gamma, n, k: g * voigt(x, sigma, gamma, n=n + 1, k=k + 1),
    broadcasts=True,
    domain=(Interval(), POSITIVE, POSITIVE),
    cases=(case((3,), (3,), (3,), n=1, k=1),),
)
