"""`grad`, `value_and_grad`, `vjp`: what they take and give, and that they nest without confusion."""

import numpy as np
import pytest

from autograd_mini import Tensor, grad, no_grad, value_and_grad, vjp
from autograd_mini.graph import modes
from autograd_mini.primitive import primitives
from tests.autograd_mini.testing.numeric import assert_close

X = np.array([0.3, -1.2, 2.0])


class TestGrad:
    def test_of_a_number(self):
        assert grad(lambda x: x**3)(2.0) == 12.0

    def test_has_the_shape_and_dtype_of_its_argument(self):
        slope = grad(lambda x: np.sum(x * x))(X.astype(np.float32))
        assert type(slope) is np.ndarray
        assert slope.dtype == np.float32
        assert_close(slope, 2 * X, 1e-6)

    def test_a_list_is_a_container_of_arguments(self):
        assert grad(lambda pair: pair[0] * pair[1] ** 2)([1.0, 2.0]) == [4.0, 4.0]

    def test_chooses_arguments(self):
        def f(x, y, *, scale):
            return scale * x * y**2

        assert grad(f, argnums=1)(3.0, 2.0, scale=10.0) == 120.0
        assert grad(f, argnums=-1)(3.0, 2.0, scale=10.0) == 120.0
        assert grad(f, argnums=(1, 0))(3.0, 2.0, scale=10.0) == (120.0, 40.0)
        assert grad(f, argnums=[0])(3.0, 2.0, scale=1.0) == (4.0,)

    def test_other_arguments_are_passed_as_they_are(self):
        def f(x, power, label):
            assert label == "cube"
            return x**power

        assert grad(f)(2.0, 3, "cube") == 12.0

    def test_of_a_function_that_ignores_its_argument_is_0(self):
        np.testing.assert_array_equal(grad(lambda x: 5.0)(X), np.zeros(3))
        np.testing.assert_array_equal(grad(lambda x: np.sum(np.sign(x)))(X), np.zeros(3))

    def test_of_the_identity_is_1(self):
        assert grad(lambda x: x)(2.0) == 1.0

    def test_keeps_the_name_and_documentation(self):
        def loss(x):
            """The loss."""
            return x

        assert grad(loss).__name__ == "loss"
        assert grad(loss).__doc__ == "The loss."

    def test_results_are_memory_of_their_own(self):
        x = X.copy()
        a, b = grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(x, x)
        a[...] = 7
        np.testing.assert_array_equal(b, np.ones(3))
        np.testing.assert_array_equal(x, X)

    def test_one_array_passed_twice_is_two_arguments(self):
        np.testing.assert_array_equal(grad(lambda a, b: np.sum(a * a * b))(X, X), 2 * X * X)

    def test_leaves_gradients_of_outer_tensors_alone(self):
        w = Tensor(3.0, requires_grad=True)
        grad(lambda x: x * w)(2.0)
        assert w.grad is None

    def test_closes_over_arrays(self):
        weights = np.array([1.0, 2.0, 3.0])
        np.testing.assert_array_equal(grad(lambda x: np.sum(weights * x))(X), weights)


class TestValueAndGrad:
    def test_gives_both(self):
        value, slope = value_and_grad(lambda x: np.sum(x**2))(X)
        assert type(value) is np.ndarray
        assert_close(value, np.sum(X**2), 1e-15)
        assert_close(slope, 2 * X, 1e-15)

    def test_evaluates_once(self):
        calls = []
        value_and_grad(lambda x: calls.append(1) or x * x)(2.0)
        assert len(calls) == 1


