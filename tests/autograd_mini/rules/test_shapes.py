"""Functions that move entries: values as NumPy's, derivatives by differences to second order, and their hard points.

The rules themselves are tested one by one in test_rules; here are the functions made of them, in all their forms.
"""

import numpy as np
import pytest

from autograd_mini import Tensor, grad, vjp
from autograd_mini.primitive import primitives
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp

A = np.random.default_rng(0).uniform(-2.0, 2.0, (2, 3))
B = np.random.default_rng(1).uniform(-2.0, 2.0, (2, 3, 4))
V = np.random.default_rng(2).uniform(-2.0, 2.0, 5)
C = np.random.default_rng(3).uniform(-2.0, 2.0, (4, 6))


def parts(result):
    """The arrays or tensors in a result, which may be nested."""
    return [p for one in result for p in parts(one)] if isinstance(result, tuple | list) else [result]


def joined(result):
    """All entries of a result as one vector."""
    return np.concatenate([np.ravel(part) for part in parts(result)])


def check(f, array):
    """`f` on a tensor is `f` on its array, in values and structure; its derivatives are those of differences."""
    expected, result = f(array), f(Tensor(array, requires_grad=True))
    assert type(result) is (Tensor if isinstance(expected, np.ndarray) else type(expected))
    assert len(parts(result)) == len(parts(expected))
    for part, want in zip(parts(result), parts(expected), strict=True):
        assert part.shape == want.shape
        assert part.dtype == want.dtype
        np.testing.assert_allclose(getattr(part, "data", part), want, rtol=1e-13, atol=1e-13)
    count = sum(want.size for want in parts(expected))
    weights = np.random.default_rng(4).uniform(0.5, 1.5, count)

    def loss(x):
        return np.sum(weights * joined(f(x * x * x)))

    slope = grad(loss)
    for g, primal in ((loss, array), (slope, array)):
        cotangent = np.ones_like(np.asarray(g(primal)))
        estimate = numeric_vjp(g, [primal], cotangent, 0)
        _, pullback = vjp(g, primal)
        assert_close(pullback(cotangent)[0], estimate.value, 1e-7, 10 * estimate.error)
    narrow = f(Tensor(array.astype(np.float32), requires_grad=True))
    for part, want in zip(parts(narrow), parts(f(array.astype(np.float32))), strict=True):
        assert part.dtype == want.dtype
    sum((part.sum() for part in parts(narrow)), Tensor(np.float32(0))).backward()


