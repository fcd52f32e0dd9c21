"""Functions to functions: `vjp`, `grad`, `value_and_grad`. Arrays in, arrays out; tensors in, tensors out; they nest.

They are built on one pull-back; no rule and no state lives here.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from autograd_mini import errors
from autograd_mini.arrays import as_operand, as_seed, as_values, is_array, is_foreign
from autograd_mini.backward import pull_back
from autograd_mini.devices import zeros_beside
from autograd_mini.elsewhere import explained
from autograd_mini.graph import Leaf, Record, enable_grad, modes, operations
from autograd_mini.hooks import hooked
from autograd_mini.tensor import DIFFERENTIABLE, Tensor, wrap
from autograd_mini.transforms.trees import flatten

if TYPE_CHECKING:
    from autograd_mini.typed import Array, Gradient, Plain, ValueAndGradient

TRANSFORM_INPUT = (
    "{transform} was asked for the derivative with respect to argument {argnum}, which is {what}. Differentiation "
    "needs floating-point numbers or arrays of them."
)
ARGNUMS = "`argnums={argnums}` was given. Write the position of an argument, such as 0, or a tuple of positions."
TRANSFORM_ARGNUM = (
    "{transform} was asked for argument {argnum}, but the function was called with {count} arguments. Pass one that it "
    "has: `argnums` counts the positional arguments from 0."
)
TRANSFORM_OUTPUT = "{transform} needs a function that returns {need}, but {name} returned {what}.{hint}"


@overload
def vjp(f: Callable[..., Any], *primals: Plain) -> tuple[Array, Callable[[Any], tuple[Array, ...]]]: ...
@overload
def vjp(f: Callable[..., Any], *primals: Tensor) -> tuple[Tensor, Callable[[Any], tuple[Tensor, ...]]]: ...
@overload
def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]: ...
def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    r"""The value of `f` and its pullback, :math:`\bar y \mapsto (\bar y \cdot \partial f/\partial x_i)_i`.

    Parameters
    ----------
    f : callable
        Takes tensors and returns one, or a nested container of them, in terms of `np.*` functions.
    *primals : array_like, Tensor, or nested containers of them
        Where to differentiate. All of them must be floating-point; lists, tuples, dicts, dataclasses and modules
        are gone through.

    Returns
    -------
    out : ndarray or Tensor
        `f(*primals)`; a tensor if a primal is one, or if it depends on another tensor that requires grad.
    pullback : callable
        Maps a cotangent of `out`, of its shape, to a tuple of cotangents, one for each primal. It may be called
        any number of times. Given a tensor, or where `out` has a history beyond `primals`, it returns tensors
        that can be differentiated again.

    Raises
    ------
    TypeError
        If a primal is not floating-point, or `f` does not return a tensor.
    ValueError
        If the cotangent has another shape than `out`.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import vjp
    >>> out, pullback = vjp(lambda x, w: x @ w, np.ones((1, 2)), np.ones((2, 3)))
    >>> pullback(np.array([[1.0, 2.0, 3.0]]))[0]
    array([[6., 6.]])
    """
    leaves, rebuild = flatten(primals)
    trace = Trace("vjp", f, rebuild([own_copy(leaf) for leaf in leaves]), range(len(primals)), {})
    out, rebuild = flatten(trace.out)
    return rebuild([own_copy(leaf) for leaf in out]), trace.pullback


@overload
def grad(f: Callable[..., Any], argnums: Literal[0] = 0) -> Gradient: ...
@overload
def grad(f: Callable[..., Any], argnums: int) -> Callable[..., Any]: ...
@overload
def grad(f: Callable[..., Any], argnums: Sequence[int]) -> Callable[..., tuple[Any, ...]]: ...
@explained
def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Any:
    r"""The gradient of a function that returns one number: :math:`\nabla f(x)_i = \partial f / \partial x_i`.

    Parameters
    ----------
    f : callable
        Returns a real scalar, in terms of `np.*` functions of its arguments, which may be nested lists, tuples,
        dicts, dataclasses or modules of arrays; gradients come in the same structure.
    argnums : int or sequence of int
        Which arguments to differentiate by; a sequence gives a tuple of gradients.

    Returns
    -------
    callable
        Takes the arguments of `f`; returns an array (a tensor, if the argument is one) of the argument's shape and
        dtype. For a complex argument it is :math:`\partial f/\partial\mathrm{Re} + i\,\partial f/\partial\mathrm{Im}`,
        the direction of steepest ascent.

    Raises
    ------
    TypeError
        If `f` does not return a scalar, or an argument is not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import grad
    >>> float(grad(np.tanh)(0.0)), float(grad(grad(np.tanh))(0.5)) < 0
    (1.0, True)
    >>> grad(lambda x, y: np.sum(x * y), argnums=(0, 1))(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (array([3., 4.]), array([1., 2.]))
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


@overload
def value_and_grad(f: Callable[..., Any], argnums: Literal[0] = 0) -> ValueAndGradient: ...
@overload
def value_and_grad(f: Callable[..., Any], argnums: int) -> Callable[..., tuple[Any, Any]]: ...
@overload
def value_and_grad(f: Callable[..., Any], argnums: Sequence[int]) -> Callable[..., tuple[Any, tuple[Any, ...]]]: ...
@explained
def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Any:
    """The function that returns the pair of the value :math:`f(x)` and the gradient, at the price of the gradient.

    Parameters
    ----------
    f, argnums
        As for `autograd_mini.grad`.

    Returns
    -------
    callable
        Takes the arguments of `f`; returns its value and what `grad` returns.

    Raises
    ------
    TypeError
        As `autograd_mini.grad`.

    Examples
    --------
    >>> from autograd_mini import value_and_grad
    >>> value, slope = value_and_grad(lambda x: x * x)(3.0)
    >>> float(value), float(slope)
    (9.0, 6.0)
    """
    positions = positions_of(argnums)

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        trace = Trace("grad", f, args, positions, kwargs)
        gradients = trace.gradients()
        return trace.out, gradients if isinstance(argnums, Sequence) else gradients[0]

    return value_and_gradient


class Trace:
    """One recorded evaluation of `f`, and how to go back through it.

    Each array in the differentiated arguments becomes a variable of this trace alone, so that a derivative inside a
    derivative cannot take the one's variable for the other's.
    """

    def __init__(
        self, transform: str, f: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int], kwargs: dict[str, Any]
    ) -> None:
        self.transform, self.f = transform, f
        call = list(args)
        given: list[Any] = []
        variables: list[Tensor] = []
        self.rebuilds: list[tuple[int, Callable[[Sequence[Any]], Any]]] = []
        for argnum in argnums:
            if not -len(args) <= argnum < len(args):
                raise TypeError(TRANSFORM_ARGNUM.format(transform=transform, argnum=argnum, count=len(args)))
            position = argnum % len(args)
            leaves, rebuild = flatten(args[position])
            new = [as_variable(leaf, transform, position) for leaf in leaves]
            call[position] = rebuild(new)
            self.rebuilds.append((len(leaves), rebuild))
            given += leaves
            variables += new
        self.variables: list[Any] = [variable._record for variable in variables]
        self.tensors = [isinstance(value, Tensor) for value in given]
        self.sources = [value._record if isinstance(value, Tensor) else None for value in given]
        outside = modes.recording
        with enable_grad():
            results, self.rebuild_out = flatten(f(*call, **kwargs))
            self.results = [self._as_result(result) for result in results]
            self.result = result = joined(self.results)
        # Where the result also depends on tensors outside of this trace, cutting their history would give
        # a wrong derivative later, so it is kept, unless `no_grad` says that nobody will ask.
        self.connected = outside and (
            any(isinstance(value, Tensor) and value.requires_grad for value in given)
            or depends_on_others(result._record, self.variables)
        )
        self.out = self.rebuild_out(
            [r if self.connected else r.detach() if any(self.tensors) else r.data for r in self.results]
        )

    def _as_result(self, result: Any) -> Tensor:
        if isinstance(result, Tensor):
            return result
        if not is_array(result) and not isinstance(result, float | int | complex):
            self._refuse(result, "tensors or arrays")
        return Tensor(result)

    def _refuse(self, result: Any, need: str, hint: str = "") -> None:
        what = f"shape {result.shape}" if hasattr(result, "shape") else type(result).__name__
        name = getattr(self.f, "__name__", repr(self.f))
        raise TypeError(TRANSFORM_OUTPUT.format(transform=self.transform, need=need, name=name, what=what, hint=hint))

    def gradients(self) -> tuple[Any, ...]:
        """The gradients of a scalar result; frees the graph unless it must stay differentiable."""
        result = self.result
        if len(self.results) != 1:
            self._refuse(self.out, "one number", " Return only the value to differentiate.")
        if result.size != 1:
            self._refuse(result, "one number", " Sum it (`np.sum`), or use `vjp` and give the cotangent.")
        if result.dtype.kind == "c":
            self._refuse(result, "a real number", " Take `np.real`, `np.imag` or `np.abs` of it.")
        return self._pull(np.ones_like(result.data), retain_graph=False)

    def pullback(self, cotangent: Any) -> tuple[Any, ...]:
        """The cotangents of the primals, given that of the result, in the same structure."""
        if not self.results or self.rebuild_out(self.results) is not self.results[0]:
            parts, _ = flatten(cotangent)
            if [np.shape(part) for part in parts] != [result.shape for result in self.results]:
                got, want = ([np.shape(p) for p in parts], [r.shape for r in self.results])
                raise ValueError(errors.SEED_SHAPE.format(call="pullback(cotangent)", got=got, want=want))
            cotangent = joined(parts)
        return self.pull(cotangent)

    def pull(self, cotangent: Any) -> tuple[Any, ...]:
        """The same for the cotangent of all results joined into one."""
        if isinstance(cotangent, Tensor) and cotangent.requires_grad and modes.recording:
            if cotangent.shape != self.result.shape or cotangent.dtype != self.result.dtype:
                as_seed(cotangent.data, self.result.data, "pullback(cotangent)")
                cotangent = cotangent.astype(self.result.dtype)
            return self._pull(cotangent, retain_graph=True)
        seed = as_seed(cotangent, self.result.data, "pullback(cotangent)")
        return self._pull(seed, retain_graph=True, as_tensors=isinstance(cotangent, Tensor))

    def _pull(self, seed: Any, retain_graph: bool, as_tensors: bool = False) -> tuple[Any, ...]:
        record = self.result._record
        connected = (self.connected and modes.recording) or isinstance(seed, Tensor)
        if seed.dtype.kind == "c":
            seed = np.conj(seed)
        found: dict[Any, Any] = {}
        if record is not None and record.requires_grad:
            if connected:
                found = pull_back(record, as_tensor(seed), self.variables, retain_graph=True, wrap=wrap)
            else:
                found = pull_back(record, seed, self.variables, retain_graph=retain_graph)
        cotangents: list[Any] = []
        for variable, source in zip(self.variables, self.sources, strict=True):
            cotangent = found.get(variable)
            if cotangent is None:
                cotangent = zeros_beside(self.result.data, variable.shape, variable.dtype)
            else:  # hooks of `f`'s argument, and of the tensor that was given for it
                cotangent = hooked(variable, cotangent, wrap if connected else None)
                cotangent = hooked(source, cotangent, wrap if connected else None) if source else cotangent
            if cotangent.dtype.kind == "c":
                cotangent = np.conj(cotangent)
            cotangents.append(as_tensor(cotangent) if connected else own(as_values(cotangent), seed, cotangents))
        if not connected:
            cotangents = [
                wrap(array, None) if tensor or as_tensors else array
                for array, tensor in zip(cotangents, self.tensors, strict=True)
            ]
        values = iter(cotangents)
        return tuple(rebuild([next(values) for _ in range(count)]) for count, rebuild in self.rebuilds)


