"""The points at which naive element-wise derivatives overflow, cancel or come out NaN; each is finite and right here.

Warnings are errors in tests, so none of them warns, except where the derivative is infinite.
"""

import math

import numpy as np
import pytest

from autograd_mini import Tensor, grad, vjp
from autograd_mini.rules.trigonometric import bessel_i, sinc_derivative

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def slopes(f, *points, dtype=np.float64):
    """The derivative of `f` by each of its arguments, entry by entry."""
    primals = [np.asarray(point, dtype) for point in points]
    out, pullback = vjp(f, *primals)
    found = pullback(np.ones_like(out))
    assert [part.dtype for part in found] == [dtype] * len(primals)
    return [part.tolist() for part in found]


def first(f):
    """The derivative of `f` by its first argument, as a function."""

    def derivative(x, *others):
        out, pullback = vjp(lambda x: f(x, *others), x)
        return pullback(np.ones_like(out))[0]

    return derivative


def nth(f, n):
    for _ in range(n):
        f = first(f)
    return f


def value(f, x, dtype=np.float64):
    out = f(np.asarray(x, dtype))
    assert out.dtype == dtype
    return out


def tensor_of(argument):
    return Tensor(argument) if isinstance(argument, np.ndarray) and argument.dtype != bool else argument


class TestTriangles:
    @DTYPES
    def test_hypot_at_the_origin_has_slope_0(self, dtype):
        assert slopes(np.hypot, [0.0, -0.0], [0.0, 0.0], dtype=dtype) == [[0.0, 0.0], [0.0, 0.0]]

    @pytest.mark.parametrize(
        ("size", "dtype"), [(1e30, np.float32), (1e-30, np.float32), (1e300, float), (1e-300, float)]
    )
    def test_slopes_of_large_and_small_triangles(self, size, dtype):
        a, b = dtype(3 * size), dtype(4 * size)
        np.testing.assert_allclose(slopes(np.hypot, a, b, dtype=dtype), [0.6, 0.8], rtol=1e-6)
        np.testing.assert_allclose(np.array(slopes(np.arctan2, a, b, dtype=dtype)) * size, [4 / 25, -3 / 25], rtol=1e-6)

    def test_hypot_of_3e30_in_float32(self):
        (a, b) = slopes(np.hypot, 3e30, 3e30, dtype=np.float32)
        assert a == b == pytest.approx(math.sqrt(0.5), rel=1e-6)
        np.testing.assert_allclose(value(nth(lambda x: np.hypot(x, x), 1), 3e30, np.float32), math.sqrt(2), rtol=1e-6)
        second = nth(lambda x, y: np.hypot(x, y), 2)(np.float32(3e30), np.float32(4e30))
        np.testing.assert_allclose(second, 16 / 125 * 1e-30, rtol=1e-5)

    @DTYPES
    def test_arctan2_at_the_origin_has_slope_0(self, dtype):
        assert slopes(np.arctan2, [0.0, -0.0], [0.0, 0.0], dtype=dtype) == [[0.0, 0.0], [0.0, 0.0]]

    @pytest.mark.parametrize("f", [np.hypot, np.arctan2])
    def test_second_derivatives_at_the_origin_are_finite(self, f):
        assert np.isfinite(value(nth(lambda x: f(x, 0.0 * x), 2), 0.0))
        assert np.isfinite(value(nth(lambda x: f(0.0 * x, x), 2), 0.0))

    def test_mixed_derivative_of_arctan2_on_the_diagonal_near_the_origin(self):
        """(b^2 - a^2) / r^4 is 0 there, though a^2 / r^4 overflows."""
        a = np.float16(1e-4)
        assert vjp(lambda b: first(np.arctan2)(a, b), a)[1](np.float16(1))[0] == 0

    def test_arctan2_beside_an_infinite_side(self):
        assert slopes(np.arctan2, [1.0, np.inf], [np.inf, 1.0]) == [[0.0, 0.0], [0.0, 0.0]]

    def test_arctan2_on_the_axes(self):
        assert slopes(np.arctan2, [0.0, 2.0, -2.0, 0.0], [2.0, 0.0, 0.0, -2.0]) == [
            [0.5, 0.0, 0.0, -0.5],
            [0.0, -0.5, 0.5, 0.0],
        ]


