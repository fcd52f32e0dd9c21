"""Reductions, orderings and the methods of universal functions: forms made of rules, kinks, zeros, NaN, constants."""

import warnings

import dask.array
import numpy as np
import pytest

from autograd_mini import Tensor, grad, vjp
from autograd_mini.rules.methods import method, methods
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp

RNG = np.random.default_rng(7)
A = RNG.permutation(np.linspace(-2.0, 2.1, 24)).reshape(4, 6)  # no two entries are near each other
X = np.array([0.0, 0.5, 0.7, 1.5, 2.0, 3.5])
MASK = np.arange(24).reshape(4, 6) % 4 != 1
HOLES = np.where(MASK, A, np.nan)
W = RNG.uniform(0.5, 1.5, (4, 6))
FEWER, FEWER_HOLES = A[:3, :4], HOLES[:3, :4]  # for what NumPy computes slice by slice


def weigh(out):
    """One number of a result, or of several."""
    outs = out if isinstance(out, tuple) else (out,)
    return sum(np.sum(part * np.cos(np.arange(part.size) + 1.0).reshape(part.shape)) for part in outs)


def first(f, dtype=float):
    """The gradient of `f`, weighed, as a function of arrays or tensors."""
    return lambda *xs: vjp(lambda *xs: weigh(f(*xs)), *xs)[1](np.ones((), dtype))


def check(f, *operands):
    """The values are NumPy's; the first and the second derivative are those of differences; float32 stays float32."""
    operands = [np.asarray(x, float) for x in operands]
    found, expected = f(*(Tensor(x, requires_grad=True) for x in operands)), f(*operands)
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple | list) else [(found, expected)]
    for one, other in pairs:
        np.testing.assert_allclose(one.data, other, rtol=1e-12, atol=1e-14)
        assert one.data.shape == np.shape(other)
    parts = first(f)(*operands)
    for position, part in enumerate(parts):
        estimate = numeric_vjp(lambda *xs: weigh(f(*xs)), operands, np.ones(()), position)
        assert_close(part, np.nan_to_num(estimate.value), error=np.nan_to_num(10 * estimate.error, nan=0.0))
    contract = lambda *xs: sum(np.sum(np.sin(part + 1) * part) for part in first(f)(*xs))
    for position, part in enumerate(vjp(contract, *operands)[1](np.ones(()))):
        estimate = numeric_vjp(contract, operands, np.ones(()), position)
        assert_close(part, np.nan_to_num(estimate.value), error=np.nan_to_num(10 * estimate.error, nan=0.0))
    for part in first(f, np.float32)(*(x.astype(np.float32) for x in operands)):
        assert part.dtype == np.float32


FORMS = [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (1, 0)}, {"axis": (0,), "keepdims": True}]
EVERY = ["sum", "mean", "prod", "max", "min", "amax", "amin", "ptp", "std", "var", "median", "average"]
SKIPPING = ["nansum", "nanmean", "nanprod", "nanmax", "nanmin", "nanstd", "nanvar", "nanmedian"]


@pytest.mark.parametrize("options", FORMS, ids=str)
@pytest.mark.parametrize("name", EVERY)
def test_every_form_of_axis(name, options):
    check(lambda a: getattr(np, name)(a, **options), A)


@pytest.mark.parametrize("options", FORMS, ids=str)
@pytest.mark.parametrize("name", SKIPPING)
@pytest.mark.parametrize("values", [FEWER, FEWER_HOLES], ids=["numbers", "with NaN"])
def test_every_form_of_axis_of_those_that_skip_nan(name, options, values):
    check(lambda a: getattr(np, name)(a, **options), values)


