"""Optimizers: the numbers of the published formulas, pure updates, states that resume, and clear refusals."""

import copy
import pickle

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, grad
from autograd_mini.testing import check_derivatives

RNG = np.random.default_rng(0)
W0 = RNG.standard_normal((3, 2))
GRADIENTS = RNG.standard_normal((20, 3, 2))

MAKERS = {
    "sgd": lambda p, **o: nn.SGD(p, **{"learning_rate": 0.1, **o}),
    "momentum": lambda p, **o: nn.SGD(p, **{"learning_rate": 0.1, "momentum": 0.9, **o}),
    "nesterov": lambda p, **o: nn.SGD(p, **{"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, **o}),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def descend(optimizer, gradients=GRADIENTS):
    """Steps along given gradients; where the first parameter arrives."""
    w = optimizer.parameters[0]
    for g in gradients:
        w.grad = np.asarray(g, w.dtype)
        optimizer.step()
    return w.data


def small(dtype=np.float32):
    return nn.MLP([2, 3, 1], "tanh", rng=0, dtype=dtype)


def train(model, optimizer, steps=3):
    x = np.random.default_rng(1).standard_normal((8, 2))
    for _ in range(steps):
        optimizer.zero_grad()
        nn.squared_error(model(x), x[:, :1]).backward()
        optimizer.step()


class TestNumbers:
    """Against the formulas, written as recurrences over whole numbers t = 1, 2, ..."""

    def test_sgd_subtracts_the_gradients(self):
        found = descend(nn.SGD([nn.Parameter(W0)], 0.1))
        np.testing.assert_allclose(found, W0 - 0.1 * GRADIENTS.sum(0), rtol=1e-13)

    def test_weight_decay_is_the_gradient_of_half_the_squared_norm(self):
        found = descend(nn.SGD([nn.Parameter(W0)], 0.1, weight_decay=0.5), [np.zeros((3, 2))] * 2)
        np.testing.assert_allclose(found, W0 * (1 - 0.1 * 0.5) ** 2, rtol=1e-15)

    def test_momentum_weighs_the_gradient_of_k_steps_ago_by_its_kth_power(self):
        found = descend(nn.SGD([nn.Parameter(W0)], 0.1, momentum=0.9))
        weights = [sum(0.9**k for k in range(20 - t)) for t in range(20)]
        np.testing.assert_allclose(found, W0 - 0.1 * np.tensordot(weights, GRADIENTS, 1), rtol=1e-13)

    def test_nesterov_is_momentum_seen_from_one_look_ahead_on(self):
        """With w~ = w - eta mu v, Nesterov's v <- mu v + g(w~) and w <- w - eta v, for a quadratic loss."""
        w, v, mu, eta, scale = W0.copy(), np.zeros_like(W0), 0.8, 0.1, np.array([1.0, 3.0])
        p = nn.Parameter(W0)
        sgd = nn.SGD([p], eta, momentum=mu, nesterov=True)
        for _ in range(20):
            v = mu * v + scale * (w - eta * mu * v)
            w = w - eta * v
            p.grad = scale * p.data
            sgd.step()
        np.testing.assert_allclose(p.data, w - eta * mu * v, rtol=1e-12)


class TestStep:
    @every
    def test_float32_stays_float32_also_in_the_state(self, make):
        model = small()
        optimizer = make(model.parameters(), learning_rate=np.float64(0.1))
        train(model, optimizer)
        assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
        arrays = [a for state in optimizer.state for a in state or () if isinstance(a, np.ndarray)]
        assert {a.dtype for a in arrays} <= {np.dtype(np.float32)}

    @every
    def test_the_state_is_not_the_memory_of_the_gradient(self, make):
        w, u = nn.Parameter(W0), nn.Parameter(W0)
        one, two = make([w]), make([u])
        for g in GRADIENTS[:3]:
            w.grad, u.grad = g.copy(), g.copy()
            one.step()
            two.step()
            w.grad[...] = 0.0  # another way to clear it
        np.testing.assert_array_equal(w.data, u.data)

    def test_parameters_without_gradient_and_frozen_ones_stay(self):
        a, b, c = (nn.Parameter(np.ones(1)) for _ in range(3))
        c.grad = np.ones(1)
        c.requires_grad = False
        (a * 2).sum().backward()
        optimizer = nn.SGD([a, b, c], learning_rate=1.0, momentum=0.5)
        optimizer.step()
        assert (a.data, b.data, c.data) == (-1.0, 1.0, 1.0)
        assert optimizer.state[1:] == [None, None]

    def test_parameters_of_no_axes(self):
        w = nn.Parameter(np.float32(3.0))
        assert descend(nn.SGD([w], 0.5, momentum=0.5), [1.0, 1.0]) == 3 - 0.5 - 0.75
        assert w.dtype == np.float32

    def test_refuses_to_step_without_gradients(self):
        optimizer = nn.SGD(small().parameters(), learning_rate=0.1)
        with pytest.raises(RuntimeError, match=r"loss.backward\(\)"):
            optimizer.step()
        assert optimizer.steps == 0

    def test_zero_grad_clears(self):
        model = small()
        optimizer = nn.SGD(model.parameters(), 0.1)
        model(np.ones((1, 2))).sum().backward()
        optimizer.zero_grad()
        assert all(p.grad is None for p in model.parameters())

    def test_an_optimizer_without_update_says_what_to_define(self):
        w = nn.Parameter(W0)
        w.grad = W0
        with pytest.raises(NotImplementedError, match="def update"):
            nn.Optimizer([w], 0.1).step()


class TestRate:
    def test_a_schedule_is_asked_for_each_step(self):
        asked = []
        optimizer = nn.SGD([nn.Parameter(W0)], lambda step: asked.append(step) or 1.0 / (step + 1))
        found = descend(optimizer, GRADIENTS[:3])
        np.testing.assert_allclose(found, W0 - sum(g / (t + 1) for t, g in enumerate(GRADIENTS[:3])), rtol=1e-13)
        assert asked == [0, 1, 2]
        assert (optimizer.steps, optimizer.rate) == (3, 0.25)

    def test_the_rate_follows_what_is_assigned(self):
        optimizer = nn.SGD([nn.Parameter(W0)], lambda step: 2.0**-step)
        assert optimizer.rate == 1
        optimizer.steps = 3
        assert optimizer.rate == 0.125
        optimizer.learning_rate = np.float32(0.5)
        assert (optimizer.rate, type(optimizer.rate)) == (0.5, float)
        with pytest.raises(ValueError, match="positive"):
            optimizer.learning_rate = -1
        assert optimizer.rate == 0.5

    @pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), None, "fast"])
    def test_what_is_no_rate_is_refused_with_its_step(self, rate):
        optimizer = nn.SGD([nn.Parameter(W0)], lambda step: 0.1 if step < 2 else rate)
        with pytest.raises(ValueError, match="for step 2"):
            descend(optimizer)


