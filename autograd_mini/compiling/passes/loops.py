"""Runs of element-wise lines as one loop each, which Numba compiles; only operations that round as NumPy's do."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_mini.compiling.program import Constant, Line, Program, Variable, shape_of

ARITHMETIC: dict[Any, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.square: "{0} * {0}",
    np.sqrt: "np.sqrt({})",
    np.absolute: "abs({})",
    np.maximum: "{0} if ({0} > {1}) | ({0} != {0}) else {1}",
    np.minimum: "{0} if ({0} < {1}) | ({0} != {0}) else {1}",
}
COMPARISONS: dict[Any, str] = {
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
    np.isnan: "{0} != {0}",
}
LOGIC: dict[Any, str] = {
    np.logical_and: "{} & {}",
    np.logical_or: "{} | {}",
    np.logical_xor: "{} ^ {}",
    np.logical_not: "not {}",
}
WHERE = "{1} if {0} else {2}"
BROAD = 16  # entries of a row from which on an inner loop along it pays
MOST = 16  # pairs of arrays of which one is written, that LLVM compares before it computes several entries at once


@dataclass(eq=False)
class Loop:
    """Lines of one shape that are computed entry by entry.

    Attributes
    ----------
    lines : list of Line
    inside : set of Variable
        The results that nothing else reads, which are in no memory.
    """

    lines: list[Line]
    inside: set[Variable] = field(default_factory=set)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.lines[0].result.shape


def find_loops(program: Program) -> None:
    """Find the runs; `program.loops` tells for each of their lines which it belongs to."""
    gather(program)
    readers, needed = program.readers(), set(program.outputs())
    needed |= {member for joined in program.joined for member in (joined.vector, *joined.members)}
    run: list[Line] = []
    for line in [*program.lines, None]:
        can_be = line is not None and fits(line) and line not in program.shares
        if line is not None and can_be and (not run or is_alike(program, run[-1], line)):
            run.append(line)
            if pairs(run, inside_of(run, readers, needed)) <= MOST:
                continue
            run.pop()
        if len(run) > 1:
            loop = Loop(run, inside_of(run, readers, needed))
            program.loops.update(dict.fromkeys(run, loop))
        run = [line] if line is not None and can_be else []


def gather(program: Program) -> None:
    """Move lines of NumPy up before a run that they stand in the midst of and do not depend on."""
    lines: list[Line] = []
    start = 0  # of the run that is going on
    made: set[Variable] = set()
    for line in program.lines:
        can_be = fits(line) and line not in program.shares
        if can_be and (start == len(lines) or is_alike(program, lines[-1], line)):
            lines.append(line)
            made.update(line.results)
        elif (
            line.pure
            and not line.called
            and line.results
            and line not in program.tiles
            and line not in program.shares
            and not fits(line)
            and (made.isdisjoint(line.reads()) and start < len(lines) and program.tiles.get(lines[-1]) is None)
        ):
            lines.insert(start, line)
            start += 1
        else:
            lines.append(line)
            start = len(lines) - 1 if can_be else len(lines)
            made = set(line.results)
    program.lines = lines


def is_alike(program: Program, line: Line, other: Line) -> bool:
    """Whether two lines can be in one loop."""
    tiles = program.tiles
    same = line.result.shape == other.result.shape and line.errors == other.errors
    return same and tiles.get(line) is tiles.get(other) and line.phase == other.phase


def inside_of(run: list[Line], readers: dict[Variable, list[Line]], needed: set[Variable]) -> set[Variable]:
    """The results that only the run reads."""
    own = set(run)
    return {line.result for line in run if line.result not in needed and own.issuperset(readers.get(line.result, ()))}


def pairs(run: list[Line], inside: set[Variable]) -> int:
    """How many pairs of arrays there are of which one is written."""
    made = {line.result for line in run}
    written = len(made - inside)
    read = {v for line in run for v in line.reads() if v.is_array and v.shape} - made
    return written * len(read) + written * (written - 1) // 2


def fits(line: Line) -> bool:
    """Whether a line can be in a loop: by its function, its dtypes, and the shapes of its operands."""
    if len(line.results) != 1 or not line.result.is_array or line.options or line.called:
        return False
    result, expression = line.result, expression_of(line.function)
    if not expression or not result.shape or not result.size or result.strides is not None:
        return False
    kind = dtype_of(line)
    if kind is None or result.dtype != (np.dtype(bool) if line.function in COMPARISONS | LOGIC else kind):
        return False
    return all(is_operand(value, line, kind, i) for i, value in enumerate(line.args))


def expression_of(function: Any) -> str:
    """What an entry of a result is, in terms of those of the operands; empty if it is not known to be NumPy's."""
    if function in (np.maximum, np.minimum) and not second_of_equals():
        return ""
    try:
        return {**ARITHMETIC, **COMPARISONS, **LOGIC, np.where: WHERE}.get(function, "")
    except TypeError:  # what cannot be a key is another's
        return ""


