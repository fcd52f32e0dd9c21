"""Losses between scores and classes, or probabilities of classes: logistic, hinge, cross-entropy, KL divergence.

Scores are what the last layer gives, before any sigmoid or softmax; classes count from 0 everywhere, two classes too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, devices
from nn.checks import all_values, as_values, is_foreign, passes
from nn.functions import (
    label_losses,
    log_softmax,
    logistic_losses,
    mean_label_loss,
    mean_logistic_loss,
    share_losses,
)
from nn.losses.arguments import (
    NO_ROWS,
    as_labels,
    as_pair,
    as_scores,
    converted,
    reduced,
    refuse_non_finite,
    unfit,
)
from nn.losses.means import NothingCountsError, all_entries, counts_later, divisor, mean_over, rows, shape_of

PROBABILITY = (
    "{loss} was given targets from {low} to {high}. A target is {what}. Labels -1 and +1 become 0 and 1 by "
    "`(y + 1) / 2`."
)
SHARES = (
    "{loss} was given rows of probabilities of which row {index} has values from {low:.3g} to {high:.3g} and the sum "
    "{total:.3g}. Probabilities are from 0 to 1, and a row adds up to 1: divide by the sum, or use `nn.Softmax()`."
)
TWO_CLASSES = "hinge_loss was given rows of {classes} score and labels. Two classes have one score: drop the last axis."
SMOOTHING = "cross_entropy(label_smoothing={got}): it is a share of probability. Write a number from 0 to 1."
WEIGHTS = (
    "{loss}(class_weights=...) was given {got} for {classes} classes. Write one number for each class, none "
    "negative, infinite or NaN."
)
NOTHING_COUNTS = (
    "{loss} was given {size} labels which all count nothing (ignore_index={ignored}, class weights of 0): their "
    "mean is no number. Leave such batches out, or write reduction='sum'."
)
IGNORED_ROWS = (
    "{loss}(ignore_index={got}) goes with labels that are whole numbers, and was given rows of probabilities. "
    "Leave the rows out, or write whole numbers."
)


@mean_over(all_entries)
def logistic_loss(scores: Any, targets: Any, *, reduction: str = "mean") -> Tensor:
    r"""The cross-entropy error of logistic regression, for two classes with one score.

    .. math::
        e_n = -y_n \log\theta(s_n) - (1 - y_n) \log\theta(-s_n), \qquad \theta(s) = 1 / (1 + e^{-s})

    With the lecture's labels :math:`z = 2y - 1 \in \{-1, +1\}` this is its :math:`\log(1 + e^{-z s})`.

    Parameters
    ----------
    scores : Tensor or array_like
        s, before any sigmoid.
    targets : array_like or Tensor
        y, of the same shape: the class 0 or 1, or the probability of class 1.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the losses one by one.

    Returns
    -------
    Tensor
        One number, or with "none" one for each entry, of the scores' shape; of their dtype.

    Raises
    ------
    ValueError
        If a target is not from 0 to 1 (labels -1 and +1 are refused: write `(y + 1) / 2`), or the shapes differ, or the
        batch is empty.
    TypeError
        If the scores are no real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.logistic_loss(np.array([0.0, 1e4, -1e4]), [1, 1, 1], reduction="none").round(3).tolist()
    [0.693, 0.0, 10000.0]
    """
    scores, targets = as_pair("logistic_loss", scores, targets)
    targets = inside("logistic_loss", targets, "the class 0 or 1, or the probability of class 1")
    if reduction == "mean":
        return mean_logistic_loss(scores, targets)
    return reduced("logistic_loss", logistic_losses(scores, targets), reduction)


def inside(loss: str, targets: Any, what: str) -> Any:
    """The targets, or an error if one is no probability."""
    values = all_values(targets)
    low, high = np.min(values), np.max(values)
    try:
        facts = {"loss": loss, "low": low, "high": high, "what": what}
        return devices.checked(targets, (low >= 0) & (high <= 1), PROBABILITY, **facts)
    except ValueError:
        refuse_non_finite(loss, values)
        raise


@mean_over(lambda _scores, labels, **_options: shape_of(labels))
def hinge_loss(scores: Any, labels: Any, *, reduction: str = "mean") -> Tensor:
    r"""The loss of a support vector machine: 0 for scores on the right side by a margin of 1, then a line.

    Two classes with one score: :math:`e_n = \max(0,\, 1 - z_n s_n)` with :math:`z_n = 2 y_n - 1`. More classes:
    :math:`e_n = \max(0,\, 1 + \max_{k \ne y_n} s_{nk} - s_{n y_n})` (Crammer & Singer 2001). The slope is 0 where
    the margin is exactly 1; equal best wrong classes share it.

    Parameters
    ----------
    scores : Tensor or array_like
        One for each example, or rows of one for each class.
    labels : array_like
        The class 0 or 1, of the shape of the scores; or whole numbers from 0, one for each row.
    reduction : {"mean", "sum", "none"}
        Over the examples.

    Returns
    -------
    Tensor
        One number, or with "none" one for each example; of the scores' dtype.

    Raises
    ------
    ValueError
        If a label is out of range (-1 and +1 are refused: write `(y + 1) / 2`), or shapes do not fit, or the batch is
        empty.
    TypeError
        If the scores are no real numbers.

    Examples
    --------
    >>> import nn
    >>> nn.hinge_loss([2.0, 0.5, -1.0], [1, 1, 1], reduction="none").tolist()
    [0.0, 0.5, 2.0]
    >>> nn.hinge_loss([[3.0, 1.0, 0.0], [0.0, 0.2, 0.0]], [0, 1], reduction="none").tolist()
    [0.0, 0.8]
    """
    scores = as_scores("hinge_loss", scores)
    if np.shape(labels) == scores.shape:
        scores, y = as_pair("hinge_loss", scores, labels)
        y = inside("hinge_loss", y, "the class 0 or 1")
        known = all_values(y)
        facts = {"loss": "hinge_loss", "low": np.min(known), "high": np.max(known), "what": "the class 0 or 1"}
        y = devices.checked(y, known == np.rint(known), PROBABILITY, **facts)
        missing = 1 - (2 * as_values(y) - 1) * scores
    else:
        labels = as_labels("hinge_loss", labels, scores)
        if scores.shape[-1] < 2:
            raise ValueError(TWO_CLASSES.format(classes=scores.shape[-1]))
        right = labels[..., None] == devices.beside(np.arange(scores.shape[-1]), labels)
        best_wrong = np.max(np.where(right, -np.inf, scores), axis=-1)
        missing = 1 + best_wrong - np.sum(np.where(right, scores, 0), axis=-1)
    return reduced("hinge_loss", np.where(missing <= 0, 0, missing), reduction)


def label_counts(
    logits: Any, labels: Any, *, class_weights: Any = None, ignore_index: int | None = None, **_options: Any
) -> Any:
    """How much each example counts in a mean over labels, as `mean_over` asks for it."""
    if is_shares(labels) or (class_weights is None and ignore_index is None):
        return shape_of(logits)[:-1]
    logits, labels = as_scores("a loss", logits), as_values(labels)
    return as_values(weights_at(labels, as_weights("a loss", class_weights, logits), ignore_index, logits.shape[-1]))


def weights_at(labels: Any, weights: Any, ignored: int | None, classes: int) -> Any:
    """The weight of each label's class, 0 where it is ignored."""
    counted, labels = known(labels, ignored)
    weights = np.broadcast_to(weights, (*labels.shape, classes))
    return np.take_along_axis(weights, labels[..., None], axis=-1)[..., 0] * counted


