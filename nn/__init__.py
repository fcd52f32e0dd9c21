"""Neural networks from autograd_mini's primitives: modules, activations, initial weights, losses, SGD."""

from nn import data, init, perceptrons, schedules
from nn.activations import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    Sign,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nn.attention import MultiHeadAttention
from nn.boosting import boost
from nn.callbacks import EarlyStopping, ReduceOnPlateau
from nn.checkpoints import load, load_weights, save, save_weights, torch_names
from nn.clipping import clip_norm, clip_value, normalise_gradients
from nn.convolution import Conv2d
from nn.data import DataLoader, minibatches
from nn.embedding import Embedding
from nn.evaluation import evaluate, predict
from nn.history import History
from nn.layers import MLP, Flatten, Linear, Residual, Sequential
from nn.losses import (
    absolute_error,
    cosine_distance,
    cross_entropy,
    hinge_loss,
    huber_loss,
    kl_divergence,
    logistic_loss,
    squared_error,
)
from nn.metrics import accuracy, r2
from nn.minimize import minimize
from nn.module import Module
from nn.normalization import BatchNorm, LayerNorm, WeightNorm
from nn.optim import SGD, AdaGrad, Adam, AdamW, RMSprop
from nn.optimizer import Optimizer, Optimizers
from nn.outputs import classify, probabilities
from nn.parameter import Buffer, Parameter
from nn.perceptrons import Aggregation, Perceptron
from nn.pooling import AvgPool2d, MaxPool2d
from nn.pretraining import Autoencoder, pretrain
from nn.recurrent import GRU, RNN, GRUCell, RNNCell
from nn.regularization import ChannelDropout, Dropout, GaussianNoise, Masking
from nn.signal_log import SignalLog
from nn.signals import signals
from nn.training import Training, fit

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "MLP",
    "RNN",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Aggregation",
    "Autoencoder",
    "AvgPool2d",
    "BatchNorm",
    "Buffer",
    "ChannelDropout",
    "Conv2d",
    "DataLoader",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianNoise",
    "History",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Masking",
    "MaxPool2d",
    "Module",
    "MultiHeadAttention",
    "Optimizer",
    "Optimizers",
    "PReLU",
    "Parameter",
    "Perceptron",
    "RMSprop",
    "RNNCell",
    "ReLU",
    "ReduceOnPlateau",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Sign",
    "SignalLog",
    "Softmax",
    "Softplus",
    "Tanh",
    "Training",
    "WeightNorm",
    "absolute_error",
    "accuracy",
    "boost",
    "classify",
    "clip_norm",
    "clip_value",
    "cosine_distance",
    "cross_entropy",
    "data",
    "evaluate",
    "fit",
    "hinge_loss",
    "huber_loss",
    "init",
    "kl_divergence",
    "load",
    "load_weights",
    "logistic_loss",
    "minibatches",
    "minimize",
    "normalise_gradients",
    "perceptrons",
    "predict",
    "pretrain",
    "probabilities",
    "r2",
    "save",
    "save_weights",
    "schedules",
    "signals",
    "squared_error",
    "torch_names",
]