def positions_of(argnums: Any) -> tuple[int, ...]:
    """The arguments to differentiate by, as a tuple."""
    try:
        return tuple(map(operator.index, argnums if isinstance(argnums, Sequence) else (argnums,)))
    except TypeError:
        raise TypeError(ARGNUMS.format(argnums=repr(argnums))) from None


def joined(parts: Sequence[Any]) -> Any:
    """One array of all entries; a single array as it is."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([np.reshape(part, (-1,)) for part in parts]) if parts else Tensor(np.zeros(0))


def as_variable(value: Any, transform: str, position: int) -> Tensor:
    """A new variable at `value`: a leaf, or for a tensor a copy through which outer derivatives flow."""
    if isinstance(value, Tensor) and value.requires_grad:
        with enable_grad():
            return value.copy()
    try:
        data = value.data if isinstance(value, Tensor) else as_operand(value)
        data = data if hasattr(data, "dtype") else np.asarray(data)
    except ValueError:
        data = np.asarray(None)
    if data.dtype.kind not in DIFFERENTIABLE:
        what = f"of dtype {data.dtype}" if data.dtype.kind in "iub" else f"a {type(value).__name__}"
        raise TypeError(TRANSFORM_INPUT.format(transform=transform, argnum=position, what=what))
    variable = wrap(as_values(data), None)
    variable.requires_grad = True
    return variable


def own_copy(value: Any) -> Any:
    """A copy of an array that a pullback may read later, when its owner may have overwritten it."""
    return value.copy() if isinstance(value, np.ndarray) or is_foreign(value) else value


def depends_on_others(result: Record | None, variables: Sequence[Record]) -> bool:
    """Whether a result was computed from a tensor that requires grad and is older than `variables`.

    Younger ones were made while tracing, inner variables among them; nobody outside can ask for their gradient.
    """
    if result is None or not result.requires_grad:
        return False
    start = min((variable.index for variable in variables), default=0)
    inputs = [parent for node in operations(result, variables) for parent in node.inputs if type(parent) is Leaf]
    return any(leaf.requires_grad and leaf.index < start for leaf in {*inputs, result} if type(leaf) is Leaf)


def as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(as_values(value), None)


def own(array: Any, seed: Any, others: Sequence[Any]) -> Any:
    """`array`, copied if it shares memory with the seed or with another cotangent."""
    shared = getattr(array, "base", None) is not None or array is seed or any(array is other for other in others)
    return array.copy() if shared else array