class TestPurity:
    """`update` runs on tensors, so that a step can be differentiated."""

    @every
    def test_nothing_is_mutated_and_arrays_and_tensors_agree(self, make):
        optimizer = make([nn.Parameter(W0)])
        param, state = W0.copy(), None
        param.flags.writeable = False
        tensor, tensor_state = Tensor(W0), None
        for g in GRADIENTS[:3]:
            before = copy.deepcopy(state)
            new, new_state = optimizer.update(param, g, state)
            assert repr(before) == repr(state)
            tensor, tensor_state = optimizer.update(tensor, Tensor(g), tensor_state)
            np.testing.assert_array_equal(tensor.data, new)
            param, state = new, new_state

    @every
    def test_the_loss_after_two_steps_has_a_derivative_by_the_learning_rate(self, make):
        def loss(w):
            return np.sum(np.tanh(w) ** 2)

        def after(eta, w):
            optimizer = make([nn.Parameter(W0)], learning_rate=eta)
            state = None
            for _ in range(2):
                w, state = optimizer.update(w, grad(loss)(w), state)
            return loss(w)

        check_derivatives(after, np.array(0.1), W0)

    def test_options_of_zero_have_a_derivative_too(self):
        def after(momentum, weight_decay):
            optimizer = nn.SGD([nn.Parameter(W0)], 0.1, momentum=momentum, weight_decay=weight_decay)
            w, state = Tensor(W0), None
            for g in GRADIENTS[:2]:
                w, state = optimizer.update(w, g, state)
            return np.sum(w * w)

        slopes = grad(after, argnums=(0, 1))(np.array(0.0), np.array(0.0))
        w = W0 - 0.1 * GRADIENTS[:2].sum(0)
        assert slopes[0] == pytest.approx(np.sum(2 * w * -0.1 * GRADIENTS[0]))
        assert slopes[1] == pytest.approx(np.sum(2 * w * -0.1 * (W0 + W0 - 0.1 * GRADIENTS[0])))

    def test_a_step_that_would_lose_the_history_is_refused(self):
        w = nn.Parameter(W0)
        optimizer = nn.SGD([w], Tensor(0.1, requires_grad=True))
        w.grad = W0
        with pytest.raises(TypeError, match="update"):
            optimizer.step()
        assert optimizer.state == [None]
        np.testing.assert_array_equal(w.data, W0)