@pytest.mark.parametrize("name", ["quantile", "nanquantile", "percentile", "nanpercentile"])
@pytest.mark.parametrize("options", FORMS, ids=str)
@pytest.mark.parametrize("q", [0.3, [0.25, 0.5], [[0.0], [1.0]]], ids=str)
def test_every_form_of_quantile(name, options, q):
    q = np.multiply(q, 100 if "percent" in name else 1)
    f = lambda a: getattr(np, name)(a, q, **options)
    operands = [FEWER_HOLES if "nan" in name else FEWER]
    parts = first(f)(*operands)
    estimate = numeric_vjp(lambda a: weigh(f(a)), operands, np.ones(()), 0)
    assert_close(parts[0], np.nan_to_num(estimate.value), error=1e-9)
    check(lambda a: f(a) ** 2, *operands)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.quantile(a, 0.3, axis=1, method="midpoint"),
        lambda a: np.quantile(a, 0.3, axis=1, method="inverted_cdf", weights=W),
        lambda a: np.quantile(a, [0.3, 0.8], axis=1, method="inverted_cdf", weights=W[0], keepdims=True),
        lambda a: np.percentile(a, 30, method="inverted_cdf", weights=W),
        lambda a: np.average(a, weights=W),
        lambda a: np.average(a, axis=1, weights=W[0]),
        lambda a: np.average(a, axis=(1, 0), weights=W.T),
        lambda a: np.average(a, axis=0, weights=W, returned=True),
        lambda a: np.average(a, axis=0, returned=True, keepdims=True),
        lambda a: np.sum(a, where=MASK, initial=3.0),
        lambda a: np.prod(a, axis=0, where=MASK, initial=3.0),
        lambda a: np.max(a, axis=0, where=MASK, initial=-1.0),
        lambda a: np.nanmax(a, axis=0, where=MASK, initial=-1.0),
        lambda a: np.nansum(a, axis=0, where=MASK, initial=-1.0),
        lambda a: np.nanmean(a, axis=0, where=MASK),
        lambda a: np.nanstd(a, axis=0, where=MASK, ddof=1),
        lambda a: np.mean(a, axis=-1, where=MASK[:1]),
        lambda a: np.var(a, axis=0, where=MASK, ddof=1, keepdims=True),
        lambda a: np.std(a, axis=0, correction=1),
        lambda a: np.var(a, axis=0, mean=np.mean(a, axis=0, keepdims=True)),
        lambda a: np.std(a, axis=0, mean=np.mean(a, axis=0, keepdims=True), ddof=1, where=MASK),
        np.cumsum,
        np.cumprod,
        lambda a: np.cumsum(a, axis=0),
        lambda a: np.cumprod(a, -1),
        np.nancumsum,
        lambda a: np.nancumprod(a, axis=1),
        lambda a: np.cumulative_sum(a, axis=1, include_initial=True),
        lambda a: np.cumulative_sum(a[0]),
        lambda a: np.cumulative_prod(a, axis=0, include_initial=True),
        np.trapezoid,
        lambda a: np.trapezoid(a, dx=0.5, axis=0),
        lambda a: np.trapezoid(a, X, axis=1),
        lambda a: np.diff(a, n=2, axis=0),
        lambda a: np.diff(a, prepend=0.0, append=a[:, :2]),
        np.ediff1d,
        lambda a: np.ediff1d(a, to_end=a[0], to_begin=1.0),
        np.gradient,
        lambda a: np.gradient(a, 0.5, axis=0),
        lambda a: np.gradient(a, 0.5, X, edge_order=2),
        lambda a: np.gradient(a, X, axis=-1),
        np.trace,
        lambda a: np.trace(a.reshape(2, 3, 4), offset=1, axis1=-1, axis2=0),
        np.sort,
        lambda a: np.sort(a, axis=None, stable=True),
        lambda a: np.sort(a, axis=0, kind="mergesort"),
        lambda a: np.sort(np.partition(a, 2, axis=0)[:3], axis=0),
        lambda a: np.partition(a, (3, 5), axis=None)[[3, 5]],
        lambda a: np.take_along_axis(a, np.array([[1, 1, -2]]), 1),
        lambda a: np.take_along_axis(a, np.array([1, 1, -2]), None),
    ],
)
def test_other_forms(f):
    check(f, A)


