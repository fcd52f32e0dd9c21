"""Modules as users build on them: buffers, generators, hooks, freezing, precision, mistakes, the printed tree."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, no_grad

X = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)


class Counter(nn.Module):
    """Counts its calls in a buffer and draws from its own generator."""

    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(np.ones(3, np.float32))
        self.calls = nn.Buffer(np.zeros((), np.int64))
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        self.calls.data = self.calls.data + 1
        return x * self.weights


def small(**options):
    return nn.MLP([3, 4, 2], rng=0, **options)


class TestBuffers:
    def test_are_saved_with_the_parameters_but_not_learned(self):
        model = nn.Sequential(Counter(), nn.Linear(3, 2))
        model(X)
        assert [name for name, _ in model.named_buffers()] == ["0.calls"]
        assert [name for name, _ in model.named_parameters()] == ["0.weights", "1.weights", "1.bias"]
        assert model.state_dict()["0.calls"] == 1

    def test_come_back_with_the_state(self):
        model, other = Counter(), Counter()
        model(X)
        other.load_state_dict(model.state_dict())
        assert other.calls.data == 1

    def test_integers_keep_their_dtype_when_the_model_changes_its(self):
        model = Counter().astype(np.float64)
        assert model.calls.dtype == np.int64
        assert model.weights.dtype == np.float64


class TestGenerators:
    def test_are_found_once_each_with_their_path(self):
        model = nn.Sequential(Counter(), Counter())
        model[1].rng = model[0].rng
        assert [name for name, _ in model.named_generators()] == ["0.rng"]

    def test_a_copy_draws_the_same_numbers(self):
        model = Counter()
        twins = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
        want = model.rng.random(3)
        for twin in twins:
            np.testing.assert_array_equal(twin.rng.random(3), want)


class TestHooks:
    def test_see_arguments_and_outputs_of_a_part(self):
        model, seen = small(), []
        model[0].register_forward_pre_hook(lambda module, args: seen.append(args[0].shape))
        model[0].register_forward_hook(lambda module, args, output: seen.append(output.shape))
        model(X)
        assert seen == [(5, 3), (5, 4)]

    def test_replace_what_they_return(self):
        model = nn.Sequential(nn.Tanh())
        model.register_forward_pre_hook(lambda module, args: args[0] * 0)
        model.register_forward_hook(lambda module, args, output: output + 1)
        np.testing.assert_array_equal(model(X), np.ones_like(X))

    def test_run_in_the_order_of_registration(self):
        model, order = nn.Tanh(), []
        for i in range(3):
            model.register_forward_hook(lambda module, args, output, i=i: order.append(i))
        model(X)
        assert order == [0, 1, 2]

    def test_go_when_removed_also_twice_or_by_a_block(self):
        model, calls = nn.Tanh(), []
        hook = model.register_forward_hook(lambda *seen: calls.append(1))
        hook.remove()
        hook.remove()
        with model.register_forward_hook(lambda *seen: calls.append(2)):
            model(X)
        model(X)
        assert calls == [2]

    def test_must_be_functions(self):
        with pytest.raises(TypeError, match="was given a int"):
            nn.Tanh().register_forward_hook(3)


class TestFreezing:
    def test_frozen_parameters_get_no_gradient_and_stay(self):
        model = small()
        model[0].freeze()
        before = model.state_dict()
        sgd = nn.SGD(model.parameters(), 0.1)
        nn.squared_error(model(X), np.ones((5, 2))).backward()
        sgd.step()
        after = model.state_dict()
        assert [name for name in before if np.array_equal(before[name], after[name])] == ["0.weights", "0.bias"]

    def test_is_undone(self):
        model = small().freeze().unfreeze()
        assert all(parameter.requires_grad for parameter in model.parameters())

    def test_counts(self):
        model = small()
        assert model.count_parameters() == 26
        model[0].freeze()
        assert model.count_parameters(trainable=True) == 10


class TestPrecision:
    def test_a_copy_has_the_new_one_and_the_model_keeps_its_own(self):
        model = small()
        wide = model.astype("float64")
        assert {parameter.dtype for parameter in wide.parameters()} == {np.dtype(np.float64)}
        assert wide(X.astype(float)).dtype == np.float64
        assert {parameter.dtype for parameter in model.parameters()} == {np.dtype(np.float32)}

    def test_sharing_names_and_freezing_stay(self):
        layer = nn.Linear(3, 3).freeze()
        wide = nn.Sequential(layer, layer).astype(np.float64)
        assert wide[0] is wide[1]
        assert wide[0].weights.name == "weights"
        assert not wide[0].weights.requires_grad

    def test_only_to_numbers_that_have_derivatives(self):
        with pytest.raises(TypeError, match=r"MLP.astype\('int32'\)"):
            small().astype(np.int32)


class TestApply:
    def test_reaches_every_module_and_this_one_last(self):
        names = []
        model = small()
        assert model.apply(lambda module: names.append(type(module).__name__)) is model
        assert names == ["Linear", "Tanh", "Linear", "MLP"]


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(5, 2)))
        self.cell = nn.RNNCell(2, 2)

    def forward(self, x):
        return self.encoder(x)


class TestPlace:
    def test_an_error_says_where_in_the_model_it_came_up(self):
        with pytest.raises(ValueError, match="not 5") as raised:
            Nested()(X)
        assert raised.value.__notes__ == ["This came up in Nested.encoder.1.1: Linear."]

    def test_so_does_one_of_numpy_or_of_a_hook(self):
        model = nn.Sequential(nn.Sequential(nn.Tanh()))
        for wrong in (lambda *_: {}[0], lambda *_: np.ones(3) + np.ones(2)):
            with model[0][0].register_forward_hook(wrong), pytest.raises((ValueError, KeyError)) as raised:
                model(X)
            assert raised.value.__notes__ == ["This came up in Sequential.0.0: Tanh."]

    def test_an_error_that_cannot_be_changed_comes_through(self):
        @dataclasses.dataclass(frozen=True)
        class FrozenError(Exception):
            code: int

        def wrong(*_):
            raise FrozenError(3)

        model = nn.Sequential(nn.Sequential(nn.Tanh()))
        with model[0][0].register_forward_hook(wrong), pytest.raises(FrozenError) as raised:
            model(X)
        assert raised.value.code == 3

    def test_a_module_by_itself_has_no_place(self):
        with pytest.raises(ValueError, match="not 3") as raised:
            nn.Linear(3, 1)(np.ones((2, 2)))
        assert not hasattr(raised.value, "__notes__")


class TestMistakes:
    def test_two_parts_with_one_path_cannot_be_saved(self):
        model = Nested()
        model.heads = {1: nn.Linear(1, 1), "1": nn.Linear(1, 2)}
        for use in (model.state_dict, lambda: model.load_state_dict({})):
            with pytest.raises(ValueError, match=r"path 'heads\.1\.weights'"):
                use()

    def test_a_set_of_parts_is_refused(self):
        model = Nested()
        with pytest.raises(TypeError, match="heads is a set of parts"):
            model.heads = {nn.Linear(1, 1)}
        model.sizes = {1, 2}

    def test_a_tensor_that_would_not_be_learned_is_refused(self):
        model, leaf = Nested(), Tensor(np.ones(2), requires_grad=True)
        model.cell.scale = leaf
        with pytest.raises(TypeError, match=r"RNNCell.scale .* neither learned nor saved"):
            nn.SGD(model.parameters(), 0.1)
        del model.cell.scale
        model.result, model.constant, model.learned = leaf * 2, leaf.detach(), nn.Parameter(leaf.data)
        assert sum(1 for _ in model.parameters()) == len(model.state_dict())

    def test_a_state_is_a_dict(self):
        with pytest.raises(TypeError, match="given a list"):
            Nested().load_state_dict([])

    def test_layers_cannot_be_appended_to_a_copy(self):
        with pytest.raises(AttributeError, match="append"):
            small().layers.append(nn.Tanh())

    @pytest.mark.parametrize("activation", [np.tanh, lambda s: s])
    def test_a_function_of_scores_is_no_activation(self, activation):
        with pytest.raises(TypeError, match="is no activation"):
            nn.MLP([2, 3, 1], activation)

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (nn.Residual, "no layers"),
            (lambda: nn.Residual(nn.Tanh(), shortcut=np.tanh), "given a ufunc as layer 1"),
            (lambda: nn.Autoencoder(nn.Linear(2, 1), nn.Tanh), "the class Tanh as layer 1"),
            (lambda: nn.Embedding(3, 2, padding=1.5), "padding=1.5"),
            (lambda: nn.BatchNorm(2, axis="units"), "axis='units'"),
            (lambda: nn.DataLoader(X, transform=3), "transform=3"),
            (lambda: nn.clip_norm([3], 1), "given a int among them"),
            (lambda: nn.Adam([nn.Parameter(np.ones(2, np.float16))]), "dtype float16"),
            (lambda: nn.init.layer_sequential(small(), X[:0]), "0 examples were given"),
            (lambda: nn.init.layer_sequential(small(), X, iterations=0), "iterations must be"),
        ],
    )
    def test_arguments_that_would_do_harm_later(self, make, says):
        with pytest.raises((TypeError, ValueError), match=says):
            make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(3, 2, rng=0),
        lambda: nn.Flatten(),
        lambda: nn.Residual(nn.Linear(3, 3, rng=0)),
        lambda: nn.BatchNorm(3),
        lambda: nn.LayerNorm(3),
        lambda: nn.GroupNorm(1, 3),
        lambda: nn.WeightNorm(nn.Linear(3, 2, rng=0)),
        lambda: nn.Dropout(rng=0),
        lambda: nn.GaussianNoise(1.0, rng=0),
        lambda: nn.Masking(0.5, rng=0),
        *(getattr(nn, name) for name in ("ELU", "GELU", "LeakyReLU", "PReLU", "ReLU", "Sigmoid", "SiLU", "Softmax")),
        nn.LogSigmoid,
        nn.LogSoftmax,
        nn.SELU,
        nn.Softplus,
        nn.Tanh,
    ],
)
def test_lists_and_whole_numbers_are_inputs(make):
    rows = [[1, 2, 3], [6, 5, 4]]
    want, *others = (make()(x) for x in (np.array(rows, float), rows, np.array(rows), np.array(rows, np.uint8)))
    for out in others:
        np.testing.assert_allclose(*(o.data if isinstance(o, Tensor) else o for o in (out, want)), rtol=2e-3)


class TestNames:
    def test_a_mistyped_name_says_the_right_one(self):
        with pytest.raises(AttributeError, match=r"Linear has no attribute 'wieghts'\. Did you mean 'weights'"):
            small()[0].wieghts

    @pytest.mark.parametrize("value", [np.ones((3, 4)), 0.0])
    def test_a_parameter_is_not_lost_by_assigning_an_array(self, value):
        with pytest.raises(TypeError, match=r"weights.data = ...` for new values, or `nn.Parameter"):
            small()[0].weights = value

    def test_nor_by_an_update_that_makes_a_tensor(self):
        layer = small()[0]
        with no_grad(), pytest.raises(TypeError, match="no longer be learned"):
            layer.weights = layer.weights - 0.1

    def test_a_parameter_is_replaced_by_another_or_by_none(self):
        layer = small()[0]
        layer.weights = nn.Parameter(np.zeros((3, 4), np.float32))
        layer.bias = None
        assert not np.any(layer(X).data)


class TestTree:
    def test_shows_buffers_and_what_is_frozen(self):
        model = nn.Sequential(Counter(), nn.Linear(3, 2).freeze())
        assert repr(model) == (
            "Sequential()  # 11 parameters\n"
            "  0: Counter(weights: (3,), calls: ())\n"
            "  1: Linear(weights: (3, 2) frozen, bias: (2,) frozen)"
        )

    def test_shows_a_shared_part_once(self):
        layer = nn.Linear(3, 3)
        assert repr(nn.Sequential(layer, nn.Tanh(), layer)).splitlines()[1:] == [
            "  0: Linear(weights: (3, 3), bias: (3,))",
            "  1: Tanh()",
            "  2: Linear, the same as 0",
        ]

    def test_shows_lists_and_dicts_by_their_keys(self):
        class Branches(nn.Module):
            def __init__(self):
                super().__init__()
                self.heads = {"left": nn.Linear(1, 1), "right": nn.Linear(1, 2)}
                self.scales = [nn.Parameter(np.ones(2))]

        assert repr(Branches()) == (
            "Branches(scales.0: (2,))  # 8 parameters\n"
            "  heads.left: Linear(weights: (1, 1), bias: (1,))\n"
            "  heads.right: Linear(weights: (1, 2), bias: (2,))"
        )
