"""Outputs: what the scores of a network's last, linear layer say, in the lecture's three ways; no loss lives here.

============================  ==================================  =============================================
output                        h(x), from the score s              is trained by
============================  ==================================  =============================================
linear regression             s itself                            `nn.squared_error`
linear classification         sign(s): `nn.classify`              `nn.hinge_loss`; `nn.squared_error` to -1, +1
logistic regression           theta(s): `nn.probabilities`        `nn.logistic_loss`
softmax, for several classes  e^s / sum(e^s), `nn.probabilities`  `nn.cross_entropy`
============================  ==================================  =============================================

All of these losses are given the scores: an output comes after training, and is no layer of the network.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.functions import sigmoid, softmax

SCORES = (
    "{name} was given scores of shape {got}. Give one for each example, shape (examples,) or (examples, 1), or a row "
    "of one for each class, shape (examples, classes)."
)
NOT_FINITE = "classify was given {count} scores that are NaN, the first at index {index}: they belong to no class."


def classify(scores: Any) -> np.ndarray[Any, Any]:
    r"""The class of each example: the lecture's linear classification :math:`h(x) = \mathrm{sign}(s)`.

    Parameters
    ----------
    scores : Tensor or array_like
        One score for each example, shape (examples,) or (examples, 1), or one for each class, shape
        (examples, classes).

    Returns
    -------
    ndarray of int
        Shape (examples,). Of one score: 1 where it is positive, the lecture's +1, and else 0, its -1. Of several: the
        class of the largest, the first one at a tie.

    Raises
    ------
    ValueError
        If the scores have another shape, or one is NaN.

    Notes
    -----
    Slide "Neural Network Hypothesis: Output". It is a step, with no slope to learn by; train the scores.

    Examples
    --------
    >>> import nn
    >>> nn.classify([-2.0, 0.5]), nn.classify([[0.1, 2.0, 0.3], [1.0, 0.0, -1.0]])
    (array([0, 1]), array([1, 0]))
    """
    values = np.asarray(checked("classify", scores).data)
    if np.any(np.isnan(values)):
        wrong = np.argwhere(np.isnan(values))
        raise ValueError(NOT_FINITE.format(count=len(wrong), index=tuple(map(int, wrong[0]))))
    if values.ndim == 1 or values.shape[1] == 1:
        return (values.reshape(len(values)) > 0).astype(int)
    return np.argmax(values, axis=1)


def probabilities(scores: Any) -> Tensor:
    r"""Logistic regression's :math:`\theta(s) = 1 / (1 + e^{-s})`, or for several classes the softmax of each row.

    Parameters
    ----------
    scores : Tensor or array_like
        As for `classify`.

    Returns
    -------
    Tensor
        Of the shape of the scores. Of one score: the probability of class 1. Of several,
        :math:`e^{s_k} / \sum_j e^{s_j}`: each row adds up to 1.

    Raises
    ------
    ValueError
        If the scores have another shape.

    Notes
    -----
    Slide "Neural Network Hypothesis: Output". No exponential overflows; derivatives are right at any score.

    Examples
    --------
    >>> import nn
    >>> nn.probabilities([0.0, 2.0]).data.round(3)
    array([0.5  , 0.881])
    >>> nn.probabilities([[0.0, 0.0, 0.0, 0.0]]).data
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    scores = checked("probabilities", scores)
    return sigmoid(scores) if scores.ndim == 1 or scores.shape[1] == 1 else softmax(scores)


def checked(name: str, scores: Any) -> Tensor:
    """The scores as a tensor of one or two axes."""
    scores = scores if isinstance(scores, Tensor) else Tensor(scores)
    if scores.ndim not in {1, 2} or not scores.shape[-1]:
        raise ValueError(SCORES.format(name=name, got=scores.shape))
    return scores
