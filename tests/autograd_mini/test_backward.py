"""The backward pass: graphs of every form, seeds, freeing, memory, long chains, threads, random programs."""

import contextlib
import copy
import gc
import threading
import tracemalloc
import types
import weakref
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini import Tensor, enable_grad, grad, no_grad, primitive, rule, scope, vjp
from autograd_mini.graph import Leaf, Node, modes
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp


def variable(values, name=None):
    return Tensor(np.asarray(values, float), requires_grad=True, name=name)


class TestGraphs:
    def test_a_value_used_twice_adds_up(self):
        x = variable(3.0)
        (x * x).backward()
        assert x.grad == 6.0

    def test_a_value_used_as_both_operands_of_every_operation(self):
        x = variable(2.0)
        (x * x + x / x + x**x - (x - x)).backward()
        assert np.isclose(x.grad, 4 + 4 * (np.log(2) + 1))

    def test_diamond(self):
        x = variable(2.0)
        left, right = x * 3, x * x
        (left * right).backward()  # 3 x**3
        assert x.grad == 9 * 2.0**2

    def test_a_tower_of_diamonds_is_linear_work(self):
        x = y = variable(1.0)
        for _ in range(200):
            y = (y + y) / 2
        y.backward()
        assert x.grad == 1.0

    def test_an_early_value_used_late(self):
        x = variable(2.0)
        early = x * x
        late = np.tanh(early) * 3
        (late + early * 5).backward()
        assert np.isclose(x.grad, 4 * (3 * (1 - np.tanh(4.0) ** 2) + 5))

    def test_two_losses_over_disjoint_graphs_accumulate(self):
        x = variable(1.0)
        (x * 2).backward()
        (x * 3).backward()
        assert x.grad == 5.0

    def test_values_that_do_not_reach_the_loss_get_no_gradient(self):
        x, unused = variable(1.0), variable(1.0)
        (unused * x).detach()
        (x * 2).backward()
        assert unused.grad is None

    def test_constants_get_no_gradient(self):
        x, c = variable(1.0), Tensor(5.0)
        (x * c).backward()
        assert c.grad is None
        assert x.grad == 5.0

    def test_broadcast_operands_get_the_sum(self):
        x, b = variable(np.ones((4, 3))), variable(np.ones(3))
        (x + b).sum().backward()
        np.testing.assert_array_equal(b.grad, [4.0] * 3)
        np.testing.assert_array_equal(x.grad, np.ones((4, 3)))

    def test_an_empty_tensor(self):
        x = variable(np.ones((0, 3)))
        np.tanh(x @ np.ones((3, 2))).sum().backward()
        assert x.grad.shape == (0, 3)


class TestSeeds:
    def test_is_the_cotangent(self):
        x = variable([1.0, 2.0])
        (x * x).backward(np.array([10.0, 100.0]))
        np.testing.assert_array_equal(x.grad, [20.0, 400.0])

    @pytest.mark.parametrize("seed", [[1, 1], np.ones(2, np.float32), np.ones(2, int), Tensor([1.0, 1.0])])
    def test_may_be_anything_that_the_dtype_holds(self, seed):
        x = variable([1.0, 2.0])
        (x * 3).backward(seed)
        np.testing.assert_array_equal(x.grad, [3.0, 3.0])
        assert x.grad.dtype == np.float64

    def test_is_1_for_one_entry_of_any_shape(self):
        x = variable([[2.0]])
        (x * x).backward()
        np.testing.assert_array_equal(x.grad, [[4.0]])

    def test_is_not_changed(self):
        seed = np.ones(2)
        x = variable([1.0, 2.0])
        (+x).backward(seed)
        (+x).backward(seed)
        np.testing.assert_array_equal(seed, [1.0, 1.0])
        np.testing.assert_array_equal(x.grad, [2.0, 2.0])


