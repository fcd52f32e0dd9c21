"""Reading and writing by index: values as NumPy's, derivatives by differences to second order, functional updates.

The rules themselves are tested one by one in test_rules; here are the functions made of them, in all their forms.
"""

import numpy as np
import pytest

from autograd_mini import Tensor, grad, vjp
from autograd_mini.rules.updates import at
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp

A = np.random.default_rng(0).uniform(-2.0, 2.0, (4, 3))
V = np.random.default_rng(1).uniform(-2.0, 2.0, 5)
B = np.random.default_rng(2).uniform(-2.0, 2.0, (2, 3, 4))


def check_derivatives(loss, array):
    """The first and the second derivative of a function of one array are those of differences."""
    for g in (loss, grad(loss)):
        cotangent = np.ones_like(np.asarray(g(array)))
        estimate = numeric_vjp(g, [array], cotangent, 0)
        _, pullback = vjp(g, array)
        assert_close(pullback(cotangent)[0], estimate.value, 1e-7, 10 * estimate.error)


def check(f, array):
    """`f` on a tensor is `f` on its array; its derivatives are those of differences."""
    expected, result = f(array), f(Tensor(array, requires_grad=True))
    assert type(result) is Tensor
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result.data, expected, rtol=1e-13, atol=1e-13)
    weights = np.random.default_rng(4).uniform(0.5, 1.5, expected.shape)
    check_derivatives(lambda x: np.sum(weights * f(x * x * x)), array)
    assert f(Tensor(array.astype(np.float32), requires_grad=True)).dtype == f(array.astype(np.float32)).dtype


CALLS = {
    "take-scalar": (lambda a: np.take(a, 3), A),
    "take-tensor": (lambda a: np.take(a, Tensor([2, 2, 0]), axis=0), A),
    "compress": (lambda a: np.compress([True, False, True], a, axis=0), A),
    "compress-flat": (lambda a: np.compress([0, 1, 1, 0, 1], a), A),
    "compress-tensor": (lambda a: np.compress(a[:, 0] > 0, a, axis=-2), A),
    "extract": (lambda a: np.extract(a > 0, a), A),
    "delete": (lambda a: np.delete(a, 1), V),
    "delete-several": (lambda a: np.delete(a, [0, -1, 0], axis=1), A),
    "delete-slice": (lambda a: np.delete(a, slice(None, None, 2), axis=0), A),
    "delete-mask": (lambda a: np.delete(a, np.array([True, False, True]), axis=-1), A),
    "delete-flat": (lambda a: np.delete(a, [1, 5]), A),
    "insert": (lambda a: np.insert(a, 2, 7.0), V),
    "insert-own": (lambda a: np.insert(a, 1, a[0] * 2), V),
    "insert-many-in-one-place": (lambda a: np.insert(a, 1, [1.0, 2.0, 3.0]), V),
    "insert-list-of-one": (lambda a: np.insert(a, [1], [[1.0], [2.0], [3.0], [4.0]], axis=1), A),
    "insert-row": (lambda a: np.insert(a, 1, a[2], axis=0), A),
    "insert-column": (lambda a: np.insert(a, -1, a[:, 0], axis=1), A),
    "insert-several": (lambda a: np.insert(a, [0, 2, 2], [1.0, 2.0, 3.0], axis=1), A),
    "insert-slice": (lambda a: np.insert(a, slice(0, 4, 2), a[0], axis=0), A),
    "insert-nothing": (lambda a: np.insert(a, np.zeros(0, int), 1.0), V),
    "insert-flat": (lambda a: np.insert(a, 5, 1.0), A),
    "trim_zeros": (lambda a: np.trim_zeros(np.concatenate([np.zeros(2), a, np.zeros(1)])), V),
    "trim_zeros-front": (lambda a: np.trim_zeros(np.concatenate([np.zeros(2), a, np.zeros(1)]), "f"), V),
    "trim_zeros-nothing": (lambda a: np.trim_zeros(a * 0), V),
    "unique": (lambda a: np.unique(np.concatenate([a, a[:2]])), V),
    "unique-axis": (lambda a: np.unique(np.concatenate([a, a[1:2]]), axis=0), A),
    "unique-more": (lambda a: np.unique(a, return_index=True, return_counts=True)[0], A),
    "unique_values": (lambda a: np.sort(np.unique_values(a)), V),
    "union1d": (lambda a: np.union1d(a, [0.0, 1.0]), V),
    "intersect1d": (lambda a: np.intersect1d(a, a[1:3]), V),
    "intersect1d-places": (lambda a: np.intersect1d(a, a[1:3], return_indices=True)[0], V),
    "setdiff1d": (lambda a: np.setdiff1d(a, a[1:3]), V),
    "setxor1d": (lambda a: np.setxor1d(a[:3], a[1:]), V),
    "vander": (lambda a: np.vander(a), V),
    "vander-increasing": (lambda a: np.vander(a, 3, increasing=True), V),
    "apply_along_axis": (lambda a: np.apply_along_axis(lambda row: row * np.sum(row), 1, a), B),
    "apply_along_axis-number": (lambda a: np.apply_along_axis(np.sum, -1, a), B),
    "apply_along_axis-matrix": (lambda a: np.apply_along_axis(np.diag, 0, a), A),
    "apply_along_axis-arguments": (lambda a: np.apply_along_axis(lambda row, k, b=0: k * row[b:], 0, a, 3.0, b=1), A),
    "apply_over_axes": (lambda a: np.apply_over_axes(np.sum, a, [0, -1]), B),
    "apply_over_axes-one": (lambda a: np.apply_over_axes(np.mean, a, 1), B),
}
if np.lib.NumpyVersion(np.__version__) >= "2.2.0":  # before, a mask meant the places 0 and 1
    CALLS["insert-mask"] = (lambda a: np.insert(a, np.array([True, False, True, False, False]), 3.0), V)


