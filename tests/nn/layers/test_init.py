"""Initial weights: variances, distributions, orthogonality, names, errors; layer-sequential unit variance."""

import numpy as np
import pytest

import nn
from tests.autograd_mini.testing.numeric import assert_close

SHAPE = (300, 500)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 6)).astype(np.float32)


@pytest.mark.parametrize(
    ("initialiser", "variance", "uniform"),
    [
        (nn.init.glorot(), 2 / 800, False),
        (nn.init.glorot(uniform=True), 2 / 800, True),
        (nn.init.he(), 2 / 300, False),
        (nn.init.he(backward=True), 2 / 500, False),
        (nn.init.he(uniform=True), 2 / 300, True),
        (nn.init.he(slope=0.5, gain=2.0, backward=True, uniform=True), 4 * 2 / 1.25 / 500, True),
    ],
)
def test_variance_and_distribution(initialiser, variance, uniform):
    weights = initialiser(SHAPE, np.random.default_rng(0))
    assert weights.shape == SHAPE
    assert weights.dtype == np.float64
    assert abs(np.var(weights) / variance - 1) < 0.02
    fourth = np.mean(weights**4) / np.var(weights) ** 2  # 9/5 of a uniform distribution, 3 of a normal one
    assert abs(fourth - (1.8 if uniform else 3)) < 0.05
    assert (np.max(np.abs(weights)) <= np.sqrt(3 * variance)) == uniform


@pytest.mark.parametrize(
    "name", ["zeros", "small_random", "glorot", "glorot_uniform", "he", "he_uniform", "orthogonal"]
)
def test_every_name_makes_a_layer(name):
    weights = nn.Linear(6, 4, init=name, rng=0).weights.data
    assert np.any(weights) == (name != "zeros")
    np.testing.assert_array_equal(weights, nn.init.BY_NAME[name]()((6, 4), np.random.default_rng(0)).astype("f"))


def test_constant():
    np.testing.assert_array_equal(nn.Linear(2, 3, init=nn.init.constant(0.5)).weights.data, np.full((2, 3), 0.5))


