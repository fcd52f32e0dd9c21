"""Networks: modules as trees, layers, initial weights, losses, gradient descent, mini-batches, learning."""

import copy
import pickle
import re

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, grad
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp


def small(**options):
    return nn.MLP([3, 4, 2], rng=0, **options)


X = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2, rng=0)
        self.again = self.first
        self.tied = self.first.weights

    def forward(self, x):
        return self.again(self.first(x)) @ self.tied


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(1, 1), {"inner": (nn.PReLU(), nn.Parameter(np.ones(3)))}]
        self.scale = nn.Parameter(np.ones(2))


class TestModule:
    def test_named_parameters_follow_definition(self):
        names = [name for name, _ in small(activation="prelu").named_parameters()]
        assert names == ["0.weights", "0.bias", "1.alpha", "2.weights", "2.bias"]

    def test_parts_in_lists_tuples_and_dicts_are_found(self):
        names = [name for name, _ in Nested().named_parameters()]
        assert names == ["layers.0.weights", "layers.0.bias", "layers.1.inner.0.alpha", "layers.1.inner.1", "scale"]

    def test_shared_parts_come_once(self):
        model = Shared()
        assert [name for name, _ in model.named_parameters()] == ["first.weights", "first.bias"]
        assert [name for name, _ in model.named_modules()] == ["first"]
        model(np.ones((1, 2), np.float32)).sum().backward()
        assert model.first.weights.grad is not None

    def test_gradients_of_a_shared_layer_add_up(self):
        layer = nn.Linear(1, 1, bias=False, dtype=float)
        layer.weights.data = np.array([[3.0]])
        nn.Sequential(layer, layer)(np.ones((1, 1))).sum().backward()
        assert layer.weights.grad == 6.0

    def test_a_mistyped_name_raises(self):
        with pytest.raises(AttributeError, match="wieghts"):
            small()[0].wieghts

    def test_parts_before_init_raise(self):
        class Forgetful(nn.Module):
            def __init__(self):
                self.weights = nn.Parameter(np.ones(2))

        with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
            Forgetful()

    def test_without_forward_raises(self):
        with pytest.raises(NotImplementedError, match="def forward"):
            nn.Module()(1.0)

    def test_train_and_eval_reach_every_part(self):
        model = Nested()
        assert model.training
        assert model.eval() is model
        assert [part.training for _, part in model.named_modules()] == [False, False]
        model.train()
        assert all(part.training for _, part in model.named_modules())

    def test_zero_grad_clears(self):
        model = small()
        model(X).sum().backward()
        model.zero_grad()
        assert all(parameter.grad is None for parameter in model.parameters())

    def test_repr_is_a_tree(self):
        assert repr(small(activation=nn.LeakyReLU)) == (
            "MLP()  # 26 parameters\n"
            "  0: Linear(weights: (3, 4), bias: (4,))\n"
            "  1: LeakyReLU(slope=0.01)\n"
            "  2: Linear(weights: (4, 2), bias: (2,))"
        )

    def test_a_notebook_shows_a_row_for_each_part(self):
        shared = nn.Linear(2, 2)
        html = nn.Sequential(nn.Sequential(shared, nn.LeakyReLU()), shared, nn.Linear(2, 1).freeze())._repr_html_()
        cells = [re.sub("<.*?>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", html)]
        assert cells == [
            *("0", "Sequential", "", ""),
            *("0.0", "Linear", "weights: (2, 2), bias: (2,)", "6"),
            *("0.1", "LeakyReLU", "slope=0.01", ""),
            *("1", "Linear", "the same as 0.0", ""),
            *("2", "Linear", "weights: (2, 1) frozen, bias: (1,) frozen", "3"),
        ]
        assert "<strong>Sequential, 9 parameters</strong>" in html

    def test_operations_carry_the_path_of_their_module(self):
        out = nn.Sequential(nn.Sequential(nn.Linear(3, 2)), nn.Tanh())(X)
        assert out._record.scope == "Sequential.1"
        assert out._record.inputs[0].scope == "Sequential.0.0"

    def test_parameters_are_named_by_their_attribute(self):
        assert small()[0].weights.name == "weights"
        assert nn.Parameter(np.ones(1), name="mine").name == "mine"

    def test_parameters_are_tensors_that_require_grad(self):
        parameter = nn.Parameter(np.ones(2, np.float32))
        assert parameter.requires_grad
        assert type(parameter * 2) is Tensor


