"""Which entries the result depends on at all: where it does not, the derivative is 0, whatever the slope is there.

`np.where(x > 0, np.sqrt(x), 0)` computes the root at 0 too, and going back, 0 times its infinite slope is NaN. But the
entry was not chosen, so its derivative is 0. That the cotangent is 0 does not say so: in `np.sqrt(x) ** 2` at 0 that of
the root is 0 as well, and the derivative is 1. So zeros are found by structure: what was not chosen, not read, or
multiplied by a constant 0. Nothing here is a derivative; `backward` asks where one is NaN, or that of one may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.arrays import everywhere, may_hold_nan, sum_to
from autograd_mini.devices import beside
from autograd_mini.graph import Leaf, Node, Record, Vertex
from autograd_mini.levels import left
from autograd_mini.outputs import Cotangents

UNDEFINED = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


def cuts(node: Node) -> bool:
    """Whether an operation leaves out entries that another one computed: by choice, by a mask, or times a constant."""
    if not is_computed(node):
        return False
    if node.primitive.chooses or node.options.get("where") is not None:
        return True
    return node.primitive.linear and any(is_constant(operand) and operand.shape for operand in node.inputs)


def is_computed(node: Node) -> bool:
    """Whether a cotangent goes on from here to another operation; a leaf has no slope that could be infinite."""
    for position, _ in node.plan.rules:  # noqa: SIM110 (twice as fast, and asked in each step)
        if type(node.inputs[position]) is Node:
            return True
    return False


def is_constant(operand: Any) -> bool:
    """Whether an operand is an array through which no gradient flows."""
    return type(operand) is Leaf and not operand.requires_grad


def is_variable(operand: Any) -> bool:
    """Whether a gradient flows through an operand."""
    return isinstance(operand, Leaf | Node) and operand.requires_grad


def is_number(operand: Any) -> bool:
    """Whether an operand was kept for the rules, as an array or as a number."""
    return hasattr(operand, "dtype") and not isinstance(operand, Vertex)


def reads_nothing(node: Node) -> bool:
    """Whether the rules ask for no values but the cotangent's: they move it, so its zeros stay zeros."""
    return node.plan.keeps_none and not node.plan.keep_out


def values_of(part: Any) -> Any:
    """The array of a tensor; an array as it is."""
    return part.data if hasattr(part, "requires_grad") else part


def all_of(alive: Any) -> bool:
    """Whether all entries are known to matter; arrays of other libraries are not asked, but for recorded ones."""
    return (isinstance(alive, np.ndarray | np.generic) or hasattr(alive, "recorder")) and everywhere(alive)


@dataclass(slots=True, eq=False)
class Edge:
    """The way of a cotangent through one rule, with what `Dependence.through` reads when the operation is freed."""

    node: Node
    position: int
    rule: Callable[..., Any]
    alive: Any = None  # which entries matter of what the rule makes, None if that is not known
    all_alive: bool = False
    operands: Any = None
    out: Any = None

    def __post_init__(self) -> None:
        node = self.node
        if not (node.plan.has_slope and node.primitive.elementwise):
            self.operands, self.out = node.operands, node.out
        if node.primitive.linear and not node.primitive.chooses:
            self.operands = [None if is_variable(node.inputs[i]) else o for i, o in enumerate(self.operands)]

    def call(self, cotangent: Any, operands: Sequence[Any], out: Any = None) -> Any:
        """The rule on other numbers than those of the backward."""
        if out is None:
            out = self.node if self.out is None else self.out
        return self.rule(cotangent, out, *operands, **self.node.options)


