"""Polynomials by their coefficients: what NumPy gives, in every form, and their derivatives."""

import warnings

import numpy as np
import pytest

from autograd_mini import Tensor, grad, jacobian
from tests.autograd_mini.rules.test_products import KINDS, check, numbers


def variable(values, **options):
    return Tensor(np.array(values, **options), requires_grad=True)


def same(f, *arrays):
    """`f` gives on tensors the values, shapes and dtypes that it gives on arrays; gradients have the arrays' dtypes."""
    tensors = [variable(a) for a in arrays]
    found, expected = f(*tensors), f(*arrays)
    found, expected = (r if isinstance(r, tuple) else (r,) for r in (found, expected))
    for one, other in zip(found, expected, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one.data, other, rtol=1e-4, atol=1e-5)
    sum(np.sum(np.real(one)) for one in found).backward()
    for tensor in tensors:
        assert tensor.grad.dtype == tensor.dtype
        assert np.all(np.isfinite(tensor.grad))


# Sums, products, division

LENGTHS = [(3, 3), (2, 4), (4, 1), (1, 1), (0, 2), (3, 0)]
OPERATIONS = [np.polyadd, np.polysub, np.polymul]
every_operation = pytest.mark.parametrize("f", OPERATIONS)


@KINDS
@pytest.mark.parametrize(("m", "n"), LENGTHS)
@every_operation
def test_sums_and_products(f, m, n, kind):
    a, b = numbers(m, kind=kind), numbers(n, seed=1, kind=kind)
    check(f, a, b)
    check(lambda a: f(a, list(b)), a)
    check(lambda b: f(list(a), b), b)


@every_operation
def test_numbers_are_polynomials(f):
    check(f, np.array(2.0), numbers(3))
    check(lambda a: f(a, 3.0), numbers(3))


@pytest.mark.parametrize("f", [*OPERATIONS, np.polydiv])
@pytest.mark.parametrize("kinds", [(np.float32, np.float32), (np.float32, float), (np.float16, np.complex64)])
def test_dtypes_of_two(f, kinds):
    same(f, *(np.array(a, kind) for a, kind in zip(([2.0, 4.0, 1.0], [2.0, 1.0]), kinds, strict=True)))


@every_operation
@pytest.mark.parametrize(("m", "n"), [(2, 0), (1, 3), (0, 4)])
def test_leading_zeros(f, m, n):
    """Values are NumPy's; a leading zero is the coefficient of a power, by which the lower ones of a product change."""
    a, b = np.append(np.zeros(m), numbers(3)), np.append(np.zeros(n), numbers(2, seed=1))
    out = f(variable(a), variable(b))
    np.testing.assert_array_equal(out.data, f(a, b))
    if f is np.polymul:
        kept = len(out)
        slopes = jacobian(lambda a: np.polymul(a, b))(a)
        np.testing.assert_allclose(slopes, jacobian(lambda a: np.convolve(a, b)[-kept:])(a))


def test_a_product_with_zero():
    out = np.polymul(variable([0.0, 0.0, 0.0]), [1.0, 2.0])
    np.testing.assert_array_equal(out.data, np.polymul([0.0, 0.0, 0.0], [1.0, 2.0]))
    np.testing.assert_array_equal(np.polymul(variable([0.0]), [0.0]).data, [0.0])


@KINDS
@pytest.mark.parametrize(("m", "n"), [(5, 3), (3, 3), (4, 2), (3, 1), (1, 1), (2, 4), (8, 3)])
def test_division(m, n, kind):
    u, v = numbers(m, kind=kind), numbers(n, seed=1, kind=kind)
    v[0] += 2
    check(np.polydiv, u, v, orders=2, rtol=1e-6)
    check(lambda u: np.polydiv(u, list(v))[0], u)
    check(lambda v: np.polydiv(list(u), v=v)[1], v)


