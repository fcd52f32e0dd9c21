"""Activations: transformations of a score s, each a formula in the engine's primitives, in float32 and float64.

They take tensors and arrays. All are right, with right slopes, at scores of any size. At a kink ReLU, ELU and SELU have
the slope of the side s < 0, and leaky ReLU and PReLU, which are a maximum, the mean of both slopes.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

from autograd_mini import Tensor
from autograd_mini import numpy as np
from nn.checks import as_input, as_scores, is_number
from nn.functions import log_softmax, sigmoid, softmax, softplus
from nn.module import Module
from nn.parameter import Parameter

UNKNOWN = (
    "activation={got!r} is no activation. Write one of {known}, a class such as nn.Tanh, a function that makes a "
    "module, or a module, which is copied for each layer."
)
SLOPE = "LeakyReLU(slope={slope}): max(s, slope * s) is the leaky ReLU only for slopes from 0 to 1."
UNITS = "PReLU(units={units}): write the number of units that each learn an alpha, or None for one that all share."
PRELU_SHAPE = (
    "{title} was given scores of shape {got}, which have no {units} units along that "
    "axis. Write units={here} there, or the axis of the units: -1 for rows, 1 for images (examples, channels, ...)."
)
NO_SCIPY = (
    "GELU(exact=True) needs the normal distribution function of SciPy, which is not installed. Write "
    '`pip install "autograd-mini[scipy]"`, or `GELU()`, which differs by less than 5e-4.'
)
ALPHA = "PReLU(alpha={alpha!r}): the initial slope for negative scores is a number, such as 0.25."
ELU_ALPHA = "ELU(alpha={alpha}): it goes to -alpha for very negative scores. Write a positive number."

SCALE = math.sqrt(8 / math.pi)  # of GELU
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


class Identity(Module):
    r""":math:`\phi(s) = s`, the lecture's "linear": layers with nothing else between them are one linear layer.

    Its slope is 1.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Identity()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-1.,  0.,  2.])
    """

    def forward(self, s: Any) -> Tensor:
        return s


class Sign(Module):
    r""":math:`\phi(s) = \mathrm{sign}(s)`, the perceptron's: -1, 0 or 1.

    Its slope is 0 wherever there is one, so no gradient reaches the weights below: the lecture's "discrete & thus hard
    to optimize". It is here for networks whose weights are found in another way.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Sign()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-1.,  0.,  1.])
    """

    def forward(self, s: Any) -> Tensor:
        return np.sign(s)


class Tanh(Module):
    r""":math:`\phi(s) = \tanh(s) = 2\theta(2s) - 1`, the lecture's traditional transformation.

    Its slope is :math:`\phi'(s) = 1 - \tanh^2(s)`, 1 at most.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Tanh()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-0.76,  0.  ,  0.96])
    """

    def forward(self, s: Any) -> Tensor:
        return np.tanh(s)


class Sigmoid(Module):
    r""":math:`\theta(s) = 1 / (1 + e^{-s})`, the lecture's logistic function.

    Its slope is :math:`\theta'(s) = \theta(s)\,(1 - \theta(s))`, 1/4 at most. Small values keep all their digits,
    and so do small slopes on both sides.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Sigmoid()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([0.27, 0.5 , 0.88])
    """

    def forward(self, s: Any) -> Tensor:
        return sigmoid(as_scores(s))


class Softmax(Module):
    r"""Shares :math:`p_k = e^{s_k} / \sum_j e^{s_j}` along an axis: probabilities of classes.

    Slopes are :math:`\partial p_k / \partial s_j = p_k ([k = j] - p_j)`. For training give the scores themselves to
    `nn.cross_entropy`, which takes the logarithm without rounding.

    Parameters
    ----------
    axis : int
        That of the classes.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Softmax()(np.array([[0.0, np.log(3.0)]])).round(6).tolist()
    [[0.25, 0.75]]
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, s: Any) -> Tensor:
        return softmax(as_scores(s), axis=self.axis)

    def describe(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Module):
    r"""The logarithms :math:`s_k - \log\sum_j e^{s_j}` of the shares along an axis: what `nn.nll_loss` reads.

    Slopes are :math:`[k = j] - p_j`, with the shares p of `nn.Softmax`. They keep their digits at scores of any
    size, those of shares near 1 too.

    Parameters
    ----------
    axis : int
        That of the classes.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.LogSoftmax()(np.array([[0.0, 40.0]])).tolist()
    [[-40.0, -4.248354255291589e-18]]
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, s: Any) -> Tensor:
        return log_softmax(as_scores(s), axis=self.axis)

    def describe(self) -> str:
        return f"axis={self.axis}"


class ReLU(Module):
    r""":math:`\phi(s) = \max(s, 0)`, with slope 0 at s = 0.

    Its slope is 1 for s > 0, else 0. It is written as a choice and not as `np.maximum`, whose slope at a tie is one
    half; NaN stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.ReLU()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([0., 0., 2.])
    """

    def forward(self, s: Any) -> Tensor:
        s = as_input(s)
        return np.where(s <= 0, 0, s)


class LeakyReLU(Module):
    r""":math:`\phi(s) = \max(s, a s)` with a fixed slope a for s < 0.

    Its slope is 1 for s > 0, a below, and at s = 0 the mean of both.

    Parameters
    ----------
    slope : float
        a, between 0 and 1.

    Raises
    ------
    ValueError
        If the slope is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.LeakyReLU(0.1)(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-0.1,  0. ,  2. ])
    """

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        if not (is_number(slope) and 0 <= slope <= 1):
            raise ValueError(SLOPE.format(slope=slope))
        self.slope = slope

    def forward(self, s: Any) -> Tensor:
        s = as_scores(s)
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
    axis : int
        Along which axis of the scores the units are: -1 for rows, 1 for the channels of images.
    dtype : dtype
        Of alpha. The result has this dtype or the input's, whichever is wider; of whole numbers this.

    Attributes
    ----------
    alpha : Parameter
        Shape (units,), or (1,) where they share one.

    Raises
    ------
    ValueError
        If `units` is no positive whole number, or the scores have another number of units.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.PReLU(units=2)(np.array([[-4.0, 1.0]])).data
    array([[-1.,  1.]])
    """

    def __init__(self, units: int | None = None, alpha: float = 0.25, axis: int = -1, dtype: Any = np.float32) -> None:
        if units is not None and not (is_number(units) and int(units) == units and units > 0):
            raise ValueError(UNITS.format(units=repr(units)))
        if not is_number(alpha):
            raise ValueError(ALPHA.format(alpha=alpha))
        super().__init__()
        self.alpha = Parameter(np.full((1 if units is None else int(units),), alpha, dtype))
        self.axis = axis

    def forward(self, s: Any) -> Tensor:
        s, units, axis = as_input(s, self.alpha), self.alpha.size, self.axis
        alpha: Any = self.alpha
        if units > 1:
            shape = np.shape(s)
            if not -len(shape) <= axis < len(shape) or shape[axis] != units:
                raise ValueError(self._explain(shape))
            if axis not in (-1, len(shape) - 1):
                alpha = alpha.reshape(*(units if i == axis % len(shape) else 1 for i in range(len(shape))))
        return np.maximum(s, alpha * s)

    def _explain(self, shape: tuple[int, ...]) -> str:
        """What does not fit in terms of this module."""
        here = shape[self.axis] if -len(shape) <= self.axis < len(shape) else None
        title = self._title(f"units={self.alpha.size}", f"axis={self.axis}")
        return PRELU_SHAPE.format(title=title, units=self.alpha.size, got=shape, here=here)


