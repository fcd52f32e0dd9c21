"""`Module` and `Parameter`: models as trees of named parts. No layer and no training lives here."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from autograd_mini import Tensor, scope

STATE_NAMES = (
    "load_state_dict() was given a state that does not fit this model: missing {missing}, unknown {unknown}. "
    "Load what `state_dict()` of a model of the same structure returned."
)
STATE_SHAPE = (
    "load_state_dict() was given an array of shape {got} for {name}, which has shape {want}. The models differ in "
    "size; build this one with the sizes that the state was saved from."
)
NO_FORWARD = "{name} was called, but has no `forward`. Define `def forward(self, x): ...` in the class."
NO_INIT = "{name} was given a part before `Module.__init__` ran. Call `super().__init__()` first in its `__init__`."


class Parameter(Tensor):
    """A tensor that is learned: it requires grad, and a `Module` finds it as an attribute.

    Parameters
    ----------
    array : array_like
        The initial values, floating-point.
    name : str, optional
        By default the name of the attribute that it is stored in.
    """

    __slots__ = ()

    def __init__(self, array: Any, name: str | None = None) -> None:
        super().__init__(array, requires_grad=True, name=name)


class Module:
    """A part of a model: parameters and other modules as attributes, and `forward`.

    Lists, tuples and dicts of modules and parameters count as parts too. Operations made while a module runs carry
    its path, such as `MLP.0`, which drawings group by.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(np.ones(3))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> model = Scale()
    >>> [name for name, _ in model.named_parameters()]
    ['factor']
    >>> print(model)
    Scale(factor: (3,))
    """

    training: bool
    _name: str | None
    _scope: scope

    def __init__(self) -> None:
        object.__setattr__(self, "training", True)
        object.__setattr__(self, "_name", None)
        object.__setattr__(self, "_scope", scope(type(self).__name__))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; subclasses define it."""
        raise NotImplementedError(NO_FORWARD.format(name=type(self).__name__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._scope:
            return self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        if "_name" not in self.__dict__:
            raise AttributeError(NO_INIT.format(name=type(self).__name__))
        object.__setattr__(self, name, value)
        for path, part in parts(value, name):
            if isinstance(part, Parameter):
                if part.name is None:
                    part.name = path
            elif part._name is None:
                object.__setattr__(part, "_name", path)
                object.__setattr__(part, "_scope", scope(path))

    def named_parts(self) -> Iterator[tuple[str, Module | Parameter]]:
        """Every module and parameter below this one with its path, each once, in the order of definition."""
        seen: set[int] = set()
        stack: list[tuple[str, Module | Parameter]] = [("", self)]
        while stack:
            path, part = stack.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            if path:
                yield path, part
            if isinstance(part, Module):
                prefix = f"{path}." if path else ""
                below = [child for name, value in vars(part).items() for child in parts(value, prefix + name)]
                stack.extend(reversed(below))

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths, such as `layers.0.weights`; a shared one comes once."""
        return ((path, part) for path, part in self.named_parts() if isinstance(part, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """The parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """The modules below this one with their paths, each once."""
        return ((path, part) for path, part in self.named_parts() if isinstance(part, Module))

    def zero_grad(self) -> None:
        """Clear the gradient of every parameter."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, training: bool = True) -> Self:
        """Set training mode, here and below."""
        for module in (self, *(module for _, module in self.named_modules())):
            object.__setattr__(module, "training", training)
        return self

    def eval(self) -> Self:
        """Set evaluation mode, here and below."""
        return self.train(False)

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of every parameter's values, by path."""
        return {path: np.array(parameter.data) for path, parameter in self.named_parameters()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Set every parameter to the values in `state`; all names and shapes are checked before any is set.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a shape differs.
        """
        own = dict(self.named_parameters())
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            raise ValueError(STATE_NAMES.format(missing=missing or "nothing", unknown=unknown or "nothing"))
        arrays = {name: np.array(state[name], dtype=parameter.dtype) for name, parameter in own.items()}
        for name, parameter in own.items():
            if arrays[name].shape != parameter.shape:
                raise ValueError(STATE_SHAPE.format(name=name, got=arrays[name].shape, want=parameter.shape))
        for name, parameter in own.items():
            parameter.data = arrays[name]

    def __tree_flatten__(self) -> tuple[list[Parameter], Callable[[Sequence[Any]], Any]]:
        """The parameters, and how to make this module with other values in their places: for `grad` of a module."""
        own = list(self.parameters())

        def rebuild(values: Sequence[Any]) -> Any:
            return copy.deepcopy(self, {id(parameter): value for parameter, value in zip(own, values, strict=True)})

        return own, rebuild

    def describe(self) -> str:
        """What `repr` says of this module besides its parts, such as sizes."""
        return ""

    def __repr__(self) -> str:
        lines = []
        entries = [("", self), *self.named_parts()]
        for path, part in entries:
            depth = path.count(".") + 1 if path else 0
            label = path.rpartition(".")[2]
            if isinstance(part, Parameter):
                continue
            arrays = ", ".join(
                f"{name}: {value.shape}" for name, value in vars(part).items() if isinstance(value, Parameter)
            )
            inside = ", ".join(filter(None, (part.describe(), arrays)))
            count = sum(parameter.size for parameter in part.parameters())
            holds_modules = any(True for _ in part.named_modules())
            text = f"{type(part).__name__}({inside})" + (f"  # {count:,} parameters" if holds_modules else "")
            lines.append("  " * depth + (f"{label}: " if label else "") + text)
        return "\n".join(lines)


def parts(value: Any, path: str) -> Iterator[tuple[str, Module | Parameter]]:
    """The modules and parameters in an attribute's value, nested lists, tuples and dicts included."""
    stack = [(path, value)]
    while stack:
        here, item = stack.pop()
        if isinstance(item, Module | Parameter):
            yield here, item
        elif isinstance(item, list | tuple):
            stack.extend((f"{here}.{i}", inner) for i, inner in reversed(list(enumerate(item))))
        elif isinstance(item, dict):
            stack.extend((f"{here}.{key}", inner) for key, inner in reversed(item.items()))