def test_a_division_that_leaves_nothing():
    u, v = np.polymul([1.0, 2.0], [2.0, 1.0, 3.0]), np.array([2.0, 1.0, 3.0])
    q, r = np.polydiv(variable(u), variable(v))
    np.testing.assert_array_equal(q.data, [1.0, 2.0])
    assert r.shape == np.polydiv(u, v)[1].shape == (1,)
    # What is left of r is its last coefficient, which moves as it does where r has two.
    found = grad(lambda u, v: np.polydiv(u, v)[1][-1], (0, 1))(u, v)
    want = grad(lambda u, v: np.polydiv(u + np.array([0.0, 0.0, 1.0, 1.0]), v)[1][-1], (0, 1))(u, v)
    np.testing.assert_allclose(found[0], want[0])
    np.testing.assert_allclose(found[1], want[1])
    check(np.polydiv, np.array(3.0), np.array(2.0))


def test_division_by_a_leading_zero_is_that_of_numpy():
    with np.errstate(all="ignore"):
        found = np.polydiv(variable([1.0, 2.0]), [0.0, 1.0])
        for one, other in zip(found, np.polydiv([1.0, 2.0], [0.0, 1.0]), strict=True):
            np.testing.assert_array_equal(one.data, other)


@pytest.mark.parametrize("name", ["polyadd", "polysub", "polymul", "polydiv"])
def test_objects_of_the_class_poly1d_are_refused(name):
    for pair in ((np.poly1d([1.0, 2.0]), variable([1.0, 2.0])), (variable([1.0, 2.0]), np.poly1d([1.0, 2.0]))):
        with pytest.raises(TypeError, match=rf"np\.{name} was given an `np.poly1d`.*p\.coeffs"):
            getattr(np, name)(*pair)


def test_a_product_of_matrices_is_refused():
    with pytest.raises(ValueError, match="1d only"):
        np.polymul(variable(np.ones((2, 2))), [1.0])


# Derivatives and integrals


@KINDS
@pytest.mark.parametrize("m", [0, 1, 2, 4, 7])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_derivatives_and_integrals(m, n, kind):
    p = numbers(n, kind=kind)
    check(lambda p: np.polyder(p, m), p)
    check(lambda p: np.polyint(p, m), p)
    check(lambda p: np.polyint(p, m, k=1.5), p)
    k = numbers(m + 1, seed=1)
    check(lambda p: np.polyint(p, m, k), p)
    if m:
        check(lambda p, k: np.polyint(p, m, k), p, k)


def test_one_constant_for_all_integrals():
    check(lambda p, k: np.polyint(p, 3, k), numbers(3), np.array(2.0))
    check(lambda p, k: np.polyint(p, 3, k), numbers(3), np.array([2.0]))


@pytest.mark.parametrize("f", [np.polyder, np.polyint])
def test_dtypes_of_derivatives(f):
    for kind in (np.float16, np.float32, np.complex64):
        for m in (0, 1, 2):
            same(lambda p, m=m: f(p, m), np.array([1.0, 2.0, 3.0, 4.0], kind))


@pytest.mark.parametrize("f", [np.polyder, np.polyint])
def test_an_order_is_not_negative(f):
    with pytest.raises(ValueError, match="must be positive"):
        f(variable([1.0, 2.0]), -1)
    np.testing.assert_array_equal(f(variable([1.0, 2.0]), 1.7).data, f([1.0, 2.0], 1))


def test_too_few_constants():
    with pytest.raises(ValueError, match="k must be a scalar"):
        np.polyint(variable([1.0, 2.0]), 3, [1.0, 2.0])


# From roots to coefficients


@KINDS
@pytest.mark.parametrize("n", [1, 2, 4])
def test_poly(n, kind):
    check(np.poly, numbers(n, kind=kind))
    if kind is float:  # of complex roots this close to real ones, NumPy gives a complex polynomial, or a real one
        check(np.poly, np.zeros(n))


@KINDS
@pytest.mark.parametrize("n", [1, 2, 4])
def test_poly_of_a_matrix(n, kind):
    check(np.poly, numbers(n, n, kind=kind), rtol=1e-6)