class TestFreeing:
    def test_a_second_backward_raises_and_changes_nothing(self):
        x = variable(3.0)
        loss = x * x
        loss.backward()
        with pytest.raises(RuntimeError, match="retain_graph=True"):
            loss.backward()
        assert x.grad == 6.0

    def test_a_retained_graph_can_be_used_again(self):
        x = variable(3.0)
        loss = np.tanh(x * x)
        loss.backward(retain_graph=True)
        first = x.grad
        loss.backward()
        assert x.grad == 2 * first
        with pytest.raises(RuntimeError, match="retain_graph=True"):
            loss.backward()

    def test_a_shared_part_can_be_used_again_if_it_is_retained(self):
        x = variable(3.0)
        shared = x * x
        (shared * 2).backward(retain_graph=True)
        (shared * 5).backward()
        assert x.grad == 6.0 * 7

    def test_backward_drops_the_arrays_while_the_loss_lives(self):
        x = variable(np.ones(10))
        hidden = np.tanh(x)
        activation = weakref.ref(hidden.data)
        loss = np.sum(hidden * hidden)
        del hidden
        assert activation() is not None
        loss.backward()
        assert activation() is None

    def test_a_tensor_that_nobody_reads_is_freed_before_backward(self):
        x = variable(np.ones(10))
        hidden = x + 1
        value = weakref.ref(hidden.data)
        total = (hidden * 2).sum()
        del hidden
        assert value() is None
        total.backward()
        np.testing.assert_array_equal(x.grad, np.full(10, 2.0))


def train(model, rng, steps, losses=None):
    sgd = nn.SGD(model.parameters(), learning_rate=0.05, momentum=0.9)
    x, y = rng.standard_normal((16, 4)).astype(np.float32), rng.standard_normal((16, 1)).astype(np.float32)
    for _ in range(steps):
        loss = nn.squared_error(model(x), y)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        if losses is not None:
            losses.append(loss.item())
    return [parameter.data for parameter in model.parameters()]


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class TestMemory:
    @pytest.mark.parametrize("finish", ["backward", "retained", "abandoned", "drawn twice"])
    def test_graphs_are_no_reference_cycles(self, no_collector, finish):
        x = variable(np.ones(3))
        hidden = np.tanh(x[[0, 0, 1]].reshape(3, 1) @ x.reshape(1, 3))
        loss = np.mean(np.concatenate([hidden, hidden]) ** 2)
        dead = [weakref.ref(part) for part in (x, hidden, loss, x._record, hidden._record, loss._record)]
        if finish == "backward":
            loss.backward()
        elif finish == "retained":
            loss.backward(retain_graph=True)
        elif finish == "drawn twice":
            list(loss._record.inputs)
        del x, hidden, loss
        assert [reference() for reference in dead] == [None] * len(dead)

    def test_transforms_leave_no_reference_cycles(self, no_collector):
        x = variable(np.ones(3))
        out, pullback = vjp(lambda x: np.sum(np.tanh(x) ** 3), x)
        (part,) = pullback(np.ones(()))
        dead = [weakref.ref(thing) for thing in (x, out, part, pullback.__self__)]
        del x, out, pullback, part
        assert [reference() for reference in dead] == [None] * len(dead)

    def test_a_failed_backward_leaves_no_reference_cycles(self, no_collector):
        x = variable(np.ones(3))
        loss = np.sum(np.tanh(x))
        loss.backward()
        record = weakref.ref(loss._record)
        with contextlib.suppress(RuntimeError):
            loss.backward()
        del loss, x
        assert record() is None

    def test_training_leaves_nothing_behind(self, no_collector):
        model = nn.MLP([4, 64, 64, 1], "prelu", rng=0)
        rng = np.random.default_rng(0)
        kinds = {tuple, list, dict, types.FunctionType, types.CellType, Tensor, Leaf, Node}
        train(model, rng, 3)
        tracemalloc.start()
        train(model, rng, 3)
        objects = Counter(type(thing) for thing in gc.get_objects())
        memory = tracemalloc.get_traced_memory()[0]
        train(model, rng, 30)
        grown = tracemalloc.get_traced_memory()[0] - memory
        tracemalloc.stop()
        growth = Counter(type(thing) for thing in gc.get_objects()) - objects
        assert sum(growth[kind] for kind in kinds) < 30, growth  # fewer than one for each step
        assert grown < 30 * 16 * 64 * 4, grown  # less than one activation for each step


class TestLongChains:
    @pytest.fixture
    def length(self, thorough):
        return 1_000_000 if thorough else 100_000

    def test_are_built_differentiated_and_freed_without_recursion(self, length):
        x = y = variable(1.0)
        for _ in range(length):
            y = y + 1e-6
        y.backward()
        assert x.grad == 1.0
        del y

    def test_are_freed_without_a_backward(self, length):
        x = y = variable(1.0)
        for _ in range(length):
            y = np.tanh(y)
        leaf = weakref.ref(x)
        del x, y
        assert leaf() is None

    def test_have_second_derivatives(self):
        def first(x):
            def f(x):
                for _ in range(5_000):
                    x = x * 1.0001
                return x * x

            return vjp(f, x)[1](np.ones(()))[0]

        assert np.isclose(vjp(first, 1.0)[1](np.ones(()))[0], 2 * 1.0001**10_000)


