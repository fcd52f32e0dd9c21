"""NumPy's doors: `np.f(t)` is `t.f()` is the operator, and no door lets a tensor out of its graph in silence."""

import math
import operator
import re
import warnings

import numpy as np
import pytest

from autograd_mini import Tensor, composite, constant, grad, no_grad, primitive, rule
from autograd_mini.primitive import composites, constants, primitives

V = np.array([[2.0, 0.5, 0.25], [0.5, 3.0, 0.125], [0.25, 0.125, 4.0]])
Dispatcher = type(np.sum)


def variable(values=V):
    return Tensor(values, requires_grad=True)


def by_name(f):
    return f.__name__


def public(module):
    return {
        f"{module.__name__.replace('numpy', 'np')}.{name}": getattr(module, name) for name in sorted(module.__all__)
    }


# These read files, print, or set NumPy's own state.
ASIDE = {"errstate", "fromfile", "fromregex", "genfromtxt", "info", "load", "loadtxt", "memmap", "printoptions"}
ASIDE |= {"set_printoptions", "setbufsize", "seterr", "seterrcall", "show_config", "show_runtime", "test"}


PUBLIC = {
    name: f
    for name, f in {**public(np), **public(np.linalg), **public(np.fft)}.items()
    if callable(f) and not (isinstance(f, type) and issubclass(f, Exception)) and name.rpartition(".")[2] not in ASIDE
}
REGISTERED = {*primitives, *composites, *constants}
DISPATCHED = {name: f for name, f in PUBLIC.items() if isinstance(f, np.ufunc | Dispatcher)}
WITHOUT_RULE = {name: f for name, f in DISPATCHED.items() if f not in REGISTERED}
CONVERTING = {name: f for name, f in PUBLIC.items() if name not in DISPATCHED}

CALLS = {
    "f(t)": lambda f, t: f(t),
    "f(t, t)": lambda f, t: f(t, t),
    "f([t, t])": lambda f, t: f([t, t]),
    "f((t, a))": lambda f, t: f((t, V.copy())),
    "f(a, t)": lambda f, t: f(V.copy(), t),
    "f(t, a)": lambda f, t: f(t, V.copy()),
    "f(t, 1)": lambda f, t: f(t, 1),
    "f(1, t)": lambda f, t: f(1, t),
    "f(a, 1, t)": lambda f, t: f(V.copy(), 1, t),
    "f(a, a, t)": lambda f, t: f(V.copy(), V.copy(), t),
    "f(a[0], t)": lambda f, t: f(np.arange(3.0), t),
    "f(t[0], a[0])": lambda f, t: f(t[0], np.arange(3.0)),
    "f(t, t, t)": lambda f, t: f(t, t, t),
    "f(t, t, t, 0)": lambda f, t: f(t, t, t, 0),
    "f('ij->i', t)": lambda f, t: f("ij->i", t),
    "f(np.sum, t)": lambda f, t: f(np.sum, t),
    "f(np.sum, 0, t)": lambda f, t: f(np.sum, 0, t),
}


def is_numpys(f):
    return (getattr(f, "__module__", None) or "numpy").startswith("numpy")


def outcomes(f, tensor=variable):
    """What each way to call `f` with tensors gives: a result or an exception."""
    found = {}
    for way, call in CALLS.items():
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                found[way] = call(f, tensor())
            except Exception as error:  # noqa: BLE001
                found[way] = error
    return found


def arrays(result):
    """The arrays of floating-point numbers in a result, tensors without history included."""
    if isinstance(result, tuple | list):
        return [array for part in result for array in arrays(part)]
    if isinstance(result, Tensor):
        return [] if result.requires_grad else arrays(result.data)
    if isinstance(result, np.ndarray | np.generic | float | complex):
        return [np.asarray(result)] if np.asarray(result).dtype.kind in "fc" else []
    return []


def assert_holds_no_values(f):
    """No result of `f` that has left the graph depends on the values of the tensors that it was given."""
    before, after = outcomes(f), outcomes(f, lambda: variable(V + 1e-3))
    for way, result in before.items():
        for one, two in zip(arrays(result), arrays(after[way]), strict=True):
            np.testing.assert_array_equal(one, two, err_msg=way)