def test_the_polynomial_of_a_matrix_whose_eigenvalues_are_equal():
    def by_hand(a):
        return np.stack([np.ones(()), -np.trace(a), a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]])

    for a in (np.eye(2), np.zeros((2, 2)), np.array([[2.0, 1.0], [0.0, 2.0]])):
        np.testing.assert_allclose(jacobian(np.poly)(a), jacobian(by_hand)(a), atol=1e-15)
        np.testing.assert_allclose(jacobian(jacobian(np.poly))(a), jacobian(jacobian(by_hand))(a), atol=1e-15)
    a = np.array([[3.0, 1.0, 0.0], [0.0, 3.0, 1.0], [0.0, 0.0, 3.0]])
    det = jacobian(lambda a: np.poly(a)[3])(a)
    np.testing.assert_allclose(det, -jacobian(np.linalg.det)(a), rtol=1e-12, atol=1e-12)


def test_poly_of_conjugate_roots_is_real():
    z = np.array([1 + 2j, 3.0, 1 - 2j])
    out = np.poly(variable(z))
    assert out.dtype == float
    np.testing.assert_array_equal(out.data, np.poly(z))
    # A change of z by dz changes the real part of -sum(z) by -Re(dz).
    np.testing.assert_allclose(grad(lambda z: np.poly(z)[1])(z), -np.ones(3))


def test_poly_of_no_roots_and_of_what_is_no_polynomial():
    assert np.poly(variable(np.zeros(0))) == np.poly([]) == 1.0
    for shape in ((2, 3), (0, 0), (2, 2, 2)):
        with pytest.raises(ValueError, match="1d or non-empty square 2d"):
            np.poly(variable(np.ones(shape)))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.complex64])
def test_dtypes_of_poly(kind):
    same(np.poly, np.array([1.0, 2.0, -3.0], kind))
    if kind is not np.float16:
        same(np.poly, np.array([[1.0, 2.0], [3.0, 4.0]], kind))


# From coefficients to roots


@KINDS
@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_roots(n, kind):
    check(np.roots, numbers(n, kind=kind) + np.arange(1.0, n + 1), rtol=1e-6)


def test_real_roots():
    check(np.roots, np.poly([1.0, -2.0, 3.5]), rtol=1e-6)
    check(lambda p: np.sum(np.roots(p)), np.array([2.0, 3.0, 5.0]))


def test_of_complex_roots_of_real_coefficients():
    check(lambda p: np.abs(np.roots(p)[0]) ** 2, np.array([2.0, 3.0, 5.0]))  # c / a
    np.testing.assert_allclose(grad(lambda p: np.abs(np.roots(p)[0]) ** 2)(np.array([2.0, 3, 5])), [-1.25, 0, 0.5])


def test_a_root_at_zero_moves_with_the_last_coefficient():
    p = np.array([1.0, -3.0, 2.0, 0.0])
    np.testing.assert_array_equal(np.roots(variable(p)).data, np.roots(p))
    np.testing.assert_allclose(grad(lambda p: np.roots(p)[-1])(p), [0, 0, 0, -0.5], atol=1e-15)


def test_the_roots_that_are_there_move_with_a_leading_zero():
    p = np.array([0.0, 1.0, -3.0, 2.0])
    np.testing.assert_array_equal(np.roots(variable(p)).data, np.roots(p))
    found = grad(lambda p: np.max(np.roots(p)))(p)  # the root 2 of x^2 - 3 x + 2, whose slope is 1 there
    np.testing.assert_allclose(found, [-8, -4, -2, -1])


@pytest.mark.parametrize("p", [[], [0.0], [0.0, 0.0], [3.0], [0.0, 3.0]])
def test_of_no_roots_nothing_moves(p):
    t = variable(p)
    out = np.roots(t)
    assert (out.shape, out.dtype) == (np.roots(p).shape, np.roots(p).dtype)
    (np.sum(out) + np.sum(t)).backward()
    np.testing.assert_array_equal(t.grad, np.ones(np.shape(p)))


