"""What `check_derivatives` calls right, wrong and inconclusive where that is hard to tell, and how it says so."""

import textwrap

import numpy as np
import pytest

from autograd_mini.testing import DerivativeError, InconclusiveError, check_derivatives

X = np.array([0.5, 1.0, 2.0])


def wrong(f, *args, **options):
    """The message about a wrong derivative."""
    with pytest.raises(DerivativeError) as found:
        check_derivatives(f, *args, **options)
    assert found.value.kind == "value"
    return str(found.value)


def repeated(message, **names):
    """The message that its own lines to paste raise."""
    lines = message.rpartition("To see it again:\n")[2]
    with pytest.raises(DerivativeError) as found:
        exec(textwrap.dedent(lines), {"np": np, "check_derivatives": check_derivatives, **names})
    return str(found.value)


@pytest.mark.parametrize("scale", [1e-9, 1e-12])
@pytest.mark.parametrize("factor", [0, 2, 5, -1])
def test_a_tiny_derivative_beside_a_large_one_is_checked_in_its_own_scale(scale, factor):
    def f(x, y):
        return x + scale * y

    assert check_derivatives(f, X, X).verdict == "right"
    assert " by y" in wrong(f, X, X, vjp=lambda g, x, y: (g, factor * scale * g))


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e300])
def test_a_millionth_is_a_mistake_at_any_scale_and_told_with_its_digits(scale):
    right = lambda g, x: g * scale * np.cos(x)
    assert check_derivatives(lambda x: scale * np.sin(x), X, vjp=right).verdict == "right"
    message = wrong(lambda x: scale * np.sin(x), X, vjp=lambda g, x: (1 + 1e-6) * right(g, x))
    assert "ratio     1 + 1e-06" in message
    assert "a factor of 1 + 1e-06, as from a constant with too few digits" in message


def test_a_second_derivative_larger_than_the_largest_number_is_right():
    assert check_derivatives(np.log, np.array([1e-300, 1.0])).verdict == "right"


@pytest.mark.parametrize("seed", range(12))
def test_a_term_that_is_lost_beside_others_that_cancel_is_not_called_wrong(seed):
    rng = np.random.default_rng(seed)
    large = rng.normal(size=3) * 10.0 ** rng.integers(-3, 3, 3)
    terms = rng.permutation([*large, *-large, rng.normal() * 10.0 ** rng.integers(-20, -10)])
    assert check_derivatives(np.sum, terms, order=1).verdict == "right"


@pytest.mark.parametrize("x", [5.0, 6.5, 7.64613779])
def test_an_oscillation_is_not_taken_for_noise(x):
    def waves(x):
        return np.cos(np.cosh(x))

    assert check_derivatives(waves, np.array(x)).verdict == "right"
    wrong(waves, np.array(x), vjp=lambda g, x: 0.0 * g)


