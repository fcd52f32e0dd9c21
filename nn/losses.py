"""Losses: one number that says how far a batch of outputs is from its targets, averaged over the batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, case, primitive, rule

SHAPES = (
    "{loss} was given outputs of shape {output} and targets of shape {target}. They are compared entry by entry and "
    "must agree: reshape one, e.g. `y.reshape({output})`."
)
EMPTY = "{loss} was given outputs of shape {output}: the mean over no entries is no number. Leave empty batches out."
LABELS = (
    "cross_entropy was given logits of shape {logits} and labels of shape {labels} and dtype {dtype}. Write one "
    "row of scores for each example, and as labels one whole number for each: shape ({rows},)."
)
RANGE = "cross_entropy was given labels from {low} to {high} for {classes} classes. Labels count from 0 to {last}."


@primitive
def mean_square(output: Any, target: Any) -> Any:
    """The mean of (y - s)^2 over all entries, as one operation."""
    error = output - target
    return np.mean(error * error)


rule(
    mean_square,
    lambda g, _out, output, target: (2 / output.size * g) * (output - target),
    lambda g, _out, output, target: (2 / output.size * g) * (target - output),
    cases=(case((2, 3), (2, 3)), case((), ())),
)


def squared_error(output: Any, target: Any) -> Any:
    r"""The mean of the lecture's :math:`e_n = (y_n - s_n)^2` over all entries.

    Parameters
    ----------
    output : Tensor
        Scores s.
    target : array_like
        Values y, of the same shape; of a wider dtype they are brought to the output's.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting would hide a mistake), or the batch is empty.
    """
    if not isinstance(target, Tensor):
        target = np.asarray(target, output.dtype)
    if output.shape != target.shape:
        raise ValueError(SHAPES.format(loss="squared_error", output=output.shape, target=target.shape))
    if output.size == 0:
        raise ValueError(EMPTY.format(loss="squared_error", output=output.shape))
    return mean_square(output, target)


def cross_entropy(logits: Any, labels: Any) -> Any:
    r"""The mean of :math:`-\log\,\mathrm{softmax}(s_n)_{y_n} = \log\sum_k e^{s_{nk}} - s_{n y_n}`.

    Parameters
    ----------
    logits : Tensor
        Scores, shape (examples, classes).
    labels : array_like of int
        The right class of each example, shape (examples,).

    Raises
    ------
    ValueError
        If the shapes do not fit or a label is out of range.

    Notes
    -----
    The largest score of a row is subtracted first, so that no exponential overflows.
    """
    labels = np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or labels.dtype.kind not in "iu":
        rows = logits.shape[0] if logits.ndim else 1
        raise ValueError(LABELS.format(logits=logits.shape, labels=labels.shape, dtype=labels.dtype, rows=rows))
    count, classes = logits.shape
    if count == 0:
        raise ValueError(LABELS.format(logits=logits.shape, labels=labels.shape, dtype=labels.dtype, rows="at least 1"))
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        raise ValueError(RANGE.format(low=low, high=high, classes=classes, last=classes - 1))
    shifted = logits - np.max(logits.detach(), axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_total - shifted[np.arange(count), labels])