def test_take_along_axis_takes_the_last_axis_unless_told():
    try:
        np.take_along_axis(A, np.array([[1, 1, -2]]))
    except TypeError:
        pytest.skip("NumPy before 2.3 asks for an axis")
    check(lambda a: np.take_along_axis(a, np.array([[1, 1, -2]])), A)


@pytest.mark.parametrize(
    ("f", "operands"),
    [
        (lambda a, w: np.average(a, axis=0, weights=w), (A, W)),
        (lambda a, x: np.trapezoid(a, x), (A, X)),
        (lambda a, h: np.gradient(a, h, axis=0), (A, 0.5)),
        (lambda a, x: np.gradient(a, x, axis=1, edge_order=2), (A, X)),
        (lambda a, mean: np.var(a, axis=0, mean=mean), (A, A[:1])),
        (lambda a, end: np.diff(a, append=end), (A, A[:, :2])),
    ],
)
def test_every_array_argument_has_its_derivative(f, operands):
    check(f, *operands)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.cumulative_sum(t),
        lambda t: np.cumulative_prod(t),
        lambda t: np.gradient(t, X[:2], axis=1),
        lambda t: np.gradient(t[:1], X[:1], axis=0),
        lambda t: np.gradient(t[:1], axis=0),
        lambda t: np.gradient(t, X, axis=1, edge_order=3),
        lambda t: np.take_along_axis(t, np.array([99]), None),
    ],
)
def test_shapes_and_options_that_do_not_fit_raise(call):
    with pytest.raises((ValueError, IndexError)):
        call(Tensor(A, requires_grad=True))


def test_more_spacings_than_axes_raise_as_in_numpy():
    with pytest.raises(TypeError):
        np.gradient(Tensor(A, requires_grad=True), 1.0, 2.0, 3.0)


def hessian(f, x):
    """Second derivatives, a row at a time."""
    rows = [grad(lambda x, i=i: grad(f)(x).reshape(-1)[i])(x).reshape(-1) for i in range(x.size)]
    return np.array(rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestProducts:
    @pytest.mark.parametrize(
        ("x", "slope"),
        [
            ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
            ([2.0, 0.0, 4.0], [0.0, 8.0, 0.0]),
            ([0.0, 0.0, 4.0], [0.0, 0.0, 0.0]),
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ],
    )
    @pytest.mark.parametrize("f", [np.prod, np.nanprod, lambda x: np.cumprod(x)[-1], method(np.multiply, "reduce")])
    def test_with_zeros(self, x, slope, f, dtype):
        x = np.array(x, dtype)
        gradient = grad(f)(x)
        assert gradient.dtype == dtype
        np.testing.assert_array_equal(gradient, slope)
        second = [[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]]
        np.testing.assert_array_equal(hessian(f, x), second)

    def test_third_derivative_where_all_are_zero(self, dtype):
        x = np.zeros(3, dtype)
        third = grad(lambda x: grad(lambda x: grad(np.prod)(x)[0])(x)[1])(x)
        np.testing.assert_array_equal(third, [0.0, 0.0, 1.0])

    def test_a_product_that_underflows(self, dtype):
        tiny = np.array([1e-30, 1e-30, 1e30, 1e30], dtype)[[0, 1, 2]]
        np.testing.assert_allclose(grad(np.prod)(tiny), [1.0, 1.0, 1e-60 if dtype == np.float64 else 0.0], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestEqualEntries:
    @pytest.mark.parametrize("f", [np.max, np.min, np.amax, np.nanmax, np.median, lambda x: np.quantile(x, 0.3)])
    def test_share_the_slope(self, f, dtype):
        np.testing.assert_allclose(grad(f)(np.full(4, 2.0, dtype)), [0.25] * 4)

    def test_the_initial_value_counts_as_an_entry(self, dtype):
        np.testing.assert_allclose(grad(lambda x: np.max(x, initial=2.0))(np.full(3, 2.0, dtype)), [0.25] * 3)
        np.testing.assert_array_equal(grad(lambda x: np.max(x, initial=3.0))(np.full(3, 2.0, dtype)), [0.0] * 3)

    def test_accumulating(self, dtype):
        x = np.array([1.0, 3.0, 2.0, 3.0], dtype)
        gradient = grad(lambda x: np.sum(method(np.maximum, "accumulate")(x) * np.array([1, 10, 100, 1000], dtype)))(x)
        np.testing.assert_allclose(gradient, [1.0, 610.0, 0.0, 500.0])

    @pytest.mark.parametrize("f", [np.max, np.median, np.nanmin])
    def test_of_infinite_entries(self, f, dtype):
        assert np.all(np.isfinite(grad(f)(np.array([np.inf, np.inf, 1.0, -np.inf], dtype))))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 2.0, 0.1, 1e4 / 3])
