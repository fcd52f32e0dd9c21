"""Derivatives of `scipy.special`, in tables by topic; its functions that are not universal have doubles here.

Orders, degrees, counts and shape parameters whose derivative has no closed form are constants: a tensor that requires
grad in their place raises. docs/coverage.md lists every universal function.
"""

from autograd_mini.scipy.special import (
    bessel,
    distributions,
    elementary,
    elliptic,
    gamma,
    hypergeometric,
    integrals,
    normal,
    polynomials,
    sums,
)
from autograd_mini.scipy.special.bessel import spherical_in, spherical_jn, spherical_kn, spherical_yn
from autograd_mini.scipy.special.gamma import multigammaln, polygamma, zeta
from autograd_mini.scipy.special.hypergeometric import lambertw
from autograd_mini.scipy.special.sums import log_softmax, logsumexp, softmax

TABLES = (
    bessel,
    distributions,
    elementary,
    elliptic,
    gamma,
    hypergeometric,
    integrals,
    normal,
    polynomials,
    sums,
)

__all__ = [
    "lambertw",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "polygamma",
    "softmax",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "zeta",
]
