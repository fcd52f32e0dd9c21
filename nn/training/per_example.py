"""Gradients of single examples, all at once, and what is made of them. No loop of training lives here."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini import everywhere, grad, vmap
from nn.checks import as_values, is_number, positive, whole
from nn.losses.means import shape_of
from nn.module import Module
from nn.noise import noisy
from nn.norms import norms_of_examples
from nn.optimizers.clipping import LIMIT
from nn.training.evaluation import NO_TARGET, Bring, check_loss, check_model, parts_of_batch

NO_DATA = "{call} was given no data. Write `{call}(model, x, y)`."
EXAMPLES = (
    "{call} was given arrays of the lengths {lengths}. Their first axis counts the examples, the same in all of them."
)
NO_EXAMPLES = "{call} was given no examples. Leave empty batches out."
NO_PARAMETERS = "{call} was given a model of which no parameter is trainable, so there is no gradient."

NOT_FINITE = (
    "clip_examples: the gradient of example {example} by {name!r} is NaN or infinite, so no scaling makes it usable. "
    "Leave the example out, or put the step into `with autograd_mini.checked():` to see where it comes from."
)
NOISE = (
    "clip_examples(noise={noise}, norm={norm}): the noise is so many times the norm that an example may have. Write a "
    "finite norm, such as 1.0."
)


def per_example_grad(
    loss: Callable[..., Any], *, chunk: int | None = None
) -> Callable[..., dict[str, np.ndarray[Any, Any]]]:
    r"""The gradient of each example's loss: :math:`g_n = \partial e(f_w(x_n), y_n) / \partial w`, for all n at once.

    The mean over the examples is what a backward through the mean loss adds to `.grad`.

    Parameters
    ----------
    loss : callable
        `loss(output, target)`, such as `nn.cross_entropy`; it sees each example as a batch of one.
    chunk : int, optional
        How many examples to go through at once, by default all. Less memory for a little more time.

    Returns
    -------
    callable
        Of a model and a batch `(model, x, y)`, arrays whose first axis counts the examples: a dict from the names of
        the trainable parameters to arrays of shape (examples, \*shape), in their dtype. As for `nn.fit`, the last array
        is the target and all others are inputs; of a single array there is no target, and the loss gets the output
        alone.

    Raises
    ------
    ValueError
        If the arrays differ in length or are empty; if the model's output for an example depends on the others, as
        behind `nn.BatchNorm` in training mode.
    TypeError
        If the model decides by values, in `if` or `float()`, where examples may differ.

    Notes
    -----
    The result takes examples x parameters numbers. The model stays as it is: neither its `.grad`, its buffers nor its
    mode change, and hooks of its parameters are not called. Its random generators go on: each example has a mask of its
    own. Each `loss` is taken of one example, so what it divides by is of that example alone (Goodfellow 2015,
    *Efficient Per-Example Gradient Computations*, has the case of linear layers).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.Linear(2, 1, bias=False, rng=0)
    >>> model.weights.data = np.array([[1.0], [0.0]], np.float32)
    >>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0], [2.0]])
    >>> nn.per_example_grad(nn.squared_error)(model, x, y)["weights"].tolist()  # 2 (s_n - y_n) x_n
    [[[2.0], [4.0]], [[6.0], [8.0]]]
    """
    check_loss(loss, "per_example_grad")
    if chunk is not None:
        whole("per_example_grad", "chunk", chunk)

    def gradients(model: Module, *data: Any) -> dict[str, np.ndarray[Any, Any]]:
        parts = list(gradients_by_chunks("per_example_grad(loss)", model, loss, data, chunk))
        return parts[0] if len(parts) == 1 else {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    return gradients


def clip_examples(
    model: Module,
    loss: Callable[..., Any],
    *data: Any,
    norm: float,
    noise: float = 0.0,
    rng: int | np.random.Generator | None = None,
    chunk: int | None = None,
) -> np.ndarray[Any, Any]:
    r"""Set `.grad` to the mean of the examples' gradients, each clipped, so that none counts for more than a norm.

    .. math::
        g = \frac1N \Big(\sum_n g_n \min(1, c / \|g_n\|) + \sigma c z\Big), \qquad z \sim \mathcal N(0, 1)

    It takes the place of `backward` in a training step; with noise, a step of an optimizer is then one of DP-SGD
    (Abadi et al. 2016, *Deep Learning with Differential Privacy*, algorithm 1).

    Parameters
    ----------
    model : Module
        `.grad` of its trainable parameters is replaced.
    loss : callable
        `loss(output, target)`, which sees each example as a batch of one.
    *data : array_like
        A batch, as of `nn.per_example_grad`.
    norm : float
        c, the largest norm of an example's gradient, taken over all parameters together; infinite for no clipping.
    noise : float
        :math:`\sigma`, the standard deviation of the noise in units of c.
    rng : int or numpy.random.Generator, optional
        Where the noise comes from; pass a generator that goes on from step to step.
    chunk : int, optional
        How many examples to go through at once, by default all: the memory is that of so many gradients.

    Returns
    -------
    ndarray
        The norms before, shape (examples,).

    Raises
    ------
    ValueError
        As `nn.per_example_grad`; if the norm is not positive, the noise is negative, or there is noise and no norm.
    FloatingPointError
        If the gradient of an example is not finite; the model keeps its `.grad`.
    TypeError
        If the loss is no function of outputs and targets.

    Notes
    -----
    The mean is over the examples given. How much privacy a number of steps leaves depends on how batches are drawn, and
    is not computed here; it holds for noise of a generator whose seed nobody knows.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.Linear(2, 1, init=nn.init.constant(0.0), bias=False, dtype=float)
    >>> optimizer = nn.SGD(model.parameters(), 0.1)
    >>> x, y = np.array([[3.0, 4.0], [0.0, 0.25]]), np.array([[-5.0], [-1.0]])
    >>> nn.clip_examples(model, nn.squared_error, x, y, norm=1.0).tolist()
    [50.0, 0.5]
    >>> model.weights.grad.round(3).tolist()  # ((0.6, 0.8) + (0, 0.5)) / 2
    [[0.3], [0.65]]
    >>> optimizer.step()
    """
    check_loss(loss, "clip_examples")
    if not (is_number(norm) and norm > 0):
        raise ValueError(LIMIT.format(name="clip_examples", limit="norm", got=norm))
    if positive("clip_examples", "noise", noise, zero=True) and not math.isfinite(norm):
        raise ValueError(NOISE.format(noise=noise, norm=norm))
    if chunk is not None:
        whole("clip_examples", "chunk", chunk)
    sums: dict[str, Any] = {}
    norms: list[Any] = []
    for gradients in gradients_by_chunks("clip_examples", model, loss, data, chunk):
        sizes = norms_of_examples(list(gradients.values()))
        check_finite(gradients, sizes, sum(map(len, norms)))
        shares = norm / np.maximum(sizes, norm) if math.isfinite(norm) else np.ones_like(sizes)
        for name, gradient in gradients.items():
            part = np.tensordot(shares.astype(gradient.dtype), gradient, 1)
            sums[name] = part if name not in sums else sums[name] + part
        norms.append(sizes)
    generator = np.random.default_rng(rng)
    count = sum(map(len, norms))
    for name, parameter in model.named_parameters():
        if name in sums:
            noisy_sum = noisy(sums[name], noise * norm, generator) if noise else sums[name]
            parameter.grad = noisy_sum / parameter.dtype.type(count)
    return np.concatenate(norms)


def check_finite(gradients: dict[str, Any], sizes: Any, start: int) -> None:
    """Raise if the gradient of an example is not finite."""
    wrong = ~np.isfinite(sizes)
    if not everywhere(~wrong):
        i = int(np.argmax(wrong))
        name = next(name for name, gradient in gradients.items() if not np.all(np.isfinite(gradient[i])))
        raise FloatingPointError(NOT_FINITE.format(example=start + i, name=name))


def gradients_by_chunks(
    call: str, model: Module, loss: Callable[..., Any], data: tuple[Any, ...], chunk: int | None
) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """The gradients of so many examples at a time."""
    check_model(model, call, "differentiated")
    names, parameters = trainable(call, model)
    arrays = [as_values(part) for part in data]
    inputs, *others = parts_of_batch(tuple(arrays), False)
    arrays = [*Bring(model).inputs(inputs), *(part for part in others if part is not None)]
    count = checked_count(call, arrays)
    of_one = vmap(grad(loss_of_one(model, loss, parameters)), in_axes=(None, *[0] * len(arrays)))
    values = [parameter.data for parameter in parameters]
    for start in range(0, count, chunk or count):
        slopes = of_one(values, *(array[start : start + (chunk or count)] for array in arrays))
        yield dict(zip(names, slopes, strict=True))


def loss_of_one(model: Module, loss: Callable[..., Any], parameters: list[Any]) -> Callable[..., Any]:
    """The loss of an example, as a function of the parameters' values and of the example.

    A copy of the model computes it, which draws from the model's own generators.
    """
    shared = {id(part): part for _, part in (*model.named_parameters(), *model.named_generators())}

    def loss_of(values: list[Any], *example: Any) -> Any:
        given = {id(parameter): value for parameter, value in zip(parameters, values, strict=True)}
        *inputs, target = [part[None] for part in example] if len(example) > 1 else (example[0][None], None)
        output = copy.deepcopy(model, shared | given)(*inputs)
        if target is not None:
            return loss(output, target)
        try:
            return loss(output)
        except TypeError as error:
            error.add_note(NO_TARGET)
            raise

    return loss_of


def trainable(call: str, model: Module) -> tuple[list[str], list[Any]]:
    """The names and the parameters that are not frozen."""
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not named:
        raise ValueError(NO_PARAMETERS.format(call=call))
    return [name for name, _ in named], [parameter for _, parameter in named]


def checked_count(call: str, arrays: list[Any]) -> int:
    """How many examples there are, the same in all arrays."""
    if not arrays:
        raise TypeError(NO_DATA.format(call=call))
    lengths = [shape_of(array)[:1] for array in arrays]
    if len({*lengths}) > 1 or not lengths[0]:
        raise ValueError(EXAMPLES.format(call=call, lengths=[length[0] if length else "none" for length in lengths]))
    if not lengths[0][0]:
        raise ValueError(NO_EXAMPLES.format(call=call))
    return int(lengths[0][0])
