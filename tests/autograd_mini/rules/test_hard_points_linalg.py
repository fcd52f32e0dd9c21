"""Linear algebra and Fourier transforms where they are hard: singular, degenerate, zero, complex, in every form."""

import numpy as np
import pytest

from autograd_mini import Tensor, grad, no_grad, vjp
from tests.autograd_mini.rules.test_products import KINDS, check, numbers

la = np.linalg
EYE = np.eye(3)


def hermitian(a):
    return a + np.conj(np.swapaxes(a, -1, -2))


def definite(*shape, kind=float):
    a = numbers(*shape, kind=kind)
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1])


def apart(*shape, kind=float):
    """Matrices whose eigenvalues and singular values are well apart."""
    return numbers(*shape, kind=kind) + 3 * np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1)


SINGULAR = {
    "rank 1 of 2": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "rank 2 of 3": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    "exactly rank 2 of 3": np.diag([1.0, 2.0, 0.0]),
    "rank 1 of 3": np.outer([1.0, 2.0, 3.0], [2.0, 1.0, -1.0]),
    "rank 0": np.zeros((3, 3)),
    "rank 0 of 1": np.zeros((1, 1)),
    "a zero row": np.array([[0.0, 0.0], [3.0, 4.0]]),
}


class TestDeterminants:
    @staticmethod
    def adjugate(a):
        """From the definition: signed minors."""
        n = len(a)
        minors = [[la.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)]
        return np.array(minors).reshape(n, n) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n))

    @pytest.mark.parametrize("a", SINGULAR.values(), ids=SINGULAR)
    def test_of_singular_matrices_twice(self, a):
        np.testing.assert_allclose(grad(la.det)(a), self.adjugate(a), atol=1e-12)
        check(la.det, a, rtol=1e-6)
        check(la.det, a + 0j, rtol=1e-6)

    @pytest.mark.parametrize("a", SINGULAR.values(), ids=SINGULAR)
    def test_of_singular_matrices_in_float32(self, a):
        gradient = grad(la.det)(a.astype(np.float32))
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, self.adjugate(a), atol=1e-4)

    def test_of_a_stack_with_one_singular_matrix(self):
        check(la.det, np.stack([EYE * 2, SINGULAR["rank 1 of 3"], numbers(3, 3)]), rtol=1e-6)

    @pytest.mark.parametrize("distance", [1e-3, 1e-8, 1e-13, 1e-16])
    def test_close_to_singular(self, distance):
        a = SINGULAR["rank 1 of 2"] + np.array([[0, 0], [0, distance]])
        np.testing.assert_allclose(grad(la.det)(a), self.adjugate(a), rtol=1e-12)
        second = grad(lambda a: np.sum(grad(la.det)(a) * numbers(2, 2)))(a)
        np.testing.assert_allclose(second, self.adjugate(numbers(2, 2)), rtol=1e-10)

    def test_third_derivative(self):
        def second(a):
            return grad(lambda a: np.sum(grad(la.det)(a) * numbers(3, 3)))(a)

        check(lambda a: np.sum(second(a) * numbers(3, 3, seed=1)), numbers(3, 3, seed=2), orders=1)

    @KINDS
    @pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1), (4, 4)])
    def test_det_and_slogdet(self, shape, kind):
        check(la.det, numbers(*shape, kind=kind))
        check(la.slogdet, apart(*shape, kind=kind))

    def test_slogdet_of_a_determinant_too_large_to_write(self):
        a = np.eye(200) * 1e5
        np.testing.assert_allclose(grad(lambda a: la.slogdet(a)[1])(a), np.eye(200) * 1e-5)

    def test_empty(self):
        assert grad(la.det)(np.zeros((0, 0))).shape == (0, 0)


