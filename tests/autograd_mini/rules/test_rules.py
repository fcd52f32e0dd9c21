"""Every rule, on every example call of its domain, to second order; the registry says which there are."""

import gc
import inspect
import weakref
import zlib
from typing import NamedTuple

import dask.array
import numpy as np
import pytest

import autograd_mini
import nn
from autograd_mini import Tensor, vjp
from autograd_mini.primitive import primitives
from autograd_mini.rules.elementwise import cast
from autograd_mini.rules.signatures import signature
from autograd_mini.testing import check_derivatives
from tests.autograd_mini.testing.numeric import assert_close

AWAY = 8e-3  # from every kink
# Of what a solver with steps of its own computes, and of values of which SciPy has no more digits.
RTOL = {"trajectory": 1e-7, **{f"itairy[{i}]": 1e-5 for i in range(4)}}


class Call(NamedTuple):
    """One example call of one primitive."""

    function: object
    case: object

    @property
    def primitive(self):
        return primitives[self.function]

    def __call__(self, *operands):
        """Call the function as a user does; several results but whole numbers, and complex parts, are joined."""
        arguments = (list(operands),) if self.primitive.variadic else operands
        out = self.function(*arguments, **self.case.options)
        if isinstance(out, tuple):
            out = np.concatenate([np.ravel(part) for part in out if part.dtype.kind in "fc"])
        is_analytic = any(operand.dtype.kind == "c" for operand in operands)  # a complex step: no parts are taken
        return np.stack([np.real(out), np.imag(out)]) if np.iscomplexobj(out) and not is_analytic else out

    def has_rule(self, position):
        return self.primitive.variadic or self.primitive.vjps[position] is not None

    @property
    def differentiable(self):
        return [i for i in range(len(self.case.shapes)) if self.has_rule(i)]

    def draw(self, dtype=float):
        """Valid operands in their intervals and away from kinks; one without a rule is a mask of booleans."""
        domain, seed = self.primitive.domain, zlib.crc32(str(self).encode())
        rng = np.random.default_rng(seed)
        for _ in range(10_000):
            operands = []
            for i, shape in enumerate(self.case.shapes):
                low, high = domain.intervals[min(i, len(domain.intervals) - 1)]
                low, high = max(low + 0.1, min(-2.0, high - 4)), min(high - 0.1, max(2.0, low + 4))
                values = rng.uniform(low, high, shape) if self.has_rule(i) else rng.uniform(-1, 1, shape) > 0
                operands.append(np.asarray(values, dtype if self.has_rule(i) else bool))
            if domain.prepare is not None:
                prepared = domain.prepare(*operands)
                operands = list(prepared) if isinstance(prepared, tuple) else [prepared]
            if domain.kinks is None or not all(map(self.has_rule, range(len(operands)))):
                return operands
            if np.min(np.abs(domain.kinks(*operands, **self.case.options)), initial=np.inf) > AWAY:
                return operands
        raise AssertionError(f"found no operands away from the kinks of {self}")

    def by(self, positions, operands):
        """This call as a function of the operands at `positions` alone."""

        def f(*chosen):
            call = list(operands)
            for position, operand in zip(positions, chosen, strict=True):
                call[position] = operand
            return self(*call)

        return f

    def derivative(self, operands, cotangent):
        """The cotangents of the differentiable operands, for arrays or tensors."""
        wanted = self.differentiable
        return vjp(self.by(wanted, operands), *(operands[i] for i in wanted))[1](cotangent)

    def cotangent(self, operands):
        out = np.asarray(self(*operands))
        return np.random.default_rng(1).uniform(0.5, 1.5, out.shape).astype(out.dtype)

    def __str__(self):
        options = "".join(f"-{name}={option}" for name, option in self.case.options.items())
        return f"{self.primitive.name}-{'-'.join(map(str, self.case.shapes))}{options}".replace("\n", "")


PACKAGES = {np.__name__, autograd_mini.__name__, nn.__name__}
SCIPYS = f"{autograd_mini.__name__}.scipy."


def is_of_a_library(function):
    """Whether a function is NumPy's or this library's, but for SciPy's: none that another file of tests registered."""
    if isinstance(function, np.ufunc):  # before NumPy 2.2 these do not tell where they are from
        return getattr(np, function.__name__, None) is function
    home = getattr(function, "__module__", None) or ""
    return home.partition(".")[0] in PACKAGES and not home.startswith(SCIPYS)