class Dependence:
    """What one backward knows of the entries that its result depends on.

    Parameters
    ----------
    roots : dict
        The cotangents that it starts from, by record. The result depends on all their entries.
    on_tensors : bool
        The zeros are written into the graph that the rules record, also where nothing is NaN: the derivative of
        `np.where(x > 0, x**1.5, 0)` is a number at 0, and that of the derivative is not.
    """

    def __init__(self, roots: dict[Record, Any], on_tensors: bool) -> None:
        self.on_tensors = on_tensors
        self.like: Any = 0.0  # an array of the kind that is computed with
        self.drawn = 0  # how often random numbers were
        self.known: dict[Record, Any] = dict.fromkeys(roots)  # which entries of a value matter, None for all of them
        self.edges: dict[Record, list[Edge]] = {}  # those on which the cotangent of an operation came

    def settled(self, part: Any, edge: Edge, call: Sequence[Any]) -> Any:
        """`part`, which a rule made of the arguments in `call`, with 0 at the entries that do not matter."""
        node = edge.node
        if type(node.inputs[edge.position]) is Node:
            self.edges.setdefault(node.inputs[edge.position], []).append(edge)
        if type(part) is Cotangents or type(node.dtype) is tuple:
            edge.all_alive = True  # of operations with several results
            return part
        self.like = values = values_of(part)
        nan = may_hold_nan(values)
        if not nan and (not self.on_tensors or node.primitive.chooses or reads_nothing(node)):
            return part
        with np.errstate(all="ignore"):
            if nan and node.primitive.linear and self.of(node) is not None:
                part = self.product(part, edge, call)
                values = values_of(part)
            alive = self.along(edge)
            if alive is None or alive.shape != values.shape:
                edge.all_alive = True
                return part
            wrong = np.logical_not(alive) & np.isfinite(values) & (values != 0)
            alive = edge.alive = alive | np.any(wrong)  # a number other than 0 says that it does matter
            return part if all_of(alive) else np.where(alive, part, np.where(np.isnan(values), 0, values))

    def of(self, record: Record) -> Any:
        """Which entries of a value matter: those that do along any edge on which its cotangent came."""
        found = {record} - self.known.keys()
        queue = list(found)
        for each in queue:
            fresh = {edge.node for edge in self.edges[each]} - self.known.keys() - found
            found |= fresh
            queue += fresh
        for each in sorted(found, key=lambda r: r.index, reverse=True):
            self.known[each] = self.joined(each)
        return self.known[record]

    def joined(self, record: Record) -> Any:
        """The same, where it is known of all that was computed from the value."""
        total: Any = False
        for edge in self.edges[record]:
            alive = self.along(edge)
            if alive is None:
                return None
            alive = sum_to(alive, record.shape) != 0 if edge.node.primitive.broadcasts else alive
            total = total | (left(alive, edge.node, record) != 0 if edge.node.levels is not record.levels else alive)
        return None if all_of(total) else total

    def along(self, edge: Edge) -> Any:
        """Which entries matter of what a rule makes, in the shape in which it makes it; None for all of them."""
        if edge.alive is None and not edge.all_alive:
            with np.errstate(all="ignore"):
                edge.alive = self.through(edge, self.of(edge.node))
            edge.all_alive = edge.alive is None
        return None if edge.all_alive else edge.alive

    def through(self, edge: Edge, alive: Any) -> Any:
        """What the rule itself says: it is called with 0 for what does not matter, a random number for what does."""
        node, primitive = edge.node, edge.node.primitive
        if math.isnan(node.size):
            return None  # Dask does not know yet how long it is
        if primitive.chooses:
            return self.chosen(edge, alive)
        if reads_nothing(node):
            return edge.call(self.cotangent(node, alive), edge.operands) != 0
        if primitive.linear and (alive is not None or any(map(is_constant, node.inputs))):
            return edge.call(self.cotangent(node, alive), [self.factor(edge, i) for i in range(len(node.inputs))]) != 0
        if alive is None or primitive.elementwise:
            return alive
        return self.tried(edge, self.cotangent(node, alive))

    def chosen(self, edge: Edge, alive: Any) -> Any:
        """The same for a choice. One that gives NaN, as `np.maximum(np.nan, 1)` does, depends on all."""
        node, operands, cotangent = edge.node, edge.operands, self.cotangent(edge.node, alive)
        found = edge.call(cotangent, operands)
        if may_hold_nan(found):
            equal = [np.zeros_like(o) if is_number(o) else o for o in (*operands, edge.out)]
            found = np.where(np.isnan(found), edge.call(cotangent, equal[:-1], equal[-1]), found)
        found = found != 0
        if any(isinstance(operand, Vertex) for operand in operands):
            return found
        nan = np.isnan(node.primitive.of(operands, node.options))
        return found | (nan if alive is None else nan & alive) if nan.shape == found.shape else found

    def tried(self, edge: Edge, cotangent: Any) -> Any:
        """The same for a rule that reads what it likes, at the operands and at random ones: any may say so."""
        node, plan = edge.node, edge.node.plan
        if not node.primitive.vjps or any(map(callable, node.options.values())):
            return None  # a function of the user's takes part, which may do more than compute
        if node.primitive.domain.prepare is not None and hasattr(type(self.like), "checking"):
            return None  # Dask would tell of an error, as for a matrix that is not positive definite, only much later
        try:
            found = [edge.call(cotangent, edge.operands)]
            for sign in (1, -1):
                operands = [sign * self.stand_in(edge, i) for i in range(len(node.inputs))]
                out = node.primitive.of(operands, node.options) if plan.keep_out else None
                found.append(edge.call(cotangent, operands, out))
        except UNDEFINED:
            return None
        nan = [np.isnan(numbers) for numbers in found]
        alive = nan[1] & nan[2]  # neither can tell
        for numbers, no_number in zip(found, nan, strict=True):
            alive = alive | ((numbers != 0) & np.logical_not(no_number))
        return alive

    def product(self, part: Any, edge: Edge, call: Sequence[Any]) -> Any:
        """A sum of products without those of a number that is not finite and a cotangent that does not matter."""
        node, (g, out, *operands) = edge.node, call
        cotangent = self.cotangent(node, self.of(node))
        ones = [np.ones_like(o) if is_number(o) else o for o in node.operands]
        meets: Any = False
        for i, operand in enumerate(node.operands):
            if is_number(operand) and i != edge.position:
                finite = np.isfinite(operand)
                operands[i] = np.where(finite, operands[i], 0)
                marked = [*ones[:i], np.logical_not(finite).astype(ones[i].dtype), *ones[i + 1 :]]
                meets = meets | (edge.call(cotangent, marked) != 0)
        kept = meets | np.logical_not(np.isnan(values_of(part)))
        return np.where(kept, part, edge.rule(g, out, *operands, **node.options))

    # Numbers to call rules with

    def cotangent(self, node: Node, alive: Any) -> Any:
        """Random numbers where an entry matters, so that no sum of them is 0, and 0 elsewhere."""
        numbers = self.random(node)
        return numbers if alive is None else np.where(alive, numbers, 0)

    def factor(self, edge: Edge, i: int) -> Any:
        """In place of a factor: 1, but 0 where a constant is."""
        parent, operand = edge.node.inputs[i], edge.operands[i]
        if is_variable(parent):
            return np.ones_like(self.like, shape=parent.shape, dtype=parent.dtype)
        if not is_number(operand):
            return operand
        return (operand != 0).astype(operand.dtype) if is_constant(parent) else np.ones_like(operand)

    def stand_in(self, edge: Edge, i: int) -> Any:
        """In place of an operand through which a gradient flows, random numbers."""
        parent = edge.node.inputs[i]
        return self.random(parent) if is_variable(parent) else edge.operands[i]

    def random(self, like: Record) -> Any:
        """Numbers from 0.5 to 2.5, others in each call, the same in each run."""
        self.drawn += 1
        draw = np.random.default_rng(self.drawn).uniform
        numbers = np.ones_like(self.like, shape=like.shape, dtype=np.float64)
        for axis, length in enumerate(like.shape):
            drawn = draw(1, 100, length).reshape(length, *[1] * (like.ndim - axis - 1))
            numbers = numbers * beside(drawn, numbers)
        numbers = 1.5 + np.sin(numbers)
        return (numbers * (1 + 0.618j) if like.dtype.kind == "c" else numbers).astype(like.dtype)