def in_thread(*functions):
    """What the functions return, each run in a thread of its own, all at once."""
    results = [None] * len(functions)

    def run(i):
        results[i] = functions[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class TestModes:
    def test_no_grad_records_nothing(self):
        x = variable(1.0)
        with no_grad():
            assert not (x * 2).requires_grad
        assert (x * 2).requires_grad

    def test_enable_grad_records_inside(self):
        x = variable(1.0)
        with no_grad(), enable_grad():
            assert (x * 2).requires_grad

    def test_no_grad_ends_with_an_error(self):
        with pytest.raises(ZeroDivisionError), no_grad():
            1 / 0
        assert modes.recording

    def test_one_no_grad_object_can_be_used_again(self):
        quiet = no_grad()
        for _ in range(2):
            with quiet:
                assert not modes.recording
            assert modes.recording

    def test_one_no_grad_object_can_be_nested_in_itself(self):
        quiet = no_grad()
        with quiet, quiet:
            assert not modes.recording
        assert modes.recording

    def test_no_grad_is_not_seen_in_another_thread(self):
        x = variable(1.0)
        with no_grad():
            assert in_thread(lambda: (x * 2).requires_grad) == [True]

    def test_a_scope_is_not_seen_in_another_thread(self):
        with scope("here"):
            assert in_thread(lambda: modes.scope) == [""]

    def test_scopes_nest_and_end(self):
        with scope("a"), scope("b"):
            assert (variable(1.0) * 2)._record.scope == "a.b"
        assert modes.scope == ""


class TestThreads:
    def test_two_threads_train_to_the_same_bits_as_one_after_the_other(self):
        def job(seed):
            return lambda: train(nn.MLP([4, 8, 1], rng=seed), np.random.default_rng(seed), 200)

        expected = [job(seed)() for seed in (1, 2)]
        found = in_thread(job(1), job(2))
        for one, other in zip(found, expected, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)

    def test_two_threads_differentiate_graphs_that_share_a_leaf(self):
        x = variable(np.ones(50))

        def job(k):
            return lambda: [vjp(lambda x: np.sum(np.tanh(x * k)), x.data)[1](1.0)[0] for _ in range(50)][-1]

        for k, found in zip((1, 2), in_thread(job(1), job(2)), strict=True):
            assert_close(found, k * (1 - np.tanh(k) ** 2) * np.ones(50), 1e-12)


# Random programs: each step takes earlier values and appends one, so values are shared and dropped at random.
UNARY = [
    np.tanh,
    np.exp,
    np.negative,
    np.square,
    lambda x: np.sqrt(1 + x * x),
    lambda x: np.log(1 + x * x),
    lambda x: np.sum(x, axis=0, keepdims=True),
    lambda x: np.mean(x, axis=-1, keepdims=True),
    lambda x: x[::-1],
    lambda x: x[[0, 0]],
    lambda x: np.transpose(x),
    lambda x: np.reshape(x, (1, -1)),
    lambda x: np.broadcast_to(x, (2, *x.shape))[0],
    lambda x: np.concatenate([x, x * 2], axis=1)[:, : x.shape[1]],
    lambda x: np.clip(x, -10.0, 10.0),
]
BINARY = [np.add, np.subtract, np.multiply, lambda a, b: a / (1 + b * b), lambda a, b: np.matmul(a, b)]
steps = st.lists(
    st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 20), st.integers(0, 20)),
    min_size=1,
    max_size=12,
)


def run(program, *inputs):
    """The sum of all values of a program; a binary step whose shapes do not fit multiplies by the mean instead."""
    values = list(inputs)
    for code, first, second in program:
        a, b = values[first % len(values)], values[second % len(values)]
        if code < len(UNARY):
            result = UNARY[code](a)
        else:
            try:
                result = BINARY[code - len(UNARY)](a, b)
            except ValueError:
                result = a * np.mean(b)
        values.append(np.tanh(result))
    return sum(np.mean(value) for value in values)


