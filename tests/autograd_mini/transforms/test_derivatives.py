"""jvp, jacobian, hessian, hvp, checkpoint, stop_gradient, and derivatives over nested containers."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

import nn
from autograd_mini import (
    Tensor,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    stop_gradient,
    value_and_grad,
    vjp,
)
from autograd_mini.graph import operations

X = np.array([1.0, -2.0, 3.0])
V = np.array([0.1, 0.2, -0.3])
A = np.array([[0.5, 1.0, -0.25], [2.0, -1.0, 0.125]])


def curve(x):
    return np.tanh(A @ x)


def energy(x):
    return np.sum(np.tanh(x) ** 3) * x[0]


def jacobian_by_hand(x):
    return (1 - np.tanh(A @ x) ** 2)[:, None] * A


class TestJvp:
    def test_it_is_the_jacobian_times_the_tangent(self):
        out, tangent = jvp(curve, (X,), (V,))
        np.testing.assert_allclose(out, curve(X))
        np.testing.assert_allclose(tangent, jacobian_by_hand(X) @ V)
        assert type(out) is type(tangent) is np.ndarray

    def test_directions_of_several_primals_add_up(self):
        _, tangent = jvp(lambda x, y: x * y, (X, V), (np.ones(3), 2 * np.ones(3)))
        np.testing.assert_allclose(tangent, V + 2 * X)

    def test_it_nests(self):
        def slope(x):
            return jvp(lambda y: np.sum(y**3), (x,), (V,))[1]

        out, tangent = jvp(slope, (X,), (V,))
        np.testing.assert_allclose([out, tangent], [3 * X**2 @ V, 6 * X * V @ V])
        np.testing.assert_allclose(grad(slope)(X), 6 * X * V)

    def test_it_is_adjoint_to_vjp(self):
        u = np.array([0.3, -0.7])
        _, tangent = jvp(curve, (X,), (V,))
        (cotangent,) = vjp(curve, X)[1](u)
        np.testing.assert_allclose(u @ tangent, cotangent @ V)

    def test_tangents_of_another_shape_raise(self):
        with pytest.raises(ValueError, match="of the same shape"):
            jvp(curve, (X,), (np.ones(2),))


class TestSecondOrder:
    def test_jacobian(self):
        np.testing.assert_allclose(jacobian(curve)(X), jacobian_by_hand(X))
        assert jacobian(lambda x: np.sum(x))(X).shape == (3,)
        assert jacobian(lambda x: x[:0])(X).shape == (0, 3)

    def test_jacobian_by_several_arguments(self):
        by_x, by_y = jacobian(lambda x, y: x * y, (0, -1))(X, V)
        np.testing.assert_array_equal(by_x, np.diag(V))
        np.testing.assert_array_equal(by_y, np.diag(X))

    def test_jacobian_of_matrices_has_both_shapes(self):
        out = jacobian(lambda m: m @ m)(np.eye(2))
        assert out.shape == (2, 2, 2, 2)
        np.testing.assert_array_equal(out[0, 1], [[0, 2], [0, 0]])

    def test_hessian_is_symmetric_and_right(self):
        h = hessian(energy)(X)
        np.testing.assert_allclose(h, h.T)
        step = 1e-5
        rows = [(grad(energy)(X + step * e) - grad(energy)(X - step * e)) / (2 * step) for e in np.eye(3)]
        np.testing.assert_allclose(h, rows, rtol=1e-7, atol=1e-9)

    def test_hvp_is_the_hessian_times_the_vector(self):
        np.testing.assert_allclose(hvp(energy)(X, V), hessian(energy)(X) @ V)

    def test_hvp_by_a_later_argument(self):
        np.testing.assert_allclose(hvp(lambda a, x: a * np.sum(x**3), 1)(2.0, X, V), 12 * X * V)

    def test_elementwise_grad(self):
        np.testing.assert_allclose(elementwise_grad(np.tanh)(X), 1 - np.tanh(X) ** 2)
        np.testing.assert_allclose(elementwise_grad(elementwise_grad(np.square))(X), 2 * np.ones(3))

    def test_tensors_in_tensors_out(self):
        for transform in (jacobian(curve), hessian(energy), elementwise_grad(np.tanh)):
            assert type(transform(Tensor(X))) is Tensor
            assert transform(Tensor(X, requires_grad=True)).requires_grad


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass
class Model:
    weights: object
    bias: object


class TestContainers:
    def test_gradients_come_in_the_structure_of_the_argument(self):
        def loss(p):
            return np.sum(p["list"][0] * p["pair"].left) + p["model"].bias ** 2 + np.sum(p["model"].weights)

        given = {"list": [X, None], "pair": Pair(V, 1.0), "model": Model(np.ones(2), 3.0)}
        out = grad(loss)(given)
        np.testing.assert_array_equal(out["list"][0], V)
        assert out["list"][1] is None
        np.testing.assert_array_equal(out["pair"].left, X)
        assert out["pair"].right == 0
        assert isinstance(out["model"], Model)
        assert out["model"].bias == 6

    def test_second_derivatives_of_containers(self):
        out = hvp(lambda p: np.sum(p["x"] ** 3))({"x": X}, {"x": V})
        np.testing.assert_allclose(out["x"], 6 * X * V)
        blocks = hessian(lambda p: np.sum(p[0] ** 2 * p[1]))([X, V])
        np.testing.assert_allclose(blocks[0][0], np.diag(2 * V))

    def test_a_module_is_a_container_of_its_parameters(self):
        model = nn.MLP([3, 4, 1], rng=0, dtype=np.float64)
        x, y = np.ones((5, 3)), np.zeros((5, 1))
        value, gradients = value_and_grad(lambda m: nn.squared_error(m(x), y))(model)
        loss = nn.squared_error(model(x), y)
        loss.backward()
        assert value.item() == loss.item()
        assert isinstance(gradients, nn.MLP)
        np.testing.assert_array_equal(gradients[0].weights.data, model[0].weights.grad)
        np.testing.assert_array_equal(gradients[2].bias.data, model[2].bias.grad)

    def test_integers_in_a_differentiated_container_raise(self):
        with pytest.raises(TypeError, match="int64"):
            grad(lambda p: p["x"] * 1.0)({"x": 3})


class TestStopGradient:
    def test_it_hides_how_a_value_was_made(self):
        assert grad(lambda x: x * stop_gradient(x * x))(3.0) == 9
        assert grad(lambda x: x * stop_gradient({"a": x})["a"])(3.0) == 3

    def test_arrays_pass(self):
        assert stop_gradient(X) is X


class TestCheckpoint:
    @pytest.fixture
    def w(self):
        return Tensor([0.5, 0.6, 0.7], requires_grad=True)

    def test_gradients_flow_to_arguments_and_to_tensors_it_closes_over(self, w):
        def block(x):
            return np.tanh(np.tanh(x * w) * w)

        def run(block):
            w.grad, x = None, Tensor(X, requires_grad=True)
            np.sum(block(block(x)) ** 2).backward()
            return x.grad, w.grad

        for got, want in zip(run(checkpoint(block)), run(block), strict=True):
            np.testing.assert_allclose(got, want)

    def test_second_derivatives(self):
        block = checkpoint(lambda x: np.sum(np.tanh(x) ** 2))
        np.testing.assert_allclose(hessian(block)(X), hessian(lambda x: np.sum(np.tanh(x) ** 2))(X))

    def test_an_argument_that_is_not_used_gets_zeros(self):
        block = checkpoint(lambda x, y: x * 2)
        np.testing.assert_array_equal(grad(lambda y: np.sum(block(Tensor(X, requires_grad=True), y)))(V).data, 0 * V)

    def test_a_module_learns_through_it(self):
        model = nn.MLP([3, 4, 1], rng=0, dtype=np.float64)
        x, y = np.ones((5, 3)), np.zeros((5, 1))
        gradients = []
        for call in (model, checkpoint(model)):
            model.zero_grad()
            nn.squared_error(call(x), y).backward()
            gradients.append([parameter.grad for parameter in model.parameters()])
        for one, other in zip(*gradients, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_it_is_one_operation_and_runs_again_in_the_backward(self):
        calls = []

        def block(x):
            calls.append(1)
            return np.tanh(np.tanh(x))

        x = Tensor(X, requires_grad=True)
        out = checkpoint(block)(x)
        assert len(operations(out._record)) == 1
        assert len(calls) == 1
        out.backward(np.ones(3))
        assert len(calls) == 2

    def test_without_recording_it_is_the_function(self, w):
        with no_grad():
            assert not checkpoint(np.tanh)(w).requires_grad

    def test_two_results_raise(self, w):
        with pytest.raises(TypeError, match="one tensor"):
            checkpoint(lambda x: (x, x))(w)