class TestInverses:
    @KINDS
    @pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)])
    def test_inverse_and_power(self, shape, kind):
        check(la.inv, apart(*shape, kind=kind))
        for n in (1, 2, 3, 6, -1, -2):
            check(lambda a, n=n: la.matrix_power(a, n), apart(*shape, kind=kind) / 4)

    def test_power_0(self):
        np.testing.assert_array_equal(la.matrix_power(Tensor(numbers(2, 2), requires_grad=True), 0).data, np.eye(2))

    @KINDS
    @pytest.mark.parametrize(
        ("left", "right"),
        [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 1))],
    )
    def test_solve(self, left, right, kind):
        check(la.solve, apart(*left, kind=kind), numbers(*right, kind=kind))
        check(la.solve, apart(*left), numbers(*right, kind=kind))

    @KINDS
    @pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
    def test_pinv(self, shape, kind):
        check(la.pinv, apart(*shape, kind=kind))
        check(lambda a: la.pinv(a, rtol=1e-6), apart(*shape, kind=kind))

    def test_pinv_of_a_matrix_that_stays_of_low_rank(self):
        check(lambda u, v: la.pinv(u @ v), numbers(4, 2), numbers(2, 3, seed=1), rtol=1e-6)

    @KINDS
    def test_pinv_of_hermitian_matrices(self, kind):
        check(lambda a: la.pinv(a, hermitian=True), hermitian(apart(3, 3, kind=kind)))

    @KINDS
    @pytest.mark.parametrize(("left", "right"), [((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2,)), ((3, 3), (3,))])
    def test_lstsq(self, left, right, kind):
        def f(a, b):
            x, residuals, _, s = la.lstsq(a, b)
            return x, residuals, s

        check(f, apart(*left, kind=kind), numbers(*right, kind=kind))

    def test_rank_of_lstsq_is_a_constant(self):
        rank = la.lstsq(Tensor(np.ones((3, 2)), requires_grad=True), np.ones(3))[2]
        assert int(rank) == 1
        assert int(la.matrix_rank(Tensor(EYE, requires_grad=True))) == 3

    def test_residuals_of_a_deficient_matrix_are_empty(self):
        assert la.lstsq(Tensor(np.ones((3, 2)), requires_grad=True), np.ones(3))[1].shape == (0,)

    @KINDS
    def test_tensors_as_matrices(self, kind):
        a = numbers(2, 3, 6, kind=kind) + np.eye(6).reshape(2, 3, 6) * 3
        check(la.tensorinv, a)
        check(lambda a: la.tensorinv(a, 1), a.reshape(6, 2, 3))
        check(la.tensorsolve, a, numbers(2, 3, kind=kind))
        check(lambda a, b: la.tensorsolve(a, b, axes=(1,)), np.moveaxis(a, 2, 1).copy(), numbers(2, 3, kind=kind))


class TestDecompositions:
    @KINDS
    @pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1)])
    @pytest.mark.parametrize("upper", [False, True])
    def test_cholesky(self, shape, upper, kind):
        check(lambda a: la.cholesky(a, upper=upper), definite(*shape, kind=kind))

    @KINDS
    @pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
    @pytest.mark.parametrize("mode", ["reduced", "r"])
    def test_qr(self, shape, mode, kind):
        check(lambda a: tuple(la.qr(a, mode)) if mode != "r" else la.qr(a, mode), apart(*shape, kind=kind))

    def test_complete_qr(self):
        check(lambda a: tuple(la.qr(a, mode="complete")), apart(2, 3))
        tall = Tensor(apart(3, 2), requires_grad=True)
        with pytest.raises(la.LinAlgError, match=r"np\.linalg\.qr"):
            la.qr(tall, mode="complete").R.sum().backward()
        with pytest.raises(la.LinAlgError, match="mode='raw'"):
            la.qr(tall, mode="raw")[0].sum().backward()
        with no_grad():
            assert la.qr(tall, mode="complete").Q.shape == (3, 3)

    @KINDS
    @pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
    def test_svd(self, shape, kind):
        a = apart(*shape, kind=kind)
        check(la.svdvals, a)
        check(lambda a: la.svd(a, compute_uv=False), a)
        check(lambda a: np.sin(la.svd(a, full_matrices=False).S), a)

        def parts(a):
            u, s, vh = la.svd(a, full_matrices=False)
            return (
                (u * s[..., None, :] ** 2) @ vh,
                u @ vh,
                np.abs(u) ** 2,
                np.abs(vh) ** 3,
            )

        check(parts, a)

    def test_real_svd_with_its_signs(self):
        check(lambda a: tuple(la.svd(a)), apart(3, 3))
        check(lambda a: tuple(la.svd(a, full_matrices=False)), apart(4, 3))
        check(lambda a: tuple(la.svd(a, hermitian=True)), hermitian(apart(3, 3)) - 8 * EYE)
        check(lambda a: la.svd(a, compute_uv=False, hermitian=True), hermitian(apart(3, 3)) - 8 * EYE)

    def test_vectors_that_complete_a_basis_have_no_derivative(self):
        a = Tensor(apart(3, 2), requires_grad=True)
        with pytest.raises(la.LinAlgError, match="full_matrices=False"):
            la.svd(a).S.sum().backward()
        with no_grad():
            assert la.svd(a).U.shape == (3, 3)

    @KINDS
    @pytest.mark.parametrize("uplo", ["L", "U"])
    @pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1)])
    def test_eigh(self, shape, uplo, kind):
        a = hermitian(apart(*shape, kind=kind))
        check(lambda a: la.eigvalsh(a, uplo), a)

        def parts(a):
            w, v = la.eigh(a, UPLO=uplo)
            return w, (v * np.sin(w)[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2)), np.abs(v) ** 2

        check(parts, a)

    def test_eigh_reads_one_triangle(self):
        a = hermitian(apart(3, 3))
        assert (grad(lambda a: la.eigvalsh(a)[0])(a)[np.triu_indices(3, 1)] == 0).all()
        assert (grad(lambda a: la.eigvalsh(a, "U")[0])(a)[np.tril_indices(3, -1)] == 0).all()

    @KINDS
    @pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1)])
    def test_eig(self, shape, kind):
        a = apart(*shape, kind=kind)
        check(la.eigvals, a)

        def parts(a):
            w, v = la.eig(a)
            return w, np.abs(v) ** 2, (v * w[..., None, :] ** 3) @ la.inv(v)

        check(parts, a)

    def test_complex_eigenvalues_of_a_real_matrix(self):
        a = np.array([[1.0, -2.0, 0.0], [3.0, 1.0, 0.5], [0.2, 0.1, 4.0]])
        check(la.eigvals, a)
        check(lambda a: np.abs(la.eig(a).eigenvectors) ** 2, a)