@pytest.mark.parametrize("name", WITHOUT_RULE)
def test_a_function_without_a_rule_raises_and_names_itself(name):
    f = WITHOUT_RULE[name]
    own = f.__name__ if isinstance(f, np.ufunc) else name.rpartition(".")[2]
    errors = [str(error) for error in outcomes(f).values() if isinstance(error, TypeError)]
    assert any(re.search(rf"\b{own} was called .*(requires grad|to write into)", error) for error in errors), errors
    assert_holds_no_values(f)


@pytest.mark.parametrize("name", CONVERTING)
def test_a_function_outside_the_protocols_cannot_take_the_values_out(name):
    if name in {"np.empty", "np.ndarray", "np.recarray"}:
        pytest.skip("makes arrays of any values; takes only a dtype from the tensor")
    assert_holds_no_values(CONVERTING[name])


# Integers never require grad, so functions of integers alone are constant without saying so.
OF_NUMBERS = [f for f in constants if not isinstance(f, np.ufunc) or any("d" in types for types in f.types)]


@pytest.mark.parametrize(
    "f", sorted({f for f in OF_NUMBERS if is_numpys(f)} - {np.empty_like}, key=by_name), ids=by_name
)
def test_what_is_declared_constant_is_constant(f):
    results = outcomes(f).values()
    assert not all(isinstance(result, Exception) for result in results), results
    assert_holds_no_values(f)


def leaves(result):
    """The parts of nested tuples and lists."""
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, tuple | list) else [result]


# Sets change by jumps where two entries become equal, and `astype` to integers leaves the graph on purpose.
OTHERS = {np.intersect1d, np.setdiff1d, np.setxor1d, np.astype, np.polyint}
NUMPYS = [f for f in composites if is_numpys(f) and f not in OTHERS]


@pytest.mark.parametrize("f", NUMPYS, ids=by_name)
def test_a_composite_stays_in_the_graph(f):
    """Those that need other arguments than tensors are called in the tests of their families."""
    results = [leaf for out in outcomes(f).values() if not isinstance(out, Exception) for leaf in leaves(out)]
    assert not results or any(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in results)
    assert_holds_no_values(f)


