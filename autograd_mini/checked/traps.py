"""Zero times infinity: why a cotangent is NaN where it arrives as 0, the where-branch trap above all, and its mend."""

from __future__ import annotations

import ast
import math
import weakref
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from autograd_mini.checked.expressions import find_where, operand_of, with_operand
from autograd_mini.checked.places import Places
from autograd_mini.graph import Node, operations
from autograd_mini.primitive import Primitive, primitives
from autograd_mini.rules.piecewise import choose
from autograd_mini.tensor import Tensor

ZERO = (
    "The cotangent that arrives is exactly 0 there, and 0 times the infinite slope of {name} is NaN. Keep the operand "
    "away from the points where the slope is infinite."
)
TRAP = (
    "The where-branch trap: {choice} did not take this branch at these entries, so the cotangent that arrives there is "
    "0, but {name} was computed there all the same, and 0 times its infinite slope is NaN. Choose before computing too:"
    " write {fix}."
)

WHERE, CHOOSE = primitives[np.where], primitives[choose]
Conditions: TypeAlias = dict[weakref.ref[Node], Any]  # of the choices that the backward went through


def condition_of(choice: Node) -> Any:
    """What a choice chose by, None if the graph does not have it any more."""
    return choice.operands[0] if choice.operands and choice.primitive is WHERE else choice.options.get("index")


def zero_times_infinity(node: Node, position: int, cotangent: Any, places: Places, conditions: Conditions) -> str:
    """What to say if the cotangent is exactly zero where the slope is infinite; "" if it is not."""
    slope = dict(node.plan.rules)[position]
    operands: Any = node.operands
    raw = slope(cotangent, node if node.out is None else node.out, *operands, **node.options)
    bad = ~np.isfinite(raw)
    if (cotangent[bad] if cotangent.shape == raw.shape else cotangent).any():
        return ""
    for choice, branch in choices_after(node, conditions):
        condition = conditions.get(weakref.ref(choice))
        if condition is not None and not taken(condition, branch, choice.primitive is WHERE, bad):
            name = "np.where" if choice.primitive is WHERE else "np.choose"
            return TRAP.format(choice=name, name=node.primitive.name, fix=fix(node, position, choice, branch, places))
    return ZERO.format(name=node.primitive.name)


def choices_after(node: Node, conditions: Conditions) -> Iterator[tuple[Node, int]]:
    """The choices that this backward went through and that `node` is a branch of, the nearest first."""
    known = [reference() for reference in list(conditions)]
    for choice in sorted((c for c in known if c is not None and c.index > node.index), key=lambda c: c.index):
        for branch, parent in enumerate(choice.inputs):
            if isinstance(parent, Node) and node in operations(parent):
                yield choice, branch


def taken(condition: Any, branch: int, is_where: bool, entries: Any) -> bool:
    """Whether a choice took the branch at any of these entries; if the shapes do not tell, then not."""
    condition = condition._values if isinstance(condition, Tensor) else np.asarray(condition)
    chosen = (condition.astype(bool) == (branch == 1)) if is_where else condition == branch
    try:
        return bool((np.broadcast_to(chosen, entries.shape) & entries).any())
    except ValueError:
        return False


def fix(node: Node, position: int, choice: Node, branch: int, places: Places) -> str:
    """The code without the trap, in the user's own names where the source is at hand."""
    written, chosen = (place.expression() if place else None for place in map(places.of, (node, choice)))
    call = None if choice.primitive is not WHERE else find_where(chosen)
    operand = None if written is None else operand_of(written, node.primitive.name, position)
    safe = safe_value(node.primitive, position)
    if call is None or operand is None or written is None:
        name = node.primitive.name
        return f"`{name}(np.where(condition, x, {safe}))`, where the condition is true in this branch"
    condition, inner = ast.unparse(call.args[0]), ast.unparse(operand)
    taken_here, other = (inner, str(safe)) if branch == 1 else (str(safe), inner)
    guarded = f"{ast.unparse(call.func)}({condition}, {taken_here}, {other})"
    before = ast.unparse(written)
    after = with_operand(written, operand, guarded)
    whole = ast.unparse(call)
    return f"`{whole.replace(before, after) if before in whole else after}`"


def safe_value(primitive: Primitive, position: int) -> int:
    """A number inside of the operation's domain: 1 for most."""
    intervals = primitive.domain.intervals
    low, high = intervals[min(position, len(intervals) - 1)] if intervals else (-math.inf, math.inf)
    return next((value for value in (1, 0, 2) if low < value < high), 1)
