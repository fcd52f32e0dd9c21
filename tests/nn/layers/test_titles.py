"""What errors call a layer: the same everywhere, `path: Layer(sizes)`."""

import copy

import numpy as np
import pytest

import nn

WRONG = {  # each layer, what does not fit it, and what it is called
    "Linear(3, 2)": (nn.Linear(3, 2), np.ones((4, 5))),
    "Flatten": (nn.Flatten(), np.float64(1)),
    "Residual": (nn.Residual(nn.Linear(3, 2)), np.ones((4, 3))),
    "Embedding": (nn.Embedding(3, 2), np.array([0.5])),
    "Embedding(3, 2)": (nn.Embedding(3, 2), np.array([5])),
    "LayerNorm(3)": (nn.LayerNorm(3), np.ones((4, 5))),
    "GroupNorm(1, 3)": (nn.GroupNorm(1, 3), np.ones((4, 5))),
    "BatchNorm(3)": (nn.BatchNorm(3), np.ones((4, 5))),
    "PReLU(units=3, axis=-1)": (nn.PReLU(units=3), np.ones((4, 5))),
    "ChannelDropout": (nn.ChannelDropout(0.5), np.ones((4, 5))),
    "Conv2d": (nn.Conv2d(3, 2, 1), np.ones((4, 5))),
    "Conv1d": (nn.Conv1d(3, 2, 1), np.ones((4, 5))),
    "ConvTranspose1d": (nn.ConvTranspose1d(3, 2, 1), np.ones((4, 5))),
    "ConvTranspose2d": (nn.ConvTranspose2d(3, 2, 1), np.ones((4, 5))),
    "MaxPool2d": (nn.MaxPool2d(2), np.ones((4, 5))),
    "RNN(3, 2)": (nn.RNN(3, 2), np.ones((4, 5))),
    "GRU(3, 2)": (nn.GRU(3, 2), np.ones((4, 5))),
    "LSTM(3, 2)": (nn.LSTM(3, 2), np.ones((4, 5))),
    "MultiHeadAttention(4)": (nn.MultiHeadAttention(4), np.ones((4, 5))),
    "Perceptron": (nn.Perceptron([1, 2]), np.ones((4, 5))),
}


@pytest.mark.parametrize("title", WRONG)
def test_an_error_begins_with_the_layer_and_in_a_model_with_its_place(title):
    layer, x = WRONG[title]
    assert message(copy.deepcopy(layer), x).startswith(title)
    assert message(nn.Sequential(copy.deepcopy(layer)), x).startswith(f"0: {title}")


def message(model, x):
    with pytest.raises((ValueError, TypeError)) as caught:
        model(x)
    return str(caught.value)