class TestThreeWaysToSayIt:
    @pytest.mark.parametrize(
        ("function", "other"),
        [
            (np.add, operator.add),
            (np.subtract, operator.sub),
            (np.multiply, operator.mul),
            (np.divide, operator.truediv),
            (np.power, operator.pow),
            (np.matmul, operator.matmul),
        ],
        ids=by_name,
    )
    def test_functions_and_operators(self, function, other):
        for a, b in ((variable(), V), (V, variable()), (variable(), variable())):
            np.testing.assert_array_equal(function(a, b).data, other(V, V))
            assert function(a, b)._record.primitive is other(a, b)._record.primitive

    @pytest.mark.parametrize(
        "name", ["sum", "mean", "max", "min", "ravel", "squeeze", "transpose", "clip", "argmax", "all", "swapaxes"]
    )
    def test_functions_and_methods(self, name):
        arguments = {"clip": (0.5, 2.0), "swapaxes": (0, 1)}.get(name, ())
        by_function, by_method = getattr(np, name)(variable(), *arguments), getattr(variable(), name)(*arguments)
        np.testing.assert_array_equal(by_function.data, getattr(np, name)(V, *arguments))
        np.testing.assert_array_equal(by_method.data, by_function.data)

    def test_scalars_of_numpy_on_the_left(self):
        assert (np.float64(2.0) * variable()).requires_grad
        assert (np.float32(2.0) / variable(V.astype(np.float32))).dtype == np.float32

    def test_positional_and_named_options(self):
        t = variable()
        np.testing.assert_array_equal(np.sum(t, 0).data, V.sum(0))
        np.testing.assert_array_equal(np.sum(t, 0, None, None, True).data, V.sum(0, keepdims=True))
        np.testing.assert_array_equal(np.sum(a=t, axis=0).data, V.sum(0))
        np.testing.assert_array_equal(np.reshape(t, (9,), order="F").data, V.reshape(9, order="F"))
        np.testing.assert_array_equal(np.broadcast_to(array=t, shape=(2, 3, 3)).data, np.broadcast_to(V, (2, 3, 3)))
        np.testing.assert_array_equal(np.max(t, 0, None, True).data, np.max(V, 0, None, True))
        np.testing.assert_array_equal(np.mean(t, 0, None).data, np.mean(V, 0))

    @pytest.mark.parametrize("axis", [0, 1, -1, -2, None])
    def test_concatenate_along_any_axis(self, axis):
        a, b = variable(), variable(V[:, :3] * 2)
        out = np.concatenate([a, b], axis=axis)
        np.testing.assert_array_equal(out.data, np.concatenate([V, V * 2], axis=axis))
        seed = np.arange(float(out.size)).reshape(out.shape)
        out.backward(seed)
        parts = np.split(seed, 2, axis=axis or 0)
        np.testing.assert_array_equal(a.grad, parts[0].reshape(3, 3))
        np.testing.assert_array_equal(b.grad, parts[1].reshape(3, 3))

    @pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
    def test_stack_along_any_axis(self, axis):
        a, b = variable(), variable(V * 2)
        out = np.stack([a, b], axis=axis)
        np.testing.assert_array_equal(out.data, np.stack([V, V * 2], axis=axis))
        (out * out).sum().backward()
        np.testing.assert_array_equal(a.grad, 2 * V)
        np.testing.assert_array_equal(b.grad, 4 * V)

    @pytest.mark.parametrize(
        "call",
        [
            lambda t: np.std(t, 0, None, None, 1),
            lambda t: np.nanmedian(t, 0, None, False, True),
            lambda t: np.median(t, 0, None),
            lambda t: np.sum(t, 1, np.float32, None, True),
            lambda t: np.cumsum(t, 1, None, None),
            lambda t: np.std(t, keepdims=np._NoValue),
            lambda t: t.sum(0, np.float32),
            lambda t: t.mean(keepdims=True, where=np.array([True, False, True])),
        ],
    )
    def test_arguments_by_position(self, call):
        want, got = call(V), call(variable())
        np.testing.assert_allclose(got.data, want)
        assert got.requires_grad
        assert got.dtype == want.dtype

    def test_joins_tensors_arrays_and_whole_tensors(self):
        t = variable()
        np.testing.assert_array_equal(np.concatenate([V, t]).data, np.concatenate([V, V]))
        np.testing.assert_array_equal(np.concatenate(t).data, np.concatenate(V))

    @pytest.mark.parametrize("kwargs", [{"min": 1.0}, {"max": 1.0}, {"a_min": 0.5, "a_max": 2.0}, {}], ids=str)
    def test_clip_takes_all_names(self, kwargs):
        np.testing.assert_array_equal(np.clip(variable(), **kwargs).data, np.clip(V, **kwargs))

    def test_gradients_flow_to_the_bounds_of_clip(self):
        low, high = variable(1.0), variable(2.5)
        np.clip(V, low, high).sum().backward()
        assert low.grad == np.sum(V < 1)
        assert high.grad == np.sum(V > 2.5)

    def test_where_with_one_argument_gives_positions(self):
        positions = np.where(variable() > 1)
        assert type(positions) is tuple
        rows, columns = positions
        np.testing.assert_array_equal(rows.data, np.where(V > 1)[0])
        np.testing.assert_array_equal(columns.data, np.where(V > 1)[1])

    def test_results_of_constants_are_tensors_without_history(self):
        out = np.linalg.inv(Tensor(V))
        assert type(out) is Tensor
        assert not out.requires_grad
        np.testing.assert_array_equal(out.data, np.linalg.inv(V))
        sign, logarithm = np.linalg.slogdet(Tensor(V))
        assert type(sign) is type(logarithm) is Tensor

    def test_functions_without_a_rule_work_under_no_grad(self):
        with no_grad():
            np.testing.assert_array_equal(np.linalg.inv(variable()).data, np.linalg.inv(V))
            np.testing.assert_array_equal(np.floor(variable()).data, np.floor(V))
            np.testing.assert_array_equal(np.add.reduce(variable()).data, np.add.reduce(V))


