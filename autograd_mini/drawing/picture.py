"""What a drawing shows: one box for each tensor, or for each run of operations where there are too many.

Plain text and numbers only: colours, escapes and DOT live in `drawing`.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.graph import Leaf, Node, Record, Vertex, ancestors
from autograd_mini.measuring.sizes import Measured, Signal, measure, ratio
from autograd_mini.primitive import Primitive

EDGES_PER_NODE = 5  # what dot lays out in comfort: 1,000 nodes or 5,000 edges
PIECES = 40  # how many boxes a graph without scopes is folded to
FEW = 3  # fewer runs than this show nothing
DEEPEST = 8  # levels of scopes that folding tries
WIDEST = 60  # characters of an option's value

FOLDED = (
    "Folded: {operations:,} operations are shown as {boxes:,} boxes. To see each of them: draw(t, max_nodes={all})."
)
NO_SCOPES = ' To fold by layer, compute each layer inside `with autograd_mini.scope("layer1"):`.'


class Box(NamedTuple):
    """One tensor, or one run of operations."""

    key: str
    kind: str  # "operation", "parameter", "constant" or "run"
    title: str
    lines: tuple[str, ...]
    scope: str
    signal: Signal | None = None
    footer: tuple[str, ...] = ()
    result: bool = False


class Link(NamedTuple):
    """One edge, in the direction of the computation. `gain` is None where it is off the scale or not known."""

    tail: str
    head: str
    kind: str  # "signal", "parameter" or "constant"
    gain: float | None
    tip: str


class Picture(NamedTuple):
    """Boxes and links, and a note if it is not all there."""

    boxes: list[Box]
    links: list[Link]
    title: str
    note: str = ""


def picture(root: Record, measured: Measured | None, max_nodes: int) -> Picture:
    """What to draw of the computation of `root`: everything, or runs if that is more than `max_nodes`."""
    records = ancestors(root)[::-1]
    nodes = [record for record in records if isinstance(record, Node)]
    parameters = sum(type(record) is Leaf and record.requires_grad for record in records)
    title = f"Computation of {root.name or 'a tensor'}: {count(len(nodes), 'operation')}, "
    title += count(parameters, "parameter")
    if len(records) <= max_nodes and sum(len(node.inputs) for node in nodes) <= EDGES_PER_NODE * max_nodes:
        return Picture(*everything(root, records, measured), title)
    boxes, links = folded(nodes, measured, max_nodes)
    every = max(len(records), sum(len(node.inputs) for node in nodes) // EDGES_PER_NODE + 1)
    note = FOLDED.format(operations=len(nodes), boxes=len(boxes), all=every)
    return Picture(boxes, links, title, note if any(node.scope for node in nodes) else note + NO_SCOPES)


# Everything


def everything(root: Record, records: Sequence[Record], measured: Measured | None) -> tuple[list[Box], list[Link]]:
    """A box for each record and a link for each operand; `x * x` has two."""
    keys = {record: f"n{number}" for number, record in enumerate(records)}
    scopes = leaf_scopes(records)
    boxes, links = [], []
    for record in records:
        signal = measured.records.get(record) if measured is not None else None
        scope = scopes.get(record, record.scope)
        kind, title = "operation", record.name or ""
        lines = [describe(record)]
        footer: tuple[str, ...] = ()
        if isinstance(record, Node):
            title = f"{title} = {call(record)}" if title else call(record)
            links += [link(keys, record, i, measured) for i, p in enumerate(record.inputs) if isinstance(p, Vertex)]
        elif record.requires_grad:
            kind = "parameter"
            lines = [kind, *lines] if title else lines
            footer = tuple(leaf_lines(record, measured))
        else:
            kind = "constant"
        boxes.append(Box(keys[record], kind, title or kind, tuple(lines), scope, signal, footer, record is root))
    return boxes, links


def link(keys: dict[Record, str], node: Node, position: int, measured: Measured | None) -> Link:
    parent = node.inputs[position]
    edge = measured.edges.get((node, position)) if measured is not None else None
    kind = "signal" if parent.requires_grad else "constant"
    # The gradient of a parameter sums over the batch, so its size says nothing on the way of the signal;
    # in a computation with single numbers there is no batch.
    if type(parent) is Leaf and parent.requires_grad and not node.size == parent.size == 1:
        kind = "parameter"
    gain = edge.gain if edge is not None and kind == "signal" else None
    return Link(keys[parent], keys[node], kind, gain, f"operand {position + 1} of {call(node)}")


def leaf_lines(leaf: Leaf, measured: Measured | None) -> Iterator[str]:
    """What is known of a parameter's gradient beside its signal."""
    if measured is None:
        if leaf.grad is not None:
            yield f"rms(grad) {measure(leaf.grad).rms:.1e}"
        return
    signal, value = measured.records.get(leaf), measured.values.get(leaf)
    if signal is not None and value is not None and value.rms:
        yield f"rms(g)/rms(value) {ratio(signal.rms, value.rms):.1e}"


def leaf_scopes(records: Sequence[Record]) -> dict[Record, str]:
    """For each parameter the scope that its consumers have in common: it is drawn where it is used."""
    scopes: dict[Record, str] = {}
    for node in records:
        if not isinstance(node, Node):
            continue
        for parent in node.inputs:
            if type(parent) is Leaf and parent.requires_grad:
                scopes[parent] = common(scopes.get(parent, node.scope), node.scope)
    return scopes


def common(a: str, b: str) -> str:
    """The scope that contains both."""
    if a == b:
        return a
    both = zip(a.split("."), b.split("."), strict=False)
    return ".".join(x for x, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], both))


