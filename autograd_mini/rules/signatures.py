"""How a call is written: the names of a function's parameters, and which arguments are operands and which are options.

What the function computes and what its derivative is do not live here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import errors
from autograd_mini.primitive import Bind, Primitive, display_name


@functools.cache
def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters that can be given by position; none where the function does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return ()
    return tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def without_out(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call of `function` without its parameter `out`, which must say nothing, and without values never given."""
    names = parameter_names(function)
    if "out" in names[: len(args)]:
        place = names.index("out")
        kwargs = {**dict(zip(names[place:], args[place:], strict=False)), **kwargs}
        args = args[:place]
    kwargs = {key: value for key, value in kwargs.items() if value is not np._NoValue}
    if kwargs.pop("out", None) is not None:
        raise TypeError(errors.NO_OUT.format(name=display_name(function)))
    return args, kwargs


def binder(function: Callable[..., Any], arity: int, variadic: bool) -> Bind:
    """How a call is split: the operands are the first `arity` arguments, or the sequence that is the first one."""
    count = 1 if variadic else arity

    def bind(args: Any, kwargs: Any) -> Any:
        if len(args) == arity and not kwargs and not variadic:
            return args, kwargs
        args, kwargs = without_out(function, args, kwargs)
        names = parameter_names(function)
        if len(args) > max(count, len(names)):
            known = len(names) or arity
            raise TypeError(errors.EXTRA_ARGUMENTS.format(name=display_name(function), count=known, given=len(args)))
        options = {**dict(zip(names[count:], args[count:], strict=False)), **kwargs}
        operands = args[:count] + tuple(options.pop(name) for name in names[len(args) : count] if name in options)
        return tuple(operands[0]) if variadic else operands, options

    return bind


def binder_of(primitive: Primitive, function: Callable[..., Any]) -> Bind:
    """How calls of a function that has rules are split, from the first call on."""
    bind = primitive.bind = binder(function, len(primitive.vjps), primitive.variadic)
    return bind