class TestEqualValues:
    DEGENERATE = (EYE, np.diag([1.0, 2.0, 2.0]), np.diag([2.0, 2.0, 2.0 + 4e-16]), np.zeros((3, 3)))

    @pytest.mark.parametrize("a", DEGENERATE, ids=str)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_values_alone_have_the_right_derivative(self, a, dtype):
        a = a.astype(dtype)
        np.testing.assert_allclose(grad(lambda a: np.sum(la.eigvalsh(a)))(a), EYE, atol=1e-6)
        np.testing.assert_allclose(grad(lambda a: np.sum(la.eigvalsh(a) ** 2))(a), 2 * a, atol=1e-6)
        np.testing.assert_allclose(grad(lambda a: np.sum(la.svdvals(a) ** 2))(a), 2 * a, atol=1e-6)
        np.testing.assert_allclose(grad(lambda a: np.sum(la.svd(a).S ** 2))(a), 2 * a, atol=1e-6)
        np.testing.assert_allclose(grad(lambda a: np.sum(np.real(la.eigvals(a)) ** 2))(a), 2 * a, atol=1e-6)

    @pytest.mark.parametrize("a", DEGENERATE, ids=str)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize(
        "vectors",
        [lambda a: la.eigh(a)[1], lambda a: la.svd(a)[0], lambda a: la.svd(a)[2], lambda a: la.eig(a)[1]],
        ids=["eigh", "svd, left", "svd, right", "eig"],
    )
    def test_vectors_have_none(self, a, vectors, dtype):
        with pytest.raises(la.LinAlgError, match=r"(eigen|singular )vectors .*(eigen|singular )values are equal"):
            grad(lambda a: np.sum(vectors(a) * numbers(3, 3)))(a.astype(dtype))

    def test_one_vector_whose_value_is_alone_has_a_derivative(self):
        q = la.qr(numbers(3, 3)).Q
        a = q @ np.diag([1.0, 2.0, 2.0]) @ q.T
        check(lambda a: np.outer(la.eigh(a)[1][:, 0], la.eigh(a)[1][:, 0]), a, orders=1)
        check(lambda a: la.svd(a)[0][:, 2] * la.svd(a)[2][2], a, orders=1)

    def test_vectors_to_a_singular_value_0_of_a_tall_matrix_have_none(self):
        a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
        with pytest.raises(la.LinAlgError, match="singular value of"):
            grad(lambda a: np.sum(la.svd(a, full_matrices=False).U * numbers(3, 2)))(a)
        np.testing.assert_allclose(grad(lambda a: la.svd(a, full_matrices=False).S[0])(a), a / la.norm(a), atol=1e-12)


