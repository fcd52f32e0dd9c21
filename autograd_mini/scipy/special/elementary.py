"""Derivatives of elementary functions: exponentials, angles in degrees, powers of Box and Cox, losses, entropies."""

import math
from typing import Any

import numpy as np
from scipy import special

from autograd_mini.batching import batching_rule
from autograd_mini.batching.operands import stack_wise
from autograd_mini.domains import POSITIVE, UNARY, Interval, case
from autograd_mini.primitive import primitive, rule
from autograd_mini.rules.elementwise import power_left, power_right
from autograd_mini.scipy.special.operations import operations, precisely

LN2, LN10, DEGREE = math.log(2), math.log(10), math.pi / 180
FEW = (case((3,)),)
PAIRS = (case((2, 1), (3,)),)

# Exponentials and logarithms
rule(special.exp2, lambda g, out, _a: g * (out * LN2), cases=FEW)
rule(special.exp10, lambda g, out, _a: g * (out * LN10), cases=FEW)
rule(special.expm1, lambda g, _out, a: g * np.exp(a), cases=FEW)
rule(special.log1p, lambda g, _out, a: g / (1 + a), domain=Interval(-1.0), cases=FEW)
rule(special.cbrt, lambda g, out, _a: g / (3 * out * out), domain=POSITIVE, cases=FEW)
rule(special.exprel, lambda g, _out, a: g * (special.hyp1f1(2, 3, a) / 2), cases=FEW)


# The logistic function
@primitive
def logistic_slope(a):
    """expit(a) * expit(-a), of which neither is rounded to 1, in the time of one exponential."""
    e = np.exp(-np.abs(a))
    e /= np.square(1 + e)
    return e


batching_rule(logistic_slope)(stack_wise(logistic_slope))
rule(logistic_slope, lambda g, out, a: g * (-out * np.tanh(a / 2)), cases=UNARY)
rule(special.expit, lambda g, _out, a: g * logistic_slope(a))
rule(special.log_expit, lambda g, _out, a: g * special.expit(-a))
rule(special.logit, lambda g, _out, a: g / (a * (1 - a)), domain=Interval(0, 1))

# Angles, exact in degrees
rule(special.sindg, lambda g, _out, a: g * (DEGREE * special.cosdg(a)), cases=FEW)
rule(special.cosdg, lambda g, _out, a: g * (-DEGREE * special.sindg(a)), cases=FEW)
rule(special.tandg, lambda g, out, _a: g * (DEGREE * (1 + out * out)), cases=FEW)
rule(special.cotdg, lambda g, _out, a: g * (-DEGREE / special.sindg(a) / special.sindg(a)), domain=POSITIVE, cases=FEW)
rule(special.cosm1, lambda g, _out, a: -g * np.sin(a), cases=FEW)
rule(
    special.radian,
    lambda g, _out, _a, _b, _c: g * DEGREE,
    lambda g, _out, _a, _b, _c: g * (DEGREE / 60),
    lambda g, _out, _a, _b, _c: g * (DEGREE / 3600),
)
rule(special.round, lambda g, _out, _a: np.zeros_like(g), kinks=lambda a: np.cos(np.pi * a), cases=FEW)


# Powers. The slopes by an exponent near 0 are those of two ratios that are smooth there: (e^z - 1)/z, which is
# `scipy.special.exprel`, and log(1 + w)/w.


@precisely
def log_ratio(w, n):
    """The integral of t^n / (1 + t w)^(n+1) over t in [0, 1]; that of n = 0 is log(1 + w)/w."""
    small = np.abs(w) < 0.5
    near, far = np.where(small, w, 0), np.where(small, 1, w)
    series, power = 0, np.ones_like(near)
    for k in range(64):
        series = series + special.binom(n + k, k) * power / (n + k + 1)
        power = power * -near
    value = special.log1p(far) / far
    for k in range(1, n + 1):
        value = (value - (1 + far) ** -k / k) / far
    return np.where(small, series, value)


def over_log(g, z, log):
    """The slope of (e^z - 1)/z, which is smooth at z = 0, times the square of a logarithm."""
    return g * (log * log * special.hyp1f1(2, 3, z) / 2)


rule(
    log_ratio,
    lambda g, _out, w, n: g * (-(n + 1) * log_ratio(w, n=n + 1)),
    broadcasts=True,
    domain=Interval(-1.0),
    cases=(case((3,), n=0), case((3,), n=2)),
)
rule(
    special.powm1,
    lambda g, _out, a, b: power_left(g, None, a, b),
    lambda g, _out, a, b: power_right(g, np.power(a, b), a, b),
    domain=(POSITIVE, Interval()),
    cases=PAIRS,
)
rule(
    special.boxcox,
    lambda g, _out, a, b: g * np.power(a, b - 1),
    lambda g, _out, a, b: over_log(g, b * np.log(a), np.log(a)),
    domain=(POSITIVE, Interval()),
    cases=PAIRS,
)
rule(
    special.boxcox1p,
    lambda g, _out, a, b: g * np.exp((b - 1) * np.log1p(a)),
    lambda g, _out, a, b: over_log(g, b * np.log1p(a), np.log1p(a)),
    domain=(Interval(-1.0), Interval()),
    cases=PAIRS,
)
rule(
    special.inv_boxcox,
    lambda g, out, a, b: g * (out / (1 + a * b)),
    lambda g, out, a, b: -g * (out * a * a * log_ratio(a * b, n=1)),
    domain=(Interval(0.0, 2.0), Interval(-0.5, 2.0)),
    cases=PAIRS,
)
rule(
    special.inv_boxcox1p,
    lambda g, out, a, b: g * ((1 + out) / (1 + a * b)),
    lambda g, out, a, b: -g * ((1 + out) * a * a * log_ratio(a * b, n=1)),
    domain=(Interval(0.0, 2.0), Interval(-0.5, 2.0)),
    cases=PAIRS,
)

