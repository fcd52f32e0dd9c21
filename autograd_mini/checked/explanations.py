"""What the errors of a `checked` block say: `NonFiniteError` and its texts; nothing here looks for what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.arrays import of_all
from autograd_mini.checked.finite import all_finite, count, extent, infinite, not_finite, numbers, plain, value_text
from autograd_mini.checked.places import Place, Places
from autograd_mini.graph import Leaf, Node, Record, modes
from autograd_mini.hooks import called
from autograd_mini.outputs import Cotangents
from autograd_mini.primitive import Primitive, primitives

MADE = "{name} made values that are not finite from {source}: {count}.{details}"
DATA = "{name} was given {operand}, which was NaN from the start: {count}. No operation in the block made it.{details}"
EDGE = (
    "The backward of {name} made a cotangent for operand {position} ({operand}) that is not finite, from a "
    "finite cotangent: {count}.{details}"
)
SEED = (
    "The cotangent that arrived at {name} was not finite already, although no edge made it so: {count}. It is the seed "
    "that was given, or the sum over several consumers overflows.{details}"
)
HOOK = "A hook of {tensor} returned a gradient that is not finite, from a finite one: {count}.{details}"
VMAP = ", of which the first axis counts the examples of a vmap"
BAD_DATA = (
    "Clean the data first, for example `np.nan_to_num(x)`, or leave the rows out: `x[np.isfinite(x).all(axis=1)]`."
)
HINTS = {
    ("np.log", "np.log2", "np.log10"): "log(0) is -inf, and of negative numbers NaN: `np.log(np.maximum(x, 1e-12))`.",
    ("np.log1p",): "log1p(-1) is -inf, and below -1 NaN: keep the operand above -1.",
    ("np.divide", "np.reciprocal"): "The divisor has a 0: `a / np.where(b == 0, 1, b)`, or add a small number to b.",
    ("np.sqrt",): "The square root of a negative number is NaN: `np.sqrt(np.maximum(x, 0))`.",
    ("np.power", "np.float_power"): "A negative number to a fraction is NaN, 0 to a negative power is infinite.",
    ("np.exp", "np.exp2", "np.expm1", "np.sinh", "np.cosh"): (
        "It overflows (exp above 88.7 in float32, 709.7 in float64): subtract the largest entry first, or use "
        "`np.logaddexp`."
    ),
}  # fmt: skip
ZERO = (
    "The cotangent that arrives is exactly 0 there, and 0 times the infinite slope of {name} is NaN. Keep the operand "
    "away from the points where the slope is infinite."
)
SLOPE_HINT = "The slope of {name} is not finite, or overflows, at these operands: keep them away from such points."
RANGE_HINT = "The numbers overflow, or the operation is not defined at these operands: look at their ranges above."


class NonFiniteError(FloatingPointError):
    """A NaN or an infinity came up in a `checked` block; the message says where and from what.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import NonFiniteError, Tensor, checked
    >>> try:
    ...     with checked():
    ...         np.log(Tensor([1.0, 0.0], name="p"))
    ... except NonFiniteError as error:
    ...     print(str(error).splitlines()[0])
    np.log made values that are not finite from finite operands: 1 of 2 entries, the first at index (1,), -inf.
    """


def came_in(values: Any, args: Sequence[Any], options: Mapping[str, Any]) -> bool:
    """Whether a result holds no NaN, and its infinities were put in with an operand or an option."""
    if np.isnan(values).any():
        return False
    return any(not_finite(numbers(arg)) for arg in args) or any(map(infinite, options.values()))


def made(  # noqa: PLR0917
    primitive: Primitive, args: Sequence[Any], values: Any, inside: bool, place: Place | None, places: Places
) -> NonFiniteError:
    """An operation made values that are not finite; or its operands held NaN already, which no operation made."""
    arrays = [numbers(arg) for arg in args]
    labels = [label(getattr(arg, "_record", None), arg, places) for arg in args]
    has_nan = np.isnan(values).any()
    spoilt = [not_finite(array) for array in arrays]
    first = next((i for i, array in enumerate(arrays) if spoilt[i] and np.isnan(array).any()), None)
    if has_nan and first is not None:
        what = f"operand {first} ({labels[first]})"
        many = count(arrays[first], np.isnan(arrays[first]))
        below = details(modes.scope, place, [], BAD_DATA)
        return NonFiniteError(DATA.format(name=primitive.name, operand=what, count=many, details=below))
    bad = np.isnan(values) if has_nan and any(spoilt) else ~np.isfinite(values)
    index = tuple(np.argwhere(bad)[0]) if is_elementwise(primitive) and not inside else None
    lines = [f"result: shape {values.shape} {values.dtype}{VMAP if inside else ''}"]
    for i, arg in enumerate(args):
        lines.append(f"operand {i}: {described(labels[i], arg)}{value_text(arrays[i], index, values.shape)}")
    hint = next((text for names, text in HINTS.items() if primitive.name in names), RANGE_HINT)
    source = "infinities (inf - inf, 0 * inf and inf / inf are NaN)" if any(spoilt) else "finite operands"
    below = details(modes.scope, place, lines, hint)
    return NonFiniteError(MADE.format(name=primitive.name, source=source, count=count(values, bad), details=below))


def pulled(node: Node, cotangent: Any, parts: list[tuple[Any, Any]], places: Places) -> NonFiniteError:
    """One of the cotangents along the edges of a node, `parts`, is not finite; or the one that arrived was not."""
    which, part = next((i, plain(part)) for i, (_, part) in enumerate(parts) if not all_finite(plain(part)))
    reached = [parent for parent, _ in parts]
    position = [position for position, _ in node.plan.rules if node.inputs[position] in reached][which]
    name, place = node.primitive.name, places.of(node)
    incoming = cotangent.parts if type(cotangent) is Cotangents else [cotangent]
    seeds = [c.data if hasattr(c, "requires_grad") else c for c in incoming if c is not None]
    arrays = list(map(of_all, seeds))
    operands = node.operands or node.inputs
    elementwise = part.shape == node.shape and is_elementwise(node.primitive)
    index = tuple(np.argwhere(~np.isfinite(part))[0]) if elementwise else None
    called = "" if node.name is None else f"{node.name!r}, "
    lines = [f"result: {called}shape {node.shape} {node.dtype}{value_text(node.out, index, part.shape)}"]
    for i, (parent, operand) in enumerate(zip(node.inputs, operands, strict=True)):
        text = described(label(parent, operand, places), parent)
        lines.append(f"operand {i}: {text}{value_text(operand, index, part.shape)}")
    lines += [f"cotangent: {extent(array)}" for array in arrays]
    spoilt = next((array for array in arrays if not all_finite(array)), None)
    if spoilt is not None:
        below = details(node.scope, place, lines, "")
        return NonFiniteError(SEED.format(name=name, count=count(spoilt), details=below))
    hint = zero_times_infinity(node, position, seeds[0]) if len(seeds) == 1 else ""
    return NonFiniteError(
        EDGE.format(
            name=name,
            position=position,
            operand=label(node.inputs[position], operands[position], places),
            count=count(part),
            details=details(node.scope, place, lines, hint or SLOPE_HINT.format(name=name)),
        )
    )


def changed(record: Record, hook: Any, values: Any) -> NonFiniteError:
    """A hook returned values that are not finite."""
    written = [f"the hook is written at {Place(hook.__code__, 0)}"] if hasattr(hook, "__code__") else []
    lines = [*written, f"tensor: shape {record.shape} {record.dtype}", f"what it returned: {extent(values)}"]
    below = "".join(f"\n  {line}" for line in lines)
    return NonFiniteError(HOOK.format(tensor=called(record), count=count(values), details=below))


def zero_times_infinity(node: Node, position: int, cotangent: Any) -> str:
    """What to say if the cotangent is exactly zero where the slope is infinite; "" if it is not."""
    slope = dict(node.plan.rules)[position]
    operands: Any = node.operands
    raw = slope(cotangent, node if node.out is None else node.out, *operands, **node.options)
    passed = ~np.isfinite(raw) & (cotangent != 0) if cotangent.shape == raw.shape else cotangent != 0
    if of_all(passed).any():
        return ""
    return ZERO.format(name=node.primitive.name)


def details(scope: str, place: Place | None, lines: list[str], hint: str) -> str:
    """The indented lines below an error's first one."""
    where = f"written at {place}" if place else "written outside of the block"
    module = [f"module: {scope}"] if scope else []
    return "".join(f"\n  {line}" for line in [where, *module, *lines]) + (f"\n{hint}" if hint else "")


def label(record: Any, value: Any, places: Places) -> str:
    """What a user calls an operand: its tensor's name, else how it came about."""
    if isinstance(record, Leaf | Node) and record.name is not None:
        return repr(record.name)
    if type(record) is Node:
        place = places.of(record)
        line = f" from line {place.span()[0]}" if place else ", computed outside of the block"
        return f"the result of {record.primitive.name}{line}"
    if type(record) is Leaf and record.requires_grad:
        return "a variable without name"
    return "a constant" if hasattr(value, "shape") else f"the number {value!r}"


def described(label: str, like: Any) -> str:
    """An operand: what it is called, its shape and dtype."""
    return f"{label}, shape {like.shape} {like.dtype}" if hasattr(like, "shape") else label


def is_elementwise(primitive: Primitive) -> bool:
    """Whether each entry of the result comes from the operands' entries at its place."""
    return primitive is primitives[np.where] or primitive.elementwise
