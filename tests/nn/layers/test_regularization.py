"""Dropout, noise and masks: what they do in training, that they do nothing in evaluation, seeds, mistakes."""

import numpy as np
import pytest

import nn

ONES = np.ones((4000, 3), np.float32)
CORRUPTIONS = [nn.Dropout, nn.ChannelDropout, nn.GaussianNoise, nn.Masking]


@pytest.fixture
def layer(kind):
    return kind(0.3, rng=0)


@pytest.mark.parametrize("kind", CORRUPTIONS)
class TestEvery:
    def test_passes_its_input_in_evaluation(self, layer):
        x = np.ones((2, 3, 4))
        assert nn.Sequential(layer).eval()(x) is x

    def test_same_seed_same_bits(self, layer):
        x = np.ones((2, 3, 4))
        runs = []
        for _ in range(2):
            layer.rng = np.random.default_rng(5)
            runs.append(layer(x))
        np.testing.assert_array_equal(*runs)
        assert not np.array_equal(layer(x), runs[0])

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_keeps_the_dtype(self, layer, dtype):
        assert layer(np.ones((2, 3, 4), dtype)).dtype == dtype


def test_dropout_drops_its_share_and_keeps_the_mean():
    out = nn.Dropout(0.3, rng=0)(ONES)
    assert np.mean(out == 0) == pytest.approx(0.3, abs=0.02)
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.7)}
    assert out.mean() == pytest.approx(1, abs=0.02)


def test_the_gradient_is_dropped_with_its_unit():
    layer = nn.Linear(1, 50, rng=0)
    out = nn.Dropout(0.5, rng=0)(layer(np.ones((1, 1), np.float32)))
    out.sum().backward()
    np.testing.assert_array_equal(layer.bias.grad, np.where(out.data[0] == 0, 0, 2))


def test_channels_drop_whole():
    out = nn.ChannelDropout(0.5, rng=0)(np.ones((50, 4, 3, 3)))
    means = out.mean((2, 3))
    assert set(np.unique(means)) == {0.0, 2.0}


def test_masking_does_not_rescale():
    assert set(np.unique(nn.Masking(0.3, rng=0)(ONES))) == {np.float32(0), np.float32(1)}


def test_noise_has_its_deviation():
    assert np.std(nn.GaussianNoise(0.5, rng=0)(ONES) - 1) == pytest.approx(0.5, rel=0.05)


def test_nothing_dropped_is_the_input():
    assert nn.Dropout(0)(ONES) is ONES


def test_signals_leaves_the_generator():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Dropout(0.5, rng=3), nn.Linear(4, 1, rng=1))
    nn.signals(model, nn.squared_error, ONES[:8], np.ones((8, 1)))
    assert model[1].rng.random() == np.random.default_rng(3).random()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.Dropout(1), "Dropout(1): the share"),
        (lambda: nn.ChannelDropout(-0.1), "ChannelDropout(-0.1)"),
        (lambda: nn.Masking(float("nan")), "Masking(nan)"),
        (lambda: nn.GaussianNoise(-1), "GaussianNoise(std=-1)"),
        (lambda: nn.ChannelDropout(0.5)(np.ones((3, 4))), "shape (3, 4), which has no channels"),
    ],
)
def test_mistakes_say_what_to_write(make, says):
    with pytest.raises(ValueError) as caught:
        make()
    assert says in str(caught.value)
