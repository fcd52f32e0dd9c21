"""Derivatives of elliptic integrals and functions: Carlson's, Legendre's, Jacobi's, and the arithmetic-geometric mean.

All come from one integral with half-integer powers, of which each derivative is another one: it has a positive
integrand, so that no digits cancel. On the negative axis, where Carlson's have principal values, the result is nan.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from autograd_mini.domains import POSITIVE, Interval, case
from autograd_mini.primitive import rule
from autograd_mini.scipy.special.operations import operations, precisely

STEP = 0.5  # of the trapezoidal rule in log t, whose error is e^(-2 pi^2 / STEP)
ROUNDING = 38.0  # the logarithm of what is left out at either end, which is less than the rounding
BLOCK = 100_000  # numbers that are computed at a time


@precisely
def carlson(x, y, z, p, powers, weight=0):
    """The integral of t^weight (t+x)^(-a/2) (t+y)^(-b/2) (t+z)^(-c/2) (t+p)^(-d/2) over t > 0, for powers (a, b, c, d).

    It is a sum over equal steps of log t, where the integrand falls like a power on both sides.
    """
    places = np.stack(np.broadcast_arrays(*(a for a, power in zip((x, y, z, p), powers, strict=True) if power)))
    halves = np.reshape([power / 2 for power in powers if power], (-1,) + (1,) * (places.ndim - 1))
    sizes = np.abs(places)
    positive = sizes > 0
    logs = np.log(np.where(positive, sizes, 1))
    low = np.min(logs, axis=0, where=positive, initial=np.inf)
    high = np.max(logs, axis=0, where=positive, initial=-np.inf)
    low, high = np.where(high >= low, low, 0), np.where(high >= low, high, 0)
    rising = weight + 1 - np.sum(np.where(places == 0, halves, 0), axis=0)
    falling = np.sum(halves) - weight - 1
    low = low - ROUNDING / np.maximum(rising, 0.5)
    high = high + ROUNDING / falling
    narrow = (
        np.max(np.where(positive, np.abs(np.angle(places)), 0), axis=0) / np.pi
    )  # the poles are the nearer the farther arguments turn
    count = int(np.max((high - low) / (STEP * np.maximum(1 - narrow, 0.05)), initial=0)) + 2
    middle, step = (low + high) / 2, (high - low) / (count - 1)
    scaled = places * np.exp(-middle)
    total = np.zeros(middle.shape, places.dtype)
    block = 1 + BLOCK // (1 + middle.size)
    for first in range(0, count, block):
        k = np.reshape(np.arange(first, min(first + block, count)), (-1,) + (1,) * middle.ndim)
        u = (k - (count - 1) / 2) * step
        factors = np.prod((np.exp(u)[:, None] + scaled) ** -halves, axis=1)
        total = total + np.sum(factors * np.exp((weight + 1) * u), axis=0)
    total = total * step * np.exp(middle * -falling)
    return np.where(narrow == 1, np.nan, np.where(rising > 0, total, np.inf))


def slope(x, y, z, p, i, powers, weight):
    """The derivative by argument i: minus half of its power times the integral with a power of two more."""
    raised = tuple(power + 2 if j == i else power for j, power in enumerate(powers))
    return -powers[i] / 2 * carlson(x, y, z, p, powers=raised, weight=weight)


rule(
    carlson,
    lambda g, _out, x, y, z, p, powers, weight=0: g * slope(x, y, z, p, 0, powers, weight),
    lambda g, _out, x, y, z, p, powers, weight=0: g * slope(x, y, z, p, 1, powers, weight),
    lambda g, _out, x, y, z, p, powers, weight=0: g * slope(x, y, z, p, 2, powers, weight),
    lambda g, _out, x, y, z, p, powers, weight=0: g * slope(x, y, z, p, 3, powers, weight),
    broadcasts=True,
    domain=POSITIVE,
    cases=(case((3,), (3,), (), (), powers=(1, 3, 2, 1)),),
)

# Carlson's integrals
rule(
    special.elliprc,
    lambda g, _out, a, b: g * (carlson(a, b, b, b, powers=(3, 2, 0, 0)) / -4),
    lambda g, _out, a, b: g * (carlson(a, b, b, b, powers=(1, 4, 0, 0)) / -2),
    domain=POSITIVE,
    cases=(case((3,), (2, 1)),),
)
rule(
    special.elliprf,
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(3, 1, 1, 0)) / -4),
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(1, 3, 1, 0)) / -4),
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(1, 1, 3, 0)) / -4),
    domain=POSITIVE,
    cases=(case((3,), (3,), ()),),
)
rule(
    special.elliprd,
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(3, 1, 3, 0)) * -0.75),
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(1, 3, 3, 0)) * -0.75),
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(1, 1, 5, 0)) * -2.25),
    domain=POSITIVE,
    cases=(case((3,), (3,), ()),),
)
rule(
    special.elliprg,
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(3, 1, 1, 0), weight=1) / 8),
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(1, 3, 1, 0), weight=1) / 8),
    lambda g, _out, a, b, c: g * (carlson(a, b, c, c, powers=(1, 1, 3, 0), weight=1) / 8),
    domain=POSITIVE,
    cases=(case((3,), (3,), ()),),
)
rule(
    special.elliprj,
    lambda g, _out, a, b, c, d: g * (carlson(a, b, c, d, powers=(3, 1, 1, 2)) * -0.75),
    lambda g, _out, a, b, c, d: g * (carlson(a, b, c, d, powers=(1, 3, 1, 2)) * -0.75),
    lambda g, _out, a, b, c, d: g * (carlson(a, b, c, d, powers=(1, 1, 3, 2)) * -0.75),
    lambda g, _out, a, b, c, d: g * (carlson(a, b, c, d, powers=(1, 1, 1, 4)) * -1.5),
    domain=POSITIVE,
    cases=(case((3,), (3,), (), (3,)),),
)


# Legendre's integrals: those of sin^(2i) (1 - m sin^2)^(-j/2)


def complete(m1, i, j):
    """That from 0 to pi / 2, in terms of 1 - m."""
    return carlson(np.zeros_like(m1), m1, np.ones_like(m1), m1, powers=(1, j, 2 * i + 2 - j, 0)) / 2


@precisely
def legendre(phi, m, i, j):
    """That from 0 to phi."""
    turns = np.rint(phi / math.pi)
    sine, cosine = np.sin(phi - turns * math.pi), np.cos(phi - turns * math.pi)
    powers = (1, j, 2 * i + 2 - j, 0)
    one, delta = np.ones_like(sine), 1 - m * np.square(sine)
    part = np.sign(sine) * np.abs(sine) ** (2 * i + 1) / 2 * carlson(np.square(cosine), delta, one, one, powers=powers)
    full = np.where(m < 1, carlson(0, np.where(m < 1, 1 - m, 1), 1, 1, powers=powers), np.inf)
    return part + np.where(turns == 0, 0, turns * full)


def integrand(phi, m, i, j):
    """sin^(2i) (1 - m sin^2)^(-j/2), in terms of the cosine where that is small and m near 1."""
    squared = np.square(np.sin(phi))
    delta = np.where(squared > 0.5, 1 - m + m * np.square(np.cos(phi)), 1 - m * squared)
    return squared**i * np.power(delta, -j / 2)


rule(
    legendre,
    lambda g, _out, phi, m, i, j: g * integrand(phi, m, i, j),
    lambda g, _out, phi, m, i, j: g * (j / 2 * legendre(phi, m, i=i + 1, j=j + 2)),
    broadcasts=True,
    domain=(Interval(), Interval(-2.0, 0.9)),
    cases=(case((3,), (3,), i=1, j=3),),
)
rule(special.ellipk, lambda g, _out, a: g * (complete(1 - a, 1, 3) / 2), domain=Interval(high=1.0), cases=(case((3,)),))
rule(special.ellipkm1, lambda g, _out, a: g * (complete(a, 1, 3) / -2), domain=POSITIVE, cases=(case((3,)),))
rule(
    special.ellipe, lambda g, _out, a: g * (complete(1 - a, 1, 1) / -2), domain=Interval(high=1.0), cases=(case((3,)),)
)
rule(
    special.ellipkinc,
    lambda g, _out, a, b: g * integrand(a, b, 0, 1),
    lambda g, _out, a, b: g * (legendre(a, b, i=1, j=3) / 2),
    domain=(Interval(), Interval(-2.0, 0.9)),
    cases=(case((3,), (2, 1)),),
)
rule(
    special.ellipeinc,
    lambda g, _out, a, b: g * integrand(a, b, 0, -1),
    lambda g, _out, a, b: g * (legendre(a, b, i=1, j=1) / -2),
    domain=(Interval(), Interval(-2.0, 0.9)),
    cases=(case((3,), (2, 1)),),
)

# Jacobi's functions of u and m: the amplitude solves ellipkinc(amplitude, m) = u.
jacobi_sn, jacobi_cn, jacobi_dn, amplitude = operations(special.ellipj, "u m")


def amplitude_by_m(u, m):
    """The slope of the amplitude by m."""
    return jacobi_dn(u, m) * (legendre(amplitude(u, m), m, i=1, j=3) / -2)


def dn_by_m(out, u, m):
    """The slope of dn = sqrt(1 - m sn^2) by m."""
    sn = jacobi_sn(u, m)
    return (np.square(sn) + 2 * m * sn * jacobi_cn(u, m) * amplitude_by_m(u, m)) / (-2 * out)


JACOBI: dict[str, Any] = {
    "broadcasts": True,
    "domain": (Interval(), Interval(0.0, 1.0)),
    "cases": (case((3,), (2, 1)),),
}
rule(
    jacobi_sn,
    lambda g, _out, u, m: g * (jacobi_cn(u, m) * jacobi_dn(u, m)),
    lambda g, _out, u, m: g * (jacobi_cn(u, m) * amplitude_by_m(u, m)),
    **JACOBI,
)
rule(
    jacobi_cn,
    lambda g, _out, u, m: -g * (jacobi_sn(u, m) * jacobi_dn(u, m)),
    lambda g, _out, u, m: -g * (jacobi_sn(u, m) * amplitude_by_m(u, m)),
    **JACOBI,
)
rule(
    jacobi_dn,
    lambda g, _out, u, m: -g * (m * jacobi_sn(u, m) * jacobi_cn(u, m)),
    lambda g, out, u, m: g * dn_by_m(out, u, m),
    **JACOBI,
)
rule(
    amplitude,
    lambda g, _out, u, m: g * jacobi_dn(u, m),
    lambda g, _out, u, m: g * amplitude_by_m(u, m),
    **JACOBI,
)


# The mean is pi over an integral of Carlson's of the squares, here in units of the mean.
def mean_slope(out, a, b):
    """The slope by a."""
    u, v = a / out, b / out
    return u / np.pi * carlson(np.zeros_like(u), u * u, v * v, v * v, powers=(1, 3, 1, 0))


rule(
    special.agm,
    lambda g, out, a, b: g * mean_slope(out, a, b),
    lambda g, out, a, b: g * mean_slope(out, b, a),
    domain=POSITIVE,
    cases=(case((3,), (2, 1)),),
)
