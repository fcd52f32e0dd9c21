"""The options that both estimators have: what they mean and what is in range. Nothing is trained here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import nn

OPTION = "{name}({option}={got!r}): write {want}."

SOLVERS: dict[str, Callable[..., Any]] = {"adam": nn.Adam, "sgd": nn.SGD}

SHARED = """
    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The widths of the hidden layers; () for none.
    activation : str, callable or Module
        After each hidden layer: a name, class or module that `nn.MLP` takes; "logistic" is "sigmoid".
    solver : {"adam", "sgd"} or callable
        The optimizer: `nn.Adam`, `nn.SGD`, or what is called as
        `solver(parameters, learning_rate=..., weight_decay=...)`, such as `nn.AdamW`.
    alpha : float
        The penalty on large weights: alpha / (2 n) times the sum of their squares is added to the loss of a batch of n
        examples. (It enters as a weight decay, so of biases too.)
    batch_size : int or "auto"
        Examples in a batch; "auto" is 200, or all if they are fewer.
    learning_rate_init : float or callable
        The learning rate, or a schedule from the number of steps taken to a rate, such as `nn.schedules` makes.
    max_iter : int
        The largest number of epochs.
    shuffle : bool
        Draw a new order of the examples for each epoch.
    random_state : int, RandomState or None
        Decides the weights, the order and the held-out examples: the same int gives the same bits.
    tol : float
        The least improvement that counts.
    verbose : bool
        Show a progress bar (needs the extra `progress`).
    warm_start : bool
        Let `fit` go on from the network of the `fit` before.
    momentum, nesterovs_momentum : float, bool
        Of "sgd".
    early_stopping : bool
        Stop by the score of held-out examples, not by the training loss, and return to the epoch of the best score.
    validation_fraction : float
        The share that is held out.
    n_iter_no_change : int
        Stop when more than so many epochs in a row did not improve by `tol`.
"""

NETWORK_OPTION = """    network : callable, optional
        Makes another network than an MLP: `network(sizes, rng)` returns an `nn.Module` from sizes[0] inputs to
        sizes[-1] outputs (`hidden_layer_sizes` stand between); `activation` is not used then.
"""

ATTRIBUTES = """
    n_features_in_, feature_names_in_ : int, ndarray
        Features seen by `fit`; their names if all are strings.
    n_outputs_ : int
        Outputs of the network.
    n_iter_ : int
        Epochs of the last `fit`.
    loss_, best_loss_, loss_curve_ : float, float, list
        The training loss of the last epoch, the best, and all of them.
    best_validation_score_, validation_scores_ : float, list
        With early stopping, else None.
"""

Bounds = tuple[str, Callable[[Any], bool]]
POSITIVE: Bounds = "a number above 0", lambda value: 0 < value < math.inf
NOT_NEGATIVE: Bounds = "a number that is not negative", lambda value: 0 <= value < math.inf
COUNT: Bounds = "a whole number from 1 on", lambda value: int(value) == value >= 1
FLAG: Bounds = "True or False", lambda value: isinstance(value, bool | np.bool_)
SHARE: Bounds = "a number above 0 and below 1", lambda value: 0 < value < 1
OPTIONS: dict[str, Bounds] = {
    "hidden_layer_sizes": ("the widths of the hidden layers, such as (100,)", lambda value: widths(value) is not None),
    "solver": ("'adam', 'sgd', or an optimizer such as nn.AdamW", lambda value: callable(value) or value in SOLVERS),
    "alpha": NOT_NEGATIVE,
    "batch_size": ("'auto' or a whole number from 1 on", lambda value: value == "auto" or COUNT[1](value)),
    "learning_rate_init": (
        "a number above 0, or a schedule such as nn.schedules.cosine(0.01, steps=1000)",
        lambda value: callable(value) or POSITIVE[1](value),
    ),
    "max_iter": COUNT,
    "shuffle": FLAG,
    "tol": NOT_NEGATIVE,
    "warm_start": FLAG,
    "momentum": ("a number from 0 on and below 1", lambda value: 0 <= value < 1),
    "nesterovs_momentum": FLAG,
    "early_stopping": FLAG,
    "validation_fraction": SHARE,
    "n_iter_no_change": ("a whole number from 1 on, or np.inf", lambda value: value == math.inf or COUNT[1](value)),
    "network": (
        "a function of the sizes and a generator that makes a module, or None",
        lambda value: value is None or (callable(value) and not isinstance(value, nn.Module)),
    ),
}


def widths(sizes: Any) -> list[int]:
    """The widths of the hidden layers, of which there may be none."""
    found = [int(size) for size in np.atleast_1d(sizes)]
    if any(size < 1 for size in found) or np.any(np.atleast_1d(sizes) != found):
        raise ValueError
    return found


def check_options(estimator: Any) -> None:
    """Refuse what is out of range."""
    for option, (want, holds) in OPTIONS.items():
        value = getattr(estimator, option)
        try:
            fits = holds(value) and (holds is FLAG[1] or not isinstance(value, bool))
        except (TypeError, ValueError, OverflowError):
            fits = False
        if not fits:
            raise ValueError(OPTION.format(name=type(estimator).__name__, option=option, got=value, want=want))
