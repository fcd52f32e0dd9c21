"""Derivatives of Bessel functions and their kin: scaled, spherical, Hankel's, Kelvin's, Struve's, Airy's.

Orders are constants. A scaled function far out is nearly constant beside its growth, so that its slope is lost in the
difference of neighbours; it is taken from the asymptotic series there.
"""

import math

import numpy as np
from scipy import special

from autograd_mini.domains import Interval, case
from autograd_mini.primitive import composite, rule
from autograd_mini.rules.complex import COMPLEX
from autograd_mini.scipy.special.operations import calls, constants_of, operations, precisely, whole

AWAY = Interval(0.4)  # positive, and away from a pole at 0
TERMS = 30  # of the asymptotic series; from |x| = 25 the last is below the rounding
ORDERS = calls((3,), v=[1, np.array([[-0.5], [2.5]], np.float32)])
FEW = (case((3,)),)


def far_out(x, v):
    """Where the asymptotic series is exact, and the point there or a safe one."""
    far = np.abs(x) > np.maximum(25, np.square(v))
    return far, np.where(far, x, 100 + 2 * np.square(v))


def powers(x, v, n, sign):
    """The n-th derivative of the sum over k of a_k(v) sign^k x^(-k-1/2), with the a_k of Hankel's expansion."""
    total, term = 0, x**-0.5 / x**n
    for k in range(TERMS):
        total = total + term * ((-1) ** n * special.poch(k + 0.5, n))
        term = term * ((4 * np.square(v) - (2 * k + 1) ** 2) / (8 * (k + 1) * x) * sign)
    return total


def differences(function, x, v, n, own, left, right):
    """The n-th derivative of a function whose slope is own f_v + left f_(v-1) + right f_(v+1)."""
    total = 0
    for i in range(n + 1):
        for j in range(n + 1 - i):
            count = math.comb(n, i) * math.comb(n - i, j)
            total = total + count * own ** (n - i - j) * left**i * right**j * function(v - i + j, x)
    return total


@precisely
def scaled_i(x, v, n):
    """The n-th derivative of `scipy.special.ive(v, x)` by real x; on the left, orders are whole numbers."""
    v = np.asarray(v, float)
    far, place = far_out(x, v)
    mirrored = np.where(place < 0, np.where(v % 1 == 0, 1 - 2 * ((v + n) % 2), np.nan), 1)
    series = mirrored * powers(np.abs(place), v, n, -1) / math.sqrt(2 * math.pi)
    near = np.where(far, 1, x)
    return np.where(far, series, differences(special.ive, near, v, n, -np.sign(near), 0.5, 0.5))


def scaled_k_derivative(x, v, n):
    """The n-th derivative of `scipy.special.kve(v, x)`, of real or complex x."""
    v = np.asarray(v, float)
    far, place = far_out(x, v)
    series = powers(place, v, n, 1) * math.sqrt(math.pi / 2)
    return np.where(far, series, differences(special.kve, np.where(far, 1, x), v, n, 1, -0.5, -0.5))


@precisely
def scaled_k(x, v, n):
    """The n-th derivative of `scipy.special.kve(v, x)`."""
    return scaled_k_derivative(x, v, n)


@precisely
def scaled_hankel(z, v, n, side):
    """The n-th derivative of `scipy.special.hankel1e(v, z)`, or of hankel2e with side -1, at right angles to kve."""
    turn = np.exp(-0.5j * side * np.pi * np.asarray(v, float))
    return 2 / np.pi * (-1j * side) ** (n + 1) * turn * scaled_k_derivative(-1j * side * z, v, n)


def j1_slope(a):
    """J0 - J1 / a, which is (J0 - J2) / 2 where the division takes digits."""
    near = np.abs(a) < 2
    small, large = np.where(near, a, 1), np.where(near, 2, a)
    return np.where(near, (special.j0(small) - jv(small, v=2)) / 2, special.j0(large) - special.j1(large) / large)


