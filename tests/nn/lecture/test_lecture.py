"""The lecture's formulas, computed by hand in NumPy with its indices, against what backward finds.

Lecture 14, "From Neural Net. to Deep Learning" (Hsuan-Tien Lin): the network is w_ij from unit i to unit j, the score
is s_j = sum_i w_ij x_i, and delta_j = d e_n / d s_j.
"""

import itertools

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, grad, vjp
from tests.autograd_mini.testing.numeric import assert_close

SIZES = [3, 5, 4, 1]
S = np.array([-3.0, -0.5, -1e-3, 0.2, 1.0, 4.0])


def theta(s):
    """The logistic function of the lecture."""
    return 1 / (1 + np.exp(-s))


@pytest.fixture
def network():
    """One example x, its target y, and the weights with w_0j, the bias, in row 0."""
    rng = np.random.default_rng(14)
    weights = [rng.standard_normal((1 + d_in, d_out)) for d_in, d_out in itertools.pairwise(SIZES)]
    return rng.standard_normal(SIZES[0]), 0.7, weights


def forward(x, weights):
    """The scores and the transformed values of all layers: s^(1..L), x^(0..L)."""
    scores, values = [], [x]
    for layer, w in enumerate(weights, 1):
        scores.append(np.concatenate([[1.0], values[-1]]) @ w)
        values.append(np.tanh(scores[-1]) if layer < len(weights) else scores[-1])
    return scores, values


def deltas(scores, weights, y):
    """The lecture's recursion, one number at a time."""
    found = [np.array([-2 * (y - scores[-1][0])])]
    for layer in reversed(range(len(weights) - 1)):
        below = np.zeros(len(scores[layer]))
        for j, s_j in enumerate(scores[layer]):
            slope = 1 - np.tanh(s_j) ** 2
            below[j] = sum(found[0][k] * weights[layer + 1][1 + j, k] * slope for k in range(len(found[0])))
        found.insert(0, below)
    return found


def model_of(weights):
    """The same network as an `nn.MLP`."""
    model = nn.MLP(SIZES, "tanh", dtype=np.float64)
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    for layer, w in zip(linear, weights, strict=True):
        layer.weights.data, layer.bias.data = w[1:].copy(), w[0].copy()
    return model, linear


def test_delta_at_the_output_is_minus_2_times_y_minus_s(network):
    x, y, weights = network
    s = forward(x, weights)[0][-1][0]
    assert_close(grad(lambda s: (y - s) ** 2)(s), -2 * (y - s), 1e-14)


def test_delta_of_every_layer_is_the_lectures_recursion(network):
    x, y, weights = network
    scores, _ = forward(x, weights)
    expected = deltas(scores, weights, y)
    for layer in range(len(weights)):

        def error(s, layer=layer):
            for w in weights[layer + 1 :]:
                s = np.concatenate([np.ones(1), np.tanh(s)]) @ w
            return np.sum((y - s) ** 2)

        assert_close(grad(error)(scores[layer]), expected[layer], 1e-12)


def test_weight_gradients_are_x_i_delta_j(network):
    x, y, weights = network
    scores, values = forward(x, weights)
    model, linear = model_of(weights)
    output = model(x[None])
    assert_close(output.data, scores[-1][None], 1e-14)
    nn.squared_error(output, [[y]]).backward()
    for layer, value, delta in zip(linear, values, deltas(scores, weights, y), strict=False):
        assert_close(layer.weights.grad, value[:, None] * delta[None, :], 1e-12)
        assert_close(layer.bias.grad, delta, 1e-12)  # x_0 = 1


def test_a_minibatch_averages_the_gradients_of_its_examples(network):
    _, _, weights = network
    rng = np.random.default_rng(0)
    xs, ys = rng.standard_normal((6, SIZES[0])), rng.standard_normal((6, 1))
    model, linear = model_of(weights)
    nn.squared_error(model(xs), ys).backward()
    expected = np.zeros_like(weights[0][1:])
    for x, (y,) in zip(xs, ys, strict=True):
        delta = deltas(forward(x, weights)[0], weights, y)[0]
        expected += np.outer(x, delta) / 6
    assert_close(linear[0].weights.grad, expected, 1e-12)


def test_tanh_is_2_theta_of_2s_minus_1():
    assert_close(nn.Tanh()(Tensor(S)).data, 2 * theta(2 * S) - 1, 1e-14)
    assert_close(nn.Tanh()(Tensor(S)).data, (np.exp(S) - np.exp(-S)) / (np.exp(S) + np.exp(-S)), 1e-14)
    slope = grad(lambda s: np.sum(nn.Tanh()(s)))(S)
    assert_close(slope, grad(lambda s: np.sum(2 / (1 + np.exp(-2 * s)) - 1))(S), 1e-12)
    assert_close(slope, 4 * theta(2 * S) * (1 - theta(2 * S)), 1e-12)