class TestPowers:
    @DTYPES
    @pytest.mark.parametrize(
        ("exponent", "slopes_at_0"),
        [
            (0.0, [0.0, 0.0, 0.0]), (1.0, [1.0, 0.0, 0.0]), (2.0, [0.0, 2.0, 0.0]), (3.0, [0.0, 0.0, 6.0]),
            (2.5, [0.0, 0.0]), (3.5, [0.0, 0.0, 0.0]),
        ],
    )  # fmt: skip
    def test_at_base_0(self, exponent, slopes_at_0, dtype):
        for f in (lambda x: x**exponent, lambda x: np.power(x, exponent), lambda x: x ** np.full((), exponent, dtype)):
            assert [value(nth(f, n), 0.0, dtype) for n in range(1, len(slopes_at_0) + 1)] == slopes_at_0

    def test_at_base_0_for_a_whole_exponent_as_python_writes_it(self):
        assert slopes(lambda x: x**0, [0.0, 2.0]) == [[0.0, 0.0]]
        assert slopes(lambda x: x**3, [0.0, -2.0]) == [[0.0, 12.0]]
        assert slopes(lambda x: x ** np.array([0, 1, 2]), [0.0, 0.0, 0.0]) == [[0.0, 1.0, 0.0]]

    def test_both_derivatives_at_base_0(self):
        assert slopes(np.power, [0.0, 0.0, 0.0], [1.0, 2.0, 0.5 + 1]) == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]

    def test_0_to_the_y(self):
        y = [0.5, 1.0, 3.0]
        assert slopes(lambda y: np.power(0.0, y), y) == [[0.0, 0.0, 0.0]]
        assert value(nth(lambda y: np.power(0.0, y), 2), y).tolist() == [0.0, 0.0, 0.0]

    @pytest.mark.parametrize("exponent", [-2, -1, 0, 1, 2, 3, 4])
    def test_negative_bases_with_whole_exponents(self, exponent):
        x = np.array([-3.0, -0.5, 2.0])
        for n, factor in ((1, exponent), (2, exponent * (exponent - 1))):
            expected = factor * x ** float(exponent - n) if factor else np.zeros(3)
            np.testing.assert_allclose(nth(lambda x: x**exponent, n)(x), expected, rtol=1e-14)
            np.testing.assert_allclose(nth(lambda x: np.power(x, float(exponent)), n)(x), expected, rtol=1e-14)
            np.testing.assert_allclose(nth(lambda x: np.float_power(x, exponent), n)(x), expected, rtol=1e-14)

    def test_float_power_is_double_and_its_gradient_is_not(self):
        x = Tensor(np.float32([0.0, 3.0]), requires_grad=True)
        y = np.float_power(x, 2)
        assert y.dtype == np.float64
        y.sum().backward()
        assert x.grad.dtype == np.float32
        assert x.grad.tolist() == [0.0, 6.0]
        assert np.float_power(Tensor([2, 3]), 2).data.tolist() == [4.0, 9.0]

    def test_roots_at_0_are_steep(self):
        for f in (np.sqrt, np.cbrt):
            with np.errstate(divide="ignore"):
                assert slopes(f, 0.0) == [np.inf]

    @DTYPES
    def test_cbrt_of_negative_numbers(self, dtype):
        np.testing.assert_allclose(
            slopes(np.cbrt, [-8.0, 8.0, -1e-30], dtype=dtype), [[1 / 12, 1 / 12, 1e20 / 3]], 1e-6
        )
        np.testing.assert_allclose(value(nth(np.cbrt, 2), [-8.0, 8.0], dtype), [1 / 144, -1 / 144], rtol=1e-6)

    def test_reciprocal_of_negative_numbers(self):
        assert slopes(np.reciprocal, [-2.0, 4.0]) == [[-0.25, -0.0625]]


