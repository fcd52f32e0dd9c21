"""`minimize`: SciPy's optimizers for a model's weights, with exact gradients and Hessian-vector products.

SciPy's searches end where a loss is NaN. Here they are told one that goes on there, and so try a shorter step.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nn.cluster import Shards, as_cluster
from nn.module import Module
from nn.optimizers.objective import NoCurvature, Objective

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
NO_CURVATURE = (
    "The Hessian is not finite at these weights, so this method cannot go on. Take one that needs the gradient alone, "
    "such as 'L-BFGS-B'."
)
NOT_STATIONARY = (
    "It stopped where the loss has no minimum: a step down the gradient still lowers it by {gain:.3g}. The loss may be "
    "undefined close by, or fall without end. Start elsewhere, or take another method. SciPy said: {message}"
)

TARGETS = (
    "nn.minimize(model, loss_fn, shards, y) was given targets beside shards. Let each shard have its own, as its last "
    "array: `nn.Shards.arrays(x, y)`."
)
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
    cluster: Any = None,
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
    x : array_like or tuple of them, or Shards
        All inputs; a tuple is passed as several arguments. Of shards with several arrays the last is the targets.
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
    cluster : Cluster or dask.distributed.Client, optional
        Compute the loss, its gradient and the products as sums over shards, on the workers of a Dask cluster: the same
        bits whichever they are (docs/cluster.md). The loss is then a mean over examples, as `nn.fit` has it.

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
    objective = objective_of(model, loss_fn, x, y, cluster)
    with contextlib.closing(objective):
        objective.check()
        count = itertools.count(1)

        def after_iteration(vector: Any, *_: Any) -> None:
            objective.last = np.array(vector)
            if callback is not None:
                loss, _ = objective.value_and_grad(vector)
                callback(Iteration(next(count), loss, objective.gradients, objective.products))

        products = objective.gauss_newton if method == GAUSS_NEWTON else objective.hvp if method in PRODUCTS else None
        try:
            result = optimize.minimize(
                objective.value_and_grad,
                objective.start,
                method="trust-ncg" if method == GAUSS_NEWTON else method,
                jac=True,
                hessp=products,
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


def objective_of(model: Module, loss_fn: Callable[..., Any], x: Any, y: Any, cluster: Any) -> Objective:
    """The loss on all data, computed here or on a cluster."""
    if cluster is None and not isinstance(x, Shards):
        return Objective(model, loss_fn, x, y)
    from nn.optimizers.over_shards import LossOverShards

    shards, has_target = x, None
    if isinstance(x, Shards):
        if y is not None:
            raise TypeError(TARGETS)
    else:
        arrays = (*(x if isinstance(x, tuple) else (x,)), *(() if y is None else (y,)))
        shards, has_target = Shards.arrays(*arrays), y is not None
    return LossOverShards(model, loss_fn, shards, has_target, as_cluster(cluster, "minimize"))


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
