"""`minimize`: SciPy's optimizers for a model's weights, with exact gradients and Hessian-vector products.

SciPy's searches end where a loss is NaN. Here they are told one that goes on there, and so try a shorter step.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Tensor, no_grad, value_and_grad, vjp
from autograd_mini import grad as gradient_of
from nn.checks import as_values
from nn.module import Module
from nn.optimizers.curvature import gauss_newton_product

FIRST_ORDER = "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP"
PRODUCTS = "Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"
GAUSS_NEWTON = "gauss-newton"  # for SciPy trust-ncg, with other products
MATRICES = "trust-exact", "dogleg"
METHODS = {name.lower(): name for name in (*FIRST_ORDER, *PRODUCTS, *MATRICES, GAUSS_NEWTON)}

NO_SCIPY = 'nn.minimize needs SciPy. Write `pip install "autograd-mini[scipy]"`.'
NOT_CALLABLE = (
    "nn.{call}(model, loss_fn, x, y) was given a {what} as its {which}. Write the model itself, such as "
    "`nn.MLP([2, 16, 1])`, and a function of its outputs and the targets, such as `nn.squared_error`."
)
ON_DEVICE = (
    "minimize(...) was given a model on {device}. SciPy's methods compute in the host's memory: write "
    '`model.to_device("cpu")`.'
)
METHOD = "nn.minimize(method={method!r}): choose from {known}. All of them use the gradient."
NO_PARAMETERS = "nn.{call} was given a model without parameters that require grad, so there is nothing to minimise by."
COMPLEX = "nn.{call}: the parameter {name} is complex, and SciPy's vectors are real here. Split it into two."
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
NO_SLOPE = (
    "nn.minimize: the gradient by {name} is not finite at the weights to start from, where the loss is {value}. Start "
    "elsewhere: there is a kink, such as that of np.sqrt at 0."
)
NO_CURVATURE = (
    "The Hessian is not finite at these weights, so this method cannot go on. Take one that needs the gradient alone, "
    "such as 'L-BFGS-B'."
)
NOT_STATIONARY = (
    "It stopped where the loss has no minimum: a step down the gradient still lowers it by {gain:.3g}. The loss may be "
    "undefined close by, or fall without end. Start elsewhere, or take another method. SciPy said: {message}"
)

OUTSIDE = ArithmeticError, np.linalg.LinAlgError  # what a loss may raise where it is not defined
FLAT = 1e-5  # what most methods take for a gradient of 0
GAIN = 1e-6  # how much less the loss may be down the gradient, beside its size or 1, where success is reported


class Iteration(NamedTuple):
    """What a callback is told after an iteration."""

    number: int
    """Counted from 1."""
    loss: float
    gradients: int
    """How often the loss and its gradient were computed until now."""
    products: int
    """How many Hessian-vector products were."""


class NoCurvature(Exception):  # noqa: N818 (it ends a run, and is not seen outside)
    """The Hessian is not finite."""


class Objective:
    """A model's loss as a function of all its weights in one float64 vector; a copy of the model computes it.

    Where the loss or its gradient is not finite, or an arithmetic error is raised, a step was too long. What SciPy is
    told there is the mirror image of the loss as it was at the last iteration, f + |g d| with the slope -g: more than
    there, so that no search accepts it, and as much as makes it try a shorter step next.
    """

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
        self.best, self.lowest, self.steepest = self.start, np.inf, np.zeros_like(self.start)
        self.last = self.start  # the weights of the last iteration
        self.mirrored: Any = None  # those weights with the loss and the gradient, once they were asked for
        self.at: Any = None
        self.curved_at: Any = None
        self.gradients = self.products = 0

    def split(self, vector: Any) -> list[Any]:
        """The vector as the arrays of the parameters."""
        pieces = np.split(vector, self.ends[:-1])
        return [np.reshape(piece, shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def output(self, values: Sequence[Any]) -> Any:
        """The model's output with these values in place of the parameters that require grad."""
        parts: list[Any] = list(self.parts)
        for place, value in zip(self.places, values, strict=True):
            parts[place] = value
        return self.rebuild(parts)(*self.inputs)

    def loss_of(self, output: Any) -> Any:
        """The loss of an output."""
        return self.loss_fn(output, *self.targets)

    def loss(self, values: Sequence[Any]) -> Any:
        """The loss with these values."""
        return self.loss_of(self.output(values))

    def computed(self, vector: Any) -> tuple[float, Any] | None:
        """The loss and its gradient, None if they are not finite; a loss that is best so far is remembered."""
        self.gradients += 1
        try:
            with silenced():
                value, slopes = value_and_grad(self.loss)(self.split(vector))
        except OUTSIDE:
            return None
        loss, slope = as_values(value).item(), np.concatenate([np.ravel(slope) for slope in slopes])
        if not (np.isfinite(loss) and np.all(np.isfinite(slope))):
            return None
        if loss < self.lowest:
            self.best, self.lowest, self.steepest = np.array(vector), loss, slope
        return loss, slope

    def value_and_grad(self, vector: Any) -> tuple[float, Any]:
        """The loss and its gradient, or what stands for them outside its domain; remembered for the last vector."""
        if self.at is None or not np.array_equal(vector, self.at):
            self.value, self.slope = self.computed(vector) or self.mirror(vector)
            self.at = np.array(vector)
        return self.value, self.slope

    def mirror(self, vector: Any) -> tuple[float, Any]:
        """The loss of the last iteration as it would rise, by its slope there, in the direction of these weights."""
        if self.mirrored is None or self.mirrored[0] is not self.last:
            self.mirrored = (self.last, *(self.computed(self.last) or (self.lowest, self.steepest)))
        last, value, slope = self.mirrored
        change = float(np.dot(slope, vector - last))
        rise = abs(change) if np.isfinite(change) and change else 1 + abs(value)
        return value + rise, slope if change > 0 else -slope

    def hvp(self, vector: Any, direction: Any) -> Any:
        """The Hessian times a direction: one more backward through the gradient's graph."""
        # The Hessian is symmetric, so pulling a direction back through the gradient multiplies by it.
        return self.product(lambda values: vjp(gradient_of(self.loss), values)[1], vector, direction)

    def gauss_newton(self, vector: Any, direction: Any) -> Any:
        """The Gauss-Newton matrix times a direction."""
        return self.product(lambda values: gauss_newton_product(self.output, self.loss_of, values), vector, direction)

    def product(self, multiplier: Callable[[Any], Callable[[Any], Any]], vector: Any, direction: Any) -> Any:
        """A matrix at some weights times a direction; what multiplies by it is kept for the last weights."""
        self.products += 1
        try:
            with silenced():
                if self.curved_at is None or not np.array_equal(vector, self.curved_at):
                    self.multiply = multiplier(self.split(vector))
                    self.curved_at = np.array(vector)
                (product,) = self.multiply(self.split(direction))
        except OUTSIDE as error:
            raise NoCurvature from error
        found = np.concatenate([np.ravel(part) for part in product])
        if not np.all(np.isfinite(found)):
            raise NoCurvature
        return found

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
        found = self.computed(self.start)
        if found is None:
            raise ValueError(NO_SLOPE.format(name=self.steep(), value=first))
        self.at, (self.value, self.slope) = self.start, found

    def steep(self) -> str:
        """The first of the parameters by which the gradient at the start is not finite."""
        names = [name for name, parameter in self.copy.named_parameters() if parameter.requires_grad]
        try:
            with silenced():
                slopes = gradient_of(self.loss)(self.split(self.start))
        except OUTSIDE:
            return "the weights"
        return next(name for name, slope in zip(names, slopes, strict=True) if not np.all(np.isfinite(slope)))

    def gain(self) -> float:
        """How much less the loss is somewhere down the gradient from the best weights."""
        gain, length = 0.0, (1 + np.max(np.abs(self.best))) / np.max(np.abs(self.steepest))
        for step in length * 0.1 ** np.arange(1, 13):
            with silenced(), no_grad(), contextlib.suppress(*OUTSIDE):
                value = as_values(self.loss(self.split(self.best - step * self.steepest))).item()
                gain = max(gain, self.lowest - value if np.isfinite(value) else 0.0)
        return gain


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
    exactly, by differentiating the gradient's graph (Pearlmutter 1994). "gauss-newton" solves the same, in a trust
    region, with the products of `nn.gauss_newton`, which for a loss that is convex in the outputs never curve
    downwards: Levenberg and Marquardt's method for least squares, natural gradients for cross-entropy.

    Parameters
    ----------
    model : Module
        What to fit; frozen parameters stay. It ends with the best weights that were tried, in its own dtype, also when
        the run is interrupted. The loss need not be defined everywhere: a step to where it, or its gradient, is not
        finite or an ArithmeticError is raised is a step too long, and a shorter one is tried.
    loss_fn : callable
        `loss_fn(model(x), y)`, or `loss_fn(model(x))` if there is no `y`: a tensor of one entry. Add penalties here.
    x : array_like or tuple of them
        All inputs; a tuple is passed as several arguments.
    y : array_like, optional
        The targets.
    method : str
        By gradients: "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP". By Hessian-vector products: "Newton-CG", "trust-ncg",
        "trust-krylov", "trust-constr". By Gauss-Newton products: "gauss-newton". By the whole Hessian, for few weights:
        "trust-exact", "dogleg".
    tol, options
        As of `scipy.optimize.minimize`, such as `options={"maxiter": 100}`.
    callback : callable, optional
        Called after each iteration with its `number`, its `loss`, and the counts of `gradients` and `products` until
        then; raise StopIteration there to end the run.

    Returns
    -------
    scipy.optimize.OptimizeResult
        What SciPy returned: `success`, `message`, `nit`, ...; `x`, `fun` and `jac` are the weights that the model ends
        with, their loss and its gradient. There is no success where a step down the gradient still lowers the loss by
        more than a millionth of its size (of 1, if that is more), or than the tolerance that was asked for.

    Raises
    ------
    TypeError, ValueError
        If the model, the loss or the method is none; if the loss is random, as with dropout in training, changes
        running statistics, or is not finite at the start, or its gradient is not.
    ImportError
        Without SciPy, the extra `scipy`.

    References
    ----------
    Nocedal and Wright (2006), Numerical optimization, chapters 4, 7 and 10. Martens (2010), Deep learning via
    Hessian-free optimization.

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
    learned = checked("minimize", model, loss_fn)
    if not isinstance(method, str) or method.lower() not in METHODS:
        raise ValueError(METHOD.format(method=method, known=", ".join(map(repr, METHODS.values()))))
    method = METHODS[method.lower()]
    if model.device != "cpu":
        raise ValueError(ON_DEVICE.format(device=model.device))
    objective = Objective(model, loss_fn, x, y)
    objective.check()
    count = itertools.count(1)

    def after_iteration(vector: Any, *_: Any) -> None:
        objective.last = np.array(vector)
        if callback is not None:
            loss, _ = objective.value_and_grad(vector)
            callback(Iteration(next(count), loss, objective.gradients, objective.products))

    try:
        result = optimize.minimize(
            objective.value_and_grad,
            objective.start,
            method="trust-ncg" if method == GAUSS_NEWTON else method,
            jac=True,
            hessp=objective.gauss_newton if method == GAUSS_NEWTON else objective.hvp if method in PRODUCTS else None,
            hess=objective.hessian if method in MATRICES else None,
            tol=tol,
            options=options,
            callback=after_iteration,
        )
    except NoCurvature:
        result = optimize.OptimizeResult(success=False, status=-1, message=NO_CURVATURE, nit=next(count) - 1)
    finally:
        for parameter, value in zip(learned, objective.split(objective.best), strict=True):
            parameter.data = value.astype(parameter.dtype)
    return judged(result, objective, tol, options or {})


