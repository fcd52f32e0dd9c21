"""Derivatives of incomplete gamma and beta functions, and of the distribution functions and quantiles made of them.

They have a derivative by their continuous argument, and shape parameters and counts are constants. The slope is a
density, and the slope of a density is a difference of densities, which is exact at the ends of the support too.
"""

import math

import numpy as np
from scipy import special

from autograd_mini.domains import POSITIVE, Interval, case
from autograd_mini.primitive import composite, rule
from autograd_mini.scipy.special.operations import calls, operations, precisely

AWAY, UNIT = Interval(0.4), Interval(0.0, 1.0)


@precisely
def gamma_density(x, a):
    """x^(a-1) e^-x / gamma(a); 0 where gamma(a) has a pole."""
    pole = np.isinf(special.gammaln(a))
    logs = special.xlogy(np.where(pole, 1, a - 1), x) - x - np.where(pole, 0, special.gammaln(a))
    return np.where(pole, 0, special.gammasgn(np.where(pole, 1, a)) * np.exp(logs))


def of_beta(log_power, a, b):
    """e^log_power / beta(a, b); 0 where beta(a, b) has a pole."""
    pole = np.isinf(special.betaln(a, b))
    a, b = np.where(pole, 1, a), np.where(pole, 1, b)
    sign = special.gammasgn(a) * special.gammasgn(b) * special.gammasgn(a + b)
    return np.where(pole, 0, sign * np.exp(np.where(pole, 0, log_power) - special.betaln(a, b)))


@precisely
def beta_density(x, a, b):
    """x^(a-1) (1-x)^(b-1) / beta(a, b); 0 where beta(a, b) has a pole."""
    pole = np.isinf(special.betaln(a, b))
    a_, b_ = np.where(pole, 1, a), np.where(pole, 1, b)
    return of_beta(special.xlogy(a_ - 1, x) + special.xlog1py(b_ - 1, -x), a, b)


@precisely
def beta_prime_density(x, a, b):
    """x^(a-1) (1+x)^-(a+b) / beta(a, b); 0 where beta(a, b) has a pole."""
    pole = np.isinf(special.betaln(a, b))
    return of_beta(special.xlogy(np.where(pole, 0, a - 1), x) - (a + b) * np.log1p(x), a, b)


@precisely
def t_density(x, df):
    """Student's density."""
    logs = special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - (df + 1) / 2 * np.log1p(x * x / df)
    return np.exp(logs) / np.sqrt(df * np.pi)


@precisely
def chi2_density(x, nc, df):
    """The density of the noncentral chi squared distribution, from a scaled Bessel function."""
    root = np.sqrt(x * nc)
    scaled = np.exp(-0.5 * np.square(np.sqrt(x) - np.sqrt(nc))) * special.ive(df / 2 - 1, root)
    return 0.5 * scaled * np.power(x / nc, df / 4 - 0.5)


SHAPES = (case((3,), a=1), case((2, 3), a=np.array([[0.5], [3]], np.float32)))
TWO_SHAPES = (case((3,), a=1, b=2.5), case((2, 3), a=np.array([[0.5], [3]], np.float32), b=2))
rule(
    gamma_density,
    lambda g, _out, x, a: g * (gamma_density(x, a=a - 1) - gamma_density(x, a=a)),
    broadcasts=True,
    domain=AWAY,
    cases=SHAPES,
)
rule(
    beta_density,
    lambda g, _out, x, a, b: g * ((a + b - 1) * (beta_density(x, a=a - 1, b=b) - beta_density(x, a=a, b=b - 1))),
    broadcasts=True,
    domain=UNIT,
    cases=TWO_SHAPES,
)
rule(
    beta_prime_density,
    lambda g, _out, x, a, b: g * (b * (beta_prime_density(x, a=a - 1, b=b + 1) - beta_prime_density(x, a=a, b=b + 1))),
    broadcasts=True,
    domain=AWAY,
    cases=TWO_SHAPES,
)
rule(
    t_density,
    lambda g, out, x, df: g * (-(df + 1) * x / (df + x * x) * out),
    broadcasts=True,
    cases=(case((2, 3), df=np.array([[0.5], [30]], np.float32)),),
)
rule(
    chi2_density,
    lambda g, _out, x, nc, df: g * ((chi2_density(x, nc, df=df - 2) - chi2_density(x, nc, df=df)) / 2),
    lambda g, _out, x, nc, df: g * ((chi2_density(x, nc, df=df + 2) - chi2_density(x, nc, df=df)) / 2),
    broadcasts=True,
    domain=AWAY,
    cases=(case((3,), (3,), df=3),),
)