REPEATED = [
    np.poly([1.0, 1.0]),
    np.poly([1.0, 1.0, 1.0, -4.0]),
    np.poly([1.0] * 5),
    np.poly([1e-3, 1e-3, 2.0]),
    np.poly([1e5, 1e5]),
    np.poly([1 + 1j, 1 - 1j] * 2),
    np.array([1.0, 2.0, 0.0, 0.0]),
    np.array([1.0, 0.0, 0.0, 0.0]),
    np.poly([2.0, 2.0]).astype(np.float32),
    np.array([0.1, -0.2, 0.1]),
]


@pytest.mark.parametrize("p", REPEATED, ids=str)
def test_a_repeated_root_has_no_derivative_and_says_so(p):
    assert np.array_equal(np.roots(variable(p)).data, np.roots(p))
    with pytest.raises(np.linalg.LinAlgError, match=r"root near .* more than once"):
        grad(lambda p: np.sum(np.abs(np.roots(p) - 0.3) ** 3))(p)


def test_the_simple_roots_beside_a_repeated_one_move():
    p = np.poly([1.0, 1.0, -4.0])
    place = np.argmin(np.real(np.roots(p)))
    found = grad(lambda p: np.real(np.roots(p)[place]))(p)
    np.testing.assert_allclose(found, [64 / 25, -16 / 25, 4 / 25, -1 / 25], rtol=1e-6)


def test_a_list_of_tensors():
    a, b = variable(2.0), variable(3.0)
    np.testing.assert_array_equal(np.poly([a, 5.0, b]).data, np.poly([2.0, 5.0, 3.0]))
    np.poly((a, b))[1].backward()
    assert (a.grad, b.grad) == (-1.0, -1.0)
    np.roots([a, b])[0].backward()  # -b / a
    assert (a.grad, b.grad) == (-1.0 + 0.75, -1.0 - 0.5)


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6])
def test_near_roots_are_not_equal(gap):
    p = np.poly([1.0, 1.0 + gap])
    found = grad(lambda p: np.max(np.roots(p)))(p)
    np.testing.assert_allclose(found, -np.array([1, 1, 1]) / gap, rtol=1e-12 / gap**2 + 3 * gap)


def test_many_simple_roots():
    p = np.poly(np.arange(1.0, 13.0))
    found = grad(lambda p: np.max(np.roots(p)))(p)
    want = -(12.0 ** np.arange(12, -1, -1)) / np.prod(12.0 - np.arange(1, 12))
    np.testing.assert_allclose(found, want, rtol=1e-3)


@pytest.mark.parametrize("kind", [np.float32, np.complex64])
def test_dtypes_of_roots(kind):
    same(np.roots, np.array([1.0, -3.0, 2.0], kind))
    same(np.roots, np.array([1.0, 1.0, 2.0], kind))


def test_roots_of_a_matrix_are_refused():
    with pytest.raises(ValueError, match="rank-1"):
        np.roots(variable(np.ones((2, 2))))


# Least squares

FITS = [{"deg": 0}, {"deg": 2}, {"deg": 5}, {"deg": 2, "rcond": 1e-10}]


@pytest.mark.parametrize("columns", [(), (2,)])
@pytest.mark.parametrize("options", FITS, ids=str)
def test_polyfit(options, columns):
    x, y, w = np.linspace(-1, 2, 6) + 0.1 * numbers(6), numbers(6, *columns, seed=1), 2 + numbers(6, seed=2)
    check(lambda x, y: np.polyfit(x, y, **options), x, y, rtol=1e-6)
    check(lambda x, y, w: np.polyfit(x, y, w=w, **options), x, y, w, rtol=1e-5)
    check(lambda y: np.polyfit(list(x), y, **options), y)
    check(lambda x: np.polyfit(x, y.tolist(), w=list(w), **options), x, rtol=1e-6)