class TestNothingLeaves:
    @pytest.mark.parametrize(
        "take",
        [
            np.asarray,
            np.array,
            lambda t: np.array([t, t]),
            lambda t: np.array([[t], [t]]),
            lambda t: np.array((t, 1.0)),
            lambda t: np.array(t, dtype=object),
            lambda t: np.array([t, t], dtype=object),
            lambda t: np.asarray(t, dtype=np.float32),
            np.ascontiguousarray,
            lambda t: np.full((2,), t),
            lambda t: np.full_like(V, t),
            lambda t: np.put(V.copy(), [0], t),
            lambda t: V.copy().__setitem__(0, t),
            np.float64,
            float,
            int,
            complex,
            math.exp,
            math.sqrt,
            lambda t: t.tolist(),
            lambda t: [1, 2, 3][t],
            lambda t: np.random.default_rng(0).normal(t),
            np.ma.array,
            lambda t: np.fromiter(t, float),
            lambda t: np.testing.assert_allclose(t, 2.0),
        ],
    )
    def test_conversion_raises(self, take):
        with pytest.raises(TypeError):
            take(variable(2.0))

    def test_filling_an_array_raises(self):
        with pytest.raises(ValueError, match="setting an array element") as caught:
            V.copy().fill(variable(2.0))
        assert "drop it out of the graph" in str(caught.value.__cause__)

    def test_comparison_helpers_are_constant(self):
        assert np.allclose(variable(), V)
        assert np.array_equal(variable(), V)

    @pytest.mark.parametrize(
        "write",
        [
            lambda t, array: np.tanh(t, out=array),
            lambda t, array: np.tanh(t, array),
            lambda t, array: np.sum(t, axis=0, out=array[0]),
            lambda t, array: np.sum(t, 0, None, array[0]),
            lambda t, array: np.concatenate([t], out=array),
            lambda t, array: np.clip(t, 0, 1, out=array),
            lambda t, array: np.clip(t, 0, 1, array),
            lambda t, array: np.matmul(t, t, out=array),
            lambda t, array: np.add(array, 1, out=t),
            lambda t, array: np.stack([t], out=array[None]),
            lambda t, array: operator.iadd(array, t),
            lambda t, array: operator.imatmul(array, t),
            lambda t, array: np.copyto(t, array),
            lambda t, array: np.fill_diagonal(t, 1.0),
            lambda t, array: np.put(t, [0], 1.0),
            lambda t, array: np.add.at(t, 0, array[0]),
        ],
    )
    @pytest.mark.parametrize("requires_grad", [True, False])
    def test_writing_raises_and_writes_nothing(self, write, requires_grad):
        t, array = Tensor(V, requires_grad=requires_grad), np.full_like(V, -7.0)
        with pytest.raises(TypeError):
            write(t, array)
        np.testing.assert_array_equal(t.data, V)
        np.testing.assert_array_equal(array, np.full_like(V, -7.0))

    @pytest.mark.parametrize(
        "write",
        [
            lambda array, t: np.copyto(array, t),
            lambda array, t: np.put(array, [0], t[0, 0]),
            lambda array, t: np.add.at(array, 0, t[0]),
            lambda array, t: array.__setitem__(0, t[0]),
        ],
    )
    def test_writing_a_tensor_that_requires_grad_into_an_array_raises(self, write):
        array = V.copy()
        with pytest.raises(TypeError, match="requires grad"):
            write(array, variable(2 * V))
        np.testing.assert_array_equal(array, V)

    @pytest.mark.parametrize(
        "call",
        [
            np.add.reduce,
            np.multiply.reduce,
            np.add.accumulate,
            lambda t: np.add.reduceat(t, [0, 1]),
            lambda t: np.multiply.outer(t, V),
            lambda t: np.multiply.outer(V, t),
            lambda t: np.maximum.reduce(t, axis=1),
            np.arctan2.reduce,
        ],
    )
    def test_methods_of_ufuncs_stay_in_the_graph(self, call):
        out = call(variable())
        assert out.requires_grad
        np.testing.assert_allclose(out.data, call(V))

    def test_methods_of_ufuncs_work_on_constants(self):
        np.testing.assert_array_equal(np.add.reduce(Tensor(V)).data, np.add.reduce(V))

    def test_keywords_that_no_rule_knows_raise(self):
        for call in (
            lambda t: np.multiply(t, t, order="F"),
            lambda t: np.matmul(t, t, axes=[(0, 1), (0, 1), (0, 1)]),
        ):
            with pytest.raises(TypeError, match="which its derivative rule does not know"):
                call(variable())

    def test_out_is_refused_by_position_too(self):
        with pytest.raises(TypeError, match=r"np\.std was given `out=`"):
            np.std(variable(), 0, None, np.zeros(3))

    def test_other_containers_of_tensors_are_seen(self):
        with pytest.raises(TypeError, match=r"np\.histogramdd"):
            np.histogramdd([variable(), V])