# Incomplete gamma functions: of the gamma, chi squared and Poisson distributions
gammainc = operations(special.gammainc, "a x", "a")
gammaincc = operations(special.gammaincc, "a x", "a")
gammaincinv = operations(special.gammaincinv, "a y", "a")
gammainccinv = operations(special.gammainccinv, "a y", "a")
chdtr = operations(special.chdtr, "v x", "v")
chdtrc = operations(special.chdtrc, "v x", "v")
chdtri = operations(special.chdtri, "v p", "v")
pdtr = operations(special.pdtr, "k m", "k")
pdtrc = operations(special.pdtrc, "k m", "k")
pdtri = operations(special.pdtri, "k y", "k")
rule(gammainc, lambda g, _out, x, a: g * gamma_density(x, a=a), broadcasts=True, domain=AWAY, cases=SHAPES)
rule(gammaincc, lambda g, _out, x, a: -g * gamma_density(x, a=a), broadcasts=True, domain=AWAY, cases=SHAPES)
rule(gammaincinv, lambda g, out, _y, a: g / gamma_density(out, a=a), broadcasts=True, domain=UNIT, cases=SHAPES)
rule(gammainccinv, lambda g, out, _y, a: -g / gamma_density(out, a=a), broadcasts=True, domain=UNIT, cases=SHAPES)

