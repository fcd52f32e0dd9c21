"""Update rules: gradient descent with momentum, and the rules that give each weight a rate of its own.

Each is a pure function in `np.*` calls, of arrays or tensors. What applies it to a model is in `optimizer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd_mini import Tensor
from autograd_mini import numpy as np
from nn.docstrings import described_by
from nn.optimizers.optimizer import Optimizer, used

BETAS = "{name}(betas={betas!r}): write a pair of numbers, such as `betas=(0.9, 0.999)`."
NESTEROV = "SGD(nesterov=True, momentum=0): Nesterov's step is along the velocity. Write a momentum, such as 0.9."
DAMPED = "SGD(nesterov=True, dampening={dampening}): Nesterov's step has no dampening. Leave one of the two out."
COMPLEX = (
    "{name} was given a complex parameter of shape {shape}. It divides by the size of each entry's gradient, for "
    "which there are two conventions. Use `nn.SGD`, or parameters for the real and the imaginary part."
)

HALF = (
    "{name} was given a parameter of dtype float16 and shape {shape}. It keeps squares of gradients, which are 0 there "
    "below 2.4e-4, and divides by their root. Use parameters of float32, or `nn.SGD`."
)

Rate = float | Callable[[int], float]


@described_by(Optimizer)
class SGD(Optimizer):
    r"""Stochastic gradient descent: :math:`v \leftarrow \mu v + (1 - \tau) g,\; w \leftarrow w - \eta v`.

    Parameters
    ----------
    momentum : float
        :math:`\mu`, 0 for the lecture's plain descent (Polyak 1964).
    dampening : float
        :math:`\tau`, of the gradients after the first; with :math:`\tau = \mu` the velocity is a mean of gradients.
    nesterov : bool
        Nesterov's momentum, in the form of Sutskever et al. (2013): :math:`w \leftarrow w - \eta (g + \mu v)`.
    weight_decay : float
        :math:`\lambda`: adds :math:`\lambda w` to the gradient, the gradient of :math:`\frac\lambda2 \|w\|^2`.
    maximize : bool
        Go up instead of down: take the gradient with the other sign.

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

    state_names = ("velocity",)
    entrywise = True
    momentum: float
    dampening: float
    nesterov: bool
    weight_decay: float
    maximize: bool

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate,
        momentum: float = 0.0,
        *,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        options = {"dampening": dampening, "nesterov": nesterov, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, learning_rate, momentum=momentum, **options)
        if nesterov and not used(momentum):
            raise ValueError(NESTEROV)
        if nesterov and used(dampening):
            raise ValueError(DAMPED.format(dampening=dampening))

    def update(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        grad = decayed(param, downhill(grad, self.maximize), self.weight_decay)
        if not used(self.momentum):
            return param - self.rate * grad, None
        (velocity,) = state or (0.0,)
        damped = (1 - self.dampening) * grad if state and used(self.dampening) else grad
        velocity = self.momentum * velocity + damped
        step = grad + self.momentum * velocity if self.nesterov else velocity
        return param - self.rate * step, (velocity,)


class Adaptive(Optimizer):
    r"""What the rules share that divide each weight's step by the size of its past gradients.

    Parameters
    ----------
    weight_decay : float
        :math:`\lambda`: adds :math:`\lambda w` to the gradient.
    eps : float
        :math:`\epsilon`, against division by 0.
    maximize : bool
        Go up instead of down: take the gradient with the other sign.

    Raises
    ------
    TypeError, ValueError
        If there is nothing to learn, a parameter comes twice, is no parameter, or was computed from others; if an
        option is out of range, or a parameter is complex or float16.
    """

    weight_decay: float
    eps: float
    maximize: bool

    def __init__(self, parameters: Iterable[Tensor], learning_rate: Rate, **options: Any) -> None:
        super().__init__(parameters, learning_rate, **options)
        for parameter in self.parameters:
            if parameter.dtype.kind == "c":
                raise TypeError(COMPLEX.format(name=type(self).__name__, shape=parameter.shape))
            if parameter.dtype == np.float16:
                raise TypeError(HALF.format(name=type(self).__name__, shape=parameter.shape))


@described_by(Adaptive)
class AdaGrad(Adaptive):
    r"""Each weight's rate falls with the sum of its squared gradients.

    .. math:: G \leftarrow G + g^2, \qquad w \leftarrow w - \eta\, g / (\sqrt G + \epsilon)

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w = nn.Parameter(np.array([1.0, 100.0]))
    >>> optimizer = nn.AdaGrad([w], learning_rate=0.5)
    >>> (w * w).sum().backward()  # gradients of 2 and 200
    >>> optimizer.step()
    >>> w.data.round(4)  # but steps of equal length
    array([ 0.5, 99.5])
    """

    state_names = ("sum_of_squares",)
    entrywise = True

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate = 0.01,
        *,
        weight_decay: float = 0.0,
        eps: float = 1e-10,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, eps=eps, maximize=maximize)

    def update(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        grad = decayed(param, downhill(grad, self.maximize), self.weight_decay)
        (total,) = state or (0.0,)
        total = total + grad * grad
        return param - self.rate * (grad / (root(total) + self.eps)), (total,)


@described_by(Adaptive)
class RMSprop(Adaptive):
    r"""AdaGrad that forgets, because the mean of the squared gradients decays.

    .. math:: G \leftarrow \rho G + (1 - \rho) g^2, \qquad v \leftarrow \mu v + g / (\sqrt G + \epsilon), \qquad
        w \leftarrow w - \eta v

    Parameters
    ----------
    decay : float
        :math:`\rho`; PyTorch calls it alpha.
    momentum : float
        :math:`\mu`.

    References
    ----------
    Tieleman and Hinton (2012), Neural networks for machine learning, lecture 6.5.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w = nn.Parameter(np.array([1.0, 100.0]))
    >>> optimizer = nn.RMSprop([w], learning_rate=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data.round(4)
    array([ 0.9, 99.9])
    """

    state_names = ("mean_of_squares", "velocity")
    entrywise = True
    decay: float
    momentum: float

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate = 0.01,
        decay: float = 0.99,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        options = {"momentum": momentum, "weight_decay": weight_decay, "eps": eps, "maximize": maximize}
        super().__init__(parameters, learning_rate, decay=decay, **options)

    def update(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        grad = decayed(param, downhill(grad, self.maximize), self.weight_decay)
        mean, velocity = state or (0.0, np.zeros_like(param))
        mean = self.decay * mean + (1 - self.decay) * (grad * grad)
        step = grad / (root(mean) + self.eps)
        if used(self.momentum):
            step = velocity = self.momentum * velocity + step
        return param - self.rate * step, (mean, velocity)


@described_by(Adaptive)
class Adam(Adaptive):
    r"""Momentum over the root of RMSprop, both corrected for their start at 0.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2

    .. math:: w \leftarrow w - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    betas : (float, float)
        :math:`\beta_1` and :math:`\beta_2`; afterwards the attributes `beta1` and `beta2`.
    weight_decay : float
        :math:`\lambda`: adds :math:`\lambda w` to the gradient, which is then divided by its size as the rest of it;
        `AdamW` decays all weights alike.
    amsgrad : bool
        Divide by the largest v so far instead of the last, so that rates never rise (Reddi, Kale & Kumar 2018, *On the
        convergence of Adam and beyond*).

    Notes
    -----
    t counts the steps of each parameter, so one that is frozen at first starts as the others did.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w = nn.Parameter(np.array([1.0, 100.0]))
    >>> adam = nn.Adam([w], learning_rate=0.1)
    >>> (w * w).sum().backward()
    >>> adam.step()
    >>> w.data.round(4)
    array([ 0.9, 99.9])
    """

    state_names: tuple[str, ...] = ("first_moment", "second_moment", "count")
    entrywise = True
    beta1: float
    beta2: float
    amsgrad: bool

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        weight_decay: float = 0.0,
        eps: float = 1e-8,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        try:
            beta1, beta2 = betas
        except (TypeError, ValueError):
            raise TypeError(BETAS.format(name=type(self).__name__, betas=betas)) from None
        options = {"weight_decay": weight_decay, "eps": eps, "amsgrad": amsgrad, "maximize": maximize}
        super().__init__(parameters, learning_rate, beta1=beta1, beta2=beta2, **options)
        if amsgrad:
            self.state_names = (*self.state_names, "largest_moment")

    def update(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        return self.moved(param, decayed(param, downhill(grad, self.maximize), self.weight_decay), state)

    def moved(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        """The step along the moments, from `param`."""
        first, second, count, *largest = state or (0.0, 0.0, 0)
        count += 1
        first = self.beta1 * first + (1 - self.beta1) * grad
        second = self.beta2 * second + (1 - self.beta2) * (grad * grad)
        # Both corrections are taken out of the fraction, where they are numbers and not passes over arrays.
        correction = (1 - self.beta2**count) ** 0.5
        rate = self.rate * correction / (1 - self.beta1**count)
        if not self.amsgrad:
            return param - rate * (first / (root(second) + correction * self.eps)), (first, second, count)
        most = np.maximum(largest[0], second) if largest else second
        return param - rate * (first / (root(most) + correction * self.eps)), (first, second, count, most)


@described_by(Adam)
class AdamW(Adam):
    r"""Adam whose weights decay apart from the gradient, :math:`w \leftarrow w - \eta \lambda w` before each step.

    Parameters
    ----------
    weight_decay : float
        :math:`\lambda`.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w = nn.Parameter(np.array([1.0, 100.0]))
    >>> adamw = nn.AdamW([w], learning_rate=0.1, weight_decay=0.01)
    >>> (0 * w).sum().backward()  # no gradient
    >>> adamw.step()
    >>> w.data  # but both are a thousandth smaller
    array([ 0.999, 99.9  ])
    """

    entrywise = True

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: Rate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        weight_decay: float = 0.01,
        eps: float = 1e-8,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        options: dict[str, Any] = {"weight_decay": weight_decay, "eps": eps, "amsgrad": amsgrad, "maximize": maximize}
        super().__init__(parameters, learning_rate, betas, **options)

    def update(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        if used(self.weight_decay):
            param = param * (1 - self.rate * self.weight_decay)
        return self.moved(param, downhill(grad, self.maximize), state)


def downhill(grad: Any, maximize: bool) -> Any:
    """The gradient of what is made small: the loss, or minus it."""
    return -grad if maximize else grad


def decayed(param: Any, grad: Any, weight_decay: Any) -> Any:
    """The gradient of the loss with the penalty on large weights."""
    return grad + weight_decay * param if used(weight_decay) else grad


def root(squares: Any) -> Any:
    """The square root; of tensors, one whose slope at 0 is 0.

    An entry is 0 if all its gradients were, and what is divided by it is then 0 too. So the slope of the root does not
    count, but an infinite one would make NaN of a zero.
    """
    if not isinstance(squares, Tensor):
        return np.sqrt(squares)
    positive = squares.data > 0
    return np.where(positive, np.sqrt(np.where(positive, squares, 1)), 0)