NORMS = [None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"]


class TestNorms:
    @KINDS
    @pytest.mark.parametrize("keepdims", [False, True])
    @pytest.mark.parametrize("axis", [None, 0, -1])
    @pytest.mark.parametrize("order", [None, 0, 1, 2, 3, 2.5, 0.5, -1, np.inf, -np.inf])
    def test_of_vectors(self, order, axis, keepdims, kind):
        x = numbers(*((3,) if axis is None else (2, 3)), kind=kind) + np.array([1.0, 2.0, 3.0])
        check(lambda x: la.norm(x, order, axis, keepdims), x)
        if order is not None:
            check(lambda x: la.vector_norm(x, axis=axis, keepdims=keepdims, ord=order), x)

    @KINDS
    @pytest.mark.parametrize("keepdims", [False, True])
    @pytest.mark.parametrize("axis", [None, (0, 1), (-1, 0), (2, 0)])
    @pytest.mark.parametrize("order", NORMS)
    def test_of_matrices(self, order, axis, keepdims, kind):
        x = apart(3, 4, kind=kind)
        x = x if axis in (None, (0, 1)) else x.T if axis == (-1, 0) else np.stack([x.T, 2 * x.T], 1)
        check(lambda x: la.norm(x, order, axis, keepdims), x)

    @pytest.mark.parametrize("keepdims", [False, True])
    @pytest.mark.parametrize("order", NORMS[1:])
    def test_matrix_norm_of_stacks(self, order, keepdims):
        check(lambda x: la.matrix_norm(x, keepdims=keepdims, ord=order), apart(2, 3, 3))

    def test_of_everything(self):
        check(la.norm, numbers(2, 3, 2))
        check(la.vector_norm, numbers(2, 3, 2))
        check(lambda x: la.norm(x, keepdims=True), numbers(2, 3))
        check(la.norm, np.array(-2.0))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
    @pytest.mark.parametrize("order", [None, 1, 2, 3, 1.5, np.inf])
    def test_slope_0_at_zero(self, order, dtype):
        zero = np.zeros(3, dtype)
        gradient = grad(lambda x: la.norm(x, order))(zero)
        assert gradient.dtype == dtype
        np.testing.assert_array_equal(gradient, zero)
        second = grad(lambda x: np.sum(np.real(grad(lambda x: la.norm(x, order))(x))))(zero)
        np.testing.assert_array_equal(second, zero)

    @pytest.mark.parametrize("order", NORMS)
    def test_slope_0_at_a_zero_matrix(self, order):
        np.testing.assert_array_equal(grad(lambda x: la.norm(x, order))(np.zeros((2, 3))), np.zeros((2, 3)))

    def test_zero_rows_beside_others(self):
        x = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 5.0]])
        gradient = grad(lambda x: np.sum(la.norm(x, axis=1)))(x)
        np.testing.assert_allclose(gradient, [[0.6, 0.8], [0.0, 0.0], [0.0, 1.0]])

    def test_entries_that_share_the_extremum_share_the_slope(self):
        np.testing.assert_array_equal(grad(lambda x: la.norm(x, np.inf))(np.array([2.0, -2.0, 1.0])), [0.5, -0.5, 0])
        np.testing.assert_array_equal(grad(lambda x: la.norm(x, -np.inf))(np.array([1.0, -2.0, 1.0])), [0.5, 0, 0.5])
        np.testing.assert_allclose(grad(lambda x: la.norm(x, 2))(EYE), EYE / 3, atol=1e-15)

    def test_nuclear_norm_of_a_matrix_of_low_rank(self):
        a = np.outer([3.0, 4.0], [1.0, 0.0])
        np.testing.assert_allclose(grad(lambda x: la.norm(x, "nuc"))(a), a / 5, atol=1e-15)

    @pytest.mark.parametrize(
        ("shape", "arguments"), [((2, 2, 2), (2,)), ((2, 2), (7,)), ((3,), ("fro",)), ((2,), (3, (0, 1, 2)))]
    )
    def test_what_is_no_norm_raises(self, shape, arguments):
        with pytest.raises(ValueError):
            la.norm(Tensor(numbers(*shape), requires_grad=True), *arguments)

    @KINDS
    @pytest.mark.parametrize("p", NORMS)
    def test_cond(self, p, kind):
        cond = lambda x: la.cond(x, p)
        if np.iscomplexobj(cond(np.eye(2, dtype=kind))):  # before NumPy 2.4, for most norms; it is real all the same
            cond = lambda x: np.real(la.cond(x, p))
        check(cond, apart(3, 3, kind=kind))
        check(cond, apart(2, 3, 3, kind=kind))


@KINDS
def test_names_that_numpy_has_twice(kind):
    x = numbers(2, 3, 3, kind=kind)
    check(la.trace, x)
    check(lambda x: la.trace(x, offset=1), x)
    check(la.diagonal, x)
    check(lambda x: la.diagonal(x, offset=-1), x)
    check(la.matrix_transpose, x)


ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
SOME = ["fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2"]
OF_REALS = {"rfft", "ihfft", "rfftn", "rfft2"}


