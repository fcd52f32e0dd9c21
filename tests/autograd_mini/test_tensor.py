"""What a `Tensor` is to its user: an array with the operators, dtypes, indices and protocols of NumPy."""

import copy
import operator
import pickle
import weakref

import numpy as np
import pytest

from autograd_mini import Tensor, no_grad

A = np.array([[0.5, 1.5, 2.5], [3.0, 4.0, 5.0]])
B = np.array([[2.0, 0.5, 1.0], [1.5, 2.5, 3.0]])
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
by_name = {"ids": lambda value: getattr(value, "__name__", type(value).__name__)}
OTHERS = [B, B[0], np.float64(2.0), np.array(2.0), 2.0, 2, True, B.tolist()]


class TestOperators:
    @pytest.mark.parametrize("other", OTHERS, **by_name)
    @pytest.mark.parametrize("op", ARITHMETIC, **by_name)
    def test_with_arrays_and_numbers_on_either_side(self, op, other):
        t = Tensor(A, requires_grad=True)
        for found, expected in ((op(t, other), op(A, other)), (op(other, t), op(other, A))):
            assert type(found) is Tensor
            assert found.requires_grad
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found.data, expected)

    @pytest.mark.parametrize("op", ARITHMETIC, **by_name)
    def test_gradients_flow_to_both_sides(self, op):
        a, b = Tensor(A, requires_grad=True), Tensor(B[0], requires_grad=True)
        op(a, b).sum().backward()
        assert a.grad.shape == A.shape
        assert b.grad.shape == B[0].shape
        assert np.any(b.grad)

    def test_matrix_product_on_either_side(self):
        t = Tensor(A)
        np.testing.assert_array_equal((t @ B.T).data, A @ B.T)
        np.testing.assert_array_equal((A.T @ Tensor(B)).data, A.T @ B)
        np.testing.assert_array_equal((A.T.tolist() @ Tensor(B)).data, A.T @ B)

    @pytest.mark.parametrize("op", [operator.neg, operator.pos, operator.abs], **by_name)
    def test_unary(self, op):
        np.testing.assert_array_equal(op(Tensor(-A)).data, op(-A))

    @pytest.mark.parametrize("op", [operator.floordiv, operator.mod], **by_name)
    def test_whole_division_of_constants(self, op):
        np.testing.assert_array_equal(op(Tensor(A), B).data, op(A, B))
        np.testing.assert_array_equal(op(A, Tensor(B)).data, op(A, B))
        np.testing.assert_array_equal(op(5.0, Tensor(B)).data, op(5.0, B))

    @pytest.mark.parametrize("operation", ["+=", "-=", "*=", "/=", "**=", "@="])
    def test_augmented_assignment_makes_a_new_tensor(self, operation):
        names = {"t": Tensor(A, requires_grad=True) * 1, "u": Tensor(B.T if operation == "@=" else B)}
        before, want = names["t"], {"t": A.copy(), "u": names["u"].data}
        exec(f"t {operation} u", names)
        exec(f"t = t {operation[:-1]} u", want)
        assert names["t"] is not before
        assert names["t"].requires_grad
        np.testing.assert_array_equal(before.data, A)
        np.testing.assert_array_equal(names["t"].data, want["t"])

    def test_augmented_assignment_to_a_parameter_is_refused_while_recording(self):
        w = Tensor(A, requires_grad=True)
        with pytest.raises(TypeError, match="with no_grad"):
            w -= 1

    def test_augmented_assignment_to_a_parameter_under_no_grad_updates_it(self):
        w = same = Tensor(A, requires_grad=True)
        loss = np.sum(w * w)
        with no_grad():
            w -= 1
        assert w is same
        assert w.requires_grad
        np.testing.assert_array_equal(w.data, A - 1)
        loss.backward()
        np.testing.assert_array_equal(w.grad, 2 * A)

    @pytest.mark.parametrize("op", COMPARISONS, **by_name)
    def test_comparisons_are_constants(self, op):
        t, u = Tensor(A, requires_grad=True), Tensor(B, requires_grad=True)
        for found in (op(t, u), op(t, B), op(A, u), op(t, 2.0)):
            assert type(found) is Tensor
            assert found.dtype == bool
            assert not found.requires_grad
        np.testing.assert_array_equal(op(t, u).data, op(A, B))
        np.testing.assert_array_equal(op(2.0, t).data, op(2.0, A))

    @pytest.mark.parametrize("op", [operator.and_, operator.or_, operator.xor], **by_name)
    def test_logic_of_comparisons(self, op):
        p, q = A > 2, B > 1
        np.testing.assert_array_equal(op(Tensor(p), Tensor(q)).data, op(p, q))
        np.testing.assert_array_equal(op(p, Tensor(q)).data, op(p, q))
        np.testing.assert_array_equal((~Tensor(p)).data, ~p)


