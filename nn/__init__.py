"""Neural networks from autograd_mini's primitives: modules, activations, initial weights, losses, SGD."""

from nn import data, init, perceptrons
from nn.activations import LeakyReLU, PReLU, ReLU, Tanh
from nn.data import DataLoader, minibatches
from nn.layers import MLP, Linear, Sequential
from nn.losses import cross_entropy, squared_error
from nn.module import Module
from nn.optim import SGD, Optimizer
from nn.parameter import Buffer, Parameter
from nn.perceptrons import Aggregation, Perceptron
from nn.signal_log import SignalLog
from nn.signals import signals

__all__ = [
    "MLP",
    "SGD",
    "Aggregation",
    "Buffer",
    "DataLoader",
    "LeakyReLU",
    "Linear",
    "Module",
    "Optimizer",
    "PReLU",
    "Parameter",
    "Perceptron",
    "ReLU",
    "Sequential",
    "SignalLog",
    "Tanh",
    "cross_entropy",
    "data",
    "init",
    "minibatches",
    "perceptrons",
    "signals",
    "squared_error",
]
