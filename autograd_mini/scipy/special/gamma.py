"""Derivatives of the gamma function and its family: its logarithm, binom, poch, beta, polygamma, zeta."""

import math

import numpy as np
from scipy import special

from autograd_mini.batching import batching_rule
from autograd_mini.batching.operands import aligned_wise
from autograd_mini.domains import POSITIVE, Interval, case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.scipy.special.operations import as_precise, constants_of, double, precisely

AWAY = Interval(0.4)  # positive, and away from a pole at 0
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # B_2, B_4, ...
COMPLEX_POLYGAMMA = (
    "A second derivative of a gamma function of complex numbers was asked for, which takes `scipy.special.polygamma`, "
    "and SciPy has that for real numbers only. Take first derivatives, or pass real numbers."
)
LARGE = 12.0  # from where the eight terms with these are exact


@primitive
def polygamma_of(x, n):
    """`scipy.special.polygamma(n, x)` in the dtype of x."""
    if np.iscomplexobj(x):
        raise TypeError(COMPLEX_POLYGAMMA)
    return as_precise(special.polygamma(n, double(x)), x)


batching_rule(polygamma_of)(aligned_wise(polygamma_of))


def polygamma(n, x):
    r"""`scipy.special.polygamma`, the n-th derivative of digamma, :math:`\psi^{(n)}(x)`, differentiable in x.

    Parameters
    ----------
    n : int or array_like of int
        The order, a constant.
    x : array_like or Tensor
        Real.

    Returns
    -------
    ndarray or Tensor
        Of the shape that n and x broadcast to; float32 stays float32.

    Raises
    ------
    TypeError
        If x is complex, or n is a tensor that requires grad.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import special
    >>> slope = grad(lambda x: special.polygamma(0, x))(1.0)
    >>> round(float(slope), 4), round(float(special.polygamma(1, 1.0)), 4)
    (1.6449, 1.6449)
    """
    return polygamma_of(x, n=constants_of(n, x))


@precisely
def polygamma_step(a, b, n):
    """polygamma(n, a + b) - polygamma(n, a), whose digits do not cancel for positive a and a + b, however near."""
    positive = (a > 0) & (a + b > 0)
    x, step = np.where(positive, a, 1), np.where(positive, b, 0)
    total, sign = 0, (-1) ** (n + 1) * math.factorial(n)
    for k in range(int(LARGE)):  # up by the recurrence, to where the series is exact
        total = total + sign * step_of_power(x + k, step, n + 1)
    x = x + LARGE
    if n == 0:
        total = total + np.log1p(step / x)
    sign = (-1) ** (n + 1)
    terms = [(n, float(math.factorial(n - 1)))] if n else []
    terms += [(n + 1, math.factorial(n) / 2)]
    terms += [
        (2 * k + n, b * math.factorial(2 * k + n - 1) / math.factorial(2 * k)) for k, b in enumerate(BERNOULLI, 1)
    ]
    for power, factor in terms:
        total = total + sign * factor * step_of_power(x, step, power)
    rest = special.polygamma(n, np.where(positive, 1, a + b)) - special.polygamma(n, np.where(positive, 1, a))
    return np.where(positive, total, rest)


def step_of_power(x, step, n):
    """(x + step)^-n - x^-n."""
    return x**-n * np.expm1(-n * np.log1p(step / x))


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
    cases=(case((3,), n=0), case((3,), n=3), case((3,), n=np.array([[1], [2]], np.float32))),
)
rule(
    polygamma_step,
    lambda g, _out, a, b, n: g * polygamma_step(a, b, n=n + 1),
    lambda g, _out, a, b, n: g * polygamma_of(a + b, n=n + 1),
    broadcasts=True,
    domain=AWAY,
    cases=(case((3,), (2, 1), n=0), case((3,), (3,), n=2)),
)
constant(special.gammasgn)

# Quotients of gamma functions: the slopes are differences of digamma, which must not cancel.
PAIRS = (case((2, 1), (3,)),)
rule(
    special.beta,
    lambda g, out, a, b: -g * (out * polygamma_step(a, b, n=0)),
    lambda g, out, a, b: -g * (out * polygamma_step(b, a, n=0)),
    domain=AWAY,
    cases=PAIRS,
)
rule(
    special.betaln,
    lambda g, _out, a, b: -g * polygamma_step(a, b, n=0),
    lambda g, _out, a, b: -g * polygamma_step(b, a, n=0),
    domain=AWAY,
    cases=PAIRS,
)
rule(
    special.poch,
    lambda g, out, a, b: g * (out * polygamma_step(a, b, n=0)),
    lambda g, out, a, b: g * (out * special.digamma(a + b)),
    domain=AWAY,
    cases=PAIRS,
)