def test_he_forward_keeps_signals_and_backward_keeps_gradients():
    """Through ReLU layers that halve and double in turn, the one that is not kept changes with the widths."""
    widths = [400, 100] * 6
    x = np.random.default_rng(0).standard_normal((100, 400))

    def ends(initialiser):
        model = nn.MLP([*widths, 400], "relu", initialiser, rng=0, dtype=float)
        x_tensor = nn.Parameter(x)
        out = model(x_tensor)
        out.backward(np.random.default_rng(1).standard_normal(out.shape))
        return np.var(out.data), np.var(x_tensor.grad)

    signal, _ = ends(nn.init.he())
    _, gradient = ends(nn.init.he(backward=True))
    assert 0.2 < signal < 5
    assert 0.2 < gradient < 5


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.init.small_random(-1), r"small_random\(std=-1\).*0 or more"),
        (lambda: nn.init.glorot(gain=0), r"glorot\(gain=0\).*above 0"),
        (lambda: nn.init.he(gain=np.nan), r"he\(gain=nan\)"),
        (lambda: nn.init.he(slope=np.inf), r"he\(slope=inf\)"),
        (lambda: nn.init.orthogonal(gain=-2), r"orthogonal\(gain=-2\)"),
        (lambda: nn.Linear(2, 2, init="xavier"), r"'xavier'.*'zeros'.*'he_uniform'.*nn\.init\.he\(\.\.\.\)"),
        (lambda: nn.Linear(2, 2, init=None), "init=None"),
        (lambda: nn.Linear(2, 2, init=["he"]), r"init=\['he'\]"),
    ],
)
def test_refuses(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def scores_of(model, x, kinds=(nn.Linear, nn.Conv2d)):
    """The variance of each layer's scores, by path."""
    found = {}
    layers = [(path, module) for path, module in model.named_modules() if isinstance(module, kinds)]
    hooks = [
        module.register_forward_hook(lambda _m, _args, out, path=path: found.update({path: np.var(out.data)}))
        for path, module in layers
    ]
    model(x)
    for hook in hooks:
        hook.remove()
    return found


class TestLayerSequential:
    @pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "prelu", "gelu", "sign"])
    def test_every_layer_has_unit_variance(self, activation):
        model = nn.MLP([6, *[10] * 30, 2], activation, init="small_random", rng=0)
        assert nn.init.layer_sequential(model, X, rng=0) is model
        variances = scores_of(model, X)
        assert len(variances) == 31
        assert_close(list(variances.values()), np.ones(31), 1e-2)

    def test_weights_are_orthogonal_but_for_a_scale(self):
        model = nn.init.layer_sequential(nn.MLP([6, 6, 6], "relu"), X, rng=0)
        for layer in (model[0], model[2]):
            gram = layer.weights.data.T @ layer.weights.data
            assert_close(gram, np.eye(6) * gram[0, 0], 1e-5)
            assert layer.weights.dtype == np.float32

    def test_convolutions_too(self):
        images = RNG.standard_normal((8, 4, 6, 6)).astype(np.float32)
        conv = nn.Conv2d(4, 6, 3, groups=2)
        model = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 3))
        nn.init.layer_sequential(model, images, rng=0)
        assert_close(list(scores_of(model, images).values()), np.ones(2), 1e-2)
        first = conv.weights.data[:3].reshape(3, -1)  # the filters of one group are orthogonal
        assert_close(first @ first.T, np.eye(3) * np.sum(first[0] ** 2), 1e-5)

    def test_any_module_in_any_order(self):
        class Forked(nn.Module):
            def __init__(self):
                super().__init__()
                self.last = nn.Linear(5, 2, rng=0)
                self.branches = {"a": nn.Linear(6, 5, rng=0), "b": [nn.Linear(6, 5, rng=0)]}
                self.again = nn.Linear(5, 5, rng=0)

            def forward(self, x):
                h = np.tanh(self.branches["a"](x)) + self.branches["b"][0](x)
                return self.last(self.again(np.tanh(self.again(h))))

        model = nn.init.layer_sequential(Forked(), X, rng=0)
        variances = scores_of(model, X)
        shared = variances.pop("again")  # that of its second call, which did not set it
        assert_close(list(variances.values()), np.ones(3), 1e-2)
        assert shared > 0

    def test_reproducible(self):
        first, second = (nn.init.layer_sequential(nn.MLP([6, 5, 2]), X, rng=3).state_dict() for _ in range(2))
        for name, values in first.items():
            np.testing.assert_array_equal(values, second[name])

    def test_the_model_is_otherwise_as_before(self):
        model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm(5), nn.Dropout(0.5, rng=0), nn.Linear(5, 2))
        model[1].eval()
        before = {name: values for name, values in model.state_dict().items() if "weights" not in name}
        drawn = model[2].rng.bit_generator.state
        nn.init.layer_sequential(model, X, rng=0)
        assert model.training
        assert [part.training for _, part in model.named_modules()] == [True, False, True, True]
        assert model[2].rng.bit_generator.state == drawn
        for name, values in before.items():
            np.testing.assert_array_equal(model.state_dict()[name], values)
        assert model(X).requires_grad
        assert not model[0]._after

    def test_frozen_layers_stay(self):
        model = nn.MLP([6, 5, 2], rng=0)
        model[0].weights.requires_grad = False
        before = model[0].weights.data.copy()
        nn.init.layer_sequential(model, X)
        np.testing.assert_array_equal(model[0].weights.data, before)
        assert_close(scores_of(model, X)["2"], 1.0, 1e-2)

    def test_a_bias_is_allowed_for(self):
        model = nn.MLP([6, 5], rng=0)
        model[0].bias.data = np.linspace(-1, 1, 5, dtype=np.float32)
        nn.init.layer_sequential(model, X, rng=0, iterations=50)
        assert_close(scores_of(model, X)["0"], 1.0, 1e-2)

    def test_a_bias_that_is_too_large_is_told(self):
        model = nn.MLP([6, 5], rng=0)
        model[0].bias.data = np.linspace(-9, 9, 5, dtype=np.float32)
        with pytest.raises(ValueError, match=r"scores of 0 have variance .* its bias"):
            nn.init.layer_sequential(model, X, rng=0)

    @pytest.mark.parametrize("x", [np.zeros((4, 6), np.float32), np.full((4, 6), np.nan, np.float32)])
    def test_scores_without_variance_are_told_with_their_layer(self, x):
        model = nn.MLP([6, 5, 2], "relu", rng=0)
        with pytest.raises(ValueError, match="scores of 0 have variance"):
            nn.init.layer_sequential(model, x)
        assert model.training
        assert not model[0]._after

    @pytest.mark.parametrize("model", [nn.Tanh(), nn.MLP, np.tanh])
    def test_without_layers_it_says_so(self, model):
        with pytest.raises(ValueError, match="no module with `weights`"):
            nn.init.layer_sequential(model, X)

    def test_a_layer_that_is_not_called_is_named(self):
        class Forgetful(nn.Module):
            def __init__(self):
                super().__init__()
                self.used, self.unused = nn.Linear(6, 2), nn.Linear(6, 2)

            def forward(self, x):
                return self.used(x)

        with pytest.raises(ValueError, match="did not call unused"):
            nn.init.layer_sequential(Forgetful(), X)
