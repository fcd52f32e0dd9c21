"""Derivatives of hypergeometric functions and of Lambert's, Wright's, Mathieu's and the parabolic cylinder's."""

import math
from typing import Any

import numpy as np
from scipy import special

from autograd_mini.domains import POSITIVE, Interval, case
from autograd_mini.primitive import composite, rule
from autograd_mini.scipy.special.operations import calls, operations, precisely

AWAY, DEGREE = Interval(0.4), math.pi / 180
FEW = (case((3,)),)

hyp0f1, hyp1f1 = operations(special.hyp0f1, "v z", "v"), operations(special.hyp1f1, "a b z", "a b")
hyp2f1, hyperu = operations(special.hyp2f1, "a b c z", "a b c"), operations(special.hyperu, "a b x", "a b")
rule(hyp0f1, lambda g, _out, z, v: g * (hyp0f1(z, v=v + 1) / v), broadcasts=True, cases=calls((3,), v=[1.5]))
rule(
    hyp1f1,
    lambda g, _out, z, a, b: g * (a / b * hyp1f1(z, a=a + 1, b=b + 1)),
    broadcasts=True,
    cases=calls((3,), a=[0.5, -1.5], b=[1.5, 3]),
)
rule(
    hyp2f1,
    lambda g, _out, z, a, b, c: g * (a * b / c * hyp2f1(z, a=a + 1, b=b + 1, c=c + 1)),
    broadcasts=True,
    domain=Interval(-1.5, 0.9),
    cases=calls((3,), a=[0.5], b=[1.2], c=[2.3]),
)
rule(
    hyperu,
    lambda g, _out, x, a, b: -g * (a * hyperu(x, a=a + 1, b=b + 1)),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), a=[0.5], b=[1.3]),
)


# Lambert's function and Wright's relative of it
def share(a):
    """a / (1 + a), whose own slope does not cancel for large a."""
    small = np.abs(a) < 1
    return np.where(small, a / np.where(small, 1 + a, 1), 1 / (1 + 1 / np.where(small, 1, a)))


@precisely
def lambert(z, k, tol):
    """`scipy.special.lambertw`."""
    return special.lambertw(z, k, tol)


def lambertw(z, k=0, tol=1e-8):
    """`scipy.special.lambertw`, the complex :math:`w` of :math:`w e^w = z` on branch :math:`k`, differentiable in z.

    Parameters
    ----------
    z : array_like or Tensor
        Real or complex.
    k : int
        The branch, a constant.
    tol : float
        As SciPy's.

    Returns
    -------
    ndarray or Tensor
        Complex, of the shape and precision of z.

    Notes
    -----
    :math:`dw/dz = e^{-w} / (1 + w)`.

    Examples
    --------
    >>> from autograd_mini import Tensor
    >>> from autograd_mini.scipy import special
    >>> z = Tensor(1.0, requires_grad=True)
    >>> w = special.lambertw(z).real
    >>> w.backward()
    >>> round(w.item(), 4), round(float(z.grad), 4)
    (0.5671, 0.3619)
    """
    return lambert(z, k=k, tol=tol)


if hasattr(special._ufuncs, "_lambertw"):  # what `scipy.special.lambertw` calls
    composite(special._ufuncs._lambertw)(lambertw)
rule(
    lambert,
    lambda g, out, _z, k, tol: g * (np.exp(-out) / (1 + out)),
    broadcasts=True,
    domain=POSITIVE,
    cases=(case((3,), k=0, tol=1e-8), case((3,), k=1, tol=1e-8)),
)
rule(special.wrightomega, lambda g, out, _a: g * share(out), cases=FEW)

# Wright's generalised Bessel function
wright_bessel = operations(special.wright_bessel, "a b x", "a b")
rule(
    wright_bessel,
    lambda g, _out, x, a, b: g * wright_bessel(x, a=a, b=a + b),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), a=[0.5], b=[1.5]),
)
if hasattr(special, "log_wright_bessel"):  # SciPy 1.14
    log_wright_bessel = operations(special.log_wright_bessel, "a b x", "a b")
    rule(
        log_wright_bessel,
        lambda g, out, x, a, b: g * np.exp(log_wright_bessel(x, a=a, b=a + b) - out),
        broadcasts=True,
        domain=AWAY,
        cases=calls((3,), a=[0.5], b=[1.5]),
    )

