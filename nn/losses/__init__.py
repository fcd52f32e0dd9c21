"""Losses: how far a batch of outputs is from its targets. This page lists them; the files below are by topic."""

from typing import Any

from autograd_mini import elsewhere
from nn.elsewhere import NN
from nn.losses.classification import cross_entropy, hinge_loss, kl_divergence, logistic_loss, nll_loss
from nn.losses.padded import unpadded
from nn.losses.regression import absolute_error, cosine_distance, huber_loss, squared_error

__all__ = [
    "absolute_error",
    "cosine_distance",
    "cross_entropy",
    "hinge_loss",
    "huber_loss",
    "kl_divergence",
    "logistic_loss",
    "nll_loss",
    "squared_error",
    "unpadded",
]


def __getattr__(name: str) -> Any:
    raise elsewhere.missing("nn.losses", name, NN, __all__)
