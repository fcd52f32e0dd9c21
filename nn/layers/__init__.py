"""What a network is made of: layers from primitives, each a module, and the weights that they start from.

No loss, no optimizer and no training.
"""

from typing import Any

from autograd_mini import elsewhere
from nn.elsewhere import NN
from nn.layers.activations import (
    ELU,
    GELU,
    SELU,
    Identity,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    PReLU,
    ReLU,
    Sigmoid,
    Sign,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nn.layers.attention import MultiHeadAttention
from nn.layers.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from nn.layers.embedding import Embedding
from nn.layers.linear import MLP, Flatten, Linear, Residual, Sequential
from nn.layers.normalization import BatchNorm, GroupNorm, LayerNorm, WeightNorm
from nn.layers.over_time import MaxOverTime, MeanOverTime
from nn.layers.pooling import AvgPool2d, MaxPool2d
from nn.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from nn.layers.regularization import ChannelDropout, Dropout, GaussianNoise, Masking

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SELU",
    "AvgPool2d",
    "BatchNorm",
    "ChannelDropout",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianNoise",
    "GroupNorm",
    "Identity",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Masking",
    "MaxOverTime",
    "MaxPool2d",
    "MeanOverTime",
    "MultiHeadAttention",
    "PReLU",
    "RNNCell",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Sign",
    "Softmax",
    "Softplus",
    "Tanh",
    "WeightNorm",
]


def __getattr__(name: str) -> Any:
    raise elsewhere.missing("nn.layers", name, NN, __all__)
