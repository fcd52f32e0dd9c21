"""The options that both estimators have: what they mean and what is in range. Nothing is trained here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import nn

OPTION = "{name}({option}={got!r}): write {want}."

RATES = "constant", "invscaling", "adaptive"
SOLVERS: dict[str, Callable[..., Any]] = {"adam": nn.Adam, "sgd": nn.SGD}

SHARED = """
    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The widths of the hidden layers; () for none.
    activation : str, callable or Module
        After each hidden layer: a name, class or module that `nn.MLP` takes; "logistic" is "sigmoid".
    solver : {"adam", "sgd", "lbfgs"} or callable
        The optimizer: `nn.Adam`, `nn.SGD`, or what is called as
        `solver(parameters, learning_rate=..., weight_decay=...)`, such as `nn.AdamW`. "lbfgs" is `nn.minimize` on all
        examples at once, good where they are few; what is about batches, learning rates and early stopping is then
        not used.
    alpha : float
        The penalty on large weights: alpha / (2 n) times the sum of their squares is added to the loss of a batch of n
        examples. (But for "lbfgs" it enters as a weight decay, so of biases too.)
    batch_size : int or "auto"
        Examples in a batch; "auto" is 200, or all if they are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}
        Of "sgd". "invscaling": `learning_rate_init / (t + 1) ** power_t` after each epoch, where t examples were seen
        until then. "adaptive": where training would stop, the rate is divided by 5, and it stops below 1e-6.
    learning_rate_init : float or callable
        The learning rate, or a schedule from the number of steps taken to a rate, such as `nn.schedules` makes.
    power_t : float
        Of "invscaling".
    max_iter : int
        The largest number of epochs, or of the iterations of "lbfgs".
    shuffle : bool
        Draw a new order of the examples for each epoch.
    random_state : int, RandomState or None
        Decides the weights, the order and the held-out examples: the same int gives the same bits.
    tol : float
        The least improvement that counts; for "lbfgs", the largest entry that the gradient may have at the end.
    verbose : bool
        Show a progress bar of the epochs (needs the extra `progress`).
    warm_start : bool
        Let `fit` go on from the network of the `fit` before.
    momentum, nesterovs_momentum : float, bool
        Of "sgd".
    early_stopping : bool
        Stop by the score of held-out examples, not by the training loss, and return to the epoch of the best score.
    validation_fraction : float
        The share that is held out.
    beta_1, beta_2, epsilon : float
        Of "adam": the `betas` and `eps` of `nn.Adam`.
    n_iter_no_change : int
        Stop when more than so many epochs in a row did not improve by `tol`.
    max_fun : int
        Of "lbfgs": how often the loss may be computed.
    compile : bool or dict
        Run the steps of "adam" and "sgd" as NumPy programs, to the same bits; a dict has options. See `nn.fit`.
"""

NETWORK_OPTION = """    network : callable, optional
        Makes another network than an MLP: `network(sizes, rng)` returns an `nn.Module` from sizes[0] inputs to
        sizes[-1] outputs (`hidden_layer_sizes` stand between); `activation` is not used then.
"""

ATTRIBUTES = """
    n_features_in_, feature_names_in_ : int, ndarray
        Features seen by `fit`; their names if all are strings.
    coefs_, intercepts_ : list of ndarray
        The weights, shape (inputs, outputs), and the bias of each layer: the arrays of `model_`, if it is an `nn.MLP`.
    n_layers_, n_outputs_ : int
        Layers of the network, that of the inputs included; its outputs.
    out_activation_ : str
        What makes predictions of outputs: "identity", "logistic" or "softmax".
    n_iter_, t_ : int
        Epochs or iterations of the last `fit`; how many examples were seen in all.
    loss_, best_loss_, loss_curve_ : float, float, list
        The training loss of the last epoch or iteration, the best, and all of them. ("lbfgs": with the penalty.)
    best_validation_score_, validation_scores_ : float, list
        With early stopping, else None.
"""

Bounds = tuple[str, Callable[[Any], bool]]
POSITIVE: Bounds = "a number above 0", lambda value: 0 < value < math.inf
NOT_NEGATIVE: Bounds = "a number that is not negative", lambda value: 0 <= value < math.inf
COUNT: Bounds = "a whole number from 1 on", lambda value: int(value) == value >= 1
FLAG: Bounds = "True or False", lambda value: isinstance(value, bool | np.bool_)
COMPILING: Bounds = "True, False, or a dict of options", lambda value: FLAG[1](value) or isinstance(value, dict)
BELOW_1: Bounds = "a number from 0 on and below 1", lambda value: 0 <= value < 1
SHARE: Bounds = "a number above 0 and below 1", lambda value: 0 < value < 1
OPTIONS: dict[str, Bounds] = {
    "hidden_layer_sizes": ("the widths of the hidden layers, such as (100,)", lambda value: widths(value) is not None),
    "solver": (
        "'adam', 'sgd', 'lbfgs', or an optimizer such as nn.AdamW",
        lambda value: callable(value) or value in {*SOLVERS, "lbfgs"},
    ),
    "alpha": NOT_NEGATIVE,
    "batch_size": ("'auto' or a whole number from 1 on", lambda value: value == "auto" or COUNT[1](value)),
    "learning_rate": ("'constant', 'invscaling' or 'adaptive'", lambda value: value in RATES),
    "power_t": NOT_NEGATIVE,
    "learning_rate_init": (
        "a number above 0, or a schedule such as nn.schedules.cosine(0.01, steps=1000)",
        lambda value: callable(value) or POSITIVE[1](value),
    ),
    "max_iter": COUNT,
    "shuffle": FLAG,
    "tol": NOT_NEGATIVE,
    "warm_start": FLAG,
    "momentum": BELOW_1,
    "beta_1": BELOW_1,
    "beta_2": BELOW_1,
    "epsilon": POSITIVE,
    "max_fun": COUNT,
    "compile": COMPILING,
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
            fits = holds(value) and (holds in (FLAG[1], COMPILING[1]) or not isinstance(value, bool))
        except (TypeError, ValueError, OverflowError):
            fits = False
        if not fits:
            raise ValueError(OPTION.format(name=type(estimator).__name__, option=option, got=value, want=want))
