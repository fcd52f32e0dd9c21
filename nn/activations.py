"""Activations: the lecture's transformations of a score s, each a formula in the engine's primitives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nn.module import Module
from nn.parameter import Parameter

UNKNOWN = (
    "activation={got!r} is no activation. Write one of {known}, a class such as nn.Tanh, a function that makes a "
    "module, or a module, which is copied for each layer."
)


class Tanh(Module):
    r""":math:`\phi(s) = \tanh(s) = 2\theta(2s) - 1`, the lecture's traditional transformation."""

    def forward(self, s: Any) -> Any:
        return np.tanh(s)


class ReLU(Module):
    r""":math:`\phi(s) = \max(s, 0)`, with slope 0 at s = 0.

    It is written as a choice and not as `np.maximum`, whose slope at a tie is one half; NaN stays NaN.
    """

    def forward(self, s: Any) -> Any:
        return np.where(s <= 0, 0, s)


class LeakyReLU(Module):
    r""":math:`\phi(s) = \max(s, a s)` with a fixed slope a for s < 0.

    Parameters
    ----------
    slope : float
        a, between 0 and 1.
    """

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        if not 0 <= slope <= 1:
            raise ValueError(
                f"LeakyReLU(slope={slope}): max(s, slope * s) is the leaky ReLU only for slopes from 0 to 1."
            )
        self.slope = slope

    def forward(self, s: Any) -> Any:
        return np.maximum(s, self.slope * s)

    def describe(self) -> str:
        return f"slope={self.slope}"


class PReLU(Module):
    r"""The lecture's parametric ReLU, :math:`\phi(\alpha, s) = \max(s, \alpha s)`, with :math:`\alpha` learned.

    It has no rule of its own: the derivative follows from `np.maximum` and `*`, and is
    :math:`\partial\phi/\partial\alpha = s` where :math:`\alpha s > s`, else 0. For :math:`\alpha \le 1` this is the
    function of He et al. 2015, :math:`\max(s, 0) + \alpha\min(s, 0)`; above 1 the two differ, because the maximum
    then picks the other branch: :math:`\alpha s` for s > 0 and s for s < 0.

    Parameters
    ----------
    units : int, optional
        The number of units, to learn one alpha for each; by default they share one.
    alpha : float
        The initial value.
    dtype : dtype
        Of alpha.
    """

    def __init__(self, units: int | None = None, alpha: float = 0.25, dtype: Any = np.float32) -> None:
        super().__init__()
        self.alpha = Parameter(np.full((1 if units is None else units,), alpha, dtype))

    def forward(self, s: Any) -> Any:
        return np.maximum(s, self.alpha * s)


BY_NAME: dict[str, Callable[[], Module]] = {
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "prelu": PReLU,
}
