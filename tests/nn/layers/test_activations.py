"""Activations: formulas, slopes to second order, kinks, large scores, dtypes, and errors."""

import math

import mpmath
import numpy as np
import pytest
from scipy.special import erf, expit

import nn
from autograd_mini import Tensor, elementwise_grad, grad
from autograd_mini.testing import check_derivatives, check_module
from nn.layers.activations import BY_NAME
from tests.autograd_mini.testing.numeric import assert_close

S = np.array([-9.0, -3.0, -0.7, -0.01, 0.02, 0.6, 2.0, 9.0])
FORMULAS = {
    nn.Identity: lambda s: s,
    nn.Sign: np.sign,
    nn.Tanh: np.tanh,
    nn.Sigmoid: expit,
    nn.ReLU: lambda s: np.maximum(s, 0),
    nn.LeakyReLU: lambda s: np.maximum(s, 0.01 * s),
    nn.PReLU: lambda s: np.maximum(s, 0) + 0.25 * np.minimum(s, 0),
    nn.ELU: lambda s: np.where(s > 0, s, np.exp(np.minimum(s, 0)) - 1),
    lambda: nn.ELU(0.5): lambda s: np.where(s > 0, s, 0.5 * (np.exp(np.minimum(s, 0)) - 1)),
    nn.SELU: lambda s: 1.0507009873554805 * np.where(s > 0, s, 1.6732632423543772 * (np.exp(np.minimum(s, 0)) - 1)),
    nn.GELU: lambda s: s / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (s + 0.044715 * s**3))),
    lambda: nn.GELU(exact=True): lambda s: s / 2 * (1 + erf(s / math.sqrt(2))),
    nn.SiLU: lambda s: s * expit(s),
    nn.Softplus: lambda s: np.log(1 + np.exp(s)),
    nn.LogSigmoid: lambda s: -np.log(1 + np.exp(-s)),
    nn.Softmax: lambda s: np.exp(s) / np.sum(np.exp(s)),
    nn.LogSoftmax: lambda s: s - np.log(np.sum(np.exp(s))),
}
every_activation = pytest.mark.parametrize("make", FORMULAS, ids=lambda make: make.__name__)
SMOOTH = [
    nn.Identity,
    nn.Tanh,
    nn.Sigmoid,
    nn.GELU,
    nn.SiLU,
    nn.Softplus,
    nn.LogSigmoid,
    nn.Softmax,
    nn.LogSoftmax,
    lambda: nn.GELU(exact=True),
]


def slopes(module, s):
    return elementwise_grad(lambda s: module(s))(np.asarray(s))


class TestEveryActivation:
    @every_activation
    def test_formula(self, make):
        assert_close(make()(Tensor(S)).data, FORMULAS[make](S), 1e-7 if make is nn.PReLU else 1e-14)

    @every_activation
    def test_arrays_too(self, make):
        out = make()(S.reshape(2, 4))
        assert_close(out.data if isinstance(out, Tensor) else out, make()(Tensor(S.reshape(2, 4))).data, 1e-15)

    @every_activation
    def test_derivatives_to_second_order(self, make):
        check_module(make(), (3, 4), order=2)

    @every_activation
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_finite_with_finite_slopes_at_large_scores(self, make, dtype):
        s = Tensor(np.array([-1e4, -100.0, 100.0, 1e4], dtype), requires_grad=True)
        out = make()(s)
        out.sum().backward()
        assert np.all(np.isfinite(out.data))
        assert np.all(np.isfinite(s.grad))
        assert out.dtype == s.grad.dtype == dtype

    @every_activation
    def test_nan_stays_nan(self, make):
        assert np.isnan(make()(Tensor([np.nan, 1.0])).data[0])

    def test_each_has_a_name(self):
        classes = {type(make()) for make in FORMULAS}
        assert set(BY_NAME.values()) == classes
        for name in BY_NAME:
            assert nn.MLP([2, 3, 1], name, rng=0)(np.ones((4, 2), np.float32)).shape == (4, 1)

    def test_an_unknown_name_lists_the_known(self):
        with pytest.raises(TypeError, match=r"'rleu'.*'identity'.*'tanh'.*'relu'.*'gelu'.*'softmax'"):
            nn.MLP([2, 3, 1], "rleu")


