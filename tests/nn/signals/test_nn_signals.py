"""`nn.signals`: any model and batch, nothing changed, and a clear answer to whatever is odd."""

import pickle
import random

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, in_words, no_grad
from autograd_mini.signals.chain import links, owners

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((32, 6)), rng.standard_normal((32, 2))


class Residual(nn.Module):
    """h + f(h)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, h):
        return h + self.inner(h)


class Stateful(nn.Module):
    """Dropout, running statistics, a counter, and a part that nothing uses."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.unused = nn.Linear(6, 8, rng=0), nn.Linear(8, 2, rng=1), nn.Linear(3, 3, rng=2)
        self.rng = np.random.default_rng(5)
        self.mean = np.zeros(8)
        self.seen = []
        self.calls = 0

    def forward(self, x):
        s = self.first(x)
        self.mean *= 0.9
        self.mean += 0.1 * s.data.mean(axis=0)
        self.calls += 1
        self.seen.append(len(self.seen))
        return self.last(np.tanh(s) * (self.rng.random(8) < 0.5) * np.random.rand())


def test_gradients_statistics_and_random_state_stay_as_they_were():
    model = Stateful()
    nn.squared_error(model(X), Y).backward()
    grads = [None if p.grad is None else p.grad.copy() for p in model.parameters()]
    mean, calls, seen = model.mean.copy(), model.calls, list(model.seen)
    np.random.seed(3)
    state, ours = np.random.get_state()[1].copy(), model.rng.bit_generator.state
    nn.signals(model, nn.squared_error, X, Y)
    for parameter, before in zip(model.parameters(), grads, strict=True):
        assert parameter.grad is None if before is None else np.array_equal(parameter.grad, before)
    np.testing.assert_array_equal(model.mean, mean)
    assert (model.calls, model.seen) == (calls, seen)
    assert model.rng.bit_generator.state == ours
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_state_is_put_back_after_an_error_as_well():
    model = Stateful()

    def loss(_output, _y):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        nn.signals(model, loss, X, Y)
    assert model.calls == 0
    assert not model.mean.any()


def test_parameters_that_the_loss_does_not_depend_on_are_named():
    seen = nn.signals(Stateful(), nn.squared_error, X, Y)
    assert seen.unreached == ("unused.weights", "unused.bias")
    assert "unused.weights, unused.bias" in seen.findings[-1]


def test_it_works_inside_no_grad_and_on_models_without_modules():
    w = Tensor(rng.standard_normal((6, 2)), requires_grad=True)
    with no_grad():
        seen = nn.signals(lambda x: np.tanh(x @ w), nn.squared_error, X, Y)
    assert len(seen.layers) == 1
    assert seen.layers[0].gain > 0


def test_several_inputs_and_outputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 3, rng=0), nn.Linear(6, 3, rng=1)

        def forward(self, x, z):
            return {"sum": self.a(x) + self.b(z), "product": self.a(x) * self.b(z)}

    seen = nn.signals(Two(), lambda out: np.sum(out["sum"] ** 2) + np.sum(out["product"]), (X, X[::-1]))
    assert [layer.name for layer in seen.layers] == ["Two.a #1", "Two.b #1", "Two.a #2", "Two.b #2"]


