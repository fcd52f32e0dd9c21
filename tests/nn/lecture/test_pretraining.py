"""Layer-wise pre-training: what it learns, what it leaves alone, seeds, mistakes."""

import numpy as np
import pytest

import nn

X = np.random.default_rng(0).standard_normal((120, 6)).astype(np.float32)


def deep(**options):
    return nn.MLP([6, 6, 6, 6, 2], init=nn.init.small_random(0.05), rng=0, **options)


def test_each_block_learns_to_keep_its_input():
    errors = nn.pretrain(deep(), X, epochs=30, rng=0)
    assert len(errors) == 3
    assert all(error[-1] < error[0] / 2 for error in errors)


def test_signals_pass_afterwards():
    model = deep()
    y = np.ones((120, 2))
    before = nn.signals(model, nn.squared_error, X, y).layers
    nn.pretrain(model, X, epochs=30, rng=0)
    after = nn.signals(model, nn.squared_error, X, y).layers
    gains = [layers[0].g.rms / layers[-1].g.rms for layers in (before, after)]
    assert gains[1] > 10 * gains[0]


def test_the_output_layer_stays():
    model = deep()
    before = model[-1].weights.data.copy()
    nn.pretrain(model, X, epochs=1, rng=0)
    np.testing.assert_array_equal(model[-1].weights.data, before)


def test_same_seed_same_bits():
    runs = []
    for _ in range(2):
        model = deep()
        nn.pretrain(model, X, epochs=2, corruption=nn.Masking(0.3, rng=1), rng=5)
        runs.append(model.state_dict())
    for name, values in runs[0].items():
        np.testing.assert_array_equal(values, runs[1][name])


def test_blocks_of_a_model_of_ones_own():
    blocks = [nn.Sequential(nn.Linear(6, 4, rng=0), nn.ReLU()), nn.Sequential(nn.Linear(4, 3, rng=1), nn.Tanh())]
    assert len(nn.pretrain(blocks, X, epochs=2, rng=0)) == 2


def test_a_denoising_autoencoder_corrupts_in_training_alone():
    model = nn.Autoencoder(nn.Linear(6, 6, rng=0), nn.Linear(6, 6, rng=1), nn.Masking(0.5, rng=0))
    assert not np.array_equal(model(X).data, model(X).data)
    model.eval()
    np.testing.assert_array_equal(model(X).data, model.decoder(model.encoder(X)).data)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.pretrain(nn.MLP([6, 2]), X), "no hidden layers in MLP"),
        (lambda: nn.pretrain(nn.Tanh(), X), "no hidden layers in Tanh"),
        (lambda: nn.pretrain([], X), "no hidden layers in list"),
        (lambda: nn.pretrain(deep(), X[0]), "inputs of shape (6,)"),
        (lambda: nn.pretrain(deep(), X[:0]), "inputs of shape (0, 6)"),
    ],
)
def test_mistakes_say_what_to_write(call, says):
    with pytest.raises(ValueError) as caught:
        call()
    assert says in str(caught.value)


def test_an_error_that_explodes_is_found_out():
    with pytest.raises(FloatingPointError, match="loss is inf"), np.errstate(all="ignore"):
        nn.pretrain(deep(activation="relu"), 1e30 * X, rng=0)
