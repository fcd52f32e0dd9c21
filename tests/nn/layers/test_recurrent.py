"""Recurrent layers: their formulas, derivatives through time, long sequences, states that go on, mistakes."""

import numpy as np
import pytest

import nn
from autograd_mini import Tensor
from autograd_mini.testing import check_module

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4, 3))
LAYERS = [nn.RNN, nn.GRU]


def theta(s):
    return 1 / (1 + np.exp(-s))


def by_hand(layer, x):
    """All states, one number array after the other, as the formulas in the docstrings say."""
    w, b = layer.cell.input.weights.data, layer.cell.input.bias.data
    u, c = layer.cell.state.weights.data, layer.cell.state.bias.data
    n, h, states = layer.cell.units, np.zeros((len(x), layer.cell.units)), []
    for t in range(x.shape[1]):
        if isinstance(layer, nn.RNN):
            h = np.tanh(x[:, t] @ w + b + h @ u + c)
        else:
            r = theta(x[:, t] @ w[:, :n] + b[:n] + h @ u[:, :n] + c[:n])
            z = theta(x[:, t] @ w[:, n : 2 * n] + b[n : 2 * n] + h @ u[:, n : 2 * n] + c[n : 2 * n])
            new = np.tanh(x[:, t] @ w[:, 2 * n :] + b[2 * n :] + r * (h @ u[:, 2 * n :] + c[2 * n :]))
            h = (1 - z) * new + z * h
        states.append(h)
    return np.stack(states, axis=1)


class States(nn.Module):
    """All states alone."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


def made(kind, **options):
    layer = kind(3, 5, rng=0, dtype=float, **options)
    for bias in (layer.cell.input.bias, layer.cell.state.bias):
        bias.data = np.random.default_rng(1).standard_normal(bias.shape)
    return layer


@pytest.mark.parametrize("kind", LAYERS)
class TestEvery:
    def test_computes_its_formula(self, kind):
        layer = made(kind)
        states, last = layer(X)
        np.testing.assert_allclose(states.data, by_hand(layer, X), rtol=1e-12)
        np.testing.assert_array_equal(last.data, states.data[:, -1])

    def test_goes_on_from_a_state(self, kind):
        layer = made(kind)
        whole, _ = layer(X)
        first, state = layer(X[:, :3])
        second, _ = layer(X[:, 3:], state)
        np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=1), whole.data, rtol=1e-12)

    def test_a_state_that_is_carried_to_the_next_step_is_detached_or_told_to_be(self, kind):
        layer = made(kind)
        _, state = layer(X)
        state.sum().backward()
        layer(X, state.detach())[1].sum().backward()
        with pytest.raises(RuntimeError, match=r"carried .*`h = h.detach\(\)"):
            layer(X, state)[1].sum().backward()

    def test_its_cell_does_one_step(self, kind):
        layer = made(kind)
        np.testing.assert_allclose(layer.cell(X[:, 0], np.zeros((2, 5))).data, layer(X)[0].data[:, 0], rtol=1e-12)

    def test_derivatives_through_time(self, kind):
        check_module(States(made(kind)), X)

    def test_a_thousand_steps(self, kind):
        layer = kind(1, 4, rng=0)
        x = Tensor(RNG.standard_normal((2, 1000, 1)).astype(np.float32), requires_grad=True)
        layer(x)[1].sum().backward()
        assert np.all(np.isfinite(x.grad))
        assert np.any(x.grad[:, -1])

    def test_float32_stays(self, kind):
        states, last = kind(3, 5)(X.astype(np.float32))
        assert states.dtype == last.dtype == np.float32

    @pytest.mark.parametrize("shape", [(2, 3), (2, 4, 2), (2, 0, 3), (4, 3, 2, 3)])
    def test_sequences_have_three_axes(self, kind, shape):
        with pytest.raises(ValueError, match=rf"{kind.__name__}\(3, 5\) was given an input of shape"):
            kind(3, 5)(np.ones(shape))

    def test_states_fit_the_examples(self, kind):
        with pytest.raises(ValueError, match=r"state of shape \(1, 5\). It has shape \(2, 5\)"):
            kind(3, 5)(X, np.zeros((1, 5)))

    def test_sizes_are_positive(self, kind):
        with pytest.raises(ValueError, match="units must be"):
            kind(3, 0)


def test_states_of_an_orthogonal_cell_neither_shrink_nor_grow():
    u = nn.GRUCell(3, 4, rng=0).state.weights.data
    for gate in range(3):
        block = u[:, 4 * gate : 4 * gate + 4]
        np.testing.assert_allclose(block.T @ block, np.eye(4), atol=1e-6)
