"""One hidden layer grown neuron by neuron: gradient boosting whose weak learners are neurons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor, grad, no_grad, value_and_grad
from nn.checks import whole
from nn.layers.linear import MLP, Linear, Sequential, as_activation
from nn.losses import squared_error
from nn.module import Module

NO_SCIPY = 'boost() fits each neuron by L-BFGS, which needs SciPy. Write `pip install "autograd-mini[scipy]"`.'
INPUTS = (
    "boost() was given inputs of shape {got}. Give rows of numbers, one for each example: shape (examples, inputs)."
)
FINITE = (
    "boost() was given {what} with {count} entries that are not finite, the first at index {index}. Leave them out."
)
LENGTHS = "boost() was given {inputs} inputs and {targets} targets. Each example has one of both."
SHRINKAGE = "boost(shrinkage={got}): the part of each neuron's vote that is taken lies above 0 and up to 1."
WEIGHT_DECAY = "boost(weight_decay={got}): the weight of a penalty is at least 0."
LOSS = "boost(loss={got!r}) takes a function of scores and targets, such as `nn.squared_error` or `nn.cross_entropy`."
ONE_HIDDEN = (
    "boost(model=...) was given {got}. Only one hidden layer can grow: give what boost() returned, "
    "`nn.MLP([inputs, neurons, outputs])`, or another `nn.Sequential(nn.Linear(...), activation, nn.Linear(...))`."
)
WIDTH = "boost(model=...): the model takes {d_in} inputs, but the examples have {got}."
NO_DERIVATIVE = (
    "boost() needs the derivative of the loss by each score, and for scores from {low} to {high} it is not finite. "
    "Scale the targets, or choose a smaller shrinkage."
)
TINY = np.finfo(float).tiny
FARTHEST = 64.0  # a loss that falls for ever along a vote, as that of separable classes, is followed so far

Array = np.ndarray[Any, Any]


def boost(
    x: Any,
    y: Any,
    neurons: int,
    *,
    loss: Callable[[Any, Any], Any] = squared_error,
    outputs: int = 1,
    activation: str | Callable[[], Module] | Module = "tanh",
    model: Module | None = None,
    shrinkage: float = 1.0,
    weight_decay: float = 0.0,
    starts: int = 4,
    rng: int | np.random.Generator | None = None,
    dtype: Any = np.float32,
) -> MLP:
    r"""Grow one hidden layer by gradient boosting, one neuron at a time; backprop may go on with what it returns.

    The scores are :math:`s(x) = c + \sum_t \alpha_t g_t(x)`. The constant c comes first; then each round

    1. asks the loss where each score should go: the residual :math:`r_n = -\partial L / \partial s_n`, which for the
       squared error is :math:`y_n - s_n` up to a factor;
    2. fits one neuron :math:`g(x) = \phi(w^T x + b)` to it by least squares, with L-BFGS from a few random starts;
    3. adds it with the vote :math:`\alpha` along that fit which makes the loss least.

    What was added is not changed again. To see the error fall, add one at a time:
    `model = nn.boost(x, y, neurons=1, model=model)`.

    Parameters
    ----------
    x : array_like
        Inputs, shape (examples, inputs), of any scale.
    y : array_like
        What the loss compares the scores with: shape (examples, outputs) for the squared error, labels of shape
        (examples,) for the cross-entropy.
    neurons : int
        How many to add.
    loss : callable
        `loss(scores, y)`, a mean over the examples that is convex in the scores, of shape (examples, outputs). One
        with a slope everywhere: the absolute error of labels, say, has most scores at a kink, and no way is seen down.
    outputs : int
        The number of scores of an example; a given model has its own.
    activation : str, callable or Module
        As for `nn.MLP`; a given model has its own.
    model : Sequential, optional
        A network with one hidden layer, to which the neurons are added; it is not changed itself.
    shrinkage : float
        The part of each vote that is taken. Less than 1 needs more neurons and overfits more slowly.
    weight_decay : float
        :math:`\lambda` of the penalties :math:`\lambda\|w\|^2` on the weights of the standardised inputs and
        :math:`\lambda\|\alpha\|^2` on the votes in the fit of each neuron, which is to a residual of mean square 1.
        0.01 is worth a try where the test error stays well above that of training.
    starts : int
        Random starts for each neuron.
    rng : int or numpy.random.Generator, optional
        Where they come from.
    dtype : dtype
        Of the parameters; the fit itself is in float64.

    Returns
    -------
    MLP
        With one hidden layer, the neurons in the order in which they were added. Its output bias is c.

    Raises
    ------
    ValueError
        If shapes, numbers or options do not fit, or the derivative of the loss is not finite.
    TypeError
        If the model has another structure.

    Notes
    -----
    Slide "How to Learn the Weights?". Friedman 2001, *Greedy Function Approximation: A Gradient Boosting Machine*.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.linspace(-2, 2, 50)[:, None]
    >>> y = 1 + 3 * np.tanh(2 * x - 1)
    >>> model = nn.boost(x, y, neurons=1, rng=0)  # y is one neuron, so one is enough
    >>> float(nn.squared_error(model(x), y).data) < 1e-8
    True
    >>> print(nn.boost(x, y, neurons=4, model=model, rng=0))
    MLP()  # 16 parameters
      0: Linear(weights: (1, 5), bias: (5,))
      1: Tanh()
      2: Linear(weights: (5, 1), bias: (1,))
    """
    x, y = checked(x, y)
    for name, number in (("neurons", neurons), ("outputs", outputs), ("starts", starts)):
        whole("boost", name, number)
    if not callable(loss):
        raise TypeError(LOSS.format(got=loss))
    if not 0 < shrinkage <= 1:
        raise ValueError(SHRINKAGE.format(got=shrinkage))
    if not weight_decay >= 0:
        raise ValueError(WEIGHT_DECAY.format(got=weight_decay))
    rng = np.random.default_rng(rng)
    slope = slope_of(loss, y)

    if model is None:
        phi = as_activation(activation, dtype).freeze()
        hidden, votes = np.zeros((1 + x.shape[1], 0)), np.zeros((0, outputs))
        centre = vote(np.ones(len(x)), np.zeros((len(x), outputs)), slope, 0.0)  # c is the vote of g_0 = 1
    else:
        first, phi, last = one_hidden(model, x.shape[1])
        hidden, (centre, *rest) = with_bias(first), with_bias(last)
        votes = np.array(rest)
    x = np.column_stack([np.ones(len(x)), x])  # x_0 = 1
    scores = neuron_values(phi, x @ hidden) @ votes + centre

    for _ in range(neurons):
        w = fitted(x, -slope(scores), phi, weight_decay, starts, rng)
        g = neuron_values(phi, x @ w)
        mean = g.mean()  # c takes the neuron's mean, so that its vote is about what varies
        alpha = shrinkage * vote(g - mean, scores, slope, weight_decay)
        hidden, votes = np.column_stack([hidden, w]), np.vstack([votes, alpha])
        centre, scores = centre - mean * alpha, scores + (g - mean)[:, None] * alpha

    grown = MLP([x.shape[1] - 1, *votes.shape], phi, dtype=dtype).unfreeze()
    for layer, weights in ((grown[0], hidden), (grown[2], np.vstack([centre, votes]))):
        layer.weights.data, layer.bias.data = weights[1:].astype(dtype), weights[0].astype(dtype)
    return grown


def slope_of(loss: Callable[[Any, Any], Any], y: Any) -> Callable[[Array], Array]:
    """The derivative of the loss by each score."""
    derivative = grad(lambda scores: loss(scores, y))

    def slope(scores: Array) -> Array:
        found = derivative(scores)
        if not np.all(np.isfinite(found)):
            raise ValueError(NO_DERIVATIVE.format(low=scores.min(), high=scores.max()))
        return found

    return slope


def fitted(  # noqa: PLR0917
    x: Array, residual: Array, phi: Module, weight_decay: float, starts: int, rng: np.random.Generator
) -> Array:
    """The weights of the neuron, bias first, that with a vote and a constant fits the residual best."""
    centre, spread = x[:, 1:].mean(axis=0), x[:, 1:].std(axis=0)
    spread[spread <= 1e-12 * np.abs(centre)] = 1  # constant inputs
    z = np.column_stack([x[:, :1], (x[:, 1:] - centre) / spread])  # so that one start suits inputs of any scale
    residual = residual - residual.mean(axis=0)
    residual = residual / max(np.linalg.norm(residual), TINY)

    def unexplained(w: Any) -> Any:
        """The squared error that is left, over that of the constant alone, and the penalties; votes at their best."""
        g = phi(z @ w)
        g = g - np.mean(g)
        explained = np.sum((g @ residual) ** 2) / (np.sum(g * g) + weight_decay * len(x) + TINY)
        return 1 - explained + weight_decay * np.sum(w[1:] ** 2)

    minimize, objective = scipy_optimize().minimize, value_and_grad(unexplained)
    tries = [minimize(objective, w, jac=True, method="L-BFGS-B") for w in random_neurons(z, starts, rng)]
    w = min(tries, key=lambda result: float(result.fun)).x
    below = w[1:] / spread
    return np.array([w[0] - centre @ below, *below])


def random_neurons(z: Array, count: int, rng: np.random.Generator) -> Array:
    """Neurons of random directions whose scores are 0 at a random example and have a standard deviation near 1."""
    directions = rng.standard_normal((count, z.shape[1] - 1))
    scores = z[:, 1:] @ directions.T
    spread = scores.std(axis=0)
    spread[spread == 0] = 1
    biases = -scores[rng.integers(len(z), size=count), np.arange(count)]
    return np.column_stack([biases, directions]) / spread[:, None]


def vote(g: Array, scores: Array, slope: Callable[[Array], Array], weight_decay: float) -> Array:
    """What each score gets of g: along the least-squares fit of the residual, as far as the loss falls."""
    direction = -len(g) * (g @ slope(scores)) / (g @ g + weight_decay * len(g) + TINY)
    move = g[:, None] * direction

    def along(step: float) -> float:
        return float(np.sum(slope(scores + step * move) * move))

    if along(0.0) >= 0:  # no neuron helps
        return np.zeros_like(direction)
    far = 1.0
    while along(far) < 0:
        if far >= FARTHEST:
            return far * direction
        far *= 2
    return float(scipy_optimize().brentq(along, 0.0, far)) * direction


def neuron_values(phi: Module, scores: Array) -> Array:
    """The activation of scores, as an array."""
    with no_grad():
        found = phi(Tensor(scores))
    return np.asarray(found.data)


def scipy_optimize() -> Any:
    """SciPy's optimizers."""
    try:
        from scipy import optimize
    except ImportError as error:
        raise ImportError(NO_SCIPY) from error
    return optimize


