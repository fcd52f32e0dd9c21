"""Batch, layer and weight normalisation: their formulas, their derivatives, what they keep, what they refuse."""

import numpy as np
import pytest

import nn
from autograd_mini import Tensor
from autograd_mini.testing import check_module

RNG = np.random.default_rng(0)


def standard(x, axes):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


class TestBatchNorm:
    @pytest.mark.parametrize(
        ("shape", "axis", "others"), [((6, 3), 1, (0,)), ((4, 3, 2, 2), 1, (0, 2, 3)), ((2, 5, 3), -1, (0, 1))]
    )
    def test_standardises_each_unit_over_the_batch(self, shape, axis, others):
        x = RNG.standard_normal(shape)
        layer = nn.BatchNorm(3, axis=axis, dtype=float)
        layer.gain.data, layer.bias.data = np.array([1.0, 2, 3]), np.array([0.5, 0, -1])
        column = (3,) if axis == -1 else (3, *[1] * (len(shape) - 2))
        want = standard(x, others) * layer.gain.data.reshape(column) + layer.bias.data.reshape(column)
        np.testing.assert_allclose(layer(x).data, want, rtol=1e-12)

    def test_a_large_batch_far_from_0_keeps_its_digits(self):
        x = (RNG.standard_normal((50_000, 2)) + 1e4).astype(np.float32)
        layer, want = nn.BatchNorm(2, momentum=1.0), standard(x.astype(float), (0,))
        np.testing.assert_allclose(layer(x).data, want, atol=0.01)
        np.testing.assert_allclose(layer.mean.data, x.mean(0, dtype=float), rtol=1e-7)
        np.testing.assert_allclose(layer.variance.data, x.var(0, dtype=float), rtol=1e-3)

    def test_evaluates_with_running_statistics(self):
        x = RNG.standard_normal((50, 3)) * 2 + 1
        layer = nn.BatchNorm(3, momentum=0.2, dtype=float)
        for _ in range(200):
            layer(x)
        np.testing.assert_allclose(layer.mean.data, x.mean(0))
        np.testing.assert_allclose(layer.variance.data, x.var(0, ddof=1))
        want = (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + 1e-5)
        np.testing.assert_allclose(layer.eval()(x).data, want, rtol=1e-10)

    def test_evaluation_leaves_the_statistics(self):
        layer = nn.BatchNorm(3).eval()
        layer(RNG.standard_normal((5, 3)))
        assert not np.any(layer.mean.data)

    def test_derivatives(self):
        check_module(nn.BatchNorm(3), (5, 3))
        check_module(nn.BatchNorm(2), (2, 2, 3, 2))

    def test_float32_stays(self):
        layer = nn.BatchNorm(3)
        assert layer(np.ones((4, 3), np.float32)).dtype == np.float32
        assert layer.mean.dtype == np.float32

    @pytest.mark.parametrize("shape", [(1, 3), (0, 3)])
    def test_one_value_has_no_variance(self, shape):
        with pytest.raises(ValueError, match=r"one value for each unit has no variance.*model.eval\(\)"):
            nn.BatchNorm(3)(np.ones(shape))
        assert nn.BatchNorm(3).eval()(np.ones(shape)).shape == shape

    def test_a_batch_that_is_not_finite_does_not_last(self):
        layer = nn.BatchNorm(3)
        layer(RNG.standard_normal((5, 3)))
        before = layer.state_dict()
        for wrong in (np.nan, np.inf):
            with np.errstate(invalid="ignore"):
                layer(np.array([[wrong, 1, 2], [0, 1, 2]]))
        for name, values in layer.state_dict().items():
            np.testing.assert_array_equal(values, before[name])

    def test_statistics_are_state(self):
        layer, other = nn.BatchNorm(3), nn.BatchNorm(3)
        layer(RNG.standard_normal((5, 3)))
        other.load_state_dict(layer.state_dict())
        np.testing.assert_array_equal(other.variance.data, layer.variance.data)

    def test_signals_leaves_the_statistics(self):
        model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm(4), nn.Tanh(), nn.Linear(4, 1, rng=1))
        before = model.state_dict()
        nn.signals(model, nn.squared_error, RNG.standard_normal((6, 3)), np.ones((6, 1)))
        for name, values in model.state_dict().items():
            np.testing.assert_array_equal(values, before[name])


class TestLayerNorm:
    def test_standardises_each_example(self):
        x = RNG.standard_normal((2, 4, 3))
        np.testing.assert_allclose(nn.LayerNorm(3, dtype=float)(x).data, standard(x, -1), rtol=1e-12)

    def test_derivatives(self):
        check_module(nn.LayerNorm(4), (3, 4))

    def test_a_constant_row_becomes_the_bias(self):
        x = Tensor(np.full((1, 3), 7.0), requires_grad=True)
        out = nn.LayerNorm(3)(x)
        assert not np.any(out.data)
        out.sum().backward()
        assert np.all(np.isfinite(x.grad))