# Parabolic cylinder functions, with their slopes as second results: f'' = (x^2/4 - v - 1/2) f, and (a - x^2/4) f for W
cylinder_d, cylinder_d_slope = operations(special.pbdv, "v x", "v")
cylinder_v, cylinder_v_slope = operations(special.pbvv, "v x", "v")
cylinder_w, cylinder_w_slope = operations(special.pbwa, "a x", "a")
CYLINDER: dict[str, Any] = {"broadcasts": True, "domain": AWAY, "cases": calls((3,), v=[1.5])}
rule(cylinder_d, lambda g, _out, x, v: g * cylinder_d_slope(x, v=v), **CYLINDER)
rule(cylinder_v, lambda g, _out, x, v: g * cylinder_v_slope(x, v=v), **CYLINDER)
rule(cylinder_d_slope, lambda g, _out, x, v: g * ((x * x / 4 - v - 0.5) * cylinder_d(x, v=v)), **CYLINDER)
rule(cylinder_v_slope, lambda g, _out, x, v: g * ((x * x / 4 - v - 0.5) * cylinder_v(x, v=v)), **CYLINDER)
REFLECTED: dict[str, Any] = {"broadcasts": True, "domain": AWAY, "cases": calls((3,), a=[0.5])}
rule(cylinder_w, lambda g, _out, x, a: g * cylinder_w_slope(x, a=a), **REFLECTED)
rule(cylinder_w_slope, lambda g, _out, x, a: g * ((a - x * x / 4) * cylinder_w(x, a=a)), **REFLECTED)

# Mathieu functions, with their slopes by radians as second results: f'' = (2 q cos 2x - a) f of an angle in degrees,
# and f'' = (a - 2 q cosh 2x) f of the modified ones
mathieu_ce, mathieu_ce_slope = operations(special.mathieu_cem, "m q x", "m q")
mathieu_se, mathieu_se_slope = operations(special.mathieu_sem, "m q x", "m q")
mathieu_mc1, mathieu_mc1_slope = operations(special.mathieu_modcem1, "m q x", "m q")
mathieu_mc2, mathieu_mc2_slope = operations(special.mathieu_modcem2, "m q x", "m q")
mathieu_ms1, mathieu_ms1_slope = operations(special.mathieu_modsem1, "m q x", "m q")
mathieu_ms2, mathieu_ms2_slope = operations(special.mathieu_modsem2, "m q x", "m q")
MATHIEU: dict[str, Any] = {"broadcasts": True, "domain": AWAY, "cases": calls((3,), m=[2], q=[1.5])}


@precisely
def angular(x, m, q, odd):
    """2 q cos 2x minus the characteristic value."""
    return 2 * q * np.cos(2 * DEGREE * x) - (special.mathieu_b if odd else special.mathieu_a)(m, q)


@precisely
def radial(x, m, q, odd):
    """The characteristic value minus 2 q cosh 2x."""
    return (special.mathieu_b if odd else special.mathieu_a)(m, q) - 2 * q * np.cosh(2 * x)


CHARACTERISTIC = calls((3,), m=[2, 2], q=[1.5, 0.5], odd=[False, True])
rule(
    angular,
    lambda g, _out, x, m, q, odd: g * (-4 * DEGREE * q * np.sin(2 * DEGREE * x)),
    broadcasts=True,
    cases=CHARACTERISTIC,
)
rule(radial, lambda g, _out, x, m, q, odd: g * (-4 * q * np.sinh(2 * x)), broadcasts=True, cases=CHARACTERISTIC)
rule(mathieu_ce, lambda g, _out, x, m, q: g * (DEGREE * mathieu_ce_slope(x, m=m, q=q)), **MATHIEU)
rule(mathieu_se, lambda g, _out, x, m, q: g * (DEGREE * mathieu_se_slope(x, m=m, q=q)), **MATHIEU)
rule(mathieu_mc1, lambda g, _out, x, m, q: g * mathieu_mc1_slope(x, m=m, q=q), **MATHIEU)
rule(mathieu_mc2, lambda g, _out, x, m, q: g * mathieu_mc2_slope(x, m=m, q=q), **MATHIEU)
rule(mathieu_ms1, lambda g, _out, x, m, q: g * mathieu_ms1_slope(x, m=m, q=q), **MATHIEU)
rule(mathieu_ms2, lambda g, _out, x, m, q: g * mathieu_ms2_slope(x, m=m, q=q), **MATHIEU)
rule(
    mathieu_ce_slope,
    lambda g, _out, x, m, q: g * (DEGREE * mathieu_ce(x, m=m, q=q) * angular(x, m=m, q=q, odd=False)),
    **MATHIEU,
)
rule(
    mathieu_se_slope,
    lambda g, _out, x, m, q: g * (DEGREE * mathieu_se(x, m=m, q=q) * angular(x, m=m, q=q, odd=True)),
    **MATHIEU,
)
rule(
    mathieu_mc1_slope,
    lambda g, _out, x, m, q: g * (mathieu_mc1(x, m=m, q=q) * radial(x, m=m, q=q, odd=False)),
    **MATHIEU,
)
rule(
    mathieu_mc2_slope,
    lambda g, _out, x, m, q: g * (mathieu_mc2(x, m=m, q=q) * radial(x, m=m, q=q, odd=False)),
    **MATHIEU,
)
rule(
    mathieu_ms1_slope,
    lambda g, _out, x, m, q: g * (mathieu_ms1(x, m=m, q=q) * radial(x, m=m, q=q, odd=True)),
    **MATHIEU,
)
rule(
    mathieu_ms2_slope,
    lambda g, _out, x, m, q: g * (mathieu_ms2(x, m=m, q=q) * radial(x, m=m, q=q, odd=True)),
    **MATHIEU,
)