class TestDtypes:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("op", ARITHMETIC, **by_name)
    def test_python_numbers_never_widen(self, op, dtype):
        t = Tensor(A.astype(dtype), requires_grad=True)
        for number in (2, 0.5, True):
            for out in (op(t, number), op(number, t)):
                assert out.dtype == dtype
                t.grad = None
                out.sum().backward()
                assert t.grad.dtype == dtype

    @pytest.mark.parametrize("op", [*ARITHMETIC, np.maximum, np.minimum], **by_name)
    def test_mixed_precision_widens_as_numpy_does_and_gradients_come_back(self, op):
        narrow, wide = Tensor(A.astype(np.float32), requires_grad=True), Tensor(B, requires_grad=True)
        out = op(narrow, wide)
        assert out.dtype == np.float64
        out.sum().backward()
        assert narrow.grad.dtype == np.float32
        assert wide.grad.dtype == np.float64

    @pytest.mark.parametrize("f", [lambda t: np.where(t > 1, t, 0), lambda t: np.where(t > 1, 0.5, t)])
    def test_where_with_a_python_number_does_not_widen(self, f):
        t = Tensor(A.astype(np.float32), requires_grad=True)
        out = f(t)
        assert out.dtype == np.float32
        out.sum().backward()
        assert t.grad.dtype == np.float32

    @pytest.mark.parametrize("f", [lambda t: np.clip(t, 1, 2.0), lambda t: t.mean(), lambda t: t.max(0) / 3])
    def test_reductions_and_clip_do_not_widen(self, f):
        assert f(Tensor(A.astype(np.float32))).dtype == np.float32

    @pytest.mark.parametrize("exponent", [2, 3, -1, 0.5, 2.0, np.array([1, 2, 3])], ids=str)
    def test_powers_keep_float32_where_numpy_does(self, exponent):
        t = Tensor(A.astype(np.float32), requires_grad=True)
        assert (t**exponent).dtype == (A.astype(np.float32) ** exponent).dtype
        (t**exponent).sum().backward()
        assert t.grad.dtype == np.float32

    def test_astype_brings_the_gradient_back(self):
        t = Tensor(A.astype(np.float32), requires_grad=True)
        t.astype(np.float64).sum().backward()
        assert t.grad.dtype == np.float32

    def test_zero_dimensional_results_are_arrays(self):
        t = Tensor(A, requires_grad=True)
        assert type(t.sum().data) is np.ndarray
        assert type(t[0, 0].data) is np.ndarray
        t.sum().backward()
        assert type(t.grad) is np.ndarray