class TestGroupNorm:
    @pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3), (2, 4, 3, 2)])
    def test_standardises_each_group_of_each_example(self, shape):
        x = 5 + RNG.standard_normal(shape)
        layer = nn.GroupNorm(2, 4, dtype=float)
        layer.gain.data, layer.bias.data = np.array([1.0, 2, 3, 4]), np.array([0.5, 0, -1, 2])
        places = tuple(range(2, len(shape)))
        parts = np.split(x, 2, axis=1)
        column = (4, *[1] * len(places))
        want = np.concatenate([standard(part, (1, *places)) for part in parts], axis=1)
        want = want * layer.gain.data.reshape(column) + layer.bias.data.reshape(column)
        np.testing.assert_allclose(layer(x).data, want, rtol=1e-12)
        np.testing.assert_array_equal(layer.eval()(x[:1]).data, layer(x).data[:1])

    def test_one_group_of_rows_is_a_layer_norm(self):
        x = RNG.standard_normal((3, 4)).astype(np.float32)
        np.testing.assert_array_equal(nn.GroupNorm(1, 4)(x).data, nn.LayerNorm(4)(x).data)
        assert nn.GroupNorm(1, 4)(x).dtype == np.float32

    def test_derivatives(self):
        check_module(nn.GroupNorm(2, 4), (2, 4, 2))

    def test_signals_take_it_for_a_normalisation(self):
        """What it does to the signal is neither slope nor weights but the rest, and together they are the gain."""
        model = nn.Sequential(
            nn.Conv1d(2, 4, 3, rng=0), nn.GroupNorm(2, 4), nn.Tanh(), nn.Flatten(), nn.Linear(12, 1, rng=1)
        )
        model[0].weights.data *= 100
        first = nn.signals(model, nn.squared_error, RNG.standard_normal((6, 2, 5)), np.ones((6, 1))).layers[0]
        assert 0 < first.rest < 0.05
        product = first.slope * first.alignment * first.scale * first.direction * first.rest
        assert product == pytest.approx(first.gain, rel=1e-5)


class TestWeightNorm:
    def test_starts_as_the_layer_it_was_given(self):
        layer, x = nn.Linear(3, 2, rng=0), RNG.standard_normal((4, 3)).astype(np.float32)
        normed = nn.WeightNorm(layer)
        np.testing.assert_allclose(normed(x).data, layer(x).data, rtol=1e-5)
        assert [name for name, _ in normed.named_parameters()] == ["layer.bias", "direction", "length"]
        assert [name for name, _ in layer.named_parameters()] == ["weights", "bias"]

    def test_a_convolution_has_one_length_for_each_filter(self):
        conv = nn.Conv2d(2, 5, 3, rng=0)
        normed = nn.WeightNorm(conv)
        lengths = np.linalg.norm(conv.weights.data.reshape(5, -1), axis=1)
        np.testing.assert_allclose(normed.length.data, lengths, rtol=1e-6)

    def test_the_gradient_is_at_right_angles_to_the_direction(self):
        normed = nn.WeightNorm(nn.Linear(3, 2, rng=0, dtype=float))
        normed(RNG.standard_normal((4, 3))).sum().backward()
        np.testing.assert_allclose(np.sum(normed.direction.grad * normed.direction.data, 0), 0, atol=1e-14)

    def test_derivatives(self):
        check_module(nn.WeightNorm(nn.Linear(3, 2, rng=0)), (4, 3))

    def test_needs_weights(self):
        with pytest.raises(TypeError, match="Tanh, which has no parameter `weights`"):
            nn.WeightNorm(nn.Tanh())

    def test_weights_of_zero_have_no_direction(self):
        with pytest.raises(ValueError, match="2 of 2 units are 0"):
            nn.WeightNorm(nn.Linear(3, 2, init=nn.init.small_random(0)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.BatchNorm(0), "BatchNorm(units=0)"),
        (lambda: nn.LayerNorm(2.5), "LayerNorm(units=2.5)"),
        (lambda: nn.LayerNorm(2, epsilon=0), "must be positive"),
        (lambda: nn.BatchNorm(2, momentum=2), "momentum=2"),
        (lambda: nn.GroupNorm(3, 4), "3 does not divide 4"),
        (lambda: nn.GroupNorm(0, 4), "GroupNorm(groups=0, units=4)"),
        (lambda: nn.GroupNorm(2, 4)(np.ones((5, 6, 2))), "Build the layer as `GroupNorm(2, 6)`"),
        (lambda: nn.BatchNorm(3)(np.ones((5, 4))), "Build the layer as `BatchNorm(4, axis=1)`"),
        (lambda: nn.BatchNorm(3)(np.ones(3)), "shape (3,), which has not 3 entries along axis 1"),
        (lambda: nn.LayerNorm(3)(np.ones((5, 4))), "`LayerNorm(4)`"),
        (lambda: nn.Sequential(nn.Tanh(), nn.LayerNorm(3))(np.ones((5, 4))), "1: LayerNorm(3)"),
    ],
)
def test_mistakes_say_what_to_write(make, says):
    with pytest.raises(ValueError) as caught:
        make()
    assert says in str(caught.value)
