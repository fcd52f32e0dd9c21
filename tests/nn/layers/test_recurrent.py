"""Recurrent layers: their formulas, derivatives through time, long sequences, states that go on, mistakes."""

import numpy as np
import pytest

import nn
from autograd_mini import Tensor
from autograd_mini.testing import check_module

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4, 3))
LAYERS = [nn.RNN, nn.GRU, nn.LSTM]


def theta(s):
    return 1 / (1 + np.exp(-s))


def by_hand(layer, x):
    """All states, one number array after the other, as the formulas in the docstrings say."""
    w, b = layer.cell.input.weights.data, layer.cell.input.bias.data
    u, c = layer.cell.state.weights.data, layer.cell.state.bias.data
    n, h, states = layer.cell.units, np.zeros((len(x), layer.cell.units)), []
    memory = h
    for t in range(x.shape[1]):
        if isinstance(layer, nn.RNN):
            h = np.tanh(x[:, t] @ w + b + h @ u + c)
        elif isinstance(layer, nn.LSTM):
            let, forget, new, out = np.split(x[:, t] @ w + b + h @ u + c, 4, axis=1)
            memory = theta(forget) * memory + theta(let) * np.tanh(new)
            h = theta(out) * np.tanh(memory)
        else:
            r = theta(x[:, t] @ w[:, :n] + b[:n] + h @ u[:, :n] + c[:n])
            z = theta(x[:, t] @ w[:, n : 2 * n] + b[n : 2 * n] + h @ u[:, n : 2 * n] + c[n : 2 * n])
            new = np.tanh(x[:, t] @ w[:, 2 * n :] + b[2 * n :] + r * (h @ u[:, 2 * n :] + c[2 * n :]))
            h = (1 - z) * new + z * h
        states.append(h)
    return np.stack(states, axis=1)


def parts(state):
    """A state as a tuple of its arrays, of which h is the first."""
    return state if isinstance(state, tuple) else (state,)


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


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
        np.testing.assert_array_equal(parts(last)[0].data, states.data[:, -1])

    def test_goes_on_from_a_state(self, kind):
        layer = made(kind)
        whole, _ = layer(X)
        first, state = layer(X[:, :3])
        second, _ = layer(X[:, 3:], state)
        np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=1), whole.data, rtol=1e-12)

    def test_a_state_that_is_carried_to_the_next_step_is_detached_or_told_to_be(self, kind):
        layer = made(kind)
        _, state = layer(X)
        parts(state)[0].sum().backward()
        layer(X, detached(state))[0].sum().backward()
        with pytest.raises(RuntimeError, match=r"carried .*`h = h.detach\(\)"):
            layer(X, state)[0].sum().backward()

    def test_its_cell_does_one_step(self, kind):
        layer = made(kind)
        zeros = np.zeros((2, 5))
        for state in (layer.cell(X[:, 0]), layer.cell(X[:, 0], (zeros, zeros) if kind is nn.LSTM else zeros)):
            np.testing.assert_allclose(parts(state)[0].data, layer(X)[0].data[:, 0], rtol=1e-12)

    def test_derivatives_through_time(self, kind):
        check_module(States(made(kind)), X)

    def test_a_thousand_steps(self, kind):
        layer = kind(1, 4, rng=0)
        x = Tensor(RNG.standard_normal((2, 1000, 1)).astype(np.float32), requires_grad=True)
        parts(layer(x)[1])[0].sum().backward()
        assert np.all(np.isfinite(x.grad))
        assert np.any(x.grad[:, -1])

    def test_float32_stays(self, kind):
        states, last = kind(3, 5)(X.astype(np.float32))
        assert {part.dtype for part in (states, *parts(last))} == {np.dtype(np.float32)}

    @pytest.mark.parametrize("shape", [(2, 3), (2, 4, 2), (2, 0, 3), (4, 3, 2, 3)])
    def test_sequences_have_three_axes(self, kind, shape):
        with pytest.raises(ValueError, match=rf"{kind.__name__}\(3, 5\) was given an input of shape"):
            kind(3, 5)(np.ones(shape))

    def test_states_fit_the_examples(self, kind):
        wrong = np.zeros((1, 5))
        with pytest.raises(ValueError, match=r"state of shape \(1, 5\). It has shape \(2, 5\)"):
            kind(3, 5)(X, (wrong, wrong) if kind is nn.LSTM else wrong)

    def test_sizes_are_positive(self, kind):
        with pytest.raises(ValueError, match="units must be"):
            kind(3, 0)


