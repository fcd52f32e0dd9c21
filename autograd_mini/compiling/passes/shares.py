"""Runs of lines over large arrays are shared by threads: each computes some rows of all their results.

Between two runs the threads wait for each other, so a run holds no line that reads other rows of what it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.compiling.passes.joining import writes_anywhere
from autograd_mini.compiling.passes.ordering import changed_memory, may_end, old_readers
from autograd_mini.compiling.program import (
    VIEWS,
    Constant,
    Line,
    Program,
    Variable,
    is_copy,
    is_elementwise,
    join,
    reduction_of,
    variables_in,
)

ROWS, COLUMNS = "rows", "columns"
LEAST = 200_000  # of the estimated nanoseconds of a run from which on a second thread pays
LEAST_LINE = 5_000  # of those of a line, on average: threads take turns in Python between them


@dataclass(eq=False)
class Ways:
    """How a line reads and writes what it is given if it computes some rows of its result; other operands as a whole.

    Attributes
    ----------
    rows : int
        How many the result has.
    of : dict
        For the result and operands, "rows" or "columns".
    """

    rows: int
    of: dict[Any, str]


@dataclass(eq=False)
class Share:
    """Lines that threads share.

    Attributes
    ----------
    lines : list of Line
    ways : dict
        That of each line which computes; the others are views.
    """

    lines: list[Line]
    ways: dict[Line, Ways]

    def reads_by_rows(self, line: Line, variable: Variable) -> bool:
        """Whether a line of it reads none but the thread's own rows of an array."""
        return line in self.ways and self.ways[line].of.get(variable) == ROWS


def share_lines(program: Program) -> None:
    """Find the runs, and bring their lines together; `program.shares` tells for each line which it belongs to."""
    ways = {line: way for line in program.lines if (way := ways_of(line)) is not None}
    if sum(map(cost, ways)) < LEAST:
        return
    orders = [Scheduled(program, ways, in_order).shares for in_order in (True, False)]
    shares = min(orders, key=lambda shares: (not any(map(pays, shares)), sum(map(pays, shares))))
    paying = [share for share in shares if pays(share)]
    if not paying:
        return
    program.lines = [line for share in shares for line in share.lines]
    for share in paying:
        program.shares.update(dict.fromkeys(share.lines, share))


def pays(share: Share) -> bool:
    """Whether the lines take long enough, together and each."""
    together = sum(map(cost, share.ways))
    return bool(share.ways) and together >= LEAST and together >= LEAST_LINE * len(share.ways)


class Scheduled:
    """The lines in another order: those that must be computed alone and those that can be shared, by turns.

    Parameters
    ----------
    program : Program
    ways : dict
        Of the lines that can be shared.
    in_order : bool
        Whether a run of them ends before the first line that must be computed alone, even if others could go on: arrays
        then live no longer than they must, and threads may have to wait for each other more often.
    """

    def __init__(self, program: Program, ways: dict[Line, Ways], in_order: bool) -> None:
        self.program, self.ways, self.makers, self.in_order = program, ways, program.makers(), in_order
        self.views = {line for line in program.lines if is_view(line)}
        self.before = self.must_wait_for()
        self.done: set[Line] = set()
        self.shares: list[Share] = []
        pending = program.lines
        while pending:
            pending = self.turn(pending, self.can_be_alone)
            pending = self.turn(pending, self.can_join)

    def turn(self, pending: list[Line], fits: Callable[[Line, dict[Line, None]], bool]) -> list[Line]:
        """One run, of the lines that fit; what is left."""
        taken: dict[Line, None] = {}
        left, ended = [], False
        for line in pending:
            if not ended and fits(line, taken):
                taken[line] = None
            else:
                left.append(line)
                ended = ended or (self.in_order and fits == self.can_join and self.is_alone(line))
        self.done.update(taken)
        if taken:
            self.shares.append(Share([*taken], {line: self.ways[line] for line in taken if line in self.ways}))
        return left

    def is_alone(self, line: Line) -> bool:
        """Whether a line computes something that only one thread can."""
        return line not in self.ways and line not in self.views and line.function is not join

    def can_be_alone(self, line: Line, taken: dict[Line, None]) -> bool:
        return line not in self.ways and all(other in self.done or other in taken for other in self.before[line])

    def can_join(self, line: Line, taken: dict[Line, None]) -> bool:
        """Whether a line can be in the run that is being made, or shows something of it."""
        if line not in self.ways and line not in self.views:
            return False
        for other, changed in self.before[line].items():
            if other in self.done:
                continue
            if other not in taken or not self.keeps_to_rows(line, other, changed):
                return False
        return True

    def keeps_to_rows(self, line: Line, other: Line, changed: list[Variable]) -> bool:
        """Whether a thread can compute its rows of a line when only its rows of another are done.

        `changed` are the arrays, read by the other, that the line writes into.
        """
        if line in self.views:
            return True
        way, way_of_other = self.ways[line], self.ways.get(other)
        if changed and way_of_other is not None:
            old = [v for v in other.reads() if v in changed]
            alike = all(v.shape == line.result.shape and way_of_other.of.get(v) == ROWS for v in old)
            if not old or not alike:
                return False
        read = [v for v in line.reads() if self.makers.get(v) is other]
        return all(way.of.get(v) == ROWS and self.shows_rows(v) for v in read)

    def shows_rows(self, variable: Variable) -> bool:
        """Whether each row of a view shows memory of the same row of the array that it is one of."""
        line = self.makers.get(variable)
        while line in self.views and line not in self.done:
            if not keeps_rows(line):
                return False
            line = self.makers.get(line.args[0])
        return True

    def must_wait_for(self) -> dict[Line, dict[Line, list[Variable]]]:
        """For each line those that come before it, with the arrays that they read and the line changes."""
        lines, before = self.program.lines, {}
        changed = changed_memory(self.program)
        readers = old_readers(self.program, changed, set())
        ends = [line for line in lines if may_end(line)]
        effects: list[Line] = []
        for line in lines:
            found: dict[Line, list[Variable]] = {self.makers[v]: [] for v in line.reads() if v in self.makers}
            for result in line.results:
                for reader in readers.get(result, ()):
                    if reader in before:
                        found.setdefault(reader, []).extend(changed[result])
            others = [end for end in ends if end in before] if line.phase == "update" else []
            if not line.pure or line.called:
                others += effects[-1:]
                effects.append(line)
            for other in others:
                found.setdefault(other, [])
            before[line] = found
        return before