def checked(x: Any, y: Any) -> tuple[Array, Array]:
    """The examples as arrays."""
    x, y = np.asarray(x, float), np.asarray(y)
    if x.ndim != 2 or not x.size:
        raise ValueError(INPUTS.format(got=x.shape))
    if y.shape[:1] != x.shape[:1]:
        raise ValueError(LENGTHS.format(inputs=len(x), targets=len(y) if y.ndim else 1))
    for name, array in (("inputs", x), ("targets", y)):
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            wrong = np.argwhere(~np.isfinite(array))
            index = tuple(map(int, wrong[0]))
            raise ValueError(FINITE.format(what=name, count=len(wrong), index=index))
    return x, y


def one_hidden(model: Module, d_in: int) -> tuple[Linear, Module, Linear]:
    """The parts of a network with one hidden layer."""
    layers: list[Any] = list(model) if isinstance(model, Sequential) else []
    if len(layers) != 3 or not isinstance(layers[0], Linear) or not isinstance(layers[2], Linear):
        layered = f" of {len(layers)} layers" if layers else ""
        raise TypeError(ONE_HIDDEN.format(got=f"a {type(model).__name__}{layered}"))
    first, last = layers[0], layers[2]
    if len(first.weights.data) != d_in:
        raise ValueError(WIDTH.format(d_in=len(first.weights.data), got=d_in))
    return first, as_activation(layers[1], float).freeze(), last


def with_bias(layer: Linear) -> Array:
    """The lecture's (1 + d_in, d_out) weights of a layer, its bias in row 0."""
    bias = np.zeros(layer.weights.shape[1]) if layer.bias is None else layer.bias.data
    return np.vstack([bias, layer.weights.data]).astype(float)