class TestState:
    def test_round_trip(self):
        model, other = small(), nn.MLP([3, 4, 2], rng=7)
        other.load_state_dict(model.state_dict())
        np.testing.assert_array_equal(model(X).data, other(X).data)

    def test_is_a_copy_both_ways(self):
        model = small()
        state = model.state_dict()
        state["0.bias"][...] = 9
        assert not np.any(model[0].bias.data)
        model.load_state_dict(state)
        state["0.bias"][...] = 5
        assert np.all(model[0].bias.data == 9)

    def test_keeps_dtypes(self):
        model = small()
        model.load_state_dict({name: values.astype(float) for name, values in model.state_dict().items()})
        assert {parameter.dtype for parameter in model.parameters()} == {np.dtype(np.float32)}

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda state: state.pop("0.bias"), "missing ['0.bias']"),
            (lambda state: state.update(extra=np.ones(1)), "unknown ['extra']"),
            (lambda state: state.update({"2.bias": np.ones(3)}), "shape (3,) for 2.bias"),
            (lambda state: state.update({"2.bias": ["one", "two"]}), "dtype <U3 for 2.bias"),
            (lambda state: state.update({"2.bias": np.ones(2, complex)}), "model.astype('complex128')"),
        ],
    )
    def test_a_state_that_does_not_fit_changes_nothing(self, change, says):
        model = small()
        before = model.state_dict()
        state = {name: values + 1 for name, values in before.items()}
        change(state)
        with pytest.raises((ValueError, TypeError)) as caught:
            model.load_state_dict(state)
        assert says in str(caught.value)
        for name, values in model.state_dict().items():
            np.testing.assert_array_equal(values, before[name])

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
    def test_copies_after_a_forward_are_apart(self, duplicate):
        model = small(activation="prelu")
        nn.squared_error(model(X), np.ones((5, 2))).backward()
        twin = duplicate(model)
        np.testing.assert_array_equal(twin(X).data, model(X).data)
        np.testing.assert_array_equal(twin[0].weights.grad, model[0].weights.grad)
        twin[0].weights.data = twin[0].weights.data * 2
        assert not np.array_equal(twin(X).data, model(X).data)
        assert [name for name, _ in twin.named_parameters()] == [name for name, _ in model.named_parameters()]

    def test_a_copy_of_shared_parts_shares_them(self):
        twin = copy.deepcopy(Shared())
        assert twin.first is twin.again
        assert twin.tied is twin.first.weights


