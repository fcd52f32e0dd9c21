"""Slopes of `scipy.special` at hard points beside mpmath: they keep their digits where they are small."""

import warnings

import numpy as np
import pytest
from scipy import special

from tests.autograd_mini.scipy.derivatives import derivatives
from tests.autograd_mini.scipy.registered import special as ours

mp = pytest.importorskip("mpmath")


def i_scaled(v):
    return lambda x: mp.besseli(v, x) * mp.exp(-abs(x))


def k_scaled(v):
    return lambda x: mp.besselk(v, x) * mp.exp(x)


def faddeeva(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def voigt(x, sigma, gamma):
    return mp.re(faddeeva((x + 1j * gamma) / sigma / mp.sqrt(2))) / sigma / mp.sqrt(2 * mp.pi)


def kolmogorov(y):
    return 2 * sum((-1) ** (k - 1) * mp.exp(-2 * k * k * y * y) for k in range(1, 80))


FAR = [1e-3, 0.5, 3, 24, 26, 300, 1e4, 1e8]
HARD = {
    "i0e": (special.i0e, i_scaled(0), [-1e5, -3, *FAR]),
    "i1e": (special.i1e, i_scaled(1), [-1e5, -3, *FAR]),
    "k0e": (special.k0e, k_scaled(0), [3, 26]),
    "k1e": (special.k1e, k_scaled(1), [24, 1e4]),
    "ive": (lambda x: special.ive(20, x), i_scaled(20), [3, 300, 399, 401, 1e8]),
    "kve": (lambda x: special.kve(20, x), k_scaled(20), [3, 300, 399, 401, 1e8]),
    "j1": (special.j1, lambda x: mp.besselj(1, x), [1e-8, 0.1, 1.99, 2.01, 1e3]),
    "k1": (special.k1, lambda x: mp.besselk(1, x), [1e-5, 1, 300]),
    "expm1": (special.expm1, mp.expm1, [-40, 1e-9, 3]),
    "exprel": (special.exprel, lambda x: mp.expm1(x) / x, [-1e6, -50, -1e-6, 1e-9, 0.5, 50]),
    "boxcox, by lmbda": (lambda x: special.boxcox(3.0, x), lambda x: (3**x - 1) / x, [-20, -1e-8, 1e-4, 10]),
    "inv_boxcox, by lmbda": (lambda x: special.inv_boxcox(2.0, x), lambda x: (1 + 2 * x) ** (1 / x), [-0.49, 1e-10, 3]),
    "pseudo_huber": (lambda x: special.pseudo_huber(2.0, x), lambda x: 4 * mp.sqrt(1 + x * x / 4) - 4, [1e-9, 1, 1e8]),
    "pseudo_huber, by delta": (
        lambda x: special.pseudo_huber(x, 2.0),
        lambda x: x * x * (mp.sqrt(1 + 4 / x / x) - 1),
        [1e-3, 1, 1e8],
    ),
    "kl_div": (lambda x: special.kl_div(x, 2.0), lambda x: x * mp.log(x / 2) - x + 2, [1e-10, 1.999999, 50]),
    "dawsn": (special.dawsn, lambda x: mp.exp(-x * x) * mp.erfi(x) * mp.sqrt(mp.pi) / 2, [1e-9, 1.2, 6.3, 6.4, 1e4]),
    "erfcx": (special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), [-3, 0.1, 6.3, 6.4, 1e4]),
    "voigt_profile": (lambda x: special.voigt_profile(x, 1.0, 0.5), lambda x: voigt(x, 1, 0.5), [1e-9, 5, 12, 1e5]),
    "voigt_profile, by sigma": (lambda x: special.voigt_profile(30.0, x, 0.5), lambda x: voigt(30, x, 0.5), [0.1, 3]),
    "sici": (lambda x: special.sici(x)[0], mp.si, [1e-8, 1e-3, 1, 1e4]),
    "spence": (special.spence, lambda x: mp.polylog(2, 1 - x), [1e-30, 0.4, 0.999999, 1.000001, 1.6, 1e6]),
    "betaln": (
        lambda x: special.betaln(x, 0.5),
        lambda x: mp.loggamma(x) + mp.loggamma(0.5) - mp.loggamma(x + 0.5),
        [1e-5, 1, 1e6, 1e10],
    ),
    "poch": (lambda x: special.poch(x, 1.5), lambda x: mp.rf(x, 1.5), [0.1, 1, 1e3]),
    "binom": (lambda x: special.binom(5.0, x), lambda x: mp.binomial(5, x), [-3, -0.6, 2.2, 6, 7, 8.5]),
    "zeta": (lambda x: ours.zeta(2.5, x), lambda x: mp.zeta(2.5, x), [1e-3, 1, 1e4]),
    "ellipk": (special.ellipk, mp.ellipk, [-1e10, -1e-9, 0.5, 0.999999]),
    "ellipkm1": (special.ellipkm1, lambda x: mp.ellipk(1 - x), [1e-20, 1e-5, 3]),
    "ellipe": (special.ellipe, mp.ellipe, [-1e10, -1e-9, 0.5, 0.999999]),
    "ellipkinc, by m": (lambda x: special.ellipkinc(5.0, x), lambda x: mp.ellipf(5, x), [-5, -1e-9, 0.9999]),
    "elliprd": (lambda x: special.elliprd(x, 2.0, 3.0), lambda x: mp.elliprd(x, 2, 3), [1e-12, 2.0, 3.0, 1e8]),
    "agm": (lambda x: special.agm(x, 2.0), lambda x: mp.agm(x, 2), [1e-10, 2, 1e10]),
    "wrightomega": (special.wrightomega, lambda x: mp.lambertw(mp.exp(x)), [-30, 1, 1e5]),
    "gammainc": (
        lambda x: special.gammainc(2.5, x),
        lambda x: mp.gammainc(2.5, 0, x, regularized=True),
        [1e-9, 30, 80],
    ),
    "kolmogorov": (special.kolmogorov, kolmogorov, [0.3, 0.79, 0.81, 3]),
}


def exact(f, x, order):
    """A derivative by a difference that is exact to some 50 digits."""
    with mp.workdps(100):
        x = mp.mpf(float(x))
        h = abs(x) * mp.mpf(10) ** -25
        low, high = f(x - h), f(x + h)
        return float(mp.re((high - low) / 2 / h if order == 1 else (high - 2 * f(x) + low) / h / h))


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 5e-6)])
@pytest.mark.parametrize("name", HARD)
def test_slopes_keep_their_digits(name, dtype, rtol):
    f, reference, points = HARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what float32 cannot hold
        points = np.asarray(points, dtype)
        found = derivatives(f, points, dtype)
    limits = np.finfo(dtype)
    for order, slopes in enumerate(found, 1):
        expected = np.array([exact(reference, x, order) for x in points])
        held = (np.abs(expected) > limits.tiny) & (np.abs(expected) < limits.max)
        np.testing.assert_allclose(slopes[held], expected[held], rtol=rtol, atol=0)