@given(steps, st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_random_programs_agree_with_differences(program, seed, shape):
    rng = np.random.default_rng(seed)
    inputs = [rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape[::-1])]
    value, pullback = vjp(lambda *xs: run(program, *xs), *inputs)
    assert_close(value, run(program, *inputs), 1e-13)
    for position, part in enumerate(pullback(np.ones(()))):
        estimate = numeric_vjp(lambda *xs: run(program, *xs), inputs, np.ones(()), position)
        assert_close(part, estimate.value, 1e-6, 10 * estimate.error + 1e-12)


@given(steps, st.integers(0, 2**32 - 1))
def test_random_programs_run_backward_on_tensors_as_on_arrays(program, seed):
    rng = np.random.default_rng(seed)
    inputs = [rng.uniform(-1, 1, (2, 3)), rng.uniform(-1, 1, (3, 2))]
    by_leaves = [Tensor(x, requires_grad=True) for x in inputs]
    run(program, *by_leaves).backward()
    _, pullback = vjp(lambda *xs: run(program, *xs), *(Tensor(x, requires_grad=True) for x in inputs))
    for leaf, part in zip(by_leaves, pullback(Tensor(1.0)), strict=True):
        assert_close(part.data, leaf.grad, 1e-12)


shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@given(shapes, st.lists(st.booleans(), min_size=3, max_size=3), st.integers(0, 3))
def test_broadcasting_of_any_shapes_sums_back(shape, stretched, dropped):
    small = tuple(1 if s else n for n, s in zip(shape, stretched, strict=False))[min(dropped, len(shape)) :]
    rng = np.random.default_rng(0)
    a, b = Tensor(rng.uniform(1, 2, shape), requires_grad=True), Tensor(rng.uniform(1, 2, small), requires_grad=True)
    out = a * b
    seed = rng.uniform(size=out.shape)
    out.backward(seed)
    assert_close(a.grad, seed * b.data, 1e-14)
    _, ones = np.broadcast_arrays(seed, a.data)
    expected = (seed * ones).reshape((1,) * (out.ndim - len(shape)) + out.shape)
    for _ in range(out.ndim - len(small)):
        expected = expected.sum(axis=0)
    for axis, n in enumerate(small):
        if n == 1:
            expected = expected.sum(axis=axis, keepdims=True)
    assert_close(b.grad, expected, 1e-13)


class TestOverwrittenOperands:
    def test_an_array_overwritten_before_the_backward_does_not_change_the_gradient(self):
        array = np.ones(3)
        w = Tensor(np.ones(3), requires_grad=True)
        loss = (w * array).sum()
        array[:] = 5
        loss.backward()
        np.testing.assert_array_equal(w.grad, np.ones(3))

    def test_the_array_given_to_tensor_may_be_overwritten(self):
        array = np.ones(3)
        w = Tensor(array, requires_grad=True)
        loss = (w * w).sum()
        array[:] = 5
        loss.backward()
        np.testing.assert_array_equal(w.grad, 2 * np.ones(3))

    def test_a_shallow_copy_of_a_result_keeps_its_history(self):
        w = Tensor(2.0, requires_grad=True)
        copy.copy(w * 3).backward()
        assert w.grad == 3


class TestSeveralResults:
    """An operation that returns a tuple: sin x and x^2 at once."""

    @pytest.fixture
    def pair(self):
        @primitive
        def pair(a):
            return np.sin(a), a * a

        rule(
            pair,
            lambda g, out, a: g[0] * np.where(np.abs(a) < 1.5, 1, -1) * np.sqrt(1 - out[0] * out[0]) + g[1] * 2 * a,
        )
        return pair

    X = np.array([0.3, 0.5])

    def test_both_are_differentiated_twice(self, pair):
        def f(x):
            sine, square = pair(x)
            return np.sum(sine * square)

        x = self.X
        np.testing.assert_allclose(grad(f)(x), np.cos(x) * x * x + 2 * x * np.sin(x), rtol=1e-12)
        second = grad(lambda x: np.sum(grad(f)(x)))(x)
        np.testing.assert_allclose(second, -np.sin(x) * x * x + 4 * x * np.cos(x) + 2 * np.sin(x), rtol=1e-12)

    def test_one_that_is_not_used_counts_as_zero(self, pair):
        np.testing.assert_allclose(grad(lambda x: np.sum(pair(x)[1]))(self.X), 2 * self.X)

    def test_results_are_tensors_with_a_history(self, pair):
        sine, _ = pair(Tensor(self.X, requires_grad=True))
        assert sine.requires_grad
        assert sine.shape == (2,)
