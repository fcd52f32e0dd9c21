"""Metrics: numbers that say how good outputs are, for people; nothing here is differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor

LABELS = (
    "accuracy was given outputs of shape {output} and labels of shape {labels} and dtype {dtype}. Give a row of scores "
    "for each example and as label the number of its class; or one score for each, and labels 0 and 1, or -1 and +1."
)
SHAPES = "{name} was given outputs of shape {output} and targets of shape {target}. They must agree, and not be empty."
CONSTANT = "r2 was given targets that are all equal, so there is no variance to explain. Use another metric."


def accuracy(output: Any, labels: Any) -> float:
    """The share of examples that are classified right.

    Parameters
    ----------
    output : Tensor or array_like
        Scores, shape (examples, classes): the largest is the class. Or one score for each example, positive for the
        class of label 1.
    labels : array_like
        Class numbers, shape (examples,); for one score 0 and 1, or the lecture's -1 and +1.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there are no examples.

    Examples
    --------
    >>> import nn
    >>> nn.accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0]), nn.accuracy([2.0, -1.0], [-1, -1])
    (0.6666666666666666, 0.5)
    """
    output, labels = plain(output), plain(labels)
    classes = output.shape[1] if output.ndim == 2 else 1
    if classes == 1:
        output = output.reshape(-1)
        labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    binary = classes == 1 and bool(np.isin(labels, (-1, 0, 1)).all())
    known = binary or (classes > 1 and labels.dtype.kind in "iu")
    if labels.shape != output.shape[:1] or not labels.size or not known:
        raise ValueError(LABELS.format(output=output.shape, labels=labels.shape, dtype=labels.dtype))
    right = (output > 0) == (labels > 0) if classes == 1 else output.argmax(axis=1) == labels
    return float(np.mean(right))


def r2(output: Any, target: Any) -> float:
    r"""The share of the targets' variance that is explained: :math:`1 - \sum(y_n - s_n)^2 / \sum(y_n - \bar y)^2`.

    1 is perfect, 0 is as good as the mean. It is no mean over examples: over a training epoch `fit` shows the average
    over batches, for validation data the exact value.

    Raises
    ------
    ValueError
        If the shapes differ, or the targets do not vary.

    Examples
    --------
    >>> import nn
    >>> nn.r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.7857142857142857
    """
    output, target = plain(output), plain(target)
    if output.shape != target.shape or not output.size:
        raise ValueError(SHAPES.format(name="r2", output=output.shape, target=target.shape))
    scatter = float(np.sum((target - target.mean(axis=0)) ** 2, dtype=float))
    if not scatter:
        raise ValueError(CONSTANT)
    return 1 - float(np.sum((target - output) ** 2, dtype=float)) / scatter


def plain(array: Any) -> Any:
    """The values of a tensor, or of anything like an array."""
    return np.asarray(array.data if isinstance(array, Tensor) else array)