@pytest.mark.parametrize("name", CALLS)
def test_values_and_derivatives(name):
    check(*CALLS[name])


class TestTake:
    def test_repeated_indices_add_up(self):
        t = Tensor(V, requires_grad=True)
        np.take(t, [1, 1, 4, 1]).backward(np.array([1.0, 10.0, 5.0, 100.0]))
        np.testing.assert_array_equal(t.grad, [0, 111, 0, 0, 5])

    @pytest.mark.parametrize("mode", ["wrap", "clip"])
    def test_indices_out_of_range(self, mode):
        t = Tensor(V, requires_grad=True)
        out = np.take(t, [-7, 9, 2], mode=mode)
        np.testing.assert_array_equal(out.data, np.take(V, [-7, 9, 2], mode=mode))
        out.sum().backward()
        expected = np.zeros(5)
        np.add.at(expected, np.take(np.arange(5), [-7, 9, 2], mode=mode), 1)
        np.testing.assert_array_equal(t.grad, expected)

    def test_indices_out_of_range_raise(self):
        with pytest.raises(IndexError):
            np.take(Tensor(V, requires_grad=True), 5)

    @pytest.mark.parametrize("call", [np.take, np.repeat])
    def test_an_array_of_indices_may_change_afterwards(self, call):
        indices = np.array([1, 1, 0, 0, 0])
        t = Tensor(V, requires_grad=True)
        out = call(t, indices)
        indices[:] = 3
        out.sum().backward()
        np.testing.assert_array_equal(t.grad, [3, 2, 0, 0, 0] if call is np.take else [1, 1, 0, 0, 0])

    def test_many_indices_agree_with_adding_one_by_one(self):
        rng = np.random.default_rng(3)
        indices, seed = rng.integers(-50, 50, (300, 2)), rng.standard_normal((300, 2, 4))
        t = Tensor(rng.standard_normal((50, 4)), requires_grad=True)
        np.take(t, indices, axis=0).backward(seed)
        expected = np.zeros((50, 4))
        np.add.at(expected, indices, seed)
        np.testing.assert_allclose(t.grad, expected, rtol=1e-12)


def test_vander_at_zero_has_finite_derivatives():
    def f(x):
        return np.sum(np.vander(x, 4, increasing=True) * np.array([1.0, 2.0, 3.0, 4.0]))

    np.testing.assert_array_equal(grad(f)(np.zeros(2)), [2, 2])
    np.testing.assert_array_equal(grad(lambda x: np.sum(grad(f)(x)))(np.zeros(2)), [6, 6])


def test_insert_casts_what_is_put_in():
    t, value = Tensor(np.float32([1, 2]), requires_grad=True), Tensor(3.0, requires_grad=True)
    out = np.insert(t, 1, value)
    assert out.dtype == np.float32
    out.backward(np.float32([1, 10, 100]))
    assert value.grad == 10.0
    assert value.grad.dtype == np.float64


INDICES = {
    "number": 1,
    "slice": (slice(None, None, -2), 0),
    "ellipsis": (Ellipsis, None, slice(1, 3)),
    "list": [0, 2, 3],
    "repeated": [0, 2, 0, 0, -1],
    "repeated-pairs": (np.array([0, 0, 3]), np.array([1, 1, 2])),
    "broadcast-repeated": (np.array([[0], [0]]), np.array([2, 1])),
    "mixed": (slice(None), [1, 1]),
    "mask": A > 0,
    "rows": np.array([True, False, True, False]),
    "empty": np.zeros(0, int),
}
METHODS = {"set": None, "add": np.add, "multiply": np.multiply, "max": np.maximum, "min": np.minimum}


def in_place(method, a, index, values):
    """What NumPy's own writing gives."""
    out = a.copy()
    if method == "set":
        out[index] = values
    else:
        METHODS[method].at(out, index, values)
    return out


