"""The record of a computation: leaves, operation nodes, their order, and the modes they are made under.

Nothing here computes: no rule, no `Tensor`, no arithmetic on arrays.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import itertools
import math
import threading
from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from autograd_mini import elsewhere, errors

Function = TypeVar("Function", bound=Callable[..., Any])
_creation = itertools.count()
_by_index = attrgetter("index")


def next_index() -> int:
    """A creation index that tells what was made before now from what is made after."""
    return next(_creation)


class _Modes(threading.local):
    """What this thread does while it computes; each thread begins with these."""

    def __init__(self) -> None:
        self.recording = True
        self.scope = ""
        self.watches: tuple[Watch, ...] = ()
        self.levels: tuple[Any, ...] = ()  # the vmaps that it is in, the outermost first
        self.outer: list[tuple[object, str, Any]] = []  # those it is in: each with its mode, and that before it


modes = _Modes()


class Block(contextlib.ContextDecorator, metaclass=elsewhere.Parentheses):
    """A mode for the time of a `with` block or of a function call."""

    def __call__(self, function: Function) -> Function:
        if inspect.isgeneratorfunction(function):
            raise TypeError(errors.GENERATOR.format(block=type(self).__name__, name=function.__name__))
        return super().__call__(function)

    def __exit__(self, *exception: object) -> None:
        own = vars(modes)  # of this thread; looked up once
        outer = own["outer"]
        if outer and outer[-1][0] is self:
            _, mode, own[mode] = outer.pop()
            return
        position = len(outer) - 1  # a generator may leave its block after its caller's, so it need not be the innermost
        while position >= 0 and outer[position][0] is not self:
            position -= 1
        if position < 0:
            return  # it was entered in another thread
        _, mode, before = outer.pop(position)
        for i in range(position, len(outer)):
            if outer[i][1] == mode:
                outer[i] = (outer[i][0], mode, before)
                return
        own[mode] = before


class no_grad(Block):  # noqa: N801 (reads as a statement)
    """Compute without recording, in this thread: `with no_grad(): ...`, or `@no_grad()` above a function.

    Examples
    --------
    >>> from autograd_mini import Tensor, no_grad
    >>> w = Tensor(2.0, requires_grad=True)
    >>> with no_grad():
    ...     y = w * w
    >>> y.requires_grad
    False
    """

    recording = False

    def __enter__(self) -> None:
        modes.outer.append((self, "recording", modes.recording))
        modes.recording = self.recording


class enable_grad(no_grad):  # noqa: N801
    """Record again inside a `no_grad` block.

    Examples
    --------
    >>> from autograd_mini import Tensor, enable_grad, no_grad
    >>> w = Tensor(2.0, requires_grad=True)
    >>> with no_grad(), enable_grad():
    ...     y = w * w
    >>> y.requires_grad
    True
    """

    recording = True


class scope(Block):  # noqa: N801
    """Put the operations made inside under a name, in this thread; drawings group by it. Scopes nest: `a.b`.

    Parameters
    ----------
    name : str
        The group's name, such as a layer's.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import record, scope
    >>> def layer(x):
    ...     with scope("hidden"):
    ...         return np.tanh(x)
    >>> [line.scope for line in record(layer, np.ones(3)).lines]
    ['hidden']
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        own = vars(modes)
        outer = own["scope"]
        own["outer"].append((self, "scope", outer))
        own["scope"] = f"{outer}.{self.name}" if outer else self.name


class Watch(Block):
    """For tools: see each operation of this thread when it is computed, and each cotangent that goes back through it.

    A subclass is a block: `with Recorder() as recorder: ...`. Several may be open at once.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor, Watch
    >>> class Names(Watch):
    ...     def forward(self, primitive, args, result):
    ...         print(primitive.name)
    >>> with Names():
    ...     y = np.sum(np.exp(Tensor([0.0, 1.0])))
    np.exp
    np.sum
    """

    once = True  # whether a backward is to go through each operation once, with no first pass that looks for NaN

    def __enter__(self) -> Any:
        modes.watches = (*modes.watches, self)
        return self

    def __exit__(self, *exception: object) -> None:
        modes.watches = tuple(watch for watch in modes.watches if watch is not self)

    def forward(self, primitive: Any, args: tuple[Any, ...], result: Any) -> None:
        """An operation was computed; `result` is its tensor, or the tuple of them."""

    def backward(self, node: Any, cotangent: Any, parts: list[tuple[Any, Any]]) -> None:
        """A cotangent went back: `parts` lists an `(input's record, cotangent along that edge)` for each edge."""

    def hooked(self, record: Any, hook: Any, cotangent: Any, result: Any) -> None:
        """A hook of a tensor put another cotangent in the place of its own."""

    def freed(self, node: Any) -> None:
        """A backward has passed through an operation, and what its rules read is freed."""