class TestLayers:
    def test_linear_is_x_w_plus_b(self):
        layer = nn.Linear(3, 2, rng=0)
        layer.bias.data = np.array([1.0, 2.0], np.float32)
        np.testing.assert_array_equal(layer(X).data, X @ layer.weights.data + layer.bias.data)

    @pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
    def test_linear_takes_any_number_of_leading_axes(self, shape):
        out = nn.Linear(3, 2)(np.ones(shape, np.float32))
        assert out.shape == (*shape[:-1], 2)
        assert out.dtype == np.float32

    def test_linear_without_bias(self):
        layer = nn.Linear(3, 2, bias=False)
        assert [name for name, _ in layer.named_parameters()] == ["weights"]

    @pytest.mark.parametrize("x", [np.ones((5, 4), np.float32), np.float32(1.0)])
    def test_linear_names_itself_when_the_width_is_wrong(self, x):
        with pytest.raises(ValueError, match=r"Linear\(3, 1\) was given an input of shape"):
            nn.Linear(3, 1)(Tensor(x))

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (lambda: nn.Linear(-1, 2), "Linear(d_in=-1, d_out=2): d_in must be a positive whole number"),
            (lambda: nn.Linear(3, 2.0), "d_out must be"),
            (lambda: nn.MLP([2, "a"]), "MLP(sizes=[2, 'a'])"),
            (lambda: nn.MLP(5), "MLP(sizes=5)"),
        ],
    )
    def test_sizes_are_positive_whole_numbers(self, make, says):
        with pytest.raises(ValueError) as caught:
            make()
        assert says in str(caught.value)

    @pytest.mark.parametrize("layer", [np.tanh, [nn.Tanh()], nn.Tanh, "tanh"])
    @pytest.mark.parametrize("kind", [nn.Sequential, nn.Residual])
    def test_what_is_no_module_is_not_left_out_in_silence(self, kind, layer):
        with pytest.raises(TypeError, match=r"as layer 1\. Its layers are modules"):
            kind(nn.Tanh(), layer)

    def test_a_slice_of_a_sequence_shares_its_layers(self):
        model = small()
        assert isinstance(model[:2], nn.Sequential)
        assert model[:2][0] is model[0]

    @pytest.mark.parametrize(("shape", "flat"), [((4, 3, 2), (4, 6)), ((4,), (4, 1)), ((0, 3, 2), (0, 6))])
    def test_flatten_keeps_the_examples(self, shape, flat):
        assert nn.Flatten()(np.ones(shape)).shape == flat

    def test_flatten_needs_a_batch(self):
        with pytest.raises(ValueError, match="single number"):
            nn.Flatten()(np.ones(()))

    def test_residual_adds_its_input(self):
        inner = nn.Linear(3, 3, rng=0)
        np.testing.assert_array_equal(nn.Residual(inner)(X).data, X + inner(X).data)

    def test_residual_with_a_shortcut_changes_the_width(self):
        assert nn.Residual(nn.Linear(3, 2), nn.Tanh(), shortcut=nn.Linear(3, 2))(X).shape == (5, 2)

    def test_residual_names_both_shapes(self):
        with pytest.raises(ValueError, match=r"0: Residual adds .* of shape \(5, 3\), to .* of shape \(5, 1\)"):
            nn.Sequential(nn.Residual(nn.Linear(3, 1)))(X)  # would broadcast

    def test_sequential_is_a_sequence(self):
        model = small()
        assert len(model) == 3
        assert next(iter(model)) is model[0]
        assert model[-1] is model[2]

    @pytest.mark.parametrize(
        "activation", ["tanh", "relu", "leaky_relu", "prelu", nn.Tanh, nn.PReLU(units=4), lambda: nn.LeakyReLU(0.2)]
    )
    def test_mlp_takes_activations_in_every_form(self, activation):
        model = nn.MLP([3, 4, 4, 2], activation)
        assert model(X).shape == (5, 2)
        assert model[1] is not model[3]

    def test_mlp_does_not_share_a_given_activation(self):
        given = nn.PReLU()
        model = nn.MLP([3, 4, 4, 2], given)
        assert len({id(p) for p in (given.alpha, model[1].alpha, model[3].alpha)}) == 3

    def test_mlp_is_reproducible(self):
        np.testing.assert_array_equal(small()(X).data, small()(X).data)
        assert not np.array_equal(small()[0].weights.data, nn.MLP([3, 4, 2], rng=1)[0].weights.data)

    def test_float64(self):
        model = nn.MLP([3, 4, 2], "prelu", dtype=np.float64)
        assert {p.dtype for p in model.parameters()} == {np.dtype(np.float64)}

    @pytest.mark.parametrize("sizes", [[3], [], [3, 0], [3, 2.5]])
    def test_mlp_refuses_sizes(self, sizes):
        with pytest.raises(ValueError, match="MLP"):
            nn.MLP(sizes)

    @pytest.mark.parametrize("activation", ["tanhh", 3, lambda: 3, None])
    def test_mlp_refuses_what_is_no_activation(self, activation):
        with pytest.raises(TypeError, match="is no activation"):
            nn.MLP([2, 2, 1], activation)

    def test_unknown_init_is_named(self):
        with pytest.raises(ValueError, match=r"'xavier'.*'glorot'"):
            nn.MLP([2, 1], init="xavier")

    @pytest.mark.parametrize("slope", [-0.1, 1.5])
    def test_leaky_relu_refuses_slopes_where_it_is_another_function(self, slope):
        with pytest.raises(ValueError, match="slopes from 0 to 1"):
            nn.LeakyReLU(slope)

    def test_prelu_learns_one_alpha_per_unit_or_one_for_all(self):
        assert nn.PReLU().alpha.shape == (1,)
        assert nn.PReLU(units=4).alpha.shape == (4,)
        prelu = nn.PReLU(units=2, dtype=float)
        prelu(np.array([[-1.0, 2.0], [-3.0, -5.0]])).sum().backward()
        np.testing.assert_array_equal(prelu.alpha.grad, [-4.0, -5.0])

    def test_relu_keeps_nan(self):
        np.testing.assert_array_equal(nn.ReLU()(Tensor([np.nan, -1.0, 2.0])).data, [np.nan, 0.0, 2.0])

    @pytest.mark.parametrize("activation", [nn.Tanh(), nn.ReLU(), nn.LeakyReLU(), nn.PReLU()])
    def test_activations_keep_float32(self, activation):
        s = Tensor(X, requires_grad=True)
        out = activation(s)
        out.sum().backward()
        assert out.dtype == s.grad.dtype == np.float32


