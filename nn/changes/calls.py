"""Which modules a model calls for a batch, in which order and on what. Nothing is changed here."""

from __future__ import annotations

import contextlib
import copy
import math
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import no_grad
from nn.checks import as_values
from nn.layers.activations import (
    ELU,
    GELU,
    SELU,
    LeakyReLU,
    LogSigmoid,
    PReLU,
    ReLU,
    Sigmoid,
    Sign,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nn.layers.weighted import layers_of
from nn.module import Module

NO_LAYERS = "it calls no module with `weights` of two or more axes that are not frozen"
NO_HIDDEN = "it has one layer with weights, and so no hidden one"
NOT_A_MODEL = "nn.changes was given a {what} as the model. Give it an nn.Module."

FEW = 4  # examples tell the shapes
RANGES = {  # what is at the end of a model can return; the others return numbers of any size and both signs
    Sigmoid: (0.0, 1.0),
    Softmax: (0.0, 1.0),
    Tanh: (-1.0, 1.0),
    Sign: (-1.0, 1.0),
    ReLU: (0.0, math.inf),
    Softplus: (0.0, math.inf),
    LogSigmoid: (-math.inf, 0.0),
}
ACTIVATIONS = (Tanh, Sigmoid, ReLU, LeakyReLU, PReLU, ELU, SELU, SiLU, GELU, Softplus, LogSigmoid, Sign)


class Call(NamedTuple):
    """One call of a module: its first argument, what it returned, and whether the model returned that."""

    module: Any
    x: Any
    output: Any
    last: bool


def first_examples(x: Any, count: int) -> tuple[Any, ...]:
    """The first examples of a batch, as the arguments of a model."""
    return tuple(part[:count] for part in (x if isinstance(x, tuple) else (x,)))


def calls(model: Any, x: Any) -> list[Call]:
    """Each call of a module, in the order in which they end, of a few examples in evaluation mode.

    A copy of the model is run, so that no state of this one changes. Parts of an imported model are not called.
    """
    if not isinstance(model, Module):
        raise TypeError(NOT_A_MODEL.format(what=type(model).__name__))
    twin = copy.deepcopy(model).eval()
    names = {part: own for (_, part), (_, own) in zip(twin.named_modules(), model.named_modules(), strict=True)}
    names[twin] = model
    seen: list[tuple[Any, Any, Any]] = []

    def see(module: Module, args: tuple[Any, ...], output: Any) -> None:
        seen.append((names[module], args[0] if args else None, output))

    nodes = {part for whole in names if not whole._has_parts_to_change for _, part in whole.named_modules()}
    with no_grad(), contextlib.ExitStack() as stack:
        for module in names.keys() - nodes:
            stack.enter_context(module.register_forward_hook(see))
        result = twin(*first_examples(x, FEW))
    return [Call(module, argument, output, output is result) for module, argument, output in seen]


def weight_layers(called: list[Call], model: Any) -> list[Any]:
    """The layers with weights in the order of their first calls; ValueError if there are none.

    Tables that are looked up, such as those of `Embedding`, mix nothing and are none.
    """
    known = layers_of(model)
    layers = [call.module for call in called if call.module in known and not call.module.indexed]
    if not layers:
        raise ValueError(NO_LAYERS)
    return list(dict.fromkeys(layers))


def hidden_layers(called: list[Call], model: Any) -> list[Any]:
    """All layers with weights but for the one that is called last; ValueError if there are none."""
    layers = weight_layers(called, model)
    last = next(call.module for call in reversed(called) if call.module in layers)
    hidden = [layer for layer in layers if layer is not last]
    if not hidden:
        raise ValueError(NO_HIDDEN)
    return hidden


def last_activation(called: list[Call]) -> Any:
    """The activation that makes the output of the model, or None."""
    ends = [call.module for call in called if call.last and isinstance(call.module, (*ACTIVATIONS, Softmax))]
    return ends[0] if ends else None


def ends_shared(called: list[Call]) -> bool:
    """Whether the activation that makes the output of the model is called earlier too."""
    end = last_activation(called)
    return end is not None and sum(call.module is end for call in called) > 1


def out_of_reach(model: Any, x: Any, y: Any) -> bool:
    """Whether targets lie outside of what the activation at the end of a model can return."""
    low, high = RANGES.get(type(last_activation(calls(model, x))), (-math.inf, math.inf))
    targets = as_values(y)
    numbers = targets.dtype.kind in "iuf" and targets.size > 0
    return bool(numbers and (np.min(targets) < low or np.max(targets) > high))
