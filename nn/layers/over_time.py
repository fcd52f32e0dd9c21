"""Pooling over time: `MeanOverTime` and `MaxOverTime` make one vector of all steps of a sequence. No windows here."""

from __future__ import annotations

from typing import Any

from autograd_mini import Tensor, devices
from autograd_mini import numpy as np
from nn.checks import as_input
from nn.docstrings import described_by
from nn.module import Module
from nn.padding import present

SEQUENCE = (
    "{title} was given an input of shape {got}. Give sequences of shape (examples, steps, ...), of one step or more."
)


class OverTime(Module):
    """What both have in common: sequences, and how long each is.

    The input has the shape (examples, steps, ...), the result (examples, ...). With `lengths` of shape (examples,),
    `pool(x, lengths)`, only the first steps of each example count, and those after its end are padding.

    Raises
    ------
    ValueError
        If the input has no steps, or the lengths are no whole numbers from 1 to the steps.
    """

    def forward(self, x: Any, lengths: Any = None) -> Tensor:
        x = as_input(x)
        if x.ndim < 2 or not x.shape[1]:
            raise ValueError(SEQUENCE.format(title=self._title(), got=x.shape))
        there = present(self._title(), lengths, x.shape)
        return self.pool(
            x, None if there is None else devices.beside(there, x).reshape(*there.shape, *[1] * (x.ndim - 2))
        )

    def pool(self, x: Any, there: Any) -> Any:
        """One entry of all steps that are there."""
        raise NotImplementedError


@described_by(OverTime)
class MeanOverTime(OverTime):
    """The mean of an example's steps.

    Examples
    --------
    >>> import nn
    >>> nn.MeanOverTime()([[[1.0], [3.0]], [[5.0], [0.0]]], lengths=[2, 1]).tolist()
    [[2.0], [5.0]]
    """

    def pool(self, x: Any, there: Any) -> Any:
        if there is None:
            return np.mean(x, axis=1)
        count = np.sum(there, axis=1).astype(self._kind(x))
        return np.sum(np.where(there, x, 0), axis=1) / devices.beside(count, x)

    def _kind(self, x: Any) -> Any:
        return x.dtype if x.dtype.kind == "f" else float


@described_by(OverTime)
class MaxOverTime(OverTime):
    """The largest number of an example's steps, in each place; k equal ones take 1/k of the gradient each.

    With a convolution before it this is the max-over-time pooling of Collobert et al. 2011.

    Examples
    --------
    >>> import nn
    >>> nn.MaxOverTime()([[[-1.0], [-3.0]], [[-5.0], [0.0]]], lengths=[2, 1]).tolist()
    [[-1.0], [-5.0]]
    """

    def pool(self, x: Any, there: Any) -> Any:
        return np.max(x if there is None else np.where(there, x, lowest(x.dtype)), axis=1)


def lowest(dtype: Any) -> Any:
    """What no number of a dtype is smaller than."""
    if dtype.kind == "b":
        return False
    return np.iinfo(dtype).min if dtype.kind in "iu" else dtype.type(-np.inf)