# Words


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def describe(record: Record) -> str:
    """Shape and dtype."""
    return f"{record.shape or 'scalar'} {record.dtype}"


def call(node: Node) -> str:
    """The operation with the numbers and the keywords it was given: `sum(axis=0)`, `power(_, 3)`."""
    given = [] if all(isinstance(i, Vertex) for i in node.inputs) else [value_text(i) for i in node.inputs]
    defaults = option_defaults(node.primitive)
    for name, value in node.options.items():
        if not is_default(value, defaults.get(name)):
            given.append(f"{name}={value_text(value)}")
    name = node.primitive.name.removeprefix("np.")
    return f"{name}({', '.join(given)})" if given else str(name)


@functools.cache
def option_defaults(primitive: Primitive) -> dict[str, Any]:
    """The defaults of a primitive's keywords, as its rules state them."""
    vjp = next((vjp for vjp in primitive.vjps if vjp is not None), None)
    if vjp is None:
        return {}
    parameters = inspect.signature(vjp).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def is_default(value: Any, default: Any) -> bool:
    return value is None or value is default or (type(value) is type(default) and bool(np.all(value == default)))


def value_text(value: Any) -> str:
    """A value in short: `_` for a tensor, the shape for an array."""
    if isinstance(value, Vertex):
        return "_"
    if isinstance(value, tuple) and 0 < len(value) <= 8:
        return f"({', '.join(map(value_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, slice):
        parts = ["" if part is None else value_text(part) for part in (value.start, value.stop, value.step)]
        return ":".join(parts[: 2 if value.step is None else 3])
    if value is Ellipsis:
        return "..."
    if getattr(value, "ndim", 0):
        return f"array{value.shape}".replace(",)", ")")
    text = str(value) if isinstance(value, np.generic | np.dtype) else repr(value)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


# Runs


def folded(nodes: Sequence[Node], measured: Measured | None, max_nodes: int) -> tuple[list[Box], list[Link]]:
    """A box for each run of operations, which are given oldest first, and a link where one feeds another.

    A run is a stretch of the order of creation, so no run can both feed another and be fed by it.
    """
    for depth in range(min(DEEPEST, max(node.scope.count(".") for node in nodes) + 1), 0, -1):
        runs = [(scope, list(run)) for scope, run in itertools.groupby(nodes, functools.partial(prefix, depth))]
        if FEW <= len(runs) <= max_nodes:
            links = run_links([run for _, run in runs], measured)
            if len(links) <= EDGES_PER_NODE * max_nodes:
                break
    else:
        size = math.ceil(len(nodes) / min(PIECES, max_nodes))
        runs = [("", list(nodes[at : at + size])) for at in range(0, len(nodes), size)]
        links = run_links([run for _, run in runs], measured)
    return [run_box(number, *run, measured, number == len(runs) - 1) for number, run in enumerate(runs)], links


def prefix(depth: int, node: Node) -> str:
    """The first `depth` levels of a node's scope."""
    return ".".join(node.scope.split(".", depth)[:depth]) if node.scope else ""


def run_box(number: int, scope: str, run: Sequence[Node], measured: Measured | None, result: bool) -> Box:
    """A run's kinds of operation, its result and how the signal spreads inside; signals are of its last operation."""
    last = run[-1]
    operations = Counter(node.primitive.name.removeprefix("np.") for node in run)
    parameters = {p for node in run for p in node.inputs if type(p) is Leaf and p.requires_grad}
    many = operations.most_common(3)
    lines = [
        ", ".join(f"{name} x{times:,}" if times > 1 else name for name, times in many)
        + (", ..." if len(many) < len(operations) else "")
    ]
    if parameters:
        lines.append(f"reads {count(len(parameters), 'parameter')}")
    lines.append(describe(last))
    title = scope or (call(last) if len(run) == 1 else count(len(run), "operation"))
    signal = None
    footer: list[str] = []
    if measured is not None:
        inside = [measured.records[node] for node in run if node in measured.records]
        signal = measured.records.get(last)
        if inside:
            low, high = (f"{extreme(s.rms for s in inside):.1e}" for extreme in (min, max))
            footer += [f"inside, rms(g) {low} to {high}"] if low != high else []
            signal = (signal or inside[-1])._replace(finite=all(s.finite for s in inside))
    return Box(f"n{number}", "run", title, tuple(lines), "", signal, tuple(footer), result)


def run_links(runs: Sequence[Sequence[Node]], measured: Measured | None) -> list[Link]:
    """One link for all edges between two runs; its gain takes their cotangents together."""
    number_of = {node: number for number, run in enumerate(runs) for node in run}
    counts: Counter[tuple[int, int]] = Counter()
    norms: dict[tuple[int, int], float] = {}
    sizes: dict[tuple[int, int], int] = {}
    edges = measured.edges if measured is not None else {}
    for node, head in number_of.items():
        for position, parent in enumerate(node.inputs):
            tail = number_of.get(parent, head) if type(parent) is Node else head
            if tail == head:
                continue
            counts[tail, head] += 1
            edge = edges.get((node, position))
            if edge is not None:
                norms[tail, head] = math.hypot(norms.get((tail, head), 0.0), edge.rms * math.sqrt(parent.size))
                sizes[tail, head] = sizes.get((tail, head), 0) + parent.size
    links = []
    for (tail, head), number in counts.items():
        gain = None
        top = measured.records.get(runs[head][-1]) if measured is not None else None
        if top is not None and (tail, head) in norms:
            gain = ratio(norms[tail, head] / math.sqrt(sizes[tail, head]), top.rms) if sizes[tail, head] else math.nan
        links.append(Link(f"n{tail}", f"n{head}", "signal", gain, count(number, "edge")))
    return links