class TestGrad:
    def test_is_an_ndarray_of_shape_and_dtype(self):
        t = Tensor(A, requires_grad=True)
        (2 * t).sum().backward()
        assert type(t.grad) is np.ndarray
        np.testing.assert_array_equal(t.grad, np.full_like(A, 2.0))

    def test_accumulates_in_new_memory(self):
        t = Tensor(A, requires_grad=True)
        t.sum().backward()
        first = t.grad
        t.sum().backward()
        np.testing.assert_array_equal(first, np.ones_like(A))
        np.testing.assert_array_equal(t.grad, np.full_like(A, 2.0))

    @pytest.mark.parametrize(
        "f",
        [
            lambda a, b: a + b,
            lambda a, b: a + b.T.T,
            lambda a, b: (a + b).reshape(-1),
            lambda a, b: np.concatenate([a, b]),
            lambda a, b: (a + b).T,
            lambda a, b: +a - (-b),
        ],
    )
    def test_is_writable_memory_of_the_leaf_alone(self, f):
        a, b = Tensor(A, requires_grad=True), Tensor(B, requires_grad=True)
        out = f(a, b)
        seed = np.ones(out.shape)
        out.backward(seed)
        assert not any(np.shares_memory(x, y) for x, y in ((a.grad, b.grad), (a.grad, seed), (b.grad, seed)))
        a.grad[...] = 7
        np.testing.assert_array_equal(b.grad, np.ones_like(B))

    def test_of_a_leaf_that_is_the_root_is_the_seed(self):
        t = Tensor(A, requires_grad=True)
        seed = np.ones_like(A)
        t.backward(seed)
        np.testing.assert_array_equal(t.grad, seed)
        assert t.grad is not seed

    def test_is_none_on_results_and_constants(self):
        t = Tensor(A, requires_grad=True)
        out = t * Tensor(B)
        out.sum().backward()
        assert out.grad is None
        assert Tensor(B).grad is None

    def test_can_be_cleared_and_set(self):
        t = Tensor(A, requires_grad=True)
        t.grad = np.ones_like(A)
        t.sum().backward()
        np.testing.assert_array_equal(t.grad, np.full_like(A, 2.0))
        t.grad = None
        assert t.grad is None


INDICES = [
    0,
    -1,
    np.int64(1),
    np.array(1),
    slice(None),
    slice(None, None, -2),
    slice(3, 1),
    Ellipsis,
    None,
    (),
    (1, 2),
    (Ellipsis, 0),
    (None, 1, None),
    (slice(1, 3), slice(None, None, 2)),
    [0, 2, 2, 0],
    [],
    [[0, 1], [1, 1]],
    ([0, 0, 3], [1, 1, 2]),
    (slice(1, None), [2, 2]),
    ([0, 1, 1], slice(None)),
    (np.array([[0], [3]]), np.array([0, 0, 2])),
    [True, False, True, True],
    A.repeat(2, 0) > 2,
    (np.array([True, False, True, True]), 1),
    True,
]


class TestIndexing:
    @pytest.mark.parametrize("index", INDICES, ids=str)
    def test_reads_what_numpy_reads_and_sums_gradients_per_entry(self, index):
        values = np.arange(12.0).reshape(4, 3)
        t = Tensor(values, requires_grad=True)
        out = t[index]
        np.testing.assert_array_equal(out.data, values[index])
        seed = np.random.default_rng(0).uniform(size=out.shape)
        out.backward(seed)
        expected = np.zeros_like(values)
        np.add.at(expected, index, seed)
        np.testing.assert_allclose(t.grad, expected, rtol=1e-15)

    def test_a_repeated_index_adds_up(self):
        t = Tensor([1.0, 2.0], requires_grad=True)
        t[[0, 0, 0]].sum().backward()
        np.testing.assert_array_equal(t.grad, [3.0, 0.0])

    def test_by_tensors(self):
        t = Tensor(A, requires_grad=True)
        np.testing.assert_array_equal(t[Tensor([0, 0])].data, A[[0, 0]])
        np.testing.assert_array_equal(t[t > 2].data, A[A > 2])
        np.testing.assert_array_equal(t[Tensor([0, 1]), Tensor([2, 2])].data, A[[0, 1], [2, 2]])
        np.testing.assert_array_equal(t[Tensor(1)].data, A[1])

    def test_the_index_may_be_changed_afterwards(self):
        t, index = Tensor([1.0, 2.0], requires_grad=True), np.array([0])
        out = t[index]
        index[0] = 1
        out.sum().backward()
        np.testing.assert_array_equal(t.grad, [1.0, 0.0])

    def test_out_of_range_raises(self):
        with pytest.raises(IndexError, match="out of bounds"):
            Tensor(A)[7]

    def test_iteration_gives_rows_in_the_graph(self):
        t = Tensor(A, requires_grad=True)
        first, second = t
        (first * 2 + second).sum().backward()
        np.testing.assert_array_equal(t.grad, [[2.0] * 3, [1.0] * 3])

    def test_iteration_of_a_number_raises(self):
        with pytest.raises(TypeError, match="unsized"):
            list(Tensor(1.0))

    def test_len(self):
        assert len(Tensor(A)) == 2


