"""Products in every form that NumPy takes: values, first and second derivatives, real and complex, float32."""

import numpy as np
import pytest

from autograd_mini import Tensor, grad

windows = np.lib.stride_tricks.sliding_window_view


def numbers(*shape, seed=0, kind=float):
    rng = np.random.default_rng([seed, *shape])
    values = rng.uniform(-1, 1, shape)
    return values + 1j * rng.uniform(-1, 1, shape) if kind is complex else values


def along(f, arrays, directions, step=1e-4):
    """The derivative of a number along `directions`, by central differences of fourth order."""

    def at(t):
        return float(f(*(a + t * d for a, d in zip(arrays, directions, strict=True))))

    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)


def slope(gradients, directions):
    """What gradients say that the derivative along `directions` is: dL = Re sum(conj(grad) d)."""
    return sum(float(np.real(np.sum(np.conj(g) * d))) for g, d in zip(gradients, directions, strict=True))


def check(f, *arrays, orders=2, rtol=1e-7):
    """`f` gives on tensors what it gives on arrays, and its derivatives are those of differences, twice."""
    expected = f(*arrays)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = f(*(Tensor(a, requires_grad=True) for a in arrays))
    found = found if isinstance(found, tuple) else (found,)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == np.shape(other)
        assert one.dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one.data, other, rtol=1e-12, atol=1e-12)
    weights = [numbers(*np.shape(part), seed=i, kind=complex) for i, part in enumerate(expected, 1)]

    def loss(*arrays):
        results = f(*arrays)
        results = results if isinstance(results, tuple) else (results,)
        return sum(
            np.sum(np.real(w) * np.real(part) - np.imag(w) * np.imag(part) * (1 + np.real(part)))
            for w, part in zip(weights, results, strict=True)
        )

    everyone = tuple(range(len(arrays)))
    directions = [
        numbers(*a.shape, seed=7 + i, kind=complex if a.dtype.kind == "c" else float) for i, a in enumerate(arrays)
    ]
    gradients = grad(loss, everyone)(*arrays)
    for gradient, a in zip(gradients, arrays, strict=True):
        assert gradient.dtype == a.dtype
    want = along(loss, arrays, directions)
    np.testing.assert_allclose(slope(gradients, directions), want, rtol=rtol, atol=rtol)
    if orders == 1:
        return

    def first(*arrays):
        parts = grad(loss, everyone)(*arrays)
        return sum(
            np.sum(np.real(p) * np.cos(np.real(d)) + np.imag(p) * d.real)
            for p, d in zip(parts, directions, strict=True)
        )

    want = along(first, arrays, directions)
    np.testing.assert_allclose(slope(grad(first, everyone)(*arrays), directions), want, rtol=10 * rtol, atol=10 * rtol)