def test_states_of_an_orthogonal_cell_neither_shrink_nor_grow():
    u = nn.GRUCell(3, 4, rng=0).state.weights.data
    for gate in range(3):
        block = u[:, 4 * gate : 4 * gate + 4]
        np.testing.assert_allclose(block.T @ block, np.eye(4), atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
class TestSeveralCells:
    def test_a_layer_reads_the_states_of_the_one_below(self, kind):
        both, first, second = made(kind, layers=2), kind(3, 5, dtype=float), kind(5, 5, dtype=float)
        first.cell, second.cell = both.cell, both.above[0].cell
        states, last = both(X)
        np.testing.assert_array_equal(states.data, second(first(X)[0])[0].data)
        for part, one, two in zip(parts(last), parts(first(X)[1]), parts(second(first(X)[0])[1]), strict=True):
            np.testing.assert_array_equal(part.data, np.stack([one.data, two.data], axis=1))

    def test_the_cell_that_runs_back_reads_the_sequence_reversed(self, kind):
        both, back = made(kind, bidirectional=True), kind(3, 5, dtype=float)
        back.cell = both.back
        (states, last), (reversed_states, first) = both(X), back(X[:, ::-1])
        np.testing.assert_array_equal(states.data[..., 5:], reversed_states.data[:, ::-1])
        np.testing.assert_array_equal(parts(last)[0].data[:, 1], parts(first)[0].data)

    def test_it_goes_on_from_the_states_of_all_layers(self, kind):
        layer = made(kind, layers=3)
        whole, end = layer(X)
        second, last = layer(X[:, 2:], layer(X[:, :2])[1])
        np.testing.assert_allclose(second.data, whole.data[:, 2:], rtol=1e-12)
        np.testing.assert_allclose(parts(last)[0].data, parts(end)[0].data, rtol=1e-12)

    def test_predictions_in_batches_are_those_of_all_at_once(self, kind):
        layer = kind(3, 5, rng=0, layers=2, bidirectional=True)
        x = RNG.standard_normal((6, 4, 3)).astype(np.float32)
        (states, last), (batches, ends) = nn.predict(layer, x), nn.predict(layer, x, batch_size=3)
        np.testing.assert_allclose(batches, states, rtol=1e-6, atol=1e-6)
        for part, end in zip(parts(last), parts(ends), strict=True):
            np.testing.assert_allclose(end, part, rtol=1e-6, atol=1e-6)

    def test_units_fall_out_between_layers_in_training_alone(self, kind):
        layer = kind(3, 5, rng=0, layers=2, dropout=0.5)
        assert np.any(layer(X)[0].data != layer(X)[0].data)
        layer.eval()
        without = kind(3, 5, rng=0, layers=2)
        np.testing.assert_array_equal(layer(X)[0].data, without(X)[0].data)

    def test_biases_can_be_left_out_and_copies_have_another_precision(self, kind):
        layer = kind(3, 5, rng=0, layers=2, bias=False)
        assert {name.rpartition(".")[2] for name, _ in layer.named_parameters()} == {"weights"}
        assert layer.astype(float)(X)[0].dtype == float

    def test_mistakes(self, kind):
        with pytest.raises(ValueError, match=r"dropout=0.5, layers=1\): dropout is between layers"):
            kind(3, 5, dropout=0.5)
        with pytest.raises(ValueError, match="layers must be a positive whole number"):
            kind(3, 5, layers=0)
        zeros = np.zeros((2, 5))
        with pytest.raises(ValueError, match=r"It has shape \(2, 4, 5\)"):
            kind(3, 5, layers=2, bidirectional=True)(X, (zeros, zeros) if kind is nn.LSTM else zeros)
        with pytest.raises(ValueError, match=r"as its state. Give what it returns as the last one"):
            kind(3, 5)(X, zeros if kind is nn.LSTM else (zeros, zeros))


class TestLSTM:
    def test_it_begins_to_remember(self):
        bias = nn.LSTM(3, 5, rng=0).cell.input.bias.data
        np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 5))

    def test_a_projection_narrows_the_state_and_not_the_memory(self):
        states, (h, c) = nn.LSTM(3, 5, projection=2, layers=2, rng=0)(X)
        assert (states.shape, h.shape, c.shape) == ((2, 4, 2), (2, 2, 2), (2, 2, 5))
        check_module(States(nn.LSTM(2, 2, layers=2, bidirectional=True, projection=1, rng=0)), (1, 2, 2))

    def test_a_checkpoint_holds_all_layers_and_what_falls_out_between_them(self, tmp_path):
        def make(seed):
            return nn.LSTM(3, 5, layers=2, bidirectional=True, dropout=0.5, projection=2, rng=seed)

        model, other = make(0), make(1)
        nn.save(tmp_path / "model", model)
        nn.load(tmp_path / "model", other)
        np.testing.assert_array_equal(other(X)[0].data, model(X)[0].data)

    def test_signals_tell_of_each_step_of_each_cell(self):
        class Reader(nn.Module):
            def __init__(self):
                super().__init__()
                self.reads, self.out = nn.LSTM(3, 4, layers=2, bidirectional=True, rng=0), nn.Linear(8, 1, rng=1)

            def forward(self, x):
                return self.out(self.reads(x)[0][:, -1])

        model = Reader()
        seen = nn.signals(model, nn.squared_error, X, np.ones((2, 1)))
        names = [layer.name for layer in seen.layers]
        assert names.count("Reader.out") == 1
        for cell in ("cell", "back"):
            steps = [name for name in names if name.startswith(f"Reader.reads.{cell}.state")]
            assert len(steps) == 4
        first = seen.layers[names.index("Reader.reads.above.0.cell.state #4")]
        weights = model.reads.above[0].cell.state.weights.data
        assert (first.inputs, first.units) == (4, 16)
        assert first.scale == pytest.approx(np.linalg.norm(weights) / 2, rel=1e-6)
        assert not seen.unreached