class TestKinks:
    @pytest.mark.parametrize(
        ("module", "slope"),
        [
            (nn.ReLU(), 0),
            (nn.Sign(), 0),
            (nn.LeakyReLU(0.5), 0.75),
            (nn.PReLU(alpha=0.5), 0.75),
            (nn.ELU(), 1),
            (nn.ELU(0.5), 0.5),
            (nn.SELU(), 1.0507009873554805 * 1.6732632423543772),
        ],
        ids=repr,
    )
    def test_slope_at_0(self, module, slope):
        assert slopes(module, [0.0]) == slope

    def test_elu_with_alpha_1_has_no_jump(self):
        assert_close(slopes(nn.ELU(), [-1e-9, 0.0, 1e-9]), np.ones(3), 1e-8)


class TestLargeScores:
    """Values and slopes against their limits; relative where a limit is 0."""

    LARGE = np.array([-1e4, -40.0, 40.0, 1e4])
    TAIL = np.exp(-40.0)

    def test_sigmoid_keeps_small_values_and_slopes(self):
        assert_close(nn.Sigmoid()(self.LARGE), [0, self.TAIL, 1, 1], 1e-15)
        assert_close(nn.Sigmoid()(np.array([-40.0])), [self.TAIL], 1e-14)
        assert_close(slopes(nn.Sigmoid(), [-40.0, 40.0]), [self.TAIL, self.TAIL], 1e-14)
        assert_close(slopes(nn.Sigmoid(), [-1e4, 1e4]), [0, 0])

    @pytest.mark.parametrize("module", [nn.SiLU(), nn.GELU(), nn.GELU(exact=True), nn.Softplus(), nn.ReLU()], ids=repr)
    def test_rectifiers_are_0_or_s_in_the_end(self, module):
        np.testing.assert_array_equal(module(np.array([-1e4, 1e4])), [0, 1e4])
        np.testing.assert_array_equal(slopes(module, [-1e4, 1e4]), [0, 1])

    def test_softmax_of_large_scores(self):
        s = np.array([[1e4, -1e4, 0.0]])
        np.testing.assert_array_equal(nn.Softmax()(s), [[1, 0, 0]])
        np.testing.assert_array_equal(slopes(nn.Softmax(), s), np.zeros((1, 3)))


class TestDigitsFarOut:
    """Values and slopes beside those of 800 digits, all relative."""

    S = (-800.0, -45.0, -30.0, -1.0, -1e-9, 0.0, 1e-9, 2.0, 30.0, 45.0, 700.0)
    ROWS = ([0.0, 40.0, -3.0], [700.0, 0.0, -45.0], [1.0, 1.0, -60.0], [-1e-12, 0.0, -30.0], [5.0, 5.0, 5.0])

    @pytest.mark.parametrize("s", S)
    def test_log_sigmoid(self, s):
        with mpmath.workdps(800):
            e = mpmath.exp(mpmath.mpf(-s))
            value, slope, bend = -mpmath.log(1 + e), e / (1 + e), -e / (1 + e) ** 2
        f = lambda x: nn.LogSigmoid()(x)
        assert_close(f(np.array(s)), float(value), 1e-15)
        assert_close(slopes(f, s), float(slope), 4e-16)
        assert_close(elementwise_grad(elementwise_grad(f))(np.array(s)), float(bend), 1e-15)

    @pytest.mark.parametrize("row", ROWS)
    def test_log_softmax(self, row):
        with mpmath.workdps(800):
            powers = [mpmath.exp(mpmath.mpf(s)) for s in row]
            shares = [power / mpmath.fsum(powers) for power in powers]
            values = [float(mpmath.log(share)) for share in shares]
            by = [[float((i == k) - shares[i]) for i in range(3)] for k in range(3)]
            bends = [float(-share * (1 - share)) for share in shares]
        s = np.array(row)
        assert_close(nn.LogSoftmax()(s), values, 1e-15)
        for k in range(3):
            f = lambda s, k=k: nn.LogSoftmax()(s)[k]
            assert_close(grad(f)(s), by[k], 1e-15)
            assert_close(grad(lambda s, k=k, f=f: grad(f)(s)[k])(s)[k], bends[k], 1e-14)


