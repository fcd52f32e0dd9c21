"""Neural networks from autograd_mini's primitives: modules, activations, initial weights, losses, SGD."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from autograd_mini import __version__ as __version__
from autograd_mini import elsewhere as _elsewhere
from nn import elsewhere
from nn.cluster import Cluster, Shards
from nn.layers import (
    ELU,
    GELU,
    GRU,
    LSTM,
    MLP,
    RNN,
    SELU,
    AvgPool2d,
    BatchNorm,
    ChannelDropout,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    GroupNorm,
    GRUCell,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LogSigmoid,
    LogSoftmax,
    LSTMCell,
    Masking,
    MaxOverTime,
    MaxPool2d,
    MeanOverTime,
    MultiHeadAttention,
    PReLU,
    ReLU,
    Residual,
    RNNCell,
    Sequential,
    Sigmoid,
    Sign,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    WeightNorm,
    init,
)
from nn.lecture import perceptrons
from nn.lecture.perceptrons import Aggregation, Perceptron
from nn.losses import (
    absolute_error,
    cosine_distance,
    cross_entropy,
    hinge_loss,
    huber_loss,
    kl_divergence,
    logistic_loss,
    nll_loss,
    squared_error,
    unpadded,
)
from nn.module import Module
from nn.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Optimizer,
    Optimizers,
    RMSprop,
    clip_norm,
    clip_value,
    gauss_newton,
    minimize,
    normalise_gradients,
    schedules,
)
from nn.outputs import classify, probabilities
from nn.padding import pad_sequences, sequence_mask
from nn.parameter import Buffer, Parameter
from nn.signals.gradient_noise import gradient_noise
from nn.signals.measure import signals
from nn.training import data
from nn.training.callbacks import EarlyStopping, ReduceOnPlateau
from nn.training.data import DataLoader, minibatches
from nn.training.evaluation import evaluate, predict
from nn.training.fit import Training, fit
from nn.training.history import History
from nn.training.metrics import accuracy, confusion_matrix, f1, r2, sklearn_metric, top_k_accuracy
from nn.training.per_example import clip_examples, per_example_grad

if TYPE_CHECKING:
    from nn import changes
    from nn.lecture.boosting import boost
    from nn.lecture.pretraining import Autoencoder, pretrain
    from nn.models import from_torch, save_onnx, to_torch_state
    from nn.models.onnx import load_onnx
    from nn.signals.cures.tried import Tried, TriedRow
    from nn.signals.log import SignalLog
    from nn.signals.seen import ModelSignals
    from nn.training.checkpoints import load, load_weights, save, save_weights, torch_names

# What is written `nn.init.he` can be imported as such: `from nn.init import he`.
for _module in (data, init, perceptrons, schedules):
    sys.modules[f"nn.{_module.__name__.rpartition('.')[2]}"] = _module

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SELU",
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
    "Cluster",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "DataLoader",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianNoise",
    "GroupNorm",
    "History",
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
    "ModelSignals",
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
    "Shards",
    "SiLU",
    "Sigmoid",
    "Sign",
    "SignalLog",
    "Softmax",
    "Softplus",
    "Tanh",
    "Training",
    "Tried",
    "TriedRow",
    "WeightNorm",
    "absolute_error",
    "accuracy",
    "boost",
    "changes",
    "classify",
    "clip_examples",
    "clip_norm",
    "clip_value",
    "confusion_matrix",
    "cosine_distance",
    "cross_entropy",
    "data",
    "evaluate",
    "f1",
    "fit",
    "from_torch",
    "gauss_newton",
    "gradient_noise",
    "hinge_loss",
    "huber_loss",
    "init",
    "kl_divergence",
    "load",
    "load_onnx",
    "load_weights",
    "logistic_loss",
    "minibatches",
    "minimize",
    "nll_loss",
    "normalise_gradients",
    "pad_sequences",
    "per_example_grad",
    "perceptrons",
    "predict",
    "pretrain",
    "probabilities",
    "r2",
    "save",
    "save_onnx",
    "save_weights",
    "schedules",
    "sequence_mask",
    "signals",
    "sklearn_metric",
    "squared_error",
    "to_torch_state",
    "top_k_accuracy",
    "torch_names",
    "unpadded",
]

# What is written `nn.functional.relu` elsewhere says what to write here.
sys.modules.update({f"nn.{_name}": _family for _name, _family in elsewhere.families(__all__).items()})

# What not every program needs is imported when it is first asked for.
LATER = {
    "changes": "changes",
    "Autoencoder": "lecture.pretraining",
    "ModelSignals": "signals.seen",
    "SignalLog": "signals.log",
    "Tried": "signals.cures.tried",
    "TriedRow": "signals.cures.tried",
    "boost": "lecture.boosting",
    "from_torch": "models",
    "load": "training.checkpoints",
    "load_onnx": "models.onnx",
    "load_weights": "training.checkpoints",
    "pretrain": "lecture.pretraining",
    "save": "training.checkpoints",
    "save_onnx": "models",
    "save_weights": "training.checkpoints",
    "to_torch_state": "models",
    "torch_names": "training.checkpoints",
}


if not TYPE_CHECKING:  # to checkers no other name exists

    def __getattr__(name: str) -> Any:
        if name in elsewhere.FAMILIES:
            return sys.modules[f"nn.{name}"]
        if name not in LATER:
            raise _elsewhere.missing("nn", name, elsewhere.NN, __all__)
        module = importlib.import_module(f"nn.{LATER[name]}")
        return module if LATER[name] == name else getattr(module, name)

    def __dir__() -> list[str]:
        return sorted([*__all__, "__version__"])
