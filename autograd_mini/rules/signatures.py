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

# What is written in C tells its parameters from NumPy 2.4 on. Universal functions need no entry: NumPy sorts their
# arguments itself.
SIGNATURES: dict[Callable[..., Any], Callable[..., Any]] = {
    np.bincount: lambda x, /, weights=None, minlength=0: ...,
    np.can_cast: lambda from_, to, casting="safe": ...,
    np.concatenate: lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": ...,
    np.dot: lambda a, b, out=None: ...,
    np.empty_like: lambda prototype, /, dtype=None, order="K", subok=True, shape=None, *, device=None: ...,
    np.inner: lambda a, b, /: ...,
    np.lexsort: lambda keys, axis=-1: ...,
    np.may_share_memory: lambda a, b, /, max_work=0: ...,
    np.min_scalar_type: lambda a, /: ...,
    np.result_type: lambda *arrays_and_dtypes: ...,
    np.shares_memory: lambda a, b, /, max_work=-1: ...,
    np.vdot: lambda a, b, /: ...,
    np.where: lambda condition, x=None, y=None, /: ...,
}


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function, from the table if it is there.

    Raises
    ------
    ValueError
        If the function does not tell and the table has no entry.
    """
    return inspect.signature(SIGNATURES.get(function, function))


@functools.cache
def parameter_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters that can be given by position; none where they are not known."""
    try:
        parameters = signature(function).parameters.values()
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
        names = parameter_names(function)
        if len(args) > max(count, len(names)):
            known = len(names) or arity
            raise TypeError(errors.EXTRA_ARGUMENTS.format(name=display_name(function), count=known, given=len(args)))
        options = {**dict(zip(names[count:], args[count:], strict=False)), **kwargs}
        operands = args[:count]
        if len(args) < count:
            operands += tuple(options.pop(name) for name in names[len(args) : count] if name in options)
        _, options = without_out(function, (), options)
        return tuple(operands[0]) if variadic else operands, options

    return bind


def binder_of(primitive: Primitive, function: Callable[..., Any]) -> Bind:
    """How calls of a function that has rules are split, from the first call on."""
    bind = primitive.bind = binder(function, len(primitive.vjps), primitive.variadic)
    return bind