def test_tanh_is_2_theta_of_2s_minus_1_and_so_is_its_slope():
    assert_close(nn.Tanh()(S), 2 * nn.Sigmoid()(2 * S) - 1, 1e-15)
    assert_close(slopes(nn.Tanh(), S), 4 * slopes(nn.Sigmoid(), 2 * S), 1e-15)


def test_softmax_sums_to_1_along_its_axis():
    s = np.random.default_rng(0).standard_normal((3, 4, 5))
    assert_close(np.sum(nn.Softmax(axis=1)(s), axis=1), np.ones((3, 5)), 1e-15)
    check_module(nn.Softmax(axis=0), (3, 2), order=2)


def test_gelu_is_as_near_to_the_exact_one_as_it_says():
    s = np.linspace(-10, 10, 100_001)
    off = np.max(np.abs(nn.GELU()(s) - nn.GELU(exact=True)(s)))
    assert 4.7e-4 < off < 4.8e-4


def test_sign_passes_no_gradient():
    model = nn.MLP([2, 3, 1], "sign", rng=0)
    nn.squared_error(model(np.ones((4, 2), np.float32)), np.ones((4, 1))).backward()
    assert not np.any(model[0].weights.grad)
    assert np.any(model[2].weights.grad)


class TestPReLU:
    def test_channels_of_images(self):
        images = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
        prelu = nn.PReLU(units=3, axis=1, dtype=float)
        prelu.alpha.data = np.array([0.1, 0.2, 0.3])
        expected = np.maximum(images, np.array([0.1, 0.2, 0.3])[:, None, None] * images)
        np.testing.assert_array_equal(prelu(images).data, expected)
        check_module(prelu, (2, 3, 2, 2), order=2)

    @pytest.mark.parametrize("shape", [(4, 1), (4, 5), (3, 4), ()])
    def test_another_number_of_units_is_refused_and_nothing_broadcasts(self, shape):
        model = nn.Sequential(nn.PReLU(units=3))
        with pytest.raises(ValueError, match=r"0: PReLU\(units=3, axis=-1\) was given scores of shape"):
            model(np.ones(shape, np.float32))

    @pytest.mark.parametrize("units", [0, -1, 2.5])
    def test_refuses_units(self, units):
        with pytest.raises(ValueError, match="number of units"):
            nn.PReLU(units=units)

    def test_above_1_the_maximum_takes_the_other_branch(self):
        s = np.array([-2.0, 3.0])
        np.testing.assert_array_equal(nn.PReLU(alpha=2.0)(s).data, [-2, 6])
        he = np.maximum(s, 0) + 2.0 * np.minimum(s, 0)
        np.testing.assert_array_equal(he, [-4, 3])


@pytest.mark.parametrize("alpha", [0.0, -1.0, np.nan, np.inf])
def test_elu_refuses_alphas(alpha):
    with pytest.raises(ValueError, match="positive"):
        nn.ELU(alpha)


@pytest.mark.parametrize("make", SMOOTH, ids=lambda make: make.__name__)
def test_smooth_ones_have_no_kink_at_0(make):
    check_derivatives(make(), np.zeros(2), order=2)


def test_exact_gelu_without_scipy_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"autograd-mini\[scipy\]"):
        nn.GELU(exact=True)


@pytest.mark.parametrize(("dtype", "size"), [(np.float16, 3e3), (np.float32, 1e30), (np.float64, 1e300)])
def test_gelu_is_right_at_any_size(dtype, size):
    s = Tensor(np.array([-size, size], dtype), requires_grad=True)
    out = nn.GELU()(s)
    out.sum().backward()
    np.testing.assert_array_equal(out.data, np.array([0, size], dtype))
    np.testing.assert_array_equal(s.grad, [0, 1])
