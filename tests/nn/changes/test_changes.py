"""`nn.changes`: each change reaches the parts of any model, and the model that it was given stays as it is."""

import copy
import itertools

import numpy as np
import pytest

import nn
from nn.changes.calls import out_of_reach

rng = np.random.default_rng(0)
X = rng.standard_normal((8, 4)).astype(np.float32)
SEQUENCE = rng.standard_normal((8, 5, 4)).astype(np.float32)
IMAGES = rng.standard_normal((8, 2, 4, 4)).astype(np.float32)


class Own(nn.Module):
    """Layers in a list, a dict and an attribute; one activation for several of them; scores through tanh."""

    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(4, 4, rng=i) for i in range(2)]
        self.more = {"a": (nn.Linear(4, 4, rng=2), nn.Sigmoid())}
        self.activation = nn.ReLU()
        self.out = nn.Linear(4, 2, rng=3)

    def forward(self, x):
        for layer in self.layers:
            x = self.activation(layer(x))
        layer, activation = self.more["a"]
        return self.out(activation(layer(x)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.out = nn.MultiHeadAttention(4, 2, rng=0), nn.Linear(4, 2, rng=1)

    def forward(self, x):
        return self.out(np.mean(self.attention(x), axis=1))


class Last(nn.Module):
    """The last state of a recurrent layer, read out."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.out = layer, nn.Linear(4, 2, rng=1)

    def forward(self, x):
        return self.out(self.layer(x)[1])


MODELS = {
    "MLP": (lambda: nn.MLP([4, 4, 4, 2], "relu", rng=0), X),
    "own class": (Own, X),
    "attention": (Attention, SEQUENCE),
    "RNN": (lambda: Last(nn.RNN(4, 4, rng=0)), SEQUENCE),
    "GRU": (lambda: Last(nn.GRU(4, 4, rng=0)), SEQUENCE),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2, rng=1)),
        IMAGES,
    ),
    "residual": (lambda: nn.Sequential(nn.Residual(nn.Linear(4, 4, rng=0), nn.Tanh()), nn.Linear(4, 2, rng=1)), X),
}
EVERYWHERE = {
    "drawn": lambda model, x: nn.changes.drawn(model, x, "he"),
    "scaled": lambda model, x: nn.changes.scaled(model, x, 2.0),
    "layer": lambda model, x: nn.changes.normalised(model, x, "layer"),
    "batch": lambda model, x: nn.changes.normalised(model, x, "batch"),
    "skips": nn.changes.skipping,
    "standardised": lambda model, x: nn.changes.standardised(model, 100 * x),
}


def state(model):
    return {name: array.tobytes() for name, array in model.state_dict().items()}


@pytest.mark.parametrize(
    ("kind", "change"), [pair for pair in itertools.product(MODELS, EVERYWHERE) if pair != ("GRU", "skips")]
)
def test_a_change_reaches_any_model_can_be_trained_and_leaves_the_model_alone(kind, change):
    make, x = MODELS[kind]
    model = make()
    before, output = state(model), model(x).data
    changed = EVERYWHERE[change](model, x)
    assert not np.array_equal(changed(x).data, output)
    assert state(model) == before
    np.testing.assert_array_equal(model(x).data, output)
    twin = copy.deepcopy(changed)
    nn.squared_error(twin(x), np.zeros((8, 2), np.float32)).backward()
    assert all(parameter.grad is not None for parameter in twin.parameters())
    assert all(parameter.grad is None for parameter in changed.parameters())
    assert changed(x).dtype == np.float32


def test_normalised_scores_have_mean_0_and_variance_1_inside_of_a_cell_too():
    cell = nn.changes.normalised(Last(nn.RNN(4, 4, rng=0)), SEQUENCE, "batch").layer.cell
    scores = cell.state(X).data
    np.testing.assert_allclose((scores.mean(axis=0), scores.std(axis=0)), (np.zeros(4), np.ones(4)), atol=1e-3)
    changed = nn.changes.normalised(MODELS["convolution"][0](), IMAGES, "layer")
    scores = changed[0](IMAGES).data
    np.testing.assert_allclose(scores.mean(axis=1), np.zeros((8, 4, 4)), atol=1e-5)


def test_a_skip_adds_what_the_layer_was_given_to_what_its_activation_returns():
    model = Own()
    changed = nn.changes.skipping(model, X)
    h = X
    for layer in model.layers:
        h = h + model.activation(layer(h))
    layer, activation = model.more["a"]
    h = h + activation(layer(h))
    np.testing.assert_allclose(changed(X).data, model.out(h).data, rtol=1e-6)


def test_activations_are_exchanged_wherever_they_are_held_but_for_one_that_makes_the_output():
    changed = nn.changes.activated(Own(), X, "tanh")
    assert type(changed.activation) is nn.Tanh
    assert type(changed.more["a"][1]) is nn.Tanh
    model = nn.Sequential(nn.Linear(4, 4, rng=0), nn.Sigmoid(), nn.Linear(4, 2, rng=0), nn.Sigmoid())
    kinds = [type(part) for part in nn.changes.activated(model, X, nn.ReLU)]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.Sigmoid]


def test_frozen_weights_and_tables_are_not_drawn():
    model = nn.Sequential(nn.Embedding(9, 4, rng=0), nn.Linear(4, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=0))
    model[1].freeze()
    changed = nn.changes.drawn(model, np.arange(8), "orthogonal")
    same = [np.array_equal(model[i].weights.data, changed[i].weights.data) for i in (0, 1, 3)]
    assert same == [True, True, False]


def test_outlying_layers_become_like_the_others_and_biases_zero():
    model = nn.MLP([4, 4, 4, 4, 2], rng=0)
    model[2].weights.data *= 1e-3
    changed = nn.changes.like_the_others(model, X)
    ratio = changed[2].weights.data.std() / changed[0].weights.data.std()
    assert 0.3 < ratio < 3
    np.testing.assert_array_equal(changed[0].weights.data, model[0].weights.data)
    model[0].bias.data += 3
    assert not np.any(nn.changes.biases_zero(model, X)[0].bias.data)


def test_inputs_are_standardised_together_or_each_feature_by_itself():
    x = np.array([[0, 100], [1, 300], [2, 800]])
    for axis, each in ((None, False), (0, True)):
        changed = nn.changes.standardised(nn.MLP([2, 1], rng=0), x, each)
        seen = np.asarray(changed[0](x))
        np.testing.assert_allclose(seen.mean(axis), np.zeros(2)[axis:] if each else 0, atol=1e-5)
        np.testing.assert_allclose(seen.std(axis), np.ones(2) if each else 1, atol=1e-5)
    assert {"0.mean", "0.std"} < changed.state_dict().keys()


def test_outputs_are_scaled_to_the_targets_each_column_by_its_own():
    y = np.array([[0.0, 100], [1, 300], [2, 800]])
    changed = nn.changes.scaled_outputs(nn.MLP([4, 2], rng=0), X, y)
    own, scaled = changed[0](X).data, changed(X).data
    np.testing.assert_allclose(scaled, own * y.std(axis=0) + y.mean(axis=0), rtol=1e-5)
    assert scaled.dtype == np.float32
    assert {"1.mean", "1.std"} < changed.state_dict().keys()


@pytest.mark.parametrize(
    ("activation", "targets", "beyond"),
    [
        (nn.Sigmoid, [0.0, 1.0], False), (nn.Sigmoid, [0.0, 3.0], True), (nn.Tanh, [-2.0, 0.5], True),
        (nn.Tanh, [-1.0, 1.0], False), (nn.ReLU, [0.0, 1e9], False), (nn.ReLU, [-1e-3, 1.0], True),
        (nn.Softmax, [0, 1], False), (nn.LeakyReLU, [-5.0, 5.0], False), (nn.Identity, [-5.0, 5.0], False),
    ],
)  # fmt: skip
def test_targets_that_the_end_cannot_reach_are_known_and_the_end_goes(activation, targets, beyond):
    inner = nn.MLP([4, 2], rng=0)
    model = nn.Sequential(*inner, activation())
    assert out_of_reach(model, X, np.array([targets])) is beyond
    if activation is not nn.Identity:
        np.testing.assert_array_equal(nn.changes.without_last(model, X)(X).data, inner(X).data)


class Shared(nn.Module):
    """One activation for all layers, and so also for the output."""

    def __init__(self, activation, layers=3):
        super().__init__()
        self.layers = [nn.Linear(4, 4, rng=i) for i in range(layers)]
        self.act = activation

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer(x))
        return x


@pytest.mark.parametrize("make", [nn.ReLU, nn.Tanh, nn.PReLU, nn.Softmax])
def test_of_an_activation_that_is_shared_the_last_call_alone_is_left_out(make):
    act = make()
    model = Shared(act)
    first, second, third = model.layers
    changed = nn.changes.without_last(model, X)
    for one in (changed, copy.deepcopy(changed), nn.changes.skipping(changed, X)):
        one.train()(X)
    np.testing.assert_array_equal(changed(X).data, third(act(second(act(first(X))))).data)
    again = nn.changes.normalised(changed, X, "layer")  # another change after it
    out = again(X).data
    h = X
    for layer in again.layers[:2]:
        h = act(layer(h))
    np.testing.assert_array_equal(out, third(h).data)
    np.testing.assert_array_equal(model(X).data, act(third(act(second(act(first(X)))))).data)


def test_an_activation_that_is_shared_is_exchanged_in_all_calls_but_the_last():
    model = Shared(nn.Tanh())
    first, second, third = model.layers
    changed = nn.changes.activated(model, X, "relu")
    relu = lambda h: np.maximum(h.data, 0)
    np.testing.assert_allclose(changed(X).data, np.tanh(third(relu(second(relu(first(X))))).data), rtol=1e-6)
    open_end = nn.changes.without_last(changed, X)
    np.testing.assert_allclose(open_end(X).data, third(relu(second(relu(first(X))))).data, rtol=1e-6)
    other_way = nn.changes.activated(nn.changes.without_last(model, X), X, "relu")
    np.testing.assert_array_equal(other_way(X).data, open_end(X).data)
    skips_first = nn.changes.activated(nn.changes.skipping(model, X), X, "relu")
    np.testing.assert_array_equal(skips_first(X).data, nn.changes.skipping(changed, X)(X).data)
    gradients = nn.per_example_grad(lambda out: np.sum(out**2))(open_end, X)
    assert np.any(gradients["layers.0.weights"])


@pytest.mark.parametrize("kind", [nn.SELU, nn.LogSigmoid, nn.GELU, nn.ELU, nn.SiLU, nn.Softplus, nn.LeakyReLU])
def test_each_activation_of_nn_is_exchanged(kind):
    model = nn.Sequential(nn.Linear(4, 4, rng=0), kind(), nn.Linear(4, 2, rng=1))
    assert isinstance(nn.changes.activated(model, X, "relu")[1], nn.ReLU)


def test_a_model_that_returns_something_else_in_training_says_so():
    class Dropped(Shared):
        def forward(self, x):
            x = super().forward(x)
            return 0.5 * x if self.training else x

    changed = nn.changes.without_last(Dropped(nn.ReLU()), X)
    changed.eval()(X)
    with pytest.raises(RuntimeError, match=r"last call of a ReLU .* module of its own"):
        changed.train()(X)


def test_a_layer_that_is_called_first_and_last_is_no_hidden_one():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)

        def forward(self, x):
            return self.a(np.tanh(self.b(np.tanh(self.a(x)))))

    changed = nn.changes.normalised(Tied(), X, "layer")
    assert hasattr(changed.b, "added_norm")
    assert not hasattr(changed.a, "added_norm")


def test_a_softmax_at_the_end_goes_and_the_scores_come_out():
    inner = nn.MLP([4, 3], rng=0)
    model = nn.Sequential(*inner, nn.Softmax())
    np.testing.assert_array_equal(nn.changes.without_last(model, X)(X).data, inner(X).data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: nn.changes.drawn(nn.Tanh(), X, "he"), "calls no module with `weights`"),
        (lambda: nn.changes.scaled(nn.Linear(4, 2), X, 2.0), "no hidden one"),
        (
            lambda: nn.changes.activated(nn.Linear(4, 2), X, "relu"),
            r"what `forward` computes or makes.*`self\.act = nn\.Sigmoid\(\)` in `__init__`",
        ),
        (lambda: nn.changes.activated(nn.Sequential(nn.Linear(4, 2), nn.Tanh()), X, "relu"), "makes its output"),
        (lambda: nn.changes.activated(Shared(nn.Tanh()), X, "tanh"), "Tanh already"),
        (lambda: nn.changes.activated(nn.MLP([4, 3, 2]), X, "tanh"), "Tanh already"),
        (lambda: nn.changes.normalised(nn.MLP([4, 3, 2]), X, "group"), "'batch'"),
        (lambda: nn.changes.skipping(nn.MLP([4, 3, 2]), X), "shape of its inputs"),
        (lambda: nn.changes.skipping(MODELS["GRU"][0](), SEQUENCE), "shape of its inputs"),  # (4, 12) for three gates
        (lambda: nn.changes.like_the_others(nn.MLP([4, 3, 3, 2], rng=0), X), "3 times"),
        (lambda: nn.changes.biases_zero(nn.MLP([4, 3, 2]), X), "0 already"),
        (lambda: nn.changes.standardised(nn.MLP([4, 3, 2]), X), "near enough"),
        (lambda: nn.changes.standardised(nn.Sequential(nn.Embedding(9, 2)), np.arange(8)), "places in a table"),
        (lambda: nn.changes.standardised(nn.MLP([4, 2]), (X, X)), "several inputs"),
        (lambda: nn.changes.without_last(nn.MLP([4, 2]), X), "Softmax"),
        (lambda: nn.changes.scaled_outputs(nn.MLP([4, 2]), X, np.zeros((8, 3))), "shape of its outputs"),
        (lambda: nn.changes.scaled_outputs(nn.MLP([4, 2]), X, np.arange(8)), "shape of its outputs"),
        (lambda: nn.changes.scaled_outputs(nn.MLP([4, 4]), X, X), "near enough"),
    ],
)
def test_what_cannot_be_done_says_why(change, said):
    with pytest.raises(ValueError, match=said):
        change()
