"""`minimize`: SciPy's optimizers for a model's weights, with exact gradients and Hessian-vector products."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Tensor, no_grad, value_and_grad, vjp
from autograd_mini import grad as gradient_of
from nn.checks import as_values
from nn.module import Module

FIRST_ORDER = "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP"
PRODUCTS = "Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"
MATRICES = "trust-exact", "dogleg"
METHODS = {name.lower(): name for name in (*FIRST_ORDER, *PRODUCTS, *MATRICES)}

NO_SCIPY = 'nn.minimize needs SciPy. Write `pip install "autograd-mini[scipy]"`.'
NOT_CALLABLE = (
    "nn.minimize(model, loss_fn, x, y) was given a {what} as its {which}. Write the model itself, such as "
    "`nn.MLP([2, 16, 1])`, and a function of its outputs and the targets, such as `nn.squared_error`."
)
METHOD = "nn.minimize(method={method!r}): choose from {known}. All of them use the gradient."
NO_PARAMETERS = (
    "nn.minimize was given a model without parameters that require grad, so there is nothing to minimise by."
)
COMPLEX = "nn.minimize: the parameter {name} is complex, and SciPy minimises over real numbers. Split it into two."
RANDOM = (
    "nn.minimize: the loss was {first!r} and then {second!r} at the same weights. A minimum is that of one function: "
    "take out what is random (`model.eval()` switches dropout and noise off; a fixed batch), or use `nn.SGD`."
)
RUNNING = (
    "nn.minimize: computing the loss changed the buffer {name!r}, a statistic that would say nothing of the minimum. "
    "Call `model.eval()` first, so that normalisation uses the statistics that it has."
)
NO_LOSS = (
    "nn.minimize: the loss function returned a {what}. What is minimised is one number: return a tensor of one entry, "
    "such as `nn.squared_error(output, y)` or `np.mean(...)`."
)
NOT_FINITE = "nn.minimize: the loss at the weights to start from is {value}. Start where it is finite."


class Iteration(NamedTuple):
    """What a callback is told after an iteration."""

    number: int
    """Counted from 1."""
    loss: float
    gradients: int
    """How often the loss and its gradient were computed until now."""
    products: int
    """How many Hessian-vector products were."""


class Objective:
    """A model's loss as a function of all its weights in one float64 vector; a copy of the model computes it."""

    def __init__(self, model: Module, loss_fn: Callable[..., Any], x: Any, y: Any = None) -> None:
        self.loss_fn = loss_fn
        self.inputs = tuple(widened(part) for part in (x if isinstance(x, tuple) else (x,)))
        self.targets = () if y is None else (widened(y),)
        self.copy = model.astype(np.float64)
        self.parts, self.rebuild = self.copy.__tree_flatten__()
        self.places = [i for i, parameter in enumerate(self.parts) if parameter.requires_grad]
        self.shapes = [self.parts[i].shape for i in self.places]
        self.ends = list(itertools.accumulate(self.parts[i].size for i in self.places))
        self.start = np.concatenate([np.ravel(self.parts[i].data) for i in self.places])
        self.best, self.lowest = self.start, np.inf
        self.at: Any = None
        self.curved_at: Any = None
        self.gradients = self.products = 0

    def split(self, vector: Any) -> list[Any]:
        """The vector as the arrays of the parameters."""
        pieces = np.split(vector, self.ends[:-1])
        return [np.reshape(piece, shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def loss(self, values: Sequence[Any]) -> Any:
        """The loss with these values in place of the parameters that require grad."""
        parts: list[Any] = list(self.parts)
        for place, value in zip(self.places, values, strict=True):
            parts[place] = value
        return self.loss_fn(self.rebuild(parts)(*self.inputs), *self.targets)

    def value_and_grad(self, vector: Any) -> tuple[float, Any]:
        """The loss and its gradient; remembered for the last vector."""
        if self.at is None or not np.array_equal(vector, self.at):
            value, slopes = value_and_grad(self.loss)(self.split(vector))
            self.at, self.value = np.array(vector), float(value)
            self.gradients += 1
            self.slope = np.concatenate([np.ravel(slope) for slope in slopes])
            if self.value < self.lowest:
                self.best, self.lowest = self.at, self.value
        return self.value, self.slope

    def hvp(self, vector: Any, direction: Any) -> Any:
        """The Hessian times a direction: one more backward through the gradient's graph, kept for the last vector."""
        if self.curved_at is None or not np.array_equal(vector, self.curved_at):
            # The Hessian is symmetric, so pulling a direction back through the gradient multiplies by it.
            _, self.pullback = vjp(gradient_of(self.loss), self.split(vector))
            self.curved_at = np.array(vector)
        self.products += 1
        (product,) = self.pullback(self.split(direction))
        return np.concatenate([np.ravel(part) for part in product])

    def hessian(self, vector: Any) -> Any:
        """The whole Hessian, a product for each weight."""
        return np.stack([self.hvp(vector, unit) for unit in np.eye(len(vector))])

    def check(self) -> None:
        """Refuse a loss that is random, changes the model, or starts where it is not finite."""
        before = {name: np.array(buffer.data) for name, buffer in self.copy.named_buffers()}
        with no_grad():
            losses = [self.loss_fn(self.copy(*self.inputs), *self.targets) for _ in range(2)]
        for loss in losses:
            if not isinstance(loss, Tensor) or loss.size != 1:
                shape = f" of shape {loss.shape}" if hasattr(loss, "shape") else ""
                raise TypeError(NO_LOSS.format(what=f"{type(loss).__name__}{shape}"))
        first, second = (float(loss.data.item()) for loss in losses)
        for name, buffer in self.copy.named_buffers():
            if not np.array_equal(before[name], buffer.data, equal_nan=True):
                raise ValueError(RUNNING.format(name=name))
        if not np.isfinite(first):
            raise ValueError(NOT_FINITE.format(value=first))
        if first != second:
            raise ValueError(RANDOM.format(first=first, second=second))


def minimize(
    model: Module,
    loss_fn: Callable[..., Any],
    x: Any,
    y: Any = None,
    method: str = "L-BFGS-B",
    *,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
    callback: Callable[[Iteration], object] | None = None,
) -> Any:
    r"""Find weights of least loss on all data at once, by an optimizer of higher order than gradient descent.

    The weights become one float64 vector, whatever the model's dtype. L-BFGS estimates curvature from past gradients;
    Newton-CG and the trust-region methods solve :math:`H d = -g` with products :math:`H v` that the engine computes
    exactly, by differentiating the gradient's graph (Pearlmutter 1994).

    Parameters
    ----------
    model : Module
        What to fit; frozen parameters stay. It ends with the best weights that were tried, in its own dtype, also when
        the run is interrupted.
    loss_fn : callable
        `loss_fn(model(x), y)`, or `loss_fn(model(x))` if there is no `y`: a tensor of one entry. Add penalties here.
    x : array_like or tuple of them
        All inputs; a tuple is passed as several arguments.
    y : array_like, optional
        The targets.
    method : str
        By gradients: "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP". By Hessian-vector products: "Newton-CG", "trust-ncg",
        "trust-krylov", "trust-constr". By the whole Hessian, for few weights: "trust-exact", "dogleg".
    tol, options
        As of `scipy.optimize.minimize`, such as `options={"maxiter": 100}`.
    callback : callable, optional
        Called after each iteration with its `number`, its `loss`, and the counts of `gradients` and `products` until
        then; raise StopIteration there to end the run.

    Returns
    -------
    scipy.optimize.OptimizeResult
        What SciPy returned: `fun`, `success`, `message`, `nit`, ...

    Raises
    ------
    TypeError, ValueError
        If the model, the loss or the method is none; if the loss is random, as with dropout in training, changes
        running statistics, or is not finite at the start.
    ImportError
        Without SciPy, the extra `scipy`.

    References
    ----------
    Nocedal and Wright (2006), Numerical optimization, chapters 4 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> result = nn.minimize(model, nn.squared_error, x, 3 * x - 2, method="Newton-CG")
    >>> model.weights.data.round(4), model.bias.data.round(4)
    (array([[3.]], dtype=float32), array([-2.], dtype=float32))
    """
    try:
        from scipy import optimize
    except ImportError as error:
        raise ImportError(NO_SCIPY) from error
    if not isinstance(model, Module):
        raise TypeError(NOT_CALLABLE.format(what=type(model).__name__, which="model"))
    if not callable(loss_fn):
        raise TypeError(NOT_CALLABLE.format(what=type(loss_fn).__name__, which="loss_fn"))
    if not isinstance(method, str) or method.lower() not in METHODS:
        raise ValueError(METHOD.format(method=method, known=", ".join(map(repr, METHODS.values()))))
    learned = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not learned:
        raise ValueError(NO_PARAMETERS)
    for name, parameter in learned:
        if parameter.dtype.kind == "c":
            raise TypeError(COMPLEX.format(name=name))
    method = METHODS[method.lower()]
    objective = Objective(model, loss_fn, x, y)
    objective.check()
    count = itertools.count(1)

    def after_iteration(vector: Any, *_: Any) -> None:
        if callback is not None:
            loss, _ = objective.value_and_grad(vector)
            callback(Iteration(next(count), loss, objective.gradients, objective.products))

    try:
        return optimize.minimize(
            objective.value_and_grad,
            objective.start,
            method=method,
            jac=True,
            hessp=objective.hvp if method in PRODUCTS else None,
            hess=objective.hessian if method in MATRICES else None,
            tol=tol,
            options=options,
            callback=after_iteration if callback else None,
        )
    finally:
        for (_, parameter), value in zip(learned, objective.split(objective.best), strict=True):
            parameter.data = value.astype(parameter.dtype)


def widened(value: Any) -> Any:
    """Floating-point numbers in float64, others as they are."""
    array = as_values(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