class TestVjp:
    def test_pulls_back_a_cotangent(self):
        matrix = np.arange(6.0).reshape(2, 3)
        out, pullback = vjp(lambda a, x: a @ x, matrix, X)
        assert_close(out, matrix @ X, 1e-15)
        by_a, by_x = pullback(np.array([1.0, 10.0]))
        assert_close(by_a, np.outer([1.0, 10.0], X), 1e-15)
        assert_close(by_x, matrix.T @ [1.0, 10.0], 1e-15)

    def test_the_pullback_can_be_called_again(self):
        _, pullback = vjp(lambda x: x * x, X)
        first, second, third = (pullback(k * np.ones(3))[0] for k in (1, 2, 1))
        np.testing.assert_array_equal(2 * first, second)
        np.testing.assert_array_equal(first, third)
        assert not np.shares_memory(first, third)

    def test_without_primals_there_are_no_cotangents(self):
        out, pullback = vjp(lambda: np.ones(2))
        np.testing.assert_array_equal(out, np.ones(2))
        assert pullback(np.ones(2)) == ()

    def test_overwriting_arguments_and_results_does_not_change_the_pullback(self):
        x = X.copy()
        for f, slope in ((np.exp, np.exp(X)), (np.sin, np.cos(X)), (lambda x: x, np.ones(3))):
            out, pullback = vjp(f, x)
            out *= 0
            x *= 0
            assert_close(pullback(np.ones(3))[0], slope, 1e-15)
            x[:] = X

    def test_a_tuple_of_one_result(self):
        out, pullback = vjp(lambda x: (2 * x,), X)
        assert_close(out[0], 2 * X, 0)
        assert_close(pullback((np.ones(3),))[0], np.full(3, 2.0), 0)

    def test_a_pullback_does_not_write_into_the_cotangent(self):
        seed = np.ones(3)
        (part,) = vjp(lambda x: +x, X)[1](seed)
        part[...] = 5
        np.testing.assert_array_equal(seed, np.ones(3))


class TestTensorsInTensorsOut:
    def test_of_constants_are_constants(self):
        value, slope = value_and_grad(lambda x: np.sum(x * x))(Tensor(X))
        assert type(value) is type(slope) is Tensor
        assert not slope.requires_grad
        assert_close(slope.data, 2 * X, 1e-15)

    def test_of_variables_can_be_differentiated(self):
        x = Tensor(X, requires_grad=True)
        slope = grad(lambda x: np.sum(x**3))(x)
        assert slope.requires_grad
        np.sum(slope).backward()
        assert_close(x.grad, 6 * X, 1e-14)

    def test_the_value_can_be_differentiated(self):
        x = Tensor(X, requires_grad=True)
        value, _ = value_and_grad(lambda x: np.sum(x**3))(x)
        value.backward()
        assert_close(x.grad, 3 * X**2, 1e-14)

    def test_a_cotangent_that_requires_grad(self):
        seed = Tensor(np.ones(3), requires_grad=True)
        (part,) = vjp(np.tanh, X)[1](seed)
        (part * part).sum().backward()
        assert_close(seed.grad, 2 * (1 - np.tanh(X) ** 2) ** 2, 1e-14)

    def test_under_no_grad_results_are_constants(self):
        x = Tensor(X, requires_grad=True)
        with no_grad():
            slope = grad(lambda x: np.sum(x**3))(x)
        assert type(slope) is Tensor
        assert not slope.requires_grad
        assert_close(slope.data, 3 * X**2, 1e-14)


class TestClosures:
    def test_over_a_variable_gives_a_result_that_depends_on_it(self):
        w = Tensor(3.0, requires_grad=True)
        value, slope = value_and_grad(lambda x: x * x * w)(2.0)
        assert type(slope) is Tensor
        (value + slope).backward()
        assert w.grad == 2.0**2 + 2 * 2.0

    def test_over_a_result_gives_a_result_that_depends_on_it(self):
        w = Tensor(3.0, requires_grad=True)
        scale = w * w
        grad(lambda x: x * x * scale)(2.0).backward()
        assert w.grad == 2 * 2.0 * 2 * 3.0

    def test_over_a_variable_under_no_grad_gives_arrays(self):
        w = Tensor(3.0, requires_grad=True)
        with no_grad():
            slope = grad(lambda x: x * x * w)(2.0)
        assert type(slope) is np.ndarray
        assert slope == 12.0

    def test_over_an_outer_argument(self):
        outer = grad(lambda x: x * grad(lambda y: x * y * y)(2.0))
        assert outer(3.0) == 2 * 3.0 * 2 * 2.0

    def test_variables_made_inside_are_inner_matters(self):
        def f(x):
            helper = Tensor(2.0, requires_grad=True)
            return x * helper

        slope = grad(f)(3.0)
        assert type(slope) is np.ndarray
        assert slope == 2.0


