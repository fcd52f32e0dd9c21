"""The options of universal functions, `where=` and `dtype=`, and their methods `reduce`, `accumulate`, `outer`."""

import itertools

import numpy as np
import pytest

from autograd_mini import Tensor, grad, vjp
from autograd_mini.primitive import primitives
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp

MASK = np.array([[True, False, True], [False, False, True]])
WITH_RULES = [f for f in primitives if isinstance(f, np.ufunc) and f.signature is None and f.nout == 1]
FOLDED = [np.hypot, np.logaddexp, np.subtract, np.fmax, np.fmin, np.multiply, np.add]
CUBE = np.random.default_rng(0).uniform(0.5, 2, (2, 3, 4))
ROWS = np.array([True, False, True])[:, None]


def operands_of(ufunc):
    """Values inside the domain of each operand."""
    rng = np.random.default_rng(0)
    intervals = primitives[ufunc].domain.intervals
    for i in range(ufunc.nin):
        interval = intervals[min(i, len(intervals) - 1)]
        low, high = max(interval.low, -2.0), min(interval.high, 2.0 + max(interval.low, -2.0))
        values = rng.uniform(low + 0.1 * (high - low), high - 0.1 * (high - low), (2, 3))
        yield values if ufunc is not np.ldexp or i == 0 else np.arange(6).reshape(2, 3)


def tensor(values):
    return Tensor(values, requires_grad=np.issubdtype(values.dtype, np.inexact))


class TestWhere:
    @pytest.mark.parametrize("ufunc", WITH_RULES, ids=lambda f: f.__name__)
    def test_is_the_function_there_and_0_elsewhere(self, ufunc):
        values = list(operands_of(ufunc))
        whole, masked = [tensor(v) for v in values], [tensor(v) for v in values]
        out = ufunc(*masked, where=MASK)
        np.testing.assert_array_equal(out.data, np.where(MASK, ufunc(*values), 0))
        if out.requires_grad:
            out.sum().backward()
            ufunc(*whole).backward(MASK.astype(float))
            for a, b in zip(masked, whole, strict=True):
                if a.requires_grad:
                    assert_close(a.grad, b.grad, 1e-14)

    def test_computes_nothing_where_the_mask_is_false(self):
        x = Tensor([4.0, -1.0, 0.0], requires_grad=True)
        out = np.log(x, where=x > 0)
        out.sum().backward()
        np.testing.assert_array_equal(x.grad, [0.25, 0, 0])

    def test_broadcasts_and_derives_twice(self):
        f = lambda x: np.sum(np.power(x[:, None], 3.0, where=MASK))
        x = np.array([0.5, 2.0])
        assert_close(grad(lambda x: np.sum(grad(f)(x)))(x), 6 * x * MASK.sum(axis=1), 1e-14)

    def test_of_several_results(self):
        x = Tensor([4.5, -1.5], requires_grad=True)
        fraction, whole = np.modf(x, where=[False, True])
        np.testing.assert_array_equal([fraction.data, whole.data], [[0, -0.5], [0, -1]])
        fraction.sum().backward()
        np.testing.assert_array_equal(x.grad, [0, 1])

    @pytest.mark.parametrize("mask", [True, False, np.True_, np.array(False)])
    def test_one_truth_value_for_all(self, mask):
        x = Tensor([1.0, 2.0], requires_grad=True)
        np.square(x, where=mask).sum().backward()
        np.testing.assert_array_equal(x.grad, [2.0, 4.0] if mask else [0.0, 0.0])

    def test_of_a_comparison(self):
        out = np.greater(Tensor([1.0, -1.0, 2.0]), 0, where=[True, True, False])
        np.testing.assert_array_equal(out.data, [True, False, False])