class Vertex:
    """What the graph knows of a value without keeping it alive: shape, dtype, name, order, module scope."""

    __slots__ = ("__weakref__", "dtype", "grad", "hooks", "index", "levels", "name", "scope", "shape")

    shape: tuple[int, ...]
    dtype: Any
    index: int
    name: str | None
    scope: str
    grad: Any  # what backward passes have added up, for a leaf or a result that is asked to retain it
    levels: tuple[Any, ...]  # the vmaps inside of which it was made
    hooks: Any  # what a user wants to be done with the cotangent, None for most

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Leaf(Vertex):
    """A value that was given, not computed: a variable (its gradient collects here) or a constant."""

    __slots__ = ("requires_grad",)

    def __init__(self, value: Any, requires_grad: bool = False, name: str | None = None) -> None:
        self.shape, self.dtype = value.shape, value.dtype
        self.requires_grad, self.name = requires_grad, name
        self.grad = self.hooks = None
        self.index, self.scope, self.levels = next(_creation), modes.scope, modes.levels


class Node(Vertex):
    """One operation that was applied: how its value was made, and what its rules need to go back."""

    __slots__ = ("inputs", "operands", "options", "out", "plan", "primitive")

    primitive: Any  # the operation
    plan: Any  # which of its rules are wanted here, and which operands they read
    inputs: list[Any]  # for each argument its `Leaf` or `Node`, or the Python scalar that was written
    operands: Any  # what the rules are called with; None once a backward has freed it
    out: Any  # the result, where a rule reads it
    options: dict[str, Any]  # the keyword arguments

    requires_grad = True

    def __init__(  # noqa: PLR0917
        self, primitive: Any, plan: Any, inputs: list[Any], operands: Any, out: Any, options: dict[str, Any], value: Any
    ) -> None:
        self.primitive, self.plan, self.inputs = primitive, plan, inputs
        self.operands, self.out, self.options = operands, out, options
        self.shape, self.dtype = value.shape, value.dtype
        self.name = self.grad = self.hooks = None
        self.index, self.scope, self.levels = next(_creation), modes.scope, modes.levels


Record: TypeAlias = Leaf | Node


def ancestors(root: Record) -> list[Record]:
    """Everything that `root` was computed from, itself included, latest first.

    A value is made after its inputs, so the creation index is a topological order as it stands.
    """
    nodes = operations(root)
    inputs = {parent for node in nodes for parent in node.inputs if isinstance(parent, Leaf | Node)}
    return sorted({root, *nodes, *inputs}, key=_by_index, reverse=True)


def operations(root: Record, stop: Collection[Record] = ()) -> list[Node]:
    """The operations among the ancestors of `root`, latest first, without those in `stop` and beyond."""
    if isinstance(root, Leaf) or root in stop:
        return []
    found = [root]
    seen = {root}
    for node in found:
        for parent in node.inputs:
            if type(parent) is Node and parent not in seen and not (stop and parent in stop):
                seen.add(parent)
                found.append(parent)
    found.sort(key=_by_index, reverse=True)
    return found


def copy_graph(root: Record, memo: dict[int, Any]) -> Record:
    """A deep copy of `root` and all that it was computed from, in one loop; `memo` is deepcopy's."""

    def twin_of(part: Any) -> Any:
        return memo[id(part)] if isinstance(part, Vertex) else copy.deepcopy(part, memo)

    twin: Record
    for record in reversed(ancestors(root)):
        if id(record) in memo:
            continue
        if isinstance(record, Leaf):
            twin = Leaf(record, record.requires_grad)
        else:
            inputs, operands = ([twin_of(part) for part in parts or ()] for parts in (record.inputs, record.operands))
            kept, out, options = record.operands and operands, twin_of(record.out), twin_of(record.options)
            twin = Node(record.primitive, record.plan, inputs, kept, out, options, record)
        twin.name, twin.scope, twin.levels = record.name, record.scope, record.levels
        memo[id(record)] = twin  # before the hooks, which may know this tensor
        twin.grad, twin.hooks = copy.deepcopy(record.grad, memo), copy.deepcopy(record.hooks, memo)
    copied: Record = memo[id(root)]
    return copied