FREEDOM = calls((3,), v=[2.5, np.array([[1.0], [30.0]], np.float32)])
COUNT = calls((3,), k=[2])
rule(chdtr, lambda g, _out, x, v: g * (gamma_density(x / 2, a=v / 2) / 2), broadcasts=True, domain=AWAY, cases=FREEDOM)
rule(
    chdtrc, lambda g, _out, x, v: -g * (gamma_density(x / 2, a=v / 2) / 2), broadcasts=True, domain=AWAY, cases=FREEDOM
)
rule(
    chdtri,
    lambda g, out, _p, v: g / (gamma_density(out / 2, a=v / 2) / -2),
    broadcasts=True,
    domain=UNIT,
    cases=FREEDOM,
)
rule(pdtr, lambda g, _out, m, k: -g * gamma_density(m, a=k // 1 + 1), broadcasts=True, domain=AWAY, cases=COUNT)
rule(pdtrc, lambda g, _out, m, k: g * gamma_density(m, a=k // 1 + 1), broadcasts=True, domain=AWAY, cases=COUNT)
rule(pdtri, lambda g, out, _y, k: -g / gamma_density(out, a=k // 1 + 1), broadcasts=True, domain=UNIT, cases=COUNT)

# The gamma distribution, with a rate a, which has a derivative, and a shape b
gdtr = operations(special.gdtr, "a b x", "b")
gdtrc = operations(special.gdtrc, "a b x", "b")
SHAPE = calls((3,), (2, 1), b=[2.5])
rule(
    gdtr,
    lambda g, _out, a, x, b: g * (x * gamma_density(a * x, a=b)),
    lambda g, _out, a, x, b: g * (a * gamma_density(a * x, a=b)),
    broadcasts=True,
    domain=AWAY,
    cases=SHAPE,
)
rule(
    gdtrc,
    lambda g, _out, a, x, b: -g * (x * gamma_density(a * x, a=b)),
    lambda g, _out, a, x, b: -g * (a * gamma_density(a * x, a=b)),
    broadcasts=True,
    domain=AWAY,
    cases=SHAPE,
)


@composite(special.gdtrix)
def _gdtrix(a, b, p):
    return special.gammaincinv(b, p) / a


@composite(special.gdtria)
def _gdtria(p, b, x):
    return special.gammaincinv(b, p) / x


# Incomplete beta functions: of the beta, F, Student's, binomial and negative binomial distributions
betainc = operations(special.betainc, "a b x", "a b")
betaincc = operations(special.betaincc, "a b x", "a b")
betaincinv = operations(special.betaincinv, "a b y", "a b")
betainccinv = operations(special.betainccinv, "a b y", "a b")
rule(betainc, lambda g, _out, x, a, b: g * beta_density(x, a=a, b=b), broadcasts=True, domain=UNIT, cases=TWO_SHAPES)
rule(betaincc, lambda g, _out, x, a, b: -g * beta_density(x, a=a, b=b), broadcasts=True, domain=UNIT, cases=TWO_SHAPES)
rule(
    betaincinv, lambda g, out, _y, a, b: g / beta_density(out, a=a, b=b), broadcasts=True, domain=UNIT, cases=TWO_SHAPES
)
rule(
    betainccinv,
    lambda g, out, _y, a, b: -g / beta_density(out, a=a, b=b),
    broadcasts=True,
    domain=UNIT,
    cases=TWO_SHAPES,
)


def f_density(x, m, n):
    """The density of the F distribution."""
    return m / n * beta_prime_density(m / n * x, a=m / 2, b=n / 2)


fdtr = operations(special.fdtr, "dfn dfd x", "dfn dfd")
fdtrc = operations(special.fdtrc, "dfn dfd x", "dfn dfd")
fdtri = operations(special.fdtri, "dfn dfd p", "dfn dfd")
FREEDOMS = calls((3,), dfn=[2, 3.5], dfd=[5.5, 4])
rule(fdtr, lambda g, _out, x, dfn, dfd: g * f_density(x, dfn, dfd), broadcasts=True, domain=AWAY, cases=FREEDOMS)
rule(fdtrc, lambda g, _out, x, dfn, dfd: -g * f_density(x, dfn, dfd), broadcasts=True, domain=AWAY, cases=FREEDOMS)
rule(fdtri, lambda g, out, _p, dfn, dfd: g / f_density(out, dfn, dfd), broadcasts=True, domain=UNIT, cases=FREEDOMS)

stdtr = operations(special.stdtr, "df t", "df")
stdtrit = operations(special.stdtrit, "df p", "df")
STUDENT = calls((3,), df=[1, np.array([[0.5], [30]], np.float32)])
rule(stdtr, lambda g, _out, t, df: g * t_density(t, df=df), broadcasts=True, cases=STUDENT)
rule(
    stdtrit, lambda g, out, _p, df: g / t_density(out, df=df), broadcasts=True, domain=UNIT, cases=calls((3,), df=[2.5])
)


def binomial_density(p, k, n):
    """The slope of the probability of more than k of n."""
    return beta_density(p, a=k // 1 + 1, b=n - k // 1)


bdtr = operations(special.bdtr, "k n p", "k n")
bdtrc = operations(special.bdtrc, "k n p", "k n")
bdtri = operations(special.bdtri, "k n y", "k n")
nbdtr = operations(special.nbdtr, "k n p", "k n")
nbdtrc = operations(special.nbdtrc, "k n p", "k n")
nbdtri = operations(special.nbdtri, "k n y", "k n")
COUNTS = calls((3,), k=[2], n=[5])
rule(bdtr, lambda g, _out, p, k, n: -g * binomial_density(p, k, n), broadcasts=True, domain=UNIT, cases=COUNTS)
rule(bdtrc, lambda g, _out, p, k, n: g * binomial_density(p, k, n), broadcasts=True, domain=UNIT, cases=COUNTS)
rule(bdtri, lambda g, out, _y, k, n: -g / binomial_density(out, k, n), broadcasts=True, domain=UNIT, cases=COUNTS)
rule(
    nbdtr,
    lambda g, _out, p, k, n: g * beta_density(p, a=n // 1, b=k // 1 + 1),
    broadcasts=True,
    domain=UNIT,
    cases=COUNTS,
)
rule(
    nbdtrc,
    lambda g, _out, p, k, n: -g * beta_density(p, a=n // 1, b=k // 1 + 1),
    broadcasts=True,
    domain=UNIT,
    cases=COUNTS,
)
rule(
    nbdtri,
    lambda g, out, _y, k, n: g / beta_density(out, a=n // 1, b=k // 1 + 1),
    broadcasts=True,
    domain=UNIT,
    cases=COUNTS,
)

# The noncentral chi squared distribution: its slope by the noncentrality is minus the density of two degrees more.
chndtr = operations(special.chndtr, "x df nc", "df")
rule(
    chndtr,
    lambda g, _out, x, nc, df: g * chi2_density(x, nc, df=df),
    lambda g, _out, x, nc, df: -g * chi2_density(x, nc, df=df + 2),
    broadcasts=True,
    domain=AWAY,
    cases=(case((3,), (2, 1), df=3), case((3,), (3,), df=1.5)),
)

chndtrix = operations(special.chndtrix, "p df nc", "df")
rule(
    chndtrix,
    lambda g, out, _p, nc, df: g / chi2_density(out, nc, df=df),
    lambda g, out, _p, nc, df: g * (chi2_density(out, nc, df=df + 2) / chi2_density(out, nc, df=df)),
    broadcasts=True,
    domain=(UNIT, AWAY),
    cases=(case((3,), (3,), df=3),),
)
chndtrinc = operations(special.chndtrinc, "x df p", "df")
rule(
    chndtrinc,
    lambda g, out, x, _p, df: g * (chi2_density(x, out, df=df) / chi2_density(x, out, df=df + 2)),
    lambda g, out, x, _p, df: -g / chi2_density(x, out, df=df + 2),
    broadcasts=True,
    domain=(Interval(8.0, 9.0), Interval(0.1, 0.5)),
    cases=(case((3,), (3,), df=3),),
)


# The normal distribution, solved for its mean or its standard deviation
@composite(special.nrdtrimn)
def _nrdtrimn(p, std, x):
    return x - std * special.ndtri(p)


@composite(special.nrdtrisd)
def _nrdtrisd(mn, p, x):
    return (x - mn) / special.ndtri(p)


# Kolmogorov's distribution, a theta function and its derivatives
@precisely
def kolmogorov_derivative(y, n):
    """The n-th derivative of `scipy.special.kolmogorov`."""
    low = y < 0.8
    near, far = np.where(low, y, 1), np.where(low, 1, y)
    return np.where(low, kolmogorov_near(near, n), kolmogorov_far(far, n))


def kolmogorov_far(y, n):
    """That of 2 (e^(-2 y^2) - e^(-8 y^2) + ...)."""
    total = 0
    for k in range(1, 8):
        root = math.sqrt(2) * k
        hermite = special.eval_hermite(n, root * y)
        total = total + 2 * (-1) ** (k - 1) * (-root) ** n * hermite * np.exp(-np.square(root * y))
    return total


def kolmogorov_near(y, n):
    """That of 1 - sqrt(2 pi)/y (e^(-c/y^2) + e^(-9 c/y^2) + ...) with c = pi^2/8, each term a Laurent polynomial times
    its exponential."""
    total = np.where(y > 0, 1.0, 1.0) if n == 0 else np.zeros_like(y)
    safe = np.maximum(y, 0.01)
    for k in range(1, 12, 2):
        c = k * k * math.pi**2 / 8
        terms = {-1: -math.sqrt(2 * math.pi)}
        for _ in range(n):  # (y^p e^(-c/y^2))' = (p y^(p-1) + 2 c y^(p-3)) e^(-c/y^2)
            slopes: dict[int, float] = {}
            for power, factor in terms.items():
                slopes[power - 1] = slopes.get(power - 1, 0.0) + power * factor
                slopes[power - 3] = slopes.get(power - 3, 0.0) + 2 * c * factor
            terms = slopes
        exponential = np.exp(-c / np.square(safe))
        total = total + exponential * sum(factor * safe**power for power, factor in terms.items())
    return total


kolmogorov = operations(special.kolmogorov, "y")
kolmogi = operations(special.kolmogi, "p")
rule(
    kolmogorov, lambda g, _out, y: g * kolmogorov_derivative(y, n=1), broadcasts=True, domain=AWAY, cases=(case((3,)),)
)
rule(
    kolmogi,
    lambda g, out, _p: g / kolmogorov_derivative(out, n=1),
    broadcasts=True,
    domain=UNIT,
    cases=(case((3,)),),
)
rule(
    kolmogorov_derivative,
    lambda g, _out, y, n: g * kolmogorov_derivative(y, n=n + 1),
    broadcasts=True,
    domain=POSITIVE,
    cases=(case((3,), n=1),),
)
