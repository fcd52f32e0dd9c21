"""What a call was given: its kind, to find the program for it, its arrays in order, and what they are called."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini.arrays import is_foreign
from autograd_mini.compiling.slots import CompileError, Guard
from autograd_mini.compiling.traced import traced_in
from autograd_mini.devices import device_of
from autograd_mini.tensor import Tensor
from autograd_mini.transforms.trees import flatten

FOREIGN = (
    "A compiled step was given {what}. It computes with NumPy's own arrays: pass `np.asarray(x)` or "
    "`x.to_device('cpu')`, or call the step without `compile`."
)
SEQUENCES = (list, tuple)


def signature(args: Any, kwargs: Any, leaves: list[Any]) -> Any:
    """What is equal for calls that one program serves; also appends arrays and floats, in the order of `flatten`."""
    parts = [kind_of(arg, leaves) for arg in args]
    if kwargs:
        parts += [(name, kind_of(arg, leaves)) for name, arg in kwargs.items()]
    return parts


def kind_of(value: Any, leaves: list[Any]) -> Any:
    """The kind of an argument: structure, shapes, dtypes, memory order; the values of all but arrays and floats."""
    kind = type(value)
    if kind is Tensor:
        value = value._values
    if type(value) is np.ndarray:
        leaves.append(value)
        return (kind, value.shape, value.dtype, value.strides)
    if kind is float:
        leaves.append(value)
        return kind
    if kind in SEQUENCES:
        return (kind, *[kind_of(part, leaves) for part in value])
    if isinstance(value, dict):
        return (kind, *[(key, kind_of(part, leaves)) for key, part in value.items()])
    return odd_kind(value, leaves)


def odd_kind(value: Any, leaves: list[Any]) -> Any:
    """The kind of what is seldom an argument."""
    if isinstance(value, Tensor):
        return (type(value), value.requires_grad, kind_of(value._values, leaves))
    if isinstance(value, np.inexact):
        leaves.append(np.asarray(value))
        return type(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return (type(value), *[kind_of(part, leaves) for part in value])
    if hasattr(type(value), "__tree_flatten__"):
        parts, _ = value.__tree_flatten__()
        return (type(value), Guard(value)(), *[kind_of(part, leaves) for part in parts])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [kind_of(getattr(value, field.name), leaves) for field in dataclasses.fields(value)]
        return (type(value), *fields)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        raise CompileError(FOREIGN.format(what=f"a {type(value).__module__}.{type(value).__name__}"))
    return (type(value), value)


def refuse_foreign(values: Any) -> None:
    """Raise for an array of another library, such as one on a GPU."""
    if type(values) is not np.ndarray and is_foreign(values):
        raise CompileError(FOREIGN.format(what=f"a {type(values).__name__} on the device {device_of(values)}"))


def is_input(value: Any) -> bool:
    """Whether a leaf of the arguments may differ from call to call: arrays and floating-point numbers."""
    return isinstance(value, np.ndarray | np.inexact) or type(value) is float


def is_inside(args: Any, kwargs: Any) -> bool:
    """Whether arguments belong to a computation outside: a recording, a vmap, or a graph."""
    for arg in (*args, *kwargs.values()) if kwargs else args:
        kind = type(arg)
        if kind is Tensor:
            refuse_foreign(arg._values)
            if type(arg._values) is not np.ndarray or (arg._record is not None and arg._record.requires_grad):
                return True
        elif kind is not np.ndarray and kind is not float and belongs_outside(arg):
            return True
    return False


def belongs_outside(arg: Any) -> bool:
    """The same of a container."""
    leaves, _ = flatten(arg)
    for leaf in leaves:
        tensor = isinstance(leaf, Tensor)
        if traced_in(leaf._values if tensor else leaf) is not None or hasattr(type(leaf), "level"):
            return True
        if type(leaf) is Tensor and leaf.requires_grad:
            return True
    return False


def names_of(function: Callable[..., Any], args: Any, kwargs: Any) -> list[str]:
    """What the leaves of the arguments are called."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    found: list[str] = []
    for i, arg in enumerate(args):
        found += named_leaves(arg, named[i] if i < len(named) else f"{rest}{i - len(named)}")
    for name, arg in kwargs.items():
        found += named_leaves(arg, name)
    return found


def named_leaves(value: Any, path: str) -> Iterator[str]:
    """The names of the leaves of a container, in the order of `flatten`."""
    if value is None:
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield from named_leaves(part, f"{path}_{key}")
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from named_leaves(part, f"{path}_{i}")
    elif hasattr(type(value), "__tree_flatten__") or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        leaves, _ = flatten(value)
        for i, leaf in enumerate(leaves):
            yield getattr(leaf, "name", None) or f"{path}_{i}"
    else:
        yield path