def test_saturation_makes_the_gradient_vanish():
    assert grad(lambda s: np.sum(nn.Tanh()(s)))(np.array([20.0])) < 1e-15


def test_relu_is_the_maximum_with_0_and_has_slope_0_at_0():
    s = Tensor([*S, 0.0], requires_grad=True)
    out = nn.ReLU()(s)
    np.testing.assert_array_equal(out.data, np.maximum(s.data, 0))
    out.sum().backward()
    np.testing.assert_array_equal(s.grad, [0, 0, 0, 1, 1, 1, 0])


def test_leaky_relu_is_the_lectures_two_formulas():
    s = Tensor(S, requires_grad=True)
    out = nn.LeakyReLU()(s)
    np.testing.assert_array_equal(out.data, np.maximum(S, 0.01 * S))
    np.testing.assert_array_equal(out.data, np.maximum(S, 0) + 0.01 * np.minimum(S, 0))
    out.sum().backward()
    np.testing.assert_array_equal(s.grad, np.where(S > 0, 1, 0.01))


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.25, 0.9, 1.7])
def test_prelu_slope_in_alpha_is_s_where_alpha_s_is_greater(alpha):
    prelu = nn.PReLU(alpha=alpha, dtype=np.float64)
    seed = np.arange(1.0, 7.0)
    s = Tensor(S, requires_grad=True)
    out = prelu(s)
    np.testing.assert_array_equal(out.data, np.maximum(S, alpha * S))
    out.backward(seed)
    assert_close(prelu.alpha.grad, [np.sum(seed * np.where(alpha * S > S, S, 0))], 1e-14)
    assert_close(s.grad, seed * np.where(alpha * S > S, alpha, 1), 1e-14)


def test_prelu_slope_in_alpha_goes_through_the_next_layer(network):
    _, y, weights = network
    w, rng = weights[-1][1:], np.random.default_rng(3)
    s, alpha = rng.standard_normal(4), rng.uniform(0.1, 0.5, 4)

    def error(alpha):
        return np.sum((y - np.maximum(s, alpha * s) @ w) ** 2)

    delta = -2 * (y - np.maximum(s, alpha * s) @ w)
    by_hand = [sum(delta * w[j]) * (s[j] if alpha[j] * s[j] > s[j] else 0) for j in range(4)]
    assert_close(grad(error)(alpha), by_hand, 1e-12)


def test_gradient_descent_step_is_the_lectures(network):
    x, y, weights = network
    model, linear = model_of(weights)
    scores, values = forward(x, weights)
    sgd = nn.SGD(model.parameters(), learning_rate=0.1)
    nn.squared_error(model(x[None]), [[y]]).backward()
    sgd.step()
    delta = deltas(scores, weights, y)
    for layer, w in enumerate(weights):
        assert_close(linear[layer].weights.data, w[1:] - 0.1 * np.outer(values[layer], delta[layer]), 1e-12)


def test_products_of_many_slopes_and_weights_vanish():
    def deep(s):
        for _ in range(20):
            s = np.tanh(0.5 * s)
        return np.sum(s)

    slope = vjp(deep, np.array([0.1]))[1](np.ones(()))[0]
    assert 0 < slope[0] < 0.5**20


@pytest.mark.parametrize("size", [1, 5])
def test_a_whole_training_takes_the_steps_of_the_algorithm(network, size):
    _, _, weights = network
    rng = np.random.default_rng(1)
    xs, ys = rng.standard_normal((20, SIZES[0])), rng.standard_normal((20, 1))
    model, linear = model_of(weights)
    sgd = nn.SGD(model.parameters(), learning_rate=0.05)
    batches = [batch for _ in range(5) for batch in rng.permutation(20).reshape(-1, size)]
    for batch in batches:
        sgd.zero_grad()
        nn.squared_error(model(xs[batch]), ys[batch]).backward()
        sgd.step()
        steps = [np.zeros_like(w) for w in weights]
        for n in batch:
            scores, values = forward(xs[n], weights)
            for step, value, delta in zip(steps, values, deltas(scores, weights, ys[n, 0]), strict=False):
                step += np.outer(np.append(1.0, value), delta) / size
        weights = [w - 0.05 * step for w, step in zip(weights, steps, strict=True)]
    for layer, w in zip(linear, weights, strict=True):
        assert_close(layer.weights.data, w[1:], 1e-13)
        assert_close(layer.bias.data, w[0], 1e-13)