def is_view(line: Line) -> bool:
    """Whether a line computes nothing."""
    simple = line.function in VIEWS and not line.called and len(line.results) == 1 and line.result.view
    return simple and isinstance(line.args[0], Variable) and not list(variables_in(line.args[1:]))


def keeps_rows(line: Line) -> bool:
    """Whether each row of a view shows memory of the same row of its operand."""
    operand, result, function, rest = line.args[0], line.result, line.function, line.args[1:]
    if not operand.shape or not result.shape or operand.shape[0] != result.shape[0] or operand.strides is not None:
        return False
    if function is np.reshape:
        return set(line.options) <= {"shape"}
    if function is np.broadcast_to:
        return len(operand.shape) == len(result.shape)
    if function is np.expand_dims:
        return 0 not in np.atleast_1d([*rest, *line.options.values()][0])
    return False


def ways_of(line: Line) -> Ways | None:
    """How a line computes some rows of its result; None if it cannot."""
    if len(line.results) != 1 or line.errors or line.called or line.packed or not line.result.is_array:
        return None
    shape = line.result.shape
    if not shape or shape[0] < 2:
        return None
    found = parts_of(line)
    if found is None or not (writes_anywhere(line) or is_copy(line)):
        return None
    of: dict[Any, str] = {line.result: ROWS}
    for operand, part in zip(line.args, found, strict=True):
        if isinstance(operand, Variable | Constant) and of.setdefault(operand, part) != part:
            return None
    return Ways(shape[0], of)


def parts_of(line: Line) -> list[str] | None:
    """Which part of each operand some rows of the result come from: rows, columns, or "" for all of it."""
    function, shape, args = line.function, line.result.shape, line.args
    if is_elementwise(function) and not line.options:
        return [own_rows(operand, shape) for operand in args]
    if is_copy(line):
        return [own_rows(args[0], shape), *[""] * (len(args) - 1)]
    if function is np.matmul and not line.options and all(isinstance(a, Variable | Constant) for a in args):
        left, right = args
        if len(left.shape) == 1:
            return ["", COLUMNS] if len(right.shape) == 2 else None
        if len(shape) > 2:
            return [own_rows(left, shape), own_rows(right, shape)]
        return [ROWS, ""]
    if reduction_of(function) is not None and set(line.options) <= {"axis", "keepdims"} and len(args) == 1:
        (operand,) = args
        axis = line.options.get("axis", 0)
        if not isinstance(operand, Variable | Constant) or not operand.shape or axis is None:
            return None
        axes = {a % len(operand.shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
        if 0 not in axes:
            return [ROWS]
        if axes == {0} and len(operand.shape) == 2 and not line.options.get("keepdims"):
            return [COLUMNS]
    return None


def own_rows(operand: Any, shape: tuple[int, ...]) -> str:
    """Whether an operand that is broadcast has rows of its own for those of the result."""
    own = operand.shape if isinstance(operand, Variable | Constant) else ()
    return ROWS if len(own) == len(shape) and own[0] == shape[0] else ""


def cost(line: Line) -> float:
    """Roughly, in nanoseconds: of products 32 a nanosecond, of what is done entry by entry 3 entries."""
    size = line.result.size
    arrays = [a for a in line.args if isinstance(a, Variable | Constant)]
    if line.function is np.matmul:
        return size * arrays[0].shape[-1] / 32
    return max([size, *(a.size for a in arrays)]) / 3
