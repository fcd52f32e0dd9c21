"""Derivatives of `scipy.special`: tables by topic, and the functions there that are not universal functions.

Orders and shape parameters of Bessel functions and incomplete integrals are constants: a tensor that requires grad in
their place raises.
"""

import math
from inspect import Parameter, Signature
from typing import Any

import numpy as np
from scipy import special

from autograd_mini.domains import POSITIVE, UNARY, UNIT, Interval, case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.reductions import keep_axes

__all__ = ["log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax"]

Told = dict[str, Any]  # what rules of one kind tell of themselves alike

ROOT_PI, ROOT_2, ROOT_2_PI = math.sqrt(math.pi), math.sqrt(2), math.sqrt(2 * math.pi)
AWAY = Interval(0.4)  # positive, and away from a pole at 0


def options(values, **names):
    """Example calls on an array and on a single number, one for each value of the one option."""
    ((name, shapes),) = names.items()
    return tuple(case(shape, **{name: value}) for value in values for shape in shapes)


def constants_of(v):
    """Orders as their owner may not change them later: numbers, or a new array."""
    return np.stack(v) if isinstance(v, list | tuple) else +v


def with_shapes(function, *names):
    """`function(*shapes, x)` as an operation on x whose shape parameters are options of these names.

    It is what `function` does on tensors. The shapes get the real dtype of the result: next to a Python number some
    functions of SciPy compute in float64 otherwise.
    """

    @primitive
    def operation(x, **shapes):
        dtype = np.finfo(np.result_type(x, *shapes.values(), np.float32)).dtype
        return function(*(np.asarray(shapes[name], dtype) for name in names), x)

    @composite(function)
    def of_tensors(*args):
        return operation(args[-1], **{name: constants_of(v) for name, v in zip(names, args[:-1], strict=True)})

    operation.__name__ = function.__name__
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("x", *names)]
    operation.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return operation


# The error function and the normal distribution


def erfcx_slope(a):
    """2 a erfcx(a) - 2 / sqrt(pi), from its asymptotic series where the two terms cancel."""
    far = np.where(a > 10, a, 10)
    near = np.where(a > 10, 10, a)
    z = 0.5 / far / far
    series = 1 - 17 * z
    for odd in (15, 13, 11, 9, 7, 5, 3):
        series = 1 - odd * z * series
    return np.where(a > 10, -2 / ROOT_PI * z * series, 2 * near * special.erfcx(near) - 2 / ROOT_PI)


@primitive
def mills(x):
    """The normal density divided by its distribution function, which decays for large x and grows as -x."""
    return 2 / ROOT_2_PI / special.erfcx(x * (-1 / ROOT_2))


def mills_slope(out, a):
    """-out (a + out), whose two terms cancel for large negative a: they are the slope of erfcx there."""
    z = np.where(a > 0, 0, a) * (-1 / ROOT_2)
    left = out / ROOT_2 * erfcx_slope(z) / special.erfcx(z)
    return np.where(a > 0, -out * (np.where(a > 0, a, 0) + out), left)


rule(special.erf, lambda g, _out, a: g * (2 / ROOT_PI * np.exp(-a * a)))
rule(special.erfc, lambda g, _out, a: g * (-2 / ROOT_PI * np.exp(-a * a)))
rule(special.erfcx, lambda g, _out, a: g * erfcx_slope(a))
rule(special.erfinv, lambda g, out, _a: g * (ROOT_PI / 2 * np.exp(out * out)), domain=UNIT)
rule(special.erfcinv, lambda g, out, _a: g * (-ROOT_PI / 2 * np.exp(out * out)), domain=Interval(0, 2))
rule(special.ndtr, lambda g, _out, a: g * (1 / ROOT_2_PI * np.exp(-0.5 * a * a)))
rule(special.log_ndtr, lambda g, _out, a: g * mills(a))
rule(mills, lambda g, out, a: g * mills_slope(out, a), cases=UNARY)
rule(special.ndtri, lambda g, out, _a: g * (ROOT_2_PI * np.exp(0.5 * out * out)), domain=Interval(0, 1))


# The logistic function
@primitive
def logistic_slope(a):
    """expit(a) * expit(-a), of which neither is rounded to 1, in the time of one exponential."""
    e = np.exp(-np.abs(a))
    e /= np.square(1 + e)
    return e


rule(logistic_slope, lambda g, out, a: g * (-out * np.tanh(a / 2)), cases=UNARY)
rule(special.expit, lambda g, _out, a: g * logistic_slope(a))
rule(special.log_expit, lambda g, _out, a: g * special.expit(-a))
rule(special.logit, lambda g, _out, a: g / (a * (1 - a)), domain=Interval(0, 1))

