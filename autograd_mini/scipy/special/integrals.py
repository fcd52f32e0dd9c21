"""Derivatives of functions that are defined as integrals over their argument: exponential, trigonometric, Fresnel's."""

import math

import numpy as np
from scipy import special

from autograd_mini.domains import POSITIVE, Interval, case
from autograd_mini.primitive import rule
from autograd_mini.scipy.special.bessel import airy_a, airy_b, spherical_in_of, spherical_jn_of, struve_h, struve_l
from autograd_mini.scipy.special.elementary import log_ratio
from autograd_mini.scipy.special.normal import faddeeva
from autograd_mini.scipy.special.operations import operations, precisely, whole

ROOT_PI = math.sqrt(math.pi)
TURN = (1 + 1j) / math.sqrt(2)  # e^(i pi / 4)
AWAY = Interval(0.4)  # positive, and away from a pole at 0
FEW = (case((3,)),)


# Exponential integrals


@precisely
def exp_integral(x, n):
    """`scipy.special.expn(n, x)`, and below n = 0 by its recurrence, whose terms are positive."""
    value, lower = special.expn(whole(np.maximum(n, 0)), x), np.exp(-x) / x
    for order in range(-1, int(np.min(n, initial=0)) - 1, -1):
        lower = (np.exp(-x) - order * lower) / x
        value = np.where(np.equal(n, order), lower, value)
    return value


expn = operations(special.expn, "n x", "n")
rule(special.exp1, lambda g, _out, a: -g * (np.exp(-a) / a), domain=AWAY, cases=FEW)
rule(special.expi, lambda g, _out, a: g * (np.exp(a) / a), domain=AWAY, cases=FEW)
rule(expn, lambda g, _out, x, n: -g * exp_integral(x, n=n - 1), broadcasts=True, domain=AWAY, cases=(case((3,), n=2),))
rule(
    exp_integral,
    lambda g, _out, x, n: -g * exp_integral(x, n=n - 1),
    broadcasts=True,
    domain=AWAY,
    cases=(case((3,), n=1), case((3,), n=np.array([[0], [-2]], np.float32))),
)

# Integrals of sin t / t, cos t / t and their hyperbolic relatives
sine_integral, cosine_integral = operations(special.sici, "x")
sinh_integral, cosh_integral = operations(special.shichi, "x")
rule(sine_integral, lambda g, _out, x: g * spherical_jn_of(x, n=0), broadcasts=True, cases=FEW)
rule(cosine_integral, lambda g, _out, x: g * (np.cos(x) / x), broadcasts=True, domain=AWAY, cases=FEW)
rule(sinh_integral, lambda g, _out, x: g * spherical_in_of(x, n=0), broadcasts=True, cases=FEW)
rule(cosh_integral, lambda g, _out, x: g * (np.cosh(x) / x), broadcasts=True, domain=AWAY, cases=FEW)

# Fresnel's integrals, and those of e^(i t^2) from x to infinity with what multiplies e^(i x^2) there, a function of
# Faddeeva's at 45 degrees
fresnel_s, fresnel_c = operations(special.fresnel, "x")
tail_plus, factor_plus = operations(special.modfresnelp, "x")
tail_minus, factor_minus = operations(special.modfresnelm, "x")
rule(fresnel_s, lambda g, _out, x: g * np.sin(np.pi / 2 * (x * x)), broadcasts=True, cases=FEW)
rule(fresnel_c, lambda g, _out, x: g * np.cos(np.pi / 2 * (x * x)), broadcasts=True, cases=FEW)
rule(tail_plus, lambda g, _out, x: -g * np.exp(1j * (x * x)), broadcasts=True, domain=AWAY, cases=FEW)
rule(tail_minus, lambda g, _out, x: -g * np.exp(-1j * (x * x)), broadcasts=True, domain=AWAY, cases=FEW)
rule(factor_plus, lambda g, _out, x: g * (TURN / 2 * faddeeva(TURN * x, n=1)), broadcasts=True, cases=FEW)
rule(
    factor_minus,
    lambda g, _out, x: g * np.conjugate(TURN / 2 * faddeeva(TURN * x, n=1)),
    broadcasts=True,
    cases=FEW,
)


# The dilogarithm
def spence_slope(z):
    """log(z) / (1 - z), smooth at z = 1."""
    near = np.abs(z - 1) < 0.5
    far = np.where(near, 2, z)
    return np.where(near, -log_ratio(np.where(near, z - 1, 0), n=0), np.log(far) / (1 - far))


rule(special.spence, lambda g, _out, a: g * spence_slope(a), domain=POSITIVE, cases=FEW)

# Integrals of Bessel's, Airy's and Struve's functions
integral_j0, integral_y0 = operations(special.itj0y0, "x")
integral_i0, integral_k0 = operations(special.iti0k0, "x")
of_j0, of_y0 = operations(special.it2j0y0, "x")
of_i0, of_k0 = operations(special.it2i0k0, "x")
rule(integral_j0, lambda g, _out, x: g * special.j0(x), broadcasts=True, domain=AWAY, cases=FEW)
rule(integral_y0, lambda g, _out, x: g * special.y0(x), broadcasts=True, domain=AWAY, cases=FEW)
rule(integral_i0, lambda g, _out, x: g * special.i0(x), broadcasts=True, domain=AWAY, cases=FEW)
rule(integral_k0, lambda g, _out, x: g * special.k0(x), broadcasts=True, domain=AWAY, cases=FEW)
rule(of_j0, lambda g, _out, x: g * ((1 - special.j0(x)) / x), broadcasts=True, domain=AWAY, cases=FEW)
rule(of_y0, lambda g, _out, x: -g * (special.y0(x) / x), broadcasts=True, domain=AWAY, cases=FEW)
rule(of_i0, lambda g, _out, x: g * ((special.i0(x) - 1) / x), broadcasts=True, domain=AWAY, cases=FEW)
rule(of_k0, lambda g, _out, x: -g * (special.k0(x) / x), broadcasts=True, domain=AWAY, cases=FEW)

integral_h0 = operations(special.itstruve0, "x")
of_h0 = operations(special.it2struve0, "x")
integral_l0 = operations(special.itmodstruve0, "x")
rule(integral_h0, lambda g, _out, x: g * struve_h(x, v=0), broadcasts=True, domain=AWAY, cases=FEW)
rule(of_h0, lambda g, _out, x: -g * (struve_h(x, v=0) / x), broadcasts=True, domain=AWAY, cases=FEW)
rule(integral_l0, lambda g, _out, x: g * struve_l(x, v=0), broadcasts=True, domain=AWAY, cases=FEW)

integral_ai, integral_bi, integral_ai_left, integral_bi_left = operations(special.itairy, "x")
rule(integral_ai, lambda g, _out, x: g * airy_a(x), broadcasts=True, cases=FEW)
rule(integral_bi, lambda g, _out, x: g * airy_b(x), broadcasts=True, cases=FEW)
rule(integral_ai_left, lambda g, _out, x: g * airy_a(-x), broadcasts=True, cases=FEW)
rule(integral_bi_left, lambda g, _out, x: g * airy_b(-x), broadcasts=True, cases=FEW)
