"""Sparse matrices beside tensors: products with a derivative, and errors for everything else."""

import copy

import numpy as np
import pytest
import scipy.sparse

from autograd_mini import Tensor, checked, draw, grad, hessian, loops, no_grad, vmap
from autograd_mini.testing import check_derivatives
from tests.autograd_mini.scipy.derivatives import assert_complex_gradient

DENSE = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0], [0.0, 4.0, 0.0], [5.0, 0.0, -1.0]])
FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]
KINDS = [getattr(scipy.sparse, f"{name}_{kind}") for name in FORMATS for kind in ("array", "matrix")]
PRODUCTS = {
    "S @ vector": (lambda S, t: S @ t, (3,)),
    "S @ matrix": (lambda S, t: S @ t, (3, 2)),
    "S @ column": (lambda S, t: S @ t, (3, 1)),
    "S @ stack": (lambda S, t: S @ t, (2, 3, 2)),
    "vector @ S": (lambda S, t: t @ S, (4,)),
    "matrix @ S": (lambda S, t: t @ S, (2, 4)),
    "stack @ S": (lambda S, t: t @ S, (3, 2, 4)),
    "np.dot(S, t)": (np.dot, (3, 2)),
    "np.dot(t, S)": (lambda S, t: np.dot(t, S), (2, 4)),
    "np.matmul(S, t)": (np.matmul, (3,)),
}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_products(product, kind):
    f, shape = PRODUCTS[product]
    S, t = kind(DENSE), np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(f(S, Tensor(t, requires_grad=True)).data, f(DENSE, t))
    check_derivatives(lambda t: np.sin(f(S, t)), t)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_format(kind):
    S = kind(DENSE)
    t, g = np.array([1.0, -2.0, 0.5]), np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(grad(lambda t: g @ (S @ t))(t), DENSE.T @ g)
    np.testing.assert_allclose(
        grad(lambda t: np.sum((t @ S) * t[:3]))(g), grad(lambda t: np.sum((t @ DENSE) * t[:3]))(g)
    )
    np.testing.assert_allclose(
        hessian(lambda t: np.sum((S @ t) ** 3))(t), hessian(lambda t: np.sum((DENSE @ t) ** 3))(t)
    )


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.lil_array])
def test_dot(kind):
    np.testing.assert_allclose(grad(lambda t: np.sum(kind(DENSE).dot(t)))(np.ones(3)), DENSE.sum(0))


def test_dot_that_reads_arrays_only_names_the_product():
    with pytest.raises(TypeError, match="S @ t"):
        scipy.sparse.coo_array(DENSE).dot(Tensor(np.ones((3, 1)), requires_grad=True))


def test_precision_is_kept():
    t = Tensor(np.ones((3, 2), np.float32), requires_grad=True)
    out = scipy.sparse.csr_array(DENSE.astype(np.float32)) @ t
    assert out.dtype == np.float32
    out.sum().backward()
    assert t.grad.dtype == np.float32
    assert (scipy.sparse.csr_array(DENSE) @ t.detach()).dtype == np.float64


def test_complex_products():
    z = np.array([1 + 2j, -0.5j, 0.3])
    weights = np.array([1.0, 2j, 3 - 1j, 0.5])
    assert_complex_gradient(lambda z: scipy.sparse.csr_array(DENSE * (1 + 2j)) @ z, z, weights)
    assert_complex_gradient(lambda z: z @ scipy.sparse.csr_array(DENSE.T * (1 + 2j)), z, weights)


def test_constants_stay_tensors_and_no_grad_records_nothing():
    S, t = scipy.sparse.csr_array(DENSE), Tensor(np.ones(3), requires_grad=True)
    assert isinstance(S @ t.detach(), Tensor)
    with no_grad():
        assert not (S @ t).requires_grad