jv, yv = operations(special.jv, "v x", "v"), operations(special.yv, "v x", "v")  # special.jn is special.jv
iv, kv = operations(special.iv, "v x", "v"), operations(special.kv, "v x", "v")
yn, kn = operations(special.yn, "n x", "n"), operations(special.kn, "n x", "n")

rule(special.j0, lambda g, _out, a: -g * special.j1(a))
rule(special.j1, lambda g, _out, a: g * j1_slope(a))
rule(special.y0, lambda g, _out, a: -g * special.y1(a), domain=AWAY)
rule(special.y1, lambda g, out, a: g * (special.y0(a) - out / a), domain=AWAY)
rule(special.i0, lambda g, _out, a: g * special.i1(a))
rule(special.i1, lambda g, _out, a: g * ((special.i0(a) + iv(a, v=2)) / 2))
rule(special.k0, lambda g, _out, a: -g * special.k1(a), domain=AWAY)
rule(special.k1, lambda g, out, a: -g * (special.k0(a) + out / a), domain=AWAY)
rule(jv, lambda g, _out, x, v: g * ((jv(x, v=v - 1) - jv(x, v=v + 1)) / 2), broadcasts=True, domain=AWAY, cases=ORDERS)
rule(yv, lambda g, _out, x, v: g * ((yv(x, v=v - 1) - yv(x, v=v + 1)) / 2), broadcasts=True, domain=AWAY, cases=ORDERS)
rule(iv, lambda g, _out, x, v: g * ((iv(x, v=v - 1) + iv(x, v=v + 1)) / 2), broadcasts=True, domain=AWAY, cases=ORDERS)
rule(kv, lambda g, _out, x, v: -g * ((kv(x, v=v - 1) + kv(x, v=v + 1)) / 2), broadcasts=True, domain=AWAY, cases=ORDERS)
WHOLE = calls((3,), n=[0, 3])
rule(yn, lambda g, _out, x, n: g * ((yv(x, v=n - 1) - yv(x, v=n + 1)) / 2), broadcasts=True, domain=AWAY, cases=WHOLE)
rule(kn, lambda g, _out, x, n: -g * ((kv(x, v=n - 1) + kv(x, v=n + 1)) / 2), broadcasts=True, domain=AWAY, cases=WHOLE)

# Scaled ones: iv e^-|Re x|, kv e^x, jv and yv e^-|Im x|. A factor of the real or the imaginary part alone has no
# complex derivative; its part of the cotangent is a real number, along that axis.
SCALED = calls((3,), v=[1, np.array([[0.5], [2.5]], np.float32)], n=[1, 1])
rule(special.i0e, lambda g, _out, a: g * scaled_i(a, v=0, n=1), kinks=lambda a: a, cases=FEW)
rule(special.i1e, lambda g, _out, a: g * scaled_i(a, v=1, n=1), kinks=lambda a: a, cases=FEW)
rule(special.k0e, lambda g, _out, a: g * scaled_k(a, v=0, n=1), domain=AWAY, cases=FEW)
rule(special.k1e, lambda g, _out, a: g * scaled_k(a, v=1, n=1), domain=AWAY, cases=FEW)
rule(scaled_i, lambda g, _out, x, v, n: g * scaled_i(x, v=v, n=n + 1), broadcasts=True, domain=AWAY, cases=SCALED)
rule(scaled_k, lambda g, _out, x, v, n: g * scaled_k(x, v=v, n=n + 1), broadcasts=True, domain=AWAY, cases=SCALED)

ive, kve = operations(special.ive, "v x", "v"), operations(special.kve, "v x", "v")
jve, yve = operations(special.jve, "v x", "v"), operations(special.yve, "v x", "v")


def ive_rule(g, out, x, v):
    if x.dtype in COMPLEX:
        return g * ((ive(x, v=v - 1) + ive(x, v=v + 1)) / 2) - np.real(g * out) * np.sign(np.real(x))
    return g * scaled_i(x, v=v, n=1)