KINDS = pytest.mark.parametrize("kind", [float, complex])
PAIRS = {
    np.dot: [((), ()), ((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((2, 2, 3), (3, 2))],
    np.vdot: [((3,), (3,)), ((2, 3), (2, 3)), ((), ())],
    np.inner: [((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((3,), (2, 2, 3)), ((2, 2, 3), (4, 3))],
    np.outer: [((3,), (2,)), ((2, 2), (3,)), ((), (2,))],
    np.linalg.outer: [((3,), (2,))],
    np.linalg.matmul: [((2, 3), (3, 2))],
    np.linalg.tensordot: [((2, 3, 4), (3, 4))],
    np.linalg.cross: [((2, 3), (3,))],
    np.vecdot: [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3))],
    np.linalg.vecdot: [((2, 3), (2, 3))],
    np.kron: [((2,), (3,)), ((2, 2), (1, 3)), ((2,), (2, 3)), ((2, 1, 2), (3,)), ((), (2, 2))],
    np.cross: [((3,), (3,)), ((2, 1, 3), (4, 3))],
    np.matmul: [((2, 3), (3, 2))],
    np.tensordot: [((2, 3, 4), (3, 4))],
}
if hasattr(np, "matvec"):  # from NumPy 2.2 on
    PAIRS[np.matvec] = [((2, 3), (3,)), ((4, 2, 3), (3,)), ((2, 3), (4, 3)), ((2, 1, 2, 3), (4, 3))]
    PAIRS[np.vecmat] = [((3,), (3, 2)), ((4, 3), (3, 2)), ((4, 3), (4, 3, 2))]
CASES = [pytest.param(f, *shapes, id=f"{f.__name__}-{shapes[0]}-{shapes[1]}") for f in PAIRS for shapes in PAIRS[f]]
HIGH = [((2, 3), (2, 3, 2)), ((2, 2, 3), (2, 3, 2)), ((3,), (2, 3, 2))]


@KINDS
@pytest.mark.parametrize(("f", "left", "right"), [*CASES, *(pytest.param(np.dot, *p) for p in HIGH)])
def test_products_of_two(f, left, right, kind):
    a, b = numbers(*left, kind=kind), numbers(*right, seed=1, kind=kind)
    check(f, a, b)
    check(lambda a: f(a, b), a)
    check(lambda b: f(a, b), b)


@pytest.mark.parametrize("f", PAIRS, ids=lambda f: f.__name__)
def test_a_real_and_a_complex_factor(f):
    left, right = PAIRS[f][-1]
    check(f, numbers(*left), numbers(*right, kind=complex))
    check(f, numbers(*left, kind=complex), numbers(*right))


@pytest.mark.parametrize("f", PAIRS, ids=lambda f: f.__name__)
def test_float32_and_integers(f):
    left, right = PAIRS[f][-1]
    a = Tensor(numbers(*left).astype(np.float32), requires_grad=True)
    b = Tensor(numbers(*right).astype(np.float32), requires_grad=True)
    out = f(a, b)
    assert out.dtype == np.float32
    out.backward(np.ones(out.shape))
    assert a.grad.dtype == b.grad.dtype == np.float32
    whole = np.arange(np.prod(left, dtype=int)).reshape(left)
    check(lambda b: f(whole, b), numbers(*right))


@KINDS
def test_axis_of_vecdot(kind):
    check(lambda a, b: np.vecdot(a, b, axis=0), numbers(3, 2, kind=kind), numbers(3, 2, seed=1, kind=kind))
    check(lambda a, b: np.linalg.vecdot(a, b, axis=0), numbers(3, 2, kind=kind), numbers(3, 1, seed=1, kind=kind))


@KINDS
@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((2, 3, 4), (4, 3, 2)), ([1, 2], [1, 0])),
        (((2, 3, 4), (4, 3, 2)), ((-1, 0), (0, -1))),
        (((2, 3), (3, 4)), 1),
        (((2, 3), (3, 4)), (1, 0)),
        (((2, 3), (4,)), 0),
        (((2, 3), (2, 3)), 2),
        (((2, 3), (4, 2)), (np.int64(0), np.int64(1))),
    ],
)
def test_axes_of_tensordot(shapes, axes, kind):
    a, b = numbers(*shapes[0], kind=kind), numbers(*shapes[1], seed=1, kind=kind)
    check(lambda a, b: np.tensordot(a, b, axes), a, b)
    check(lambda a, b: np.linalg.tensordot(a, b, axes=axes), a, b)


EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij, jk -> ki", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba,ca", (2, 3), (4, 3)),
    ("i,i", (3,), (3,)),
    ("i,i->", (3,), (3,)),
    ("i,j->ij", (3,), (2,)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ii->", (3, 3)),
    ("iij->ji", (3, 3, 2)),
    ("iii->i", (2, 2, 2)),
    ("ii,i->i", (3, 3), (3,)),
    ("ij->j", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),
    ("i->", (3,)),
    (",->", (), ()),
    ("i,->i", (3,), ()),
    ("...", (2, 3)),
    ("...->...", (2, 3)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("...ij,...jk", (5, 2, 3), (1, 3, 4)),
    ("i...,i...->...", (3, 2), (3, 4, 2)),
    ("...i->...", (2, 3)),
    ("i...->...i", (2, 3, 4)),
    ("...ii->...i", (2, 3, 3)),
    ("...,...", (2, 3), (3,)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("ij,ij->ij", (1, 3), (2, 1)),
    ("ij,ij->", (1, 3), (2, 3)),
    ("ij,i->j", (2, 3), (1,)),
    ("ii,i->", (1, 1), (4,)),
    ("ij,k->k", (2, 3), (4,)),
    ("Ab,bA", (2, 3), (3, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("i,i,i->i", (3,), (3,), (3,)),
]
LISTS = [
    (((0, 1), (1, 2), (0, 2)), (2, 3), (3, 4)),
    (((0, 1), (1, 2), None), (2, 3), (3, 4)),
    (((5, 3), None), (2, 3)),
    (((0, 0), (0,)), (3, 3)),
    (((Ellipsis, 0, 1), (Ellipsis, 1, 2), (Ellipsis, 0, 2)), (5, 2, 3), (3, 4)),
    (((Ellipsis, 0), None), (2, 3)),
]


@KINDS
@pytest.mark.parametrize("optimize", [False, True, "optimal", "greedy"])
@pytest.mark.parametrize(("subscripts", "shapes"), [(s, shapes) for s, *shapes in EINSUMS], ids=str)
def test_einsum_of_strings(subscripts, shapes, optimize, kind):
    arrays = [numbers(*shape, seed=i, kind=kind) for i, shape in enumerate(shapes)]
    check(lambda *arrays: np.einsum(subscripts, *arrays, optimize=optimize), *arrays)


@pytest.mark.parametrize(("terms", "shapes"), [(terms, shapes) for terms, *shapes in LISTS], ids=str)
def test_einsum_of_lists(terms, shapes):
    *inputs, output = terms

    def f(*arrays):
        pairs = [part for a, term in zip(arrays, inputs, strict=True) for part in (a, list(term))]
        return np.einsum(*pairs, *([] if output is None else [list(output)]))

    check(f, *(numbers(*shape, seed=i) for i, shape in enumerate(shapes)))


def test_einsum_takes_a_path():
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate([(2, 3), (3, 4), (4, 2)])]
    path = np.einsum_path("ij,jk,kl->il", *arrays)[0]
    check(lambda *arrays: np.einsum("ij,jk,kl->il", *arrays, optimize=path), *arrays)


def test_einsum_of_a_tensor_and_constants():
    a, b = numbers(2, 3), numbers(3, 4, seed=1)
    check(lambda a: np.einsum("ij,jk->ik", a, b), a)
    check(lambda b: np.einsum("ij,jk->ik", a.tolist(), b), b)
    check(lambda a: np.einsum("ij,ij->", a, a), a)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 3)]),
        ("ij->i", [(2,)]),
        ("ij->i", [(2, 3, 4)]),
        ("ij->k", [(2, 3)]),
        ("...i->i", [(2, 3)]),
        ("ij,jk->ik", [(2, 3), (4, 2)]),
        ("ii->i", [(2, 3)]),
    ],
)
def test_einsum_refuses_what_numpy_refuses(subscripts, shapes):
    arrays = [numbers(*shape) for shape in shapes]
    with pytest.raises(ValueError):
        np.einsum(subscripts, *arrays)
    with pytest.raises(ValueError, match="einsum"):
        np.einsum(subscripts, *(Tensor(a, requires_grad=True) for a in arrays))


