"""Reverse-mode differentiation: one loop that pulls a cotangent back from a result to what it was computed from.

It knows nodes and arrays, not tensors; `wrap` hands it the means to run the rules on tensors instead of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from typing import Any

import numpy as np

from autograd_mini import errors
from autograd_mini.arrays import may_hold_nan, sum_to
from autograd_mini.dependence import Dependence, Edge, cuts
from autograd_mini.graph import Leaf, Node, Record, modes, operations
from autograd_mini.hooks import hooked
from autograd_mini.levels import joined, left, recording
from autograd_mini.outputs import Cotangents, output_node, rebuilt

Wrap = Callable[[Any, Record], Any]
Found = dict[Record, Any]
Useful = Collection[Record] | None  # what leads to the targets; None for all
Zeros = Dependence | None  # what finds the entries that do not matter; None where none is looked for
LOUD = nullcontext()
QUIET: dict[str, Any] = {"invalid": "ignore"}  # a NaN on the way is no news, and one that stays is in the result
Parts = list[tuple[Record, Any]]  # the cotangents along the edges of an operation, each with its operand's record


def pull_back(
    root: Record, seed: Any, targets: Useful = None, *, retain_graph: bool = False, wrap: Wrap | None = None
) -> Found:
    """The cotangents of `targets`, given `seed` for the cotangent of `root`.

    Parameters
    ----------
    root : Node or Leaf
        The result.
    seed : array
        Its cotangent, of its shape and dtype.
    targets : collection of Node and Leaf, optional
        Where to stop; nothing beyond them is visited, and what does not lead to them is not computed. By default
        every leaf that requires grad.
    retain_graph : bool
        Keep the operands for another backward instead of freeing each as soon as it has been used.
    wrap : callable, optional
        `wrap(array, record)` makes a tensor; the rules then run on tensors and so record a graph.

    Returns
    -------
    dict
        Target to cotangent; a target that `root` does not depend on is absent. The hooks of `targets` are the
        caller's to call: another backward may go on from there. Results that retain their gradient come too.
    """
    stop = () if targets is None else targets
    nodes = operations(root, stop)
    useful = None if targets is None else leading_to(targets, nodes)
    cotangents: Found = {root: seed}
    for cut, node in enumerate(nodes):
        if node.plan.may_cut and cuts(node):
            pull_each(nodes[:cut], cotangents, useful, wrap, retain_graph)
            cotangents = behind_cut(nodes[cut:], cotangents, useful, wrap, retain_graph)
            break
    else:
        pull_each(nodes, cotangents, useful, wrap, retain_graph)
    if targets is None:
        for record in cotangents:
            if record.hooks is not None and type(record) is Leaf:
                cotangents[record] = hooked(record, cotangents[record], wrap)
    return cotangents


def behind_cut(nodes: list[Node], start: Found, useful: Useful, wrap: Wrap | None, retain_graph: bool) -> Found:
    """The cotangents that `nodes` lead to from `start`, with 0 for what was cut off, however steep it is there.

    A first pass frees nothing, and ends if NaN comes up at the first slope. Watches and hooks see one pass.
    """
    pole, one_pass, slope = False, modes.watches and any(watch.once for watch in modes.watches), 0
    for position, node in enumerate(nodes):
        pole = pole or node.primitive.pole
        one_pass = one_pass or node.hooks is not None
        if not slope and node.plan.has_slope:
            slope = position + 1
    if not (one_pass or (pole and wrap is not None)):
        cotangents = dict(start)
        with np.errstate(**QUIET) if pole else LOUD:
            passed = pull_each(nodes[:slope], cotangents, useful, wrap, True) if slope else []
            # Without a pole NaN comes of infinite numbers alone: nothing to wait for on a device.
            trusted = not pole and any(getattr(cotangent, "waits", False) for cotangent in start.values())
            if not slope or trusted or no_new_nan(cotangents, start):
                passed += pull_each(nodes[slope:], cotangents, useful, wrap, True)
                if trusted or no_new_nan(cotangents, start):
                    for node in () if retain_graph else passed:
                        node.operands = node.out = None
                    return cotangents
    cotangents = start
    with np.errstate(**QUIET):
        pull_each(nodes, cotangents, useful, wrap, retain_graph, zeros=Dependence(start, wrap is not None))
    return cotangents


def no_new_nan(cotangents: Found, start: Found) -> bool:
    """Whether no cotangent but those at the start may hold NaN."""
    for record, part in cotangents.items():  # noqa: SIM110 (quicker, and asked in each step)
        if part is not start.get(record) and may_hold_nan(part):
            return False
    return True


def pull_each(
    nodes: list[Node], cotangents: Found, useful: Useful, wrap: Wrap | None, keep: bool, *, zeros: Zeros = None
) -> list[Node]:
    """Replace the cotangent of each operation that has one by those of its operands; return these operations."""
    watches, outer = modes.watches, modes.levels
    passed = []
    for node in nodes:
        if node not in cotangents:
            continue
        cotangent = cotangents.pop(node)
        if node.levels:
            modes.levels = joined(outer, node)
        try:
            if node.hooks is not None:
                cotangent = hooked(node, cotangent, wrap)
                if node.hooks.retains:
                    cotangents[node] = cotangent
            parts = pull_through(node, cotangent, useful, wrap, zeros)
        finally:
            if node.levels:
                modes.levels = outer
        for watch in watches:
            watch.backward(node, cotangent, parts)
        for parent, part in parts:
            if parent not in cotangents:
                cotangents[parent] = part
            elif wrap is not None and parent.levels:
                with recording(joined(outer, parent)):
                    cotangents[parent] = cotangents[parent] + part
            else:
                cotangents[parent] = cotangents[parent] + part
        passed.append(node)
        if not keep:
            node.operands = node.out = None
            for watch in watches:
                watch.freed(node)
    return passed


def leading_to(targets: Collection[Record], nodes: list[Node]) -> set[Record]:
    """The targets and those of `nodes`, which are ordered latest first, that depend on one."""
    useful = set(targets)
    for node in reversed(nodes):
        if any(node.inputs[position] in useful for position, _ in node.plan.rules):
            useful.add(node)
    return useful


def pull_through(node: Node, cotangent: Any, useful: Useful, wrap: Wrap | None, zeros: Zeros = None) -> Parts:
    """The cotangents along the edges of one operation: for each differentiable operand, its record and part."""
    operands, out, inputs, options, primitive = node.operands, node.out, node.inputs, node.options, node.primitive
    if operands is None:
        raise RuntimeError(errors.FREED.format(name=primitive.name))
    if type(cotangent) is Cotangents:
        cotangent = cotangent.filled()
    if out is None:
        out = node
    if wrap is not None:
        out, operands = on_tensors(node, wrap)
    parts = []
    position = None
    try:
        for position, vjp in node.plan.rules:
            parent = inputs[position]
            if useful is not None and parent not in useful:
                continue
            part = vjp(cotangent, out, *operands, **options) if options else vjp(cotangent, out, *operands)
            if zeros is not None:
                part = zeros.settled(part, Edge(node, position, vjp), (cotangent, out, *operands))
            if part.shape != parent.shape or part.dtype is not parent.dtype:
                part = fit(part, node, position)
            if parent.levels is not node.levels and position not in node.plan.summed:
                part = left(part, node, parent)
            parts.append((parent, part))
    except Exception as error:
        call = {"name": primitive.name, "position": position, "operands": errors.describe(*inputs)}
        error.add_note(errors.RULE_FAILED.format(**call, reason=error))
        raise
    return parts


def on_tensors(node: Node, wrap: Wrap) -> tuple[Any, list[Any]]:
    """The output and the operands of a node as tensors with their history, so that rules record a graph."""
    out = node.out
    if isinstance(out, tuple):
        out = rebuilt(out, [wrap(part, output_node(node, i, part)) for i, part in enumerate(out)])
    else:
        out = node if out is None else wrap(out, node)
    operands = list(node.operands or ())
    for i, (parent, kept) in enumerate(zip(node.inputs, node.plan.keep, strict=True)):
        if kept and isinstance(parent, Leaf | Node) and (parent.requires_grad or not node.primitive.takes_anything(i)):
            operands[i] = wrap(operands[i], parent)
    return out, operands


def fit(part: Any, node: Node, position: int) -> Any:
    """A rule's result in its operand's shape and dtype, where the operation broadcast or promoted the operand."""
    parent = node.inputs[position]
    if node.primitive.broadcasts:
        part = sum_to(part, parent.shape)
    if part.shape != parent.shape or (part.dtype != parent.dtype and node.dtype == parent.dtype):
        got, want = errors.describe(part), errors.describe(parent)
        raise TypeError(errors.COTANGENT.format(name=node.primitive.name, position=position, got=got, want=want))
    if part.dtype == parent.dtype:
        return part
    if part.dtype.kind == "c" and parent.dtype.kind != "c":
        part = part.real
    return part.astype(parent.dtype)