CALLS = {
    "ravel": (lambda a: np.ravel(a), A),
    "ravel-F": (lambda a: np.ravel(a, order="F"), A),
    "ravel-A": (lambda a: np.ravel(np.transpose(a), "A"), A),
    "ravel-K": (lambda a: np.ravel(np.transpose(a, (1, 2, 0)), "K"), B),
    "reshape-A": (lambda a: np.reshape(np.transpose(a), (6,), order="A"), A),
    "reshape-A-C": (lambda a: np.reshape(a, (3, 2), order="A"), A),
    "reshape-copy": (lambda a: np.reshape(a, (3, 2), copy=True), A),
    "permute_dims": (lambda a: np.permute_dims(a, (-1, 0, -2)), B),
    "atleast_1d": (lambda a: np.atleast_1d(a), A),
    "atleast_1d-number": (lambda a: np.atleast_1d(a[0]), V),
    "atleast_1d-several": (lambda a: np.atleast_1d(a, a[0], 3.0), V),
    "atleast_2d": (lambda a: np.atleast_2d(a), V),
    "atleast_2d-several": (lambda a: np.atleast_2d(a[0], [1.0, 2.0], a), V),
    "atleast_3d": (lambda a: np.atleast_3d(a, a[0], a[0, 0]), A),
    "broadcast_arrays": (lambda a: np.broadcast_arrays(a, a[:, :1], 2.0), A),
    "broadcast_arrays-empty": (lambda a: np.broadcast_arrays(a[:0], a[:1]), V),
    "meshgrid": (lambda a: np.meshgrid(a, a[:2]), V),
    "meshgrid-ij": (lambda a: np.meshgrid(a, [1.0, 2.0], a[:2], indexing="ij"), V),
    "meshgrid-three": (lambda a: np.meshgrid(a[:2], a[2:], a[:1]), V),
    "meshgrid-sparse": (lambda a: np.meshgrid(a, a[:2], sparse=True), V),
    "meshgrid-one": (lambda a: np.meshgrid(a), V),
    "vstack": (lambda a: np.vstack([a, a[0], np.ones(3)]), A),
    "hstack": (lambda a: np.hstack((a, a[:, :1])), A),
    "hstack-vectors": (lambda a: np.hstack([a, 1.0, a[0]]), V),
    "dstack": (lambda a: np.dstack([a, a * 2]), A),
    "dstack-vectors": (lambda a: np.dstack([a, a]), V),
    "column_stack": (lambda a: np.column_stack([a[0], a, a[1]]), A[:, :2]),
    "column_stack-vectors": (lambda a: np.column_stack((a, 2 * a)), V),
    "stack-list": (lambda a: np.stack([a, [1.0] * 5], axis=-1), V),
    "concatenate-numbers": (lambda a: np.concatenate([a, 1.0, a[0], [2.0, 3.0]], axis=None), A),
    "append": (lambda a: np.append(a, 1.0), A),
    "append-axis": (lambda a: np.append(a, a[:1], axis=0), A),
    "block-flat": (lambda a: np.block([a, a[0]]), V),
    "block-one": (lambda a: np.block(a), A),
    "block-nested": (lambda a: np.block([[a, a[:, :1]], [a[:1], 3.0]]), A),
    "block-deep": (lambda a: np.block([[[a]], [[2 * a]]]), A),
    "block-high": (lambda a: np.block([[a, a[:, :, :1]]]), B),
    "split": (lambda a: np.split(a, 3), C[:3]),
    "split-axis": (lambda a: np.split(a, 2, axis=-1), C),
    "split-places": (lambda a: np.split(a, [1, 1, 4], axis=1), C),
    "split-beyond": (lambda a: np.split(a, [2, 9]), V),
    "split-overlapping": (lambda a: np.split(a, [4, 2]), V),
    "split-negative": (lambda a: np.split(a, [-2]), V),
    "array_split": (lambda a: np.array_split(a, 3), V),
    "array_split-more": (lambda a: np.array_split(a, 7), V),
    "array_split-places": (lambda a: np.array_split(a, np.array([1, 3]), axis=1), C),
    "vsplit": (lambda a: np.vsplit(a, 2), C),
    "hsplit": (lambda a: np.hsplit(a, [2, 3]), C),
    "hsplit-vector": (lambda a: np.hsplit(a, 5), V),
    "dsplit": (lambda a: np.dsplit(a, 2), B),
    "resize-larger": (lambda a: np.resize(a, (3, 5)), A),
    "resize-smaller": (lambda a: np.resize(a, 4), A),
    "resize-empty": (lambda a: np.resize(a, (0, 2)), A),
    "repeat-counts": (lambda a: np.repeat(a, np.array([1, 0, 2]), axis=1), A),
    "tile-number": (lambda a: np.tile(a, np.int64(2)), V),
    "astype": (lambda a: np.astype(a, np.float64), A),
    "unstack": (lambda a: np.unstack(a), A),
    "unstack-axis": (lambda a: np.unstack(a, axis=-1), B),
}

WIDTHS = (1, (2, 3), ((1, 2), (0, 5)))
OPTIONS = {
    "constant": ({}, {"constant_values": 2.0}, {"constant_values": ((1, 2), (3, 4))}),
    "edge": ({},),
    "linear_ramp": ({}, {"end_values": 3.0}, {"end_values": ((1, 2), (3, 4))}),
    "maximum": ({}, {"stat_length": 2}, {"stat_length": ((1, 2), (2, 9))}),
    "minimum": ({}, {"stat_length": 2}),
    "mean": ({}, {"stat_length": ((1, 2), (2, 9))}),
    "median": ({}, {"stat_length": ((1, 2), (2, 9))}),
    "reflect": ({}, {"reflect_type": "odd"}),
    "symmetric": ({}, {"reflect_type": "odd"}),
    "wrap": ({},),
}
CALLS |= {
    f"pad-{mode}-{width}-{options}": (
        lambda a, width=width, mode=mode, options=options: np.pad(a, width, mode, **options),
        A,
    )
    for mode, some in OPTIONS.items()
    for options in some
    for width in WIDTHS
}


