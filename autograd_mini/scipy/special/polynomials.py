"""Derivatives of orthogonal polynomials by their argument; degree and parameters are constants.

The derivative of one is a multiple of another, of a degree less; below degree 0 there is none, and its factor is 0.
"""

from typing import Any

import numpy as np
from scipy import special

from autograd_mini.domains import UNIT, Interval
from autograd_mini.primitive import rule
from autograd_mini.scipy.special.operations import calls, operations


def lower(n):
    """One degree less, but not below 0, where some of SciPy's have no value."""
    return (n - 1) * (n > 0)


def unless_constant(n, slope):
    """The slope of a polynomial of degree n, which is 0 for n = 0."""
    return np.where(np.equal(n, 0), 0, slope)


legendre_p, chebyshev_t, chebyshev_u, chebyshev_c, chebyshev_s, shifted_legendre, shifted_t, shifted_u, laguerre = (
    operations(function, "n x", "n")
    for function in (
        special.eval_legendre,
        special.eval_chebyt,
        special.eval_chebyu,
        special.eval_chebyc,
        special.eval_chebys,
        special.eval_sh_legendre,
        special.eval_sh_chebyt,
        special.eval_sh_chebyu,
        special.eval_laguerre,
    )
)
hermite, hermite_normed = (
    operations(special.eval_hermite, "n x", "n"),
    operations(special.eval_hermitenorm, "n x", "n"),
)
gegenbauer = operations(special.eval_gegenbauer, "n alpha x", "n alpha")
associated_laguerre = operations(special.eval_genlaguerre, "n alpha x", "n alpha")
jacobi = operations(special.eval_jacobi, "n alpha beta x", "n alpha beta")
shifted_jacobi = operations(special.eval_sh_jacobi, "n p q x", "n p q")

DEGREES = calls((3,), n=[0, 3, np.array([[1], [4]], np.float32)])
ANY: dict[str, Any] = {"broadcasts": True, "cases": DEGREES}
INSIDE: dict[str, Any] = {"broadcasts": True, "domain": UNIT, "cases": DEGREES}
SHIFTED: dict[str, Any] = {"broadcasts": True, "domain": Interval(0.0, 1.0), "cases": DEGREES}


def of_gegenbauer(x, n, alpha):
    """The derivative of a Gegenbauer polynomial of degree n; of Legendre's with alpha = 1/2, of U with alpha = 1."""
    return unless_constant(n, 2 * alpha * gegenbauer(x, n=n - 1, alpha=alpha + 1))


rule(legendre_p, lambda g, _out, x, n: g * of_gegenbauer(x, n, 0.5), **INSIDE)
rule(shifted_legendre, lambda g, _out, x, n: g * (2 * of_gegenbauer(2 * x - 1, n, 0.5)), **SHIFTED)
rule(chebyshev_t, lambda g, _out, x, n: g * unless_constant(n, n * chebyshev_u(x, n=n - 1)), **INSIDE)
rule(shifted_t, lambda g, _out, x, n: g * unless_constant(n, 2 * n * shifted_u(x, n=n - 1)), **SHIFTED)
rule(chebyshev_c, lambda g, _out, x, n: g * unless_constant(n, n * chebyshev_s(x, n=n - 1)), **ANY)
rule(chebyshev_u, lambda g, _out, x, n: g * of_gegenbauer(x, n, 1.0), **INSIDE)
rule(shifted_u, lambda g, _out, x, n: g * (2 * of_gegenbauer(2 * x - 1, n, 1.0)), **SHIFTED)
rule(chebyshev_s, lambda g, _out, x, n: g * (of_gegenbauer(x / 2, n, 1.0) / 2), **ANY)
rule(hermite, lambda g, _out, x, n: g * unless_constant(n, 2 * n * hermite(x, n=lower(n))), **ANY)
rule(hermite_normed, lambda g, _out, x, n: g * unless_constant(n, n * hermite_normed(x, n=lower(n))), **ANY)
rule(
    laguerre,
    lambda g, _out, x, n: -g * unless_constant(n, associated_laguerre(x, n=n - 1, alpha=1.0)),
    **ANY,
)
rule(
    associated_laguerre,
    lambda g, _out, x, n, alpha: -g * unless_constant(n, associated_laguerre(x, n=n - 1, alpha=alpha + 1)),
    broadcasts=True,
    cases=calls((3,), n=[0, 3], alpha=[0.5, 1.5]),
)
rule(
    gegenbauer,
    lambda g, _out, x, n, alpha: g * of_gegenbauer(x, n, alpha),
    broadcasts=True,
    domain=UNIT,
    cases=calls((3,), n=[0, 3], alpha=[0.5, 1.5]),
)
rule(
    jacobi,
    lambda g, _out, x, n, alpha, beta: (
        g * unless_constant(n, (n + alpha + beta + 1) / 2 * jacobi(x, n=n - 1, alpha=alpha + 1, beta=beta + 1))
    ),
    broadcasts=True,
    domain=UNIT,
    cases=calls((3,), n=[0, 3], alpha=[0.5, 0.5], beta=[1.5, 1.5]),
)
rule(
    shifted_jacobi,
    lambda g, _out, x, n, p, q: g * unless_constant(n, n * shifted_jacobi(x, n=lower(n), p=p + 2, q=q + 1)),
    broadcasts=True,
    domain=Interval(0.0, 1.0),
    cases=calls((3,), n=[0, 3], p=[2.5, 2.5], q=[1.5, 1.5]),
)