def binom_digamma(out, n, k):
    """binom(n, k) digamma(n - k + 1), also where the second has a pole and the first a zero."""
    z = n - k + 1
    left = z < 0.5
    reflected = np.where(left, 1 - z, 1)
    n, k = np.where(left, n, 0), np.where(left, k, 0)
    logs = special.gammaln(n + 1) - special.gammaln(k + 1) + special.gammaln(reflected)
    scale = special.gammasgn(n + 1) * special.gammasgn(k + 1) * np.exp(logs)
    angle = np.pi * np.where(left, z, 0)
    at_pole = scale * (np.sin(angle) / np.pi * special.digamma(reflected) - np.cos(angle))
    return np.where(left, at_pole, out * special.digamma(np.where(left, 1, z)))


def binom_by_n(out, n, k):
    """binom(n, k) (digamma(n + 1) - digamma(n - k + 1))."""
    inside = n - k > -0.5
    step = polygamma_step(np.where(inside, n - k + 1, 1), np.where(inside, k, 1), n=0)
    return np.where(inside, out * step, out * special.digamma(n + 1) - binom_digamma(out, n, k))


def binom_by_k(out, n, k):
    """binom(n, k) (digamma(n - k + 1) - digamma(k + 1)), whose terms change places with k and n - k."""
    inside = (n - k > -0.5) & (k > -0.5)
    step = polygamma_step(np.where(inside, k + 1, 1), np.where(inside, n - 2 * k, 0), n=0)
    return np.where(inside, out * step, binom_digamma(out, n, k) - binom_digamma(out, n, n - k))


rule(
    special.binom,
    lambda g, out, a, b: g * binom_by_n(out, a, b),
    lambda g, out, a, b: g * binom_by_k(out, a, b),
    domain=(POSITIVE, Interval(-2.0, 6.0)),
    cases=PAIRS,
)


def multigammaln(a, d):
    r"""`scipy.special.multigammaln`, the logarithm of the multivariate gamma function, differentiable in a.

    .. math::
        \log\Gamma_d(a) = \tfrac14 d(d-1)\log\pi + \sum_{j=0}^{d-1} \log\Gamma(a - j/2)

    Parameters
    ----------
    a : array_like or Tensor
        Above (d - 1) / 2.
    d : int
        The dimension, a constant.

    Returns
    -------
    ndarray or Tensor
        Of the shape of a; float32 stays float32.

    Raises
    ------
    ValueError
        If d is no positive whole number.

    Examples
    --------
    >>> from autograd_mini.scipy import special
    >>> round(float(special.multigammaln(2.0, 2)), 4)
    0.4516
    """
    if d != int(d) or d < 1:
        raise ValueError(f"multigammaln was given the dimension d = {d}. Write a whole number of at least 1.")
    total = d * (d - 1) / 4 * math.log(math.pi)
    for j in range(int(d)):
        total = special.gammaln(np.subtract(a, j / 2)) + total
    return total


@precisely
def hurwitz(q, x):
    """`scipy.special.zeta(x, q)`."""
    return special.zeta(x, q)


rule(
    hurwitz,
    lambda g, _out, q, x: -g * (x * hurwitz(q, x=x + 1)),
    broadcasts=True,
    domain=AWAY,
    cases=(case((3,), x=2.5), case((3,), x=np.array([[2], [3]], np.float32))),
)


def zeta(x, q=1):
    r"""`scipy.special.zeta`, :math:`\sum_{k \ge 0} (k + q)^{-x}`, differentiable in q.

    Parameters
    ----------
    x : array_like
        Above 1, a constant.
    q : array_like or Tensor
        By default 1, which is Riemann's function.

    Returns
    -------
    ndarray or Tensor
        Of the shape that x and q broadcast to; float32 stays float32.

    Raises
    ------
    TypeError
        If x is a tensor that requires grad.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import special
    >>> round(float(grad(lambda q: special.zeta(2.0, q))(1.0)), 4)  # -2 zeta(3)
    -2.4041
    """
    return hurwitz(q, x=constants_of(x, q))


if hasattr(special._ufuncs, "_zeta"):  # what `scipy.special.zeta` calls
    composite(special._ufuncs._zeta)(zeta)