def jve_rule(g, out, x, v):
    slope = g * ((jve(x, v=v - 1) - jve(x, v=v + 1)) / 2)
    return slope + 1j * (np.real(g * out) * np.sign(np.imag(x))) if x.dtype in COMPLEX else slope


def yve_rule(g, out, x, v):
    slope = g * ((yve(x, v=v - 1) - yve(x, v=v + 1)) / 2)
    return slope + 1j * (np.real(g * out) * np.sign(np.imag(x))) if x.dtype in COMPLEX else slope


rule(ive, ive_rule, broadcasts=True, domain=AWAY, cases=ORDERS)
rule(kve, lambda g, _out, x, v: g * scaled_k(x, v=v, n=1), broadcasts=True, domain=AWAY, cases=ORDERS)
rule(jve, jve_rule, broadcasts=True, domain=AWAY, cases=ORDERS)
rule(yve, yve_rule, broadcasts=True, domain=AWAY, cases=ORDERS)

# Hankel functions
hankel1, hankel2 = operations(special.hankel1, "v z", "v"), operations(special.hankel2, "v z", "v")
hankel1e, hankel2e = operations(special.hankel1e, "v z", "v"), operations(special.hankel2e, "v z", "v")
rule(
    hankel1,
    lambda g, _out, z, v: g * ((hankel1(z, v=v - 1) - hankel1(z, v=v + 1)) / 2),
    broadcasts=True,
    domain=AWAY,
    cases=ORDERS,
)
rule(
    hankel2,
    lambda g, _out, z, v: g * ((hankel2(z, v=v - 1) - hankel2(z, v=v + 1)) / 2),
    broadcasts=True,
    domain=AWAY,
    cases=ORDERS,
)
rule(
    hankel1e,
    lambda g, _out, z, v: g * scaled_hankel(z, v=v, n=1, side=1),
    broadcasts=True,
    domain=AWAY,
    cases=ORDERS,
)
rule(
    hankel2e,
    lambda g, _out, z, v: g * scaled_hankel(z, v=v, n=1, side=-1),
    broadcasts=True,
    domain=AWAY,
    cases=ORDERS,
)

rule(
    scaled_hankel,
    lambda g, _out, z, v, n, side: g * scaled_hankel(z, v=v, n=n + 1, side=side),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), v=[0.5, 0.5], n=[0, 1], side=[1, -1]),
)


# Spherical ones, which SciPy has as functions of arrays: each is a primitive of z with the order as an option.
@precisely
def spherical_jn_of(z, n):
    """`scipy.special.spherical_jn(n, z)`; 0 for n below 0, which counts for nothing in a slope."""
    return np.where(np.less(n, 0), 0, special.spherical_jn(np.maximum(whole(n), 0), z))


@precisely
def spherical_yn_of(z, n):
    """`scipy.special.spherical_yn(n, z)`; 0 for n below 0, which counts for nothing in a slope."""
    return np.where(np.less(n, 0), 0, special.spherical_yn(np.maximum(whole(n), 0), z))


@precisely
def spherical_in_of(z, n):
    """`scipy.special.spherical_in(n, z)`; 0 for n below 0, which counts for nothing in a slope."""
    return np.where(np.less(n, 0), 0, special.spherical_in(np.maximum(whole(n), 0), z))


@precisely
def spherical_kn_of(z, n):
    """`scipy.special.spherical_kn(n, z)`; 0 for n below 0, which counts for nothing in a slope."""
    return np.where(np.less(n, 0), 0, special.spherical_kn(np.maximum(whole(n), 0), z))


def neighbours(function, z, n, sign):
    """(n f_(n-1) + sign (n+1) f_(n+1)) / (2n+1), the slope of f_n but for a sign of the whole."""
    return (n * function(z, n=n - 1) + sign * (n + 1) * function(z, n=n + 1)) / (2 * n + 1)