class TestFourier:
    @pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
    @pytest.mark.parametrize("axis", [0, -1])
    @pytest.mark.parametrize("n", [None, 1, 2, 3, 4, 5, 7, 8])
    @pytest.mark.parametrize("name", ONE)
    def test_one_axis(self, name, n, axis, norm):
        f = getattr(np.fft, name)
        for kind in (float,) if name in OF_REALS else (float, complex):
            check(lambda a: f(a, n, axis, norm), numbers(4, 5, kind=kind))

    @pytest.mark.parametrize("norm", [None, "ortho", "forward"])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"s": (3, 4), "axes": (0, 1)},
            {"s": (5, 2), "axes": (-1, 0)},
            {"axes": (1, 2)},
            {"axes": (2, 0)},
            {"s": (3, -1), "axes": (0, 1)},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("name", SOME)
    def test_several_axes(self, name, options, norm):
        f = getattr(np.fft, name)
        for kind in (float,) if name in OF_REALS else (float, complex):
            check(lambda a: f(a, norm=norm, **options), numbers(3, 4, 4, kind=kind))

    @pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
    @pytest.mark.parametrize("axes", [(0,), (0, 1, 2), (-1, 1, 0)])
    def test_any_number_of_axes(self, name, axes):
        check(lambda a: getattr(np.fft, name)(a, axes=axes), numbers(2, 3, 4))

    @pytest.mark.parametrize("f", [np.fft.fftshift, np.fft.ifftshift])
    @pytest.mark.parametrize("axes", [None, 0, (0, 1), (-1,)])
    def test_shifts(self, f, axes):
        check(lambda a: f(a, axes), numbers(3, 4))
        check(lambda a: f(a, axes), numbers(3, 5, kind=complex))

    @pytest.mark.parametrize("name", [*ONE, *SOME])
    def test_single_precision(self, name):
        x = numbers(3, 4).astype(np.float32)
        out, pullback = vjp(getattr(np.fft, name), x)
        assert out.dtype in (np.float32, np.complex64)
        (part,) = pullback(np.ones_like(out))
        assert part.dtype == np.float32

    def test_parseval(self):
        x = numbers(8)
        np.testing.assert_allclose(grad(lambda x: np.sum(np.abs(np.fft.fft(x, norm="ortho")) ** 2))(x), 2 * x)

    def test_a_filter(self):
        check(lambda x, h: np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(h), 7), numbers(7), numbers(7, seed=1))


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize(
    "f",
    [
        la.inv,
        la.pinv,
        la.det,
        la.cholesky,
        la.eigvalsh,
        la.svdvals,
        la.norm,
        la.cond,
        lambda a: la.slogdet(a)[1],
        lambda a: la.solve(a, a[0]),
        lambda a: la.qr(a).Q,
        lambda a: np.abs(la.eigh(a)[1]),
        lambda a: np.abs(la.eig(a)[1]),
        lambda a: np.abs(la.svd(a)[0]),
        lambda a: la.lstsq(a, a[0])[0],
    ],
)
def test_single_precision_stays(f, dtype):
    a = definite(3, 3, kind=complex if dtype == np.complex64 else float) + np.diag([1, 4, 9])
    gradient = grad(lambda a: np.sum(np.real(f(a))))(a.astype(dtype))
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, grad(lambda a: np.sum(np.real(f(a))))(a), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", [None, 2, 3, 1.5, 4, -1])
@pytest.mark.parametrize("exponent", [-0.6, -0.3, 0.3, 0.6, 0.9])
def test_slopes_of_norms_whose_powers_over_or_underflow(exponent, order, dtype):
    size = dtype(np.finfo(dtype).max) ** dtype(exponent)
    f = lambda x: np.linalg.norm(x, order)
    with np.errstate(all="ignore"):
        found = grad(f)(np.array([3, 4], dtype) * size)
    np.testing.assert_allclose(found, grad(f)(np.array([3.0, 4.0])), rtol=200 * np.finfo(dtype).eps)


def test_the_second_derivative_of_a_norm_whose_squares_overflow():
    second = lambda x: vjp(lambda x: grad(np.linalg.norm)(x), x)[1](np.array([1.0, 0.0]))[0]
    with np.errstate(all="ignore"):
        found = second(np.array([3e200, 4e200]))
    np.testing.assert_allclose(found * 1e200, second(np.array([3.0, 4.0])), rtol=1e-12)
