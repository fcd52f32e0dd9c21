"""Nobody outside can change a gradient: arrays that a rule will read are the graph's own, of NumPy's plain kind."""

import array
import threading

import dask.array
import numpy as np
import pytest

from autograd_mini import Tensor, checkpoint, enable_grad, grad, no_grad, scope, vjp
from autograd_mini.graph import modes
from autograd_mini.rules.updates import at


def variable(values):
    return Tensor(np.array(values, float), requires_grad=True)


class Reversed(np.ndarray):
    """An array whose product means something else."""

    def __mul__(self, other):
        return np.asarray(self) @ np.asarray(other)

    __rmul__ = __mul__


class TestIndexing:
    """An index of any kind of sequence counts an entry as often as it names it."""

    @pytest.mark.parametrize(
        "index",
        [
            ((0, 0),),
            ((0, 0), (1, 1)),
            (..., (0, 0)),
            ((0, 0, 1), 0),
            (((0, 0), (1, 1)), [2, 2]),
            (array.array("q", [0, 0]),),
            (range(2), [1, 1]),
            array.array("q", [0, 0]),
            (Tensor(0), [1, 1]),
        ],
    )
    def test_repeated_entries_add_up(self, index):
        t = variable(np.ones((4, 3)))
        out = t[index]
        want = np.zeros((4, 3))
        parts = index if type(index) is tuple else (index,)
        plain = tuple(p.data if isinstance(p, Tensor) else p for p in parts)
        np.add.at(want, plain, np.arange(1.0, 1 + out.size).reshape(out.shape))
        out.backward(np.arange(1.0, 1 + out.size).reshape(out.shape))
        np.testing.assert_array_equal(t.grad, want)

    def test_updates_add_up(self):
        np.testing.assert_array_equal(at(np.zeros(3))[(0, 0),].add(np.ones(2)), [2, 0, 0])
        np.testing.assert_array_equal(at(np.ones(3))[(0, 0),].multiply(np.full(2, 2.0)), [4, 1, 1])

    def test_tensors_in_a_nested_index(self):
        i, t = Tensor(0), variable(np.ones(3))
        np.sum(t[((i, i),)]).backward()
        np.testing.assert_array_equal(t.grad, [2, 0, 0])


class TestSubclasses:
    """Those of arrays, such as `np.matrix`, are arrays like any other: `*` is element by element."""

    M = np.array([[1.0, 2.0], [3.0, 4.0]]).view(Reversed)

    def test_as_operands(self):
        for call in (lambda x: x * self.M, lambda x: np.multiply(x, self.M), lambda x: np.multiply(self.M, x)):
            x = variable(np.full((2, 2), 2.0))
            out = call(x)
            assert type(out.data) is np.ndarray
            np.sum(out**2).backward()
            np.testing.assert_array_equal(x.grad, 2 * 2 * np.asarray(self.M) ** 2)

    def test_as_primals_and_cotangents(self):
        np.testing.assert_array_equal(grad(lambda x: np.sum(x * x * x))(self.M), 3 * np.asarray(self.M) ** 2)
        x = variable(np.full((2, 2), 2.0))
        (x * x).backward(self.M)
        np.testing.assert_array_equal(x.grad, 4 * np.asarray(self.M))