def test_a_shared_layer_has_a_row_for_each_use():
    class Again(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.Linear(6, 6, rng=0)

        def forward(self, x):
            for _ in range(5):
                x = np.tanh(self.cell(x))
            return x

    model = Again()
    seen = nn.signals(model, lambda out: np.sum(out**2), X)
    assert [layer.name for layer in seen.layers] == [f"Again.cell #{i}" for i in range(1, 6)]
    assert len(seen.layers_reading(model.cell.weights)) == 5


def test_integer_inputs_are_looked_up_and_have_no_gain_of_their_own():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(rng.standard_normal((10, 4)))
            self.out = nn.Linear(4, 2, rng=0)

        def forward(self, words):
            return self.out(np.tanh(self.table[words.data]))

    seen = nn.signals(Words(), nn.cross_entropy, np.array([1, 2, 3]), np.array([0, 1, 0]))
    assert [layer.name for layer in seen.layers] == ["Words.out"]
    assert seen.layers[0].gain > 0


def test_the_next_step_of_an_optimizer_is_told_and_not_taken():
    model = nn.MLP([6, 8, 2], rng=0)
    sgd = nn.SGD(model.parameters(), 0.1, momentum=0.9)
    before = model.state_dict()
    seen = nn.signals(model, nn.squared_error, X, Y, optimizer=sgd)
    assert all(np.array_equal(before[name], values) for name, values in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    nn.squared_error(model(X), Y).backward()
    sgd.step()
    change = model[0].weights.data - before["0.weights"]
    expected = np.linalg.norm(change) / np.linalg.norm(before["0.weights"])
    assert seen.table()["update_ratio"][0] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(TypeError, match=r"nn\.SGD"):
        nn.signals(model, nn.squared_error, X, Y, optimizer=0.1)


@pytest.mark.parametrize(
    ("model", "loss", "x", "message"),
    [
        (nn.MLP, nn.squared_error, X, "the class MLP"),
        (nn.MLP([6, 2]), 3, X, "loss_fn"),
        (nn.MLP([6, 2]), nn.squared_error, X[:0], "without a single example"),
        (lambda x: x.data, nn.squared_error, X, "remembers no computation"),
        (nn.MLP([6, 2]), lambda out, _y: out, X, "one entry"),
        (nn.MLP([6, 2]), lambda out, _y: float(out.data.sum()), X, "a float"),
        (nn.MLP([6, 2]), lambda out, y: np.sum(Tensor(np.ones(2), requires_grad=True)), X, "does not depend"),
        (nn.MLP([6, 2]), lambda out, y: np.sum(out.detach()), X, "does not depend"),
    ],
    ids=["class", "loss no function", "no examples", "no tensor", "not one number", "float", "other loss", "detached"],
)
def test_bad_input_gets_a_clear_error(model, loss, x, message):
    with pytest.raises((TypeError, ValueError), match=message):
        nn.signals(model, loss, x, Y)


def test_zero_gradients_are_told_with_their_reason():
    model = nn.MLP([6, 8, 8, 2], "relu", "he", rng=0)
    model[2].bias.data = np.full(8, -1e3, np.float32)
    seen = nn.signals(model, nn.squared_error, X, Y)
    assert "exactly zero from layer 2 (MLP.2) on, and the weights of 3 of 3 layers get no gradient" in seen.findings[0]
    assert "slope 0 for all of the 32 examples" in seen.findings[0]
    assert seen.layers[1].dead == 1


def test_numbers_that_are_not_finite_are_told_with_the_layer():
    model = nn.MLP([6, 8, 8, 2], rng=0)
    model[2].weights.data = np.full((8, 8), np.nan, np.float32)
    seen = nn.signals(model, nn.squared_error, X, Y)
    assert "not finite" in seen.findings[0]
    assert "checked()" in seen.findings[0]
    assert "nan" in str(seen)
    seen.draw()


def test_one_layer_is_enough():
    seen = nn.signals(nn.Linear(6, 2, rng=0), nn.squared_error, X, Y)
    assert seen.findings[0].startswith("One layer")


@pytest.mark.heavy
def test_two_thousand_layers_are_measured_drawn_and_folded(tmp_path):
    model = nn.MLP([4] * 2001, "tanh", "orthogonal", rng=0)
    seen = nn.signals(model, nn.squared_error, X[:8, :4], np.zeros((8, 4)))
    assert len(seen.layers) == 2000
    drawing = seen.draw()
    assert drawing.save(tmp_path / "deep.svg")
    assert drawing.source.count("label=") < 300
    seen.save(tmp_path / "deep.html")
    assert (tmp_path / "deep.html").stat().st_size < 10_000_000


def test_small_weights_are_named_as_the_cause_with_the_cure():
    model = nn.MLP([64] * 31, "tanh", nn.init.small_random(0.03), rng=0)
    x = np.random.default_rng(0).standard_normal((64, 64))
    seen = nn.signals(model, nn.squared_error, x, np.zeros((64, 64)))
    assert "falls" in seen.findings[0]
    assert "The size of the weights" in seen.findings[0]
    wanted = float(seen.findings[0].partition("a standard deviation of ")[2].split()[0])
    cured = nn.MLP([64] * 31, "tanh", nn.init.small_random(wanted), rng=0)
    after = nn.signals(cured, nn.squared_error, x, np.zeros((64, 64)))
    assert after.layers[0].g.rms / after.layers[-1].g.rms > 0.01 > seen.layers[0].g.rms / seen.layers[-1].g.rms


def test_a_single_bad_layer_is_named_first():
    model = nn.MLP([16] * 20 + [3], "tanh", "orthogonal", rng=0)
    model[16].weights.data = 1e-4 * model[16].weights.data
    x = np.random.default_rng(0).standard_normal((32, 16))
    seen = nn.signals(model, nn.cross_entropy, x, np.zeros(32, int))
    assert "One layer of 20 did most of it" in seen.findings[0]
    assert "Layer 9 (MLP.16) stands out" in seen.findings[0]
    assert "the size of the weights (×10⁻⁴ where others have ×1.00)" in seen.findings[0]
    assert "(10,000 times larger): their factor is then that of the others" in seen.findings[0]
    assert not any("stands out" in sentence for sentence in seen.findings[1:])


def test_a_signal_that_is_lost_along_the_steps_of_a_recurrent_layer_is_told():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.out = nn.RNN(3, 16, rng=0), nn.Linear(16, 1, rng=1)
            self.layer.cell.state.weights.data *= np.float32(0.7)

        def forward(self, x):
            return self.out(self.layer(x)[1])

    x = np.random.default_rng(0).standard_normal((32, 20, 3)).astype(np.float32)
    seen = nn.signals(Last(), nn.squared_error, x, np.ones((32, 1)))
    (told,) = (sentence for sentence in seen.findings if "uses" in sentence)
    first, last = (layer.g.rms for layer in (seen.layers[1], seen.layers[-2]))
    assert told.startswith("Along the 20 uses of ")
    assert f"falls from {in_words(last)} at the last to {in_words(first)} at the first" in told
    assert first < 1e-4 * last


def test_a_few_bad_layers_are_named_together():
    model = nn.MLP([64, *[64] * 30, 10], "relu", "he", rng=0)
    model[20].bias.data = model[20].bias.data - np.float32(2.5)
    rng = np.random.default_rng(0)
    seen = nn.signals(model, nn.cross_entropy, rng.standard_normal((256, 64)), rng.integers(0, 10, 256))
    assert "2 layers of 31 did most of it" in seen.findings[0]
    assert "layer 11 (MLP.20) (×0.29) stand out" in seen.findings[0]
    assert "In layer 11 it is the slope of the activation" in seen.findings[0]
    assert "88% of its units are dead" in seen.findings[0]
    assert "With biases of 0, 11% of its units would be dead" in seen.findings[0]


def test_dead_layers_are_blamed_where_they_begin():
    model = nn.MLP([32] * 9 + [3], "relu", "he", rng=0)
    model[6].bias.data = np.full(32, -1e3, np.float32)
    seen = nn.signals(model, nn.cross_entropy, np.random.default_rng(0).standard_normal((64, 32)), np.zeros(64, int))
    assert "exactly zero from layer 8 (MLP.14) on" in seen.findings[0]
    assert "All units of layer 4 (MLP.6) have slope 0 for all of the 64 examples" in seen.findings[0]
    assert "the first of 5 such layers" in seen.findings[0]


def test_a_steady_net_with_dead_units_is_told_which():
    model = nn.MLP([32] * 9 + [3], "relu", "he", rng=0)
    model[6].bias.data = np.where(np.arange(32) < 24, -1e3, 0).astype(np.float32)
    seen = nn.signals(model, nn.cross_entropy, np.random.default_rng(0).standard_normal((64, 32)), np.zeros(64, int))
    assert "% of layer 4 (MLP.6)" in seen.findings[0]
    assert "With biases of 0, 3% of its units would be dead" in seen.findings[0]


def test_where_numbers_stop_being_finite_is_told_in_the_forward_and_on_the_way_back():
    x, y = np.random.default_rng(0).standard_normal((8, 6)), np.zeros(8, int)
    model = nn.MLP([6] * 5 + [3], rng=0)
    model[4].weights.data = np.full((6, 6), np.nan, np.float32)
    first = nn.signals(model, nn.cross_entropy, x, y, spectrum=1).findings[0]
    assert "the first layer whose results are not finite is layer 3 (MLP.4). Its weights hold such numbers." in first
    first = nn.signals(nn.MLP([6, 6, 3], rng=0), nn.cross_entropy, x * np.nan, y).findings[0]
    assert "layer 1 (MLP.0). x has NaN in 48 of 48 entries, in 8 of 8 examples; the first is x[0]. Fill in" in first
    model = nn.MLP([6, 6, 3], rng=0)
    model[0].bias.data = np.full(6, np.nan, np.float32)
    first = nn.signals(model, nn.cross_entropy, x, y).findings[0]
    assert "layer 1 (MLP.0). Its weights are finite, so look at its bias and at the input." in first
    first = nn.signals(nn.MLP([6, 6, 3], rng=0), lambda out: np.sum(np.exp(out * 1e5)), x).findings[0]
    assert "so the loss made it" in first


def test_a_step_that_rounding_swallows_is_told():
    model = nn.MLP([16] * 20 + [3], "tanh", nn.init.small_random(0.01), rng=0)
    sgd = nn.SGD(model.parameters(), 0.1)
    seen = nn.signals(model, nn.cross_entropy, np.ones((8, 16)), np.zeros(8, int), optimizer=sgd)
    assert any("would not change the weights of" in sentence for sentence in seen.findings)


def test_a_skip_connection_past_one_layer_keeps_its_own_gain():
    block = Residual(nn.Sequential(nn.Linear(6, 6, nn.init.small_random(0.05), rng=0), nn.Tanh()))
    model = nn.Sequential(nn.Linear(6, 6, rng=1), block, nn.Linear(6, 2, rng=2))
    seen = nn.signals(model, nn.squared_error, X, Y)
    through, past = (link for link in links(seen, owners(seen)) if (link.tail, link.head) == (1, 2))
    assert (through.past, past.past) == (False, True)
    assert through.gain == pytest.approx(seen.layers[1].gain)
    assert past.gain == pytest.approx(1)


def test_relu_is_not_warned_of_saturation():
    model = nn.MLP([32] * 20 + [3], "relu", "glorot", rng=0)
    seen = nn.signals(model, nn.cross_entropy, np.random.default_rng(0).standard_normal((64, 32)), np.zeros(64, int))
    assert "The slope of the activation" in seen.findings[0]
    assert "do not saturate" not in seen.findings[0]


def test_integer_inputs_have_a_scale_and_no_gain():
    seen = nn.signals(nn.MLP([6, 8, 2], rng=0), nn.squared_error, np.arange(30).reshape(5, 6), Y[:5])
    model = nn.MLP([6, 8, 2], rng=0)
    assert seen.layers[0].scale == pytest.approx(np.linalg.norm(model[0].weights.data) / 6**0.5)
    assert np.isnan(seen.layers[0].gain)
    assert "nan" not in " ".join(seen.findings)


def test_whatever_a_forward_changes_is_put_back():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.rng, self.count = nn.Linear(6, 2, rng=0), np.random.default_rng(3), 0
            self.nested = [np.zeros(3), {"sum": np.zeros(2), "steps": 0}, (np.random.default_rng(4),)]
            self.running = Tensor(np.zeros(4))

        def forward(self, x):
            self.count += 1
            self.last = x
            self.nested[0] += self.rng.random() + self.nested[2][0].random() + random.random() + np.random.rand()
            self.nested[1]["sum"] += 1
            self.nested[1]["steps"] += 1
            self.nested.append(x)
            self.running.data = self.running.data + 1
            return self.linear(x)

    def state():
        generators = [model.rng.bit_generator.state, model.nested[2][0].bit_generator.state]
        own = model.count, model.nested, model.running.data, sorted(vars(model))
        return pickle.dumps((own, generators, random.getstate(), np.random.get_state()))

    model = Odd()
    before = state()
    nn.signals(model, nn.squared_error, X, Y, spectrum=2)
    assert state() == before


def test_the_units_of_a_convolution_are_its_channels():
    model = nn.Sequential(nn.Conv2d(2, 4, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 5 * 3, 3, rng=1))
    model[0].bias.data = np.array([-1e3, 0, 0, 0], np.float32)
    x = np.random.default_rng(0).standard_normal((6, 2, 7, 5)).astype(np.float32)
    seen = nn.signals(model, nn.cross_entropy, x, np.zeros(6, int))
    assert (seen.layers[0].units, seen.layers[0].dead) == (4, 0.25)
    log = nn.SignalLog(model)
    log.backward(nn.cross_entropy(model(x), np.zeros(6, int)))
    assert log.history("dead")[0, 0] == 0.25


def test_a_slope_of_tanh_that_is_rounded_to_0_is_told_as_such():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 16)).astype(np.float32), rng.integers(0, 3, 64)
    seen = nn.signals(nn.MLP([16, 16, 16, 3], "tanh", nn.init.small_random(400.0), rng=0), nn.cross_entropy, x, y)
    said = next(sentence for sentence in seen.findings if sentence.startswith("Dead units"))
    assert "scores are too large" in seen.findings[0]
    assert seen.layers[0].dead > 0.5
    assert "a slope that is rounded to 0" in said


def test_the_slope_of_selu_is_measured():
    model = nn.MLP([6, 8, 2], "selu", nn.init.he(slope=1), rng=0)
    first = nn.signals(model, nn.squared_error, X, Y).layers[0]
    scores = model[0](X).data
    slopes = np.where(scores > 0, 1.0507, 1.0507 * 1.6733 * np.exp(np.minimum(scores, 0)))
    np.testing.assert_allclose(first.unit_slopes, slopes.mean(axis=0), rtol=1e-4)