class TestFunctionsOfOnesOwn:
    def test_a_primitive_runs_on_arrays_as_it_is(self):
        @primitive
        def triple(x):
            return 3 * x

        assert type(triple(V)) is np.ndarray
        assert triple.__name__ == "triple"

    def test_a_rule_for_a_function_of_numpy(self):
        rule(np.sinh, lambda g, _out, x: g * np.cosh(x))
        rule(np.cosh, lambda g, _out, x: g * np.sinh(x))
        assert np.isclose(grad(grad(grad(np.sinh)))(0.5), np.cosh(0.5))

    def test_a_composite_for_a_function_of_numpy(self):
        @composite(np.exp2)
        def _exp2(x):
            return np.power(2.0, x)

        # universal functions come by another door than the others; both lead to the composite
        assert np.isclose(grad(np.exp2)(3.0), 8 * np.log(2))

    def test_a_composite_for_a_function_that_is_no_ufunc(self):
        @composite(np.ptp)
        def _ptp(a):
            return np.max(a) - np.min(a)

        np.testing.assert_array_equal(grad(np.ptp)(np.array([1.0, 5.0, 2.0])), [-1.0, 1.0, 0.0])

    def test_a_constant_for_a_function_of_numpy(self):
        constant(np.floor)
        assert grad(lambda x: x * np.floor(x))(2.5) == 2.0

    def test_options_reach_the_rule(self):
        @primitive
        def scaled(x, factor=2.0):
            return x * factor

        rule(scaled, lambda g, _out, _x, factor=2.0: g * factor)
        assert grad(scaled)(1.0) == 2.0
        assert grad(lambda x: scaled(x, 5.0))(1.0) == 5.0
        assert grad(lambda x: scaled(x, factor=7.0))(1.0) == 7.0

    def test_a_tensor_given_by_name_is_seen(self):
        @primitive
        def triple(x):
            return 3 * x

        rule(triple, lambda g, _out, _x: 3 * g)
        assert triple(x=variable())._record.primitive is primitives[triple]

    def test_an_argument_without_derivative_is_none(self):
        @primitive
        def pick(mask, x):
            return np.where(mask, x, 0.0)

        rule(pick, None, lambda g, _out, mask, _x: np.where(mask, g, 0.0))
        np.testing.assert_array_equal(grad(lambda x: pick(V[0] > 1, x).sum())(V[0]), [1.0, 0.0, 0.0])

    def test_a_broadcasting_primitive_is_summed(self):
        @primitive
        def plus(a, b):
            return a + b

        rule(plus, lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: g, broadcasts=True)
        np.testing.assert_array_equal(grad(lambda b: plus(V, b).sum())(V[0]), [3.0] * 3)

    def test_a_variadic_primitive(self):
        @primitive
        def total(arrays):
            return sum(np.asarray(a) for a in arrays)

        rule(total, lambda position, g, _out, *_arrays: g * (position + 1), variadic=True)
        a, b = variable(), variable()
        np.testing.assert_array_equal(total([a, b]).data, 2 * V)
