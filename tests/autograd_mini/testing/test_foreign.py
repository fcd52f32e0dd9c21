"""`check_derivatives` of functions of PyTorch's and JAX's arrays."""

import numpy as np
import pytest

from autograd_mini.testing import DerivativeError, check_derivatives

pytestmark = pytest.mark.extra
X, W = np.array([0.3, -1.0, 2.0]), np.array([1.0, 0.5, 2.0])


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    return pytest.importorskip("jax")


@pytest.fixture
def gate(torch):
    """A custom function, w tanh(x), with a given backward."""

    def make(slope):
        class Gate(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, w):
                ctx.save_for_backward(x, w)
                return torch.tanh(x) * w

            @staticmethod
            def backward(ctx, g):
                x, w = ctx.saved_tensors
                return g * w * slope(torch.tanh(x)), g * torch.tanh(x)

        return Gate

    return make


def test_a_custom_function_of_pytorch_is_right_to_the_second_order(gate):
    report = check_derivatives(gate(lambda t: 1 - t * t), X, W)
    assert str(report).startswith("right to order 2")


def test_a_wrong_backward_is_found_with_the_smallest_example(gate):
    with pytest.raises(
        DerivativeError, match=r"Gate: wrong derivative by x\[0\]: expected 0.915137, got 1.08486"
    ) as caught:
        check_derivatives(gate(lambda t: 1 + t * t), X, W)
    assert "check_derivatives(Gate, np.array([0.3]), np.array([1.0]))" in str(caught.value)


def test_a_backward_that_cannot_be_derived_is_found(gate):
    assert check_derivatives(gate(lambda t: (1 - t * t).detach()), X, W, order=1).order == 1
    with pytest.raises(DerivativeError, match=r"wrong derivative of order 2 by x\[0\]"):
        check_derivatives(gate(lambda t: (1 - t * t).detach()), X, W)


def test_a_function_of_tensors_is_known_by_its_arguments(torch):
    assert check_derivatives(lambda x, i: x[i].sin() * 2, torch.tensor([0.3, 1.0]), torch.tensor([1, 0, 1]))
    with pytest.raises(DerivativeError, match=r"(?s)f = lambda x: .*torch.from_numpy\(np.array"):
        check_derivatives(lambda x: x + (x * x).detach(), torch.tensor([0.3, 1.0]).double())


def test_a_module_of_pytorch_is_checked_by_its_inputs_and_parameters(torch):
    class Layer(torch.nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.weight, self.scale = torch.nn.Parameter(torch.tensor([[0.5, -1.0]])), scale

        def forward(self, x):
            return torch.tanh(x @ self.scale(self.weight).T)

    x = torch.tensor([[0.3, 1.0]])
    module = Layer(lambda weight: 2 * weight)
    assert check_derivatives(module, x).entries > 4
    assert module.weight.dtype == torch.float32
    with pytest.raises(DerivativeError, match=r"by weight\[0, 0\]") as caught:
        check_derivatives(Layer(lambda weight: weight + weight.detach()), x)
    assert "module = ...  # your Layer\n    check_derivatives(module, np.array([[0.3" in str(caught.value)


def test_a_function_of_jax_s_arrays(jax):
    @jax.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (2 * x**2 * g,))
    x = jax.numpy.array([0.5])
    assert check_derivatives(lambda x: jax.numpy.tanh(x) ** 2, x)
    with pytest.raises(DerivativeError, match=r"expected 0.75, got 0.5"):
        check_derivatives(cube, x)


def test_complex_arguments_are_refused(torch):
    with pytest.raises(TypeError, match="complex arguments for a function of PyTorch's arrays"):
        check_derivatives(lambda x: x * x, torch.tensor([1j]))