# The gamma function and its family


@primitive
def polygamma_of(x, n):
    """`scipy.special.polygamma(n, x)` in the dtype of x."""
    return special.polygamma(n, x).astype(np.result_type(x, np.float32))


def polygamma(n, x):
    """`scipy.special.polygamma`, the n-th derivative of digamma, differentiable in x."""
    return polygamma_of(x, n=constants_of(n))


def rgamma_slope(a):
    """The slope of 1/gamma; left of 1/2 by reflection, because digamma has poles where it has none."""
    right = np.where(a > 0.5, a, 1)
    left = np.where(a > 0.5, 0.5, a)
    angle = np.pi * left
    reflected = special.gamma(1 - left) * (np.cos(angle) - np.sin(angle) * special.digamma(1 - left) / np.pi)
    return np.where(a > 0.5, -special.digamma(right) * special.rgamma(right), reflected)


rule(special.gamma, lambda g, out, a: g * (out * special.digamma(a)), domain=AWAY)
rule(special.gammaln, lambda g, _out, a: g * special.digamma(a), domain=POSITIVE)
rule(special.loggamma, lambda g, _out, a: g * special.digamma(a), domain=POSITIVE)
rule(special.rgamma, lambda g, _out, a: g * rgamma_slope(a))
rule(special.digamma, lambda g, _out, a: g * polygamma_of(a, n=1), domain=AWAY)
rule(
    polygamma_of,
    lambda g, _out, x, n: g * polygamma_of(x, n=n + 1),
    broadcasts=True,
    domain=AWAY,
    cases=options((0, 1, 3, np.array([[1], [2]])), n=[(3,)]),
)
rule(
    special.beta,
    lambda g, out, a, b: g * (out * (special.digamma(a) - special.digamma(a + b))),
    lambda g, out, a, b: g * (out * (special.digamma(b) - special.digamma(a + b))),
    domain=AWAY,
)
rule(
    special.betaln,
    lambda g, _out, a, b: g * (special.digamma(a) - special.digamma(a + b)),
    lambda g, _out, a, b: g * (special.digamma(b) - special.digamma(a + b)),
    domain=AWAY,
)
constant(special.gammasgn)


def multigammaln(a, d):
    """`scipy.special.multigammaln`, the logarithm of the multivariate gamma function, differentiable in a."""
    if d != int(d) or d < 1:
        raise ValueError(f"multigammaln was given the dimension d = {d}. Write a whole number of at least 1.")
    total = d * (d - 1) / 4 * math.log(math.pi)
    for j in range(int(d)):
        total = special.gammaln(a - j / 2) + total
    return total


# Incomplete integrals: the slope is a density, and the slope of a density is a difference of densities, which is exact
# at the ends of the support too.


@primitive
def gamma_density(x, a):
    """x^(a-1) e^-x / gamma(a); 0 where gamma(a) has a pole."""
    dtype, a = np.result_type(x, a, np.float16), np.asarray(a, float)
    pole = np.isinf(special.gammaln(a))
    logs = special.xlogy(np.where(pole, 1, a - 1), x) - x - np.where(pole, 0, special.gammaln(a))
    density = np.where(pole, 0, special.gammasgn(np.where(pole, 1, a)) * np.exp(logs))
    return density.astype(dtype)


@primitive
def beta_density(x, a, b):
    """x^(a-1) (1-x)^(b-1) / beta(a, b); 0 where beta(a, b) has a pole."""
    dtype, a, b = np.result_type(x, a, b, np.float16), np.asarray(a, float), np.asarray(b, float)
    pole = np.isinf(special.betaln(a, b))
    a_, b_ = np.where(pole, 1, a), np.where(pole, 1, b)
    logs = special.xlogy(a_ - 1, x) + special.xlog1py(b_ - 1, -x) - special.betaln(a_, b_)
    sign = special.gammasgn(a_) * special.gammasgn(b_) * special.gammasgn(a_ + b_)
    return np.where(pole, 0, sign * np.exp(logs)).astype(dtype)


@primitive
def t_density(x, df):
    """Student's density."""
    dtype, df = np.result_type(x, df, np.float16), np.asarray(df, float)
    logs = special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - (df + 1) / 2 * np.log1p(x * x / df)
    return (np.exp(logs) / np.sqrt(df * np.pi)).astype(dtype)


lower_gamma, upper_gamma = with_shapes(special.gammainc, "a"), with_shapes(special.gammaincc, "a")
lower_beta, upper_beta = with_shapes(special.betainc, "a", "b"), with_shapes(special.betaincc, "a", "b")
student = with_shapes(special.stdtr, "df")