@pytest.mark.parametrize("options", [{}, {"ddof": 1}, {"axis": 0, "keepdims": True}], ids=str)
def test_std_of_a_constant_array_has_slope_0(value, dtype, options):
    x = np.full(7, value, dtype)
    for f in (np.std, np.nanstd, lambda x, **o: np.std(x, mean=np.mean(x, keepdims=True), **o)):
        if f(x, **options) == 0 or f is np.std:
            gradient = grad(lambda x, f=f: np.sum(f(x, **options)))(x)
            assert gradient.dtype == dtype
            assert np.all(np.abs(gradient) < 0.02)
    if np.std(x) == 0:
        np.testing.assert_array_equal(hessian(np.std, x), np.zeros((7, 7)))


def test_var_of_a_constant_array_and_its_curvature():
    x = np.full(3, 0.5)
    np.testing.assert_array_equal(grad(np.var)(x), np.zeros(3))
    np.testing.assert_allclose(hessian(np.var, x), (np.eye(3) - 1 / 3) * 2 / 3, atol=1e-16)


def test_nan_takes_no_slope_and_leaves_the_others():
    x = np.array([1.0, np.nan, 3.0])
    for f in (np.nansum, np.nanmean, np.nanprod, np.nanstd, np.nanvar, np.nanmax, np.nanmedian):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gradient, second = grad(f)(x), hessian(f, x)
        assert gradient[1] == 0
        np.testing.assert_allclose(gradient[[0, 2]], grad(f)(x[[0, 2]]))
        np.testing.assert_allclose(second.reshape(3, 3)[np.ix_([0, 2], [0, 2])], hessian(f, x[[0, 2]]))


def test_complex_numbers():
    z = np.array([1.0 + 2.0j, -0.5 + 1.0j, 2.0 - 1.0j])
    for f in (np.sum, np.mean, np.prod, lambda z: np.cumprod(z)[1], lambda z: np.sum(np.diff(z) ** 2)):
        loss = lambda z, f=f: np.real(f(z) * (1 - 2j))
        expected = ascent(loss, z)
        np.testing.assert_allclose(grad(loss)(z), expected, rtol=1e-6)
    for loss in (np.var, np.std, lambda z: np.var(z, mean=np.zeros(1))):
        np.testing.assert_allclose(grad(loss)(z), ascent(loss, z), rtol=1e-6, atol=1e-9)


def ascent(loss, z, step=1e-6):
    """dL/dRe + i dL/dIm by differences."""
    unit = np.eye(z.size) * step
    real = [(loss(z + e) - loss(z - e)) / (2 * step) for e in unit]
    imaginary = [(loss(z + 1j * e) - loss(z - 1j * e)) / (2 * step) for e in unit]
    return np.array(real) + 1j * np.array(imaginary)


def test_a_wider_result_gives_the_gradient_of_the_operand():
    x = np.array([1.0, 2.0, 3.0], np.float32)
    for f in (np.sum, np.mean, np.prod, np.std, np.var, np.nansum, np.nanmean):
        out, pullback = vjp(lambda x, f=f: f(x, dtype=np.float64), x)
        assert out.dtype == np.float64
        (part,) = pullback(np.ones(()))
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, grad(f)(x.astype(float)), rtol=1e-6)