rule(
    spherical_jn_of,
    lambda g, _out, z, n: g * neighbours(spherical_jn_of, z, n, -1),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), n=[0, 2]),
)
rule(
    spherical_yn_of,
    lambda g, _out, z, n: g * neighbours(spherical_yn_of, z, n, -1),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), n=[0, 2]),
)
rule(
    spherical_in_of,
    lambda g, _out, z, n: g * neighbours(spherical_in_of, z, n, 1),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), n=[0, 2]),
)
rule(
    spherical_kn_of,
    lambda g, _out, z, n: -g * neighbours(spherical_kn_of, z, n, 1),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), n=[0, 2]),
)


def spherical_jn(n, z, derivative=False):
    """`scipy.special.spherical_jn`, the spherical Bessel function :math:`j_n(z)`, differentiable in z.

    Parameters
    ----------
    n : int or array_like of int
        The order, a constant.
    z : array_like or Tensor
        Real or complex.
    derivative : bool
        Return :math:`j_n'(z)`.

    Returns
    -------
    ndarray or Tensor
        Of the shape that n and z broadcast to; float32 stays float32.

    Raises
    ------
    TypeError
        If n is a tensor that requires grad.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import special
    >>> slope = grad(lambda z: special.spherical_jn(0, z))(1.0)
    >>> round(float(slope), 4), round(float(special.spherical_jn(0, 1.0, derivative=True)), 4)
    (-0.3012, -0.3012)
    """
    n = constants_of(n, z)
    return neighbours(spherical_jn_of, z, n, -1) if derivative else spherical_jn_of(z, n=n)


def spherical_yn(n, z, derivative=False):
    """`scipy.special.spherical_yn`, the spherical Bessel function :math:`y_n(z)` of the second kind.

    It is differentiable in z.

    Parameters
    ----------
    n : int or array_like of int
        The order, a constant.
    z : array_like or Tensor
        Real or complex.
    derivative : bool
        Return :math:`y_n'(z)`.

    Returns
    -------
    ndarray or Tensor
        Of the shape that n and z broadcast to; float32 stays float32.

    Raises
    ------
    TypeError
        If n is a tensor that requires grad.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import special
    >>> slope = grad(lambda z: special.spherical_yn(0, z))(1.0)
    >>> round(float(slope), 4), round(float(special.spherical_yn(0, 1.0, derivative=True)), 4)
    (1.3818, 1.3818)
    """
    n = constants_of(n, z)
    return neighbours(spherical_yn_of, z, n, -1) if derivative else spherical_yn_of(z, n=n)


def spherical_in(n, z, derivative=False):
    """`scipy.special.spherical_in`, the modified spherical Bessel function :math:`i_n(z)`, differentiable in z.

    Parameters
    ----------
    n : int or array_like of int
        The order, a constant.
    z : array_like or Tensor
        Real or complex.
    derivative : bool
        Return :math:`i_n'(z)`.

    Returns
    -------
    ndarray or Tensor
        Of the shape that n and z broadcast to; float32 stays float32.

    Raises
    ------
    TypeError
        If n is a tensor that requires grad.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import special
    >>> slope = grad(lambda z: special.spherical_in(0, z))(1.0)
    >>> round(float(slope), 4), round(float(special.spherical_in(0, 1.0, derivative=True)), 4)
    (0.3679, 0.3679)
    """
    n = constants_of(n, z)
    return neighbours(spherical_in_of, z, n, 1) if derivative else spherical_in_of(z, n=n)


