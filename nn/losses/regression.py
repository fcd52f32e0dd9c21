"""Losses between an output and a target that are numbers or vectors: squared, absolute, Huber, cosine."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor, case, primitive, rule
from nn.checks import is_number
from nn.losses.arguments import as_pair, checked, reduced
from nn.losses.means import all_entries, mean_over, rows

DELTA = "huber_loss(delta={delta}): the loss is quadratic up to delta and linear beyond. Write a positive number."
NO_VECTOR = "cosine_distance compares vectors, along the last axis, and was given outputs of shape {output}."


@primitive
def mean_square(output: Any, target: Any) -> Any:
    """The mean of (y - s)^2 over all entries, as one operation."""
    error = output - target
    squares = error * error
    if squares.dtype.itemsize < 4:
        return squares.mean()  # a sum in half precision may be too large
    return squares.sum() / squares.size  # the same number, and a third of the time for a small batch


rule(
    mean_square,
    lambda g, _out, output, target: (2 / output.size * g) * (output - target),
    lambda g, _out, output, target: (2 / output.size * g) * (target - output),
    cases=(case((2, 3), (2, 3)), case((), ())),
    pole=False,
)


@mean_over(all_entries)
def squared_error(output: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    r"""The lecture's :math:`e_n = (y_n - s_n)^2`, by default its mean over all entries.

    Parameters
    ----------
    output : Tensor or array_like
        Scores s.
    target : array_like or Tensor
        Values y, of the same shape; they are brought to the output's dtype.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the losses one by one.

    Returns
    -------
    Tensor
        One number, or with "none" one for each entry, of the output's shape; of the output's dtype.

    Raises
    ------
    ValueError
        If the shapes differ (broadcasting would hide a mistake), the batch is empty, or a target is not finite.
    TypeError
        If outputs or targets are no real numbers.

    Examples
    --------
    >>> import nn
    >>> nn.squared_error([1.0, 2.0], [0.0, 5.0]).item()
    5.0
    """
    output, target = as_pair("squared_error", output, target)
    if reduction == "mean":
        return checked("squared_error", mean_square(output, target), target)
    return checked("squared_error", reduced("squared_error", np.square(output - target), reduction), target)


@mean_over(all_entries)
def absolute_error(output: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The distance :math:`|y_n - s_n|`, which outliers move less than the square; its slope at 0 is 0.

    Parameters
    ----------
    output : Tensor or array_like
        Scores s.
    target : array_like or Tensor
        Values y, of the same shape; they are brought to the output's dtype.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the losses one by one.

    Returns
    -------
    Tensor
        One number, or with "none" one for each entry, of the output's shape; of the output's dtype.

    Raises
    ------
    ValueError
        If the shapes differ, the batch is empty, or a target is not finite.
    TypeError
        If outputs or targets are no real numbers.

    Examples
    --------
    >>> import nn
    >>> nn.absolute_error([1.0, 2.0], [0.0, 5.0]).item()
    2.0
    """
    output, target = as_pair("absolute_error", output, target)
    return checked("absolute_error", reduced("absolute_error", np.abs(output - target), reduction), target)


@mean_over(all_entries)
def huber_loss(output: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    r"""Half the square up to :math:`\delta`, then a line of slope :math:`\delta` (Huber 1964).

    .. math::
        e_n = \tfrac12 r^2 \text{ for } |r| \le \delta, \quad \delta\,(|r| - \tfrac12\delta) \text{ beyond,}
        \quad r = s_n - y_n

    Parameters
    ----------
    output : Tensor or array_like
        Scores s.
    target : array_like or Tensor
        Values y, of the same shape; they are brought to the output's dtype.
    delta : float
        Where the line begins, positive.
    reduction : {"mean", "sum", "none"}
        The mean or the sum over all entries, or the losses one by one.

    Returns
    -------
    Tensor
        One number, or with "none" one for each entry, of the output's shape; of the output's dtype.

    Raises
    ------
    ValueError
        If delta is not positive, the shapes differ, the batch is empty, or a target is not finite.
    TypeError
        If outputs or targets are no real numbers.

    Examples
    --------
    >>> import nn
    >>> nn.huber_loss([0.5, 3.0], [0.0, 0.0], reduction="none").tolist()
    [0.125, 2.5]
    """
    if not (is_number(delta) and 0 < delta < np.inf):
        raise ValueError(DELTA.format(delta=delta))
    output, target = as_pair("huber_loss", output, target)
    error = output - target
    near = np.clip(error, -delta, delta)
    return checked("huber_loss", reduced("huber_loss", near * (error - near / 2), reduction), target)


@mean_over(rows)
def cosine_distance(output: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    r"""1 minus the cosine of the angle between the vectors along the last axis: 0 to 2, whatever their lengths.

    It is computed as :math:`\tfrac12 \|u/\|u\| - v/\|v\|\|^2`, which is exact for small angles too, in any scale. A
    vector of zeros has no direction: its distance is 1, with slope 0.

    Parameters
    ----------
    output, target : array_like or Tensor
        Vectors, shape (..., d).
    reduction : {"mean", "sum", "none"}
        Over the vectors.

    Returns
    -------
    Tensor
        One number, or with "none" one for each vector, shape (...); of the output's dtype.

    Raises
    ------
    ValueError
        If the shapes differ, there is no axis, the batch is empty, or a target is not finite.
    TypeError
        If outputs or targets are no real numbers.

    Examples
    --------
    >>> import nn
    >>> nn.cosine_distance([[1.0, 0.0], [1.0, 1.0]], [[0.0, 3.0], [2.0, 2.0]], reduction="none").round(6).tolist()
    [1.0, 0.0]
    """
    output, target = as_pair("cosine_distance", output, target)
    if output.ndim == 0:
        raise ValueError(NO_VECTOR.format(output=output.shape))
    (u, one), (v, other) = direction(output), direction(target)
    losses = np.where(one & other, np.sum(np.square(u - v), axis=-1) / 2, 1)
    return checked("cosine_distance", reduced("cosine_distance", losses, reduction), target)


def direction(u: Any) -> tuple[Any, Any]:
    """Each vector divided by its length, and whether it has one."""
    values = u.data if isinstance(u, Tensor) else u
    largest = np.max(np.abs(values), axis=-1, keepdims=True)
    scaled = u / np.where(largest == 0, 1, largest)  # a scale changes no direction, nor the derivative of one
    square = np.sum(np.square(scaled), axis=-1, keepdims=True)
    return scaled / np.sqrt(np.where(square == 0, 1, square)), largest[..., 0] != 0
