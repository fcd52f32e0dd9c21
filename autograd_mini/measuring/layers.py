"""The layers of a computation: each operation that mixes with a parameter, and the activation that follows it.

Only the graph is read here, and rules are asked whether they act entry by entry; nothing is measured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.backward import pull_through
from autograd_mini.graph import Leaf, Node, Record, Vertex, operations

NEUTRAL, WEIGHT, DATA = range(3)
LONGEST = 64  # operations between two points of a layer, beyond which it is none
AFFINE = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive}

Consumers = dict[Record, list[tuple[Node, int]]]


class Place(NamedTuple):
    """Where a layer is in the graph.

    Attributes
    ----------
    mixing : Node
        The operation that reads the weights, such as `h @ w`.
    data : int
        The position of its operand that carries the signal.
    weights : int
        The position of the weights.
    score, output : Node
        What the activation is applied to, and what it gives; both the same if there is none.
    activation : tuple of Node
        The operations from `score` to `output`, oldest first.
    exit : Node
        The layer's result: where other layers, a branch or the loss take over.
    others : tuple of Node
        What is between `mixing` and `exit` besides: a bias, a normalisation, a gate.
    """

    mixing: Node
    data: int
    weights: int
    score: Node
    output: Node
    activation: tuple[Node, ...]
    exit: Node
    others: tuple[Node, ...]


def find_layers(
    root: Record, inputs: Collection[Record] | None = None, outputs: Collection[Record] = ()
) -> list[Place]:
    """The layers among the operations that `root` was computed from, oldest first.

    Parameters
    ----------
    root : Node or Leaf
        The loss.
    inputs : collection of Leaf, optional
        The model's inputs; by default every array of numbers that does not require grad.
    outputs : collection of Node
        The model's outputs: what comes after is the loss and belongs to no layer.
    """
    nodes = operations(root)[::-1]
    kinds = kinds_of(nodes, inputs)
    consumers: Consumers = {}
    for node in nodes:
        for position, _ in node.plan.rules:
            consumers.setdefault(node.inputs[position], []).append((node, position))
    mixing = {node: found for node in nodes if (found := mixes(node, kinds))}
    after = post_dominators(nodes, consumers)
    walk = Walk(kinds, consumers, mixing, after, frozenset(outputs) | {root})
    return [walk.layer(node) for node in mixing if node in after or node is root]


def kinds_of(nodes: Sequence[Node], inputs: Collection[Record] | None) -> dict[Record, int]:
    """For each record whether it comes from the data, from parameters alone, or from neither."""
    kinds: dict[Record, int] = {}

    def leaf(record: Leaf) -> int:
        if inputs is not None and record in inputs:
            return DATA
        if record.requires_grad:
            return WEIGHT
        return DATA if inputs is None and is_array(record) else NEUTRAL

    for node in nodes:
        parents = [parent for parent in node.inputs if isinstance(parent, Vertex)]
        for parent in parents:
            if type(parent) is Leaf and parent not in kinds:
                kinds[parent] = leaf(parent)
        found = {kinds[parent] for parent in parents}  # type: ignore[index]
        kind = max(found, default=NEUTRAL)
        if kind == WEIGHT:  # rows looked up by an index, or an unnamed input that is mixed in
            looked_up = any(getattr(index, "ndim", 0) for index in leaves_of(node.options.values()))
            mixed_in = any(type(p) is Leaf and not p.requires_grad and is_array(p) for p in parents)
            if looked_up or (mixed_in and not node.primitive.elementwise):
                kind = DATA
        kinds[node] = kind
    return kinds


def leaves_of(options: Iterable[Any]) -> Iterable[Any]:
    """The values in options, those inside tuples included."""
    for option in options:
        yield from option if isinstance(option, tuple) else (option,)


def is_array(leaf: Leaf) -> bool:
    return leaf.ndim > 0 and leaf.size > 1 and leaf.dtype.kind != "b"


def mixes(node: Node, kinds: dict[Record, int]) -> tuple[int, int] | None:
    """The positions of the data and of the weights in an operation like `h @ w`; None for another operation."""
    if node.primitive.elementwise:
        return None
    weights = [i for i, _ in node.plan.rules if kinds.get(node.inputs[i]) == WEIGHT and node.inputs[i].ndim]
    weights.sort(key=lambda i: -node.inputs[i].size)
    for i, parent in enumerate(node.inputs):
        slot = 0 if node.primitive.variadic else i
        reads = node.primitive.reads[slot] if slot < len(node.primitive.reads) else None
        if reads is None or not isinstance(parent, Vertex) or not parent.ndim or kinds[parent] == WEIGHT:  # type: ignore[index]
            continue
        for w in weights:
            if reads.operand(w):
                return None if node.inputs[w].ndim < 2 and is_elementwise(node, i) else (i, w)
    return None


def is_elementwise(node: Node, position: int) -> bool:
    """Whether each entry of the result depends on the same entry of this operand alone: a diagonal Jacobian."""
    if node.inputs[position].shape != node.shape:
        return False
    if node.primitive.elementwise:
        return True
    if not node.size or position not in dict(node.plan.rules):
        return False
    signs = np.random.default_rng(0).choice([-1.0, 1.0], node.shape).astype(node.dtype)
    with np.errstate(all="ignore"):
        slope = pulled(node, position, np.ones_like(signs))
        return bool(np.allclose(pulled(node, position, signs), signs * slope, rtol=1e-3, atol=0, equal_nan=True))


def pulled(node: Node, position: int, cotangent: Any) -> Any:
    """A cotangent pulled back to one operand."""
    parent = node.inputs[position]
    total = None
    for (i, _), (record, part) in zip(node.plan.rules, pull_through(node, cotangent, None, None), strict=True):
        if record is parent and i == position:
            total = part
    return total


def post_dominators(nodes: Sequence[Node], consumers: Consumers) -> dict[Record, Node]:
    """For each operation the next one that every path from it to the result passes."""
    after: dict[Record, Node] = {}
    depth: dict[Record, int] = {nodes[-1]: 0} if nodes else {}
    for node in reversed(nodes):
        meeting: Node | None = None
        for consumer, _ in consumers.get(node, ()):
            if consumer not in depth:
                continue
            if meeting is None:
                meeting = consumer
            other = consumer
            while meeting is not other:
                if depth[meeting] >= depth[other]:
                    meeting = after[meeting]
                else:
                    other = after[other]
        if meeting is not None:
            after[node], depth[node] = meeting, depth[meeting] + 1
    return after


class Walk(NamedTuple):
    """Goes from a mixing operation towards the result, as far as its layer reaches."""

    kinds: dict[Record, int]
    consumers: Consumers
    mixing: dict[Node, tuple[int, int]]
    after: dict[Record, Node]
    ends: Collection[Record]

    def layer(self, node: Node) -> Place:
        """The layer that begins with this operation."""
        data, weights = self.mixing[node]
        first = score = here = node
        passed: list[Node] = []
        segments: list[tuple[list[Node], Node, bool]] = []  # operations, the last one, and whether they are affine
        closed = False  # whether what follows the activation has begun
        while here not in self.ends:
            following = self.after.get(here)
            between = None if following is None else self.between(here, following)
            if following is None or between is None or self.is_end(here, following):
                break
            affine = len(between) == 1 and is_affine(following, here)
            if closed or not self.elementwise(here, between):
                closed = closed or self.mixes_in(here, between) or not all(plain for _, _, plain in segments)
                if not closed:
                    segments, score = [], following
            elif here is first and affine:
                first = score = following
            else:
                score = score if segments else here
                segments.append((between, following, affine))
            here = following
            passed += between
        curved = next((i for i in range(len(segments), 0, -1) if not segments[i - 1][2]), 0)
        tail = [is_weighted(last) for _, last, _ in segments[curved:]]
        if not curved or any(tail):  # a mask, a learned scale, the scaling of attention: no part of phi
            segments = segments[: curved + tail.index(True)] if curved else []
        if not segments:
            return Place(node, data, weights, first, first, (), here, tuple(passed))
        activation = tuple(operation for between, _, _ in segments for operation in between)
        others = tuple(operation for operation in passed if operation not in activation)
        return Place(node, data, weights, score, segments[-1][1], activation, here, others)

    def is_end(self, here: Node, following: Node) -> bool:
        """Whether the loss begins here: one number for all, or a comparison with a constant such as the targets."""
        if following.size == 1 < here.size and following in self.ends:
            return True
        return any(type(p) is Leaf and not p.requires_grad and self.kinds.get(p) == DATA for p in following.inputs)

    def between(self, start: Node, stop: Node) -> list[Node] | None:
        """The operations after `start` up to `stop`, oldest first; None if there is another layer among them."""
        found, seen = [start], {start}
        for node in found:
            for consumer, _ in self.consumers.get(node, ()):
                if consumer in seen:
                    continue
                if consumer in self.mixing or len(found) > LONGEST:
                    return None
                seen.add(consumer)
                if consumer is not stop:
                    if consumer in self.ends:
                        return None
                    found.append(consumer)
        return sorted([*found[1:], stop], key=lambda node: node.index)

    def mixes_in(self, start: Node, segment: Sequence[Node]) -> bool:
        """Whether other data come in here by more than an addition."""
        inside = {start, *segment}
        return any(
            self.kinds[node.inputs[position]] == DATA
            and node.inputs[position] not in inside
            and node.primitive.function not in {np.add, np.subtract}
            for node in segment
            for position, _ in node.plan.rules
        )

    def elementwise(self, start: Node, segment: Sequence[Node]) -> bool:
        """Whether the last of these operations depends on `start` entry by entry, and on no other data."""
        inside = {start, *segment}
        for node in segment:
            for position, _ in node.plan.rules:
                parent = node.inputs[position]
                if self.kinds[parent] == DATA and not (parent in inside and is_elementwise(node, position)):
                    return False
        return True


def is_affine(node: Node, operand: Record) -> bool:
    """Whether an operation adds something to this operand, or multiplies it: a bias, a scale."""
    if node.primitive.function not in AFFINE or len(node.plan.rules) > 2 or is_product_of_data(node):
        return False
    return node.primitive.function is not np.divide or node.inputs[1] is not operand


def is_weighted(node: Node) -> bool:
    """Whether an operation treats entries differently, by an array such as a mask or a learned scale."""
    return sum(getattr(operand, "ndim", 0) > 0 for operand in node.inputs) > 1


def is_product_of_data(node: Node) -> bool:
    return len({id(node.inputs[i]) for i, _ in node.plan.rules}) < len(node.plan.rules)


def slope(place: Place) -> Any:
    """The derivative phi'(s) of a layer's activation at each of its scores; ones if there is no activation."""
    cotangents = {place.output: np.ones(place.output.shape, place.output.dtype)}
    useful = {place.score, *place.activation}
    with np.errstate(all="ignore"):
        for node in reversed(place.activation):
            cotangent = cotangents.pop(node, None)
            if cotangent is None:
                continue
            for parent, part in pull_through(node, cotangent, useful, None):
                cotangents[parent] = cotangents[parent] + part if parent in cotangents else part  # type: ignore[index]
    return cotangents[place.score]