class TestInverseFunctions:
    @pytest.mark.parametrize(("f", "sign"), [(np.arcsin, 1), (np.arccos, -1)])
    def test_at_the_ends_the_slope_is_infinite(self, f, sign):
        with np.errstate(divide="ignore"):
            assert slopes(f, [-1.0, 1.0]) == [[sign * np.inf, sign * np.inf]]

    @pytest.mark.parametrize(("f", "x"), [(np.arctanh, 1.0), (np.arctanh, -1.0), (np.arccosh, 1.0)])
    def test_at_the_ends_of_the_hyperbolic_ones_too(self, f, x):
        with np.errstate(divide="ignore"):
            assert slopes(f, x) == [np.inf]

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize(("f", "sign"), [(np.arcsin, 1), (np.arccos, -1), (np.arctanh, 1)])
    def test_at_the_ends_the_curvature_is_infinite_too(self, f, sign, dtype):
        with np.errstate(all="ignore"):
            assert value(nth(f, 2), [-1.0, 1.0], dtype).tolist() == [-sign * np.inf, sign * np.inf]

    @pytest.mark.parametrize(
        ("x", "dtype"), [(300.0, np.float16), (1e15, np.float32), (3e30, np.float32), (1e150, float), (1e300, float)]
    )
    def test_arctan_far_out_where_the_square_overflows(self, x, dtype):
        x = float(dtype(x))
        tolerance = {"rtol": 1e-3, "atol": float(np.finfo(dtype).smallest_subnormal)}
        np.testing.assert_allclose(
            slopes(np.arctan, [x, -x, 0.0], dtype=dtype), [[1 / x / x, 1 / x / x, 1]], **tolerance
        )
        second = -2 / x / x / x
        np.testing.assert_allclose(value(nth(np.arctan, 2), [x, -x, 0.0], dtype), [second, -second, 0], **tolerance)

    @DTYPES
    def test_arctan_at_infinity_is_flat(self, dtype):
        for n in (1, 2):
            assert value(nth(np.arctan, n), [np.inf, -np.inf], dtype).tolist() == [0.0, 0.0]

    def test_near_the_ends_no_digits_are_lost(self):
        d = 2.0**-40
        np.testing.assert_allclose(slopes(np.arcsin, 1 - d), [1 / math.sqrt(d * (2 - d))], rtol=1e-14)
        np.testing.assert_allclose(slopes(np.arctanh, 1 - d), [1 / (d * (2 - d))], rtol=1e-14)
        np.testing.assert_allclose(slopes(np.arccosh, 1 + d), [1 / math.sqrt(d * (2 + d))], rtol=1e-14)

    @pytest.mark.parametrize(("size", "dtype"), [(1e30, np.float32), (1e300, float)])
    @pytest.mark.parametrize("f", [np.arcsinh, np.arccosh])
    def test_of_large_numbers(self, f, size, dtype):
        np.testing.assert_allclose(
            slopes(f, size, dtype=dtype), [1 / size], rtol=1e-4 if dtype is np.float32 else 1e-12
        )


class TestExponentials:
    @DTYPES
    def test_expm1_and_log1p_near_0(self, dtype):
        tiny = [0.0, 1e-20, -1e-20]
        for f in (np.expm1, np.log1p):
            assert slopes(f, tiny, dtype=dtype) == [[1.0, 1.0, 1.0]]
        assert value(nth(np.expm1, 2), tiny, dtype).tolist() == [1.0, 1.0, 1.0]
        assert value(nth(np.log1p, 2), tiny, dtype).tolist() == [-1.0, -1.0, -1.0]

    @DTYPES
    def test_softplus_far_out(self, dtype):
        softplus = lambda x: np.logaddexp(0, x)
        x = [-1e4, -50.0, 0.0, 50.0, 1e4]
        one = [0.0, math.exp(-50), 0.5, 1.0, 1.0]
        two = [0.0, math.exp(-50), 0.25, math.exp(-50), 0.0]
        np.testing.assert_allclose(slopes(softplus, x, dtype=dtype), [one], rtol=1e-5)
        np.testing.assert_allclose(value(nth(softplus, 2), x, dtype), two, rtol=1e-5)
        np.testing.assert_allclose(value(nth(softplus, 3), 0.0, dtype), 0.0, atol=1e-7)

    @DTYPES
    @pytest.mark.parametrize(("f", "base"), [(np.logaddexp, math.e), (np.logaddexp2, 2)])
    def test_logaddexp_of_equal_and_infinite_arguments(self, f, base, dtype):
        a = [np.inf, -np.inf, 7.0, 1e4, np.inf, -np.inf, 0.0]
        b = [np.inf, -np.inf, 7.0, 1e4, 0.0, 0.0, -np.inf]
        left, right = slopes(f, a, b, dtype=dtype)
        assert left == [0.5, 0.5, 0.5, 0.5, 1.0, 0.0, 1.0]
        assert right == [0.5, 0.5, 0.5, 0.5, 0.0, 1.0, 0.0]
        second = nth(lambda x: f(x, np.asarray(b, dtype)), 2)(np.asarray(a, dtype))
        np.testing.assert_allclose(second, np.array([1, 1, 1, 1, 0, 0, 0]) * math.log(base) / 4, rtol=1e-6)

    def test_logaddexp_passes_nan_on(self):
        with np.errstate(invalid="ignore"):  # NumPy's own
            assert np.isnan(slopes(np.logaddexp, np.nan, 1.0)).all()

    @DTYPES
    @pytest.mark.parametrize(
        "sigmoid",
        [
            lambda x: 0.5 * (1 + np.tanh(x / 2)),
            lambda x: np.exp(-np.logaddexp(0, -x)),
            lambda x: 1 / (1 + np.exp(-np.clip(x, -80, 80))),
        ],
        ids=["tanh", "logaddexp", "clip"],
    )
    def test_sigmoid_far_out(self, sigmoid, dtype):
        np.testing.assert_allclose(value(sigmoid, [-1e4, 0.0, 1e4], dtype), [0.0, 0.5, 1.0], atol=1e-30)
        np.testing.assert_allclose(slopes(sigmoid, [-1e4, 0.0, 1e4], dtype=dtype), [[0.0, 0.25, 0.0]], atol=1e-30)
        np.testing.assert_allclose(value(nth(sigmoid, 2), [-1e4, 0.0, 1e4], dtype), 0.0, atol=1e-7)

    @DTYPES
    def test_tanh_far_out(self, dtype):
        assert slopes(np.tanh, [-1e4, 0.0, 1e4], dtype=dtype) == [[0.0, 1.0, 0.0]]

    def test_exp_of_other_bases(self):
        np.testing.assert_allclose(slopes(np.exp2, 3.0), [8 * math.log(2)])
        np.testing.assert_allclose(slopes(np.log2, 8.0), [1 / (8 * math.log(2))])
        np.testing.assert_allclose(slopes(np.log10, 8.0), [1 / (8 * math.log(10))])