METHODS = {
    "sum": [((), {}), ((0,), {}), ((), {"axis": (0, 1), "keepdims": True})],
    "mean": [((), {}), ((-1,), {}), ((), {"axis": 0, "keepdims": True})],
    "max": [((), {}), ((0,), {}), ((), {"axis": 1, "keepdims": True})],
    "min": [((), {}), ((0,), {})],
    "reshape": [((3, 2), {}), (((3, -1),), {}), ((6,), {"order": "F"}), ((-1,), {})],
    "transpose": [((), {}), ((1, 0), {}), (((1, 0),), {}), ((None,), {})],
    "squeeze": [((), {})],
    "ravel": [((), {}), ((), {"order": "F"})],
    "flatten": [((), {})],
    "swapaxes": [((0, 1), {})],
    "clip": [((1.0, 3.0), {}), ((), {"min": 1.0}), ((None, 2.0), {})],
    "copy": [((), {})],
    "astype": [((np.float32,), {}), (("float64",), {})],
    "all": [((), {}), ((0,), {})],
    "any": [((), {})],
    "argmax": [((), {}), ((1,), {})],
    "argmin": [((), {})],
    "argsort": [((), {})],
}


class TestMethods:
    @pytest.mark.parametrize(
        ("name", "args", "kwargs"), [(name, *call) for name, calls in METHODS.items() for call in calls]
    )
    def test_agrees_with_ndarray(self, name, args, kwargs):
        t = Tensor(A, requires_grad=True)
        found, expected = getattr(t, name)(*args, **kwargs), getattr(A, name)(*args, **kwargs)
        assert type(found) is Tensor
        assert found.dtype == expected.dtype
        assert found.requires_grad == (expected.dtype.kind == "f")
        np.testing.assert_array_equal(found.data, expected)

    def test_transposes(self):
        x = np.arange(24.0).reshape(2, 3, 4)
        np.testing.assert_array_equal(Tensor(x).T.data, x.T)
        np.testing.assert_array_equal(Tensor(x).mT.data, x.mT)

    def test_nonzero_gives_positions(self):
        rows, columns = Tensor(A, requires_grad=True).nonzero()
        np.testing.assert_array_equal(rows.data, A.nonzero()[0])
        np.testing.assert_array_equal(columns.data, A.nonzero()[1])

    def test_copy_of_booleans(self):
        np.testing.assert_array_equal(Tensor([True, False]).copy().data, [True, False])

    def test_attributes(self):
        t = Tensor(A.astype(np.float32))
        assert (t.shape, t.ndim, t.size, t.dtype) == ((2, 3), 2, 6, np.float32)

    def test_values_are_copied_in(self):
        values = A.copy()
        t = Tensor(values)
        values[...] = 0
        np.testing.assert_array_equal(t.data, A)

    def test_item_is_a_python_number(self):
        assert type(Tensor([[2.5]], requires_grad=True).item()) is float
        assert type(Tensor(3).item()) is int

    def test_tolist_of_a_constant(self):
        assert Tensor(A).tolist() == A.tolist()

    def test_detach_shares_the_values_and_stops_gradients(self):
        t = Tensor(2.0, requires_grad=True)
        held = t.detach()
        assert held.data is t.data
        assert not held.requires_grad
        (t * held).backward()
        assert t.grad == 2.0

    def test_numbers_of_constants(self):
        assert float(Tensor(2.5)) == 2.5
        assert int(Tensor(2.0)) == 2
        assert complex(Tensor(2.0)) == 2 + 0j
        assert [10, 20][Tensor(1)] == 20

    def test_truth_of_one_entry(self):
        assert Tensor(1.0, requires_grad=True)
        assert not Tensor([0.0])


class TestText:
    def test_name(self):
        t = Tensor(A, name="w")
        assert t.name == "w"
        t.name = "v"
        assert "name='v'" in repr(t)

    def test_a_result_can_be_named(self):
        t = Tensor(2.0, requires_grad=True) * 3
        t.name = "score"
        assert t.name == "score"
        constant = Tensor(2.0).detach()
        constant.name = "c"
        assert constant.name == "c"

    def test_repr(self):
        assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
        assert repr(Tensor(1.0, requires_grad=True)) == "Tensor(1., requires_grad=True)"
        assert repr(Tensor(np.float32(1.0))) == "Tensor(1., dtype=float32)"
        assert repr(Tensor(1.0, requires_grad=True) * 2) == "Tensor(2., from=np.multiply)"

    def test_format(self):
        assert f"{Tensor(2.0, requires_grad=True) / 3:.3f}" == "0.667"
        assert f"{Tensor([0.5]):.1e}" == "5.0e-01"
        assert f"{Tensor([1.0, 2.0])}" == "Tensor([1., 2.])"
        assert f"{Tensor(2.0)}" == "Tensor(2.)"