@functools.cache
def second_of_equals() -> bool:
    """Whether NumPy's maximum of zeros is the second of them here, as in a loop; that differs between processors."""
    counts = (1, 3, 4, 7, 16, 33, 67)
    found = []
    for dtype in (np.float32, np.float64):
        for count in counts:
            plus, minus = np.full(count, 0.0, dtype), np.full(count, -0.0, dtype)
            for function in (np.maximum, np.minimum):
                found.append(not np.signbit(function(minus, plus)).any() and np.signbit(function(plus, minus)).all())
    return all(found)


def dtype_of(line: Line) -> Any:
    """The dtype in which a line computes; None if there is not one only, or no loop for it."""
    arrays = [a for a in line.args if isinstance(a, Constant) or (isinstance(a, Variable) and a.is_array)]
    kinds = {a.dtype for a in arrays if a.dtype.kind != "b"}
    if line.function in LOGIC:
        return np.dtype(bool) if not kinds and len(arrays) == len(line.args) else None
    if line.function in COMPARISONS and any(a.dtype.kind == "b" for a in arrays):
        return None
    if line.function is np.where and (not kinds or getattr(line.args[0], "dtype", None) != np.dtype(bool)):
        return None
    kind = kinds.pop() if len(kinds) == 1 else None
    return kind if kind is not None and kind.char in "fd" and kind.isnative else None


def is_operand(value: Any, line: Line, kind: Any, place: int) -> bool:
    """Whether a loop can read a value."""
    if isinstance(value, Variable) and not value.is_array:
        return value.kind == "number"
    if not isinstance(value, Variable | Constant):
        return type(value) in (int, float) and (not math.isfinite(value) or bool(abs(value) <= np.finfo(kind).max))
    is_truth = value.dtype.kind == "b" and kind.kind != "b" and not (line.function is np.where and place == 0)
    if is_truth and line.function not in (np.add, np.subtract, np.multiply, np.divide, np.where):
        return False
    return index_of(value, line.result.shape) is not None


def index_of(value: Any, shape: tuple[int, ...]) -> str | None:
    """Which entry of an operand belongs to an entry of a result, as text in brackets; None if no loop reads it so.

    "i" for an array of the result's shape: the loop takes it as a vector, or as rows of them where others are
    broadcast.
    """
    own = shape_of(value)
    if not own:
        return ""
    if own == shape:
        strided = value.strides is not None if isinstance(value, Variable) else not value.value.flags.c_contiguous
        return None if strided or getattr(value, "view", False) else "i"
    if math.prod(own) == 1 and len(own) <= len(shape):
        return ", ".join("0" for _ in own)
    if shape[-1] < BROAD:
        return None
    if own == shape[-1:]:
        return "j"
    if len(shape) == 2 and own == (1, shape[1]):
        return "0, j"
    return "i, 0" if len(shape) == 2 and own == (shape[0], 1) else None
