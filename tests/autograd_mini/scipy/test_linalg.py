"""`autograd_mini.scipy.linalg` beside SciPy and beside differences."""

import numpy as np
import pytest
import scipy.linalg

from autograd_mini import vjp
from tests.autograd_mini.scipy.derivatives import assert_complex_gradient, assert_derivatives
from tests.autograd_mini.scipy.registered import linalg
from tests.autograd_mini.testing.numeric import assert_close

MATRIX = np.array([[4.0, 1.0, 0.3], [0.6, 3.0, -0.4], [0.2, 0.5, 2.0]])


@pytest.mark.parametrize("stack", [False, True])
def test_matrix_functions(stack):
    a = np.stack([MATRIX, 2 * MATRIX]) if stack else MATRIX
    theirs = scipy.linalg
    for name in ("sqrtm", "expm"):
        function = getattr(linalg, name)
        assert_close(function(a), getattr(theirs, name)(a), 1e-14)
        assert_derivatives(function, a / 3, rtol=1e-6)
    q = a @ a
    assert_close(linalg.solve_sylvester(a, a, q), theirs.solve_sylvester(a, a, q), 1e-14)
    assert_close(linalg.solve_triangular(a, q, lower=True), theirs.solve_triangular(a, q, lower=True), 1e-14)
    assert_derivatives(linalg.solve_sylvester, a, a + 1, q)


def test_a_triangular_solve_has_slope_0_in_the_other_triangle():
    a = vjp(lambda a: linalg.solve_triangular(a, np.ones(3), unit_diagonal=True), MATRIX)[1](np.ones(3))[0]
    np.testing.assert_array_equal(np.tril(a), 0)


def test_complex_matrices():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((2, 3, 3)) + 1j * rng.standard_normal((2, 3, 3))) + 3 * np.eye(3)
    w = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    for f in (
        linalg.expm,
        linalg.sqrtm,
        lambda a: linalg.solve_triangular(a, b),
        lambda a: linalg.solve_triangular(a, b, trans=1),
        lambda a: linalg.solve_triangular(a, b, trans="C", lower=True),
        lambda a: linalg.solve_triangular(b, a, trans="C"),
        lambda a: linalg.solve_sylvester(a, b, b),
        lambda a: linalg.solve_sylvester(b, b, a),
        lambda a: signal.convolve(a, b, "same"),
    ):

        def loss(x, y, f=f):
            return np.sum(np.real(f(x + 1j * y) * w))

        found = grad(lambda a, f=f: np.sum(np.real(f(a) * w)))(a)
        real, imaginary = (numeric_vjp(loss, [a.real.copy(), a.imag.copy()], np.ones(()), i) for i in (0, 1))
        assert_close(found.real, real.value, 1e-7, 10 * real.error)
        assert_close(found.imag, imaginary.value, 1e-7, 10 * imaginary.error)
