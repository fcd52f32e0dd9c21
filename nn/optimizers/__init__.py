"""How weights change: the rules, their rates over time, clipping, and minimisers that see the whole loss.

An optimizer knows parameters and gradients, no loss function and no data.
"""

from typing import Any

from autograd_mini import elsewhere
from nn.elsewhere import NN
from nn.optimizers.clipping import clip_norm, clip_value, normalise_gradients
from nn.optimizers.gauss_newton import gauss_newton
from nn.optimizers.minimize import minimize
from nn.optimizers.optimizer import Optimizer, Optimizers
from nn.optimizers.rules import SGD, AdaGrad, Adam, AdamW, RMSprop

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "Optimizers",
    "RMSprop",
    "clip_norm",
    "clip_value",
    "gauss_newton",
    "minimize",
    "normalise_gradients",
]


def __getattr__(name: str) -> Any:
    raise elsewhere.missing("nn.optimizers", name, NN, __all__)