def sinc_by_series(x, order):
    """The derivative of sinc for small x, term by term, added up exactly rounded."""
    y = math.pi * x
    terms = [
        (-1) ** k * y ** (2 * k - order) / ((2 * k + 1) * math.factorial(2 * k - order))
        for k in range((order + 1) // 2, 60)
    ]
    return math.pi**order * math.fsum(terms)


class TestSinc:
    @DTYPES
    def test_derivatives_at_0(self, dtype):
        expected = [1.0, 0.0, -(math.pi**2) / 3, 0.0, math.pi**4 / 5]
        for n in range(1, 5):
            np.testing.assert_allclose(value(nth(np.sinc, n), 0.0, dtype), expected[n], rtol=1e-6)

    @pytest.mark.parametrize("x", [1e-160, 1e-9, 1e-4, 0.01, 0.1, 0.5, 0.63, 0.64, 0.95, 0.96, 1.2, 1.3, 1.7])
    @pytest.mark.parametrize("n", [1, 2, 3, 4])
    def test_derivatives_near_0_lose_no_digits(self, x, n):
        for point in (x, -x):
            found = value(nth(np.sinc, n), point)
            np.testing.assert_allclose(found, sinc_by_series(point, n), rtol=2e-12, atol=1e-14)

    @pytest.mark.parametrize("x", [1e-4, 0.1, 0.6, 0.7])
    def test_in_single_precision(self, x):
        for n in (1, 2, 3):
            x = float(np.float32(x))
            np.testing.assert_allclose(value(nth(np.sinc, n), x, np.float32), sinc_by_series(x, n), rtol=1e-4)

    def test_far_out(self):
        x = np.array([1.0, 2.0, 10.25])
        expected = (np.cos(np.pi * x) - np.sinc(x)) / x
        np.testing.assert_allclose(slopes(np.sinc, x), [expected], rtol=1e-12)

    def test_any_order(self):
        np.testing.assert_allclose(sinc_derivative(np.array([0.3, 3.0]), order=0), np.sinc([0.3, 3.0]), rtol=1e-14)


def bessel_by_series(x, n):
    """I_n by its power series, all of whose terms have one sign."""
    return math.fsum(
        math.exp((2 * k + n) * math.log(x / 2) - math.lgamma(k + 1) - math.lgamma(k + n + 1)) for k in range(200)
    )


class TestBessel:
    @DTYPES
    def test_at_0(self, dtype):
        found = [float(value(nth(np.i0, n), 0.0, dtype)) for n in range(1, 5)]
        np.testing.assert_allclose(found, [0, 1 / 2, 0, 3 / 8], rtol=1e-6)

    @pytest.mark.parametrize("order", [1, 2, 3])
    @pytest.mark.parametrize("x", [1e-3, 0.5, 7.9, 8.1, 29.9, 30.1, 60.0])
    def test_values(self, x, order):
        expected = bessel_by_series(x, order)
        np.testing.assert_allclose(bessel_i(np.array([x, -x]), order), [expected, (-1) ** order * expected], rtol=1e-12)

    def test_derivatives_of_i0(self):
        one, two = bessel_by_series(2.0, 1), bessel_by_series(2.0, 2)
        np.testing.assert_allclose(slopes(np.i0, [2.0, -2.0]), [[one, -one]], rtol=1e-13)
        np.testing.assert_allclose(value(nth(np.i0, 2), 2.0), (bessel_by_series(2.0, 0) + two) / 2, rtol=1e-13)


class TestTiesAndJumps:
    @DTYPES
    def test_abs_fabs_and_sign_at_0(self, dtype):
        for f in (np.abs, np.fabs, np.sign):
            assert slopes(f, [0.0, -0.0], dtype=dtype) == [[0.0, 0.0]]
        assert slopes(np.fabs, [-2.0, 3.0], dtype=dtype) == [[-1.0, 1.0]]
        assert value(nth(np.abs, 2), [0.0, 1.0], dtype).tolist() == [0.0, 0.0]

    @pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
    def test_equal_arguments_share(self, f):
        assert slopes(f, [2.0, np.inf, 0.0], [2.0, np.inf, -0.0]) == [[0.5, 0.5, 0.5]] * 2
        assert slopes(lambda x: f(x, x), 3.0) == [1.0]

    @pytest.mark.parametrize("f", [np.fmax, np.fmin])
    def test_beside_nan_the_other_argument_counts(self, f):
        assert slopes(f, [np.nan, 1.0, np.nan], [1.0, np.nan, np.nan]) == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]

    @DTYPES
    def test_clip(self, dtype):
        x = [-2.0, -1.0, 0.5, 1.0, 3.0, np.nan]
        for clip in (
            lambda x: np.clip(x, -1, 1),
            lambda x: np.clip(x, a_min=-1, a_max=1),
            lambda x: np.clip(x, min=-1, max=1),
            lambda x: x.clip(-1, 1),
        ):
            assert slopes(clip, x, dtype=dtype) == [[0.0, 0.5, 1.0, 0.5, 0.0, 0.0]]
        assert slopes(lambda x: np.clip(x, None, 1), x[:5], dtype=dtype) == [[1.0, 1.0, 1.0, 0.5, 0.0]]
        assert slopes(lambda x: np.clip(x, -1, None), x[:5], dtype=dtype) == [[0.0, 0.5, 1.0, 1.0, 1.0]]

    def test_clip_by_tensors(self):
        assert slopes(np.clip, [-2.0, -1.0, 0.5, 1.0, 3.0], [-1.0] * 5, [1.0] * 5) == [
            [0.0, 0.5, 1.0, 0.5, 0.0],
            [1.0, 0.5, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.5, 1.0],
        ]
        assert slopes(np.clip, 2.0, 2.0, 3.0) == [0.5, 0.5, 0.0]
        assert slopes(np.clip, [0.0, 0.0], -1.0, [1.0, 2.0]) == [[1.0, 1.0], 0.0, [0.0, 0.0]]

    @DTYPES
    @pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
    def test_many_entries_are_as_few(self, f, dtype):
        """Beyond some hundred entries the selection is by bits; ties and infinite cotangents come out the same."""
        a, b = np.random.default_rng(0).integers(0, 3, (2, 2000)).astype(dtype)
        c = np.where(np.arange(2000) % 7 == 0, np.inf, np.arange(2000)).astype(dtype)
        many = vjp(f, a, b)[1](c)
        few = [vjp(f, a[i : i + 100], b[i : i + 100])[1](c[i : i + 100]) for i in range(0, 2000, 100)]
        for part, parts in zip(many, zip(*few, strict=True), strict=True):
            assert part.dtype == dtype
            np.testing.assert_array_equal(part, np.concatenate(parts))
        np.testing.assert_array_equal(many[0] + many[1], c)
        where = vjp(lambda a, b: np.where(a == b, a, b), a, b)[1](c)
        np.testing.assert_array_equal(where, [np.where(a == b, c, 0), np.where(a == b, 0, c)])

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(10,), (700,), (350, 2)])
    def test_where_beside_zero_has_the_bits_of_numpys(self, dtype, shape):
        rng = np.random.default_rng(0)
        a = rng.choice(np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.0, 6e-8]), shape).astype(dtype)
        mask = rng.random(shape) < 0.5
        for arguments in ((mask, a, 0), (mask, 0, a), (mask, a, -0.0), (mask[:1], 0, a), (True, a, 0), (mask, 0, 0)):
            found, expected = np.where(*map(tensor_of, arguments)), np.where(*arguments)
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            assert found.data.tobytes() == expected.tobytes()

    def test_clip_of_integers_stays_integer(self):
        assert np.clip(Tensor([1, 5]), None, 3).data.tolist() == [1, 3]

    @pytest.mark.parametrize(
        "f", [np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.fix, np.spacing], ids=lambda f: f.__name__
    )
    def test_steps_have_slope_0(self, f):
        assert slopes(f, [-1.5, 0.0, 1.0, 2.5]) == [[0.0] * 4]

    def test_round_to_decimals(self):
        x = Tensor([1.26, -0.34], requires_grad=True)
        y = np.round(x, 1)
        assert y.data.tolist() == [1.3, -0.3]
        y.sum().backward()
        assert x.grad.tolist() == [0.0, 0.0]

    def test_heaviside(self):
        assert slopes(np.heaviside, [-1.0, 0.0, 1.0], [0.5, 0.5, 0.5]) == [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]

    def test_copysign(self):
        assert slopes(np.copysign, [2.0, -2.0, 2.0, 0.0], [-1.0, -0.0, 0.0, 1.0]) == [[-1.0, 1.0, 1.0, 0.0], [0.0] * 4]

    @pytest.mark.parametrize(("f", "whole"), [(np.remainder, np.floor), (np.fmod, np.trunc)])
    def test_remainders(self, f, whole):
        a = np.array([5.5, -5.5, 5.5, -5.5, 0.3, 6.0, 1e10])
        b = np.array([2.0, 2.0, -2.0, -2.0, 0.1, 2.0, 0.3])
        by_a, by_b = slopes(f, a, b)
        assert by_a == [1.0] * 7
        np.testing.assert_allclose(by_b, -whole(a / b), atol=1.1)
        np.testing.assert_allclose(a + np.array(by_b) * b, f(a, b), rtol=1e-5)
        assert slopes(f, 1.0, np.inf) == [1.0, 0.0]

    def test_divmod(self):
        q, r = np.divmod(Tensor([7.5, -7.5], requires_grad=True), 2)
        assert (q.data.tolist(), r.data.tolist()) == ([3.0, -4.0], [1.5, 0.5])
        assert slopes(lambda a, b: np.divmod(a, b)[0] + np.divmod(a, b)[1], 7.5, 2.0) == [1.0, -3.0]

    def test_modf(self):
        x = np.array([-2.5, 3.0, 1.25, np.inf])
        parts = np.modf(Tensor(x, requires_grad=True))
        for part, expected in zip(parts, np.modf(x), strict=True):
            np.testing.assert_array_equal(part.data, expected)
        assert slopes(lambda x: np.modf(x)[0], [-2.5, 1.25]) == [[1.0, 1.0]]
        assert slopes(lambda x: np.modf(x)[1], [-2.5, 1.25]) == [[0.0, 0.0]]

    def test_frexp_and_ldexp(self):
        x = np.array([0.3, -5.0, 1024.0, 5e-324])
        mantissa, exponent = np.frexp(Tensor(x, requires_grad=True))
        assert not exponent.requires_grad
        np.testing.assert_array_equal(mantissa.data, np.frexp(x)[0])
        np.testing.assert_array_equal(exponent.data, np.frexp(x)[1])
        assert slopes(lambda x: np.frexp(x)[0], x[:3]) == [[2.0, 1 / 8, 1 / 2048]]
        assert slopes(lambda x: np.ldexp(x, 3), [1.0, 2.0], dtype=np.float32) == [[8.0, 8.0]]
        assert slopes(lambda x: np.ldexp(x, np.array([3, -1])), [1.0, 2.0]) == [[8.0, 0.5]]
        assert slopes(lambda x: np.ldexp(*np.frexp(x)), x[:3]) == [[1.0, 1.0, 1.0]]

    def test_nextafter(self):
        assert slopes(np.nextafter, [1.0, 2.0], [2.0, 2.0]) == [[1.0, 1.0], [0.0, 0.0]]

    @DTYPES
    def test_nan_to_num(self, dtype):
        x = [np.nan, np.inf, -np.inf, 2.0]
        assert slopes(np.nan_to_num, x, dtype=dtype) == [[0.0, 0.0, 0.0, 1.0]]
        assert slopes(lambda x: np.nan_to_num(x, nan=1.0, posinf=2.0), x, dtype=dtype) == [[0.0, 0.0, 0.0, 1.0]]
        assert slopes(lambda x: np.nan_to_num(x, True, 1.0), x, dtype=dtype) == [[0.0, 0.0, 0.0, 1.0]]

    def test_nan_to_num_never_changes_a_tensor(self):
        x = Tensor([np.nan, 1.0])
        assert np.nan_to_num(x, copy=False).data.tolist() == [0.0, 1.0]
        assert np.isnan(x.data[0])

    def test_unwrap(self):
        p = np.array([0.0, 3.0, -3.0, 0.5])
        np.testing.assert_array_equal(np.unwrap(Tensor(p, requires_grad=True)).data, np.unwrap(p))
        assert slopes(np.unwrap, p) == [[1.0] * 4]


