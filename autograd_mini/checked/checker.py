"""What a `checked` block does: stop at the first NaN or infinity, and lock what a graph still needs.

What is looked at, what is locked and what the errors say is here; nothing that computes or measures.
"""

from __future__ import annotations

import ast
import itertools
import linecache
import math
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autograd_mini.backward import pull_through
from autograd_mini.checked.expressions import find_where, operand_of, with_operand
from autograd_mini.checked.locks import Memory, guard, is_locked, lock, release
from autograd_mini.graph import Leaf, Node, Record, Watch, modes, operations
from autograd_mini.outputs import Cotangents
from autograd_mini.primitive import Primitive, primitives
from autograd_mini.rules.piecewise import choose
from autograd_mini.tensor import Tensor
from autograd_mini.transforms.checkpointing import Segment

MADE = "{name} made values that are not finite from {source}: {count}.{details}"
DATA = "{name} was given {operand}, which was NaN from the start: {count}. No operation in the block made it.{details}"
EDGE = (
    "The backward of {name} made a cotangent for operand {position} ({operand}) that is not finite, from {source}: "
    "{count}.{details}"
)
SEED = (
    "The cotangent that arrived at {name} was not finite already, although no edge made it so: {count}. It is the seed "
    "that was given, or the sum over several consumers overflows.{details}"
)
BAD_DATA = (
    "Clean the data first, for example `np.nan_to_num(x)`, or leave the rows out: `x[np.isfinite(x).all(axis=1)]`."
)
ZERO = (
    "The cotangent that arrives is exactly 0 there, and 0 times the infinite slope of {name} is NaN. Keep the operand "
    "away from the points where the slope is infinite."
)
TRAP = (
    "The where-branch trap: {choice} did not take this branch at these entries, so the cotangent that arrives there is "
    "0, but {name} was computed there all the same, and 0 times its infinite slope is NaN. Choose before computing too:"
    " write {fix}."
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
SLOPE_HINT = "The slope of {name} is not finite, or overflows, at these operands: keep them away from such points."
RANGE_HINT = "The numbers overflow, or the operation is not defined at these operands: look at their ranges above."

HERE = Path(__file__).parents[1]
PACKAGES = tuple(f"{path}{os.sep}" for path in (HERE, HERE.parent / "nn", Path(np.__file__).parent))
WHERE, CHOOSE = primitives[np.where], primitives[choose]


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


# Where the user wrote it


class Place(NamedTuple):
    """An instruction of the user's code; line and source are looked up only when an error needs them."""

    code: CodeType
    instruction: int

    def span(self) -> tuple[int | None, int | None, int | None, int | None]:
        """First and last line, first and last column (in bytes) of the expression."""
        return next(itertools.islice(self.code.co_positions(), self.instruction // 2, None), (None,) * 4)

    def expression(self) -> ast.expr | None:
        """What was written there, such as `np.sqrt(x)`, or None if the source is not at hand."""
        line, last, start, end = self.span()
        if line is None or last is None or start is None or end is None:
            return None
        lines = [linecache.getline(self.code.co_filename, i).encode() for i in range(line, last + 1)]
        lines[-1] = lines[-1][:end]
        lines[0] = lines[0][start:]
        try:
            return ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
        except SyntaxError:
            return None

    def __str__(self) -> str:
        line = self.span()[0] or self.code.co_firstlineno
        source = linecache.getline(self.code.co_filename, line).strip()
        return f"{self.code.co_filename}:{line}" + (f": `{source}`" if source else "")


_inside: dict[str, bool] = {}  # whether a file is one of ours


def user_place(frame: FrameType | None) -> tuple[CodeType, int] | None:
    """The innermost frame outside of our packages and NumPy, as the fields of a `Place`; a plain tuple is cheaper."""
    while frame is not None:
        code = frame.f_code
        inside = _inside.get(code.co_filename)
        if inside is None:
            inside = _inside[code.co_filename] = code.co_filename.startswith(PACKAGES)
        if not inside:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def inside_a_rule(frame: FrameType | None) -> bool:
    """Whether a rule computes this, which may make infinities that it then leaves out; a checkpoint's function not."""
    while frame is not None:
        if frame.f_code is Segment.trace.__code__:
            return False
        if frame.f_code is pull_through.__code__:
            return True
        frame = frame.f_back
    return False


# What is finite


def all_finite(values: Any) -> bool:
    """Whether no entry is NaN or infinite: the sum of squares says so at once, but where it overflows itself."""
    if type(values) is not np.ndarray:
        return True  # arrays of other libraries, perhaps not computed yet
    kind = values.dtype.kind
    if kind != "f":
        return kind != "c" or bool(np.isfinite(values).all())
    flat = values.ravel("K")
    return math.isfinite(flat.dot(flat)) or bool(np.isfinite(values).all())


def numbers(value: Any) -> Any:
    """The array of floating-point numbers in an operand, None if it holds none."""
    array = value._values if isinstance(value, Tensor) else np.asarray(value)
    return array if isinstance(array, np.ndarray) and array.dtype.kind in "fc" else None


def count(values: Any, bad: Any = None) -> str:
    """How many entries are not finite, and the first of them."""
    bad = ~np.isfinite(values) if bad is None else bad
    index = tuple(map(int, np.argwhere(bad)[0]))
    where = f", the first at index {index}" if index else ""
    return f"{np.count_nonzero(bad)} of {values.size} entries{where}, {values[index]}"


def extent(values: Any) -> str:
    """The range of the finite entries, and how many others there are."""
    finite = values[np.isfinite(values)]
    if finite.dtype.kind == "c":
        finite = np.abs(finite)
    text = f"values from {finite.min()} to {finite.max()}" if finite.size else "no finite value"
    others = {"NaN": int(np.isnan(values).sum()), "infinite": int(np.isinf(values).sum())}
    return text + "".join(f", {number} {kind}" for kind, number in others.items() if number)


def value_text(values: Any, index: tuple[Any, ...] | None, shape: tuple[int, ...]) -> str:
    """The range of an array, and its value at an index into `shape`; "" for what holds no numbers."""
    values = numbers(values) if isinstance(values, Tensor | np.ndarray | np.generic) else None
    if values is None or not values.size:
        return ""
    if not values.ndim:
        return f", value {values}"
    text = f", {extent(values)}"
    if index is None:
        return text
    return f"{text}; {np.broadcast_to(values, shape)[index]} at that entry"


def is_elementwise(primitive: Primitive) -> bool:
    """Whether each entry of the result comes from the operands' entries at its place."""
    function = primitive.function
    return primitive is WHERE or (isinstance(function, np.ufunc) and function.signature is None)


def described(label: str, like: Any) -> str:
    """An operand: what it is called, its shape and dtype."""
    return f"{label}, shape {like.shape} {like.dtype}" if hasattr(like, "shape") else label


# The block


class Checker(Watch):
    """What one thread does while it is in a `checked` block, however many of them it is in."""

    def __init__(self) -> None:
        self.depth = 0
        # Of the live nodes: where they were written, what they need, and the conditions of choices gone back through.
        self.places: dict[weakref.ref[Node], tuple[CodeType, int]] = {}
        self.held: dict[weakref.ref[Node], list[Memory]] = {}
        self.conditions: dict[weakref.ref[Node], Any] = {}
        self.float_errors: Any = None

    def open(self) -> None:
        """One block more in this thread."""
        self.depth += 1
        if self.depth == 1:
            _thread.checker = self
            self.float_errors = np.seterr(all="ignore")  # NumPy's warnings say less, and may be errors
            super().__enter__()

    def close(self) -> None:
        """One block less; after the last one everything is as it was."""
        self.depth -= 1
        if self.depth:
            return
        if _thread.checker is self:  # else a generator was closed in another thread than it ran in
            _thread.checker = None
            np.seterr(**self.float_errors)
            super().__exit__()
        held, self.held = self.held, {}
        self.places, self.conditions = {}, {}
        for memories in held.values():
            release(memories)

    def forget(self, reference: weakref.ref[Node]) -> None:
        """A graph was dropped."""
        self.places.pop(reference, None)
        self.conditions.pop(reference, None)
        memories = self.held.pop(reference, None)
        if memories:
            release(memories)

    def freed(self, node: Node) -> None:
        """A backward has passed, and the graph needs the operands no longer."""
        memories = self.held.pop(weakref.ref(node), None)
        if memories:
            release(memories)

    def forward(self, primitive: Primitive, args: tuple[Any, ...], result: Any) -> None:
        """Look at what was computed, remember where, and lock what the backward will read."""
        if isinstance(result, tuple):
            parts: tuple[Any, ...] = result
            nodes = [part._record for part in parts if isinstance(part, Tensor) and type(part._record) is Node]
            record = nodes[0].inputs[0] if nodes else None  # that of the operation itself, not of one result
        else:
            parts = (result,)
            record = result._record
        for part in parts:
            if isinstance(part, Tensor) and not all_finite(part._values):
                self.explain_forward(primitive, args, part._values)
        if self.depth and type(record) is Node:
            self.keep(record, args)

    def keep(self, node: Node, args: tuple[Any, ...]) -> None:
        """Remember where a node was written, and lock the arrays that its rules will read."""
        reference = weakref.ref(node, self.forget)
        place = user_place(sys._getframe(3))
        if place is not None:
            self.places[reference] = place
        operands, out = node.operands, node.out
        if out is None and node.plan.keeps_none:
            return
        memories = []
        with guard:
            for i, operand in enumerate(operands or ()):
                if type(operand) is np.ndarray:
                    # A locked array that is no tensor's was not copied, because it seemed that nobody can change it.
                    if operand is args[i] and is_locked(operand):
                        operand = operands[i] = operand.copy()  # noqa: PLW2901
                    memories.append(lock(operand))
            for array in out if isinstance(out, tuple) else (out,):
                if type(array) is np.ndarray:
                    memories.append(lock(array))
        self.held[reference] = [memory for memory in memories if memory is not None]

    def backward(self, node: Node, cotangent: Any, parts: list[tuple[Any, Any]]) -> None:
        """Look at the cotangent along each edge."""
        for i, (_, part) in enumerate(parts):
            if not all_finite(part._values if isinstance(part, Tensor) else part):
                self.explain_backward(node, cotangent, parts, i)
        if node.primitive is WHERE or node.primitive is CHOOSE:
            condition = node.operands[0] if node.operands and node.primitive is WHERE else node.options.get("index")
            self.conditions[weakref.ref(node, self.forget)] = condition

    # What the errors say

    def explain_forward(self, primitive: Primitive, args: tuple[Any, ...], values: Any) -> None:
        """Raise, unless the infinity came in with an operand or an option, or a rule will leave it out."""
        frame = sys._getframe(3)
        if inside_a_rule(frame):
            return
        arrays = [numbers(arg) for arg in args]
        has_nan = np.isnan(values).any()
        spoilt = [array is not None and not np.isfinite(array).all() for array in arrays]
        # The hook is not given the options, and a constant has no node that holds them: they are read off the caller.
        options = sys._getframe(2).f_locals.get("options", {})
        spoilt_options = any(infinite(option) for option in options.values())
        if not has_nan and (any(spoilt) or spoilt_options):
            return
        labels = [self.label(getattr(arg, "_record", None), arg) for arg in args]
        first = next((i for i, array in enumerate(arrays) if spoilt[i] and np.isnan(array).any()), None)
        place = user_place(frame)
        if has_nan and first is not None:
            details = self.details(modes.scope, place, [], BAD_DATA)
            what = f"operand {first} ({labels[first]})"
            raise NonFiniteError(
                DATA.format(
                    name=primitive.name,
                    operand=what,
                    count=count(arrays[first], np.isnan(arrays[first])),
                    details=details,
                )
            )
        bad = np.isnan(values) if has_nan and any(spoilt) else ~np.isfinite(values)
        index = tuple(np.argwhere(bad)[0]) if is_elementwise(primitive) else None
        lines = [
            f"operand {i}: {described(labels[i], arg)}{value_text(arrays[i], index, values.shape)}"
            for i, arg in enumerate(args)
        ]
        hint = next((text for names, text in HINTS.items() if primitive.name in names), RANGE_HINT)
        source = "infinities (inf - inf, 0 * inf and inf / inf are NaN)" if any(spoilt) else "finite operands"
        details = self.details(modes.scope, place, [f"result: shape {values.shape} {values.dtype}", *lines], hint)
        raise NonFiniteError(MADE.format(name=primitive.name, source=source, count=count(values, bad), details=details))

    def explain_backward(self, node: Node, cotangent: Any, parts: list[tuple[Any, Any]], which: int) -> NoReturn:
        """Raise for the edge `parts[which]`."""
        reached = [parent for parent, _ in parts]
        positions = [position for position, _ in node.plan.rules if node.inputs[position] in reached]
        position = positions[which]
        part = parts[which][1]
        part = part._values if isinstance(part, Tensor) else part
        name, place = node.primitive.name, self.places.get(weakref.ref(node))
        incoming = [c for c in (cotangent.parts if type(cotangent) is Cotangents else [cotangent]) if c is not None]
        arrays = [c._values if isinstance(c, Tensor) else c for c in incoming]
        operands = node.operands or node.inputs
        elementwise = part.shape == node.shape and is_elementwise(node.primitive)
        index = tuple(np.argwhere(~np.isfinite(part))[0]) if elementwise else None
        result = f"result: {named(node)}shape {node.shape} {node.dtype}"
        lines = [result + value_text(node.out, index, part.shape)]
        for i, (parent, operand) in enumerate(zip(node.inputs, operands, strict=True)):
            text = described(self.label(parent, operand), parent)
            lines.append(f"operand {i}: {text}{value_text(operand, index, part.shape)}")
        lines += [f"cotangent: {extent(array)}" for array in arrays]
        spoilt = next((array for array in arrays if not all_finite(array)), None)
        if spoilt is not None:
            raise NonFiniteError(
                SEED.format(name=name, count=count(spoilt), details=self.details(node.scope, place, lines, ""))
            )
        hint = self.zero_times_infinity(node, position, arrays[0]) if len(arrays) == 1 else ""
        raise NonFiniteError(
            EDGE.format(
                name=name,
                position=position,
                operand=self.label(node.inputs[position], operands[position]),
                source="a finite cotangent",
                count=count(part),
                details=self.details(node.scope, place, lines, hint or SLOPE_HINT.format(name=name)),
            )
        )

    def details(self, scope: str, place: tuple[CodeType, int] | None, lines: list[str], hint: str) -> str:
        """The indented lines below an error's first one."""
        where = f"written at {Place(*place)}" if place else "written outside of the block"
        module = [f"module: {scope}"] if scope else []
        return "".join(f"\n  {line}" for line in [where, *module, *lines]) + (f"\n{hint}" if hint else "")

    def label(self, record: Any, value: Any) -> str:
        """What a user calls an operand: its tensor's name, else how it came about."""
        if isinstance(record, Leaf | Node) and record.name is not None:
            return repr(record.name)
        if type(record) is Node:
            place = self.places.get(weakref.ref(record))
            line = f" from line {Place(*place).span()[0]}" if place else ", computed outside of the block"
            return f"the result of {record.primitive.name}{line}"
        if type(record) is Leaf and record.requires_grad:
            return "a variable without name"
        return "a constant" if hasattr(value, "shape") else f"the number {value!r}"

    def zero_times_infinity(self, node: Node, position: int, cotangent: Any) -> str:
        """What to say if the cotangent is exactly zero where the slope is infinite; "" if it is not."""
        slope = dict(node.plan.rules)[position]
        operands: Any = node.operands
        raw = slope(cotangent, node if node.out is None else node.out, *operands, **node.options)
        bad = ~np.isfinite(raw)
        if (cotangent[bad] if cotangent.shape == raw.shape else cotangent).any():
            return ""
        for choice, branch in self.choices_after(node):
            condition = self.conditions.get(weakref.ref(choice))
            if condition is not None and not taken(condition, branch, choice.primitive is WHERE, bad):
                fix = self.fix(node, position, choice, branch)
                name = "np.where" if choice.primitive is WHERE else "np.choose"
                return TRAP.format(choice=name, name=node.primitive.name, fix=fix)
        return ZERO.format(name=node.primitive.name)

    def choices_after(self, node: Node) -> Iterator[tuple[Node, int]]:
        """The choices that this backward went through and that `node` is a branch of, the nearest first."""
        known = [reference() for reference in list(self.conditions)]
        for choice in sorted((c for c in known if c is not None and c.index > node.index), key=lambda c: c.index):
            for branch, parent in enumerate(choice.inputs):
                if isinstance(parent, Node) and node in operations(parent):
                    yield choice, branch

    def fix(self, node: Node, position: int, choice: Node, branch: int) -> str:
        """The code without the trap, in the user's own names where the source is at hand."""
        places = [self.places.get(weakref.ref(each)) for each in (node, choice)]
        written, chosen = (Place(*place).expression() if place else None for place in places)
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


class _Thread(threading.local):
    """The checker of the blocks that this thread is in."""

    checker: Checker | None = None


_thread = _Thread()


def opened() -> Checker:
    """This thread's checker, with one block more."""
    checker = _thread.checker or Checker()
    checker.open()
    return checker


def closed(checkers: list[Checker]) -> None:
    """One block less of this thread's checker, or of the last of `checkers`, if they were opened in another."""
    checker = _thread.checker if _thread.checker in checkers else checkers[-1]
    checkers.remove(checker)
    checker.close()


# The where-branch trap


def named(record: Record) -> str:
    """A result's name, if it has one, as the start of its description."""
    return "" if record.name is None else f"{record.name!r}, "


def infinite(option: Any) -> bool:
    """Whether an option is, or holds, an infinity."""
    array = np.asarray(option) if isinstance(option, float | complex | np.ndarray | np.generic) else np.zeros(0)
    return array.dtype.kind in "fc" and bool(np.isinf(array).any())


def taken(condition: Any, branch: int, is_where: bool, entries: Any) -> bool:
    """Whether a choice took the branch at any of these entries; if the shapes do not tell, then not."""
    condition = condition._values if isinstance(condition, Tensor) else np.asarray(condition)
    chosen = (condition.astype(bool) == (branch == 1)) if is_where else condition == branch
    try:
        return bool((np.broadcast_to(chosen, entries.shape) & entries).any())
    except ValueError:
        return False


def safe_value(primitive: Primitive, position: int) -> int:
    """A number inside of the operation's domain: 1 for most."""
    intervals = primitive.domain.intervals
    low, high = intervals[min(position, len(intervals) - 1)] if intervals else (-math.inf, math.inf)
    return next((value for value in (1, 0, 2) if low < value < high), 1)
