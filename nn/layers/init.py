"""Initial weights: how large random weights must be so that signals neither shrink nor grow.

Most functions here make an initialiser, which is called as `initialiser(shape, rng)` with `shape = (fan_in, fan_out)`
and returns float64 weights; a gain multiplies them. `layer_sequential` sets the weights of a whole model by a batch.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from autograd_mini import elsewhere, no_grad
from nn.checks import as_values, check_sizes, positive
from nn.elsewhere import INIT
from nn.layers.weighted import draw, layers_of

__all__ = ["as_initialiser", "constant", "glorot", "he", "layer_sequential", "orthogonal", "small_random"]

Initialiser: TypeAlias = "Callable[[tuple[int, int], np.random.Generator], np.ndarray[Any, Any]]"
Model = TypeVar("Model", bound=Callable[..., Any])

UNKNOWN = "init={got!r} names no initialiser. Write one of {known}, or pass one that is made by {functions}."
NO_MODEL = (
    "nn.init.layer_sequential(model, x) was given {got}, in which there is no module with `weights` to scale. Write "
    "the model itself, such as `nn.MLP([2, 16, 1])`, whose weights are not frozen."
)
NO_CALL = "nn.init.layer_sequential: the model did not call {paths}, so the batch says nothing on their weights."
NO_VARIANCE = (
    "nn.init.layer_sequential: the scores of {path} have variance {variance} on the batch, so no scale of its weights "
    "makes it 1. {count} examples were given, and its input has a variance of {before}: give several different finite "
    "ones, or look at the layer below."
)
NOT_REACHED = (
    "nn.init.layer_sequential: after {iterations} scalings the scores of {path} have variance {variance:.3g} instead "
    "of 1, because its bias adds to it. Set the bias to 0 first, or allow more iterations or tolerance."
)


def _drawn(std: float, shape: tuple[int, int], rng: np.random.Generator, uniform: bool) -> np.ndarray[Any, Any]:
    """Independent weights of mean 0 and the given standard deviation."""
    return std * (rng.uniform(-math.sqrt(3), math.sqrt(3), shape) if uniform else rng.standard_normal(shape))


def constant(value: float = 0.0) -> Initialiser:
    """All weights equal, by default 0: for a last layer or the end of a branch; hidden units stay copies of another.

    Parameters
    ----------
    value : float
        What they are.

    Returns
    -------
    callable
        `initialiser(shape, rng)`, with `shape = (fan_in, fan_out)`; weights in float64.

    Examples
    --------
    >>> import nn
    >>> nn.Linear(2, 1, init=nn.init.constant(0.5)).weights.data.tolist()
    [[0.5], [0.5]]
    """
    return lambda shape, _rng: np.full(shape, value, dtype=np.float64)


def small_random(std: float = 0.01) -> Initialiser:
    """Normal weights of standard deviation `std`, whatever the layer's size (the lecture's "small random").

    Parameters
    ----------
    std : float
        Not negative.

    Returns
    -------
    callable
        `initialiser(shape, rng)`, with `shape = (fan_in, fan_out)`; weights in float64.

    Raises
    ------
    ValueError
        If the standard deviation is negative or no number.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> weights = nn.init.small_random(0.1)((200, 100), np.random.default_rng(0))
    >>> round(float(np.std(weights)), 2)
    0.1
    """
    positive("nn.init.small_random", "std", std, zero=True)
    return lambda shape, rng: _drawn(std, shape, rng, uniform=False)


def glorot(gain: float = 1.0, uniform: bool = False) -> Initialiser:
    r"""Weights with :math:`\mathrm{Var}(w) = 2\,\mathrm{gain}^2 / (d_{in} + d_{out})`, normal or uniform.

    It keeps the variance of signals and gradients through tanh layers near 1 while s is small.

    Parameters
    ----------
    gain : float
        Multiplies the weights.
    uniform : bool
        Uniform weights instead of normal ones, of the same variance.

    Returns
    -------
    callable
        `initialiser(shape, rng)`, with `shape = (fan_in, fan_out)`; weights in float64.

    Raises
    ------
    ValueError
        If the gain is not positive.

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> weights = nn.init.glorot()((200, 100), np.random.default_rng(0))
    >>> round(float((200 + 100) / 2 * np.var(weights)), 1)
    1.0
    """
    positive("nn.init.glorot", "gain", gain)
    return lambda shape, rng: _drawn(gain * np.sqrt(2 / sum(shape)), shape, rng, uniform)


def he(slope: float = 0.0, gain: float = 1.0, backward: bool = False, uniform: bool = False) -> Initialiser:
    r"""Weights with :math:`\tfrac{1 + a^2}{2}\, d\, \mathrm{Var}(w) = \mathrm{gain}^2`, for slope `a` below 0.

    With :math:`d = d_{in}` it keeps the variance of signals through ReLU (slope 0), leaky ReLU and PReLU layers, with
    :math:`d = d_{out}` that of gradients on their way back (He et al. 2015, *Delving deep into rectifiers*, equations
    10 and 14).

    Parameters
    ----------
    slope : float
        a, of the activation that follows.
    gain : float
        Multiplies the weights.
    backward : bool
        Count the outputs instead of the inputs.
    uniform : bool
        Uniform weights instead of normal ones, of the same variance.

    Returns
    -------
    callable
        `initialiser(shape, rng)`, with `shape = (fan_in, fan_out)`; weights in float64.

    Raises
    ------
    ValueError
        If the gain is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> weights = nn.init.he()((200, 100), np.random.default_rng(0))
    >>> round(float(200 / 2 * np.var(weights)), 1)
    1.0
    """
    positive("nn.init.he", "gain", gain)
    positive("nn.init.he", "slope", abs(slope), zero=True)
    return lambda shape, rng: _drawn(gain * np.sqrt(2 / ((1 + slope**2) * shape[backward])), shape, rng, uniform)


def orthogonal(gain: float = 1.0) -> Initialiser:
    """A random matrix with orthonormal rows or columns, whichever are fewer, times `gain`.

    Parameters
    ----------
    gain : float
        Multiplies the weights.

    Returns
    -------
    callable
        `initialiser(shape, rng)`, with `shape = (fan_in, fan_out)`; weights in float64.

    Raises
    ------
    ValueError
        If the gain is not positive.

    References
    ----------
    Saxe et al. (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> weights = nn.init.orthogonal()((3, 3), np.random.default_rng(0))
    >>> bool(np.allclose(weights.T @ weights, np.eye(3)))
    True
    """
    positive("nn.init.orthogonal", "gain", gain)

    def initialise(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray[Any, Any]:
        tall = rng.standard_normal((max(shape), min(shape)))
        q, r = np.linalg.qr(tall)
        q *= np.sign(np.diagonal(r))  # makes the distribution uniform over orthogonal matrices
        return gain * (q if shape[0] >= shape[1] else q.T)

    return initialise


BY_NAME: dict[str, Callable[[], Initialiser]] = {
    "zeros": constant,
    "small_random": small_random,
    "glorot": glorot,
    "glorot_uniform": functools.partial(glorot, uniform=True),
    "he": he,
    "he_uniform": functools.partial(he, uniform=True),
    "orthogonal": orthogonal,
}


def as_initialiser(init: str | Initialiser) -> Initialiser:
    """The initialiser of a name, or `init` itself.

    Parameters
    ----------
    init : str or callable
        "zeros", "small_random", "glorot", "glorot_uniform", "he", "he_uniform" or "orthogonal".

    Returns
    -------
    callable
        `initialiser(shape, rng)`, with `shape = (fan_in, fan_out)`; weights in float64.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.init.as_initialiser("zeros")((2, 1), np.random.default_rng(0)).tolist()
    [[0.0], [0.0]]
    """
    if callable(init):
        return init
    if not isinstance(init, str) or init not in BY_NAME:
        makers = (constant, small_random, glorot, he, orthogonal)
        functions = ", ".join(f"nn.init.{maker.__name__}(...)" for maker in makers)
        raise ValueError(UNKNOWN.format(got=init, known=", ".join(map(repr, BY_NAME)), functions=functions))
    return BY_NAME[init]()


def layer_sequential(
    model: Model,
    x: Any,
    *,
    rng: int | np.random.Generator | None = None,
    tolerance: float = 0.01,
    iterations: int = 10,
) -> Model:
    r"""Weights by which the scores of every layer have variance 1 on a batch (Mishkin & Matas 2016, *All you need is a
    good init*: layer-sequential unit-variance).

    All weights start as random orthogonal matrices. Then the batch goes through the model once, and each layer that it
    comes to divides its weights by the standard deviation of its scores before the batch goes on. No activation has to
    be known, and biases stay as they are.

    Parameters
    ----------
    model : Module
        Its layers are the modules with a parameter `weights` of two or more axes that is not frozen, such as `Linear`
        and `Conv2d`; they may be called in any order. A shared one is scaled at its first call.
    x : array_like or tuple of them
        A batch of examples; a tuple is passed as several arguments. It runs in evaluation mode, so that no running
        statistics or random states change.
    rng : int or numpy.random.Generator, optional
        Where the orthogonal matrices come from.
    tolerance : float
        How far from 1 the variance may be.
    iterations : int
        How often a layer may be scaled: once is enough where the bias is 0.

    Returns
    -------
    Module
        The model, which was changed.

    Raises
    ------
    ValueError
        If there are no layers, one is not called, or its scores cannot have variance 1; the layer is named.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.random.default_rng(0).standard_normal((100, 8))
    >>> model = nn.init.layer_sequential(nn.MLP([8, *[16] * 20, 1], "gelu"), x, rng=0)
    >>> round(float(np.var(model(x).data)), 2)
    1.0
    """
    check_sizes("nn.init.layer_sequential", iterations=iterations)
    layers = layers_of(model)
    if not layers:
        raise ValueError(NO_MODEL.format(got=f"the class {model.__name__}" if isinstance(model, type) else repr(model)))
    rng = np.random.default_rng(rng)
    waiting = dict(layers)

    def scale(layer: Any, args: tuple[Any, ...], scores: Any) -> Any:
        path = waiting.pop(layer, None)
        if path is None:
            return None
        for _ in range(iterations + 1):
            variance = _spread(scores)
            if not 0 < variance < np.inf:
                count, before = len(scores) if scores.ndim else 1, _spread(args[0])
                raise ValueError(NO_VARIANCE.format(path=path, variance=variance, count=count, before=before))
            if abs(variance - 1) <= tolerance:
                return scores
            layer.weights.data = (layer.weights.data / math.sqrt(variance)).astype(layer.weights.dtype)
            scores = layer.forward(*args)
        raise ValueError(NOT_REACHED.format(path=path, iterations=iterations, variance=variance))

    with contextlib.ExitStack() as stack:
        for module in {*layers, model, *(part for _, part in model.named_modules())}:  # type: ignore[attr-defined]
            stack.callback(setattr, module, "training", module.training)
            module.training = False
        for layer in layers:
            draw(layer, orthogonal(), rng)
            stack.enter_context(layer.register_forward_hook(scale))
        stack.enter_context(no_grad())
        model(*(x if isinstance(x, tuple) else (x,)))
    if waiting:
        raise ValueError(NO_CALL.format(paths=", ".join(waiting.values())))
    return model


def _spread(values: Any) -> float:
    """The variance of all numbers; of none it is NaN."""
    values = as_values(values)
    return float(np.var(values, dtype=np.float64)) if values.size else math.nan


if not TYPE_CHECKING:  # to checkers no other name exists

    def __getattr__(name: str) -> Any:
        raise elsewhere.missing("nn.init", name, INIT, __all__)