@pytest.mark.parametrize("columns", [(), (2,)])
@pytest.mark.parametrize("cov", [True, "unscaled"])
def test_the_covariance_of_a_fit(columns, cov):
    x, y, w = np.linspace(-1, 2, 6), numbers(6, *columns, seed=1), 2 + numbers(6, seed=2)
    check(lambda x, y, w: np.polyfit(x, y, 2, w=w, cov=cov), x, y, w, rtol=1e-5)
    with pytest.raises(ValueError, match="must exceed order"):
        np.polyfit(variable(x[:3]), y[:3], 2, cov=True)


@pytest.mark.parametrize("n", [3, 6])
def test_all_of_a_fit(n):
    x, y = np.linspace(-1, 2, n), numbers(n, seed=1)
    check(lambda x, y: tuple(np.polyfit(x, y, 2, full=True)[i] for i in (0, 1, 3)), x, y, rtol=1e-6)
    found, expected = np.polyfit(variable(x), y, 2, full=True), np.polyfit(x, y, 2, full=True)
    assert len(found) == len(expected)
    assert (int(found[2]), found[4]) == (expected[2], expected[4])


def test_complex_fits():
    x, y = numbers(5, kind=complex), numbers(5, seed=1, kind=complex)
    check(lambda x, y: np.polyfit(x, y, 2), x, y, rtol=1e-5)
    check(lambda y: np.polyfit(np.linspace(0, 1, 5), y, 2), y, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.complex64])
def test_dtypes_of_fits(kind):
    x, y, w = (np.array(a, kind) for a in ([0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 2.0, 5.0], [1.0, 2.0, 1.0, 1.0]))
    same(lambda x, y: np.polyfit(x, y, 1), x, y)
    same(lambda x, y: np.polyfit(x, y, 1, w=w), x, y)
    if kind is np.float32:
        same(lambda x, y: np.polyfit(x, y, 1, w=w.astype(float)), x.astype(float), y)


def test_a_fit_that_is_not_determined_warns():
    x, y = np.array([1.0, 1.0, 2.0]), numbers(3)
    for given in (y, variable(y)):
        with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
            out = np.polyfit(x, given, 3)
    np.testing.assert_allclose(out.data, np.polyfit(x, y, 3, full=True)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.RankWarning)
        check(lambda y: np.polyfit(x, y, 3), y)


MISTAKES = [
    ((np.ones(3), np.ones(3), -1), ValueError, "expected deg >= 0"),
    ((np.ones((3, 1)), np.ones(3), 1), TypeError, "expected 1D vector for x"),
    ((np.ones(0), np.ones(0), 1), TypeError, "expected non-empty vector for x"),
    ((np.ones(3), np.ones((3, 1, 1)), 1), TypeError, "expected 1D or 2D array for y"),
    ((np.ones(3), np.ones(4), 1), TypeError, "expected x and y to have same length"),
    ((np.ones(3), np.ones(3), 1, None, False, np.ones((3, 1))), TypeError, "expected a 1-d array for weights"),
    ((np.ones(3), np.ones(3), 1, None, False, np.ones(2)), TypeError, "expected w and y to have the same length"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), MISTAKES)
def test_mistakes_are_those_of_numpy(arguments, error, message):
    x, *others = arguments
    for given in (x, variable(x)):
        with pytest.raises(error, match=message):
            np.polyfit(given, *others)


# Evaluation and sorting


@KINDS
def test_a_fit_evaluated_and_its_roots_put_together_again(kind):
    check(lambda z: np.polyval(np.poly(z), 0.3), numbers(3, kind=kind))
    p = np.arange(1.0, 5.0) + numbers(4, kind=kind)
    slopes = jacobian(lambda p: np.real(np.poly(np.roots(p))))(p)
    want = jacobian(lambda p: np.real(p / p[0]))(p)
    np.testing.assert_allclose(slopes, want, rtol=1e-9, atol=1e-9)


@KINDS
def test_sort_complex(kind):
    a = numbers(3, 4, kind=kind)
    check(np.sort_complex, a)
    check(np.sort_complex, a[0])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.complex64, np.longdouble])
def test_dtypes_of_sort_complex(kind):
    same(np.sort_complex, np.array([3.0, 1.0, 2.0], kind))
