"""Functions of PyTorch's and JAX's arrays as functions of NumPy's, with the derivatives that their library makes.

Neither library is imported here: who has a function of its arrays has imported it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from autograd_mini.testing.snippets import source_of
from autograd_mini.transforms.trees import flatten

COMPLEX = (
    "check_derivatives was called with complex arguments for a function of {library}'s arrays, which it checks for "
    "real ones. Write the function of the real and the imaginary part."
)


class Torch:
    """PyTorch."""

    name = "PyTorch"
    word = "torch.from_numpy"

    def __init__(self, torch: Any) -> None:
        self.torch = torch

    def owns(self, leaf: Any) -> bool:
        return isinstance(leaf, self.torch.Tensor)

    def to_numpy(self, leaf: Any) -> Any:
        return np.array(leaf.detach().cpu().numpy())

    def from_numpy(self, array: Any) -> Any:
        return self.torch.from_numpy(np.array(array))

    def is_real(self, leaf: Any) -> bool:
        return self.owns(leaf) and leaf.is_floating_point()

    def values(self, function: Callable[..., Any], arrays: Sequence[Any]) -> list[Any]:
        """What a function of tensors gives for arrays: those with real numbers, as arrays."""
        with self.torch.enable_grad():
            found, _ = flatten(function(*map(self.from_numpy, arrays)))
        return [self.to_numpy(leaf) if self.owns(leaf) else leaf for leaf in found]

    def pullback(self, function: Callable[..., Any], count: int) -> Callable[..., Any]:
        """The gradients by the first `count` arguments; the cotangents come behind them. It can be derived again."""
        torch = self.torch

        def pulled(*tensors: Any) -> Any:
            given = [one if one.requires_grad else one.detach().requires_grad_() for one in tensors[:count]]
            found = [leaf for leaf in flatten(function(*given))[0] if self.is_real(leaf)]
            pairs = [(out, g) for out, g in zip(found, tensors[count:], strict=True) if out.requires_grad]
            if not pairs:
                return [torch.zeros_like(one) for one in given]
            outs, cotangents = zip(*pairs, strict=True)
            gradients = torch.autograd.grad(outs, given, cotangents, create_graph=True, allow_unused=True)
            return [torch.zeros_like(x) if g is None else g for g, x in zip(gradients, given, strict=True)]

        return pulled


class Jax:
    """JAX, in double precision where arrays are."""

    name = "JAX"
    word = "jnp.asarray"

    def __init__(self, jax: Any) -> None:
        self.jax = jax

    def owns(self, leaf: Any) -> bool:
        return isinstance(leaf, self.jax.Array)

    def to_numpy(self, leaf: Any) -> Any:
        return np.array(leaf)

    def from_numpy(self, array: Any) -> Any:
        return self.jax.numpy.asarray(array)

    def is_real(self, leaf: Any) -> bool:
        return self.owns(leaf) and leaf.dtype.kind == "f"

    def wide(self) -> Any:
        """Let arrays be of double precision."""
        if callable(getattr(self.jax, "enable_x64", None)):
            return self.jax.enable_x64(True)
        from jax.experimental import enable_x64  # of older versions

        return enable_x64(True)

    def values(self, function: Callable[..., Any], arrays: Sequence[Any]) -> list[Any]:
        """What a function of JAX's arrays gives for NumPy's."""
        with self.wide():
            found, _ = flatten(function(*map(self.from_numpy, arrays)))
            return [self.to_numpy(leaf) if self.owns(leaf) else leaf for leaf in found]

    def pullback(self, function: Callable[..., Any], count: int) -> Callable[..., Any]:
        """The gradients by the first `count` arguments; the cotangents come behind them. It can be derived again."""

        def results(*arrays: Any) -> Any:
            return [leaf for leaf in flatten(function(*arrays))[0] if leaf.dtype.kind == "f"]

        def pulled(*arrays: Any) -> Any:
            return list(self.jax.vjp(results, *arrays[:count])[1](list(arrays[count:])))

        return pulled


class ForeignFunction:
    """A function of another library's arrays, as a user gave it.

    Attributes
    ----------
    function : callable
        It, of the library's arrays.
    arguments : tuple of str
        What they are called.
    shown : int or None
        How many of them the user wrote, where parameters of a module come behind.
    """

    def __init__(
        self, library: Any, given: Any, function: Callable[..., Any], arguments: Sequence[str], shown: int | None = None
    ) -> None:
        self.library, self.given, self.function = library, given, function
        self.arguments, self.shown = tuple(arguments), shown
        self.__name__ = getattr(given, "__name__", type(given).__name__)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def definition(self, name: str) -> str:
        """Of a function without a name, as code."""
        return f"{name} = {source_of(self.given)}"

    def written(self, code: str) -> str:
        """A call with the library's arrays where the user wrote such ones, and with a module by a name of its own."""
        if self.shown is not None:
            return f"module = ...  # your {self.__name__}\n{code.replace(f'({self.__name__},', '(module,', 1)}"
        if self.given is not self.function:
            return code
        return re.sub(r"(np\.(?:array|zeros)\([^()]*(?:\([^()]*\))?[^()]*\))", rf"{self.library.word}(\1)", code)