class TestInit:
    SHAPE = (300, 500)

    @pytest.mark.parametrize(
        ("initialiser", "variance"),
        [
            (nn.init.small_random(), 1e-4),
            (nn.init.small_random(0.5), 0.25),
            (nn.init.glorot(), 2 / 800),
            (nn.init.glorot(gain=3.0), 9 * 2 / 800),
            (nn.init.he(), 2 / 300),
            (nn.init.he(slope=0.5), 2 / 1.25 / 300),
            (nn.init.he(gain=2.0), 4 * 2 / 300),
            (nn.init.orthogonal(), 1 / 500),
        ],
    )
    def test_variance(self, initialiser, variance):
        weights = initialiser(self.SHAPE, np.random.default_rng(0))
        assert weights.shape == self.SHAPE
        assert abs(np.var(weights) / variance - 1) < 0.02  # the standard error is sqrt(2 / 150,000) = 0.004
        assert abs(np.mean(weights)) < 5 * np.sqrt(variance / weights.size)

    @pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (5, 1)])
    def test_orthogonal(self, shape):
        w = nn.init.orthogonal(gain=2.0)(shape, np.random.default_rng(0))
        gram = w.T @ w if shape[0] >= shape[1] else w @ w.T
        np.testing.assert_allclose(gram, 4 * np.eye(min(shape)), atol=1e-12)

    def test_orthogonal_is_uniform_in_sign(self):
        draws = [nn.init.orthogonal()((2, 2), np.random.default_rng(i))[0, 0] for i in range(400)]
        assert abs(np.mean(draws)) < 0.15

    def test_glorot_keeps_tanh_signals_and_he_keeps_relu_signals(self):
        x = np.random.default_rng(0).standard_normal((200, 200))
        deep = {
            "he": nn.MLP([200] * 11, "relu", nn.init.he(), rng=0, dtype=float)(x),
            "small": nn.MLP([200] * 11, "relu", nn.init.small_random(), rng=0, dtype=float)(x),
        }
        assert 0.3 < np.mean(deep["he"].data ** 2) < 3
        assert np.mean(deep["small"].data ** 2) < 1e-10

    def test_slopes_of_leaky_units(self):
        x = np.random.default_rng(0).standard_normal((200, 200))
        model = nn.MLP([200] * 11, lambda: nn.LeakyReLU(0.5), nn.init.he(slope=0.5), rng=0, dtype=float)
        assert 0.3 < np.mean(model(x).data ** 2) < 3