tukey_lambda = operations(special.tklmbda, "x lmbda", "lmbda")
rule(
    tukey_lambda,
    lambda g, out, _x, lmbda: g / (np.power(out, lmbda - 1) + np.power(1 - out, lmbda - 1)),
    broadcasts=True,
    domain=Interval(-0.6, 0.6),
    cases=(case((3,), lmbda=0.5), case((3,), lmbda=np.array([[-0.5], [1.5]], np.float32))),
)


# Losses. With q = r / delta and u = sqrt(1 + q^2) the slopes of pseudo_huber are r / u and delta (u - 1)^2 / u; they
# are operations, because the terms of their own derivatives cancel far out.
@precisely
def pseudo_huber_slope(delta, r):
    """By r."""
    return r / np.hypot(1, r / delta)


@precisely
def pseudo_huber_by_delta(delta, r):
    """By delta."""
    return delta * np.square(excess(r / delta)) / np.hypot(1, r / delta)


def excess(q):
    """sqrt(1 + q^2) - 1."""
    return q * (q / (1 + np.hypot(1, q)))


def cubed(q):
    """(q / sqrt(1 + q^2))^3."""
    return (q / np.hypot(1, q)) ** 3


def curvature_by_delta(q):
    """-(u - 1)^2 (2 u + 1) / u^3."""
    u = np.hypot(1, q)
    return -np.square(excess(q) / u) * (2 + 1 / u)


DELTAS: dict[str, Any] = {"broadcasts": True, "domain": (POSITIVE, Interval()), "cases": PAIRS}
rule(
    pseudo_huber_slope,
    lambda g, _out, delta, r: g * cubed(r / delta),
    lambda g, _out, delta, r: g * np.hypot(1, r / delta) ** -3,
    **DELTAS,
)
rule(
    pseudo_huber_by_delta,
    lambda g, _out, delta, r: g * curvature_by_delta(r / delta),
    lambda g, _out, delta, r: g * cubed(r / delta),
    **DELTAS,
)
rule(
    special.huber,
    lambda g, _out, a, b: g * np.maximum(np.abs(b) - a, 0),
    lambda g, _out, a, b: g * np.clip(b, -a, a),
    domain=(POSITIVE, Interval()),
    kinks=lambda a, b: a - np.abs(b),
    cases=PAIRS,
)
rule(
    special.pseudo_huber,
    lambda g, _out, a, b: g * pseudo_huber_by_delta(a, b),
    lambda g, _out, a, b: g * pseudo_huber_slope(a, b),
    domain=(POSITIVE, Interval()),
    cases=PAIRS,
)


# Entropies. At x = 0 the value is 0 whatever y is, so the slope in y is 0 there, at y = 0 too.


def quotient(a, b):
    """a / b, and 0 / 0 = 0."""
    return a / np.where((a == 0) & (b == 0), 1, b)


def log_quotient(a, b):
    """log(a / b), which keeps its digits where a is about b; 0 where both are 0."""
    alike = np.abs(a - b) < 0.5 * b
    ratio = np.where(alike, a - b, 0) / np.where(alike, b, 1)
    return np.where(alike, np.log1p(ratio), np.log(np.where(alike, 1, quotient(a, b))))


rule(
    special.xlogy,
    lambda g, _out, _a, b: g * np.log(b),
    lambda g, _out, a, b: g * quotient(a, b),
    domain=(Interval(), POSITIVE),
)
rule(
    special.xlog1py,
    lambda g, _out, _a, b: g * np.log1p(b),
    lambda g, _out, a, b: g * quotient(a, 1 + b),
    domain=(Interval(), Interval(-1.0)),
)
rule(special.entr, lambda g, _out, a: -g * (np.log(a) + 1), domain=POSITIVE)
rule(
    special.rel_entr,
    lambda g, _out, a, b: g * (log_quotient(a, b) + 1),
    lambda g, _out, a, b: -g * quotient(a, b),
    domain=POSITIVE,
)
rule(
    special.kl_div,
    lambda g, _out, a, b: g * log_quotient(a, b),
    lambda g, _out, a, b: g * np.where((a == 0) & (b == 0), 1, quotient(b - a, b)),
    domain=POSITIVE,
)
