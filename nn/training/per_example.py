"""Gradients of single examples, all at once, and what is made of them. No loop of training lives here."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini import grad, vmap
from nn.checks import as_values, whole
from nn.losses.means import shape_of
from nn.module import Module
from nn.training.evaluation import NO_TARGET, check_loss, check_model, in_precision_of

NO_DATA = "{call} was given no data. Write `{call}(model, x, y)`."
EXAMPLES = (
    "{call} was given arrays of the lengths {lengths}. Their first axis counts the examples, the same in all of them."
)
NO_EXAMPLES = "{call} was given no examples. Leave empty batches out."
NO_PARAMETERS = "{call} was given a model of which no parameter is trainable, so there is no gradient."


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


def gradients_by_chunks(
    call: str, model: Module, loss: Callable[..., Any], data: tuple[Any, ...], chunk: int | None
) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """The gradients of so many examples at a time."""
    check_model(model, call, "differentiated")
    names, parameters = trainable(call, model)
    arrays = [as_values(part) for part in data]
    arrays[: max(1, len(arrays) - 1)] = map(in_precision_of(model), arrays[: max(1, len(arrays) - 1)])
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