class TestUpdates:
    @pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
    @pytest.mark.parametrize("method", METHODS)
    def test_values_and_derivatives(self, method, index):
        shape = A[index].shape
        values = np.random.default_rng(5).uniform(-2.0, 2.0, shape)
        expected = in_place(method, A, index, values)
        np.testing.assert_array_equal(getattr(at(A)[index], method)(values), expected)
        result = getattr(at(Tensor(A, requires_grad=True))[index], method)(Tensor(values, requires_grad=True))
        np.testing.assert_array_equal(result.data, expected)
        weights = np.random.default_rng(6).uniform(0.5, 1.5, A.shape)
        cut = A.size

        def loss(x):
            a, v = np.reshape(x[:cut], A.shape), np.reshape(x[cut:], shape)
            return np.sum(weights * np.square(getattr(at(a)[index], method)(v * v * v)))

        check_derivatives(loss, np.concatenate([A.ravel(), np.cbrt(values).ravel()]))

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("values", [2.0, np.ones(3), np.ones((2, 1)), np.ones((1, 1, 2, 3)), [1.0, 2.0, 3.0], 7])
    def test_values_broadcast(self, method, values):
        t = Tensor(A, requires_grad=True)
        out = getattr(at(t)[[0, 2]], method)(values)
        flat = np.reshape(values, np.shape(values)[-2:])
        np.testing.assert_array_equal(out.data, in_place(method, A, [0, 2], flat))
        v = Tensor(np.asarray(values, float), requires_grad=True)
        getattr(at(A)[[0, 2]], method)(v).sum().backward()
        assert v.grad.shape == v.shape

    def test_of_repeated_indices_the_last_value_stays_and_gets_the_gradient(self):
        a, v = Tensor(np.zeros(3), requires_grad=True), Tensor([1.0, 2.0, 3.0], requires_grad=True)
        out = at(a)[[0, 2, 0]].set(v)
        np.testing.assert_array_equal(out.data, [3, 0, 2])
        out.backward(np.array([1.0, 10.0, 100.0]))
        np.testing.assert_array_equal(a.grad, [0, 10, 0])
        np.testing.assert_array_equal(v.grad, [0, 100, 1])

    def test_added_values_at_repeated_indices_all_get_the_gradient(self):
        v = Tensor([1.0, 2.0, 3.0], requires_grad=True)
        out = at(np.zeros(3))[[0, 2, 0]].add(v)
        np.testing.assert_array_equal(out.data, [4, 0, 2])
        out.backward(np.array([1.0, 10.0, 100.0]))
        np.testing.assert_array_equal(v.grad, [1, 100, 1])

    def test_products_with_zeros_are_exact(self):
        v = Tensor([2.0, 0.0, 5.0], requires_grad=True)
        at(np.array([3.0]))[[0, 0, 0]].multiply(v).sum().backward()
        np.testing.assert_array_equal(v.grad, [0, 30, 0])

    @pytest.mark.parametrize("method", ["max", "min"])
    def test_ties_share_the_gradient(self, method):
        a, v = Tensor([1.0, 1.0, 5.0], requires_grad=True), Tensor([1.0, 1.0], requires_grad=True)
        getattr(at(a)[[0, 0]], method)(v).sum().backward()
        np.testing.assert_allclose(a.grad, [1 / 3, 1, 1])
        np.testing.assert_allclose(v.grad, [1 / 3, 1 / 3])

    def test_an_infinite_gradient_of_what_was_overwritten_is_dropped(self):
        v = Tensor([1.0, 2.0], requires_grad=True)
        at(np.zeros(2))[[0, 0]].set(v).backward(np.array([np.inf, 1.0]))
        np.testing.assert_array_equal(v.grad, [0, np.inf])

    @pytest.mark.parametrize("method", METHODS)
    def test_dtype_is_that_of_the_array(self, method):
        a, v = Tensor(A.astype(np.float32), requires_grad=True), Tensor(V[:3], requires_grad=True)
        for values in (v, 2, 2.0, np.float64(2), np.ones(3), True):
            assert getattr(at(a)[0], method)(values).dtype == np.float32
        getattr(at(a)[0], method)(v).sum().backward()
        assert a.grad.dtype == np.float32
        assert v.grad.dtype == np.float64

    def test_what_the_array_cannot_hold_raises(self):
        with pytest.raises(TypeError, match="would lose"):
            at(np.arange(3))[0].set(1.5)
        with pytest.raises(TypeError, match="would lose"):
            at(Tensor(V, requires_grad=True))[0].add(1j)
        with pytest.raises(ValueError, match=r"shape \(2,\) for an index that reads shape \(3,\)"):
            at(V)[:3].set([1.0, 2.0])

    def test_the_index_and_the_array_are_left_alone(self):
        index, array = np.array([1, 2]), V.copy()
        t = Tensor(array, requires_grad=True)
        out = at(t)[index].set(0.0)
        index[:] = 0
        out.sum().backward()
        np.testing.assert_array_equal(t.grad, [1, 0, 0, 1, 1])
        np.testing.assert_array_equal(t.data, V)

    def test_complex_numbers(self):
        z, v = Tensor(V + 1j, requires_grad=True), Tensor(2.0 - 3.0j, requires_grad=True)
        out = at(z)[1].set(v)
        np.sum(np.absolute(out) * np.absolute(out)).backward()
        np.testing.assert_allclose(v.grad, 2 * v.data)
        np.testing.assert_allclose(z.grad, 2 * np.where(np.arange(5) == 1, 0, z.data))