class Level:
    """A function of another library's arrays as one of NumPy's: as it is, or derived some times.

    Parameters
    ----------
    library : Torch or Jax
        Whose arrays it takes.
    function : callable
        Of the arrays that it is differentiated by.
    count : int
        How many these are.
    """

    def __init__(self, library: Any, function: Callable[..., Any], count: int) -> None:
        self.library, self.function, self.count = library, function, count

    def __call__(self, *arrays: Any) -> list[Any]:
        found: list[Any] = self.library.values(self.function, arrays)
        return found

    @cached_property
    def pull(self) -> Callable[..., Any]:
        pull: Callable[..., Any] = self.library.pullback(self.function, self.count)
        return pull

    def gradient(self, cotangents: Sequence[Any], *arrays: Any) -> list[Any]:
        """The pullback."""
        found: list[Any] = self.library.values(self.pull, [*arrays, *cotangents])
        return found

    def derived(self, outputs: int) -> Level:
        """The pullback as a function of the arrays and of so many cotangents."""
        return Level(self.library, self.pull, self.count + outputs)


def adapted(f: Any, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """A function of another library's arrays and its arguments as arrays; others as they are."""
    leaves, rebuild = flatten(tuple(args))
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    library: Any = None
    if torch is not None and hasattr(torch, "Tensor"):
        library = Torch(torch)
        is_function = isinstance(f, type) and issubclass(f, torch.autograd.Function)
        if is_function or isinstance(f, torch.nn.Module) or any(map(library.owns, leaves)):
            args = rebuild([library.to_numpy(leaf) if library.owns(leaf) else leaf for leaf in leaves])
            require_real(library, leaves)
            if is_function:
                return ForeignFunction(library, f, f.apply, names_of_function(f)), args
            if isinstance(f, torch.nn.Module):
                return of_module(library, f, args), (*args, *map(library.to_numpy, f.parameters()))
            return of_function(library, f), args
    if jax is not None and hasattr(jax, "Array"):
        library = Jax(jax)
        if any(map(library.owns, leaves)):
            require_real(library, leaves)
            args = rebuild([library.to_numpy(leaf) if library.owns(leaf) else leaf for leaf in leaves])
            return of_function(library, f), args
    return f, args


def require_real(library: Any, leaves: Sequence[Any]) -> None:
    if any(np.iscomplexobj(library.to_numpy(leaf) if library.owns(leaf) else leaf) for leaf in leaves):
        raise TypeError(COMPLEX.format(library=library.name))


def of_function(library: Any, f: Callable[..., Any]) -> ForeignFunction:
    return ForeignFunction(library, f, f, names_of(f))


def of_module(library: Any, module: Any, args: Sequence[Any]) -> ForeignFunction:
    """A module as a function of its inputs and its parameters."""
    names = [name for name, _ in module.named_parameters()]
    count = len(args)
    call = library.torch.func.functional_call

    def function(*arrays: Any) -> Any:
        parameters = dict(zip(names, arrays[count:], strict=True))
        precision = next((one.dtype for one in arrays if library.is_real(one)), None)
        buffers = {
            name: (buffer.to(precision) if buffer.is_floating_point() else buffer).clone()
            for name, buffer in module.named_buffers()
        }
        return call(module, {**parameters, **buffers}, arrays[:count])

    inputs = [*names_of(module.forward), *(f"argument {i}" for i in range(count))][:count]
    return ForeignFunction(library, module, function, [*inputs, *names], count)


def names_of(f: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return []
    return [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]


def names_of_function(f: Any) -> list[str]:
    """The arguments of an autograd.Function's `forward`, without the context."""
    names = names_of(f.forward)
    return names[1:] if names[:1] == ["ctx"] else names