PIECES = [
    lambda x: ([x < 0, x >= 1], [lambda v: -(v**3), lambda v: v * v, 5]),
    lambda x: ([x < 0, x >= 1], [lambda v: -(v**3), lambda v: v * v]),
    lambda x: ([x < 3, x < 0], [lambda v: 2 * v, lambda v: v * v]),
    lambda x: (x < 0, [lambda v: 2 * v, lambda v: v * v]),
    lambda x: ([x < 0, x >= 0], [1, 2]),
    lambda x: ([x > 100], [lambda v: 1 / (v - v)]),
]


class TestChoices:
    def test_where_with_the_untaken_branch_infinite(self):
        """A branch that is not taken has derivative 0, written once, or twice as other libraries need it."""
        x = [0.0, 4.0]
        once = lambda x: np.where(x > 0, np.sqrt(x), 0)
        twice = lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), 0)
        for written in (once, twice):
            assert slopes(written, x) == [[0.0, 0.25]]
            assert value(nth(written, 2), x).tolist() == [0.0, -1 / 32]

    def test_select(self):
        x = [-2.0, 0.5, 3.0]
        f = lambda x: np.select([x < 0, x < 1], [x * x, 3 * x], -x)
        np.testing.assert_array_equal(f(Tensor(x)).data, [4.0, 1.5, -3.0])
        assert slopes(f, x) == [[-4.0, 3.0, -1.0]]
        assert value(nth(f, 2), x).tolist() == [2.0, 0.0, 0.0]
        assert np.select([Tensor(x) > 0], [np.float32([1, 2, 3])]).data.tolist() == [0.0, 2.0, 3.0]

    @pytest.mark.parametrize(
        ("mode", "index"), [("raise", [2, 0, 1]), ("wrap", [5, -3, 1]), ("clip", [7, -1, 1])], ids=str
    )
    def test_choose(self, mode, index):
        a, b, c = np.arange(3.0), np.full(3, 5.0), np.array(7.0)
        out, pullback = vjp(lambda a, b, c: np.choose(index, [a, b, c], mode=mode), a, b, c)
        np.testing.assert_array_equal(out, [7.0, 1.0, 5.0])
        parts = pullback(np.array([1.0, 2.0, 3.0]))
        assert [part.tolist() for part in parts] == [[0.0, 2.0, 0.0], [0.0, 0.0, 3.0], 1.0]

    def test_choose_by_a_tensor_and_from_a_matrix(self):
        rows = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        np.choose(Tensor([1, 0]), rows).sum().backward()
        assert rows.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]
        with pytest.raises(ValueError, match="invalid entry"):
            np.choose([2, 0], [rows[0], rows[1]])

    @pytest.mark.parametrize("pieces", PIECES)
    @pytest.mark.parametrize("shape", [(6,), (2, 3)])
    def test_piecewise(self, pieces, shape):
        x = np.reshape([-2.0, -0.5, 0.25, 0.5, 1.5, 3.0], shape)
        conditions = lambda x: pieces(x) if isinstance(pieces(x)[0], list) else ([pieces(x)[0]], pieces(x)[1])
        f = lambda x: np.piecewise(x, *conditions(x))
        out, pullback = vjp(f, x)
        np.testing.assert_array_equal(out, f(x))
        h = 1e-6
        expected = (f(x + h) - f(x - h)) / (2 * h)
        smooth = np.abs(expected) < 100  # no jump
        np.testing.assert_allclose(pullback(np.ones(shape))[0][smooth], expected[smooth], atol=1e-8)

    def test_piecewise_evaluates_each_function_on_its_part_alone(self):
        f = lambda x: np.piecewise(x, [x > 0], [np.sqrt, 0.0])
        assert slopes(f, [-4.0, 0.0, 4.0]) == [[0.0, 0.0, 0.25]]
        assert value(nth(f, 2), [-4.0, 0.0, 4.0]).tolist() == [0.0, 0.0, -1 / 32]
        assert slopes(lambda x: np.piecewise(x, [x > 0], [lambda v, k, n=1: k * v**n], 3, n=2), [-1.0, 2.0]) == [
            [0.0, 12.0]
        ]
        assert slopes(lambda x: np.piecewise(x, [x > 0], [np.sqrt]), 4.0) == [0.25]