LOGITS = np.array([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
LABELS = np.array([2, 0])


class TestLosses:
    def test_squared_error_is_the_mean_of_the_squares(self):
        s = Tensor([[1.0, 2.0]], requires_grad=True)
        loss = nn.squared_error(s, [[0.0, 5.0]])
        assert loss.item() == (1 + 9) / 2
        loss.backward()
        np.testing.assert_array_equal(s.grad, [[1.0, -3.0]])

    def test_squared_error_does_not_widen(self):
        s = Tensor(np.ones((2, 1), np.float32), requires_grad=True)
        assert nn.squared_error(s, np.zeros((2, 1))).dtype == np.float32

    def test_squared_error_refuses_to_broadcast(self):
        with pytest.raises(ValueError, match=r"\(3, 1\).*\(3,\)"):
            nn.squared_error(Tensor(np.ones((3, 1))), np.ones(3))

    def test_squared_error_flows_to_a_target_tensor(self):
        y = Tensor([[3.0]], requires_grad=True)
        nn.squared_error(Tensor([[1.0]]), y).backward()
        assert y.grad == 4.0

    def test_cross_entropy_is_minus_the_log_of_the_softmax(self):
        p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
        logits = Tensor(LOGITS, requires_grad=True)
        loss = nn.cross_entropy(logits, LABELS)
        assert_close(loss.data, -np.mean(np.log(p[[0, 1], LABELS])), 1e-14)
        loss.backward()
        assert_close(logits.grad, (p - np.eye(3)[LABELS]) / 2, 1e-14)

    def test_cross_entropy_agrees_with_differences(self):
        estimate = numeric_vjp(lambda s: nn.cross_entropy(Tensor(s), LABELS).data, [LOGITS], np.ones(()), 0)
        assert_close(grad(lambda s: nn.cross_entropy(s, LABELS))(LOGITS), estimate.value, 1e-8, estimate.error)

    @pytest.mark.parametrize("size", [1e4, -1e4])
    def test_cross_entropy_is_stable_at_large_scores(self, size):
        logits = Tensor(np.array([[size, 0.0], [0.0, size]], np.float32), requires_grad=True)
        loss = nn.cross_entropy(logits, [0, 1])
        loss.backward()
        assert loss.dtype == logits.grad.dtype == np.float32
        assert loss.item() == max(-size, 0)
        expected = np.zeros((2, 2)) if size > 0 else np.array([[-0.5, 0.5], [0.5, -0.5]])
        np.testing.assert_array_equal(logits.grad, expected)

    def test_cross_entropy_does_not_change_with_a_shift(self):
        shifted = LOGITS + np.array([[100.0], [-300.0]])
        assert_close(
            nn.cross_entropy(Tensor(shifted), LABELS).data, nn.cross_entropy(Tensor(LOGITS), LABELS).data, 1e-13
        )

    @pytest.mark.parametrize(
        ("logits", "labels", "says"),
        [
            (LOGITS, [0, 3], "labels from 0 to 3 for 3 classes"),
            (LOGITS, [-1, 0], "labels from -1"),
            (LOGITS, [0], r"shape \(2,\)"),
            (LOGITS, [0.0, 1.0], "float64"),
            (LOGITS[0], [0, 1, 2], "one row of scores"),
            (np.zeros((0, 3)), np.zeros(0, int), "at least 1"),
        ],
    )
    def test_cross_entropy_refuses(self, logits, labels, says):
        with pytest.raises(ValueError, match=says):
            nn.cross_entropy(Tensor(logits), labels)


class TestMinibatches:
    def test_each_example_comes_once_with_its_target(self):
        x = np.arange(10)
        batches = list(nn.minibatches(x, x * 10, size=4, rng=0))
        assert [len(xs) for xs, _ in batches] == [4, 4, 2]
        assert sorted(np.concatenate([xs for xs, _ in batches])) == list(range(10))
        assert all(np.array_equal(ys, xs * 10) for xs, ys in batches)

    def test_the_order_is_drawn_anew_from_one_generator(self):
        rng = np.random.default_rng(0)
        first, second = (np.concatenate([b for (b,) in nn.minibatches(np.arange(50), size=7, rng=rng)]) for _ in "ab")
        assert not np.array_equal(first, second)
        again = np.concatenate([b for (b,) in nn.minibatches(np.arange(50), size=7, rng=0)])
        np.testing.assert_array_equal(first, again)

    def test_without_shuffling_the_order_stays(self):
        assert [b.tolist() for (b,) in nn.minibatches(np.arange(3), size=2, shuffle=False)] == [[0, 1], [2]]

    def test_mistakes_are_found_at_the_call(self):
        with pytest.raises(ValueError, match=r"lengths \[3, 2\]"):
            nn.minibatches(np.ones(3), np.ones(2), size=1)
        with pytest.raises(ValueError, match="size=0"):
            nn.minibatches(np.ones(3), size=0)

    def test_without_arrays_raises(self):
        with pytest.raises((ValueError, TypeError), match="minibatches"):
            nn.minibatches(size=2)


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "prelu"])
def test_a_small_network_learns_what_no_linear_one_can(activation):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = nn.MLP([2, 16, 16, 2], activation, "he", rng=0)
    sgd = nn.SGD(model.parameters(), learning_rate=0.1, momentum=0.9)
    for _ in range(60):
        for xs, ys in nn.minibatches(x, y, size=20, rng=rng):
            sgd.zero_grad()
            nn.cross_entropy(model(xs), ys).backward()
            sgd.step()
    assert np.mean(model(x).argmax(axis=1).data == y) > 0.97


def test_regression_converges_to_least_squares():
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((50, 3)), rng.standard_normal((50, 1))
    y = x @ np.array([[1.0], [-2.0], [0.5]]) + 3 + noise
    model = nn.Linear(3, 1, rng=0, dtype=float)
    sgd = nn.SGD(model.parameters(), learning_rate=0.1, momentum=0.5)
    for _ in range(400):
        sgd.zero_grad()
        nn.squared_error(model(x), y).backward()
        sgd.step()
    best = np.linalg.lstsq(np.column_stack([x, np.ones(50)]), y, rcond=None)[0]
    assert_close(np.concatenate([model.weights.data, model.bias.data[None]]), best, 1e-8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.Dropout("a"),
        lambda: nn.Dropout(None),
        lambda: nn.Masking("a"),
        lambda: nn.GaussianNoise("a"),
        lambda: nn.LeakyReLU("a"),
        lambda: nn.PReLU("a"),
        lambda: nn.PReLU(alpha="a"),
        lambda: nn.ELU("a"),
        lambda: nn.BatchNorm(2, momentum="a"),
        lambda: nn.LayerNorm(2, epsilon="a"),
        lambda: nn.clip_norm([], "a"),
        lambda: nn.huber_loss([1.0], [2.0], delta="a"),
    ],
)
def test_what_is_no_number_is_told_by_the_name_of_its_option(call):
    with pytest.raises(ValueError, match=r"\(.*(a|None).*\)") as caught:
        call()
    assert "not supported between" not in str(caught.value)