def spherical_kn(n, z, derivative=False):
    """`scipy.special.spherical_kn`, the modified spherical Bessel function :math:`k_n(z)` of the second kind.

    It is differentiable in z.

    Parameters
    ----------
    n : int or array_like of int
        The order, a constant.
    z : array_like or Tensor
        Real or complex.
    derivative : bool
        Return :math:`k_n'(z)`.

    Returns
    -------
    ndarray or Tensor
        Of the shape that n and z broadcast to; float32 stays float32.

    Raises
    ------
    TypeError
        If n is a tensor that requires grad.

    Examples
    --------
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import special
    >>> slope = grad(lambda z: special.spherical_kn(0, z))(1.0)
    >>> round(float(slope), 4), round(float(special.spherical_kn(0, 1.0, derivative=True)), 4)
    (-1.1557, -1.1557)
    """
    n = constants_of(n, z)
    return -neighbours(spherical_kn_of, z, n, 1) if derivative else spherical_kn_of(z, n=n)


# Struve functions
struve_h, struve_l = operations(special.struve, "v x", "v"), operations(special.modstruve, "v x", "v")


def per_point(out, x, v):
    """v f / x, and its limit 0 at x = 0."""
    return v * out / np.where(x == 0, 1, x)


rule(
    struve_h,
    lambda g, out, x, v: g * (struve_h(x, v=v - 1) - per_point(out, x, v)),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), v=[0, 1.5]),
)
rule(
    struve_l,
    lambda g, out, x, v: g * (struve_l(x, v=v - 1) - per_point(out, x, v)),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), v=[0, 1.5]),
)


# Kelvin functions: f'' + f'/x is minus or plus the other one of a pair.
def curvature(first, other, x):
    """other - first / x, and its limit, which is half of `other`, at x = 0."""
    return np.where(x == 0, other / 2, other - first / np.where(x == 0, 1, x))


rule(special.ber, lambda g, _out, a: g * special.berp(a), cases=FEW)
rule(special.bei, lambda g, _out, a: g * special.beip(a), cases=FEW)
rule(special.ker, lambda g, _out, a: g * special.kerp(a), domain=AWAY, cases=FEW)
rule(special.kei, lambda g, _out, a: g * special.keip(a), domain=AWAY, cases=FEW)
rule(special.berp, lambda g, out, a: g * curvature(out, -special.bei(a), a), domain=AWAY, cases=FEW)
rule(special.beip, lambda g, out, a: g * curvature(out, special.ber(a), a), domain=AWAY, cases=FEW)
rule(special.kerp, lambda g, out, a: g * curvature(out, -special.kei(a), a), domain=AWAY, cases=FEW)
rule(special.keip, lambda g, out, a: g * curvature(out, special.ker(a), a), domain=AWAY, cases=FEW)


@composite(special.kelvin)
def _kelvin(x):
    return (
        special.ber(x) + 1j * special.bei(x),
        special.ker(x) + 1j * special.kei(x),
        special.berp(x) + 1j * special.beip(x),
        special.kerp(x) + 1j * special.keip(x),
    )


# Airy functions: f'' = z f
airy_a, airy_a_slope, airy_b, airy_b_slope = operations(special.airy, "z")
rule(airy_a, lambda g, _out, z: g * airy_a_slope(z), broadcasts=True, cases=FEW)
rule(airy_b, lambda g, _out, z: g * airy_b_slope(z), broadcasts=True, cases=FEW)
rule(airy_a_slope, lambda g, _out, z: g * (z * airy_a(z)), broadcasts=True, cases=FEW)
rule(airy_b_slope, lambda g, _out, z: g * (z * airy_b(z)), broadcasts=True, cases=FEW)

# Integrals of Bessel functions times a power, by what multiplies the argument
besselpoly = operations(special.besselpoly, "a lmb nu", "lmb nu")
rule(
    besselpoly,
    lambda g, _out, a, lmb, nu: g * (besselpoly(a, lmb=lmb + 1, nu=nu - 1) - besselpoly(a, lmb=lmb + 1, nu=nu + 1)),
    broadcasts=True,
    domain=AWAY,
    cases=calls((3,), lmb=[1], nu=[2.5]),
)