GAMMA: Told = {
    "broadcasts": True,
    "domain": AWAY,
    "cases": options((1, 2.5, np.array([[0.5], [3]], np.float32)), a=[(3,), (2, 3)]),
}
BETA: Told = {
    "broadcasts": True,
    "domain": Interval(0, 1),
    "cases": (case((3,), a=1, b=2.5), case((2, 3), a=2.5, b=1), case((3,), a=np.array([[0.5], [3]], np.float32), b=2)),
}
STUDENT: Told = {
    "broadcasts": True,
    "cases": options((1, 2.5, np.array([[0.5], [30]], np.float32)), df=[(3,), (2, 3)]),
}

rule(gamma_density, lambda g, _out, x, a: g * (gamma_density(x, a=a - 1) - gamma_density(x, a=a)), **GAMMA)
rule(lower_gamma, lambda g, _out, x, a: g * gamma_density(x, a=a), **GAMMA)
rule(upper_gamma, lambda g, _out, x, a: -g * gamma_density(x, a=a), **GAMMA)
rule(
    beta_density,
    lambda g, _out, x, a, b: g * ((a + b - 1) * (beta_density(x, a=a - 1, b=b) - beta_density(x, a=a, b=b - 1))),
    **BETA,
)
rule(lower_beta, lambda g, _out, x, a, b: g * beta_density(x, a=a, b=b), **BETA)
rule(upper_beta, lambda g, _out, x, a, b: -g * beta_density(x, a=a, b=b), **BETA)
rule(t_density, lambda g, out, x, df: g * (-(df + 1) * x / (df + x * x) * out), **STUDENT)
rule(student, lambda g, _out, x, df: g * t_density(x, df=df), **STUDENT)


# Bessel functions, with the order an option of our own functions and a constant


bessel_j, bessel_y = with_shapes(special.jv, "v"), with_shapes(special.yv, "v")  # special.jn is special.jv
bessel_i, bessel_k = with_shapes(special.iv, "v"), with_shapes(special.kv, "v")
bessel_ie, bessel_ke = with_shapes(special.ive, "v"), with_shapes(special.kve, "v")  # scaled by e^-|x|, by e^x
bessel_yn, bessel_kn = with_shapes(special.yn, "n"), with_shapes(special.kn, "n")

BESSEL: Told = {
    "broadcasts": True,
    "domain": AWAY,
    "cases": options((0, 1, 2.5, -0.5, np.array([[0], [1.5]], np.float32)), v=[(3,)]),
}
WHOLE = BESSEL | {"cases": options((0, 1, 3), n=[(3,), (2, 3)])}

rule(special.j0, lambda g, _out, a: -g * special.j1(a))
rule(special.j1, lambda g, _out, a: g * ((special.j0(a) - bessel_j(a, v=2)) / 2))
rule(special.y0, lambda g, _out, a: -g * special.y1(a), domain=AWAY)
rule(special.y1, lambda g, out, a: g * (special.y0(a) - out / a), domain=AWAY)
rule(special.i0, lambda g, _out, a: g * special.i1(a))
rule(special.i1, lambda g, _out, a: g * ((special.i0(a) + bessel_i(a, v=2)) / 2))
rule(special.k0, lambda g, _out, a: -g * special.k1(a), domain=AWAY)
rule(special.k1, lambda g, _out, a: -g * ((special.k0(a) + bessel_k(a, v=2)) / 2), domain=AWAY)
rule(special.i0e, lambda g, out, a: g * (special.i1e(a) - np.sign(a) * out), kinks=lambda a: a)
rule(
    special.i1e,
    lambda g, out, a: g * ((special.i0e(a) + bessel_ie(a, v=2)) / 2 - np.sign(a) * out),
    kinks=lambda a: a,
)
rule(special.k0e, lambda g, out, a: g * (out - special.k1e(a)), domain=AWAY)
rule(special.k1e, lambda g, out, a: g * (out - (special.k0e(a) + bessel_ke(a, v=2)) / 2), domain=AWAY)
rule(bessel_j, lambda g, _out, x, v: g * ((bessel_j(x, v=v - 1) - bessel_j(x, v=v + 1)) / 2), **BESSEL)
rule(bessel_y, lambda g, _out, x, v: g * ((bessel_y(x, v=v - 1) - bessel_y(x, v=v + 1)) / 2), **BESSEL)
rule(bessel_i, lambda g, _out, x, v: g * ((bessel_i(x, v=v - 1) + bessel_i(x, v=v + 1)) / 2), **BESSEL)
rule(bessel_k, lambda g, _out, x, v: -g * ((bessel_k(x, v=v - 1) + bessel_k(x, v=v + 1)) / 2), **BESSEL)
rule(
    bessel_ie,
    lambda g, out, x, v: g * ((bessel_ie(x, v=v - 1) + bessel_ie(x, v=v + 1)) / 2 - np.sign(x) * out),
    **BESSEL,
)
rule(bessel_ke, lambda g, out, x, v: g * (out - (bessel_ke(x, v=v - 1) + bessel_ke(x, v=v + 1)) / 2), **BESSEL)
rule(bessel_yn, lambda g, _out, x, n: g * ((bessel_y(x, v=n - 1) - bessel_y(x, v=n + 1)) / 2), **WHOLE)
rule(bessel_kn, lambda g, _out, x, n: -g * ((bessel_k(x, v=n - 1) + bessel_k(x, v=n + 1)) / 2), **WHOLE)


