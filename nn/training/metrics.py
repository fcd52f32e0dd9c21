"""Metrics: numbers that say how good outputs are, for people; nothing here is differentiated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.checks import as_values
from nn.outputs import classify

LABELS = (
    "accuracy was given outputs of shape {output} and labels of shape {labels} and dtype {dtype}. Give a row of scores "
    "for each example and as label the number of its class; or one score for each, and labels 0 and 1, or -1 and +1."
)
RANGE = "accuracy was given labels from {low} to {high} for {classes} classes. Labels count from 0 to {last}."
SHAPES = "{name} was given outputs of shape {output} and targets of shape {target}. They must agree, and not be empty."
CONSTANT = (
    "r2 was given targets that are all equal ({size} of them), so there is no variance to explain. Use another metric, "
    "or, where `fit` has a last batch of one example, `nn.DataLoader(..., drop_last=True)`."
)
NOT_FINITE = "r2 was given targets of which {count} of {size} are NaN or infinite. Leave such examples out."


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
        If the shapes do not fit, there are no examples, a label is out of range, or a score is NaN.

    Examples
    --------
    >>> import nn
    >>> nn.accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0]), nn.accuracy([2.0, -1.0], [-1, -1])
    (0.6666666666666666, 0.5)
    """
    output, labels = as_values(output), as_values(labels)
    classes = output.shape[1] if output.ndim == 2 else 1
    known = labels.dtype.kind in "iu" if classes > 1 else bool(np.isin(labels, (-1, 0, 1)).all())
    column = classes == 1 and labels.shape == (*output.shape[:1], 1)
    if not (column or labels.shape == output.shape[:1]) or not labels.size or not known:
        raise ValueError(LABELS.format(output=output.shape, labels=labels.shape, dtype=labels.dtype))
    low, high = labels.min(), labels.max()
    if classes > 1 and not 0 <= low <= high < classes:
        raise ValueError(RANGE.format(low=low, high=high, classes=classes, last=classes - 1))
    return float(np.mean(classify(output) == (labels if classes > 1 else labels.ravel() > 0)))


def r2(output: Any, target: Any) -> float:
    r"""The share of the targets' variance that is explained: :math:`1 - \sum(y_n - s_n)^2 / \sum(y_n - \bar y)^2`.

    1 is perfect, 0 is as good as the mean. It is no mean over examples: over a training epoch `fit` shows the average
    over batches, for validation data the exact value.

    Raises
    ------
    ValueError
        If the shapes differ, or the targets do not vary or are not finite.

    Examples
    --------
    >>> import nn
    >>> nn.r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.7857142857142857
    """
    output, target = as_values(output), as_values(target)
    if output.shape != target.shape or not output.size:
        raise ValueError(SHAPES.format(name="r2", output=output.shape, target=target.shape))
    output, target = output.astype(float), target.astype(float)  # differences of unsigned numbers would go around at 0
    scatter = float(np.sum((target - target.mean(axis=0)) ** 2))
    if not scatter:
        raise ValueError(CONSTANT.format(size=target.size))
    if not math.isfinite(scatter):
        count = np.count_nonzero(~np.isfinite(target))
        raise ValueError(NOT_FINITE.format(count=count, size=target.size))
    return 1 - float(np.sum((target - output) ** 2)) / scatter
