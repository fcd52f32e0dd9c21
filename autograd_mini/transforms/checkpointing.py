"""`checkpoint`: recompute a part of the graph in the backward instead of storing what its rules read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from autograd_mini.arrays import everywhere
from autograd_mini.backward import pull_back
from autograd_mini.graph import Leaf, Node, Record, enable_grad, modes, next_index
from autograd_mini.hooks import hooked
from autograd_mini.levels import recording, without
from autograd_mini.primitive import Plan, Primitive
from autograd_mini.tensor import NONE, Tensor, wrap
from autograd_mini.transforms.trees import flatten

P = ParamSpec("P")
R = TypeVar("R")

CHECKPOINT = (
    "{name} was called, but the function returned a {what}. Only one tensor can be recomputed as one operation. "
    "Make it return one, or wrap the parts that do."
)
CHECKPOINT_CHANGED = (
    "{name} computed other values in the backward than in the forward, so its gradient would be wrong. What it reads "
    "must not change in between: make random numbers outside and pass them, and update parameters after the backward."
)


def checkpoint(f: Callable[P, R]) -> Callable[P, R]:
    """`f`, but keeping only its arguments for the backward, which computes the rest again.

    Memory for time: a chain of n operations cut into pieces of sqrt(n) needs memory for 2 sqrt(n), and one more forward
    (Chen et al. 2016, *Training deep nets with sublinear memory cost*). Gradients also flow to tensors that `f` uses
    without being given them, such as a module's parameters.

    Parameters
    ----------
    f : callable
        Takes tensors, nested containers of them and other values; returns one tensor. It is called again in the
        backward and must then compute the same.

    Raises
    ------
    TypeError
        If `f` returns anything but one tensor.
    RuntimeError
        In the backward, if `f` computes another value than it did in the forward.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import checkpoint, grad
    >>> block = checkpoint(lambda x: np.tanh(np.tanh(x)))
    >>> bool(np.isclose(grad(block)(0.5), grad(lambda x: np.tanh(np.tanh(x)))(0.5)))
    True
    """

    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = flatten((list(args), kwargs))
        leaves = [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]  # may be overwritten
        chosen = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad]
        if not modes.recording:
            return f(*args, **kwargs)
        run = Segment(f, leaves, chosen, rebuild)
        start = next_index()
        out, _ = run.trace([leaves[i].data for i in chosen])
        closed_over = boundary(out._record, start)
        if not chosen and not closed_over:
            return out
        inputs = [leaves[i]._record for i in chosen] + closed_over
        rules = tuple((i, functools.partial(run.cotangent, i)) for i in range(len(inputs)))
        keep = tuple(i < len(chosen) for i in range(len(inputs)))
        operands = [leaves[i].data for i in chosen] + closed_over
        plan = Plan(rules, keep, (), False, False, summed=range(len(chosen), len(inputs)))
        run.closed_over, run.value = closed_over, out.data
        result = wrap(out.data, Node(run.primitive, plan, inputs, operands, None, NONE, out.data))
        for watch in modes.watches:
            watch.forward(run.primitive, (*(leaves[i] for i in chosen), *closed_over), result)
        return result

    return recomputed


class Segment:
    """One call of a checkpointed function, and how to repeat it."""

    def __init__(
        self, f: Callable[..., Any], leaves: list[Any], chosen: list[int], rebuild: Callable[..., Any]
    ) -> None:
        self.f, self.chosen, self.rebuild = f, chosen, rebuild
        # Differentiable tensors are handed in at each run; what is kept here has no history.
        self.constants = [None if i in chosen else leaf for i, leaf in enumerate(leaves)]
        self.closed_over: list[Record] = []
        self.levels = modes.levels
        self.value: Any = None
        self.last = Recomputed(None, None, [])
        name = f"checkpoint({getattr(f, '__name__', type(f).__name__)})"
        self.primitive = Primitive(f, name, ())

    def trace(self, values: list[Any]) -> tuple[Tensor, list[Tensor]]:
        """Run `f` on variables at the given values, recording."""
        leaves = list(self.constants)
        variables = []
        with enable_grad():
            for position, value in zip(self.chosen, values, strict=True):
                if isinstance(value, Tensor):
                    variable = value.copy()
                else:
                    variable = wrap(value, None)
                    variable.requires_grad = True
                leaves[position] = variable
                variables.append(variable)
            args, kwargs = self.rebuild(leaves)
            out = self.f(*args, **kwargs)
        if not isinstance(out, Tensor):
            raise TypeError(CHECKPOINT.format(name=self.primitive.name, what=type(out).__name__))
        return out, variables

    def cotangent(self, index: int, g: Any, _out: Any, *operands: Any) -> Any:
        """The rule for one input; all inputs of a backward share one recomputation."""
        if not self.last.answers(g, index):
            with recording(self.levels):
                out, variables = self.trace(list(operands[: len(self.chosen)]))
            self.require_same(out.data)
            own = [variable._record for variable in variables]  # the others' hooks see more than comes from here
            targets: list[Any] = own + self.closed_over
            graph = wrap if isinstance(g, Tensor) else None
            root: Any = out._record
            with recording(without(*self.levels)):  # as what is outside of its vmaps gets a sum
                found = pull_back(root, g, targets, retain_graph=graph is not None, wrap=graph)
            found.update((leaf, hooked(leaf, found[leaf], graph)) for leaf in own if leaf in found)
            self.last = Recomputed(g, None if graph else g.copy(), [found.get(target) for target in targets])
        result = self.last.take(index)
        return np.zeros_like(operands[index]) if result is None else result

    def require_same(self, again: Any) -> None:
        """The recomputed value must be that of the forward."""
        if again.shape == self.value.shape and again.dtype == self.value.dtype:
            tolerance = 1e3 * np.finfo(again.dtype).eps * np.max(np.abs(self.value), initial=0)
            if everywhere((np.abs(again - self.value) <= tolerance) | (again == self.value) | np.isnan(self.value)):
                return
        raise RuntimeError(CHECKPOINT_CHANGED.format(name=self.primitive.name))


class Recomputed:
    """The cotangents of all inputs of a segment for one cotangent of its output, each to be taken once."""

    def __init__(self, g: Any, copy: Any, cotangents: list[Any]) -> None:
        self.g, self.copy, self.cotangents = g, copy, cotangents
        self.left = set(range(len(cotangents)))

    def answers(self, g: Any, index: int) -> bool:
        """Whether they belong to this cotangent, whose owner may have overwritten it, and to this pass."""
        if index not in self.left or self.g is not g:
            return False
        return self.copy is None or everywhere((self.copy == g) | (np.isnan(self.copy) & np.isnan(g)))

    def take(self, index: int) -> Any:
        """The cotangent of one input; nothing is kept once all are taken."""
        result, self.cotangents[index] = self.cotangents[index], None
        self.left.remove(index)
        if not self.left:
            self.g = self.copy = None
        return result


def boundary(root: Record | None, start: int) -> list[Record]:
    """The tensors made before `start` that require grad and that `root` was computed from without others between."""
    if root is None or not root.requires_grad:
        return []
    found: dict[Record, None] = {}
    seen, stack = {root}, [root]
    while stack:
        record = stack.pop()
        if record.index < start:
            found[record] = None
        elif isinstance(record, Node):
            parents = {parent for parent in record.inputs if isinstance(parent, Leaf | Node) and parent.requires_grad}
            stack.extend(parents - seen)
            seen |= parents
    return list(found)