def test_a_large_einsum_uses_matrix_products_in_its_derivative():
    a, b = numbers(60, 70), numbers(70, 80, seed=1)
    gradient = grad(lambda a: np.sum(np.einsum("ij,jk->ik", a, b) ** 2))(a)
    np.testing.assert_allclose(gradient, 2 * a @ b @ b.T, rtol=1e-10)


@pytest.mark.parametrize("axes", [{}, {"axis": 0}, {"axisa": 0, "axisb": 1}, {"axisc": 0}, {"axisa": -2, "axisc": 1}])
def test_axes_of_cross(axes):
    a, b = numbers(3, 3), numbers(3, 3, seed=1)
    check(lambda a, b: np.cross(a, b, **axes), a, b)
    check(lambda a, b: np.cross(a, b, *axes.values()) if "axisc" not in axes else np.cross(a, b), a, b)


def test_cross_of_vectors_of_two_numbers_raises():
    with pytest.raises(ValueError, match="append a zero"):
        np.cross(Tensor(numbers(2), requires_grad=True), numbers(3))


@KINDS
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("lengths", [(5, 3), (3, 5), (5, 2), (2, 5), (4, 4), (5, 4), (1, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("f", [np.convolve, np.correlate])
def test_modes_of_convolution(f, lengths, mode, kind):
    a, v = numbers(lengths[0], kind=kind), numbers(lengths[1], seed=1, kind=kind)
    check(lambda a, v: f(a, v, mode), a, v)
    check(lambda v: f(a, v, mode=mode), v)


def test_default_modes_of_convolution():
    check(np.convolve, numbers(4), numbers(2, seed=1))
    check(np.correlate, numbers(4), numbers(2, seed=1))


@KINDS
def test_polyval(kind):
    p, x = numbers(4, kind=kind), numbers(2, 3, seed=1, kind=kind)
    check(np.polyval, p, x)
    check(lambda x: np.polyval([1.0, 2.0, 3.0], x), x)
    check(lambda p: np.polyval(p, 0.5), p)


@KINDS
def test_multi_dot(kind):
    shapes = [(3,), (3, 4), (4, 2), (2,)]
    check(lambda *a: np.linalg.multi_dot(a), *(numbers(*s, seed=i, kind=kind) for i, s in enumerate(shapes)))
    check(lambda *a: np.linalg.multi_dot(list(a)), *(numbers(*s, seed=i, kind=kind) for i, s in enumerate(shapes[1:3])))


@KINDS
@pytest.mark.parametrize(
    ("shape", "arguments"),
    [((5,), (3,)), ((4, 5), ((2, 3),)), ((4, 5), (2, 1)), ((4, 5), ((2, 2), (1, 0))), ((6,), ((2, 3), (0, 0)))],
)
def test_windows(shape, arguments, kind):
    check(lambda x: windows(x, *arguments), numbers(*shape, kind=kind))


def test_a_moving_average():
    x = numbers(6)
    gradient = grad(lambda x: np.sum(np.mean(windows(x, 3), axis=-1)))(x)
    np.testing.assert_allclose(gradient, np.array([1, 2, 3, 3, 2, 1]) / 3)