def test_the_median_does_not_write_into_a_tensor():
    t = Tensor(A, requires_grad=True)
    np.median(t, overwrite_input=True).backward()
    np.testing.assert_array_equal(t.data, A)


METHODS = {
    "add.reduce": lambda call, a: call(a, axis=(0, 1), keepdims=True),
    "multiply.reduce": lambda call, a: call(a, initial=2.0, where=MASK),
    "maximum.reduce": lambda call, a: call(a, axis=-1),
    "minimum.reduce": lambda call, a: call(a),
    "logaddexp.reduce": lambda call, a: call(a, axis=1),
    "subtract.reduce": lambda call, a: call(a, axis=1, keepdims=True, initial=2.0),
    "hypot.reduce": lambda call, a: call(a, axis=1),
    "add.accumulate": lambda call, a: call(a, dtype=None),
    "multiply.accumulate": lambda call, a: call(a, axis=1),
    "maximum.accumulate": lambda call, a: call(a, axis=1),
    "minimum.accumulate": lambda call, a: call(a),
    "divide.accumulate": lambda call, a: call(a + 3, axis=-1),
    "add.reduceat": lambda call, a: call(a, [0, 3, 1, 1], axis=1),
    "multiply.reduceat": lambda call, a: call(a, [0, 3, 1, 1], axis=1),
    "multiply.outer": lambda call, a: call(a[:2, 0], a[1:]),
    "arctan2.outer": lambda call, a: call(a[0], 2.0),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_universal_functions(name):
    ufunc, what = name.split(".")
    theirs, ours = getattr(getattr(np, ufunc), what), method(getattr(np, ufunc), what)
    f = lambda a: METHODS[name](theirs if type(a) is np.ndarray else ours, a)
    check(lambda a: f(a), A)


def test_methods_that_there_are_not():
    assert method(np.exp, "reduce") is None
    assert method(np.matmul, "outer") is None
    assert method(np.add, "at") is None
    assert all(callable(function) for function in methods.values())
    with pytest.raises(IndexError):
        method(np.add, "reduceat")(Tensor(A), [9])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("x", "slope"),
    [
        ([1e4, -1e4, 1e4], [0.5, 0.0, 0.5]),
        ([-1e30, -1e30], [0.5, 0.5]),
        ([np.inf, 1.0, np.inf], [0.5, 0.0, 0.5]),
        ([-np.inf, -np.inf], [0.5, 0.5]),
        ([-np.inf, 1.0], [0.0, 1.0]),
    ],
)
def test_logaddexp_of_large_and_of_infinite_numbers(x, slope, dtype):
    f = method(np.logaddexp, "reduce")
    x = np.array(x, dtype)
    np.testing.assert_array_equal(grad(f)(x), slope)
    assert np.all(np.isfinite(hessian(f, x)))


@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": (0, 1)}, {"axis": -1, "keepdims": True}], ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "std", "var", "ptp"])
def test_on_dask_arrays(name, options):
    x = Tensor(dask.array.from_array(A, chunks=2), requires_grad=True)
    weigh_ = lambda a: np.sum(np.square(getattr(np, name)(a, **options)))
    if name == "prod" and options == {"axis": (0, 1)}:
        pytest.skip("Dask's product reduces one axis or all")
    weigh_(x).backward()
    assert isinstance(x.grad, dask.array.Array)
    assert_close(x.grad.compute(), grad(weigh_)(A), rtol=1e-9)


ONES = np.ones(70_000, np.float16)
EQUAL = {
    "mean": np.mean,
    "mean of some": lambda a: np.mean(a, where=np.ones(a.shape, bool)),
    "nanmean": np.nanmean,
    "average": np.average,
    "max": np.max,
    "max of some": lambda a: np.max(a, where=np.ones(a.shape, bool), initial=-1),
    "nanmin": np.nanmin,
    "median": np.median,
    "norm": lambda a: np.linalg.norm(a, np.inf),
    "logaddexp": np.logaddexp.reduce,
}


