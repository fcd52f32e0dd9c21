"""Gradients clipped and normalised: by the right factor, over all parameters, at any scale."""

import numpy as np
import pytest

import nn


def with_grads(*grads, dtype=np.float64):
    parameters = [nn.Parameter(np.zeros(np.shape(grad), dtype), name=f"w{i}") for i, grad in enumerate(grads)]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = np.array(grad, dtype)
    return parameters


def test_the_norm_is_that_of_all_together():
    a, b = with_grads([3.0], [[4.0, 12.0]])
    assert nn.clip_norm([a, b], 6.5) == 13
    np.testing.assert_allclose(a.grad, [1.5])
    np.testing.assert_allclose(b.grad, [[2.0, 6.0]])


def test_small_gradients_stay():
    (a,) = with_grads([3.0, 4.0])
    before = a.grad
    assert nn.clip_norm([a], 5.0) == 5
    assert a.grad is before


@pytest.mark.parametrize("scale", [1e-38, 1e-20, 1.0, 1e20, 5e37])
def test_norms_are_right_at_the_ends_of_float32(scale):
    (a,) = with_grads([3 * scale, 4 * scale], dtype=np.float32)
    assert nn.normalise_gradients([a]) == pytest.approx([5 * scale])
    np.testing.assert_allclose(a.grad, [0.6, 0.8], rtol=1e-6)
    assert a.grad.dtype == np.float32


@pytest.mark.parametrize("scale", [1e-310, 1e-300, 1e300])
def test_norms_are_right_at_the_ends_of_float64(scale):
    (a,) = with_grads([3 * scale, 4 * scale])
    assert nn.clip_norm([a], scale) == pytest.approx(5 * scale)
    np.testing.assert_allclose(a.grad / scale, [0.6, 0.8])


def test_float16_keeps_its_dtype_and_does_not_overflow():
    (a,) = with_grads([6e4, 6e4], dtype=np.float16)
    assert nn.clip_norm([a], 1.0) > 8e4
    np.testing.assert_allclose(a.grad, [0.5**0.5] * 2, rtol=1e-3)
    assert a.grad.dtype == np.float16


def test_values_are_brought_into_the_interval():
    (a,) = with_grads([-3.0, 0.5, 2.0])
    assert nn.clip_value([a], 1.0) == 3
    np.testing.assert_array_equal(a.grad, [-1.0, 0.5, 1.0])


def test_normalising_makes_layers_equal_and_leaves_zeros():
    a, b, c = with_grads([1e-9, 0.0], [5.0], [0.0])
    assert nn.normalise_gradients([a, b, c], norm=2.0) == [1e-9, 5.0, 0.0]
    np.testing.assert_allclose([a.grad[0], b.grad[0], c.grad[0]], [2.0, 2.0, 0.0])


def test_a_model_and_parameters_without_a_gradient():
    model = nn.MLP([2, 3, 1], rng=0)
    model[0].freeze()
    nn.squared_error(model(np.ones((4, 2), np.float32)), np.zeros((4, 1))).backward()
    nn.clip_norm(model, 1e-3)
    total = sum(np.sum(parameter.grad**2) for parameter in model.parameters() if parameter.grad is not None)
    assert total**0.5 == pytest.approx(1e-3, rel=1e-5)
    assert model[0].weights.grad is None


def test_no_gradients_have_norm_zero():
    assert nn.clip_norm(nn.MLP([2, 1]), 1.0) == 0
    assert nn.clip_value([], 1.0) == 0


@pytest.mark.parametrize("function", [nn.clip_norm, nn.clip_value, nn.normalise_gradients])
class TestMistakes:
    def test_a_gradient_that_is_not_finite_is_named(self, function):
        parameters = with_grads([1.0], [np.nan, np.inf])
        with pytest.raises(FloatingPointError, match=r"'w1' \(shape \(2,\)\) holds 2 entries"):
            function(parameters, 1.0)
        np.testing.assert_array_equal(parameters[0].grad, [1.0])

    @pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
    def test_limits_are_positive(self, function, limit):
        with pytest.raises(ValueError, match="positive number"):
            function(with_grads([1.0]), limit)

    def test_a_single_tensor_is_no_list(self, function):
        with pytest.raises(TypeError, match=r"was given a Parameter. Give it a model, or parameters"):
            function(with_grads([1.0])[0], 1.0)