class TestOverwriting:
    """What is overwritten between the forward and the backward was copied before."""

    @pytest.mark.parametrize(
        "view",
        [
            lambda b: np.broadcast_to(b, (2, 3)),
            lambda b: np.lib.stride_tricks.sliding_window_view(np.append(b, 0.0), 3)[:2],
            lambda b: b,
            lambda b: b.view(Reversed),
        ],
    )
    def test_arrays_and_read_only_views_of_them(self, view):
        b = np.array([1.0, 2.0, 3.0])
        v = view(b)
        want = np.array(v)
        x = variable(np.ones(v.shape))
        y = np.sum(x * v)
        b[:] = 100
        if v.flags.writeable:
            v[...] = 100
        y.backward()
        np.testing.assert_array_equal(x.grad, want)

    def test_arguments_of_a_checkpoint(self):
        c, x = np.array([1.0, 2.0, 3.0]), variable(np.zeros(3))
        y = np.sum(checkpoint(lambda x, c: np.sin(x) * c)(x, c))
        c[:] = 100
        y.backward()
        np.testing.assert_array_equal(x.grad, [1, 2, 3])

    def test_a_parameter_that_a_checkpoint_reads_again_is_noticed(self):
        w, x = variable(np.ones(2)), variable(np.ones(2))
        y = np.sum(checkpoint(lambda a: np.sin(a * w))(x))
        w.data = np.full(2, 3.0)
        with pytest.raises(RuntimeError, match="computed other values"):
            y.backward()

    def test_the_cotangent_of_a_checkpoint(self):
        w = variable(np.full(3, 2.0))
        block = checkpoint(lambda x, w: np.sin(x) * w)
        with no_grad():
            _, pullback = vjp(lambda x: block(x, w), np.zeros(3))
        seed = np.ones(3)
        np.testing.assert_array_equal(pullback(seed)[0], [2, 2, 2])
        seed[:] = 5
        np.testing.assert_array_equal(pullback(seed)[0], [10, 10, 10])


class TestNothingIsDropped:
    @pytest.mark.parametrize(
        "call",
        [
            lambda m, x: m * x,
            lambda m, x: x * m,
            lambda m, x: m + x,
            lambda m, x: np.multiply(m, x),
            lambda m, x: np.ma.sqrt(x),
            lambda m, x: np.ma.where([True, False], x, 0),
            lambda m, x: grad(lambda y: np.sum(y * y))(m),
        ],
    )
    def test_masked_arrays_raise(self, call):
        m = np.ma.array([1.0, 2.0], mask=[True, False])
        with pytest.raises(TypeError):
            call(m, variable([1.0, 2.0]))

    @pytest.mark.parametrize("other", [np.array([1.0, 2.0], object), np.array([1, 2], "m8[s]"), np.array(["a", "b"])])
    def test_values_that_are_no_numbers_raise(self, other):
        with pytest.raises(TypeError):
            variable([1.0, 2.0]) * other


class TestModes:
    def test_a_generator_leaves_its_mode_without_its_callers(self):
        def batches():
            with no_grad():
                yield

        batch = batches()
        with scope("a"):
            next(batch)
            assert modes.scope == "a"
        batch.close()
        assert modes.recording is True
        assert modes.scope == ""

    def test_modes_left_in_another_order_than_entered(self):
        first, second = no_grad(), enable_grad()
        first.__enter__()
        second.__enter__()
        first.__exit__()
        assert modes.recording is True
        second.__exit__()
        assert modes.recording is True
        assert modes.outer == []

    def test_one_object_can_be_entered_twice(self):
        mode = no_grad()
        with mode, mode:
            assert modes.recording is False
        assert modes.recording is True


def test_backwards_of_several_threads_lose_nothing():
    x = variable(np.zeros(1))

    def work():
        for _ in range(200):
            np.sum(x * 1.0).backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(x.grad, [800])


@pytest.mark.parametrize(
    "use", [lambda w, x: w * x, lambda w, x: w * Tensor(x), lambda w, x: np.where(x > 1, w, x * w)]
)
def test_what_is_written_into_an_array_of_another_library_does_not_reach_the_gradient(use):
    x, w = dask.array.from_array(np.array([1.0, 2.0, 3.0]), chunks=2), Tensor([1.0, 1.0, 1.0], requires_grad=True)
    want = Tensor([1.0, 1.0, 1.0], requires_grad=True)
    np.sum(use(want, np.array([1.0, 2.0, 3.0]))).backward()
    total = np.sum(use(w, x))
    x[0] = 100.0
    total.backward()
    np.testing.assert_array_equal(w.grad.compute(), want.grad)