@pytest.mark.parametrize("name", CALLS)
def test_values_and_derivatives(name):
    check(*CALLS[name])


class TestPad:
    @pytest.mark.parametrize("mode", OPTIONS)
    @pytest.mark.parametrize("shape", [(1, 4), (2, 1), (3, 4)])
    def test_more_than_the_axis_has(self, mode, shape):
        a = np.random.default_rng(5).standard_normal(shape)
        for options in OPTIONS[mode]:
            out = np.pad(Tensor(a, requires_grad=True), ((7, 9), (11, 4)), mode, **options)
            np.testing.assert_allclose(out.data, np.pad(a, ((7, 9), (11, 4)), mode, **options), rtol=1e-12, atol=1e-12)

    def test_widths_by_axis(self):
        t = Tensor(A, requires_grad=True)
        out = np.pad(t, {-1: (1, 2)})
        np.testing.assert_array_equal(out.data, np.pad(A, ((0, 0), (1, 2))))

    def test_nothing_to_pad(self):
        for mode in OPTIONS:
            t = Tensor(A, requires_grad=True)
            np.pad(t, 0, mode).sum().backward()
            np.testing.assert_array_equal(t.grad, np.ones_like(A))

    @pytest.mark.parametrize("mode", ["empty", lambda vector, width, axis, options: None])
    def test_modes_without_a_derivative_raise(self, mode):
        with pytest.raises(TypeError, match=r"has no derivative.*t\.detach\(\)"):
            np.pad(Tensor(A, requires_grad=True), 1, mode)

    @pytest.mark.parametrize(
        ("error", "width", "options"),
        [
            (ValueError, -1, {}),
            (TypeError, 1.5, {}),
            (ValueError, (1, 2, 3), {}),
            (ValueError, 1, {"stat_length": 1}),
            (ValueError, 1, {"mode": "edge", "constant_values": 1}),
        ],
    )
    def test_what_numpy_refuses(self, error, width, options):
        for array in (A, Tensor(A, requires_grad=True)):
            with pytest.raises(error):
                np.pad(array, width, **options)


class TestTranspose:
    @pytest.mark.parametrize("axes", [(-1, 0, 1), (1, -3, 2), (-2, -1, -3), [2, 0, -2], (0, 1, 2), None])
    def test_negative_axes(self, axes):
        seed = np.random.default_rng(6).standard_normal(np.transpose(B, axes).shape)
        t = Tensor(B, requires_grad=True)
        np.transpose(t, axes).backward(seed)
        back = None if axes is None else np.argsort(np.mod(axes, 3))
        np.testing.assert_array_equal(t.grad, np.transpose(seed, back))

    def test_as_a_method(self):
        for axes in ((-1, 0, 1), ((-1, 0, 1),)):
            t = Tensor(B, requires_grad=True)
            t.transpose(*axes).backward(np.transpose(B, (-1, 0, 1)))
            np.testing.assert_array_equal(t.grad, B)

    def test_names_of_the_same_function(self):
        assert primitives[np.permute_dims] is primitives[np.transpose]
        assert primitives[np.concat] is primitives[np.concatenate]


class TestWhere:
    @pytest.mark.parametrize(
        ("condition", "a", "b"),
        [((3,), (2, 3), ()), ((2, 1), (3,), (2, 3)), ((), (2, 3), (3,)), ((2, 3), (), ()), ((4, 1, 1), (2, 1), (3,))],
    )
    def test_broadcasting(self, condition, a, b):
        rng = np.random.default_rng(7)
        mask = rng.uniform(-1, 1, condition) > 0
        x, y = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in (a, b))
        out = np.where(mask, x, y)
        np.testing.assert_array_equal(out.data, np.where(mask, x.data, y.data))
        seed = rng.standard_normal(out.shape)
        out.backward(seed)
        full = np.broadcast_to(mask, out.shape)
        for tensor, part in ((x, np.where(full, seed, 0)), (y, np.where(full, 0, seed))):
            padded = part.reshape(part.shape)
            while padded.ndim > tensor.ndim:
                padded = padded.sum(0)
            for axis, length in enumerate(tensor.shape):
                padded = padded if length == padded.shape[axis] else padded.sum(axis, keepdims=True)
            np.testing.assert_allclose(tensor.grad, padded, rtol=1e-13, atol=1e-15)

    def test_python_numbers_and_no_condition_of_a_tensor(self):
        x = Tensor([4.0, 0.0], requires_grad=True)
        np.where(x > 0, x, 0.0).sum().backward()
        np.testing.assert_array_equal(x.grad, [1.0, 0.0])


