"""What a forward may change besides the graph, and what puts it back: generators, running statistics, gradients.

Nothing is measured here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.module import Module
from nn.parameter import Parameter


def saved(model: Any) -> Iterator[Callable[[], None]]:
    """For each thing that a forward may change, what puts it back: generators, running statistics, counters."""
    if isinstance(model, Module):
        for module in (model, *(part for _, part in model.named_modules())):
            yield from saved_container(vars(module))


def saved_globals() -> Iterator[Callable[[], None]]:
    """The random state of NumPy and of Python, which a model may use."""
    yield partial(np.random.set_state, np.random.get_state())  # noqa: NPY002
    yield partial(random.setstate, random.getstate())


def saved_container(values: dict[Any, Any] | list[Any]) -> Iterator[Callable[[], None]]:
    """What puts back the items of a list or dict, and what those hold."""
    before = dict(values) if isinstance(values, dict) else list(values)
    yield partial(refill, values, before)
    for value in before.values() if isinstance(before, dict) else before:
        yield from saved_value(value)


def refill(values: dict[Any, Any] | list[Any], before: Any) -> None:
    """Give a list or dict the items that it had."""
    if isinstance(values, dict):
        for name in values.keys() - before.keys():
            del values[name]
        values.update(before)
    else:
        values[:] = before


def saved_value(value: Any) -> Iterator[Callable[[], None]]:
    """What puts back one attribute."""
    if isinstance(value, np.random.Generator):
        yield partial(setattr, value.bit_generator, "state", value.bit_generator.state)
    elif isinstance(value, np.random.RandomState):
        yield partial(value.set_state, value.get_state())
    elif isinstance(value, random.Random):
        yield partial(value.setstate, value.getstate())
    elif isinstance(value, np.ndarray) and value.flags.writeable:
        yield partial(np.copyto, value, value.copy())
    elif isinstance(value, Tensor) and not isinstance(value, Parameter):
        yield partial(setattr, value, "data", value.data.copy())
    elif isinstance(value, list | dict):
        yield from saved_container(value)
    elif isinstance(value, tuple):
        for part in value:
            yield from saved_value(part)


def saved_grads(*models: Any) -> Iterator[Callable[[], None]]:
    """What puts back the gradients of their parameters."""
    for model in models:
        for _, parameter in model.named_parameters() if isinstance(model, Module) else ():
            yield partial(setattr, parameter, "grad", parameter.grad)