class TestInterp:
    XP, FP = np.array([0.0, 1.0, 3.0, 4.0]), np.array([1.0, 3.0, -1.0, 0.5])
    X = np.array([-1.3, 0.25, 0.999, 1.5, 3.75, 4.5])

    @pytest.mark.parametrize("options", [{}, {"left": -7.0, "right": 9.0}, {"period": 5.0}, {"period": -2.5}], ids=str)
    def test_values(self, options):
        x = np.concatenate([self.X, self.XP, [np.inf, -np.inf, np.nan]]) if "period" not in options else self.X
        found = np.interp(Tensor(x, requires_grad=True), self.XP, self.FP, **options)
        np.testing.assert_allclose(found.data, np.interp(x, self.XP, self.FP, **options), rtol=1e-14)

    @pytest.mark.parametrize("options", [{}, {"left": -7.0, "right": 9.0}, {"period": 5.0}], ids=str)
    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_derivatives_by_all_three(self, options, position):
        call = [self.X, self.XP, self.FP]

        def f(part):
            return np.interp(*call[:position], part, *call[position + 1 :], **options)

        c = np.arange(1.0, 7.0)
        found = vjp(f, call[position])[1](c)[0]
        h = 1e-6
        steps = np.eye(call[position].size) * h
        expected = [np.sum(c * (f(call[position] + s) - f(call[position] - s))) / (2 * h) for s in steps]
        np.testing.assert_allclose(found, expected, atol=1e-7)

    def test_slopes_at_the_knots_and_beyond(self):
        assert slopes(lambda x: np.interp(x, self.XP, self.FP), [-1.0, 0.0, 1.0, 3.0, 4.0, 5.0, np.inf]) == [
            [0.0, 2.0, -2.0, 1.5, 1.5, 0.0, 0.0]
        ]

    def test_ends_by_tensors(self):
        f = lambda x, left, right: np.interp(x, self.XP, self.FP, left, right).sum()
        assert slopes(f, self.X, 1.0, 2.0)[1:] == [1.0, 1.0]

    def test_one_knot_and_single_precision(self):
        x = Tensor(np.float32([0.5, 1.0, 2.0]), requires_grad=True)
        y = np.interp(x, [1.0], [5.0])
        assert y.dtype == np.float64
        assert y.data.tolist() == [5.0, 5.0, 5.0]
        np.interp(x, [0.0, 4.0], [0.0, 8.0]).sum().backward()
        assert x.grad.dtype == np.float32
        assert x.grad.tolist() == [2.0, 2.0, 2.0]

    def test_twice_differentiable(self):
        hessian_part = grad(lambda xp: grad(lambda xp: np.interp(0.5, xp, [0.0, 1.0]))(xp)[1])(np.array([0.0, 1.0]))
        np.testing.assert_allclose(hessian_part, [0.0, 1.0])  # f = (x - p) / (q - p)