@pytest.mark.parametrize("name", EQUAL)
def test_more_entries_than_half_precision_can_count(name):
    np.testing.assert_allclose(grad(EQUAL[name])(ONES), np.full(ONES.shape, 1 / ONES.size), rtol=0.01)


def test_spreads_of_more_entries_than_half_precision_can_count():
    a = (np.arange(70_000) % 2).astype(np.float16)
    np.testing.assert_allclose(grad(np.var)(a)[:2], [-1 / 70_000, 1 / 70_000], rtol=0.01)


@pytest.mark.parametrize("dtype", [None, complex, float, "complex64"])
@pytest.mark.parametrize("options", [{}, {"ddof": 1}, {"where": np.array([True, False, True, True])}], ids=str)
@pytest.mark.parametrize("name", ["var", "std", "nanvar", "nanstd"])
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_spread_is_a_real_number_in_whatever_dtype(name, options, dtype):
    z = np.array([1 + 2j, 3 - 1j, -2 + 0.5j, 0.5 - 3j])
    f = lambda z: getattr(np, name)(z, dtype=dtype, **options)
    coarse = dtype == "complex64"
    for loss in (lambda z: np.real(f(z)), lambda z: np.imag(f(z)), lambda z: np.real((2 + 1j) * f(z))):
        np.testing.assert_allclose(
            grad(loss)(z), ascent(loss, z, 1e-2 if coarse else 1e-6), rtol=0.01 if coarse else 1e-6, atol=1e-6
        )


class TestQuantiles:
    """Their rule looks for the entries next to the result, which need not be right there."""

    CASES = (
        np.array([1.0, 1 + 2**-52, 5.0, 0.0]),  # the mean of the two in the middle is rounded to one of them
        np.array([1.7e308, 1.6e308, 1.5e308, 1.0]),  # and overflows
        np.array([0.0, -0.0, 1.0, 2.0, 0.0, 3.0]),
        np.array([[1.0, 2.0, 2.0, 3.0], [4.0, 4.0, 4.0, 4.0]]),
        np.array([np.inf, 1.0, -np.inf, 2.0]),
        np.array([1 + 1j, 2, 3 - 1j, 2 + 1j]),
    )

    @pytest.mark.parametrize("a", CASES, ids=str)
    @pytest.mark.parametrize("function", [np.median, np.nanmedian], ids=lambda f: f.__name__)
    def test_each_of_the_two_in_the_middle_takes_half(self, function, a):
        with np.errstate(all="ignore"):
            out, pullback = vjp(lambda a: function(a, axis=-1), a)
            (found,) = pullback(np.ones_like(out))
        for line, got in zip(np.atleast_2d(a), np.atleast_2d(found), strict=True):
            ordered, want = np.sort(line), np.zeros(line.shape)
            for rank in ((line.size - 1) // 2, line.size // 2):
                ties = line == ordered[rank]
                want += 0.5 * ties / ties.sum()
            np.testing.assert_allclose(got, want)

    @pytest.mark.parametrize("q", [0.3, [0.0, 0.5, 1.0]], ids=str)
    @pytest.mark.parametrize("percent", [False, True])
    def test_levels_and_percents(self, percent, q):
        a = np.random.default_rng(0).normal(size=(3, 7))
        scaled = np.multiply(q, 100) if percent else q
        f = lambda a: (np.percentile if percent else np.quantile)(a, scaled, axis=1)
        check(f, a)

    def test_of_nothing_the_gradient_is_nothing(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert grad(np.median)(np.zeros(0)).shape == (0,)
            assert grad(lambda a: np.sum(np.nanmedian(a, axis=1)))(np.zeros((2, 0))).shape == (2, 0)

    def test_a_result_that_is_nan_has_no_entry_to_go_to(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert not grad(np.median)(np.array([1.0, np.nan, 2.0])).any()
            assert not grad(np.nanmedian)(np.array([np.nan, np.nan])).any()
