"""SciPy's functions that cannot take a tensor: the error names the one to call instead."""

import re

import numpy as np
import pytest
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.special
import scipy.stats

from autograd_mini import Tensor

MATRIX = Tensor(np.eye(3) + 1, requires_grad=True)
T = Tensor(np.array([0.2, 0.3, 0.5]), requires_grad=True)
INSTEAD = {
    "autograd_mini.scipy.linalg.expm": lambda: scipy.linalg.expm(MATRIX),
    "autograd_mini.scipy.linalg.cholesky": lambda: scipy.linalg.cholesky(MATRIX),
    "autograd_mini.scipy.linalg.solve_triangular": lambda: scipy.linalg.solve_triangular(np.eye(3), T),
    "autograd_mini.scipy.linalg.toeplitz": lambda: scipy.linalg.toeplitz(T),
    "autograd_mini.scipy.stats.norm.pdf": lambda: scipy.stats.norm.pdf(np.ones(3), T),
    "autograd_mini.scipy.stats.gamma.cdf": lambda: scipy.stats.gamma.cdf(T, 2.0),
    "autograd_mini.scipy.stats.poisson.pmf": lambda: scipy.stats.poisson.pmf(2, T),
    "autograd_mini.scipy.stats.multivariate_normal.pdf": lambda: scipy.stats.multivariate_normal.pdf(T, np.zeros(3)),
    "autograd_mini.scipy.signal.convolve": lambda: scipy.signal.convolve(T, T),
    "autograd_mini.scipy.special.softmax": lambda: scipy.special.softmax(T),
    "autograd_mini.scipy.special.spherical_jn": lambda: scipy.special.spherical_jn(1, T),
    "autograd_mini.scipy.integrate.odeint": lambda: scipy.integrate.odeint(lambda y, t: -y, T, [0, 1]),
    "autograd_mini.scipy.integrate.solve_ivp": lambda: scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), T),
    "np.linalg.solve": lambda: scipy.linalg.solve(MATRIX, T),
    "np.linalg.inv": lambda: scipy.linalg.inv(MATRIX),
    "np.fft.fft": lambda: scipy.fft.fft(T),
    "np.trapezoid": lambda: scipy.integrate.trapezoid(T),
}


@pytest.mark.parametrize("name", INSTEAD)
def test_the_function_to_call_instead_is_named(name):
    with pytest.raises(TypeError, match=rf"knows arrays only. Write `{re.escape(name)}`"):
        INSTEAD[name]()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("scipy.stats.expon.pdf", lambda: scipy.stats.expon.pdf(T)),
        ("scipy.signal.fftconvolve", lambda: scipy.signal.fftconvolve(T, T)),
        ("scipy.ndimage.gaussian_filter", lambda: scipy.ndimage.gaussian_filter(T, 1)),
        ("scipy.integrate.quad", lambda: scipy.integrate.quad(lambda x: T[0] * x, 0, 1)),
        ("scipy.interpolate.interp1d", lambda: scipy.interpolate.interp1d(np.arange(3.0), T)),
    ],
)
def test_a_function_that_has_no_double_says_so(name, call):
    with pytest.raises(TypeError, match=rf"`{name}` was called.*has no function of that name.*np\.\*"):
        call()


def test_a_tensor_without_history_is_an_array_to_scipy():
    np.testing.assert_array_equal(scipy.linalg.expm(MATRIX.detach()), scipy.linalg.expm(MATRIX.data))


def test_others_that_ask_get_the_error_that_they_got():
    with pytest.raises(TypeError, match="was turned into a plain array"):
        np.asarray(T)
    with pytest.raises(TypeError, match="was turned into a plain number"):
        float(T[0])