def test_a_matrix_that_its_owner_overwrites_before_the_backward():
    S, t = scipy.sparse.csr_array(DENSE), Tensor(np.ones(3), requires_grad=True)
    out = np.sum(S @ t)
    S.data[:] = 7
    out.backward()
    np.testing.assert_array_equal(t.grad, DENSE.sum(0))


def test_graphs_with_a_sparse_matrix_are_drawn_checked_and_copied():
    S, t = scipy.sparse.csr_array(DENSE), Tensor(np.ones(3), requires_grad=True)
    loss = np.sum(np.tanh(S @ t))
    assert "matmul" in draw(loss).source
    copy.deepcopy(loss).backward()
    with checked():
        np.sum(np.tanh(S @ t)).backward()
    np.testing.assert_allclose(t.grad, DENSE.T @ (1 / np.cosh(DENSE.sum(1)) ** 2))


@pytest.mark.parametrize(
    "call",
    [
        lambda S, t: S + t,
        lambda S, t: t - S,
        lambda S, t: S * t,
        lambda S, t: t * S,
        lambda S, t: S / t,
        lambda S, t: S.multiply(t),
        lambda S, t: S.maximum(t),
        lambda S, t: np.add(S, t),
        np.multiply,
        lambda S, t: np.stack([S, t]),
        lambda S, t: np.where(S, t, 0),
        lambda S, t: np.tensordot(S, t, 1),
        lambda S, t: np.einsum("ij,jk->ik", S, t),
    ],
)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_what_is_no_product_is_refused(call, kind):
    with pytest.raises(TypeError, match=r"sparse matrix.*`S @ t`"):
        call(kind(DENSE[:3]), Tensor(np.ones((3, 3)), requires_grad=True))


def test_the_product_that_a_star_means_for_sparse_matrices_is_named():
    with pytest.raises(TypeError, match=r"which is what `\*` means for `scipy.sparse.csr_matrix`"):
        scipy.sparse.csr_matrix(DENSE) * Tensor(np.ones(3), requires_grad=True)


def test_wrong_shapes():
    S = scipy.sparse.csr_array(DENSE)
    with pytest.raises(ValueError, match="mismatch"):
        S @ Tensor(np.ones(4), requires_grad=True)
    with pytest.raises(ValueError, match="with a number"):
        S @ Tensor(2.0, requires_grad=True)
    with pytest.raises(TypeError, match="two axes"):
        scipy.sparse.coo_array(np.ones(3)) @ Tensor(np.ones(3), requires_grad=True)


def assert_like_dense_in_a_vmap(f, dense, shape):
    """Of arrays and of tensors, nested."""
    S, t = scipy.sparse.csr_array(dense), np.random.default_rng(0).standard_normal((2, 5, *shape))
    for g in (lambda M: lambda t: f(M, t), lambda M: grad(lambda t: np.sum(f(M, t) ** 3))):
        with loops() as seen:
            found = vmap(vmap(g(S)))(t)
        assert not seen
        np.testing.assert_allclose(found, vmap(vmap(g(dense)))(t))


@pytest.mark.parametrize("product", PRODUCTS)
def test_products_in_a_vmap(product):
    assert_like_dense_in_a_vmap(PRODUCTS[product][0], DENSE, PRODUCTS[product][1])


@pytest.mark.parametrize("shape", [(1,), (1, 2), (3, 1, 2)])
def test_products_with_one_column_in_a_vmap(shape):
    assert_like_dense_in_a_vmap(lambda S, t: S @ t, DENSE[:, :1], shape)


@pytest.mark.parametrize("call", [lambda S, t: t * S, lambda S, t: S * t, np.add], ids=["t * S", "S * t", "np.add"])
def test_what_is_no_product_is_refused_in_a_vmap(call):
    with pytest.raises(TypeError, match=r"sparse matrix.*`S @ t`"):
        vmap(lambda t: call(scipy.sparse.csr_matrix(DENSE[:3]), t))(np.ones((2, 3, 3)))