class TestState:
    @every
    def test_training_goes_on_to_the_bit(self, make):
        model = small()
        optimizer = make(model.parameters(), learning_rate=lambda step: 0.1 / (step + 1))
        train(model, optimizer)
        weights, state = model.state_dict(), optimizer.state_dict()
        train(model, optimizer)

        again = small()
        again.load_state_dict(weights)
        resumed = make(again.parameters(), learning_rate=lambda step: 0.1 / (step + 1))
        resumed.load_state_dict(state)
        train(again, resumed)
        assert resumed.steps == 6
        for one, two in zip(model.parameters(), again.parameters(), strict=True):
            np.testing.assert_array_equal(one.data, two.data)

    @every
    def test_it_is_flat_and_plain_and_a_copy(self, make):
        model = small()
        optimizer = make(model.parameters())
        train(model, optimizer)
        state = optimizer.state_dict()
        assert all(isinstance(v, np.ndarray | int | float | str | bool | None) for v in state.values())
        before = copy.deepcopy(state)
        train(model, optimizer)
        for key, value in state.items():
            np.testing.assert_array_equal(value, before[key])

    def test_loaded_arrays_are_copies_in_the_dtype_of_the_parameters(self):
        model, wide = small(), small(np.float64)
        one, two = (nn.SGD(m.parameters(), 0.1, momentum=0.9) for m in (model, wide))
        train(wide, two)
        state = two.state_dict()
        one.load_state_dict(state)
        assert one.state[0][0].dtype == np.float32
        two.load_state_dict(state)
        assert not np.shares_memory(two.state[0][0], state["0.velocity"])

    def test_options_and_a_rate_that_changed_come_along(self):
        optimizer = nn.SGD(small().parameters(), 0.1, momentum=0.5)
        optimizer.learning_rate, optimizer.momentum = 0.01, 0.9
        other = nn.SGD(small().parameters(), 0.1, momentum=0.5)
        other.load_state_dict(optimizer.state_dict())
        assert (other.rate, other.momentum) == (0.01, 0.9)

    def test_parameters_that_never_moved_have_none(self):
        w, frozen = nn.Parameter(W0), nn.Parameter(W0)
        optimizer = nn.SGD([frozen, w], 0.1, momentum=0.9)
        w.grad = W0
        optimizer.step()
        other = nn.SGD([nn.Parameter(W0), nn.Parameter(W0)], 0.1, momentum=0.9)
        other.load_state_dict(optimizer.state_dict())
        assert other.state[0] is None
        np.testing.assert_array_equal(other.state[1][0], W0)

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"optimizer": "Adam"}, ValueError, "'Adam'"),
            ({"parameters": 3}, ValueError, "with 3 parameters"),
            ({"steps": -1}, ValueError, "steps=-1"),
            ({"steps": 1.5}, ValueError, "steps=1.5"),
            ({"steps": True}, ValueError, "steps=True"),
            ({"learning_rate": "fast"}, TypeError, "learning_rate='fast'"),
            ({"learning_rate": None}, ValueError, "schedule"),
            ({"momentum": 1.5}, ValueError, r"momentum=1.5\): must be in"),
            ({"nesterov": 1}, ValueError, "True or False"),
            ({"3.velocity": np.ones((5, 1), np.float32)}, ValueError, r"\(5, 1\)"),
            ({"3.velocity": np.ones(1, complex)}, ValueError, "complex128"),
            ({"3.velocity": "x"}, ValueError, "velocity"),
            ({"4.velocity": np.ones(1, np.float32)}, ValueError, "unknown .*4.velocity"),
            ({"momentum": ...}, ValueError, "missing .*'momentum'"),
        ],
    )
    def test_what_does_not_fit_is_refused_and_nothing_changed(self, change, error, message):
        model = small()
        optimizer = nn.SGD(model.parameters(), 0.1, momentum=0.9)
        train(model, optimizer)
        before = optimizer.state_dict()
        state = {k: v for k, v in {**before, "learning_rate": 0.5, **change}.items() if v is not ...}
        with pytest.raises(error, match=message):
            optimizer.load_state_dict(state)
        for key, value in optimizer.state_dict().items():
            np.testing.assert_array_equal(value, before[key])

    def test_a_state_that_is_no_dict_is_refused(self):
        with pytest.raises(TypeError, match="list"):
            nn.SGD(small().parameters(), 0.1).load_state_dict([])

    @every
    def test_copies_and_pickles_go_on_alone(self, make):
        model = small()
        optimizer = make(model.parameters())
        train(model, optimizer)
        for copied, other in (copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))):
            assert all(p is q for p, q in zip(copied.parameters(), other.parameters, strict=True))
            before = model.state_dict()
            train(copied, other)
            np.testing.assert_array_equal(model.state_dict()["0.weights"], before["0.weights"])
            assert other.steps == 6

    def test_repr_tells_the_options(self):
        text = repr(nn.SGD(small().parameters(), 0.1, momentum=0.9))
        assert text == "SGD(4 parameters, learning_rate=0.1, momentum=0.9, nesterov=False, weight_decay=0.0, steps=0)"