def checked(call: str, model: Any, loss_fn: Any) -> list[Any]:
    """The parameters that are not frozen; an error if there are none, or what was given is no model and no loss."""
    if not isinstance(model, Module):
        raise TypeError(NOT_CALLABLE.format(call=call, what=type(model).__name__, which="model"))
    if not callable(loss_fn):
        raise TypeError(NOT_CALLABLE.format(call=call, what=type(loss_fn).__name__, which="loss_fn"))
    learned = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not learned:
        raise ValueError(NO_PARAMETERS.format(call=call))
    for name, parameter in learned:
        if parameter.dtype.kind == "c":
            raise TypeError(COMPLEX.format(call=call, name=name))
    return [parameter for _, parameter in learned]


def judged(result: Any, objective: Objective, tol: float | None, options: dict[str, Any]) -> Any:
    """SciPy's result at the best weights that were tried; a success only if the loss has a minimum there."""
    result.x, result.fun, result.jac = objective.best, objective.lowest, objective.steepest
    asked = [option for name, option in options.items() if name in {"ftol", "gtol", "xtol"}]
    loose = max([tolerance for tolerance in (tol, *asked) if tolerance], default=0.0)
    if result.success and np.max(np.abs(result.jac)) > max(FLAT, loose):
        gain = objective.gain()
        if gain > max(GAIN, loose) * max(1.0, abs(result.fun)):
            result.success = False
            result.message = NOT_STATIONARY.format(gain=gain, message=result.message)
    return result


def silenced() -> Any:
    """Without NumPy's warnings, as what they warn of is seen in the result; what shall raise does."""
    warned: dict[str, Any] = {kind: "ignore" for kind, how in np.geterr().items() if how == "warn"}
    return np.errstate(**warned)


def widened(value: Any) -> Any:
    """Floating-point numbers in float64, others as they are."""
    array = as_values(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
