"""`Parameter` and `Buffer`: the tensors that a module owns. What owns them is in `nn.module`."""

from __future__ import annotations

from typing import Any

from autograd_mini import Tensor
from nn.elsewhere import explains


class Parameter(Tensor):
    """A tensor that is learned: it requires grad, and a `Module` finds it as an attribute.

    Parameters
    ----------
    array : array_like
        The initial values, floating-point.
    name : str, optional
        By default the name of the attribute that it is stored in.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(np.ones(2))
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> model = Scale()
    >>> model(np.array([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    >>> model.factor.grad
    array([4., 6.])
    """

    __slots__ = ()

    @explains("function")
    def __init__(self, array: Any, name: str | None = None) -> None:
        super().__init__(array, requires_grad=True, name=name)


class Buffer(Tensor):
    """A tensor that belongs to a model but is not learned, such as a running mean: saved in `state_dict()` with the
    parameters, without a gradient.

    Parameters
    ----------
    array : array_like
        The initial values. `forward` puts new ones in place by `self.mean.data = ...`.
    name : str, optional
        By default the name of the attribute that it is stored in.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> class Counting(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.seen = nn.Buffer(np.zeros(()))
    ...
    ...     def forward(self, x):
    ...         self.seen.data = self.seen.data + len(x)
    ...         return x
    >>> model = Counting()
    >>> _ = model(np.ones((5, 2)))
    >>> model.state_dict()
    {'seen': array(5.)}
    """

    __slots__ = ()

    def __init__(self, array: Any, name: str | None = None) -> None:
        super().__init__(array, name=name)
