"""Optimizers: the numbers of the published formulas, pure updates, states that resume, and clear refusals."""

import copy
import pickle

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, grad
from autograd_mini.testing import check_derivatives
from benchmarks.optimizers import RULES, UP, ends

RNG = np.random.default_rng(0)
W0 = RNG.standard_normal((3, 2))
GRADIENTS = RNG.standard_normal((20, 3, 2))

MAKERS = {
    "sgd": lambda p, **o: nn.SGD(p, **{"learning_rate": 0.1, **o}),
    "momentum": lambda p, **o: nn.SGD(p, **{"learning_rate": 0.1, "momentum": 0.9, **o}),
    "nesterov": lambda p, **o: nn.SGD(p, **{"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, **o}),
    "adagrad": nn.AdaGrad,
    "rmsprop": nn.RMSprop,
    "rmsprop with momentum": lambda p, **o: nn.RMSprop(p, momentum=0.9, **o),
    "adam": lambda p, **o: nn.Adam(p, weight_decay=0.1, **o),
    "adamw": nn.AdamW,
    "dampening, up": lambda p, **o: nn.SGD(
        p, **{"learning_rate": 0.1, "momentum": 0.9, "dampening": 0.4, "maximize": True, **o}
    ),
    "amsgrad": lambda p, **o: nn.AdamW(p, amsgrad=True, betas=(0.8, 0.9), **o),
}
# Where PyTorch 2.13 ends, printed by `python -m benchmarks.optimizers`: a rate and a weight decay of 0.1, momentum 0.9.
START, WAVES = np.array([1.0, -2.0, 0.5]), np.cos(np.arange(1.0, 61.0) ** 2).reshape(20, 3)
PYTORCH = {
    "sgd": [0.7380156511714789, -2.2207215462117746, -0.016377997700138137],
    "momentum": [-1.1204991320906612, -2.536219629839783, -1.2654533282017535],
    "nesterov": [-0.9229688260538941, -2.678605489875369, -1.4864696036153056],
    "adagrad": [0.8014373793471101, -2.0651185843326747, 0.31154321286386755],
    "rmsprop": [-1.3031614287009763, -4.088459367299103, -3.9426588735725074],
    "adam": [0.3839866733271008, -2.0598611096394994, 0.179798669903779],
    "adamw": [0.4266253063110545, -2.177224369818335, 0.22096899431512373],
    "dampening": [-0.6079529242789373, -2.136653912976443, -0.43595853157327114],
    "amsgrad": [0.3839964330727812, -2.0598611096394994, 0.17981284652284454],
    "adamw, amsgrad": [0.4698844087893248, -2.20020732065022, 0.13232200217979706],
    "sgd, up": [0.8977982240229829, -1.0509062041771484, 0.8342849352973689],
    "dampening, up": [1.359224473347599, 0.6341108148391192, 0.8115943061076019],
    "adagrad, up": [1.0456817102437894, -1.6422303470688469, 0.6031559694971921],
    "rmsprop, up": [0.5119819824298179, 5.568350045737366, 3.7164666824613466],
    "adam, up": [1.164608736999492, -1.055298490882033, 0.5745388551137417],
    "adamw, up": [1.2091885688834072, -1.0944033805705886, 0.5969379432821067],
}
TWENTY = {
    "sgd": lambda p: nn.SGD(p, 0.1, weight_decay=0.1),
    "momentum": lambda p: nn.SGD(p, 0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda p: nn.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adagrad": lambda p: nn.AdaGrad(p, 0.1, weight_decay=0.1),
    "rmsprop": lambda p: nn.RMSprop(p, 0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda p: nn.Adam(p, 0.1, weight_decay=0.1),
    "adamw": lambda p: nn.AdamW(p, 0.1, weight_decay=0.1),
    "dampening": lambda p: nn.SGD(p, 0.1, momentum=0.9, dampening=0.4, weight_decay=0.1),
    "amsgrad": lambda p: nn.Adam(p, 0.1, amsgrad=True, weight_decay=0.1),
    "adamw, amsgrad": lambda p: nn.AdamW(p, 0.1, (0.8, 0.9), amsgrad=True, weight_decay=0.1),
    "sgd, up": lambda p: nn.SGD(p, 0.1, weight_decay=0.1, maximize=True),
    "dampening, up": lambda p: nn.SGD(p, 0.1, momentum=0.9, dampening=0.4, weight_decay=0.1, maximize=True),
    "adagrad, up": lambda p: nn.AdaGrad(p, 0.1, weight_decay=0.1, maximize=True),
    "rmsprop, up": lambda p: nn.RMSprop(p, 0.1, momentum=0.9, weight_decay=0.1, maximize=True),
    "adam, up": lambda p: nn.Adam(p, 0.1, weight_decay=0.1, maximize=True),
    "adamw, up": lambda p: nn.AdamW(p, 0.1, weight_decay=0.1, maximize=True),
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

    def test_adagrad_divides_by_the_root_of_the_sum_of_squares(self):
        steps = GRADIENTS / (np.sqrt(np.cumsum(GRADIENTS**2, axis=0)) + 0.1)
        found = descend(nn.AdaGrad([nn.Parameter(W0)], 0.5, eps=0.1))
        np.testing.assert_allclose(found, W0 - 0.5 * steps.sum(0), rtol=1e-13)

    def test_rmsprop_divides_by_the_root_of_a_decaying_mean_of_squares(self):
        means = [sum(0.1 * 0.9 ** (t - k) * GRADIENTS[k] ** 2 for k in range(t + 1)) for t in range(20)]
        found = descend(nn.RMSprop([nn.Parameter(W0)], 0.5, decay=0.9, eps=0.1))
        np.testing.assert_allclose(found, W0 - 0.5 * (GRADIENTS / (np.sqrt(means) + 0.1)).sum(0), rtol=1e-13)

    def test_rmsprop_adds_momentum_to_the_divided_gradients(self):
        steps = GRADIENTS / (np.sqrt(np.cumsum(GRADIENTS**2, axis=0)) + 0.1)
        divided = descend(nn.RMSprop([nn.Parameter(W0)], 0.1, decay=0.9, momentum=0.8, eps=0.1))
        means = [sum(0.1 * 0.9 ** (t - k) * GRADIENTS[k] ** 2 for k in range(t + 1)) for t in range(20)]
        steps = GRADIENTS / (np.sqrt(means) + 0.1)
        np.testing.assert_allclose(divided, descend(nn.SGD([nn.Parameter(W0)], 0.1, momentum=0.8), steps), rtol=1e-13)

    def test_adam_divides_unbiased_means(self):
        """Weighted means whose weights sum to 1: what the corrections for the start at 0 are for."""
        want = W0.copy()
        for t in range(1, 21):
            first = np.average(GRADIENTS[:t], axis=0, weights=0.8 ** np.arange(t)[::-1])
            second = np.average(GRADIENTS[:t] ** 2, axis=0, weights=0.95 ** np.arange(t)[::-1])
            want -= 0.5 * first / (np.sqrt(second) + 0.1)
        found = descend(nn.Adam([nn.Parameter(W0)], 0.5, betas=(0.8, 0.95), eps=0.1))
        np.testing.assert_allclose(found, want, rtol=1e-12)

    def test_adams_first_step_has_the_length_of_the_rate_whatever_the_gradient(self):
        for scale in (1e-6, 1.0, 1e12):
            found = descend(nn.Adam([nn.Parameter(W0)], 0.5, eps=1e-20), [scale * GRADIENTS[0]])
            np.testing.assert_allclose(found, W0 - 0.5 * np.sign(GRADIENTS[0]), rtol=1e-12)

    @pytest.mark.parametrize("maker", [nn.AdaGrad, nn.RMSprop, nn.Adam])
    def test_weight_decay_is_part_of_the_gradient(self, maker):
        w, u = nn.Parameter(W0), nn.Parameter(W0)
        decayed, plain = maker([w], 0.1, weight_decay=0.3), maker([u], 0.1)
        for g in GRADIENTS:
            w.grad, u.grad = g, g + 0.3 * u.data
            decayed.step()
            plain.step()
        np.testing.assert_allclose(w.data, u.data, rtol=1e-13)

    def test_adamw_decays_apart_from_the_gradient(self):
        w, u = nn.Parameter(W0), nn.Parameter(W0)
        adamw, adam = nn.AdamW([w], 0.1, weight_decay=0.3), nn.Adam([u], 0.1)
        for g in GRADIENTS:
            w.grad = u.grad = g
            adamw.step()
            u.data = u.data * (1 - 0.1 * 0.3)
            adam.step()
        np.testing.assert_allclose(w.data, u.data, rtol=1e-13)

    def test_a_parameter_that_thaws_later_starts_like_the_others(self):
        early, late = nn.Parameter(W0), nn.Parameter(W0)
        adam = nn.Adam([early, late], 0.1)
        early.grad = GRADIENTS[0]
        adam.step()
        first = early.data
        late.grad = GRADIENTS[0]
        adam.step()
        np.testing.assert_array_equal(late.data, first)

    @pytest.mark.parametrize("name", PYTORCH)
    def test_twenty_steps_end_where_pytorch_ends(self, name):
        found = descend(TWENTY[name]([nn.Parameter(START)]), WAVES)
        np.testing.assert_allclose(found, PYTORCH[name], rtol=1e-12)

    @pytest.mark.extra
    @pytest.mark.parametrize("name", [*RULES, *UP])
    def test_twenty_steps_end_where_they_end_in_the_pytorch_that_is_here(self, name):
        pytest.importorskip("torch")
        np.testing.assert_allclose(*ends(name), rtol=1e-12)

    @pytest.mark.parametrize("maker", [nn.SGD, nn.AdaGrad, nn.RMSprop, nn.Adam, nn.AdamW])
    def test_to_maximize_is_to_minimize_what_has_the_other_sign(self, maker):
        up = descend(maker([nn.Parameter(W0)], 0.1, maximize=True))
        np.testing.assert_array_equal(up, descend(maker([nn.Parameter(W0)], 0.1), -GRADIENTS))

    def test_with_amsgrad_rates_never_rise(self):
        w = nn.Parameter(np.zeros(1))
        adam = nn.Adam([w], 1.0, betas=(0.0, 0.5), eps=1e-12, amsgrad=True)
        steps = np.diff([0.0, *(descend(adam, [[g]])[0] for g in (4.0, 1.0, 1.0))])
        most = 0.5 * 16  # of the means of squares, each of which is divided by how much its weights sum to
        np.testing.assert_allclose(steps, [-g / np.sqrt(most / (1 - 0.5**t)) for t, g in ((1, 4), (2, 1), (3, 1))])


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
    def test_pytorch_s_name_of_it_is_no_attribute(self):
        optimizer = nn.SGD(small().parameters(), 0.1)
        with pytest.raises(AttributeError, match=r"optimizer\.learning_rate"):
            optimizer.lr = 0.01
        assert not hasattr(optimizer, "lr")

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

    @pytest.mark.parametrize("maker", [nn.AdaGrad, nn.RMSprop, nn.Adam, nn.AdamW])
    def test_weights_without_gradient_make_no_nan(self, maker):
        def after(eta):
            optimizer = maker([nn.Parameter(W0)], learning_rate=eta)
            w, state = Tensor(W0), None
            for _ in range(3):
                w, state = optimizer.update(w, grad(lambda w: np.sum(np.tanh(w * [1.0, 0.0]) ** 2))(w), state)
            return np.sum(w * w)

        check_derivatives(after, np.array(0.1))

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

    def test_a_schedule_is_not_replaced_in_silence(self):
        fixed, scheduled = (nn.SGD(small().parameters(), rate) for rate in (0.1, nn.schedules.cosine(0.1, steps=9)))
        with pytest.raises(ValueError, match=r"fixed learning rate 0\.1, which would replace the schedule"):
            scheduled.load_state_dict(fixed.state_dict())

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
        assert text == (
            "SGD(4 parameters, learning_rate=0.1, momentum=0.9, dampening=0.0, nesterov=False, weight_decay=0.0, "
            "maximize=False, steps=0)"
        )


class TestOptimizers:
    """Several as one."""

    def both(self, **options):
        model = small()
        return model, nn.Optimizers(
            nn.SGD(model[0].parameters(), 0.1, momentum=0.9), nn.Adam(model[2].parameters(), 0.01, **options)
        )

    def test_each_group_moves_by_its_own_rule(self):
        model, optimizer = self.both()
        twin = small()
        parts = nn.SGD(twin[0].parameters(), 0.1, momentum=0.9), nn.Adam(twin[2].parameters(), 0.01)
        train(model, optimizer)
        for _ in range(3):
            twin.zero_grad()
            x = np.random.default_rng(1).standard_normal((8, 2))
            nn.squared_error(twin(x), x[:, :1]).backward()
            for part in parts:
                part.step()
        for one, two in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(one.data, two.data)
        assert optimizer.steps == 3
        assert [len(state) for state in optimizer.state] == [1, 1, 3, 3]

    def test_a_group_without_gradients_waits_and_its_schedule_goes_on(self):
        model, optimizer = self.both()
        for parameter in model[0].parameters():
            parameter.requires_grad = False
        train(model, optimizer)
        assert [group.steps for group in optimizer.groups] == [3, 3]
        assert optimizer.groups[0].state == [None, None]
        optimizer.zero_grad()
        with pytest.raises(RuntimeError, match="no parameter has a gradient"):
            optimizer.step()

    def test_training_goes_on_to_the_bit(self):
        model, optimizer = self.both()
        train(model, optimizer)
        again, resumed = self.both()
        again.load_state_dict(model.state_dict())
        state = optimizer.state_dict()
        assert all(isinstance(v, np.ndarray | int | float | str | bool | None) for v in state.values())
        resumed.load_state_dict(state)
        for one, two in ((model, optimizer), (again, resumed)):
            train(one, two)
        for one, two in zip(model.parameters(), again.parameters(), strict=True):
            np.testing.assert_array_equal(one.data, two.data)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"groups": 3}, "3 groups"),
            ({"optimizer": "Adam"}, "'Adam'"),
            ({"group1.beta1": 2.0}, "beta1"),
            ({"group2.steps": 2}, "group2.steps"),
            ({"1.steps": 2}, "1.steps"),
        ],
    )
    def test_what_does_not_fit_is_refused_and_nothing_changed(self, change, message):
        model, optimizer = self.both()
        train(model, optimizer)
        before = optimizer.state_dict()
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict({**before, "group0.learning_rate": 0.5, **change})
        for key, value in optimizer.state_dict().items():
            np.testing.assert_array_equal(value, before[key])

    def test_rates_belong_to_the_groups(self):
        _, optimizer = self.both()
        assert [group.rate for group in optimizer.groups] == [0.1, 0.01]
        for attribute in ("rate", "learning_rate"):
            with pytest.raises(AttributeError, match="for group in optimizer"):
                getattr(optimizer, attribute)
        with pytest.raises(AttributeError, match="for group in optimizer"):
            optimizer.learning_rate = 0.1

    def test_nesting_is_flat_and_copies_work(self):
        _, optimizer = self.both()
        other = nn.Optimizers(optimizer, nn.SGD([nn.Parameter(W0)], 1.0))
        assert len(other.groups) == 3
        assert repr(copy.deepcopy(other)) == repr(other)

    def test_refusals(self):
        _, optimizer = self.both()
        with pytest.raises(ValueError, match="twice"):
            nn.Optimizers(optimizer, nn.SGD(optimizer.groups[0].parameters, 0.1))
        with pytest.raises(TypeError, match="none"):
            nn.Optimizers()
        with pytest.raises(TypeError, match="a list"):
            nn.Optimizers([optimizer])


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
            ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "no dampening"),
            ({"dampening": 1.0, "momentum": 0.9}, "dampening=1.0"),
            ({"maximize": 1}, "True or False"),
            ({"weight_decay": -1e-4}, "not negative"),
        ],
    )
    def test_options_out_of_range(self, options, message):
        with pytest.raises((ValueError, TypeError), match=message):
            nn.SGD(small().parameters(), **{"learning_rate": 0.1, **options})

    @pytest.mark.parametrize("options", [{"eps": 0}, {"betas": (0.9, 1.0)}, {"betas": 0.9}, {"betas": (-0.1, 0.9)}])
    def test_options_of_adam_out_of_range(self, options):
        with pytest.raises((ValueError, TypeError), match=r"eps=0|beta"):
            nn.Adam(small().parameters(), **options)

    def test_complex_parameters_where_the_rule_divides_by_gradients(self):
        w = nn.Parameter(np.array([1 + 2j]))
        for maker in (nn.AdaGrad, nn.RMSprop, nn.Adam, nn.AdamW):
            with pytest.raises(TypeError, match="complex"):
                maker([w])
        assert descend(nn.SGD([w], 0.5), [[2j]]) == 1 + 1j