class TestDtype:
    @pytest.mark.parametrize("ufunc", [f for f in WITH_RULES if f is not np.ldexp], ids=lambda f: f.__name__)
    def test_computes_in_it_and_gives_gradients_in_the_operands_own(self, ufunc):
        if np.dtype(np.float32) not in [np.dtype(types[-1]) for types in ufunc.types]:
            pytest.skip("it has no loop of that dtype")
        values = list(operands_of(ufunc))
        tensors = [tensor(v) for v in values]
        out, want = ufunc(*tensors, dtype=np.float32), ufunc(*values, dtype=np.float32)
        assert out.dtype == want.dtype
        np.testing.assert_array_equal(out.data, want)
        if out.requires_grad:
            out.sum().backward()
            assert {t.grad.dtype for t in tensors if t.requires_grad and t.grad is not None} <= {np.dtype(float)}

    @pytest.mark.parametrize("other", [1, 2.5, True, [1, 2], np.array([1, 2]), np.float64(3)])
    def test_with_operands_that_are_no_tensors(self, other):
        x = Tensor(np.ones(2, np.float32), requires_grad=True)
        for options in ({"dtype": np.float64}, {"dtype": "f4"}, {"signature": "dd->d"}, {"dtype": complex}):
            want = np.multiply(x.data, other, **options)
            out = np.multiply(x, other, **options)
            assert out.dtype == want.dtype
            np.testing.assert_array_equal(out.data, want)

    def test_a_cast_that_would_lose_values_raises_as_in_numpy(self):
        with pytest.raises(TypeError, match="casting rule"):
            np.add(Tensor([1.0], requires_grad=True), 1, dtype=int)
        with pytest.raises(TypeError, match="casting rule"):
            np.add(Tensor([1.0], requires_grad=True), 1, dtype=np.float32, casting="safe")


REDUCTIONS = [
    {},
    {"axis": 1},
    {"axis": -1, "keepdims": True},
    {"axis": 1, "dtype": np.float32},
    {"axis": 1, "initial": 0.5},
    {"axis": 1, "initial": 0.5, "where": ROWS},
]
SEVERAL = [
    {"axis": (0, 2)},
    {"axis": None},
    {"axis": None, "keepdims": True},
    {"axis": (-1, 0), "keepdims": True, "where": ROWS, "initial": 0.25},
]
CALLS = [(f, o) for f in FOLDED for o in REDUCTIONS + (SEVERAL if f is not np.subtract else [])]


class TestReduce:
    @pytest.mark.parametrize(("ufunc", "options"), CALLS, ids=lambda x: getattr(x, "__name__", str(x)[:40]))
    def test_values_are_numpys_and_derivatives_those_of_numbers(self, ufunc, options):
        want = ufunc.reduce(CUBE, **options)
        out, pullback = vjp(lambda t: ufunc.reduce(t, **options), CUBE)
        assert out.dtype == want.dtype
        assert_close(out, want, 1e-6 if "dtype" in options else 1e-14)
        if "dtype" not in options:
            cotangent = np.random.default_rng(1).normal(size=out.shape)
            numbers = numeric_vjp(lambda a: ufunc.reduce(a, **options), (CUBE,), cotangent, 0)
            assert_close(pullback(cotangent)[0], numbers.value, 1e-9, numbers.error)

    def test_of_no_entries_is_the_identity(self):
        out = np.hypot.reduce(Tensor(np.zeros((2, 0)), requires_grad=True), axis=1)
        np.testing.assert_array_equal(out.data, [0, 0])

    def test_without_a_value_to_start_from_raises(self):
        with pytest.raises(ValueError, match=r"np\.fmax\.reduce\(t, initial="):
            np.fmax.reduce(Tensor(CUBE, requires_grad=True), where=ROWS)


@pytest.mark.parametrize("ufunc", FOLDED, ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_accumulate(ufunc, axis):
    want = ufunc.accumulate(CUBE, axis=axis)
    out, pullback = vjp(lambda t: ufunc.accumulate(t, axis=axis), CUBE)
    assert_close(out, want, 1e-14)
    cotangent = np.random.default_rng(1).normal(size=out.shape)
    numbers = numeric_vjp(lambda a: ufunc.accumulate(a, axis=axis), (CUBE,), cotangent, 0)
    assert_close(pullback(cotangent)[0], numbers.value, 1e-9, numbers.error)


@pytest.mark.parametrize(
    ("ufunc", "options"), list(itertools.product(FOLDED, [{}, {"where": ROWS.T}, {"dtype": np.float64}]))
)
def test_outer(ufunc, options):
    a, b = CUBE[0, 0], CUBE[1, :2, :3]
    out, pullback = vjp(lambda a, b: ufunc.outer(a, b, **options), a, b)
    want = ufunc.outer(a, b)
    np.testing.assert_array_equal(out, want if "where" not in options else np.where(ROWS.T, want, 0))
    cotangent = np.ones(out.shape) if "where" not in options else np.broadcast_to(ROWS.T, out.shape).astype(float)
    for position in (0, 1):
        numbers = numeric_vjp(ufunc.outer, (a, b), cotangent, position)
        assert_close(pullback(np.ones(out.shape))[position], numbers.value, 1e-9, numbers.error)