# Entropies. At x = 0 the value is 0 whatever y is, so the slope in y is 0 there, at y = 0 too.


def quotient(a, b):
    """a / b, and 0 / 0 = 0."""
    return a / np.where((a == 0) & (b == 0), 1, b)


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
    lambda g, _out, a, b: g * (np.log(quotient(a, b)) + 1),
    lambda g, _out, a, b: -g * quotient(a, b),
    domain=POSITIVE,
)
rule(
    special.kl_div,
    lambda g, _out, a, b: g * np.log(quotient(a, b)),
    lambda g, _out, a, b: g * (1 - quotient(a, b)),
    domain=POSITIVE,
)

# Sums of exponentials


@primitive
def share(a, total):
    """e^(a - total), where total is the logarithm of a sum; terms that are all equally infinite share alike."""
    with np.errstate(invalid="ignore"):
        part = np.exp(a - total)
    if not np.all(np.isfinite(total)):
        ties = np.equal(a, total)
        axes = tuple(i for i, n in enumerate(np.shape(a)) if i >= np.ndim(total) or np.shape(total)[i] != n)
        part = np.where(np.isinf(total), ties / np.maximum(np.sum(ties, axis=axes, keepdims=True), 1), part)
    return part.astype(np.result_type(a, total), copy=False)


@primitive
def log_sum_exp(a, axis=None, keepdims=False):
    """`scipy.special.logsumexp` without weights."""
    return special.logsumexp(a, axis=axis, keepdims=keepdims)


@primitive
def softmax(x, axis=None):
    """`scipy.special.softmax`."""
    return special.softmax(x, axis=axis)


@primitive
def log_softmax(x, axis=None):
    """`scipy.special.log_softmax`."""
    return special.log_softmax(x, axis=axis)


@primitive
def peak(a, b, axis):
    """The largest finite term of those with a weight, by which a sum of exponentials is scaled; it cancels."""
    top = np.max(np.where(np.equal(b, 0), -np.inf, a), axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0).astype(np.result_type(a, np.float16))


constant(peak)


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """`scipy.special.logsumexp`, log(sum(b e^a)) without overflow, differentiable in a and in the weights b."""
    if b is None and not return_sign:
        return log_sum_exp(a, axis=axis, keepdims=keepdims)
    top = peak(a, 1 if b is None else b, axis=axis)
    terms = np.exp(np.subtract(a, top))
    total = np.sum(terms if b is None else np.multiply(b, terms), axis=axis, keepdims=True)
    result = np.log(np.absolute(total) if return_sign else total) + top
    shape = total.shape if keepdims else np.sum(total, axis=axis).shape if axis is not None else ()
    result = np.reshape(result, shape)
    return (result, np.reshape(np.sign(total), shape)) if return_sign else result


MATRICES = (case((3, 4)), case((3, 4), axis=0), case((2, 3, 4), axis=(0, -1)), case((4,), axis=-1))

rule(
    share,
    lambda g, out, _a, _total: g * out,
    lambda g, out, _a, _total: -g * out,
    broadcasts=True,
)
rule(
    log_sum_exp,
    lambda g, out, a, axis=None, keepdims=False: (  # noqa: ARG005 (a rule names all options)
        keep_axes(g, a, axis) * share(a, keep_axes(out, a, axis))
    ),
    cases=(*MATRICES, case((3, 4), axis=1, keepdims=True), case((3, 4), keepdims=True), case(())),
)
rule(
    softmax,
    lambda g, out, _x, axis=None: out * (g - np.sum(g * out, axis=axis, keepdims=True)),
    cases=MATRICES,
)
rule(
    log_softmax,
    lambda g, out, _x, axis=None: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True),
    cases=MATRICES,
)
