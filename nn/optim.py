"""Optimizers: a pure update rule in `np.*` calls, and a shell that applies it to a model's parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_mini import Tensor

NO_PARAMETERS = "{name} was given no parameters. Pass `model.parameters()` of a model that has some."
NO_GRADIENT = (
    "step() was called, but no parameter has a gradient. Call `loss.backward()` first, and `zero_grad()` after it."
)
RATE = "SGD(learning_rate={rate}, momentum={momentum}): the rate must be positive and the momentum in [0, 1)."


class SGD:
    r"""Stochastic gradient descent: :math:`v \leftarrow \mu v + g,\; w \leftarrow w - \eta v`.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to learn.
    learning_rate : float
        :math:`\eta`.
    momentum : float
        :math:`\mu`, 0 for the lecture's plain descent.

    Raises
    ------
    ValueError
        If there are no parameters, or the rate or momentum is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w = nn.Parameter(np.array([1.0]))
    >>> sgd = nn.SGD([w], learning_rate=0.25)
    >>> (w * w).sum().backward()
    >>> sgd.step()
    >>> w.data
    array([0.5])
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, momentum: float = 0.0) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(NO_PARAMETERS.format(name="SGD"))
        if not (learning_rate > 0 and 0 <= momentum < 1):
            raise ValueError(RATE.format(rate=learning_rate, momentum=momentum))
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.state: list[Any] = [None] * len(self.parameters)

    def update(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        """The new parameter and the new velocity; arrays or tensors, none of them changed."""
        if not self.momentum:
            return param - self.learning_rate * grad, None
        velocity = np.positive(grad) if state is None else self.momentum * state + grad
        return param - self.learning_rate * velocity, velocity

    def step(self) -> None:
        """Update every parameter that has a gradient.

        Raises
        ------
        RuntimeError
            If none has.
        """
        moved = False
        for i, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if gradient is not None:
                parameter.data, self.state[i] = self.update(parameter.data, gradient, self.state[i])
                moved = True
        if not moved:
            raise RuntimeError(NO_GRADIENT)

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for parameter in self.parameters:
            parameter.grad = None