class TestRefusals:
    @pytest.mark.parametrize(
        ("parameters", "error", "message"),
        [
            ([], ValueError, "no parameters"),
            (small(), TypeError, r"model.parameters\(\)"),
            (nn.Parameter(W0), TypeError, "given a Parameter"),
            (small().named_parameters(), TypeError, "given a tuple"),
            ([W0], TypeError, "given a ndarray"),
            ([{"params": [nn.Parameter(W0)]}], TypeError, "nn.Optimizers"),
            (None, TypeError, "NoneType"),
            ([Tensor(W0)], ValueError, "does not require grad"),
            ([nn.Parameter(W0) * 2], ValueError, "computed from others"),
            ([nn.Parameter(W0, name="w")] * 2, ValueError, "'w' of shape .* twice"),
        ],
    )
    def test_what_cannot_be_learned(self, parameters, error, message):
        with pytest.raises(error, match=message):
            nn.SGD(parameters, learning_rate=0.1)

    def test_a_model_that_is_frozen_whole_and_not_one_that_is_frozen_in_part(self):
        model = small()
        first, *others = model.parameters()
        for parameter in others:
            parameter.requires_grad = False
        assert len(nn.SGD(model.parameters(), 0.1).parameters) == 4
        first.requires_grad = False
        with pytest.raises(ValueError, match="all frozen"):
            nn.SGD(model.parameters(), 0.1)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"learning_rate": 0}, "positive"),
            ({"learning_rate": -1}, "positive"),
            ({"learning_rate": float("nan")}, "positive"),
            ({"learning_rate": float("inf")}, "positive"),
            ({"learning_rate": True}, "positive"),
            ({"learning_rate": "0.1"}, "positive"),
            ({"learning_rate": np.ones(2)}, "positive"),
            ({"momentum": 1.0}, r"in \[0, 1\)"),
            ({"momentum": -0.1}, r"in \[0, 1\)"),
            ({"nesterov": "yes", "momentum": 0.9}, "True or False"),
            ({"nesterov": True}, "Write a momentum"),
            ({"weight_decay": -1e-4}, "not negative"),
        ],
    )
    def test_options_out_of_range(self, options, message):
        with pytest.raises((ValueError, TypeError), match=message):
            nn.SGD(small().parameters(), **{"learning_rate": 0.1, **options})