class ELU(Module):
    r""":math:`\phi(s) = s` for s > 0, :math:`\alpha (e^s - 1)` below (Clevert et al. 2016).

    Its slope is 1 for s > 0, :math:`\alpha e^s` else.

    Parameters
    ----------
    alpha : float
        Where it saturates, at :math:`-\alpha`; with 1 the slope has no jump.

    Raises
    ------
    ValueError
        If alpha is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.ELU()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-0.63,  0.  ,  2.  ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        if not (is_number(alpha) and 0 < alpha < np.inf):
            raise ValueError(ELU_ALPHA.format(alpha=alpha))
        super().__init__()
        self.alpha = alpha

    def forward(self, s: Any) -> Tensor:
        return elu(as_scores(s), self.alpha)

    def describe(self) -> str:
        return f"alpha={self.alpha}"


def elu(s: Any, alpha: float, scale: float = 1.0) -> Any:
    """The formula of `ELU` times a scale."""
    below = s <= 0
    negative = scale * alpha * np.expm1(np.where(below, s, 0))  # the choice avoids overflow
    return np.where(below, negative, s if scale == 1 else scale * s)


class SELU(Module):
    r""":math:`\phi(s) = \lambda s` for s > 0, :math:`\lambda\alpha (e^s - 1)` below: an ELU that keeps its scale.

    For normal scores of mean 0 and variance 1 it has that mean and variance too, with :math:`\lambda = 1.0507` and
    :math:`\alpha = 1.6733` (Klambauer et al. 2017, *Self-Normalizing Neural Networks*). Weights of variance 1 / d_in,
    `init=nn.init.he(slope=1)`, then keep them from layer to layer. The slope is :math:`\lambda` for s > 0,
    :math:`\lambda\alpha e^s` else.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.SELU()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-1.11,  0.  ,  2.1 ])
    """

    def forward(self, s: Any) -> Tensor:
        return elu(as_scores(s), SELU_ALPHA, SELU_SCALE)


class SiLU(Module):
    r""":math:`\phi(s) = s\,\theta(s)`, also called swish (Elfwing et al. 2018).

    Its slope is :math:`\theta(s) + s\,\theta(s)\,(1 - \theta(s))`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.SiLU()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-0.27,  0.  ,  1.76])
    """

    def forward(self, s: Any) -> Tensor:
        s = as_scores(s)
        return s * sigmoid(s)


class GELU(Module):
    r""":math:`\phi(s) = s\,\Phi(s)`, with the normal distribution function (Hendrycks & Gimpel 2016).

    The slope of this is :math:`\Phi(s) + s\,\varphi(s)`, with the normal density :math:`\varphi`.

    By default :math:`\Phi(s)` is approximated by :math:`\theta(2u) = (1 + \tanh u)/2` with
    :math:`u = \sqrt{2/\pi}\,(s + 0.044715 s^3)`, PyTorch's `approximate="tanh"`: at most 4.8e-4 away.

    Parameters
    ----------
    exact : bool
        Take :math:`\Phi` itself, PyTorch's default. It needs SciPy: `pip install "autograd-mini[scipy]"`.

    Raises
    ------
    ImportError
        If `exact` is asked for without SciPy.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.GELU()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-0.16,  0.  ,  1.95])
    """

    def __init__(self, exact: bool = False) -> None:
        if exact and importlib.util.find_spec("scipy") is None:
            raise ImportError(NO_SCIPY)
        super().__init__()
        self.exact = exact

    def forward(self, s: Any) -> Tensor:
        return gelu(as_scores(s), self.exact)

    def describe(self) -> str:
        return f"exact={self.exact}"


def gelu(s: Any, exact: bool) -> Any:
    """The formula of `GELU`."""
    if exact:
        from scipy.special import ndtr

        return s * ndtr(s)
    bounded = np.clip(s, -40, 40)  # beyond, the sigmoid is exactly 0 or 1, and a square might overflow
    return s * sigmoid(bounded * (SCALE + 0.044715 * SCALE * np.square(bounded)))


class Softplus(Module):
    r""":math:`\phi(s) = \log(1 + e^s)`, a smooth ReLU whose slope is :math:`\theta(s)`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Softplus()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([0.31, 0.69, 2.13])
    """

    def forward(self, s: Any) -> Tensor:
        return softplus(as_scores(s))


class LogSigmoid(Module):
    r""":math:`\phi(s) = \log\theta(s) = -\log(1 + e^{-s})`, whose slope is :math:`\theta(-s)`.

    Both keep their digits at scores of any size.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.LogSigmoid()(np.array([-1.0, 0.0, 2.0])).round(2)
    array([-1.31, -0.69, -0.13])
    """

    def forward(self, s: Any) -> Tensor:
        return -softplus(-as_scores(s))


BY_NAME: dict[str, Callable[[], Module]] = {
    "identity": Identity,
    "sign": Sign,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "prelu": PReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
    "log_sigmoid": LogSigmoid,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
}
