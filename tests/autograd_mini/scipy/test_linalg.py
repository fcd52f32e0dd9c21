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
        lambda a: linalg.cholesky(a @ np.conj(a.T)),
        lambda a: linalg.cho_solve((a, True), b),
        lambda b: linalg.cho_solve((a, False), b),
        lambda b: linalg.solve_banded((1, 1), a, b),
        lambda a: linalg.solve_banded((1, 1), a + 3 * np.ones((3, 1)) * [[0], [1], [0]], b),
        lambda a: linalg.solve_toeplitz((a[0], a[1]), b),
        lambda a: linalg.solve_toeplitz(a[0], a),
        lambda a: linalg.toeplitz(a[0]),
    ):
        assert_complex_gradient(f, a, w)


@pytest.mark.parametrize("lower", [False, True])
def test_cholesky_factors(lower):
    a, b = MATRIX @ MATRIX.T, np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, 1.0]])
    for matrix in (a, a * (1 + 0j) + [[0, 0.2j, 0], [-0.2j, 0, 0], [0, 0, 0]]):
        assert_close(linalg.cholesky(matrix, lower), scipy.linalg.cholesky(matrix, lower), 1e-14)
        solution = np.linalg.solve(matrix, b)
        assert_close(linalg.cho_solve(linalg.cho_factor(matrix, lower), b), solution, 1e-13)
        assert_close(linalg.cho_solve(scipy.linalg.cho_factor(matrix, lower), b[:, 0]), solution[:, 0], 1e-13)
    assert_derivatives(lambda a: linalg.cholesky(a, lower), a)
    assert_derivatives(lambda c, b: linalg.cho_solve((c, lower), b), a, b)
    (unread,) = vjp(lambda a: linalg.cholesky(a, lower), a)[1](np.ones((3, 3)))
    np.testing.assert_array_equal(np.triu(unread, 1) if lower else np.tril(unread, -1), 0)


BANDS = np.array([[9.0, 0.4, -0.3, 0.2], [4.0, 3.0, 5.0, 4.5], [0.3, -0.6, 0.2, 9.0], [0.5, 0.1, 9.0, 9.0]])


def test_solve_banded():
    b = np.array([1.0, -2.0, 0.5, 1.0])
    assert_close(linalg.solve_banded((2, 1), BANDS, b), scipy.linalg.solve_banded((2, 1), BANDS, b), 1e-14)
    assert_derivatives(lambda ab, b: linalg.solve_banded((2, 1), ab, b), BANDS, b)
    (gradient,) = vjp(lambda ab: linalg.solve_banded((2, 1), ab, b), BANDS)[1](np.ones(4))
    np.testing.assert_array_equal(gradient[BANDS == 9], 0)  # outside of the matrix


@pytest.mark.parametrize("columns", [(), (2,), (0,)], ids=str)
def test_solve_toeplitz(columns):
    c, r, b = np.array([4.0, 1.0, 0.5]), np.array([9.0, 0.2, -1.0]), np.random.default_rng(0).random((3, *columns))
    assert_close(linalg.solve_toeplitz((c, r), b), scipy.linalg.solve_toeplitz((c, r), b), 1e-14)
    assert_close(linalg.solve_toeplitz(c, b), scipy.linalg.solve_toeplitz(c, b), 1e-14)
    assert linalg.solve_toeplitz(c.astype(np.float32), b.astype(np.float32)).dtype == np.float32
    assert_derivatives(lambda c, r, b: linalg.solve_toeplitz((c, r), b), c, r, b)
    assert_derivatives(linalg.solve_toeplitz, c, b)


def test_toeplitz_matrices():
    c, r = np.array([3.0, 1.0, 0.5]), np.array([9.0, 0.2, 0.1, 0.7])
    for call in ((c, r), (c,), (c * (1 + 2j),), (2.0,), ([1, 2],)):
        np.testing.assert_array_equal(linalg.toeplitz(*call), scipy.linalg.toeplitz(*call))
    assert_derivatives(linalg.toeplitz, c, r)
    assert vjp(linalg.toeplitz, c, r)[1](np.ones((3, 4)))[1][0] == 0
    with pytest.raises(ValueError, match="first column of 2 axes"):
        linalg.toeplitz(np.ones((2, 2)))


def test_block_diagonal_matrices():
    for call in ((1.0, [2, 3], [[4, 5], [6, 7]]), (MATRIX, np.zeros((2, 0)), []), ()):
        np.testing.assert_array_equal(linalg.block_diag(*call), scipy.linalg.block_diag(*call))
    assert_derivatives(linalg.block_diag, MATRIX, np.ones(2), np.ones((1, 2)))
