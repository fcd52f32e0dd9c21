"""Metrics: numbers that say how good outputs are, for people; nothing here is differentiated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.checks import as_values
from nn.losses.classification import IGNORED_ROWS, as_shares
from nn.losses.means import NothingCountsError, mean_over, shape_of
from nn.outputs import classify

LABELS = (
    "accuracy was given outputs of shape {output} and labels of shape {labels} and dtype {dtype}. Give a row of scores "
    "for each example and as label the number of its class, or a row of probabilities; or one score for each, and "
    "labels 0 and 1, or -1 and +1."
)
NOTHING_COUNTS = "accuracy was given {size} labels which are all ignored (ignore_index={ignored}): a share of nothing."
RANGE = "accuracy was given labels from {low} to {high} for {classes} classes. Labels count from 0 to {last}."
SHAPES = "{name} was given outputs of shape {output} and targets of shape {target}. They must agree, and not be empty."
CONSTANT = (
    "r2 was given targets that are all equal ({size} of them), so there is no variance to explain. Use another metric, "
    "or, where `fit` has a last batch of one example, `nn.DataLoader(..., drop_last=True)`."
)
NOT_FINITE = "r2 was given targets of which {count} of {size} are NaN or infinite. Leave such examples out."


def labels_that_count(_output: Any, labels: Any, *, ignore_index: int | None = None) -> Any:
    """How much each example counts in the mean that `accuracy` is, as `mean_over` asks for it."""
    return shape_of(labels) if ignore_index is None else as_values(labels) != ignore_index


@mean_over(labels_that_count)
def accuracy(output: Any, labels: Any, *, ignore_index: int | None = None) -> float:
    """The share of examples that are classified right; it takes what `nn.cross_entropy` and `nn.logistic_loss` take.

    Parameters
    ----------
    output : Tensor or array_like
        Scores, shape (..., classes), most often (examples, classes): the largest is the class. Or one score for each
        example, shape (examples,) or (..., 1): positive for the class of label 1.
    labels : array_like
        The class of each example, shape (...); or rows of probabilities, shape (..., classes), of which the largest is
        the class. For one score 0 and 1, or the lecture's -1 and +1.
    ignore_index : int, optional
        A label that stands for "none": such examples count nothing.

    Raises
    ------
    ValueError
        If the shapes do not fit, no example counts, a label is out of range, or a score is NaN.

    Examples
    --------
    >>> import nn
    >>> nn.accuracy([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], [1, 0, 0]), nn.accuracy([2.0, -1.0], [-1, -1])
    (0.6666666666666666, 0.5)
    >>> nn.accuracy([[[0.1, 0.9], [0.8, 0.2]]], [[1, -1]], ignore_index=-1)  # a sequence of two steps
    1.0
    """
    output, labels = as_values(output), as_values(labels)
    shape, classes = labels.shape, output.shape[-1] if output.ndim else 0
    rows = classes > 1 and shape == output.shape[:-1]
    shares = classes > 1 and shape == output.shape and output.ndim > 1 and labels.dtype.kind == "f"
    single = (classes == 1 and shape == output.shape[:-1]) or (
        shape == output.shape and (classes == 1 or output.ndim == 1)
    )
    unfit = LABELS.format(output=output.shape, labels=shape, dtype=labels.dtype)
    if not (rows or shares or single) or (rows and labels.dtype.kind not in "iu"):
        raise ValueError(unfit)
    if not labels.size:
        raise NothingCountsError(unfit, output)
    if shares:
        if ignore_index is not None:
            raise ValueError(IGNORED_ROWS.format(loss="accuracy", got=ignore_index))
        labels = np.argmax(as_shares("accuracy", labels, output), axis=-1)
    counted = np.ones(labels.size, bool) if ignore_index is None else labels.ravel() != ignore_index
    if not counted.any():
        raise NothingCountsError(NOTHING_COUNTS.format(size=labels.size, ignored=ignore_index), output)
    labels = labels.ravel()[counted]
    if single:
        if not np.isin(labels, (-1, 0, 1)).all():
            raise ValueError(unfit)
        return float(np.mean(classify(output.ravel()[counted]) == (labels > 0)))
    low, high = labels.min(), labels.max()
    if not 0 <= low <= high < classes:
        raise ValueError(RANGE.format(low=low, high=high, classes=classes, last=classes - 1))
    return float(np.mean(classify(output.reshape(-1, classes)[counted]) == labels))


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