FUNCTIONS = [function for function in primitives if is_of_a_library(function)]
CALLS = [Call(function, case) for function in FUNCTIONS for case in primitives[function].domain.cases]
LARGE = [call for call in CALLS if any(np.prod(shape) > 1 for shape in call.case.shapes)]
every_call = pytest.mark.parametrize("call", CALLS, ids=str)
# What takes long is asked of every other call by `make test`, and of all by `make test-all` and `make test-lowest`.
every_call_half_heavy = pytest.mark.parametrize(
    "call", [pytest.param(call, marks=[pytest.mark.heavy] * (i % 2)) for i, call in enumerate(CALLS)], ids=str
)
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: primitives[function].name)


@every_function
def test_rule_comes_with_example_calls(function):
    primitive = primitives[function]
    assert primitive.domain.cases
    arities = {len(case.shapes) for case in primitive.domain.cases}
    assert primitive.variadic or arities == {len(primitive.vjps)}
    assert primitive.variadic or len(primitive.domain.intervals) in (1, len(primitive.vjps))


@every_function
def test_some_example_call_has_more_than_one_entry(function):
    assert any(call.function is function for call in LARGE)


@every_call_half_heavy
def test_derivatives_to_second_order(call):
    """Against numbers, and all that `check_derivatives` asks: purity, linearity, memory layouts, precision."""
    if call.function is cast:
        pytest.skip("float32 is a staircase in float64; see test_cast_twice")
    operands = call.draw()
    wanted = call.differentiable
    f = call.by(wanted, operands)
    f.__name__ = str(call)
    name = call.primitive.name
    small = name.startswith("np.") and name != "np.linalg.multi_dot"  # which is for vectors and matrices
    arguments = (operands[i] for i in wanted)
    report = check_derivatives(f, *arguments, rtol=RTOL.get(name, 0), small_shapes=small)
    assert report.order == 2
    assert not report.kinks


@every_call
def test_float32_stays_float32(call):
    wide = call.draw()
    narrow = [operand.astype(np.float32) if operand.dtype == float else operand for operand in wide]
    out = call(*(Tensor(operand) for operand in narrow)) if not call.primitive.variadic else call(*narrow)
    assert out.dtype == np.float32
    cotangent = call.cotangent(wide)
    found = call.derivative(narrow, cotangent.astype(np.float32))
    for part, expected in zip(found, call.derivative(wide, cotangent), strict=True):
        assert part.dtype == np.float32
        assert_close(part, expected, rtol=1e-4)


@every_call
def test_a_second_derivative_in_float32_stays_float32(call):
    operands = [Tensor(x.astype(np.float32), requires_grad=True) if x.dtype == float else x for x in call.draw()]
    cotangent = Tensor(call.cotangent(call.draw()).astype(np.float32), requires_grad=True)
    parts = call.derivative(operands, cotangent)
    assert [part.dtype for part in parts] == [np.float32] * len(parts)
    total = sum(part.sum() for part in parts)
    assert total.dtype == np.float32
    if not total.requires_grad:  # the derivative is constant: zero wherever it exists, or that of a real part
        return
    total.backward()
    assert cotangent.grad.dtype == np.float32
    for tensor in operands:
        if isinstance(tensor, Tensor) and tensor.grad is not None:
            assert tensor.grad.dtype == np.float32


# What Dask has too; it does not know the engine's own functions, orderings, scatters or Fortran order.
ON_DASK = {np.sum, np.mean, np.max, np.min, np.reshape, np.transpose, np.expand_dims, np.squeeze, np.broadcast_to}
ON_DASK |= {np.concatenate, np.where, np.matmul}
LAZY = [
    call
    for call in LARGE
    if (call.function in ON_DASK or (isinstance(call.function, np.ufunc) and call.function.nout == 1))
    and call.case.options.keys() <= {"axis", "keepdims", "shape", "axes"}
]