@pytest.mark.parametrize("x", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_function_may_raise_what_it_likes_outside_of_its_domain(x, dtype):
    def strict(x):
        if np.any((x < 0) | (x > 1)):
            raise ValueError("x is not a probability")
        return np.sin(x)

    at = np.array([x, 0.25], dtype)
    assert check_derivatives(strict, at).verdict == "right"
    assert "ratio     1.1" in wrong(strict, at, vjp=lambda g, x: x.dtype.type(1.1) * g * np.cos(x))


@pytest.mark.parametrize("value", [1.5, -0.1])
def test_a_value_outside_of_both_slopes_at_a_kink_is_wrong_and_the_slopes_are_shown(value):
    message = wrong(
        lambda x: np.maximum(x, 0), np.array([0.0, 1.0]), vjp=lambda g, x: g * np.where(x == 0, value, x > 0)
    )
    assert message.startswith(f"f: wrong derivative by x[0]: expected a value from 0 to 1, got {value}")
    assert "expected  0 to 1: the slopes on the two sides of a kink" in message


def test_a_point_next_to_a_kink_is_told():
    with pytest.raises(InconclusiveError, match="or very near"):
        check_derivatives(lambda x: np.maximum(x - 1, 0), np.array([1 + 1e-9, 3.0]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_part_that_is_rounded_to_float32_inside_of_the_function_is_told(dtype):
    with pytest.raises(InconclusiveError, match="rounds what it is given, to float32 perhaps"):
        check_derivatives(lambda x: np.sum(np.tanh(x.astype(np.float32)) * x), X.astype(dtype))


@pytest.mark.parametrize(("x", "rate"), [(1.5, 0.5), (2.0, 0.45)])
def test_a_second_derivative_that_hides_beside_a_large_one_is_right(x, rate):
    """A complex step sees it, through a pullback that conjugates what it takes and gives."""

    def bells(x, rate):
        return np.exp(-((x - 1) ** 2)) + np.exp(-rate * (x + 7) ** 2)

    assert check_derivatives(bells, np.array(x), np.array(rate)).verdict == "right"


@pytest.mark.parametrize("scale", [1e-10, 1e-12, 1e-14, 1e-16])
@pytest.mark.parametrize(
    "small", [lambda z: np.vdot(z, 3.0), lambda z: z * np.abs(z), lambda z: z * np.conj(z) * z, np.sign, np.real]
)
def test_what_is_no_analytic_function_is_not_called_wrong_by_complex_steps(scale, small):
    report = check_derivatives(lambda x: 1 + scale * small(x), np.array(0.7), inconclusive="return")
    assert report.verdict == "right" or "hides" in str(report)


@pytest.mark.parametrize("size", [1e-226, 1e-282, 1e-300])
def test_a_derivative_smaller_than_the_smallest_number_is_right(size):
    assert check_derivatives(lambda x: size * np.sin(x * size), np.array(0.5 / size)).verdict == "right"


def test_each_kink_is_told_once():
    assert check_derivatives(np.max, np.array([1.0, 1.0, 0.5])).kinks == ("a[0] = 1", "a[1] = 1")


def test_a_transpose_of_a_square_matrix_is_guessed_though_other_shapes_fail():
    x = np.arange(9.0).reshape(3, 3) + 1
    assert "the transpose" in wrong(lambda x: x * x, x, vjp=lambda g, x: (2 * g * x).T)


def test_the_lines_to_paste_make_a_large_array():
    def but_one(g, x):
        found = g * np.cos(x)
        if found.size > 777:
            found[777] *= 1.001
        return found

    x = np.random.default_rng(0).standard_normal(2000)
    message = wrong(np.sin, x, vjp=but_one)
    assert " by x[777]" in message
    assert "np.full((8" in message
    assert repeated(message, but_one=but_one) == message


def test_an_array_without_a_pattern_has_a_place_in_the_lines_to_paste():
    x = np.random.default_rng(0).standard_normal(100)

    def but_here(g, a):
        return g * np.cos(a) * (1 + (a == x))

    assert "x1 = ...  # your float64 array of shape (100,)\n    check_derivatives(np.sin, x1, vjp=" in wrong(
        np.sin, x, vjp=but_here
    )


def test_the_lines_to_paste_hold_what_a_lambda_reads():
    scale, shift = 3.0, np.array([1.0])
    message = wrong(lambda x: scale * x + shift, X, vjp=lambda g, x: g * scale * 2)
    assert "\n    scale = 3.0\n    shift = np.array([1.0])\n    f = lambda x: " in message
    assert message.count("scale = 3.0") == 1
    lines = message.rpartition("To see it again:\n")[2]
    with pytest.raises(DerivativeError):
        exec(textwrap.dedent(lines), {"np": np, "check_derivatives": check_derivatives})


def test_the_lines_to_paste_hold_the_options():
    def tripled(g, x):
        return 3 * g

    message = wrong(np.sin, X, vjp=tripled, seed=7, rtol=1e-5)
    assert message.endswith("check_derivatives(np.sin, np.array([0.5]), vjp=tripled, rtol=1e-05, seed=7)")
    assert repeated(message, tripled=tripled) == message


def test_a_function_that_returns_more_for_real_numbers_than_for_complex_ones_is_checked_by_real_steps():
    def parts(x):
        found = np.fft.fft(x, n=6)
        return found if x.dtype.kind == "c" else np.stack([np.real(found), np.imag(found)])

    assert check_derivatives(parts, np.array([[-1.1, -0.8, 0.3], [0.2, 0.9, -0.7]])).verdict == "right"