@mean_over(label_counts)
def cross_entropy(
    logits: Any,
    labels: Any,
    *,
    class_weights: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Minus the logarithm of the softmax's share of the right class, by default its mean over the examples.

    .. math::
        e_n = -\sum_k t_{nk} w_k \log\mathrm{softmax}(s_n)_k, \qquad
        t_{nk} = (1 - \varepsilon)\, p_{nk} + \varepsilon / K

    where :math:`p_n` is 1 at the label and 0 elsewhere, or a given row of probabilities. Without weights and
    smoothing this is :math:`\log\sum_k e^{s_{nk}} - s_{n y_n}`. All definitions are PyTorch's.

    Parameters
    ----------
    logits : Tensor or array_like
        Scores, shape (..., classes); most often (examples, classes).
    labels : array_like of int, or of float
        The right class of each example, shape (...); or probabilities, shape (..., classes).
    class_weights : array_like, optional
        w, one for each class. With labels that are whole numbers the mean is weighted too:
        :math:`\sum_n e_n / \sum_n w_{y_n}`.
    label_smoothing : float
        :math:`\varepsilon`, the share of probability that is spread evenly over the classes.
    ignore_index : int, optional
        A label that stands for "none": such examples count nothing, in the mean neither.
    reduction : {"mean", "sum", "none"}
        Over the examples.

    Returns
    -------
    Tensor
        One number, or with "none" one for each example, shape (...); of the scores' dtype.

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is out of range, a row of probabilities does not add up to 1, no example
        counts, or an option is out of range.
    TypeError
        If the scores are no real numbers.

    Notes
    -----
    The largest score of a row is subtracted first, so that no exponential overflows.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> scores = np.array([[2.0, 0.0, 0.0], [0.0, 1e4, 0.0]])
    >>> nn.cross_entropy(scores, [0, 1], reduction="none").round(4).tolist()
    [0.2395, 0.0]
    >>> loss = lambda s, y: nn.cross_entropy(s, y, class_weights=[1, 2, 4], ignore_index=-1)
    >>> round(float(loss(scores, [0, -1])), 4)
    0.2395
    """
    logits = as_scores("cross_entropy", logits)
    if is_shares(labels):
        if ignore_index is not None:
            raise ValueError(IGNORED_ROWS.format(loss="cross_entropy", got=ignore_index))
        if np.shape(labels) != logits.shape:
            labels = as_values(labels)
            raise ValueError(unfit("cross_entropy", labels, logits))
        shares = as_shares("cross_entropy", labels, logits)
        weights = as_weights("cross_entropy", class_weights, logits)
        losses = share_losses(logits, smoothed(shares, weights, label_smoothing))
        return reduced("cross_entropy", losses, reduction)
    labels = as_labels("cross_entropy", labels, logits, ignore_index)
    if class_weights is None and not label_smoothing and ignore_index is None:
        if reduction == "mean":
            return mean_label_loss(logits, labels=labels)
        return reduced("cross_entropy", label_losses(logits, labels=labels), reduction)
    weights = as_weights("cross_entropy", class_weights, logits)
    each = weights_at(labels, weights, ignore_index, logits.shape[-1])
    counted, labels = known(labels, ignore_index)
    if label_smoothing:
        classes = devices.beside(np.arange(logits.shape[-1]), labels)
        right = (labels[..., None] == classes).astype(logits.dtype)
        losses = share_losses(logits, smoothed(right, weights, label_smoothing) * counted[..., None])
    else:
        losses = label_losses(logits, labels=labels) * each
    return over_labels("cross_entropy", logits, losses, each, ignore_index, reduction)


def known(labels: Any, ignored: int | None) -> tuple[Any, Any]:
    """Which labels count, and the labels with 0 in the place of the others."""
    counted = np.ones_like(labels, bool) if ignored is None else labels != ignored
    return counted, np.where(counted, labels, 0)


def over_labels(  # noqa: PLR0917
    loss: str, outputs: Any, losses: Any, each: Any, ignored: int | None, reduction: str
) -> Any:
    """The reduction of losses that are multiplied by how much each counts: their mean is over what counts."""
    if reduction != "mean":
        return reduced(loss, losses, reduction)
    total = np.sum(each)
    if counts_later(total):
        return np.sum(losses) / divisor(total)
    facts = {"loss": loss, "size": each.size, "ignored": ignored}
    try:
        total = devices.checked(total, total > 0, NOTHING_COUNTS, **facts)
    except ValueError as error:
        raise NothingCountsError(str(error), outputs) from None
    return np.sum(losses) / total


@mean_over(label_counts)
def nll_loss(
    log_probabilities: Any,
    labels: Any,
    *,
    class_weights: Any = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Minus the logarithm of the probability of the right class, for outputs that are such logarithms.

    .. math:: e_n = -w_{y_n} x_{n y_n}

    Of `nn.LogSoftmax()(scores)` it is `nn.cross_entropy(scores, labels)`, PyTorch's definitions.

    Parameters
    ----------
    log_probabilities : Tensor or array_like
        x, shape (..., classes), such as `nn.LogSoftmax` makes; they are taken as they are.
    labels : array_like of int
        The right class of each example, shape (...).
    class_weights : array_like, optional
        w, one for each class. The mean is weighted too: :math:`\sum_n e_n / \sum_n w_{y_n}`.
    ignore_index : int, optional
        A label that stands for "none": such examples count nothing, in the mean neither.
    reduction : {"mean", "sum", "none"}
        Over the examples.

    Returns
    -------
    Tensor
        One number, or with "none" one for each example, shape (...); of the outputs' dtype.

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is out of range, or no example counts.
    TypeError
        If the outputs are no real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.nll_loss(np.log([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]), [0, 2], reduction="none").round(4).tolist()
    [0.6931, 2.0794]
    """
    x = as_scores("nll_loss", log_probabilities)
    labels = as_labels("nll_loss", labels, x, ignore_index)
    each = weights_at(labels, as_weights("nll_loss", class_weights, x), ignore_index, x.shape[-1])
    counted, labels = known(labels, ignore_index)
    right = np.take_along_axis(x, labels[..., None], axis=-1)[..., 0]
    losses = -np.where(counted, right, 0) * each
    return over_labels("nll_loss", x, losses, each, ignore_index, reduction)


def is_shares(labels: Any) -> bool:
    """Whether labels are rows of probabilities: floating-point numbers with an axis for the classes."""
    labels = as_values(labels)
    return labels.dtype.kind == "f" and labels.ndim > 0


def as_shares(loss: str, shares: Any, scores: Any) -> Any:
    """Rows of probabilities, of the scores' shape and dtype."""
    if not scores.ndim:
        raise ValueError(NO_ROWS.format(loss=loss))
    _, shares = as_pair(loss, scores, shares)
    values = all_values(shares)
    low, high, total = np.min(values, axis=-1), np.max(values, axis=-1), np.sum(values, axis=-1)
    right = (low >= 0) & (np.abs(total - 1) < 1e-3)
    if devices.is_lazy(values):
        facts = {"low": np.min(low), "high": np.max(high), "total": np.max(total), "index": "..."}
        return devices.checked(shares, right, SHARES, loss=loss, **facts)
    if not passes(right):
        refuse_non_finite(loss, values)
        index = tuple(int(i) for i in np.argwhere(~right)[0])
        raise ValueError(SHARES.format(loss=loss, index=index, low=low[index], high=high[index], total=total[index]))
    return shares


def as_weights(loss: str, weights: Any, scores: Any) -> Any:
    """One finite weight for each class, in the scores' dtype; 1 if there are none."""
    if weights is None:
        return (
            devices.beside(np.ones((), scores.dtype), scores) if is_foreign(as_values(scores)) else scores.dtype.type(1)
        )
    weights, classes = converted(loss, weights, scores.dtype, "class_weights"), scores.shape[-1]
    weights = devices.beside(weights, scores)
    if weights.shape != (classes,):
        raise ValueError(WEIGHTS.format(loss=loss, got=f"an array of shape {weights.shape}", classes=classes))
    if not passes((weights >= 0) & (weights < np.inf)):
        raise ValueError(WEIGHTS.format(loss=loss, got=weights.tolist(), classes=classes))
    return weights


def smoothed(shares: Any, weights: Any, smoothing: float) -> Any:
    """The targets t_nk w_k."""
    if not 0 <= smoothing <= 1:
        raise ValueError(SMOOTHING.format(got=smoothing))
    if smoothing:
        shares = (1 - smoothing) * shares + smoothing / shares.shape[-1]
    return shares * weights


@mean_over(rows)
def kl_divergence(scores: Any, targets: Any, *, reduction: str = "mean") -> Tensor:
    r"""The Kullback-Leibler divergence of the softmax of the scores from given probabilities.

    .. math::
        e_n = \sum_k p_{nk} \log\frac{p_{nk}}{\mathrm{softmax}(s_n)_k}

    It is the cross-entropy minus the entropy of p, so 0 where the model gives p; probabilities of 0 count nothing. To
    learn from another model, give `nn.Softmax()(teacher(x))`.

    Parameters
    ----------
    scores : Tensor or array_like
        s, shape (..., classes), before any softmax.
    targets : array_like or Tensor
        p, of the same shape.
    reduction : {"mean", "sum", "none"}
        Over the rows.

    Returns
    -------
    Tensor
        One number, or with "none" one for each row, shape (...); of the scores' dtype.

    Raises
    ------
    ValueError
        If the shapes differ, there are no rows, or a row of p does not add up to 1.
    TypeError
        If the scores are no real numbers.

    Examples
    --------
    >>> import nn
    >>> nn.kl_divergence([[0.0, 0.0]], [[1.0, 0.0]]).round(4).item()
    0.6931
    """
    scores = as_scores("kl_divergence", scores)
    p = as_shares("kl_divergence", targets, scores)
    present = np.not_equal(p.data if isinstance(p, Tensor) else p, 0)
    log_ratio = np.log(np.where(present, p, 1)) - np.where(present, log_softmax(scores), 0)
    return reduced("kl_divergence", np.sum(p * log_ratio, axis=-1), reduction)