@pytest.mark.parametrize("call", LAZY, ids=str)
def test_rules_run_unchanged_on_dask_arrays(call):
    operands = call.draw()
    cotangent = call.cotangent(operands)
    out = np.asarray(call(*operands))
    expected = call.derivative(operands, cotangent)
    lazy = [dask.array.from_array(array) for array in (cotangent, out, *operands)]
    for position, answer in zip(call.differentiable, expected, strict=True):
        if call.primitive.variadic:
            part = call.primitive.vjps[0](position, *lazy, **call.case.options)
        else:
            part = call.primitive.vjps[position](*lazy, **call.case.options)
        assert isinstance(part, dask.array.Array)
        part = part.compute()
        if call.primitive.broadcasts and part.shape != answer.shape:
            continue  # the engine sums it; see the next test
        assert_close(part.astype(answer.dtype), answer, rtol=1e-14)


def test_a_backward_over_dask_arrays_is_lazy_and_agrees():
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((8, 3)), rng.standard_normal((3, 2)), rng.standard_normal(2)
    tensors = [Tensor(dask.array.from_array(array, chunks=2), requires_grad=True) for array in (x, w, b)]
    np.mean(np.square(np.tanh(tensors[0] @ tensors[1] + tensors[2]))).backward()
    _, pullback = vjp(lambda x, w, b: np.mean(np.square(np.tanh(x @ w + b))), x, w, b)
    for tensor, expected in zip(tensors, pullback(np.ones(())), strict=True):
        assert isinstance(tensor.grad, dask.array.Array)
        assert_close(tensor.grad.compute(), expected, rtol=1e-12)


@pytest.mark.parametrize("index", [1, slice(1, 3), (slice(None), 0), (Ellipsis, None)], ids=str)
def test_the_derivative_of_reading_a_slice_of_a_dask_array_is_lazy(index):
    x = Tensor(dask.array.ones((4, 3), chunks=2), requires_grad=True)
    x[index].sum().backward()
    expected = np.zeros((4, 3))
    expected[index] = 1
    assert isinstance(x.grad, dask.array.Array)
    np.testing.assert_array_equal(x.grad.compute(), expected)


# Defaults that NumPy had: an axis has to be said before 2.3, a shape (in place of the old name for it) from 2.4 on.
FORMER_DEFAULTS = {(np.take_along_axis, "axis"): inspect.Parameter.empty, (np.reshape, "shape"): None}


@every_function
def test_option_defaults_are_those_of_numpy(function):
    primitive = primitives[function]
    theirs = signature(function).parameters if primitive.options else {}
    for vjp_ in filter(None, primitive.vjps):
        for name, parameter in inspect.signature(vjp_).parameters.items():
            if name in (primitive.options or ()):
                default = theirs[name].default
                if default is FORMER_DEFAULTS.get((function, name), ...):
                    continue
                want = {"keepdims": False}.get(name) if default is np._NoValue else default
                assert parameter.default is want or parameter.default == want, name


FIRST_LARGE = {call.function: call for call in reversed(LARGE)}
OPERANDS = [
    pytest.param(call, position, id=f"{call.primitive.name}-{position}")
    for call in FIRST_LARGE.values()
    for position in call.differentiable
]


@pytest.mark.parametrize(("call", "position"), OPERANDS)
def test_an_operand_that_no_rule_reads_is_gone_at_once(call, position):
    operands = [Tensor(operand) if operand.dtype == float else operand for operand in call.draw()]
    leaf = Tensor(operands[position].data, requires_grad=True)
    operands[position] = +leaf
    array = weakref.ref(operands[position].data)
    out = call(*operands)
    record = out._record
    read = names_read(call, position)
    del out, operands
    assert (array() is not None) == (read and record.operands is not None)


@pytest.mark.parametrize("call", FIRST_LARGE.values(), ids=str)
def test_a_backward_frees_every_operand(call):
    leaves = [Tensor(operand, requires_grad=operand.dtype == float) for operand in call.draw()]
    operands = [leaf * 1 if leaf.requires_grad else leaf for leaf in leaves]
    out = call(*operands)
    arrays = [weakref.ref(operand.data) for operand in operands if operand.requires_grad]
    out.backward(np.ones(out.shape))
    record = out._record
    del operands, out
    assert record.operands is None
    assert record.out is None
    assert [array() for array in arrays] == [None] * len(arrays)
    assert not any(gc.get_referrers(array()) for array in arrays if array() is not None)