class TestNesting:
    @pytest.mark.parametrize(
        ("f", "derivatives"),
        [
            (lambda x: x**5, lambda x: (5 * x**4, 20 * x**3, 60 * x**2)),
            (np.exp, lambda x: (np.exp(x),) * 3),
            (lambda x: 1 / x, lambda x: (-(x**-2), 2 * x**-3, -6 * x**-4)),
            (np.log, lambda x: (1 / x, -(x**-2), 2 * x**-3)),
            (np.sqrt, lambda x: (x**-0.5 / 2, -(x**-1.5) / 4, 3 * x**-2.5 / 8)),
            (lambda x: x**x, None),
            (
                np.tanh,
                lambda x: (
                    1 - np.tanh(x) ** 2,
                    -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
                    (6 * np.tanh(x) ** 2 - 2) * (1 - np.tanh(x) ** 2),
                ),
            ),
        ],
    )
    def test_third_derivatives(self, f, derivatives):
        x = 1.3
        first, second = x**x * (np.log(x) + 1), x**x * ((np.log(x) + 1) ** 2 + 1 / x)
        third = x**x * ((np.log(x) + 1) ** 3 + 3 * (np.log(x) + 1) / x - 1 / x**2)
        expected = derivatives(x) if derivatives else (first, second, third)
        found = grad(f)(x), grad(grad(f))(x), grad(grad(grad(f)))(x)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, 1e-12)

    def test_perturbations_are_not_confused(self):
        # The classic: d/dx (x * d/dy (x + y)) is 1, not 2.
        assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
        assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0

    def test_the_same_tensor_in_both(self):
        assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 4 * 3.0

    def test_a_function_that_takes_its_own_derivative(self):
        hessian_times_one = grad(lambda x: np.sum(grad(lambda x: np.sum(np.tanh(x)))(x)))(X)
        assert_close(hessian_times_one, -2 * np.tanh(X) * (1 - np.tanh(X) ** 2), 1e-12)

    def test_hessian_row_by_row_is_symmetric(self):
        def f(x):
            return np.tanh(x[0] * x[1]) + x[1] ** 2 * x[2] + np.exp(x[0] * x[2])

        hessian = np.stack([grad(lambda x, i=i: grad(f)(x)[i])(X) for i in range(3)])
        assert_close(hessian, hessian.T, 1e-12)
        assert_close(hessian[1, 2], 2 * X[1], 1e-12)

    def test_gradient_penalty_reaches_the_weights(self):
        w = Tensor([1.0, 2.0], requires_grad=True)
        slope = grad(lambda x: np.sum(np.tanh(x * w)))(np.array([0.5, 0.5]))
        np.sum(slope * slope).backward()

        def penalty(w):
            return np.sum((w * (1 - np.tanh(0.5 * w) ** 2)) ** 2)

        assert_close(w.grad, grad(penalty)(w.data), 1e-12)

    def test_grad_inside_no_grad_still_differentiates(self):
        with no_grad():
            assert grad(lambda x: x * x)(3.0) == 6.0
            assert grad(grad(lambda x: x**3))(2.0) == 12.0

    def test_no_grad_inside_a_differentiated_function_holds_values_constant(self):
        def f(x):
            with no_grad():
                held = x * x
            return x * held

        assert grad(f)(3.0) == 9.0

    def test_detach_inside_holds_values_constant(self):
        assert grad(lambda x: x * (x * x).detach())(3.0) == 9.0

    def test_an_error_in_the_function_leaves_no_mode_behind(self):
        with no_grad():
            with pytest.raises(ZeroDivisionError):
                grad(lambda x: 1 / 0)(1.0)
            assert not modes.recording


class TestComplexNumbers:
    def test_a_complex_argument_gives_the_direction_of_steepest_ascent(self):
        z = np.array(1.0 + 2.0j)
        if np.real not in primitives or np.conjugate not in primitives:
            with pytest.raises(TypeError, match="has no derivative rule"):
                grad(lambda z: np.real(z * np.conj(z)))(z)
            return
        assert_close(grad(lambda z: np.real(z * np.conj(z)))(z), 2 * z, 1e-15)

    def test_a_complex_result_is_refused(self):
        with pytest.raises(TypeError, match="a real number"):
            grad(lambda z: z * z)(1.0 + 2.0j)

    def test_vjp_of_an_analytic_function_is_the_conjugate_derivative(self):
        z, seed = np.array(1.0 + 2.0j), np.array(0.5 - 1.0j)
        (part,) = vjp(lambda z: z * z, z)[1](seed)
        assert_close(part, seed * np.conj(2 * z), 1e-15)

    def test_backward_agrees_with_vjp(self):
        z = Tensor(1.0 + 2.0j, requires_grad=True)
        seed = np.array(0.5 - 1.0j)
        (z * z).backward(seed)
        (part,) = vjp(lambda z: z * z, z.data)[1](seed)
        assert_close(z.grad, part, 1e-15)