@pytest.mark.parametrize(
    "f",
    [np.deg2rad, np.radians, np.rad2deg, np.degrees, np.cbrt, np.expm1, np.log2, np.log10, np.log1p, np.exp2, np.sinc],
    ids=lambda f: f.__name__,
)
def test_half_precision_stays_half(f):
    x = Tensor(np.float16([0.5, 1.5]), requires_grad=True)
    f(x).sum().backward()
    assert x.grad.dtype == np.float16
    np.testing.assert_allclose(x.grad, grad(lambda x: f(x).sum())(np.array([0.5, 1.5])), rtol=1e-2)


# Derivatives as formulas in which nothing cancels and nothing overflows before the result does.
FORMULAS = {
    "exp": (np.exp, np.exp, (-700, 700)),
    "expm1": (np.expm1, np.exp, (-700, 700)),
    "log": (np.log, lambda x: 1 / x, (0, np.inf)),
    "log1p": (np.log1p, lambda x: 1 / (1 + x), (-0.5, np.inf)),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), (0, np.inf)),
    "arctan": (np.arctan, lambda x: (1 / np.hypot(1, x)) ** 2, (-np.inf, np.inf)),
    "arcsinh": (np.arcsinh, lambda x: 1 / np.hypot(1, x), (-np.inf, np.inf)),
    "hypot": (lambda x: np.hypot(x, np.ones_like(x)), lambda x: x / np.hypot(1, x), (-np.inf, np.inf)),
    "logaddexp": (lambda x: np.logaddexp(x, np.zeros_like(x)), lambda x: np.exp(-np.logaddexp(0, -x)), (-700, 700)),
    "hypot, second": (
        lambda x: grad(lambda x: np.sum(np.hypot(x, np.ones_like(x))))(x),
        lambda x: (1 / np.hypot(1, x)) ** 3,
        (-np.inf, np.inf),
    ),
    "expm1, second": (lambda x: grad(lambda x: np.sum(np.expm1(x)))(x), np.exp, (-700, 700)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FORMULAS)
def test_slopes_keep_their_digits_at_points_of_every_size(name, dtype):
    f, formula, (low, high) = FORMULAS[name]
    limits = np.finfo(dtype)
    sizes = 10.0 ** np.concatenate([np.arange(-300, 301, 10), np.linspace(-8, 3, 45)])
    with np.errstate(all="ignore"):
        x = np.concatenate([-sizes, sizes]).astype(dtype)
    x = x[np.isfinite(x) & (x > low) & (x < high) & (np.abs(x) > limits.tiny)]
    with np.errstate(all="ignore"):
        want = formula(x.astype(np.float64))
    normal = (np.abs(want) < limits.max) & (np.abs(want) > 16 * limits.tiny)
    with np.errstate(all="ignore"):
        found = grad(lambda x: np.sum(f(x)))(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found[normal], want[normal], rtol=1000 * limits.eps)
    assert np.all(np.abs(found[np.abs(want) < limits.tiny]) < 32 * limits.tiny)