def names_read(call, position):
    """Whether the rule for `position` has that operand among the parameters that it reads."""
    vjp_ = call.primitive.vjps[0 if call.primitive.variadic else position]
    first = 3 if call.primitive.variadic else 2
    parameters = list(inspect.signature(vjp_).parameters.values())[first:]
    parameter = parameters[0 if call.primitive.variadic else position]
    return not parameter.name.startswith("_")


def test_an_operand_is_kept_only_for_the_gradients_that_are_wanted():
    a, b = Tensor(np.ones(3), requires_grad=True), Tensor(np.full(3, 2.0))
    left, right = +a, b * 1
    kept, freed = weakref.ref(right.data), weakref.ref(left.data)
    record = (left * right)._record
    del left, right
    assert kept() is not None
    assert freed() is None
    assert record.requires_grad


def test_where_takes_each_branch():
    condition = np.array([True, False])
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    np.where(condition, a, b).backward(np.array([10.0, 20.0]))
    np.testing.assert_array_equal(a.grad, [10.0, 0.0])
    np.testing.assert_array_equal(b.grad, [0.0, 20.0])


def test_cast_twice():
    x = Tensor(2.0, requires_grad=True)
    y = x.astype(np.float32).astype(np.float64)
    (y * y).backward()
    assert x.grad == 4.0
    assert x.grad.dtype == np.float64


class TestKinks:
    """The documented choices, each at its point."""

    @staticmethod
    def slopes(f, *points):
        primals = [np.asarray(point, float) for point in points]
        out, pullback = vjp(f, *primals)
        return [part.tolist() for part in pullback(np.ones_like(out))]

    def test_abs_and_sign_have_slope_0_at_0(self):
        assert self.slopes(np.abs, 0.0) == [0.0]
        assert self.slopes(np.sign, 0.0) == [0.0]

    def test_maximum_and_minimum_share_the_slope_between_equal_arguments(self):
        assert self.slopes(np.maximum, [1.0, 0.0], [1.0, 2.0]) == [[0.5, 0.0], [0.5, 1.0]]
        assert self.slopes(np.minimum, [1.0, 0.0], [1.0, 2.0]) == [[0.5, 1.0], [0.5, 0.0]]

    def test_maximum_of_a_tensor_with_itself_has_slope_1(self):
        assert self.slopes(lambda x: np.maximum(x, x), 3.0) == [1.0]

    @pytest.mark.parametrize("extremum", [np.max, np.min])
    def test_max_and_min_share_the_slope_among_the_equal_entries(self, extremum):
        assert self.slopes(extremum, [2.0, 2.0, 2.0]) == [[1 / 3] * 3]
        assert self.slopes(lambda x: extremum(x, axis=0), [[1.0, 5.0], [1.0, 5.0]]) == [[[0.5, 0.5], [0.5, 0.5]]]

    def test_clip_has_slope_1_inside_0_outside_and_a_half_at_an_end(self):
        assert self.slopes(lambda x: np.clip(x, -1, 1), [-2.0, -1.0, 0.5, 1.0, 3.0]) == [[0.0, 0.5, 1.0, 0.5, 0.0]]

    @pytest.mark.parametrize(("exponent", "slope"), [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3.0, 0.0)])
    def test_power_at_base_0(self, exponent, slope):
        assert self.slopes(lambda x: np.power(x, exponent), 0.0) == [slope]

    def test_0_to_a_positive_power_has_slope_0_in_the_exponent(self):
        assert self.slopes(lambda y: np.power(0.0, y), [0.5, 2.0]) == [[0.0, 0.0]]

    @pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4])
    def test_second_derivative_of_a_power_at_base_0(self, exponent):
        def first(x):
            return vjp(lambda x: np.power(x, exponent), x)[1](np.ones(()))[0]

        assert self.slopes(first, 0.0) == [2.0 if exponent == 2 else 0.0]

    @pytest.mark.parametrize("base", [-2.0, 3.0])
    def test_whole_powers_of_negative_numbers_have_a_derivative(self, base):
        assert self.slopes(lambda x: x**3, base) == [3 * base**2]
        assert self.slopes(lambda x: x**-1, base) == [-(base**-2)]