class TestIdentity:
    def test_hash_is_by_identity(self):
        t, u = Tensor(1.0), Tensor(1.0)
        assert {t: "t", u: "u"}[t] == "t"
        assert len({t, u, t}) == 2

    def test_weak_references(self):
        t = Tensor(1.0)
        reference = weakref.ref(t)
        del t
        assert reference() is None

    def test_no_attributes_by_typing_mistake(self):
        with pytest.raises(AttributeError):
            Tensor(1.0).requires_gard = True


class TestCopies:
    def test_deepcopy_of_a_leaf_copies_values_gradient_and_name(self):
        t = Tensor(A, requires_grad=True, name="w")
        t.sum().backward()
        twin = copy.deepcopy(t)
        assert twin.name == "w"
        assert twin.requires_grad
        assert not np.shares_memory(twin.data, t.data)
        assert not np.shares_memory(twin.grad, t.grad)
        np.testing.assert_array_equal(twin.grad, t.grad)

    def test_deepcopy_of_a_result_copies_the_graph(self):
        w = Tensor([1.0, 2.0], requires_grad=True, name="w")
        loss = (w * w).sum()
        twin_loss, twin_w = copy.deepcopy((loss, w))
        twin_loss.backward()
        np.testing.assert_array_equal(twin_w.grad, [2.0, 4.0])
        assert w.grad is None
        loss.backward()
        np.testing.assert_array_equal(w.grad, [2.0, 4.0])
        np.testing.assert_array_equal(twin_w.grad, [2.0, 4.0])

    def test_deepcopy_keeps_shared_parts_shared(self):
        w = Tensor(3.0, requires_grad=True)
        h = w * 2
        twin_w, first, second = copy.deepcopy([w, h + 1, h * h])
        (first + second).backward()
        assert twin_w.grad == 2 + 8 * 3.0

    def test_deepcopy_of_a_long_chain(self):
        w = Tensor(1.0, requires_grad=True)
        out = w
        for _ in range(100_000):
            out = out + 1
        twin, twin_w = copy.deepcopy((out, w))
        del out
        twin.backward()
        assert twin_w.grad == 1.0
        assert w.grad is None

    def test_pickle_of_a_leaf(self):
        t = Tensor(A.astype(np.float32), requires_grad=True, name="w")
        t.sum().backward()
        twin = pickle.loads(pickle.dumps(t))
        assert (twin.name, twin.requires_grad, twin.dtype) == ("w", True, np.float32)
        np.testing.assert_array_equal(twin.data, t.data)
        np.testing.assert_array_equal(twin.grad, t.grad)
        (twin * 2).sum().backward()
        np.testing.assert_array_equal(twin.grad, np.full_like(A, 3.0))

    def test_pickle_of_a_constant(self):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(Tensor(A).detach())).data, A)


class TestReplacingValues:
    def test_data_of_a_leaf_can_be_replaced_and_old_graphs_keep_the_old_values(self):
        t = Tensor([1.0, 2.0], requires_grad=True)
        out = (t * t).sum()
        t.data = np.array([5.0, 5.0])
        out.backward()
        np.testing.assert_array_equal(t.grad, [2.0, 4.0])
        assert (t * 2).data.tolist() == [10.0, 10.0]

    def test_python_numbers_are_converted(self):
        t = Tensor(np.float32(1.0))
        t.data = 2.0
        assert t.dtype == np.float32
        assert t.item() == 2.0

    def test_data_of_another_tensor_are_its_values_but_not_its_history(self):
        t, w = Tensor([1.0]), Tensor([3.0], requires_grad=True)
        t.data = Tensor([2.0])
        assert isinstance(t.data, np.ndarray)
        assert t.data == 2
        with pytest.raises(TypeError, match="without history"):
            t.data = w * 2