class TestJoining:
    def test_dtype_of_the_result(self):
        for function in (np.concatenate, np.stack, np.vstack, np.hstack):
            a, b = Tensor(V, requires_grad=True), Tensor(V.astype(np.float32), requires_grad=True)
            out = function([a, b], dtype=np.float32)
            assert out.dtype == np.float32
            out.sum().backward()
            assert a.grad.dtype == np.float64
            assert b.grad.dtype == np.float32
            np.testing.assert_array_equal(a.grad, np.ones(5))

    def test_casting_is_checked(self):
        with pytest.raises(TypeError):
            np.concatenate([Tensor(V, requires_grad=True)], dtype=np.float32, casting="safe")

    def test_a_number_does_not_widen(self):
        t = Tensor(np.float32([1, 2]), requires_grad=True)
        out = np.concatenate([t, 1.0], axis=None)
        assert out.dtype == np.float32
        out.backward(np.float32([1, 2, 3]))
        np.testing.assert_array_equal(t.grad, [1, 2])

    def test_complex_and_real(self):
        a, z = Tensor([1.0, 2.0], requires_grad=True), Tensor([1.0 + 2.0j], requires_grad=True)
        out = np.concatenate([a, z])
        np.sum(np.absolute(out) * np.absolute(out)).backward()
        np.testing.assert_allclose(a.grad, [2.0, 4.0])
        assert a.grad.dtype == float

    @pytest.mark.parametrize(
        ("error", "nested"),
        [
            (ValueError, lambda t: [[t], t]),
            (ValueError, lambda t: [[t], []]),
            (ValueError, lambda t: [[t], [t[:2]]]),
            (TypeError, lambda t: (t, t)),
        ],
    )
    def test_block_refuses_what_numpy_refuses(self, error, nested):
        for array in (V, Tensor(V, requires_grad=True)):
            with pytest.raises(error):
                np.block(nested(array))


class TestSplitting:
    def test_unused_parts_get_no_gradient(self):
        t = Tensor(V, requires_grad=True)
        first, _, last = np.split(t, [2, 3])
        (np.sum(first) + 3 * np.sum(last * last)).backward()
        np.testing.assert_allclose(t.grad, [1, 1, 0, *(6 * V[3:])])

    @pytest.mark.parametrize(
        ("function", "arguments"), [(np.split, (2,)), (np.array_split, (0,)), (np.vsplit, (1,)), (np.dsplit, (1,))]
    )
    def test_what_numpy_refuses(self, function, arguments):
        for array in (V, Tensor(V, requires_grad=True)):
            with pytest.raises(ValueError):
                function(array, *arguments)

    def test_unstack_of_nothing(self):
        assert np.unstack(Tensor(np.ones((0, 3)), requires_grad=True)) == ()


@pytest.mark.parametrize("seed", range(40))
def test_memory_order_of_ravel_is_that_of_numpy(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(tuple(rng.integers(1, 4, rng.integers(1, 5))))
    a = a.transpose(rng.permutation(a.ndim))[tuple(slice(None, None, rng.choice([1, -1, 2])) for _ in a.shape)]
    if rng.random() < 0.3:
        a = np.moveaxis(np.broadcast_to(a, (2, *a.shape)), 0, rng.integers(a.ndim + 1))
    t = Tensor(0.0)
    t._values = a  # a tensor made by an operation may have any layout
    for order in "CFAK":
        np.testing.assert_array_equal(np.ravel(t, order).data, np.ravel(a, order))
        if order != "K":
            np.testing.assert_array_equal(np.reshape(t, -1, order=order).data, np.reshape(a, -1, order=order))


def test_broadcasting_what_does_not_fit_raises():
    with pytest.raises(ValueError):
        np.broadcast_arrays(Tensor(V, requires_grad=True), np.ones(4))


def test_meshgrid_refuses_an_unknown_indexing():
    with pytest.raises(ValueError, match="indexing"):
        np.meshgrid(Tensor(V, requires_grad=True), V, indexing="yx")
